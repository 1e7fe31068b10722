/* SPDX-License-Identifier: Apache-2.0 */
/* One schema for one target. In this order: references and allOf, alternatives, the type, then keyword by keyword
 * along the target's allow-list, then what the target demands of objects, then the words that are left to say. */
#include "llm/schema_internal.h"

struct place {
	unsigned depth;                /* of schemas */
	unsigned level;                /* of objects */
	bool root;
	bool optional;                 /* below a property that may be left out */
};

static struct schema_node *rewrite(struct schema_rewriter *r, struct schema_node *source, struct place place);

static bool is_object_schema(const struct schema_node *n)
{
	return (schema_types(n) & TYPE_OBJECT) != 0;
}

/* --- types --- */

/* OpenAPI's type is a single one. */
static void split_types(struct schema_rewriter *r, struct schema_node *n, unsigned types)
{
	struct schema_part *branches = NULL;
	struct schema_member *any;

	for (unsigned k = 1; k < TYPE_COUNT; k++) {
		if (!(types >> k & 1))
			continue;
		struct schema_node *branch = schema_new_typed(r, 1u << k);
		for (const struct schema_member *m = n->members; m; m = m->next) {
			if (m->keyword == KEYWORD_TYPE || schema_is_annotation(m->keyword))
				continue;
			unsigned about = schema_keywords[m->keyword].types;
			if (about == 0 || (about & 1u << k))
				schema_put_like(r, branch, m);
		}
		schema_append(&branches, schema_part(r, branch));
	}
	for (const struct schema_member *m = n->members; m; m = m->next)
		if (!schema_is_annotation(m->keyword))
			schema_remove(n, m->keyword);
	any = schema_put(r, n, KEYWORD_ANY_OF);
	any->form = FORM_LIST;
	any->parts = branches;
}

static void settle_types(struct schema_rewriter *r, struct schema_node *n)
{
	struct schema_member *m = schema_find(n, KEYWORD_TYPE);
	bool united = schema_find(n, KEYWORD_ANY_OF) || schema_find(n, KEYWORD_ONE_OF);
	unsigned types = schema_types(n), bits = (unsigned)__builtin_popcount(types);

	if (m && json_is(m->value, JSON_ARRAY) ? json_count(m->value) != bits || bits < 2 : m && types == 0) {
		schema_set_types(r, n, types);
		if (types == 0)
			schema_lose_keyword(r, KEYWORD_TYPE);
	}
	if (types == 0 && r->traits->typed && !united) {
		types = schema_infer_types(n);
		if (types == 0) {
			types = TYPE_STRING | TYPE_NUMBER | TYPE_BOOLEAN | TYPE_NULL;
			schema_say(r, n, SLICE("any JSON value"));
			schema_lose_keyword(r, KEYWORD_TYPE);
		}
		schema_set_types(r, n, types);
	}
	if (r->traits->openapi && (types & TYPE_NULL) && types != TYPE_NULL) {
		types &= ~(unsigned)TYPE_NULL;
		schema_set_types(r, n, types);
		schema_set_true(r, n, KEYWORD_NULLABLE);
	}
	if (r->traits->openapi && (types & (types - 1)))
		split_types(r, n, types);
	/* "array schema missing items" (OpenAI, also where it is not strict), "items: missing field" (Gemini). */
	if ((schema_types(n) & TYPE_ARRAY) && !schema_find(n, KEYWORD_ITEMS) && !schema_find(n, KEYWORD_PREFIX_ITEMS))
		schema_put(r, n, KEYWORD_ITEMS)->parts = schema_part(r, schema_new(r));
}

/* --- keyword by keyword --- */

