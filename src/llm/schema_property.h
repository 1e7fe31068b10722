/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for every schema and every target, for tests and the fuzzer: the result is JSON, is within bounds, is made
 * of keywords on the target's allow-list only, has every property that the source has, and does not change when it is
 * rewritten once more. */
#pragma once

#include "base/cleanup.h"
#include "llm/schema_internal.h"

struct property_result {
	bool written;
	struct slice text;             /* in the arena */
	struct schema_report report;
};

static inline struct property_result property_write(struct json schema, enum schema_target target, enum schema_use use,
						    struct arena *a)
{
	struct property_result result = { 0 };
	struct json_writer w;
	struct buf out;

	buf_init(&out, 2 * SCHEMA_OUTPUT_MAX);
	json_writer_init(&w, &out);
	result.written = schema_write(schema, target, use, a, &w, &result.report);
	check(!w.overflow, "the result is beyond its bound");
	check(result.written == !result.report.reason, "a reason goes with a refusal, and only with that");
	check(result.written || out.len == 0, "a refusal writes nothing");
	check(!*result.report.lost || result.report.lossy, "what is lost makes lossy");
	result.text = arena_dup(a, buf_slice(&out));
	buf_done(&out);
	return result;
}

static inline void property_keywords(struct json schema, enum schema_target target, struct arena *a)
{
	for (struct json_walk w = json_walk(schema); json_is(schema, JSON_OBJECT) && json_walk_next(&w);) {
		enum schema_keyword keyword = schema_keyword_find(json_text(w.key, a));
		check(keyword != KEYWORD_UNKNOWN, "an unknown keyword is left");
		enum schema_action action = (enum schema_action)schema_keywords[keyword].actions[target];
		check(action == ACTION_KEEP || action == ACTION_FALSE, "a keyword is left that is not on the list");
		enum schema_form form = schema_keywords[keyword].form;
		if (form == FORM_ONE)
			property_keywords(w.value, target, a);
		if (form != FORM_LIST && form != FORM_MAP)
			continue;
		for (struct json_walk inner = json_walk(w.value); json_walk_next(&inner);)
			property_keywords(inner.value, target, a);
	}
}

static inline struct json property_parse(struct slice text, struct arena *a)
{
	struct json_doc *doc = arena_new(a, struct json_doc);
	struct json_error error;

	check(json_parse(a, text, doc, &error), "the result is no JSON");
	return json_root(doc);
}

/* Whether some object within `schema` has that property. */
static inline bool property_named(struct json schema, struct slice name, struct arena *a)
{
	struct json properties = json_get(schema, "properties");

	if (json_exists(json_member(properties, name)))
		return true;
	for (struct json_walk w = json_walk(schema); json_walk_next(&w);)
		if (property_named(w.value, name, a))
			return true;
	return false;
}

/* For schemas of people's making: those that contradict themselves may have properties in places that mean nothing. */
static inline void property_names_kept(struct json schema, struct json result, struct arena *a)
{
	struct json properties = json_get(schema, "properties");

	for (struct json_walk w = json_walk(properties); json_is(properties, JSON_OBJECT) && json_walk_next(&w);)
		check(property_named(result, json_text(w.key, a), a), "a property is gone");
	for (struct json_walk w = json_walk(schema); json_walk_next(&w);)
		property_names_kept(w.value, result, a);
}

static inline void property_check_names(struct json schema, struct arena *a)
{
	for (unsigned target = 0; target < SCHEMA_TARGET_COUNT; target++) {
		struct property_result result = property_write(schema, (enum schema_target)target, SCHEMA_TOOL, a);
		if (result.written)
			property_names_kept(schema, property_parse(result.text, a), a);
	}
}

static inline void property_check(struct json schema, enum schema_target target, enum schema_use use, struct arena *a)
{
	struct property_result first = property_write(schema, target, use, a), second;

	if (!first.written)
		return;
	struct json result = property_parse(first.text, a);
	if (!first.report.changed)
		check(slice_eq(first.text, json_raw(schema)), "unchanged means the same bytes");
	if (target != SCHEMA_PLAIN)
		property_keywords(result, target, a);
	second = property_write(result, target, use, a);
	check(second.written && slice_eq(first.text, second.text), "rewriting a rewritten schema changes it");
}

static inline void property_check_all(struct json schema, struct arena *a)
{
	for (unsigned target = 0; target < SCHEMA_TARGET_COUNT; target++) {
		property_check(schema, (enum schema_target)target, SCHEMA_TOOL, a);
		property_check(schema, (enum schema_target)target, SCHEMA_OUTPUT, a);
	}
}
