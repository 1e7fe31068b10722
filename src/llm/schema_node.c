/* SPDX-License-Identifier: Apache-2.0 */
/* Building the tree of a schema, and saying in words what a target has no keyword for. */
#include "base/utf8.h"
#include "llm/schema_internal.h"

const struct slice schema_type_names[TYPE_COUNT] = {
	{ "null", 4 }, { "boolean", 7 }, { "integer", 7 }, { "number", 6 }, { "string", 6 }, { "array", 5 },
	{ "object", 6 }
};

bool schema_fail(struct schema_rewriter *r, const char *reason)
{
	if (!r->report->reason)
		r->report->reason = reason;
	return false;
}

bool schema_spend(struct schema_rewriter *r, size_t work)
{
	r->work += work;
	if (r->work > SCHEMA_WORK_MAX)
		schema_fail(r, "the schema is too large, or becomes so when its references are put in their places");
	return !r->report->reason;
}

struct schema_member *schema_find(const struct schema_node *n, enum schema_keyword keyword)
{
	if (!(n->present >> keyword & 1))
		return NULL;
	for (struct schema_member *m = n->members; m; m = m->next)
		if (m->keyword == keyword)
			return m;
	return NULL;
}

static struct schema_member *append_member(struct schema_rewriter *r, struct schema_node *n,
					   const struct schema_member *like)
{
	struct schema_member *m = arena_new(r->arena, struct schema_member);

	*m = *like;
	m->next = NULL;
	*(n->last ? &n->last->next : &n->members) = m;
	n->last = m;
	if (m->keyword != KEYWORD_UNKNOWN)
		n->present |= 1ull << m->keyword;
	r->work++;
	return m;
}

struct schema_member *schema_put(struct schema_rewriter *r, struct schema_node *n, enum schema_keyword keyword)
{
	struct schema_member *m = keyword == KEYWORD_UNKNOWN ? NULL : schema_find(n, keyword);
	enum schema_form form = keyword == KEYWORD_UNKNOWN ? FORM_VALUE : schema_keywords[keyword].form;

	return m ? m : append_member(r, n, &(struct schema_member){ .keyword = keyword, .form = form });
}

struct schema_member *schema_put_like(struct schema_rewriter *r, struct schema_node *n,
				      const struct schema_member *like)
{
	struct schema_member *m = schema_put(r, n, like->keyword), *next = m->next;

	*m = *like;
	m->next = next;
	return m;
}

void schema_put_json(struct schema_rewriter *r, struct schema_node *n, enum schema_keyword keyword, struct slice json)
{
	struct schema_member *m = schema_put(r, n, keyword);

	m->source = m->value = schema_json(r, json);
	m->form = FORM_VALUE;
	m->parts = NULL;
}

void schema_remove(struct schema_node *n, enum schema_keyword keyword)
{
	struct schema_member **at = &n->members, *before = NULL;

	if (!(n->present >> keyword & 1))
		return;
	while (*at && (*at)->keyword != keyword) {
		before = *at;
		at = &(*at)->next;
	}
	if (*at == n->last)
		n->last = before;
	*at = (*at)->next;
	n->present &= ~(1ull << keyword);
}

struct schema_node *schema_new(struct schema_rewriter *r)
{
	r->work++;
	return arena_new(r->arena, struct schema_node);
}

struct schema_node *schema_new_typed(struct schema_rewriter *r, unsigned types)
{
	struct schema_node *n = schema_new(r);

	schema_set_types(r, n, types);
	return n;
}

struct schema_node *schema_copy(struct schema_rewriter *r, const struct schema_node *n)
{
	struct schema_node *copy = schema_new(r);

	copy->words = n->words;
	copy->source = n->source;
	copy->boolean = n->boolean;
	copy->verdict = n->verdict;
	for (const struct schema_member *m = n->members; m; m = m->next)
		append_member(r, copy, m);
	return copy;
}

struct schema_part *schema_part(struct schema_rewriter *r, struct schema_node *node)
{
	struct schema_part *part = arena_new(r->arena, struct schema_part);

	part->node = node;
	r->work++;
	return part;
}

struct schema_part *schema_part_named(struct schema_part *parts, struct slice name)
{
	for (; parts; parts = parts->next)
		if (slice_eq(parts->name, name))
			return parts;
	return NULL;
}

struct schema_part *schema_copy_parts(struct schema_rewriter *r, const struct schema_part *parts)
{
	struct schema_part *copy = NULL, **end = &copy;

