/* SPDX-License-Identifier: Apache-2.0 */
/* What routing needs of Converse and ConverseStream requests (DIALECTS §2.2, §3.1, §3.3; service model
 * ConverseRequest). The model and whether it streams stand in the path; there is nothing in the body to edit. */
#include "dialect/bedrock_converse/bedrock_converse.h"

struct json bedrock_conversation(struct json root, enum operation op)
{
	return op == OPERATION_COUNT_TOKENS ? json_get(json_get(root, "input"), "converse") : root;
}

struct json_walk bedrock_union(struct json value)
{
	struct json_walk w = { 0 };

	if (!json_is(value, JSON_OBJECT))
		return w;
	for (w = json_walk(value); json_walk_next(&w);)
		if (!json_is(w.value, JSON_NULL))
			return w;
	return (struct json_walk){ 0 };
}

static unsigned block_needs(struct json block)
{
	static const struct { const char *name; unsigned needs; } kinds[] = {
		{ "image", NEEDS_IMAGES }, { "document", NEEDS_DOCUMENTS }, { "audio", NEEDS_AUDIO },
	};

	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (json_is(json_member(block, slice_cstr(kinds[i].name)), JSON_OBJECT))
			return kinds[i].needs;
	return 0;
}

static unsigned content_needs(struct json content)
{
	unsigned needs = 0;

	if (!json_is(content, JSON_ARRAY))
		return 0;
	for (struct json_walk w = json_walk(content); json_walk_next(&w);) {
		struct json inner = json_get(json_get(w.value, "toolResult"), "content");

		needs |= block_needs(w.value);
		if (!json_is(inner, JSON_ARRAY))
			continue;
		for (struct json_walk i = json_walk(inner); json_walk_next(&i);)
			needs |= block_needs(i.value);
	}
	return needs;
}

/* Claude's thinking, and what others have for it (recorded: bedrock, as an object and as a word). */
static bool wants_reasoning(struct json additional)
{
	static const char *const objects[] = { "thinking", "reasoning_config", "reasoningConfig" };

	for (size_t i = 0; i < COUNT_OF(objects); i++) {
		struct json v = json_member(additional, slice_cstr(objects[i]));
		struct json type = json_get(v, "type");

		if (json_is(type, JSON_STRING) ? !json_text_eq(type, SLICE("disabled")) : json_is_filled(v))
			return true;
	}
	return json_is_filled(json_get(additional, "reasoning_effort"));
}

static unsigned request_needs(struct json root)
{
	struct json messages = json_get(root, "messages"), output = json_get(root, "outputConfig");
	unsigned needs = 0;

	if (json_is(messages, JSON_ARRAY))
		for (struct json_walk w = json_walk(messages); json_walk_next(&w);)
			needs |= content_needs(json_get(w.value, "content"));
	if (json_is_filled(json_get(json_get(root, "toolConfig"), "tools")))
		needs |= NEEDS_TOOLS;
	if (json_is_filled(json_get(output, "textFormat")))
		needs |= NEEDS_STRUCTURED_OUTPUT;
	if (json_is_filled(json_get(output, "effort")) || wants_reasoning(json_get(root, "additionalModelRequestFields")))
		needs |= NEEDS_REASONING;
	/* A prompt that is kept at the provider. */
	if (json_is_filled(json_get(root, "promptVariables")))
		needs |= NEEDS_STATE;
	return needs;
}

bool bedrock_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			  struct arena *a, struct failure *reterr)
{
	struct json root;

	if (!request_begin(facts, &root, reterr) || !request_check_model(path_model, reterr))
		return false;
	facts->model = path_model;
	facts->needs = request_needs(bedrock_conversation(root, op));
	if (op != OPERATION_CHAT)
		return true;
	facts->stream = facts->usage_asked = path_stream;
	facts->max_output = request_read_limit(json_get(root, "inferenceConfig"), "maxTokens", NULL);
	return true;
}

bool bedrock_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			  struct splice *out, struct arena *a)
{
	return true;
}

void bedrock_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret)
{
	static const char *const members[] = { "toolConfig", "system", "messages", "outputConfig", NULL };

	prompt_measure(bedrock_conversation(json_root(&facts->doc), op), members, scratch, ret);
}

uint64_t bedrock_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch)
{
	static const char *const stable[] = { "toolConfig", "system", NULL };

	return prompt_prefix_hash(bedrock_conversation(json_root(&facts->doc), op), stable, "messages");
}

/* The model as AWS's SDKs write a path's member: everything but RFC 3986's unreserved characters is escaped, so
 * that ARNs' slashes and colons are %2F and %3A (recorded: bedrock). The signature escapes it once more (DIALECTS
 * §9.3). */
struct slice bedrock_request_path(const struct request_route *route, struct arena *a)
{
	const char *verb = route->operation == OPERATION_COUNT_TOKENS ? "count-tokens"
			   : route->stream                            ? "converse-stream"
								      : "converse";

	if (route->operation != OPERATION_CHAT && route->operation != OPERATION_COUNT_TOKENS)
		return (struct slice){ 0 };
	return request_join_query(arena_printf(a, "/model/%.*s/%s", SLICE_ARG(path_escape(route->model, "-._~", a)), verb), route->query, a);
}
