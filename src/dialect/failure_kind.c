/* SPDX-License-Identifier: Apache-2.0 */
/* What an error is, whatever provider and dialect it came from: first by its machine-readable words, then by
 * signatures in its message, then by its status. The words are collected in DIALECTS §6.2 and §6.4 to §6.6; each
 * row names who says it. */
#include "dialect/dialect_internal.h"

struct word {
	const char *text;
	enum failure_kind kind;
};

/* Words that say more than the status they come with. */
static const struct word strong_words[] = {
	{ "context_length_exceeded", FAILURE_CONTEXT_LENGTH },          /* OpenAI, Azure, Groq, Cerebras, OpenRouter */
	{ "exceed_context_size_error", FAILURE_CONTEXT_LENGTH },        /* llama.cpp */
	{ "too_many_prompt_tokens", FAILURE_CONTEXT_LENGTH },           /* Perplexity, recorded */
	{ "tokens_too_long", FAILURE_CONTEXT_LENGTH },                  /* Qianfan */
	{ "characters_too_long", FAILURE_CONTEXT_LENGTH },
	{ "token_limit_exceeded", FAILURE_CONTEXT_LENGTH },             /* OpenRouter */
	{ "max_tokens_exceeded", FAILURE_CONTEXT_LENGTH },
	{ "string_too_long", FAILURE_CONTEXT_LENGTH },
	{ "request_too_large", FAILURE_CONTEXT_LENGTH },                /* Anthropic's 413 */
	{ "1261", FAILURE_CONTEXT_LENGTH },                             /* Zhipu */
	{ "content_filter", FAILURE_CONTENT_FILTER },                   /* Azure, Moonshot */
	{ "content_policy_violation", FAILURE_CONTENT_FILTER },         /* OpenAI, OpenRouter */
	{ "ResponsibleAIPolicyViolation", FAILURE_CONTENT_FILTER },     /* Azure */
	{ "moderation_blocked", FAILURE_CONTENT_FILTER },               /* OpenAI */
	{ "invalid_prompt", FAILURE_CONTENT_FILTER },
	{ "bio_policy", FAILURE_CONTENT_FILTER },
	{ "misalignment_policy_violation", FAILURE_CONTENT_FILTER },
	{ "image_content_policy_violation", FAILURE_CONTENT_FILTER },
	{ "data_inspection_failed", FAILURE_CONTENT_FILTER },           /* DashScope */
	{ "DataInspectionFailed", FAILURE_CONTENT_FILTER },
	{ "refusal", FAILURE_CONTENT_FILTER },                          /* OpenRouter */
	{ "1301", FAILURE_CONTENT_FILTER },                             /* Zhipu */
	{ "insufficient_quota", FAILURE_QUOTA },                        /* OpenAI */
	{ "credit_balance_exhausted", FAILURE_QUOTA },
	{ "organization_spend_limit_exceeded", FAILURE_QUOTA },
	{ "project_spend_limit_exceeded", FAILURE_QUOTA },
	{ "organization_usage_limit_exceeded", FAILURE_QUOTA },
	{ "billing_hard_limit_reached", FAILURE_QUOTA },
	{ "billing_not_active", FAILURE_QUOTA },
	{ "billing_error", FAILURE_QUOTA },                             /* Anthropic */
	{ "contract_spend_limit_reached", FAILURE_QUOTA },
	{ "enforced_spend_limit_reached", FAILURE_QUOTA },
	{ "exceeded_current_quota_error", FAILURE_QUOTA },              /* Moonshot */
	{ "payment_required", FAILURE_QUOTA },                          /* OpenRouter */
	{ "1113", FAILURE_QUOTA },                                      /* Zhipu: balance, under 429 */
	{ "model_not_found", FAILURE_MODEL_UNKNOWN },                   /* OpenAI, Groq and others */
	{ "model_not_supported", FAILURE_MODEL_UNKNOWN },               /* Hugging Face */
	{ "DeploymentNotFound", FAILURE_MODEL_UNKNOWN },                /* Azure */
	{ "invalid_model", FAILURE_MODEL_UNKNOWN },                     /* Mistral, recorded */
	{ "overloaded_error", FAILURE_OVERLOADED },                     /* Anthropic */
	{ "server_is_overloaded", FAILURE_OVERLOADED },                 /* OpenAI */
	{ "engine_overloaded_error", FAILURE_OVERLOADED },              /* Moonshot */
	{ "provider_overloaded", FAILURE_OVERLOADED },                  /* OpenRouter */
	{ "capacity_exceeded", FAILURE_OVERLOADED },                    /* Groq's 498 */
	{ "rate_limit_exceeded", FAILURE_RATE_LIMITED },                /* OpenAI, Groq (also with 413) */
	{ "rate_limit_error", FAILURE_RATE_LIMITED },                   /* Anthropic */
	{ "rate_limit_reached_error", FAILURE_RATE_LIMITED },           /* Moonshot */
	{ "rate_limited", FAILURE_RATE_LIMITED },                       /* Mistral, recorded */
	{ "RateLimitReached", FAILURE_RATE_LIMITED },                   /* Azure, recorded */
	{ "slow_down", FAILURE_RATE_LIMITED },                          /* OpenAI */
	{ "token_quota_reached", FAILURE_RATE_LIMITED },                /* DashScope, Hugging Face */
	{ "REQUEST_LIMIT_EXCEEDED", FAILURE_RATE_LIMITED },             /* Databricks */
	{ "RESOURCE_EXHAUSTED", FAILURE_RATE_LIMITED },                 /* Google */
	{ "invalid_api_key", FAILURE_CREDENTIALS },                     /* OpenAI and others */
	{ "API_KEY_INVALID", FAILURE_CREDENTIALS },                     /* Google, under 400: recorded */
	{ "CREDENTIALS_MISSING", FAILURE_CREDENTIALS },
	{ "authentication_error", FAILURE_CREDENTIALS },                /* Anthropic, DeepSeek */
	{ "UNAUTHENTICATED", FAILURE_CREDENTIALS },                     /* Google */
};

