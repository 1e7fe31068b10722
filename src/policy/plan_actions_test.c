/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what rules do to a plan: split, prefer, mirror, deny, require, on, affinity, defaults, and what is passed over
 * before sending. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/lot.h"
#include "policy/plan_testing.h"

#define NANO INT64_C(1000000000)

/* "p1 p0 !p2 on:p3": "!" is passed over, "on:" for a cause. */
static const char *render(struct fleet *f, const struct plan *plan)
{
	struct slice text = SLICE("");

	for (unsigned i = 0; i < plan->count; i++) {
		const struct candidate *c = &plan->candidates[i];

		text = arena_printf(&f->arena, "%.*s%s%s%s%s%.*s%s", SLICE_ARG(text), i > 0 ? " " : "",
				    c->cause ? cause_name(c->cause) : "", c->cause ? ":" : "", c->passed_over ? "!" : "",
				    SLICE_ARG(c->provider->name), slice_eq(c->model, SLICE("m")) ? "" : "~");
	}
	return text.ptr;
}

static struct plan make(struct fleet *f, const struct plan_query *q)
{
	struct plan plan;
	struct failure failure;

	if (!plan_make(&f->routing, q, &f->arena, &plan, &failure))
		fail_msg("%s", failure.message);
	return plan;
}

static struct failure refuse(struct fleet *f, const struct plan_query *q, struct plan *ret)
{
	struct failure failure;

	assert_false(plan_make(&f->routing, q, &f->arena, ret, &failure));
	return failure;
}

#define ASSERT_PLAN(f, q, expected) \
	do { \
		struct plan plan_ = make(f, q); \
		assert_string_equal(render(f, &plan_), expected); \
	} while (0)

/* ---- split ---- */

static void a_split_is_sticky(void **state)
{
	static uint32_t weights[] = { 10, 0, 90 };
	static const struct { enum sticky sticky; const char *session, *user, *key; } cases[] = {
		{ STICKY_SESSION, "s", "ignored", "ignored" }, { STICKY_SESSION, NULL, "u", "ignored" },
		{ STICKY_USER, "ignored", "u", "ignored" }, { STICKY_USER, "s", NULL, "ignored" },
		{ STICKY_KEY, "ignored", "ignored", "k" }, { STICKY_SESSION, NULL, NULL, "ignored" },
	};
	struct fleet f;
	struct actions *a;
	unsigned seen_first = 0;

	fleet_init(&f, 3);
	a = fleet_rule(&f, 3);
	a->split = weights;
	for (unsigned i = 0; i < COUNT_OF(cases) * 50; i++) {
		unsigned at = i % COUNT_OF(cases);
		struct plan_query q = fleet_query(&f);
		char names[3][32];
		const char *const said[3] = { cases[at].session, cases[at].user, cases[at].key };
		const struct provider *first;

		for (unsigned k = 0; k < 3; k++)
			snprintf(names[k], sizeof(names[k]), "%s-%u", said[k] ? said[k] : "", i);
		a->sticky = cases[at].sticky;
		q.caller = (struct caller){ .session = slice_cstr(said[0] ? names[0] : NULL), .user = slice_cstr(said[1] ? names[1] : NULL),
					    .key = slice_cstr(names[2]) };
		f.conversation = i;
		first = make(&f, &q).candidates[0].provider;
		assert_ptr_not_equal(first, &f.providers[1]);
		seen_first += first == &f.providers[0];
		for (unsigned again = 0; again < 5; again++) {
			q.draw = again;
			if (said[0] && strcmp(said[0], "ignored") == 0)
				q.caller.session = slice_of(names[0], 1 + again);
			if (said[1] && strcmp(said[1], "ignored") == 0)
				q.caller.user = slice_of(names[1], 1 + again);
			if (strcmp(said[2], "ignored") == 0)
				q.caller.key = slice_of(names[2], 1 + again);
			assert_ptr_equal(make(&f, &q).candidates[0].provider, first);
		}
	}
	assert_in_range(seen_first, 10, 60);
	fleet_done(&f);
}

