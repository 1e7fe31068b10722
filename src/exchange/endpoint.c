/* SPDX-License-Identifier: Apache-2.0 */
/* The table of endpoints and how a path finds its row. */
#include "exchange/endpoint.h"

#include <stdint.h>

#define MODEL(methods_, pattern_, dialect_, operation_) \
	{ .methods = methods_, .pattern = pattern_, .plane = PLANE_DATA, .auth = AUTH_KEY, .kind = ENDPOINT_MODEL, \
	  .dialect = dialect_, .operation = operation_ }
#define STREAM(pattern_, dialect_) \
	{ .methods = "POST", .pattern = pattern_, .plane = PLANE_DATA, .auth = AUTH_KEY, .kind = ENDPOINT_MODEL, \
	  .dialect = dialect_, .operation = OPERATION_CHAT, .stream = true }
#define VARIANT(pattern_, dialect_, operation_) \
	{ .methods = "POST", .pattern = pattern_, .plane = PLANE_DATA, .auth = AUTH_KEY, .kind = ENDPOINT_MODEL, \
	  .dialect = dialect_, .operation = operation_, .variant = true }
#define BATCH(pattern_) VARIANT(pattern_, DIALECT_GEMINI, OPERATION_EMBEDDINGS)
#define LOCAL(pattern_, plane_, auth_, dialect_, local_) \
	{ .methods = "GET,HEAD", .pattern = pattern_, .plane = plane_, .auth = auth_, .kind = ENDPOINT_LOCAL, \
	  .dialect = dialect_, .local = local_ }
/* Local, and asked with a body. */
#define ASKED(pattern_, plane_, auth_, dialect_, local_) \
	{ .methods = "POST", .pattern = pattern_, .plane = plane_, .auth = auth_, .kind = ENDPOINT_LOCAL, \
	  .dialect = dialect_, .local = local_ }
#define STORED(methods_, pattern_, stored_) \
	{ .methods = methods_, .pattern = pattern_, .plane = PLANE_DATA, .auth = AUTH_KEY, .kind = ENDPOINT_STORED, \
	  .dialect = DIALECT_OPENAI_RESPONSES, .stored = stored_ }
#define LATER(methods_, pattern_, dialect_) \
	{ \
		.methods = methods_, .pattern = pattern_, .plane = PLANE_DATA, .auth = AUTH_KEY, \
		.kind = ENDPOINT_LATER, .dialect = dialect_ \
	}
#define ANY "GET,HEAD,POST,PUT,DELETE,PATCH"

