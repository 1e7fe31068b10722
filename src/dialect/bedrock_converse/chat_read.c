/* SPDX-License-Identifier: Apache-2.0 */
/* A Converse request (or the count of its tokens) into the hub: everything but the conversation itself (DIALECTS §3.1,
 * §3.4, §3.5, §3.7, §3.9 to §3.12; service model ConverseRequest, ConverseStreamRequest). */
#include "dialect/bedrock_converse/bedrock_converse.h"

enum cache_mark bedrock_read_point(struct json point)
{
	if (!json_is(point, JSON_OBJECT))
		return CACHE_MARK_NONE;
	return json_text_eq(json_get(point, "ttl"), SLICE("1h")) ? CACHE_MARK_1H : CACHE_MARK_5M;
}

/* ---- toolConfig ---- */

static enum said said_of(struct json v)
{
	return json_is(v, JSON_TRUE) ? SAID_YES : json_is(v, JSON_FALSE) ? SAID_NO : UNSAID;
}

static bool read_function(struct chat_reading *r, struct json definition, struct json spec)
{
	struct tool *t = chat_add_tool(r->chat, r->arena, TOOL_FUNCTION);
	struct json schema = json_get(json_get(spec, "inputSchema"), "json");

	t->name = json_text(json_get(spec, "name"), r->arena);
	t->description = json_text(json_get(spec, "description"), r->arena);
	t->strict = said_of(json_get(spec, "strict"));
	t->raw = definition;
	t->raw_dialect = DIALECT_BEDROCK;
	if (t->name.len == 0)
		return chat_refuse(r->failure, "toolConfig", "toolConfig.tools: each toolSpec needs a name");
	if (json_exists(schema) && !json_is(schema, JSON_OBJECT) && !json_is(schema, JSON_NULL))
		return chat_refuse(r->failure, "toolConfig",
				   "toolConfig.tools: inputSchema.json must be a JSON schema, an object");
	if (json_is(schema, JSON_OBJECT))
		t->parameters = schema;
	return true;
}

/* Run by AWS (recorded: nova_grounding). */
static void read_system_tool(struct chat_reading *r, struct json definition, struct json system)
{
	struct slice name = json_text(json_get(system, "name"), r->arena);
	struct tool *t = chat_add_tool(r->chat, r->arena,
				       slice_eq(name, SLICE("nova_grounding")) ? TOOL_WEB_SEARCH :
				       slice_eq(name, SLICE("nova_code_interpreter")) ? TOOL_CODE : TOOL_OTHER);

	t->name = name;
	t->raw = definition;
	t->raw_dialect = DIALECT_BEDROCK;
}

static bool read_tool(struct chat_reading *r, struct json definition)
{
	struct json_walk member = bedrock_union(definition);

	if (json_text_eq(member.key, SLICE("toolSpec")))
		return read_function(r, definition, member.value);
	if (json_text_eq(member.key, SLICE("systemTool"))) {
		read_system_tool(r, definition, member.value);
		return true;
	}
	if (!json_text_eq(member.key, SLICE("cachePoint")))
		return chat_refuse(r->failure, "toolConfig",
				   "toolConfig.tools: each must be {\"toolSpec\": …}, {\"systemTool\": …} or {\"cachePoint\": "
				   "…}");
	if (r->chat->last_tool)
		r->chat->last_tool->cache_mark = bedrock_read_point(member.value);
	return true;
}

static bool read_choice(struct chat_reading *r, struct json choice)
{
	struct json_walk member = bedrock_union(choice);
	struct tool_choice *ret = &r->chat->choice;

	if (!json_exists(choice) || json_is(choice, JSON_NULL))
		return true;
	ret->mode = json_text_eq(member.key, SLICE("auto")) ? CHOICE_AUTO :
		    json_text_eq(member.key, SLICE("any")) ? CHOICE_REQUIRED :
		    json_text_eq(member.key, SLICE("tool")) ? CHOICE_NAMED : CHOICE_UNSAID;
	if (ret->mode == CHOICE_UNSAID)
		return chat_refuse(r->failure, "toolConfig",
				   "toolConfig.toolChoice must be {\"auto\": {}}, {\"any\": {}} or {\"tool\": {\"name\": "
				   "…}}");
	if (ret->mode == CHOICE_NAMED)
		ret->name = json_text(json_get(member.value, "name"), r->arena);
	return ret->mode != CHOICE_NAMED || ret->name.len > 0 ||
	       chat_refuse(r->failure, "toolConfig", "toolConfig.toolChoice.tool needs a name");
}

