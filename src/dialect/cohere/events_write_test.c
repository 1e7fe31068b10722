/* SPDX-License-Identifier: Apache-2.0 */
/* Answers from Cohere to other clients, and from other providers to Cohere's. */
#include "dialect/translation_test.h"

#define EVENT(type, more) "event: " type "\ndata: {\"type\":\"" type "\"" more "}\n\n"
#define START "event: message-start\ndata: {\"id\":\"i\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[]," \
	"\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}}\n\n"
#define DELTA(message) ",\"delta\":{\"message\":{" message "}}"
#define TEXT_START(index) EVENT("content-start", ",\"index\":" index DELTA("\"content\":{\"type\":\"text\",\"text\":\"\"}"))
#define TEXT(index, text) EVENT("content-delta", ",\"index\":" index DELTA("\"content\":{\"text\":\"" text "\"}"))
#define TEXT_END(index) EVENT("content-end", ",\"index\":" index)
#define CALL_START(index, id, name) EVENT("tool-call-start", ",\"index\":" index DELTA("\"tool_calls\":{\"id\":\"" id "\",\"type\":\"function\"," \
	"\"function\":{\"name\":\"" name "\",\"arguments\":\"\"}}"))
#define CALL(index, text) EVENT("tool-call-delta", ",\"index\":" index DELTA("\"tool_calls\":{\"function\":{\"arguments\":\"" text "\"}}"))
#define CALL_END(index) EVENT("tool-call-end", ",\"index\":" index)
#define USAGE(in, out) "\"usage\":{\"billed_units\":{\"input_tokens\":" in ",\"output_tokens\":" out "},\"tokens\":{\"input_tokens\":" in \
	",\"output_tokens\":" out "},\"cached_tokens\":0}"
#define END(reason, usage) EVENT("message-end", ",\"delta\":{\"finish_reason\":\"" reason "\"," usage "}") "data: [DONE]\n\n"
#define SOURCE "\"sources\":[{\"type\":\"document\",\"id\":\"doc:0\",\"document\":{\"id\":\"doc:0\",\"title\":\"T\",\"text\":\"long\"}}," \
	"{\"type\":\"document\",\"id\":\"w\",\"document\":{\"id\":\"w\",\"url\":\"https://u\",\"title\":\"U\"}}],\"type\":\"TEXT_CONTENT\""

static const char own[] = START
	EVENT("content-start", ",\"index\":0" DELTA("\"content\":{\"type\":\"thinking\",\"thinking\":\"\"}"))
	EVENT("content-delta", ",\"index\":0" DELTA("\"content\":{\"thinking\":\"Hm\"}")) TEXT_END("0")
	TEXT_START("1") TEXT("1", "Rü") TEXT("1", "by")
	EVENT("citation-start", ",\"index\":0" DELTA("\"citations\":{\"start\":0,\"end\":4,\"text\":\"Rüby\"," SOURCE ",\"content_index\":1}"))
	EVENT("citation-end", ",\"index\":0") TEXT_END("1")
	CALL_START("0", "c", "f") CALL("0", "{\\\"a\\\"") CALL("0", ":1}") CALL_END("0")
	CALL_START("1", "d", "g") CALL("1", "{}") CALL_END("1")
	END("TOOL_CALL", USAGE("5", "6"));

static const struct way_back between_own = { &dialect_cohere, &dialect_cohere, .stream = true, .framing = FRAMING_SSE, .step = 1 << 16 };

static void test_own_streams_stay_the_same(void **state)
{
	assert_way_back(&between_own, own, own);
	assert_split_free(between_own, own);
}

static void test_own_streams_fold(void **state)
{
	struct way_back way = between_own;
	static const char whole[] = "{\"id\":\"i\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"Hm\"},"
		"{\"type\":\"text\",\"text\":\"Rüby\"}],\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
		"\"arguments\":\"{\\\"a\\\":1}\"}},{\"id\":\"d\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}],"
		"\"citations\":[{\"start\":0,\"end\":4,\"text\":\"Rüby\"," SOURCE ",\"content_index\":1}]},\"finish_reason\":\"TOOL_CALL\","
		USAGE("5", "6") "}";

	way.stream = false;
	assert_way_back(&way, own, whole);
	/* and whole answers to streams, but for the pieces */
	way.step = 0;
	assert_way_back(&way, whole, whole);
}

/* A plan is text, also where it comes between; a call without arguments has empty ones. */
static void test_plans(void **state)
{
	static const char from[] = START EVENT("tool-plan-delta", DELTA("\"tool_plan\":\"I will\"")) CALL_START("0", "c", "f") CALL_END("0")
		"data: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"TOOL_CALL\",\"usage\":{}}}\n\n";

	assert_way_back(&between_own, from, START TEXT_START("0") TEXT("0", "I will") TEXT_END("0") CALL_START("0", "c", "f") CALL("0", "{}")
			CALL_END("0") END("TOOL_CALL", USAGE("0", "0")));
}

