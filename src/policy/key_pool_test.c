/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the keys' states; time is a number that the tests count themselves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/clock.h"
#include "policy/key_pool.h"

#define ID UINT64_C(0x123456789abcdef0)
#define START (1000 * NS_PER_S)
#define MINUTE (60 * NS_PER_S)

static const struct key_limits none;

static int set_up(void **state)
{
	*state = key_pool_new();
	return 0;
}

static int tear_down(void **state)
{
	return key_pool_free(*state) != NULL;
}

static enum key_answer take(struct key_pool *p, const struct key_limits *l, int64_t tokens, int64_t now)
{
	int64_t until;
	enum key_answer looked = key_pool_look(p, ID, l, tokens, now, &until);

	assert_int_equal(looked == KEY_READY, until == 0);
	assert_true(until == 0 || until > now);
	assert_int_equal(key_pool_take(p, ID, l, tokens, now, NULL), looked);
	return looked;
}

static int64_t until(struct key_pool *p, const struct key_limits *l, int64_t tokens, int64_t now)
{
	int64_t ret;

	key_pool_look(p, ID, l, tokens, now, &ret);
	return ret;
}

static void give(struct key_pool *p, int64_t taken, int64_t now)
{
	key_pool_give(p, ID, &none, 0, -1, taken, now);
}

static void test_ready(void **state)
{
	for (int i = 0; i < 1000; i++)
		assert_int_equal(take(*state, &none, 1000000, START), KEY_READY);
}

static void test_refused_is_retired(void **state)
{
	struct key_pool *p = *state;

	assert_int_equal(take(p, &none, 0, START), KEY_READY);
	key_pool_tell(p, ID, KEY_REFUSED, START);
	give(p, START, START);
	assert_int_equal(take(p, &none, 0, START + MINUTE - 1), KEY_RETIRED);
	assert_int_equal(until(p, &none, 0, START), START + MINUTE);
	assert_int_equal(take(p, &none, 0, START + MINUTE), KEY_READY);
}

static void test_one_request_tries_again(void **state)
{
	struct key_pool *p = *state;
	int64_t now = START + MINUTE;

	key_pool_tell(p, ID, KEY_REFUSED, START);
	assert_int_equal(take(p, &none, 0, now), KEY_READY);
	assert_int_equal(take(p, &none, 0, now), KEY_RETIRED);
	/* It could not say: the next one may. */
	give(p, now, now + NS_PER_S);
	assert_int_equal(take(p, &none, 0, now + NS_PER_S), KEY_READY);
	key_pool_tell(p, ID, KEY_WORKS, now + NS_PER_S);
	assert_int_equal(take(p, &none, 0, now + NS_PER_S), KEY_READY);
	assert_int_equal(take(p, &none, 0, now + NS_PER_S), KEY_READY);
	key_pool_tell(p, ID, KEY_REFUSED, now + NS_PER_S);
	assert_int_equal(until(p, &none, 0, now + NS_PER_S), now + NS_PER_S + MINUTE);
}

