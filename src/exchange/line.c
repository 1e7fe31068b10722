/* SPDX-License-Identifier: Apache-2.0 */
/* Standing in line (`when_down: wait`): a request for which no target has room waits, bounded in time and number, until
 * it is called by what was given back anywhere in the process, or a known rest is over. */
#include "exchange/exchange_internal.h"

#include <stdatomic.h>
#include "base/clock.h"
#include "net/mailbox.h"

/* Lives until the exchange has left and no letter to it is on its way. */
struct line {
	struct letter letter;
	struct exchange *exchange;     /* NULL: it has left */
	struct mailbox *mailbox;       /* of its worker */
	struct waiting_ticket *ticket;
	_Atomic bool letter_is_out;
	bool is_called;                /* by the room */
	bool is_due;                   /* by the timer */
	bool is_new;                   /* tries once more: what was given back just before it joined called nobody */
	struct timer timer;            /* the known rest, or the end of waiting */
	int64_t until_ns;
};

static void open_call(struct letter *letter, struct loop *loop)
{
	struct line *l = CONTAINER_OF(letter, struct line, letter);

	atomic_store(&l->letter_is_out, false);
	if (!l->exchange) {
		free(l);
		return;
	}
	l->is_called = true;
	exchange_wake(l->exchange);
}

/* On any thread, in the room's lock: a full mailbox is made up for by the timer. */
static void on_called(void *ctx)
{
	struct line *l = ctx;

	atomic_store(&l->letter_is_out, true);
	if (!mailbox_post(l->mailbox, &l->letter))
		atomic_store(&l->letter_is_out, false);
}

static void on_timer(struct timer *t)
{
	struct line *l = CONTAINER_OF(t, struct line, timer);

	l->is_due = true;
	exchange_wake(l->exchange);
}

static uint64_t line_of(const struct exchange *x)
{
	return hash_bytes(x->record.route);
}

bool line_holds(const struct exchange *x)
{
	return x->line && !x->line->is_called && !x->line->is_due && !x->line->is_new;
}

/* Who comes now does not overtake those who wait already. */
bool line_must_queue(const struct exchange *x)
{
	return !x->line && x->plan.when_down == WHEN_DOWN_WAIT && !x->committed &&
	       waiting_is_busy(x->worker->shared->room, line_of(x));
}

bool line_join(struct exchange *x, bool behind_others)
{
	const struct wait_policy *wait = &x->plan.wait;
	int64_t now = loop_now(x->worker->loop);
	int64_t rest_ns = (x->rest_ms >= 0 ? x->rest_ms : wait->up_to_ms) * NS_PER_MS;
	struct line *l = x->line;

	if (x->plan.when_down != WHEN_DOWN_WAIT || x->committed)
		return false;
	if (!l) {
		l = x->line = xcalloc(1, sizeof(*l));
		l->exchange = x;
		l->letter.open = open_call;
		l->mailbox = loop_mailbox(x->worker->loop);
		timer_init(&l->timer, x->worker->loop, on_timer);
		l->until_ns = now + wait->up_to_ms * NS_PER_MS;
		l->is_new = !behind_others;
		l->ticket = waiting_join(x->worker->shared->room, &(struct waiting_request){
			.line = line_of(x), .caller = hash_bytes(x->record.key), .priority = wait->priority,
			.limit = wait->queue, .called = on_called, .ctx = l });
		if (l->ticket && l->is_new)
			exchange_wake(x);
	} else {
		if (l->is_called)
			waiting_again(l->ticket);
		l->is_new = l->is_called = l->is_due = false;
	}
	if (!l->ticket || now >= l->until_ns) {
		line_leave(x);
		return false;
	}
	timer_set(&l->timer, now + rest_ns < l->until_ns ? now + rest_ns : l->until_ns);
	return true;
}

void line_leave(struct exchange *x)
{
	struct line *l = TAKE_PTR(x->line);

	if (!l)
		return;
	timer_cancel(&l->timer);
	l->ticket = waiting_leave(l->ticket);
	l->exchange = NULL;
	if (!atomic_load(&l->letter_is_out))
		free(l);
}