static void who_is_not_drawn_follows_in_order(void **state)
{
	static uint32_t weights[] = { 0, 0, 7, 0 };
	struct fleet f;
	struct plan_query q;
	struct plan plan;

	fleet_init(&f, 4);
	fleet_rule(&f, 4)->split = weights;
	f.rule.actions.sticky = STICKY_NONE;
	q = fleet_query(&f);
	plan = make(&f, &q);
	assert_string_equal(render(&f, &plan), "p2 p0 p1 p3");
	assert_string_equal(plan.order, "drawn by weight");
	/* Every request draws anew: nothing is to be kept. */
	assert_true(plan.conversation == 0);
	fleet_done(&f);
}

/* ---- prefer ---- */

static struct vital *vital_of(struct fleet *f, struct vitals *vitals, unsigned i, unsigned k)
{
	uint64_t target = breaker_key(f->providers[i].name, f->bindings[i].base_text, f->keys[i][k].fingerprint, SLICE("m"));

	return vitals_use(vitals, target, f->providers[i].name, SLICE("m"), SLICE("key"));
}

/* p3 has the priority; its quality and its time to connect are unknown: the mean, which is p1's time. */
static void a_fleet_to_choose_from(struct fleet *f, struct vitals *vitals, int64_t now)
{
	static const struct { int64_t price, first_us, token_us, connect_us; double quality; unsigned busy; } facts[] = {
		{ PRICE_UNKNOWN, 900000, 40, 1000, 60, 5 }, { 3 * NANO, 100000, 30, 2000, 90, 0 },
		{ 1 * NANO, 200000, 10, 3000, 10, 3 }, { 2 * NANO, 300000, 20, -1, -1, 0 },
	};

	fleet_init(f, COUNT_OF(facts));
	f->providers[3].priority = 1;
	for (unsigned i = 0; i < COUNT_OF(facts); i++) {
		struct vital *v = vital_of(f, vitals, i, 0);

		f->offers[i][0].price = fleet_price(facts[i].price, facts[i].price);
		f->offers[i][0].quality = facts[i].quality;
		vital_first_token(v, facts[i].first_us, now);
		vital_streamed(v, 1000, facts[i].token_us * 1000, now);
		vital_connected(v, facts[i].connect_us, now);
		for (unsigned k = 0; k < facts[i].busy; k++)
			vital_begin(v);
	}
}

static void preferences(void **state)
{
	static const struct { double weights[PREFER_COUNT]; const char *order, *words; } cases[] = {
		{ { [PREFER_CHEAPEST] = 1 }, "p2 p3 p1 p0", "cheapest first" },
		{ { [PREFER_QUALITY] = 1 }, "p1 p0 p3 p2", "best first" },
		{ { [PREFER_PRIORITY] = 1 }, "p3 p0 p1 p2", "by priority" },
		{ { [PREFER_LEAST_BUSY] = 1 }, "p3 p1 p2 p0", "least busy first" },
		{ { [PREFER_FASTEST] = 1 }, "p1 p2 p3 p0", "fastest first" },
		{ { [PREFER_THROUGHPUT] = 1 }, "p2 p3 p1 p0", "fastest stream first" },
		{ { [PREFER_NEAREST] = 1 }, "p0 p3 p1 p2", "nearest first" },
		{ { [PREFER_CHEAPEST] = 1, [PREFER_QUALITY] = 100 }, "p1 p0 p3 p2", "by several preferences, weighed" },
		{ { [PREFER_CHEAPEST] = 100, [PREFER_QUALITY] = 1 }, "p2 p3 p1 p0", "by several preferences, weighed" },
	};
	const int64_t now = 1000 * NS_PER_S;
	struct knowledge known = { .vitals = vitals_new() };
	struct plan_query q;
	struct fleet f;

	a_fleet_to_choose_from(&f, known.vitals, now);
	q = fleet_query(&f);
	q.knowledge = &known;
	q.now_ns = now;
	q.draw = 1; /* explores nothing */
	fleet_rule(&f, 4)->has_preference = true;
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct plan plan;

		memcpy(f.rule.actions.prefer, cases[i].weights, sizeof(cases[i].weights));
		plan = make(&f, &q);
		assert_string_equal(render(&f, &plan), cases[i].order);
		assert_string_equal(plan.order, cases[i].words);
		assert_true(plan.candidates[0].penalty < 0.1 && plan.candidates[3].penalty > 0.1);
	}
	vitals_free(known.vitals);
	fleet_done(&f);
}

