/* SPDX-License-Identifier: Apache-2.0 */
/* A Messages request (or the count of its tokens) into the hub: everything but the conversation itself (DIALECTS §3.1,
 * §3.4, §3.5, §3.7, §3.9 to §3.12; SDK type MessageCreateParams, and the betas of §3.14b). */
#include "dialect/anthropic/anthropic.h"

enum cache_mark anthropic_read_mark(struct json control)
{
	if (!json_is(control, JSON_OBJECT))
		return CACHE_MARK_NONE;
	return json_text_eq(json_get(control, "ttl"), SLICE("1h")) ? CACHE_MARK_1H : CACHE_MARK_5M;
}

/* ---- tools ---- */

/* Server tools carry their version in their type; so that tomorrow's are known too, only its beginning counts. What the
 * client runs itself by Anthropic's own definition (bash_, text_editor_, computer_, memory_) has no schema that another
 * model could be told. */
static enum tool_kind tool_kind(struct slice type)
{
	if (type.len == 0 || slice_eq(type, SLICE("custom")))
		return TOOL_FUNCTION;
	if (slice_starts_with(type, SLICE("web_search_")))
		return TOOL_WEB_SEARCH;
	if (slice_starts_with(type, SLICE("web_fetch_")))
		return TOOL_WEB_FETCH;
	return slice_starts_with(type, SLICE("code_execution_")) ? TOOL_CODE : TOOL_OTHER;
}

static enum said said_of(struct json v)
{
	return json_is(v, JSON_TRUE) ? SAID_YES : json_is(v, JSON_FALSE) ? SAID_NO : UNSAID;
}

static bool read_tool(struct chat_reading *r, struct json definition)
{
	if (!json_is(definition, JSON_OBJECT))
		return chat_refuse(r->failure, "tools",
				   "tools: each tool must be an object with name and input_schema");

	struct slice type = json_text(json_get(definition, "type"), r->arena);
	struct tool *t = chat_add_tool(r->chat, r->arena, tool_kind(type));
	struct json schema = json_get(definition, "input_schema");

	t->name = json_text(json_get(definition, "name"), r->arena);
	t->raw = definition;
	t->raw_dialect = DIALECT_ANTHROPIC;
	t->cache_mark = anthropic_read_mark(json_get(definition, "cache_control"));
	if (t->kind != TOOL_FUNCTION)
		return true;
	if (t->name.len == 0)
		return chat_refuse(r->failure, "tools", "tools: each tool needs a name");
	if (json_exists(schema) && !json_is(schema, JSON_OBJECT) && !json_is(schema, JSON_NULL))
		return chat_refuse(r->failure, "tools", "tools: input_schema must be a JSON schema, an object");
	t->description = json_text(json_get(definition, "description"), r->arena);
	t->strict = said_of(json_get(definition, "strict"));
	if (json_is(schema, JSON_OBJECT))
		t->parameters = schema;
	return true;
}

static bool read_tools(struct chat_reading *r, struct json tools)
{
	if (!json_is_filled(tools))
		return true;
	if (!json_is(tools, JSON_ARRAY))
		return chat_refuse(r->failure, "tools", "tools must be an array");
	for (struct json_walk w = json_walk(tools); json_walk_next(&w);)
		if (!read_tool(r, w.value))
			return false;
	return true;
}

