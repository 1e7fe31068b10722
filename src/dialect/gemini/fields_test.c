/* SPDX-License-Identifier: Apache-2.0 */
/* The table of fields against the code: a request that uses a field is written with what the table promises, or judged as
 * the table says. */
#include "dialect/dialect_test.h"

#include "llm/field.h"

struct row {
	enum field_index field;
	const struct dialect *from;
	const char *members;           /* of a request of that dialect */
	const char *expected;          /* in what is written; NULL: dropped or refused */
};

#define MESSAGES(messages) "\"messages\":[" messages "]"
#define ASKED "{\"role\":\"user\",\"content\":\"Hi\"}"
#define USER(part) MESSAGES("{\"role\":\"user\",\"content\":[" part "]}")
#define WITH(members) MESSAGES(ASKED) "," members
#define TOOL(name, more) "{\"type\":\"function\",\"function\":{\"name\":\"" name "\"" more "}}"
#define TOOLS(choice) WITH("\"tools\":[" TOOL("f", "") "," TOOL("g", "") "]" choice)
#define IMAGE(source) "{\"type\":\"image\",\"source\":{" source "}}"
#define RESULT(result) MESSAGES("{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t\"," \
	"\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\"," result "}]}")

#define CHAT &dialect_openai_chat
#define MESSAGE &dialect_anthropic
#define RESPONSES &dialect_openai_responses

