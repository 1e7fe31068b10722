/* SPDX-License-Identifier: Apache-2.0 */
/* What routing needs of messages and messages/count_tokens requests (DIALECTS §3.1, §3.3, §3.7, §3.12, §8.10), and
 * their edits. */
#include "dialect/anthropic/anthropic.h"

static unsigned block_needs(struct json block)
{
	struct json type = json_get(block, "type");
	unsigned needs = 0;
	if (json_text_eq(type, SLICE("image")))
		needs = NEEDS_IMAGES;
	else if (json_text_eq(type, SLICE("document")))
		needs = NEEDS_DOCUMENTS;
	else if (json_text_eq(type, SLICE("container_upload")))
		return NEEDS_STATE;
	else
		return 0;
	/* A file that was uploaded there. */
	return needs | (json_text_eq(json_get(json_get(block, "source"), "type"), SLICE("file")) ? NEEDS_STATE : 0);
}

static unsigned content_needs(struct json content)
{
	unsigned needs = 0;
	if (!json_is(content, JSON_ARRAY))
		return 0;
	for (struct json_walk w = json_walk(content); json_walk_next(&w);) {
		needs |= block_needs(w.value);
		/* tool_result: pictures and documents one level further down */
		struct json inner = json_get(w.value, "content");
		if (json_is(inner, JSON_ARRAY))
			for (struct json_walk i = json_walk(inner); json_walk_next(&i);)
				needs |= block_needs(i.value);
	}
	return needs;
}

static unsigned request_needs(struct json root)
{
	unsigned needs = 0;
	for (struct json_walk w = json_walk(json_get(root, "messages")); json_walk_next(&w);)
		needs |= content_needs(json_get(w.value, "content"));
	if (json_is_filled(json_get(root, "tools")))
		needs |= NEEDS_TOOLS;
	/* output_format is the beta's name for it (recorded). */
	if (json_is_filled(json_get(json_get(root, "output_config"), "format")) || json_is_filled(json_get(root, "output_format")))
		needs |= NEEDS_STRUCTURED_OUTPUT;
	struct json thinking = json_get(json_get(root, "thinking"), "type");
	if (json_is(thinking, JSON_STRING) && !json_text_eq(thinking, SLICE("disabled")))
		needs |= NEEDS_REASONING;
	struct json container = json_get(root, "container");
	if (json_is(container, JSON_STRING) || json_exists(json_get(container, "id")))
		needs |= NEEDS_STATE;
	return needs;
}

bool anthropic_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
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
	facts->usage_asked = facts->stream; /* message_start and message_delta always carry it */
	facts->max_output = request_read_limit(root, "max_tokens", NULL);
	facts->user = json_text(json_get(json_get(root, "metadata"), "user_id"), a);
	return true;
}

/* Vertex: the model stands in the path, but for counts, and a version of its own in the body (DIALECTS §2.2, §8.10). */
bool anthropic_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			    struct splice *out, struct arena *a)
{
	struct json root = json_root(&facts->doc);

	if (!(want->quirks & QUIRK_VERTEX_PATH))
		return request_edit_model(facts, want, out, a);
	if (op == OPERATION_COUNT_TOKENS ? !request_edit_model(facts, want, out, a) :
					   !splice_remove(out, root, SLICE("model")))
		return false;
	return json_exists(json_get(root, "anthropic_version")) ||
	       splice_insert(out, root, SLICE("anthropic_version"), SLICE("\"" ANTHROPIC_VERTEX_VERSION "\""), a);
}

void anthropic_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret)
{
	static const char *const members[] = { "tools", "system", "messages", "output_config", "output_format", NULL };
	prompt_measure(json_root(&facts->doc), members, scratch, ret);
}

uint64_t anthropic_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch)
{
	static const char *const stable[] = { "tools", "system", NULL };
	return prompt_prefix_hash(json_root(&facts->doc), stable, "messages");
}

/* The base leads to the project and its location. Vertex knows no query of Anthropic's (?beta=true). */
static struct slice vertex_path(const struct request_route *route, struct arena *a)
{
	if (route->operation == OPERATION_COUNT_TOKENS)
		return SLICE("/publishers/anthropic/models/count-tokens:rawPredict");
	return arena_printf(a, "/publishers/anthropic/models/%.*s:%s", SLICE_ARG(path_escape(route->model, "-._~@", a)),
			    route->stream ? "streamRawPredict" : "rawPredict");
}

struct slice anthropic_request_path(const struct request_route *route, struct arena *a)
{
	bool vertex = (route->quirks & QUIRK_VERTEX_PATH) != 0;

	switch (route->operation) {
	case OPERATION_CHAT:
		return vertex ? vertex_path(route, a) : request_join_query(SLICE("/v1/messages"), route->query, a);
	case OPERATION_COUNT_TOKENS:
		return vertex ? vertex_path(route, a) : request_join_query(SLICE("/v1/messages/count_tokens"), route->query, a);
	default:
		return (struct slice){ 0 };
	}
}
