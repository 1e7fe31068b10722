/* SPDX-License-Identifier: Apache-2.0 */
/* toolConfig of a Converse request (DIALECTS §3.4, §3.5, §10 row 10; service model ToolConfiguration). It must be
 * there while toolUse and toolResult blocks are; a conversation whose client no longer sends its tools gets their
 * names back. */
#include "dialect/bedrock_converse/bedrock_converse.h"

#include "llm/schema.h"

#define NO_SCHEMA "{\"json\":{\"type\":\"object\"}}"

static void write_name(struct request_writing *r, struct slice name)
{
	json_member_string(&r->json, "name", names_out(r->target->names, name, &bedrock_name_rule));
}

static bool write_function(struct request_writing *r, const struct tool *t)
{
	bool strict = t->strict == SAID_YES && writes(r, FIELD_TOOL_STRICT);
	struct schema_report report = { .lossy = false };

	json_begin_object(&r->json);
	json_literal_key(&r->json, "toolSpec");
	json_begin_object(&r->json);
	write_name(r, t->name);
	if (t->description.len > 0)
		json_member_string(&r->json, "description", t->description);
	json_literal_key(&r->json, "inputSchema");
	json_begin_object(&r->json);
	json_literal_key(&r->json, "json");
	if (!schema_write(t->parameters, strict ? SCHEMA_ANTHROPIC : SCHEMA_PLAIN, SCHEMA_TOOL, r->arena, &r->json,
			  &report))
		return request_cannot_write(r, "the schema of tool %.*s cannot be said to this model: %s", SLICE_ARG(t->name),
					    report.reason);
	json_end_object(&r->json);
	if (strict) {
		json_member_bool(&r->json, "strict", true);
		if (report.lossy)
			r->lossy |= FIELD_TOOL_STRICT;
	}
	json_end_object(&r->json);
	json_end_object(&r->json);
	return true;
}

static bool write_tool(struct request_writing *r, const struct tool *t)
{
	if (r->own)
		json_value_raw(&r->json, json_raw(t->raw));
	else if (t->kind != TOOL_FUNCTION)
		return request_cannot_write(r, "the tool %.*s is run by another provider and is not to be had here", SLICE_ARG(t->name));
	else if (!write_function(r, t))
		return false;
	bedrock_write_point(r, t->cache_mark);
	return true;
}

static bool write_answer_tool(struct request_writing *r)
{
	if (!block_claim_answer_tool(r))
		return false;
	json_begin_object(&r->json);
	json_literal_key(&r->json, "toolSpec");
	json_begin_object(&r->json);
	block_write_answer_head(r);
	json_literal_key(&r->json, "inputSchema");
	json_begin_object(&r->json);
	json_literal_key(&r->json, "json");
	if (!block_write_answer_schema(r))
		return false;
	json_end_object(&r->json);
	json_end_object(&r->json);
	json_end_object(&r->json);
	return true;
}

/* ---- tools that only the conversation knows ---- */

/* Names already listed: a conversation has few tools and many calls. */
struct listed { struct slice *names; unsigned count, capacity; };

static bool is_new(struct request_writing *r, struct listed *l, struct slice name)
{
	for (unsigned i = 0; i < l->count; i++)
		if (slice_eq(l->names[i], name))
			return false;
	if (l->count == NAMES_MAX)
		return false;
	if (l->count == l->capacity) {
		struct slice *grown = arena_array(r->arena, struct slice, l->capacity ? 2 * l->capacity : 16);

		if (l->count > 0)
			memcpy(grown, l->names, l->count * sizeof(*grown));
		l->names = grown;
		l->capacity = l->capacity ? 2 * l->capacity : 16;
	}
	l->names[l->count++] = name;
	return true;
}

static void write_called_tools(struct request_writing *r)
{
	struct listed listed = { 0 };

	for (const struct turn *t = r->chat->turns; t; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next) {
			struct slice name = p->kind == PART_TOOL_CALL ? p->call->name :
					    p->kind == PART_TOOL_RESULT ? p->result->name : (struct slice){ 0 };

			if (name.len == 0 || !is_new(r, &listed, name))
				continue;
			json_begin_object(&r->json);
			json_literal_key(&r->json, "toolSpec");
			json_begin_object(&r->json);
			write_name(r, name);
			json_literal_key(&r->json, "inputSchema");
			json_value_raw(&r->json, SLICE(NO_SCHEMA));
			json_end_object(&r->json);
			json_end_object(&r->json);
		}
	if (listed.count > 0)
		return;
	/* Results alone, of a history that was cut: any tool will do. */
	json_value_raw(&r->json, SLICE("{\"toolSpec\":{\"name\":\"tool\",\"inputSchema\":" NO_SCHEMA "}}"));
}

/* ---- toolChoice ---- */

bool bedrock_forbids_in_words(const struct request_writing *r)
{
	return r->chat->choice.mode == CHOICE_NONE && r->chat->tools && r->tools_in_history && !r->answer_by_tool;
}

static void write_choice(struct request_writing *r, bool any_tool)
{
	const struct tool_choice *choice = &r->chat->choice;
	const char *word = choice->mode == CHOICE_AUTO && !bedrock_says_single_call(r) ? "auto" : NULL;
	struct slice name = { 0 };

	if (choice->mode == CHOICE_REQUIRED)
		word = writes(r, FIELD_CHOICE_REQUIRED) ? "any" : "auto";
	if (choice->mode == CHOICE_NAMED && writes(r, FIELD_CHOICE_NAMED))
		name = choice->name;
	/* Among other tools, which one is left to the model: calling one of them is no answer yet. */
	if (r->answer_by_tool && choice->mode != CHOICE_NAMED) {
		word = any_tool && choice->mode != CHOICE_NONE ? "any" : NULL;
		name = word ? name : SLICE(NAMES_ANSWER_TOOL);
	}
	if (!word && name.len == 0 && choice->mode != CHOICE_NAMED)
		return;
	json_literal_key(&r->json, "toolChoice");
	json_begin_object(&r->json);
	if (name.len > 0) {
		json_literal_key(&r->json, "tool");
		json_begin_object(&r->json);
		write_name(r, name);
		json_end_object(&r->json);
	} else {
		json_key(&r->json, word ? slice_cstr(word) : SLICE("auto"));
		json_begin_object(&r->json);
		json_end_object(&r->json);
	}
	json_end_object(&r->json);
}

static bool write_list(struct request_writing *r, bool *ret_any)
{
	*ret_any = false;
	for (const struct tool *t = r->chat->tools; t; t = t->next) {
		if (!block_allows_tool(r, t))
			continue;
		*ret_any = true;
		if (!write_tool(r, t))
			return false;
	}
	if (!*ret_any && r->tools_in_history)
		write_called_tools(r);
	return !r->answer_by_tool || write_answer_tool(r);
}

bool bedrock_write_tools(struct request_writing *r)
{
	bool any = false,
	     sent = r->chat->tools && (r->chat->choice.mode != CHOICE_NONE || r->tools_in_history || r->answer_by_tool);

	if (!sent && !r->tools_in_history && !r->answer_by_tool)
		return true;
	json_literal_key(&r->json, "toolConfig");
	json_begin_object(&r->json);
	json_literal_key(&r->json, "tools");
	json_begin_array(&r->json);
	if (!write_list(r, &any))
		return false;
	json_end_array(&r->json);
	if (any || r->answer_by_tool)
		write_choice(r, any);
	block_write_others(r, SLICE("toolConfig"));
	json_end_object(&r->json);
	return true;
}