static const struct row rows[] = {
	{ FIELD_INDEX_SYSTEM, CHAT, MESSAGES("{\"role\":\"system\",\"content\":\"S\"}," ASKED), "\"systemInstruction\":{\"parts\":[{\"text\":\"S\"}]}" },
	{ FIELD_INDEX_LATER_SYSTEM, CHAT, MESSAGES(ASKED ",{\"role\":\"system\",\"content\":\"L\"}"), "<system-reminder>\\nL\\n" },
	{ FIELD_INDEX_PREFILL, CHAT, MESSAGES(ASKED ",{\"role\":\"assistant\",\"content\":\"P\"}"), "{\"role\":\"model\",\"parts\":[{\"text\":\"P\"}]}]}" },
	{ FIELD_INDEX_PARTICIPANT_NAME, CHAT, MESSAGES("{\"role\":\"user\",\"name\":\"n\",\"content\":\"Hi\"}"), NULL },
	{ FIELD_INDEX_IMAGE_DATA, MESSAGE, USER(IMAGE("\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AA==\"")),
	  "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA==\"}}" },
	{ FIELD_INDEX_IMAGE_URL, MESSAGE, USER(IMAGE("\"type\":\"url\",\"url\":\"https://x/y\"")),
	  "{\"fileData\":{\"mimeType\":\"image/jpeg\",\"fileUri\":\"https://x/y\"}}" },
	{ FIELD_INDEX_AUDIO, CHAT, USER("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\",\"format\":\"wav\"}}"), "\"mimeType\":\"audio/wav\"" },
	{ FIELD_INDEX_VIDEO, CHAT, USER("{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://x/y.mp4\"}}"), "\"mimeType\":\"video/mp4\"" },
	{ FIELD_INDEX_DOCUMENT_DATA, CHAT, USER("{\"type\":\"file\",\"file\":{\"file_data\":\"data:application/pdf;base64,AA==\"}}"),
	  "{\"inlineData\":{\"mimeType\":\"application/pdf\",\"data\":\"AA==\"}}" },
	{ FIELD_INDEX_DOCUMENT_URL, MESSAGE, USER("{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.pdf\"}}"),
	  "{\"fileData\":{\"mimeType\":\"application/pdf\"" },
	{ FIELD_INDEX_DOCUMENT_TEXT, MESSAGE, USER("{\"type\":\"document\",\"title\":\"T\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\","
	  "\"data\":\"D\"}}"), "{\"text\":\"T\\n\\nD\"}" },
	{ FIELD_INDEX_FILE_ID, MESSAGE, USER(IMAGE("\"type\":\"file\",\"file_id\":\"f\"")), NULL },
	{ FIELD_INDEX_RESULT_MEDIA, MESSAGE, RESULT("\"content\":[" IMAGE("\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AA==\"") "]"),
	  "{\"inlineData\":{\"mimeType\":\"image/png\"" },
	{ FIELD_INDEX_RESULT_ERROR, MESSAGE, RESULT("\"is_error\":true,\"content\":\"no\""), "\"response\":{\"error\":\"no\"}" },
	{ FIELD_INDEX_TOOLS, CHAT, TOOLS(""), "\"functionDeclarations\":[{\"name\":\"f\"},{\"name\":\"g\"}]" },
	{ FIELD_INDEX_CUSTOM_TOOLS, CHAT, WITH("\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\"}}]"),
	  "\"properties\":{\"input\":{\"type\":\"string\"}}" },
	{ FIELD_INDEX_WEB_SEARCH, MESSAGE, WITH("\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]"), "{\"googleSearch\":{}}" },
	{ FIELD_INDEX_SERVER_TOOLS, MESSAGE, WITH("\"tools\":[{\"type\":\"web_fetch_20250910\",\"name\":\"web_fetch\"},"
	  "{\"type\":\"code_execution_20250825\",\"name\":\"c\"}]"), "[{\"urlContext\":{}},{\"codeExecution\":{}}]" },
	{ FIELD_INDEX_TOOL_STRICT, CHAT, WITH("\"tools\":[" TOOL("f", ",\"strict\":true") "]"), "{\"mode\":\"VALIDATED\"}" },
	{ FIELD_INDEX_CHOICE_NONE, CHAT, TOOLS(",\"tool_choice\":\"none\""), "{\"mode\":\"NONE\"}" },
	{ FIELD_INDEX_CHOICE_REQUIRED, CHAT, TOOLS(",\"tool_choice\":\"required\""), "{\"mode\":\"ANY\"}" },
	{ FIELD_INDEX_CHOICE_NAMED, CHAT, TOOLS(",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}}"),
	  "{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"g\"]}" },
	{ FIELD_INDEX_CHOICE_ALLOWED, CHAT, TOOLS(",\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\",\"tools\":["
	  TOOL("g", "") "]}}"), "{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"g\"]}" },
	{ FIELD_INDEX_PARALLEL_CONTROL, CHAT, TOOLS(",\"parallel_tool_calls\":false"), NULL },
	{ FIELD_INDEX_FORMAT_JSON, CHAT, WITH("\"response_format\":{\"type\":\"json_object\"}"), "{\"responseMimeType\":\"application/json\"}" },
	{ FIELD_INDEX_FORMAT_SCHEMA, CHAT, WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":"
	  "{\"type\":\"string\"}}}"), "{\"responseMimeType\":\"application/json\",\"responseJsonSchema\":{\"type\":\"string\"}}" },
	{ FIELD_INDEX_MAX_OUTPUT, CHAT, WITH("\"max_tokens\":5"), "\"maxOutputTokens\":5" },
	{ FIELD_INDEX_TEMPERATURE, CHAT, WITH("\"temperature\":0.5"), "\"temperature\":0.5" },
	{ FIELD_INDEX_TOP_P, CHAT, WITH("\"top_p\":0.5"), "\"topP\":0.5" },
	{ FIELD_INDEX_TOP_K, CHAT, WITH("\"top_k\":5"), "\"topK\":5" },
	{ FIELD_INDEX_MIN_P, CHAT, WITH("\"min_p\":0.1"), NULL },
	{ FIELD_INDEX_FREQUENCY_PENALTY, CHAT, WITH("\"frequency_penalty\":1"), "\"frequencyPenalty\":1" },
	{ FIELD_INDEX_PRESENCE_PENALTY, CHAT, WITH("\"presence_penalty\":1"), "\"presencePenalty\":1" },
	{ FIELD_INDEX_REPEAT_PENALTY, CHAT, WITH("\"repetition_penalty\":1.1"), NULL },
	{ FIELD_INDEX_SEED, CHAT, WITH("\"seed\":5"), "\"seed\":5" },
	{ FIELD_INDEX_STOP, CHAT, WITH("\"stop\":\"x\""), "\"stopSequences\":[\"x\"]" },
	{ FIELD_INDEX_N, CHAT, WITH("\"n\":2"), "\"candidateCount\":2" },
	{ FIELD_INDEX_LOGPROBS, CHAT, WITH("\"logprobs\":true"), "\"responseLogprobs\":true" },
	{ FIELD_INDEX_LOGIT_BIAS, CHAT, WITH("\"logit_bias\":{\"1\":2}"), NULL },
	{ FIELD_INDEX_REASONING, CHAT, WITH("\"reasoning_effort\":\"high\""), "\"thinkingLevel\":\"HIGH\"" },
	{ FIELD_INDEX_REASONING_VISIBLE, MESSAGE, WITH("\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"}"), "\"includeThoughts\":true" },
	{ FIELD_INDEX_VERBOSITY, CHAT, WITH("\"verbosity\":\"low\""), NULL },
	{ FIELD_INDEX_SERVICE_TIER, CHAT, WITH("\"service_tier\":\"flex\""), "\"serviceTier\":\"flex\"" },
	{ FIELD_INDEX_CACHE_MARKS, MESSAGE, WITH("\"cache_control\":{\"type\":\"ephemeral\"}"), NULL },
	{ FIELD_INDEX_CACHE_KEY, CHAT, WITH("\"prompt_cache_key\":\"k\""), NULL },
	{ FIELD_INDEX_STORE, CHAT, WITH("\"store\":true"), NULL },
	{ FIELD_INDEX_PREVIOUS_RESPONSE, RESPONSES, "\"input\":\"Hi\",\"previous_response_id\":\"r\"", NULL },
	{ FIELD_INDEX_BACKGROUND, RESPONSES, "\"input\":\"Hi\",\"background\":true", NULL },
	{ FIELD_INDEX_AUDIO_OUTPUT, CHAT, WITH("\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"v\",\"format\":\"wav\"}"), NULL },
	{ FIELD_INDEX_DOCUMENT_CITATIONS, MESSAGE, USER("{\"type\":\"document\",\"citations\":{\"enabled\":true},\"source\":{\"type\":\"text\","
	  "\"media_type\":\"text/plain\",\"data\":\"D\"}}"), NULL },
	{ FIELD_INDEX_OPAQUE_PART, MESSAGE, USER("{\"type\":\"of_tomorrow\"},{\"type\":\"text\",\"text\":\"Hi\"}"), NULL },
	{ FIELD_INDEX_OTHER_MEANING, MESSAGE, WITH("\"container\":\"c\""), NULL },
	{ FIELD_INDEX_OTHER, MESSAGE, WITH("\"inference_geo\":\"us\""), NULL },
};

