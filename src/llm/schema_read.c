/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a JSON schema into a tree, older spellings as 2020-12 has them, and follows its references. */
#include <stdlib.h>
#include "base/digits.h"
#include "llm/schema_internal.h"

const struct schema_keyword_row schema_keywords[KEYWORD_COUNT] = {
#define K ACTION_KEEP
#define W ACTION_WORDS
#define N ACTION_NOTE
#define D ACTION_DROP
#define E ACTION_ENUM
#define A ACTION_ANY_OF
#define M ACTION_MERGE
#define I ACTION_INLINE
#define T ACTION_ITEMS
#define F ACTION_FALSE
#define X(identifier, name, form, value, types, plain, openai, anthropic, gemini_json, gemini_openapi, cohere, \
	  mistral, before, after) \
	[KEYWORD_##identifier] = { { name, sizeof(name) - 1 }, FORM_##form, VALUE_##value, types, \
				   { plain, openai, anthropic, gemini_json, gemini_openapi, cohere, mistral }, \
				   before, after },
	SCHEMA_KEYWORDS(X)
#undef X
#undef K
#undef W
#undef N
#undef D
#undef E
#undef A
#undef M
#undef I
#undef T
#undef F
};

/* google.protobuf's JSON mapping reads the names of the .proto file as well (seen: property_ordering). */
static bool is_snake_case_of(struct slice name, struct slice camel)
{
	size_t i = 0;

	for (size_t k = 0; k < camel.len; k++) {
		bool upper = camel.ptr[k] >= 'A' && camel.ptr[k] <= 'Z';
		if (i + upper >= name.len || (upper && name.ptr[i++] != '_') ||
		    name.ptr[i++] != (upper ? camel.ptr[k] + ('a' - 'A') : camel.ptr[k]))
			return false;
	}
	return i == name.len;
}

enum schema_keyword schema_keyword_find(struct slice name)
{
	bool snake = name.len > 0 && memchr(name.ptr, '_', name.len);

	for (unsigned i = 0; i < KEYWORD_COUNT; i++) {
		struct slice keyword = schema_keywords[i].name;
		if (slice_eq(name, keyword) || (snake && is_snake_case_of(name, keyword)))
			return (enum schema_keyword)i;
	}
	return KEYWORD_UNKNOWN;
}

static bool is_schema(struct json v)
{
	return json_is(v, JSON_OBJECT) || json_is(v, JSON_TRUE) || json_is(v, JSON_FALSE);
}

static struct schema_part *read_part(struct schema_rewriter *r, struct json name, struct json value)
{
	struct schema_part *part = schema_part(r, schema_read(r, value));

	if (json_exists(name)) {
		part->name = json_text(name, r->arena);
		part->raw_name = json_raw(name);
	}
	return part;
}

/* The first of several of the same name counts, as everywhere in json.h. */
static bool read_parts(struct schema_rewriter *r, struct schema_member *m)
{
	struct schema_part **end = &m->parts;

	if (json_count(m->source) > SCHEMA_NAMES_MAX)
		return schema_fail(r, "too many properties, definitions or alternatives in one place");
	for (struct json_walk w = json_walk(m->source); json_walk_next(&w);) {
		if (!is_schema(w.value))
			return false;
		struct schema_part *part = read_part(r, w.key, w.value);
		if (part->raw_name.len > 0 && schema_part_named(m->parts, part->name))
			continue;
		*end = part;
		end = &part->next;
	}
	return true;
}

static bool has_form(struct json v, enum schema_form form)
{
	switch (form) {
	case FORM_ONE: return is_schema(v);
	case FORM_LIST: return json_is(v, JSON_ARRAY);
	case FORM_MAP: return json_is(v, JSON_OBJECT);
	default: return false;
	}
}

/* Drafts before 2020-12 said `items` for a tuple and additionalItems for what follows it. OpenAI and Anthropic check
 * tools against 2020-12 also where they are not strict. */
static enum schema_keyword modern_keyword(enum schema_keyword keyword, struct json object, struct json value)
{
	if (keyword == KEYWORD_ITEMS && json_is(value, JSON_ARRAY))
		return KEYWORD_PREFIX_ITEMS;
	if (keyword == KEYWORD_ADDITIONAL_ITEMS && json_is(json_get(object, "items"), JSON_ARRAY))
		return KEYWORD_ITEMS;
	return keyword;
}

