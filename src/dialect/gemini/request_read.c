/* SPDX-License-Identifier: Apache-2.0 */
/* What routing needs of Gemini requests (DIALECTS §2.1, §3.1, §3.3, §8.1, §8.10): model and streaming come by the
 * path, the rest by the body; and their edits. */
#include "dialect/gemini/gemini.h"

enum { BATCH_MAX = 100 };
_Static_assert((int)BATCH_MAX < (int)SPLICE_EDITS_MAX, "every request of a batch may need its model edited");

static unsigned mime_needs(struct slice mime)
{
	if (slice_starts_with(mime, SLICE("image/")))
		return NEEDS_IMAGES;
	if (slice_starts_with(mime, SLICE("audio/")))
		return NEEDS_AUDIO;
	if (slice_starts_with(mime, SLICE("application/pdf")))
		return NEEDS_DOCUMENTS;
	return 0;
}

/* Files of the Files API and of Cloud Storage lie at Google; a YouTube or https address can be read by anyone. */
static bool is_stored(struct slice uri)
{
	return slice_starts_with(uri, SLICE("gs://")) || slice_find(uri, SLICE("googleapis.com/")) != SIZE_MAX;
}

static unsigned part_needs(struct json part, struct arena *a)
{
	struct json data = gemini_get(part, "inlineData");
	struct json file = gemini_get(part, "fileData");
	unsigned needs = mime_needs(json_text(gemini_get(data, "mimeType"), a)) |
			 mime_needs(json_text(gemini_get(file, "mimeType"), a));
	return needs | (is_stored(json_text(gemini_get(file, "fileUri"), a)) ? NEEDS_STATE : 0);
}

static unsigned contents_needs(struct json contents, struct arena *a)
{
	unsigned needs = 0;
	for (struct json_walk c = json_walk(contents); json_walk_next(&c);) {
		struct json parts = json_get(c.value, "parts");
		if (json_is(parts, JSON_ARRAY))
			for (struct json_walk p = json_walk(parts); json_walk_next(&p);)
				needs |= part_needs(p.value, a);
	}
	return needs;
}

static unsigned config_needs(struct json config)
{
	unsigned needs = 0;
	struct json mime = gemini_get(config, "responseMimeType");
	if ((json_is(mime, JSON_STRING) && !json_text_eq(mime, SLICE("text/plain"))) ||
	    json_exists(gemini_get(config, "responseSchema")) ||
	    json_exists(gemini_get(config, "responseJsonSchema")))
		needs |= NEEDS_STRUCTURED_OUTPUT;
	struct json thinking = gemini_get(config, "thinkingConfig");
	int64_t budget;
	bool off = json_to_i64(gemini_get(thinking, "thinkingBudget"), &budget) && budget == 0;
	if (json_is_filled(thinking) && !off)
		needs |= NEEDS_REASONING;
	return needs;
}

/* Vertex and embedContent repeat the model in the body as "models/x"; twice would be two answers to one question. */
static bool check_body_model(struct request_facts *facts, struct json root, struct failure *reterr)
{
	if (!request_single(root, SLICE("model"), reterr))
		return false;
	facts->model_value = json_get(root, "model");
	if (!json_exists(facts->model_value))
		facts->model_value =
			json_get(gemini_get(root, "generateContentRequest"), "model");
	if (!json_is(facts->model_value, JSON_STRING))
		facts->model_value = (struct json){ 0 };
	return true;
}

/* The API takes at most 100 requests in a batch (ai.google.dev, batchEmbedContents); each names its model, once. */
static bool check_batch(struct json root, struct failure *reterr)
{
	struct json requests = json_get(root, "requests");
	if (!json_is(requests, JSON_ARRAY))
		return failure_set(reterr, FAILURE_BAD_REQUEST, "\"requests\" must be an array of requests, such as "
				   "[{\"content\": {…}}]");
	if (json_count(requests) > BATCH_MAX)
		return failure_set(reterr, FAILURE_BAD_REQUEST, "a batch has at most %d requests, not %zu", BATCH_MAX,
				   json_count(requests));
	for (struct json_walk r = json_walk(requests); json_walk_next(&r);)
		if (!request_single(r.value, SLICE("model"), reterr))
			return false;
	return true;
}

/* A name becomes part of a path: every part of it is something, and none leads elsewhere (pain.md P6). */
static bool is_resource_name(struct slice model)
{
	while (model.ptr) {
		struct slice part = slice_next_token(&model, '/');
		if (part.len == 0 || slice_eq(part, SLICE(".")) || slice_eq(part, SLICE("..")))
			return false;
	}
	return true;
}

