/* SPDX-License-Identifier: Apache-2.0 */
/* Estimates and prefix hashes over requests of every dialect. */
#include "dialect/dialect_test.h"

static int64_t estimate(const struct dialect *d, enum operation op, const char *body)
{
	struct request q = { .variant = false };
	assert_true(request_read(&q, d, op, body));
	int64_t tokens = dialect_estimate_prompt(d, &q.facts, op, TOKENS_UNSAID, &q.arena);
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

/* A message costs four tokens more than its text. */
#define TEN "abcd efgh "
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define TEXT HUNDRED HUNDRED HUNDRED HUNDRED
/* The head of a PNG of 1,024 × 512. */
#define PNG "iVBORw0KGgoAAAANSUhEUgAABAAAAAIACAYAAAA="

static void test_text(void **state)
{
	int64_t alone = estimate_text_tokens(TEXT, strlen(TEXT));

	assert_int_equal(alone, 80);
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_CHAT,
				  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" TEXT "\"}],"
				  "\"metadata\":{\"not\":\"counted\"}}"), alone + 4);
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_CHAT,
				  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\""
				  TEXT "\"}]}]}"), alone + 4);
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"" TEXT "\"}"), alone + 4);
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_EMBEDDINGS, "{\"model\":\"m\",\"input\":[[1,2,3],[4]]}"), 4);
	assert_int_equal(estimate(&dialect_openai_responses, OPERATION_CHAT,
				  "{\"model\":\"m\",\"input\":\"" TEXT "\",\"instructions\":\"" TEXT "\"}"), 2 * alone + 4);
	assert_int_equal(estimate(&dialect_anthropic, OPERATION_CHAT,
				  "{\"model\":\"m\",\"system\":\"" TEXT "\",\"messages\":[{\"role\":\"user\",\"content\":\"" TEXT "\"}]}"),
			 2 * alone + 4);
	assert_int_equal(estimate(&dialect_gemini, OPERATION_CHAT,
				  "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"" TEXT "\"}]}]}"), alone + 4);
}

/* The same tool costs the same in every dialect. */
static void test_tools(void **state)
{
#define SCHEMA "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\",\"description\":\"where it is\"}}}"
#define NAMED "\"name\":\"weather\",\"description\":\"tells the weather\","
	int64_t wanted = 20 + 2 + 4 + estimate_text_tokens(SCHEMA, strlen(SCHEMA));

	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_CHAT,
				  "{\"model\":\"m\",\"tools\":[{\"type\":\"function\",\"function\":{" NAMED "\"parameters\":" SCHEMA "}}]}"),
			 wanted);
	assert_int_equal(estimate(&dialect_openai_responses, OPERATION_CHAT,
				  "{\"model\":\"m\",\"tools\":[{\"type\":\"function\"," NAMED "\"parameters\":" SCHEMA "}]}"), wanted);
	assert_int_equal(estimate(&dialect_anthropic, OPERATION_CHAT,
				  "{\"model\":\"m\",\"tools\":[{" NAMED "\"input_schema\":" SCHEMA "}]}"), wanted);
	assert_int_equal(estimate(&dialect_gemini, OPERATION_CHAT,
				  "{\"tools\":[{\"functionDeclarations\":[{" NAMED "\"parameters\":" SCHEMA "}]}]}"), wanted);
	assert_int_equal(estimate(&dialect_bedrock, OPERATION_CHAT,
				  "{\"toolConfig\":{\"tools\":[{\"toolSpec\":{" NAMED "\"inputSchema\":{\"json\":" SCHEMA "}}}]}}"),
			 wanted);
	/* which one has to be called is no further tool */
	assert_int_equal(estimate(&dialect_bedrock, OPERATION_CHAT,
				  "{\"toolConfig\":{\"tools\":[{\"toolSpec\":{" NAMED "\"inputSchema\":{\"json\":" SCHEMA "}}}],"
				  "\"toolChoice\":{\"tool\":{\"name\":\"weather\"}}}}"),
			 wanted);
}

