/* SPDX-License-Identifier: Apache-2.0 */
/* `providers`: a name of the catalogue brings everything and may be overridden; any other name says everything
 * itself. */
#include "config/config_internal.h"

enum {
	PROVIDERS_MAX = 1000,
	PRIORITY_DEFAULT = 100,
	PRIORITY_MAX = 1000000,
	PROVIDER_RETRIES_MAX = 10,
	NAME_MAX_LENGTH = 64,
	HEALTH_EVERY_MS = 30000
};

static void keep_dialect(struct reader *r, struct yaml v, void *into)
{
	((struct provider_draft *)into)->dialect = v;
}

static void keep_base_url(struct reader *r, struct yaml v, void *into)
{
	((struct provider_draft *)into)->base_url = v;
}

static void keep_auth(struct reader *r, struct yaml v, void *into)
{
	((struct provider_draft *)into)->auth = v;
}

static void keep_keys(struct reader *r, struct yaml v, void *into)
{
	((struct provider_draft *)into)->keys = v;
	if (yaml_kind(v) == YAML_NOTHING)
		problem(r, v, "'keys' is empty: leave it out, or write at least one key");
}

static void keep_models(struct reader *r, struct yaml v, void *into)
{
	((struct provider_draft *)into)->models = v;
	if (yaml_kind(v) == YAML_NOTHING)
		problem(r, v, "'models' is empty: leave it out, or list at least one model");
}

static void keep_operations(struct reader *r, struct yaml v, void *into)
{
	((struct provider_draft *)into)->operations = v;
}

static void keep_usage(struct reader *r, struct yaml v, void *into)
{
	((struct provider_draft *)into)->usage = v;
}

static void keep_quirks(struct reader *r, struct yaml v, void *into)
{
	((struct provider_draft *)into)->quirks = v;
}

static void keep_quality(struct reader *r, struct yaml v, void *into)
{
	((struct provider_draft *)into)->quality = v;
}

static void read_health(struct reader *r, struct yaml v, void *into)
{
	health_read(r, v, ((struct provider_draft *)into)->provider);
}

static void read_priority(struct reader *r, struct yaml v, void *into)
{
	int64_t priority;

	if (value_integer(r, v, 0, PRIORITY_MAX, &priority))
		((struct provider_draft *)into)->provider->priority = (int)priority;
}

static void read_spread(struct reader *r, struct yaml v, void *into)
{
	value_bool(r, v, &((struct provider_draft *)into)->provider->spread);
}

static void read_region(struct reader *r, struct yaml v, void *into)
{
	value_text(r, v, &((struct provider_draft *)into)->provider->region);
}

static void read_zero_retention(struct reader *r, struct yaml v, void *into)
{
	value_bool(r, v, &((struct provider_draft *)into)->provider->zero_retention);
}

static void read_timeout(struct reader *r, struct yaml v, void *into)
{
	section_read(r, &section_timeout, v, &((struct provider_draft *)into)->provider->timeout);
}

static void read_retries(struct reader *r, struct yaml v, void *into)
{
	int64_t retries;

	if (value_integer(r, v, 0, PROVIDER_RETRIES_MAX, &retries))
		((struct provider_draft *)into)->provider->retries = (int)retries;
}

static void read_http(struct reader *r, struct yaml v, void *into)
{
	static const char *const words[] = { "auto", "1", "2", NULL };
	static const enum http_version_choice choices[] = { HTTP_AUTO, HTTP_1, HTTP_2 };
	unsigned word;

	if (value_word(r, v, words, NULL, &word))
		((struct provider_draft *)into)->provider->http = choices[word];
}

static void keep_tls(struct reader *r, struct yaml v, void *into)
{
	((struct provider_draft *)into)->tls = v;
}

