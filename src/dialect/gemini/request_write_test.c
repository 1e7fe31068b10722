/* SPDX-License-Identifier: Apache-2.0 */
/* generateContent requests through the hub and out again: own ones keep every member but foreign state, foreign ones are
 * told in the words that the target's rules and quirks allow. */
#include "dialect/dialect_test.h"

#include "llm/field.h"
#include "llm/state.h"

static const struct model_rules unknown, levels = { .reasoning = REASONING_LEVEL, .efforts = EFFORT_LOW | EFFORT_MEDIUM | EFFORT_HIGH,
						     .rejects = REJECTS_REASONING_OFF, .stop_max = 2, .temperature_max = 1.5 },
	budget = { .reasoning = REASONING_BUDGET, .budget_min = 128, .budget_max = 1000 },
	always_on = { .reasoning = REASONING_BUDGET, .budget_min = 128, .budget_max = 1000, .rejects = REJECTS_REASONING_OFF },
	absent = { .reasoning = REASONING_ABSENT }, toggle = { .reasoning = REASONING_TOGGLE },
	gemma = { .system_role = SYSTEM_AS_USER };

struct way {
	const struct dialect *from;    /* whose words `body` is in */
	const char *body;
	const char *expected;          /* NULL = the same */
	const struct model_rules *rules;
	uint64_t quirks, lossy;
};

struct written {
	struct request q;
	struct chat chat;
	struct names names;
	struct buf out;
	uint64_t lossy;
	struct chat_target target;
	bool ok;
};

static void written_done(struct written *w)
{
	buf_done(&w->out);
	arena_done(&w->q.arena);
}

static void opened(struct written *w, const struct dialect *from, enum operation op, const char *body)
{
	memset(w, 0, sizeof(*w));
	if (!request_read(&w->q, from, op, body) || !from->read_chat(&w->q.facts, op, &w->q.arena, &w->chat, &w->q.failure))
		fail_msg("%s: %s", body, w->q.failure.message);
	names_init(&w->names, &w->q.arena);
	buf_init(&w->out, 1 << 20);
	w->target = (struct chat_target){ .operation = op, .model = SLICE("own"), .provider = SLICE("google"), .rules = &unknown,
					  .names = &w->names, .rewritten_lossy = &w->lossy };
}

static void write_it(struct written *w)
{
	w->chat.fields = chat_fields(&w->chat);
	w->target.carried = field_judge(&w->chat, dialect_gemini.fields, DIALECT_GEMINI, w->target.rules, w->target.quirks).carried;
	w->ok = dialect_gemini.write_chat(&w->chat, &w->target, &w->q.arena, &w->out, &w->q.failure);
}

static void check_way(const struct way *way)
{
	struct written w;

	opened(&w, way->from ? way->from : &dialect_gemini, OPERATION_CHAT, way->body);
	if (way->rules)
		w.target.rules = way->rules;
	w.target.quirks = way->quirks;
	write_it(&w);
	if (!w.ok)
		fail_msg("%s: %s", way->body, w.q.failure.message);
	assert_slice(buf_slice(&w.out), way->expected ? way->expected : way->body);
	if (w.lossy != way->lossy)
		fail_msg("%s: lost %.*s", way->body, SLICE_ARG(field_list(w.lossy, &w.q.arena)));
	written_done(&w);
}

static void check_ways(const struct way *ways, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_way(&ways[i]);
}

#define USER(parts) "{\"role\":\"user\",\"parts\":[" parts "]}"
#define MODEL(parts) "{\"role\":\"model\",\"parts\":[" parts "]}"
#define TEXT(text) "{\"text\":\"" text "\"}"
#define HI "\"contents\":[" USER(TEXT("Hi")) "]"