#define CHUNK(delta) "data: {\"id\":\"i\",\"model\":\"q\",\"choices\":[{\"index\":0,\"delta\":{" delta "}}]}\n\n"

static void test_others(void **state)
{
	struct way_back way = { &dialect_cohere, &dialect_openai_chat, .stream = true, .framing = FRAMING_SSE, .step = 4096 };
	static const char from[] = CHUNK("\"content\":\"T\"") CHUNK("\"refusal\":\"N\"")
		"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":2,"
		"\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";

	assert_way_back(&way, from, START TEXT_START("0") TEXT("0", "T") TEXT_END("0") TEXT_START("1") TEXT("1", "N") TEXT_END("1")
			END("MAX_TOKENS", USAGE("2", "5")));
	assert_split_free(way, from);
}

/* Calls whose pieces alternate elsewhere are said one after the other here, and text after them waits. */
static void test_calls_do_not_overlap(void **state)
{
	struct way_back way = { &dialect_cohere, &dialect_openai_chat, .stream = true, .framing = FRAMING_SSE, .step = 4096 };
	static const char from[] = CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]")
		CHUNK("\"tool_calls\":[{\"index\":1,\"id\":\"d\",\"function\":{\"name\":\"g\",\"arguments\":\"{\"}}]")
		CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}},{\"index\":1,\"function\":{\"arguments\":\"}\"}}]")
		"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";

	assert_way_back(&way, from, START CALL_START("0", "c", "f") CALL("0", "{") CALL("0", "}") CALL_END("0")
			CALL_START("1", "d", "g") CALL("1", "{") CALL("1", "}") CALL_END("1") END("TOOL_CALL", USAGE("0", "0")));
	assert_split_free(way, from);
}

/* A call without arguments, and one whose arguments are null, are JSON in a stream as well. */
static void test_calls_without_arguments(void **state)
{
	struct way_back way = { &dialect_cohere, &dialect_openai_chat, .stream = true, .framing = FRAMING_SSE, .step = 4096 };
	static const char from[] = CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]")
		CHUNK("\"tool_calls\":[{\"index\":1,\"id\":\"d\",\"function\":{\"name\":\"g\",\"arguments\":\"null\"}}]")
		"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";

	assert_way_back(&way, from, START CALL_START("0", "c", "f") CALL("0", "{}") CALL_END("0") CALL_START("1", "d", "g") CALL("1", "{}")
			CALL_END("1") END("TOOL_CALL", USAGE("0", "0")));
	assert_split_free(way, from);
}

/* Each source is a citation of its own elsewhere. */
static void test_citations_elsewhere(void **state)
{
	struct way_back way = { &dialect_openai_chat, &dialect_cohere, .stream = false, .framing = FRAMING_SSE, .step = 1 << 16 };
	struct buf out = way_back_take(&way, own);

	assert_int_not_equal(slice_find(buf_slice(&out), SLICE("\"filename\":\"T\"")), SIZE_MAX);
	assert_int_not_equal(slice_find(buf_slice(&out), SLICE("\"start_index\":0,\"end_index\":4,\"url\":\"https://u\",\"title\":\"U\"")), SIZE_MAX);
	buf_done(&out);
}

/* A filter's cut; a citation of somebody else's document. */
static void test_whole_from_others(void **state)
{
	struct way_back way = { &dialect_cohere, &dialect_anthropic, .stream = false, .step = 0 };

	assert_way_back(&way, "{\"id\":\"i\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\",\"content\":[{\"type\":\"text\",\"text\":\"abc\","
			"\"citations\":[{\"type\":\"char_location\",\"cited_text\":\"q\",\"document_index\":0,\"document_title\":\"T\","
			"\"start_char_index\":0,\"end_char_index\":3}]}],\"stop_reason\":\"refusal\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}",
			"{\"id\":\"i\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"abc\"}],\"citations\":[{\"start\":0,"
			"\"end\":3,\"text\":\"q\",\"sources\":[{\"type\":\"document\",\"id\":\"doc:0\",\"document\":{\"id\":\"doc:0\",\"title\":\"T\","
			"\"snippet\":\"q\"}}],\"type\":\"TEXT_CONTENT\",\"content_index\":0}]},\"finish_reason\":\"ERROR\"," USAGE("1", "2") "}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_streams_stay_the_same), cmocka_unit_test(test_own_streams_fold), cmocka_unit_test(test_plans),
		cmocka_unit_test(test_others), cmocka_unit_test(test_citations_elsewhere), cmocka_unit_test(test_whole_from_others),
		cmocka_unit_test(test_calls_do_not_overlap), cmocka_unit_test(test_calls_without_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