bool gemini_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			 struct arena *a, struct failure *reterr)
{
	struct json root;
	if (!request_begin(facts, &root, reterr) || !request_check_model(path_model, reterr) ||
	    !check_body_model(facts, root, reterr))
		return false;
	if (facts->variant && !check_batch(root, reterr))
		return false;
	if (!is_resource_name(path_model))
		return failure_set(reterr, FAILURE_BAD_REQUEST, "the model's name has an empty or a dot segment in it");
	facts->model = path_model;
	facts->stream = facts->usage_asked = path_stream && op == OPERATION_CHAT;
	struct json config = gemini_get(root, "generationConfig");
	facts->max_output = request_read_limit(config, "maxOutputTokens", "max_output_tokens");
	facts->needs = contents_needs(json_get(root, "contents"), a) | config_needs(config);
	if (json_is_filled(json_get(root, "tools")))
		facts->needs |= NEEDS_TOOLS;
	if (json_is_filled(gemini_get(root, "cachedContent")))
		facts->needs |= NEEDS_STATE;
	return true;
}

/* The path names the model; where the body repeats it, in every request of a batch too, both must agree. */
bool gemini_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			 struct splice *out, struct arena *a)
{
	if (slice_eq(want->model, facts->model))
		return true;
	bool whole = slice_find(want->model, SLICE("/")) != SIZE_MAX;
	struct slice name = whole ? want->model : arena_printf(a, "models/%.*s", SLICE_ARG(want->model));
	struct slice quoted = json_quote(name, a);
	if (json_exists(facts->model_value) && !splice_replace(out, facts->model_value, quoted))
		return false;
	struct json requests = json_get(json_root(&facts->doc), "requests");
	if (!facts->variant || !json_is(requests, JSON_ARRAY))
		return true;
	for (struct json_walk r = json_walk(requests); json_walk_next(&r);) {
		struct json model = json_get(r.value, "model");
		if (json_is(model, JSON_STRING) && !splice_replace(out, model, quoted))
			return false;
	}
	return true;
}

void gemini_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret)
{
	static const char *const members[] = {
		"tools", "systemInstruction", "system_instruction", "contents", "content", "generateContentRequest",
		"requests", NULL
	};
	prompt_measure(json_root(&facts->doc), members, scratch, ret);
}

uint64_t gemini_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch)
{
	static const char *const stable[] = {
		"cachedContent", "tools", "systemInstruction", "system_instruction", "content", NULL
	};
	return prompt_prefix_hash(json_root(&facts->doc), stable, "contents");
}

/* Everything but what a path segment may hold unescaped (RFC 3986 §3.3), and the slashes of a resource's full name. */
static struct slice escape_model(struct slice model, struct arena *a)
{
	return path_escape(model, is_resource_name(model) ? "-._~/@:" : "-._~@:", a);
}

static const char *verb_of(const struct request_route *route)
{
	switch (route->operation) {
	case OPERATION_CHAT:
		return route->stream ? "streamGenerateContent" : "generateContent";
	case OPERATION_COUNT_TOKENS:
		return "countTokens";
	case OPERATION_EMBEDDINGS:
		return route->variant ? "batchEmbedContents" : "embedContent";
	default:
		return NULL;
	}
}

/* A model is "gemini-x", or a resource by its full name: "tunedModels/y", "publishers/google/models/gemini-x". */
struct slice gemini_request_path(const struct request_route *route, struct arena *a)
{
	const char *verb = verb_of(route);
	if (!verb)
		return (struct slice){ 0 };
	struct slice model = escape_model(route->model, a);
	bool whole = slice_find(model, SLICE("/")) != SIZE_MAX;
	bool vertex = (route->quirks & QUIRK_VERTEX_PATH) != 0; /* DIALECTS §2.2 */
	struct slice path = arena_printf(a, "/%s%.*s:%s", whole ? "" : vertex ? "publishers/google/models/" : "models/",
					 SLICE_ARG(model), verb);
	return request_join_query(path, route->query, a);
}

/* alt=sse, also as the system parameter $alt (recorded: "%24alt=json%3Benum-encoding%3Dint"). */
enum framing gemini_stream_framing(struct slice client_query)
{
	struct slice pair;
	if (client_query.len > 0 && client_query.ptr[0] == '?')
		client_query = slice_after(client_query, 1);
	while ((pair = slice_next_token(&client_query, '&')).ptr) {
		struct slice name = slice_next_token(&pair, '=');
		bool alt = slice_eq(name, SLICE("alt")) || slice_eq(name, SLICE("$alt")) ||
			   slice_eq_nocase(name, SLICE("%24alt"));
		if (alt && pair.ptr && slice_starts_with(pair, SLICE("sse")))
			return FRAMING_SSE;
	}
	return FRAMING_JSON_ARRAY;
}
