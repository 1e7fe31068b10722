/* SPDX-License-Identifier: Apache-2.0 */
/* Prices and what usage costs. Money is integer nano-dollars (1 USD = 1e9); rates are nano-dollars per million tokens
 * (or requests, or searches), so that every published price ("$0.075 per million") is exact. */
#pragma once

#include "llm/usage.h"

enum { PRICE_UNKNOWN = -1 };

struct price_rates {                   /* nano-dollars per million tokens; PRICE_UNKNOWN where no source says */
	int64_t input, output;
	int64_t cached;                /* read from the prompt cache */
	int64_t written_5m, written_1h; /* written to it; for OpenAI 30 minutes and 12 hours */
	int64_t input_audio, output_audio, cached_audio;
	int64_t input_image, output_image;
	int64_t reasoning;             /* where it costs another price than other output */
};

/* What another service tier, or a longer prompt, pays instead: for everything, never for the tokens beyond the line
 * only. */
struct price_band {
	enum service_tier service;     /* never SERVICE_NOT_SAID */
	int64_t over;                  /* for prompts of more than this many tokens, cached ones included */
	struct price_rates rates;
};

struct price {
	struct price_rates rates;      /* standard service, short prompts */
	int64_t request;               /* per million requests, beside the tokens; PRICE_UNKNOWN: none is known */
	int64_t web_search;            /* per million calls of the provider's own search */
	const struct price_band *bands; /* by service, then rising `over` */
	unsigned band_count;
};

/* Every rate unknown. */
extern const struct price price_unknown;

/* The cost in nano-dollars, rounded half up once at the end; PRICE_UNKNOWN when a rate that is needed is unknown. What
 * stands in for a missing rate: cached and written: input; audio and image: text; reasoning: output; cached audio:
 * cached; batch and flex: standard, which is more; priority: nothing. */
int64_t price_cost(const struct price *p, const struct usage *u);
/* "0.001234567" into a caller's buffer; "unknown" for PRICE_UNKNOWN. */
enum { MONEY_TEXT_MAX = 32 };
const char *money_format(int64_t nano_usd, char ret[static MONEY_TEXT_MAX]);