/* Words that only repeat a status, for errors inside an answer, where there is none. After the table that the AI
 * SDK uses for streams of Groq, DeepSeek, Moonshot and xAI (DIALECTS §6.2). */
static const struct word weak_words[] = {
	{ "server_error", FAILURE_SERVER }, { "api_error", FAILURE_SERVER },
	{ "internal_server_error", FAILURE_SERVER }, { "timeout", FAILURE_SERVER },
	{ "timeout_error", FAILURE_SERVER }, { "INTERNAL", FAILURE_SERVER },
	{ "UNAVAILABLE", FAILURE_SERVER }, { "DEADLINE_EXCEEDED", FAILURE_SERVER }, { "UNKNOWN", FAILURE_SERVER },
	{ "provider_unavailable", FAILURE_SERVER }, { "server", FAILURE_SERVER },
	{ "service_unavailable", FAILURE_OVERLOADED }, { "service_unavailable_error", FAILURE_OVERLOADED },
	{ "permission_error", FAILURE_CREDENTIALS }, { "permission_denied", FAILURE_CREDENTIALS },
	{ "authentication", FAILURE_CREDENTIALS },
};

/* Parts of messages, compared without case. */
static const struct word context_signatures[] = {
	{ "maximum context length", FAILURE_CONTEXT_LENGTH },           /* OpenAI, vLLM, DeepSeek, OpenRouter, Mistral */
	{ "exceeds the context window", FAILURE_CONTEXT_LENGTH },       /* OpenAI Responses */
	{ "input tokens exceed the configured limit", FAILURE_CONTEXT_LENGTH },
	{ "prompt is too long", FAILURE_CONTEXT_LENGTH },               /* Anthropic, Fireworks, Bedrock */
	{ "exceed context limit", FAILURE_CONTEXT_LENGTH },             /* Anthropic: input length and max_tokens */
	{ "exceeds the maximum number of tokens", FAILURE_CONTEXT_LENGTH }, /* Gemini */
	{ "request payload size exceeds", FAILURE_CONTEXT_LENGTH },
	{ "input is too long", FAILURE_CONTEXT_LENGTH },                /* Bedrock, Replicate */
	{ "input tokens exceeds maximum length", FAILURE_CONTEXT_LENGTH }, /* Bedrock's Nova, recorded */
	{ "too many tokens", FAILURE_CONTEXT_LENGTH },                  /* Bedrock, Cohere */
	{ "exceed model maximum", FAILURE_CONTEXT_LENGTH },             /* Bedrock Mantle */
	{ "model's context length", FAILURE_CONTEXT_LENGTH },           /* Mistral */
	{ "reduce the length of the messages", FAILURE_CONTEXT_LENGTH }, /* Groq */
	{ "total length of all messages is too long", FAILURE_CONTEXT_LENGTH }, /* Perplexity, recorded */
	{ "while limit is", FAILURE_CONTEXT_LENGTH },                   /* Cerebras: Current length is X while limit is Y */
	{ "exceeded model token limit", FAILURE_CONTEXT_LENGTH },       /* Moonshot */
	{ "input token length too long", FAILURE_CONTEXT_LENGTH },
	{ "range of input length should be", FAILURE_CONTEXT_LENGTH },  /* DashScope */
	{ "max_new_tokens` must be", FAILURE_CONTEXT_LENGTH },          /* TGI */
	{ "maximum input length is", FAILURE_CONTEXT_LENGTH },          /* vLLM */
	{ "exceeds the available context size", FAILURE_CONTEXT_LENGTH }, /* llama.cpp */
	{ "input length exceeds the", FAILURE_CONTEXT_LENGTH },         /* Ollama */
	{ "model's maximum context limit", FAILURE_CONTEXT_LENGTH },    /* Databricks */
	{ "string too long. expected a string with maximum length", FAILURE_CONTEXT_LENGTH }, /* OpenAI */
	{ "expected maxlength:", FAILURE_CONTEXT_LENGTH },              /* Bedrock */
	{ "exceeds the context length", FAILURE_CONTEXT_LENGTH },       /* Ollama */
	{ "exceeded max context length", FAILURE_CONTEXT_LENGTH },      /* Ollama's cloud: prompt too long; … by N tokens */
	{ "`inputs` must have less than", FAILURE_CONTEXT_LENGTH },     /* TGI */
};