/* Conditions are said in words, but the properties they bring along are not to be lost. */
static void adopt_conditional_properties(struct schema_rewriter *r, struct schema_node *n)
{
	static const enum schema_keyword sources[] = { KEYWORD_THEN, KEYWORD_ELSE, KEYWORD_DEPENDENT_SCHEMAS };
	bool copied = false;

	for (unsigned i = 0; i < COUNT_OF(sources); i++) {
		struct schema_member *m = schema_find(n, sources[i]);
		for (struct schema_part *part = m ? m->parts : NULL; part; part = part->next) {
			struct schema_part *p = schema_properties(part->node);
			for (; p && schema_spend(r, 1); p = p->next) {
				struct schema_member *mine = schema_put(r, n, KEYWORD_PROPERTIES);
				mine->form = FORM_MAP;
				if (schema_part_named(mine->parts, p->name))
					continue;
				if (!copied)
					mine->parts = schema_copy_parts(r, mine->parts);
				copied = true;
				struct schema_part *added = schema_part(r, p->node);
				added->name = p->name;
				added->raw_name = p->raw_name;
				schema_append(&mine->parts, added);
			}
		}
	}
}

/* A name that is required but described nowhere: "property is not defined" (Gemini), "extra required key" (OpenAI). */
static void define_required(struct schema_rewriter *r, struct schema_node *n)
{
	struct json required = schema_required(n);
	bool copied = false;

	for (struct json_walk w = json_walk(required); json_walk_next(&w) && schema_spend(r, 1);) {
		struct slice name = json_text(w.value, r->arena);
		if (!name.ptr || schema_part_named(schema_properties(n), name))
			continue;
		struct schema_member *mine = schema_put(r, n, KEYWORD_PROPERTIES);
		if (!copied)
			mine->parts = mine->form == FORM_MAP ? schema_copy_parts(r, mine->parts) : NULL;
		mine->form = FORM_MAP;
		copied = true;
		struct schema_part *added = schema_part(r, schema_new(r));
		added->name = name;
		added->raw_name = json_raw(w.value);
		schema_append(&mine->parts, added);
	}
}

static void const_to_enum(struct schema_rewriter *r, struct schema_node *n)
{
	struct schema_member *m = schema_find(n, KEYWORD_CONST);

	if (!m || schema_action_at(r, KEYWORD_CONST) != ACTION_ENUM)
		return;
	struct json value = schema_json(r, arena_printf(r->arena, "[%.*s]", SLICE_ARG(json_raw(m->value))));
	schema_remove(n, KEYWORD_ENUM);
	n->present ^= 1ull << KEYWORD_CONST | 1ull << KEYWORD_ENUM;
	m->keyword = KEYWORD_ENUM;
	m->value = m->source = value;
}

/* A tuple where there are only lists: each item is one of those there are. */
static void tuple_to_items(struct schema_rewriter *r, struct schema_node *n)
{
	struct schema_member *m = schema_find(n, KEYWORD_PREFIX_ITEMS);

	if (!m || schema_action_at(r, KEYWORD_PREFIX_ITEMS) != ACTION_ITEMS)
		return;
	schema_say_member(r, n, m);
	schema_lose_keyword(r, KEYWORD_PREFIX_ITEMS);
	struct schema_part *branches = schema_copy_parts(r, m->parts);
	struct schema_member *items = schema_find(n, KEYWORD_ITEMS);
	if (items && items->parts && !items->parts->node->boolean)
		schema_append(&branches, schema_part(r, items->parts->node));
	struct schema_node *either = schema_new(r);
	if (branches) {
		struct schema_member *any = schema_put(r, either, KEYWORD_ANY_OF);
		any->parts = branches;
	}
	schema_remove(n, KEYWORD_PREFIX_ITEMS);
	items = schema_put(r, n, KEYWORD_ITEMS);
	items->form = FORM_ONE;
	items->parts = schema_part(r, either);
}

/* More than 4, of integers, is at least 5. */
static bool exclusive_to_inclusive(struct schema_rewriter *r, struct schema_node *out, const struct schema_node *n,
				   const struct schema_member *m)
{
	bool lower = m->keyword == KEYWORD_EXCLUSIVE_MINIMUM;
	enum schema_keyword inclusive = lower ? KEYWORD_MINIMUM : KEYWORD_MAXIMUM;
	int64_t limit;

	if ((!lower && m->keyword != KEYWORD_EXCLUSIVE_MAXIMUM) || schema_action_at(r, inclusive) != ACTION_KEEP ||
	    schema_find(n, inclusive) || (schema_types(n) & TYPE_NUMERIC) != TYPE_INTEGER ||
	    !json_to_i64(m->value, &limit) || limit == INT64_MAX || limit == INT64_MIN)
		return false;
	schema_put_json(r, out, inclusive, arena_printf(r->arena, "%lld", (long long)(lower ? limit + 1 : limit - 1)));
	return true;
}

