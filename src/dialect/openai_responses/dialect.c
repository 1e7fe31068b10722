/* SPDX-License-Identifier: Apache-2.0 */
/* openai-responses: OpenAI's Responses API. */
#include "dialect/openai_responses/openai_responses.h"

static enum framing responses_stream_framing(struct slice client_query)
{
	return FRAMING_SSE;
}

static void responses_reader_init(struct event_reader *r, enum operation op)
{
	reader_init(r, &dialect_openai_responses, op);
}

const struct dialect dialect_openai_responses = {
	.id = DIALECT_OPENAI_RESPONSES,
	.name = "openai-responses",
	.read_request = responses_read_request,
	.estimate_prompt = responses_estimate_prompt,
	.prefix_hash = responses_prefix_hash,
	.edit_request = responses_edit_request,
	.request_path = responses_request_path,
	.stream_framing = responses_stream_framing,
	.reader_init = responses_reader_init,
	.read_event = responses_read_event,
	.read_end = responses_read_end,
	.read_whole = responses_read_whole,
	.read_failure = failure_read,
	.write_failure = openai_write_failure,
	.write_failure_event = responses_write_failure_event,
	.write_terminator = responses_write_terminator,
	.heartbeat = sse_comment_heartbeat,
	.stream_content_type = sse_content_type,
	.request_headers = openai_request_headers,
	.answer_headers = openai_answer_headers,
};
