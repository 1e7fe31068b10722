/* SPDX-License-Identifier: Apache-2.0 */
/* Who counts alike: tokenizer, chat template and tool prompt. A model's family is data (`tokens` in
 * catalogue/rules.yaml); where no row says, the target's dialect does. */
#pragma once

#include "llm/dialect_id.h"

enum token_family {
	TOKENS_UNSAID,                 /* of no family: the number that prompt_length is */
	TOKENS_OPENAI,
	TOKENS_OPENAI_5,               /* GPT-5 and 5.1: on openai-chat tools cost more */
	TOKENS_ANTHROPIC_3,            /* Claude 3 and 3.5: a shorter tool prompt */
	TOKENS_ANTHROPIC,              /* 3.7 to 4.1 */
	TOKENS_ANTHROPIC_4_5,          /* 4.5 and 4.6: a longer tool prompt */
	TOKENS_ANTHROPIC_5,            /* since 4.7: another tokenizer */
	TOKENS_GEMINI,                 /* up to 2.5 */
	TOKENS_GEMINI_3,
	TOKENS_COHERE_R,               /* Command R: a prompt of its own, as all of Cohere's, but a shorter one */
	TOKENS_COHERE,                 /* Command A, R7B */
	TOKENS_COHERE_PLUS,
	TOKENS_COHERE_REASONING,
	TOKENS_GROK,                   /* a prompt of its own before everything */
	TOKENS_GROK_4_3,
	TOKENS_DEEPSEEK,
	TOKENS_DEEPSEEK_RESPONSES,     /* its openai-responses endpoint has a prompt of its own */
	TOKENS_MISTRAL,
	TOKENS_LLAMA,
	TOKENS_QWEN,
	TOKENS_GPT_OSS,
	TOKENS_GLM,
	TOKENS_KIMI,
	TOKENS_MINIMAX,
	TOKENS_NOVA,
	TOKENS_COUNT
};

struct model_rules;

/* What the model's row says, else the family of the dialect's own models. */
enum token_family token_family_of(const struct model_rules *rules, enum dialect_id dialect);
extern const char *const token_family_names[TOKENS_COUNT];
