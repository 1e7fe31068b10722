/* SPDX-License-Identifier: Apache-2.0 */
/* Answers from Ollama to other clients, and from other providers to Ollama's. */
#include "dialect/translation_test.h"

#define HEAD "{\"model\":\"q\",\"created_at\":\"1970-01-01T00:16:40.000Z\","
#define SAYS(message) "\"message\":{\"role\":\"assistant\"," message "}"
#define MORE ",\"done\":false}\n"
#define DONE(reason, in, out) ",\"done\":true,\"done_reason\":\"" reason "\",\"total_duration\":0,\"load_duration\":0," \
	"\"prompt_eval_count\":" in ",\"prompt_eval_duration\":0,\"eval_count\":" out ",\"eval_duration\":0}"

static const char own[] =
	HEAD SAYS("\"content\":\"\",\"thinking\":\"Hm\"") MORE
	HEAD SAYS("\"content\":\"Hi\"") MORE
	HEAD SAYS("\"content\":\"\",\"images\":[\"iVBORw0KGgo=\"]") MORE
	HEAD SAYS("\"content\":\"\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{\"a\":1}}}]") MORE
	HEAD SAYS("\"content\":\"\"") DONE("stop", "3", "4") "\n";

static const struct way_back between_own = { &dialect_ollama, &dialect_ollama, .stream = true, .framing = FRAMING_NDJSON, .step = 4096 };

static void test_own_streams_stay_the_same(void **state)
{
	assert_way_back(&between_own, own, own);
	assert_split_free(between_own, own);
}

static void test_own_streams_fold(void **state)
{
	struct way_back way = between_own;

	way.stream = false;
	assert_way_back(&way, own, HEAD SAYS("\"content\":\"Hi\",\"thinking\":\"Hm\",\"images\":[\"iVBORw0KGgo=\"],\"tool_calls\":[{\"id\":\"c\","
			"\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{\"a\":1}}}]") DONE("stop", "3", "4"));
}

#define CHUNK(delta) "data: {\"model\":\"q\",\"choices\":[{\"index\":0,\"delta\":{" delta "}}]}\n\n"

/* Calls that overlap come whole; JSON on several lines becomes one; what is no object is wrapped; calls that never ended
 * end with the answer. */
static void test_calls_are_whole(void **state)
{
	struct way_back way = { &dialect_ollama, &dialect_openai_chat, .stream = true, .framing = FRAMING_SSE, .step = 4096 };
	static const char from[] =
		CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\"\"}}]")
		CHUNK("\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"no\"}},{\"index\":0,\"function\":"
		      "{\"arguments\":\":\\n1}\"}}]")
		"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";

	assert_way_back(&way, from,
		HEAD SAYS("\"content\":\"\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{\"x\": 1}}}]") MORE
		HEAD SAYS("\"content\":\"\",\"tool_calls\":[{\"id\":\"b\",\"function\":{\"index\":1,\"name\":\"g\",\"arguments\":{\"_raw\":\"no\"}}}]") MORE
		HEAD SAYS("\"content\":\"\"") DONE("stop", "0", "0") "\n");
	assert_split_free(way, from);
}

/* The first is written first, though the second is complete before it. */
static void test_calls_keep_their_order(void **state)
{
	struct way_back way = { &dialect_ollama, &dialect_openai_chat, .stream = true, .framing = FRAMING_SSE, .step = 4096 };
	static const char from[] =
		CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}},{\"index\":1,\"id\":\"b\","
		      "\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]")
		CHUNK("\"content\":\"Hi\"") CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]")
		"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";

	assert_way_back(&way, from,
		HEAD SAYS("\"content\":\"\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{}}}]") MORE
		HEAD SAYS("\"content\":\"\",\"tool_calls\":[{\"id\":\"b\",\"function\":{\"index\":1,\"name\":\"g\",\"arguments\":{}}}]") MORE
		HEAD SAYS("\"content\":\"Hi\"") MORE HEAD SAYS("\"content\":\"\"") DONE("stop", "0", "0") "\n");
	assert_split_free(way, from);
}

static void test_generate(void **state)
{
	struct way_back way = { &dialect_ollama, &dialect_openai_chat, .variant = true, .asked = "{\"model\":\"m\",\"prompt\":\"x\"}",
				.stream = true, .framing = FRAMING_SSE, .step = 4096 };
	static const char from[] = CHUNK("\"reasoning_content\":\"R\"") CHUNK("\"content\":\"T\"")
		"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":2,"
		"\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";

	assert_way_back(&way, from, HEAD "\"response\":\"\",\"thinking\":\"R\"" MORE HEAD "\"response\":\"T\"" MORE
			HEAD "\"response\":\"\"" DONE("length", "2", "5") "\n");
	way.stream = false;
	assert_way_back(&way, from, HEAD "\"response\":\"T\",\"thinking\":\"R\"" DONE("length", "2", "5"));
}

static void test_logprobs(void **state)
{
	struct way_back way = between_own;
	static const char from[] = "{\"model\":\"q\",\"message\":{\"content\":\"a\"},\"logprobs\":[{\"token\":\"a\",\"logprob\":-0.5,"
		"\"top_logprobs\":[{\"token\":\"b\",\"logprob\":-1}]}],\"done\":true,\"done_reason\":\"stop\"}\n";

	way.stream = false;
	assert_way_back(&way, from, HEAD SAYS("\"content\":\"a\"") ",\"logprobs\":[{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97],"
			"\"top_logprobs\":[{\"token\":\"b\",\"logprob\":-1,\"bytes\":[98]}]}]" DONE("stop", "0", "0"));
}

/* Calls without ids get some; a stop with calls in it is one for calls. */
static void test_other_clients(void **state)
{
	struct way_back way = { &dialect_openai_chat, &dialect_ollama, .stream = false, .step = 0 };
	struct buf out = way_back_take(&way, "{\"model\":\"q\",\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\","
				       "\"arguments\":{\"a\":1}}}]},\"done\":true,\"done_reason\":\"stop\"}");

	assert_int_not_equal(slice_find(buf_slice(&out), SLICE("\"finish_reason\":\"tool_calls\"")), SIZE_MAX);
	assert_int_not_equal(slice_find(buf_slice(&out), SLICE("\"id\":\"call_")), SIZE_MAX);
	assert_int_not_equal(slice_find(buf_slice(&out), SLICE("\"arguments\":\"{\\\"a\\\":1}\"")), SIZE_MAX);
	buf_done(&out);
}

static void test_limits(void **state)
{
	struct arena a;
	struct buf out;
	struct event_writer w = { .dialect = &dialect_ollama, .arena = &a, .framing = FRAMING_NDJSON, .model = SLICE("m"), .limit = 8 };
	struct event begin = { .kind = EVENT_TOOL_BEGIN, .tool = { .id = SLICE("c"), .name = SLICE("f") } };
	struct event piece = { .kind = EVENT_TOOL_ARGUMENTS, .text = SLICE("{\"a\":") };

	arena_init(&a);
	buf_init(&out, 1 << 12);
	assert_true(dialect_ollama.write_event(&w, &begin, &out));
	assert_true(dialect_ollama.write_event(&w, &piece, &out));
	assert_false(dialect_ollama.write_event(&w, &piece, &out));
	buf_done(&out);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_streams_stay_the_same), cmocka_unit_test(test_own_streams_fold),
		cmocka_unit_test(test_calls_are_whole), cmocka_unit_test(test_calls_keep_their_order), cmocka_unit_test(test_generate),
		cmocka_unit_test(test_logprobs),
		cmocka_unit_test(test_other_clients), cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
