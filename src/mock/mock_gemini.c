/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated provider in Gemini's dialect: generateContent, streamGenerateContent as SSE (alt=sse) or as one JSON
 * array, countTokens, embedContent, the listing. Shapes: DIALECTS.md §4.1, §5.5, §6.1, §8.1, §8.10, §8.11. Google ends
 * SSE lines with CRLF and separates the elements of an array by "\n,\r\n" (http/framing.h). */
#include "json/writer.h"
#include "mock/mock_internal.h"

static const char *stream_type(const struct mock_reply *r)
{
	return r->is_array ? "application/json; charset=UTF-8" : "text/event-stream";
}

static void write_usage(struct json_writer *w, const struct mock_reply *r, int64_t output)
{
	json_key(w, SLICE("usageMetadata"));
	json_begin_object(w);
	json_member_int(w, "promptTokenCount", r->prompt_tokens);
	if (output > 0)
		json_member_int(w, "candidatesTokenCount", output);
	json_member_int(w, "totalTokenCount", r->prompt_tokens + output);
	json_end_object(w);
}

static void write_response(const struct mock_reply *r, struct slice text, bool is_last, int64_t output, struct buf *out)
{
	struct json_writer w;
	char id[32];

	json_writer_init(&w, out);
	json_begin_object(&w);
	json_key(&w, SLICE("candidates"));
	json_begin_array(&w);
	json_begin_object(&w);
	json_key(&w, SLICE("content"));
	json_begin_object(&w);
	json_key(&w, SLICE("parts"));
	json_begin_array(&w);
	json_begin_object(&w);
	json_member_string(&w, "text", text);
	json_end_object(&w);
	json_end_array(&w);
	json_member_cstr(&w, "role", "model");
	json_end_object(&w);
	if (is_last)
		json_member_cstr(&w, "finishReason", "STOP");
	json_member_int(&w, "index", 0);
	json_end_object(&w);
	json_end_array(&w);
	write_usage(&w, r, output);
	json_member_string(&w, "modelVersion", r->model);
	snprintf(id, sizeof(id), "mock%016llx", (unsigned long long)r->number);
	json_member_cstr(&w, "responseId", id);
	json_end_object(&w);
}

static void write_embedding(const struct mock_reply *r, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_begin_object(&w);
	json_key(&w, SLICE("embedding"));
	json_begin_object(&w);
	json_key(&w, SLICE("values"));
	json_begin_array(&w);
	for (unsigned k = 0; k < r->dimensions; k++)
		json_double(&w, (double)mock_number(r, 0, k));
	json_end_array(&w);
	json_end_object(&w);
	json_end_object(&w);
}

static void write_count(const struct mock_reply *r, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_begin_object(&w);
	json_member_int(&w, "totalTokens", r->prompt_tokens);
	json_key(&w, SLICE("promptTokensDetails"));
	json_begin_array(&w);
	json_begin_object(&w);
	json_member_cstr(&w, "modality", "TEXT");
	json_member_int(&w, "tokenCount", r->prompt_tokens);
	json_end_object(&w);
	json_end_array(&w);
	json_end_object(&w);
}

static void write_list(struct buf *out)
{
	mock_put(out, SLICE("{\"models\":["
			    "{\"name\":\"models/mock-large\",\"displayName\":\"Mock Large\",\"inputTokenLimit\":1048576,"
			    "\"outputTokenLimit\":65536,\"supportedGenerationMethods\":[\"generateContent\",\"countTokens\"]},"
			    "{\"name\":\"models/mock-small\",\"displayName\":\"Mock Small\",\"inputTokenLimit\":1048576,"
			    "\"outputTokenLimit\":65536,\"supportedGenerationMethods\":[\"generateContent\",\"countTokens\"]}]}"));
}

static void write_whole(const struct mock_reply *r, struct buf *out)
{
	struct arena a;

	switch (r->job) {
	case MOCK_LIST:
		write_list(out);
		return;
	case MOCK_EMBED:
		write_embedding(r, out);
		return;
	case MOCK_COUNT:
		write_count(r, out);
		return;
	case MOCK_CHAT:
	case MOCK_COMPLETION:
		break;
	}
	arena_init(&a);
	write_response(r, mock_text(r, &a), true, r->tokens, out);
	arena_done(&a);
}

static void begin_element(struct mock_reply *r, struct buf *out)
{
	if (!r->is_array)
		mock_put(out, SLICE("data: "));
	else
		mock_put(out, r->wrote_element ? SLICE("\n,\r\n") : SLICE("["));
	r->wrote_element = true;
}

static void end_element(const struct mock_reply *r, struct buf *out)
{
	if (!r->is_array)
		mock_put(out, SLICE("\r\n\r\n"));
}

static void write_begin(struct mock_reply *r, struct buf *out)
{
}

static void write_token(struct mock_reply *r, unsigned index, struct buf *out)
{
	char word[MOCK_WORD_MAX];

	begin_element(r, out);
	write_response(r, mock_word(r, index, word), false, index + 1, out);
	end_element(r, out);
}

/* The finish comes with an empty text (§5.5). */
static void write_finish(struct mock_reply *r, struct buf *out)
{
	begin_element(r, out);
	write_response(r, SLICE(""), true, r->tokens, out);
	end_element(r, out);
}

static void write_terminator(struct mock_reply *r, struct buf *out)
{
	if (r->is_array)
		mock_put(out, r->wrote_element ? SLICE("\n]\n") : SLICE("[\n]\n"));
}

static const char *error_status(int status)
{
	switch (status) {
	case 400:
		return "INVALID_ARGUMENT";
	case 401:
		return "UNAUTHENTICATED";
	case 403:
		return "PERMISSION_DENIED";
	case 404:
		return "NOT_FOUND";
	case 429:
		return "RESOURCE_EXHAUSTED";
	case 503:
		return "UNAVAILABLE";
	case 504:
		return "DEADLINE_EXCEEDED";
	}
	return status >= 500 ? "INTERNAL" : "FAILED_PRECONDITION";
}

static void write_error(const struct mock_wire *wire, int status, const char *message, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_begin_object(&w);
	json_key(&w, SLICE("error"));
	json_begin_object(&w);
	json_member_int(&w, "code", status);
	json_member_cstr(&w, "message", message);
	json_member_cstr(&w, "status", error_status(status));
	json_end_object(&w);
	json_end_object(&w);
}

static void write_error_event(struct mock_reply *r, struct buf *out)
{
	begin_element(r, out);
	write_error(&mock_gemini, 503, "The model is overloaded. Please try again later.", out);
	end_element(r, out);
}

const struct mock_wire mock_gemini = {
	.stream_type = stream_type,
	.write_whole = write_whole,
	.write_begin = write_begin,
	.write_token = write_token,
	.write_finish = write_finish,
	.write_terminator = write_terminator,
	.write_error = write_error,
	.write_error_event = write_error_event,
};
