/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what is known of targets; time is a number that the tests count themselves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include "base/clock.h"
#include "policy/vitals.h"

#define KEY UINT64_C(0x123456789abcdef0)
#define START (1000 * NS_PER_S)

static int set_up(void **state)
{
	*state = vitals_new();
	return 0;
}

static int tear_down(void **state)
{
	return vitals_free(*state) != NULL;
}

static struct vital *use(void **state)
{
	return vitals_use(*state, KEY, SLICE("box"), SLICE("model"), SLICE("main"));
}

static struct vital_signs look(const struct vital *v, int64_t tokens, int64_t now_ns)
{
	struct vital_signs signs;

	vital_look(v, tokens, now_ns, &signs);
	return signs;
}

static void test_nothing_is_known(void **state)
{
	struct vital_signs signs;

	assert_null(vitals_find(*state, KEY));
	signs = look(use(state), 1000, START);
	assert_int_equal(signs.first_token_us, -1);
	assert_int_equal(signs.token_ns, -1);
	assert_int_equal(signs.connect_us, -1);
	assert_int_equal(signs.success_permille, -1);
	assert_int_equal(signs.requests_left, -1);
	assert_int_equal(signs.tokens_left, -1);
	assert_int_equal(signs.in_flight, 0);
	assert_int_equal(signs.saturated_until_ns, 0);
	assert_int_equal(vital_percentile(use(state), 95, START), -1);
	assert_ptr_equal(vitals_find(*state, KEY), use(state));
}

static void test_slower_counts_at_once_and_fades(void **state)
{
	struct vital *v = use(state);

	vital_first_token(v, 100000, START);
	assert_int_equal(look(v, 0, START).first_token_us, 100000);
	vital_first_token(v, 900000, START + NS_PER_S);
	assert_int_equal(look(v, 0, START).first_token_us, 900000);
	/* One half-life later, in one step or in many, half of the way down. */
	vital_first_token(v, 100000, START + 11 * NS_PER_S);
	assert_int_equal(look(v, 0, START).first_token_us, 500000);
	for (int i = 1; i <= 1000; i++)
		vital_first_token(v, 100000, START + 11 * NS_PER_S + i * 10 * NS_PER_MS);
	assert_in_range(look(v, 0, START).first_token_us, 299990, 300010);
	assert_int_equal(look(v, 0, START + 24 * NS_PER_S).first_token_age_ns, 3 * NS_PER_S);
}

/* One slow answer says little about the next one. */
static void test_the_mean(void **state)
{
	struct vital *v = use(state);

	assert_int_equal(look(v, 0, START).first_token_mean_us, -1);
	for (int i = 0; i < 200; i++)
		vital_first_token(v, i % 2 ? 100000 : 300000, START + i * 10 * NS_PER_MS);
	assert_in_range(look(v, 0, START).first_token_mean_us, 190000, 210000);
	vital_first_token(v, 3000000, START + 2 * NS_PER_S);
	assert_in_range(look(v, 0, START).first_token_mean_us, 270000, 310000);
	/* After a long silence it counts three quarters at most. */
	vital_first_token(v, 100000, START + 1000 * NS_PER_S);
	assert_in_range(look(v, 0, START).first_token_mean_us, 140000, 155000);
}

static void test_many_at_the_same_time_pull_no_faster(void **state)
{
	struct vital *v = use(state);

	vital_first_token(v, 900000, START);
	for (int i = 0; i < 1000; i++)
		vital_first_token(v, 100000, START);
	assert_int_equal(look(v, 0, START).first_token_us, 900000);
	/* A clock that another thread read a little earlier. */
	vital_first_token(v, 100000, START - NS_PER_S);
	assert_int_equal(look(v, 0, START).first_token_us, 900000);
}

static void test_in_flight_never_underflows(void **state)
{
	struct vital *v = use(state);

	vital_end(v, false, START);
	assert_int_equal(look(v, 0, START).in_flight, 0);
	vital_begin(v);
	vital_begin(v);
	vital_end(v, false, START);
	assert_int_equal(look(v, 0, START).in_flight, 1);
}

static void test_success(void **state)
{
	struct vital *v = use(state);

	vital_end(v, true, START);
	assert_int_equal(look(v, 0, START).success_permille, 750);
	for (int i = 0; i < 200; i++)
		vital_end(v, false, START);
	assert_int_equal(look(v, 0, START).success_permille, 1000);
	for (int i = 0; i < 200; i++)
		vital_end(v, i % 2 == 0, START);
	assert_in_range(look(v, 0, START).success_permille, 400, 600);
}

static void test_speed(void **state)
{
	struct vital *v = use(state);

	vital_streamed(v, 100, 2000000, START);
	assert_int_equal(look(v, 0, START).token_ns, 20000000);
	/* Two tokens in one piece are no hundred thousand tokens a second. */
	vital_streamed(v, 2, 10, START);
	assert_in_range(look(v, 0, START).token_ns, 19900000, 20000000);
	vital_streamed(v, 0, 10, START);
	vital_streamed(v, 10, -1, START);
	assert_in_range(look(v, 0, START).token_ns, 19900000, 20000000);
	for (int i = 0; i < 50; i++)
		vital_streamed(v, 500, 5000000, START);
	assert_in_range(look(v, 0, START).token_ns, 9990000, 10010000);

	vital_connected(v, 8000, START);
	vital_connected(v, 16000, START);
	assert_int_equal(look(v, 0, START).connect_us, 9000);
}

