/* SPDX-License-Identifier: Apache-2.0 */
/* tools and toolConfig of a generateContent request (DIALECTS §3.4, §3.5, §3.14). */
#include "dialect/gemini/gemini.h"
#include "dialect/web_search.h"

#include "dialect/chat_shape.h"

static bool write_parameters(struct request_writing *r, const struct tool *t)
{
	struct schema_report report = { .lossy = false };
	struct json_writer w;
	struct buf text;
	bool ok;

	buf_init(&text, SCHEMA_OUTPUT_MAX);
	json_writer_init(&w, &text);
	ok = schema_write(t->parameters, SCHEMA_GEMINI_JSON, SCHEMA_TOOL, r->arena, &w, &report) && !w.overflow;
	/* A function without parameters has no such member. */
	if (ok && !report.empty) {
		json_literal_key(&r->json, "parametersJsonSchema");
		json_value_raw(&r->json, buf_slice(&text));
	}
	buf_done(&text);
	return ok || request_cannot_write(r, "the schema of tool %.*s cannot be said to this model: %s",
					  SLICE_ARG(t->name),
					  report.reason ? report.reason : "it is too long");
}

static bool write_function(struct request_writing *r, const struct tool *t)
{
	bool ok = true;

	/* In this dialect it is the API's to judge. */
	if (r->own) {
		json_value_raw(&r->json, json_raw(t->raw));
		return true;
	}
	json_begin_object(&r->json);
	json_member_string(&r->json, "name", names_out(r->target->names, t->name, &name_rule_gemini));
	if (t->description.len > 0)
		json_member_string(&r->json, "description", t->description);
	if (json_exists(t->parameters))
		ok = write_parameters(r, t);
	json_end_object(&r->json);
	return ok;
}

static bool write_server_tool(struct request_writing *r, const struct tool *t)
{
	static const char *const plain[] = {
		[TOOL_WEB_SEARCH] = "googleSearch", [TOOL_WEB_FETCH] = "urlContext", [TOOL_CODE] = "codeExecution",
		[TOOL_OTHER] = NULL,
	};

	if (!r->own && (t->kind >= COUNT_OF(plain) || !plain[t->kind]))
		return request_cannot_write(r, "the tool %.*s is run by another provider and is not to be had here",
					    SLICE_ARG(t->name));
	json_begin_object(&r->json);
	json_key(&r->json, r->own ? t->name : slice_cstr(plain[t->kind]));
	json_value_raw(&r->json, r->own ? json_raw(t->raw) : SLICE("{}"));
	json_end_object(&r->json);
	if (t->kind == TOOL_WEB_SEARCH && !r->own) {
		struct web_search s;

		web_search_read(t, &s);
		web_search_note(&s, 0, r->target); /* it is told nothing */
	}
	return true;
}

static bool write_functions(struct request_writing *r)
{
	bool any = false;

	for (const struct tool *t = r->chat->tools; t; t = t->next) {
		if (t->kind != TOOL_FUNCTION)
			continue;
		if (!any) {
			json_begin_object(&r->json);
			json_literal_key(&r->json, "functionDeclarations");
			json_begin_array(&r->json);
			any = true;
		}
		if (!write_function(r, t))
			return false;
	}
	if (any) {
		json_end_array(&r->json);
		json_end_object(&r->json);
	}
	return true;
}

/* VALIDATED is for all functions or for none (DIALECTS §3.5). */
static bool are_strict(struct request_writing *r)
{
	bool all = true, any = false;

	for (const struct tool *t = r->chat->tools; t; t = t->next)
		if (t->kind == TOOL_FUNCTION) {
			all &= t->strict == SAID_YES;
			any |= t->strict == SAID_YES;
		}
	if (!any || !writes(r, FIELD_TOOL_STRICT))
		return false;
	if (!all)
		r->lossy |= FIELD_TOOL_STRICT;
	return all;
}

static const char *mode_of(struct request_writing *r, bool limited)
{
	bool strict = are_strict(r);

	switch (r->chat->choice.mode) {
	case CHOICE_UNSAID:
		return strict || limited ? "VALIDATED" : NULL;
	case CHOICE_AUTO:
		break;
	case CHOICE_NONE:
		return writes(r, FIELD_CHOICE_NONE) ? "NONE" : NULL;
	case CHOICE_REQUIRED:
		if (writes(r, FIELD_CHOICE_REQUIRED))
			return "ANY";
		break;
	case CHOICE_NAMED:
		if (writes(r, FIELD_CHOICE_NAMED))
			return "ANY";
		break;
	}
	/* Names may be listed with ANY and VALIDATED only. */
	return strict || limited ? "VALIDATED" : "AUTO";
}

static void write_allowed(struct request_writing *r)
{
	const struct tool_choice *choice = &r->chat->choice;
	bool named = choice->mode == CHOICE_NAMED && writes(r, FIELD_CHOICE_NAMED);
	bool limited = choice->allowed_count > 0 && writes(r, FIELD_CHOICE_ALLOWED) && choice->mode != CHOICE_NONE;

	if (!named && !limited)
		return;
	json_literal_key(&r->json, "allowedFunctionNames");
	json_begin_array(&r->json);
	if (named)
		json_string(&r->json, names_out(r->target->names, choice->name, &name_rule_gemini));
	for (unsigned i = 0; !named && i < choice->allowed_count; i++)
		json_string(&r->json, names_out(r->target->names, choice->allowed[i], &name_rule_gemini));
	json_end_array(&r->json);
}

/* A choice among functions without any is a 400. */
static void write_config(struct request_writing *r, bool functions)
{
	struct slice path = SLICE("toolConfig.functionCallingConfig");
	bool limited = r->chat->choice.allowed_count > 0 && writes(r, FIELD_CHOICE_ALLOWED);
	const char *mode = functions ? mode_of(r, limited) : NULL;
	bool calling = mode || gemini_has_others(r, path);

	if (!calling && !gemini_has_others(r, SLICE("toolConfig")))
		return;
	json_literal_key(&r->json, "toolConfig");
	json_begin_object(&r->json);
	if (calling) {
		json_literal_key(&r->json, "functionCallingConfig");
		json_begin_object(&r->json);
		if (mode)
			json_member_cstr(&r->json, "mode", mode);
		if (mode)
			write_allowed(r);
		gemini_write_others(r, path);
		json_end_object(&r->json);
	}
	gemini_write_others(r, SLICE("toolConfig"));
	json_end_object(&r->json);
}

bool gemini_write_tools(struct request_writing *r, bool with_choice)
{
	bool functions = false;

	for (const struct tool *t = r->chat->tools; t; t = t->next)
		functions |= t->kind == TOOL_FUNCTION;
	if (r->chat->tools) {
		json_literal_key(&r->json, "tools");
		json_begin_array(&r->json);
		if (!write_functions(r))
			return false;
		for (const struct tool *t = r->chat->tools; t; t = t->next)
			if (t->kind != TOOL_FUNCTION && !write_server_tool(r, t))
				return false;
		json_end_array(&r->json);
	}
	if (with_choice)
		write_config(r, functions);
	return true;
}