static const struct key provider_keys[] = {
	{ "dialect", "word, list, or map of dialect: base URL", "of the catalogue",
	  "Wire formats spoken there, preferred first: `openai-chat`, `openai-responses`, `anthropic`, `gemini`.",
	  keep_dialect },
	{ "base_url", "URL", "of the catalogue", "What that dialect's official SDK takes as its base URL.",
	  keep_base_url },
	{ "auth", "bearer, header:NAME, sigv4, google, azure or none", "of the dialect",
	  "How weir pays there: the key as a header, a signature, or tokens.", keep_auth },
	{ "keys", "text, map, or a list", "the key variable",
	  "Credentials. A conversation stays with one; the others stand by.", keep_keys },
	{ "spread", "true or false", "false", "Rotate the keys instead.", read_spread },
	{ "models", "list, or map of public id: own id", "all of the catalogue's",
	  "What it serves; complete where given.", keep_models },
	{ "operations", "word, or a list", "all it can",
	  "Narrows: `chat`, `completions`, `embeddings`, `count_tokens`, `compact`.", keep_operations },
	{ "priority", "number", "100", "Smaller is tried first; ties in file order.", read_priority },
	{ "region", "text", "none", "Where it runs: what `require` asks for.", read_region },
	{ "zero_retention", "true or false", "false", "Whether it keeps nothing, by contract: what `require` asks for.",
	  read_zero_retention },
	{ "quality", "number, or map of public id: number", "by tier",
	  "How good it is, 0 to 100, for `prefer: quality`: your evaluation's number.", keep_quality },
	{ "health", "off, connect, models, or map", "off",
	  "How it is looked after between requests, without cost: a connection, or its list of models.", read_health },
	{ "timeout", "map", "of `defaults`", "Bounds of one attempt there.", read_timeout },
	{ "retries", "0 to 10", "of `defaults`", "Further tries of the same target there.", read_retries },
	{ "usage_in_stream", "asked, always or never", "of the dialect",
	  "When its streams report tokens: only when asked by `stream_options`, always, never.", keep_usage },
	{ "quirks", "word, or a list", "of the catalogue",
	  "How it differs from its dialects, complete where given: the names of docs/providers.md.", keep_quirks },
	{ "tls", "map", "none", "Its own certificate authority, or a client certificate.", keep_tls },
	{ "http", "auto, 1 or 2", "auto",
	  "HTTP version: auto finds it by ALPN, and is 1.1 on `http://`; 2 is demanded, on `http://` without asking.",
	  read_http },
	{ 0 }
};
const struct section section_provider = { "providers.NAME", "a provider", provider_keys };

struct tls_draft {
	struct slice ca, certificate, key;
};

static void read_ca(struct reader *r, struct yaml v, void *into)
{
	value_text(r, v, &((struct tls_draft *)into)->ca);
}

static void read_certificate(struct reader *r, struct yaml v, void *into)
{
	value_text(r, v, &((struct tls_draft *)into)->certificate);
}

static void read_certificate_key(struct reader *r, struct yaml v, void *into)
{
	value_text(r, v, &((struct tls_draft *)into)->key);
}

static const struct key provider_tls_keys[] = {
	{ "ca", "path", "the system's",
	  "PEM file with the authorities trusted there, instead of the system's.", read_ca },
	{ "certificate", "path", "none", "PEM file, client certificate.", read_certificate },
	{ "key", "path", "none", "PEM file, its private key.", read_certificate_key },
	{ 0 }
};
const struct section section_provider_tls = { "providers.NAME.tls", "'tls'", provider_tls_keys };

static const char *path_or_null(struct reader *r, struct slice path)
{
	return path.len ? arena_cstr(r->arena, path) : NULL;
}

static struct tls_context *make_tls(struct reader *r, struct yaml where, const struct tls_draft *files,
				    enum http_version_choice http)
{
	struct tls_client_options options = {
		.ca_file = path_or_null(r, files->ca),
		.certificate_file = path_or_null(r, files->certificate),
		.key_file = path_or_null(r, files->key),
		.http2 = http != HTTP_1,
	};
	struct tls_context *context;
	char error[256] = "";

	context = tls_client_new(&options, error, sizeof(error));
	if (!context)
		problem(r, where, "TLS cannot be set up: %s", error);
	return context;
}

static void tls_read(struct reader *r, struct provider_draft *d)
{
	struct tls_draft files = { 0 };
	enum http_version_choice http = d->provider->http;
	struct tls_context **shared = http == HTTP_1 ? &r->client_tls_http1 : &r->client_tls;
	bool needed = false;

	section_read(r, &section_provider_tls, d->tls, &files);
	for (unsigned i = 0; i < d->provider->binding_count; i++)
		needed |= d->provider->bindings[i].base.tls;
	if (!needed) {
		if (yaml_kind(d->tls) != YAML_NOTHING && d->provider->binding_count)
			problem(r, d->tls, "'tls' is set, but no base URL here begins with https://");
		return;
	}
	if ((files.certificate.len > 0) != (files.key.len > 0)) {
		problem(r, d->tls, "a client certificate needs both 'certificate' and 'key'");
		return;
	}
	if (files.ca.len || files.certificate.len) {
		d->provider->tls = make_tls(r, d->tls, &files, http);
		return;
	}
	if (!*shared)
		*shared = make_tls(r, d->place, &files, http);
	if (*shared)
		d->provider->tls = tls_context_ref(*shared);
}

