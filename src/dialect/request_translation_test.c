/* SPDX-License-Identifier: Apache-2.0 */
/* Requests whose way is the same from several dialects or to several: malformed content, calls that share an id, documents,
 * custom tools, searches, conversations without a user. */
#include "dialect/translation_test.h"

#define CHAT &dialect_openai_chat
#define RESPONSES &dialect_openai_responses
#define MESSAGE &dialect_anthropic
#define GEMINI &dialect_gemini
#define BEDROCK &dialect_bedrock
#define COHERE &dialect_cohere
#define OLLAMA &dialect_ollama
#define ASKED "{\"role\":\"user\",\"content\":\"Hi\"}"

static void check_all(const struct way_there *ways, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_way_there(&ways[i]);
}

static void assert_unreadable(const struct dialect *client, const char *body, const char *named)
{
	struct request q = { 0 };
	struct chat chat;

	assert_true(request_read(&q, client, OPERATION_CHAT, body));
	if (client->read_chat(&q.facts, OPERATION_CHAT, &q.arena, &chat, &q.failure))
		fail_msg("%s is taken", body);
	assert_int_equal(q.failure.kind, FAILURE_BAD_REQUEST);
	if (!strstr(q.failure.message, named))
		fail_msg("%s: %s", body, q.failure.message);
	arena_done(&q.arena);
}

