/* SPDX-License-Identifier: Apache-2.0 */
/* Circuit breakers, one per target = (provider name, base URL, credential, model). Shared by all workers, outside the
 * configuration, so that a reload keeps what is known; entries nobody used for an hour are dropped.
 *
 *   closed     requests pass; outcomes of the last 30 s are counted in ten buckets
 *   open       after at least 5 outcomes of which half or more were faults, after 10 faults in a row (a busy target
 *              that dies has many good outcomes behind it), or when the provider said retry-after; until a deadline
 *              (5 s, doubled at each further opening up to 2 min; the longest known deadline wins)
 *   half open  after the deadline one single probe may pass; it decides
 *
 * Client-caused 4xx never count. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

struct breakers;

enum { BREAKERS_MAX = 16384 };         /* over it the least recently used entry is reused */

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

enum breaker_pass { BREAKER_PASS, BREAKER_PROBE, BREAKER_REFUSED };

struct breakers *breakers_new(void);
struct breakers *breakers_free(struct breakers *b);

/* Identity of a target; stable over reloads. */
uint64_t breaker_key(struct slice provider, struct slice base_url, uint64_t credential, struct slice model);
/* For plans and explain: looks, changes nothing. `*ret_limited`: it is open for nothing but a limit on rates. */
enum breaker_state breaker_look(struct breakers *b, uint64_t key, int64_t now_ns, int64_t *ret_open_until_ns,
				bool *ret_limited);
/* Before an attempt. PROBE: this caller is the half-open probe and must report. `label` names it in listings. */
enum breaker_pass breaker_ask(struct breakers *b, uint64_t key, struct slice provider, struct slice model,
			      int64_t now_ns);
/* For a request that has nowhere else to go: passes as the single probe before the deadline, unless a probe is under
 * way or the provider itself asked for the pause. */
bool breaker_force(struct breakers *b, uint64_t key, int64_t now_ns);
/* A check that costs nothing found the target's place working at `seen_ns`: one that has been open for faults since
 * before lets its probe through now (true). Not one that is open for rates, or until when the provider itself said. */
bool breaker_hint(struct breakers *b, uint64_t key, int64_t seen_ns, int64_t now_ns);
/* LIMITED is a fault, too: the target works, but not for us now (429, 529, a quota). */
enum breaker_verdict { BREAKER_OK, BREAKER_FAULT, BREAKER_LIMITED, BREAKER_NEUTRAL };
/* After an attempt; `is_probe`: it was the one that breaker_ask() or breaker_force() let through to decide. NEUTRAL
 * (cancelled, client-caused) only gives the probe back. `retry_after_ms` >= 0 opens at once. */
void breaker_report(struct breakers *b, uint64_t key, bool is_probe, enum breaker_verdict verdict,
		    int64_t retry_after_ms, int64_t now_ns);

struct breaker_view { const char *label; enum breaker_state state; int64_t open_for_ms; unsigned ok, faults; };
/* Calls `each` for every entry under the lock; the view is valid during the call. */
void breakers_each(struct breakers *b, int64_t now_ns, void (*each)(const struct breaker_view *v, void *ctx),
		   void *ctx);
