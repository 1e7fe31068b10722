/* SPDX-License-Identifier: Apache-2.0 */
/* How hard a model shall think: words, and tokens for models that count them (DIALECTS §3.12). */
#include "llm/chat.h"

static const struct { const char *name; unsigned percent;
} efforts[] = {
	{ "none", 0 },  { "minimal", 2 }, { "low", 10 },  { "medium", 30 },
	{ "high", 60 }, { "xhigh", 90 },  { "max", 100 },
};

enum { EFFORT_WORDS = sizeof(efforts) / sizeof(efforts[0]), OUTPUT_GUESS = 32000, BUDGET_LOW = 1024 };

unsigned effort_by_name(struct slice name)
{
	for (unsigned i = 0; i < EFFORT_WORDS; i++)
		if (slice_eq(name, slice_cstr(efforts[i].name)))
			return 1u << i;
	return 0;
}

static unsigned place_of(unsigned effort)
{
	unsigned i = 0;

	while (i + 1 < EFFORT_WORDS && !(effort & 1u << i))
		i++;
	return i;
}

const char *effort_name(unsigned effort)
{
	return efforts[place_of(effort)].name;
}

unsigned effort_nearest(unsigned effort, unsigned allowed)
{
	unsigned place = place_of(effort);
	unsigned floor = effort == EFFORT_NONE ? 0 : 1;

	if (allowed == 0)
		return effort;
	for (unsigned i = place + 1; i-- > floor;)
		if (allowed & 1u << i)
			return 1u << i;
	for (unsigned i = place + 1; i < EFFORT_WORDS; i++)
		if (allowed & 1u << i)
			return 1u << i;
	return EFFORT_NONE;
}

int64_t effort_to_budget(unsigned effort, int64_t max_output, int64_t low, int64_t high)
{
	int64_t whole = max_output > 0 ? max_output : OUTPUT_GUESS;
	int64_t budget = whole * efforts[place_of(effort)].percent / 100;

	if (low <= 0)
		low = BUDGET_LOW;
	if (effort == EFFORT_NONE)
		return 0;
	if (high > 0 && budget > high)
		budget = high;
	return budget < low ? low : budget;
}

/* The weakest effort whose share covers it. */
unsigned budget_to_effort(int64_t budget, int64_t max_output)
{
	int64_t whole = max_output > 0 ? max_output : OUTPUT_GUESS;

	if (budget <= 0)
		return EFFORT_NONE;
	for (unsigned i = 1; i < EFFORT_WORDS; i++)
		if (budget <= whole * efforts[i].percent / 100)
			return 1u << i;
	return EFFORT_MAX;
}