static void the_stale_are_measured_anew_now_and_then(void **state)
{
	enum { REQUESTS = 20000 };
	struct fleet f;
	struct plan_query q;
	struct knowledge known = { .vitals = vitals_new(), .breakers = breakers_new() };
	unsigned firsts[3] = { 0 };
	int64_t now = 1000 * NS_PER_S;

	fleet_init(&f, 3);
	fleet_rule(&f, 3)->has_preference = true;
	f.rule.actions.prefer[PREFER_FASTEST] = 1;
	q = fleet_query(&f);
	q.knowledge = &known;
	q.now_ns = now;
	for (unsigned i = 0; i < 2; i++)
		vital_first_token(vital_of(&f, known.vitals, i, 0), 100000 + 10000 * i, now);
	for (uint64_t draw = 0; draw < REQUESTS; draw++) {
		q.draw = lot_mix(draw, 0);
		firsts[make(&f, &q).candidates[0].provider - f.providers]++;
	}
	/* p0 is the fastest, p1 was measured just now, p2 never. */
	assert_int_equal(firsts[1], 0);
	assert_in_range(firsts[2], REQUESTS * 3 / 100, REQUESTS * 5 / 100);
	/* Then both are stale; together they get no more. */
	q.now_ns = now + 100 * NS_PER_S;
	memset(firsts, 0, sizeof(firsts));
	for (uint64_t draw = 0; draw < REQUESTS; draw++) {
		q.draw = lot_mix(draw, 0);
		firsts[make(&f, &q).candidates[0].provider - f.providers]++;
	}
	assert_in_range(firsts[1] + firsts[2], REQUESTS * 3 / 100, REQUESTS * 5 / 100);
	assert_in_range(firsts[2], REQUESTS * 3 / 100, REQUESTS * 5 / 100);
	/* One that rests waits for better times, and keeps nobody else from being measured. */
	breaker_report(known.breakers, breaker_key(SLICE("p2"), SLICE("p2"), f.keys[2][0].fingerprint, SLICE("m")), false,
		       BREAKER_FAULT, 60000, q.now_ns);
	memset(firsts, 0, sizeof(firsts));
	for (uint64_t draw = 0; draw < REQUESTS; draw++) {
		q.draw = lot_mix(draw, 0);
		firsts[make(&f, &q).candidates[0].provider - f.providers]++;
	}
	assert_int_equal(firsts[2], 0);
	assert_in_range(firsts[1], REQUESTS * 3 / 100, REQUESTS * 5 / 100);
	breakers_free(known.breakers);
	vitals_free(known.vitals);
	fleet_done(&f);
}

/* ---- mirror, deny, require, on ---- */

static void a_mirror_is_drawn_and_judged(void **state)
{
	struct fleet f;
	struct plan_query q;
	struct plan plan;
	unsigned drawn = 0;

	fleet_init(&f, 2);
	fleet_rule(&f, 1)->mirror = (struct mirror){ &f.items[1], SHARE_WHOLE };
	q = fleet_query(&f);
	plan = make(&f, &q);
	assert_ptr_equal(plan.mirror->provider, &f.providers[1]);
	assert_int_equal(plan.count, 1);
	assert_true(plan.mirror->target != 0);
	f.providers[1].key_count = 0;
	assert_null(make(&f, &q).mirror);
	f.providers[1].key_count = 1;
	q.needs = NEEDS_STATE;
	assert_null(make(&f, &q).mirror);
	q.needs = 0;
	f.rule.actions.mirror.share = SHARE_WHOLE / 20;
	for (uint64_t i = 0; i < 20000; i++) {
		q.draw = lot_mix(i, 5);
		drawn += make(&f, &q).mirror != NULL;
	}
	assert_in_range(drawn, 900, 1100);
	fleet_done(&f);
}

