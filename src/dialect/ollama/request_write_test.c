/* SPDX-License-Identifier: Apache-2.0 */
/* Requests through the hub: Ollama's own keep everything, others' are told in its words, and the table of fields says what
 * the code does. */
#include "dialect/translation_test.h"

#define OWN &dialect_ollama, &dialect_ollama
#define CHAT &dialect_openai_chat
#define MESSAGE &dialect_anthropic
#define ASKED "{\"role\":\"user\",\"content\":\"Hi\"}"
#define FROM(members) "{\"model\":\"m\",\"messages\":[" ASKED "]," members "}"
#define TO(members) "{\"model\":\"own\",\"messages\":[" ASKED "]," members "}"

static void test_own_requests_keep_everything(void **state)
{
	static const struct way_there ways[] = {
		{ OWN, "{\"model\":\"m\",\"messages\":[" ASKED "]}", TO("\"stream\":true") },
		{ OWN, FROM("\"format\":\"json\",\"options\":{\"num_ctx\":9,\"temperature\":1.50,\"num_predict\":-1,\"stop\":[\"a\",\"b\"],"
			    "\"mirostat\":1},\"think\":\"max\",\"keep_alive\":-1,\"stream\":false,\"logprobs\":true,\"top_logprobs\":3,\"extra\":{}"),
		  TO("\"format\":\"json\",\"options\":{\"temperature\":1.50,\"stop\":[\"a\",\"b\"],\"num_predict\":-1,\"num_ctx\":9,"
		     "\"mirostat\":1},\"think\":\"max\",\"logprobs\":true,\"top_logprobs\":3,\"keep_alive\":-1,\"extra\":{},\"stream\":false") },
		{ OWN, FROM("\"format\":{\"type\":\"object\", \"x\":1},\"think\":false,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
			    "\"description\":\"d\",\"parameters\":{\"type\":\"object\", \"y\":2}}}]"),
		  "{\"model\":\"own\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":"
		  "{\"type\":\"object\", \"y\":2}}}],\"messages\":[" ASKED "],\"format\":{\"type\":\"object\", \"x\":1},\"think\":false,\"stream\":true}" },
		{ OWN, "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"a\",\"images\":[\"AA==\"]},"
		       "{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"t\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"index\":0,"
		       "\"name\":\"f\",\"arguments\":{\"x\": 1}}}]},{\"role\":\"tool\",\"tool_name\":\"f\",\"tool_call_id\":\"c\",\"content\":\"r\","
		       "\"images\":[\"BB==\"],\"weight\":1}],\"stream\":true}",
		  "{\"model\":\"own\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"a\",\"images\":[\"AA==\"]},"
		  "{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"t\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"index\":0,"
		  "\"name\":\"f\",\"arguments\":{\"x\": 1}}}]},{\"role\":\"tool\",\"tool_name\":\"f\",\"tool_call_id\":\"c\",\"content\":\"r\","
		  "\"images\":[\"BB==\"],\"weight\":1}],\"stream\":true}" },
		/* results without names are paired by order */
		{ OWN, "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\","
		       "\"arguments\":{}}},{\"function\":{\"name\":\"g\",\"arguments\":{}}}]},{\"role\":\"tool\",\"content\":\"1\"},"
		       "{\"role\":\"tool\",\"content\":\"2\"}]}",
		  NULL, "{\"role\":\"tool\",\"tool_name\":\"g\",\"tool_call_id\":\"call_0_1\",\"content\":\"2\"}" },
		/* api/generate, as a chat */
		{ OWN, "{\"model\":\"m\",\"system\":\"s\",\"prompt\":\"p\",\"images\":[\"AA==\"],\"template\":\"\",\"raw\":false,\"context\":[]}",
		  "{\"model\":\"own\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"p\","
		  "\"images\":[\"AA==\"]}],\"stream\":true}", .variant = true },
		{ OWN, "{\"model\":\"m\",\"prompt\":\"p\",\"suffix\":\"s\"}", .variant = true },
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		check_way_there(&ways[i]);
}

static void test_prompts_for_others(void **state)
{
	static const struct way_there ways[] = {
		{ &dialect_ollama, CHAT, "{\"model\":\"m\",\"prompt\":\"p\",\"suffix\":\"s\"}", .variant = true },
		{ &dialect_ollama, CHAT, "{\"model\":\"m\",\"prompt\":\"p\",\"context\":[1]}", .variant = true },
		{ &dialect_ollama, CHAT, "{\"model\":\"m\",\"prompt\":\"p\",\"stream\":false}",
		  "{\"model\":\"own\",\"messages\":[{\"role\":\"user\",\"content\":\"p\"}]}", .variant = true },
		{ &dialect_ollama, MESSAGE, FROM("\"think\":true,\"options\":{\"num_predict\":4096}"), .holds = "\"thinking\":{\"type\":" },
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		check_way_there(&ways[i]);
}

static void test_think(void **state)
{
	static const struct model_rules toggle = { .reasoning = REASONING_TOGGLE };
	static const struct model_rules always = { .reasoning = REASONING_EFFORT, .efforts = EFFORT_LOW | EFFORT_MEDIUM | EFFORT_HIGH,
						   .rejects = REJECTS_REASONING_OFF };
	static const struct way_there ways[] = {
		{ CHAT, &dialect_ollama, FROM("\"reasoning_effort\":\"medium\""), .holds = "\"think\":\"medium\"" },
		{ CHAT, &dialect_ollama, FROM("\"reasoning_effort\":\"minimal\""), .holds = "\"think\":\"low\"", .lossy = FIELD_REASONING },
		{ CHAT, &dialect_ollama, FROM("\"reasoning_effort\":\"none\""), .holds = "\"think\":false" },
		{ CHAT, &dialect_ollama, FROM("\"reasoning_effort\":\"medium\""), .holds = "\"think\":true", .rules = &toggle, .lossy = FIELD_REASONING },
		{ CHAT, &dialect_ollama, FROM("\"reasoning_effort\":\"none\""), .holds = "\"think\":\"low\"", .rules = &always, .lossy = FIELD_REASONING },
		{ CHAT, &dialect_ollama, FROM("\"stream\":true"), .holds = "\"stream\":true", .lacks = "think" },
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		check_way_there(&ways[i]);
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
	{ FIELD_INDEX_PREFILL, CHAT, "\"messages\":[" ASKED ",{\"role\":\"assistant\",\"content\":\"P\"}]", "{\"role\":\"assistant\",\"content\":\"P\"}" },
	{ FIELD_INDEX_PARTICIPANT_NAME, CHAT, "\"messages\":[{\"role\":\"user\",\"name\":\"n\",\"content\":\"Hi\"}]", NULL },
	{ FIELD_INDEX_IMAGE_DATA, MESSAGE, USER(IMAGE("\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AA==\"")), "\"images\":[\"AA==\"]" },
	{ FIELD_INDEX_IMAGE_URL, MESSAGE, USER(IMAGE("\"type\":\"url\",\"url\":\"https://x/y\"")), NULL },
	{ FIELD_INDEX_AUDIO, CHAT, USER("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\",\"format\":\"wav\"}}"), NULL },
	{ FIELD_INDEX_VIDEO, CHAT, USER("{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://x/y.mp4\"}}"), NULL },
	{ FIELD_INDEX_DOCUMENT_DATA, CHAT, USER("{\"type\":\"file\",\"file\":{\"file_data\":\"data:application/pdf;base64,AA==\"}}"), NULL },
	{ FIELD_INDEX_DOCUMENT_URL, MESSAGE, USER("{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.pdf\"}}"), NULL },
	{ FIELD_INDEX_DOCUMENT_TEXT, MESSAGE, USER("{\"type\":\"document\",\"title\":\"T\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\","
	  "\"data\":\"D\"}}"), "<document title=\\\"T\\\">\\nD\\n</document>" },
	{ FIELD_INDEX_FILE_ID, MESSAGE, USER(IMAGE("\"type\":\"file\",\"file_id\":\"f\"")), NULL },
	{ FIELD_INDEX_RESULT_MEDIA, MESSAGE, RESULT("\"content\":[" IMAGE("\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AA==\"") "]"),
	  "\"content\":\"\",\"images\":[\"AA==\"]" },
	{ FIELD_INDEX_RESULT_ERROR, MESSAGE, RESULT("\"is_error\":true,\"content\":\"no\""), "\"content\":\"Error: no\"" },
	{ FIELD_INDEX_TOOLS, CHAT, TOOLS(""), "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"" },
	{ FIELD_INDEX_CUSTOM_TOOLS, CHAT, WITH("\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\"}}]"),
	  "{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}}" },
	{ FIELD_INDEX_WEB_SEARCH, MESSAGE, WITH("\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]"), NULL },
	{ FIELD_INDEX_SERVER_TOOLS, MESSAGE, WITH("\"tools\":[{\"type\":\"web_fetch_20250910\",\"name\":\"web_fetch\"}]"), NULL },
	{ FIELD_INDEX_TOOL_STRICT, CHAT, WITH("\"tools\":[" TOOL("f", ",\"strict\":true") "]"), NULL },
	{ FIELD_INDEX_CHOICE_NONE, CHAT, TOOLS(",\"tool_choice\":\"none\""), "{\"model\":\"own\",\"messages\":[" },
	{ FIELD_INDEX_CHOICE_REQUIRED, CHAT, TOOLS(",\"tool_choice\":\"required\""), NULL },
	{ FIELD_INDEX_CHOICE_NAMED, CHAT, TOOLS(",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}}"), NULL },
	{ FIELD_INDEX_CHOICE_ALLOWED, CHAT, TOOLS(",\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\",\"tools\":["
	  TOOL("g", "") "]}}"), "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\"" },
	{ FIELD_INDEX_PARALLEL_CONTROL, CHAT, TOOLS(",\"parallel_tool_calls\":false"), NULL },
	{ FIELD_INDEX_FORMAT_JSON, CHAT, WITH("\"response_format\":{\"type\":\"json_object\"}"), "\"format\":\"json\"" },
	{ FIELD_INDEX_FORMAT_SCHEMA, CHAT, WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":"
	  "{\"type\":\"string\"}}}"), "\"format\":{\"type\":\"string\"}" },
	{ FIELD_INDEX_MAX_OUTPUT, CHAT, WITH("\"max_tokens\":5"), "\"options\":{\"num_predict\":5}" },
	{ FIELD_INDEX_TEMPERATURE, CHAT, WITH("\"temperature\":0.5"), "\"options\":{\"temperature\":0.5}" },
	{ FIELD_INDEX_TOP_P, CHAT, WITH("\"top_p\":0.5"), "\"options\":{\"top_p\":0.5}" },
	{ FIELD_INDEX_TOP_K, CHAT, WITH("\"top_k\":5"), "\"options\":{\"top_k\":5}" },
	{ FIELD_INDEX_MIN_P, CHAT, WITH("\"min_p\":0.1"), "\"options\":{\"min_p\":0.1}" },
	{ FIELD_INDEX_FREQUENCY_PENALTY, CHAT, WITH("\"frequency_penalty\":1"), "\"frequency_penalty\":1" },
	{ FIELD_INDEX_PRESENCE_PENALTY, CHAT, WITH("\"presence_penalty\":1"), "\"presence_penalty\":1" },
	{ FIELD_INDEX_REPEAT_PENALTY, CHAT, WITH("\"repetition_penalty\":1.1"), "\"repeat_penalty\":1.1" },
	{ FIELD_INDEX_SEED, CHAT, WITH("\"seed\":5"), "\"options\":{\"seed\":5}" },
	{ FIELD_INDEX_STOP, CHAT, WITH("\"stop\":\"x\""), "\"options\":{\"stop\":[\"x\"]}" },
	{ FIELD_INDEX_N, CHAT, WITH("\"n\":2"), NULL },
	{ FIELD_INDEX_LOGPROBS, CHAT, WITH("\"logprobs\":true"), "\"logprobs\":true" },
	{ FIELD_INDEX_LOGIT_BIAS, CHAT, WITH("\"logit_bias\":{\"1\":2}"), NULL },
	{ FIELD_INDEX_REASONING, CHAT, WITH("\"reasoning_effort\":\"high\""), "\"think\":\"high\"" },
	{ FIELD_INDEX_REASONING_VISIBLE, MESSAGE, WITH("\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"}"), "\"think\":true" },
	{ FIELD_INDEX_VERBOSITY, CHAT, WITH("\"verbosity\":\"low\""), NULL },
	{ FIELD_INDEX_SERVICE_TIER, CHAT, WITH("\"service_tier\":\"flex\""), NULL },
	{ FIELD_INDEX_USER, CHAT, WITH("\"user\":\"u\""), NULL },
	{ FIELD_INDEX_METADATA, CHAT, WITH("\"metadata\":{\"a\":\"b\"}"), NULL },
	{ FIELD_INDEX_CACHE_MARKS, MESSAGE, WITH("\"cache_control\":{\"type\":\"ephemeral\"}"), NULL },
	{ FIELD_INDEX_CACHE_KEY, CHAT, WITH("\"prompt_cache_key\":\"k\""), NULL },
	{ FIELD_INDEX_STORE, CHAT, WITH("\"store\":true"), NULL },
	{ FIELD_INDEX_AUDIO_OUTPUT, CHAT, WITH("\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"v\",\"format\":\"wav\"}"), NULL },
	{ FIELD_INDEX_DOCUMENT_CITATIONS, MESSAGE, USER("{\"type\":\"document\",\"citations\":{\"enabled\":true},\"source\":{\"type\":\"text\","
	  "\"media_type\":\"text/plain\",\"data\":\"D\"}}"), NULL },
	{ FIELD_INDEX_OPAQUE_PART, MESSAGE, USER("{\"type\":\"of_tomorrow\"},{\"type\":\"text\",\"text\":\"Hi\"}"), NULL },
	{ FIELD_INDEX_OTHER_MEANING, MESSAGE, WITH("\"container\":\"c\""), NULL },
	{ FIELD_INDEX_OTHER, MESSAGE, WITH("\"inference_geo\":\"us\""), NULL },
};

static void test_table_agrees_with_code(void **state)
{
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		check_field_way(&fields[i], &dialect_ollama);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_requests_keep_everything), cmocka_unit_test(test_prompts_for_others),
		cmocka_unit_test(test_think), cmocka_unit_test(test_table_agrees_with_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
