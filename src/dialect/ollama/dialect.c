/* SPDX-License-Identifier: Apache-2.0 */
/* ollama: /api/chat, /api/generate and /api/embed. */
#include "dialect/ollama/ollama.h"

static enum framing ollama_stream_framing(struct slice client_query)
{
	return FRAMING_NDJSON;
}

static void ollama_reader_init(struct event_reader *r, enum operation op)
{
	reader_init(r, &dialect_ollama, op);
}

static const char *ollama_stream_content_type(enum framing framing)
{
	return framing_content_type(framing);
}

/* A line that means nothing does not exist: clients parse every one. */
static struct slice ollama_heartbeat(enum framing framing)
{
	return SLICE("");
}

static const char *const request_headers[] = { "user-agent", NULL };

/* The cloud's (DIALECTS §2.1); a server of one's own sends none of them. */
static const char *const answer_headers[] = { "x-request-id", "retry-after", "x-ratelimit-*", NULL };

/* What Ollama's clients can say, and what becomes of each field where it is written in this dialect. */
static const struct field_row fields[FIELD_COUNT] = {
	[FIELD_INDEX_SYSTEM] = { true, CARRIED },
	[FIELD_INDEX_LATER_SYSTEM] = { true, CARRIED },
	[FIELD_INDEX_PREFILL] = { true, CARRIED },
	[FIELD_INDEX_PARTICIPANT_NAME] = { false, DROPPED },
	[FIELD_INDEX_IMAGE_DATA] = { true, CARRIED },
	[FIELD_INDEX_IMAGE_URL] = { false, REFUSED },
	[FIELD_INDEX_AUDIO] = { false, REFUSED },
	[FIELD_INDEX_VIDEO] = { false, REFUSED },
	[FIELD_INDEX_DOCUMENT_DATA] = { false, REFUSED },
	[FIELD_INDEX_DOCUMENT_URL] = { false, REFUSED },
	[FIELD_INDEX_DOCUMENT_TEXT] = { false, REWRITTEN },    /* <document title="…">, in the text */
	[FIELD_INDEX_FILE_ID] = { false, REFUSED },
	[FIELD_INDEX_RESULT_MEDIA] = { true, CARRIED },
	[FIELD_INDEX_RESULT_ERROR] = { false, REWRITTEN },     /* "Error: " in front */
	[FIELD_INDEX_TOOLS] = { true, CARRIED },
	[FIELD_INDEX_CUSTOM_TOOLS] = { false, REWRITTEN },     /* custom_tools.c */
	[FIELD_INDEX_WEB_SEARCH] = { false, REFUSED },
	[FIELD_INDEX_SERVER_TOOLS] = { false, REFUSED },
	[FIELD_INDEX_TOOL_STRICT] = { false, DROPPED },
	[FIELD_INDEX_CHOICE_NONE] = { false, REWRITTEN },      /* no tools are sent */
	[FIELD_INDEX_CHOICE_REQUIRED] = { false, REFUSED },    /* nothing makes it call one (§3.5) */
	[FIELD_INDEX_CHOICE_NAMED] = { false, REFUSED },
	[FIELD_INDEX_CHOICE_ALLOWED] = { false, REWRITTEN },   /* the other tools are not sent */
	[FIELD_INDEX_PARALLEL_CONTROL] = { false, DROPPED },
	[FIELD_INDEX_FORMAT_JSON] = { true, CARRIED },
	[FIELD_INDEX_FORMAT_SCHEMA] = { true, CARRIED },
	[FIELD_INDEX_MAX_OUTPUT] = { true, CARRIED },
	[FIELD_INDEX_TEMPERATURE] = { true, CARRIED },
	[FIELD_INDEX_TOP_P] = { true, CARRIED },
	[FIELD_INDEX_TOP_K] = { true, CARRIED },
	[FIELD_INDEX_MIN_P] = { true, CARRIED },
	[FIELD_INDEX_FREQUENCY_PENALTY] = { true, CARRIED },
	[FIELD_INDEX_PRESENCE_PENALTY] = { true, CARRIED },
	[FIELD_INDEX_REPEAT_PENALTY] = { true, CARRIED },
	[FIELD_INDEX_SEED] = { true, CARRIED },
	[FIELD_INDEX_STOP] = { true, CARRIED },
	[FIELD_INDEX_N] = { false, REFUSED },
	[FIELD_INDEX_LOGPROBS] = { true, CARRIED },
	[FIELD_INDEX_LOGIT_BIAS] = { false, DROPPED },
	[FIELD_INDEX_REASONING] = { true, CARRIED },
	[FIELD_INDEX_REASONING_VISIBLE] = { true, CARRIED },   /* it shows what it thinks */
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
	[FIELD_INDEX_DOCUMENT_CITATIONS] = { false, DROPPED },
	[FIELD_INDEX_SAFETY_SETTINGS] = { false, DROPPED },
	[FIELD_INDEX_OPAQUE_PART] = { false, DROPPED },
	[FIELD_INDEX_OTHER_MEANING] = { true, REFUSED },
	[FIELD_INDEX_OTHER] = { true, DROPPED },
};

/* What a model may reject (DIALECTS §1.2, §3.9, §3.12). */
static const struct parameter parameters[] = {
	{ "options", 0 },
	{ "think", 0 },
	{ NULL, 0 },
};

const struct dialect dialect_ollama = {
	.id = DIALECT_OLLAMA,
	.name = "ollama",
	.read_request = ollama_read_request,
	.measure_prompt = ollama_measure_prompt,
	.prefix_hash = ollama_prefix_hash,
	.edit_request = ollama_edit_request,
	.request_path = ollama_request_path,
	.parameters = parameters,
	.fields = fields,
	.read_chat = ollama_read_chat,
	.write_chat = ollama_write_chat,
	.writer_init = ollama_writer_init,
	.write_event = ollama_write_event,
	.write_end = ollama_write_end,
	.write_answer = ollama_write_answer,
	.write_count = ollama_write_count,
	.stream_framing = ollama_stream_framing,
	.reader_init = ollama_reader_init,
	.read_event = ollama_read_event,
	.read_end = ollama_read_end,
	.read_whole = ollama_read_whole,
	.read_failure = failure_read,
	.write_failure = ollama_write_failure,
	.write_failure_event = ollama_write_failure_event,
	.write_terminator = ollama_write_terminator,
	.heartbeat = ollama_heartbeat,
	.stream_content_type = ollama_stream_content_type,
	.request_headers = request_headers,
	.answer_headers = answer_headers,
};
