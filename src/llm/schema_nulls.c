/* SPDX-License-Identifier: Apache-2.0 */
/* The way back of "all properties are required, optional ones may be null": the nulls that only stand for an absence
 * are taken out of what the model wrote. Judged by the client's own schema. */
#include "llm/schema_internal.h"

enum { CANDIDATES_MAX = 16, SEARCH_MAX = 64 };

/* The schemas that say something about one value. */
struct candidates {
	struct json schemas[CANDIDATES_MAX];
	unsigned count;
	unsigned steps;
};

struct dropper {
	struct schema_rewriter *r;     /* for following references */
	struct json_writer *out;
};

static struct json follow(struct dropper *d, struct json schema)
{
	struct json ref = json_get(schema, "$ref");
	struct schema_member m = { .value = ref };

	if (!json_is(ref, JSON_STRING))
		return (struct json){ 0 };
	struct schema_node *target = schema_resolve(d->r, &m);
	return target ? target->source : (struct json){ 0 };
}

/* `schema` itself, what it refers to and what it is combined of. */
static void collect(struct dropper *d, struct candidates *c, struct json schema, unsigned depth)
{
	static const struct slice combinations[] = { { "allOf", 5 }, { "anyOf", 5 }, { "oneOf", 5 } };

	if (!json_is(schema, JSON_OBJECT) || c->count == CANDIDATES_MAX || depth == CANDIDATES_MAX ||
	    ++c->steps > SEARCH_MAX)
		return;
	c->schemas[c->count++] = schema;
	collect(d, c, follow(d, schema), depth + 1);
	for (unsigned i = 0; i < COUNT_OF(combinations); i++) {
		struct json list = json_member(schema, combinations[i]);
		for (struct json_walk w = json_walk(list); json_is(list, JSON_ARRAY) && json_walk_next(&w);)
			collect(d, c, w.value, depth + 1);
	}
}

static bool names_null(struct json v)
{
	if (json_is(v, JSON_STRING))
		return json_text_eq(v, SLICE("null")) || json_text_eq(v, SLICE("NULL"));
	for (struct json_walk w = json_walk(v); json_is(v, JSON_ARRAY) && json_walk_next(&w);)
		if (names_null(w.value))
			return true;
	return false;
}

/* A schema that says neither a type nor values is one that null suits. */
static bool admits_null(struct dropper *d, struct json schema)
{
	struct candidates c = { .count = 0 };
	bool restricted = false;

	if (json_to_bool(schema, false))
		return true;
	collect(d, &c, schema, 0);
	for (unsigned i = 0; i < c.count; i++) {
		struct json type = json_get(c.schemas[i], "type"), values = json_get(c.schemas[i], "enum");
		if (names_null(type) || json_to_bool(json_get(c.schemas[i], "nullable"), false) ||
		    json_is(json_get(c.schemas[i], "const"), JSON_NULL))
			return true;
		for (struct json_walk w = json_walk(values); json_is(values, JSON_ARRAY) && json_walk_next(&w);)
			if (json_is(w.value, JSON_NULL) && !json_exists(type))
				return true;
		restricted |= json_exists(type) || json_exists(values) || json_exists(json_get(c.schemas[i], "const"));
	}
	return !restricted;
}

static bool stands_for_absence(struct dropper *d, const struct candidates *c, struct slice name)
{
	bool known = false;

	for (unsigned i = 0; i < c->count; i++) {
		struct json property = json_member(json_get(c->schemas[i], "properties"), name);
		struct json required = json_get(c->schemas[i], "required");
		if (json_is(required, JSON_ARRAY) && schema_array_has(required, name))
			return false;
		if (json_exists(property) && admits_null(d, property))
			return false;
		known |= json_exists(property);
	}
	return known;
}

static void drop(struct dropper *d, const struct candidates *c, struct json value);

static void drop_members(struct dropper *d, const struct candidates *c, struct json value)
{
	json_begin_object(d->out);
	for (struct json_walk w = json_walk(value); json_walk_next(&w);) {
		struct slice name = json_text(w.key, d->r->arena);
		struct candidates inside = { .count = 0 };
		if (json_is(w.value, JSON_NULL) && stands_for_absence(d, c, name))
			continue;
		for (unsigned i = 0; i < c->count; i++)
			collect(d, &inside, json_member(json_get(c->schemas[i], "properties"), name), 0);
		json_key(d->out, name);
		drop(d, &inside, w.value);
	}
	json_end_object(d->out);
}

/* As deep as JSON_DEPTH_MAX lets a document be. */
static void drop(struct dropper *d, const struct candidates *c, struct json value)
{
	struct candidates inside = { .count = 0 };

	if (c->count > 0 && json_is(value, JSON_OBJECT)) {
		drop_members(d, c, value);
		return;
	}
	if (c->count == 0 || !json_is(value, JSON_ARRAY)) {
		json_value_raw(d->out, json_raw(value));
		return;
	}
	for (unsigned i = 0; i < c->count; i++)
		collect(d, &inside, json_get(c->schemas[i], "items"), 0);
	json_begin_array(d->out);
	for (struct json_walk w = json_walk(value); json_walk_next(&w);)
		drop(d, &inside, w.value);
	json_end_array(d->out);
}

void schema_drop_nulls(struct json schema, struct json value, struct arena *scratch, struct json_writer *out)
{
	struct schema_report report = { 0 };
	struct schema_rewriter *r = arena_new(scratch, struct schema_rewriter);
	struct dropper d = { r, out };
	struct candidates c = { .count = 0 };

	r->arena = scratch;
	r->report = &report;
	r->source = schema;
	if (json_is(schema, JSON_OBJECT))
		r->root = schema_read(r, schema);
	collect(&d, &c, schema, 0);
	drop(&d, &c, value);
}
