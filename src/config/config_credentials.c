/* SPDX-License-Identifier: Apache-2.0 */
/* A provider's keys: written in the file, or in the environment under the catalogue's names. */
#include <stdlib.h>
#include "base/digits.h"
#include "config/config_internal.h"
#include "config/config_notation.h"
#include "provider/token.h"

static const int64_t TOKENS_PER_MINUTE_MAX = INT64_C(1000000000000);

struct slice credential_from_environment(const struct catalogue_provider *known)
{
	for (const char *const *variable = known->key_variables; *variable; variable++) {
		const char *value = getenv(*variable);

		if (value && *value)
			return slice_cstr(value);
	}
	return (struct slice){ 0 };
}

static void keep_secret(struct config *c, struct secret *secret)
{
	/* Not in the arena: grown by ones, freed with the configuration. */
	c->secrets = xrealloc(c->secrets, (c->secret_count + 1) * sizeof(*c->secrets));
	c->secrets[c->secret_count++] = secret;
}

static uint64_t fingerprint_of(struct slice key)
{
	unsigned char digest[32];
	uint64_t fingerprint = 0;

	secret_digest(key, digest);
	for (int i = 0; i < 8; i++)
		fingerprint = fingerprint << 8 | digest[i];
	return fingerprint;
}

/* The way in whose auth takes tokens, or NULL. A provider's ways in share its credentials. */
static const struct binding *token_binding(const struct provider *p)
{
	for (unsigned i = 0; i < p->binding_count; i++)
		if (token_advice(p->bindings[i].auth))
			return &p->bindings[i];
	return NULL;
}

static struct token_query token_query_of(const struct binding *b, bool metadata)
{
	return (struct token_query){
		.auth = b->auth, .scope = b->auth_scope, .region = b->auth_region, .metadata = metadata
	};
}

static void set_origins(struct reader *r, struct provider *p, struct credential *c)
{
	c->origins = arena_array(r->arena, struct origin, p->binding_count);
	for (unsigned i = 0; i < p->binding_count; i++)
		c->origins[i] = (struct origin){ .url = p->bindings[i].base,
						 .tls = p->bindings[i].base.tls ? p->tls : NULL,
						 .http = p->http,
						 .credential = c->fingerprint };
}

/* The reference becomes the credential's. */
static void add_source(struct reader *r, struct provider *p, struct yaml where, struct token_source *source)
{
	const struct binding *b = token_binding(p);
	struct credential *c = &p->keys[p->key_count++];
	struct slice secrets[TOKEN_SOURCE_SECRETS_MAX];
	unsigned count = token_source_secrets(source, secrets);

	*c = (struct credential){ .source = source, .weight = 1, .fingerprint = token_source_id(source) };
	digits_put_hex(c->name, c->fingerprint >> 32, 8);
	set_origins(r, p, c);
	for (unsigned i = 0; i < count; i++)
		keep_secret(r->config, secret_new(secrets[i]));
	if (b->auth == AUTH_SIGV4 && !b->auth_region.len)
		problem(r, where, "'%.*s' needs a 'region' to sign for, such as us-east-1; AWS_REGION is not set",
			SLICE_ARG(p->name));
}

static void add_credential(struct reader *r, struct provider *p, struct yaml where, struct slice key)
{
	struct credential *c = &p->keys[p->key_count];

	*c = (struct credential){ .name = "none", .weight = 1 };
	if (key.ptr) {
		if (key.len == 0 || !http_value_is_clean(key)) {
			problem(r, where,
				key.len ? "this key has characters that no header can carry" : "this key is empty");
			return;
		}
		c->secret = secret_new(key);
		c->fingerprint = fingerprint_of(key);
		secret_fingerprint(c->secret, c->name);
		keep_secret(r->config, c->secret);
	}
	set_origins(r, p, c);
	p->key_count++;
}

/* A key as it is written: what is sent, or what tokens are asked for with. */
static void add_key(struct reader *r, struct provider *p, struct yaml where, struct slice key)
{
	const struct binding *b = token_binding(p);
	struct token_finding found = { .text = key };
	const char *error = NULL;

	if (b && key.len) {
		struct token_query query = token_query_of(b, false);

		if (!token_read_key(&query, key, &found, &error)) {
			problem(r, where, "%s", error);
			return;
		}
	}
	if (found.source)
		add_source(r, p, where, found.source);
	else
		add_credential(r, p, where, found.text);
}

/* What the vendor's own SDKs would find, where the provider is written in a file. False: nothing, and nothing is said
 * of it yet. */
static bool add_found(struct reader *r, struct provider_draft *d, const struct binding *b)
{
	struct token_query query = token_query_of(b, true);
	struct token_finding found;
	const char *error = NULL;

	if (!token_find(&query, r->arena, &found, &error)) {
		problem(r, d->place, "no credential for '%.*s': %s", SLICE_ARG(d->provider->name), error);
		return true;
	}
	if (found.source)
		add_source(r, d->provider, d->place, found.source);
	else if (found.text.ptr)
		add_credential(r, d->provider, d->place, found.text);
	return d->provider->key_count > 0;
}

/* A key that says more than itself: { key: K, weight: 2, in_flight: 8 }. */
struct key_draft {
	struct yaml key;
	unsigned weight;
	struct key_limits limits;
};

static void keep_key(struct reader *r, struct yaml v, void *into)
{
	((struct key_draft *)into)->key = v;
}

static void read_weight(struct reader *r, struct yaml v, void *into)
{
	int64_t weight;

	if (value_integer(r, v, 1, WEIGHT_MAX, &weight))
		((struct key_draft *)into)->weight = (unsigned)weight;
}