static void test_own_requests_keep_everything(void **state)
{
	static const struct way ways[] = {
		{ .body = "{" HI "}" },
		{ .body = "{\"systemInstruction\":{\"parts\":[" TEXT("S") "],\"role\":\"user\"},\"generationConfig\":{\"responseModalities\":"
			  "[\"TEXT\"]}," HI "}" },
		{ .body = "{\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{\"type\":\"OBJECT\"},\"behavior\":"
			  "\"BLOCKING\"}]},{\"googleSearch\":{\"timeRangeFilter\":{}}},{\"googleMaps\":{}}],\"toolConfig\":{"
			  "\"functionCallingConfig\":{\"mode\":\"VALIDATED\",\"allowedFunctionNames\":[\"f\",\"g\"],"
			  "\"streamFunctionCallArguments\":true},\"retrievalConfig\":{\"languageCode\":\"de\"}}," HI "}" },
		{ .body = "{\"generationConfig\":{\"candidateCount\":2,\"maxOutputTokens\":9,\"temperature\":0.50,\"topP\":0.9,\"topK\":3,"
			  "\"presencePenalty\":1,\"frequencyPenalty\":-1,\"seed\":7,\"stopSequences\":[\"a\"],\"responseLogprobs\":true,"
			  "\"logprobs\":3,\"responseMimeType\":\"application/json\",\"thinkingConfig\":{\"thinkingLevel\":\"HIGH\","
			  "\"includeThoughts\":false,\"new\":1},\"responseSchema\":{\"type\":\"STRING\"},\"speechConfig\":{},"
			  "\"responseModalities\":[\"AUDIO\"]}," HI "}" },
		{ .body = "{\"generationConfig\":{\"responseMimeType\":\"text/x.enum\",\"responseSchema\":{\"enum\":[\"a\"]}}," HI "}" },
		{ .body = "{\"safetySettings\":[{\"category\":\"C\"}],\"cachedContent\":\"cachedContents/1\",\"tomorrow\":1,"
			  "\"serviceTier\":\"flex\",\"store\":false," HI "}" },
		{ .body = "{\"labels\":{\"a\":\"B\"}," HI "}", .quirks = QUIRK_VERTEX_BODY },
		{ .body = "{\"contents\":[" USER(TEXT("a") ",{\"inlineData\":{\"mimeType\":\"video/mp4\",\"data\":\"AA==\"},"
			  "\"videoMetadata\":{\"fps\":1}},{\"fileData\":{\"fileUri\":\"gs://b/c\"}}") ","
			  MODEL("{\"text\":\"t\",\"thought\":true}," TEXT("b") ",{\"text\":\"\",\"thoughtSignature\":\"QQ\"},"
				"{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\":1}},\"thoughtSignature\":\"Qg\"},"
				"{\"executableCode\":{\"code\":\"1\"}}") ","
			  USER("{\"functionResponse\":{\"name\":\"f\",\"response\":{\"temperature\":1},\"willContinue\":true}}") "]}" },
		{ .body = "{\"contents\":[{\"parts\":[{\"inline_data\":{\"mime_type\":\"image/png\",\"data\":\"AA\"}}]}],"
			  "\"system_instruction\":\"S\",\"generation_config\":{\"top_k\":1}}",
		  .expected = "{\"systemInstruction\":{\"parts\":[" TEXT("S") "]},\"generationConfig\":{\"topK\":1},\"contents\":["
			      USER("{\"inline_data\":{\"mime_type\":\"image/png\",\"data\":\"AA\"}}") "]}" },
	};

	check_ways(ways, COUNT_OF(ways));
}

/* Wrapped states come home or are left out. */
static void test_state_of_others_stays_out(void **state)
{
	struct arena a;
	char body[2048], expected[2048];
	struct slice home, away;

	arena_init(&a);
	home = state_wrap(SLICE("Qg"), SLICE("google"), DIALECT_GEMINI, &a);
	away = state_wrap(SLICE("sig"), SLICE("anthropic"), DIALECT_ANTHROPIC, &a);
	snprintf(body, sizeof(body), "{\"contents\":[" MODEL("{\"text\":\"hm\",\"thought\":true},{\"text\":\"\",\"thought\":true,"
		 "\"thoughtSignature\":\"%.*s\"},{\"functionCall\":{\"name\":\"f\"},\"thoughtSignature\":\"%.*s\"}") ","
		 MODEL("{\"functionCall\":{\"name\":\"g\"},\"thoughtSignature\":\"%.*s\"}") "," USER(TEXT("x")) "]}",
		 SLICE_ARG(away), SLICE_ARG(away), SLICE_ARG(home));
	snprintf(expected, sizeof(expected), "{\"contents\":["
		 MODEL("{\"functionCall\":{\"name\":\"f\"},\"thoughtSignature\":\"skip_thought_signature_validator\"}") ","
		 MODEL("{\"functionCall\":{\"name\":\"g\"},\"thoughtSignature\":\"Qg\"}") "," USER(TEXT("x")) "]}");
	check_way(&(struct way){ .body = body, .expected = expected, .rules = &levels });
	arena_done(&a);
}

