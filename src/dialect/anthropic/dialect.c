/* SPDX-License-Identifier: Apache-2.0 */
/* anthropic: the Messages API. */
#include "dialect/anthropic/anthropic.h"

static enum framing anthropic_stream_framing(struct slice client_query)
{
	return FRAMING_SSE;
}

static void anthropic_reader_init(struct event_reader *r, enum operation op)
{
	reader_init(r, &dialect_anthropic, op);
}

/* anthropic-beta passes whatever its value (pain F15). Not here on purpose: x-api-key and authorization (the
 * gateway's own), anthropic-organization-id and anthropic-workspace-id (they belong to our key),
 * anthropic-dangerous-direct-browser-access, x-stainless-* (describes the client's machine, changes nothing at the
 * provider). anthropic-user-profile-id names the end user (DIALECTS §3.10); x-app and x-claude-code-* are what
 * Claude Code sends (recorded). */
static const char *const request_headers[] = {
	"anthropic-version", "anthropic-beta", "anthropic-user-profile-id", "idempotency-key", "user-agent", "x-app",
	"x-claude-code-*",
	NULL
};

/* DIALECTS §4.8, §6.3. anthropic-organization-id would tell whose key we hold. */
static const char *const answer_headers[] = {
	"request-id", "retry-after", "retry-after-ms", "anthropic-ratelimit-*", "anthropic-priority-*",
	"anthropic-fast-*", "x-ratelimit-*", "apim-request-id", "x-ms-region",
	NULL
};

/* What Messages clients can say, and what becomes of each field where it is written in this dialect. */
static const struct field_row fields[FIELD_COUNT] = {
	[FIELD_INDEX_SYSTEM] = { true, CARRIED },
	[FIELD_INDEX_LATER_SYSTEM] = { true, CARRIED },        /* by rules: <system-reminder> */
	[FIELD_INDEX_PREFILL] = { true, CARRIED },
	[FIELD_INDEX_PARTICIPANT_NAME] = { false, DROPPED },
	[FIELD_INDEX_IMAGE_DATA] = { true, CARRIED },
	[FIELD_INDEX_IMAGE_URL] = { true, CARRIED },
	[FIELD_INDEX_AUDIO] = { false, REFUSED },
	[FIELD_INDEX_VIDEO] = { false, REFUSED },
	[FIELD_INDEX_DOCUMENT_DATA] = { true, CARRIED },
	[FIELD_INDEX_DOCUMENT_URL] = { true, CARRIED },
	[FIELD_INDEX_DOCUMENT_TEXT] = { true, CARRIED },
	[FIELD_INDEX_FILE_ID] = { true, REFUSED },             /* lies at one provider */
	[FIELD_INDEX_RESULT_MEDIA] = { true, CARRIED },
	[FIELD_INDEX_RESULT_ERROR] = { true, CARRIED },
	[FIELD_INDEX_TOOLS] = { true, CARRIED },
	[FIELD_INDEX_CUSTOM_TOOLS] = { false, REWRITTEN },     /* custom_tools.c */
	[FIELD_INDEX_WEB_SEARCH] = { true, CARRIED },
	[FIELD_INDEX_SERVER_TOOLS] = { true, REWRITTEN },      /* fetch and code; others are refused when written */
	[FIELD_INDEX_TOOL_STRICT] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_NONE] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_REQUIRED] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_NAMED] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_ALLOWED] = { false, REWRITTEN },   /* the other tools are not sent */
	[FIELD_INDEX_PARALLEL_CONTROL] = { true, CARRIED },
	[FIELD_INDEX_FORMAT_JSON] = { false, REWRITTEN },      /* said in words */
	[FIELD_INDEX_FORMAT_SCHEMA] = { true, CARRIED },       /* by rules: a tool that must be called */
	[FIELD_INDEX_MAX_OUTPUT] = { true, CARRIED },
	[FIELD_INDEX_TEMPERATURE] = { true, CARRIED },
	[FIELD_INDEX_TOP_P] = { true, CARRIED },
	[FIELD_INDEX_TOP_K] = { true, CARRIED },
	[FIELD_INDEX_MIN_P] = { false, DROPPED },
	[FIELD_INDEX_FREQUENCY_PENALTY] = { false, DROPPED },
	[FIELD_INDEX_PRESENCE_PENALTY] = { false, DROPPED },
	[FIELD_INDEX_REPEAT_PENALTY] = { false, DROPPED },
	[FIELD_INDEX_SEED] = { false, DROPPED },
	[FIELD_INDEX_STOP] = { true, CARRIED },
	[FIELD_INDEX_N] = { false, REFUSED },
	[FIELD_INDEX_LOGPROBS] = { false, REFUSED },
	[FIELD_INDEX_LOGIT_BIAS] = { false, DROPPED },
	[FIELD_INDEX_REASONING] = { true, CARRIED },
	[FIELD_INDEX_REASONING_VISIBLE] = { true, CARRIED },
	[FIELD_INDEX_REASONING_HISTORY] = { true, CARRIED },   /* where it is at home */
	[FIELD_INDEX_VERBOSITY] = { false, DROPPED },
	[FIELD_INDEX_SERVICE_TIER] = { true, REWRITTEN },      /* auto and standard_only */
	[FIELD_INDEX_USER] = { true, CARRIED },
	[FIELD_INDEX_METADATA] = { false, DROPPED },
	[FIELD_INDEX_CACHE_MARKS] = { true, CARRIED },
	[FIELD_INDEX_CACHE_KEY] = { false, DROPPED },
	[FIELD_INDEX_STORE] = { false, DROPPED },
	[FIELD_INDEX_PREVIOUS_RESPONSE] = { false, REFUSED },
	[FIELD_INDEX_BACKGROUND] = { false, REFUSED },
	[FIELD_INDEX_AUDIO_OUTPUT] = { false, REFUSED },
	[FIELD_INDEX_IMAGE_OUTPUT] = { false, REFUSED },
	[FIELD_INDEX_DOCUMENT_CITATIONS] = { true, CARRIED },
	[FIELD_INDEX_SAFETY_SETTINGS] = { false, DROPPED },
	[FIELD_INDEX_OPAQUE_PART] = { true, DROPPED },
	[FIELD_INDEX_OTHER_MEANING] = { true, REFUSED },
	[FIELD_INDEX_OTHER] = { true, DROPPED },
};

