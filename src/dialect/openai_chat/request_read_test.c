/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of chat completion requests, and that edits change nothing else. */
#include "dialect/dialect_test.h"


static void assert_refused(const char *body, const char *param)
{
	struct request q = { .variant = false };
	assert_false(request_read(&q, &dialect_openai_chat, OPERATION_CHAT, body));
	assert_int_equal(q.failure.kind, FAILURE_BAD_REQUEST);
	assert_string_equal(q.failure.param, param);
	assert_string_not_equal(q.failure.message, "");
	arena_done(&q.arena);
}

static void test_what_is_refused(void **state)
{
	assert_refused("[]", "");
	assert_refused("\"text\"", "");
	assert_refused("{}", "model");
	assert_refused("{\"model\":null}", "model");
	assert_refused("{\"model\":7}", "model");
	assert_refused("{\"model\":\"\"}", "model");
	assert_refused("{\"model\":\"a\\u0000b\"}", "model");
	assert_refused("{\"model\":\"a\",\"model\":\"b\"}", "model");
	assert_refused("{\"model\":\"a\",\"m\\u006fdel\":\"b\"}", "model");
	assert_refused("{\"model\":\"a\",\"stream\":\"true\"}", "stream");
	assert_refused("{\"model\":\"a\",\"stream\":1}", "stream");
	assert_refused("{\"model\":\"a\",\"stream\":true,\"str\\u0065am\":false}", "stream");
	assert_refused("{\"model\":\"a\",\"stream_options\":{},\"stream_options\":{}}", "stream_options");
}

static void test_what_is_read(void **state)
{
	struct request q = { .variant = false };
	assert_true(request_read(&q, &dialect_openai_chat, OPERATION_CHAT,
				 "{\"model\":\"gpt\\u002d5\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
				 "\"max_tokens\":5,\"max_completion_tokens\":7,\"user\":\"u\"}"));
	assert_slice(q.facts.model, "gpt-5");
	assert_true(q.facts.stream);
	assert_true(q.facts.usage_asked);
	assert_int_equal(q.facts.max_output, 7);
	assert_slice(q.facts.user, "u");
	assert_int_equal(q.facts.needs, 0);
	arena_done(&q.arena);

	assert_true(request_read(&q, &dialect_openai_chat, OPERATION_CHAT, "{\"model\":\"m\",\"stream\":null,\"max_tokens\":-1}"));
	assert_false(q.facts.stream);
	assert_int_equal(q.facts.max_output, -1);
	arena_done(&q.arena);

	assert_true(request_read(&q, &dialect_openai_chat, OPERATION_EMBEDDINGS, "{\"model\":\"m\",\"stream\":true}"));
	assert_false(q.facts.stream);
	arena_done(&q.arena);
}

static void assert_needs(const char *members, unsigned needs)
{
	struct request q = { .variant = false };
	char body[512];
	snprintf(body, sizeof(body), "{\"model\":\"m\",%s}", members);
	assert_true(request_read(&q, &dialect_openai_chat, OPERATION_CHAT, body));
	assert_int_equal(q.facts.needs, needs);
	arena_done(&q.arena);
}

static void test_needs(void **state)
{
	assert_needs("\"tools\":[{}]", NEEDS_TOOLS);
	assert_needs("\"tools\":[]", 0);
	assert_needs("\"functions\":[{}]", NEEDS_TOOLS);
	assert_needs("\"response_format\":{\"type\":\"json_schema\"}", NEEDS_STRUCTURED_OUTPUT);
	assert_needs("\"response_format\":{\"type\":\"text\"}", 0);
	assert_needs("\"reasoning_effort\":\"low\"", NEEDS_REASONING);
	assert_needs("\"reasoning_effort\":\"none\"", 0);
	assert_needs("\"modalities\":[\"text\",\"audio\"]", NEEDS_AUDIO);
	assert_needs("\"messages\":[{\"role\":\"user\",\"content\":\"image_url\"}]", 0);
	assert_needs("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"},{\"type\":\"input_audio\"}]}]",
		     NEEDS_IMAGES | NEEDS_AUDIO);
	assert_needs("\"messages\":[{\"content\":[{\"type\":\"file\",\"file\":{\"file_data\":\"x\"}}]}]", NEEDS_DOCUMENTS);
	assert_needs("\"messages\":[{\"content\":[{\"type\":\"file\",\"file\":{\"file_id\":\"x\"}}]}]", NEEDS_DOCUMENTS | NEEDS_STATE);
}