/* Order matters only between a row with '*' or "{id}" and a more exact one: the exact one stands first. */
const struct endpoint endpoints[] = {
	/* OpenAI */
	MODEL("POST", "/v1/chat/completions", DIALECT_OPENAI_CHAT, OPERATION_CHAT),
	MODEL("POST", "/v1/completions", DIALECT_OPENAI_CHAT, OPERATION_COMPLETIONS),
	MODEL("POST", "/v1/embeddings", DIALECT_OPENAI_CHAT, OPERATION_EMBEDDINGS),
	MODEL("POST", "/v1/responses", DIALECT_OPENAI_RESPONSES, OPERATION_CHAT),
	MODEL("POST", "/v1/responses/input_tokens", DIALECT_OPENAI_RESPONSES, OPERATION_COUNT_TOKENS),
	MODEL("POST", "/v1/responses/compact", DIALECT_OPENAI_RESPONSES, OPERATION_COMPACT),
	STORED("GET", "/v1/responses/{id}/input_items", STORED_INPUT_ITEMS),
	STORED("POST", "/v1/responses/{id}/cancel", STORED_CANCEL),
	STORED("GET,DELETE", "/v1/responses/{id}", STORED_RESPONSE),
	STORED("POST", "/v1/conversations", STORED_CONVERSATIONS),
	STORED("GET,POST", "/v1/conversations/{id}/items", STORED_ITEMS),
	/* …/items/{item} is in here, too: an {id} takes all that follows. */
	STORED("GET,POST,DELETE", "/v1/conversations/{id}", STORED_CONVERSATION),
	LATER(ANY, "/v1/images/*", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/v1/audio/*", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/v1/videos", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/v1/videos/*", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/v1/moderations", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/v1/files", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/v1/files/*", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/v1/batches", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/v1/batches/*", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/v1/realtime", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/v1/realtime/*", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/v1/rerank", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/v1/usage", DIALECT_OPENAI_CHAT),
	LATER(ANY, "/passthrough/*", DIALECT_OPENAI_CHAT),

	/* The same where Groq's SDK and Azure's v1 base URL put it (groq-sdk 1.6.0 writes /openai/v1 before every path)
	 */
	MODEL("POST", "/openai/v1/chat/completions", DIALECT_OPENAI_CHAT, OPERATION_CHAT),
	MODEL("POST", "/openai/v1/embeddings", DIALECT_OPENAI_CHAT, OPERATION_EMBEDDINGS),
	MODEL("POST", "/openai/v1/responses", DIALECT_OPENAI_RESPONSES, OPERATION_CHAT),
	LOCAL("/openai/v1/models", PLANE_DATA, AUTH_KEY, DIALECT_OPENAI_CHAT, LOCAL_MODELS),
	LOCAL("/openai/v1/models/{id}", PLANE_DATA, AUTH_KEY, DIALECT_OPENAI_CHAT, LOCAL_MODEL),

	/* Anthropic */
	MODEL("POST", "/v1/messages", DIALECT_ANTHROPIC, OPERATION_CHAT),
	MODEL("POST", "/v1/messages/count_tokens", DIALECT_ANTHROPIC, OPERATION_COUNT_TOKENS),
	LATER(ANY, "/v1/messages/batches", DIALECT_ANTHROPIC),
	LATER(ANY, "/v1/messages/batches/*", DIALECT_ANTHROPIC),

	/* Gemini: the rows with a verb before the listings, whose {id} would swallow it. */
	MODEL("POST", "/v1beta/models/{id}:generateContent", DIALECT_GEMINI, OPERATION_CHAT),
	STREAM("/v1beta/models/{id}:streamGenerateContent", DIALECT_GEMINI),
	MODEL("POST", "/v1beta/models/{id}:countTokens", DIALECT_GEMINI, OPERATION_COUNT_TOKENS),
	MODEL("POST", "/v1beta/models/{id}:embedContent", DIALECT_GEMINI, OPERATION_EMBEDDINGS),
	BATCH("/v1beta/models/{id}:batchEmbedContents"),
	MODEL("POST", "/v1/models/{id}:generateContent", DIALECT_GEMINI, OPERATION_CHAT),
	STREAM("/v1/models/{id}:streamGenerateContent", DIALECT_GEMINI),
	MODEL("POST", "/v1/models/{id}:countTokens", DIALECT_GEMINI, OPERATION_COUNT_TOKENS),
	MODEL("POST", "/v1/models/{id}:embedContent", DIALECT_GEMINI, OPERATION_EMBEDDINGS),
	BATCH("/v1/models/{id}:batchEmbedContents"),

	/* Listings; /v1/models takes Anthropic's shape when anthropic-version is sent. */
	LOCAL("/v1/models", PLANE_DATA, AUTH_KEY, DIALECT_OPENAI_CHAT, LOCAL_MODELS),
	LOCAL("/v1/models/{id}", PLANE_DATA, AUTH_KEY, DIALECT_OPENAI_CHAT, LOCAL_MODEL),
	LOCAL("/v1beta/models", PLANE_DATA, AUTH_KEY, DIALECT_GEMINI, LOCAL_MODELS),
	LOCAL("/v1beta/models/{id}", PLANE_DATA, AUTH_KEY, DIALECT_GEMINI, LOCAL_MODEL),

	/* Ollama, Cohere, Bedrock */
	LOCAL("/", PLANE_DATA, AUTH_ANYONE, DIALECT_OLLAMA, LOCAL_ROOT),
	MODEL("POST", "/api/chat", DIALECT_OLLAMA, OPERATION_CHAT),
	VARIANT("/api/generate", DIALECT_OLLAMA, OPERATION_CHAT),
	MODEL("POST", "/api/embed", DIALECT_OLLAMA, OPERATION_EMBEDDINGS),
	LOCAL("/api/tags", PLANE_DATA, AUTH_KEY, DIALECT_OLLAMA, LOCAL_MODELS),
	ASKED("/api/show", PLANE_DATA, AUTH_KEY, DIALECT_OLLAMA, LOCAL_MODEL),
	LOCAL("/api/ps", PLANE_DATA, AUTH_KEY, DIALECT_OLLAMA, LOCAL_RUNNING),
	LOCAL("/api/version", PLANE_DATA, AUTH_KEY, DIALECT_OLLAMA, LOCAL_VERSION),
	MODEL("POST", "/v2/chat", DIALECT_COHERE, OPERATION_CHAT),
	LATER(ANY, "/v2/embed", DIALECT_COHERE),
	LATER(ANY, "/v2/rerank", DIALECT_COHERE),
	MODEL("POST", "/model/{id}/converse", DIALECT_BEDROCK, OPERATION_CHAT),
	STREAM("/model/{id}/converse-stream", DIALECT_BEDROCK),

	/* Liveness on both planes; the rest of the admin plane needs the token when one is set. */
	LOCAL("/healthz", PLANE_DATA, AUTH_OPEN, DIALECT_OPENAI_CHAT, LOCAL_HEALTH),
	LOCAL("/healthz", PLANE_ADMIN, AUTH_OPEN, DIALECT_OPENAI_CHAT, LOCAL_HEALTH),
	LOCAL("/readyz", PLANE_ADMIN, AUTH_ADMIN, DIALECT_OPENAI_CHAT, LOCAL_READY),
	LOCAL("/metrics", PLANE_ADMIN, AUTH_ADMIN, DIALECT_OPENAI_CHAT, LOCAL_METRICS),
	ASKED("/api/explain", PLANE_ADMIN, AUTH_ADMIN, DIALECT_OPENAI_CHAT, LOCAL_EXPLAIN),
	LOCAL("/api/state", PLANE_ADMIN, AUTH_ADMIN, DIALECT_OPENAI_CHAT, LOCAL_STATE),
	LOCAL("/api/requests", PLANE_ADMIN, AUTH_ADMIN, DIALECT_OPENAI_CHAT, LOCAL_REQUESTS),
	LOCAL("/api/requests/{id}", PLANE_ADMIN, AUTH_ADMIN, DIALECT_OPENAI_CHAT, LOCAL_REQUEST),
	LOCAL("/api/openapi.json", PLANE_ADMIN, AUTH_ADMIN, DIALECT_OPENAI_CHAT, LOCAL_OPENAPI),
};

const unsigned endpoint_count = COUNT_OF(endpoints);

/* The id of "{id}" is everything up to the tail, which the path must end with (PRODUCT §4: up to the *last* colon followed by a
 * known verb). An id may hold '/' when nothing but the verb follows it: "publishers/x/models/y:verb". */
static bool matches_id(struct slice path, struct slice head, struct slice tail, struct slice *ret_id)
{
	if (!slice_starts_with(path, head) || path.len <= head.len + tail.len || !slice_ends_with(path, tail))
		return false;
	*ret_id = slice_of(path.ptr + head.len, path.len - head.len - tail.len);
	return true;
}

static bool matches(const char *pattern, struct slice path, struct slice *ret_id)
{
	struct slice p = slice_cstr(pattern);
	size_t brace = slice_find(p, SLICE("{id}"));

	*ret_id = slice_of(NULL, 0);
	if (brace != SIZE_MAX)
		return matches_id(path, slice_of(p.ptr, brace), slice_after(p, brace + 4), ret_id);
	if (p.ptr[p.len - 1] == '*')
		return path.len >= p.len && slice_starts_with(path, slice_of(p.ptr, p.len - 1));
	return slice_eq(path, p);
}

static bool allows(const char *methods, enum http_method method)
{
	struct slice rest = slice_cstr(methods);
	struct slice name = slice_cstr(http_method_name(method));

	while (rest.ptr)
		if (slice_eq(slice_next_token(&rest, ','), name))
			return true;
	return false;
}

struct endpoint_match endpoint_find(enum plane plane, enum http_method method, struct slice path)
{
	struct endpoint_match found = { 0 };

	for (unsigned i = 0; i < endpoint_count; i++) {
		const struct endpoint *e = &endpoints[i];
		struct slice id;

		if (e->plane != plane || !matches(e->pattern, path, &id))
			continue;
		if (allows(e->methods, method))
			return (struct endpoint_match){ .endpoint = e, .id = id };
		if (!found.endpoint)
			found = (struct endpoint_match){ .endpoint = e, .id = id, .wrong_method = true };
	}
	return found;
}
