/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a configuration, its lifetime, and what is asked of it at run time. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "base/buf.h"
#include "config/config_internal.h"
#include "provider/token.h"

static _Atomic uint64_t published;     /* counts configurations that were good */

static void reader_init(struct reader *r, const char *file, struct config_report *report)
{
	struct config *c = xcalloc(1, sizeof(*c));

	*r = (struct reader){ .config = c, .report = report, .arena = &c->arena };
	report_init(report, file);
	arena_init(&c->arena);
	c->references = 1;
	c->file = arena_dup(&c->arena, slice_cstr(file));
	map_init(&c->routing.provider_by_name);
	map_init(&c->routing.model_by_name);
	map_init(&r->foreign_models);
	defaults_init(r);
	server_init(r);
}

/* Hands the configuration out, or frees it when anything is wrong. */
static struct config *reader_done(struct reader *r)
{
	struct config *c = r->config;

	map_done(&r->foreign_models);
	r->client_tls = tls_context_unref(r->client_tls);
	r->client_tls_http1 = tls_context_unref(r->client_tls_http1);
	report_sort(r->report);
	if (r->report->errors > 0)
		return config_unref(c);
	c->version = atomic_fetch_add(&published, 1) + 1;
	return c;
}

static void read_proxies(struct reader *r)
{
	const char *error = NULL;

	if (!proxy_settings_from_environment(r->arena, &r->config->proxies, &error))
		problem(r, (struct yaml){ 0 }, "the proxy named by the environment cannot be used: %s", error);
}

/* Where this weir runs: what rules match with `region`. */
static void read_region(struct reader *r)
{
	r->config->routing.region = arena_dup(r->arena, slice_cstr(getenv("WEIR_REGION")));
}

/* In the order in which one part needs another. */
static void read_parts(struct reader *r)
{
	defaults_finish(r);
	providers_read(r);
	read_region(r);
	models_read(r);
	rules_read(r);
	server_finish(r);
	read_proxies(r);
}

static void read_text(struct reader *r, struct slice text)
{
	struct fy_document *document = NULL;
	struct yaml root;

	if (text.len > CONFIG_TEXT_MAX) {
		problem(r, (struct yaml){ 0 }, "the file is larger than %d MB", CONFIG_TEXT_MAX >> 20);
	} else if (yaml_parse(r, text, &document, &root)) {
		section_read(r, &section_top, root, NULL);
		read_parts(r);
	}
	yaml_done(document);
}

struct config *config_parse(struct slice text, const char *name, struct config_report *report)
{
	struct reader r;

	reader_init(&r, name, report);
	read_text(&r, text);
	return reader_done(&r);
}

static bool read_file(struct reader *r, const char *path, struct buf *ret)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		problem(r, (struct yaml){ 0 }, "the file cannot be read: %s", strerror(errno));
		return false;
	}
	for (;;) {
		char *space = buf_reserve(ret, 64 << 10);
		ssize_t n = space ? read(fd, space, 64 << 10) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			problem(r, (struct yaml){ 0 }, "the file cannot be read: %s", strerror(errno));
		if (!space || n <= 0)
			return n >= 0;
		buf_commit(ret, (size_t)n);
	}
}

struct config *config_load(const char *path, struct config_report *report)
{
	_cleanup_(buf_done) struct buf text;
	struct reader r;

	/* One chunk over the limit, so that what is too large is seen to be. */
	buf_init(&text, CONFIG_TEXT_MAX + (128 << 10));
	reader_init(&r, path ? path : "", report);
	if (!path)
		read_parts(&r);
	else if (read_file(&r, path, &text))
		read_text(&r, buf_slice(&text));
	return reader_done(&r);
}

struct config *config_ref(struct config *c)
{
	atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
	return c;
}

/* What does not lie in the arena. */
static void provider_done(struct provider *p)
{
	p->tls = tls_context_unref(p->tls);
	for (unsigned i = 0; i < p->key_count; i++)
		p->keys[i].source = token_source_unref(p->keys[i].source);
}

static void config_free(struct config *c)
{
	for (unsigned i = 0; i < c->routing.provider_count; i++)
		provider_done(&c->routing.providers[i]);
	for (unsigned i = 0; i < c->secret_count; i++)
		secret_free(c->secrets[i]);
	free(c->secrets);
	secret_free(c->admin_token);
	tls_context_unref(c->server_tls);
	map_done(&c->routing.provider_by_name);
	map_done(&c->routing.model_by_name);
	arena_done(&c->arena);
	free(c);
}

struct config *config_unref(struct config *c)
{
	if (c && atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) == 1)
		config_free(c);
	return NULL;
}

const char *config_needs_restart(const struct config *old, const struct config *new)
{
	bool same = old->listen_count == new->listen_count;

	for (unsigned i = 0; same && i < old->listen_count; i++)
		same = slice_eq(old->listen[i].text, new->listen[i].text);
	if (!same)
		return "listen";
	if (!slice_eq(old->admin.text, new->admin.text))
		return "admin.listen";
	if (old->workers != new->workers)
		return "workers";
	return slice_eq(slice_cstr(old->store_path), slice_cstr(new->store_path)) ? NULL : "store";
}

const struct api_key *config_find_key(const struct config *c, struct slice presented)
{
	const struct api_key *found = NULL;
	unsigned char digest[32];

	secret_digest(presented, digest);
	/* All of them are looked at: how long it takes says nothing about which one it was. */
	for (unsigned i = 0; i < c->key_count; i++)
		if (digest_eq(c->keys[i].digest, digest))
			found = &c->keys[i];
	return found;
}
