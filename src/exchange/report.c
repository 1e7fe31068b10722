/* SPDX-License-Identifier: Apache-2.0 */
/* What an attempt teaches about its target, and whom it is told: the breaker, the key's pool, the target's vital signs,
 * the conversation's place, and those who stand in line. */
#include "exchange/exchange_internal.h"

#include "base/clock.h"
#include "dialect/rate_limit.h"

static int64_t now_of(const struct attempt *a)
{
	return loop_now(a->exchange->worker->loop);
}

static struct shared *shared_of(const struct attempt *a)
{
	return a->exchange->worker->shared;
}

void report_begin(struct attempt *a)
{
	vital_begin(a->admission.vital);
}

void report_head(struct attempt *a)
{
	const struct client_stream *up = a->upstream;
	struct rate_limit limit;

	rate_limit_read(&up->headers, clock_wall_ms(), &limit);
	vital_limits(a->admission.vital, &limit, now_of(a));
	if (!up->reused && up->connected_ns > up->opened_ns)
		vital_connected(a->admission.vital, (up->connected_ns - up->opened_ns) / NS_PER_US, now_of(a));
}

void report_first_token(struct attempt *a)
{
	a->first_token_ns = now_of(a);
	if (a->streams)
		vital_first_token(a->admission.vital, (a->first_token_ns - a->started_ns) / NS_PER_US,
				  a->first_token_ns);
}

static void tell_breaker(struct attempt *a, enum breaker_verdict verdict, int64_t retry_after_ms)
{
	struct admission *t = &a->admission;

	breaker_report(shared_of(a)->breakers, t->breaker, t->is_probe, verdict, retry_after_ms, now_of(a));
	t->is_probe = false;
	a->breaker_told = true;
}

void report_content(struct attempt *a)
{
	if (!a->breaker_told)
		tell_breaker(a, BREAKER_OK, -1);
}

static void end_breaker(struct attempt *a, const struct failure *f)
{
	enum breaker_verdict verdict = f ? outcome_of(f->kind)->breaker : BREAKER_OK;

	/* The good news was told at the first content; only a fault after it is news again. */
	if (a->breaker_told && verdict != BREAKER_FAULT && verdict != BREAKER_LIMITED)
		return;
	if (!f && a->step != ATTEMPT_DONE)
		verdict = BREAKER_NEUTRAL;
	/* Who gives no token rests by itself, and a fresh one gets its chance (pain.md F40). */
	if (a->step == ATTEMPT_AUTHORIZE || a->token_refused)
		verdict = BREAKER_NEUTRAL;
	tell_breaker(a, verdict, f ? f->retry_after_ms : -1);
}

static void end_key(struct attempt *a, const struct failure *f)
{
	const struct admission *t = &a->admission;
	const struct usage *used = &a->reader.usage;
	struct key_pool *keys = shared_of(a)->keys;
	int64_t tokens = used->reported ? used->input + used->output : -1;

	/* The only key of a provider is not retired but left to its target's breaker: a hiccup of the provider's login
	 * must not take a minute to be forgiven where nothing else can be tried. */
	if (f && f->kind == FAILURE_CREDENTIALS && a->provider->key_count > 1 && a->step != ATTEMPT_AUTHORIZE &&
	    !a->token_refused)
		key_pool_tell(keys, t->pool, KEY_REFUSED, now_of(a));
	else if (a->reader.content || a->step == ATTEMPT_DONE)
		key_pool_tell(keys, t->pool, KEY_WORKS, now_of(a));
	key_pool_give(keys, t->pool, &t->key->limits, t->tokens, tokens, t->taken_ns, now_of(a));
}

static void end_vitals(struct attempt *a, const struct failure *f)
{
	struct vital *v = a->admission.vital;
	int64_t now = now_of(a);
	enum breaker_verdict verdict = f ? outcome_of(f->kind)->breaker : BREAKER_OK;

	if (f && f->retry_after_ms >= 0 && verdict == BREAKER_LIMITED)
		vital_saturated(v, now + f->retry_after_ms * NS_PER_MS);
	if (!f && a->streams && a->first_token_ns && now > a->first_token_ns)
		vital_streamed(v, a->reader.usage.output, (now - a->first_token_ns) / NS_PER_US, now);
	vital_end(v, verdict == BREAKER_FAULT, now);
}

/* Where a conversation was answered its prompt is cached. */
static void note_place(const struct attempt *a)
{
	struct exchange *x = a->exchange;

	if (x->plan.conversation)
		affinity_note(shared_of(a)->affinity, x->plan.conversation,
			      affinity_place(a->provider->name, record_attempt(&x->record, a->row)->model),
			      x->snapshot->config->defaults.affinity_for_ms * NS_PER_MS, now_of(a));
}

void report_end(struct attempt *a, const struct failure *f)
{
	end_breaker(a, f);
	end_key(a, f);
	end_vitals(a, f);
	if (!f && a->step == ATTEMPT_DONE)
		note_place(a);
	waiting_call(shared_of(a)->room);
}
