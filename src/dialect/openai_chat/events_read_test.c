/* SPDX-License-Identifier: Apache-2.0 */
/* What chat completion chunks and answers mean, case by case. */
#include "dialect/dialect_test.h"

#define CHUNK(choices) "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-5.5\",\"choices\":[" choices "]}"
#define DELTA(members) CHUNK("{\"index\":0,\"delta\":{" members "},\"finish_reason\":null}")
#define FINISH(reason) CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}")

enum { SAID = READING_CONTENT | READING_PROGRESS };

static void test_lifecycle_is_no_content(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	assert_int_equal(heard_data(&a, DELTA("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null")), 0);
	assert_int_equal(heard_data(&a, DELTA("\"role\":\"assistant\",\"content\":null")), 0);
	assert_int_equal(heard_data(&a, DELTA("")), 0);
	assert_int_equal(heard_data(&a, CHUNK("{\"index\":0}")), 0);            /* no delta at all */
	assert_int_equal(heard_data(&a, CHUNK("{\"index\":0,\"delta\":null}")), 0);
	assert_int_equal(heard_data(&a, "{\"id\":\"\",\"choices\":[]}"), 0);
	assert_int_equal(heard_data(&a, "{\"id\":\"c\",\"obfuscation\":\"x\"}"), 0); /* gpt-audio: chunks without choices */
	assert_int_equal(heard_data(&a, DELTA("\"reasoning_details\":[],\"tool_calls\":null,\"name\":\"MiniMax AI\"")), 0);
	assert_int_equal(heard_data(&a, ""), 0);
	assert_int_equal(heard_data(&a, NULL), 0);
	assert_true(a.reader.started);
	assert_false(a.reader.content);
	assert_string_equal(a.reader.model, "gpt-5.5");
	assert_int_equal(heard_end(&a), STREAM_CUT);
	heard_done(&a);
}

static void test_everything_said_is_content(void **state)
{
	static const char *const said[] = {
		DELTA("\"content\":\"Hi\""), DELTA("\"reasoning_content\":\"Hm\""), DELTA("\"reasoning\":\"Hm\""),
		DELTA("\"refusal\":\"No\""), DELTA("\"audio\":{\"transcript\":\"Hi\"}"), DELTA("\"audio\":{\"data\":\"AAAA\"}"),
		DELTA("\"content\":[{\"type\":\"thinking\",\"thinking\":[]}]"), /* Mistral */
		DELTA("\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"x\"}]"), DELTA("\"images\":[{}]"),
		DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]"),
		DELTA("\"function_call\":{\"name\":\"f\"}"),
		DELTA("\"role\":\"assistant\",\"content\":\"again with a role\""),
	};
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		struct heard a;
		heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
		assert_int_equal(heard_data(&a, said[i]), SAID);
		assert_true(a.reader.content);
		heard_done(&a);
	}
}

static void test_finish_and_terminator(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	heard_data(&a, DELTA("\"content\":\"Hi\""));
	assert_int_equal(heard_data(&a, FINISH("stop")), SAID | READING_FINISH);
	assert_int_equal(heard_end(&a), STREAM_NEEDS_TERMINATOR);
	assert_int_equal(heard_data(&a, "[DONE]"), READING_TERMINATOR);
	assert_int_equal(heard_data(&a, CHUNK("{\"index\":1,\"delta\":{\"content\":\"after the end\"}}")), 0);
	assert_int_equal(heard_data(&a, "[DONE]"), READING_TERMINATOR);
	assert_int_equal(heard_data(&a, "{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}"), READING_USAGE_ONLY);
	assert_int_equal(a.reader.usage.input, 3);
	assert_int_equal(heard_end(&a), STREAM_COMPLETE);
	heard_done(&a);
}

static void test_finish_without_a_word_is_content(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	assert_int_equal(heard_data(&a, FINISH("stop")), SAID | READING_FINISH);
	heard_done(&a);
}

static void test_empty_finish_is_none(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	assert_int_equal(heard_data(&a, FINISH("")), 0);
	heard_done(&a);
}