static void who_is_denied_hears_why(void **state)
{
	struct fleet f;
	struct plan_query q;
	struct plan plan;
	struct failure failure;

	fleet_init(&f, 2);
	fleet_rule(&f, 0)->deny = SLICE("not on Sundays: 100 %s");
	q = fleet_query(&f);
	failure = refuse(&f, &q, &plan);
	assert_int_equal(failure.kind, FAILURE_DENIED);
	assert_string_equal(failure.message, "not on Sundays: 100 %s");
	assert_string_equal(arena_cstr(&f.arena, plan.route), "rule-1");
	/* Pinned requests, too, which no other word of a rule concerns but `require`. */
	q.model = SLICE("p1/m");
	assert_int_equal(refuse(&f, &q, &plan).kind, FAILURE_DENIED);
	f.rule.actions.deny = (struct slice){ 0 };
	f.rule.actions.hedge_said = f.rule.actions.hedge.on = true;
	plan = make(&f, &q);
	assert_null(plan.rule);
	assert_false(plan.hedge.on);
	assert_string_equal(plan.order, "as named");
	fleet_done(&f);
}

static void requirements_hold_for_everything_a_rule_names(void **state)
{
	static struct slice regions[] = { { "eu", 2 }, { "ch", 2 } };
	struct fleet f;
	struct plan_query q;
	struct plan plan;
	struct failure failure;
	struct actions *a;

	fleet_init(&f, 5);
	f.providers[0].region = SLICE("us");
	f.providers[1].region = f.providers[3].region = f.providers[4].region = SLICE("eu");
	f.providers[1].zero_retention = true;
	f.providers[2].region = SLICE("ch");
	a = fleet_rule(&f, 3);
	a->require = (struct require){ regions, 2, false };
	a->on[CAUSE_ERROR] = (struct try_list){ f.items, 1 };
	a->on[CAUSE_TIMEOUT] = (struct try_list){ &f.items[3], 1 };
	a->mirror = (struct mirror){ &f.items[0], SHARE_WHOLE };
	q = fleet_query(&f);
	plan = make(&f, &q);
	assert_string_equal(render(&f, &plan), "!p0 p1 p2 timeout:p3 error:!p0");
	assert_string_equal(plan.candidates[0].passed_over, "is not in region eu or ch");
	assert_null(plan.mirror);
	a->require.zero_retention = true;
	plan = make(&f, &q);
	assert_string_equal(render(&f, &plan), "!p0 p1 !p2 timeout:!p3 error:!p0");
	assert_string_equal(plan.candidates[2].passed_over, "keeps data");
	/* A rule without `try`, and nobody left. */
	f.rule.actions.try.count = 0;
	f.providers[1].zero_retention = false;
	failure = refuse(&f, &q, &plan);
	assert_int_equal(failure.kind, FAILURE_FORBIDDEN);
	assert_string_equal(failure.message, "'m' cannot be served here: p0 is not in region eu or ch");
	/* Naming the provider is no way around. */
	q.model = SLICE("p0/m");
	failure = refuse(&f, &q, &plan);
	assert_int_equal(failure.kind, FAILURE_FORBIDDEN);
	assert_string_equal(failure.message, "'p0/m' cannot be served here: p0 is not in region eu or ch");
	f.providers[1].zero_retention = true;
	q.model = SLICE("p1/m");
	plan = make(&f, &q);
	assert_null(plan.rule);
	assert_string_equal(render(&f, &plan), "p1");
	fleet_done(&f);
}

static void fallbacks_may_name_who_was_named(void **state)
{
	struct fleet f;
	struct plan_query q;
	struct plan plan;
	struct actions *a;

	fleet_init(&f, 4);
	a = fleet_rule(&f, 2);
	a->on[CAUSE_RATE_LIMIT] = (struct try_list){ &f.items[1], 2 };
	a->on[CAUSE_CONTEXT_LENGTH] = (struct try_list){ &f.items[3], 1 };
	q = fleet_query(&f);
	plan = make(&f, &q);
	assert_string_equal(render(&f, &plan), "p0 p1 context_length:p3 rate_limit:p1 rate_limit:p2");
	assert_int_equal(plan.usable, 2);
	/* None of the ordinary ones has room for it: those for such a failure do it at once. */
	f.model.context = 1000;
	f.offers[3][0].model = &f.other;
	f.offers[3][0].own_id = SLICE("large");
	f.tokens = q.prompt_most = 1200;
	f.rule.actions.on[CAUSE_CONTEXT_LENGTH].items[0] =
		(struct try_item){ TRY_PROVIDER_MODEL, &f.providers[3], &f.offers[3][0], SLICE("large") };
	plan = make(&f, &q);
	assert_string_equal(render(&f, &plan), "!p0 !p1 p3~ rate_limit:!p1 rate_limit:!p2");
	assert_int_equal(plan.usable, 1);
	fleet_done(&f);
}

