/* SPDX-License-Identifier: Apache-2.0 */
/* Every strategy does what it says: thousands of requests on a virtual clock (simulation.h), over providers whose latency
 * drifts, that limit, fail, go down and come back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "base/clock.h"
#include "base/lot.h"
#include "policy/simulation.h"

#define START_NS (1000 * NS_PER_S)

static double seconds(int64_t ns)
{
	return (double)(ns - START_NS) / (double)NS_PER_S;
}

static struct behaviour steady(unsigned provider, int64_t now_ns)
{
	return (struct behaviour){ .answer_us = 200000 + 50000 * (int64_t)provider, .noise = 0.2 };
}

static struct simulation *begin(unsigned providers, struct behaviour (*behave)(unsigned provider, int64_t now_ns))
{
	struct simulation *s = xcalloc(1, sizeof(*s));

	simulation_init(s, providers);
	s->behave = behave;
	return s;
}

static void end(struct simulation *s)
{
	simulation_done(s);
	free(s);
}

static void prefer(struct simulation *s, enum prefer kind)
{
	struct actions *a = fleet_rule(&s->fleet, 0);

	a->has_preference = true;
	a->prefer[kind] = 1;
}

static void assert_share(const char *what, double share, double wanted, double margin)
{
	print_message("%s: %.4f of %.4f\n", what, share, wanted);
	if (fabs(share - wanted) > margin)
		fail_msg("%s: %.4f instead of %.4f", what, share, wanted);
}

/* ---- split ---- */

static void splits_get_their_shares(void **state)
{
	static uint32_t weights[] = { 10, 0, 90, 300 };
	static const enum sticky kinds[] = { STICKY_NONE, STICKY_SESSION, STICKY_USER, STICKY_KEY };
	enum { DRAWS = 100000 };

	for (unsigned k = 0; k < COUNT_OF(kinds); k++) {
		struct simulation *s = begin(4, steady);
		struct plan_query q = fleet_query(&s->fleet);
		unsigned firsts[4] = { 0 };
		struct arena a;

		arena_init(&a);
		fleet_rule(&s->fleet, 4)->split = weights;
		s->fleet.rule.actions.sticky = kinds[k];
		for (unsigned i = 0; i < DRAWS; i++) {
			char name[16];
			struct plan plan;
			struct failure failure;

			q.draw = lot_mix(i, 9);
			snprintf(name, sizeof(name), "%u", i);
			q.caller = (struct caller){ .session = slice_cstr(name), .user = slice_cstr(name), .key = slice_cstr(name) };
			assert_true(plan_make(&s->fleet.routing, &q, &a, &plan, &failure));
			firsts[plan.candidates[0].provider - s->fleet.providers]++;
			arena_reset(&a);
		}
		for (unsigned i = 0; i < 4; i++)
			assert_share("split", firsts[i] / (double)DRAWS, weights[i] / 400.0, 0.01);
		arena_done(&a);
		end(s);
	}
}

/* With failures and latency of their own, and conversations that come back. */
static void sticky_conversations_stay_on_their_side(void **state)
{
	static uint32_t weights[] = { 30, 70 };
	enum { CONVERSATIONS = 2000 };
	struct simulation *s = begin(2, steady);
	signed char side[CONVERSATIONS + 1];

	memset(side, -1, sizeof(side));
	fleet_rule(&s->fleet, 2)->split = weights;
	s->conversations = CONVERSATIONS;
	simulation_run(s, 50, 400);
	for (unsigned i = 0; i < s->request_count; i++) {
		const struct request_log *r = &s->requests[i];

		assert_true(r->answered_by >= 0);
		assert_true(side[r->conversation] < 0 || side[r->conversation] == r->answered_by);
		side[r->conversation] = (signed char)r->answered_by;
	}
	end(s);
}

/* ---- cheapest ---- */

static int64_t random_up_to(uint64_t *random, int64_t most)
{
	return (int64_t)(lot_mix(++*random, 0) % (uint64_t)most);
}