static void test_windows_pass(void **state)
{
	struct rate_limit limit = { true, 2, 5000, 3000, 60000 };
	struct vital *v = use(state);

	vital_limits(v, &limit, START);
	assert_int_equal(look(v, 0, START).requests_left, 2);
	assert_int_equal(look(v, 0, START).tokens_left, 5000);
	assert_int_equal(look(v, 5000, START).saturated_until_ns, 0);
	assert_int_equal(look(v, 5001, START).saturated_until_ns, START + 60 * NS_PER_S);
	/* What is sent is taken off. */
	vital_begin(v);
	assert_int_equal(look(v, 0, START).saturated_until_ns, 0);
	vital_begin(v);
	assert_int_equal(look(v, 0, START).saturated_until_ns, START + 3 * NS_PER_S);
	vital_begin(v);
	assert_int_equal(look(v, 0, START).requests_left, 0);
	assert_int_equal(look(v, 9000, START).saturated_until_ns, START + 60 * NS_PER_S);
	assert_int_equal(look(v, 0, START + 3 * NS_PER_S).requests_left, -1);
	assert_int_equal(look(v, 0, START + 3 * NS_PER_S).saturated_until_ns, 0);
	assert_int_equal(look(v, 9000, START + 60 * NS_PER_S).tokens_left, -1);
	assert_int_equal(look(v, 9000, START + 60 * NS_PER_S).saturated_until_ns, 0);
}

static void test_windows_without_an_end(void **state)
{
	struct rate_limit limit = { true, 0, -1, -1, -1 };
	struct vital *v = use(state);

	vital_limits(v, &limit, START);
	assert_int_equal(look(v, 0, START).saturated_until_ns, START + 10 * NS_PER_S);
	limit.requests_reset_ms = INT64_MAX;
	vital_limits(v, &limit, START);
	assert_int_equal(look(v, 0, START).saturated_until_ns, START + 24 * 3600 * NS_PER_S);
	/* What a head does not say stays as it was. */
	limit = (struct rate_limit){ true, -1, 7, -1, 1000 };
	vital_limits(v, &limit, START);
	assert_int_equal(look(v, 0, START).requests_left, 0);
	assert_int_equal(look(v, 0, START).tokens_left, 7);
	limit = (struct rate_limit){ false, 9, 9, 1000, 1000 };
	vital_limits(v, &limit, START);
	/* A head that says nothing leaves nothing to believe: counting down alone ends in a rest nobody asked for. */
	assert_int_equal(look(v, 0, START).tokens_left, -1);
	assert_int_equal(look(v, 0, START).requests_left, -1);
	assert_int_equal(look(v, 0, START).saturated_until_ns, 0);
}

static void test_refusals_saturate(void **state)
{
	struct rate_limit limit = { true, 0, -1, 2000, -1 };
	struct vital *v = use(state);

	vital_saturated(v, START + 5 * NS_PER_S);
	vital_saturated(v, START + 4 * NS_PER_S);
	vital_limits(v, &limit, START);
	assert_int_equal(look(v, 0, START).saturated_until_ns, START + 5 * NS_PER_S);
	assert_int_equal(look(v, 0, START + 5 * NS_PER_S).saturated_until_ns, 0);
}

/* Within 6 % of the truth. */
static void assert_near(int64_t found, int64_t truth)
{
	assert_in_range(found, truth * 94 / 100, truth * 106 / 100);
}

static void test_percentiles(void **state)
{
	struct vital *v = use(state);

	for (int i = 1; i <= 19; i++)
		vital_first_token(v, i * 1000, START);
	assert_int_equal(vital_percentile(v, 50, START), -1);
	for (int i = 20; i <= 1000; i++)
		vital_first_token(v, i * 1000, START);
	assert_near(vital_percentile(v, 50, START), 500000);
	assert_near(vital_percentile(v, 95, START), 950000);
	assert_near(vital_percentile(v, 99, START), 990000);
	assert_near(vital_percentile(v, 100, START), 1000000);
	assert_near(vital_percentile(v, 0, START), 1000);
	assert_int_equal(vital_percentile(v, 50, START + 121 * NS_PER_S), -1);
}

static void test_percentiles_forget(void **state)
{
	struct vital *v = use(state);
	int64_t minute = 60 * NS_PER_S, now = START / minute * minute;

	for (int i = 0; i < 100; i++)
		vital_first_token(v, 1000000, now);
	for (int i = 0; i < 100; i++)
		vital_first_token(v, 2000, now + minute);
	assert_near(vital_percentile(v, 95, now + minute), 1000000);
	for (int i = 0; i < 100; i++)
		vital_first_token(v, 2000, now + 2 * minute);
	assert_near(vital_percentile(v, 99, now + 2 * minute), 2000);
}

