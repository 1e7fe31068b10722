/* SPDX-License-Identifier: Apache-2.0 */
/* What a model accepts in a request, as data: rows of catalogue/rules.yaml, matched by model name, compiled in. Writers
 * of requests read these and nothing else; no code asks for a model's name. What a row forbids is left out of the
 * request and named, or rewritten, never sent to fail (DIALECTS §1.2, §3.12). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "llm/token_family.h"

/* Where system text goes. */
enum system_role {
	SYSTEM_AS_SYSTEM,
	SYSTEM_AS_DEVELOPER,           /* OpenAI's reasoning models */
	SYSTEM_AS_USER                 /* Gemma: put before the first user turn's text */
};

enum sampling {                        /* temperature, top_p, top_k, min_p, and logprobs with them */
	SAMPLING_ACCEPTED,
	SAMPLING_WITHOUT_REASONING,    /* only while reasoning is off */
	SAMPLING_REJECTED
};

/* Which knob turns reasoning. */
enum reasoning_control {
	REASONING_UNKNOWN,             /* no source says: what was asked is passed in the dialect's usual form */
	REASONING_ABSENT,              /* does not reason: the wish is dropped and named */
	REASONING_EFFORT,              /* a word: OpenAI's reasoning_effort, xAI, Groq's gpt-oss, Mistral, … */
	REASONING_ADAPTIVE,            /* Anthropic ≥ 4.6: thinking adaptive + output_config.effort */
	REASONING_BUDGET,              /* tokens: Anthropic ≤ 4.5, Gemini 2.5, Qwen's thinking_budget */
	REASONING_LEVEL,               /* Gemini ≥ 3: thinkingLevel */
	REASONING_TOGGLE,              /* on or off: thinking {type}, enable_thinking, Ollama's think */
	REASONING_ALWAYS               /* always reasons, nothing to turn */
};

enum {                                 /* bits of model_rules.efforts, weakest first */
	EFFORT_NONE = 1 << 0,
	EFFORT_MINIMAL = 1 << 1,
	EFFORT_LOW = 1 << 2,
	EFFORT_MEDIUM = 1 << 3,
	EFFORT_HIGH = 1 << 4,
	EFFORT_XHIGH = 1 << 5,
	EFFORT_MAX = 1 << 6,
};

enum {                                 /* bits of model_rules.rejects: leads to a 400 there, or is ignored */
	REJECTS_STOP = 1 << 0,
	REJECTS_PENALTIES = 1 << 1,
	REJECTS_LOGPROBS = 1 << 2,
	REJECTS_LOGIT_BIAS = 1 << 3,
	REJECTS_SEED = 1 << 4,
	REJECTS_TOP_K = 1 << 5,
	REJECTS_TEMPERATURE_WITH_TOP_P = 1 << 6,    /* one of the two only; temperature wins */
	REJECTS_FORCED_TOOL = 1 << 7,               /* any, required, a named tool */
	REJECTS_FORCED_TOOL_WITH_REASONING = 1 << 8, /* Anthropic ≤ 4.x while thinking */
	REJECTS_PREFILL = 1 << 9,                   /* the conversation may not end with the assistant */
	REJECTS_LATER_SYSTEM = 1 << 10,             /* system text only before the conversation */
	REJECTS_TOOLS_ON_CHAT = 1 << 11,            /* openai-chat: tools only in Responses */
	REJECTS_TOOLS_ON_CHAT_WITH_REASONING = 1 << 12,
	REJECTS_SCHEMA = 1 << 13,                   /* no native structured output */
	REJECTS_SCHEMA_WITH_TOOLS = 1 << 14,        /* Gemini 2.x, Cohere */
	REJECTS_MAX_TOKENS_NAME = 1 << 15,          /* openai-chat: max_completion_tokens instead of max_tokens */
	REJECTS_REASONING_OFF = 1 << 16,            /* reasoning cannot be switched off: the weakest instead */
	REJECTS_REASONING_OFF_ABOVE_HIGH = 1 << 17, /* Opus 5: disabled only when effort ≤ high */
	REJECTS_PARALLEL_CONTROL = 1 << 18,         /* parallel_tool_calls */
	REJECTS_USER_AFTER_TOOL = 1 << 19,          /* Mistral: an assistant turn must stand between */
	REJECTS_VERBOSITY = 1 << 20,                /* OpenAI before GPT-5 */
};

/* How prompt-cache markers are said to it. */
enum cache_marks {
	CACHE_MARKS_NONE,              /* automatic or none: markers are dropped and named */
	CACHE_MARKS_CONTROL,           /* Anthropic's cache_control, also where OpenRouter and Qwen carry it */
	CACHE_MARKS_BREAKPOINT,        /* OpenAI ≥ 5.6: prompt_cache_breakpoint + prompt_cache_options */
	CACHE_MARKS_POINT              /* Bedrock's cachePoint */
};

/* What happens to the reasoning text of earlier turns in dialects that carry it as plain text. */
enum reasoning_replay {
	REPLAY_OPTIONAL,
	REPLAY_CONTENT,                /* assistant turns with tool calls need reasoning_content (DeepSeek V4, Kimi) */
	REPLAY_DETAILS,                /* reasoning_details go back unchanged (OpenRouter) */
	REPLAY_FORBIDDEN               /* a 400 with it (DeepSeek R1) */
};

/* How chat completions are asked to search the web. */
enum search_words {
	SEARCH_WORDS_NONE,             /* they are not */
	SEARCH_WORDS_OPTIONS           /* web_search_options (OpenAI's search models, Perplexity) */
};

/* How one call at a time is said where the dialect has no word for it. */
enum single_call {
	SINGLE_CALL_UNSAID,
	SINGLE_CALL_TOOL_CHOICE        /* Converse: Claude's own tool_choice among additionalModelRequestFields */
};

struct model_rules {
	enum system_role system_role;
	enum sampling sampling;
	enum reasoning_control reasoning;
	unsigned efforts;              /* EFFORT_… it knows; 0 = no source says */
	int64_t budget_min, budget_max; /* REASONING_BUDGET; 0 = no source says */
	enum cache_marks cache_marks;
	enum reasoning_replay replay;
	unsigned rejects;              /* REJECTS_… */
	int stop_max;                  /* how many stop sequences; 0 = no source says */
	enum token_family tokens;      /* how a prompt is counted; TOKENS_UNSAID: as the dialect's own models do */
	enum search_words web_search;
	enum single_call single_call;
	double temperature_max;        /* larger values are cut to it; 0 = no source says */
};

/* A model nothing is known of: everything is passed as the dialect has it. */
extern const struct model_rules model_rules_unknown;
