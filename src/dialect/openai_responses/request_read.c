/* SPDX-License-Identifier: Apache-2.0 */
/* What routing needs of responses, responses/input_tokens and responses/compact requests (DIALECTS §3.1, §3.3,
 * §8.10), and their one edit. */
#include "dialect/openai_responses/openai_responses.h"

/* Content parts of messages and of tool outputs. */
static unsigned part_needs(struct json part)
{
	struct json type = json_get(part, "type");
	unsigned stored = json_is(json_get(part, "file_id"), JSON_STRING) ? NEEDS_STATE : 0;
	if (json_text_eq(type, SLICE("input_image")))
		return NEEDS_IMAGES | stored;
	if (json_text_eq(type, SLICE("input_file")))
		return NEEDS_DOCUMENTS | stored;
	if (json_text_eq(type, SLICE("input_audio")))
		return NEEDS_AUDIO;
	return 0;
}

bool responses_is_reference(struct json item)
{
	struct json type = json_get(item, "type");

	if (!json_is(json_get(item, "id"), JSON_STRING))
		return false;
	return json_text_eq(type, SLICE("item_reference")) ||
	       ((!json_exists(type) || json_is(type, JSON_NULL)) && !json_exists(json_get(item, "role")));
}

static unsigned item_needs(struct json item)
{
	unsigned needs = responses_is_reference(item) ? NEEDS_STATE : 0;
	struct json parts = json_get(item, "content");
	if (!json_is(parts, JSON_ARRAY))
		parts = json_get(item, "output");
	if (json_is(parts, JSON_ARRAY))
		for (struct json_walk w = json_walk(parts); json_walk_next(&w);)
			needs |= part_needs(w.value);
	return needs;
}

static bool is_said(struct json v)
{
	return json_exists(v) && !json_is(v, JSON_NULL);
}

static unsigned request_needs(struct json root)
{
	unsigned needs = 0;
	struct json input = json_get(root, "input");
	if (json_is(input, JSON_ARRAY))
		for (struct json_walk w = json_walk(input); json_walk_next(&w);)
			needs |= item_needs(w.value);
	if (json_is_filled(json_get(root, "tools")))
		needs |= NEEDS_TOOLS;
	struct json format = json_get(json_get(json_get(root, "text"), "format"), "type");
	if (json_is(format, JSON_STRING) && !json_text_eq(format, SLICE("text")))
		needs |= NEEDS_STRUCTURED_OUTPUT;
	struct json reasoning = json_get(root, "reasoning");
	if (json_is_filled(reasoning) && !json_text_eq(json_get(reasoning, "effort"), SLICE("none")))
		needs |= NEEDS_REASONING;
	/* All three name something that lies at one provider. */
	if (is_said(json_get(root, "previous_response_id")) || is_said(json_get(root, "conversation")) ||
	    is_said(json_get(root, "prompt")))
		needs |= NEEDS_STATE;
	return needs;
}

bool responses_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			    struct arena *a, struct failure *reterr)
{
	struct json root;
	if (!request_begin(facts, &root, reterr) || !request_read_model(facts, root, a, reterr) ||
	    !request_read_stream(facts, root, reterr))
		return false;
	facts->needs = request_needs(root);
	if (op != OPERATION_CHAT) {
		facts->stream = false;
		return true;
	}
	facts->usage_asked = facts->stream; /* the last event always carries it */
	facts->max_output = request_read_limit(root, "max_output_tokens", NULL);
	struct json user = json_get(root, "safety_identifier");
	if (!json_is(user, JSON_STRING))
		user = json_get(root, "user");
	facts->user = json_text(user, a);
	return true;
}

bool responses_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			    struct splice *out, struct arena *a)
{
	return request_edit_model(facts, want, out, a);
}

void responses_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret)
{
	static const char *const members[] = { "tools", "instructions", "input", "text", NULL };
	prompt_measure(json_root(&facts->doc), members, scratch, ret);
}

/* The conversation itself when it is kept at the provider: each turn then sends only what is new. */
uint64_t responses_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch)
{
	static const char *const stable[] = { "tools", "instructions", NULL };
	static const char *const nothing[] = { NULL };
	struct json root = json_root(&facts->doc);
	if (is_said(json_get(root, "conversation")))
		return prompt_prefix_hash(root, nothing, "conversation");
	return prompt_prefix_hash(root, stable, "input");
}

struct slice responses_request_path(const struct request_route *route, struct arena *a)
{
	if (route->stored.len > 0)
		return openai_path(arena_join(a, SLICE("/responses"), route->stored), route, a);
	switch (route->operation) {
	case OPERATION_CHAT:
		return openai_path(SLICE("/responses"), route, a);
	case OPERATION_COUNT_TOKENS:
		return openai_path(SLICE("/responses/input_tokens"), route, a);
	case OPERATION_COMPACT:
		return openai_path(SLICE("/responses/compact"), route, a);
	default:
		return (struct slice){ 0 };
	}
}
