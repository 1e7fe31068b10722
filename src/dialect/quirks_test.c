/* SPDX-License-Identifier: Apache-2.0 */
/* Every quirk of llm/quirks.h: a request with and without it, and the difference it must make: where the request is
 * translated, and where it is relayed verbatim if the provider would refuse the client's own words. A quirk without a row
 * fails. */
#include "dialect/target_test.h"

static const struct model_rules unknown, efforts = { .reasoning = REASONING_EFFORT };

struct row {
	uint64_t quirk;
	struct target_case k;
	const struct model_rules *rules;
};

#define ON(name) QUIRK_##name
#define FROM_CLAUDE WAY_TRANSLATED, &dialect_anthropic, &dialect_openai_chat
#define FROM_CHAT WAY_TRANSLATED, &dialect_openai_chat, &dialect_openai_chat
#define RELAYED WAY_RELAYED, &dialect_openai_chat, &dialect_openai_chat
#define TO_RESPONSES WAY_TRANSLATED, &dialect_anthropic, &dialect_openai_responses
#define RELAYED_RESPONSES WAY_RELAYED, &dialect_openai_responses, &dialect_openai_responses
#define TO_GEMINI WAY_TRANSLATED, &dialect_openai_chat, &dialect_gemini
#define RELAYED_GEMINI WAY_RELAYED, &dialect_gemini, &dialect_gemini
#define PATH(dialect) WAY_PATH, &dialect, &dialect

#define LOW HI ",\"reasoning_effort\":\"low\""
#define OFF HI ",\"reasoning_effort\":\"none\""
#define SYSTEM(role) "\"messages\":[{\"role\":\"" role "\",\"content\":\"S\"}," USER("Hi") "]"
#define PARTS "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}]"
#define IMAGE "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"url\"," \
	      "\"url\":\"https://x.example/a.png\"}}]}]"
#define VIDEO "\"contents\":[{\"role\":\"user\",\"parts\":[{\"fileData\":{\"mimeType\":\"video/mp4\"," \
	      "\"fileUri\":\"https://x.example/a.mp4\"}}]}]"
#define PREFILL CHAT(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\"}")
#define TWICE CHAT(USER("a") "," USER("b"))
#define CLAUDE_ANY CLAUDE_TOOL "," HI ",\"tool_choice\":{\"type\":\"any\"}"
#define NAMED_SCHEMA "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":" \
		     "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\",\"properties\":{}}}}]," HI
#define MARKED CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\",\"cache_control\":{\"type\":\"ephemeral\"}}]}")
#define ASKED "\"input\":\"Hi\""
#define GEMINI_HI "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]}]"
#define GEMINI_CALLED "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]},{\"role\":\"model\",\"parts\":[{" \
		      "\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{}}}]},{\"role\":\"user\",\"parts\":[{" \
		      "\"functionResponse\":{\"id\":\"c1\",\"name\":\"f\",\"response\":{\"output\":\"42\"}}}]}]"