/* ---- passing over ---- */

static void contexts_that_are_too_small(void **state)
{
	static const struct {
		int64_t prompt, most, max_output;
		unsigned needs;
		bool asked, usable;    /* the asked model itself? */
	} cases[] = {
		{ 1000, 2000, -1, 0, false, true },
		{ 1001, 2000, -1, 0, false, false },
		/* Bytes say that it cannot be too long: nobody counts. */
		{ 5000, 1000, -1, 0, false, true },
		/* What media cost is not known from their bytes. */
		{ 5000, 1000, -1, NEEDS_IMAGES, false, false },
		/* The answer needs room as well, as much as the model would say at most. */
		{ 900, 2000, 100, 0, false, true },
		{ 901, 2000, 100, 0, false, false },
		{ 800, 2000, 5000, 0, false, true },
		{ 801, 2000, 5000, 0, false, false },
		/* The asked model itself: an estimate that is a tenth too long may be right. */
		{ 1100, 2000, 500, 0, true, true },
		{ 1101, 2000, -1, 0, true, false },
	};

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct try_item other = { TRY_MODEL, .model = SLICE("other") };
		struct fleet f;
		struct plan_query q;
		struct plan plan;
		struct failure failure;

		fleet_init(&f, 1);
		f.model.context = f.other.context = 1000;
		f.other.max_output = 200;
		if (!cases[i].asked)
			fleet_rule(&f, 1)->try.items = &other;
		q = fleet_query(&f);
		f.tokens = cases[i].prompt;
		q.prompt_most = cases[i].most;
		q.max_output = cases[i].max_output;
		q.needs = cases[i].needs;
		print_message("%lld tokens\n", (long long)cases[i].prompt);
		assert_int_equal(plan_make(&f.routing, &q, &f.arena, &plan, &failure), cases[i].usable);
		if (!cases[i].usable) {
			assert_int_equal(failure.kind, FAILURE_CONTEXT_LENGTH);
			assert_non_null(strstr(plan.candidates[0].passed_over, "has a context of 1000 tokens, too small"));
		}
		fleet_done(&f);
	}
}

static void who_is_saturated_past_the_deadline(void **state)
{
	struct fleet f;
	struct plan_query q;
	struct plan plan;
	struct failure failure;
	struct knowledge known = { .vitals = vitals_new() };
	const int64_t now = 50 * NS_PER_S;

	fleet_init(&f, 2);
	f.providers[0].key_count = 2;
	q = fleet_query(&f);
	q.knowledge = &known;
	q.now_ns = now;
	q.deadline_ns = now + 60 * NS_PER_S;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; k < f.providers[i].key_count; k++)
			vital_saturated(vital_of(&f, known.vitals, i, k), now + (i == 0 ? 10 + 80 * k : 70) * NS_PER_S);
	/* One of p0's keys is free in time; p1 is not. */
	plan = make(&f, &q);
	assert_string_equal(render(&f, &plan), "p0 !p1");
	assert_non_null(plan.candidates[0].vital);
	f.providers[0].key_count = 1;
	f.keys[0][0] = f.keys[0][1];
	failure = refuse(&f, &q, &plan);
	assert_int_equal(failure.kind, FAILURE_RATE_LIMITED);
	assert_true(failure.retry_after_ms == 70000);
	/* What a rule has for such a failure does it instead. */
	fleet_rule(&f, 1)->on[CAUSE_RATE_LIMIT] = (struct try_list){ &f.items[1], 1 };
	q.deadline_ns = now + 80 * NS_PER_S;
	ASSERT_PLAN(&f, &q, "!p0 p1");
	q.deadline_ns = 0;
	ASSERT_PLAN(&f, &q, "p0 rate_limit:p1");
	vitals_free(known.vitals);
	fleet_done(&f);
}

/* ---- targets and affinity ---- */

