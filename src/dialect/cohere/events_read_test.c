/* SPDX-License-Identifier: Apache-2.0 */
/* What routing and the verbatim relay read of Cohere: requests, events, whole answers, errors. */
#include "dialect/dialect_test.h"

static void test_requests(void **state)
{
	struct request q = { 0 };

	assert_true(request_read(&q, &dialect_cohere, OPERATION_CHAT, "{\"model\":\"command-a\",\"stream\":true,\"messages\":[{\"role\":\"user\","
		"\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\"}}]}],\"tools\":[{}],\"response_format\":"
		"{\"type\":\"json_object\"},\"thinking\":{\"type\":\"enabled\"},\"max_tokens\":7}"));
	assert_slice(q.facts.model, "command-a");
	assert_true(q.facts.stream);
	assert_true(q.facts.usage_asked);
	assert_int_equal(q.facts.max_output, 7);
	assert_int_equal(q.facts.needs, NEEDS_IMAGES | NEEDS_TOOLS | NEEDS_STRUCTURED_OUTPUT | NEEDS_REASONING);
	arena_done(&q.arena);
	assert_true(request_read(&q, &dialect_cohere, OPERATION_CHAT, "{\"model\":\"m\",\"thinking\":{\"type\":\"disabled\"}}"));
	assert_false(q.facts.stream);
	assert_int_equal(q.facts.needs, 0);
	arena_done(&q.arena);
}

static void test_paths(void **state)
{
	struct request_route route = { .operation = OPERATION_CHAT };
	struct arena a;

	arena_init(&a);
	assert_slice(dialect_cohere.request_path(&route, &a), "/v2/chat");
	route.operation = OPERATION_EMBEDDINGS;
	assert_slice(dialect_cohere.request_path(&route, &a), "/v2/embed");
	route.operation = OPERATION_COUNT_TOKENS;
	assert_null(dialect_cohere.request_path(&route, &a).ptr);
	arena_done(&a);
}

#define CONTENT READING_CONTENT | READING_PROGRESS

static void test_a_stream(void **state)
{
	static const struct { const char *data; unsigned flags; } events[] = {
		{ "{\"type\":\"message-start\",\"id\":\"i\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[]}}}", 0 },
		{ "{\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"thinking\",\"thinking\":\"\"}}}}",
		  READING_PROGRESS },
		{ "{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"thinking\":\"Hm\"}}}}", CONTENT },
		{ "{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"\"}}}}", 0 },
		{ "{\"type\":\"content-end\",\"index\":0}", 0 },
		{ "{\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":\"I\"}}}", CONTENT },
		{ "{\"type\":\"tool-call-start\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"c\",\"function\":{\"name\":\"f\"}}}}}",
		  CONTENT },
		{ "{\"type\":\"of-tomorrow\"}", 0 },
		{ "{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"TOOL_CALL\",\"usage\":{\"billed_units\":{\"input_tokens\":9,"
		  "\"output_tokens\":3},\"tokens\":{\"input_tokens\":150,\"output_tokens\":8,\"reasoning_tokens\":2},\"cached_tokens\":64}}}",
		  CONTENT | READING_FINISH },
	};
	struct heard a;

	heard_init(&a, &dialect_cohere, OPERATION_CHAT);
	for (size_t i = 0; i < COUNT_OF(events); i++)
		assert_int_equal(heard_data(&a, events[i].data), events[i].flags);
	assert_int_equal(heard_end(&a), STREAM_NEEDS_TERMINATOR);
	assert_int_equal(heard_data(&a, "[DONE]"), READING_TERMINATOR);
	assert_int_equal(heard_end(&a), STREAM_COMPLETE);
	assert_int_equal(a.reader.usage.input, 150);
	assert_int_equal(a.reader.usage.input_cached, 64);
	assert_int_equal(a.reader.usage.output, 8);
	assert_int_equal(a.reader.usage.output_reasoning, 2);
	heard_done(&a);
}

static void test_failures(void **state)
{
	struct heard a;
	struct failure f;

	heard_init(&a, &dialect_cohere, OPERATION_CHAT);
	assert_int_equal(heard_data(&a, "{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"usage\":{},\"error\":\"no valid call\","
				    "\"error_type\":\"INVALID_TOOL_GENERATION\"}}"), READING_FAILURE);
	assert_string_equal(a.reading.failure.message, "no valid call");
	assert_string_equal(a.reading.failure.type, "INVALID_TOOL_GENERATION");
	assert_int_equal(heard_data(&a, "{\"message\":\"internal server error\"}"), READING_FAILURE);
	assert_string_equal(a.reading.failure.message, "internal server error");
	assert_int_equal(heard_data(&a, "[DONE]"), READING_MALFORMED);
	assert_int_equal(heard_data(&a, "{\"type\":"), READING_MALFORMED);
	assert_int_equal(heard_end(&a), STREAM_CUT);
	assert_int_equal(heard_whole(&a, "{\"id\":\"i\",\"message\":{\"role\":\"assistant\"},\"finish_reason\":\"TIMEOUT\"}"), READING_FAILURE);
	assert_int_equal(heard_whole(&a, "{\"id\":\"i\"}"), READING_MALFORMED);
	dialect_cohere.read_failure(401, SLICE("{\"id\":\"i\",\"message\":\"invalid api token\"}"), &a.scratch, &f);
	assert_int_equal(f.kind, FAILURE_CREDENTIALS);
	assert_string_equal(f.message, "invalid api token");
	heard_done(&a);
}

static void test_whole_answers(void **state)
{
	const unsigned all = CONTENT | READING_FINISH | READING_TERMINATOR;
	struct heard a;

	heard_init(&a, &dialect_cohere, OPERATION_CHAT);
	assert_int_equal(heard_whole(&a, "{\"id\":\"i\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]},"
				     "\"finish_reason\":\"COMPLETE\",\"usage\":{\"tokens\":{\"input_tokens\":5,\"output_tokens\":2}}}"), all);
	assert_int_equal(a.reader.usage.input, 5);
	heard_done(&a);
	heard_init(&a, &dialect_cohere, OPERATION_EMBEDDINGS);
	assert_int_equal(heard_whole(&a, "{\"embeddings\":{\"float\":[[0.1]]},\"meta\":{\"billed_units\":{\"input_tokens\":3}}}"), all);
	assert_int_equal(a.reader.usage.input, 3);
	heard_done(&a);
}

static void test_failures_for_clients(void **state)
{
	struct failure f;
	struct failure_view v = { .failure = &f, .status = 503, .code = "weir_unavailable", .request_id = SLICE("r") };
	struct buf out;

	failure_set(&f, FAILURE_UNAVAILABLE, "nobody is there");
	buf_init(&out, 1 << 12);
	dialect_cohere.write_failure(&v, &out);
	assert_slice(buf_slice(&out), "{\"id\":\"r\",\"message\":\"nobody is there\",\"code\":\"weir_unavailable\"}");
	buf_clear(&out);
	dialect_cohere.write_failure_event(&v, FRAMING_SSE, true, NULL, &out);
	assert_slice(buf_slice(&out), "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"usage\":{},"
		     "\"error\":\"nobody is there\",\"error_type\":\"weir_unavailable\"}}\n\n");
	buf_clear(&out);
	dialect_cohere.write_terminator(NULL, FRAMING_SSE, &out);
	assert_slice(buf_slice(&out), "data: [DONE]\n\n");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_paths), cmocka_unit_test(test_a_stream),
		cmocka_unit_test(test_failures), cmocka_unit_test(test_whole_answers), cmocka_unit_test(test_failures_for_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