static const struct row rows[] = {
	/* Words for reasoning. The verbatim relay says the client's wish in the provider's words as well. */
	{ ON(THINKING_TYPE), { FROM_CHAT, LOW, { "\"thinking\":{\"type\":\"enabled\"}" }, { "\"reasoning_effort\":\"low\"", "thinking" } } },
	{ ON(THINKING_TYPE), { RELAYED, OFF, { "\"thinking\":{\"type\":\"disabled\"}", "effort" }, { OFF } } },
	{ ON(THINKING_TYPE), { RELAYED, HI ",\"thinking\":{\"type\":\"enabled\",\"keep\":\"all\"}",
			       { HI ",\"thinking\":{\"type\":\"enabled\",\"keep\":\"all\"}" } } },
	{ ON(ENABLE_THINKING), { FROM_CLAUDE, HI ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}",
				 { "\"enable_thinking\":true,\"thinking_budget\":2000" }, { "\"reasoning_effort\"", "thinking" } } },
	{ ON(ENABLE_THINKING), { RELAYED, OFF, { "\"enable_thinking\":false", "effort" }, { OFF, "thinking" } } },
	{ ON(REASONING_OBJECT), { FROM_CLAUDE, HI ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}",
				  { "\"reasoning\":{\"max_tokens\":2000}" }, { "\"reasoning_effort\"", "\"reasoning\":" } } },
	{ ON(REASONING_OBJECT), { RELAYED, LOW, { "\"reasoning\":{\"effort\":\"low\"}", "reasoning_effort" }, { LOW } } },
	{ ON(CHAT_TEMPLATE_THINKING), { FROM_CHAT, OFF, { "\"chat_template_kwargs\":{\"enable_thinking\":false}", "effort" },
					{ "\"reasoning_effort\":\"none\"", "kwargs" } } },
	{ ON(CHAT_TEMPLATE_THINKING), { RELAYED, OFF, { "\"chat_template_kwargs\":{\"enable_thinking\":false}", "effort" }, { OFF } } },
	{ ON(CHAT_TEMPLATE_THINKING), { RELAYED, LOW, { LOW, "kwargs" }, { LOW, "kwargs" } }, &efforts },
	{ ON(REASONING_ENABLED), { FROM_CHAT, LOW, { "\"reasoning\":{\"enabled\":true},\"reasoning_effort\":\"low\"" },
				   { "\"reasoning_effort\":\"low\"", "enabled" } } },
	{ ON(REASONING_ENABLED), { RELAYED, OFF, { "\"reasoning\":{\"enabled\":false}", "effort" }, { OFF } } },
	{ ON(REASONING_SPLIT), { FROM_CLAUDE, HI, { "\"reasoning_split\":true" }, { .lacks = "reasoning_split" } } },
	{ ON(REASONING_SPLIT), { RELAYED, HI, { HI "}", "reasoning_split" }, { HI "}" } } },
	/* What is called otherwise. */
	{ ON(NO_DEVELOPER_ROLE), { FROM_CHAT, SYSTEM("developer"), { "\"role\":\"system\"", "developer" }, { "developer" } } },
	{ ON(NO_DEVELOPER_ROLE), { RELAYED, SYSTEM("developer"), { "\"role\":\"system\"", "developer" }, { "developer" } } },
	{ ON(MAX_TOKENS_ONLY), { FROM_CHAT, HI ",\"max_completion_tokens\":5", { "\"max_tokens\":5", "completion" }, { "\"max_tokens\":5" } } },
	{ ON(MAX_TOKENS_ONLY), { RELAYED, HI ",\"max_completion_tokens\":5", { "\"max_tokens\":5", "completion" },
				 { "\"max_completion_tokens\":5" } } },
	{ ON(TEXT_CONTENT), { FROM_CHAT, PARTS, { "\"content\":\"a\\n\\nb\"" }, { "\"text\":\"b\"" } } },
	{ ON(TEXT_CONTENT), { RELAYED, PARTS, { "\"content\":\"a\\n\\nb\"" }, { "\"text\":\"b\"" } } },
	{ ON(JSON_OBJECT_ONLY), { FROM_CLAUDE, HI ",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"," \
				  "\"properties\":{},\"additionalProperties\":false}}}",
				  { "\"response_format\":{\"type\":\"json_object\"}", "json_schema" }, { "\"type\":\"json_schema\"" } } },
	{ ON(JSON_OBJECT_ONLY), { RELAYED, HI "," CHAT_SCHEMA, { "valid for this JSON schema", "json_schema" },
				  { "\"type\":\"json_schema\"", "valid for" } } },
	{ ON(REQUIRED_IS_ANY), { FROM_CLAUDE, CLAUDE_ANY, { "\"tool_choice\":\"any\"" }, { "\"tool_choice\":\"required\"" } } },
	{ ON(REQUIRED_IS_ANY), { RELAYED, CHAT_TOOL("") "," HI ",\"tool_choice\":\"required\"", { "\"tool_choice\":\"any\"" },
				 { "\"tool_choice\":\"required\"" } } },
	{ ON(RANDOM_SEED), { FROM_CHAT, HI ",\"seed\":5", { "\"random_seed\":5", "\"seed\"" }, { "\"seed\":5", "random" } } },
	{ ON(RANDOM_SEED), { RELAYED, HI ",\"seed\":5", { "\"random_seed\":5", "\"seed\"" }, { "\"seed\":5", "random" } } },
	{ ON(SHORT_TOOL_IDS), { FROM_CLAUDE, CLAUDE_TOOL "," CHAT(USER("Hi") "," CLAUDE_CALLED), { .lacks = "call_1" }, { "call_1" } } },
	{ ON(SHORT_TOOL_IDS), { RELAYED, CHAT_TOOL("") "," CHAT(USER("Hi") "," CHAT_CALLED), { .lacks = "call_1" }, { "call_1" } } },
	{ ON(TOOL_RESULT_NAME), { FROM_CLAUDE, CLAUDE_TOOL "," CHAT(USER("Hi") "," CLAUDE_CALLED),
				  { "\"tool_call_id\":\"call_1\",\"name\":\"f\"" }, { .lacks = "\"tool_call_id\":\"call_1\",\"name\"" } } },
	{ ON(TOOL_RESULT_NAME), { RELAYED, CHAT_TOOL("") "," CHAT(USER("Hi") "," CHAT_CALLED),
				  { "\"tool_call_id\":\"call_1\",\"name\":\"f\"" }, { .lacks = "\"tool_call_id\":\"call_1\",\"name\"" } } },
	{ ON(MERGE_TURNS), { FROM_CLAUDE, TWICE, { "\"content\":\"a\\n\\nb\"" }, { "\"content\":\"b\"" } } },
	{ ON(MERGE_TURNS), { RELAYED, TWICE, { "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}" }, { TWICE } } },
	{ ON(NO_SCHEMA_MEMBER), { FROM_CHAT, NAMED_SCHEMA, { .lacks = "$schema" }, { "$schema" } } },
	{ ON(NO_SCHEMA_MEMBER), { RELAYED, NAMED_SCHEMA, { .lacks = "$schema" }, { "$schema" } } },
	{ ON(PARALLEL_IS_ASKED), { FROM_CLAUDE, CLAUDE_TOOL "," HI, { "\"parallel_tool_calls\":true" }, { .lacks = "parallel" } } },
	{ ON(EXTRA_CONTENT), { FROM_CLAUDE, CLAUDE_TOOL "," CHAT(USER("Hi") "," CLAUDE_CALLED),
			       { "\"extra_content\":{\"google\":{\"thought_signature\":" }, { .lacks = "extra_content" } } },
	/* What only some know. */
	{ ON(VIDEO_URL), { WAY_TRANSLATED, &dialect_gemini, &dialect_openai_chat, VIDEO, { "\"type\":\"video_url\"" }, { .refused = true } } },
	{ ON(VIDEO_URL), { RELAYED, CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://x/a\"}}]}"),
			   { "video_url" }, { "video_url" } } },
	{ ON(PREFIX), { FROM_CLAUDE, PREFILL, { "\"content\":\"Ho\",\"prefix\":true" }, { .refused = true } } },
	{ ON(PREFIX), { RELAYED, PREFILL, { "\"content\":\"Ho\",\"prefix\":true" }, { .lacks = "prefix" } } },
	{ ON(PARTIAL), { FROM_CLAUDE, PREFILL, { "\"content\":\"Ho\",\"partial\":true" }, { .refused = true } } },
	{ ON(PARTIAL), { RELAYED, PREFILL, { "\"content\":\"Ho\",\"partial\":true" }, { .lacks = "partial" } } },
	{ ON(CACHE_CONTROL), { FROM_CLAUDE, MARKED, { "\"cache_control\":{\"type\":\"ephemeral\"}" }, { .lacks = "cache_control" } } },
	{ ON(PROMPT_CACHE_KEY), { WAY_TRANSLATED, &dialect_openai_responses, &dialect_openai_chat, ASKED ",\"prompt_cache_key\":\"k\"",
				  { "\"prompt_cache_key\":\"k\"" }, { .lacks = "prompt_cache_key" } } },
	/* What some do not know: left out. */
	{ ON(NO_USER), { FROM_CHAT, HI ",\"user\":\"u\"", { .lacks = "\"user\":" }, { "\"user\":\"u\"" } } },
	{ ON(NO_USER), { RELAYED, HI ",\"user\":\"u\",\"safety_identifier\":\"s\"", { HI "}" }, { "\"user\":\"u\",\"safety_identifier\"" } } },
	{ ON(NO_STRICT), { FROM_CHAT, CHAT_TOOL(",\"strict\":true") "," HI, { .lacks = "strict" }, { "\"strict\":true" } } },
	{ ON(NO_STRICT), { RELAYED, CHAT_TOOL(",\"strict\":true") "," HI, { .lacks = "strict" }, { "\"strict\":true" } } },
	{ ON(NO_STRICT), { TO_RESPONSES, CLAUDE_TOOL "," HI, { .lacks = "strict" }, { "\"strict\":" } } },
	{ ON(NO_PARALLEL_CONTROL), { FROM_CHAT, CHAT_TOOL("") "," HI ",\"parallel_tool_calls\":false", { .lacks = "parallel" },
				     { "\"parallel_tool_calls\":false" } } },
	{ ON(NO_PARALLEL_CONTROL), { RELAYED, CHAT_TOOL("") "," HI ",\"parallel_tool_calls\":true", { .lacks = "parallel" },
				     { "\"parallel_tool_calls\":true" } } },
	{ ON(NO_PENALTIES), { FROM_CHAT, HI ",\"frequency_penalty\":1,\"presence_penalty\":1", { .lacks = "penalty" },
			      { "\"frequency_penalty\":1,\"presence_penalty\":1" } } },
	{ ON(NO_PENALTIES), { RELAYED, HI ",\"frequency_penalty\":1", { .lacks = "penalty" }, { "\"frequency_penalty\":1" } } },
	{ ON(NO_SEED), { FROM_CHAT, HI ",\"seed\":5", { .lacks = "seed" }, { "\"seed\":5" } } },
	{ ON(NO_SEED), { RELAYED, HI ",\"seed\":5", { .lacks = "seed" }, { "\"seed\":5" } } },
	{ ON(NO_LOGIT_BIAS), { FROM_CHAT, HI ",\"logit_bias\":{\"5\":1}", { .lacks = "bias" }, { "\"logit_bias\":{\"5\":1}" } } },
	{ ON(NO_LOGIT_BIAS), { RELAYED, HI ",\"logit_bias\":{\"5\":1}", { .lacks = "bias" }, { "\"logit_bias\":{\"5\":1}" } } },
	{ ON(NO_SERVICE_TIER), { FROM_CHAT, HI ",\"service_tier\":\"flex\"", { .lacks = "tier" }, { "\"service_tier\":\"flex\"" } } },
	{ ON(NO_SERVICE_TIER), { RELAYED, HI ",\"service_tier\":\"flex\"", { .lacks = "tier" }, { "\"service_tier\":\"flex\"" } } },
	{ ON(NO_VERBOSITY), { FROM_CHAT, HI ",\"verbosity\":\"low\"", { .lacks = "verbosity" }, { "\"verbosity\":\"low\"" } } },
	{ ON(NO_VERBOSITY), { RELAYED, HI ",\"verbosity\":\"low\"", { .lacks = "verbosity" }, { "\"verbosity\":\"low\"" } } },
	{ ON(NO_METADATA), { FROM_CHAT, HI ",\"metadata\":{\"k\":\"v\"}", { .lacks = "metadata" }, { "\"metadata\":{\"k\":\"v\"}" } } },
	{ ON(NO_METADATA), { RELAYED, HI ",\"metadata\":{\"k\":\"v\"}", { .lacks = "metadata" }, { "\"metadata\":{\"k\":\"v\"}" } } },
	/* What is part of the meaning is refused instead: another candidate may know it. */
	{ ON(NO_N), { FROM_CHAT, HI ",\"n\":2", { .refused = true }, { "\"n\":2" } } },
	{ ON(NO_LOGPROBS), { FROM_CHAT, HI ",\"logprobs\":true", { .refused = true }, { "\"logprobs\":true" } } },
	{ ON(NO_STOP), { FROM_CHAT, HI ",\"stop\":[\"a\"]", { .refused = true }, { "\"stop\":[\"a\"]" } } },
	{ ON(NO_CUSTOM_TOOLS), { FROM_CHAT, HI ",\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"g\"}}]", { .refused = true },
				 { "\"type\":\"custom\"" } } },
	{ ON(NO_FILE_DATA), { FROM_CHAT, CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\","
			      "\"file_data\":\"data:application/pdf;base64,JVBERi0x\"}}]}"), { .refused = true }, { "\"type\":\"file\"" } } },
	{ ON(NO_TOOLS), { FROM_CLAUDE, CLAUDE_TOOL "," HI, { .refused = true }, { "\"tools\"" } } },
	{ ON(NO_FORCED_TOOL), { FROM_CLAUDE, CLAUDE_ANY, { .refused = true }, { "\"tool_choice\":\"required\"" } } },
	{ ON(NO_IMAGE_URL), { FROM_CLAUDE, IMAGE, { .refused = true }, { "https://x.example/a.png" } } },
	/* Answers. */
	{ ON(OUTPUT_EXCLUDES_REASONING), { WAY_USAGE, &dialect_openai_chat, &dialect_openai_chat,
		"{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\"}," \
		"\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":10,\"total_tokens\":13," \
		"\"completion_tokens_details\":{\"reasoning_tokens\":100}}}", { "110" }, { "10", "110" } } },
	/* openai-responses */
	{ ON(NO_STORE), { TO_RESPONSES, HI, { .lacks = "store" }, { "\"store\":false" } } },
	{ ON(NO_STORE), { RELAYED_RESPONSES, ASKED ",\"store\":true", { .lacks = "store" }, { "\"store\":true" } } },
	{ ON(NO_ENCRYPTED_REASONING), { TO_RESPONSES, HI ",\"thinking\":{\"type\":\"adaptive\"}", { .lacks = "encrypted" },
					{ "\"include\":[\"reasoning.encrypted_content\"]" } }, &efforts },
	{ ON(NO_ENCRYPTED_REASONING), { RELAYED_RESPONSES, ASKED ",\"include\":[\"reasoning.encrypted_content\",\"web_search_call.results\"]",
					{ "\"include\":[\"web_search_call.results\"]" }, { "encrypted" } } },
	/* Paths and envelopes. */
	{ ON(DEPLOYMENT_PATH), { PATH(dialect_openai_chat), "", { "/deployments/a%2Fb/chat/completions?api-version=" OPENAI_AZURE_VERSION },
				 { "/chat/completions", "deployments" } } },
	{ ON(DEPLOYMENT_PATH), { PATH(dialect_openai_chat), "api-version=2024-10-21", { "/deployments/a%2Fb/chat/completions?api-version=2024-10-21" },
				 { "/chat/completions?api-version=2024-10-21", "deployments" } } },
	{ ON(DEPLOYMENT_PATH), { PATH(dialect_openai_responses), "a=b", { "/responses?api-version=" OPENAI_AZURE_VERSION "&a=b" },
				 { "/responses?a=b" } } },
	{ ON(VERTEX_PATH), { PATH(dialect_anthropic), "beta=true", { "/publishers/anthropic/models/a%2Fb:rawPredict", "beta" },
			     { "/v1/messages?beta=true" } } },
	{ ON(VERTEX_PATH), { WAY_TRANSLATED, &dialect_openai_chat, &dialect_anthropic, HI, { "\"anthropic_version\":\"vertex-", "\"model\"" },
			     { "\"model\":\"own\"", "anthropic_version" } } },
	{ ON(VERTEX_PATH), { WAY_RELAYED, &dialect_anthropic, &dialect_anthropic, HI, { "\"anthropic_version\":\"vertex-", "\"model\"" },
			     { "\"model\":\"own\"", "anthropic_version" } } },
	{ ON(VERTEX_BODY), { TO_GEMINI, HI ",\"metadata\":{\"team\":\"a\"}", { "\"labels\":{\"team\":\"a\"}" }, { .lacks = "labels" } } },
	{ ON(VERTEX_BODY), { TO_GEMINI, HI ",\"service_tier\":\"flex\"", { .lacks = "Tier" }, { "\"serviceTier\":\"flex\"" } } },
	{ ON(VERTEX_BODY), { RELAYED_GEMINI, GEMINI_HI ",\"serviceTier\":\"flex\",\"store\":false", { GEMINI_HI "}", "serviceTier" },
			     { "\"serviceTier\":\"flex\",\"store\":false" } } },
	{ ON(NO_FUNCTION_CALL_ID), { TO_GEMINI, CHAT_TOOL("") "," CHAT(USER("Hi") "," CHAT_CALLED), { .lacks = "\"id\"" },
				     { "\"id\":\"call_1\"" } } },
	{ ON(NO_FUNCTION_CALL_ID), { RELAYED_GEMINI, GEMINI_CALLED, { "\"functionCall\":{\"name\":\"f\",\"args\":{}}", "\"id\"" },
				     { "\"id\":\"c1\"" } } },
};

