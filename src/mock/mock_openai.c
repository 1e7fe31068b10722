/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated provider in OpenAI's chat dialect: chat and text completions, embeddings, the listing. Shapes:
 * DIALECTS.md §4.1, §5.2, §6.1, §8.1, §8.11. */
#include <openssl/evp.h>
#include "json/writer.h"
#include "mock/mock_internal.h"

static const char *stream_type(const struct mock_reply *r)
{
	return "text/event-stream; charset=utf-8";
}

static void write_id(struct json_writer *w, const struct mock_reply *r)
{
	char id[48];

	snprintf(id, sizeof(id), "%s-mock%016llx", r->job == MOCK_COMPLETION ? "cmpl" : "chatcmpl", (unsigned long long)r->number);
	json_member_cstr(w, "id", id);
}

static void write_usage(struct json_writer *w, const struct mock_reply *r)
{
	json_key(w, SLICE("usage"));
	json_begin_object(w);
	json_member_int(w, "prompt_tokens", r->prompt_tokens);
	json_member_int(w, "completion_tokens", r->tokens);
	json_member_int(w, "total_tokens", r->prompt_tokens + r->tokens);
	json_key(w, SLICE("prompt_tokens_details"));
	json_value_raw(w, SLICE("{\"cached_tokens\":0,\"audio_tokens\":0}"));
	json_key(w, SLICE("completion_tokens_details"));
	json_value_raw(w, SLICE("{\"reasoning_tokens\":0,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}"));
	json_end_object(w);
}

static void begin_object(struct json_writer *w, const struct mock_reply *r, const char *object, struct buf *out)
{
	json_writer_init(w, out);
	json_begin_object(w);
	write_id(w, r);
	json_member_cstr(w, "object", object);
	json_member_int(w, "created", r->created_s);
	json_member_string(w, "model", r->model);
}

static void write_completion(const struct mock_reply *r, struct buf *out)
{
	struct json_writer w;
	struct arena a;

	arena_init(&a);
	begin_object(&w, r, r->job == MOCK_CHAT ? "chat.completion" : "text_completion", out);
	json_key(&w, SLICE("choices"));
	json_begin_array(&w);
	json_begin_object(&w);
	json_member_int(&w, "index", 0);
	if (r->job == MOCK_CHAT) {
		json_key(&w, SLICE("message"));
		json_begin_object(&w);
		json_member_cstr(&w, "role", "assistant");
		json_member_string(&w, "content", mock_text(r, &a));
		json_key(&w, SLICE("refusal"));
		json_null(&w);
		json_key(&w, SLICE("annotations"));
		json_value_raw(&w, SLICE("[]"));
		json_end_object(&w);
	} else {
		json_member_string(&w, "text", mock_text(r, &a));
	}
	json_key(&w, SLICE("logprobs"));
	json_null(&w);
	json_member_cstr(&w, "finish_reason", "stop");
	json_end_object(&w);
	json_end_array(&w);
	write_usage(&w, r);
	json_member_cstr(&w, "system_fingerprint", "fp_mock");
	json_end_object(&w);
	arena_done(&a);
}

/* encoding_format base64: little-endian floats (DIALECTS.md §8.1). */
static void write_vector(struct json_writer *w, const struct mock_reply *r, unsigned i, struct arena *a)
{
	if (r->wants_base64) {
		float *numbers = arena_alloc(a, r->dimensions * sizeof(float));
		unsigned char *text = arena_alloc(a, 4 * (r->dimensions * sizeof(float) / 3 + 2));
		int len;

		for (unsigned k = 0; k < r->dimensions; k++)
			numbers[k] = mock_number(r, i, k);
		len = EVP_EncodeBlock(text, (const unsigned char *)numbers, (int)(r->dimensions * sizeof(float)));
		json_string(w, slice_of((const char *)text, (size_t)len));
		return;
	}
	json_begin_array(w);
	for (unsigned k = 0; k < r->dimensions; k++)
		json_double(w, (double)mock_number(r, i, k));
	json_end_array(w);
}

