/* SPDX-License-Identifier: Apache-2.0 */
/* Models and what their row says; every row of catalogue/rules.yaml is met by at least one of them. Sources stand beside
 * the rows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "provider/rules.h"

enum { ROWS_MAX = 512 };

enum {                                 /* short, for the table */
	N = EFFORT_NONE, I = EFFORT_MINIMAL, L = EFFORT_LOW, M = EFFORT_MEDIUM, H = EFFORT_HIGH, X = EFFORT_XHIGH, Y = EFFORT_MAX
};

struct expected {
	const char *provider, *name;
	enum sampling sampling;
	enum reasoning_control reasoning;
	unsigned efforts;
	unsigned rejects;              /* all of these */
	unsigned accepts;              /* none of these */
};

static const struct expected models[] = {
	{ "", "gpt-6-sol", SAMPLING_WITHOUT_REASONING, REASONING_EFFORT, N | L | M | H | X | Y,
	  REJECTS_TOOLS_ON_CHAT_WITH_REASONING | REJECTS_STOP | REJECTS_MAX_TOKENS_NAME, REJECTS_TOOLS_ON_CHAT },
	{ "", "gpt-6.1-terra-2026-10-01", SAMPLING_WITHOUT_REASONING, REASONING_EFFORT, N | L | M | H | X | Y, 0, 0 },
	{ "", "gpt-6.2-astra", SAMPLING_REJECTED, REASONING_EFFORT, L | M | H | X | Y,
	  REJECTS_TOOLS_ON_CHAT | REJECTS_REASONING_OFF | REJECTS_LOGPROBS, 0 },
	{ "", "gpt-6.1-sol", SAMPLING_REJECTED, REASONING_EFFORT, L | M | H | X | Y, REJECTS_TOOLS_ON_CHAT, 0 },
	{ "", "gpt-5.1-chat-latest", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, REJECTS_MAX_TOKENS_NAME },
	{ "", "gpt-5.6-sol", SAMPLING_WITHOUT_REASONING, REASONING_EFFORT, N | L | M | H | X | Y,
	  REJECTS_TOOLS_ON_CHAT_WITH_REASONING, 0 },
	{ "", "gpt-5.5", SAMPLING_WITHOUT_REASONING, REASONING_EFFORT, N | L | M | H | X, REJECTS_LOGIT_BIAS,
	  REJECTS_LOGPROBS | REJECTS_TOOLS_ON_CHAT_WITH_REASONING },
	{ "", "gpt-5.4-mini", SAMPLING_WITHOUT_REASONING, REASONING_EFFORT, N | L | M | H | X, 0, 0 },
	{ "", "gpt-5.1-2025-11-13", SAMPLING_WITHOUT_REASONING, REASONING_EFFORT, N | L | M | H, 0, 0 },
	{ "", "gpt-5-2025-08-07", SAMPLING_REJECTED, REASONING_EFFORT, I | L | M | H, REJECTS_REASONING_OFF, 0 },
	{ "", "gpt-5-nano", SAMPLING_REJECTED, REASONING_EFFORT, I | L | M | H, REJECTS_STOP, 0 },
	{ "", "o3-mini", SAMPLING_REJECTED, REASONING_EFFORT, L | M | H, REJECTS_PENALTIES | REJECTS_LOGIT_BIAS, 0 },
	{ "", "o1", SAMPLING_REJECTED, REASONING_EFFORT, L | M | H, 0, 0 },
	{ "groq", "openai/gpt-oss-120b", SAMPLING_ACCEPTED, REASONING_EFFORT, L | M | H, REJECTS_REASONING_OFF, 0 },
	{ "cloudflare", "@cf/openai/gpt-oss-20b", SAMPLING_ACCEPTED, REASONING_EFFORT, L | M | H, REJECTS_REASONING_OFF, 0 },
	{ "", "gpt-5-search-api", SAMPLING_REJECTED, REASONING_ABSENT, 0, 0, 0 },
	{ "", "codex-mini-latest", SAMPLING_REJECTED, REASONING_EFFORT, L | M | H, 0, 0 },
	{ "", "gpt-4o-mini-search-preview", SAMPLING_REJECTED, REASONING_ABSENT, 0, 0, 0 },
	{ "", "gpt-4o", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, REJECTS_STOP | REJECTS_MAX_TOKENS_NAME },
	{ "", "ft:gpt-4o-2024-08-06:org::id", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, 0 },
	{ "", "gpt-3.5-turbo", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, 0 },

	{ "", "claude-opus-5.5", SAMPLING_REJECTED, REASONING_ADAPTIVE, L | M | H | X | Y,
	  REJECTS_FORCED_TOOL | REJECTS_REASONING_OFF | REJECTS_PREFILL, 0 },
	{ "", "claude-fable-5-2", SAMPLING_REJECTED, REASONING_ADAPTIVE, L | M | H | X | Y, REJECTS_FORCED_TOOL, 0 },
	{ "", "claude-haiku-5-5", SAMPLING_REJECTED, REASONING_ADAPTIVE, L | M | H | X | Y, REJECTS_REASONING_OFF_ABOVE_HIGH,
	  REJECTS_FORCED_TOOL | REJECTS_REASONING_OFF },
	{ "", "claude-opus-5", SAMPLING_REJECTED, REASONING_ADAPTIVE, L | M | H | X | Y, REJECTS_REASONING_OFF_ABOVE_HIGH,
	  REJECTS_LATER_SYSTEM },
	{ "", "claude-sonnet-5", SAMPLING_REJECTED, REASONING_ADAPTIVE, L | M | H | X | Y, REJECTS_PREFILL,
	  REJECTS_REASONING_OFF_ABOVE_HIGH },
	{ "", "claude-fable-5-20260601", SAMPLING_REJECTED, REASONING_ADAPTIVE, L | M | H | X | Y, 0, REJECTS_FORCED_TOOL },
	{ "bedrock", "us.anthropic.claude-opus-4-7-v1:0", SAMPLING_REJECTED, REASONING_ADAPTIVE, L | M | H | X | Y,
	  REJECTS_LATER_SYSTEM, 0 },
	{ "openrouter", "anthropic/claude-sonnet-4.6", SAMPLING_WITHOUT_REASONING, REASONING_ADAPTIVE, L | M | H | Y,
	  REJECTS_PREFILL | REJECTS_TEMPERATURE_WITH_TOP_P, 0 },
	{ "vertex", "claude-opus-4-5@20251101", SAMPLING_WITHOUT_REASONING, REASONING_BUDGET, L | M | H,
	  REJECTS_FORCED_TOOL_WITH_REASONING, REJECTS_PREFILL | REJECTS_SCHEMA },
	{ "", "claude-haiku-4.5", SAMPLING_WITHOUT_REASONING, REASONING_BUDGET, 0, 0, REJECTS_SCHEMA },
	{ "", "claude-opus-4.1", SAMPLING_WITHOUT_REASONING, REASONING_BUDGET, 0, 0, REJECTS_SCHEMA },
	{ "", "claude-sonnet-4-20250514", SAMPLING_WITHOUT_REASONING, REASONING_BUDGET, 0, REJECTS_SCHEMA, REJECTS_PREFILL },
	{ "", "claude-3-7-sonnet-20250219", SAMPLING_WITHOUT_REASONING, REASONING_BUDGET, 0, REJECTS_SCHEMA, 0 },
	{ "", "claude-3-5-haiku-20241022", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, REJECTS_SCHEMA, REJECTS_PREFILL },
	{ "", "claude-epic-9", SAMPLING_REJECTED, REASONING_ADAPTIVE, L | M | H | X | Y, 0, 0 },

	{ "", "gemini-4-argon", SAMPLING_REJECTED, REASONING_LEVEL, I | L | M | H, REJECTS_REASONING_OFF, 0 },
	{ "", "gemini-4-hydrogen", SAMPLING_ACCEPTED, REASONING_LEVEL, I | L | M | H | X, 0, 0 },
	{ "", "gemini-3.1-pro-preview", SAMPLING_ACCEPTED, REASONING_LEVEL, L | M | H, 0, REJECTS_SCHEMA_WITH_TOOLS },
	{ "", "gemini-3.7-flash", SAMPLING_ACCEPTED, REASONING_LEVEL, L | M | H, 0, 0 },
	{ "", "gemini-3-flash", SAMPLING_ACCEPTED, REASONING_LEVEL, I | L | M | H, 0, 0 },
	{ "google", "gemini-2.5-pro", SAMPLING_ACCEPTED, REASONING_BUDGET, 0, REJECTS_REASONING_OFF | REJECTS_PENALTIES, 0 },
	{ "vertex", "gemini-2.5-pro", SAMPLING_ACCEPTED, REASONING_BUDGET, 0, REJECTS_SCHEMA_WITH_TOOLS, REJECTS_PENALTIES },
	{ "", "gemini-2.5-flash-image", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, 0 },
	{ "", "gemini-2.5-flash-lite", SAMPLING_ACCEPTED, REASONING_BUDGET, 0, 0, REJECTS_REASONING_OFF },
	{ "vertex", "gemini-2.5-flash", SAMPLING_ACCEPTED, REASONING_BUDGET, 0, 0, REJECTS_REASONING_OFF | REJECTS_PENALTIES },
	{ "vertex", "gemini-flash-latest", SAMPLING_ACCEPTED, REASONING_BUDGET, 0, 0, REJECTS_REASONING_OFF | REJECTS_PENALTIES },
	{ "", "gemini-2.0-flash", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, REJECTS_SCHEMA_WITH_TOOLS, 0 },
	{ "google", "gemma-4-31b-it", SAMPLING_ACCEPTED, REASONING_TOGGLE, 0, 0, 0 },
	{ "", "gemini-pro-latest", SAMPLING_ACCEPTED, REASONING_LEVEL, L | M | H, 0, 0 },
	{ "google", "gemma-3-27b-it", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, 0 },

	{ "", "grok-4.20-0309-non-reasoning", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, REJECTS_STOP },
	{ "", "grok-3-mini", SAMPLING_ACCEPTED, REASONING_EFFORT, L | H, REJECTS_STOP | REJECTS_PENALTIES, 0 },
	{ "", "grok-4.20-multi-agent-0309", SAMPLING_ACCEPTED, REASONING_EFFORT, L | M | H | X, 0, 0 },
	{ "openrouter", "x-ai/grok-4.6", SAMPLING_ACCEPTED, REASONING_EFFORT, N | L | M | H | X, 0, REJECTS_REASONING_OFF },
	{ "", "grok-4-0709", SAMPLING_ACCEPTED, REASONING_ALWAYS, 0, REJECTS_STOP, 0 },
	{ "", "grok-4.3", SAMPLING_ACCEPTED, REASONING_EFFORT, N | L | M | H, REJECTS_STOP, 0 },
	{ "", "grok-4.7", SAMPLING_ACCEPTED, REASONING_EFFORT, N | L | M | H, 0, 0 },

	{ "deepseek", "deepseek-v4-pro", SAMPLING_ACCEPTED, REASONING_EFFORT, L | H | Y, REJECTS_FORCED_TOOL_WITH_REASONING,
	  REJECTS_REASONING_OFF | REJECTS_FORCED_TOOL },
	{ "deepseek", "deepseek-reasoner", SAMPLING_REJECTED, REASONING_ALWAYS, 0, REJECTS_LOGPROBS, 0 },
	{ "together", "deepseek-ai/DeepSeek-R1", SAMPLING_ACCEPTED, REASONING_ALWAYS, 0, REJECTS_REASONING_OFF, 0 },
	{ "bedrock", "us.deepseek.r1-v1:0", SAMPLING_ACCEPTED, REASONING_ALWAYS, 0, 0, 0 },
	{ "fireworks", "accounts/fireworks/models/deepseek-v3p1", SAMPLING_ACCEPTED, REASONING_TOGGLE, N | L | M | H, 0, 0 },
	{ "deepseek", "deepseek-chat", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, 0 },

	{ "moonshot", "kimi-k3", SAMPLING_REJECTED, REASONING_EFFORT, L | H | Y, REJECTS_REASONING_OFF, 0 },
	{ "", "kimi-k2.7-code", SAMPLING_ACCEPTED, REASONING_ALWAYS, 0, REJECTS_REASONING_OFF, 0 },
	{ "fireworks", "accounts/fireworks/models/kimi-k2p6", SAMPLING_ACCEPTED, REASONING_TOGGLE, L | M | H, 0, REJECTS_REASONING_OFF },
	{ "moonshot", "kimi-k2.6", SAMPLING_REJECTED, REASONING_TOGGLE, 0, 0, 0 },
	{ "together", "moonshotai/Kimi-K2-Thinking", SAMPLING_ACCEPTED, REASONING_ALWAYS, 0, 0, 0 },
	{ "", "kimi-k2-0905-preview", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, 0 },

	{ "zai", "glm-5.2", SAMPLING_ACCEPTED, REASONING_EFFORT, H | Y, 0, 0 },
	{ "fireworks", "accounts/fireworks/models/glm-5", SAMPLING_ACCEPTED, REASONING_TOGGLE, N | H | Y, 0, 0 },
	{ "novita", "zai-org/glm-4.6", SAMPLING_ACCEPTED, REASONING_TOGGLE, 0, 0, 0 },
	{ "zai", "glm-4.5-air", SAMPLING_ACCEPTED, REASONING_TOGGLE, 0, 0, 0 },
	{ "", "glm-4-9b", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, 0 },

	{ "", "Qwen/Qwen3-Coder-480B-A35B-Instruct", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, 0 },
	{ "dashscope", "qwen3-next-80b-a3b-thinking", SAMPLING_ACCEPTED, REASONING_BUDGET, 0, REJECTS_REASONING_OFF, 0 },
	{ "", "QwQ-32B", SAMPLING_ACCEPTED, REASONING_ALWAYS, 0, 0, 0 },
	{ "dashscope", "qwen3.7-max", SAMPLING_ACCEPTED, REASONING_BUDGET, 0, 0, REJECTS_REASONING_OFF },
	{ "groq", "qwen/qwen3.6-27b", SAMPLING_ACCEPTED, REASONING_EFFORT, N, 0, 0 },
	{ "ollama", "qwen3:32b", SAMPLING_ACCEPTED, REASONING_TOGGLE, 0, 0, 0 },

	{ "mistral", "magistral-medium-latest", SAMPLING_ACCEPTED, REASONING_ALWAYS, 0, REJECTS_USER_AFTER_TOOL, 0 },
	{ "mistral", "mistral-small-2603", SAMPLING_ACCEPTED, REASONING_EFFORT, N | I | L | M | H | X, 0, REJECTS_REASONING_OFF },
	{ "bedrock", "mistral.mistral-large-2407-v1:0", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, REJECTS_USER_AFTER_TOOL, 0 },

	{ "cohere", "command-a-reasoning-08-2025", SAMPLING_ACCEPTED, REASONING_BUDGET, N | H, REJECTS_SCHEMA_WITH_TOOLS, 0 },
	{ "cohere", "command-a-plus-05-2026", SAMPLING_ACCEPTED, REASONING_BUDGET, N | H, REJECTS_SCHEMA_WITH_TOOLS, 0 },
	{ "cohere", "command-a-03-2025", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, REJECTS_PARALLEL_CONTROL, 0 },
	{ "cohere", "command-r-plus-08-2024", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, REJECTS_PARALLEL_CONTROL, 0 },

	{ "bedrock", "us.amazon.nova-2-lite-v1:0", SAMPLING_ACCEPTED, REASONING_EFFORT, L | M | H, REJECTS_SEED, 0 },
	{ "bedrock", "amazon.nova-pro-v1:0", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, REJECTS_PENALTIES, 0 },

	{ "minimax", "MiniMax-M2.5", SAMPLING_ACCEPTED, REASONING_ALWAYS, 0, REJECTS_REASONING_OFF, 0 },
	{ "minimax", "MiniMax-M3", SAMPLING_ACCEPTED, REASONING_TOGGLE, 0, 0, 0 },

	{ "volcengine", "doubao-seed-1-6-250615", SAMPLING_ACCEPTED, REASONING_TOGGLE, 0, 0, 0 },
	{ "volcengine", "doubao-seed-2-0-pro-260215", SAMPLING_ACCEPTED, REASONING_EFFORT, I | L | M | H, 0, 0 },

	{ "perplexity", "sonar-deep-research", SAMPLING_ACCEPTED, REASONING_EFFORT, L | M | H, 0, 0 },
	{ "perplexity", "sonar-reasoning-pro", SAMPLING_ACCEPTED, REASONING_ALWAYS, 0, 0, 0 },
	{ "perplexity", "sonar-pro", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, 0 },
	{ "groq", "llama-3.3-70b-versatile", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, 0 },
	{ "hyperbolic", "meta-llama/Llama-3.3-70B-Instruct", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, 0 },
	{ "ai21", "jamba-large", SAMPLING_ACCEPTED, REASONING_ABSENT, 0, 0, 0 },
};

