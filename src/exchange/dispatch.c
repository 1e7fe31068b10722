/* SPDX-License-Identifier: Apache-2.0 */
/* Which target next: walks the plan's candidates and each one's keys, asks key pools, breakers and budgets, waits
 * between tries or in line, and keeps the one attempt budget of the request (pain.md F20). */
#include "exchange/exchange_internal.h"

#include "base/clock.h"
#include "base/random.h"

enum { BACKOFF_BASE_MS = 100, BACKOFF_MAX_MS = 2000 };

/* ---- keys ---- */

/* In turn, each as often as its weight says; those that are done are passed over. */
static const struct credential *spread_key(struct exchange *x, const struct provider *p)
{
	uint64_t total = 0, turn;
	unsigned i = 0;

	for (unsigned k = 0; k < p->key_count; k++)
		total += p->keys[k].weight;
	if (total == 0)
		return NULL;
	for (turn = x->rotation % total; turn >= p->keys[i].weight; i++)
		turn -= p->keys[i].weight;
	for (unsigned k = 0; k < p->key_count; k++, i++)
		if (!(x->keys_done & 1ull << i % p->key_count))
			return &p->keys[i % p->key_count];
	return NULL;
}

/* The conversation picks the key, so that its prompt cache keeps hitting; `spread` rotates instead (PRODUCT §6). */
static const struct credential *pick_key(struct exchange *x, const struct provider *p)
{
	const struct credential *bound = stored_key(x, p);

	if (bound)
		return x->keys_done ? NULL : bound;
	if (p->key_count == 1)
		return x->keys_done ? NULL : &p->keys[0];
	return p->spread ? spread_key(x, p) : provider_pick_key(p, exchange_conversation(x), x->keys_done);
}

static bool has_another_key(const struct exchange *x, const struct attempt *a)
{
	uint64_t done = x->keys_done | 1ull << (a->key - a->provider->keys);

	return !stored_key(x, a->provider) && provider_pick_key(a->provider, 0, done);
}

static void key_is_done(struct exchange *x, const struct provider *p, const struct credential *key)
{
	x->keys_done |= stored_key(x, p) ? UINT64_MAX : 1ull << (key - p->keys);
	x->same_tries = 0;
	x->token_retry = false;
	x->waited_for_retry_after = false;
}

/* ---- places in the plan ---- */

static void go_to(struct exchange *x, unsigned place)
{
	x->place = place;
	x->keys_done = 0;
	x->same_tries = 0;
	x->waited_for_retry_after = false;
	x->plain_retry = false;
	x->token_retry = false;
}

static void place_is_done(struct exchange *x, unsigned place)
{
	x->places_done |= 1ull << place;
	if (place == x->place)
		x->place = PLACE_NONE;
}

static bool is_worth_trying(const struct exchange *x, const struct candidate *c)
{
	int64_t context = c->offer ? c->offer->model->context : 0;

	if (c->passed_over)
		return false;
	return x->context_needed == 0 || context == 0 || context > x->context_needed;
}

/* The first place that is left: those for the cause of the last failure (`on:`), then the ordinary ones. */
static unsigned next_place(const struct exchange *x, uint64_t done, enum cause cause)
{
	for (unsigned i = 0; i < x->plan.count; i++)
		if (!(done & 1ull << i) && x->plan.candidates[i].cause == cause &&
		    is_worth_trying(x, &x->plan.candidates[i]))
			return i;
	return cause == CAUSE_NONE ? PLACE_NONE : next_place(x, done, CAUSE_NONE);
}

/* ---- starting ---- */

enum rest { REST_FAULT = 1 << 0, REST_LIMIT = 1 << 1, REST_KEY = 1 << 2, REST_FOR_GOOD = 1 << 3 };

/* When somebody may be asked again, for the client's retry-after and for those who wait. */
static void note_rest(struct exchange *x, int64_t until_ns, enum rest why, int64_t now)
{
	int64_t left_ms = until_ns > now ? (until_ns - now + NS_PER_MS - 1) / NS_PER_MS : 1;

	if (until_ns == NEVER) { /* waiting does not help: it is too large for the key's limits */
		x->rests |= REST_FOR_GOOD;
		return;
	}
	if (x->rest_ms < 0 || left_ms < x->rest_ms)
		x->rest_ms = left_ms;
	x->rests |= why;
}

/* What a key's limits count the request as. */
static int64_t tokens_of(struct exchange *x, const struct credential *key)
{
	if (key->limits.tokens_per_minute == 0)
		return 0;
	return exchange_prompt_tokens(x) + (x->facts.max_output >= 0 ? x->facts.max_output : PLAN_OUTPUT_GUESS);
}

