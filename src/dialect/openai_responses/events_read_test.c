/* SPDX-License-Identifier: Apache-2.0 */
/* What Responses requests, events and answers mean, case by case. */
#include "dialect/dialect_test.h"

enum { SAID = READING_CONTENT | READING_PROGRESS, LAST = SAID | READING_FINISH | READING_TERMINATOR };

static void init(struct heard *a)
{
	heard_init(a, &dialect_openai_responses, OPERATION_CHAT);
}

static void test_lifecycle_is_no_content(void **state)
{
	struct heard a;
	init(&a);
	assert_int_equal(heard_event(&a, "response.created", "{\"type\":\"response.created\",\"sequence_number\":0,\"response\":"
				      "{\"id\":\"resp_1\",\"model\":\"gpt-5.5\",\"status\":\"in_progress\",\"error\":null,\"usage\":null}}"), 0);
	assert_int_equal(heard_data(&a, "{\"type\":\"response.in_progress\",\"sequence_number\":1,\"response\":{}}"), 0);
	assert_int_equal(heard_data(&a, "{\"type\":\"response.queued\",\"response\":{}}"), 0);
	assert_int_equal(heard_data(&a, "{\"type\":\"keepalive\"}"), 0);
	assert_int_equal(heard_data(&a, "{\"type\":\"response.some_day\",\"x\":1}"), 0);
	assert_string_equal(a.reader.answer_id, "resp_1");
	assert_string_equal(a.reader.model, "gpt-5.5");
	assert_int_equal(a.reader.sequence, 1);
	assert_int_equal(heard_end(&a), STREAM_CUT);
	heard_done(&a);
}

static void assert_reads(const char *data, unsigned flags)
{
	struct heard a;
	init(&a);
	if (heard_data(&a, data) != flags)
		fail_msg("%s reads as %#x", data, a.reading.flags);
	heard_done(&a);
}

static void test_items(void **state)
{
#define ADDED(item) "{\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":" item "}"
#define DONE(item) "{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":" item "}"
	assert_reads(ADDED("{\"type\":\"reasoning\",\"summary\":[]}"), READING_PROGRESS);
	assert_reads(ADDED("{\"type\":\"message\",\"content\":[]}"), READING_PROGRESS);
	assert_reads(ADDED("{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\"\"}"), SAID);
	assert_reads(ADDED("{\"type\":\"custom_tool_call\",\"name\":\"f\"}"), SAID);
	assert_reads(ADDED("{\"type\":\"mcp_list_tools\"}"), READING_PROGRESS);
	assert_reads(DONE("{\"type\":\"reasoning\",\"summary\":[]}"), SAID);     /* closed, though nothing was shown */
	assert_reads(DONE("{\"type\":\"message\",\"content\":[]}"), READING_PROGRESS);
	assert_reads(DONE("{\"type\":\"message\",\"content\":[{}]}"), SAID);
}

static void test_deltas(void **state)
{
	assert_reads("{\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"It\"}", SAID);
	assert_reads("{\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"\"}", READING_PROGRESS);
	assert_reads("{\"type\":\"response.reasoning_summary_text.delta\",\"delta\":\"Need\"}", SAID);
	assert_reads("{\"type\":\"response.refusal.delta\",\"delta\":\"No\"}", SAID);
	assert_reads("{\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{\"}", SAID);
	assert_reads("{\"type\":\"response.brand_new_thing.delta\",\"delta\":\"x\"}", SAID);
	assert_reads("{\"type\":\"response.output_text.done\",\"output_index\":0,\"text\":\"It\"}", SAID);
	assert_reads("{\"type\":\"response.content_part.added\",\"output_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\"}}", READING_PROGRESS);
	assert_reads("{\"type\":\"response.image_generation_call.partial_image\",\"partial_image_b64\":\"AA\"}", SAID);
	assert_reads("{\"type\":\"response.web_search_call.searching\",\"output_index\":0}", READING_PROGRESS);
}

#define USAGE "\"usage\":{\"input_tokens\":30,\"input_tokens_details\":{\"cached_tokens\":10,\"cache_write_tokens\":4}," \
	"\"output_tokens\":9,\"output_tokens_details\":{\"reasoning_tokens\":3},\"total_tokens\":39}"