static bool is_provider_name(struct slice name)
{
	if (name.len == 0 || name.len > NAME_MAX_LENGTH)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_' || c == '.'))
			return false;
	}
	return true;
}

static struct provider *provider_init(struct reader *r, struct slice name, const struct catalogue_provider *known)
{
	struct config *c = r->config;
	struct provider *p = &c->routing.providers[c->routing.provider_count];

	p->name = name;
	p->foreign = !known || known->local;
	p->priority = PRIORITY_DEFAULT;
	p->order = c->routing.provider_count;
	p->timeout = r->timeout;
	p->retries = r->retries;
	p->health_every_ms = HEALTH_EVERY_MS;
	c->routing.provider_count++;
	map_put(&c->routing.provider_by_name, p->name, p);
	return p;
}

static void provider_parts(struct reader *r, struct provider_draft *d)
{
	bindings_read(r, d);
	if (d->provider->lacks_address) {
		d->provider->needs_key = true;
	} else {
		tls_read(r, d);
		credentials_read(r, d);
	}
	offers_read(r, d);
}

static void read_from_file(struct reader *r, const struct yaml_member *m)
{
	struct provider_draft d = { .place = m->place, .known = catalogue_find_provider(m->key) };

	if (!is_provider_name(m->key)) {
		problem(r, m->place, "'%.*s' is no name for a provider: letters, digits, '-', '_' and '.'",
			SLICE_ARG(m->key));
		return;
	}
	d.provider = provider_init(r, m->key, d.known);
	section_read(r, &section_provider, m->value, &d);
	provider_parts(r, &d);
}

static bool has_address(struct reader *r, const struct catalogue_provider *known)
{
	struct slice base, missing;

	for (unsigned i = 0; i < known->binding_count; i++)
		if (address_find(r->arena, &known->bindings[i], &base, &missing))
			return true;
	return false;
}

/* Who has a key and an address there, in the catalogue's order. */
static void read_from_environment(struct reader *r, bool resellers)
{
	for (unsigned i = 0; i < catalogue_provider_count; i++) {
		const struct catalogue_provider *known = &catalogue_providers[i];
		struct provider_draft d = { .known = known };

		if (known->reseller != resellers || known->local || !credential_from_environment(known).ptr ||
		    !has_address(r, known))
			continue;
		d.provider = provider_init(r, slice_cstr(known->name), known);
		provider_parts(r, &d);
	}
}

static void nobody_found(struct reader *r)
{
	struct slice variables = SLICE("");

	/* The makers' own: a sentence, not a list of everybody. */
	for (unsigned i = 0; i < catalogue_provider_count; i++)
		if (!catalogue_providers[i].reseller && !catalogue_providers[i].local)
			variables = arena_printf(r->arena, "%.*s%s%s", SLICE_ARG(variables), variables.len ? ", " : "",
						 catalogue_providers[i].key_variables[0]);
	if (r->config->file.len > 0)
		warning(r, (struct yaml){ 0 }, "no provider: 'providers' is not written, and none of %.*s is set",
			SLICE_ARG(variables));
	else
		problem(r, (struct yaml){ 0 },
			"no provider: set one of %.*s, or write a weir.yaml; to look around without a key, "
			"run `weir demo`",
			SLICE_ARG(variables));
}

void providers_read(struct reader *r)
{
	struct yaml_member *members;
	unsigned count = 0;

	if (r->has_providers)
		count = yaml_members(r, r->providers, "'providers'", &members);
	if (count > PROVIDERS_MAX) {
		problem(r, r->providers, "more than %d providers", PROVIDERS_MAX);
		return;
	}
	r->config->routing.providers =
		arena_array(r->arena, struct provider, r->has_providers ? count : catalogue_provider_count);
	for (unsigned i = 0; i < count; i++)
		read_from_file(r, &members[i]);
	if (r->has_providers)
		return;
	read_from_environment(r, false);
	read_from_environment(r, true);
	if (r->config->routing.provider_count == 0)
		nobody_found(r);
}