/* Prices differ by the prompt's length, and who is cheapest with it. */
static void the_cheapest_is_never_beaten(void **state)
{
	enum { PROVIDERS = 20 };
	static struct price_band bands[PROVIDERS];
	struct simulation *s = begin(PROVIDERS, steady);
	struct plan_query q = fleet_query(&s->fleet);
	uint64_t random = 5;
	struct arena a;

	arena_init(&a);
	prefer(s, PREFER_CHEAPEST);
	for (unsigned i = 0; i < PROVIDERS; i++) {
		int64_t input = (1 + random_up_to(&random, 1000)) * 1000000;
		struct price price = fleet_price(input, (1 + random_up_to(&random, 1000)) * 1000000);

		bands[i] = (struct price_band){ .service = SERVICE_STANDARD, .over = random_up_to(&random, 100000),
						.rates = price.rates };
		bands[i].rates.input *= 2;
		price.bands = &bands[i];
		price.band_count = i % 2;
		s->fleet.offers[i][0].price = i % 7 == 3 ? price_unknown : price;
		s->fleet.providers[i].key_count = i % 5 != 4;
	}
	for (unsigned i = 0; i < 20000; i++) {
		struct plan plan;
		struct failure failure;
		int64_t best = INT64_MAX;

		s->fleet.tokens = random_up_to(&random, 200000);
		q.max_output = random_up_to(&random, 4000);
		q.draw = lot_mix(++random, 0);
		assert_true(plan_make(&s->fleet.routing, &q, &a, &plan, &failure));
		for (unsigned k = plan.count; k-- > 0;) {
			const struct candidate *c = &plan.candidates[k];
			int64_t cost = plan_cost_estimate(c->offer, s->fleet.tokens, q.max_output);

			if (c->passed_over)
				continue;
			assert_true(cost == PRICE_UNKNOWN ? best == INT64_MAX : cost <= best);
			best = cost == PRICE_UNKNOWN ? best : cost;
		}
		arena_reset(&a);
	}
	arena_done(&a);
	end(s);
}

/* ---- fastest ---- */

static double true_latency(unsigned provider, int64_t now_ns)
{
	static const struct { double base, swing, period_s, phase; } drifts[] = {
		{ 300, 0.5, 240, 0 }, { 320, 0.6, 300, 2 }, { 280, 0.4, 180, 4 }, { 500, 0.7, 400, 1 }, { 900, 0.3, 200, 3 }, { 350, 0.5, 500, 5 },
	};
	const double turn = 6.283185307179586;

	return 1000 * drifts[provider].base *
	       (1 + drifts[provider].swing * sin(turn * seconds(now_ns) / drifts[provider].period_s + drifts[provider].phase));
}

static struct behaviour drifting(unsigned provider, int64_t now_ns)
{
	return (struct behaviour){ .answer_us = (int64_t)true_latency(provider, now_ns), .noise = 0.3 };
}

/* Against one who knows the true latencies. The first seconds, in which nothing is known yet, count as well. */
static void the_fastest_is_within_a_tenth_of_an_oracle(void **state)
{
	enum { PROVIDERS = 6 };
	static const double rates[] = { 5, 50 };

	for (unsigned k = 0; k < COUNT_OF(rates); k++) {
		struct simulation *s = begin(PROVIDERS, drifting);
		double took = 0, oracle = 0;

		prefer(s, PREFER_FASTEST);
		simulation_run(s, rates[k], 2400);
		for (unsigned i = 0; i < s->attempt_count; i++) {
			double best = INFINITY;

			for (unsigned p = 0; p < PROVIDERS; p++)
				best = fmin(best, true_latency(p, s->attempts[i].start_ns));
			took += true_latency(s->attempts[i].provider, s->attempts[i].start_ns);
			oracle += best;
		}
		print_message("fastest: %.1f %% over the oracle, at %.0f per second\n", 100 * (took / oracle - 1), rates[k]);
		assert_true(took <= 1.1 * oracle);
		end(s);
	}
}

/* ---- least busy ---- */

static struct behaviour unequal(unsigned provider, int64_t now_ns)
{
	return (struct behaviour){ .answer_us = 500000 << provider, .noise = 0.5 };
}