static bool read_tool_config(struct chat_reading *r, struct json config)
{
	struct json tools = json_get(config, "tools");

	if (!json_exists(config) || json_is(config, JSON_NULL))
		return true;
	if (!json_is(config, JSON_OBJECT) ||
	    (json_exists(tools) && !json_is(tools, JSON_ARRAY) && !json_is(tools, JSON_NULL)))
		return chat_refuse(r->failure, "toolConfig", "toolConfig must be an object with an array of tools");
	for (struct json_walk w = json_walk(config); json_walk_next(&w);)
		if (!json_text_eq(w.key, SLICE("tools")) && !json_text_eq(w.key, SLICE("toolChoice")))
			chat_keep_other(r, FIELD_OTHER, SLICE("toolConfig"), &w);
	if (json_is(tools, JSON_ARRAY))
		for (struct json_walk w = json_walk(tools); json_walk_next(&w);)
			if (!read_tool(r, w.value))
				return false;
	return read_choice(r, json_get(config, "toolChoice"));
}

/* ---- inferenceConfig ---- */

static bool read_inference(struct chat_reading *r, struct json config)
{
	struct chat *c = r->chat;

	if (json_exists(config) && !json_is(config, JSON_OBJECT) && !json_is(config, JSON_NULL))
		return chat_refuse(r->failure, "inferenceConfig", "inferenceConfig must be an object");
	if (!json_is(config, JSON_OBJECT))
		return true;
	for (struct json_walk w = json_walk(config); json_walk_next(&w);) {
		if (json_is(w.value, JSON_NULL))
			continue;
		if (json_text_eq(w.key, SLICE("maxTokens"))) {
			c->max_output = json_i64_or(w.value, -1);
			if (c->max_output < 0)
				return chat_refuse(r->failure, "inferenceConfig",
					"inferenceConfig.maxTokens must be a whole number of tokens");
		} else if (json_text_eq(w.key, SLICE("temperature"))) {
			number_read(&c->temperature, w.value);
		} else if (json_text_eq(w.key, SLICE("topP"))) {
			number_read(&c->top_p, w.value);
		} else if (json_text_eq(w.key, SLICE("stopSequences"))) {
			chat_read_stops(c, r->arena, w.value);
		} else {
			chat_keep_other(r, FIELD_OTHER, SLICE("inferenceConfig"), &w);
		}
	}
	return true;
}

/* ---- additionalModelRequestFields: what models' makers call things ---- */

static void note_effort(struct chat_reading *r, unsigned effort)
{
	r->chat->reasoning.effort = effort;
	/* Alone it turns a model that thinks unasked. */
	if (r->chat->reasoning.wish == REASONING_UNSAID)
		r->chat->reasoning.wish = REASONING_BY_EFFORT;
}

static bool read_effort(struct chat_reading *r, struct json v)
{
	unsigned effort = json_is(v, JSON_STRING) ? effort_by_name(json_text(v, r->arena)) : 0;

	if (effort != 0)
		note_effort(r, effort);
	return effort != 0;
}

/* Claude's `thinking`, also under the name reasoning_config (recorded: bedrock), and Nova's reasoningConfig. */
static void read_thinking(struct chat_reading *r, struct json thinking)
{
	struct reasoning *ret = &r->chat->reasoning;

	for (struct json_walk w = json_walk(thinking); json_walk_next(&w);) {
		if (json_text_eq(w.key, SLICE("type"))) {
			ret->wish = json_text_eq(w.value, SLICE("disabled")) ? REASONING_OFF : REASONING_ON;
			if (ret->wish == REASONING_ON && !json_text_eq(w.value, SLICE("adaptive")) && !json_text_eq(w.value, SLICE("enabled")))
				chat_keep_other(r, FIELD_OTHER, SLICE("thinking"), &w);
		} else if (json_text_eq(w.key, SLICE("budget_tokens"))) {
			ret->budget = json_i64_or(w.value, 0);
		} else if (json_text_eq(w.key, SLICE("display")) && json_text_eq(w.value, SLICE("summarized"))) {
			ret->visible = SAID_YES;
		} else if (json_text_eq(w.key, SLICE("display")) && json_text_eq(w.value, SLICE("omitted"))) {
			ret->visible = SAID_NO;
		} else if (!json_text_eq(w.key, SLICE("maxReasoningEffort")) || !read_effort(r, w.value)) {
			chat_keep_other(r, FIELD_OTHER, SLICE("thinking"), &w);
		}
	}
	if (ret->wish == REASONING_ON && ret->budget > 0)
		ret->wish = REASONING_BY_BUDGET;
	else if (ret->wish == REASONING_ON && ret->effort != 0 &&
		 !json_text_eq(json_get(thinking, "type"), SLICE("adaptive")))
		ret->wish = REASONING_BY_EFFORT;
}

static void read_output_config(struct chat_reading *r, struct json config)
{
	for (struct json_walk w = json_walk(config); json_walk_next(&w);)
		if (!json_text_eq(w.key, SLICE("effort")) || !read_effort(r, w.value))
			chat_keep_other(r, FIELD_OTHER, SLICE("output_config"), &w);
}

