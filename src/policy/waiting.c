/* SPDX-License-Identifier: Apache-2.0 */
/* Where requests stand in line. A line has a queue per priority; a queue has callers; a caller has tickets, first come
 * first served.
 *
 * Among the callers of a queue: start-time fair queueing (Goyal, Vin, Cheng 1996) with all requests costing the same,
 * which makes the virtual time a count of rounds. A caller is served once a round; one who comes joins the round under
 * way, unless it has been served in it. Those who were served and have nothing more are remembered until the round is
 * over, or a caller that sends one request after the other would overtake those with several in line.
 *
 *     now    callers that wait to be served in this round, in order; never empty while the queue has tickets
 *     next   callers that were served in it and have more
 *     idle   callers that were served in it and have nothing more
 *
 * One lock for the room. Under it the small parts of a line are made and freed; nothing else that takes time. */
#include "policy/waiting.h"

#include <pthread.h>
#include <stdatomic.h>
#include "base/list.h"
#include "base/map.h"

enum { IDLE_MAX = 1024 };              /* over it a queue's idle are forgotten: they may come twice in that round */

struct line {
	struct list in_room;
	uint64_t key;
	struct list queues;            /* by priority */
	unsigned count;                /* of tickets */
	struct waiting_ticket *called; /* always the first of the queue it is in */
	bool missed;                   /* something was given back while that one was trying */
};

struct queue {
	struct list in_line;
	struct line *line;
	int priority;
	uint64_t round;
	struct list now, next, idle;
	unsigned count, idle_count;
};

struct caller_key {
	uint64_t line, caller;
	int64_t priority;
};

struct caller {
	struct list in_queue;
	struct caller_key key;
	struct queue *queue;
	uint64_t round;                /* in which it is served next */
	struct list tickets;
};

struct waiting_ticket {
	struct list in_caller;
	struct waiting_room *room;
	struct caller *caller;
	void (*called)(void *ctx);
	void *ctx;
};

struct waiting_room {
	pthread_mutex_t lock;
	_Atomic unsigned count;        /* of tickets; written under the lock */
	struct list lines;
	struct map lines_by_key, callers_by_key;
};

struct waiting_room *waiting_room_new(void)
{
	struct waiting_room *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	list_init(&r->lines);
	map_init(&r->lines_by_key);
	map_init(&r->callers_by_key);
	return r;
}

struct waiting_room *waiting_room_free(struct waiting_room *r)
{
	if (!r)
		return NULL;
	check(list_is_empty(&r->lines), "a waiting room is freed in which somebody waits");
	map_done(&r->lines_by_key);
	map_done(&r->callers_by_key);
	pthread_mutex_destroy(&r->lock);
	free(r);
	return NULL;
}

/* ---- lines ---- */

static struct slice line_name(const uint64_t *key)
{
	return slice_of((const char *)key, sizeof(*key));
}

static struct line *line_make(struct waiting_room *r, uint64_t key)
{
	struct line *l;

	if (r->lines_by_key.count == WAITING_LINES_MAX)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	l->key = key;
	list_init(&l->queues);
	list_append(&r->lines, &l->in_room);
	map_put(&r->lines_by_key, line_name(&l->key), l);
	return l;
}

static void line_free(struct waiting_room *r, struct line *l)
{
	map_remove(&r->lines_by_key, line_name(&l->key));
	list_remove(&l->in_room);
	free(l);
}

static struct queue *first_queue(const struct line *l)
{
	return LIST_ENTRY(l->queues.next, struct queue, in_line);
}

static struct caller *caller_at(const struct list *node)
{
	return LIST_ENTRY(node, struct caller, in_queue);
}

static void call_first(struct line *l)
{
	struct caller *c = caller_at(first_queue(l)->now.next);

	l->called = LIST_ENTRY(c->tickets.next, struct waiting_ticket, in_caller);
	l->missed = false;
	l->called->called(l->called->ctx);
}

/* ---- queues ---- */

static struct queue *queue_make(struct line *l, int priority, struct list *before)
{
	struct queue *q = xcalloc(1, sizeof(*q));

	q->line = l;
	q->priority = priority;
	list_init(&q->now);
	list_init(&q->next);
	list_init(&q->idle);
	list_insert_before(before, &q->in_line);
	return q;
}