/* Asks the key's pool, the target's vital signs and its breaker. False: not now, and noted. */
static bool take(struct exchange *x, const struct candidate *c, const struct credential *key, bool force,
		 struct admission *ret)
{
	struct shared *shared = x->worker->shared;
	int64_t now = loop_now(x->worker->loop), until = 0;
	struct health_signs health;
	struct vital_signs signs;
	enum breaker_pass pass;

	*ret = (struct admission){
		.key = key,
		.pool = key_pool_id(c->provider->name, c->binding->base_text, key->fingerprint),
		.breaker = breaker_key(c->provider->name, c->binding->base_text, key->fingerprint, c->model),
		.tokens = tokens_of(x, key),
		.taken_ns = now,
	};
	health_look(shared->health, c->provider, c->binding, now, &health);
	if (health.down && !force) {
		note_rest(x, health.next_ns, REST_FAULT, now);
		return false;
	}
	ret->vital = vitals_use(shared->vitals, ret->breaker, c->provider->name, c->model, slice_cstr(key->name));
	vital_look(ret->vital, x->prompt_tokens > 0 ? x->prompt_tokens : 0, now, &signs);
	if (signs.saturated_until_ns > now && !force) {
		note_rest(x, signs.saturated_until_ns, REST_LIMIT, now);
		return false;
	}
	switch (key_pool_take(shared->keys, ret->pool, &key->limits, ret->tokens, now, &until)) {
	case KEY_READY:
		break;
	case KEY_LIMITED:
		note_rest(x, until, REST_LIMIT, now);
		return false;
	case KEY_RETIRED:
		note_rest(x, until, REST_KEY, now);
		return false;
	}
	pass = breaker_ask(shared->breakers, ret->breaker, c->provider->name, c->model, now);
	if (pass == BREAKER_REFUSED && health.worked_ns > 0 &&
	    breaker_hint(shared->breakers, ret->breaker, health.worked_ns, now))
		pass = breaker_ask(shared->breakers, ret->breaker, c->provider->name, c->model, now);
	if (pass == BREAKER_REFUSED && force && breaker_force(shared->breakers, ret->breaker, now))
		pass = BREAKER_PROBE;
	ret->is_probe = pass == BREAKER_PROBE;
	if (pass != BREAKER_REFUSED)
		return true;
	key_pool_give(shared->keys, ret->pool, &key->limits, ret->tokens, 0, ret->taken_ns, now);

	bool is_limit;

	breaker_look(shared->breakers, ret->breaker, now, &until, &is_limit);
	note_rest(x, until, is_limit ? REST_LIMIT : REST_FAULT, now);
	return false;
}

/* Lets go of what was taken for an attempt that could not begin. */
static void give_back(struct exchange *x, const struct admission *t)
{
	struct shared *shared = x->worker->shared;
	int64_t now = loop_now(x->worker->loop);

	breaker_report(shared->breakers, t->breaker, t->is_probe, BREAKER_NEUTRAL, -1, now);
	key_pool_give(shared->keys, t->pool, &t->key->limits, t->tokens, 0, t->taken_ns, now);
}

/* The plan's first choice; what another one answers was answered by a fallback. */
static unsigned first_choice(const struct exchange *x)
{
	unsigned first = 0;

	while (x->plan.candidates[first].passed_over || x->plan.candidates[first].cause != CAUSE_NONE)
		first++;
	return first;
}

bool dispatch_is_fallback(const struct exchange *x, const struct attempt *a)
{
	return a->place != first_choice(x);
}

/* At the place where the walk stands, with one key after the other. NULL: nobody there takes it now; a failure that
 * stands in the request itself is noted. */
static struct attempt *start_here(struct exchange *x, bool force)
{
	const struct candidate *planned = &x->plan.candidates[x->place];
	const struct candidate *c = rescue_candidate(x, planned);
	const struct credential *key;
	struct admission admission;

	while (c && (key = pick_key(x, c->provider))) {
		struct failure f;
		struct attempt *a;

		if (!take(x, c, key, force, &admission)) {
			key_is_done(x, c->provider, key);
			continue;
		}
		a = attempt_start(x, c, &admission, &f);
		if (!a) {
			give_back(x, &admission);
			exchange_fail(x, &f);
			return NULL;
		}
		a->place = x->place;
		return a;
	}
	return NULL;
}

/* The next target that lets us through. Places that do not let us through now are skipped, not done: they are asked
 * again after the next failure. */
static struct attempt *start_next(struct exchange *x, bool force)
{
	uint64_t skipped = 0;

	for (;;) {
		struct attempt *a;

		if (x->place == PLACE_NONE) {
			unsigned place = next_place(x, x->places_done | skipped, x->cause);

			if (place == PLACE_NONE)
				return NULL;
			go_to(x, place);
		}
		a = start_here(x, force);
		if (a)
			return a;
		skipped |= 1ull << x->place;
		x->place = PLACE_NONE;
	}
}