static void targets_are_what_others_call_them(void **state)
{
	struct fleet f;
	struct plan_query q;
	struct plan plan;

	fleet_init(&f, 1);
	f.providers[0].key_count = 4;
	q = fleet_query(&f);
	for (f.conversation = 1; f.conversation < 50; f.conversation++) {
		const struct credential *key = provider_pick_key(&f.providers[0], f.conversation, 0);

		plan = make(&f, &q);
		assert_true(plan.candidates[0].target == breaker_key(SLICE("p0"), SLICE("p0"), key->fingerprint, SLICE("m")));
	}
	/* Nothing hashed beforehand: the same. */
	f.bindings[0].identity = f.providers[0].identity = f.offers[0][0].identity = 0;
	f.conversation--;
	assert_true(make(&f, &q).candidates[0].target == plan.candidates[0].target);
	fleet_done(&f);
}

static void conversations_stay_where_they_are_answered(void **state)
{
	struct fleet f;
	struct plan_query q;
	struct plan plan;
	struct knowledge known = { .vitals = vitals_new(), .breakers = breakers_new(), .affinity = affinity_new() };
	const int64_t now = 50 * NS_PER_S;

	fleet_init(&f, 3);
	for (unsigned i = 0; i < 3; i++)
		f.offers[i][0].price = fleet_price((1 + i) * NANO, (1 + i) * NANO);
	fleet_rule(&f, 0)->has_preference = true;
	f.rule.actions.prefer[PREFER_CHEAPEST] = 1;
	q = fleet_query(&f);
	q.knowledge = &known;
	q.now_ns = now;
	q.caller.key = SLICE("me");
	f.conversation = 77;
	plan = make(&f, &q);
	assert_string_equal(render(&f, &plan), "p0 p1 p2");
	affinity_note(known.affinity, plan.conversation, affinity_place(SLICE("p2"), SLICE("m")), 600 * NS_PER_S, now);
	plan = make(&f, &q);
	assert_string_equal(render(&f, &plan), "p2 p0 p1");
	assert_string_equal(plan.order, "where the conversation was answered last");
	/* Another's conversation of that name, and another conversation. */
	q.caller.key = SLICE("you");
	ASSERT_PLAN(&f, &q, "p0 p1 p2");
	q.caller.key = SLICE("me");
	f.conversation = 78;
	ASSERT_PLAN(&f, &q, "p0 p1 p2");
	f.conversation = 77;
	/* Another model within the same session: an agent has a small one for titles. */
	q.model = SLICE("other");
	plan = make(&f, &q);
	assert_string_equal(render(&f, &plan), "p0~ p1~ p2~");
	affinity_note(known.affinity, plan.conversation, affinity_place(SLICE("p1"), plan.candidates[1].model), 600 * NS_PER_S,
		      now);
	ASSERT_PLAN(&f, &q, "p1~ p0~ p2~");
	q.model = SLICE("m");
	ASSERT_PLAN(&f, &q, "p2 p0 p1");
	/* Never against the operator's own order, unless that is said. */
	f.rule.actions.affinity = CONDITION_FALSE;
	ASSERT_PLAN(&f, &q, "p0 p1 p2");
	f.rule.actions = (struct actions){ .try = { f.items, 3 } };
	plan = make(&f, &q);
	assert_string_equal(render(&f, &plan), "p0 p1 p2");
	assert_true(plan.conversation == 0);
	f.rule.actions.affinity = CONDITION_TRUE;
	ASSERT_PLAN(&f, &q, "p2 p0 p1");
	/* Not while its provider is down, nor while it rests. */
	known.health = health_new();
	f.providers[2].health = HEALTH_CONNECT;
	for (unsigned i = 0; i < HEALTH_FAILURES_MAX; i++)
		health_tell(known.health, &(struct health_report){ .place = binding_identity(&f.providers[2], &f.bindings[2]),
								   .label = SLICE("p2"), .believed_until_ns = now + 1 }, now);
	ASSERT_PLAN(&f, &q, "p0 p1 p2");
	known.health = health_free(known.health);
	ASSERT_PLAN(&f, &q, "p2 p0 p1");
	breaker_report(known.breakers, plan.candidates[2].target, false, BREAKER_LIMITED, 5000, now);
	ASSERT_PLAN(&f, &q, "p0 p1 p2");
	affinity_free(known.affinity);
	breakers_free(known.breakers);
	vitals_free(known.vitals);
	fleet_done(&f);
}