static void test_last_events(void **state)
{
	struct heard a;
	init(&a);
	assert_int_equal(heard_data(&a, "{\"type\":\"response.completed\",\"response\":{\"error\":null," USAGE "}}"), LAST);
	assert_int_equal(heard_end(&a), STREAM_COMPLETE);
	assert_int_equal(a.reader.usage.input, 30);
	assert_int_equal(a.reader.usage.input_cached, 10);
	assert_int_equal(a.reader.usage.input_written_5m, 4);
	assert_int_equal(a.reader.usage.output_reasoning, 3);
	assert_int_equal(heard_data(&a, "[DONE]"), 0); /* OpenRouter */
	heard_done(&a);
	assert_reads("{\"type\":\"response.incomplete\",\"response\":{\"incomplete_details\":{\"reason\":\"max_output_tokens\"}}}", LAST);
	assert_reads("[DONE]", READING_MALFORMED);
}

static void assert_failure(const char *data, enum failure_kind kind, const char *message)
{
	struct heard a;
	init(&a);
	assert_int_equal(heard_data(&a, data), READING_FAILURE);
	assert_int_equal(a.reading.failure.kind, kind);
	assert_string_equal(a.reading.failure.message, message);
	assert_int_equal(heard_end(&a), STREAM_CUT);
	heard_done(&a);
}

static void test_failures(void **state)
{
	assert_failure("{\"type\":\"error\",\"code\":\"server_error\",\"message\":\"flat\",\"param\":null}", FAILURE_SERVER, "flat");
	assert_failure("{\"type\":\"error\",\"error\":{\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\",\"message\":\"nested\"}}",
		       FAILURE_RATE_LIMITED, "nested");
	assert_failure("{\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"server_error\",\"message\":\"x\"}}}",
		       FAILURE_SERVER, "x");
	assert_failure("{\"type\":\"response.failed\",\"response\":{\"error\":null}}", FAILURE_IN_BAND,
		       "the provider says that the response failed and gives no reason");
	assert_failure("{\"type\":\"response.completed\",\"response\":{\"status\":\"failed\",\"error\":{\"message\":\"dressed up\"}}}",
		       FAILURE_IN_BAND, "dressed up");
	assert_reads("{\"x\":1}", READING_MALFORMED);
	assert_reads("{\"type\":\"response.completed\"", READING_MALFORMED);
}

static void test_whole_answers(void **state)
{
	struct heard a;
	init(&a);
	assert_int_equal(heard_whole(&a, "{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"completed\",\"error\":null,"
				      "\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hello\"}]}]," USAGE "}"), LAST);
	assert_int_equal(a.reader.output_bytes, 5);
	assert_int_equal(a.reader.usage.output, 9);
	heard_done(&a);

	init(&a);
	assert_int_equal(heard_whole(&a, "{\"object\":\"response\",\"status\":\"queued\",\"output\":[],\"error\":null}"), LAST);
	assert_int_equal(heard_whole(&a, "{\"object\":\"response\",\"status\":\"failed\",\"output\":[],\"error\":{\"code\":\"server_error\","
				      "\"message\":\"x\"}}"), READING_FAILURE);
	assert_int_equal(heard_whole(&a, "{\"object\":\"response\"}"), READING_MALFORMED);
	heard_done(&a);

	heard_init(&a, &dialect_openai_responses, OPERATION_COUNT_TOKENS);
	assert_int_equal(heard_whole(&a, "{\"object\":\"response.input_tokens\",\"input_tokens\":11}"), LAST);
	assert_int_equal(a.reader.usage.input, 11);
	heard_done(&a);

	heard_init(&a, &dialect_openai_responses, OPERATION_COMPACT);
	assert_int_equal(heard_whole(&a, "{\"object\":\"response.compaction\",\"output\":[{\"type\":\"compaction\"}]," USAGE "}"), LAST);
	heard_done(&a);
}

static void assert_needs(const char *members, unsigned needs)
{
	struct request q = { .variant = false };
	char body[512];
	snprintf(body, sizeof(body), "{\"model\":\"m\",%s}", members);
	assert_true(request_read(&q, &dialect_openai_responses, OPERATION_CHAT, body));
	assert_int_equal(q.facts.needs, needs);
	arena_done(&q.arena);
}

