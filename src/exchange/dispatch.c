/* SPDX-License-Identifier: Apache-2.0 */
/* Which target next: walks the plan's candidates and each one's keys, asks the breakers, waits between tries, and keeps
 * the one attempt budget of the request (pain.md F20). */
#include "exchange/exchange_internal.h"

#include "base/clock.h"
#include "base/random.h"

enum { BACKOFF_BASE_MS = 100, BACKOFF_MAX_MS = 2000 };

/* The conversation picks the key, so that its prompt cache keeps hitting; `spread` rotates instead (PRODUCT §6). */
static const struct credential *key_at(struct exchange *x, const struct provider *p, unsigned tried)
{
	const struct credential *bound = stored_key(x, p);

	if (bound)
		return bound;
	if (p->key_count == 1)
		return &p->keys[0];
	if (tried == 0 && p->spread)
		x->key_start = x->worker->key_rotation++;
	else if (tried == 0)
		x->key_start = x->record.session.len > 0 ? hash_bytes(x->record.session)
							 : x->dialect->prefix_hash(&x->facts, x->endpoint->operation,
										   &x->worker->scratch);
	arena_reset(&x->worker->scratch);
	return &p->keys[(x->key_start + tried) % p->key_count];
}

/* How many of its keys may be tried: the one that a stored response lies under, or all. */
static unsigned key_count(const struct exchange *x, const struct provider *p)
{
	return stored_key(x, p) ? 1 : p->key_count;
}

static uint64_t breaker_of(const struct candidate *c, const struct credential *key)
{
	return breaker_key(c->provider->name, c->binding->base_text, key->fingerprint, c->model);
}

static void next_key(struct exchange *x)
{
	x->keys_tried++;
	x->same_tries = 0;
	x->token_retry = false;
	x->waited_for_retry_after = false;
}

static void next_candidate(struct exchange *x)
{
	x->cursor++;
	x->keys_tried = 0;
	x->same_tries = 0;
	x->waited_for_retry_after = false;
	x->plain_retry = false;
	x->token_retry = false;
}

/* False: the request cannot be said to that target; the breaker gets its pass back. */
static bool start(struct exchange *x, const struct candidate *c, const struct credential *key, uint64_t breaker,
		  bool is_probe)
{
	const struct candidate *first = x->plan.candidates;
	struct failure f;

	if (!attempt_start(x, c, key, breaker, is_probe, &f)) {
		breaker_report(x->worker->shared->breakers, breaker, is_probe, BREAKER_NEUTRAL, -1,
			       loop_now(x->worker->loop));
		exchange_fail(x, &f);
		return false;
	}
	while (first->passed_over)
		first++;
	x->fallback = c != first;
	return true;
}

/* The longest known deadline of this target has not passed: remember when it does, for the client's retry-after. */
static void note_open_breaker(struct exchange *x, uint64_t breaker, int64_t now)
{
	int64_t until = now;
	bool limited;

	breaker_look(x->worker->shared->breakers, breaker, now, &until, &limited);
	x->rests_for_faults |= !limited;

	int64_t left_ms = until > now ? (until - now + NS_PER_MS - 1) / NS_PER_MS : 1;

	if (x->breaker_retry_ms < 0 || left_ms < x->breaker_retry_ms)
		x->breaker_retry_ms = left_ms;
}

static bool is_worth_trying(const struct exchange *x, const struct candidate *c)
{
	int64_t context = c->offer ? c->offer->model->context : 0;

	if (c->passed_over)
		return false;
	return x->context_needed == 0 || context == 0 || context > x->context_needed;
}

/* The next target whose breaker lets us through, from where the plan stands. */
static bool start_next(struct exchange *x, bool force)
{
	int64_t now = loop_now(x->worker->loop);

	for (; x->cursor < x->plan.count; next_candidate(x)) {
		const struct candidate *c = &x->plan.candidates[x->cursor];

		if (!is_worth_trying(x, c))
			continue;
		for (; x->keys_tried < key_count(x, c->provider); next_key(x)) {
			const struct credential *key = key_at(x, c->provider, x->keys_tried);
			uint64_t breaker = breaker_of(c, key);

			struct breakers *breakers = x->worker->shared->breakers;
			enum breaker_pass pass = breaker_ask(breakers, breaker, c->provider->name, c->model, now);

			if (pass == BREAKER_REFUSED && force && breaker_force(breakers, breaker, now))
				pass = BREAKER_PROBE;
			if (pass == BREAKER_REFUSED)
				note_open_breaker(x, breaker, now);
			else if (start(x, c, key, breaker, pass == BREAKER_PROBE))
				return true;
			else
				break;
		}
	}
	return false;
}

