/* SPDX-License-Identifier: Apache-2.0 */
/* What usage costs, in integers from end to end: rates are nano-dollars per million tokens, so tokens × rate is summed
 * up exactly in 128 bits (in nano-dollars ÷ 10^6) and divided once.
 *
 * Long prompts: every vendor that has a second tier (above 200k tokens Gemini Pro and Grok, above 272k OpenAI since
 * GPT-5.4) prices the *whole* request by it, once the prompt, cached part included, is over the line (the catalogues of
 * LiteLLM and OpenRouter agree); nobody prices by tier like income tax. */
#include "llm/price.h"

#include <string.h>
#include "base/digits.h"

static const int64_t NANO_PER_USD = 1000000000, PER_MILLION = 1000000;
static const int64_t TOKENS_MAX = (int64_t)1 << 50;    /* keeps every product and their sum within 128 bits */

/* The rates that one request pays. */
struct rates {
	int64_t input, output, cached, written_5m, written_1h;
};

static int64_t or_else(int64_t rate, int64_t fallback)
{
	return rate >= 0 ? rate : fallback;
}

/* Past the cliff there is no published rate for writing the cache: it stays the same multiple of the input rate. */
static int64_t written_past_cliff(const struct price *p, int64_t written)
{
	if (written < 0 || p->input <= 0 || p->cliff_input < 0)
		return p->cliff_input;
	return (int64_t)((__int128)written * p->cliff_input / p->input);
}

static struct rates rates_for(const struct price *p, int64_t input_tokens)
{
	if (p->cliff_tokens > 0 && input_tokens > p->cliff_tokens) {
		return (struct rates){
			.input = p->cliff_input, .output = p->cliff_output,
			.cached = or_else(p->cliff_cached, p->cliff_input),
			.written_5m = written_past_cliff(p, p->written_5m),
			.written_1h = written_past_cliff(p, p->written_1h),
		};
	}
	return (struct rates){
		.input = p->input, .output = p->output, .cached = or_else(p->cached, p->input),
		.written_5m = or_else(p->written_5m, p->input), .written_1h = or_else(p->written_1h, p->input),
	};
}

/* Adds tokens × rate; false when there are tokens but no rate. */
static bool add(__int128 *sum, int64_t tokens, int64_t rate)
{
	if (tokens <= 0)
		return true;
	if (rate < 0)
		return false;
	*sum += (__int128)(tokens < TOKENS_MAX ? tokens : TOKENS_MAX) * rate;
	return true;
}

int64_t price_cost(const struct price *p, const struct usage *u)
{
	struct usage tokens = *u;
	struct rates r;
	__int128 sum = 0;

	usage_clamp(&tokens);
	r = rates_for(p, tokens.input);
	if (!add(&sum, tokens.input - tokens.input_cached - tokens.input_written_5m - tokens.input_written_1h,
		 r.input) ||
	    !add(&sum, tokens.input_cached, r.cached) || !add(&sum, tokens.input_written_5m, r.written_5m) ||
	    !add(&sum, tokens.input_written_1h, r.written_1h) || !add(&sum, tokens.output, r.output))
		return PRICE_UNKNOWN;
	sum = (sum + PER_MILLION / 2) / PER_MILLION;
	return sum < INT64_MAX ? (int64_t)sum : INT64_MAX;
}

const char *money_format(int64_t nano_usd, char ret[static MONEY_TEXT_MAX])
{
	char *at = ret;

	if (nano_usd < 0)
		return memcpy(ret, "unknown", sizeof("unknown"));
	at = digits_put(at, (uint64_t)(nano_usd / NANO_PER_USD), 1);
	*at++ = '.';
	*digits_put(at, (uint64_t)(nano_usd % NANO_PER_USD), 9) = '\0';
	return ret;
}