static void test_retirement_doubles(void **state)
{
	static const int64_t minutes[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
	struct key_pool *p = *state;
	int64_t now = START;

	for (unsigned i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
		key_pool_tell(p, ID, KEY_REFUSED, now);
		give(p, now, now);
		assert_int_equal(until(p, &none, 0, now), now + minutes[i] * MINUTE);
		now += minutes[i] * MINUTE;
		assert_int_equal(take(p, &none, 0, now), KEY_READY);
	}
}

static void test_those_under_way_neither_lengthen_nor_end_it(void **state)
{
	struct key_pool *p = *state;

	for (int i = 0; i < 10; i++)
		assert_int_equal(take(p, &none, 0, START), KEY_READY);
	for (int i = 0; i < 9; i++)
		key_pool_tell(p, ID, KEY_REFUSED, START + i);
	key_pool_tell(p, ID, KEY_WORKS, START + 10);
	assert_int_equal(until(p, &none, 0, START + 10), START + MINUTE);
}

static void test_works_of_an_unknown_key(void **state)
{
	key_pool_tell(*state, ID, KEY_WORKS, START);
	give(*state, START, START);
	assert_int_equal(take(*state, &none, 0, START), KEY_READY);
}

static void test_in_flight(void **state)
{
	struct key_limits l = { .in_flight = 2 };
	struct key_pool *p = *state;

	assert_int_equal(take(p, &l, 0, START), KEY_READY);
	assert_int_equal(take(p, &l, 0, START), KEY_READY);
	assert_int_equal(take(p, &l, 0, START), KEY_LIMITED);
	give(p, START, START);
	assert_int_equal(take(p, &l, 0, START), KEY_READY);
	for (int i = 0; i < 5; i++)
		give(p, START, START);
	assert_int_equal(take(p, &l, 0, START), KEY_READY);
	assert_int_equal(take(p, &l, 0, START), KEY_READY);
	assert_int_equal(take(p, &l, 0, START), KEY_LIMITED);
}

/* Those in flight are known longer than the table keeps what is unused. */
static void test_in_flight_is_not_forgotten(void **state)
{
	struct key_limits l = { .in_flight = 1 };
	struct key_pool *p = *state;

	assert_int_equal(take(p, &l, 0, START), KEY_READY);
	key_pool_take(p, ID + 1, &l, 0, START + 100 * MINUTE * 60, NULL);
	assert_int_equal(take(p, &l, 0, START + 100 * MINUTE * 60), KEY_LIMITED);
}

static void test_requests_per_minute(void **state)
{
	struct key_limits l = { .requests_per_minute = 3 };
	struct key_pool *p = *state;

	assert_int_equal(take(p, &l, 0, START), KEY_READY);
	assert_int_equal(take(p, &l, 0, START + 10 * NS_PER_S), KEY_READY);
	assert_int_equal(take(p, &l, 0, START + 20 * NS_PER_S), KEY_READY);
	assert_int_equal(take(p, &l, 0, START + 60 * NS_PER_S), KEY_LIMITED);
	assert_int_equal(until(p, &l, 0, START + 60 * NS_PER_S), START + 61 * NS_PER_S);
	assert_int_equal(take(p, &l, 0, START + 61 * NS_PER_S), KEY_READY);
	assert_int_equal(until(p, &l, 0, START + 61 * NS_PER_S), START + 71 * NS_PER_S);
	assert_int_equal(take(p, &l, 0, START + 1000 * NS_PER_S), KEY_READY);
}

static void test_tokens_per_minute(void **state)
{
	struct key_limits l = { .tokens_per_minute = 1000 };
	struct key_pool *p = *state;

	assert_int_equal(take(p, &l, 1001, START), KEY_LIMITED);
	assert_int_equal(until(p, &l, 1001, START), NEVER);
	assert_int_equal(take(p, &l, INT64_MAX, START), KEY_LIMITED);
	assert_int_equal(take(p, &l, 600, START), KEY_READY);
	assert_int_equal(take(p, &l, 300, START + 5 * NS_PER_S), KEY_READY);
	assert_int_equal(take(p, &l, 101, START + 5 * NS_PER_S), KEY_LIMITED);
	assert_int_equal(until(p, &l, 101, START + 5 * NS_PER_S), START + 61 * NS_PER_S);
	assert_int_equal(until(p, &l, 900, START + 5 * NS_PER_S), START + 66 * NS_PER_S);
	assert_int_equal(take(p, &l, 100, START + 5 * NS_PER_S), KEY_READY);
	assert_int_equal(take(p, &l, -7, START + 5 * NS_PER_S), KEY_READY);
}

static void test_tokens_are_corrected(void **state)
{
	struct key_limits l = { .tokens_per_minute = 1000 };
	struct key_pool *p = *state;

	assert_int_equal(take(p, &l, 900, START), KEY_READY);
	key_pool_give(p, ID, &l, 900, 200, START, START + 5 * NS_PER_S);
	assert_int_equal(take(p, &l, 801, START + 5 * NS_PER_S), KEY_LIMITED);
	assert_int_equal(take(p, &l, 700, START + 5 * NS_PER_S), KEY_READY);
	/* More than thought: counts from when it is known. */
	key_pool_give(p, ID, &l, 700, 750, START + 5 * NS_PER_S, START + 30 * NS_PER_S);
	assert_int_equal(take(p, &l, 51, START + 30 * NS_PER_S), KEY_LIMITED);
	assert_int_equal(take(p, &l, 951, START + 67 * NS_PER_S), KEY_LIMITED);
	assert_int_equal(take(p, &l, 950, START + 67 * NS_PER_S), KEY_READY);
	/* Unknown: nothing is corrected. */
	key_pool_give(p, ID, &l, 950, -1, START + 67 * NS_PER_S, START + 68 * NS_PER_S);
	assert_int_equal(take(p, &l, 1, START + 68 * NS_PER_S), KEY_LIMITED);
}

/* A request that took longer than the window gives nothing back that others have taken. */
static void test_late_corrections_hide_nothing(void **state)
{
	struct key_limits l = { .tokens_per_minute = 1000 };
	struct key_pool *p = *state;

	assert_int_equal(take(p, &l, 900, START), KEY_READY);
	assert_int_equal(take(p, &l, 900, START + 61 * NS_PER_S), KEY_READY);
	key_pool_give(p, ID, &l, 900, 0, START, START + 62 * NS_PER_S);
	assert_int_equal(take(p, &l, 101, START + 62 * NS_PER_S), KEY_LIMITED);
}

/* Taken whenever there is room: no sixty seconds hold more than the limit, and little room is left unused. */
static void test_no_window_exceeds_the_limit(void **state)
{
	enum { LIMIT = 50, STEPS = 6000 };
	struct key_limits l = { .requests_per_minute = LIMIT };
	struct key_pool *p = *state;
	int64_t taken[STEPS];
	unsigned count = 0;

	for (int64_t i = 0; i < STEPS; i++) {
		int64_t now = START + i * 97 * NS_PER_MS;

		if (i % 7 == 0 || i % 500 < 250)
			if (key_pool_take(p, ID, &l, 1, now, NULL) == KEY_READY)
				taken[count++] = now;
	}
	for (unsigned i = LIMIT; i < count; i++)
		assert_true(taken[i] - taken[i - LIMIT] >= MINUTE);
	assert_true(count >= LIMIT * 8);
}

/* Threads read their clocks at different times: what the others took a little later counts. */
static void test_a_clock_behind(void **state)
{
	struct key_limits l = { .requests_per_minute = 1 };

	assert_int_equal(take(*state, &l, 0, START + NS_PER_S), KEY_READY);
	assert_int_equal(take(*state, &l, 0, START), KEY_LIMITED);
}

static void test_table_is_bounded(void **state)
{
	struct key_limits l = { .requests_per_minute = 1 };

	for (uint64_t i = 0; i < 3 * KEY_POOL_MAX; i++)
		key_pool_take(*state, i * UINT64_C(0x9e3779b97f4a7c15), &l, 0, START, NULL);
	assert_int_equal(take(*state, &l, 0, START), KEY_READY);
	assert_int_equal(take(*state, &l, 0, START), KEY_LIMITED);
}

static void test_id_is_stable(void **state)
{
	uint64_t id = key_pool_id(SLICE("openai"), SLICE("https://x/v1"), 7);

	assert_true(id == key_pool_id(SLICE("openai"), SLICE("https://x/v1"), 7));
	assert_true(id != key_pool_id(SLICE("openai"), SLICE("https://x/v1"), 8));
	assert_true(id != key_pool_id(SLICE("https://x/v1"), SLICE("openai"), 7));
}

/* ---- threads ---- */

enum { THREADS = 8, ROUNDS = 20000, ALLOWED = 1000, SIMULTANEOUS = 3 };

struct hammer {
	struct key_pool *pool;
	_Atomic unsigned taken, in_flight;
};

static void *hammer(void *ctx)
{
	struct key_limits l = { .requests_per_minute = ALLOWED, .in_flight = SIMULTANEOUS, .tokens_per_minute = 10 * ALLOWED };
	struct hammer *h = ctx;

	for (int64_t i = 0; i < ROUNDS; i++) {
		int64_t now = START + i % 60 * NS_PER_S;

		if (key_pool_take(h->pool, ID, &l, 10, now, NULL) != KEY_READY)
			continue;
		assert_true(atomic_fetch_add(&h->in_flight, 1) < SIMULTANEOUS);
		atomic_fetch_add(&h->taken, 1);
		atomic_fetch_sub(&h->in_flight, 1);
		key_pool_tell(h->pool, ID, KEY_WORKS, now);
		key_pool_give(h->pool, ID, &l, 10, 10, now, now);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct hammer h = { .pool = *state };
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &h), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(h.taken, ALLOWED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ready),
		TEST(test_refused_is_retired),
		TEST(test_one_request_tries_again),
		TEST(test_retirement_doubles),
		TEST(test_those_under_way_neither_lengthen_nor_end_it),
		TEST(test_works_of_an_unknown_key),
		TEST(test_in_flight),
		TEST(test_in_flight_is_not_forgotten),
		TEST(test_requests_per_minute),
		TEST(test_tokens_per_minute),
		TEST(test_tokens_are_corrected),
		TEST(test_late_corrections_hide_nothing),
		TEST(test_no_window_exceeds_the_limit),
		TEST(test_a_clock_behind),
		TEST(test_table_is_bounded),
		TEST(test_id_is_stable),
		TEST(test_threads),
	};

	return cmocka_run_group_tests_name("key_pool", tests, NULL, NULL);
}