static void check_model(const struct expected *e)
{
	const struct model_rules *rules = rules_find(slice_cstr(e->provider), (struct slice){ 0 }, slice_cstr(e->name));

	if (rules == &model_rules_unknown || rules->sampling != e->sampling || rules->reasoning != e->reasoning ||
	    rules->efforts != e->efforts || (rules->rejects & e->rejects) != e->rejects || rules->rejects & e->accepts)
		print_message("%s at '%s': sampling %d, reasoning %d, efforts %x, rejects %x\n", e->name, e->provider,
			      rules->sampling, rules->reasoning, rules->efforts, rules->rejects);
	assert_ptr_not_equal(rules, &model_rules_unknown);
	assert_int_equal(rules->sampling, e->sampling);
	assert_int_equal(rules->reasoning, e->reasoning);
	assert_int_equal(rules->efforts, e->efforts);
	assert_int_equal(rules->rejects & e->rejects, e->rejects);
	assert_int_equal(rules->rejects & e->accepts, 0);
}

static void test_models_have_their_rules(void **state)
{
	for (size_t i = 0; i < COUNT_OF(models); i++)
		check_model(&models[i]);
}

static void test_every_row_is_met(void **state)
{
	bool met[ROWS_MAX] = { false };

	assert_true(rule_index_count <= ROWS_MAX);
	for (size_t i = 0; i < COUNT_OF(models); i++) {
		const struct rule_row *row = rules_find_row(slice_cstr(models[i].provider), slice_cstr(models[i].name));

		assert_non_null(row);
		met[row->index] = true;
	}
	/* The last is the one without a name, below. */
	for (unsigned i = 0; i + 1 < rule_index_count; i++) {
		if (!met[i])
			print_message("no model is asserted for row %u of catalogue/rules.yaml\n", i + 1);
		assert_true(met[i]);
	}
}