static struct queue *queue_use(struct line *l, int priority)
{
	LIST_EACH(node, &l->queues) {
		struct queue *q = LIST_ENTRY(node, struct queue, in_line);

		if (q->priority == priority)
			return q;
		if (q->priority > priority)
			return queue_make(l, priority, node);
	}
	return queue_make(l, priority, &l->queues);
}

static struct slice caller_name(const struct caller_key *key)
{
	return slice_of((const char *)key, sizeof(*key));
}

static void caller_free(struct waiting_room *r, struct caller *c)
{
	map_remove(&r->callers_by_key, caller_name(&c->key));
	list_remove(&c->in_queue);
	free(c);
}

static struct caller *caller_use(struct waiting_room *r, struct queue *q, uint64_t caller)
{
	struct caller_key key = { q->line->key, caller, q->priority };
	struct caller *c = map_get(&r->callers_by_key, caller_name(&key));

	if (c)
		return c;
	c = xcalloc(1, sizeof(*c));
	c->key = key;
	c->queue = q;
	c->round = q->round;
	list_init(&c->in_queue);
	list_init(&c->tickets);
	map_put(&r->callers_by_key, caller_name(&c->key), c);
	return c;
}

static void forget_idle(struct waiting_room *r, struct queue *q)
{
	while (!list_is_empty(&q->idle))
		caller_free(r, caller_at(q->idle.next));
	q->idle_count = 0;
}

static void make_idle(struct waiting_room *r, struct caller *c)
{
	list_append(&c->queue->idle, &c->in_queue);
	if (++c->queue->idle_count > IDLE_MAX)
		forget_idle(r, c->queue);
}

/* The round is over when nobody waits in it any more. */
static void begin_round(struct waiting_room *r, struct queue *q)
{
	if (!list_is_empty(&q->now) || list_is_empty(&q->next))
		return;
	forget_idle(r, q);
	q->round++;
	/* All of `next` becomes `now`: the empty head changes its place. */
	list_append(&q->next, &q->now);
	list_remove(&q->next);
}

static void queue_free(struct waiting_room *r, struct queue *q)
{
	forget_idle(r, q);
	list_remove(&q->in_line);
	free(q);
}

/* ---- tickets ---- */

static void add(struct waiting_room *r, struct line *l, struct waiting_ticket *t, const struct waiting_request *request)
{
	struct queue *q = queue_use(l, request->priority);
	struct caller *c = caller_use(r, q, request->caller);

	if (list_is_empty(&c->tickets)) {
		bool is_served = c->round > q->round;

		q->idle_count -= is_served;
		list_remove(&c->in_queue);
		list_append(is_served ? &q->next : &q->now, &c->in_queue);
	}
	t->caller = c;
	list_append(&c->tickets, &t->in_caller);
	l->count++;
	q->count++;
	atomic_fetch_add(&r->count, 1);
}

struct waiting_ticket *waiting_join(struct waiting_room *r, const struct waiting_request *q)
{
	struct waiting_ticket *t = xcalloc(1, sizeof(*t));
	struct line *l;

	*t = (struct waiting_ticket){ .room = r, .called = q->called, .ctx = q->ctx };
	pthread_mutex_lock(&r->lock);
	l = map_get(&r->lines_by_key, line_name(&q->line));
	if (!l && q->limit > 0)
		l = line_make(r, q->line);
	if (l && l->count < q->limit)
		add(r, l, t, q);
	pthread_mutex_unlock(&r->lock);
	/* The count is seen by whoever gives back after the caller's next try (waiting_call()). */
	atomic_thread_fence(memory_order_seq_cst);
	if (t->caller)
		return t;
	free(t);
	return NULL;
}

bool waiting_is_busy(struct waiting_room *r, uint64_t line)
{
	const struct line *l;
	bool is_busy;

	if (atomic_load(&r->count) == 0)
		return false;
	pthread_mutex_lock(&r->lock);
	l = map_get(&r->lines_by_key, line_name(&line));
	is_busy = l && l->count > (l->called ? 1 : 0);
	pthread_mutex_unlock(&r->lock);
	return is_busy;
}