/* ---- defaults ---- */

static void what_is_not_said_comes_from_the_defaults(void **state)
{
	struct fleet f;
	struct plan_query q;
	struct plan plan;

	fleet_init(&f, 1);
	fleet_rule(&f, 1);
	q = fleet_query(&f);
	plan = make(&f, &q);
	assert_false(plan.hedge.on);
	assert_int_equal(plan.rescue.modes[0], RESCUE_OFF);
	assert_int_equal(plan.when_down, WHEN_DOWN_LEAST_BAD);
	assert_true(plan.wait.up_to_ms == 10000 && plan.wait.queue == 100 && plan.wait.priority == 5);
	f.routing.defaults = (struct actions){
		.hedge = { true, 800, 50000 }, .hedge_said = true, .rescue = { true, { RESCUE_REPLAY } }, .when_down = WHEN_DOWN_WAIT,
		.wait = { 3000, 7, 2 },
	};
	plan = make(&f, &q);
	assert_true(plan.hedge.on && plan.hedge.after_ms == 800);
	assert_int_equal(plan.rescue.modes[0], RESCUE_REPLAY);
	assert_true(plan.when_down == WHEN_DOWN_WAIT && plan.wait.queue == 7);
	f.rule.actions.hedge_said = f.rule.actions.rescue.said = true;
	f.rule.actions.when_down = WHEN_DOWN_REFUSE;
	plan = make(&f, &q);
	assert_false(plan.hedge.on);
	assert_int_equal(plan.rescue.modes[0], RESCUE_OFF);
	assert_int_equal(plan.when_down, WHEN_DOWN_REFUSE);
	/* Never two at once of what changes state. */
	f.rule.actions = (struct actions){ .try = f.rule.actions.try };
	q.needs = NEEDS_STATE;
	assert_false(make(&f, &q).hedge.on);
	fleet_done(&f);
}

/* A group with a lot of its own within a list that is the operator's. */
static void groups_within_lists_keep_their_own_order(void **state)
{
	static uint32_t weights[] = { 0, 1 };
	struct try_item pair[2], list[2] = { { TRY_PROVIDER }, { TRY_GROUP, .model = SLICE("pair") } };
	struct model_name entry = { .name = SLICE("pair"), .route = SLICE("pair"), .actions = { .try = { pair, 2 }, .split = weights } };
	struct fleet f;
	struct plan_query q;

	fleet_init(&f, 3);
	for (unsigned i = 0; i < 2; i++)
		pair[i] = (struct try_item){ TRY_PROVIDER_MODEL, &f.providers[i + 1], &f.offers[i + 1][1], SLICE("other") };
	list[0].provider = &f.providers[0];
	map_put(&f.routing.model_by_name, entry.name, &entry);
	fleet_rule(&f, 2)->try.items = list;
	q = fleet_query(&f);
	ASSERT_PLAN(&f, &q, "p0 p2~ p1~");
	/* Asked for by its name, behind a rule that only hedges. */
	f.rule.actions.try.count = 0;
	q.model = SLICE("pair");
	ASSERT_PLAN(&f, &q, "p2~ p1~");
	fleet_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_split_is_sticky),
		cmocka_unit_test(who_is_not_drawn_follows_in_order),
		cmocka_unit_test(preferences),
		cmocka_unit_test(the_stale_are_measured_anew_now_and_then),
		cmocka_unit_test(a_mirror_is_drawn_and_judged),
		cmocka_unit_test(who_is_denied_hears_why),
		cmocka_unit_test(requirements_hold_for_everything_a_rule_names),
		cmocka_unit_test(fallbacks_may_name_who_was_named),
		cmocka_unit_test(contexts_that_are_too_small),
		cmocka_unit_test(who_is_saturated_past_the_deadline),
		cmocka_unit_test(targets_are_what_others_call_them),
		cmocka_unit_test(conversations_stay_where_they_are_answered),
		cmocka_unit_test(what_is_not_said_comes_from_the_defaults),
		cmocka_unit_test(groups_within_lists_keep_their_own_order),
	};

	return cmocka_run_group_tests_name("plan-actions", tests, NULL, NULL);
}