static void the_least_busy_balances(void **state)
{
	enum { PROVIDERS = 4 };
	struct simulation *s = begin(PROVIDERS, unequal);
	double busy[PROVIDERS] = { 0 }, all = 0;

	prefer(s, PREFER_LEAST_BUSY);
	simulation_run(s, 40, 600);
	for (unsigned i = 0; i < s->attempt_count; i++)
		busy[s->attempts[i].provider] += (double)(s->attempts[i].end_ns - s->attempts[i].start_ns);
	for (unsigned p = 0; p < PROVIDERS; p++)
		all += busy[p];
	/* However fast it is, each has as much in flight as the others; the first has what cannot be divided. */
	for (unsigned p = 0; p < PROVIDERS; p++)
		assert_share("in flight", busy[p] / all, 1.0 / PROVIDERS, 0.03);
	end(s);
}

/* ---- limits ---- */

/* What of its key was sent in the minute before each attempt, and how many were in flight then. */
static void assert_limits(const struct simulation *s, unsigned provider, unsigned key, const struct key_limits *l)
{
	unsigned first = 0, sent = 0, most = 0;
	int64_t used = 0;

	for (unsigned i = 0; i < s->attempt_count; i++) {
		const struct attempt_log *now = &s->attempts[i];
		unsigned in_flight = 0;

		if (now->provider != provider || now->key != key)
			continue;
		sent++;
		used += now->used;
		for (; s->attempts[first].start_ns <= now->start_ns - 60 * NS_PER_S; first++) {
			if (s->attempts[first].provider != provider || s->attempts[first].key != key)
				continue;
			sent--;
			used -= s->attempts[first].used;
		}
		for (unsigned k = first; k <= i; k++)
			in_flight += s->attempts[k].provider == provider && s->attempts[k].key == key && s->attempts[k].end_ns > now->start_ns;
		most = sent > most ? sent : most;
		assert_true(l->requests_per_minute == 0 || sent <= l->requests_per_minute);
		assert_true(l->tokens_per_minute == 0 || used <= (int64_t)l->tokens_per_minute);
		assert_true(l->in_flight == 0 || in_flight <= l->in_flight);
	}
	print_message("key %u.%u: at most %u in a minute\n", provider, key, most);
	assert_true(l->requests_per_minute == 0 || most >= l->requests_per_minute * 9 / 10);
}

static void no_limit_is_exceeded(void **state)
{
	struct simulation *s = begin(3, steady);
	static const struct key_limits limits[3][3] = {
		{ { .requests_per_minute = 60 }, { .requests_per_minute = 100, .in_flight = 2 }, { .tokens_per_minute = 20000 } },
		{ { .in_flight = 1 }, { .requests_per_minute = 300, .tokens_per_minute = 1000000 }, { .in_flight = 3 } },
		{ { 0 }, { 0 }, { 0 } },
	};

	fleet_rule(&s->fleet, 3);
	for (unsigned p = 0; p < 3; p++) {
		s->fleet.providers[p].key_count = 3;
		for (unsigned k = 0; k < 3; k++)
			s->fleet.keys[p][k].limits = limits[p][k];
	}
	simulation_run(s, 30, 600);
	for (unsigned p = 0; p < 2; p++)
		for (unsigned k = 0; k < 3; k++)
			assert_limits(s, p, k, &limits[p][k]);
	/* The last one has no limit: everybody was answered. */
	for (unsigned i = 0; i < s->request_count; i++)
		assert_true(s->requests[i].answered_by >= 0);
	end(s);
}

static struct behaviour limiting(unsigned provider, int64_t now_ns)
{
	return (struct behaviour){ .answer_us = 300000, .noise = 0.3, .requests_per_minute = provider == 0 ? 300 : 0 };
}

/* A provider that says how many it will still take is not asked for more. */
static void what_providers_say_is_heeded(void **state)
{
	struct simulation *s = begin(2, limiting);
	unsigned refused = 0, first = 0;
	double minutes = 20;

	fleet_rule(&s->fleet, 2);
	simulation_run(s, 20, 60 * minutes);
	for (unsigned i = 0; i < s->attempt_count; i++) {
		refused += s->attempts[i].limited;
		first += s->attempts[i].provider == 0 && s->attempts[i].ok;
	}
	print_message("limits: %u refused, %u of %.0f used\n", refused, first, 300 * minutes);
	assert_true(refused <= 2 * minutes);
	assert_true(first >= 0.9 * 300 * minutes);
	for (unsigned i = 0; i < s->request_count; i++)
		assert_true(s->requests[i].answered_by >= 0);
	end(s);
}