static void read_member(struct schema_rewriter *r, struct schema_node *n, struct json key, struct json value)
{
	struct slice name = json_text(key, r->arena);
	enum schema_keyword keyword = modern_keyword(schema_keyword_find(name), n->source, value);

	if (keyword != KEYWORD_UNKNOWN && schema_find(n, keyword))
		return;
	struct schema_member *m = schema_put(r, n, keyword);
	m->raw_name = json_raw(key);
	m->source = m->value = value;
	m->form = FORM_VALUE;
	if (keyword == KEYWORD_UNKNOWN || !has_form(value, schema_keywords[keyword].form))
		return;
	m->form = schema_keywords[keyword].form;
	if (m->form == FORM_ONE)
		m->parts = read_part(r, (struct json){ 0 }, value);
	else if (!read_parts(r, m)) {
		m->form = FORM_VALUE;
		m->parts = NULL;
	}
}

/* Google's enum Type, and a list with null where OpenAPI 3.0 says nullable. */
static void modernise_type(struct schema_rewriter *r, struct schema_node *n)
{
	struct schema_member *m = schema_find(n, KEYWORD_TYPE);

	if (!m || !json_is(m->value, JSON_STRING))
		return;
	struct slice type = json_text(m->value, r->arena);
	for (unsigned i = 0; i < TYPE_COUNT; i++)
		if (slice_eq_nocase(type, schema_type_names[i]) && !slice_eq(type, schema_type_names[i]))
			schema_set_types(r, n, 1u << i);
	if (slice_eq(type, SLICE("TYPE_UNSPECIFIED")))
		schema_remove(n, KEYWORD_TYPE);
}

/* Draft 4: a boolean beside minimum. */
static void modernise_exclusive(struct schema_rewriter *r, struct schema_node *n, enum schema_keyword exclusive,
				enum schema_keyword limit)
{
	struct schema_member *m = schema_find(n, exclusive), *other = schema_find(n, limit);

	if (!m || (!json_is(m->value, JSON_TRUE) && !json_is(m->value, JSON_FALSE)))
		return;
	bool strict = json_is(m->value, JSON_TRUE);
	schema_remove(n, exclusive);
	if (!strict || !other)
		return;
	schema_put(r, n, exclusive)->value = other->value;
	schema_find(n, exclusive)->source = other->value;
	schema_remove(n, limit);
}

static void keep_in_order(struct schema_rewriter *r, struct schema_node *n)
{
	if (r->count == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 64;
		struct schema_node **nodes = arena_array(r->arena, struct schema_node *, cap);
		if (r->count > 0)
			memcpy(nodes, r->nodes, r->count * sizeof(*nodes));
		r->nodes = nodes;
		r->cap = cap;
	}
	r->nodes[r->count++] = n;
}

struct schema_node *schema_read(struct schema_rewriter *r, struct json source)
{
	struct schema_node *n = schema_new(r);

	n->source = source;
	n->boolean = !json_is(source, JSON_OBJECT);
	n->verdict = json_is(source, JSON_TRUE);
	if (!schema_spend(r, 0))
		return n;
	keep_in_order(r, n);
	for (struct json_walk w = json_walk(source); json_walk_next(&w);)
		read_member(r, n, w.key, w.value);
	modernise_type(r, n);
	modernise_exclusive(r, n, KEYWORD_EXCLUSIVE_MINIMUM, KEYWORD_MINIMUM);
	modernise_exclusive(r, n, KEYWORD_EXCLUSIVE_MAXIMUM, KEYWORD_MAXIMUM);
	return n;
}

/* One token of a JSON pointer in a URI fragment (RFC 6901 §6): percent signs first, then tildes. */
static struct slice unescape(struct slice token, struct arena *a)
{
	char *out = arena_alloc(a, token.len + 1);
	size_t len = 0, kept = 0;

	for (size_t i = 0; i < token.len; i++) {
		char c = token.ptr[i];
		bool escaped = c == '%' && i + 2 < token.len;
		int high = escaped ? digits_hex_value(token.ptr[i + 1]) : -1,
		    low = escaped ? digits_hex_value(token.ptr[i + 2]) : -1;
		if (high >= 0 && low >= 0) {
			c = (char)(high << 4 | low);
			i += 2;
		}
		out[len++] = c;
	}
	for (size_t i = 0; i < len; i++) {
		bool pair = out[i] == '~' && i + 1 < len && (out[i + 1] == '0' || out[i + 1] == '1');
		out[kept++] = !pair ? out[i] : out[i + 1] == '0' ? '~' : '/';
		i += pair;
	}
	return slice_of(out, kept);
}

static struct json follow_pointer(struct schema_rewriter *r, struct slice pointer)
{
	struct json v = r->source;

