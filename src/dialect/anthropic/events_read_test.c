/* SPDX-License-Identifier: Apache-2.0 */
/* What Messages requests, events and answers mean, case by case. */
#include "dialect/dialect_test.h"

enum { SAID = READING_CONTENT | READING_PROGRESS, WHOLE = SAID | READING_FINISH | READING_TERMINATOR };

#define START "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-opus-5-5\",\"content\":[],\"usage\":" \
	"{\"input_tokens\":25,\"cache_read_input_tokens\":100,\"cache_creation_input_tokens\":60,\"cache_creation\":" \
	"{\"ephemeral_5m_input_tokens\":20,\"ephemeral_1h_input_tokens\":40},\"output_tokens\":1}}}"
#define BLOCK(block) "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":" block "}"
#define DELTA(delta) "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":" delta "}"
#define STOP "{\"type\":\"content_block_stop\",\"index\":0}"
#define END(usage) "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":" usage "}"


static void init(struct heard *a)
{
	heard_init(a, &dialect_anthropic, OPERATION_CHAT);
}

static void test_a_whole_stream(void **state)
{
	struct heard a;
	init(&a);
	assert_int_equal(heard_event(&a, "message_start", START), 0);
	assert_int_equal(heard_event(&a, "ping", "{\"type\":\"ping\"}"), 0);
	assert_int_equal(heard_data(&a, BLOCK("{\"type\":\"text\",\"text\":\"\"}")), READING_PROGRESS);
	assert_false(a.reader.content);
	assert_int_equal(heard_data(&a, DELTA("{\"type\":\"text_delta\",\"text\":\"Hi\"}")), SAID);
	assert_int_equal(heard_data(&a, STOP), 0);
	assert_int_equal(heard_end(&a), STREAM_CUT);
	assert_int_equal(heard_data(&a, END("{\"output_tokens\":89}")), SAID | READING_FINISH);
	assert_int_equal(heard_end(&a), STREAM_NEEDS_TERMINATOR);
	assert_int_equal(heard_data(&a, "{\"type\":\"message_stop\"}"), READING_TERMINATOR);
	assert_int_equal(heard_end(&a), STREAM_COMPLETE);
	assert_string_equal(a.reader.model, "claude-opus-5-5");
	assert_int_equal(a.reader.output_bytes, 2);
	heard_done(&a);
}

static void test_reasoning_counts_when_it_closes(void **state)
{
	struct heard a;
	init(&a);
	assert_int_equal(heard_data(&a, BLOCK("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")), READING_PROGRESS);
	assert_int_equal(heard_data(&a, DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"\"}")), READING_PROGRESS);
	assert_int_equal(heard_data(&a, DELTA("{\"type\":\"signature_delta\",\"signature\":\"EqQB\"}")), READING_PROGRESS);
	assert_int_equal(heard_data(&a, STOP), SAID);
	assert_int_equal(heard_data(&a, BLOCK("{\"type\":\"redacted_thinking\",\"data\":\"x\"}")), READING_PROGRESS);
	assert_int_equal(heard_data(&a, STOP), SAID);
	assert_int_equal(heard_data(&a, DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"Hm\"}")), SAID);
	heard_done(&a);
}

static void test_other_blocks(void **state)
{
	struct heard a;
	init(&a);
	assert_int_equal(heard_data(&a, BLOCK("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}")), SAID);
	assert_true(a.reader.saw_tool);
	assert_int_equal(heard_data(&a, DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"\"}")), READING_PROGRESS);
	assert_int_equal(heard_data(&a, DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}")), SAID);
	assert_int_equal(heard_data(&a, STOP), 0);
	assert_int_equal(heard_data(&a, BLOCK("{\"type\":\"web_search_tool_result\",\"content\":[]}")), SAID);
	assert_int_equal(heard_data(&a, BLOCK("{\"type\":\"of_tomorrow\"}")), SAID);
	assert_int_equal(heard_data(&a, DELTA("{\"type\":\"compaction_delta\",\"content\":\"x\"}")), SAID);
	heard_done(&a);
}

static void test_unknown_events_mean_nothing(void **state)
{
	struct heard a;
	init(&a);
	assert_int_equal(heard_data(&a, "{\"type\":\"of_tomorrow\",\"delta\":{\"text\":\"x\"}}"), 0);
	assert_int_equal(heard_event(&a, "of_tomorrow", "{\"x\":1}"), 0);
	assert_int_equal(heard_data(&a, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null},\"usage\":{\"output_tokens\":3}}"), 0);
	heard_done(&a);
}

