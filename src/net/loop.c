/* SPDX-License-Identifier: Apache-2.0 */
/* The turn of a worker: wait, deliver edges, run tasks, expire timers. */
#include "net/loop.h"

#include <errno.h>
#include "base/clock.h"
#include "net/loop_internal.h"

struct loop *loop_new(unsigned index)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	l->index = index;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		free(l);
		return NULL;
	}
	list_init(&l->tasks);
	list_init(&l->deferred);
	list_init(&l->due);
	list_init(&l->closing);
	l->scratch = xmalloc(LOOP_SCRATCH_SIZE);
	buf_init(&l->tls_batch, LOOP_TLS_BATCH_MAX);
	l->now = clock_now_ns();
	return l;
}

struct loop *loop_free(struct loop *l)
{
	if (l) {
		l->mailbox = mailbox_free(l->mailbox);
		l->resolver = dns_resolver_free(l->resolver);
		conn_closing_abandon(l);
		close(l->epoll_fd);
		free(l->timers);
		free(l->scratch);
		buf_done(&l->tls_batch);
		free(l);
	}
	return NULL;
}

unsigned loop_index(const struct loop *l) { return l->index; }
int64_t loop_now(const struct loop *l) { return l->now; }
char *loop_scratch(struct loop *l) { return l->scratch; }
void loop_stop(struct loop *l) { l->stopping = true; }

/* Watches. */

static int control(struct loop *l, int operation, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };
	return epoll_ctl(l->epoll_fd, operation, w->fd, &e) < 0 ? -errno : 0;
}

int loop_watch(struct loop *l, struct watch *w, uint32_t events)
{
	return control(l, EPOLL_CTL_ADD, w, events);
}

int loop_rewatch(struct loop *l, struct watch *w, uint32_t events)
{
	return control(l, EPOLL_CTL_MOD, w, events);
}

void loop_unwatch(struct loop *l, struct watch *w)
{
	(void)control(l, EPOLL_CTL_DEL, w, 0);
	for (int i = l->event_next; i < l->event_count; i++)
		if (l->events[i].data.ptr == w)
			l->events[i].data.ptr = NULL;
}

/* Tasks. */

void loop_queue(struct loop *l, struct task *t)
{
	if (list_is_empty(&t->node))
		list_append(&l->tasks, &t->node);
}

void loop_defer(struct loop *l, struct task *t)
{
	if (list_is_empty(&t->node))
		list_append(&l->deferred, &t->node);
}

static void list_move_all(struct list *from, struct list *to)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* What an edge queued often queues the next thing at once (a connection's task its exchange's): a few passes spare the
 * trip to the kernel in between. */
static void run_tasks(struct loop *l)
{
	int left = LOOP_TASKS_TURN_MAX;

	for (int pass = 0; pass < LOOP_PASSES_MAX && left > 0; pass++) {
		list_move_all(&l->tasks, &l->due);
		for (; left > 0 && !list_is_empty(&l->due); left--) {
			struct task *t = LIST_ENTRY(l->due.next, struct task, node);
			list_remove(&t->node);
			t->run(t);
		}
	}
}

static bool has_tasks(const struct loop *l)
{
	return !list_is_empty(&l->tasks) || !list_is_empty(&l->due) || !list_is_empty(&l->deferred);
}

/* Timers. The heap is ordered by the deadlines that its timers had when they were put there. */

static void place(struct loop *l, uint32_t index, struct timer *t)
{
	l->timers[index] = t;
	t->heap_index = index;
}

static void sift_up(struct loop *l, uint32_t index, struct timer *t)
{
	while (index > 1 && l->timers[index / 2]->slot_deadline > t->slot_deadline) {
		place(l, index, l->timers[index / 2]);
		index /= 2;
	}
	place(l, index, t);
}

