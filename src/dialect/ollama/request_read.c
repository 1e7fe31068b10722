/* SPDX-License-Identifier: Apache-2.0 */
/* What routing needs of api/chat, api/generate and api/embed requests (DIALECTS §3.1, §8.1), and their edits. */
#include "dialect/ollama/ollama.h"

static unsigned request_needs(struct json root)
{
	struct json format = json_get(root, "format"), think = json_get(root, "think");
	unsigned needs = json_is_filled(json_get(root, "images")) ? NEEDS_IMAGES : 0;

	for (struct json_walk w = json_walk(json_get(root, "messages")); json_walk_next(&w);)
		if (json_is_filled(json_get(w.value, "images")))
			needs |= NEEDS_IMAGES;
	if (json_is_filled(json_get(root, "tools")))
		needs |= NEEDS_TOOLS;
	if (json_is_filled(format))
		needs |= NEEDS_STRUCTURED_OUTPUT;
	if (json_is(think, JSON_TRUE) || json_is_filled(think))
		needs |= NEEDS_REASONING;
	return needs;
}

bool ollama_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			 struct arena *a, struct failure *reterr)
{
	struct json root;

	if (!request_begin(facts, &root, reterr) || !request_read_model(facts, root, a, reterr) ||
	    !request_read_stream(facts, root, reterr) || !request_single(root, SLICE("options"), reterr))
		return false;
	if (op != OPERATION_CHAT) {
		facts->stream = false;
		return true;
	}
	/* Unlike everywhere else a stream is what comes unless one says no (DIALECTS §3.1). */
	facts->stream = !json_is(json_get(root, "stream"), JSON_FALSE);
	facts->usage_asked = facts->stream; /* the last line always has it */
	facts->max_output = request_read_limit(json_get(root, "options"), "num_predict", NULL);
	facts->needs = request_needs(root);
	return true;
}

bool ollama_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			 struct splice *out, struct arena *a)
{
	return request_edit_model(facts, want, out, a);
}

void ollama_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret)
{
	static const char *const members[] = { "tools",  "messages", "system", "prompt",
					       "suffix", "images",   "input",  NULL };

	prompt_measure(json_root(&facts->doc), members, scratch, ret);
}

uint64_t ollama_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch)
{
	static const char *const stable[] = { "tools", "system", "prompt", "input", NULL };

	return prompt_prefix_hash(json_root(&facts->doc), stable, "messages");
}

struct slice ollama_request_path(const struct request_route *route, struct arena *a)
{
	switch (route->operation) {
	case OPERATION_CHAT:
		return request_join_query(route->variant ? SLICE("/api/generate") : SLICE("/api/chat"), route->query,
					  a);
	case OPERATION_EMBEDDINGS:
		return request_join_query(SLICE("/api/embed"), route->query, a);
	default:
		return (struct slice){ 0 };
	}
}
