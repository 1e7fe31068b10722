/* SPDX-License-Identifier: Apache-2.0 */
/* Errors inside Responses streams. OpenAI sends two events, recorded one after the other: `error`, then
 * `response.failed`. */
#include "dialect/openai_responses/openai_responses.h"

static const char *code_of(const struct failure_view *v)
{
	if (v->code)
		return v->code;
	return v->failure->code[0] ? v->failure->code : v->failure->type[0] ? v->failure->type : "server_error";
}

/* The API description has code, message and param flat in the event, the wire has them in an `error` object; the
 * SDKs throw only when that object is there (openai-node, core/streaming.ts). Both are written, so every reader
 * finds its own. */
static void write_error_event(const struct failure_view *v, int64_t sequence, struct buf *out)
{
	struct json_writer w;
	struct buf data;
	event_begin(&w, &data);
	json_member_cstr(&w, "type", "error");
	json_member_int(&w, "sequence_number", sequence);
	json_member_cstr(&w, "code", code_of(v));
	json_member_cstr(&w, "message", v->failure->message);
	json_key(&w, SLICE("param"));
	if (v->failure->param[0])
		json_string(&w, slice_cstr(v->failure->param));
	else
		json_null(&w);
	openai_write_error(&w, v);
	event_end(&w, SLICE("error"), out);
}

/* With the id the client was given in response.created, when it was. */
static void write_failed_event(const struct failure_view *v, int64_t sequence, const struct event_reader *r,
			       struct buf *out)
{
	struct json_writer w;
	struct buf data;
	event_begin(&w, &data);
	json_member_cstr(&w, "type", "response.failed");
	json_member_int(&w, "sequence_number", sequence);
	json_key(&w, SLICE("response"));
	json_begin_object(&w);
	if (r && r->answer_id[0])
		json_member_cstr(&w, "id", r->answer_id);
	else
		json_member_string(&w, "id", v->request_id);
	json_member_cstr(&w, "object", "response");
	json_member_cstr(&w, "status", "failed");
	json_key(&w, SLICE("error"));
	json_begin_object(&w);
	json_member_cstr(&w, "code", code_of(v));
	json_member_cstr(&w, "message", v->failure->message);
	json_end_object(&w);
	json_key(&w, SLICE("incomplete_details"));
	json_null(&w);
	if (r && r->model[0])
		json_member_cstr(&w, "model", r->model);
	json_key(&w, SLICE("output"));
	json_begin_array(&w);
	json_end_array(&w);
	json_key(&w, SLICE("usage"));
	json_null(&w);
	json_end_object(&w);
	event_end(&w, SLICE("response.failed"), out);
}

void responses_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				   const struct event_reader *r, struct buf *out)
{
	int64_t sequence = r ? r->sequence + 1 : 0;
	write_error_event(v, sequence, out);
	write_failed_event(v, sequence + 1, r, out);
}

/* There is none: the last event ends the stream. */
void responses_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out)
{
}
