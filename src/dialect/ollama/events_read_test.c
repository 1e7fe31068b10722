/* SPDX-License-Identifier: Apache-2.0 */
/* What routing and the verbatim relay read of Ollama: requests, lines, whole answers, errors. */
#include "dialect/dialect_test.h"

static void test_requests(void **state)
{
	struct request q = { 0 };

	assert_true(request_read(&q, &dialect_ollama, OPERATION_CHAT, "{\"model\":\"qwen3:8b\",\"messages\":[{\"role\":\"user\",\"content\":\"a\","
		"\"images\":[\"AA==\"]}],\"tools\":[{}],\"format\":\"json\",\"think\":\"low\",\"options\":{\"num_predict\":7}}"));
	assert_slice(q.facts.model, "qwen3:8b");
	assert_true(q.facts.stream);
	assert_true(q.facts.usage_asked);
	assert_int_equal(q.facts.max_output, 7);
	assert_int_equal(q.facts.needs, NEEDS_IMAGES | NEEDS_TOOLS | NEEDS_STRUCTURED_OUTPUT | NEEDS_REASONING);
	arena_done(&q.arena);

	assert_true(request_read(&q, &dialect_ollama, OPERATION_CHAT, "{\"model\":\"m\",\"stream\":false,\"think\":false,\"format\":\"\"}"));
	assert_false(q.facts.stream);
	assert_int_equal(q.facts.needs, 0);
	arena_done(&q.arena);
	assert_false(request_read(&q, &dialect_ollama, OPERATION_CHAT, "{\"messages\":[]}"));
	arena_done(&q.arena);
	assert_true(request_read(&q, &dialect_ollama, OPERATION_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"a\"}"));
	assert_false(q.facts.stream);
	arena_done(&q.arena);
}

static void test_paths(void **state)
{
	struct request_route route = { .operation = OPERATION_CHAT };
	struct arena a;

	arena_init(&a);
	assert_slice(dialect_ollama.request_path(&route, &a), "/api/chat");
	route.variant = true;
	assert_slice(dialect_ollama.request_path(&route, &a), "/api/generate");
	route.operation = OPERATION_EMBEDDINGS;
	assert_slice(dialect_ollama.request_path(&route, &a), "/api/embed");
	route.operation = OPERATION_COUNT_TOKENS;
	assert_null(dialect_ollama.request_path(&route, &a).ptr);
	arena_done(&a);
}

static void test_a_chat(void **state)
{
	struct heard a;

	heard_init(&a, &dialect_ollama, OPERATION_CHAT);
	assert_int_equal(heard_data(&a, "{\"model\":\"q\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":false}"), 0);
	assert_int_equal(heard_data(&a, "{\"model\":\"q\",\"message\":{\"content\":\"\",\"thinking\":\"Hm\"},\"done\":false}"),
			 READING_CONTENT | READING_PROGRESS);
	assert_int_equal(heard_data(&a, "{\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{}}}]}}"),
			 READING_CONTENT | READING_PROGRESS);
	assert_int_equal(heard_end(&a), STREAM_CUT);
	assert_int_equal(heard_data(&a, "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":26,"
				    "\"eval_count\":298}"), READING_FINISH | READING_TERMINATOR);
	assert_int_equal(heard_end(&a), STREAM_COMPLETE);
	assert_int_equal(heard_data(&a, "{\"message\":{\"content\":\"late\"}}"), 0);
	assert_true(a.reader.usage.reported);
	assert_int_equal(a.reader.usage.input, 26);
	assert_int_equal(a.reader.usage.output, 298);
	assert_string_equal(a.reader.model, "q");
	assert_true(a.reader.saw_tool);
	heard_done(&a);
}

static void test_a_prompt(void **state)
{
	struct heard a;

	heard_init(&a, &dialect_ollama, OPERATION_CHAT);
	assert_int_equal(heard_data(&a, "{\"model\":\"q\",\"response\":\"Hi\",\"done\":false}"), READING_CONTENT | READING_PROGRESS);
	assert_int_equal(heard_data(&a, "{\"model\":\"q\",\"response\":\"\",\"done\":true,\"context\":[1,2],\"eval_count\":1}"),
			 READING_FINISH | READING_TERMINATOR);
	heard_done(&a);
}

static void test_errors(void **state)
{
	struct heard a;
	struct failure f;

	heard_init(&a, &dialect_ollama, OPERATION_CHAT);
	assert_int_equal(heard_data(&a, "{\"error\":\"an error was encountered while running the model\"}"), READING_FAILURE);
	assert_string_equal(a.reading.failure.message, "an error was encountered while running the model");
	assert_int_equal(heard_data(&a, "{\"message\":{\"con"), READING_MALFORMED);
	assert_int_equal(heard_whole(&a, "{\"error\":\"no\"}"), READING_FAILURE);
	assert_int_equal(heard_whole(&a, "{\"done\":true}"), READING_MALFORMED);
	dialect_ollama.read_failure(404, SLICE("{\"error\":\"model 'x' not found\"}"), &a.scratch, &f);
	assert_string_equal(f.message, "model 'x' not found");
	heard_done(&a);
}

static void test_whole_answers(void **state)
{
	const unsigned all = READING_PROGRESS | READING_CONTENT | READING_FINISH | READING_TERMINATOR;
	struct heard a;

	heard_init(&a, &dialect_ollama, OPERATION_CHAT);
	assert_int_equal(heard_whole(&a, "{\"model\":\"q\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"done\":true,\"eval_count\":2}"), all);
	assert_int_equal(heard_whole(&a, "{\"response\":\"\",\"done\":true,\"done_reason\":\"load\"}"), all);
	assert_int_equal(a.reader.usage.output, 2);
	heard_done(&a);
	heard_init(&a, &dialect_ollama, OPERATION_EMBEDDINGS);
	assert_int_equal(heard_whole(&a, "{\"embeddings\":[[0.1]],\"prompt_eval_count\":3}"), all);
	assert_int_equal(a.reader.usage.input, 3);
	assert_int_equal(heard_whole(&a, "{\"message\":{}}"), READING_MALFORMED);
	heard_done(&a);
}

static void test_failures_for_clients(void **state)
{
	struct failure f;
	struct failure_view v = { .failure = &f, .status = 503, .code = "weir_unavailable" };
	struct buf out;

	failure_set(&f, FAILURE_UNAVAILABLE, "nobody is there");
	buf_init(&out, 1 << 12);
	dialect_ollama.write_failure(&v, &out);
	assert_slice(buf_slice(&out), "{\"error\":\"nobody is there\",\"code\":\"weir_unavailable\"}");
	buf_clear(&out);
	dialect_ollama.write_failure_event(&v, FRAMING_NDJSON, true, NULL, &out);
	assert_slice(buf_slice(&out), "{\"error\":\"nobody is there\",\"code\":\"weir_unavailable\"}\n");
	buf_done(&out);
	assert_int_equal(dialect_ollama.heartbeat(FRAMING_NDJSON).len, 0);
	assert_string_equal(dialect_ollama.stream_content_type(FRAMING_NDJSON), "application/x-ndjson");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_paths), cmocka_unit_test(test_a_chat),
		cmocka_unit_test(test_a_prompt), cmocka_unit_test(test_errors), cmocka_unit_test(test_whole_answers),
		cmocka_unit_test(test_failures_for_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
