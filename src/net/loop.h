/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of one worker: edge-triggered epoll, timers, and a run queue.
 *
 *   watch   a file descriptor with a callback; registered once, edge-triggered
 *   task    something to run once, soon: at the end of this turn, in the order queued
 *   timer   something to run at a time; setting it later costs nothing until it expires
 *
 * A turn: wait → dispatch edges (callbacks only note what happened and queue tasks) → run tasks (at most a bounded
 * number; those queued while running follow in a few more passes, then in the next turn) → expire timers. Everything of
 * a loop happens on its own thread; the one way in from another thread is its mailbox (mailbox.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "base/slice.h"

struct loop;

struct watch {
	int fd;
	/* `events` is epoll's set. Only records; never frees another object's watch. */
	void (*on_event)(struct watch *w, uint32_t events);
};

struct task {
	struct list node;
	void (*run)(struct task *t);
};

struct timer {
	int64_t deadline;              /* NEVER when idle */
	void (*on_expire)(struct timer *t);
	struct loop *loop;
	int64_t slot_deadline;         /* where the queue holds it; a later `deadline` is noticed on expiry */
	uint32_t heap_index;           /* 1-based; 0 when not queued */
};

struct loop *loop_new(unsigned index);
/* Accepts NULL, returns NULL. */
struct loop *loop_free(struct loop *l);
/* Runs until loop_stop(). */
void loop_run(struct loop *l);
/* One turn that waits at most `wait_ms` (-1 = until something happens); for tests. */
void loop_turn(struct loop *l, int wait_ms);
/* From the loop's own thread. */
void loop_stop(struct loop *l);
unsigned loop_index(const struct loop *l);
/* Monotonic ns, read once per turn. */
int64_t loop_now(const struct loop *l);

/* `events` as for epoll_ctl; EPOLLET is the caller's choice. 0 or -errno. */
int loop_watch(struct loop *l, struct watch *w, uint32_t events);
int loop_rewatch(struct loop *l, struct watch *w, uint32_t events);
/* Events of this turn that were fetched but not yet delivered are forgotten. Call before close(). */
void loop_unwatch(struct loop *l, struct watch *w);

static inline void task_init(struct task *t, void (*run)(struct task *)) { list_init(&t->node); t->run = run; }
/* Idempotent while queued. */
void loop_queue(struct loop *l, struct task *t);
/* Not before the next turn: for what must let others have theirs first. Also idempotent. */
void loop_defer(struct loop *l, struct task *t);
static inline void task_cancel(struct task *t) { list_remove(&t->node); }

void timer_init(struct timer *t, struct loop *l, void (*on_expire)(struct timer *));
/* (Re)arms for `deadline` (monotonic ns); NEVER disarms. Moving a deadline later is O(1). */
void timer_set(struct timer *t, int64_t deadline);
void timer_cancel(struct timer *t);
static inline bool timer_is_set(const struct timer *t) { return t->deadline != INT64_MAX; }

/* LOOP_SCRATCH_SIZE bytes for reading sockets, shared by everything on the loop: contents are valid until the next
 * read by anyone, so never across a return to the loop. */
enum { LOOP_SCRATCH_SIZE = 64 << 10 };
char *loop_scratch(struct loop *l);
