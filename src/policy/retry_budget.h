/* SPDX-License-Identifier: Apache-2.0 */
/* How much extra load retries may make, over the whole process: at most a share of the requests of the last ten
 * seconds, and always a few, so that a quiet gateway retries too. One budget for retries, another for hedges.
 * Lock-free.
 *
 *     retry_budget_request()   every request of a client, once
 *     retry_budget_take()      before each further try of a target that has just failed, or each hedge */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { RETRY_BUDGET_SLOTS = 10, RETRY_BUDGET_FLOOR = 100 /* always allowed per window of ten seconds */ };

/* All zero is an empty one. A slot is one second and what was counted in it, in one word, so that it begins anew in one
 * step. */
struct retry_budget {
	_Atomic uint64_t slots[RETRY_BUDGET_SLOTS];
};

void retry_budget_request(struct retry_budget *b, int64_t now_ns);
/* `share` in parts of a million of the requests, `floor` what is allowed anyway. False: not now. */
bool retry_budget_take(struct retry_budget *b, uint32_t share, uint32_t floor, int64_t now_ns);
/* Of the window, for metrics. */
void retry_budget_look(struct retry_budget *b, int64_t now_ns, uint32_t *ret_requests, uint32_t *ret_extras);