static void test_requests(void **state)
{
	struct request q = { .variant = false };
	assert_needs("\"input\":\"hello\"", 0);
	assert_needs("\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"x\"}]}]", NEEDS_IMAGES);
	assert_needs("\"input\":[{\"content\":[{\"type\":\"input_file\",\"file_id\":\"f\"}]}]", NEEDS_DOCUMENTS | NEEDS_STATE);
	assert_needs("\"input\":[{\"type\":\"function_call_output\",\"output\":[{\"type\":\"input_image\"}]}]", NEEDS_IMAGES);
	assert_needs("\"input\":[{\"type\":\"item_reference\",\"id\":\"x\"}]", NEEDS_STATE);
	assert_needs("\"input\":[{\"id\":\"x\"}]", NEEDS_STATE);
	assert_needs("\"input\":[{\"id\":\"x\",\"type\":null}]", NEEDS_STATE);
	assert_needs("\"input\":[{\"id\":\"x\",\"role\":\"user\",\"content\":\"hi\"}]", 0);
	assert_needs("\"previous_response_id\":\"resp_1\"", NEEDS_STATE);
	assert_needs("\"previous_response_id\":null", 0);
	assert_needs("\"conversation\":{\"id\":\"c\"}", NEEDS_STATE);
	assert_needs("\"tools\":[{}],\"reasoning\":{\"effort\":\"low\"}", NEEDS_TOOLS | NEEDS_REASONING);
	assert_needs("\"reasoning\":{\"effort\":\"none\"}", 0);
	assert_needs("\"text\":{\"format\":{\"type\":\"json_schema\"}}", NEEDS_STRUCTURED_OUTPUT);
	assert_false(request_read(&q, &dialect_openai_responses, OPERATION_CHAT, "{\"prompt\":{\"id\":\"p\"}}"));
	assert_string_equal(q.failure.param, "model");
	arena_done(&q.arena);
	assert_true(request_read(&q, &dialect_openai_responses, OPERATION_CHAT, "{\"model\":\"m\",\"stream\":true,\"max_output_tokens\":9}"));
	assert_true(q.facts.stream);
	assert_int_equal(q.facts.max_output, 9);
	assert_slice(dialect_openai_responses.request_path(&(struct request_route){ .operation = OPERATION_CHAT, .stream = true }, &q.arena), "/responses");
	assert_slice(dialect_openai_responses.request_path(&(struct request_route){ .operation = OPERATION_COUNT_TOKENS },
		     &q.arena), "/responses/input_tokens");
	assert_slice(dialect_openai_responses.request_path(&(struct request_route){ .operation = OPERATION_COMPACT }, &q.arena), "/responses/compact");
	assert_null(dialect_openai_responses.request_path(&(struct request_route){ .operation = OPERATION_EMBEDDINGS }, &q.arena).ptr);
	arena_done(&q.arena);
}

/* What lies at a provider is asked for as everything else there: classic Azure wants its api-version (DIALECTS §7.14). */
static void test_path_of_a_stored_response(void **state)
{
	struct request_route route = { .stored = SLICE("/resp_1/cancel") };
	struct arena a;

	arena_init(&a);
	assert_slice(dialect_openai_responses.request_path(&route, &a), "/responses/resp_1/cancel");
	route.query = SLICE("stream=true");
	assert_slice(dialect_openai_responses.request_path(&route, &a), "/responses/resp_1/cancel?stream=true");
	route.quirks = QUIRK_DEPLOYMENT_PATH;
	route.base_query = SLICE("api-version=2026-01-01");
	assert_slice(dialect_openai_responses.request_path(&route, &a),
		     "/responses/resp_1/cancel?api-version=2026-01-01&stream=true");
	route.query = SLICE("api-version=2025-12-01");
	assert_slice(dialect_openai_responses.request_path(&route, &a), "/responses/resp_1/cancel?api-version=2025-12-01");
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lifecycle_is_no_content),
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_deltas),
		cmocka_unit_test(test_last_events),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_whole_answers),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_path_of_a_stored_response),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
