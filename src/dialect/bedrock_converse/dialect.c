/* SPDX-License-Identifier: Apache-2.0 */
/* bedrock: AWS's Converse and ConverseStream. */
#include "dialect/bedrock_converse/bedrock_converse.h"

static enum framing bedrock_stream_framing(struct slice client_query)
{
	return FRAMING_EVENT_STREAM;
}

static void bedrock_reader_init(struct event_reader *r, enum operation op)
{
	reader_init(r, &dialect_bedrock, op);
}

/* Frames are bound to the service model's events: there is none that means nothing. */
static struct slice bedrock_heartbeat(enum framing framing)
{
	return (struct slice){ 0 };
}

/* Not here on purpose: authorization, x-amz-date and x-amz-security-token (the gateway's own signature replaces them),
 * amz-sdk-* (describes the client's retries). */
static const char *const request_headers[] = {
	"user-agent", "x-amzn-bedrock-*",
	NULL
};

/* DIALECTS §4.8. Not here on purpose: x-amzn-errortype, which SDKs believe before the body, where the class stands that
 * goes with what the client is told (the provider's refusal of our key is no UnrecognizedClientException of theirs). */
static const char *const answer_headers[] = {
	"x-amzn-requestid", "x-amzn-bedrock-*", "retry-after",
	NULL
};

/* What Converse clients can say, and what becomes of each field where it is written in this dialect. */
static const struct field_row fields[FIELD_COUNT] = {
	[FIELD_INDEX_SYSTEM] = { true, CARRIED },
	[FIELD_INDEX_LATER_SYSTEM] = { true, REWRITTEN },      /* <system-reminder>; own ones as role system */
	[FIELD_INDEX_PREFILL] = { true, CARRIED },
	[FIELD_INDEX_PARTICIPANT_NAME] = { false, DROPPED },
	[FIELD_INDEX_IMAGE_DATA] = { true, CARRIED },
	[FIELD_INDEX_IMAGE_URL] = { true, REFUSED },           /* s3:// only: weir fetches nothing */
	[FIELD_INDEX_AUDIO] = { true, CARRIED },
	[FIELD_INDEX_VIDEO] = { true, CARRIED },
	[FIELD_INDEX_DOCUMENT_DATA] = { true, CARRIED },
	[FIELD_INDEX_DOCUMENT_URL] = { true, REFUSED },
	[FIELD_INDEX_DOCUMENT_TEXT] = { true, CARRIED },
	[FIELD_INDEX_FILE_ID] = { false, REFUSED },
	[FIELD_INDEX_RESULT_MEDIA] = { true, CARRIED },        /* but for audio, which follows in a message */
	[FIELD_INDEX_RESULT_ERROR] = { true, CARRIED },
	[FIELD_INDEX_TOOLS] = { true, CARRIED },
	[FIELD_INDEX_CUSTOM_TOOLS] = { false, REWRITTEN },     /* custom_tools.c */
	[FIELD_INDEX_WEB_SEARCH] = { true, REFUSED },          /* nova_grounding: some models' only */
	[FIELD_INDEX_SERVER_TOOLS] = { true, REFUSED },
	[FIELD_INDEX_TOOL_STRICT] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_NONE] = { false, REWRITTEN },      /* tools not sent; in words where history needs them */
	[FIELD_INDEX_CHOICE_REQUIRED] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_NAMED] = { true, CARRIED },
	[FIELD_INDEX_CHOICE_ALLOWED] = { false, REWRITTEN },   /* the other tools are not sent */
	[FIELD_INDEX_PARALLEL_CONTROL] = { false, REWRITTEN }, /* to Claude (model_rules.single_call) */
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
	[FIELD_INDEX_SERVICE_TIER] = { true, CARRIED },
	[FIELD_INDEX_USER] = { false, DROPPED },
	[FIELD_INDEX_METADATA] = { true, CARRIED },
	[FIELD_INDEX_CACHE_MARKS] = { true, CARRIED },         /* where the model's rules know cache points */
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

/* What a model may reject or call otherwise (DIALECTS §1.2, §3.12). */
static const struct parameter parameters[] = {
	{ "inferenceConfig", FIELD_TEMPERATURE | FIELD_TOP_P },
	{ "additionalModelRequestFields", 0 },
	{ "outputConfig", 0 },
	{ 0 }
};

const struct dialect dialect_bedrock = {
	.id = DIALECT_BEDROCK,
	.name = "bedrock",
	.read_request = bedrock_read_request,
	.measure_prompt = bedrock_measure_prompt,
	.prefix_hash = bedrock_prefix_hash,
	.edit_request = bedrock_edit_request,
	.request_path = bedrock_request_path,
	.parameters = parameters,
	.fields = fields,
	.continues_prefill = true,
	.read_chat = bedrock_read_chat,
	.write_chat = bedrock_write_chat,
	.writer_init = bedrock_writer_init,
	.write_event = bedrock_write_event,
	.write_end = bedrock_write_end,
	.write_answer = bedrock_write_answer,
	.write_count = bedrock_write_count,
	.stream_framing = bedrock_stream_framing,
	.reader_init = bedrock_reader_init,
	.read_event = bedrock_read_event,
	.read_end = bedrock_read_end,
	.read_whole = bedrock_read_whole,
	.read_failure = bedrock_read_failure,
	.read_failure_head = bedrock_read_failure_head,
	.write_failure = bedrock_write_failure,
	.write_failure_event = bedrock_write_failure_event,
	.write_terminator = bedrock_write_terminator,
	.heartbeat = bedrock_heartbeat,
	.stream_content_type = framing_content_type,
	.request_headers = request_headers,
	.answer_headers = answer_headers,
};