static void test_every_choice_must_finish(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	heard_data(&a, CHUNK("{\"index\":0,\"delta\":{\"content\":\"a\"}},{\"index\":1,\"delta\":{\"content\":\"b\"}}"));
	assert_int_equal(heard_data(&a, FINISH("stop")), SAID);
	assert_int_equal(heard_data(&a, FINISH("stop")), SAID); /* twice the same (OpenRouter) */
	assert_int_equal(heard_end(&a), STREAM_CUT);
	assert_int_equal(heard_data(&a, "[DONE]"), READING_MALFORMED);
	assert_int_equal(a.reading.failure.kind, FAILURE_CUT);
	assert_int_equal(heard_data(&a, CHUNK("{\"index\":1,\"delta\":{},\"finish_reason\":\"length\"}")), SAID | READING_FINISH);
	assert_int_equal(a.reader.finished_choices, 2);
	/* One that begins after all others have ended opens the answer again. */
	heard_data(&a, CHUNK("{\"index\":200,\"delta\":{\"content\":\"c\"}}"));
	assert_int_equal(heard_end(&a), STREAM_CUT);
	heard_done(&a);
}

/* gpt-audio and Snowflake never say why they end. */
static void test_done_without_finish(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	heard_data(&a, DELTA("\"audio\":{\"transcript\":\"Hi\"}"));
	assert_int_equal(heard_data(&a, "[DONE]"), READING_FINISH | READING_TERMINATOR);
	assert_int_equal(heard_end(&a), STREAM_COMPLETE);
	heard_done(&a);

	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	heard_data(&a, DELTA("\"role\":\"assistant\""));
	assert_int_equal(heard_data(&a, " [DONE]"), READING_MALFORMED); /* nothing was said */
	assert_int_equal(a.reading.failure.kind, FAILURE_CUT);
	heard_done(&a);
}

#define USAGE "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,\"total_tokens\":21," \
	"\"prompt_tokens_details\":{\"cached_tokens\":4},\"completion_tokens_details\":{\"reasoning_tokens\":7}}"

static void test_usage_only_chunk(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	assert_int_equal(heard_data(&a, "{\"id\":\"c\",\"choices\":[]," USAGE "}"), READING_USAGE_ONLY);
	assert_null(a.reading.usage_member.ptr);
	assert_true(a.reader.usage.reported);
	assert_int_equal(a.reader.usage.input, 9);
	assert_int_equal(a.reader.usage.input_cached, 4);
	assert_int_equal(a.reader.usage.output, 12);
	assert_int_equal(a.reader.usage.output_reasoning, 7);
	heard_done(&a);
}

/* Azure, Copilot: filter results. OpenAI: moderation, with "usage":null. */
static void test_empty_choices_are_not_always_usage(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	assert_int_equal(heard_data(&a, "{\"choices\":[],\"id\":\"\",\"prompt_filter_results\":[{}]}"), 0);
	assert_int_equal(heard_data(&a, "{\"choices\":[],\"moderation\":{},\"usage\":null}"), 0);
	assert_non_null(a.reading.usage_member.ptr);
	heard_done(&a);
}

static void assert_cut(const char *chunk, const char *left)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	heard_data(&a, chunk);
	struct slice cut = a.reading.usage_member;
	size_t before = (size_t)(cut.ptr - chunk);
	assert_slice(arena_printf(&a.scratch, "%.*s%s", (int)before, chunk, cut.ptr + cut.len), left);
	heard_done(&a);
}

static void test_usage_member_is_cut_with_its_comma(void **state)
{
	assert_cut("{\"choices\":[{\"index\":0}],\"usage\":null,\"obfuscation\":\"x\"}", "{\"choices\":[{\"index\":0}],\"obfuscation\":\"x\"}");
	assert_cut("{\"choices\":[{\"index\":0}],\"usage\":null}", "{\"choices\":[{\"index\":0}]}");
	assert_cut("{\"usage\":null,\"choices\":[{\"index\":0}]}", "{\"choices\":[{\"index\":0}]}");
	assert_cut("{\"usage\":null}", "{}");
	assert_cut("{ \"id\": \"x\", \"usage\": {\"a\":\"},\"}, \"choices\": [1] }", "{ \"id\": \"x\", \"choices\": [1] }");
	assert_cut("{\"us\\u0061ge\" : null , \"choices\":[1]}", "{\"choices\":[1]}");
}

