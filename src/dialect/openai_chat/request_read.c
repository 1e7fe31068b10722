/* SPDX-License-Identifier: Apache-2.0 */
/* What routing needs of chat/completions, completions and embeddings requests (DIALECTS §3.1, §3.3, §8.1), and
 * their edits. */
#include "dialect/openai_chat/openai_chat.h"

/* Content parts: DIALECTS §3.3; video_url is OpenRouter's, Moonshot's and Qwen's, document_url Mistral's. */
static unsigned part_needs(struct json part)
{
	struct json type = json_get(part, "type");
	if (json_text_eq(type, SLICE("image_url")))
		return NEEDS_IMAGES;
	if (json_text_eq(type, SLICE("input_audio")))
		return NEEDS_AUDIO;
	if (json_text_eq(type, SLICE("document_url")))
		return NEEDS_DOCUMENTS;
	if (json_text_eq(type, SLICE("file"))) {
		bool stored = json_exists(json_get(json_get(part, "file"), "file_id")) || json_exists(json_get(part, "file_id"));
		return NEEDS_DOCUMENTS | (stored ? NEEDS_STATE : 0);
	}
	return 0;
}

static unsigned message_needs(struct json messages)
{
	unsigned needs = 0;
	for (struct json_walk m = json_walk(messages); json_walk_next(&m);) {
		struct json content = json_get(m.value, "content");
		if (json_is(content, JSON_ARRAY))
			for (struct json_walk p = json_walk(content); json_walk_next(&p);)
				needs |= part_needs(p.value);
	}
	return needs;
}

static unsigned chat_needs(struct json root)
{
	unsigned needs = message_needs(json_get(root, "messages"));
	if (json_is_filled(json_get(root, "tools")) || json_is_filled(json_get(root, "functions")))
		needs |= NEEDS_TOOLS;
	struct json format = json_get(json_get(root, "response_format"), "type");
	if (json_is(format, JSON_STRING) && !json_text_eq(format, SLICE("text")))
		needs |= NEEDS_STRUCTURED_OUTPUT;
	struct json effort = json_get(root, "reasoning_effort");
	if (json_is(effort, JSON_STRING) && !json_text_eq(effort, SLICE("none")))
		needs |= NEEDS_REASONING;
	for (struct json_walk w = json_walk(json_get(root, "modalities")); json_walk_next(&w);)
		if (json_text_eq(w.value, SLICE("audio")))
			needs |= NEEDS_AUDIO;
	return needs;
}

bool chat_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
		       struct arena *a, struct failure *reterr)
{
	struct json root;
	if (!request_begin(facts, &root, reterr) || !request_read_model(facts, root, a, reterr) ||
	    !request_read_stream(facts, root, reterr))
		return false;
	struct json user = json_get(root, "safety_identifier");
	if (!json_is(user, JSON_STRING))
		user = json_get(root, "user");
	facts->user = json_text(user, a);
	if (op != OPERATION_CHAT && op != OPERATION_COMPLETIONS) {
		facts->stream = false; /* embeddings know no streams: an answer is whole whatever was asked */
		return true;
	}
	/* Two of them, and weir might ask for usage in the one that the provider does not read. */
	if (!request_single(root, SLICE("stream_options"), reterr))
		return false;
	facts->usage_asked = json_to_bool(json_get(json_get(root, "stream_options"), "include_usage"), false);
	facts->max_output = request_read_limit(root, "max_completion_tokens", "max_tokens");
	if (op == OPERATION_CHAT)
		facts->needs = chat_needs(root);
	return true;
}

/* Usage comes in a stream only when asked for; the answer's traces of it are cut again unless the client asked too. */
static bool ask_usage(struct json root, struct splice *out, struct arena *a)
{
	struct json options = json_get(root, "stream_options");
	struct json include = json_get(options, "include_usage");
	switch (json_type(options)) {
	case JSON_MISSING:
		return splice_insert(out, root, SLICE("stream_options"), SLICE("{\"include_usage\":true}"), a);
	case JSON_NULL:
		return splice_replace(out, options, SLICE("{\"include_usage\":true}"));
	case JSON_OBJECT:
		if (json_is(include, JSON_TRUE))
			return true;
		if (json_exists(include))
			return splice_replace(out, include, SLICE("true"));
		return splice_insert(out, options, SLICE("include_usage"), SLICE("true"), a);
	default:
		return true;           /* not for us to mend: the provider says what is wrong with it */
	}
}

bool chat_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
		       struct splice *out, struct arena *a)
{
	if (!request_edit_model(facts, want, out, a))
		return false;
	bool ask = want->ask_usage && facts->stream && (op == OPERATION_CHAT || op == OPERATION_COMPLETIONS);
	return !ask || ask_usage(json_root(&facts->doc), out, a);
}

static const char *const prompt_members[] = { "tools",  "functions", "messages",        "prompt",
					      "suffix", "input",     "response_format", NULL };

void chat_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret)
{
	prompt_measure(json_root(&facts->doc), prompt_members, scratch, ret);
}

uint64_t chat_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch)
{
	static const char *const stable[] = { "tools", "functions", "prompt", "input", NULL };
	return prompt_prefix_hash(json_root(&facts->doc), stable, "messages");
}

struct slice chat_request_path(const struct request_route *route, struct arena *a)
{
	struct slice path;

	switch (route->operation) {
	case OPERATION_CHAT:
		path = SLICE("/chat/completions");
		break;
	case OPERATION_COMPLETIONS:
		path = SLICE("/completions");
		break;
	case OPERATION_EMBEDDINGS:
		path = SLICE("/embeddings");
		break;
	default:
		return (struct slice){ 0 };
	}
	if (route->quirks & QUIRK_DEPLOYMENT_PATH)
		path = arena_printf(a, "/deployments/%.*s%.*s", SLICE_ARG(path_escape(route->model, "-._~", a)),
				    SLICE_ARG(path));
	return openai_path(path, route, a);
}