static void read_requests(struct reader *r, struct yaml v, void *into)
{
	int64_t requests;

	if (value_integer(r, v, 1, UINT32_MAX, &requests))
		((struct key_draft *)into)->limits.requests_per_minute = (uint32_t)requests;
}

static void read_tokens(struct reader *r, struct yaml v, void *into)
{
	int64_t tokens;

	if (value_integer(r, v, 1, TOKENS_PER_MINUTE_MAX, &tokens))
		((struct key_draft *)into)->limits.tokens_per_minute = (uint64_t)tokens;
}

static void read_in_flight(struct reader *r, struct yaml v, void *into)
{
	int64_t requests;

	if (value_integer(r, v, 1, UINT32_MAX, &requests))
		((struct key_draft *)into)->limits.in_flight = (uint32_t)requests;
}

static const struct key provider_key_keys[] = {
	{ "key", "text", "required", "The key itself.", keep_key },
	{ "weight", "number", "1", "Its share of the conversations, beside the other keys.", read_weight },
	{ "requests_per_minute", "number", "no limit", "How many requests it may pay for in a minute.", read_requests },
	{ "tokens_per_minute", "number", "no limit", "How many tokens, estimated before and corrected after each request.",
	  read_tokens },
	{ "in_flight", "number", "no limit", "How many requests at a time.", read_in_flight },
	{ 0 }
};
const struct section section_provider_key = { "providers.NAME.keys[]", "a key", provider_key_keys, NULL };

static void key_from_file(struct reader *r, struct provider *p, struct yaml item)
{
	struct key_draft draft = { .key = item, .weight = 1 };
	unsigned before = p->key_count, errors = r->report->errors;
	struct slice key;

	if (yaml_kind(item) == YAML_MAP) {
		draft.key = (struct yaml){ 0 };
		section_read(r, &section_provider_key, item, &draft);
		if (!draft.key.line && r->report->errors == errors)
			problem(r, item, "a key with limits is written as { key: KEY, weight: 2, requests_per_minute: 60 }");
		if (!draft.key.line)
			return;
	}
	if (value_text(r, draft.key, &key))
		add_key(r, p, draft.key, key);
	if (p->key_count == before)
		return;
	p->keys[before].weight = draft.weight;
	p->keys[before].limits = draft.limits;
}

static void keys_from_file(struct reader *r, struct provider_draft *d)
{
	struct provider *p = d->provider;
	struct yaml *items;
	unsigned count = yaml_items(r, d->keys, &items);

	if (count > PROVIDER_KEYS_MAX) {
		problem(r, d->keys, "more than %d keys", PROVIDER_KEYS_MAX);
		return;
	}
	p->keys = arena_array(r->arena, struct credential, count);
	for (unsigned i = 0; i < count; i++)
		key_from_file(r, p, items[i]);
}

static bool takes_credential(const struct provider *p)
{
	for (unsigned i = 0; i < p->binding_count; i++)
		if (p->bindings[i].auth != AUTH_NONE)
			return true;
	return false;
}

static bool is_local(const struct url *url)
{
	return slice_eq(url->host, SLICE("localhost")) || slice_eq(url->host, SLICE("::1")) ||
	       slice_starts_with(url->host, SLICE("127."));
}

static void warn_if_in_the_clear(struct reader *r, struct provider_draft *d)
{
	const struct provider *p = d->provider;

	for (unsigned i = 0; i < p->binding_count; i++) {
		const struct url *base = &p->bindings[i].base;

		if (base->tls || is_local(base) || p->bindings[i].auth == AUTH_NONE)
			continue;
		warning(r, d->place, "the key of '%.*s' travels unencrypted to %.*s", SLICE_ARG(p->name),
			SLICE_ARG(base->host));
		return;
	}
}

/* What to set where no key is written: named to people. */
static struct slice variables_of(struct reader *r, const struct provider_draft *d, const struct binding *tokens)
{
	const char *own = d->known ? d->known->key_variables[0] : NULL;

	if (!tokens)
		return slice_cstr(own);
	return arena_printf(r->arena, "%s%s%s", own ? own : "", own ? ", or " : "", token_advice(tokens->auth));
}

void credentials_read(struct reader *r, struct provider_draft *d)
{
	struct provider *p = d->provider;
	const struct binding *tokens = token_binding(p);
	bool takes = takes_credential(p);
	struct slice key = { 0 };

	p->needs_key = (d->known && takes && !d->known->local) || tokens;
	p->key_variable = variables_of(r, d, tokens);
	if (yaml_kind(d->keys) != YAML_NOTHING) {
		keys_from_file(r, d);
		if (p->binding_count && !takes)
			problem(r, d->keys, "'%.*s' has keys, but its auth is none", SLICE_ARG(p->name));
		warn_if_in_the_clear(r, d);
		return;
	}
	p->keys = arena_array(r->arena, struct credential, 1);
	if (takes && d->known)
		key = credential_from_environment(d->known);
	if (key.ptr)
		add_key(r, p, d->place, key);
	else if (!p->needs_key)
		add_credential(r, p, d->place, (struct slice){ 0 });
	else if (!tokens || !d->place.line || !add_found(r, d, tokens))
		warning(r, d->place, "no key for '%.*s': %.*s is not set; requests pass it over", SLICE_ARG(p->name),
			SLICE_ARG(p->key_variable));
	if (p->key_count > 0 && p->needs_key)
		warn_if_in_the_clear(r, d);
}
