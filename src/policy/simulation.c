/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway without a network. What dispatch does is done here in few words: `start_next` walks candidates and keys,
 * `after_failure` decides between the same target, the next key and the next candidate. */
#include "policy/simulation.h"

#include <math.h>
#include "base/clock.h"
#include "base/lot.h"

enum { ATTEMPTS_MAX = 4, TRIES_OF_SAME = 1, BACKOFF_MS = 100 };

struct flight {
	unsigned request;              /* in the log */
	struct arena arena;
	struct plan plan;
	uint64_t conversation, keys_done;
	unsigned cursor, same_tries;

	/* The attempt. */
	unsigned attempt;              /* in the log */
	const struct candidate *candidate;
	const struct credential *key;
	uint64_t target;
	struct vital *vital;
	bool is_probe;
	int64_t retry_after_ms;
};

struct happening {
	int64_t at_ns;
	uint64_t number;               /* of two at the same moment the earlier one comes first */
	struct flight *flight;
	bool is_retry;                 /* else its attempt ends */
};

static double random_share(struct simulation *s)
{
	return lot_share(++s->random, 0);
}

/* ---- events ---- */

static bool is_sooner(const struct happening *a, const struct happening *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->number < b->number;
}

static void *grow(void *items, unsigned count, unsigned *room, size_t size)
{
	if (count < *room)
		return items;
	*room = *room > 0 ? 2 * *room : 64;
	return xrealloc(items, *room * size);
}

static void happening_add(struct simulation *s, struct flight *f, int64_t at_ns, bool is_retry)
{
	struct happening e = { at_ns, ++s->random, f, is_retry };
	unsigned at = s->event_count++;

	s->events = grow(s->events, at, &s->event_room, sizeof(e));
	for (; at > 0 && is_sooner(&e, &s->events[(at - 1) / 2]); at = (at - 1) / 2)
		s->events[at] = s->events[(at - 1) / 2];
	s->events[at] = e;
}

static struct happening happening_take(struct simulation *s)
{
	struct happening first = s->events[0], last = s->events[--s->event_count];
	unsigned at = 0, child;

	while ((child = 2 * at + 1) < s->event_count) {
		if (child + 1 < s->event_count && is_sooner(&s->events[child + 1], &s->events[child]))
			child++;
		if (!is_sooner(&s->events[child], &last))
			break;
		s->events[at] = s->events[child];
		at = child;
	}
	s->events[at] = last;
	return first;
}

/* ---- the far side ---- */

/* By calendar minutes, as many providers count. */
static bool is_over_limit(struct simulation *s, unsigned provider, const struct behaviour *b, struct rate_limit *ret)
{
	int64_t minute = s->now_ns / (60 * NS_PER_S);

	*ret = (struct rate_limit){ .said = b->requests_per_minute > 0, .tokens_left = -1, .tokens_reset_ms = -1 };
	if (!ret->said)
		return false;
	if (s->windows[provider].minute != minute)
		s->windows[provider].count = 0;
	s->windows[provider].minute = minute;
	s->windows[provider].count++;
	ret->requests_reset_ms = ((minute + 1) * 60 * NS_PER_S - s->now_ns) / NS_PER_MS + 1;
	ret->requests_left = (int64_t)b->requests_per_minute - s->windows[provider].count;
	if (ret->requests_left >= 0)
		return false;
	ret->requests_left = 0;
	return true;
}

static void attempt_begin(struct simulation *s, struct flight *f, bool again)
{
	unsigned provider = (unsigned)(f->candidate->provider - s->fleet.providers);
	struct behaviour b = s->behave(provider, s->now_ns);
	struct attempt_log *log;
	struct rate_limit limit;
	double took_us = (double)b.answer_us * (1 + b.noise * (2 * random_share(s) - 1));

	s->attempts = grow(s->attempts, s->attempt_count, &s->attempt_room, sizeof(*s->attempts));
	f->attempt = s->attempt_count++;
	log = &s->attempts[f->attempt];
	*log = (struct attempt_log){ .start_ns = s->now_ns,
				     .request = f->request,
				     .provider = provider,
				     .again = again,
				     .key = (unsigned)(f->key - f->candidate->provider->keys),
				     .taken = s->prompt + 2 * s->answer,
				     .used = s->prompt + (int64_t)((double)(2 * s->answer) * random_share(s)) };
	log->limited = is_over_limit(s, provider, &b, &limit);
	log->ok = !log->limited && random_share(s) >= b.failures;
	if (log->limited)
		took_us /= 10;
	f->retry_after_ms = log->limited ? limit.requests_reset_ms : -1;
	vital_begin(f->vital);
	vital_limits(f->vital, &limit, s->now_ns);
	s->requests[f->request].attempts++;
	log->end_ns = s->now_ns + (int64_t)took_us * NS_PER_US;
	happening_add(s, f, log->end_ns, false);
}

