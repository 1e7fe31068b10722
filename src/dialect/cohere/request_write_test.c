/* SPDX-License-Identifier: Apache-2.0 */
/* Requests through the hub: Cohere's own keep everything, others' are told in its words, and the table of fields says what
 * the code does. */
#include "dialect/translation_test.h"

#define OWN &dialect_cohere, &dialect_cohere
#define CHAT &dialect_openai_chat
#define MESSAGE &dialect_anthropic
#define ASKED "{\"role\":\"user\",\"content\":\"Hi\"}"
#define FROM(members) "{\"model\":\"m\",\"messages\":[" ASKED "]," members "}"
#define TO(members) "{\"model\":\"own\",\"messages\":[" ASKED "]," members "}"

static void test_own_requests_keep_everything(void **state)
{
	static const struct way_there ways[] = {
		{ OWN, "{\"model\":\"m\",\"messages\":[" ASKED "]}", TO("\"stream\":false") },
		{ OWN, FROM("\"response_format\":{\"type\":\"json_object\",\"json_schema\":{\"type\":\"object\", \"x\":1}},\"max_tokens\":5,"
			    "\"temperature\":0.30,\"p\":1,\"k\":600,\"frequency_penalty\":2,\"presence_penalty\":0,\"seed\":1,"
			    "\"stop_sequences\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"],\"logprobs\":true,\"thinking\":{\"type\":\"enabled\","
			    "\"token_budget\":9},\"documents\":[\"d\"],\"citation_options\":{\"mode\":\"FAST\"},\"safety_mode\":\"OFF\","
			    "\"priority\":3,\"extra\":1,\"stream\":true"),
		  TO("\"response_format\":{\"type\":\"json_object\",\"json_schema\":{\"type\":\"object\", \"x\":1}},\"max_tokens\":5,"
		     "\"temperature\":0.30,\"p\":1,\"k\":600,\"frequency_penalty\":2,\"presence_penalty\":0,\"seed\":1,"
		     "\"stop_sequences\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"],\"logprobs\":true,\"thinking\":{\"type\":\"enabled\","
		     "\"token_budget\":9},\"documents\":[\"d\"],\"citation_options\":{\"mode\":\"FAST\"},\"safety_mode\":\"OFF\","
		     "\"priority\":3,\"extra\":1,\"stream\":true") },
		{ OWN, "{\"model\":\"m\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"a\": 1}}}],"
		       "\"strict_tools\":true,\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":["
		       "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\",\"detail\":\"low\"}}]},"
		       "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\"},{\"type\":\"text\",\"text\":\"b\"}],"
		       "\"tool_plan\":\"p\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
		       "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":[{\"type\":\"document\",\"document\":{\"data\":{\"o\": 6}}}]}],"
		       "\"tool_choice\":\"REQUIRED\",\"stream\":false}",
		  "{\"model\":\"own\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"a\": 1}}}],"
		  "\"strict_tools\":true,\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":["
		  "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\",\"detail\":\"low\"}}]},"
		  "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\"},{\"type\":\"text\",\"text\":\"b\"}],"
		  "\"tool_plan\":\"p\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
		  "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":[{\"type\":\"document\",\"document\":{\"data\":{\"o\": 6}}}]}],"
		  "\"tool_choice\":\"REQUIRED\",\"stream\":false}" },
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		check_way_there(&ways[i]);
}

/* Documents that are empty say nothing; what stands in results is text elsewhere. */
static void test_for_others(void **state)
{
	static const struct way_there ways[] = {
		{ &dialect_cohere, CHAT, FROM("\"documents\":[\"d\"]"), .holds = "<document title=\\\"document\\\">\\nd\\n</document>" },
		{ &dialect_cohere, CHAT, FROM("\"documents\":[]"), .holds = "\"messages\":[" ASKED "]" },
		{ &dialect_cohere, CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"tool_plan\":\"p\",\"tool_calls\":[{\"id\":\"c\","
		  "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":"
		  "[{\"type\":\"document\",\"document\":{\"data\":{\"o\":6}}}]}]}",
		  "{\"model\":\"own\",\"messages\":[{\"role\":\"assistant\",\"content\":\"p\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\","
		  "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"{\\\"o\\\":6}\"}]}" },
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		check_way_there(&ways[i]);
}

static void test_ranges_and_budgets(void **state)
{
	static const struct model_rules bounded = { .reasoning = REASONING_BUDGET, .budget_min = 1024, .budget_max = 5000 };
	static const struct way_there ways[] = {
		{ CHAT, &dialect_cohere, FROM("\"temperature\":1.5,\"top_p\":1,\"frequency_penalty\":-1"),
		  TO("\"temperature\":1,\"p\":0.99,\"frequency_penalty\":0,\"stream\":false"),
		  .lossy = FIELD_TEMPERATURE | FIELD_TOP_P | FIELD_FREQUENCY_PENALTY },
		{ CHAT, &dialect_cohere, FROM("\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]"), .holds = "[\"1\",\"2\",\"3\",\"4\",\"5\"]",
		  .lossy = FIELD_STOP },
		{ CHAT, &dialect_cohere, FROM("\"reasoning_effort\":\"none\""), .holds = "\"thinking\":{\"type\":\"disabled\"}" },
		{ CHAT, &dialect_cohere, FROM("\"reasoning_effort\":\"high\""), .holds = "\"token_budget\":5000", .rules = &bounded },
		{ MESSAGE, &dialect_cohere, "{\"model\":\"m\",\"max_tokens\":9000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":8000},"
		  "\"messages\":[" ASKED "]}", .holds = "\"token_budget\":5000", .rules = &bounded, .lossy = FIELD_REASONING },
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		check_way_there(&ways[i]);
}

/* What is said before calls is their plan; images of results follow in the user's message, documents that are text stay. */
static void test_conversations(void **state)
{
	static const struct way_there document = { MESSAGE, &dialect_cohere,
		"{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t\","
		"\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":["
		"{\"type\":\"text\",\"text\":\"r\"},{\"type\":\"document\",\"title\":\"T\",\"source\":{\"type\":\"text\",\"media_type\":"
		"\"text/plain\",\"data\":\"D\"}}]}]}]}", .holds = "\"content\":\"r\\n<document title=\\\"T\\\">\\nD\\n</document>\"" };
	static const struct way_there way = { MESSAGE, &dialect_cohere,
		"{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"let me\"},"
		"{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
		"\"tool_use_id\":\"t\",\"content\":[{\"type\":\"text\",\"text\":\"r\"},{\"type\":\"image\",\"source\":{\"type\":\"base64\","
		"\"media_type\":\"image/png\",\"data\":\"AA==\"}}]},{\"type\":\"text\",\"text\":\"go\"}]}]}",
		"{\"model\":\"own\",\"messages\":[{\"role\":\"assistant\",\"tool_plan\":\"let me\",\"tool_calls\":[{\"id\":\"t\",\"type\":\"function\","
		"\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"t\",\"content\":"
		"\"r\\n[image: in the next user message]\"},{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
		"\"data:image/png;base64,AA==\"}},{\"type\":\"text\",\"text\":\"go\"}]}],\"max_tokens\":9,\"stream\":false}" };

	check_way_there(&way);
	check_way_there(&document);
}

#define IMAGE(source) "{\"type\":\"image\",\"source\":{" source "}}"
#define USER(part) "\"messages\":[{\"role\":\"user\",\"content\":[" part "]}]"
#define WITH(members) "\"messages\":[" ASKED "]," members
#define TOOL(name, more) "{\"type\":\"function\",\"function\":{\"name\":\"" name "\"" more "}}"
#define TOOLS(choice) WITH("\"tools\":[" TOOL("f", "") "," TOOL("g", "") "]" choice)
#define RESULT(result) "\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}]}," \
	"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\"," result "}]}]"

static const struct field_way fields[] = {
	{ FIELD_INDEX_SYSTEM, CHAT, "\"messages\":[{\"role\":\"developer\",\"content\":\"S\"}," ASKED "]", "{\"role\":\"system\",\"content\":\"S\"}" },
	{ FIELD_INDEX_LATER_SYSTEM, CHAT, "\"messages\":[" ASKED ",{\"role\":\"system\",\"content\":\"L\"}]", "{\"role\":\"system\",\"content\":\"L\"}" },
	{ FIELD_INDEX_PREFILL, CHAT, "\"messages\":[" ASKED ",{\"role\":\"assistant\",\"content\":\"P\"}]", NULL },
	{ FIELD_INDEX_PARTICIPANT_NAME, CHAT, "\"messages\":[{\"role\":\"user\",\"name\":\"n\",\"content\":\"Hi\"}]", NULL },
	{ FIELD_INDEX_IMAGE_DATA, MESSAGE, USER(IMAGE("\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AA==\"")),
	  "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}}" },
	{ FIELD_INDEX_IMAGE_URL, MESSAGE, USER(IMAGE("\"type\":\"url\",\"url\":\"https://x/y\"")), "{\"url\":\"https://x/y\"}" },
	{ FIELD_INDEX_AUDIO, CHAT, USER("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\",\"format\":\"wav\"}}"), NULL },
	{ FIELD_INDEX_VIDEO, CHAT, USER("{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://x/y.mp4\"}}"), NULL },
	{ FIELD_INDEX_DOCUMENT_DATA, CHAT, USER("{\"type\":\"file\",\"file\":{\"file_data\":\"data:application/pdf;base64,AA==\"}}"), NULL },
	{ FIELD_INDEX_DOCUMENT_URL, MESSAGE, USER("{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.pdf\"}}"), NULL },
	{ FIELD_INDEX_DOCUMENT_TEXT, MESSAGE, USER("{\"type\":\"document\",\"title\":\"T\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\","
	  "\"data\":\"D\"}}"), "\"documents\":[{\"id\":\"doc:0\",\"data\":{\"title\":\"T\",\"text\":\"D\"}}]" },
	{ FIELD_INDEX_FILE_ID, MESSAGE, USER(IMAGE("\"type\":\"file\",\"file_id\":\"f\"")), NULL },
	{ FIELD_INDEX_RESULT_MEDIA, MESSAGE, RESULT("\"content\":[" IMAGE("\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AA==\"") "]"),
	  "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"" },
	{ FIELD_INDEX_RESULT_ERROR, MESSAGE, RESULT("\"is_error\":true,\"content\":\"no\""), "\"content\":\"Error: no\"" },
	{ FIELD_INDEX_TOOLS, CHAT, TOOLS(""), "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"" },
	{ FIELD_INDEX_CUSTOM_TOOLS, CHAT, WITH("\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\"}}]"),
	  "{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}}" },
	{ FIELD_INDEX_WEB_SEARCH, MESSAGE, WITH("\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]"), NULL },
	{ FIELD_INDEX_SERVER_TOOLS, MESSAGE, WITH("\"tools\":[{\"type\":\"web_fetch_20250910\",\"name\":\"web_fetch\"}]"), NULL },
	{ FIELD_INDEX_TOOL_STRICT, CHAT, WITH("\"tools\":[" TOOL("f", ",\"strict\":true") "]"), "\"strict_tools\":true" },
	{ FIELD_INDEX_CHOICE_NONE, CHAT, TOOLS(",\"tool_choice\":\"none\""), "\"tool_choice\":\"NONE\"" },
	{ FIELD_INDEX_CHOICE_REQUIRED, CHAT, TOOLS(",\"tool_choice\":\"required\""), "\"tool_choice\":\"REQUIRED\"" },
	{ FIELD_INDEX_CHOICE_NAMED, CHAT, TOOLS(",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}}"),
	  "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\"" },
	{ FIELD_INDEX_CHOICE_ALLOWED, CHAT, TOOLS(",\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\",\"tools\":["
	  TOOL("g", "") "]}}"), "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\"" },
	{ FIELD_INDEX_PARALLEL_CONTROL, CHAT, TOOLS(",\"parallel_tool_calls\":false"), NULL },
	{ FIELD_INDEX_FORMAT_JSON, CHAT, WITH("\"response_format\":{\"type\":\"json_object\"}"), "\"response_format\":{\"type\":\"json_object\"}" },
	{ FIELD_INDEX_FORMAT_SCHEMA, CHAT, WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":"
	  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"]}}}"),
	  "\"response_format\":{\"type\":\"json_object\",\"json_schema\":{\"type\":\"object\"" },
	{ FIELD_INDEX_MAX_OUTPUT, CHAT, WITH("\"max_tokens\":5"), "\"max_tokens\":5" },
	{ FIELD_INDEX_TEMPERATURE, CHAT, WITH("\"temperature\":0.5"), "\"temperature\":0.5" },
	{ FIELD_INDEX_TOP_P, CHAT, WITH("\"top_p\":0.5"), "\"p\":0.5" },
	{ FIELD_INDEX_TOP_K, CHAT, WITH("\"top_k\":5"), "\"k\":5" },
	{ FIELD_INDEX_MIN_P, CHAT, WITH("\"min_p\":0.1"), NULL },
	{ FIELD_INDEX_FREQUENCY_PENALTY, CHAT, WITH("\"frequency_penalty\":1"), "\"frequency_penalty\":1" },
	{ FIELD_INDEX_PRESENCE_PENALTY, CHAT, WITH("\"presence_penalty\":1"), "\"presence_penalty\":1" },
	{ FIELD_INDEX_REPEAT_PENALTY, CHAT, WITH("\"repetition_penalty\":1.1"), NULL },
	{ FIELD_INDEX_SEED, CHAT, WITH("\"seed\":5"), "\"seed\":5" },
	{ FIELD_INDEX_STOP, CHAT, WITH("\"stop\":\"x\""), "\"stop_sequences\":[\"x\"]" },
	{ FIELD_INDEX_N, CHAT, WITH("\"n\":2"), NULL },
	{ FIELD_INDEX_LOGPROBS, CHAT, WITH("\"logprobs\":true"), "\"logprobs\":true" },
	{ FIELD_INDEX_LOGIT_BIAS, CHAT, WITH("\"logit_bias\":{\"1\":2}"), NULL },
	{ FIELD_INDEX_REASONING, CHAT, WITH("\"reasoning_effort\":\"high\""), "\"thinking\":{\"type\":\"enabled\",\"token_budget\":" },
	{ FIELD_INDEX_REASONING_VISIBLE, MESSAGE, WITH("\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"}"),
	  "\"thinking\":{\"type\":\"enabled\"}" },
	{ FIELD_INDEX_VERBOSITY, CHAT, WITH("\"verbosity\":\"low\""), NULL },
	{ FIELD_INDEX_SERVICE_TIER, CHAT, WITH("\"service_tier\":\"flex\""), NULL },
	{ FIELD_INDEX_USER, CHAT, WITH("\"user\":\"u\""), NULL },
	{ FIELD_INDEX_METADATA, CHAT, WITH("\"metadata\":{\"a\":\"b\"}"), NULL },
	{ FIELD_INDEX_CACHE_MARKS, MESSAGE, WITH("\"cache_control\":{\"type\":\"ephemeral\"}"), NULL },
	{ FIELD_INDEX_CACHE_KEY, CHAT, WITH("\"prompt_cache_key\":\"k\""), NULL },
	{ FIELD_INDEX_STORE, CHAT, WITH("\"store\":true"), NULL },
	{ FIELD_INDEX_AUDIO_OUTPUT, CHAT, WITH("\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"v\",\"format\":\"wav\"}"), NULL },
	{ FIELD_INDEX_DOCUMENT_CITATIONS, MESSAGE, USER("{\"type\":\"document\",\"citations\":{\"enabled\":true},\"source\":{\"type\":\"text\","
	  "\"media_type\":\"text/plain\",\"data\":\"D\"}}"), "\"documents\":[{\"id\":\"doc:0\"" },
	{ FIELD_INDEX_OPAQUE_PART, MESSAGE, USER("{\"type\":\"of_tomorrow\"},{\"type\":\"text\",\"text\":\"Hi\"}"), NULL },
	{ FIELD_INDEX_OTHER_MEANING, MESSAGE, WITH("\"container\":\"c\""), NULL },
	{ FIELD_INDEX_OTHER, MESSAGE, WITH("\"inference_geo\":\"us\""), NULL },
};

static void test_table_agrees_with_code(void **state)
{
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		check_field_way(&fields[i], &dialect_cohere);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_requests_keep_everything), cmocka_unit_test(test_for_others),
		cmocka_unit_test(test_ranges_and_budgets), cmocka_unit_test(test_conversations),
		cmocka_unit_test(test_table_agrees_with_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
