/* SPDX-License-Identifier: Apache-2.0 */
/* Errors in Cohere's shape, {"id"?,"message"} (DIALECTS §6.1), and as the end of a stream. */
#include "dialect/cohere/cohere.h"

/* `code` is an addition: Cohere's libraries go by the status and show the body. */
void cohere_write_failure(const struct failure_view *v, struct buf *out)
{
	const char *code = v->code ? v->code : v->failure->code;
	struct json_writer w;

	json_writer_init(&w, out);
	json_begin_object(&w);
	if (v->request_id.len > 0)
		json_member_string(&w, "id", v->request_id);
	json_member_cstr(&w, "message", v->failure->message);
	if (code[0])
		json_member_cstr(&w, "code", code);
	json_end_object(&w);
}

/* A message-end that says so, and nothing after it (recorded: "finish_reason":"ERROR" with `error` and `error_type`). */
void cohere_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				const struct event_reader *r, struct buf *out)
{
	const char *code = v->code ? v->code : v->failure->type;
	struct json_writer w;
	struct buf data;

	event_begin(&w, &data);
	json_member_cstr(&w, "type", "message-end");
	json_literal_key(&w, "delta");
	json_begin_object(&w);
	json_member_cstr(&w, "finish_reason", "ERROR");
	json_literal_key(&w, "usage");
	json_value_raw(&w, SLICE("{}"));
	json_member_cstr(&w, "error", v->failure->message);
	if (code[0])
		json_member_cstr(&w, "error_type", code);
	json_end_object(&w);
	event_end(&w, SLICE("message-end"), out);
}

void cohere_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out)
{
	(void)!sse_write(out, SLICE(""), SLICE("[DONE]"));
}
