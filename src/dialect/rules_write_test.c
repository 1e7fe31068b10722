/* SPDX-License-Identifier: Apache-2.0 */
/* Every word of llm/rules.h: a request for a model with that rule and for one of which nothing is known, in the dialects
 * that it concerns, and the difference it must make. A word without a row fails. */
#include "dialect/target_test.h"

enum rule_kind { REJECTS, SYSTEM_ROLE, SAMPLING, REASONING, MARKS, REPLAY, RULE_KINDS };

static const struct { const char *name; unsigned count; } kinds[RULE_KINDS] = {
	[REJECTS] = { "rejects", 20 }, [SYSTEM_ROLE] = { "system_role", SYSTEM_AS_USER + 1 },
	[SAMPLING] = { "sampling", SAMPLING_REJECTED + 1 }, [REASONING] = { "reasoning", REASONING_ALWAYS + 1 },
	[MARKS] = { "cache_marks", CACHE_MARKS_POINT + 1 }, [REPLAY] = { "replay", REPLAY_FORBIDDEN + 1 },
};
_Static_assert(REJECTS_USER_AFTER_TOOL == 1 << 19, "the last of the bits that are counted above");

struct row {
	enum rule_kind kind;
	struct model_rules rules;
	struct target_case k;
	struct model_rules without;
};

#define NO(name) REJECTS, { .rejects = REJECTS_##name }
#define WITH(kind_, member, value) kind_, { .member = value }
#define TO(client_, target_) WAY_TRANSLATED, &dialect_##client_, &dialect_##target_
#define RELAY(name) WAY_RELAYED, &dialect_##name, &dialect_##name

#define SYSTEM CHAT("{\"role\":\"system\",\"content\":\"Word\"}," USER("Hi"))
#define LATER CHAT(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\"},{\"role\":\"system\",\"content\":\"Word\"}," USER("Go"))
#define PREFILL CHAT(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\"}")
#define LOW HI ",\"reasoning_effort\":\"low\""
#define OFF HI ",\"reasoning_effort\":\"none\""
#define WARM HI ",\"temperature\":0.5,\"top_p\":0.25"
#define NAMED CHAT_TOOL("") "," HI ",\"tool_choice\":\"required\""
#define SERIAL CHAT_TOOL("") "," HI ",\"parallel_tool_calls\":false"
#define FORMAT HI "," CHAT_SCHEMA
#define MARKED CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\",\"cache_control\":{\"type\":\"ephemeral\"}}]}")
#define CLAUDE_LOW HI ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}"
#define THOUGHT CHAT_TOOL("") "," CHAT(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":\"Hm\",\"tool_calls\":[{" \
		"\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\"," \
		"\"tool_call_id\":\"call_1\",\"content\":\"42\"}")
#define AFTER_TOOL CLAUDE_TOOL "," CHAT(USER("Hi") "," CLAUDE_CALLED "," USER("And?"))
#define IS(text) { .holds = text }
#define LACKS(text) { .lacks = text }
#define REFUSED { .refused = true }

