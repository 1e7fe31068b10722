/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a `$ref`: it stays where the target knows `$defs`, everything it may lead to then standing there;
 * else what it refers to is put in its place, recursion cut at a bounded depth. */
#include "llm/schema_internal.h"

static bool name_taken(const struct schema_rewriter *r, struct slice name)
{
	for (const struct schema_definition *d = r->definitions; d; d = d->next)
		if (slice_eq(d->part.name, name))
			return true;
	return false;
}

static struct slice free_name(struct schema_rewriter *r, struct slice wanted)
{
	struct slice name = wanted;

	for (unsigned i = 2; name_taken(r, name) && schema_spend(r, 1); i++)
		name = arena_printf(r->arena, "%.*s_%u", SLICE_ARG(wanted), i);
	return name;
}

/* As a token of a JSON pointer in a URI fragment (RFC 6901 §6). */
static struct slice escape(struct schema_rewriter *r, struct slice name)
{
	char *out = arena_alloc(r->arena, 3 * name.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		const char *escaped = c == '~' ? "~0" : c == '/' ? "~1" : c == '%' ? "%25" : NULL;
		if (!escaped)
			out[len++] = c;
		for (; escaped && *escaped; escaped++)
			out[len++] = *escaped;
	}
	return slice_of(out, len);
}

static struct schema_definition *add_definition(struct schema_rewriter *r, struct schema_node *n, struct slice name,
						struct slice raw_name)
{
	struct schema_definition *d = arena_new(r->arena, struct schema_definition);
	struct slice free = free_name(r, name);

	d->node = n;
	d->part.name = free;
	d->part.raw_name = slice_eq(free, name) ? raw_name : slice_of(NULL, 0);
	d->ref = schema_json_string(r, arena_join(r->arena, SLICE("#/$defs/"), escape(r, free)));
	n->definition = *r->definitions_end = d;
	r->definitions_end = &d->next;
	return d;
}

void schema_keep_definitions(struct schema_rewriter *r)
{
	for (unsigned i = 0; i < 2; i++) {
		struct schema_member *m = schema_find(r->root, i == 0 ? KEYWORD_DEFS : KEYWORD_DEFINITIONS);
		for (struct schema_part *part = m ? m->parts : NULL; part; part = part->next)
			if (r->traits->recursion != RECURSION_NONE || !schema_is_recursive(r, part->node))
				add_definition(r, part->node, part->name, part->raw_name)->original = i == 0;
	}
}

/* The last token of the pointer, in characters every provider takes. */
static struct slice name_from(struct schema_rewriter *r, struct slice ref)
{
	size_t from = ref.len, len = 0;
	char *name = arena_alloc(r->arena, ref.len + 1);

	while (from > 0 && ref.ptr[from - 1] != '/' && ref.ptr[from - 1] != '#')
		from--;
	for (; from < ref.len && len < 64; from++) {
		char c = ref.ptr[from];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
		name[len++] = plain ? c : '_';
	}
	return len > 0 ? slice_of(name, len) : SLICE("root");
}

static struct json ref_to(struct schema_rewriter *r, struct schema_node *target, struct json ref)
{
	struct slice text = json_text(ref, r->arena);

	if (slice_eq(text, SLICE("#")) && r->traits->recursion == RECURSION_FULL)
		return ref;
	struct schema_definition *d = target->definition;
	if (!d)
		d = add_definition(r, target, name_from(r, text), slice_of(NULL, 0));
	if (d->original && slice_starts_with(text, SLICE("#/$defs/")))
		return ref;
	return d->ref;
}

/* OpenAI and Gemini allow nothing beside a `$ref` (Gemini: but what starts with "$"). */
static bool stands_alone(const struct schema_node *n)
{
	for (const struct schema_member *m = n->members; m; m = m->next)
		if (m->keyword != KEYWORD_REF && m->keyword != KEYWORD_DEFS && m->keyword != KEYWORD_DEFINITIONS &&
		    m->keyword != KEYWORD_UNKNOWN && m->keyword != KEYWORD_SCHEMA)
			return false;
	return !n->words;
}

static void keep(struct schema_rewriter *r, struct schema_node *n, struct json ref)
{
	struct schema_node *kept = schema_new(r);
	struct schema_member *m = schema_put(r, kept, KEYWORD_REF);

	m->value = m->source = ref;
	if (stands_alone(n)) {
		*n = *kept;
		return;
	}
	schema_remove(n, KEYWORD_REF);
	m = schema_put(r, n, KEYWORD_ANY_OF);
	m->form = FORM_LIST;
	m->parts = schema_part(r, kept);
}

static unsigned times_inlined(const struct schema_rewriter *r, const struct schema_node *target)
{
	unsigned times = 0;

	for (unsigned i = 0; i < r->inlined_count; i++)
		times += r->inlined[i] == target;
	return times;
}

static void cut(struct schema_rewriter *r, struct schema_node *n, struct schema_node *target, struct json ref)
{
	unsigned types = schema_types(target);

	if (types != 0 && schema_types(n) == 0)
		schema_set_types(r, n, types);
	schema_say(r, n, arena_printf(r->arena, "like %.*s around it, and so on",
				      SLICE_ARG(name_from(r, json_text(ref, r->arena)))));
	schema_lose_keyword(r, KEYWORD_REF);
}

bool schema_follow(struct schema_rewriter *r, struct schema_node *n, bool ref_may_stay, bool optional)
{
	struct schema_member *m = schema_find(n, KEYWORD_REF);
	struct json ref = m->value;
	struct schema_node *target = schema_resolve(r, m);
	const struct schema_traits *t = r->traits;

	if (!target) {
		schema_remove(n, KEYWORD_REF);
		schema_say_member(r, n, m);
		schema_lose_keyword(r, KEYWORD_REF);
		return false;
	}
	bool recursive = schema_is_recursive(r, target);
	bool united = n->present & (1ull << KEYWORD_ANY_OF | 1ull << KEYWORD_ONE_OF | 1ull << KEYWORD_ALL_OF);
	bool allowed = !recursive || t->recursion == RECURSION_FULL || (t->recursion == RECURSION_OPTIONAL && optional);
	if (ref_may_stay && t->refs && allowed && (stands_alone(n) || (recursive && !united))) {
		keep(r, n, ref_to(r, target, ref));
		return true;
	}
	schema_remove(n, KEYWORD_REF);
	if (recursive && (r->inlined_count >= r->refs_max || times_inlined(r, target) >= r->unroll)) {
		cut(r, n, target, ref);
		return false;
	}
	if (recursive)
		r->inlined[r->inlined_count++] = target;
	r->unrolled |= recursive;
	schema_merge(r, n, target);
	return false;
}