#define CHAT(messages) "{\"model\":\"m\",\"messages\":[" messages "]"
#define ASKED "{\"role\":\"user\",\"content\":\"Hi\"}"

static void test_conversations_of_others(void **state)
{
	static const char calls[] = CHAT("{\"role\":\"system\",\"content\":\"S\"}," ASKED ",{\"role\":\"assistant\",\"tool_calls\":["
		"{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}},"
		"{\"id\":\"2\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"oops\"}}]},"
		"{\"role\":\"tool\",\"tool_call_id\":\"2\",\"content\":\"two\"},{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"one\"},"
		"{\"role\":\"system\",\"content\":\"L\"},{\"role\":\"user\",\"content\":\"go\"}") "}";
	static const char result[] = "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":"
		"\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":["
		"{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"is_error\":true,\"content\":[{\"type\":\"text\",\"text\":\"no\"},"
		"{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AA==\"}}]}]}]}";
	static const struct way ways[] = {
		{ &dialect_openai_chat, CHAT(ASKED) "}", "{" HI "}" },
		{ &dialect_openai_chat, CHAT("{\"role\":\"system\",\"content\":\"S\"}," ASKED) "}",
		  "{\"contents\":[" USER(TEXT("S") "," TEXT("Hi")) "]}", &gemma },
		{ &dialect_openai_chat, CHAT("{\"role\":\"assistant\",\"content\":\"A\"}") "}",
		  "{\"contents\":[" USER(TEXT("Begin.")) "," MODEL(TEXT("A")) "]}" },
		{ &dialect_openai_chat, calls,
		  "{\"systemInstruction\":{\"parts\":[" TEXT("S") "]},\"contents\":[" USER(TEXT("Hi")) ","
		  MODEL("{\"functionCall\":{\"id\":\"1\",\"name\":\"f\",\"args\":{\"x\":1}},\"thoughtSignature\":"
			"\"skip_thought_signature_validator\"},{\"functionCall\":{\"id\":\"2\",\"name\":\"f\",\"args\":{\"_raw\":\"oops\"}}}") ","
		  USER("{\"functionResponse\":{\"id\":\"1\",\"name\":\"f\",\"response\":{\"output\":\"one\"}}},"
		       "{\"functionResponse\":{\"id\":\"2\",\"name\":\"f\",\"response\":{\"output\":\"two\"}}},"
		       TEXT("<system-reminder>\\nL\\n</system-reminder>") "," TEXT("go")) "]}", &levels },
		{ &dialect_openai_chat, calls,
		  "{\"systemInstruction\":{\"parts\":[" TEXT("S") "]},\"contents\":[" USER(TEXT("Hi")) ","
		  MODEL("{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\":1}}},{\"functionCall\":{\"name\":\"f\",\"args\":{\"_raw\":\"oops\"}}}") ","
		  USER("{\"functionResponse\":{\"name\":\"f\",\"response\":{\"output\":\"one\"}}},"
		       "{\"functionResponse\":{\"name\":\"f\",\"response\":{\"output\":\"two\"}}},"
		       TEXT("<system-reminder>\\nL\\n</system-reminder>") "," TEXT("go")) "]}", &unknown, QUIRK_NO_FUNCTION_CALL_ID },
		{ &dialect_anthropic, result,
		  "{\"generationConfig\":{\"maxOutputTokens\":9},\"contents\":[" USER(TEXT("Hi")) ","
		  MODEL("{\"functionCall\":{\"id\":\"1\",\"name\":\"f\",\"args\":{}}}") ","
		  USER("{\"functionResponse\":{\"id\":\"1\",\"name\":\"f\",\"response\":{\"error\":\"no\"}}},"
		       "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA==\"}}") "]}" },
		{ &dialect_anthropic, result,
		  "{\"generationConfig\":{\"maxOutputTokens\":9},\"contents\":[" USER(TEXT("Hi")) ","
		  MODEL("{\"functionCall\":{\"id\":\"1\",\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"skip_thought_signature_validator\"}") ","
		  USER("{\"functionResponse\":{\"id\":\"1\",\"name\":\"f\",\"response\":{\"error\":\"no\"},\"parts\":[{\"inlineData\":"
		       "{\"mimeType\":\"image/png\",\"data\":\"AA==\"}}]}}") "]}", &levels },
		{ &dialect_openai_chat, CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/a.webp\"}},"
		  "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\",\"format\":\"mp3\"}}]}") "}",
		  "{\"contents\":[" USER("{\"fileData\":{\"mimeType\":\"image/webp\",\"fileUri\":\"https://x/a.webp\"}},"
		  "{\"inlineData\":{\"mimeType\":\"audio/mpeg\",\"data\":\"AA==\"}}") "]}" },
	};

	check_ways(ways, COUNT_OF(ways));
}

