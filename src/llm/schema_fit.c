/* SPDX-License-Identifier: Apache-2.0 */
/* Which values of a keyword a target takes, beyond the keyword itself, and what type a schema without one means. */
#include "llm/schema_internal.h"

bool schema_is_sound(const struct schema_member *m)
{
	if (m->keyword == KEYWORD_UNKNOWN)
		return true;
	if (schema_keywords[m->keyword].form != FORM_VALUE)
		return m->form == schema_keywords[m->keyword].form;
	switch (schema_keywords[m->keyword].value) {
	case VALUE_STRING: return json_is(m->value, JSON_STRING);
	case VALUE_NUMBER: return json_is(m->value, JSON_NUMBER);
	case VALUE_BOOLEAN: return json_is(m->value, JSON_TRUE) || json_is(m->value, JSON_FALSE);
	case VALUE_ARRAY: return json_is(m->value, JSON_ARRAY);
	case VALUE_OBJECT: return json_is(m->value, JSON_OBJECT);
	case VALUE_TYPE: return json_is(m->value, JSON_STRING) || json_is(m->value, JSON_ARRAY);
	default: return true;
	}
}

static bool known_format(const struct schema_traits *t, struct json format)
{
	for (const char *const *name = t->formats; name && *name; name++)
		if (json_text_eq(format, slice_cstr(*name)))
			return true;
	return false;
}

/* `(?=`, `(?!`, `(?<=`, `(?<!` (OpenAI: structured outputs, supported properties). */
static bool looks_around(struct slice pattern)
{
	return slice_find(pattern, SLICE("(?=")) != SIZE_MAX || slice_find(pattern, SLICE("(?!")) != SIZE_MAX ||
	       slice_find(pattern, SLICE("(?<=")) != SIZE_MAX || slice_find(pattern, SLICE("(?<!")) != SIZE_MAX;
}

static bool has_only(struct json array, bool strings, bool containers)
{
	for (struct json_walk w = json_walk(array); json_walk_next(&w);) {
		enum json_type type = json_type(w.value);
		if (strings ? type != JSON_STRING || json_raw(w.value).len == 2 :
		    !containers && (type == JSON_ARRAY || type == JSON_OBJECT))
			return false;
	}
	return true;
}

bool schema_fits(struct schema_rewriter *r, const struct schema_node *n, const struct schema_member *m)
{
	const struct schema_traits *t = r->traits;
	int64_t count;

	switch (m->keyword) {
	case KEYWORD_FORMAT: return known_format(t, m->value);
	case KEYWORD_PATTERN: return !t->no_lookaround || !looks_around(json_text(m->value, r->arena));
	case KEYWORD_ENUM:
		/* "enum[0]: cannot be empty", "only allowed for STRING type" (Gemini API). */
		return json_count(m->value) > 0 &&
		       (!t->openapi || (has_only(m->value, true, false) && schema_types(n) == TYPE_STRING)) &&
		       (!t->scalar_enums || has_only(m->value, false, false));
	case KEYWORD_MIN_ITEMS:
		/* sanitize-json-schema.ts of the AI SDK: Anthropic takes 0 and 1. */
		return r->target != SCHEMA_ANTHROPIC || (json_to_i64(m->value, &count) && count >= 0 && count <= 1);
	default: return true;
	}
}

struct json schema_enum_of_strings(struct schema_rewriter *r, const struct schema_node *n, struct json values)
{
	struct buf list;

	schema_list_begin(&list);
	if (schema_types(n) == TYPE_STRING)
		for (struct json_walk w = json_walk(values); json_walk_next(&w) && schema_spend(r, 1);)
			if (json_is(w.value, JSON_STRING) && json_raw(w.value).len > 2)
				schema_list_add(r, &list, json_raw(w.value));
	return schema_list_end(r, &list);
}

static unsigned type_of_value(struct json v)
{
	int64_t number;

	switch (json_type(v)) {
	case JSON_NULL: return TYPE_NULL;
	case JSON_FALSE:
	case JSON_TRUE: return TYPE_BOOLEAN;
	case JSON_NUMBER: return json_to_i64(v, &number) ? TYPE_INTEGER : TYPE_NUMBER;
	case JSON_STRING: return TYPE_STRING;
	case JSON_ARRAY: return TYPE_ARRAY;
	case JSON_OBJECT: return TYPE_OBJECT;
	default: return 0;
	}
}

unsigned schema_infer_types(const struct schema_node *n)
{
	struct schema_member *values = schema_find(n, KEYWORD_ENUM), *value = schema_find(n, KEYWORD_CONST);
	unsigned types = value ? type_of_value(value->value) : 0;

	if (values && json_is(values->value, JSON_ARRAY) && !value)
		for (struct json_walk w = json_walk(values->value); json_walk_next(&w);)
			types |= type_of_value(w.value);
	if (types & TYPE_NUMBER)
		types &= ~(unsigned)TYPE_INTEGER;
	for (const struct schema_member *m = n->members; m && types == 0; m = m->next)
		if (m->keyword != KEYWORD_UNKNOWN)
			types = schema_keywords[m->keyword].types;
	return types == TYPE_NUMERIC ? TYPE_NUMBER : types;
}