static const struct model_rules *find(const char *provider, const char *public_id, const char *own_id)
{
	return rules_find(slice_cstr(provider), slice_cstr(public_id), slice_cstr(own_id));
}

static void test_other_knobs(void **state)
{
	assert_int_equal(find("", "gpt-5.5", "")->system_role, SYSTEM_AS_DEVELOPER);
	assert_int_equal(find("", "gpt-4o", "")->system_role, SYSTEM_AS_SYSTEM);
	assert_int_equal(find("", "gpt-4o", "")->stop_max, 4);
	assert_true(find("", "gpt-4o", "")->temperature_max == 2);
	assert_int_equal(find("google", "gemma-3-27b-it", "")->system_role, SYSTEM_AS_USER);
	assert_int_equal(find("vertex", "gemma-4-31b-it", "")->system_role, SYSTEM_AS_USER);
	assert_int_equal(find("together", "google/gemma-4-31B-it", "")->system_role, SYSTEM_AS_SYSTEM);
	assert_ptr_equal(find("ollama", "gemma3", "gemma3:4b"), &model_rules_unknown);
	assert_int_equal(find("", "gemini-2.5-pro", "")->budget_min, 128);
	assert_int_equal(find("vertex", "gemini-2.5-pro", "")->budget_max, 32768);
	assert_int_equal(find("", "gemini-2.5-flash", "")->budget_min, 0);
	assert_int_equal(find("", "gemini-2.5-flash-lite", "")->budget_min, 512);
	assert_int_equal(find("", "gemini-2.5-flash", "")->budget_max, 24576);
	assert_int_equal(find("", "gemini-2.5-flash", "")->stop_max, 5);
	assert_int_equal(find("", "claude-sonnet-4.5", "")->budget_min, 1024);
	assert_true(find("", "claude-sonnet-4.5", "")->temperature_max == 1);
	assert_true(find("mistral", "magistral-small", "")->temperature_max == 1.5);
	assert_int_equal(find("zai", "glm-4.6", "")->stop_max, 1);
	assert_int_equal(find("together", "glm-4.6", "")->stop_max, 0);
	assert_int_equal(find("cohere", "command-a-reasoning-08-2025", "")->stop_max, 5);
}

