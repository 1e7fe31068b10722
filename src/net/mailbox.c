/* SPDX-License-Identifier: Apache-2.0 */
/* A lock-free stack that any thread pushes to and the loop takes as a whole and reverses. Only the push onto an empty
 * stack wakes the loop. The eventfd is never read: it is watched edge-triggered, and each write is an edge. */
#include "net/mailbox.h"

#include <stdatomic.h>
#include <sys/eventfd.h>
#include "net/loop_internal.h"

struct mailbox {
	struct watch watch;
	struct task task;
	struct loop *loop;
	_Atomic(struct letter *) newest;
	_Atomic unsigned count;        /* posted and not yet opened */
};

static void open_letters(struct mailbox *m)
{
	struct letter *l = atomic_exchange_explicit(&m->newest, NULL, memory_order_acquire), *oldest = NULL;
	while (l) {
		struct letter *next = l->next;
		l->next = oldest;
		oldest = l;
		l = next;
	}
	while (oldest) {
		struct letter *next = oldest->next;
		atomic_fetch_sub_explicit(&m->count, 1, memory_order_relaxed);
		oldest->open(oldest, m->loop);
		oldest = next;
	}
}

static void mailbox_run(struct task *t)
{
	open_letters(CONTAINER_OF(t, struct mailbox, task));
}

static void mailbox_on_event(struct watch *w, uint32_t events)
{
	struct mailbox *m = CONTAINER_OF(w, struct mailbox, watch);
	loop_queue(m->loop, &m->task);
}

struct mailbox *mailbox_new(struct loop *l)
{
	check(!l->mailbox, "a loop has one mailbox");
	struct mailbox *m = xcalloc(1, sizeof(*m));
	m->loop = l;
	m->watch = (struct watch){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .on_event = mailbox_on_event };
	task_init(&m->task, mailbox_run);
	check(m->watch.fd >= 0 && loop_watch(l, &m->watch, EPOLLIN | EPOLLET) == 0, "no descriptor left for a mailbox");
	l->mailbox = m;
	return m;
}

void mailbox_empty(struct mailbox *m)
{
	/* A letter may post another one to the same box. */
	while (atomic_load(&m->newest))
		open_letters(m);
}

struct mailbox *mailbox_free(struct mailbox *m)
{
	if (m) {
		mailbox_empty(m);
		task_cancel(&m->task);
		loop_unwatch(m->loop, &m->watch);
		close(m->watch.fd);
		free(m);
	}
	return NULL;
}

struct mailbox *loop_mailbox(struct loop *l)
{
	return l->mailbox;
}

bool mailbox_post(struct mailbox *m, struct letter *letter)
{
	if (atomic_fetch_add_explicit(&m->count, 1, memory_order_relaxed) >= MAILBOX_MAX) {
		atomic_fetch_sub_explicit(&m->count, 1, memory_order_relaxed);
		return false;
	}
	struct letter *before = atomic_load_explicit(&m->newest, memory_order_relaxed);
	do {
		letter->next = before;
	} while (!atomic_compare_exchange_weak_explicit(&m->newest, &before, letter, memory_order_release,
							memory_order_relaxed));
	if (!before) {
		uint64_t one = 1;
		/* Cannot fail: the counter would have to overflow 64 bits. */
		ssize_t n = write(m->watch.fd, &one, sizeof(one));
		check(n == (ssize_t)sizeof(one), "a mailbox cannot wake its loop");
	}
	return true;
}
