/* SPDX-License-Identifier: Apache-2.0 */
/* What usage costs, in integers from end to end: rates are nano-dollars per million tokens, so tokens × rate is summed
 * up exactly in 128 bits (in nano-dollars ÷ 10^6) and divided once.
 *
 * Long prompts: every vendor that has a second tier (above 200k tokens Gemini Pro and Grok, above 272k OpenAI since
 * GPT-5.4, above 100k Haiku 5.5, several lines at DashScope) prices the *whole* request by it, once the prompt, cached
 * part included, is over the line (the catalogues of LiteLLM and OpenRouter agree); nobody prices by tier like income
 * tax. */
#include "llm/price.h"

#include <string.h>
#include "base/digits.h"

static const int64_t NANO_PER_USD = 1000000000, PER_MILLION = 1000000;
static const int64_t TOKENS_MAX = (int64_t)1 << 50;    /* keeps every product and their sum within 128 bits */

const struct price price_unknown = {
	.rates = {
		.input = PRICE_UNKNOWN, .output = PRICE_UNKNOWN, .cached = PRICE_UNKNOWN, .written_5m = PRICE_UNKNOWN,
		.written_1h = PRICE_UNKNOWN, .input_audio = PRICE_UNKNOWN, .output_audio = PRICE_UNKNOWN,
		.cached_audio = PRICE_UNKNOWN, .input_image = PRICE_UNKNOWN, .output_image = PRICE_UNKNOWN,
		.reasoning = PRICE_UNKNOWN,
	},
	.request = PRICE_UNKNOWN,
	.web_search = PRICE_UNKNOWN,
};

static int64_t or_else(int64_t rate, int64_t fallback)
{
	return rate >= 0 ? rate : fallback;
}

/* The band with the highest line that this prompt is over, or NULL. */
static const struct price_band *find_band(const struct price *p, enum service_tier service, int64_t input_tokens)
{
	const struct price_band *found = NULL;

	for (unsigned i = 0; i < p->band_count; i++) {
		const struct price_band *b = &p->bands[i];

		if (b->service == service && input_tokens > b->over && (!found || b->over > found->over))
			found = b;
	}
	return found;
}

/* A rate for writing the cache that no source gives for this band stays the same multiple of the input rate. */
static int64_t written_in_band(const struct price *p, const struct price_rates *band, int64_t in_band, int64_t written)
{
	if (in_band >= 0)
		return in_band;
	if (written < 0 || p->rates.input <= 0 || band->input < 0)
		return band->input;
	return (int64_t)((__int128)written * band->input / p->rates.input);
}

/* The rates that one request pays, without holes where something stands in. */
static struct price_rates rates_for(const struct price *p, const struct usage *u)
{
	const struct price_band *standard = find_band(p, SERVICE_STANDARD, u->input), *band = standard;
	struct price_rates r;

	if (u->service > SERVICE_STANDARD) {
		band = find_band(p, u->service, u->input);
		/* A tier's price for short prompts says nothing of long ones. */
		if (band && standard && band->over < standard->over)
			band = NULL;
		if (!band && u->service == SERVICE_PRIORITY)
			return price_unknown.rates;
		band = band ? band : standard;
	}
	r = band ? band->rates : p->rates;
	r.cached = or_else(r.cached, r.input);
	r.written_5m = written_in_band(p, &r, r.written_5m, p->rates.written_5m);
	r.written_1h = written_in_band(p, &r, r.written_1h, p->rates.written_1h);
	r.input_audio = or_else(r.input_audio, r.input);
	r.output_audio = or_else(r.output_audio, r.output);
	r.cached_audio = or_else(r.cached_audio, r.cached);
	r.input_image = or_else(r.input_image, r.input);
	r.output_image = or_else(r.output_image, r.output);
	r.reasoning = or_else(r.reasoning, r.output);
	return r;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
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

/* What is neither read from the cache nor written to it pays by its modality. */
static bool add_input(__int128 *sum, const struct usage *u, const struct price_rates *r)
{
	int64_t fresh = u->input - u->input_cached - u->input_written_5m - u->input_written_1h;
	int64_t audio = least(u->input_audio - u->input_cached_audio, fresh);
	int64_t image = least(u->input_image, fresh - audio);

	return add(sum, fresh - audio - image, r->input) && add(sum, audio, r->input_audio) &&
	       add(sum, image, r->input_image) && add(sum, u->input_cached - u->input_cached_audio, r->cached) &&
	       add(sum, u->input_cached_audio, r->cached_audio) && add(sum, u->input_written_5m, r->written_5m) &&
	       add(sum, u->input_written_1h, r->written_1h);
}

static bool add_output(__int128 *sum, const struct usage *u, const struct price_rates *r)
{
	int64_t text = u->output - u->output_reasoning - u->output_audio - u->output_image;

	return add(sum, text, r->output) && add(sum, u->output_reasoning, r->reasoning) &&
	       add(sum, u->output_audio, r->output_audio) && add(sum, u->output_image, r->output_image);
}

int64_t price_cost(const struct price *p, const struct usage *u)
{
	struct usage tokens = *u;
	struct price_rates r;
	__int128 sum = 0;

	usage_clamp(&tokens);
	r = rates_for(p, &tokens);
	if (!add_input(&sum, &tokens, &r) || !add_output(&sum, &tokens, &r) ||
	    !add(&sum, tokens.web_searches, p->web_search))
		return PRICE_UNKNOWN;
	if (p->request > 0 && (tokens.input > 0 || tokens.output > 0))
		sum += p->request;
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
