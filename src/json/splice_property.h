/* SPDX-License-Identifier: Apache-2.0 */
/* Applies edits drawn from a stream of random numbers to a document, both by splice and on a plain list of what every object
 * should hold, and aborts where the results differ; for tests and fuzzing. */
#pragma once

#include <stdio.h>
#include "json/json_internal.h"
#include "json/splice.h"
#include "json/writer.h"

enum { PROPERTY_NAMES = 6, PROPERTY_OPERATIONS_MAX = 24, PROPERTY_OUTPUT_MAX = 1 << 20 };

enum property_kind { PROPERTY_REPLACED, PROPERTY_REMOVED, PROPERTY_INSERTED };

struct property_operation {
	enum property_kind kind;
	uint32_t at;                   /* of the replaced value, or of the object */
	struct slice name, text;
};

struct property {
	struct property_operation done[PROPERTY_OPERATIONS_MAX];
	unsigned count;
};

static inline struct property_operation *property_find(struct property *p, enum property_kind kind, struct json v, struct slice name)
{
	for (unsigned i = 0; i < p->count; i++) {
		struct property_operation *o = &p->done[i];

		if (o->kind == kind && o->at == v.node->at && slice_eq(o->name, name))
			return o;
	}
	return NULL;
}

static inline void property_write(struct property *p, struct json v, struct json_writer *w, struct arena *a);

static inline void property_write_object(struct property *p, struct json v, struct json_writer *w, struct arena *a)
{
	json_begin_object(w);
	for (struct json_walk m = json_walk(v); json_walk_next(&m);) {
		struct slice name = json_text(m.key, a);

		if (property_find(p, PROPERTY_REMOVED, v, name))
			continue;
		json_key(w, name);
		property_write(p, m.value, w, a);
	}
	for (unsigned i = 0; i < p->count; i++) {
		if (p->done[i].kind == PROPERTY_INSERTED && p->done[i].at == v.node->at) {
			json_key(w, p->done[i].name);
			json_value_raw(w, p->done[i].text);
		}
	}
	json_end_object(w);
}

/* The value as it should be after the edits, compact. Recursion is bounded by JSON_DEPTH_MAX. */
static inline void property_write(struct property *p, struct json v, struct json_writer *w, struct arena *a)
{
	struct property_operation *replaced = property_find(p, PROPERTY_REPLACED, v, (struct slice){ 0 });

	if (replaced) {
		json_value_raw(w, replaced->text);
	} else if (json_is(v, JSON_OBJECT)) {
		property_write_object(p, v, w, a);
	} else if (json_is(v, JSON_ARRAY)) {
		json_begin_array(w);
		for (struct json_walk e = json_walk(v); json_walk_next(&e);)
			property_write(p, e.value, w, a);
		json_end_array(w);
	} else if (json_is(v, JSON_STRING)) {
		json_string(w, json_text(v, a));
	} else {
		json_value_raw(w, json_raw(v));
	}
}

static inline void property_check(struct property *p, const struct json_doc *doc, const struct splice *s, struct arena *a)
{
	struct slice pieces[SPLICE_PIECES_MAX], result = splice_flatten(s, a);
	struct property nothing = { 0 };
	struct json_doc after;
	struct json_error error;
	struct buf is, should;
	struct json_writer w;
	size_t len = 0;

	for (unsigned i = splice_pieces(s, pieces); i > 0; i--)
		len += pieces[i - 1].len;
	check(len == splice_len(s) && len == result.len, "the result's length is not what was said");
	check(json_parse(a, result, &after, &error), "the result is no JSON");
	buf_init(&is, PROPERTY_OUTPUT_MAX);
	buf_init(&should, PROPERTY_OUTPUT_MAX);
	json_writer_init(&w, &should);
	property_write(p, json_root(doc), &w, a);
	json_writer_init(&w, &is);
	property_write(&nothing, json_root(&after), &w, a);
	check(slice_eq(buf_slice(&is), buf_slice(&should)), "the result is not what was asked for");
	buf_done(&is);
	buf_done(&should);
}

/* Is any container around the value, or the value itself, gone or replaced, or anything inside it edited? Such edits may
 * collide, and then the splice refuses them: the model does not follow it there. */
static inline bool property_touched(const struct splice *s, struct json v)
{
	size_t start = v.node->at, end = start + v.node->len;

	for (unsigned i = 0; i < s->count; i++) {
		if (s->edits[i].at < end && s->edits[i].at + s->edits[i].removed > start)
			return true;
		if (s->edits[i].removed == 0 && s->edits[i].at > start && s->edits[i].at < end)
			return true;
	}
	return false;
}

/* A random value: down from the root by random steps. */
static inline struct json property_pick(const struct json_doc *doc, unsigned (*draw)(void *), void *userdata)
{
	struct json v = json_root(doc);
	size_t count;

	while ((count = json_count(v)) > 0 && draw(userdata) % 4 > 0) {
		struct json_walk w = json_walk(v);

		for (size_t i = draw(userdata) % count + 1; i > 0; i--)
			json_walk_next(&w);
		v = w.value;
	}
	return v;
}

/* One random edit; `draw` gives numbers. */
static inline void property_edit(struct property *p, const struct json_doc *doc, struct splice *s, struct arena *a, unsigned (*draw)(void *),
				 void *userdata)
{
	static const char names[PROPERTY_NAMES][3] = { "a", "b", "c", "d", "", "\"\n" };
	static const char *const texts[] = { "1", "\"x,}\"", "[]", "{\"a\":[1]}", "null" };
	struct property_operation o = { .text = slice_cstr(texts[draw(userdata) % COUNT_OF(texts)]) };
	struct json v = property_pick(doc, draw, userdata);
	struct splice before = *s;
	bool ok, touched = property_touched(s, v);

	o.at = v.node->at;
	if (json_is(v, JSON_OBJECT) && draw(userdata) % 4 > 0) {
		o.name = slice_cstr(names[draw(userdata) % PROPERTY_NAMES]);
		o.kind = draw(userdata) % 2 ? PROPERTY_REMOVED : PROPERTY_INSERTED;
		ok = o.kind == PROPERTY_REMOVED ? splice_remove(s, v, o.name) : splice_insert(s, v, o.name, o.text, a);
	} else {
		o.kind = PROPERTY_REPLACED;
		ok = splice_replace(s, v, o.text);
	}
	if (ok)
		p->done[p->count++] = o;
	else
		check(memcmp(&before, s, sizeof(before)) == 0, "a refused edit left something behind");
	check(ok || touched || before.count >= SPLICE_EDITS_MAX / 2, "an edit was refused without need");
}

/* A document, and numbers that say what happens to it. */
static inline void property_run(struct slice text, unsigned operations, unsigned (*draw)(void *), void *userdata)
{
	struct property p = { 0 };
	struct json_error error;
	struct json_doc doc;
	struct splice s;
	struct arena a;

	arena_init(&a);
	memset(&s, 0, sizeof(s));
	if (json_parse(&a, text, &doc, &error)) {
		splice_init(&s, text);
		for (unsigned i = 0; i < operations && i < PROPERTY_OPERATIONS_MAX; i++) {
			property_edit(&p, &doc, &s, &a, draw, userdata);
			property_check(&p, &doc, &s, &a);
		}
	}
	arena_done(&a);
}
