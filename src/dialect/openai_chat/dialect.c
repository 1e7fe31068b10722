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

/* What chat completion clients can say, extensions of DIALECTS §7 included, and what becomes of each field where it is
 * written in this dialect. Rules and quirks of the target narrow it (field_judge); what only some providers know is
 * refused when it is written for another. */
static const struct field_row fields[FIELD_COUNT] = {
	[FIELD_INDEX_SYSTEM] = { true, CARRIED },
	[FIELD_INDEX_LATER_SYSTEM] = { true, CARRIED },        /* by rules: as a user message */
	[FIELD_INDEX_PREFILL] = { true, CARRIED },             /* QUIRK_PREFIX, QUIRK_PARTIAL; others refuse it */
	[FIELD_INDEX_PARTICIPANT_NAME] = { true, CARRIED },
	[FIELD_INDEX_IMAGE_DATA] = { true, CARRIED },
	[FIELD_INDEX_IMAGE_URL] = { true, CARRIED },
	[FIELD_INDEX_AUDIO] = { true, CARRIED },
	[FIELD_INDEX_VIDEO] = { true, CARRIED },               /* QUIRK_VIDEO_URL; others refuse it */
	[FIELD_INDEX_DOCUMENT_DATA] = { true, CARRIED },
	[FIELD_INDEX_DOCUMENT_URL] = { true, REFUSED },        /* Mistral's alone */
	[FIELD_INDEX_DOCUMENT_TEXT] = { false, REWRITTEN },    /* as text with its title */
	[FIELD_INDEX_FILE_ID] = { true, REFUSED },             /* lies at one provider */
	[FIELD_INDEX_RESULT_MEDIA] = { true, REWRITTEN },      /* in the user message that follows */
	[FIELD_INDEX_RESULT_ERROR] = { false, REWRITTEN },     /* "Error: " */
	[FIELD_INDEX_TOOLS] = { true, CARRIED },
	[FIELD_INDEX_CUSTOM_TOOLS] = { true, CARRIED },
	[FIELD_INDEX_WEB_SEARCH] = { true, CARRIED },          /* web_search_options */
	[FIELD_INDEX_SERVER_TOOLS] = { true, REFUSED },
	[FIELD_INDEX_TOOL_STRICT] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_NONE] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_REQUIRED] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_NAMED] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_ALLOWED] = { true, REWRITTEN },    /* the other tools are not sent */
	[FIELD_INDEX_PARALLEL_CONTROL] = { true, CARRIED },
	[FIELD_INDEX_FORMAT_JSON] = { true, CARRIED },
	[FIELD_INDEX_FORMAT_SCHEMA] = { true, CARRIED },       /* QUIRK_JSON_OBJECT_ONLY: in words */
	[FIELD_INDEX_MAX_OUTPUT] = { true, CARRIED },
	[FIELD_INDEX_TEMPERATURE] = { true, CARRIED },
	[FIELD_INDEX_TOP_P] = { true, CARRIED },
	[FIELD_INDEX_TOP_K] = { true, DROPPED },               /* an extension of some, a 400 of others */
	[FIELD_INDEX_MIN_P] = { true, DROPPED },
	[FIELD_INDEX_FREQUENCY_PENALTY] = { true, CARRIED },
	[FIELD_INDEX_PRESENCE_PENALTY] = { true, CARRIED },
	[FIELD_INDEX_REPEAT_PENALTY] = { true, DROPPED },
	[FIELD_INDEX_SEED] = { true, CARRIED },
	[FIELD_INDEX_STOP] = { true, CARRIED },
	[FIELD_INDEX_N] = { true, CARRIED },
	[FIELD_INDEX_LOGPROBS] = { true, CARRIED },
	[FIELD_INDEX_LOGIT_BIAS] = { true, CARRIED },
	[FIELD_INDEX_REASONING] = { true, CARRIED },
	[FIELD_INDEX_REASONING_VISIBLE] = { true, DROPPED },
	[FIELD_INDEX_REASONING_HISTORY] = { true, CARRIED },   /* where it is at home, or asked for by rules */
	[FIELD_INDEX_VERBOSITY] = { true, CARRIED },           /* by rules: OpenAI's newer models */
	[FIELD_INDEX_SERVICE_TIER] = { true, CARRIED },
	[FIELD_INDEX_USER] = { true, CARRIED },
	[FIELD_INDEX_METADATA] = { true, CARRIED },
	[FIELD_INDEX_CACHE_MARKS] = { true, CARRIED },         /* by rules and QUIRK_CACHE_CONTROL */
	[FIELD_INDEX_CACHE_KEY] = { true, CARRIED },           /* by rules and QUIRK_PROMPT_CACHE_KEY */
	[FIELD_INDEX_STORE] = { true, DROPPED },               /* weir keeps what other clients want kept */
	[FIELD_INDEX_PREVIOUS_RESPONSE] = { false, REFUSED },
	[FIELD_INDEX_BACKGROUND] = { false, REFUSED },
	[FIELD_INDEX_AUDIO_OUTPUT] = { true, CARRIED },
	[FIELD_INDEX_IMAGE_OUTPUT] = { true, CARRIED },        /* OpenRouter's modalities */
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
	{ "top_k", FIELD_TOP_K },
	{ "min_p", FIELD_MIN_P },
	{ "frequency_penalty", FIELD_FREQUENCY_PENALTY },
	{ "presence_penalty", FIELD_PRESENCE_PENALTY },
	{ "repetition_penalty", FIELD_REPEAT_PENALTY },
	{ "seed", FIELD_SEED },
	{ "random_seed", 0 },
	{ "logit_bias", FIELD_LOGIT_BIAS },
	{ "reasoning_effort", FIELD_REASONING },
	{ "reasoning", FIELD_REASONING },
	{ "thinking", FIELD_REASONING, QUIRKS_OF_REASONING },
	{ "enable_thinking", FIELD_REASONING, QUIRKS_OF_REASONING },
	{ "thinking_budget", FIELD_REASONING, QUIRKS_OF_REASONING },
	{ "chat_template_kwargs", FIELD_REASONING, QUIRKS_OF_REASONING },
	{ "verbosity", FIELD_VERBOSITY },
	{ "service_tier", FIELD_SERVICE_TIER },
	{ "user", FIELD_USER },
	{ "safety_identifier", FIELD_USER },
	{ "metadata", FIELD_METADATA },
	{ "parallel_tool_calls", FIELD_PARALLEL_CONTROL },
	{ "max_tokens", 0 },
	{ "max_completion_tokens", 0 },
	{ "response_format", FIELD_FORMAT_SCHEMA, QUIRK_JSON_OBJECT_ONLY },
	{ "tool_choice", 0, QUIRK_REQUIRED_IS_ANY },
	{ "tools", FIELD_TOOL_STRICT, QUIRK_NO_STRICT | QUIRK_NO_SCHEMA_MEMBER },
	{ "messages", 0, QUIRK_NO_DEVELOPER_ROLE | QUIRK_TEXT_CONTENT | QUIRK_SHORT_TOOL_IDS | QUIRK_TOOL_RESULT_NAME |
			 QUIRK_JSON_OBJECT_ONLY | QUIRK_PREFIX | QUIRK_PARTIAL | QUIRK_MERGE_TURNS },
	{ 0 }
};

const struct dialect dialect_openai_chat = {
	.id = DIALECT_OPENAI_CHAT,
	.parameters = parameters,
	.name = "openai-chat",
	.read_request = chat_read_request,
	.measure_prompt = chat_measure_prompt,
	.prefix_hash = chat_prefix_hash,
	.edit_request = chat_edit_request,
	.request_path = chat_request_path,
	.fields = fields,
	.read_chat = openai_chat_read_chat,
	.write_chat = openai_chat_write_chat,
	.writer_init = openai_chat_writer_init,
	.write_event = openai_chat_write_event,
	.write_end = openai_chat_write_end,
	.write_answer = openai_chat_write_answer,
	.write_count = openai_chat_write_count,
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