/* ---- outages ---- */

enum { OUTAGE_FROM_S = 60, OUTAGE_TO_S = 72 };

static struct behaviour with_outage(unsigned provider, int64_t now_ns)
{
	bool down = provider == 0 && seconds(now_ns) >= OUTAGE_FROM_S && seconds(now_ns) < OUTAGE_TO_S;

	return (struct behaviour){ .answer_us = 100000, .noise = 0.2, .failures = down };
}

static void a_dead_primary_costs_little_and_is_used_again(void **state)
{
	struct simulation *s = begin(2, with_outage);
	unsigned requests = 0, attempts = 0, at_dead = 0;
	double back = INFINITY;

	fleet_rule(&s->fleet, 2);
	simulation_run(s, 50, 180);
	for (unsigned i = 0; i < s->request_count; i++) {
		double at = seconds(s->requests[i].start_ns);

		assert_true(s->requests[i].answered_by >= 0);
		requests += at >= OUTAGE_FROM_S && at < OUTAGE_TO_S;
	}
	for (unsigned i = 0; i < s->attempt_count; i++) {
		double at = seconds(s->attempts[i].start_ns);
		bool during = at >= OUTAGE_FROM_S && at < OUTAGE_TO_S;

		attempts += during;
		at_dead += during && s->attempts[i].provider == 0;
		if (at >= OUTAGE_TO_S && s->attempts[i].provider == 0 && s->attempts[i].ok)
			back = fmin(back, at - OUTAGE_TO_S);
	}
	print_message("outage: %u requests, %u attempts, %u at the dead one, back after %.1f s\n", requests, attempts, at_dead, back);
	assert_true(attempts <= requests * 1.1 && at_dead <= requests / 10);
	assert_true(back < 5);
	end(s);
}

static struct behaviour alone_with_outage(unsigned provider, int64_t now_ns)
{
	bool down = seconds(now_ns) >= OUTAGE_FROM_S && seconds(now_ns) < OUTAGE_TO_S;

	return (struct behaviour){ .answer_us = 100000, .noise = 0.2, .failures = down };
}

/* With nowhere else to go, one request at a time looks whether it is back: never more tries than requests. */
static void nobody_is_hammered(void **state)
{
	struct simulation *s = begin(1, alone_with_outage);
	unsigned requests = 0, attempts = 0, lost = 0;
	double back = INFINITY;

	fleet_rule(&s->fleet, 1);
	simulation_run(s, 20, 120);
	for (unsigned i = 0; i < s->request_count; i++) {
		double at = seconds(s->requests[i].start_ns);

		requests += at >= OUTAGE_FROM_S && at < OUTAGE_TO_S;
		lost += at >= OUTAGE_TO_S + 1 && s->requests[i].answered_by < 0;
		if (at >= OUTAGE_TO_S && s->requests[i].answered_by >= 0)
			back = fmin(back, at - OUTAGE_TO_S);
	}
	for (unsigned i = 0; i < s->attempt_count; i++)
		attempts += seconds(s->attempts[i].start_ns) >= OUTAGE_FROM_S && seconds(s->attempts[i].start_ns) < OUTAGE_TO_S;
	print_message("alone: %u requests, %u attempts, back after %.1f s\n", requests, attempts, back);
	assert_true(attempts <= requests);
	assert_true(back < 1 && lost == 0);
	end(s);
}

static struct behaviour unreliable(unsigned provider, int64_t now_ns)
{
	return (struct behaviour){ .answer_us = 100000, .noise = 0.2, .failures = provider == 0 ? 0.2 : 0 };
}

