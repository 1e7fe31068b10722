/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of each target = (provider name, base URL, credential, model) from what it did: how fast, how busy, how
 * reliable, and how much it will still take. Shared by all workers, outside the configuration, so that a reload keeps
 * what is known. Looking is lock-free: plans look at every candidate of every request.
 *
 * An entry is made on first use and lives as long as the table, so a pointer to it may be kept. Over VITALS_MAX new
 * targets share one entry that knows nothing. All numbers are estimates and each is updated on its own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"
#include "llm/rate_limit.h"

enum { VITALS_MAX = 16384 };

struct vitals;
struct vital;

struct vitals *vitals_new(void);
struct vitals *vitals_free(struct vitals *v);

/* The entry of a target (breaker_key()), made when there is none. Never NULL. The names are for listings; copied. */
struct vital *vitals_use(struct vitals *v, uint64_t key, struct slice provider, struct slice model,
			 struct slice credential);
/* NULL when nothing is known yet. */
struct vital *vitals_find(struct vitals *v, uint64_t key);

/* ---- what happened ---- */

void vital_begin(struct vital *v);                       /* an attempt starts: in flight */
void vital_end(struct vital *v, bool fault, int64_t now_ns); /* it ended; client-caused ends are no fault */
void vital_connected(struct vital *v, int64_t us, int64_t now_ns); /* a new connection was made */
/* Peak EWMA: a slower one counts at once, faster ones pull it down with a half-life of 10 s. */
void vital_first_token(struct vital *v, int64_t us, int64_t now_ns);
/* `tokens` of output came within `us` after the first. */
void vital_streamed(struct vital *v, int64_t tokens, int64_t us, int64_t now_ns);
/* What the provider said in the head of an answer. Nothing said: what an earlier head said is out of date, for it can
 * not be known how far requests have used it up. */
void vital_limits(struct vital *v, const struct rate_limit *limit, int64_t now_ns);
/* It said 429 and when to come back; until then it is saturated. */
void vital_saturated(struct vital *v, int64_t until_ns);

/* ---- what is known ---- */

struct vital_signs {
	int64_t first_token_us;        /* peak EWMA; -1 = never seen */
	int64_t first_token_mean_us;   /* plain EWMA: what to expect of the next one; -1 */
	int64_t first_token_age_ns;    /* since it was last measured */
	int64_t token_ns;              /* per output token, EWMA; -1 */
	int64_t connect_us;            /* EWMA; -1 */
	unsigned in_flight;
	int success_permille;          /* EWMA of the last outcomes; -1 = none yet */
	int64_t requests_left, tokens_left; /* in the provider's window; -1 = not said, or its window has passed */
	int64_t saturated_until_ns;    /* 0 = it will take a request now */
};
/* `tokens`: what the request at hand needs; a target with fewer left is saturated until its window resets. */
void vital_look(const struct vital *v, int64_t tokens, int64_t now_ns, struct vital_signs *ret);
/* Of the first token, over the last one to two minutes, in microseconds; -1 with fewer than 20 measurements. */
int64_t vital_percentile(const struct vital *v, unsigned percent, int64_t now_ns);

struct vital_view {
	const char *provider, *model, *credential;
	uint64_t key;
	struct vital_signs signs;
	int64_t p50_us, p95_us;
	uint64_t requests, faults;
};
/* Every entry, in no order. */
void vitals_each(struct vitals *v, int64_t now_ns, void (*each)(const struct vital_view *view, void *ctx), void *ctx);
