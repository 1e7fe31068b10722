/* SPDX-License-Identifier: Apache-2.0 */
/* gemini: Google's generateContent family. */
#include "dialect/gemini/gemini.h"

static const char *gemini_content_type(enum framing framing)
{
	return framing == FRAMING_SSE ? "text/event-stream" : "application/json; charset=UTF-8";
}

/* Not here on purpose: x-goog-api-key and authorization (the gateway's own), x-goog-user-project (whom Google
 * bills). The x-vertex-ai-llm-* choose a service tier (DIALECTS §3.10), x-server-timeout is the SDKs' `timeout`. */
static const char *const request_headers[] = {
	"user-agent", "x-goog-api-client", "x-goog-request-params", "x-server-timeout", "x-vertex-ai-llm-*",
	NULL
};

/* Google sends hardly any (DIALECTS §4.8); server-timing is weir's own word to the client. */
static const char *const answer_headers[] = {
	"retry-after", "x-request-id", "x-gemini-service-tier", "x-vertex-ai-llm-*",
	NULL
};

/* No comment: Google's Go SDK takes every line for a field it must know and fails on ": ping". An event of nothing is
 * passed over by all of them (Go: an empty token; JavaScript: @google/genai 3.1.0 processStreamResponse; Python: an
 * empty line). Between the elements of an array white space is nothing. */
static struct slice gemini_heartbeat(enum framing framing)
{
	return framing == FRAMING_SSE ? SLICE("\n\n") : SLICE(" ");
}

/* What a model or provider may reject or call otherwise (DIALECTS §1.2, §7). */
static const struct parameter parameters[] = {
	{ "generationConfig", 0 },
	{ 0 }
};

const struct dialect dialect_gemini = {
	.id = DIALECT_GEMINI,
	.parameters = parameters,
	.name = "gemini",
	.read_request = gemini_read_request,
	.estimate_prompt = gemini_estimate_prompt,
	.prefix_hash = gemini_prefix_hash,
	.edit_request = gemini_edit_request,
	.request_path = gemini_request_path,
	.stream_framing = gemini_stream_framing,
	.reader_init = gemini_reader_init,
	.read_event = gemini_read_event,
	.read_end = gemini_read_end,
	.read_whole = gemini_read_whole,
	.read_failure = failure_read,
	.write_failure = gemini_write_failure,
	.write_failure_event = gemini_write_failure_event,
	.write_terminator = gemini_write_terminator,
	.heartbeat = gemini_heartbeat,
	.stream_content_type = gemini_content_type,
	.request_headers = request_headers,
	.answer_headers = answer_headers,
};