/* ---- dispatch ---- */

static uint64_t pool_id(const struct flight *f)
{
	return key_pool_id(f->candidate->provider->name, f->candidate->binding->base_text, f->key->fingerprint);
}

static bool try_key(struct simulation *s, struct flight *f, bool force, bool again)
{
	const struct candidate *c = f->candidate;
	int64_t taken = s->prompt + 2 * s->answer;
	enum breaker_pass pass;
	struct vital_signs signs;

	f->target = breaker_key(c->provider->name, c->binding->base_text, f->key->fingerprint, c->model);
	f->vital = vitals_use(s->known.vitals, f->target, c->provider->name, c->model, slice_cstr(f->key->name));
	vital_look(f->vital, s->prompt, s->now_ns, &signs);
	if (signs.saturated_until_ns > s->now_ns)
		return false;
	pass = breaker_ask(s->known.breakers, f->target, c->provider->name, c->model, s->now_ns);
	if (pass == BREAKER_REFUSED && force && breaker_force(s->known.breakers, f->target, s->now_ns))
		pass = BREAKER_PROBE;
	if (pass == BREAKER_REFUSED)
		return false;
	f->is_probe = pass == BREAKER_PROBE;
	if (key_pool_take(s->known.keys, pool_id(f), &f->key->limits, taken, s->now_ns, NULL) != KEY_READY) {
		breaker_report(s->known.breakers, f->target, f->is_probe, BREAKER_NEUTRAL, -1, s->now_ns);
		return false;
	}
	attempt_begin(s, f, again);
	return true;
}

static void next_key(struct flight *f)
{
	f->keys_done |= UINT64_C(1) << (f->key - f->candidate->provider->keys);
	f->same_tries = 0;
}

static void next_candidate(struct flight *f)
{
	f->cursor++;
	f->keys_done = 0;
	f->same_tries = 0;
}

static bool start_next(struct simulation *s, struct flight *f, bool force)
{
	for (; f->cursor < f->plan.count; next_candidate(f)) {
		f->candidate = &f->plan.candidates[f->cursor];
		if (f->candidate->passed_over || f->candidate->cause != CAUSE_NONE)
			continue;
		while ((f->key = provider_pick_key(f->candidate->provider, f->conversation, f->keys_done))) {
			if (try_key(s, f, force, false))
				return true;
			next_key(f);
		}
	}
	return false;
}

static void flight_end(struct simulation *s, struct flight *f, bool answered)
{
	struct request_log *log = &s->requests[f->request];

	log->end_ns = s->now_ns;
	log->answered_by = answered ? (int)(f->candidate->provider - s->fleet.providers) : -1;
	if (answered && f->plan.conversation != 0)
		affinity_note(s->known.affinity, f->plan.conversation,
			      affinity_place(f->candidate->provider->name, f->candidate->model), 600 * NS_PER_S,
			      s->now_ns);
	arena_done(&f->arena);
	free(f);
}

static void dispatch(struct simulation *s, struct flight *f)
{
	unsigned attempts = s->requests[f->request].attempts;

	if (attempts < ATTEMPTS_MAX && start_next(s, f, false))
		return;
	f->cursor = 0;
	f->keys_done = 0;
	if (attempts == 0 && start_next(s, f, true))
		return;
	flight_end(s, f, false);
}

static void after_failure(struct simulation *s, struct flight *f, const struct attempt_log *log)
{
	bool may_repeat =
		!log->limited && f->same_tries < TRIES_OF_SAME && s->requests[f->request].attempts < ATTEMPTS_MAX;

	if (may_repeat && retry_budget_take(&s->retries, s->retry_share, RETRY_BUDGET_FLOOR, s->now_ns)) {
		f->same_tries++;
		happening_add(s, f, s->now_ns + BACKOFF_MS * NS_PER_MS, true);
		return;
	}
	if (log->limited)
		next_key(f);
	else
		next_candidate(f);
	dispatch(s, f);
}

