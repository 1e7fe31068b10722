/* SPDX-License-Identifier: Apache-2.0 */
/* Reading requests into the hub: what does not depend on the dialect. */
#include "dialect/chat_read.h"

#include <stdarg.h>
#include <stdio.h>

bool chat_refuse(struct failure *reterr, const char *member, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	failure_set(reterr, FAILURE_BAD_REQUEST, "%s", text);
	failure_copy_text(reterr->param, sizeof(reterr->param), slice_cstr(member));
	return false;
}

static unsigned type_bit(struct json v)
{
	switch (json_type(v)) {
	case JSON_STRING: return IS_STRING;
	case JSON_NUMBER: return IS_NUMBER;
	case JSON_TRUE: case JSON_FALSE: return IS_BOOL;
	case JSON_ARRAY: return IS_ARRAY;
	case JSON_OBJECT: return IS_OBJECT;
	case JSON_MISSING: case JSON_NULL: break;
	}
	return ~0u;
}

static const char *type_words(unsigned types)
{
	switch (types) {
	case IS_STRING: return "a string";
	case IS_NUMBER: return "a number";
	case IS_BOOL: return "true or false";
	case IS_ARRAY: return "an array";
	case IS_OBJECT: return "an object";
	case IS_STRING | IS_ARRAY: return "a string or an array of strings";
	default: return "of another type";
	}
}

bool chat_check_types(struct json root, const struct member_type *members, struct failure *reterr)
{
	for (; members->name; members++)
		if (!(type_bit(json_member(root, slice_cstr(members->name))) & members->types))
			return chat_refuse(reterr, members->name, "\"%s\" must be %s", members->name,
					   type_words(members->types));
	return true;
}

bool json_is_one_of(struct json v, const char *const *words)
{
	for (; *words; words++)
		if (json_text_eq(v, slice_cstr(*words)))
			return true;
	return false;
}

void chat_keep_other(struct chat_reading *r, uint64_t field, struct slice parent, const struct json_walk *member)
{
	struct slice name;

	if (json_is(member->value, JSON_NULL))
		return;
	name = json_text(member->key, r->arena);
	if (parent.len > 0)
		name = arena_printf(r->arena, "%.*s.%.*s", SLICE_ARG(parent), SLICE_ARG(name));
	chat_add_other(r->chat, r->arena, field, name, member->value);
}

void chat_keep_others(struct chat_reading *r, struct json object, const char *const *known, struct slice parent)
{
	for (struct json_walk w = json_walk(object); json_walk_next(&w);)
		if (!json_is_one_of(w.key, known))
			chat_keep_other(r, FIELD_OTHER, parent, &w);
}
