/* SPDX-License-Identifier: Apache-2.0 */
/* Custom tools for targets that know functions only (llm/custom_input.h): before a dialect's writer sees the chat, each
 * is a function of one string, and its calls have {"input":"…"} for arguments. */
#include "dialect/request_write.h"

#include "llm/custom_input.h"

static bool has_custom(const struct chat *c)
{
	for (const struct tool *t = c->tools; t; t = t->next)
		if (t->kind == TOOL_CUSTOM)
			return true;
	for (const struct turn *t = c->turns; t; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (p->kind == PART_TOOL_CALL && p->call->custom)
				return true;
	return false;
}

/* Its format stands beside the type (Responses) or in an object of its own (chat completions). No model is bound to a
 * grammar that is said in words. */
static struct slice describe(const struct tool *t, const struct chat_target *target, struct arena *a)
{
	struct json inner = json_get(t->grammar, "grammar");
	struct json format = json_exists(inner) ? inner : t->grammar;
	struct slice rules = json_text(json_get(format, "definition"), a), kind = json_text(json_get(format, "syntax"), a);

	if (rules.len == 0)
		return t->description;
	*target->rewritten_lossy |= FIELD_CUSTOM_TOOLS;
	return arena_printf(a, "%.*s\n\nThe input must follow this grammar (%.*s):\n%.*s", SLICE_ARG(t->description),
			    SLICE_ARG(kind), SLICE_ARG(rules));
}

static struct json input_schema(struct arena *a)
{
	struct json_doc *doc = arena_new(a, struct json_doc);
	struct json_error error;

	return json_parse(a, SLICE(CUSTOM_INPUT_SCHEMA), doc, &error) ? json_root(doc) : (struct json){ 0 };
}

static void copy_tools(struct chat *copy, const struct chat *c, const struct chat_target *target, struct arena *a)
{
	struct json schema = input_schema(a);

	copy->tools = copy->last_tool = NULL;
	for (const struct tool *from = c->tools; from; from = from->next) {
		struct tool *t = chat_add_tool(copy, a, from->kind);

		*t = *from;
		t->next = NULL;
		if (from->kind != TOOL_CUSTOM)
			continue;
		names_add_custom(target->names, from->name);
		t->kind = TOOL_FUNCTION;
		t->description = describe(from, target, a);
		t->parameters = schema;
	}
}

static struct tool_call *copy_call(const struct tool_call *from, struct arena *a)
{
	struct tool_call *call = arena_new(a, struct tool_call);

	*call = *from;
	call->custom = false;
	call->arguments = arena_join(a, arena_join(a, SLICE("{\"input\":"), json_quote(from->arguments, a)), SLICE("}"));
	return call;
}

static void copy_turns(struct chat *copy, const struct chat *c, struct arena *a)
{
	copy->turns = copy->last_turn = NULL;
	for (const struct turn *from = c->turns; from; from = from->next) {
		struct turn *t = chat_add_turn(copy, a, from->role);

		*t = *from;
		t->next = NULL;
		t->parts = t->last = NULL;
		for (const struct part *p = from->parts; p; p = p->next) {
			struct part *q = turn_add_part(t, a, PART_TEXT);

			*q = *p;
			q->next = NULL;
			if (p->kind == PART_TOOL_CALL && p->call->custom)
				q->call = copy_call(p->call, a);
		}
	}
}

const struct chat *request_custom_as_functions(const struct chat *c, const struct chat_target *target, struct arena *a)
{
	struct chat *copy;

	if (!has_custom(c))
		return c;
	copy = arena_new(a, struct chat);
	*copy = *c;
	copy_tools(copy, c, target, a);
	copy_turns(copy, c, a);
	return copy;
}