	for (; parts && schema_spend(r, 1); parts = parts->next) {
		*end = arena_new(r->arena, struct schema_part);
		**end = *parts;
		(*end)->next = NULL;
		end = &(*end)->next;
	}
	return copy;
}

void schema_append(struct schema_part **parts, struct schema_part *part)
{
	while (*parts)
		parts = &(*parts)->next;
	*parts = part;
}

size_t schema_count(const struct schema_part *parts)
{
	size_t count = 0;

	for (; parts; parts = parts->next)
		count++;
	return count;
}

struct schema_node *schema_both(struct schema_rewriter *r, struct schema_node *a, struct schema_node *b)
{
	struct schema_node *n = schema_new(r);
	struct schema_member *m = schema_put(r, n, KEYWORD_ALL_OF);

	m->parts = schema_part(r, a);
	m->parts->next = schema_part(r, b);
	return n;
}

struct json schema_json(struct schema_rewriter *r, struct slice json)
{
	struct json_doc *doc = arena_new(r->arena, struct json_doc);
	struct json_error error;

	/* Made of parts that are JSON, it can only be too deep or too large. */
	if (!json_parse(r->arena, json, doc, &error)) {
		schema_fail(r, "the schema is nested too deeply");
		check(json_parse(r->arena, SLICE("null"), doc, &error), "null is JSON");
	}
	return json_root(doc);
}

struct json schema_json_string(struct schema_rewriter *r, struct slice text)
{
	struct buf out;
	struct json_writer w;

	buf_init(&out, SCHEMA_OUTPUT_MAX);
	json_writer_init(&w, &out);
	json_string(&w, text);
	if (w.overflow)
		schema_fail(r, "a text in the schema is too long");
	struct slice json = w.overflow ? SLICE("\"\"") : arena_dup(r->arena, buf_slice(&out));
	buf_done(&out);
	return schema_json(r, json);
}

static unsigned type_bit(struct json v)
{
	for (unsigned i = 0; i < TYPE_COUNT; i++)
		if (json_text_eq(v, schema_type_names[i]))
			return 1u << i;
	return 0;
}

unsigned schema_types(const struct schema_node *n)
{
	struct schema_member *m = schema_find(n, KEYWORD_TYPE);
	unsigned types = 0;

	if (!m)
		return 0;
	for (struct json_walk w = json_walk(m->value); json_is(m->value, JSON_ARRAY) && json_walk_next(&w);)
		types |= type_bit(w.value);
	return types | type_bit(m->value);
}

void schema_set_types(struct schema_rewriter *r, struct schema_node *n, unsigned types)
{
	struct slice list = SLICE("");

	if (types == 0) {
		schema_remove(n, KEYWORD_TYPE);
		return;
	}
	/* null last, as people write it */
	for (unsigned k = 1; k <= TYPE_COUNT; k++) {
		struct slice name = schema_type_names[k % TYPE_COUNT];
		if (types >> (k % TYPE_COUNT) & 1)
			list = arena_printf(r->arena, "%.*s%s\"%.*s\"", SLICE_ARG(list), list.len > 0 ? "," : "",
					    SLICE_ARG(name));
	}
	bool single = (types & (types - 1)) == 0;
	schema_put_json(r, n, KEYWORD_TYPE, single ? list : arena_printf(r->arena, "[%.*s]", SLICE_ARG(list)));
}

void schema_list_begin(struct buf *list)
{
	buf_init(list, SCHEMA_OUTPUT_MAX);
}

void schema_list_add(struct schema_rewriter *r, struct buf *list, struct slice json)
{
	if (!buf_append_slice(list, list->len > 0 ? SLICE(",") : SLICE("[")) || !buf_append_slice(list, json))
		schema_fail(r, "a list in the schema is too long");
}

struct json schema_list_end(struct schema_rewriter *r, struct buf *list)
{
	struct json array = { 0 };

	if (list->len > 0 && !r->report->reason && buf_append_slice(list, SLICE("]")))
		array = schema_json(r, arena_dup(r->arena, buf_slice(list)));
	buf_done(list);
	return array;
}

bool schema_array_has(struct json array, struct slice text)
{
	for (struct json_walk w = json_walk(array); json_is(array, JSON_ARRAY) && json_walk_next(&w);)
		if (json_text_eq(w.value, text))
			return true;
	return false;
}

static struct slice shortened(struct schema_rewriter *r, struct slice text)
{
	size_t len = 0;

	if (text.len <= SCHEMA_WORDS_MAX)
		return text;
	while (len < SCHEMA_WORDS_MAX - 8) {
		size_t next = utf8_sequence(text.ptr + len, text.len - len);
		len += next ? next : 1;
	}
	return arena_printf(r->arena, "%.*s…", (int)len, text.ptr);
}

