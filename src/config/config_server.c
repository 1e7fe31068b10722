/* SPDX-License-Identifier: Apache-2.0 */
/* What the process itself is: where it listens, how many workers, its certificate, who may call, its limits; and the
 * top level of the file. Closed by default: what would open it to the network without a key or token is an error
 * here. */
#include <sched.h>
#include "config/config_internal.h"
#include "store/place.h"

enum { WORKERS_MAX = 256, LISTEN_MAX = 16 };

static bool listen_address(struct reader *r, struct yaml v, struct listen_on *ret)
{
	const char *error = NULL;

	if (!value_text(r, v, &ret->text))
		return false;
	if (address_parse(ret->text, &ret->address, &error))
		return true;
	problem(r, v, "'%.*s' is no address to listen on: %s", SLICE_ARG(yaml_text(v)), error);
	return false;
}

static void read_listen(struct reader *r, struct yaml v, void *into)
{
	struct config *c = r->config;
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items);

	r->listen_place = v;
	if (count == 0 || count > LISTEN_MAX) {
		problem(r, v, "'listen' is one address or a list of up to %d", LISTEN_MAX);
		return;
	}
	c->listen = arena_array(r->arena, struct listen_on, count);
	c->listen_count = 0;
	for (unsigned i = 0; i < count; i++) {
		struct listen_on *l = &c->listen[c->listen_count];
		bool twice = false;

		if (!listen_address(r, items[i], l))
			continue;
		for (unsigned j = 0; j < c->listen_count; j++)
			twice |= slice_eq(c->listen[j].text, l->text);
		if (twice)
			problem(r, items[i], "'%.*s' stands twice", SLICE_ARG(yaml_text(items[i])));
		else
			c->listen_count++;
	}
}

static void read_admin_listen(struct reader *r, struct yaml v, void *into)
{
	r->admin_listen_place = v;
	listen_address(r, v, &r->config->admin);
}

static void read_admin_token(struct reader *r, struct yaml v, void *into)
{
	struct slice token;

	if (!value_text(r, v, &token))
		return;
	if (token.len == 0) {
		problem(r, v, "the admin token is empty");
		return;
	}
	r->config->admin_token = secret_new(token);
}

static const struct key admin_keys[] = {
	{ "listen", "address", "127.0.0.1:8485", "Where health, metrics, API and dashboard are served.",
	  read_admin_listen },
	{ "token", "text", "none",
	  "What `/readyz`, `/metrics` and `/api` ask for as a Bearer token. Required off loopback.", read_admin_token },
	{ 0 }
};
const struct section section_admin = { "admin", "'admin'", admin_keys };

static void read_admin(struct reader *r, struct yaml v, void *into)
{
	section_read(r, &section_admin, v, into);
}

static unsigned usable_cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
		return (unsigned)CPU_COUNT(&set);
	return 1;
}

static void read_workers(struct reader *r, struct yaml v, void *into)
{
	int64_t workers;

	if (slice_eq(yaml_text(v), SLICE("auto")))
		return;
	if (value_integer(r, v, 1, WORKERS_MAX, &workers))
		r->config->workers = (unsigned)workers;
}

/* What is written is not quoted: it may hold a password. */
static void read_store(struct reader *r, struct yaml v, void *into)
{
	struct slice text, path;

	if (!value_text(r, v, &text))
		return;
	r->config->store_has_no_place = false;
	path = slice_starts_with(text, SLICE("sqlite:")) ? slice_after(text, 7) : slice_of(NULL, 0);
	if (slice_eq(text, SLICE("memory")))
		r->config->store_path = NULL;
	else if (slice_starts_with(path, SLICE("/")) && !slice_ends_with(path, SLICE("/")) &&
		 !memchr(path.ptr, '\0', path.len))
		r->config->store_path = arena_cstr(r->arena, path);
	else if (path.ptr)
		problem(r, v, "after 'sqlite:' the whole path of a file is needed: sqlite:/var/lib/weir/weir.db");
	else if (slice_starts_with(text, SLICE("postgres")))
		problem(r, v, "'postgres' comes later: this version does not have it yet");
	else
		problem(r, v, "'store' is memory, or sqlite:/PATH");
}

struct certificate {
	struct slice certificate, key;
};

static void read_certificate(struct reader *r, struct yaml v, void *into)
{
	value_text(r, v, &((struct certificate *)into)->certificate);
}

static void read_certificate_key(struct reader *r, struct yaml v, void *into)
{
	value_text(r, v, &((struct certificate *)into)->key);
}

static const struct key tls_keys[] = {
	{ "certificate", "path", "none", "PEM file, leaf certificate first.", read_certificate },
	{ "key", "path", "none", "PEM file with the certificate's private key.", read_certificate_key },
	{ 0 }
};
const struct section section_tls = { "tls", "'tls'", tls_keys };

static void read_tls(struct reader *r, struct yaml v, void *into)
{
	struct certificate files = { 0 };
	unsigned errors = r->report->errors;
	struct tls_server_options options = { .http2 = true };
	char error[256] = "";

	section_read(r, &section_tls, v, &files);
	if (r->report->errors > errors || yaml_kind(v) == YAML_NOTHING)
		return;
	if (!files.certificate.ptr || !files.key.ptr) {
		problem(r, v, "'tls' needs both 'certificate' and 'key'");
		return;
	}
	options.certificate_file = arena_cstr(r->arena, files.certificate);
	options.key_file = arena_cstr(r->arena, files.key);
	r->config->server_tls = tls_server_new(&options, error, sizeof(error));
	if (!r->config->server_tls)
		problem(r, v, "TLS cannot be set up: %s", error);
}