static void fail_exhausted(struct exchange *x)
{
	bool limited = x->breaker_retry_ms >= 0 && !x->rests_for_faults;
	struct failure f;

	if (x->failure && x->failure->kind != FAILURE_NONE)
		return;
	failure_set(&f, limited ? FAILURE_RATE_LIMITED : FAILURE_UNAVAILABLE,
		    "every target for '%.*s' is resting after %s; try again later",
		    (int)(x->plan.asked.len < 200 ? x->plan.asked.len : 200), x->plan.asked.ptr,
		    limited ? "rate limits" : "faults");
	f.retry_after_ms = x->breaker_retry_ms;
	exchange_fail(x, &f);
}

enum dispatch_result dispatch_next(struct exchange *x)
{
	int budget = x->snapshot->config->defaults.attempts;

	if (timer_is_set(&x->backoff))
		return DISPATCH_WAITS;
	if ((int)x->record.attempt_count < budget) {
		if (start_next(x, false))
			return DISPATCH_STARTED;
		if (x->record.attempt_count == 0 && x->breaker_retry_ms >= 0) {
			/* All rest: one request at a time may try the least bad anyway, so that a recovery is noticed
			 * by the first who asks (pain.md F21). */
			x->cursor = 0;
			x->keys_tried = 0;
			if (start_next(x, true))
				return DISPATCH_STARTED;
		}
	}
	fail_exhausted(x);
	return DISPATCH_EXHAUSTED;
}

/* ---- after a failure ---- */

/* From this moment, not from the turn's: the breaker counts a retry-after from now too, and must have heard it out
 * first. */
static void wait_ms(struct exchange *x, int64_t ms)
{
	timer_set(&x->backoff, clock_now_ns() + ms * NS_PER_MS);
}

/* Doubling from 100 ms, half of it random: two clients that failed together do not come back together. */
static int64_t backoff_ms(int tries)
{
	int64_t ceiling = (int64_t)BACKOFF_BASE_MS << (tries < 5 ? tries : 5);

	if (ceiling > BACKOFF_MAX_MS)
		ceiling = BACKOFF_MAX_MS;
	return ceiling / 2 + (int64_t)random_below((uint64_t)ceiling / 2 + 1);
}

static bool has_time_for(const struct exchange *x, int64_t ms)
{
	return loop_now(x->worker->loop) + ms * NS_PER_MS < x->deadline.deadline;
}

static bool move_same(struct exchange *x, const struct attempt *a)
{
	int64_t ms = backoff_ms(x->same_tries);

	if (x->same_tries >= a->provider->retries || !has_time_for(x, ms)) {
		next_candidate(x);
		return true;
	}
	x->same_tries++;
	wait_ms(x, ms);
	return true;
}

static bool move_wait(struct exchange *x, const struct failure *f, const struct attempt *a)
{
	bool short_enough = f->retry_after_ms >= 0 && f->retry_after_ms <= RETRY_AFTER_WAIT_MAX_MS &&
			    has_time_for(x, f->retry_after_ms);

	if (x->keys_tried + 1 < key_count(x, a->provider)) {
		next_key(x);
	} else if (short_enough && !x->waited_for_retry_after) {
		x->waited_for_retry_after = true;
		wait_ms(x, f->retry_after_ms);
	} else {
		next_candidate(x);
	}
	return true;
}

/* A 400 about stream_options on a request in which we asked for usage: our doing, once more without, and remembered. */
static bool is_usage_refusal(const struct failure *f, const struct attempt *a)
{
	struct slice message = slice_cstr(f->message);

	return a->asked_usage && f->kind == FAILURE_REQUEST &&
	       (slice_find_nocase(message, SLICE("stream_options")) != SIZE_MAX ||
		slice_find_nocase(message, SLICE("include_usage")) != SIZE_MAX || strstr(f->param, "stream_options"));
}

bool dispatch_after_failure(struct exchange *x, const struct failure *f, const struct attempt *a)
{
	if (is_usage_refusal(f, a)) {
		struct worker *w = x->worker;

		w->no_usage[w->no_usage_next++ % WORKER_NO_USAGE_MAX] = a->breaker;
		x->plain_retry = true;
		return true;
	}
	if (exchange_fail(x, f))
		x->failure_headers = a->failure_headers;
	if (a->token_refused) { /* the same target once more (pain.md F40) */
		x->token_retry = true;
		return true;
	}
	switch (outcome_next(f, a->substituted || x->plan.candidates[x->cursor].translates)) {
	case NEXT_NONE:
	case NEXT_STOP:
		return false;
	case NEXT_FITTING:
		if (a->context > x->context_needed)
			x->context_needed = a->context;
		next_candidate(x);
		return true;
	case NEXT_KEY:
		if (x->keys_tried + 1 < key_count(x, a->provider))
			next_key(x);
		else
			next_candidate(x);
		return true;
	case NEXT_TARGET:
		next_candidate(x);
		return true;
	case NEXT_WAIT:
		return move_wait(x, f, a);
	case NEXT_SAME:
		return move_same(x, a);
	}
	return false;
}
