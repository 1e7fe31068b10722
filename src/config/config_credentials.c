/* SPDX-License-Identifier: Apache-2.0 */
/* A provider's keys: written in the file, or in the environment under the catalogue's names. */
#include <stdlib.h>
#include "config/config_internal.h"

enum { PROVIDER_KEYS_MAX = 1000 };

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

static void add_credential(struct reader *r, struct provider *p, struct yaml where, struct slice key)
{
	struct credential *c = &p->keys[p->key_count];

	*c = (struct credential){ .name = "none" };
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
	c->origins = arena_array(r->arena, struct origin, p->binding_count);
	for (unsigned i = 0; i < p->binding_count; i++)
		c->origins[i] = (struct origin){ .url = p->bindings[i].base,
						 .tls = p->bindings[i].base.tls ? p->tls : NULL,
						 .credential = c->fingerprint };
	p->key_count++;
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
	for (unsigned i = 0; i < count; i++) {
		struct slice key;

		if (value_text(r, items[i], &key))
			add_credential(r, p, items[i], key);
	}
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

void credentials_read(struct reader *r, struct provider_draft *d)
{
	struct provider *p = d->provider;
	bool takes = takes_credential(p);
	struct slice key;

	p->needs_key = d->known && takes && !d->known->local;
	if (d->known)
		p->key_variable = slice_cstr(d->known->key_variables[0]);
	if (yaml_kind(d->keys) != YAML_NOTHING) {
		keys_from_file(r, d);
		if (p->binding_count && !takes)
			problem(r, d->keys, "'%.*s' has keys, but its auth is none", SLICE_ARG(p->name));
		warn_if_in_the_clear(r, d);
		return;
	}
	p->keys = arena_array(r->arena, struct credential, 1);
	if (!p->needs_key && !(takes && d->known && credential_from_environment(d->known).ptr)) {
		add_credential(r, p, d->place, (struct slice){ 0 });
		return;
	}
	key = credential_from_environment(d->known);
	if (key.ptr) {
		add_credential(r, p, d->place, key);
		warn_if_in_the_clear(r, d);
	} else {
		warning(r, d->place, "no key for '%.*s': %.*s is not set; requests pass it over", SLICE_ARG(p->name),
			SLICE_ARG(p->key_variable));
	}
}