static void read_additional_member(struct chat_reading *r, struct json_walk *w)
{
	bool object = json_is(w->value, JSON_OBJECT);
	bool is_config = json_text_eq(w->key, SLICE("reasoning_config")) || json_text_eq(w->key, SLICE("reasoningConfig"));

	if (json_text_eq(w->key, SLICE("top_k")) && json_is(w->value, JSON_NUMBER))
		number_read(&r->chat->top_k, w->value);
	else if (object && (is_config || json_text_eq(w->key, SLICE("thinking"))))
		read_thinking(r, w->value);
	else if (object && json_text_eq(w->key, SLICE("output_config")))
		read_output_config(r, w->value);
	else if (!(is_config || json_text_eq(w->key, SLICE("reasoning_effort"))) || !read_effort(r, w->value))
		chat_keep_other(r, FIELD_OTHER, SLICE("additionalModelRequestFields"), w);
}

static void read_additional(struct chat_reading *r, struct json fields)
{
	if (!json_is(fields, JSON_OBJECT)) {
		if (json_exists(fields) && !json_is(fields, JSON_NULL))
			chat_add_other(r->chat, r->arena, FIELD_OTHER, SLICE("additionalModelRequestFields"), fields);
		return;
	}
	for (struct json_walk w = json_walk(fields); json_walk_next(&w);)
		read_additional_member(r, &w);
}

/* ---- outputConfig ---- */

/* The schema is a text (DIALECTS §10 row 11). */
static bool read_schema(struct chat_reading *r, struct json definition)
{
	struct output_format *ret = &r->chat->format;
	struct json_doc *doc = arena_new(r->arena, struct json_doc);
	struct json_error error;

	if (!json_parse(r->arena, json_text(json_get(definition, "schema"), r->arena), doc, &error) ||
	    !json_is(json_root(doc), JSON_OBJECT))
		return chat_refuse(r->failure, "outputConfig",
				   "outputConfig.textFormat.structure.jsonSchema.schema must be the text of a JSON "
				   "schema");
	ret->kind = FORMAT_SCHEMA;
	ret->strict = SAID_YES;
	ret->schema = json_root(doc);
	ret->name = json_text(json_get(definition, "name"), r->arena);
	ret->description = json_text(json_get(definition, "description"), r->arena);
	return true;
}

static bool read_output(struct chat_reading *r, struct json config)
{
	for (struct json_walk w = json_walk(config); json_walk_next(&w);) {
		struct json schema = json_get(json_get(w.value, "structure"), "jsonSchema");

		if (json_text_eq(w.key, SLICE("textFormat")) && json_is(schema, JSON_OBJECT)) {
			if (!read_schema(r, schema))
				return false;
		} else if (!json_text_eq(w.key, SLICE("effort")) || !read_effort(r, w.value)) {
			chat_keep_other(r, FIELD_OTHER, SLICE("outputConfig"), &w);
		}
	}
	return true;
}

/* ---- the rest ---- */

/* Guardrails and stored prompts: the answer would be another one without them. */
static uint64_t other_field(struct json key)
{
	return json_text_eq(key, SLICE("guardrailConfig")) || json_text_eq(key, SLICE("promptVariables")) ? FIELD_OTHER_MEANING :
													    FIELD_OTHER;
}

static void keep_others(struct chat_reading *r, struct json root)
{
	static const char *const known[] = {
		"messages", "system", "inferenceConfig", "toolConfig", "additionalModelRequestFields", "outputConfig",
		"requestMetadata", "serviceTier", NULL
	};

	for (struct json_walk w = json_walk(root); json_walk_next(&w);)
		if (!json_is_one_of(w.key, known))
			chat_keep_other(r, other_field(w.key), SLICE(""), &w);
}

static const struct member_type types[] = {
	{ "inferenceConfig", IS_OBJECT }, { "toolConfig", IS_OBJECT }, { "outputConfig", IS_OBJECT },
	{ "requestMetadata", IS_OBJECT }, { "serviceTier", IS_OBJECT }, { 0 },
};

bool bedrock_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
		       struct failure *reterr)
{
	struct chat_reading r = { .chat = ret, .arena = a, .failure = reterr };
	struct json root = bedrock_conversation(json_root(&facts->doc), op);

	chat_init(ret, DIALECT_BEDROCK);
	ret->model = facts->model;
	ret->stream = facts->stream;
	ret->usage_asked = facts->usage_asked;
	if (!json_is(root, JSON_OBJECT))
		return chat_refuse(reterr, "input", "input must be {\"converse\": {\"messages\": […]}}");
	if (!chat_check_types(root, types, reterr) ||
	    !bedrock_read_system(&r, json_get(root, "system")) || !bedrock_read_messages(&r, json_get(root, "messages")) ||
	    !read_tool_config(&r, json_get(root, "toolConfig")) || !read_inference(&r, json_get(root, "inferenceConfig")))
		return false;
	read_additional(&r, json_get(root, "additionalModelRequestFields"));
	if (!read_output(&r, json_get(root, "outputConfig")))
		return false;
	ret->service_tier = json_text(json_get(json_get(root, "serviceTier"), "type"), a);
	if (json_is(json_get(root, "requestMetadata"), JSON_OBJECT))
		ret->metadata = json_get(root, "requestMetadata");
	keep_others(&r, root);
	return chat_finish(ret, a, reterr);
}
