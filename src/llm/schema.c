/* SPDX-License-Identifier: Apache-2.0 */
/* A schema's way to a target: read into a tree (schema_read.c), rewritten (schema_rewrite.c), written; and copied as it
 * stood when that changed nothing. */
#include "llm/schema_internal.h"

/* DIALECTS §3.8, row "format". */
static const char *const openai_formats[] = { "date-time", "time", "date", "duration", "email", "hostname", "ipv4",
					      "ipv6", "uuid", NULL };
static const char *const anthropic_formats[] = { "date-time", "time", "date", "duration", "email", "hostname", "uri",
						 "ipv4", "ipv6", "uuid", NULL };
static const char *const gemini_json_formats[] = { "date-time", "date", "time", NULL };
/* "only 'enum' and 'date-time' are supported for STRING type" (Gemini API); numbers: message Schema of Vertex AI. */
static const char *const gemini_openapi_formats[] = { "enum", "date-time", "float", "double", "int32", "int64", NULL };
static const char *const cohere_formats[] = { "date-time", "uuid", "date", "time", NULL };

static const struct schema_traits traits[SCHEMA_TARGET_COUNT] = {
	[SCHEMA_PLAIN] = { .name = "plain", .refs = true },
	/* Limits: DIALECTS §3.8, last row. */
	[SCHEMA_OPENAI_STRICT] = { .name = "openai-strict", .typed = true, .closed = true, .all_required = true,
				   .object_output = true, .refs = true, .no_lookaround = true, .properties_max = 5000,
				   .levels_max = 10, .enum_values_max = 1000, .formats = openai_formats },
	[SCHEMA_ANTHROPIC] = { .name = "anthropic", .typed = true, .closed = true, .refs = true,
			       .recursion = RECURSION_NONE, .scalar_enums = true, .optional_max = 24,
			       .formats = anthropic_formats },
	[SCHEMA_GEMINI_JSON] = { .name = "gemini-json", .refs = true, .recursion = RECURSION_OPTIONAL,
				 .scalar_enums = true, .formats = gemini_json_formats },
	[SCHEMA_GEMINI_OPENAPI] = { .name = "gemini-openapi", .typed = true, .recursion = RECURSION_NONE,
				    .openapi = true, .formats = gemini_openapi_formats },
	[SCHEMA_COHERE] = { .name = "cohere", .typed = true, .one_required = true, .object_output = true, .refs = true,
			    .no_lookaround = true, .properties_max = 200, .formats = cohere_formats },
	[SCHEMA_MISTRAL_STRICT] = { .name = "mistral-strict", .typed = true, .closed = true, .object_output = true,
				    .refs = true },
};

const char *schema_target_name(enum schema_target target)
{
	return traits[target].name;
}

static void write_name(struct schema_rewriter *r, struct json_writer *w, struct slice raw, struct slice name)
{
	if (raw.len > 0)
		json_ready_key(w, arena_printf(r->arena, ",%.*s:", SLICE_ARG(raw)));
	else
		json_key(w, name);
}

static void write_node(struct schema_rewriter *r, struct json_writer *w, const struct schema_node *n);

static void write_parts(struct schema_rewriter *r, struct json_writer *w, const struct schema_member *m)
{
	if (m->form == FORM_ONE) {
		write_node(r, w, m->parts->node);
		return;
	}
	m->form == FORM_MAP ? json_begin_object(w) : json_begin_array(w);
	for (const struct schema_part *part = m->parts; part; part = part->next) {
		if (m->form == FORM_MAP)
			write_name(r, w, part->raw_name, part->name);
		write_node(r, w, part->node);
	}
	m->form == FORM_MAP ? json_end_object(w) : json_end_array(w);
}