static const struct word policy_signatures[] = {
	{ "rejected as a result of our safety system", FAILURE_CONTENT_FILTER },  /* OpenAI */
	{ "failed as a result of our safety system", FAILURE_CONTENT_FILTER },    /* Azure */
	{ "violating our usage policy", FAILURE_CONTENT_FILTER },                 /* OpenAI */
	{ "content management policy", FAILURE_CONTENT_FILTER },                  /* Azure */
	{ "blocked by content filtering policy", FAILURE_CONTENT_FILTER },        /* Anthropic */
	{ "the response was blocked", FAILURE_CONTENT_FILTER },                   /* Gemini */
	{ "considered high risk", FAILURE_CONTENT_FILTER },                       /* Moonshot */
	{ "violates usage guidelines", FAILURE_CONTENT_FILTER },                  /* xAI, recorded through OpenRouter */
	{ "your input was flagged", FAILURE_CONTENT_FILTER },                     /* OpenRouter's moderation, under 403 */
	{ "blocked by guardrail", FAILURE_CONTENT_FILTER },                       /* Mistral, OpenRouter, under 403 */
};

static const struct word money_signatures[] = {
	{ "credit balance is too low", FAILURE_QUOTA },                 /* Anthropic, under 400 */
	{ "insufficient balance", FAILURE_QUOTA },                      /* DeepSeek, Moonshot, Zhipu */
	{ "requires more credits", FAILURE_QUOTA },                     /* OpenRouter */
	{ "exceeded your monthly included credits", FAILURE_QUOTA },    /* Hugging Face */
	{ "api calls / month", FAILURE_QUOTA },                         /* Cohere's trial keys, under 429 */
};

static const struct word account_signatures[] = {
	{ "api key not valid", FAILURE_CREDENTIALS },                   /* Gemini, under 400 */
	{ "location is not supported for the api use", FAILURE_CREDENTIALS },
	{ "invalid api token", FAILURE_CREDENTIALS },                   /* Cohere, under 498 */
};

/* Said under 400 and 404 alike; each needs the word "model" nearby. */
static const struct word model_signatures[] = {
	{ "does not exist", FAILURE_MODEL_UNKNOWN },                    /* OpenAI, Groq, OpenRouter */
	{ "not found", FAILURE_MODEL_UNKNOWN },                         /* Gemini, Vertex, Venice */
	{ "is not a valid model", FAILURE_MODEL_UNKNOWN },              /* OpenRouter */
	{ "invalid model", FAILURE_MODEL_UNKNOWN },                     /* Mistral */
	{ "unknown model", FAILURE_MODEL_UNKNOWN },
	{ "supported api model names are", FAILURE_MODEL_UNKNOWN },     /* DeepSeek, recorded */
	{ "supported models are", FAILURE_MODEL_UNKNOWN },              /* Voyage, recorded */
	{ "model not supported", FAILURE_MODEL_UNKNOWN },               /* Hugging Face */
	{ "model identifier is invalid", FAILURE_MODEL_UNKNOWN },       /* Bedrock, recorded */
	{ "with on-demand throughput", FAILURE_MODEL_UNKNOWN },         /* Bedrock, recorded: not by that id */
};

/* 404s about something of the client's own. */
static const struct word client_objects[] = {
	{ "response with id", FAILURE_REQUEST }, { "previous response", FAILURE_REQUEST },
	{ "item with id", FAILURE_REQUEST }, { "conversation with id", FAILURE_REQUEST },
	{ "cache content", FAILURE_REQUEST }, { "cachedcontent", FAILURE_REQUEST },
	{ "file with id", FAILURE_REQUEST }, { "no such file", FAILURE_REQUEST }, { "container", FAILURE_REQUEST },
	{ "vector store", FAILURE_REQUEST },
};

