/* SPDX-License-Identifier: Apache-2.0 */
/* tools and toolConfig into the hub (DIALECTS §3.4, §3.5, §3.14; protos Tool, ToolConfig). */
#include "dialect/gemini/gemini.h"

static bool read_function(struct chat_reading *r, struct json definition)
{
	struct json schema = gemini_get(definition, "parametersJsonSchema");
	struct tool *t;

	if (!json_is(definition, JSON_OBJECT) || !json_is_filled(json_get(definition, "name")))
		return chat_refuse(r->failure, "tools",
				   "tools: each of functionDeclarations must be an object with a name");
	if (!json_is(schema, JSON_OBJECT))
		schema = json_get(definition, "parameters");
	t = chat_add_tool(r->chat, r->arena, TOOL_FUNCTION);
	t->name = json_text(json_get(definition, "name"), r->arena);
	t->description = json_text(json_get(definition, "description"), r->arena);
	t->raw = definition;
	t->raw_dialect = DIALECT_GEMINI;
	if (json_is(schema, JSON_OBJECT))
		t->parameters = schema;
	return true;
}

/* Everything else in a Tool is a tool that Google runs; what is in it are its settings. */
static void read_server_tool(struct chat_reading *r, struct slice name, struct json settings)
{
	static const struct { const char *name; enum tool_kind kind; } kinds[] = {
		{ "googleSearch", TOOL_WEB_SEARCH }, { "googleSearchRetrieval", TOOL_WEB_SEARCH },
		{ "enterpriseWebSearch", TOOL_WEB_SEARCH }, { "urlContext", TOOL_WEB_FETCH },
		{ "codeExecution", TOOL_CODE },
	};
	enum tool_kind kind = TOOL_OTHER;
	struct tool *t;

	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (slice_eq(name, slice_cstr(kinds[i].name)))
			kind = kinds[i].kind;
	t = chat_add_tool(r->chat, r->arena, kind);
	t->name = name;
	t->raw = settings;
	t->raw_dialect = DIALECT_GEMINI;
}

static bool read_tool(struct chat_reading *r, struct json tool)
{
	if (!json_is(tool, JSON_OBJECT))
		return chat_refuse(r->failure, "tools",
				   "tools: each tool must be an object, such as {\"functionDeclarations\": […]}");
	for (struct json_walk w = json_walk(tool); json_walk_next(&w);) {
		struct slice name = gemini_key(w.key, r->arena);

		if (json_is(w.value, JSON_NULL))
			continue;
		if (!slice_eq(name, SLICE("functionDeclarations"))) {
			read_server_tool(r, name, w.value);
			continue;
		}
		if (!json_is(w.value, JSON_ARRAY))
			return chat_refuse(r->failure, "tools", "tools: functionDeclarations must be an array");
		for (struct json_walk f = json_walk(w.value); json_walk_next(&f);)
			if (!read_function(r, f.value))
				return false;
	}
	return true;
}

bool gemini_read_tools(struct chat_reading *r, struct json tools)
{
	if (!json_exists(tools) || json_is(tools, JSON_NULL))
		return true;
	if (json_is(tools, JSON_OBJECT))
		return read_tool(r, tools);
	if (!json_is(tools, JSON_ARRAY))
		return chat_refuse(r->failure, "tools", "tools must be an array");
	for (struct json_walk w = json_walk(tools); json_walk_next(&w);)
		if (!read_tool(r, w.value))
			return false;
	return true;
}

/* Words in any case (Google's own take them so), or the enum's numbers. */
static bool is_mode(struct json mode, struct slice word, int64_t number, struct arena *a)
{
	int64_t n;

	return slice_eq_nocase(json_text(mode, a), word) || (json_to_i64(mode, &n) && n == number);
}

static bool read_mode(struct chat_reading *r, struct json mode)
{
	struct tool_choice *c = &r->chat->choice;

	if (is_mode(mode, SLICE("AUTO"), 1, r->arena)) {
		c->mode = CHOICE_AUTO;
	} else if (is_mode(mode, SLICE("ANY"), 2, r->arena)) {
		c->mode = CHOICE_REQUIRED;
	} else if (is_mode(mode, SLICE("NONE"), 3, r->arena)) {
		c->mode = CHOICE_NONE;
	} else if (is_mode(mode, SLICE("VALIDATED"), 4, r->arena)) {
		/* What others call strict (DIALECTS §3.5). */
		c->mode = CHOICE_AUTO;
		for (struct tool *t = r->chat->tools; t; t = t->next)
			if (t->kind == TOOL_FUNCTION)
				t->strict = SAID_YES;
	} else if (!is_mode(mode, SLICE("MODE_UNSPECIFIED"), 0, r->arena)) {
		return chat_refuse(r->failure, "toolConfig",
				   "toolConfig.functionCallingConfig.mode must be AUTO, ANY, NONE or VALIDATED");
	}
	return true;
}

static void read_allowed(struct chat_reading *r, struct json names)
{
	struct tool_choice *c = &r->chat->choice;

	if (!json_is(names, JSON_ARRAY) || json_count(names) == 0)
		return;
	c->allowed = arena_array(r->arena, struct slice, json_count(names));
	for (struct json_walk w = json_walk(names); json_walk_next(&w);)
		if (json_is_filled(w.value) && json_is(w.value, JSON_STRING))
			c->allowed[c->allowed_count++] = json_text(w.value, r->arena);
}

static bool read_calling(struct chat_reading *r, struct json config)
{
	struct tool_choice *c = &r->chat->choice;

	for (struct json_walk w = json_walk(config); json_walk_next(&w);) {
		struct slice name = gemini_key(w.key, r->arena);

		if (json_is(w.value, JSON_NULL))
			continue;
		if (slice_eq(name, SLICE("mode"))) {
			if (!read_mode(r, w.value))
				return false;
		} else if (slice_eq(name, SLICE("allowedFunctionNames"))) {
			read_allowed(r, w.value);
		} else {
			gemini_keep_other(r, FIELD_OTHER, "toolConfig.functionCallingConfig", &w);
		}
	}
	if (c->mode == CHOICE_REQUIRED && c->allowed_count == 1) {
		c->mode = CHOICE_NAMED;
		c->name = c->allowed[0];
		c->allowed_count = 0;
	}
	return true;
}

bool gemini_read_tool_config(struct chat_reading *r, struct json config)
{
	for (struct json_walk w = json_walk(config); json_walk_next(&w);) {
		if (!slice_eq(gemini_key(w.key, r->arena), SLICE("functionCallingConfig")))
			gemini_keep_other(r, FIELD_OTHER, "toolConfig", &w);
		else if (!read_calling(r, w.value))
			return false;
	}
	return true;
}