#define CONFIG(config) "{\"generationConfig\":{" config "}," HI "}"

static void test_settings_of_others(void **state)
{
	static const struct way ways[] = {
		{ &dialect_openai_chat, CHAT(ASKED) ",\"temperature\":3,\"top_p\":0.5,\"seed\":5,\"stop\":[\"a\",\"b\"],\"n\":2,\"logprobs\":true,"
		  "\"top_logprobs\":4}", CONFIG("\"candidateCount\":2,\"temperature\":1.5,\"topP\":0.5,\"seed\":5,\"stopSequences\":[\"a\",\"b\"],"
		  "\"responseLogprobs\":true,\"logprobs\":4"), &levels, 0, FIELD_TEMPERATURE },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"seed\":9007199254740993}", "{" HI "}", &unknown, 0, FIELD_SEED },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"response_format\":{\"type\":\"json_object\"}}",
		  CONFIG("\"responseMimeType\":\"application/json\"") },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":"
		  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}}}}",
		  CONFIG("\"responseMimeType\":\"application/json\",\"responseJsonSchema\":{\"type\":\"object\",\"properties\":{\"a\":"
			 "{\"type\":\"string\"}}}") },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"reasoning_effort\":\"low\"}",
		  CONFIG("\"thinkingConfig\":{\"thinkingLevel\":\"LOW\",\"includeThoughts\":true}"), &levels },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"reasoning_effort\":\"xhigh\"}",
		  CONFIG("\"thinkingConfig\":{\"thinkingLevel\":\"HIGH\",\"includeThoughts\":true}"), &levels, 0, FIELD_REASONING },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"reasoning_effort\":\"none\"}", CONFIG("\"thinkingConfig\":{\"thinkingLevel\":\"LOW\"}"),
		  &levels, 0, FIELD_REASONING },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"reasoning_effort\":\"none\"}", CONFIG("\"thinkingConfig\":{\"thinkingBudget\":0}"), &budget },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"reasoning_effort\":\"none\"}", CONFIG("\"thinkingConfig\":{\"thinkingBudget\":128}"),
		  &always_on, 0, FIELD_REASONING },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"reasoning_effort\":\"none\"}", CONFIG("\"thinkingConfig\":{\"thinkingLevel\":\"MINIMAL\"}"),
		  &toggle },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"reasoning_effort\":\"high\"}", "{" HI "}", &absent },
		{ &dialect_anthropic, "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[" ASKED "],\"thinking\":{\"type\":\"enabled\","
		  "\"budget_tokens\":2048}}", CONFIG("\"maxOutputTokens\":9,\"thinkingConfig\":{\"thinkingBudget\":1000,\"includeThoughts\":true}"),
		  &budget, 0, FIELD_REASONING },
		{ .body = CONFIG("\"thinkingConfig\":{\"thinkingBudget\":-1}"), .rules = &budget },
		{ .body = CONFIG("\"thinkingConfig\":{\"includeThoughts\":true}"), .rules = &levels },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"metadata\":{\"team\":\"a\",\"Bad Key\":\"x\"},\"user\":\"u1\",\"service_tier\":\"flex\"}",
		  "{\"labels\":{\"team\":\"a\",\"safety_identifier\":\"u1\"}," HI "}", &unknown, QUIRK_VERTEX_BODY,
		  FIELD_METADATA | FIELD_SERVICE_TIER },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"metadata\":{\"team\":\"a\"},\"user\":\"u1\",\"service_tier\":\"default\"}",
		  "{\"serviceTier\":\"standard\"," HI "}", &unknown, 0, FIELD_METADATA | FIELD_USER },
	};

	check_ways(ways, COUNT_OF(ways));
}

