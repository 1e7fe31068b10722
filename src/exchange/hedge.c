/* SPDX-License-Identifier: Apache-2.0 */
/* Hedged requests: when the first token takes longer than it does for nineteen of twenty requests, one second attempt
 * starts elsewhere; the first content wins, and the other one is closed. Both are booked. A share of all requests at
 * most (retry_budget.h), and never for what is bound to a place. */
#include "exchange/exchange_internal.h"

#include "base/clock.h"

static void on_hedge(struct timer *t)
{
	struct exchange *x = CONTAINER_OF(t, struct exchange, hedge);

	x->hedge_due = true;
	exchange_wake(x);
}

void hedge_init(struct exchange *x)
{
	timer_init(&x->hedge, x->worker->loop, on_hedge);
}

void hedge_arm(struct exchange *x)
{
	const struct hedge *h = &x->plan.hedge;
	int64_t now = loop_now(x->worker->loop), after_us;

	if (!h->on || x->record.attempt_count > 1 || x->endpoint->operation != OPERATION_CHAT ||
	    stored_is_referred_to(x))
		return;
	/* Whole answers have no first token: they are hedged after a time that somebody has named. */
	if (h->after_ms < 0 && !x->wants_stream)
		return;
	after_us = h->after_ms >= 0 ? h->after_ms * 1000 : vital_percentile(x->attempt->admission.vital, 95, now);
	if (after_us >= 0)
		timer_set(&x->hedge, now + after_us * NS_PER_US);
}

void hedge_run(struct exchange *x)
{
	if (!x->hedge_due)
		return;
	x->hedge_due = false;
	if (x->attempt->live && !x->attempt->progressed && !x->rival && !x->committed)
		dispatch_hedge(x);
}

void hedge_lose(struct exchange *x, struct attempt *a, const struct failure *f)
{
	attempt_end(a, f);
	if (a == x->attempt)
		x->attempt = x->rival;
	x->rival = NULL;
	dispatch_forget(x, a);
	exchange_fail(x, f);
}
