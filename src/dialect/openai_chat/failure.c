/* SPDX-License-Identifier: Apache-2.0 */
/* Errors and terminators inside chat completion streams (DIALECTS §5.1, §5.12). */
#include "dialect/openai_chat/openai_chat.h"

/* data: {"error":{…}}: the SDKs throw on any event that has an `error` member (openai-node, core/streaming.ts). No
 * [DONE] follows. */
void chat_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
			      const struct event_reader *r, struct buf *out)
{
	struct json_writer w;
	struct buf data;
	event_begin(&w, &data);
	openai_write_error(&w, v);
	event_end(&w, (struct slice){ 0 }, out);
}

void chat_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out)
{
	(void)!sse_write(out, (struct slice){ 0 }, SLICE("[DONE]"));
}
