/* SPDX-License-Identifier: Apache-2.0 */
/* Where a provider's version of a dialect differs from the dialect: named bits of a binding, set by its row in
 * catalogue/providers.yaml (same names in lower case, without the prefix) or by `quirks:` in the configuration,
 * honoured by the dialect's code; docs/providers.md is made of the comments. One comment, source and test each
 * (DIALECTS §7). What concerns a single model is a rule, not a quirk (llm/rules.h). Readers are lenient without being
 * told: quirks are mostly about what is written. */
#pragma once

#define QUIRKS(X) \
	/* openai-chat: the words for reasoning */ \
	X(THINKING_TYPE)          /* thinking: {type: enabled|disabled} (DeepSeek, Moonshot, Zhipu, Ark) */ \
	X(ENABLE_THINKING)        /* enable_thinking and thinking_budget (Qwen, §7.10) */ \
	X(REASONING_OBJECT)       /* reasoning: {effort | max_tokens | enabled} (OpenRouter, §7.4) */ \
	X(CHAT_TEMPLATE_THINKING) /* chat_template_kwargs: {enable_thinking} (vLLM, SGLang) */ \
	X(REASONING_ENABLED)      /* reasoning: {enabled} beside reasoning_effort (Together, §7.5) */ \
	X(REASONING_SPLIT)        /* reasoning_split: true, else it is <think> in the text (MiniMax) */ \
	/* openai-chat: what it does not know or calls otherwise */ \
	X(NO_DEVELOPER_ROLE)   /* system text is always role system */ \
	X(MAX_TOKENS_ONLY)     /* max_tokens, never max_completion_tokens */ \
	X(TEXT_CONTENT)        /* content without media must be one string, not parts */ \
	X(JSON_OBJECT_ONLY)    /* no json_schema: json_object, the schema in words (DeepSeek) */ \
	X(REQUIRED_IS_ANY)     /* tool_choice "any" for "required" (Mistral) */ \
	X(NO_FORCED_TOOL)      /* tool_choice knows auto and none only */ \
	X(RANDOM_SEED)         /* random_seed for seed (Mistral) */ \
	X(SHORT_TOOL_IDS)      /* tool call ids are exactly nine letters or digits (Mistral, §3.6) */ \
	X(TOOL_RESULT_NAME)    /* tool messages carry the tool's name (Mistral) */ \
	X(NO_USER)             /* no user / safety_identifier member */ \
	X(NO_STRICT)           /* tools know no strict */ \
	X(NO_PARALLEL_CONTROL) /* no parallel_tool_calls */ \
	X(NO_N)                /* one choice only */ \
	X(NO_LOGPROBS)         /* no logprobs and top_logprobs */ \
	X(NO_LOGIT_BIAS)       /* no logit_bias */ \
	X(NO_PENALTIES)        /* no frequency_penalty and presence_penalty */ \
	X(NO_SEED)             /* no seed */ \
	X(NO_STOP)             /* no stop */ \
	X(NO_SERVICE_TIER)     /* no service_tier */ \
	X(NO_METADATA)         /* no metadata */ \
	X(NO_VERBOSITY)        /* no verbosity, which is OpenAI's (§3.15) */ \
	X(NO_CUSTOM_TOOLS)     /* functions only: custom tools are OpenAI's (§3.4) */ \
	X(NO_FILE_DATA)        /* no content part file, which is OpenAI's (§3.3) */ \
	X(NO_TOOLS)            /* the provider takes no tools at all (Perplexity) */ \
	X(NO_IMAGE_URL)        /* images as data only */ \
	X(VIDEO_URL)           /* content part video_url (OpenRouter, Moonshot, Qwen) */ \
	X(PREFIX)              /* prefill by `prefix: true` on the last message (Mistral, DeepSeek beta) */ \
	X(PARTIAL)             /* prefill by `partial: true` on the last message (Moonshot, §7.9) */ \
	X(CACHE_CONTROL)       /* takes cache_control on content parts (OpenRouter, DashScope) */ \
	X(PROMPT_CACHE_KEY)    /* takes prompt_cache_key although it is not OpenAI (§3.11) */ \
	X(MERGE_TURNS)         /* turns of the same role become one (Perplexity: must alternate) */ \
	X(NO_SCHEMA_MEMBER)    /* $schema is cut from tool parameters (Moonshot, §7.9) */ \
	X(PARALLEL_IS_ASKED)   /* parallel_tool_calls is false unless said (DashScope, §7.10) */ \
	X(EXTRA_CONTENT)       /* tool calls carry extra_content.google.thought_signature (§2.2) */ \
	/* openai-chat: answers */ \
	X(OUTPUT_EXCLUDES_REASONING) /* completion_tokens without reasoning_tokens (xAI, Perplexity, §4.4) */ \
	/* openai-responses */ \
	X(NO_STORE)               /* refuses `store` and previous_response_id */ \
	X(NO_ENCRYPTED_REASONING) /* `include` knows no reasoning.encrypted_content */ \
	/* paths and envelopes */ \
	X(DEPLOYMENT_PATH) /* /openai/deployments/{model}/…?api-version= (Azure classic, §7.14) */ \
	X(VERTEX_PATH)     /* publishers/{maker}/models/{model}:rawPredict; no model in the body (§2.2) */ \
	X(VERTEX_BODY)     /* Vertex's Gemini: no function call ids, labels allowed */ \
	X(COMPAT)          /* an imitation beside the native API: spoken only where that cannot carry the request */ \
	X(STREAM_ONLY)     /* answers in streams only: whole answers are folded from them */ \
	X(NO_STREAM)       /* answers whole only: streams are written from them */ \
	/* gemini */ \
	X(NO_FUNCTION_CALL_ID) /* functionCall and functionResponse carry no id */

enum quirk_index {
#define X(name) QUIRK_INDEX_##name,
	QUIRKS(X)
#undef X
	QUIRK_COUNT
};

enum {
#define X(name) QUIRK_##name = 1ull << QUIRK_INDEX_##name,
	QUIRKS(X)
#undef X
};
/* "THINKING_TYPE": by index. */
extern const char *const quirk_names[QUIRK_COUNT];

_Static_assert(QUIRK_COUNT <= 64, "quirks are bits of a uint64_t");
