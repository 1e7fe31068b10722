/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the budget for extra load; time is a number that the tests count themselves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/clock.h"
#include "policy/retry_budget.h"

#define START (1000 * NS_PER_S)

enum { TENTH = 100000 };

static void request_times(struct retry_budget *b, unsigned times, int64_t now_ns)
{
	while (times-- > 0)
		retry_budget_request(b, now_ns);
}

static unsigned take_all(struct retry_budget *b, uint32_t share, uint32_t floor, int64_t now_ns)
{
	unsigned taken = 0;

	while (taken < 100000 && retry_budget_take(b, share, floor, now_ns))
		taken++;
	return taken;
}

static void test_a_few_are_always_allowed(void **state)
{
	struct retry_budget b = { 0 };

	assert_int_equal(take_all(&b, TENTH, RETRY_BUDGET_FLOOR, START), RETRY_BUDGET_FLOOR);
	assert_int_equal(take_all(&b, TENTH, RETRY_BUDGET_FLOOR, START + 9 * NS_PER_S), 0);
	assert_int_equal(take_all(&b, TENTH, RETRY_BUDGET_FLOOR, START + 10 * NS_PER_S), RETRY_BUDGET_FLOOR);
}

static void test_a_share_of_the_requests(void **state)
{
	struct retry_budget b = { 0 };
	uint32_t requests, extras;

	for (int64_t s = 0; s < 20; s++)
		request_times(&b, 100, START + s * NS_PER_S);
	assert_int_equal(take_all(&b, TENTH, RETRY_BUDGET_FLOOR, START + 19 * NS_PER_S), 100);
	retry_budget_look(&b, START + 19 * NS_PER_S, &requests, &extras);
	assert_int_equal(requests, 1000);
	assert_int_equal(extras, 100);
	assert_int_equal(take_all(&b, 2 * TENTH, RETRY_BUDGET_FLOOR, START + 19 * NS_PER_S), 100);
	assert_int_equal(take_all(&b, 0, 0, START + 19 * NS_PER_S), 0);
}

static void test_nothing_at_all(void **state)
{
	struct retry_budget b = { 0 };

	request_times(&b, 100, START);
	assert_false(retry_budget_take(&b, 0, 0, START));
	assert_false(retry_budget_take(&b, 1000, 0, START));
	assert_true(retry_budget_take(&b, 10000, 0, START));
	assert_false(retry_budget_take(&b, 10000, 0, START));
}

static void test_the_window_passes(void **state)
{
	struct retry_budget b = { 0 };
	uint32_t requests, extras;

	request_times(&b, 1000, START);
	assert_int_equal(take_all(&b, TENTH, 0, START), 100);
	retry_budget_look(&b, START + 10 * NS_PER_S, &requests, &extras);
	assert_int_equal(requests, 0);
	assert_int_equal(extras, 0);
	assert_false(retry_budget_take(&b, TENTH, 0, START + 10 * NS_PER_S));
}

/* At the machine's start, and where the seconds' numbers come round. */
static void test_at_the_edges_of_time(void **state)
{
	struct retry_budget b = { 0 };
	int64_t round = (INT64_C(1) << 24) * NS_PER_S;

	assert_int_equal(take_all(&b, TENTH, 10, 0), 10);
	assert_int_equal(take_all(&b, TENTH, 10, 5 * NS_PER_S), 0);
	b = (struct retry_budget){ 0 };
	assert_int_equal(take_all(&b, TENTH, 10, round - NS_PER_S), 10);
	assert_int_equal(take_all(&b, TENTH, 10, round), 0);
	assert_int_equal(take_all(&b, TENTH, 10, round + 9 * NS_PER_S), 10);
	/* First used when the machine has been up for months. */
	b = (struct retry_budget){ 0 };
	request_times(&b, 1000, round * 3 / 4);
	assert_int_equal(take_all(&b, TENTH, 10, round * 3 / 4), 100);
}

static void test_counters_stop_at_their_end(void **state)
{
	struct retry_budget b = { 0 };
	uint32_t requests, extras;

	request_times(&b, (1 << 20) + 100, START);
	retry_budget_look(&b, START, &requests, &extras);
	assert_int_equal(requests, (1 << 20) - 1);
	assert_int_equal(extras, 0);
}

/* A thread that read its clock before the others went on. */
static void test_a_clock_behind(void **state)
{
	struct retry_budget b = { 0 };

	request_times(&b, 100, START + NS_PER_S);
	assert_true(retry_budget_take(&b, TENTH, 0, START));
	assert_int_equal(take_all(&b, TENTH, 0, START + NS_PER_S), 9);
}

/* ---- threads ---- */

enum { THREADS = 8, ROUNDS = 20000 };

struct hammer {
	struct retry_budget budget;
	_Atomic unsigned taken;
};

static void *hammer(void *ctx)
{
	struct hammer *h = ctx;

	for (int64_t i = 0; i < ROUNDS; i++) {
		int64_t now = START + i * 9 * NS_PER_S / ROUNDS;

		retry_budget_request(&h->budget, now);
		if (retry_budget_take(&h->budget, TENTH, 0, now))
			atomic_fetch_add(&h->taken, 1);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct hammer h = { 0 };
	pthread_t threads[THREADS];
	uint32_t requests, extras;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &h), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	retry_budget_look(&h.budget, START + 8 * NS_PER_S, &requests, &extras);
	assert_int_equal(requests, THREADS * ROUNDS);
	assert_int_equal(extras, h.taken);
	assert_in_range(h.taken, 1, THREADS * ROUNDS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_few_are_always_allowed),
		cmocka_unit_test(test_a_share_of_the_requests),
		cmocka_unit_test(test_nothing_at_all),
		cmocka_unit_test(test_the_window_passes),
		cmocka_unit_test(test_at_the_edges_of_time),
		cmocka_unit_test(test_counters_stop_at_their_end),
		cmocka_unit_test(test_a_clock_behind),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("retry_budget", tests, NULL, NULL);
}
