/* SPDX-License-Identifier: Apache-2.0 */
/* A hash of the part of a prompt that stays the same from turn to turn, of any dialect's JSON. */
#include "dialect/dialect_internal.h"

#include <endian.h>

static bool is_one_of(struct json key, const char *const *names)
{
	for (; *names; names++)
		if (json_text_eq(key, slice_cstr(*names)))
			return true;
	return false;
}

/* The same on every machine and after every restart, unlike hash_bytes(): replicas must agree on which key a
 * conversation goes to. Eight bytes a step; not for tables that clients could flood. */
static uint64_t mix(uint64_t hash, struct slice s)
{
	const uint64_t odd = 0x9e3779b97f4a7c15ull;
	uint64_t word;
	for (; s.len >= sizeof(word); s = slice_after(s, sizeof(word))) {
		memcpy(&word, s.ptr, sizeof(word));
		hash = (hash ^ le64toh(word)) * odd;
		hash ^= hash >> 29;
	}
	word = s.len;
	for (size_t i = 0; i < s.len; i++)
		word = word << 8 | (unsigned char)s.ptr[i];
	hash = (hash ^ word) * odd;
	return hash ^ hash >> 32;
}

/* Cache markers wander: the block that ends the prompt in one turn carries one, and not in the next. They are no
 * part of what was said; Bedrock's are blocks of their own. */
static bool is_cache_point(struct json v)
{
	return json_is(v, JSON_OBJECT) && json_exists(json_get(v, "cachePoint"));
}

static uint64_t hash_value(uint64_t hash, struct json v)
{
	static const char *const wandering[] = { "cache_control", "prompt_cache_breakpoint", NULL };
	struct json_walk w;
	if (!json_is(v, JSON_OBJECT) && !json_is(v, JSON_ARRAY))
		return mix(hash, json_raw(v));
	hash = mix(hash, json_is(v, JSON_OBJECT) ? SLICE("{") : SLICE("["));
	for (w = json_walk(v); json_walk_next(&w);) {
		if (json_exists(w.key)) {
			if (is_one_of(w.key, wandering))
				continue;
			hash = mix(hash, json_raw(w.key));
		} else if (is_cache_point(w.value)) {
			continue;
		}
		hash = hash_value(hash, w.value);
	}
	return mix(hash, SLICE("."));
}

uint64_t prompt_prefix_hash(struct json root, const char *const *members, const char *turns)
{
	uint64_t hash = 1;
	for (; *members; members++)
		if (strcmp(*members, turns) != 0)
			hash = hash_value(hash, json_member(root, slice_cstr(*members)));

	struct json conversation = json_member(root, slice_cstr(turns));
	if (!json_is(conversation, JSON_ARRAY))
		return hash_value(hash, conversation);
	for (struct json_walk w = json_walk(conversation); json_walk_next(&w);) {
		hash = hash_value(hash, w.value);
		struct json role = json_get(w.value, "role");
		/* A list of plain texts, or Gemini's turn without a role, is the user's. */
		if (!json_exists(role) || json_text_eq(role, SLICE("user")))
			break;
	}
	return hash;
}
