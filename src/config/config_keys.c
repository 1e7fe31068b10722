/* SPDX-License-Identifier: Apache-2.0 */
/* `keys`: who may call. Only a key's SHA-256 is kept. */
#include "config/config_internal.h"

enum { KEYS_MAX = 10000, KEY_LENGTH_ADVISED = 16 };

struct key_draft {
	struct yaml place;
	struct slice name, key;
	bool key_read;
};

static void read_key_name(struct reader *r, struct yaml v, void *into)
{
	value_text(r, v, &((struct key_draft *)into)->name);
}

static void read_key_key(struct reader *r, struct yaml v, void *into)
{
	struct key_draft *draft = into;

	draft->key_read = value_text(r, v, &draft->key);
	draft->place = v;
	if (draft->key_read && draft->key.len == 0) {
		problem(r, v, "the key is empty");
		draft->key_read = false;
	} else if (draft->key_read && draft->key.len < KEY_LENGTH_ADVISED) {
		warning(r, v, "this key is shorter than %d characters and can be guessed", KEY_LENGTH_ADVISED);
	}
}

static const struct key key_keys[] = {
	{ "name", "text", "required", "The owner, in logs and records.", read_key_name },
	{ "key", "text", "required", "The key itself; kept only as its SHA-256.", read_key_key },
	{ 0 }
};
const struct section section_key = { "keys[]", "a key", key_keys };

static void add_key(struct reader *r, struct yaml v)
{
	struct config *c = r->config;
	struct api_key *key = &c->keys[c->key_count];
	struct key_draft draft = { .place = v };
	unsigned errors = r->report->errors;

	section_read(r, &section_key, v, &draft);
	if (r->report->errors > errors)
		return;
	if (draft.name.len == 0 || !draft.key_read) {
		problem(r, v, "a key is written as { name: NAME, key: KEY }");
		return;
	}
	*key = (struct api_key){ .name = draft.name };
	secret_digest(draft.key, key->digest);
	for (unsigned i = 0; i < c->key_count; i++) {
		if (slice_eq(c->keys[i].name, key->name))
			problem(r, draft.place, "there are two keys named '%.*s'", SLICE_ARG(key->name));
		else if (digest_eq(c->keys[i].digest, key->digest))
			problem(r, draft.place, "'%.*s' has the same key as '%.*s'", SLICE_ARG(key->name),
				SLICE_ARG(c->keys[i].name));
	}
	c->key_count++;
}

void keys_read(struct reader *r, struct yaml v, void *into)
{
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items);

	if (count > KEYS_MAX) {
		problem(r, v, "more than %d keys", KEYS_MAX);
		return;
	}
	if (count == 0)
		problem(r, v, "'keys' is empty: leave it out to serve this machine only, or add a key");
	r->config->keys = arena_array(r->arena, struct api_key, count);
	for (unsigned i = 0; i < count; i++)
		add_key(r, items[i]);
}