/* Calls and results, wherever they stand. */
static void test_calls(void **state)
{
	int64_t call = 10 + estimate_text_tokens("{\"a\":1}", 7) + 1, result = 10 + 1;

	assert_int_equal(estimate(&dialect_anthropic, OPERATION_CHAT,
				  "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"x\","
				  "\"name\":\"f\",\"input\":{\"a\":1}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
				  "\"tool_use_id\":\"x\",\"content\":\"good\"}]}]}"), 8 + call + result);
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_CHAT,
				  "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"x\",\"type\":\"function\","
				  "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"x\","
				  "\"content\":\"good\"}]}"), 8 + call + result);
}

static int64_t estimate_for(const struct dialect *d, enum token_family family, const char *body)
{
	struct request q = { .variant = false };

	assert_true(request_read(&q, d, OPERATION_CHAT, body));
	int64_t tokens = dialect_estimate_prompt(d, &q.facts, OPERATION_CHAT, family, &q.arena);
	arena_done(&q.arena);
	return tokens;
}

#define ANTHROPIC_PICTURE(source) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":" source "}]}]}"

static void test_media(void **state)
{
	static const char url[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
				  "\"image_url\":{\"url\":\"data:image/png;base64," PNG "\"}}]}]}";
	static const char low[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
				  "\"image_url\":{\"url\":\"data:image/png;base64," PNG "\",\"detail\":\"low\"}}]}]}";
	static const char own[] = ANTHROPIC_PICTURE("{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"" PNG "\"}");
	static const char afar[] = ANTHROPIC_PICTURE("{\"type\":\"url\",\"url\":\"https://x/y.png\"}");

	/* two tiles of 512 */
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_CHAT, url), 4 + 85 + 2 * 170);
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_CHAT, low), 4 + 85);
	assert_int_equal(estimate(&dialect_anthropic, OPERATION_CHAT, own), 4 + 85 + 2 * 170);
	/* nobody knows its size: as one of 1,024 × 1,024 */
	assert_int_equal(estimate(&dialect_anthropic, OPERATION_CHAT, afar), 4 + 85 + 4 * 170);
	/* the same picture, at different providers */
	assert_in_range(estimate_for(&dialect_openai_chat, TOKENS_ANTHROPIC, url), 1024 * 512 / 750, 1024 * 512 / 750 + 20);
	assert_in_range(estimate_for(&dialect_openai_chat, TOKENS_GEMINI, url), 7 * 258, 7 * 258 + 10);
	assert_int_equal(estimate(&dialect_gemini, OPERATION_CHAT,
				  "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"" PNG
				  "\"}}]}]}"), 4 + 85 + 2 * 170);
	/* documents go by their pages */
	assert_int_equal(estimate(&dialect_anthropic, OPERATION_CHAT,
				  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"source\":{"
				  "\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"" HUNDRED "\"}}]}]}"), 4 + 1000);
	assert_int_equal(estimate(&dialect_anthropic, OPERATION_CHAT,
				  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"source\":{"
				  "\"type\":\"url\",\"url\":\"https://x/y.pdf\"}}]}]}"), 2004);
}

/* Signatures are read again only until the user speaks. */
static void test_state_is_forgotten(void **state)
{
#define SIGNED "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"" TEXT "\"}]}"
	int64_t answered = estimate_for(&dialect_gemini, TOKENS_GEMINI_3,
					SIGNED ",{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{}}}]}]}");
	int64_t spoken = estimate_for(&dialect_gemini, TOKENS_GEMINI_3,
				      SIGNED ",{\"role\":\"user\",\"parts\":[{\"text\":\"go on\"}]}]}");

	assert_true(answered > spoken + 30);
	/* Instructions have a role, too, but nobody speaks in them. */
	int64_t instructed = estimate_for(&dialect_gemini, TOKENS_GEMINI_3,
					  SIGNED ",{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{}}}]}],"
					  "\"systemInstruction\":{\"role\":\"user\",\"parts\":[{\"text\":\"be kind\"}]}}");

	assert_in_range(instructed, answered, answered + 10);
}