void schema_say(struct schema_rewriter *r, struct schema_node *n, struct slice words)
{
	struct schema_words *added = arena_new(r->arena, struct schema_words), **at = &n->words;

	added->text = shortened(r, words);
	/* A copy shares the words of what it was copied from: put in front, said in reverse. */
	added->next = *at;
	*at = added;
	r->work++;
}

void schema_say_member(struct schema_rewriter *r, struct schema_node *n, const struct schema_member *m)
{
	const struct schema_keyword_row *row = &schema_keywords[m->keyword];
	bool text = row->value == VALUE_STRING && json_is(m->source, JSON_STRING);
	struct slice value = text ? json_text(m->source, r->arena) : json_raw(m->source);

	if (m->keyword == KEYWORD_UNIQUE_ITEMS) {
		schema_say(r, n, SLICE("no item twice"));
		return;
	}
	if (value.len > SCHEMA_WORDS_MAX)
		value = shortened(r, value);
	schema_say(r, n, arena_printf(r->arena, "%s%.*s%s", row->before, SLICE_ARG(value), row->after));
}

void schema_lose(struct schema_rewriter *r, struct slice keyword)
{
	char *lost = r->report->lost;
	struct slice left = slice_cstr(lost), name;
	size_t len = left.len;

	r->report->lossy = true;
	while ((name = slice_next_token(&left, ',')).ptr)
		if (slice_eq(name, keyword))
			return;
	if (len + keyword.len + 2 > SCHEMA_LOST_MAX)
		return;
	if (len > 0)
		lost[len++] = ',';
	memcpy(lost + len, keyword.ptr, keyword.len);
	lost[len + keyword.len] = '\0';
}

void schema_lose_keyword(struct schema_rewriter *r, enum schema_keyword keyword)
{
	schema_lose(r, schema_keywords[keyword].name);
}

enum schema_action schema_action_at(const struct schema_rewriter *r, enum schema_keyword keyword)
{
	if (keyword == KEYWORD_UNKNOWN)
		return r->target == SCHEMA_PLAIN ? ACTION_KEEP : ACTION_DROP;
	return (enum schema_action)schema_keywords[keyword].actions[r->target];
}

bool schema_is_annotation(enum schema_keyword keyword)
{
	return keyword == KEYWORD_DESCRIPTION || keyword == KEYWORD_TITLE || keyword == KEYWORD_DEFAULT ||
	       keyword == KEYWORD_EXAMPLE || keyword == KEYWORD_EXAMPLES || keyword == KEYWORD_ID ||
	       keyword == KEYWORD_ANCHOR || keyword == KEYWORD_SCHEMA || keyword == KEYWORD_NULLABLE ||
	       keyword == KEYWORD_DEFS || keyword == KEYWORD_DEFINITIONS || keyword == KEYWORD_UNKNOWN;
}

struct schema_part *schema_properties(const struct schema_node *n)
{
	struct schema_member *m = schema_find(n, KEYWORD_PROPERTIES);

	return m && m->form == FORM_MAP ? m->parts : NULL;
}

struct json schema_required(const struct schema_node *n)
{
	struct schema_member *m = schema_find(n, KEYWORD_REQUIRED);

	return m && json_is(m->value, JSON_ARRAY) ? m->value : (struct json){ 0 };
}

bool schema_is_bare(const struct schema_node *n, enum schema_keyword keyword)
{
	return n->members && n->members->keyword == keyword && !n->members->next;
}

void schema_set_true(struct schema_rewriter *r, struct schema_node *n, enum schema_keyword keyword)
{
	if (!schema_find(n, keyword) || !json_is(schema_find(n, keyword)->value, JSON_TRUE))
		schema_put_json(r, n, keyword, SLICE("true"));
}

bool schema_has_null(struct json array)
{
	for (struct json_walk w = json_walk(array); json_walk_next(&w);)
		if (json_is(w.value, JSON_NULL))
			return true;
	return false;
}

void schema_add_null_value(struct schema_rewriter *r, struct schema_node *n, const struct schema_member *values)
{
	struct slice raw = json_raw(values->value);

	if (json_is(values->value, JSON_ARRAY) && json_count(values->value) > 0 && !schema_has_null(values->value))
		schema_put_json(r, n, KEYWORD_ENUM, arena_printf(r->arena, "%.*s,null]", (int)raw.len - 1, raw.ptr));
}