static void sift_down(struct loop *l, uint32_t index, struct timer *t)
{
	for (;;) {
		uint32_t child = index * 2;
		if (child > l->timer_count)
			break;
		if (child < l->timer_count && l->timers[child + 1]->slot_deadline < l->timers[child]->slot_deadline)
			child++;
		if (l->timers[child]->slot_deadline >= t->slot_deadline)
			break;
		place(l, index, l->timers[child]);
		index = child;
	}
	place(l, index, t);
}

static void heap_add(struct loop *l, struct timer *t)
{
	if (l->timer_count + 1 >= l->timer_cap) {
		l->timer_cap = l->timer_cap > 0 ? l->timer_cap * 2 : 64;
		l->timers = xrealloc(l->timers, l->timer_cap * sizeof(*l->timers));
	}
	sift_up(l, ++l->timer_count, t);
}

static void heap_remove(struct loop *l, struct timer *t)
{
	uint32_t index = t->heap_index;
	struct timer *last = l->timers[l->timer_count--];
	t->heap_index = 0;
	if (last == t)
		return;
	if (index > 1 && l->timers[index / 2]->slot_deadline > last->slot_deadline)
		sift_up(l, index, last);
	else
		sift_down(l, index, last);
}

void timer_init(struct timer *t, struct loop *l, void (*on_expire)(struct timer *))
{
	*t = (struct timer){ .deadline = NEVER, .on_expire = on_expire, .loop = l };
}

void timer_set(struct timer *t, int64_t deadline)
{
	if (deadline == NEVER) {
		timer_cancel(t);
		return;
	}
	t->deadline = deadline;
	if (t->heap_index == 0) {
		t->slot_deadline = deadline;
		heap_add(t->loop, t);
	} else if (deadline < t->slot_deadline) {
		t->slot_deadline = deadline;
		sift_up(t->loop, t->heap_index, t);
	}
}

void timer_cancel(struct timer *t)
{
	t->deadline = NEVER;
	if (t->heap_index > 0)
		heap_remove(t->loop, t);
}

/* No more timers than there were at the start: one that arms itself for now again waits for the next turn. */
static void expire_timers(struct loop *l)
{
	for (uint32_t left = l->timer_count; left > 0 && l->timer_count > 0; left--) {
		struct timer *t = l->timers[1];
		if (t->slot_deadline > l->now)
			break;
		if (t->deadline > l->now) {
			t->slot_deadline = t->deadline;
			sift_down(l, 1, t);
			continue;
		}
		timer_cancel(t);
		t->on_expire(t);
	}
}

static int64_t wait_until_timer_ms(const struct loop *l, int64_t most)
{
	if (l->timer_count == 0)
		return most;
	int64_t ns = l->timers[1]->slot_deadline - clock_now_ns();
	/* Rounded up: to wake before the deadline would only mean to wait again. */
	int64_t ms = ns <= 0 ? 0 : (ns - 1) / NS_PER_MS + 1;
	return most >= 0 && most < ms ? most : ms;
}

/* The turn. */

static void deliver_events(struct loop *l)
{
	for (l->event_next = 0; l->event_next < l->event_count;) {
		struct epoll_event *e = &l->events[l->event_next++];
		struct watch *w = e->data.ptr;
		if (w)
			w->on_event(w, e->events);
	}
	l->event_count = l->event_next = 0;
}

void loop_turn(struct loop *l, int wait_ms)
{
	int64_t wait = has_tasks(l) ? 0 : wait_until_timer_ms(l, wait_ms);
	if (wait > INT32_MAX)
		wait = INT32_MAX;
	int count = epoll_wait(l->epoll_fd, l->events, LOOP_EVENTS_MAX, (int)wait);
	check(count >= 0 || errno == EINTR, "epoll_wait failed");
	l->event_count = count > 0 ? count : 0;
	l->now = clock_now_ns();
	l->turn++;
	list_move_all(&l->deferred, &l->tasks);
	deliver_events(l);
	run_tasks(l);
	expire_timers(l);
}

void loop_run(struct loop *l)
{
	l->stopping = false;
	while (!l->stopping)
		loop_turn(l, -1);
}