#define BY_SIGNATURE(text, table) by_signature((text), (table), COUNT_OF(table))
#define BY_WORD(p, table) by_word((p), (table), COUNT_OF(table))

static enum failure_kind by_signature(struct slice message, const struct word *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_find_nocase(message, slice_cstr(table[i].text)) != SIZE_MAX)
			return table[i].kind;
	return FAILURE_NONE;
}

static enum failure_kind by_word(const struct error_parts *p, const struct word *table, size_t count)
{
	const struct slice said[] = { p->reason, p->code, p->type, p->status_name };
	for (size_t s = 0; s < COUNT_OF(said); s++)
		for (size_t i = 0; said[s].len > 0 && i < count; i++)
			if (slice_eq_nocase(said[s], slice_cstr(table[i].text)))
				return table[i].kind;
	return FAILURE_NONE;
}

/* What is not there: the model, something of the client's, or the endpoint itself. The last is no fault of the
 * request: the base URL is wrong, or a proxy answers; so it counts as a provider that does not speak the dialect,
 * and others are tried. */
static enum failure_kind classify_missing(const struct error_parts *p)
{
	if (BY_SIGNATURE(p->message, client_objects))
		return FAILURE_REQUEST;
	if (slice_find_nocase(p->message, SLICE("model")) != SIZE_MAX ||
	    slice_find_nocase(p->message, SLICE("no endpoints found")) != SIZE_MAX) /* OpenRouter */
		return FAILURE_MODEL_UNKNOWN;
	return FAILURE_MALFORMED;
}

static enum failure_kind classify_rate(const struct error_parts *p)
{
	/* Some resellers answer 429 when a reasoning signature is not theirs: DIALECTS §6.6. */
	if (slice_find_nocase(p->message, SLICE("`signature` in `thinking`")) != SIZE_MAX)
		return FAILURE_REQUEST;
	if (p->daily || BY_SIGNATURE(p->message, money_signatures))
		return FAILURE_QUOTA;
	return FAILURE_RATE_LIMITED;
}

static enum failure_kind by_message(const struct error_parts *p, int status)
{
	enum failure_kind kind = BY_SIGNATURE(p->message, policy_signatures);
	if (!kind)
		kind = BY_SIGNATURE(p->message, money_signatures);
	if (!kind)
		kind = BY_SIGNATURE(p->message, account_signatures);
	if (kind || status == 403)
		return kind;
	/* One field that is too long is not a prompt that is too long. */
	if (!slice_eq(p->code, SLICE("string_above_max_length")))
		kind = BY_SIGNATURE(p->message, context_signatures);
	if (!kind && status < 500 && slice_find_nocase(p->message, SLICE("model")) != SIZE_MAX)
		kind = BY_SIGNATURE(p->message, model_signatures);
	if (!kind && (status >= 500 || status == 0) && slice_find_nocase(p->message, SLICE("overloaded")) != SIZE_MAX)
		kind = FAILURE_OVERLOADED;
	return kind;
}

static enum failure_kind by_status(const struct error_parts *p, int status)
{
	switch (status) {
	case 401: case 402: case 403:
		return FAILURE_CREDENTIALS;
	case 404: case 405:
		return classify_missing(p);
	case 408: case 409: case 424: case 499: /* theirs to repeat: DIALECTS §6.2 */
		return FAILURE_SERVER;
	case 429:
		return classify_rate(p);
	case 498: case 529:
		return FAILURE_OVERLOADED;
	default:
		return status >= 500 ? FAILURE_SERVER : status >= 400 ? FAILURE_REQUEST : FAILURE_NONE;
	}
}

enum failure_kind failure_classify(const struct error_parts *p, int status)
{
	bool in_band = status < 400;
	enum failure_kind kind;

	if (in_band)
		status = p->number;
	else if (p->number == 429 && (status == 400 || status >= 500))
		status = 429;          /* something in between wrapped it: DIALECTS §6.6, recorded under 400 (Gemini) */
	if (status == 402)
		return FAILURE_CREDENTIALS;
	kind = BY_WORD(p, strong_words);
	if (kind == FAILURE_RATE_LIMITED)
		return classify_rate(p);
	if (kind)
		return kind;
	if (status != 401 && status != 429) {
		kind = by_message(p, status);
		if (kind == FAILURE_MODEL_UNKNOWN)
			kind = classify_missing(p);
		if (kind)
			return kind;
	}
	/* The model wrote a tool call that does not fit its schema: another try may do better (Groq, recorded in a
	 * stream). */
	if (in_band && slice_eq(p->code, SLICE("tool_use_failed")))
		return FAILURE_IN_BAND;
	kind = by_status(p, status);
	if (!kind)
		kind = BY_WORD(p, weak_words);
	return kind ? kind : FAILURE_IN_BAND;
}
