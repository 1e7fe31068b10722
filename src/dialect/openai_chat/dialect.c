/* SPDX-License-Identifier: Apache-2.0 */
/* openai-chat: what OpenAI calls Chat Completions, and half the world speaks. */
#include "dialect/openai_chat/openai_chat.h"

static enum framing chat_stream_framing(struct slice client_query)
{
	return FRAMING_SSE;
}

static void chat_reader_init(struct event_reader *r, enum operation op)
{
	reader_init(r, &dialect_openai_chat, op);
}

const struct dialect dialect_openai_chat = {
	.id = DIALECT_OPENAI_CHAT,
	.name = "openai-chat",
	.read_request = chat_read_request,
	.estimate_prompt = chat_estimate_prompt,
	.prefix_hash = chat_prefix_hash,
	.edit_request = chat_edit_request,
	.request_path = chat_request_path,
	.stream_framing = chat_stream_framing,
	.reader_init = chat_reader_init,
	.read_event = chat_read_event,
	.read_end = chat_read_end,
	.read_whole = chat_read_whole,
	.read_failure = failure_read,
	.write_failure = openai_write_failure,
	.write_failure_event = chat_write_failure_event,
	.write_terminator = chat_write_terminator,
	.heartbeat = sse_comment_heartbeat,
	.stream_content_type = sse_content_type,
	.request_headers = openai_request_headers,
	.answer_headers = openai_answer_headers,
};