/* It became an empty message. */
static void test_content_of_another_type_is_refused(void **state)
{
	static const struct dialect *const shaped[] = { CHAT, COHERE, OLLAMA };
	static const char *const contents[] = { "5", "true", "{}", "{\"a\":1}", "[5]", "[true]", "[[]]" };
	char body[256];

	for (size_t d = 0; d < COUNT_OF(shaped); d++)
		for (size_t i = 0; i < COUNT_OF(contents); i++) {
			snprintf(body, sizeof(body), "{\"model\":\"m\",\"messages\":[" ASKED ",{\"role\":\"user\",\"content\":%s}]}",
				 contents[i]);
			assert_unreadable(shaped[d], body, "messages[1].content");
		}
	assert_unreadable(MESSAGE, "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":5}]}",
			  "messages.0.content");
	assert_unreadable(RESPONSES, "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":5}]}", "input[0]");
	assert_unreadable(RESPONSES, "{\"model\":\"m\",\"input\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
			  "\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":5}]}", "input[1]");
	assert_unreadable(GEMINI, "{\"model\":\"m\",\"contents\":[{\"role\":\"user\",\"parts\":5}]}", "contents[0].parts");
	assert_unreadable(BEDROCK, "{\"modelId\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":5}]}", "messages.0.content");
	assert_unreadable(BEDROCK, "{\"modelId\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":[{\"toolUse\":{\"toolUseId\":"
			  "\"t\",\"name\":\"f\",\"input\":{}}}]},{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"t\","
			  "\"content\":5}}]}]}", "messages.1.content");
}

/* They failed while the request was written, when no other target was tried any more. */
static void test_what_cannot_be_said_is_judged(void **state)
{
	static const struct model_rules no_schema = { .rejects = REJECTS_SCHEMA },
		no_tool = { .rejects = REJECTS_SCHEMA | REJECTS_FORCED_TOOL };
	static const struct {
		const struct dialect *provider;
		const char *body;
		const struct model_rules *rules;
		uint64_t refused;
	} rows[] = {
		{ MESSAGE, "\"stop\":[\"a\",\" \\n\"]", NULL, FIELD_STOP },
		{ MESSAGE, "\"stop\":[\"a\",\" b\"]", NULL, 0 },
		{ BEDROCK, "\"stop\":[\"\\n\"]", NULL, 0 },
		{ GEMINI, "\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]", NULL, FIELD_STOP },
		{ GEMINI, "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}}",
		  &no_schema, FIELD_FORMAT_SCHEMA },
		{ MESSAGE, "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}}",
		  &no_schema, 0 },
		{ BEDROCK, "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}}",
		  &no_tool, FIELD_FORMAT_SCHEMA },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct dialect *to = rows[i].provider;
		struct request q = { 0 };
		struct chat chat;
		char body[512];

		snprintf(body, sizeof(body), "{\"model\":\"m\",\"messages\":[" ASKED "],%s}", rows[i].body);
		assert_true(request_read(&q, CHAT, OPERATION_CHAT, body));
		assert_true(dialect_openai_chat.read_chat(&q.facts, OPERATION_CHAT, &q.arena, &chat, &q.failure));
		assert_int_equal(field_judge(&chat, to->fields, to->id, rows[i].rules ? rows[i].rules : &model_rules_unknown, 0).refused,
				 rows[i].refused);
		arena_done(&q.arena);
	}
}

#define EFFORT(word) "{\"model\":\"m\",\"reasoning_effort\":\"" word "\",\"messages\":[" ASKED "]}"

static void test_weakened_effort_is_named(void **state)
{
	static const struct model_rules adaptive = { .reasoning = REASONING_ADAPTIVE, .efforts = EFFORT_LOW | EFFORT_HIGH },
		level = { .reasoning = REASONING_LEVEL, .efforts = EFFORT_LOW | EFFORT_HIGH },
		words = { .reasoning = REASONING_EFFORT, .efforts = EFFORT_LOW | EFFORT_HIGH },
		toggle = { .reasoning = REASONING_TOGGLE };
	static const struct way_there ways[] = {
		{ CHAT, MESSAGE, EFFORT("xhigh"), .holds = "\"effort\":\"high\"", .rules = &adaptive, .lossy = FIELD_REASONING },
		{ CHAT, MESSAGE, EFFORT("high"), .holds = "\"effort\":\"high\"", .rules = &adaptive },
		{ CHAT, BEDROCK, EFFORT("xhigh"), .holds = "\"effort\":\"high\"", .rules = &adaptive, .lossy = FIELD_REASONING },
		{ CHAT, GEMINI, EFFORT("medium"), .holds = "\"thinkingLevel\":\"LOW\"", .rules = &level, .lossy = FIELD_REASONING },
		{ CHAT, GEMINI, EFFORT("high"), .holds = "\"thinkingLevel\":\"HIGH\"", .rules = &level },
		{ CHAT, RESPONSES, EFFORT("xhigh"), .holds = "\"effort\":\"high\"", .rules = &words, .lossy = FIELD_REASONING },
		{ CHAT, OLLAMA, EFFORT("xhigh"), .holds = "\"think\":\"high\"", .rules = &words, .lossy = FIELD_REASONING },
		{ CHAT, OLLAMA, EFFORT("high"), .holds = "\"think\":true", .rules = &toggle, .lossy = FIELD_REASONING },
		{ MESSAGE, CHAT, "{\"model\":\"m\",\"max_tokens\":9,\"output_config\":{\"effort\":\"xhigh\"},\"thinking\":{\"type\":\"adaptive\"},"
		  "\"messages\":[" ASKED "]}", .holds = "\"reasoning_effort\":\"high\"", .rules = &words, .lossy = FIELD_REASONING },
	};

	check_all(ways, COUNT_OF(ways));
}

/* Mistral's words for documents and sound. */
static void test_documents_and_sound_in_words_of_mistral(void **state)
{
#define PART(part) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[" part "]}]}"
	static const struct way_there ways[] = {
		{ CHAT, MESSAGE, PART("{\"type\":\"document_url\",\"document_url\":\"https://x/y.pdf\",\"document_name\":\"N\"}"),
		  .holds = "{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.pdf\"},\"title\":\"N\"}" },
		{ CHAT, BEDROCK, PART("{\"type\":\"document_url\",\"document_url\":\"data:application/pdf;base64,JVBERi0=\"}"),
		  .holds = "\"source\":{\"bytes\":\"JVBERi0=\"}" },
		{ CHAT, GEMINI, PART("{\"type\":\"input_audio\",\"input_audio\":\"UklGRgAAAABXQVZF\"}"),
		  .holds = "{\"inlineData\":{\"mimeType\":\"audio/wav\",\"data\":\"UklGRgAAAABXQVZF\"}}" },
		{ CHAT, GEMINI, PART("{\"type\":\"input_audio\",\"input_audio\":\"https://x/y.mp3\"}"),
		  .holds = "{\"fileData\":{\"mimeType\":\"audio/mpeg\",\"fileUri\":\"https://x/y.mp3\"}}" },
	};

	check_all(ways, COUNT_OF(ways));
}

#define CUSTOM_TOOL "\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"apply patch\",\"description\":\"D\"}}]"
#define CUSTOM_CALLS "{\"model\":\"m\"," CUSTOM_TOOL ",\"messages\":[" ASKED ",{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\"," \
	"\"type\":\"custom\",\"custom\":{\"name\":\"apply patch\",\"input\":\"a\\n\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\"," \
	"\"content\":\"ok\"}]}"

static void test_custom_tools_are_functions_elsewhere(void **state)
{
	static const struct way_there ways[] = {
		{ CHAT, MESSAGE, CUSTOM_CALLS, .holds = "\"input\":{\"input\":\"a\\n\"}" },
		{ CHAT, BEDROCK, CUSTOM_CALLS, .holds = "\"input\":{\"input\":\"a\\n\"}" },
		{ CHAT, BEDROCK, CUSTOM_CALLS, .holds = "\"description\":\"D\",\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":"
		  "{\"input\":{\"type\":\"string\"}},\"required\":[\"input\"]" },
		{ CHAT, GEMINI, CUSTOM_CALLS, .holds = "\"args\":{\"input\":\"a\\n\"}" },
		{ CHAT, COHERE, CUSTOM_CALLS, .holds = "\"arguments\":\"{\\\"input\\\":\\\"a\\\\n\\\"}\"" },
		{ CHAT, OLLAMA, CUSTOM_CALLS, .holds = "\"arguments\":{\"input\":\"a\\n\"}" },
		{ CHAT, OLLAMA, "{\"model\":\"m\",\"messages\":[" ASKED "],\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\",\"format\":{"
		  "\"type\":\"grammar\",\"grammar\":{\"syntax\":\"lark\",\"definition\":\"start: X\"}}}}]}",
		  .holds = "\\n\\nThe input must follow this grammar (lark):\\nstart: X", .lossy = FIELD_CUSTOM_TOOLS },
	};

	check_all(ways, COUNT_OF(ways));
}

#define SEARCH(members) "{\"model\":\"m\",\"max_tokens\":99,\"messages\":[" ASKED "],\"tools\":[{\"type\":\"web_search_20250305\"," \
	"\"name\":\"web_search\"" members "}]}"
#define BERLIN "\"user_location\":{\"type\":\"approximate\",\"city\":\"Berlin\",\"country\":\"DE\"}"

static void test_searches_keep_their_filters(void **state)
{
	static const struct model_rules searches = { .web_search = SEARCH_WORDS_OPTIONS };
	static const struct way_there ways[] = {
		{ RESPONSES, MESSAGE, "{\"model\":\"m\",\"input\":\"Hi\",\"tools\":[{\"type\":\"web_search\",\"filters\":{\"allowed_domains\":"
		  "[\"x.org\"]}," BERLIN ",\"search_context_size\":\"low\"}]}",
		  .holds = "\"name\":\"web_search\",\"allowed_domains\":[\"x.org\"]," BERLIN "}", .lossy = FIELD_WEB_SEARCH },
		{ RESPONSES, MESSAGE, "{\"model\":\"m\",\"input\":\"Hi\",\"tools\":[{\"type\":\"web_search\",\"filters\":{\"allowed_domains\":"
		  "[\"x.org\"]}}]}", .holds = "\"allowed_domains\":[\"x.org\"]" },
		{ MESSAGE, RESPONSES, SEARCH(",\"allowed_domains\":[\"x.org\"]," BERLIN),
		  .holds = "{\"type\":\"web_search\",\"filters\":{\"allowed_domains\":[\"x.org\"]}," BERLIN "}" },
		{ MESSAGE, RESPONSES, SEARCH(",\"blocked_domains\":[\"x.org\"]"), .holds = "{\"type\":\"web_search\"}",
		  .lossy = FIELD_WEB_SEARCH },
		{ CHAT, MESSAGE, "{\"model\":\"m\",\"messages\":[" ASKED "],\"web_search_options\":{\"user_location\":{\"type\":\"approximate\","
		  "\"approximate\":{\"city\":\"Berlin\",\"country\":\"DE\"}}}}", .holds = BERLIN },
		{ MESSAGE, CHAT, SEARCH("," BERLIN), .rules = &searches, .holds = "\"web_search_options\":{\"user_location\":{\"type\":"
		  "\"approximate\",\"approximate\":{\"city\":\"Berlin\",\"country\":\"DE\"}}}" },
		{ MESSAGE, GEMINI, SEARCH(",\"max_uses\":3"), .holds = "\"googleSearch\":{}", .lossy = FIELD_WEB_SEARCH },
		/* chat completions of any other model do not search */
		{ MESSAGE, CHAT, SEARCH("") },
	};

	check_all(ways, COUNT_OF(ways));
}

#define PDF(more) "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"source\":{" \
	"\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"JVBERi0=\"}" more "}]}]}"

static void test_what_is_said_about_a_file_stands_before_it(void **state)
{
	static const struct way_there ways[] = {
		{ MESSAGE, CHAT, PDF(",\"title\":\"T\",\"context\":\"C\""), .holds = "[{\"type\":\"text\",\"text\":\"<document context=\\\"C\\\"/>\"},"
		  "{\"type\":\"file\",\"file\":{\"filename\":\"T\"" },
		{ MESSAGE, CHAT, PDF(",\"title\":\"T\""), .holds = "[{\"type\":\"file\"" },
		{ MESSAGE, GEMINI, PDF(",\"title\":\"T\",\"context\":\"C\""),
		  .holds = "[{\"text\":\"<document title=\\\"T\\\" context=\\\"C\\\"/>\"},{\"inlineData\":" },
		{ MESSAGE, GEMINI, PDF(""), .holds = "[{\"inlineData\":" },
	};

	check_all(ways, COUNT_OF(ways));
}

#define DOCUMENTS(more) "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"}," ASKED "],\"documents\":[" \
	"{\"id\":\"d1\",\"data\":{\"title\":\"T\",\"text\":\"one\"}},\"two\",{\"id\":\"d3\",\"data\":{\"year\":\"1999\"}}]" more "}"

/* Anthropic's documents that are made of blocks, too, are texts. */
static void test_documents_that_are_text(void **state)
{
	static const struct way_there ways[] = {
		{ COHERE, MESSAGE, DOCUMENTS(""), .holds = "[{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\","
		  "\"data\":\"one\"},\"title\":\"T\",\"citations\":{\"enabled\":true}}," },
		{ COHERE, MESSAGE, DOCUMENTS(""), .holds = "\"data\":\"{\\\"year\\\":\\\"1999\\\"}\"},\"title\":\"d3\"" },
		{ COHERE, MESSAGE, DOCUMENTS(",\"citation_options\":{\"mode\":\"OFF\"}"), .holds = "\"title\":\"T\"}", .lacks = "citations" },
		{ COHERE, CHAT, DOCUMENTS(""), .holds = "\"text\":\"<document title=\\\"T\\\">\\none\\n</document>\"}" },
		{ COHERE, COHERE, DOCUMENTS(""), .holds = "\"documents\":[{\"id\":\"d1\",\"data\":{\"title\":\"T\",\"text\":\"one\"}},\"two\"",
		  .lacks = "doc:0" },
		{ MESSAGE, COHERE, "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"source\":{"
		  "\"type\":\"content\",\"content\":[{\"type\":\"text\",\"text\":\"one\"}]}}]}]}", .holds = "\"data\":{\"text\":\"one\"}" },
	};

	check_all(ways, COUNT_OF(ways));
}

#define ALONE "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"}]}"

static void test_system_text_alone(void **state)
{
	static const struct model_rules counts = { .rejects = REJECTS_USER_AFTER_TOOL };
	static const struct way_there ways[] = {
		{ CHAT, MESSAGE, ALONE, .holds = "\"system\":\"S\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Begin.\"}]}]" },
		{ CHAT, BEDROCK, ALONE, .holds = "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Begin.\"}]}]" },
		{ CHAT, GEMINI, ALONE, .holds = "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Begin.\"}]}]" },
		{ CHAT, COHERE, ALONE, .holds = "{\"role\":\"user\",\"content\":\"Begin.\"}" },
		{ OLLAMA, CHAT, ALONE, .rules = &counts, .holds = "{\"role\":\"user\",\"content\":\"Begin.\"}" },
		{ OLLAMA, CHAT, ALONE, .holds = "\"S\"", .lacks = "Begin" },
	};

	check_all(ways, COUNT_OF(ways));
}

#define ONE_CALL(choice) "{\"model\":\"m\",\"messages\":[" ASKED "],\"parallel_tool_calls\":false," choice "\"tools\":[{\"type\":\"function\"," \
	"\"function\":{\"name\":\"f\"}}]}"

/* Converse has no word for it, Claude behind it has, but not beside a choice of Converse's. */
static void test_one_call_at_a_time_at_bedrock(void **state)
{
	static const struct model_rules claude = { .single_call = SINGLE_CALL_TOOL_CHOICE };
	static const struct way_there ways[] = {
		{ CHAT, BEDROCK, ONE_CALL("\"tool_choice\":\"auto\","), .rules = &claude, .lacks = "toolChoice", .holds =
		  "\"additionalModelRequestFields\":{\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}}" },
		{ CHAT, BEDROCK, ONE_CALL("\"tool_choice\":\"required\","), .rules = &claude, .lacks = "tool_choice",
		  .holds = "\"toolChoice\":{\"any\":{}}" },
		{ CHAT, BEDROCK, ONE_CALL(""), .holds = "\"toolSpec\"", .lacks = "tool_choice" },
	};

	check_all(ways, COUNT_OF(ways));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content_of_another_type_is_refused),
		cmocka_unit_test(test_what_cannot_be_said_is_judged),
		cmocka_unit_test(test_weakened_effort_is_named),
		cmocka_unit_test(test_documents_and_sound_in_words_of_mistral),
		cmocka_unit_test(test_custom_tools_are_functions_elsewhere),
		cmocka_unit_test(test_searches_keep_their_filters),
		cmocka_unit_test(test_what_is_said_about_a_file_stands_before_it),
		cmocka_unit_test(test_documents_that_are_text),
		cmocka_unit_test(test_system_text_alone),
		cmocka_unit_test(test_one_call_at_a_time_at_bedrock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
