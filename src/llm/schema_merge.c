/* SPDX-License-Identifier: Apache-2.0 */
/* Several schemas that hold at once, made one: allOf, and a `$ref` with neighbours. And alternatives made one object
 * where a target takes no alternatives. */
#include "llm/schema_internal.h"

static struct schema_node *flatten_boolean(struct schema_rewriter *r, struct schema_node *n)
{
	struct schema_node *copy = schema_new(r);

	if (n->verdict)
		return copy;
	schema_set_types(r, copy, TYPE_NULL);
	schema_say(r, copy, SLICE("must not be used"));
	schema_lose(r, SLICE("false"));
	return copy;
}

struct schema_node *schema_flatten(struct schema_rewriter *r, struct schema_node *n, bool ref_may_stay, bool optional)
{
	if (n->boolean)
		return flatten_boolean(r, n);
	if (schema_find(n, KEYWORD_REF))
		schema_resolve(r, schema_find(n, KEYWORD_REF));
	struct schema_node *copy = schema_copy(r, n);
	while (schema_spend(r, 1)) {
		struct schema_member *all = schema_find(copy, KEYWORD_ALL_OF);
		if (schema_find(copy, KEYWORD_REF)) {
			if (schema_follow(r, copy, ref_may_stay, optional))
				break;
			continue;
		}
		if (!all)
			break;
		schema_remove(copy, KEYWORD_ALL_OF);
		if (++r->flatten_depth > SCHEMA_LEVELS_MAX)
			schema_fail(r, "schemas are combined too deeply");
		for (struct schema_part *part = all->parts; part && schema_spend(r, 1); part = part->next)
			schema_merge(r, copy, schema_flatten(r, part->node, false, optional));
		r->flatten_depth--;
	}
	return copy;
}

static void merge_properties(struct schema_rewriter *r, struct schema_member *mine, const struct schema_member *theirs)
{
	mine->parts = schema_copy_parts(r, mine->parts);
	for (struct schema_part *add = schema_copy_parts(r, theirs->parts), *next; add; add = next) {
		struct schema_part *part = schema_part_named(mine->parts, add->name);
		next = add->next;
		add->next = NULL;
		if (!part)
			schema_append(&mine->parts, add);
		else if (part->node != add->node)
			part->node = schema_both(r, part->node, add->node);
	}
}

/* The names of both lists. */
static void merge_required(struct schema_rewriter *r, struct schema_node *n, struct json theirs)
{
	struct schema_member *mine = schema_find(n, KEYWORD_REQUIRED);
	bool more = false;
	struct buf list;

	if (!json_is(theirs, JSON_ARRAY))
		return;
	schema_list_begin(&list);
	for (unsigned side = 0; side < 2; side++) {
		struct json names = side ? theirs : mine->value;
		for (struct json_walk w = json_walk(names); json_walk_next(&w) && schema_spend(r, 1);) {
			if (side && schema_array_has(mine->value, json_text(w.value, r->arena)))
				continue;
			more |= side;
			schema_list_add(r, &list, json_raw(w.value));
		}
	}
	struct json both = schema_list_end(r, &list);
	if (more && json_exists(both))
		schema_put_json(r, n, KEYWORD_REQUIRED, json_raw(both));
}

static bool has_raw(struct json array, struct slice raw)
{
	for (struct json_walk w = json_walk(array); json_walk_next(&w);)
		if (slice_eq(json_raw(w.value), raw))
			return true;
	return false;
}

static void merge_enum(struct schema_rewriter *r, struct schema_node *n, struct json theirs)
{
	struct schema_member *mine = schema_find(n, KEYWORD_ENUM);
	struct buf list;

	schema_list_begin(&list);
	size_t work = json_count(theirs) / 16 + 1;
	for (struct json_walk w = json_walk(mine->value); json_walk_next(&w) && schema_spend(r, work);)
		if (has_raw(theirs, json_raw(w.value)))
			schema_list_add(r, &list, json_raw(w.value));
	struct json both = schema_list_end(r, &list);
	if (json_exists(both))
		schema_put_json(r, n, KEYWORD_ENUM, json_raw(both));
	else
		schema_lose_keyword(r, KEYWORD_ENUM);
}

static void merge_types(struct schema_rewriter *r, struct schema_node *n, unsigned theirs)
{
	unsigned mine = schema_types(n), both = mine & theirs;

	if ((mine | theirs) & TYPE_NUMBER)
		both |= (mine | theirs) & TYPE_INTEGER & (mine & TYPE_NUMERIC && theirs & TYPE_NUMERIC ? ~0u : 0u);
	if (both == 0)
		schema_lose_keyword(r, KEYWORD_TYPE);
	else if (both != mine)
		schema_set_types(r, n, both);
}

