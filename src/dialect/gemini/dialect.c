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
	{ "contents", 0, QUIRK_NO_FUNCTION_CALL_ID },
	{ "serviceTier", FIELD_SERVICE_TIER, QUIRK_VERTEX_BODY },
	{ "service_tier", FIELD_SERVICE_TIER, QUIRK_VERTEX_BODY },
	{ "store", FIELD_STORE, QUIRK_VERTEX_BODY },
	{ 0 }
};

/* What Gemini clients can say, and what becomes of each field where it is written in this dialect. */
static const struct field_row fields[FIELD_COUNT] = {
	[FIELD_INDEX_SYSTEM] = { true, CARRIED },
	[FIELD_INDEX_LATER_SYSTEM] = { false, REWRITTEN }, /* <system-reminder> */
	[FIELD_INDEX_PREFILL] = { true, CARRIED },
	[FIELD_INDEX_PARTICIPANT_NAME] = { false, DROPPED },
	[FIELD_INDEX_IMAGE_DATA] = { true, CARRIED },
	[FIELD_INDEX_IMAGE_URL] = { true, CARRIED },
	[FIELD_INDEX_AUDIO] = { true, CARRIED },
	[FIELD_INDEX_VIDEO] = { true, CARRIED },
	[FIELD_INDEX_DOCUMENT_DATA] = { true, CARRIED },
	[FIELD_INDEX_DOCUMENT_URL] = { true, CARRIED },
	[FIELD_INDEX_DOCUMENT_TEXT] = { false, REWRITTEN }, /* as text */
	[FIELD_INDEX_FILE_ID] = { true, REFUSED },    /* lies at one provider */
	[FIELD_INDEX_RESULT_MEDIA] = { true, CARRIED }, /* by rules: beside the result */
	[FIELD_INDEX_RESULT_ERROR] = { true, CARRIED },
	[FIELD_INDEX_TOOLS] = { true, CARRIED },
	[FIELD_INDEX_CUSTOM_TOOLS] = { false, REWRITTEN },     /* custom_tools.c */
	[FIELD_INDEX_WEB_SEARCH] = { true, CARRIED },
	[FIELD_INDEX_SERVER_TOOLS] = { true, REWRITTEN }, /* fetch and code; others are refused when written */
	[FIELD_INDEX_TOOL_STRICT] = { true, REWRITTEN }, /* mode VALIDATED, for all tools or none */
	[FIELD_INDEX_CHOICE_NONE] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_REQUIRED] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_NAMED] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_ALLOWED] = { true, CARRIED },
	[FIELD_INDEX_PARALLEL_CONTROL] = { false, DROPPED },
	[FIELD_INDEX_FORMAT_JSON] = { true, CARRIED },
	[FIELD_INDEX_FORMAT_SCHEMA] = { true, CARRIED },
	[FIELD_INDEX_MAX_OUTPUT] = { true, CARRIED },
	[FIELD_INDEX_TEMPERATURE] = { true, CARRIED },
	[FIELD_INDEX_TOP_P] = { true, CARRIED },
	[FIELD_INDEX_TOP_K] = { true, CARRIED },
	[FIELD_INDEX_MIN_P] = { false, DROPPED },
	[FIELD_INDEX_FREQUENCY_PENALTY] = { true, CARRIED },
	[FIELD_INDEX_PRESENCE_PENALTY] = { true, CARRIED },
	[FIELD_INDEX_REPEAT_PENALTY] = { false, DROPPED },
	[FIELD_INDEX_SEED] = { true, CARRIED },
	[FIELD_INDEX_STOP] = { true, CARRIED },
	[FIELD_INDEX_N] = { true, CARRIED },
	[FIELD_INDEX_LOGPROBS] = { true, CARRIED },
	[FIELD_INDEX_LOGIT_BIAS] = { false, DROPPED },
	[FIELD_INDEX_REASONING] = { true, CARRIED },
	[FIELD_INDEX_REASONING_VISIBLE] = { true, CARRIED },
	[FIELD_INDEX_REASONING_HISTORY] = { true, CARRIED }, /* where it is at home */
	[FIELD_INDEX_VERBOSITY] = { false, DROPPED },
	[FIELD_INDEX_SERVICE_TIER] = { true, REWRITTEN }, /* Vertex has headers for it */
	[FIELD_INDEX_USER] = { true, REWRITTEN },     /* a label; Vertex only */
	[FIELD_INDEX_METADATA] = { true, REWRITTEN }, /* labels; Vertex only */
	[FIELD_INDEX_CACHE_MARKS] = { false, DROPPED },
	[FIELD_INDEX_CACHE_KEY] = { false, DROPPED },
	[FIELD_INDEX_STORE] = { true, DROPPED },
	[FIELD_INDEX_PREVIOUS_RESPONSE] = { false, REFUSED },
	[FIELD_INDEX_BACKGROUND] = { false, REFUSED },
	[FIELD_INDEX_AUDIO_OUTPUT] = { true, REFUSED }, /* in another coding than was asked for */
	[FIELD_INDEX_IMAGE_OUTPUT] = { true, CARRIED },
	[FIELD_INDEX_DOCUMENT_CITATIONS] = { false, DROPPED },
	[FIELD_INDEX_SAFETY_SETTINGS] = { true, DROPPED },
	[FIELD_INDEX_OPAQUE_PART] = { true, DROPPED },
	[FIELD_INDEX_OTHER_MEANING] = { true, REFUSED },
	[FIELD_INDEX_OTHER] = { true, DROPPED },
};

const struct dialect dialect_gemini = {
	.id = DIALECT_GEMINI,
	.parameters = parameters,
	.name = "gemini",
	.read_request = gemini_read_request,
	.measure_prompt = gemini_measure_prompt,
	.prefix_hash = gemini_prefix_hash,
	.edit_request = gemini_edit_request,
	.request_path = gemini_request_path,
	.fields = fields,
	.read_chat = gemini_read_chat,
	.write_chat = gemini_write_chat,
	.writer_init = gemini_writer_init,
	.write_event = gemini_write_event,
	.write_end = gemini_write_end,
	.write_answer = gemini_write_answer,
	.write_count = gemini_write_count,
	.stream_query = { "alt=sse", 7 },
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