static bool says_nothing(const struct schema_member *m)
{
	bool unevaluated = m->keyword == KEYWORD_UNEVALUATED_ITEMS || m->keyword == KEYWORD_UNEVALUATED_PROPERTIES;

	return (unevaluated && m->parts && m->parts->node->boolean) ||
	       (m->keyword == KEYWORD_UNIQUE_ITEMS && json_is(m->value, JSON_FALSE));
}

static void into_words(struct schema_rewriter *r, struct schema_node *out, const struct schema_node *n,
		       const struct schema_member *m)
{
	if (says_nothing(m) || exclusive_to_inclusive(r, out, n, m))
		return;
	schema_say_member(r, out, m);
	/* Nobody ever enforced int32 or double (schemars, .NET). */
	if (m->keyword != KEYWORD_FORMAT || !(schema_types(n) & TYPE_NUMERIC))
		schema_lose_keyword(r, m->keyword);
}

static void put_children(struct schema_rewriter *r, struct schema_node *out, const struct schema_node *n,
			 const struct schema_member *m, struct place place)
{
	struct schema_member *copy = schema_put_like(r, out, m);
	struct json required = schema_required(n);
	bool are_properties = m->keyword == KEYWORD_PROPERTIES;

	copy->parts = schema_copy_parts(r, m->parts);
	for (struct schema_part *part = copy->parts; part && schema_spend(r, 1); part = part->next) {
		bool optional = are_properties && !schema_array_has(required, part->name);
		struct place inside = { .depth = place.depth + 1, .level = place.level + are_properties,
					.optional = place.optional || optional };
		part->node = rewrite(r, part->node, inside);
	}
}

static void put_additional(struct schema_rewriter *r, struct schema_node *out, const struct schema_node *n,
			   const struct schema_member *m, struct place place)
{
	struct schema_node *others = m->parts ? m->parts->node : NULL;
	bool open = others && !(others->boolean && !others->verdict);

	if (schema_action_at(r, KEYWORD_ADDITIONAL_PROPERTIES) == ACTION_KEEP) {
		if (others && others->boolean)
			schema_put_like(r, out, m);
		else
			put_children(r, out, n, m, place);
		return;
	}
	if (open && !others->boolean) {
		schema_say_member(r, out, m);
		schema_lose_keyword(r, KEYWORD_ADDITIONAL_PROPERTIES);
	} else if (open && schema_action_at(r, KEYWORD_ADDITIONAL_PROPERTIES) == ACTION_FALSE) {
		schema_lose_keyword(r, KEYWORD_ADDITIONAL_PROPERTIES);
	}
	if (schema_action_at(r, KEYWORD_ADDITIONAL_PROPERTIES) == ACTION_FALSE && (!open || r->traits->closed))
		schema_put(r, out, m->keyword)->parts = schema_part(r, r->never);
}

static void put_enum(struct schema_rewriter *r, struct schema_node *out, const struct schema_node *n,
		     const struct schema_member *m)
{
	struct json strings = { 0 };

	r->enum_values += (unsigned)json_count(m->value);
	if (r->traits->openapi)
		strings = schema_enum_of_strings(r, n, m->value);
	/* null is what `nullable` says. */
	if (!json_exists(strings) || json_count(strings) + schema_has_null(m->value) != json_count(m->value))
		into_words(r, out, n, m);
	if (json_exists(strings))
		schema_put_json(r, out, KEYWORD_ENUM, json_raw(strings));
}

static void put_member(struct schema_rewriter *r, struct schema_node *out, const struct schema_node *n,
		       struct schema_member *m, struct place place)
{
	enum schema_action action = schema_action_at(r, m->keyword);