static void merge_one(struct schema_rewriter *r, struct schema_member *mine, const struct schema_member *theirs)
{
	struct schema_node *a = mine->parts->node, *b = theirs->parts->node;

	if (a == b || (a->boolean && !a->verdict) || (b->boolean && b->verdict))
		return;
	bool take = (b->boolean && !b->verdict) || (a->boolean && a->verdict);
	mine->parts = schema_part(r, take ? b : schema_both(r, a, b));
	mine->source = theirs->source;
}

/* One of mine and one of theirs: mine each with all of theirs inside. */
static void merge_alternatives(struct schema_rewriter *r, struct schema_member *mine,
			       const struct schema_member *theirs)
{
	struct schema_node *others = schema_new(r);
	struct schema_member *m = schema_put(r, others, theirs->keyword);

	m->parts = theirs->parts;
	mine->parts = schema_copy_parts(r, mine->parts);
	for (struct schema_part *part = mine->parts; part && schema_spend(r, 1); part = part->next)
		part->node = schema_both(r, part->node, others);
}

static bool merge_limits(struct schema_member *mine, const struct schema_member *theirs, bool larger)
{
	double a, b;

	if (!json_to_double(mine->value, &a) || !json_to_double(theirs->value, &b))
		return false;
	if (larger ? b > a : b < a)
		mine->value = mine->source = theirs->value;
	return true;
}

static void combine(struct schema_rewriter *r, struct schema_node *n, const struct schema_node *other,
		    struct schema_member *theirs)
{
	struct schema_member *mine = schema_find(n, theirs->keyword);

	if (mine->form != theirs->form || (mine->form != FORM_VALUE && (!mine->parts || !theirs->parts))) {
		if (mine->form == FORM_VALUE || !mine->parts) {
			mine->form = theirs->form;
			mine->parts = theirs->parts;
		}
		return;
	}
	switch (theirs->keyword) {
	case KEYWORD_PROPERTIES:
	case KEYWORD_PATTERN_PROPERTIES:
	case KEYWORD_DEPENDENT_SCHEMAS: merge_properties(r, mine, theirs); return;
	case KEYWORD_REQUIRED: merge_required(r, n, theirs->value); return;
	case KEYWORD_TYPE: merge_types(r, n, schema_types(other)); return;
	case KEYWORD_ENUM: merge_enum(r, n, theirs->value); return;
	case KEYWORD_ANY_OF:
	case KEYWORD_ONE_OF: merge_alternatives(r, mine, theirs); return;
	case KEYWORD_ALL_OF:
		mine->parts = schema_copy_parts(r, mine->parts);
		schema_append(&mine->parts, schema_copy_parts(r, theirs->parts));
		return;
	case KEYWORD_MINIMUM:
	case KEYWORD_EXCLUSIVE_MINIMUM:
	case KEYWORD_MIN_LENGTH:
	case KEYWORD_MIN_ITEMS:
	case KEYWORD_MIN_PROPERTIES: merge_limits(mine, theirs, true); return;
	case KEYWORD_MAXIMUM:
	case KEYWORD_EXCLUSIVE_MAXIMUM:
	case KEYWORD_MAX_LENGTH:
	case KEYWORD_MAX_ITEMS:
	case KEYWORD_MAX_PROPERTIES: merge_limits(mine, theirs, false); return;
	case KEYWORD_NULLABLE:
		mine->value = json_is(theirs->value, JSON_FALSE) ? theirs->value : mine->value;
		return;
	case KEYWORD_DESCRIPTION:
	case KEYWORD_TITLE:
	case KEYWORD_DEFAULT:
	case KEYWORD_EXAMPLE:
	case KEYWORD_EXAMPLES:
	case KEYWORD_ID:
	case KEYWORD_ANCHOR:
	case KEYWORD_SCHEMA:
	case KEYWORD_PROPERTY_ORDERING: return;   /* the outer one is about this place */
	default: break;
	}
	if (mine->form == FORM_ONE && theirs->keyword != KEYWORD_NOT && theirs->keyword != KEYWORD_IF &&
	    theirs->keyword != KEYWORD_THEN && theirs->keyword != KEYWORD_ELSE) {
		merge_one(r, mine, theirs);
		return;
	}
	if (slice_eq(json_raw(mine->source), json_raw(theirs->source)))
		return;
	schema_say_member(r, n, theirs);
	schema_lose_keyword(r, theirs->keyword);
}

void schema_merge(struct schema_rewriter *r, struct schema_node *n, const struct schema_node *other)
{
	if (other->boolean && !other->verdict)
		schema_lose(r, SLICE("false"));
	for (struct schema_member *m = other->members; m && schema_spend(r, 1); m = m->next) {
		if (m->keyword == KEYWORD_UNKNOWN || m->keyword == KEYWORD_DEFS || m->keyword == KEYWORD_DEFINITIONS)
			continue;
		if (schema_find(n, m->keyword)) {
			combine(r, n, other, m);
			continue;
		}
		schema_put_like(r, n, m);
	}
	for (const struct schema_words *words = other->words; words; words = words->next)
		schema_say(r, n, words->text);
}