/* Characters cut in half by the provider end no answer, and the cut stands in the frame as it came. */
static void test_broken_characters(void **state)
{
	static const char *const texts[] = { "a\\ud83d", "\\uDE00b", "\\\\\xff\xc3", "\\ud83d\\u0041" };
	struct heard a;
	char chunk[256], left[256];

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		snprintf(left, sizeof(left), "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}", texts[i]);
		heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
		assert_int_equal(heard_data(&a, left), READING_CONTENT | READING_PROGRESS);
		heard_done(&a);
		snprintf(chunk, sizeof(chunk), "%.*s,\"usage\":null}", (int)strlen(left) - 1, left);
		assert_cut(chunk, left);
	}
}

static void test_nested_usage_is_left_alone(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	heard_data(&a, "{\"choices\":[{\"index\":0,\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}]}"); /* Moonshot */
	assert_null(a.reading.usage_member.ptr);
	assert_int_equal(a.reader.usage.input, 5);
	heard_data(&a, "{\"choices\":[{\"index\":0}],\"x_groq\":{\"usage\":{\"prompt_tokens\":6,\"completion_tokens\":2}}}");
	assert_null(a.reading.usage_member.ptr);
	assert_int_equal(a.reader.usage.input, 6);
	heard_done(&a);
}

static void test_zero_usage_is_no_report(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	heard_data(&a, "{\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0}}");
	assert_false(a.reader.usage.reported);
	heard_done(&a);
}

static void test_usage_is_cumulative(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	heard_data(&a, "{\"choices\":[{\"index\":0}],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":1}}"); /* Perplexity */
	heard_data(&a, "{\"choices\":[{\"index\":0}],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3}}");
	heard_data(&a, "{\"choices\":[{\"index\":0}],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":5}}");
	assert_int_equal(a.reader.usage.input, 12);
	assert_int_equal(a.reader.usage.output, 5);
	heard_done(&a);
}

static void assert_usage(const char *usage, int64_t input, int64_t cached, int64_t written, int64_t output, int64_t reasoning)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	heard_data(&a, usage);
	usage_clamp(&a.reader.usage);
	assert_int_equal(a.reader.usage.input, input);
	assert_int_equal(a.reader.usage.input_cached, cached);
	assert_int_equal(a.reader.usage.input_written_5m + a.reader.usage.input_written_1h, written);
	assert_int_equal(a.reader.usage.output, output);
	assert_int_equal(a.reader.usage.output_reasoning, reasoning);
	heard_done(&a);
}

static void test_usage_dialects_of_providers(void **state)
{
	/* xAI: reasoning outside of completion_tokens; Gemini: reasoning in the total only; Mistral: audio in the
	 * total only */
	assert_usage("{\"choices\":[],\"usage\":{\"prompt_tokens\":133,\"completion_tokens\":10,\"total_tokens\":277,"
		     "\"completion_tokens_details\":{\"reasoning_tokens\":134}}}", 133, 0, 0, 144, 134);
	assert_usage("{\"choices\":[],\"usage\":{\"prompt_tokens\":35,\"completion_tokens\":12,\"total_tokens\":109}}", 35, 0, 0, 74, 62);
	assert_usage("{\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":15,\"total_tokens\":401,"
		     "\"prompt_tokens_details\":{\"audio_tokens\":375}}}", 386, 0, 0, 15, 0);
	/* DeepSeek, Moonshot, Venice */
	assert_usage("{\"choices\":[],\"usage\":{\"prompt_tokens\":50,\"completion_tokens\":1,\"prompt_cache_hit_tokens\":40}}", 50, 40, 0, 1, 0);
	assert_usage("{\"choices\":[],\"usage\":{\"prompt_tokens\":50,\"completion_tokens\":1,\"cached_tokens\":30}}", 50, 30, 0, 1, 0);
	assert_usage("{\"choices\":[],\"usage\":{\"prompt_tokens\":50,\"completion_tokens\":1,\"cache_creation_input_tokens\":20}}",
		     50, 0, 20, 1, 0);
	/* written for 30 minutes and for 12 hours */
	assert_usage("{\"choices\":[],\"usage\":{\"prompt_tokens\":50,\"completion_tokens\":1,\"prompt_tokens_details\":{"
		     "\"cache_write_tokens\":20,\"cache_write_tokens_details\":{\"ttl_12h_tokens\":5}}}}", 50, 0, 20, 1, 0);
	/* numbers that no counter can be */
	assert_usage("{\"choices\":[],\"usage\":{\"prompt_tokens\":9223372036854775807,\"completion_tokens\":1}}", 0, 0, 0, 1, 0);
	assert_usage("{\"choices\":[],\"usage\":{\"prompt_tokens\":-3,\"completion_tokens\":\"x\"}}", 0, 0, 0, 0, 0);
}