/* Reasoning in words is told apart from what is said, in every dialect's place for it. */
static void test_thoughts(void **state)
{
	static const struct { const struct dialect *dialect; const char *body; } rows[] = {
		{ &dialect_openai_chat, "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"reasoning_content\":\"" TEXT "\"}]}" },
		{ &dialect_openai_chat, "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"reasoning_details\":[{"
					"\"type\":\"reasoning.summary\",\"format\":\"f\",\"summary\":\"" TEXT "\"}]}]}" },
		{ &dialect_openai_responses, "{\"model\":\"m\",\"input\":[{\"role\":\"assistant\",\"content\":\"\"},{\"type\":\"reasoning\","
					     "\"id\":\"rs_1\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"" TEXT "\"}]}]}" },
		{ &dialect_anthropic, "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
				      "\"thinking\":\"" TEXT "\",\"signature\":\"" TEXT "\"}]}]}" },
		{ &dialect_gemini, "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"thought\":true,\"text\":\"" TEXT "\"}]}]}" },
		{ &dialect_bedrock, "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"reasoningContent\":{\"reasoningText\":{"
				    "\"text\":\"" TEXT "\",\"signature\":\"" TEXT "\"}}}]}]}" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct request q = { .variant = false };
		struct prompt_parts parts;

		assert_true(request_read(&q, rows[i].dialect, OPERATION_CHAT, rows[i].body));
		rows[i].dialect->measure_prompt(&q.facts, OPERATION_CHAT, &q.arena, &parts);
		assert_int_equal(parts.count[FOUND_THOUGHTS], 80);
		assert_int_equal(parts.count[FOUND_TEXT], 0);
		assert_int_equal(estimate_tokens(&parts, TOKENS_UNSAID), 84);
		assert_int_equal(parts.count[FOUND_PAGES], 0);
		arena_done(&q.arena);
	}
}

/* Encrypted reasoning that OpenRouter calls "data" is no document. */
static void test_encrypted_data(void **state)
{
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_CHAT,
				  "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"reasoning_details\":[{"
				  "\"type\":\"reasoning.encrypted\",\"data\":\"" TEXT "\"}]}]}"), 4);
}

/* Gemini's members in either spelling. */
static void test_snake_case(void **state)
{
	int64_t camel = estimate(&dialect_gemini, OPERATION_CHAT,
				 "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{}}}]}],"
				 "\"tools\":[{\"functionDeclarations\":[{" NAMED "\"parametersJsonSchema\":" SCHEMA "}]}],"
				 "\"generationConfig\":{\"responseJsonSchema\":" SCHEMA "}}");
	int64_t snake = estimate(&dialect_gemini, OPERATION_CHAT,
				 "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"function_response\":{\"name\":\"f\",\"response\":{}}}]}],"
				 "\"tools\":[{\"function_declarations\":[{" NAMED "\"parameters_json_schema\":" SCHEMA "}]}],"
				 "\"generation_config\":{\"response_json_schema\":" SCHEMA "}}");

	assert_int_equal(camel, snake);
	assert_true(camel > 4 + 10 + 20 + 2 * 10);
	/* Its own kind of schema costs less than JSON Schema. */
	assert_true(estimate_for(&dialect_gemini, TOKENS_GEMINI,
				 "{\"tools\":[{\"functionDeclarations\":[{" NAMED "\"parameters\":" SCHEMA "}]}]}") <
		    estimate_for(&dialect_gemini, TOKENS_GEMINI,
				 "{\"tools\":[{\"functionDeclarations\":[{" NAMED "\"parametersJsonSchema\":" SCHEMA "}]}]}"));
}

/* Cohere's schema of an answer lies one member higher than OpenAI's. */
static void test_format(void **state)
{
	int64_t schema = estimate_text_tokens(SCHEMA, strlen(SCHEMA));

	assert_int_equal(estimate(&dialect_cohere, OPERATION_CHAT,
				  "{\"model\":\"m\",\"messages\":[],\"response_format\":{\"type\":\"json_object\",\"json_schema\":"
				  SCHEMA "}}"), schema);
	assert_int_equal(estimate(&dialect_openai_chat, OPERATION_CHAT,
				  "{\"model\":\"m\",\"messages\":[],\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
				  "{\"name\":\"n\",\"schema\":" SCHEMA "}}}"), schema);
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
		cmocka_unit_test(test_tools),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_state_is_forgotten),
		cmocka_unit_test(test_thoughts),
		cmocka_unit_test(test_encrypted_data),
		cmocka_unit_test(test_snake_case),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_prefix_stays_from_turn_to_turn),
		cmocka_unit_test(test_prefix_tells_conversations_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