static bool read_choice(struct chat_reading *r, struct json choice)
{
	static const struct { const char *type; enum choice_mode mode; } modes[] = {
		{ "auto", CHOICE_AUTO }, { "any", CHOICE_REQUIRED }, { "tool", CHOICE_NAMED }, { "none", CHOICE_NONE },
	};
	struct json type = json_get(choice, "type"), single = json_get(choice, "disable_parallel_tool_use");
	struct tool_choice *ret = &r->chat->choice;

	if (!json_exists(choice) || json_is(choice, JSON_NULL))
		return true;
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		if (json_text_eq(type, slice_cstr(modes[i].type)))
			ret->mode = modes[i].mode;
	if (ret->mode == CHOICE_UNSAID)
		return chat_refuse(r->failure, "tool_choice",
				   "tool_choice.type must be \"auto\", \"any\", \"tool\" or \"none\"");
	if (ret->mode == CHOICE_NAMED)
		ret->name = json_text(json_get(choice, "name"), r->arena);
	if (ret->mode == CHOICE_NAMED && ret->name.len == 0)
		return chat_refuse(r->failure, "tool_choice", "tool_choice of type \"tool\" needs a name");
	if (json_is(single, JSON_TRUE) || json_is(single, JSON_FALSE))
		ret->parallel = json_is(single, JSON_TRUE) ? SAID_NO : SAID_YES;
	return true;
}

/* ---- members with members of their own ---- */

/* enabled, adaptive, disabled, between_tools (sonnet-5-5 only: a kind of on), and what is to come. */
static void read_thinking(struct chat_reading *r, struct json thinking)
{
	struct reasoning *ret = &r->chat->reasoning;

	for (struct json_walk w = json_walk(thinking); json_walk_next(&w);) {
		if (json_text_eq(w.key, SLICE("type"))) {
			ret->wish = json_text_eq(w.value, SLICE("disabled")) ? REASONING_OFF :
				    json_text_eq(w.value, SLICE("enabled")) ? REASONING_BY_BUDGET : REASONING_ON;
			if (ret->wish == REASONING_ON && !json_text_eq(w.value, SLICE("adaptive")))
				chat_keep_other(r, FIELD_OTHER, SLICE("thinking"), &w);
		} else if (json_text_eq(w.key, SLICE("budget_tokens"))) {
			ret->budget = json_i64_or(w.value, 0);
		} else if (json_text_eq(w.key, SLICE("display")) && json_text_eq(w.value, SLICE("summarized"))) {
			ret->visible = SAID_YES;
		} else if (json_text_eq(w.key, SLICE("display")) && json_text_eq(w.value, SLICE("omitted"))) {
			ret->visible = SAID_NO;
		} else {
			chat_keep_other(r, FIELD_OTHER, SLICE("thinking"), &w);
		}
	}
	/* Without its number it is no wish for that many tokens. */
	if (ret->wish == REASONING_BY_BUDGET && ret->budget <= 0)
		ret->wish = REASONING_ON;
}

static bool read_format(struct chat_reading *r, struct json format)
{
	struct json schema = json_get(format, "schema");

	if (!json_text_eq(json_get(format, "type"), SLICE("json_schema")) || !json_is(schema, JSON_OBJECT))
		return false;
	r->chat->format.kind = FORMAT_SCHEMA;
	r->chat->format.strict = SAID_YES;
	r->chat->format.schema = schema;
	return true;
}

static void read_output_config(struct chat_reading *r, struct json config)
{
	for (struct json_walk w = json_walk(config); json_walk_next(&w);) {
		bool is_effort = json_text_eq(w.key, SLICE("effort"));
		unsigned effort = is_effort ? effort_by_name(json_text(w.value, r->arena)) : 0;

		if (effort != 0)
			r->chat->reasoning.effort = effort;
		else if (!json_text_eq(w.key, SLICE("format")) || !read_format(r, w.value))
			chat_keep_other(r, FIELD_OTHER, SLICE("output_config"), &w);
	}
	/* Alone it turns a model that thinks unasked. */
	if (r->chat->reasoning.effort != 0 && r->chat->reasoning.wish == REASONING_UNSAID)
		r->chat->reasoning.wish = REASONING_BY_EFFORT;
}

static void read_metadata(struct chat_reading *r, struct json metadata)
{
	for (struct json_walk w = json_walk(metadata); json_walk_next(&w);) {
		if (json_text_eq(w.key, SLICE("user_id")) && json_is(w.value, JSON_STRING))
			r->chat->user = json_text(w.value, r->arena);
		else
			chat_keep_other(r, FIELD_OTHER, SLICE("metadata"), &w);
	}
}

/* ---- the rest ---- */