static void assert_failure(const char *event, const char *data, enum failure_kind kind, int status)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	assert_int_equal(heard_event(&a, event, data), READING_FAILURE);
	assert_int_equal(a.reading.failure.kind, kind);
	assert_int_equal(a.reading.failure.status, status);
	assert_string_not_equal(a.reading.failure.message, "");
	assert_int_equal(heard_end(&a), STREAM_CUT);
	heard_done(&a);
}

static void test_errors_in_the_stream(void **state)
{
	assert_failure(NULL, "{\"error\":{\"message\":\"boom\",\"type\":\"server_error\",\"param\":null,\"code\":null}}", FAILURE_SERVER, 0);
	assert_failure(NULL, "{\"error\":\"plain text\"}", FAILURE_IN_BAND, 0);
	assert_failure(NULL, "{\"error\":{\"message\":\"slow\",\"code\":429}}", FAILURE_RATE_LIMITED, 429);
	assert_failure(NULL, "{\"error\":{\"message\":\"x\",\"code\":\"502\"}}", FAILURE_SERVER, 502);
	assert_failure(NULL, "{\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}", FAILURE_OVERLOADED, 0);
	assert_failure(NULL, "{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"x\"}}", FAILURE_CONTEXT_LENGTH, 0);
	assert_failure(NULL, "{\"error\":{\"code\":\"content_filter\",\"message\":\"x\",\"status\":400}}", FAILURE_CONTENT_FILTER, 400);
	assert_failure("error", "{\"error\":{\"message\":\"tool call validation failed\",\"code\":\"tool_use_failed\",\"status_code\":400}}",
		       FAILURE_IN_BAND, 400); /* Groq */
	assert_failure("error", "{\"reason\":\"nobody knows this shape\"}", FAILURE_IN_BAND, 0);
	assert_failure(NULL, "{\"object\":\"error\",\"message\":\"Rate limit exceeded\",\"type\":\"rate_limited\",\"code\":\"1300\"}",
		       FAILURE_RATE_LIMITED, 0); /* Mistral */
	assert_failure(NULL, "{\"detail\":\"Not enough memory\"}", FAILURE_IN_BAND, 0);
	assert_failure(NULL, CHUNK("{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}"), FAILURE_IN_BAND, 0);
	assert_failure(NULL, CHUNK("{\"index\":0,\"error\":{\"code\":503,\"message\":\"x\"}}"), FAILURE_SERVER, 503);
}

/* OpenRouter, recorded: an error with choices and with usage. */
static void test_error_with_usage(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	assert_int_equal(heard_data(&a, "{\"error\":{\"code\":400,\"message\":\"Token limit reached\"},\"choices\":[{\"index\":0,\"delta\":"
				     "{\"content\":\"\"}}],\"usage\":{\"prompt_tokens\":43,\"completion_tokens\":10}}"), READING_FAILURE);
	assert_int_equal(a.reading.failure.kind, FAILURE_REQUEST);
	assert_int_equal(a.reader.usage.input, 43);
	heard_done(&a);
}