	if (m->keyword == KEYWORD_DEFS && place.root && action == ACTION_KEEP) {
		schema_put(r, out, KEYWORD_DEFS);
		return;
	}
	if (m->keyword == KEYWORD_DEFINITIONS && place.root && schema_action_at(r, KEYWORD_DEFS) == ACTION_KEEP) {
		schema_put(r, out, KEYWORD_DEFS);
		return;
	}
	if (m->keyword == KEYWORD_DEFS || !schema_is_sound(m) || says_nothing(m))
		return;
	if (m->keyword == KEYWORD_ADDITIONAL_PROPERTIES)
		put_additional(r, out, n, m, place);
	else if (action == ACTION_NOTE)
		schema_say_member(r, out, m);
	else if (m->keyword == KEYWORD_ENUM && !schema_fits(r, n, m))
		put_enum(r, out, n, m);
	else if (action == ACTION_WORDS || (action == ACTION_KEEP && !schema_fits(r, n, m)))
		into_words(r, out, n, m);
	else if (action == ACTION_KEEP && m->form != FORM_VALUE)
		put_children(r, out, n, m, place);
	else if (action == ACTION_KEEP) {
		r->enum_values += m->keyword == KEYWORD_ENUM ? (unsigned)json_count(m->value) : 0;
		schema_put_like(r, out, m);
	}
}

/* --- objects --- */

static bool accepts_null(const struct schema_node *n)
{
	struct schema_member *any = schema_find(n, KEYWORD_ANY_OF), *values = schema_find(n, KEYWORD_ENUM);

	for (struct schema_part *part = any ? any->parts : NULL; part; part = part->next)
		if (accepts_null(part->node))
			return true;
	if (values)
		return schema_has_null(values->value);
	return !schema_find(n, KEYWORD_CONST) && (schema_types(n) & TYPE_NULL);
}

static struct schema_node *or_null(struct schema_rewriter *r, struct schema_node *n)
{
	struct schema_member *any = schema_find(n, KEYWORD_ANY_OF), *values = schema_find(n, KEYWORD_ENUM);

	if (accepts_null(n))
		return n;
	r->report->nullable = true;
	if (any) {
		schema_append(&any->parts, schema_part(r, schema_new_typed(r, TYPE_NULL)));
		return n;
	}
	if (schema_find(n, KEYWORD_REF) || schema_find(n, KEYWORD_CONST)) {
		struct schema_node *either = schema_new(r);
		any = schema_put(r, either, KEYWORD_ANY_OF);
		any->parts = schema_part(r, n);
		any->parts->next = schema_part(r, schema_new_typed(r, TYPE_NULL));
		return either;
	}
	schema_set_types(r, n, schema_types(n) | TYPE_NULL);
	if (values)
		schema_add_null_value(r, n, values);
	return n;
}

/* The first `count` properties become required ones, null standing for their absence. */
static void require(struct schema_rewriter *r, struct schema_node *n, size_t count)
{
	struct json required = schema_required(n);
	struct schema_part *part = schema_properties(n);
	size_t had = json_count(required), in = 0;
	struct buf list;

	schema_list_begin(&list);
	for (; part && in < count && schema_spend(r, 1); part = part->next, in++) {
		struct slice name = part->raw_name;
		if (name.len == 0)
			name = json_raw(schema_json_string(r, part->name));
		if (!schema_array_has(required, part->name)) {
			part->node = or_null(r, part->node);
			had = SIZE_MAX;
		}
		schema_list_add(r, &list, name);
	}
	struct json all = schema_list_end(r, &list);
	if (had != in)
		schema_put_json(r, n, KEYWORD_REQUIRED, json_exists(all) ? json_raw(all) : SLICE("[]"));
}

static void settle_object(struct schema_rewriter *r, struct schema_node *n, const struct schema_node *before,
			  struct place place)
{
	size_t count = schema_count(schema_properties(n));
	bool additional = schema_find(before, KEYWORD_ADDITIONAL_PROPERTIES);