static bool read_numbers(struct chat_reading *r, enum operation op, struct json root)
{
	struct json limit = json_get(root, "max_tokens");

	if (!json_exists(limit) && op == OPERATION_CHAT)
		return chat_refuse(r->failure, "max_tokens", "max_tokens is missing: this API requires it");
	if (json_exists(limit) && !json_is(limit, JSON_NULL)) {
		r->chat->max_output = json_i64_or(limit, -1);
		if (r->chat->max_output < 0)
			return chat_refuse(r->failure, "max_tokens", "max_tokens must be a whole number of tokens");
	}
	number_read(&r->chat->temperature, json_get(root, "temperature"));
	number_read(&r->chat->top_p, json_get(root, "top_p"));
	number_read(&r->chat->top_k, json_get(root, "top_k"));
	return true;
}

/* "standard_only" is what OpenAI calls "default": no priority capacity. */
static void read_tier(struct chat_reading *r, struct json tier)
{
	struct slice name = json_text(tier, r->arena);

	r->chat->service_tier = slice_eq(name, SLICE("standard_only")) ? SLICE("default") : name;
}

/* Where leaving it out would change what the answer is made of. */
static uint64_t other_field(struct json key, struct json value)
{
	static const char *const meanings[] = { "container", "mcp_servers", "thread", NULL };

	for (const char *const *m = meanings; *m; m++)
		if (json_text_eq(key, slice_cstr(*m)) && json_is_filled(value))
			return FIELD_OTHER_MEANING;
	return FIELD_OTHER;
}

static void keep_others(struct chat_reading *r, struct json root)
{
	static const char *const known[] = {
		"model", "messages", "system", "max_tokens", "stream", "tools", "tool_choice", "thinking",
		"output_config", "output_format", "stop_sequences", "temperature", "top_p", "top_k", "metadata",
		"service_tier", "cache_control", NULL
	};

	for (struct json_walk w = json_walk(root); json_walk_next(&w);)
		if (!json_is_one_of(w.key, known))
			chat_keep_other(r, other_field(w.key, w.value), SLICE(""), &w);
}

static const struct member_type types[] = {
	{ "temperature", IS_NUMBER }, { "top_p", IS_NUMBER }, { "top_k", IS_NUMBER },
	{ "service_tier", IS_STRING }, { "stop_sequences", IS_ARRAY }, { "cache_control", IS_OBJECT },
	{ "metadata", IS_OBJECT }, { "output_config", IS_OBJECT }, { "thinking", IS_OBJECT }, { 0 },
};

bool anthropic_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
			 struct failure *reterr)
{
	struct chat_reading r = { .chat = ret, .arena = a, .failure = reterr };
	struct json root = json_root(&facts->doc);

	chat_init(ret, DIALECT_ANTHROPIC);
	ret->model = facts->model;
	ret->stream = facts->stream;
	ret->usage_asked = facts->usage_asked;
	if (!chat_check_types(root, types, reterr) || !anthropic_read_system(&r, json_get(root, "system")) ||
	    !anthropic_read_messages(&r, json_get(root, "messages")) || !read_tools(&r, json_get(root, "tools")) ||
	    !read_choice(&r, json_get(root, "tool_choice")) || !read_numbers(&r, op, root))
		return false;
	read_thinking(&r, json_get(root, "thinking"));
	/* output_format is the beta's name for it (recorded). */
	if (json_exists(json_get(root, "output_format")) && !read_format(&r, json_get(root, "output_format")))
		chat_add_other(ret, a, FIELD_OTHER, SLICE("output_format"), json_get(root, "output_format"));
	read_output_config(&r, json_get(root, "output_config"));
	read_metadata(&r, json_get(root, "metadata"));
	read_tier(&r, json_get(root, "service_tier"));
	chat_read_stops(ret, a, json_get(root, "stop_sequences"));
	ret->cache_whole = anthropic_read_mark(json_get(root, "cache_control"));
	keep_others(&r, root);
	return chat_finish(ret, a, reterr);
}