/* Whose prompts are counted alike, where a maker's models differ. */
static void test_token_families(void **state)
{
	static const struct { const char *name; enum token_family family; } rows[] = {
		{ "claude-3-5-haiku-latest", TOKENS_ANTHROPIC_3 }, { "claude-3-7-sonnet-20250219", TOKENS_ANTHROPIC },
		{ "claude-sonnet-4-5", TOKENS_ANTHROPIC_4_5 },     { "claude-opus-4-7", TOKENS_ANTHROPIC_5 },
		{ "gemini-2.5-flash", TOKENS_GEMINI },             { "gemini-flash-latest", TOKENS_GEMINI_3 },
		{ "command-r-08-2024", TOKENS_COHERE_R },          { "command-r7b-12-2024", TOKENS_COHERE },
		{ "command-a-03-2025", TOKENS_COHERE },            { "command-a-plus-05-2026", TOKENS_COHERE_PLUS },
		{ "command-a-reasoning-08-2025", TOKENS_COHERE_REASONING },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(find("", rows[i].name, "")->tokens, rows[i].family);
}

static void test_cache_marks(void **state)
{
	assert_int_equal(find("", "claude-opus-4.7", "")->cache_marks, CACHE_MARKS_CONTROL);
	assert_int_equal(find("bedrock", "claude-opus-4.7", "")->cache_marks, CACHE_MARKS_POINT);
	assert_int_equal(find("bedrock", "claude-3-haiku", "")->cache_marks, CACHE_MARKS_POINT);
	assert_int_equal(find("bedrock", "", "amazon.nova-pro-v1:0")->cache_marks, CACHE_MARKS_POINT);
	assert_int_equal(find("", "gpt-5.6-sol", "")->cache_marks, CACHE_MARKS_BREAKPOINT);
	assert_int_equal(find("", "gpt-6.2-astra", "")->cache_marks, CACHE_MARKS_BREAKPOINT);
	assert_int_equal(find("", "gpt-5.5", "")->cache_marks, CACHE_MARKS_NONE);
	assert_int_equal(find("dashscope", "qwen3.7-max", "")->cache_marks, CACHE_MARKS_CONTROL);
	assert_int_equal(find("together", "qwen3.7-max", "")->cache_marks, CACHE_MARKS_NONE);
}

static void test_reasoning_replay(void **state)
{
	assert_int_equal(find("deepseek", "deepseek-v4-flash", "")->replay, REPLAY_CONTENT);
	assert_int_equal(find("deepseek", "deepseek-r1", "")->replay, REPLAY_FORBIDDEN);
	assert_int_equal(find("moonshot", "kimi-k2.6", "")->replay, REPLAY_CONTENT);
	assert_int_equal(find("zai", "glm-4.6", "")->replay, REPLAY_CONTENT);
	assert_int_equal(find("openrouter", "deepseek-v4-flash", "")->replay, REPLAY_DETAILS);
	assert_int_equal(find("openrouter", "claude-opus-4.7", "")->replay, REPLAY_DETAILS);
	/* A model that no row names, at a provider that differs for all it has. */
	assert_int_equal(find("openrouter", "nobody/knows-this", "")->replay, REPLAY_DETAILS);
	assert_int_equal(find("openrouter", "nobody/knows-this", "")->reasoning, REASONING_UNKNOWN);
	assert_int_equal(find("fireworks", "accounts/fireworks/models/new", "")->efforts, N | L | M | H);
}

static void test_public_id_first(void **state)
{
	assert_int_equal(find("", "gpt-5.5", "my-deployment")->reasoning, REASONING_EFFORT);
	assert_int_equal(find("", "my-model", "anthropic/claude-opus-4.7")->reasoning, REASONING_ADAPTIVE);
	assert_ptr_equal(find("", "my-model", "somebody/else"), &model_rules_unknown);
	assert_ptr_equal(find("", "", ""), &model_rules_unknown);
	assert_ptr_equal(find("", "my-gpt-5.5", ""), &model_rules_unknown);
	assert_ptr_equal(find("", ":::", "@"), &model_rules_unknown);
}

static void test_a_long_name_is_nobodys(void **state)
{
	char name[1000];

	memset(name, 'a', sizeof(name));
	memcpy(name, "gpt-5.5", 7);
	assert_ptr_equal(rules_find(SLICE("openai"), slice_of(name, sizeof(name)), (struct slice){ 0 }), &model_rules_unknown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_models_have_their_rules),
		cmocka_unit_test(test_every_row_is_met),
		cmocka_unit_test(test_other_knobs),
		cmocka_unit_test(test_token_families),
		cmocka_unit_test(test_cache_marks),
		cmocka_unit_test(test_reasoning_replay),
		cmocka_unit_test(test_public_id_first),
		cmocka_unit_test(test_a_long_name_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