	r->properties += (unsigned)count;
	for (struct schema_part *part = schema_properties(n); part && schema_spend(r, 1); part = part->next)
		r->optional += !schema_array_has(schema_required(n), part->name);
	r->report->empty |= place.root && count == 0;
	/* "properties: should be non-empty for OBJECT type" (Gemini) */
	if (count == 0 && r->traits->openapi)
		schema_remove(n, KEYWORD_PROPERTIES);
	if (r->traits->closed && count == 0 && !place.root && !additional)
		schema_lose_keyword(r, KEYWORD_ADDITIONAL_PROPERTIES);
	if (r->traits->all_required) {
		schema_put(r, n, KEYWORD_PROPERTIES);
		if (!schema_find(n, KEYWORD_REQUIRED))
			schema_put_json(r, n, KEYWORD_REQUIRED, SLICE("[]"));
		require(r, n, SIZE_MAX);
	} else if (r->traits->one_required && count > 0 && json_count(schema_required(n)) == 0) {
		require(r, n, 1);
	}
	if (r->traits->closed && !schema_find(n, KEYWORD_ADDITIONAL_PROPERTIES))
		schema_put(r, n, KEYWORD_ADDITIONAL_PROPERTIES)->parts = schema_part(r, r->never);
}

/* --- the description, and OpenAPI's spelling --- */

static void describe(struct schema_rewriter *r, struct schema_node *n)
{
	struct schema_member *m = schema_find(n, KEYWORD_DESCRIPTION);
	struct slice said = m ? json_text(m->value, r->arena) : SLICE(""), words = SLICE("");

	for (const struct schema_words *w = n->words; w && schema_spend(r, 1); w = w->next)
		if (words.len < 8 * SCHEMA_WORDS_MAX && slice_find(words, w->text) == SIZE_MAX)
			words = arena_printf(r->arena, "%.*s%s%.*s", SLICE_ARG(w->text), words.len > 0 ? "; " : "",
					     SLICE_ARG(words));
	n->words = NULL;
	if (words.len == 0)
		return;
	if (said.len > 0)
		words = arena_printf(r->arena, "%.*s (%.*s)", SLICE_ARG(said), SLICE_ARG(words));
	schema_put_json(r, n, KEYWORD_DESCRIPTION, json_raw(schema_json_string(r, words)));
}

static void spell_as_openapi(struct schema_rewriter *r, struct schema_node *n)
{
	struct schema_member *any = schema_find(n, KEYWORD_ANY_OF), *m = schema_find(n, KEYWORD_TYPE);
	struct schema_member *nullable = schema_find(n, KEYWORD_NULLABLE);
	struct schema_member *description = schema_find(n, KEYWORD_DESCRIPTION);

	if (m) {
		char *type = arena_cstr(r->arena, json_raw(m->value));
		for (char *c = type; *c; c++)
			*c = (char)(*c >= 'a' && *c <= 'z' ? *c - ('a' - 'A') : *c);
		m->value = schema_json(r, slice_cstr(type));
	}
	if (!any)
		return;
	/* Vertex AI: "when using any_of, it must be the only field set". */
	struct schema_part *branches = NULL;
	for (struct schema_part *part = any->parts, *next; part && schema_spend(r, 1); part = next) {
		struct schema_member *inner = schema_find(part->node, KEYWORD_ANY_OF);
		next = part->next;
		part->next = NULL;
		schema_append(&branches, inner ? inner->parts : part);
	}
	any->parts = branches;
	for (struct schema_part *part = branches; part && schema_spend(r, 1); part = part->next) {
		if (description && !schema_find(part->node, KEYWORD_DESCRIPTION))
			schema_put_json(r, part->node, KEYWORD_DESCRIPTION, json_raw(description->value));
		if (nullable && json_is(nullable->value, JSON_TRUE))
			schema_set_true(r, part->node, KEYWORD_NULLABLE);
	}
	for (m = n->members; m; m = m->next)
		if (m != any)
			schema_remove(n, m->keyword);
}

/* --- all of it --- */

/* What the root of tools needs, older spellings, and nothing else. */
static struct schema_node *rewrite_plain(struct schema_rewriter *r, struct schema_node *n, struct place place)
{
	bool array = r->use == SCHEMA_TOOL && (schema_types(n) & TYPE_ARRAY);

	schema_fold_nullable(r, n);
	if (array && !schema_find(n, KEYWORD_ITEMS) && !schema_find(n, KEYWORD_PREFIX_ITEMS))
		schema_put(r, n, KEYWORD_ITEMS)->parts = schema_part(r, schema_new(r));
	r->report->empty |= place.root && !schema_properties(n) && schema_types(n) == TYPE_OBJECT;
	for (struct schema_member *m = n->members; m && schema_spend(r, 1); m = m->next) {
		m->parts = schema_copy_parts(r, m->parts);
		for (struct schema_part *part = m->parts; part && schema_spend(r, 1); part = part->next)
			part->node = rewrite(r, part->node, (struct place){ .depth = place.depth + 1 });
	}
	describe(r, n);
	return n;
}