static void test_null_error_is_none(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	assert_int_equal(heard_data(&a, "{\"error\":null,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}"), SAID);
	assert_int_equal(heard_data(&a, "{\"error\":\"\",\"choices\":[]}"), 0);
	heard_done(&a);
}

static void test_malformed_events(void **state)
{
	static const char *const malformed[] = { "{\"choices\":[", "null", "[]", "12", "<html>", "{} trailing", "{\"a\":\"\\q\"}" };
	for (size_t i = 0; i < COUNT_OF(malformed); i++) {
		struct heard a;
		heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
		assert_int_equal(heard_data(&a, malformed[i]), READING_MALFORMED);
		assert_int_equal(a.reading.failure.kind, FAILURE_MALFORMED);
		heard_done(&a);
	}
}

static void test_text_completions(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_COMPLETIONS);
	assert_int_equal(heard_data(&a, CHUNK("{\"index\":0,\"text\":\"\",\"finish_reason\":null}")), 0);
	assert_int_equal(heard_data(&a, CHUNK("{\"index\":0,\"text\":\"Hi\",\"finish_reason\":null}")), SAID);
	assert_int_equal(heard_data(&a, CHUNK("{\"index\":0,\"text\":\"\",\"finish_reason\":\"length\"}")), SAID | READING_FINISH);
	assert_int_equal(a.reader.output_bytes, 2);
	heard_done(&a);
}

static void test_output_is_counted(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
	heard_data(&a, DELTA("\"content\":\"12345\",\"reasoning_content\":\"123\""));
	heard_data(&a, DELTA("\"tool_calls\":[{\"function\":{\"arguments\":\"1234567\"}}]"));
	assert_int_equal(a.reader.output_bytes, 15);
	assert_true(a.reader.saw_tool);
	heard_done(&a);
}

enum { WHOLE = SAID | READING_FINISH | READING_TERMINATOR };

static unsigned whole(enum operation op, const char *body, enum failure_kind *ret_kind)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, op);
	unsigned flags = heard_whole(&a, body);
	*ret_kind = a.reading.failure.kind;
	heard_done(&a);
	return flags;
}

static void test_whole_answers(void **state)
{
	enum failure_kind kind;
	assert_int_equal(whole(OPERATION_CHAT, "\n\n {\"choices\":[{\"index\":0,\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],"
			       "\"error\":null}", &kind), WHOLE);
	assert_int_equal(whole(OPERATION_CHAT, "{\"choices\":[{\"message\":{\"content\":null},\"finish_reason\":\"\"}]}", &kind), WHOLE);
	assert_int_equal(whole(OPERATION_COMPLETIONS, "{\"choices\":[{\"text\":\"\",\"finish_reason\":\"stop\"}]}", &kind), WHOLE);
	assert_int_equal(whole(OPERATION_EMBEDDINGS, "{\"object\":\"list\",\"data\":[{\"embedding\":[0.1]}]}", &kind), WHOLE);
}

static void test_whole_answers_that_are_none(void **state)
{
	static const struct {
		const char *body;
		unsigned flags;
		enum failure_kind kind;
	} cases[] = {
		{ "", READING_MALFORMED, FAILURE_MALFORMED },
		{ " \r\n", READING_MALFORMED, FAILURE_MALFORMED },
		{ "null", READING_MALFORMED, FAILURE_MALFORMED },
		{ "[]", READING_MALFORMED, FAILURE_MALFORMED },
		{ "{}", READING_MALFORMED, FAILURE_MALFORMED },
		{ "{\"choices\":[]}", READING_MALFORMED, FAILURE_MALFORMED },
		{ "{\"choices\":[{\"index\":0}]}", READING_MALFORMED, FAILURE_MALFORMED },
		{ "{\"choices\":[{\"message\":{\"content\":\"Hi\"", READING_MALFORMED, FAILURE_MALFORMED },
		{ "<!DOCTYPE html><title>502 Bad Gateway</title>", READING_MALFORMED, FAILURE_MALFORMED },
		{ "{\"error\":{\"message\":\"slow down\",\"code\":429}}", READING_FAILURE, FAILURE_RATE_LIMITED },
		{ "[{\"error\":{\"code\":503,\"message\":\"x\",\"status\":\"UNAVAILABLE\"}}]", READING_FAILURE, FAILURE_SERVER },
		{ "{\"choices\":[{\"message\":{},\"finish_reason\":\"error\"}]}", READING_FAILURE, FAILURE_IN_BAND },
		{ "{\"choices\":[{\"message\":{},\"error\":{\"code\":502,\"message\":\"x\"}}]}", READING_FAILURE, FAILURE_SERVER },
		{ "{\"detail\":\"x\"}", READING_FAILURE, FAILURE_IN_BAND },
		{ "{\"message\":\"overloaded\",\"code\":\"529\"}", READING_FAILURE, FAILURE_OVERLOADED },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		enum failure_kind kind;
		assert_int_equal(whole(OPERATION_CHAT, cases[i].body, &kind), cases[i].flags);
		assert_int_equal(kind, cases[i].kind);
	}
}