static void test_percentiles_of_extremes(void **state)
{
	struct vital *v = use(state);

	for (int i = 0; i < 50; i++)
		vital_first_token(v, 0, START);
	assert_in_range(vital_percentile(v, 95, START), 0, 72);
	for (int i = 0; i < 500; i++)
		vital_first_token(v, INT64_MAX, START);
	assert_in_range(vital_percentile(v, 95, START), 900000000, 1 << 30);
	vital_first_token(v, -5, START);
}

static void count_view(const struct vital_view *view, void *ctx)
{
	(*(unsigned *)ctx)++;
}

static void test_over_the_maximum_all_share_one(void **state)
{
	struct vital *spare;
	unsigned seen = 0;

	for (uint64_t i = 0; i < VITALS_MAX; i++) {
		const struct vital *v = vitals_use(*state, i, SLICE("box"), SLICE("m"), SLICE("k"));

		assert_ptr_equal(v, vitals_find(*state, i));
	}
	spare = vitals_use(*state, KEY, SLICE("box"), SLICE("m"), SLICE("k"));
	assert_non_null(spare);
	assert_null(vitals_find(*state, KEY));
	assert_ptr_equal(spare, vitals_use(*state, KEY + 1, SLICE("box"), SLICE("n"), SLICE("k")));
	vital_begin(spare);
	vital_first_token(spare, 100, START);
	vital_saturated(spare, START + NS_PER_S);
	vital_end(spare, true, START);
	assert_int_equal(look(spare, 0, START).in_flight, 0);
	assert_int_equal(look(spare, 0, START).first_token_us, -1);
	assert_int_equal(look(spare, 0, START).success_permille, -1);
	assert_int_equal(look(spare, 0, START).saturated_until_ns, 0);
	vitals_each(*state, START, count_view, &seen);
	assert_int_equal(seen, VITALS_MAX);
}

static void check_view(const struct vital_view *view, void *ctx)
{
	assert_string_equal(view->provider, "box");
	assert_string_equal(view->model, "model");
	assert_string_equal(view->credential, "main");
	assert_true(view->key == KEY);
	assert_int_equal(view->requests, 2);
	assert_int_equal(view->faults, 1);
	assert_int_equal(view->p50_us, -1);
	assert_int_equal(view->signs.first_token_us, 77);
	count_view(view, ctx);
}

static void test_view(void **state)
{
	struct vital *v = use(state);
	unsigned seen = 0;

	vital_begin(v);
	vital_begin(v);
	vital_first_token(v, 77, START);
	vital_end(v, true, START);
	vitals_each(*state, START, check_view, &seen);
	assert_int_equal(seen, 1);
}

/* ---- threads ---- */

enum { THREADS = 8, ROUNDS = 5000, TARGETS = 50 };

static void *hammer(void *ctx)
{
	struct rate_limit limit = { true, 100, 100000, 1000, 1000 };
	struct vital_signs signs;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		struct vital *v = vitals_use(ctx, i % TARGETS, SLICE("box"), SLICE("model"), SLICE("k"));
		int64_t now = START + (int64_t)i * 50 * NS_PER_MS;

		vital_begin(v);
		vital_connected(v, 1000, now);
		vital_first_token(v, 1000 + (int64_t)i, now);
		vital_streamed(v, 100, 1000000, now);
		vital_limits(v, &limit, now);
		vital_saturated(v, now);
		vital_look(v, 10, now, &signs);
		vital_percentile(v, 95, now);
		vital_end(v, i % 3 == 0, now);
	}
	return NULL;
}

static void check_hammered(const struct vital_view *view, void *ctx)
{
	assert_int_equal(view->requests, (uint64_t)THREADS * ROUNDS / TARGETS);
	assert_int_equal(view->signs.in_flight, 0);
	assert_int_equal(view->signs.connect_us, 1000);
	assert_int_equal(view->signs.token_ns, 10000000);
	assert_in_range(view->signs.first_token_us, 1000, 1000 + ROUNDS);
	assert_in_range(view->signs.success_permille, 1, 999);
	count_view(view, ctx);
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	unsigned seen = 0;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, *state), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	vitals_each(*state, START, check_hammered, &seen);
	assert_int_equal(seen, TARGETS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_is_known),
		TEST(test_slower_counts_at_once_and_fades),
		TEST(test_the_mean),
		TEST(test_many_at_the_same_time_pull_no_faster),
		TEST(test_in_flight_never_underflows),
		TEST(test_success),
		TEST(test_speed),
		TEST(test_windows_pass),
		TEST(test_windows_without_an_end),
		TEST(test_refusals_saturate),
		TEST(test_percentiles),
		TEST(test_percentiles_forget),
		TEST(test_percentiles_of_extremes),
		TEST(test_over_the_maximum_all_share_one),
		TEST(test_view),
		TEST(test_threads),
	};

	return cmocka_run_group_tests_name("vitals", tests, NULL, NULL);
}
