/* SPDX-License-Identifier: Apache-2.0 */
/* cohere: /v2/chat, and /v2/embed as it is. */
#include "dialect/cohere/cohere.h"

static enum framing cohere_stream_framing(struct slice client_query)
{
	return FRAMING_SSE;
}

static void cohere_reader_init(struct event_reader *r, enum operation op)
{
	reader_init(r, &dialect_cohere, op);
}

static const char *const request_headers[] = { "user-agent", "x-client-name", NULL };

/* Recorded; x-trial-endpoint-call-… are what a key on trial has left (DIALECTS §6.3). */
static const char *const answer_headers[] = {
	"x-debug-trace-id", "x-api-warning", "retry-after", "x-endpoint-monthly-call-limit", "x-trial-endpoint-call-*", NULL
};

/* What Cohere's clients can say, and what becomes of each field where it is written in this dialect. */
static const struct field_row fields[FIELD_COUNT] = {
	[FIELD_INDEX_SYSTEM] = { true, CARRIED },
	[FIELD_INDEX_LATER_SYSTEM] = { true, CARRIED },
	[FIELD_INDEX_PREFILL] = { true, REFUSED },
	[FIELD_INDEX_PARTICIPANT_NAME] = { false, DROPPED },
	[FIELD_INDEX_IMAGE_DATA] = { true, CARRIED },
	[FIELD_INDEX_IMAGE_URL] = { true, CARRIED },
	[FIELD_INDEX_AUDIO] = { false, REFUSED },
	[FIELD_INDEX_VIDEO] = { false, REFUSED },
	[FIELD_INDEX_DOCUMENT_DATA] = { false, REFUSED },
	[FIELD_INDEX_DOCUMENT_URL] = { false, REFUSED },
	[FIELD_INDEX_DOCUMENT_TEXT] = { true, REWRITTEN },   /* `documents` */
	[FIELD_INDEX_FILE_ID] = { false, REFUSED },
	[FIELD_INDEX_RESULT_MEDIA] = { false, REWRITTEN },   /* in the next user message */
	[FIELD_INDEX_RESULT_ERROR] = { false, REWRITTEN },     /* "Error: " in front */
	[FIELD_INDEX_TOOLS] = { true, CARRIED },
	[FIELD_INDEX_CUSTOM_TOOLS] = { false, REWRITTEN },     /* custom_tools.c */
	[FIELD_INDEX_WEB_SEARCH] = { false, REFUSED },
	[FIELD_INDEX_SERVER_TOOLS] = { false, REFUSED },
	[FIELD_INDEX_TOOL_STRICT] = { true, CARRIED },   /* of all tools at once */
	[FIELD_INDEX_CHOICE_NONE] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_REQUIRED] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_NAMED] = { false, REWRITTEN },   /* required, and the other tools are not sent */
	[FIELD_INDEX_CHOICE_ALLOWED] = { false, REWRITTEN },   /* the other tools are not sent */
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
	[FIELD_INDEX_N] = { false, REFUSED },
	[FIELD_INDEX_LOGPROBS] = { true, CARRIED },
	[FIELD_INDEX_LOGIT_BIAS] = { false, DROPPED },
	[FIELD_INDEX_REASONING] = { true, CARRIED },
	[FIELD_INDEX_REASONING_VISIBLE] = { false, CARRIED },   /* it shows what it thinks */
	[FIELD_INDEX_REASONING_HISTORY] = { true, CARRIED },   /* where the model needs it */
	[FIELD_INDEX_VERBOSITY] = { false, DROPPED },
	[FIELD_INDEX_SERVICE_TIER] = { false, DROPPED },
	[FIELD_INDEX_USER] = { false, DROPPED },
	[FIELD_INDEX_METADATA] = { false, DROPPED },
	[FIELD_INDEX_CACHE_MARKS] = { false, DROPPED },
	[FIELD_INDEX_CACHE_KEY] = { false, DROPPED },
	[FIELD_INDEX_STORE] = { false, DROPPED },
	[FIELD_INDEX_PREVIOUS_RESPONSE] = { false, REFUSED },
	[FIELD_INDEX_BACKGROUND] = { false, REFUSED },
	[FIELD_INDEX_AUDIO_OUTPUT] = { false, REFUSED },
	[FIELD_INDEX_IMAGE_OUTPUT] = { false, REFUSED },
	[FIELD_INDEX_DOCUMENT_CITATIONS] = { true, REWRITTEN },   /* documents are cited unless one says no */
	[FIELD_INDEX_SAFETY_SETTINGS] = { true, DROPPED },
	[FIELD_INDEX_OPAQUE_PART] = { true, DROPPED },
	[FIELD_INDEX_OTHER_MEANING] = { true, REFUSED },
	[FIELD_INDEX_OTHER] = { true, DROPPED },
};

/* What a model may reject (DIALECTS §1.2, §3.9, §3.12). */
static const struct parameter parameters[] = {
	{ "temperature", FIELD_TEMPERATURE },
	{ "p", FIELD_TOP_P },
	{ "k", FIELD_TOP_K },
	{ "frequency_penalty", FIELD_FREQUENCY_PENALTY },
	{ "presence_penalty", FIELD_PRESENCE_PENALTY },
	{ "seed", FIELD_SEED },
	{ "thinking", 0 },
	{ NULL, 0 },
};

const struct dialect dialect_cohere = {
	.id = DIALECT_COHERE,
	.name = "cohere",
	.read_request = cohere_read_request,
	.measure_prompt = cohere_measure_prompt,
	.prefix_hash = cohere_prefix_hash,
	.edit_request = cohere_edit_request,
	.request_path = cohere_request_path,
	.parameters = parameters,
	.fields = fields,
	.read_chat = cohere_read_chat,
	.write_chat = cohere_write_chat,
	.write_event = cohere_write_event,
	.write_end = cohere_write_end,
	.write_answer = cohere_write_answer,
	.write_count = cohere_write_count,
	.stream_framing = cohere_stream_framing,
	.reader_init = cohere_reader_init,
	.read_event = cohere_read_event,
	.read_end = cohere_read_end,
	.read_whole = cohere_read_whole,
	.read_failure = failure_read,
	.write_failure = cohere_write_failure,
	.write_failure_event = cohere_write_failure_event,
	.write_terminator = cohere_write_terminator,
	.heartbeat = sse_comment_heartbeat,
	.stream_content_type = sse_content_type,
	.request_headers = request_headers,
	.answer_headers = answer_headers,
};