static void read_limit_body(struct reader *r, struct yaml v, void *into)
{
	value_size(r, v, &r->config->limits.body);
}

static void read_limit_bodies(struct reader *r, struct yaml v, void *into)
{
	value_size(r, v, &r->config->limits.bodies);
}

static void read_limit_hold(struct reader *r, struct yaml v, void *into)
{
	value_size(r, v, &r->config->limits.hold);
}

static void read_limit_event(struct reader *r, struct yaml v, void *into)
{
	value_size(r, v, &r->config->limits.event);
}

static const struct key limits_keys[] = {
	{ "body", "size", "64MB", "One request body, decoded; over it 413.", read_limit_body },
	{ "bodies", "size", "1GB", "All request bodies in flight; over it 503.", read_limit_bodies },
	{ "hold", "size", "8MB", "How much of a whole answer is judged before it is relayed.", read_limit_hold },
	{ "event", "size", "16MB", "One event of a stream.", read_limit_event },
	{ 0 }
};
const struct section section_limits = { "limits", "'limits'", limits_keys };

static void read_limits(struct reader *r, struct yaml v, void *into)
{
	r->limits_place = v;
	section_read(r, &section_limits, v, into);
}

static void keep_providers(struct reader *r, struct yaml v, void *into)
{
	r->providers = v;
	r->has_providers = true;
}

static void keep_models(struct reader *r, struct yaml v, void *into)
{
	r->models = v;
}

static void keep_routing(struct reader *r, struct yaml v, void *into)
{
	r->routing = v;
}

static void read_defaults(struct reader *r, struct yaml v, void *into)
{
	section_read(r, &section_defaults, v, into);
}

static const struct key top_keys[] = {
	{ "listen", "address, or a list", "[127.0.0.1:8484, \"[::1]:8484\"]",
	  "Where clients connect: `HOST:PORT`, or `unix:/path`.", read_listen },
	{ "admin", "map", "below", "The admin plane: its own listener and credential.", read_admin },
	{ "workers", "auto, or a number", "auto", "Threads that serve; auto: one per core this process may use.",
	  read_workers },
	{ "store", "memory, or sqlite:/PATH", "sqlite: in the state folder",
	  "Where what must survive a restart is kept.", read_store },
	{ "tls", "map", "none", "Certificate for `listen`; without it connections are plain.", read_tls },
	{ "keys", "list of maps", "none", "Who may call. Without any: loopback only, every key is accepted.",
	  keys_read },
	{ "providers", "map by name", "from the environment",
	  "Who answers. Left out: every catalogue provider whose key variable is set.", keep_providers },
	{ "models", "map by name", "none", "Aliases and groups: names of your own.", keep_models },
	{ "routing", "list of maps", "none", "Rules; the first that matches decides.", keep_routing },
	{ "defaults", "map", "below", "Times and tries.", read_defaults },
	{ "limits", "map", "below", "How large things may be.", read_limits },
	{ "shared", "", "", "", NULL },
	{ "teams", "", "", "", NULL },
	{ "budgets", "", "", "", NULL },
	{ "cache", "", "", "", NULL },
	{ "prices", "", "", "", NULL },
	{ "telemetry", "", "", "", NULL },
	{ "alerts", "", "", "", NULL },
	{ "retention", "", "", "", NULL },
	{ "guards", "", "", "", NULL },
	{ 0 }
};
const struct section section_top = { "", "a configuration", top_keys };

static void set_address(struct reader *r, struct listen_on *l, struct slice text)
{
	const char *error = NULL;

	l->text = arena_dup(r->arena, text);
	check(address_parse(l->text, &l->address, &error), "a built-in address does not parse");
}

void server_init(struct reader *r)
{
	struct config *c = r->config;

	c->listen = arena_array(r->arena, struct listen_on, 2);
	c->listen_count = 2;
	set_address(r, &c->listen[0], SLICE("127.0.0.1:8484"));
	set_address(r, &c->listen[1], SLICE("[::1]:8484"));
	set_address(r, &c->admin, SLICE("127.0.0.1:8485"));
	c->store_path = place_default(r->arena);
	c->store_has_no_place = !c->store_path;
	c->workers = usable_cores() < WORKERS_MAX ? usable_cores() : WORKERS_MAX;
	c->limits.body = (size_t)64 << 20;
	c->limits.bodies = (size_t)1 << 30;
	c->limits.hold = (size_t)8 << 20;
	c->limits.event = (size_t)16 << 20;
}

void server_finish(struct reader *r)
{
	struct config *c = r->config;

	for (unsigned i = 0; i < c->listen_count && c->key_count == 0; i++)
		if (!address_is_loopback(&c->listen[i].address))
			problem(r, r->listen_place,
				"without 'keys' anyone who reaches '%.*s' could spend your money: add keys "
				"([{ name: app, key: \"${APP_KEY}\" }]) or listen on 127.0.0.1",
				SLICE_ARG(c->listen[i].text));
	if (!c->admin_token && !address_is_loopback(&c->admin.address))
		problem(r, r->admin_listen_place,
			"without 'admin.token' anyone who reaches '%.*s' could watch and steer: add a "
			"token or listen on 127.0.0.1",
			SLICE_ARG(c->admin.text));
	if (c->limits.bodies < c->limits.body)
		problem(r, r->limits_place,
			"'limits.bodies' is smaller than 'limits.body': no body of that size would ever fit");
}