/* They change no request: the plan reads them (policy/plan_binding.c; plan tests, test/e2e/test_translation.py). */
static const uint64_t flows = QUIRK_STREAM_ONLY | QUIRK_NO_STREAM | QUIRK_COMPAT;

static void test_quirks(void **state)
{
	uint64_t seen = flows;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct model_rules *rules = rows[i].rules ? rows[i].rules : &unknown;
		struct target_property with = { rules, rows[i].quirk }, without = { rules, 0 };
		unsigned index = (unsigned)__builtin_ctzll(rows[i].quirk);

		check_case(&rows[i].k, &with, &without, quirk_names[index]);
		seen |= rows[i].quirk;
	}
	for (unsigned i = 0; i < QUIRK_COUNT; i++)
		if (!(seen & 1ull << i))
			fail_msg("%s has no row", quirk_names[i]);
}

/* Every base query that a classic Azure URL may have. */
static void test_base_query(void **state)
{
	static const struct { const char *query, *base, *expected; } cases[] = {
		{ "", "api-version=2024-10-21", "/embeddings?api-version=2024-10-21" },
		{ "api-version=v", "api-version=2024-10-21", "/embeddings?api-version=v" },
		{ "?a=b", "api-version=2024-10-21", "/embeddings?api-version=2024-10-21&a=b" },
		{ "", "x=y", "/embeddings?api-version=" OPENAI_AZURE_VERSION },
	};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct request_route route = { .operation = OPERATION_EMBEDDINGS, .model = SLICE("d"), .quirks = QUIRK_DEPLOYMENT_PATH,
					       .query = slice_cstr(cases[i].query), .base_query = slice_cstr(cases[i].base) };

		assert_slice(dialect_openai_chat.request_path(&route, &a), arena_printf(&a, "/deployments/d%s", cases[i].expected).ptr);
	}
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_quirks), cmocka_unit_test(test_base_query) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
