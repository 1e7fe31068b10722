/* SPDX-License-Identifier: Apache-2.0 */
/* Prices and what usage costs. Money is integer nano-dollars (1 USD = 1e9); rates are nano-dollars per million tokens,
 * so that every published price ("$0.075 per million") is exact. */
#pragma once

#include "llm/usage.h"

enum { PRICE_UNKNOWN = -1 };

struct price {                         /* nano-dollars per million tokens; PRICE_UNKNOWN where no source says */
	int64_t input, output;
	int64_t cached;                /* cache read */
	int64_t written_5m, written_1h;
	int64_t cliff_tokens;          /* prompts longer than this pay the rates below for everything; 0 = none */
	int64_t cliff_input, cliff_output, cliff_cached;
};

/* The cost in nano-dollars, rounded half up once at the end; PRICE_UNKNOWN when a rate that is needed is unknown (a
 * missing cached or written rate falls back to the input rate). */
int64_t price_cost(const struct price *p, const struct usage *u);
/* "0.001234567" into a caller's buffer; "unknown" for PRICE_UNKNOWN. */
enum { MONEY_TEXT_MAX = 32 };
const char *money_format(int64_t nano_usd, char ret[static MONEY_TEXT_MAX]);
