/* SPDX-License-Identifier: Apache-2.0 */
/* anyOf, oneOf and nullable as a target has them, and the root of tools, which takes none of them. */
#include "llm/schema_internal.h"

static bool is_null_schema(const struct schema_node *n)
{
	return schema_types(n) == TYPE_NULL && n->present == 1ull << KEYWORD_TYPE;
}

/* `nullable` is OpenAPI 3.0's word for a type list with null. */
void schema_fold_nullable(struct schema_rewriter *r, struct schema_node *n)
{
	struct schema_member *m = schema_find(n, KEYWORD_NULLABLE), *values = schema_find(n, KEYWORD_ENUM);
	struct schema_member *any = schema_find(n, KEYWORD_ANY_OF);

	if (!m || r->traits->openapi)
		return;
	schema_remove(n, KEYWORD_NULLABLE);
	if (!json_is(m->value, JSON_TRUE))
		return;
	if (schema_types(n) != 0 && !(schema_types(n) & TYPE_NULL))
		schema_set_types(r, n, schema_types(n) | TYPE_NULL);
	if (values)
		schema_add_null_value(r, n, values);
	if (any && any->form == FORM_LIST) {
		any->parts = schema_copy_parts(r, any->parts);
		schema_append(&any->parts, schema_part(r, schema_new_typed(r, TYPE_NULL)));
	}
}

static void take_null_branch(struct schema_rewriter *r, struct schema_node *n, struct schema_member *any)
{
	struct schema_part *kept = NULL;

	for (struct schema_part *part = schema_copy_parts(r, any->parts), *next; part; part = next) {
		next = part->next;
		part->next = NULL;
		if (is_null_schema(part->node))
			schema_set_true(r, n, KEYWORD_NULLABLE);
		else
			schema_append(&kept, part);
	}
	if (kept)
		any->parts = kept;
}

/* anyOf beside properties whose branches only say which of these are required: common in tools. */
static bool only_requires(const struct schema_member *any)
{
	const uint64_t allowed = 1ull << KEYWORD_REQUIRED | 1ull << KEYWORD_TYPE | 1ull << KEYWORD_DESCRIPTION |
				 1ull << KEYWORD_TITLE | 1ull << KEYWORD_NOT;

	for (const struct schema_part *part = any->parts; part; part = part->next)
		if (!(part->node->present & (1ull << KEYWORD_REQUIRED | 1ull << KEYWORD_NOT)) ||
		    (part->node->present & ~allowed) || part->node->boolean)
			return false;
	return true;
}

static bool is_constrained(const struct schema_node *n, enum schema_keyword union_keyword)
{
	for (const struct schema_member *m = n->members; m; m = m->next)
		if (m->keyword != union_keyword && !schema_is_annotation(m->keyword))
			return true;
	return false;
}

/* What is said beside the alternatives holds for each: move it into them. */
static void distribute(struct schema_rewriter *r, struct schema_node *n, struct schema_member *any)
{
	struct schema_node *rest = schema_copy(r, n);

	schema_remove(rest, any->keyword);
	rest->words = NULL;
	for (const struct schema_member *m = n->members; m; m = m->next) {
		if (m->keyword == KEYWORD_UNKNOWN || m->keyword == any->keyword)
			continue;
		if (schema_is_annotation(m->keyword))
			schema_remove(rest, m->keyword);
		else
			schema_remove(n, m->keyword);
	}
	any->parts = schema_copy_parts(r, any->parts);
	for (struct schema_part *part = any->parts; part && schema_spend(r, 1); part = part->next)
		part->node = schema_both(r, part->node, rest);
}

