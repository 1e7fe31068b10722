/* SPDX-License-Identifier: Apache-2.0 */
/* Reversible names. */
#include "llm/names.h"

#include <stdint.h>

const struct name_rule name_rule_openai = { "_-", 64, false };
const struct name_rule name_rule_anthropic = { "_-", 128, false };
const struct name_rule name_rule_gemini = { "_.:-", 128, true };

enum { HASH_DIGITS = 10 };             /* 50 bits: no two of a thousand names meet */

void names_init(struct names *n, struct arena *a)
{
	*n = (struct names){ .arena = a };
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_legal(char c, const struct name_rule *rule)
{
	return is_letter(c) || (c >= '0' && c <= '9') || (c != '\0' && strchr(rule->others, c));
}

static bool fits(struct slice name, const struct name_rule *rule)
{
	if (name.len == 0 || name.len > rule->max ||
	    (rule->letter_first && !is_letter(name.ptr[0]) && name.ptr[0] != '_'))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!is_legal(name.ptr[i], rule))
			return false;
	return true;
}

/* FNV-1a with a last mix: unlike hash_bytes() the same in every process, so that a conversation keeps its bytes over
 * restarts and replicas. */
static uint64_t hash_fixed(struct slice text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.ptr[i]) * 0x100000001b3u;
	hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
	hash = (hash ^ hash >> 27) * 0x94d049bb133111ebu;
	return hash ^ hash >> 31;
}

/* Letters and digits only, which every alphabet has. */
static void put_hash(struct slice text, char *out, size_t count)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	uint64_t hash = hash_fixed(text);

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && i % HASH_DIGITS == 0)
			hash = hash * 0x9e3779b97f4a7c15u + i;
		out[i] = letters[hash >> (5 * (i % HASH_DIGITS)) & 31];
	}
}

static struct slice shorten(struct slice name, const struct name_rule *rule, struct arena *a)
{
	bool prefixed = rule->letter_first && (name.len == 0 || (!is_letter(name.ptr[0]) && name.ptr[0] != '_'));
	size_t room = rule->max - HASH_DIGITS - 1 - prefixed;
	size_t kept = name.len < room ? name.len : room;
	char *out = arena_alloc(a, rule->max + 1), *at = out;

	if (prefixed)
		*at++ = '_';
	for (size_t i = 0; i < kept; i++)
		*at++ = is_legal(name.ptr[i], rule) ? name.ptr[i] : '_';
	*at++ = '_';
	put_hash(name, at, HASH_DIGITS);
	return slice_of(out, (size_t)(at + HASH_DIGITS - out));
}

static void remember(struct names *n, struct slice theirs, struct slice ours)
{
	for (unsigned i = 0; i < n->count; i++)
		if (slice_eq(n->pairs[i].theirs, theirs))
			return;
	if (n->count == NAMES_MAX)
		return;
	if (n->count == n->capacity) {
		unsigned capacity = n->capacity ? 2 * n->capacity : 8;
		struct name_pair *grown = arena_array(n->arena, struct name_pair, capacity);

		if (n->count > 0)
			memcpy(grown, n->pairs, n->count * sizeof(*grown));
		n->pairs = grown;
		n->capacity = capacity;
	}
	n->pairs[n->count++] = (struct name_pair){ theirs, arena_dup(n->arena, ours) };
}

struct slice names_out(struct names *n, struct slice name, const struct name_rule *rule)
{
	struct slice theirs;

	if (fits(name, rule))
		return name;
	theirs = shorten(name, rule, n->arena);
	remember(n, theirs, name);
	return theirs;
}

struct slice names_back(const struct names *n, struct slice name)
{
	for (unsigned i = 0; n && i < n->count; i++)
		if (slice_eq(n->pairs[i].theirs, name))
			return n->pairs[i].ours;
	return name;
}

void names_add_custom(struct names *n, struct slice name)
{
	if (n->custom_count == NAMES_MAX)
		return;
	if (n->custom_count == n->custom_capacity) {
		unsigned capacity = n->custom_capacity ? 2 * n->custom_capacity : 4;
		struct slice *grown = arena_array(n->arena, struct slice, capacity);

		if (n->custom_count > 0)
			memcpy(grown, n->customs, n->custom_count * sizeof(*grown));
		n->customs = grown;
		n->custom_capacity = capacity;
	}
	n->customs[n->custom_count++] = arena_dup(n->arena, name);
}

bool names_is_custom(const struct names *n, struct slice theirs)
{
	struct slice ours = names_back(n, theirs);

	for (unsigned i = 0; n && i < n->custom_count; i++)
		if (slice_eq(n->customs[i], ours))
			return true;
	return false;
}

struct slice names_id(struct slice id, const struct name_rule *rule, bool exact, struct arena *a)
{
	char *out;
	size_t len = exact ? rule->max : rule->max < 24 ? rule->max : 24;

	if (fits(id, rule) && (!exact || id.len == rule->max))
		return id;
	out = arena_alloc(a, len);
	put_hash(id, out, len);
	return slice_of(out, len);
}