/* What a model or provider may reject or call otherwise (DIALECTS §1.2, §7). */
static const struct parameter parameters[] = {
	{ "temperature", FIELD_TEMPERATURE },
	{ "top_p", FIELD_TOP_P },
	{ "top_k", FIELD_TOP_K },
	{ "thinking", 0 },
	{ "output_config", 0 },
	{ 0 }
};

const struct dialect dialect_anthropic = {
	.id = DIALECT_ANTHROPIC,
	.parameters = parameters,
	.name = "anthropic",
	.read_request = anthropic_read_request,
	.measure_prompt = anthropic_measure_prompt,
	.prefix_hash = anthropic_prefix_hash,
	.edit_request = anthropic_edit_request,
	.request_path = anthropic_request_path,
	.fields = fields,
	.continues_prefill = true,
	.read_chat = anthropic_read_chat,
	.write_chat = anthropic_write_chat,
	.writer_init = anthropic_writer_init,
	.write_event = anthropic_write_event,
	.write_end = anthropic_write_end,
	.write_answer = anthropic_write_answer,
	.write_count = anthropic_write_count,
	.stream_framing = anthropic_stream_framing,
	.reader_init = anthropic_reader_init,
	.read_event = anthropic_read_event,
	.read_end = anthropic_read_end,
	.read_whole = anthropic_read_whole,
	.read_failure = failure_read,
	.write_failure = anthropic_write_failure,
	.write_failure_event = anthropic_write_failure_event,
	.write_terminator = anthropic_write_terminator,
	.heartbeat = sse_comment_heartbeat,
	.stream_content_type = sse_content_type,
	.request_headers = request_headers,
	.answer_headers = answer_headers,
};
