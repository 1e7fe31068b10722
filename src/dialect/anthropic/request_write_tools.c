/* SPDX-License-Identifier: Apache-2.0 */
/* tools and tool_choice of a Messages request (DIALECTS §3.4, §3.5, §3.14). */
#include "dialect/anthropic/anthropic.h"
#include "dialect/web_search.h"

#include "llm/schema.h"

static void write_name(struct request_writing *r, struct slice name)
{
	json_member_string(&r->json, "name", names_out(r->target->names, name, &name_rule_anthropic));
}

static bool write_function(struct request_writing *r, const struct tool *t)
{
	static const char *const known[] = { "type", "name", "description", "input_schema", "strict", "cache_control",
					     NULL };
	bool strict = t->strict == SAID_YES && writes(r, FIELD_TOOL_STRICT);
	struct schema_report report = { .lossy = false };

	write_name(r, t->name);
	if (t->description.len > 0 || (r->own && json_is(json_get(t->raw, "description"), JSON_STRING)))
		json_member_string(&r->json, "description", t->description);
	json_literal_key(&r->json, "input_schema");
	/* In this dialect it is the API's to judge. */
	if (r->own && json_exists(t->parameters))
		json_value_raw(&r->json, json_raw(t->parameters));
	else if (!schema_write(t->parameters, strict ? SCHEMA_ANTHROPIC : SCHEMA_PLAIN, SCHEMA_TOOL, r->arena, &r->json,
			       &report))
		return request_cannot_write(r, "the schema of tool %.*s cannot be said to this model: %s",
					    SLICE_ARG(t->name), report.reason);
	if (strict) {
		json_member_bool(&r->json, "strict", true);
		if (report.lossy)
			r->lossy |= FIELD_TOOL_STRICT;
	} else if (r->own && t->strict == SAID_NO) {
		json_member_bool(&r->json, "strict", false);
	}
	if (r->own)
		anthropic_write_members(r, t->raw, known);
	return true;
}

/* Domains are allowed or blocked, not both: "only one of" (SDK type WebSearchTool20250305). */
static void write_search(struct request_writing *r, const struct tool *t)
{
	unsigned carried = SEARCH_ALLOWED | SEARCH_LOCATION;
	struct web_search s;

	web_search_read(t, &s);
	if (!(s.said & SEARCH_ALLOWED))
		carried |= SEARCH_BLOCKED;
	web_search_note(&s, carried, r->target);
	web_search_write(&r->json, "allowed_domains", s.allowed);
	if (carried & SEARCH_BLOCKED)
		web_search_write(&r->json, "blocked_domains", s.blocked);
	web_search_write_location(&r->json, &s, false);
}

/* In this dialect as it came; else the oldest form that all models with such a tool take (SDK types
 * WebSearchTool20250305, WebFetchTool20250910, CodeExecutionTool20250825). */
static bool write_server_tool(struct request_writing *r, const struct tool *t)
{
	static const char *const known[] = { "cache_control", NULL };
	static const struct { enum tool_kind kind; const char *type, *name; } plain[] = {
		{ TOOL_WEB_SEARCH, "web_search_20250305", "web_search" },
		{ TOOL_WEB_FETCH, "web_fetch_20250910", "web_fetch" },
		{ TOOL_CODE, "code_execution_20250825", "code_execution" },
	};

	if (r->own) {
		anthropic_write_members(r, t->raw, known);
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(plain); i++) {
		if (t->kind != plain[i].kind)
			continue;
		json_member_cstr(&r->json, "type", plain[i].type);
		json_member_cstr(&r->json, "name", plain[i].name);
		if (t->kind == TOOL_WEB_SEARCH)
			write_search(r, t);
		return true;
	}
	return request_cannot_write(r, "the tool %.*s is run by another provider and is not to be had here",
				    SLICE_ARG(t->name));
}

static bool write_tool(struct request_writing *r, const struct tool *t)
{
	json_begin_object(&r->json);
	if (!(t->kind == TOOL_FUNCTION ? write_function(r, t) : write_server_tool(r, t)))
		return false;
	anthropic_write_mark(r, t->cache_mark);
	json_end_object(&r->json);
	return true;
}

static bool write_answer_tool(struct request_writing *r)
{
	if (!block_claim_answer_tool(r))
		return false;
	json_begin_object(&r->json);
	block_write_answer_head(r);
	json_literal_key(&r->json, "input_schema");
	if (!block_write_answer_schema(r))
		return false;
	json_end_object(&r->json);
	return true;
}

static void write_choice(struct request_writing *r, bool any_tool)
{
	const struct tool_choice *choice = &r->chat->choice;
	const char *type = NULL;
	bool single = choice->parallel == SAID_NO && writes(r, FIELD_PARALLEL_CONTROL);

	switch (choice->mode) {
	case CHOICE_UNSAID:
		type = single ? "auto" : NULL;
		break;
	case CHOICE_AUTO:
		type = "auto";
		break;
	case CHOICE_NONE:
		type = writes(r, FIELD_CHOICE_NONE) ? "none" : NULL;
		break;
	case CHOICE_REQUIRED:
		type = writes(r, FIELD_CHOICE_REQUIRED) ? "any" : "auto";
		break;
	case CHOICE_NAMED:
		type = writes(r, FIELD_CHOICE_NAMED) ? "tool" : "auto";
		break;
	}
	/* Among other tools, which one is left to the model: calling one of them is no answer yet. */
	if (r->answer_by_tool && choice->mode != CHOICE_NAMED) {
		type = any_tool && choice->mode != CHOICE_NONE ? "any" : "tool";
		single = true;
	}
	if (!type)
		return;
	json_literal_key(&r->json, "tool_choice");
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "type", type);
	if (strcmp(type, "tool") == 0) {
		if (choice->mode == CHOICE_NAMED)
			write_name(r, choice->name);
		else
			json_member_cstr(&r->json, "name", NAMES_ANSWER_TOOL);
	}
	if (strcmp(type, "none") != 0 && (single || (r->own && choice->parallel == SAID_YES)))
		json_member_bool(&r->json, "disable_parallel_tool_use", single);
	json_end_object(&r->json);
}

bool anthropic_write_tools(struct request_writing *r)
{
	bool any = false;

	for (const struct tool *t = r->chat->tools; t; t = t->next) {
		if (!block_allows_tool(r, t))
			continue;
		if (!any) {
			json_literal_key(&r->json, "tools");
			json_begin_array(&r->json);
			any = true;
		}
		if (!write_tool(r, t))
			return false;
	}
	bool has_tools = any;
	if (r->answer_by_tool) {
		if (!any) {
			json_literal_key(&r->json, "tools");
			json_begin_array(&r->json);
			any = true;
		}
		if (!write_answer_tool(r))
			return false;
	}
	if (!any)
		return true;
	json_end_array(&r->json);
	write_choice(r, has_tools);
	return true;
}
