/* SPDX-License-Identifier: Apache-2.0 */
/* Errors in Ollama's shape, {"error":"…"}: as a body, and as a line of a stream (DIALECTS §5.8, §6.1). */
#include "dialect/ollama/ollama.h"

/* `code` is an addition: Ollama's own libraries read `error` and the status, people read the body. */
static void write_members(struct json_writer *w, const struct failure_view *v)
{
	const char *code = v->code ? v->code : v->failure->code;

	json_member_cstr(w, "error", v->failure->message);
	if (code[0])
		json_member_cstr(w, "code", code);
}

void ollama_write_failure(const struct failure_view *v, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_begin_object(&w);
	write_members(&w, v);
	json_end_object(&w);
}

/* The libraries throw on any line with an `error`. */
void ollama_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				const struct event_reader *r, struct buf *out)
{
	struct json_writer w;
	struct buf data;

	event_begin(&w, &data);
	write_members(&w, v);
	json_end_object(&w);
	(void)!ndjson_write(out, buf_slice(&data));
	buf_done(&data);
}

/* Nothing: the line that says done is finish and end at once. */
void ollama_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out)
{
}