/* Two requests of ten would be tried again at once; one may. */
static void the_retry_budget_holds(void **state)
{
	struct simulation *s = begin(2, unreliable);
	unsigned again = 0;
	unsigned requests_first = 0, requests_next = 0, first = 0, in_window = 0;

	fleet_rule(&s->fleet, 2);
	simulation_run(s, 300, 200);
	for (unsigned i = 0; i < s->attempt_count; i++) {
		int64_t now_ns = s->attempts[i].start_ns;

		if (!s->attempts[i].again)
			continue;
		again++;
		in_window++;
		for (; s->attempts[first].start_ns <= now_ns - 9 * NS_PER_S; first++)
			in_window -= s->attempts[first].again;
		while (requests_next < s->request_count && s->requests[requests_next].start_ns <= now_ns)
			requests_next++;
		while (s->requests[requests_first].start_ns <= now_ns - 11 * NS_PER_S)
			requests_first++;
		assert_true(in_window <= (requests_next - requests_first) / 10 + RETRY_BUDGET_FLOOR);
	}
	print_message("retries: %u for %u requests, %u attempts\n", again, s->request_count, s->attempt_count);
	assert_true(again <= s->request_count / 10 + RETRY_BUDGET_FLOOR);
	assert_true(again >= s->request_count / 20);
	for (unsigned i = 0; i < s->request_count; i++)
		assert_true(s->requests[i].answered_by >= 0);
	end(s);
}

/* ---- affinity and keys ---- */

static struct behaviour drifting_with_outage(unsigned provider, int64_t now_ns)
{
	struct behaviour b = drifting(provider, now_ns);

	b.failures = provider == 2 && seconds(now_ns) > 200 && seconds(now_ns) < 215;
	return b;
}

/* While the fastest is another every minute, conversations stay, but for those whose place goes down. */
static void conversations_stay(void **state)
{
	enum { CONVERSATIONS = 300 };
	struct simulation *s = begin(6, drifting_with_outage);
	int place[CONVERSATIONS + 1], moved_without_need = 0, moved = 0, back_and_forth[CONVERSATIONS + 1] = { 0 };

	memset(place, -1, sizeof(place));
	prefer(s, PREFER_FASTEST);
	s->conversations = CONVERSATIONS;
	simulation_run(s, 20, 400);
	for (unsigned i = 0; i < s->request_count; i++) {
		const struct request_log *r = &s->requests[i];
		int *at = &place[r->conversation];

		assert_true(r->answered_by >= 0);
		if (*at >= 0 && *at != r->answered_by) {
			moved++;
			moved_without_need += *at != 2 || seconds(r->start_ns) < 200 || seconds(r->start_ns) > 240;
			assert_true(++back_and_forth[r->conversation] <= 2);
		}
		*at = r->answered_by;
	}
	print_message("conversations: %d of %u requests moved, %d of them without need\n", moved, s->request_count, moved_without_need);
	/* Two requests of a new conversation at the same time may be answered at two places. */
	assert_true(moved_without_need <= CONVERSATIONS / 10);
	end(s);
}

static void keys_get_their_shares(void **state)
{
	static const unsigned weights[] = { 1, 3, 4 };
	struct simulation *s = begin(1, steady);
	unsigned seen[3] = { 0 };

	fleet_rule(&s->fleet, 1);
	s->fleet.providers[0].key_count = 3;
	for (unsigned k = 0; k < 3; k++)
		s->fleet.keys[0][k].weight = weights[k];
	simulation_run(s, 200, 250);
	for (unsigned i = 0; i < s->attempt_count; i++)
		seen[s->attempts[i].key]++;
	for (unsigned k = 0; k < 3; k++)
		assert_share("key", seen[k] / (double)s->attempt_count, weights[k] / 8.0, 0.01);
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_get_their_shares),
		cmocka_unit_test(sticky_conversations_stay_on_their_side),
		cmocka_unit_test(the_cheapest_is_never_beaten),
		cmocka_unit_test(the_fastest_is_within_a_tenth_of_an_oracle),
		cmocka_unit_test(the_least_busy_balances),
		cmocka_unit_test(no_limit_is_exceeded),
		cmocka_unit_test(what_providers_say_is_heeded),
		cmocka_unit_test(a_dead_primary_costs_little_and_is_used_again),
		cmocka_unit_test(nobody_is_hammered),
		cmocka_unit_test(the_retry_budget_holds),
		cmocka_unit_test(conversations_stay),
		cmocka_unit_test(keys_get_their_shares),
	};

	return cmocka_run_group_tests_name("simulation", tests, NULL, NULL);
}
