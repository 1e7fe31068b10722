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

/* What is not here: sampling but for temperature and top_p, stop sequences, n, seeds (DIALECTS §3.9). Files belong to
 * one account; an answer begun by the client is not continued; hosted tools and stored state are one provider's. */
const struct field_row responses_fields[FIELD_COUNT] = {
	[FIELD_INDEX_SYSTEM] = { true, CARRIED },
	[FIELD_INDEX_LATER_SYSTEM] = { true, CARRIED },
	[FIELD_INDEX_PREFILL] = { true, REFUSED },
	[FIELD_INDEX_PARTICIPANT_NAME] = { false, DROPPED },
	[FIELD_INDEX_IMAGE_DATA] = { true, CARRIED },
	[FIELD_INDEX_IMAGE_URL] = { true, CARRIED },
	[FIELD_INDEX_AUDIO] = { true, REFUSED },
	[FIELD_INDEX_VIDEO] = { false, REFUSED },
	[FIELD_INDEX_DOCUMENT_DATA] = { true, CARRIED },
	[FIELD_INDEX_DOCUMENT_URL] = { true, CARRIED },
	[FIELD_INDEX_DOCUMENT_TEXT] = { false, REWRITTEN },
	[FIELD_INDEX_FILE_ID] = { true, REFUSED },
	[FIELD_INDEX_RESULT_MEDIA] = { true, CARRIED },
	[FIELD_INDEX_RESULT_ERROR] = { false, REWRITTEN },
	[FIELD_INDEX_TOOLS] = { true, CARRIED },
	[FIELD_INDEX_CUSTOM_TOOLS] = { true, CARRIED },
	[FIELD_INDEX_WEB_SEARCH] = { true, REWRITTEN },
	[FIELD_INDEX_SERVER_TOOLS] = { true, REFUSED },
	[FIELD_INDEX_TOOL_STRICT] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_NONE] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_REQUIRED] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_NAMED] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_ALLOWED] = { true, CARRIED },
	[FIELD_INDEX_PARALLEL_CONTROL] = { true, CARRIED },
	[FIELD_INDEX_FORMAT_JSON] = { true, CARRIED },
	[FIELD_INDEX_FORMAT_SCHEMA] = { true, CARRIED },
	[FIELD_INDEX_MAX_OUTPUT] = { true, CARRIED },
	[FIELD_INDEX_TEMPERATURE] = { true, CARRIED },
	[FIELD_INDEX_TOP_P] = { true, CARRIED },
	[FIELD_INDEX_TOP_K] = { false, DROPPED },
	[FIELD_INDEX_MIN_P] = { false, DROPPED },
	[FIELD_INDEX_FREQUENCY_PENALTY] = { false, DROPPED },
	[FIELD_INDEX_PRESENCE_PENALTY] = { false, DROPPED },
	[FIELD_INDEX_REPEAT_PENALTY] = { false, DROPPED },
	[FIELD_INDEX_SEED] = { false, DROPPED },
	[FIELD_INDEX_STOP] = { false, REFUSED },
	[FIELD_INDEX_N] = { false, REFUSED },
	[FIELD_INDEX_LOGPROBS] = { true, CARRIED },
	[FIELD_INDEX_LOGIT_BIAS] = { false, DROPPED },
	[FIELD_INDEX_REASONING] = { true, CARRIED },
	[FIELD_INDEX_REASONING_VISIBLE] = { true, CARRIED },
	[FIELD_INDEX_REASONING_HISTORY] = { true, CARRIED },
	[FIELD_INDEX_VERBOSITY] = { true, CARRIED },
	[FIELD_INDEX_SERVICE_TIER] = { true, CARRIED },
	[FIELD_INDEX_USER] = { true, CARRIED },
	[FIELD_INDEX_METADATA] = { true, CARRIED },
	[FIELD_INDEX_CACHE_MARKS] = { true, CARRIED },
	[FIELD_INDEX_CACHE_KEY] = { true, CARRIED },
	[FIELD_INDEX_STORE] = { true, CARRIED },
	[FIELD_INDEX_PREVIOUS_RESPONSE] = { true, CARRIED },
	[FIELD_INDEX_BACKGROUND] = { true, CARRIED },
	[FIELD_INDEX_AUDIO_OUTPUT] = { false, REFUSED },
	[FIELD_INDEX_IMAGE_OUTPUT] = { false, REFUSED },
	[FIELD_INDEX_DOCUMENT_CITATIONS] = { false, DROPPED },
	[FIELD_INDEX_SAFETY_SETTINGS] = { true, DROPPED },
	[FIELD_INDEX_OPAQUE_PART] = { true, DROPPED },
	[FIELD_INDEX_OTHER_MEANING] = { true, REFUSED },
	[FIELD_INDEX_OTHER] = { true, DROPPED },
};

/* What a model or provider may reject or call otherwise (DIALECTS §1.2, §7). */
static const struct parameter parameters[] = {
	{ "temperature", FIELD_TEMPERATURE },
	{ "top_p", FIELD_TOP_P },
	{ "reasoning", FIELD_REASONING },
	{ "service_tier", FIELD_SERVICE_TIER },
	{ "user", FIELD_USER },
	{ "safety_identifier", FIELD_USER },
	{ "metadata", FIELD_METADATA },
	{ "parallel_tool_calls", FIELD_PARALLEL_CONTROL },
	{ "store", FIELD_STORE, QUIRK_NO_STORE },
	{ "include", 0, QUIRK_NO_ENCRYPTED_REASONING },
	{ 0 }
};

const struct dialect dialect_openai_responses = {
	.id = DIALECT_OPENAI_RESPONSES,
	.parameters = parameters,
	.name = "openai-responses",
	.read_request = responses_read_request,
	.measure_prompt = responses_measure_prompt,
	.prefix_hash = responses_prefix_hash,
	.edit_request = responses_edit_request,
	.request_path = responses_request_path,
	.fields = responses_fields,
	.read_chat = responses_read_chat,
	.write_chat = responses_write_chat,
	.writer_init = responses_writer_init,
	.write_event = responses_write_event,
	.write_end = responses_write_end,
	.write_answer = responses_write_answer,
	.write_count = responses_write_count,
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