static void gather_property(struct schema_rewriter *r, struct schema_part *part, struct schema_node *node)
{
	if (part->node == node)
		return;
	if (!part->gathered) {
		struct schema_node *either = schema_new(r);
		schema_put(r, either, KEYWORD_ANY_OF)->parts = schema_part(r, part->node);
		part->node = either;
		part->gathered = true;
	}
	struct schema_part **parts = &schema_find(part->node, KEYWORD_ANY_OF)->parts;
	for (struct schema_part *old = *parts; old && schema_spend(r, 1); old = old->next)
		if (old->node == node || (json_exists(node->source) &&
					  slice_eq(json_raw(old->node->source), json_raw(node->source))))
			return;
	schema_append(parts, schema_part(r, node));
}

static void gather_branch(struct schema_rewriter *r, struct schema_node *n, struct schema_node *branch)
{
	struct schema_member *theirs = schema_find(branch, KEYWORD_PROPERTIES);

	if (!theirs || theirs->form != FORM_MAP)
		return;
	struct schema_member *mine = schema_put(r, n, KEYWORD_PROPERTIES);
	mine->form = FORM_MAP;
	for (const struct schema_part *part = theirs->parts; part && schema_spend(r, 1); part = part->next) {
		struct schema_part *old = schema_part_named(mine->parts, part->name);
		if (old) {
			gather_property(r, old, part->node);
			continue;
		}
		struct schema_part *added = schema_part(r, part->node);
		added->name = part->name;
		added->raw_name = part->raw_name;
		schema_append(&mine->parts, added);
	}
}

/* "(a, b)", the names that a branch requires. */
static struct slice say_required(struct schema_rewriter *r, struct slice said, struct json required)
{
	struct slice names = SLICE("");

	for (struct json_walk w = json_walk(required); said.len + names.len < SCHEMA_WORDS_MAX && json_walk_next(&w);)
		names = arena_printf(r->arena, "%.*s%s%.*s", SLICE_ARG(names), names.len > 0 ? ", " : "",
				     SLICE_ARG(json_text(w.value, r->arena)));
	if (names.len == 0)
		names = SLICE("none");
	return arena_printf(r->arena, "%.*s%s(%.*s)", SLICE_ARG(said), said.len > 0 ? " or " : "", SLICE_ARG(names));
}

/* Required is what every branch requires. */
static void require_common(struct schema_rewriter *r, struct schema_node *n, struct json *lists, size_t count)
{
	struct buf list;

	schema_list_begin(&list);
	for (struct json_walk w = json_walk(lists[0]); count > 0 && json_walk_next(&w) && schema_spend(r, count);) {
		struct slice name = json_text(w.value, r->arena);
		size_t in = 0;
		while (in < count && name.ptr && schema_array_has(lists[in], name))
			in++;
		if (in == count)
			schema_list_add(r, &list, json_raw(w.value));
	}
	struct json common = schema_list_end(r, &list);
	if (!json_exists(common))
		return;
	if (schema_find(n, KEYWORD_REQUIRED))
		merge_required(r, n, common);
	else
		schema_put_json(r, n, KEYWORD_REQUIRED, json_raw(common));
}

void schema_merge_union(struct schema_rewriter *r, struct schema_node *n, enum schema_keyword union_keyword)
{
	struct schema_member *alternatives = schema_find(n, union_keyword), *mine = schema_find(n, KEYWORD_PROPERTIES);
	struct json *required = arena_array(r->arena, struct json, schema_count(alternatives->parts) + 1);
	struct slice said = SLICE("");
	size_t count = 0;

	schema_remove(n, union_keyword);
	if (++r->flatten_depth > SCHEMA_LEVELS_MAX)
		schema_fail(r, "schemas are combined too deeply");
	if (mine)
		mine->parts = schema_copy_parts(r, mine->parts);
	for (struct schema_part *part = alternatives->parts; part && schema_spend(r, 1); part = part->next) {
		struct schema_node *branch = schema_flatten(r, part->node, false, false);
		for (enum schema_keyword k = KEYWORD_ANY_OF; k <= KEYWORD_ONE_OF; k++)
			if (schema_find(branch, k) && schema_spend(r, 1))
				schema_merge_union(r, branch, k);
		if (schema_types(branch) != 0 && !(schema_types(branch) & TYPE_OBJECT))
			continue;
		gather_branch(r, n, branch);
		required[count++] = schema_required(branch);
		said = say_required(r, said, required[count - 1]);
	}
	if (count > 1)
		schema_say(r, n, arena_printf(r->arena, "required is one of these sets: %.*s", SLICE_ARG(said)));
	r->flatten_depth--;
	require_common(r, n, required, count);
	schema_lose_keyword(r, union_keyword);
}
