/* SPDX-License-Identifier: Apache-2.0 */
/* Estimates and prefix hashes over requests of every dialect. */
#include "dialect/dialect_test.h"

static int64_t estimate(const struct dialect *d, enum operation op, const char *body)
{
	struct request q = { .variant = false };
	assert_true(request_read(&q, d, op, body));
	int64_t tokens = d->estimate_prompt(&q.facts, op, &q.arena);
	arena_done(&q.arena);
	return tokens;
}

static uint64_t prefix(const struct dialect *d, const char *body)
{
	struct request q = { .variant = false };
	assert_true(request_read(&q, d, OPERATION_CHAT, body));
	uint64_t hash = d->prefix_hash(&q.facts, OPERATION_CHAT, &q.arena);
	arena_done(&q.arena);
	return hash;
}

static void assert_same(const struct dialect *d, const char *a, const char *b)
{
	assert_true(prefix(d, a) == prefix(d, b));
}

static void assert_differ(const struct dialect *d, const char *a, const char *b)
{
	assert_true(prefix(d, a) != prefix(d, b));
}

/* 400 characters are about 100 tokens; a message costs four more. */
#define TEN "abcd efgh "
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define TEXT HUNDRED HUNDRED HUNDRED HUNDRED

static void test_text(void **state)
{
	int64_t alone = estimate_text_tokens(TEXT, strlen(TEXT));
	assert_in_range(alone, 80, 130);
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" TEXT "\"}],"
				  "\"metadata\":{\"not\":\"counted\"}}"), alone + 4);
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
				  "\"text\",\"text\":\"" TEXT "\"}]}]}"), alone + 4);
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"" TEXT "\"}"), alone);
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_EMBEDDINGS, "{\"model\":\"m\",\"input\":[[1,2,3],[4]]}"), 4);
	assert_int_equal(estimate(&dialect_openai_responses, OPERATION_CHAT,
				  "{\"model\":\"m\",\"input\":\"" TEXT "\",\"instructions\":\"" TEXT "\"}"), 2 * alone);
	assert_int_equal(estimate(&dialect_anthropic, OPERATION_CHAT, "{\"model\":\"m\",\"system\":\"" TEXT "\",\"messages\":[{\"role\":\"user\","
				  "\"content\":\"" TEXT "\"}]}"), 2 * alone + 4);
	assert_int_equal(estimate(&dialect_gemini, OPERATION_CHAT, "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"" TEXT "\"}]}]}"), alone + 4);
}

static void test_tools_count_as_json(void **state)
{
	const char *tool = "[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]";
	assert_int_equal(estimate(&dialect_anthropic, OPERATION_CHAT,
				  "{\"model\":\"m\",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]}"),
			 estimate_text_tokens(tool, strlen(tool)));
}

static void test_media(void **state)
{
	/* a picture is a picture, however it is sent and however large */
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_CHAT,
				  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
				  "\"image_url\":{\"url\":\"data:image/png;base64," TEXT "\"}}]}]}"), 1004);
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_CHAT,
				  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
				  "\"image_url\":{\"url\":\"https://x/y.png\",\"detail\":\"high\"}}]}]}"), 1004);
	assert_int_equal(estimate(&dialect_openai_responses, OPERATION_CHAT, "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":"
				  "\"input_image\",\"image_url\":\"https://x/y.png\"}]}]}"), 1004);
	assert_int_equal(estimate(&dialect_anthropic, OPERATION_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\","
				  "\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"" TEXT "\"}}]}]}"), 1004);
	assert_int_equal(estimate(&dialect_gemini, OPERATION_CHAT, "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\","
				  "\"data\":\"" TEXT "\"}}]}]}"), 1004);
	/* documents go by size, those that lie elsewhere by a constant */
	assert_int_equal(estimate(&dialect_anthropic, OPERATION_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\","
				  "\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"" TEXT "\"}}]}]}"), 4 + 300 / 30 + 1);
	assert_int_equal(estimate(&dialect_anthropic, OPERATION_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\","
				  "\"source\":{\"type\":\"url\",\"url\":\"https://x/y.pdf\"}}]}]}"), 2004);
}

static void test_prefix_stays_from_turn_to_turn(void **state)
{
	assert_same(&dialect_openai_chat,
		    "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"a\"}]}",
		    "{\"model\":\"other\",\"temperature\":1,\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"a\"},"
		    "{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":\"c\"}]}");
	assert_same(&dialect_anthropic,
		    "{\"model\":\"m\",\"system\":\"s\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\","
		    "\"cache_control\":{\"type\":\"ephemeral\"}}]}]}",
		    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]},{\"role\":\"assistant\","
		    "\"content\":\"b\"}],\"system\":\"s\"}");
	assert_same(&dialect_gemini, "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]}]}",
		    "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]},{\"role\":\"model\",\"parts\":[]}]}");
	assert_same(&dialect_openai_responses, "{\"model\":\"m\",\"conversation\":\"c\",\"input\":\"a\"}",
		    "{\"model\":\"m\",\"conversation\":\"c\",\"input\":\"b\"}");
}

static void test_prefix_tells_conversations_apart(void **state)
{
	assert_differ(&dialect_openai_chat, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
		      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"b\"}]}");
	assert_differ(&dialect_openai_chat, "{\"model\":\"m\",\"tools\":[{}],\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
		      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}");
	assert_differ(&dialect_openai_responses, "{\"model\":\"m\",\"input\":\"a\"}", "{\"model\":\"m\",\"input\":\"b\"}");
	assert_differ(&dialect_openai_responses, "{\"model\":\"m\",\"input\":\"0123456789abcdef\"}", "{\"model\":\"m\",\"input\":\"0123456789abcdeg\"}");
	assert_differ(&dialect_anthropic, "{\"model\":\"m\",\"system\":\"s\",\"messages\":[]}", "{\"model\":\"m\",\"system\":\"t\",\"messages\":[]}");
	assert_differ(&dialect_gemini, "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}]}", "{\"contents\":[{\"parts\":[{\"text\":\"b\"}]}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_tools_count_as_json),
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_prefix_stays_from_turn_to_turn),
		cmocka_unit_test(test_prefix_tells_conversations_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
