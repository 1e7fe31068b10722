/* SPDX-License-Identifier: Apache-2.0 */
/* Reads outcome_table.h. */
#include "exchange/outcome.h"

static const struct outcome outcomes[FAILURE_KIND_COUNT] = {
#define OUTCOME(kind, next, status, code, breaker) \
	[FAILURE_##kind] = { NEXT_##next, status, code, BREAKER_##breaker },
#include "exchange/outcome_table.h"
#undef OUTCOME
};

const struct outcome *outcome_of(enum failure_kind kind)
{
	check(kind < FAILURE_KIND_COUNT, "a failure has one of the known kinds");
	return &outcomes[kind];
}

enum next_move outcome_next(const struct failure *f, bool edited)
{
	enum next_move next = outcome_of(f->kind)->next;

	if (next == NEXT_STOP && edited && f->kind == FAILURE_REQUEST)
		return NEXT_TARGET;
	return next;
}

int outcome_status(const struct failure *f, enum dialect_id client)
{
	const struct outcome *o = outcome_of(f->kind);

	if (f->kind == FAILURE_OVERLOADED && client == DIALECT_ANTHROPIC)
		return 529;
	if (o->status != 0)
		return o->status;
	/* A refusal of context or filter may have come inside a 200, or as a 500 (llama.cpp), which clients would try
	 * again; they get what the others send. */
	return f->status >= 400 && f->status < 500 && f->status != 429 ? f->status : 400;
}

/* Smaller is heard first. */
static int rank(const struct failure *f)
{
	int status = outcome_status(f, DIALECT_OPENAI_CHAT);

	if (f->kind == FAILURE_NONE)
		return 9;
	if (f->kind == FAILURE_MODEL_UNKNOWN)
		return 8; /* 404 only if all said so: anything else tells more */
	if (status == 429)
		return 2;
	if (status < 500)
		return 1;
	switch (status) {
	case 504:
		return 3;
	case 503:
		return 4;
	default:
		return 5;
	}
}

bool outcome_outranks(const struct failure *a, const struct failure *b)
{
	return rank(a) <= rank(b);
}

bool outcome_is_final(int status)
{
	return status == 402 || status == 403 || status == 404;
}