/* Both kinds of alternatives: each of one with all of the other. */
static void cross(struct schema_rewriter *r, struct schema_node *n)
{
	struct schema_member *any = schema_find(n, KEYWORD_ANY_OF), *one = schema_find(n, KEYWORD_ONE_OF);
	struct schema_node *other = schema_new(r);

	schema_put_like(r, other, one);
	schema_remove(n, KEYWORD_ONE_OF);
	any->parts = schema_copy_parts(r, any->parts);
	for (struct schema_part *part = any->parts; part && schema_spend(r, 1); part = part->next)
		part->node = schema_both(r, part->node, other);
}

static struct schema_member *alternatives_of(struct schema_rewriter *r, struct schema_node *n)
{
	for (enum schema_keyword k = KEYWORD_ANY_OF; k <= KEYWORD_ONE_OF; k++) {
		struct schema_member *m = schema_find(n, k);
		if (m && (m->form != FORM_LIST || !m->parts))
			schema_remove(n, k);
	}
	struct schema_member *any = schema_find(n, KEYWORD_ANY_OF), *one = schema_find(n, KEYWORD_ONE_OF);
	if (any && one)
		cross(r, n);
	else if (one && schema_action_at(r, KEYWORD_ONE_OF) == ACTION_ANY_OF) {
		one->keyword = KEYWORD_ANY_OF;
		n->present ^= 1ull << KEYWORD_ONE_OF | 1ull << KEYWORD_ANY_OF;
		any = one;
	}
	return any ? any : one;
}

void schema_settle_alternatives(struct schema_rewriter *r, struct schema_node *n, bool optional)
{
	struct schema_member *any;

	while ((any = alternatives_of(r, n)) && schema_spend(r, 1)) {
		if (r->traits->openapi)
			take_null_branch(r, n, any);
		if (schema_properties(n) && only_requires(any)) {
			schema_say_member(r, n, any);
			schema_lose_keyword(r, any->keyword);
			schema_remove(n, any->keyword);
		} else if (!any->parts->next && !(r->traits->refs && schema_is_bare(any->parts->node, KEYWORD_REF))) {
			struct schema_node *only = any->parts->node;
			schema_remove(n, any->keyword);
			schema_merge(r, n, schema_flatten(r, only, false, optional));
		} else if (is_constrained(n, any->keyword)) {
			distribute(r, n, any);
			return;
		} else {
			return;
		}
	}
}

/* Tools take an object without alternatives at the root, with every provider (OpenAI: "must have type 'object' and not
 * have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level"; Anthropic: "input_schema does not support oneOf, allOf,
 * or anyOf at the top level"); OpenAI strict wants that of structured output as well. */
void schema_make_root_object(struct schema_rewriter *r, struct schema_node *n)
{
	static const enum schema_keyword refused[] = { KEYWORD_NOT, KEYWORD_ENUM, KEYWORD_CONST };
	unsigned types;

	for (enum schema_keyword k = KEYWORD_ANY_OF; k <= KEYWORD_ONE_OF; k++)
		if (schema_find(n, k))
			schema_merge_union(r, n, k);
	types = schema_types(n);
	if (types == 0 && !schema_find(n, KEYWORD_TYPE))
		types = schema_infer_types(n);
	if ((types != 0 && !(types & TYPE_OBJECT)) || (types == 0 && schema_find(n, KEYWORD_TYPE))) {
		schema_fail(r, "the schema's root is no object, which it has to be there");
		return;
	}
	if (schema_types(n) != TYPE_OBJECT)
		schema_set_types(r, n, TYPE_OBJECT);
	schema_remove(n, KEYWORD_NULLABLE);
	for (unsigned i = 0; i < COUNT_OF(refused); i++) {
		if (!schema_find(n, refused[i]))
			continue;
		schema_say_member(r, n, schema_find(n, refused[i]));
		schema_lose_keyword(r, refused[i]);
		schema_remove(n, refused[i]);
	}
	/* "object schema missing properties" (OpenAI, also where it is not strict). */
	if (!r->traits->openapi && !schema_find(n, KEYWORD_PROPERTIES))
		schema_put(r, n, KEYWORD_PROPERTIES);
}