static void test_usage_is_added_up_once(void **state)
{
	struct heard a;
	init(&a);
	heard_data(&a, START);
	assert_int_equal(a.reader.usage.input, 185);
	/* cumulative; the split is not repeated, the cache counters may be */
	heard_data(&a, END("{\"input_tokens\":25,\"cache_read_input_tokens\":100,\"cache_creation_input_tokens\":60,\"output_tokens\":89,"
			    "\"output_tokens_details\":{\"thinking_tokens\":44}}"));
	assert_int_equal(a.reader.usage.input, 185);
	assert_int_equal(a.reader.usage.input_cached, 100);
	assert_int_equal(a.reader.usage.input_written_5m, 20);
	assert_int_equal(a.reader.usage.input_written_1h, 40);
	assert_int_equal(a.reader.usage.output, 89);
	assert_int_equal(a.reader.usage.output_reasoning, 44);
	/* more was read after a search */
	heard_data(&a, END("{\"input_tokens\":500,\"output_tokens\":90}"));
	assert_int_equal(a.reader.usage.input, 660);
	heard_done(&a);
}

static void test_zeros_at_the_start(void **state)
{
	struct heard a;
	init(&a);
	heard_data(&a, "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":0,\"output_tokens\":0}}}");
	assert_false(a.reader.usage.reported);
	heard_data(&a, END("{\"input_tokens\":12,\"output_tokens\":3}"));
	assert_true(a.reader.usage.reported);
	assert_int_equal(a.reader.usage.input, 12);
	assert_int_equal(a.reader.usage.output, 3);
	heard_data(&a, END("{\"input_tokens\":0,\"output_tokens\":0}"));
	assert_int_equal(a.reader.usage.input, 12);
	heard_done(&a);
}

/* Compaction: the counters at the top hold the last round only. */
static void test_rounds_are_summed(void **state)
{
	struct heard a;
	init(&a);
	heard_data(&a, END("{\"input_tokens\":229,\"output_tokens\":5,\"iterations\":[{\"type\":\"compaction\",\"input_tokens\":100,"
			    "\"cache_creation_input_tokens\":55096,\"output_tokens\":131},{\"type\":\"message\",\"input_tokens\":229,"
			    "\"output_tokens\":5}]}"));
	assert_int_equal(a.reader.usage.input, 55425);
	assert_int_equal(a.reader.usage.input_written_5m, 55096);
	assert_int_equal(a.reader.usage.output, 136);
	heard_done(&a);
}

static void assert_failure(const char *data, unsigned flags, enum failure_kind kind)
{
	struct heard a;
	init(&a);
	assert_int_equal(heard_event(&a, "error", data), flags);
	assert_int_equal(a.reading.failure.kind, kind);
	heard_done(&a);
}

static void test_failures(void **state)
{
#define ERROR(type) "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"m\"},\"request_id\":\"req_1\"}"
	assert_failure(ERROR("overloaded_error"), READING_FAILURE, FAILURE_OVERLOADED);
	assert_failure(ERROR("rate_limit_error"), READING_FAILURE, FAILURE_RATE_LIMITED);
	assert_failure(ERROR("api_error"), READING_FAILURE, FAILURE_SERVER);
	assert_failure(ERROR("timeout_error"), READING_FAILURE, FAILURE_SERVER);
	assert_failure(ERROR("authentication_error"), READING_FAILURE, FAILURE_CREDENTIALS);
	assert_failure(ERROR("billing_error"), READING_FAILURE, FAILURE_QUOTA);
	assert_failure("{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Output blocked by content filtering "
		       "policy\"}}", READING_FAILURE, FAILURE_CONTENT_FILTER);
	assert_failure("{\"type\":\"error\"}", READING_FAILURE, FAILURE_IN_BAND);
	assert_failure("{\"type\":\"message_stop\"}", READING_MALFORMED, FAILURE_CUT);
	assert_failure("[DONE]", READING_MALFORMED, FAILURE_CUT);
	assert_failure("{", READING_MALFORMED, FAILURE_MALFORMED);
	assert_failure("null", READING_MALFORMED, FAILURE_MALFORMED);
}