static bool has_tries_left(const struct exchange *x)
{
	return (int)x->record.attempt_count < x->snapshot->config->defaults.attempts;
}

/* Why nobody could be asked at all. */
static void fail_exhausted(struct exchange *x)
{
	static const struct {
		unsigned rests;
		enum failure_kind kind;
		const char *text;
	} reasons[] = {
		{ REST_LIMIT, FAILURE_RATE_LIMITED, "is at its rate limit" },
		{ REST_FOR_GOOD, FAILURE_RATE_LIMITED, "has keys that allow fewer tokens in a minute than this request may take" },
		{ REST_KEY, FAILURE_KEYS_EXHAUSTED, "has had its keys refused, which are retired for a while" },
		{ 0, FAILURE_UNAVAILABLE, "is resting after faults" },
	};
	unsigned i = 0;
	struct failure f;

	if (x->failure && x->failure->kind != FAILURE_NONE)
		return;
	while (reasons[i].rests && reasons[i].rests != x->rests)
		i++;
	failure_set(&f, reasons[i].kind, "every target for '%.*s' %s; try again later",
		    (int)(x->plan.asked.len < 200 ? x->plan.asked.len : 200), x->plan.asked.ptr, reasons[i].text);
	f.retry_after_ms = x->rest_ms;
	exchange_fail(x, &f);
}

static void walk_from_start(struct exchange *x)
{
	x->places_done = 0;
	x->place = PLACE_NONE;
	x->cause = CAUSE_NONE;
}

/* One walk over what is left of the plan, as its policy for bad times says (PRODUCT §6, `when_down`). */
static struct attempt *start_any(struct exchange *x)
{
	struct attempt *a;

	x->rest_ms = -1;
	x->rests = 0;
	a = start_next(x, false);
	/* All rest: one request at a time may try the least bad anyway, so that a recovery is noticed by the first who
	 * asks (pain.md F21). */
	if (!a && x->record.attempt_count == 0 && x->rests && x->plan.when_down <= WHEN_DOWN_LEAST_BAD)
		a = start_next(x, true);
	if (a || x->plan.when_down != WHEN_DOWN_WAIT || x->committed)
		return a;
	/* Who may wait begins again from the start, where it finds out for how long. */
	walk_from_start(x);
	return start_next(x, false);
}

enum dispatch_result dispatch_next(struct exchange *x)
{
	struct attempt *a;

	if (timer_is_set(&x->backoff) || line_holds(x))
		return DISPATCH_WAITS;
	if (line_must_queue(x) && line_join(x, true))
		return DISPATCH_WAITS;
	if (has_tries_left(x) && (a = start_any(x))) {
		line_leave(x);
		x->attempt = a;
		x->fallback = dispatch_is_fallback(x, a);
		hedge_arm(x);
		return DISPATCH_STARTED;
	}
	if (has_tries_left(x) && x->rests && line_join(x, false))
		return DISPATCH_WAITS;
	line_leave(x);
	if (has_tries_left(x) && rescue_next_mode(x)) {
		walk_from_start(x);
		return dispatch_next(x);
	}
	fail_exhausted(x);
	return DISPATCH_EXHAUSTED;
}

bool dispatch_has_another(const struct exchange *x, const struct attempt *a)
{
	return has_tries_left(x) && next_place(x, x->places_done | 1ull << a->place, CAUSE_TIMEOUT) != PLACE_NONE;
}

