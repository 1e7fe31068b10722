/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated provider in Anthropic's dialect: messages, token counting, the listing. Shapes: DIALECTS.md §4.1, §5.4,
 * §6.1, §8.10, §8.11. */
#include "json/writer.h"
#include "mock/mock_internal.h"

static const char *stream_type(const struct mock_reply *r)
{
	return "text/event-stream; charset=utf-8";
}

static void write_usage(struct json_writer *w, const struct mock_reply *r, int64_t output)
{
	json_key(w, SLICE("usage"));
	json_begin_object(w);
	json_member_int(w, "input_tokens", r->prompt_tokens);
	json_member_int(w, "cache_creation_input_tokens", 0);
	json_member_int(w, "cache_read_input_tokens", 0);
	json_member_int(w, "output_tokens", output);
	json_member_cstr(w, "service_tier", "standard");
	json_end_object(w);
}

/* The message: with its text and stop reason when whole, without both in message_start. */
static void write_message(struct json_writer *w, const struct mock_reply *r, bool is_whole)
{
	char id[48];
	struct arena a;

	arena_init(&a);
	snprintf(id, sizeof(id), "msg_mock%016llx", (unsigned long long)r->number);
	json_begin_object(w);
	json_member_cstr(w, "id", id);
	json_member_cstr(w, "type", "message");
	json_member_cstr(w, "role", "assistant");
	json_member_string(w, "model", r->model);
	json_key(w, SLICE("content"));
	json_begin_array(w);
	if (is_whole) {
		json_begin_object(w);
		json_member_cstr(w, "type", "text");
		json_member_string(w, "text", mock_text(r, &a));
		json_end_object(w);
	}
	json_end_array(w);
	json_key(w, SLICE("stop_reason"));
	if (is_whole)
		json_string(w, SLICE("end_turn"));
	else
		json_null(w);
	json_key(w, SLICE("stop_sequence"));
	json_null(w);
	write_usage(w, r, is_whole ? r->tokens : 1);
	json_end_object(w);
	arena_done(&a);
}

static void write_list(struct buf *out)
{
	mock_put(out, SLICE("{\"data\":["
			    "{\"type\":\"model\",\"id\":\"mock-large\",\"display_name\":\"Mock Large\",\"created_at\":\"2026-01-01T00:00:00Z\"},"
			    "{\"type\":\"model\",\"id\":\"mock-small\",\"display_name\":\"Mock Small\",\"created_at\":\"2026-01-01T00:00:00Z\"}],"
			    "\"has_more\":false,\"first_id\":\"mock-large\",\"last_id\":\"mock-small\"}"));
}

static void write_whole(const struct mock_reply *r, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	if (r->job == MOCK_LIST) {
		write_list(out);
	} else if (r->job == MOCK_COUNT) {
		json_begin_object(&w);
		json_member_int(&w, "input_tokens", r->prompt_tokens);
		json_end_object(&w);
	} else {
		write_message(&w, r, true);
	}
}

/* The event's name is its data's type. */
static void begin_event(struct json_writer *w, const char *type, struct buf *out)
{
	mock_put(out, SLICE("event: "));
	mock_put(out, slice_cstr(type));
	mock_put(out, SLICE("\ndata: "));
	json_writer_init(w, out);
	json_begin_object(w);
	json_member_cstr(w, "type", type);
}

static void end_event(struct json_writer *w, struct buf *out)
{
	json_end_object(w);
	mock_put(out, SLICE("\n\n"));
}

static void write_begin(struct mock_reply *r, struct buf *out)
{
	struct json_writer w;

	begin_event(&w, "message_start", out);
	json_key(&w, SLICE("message"));
	write_message(&w, r, false);
	end_event(&w, out);
	begin_event(&w, "content_block_start", out);
	json_member_int(&w, "index", 0);
	json_key(&w, SLICE("content_block"));
	json_value_raw(&w, SLICE("{\"type\":\"text\",\"text\":\"\"}"));
	end_event(&w, out);
	begin_event(&w, "ping", out);
	end_event(&w, out);
}

static void write_token(struct mock_reply *r, unsigned index, struct buf *out)
{
	char word[MOCK_WORD_MAX];
	struct json_writer w;

	begin_event(&w, "content_block_delta", out);
	json_member_int(&w, "index", 0);
	json_key(&w, SLICE("delta"));
	json_begin_object(&w);
	json_member_cstr(&w, "type", "text_delta");
	json_member_string(&w, "text", mock_word(r, index, word));
	json_end_object(&w);
	end_event(&w, out);
}

static void write_finish(struct mock_reply *r, struct buf *out)
{
	struct json_writer w;

	begin_event(&w, "content_block_stop", out);
	json_member_int(&w, "index", 0);
	end_event(&w, out);
	begin_event(&w, "message_delta", out);
	json_key(&w, SLICE("delta"));
	json_value_raw(&w, SLICE("{\"stop_reason\":\"end_turn\",\"stop_sequence\":null}"));
	json_key(&w, SLICE("usage"));
	json_begin_object(&w);
	json_member_int(&w, "output_tokens", r->tokens);
	json_end_object(&w);
	end_event(&w, out);
}

static void write_terminator(struct mock_reply *r, struct buf *out)
{
	struct json_writer w;

	begin_event(&w, "message_stop", out);
	end_event(&w, out);
}

static const char *error_type(int status)
{
	switch (status) {
	case 401:
		return "authentication_error";
	case 403:
		return "permission_error";
	case 404:
		return "not_found_error";
	case 413:
		return "request_too_large";
	case 429:
		return "rate_limit_error";
	case 529:
		return "overloaded_error";
	}
	return status >= 500 ? "api_error" : "invalid_request_error";
}

static void write_error_members(struct json_writer *w, int status, const char *message)
{
	json_key(w, SLICE("error"));
	json_begin_object(w);
	json_member_cstr(w, "type", error_type(status));
	json_member_cstr(w, "message", message);
	json_end_object(w);
	json_member_cstr(w, "request_id", "req_mock");
}

static void write_error(const struct mock_wire *wire, int status, const char *message, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_begin_object(&w);
	json_member_cstr(&w, "type", "error");
	write_error_members(&w, status, message);
	json_end_object(&w);
}

static void write_error_event(struct mock_reply *r, struct buf *out)
{
	struct json_writer w;

	begin_event(&w, "error", out);
	write_error_members(&w, 529, "Overloaded");
	end_event(&w, out);
}

const struct mock_wire mock_anthropic = {
	.stream_type = stream_type,
	.write_whole = write_whole,
	.write_begin = write_begin,
	.write_token = write_token,
	.write_finish = write_finish,
	.write_terminator = write_terminator,
	.write_error = write_error,
	.write_error_event = write_error_event,
};