static void check_row(const struct row *row)
{
	enum carriage said = dialect_gemini.fields[row->field].carriage;
	static const struct model_rules levels = { .reasoning = REASONING_LEVEL };
	uint64_t bit = 1ull << row->field, lossy = 0;
	struct request q = { 0 };
	struct names names;
	struct chat chat;
	struct buf out;
	char body[2048];

	snprintf(body, sizeof(body), "{\"model\":\"m\",%s%s}", row->from == MESSAGE ? "\"max_tokens\":9," : "", row->members);
	assert_true(request_read(&q, row->from, OPERATION_CHAT, body));
	if (!row->from->read_chat(&q.facts, OPERATION_CHAT, &q.arena, &chat, &q.failure))
		fail_msg("%s: %s", body, q.failure.message);
	struct field_verdict v = field_judge(&chat, dialect_gemini.fields, DIALECT_GEMINI, &levels, 0);
	if (!(chat.fields & bit))
		fail_msg("%s does not use %s", body, field_words(row->field));
	if (((v.carried & bit) != 0) != (said == CARRIED || said == REWRITTEN) || ((v.dropped & bit) != 0) != (said == DROPPED) ||
	    ((v.refused & bit) != 0) != (said == REFUSED))
		fail_msg("%s is not %s", field_words(row->field), carriage_name(said));
	if ((row->expected != NULL) != ((v.carried & bit) != 0))
		fail_msg("%s is not as expected", field_words(row->field));
	names_init(&names, &q.arena);
	buf_init(&out, 1 << 16);
	struct chat_target target = { .model = SLICE("own"), .provider = SLICE("google"), .rules = &levels, .carried = v.carried,
				      .names = &names, .rewritten_lossy = &lossy };
	if (!v.refused && !dialect_gemini.write_chat(&chat, &target, &q.arena, &out, &q.failure))
		fail_msg("%s: %s", body, q.failure.message);
	if (row->expected && slice_find(buf_slice(&out), slice_cstr(row->expected)) == SIZE_MAX)
		fail_msg("%s: %s is not in %.*s", field_words(row->field), row->expected, SLICE_ARG(buf_slice(&out)));
	buf_done(&out);
	arena_done(&q.arena);
}

static void test_table_agrees_with_code(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check_row(&rows[i]);
}

/* Those without a row above: labels have tests beside the quirk they need, states and pictures where they come from. */
static void test_every_field_is_looked_at(void **state)
{
	uint64_t seen = FIELD_USER | FIELD_METADATA | FIELD_REASONING_HISTORY | FIELD_IMAGE_OUTPUT | FIELD_SAFETY_SETTINGS;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		seen |= 1ull << rows[i].field;
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (!(seen & 1ull << i))
			fail_msg("%s has no row", field_words((enum field_index)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_agrees_with_code),
		cmocka_unit_test(test_every_field_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