	if (pointer.len == 0)
		return v;
	if (pointer.ptr[0] != '/')
		return (struct json){ 0 };
	pointer = slice_after(pointer, 1);
	for (unsigned depth = 0; pointer.ptr && depth < SCHEMA_LEVELS_MAX; depth++) {
		struct slice token = unescape(slice_next_token(&pointer, '/'), r->arena);
		unsigned long long index;
		if (json_is(v, JSON_ARRAY) && slice_to_u64(token, &index))
			v = json_at(v, index);
		else
			v = json_member(v, token);
	}
	return pointer.ptr ? (struct json){ 0 } : v;
}

static int compare_place(const void *key, const void *element)
{
	const struct schema_node *n = *(struct schema_node *const *)element;
	const char *place = key, *other = json_raw(n->source).ptr;

	return place < other ? -1 : place > other;
}

static struct schema_node *node_at(struct schema_rewriter *r, struct json v)
{
	const char *place = json_raw(v).ptr;
	struct schema_node **found = bsearch(place, r->nodes, r->count, sizeof(struct schema_node *), compare_place);

	if (found)
		return *found;
	for (size_t i = 0; i < r->stray_count; i++)
		if (json_raw(r->strays[i]->source).ptr == place)
			return r->strays[i];
	if (!is_schema(v) || r->stray_count == COUNT_OF(r->strays))
		return NULL;
	/* Such as "#/components/schemas/…". What is inside of it is not in the order of the source. */
	size_t count = r->count;
	struct schema_node *n = schema_read(r, v);
	r->count = count;
	return r->strays[r->stray_count++] = n;
}

static struct schema_node *anchored(struct schema_rewriter *r, struct slice name)
{
	for (size_t i = 0; i < r->count; i++) {
		struct schema_member *m = schema_find(r->nodes[i], KEYWORD_ANCHOR);
		if (m && json_text_eq(m->value, name))
			return r->nodes[i];
	}
	return NULL;
}

static struct schema_node *find_target(struct schema_rewriter *r, struct json ref)
{
	struct slice text = json_text(ref, r->arena);
	struct slice id = json_text(json_get(r->source, "$id"), r->arena);

	if (id.len > 0 && slice_starts_with(text, id))
		text = slice_after(text, id.len);
	if (text.len > 0 && text.ptr[0] != '#')
		return NULL;
	struct slice fragment = text.len > 0 ? slice_after(text, 1) : text;
	if (fragment.len > 0 && fragment.ptr[0] != '/')
		return anchored(r, fragment);
	struct json v = follow_pointer(r, fragment);
	return json_exists(v) ? node_at(r, v) : NULL;
}

struct schema_node *schema_resolve(struct schema_rewriter *r, struct schema_member *ref)
{
	if (!ref->resolved)
		ref->target = find_target(r, ref->value);
	ref->resolved = true;
	return ref->target;
}

static void visit(struct schema_rewriter *r, struct schema_node *start, struct schema_node *n)
{
	/* A search that is given up counts as one that found a cycle: cut short rather than endless. */
	if (n == start || ++r->cycle_steps > SCHEMA_CYCLE_STEPS_MAX)
		start->refers_to_itself = true;
	if (!n || n->seen == r->search || r->pending_count == SCHEMA_NODES_MAX)
		return;
	n->seen = r->search;
	r->pending[r->pending_count++] = n;
}

static void visit_inside(struct schema_rewriter *r, struct schema_node *start, const struct schema_node *n)
{
	for (struct schema_member *m = n->members; m; m = m->next) {
		if (m->keyword == KEYWORD_DEFS || m->keyword == KEYWORD_DEFINITIONS)
			continue;
		for (struct schema_part *part = m->parts; part; part = part->next)
			visit(r, start, part->node);
		if (m->keyword == KEYWORD_REF)
			visit(r, start, schema_resolve(r, m));
	}
}

/* With a stack of its own: a chain of references may be as long as the schema. */
bool schema_is_recursive(struct schema_rewriter *r, struct schema_node *n)
{
	if (n->refers_checked)
		return n->refers_to_itself;
	if (!r->pending)
		r->pending = arena_array(r->arena, struct schema_node *, SCHEMA_NODES_MAX);
	n->refers_checked = true;
	n->seen = ++r->search;
	r->pending_count = 0;
	visit_inside(r, n, n);
	while (r->pending_count > 0 && !n->refers_to_itself)
		visit_inside(r, n, r->pending[--r->pending_count]);
	return n->refers_to_itself;
}
