/* SPDX-License-Identifier: Apache-2.0 */
/* Parses a text with the reader and with yyjson and aborts where they differ; for tests and fuzzing. What is allowed to
 * differ: yyjson has no cap on depth and on the number of values. */
#pragma once

#include <stdio.h>
#include <yyjson.h>
#include "json/json_internal.h"

static inline void oracle_compare_number(struct json v, yyjson_val *theirs)
{
	struct slice raw = json_raw(v);
	char *number = xstrndup(raw.ptr, raw.len);
	yyjson_val parsed = { 0 };
	double ours_double = 0;
	int64_t ours;

	check(slice_eq(raw, slice_of(yyjson_get_raw(theirs), yyjson_get_len(theirs))), "numbers differ");
	if (yyjson_read_number(number, &parsed, 0, NULL, NULL)) {
		check(json_to_double(v, &ours_double) && ours_double == yyjson_get_num(&parsed), "doubles differ");
		if (yyjson_is_uint(&parsed) && yyjson_get_uint(&parsed) <= INT64_MAX)
			check(json_to_i64(v, &ours) && ours == (int64_t)yyjson_get_uint(&parsed), "integers differ");
		if (yyjson_is_sint(&parsed))
			check(json_to_i64(v, &ours) && ours == yyjson_get_sint(&parsed), "negative integers differ");
		if (yyjson_is_uint(&parsed) && yyjson_get_uint(&parsed) > INT64_MAX)
			check(!json_to_i64(v, &ours), "an integer out of range was taken");
		if (yyjson_is_real(&parsed) && json_to_i64(v, &ours))
			check((double)ours == yyjson_get_real(&parsed), "an integral real differs");
	} else {
		check(!json_to_double(v, &ours_double), "an infinite number was taken");
	}
	free(number);
}

static inline void oracle_compare_value(struct json v, yyjson_val *theirs, struct arena *a);

static inline void oracle_compare_container(struct json v, yyjson_val *theirs, struct arena *a)
{
	struct json_walk w = json_walk(v);
	yyjson_arr_iter elements;
	yyjson_obj_iter members;
	yyjson_val *value, *key = NULL;
	size_t count = 0;

	yyjson_arr_iter_init(theirs, &elements);
	yyjson_obj_iter_init(theirs, &members);
	while (json_walk_next(&w)) {
		if (json_is(v, JSON_OBJECT)) {
			key = yyjson_obj_iter_next(&members);
			value = key ? yyjson_obj_iter_get_val(key) : NULL;
		} else {
			value = yyjson_arr_iter_next(&elements);
		}
		check(value, "more values than yyjson found");
		if (key)
			oracle_compare_value(w.key, key, a);
		check(json_exists(w.key) == json_is(v, JSON_OBJECT), "a key where none belongs");
		oracle_compare_value(w.value, value, a);
		count++;
	}
	check(count == yyjson_get_len(theirs) && count == json_count(v), "fewer values than yyjson found");
}

/* Recursion is bounded: the reader refuses what is deeper than JSON_DEPTH_MAX. */
static inline void oracle_compare_value(struct json v, yyjson_val *theirs, struct arena *a)
{
	struct slice text;

	switch (json_type(v)) {
	case JSON_MISSING:
		bug_at(__FILE__, __LINE__, "a value is missing");
	case JSON_NULL:
		check(yyjson_is_null(theirs), "null differs");
		break;
	case JSON_FALSE:
		check(yyjson_is_false(theirs), "false differs");
		break;
	case JSON_TRUE:
		check(yyjson_is_true(theirs), "true differs");
		break;
	case JSON_NUMBER:
		check(yyjson_is_raw(theirs), "a number differs in type");
		oracle_compare_number(v, theirs);
		break;
	case JSON_STRING:
		text = json_text(v, a);
		check(yyjson_is_str(theirs), "a string differs in type");
		check(slice_eq(text, slice_of(yyjson_get_str(theirs), yyjson_get_len(theirs))), "strings differ");
		check(json_text_eq(v, text), "a string is not equal to itself");
		if (text.len > 0)
			check(!json_text_eq(v, slice_of(text.ptr, text.len - 1)), "a string equals its beginning");
		break;
	case JSON_ARRAY:
		check(yyjson_is_arr(theirs), "an array differs in type");
		oracle_compare_container(v, theirs, a);
		break;
	case JSON_OBJECT:
		check(yyjson_is_obj(theirs), "an object differs in type");
		oracle_compare_container(v, theirs, a);
		break;
	}
}

/* Returns whether it is JSON. */
static inline bool oracle_compare(struct slice text)
{
	struct arena a;
	struct json_doc doc;
	struct json_error error = { 0 };
	yyjson_doc *theirs = yyjson_read(text.len > 0 ? text.ptr : "", text.len, YYJSON_READ_NUMBER_AS_RAW);
	bool ok;

	arena_init(&a);
	ok = json_parse(&a, text, &doc, &error);
	if (ok) {
		check(theirs, "yyjson refuses what was accepted");
		check(json_root(&doc).node->skip == doc.count, "the tape is longer than its root");
		oracle_compare_value(json_root(&doc), yyjson_doc_get_root(theirs), &a);
	} else {
		check(error.message && error.offset <= text.len, "an error without message or outside the text");
		check(!theirs || strcmp(error.message, "nested too deeply") == 0 || strcmp(error.message, "too many values") == 0,
		      "yyjson accepts what was refused");
	}
	yyjson_doc_free(theirs);
	arena_done(&a);
	return ok;
}
