/* SPDX-License-Identifier: Apache-2.0 */
/* Whether providers are there, as checks between requests find out (exchange/checkup.h). A place is one base URL of a
 * provider: binding_identity(). Shared by all workers, outside the configuration.
 *
 *   up      nothing is known, or the last check succeeded
 *   down    two checks in a row failed: its targets rest until one succeeds, or until nobody checks any more
 *
 * Nobody but who asks for a provider with `health` looks here. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "provider/provider.h"

enum { HEALTH_MAX = 1024 };            /* places; over it the least recently checked is forgotten */
enum { HEALTH_FAILURES_MAX = 2 };      /* in a row, and it is down */

struct health;

struct health *health_new(void);
struct health *health_free(struct health *h);

struct health_report {
	uint64_t place;
	struct slice label;            /* "provider (host)", for listings */
	bool works;
	int64_t asked_ns;              /* when the check began: what happened since is newer */
	int64_t next_ns;               /* when the next one begins */
	int64_t believed_until_ns;     /* if there is none after all */
};
enum health_change { HEALTH_SAME, HEALTH_WENT_DOWN, HEALTH_CAME_BACK };
enum health_change health_tell(struct health *h, const struct health_report *r, int64_t now_ns);

struct health_signs {
	bool down;
	int64_t next_ns;               /* when it is checked again */
	int64_t worked_ns;             /* it was there at that time; 0 = nobody knows */
};
/* All zero for a place that is not checked. */
void health_look(struct health *h, const struct provider *p, const struct binding *b, int64_t now_ns,
		 struct health_signs *ret);

struct health_view {
	const char *label;
	bool down;
	unsigned failures;             /* in a row, HEALTH_FAILURES_MAX at most */
	int64_t checked_ms;            /* ago */
};
/* Calls `each` for every place that is being checked, under a lock; the view is valid during the call. */
void health_each(struct health *h, int64_t now_ns, void (*each)(const struct health_view *v, void *ctx), void *ctx);