#define TOOL(name, more) "{\"type\":\"function\",\"function\":{\"name\":\"" name "\"" more "}}"
#define FUNCTIONS(functions) "\"tools\":[{\"functionDeclarations\":[" functions "]}]"
#define CALLING(config) ",\"toolConfig\":{\"functionCallingConfig\":{" config "}}," HI "}"

static void test_tools_of_others(void **state)
{
	static const struct way ways[] = {
		{ &dialect_openai_chat, CHAT(ASKED) ",\"tools\":[" TOOL("f", ",\"parameters\":{\"type\":\"object\",\"properties\":{}}") "]}",
		  "{" FUNCTIONS("{\"name\":\"f\"}") "," HI "}" },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"tools\":[" TOOL("f", ",\"description\":\"d\",\"parameters\":{\"type\":\"object\","
		  "\"properties\":{\"a\":{\"type\":\"string\"}}}") "],\"tool_choice\":\"required\"}",
		  "{" FUNCTIONS("{\"name\":\"f\",\"description\":\"d\",\"parametersJsonSchema\":{\"type\":\"object\",\"properties\":{\"a\":"
		  "{\"type\":\"string\"}}}}") CALLING("\"mode\":\"ANY\"") },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"tools\":[" TOOL("f", "") "," TOOL("g", "") "],\"tool_choice\":{\"type\":\"function\","
		  "\"function\":{\"name\":\"g\"}}}",
		  "{" FUNCTIONS("{\"name\":\"f\"},{\"name\":\"g\"}") CALLING("\"mode\":\"ANY\",\"allowedFunctionNames\":[\"g\"]") },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"tools\":[" TOOL("f", "") "],\"tool_choice\":\"none\"}",
		  "{" FUNCTIONS("{\"name\":\"f\"}") CALLING("\"mode\":\"NONE\"") },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"tools\":[" TOOL("f", ",\"strict\":true") "]}",
		  "{" FUNCTIONS("{\"name\":\"f\"}") CALLING("\"mode\":\"VALIDATED\"") },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"tools\":[" TOOL("f", ",\"strict\":true") "," TOOL("g", "") "]}",
		  "{" FUNCTIONS("{\"name\":\"f\"},{\"name\":\"g\"}") "," HI "}", &unknown, 0, FIELD_TOOL_STRICT },
		{ &dialect_openai_chat, CHAT(ASKED) ",\"tools\":[" TOOL("f", "") "," TOOL("g", "") "],\"tool_choice\":{\"type\":\"allowed_tools\","
		  "\"allowed_tools\":{\"mode\":\"auto\",\"tools\":[" TOOL("f", "") "]}}}",
		  "{" FUNCTIONS("{\"name\":\"f\"},{\"name\":\"g\"}") CALLING("\"mode\":\"VALIDATED\",\"allowedFunctionNames\":[\"f\"]") },
		{ &dialect_anthropic, "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[" ASKED "],\"tools\":[{\"type\":\"web_search_20250305\","
		  "\"name\":\"web_search\"}]}", "{\"tools\":[{\"googleSearch\":{}}],\"generationConfig\":{\"maxOutputTokens\":9}," HI "}" },
	};

	check_ways(ways, COUNT_OF(ways));
}

static void assert_counts(const struct dialect *from, const char *body, uint64_t quirks, const char *expected)
{
	struct written w;

	opened(&w, from, OPERATION_COUNT_TOKENS, body);
	w.target.quirks = quirks;
	write_it(&w);
	assert_true(w.ok);
	assert_slice(buf_slice(&w.out), expected);
	written_done(&w);
}