static void test_whole_answers(void **state)
{
	struct heard a;
	init(&a);
	assert_int_equal(heard_whole(&a, "{\"type\":\"message\",\"model\":\"claude\",\"content\":[{\"type\":\"text\",\"text\":\"Hello\"}],"
				      "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":3,\"cache_read_input_tokens\":4,\"output_tokens\":5}}"), WHOLE);
	assert_int_equal(a.reader.usage.input, 7);
	assert_int_equal(a.reader.output_bytes, 5);
	heard_done(&a);

	init(&a);
	assert_int_equal(heard_whole(&a, "{\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\"}"), WHOLE);
	assert_int_equal(heard_whole(&a, ERROR("overloaded_error")), READING_FAILURE);
	assert_int_equal(a.reading.failure.kind, FAILURE_OVERLOADED);
	assert_int_equal(heard_whole(&a, "{\"type\":\"message\"}"), READING_MALFORMED);
	assert_int_equal(heard_whole(&a, "null"), READING_MALFORMED);
	heard_done(&a);

	heard_init(&a, &dialect_anthropic, OPERATION_COUNT_TOKENS);
	assert_int_equal(heard_whole(&a, "{\"input_tokens\":17}"), WHOLE);
	assert_int_equal(a.reader.usage.input, 17);
	heard_done(&a);
}

static void assert_needs(const char *members, unsigned needs)
{
	struct request q = { .variant = false };
	char body[512];
	snprintf(body, sizeof(body), "{\"model\":\"m\",%s}", members);
	assert_true(request_read(&q, &dialect_anthropic, OPERATION_CHAT, body));
	assert_int_equal(q.facts.needs, needs);
	arena_done(&q.arena);
}

static void test_requests(void **state)
{
	struct request q = { .variant = false };
	assert_needs("\"messages\":[{\"role\":\"user\",\"content\":\"image\"}]", 0);
	assert_needs("\"messages\":[{\"content\":[{\"type\":\"image\"},{\"type\":\"document\"}]}]", NEEDS_IMAGES | NEEDS_DOCUMENTS);
	assert_needs("\"messages\":[{\"content\":[{\"type\":\"tool_result\",\"content\":[{\"type\":\"image\"}]}]}]", NEEDS_IMAGES);
	assert_needs("\"messages\":[{\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}]}]",
		     NEEDS_IMAGES | NEEDS_STATE);
	assert_needs("\"tools\":[{}],\"thinking\":{\"type\":\"adaptive\"}", NEEDS_TOOLS | NEEDS_REASONING);
	assert_needs("\"thinking\":{\"type\":\"disabled\"}", 0);
	assert_needs("\"output_config\":{\"format\":{\"type\":\"json_schema\"}}", NEEDS_STRUCTURED_OUTPUT);
	assert_needs("\"output_config\":{\"effort\":\"low\"}", 0);
	assert_needs("\"container\":\"c_1\"", NEEDS_STATE);
	assert_true(request_read(&q, &dialect_anthropic, OPERATION_CHAT,
				 "{\"model\":\"claude\",\"stream\":true,\"max_tokens\":9,\"metadata\":{\"user_id\":\"u\"}}"));
	assert_true(q.facts.stream);
	assert_int_equal(q.facts.max_output, 9);
	assert_slice(q.facts.user, "u");
	struct request_route route = { .operation = OPERATION_CHAT, .stream = true, .query = SLICE("beta=true") };
	assert_slice(dialect_anthropic.request_path(&route, &q.arena), "/v1/messages?beta=true");
	assert_slice(dialect_anthropic.request_path(&(struct request_route){ .operation = OPERATION_COUNT_TOKENS }, &q.arena), "/v1/messages/count_tokens");
	assert_null(dialect_anthropic.request_path(&(struct request_route){ .operation = OPERATION_EMBEDDINGS }, &q.arena).ptr);
	arena_done(&q.arena);
	assert_false(request_read(&q, &dialect_anthropic, OPERATION_CHAT, "{\"model\":\"a\",\"model\":\"a\"}"));
	arena_done(&q.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_whole_stream),
		cmocka_unit_test(test_reasoning_counts_when_it_closes),
		cmocka_unit_test(test_other_blocks),
		cmocka_unit_test(test_unknown_events_mean_nothing),
		cmocka_unit_test(test_usage_is_added_up_once),
		cmocka_unit_test(test_zeros_at_the_start),
		cmocka_unit_test(test_rounds_are_summed),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_whole_answers),
		cmocka_unit_test(test_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