void waiting_call(struct waiting_room *r)
{
	/* What was given back is seen by whoever joins after this (waiting_join()). */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&r->count) == 0)
		return;
	pthread_mutex_lock(&r->lock);
	LIST_EACH(node, &r->lines) {
		struct line *l = LIST_ENTRY(node, struct line, in_room);

		if (l->called)
			l->missed = true;
		else
			call_first(l);
	}
	pthread_mutex_unlock(&r->lock);
}

void waiting_again(struct waiting_ticket *t)
{
	struct line *l = t->caller->queue->line;

	pthread_mutex_lock(&t->room->lock);
	if (l->called == t) {
		l->called = NULL;
		if (l->missed)
			call_first(l);
	}
	pthread_mutex_unlock(&t->room->lock);
}

/* Its caller has one ticket less, and has had its turn when that one was called. */
static void remove_from_queue(struct waiting_room *r, struct waiting_ticket *t, bool was_called)
{
	struct caller *c = t->caller;
	struct queue *q = c->queue;
	bool has_more;

	list_remove(&t->in_caller);
	has_more = !list_is_empty(&c->tickets);
	if (was_called)
		c->round = q->round + 1;
	if (was_called || !has_more)
		list_remove(&c->in_queue);
	if (was_called && has_more)
		list_append(&q->next, &c->in_queue);
	else if (!has_more && c->round > q->round)
		make_idle(r, c);
	else if (!has_more)
		caller_free(r, c);
	begin_round(r, q);
	if (--q->count == 0)
		queue_free(r, q);
}

struct waiting_ticket *waiting_leave(struct waiting_ticket *t)
{
	struct waiting_room *r;
	struct line *l;
	bool was_called;

	if (!t)
		return NULL;
	r = t->room;
	pthread_mutex_lock(&r->lock);
	l = t->caller->queue->line;
	was_called = l->called == t;
	remove_from_queue(r, t, was_called);
	atomic_fetch_sub(&r->count, 1);
	l->count--;
	if (was_called)
		l->called = NULL;
	if (l->count == 0)
		line_free(r, l);
	else if (was_called)
		call_first(l);
	pthread_mutex_unlock(&r->lock);
	free(t);
	return NULL;
}

unsigned waiting_count(struct waiting_room *r)
{
	return atomic_load(&r->count);
}

/* ---- places ---- */

/* How many tickets of `c` are served up to the end of the round before `round`. */
static unsigned served_before(const struct caller *c, uint64_t round, bool and_in_it)
{
	uint64_t rounds = round > c->round ? round - c->round : 0;
	unsigned count = 0;

	rounds += and_in_it && round >= c->round;
	for (struct list *node = c->tickets.next; node != &c->tickets && count < rounds; node = node->next)
		count++;
	return count;
}

static unsigned served_in(const struct list *callers, const struct caller *mine, uint64_t round, bool *is_before)
{
	unsigned count = 0;

	LIST_EACH(node, callers) {
		if (caller_at(node) == mine)
			*is_before = false;
		else
			count += served_before(caller_at(node), round, *is_before);
	}
	return count;
}

/* In this round the callers of `now` come in their order; in later ones those of `next`, who are in line for them
 * already, and then those of `now`. */
static unsigned place_in_queue(const struct queue *q, const struct waiting_ticket *t)
{
	const struct caller *mine = t->caller;
	unsigned own = 0, count = 0;
	bool is_before = true;

	for (struct list *node = mine->tickets.next; node != &t->in_caller; node = node->next)
		own++;
	if (mine->round + own > q->round)
		count += served_in(&q->next, mine, mine->round + own, &is_before);
	count += served_in(&q->now, mine, mine->round + own, &is_before);
	return own + count;
}

unsigned waiting_place(struct waiting_ticket *t)
{
	const struct queue *mine;
	unsigned place = 0;

	pthread_mutex_lock(&t->room->lock);
	mine = t->caller->queue;
	LIST_EACH(node, &mine->line->queues) {
		const struct queue *q = LIST_ENTRY(node, struct queue, in_line);

		if (q == mine)
			break;
		place += q->count;
	}
	place += place_in_queue(mine, t);
	pthread_mutex_unlock(&t->room->lock);
	return place;
}
