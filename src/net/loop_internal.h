/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to a loop and is freed with it; for the files of net/ only. */
#pragma once

#include <sys/epoll.h>
#include "base/buf.h"
#include "net/loop.h"

enum {
	LOOP_EVENTS_MAX = 256,         /* fetched by one epoll_wait */
	LOOP_TASKS_TURN_MAX = 1024,    /* run in one turn; the rest keeps its place for the next */
	LOOP_PASSES_MAX = 4,           /* over the tasks that tasks have queued, in one turn */
	LOOP_TLS_BATCH_MAX = 512 << 10
};

struct mailbox;
struct dns_resolver;

struct loop {
	unsigned index;
	int epoll_fd;
	bool stopping;
	int64_t now;
	uint32_t turn;                 /* counts turns; wraps */

	struct epoll_event events[LOOP_EVENTS_MAX];
	int event_count, event_next;   /* fetched, and the first one not yet delivered */

	struct list tasks;             /* queued for the next pass */
	struct list due;               /* being run */
	struct list deferred;          /* not before the next turn */

	struct timer **timers;         /* binary heap by slot_deadline, 1-based */
	uint32_t timer_count, timer_cap;

	char *scratch;
	struct buf tls_batch;          /* records of the one TLS call that is running, until they are sent together */
	struct mailbox *mailbox;       /* NULL until mailbox_new() */
	struct dns_resolver *resolver; /* NULL until the first lookup */
	struct list closing;           /* connections that still finish behind their owner's back (conn_closing.c) */
};

struct mailbox *mailbox_free(struct mailbox *m);
struct dns_resolver *dns_resolver_free(struct dns_resolver *r);
void conn_closing_abandon(struct loop *l);