static void attempt_end(struct simulation *s, struct flight *f)
{
	struct attempt_log log = s->attempts[f->attempt];
	enum breaker_verdict verdict = log.ok ? BREAKER_OK : log.limited ? BREAKER_LIMITED : BREAKER_FAULT;

	vital_end(f->vital, !log.ok, s->now_ns);
	breaker_report(s->known.breakers, f->target, f->is_probe, verdict, f->retry_after_ms, s->now_ns);
	if (log.ok)
		key_pool_tell(s->known.keys, pool_id(f), KEY_WORKS, s->now_ns);
	key_pool_give(s->known.keys, pool_id(f), &f->key->limits, log.taken, log.ok ? log.used : 0, log.start_ns,
		      s->now_ns);
	if (!log.ok) {
		s->attempts[f->attempt].used = 0;
		if (f->retry_after_ms >= 0)
			vital_saturated(f->vital, s->now_ns + f->retry_after_ms * NS_PER_MS);
		after_failure(s, f, &log);
		return;
	}
	vital_first_token(f->vital, (log.end_ns - log.start_ns) / NS_PER_US, s->now_ns);
	flight_end(s, f, true);
}

/* ---- arrivals ---- */

static void arrive(struct simulation *s)
{
	struct flight *f = xcalloc(1, sizeof(*f));
	struct plan_query q = fleet_query(&s->fleet);
	struct failure failure;

	arena_init(&f->arena);
	s->requests = grow(s->requests, s->request_count, &s->request_room, sizeof(*s->requests));
	f->request = s->request_count++;
	f->conversation =
		s->conversations > 0 ? (uint64_t)(random_share(s) * (double)s->conversations) + 1 : ++s->random;
	s->requests[f->request] =
		(struct request_log){ .start_ns = s->now_ns, .conversation = f->conversation, .answered_by = -1 };
	s->fleet.tokens = s->prompt;
	s->fleet.conversation = f->conversation;
	q.knowledge = &s->known;
	q.now_ns = s->now_ns;
	q.deadline_ns = s->now_ns + 900 * NS_PER_S;
	q.draw = lot_mix(++s->random, 1);
	retry_budget_request(&s->retries, s->now_ns);
	if (plan_make(&s->fleet.routing, &q, &f->arena, &f->plan, &failure))
		dispatch(s, f);
	else
		flight_end(s, f, false);
}

static void run_event(struct simulation *s)
{
	struct happening e = happening_take(s);

	s->now_ns = e.at_ns;
	if (!e.is_retry)
		attempt_end(s, e.flight);
	else if (!try_key(s, e.flight, false, true)) {
		next_candidate(e.flight);
		dispatch(s, e.flight);
	}
}

void simulation_run(struct simulation *s, double per_second, double seconds)
{
	int64_t end_ns = s->now_ns + (int64_t)(seconds * (double)NS_PER_S), arrival_ns = s->now_ns;

	for (;;) {
		arrival_ns += (int64_t)(-log(1 - random_share(s)) / per_second * (double)NS_PER_S);
		while (s->event_count > 0 && s->events[0].at_ns <= arrival_ns)
			run_event(s);
		if (arrival_ns >= end_ns)
			break;
		s->now_ns = arrival_ns;
		arrive(s);
	}
	while (s->event_count > 0)
		run_event(s);
	s->now_ns = s->now_ns > end_ns ? s->now_ns : end_ns;
}

void simulation_init(struct simulation *s, unsigned providers)
{
	memset(s, 0, sizeof(*s));
	fleet_init(&s->fleet, providers);
	s->known = (struct knowledge){ vitals_new(), breakers_new(), key_pool_new(), affinity_new() };
	s->now_ns = 1000 * NS_PER_S;
	s->random = 20240229;
	s->prompt = 100;
	s->answer = 100;
	s->retry_share = SHARE_WHOLE / 10;
}

void simulation_done(struct simulation *s)
{
	affinity_free(s->known.affinity);
	key_pool_free(s->known.keys);
	breakers_free(s->known.breakers);
	vitals_free(s->known.vitals);
	fleet_done(&s->fleet);
	free(s->attempts);
	free(s->requests);
	free(s->events);
}