static void test_counts(void **state)
{
	static const char whole[] = "{\"generateContentRequest\":{\"model\":\"models/own\",\"systemInstruction\":{\"parts\":[" TEXT("S") "]}," HI "}}";

	assert_counts(&dialect_gemini, "{" HI "}", 0, "{\"generateContentRequest\":{\"model\":\"models/own\"," HI "}}");
	assert_counts(&dialect_gemini, whole, 0, whole);
	assert_counts(&dialect_gemini, whole, QUIRK_VERTEX_BODY, "{\"systemInstruction\":{\"parts\":[" TEXT("S") "]}," HI "}");
	assert_counts(&dialect_anthropic, "{\"model\":\"m\",\"system\":\"S\",\"messages\":[" ASKED "]}", 0, whole);
}

static void test_what_cannot_be_written(void **state)
{
	static const char *const bodies[] = {
		CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"s3://b/c.png\"}}]}") "}",
	};

	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct written w;

		opened(&w, &dialect_openai_chat, OPERATION_CHAT, bodies[i]);
		write_it(&w);
		assert_false(w.ok);
		assert_int_equal(w.q.failure.kind, FAILURE_REQUEST);
		assert_true(w.q.failure.message[0] != '\0');
		written_done(&w);
	}
}

static void test_what_cannot_be_read(void **state)
{
	static const struct { const char *body, *word; } ways[] = {
		{ "{}", "contents must be an array" },
		{ "{\"contents\":[]}", "contents must be an array" },
		{ "{\"contents\":[{\"role\":\"assistant\",\"parts\":[]}]}", "contents[0].role must be" },
		{ "{\"contents\":[{\"parts\":[1]}]}", "contents[0].parts: each part" },
		{ "{\"contents\":[{\"parts\":[{\"functionCall\":{}}]}]}", "needs the name" },
		{ "{" HI ",\"tools\":1}", "tools must be an array" },
		{ "{" HI ",\"tools\":[{\"functionDeclarations\":[{}]}]}", "with a name" },
		{ "{" HI ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"SOME\"}}}", "must be AUTO, ANY, NONE or VALIDATED" },
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		struct request q = { 0 };
		struct chat c;

		assert_true(request_read(&q, &dialect_gemini, OPERATION_CHAT, ways[i].body));
		assert_false(dialect_gemini.read_chat(&q.facts, OPERATION_CHAT, &q.arena, &c, &q.failure));
		assert_int_equal(q.failure.kind, FAILURE_BAD_REQUEST);
		if (!strstr(q.failure.message, ways[i].word))
			fail_msg("%s: %s", ways[i].body, q.failure.message);
		arena_done(&q.arena);
	}
}

static void test_what_is_read(void **state)
{
	struct written w;

	opened(&w, &dialect_gemini, OPERATION_CHAT, "{\"contents\":[" MODEL("{\"functionCall\":{\"name\":\"f\"}}") ","
	       USER("{\"functionResponse\":{\"name\":\"f\",\"response\":{\"error\":\"no\"}}}") "],\"toolConfig\":{\"functionCallingConfig\":"
	       "{\"mode\":2,\"allowedFunctionNames\":[\"f\"]}},\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":0}}}");
	assert_int_equal(w.chat.choice.mode, CHOICE_NAMED);
	assert_slice(w.chat.choice.name, "f");
	assert_int_equal(w.chat.reasoning.wish, REASONING_OFF);
	const struct tool_result *r = w.chat.turns->next->parts->result;
	assert_true(r->is_error);
	assert_slice(r->parts->text, "no");
	assert_slice(r->id, "call_0_0");
	assert_slice(w.chat.turns->parts->call->id, "call_0_0");
	written_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_requests_keep_everything),
		cmocka_unit_test(test_state_of_others_stays_out),
		cmocka_unit_test(test_conversations_of_others),
		cmocka_unit_test(test_settings_of_others),
		cmocka_unit_test(test_tools_of_others),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_what_cannot_be_written),
		cmocka_unit_test(test_what_cannot_be_read),
		cmocka_unit_test(test_what_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
