/* SPDX-License-Identifier: Apache-2.0 */
/* What routing needs of v2/chat and v2/embed requests (DIALECTS §3.1, §3.3, §8.1), and their edits. */
#include "dialect/cohere/cohere.h"

static unsigned request_needs(struct json root)
{
	struct json format = json_get(json_get(root, "response_format"), "type");
	unsigned needs = 0;

	for (struct json_walk m = json_walk(json_get(root, "messages")); json_walk_next(&m);) {
		struct json content = json_get(m.value, "content");

		for (struct json_walk p = json_walk(content); json_is(content, JSON_ARRAY) && json_walk_next(&p);)
			if (json_text_eq(json_get(p.value, "type"), SLICE("image_url")))
				needs |= NEEDS_IMAGES;
	}
	if (json_is_filled(json_get(root, "tools")))
		needs |= NEEDS_TOOLS;
	if (json_is(format, JSON_STRING) && !json_text_eq(format, SLICE("text")))
		needs |= NEEDS_STRUCTURED_OUTPUT;
	if (json_text_eq(json_get(json_get(root, "thinking"), "type"), SLICE("enabled")))
		needs |= NEEDS_REASONING;
	return needs;
}

bool cohere_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			 struct arena *a, struct failure *reterr)
{
	struct json root;

	if (!request_begin(facts, &root, reterr) || !request_read_model(facts, root, a, reterr) ||
	    !request_read_stream(facts, root, reterr))
		return false;
	if (op != OPERATION_CHAT) {
		facts->stream = false;
		return true;
	}
	facts->usage_asked = facts->stream; /* message-end always has it */
	facts->max_output = request_read_limit(root, "max_tokens", NULL);
	facts->needs = request_needs(root);
	return true;
}

bool cohere_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			 struct splice *out, struct arena *a)
{
	return request_edit_model(facts, want, out, a);
}

void cohere_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret)
{
	static const char *const members[] = { "tools", "documents", "messages", "response_format",
					       "texts", "inputs",    NULL };

	prompt_measure(json_root(&facts->doc), members, scratch, ret);
}

uint64_t cohere_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch)
{
	static const char *const stable[] = { "tools", "documents", "texts", NULL };

	return prompt_prefix_hash(json_root(&facts->doc), stable, "messages");
}

struct slice cohere_request_path(const struct request_route *route, struct arena *a)
{
	switch (route->operation) {
	case OPERATION_CHAT:
		return request_join_query(SLICE("/v2/chat"), route->query, a);
	case OPERATION_EMBEDDINGS:
		return request_join_query(SLICE("/v2/embed"), route->query, a);
	default:
		return (struct slice){ 0 };
	}
}