static const struct row rows[] = {
	/* What leads to a 400: parts of the meaning are refused, the rest is left out. */
	{ NO(STOP), { TO(openai_chat, openai_chat), HI ",\"stop\":[\"a\"]", REFUSED, IS("\"stop\"") } },
	{ NO(STOP), { TO(openai_chat, anthropic), HI ",\"stop\":[\"a\"]", REFUSED, IS("\"stop_sequences\"") } },
	{ NO(PENALTIES), { TO(openai_chat, openai_chat), HI ",\"presence_penalty\":1", LACKS("penalty"), IS("\"presence_penalty\":1") } },
	{ NO(PENALTIES), { RELAY(openai_chat), HI ",\"presence_penalty\":1", LACKS("penalty"), IS("\"presence_penalty\":1") } },
	{ NO(PENALTIES), { TO(openai_chat, gemini), HI ",\"presence_penalty\":1", LACKS("enalty"), IS("\"presencePenalty\":1") } },
	{ NO(PENALTIES), { TO(openai_chat, cohere), HI ",\"presence_penalty\":1", LACKS("penalty"), IS("\"presence_penalty\":1") } },
	{ NO(PENALTIES), { TO(openai_chat, ollama), HI ",\"presence_penalty\":1", LACKS("penalty"), IS("\"presence_penalty\":1") } },
	{ NO(LOGPROBS), { TO(openai_chat, openai_chat), HI ",\"logprobs\":true", REFUSED, IS("\"logprobs\":true") } },
	{ NO(LOGPROBS), { TO(openai_chat, gemini), HI ",\"logprobs\":true", REFUSED, IS("\"responseLogprobs\":true") } },
	{ NO(LOGIT_BIAS), { TO(openai_chat, openai_chat), HI ",\"logit_bias\":{\"5\":1}", LACKS("logit"), IS("\"logit_bias\"") } },
	{ NO(LOGIT_BIAS), { RELAY(openai_chat), HI ",\"logit_bias\":{\"5\":1}", LACKS("logit"), IS("\"logit_bias\"") } },
	{ NO(SEED), { TO(openai_chat, openai_chat), HI ",\"seed\":5", LACKS("seed"), IS("\"seed\":5") } },
	{ NO(SEED), { TO(openai_chat, gemini), HI ",\"seed\":5", LACKS("seed"), IS("\"seed\":5") } },
	{ NO(SEED), { TO(openai_chat, cohere), HI ",\"seed\":5", LACKS("seed"), IS("\"seed\":5") } },
	{ NO(SEED), { TO(openai_chat, ollama), HI ",\"seed\":5", LACKS("seed"), IS("\"seed\":5") } },
	{ NO(TOP_K), { TO(openai_chat, anthropic), HI ",\"top_k\":5", LACKS("top_k"), IS("\"top_k\":5") } },
	{ NO(TOP_K), { TO(anthropic, gemini), HI ",\"top_k\":5", LACKS("topK"), IS("\"topK\":5") } },
	{ NO(TOP_K), { RELAY(openai_chat), HI ",\"top_k\":5", LACKS("top_k"), IS("\"top_k\":5") } },
	{ NO(TOP_K), { TO(anthropic, bedrock), HI ",\"top_k\":5", LACKS("top_k"), IS("\"top_k\":5") } },
	{ NO(TEMPERATURE_WITH_TOP_P), { TO(openai_chat, anthropic), WARM, { "\"temperature\":0.5", "top_p" }, IS("\"top_p\":0.25") } },
	{ NO(TEMPERATURE_WITH_TOP_P), { TO(openai_chat, bedrock), WARM, { "\"temperature\":0.5", "topP" }, IS("\"topP\":0.25") } },
	{ NO(TEMPERATURE_WITH_TOP_P), { RELAY(anthropic), WARM, { "\"temperature\":0.5", "top_p" }, IS("\"top_p\":0.25") } },
	{ NO(FORCED_TOOL), { TO(openai_chat, anthropic), NAMED, REFUSED, IS("\"tool_choice\":{\"type\":\"any\"}") } },
	{ NO(FORCED_TOOL), { TO(anthropic, openai_chat), CLAUDE_TOOL "," HI ",\"tool_choice\":{\"type\":\"any\"}", REFUSED, IS("\"required\"") } },
	{ NO(FORCED_TOOL), { TO(openai_chat, bedrock), NAMED, REFUSED, IS("\"toolChoice\":{\"any\":{}}") } },
	{ NO(FORCED_TOOL_WITH_REASONING), { TO(openai_chat, anthropic), NAMED ",\"reasoning_effort\":\"low\"",
	{ "\"any\"", "thinking" }, IS("\"thinking\"") } },
	{ NO(FORCED_TOOL_WITH_REASONING), { TO(openai_chat, anthropic), NAMED, IS("\"any\""), IS("\"any\"") } },
	{ NO(PREFILL), { TO(openai_chat, anthropic), PREFILL, REFUSED, IS("\"Ho\"") } },
	{ NO(PREFILL), { TO(openai_chat, bedrock), PREFILL, REFUSED, IS("\"Ho\"") } },
	{ NO(LATER_SYSTEM), { TO(openai_chat, anthropic), LATER, { "Word", "\"role\":\"system\"" }, IS("\"role\":\"system\"") } },
	{ NO(LATER_SYSTEM), { TO(anthropic, openai_chat), LATER, { "Word", "\"role\":\"system\"" }, IS("\"role\":\"system\"") } },
	{ NO(LATER_SYSTEM), { TO(openai_chat, cohere), LATER, { "Word", "\"role\":\"system\"" }, IS("\"role\":\"system\"") } },
	{ NO(LATER_SYSTEM), { TO(openai_chat, ollama), LATER, { "Word", "\"role\":\"system\"" }, IS("\"role\":\"system\"") } },
	{ NO(TOOLS_ON_CHAT), { TO(anthropic, openai_chat), CLAUDE_TOOL "," HI, REFUSED, IS("\"tools\"") } },
	{ NO(TOOLS_ON_CHAT), { TO(anthropic, openai_responses), CLAUDE_TOOL "," HI, IS("\"tools\""), IS("\"tools\"") } },
	{ NO(TOOLS_ON_CHAT_WITH_REASONING), { TO(openai_chat, openai_chat), CHAT_TOOL("") "," LOW, REFUSED, IS("\"tools\"") } },
	{ NO(TOOLS_ON_CHAT_WITH_REASONING), { TO(openai_chat, openai_chat), CHAT_TOOL("") "," OFF, IS("\"tools\""), IS("\"tools\"") } },
	{ NO(SCHEMA), { TO(openai_chat, anthropic), FORMAT, IS("json_output"), { "\"output_config\"", "json_output" } } },
	{ NO(SCHEMA), { TO(openai_chat, bedrock), FORMAT, IS("json_output"), LACKS("json_output") } },
	{ NO(SCHEMA), { TO(openai_chat, openai_chat), FORMAT, { "valid for this JSON schema", "json_schema" }, IS("json_schema") } },
	{ NO(SCHEMA), { TO(openai_chat, gemini), FORMAT, REFUSED, IS("responseJsonSchema") } },
	{ NO(SCHEMA_WITH_TOOLS), { TO(openai_chat, gemini), CHAT_TOOL("") "," FORMAT, REFUSED, IS("responseJsonSchema") } },
	{ NO(SCHEMA_WITH_TOOLS), { TO(openai_chat, cohere), CHAT_TOOL("") "," FORMAT, REFUSED, IS("\"response_format\"") } },
	{ NO(MAX_TOKENS_NAME), { TO(openai_chat, openai_chat), HI ",\"max_tokens\":5", { "\"max_completion_tokens\":5", "\"max_tokens\"" },
				 IS("\"max_tokens\":5") } },
	{ NO(MAX_TOKENS_NAME), { RELAY(openai_chat), HI ",\"max_tokens\":5", { "\"max_completion_tokens\":5", "\"max_tokens\"" },
				 IS("\"max_tokens\":5") } },
	{ NO(REASONING_OFF), { TO(openai_chat, openai_chat), OFF, IS("\"reasoning_effort\":\"low\""), IS("\"reasoning_effort\":\"none\"") } },
	{ NO(REASONING_OFF), { RELAY(openai_chat), OFF, IS("\"reasoning_effort\":\"low\""), IS("\"reasoning_effort\":\"none\"") } },
	{ NO(REASONING_OFF), { TO(openai_chat, openai_responses), OFF, LACKS("\"effort\":\"none\""), IS("\"effort\":\"none\"") } },
	{ NO(REASONING_OFF), { TO(openai_chat, anthropic), OFF, LACKS("disabled"), IS("\"thinking\":{\"type\":\"disabled\"}") } },
	{ REJECTS, { .rejects = REJECTS_REASONING_OFF, .reasoning = REASONING_BUDGET, .budget_min = 128 },
	  { TO(openai_chat, gemini), OFF, IS("\"thinkingBudget\":128"), IS("\"thinkingBudget\":0") }, { .reasoning = REASONING_BUDGET } },
	{ NO(REASONING_OFF), { TO(openai_chat, cohere), OFF, LACKS("disabled"), IS("\"thinking\":{\"type\":\"disabled\"}") } },
	{ NO(REASONING_OFF), { TO(openai_chat, ollama), OFF, LACKS("\"think\":false"), IS("\"think\":false") } },
	{ REJECTS, { .rejects = REJECTS_REASONING_OFF_ABOVE_HIGH, .reasoning = REASONING_ADAPTIVE },
	  { TO(anthropic, anthropic), HI ",\"thinking\":{\"type\":\"disabled\"},\"output_config\":{\"effort\":\"max\"}", LACKS("\"max\""), IS("\"max\"") },
	  { .reasoning = REASONING_ADAPTIVE } },
	{ NO(PARALLEL_CONTROL), { TO(openai_chat, openai_chat), SERIAL, LACKS("parallel"), IS("\"parallel_tool_calls\":false") } },
	{ NO(PARALLEL_CONTROL), { RELAY(openai_chat), SERIAL, LACKS("parallel"), IS("\"parallel_tool_calls\":false") } },
	{ NO(PARALLEL_CONTROL), { TO(openai_chat, openai_responses), SERIAL, LACKS("parallel"), IS("\"parallel_tool_calls\":false") } },
	{ NO(PARALLEL_CONTROL), { TO(openai_chat, anthropic), SERIAL, LACKS("parallel"), IS("\"disable_parallel_tool_use\":true") } },
	{ NO(USER_AFTER_TOOL), { TO(anthropic, openai_chat), AFTER_TOOL, IS("Understood."), LACKS("Understood.") } },
	/* Where system text goes. */
	{ WITH(SYSTEM_ROLE, system_role, SYSTEM_AS_SYSTEM), { TO(openai_chat, openai_chat), SYSTEM, IS("\"role\":\"system\""), IS("developer") },
	  { .system_role = SYSTEM_AS_DEVELOPER } },
	{ WITH(SYSTEM_ROLE, system_role, SYSTEM_AS_DEVELOPER), { TO(openai_chat, openai_chat), SYSTEM, IS("\"role\":\"developer\""),
	  IS("\"role\":\"system\"") } },
	{ WITH(SYSTEM_ROLE, system_role, SYSTEM_AS_DEVELOPER), { TO(openai_chat, openai_responses), LATER, IS("\"role\":\"developer\""),
	  IS("\"role\":\"system\"") } },
	{ WITH(SYSTEM_ROLE, system_role, SYSTEM_AS_USER), { TO(openai_chat, openai_chat), SYSTEM, { "Word", "\"system\"" }, IS("\"system\"") } },
	{ WITH(SYSTEM_ROLE, system_role, SYSTEM_AS_USER), { TO(openai_chat, openai_responses), SYSTEM, { "Word", "instructions" }, IS("instructions") } },
	{ WITH(SYSTEM_ROLE, system_role, SYSTEM_AS_USER), { TO(openai_chat, gemini), SYSTEM, { "Word", "systemInstruction" }, IS("systemInstruction") } },
	{ WITH(SYSTEM_ROLE, system_role, SYSTEM_AS_USER), { TO(openai_chat, cohere), SYSTEM, { "Word", "\"system\"" }, IS("\"system\"") } },
	{ WITH(SYSTEM_ROLE, system_role, SYSTEM_AS_USER), { TO(openai_chat, ollama), SYSTEM, { "Word", "\"system\"" }, IS("\"system\"") } },
	/* Sampling. */
	{ WITH(SAMPLING, sampling, SAMPLING_ACCEPTED), { TO(openai_chat, openai_chat), WARM, IS("\"temperature\":0.5"), LACKS("temperature") },
	  { .sampling = SAMPLING_REJECTED } },
	{ WITH(SAMPLING, sampling, SAMPLING_WITHOUT_REASONING), { TO(openai_chat, openai_chat), WARM ",\"reasoning_effort\":\"low\"", LACKS("temperature"),
	  IS("\"temperature\":0.5") } },
	{ WITH(SAMPLING, sampling, SAMPLING_WITHOUT_REASONING), { TO(openai_chat, openai_chat), WARM ",\"reasoning_effort\":\"none\"",
	  IS("\"temperature\":0.5"), LACKS("temperature") }, { .sampling = SAMPLING_REJECTED } },
	{ WITH(SAMPLING, sampling, SAMPLING_REJECTED), { RELAY(openai_chat), WARM, { HI "}", "top_p" }, IS("\"temperature\":0.5") } },
	{ WITH(SAMPLING, sampling, SAMPLING_REJECTED), { RELAY(openai_responses), "\"input\":\"Hi\",\"temperature\":1",
	  LACKS("temperature"), IS("temperature") } },
	{ WITH(SAMPLING, sampling, SAMPLING_REJECTED), { TO(openai_chat, anthropic), WARM, LACKS("temperature"), IS("\"temperature\":0.5") } },
	{ WITH(SAMPLING, sampling, SAMPLING_REJECTED), { TO(openai_chat, gemini), WARM, LACKS("temperature"), IS("\"temperature\":0.5") } },
	{ WITH(SAMPLING, sampling, SAMPLING_REJECTED), { TO(openai_chat, bedrock), WARM, LACKS("temperature"), IS("\"temperature\":0.5") } },
	{ WITH(SAMPLING, sampling, SAMPLING_REJECTED), { TO(openai_chat, cohere), WARM, LACKS("temperature"), IS("\"temperature\":0.5") } },
	{ WITH(SAMPLING, sampling, SAMPLING_REJECTED), { TO(openai_chat, ollama), WARM, LACKS("temperature"), IS("\"temperature\":0.5") } },
	/* The knob of reasoning. */
	{ WITH(REASONING, reasoning, REASONING_UNKNOWN), { TO(openai_chat, openai_chat), LOW, IS("\"reasoning_effort\":\"low\""), LACKS("effort") },
	  { .reasoning = REASONING_ABSENT } },
	{ WITH(REASONING, reasoning, REASONING_ABSENT), { RELAY(openai_chat), LOW, LACKS("effort"), IS("\"reasoning_effort\":\"low\"") } },
	{ WITH(REASONING, reasoning, REASONING_ABSENT), { TO(openai_chat, openai_responses), LOW, LACKS("effort"), IS("\"effort\":\"low\"") } },
	{ WITH(REASONING, reasoning, REASONING_ABSENT), { TO(openai_chat, anthropic), LOW, LACKS("thinking"), IS("\"thinking\"") } },
	{ WITH(REASONING, reasoning, REASONING_ABSENT), { TO(openai_chat, gemini), LOW, LACKS("thinking"), IS("\"thinkingConfig\"") } },
	{ WITH(REASONING, reasoning, REASONING_ABSENT), { TO(openai_chat, ollama), LOW, LACKS("think"), IS("\"think\"") } },
	{ WITH(REASONING, reasoning, REASONING_EFFORT), { TO(anthropic, openai_chat), HI ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}",
	  IS("\"reasoning_effort\""), LACKS("effort") }, { .reasoning = REASONING_ALWAYS } },
	{ WITH(REASONING, reasoning, REASONING_EFFORT), { TO(openai_chat, anthropic), LOW, { "\"effort\":\"low\"", "budget_tokens" }, IS("\"adaptive\"") } },
	{ WITH(REASONING, reasoning, REASONING_ADAPTIVE), { TO(openai_chat, anthropic), LOW, { "\"thinking\":{\"type\":\"adaptive\"}", "budget" },
	  IS("budget_tokens") }, { .reasoning = REASONING_BUDGET } },
	{ WITH(REASONING, reasoning, REASONING_ADAPTIVE), { TO(openai_chat, bedrock), LOW, IS("\"adaptive\""), LACKS("\"adaptive\"") } },
	{ WITH(REASONING, reasoning, REASONING_BUDGET), { TO(openai_chat, anthropic), LOW, IS("\"budget_tokens\":"), LACKS("budget_tokens") } },
	{ WITH(REASONING, reasoning, REASONING_BUDGET), { RELAY(anthropic), CLAUDE_LOW, { "\"budget_tokens\":", "output_config" }, IS("output_config") } },
	{ WITH(REASONING, reasoning, REASONING_BUDGET), { TO(openai_chat, gemini), LOW, IS("\"thinkingBudget\":"), LACKS("thinkingBudget") },
	  { .reasoning = REASONING_LEVEL } },
	{ WITH(REASONING, reasoning, REASONING_BUDGET), { TO(openai_chat, bedrock), LOW, IS("\"budget_tokens\":"), LACKS("budget_tokens") } },
	{ WITH(REASONING, reasoning, REASONING_LEVEL), { TO(openai_chat, gemini), LOW, IS("\"thinkingLevel\":\"LOW\""), LACKS("thinkingLevel") },
	  { .reasoning = REASONING_BUDGET } },
	{ WITH(REASONING, reasoning, REASONING_TOGGLE), { TO(openai_chat, ollama), LOW, IS("\"think\":true"), IS("\"think\":\"low\"") } },
	{ WITH(REASONING, reasoning, REASONING_TOGGLE), { TO(openai_chat, anthropic), LOW, IS("\"type\":\"enabled\""), LACKS("\"type\":\"enabled\"") } },
	{ WITH(REASONING, reasoning, REASONING_ALWAYS), { TO(openai_chat, openai_chat), LOW, LACKS("effort"), IS("\"reasoning_effort\":\"low\"") } },
	{ WITH(REASONING, reasoning, REASONING_ALWAYS), { TO(openai_chat, openai_responses), LOW, LACKS("\"effort\""), IS("\"effort\":\"low\"") } },
	{ WITH(REASONING, reasoning, REASONING_ALWAYS), { TO(openai_chat, anthropic), OFF, LACKS("disabled"), IS("\"disabled\"") } },
	{ WITH(REASONING, reasoning, REASONING_ALWAYS), { TO(openai_chat, ollama), OFF, LACKS("\"think\":false"), IS("\"think\":false") } },
	/* Markers of prompt caches. */
	{ WITH(MARKS, cache_marks, CACHE_MARKS_NONE), { TO(anthropic, openai_chat), MARKED, LACKS("cache"), IS("\"cache_control\"") },
	  { .cache_marks = CACHE_MARKS_CONTROL } },
	{ WITH(MARKS, cache_marks, CACHE_MARKS_CONTROL), { TO(anthropic, openai_chat), MARKED,
	  IS("\"cache_control\":{\"type\":\"ephemeral\"}"), LACKS("cache") } },
	{ WITH(MARKS, cache_marks, CACHE_MARKS_CONTROL), { TO(anthropic, bedrock), MARKED, IS("\"cachePoint\""), LACKS("cache") } },
	{ WITH(MARKS, cache_marks, CACHE_MARKS_BREAKPOINT), { TO(anthropic, openai_chat), MARKED, IS("\"prompt_cache_breakpoint\""), LACKS("cache") } },
	{ WITH(MARKS, cache_marks, CACHE_MARKS_BREAKPOINT), { TO(anthropic, openai_responses), MARKED, IS("\"prompt_cache_breakpoint\""), LACKS("cache") } },
	{ WITH(MARKS, cache_marks, CACHE_MARKS_POINT), { TO(anthropic, bedrock), MARKED, IS("\"cachePoint\""), LACKS("cache") } },
	/* Reasoning of earlier turns as text. */
	{ WITH(REPLAY, replay, REPLAY_OPTIONAL), { TO(openai_chat, openai_chat), THOUGHT, IS("\"reasoning_content\":\"Hm\""), LACKS("Hm") },
	  { .replay = REPLAY_FORBIDDEN } },
	{ WITH(REPLAY, replay, REPLAY_CONTENT), { TO(anthropic, openai_chat), CLAUDE_TOOL "," CHAT(USER("Hi") "," CLAUDE_CALLED),
	  IS("\"reasoning_content\":\" \""), LACKS("reasoning_content") } },
	{ WITH(REPLAY, replay, REPLAY_CONTENT), { TO(openai_chat, cohere), THOUGHT, IS("Hm"), LACKS("Hm") } },
	{ WITH(REPLAY, replay, REPLAY_CONTENT), { TO(openai_chat, ollama), THOUGHT, IS("\"thinking\":\"Hm\""), LACKS("Hm") } },
	{ WITH(REPLAY, replay, REPLAY_CONTENT), { TO(openai_chat, openai_responses), THOUGHT, IS("Hm"), LACKS("Hm") } },
	{ WITH(REPLAY, replay, REPLAY_CONTENT), { TO(openai_chat, bedrock), THOUGHT, IS("Hm"), LACKS("Hm") } },
	{ WITH(REPLAY, replay, REPLAY_DETAILS), { TO(openai_chat, openai_chat), CHAT(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\"," \
	  "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"Hm\",\"signature\":\"s\"}]}," USER("Go")), IS("\"reasoning_details\":[{"),
	  LACKS("reasoning_details") }, { .replay = REPLAY_FORBIDDEN } },
	{ WITH(REPLAY, replay, REPLAY_FORBIDDEN), { TO(openai_chat, openai_chat), THOUGHT, LACKS("Hm"), IS("\"reasoning_content\":\"Hm\"") } },
	{ WITH(REPLAY, replay, REPLAY_FORBIDDEN), { TO(ollama, ollama), CHAT(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\",\"thinking\":\"Hm\"}," \
	  USER("Go")), LACKS("Hm"), IS("\"thinking\":\"Hm\"") } },
};

static unsigned value_of(const struct row *row)
{
	switch (row->kind) {
	case REJECTS: return (unsigned)__builtin_ctz(row->rules.rejects);
	case SYSTEM_ROLE: return row->rules.system_role;
	case SAMPLING: return row->rules.sampling;
	case REASONING: return row->rules.reasoning;
	case MARKS: return row->rules.cache_marks;
	case REPLAY: return row->rules.replay;
	case RULE_KINDS: break;
	}
	return 0;
}

static void test_rules(void **state)
{
	unsigned seen[RULE_KINDS] = { 0 };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct target_property with = { .rules = &rows[i].rules }, without = { .rules = &rows[i].without };
		char name[64];

		snprintf(name, sizeof(name), "%s %u, %s to %s", kinds[rows[i].kind].name, value_of(&rows[i]), rows[i].k.client->name,
			 rows[i].k.target->name);
		check_case(&rows[i].k, &with, &without, name);
		seen[rows[i].kind] |= 1u << value_of(&rows[i]);
	}
	for (unsigned kind = 0; kind < RULE_KINDS; kind++)
		for (unsigned value = 0; value < kinds[kind].count; value++)
			if (!(seen[kind] & 1u << value))
				fail_msg("%s %u has no row", kinds[kind].name, value);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