static void assert_edited(enum operation op, const char *body, const char *model, bool ask, const char *expected)
{
	struct request q = { .variant = false };
	struct splice splice;
	struct request_edits want = { .model = slice_cstr(model), .ask_usage = ask };
	assert_true(request_read(&q, &dialect_openai_chat, op, body));
	splice_init(&splice, q.facts.doc.text);
	assert_true(dialect_openai_chat.edit_request(&q.facts, op, &want, &splice, &q.arena));
	assert_slice(splice_flatten(&splice, &q.arena), expected);
	arena_done(&q.arena);
}

static void test_edits_change_nothing_else(void **state)
{
	const enum operation chat = OPERATION_CHAT;
	assert_edited(chat, "{ \"a\" : 1.0, \"model\":\"m\" , \"b\":\"\\/<\\ud83d\\ude00\" }", "m", false,
		      "{ \"a\" : 1.0, \"model\":\"m\" , \"b\":\"\\/<\\ud83d\\ude00\" }");
	assert_edited(chat, "{ \"a\" : 1.0, \"model\":\"m\" , \"b\":9007199254740993 }", "x/\"y\"", false,
		      "{ \"a\" : 1.0, \"model\":\"x/\\\"y\\\"\" , \"b\":9007199254740993 }");
	/* the same name in other letters is no edit */
	assert_edited(chat, "{\"model\":\"gpt\\u002d5\"}", "gpt-5", false, "{\"model\":\"gpt\\u002d5\"}");
}

static void test_asking_for_usage(void **state)
{
	const enum operation chat = OPERATION_CHAT;
	assert_edited(chat, "{\"model\":\"m\",\"stream\":true}", "m", true,
		      "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	assert_edited(chat, "{\"stream\":true,\"stream_options\":{\"include_usage\":false, \"x\":1},\"model\":\"m\"}", "n", true,
		      "{\"stream\":true,\"stream_options\":{\"include_usage\":true, \"x\":1},\"model\":\"n\"}");
	assert_edited(chat, "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_obfuscation\":false}}", "m", true,
		      "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_obfuscation\":false,\"include_usage\":true}}");
	assert_edited(chat, "{\"model\":\"m\",\"stream\":true,\"stream_options\":null}", "m", true,
		      "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	assert_edited(chat, "{\"model\":\"m\",\"stream\":true,\"stream_options\":{}}", "m", true,
		      "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	assert_edited(chat, "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}", "m", true,
		      "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	assert_edited(chat, "{\"model\":\"m\",\"stream\":true,\"stream_options\":7}", "m", true,
		      "{\"model\":\"m\",\"stream\":true,\"stream_options\":7}");
	/* only streams, and only of operations that have one */
	assert_edited(chat, "{\"model\":\"m\",\"stream\":false}", "m", true, "{\"model\":\"m\",\"stream\":false}");
	assert_edited(OPERATION_EMBEDDINGS, "{\"model\":\"m\",\"stream\":true}", "m", true, "{\"model\":\"m\",\"stream\":true}");
	assert_edited(OPERATION_COMPLETIONS, "{\"model\":\"m\",\"stream\":true}", "m", true,
		      "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
}

static void test_paths(void **state)
{
	struct arena a;
	arena_init(&a);
	assert_slice(dialect_openai_chat.request_path(&(struct request_route){ .operation = OPERATION_CHAT, .stream = true }, &a), "/chat/completions");
	assert_slice(dialect_openai_chat.request_path(
			     &(struct request_route){ .operation = OPERATION_COMPLETIONS, .query = SLICE("a=b") }, &a),
		     "/completions?a=b");
	assert_slice(dialect_openai_chat.request_path(
			     &(struct request_route){ .operation = OPERATION_EMBEDDINGS, .query = SLICE("?a=b") }, &a),
		     "/embeddings?a=b");
	assert_null(dialect_openai_chat.request_path(&(struct request_route){ .operation = OPERATION_COMPACT }, &a).ptr);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_what_is_read),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_edits_change_nothing_else),
		cmocka_unit_test(test_asking_for_usage),
		cmocka_unit_test(test_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
