/* SPDX-License-Identifier: Apache-2.0 */
/* What ConverseStream's events and Converse's answers and errors mean to the relay, and what the hub hears of them. */
#include "dialect/dialect_test.h"

#define CONTENT (READING_PROGRESS | READING_CONTENT)
#define DELTA(index, delta) "{\"contentBlockIndex\":" #index ",\"delta\":" delta ",\"p\":\"abc\"}"
#define START(index, start) "{\"contentBlockIndex\":" #index ",\"start\":" start "}"
#define STOP(index) "{\"contentBlockIndex\":" #index "}"

static void test_flags(void **state)
{
	struct heard a;

	heard_init(&a, &dialect_bedrock, OPERATION_CHAT);
	assert_int_equal(heard_event(&a, "messageStart", "{\"role\":\"assistant\"}"), 0);
	assert_int_equal(heard_event(&a, "contentBlockDelta", DELTA(0, "{\"reasoningContent\":{\"signature\":\"s\"}}")), READING_PROGRESS);
	assert_int_equal(heard_event(&a, "contentBlockStop", STOP(0)), CONTENT);
	assert_int_equal(heard_event(&a, "contentBlockDelta", DELTA(1, "{\"text\":\"\"}")), READING_PROGRESS);
	assert_int_equal(heard_event(&a, "contentBlockDelta", DELTA(1, "{\"text\":\"Hi\"}")), CONTENT);
	assert_int_equal(heard_event(&a, "contentBlockStop", STOP(1)), 0);
	assert_int_equal(heard_event(&a, "contentBlockStart", START(2, "{\"toolUse\":{\"toolUseId\":\"t\",\"name\":\"f\"}}")), CONTENT);
	assert_int_equal(heard_event(&a, "brandNewEvent", "{}"), 0);
	assert_int_equal(heard_end(&a), STREAM_CUT);
	assert_int_equal(heard_event(&a, "messageStop", "{\"stopReason\":\"tool_use\"}"), CONTENT | READING_FINISH);
	assert_int_equal(heard_end(&a), STREAM_COMPLETE);
	assert_int_equal(heard_event(&a, "metadata", "{\"usage\":{\"inputTokens\":6,\"outputTokens\":3,\"totalTokens\":31,\"cacheReadInputTokens\":10,"
		"\"cacheWriteInputTokens\":12,\"cacheDetails\":[{\"ttl\":\"1h\",\"inputTokens\":5},{\"ttl\":\"5m\",\"inputTokens\":7}]},"
		"\"metrics\":{\"latencyMs\":1},\"serviceTier\":{\"type\":\"flex\"}}"), READING_TERMINATOR);
	assert_int_equal(a.reader.usage.input, 28);
	assert_int_equal(a.reader.usage.input_cached, 10);
	assert_int_equal(a.reader.usage.input_written_5m, 7);
	assert_int_equal(a.reader.usage.input_written_1h, 5);
	assert_int_equal(a.reader.usage.output, 3);
	assert_int_equal(a.reader.usage.service, SERVICE_FLEX);
	assert_int_equal(a.reader.output_bytes, 2);
	heard_done(&a);
}

static void test_what_is_no_stream(void **state)
{
	struct heard a;

	heard_init(&a, &dialect_bedrock, OPERATION_CHAT);
	assert_int_equal(heard_data(&a, NULL), 0);
	assert_int_equal(heard_data(&a, "{}"), READING_MALFORMED);
	assert_int_equal(heard_event(&a, "contentBlockDelta", "[]"), READING_MALFORMED);
	assert_int_equal(heard_event(&a, "messageStop", "{}"), 0);
	assert_int_equal(heard_event(&a, "metadata", "{\"usage\":{\"inputTokens\":1,\"outputTokens\":1}}"), READING_MALFORMED);
	assert_int_equal(a.reading.failure.kind, FAILURE_CUT);
	heard_done(&a);
}