/* As deep as the rewriter went, which is bounded (SCHEMA_LEVELS_MAX). */
static void write_node(struct schema_rewriter *r, struct json_writer *w, const struct schema_node *n)
{
	if (n->boolean) {
		json_bool(w, n->verdict);
		return;
	}
	json_begin_object(w);
	for (const struct schema_member *m = n->members; m && !w->overflow; m = m->next) {
		if (m->keyword == KEYWORD_UNKNOWN)
			write_name(r, w, m->raw_name, m->raw_name);
		else
			json_key(w, schema_keywords[m->keyword].name);
		if (m->form == FORM_VALUE)
			json_value_raw(w, json_raw(m->value));
		else
			write_parts(r, w, m);
	}
	json_end_object(w);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether two JSON texts differ in nothing but the space between their tokens. */
static bool same_but_space(struct slice a, struct slice b)
{
	size_t i = 0, k = 0;
	bool in_string = false;

	for (;;) {
		while (!in_string && i < a.len && is_space(a.ptr[i]))
			i++;
		while (!in_string && k < b.len && is_space(b.ptr[k]))
			k++;
		if (i == a.len || k == b.len)
			return i == a.len && k == b.len;
		if (a.ptr[i] != b.ptr[k])
			return false;
		if (a.ptr[i] == '"')
			in_string = !in_string;
		else if (in_string && a.ptr[i] == '\\' && i + 1 < a.len && k + 1 < b.len && a.ptr[++i] != b.ptr[++k])
			return false;
		i++;
		k++;
	}
}

/* What an attempt at rewriting leaves behind; the tree that was read stays as it was. */
static void start_over(struct schema_rewriter *r)
{
	*r->report = (struct schema_report){ 0 };
	r->definitions = NULL;
	r->definitions_end = &r->definitions;
	r->work = 0;
	r->made = r->inlined_count = r->flatten_depth = 0;
	r->properties = r->enum_values = r->optional = 0;
	for (size_t i = 0; i < r->count; i++)
		r->nodes[i]->definition = NULL;
	for (size_t i = 0; i < r->stray_count; i++)
		r->strays[i]->definition = NULL;
}

/* Recursive types may grow without measure where they have to be inlined: less and less of them is then. */
static struct schema_node *rewrite_within_bounds(struct schema_rewriter *r)
{
	static const struct { unsigned unroll, refs_max; } attempts[] = {
		{ 2, SCHEMA_REFS_MAX }, { 1, SCHEMA_REFS_MAX }, { 1, 8 }, { 1, 2 }
	};
	struct schema_node *root = NULL;

	for (unsigned i = 0; i < COUNT_OF(attempts); i++) {
		start_over(r);
		r->unroll = attempts[i].unroll;
		r->refs_max = attempts[i].refs_max;
		root = schema_rewrite(r);
		if (!r->report->reason || !r->unrolled)
			break;
	}
	return root;
}

/* The result as text; NULL pointer when there is none. */
static struct slice write_text(struct schema_rewriter *r, const struct schema_node *root)
{
	struct slice text = { 0 };
	struct json_writer w;
	struct buf out;

	buf_init(&out, SCHEMA_OUTPUT_MAX);
	json_writer_init(&w, &out);
	write_node(r, &w, root);
	if (w.overflow)
		schema_fail(r, "the schema is too long");
	else
		text = arena_dup(r->arena, buf_slice(&out));
	buf_done(&out);
	return text;
}

/* Rewrites once; the source itself, byte for byte, when that changes nothing. */
static struct slice rewrite_once(const struct schema_rewriter *like, struct json source, struct schema_report *ret)
{
	struct schema_rewriter *r = arena_new(like->arena, struct schema_rewriter);

	*ret = (struct schema_report){ 0 };
	*r = *like;
	r->report = ret;
	r->source = source;
	r->root = schema_read(r, source);
	if (ret->reason)
		return slice_of(NULL, 0);
	struct schema_node *root = rewrite_within_bounds(r);
	struct slice text = ret->reason ? slice_of(NULL, 0) : write_text(r, root);
	ret->changed = text.ptr && !same_but_space(json_raw(source), text);
	return text.ptr && !ret->changed ? json_raw(source) : text;
}

static void add_report(struct schema_rewriter *r, const struct schema_report *more)
{
	struct slice left = slice_cstr(more->lost), name;

	while ((name = slice_next_token(&left, ',')).len > 0)
		schema_lose(r, name);
	r->report->lossy |= more->lossy;
	r->report->nullable |= more->nullable;
	r->report->changed |= more->changed;
	r->report->empty = more->empty;
	r->report->reason = more->reason;
}

enum { ROUNDS_MAX = 8 };

bool schema_write(struct json schema, enum schema_target target, enum schema_use use, struct arena *scratch,
		  struct json_writer *out, struct schema_report *ret)
{
	struct schema_rewriter r = { .arena = scratch, .target = target, .use = use, .traits = &traits[target],
				     .report = ret };
	bool absent = json_is(schema, JSON_MISSING) || json_is(schema, JSON_NULL);
	struct schema_report round = { .changed = true };
	struct json source = absent ? schema_json(&r, SLICE("{}")) : schema;
	struct slice text = { 0 };

	*ret = (struct schema_report){ .changed = absent };
	if (!json_is(source, JSON_OBJECT) && !json_is(source, JSON_TRUE) && !json_is(source, JSON_FALSE))
		return schema_fail(&r, "the schema is neither an object nor a boolean");
	/* What two rules make of each other's results may take one more round (an anyOf of one, once its other branch
	 * was merged away): until nothing changes, which also is what makes rewriting idempotent. */
	for (unsigned i = 0; round.changed && i < ROUNDS_MAX; i++) {
		text = rewrite_once(&r, source, &round);
		add_report(&r, &round);
		if (ret->reason)
			return false;
		if (round.changed)
			source = schema_json(&r, text);
		if (ret->reason)
			return false;
	}
	if (round.changed)
		return schema_fail(&r, "the schema contradicts itself");
	json_value_raw(out, text);
	return true;
}