static void write_embeddings(const struct mock_reply *r, struct buf *out)
{
	struct json_writer w;
	struct arena a;

	arena_init(&a);
	json_writer_init(&w, out);
	json_begin_object(&w);
	json_member_cstr(&w, "object", "list");
	json_key(&w, SLICE("data"));
	json_begin_array(&w);
	for (unsigned i = 0; i < r->inputs; i++) {
		json_begin_object(&w);
		json_member_cstr(&w, "object", "embedding");
		json_member_int(&w, "index", i);
		json_key(&w, SLICE("embedding"));
		write_vector(&w, r, i, &a);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_member_string(&w, "model", r->model);
	json_key(&w, SLICE("usage"));
	json_begin_object(&w);
	json_member_int(&w, "prompt_tokens", r->prompt_tokens);
	json_member_int(&w, "total_tokens", r->prompt_tokens);
	json_end_object(&w);
	json_end_object(&w);
	arena_done(&a);
}

static void write_list(struct buf *out)
{
	mock_put(out, SLICE("{\"object\":\"list\",\"data\":["
			    "{\"id\":\"mock-large\",\"object\":\"model\",\"created\":1767225600,\"owned_by\":\"mock\"},"
			    "{\"id\":\"mock-small\",\"object\":\"model\",\"created\":1767225600,\"owned_by\":\"mock\"}]}"));
}

static void write_whole(const struct mock_reply *r, struct buf *out)
{
	if (r->job == MOCK_LIST)
		write_list(out);
	else if (r->job == MOCK_EMBED)
		write_embeddings(r, out);
	else
		write_completion(r, out);
}

/* One chunk with one choice: the role, a word, or the finish. */
static void write_chunk(const struct mock_reply *r, const char *role, struct slice word, const char *finish,
			struct buf *out)
{
	struct json_writer w;

	mock_put(out, SLICE("data: "));
	begin_object(&w, r, r->job == MOCK_CHAT ? "chat.completion.chunk" : "text_completion", out);
	json_member_cstr(&w, "system_fingerprint", "fp_mock");
	json_key(&w, SLICE("choices"));
	json_begin_array(&w);
	json_begin_object(&w);
	json_member_int(&w, "index", 0);
	if (r->job == MOCK_CHAT) {
		json_key(&w, SLICE("delta"));
		json_begin_object(&w);
		if (role)
			json_member_cstr(&w, "role", role);
		if (role || word.len > 0)
			json_member_string(&w, "content", word);
		json_end_object(&w);
	} else {
		json_member_string(&w, "text", word);
	}
	json_key(&w, SLICE("logprobs"));
	json_null(&w);
	json_key(&w, SLICE("finish_reason"));
	if (finish)
		json_string(&w, slice_cstr(finish));
	else
		json_null(&w);
	json_end_object(&w);
	json_end_array(&w);
	if (r->wants_usage) {
		json_key(&w, SLICE("usage"));
		json_null(&w);
	}
	json_end_object(&w);
	mock_put(out, SLICE("\n\n"));
}

static void write_begin(struct mock_reply *r, struct buf *out)
{
	if (r->job == MOCK_CHAT)
		write_chunk(r, "assistant", SLICE(""), NULL, out);
}

static void write_token(struct mock_reply *r, unsigned index, struct buf *out)
{
	char word[MOCK_WORD_MAX];

	write_chunk(r, NULL, mock_word(r, index, word), NULL, out);
}

static void write_finish(struct mock_reply *r, struct buf *out)
{
	struct json_writer w;

	write_chunk(r, NULL, SLICE(""), "stop", out);
	if (!r->wants_usage)
		return;
	mock_put(out, SLICE("data: "));
	begin_object(&w, r, r->job == MOCK_CHAT ? "chat.completion.chunk" : "text_completion", out);
	json_key(&w, SLICE("choices"));
	json_value_raw(&w, SLICE("[]"));
	write_usage(&w, r);
	json_end_object(&w);
	mock_put(out, SLICE("\n\n"));
}

static void write_terminator(struct mock_reply *r, struct buf *out)
{
	mock_put(out, SLICE("data: [DONE]\n\n"));
}

static void write_error(const struct mock_wire *wire, int status, const char *message, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_begin_object(&w);
	json_key(&w, SLICE("error"));
	json_begin_object(&w);
	json_member_cstr(&w, "message", message);
	json_member_cstr(&w, "type",
			 status == 429   ? "requests"
			 : status >= 500 ? "server_error"
					 : "invalid_request_error");
	json_key(&w, SLICE("param"));
	json_null(&w);
	json_key(&w, SLICE("code"));
	if (status == 429)
		json_string(&w, SLICE("rate_limit_exceeded"));
	else if (status == 401)
		json_string(&w, SLICE("invalid_api_key"));
	else
		json_null(&w);
	json_end_object(&w);
	json_end_object(&w);
}

/* Seen from OpenAI and its imitators: an error object as the data of an event without a name. */
static void write_error_event(struct mock_reply *r, struct buf *out)
{
	mock_put(out, SLICE("data: "));
	write_error(&mock_openai, 500, "The simulated server had an error while processing your request", out);
	mock_put(out, SLICE("\n\n"));
}

const struct mock_wire mock_openai = {
	.stream_type = stream_type,
	.write_whole = write_whole,
	.write_begin = write_begin,
	.write_token = write_token,
	.write_finish = write_finish,
	.write_terminator = write_terminator,
	.write_error = write_error,
	.write_error_event = write_error_event,
};