bool dispatch_hedge(struct exchange *x)
{
	struct retry_budget *budget = &x->worker->shared->hedges;
	int64_t now = loop_now(x->worker->loop);
	uint64_t done = x->places_done | 1ull << x->attempt->place;
	unsigned place, came_from = x->place;
	struct attempt *a;

	do {
		place = next_place(x, done, CAUSE_NONE);
		if (place == PLACE_NONE || !has_tries_left(x))
			return false;
		done |= 1ull << place;
	} while (x->plan.candidates[place].provider == x->attempt->provider);
	if (!retry_budget_take(budget, x->plan.hedge.share, HEDGE_FLOOR, now))
		return false;
	go_to(x, place);
	a = start_here(x, false);
	go_to(x, came_from);
	if (!a)
		return false;
	a->is_hedge = true;
	x->rival = a;
	return true;
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

/* Further tries of a target that has just failed are few over the whole process: a dead one is not worth more. */
static bool may_retry(struct exchange *x)
{
	return retry_budget_take(&x->worker->shared->retries, x->snapshot->config->defaults.retry_budget,
				 RETRY_BUDGET_FLOOR, loop_now(x->worker->loop));
}

static void move_same(struct exchange *x, const struct attempt *a)
{
	int64_t ms = backoff_ms(x->same_tries);

	if (x->same_tries >= a->provider->retries || !has_time_for(x, ms) || !may_retry(x)) {
		place_is_done(x, a->place);
		return;
	}
	x->same_tries++;
	wait_ms(x, ms);
}

static void move_key(struct exchange *x, const struct attempt *a)
{
	if (has_another_key(x, a))
		key_is_done(x, a->provider, a->key);
	else
		place_is_done(x, a->place);
}

static void move_wait(struct exchange *x, const struct failure *f, const struct attempt *a)
{
	bool short_enough = f->retry_after_ms >= 0 && f->retry_after_ms <= RETRY_AFTER_WAIT_MAX_MS &&
			    has_time_for(x, f->retry_after_ms);

	if (has_another_key(x, a) || !short_enough || x->waited_for_retry_after || !may_retry(x)) {
		move_key(x, a);
		return;
	}
	x->waited_for_retry_after = true;
	wait_ms(x, f->retry_after_ms);
}

/* A 400 about stream_options on a request in which we asked for usage: our doing, once more without, and remembered. */
static bool is_usage_refusal(const struct failure *f, const struct attempt *a)
{
	struct slice message = slice_cstr(f->message);

	return a->asked_usage && f->kind == FAILURE_REQUEST &&
	       (slice_find_nocase(message, SLICE("stream_options")) != SIZE_MAX ||
		slice_find_nocase(message, SLICE("include_usage")) != SIZE_MAX || strstr(f->param, "stream_options"));
}

static enum cause cause_of(const struct failure *f)
{
	switch (f->kind) {
	case FAILURE_CONTEXT_LENGTH:
		return CAUSE_CONTEXT_LENGTH;
	case FAILURE_CONTENT_FILTER:
		return CAUSE_CONTENT_FILTER;
	case FAILURE_RATE_LIMITED: case FAILURE_OVERLOADED: case FAILURE_QUOTA:
		return CAUSE_RATE_LIMIT;
	case FAILURE_TIMEOUT_CONNECT: case FAILURE_TIMEOUT_FIRST_TOKEN: case FAILURE_TIMEOUT_IDLE:
	case FAILURE_TIMEOUT_TOTAL: case FAILURE_TIMEOUT_SLOW_STREAM:
		return CAUSE_TIMEOUT;
	default:
		return CAUSE_ERROR;
	}
}

/* The operator has said who takes requests that fail so (`on:`), and one of them is left. */
static bool has_place_for(const struct exchange *x, enum cause cause)
{
	unsigned place = next_place(x, x->places_done | (x->place == PLACE_NONE ? 0 : 1ull << x->place), cause);

	return place != PLACE_NONE && x->plan.candidates[place].cause == cause;
}

bool dispatch_after_failure(struct exchange *x, const struct failure *f, const struct attempt *a)
{
	enum next_move next = outcome_next(f, a->substituted || a->candidate->translates);

	/* The request was good enough for the one that broke. */
	if (next == NEXT_STOP && rescue_is_running(x))
		next = NEXT_TARGET;
	if (a->place != x->place) /* it was the rival, and has become the one */
		go_to(x, a->place);
	if (is_usage_refusal(f, a)) {
		struct worker *w = x->worker;

		w->no_usage[w->no_usage_next++ % WORKER_NO_USAGE_MAX] = a->admission.breaker;
		x->plain_retry = true;
		return true;
	}
	if (exchange_fail(x, f))
		x->failure_headers = a->failure_headers;
	if (a->token_refused) { /* the same target once more (pain.md F40) */
		x->token_retry = true;
		return true;
	}
	if (next != NEXT_NONE && has_place_for(x, cause_of(f)) && (next != NEXT_STOP || f->kind != FAILURE_REQUEST)) {
		x->cause = cause_of(f);
		place_is_done(x, a->place);
		return true;
	}
	switch (next) {
	case NEXT_NONE:
	case NEXT_STOP:
		return false;
	case NEXT_FITTING:
		if (a->context > x->context_needed)
			x->context_needed = a->context;
		place_is_done(x, a->place);
		return true;
	case NEXT_KEY:
		move_key(x, a);
		return true;
	case NEXT_TARGET:
		place_is_done(x, a->place);
		return true;
	case NEXT_WAIT:
		move_wait(x, f, a);
		return true;
	case NEXT_SAME:
		move_same(x, a);
		return true;
	}
	return false;
}

void dispatch_forget(struct exchange *x, const struct attempt *a)
{
	x->places_done |= 1ull << a->place;
	go_to(x, x->attempt->place);
}
