/* SPDX-License-Identifier: Apache-2.0 */
/* The outcome table as values, and the two decisions that read it: what to do next, and what the client hears. */
#pragma once

#include "base/failure.h"
#include "dialect/dialect.h"
#include "policy/breaker.h"

enum next_move { NEXT_NONE, NEXT_STOP, NEXT_FITTING, NEXT_KEY, NEXT_TARGET, NEXT_WAIT, NEXT_SAME };

struct outcome {
	enum next_move next;
	int status;
	const char *code;
	enum breaker_verdict breaker;
};

/* A Retry-After up to this is waited for (PRODUCT §4). */
enum { RETRY_AFTER_WAIT_MAX_MS = 5000 };

const struct outcome *outcome_of(enum failure_kind kind);
/* The move after that failure of a request that was sent verbatim or (`edited`) changed beyond the verbatim list: a 4xx
 * may then be our own doing, so another target is worth a try. */
enum next_move outcome_next(const struct failure *f, bool edited);
/* Of two failures, does `a` tell the client more than `b`? Its own 4xx, else 429, 504, 503, 502 (PRODUCT §4). */
bool outcome_outranks(const struct failure *a, const struct failure *b);
/* The status the client of that dialect gets for it. */
int outcome_status(const struct failure *f, enum dialect_id client);
/* 402, 403, 404: no SDK should try these again. */
bool outcome_is_final(int status);
