/* SPDX-License-Identifier: Apache-2.0 */
/* Where requests stand in line until a target takes them: one line per route, served by priority, and among equals in
 * fair shares of the callers (each caller's next request after every other caller's). Bounded. Shared by all workers.
 *
 *     ticket = waiting_join()   then try once more: what was given back just before has called nobody
 *     called()                  on the thread of waiting_call(), waiting_again() or another's waiting_leave(): post a
 *                               letter, touch nothing else. The room is locked, so nothing here may be called from it,
 *                               and none comes after waiting_leave() has returned
 *     waiting_leave()           always, also when it was called
 *
 * Who is called tries again and, when there is still nothing for it, goes back with waiting_again(): its place is kept.
 * One of a line is called at a time; what is given back meanwhile calls when that one goes back. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

enum { WAITING_LINES_MAX = 65536 };    /* no more routes than that have lines at the same time */

struct waiting_room;
struct waiting_ticket;

struct waiting_room *waiting_room_new(void);
struct waiting_room *waiting_room_free(struct waiting_room *r);

struct waiting_request {
	uint64_t line;                 /* hash of the route */
	uint64_t caller;               /* hash of the key's name */
	int priority;                  /* 0 first */
	unsigned limit;                /* how many may stand in this line */
	void (*called)(void *ctx);
	void *ctx;
};

/* NULL: the line is full. */
struct waiting_ticket *waiting_join(struct waiting_room *r, const struct waiting_request *q);
/* Is anybody in that line who is not called yet? Newcomers must not overtake. */
bool waiting_is_busy(struct waiting_room *r, uint64_t line);
/* Something was given back or has recovered: the first of every line is called (once; until it leaves or goes back). */
void waiting_call(struct waiting_room *r);
/* A called one found nothing: it is first of its kind again. */
void waiting_again(struct waiting_ticket *t);
/* How many are served before it. */
unsigned waiting_place(struct waiting_ticket *t);
/* Frees the ticket; the next one is called when this one had been. Accepts NULL, returns NULL. */
struct waiting_ticket *waiting_leave(struct waiting_ticket *t);
unsigned waiting_count(struct waiting_room *r);