static void test_exceptions(void **state)
{
	static const struct { const char *name, *data; enum failure_kind kind; int status; const char *message; } cases[] = {
		{ "throttlingException", "{\"message\":\"Too many tokens\"}", FAILURE_RATE_LIMITED, 429, "Too many tokens" },
		{ "internalServerException", "{\"message\":\"m\"}", FAILURE_SERVER, 500, "m" },
		{ "serviceUnavailableException", "{\"message\":\"m\"}", FAILURE_SERVER, 503, "m" },
		{ "modelStreamErrorException", "{\"message\":\"m\",\"originalStatusCode\":429,\"originalMessage\":\"o\"}", FAILURE_RATE_LIMITED, 429, "m" },
		{ "modelStreamErrorException", "{\"message\":\"m\"}", FAILURE_SERVER, 424, "m" },
		{ "validationException", "{\"message\":\"Input is too long for requested model.\"}", FAILURE_CONTEXT_LENGTH, 400,
			"Input is too long for requested model." },
		{ "validationException", "{\"message\":\"bad\"}", FAILURE_REQUEST, 400, "bad" },
		{ "InternalFailure", "it broke", FAILURE_SERVER, 500, "it broke" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct frame f = { .exception = slice_cstr(cases[i].name), .data = slice_cstr(cases[i].data), .has_data = true };
		struct heard a;

		heard_init(&a, &dialect_bedrock, OPERATION_CHAT);
		dialect_bedrock.read_event(&a.reader, &f, &a.scratch, &a.reading);
		assert_int_equal(a.reading.flags, READING_FAILURE);
		assert_int_equal(a.reading.failure.kind, cases[i].kind);
		assert_int_equal(a.reading.failure.status, cases[i].status);
		assert_string_equal(a.reading.failure.message, cases[i].message);
		assert_string_equal(a.reading.failure.type, cases[i].name);
		heard_done(&a);
	}
}

static void test_whole_answers(void **state)
{
	struct heard a;

	heard_init(&a, &dialect_bedrock, OPERATION_CHAT);
	assert_int_equal(heard_whole(&a, "{\"output\":{\"message\":{\"role\":\"assistant\","
		"\"content\":[]}},\"stopReason\":\"end_turn\",\"usage\":{\"inputTokens\":1,\"outputTokens\":2}}"),
			 CONTENT | READING_FINISH | READING_TERMINATOR);
	assert_int_equal(a.reader.usage.output, 2);
	assert_int_equal(heard_whole(&a, "{\"stopReason\":\"end_turn\"}"), READING_MALFORMED);
	assert_int_equal(heard_whole(&a, "{\"__type\":\"com.amazon.coral#ThrottlingException\",\"message\":\"slow\"}"), READING_FAILURE);
	assert_string_equal(a.reading.failure.type, "ThrottlingException");
	heard_done(&a);
	heard_init(&a, &dialect_bedrock, OPERATION_COUNT_TOKENS);
	assert_int_equal(heard_whole(&a, "{\"inputTokens\":19}"), CONTENT | READING_FINISH | READING_TERMINATOR);
	assert_int_equal(a.reader.usage.input, 19);
	heard_done(&a);
}

/* ---- errors ---- */

static void test_errors_are_read(void **state)
{
	static const struct { int status; const char *body; enum failure_kind kind; const char *type; } cases[] = {
		{ 429, "{\"message\":\"Too many tokens, please wait before trying again.\"}", FAILURE_RATE_LIMITED, "" },
		{ 400, "{\"message\":\"The provided model identifier is invalid.\"}", FAILURE_MODEL_UNKNOWN, "" },
		{ 400, "{\"message\":\"Invocation of model ID x with on-demand throughput isn\xe2\x80\x99t supported.\"}", FAILURE_MODEL_UNKNOWN, "" },
		{ 400, "{\"message\":\"Input Tokens Exceeded: Number of input tokens exceeds maximum length.\"}", FAILURE_CONTEXT_LENGTH, "" },
		{ 400, "{\"Message\":\"m\",\"__type\":\"x#ServiceQuotaExceededException:http://y\"}", FAILURE_QUOTA, "ServiceQuotaExceededException" },
		{ 400, "{\"message\":\"The security token included in the request is expired\",\"__type\":\"ExpiredTokenException\"}",
			FAILURE_CREDENTIALS, "ExpiredTokenException" },
		{ 403, "{\"message\":\"You don't have access to the model with the specified model ID.\"}", FAILURE_CREDENTIALS, "" },
		{ 404, "{\"message\":\"This model version has reached the end of its life.\"}", FAILURE_MODEL_UNKNOWN, "" },
		{ 424, "{\"message\":\"m\"}", FAILURE_SERVER, "" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct failure f;
		struct arena a;

		arena_init(&a);
		dialect_bedrock.read_failure(cases[i].status, slice_cstr(cases[i].body), &a, &f);
		assert_int_equal(f.kind, cases[i].kind);
		assert_string_equal(f.type, cases[i].type);
		arena_done(&a);
	}
}

/* AWS names the class in the head alone. */
static void test_error_classes_in_the_head(void **state)
{
	struct header items[] = { { SLICE("x-amzn-errortype"), SLICE("ServiceQuotaExceededException:http://internal/x/") } };
	struct headers head = { items, 1 }, none = { NULL, 0 };
	struct failure f;
	struct arena a;

	arena_init(&a);
	dialect_bedrock.read_failure(400, SLICE("{\"message\":\"m\"}"), &a, &f);
	dialect_bedrock.read_failure_head(&none, &f);
	assert_int_equal(f.kind, FAILURE_REQUEST);
	dialect_bedrock.read_failure_head(&head, &f);
	assert_int_equal(f.kind, FAILURE_QUOTA);
	assert_string_equal(f.type, "ServiceQuotaExceededException");
	for (const char *const *name = dialect_bedrock.answer_headers; *name; name++)
		assert_false(slice_matches_glob(SLICE("x-amzn-errortype"), slice_cstr(*name)));
	arena_done(&a);
}

static void test_errors_are_written(void **state)
{
	static const struct { int status; bool from_provider; const char *type, *code, *expected; } cases[] = {
		{ 429, true, "ModelNotReadyException", NULL, "{\"__type\":\"ModelNotReadyException\",\"message\":\"m\"}" },
		{ 429, true, "rate_limit_error", NULL, "{\"__type\":\"ThrottlingException\",\"message\":\"m\"}" },
		{ 400, false, "", "weir_bad_request", "{\"__type\":\"ValidationException\",\"message\":\"m\",\"error_code\":\"weir_bad_request\"}" },
		{ 401, false, "", NULL, "{\"__type\":\"UnrecognizedClientException\",\"message\":\"m\"}" },
		{ 403, false, "", NULL, "{\"__type\":\"AccessDeniedException\",\"message\":\"m\"}" },
		{ 404, false, "", NULL, "{\"__type\":\"ResourceNotFoundException\",\"message\":\"m\"}" },
		{ 413, false, "", NULL, "{\"__type\":\"ValidationException\",\"message\":\"m\"}" },
		{ 502, false, "", NULL, "{\"__type\":\"InternalServerException\",\"message\":\"m\"}" },
		{ 503, false, "", NULL, "{\"__type\":\"ServiceUnavailableException\",\"message\":\"m\"}" },
		{ 504, false, "", NULL, "{\"__type\":\"ModelTimeoutException\",\"message\":\"m\"}" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct failure f;
		struct failure_view v = { .failure = &f, .status = cases[i].status, .from_provider = cases[i].from_provider, .code = cases[i].code };
		struct buf out;

		failure_set(&f, FAILURE_SERVER, "m");
		f.status = cases[i].status;
		failure_copy_text(f.type, sizeof(f.type), slice_cstr(cases[i].type));
		buf_init(&out, 4096);
		dialect_bedrock.write_failure(&v, &out);
		assert_slice(buf_slice(&out), cases[i].expected);
		buf_done(&out);
	}
}

/* SDKs raise the exceptions that the service model has for streams, and read our own way back. */
static void test_errors_in_streams(void **state)
{
	static const struct { int status; const char *name, *data; } cases[] = {
		{ 429, "throttlingException", "{\"message\":\"m\"}" },
		{ 502, "modelStreamErrorException", "{\"message\":\"m\",\"originalStatusCode\":502}" },
		{ 503, "serviceUnavailableException", "{\"message\":\"m\"}" },
		{ 500, "internalServerException", "{\"message\":\"m\"}" },
		{ 400, "validationException", "{\"message\":\"m\"}" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct failure f;
		struct failure_view v = { .failure = &f, .status = cases[i].status };
		struct buf out;
		struct framer framer;
		struct frame frame;

		failure_set(&f, FAILURE_CUT, "m");
		buf_init(&out, 4096);
		dialect_bedrock.write_failure_event(&v, FRAMING_EVENT_STREAM, false, NULL, &out);
		framer_init(&framer, FRAMING_EVENT_STREAM, 4096);
		framer_feed(&framer, buf_slice(&out));
		assert_true(framer_next(&framer, &frame));
		assert_slice(frame.exception, cases[i].name);
		assert_slice(frame.data, cases[i].data);
		assert_false(framer_next(&framer, &frame));
		framer_done(&framer);
		buf_clear(&out);
		dialect_bedrock.write_terminator(NULL, FRAMING_EVENT_STREAM, &out);
		assert_int_equal(buf_slice(&out).len, 0);
		buf_done(&out);
	}
	assert_int_equal(dialect_bedrock.heartbeat(FRAMING_EVENT_STREAM).len, 0);
	assert_string_equal(dialect_bedrock.stream_content_type(FRAMING_EVENT_STREAM), "application/vnd.amazon.eventstream");
}

/* ---- the hub ---- */

struct listening {
	struct heard heard;
	struct arena arena;
	struct event_list events;      /* of all wire events; texts in the scratch arena, which is not reset */
};

static void listening_init(struct listening *l)
{
	heard_init(&l->heard, &dialect_bedrock, OPERATION_CHAT);
	arena_init(&l->arena);
	event_list_init(&l->events, &l->arena);
	l->heard.reader.sink = &l->events;
	l->heard.reader.arena = &l->arena;
}

static void describe(char *out, size_t size, const struct event *e)
{
	switch (e->kind) {
	case EVENT_START:
		snprintf(out, size, "start|");
		break;
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL: case EVENT_TOOL_ARGUMENTS:
		snprintf(out, size, "%s %u %.*s|", e->kind == EVENT_TEXT ? "text" : e->kind == EVENT_REASONING ? "reason" : "args", e->block,
			SLICE_ARG(e->text));
		break;
	case EVENT_SIGNATURE:
		snprintf(out, size, "sign %u %.*s%s|", e->block, SLICE_ARG(e->signature.payload), e->signature.redacted ? "!" : "");
		break;
	case EVENT_TOOL_BEGIN:
		snprintf(out, size, "tool %u %.*s %.*s|", e->block, SLICE_ARG(e->tool.id), SLICE_ARG(e->tool.name));
		break;
	case EVENT_TOOL_END:
		snprintf(out, size, "end %u|", e->block);
		break;
	case EVENT_CITATION:
		snprintf(out, size, "cite %u %d %.*s %.*s %d %d-%d|", e->block, e->citation.kind, SLICE_ARG(e->citation.url), SLICE_ARG(e->citation.quote),
			 (int)e->citation.document, (int)e->citation.source_start, (int)e->citation.source_end);
		break;
	case EVENT_OPAQUE:
		snprintf(out, size, "opaque %u %.*s|", e->block, SLICE_ARG(e->opaque.raw));
		break;
	case EVENT_MEDIA:
		snprintf(out, size, "media %u %.*s %.*s|", e->block, SLICE_ARG(e->media.mime), SLICE_ARG(e->media.value));
		break;
	case EVENT_STOP:
		snprintf(out, size, "stop %s %.*s", stop_reason_name(e->stop.reason), SLICE_ARG(e->stop.sequence));
		break;
	case EVENT_LOGPROBS:
		break;
	}
}

static void assert_heard(struct listening *l, const char *expected)
{
	char text[8192] = "";

	for (unsigned i = 0; i < l->events.count; i++)
		describe(text + strlen(text), sizeof(text) - strlen(text), &l->events.items[i]);
	assert_string_equal(text, expected);
	heard_done(&l->heard);
	arena_done(&l->arena);
}

struct wire { const char *name, *data; };

static void hear(const struct wire *events, size_t count, const char *expected)
{
	struct listening l;

	listening_init(&l);
	for (size_t i = 0; i < count; i++) {
		struct frame f = { .event = slice_cstr(events[i].name), .data = slice_cstr(events[i].data), .has_data = true };

		dialect_bedrock.read_event(&l.heard.reader, &f, &l.heard.scratch, &l.heard.reading);
	}
	assert_heard(&l, expected);
}

static void test_streams_are_heard(void **state)
{
	static const struct wire calls[] = {
		{ "messageStart", "{\"role\":\"assistant\"}" },
		{ "contentBlockDelta", DELTA(0, "{\"reasoningContent\":{\"text\":\"Hm\"}}") },
		{ "contentBlockDelta", DELTA(0, "{\"reasoningContent\":{\"signature\":\"Eq\"}}") }, { "contentBlockStop", STOP(0) },
		{ "contentBlockDelta", DELTA(1, "{\"reasoningContent\":{\"redactedContent\":\"zz==\"}}") }, { "contentBlockStop", STOP(1) },
		{ "contentBlockDelta", DELTA(2, "{\"text\":\"Hi\"}") },
		{ "contentBlockDelta", DELTA(2, "{\"citation\":{\"title\":\"t\","
			"\"sourceContent\":[{\"text\":\"q\"}],\"location\":{\"documentChunk\":{\"documentIndex\":1,\"start\":2,\"end\":3}}}}") },
		{ "contentBlockDelta", DELTA(2, "{\"citation\":{\"location\":{\"web\":{\"url\":\"https://x\",\"domain\":\"x\"}}}}") },
		{ "contentBlockStop", STOP(2) },
		{ "contentBlockStart", START(3, "{\"toolUse\":{\"toolUseId\":\"t1\",\"name\":\"f\",\"type\":\"tool_use\"}}") },
		{ "contentBlockDelta", DELTA(3, "{\"toolUse\":{\"input\":\"\"}}") },
		{ "contentBlockDelta", DELTA(3, "{\"toolUse\":{\"input\":\"{\\\"a\\\"\"}}") },
		{ "contentBlockDelta", DELTA(3, "{\"toolUse\":{\"input\":\":1}\"}}") }, { "contentBlockStop", STOP(3) },
		{ "messageStop", "{\"stopReason\":\"tool_use\"}" }, { "metadata", "{\"usage\":{\"inputTokens\":1,\"outputTokens\":1}}" },
	};
	static const struct wire grounded[] = {
		{ "contentBlockStart", START(0, "{\"toolUse\":{\"toolUseId\":\"s\",\"name\":\"nova_grounding\",\"type\":\"server_tool_use\"}}") },
		{ "contentBlockDelta", DELTA(0, "{\"toolUse\":{\"input\":\"{\\\"q\\\":\"}}") }, { "contentBlockDelta", DELTA(0,
			"{\"toolUse\":{\"input\":\"1}\"}}") },
		{ "contentBlockStop", STOP(0) },
		{ "contentBlockStart", START(1, "{\"toolResult\":{\"toolUseId\":\"s\",\"type\":\"nova_grounding_result\"}}") },
		{ "contentBlockDelta", DELTA(1, "{\"toolResult\":[{\"text\":\"a\"}]}") }, { "contentBlockDelta", DELTA(1,
			"{\"toolResult\":[{\"text\":\"b\"}]}") },
		{ "contentBlockStop", STOP(1) },
		{ "contentBlockStart", START(2, "{\"image\":{\"format\":\"png\"}}") }, { "contentBlockDelta", DELTA(2,
			"{\"image\":{\"source\":{\"bytes\":\"AA==\"}}}") },
		{ "messageStop", "{\"stopReason\":\"stop_sequence\",\"additionalModelResponseFields\":{\"stop_sequence\":\"X\"}}" },
		{ "contentBlockDelta", DELTA(3, "{\"text\":\"late\"}") },
	};
	static const struct wire odd[] = {
		{ "contentBlockDelta", DELTA(0, "{\"text\":\"\"}") }, { "contentBlockDelta", DELTA(0, "{\"text\":\"a\"}") },
		{ "contentBlockDelta", DELTA(0, "{\"reasoningContent\":{\"text\":\"b\"}}") }, { "contentBlockDelta", DELTA(7,
			"{\"toolUse\":{\"input\":\"{}\"}}") },
		{ "contentBlockStart", START(1, "{\"toolUse\":{\"toolUseId\":\"x\",\"name\":\"f\"}}") }, { "contentBlockStart", START(2,
			"{\"toolUse\":{\"toolUseId\":\"y\",\"name\":\"g\"}}") },
		{ "contentBlockDelta", DELTA(1, "{\"toolUse\":{\"input\":\"{}\"}}") }, { "contentBlockDelta", DELTA(2, "{\"toolUse\":{\"input\":{\"a\":1}}}") },
		{ "messageStop", "{\"stopReason\":\"guardrail_intervened\"}" },
	};

	hear(calls, COUNT_OF(calls),
		"start|reason 0 Hm|sign 0 Eq|sign 1 zz==!|text 2 Hi|cite 2 1  q 1 2-3|cite 2 0 https://x  -1 -1--1|tool 3 t1 f|args 3 {\"a\"|args 3 :1}|end 3|"
	     "stop tool_calls ");
	hear(grounded, COUNT_OF(grounded), "opaque 0 {\"toolUse\":{\"toolUseId\":\"s\","
		"\"name\":\"nova_grounding\",\"type\":\"server_tool_use\",\"input\":{\"q\":1}}}|"
	     "opaque 1 {\"toolResult\":{\"toolUseId\":\"s\",\"type\":\"nova_grounding_result\",\"content\":[{\"text\":\"a\"},{\"text\":\"b\"}]}}|"
	     "media 2 image/png AA==|stop stop_sequence X");
	hear(odd, COUNT_OF(odd), "text 0 a|reason 1 b|tool 2 x f|tool 3 y g|args 2 {}|args 3 {\"a\":1}|end 2|end 3|stop refusal ");
}

static void test_whole_answers_are_heard(void **state)
{
	struct listening l;

	listening_init(&l);
	heard_whole(&l.heard, "{\"output\":{\"message\":{\"content\":[{\"reasoningContent\":{\"reasoningText\":{\"text\":\"r\",\"signature\":\"s\"}}},"
		    "{\"reasoningContent\":{\"redactedContent\":\"zz==\"}},{\"text\":\"a\"},"
		    "{\"citationsContent\":{\"content\":[{\"text\":\"b\"},"
			"{\"text\":\"c\"}],\"citations\":[{\"sourceContent\":[{\"text\":\"q\"},{\"text\":\"r\"}],"
		    "\"location\":{\"documentPage\":{\"documentIndex\":0,\"start\":1,\"end\":2}}}]}},"
		    "{\"toolUse\":{\"toolUseId\":\"functions.f:0\",\"name\":\"f\","
			"\"input\":{\"x\":1}}},{\"toolUse\":{\"toolUseId\":\"s\",\"name\":\"g\",\"input\":{},\"type\":\"server_tool_use\"}},"
		    "{\"image\":{\"format\":\"jpeg\",\"source\":{\"bytes\":\"AA==\"}}},{\"brandNew\":{}}]}},\"stopReason\":\"malformed_tool_use\"}");
	assert_heard(&l, "start|reason 0 r|sign 0 s|sign 1 zz==!|text 2 a|text 3 b|text 3 c|cite 3 1  qr 0 1-2|tool 4 functions.f:0 f|args 4 {\"x\":1}|end 4|"
		     "opaque 5 {\"toolUse\":{\"toolUseId\":\"s\",\"name\":\"g\","
			"\"input\":{},\"type\":\"server_tool_use\"}}|media 6 image/jpeg AA==|opaque 7 {\"brandNew\":{}}|stop malformed ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags), cmocka_unit_test(test_what_is_no_stream), cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_whole_answers), cmocka_unit_test(test_errors_are_read), cmocka_unit_test(test_errors_are_written),
		cmocka_unit_test(test_error_classes_in_the_head),
		cmocka_unit_test(test_errors_in_streams), cmocka_unit_test(test_streams_are_heard), cmocka_unit_test(test_whole_answers_are_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