static struct schema_node *rewrite_strictly(struct schema_rewriter *r, struct schema_node *n, struct place place)
{
	struct schema_node *out = schema_new(r);

	schema_fold_nullable(r, n);
	const_to_enum(r, n);
	schema_settle_alternatives(r, n, place.optional);
	settle_types(r, n);
	tuple_to_items(r, n);
	if (is_object_schema(n)) {
		adopt_conditional_properties(r, n);
		define_required(r, n);
	}
	out->words = n->words;
	for (struct schema_member *m = n->members; m && schema_spend(r, 1); m = m->next)
		put_member(r, out, n, m, place);
	if (is_object_schema(out))
		settle_object(r, out, n, place);
	describe(r, out);
	if (r->traits->openapi)
		spell_as_openapi(r, out);
	return out;
}

static bool needs_object(const struct schema_rewriter *r)
{
	return r->use == SCHEMA_TOOL || r->traits->object_output;
}

static struct schema_node *rewrite(struct schema_rewriter *r, struct schema_node *source, struct place place)
{
	bool object = place.root && needs_object(r), plain = r->target == SCHEMA_PLAIN;
	unsigned held = r->inlined_count;
	struct schema_node *n;

	if (++r->made > SCHEMA_NODES_MAX)
		schema_fail(r, "too many schemas in one, or too many when its references are put in their places");
	if (place.depth > SCHEMA_LEVELS_MAX)
		schema_fail(r, "the schema is nested too deeply");
	if (r->traits->levels_max > 0 && place.level > r->traits->levels_max)
		schema_fail(r, "the schema has more levels than the target takes");
	if (!schema_spend(r, 1))
		return source;
	n = plain && !object ? schema_copy(r, source) : schema_flatten(r, source, !place.root, place.optional);
	if (object)
		schema_make_root_object(r, n);
	if (plain)
		n = rewrite_plain(r, n, place);
	else if (!schema_is_bare(n, KEYWORD_REF))
		n = rewrite_strictly(r, n, place);
	r->inlined_count = held;
	return n;
}

static void write_definitions(struct schema_rewriter *r, struct schema_node *root)
{
	struct schema_member *m = schema_find(root, KEYWORD_DEFS);

	/* Rewriting one may bring up more. */
	for (struct schema_definition *d = r->definitions; d && schema_spend(r, 1); d = d->next)
		d->part.node = rewrite(r, d->node, (struct place){ .depth = 1 });
	if (!r->definitions) {
		schema_remove(root, KEYWORD_DEFS);
		return;
	}
	if (!m)
		m = schema_put(r, root, KEYWORD_DEFS);
	m->parts = NULL;
	struct schema_part **end = &m->parts;
	for (struct schema_definition *d = r->definitions; d; d = d->next) {
		*end = &d->part;
		end = &d->part.next;
	}
}

static void check_limits(struct schema_rewriter *r)
{
	const struct schema_traits *t = r->traits;

	if (t->properties_max > 0 && r->properties > t->properties_max)
		schema_fail(r, "the schema has more properties than the target takes");
	if (t->enum_values_max > 0 && r->enum_values > t->enum_values_max)
		schema_fail(r, "the schema has more enum values than the target takes");
	if (t->optional_max > 0 && r->optional > t->optional_max)
		schema_fail(r, "the schema has more optional properties than the target takes");
}

struct schema_node *schema_rewrite(struct schema_rewriter *r)
{
	bool definitions = r->target != SCHEMA_PLAIN && r->traits->refs;
	struct schema_node *root;

	r->never = schema_new(r);
	r->never->boolean = true;
	if (definitions)
		schema_keep_definitions(r);
	root = rewrite(r, r->root, (struct place){ .root = true });
	if (definitions)
		write_definitions(r, root);
	check_limits(r);
	return root;
}