static void test_embeddings_usage(void **state)
{
	struct heard a;
	heard_init(&a, &dialect_openai_chat, OPERATION_EMBEDDINGS);
	heard_whole(&a, "{\"data\":[],\"model\":\"voyage-3\",\"usage\":{\"total_tokens\":8}}"); /* Voyage */
	assert_int_equal(a.reader.usage.input, 8);
	assert_string_equal(a.reader.model, "voyage-3");
	heard_done(&a);
}

/* xAI's total gives the reasoning away, Perplexity's does not (DIALECTS §4.4). Said twice it is counted once. */
static void test_output_without_reasoning(void **state)
{
	static const char *const reports[] = {
		"{\"choices\":[],\"usage\":{\"prompt_tokens\":133,\"completion_tokens\":10,\"total_tokens\":277,"
		"\"completion_tokens_details\":{\"reasoning_tokens\":134}}}",
		"{\"choices\":[],\"usage\":{\"prompt_tokens\":133,\"completion_tokens\":10,\"total_tokens\":143,"
		"\"reasoning_tokens\":134,\"num_search_queries\":2}}",
	};
	for (size_t i = 0; i < COUNT_OF(reports); i++) {
		struct heard a;
		heard_init(&a, &dialect_openai_chat, OPERATION_CHAT);
		a.reader.quirks = QUIRK_OUTPUT_EXCLUDES_REASONING;
		heard_data(&a, reports[i]);
		heard_data(&a, reports[i]);
		assert_int_equal(a.reader.usage.output, 144);
		assert_int_equal(a.reader.usage.output_reasoning, 134);
		assert_int_equal(a.reader.usage.web_searches, i == 1 ? 2 : -1);
		heard_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lifecycle_is_no_content),
		cmocka_unit_test(test_everything_said_is_content),
		cmocka_unit_test(test_finish_and_terminator),
		cmocka_unit_test(test_finish_without_a_word_is_content),
		cmocka_unit_test(test_empty_finish_is_none),
		cmocka_unit_test(test_every_choice_must_finish),
		cmocka_unit_test(test_done_without_finish),
		cmocka_unit_test(test_usage_only_chunk),
		cmocka_unit_test(test_empty_choices_are_not_always_usage),
		cmocka_unit_test(test_usage_member_is_cut_with_its_comma),
		cmocka_unit_test(test_broken_characters),
		cmocka_unit_test(test_nested_usage_is_left_alone),
		cmocka_unit_test(test_zero_usage_is_no_report),
		cmocka_unit_test(test_usage_is_cumulative),
		cmocka_unit_test(test_usage_dialects_of_providers),
		cmocka_unit_test(test_errors_in_the_stream),
		cmocka_unit_test(test_error_with_usage),
		cmocka_unit_test(test_null_error_is_none),
		cmocka_unit_test(test_malformed_events),
		cmocka_unit_test(test_text_completions),
		cmocka_unit_test(test_output_is_counted),
		cmocka_unit_test(test_whole_answers),
		cmocka_unit_test(test_whole_answers_that_are_none),
		cmocka_unit_test(test_embeddings_usage), cmocka_unit_test(test_output_without_reasoning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
