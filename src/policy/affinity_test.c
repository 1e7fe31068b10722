/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of where conversations stay; time is a number that the tests count themselves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include "base/clock.h"
#include "policy/affinity.h"

#define START (1000 * NS_PER_S)
#define KEEP (600 * NS_PER_S)

static int set_up(void **state)
{
	*state = affinity_new();
	return 0;
}

static int tear_down(void **state)
{
	return affinity_free(*state) != NULL;
}

static uint64_t key_number(uint64_t n)
{
	return affinity_key(SLICE("team"), slice_of((const char *)&n, sizeof(n)));
}

static void test_the_last_place_is_known(void **state)
{
	uint64_t key = affinity_key(SLICE("team"), SLICE("session")), box = affinity_place(SLICE("box"), SLICE("m"));

	assert_int_equal(affinity_find(*state, key, START), 0);
	affinity_note(*state, key, box, KEEP, START);
	assert_true(affinity_find(*state, key, START) == box);
	affinity_note(*state, key, 7, KEEP, START + NS_PER_S);
	assert_int_equal(affinity_find(*state, key, START + NS_PER_S), 7);
	assert_int_equal(affinity_count(*state, START + NS_PER_S), 1);
}

static void test_it_expires(void **state)
{
	uint64_t key = key_number(1);

	affinity_note(*state, key, 7, KEEP, START);
	assert_int_equal(affinity_find(*state, key, START + KEEP - 1), 7);
	assert_int_equal(affinity_find(*state, key, START + KEEP), 0);
	assert_int_equal(affinity_count(*state, START + KEEP), 0);
	/* Each answer keeps it longer. */
	affinity_note(*state, key, 7, KEEP, START + KEEP / 2);
	assert_int_equal(affinity_find(*state, key, START + KEEP), 7);
	affinity_note(*state, key_number(2), 7, 0, START);
	assert_int_equal(affinity_find(*state, key_number(2), START), 0);
}

static void test_tenants_have_their_own(void **state)
{
	affinity_note(*state, affinity_key(SLICE("red"), SLICE("session")), 7, KEEP, START);
	assert_int_equal(affinity_find(*state, affinity_key(SLICE("blue"), SLICE("session")), START), 0);
	/* Where one name ends and the next begins makes a difference. */
	assert_int_equal(affinity_find(*state, affinity_key(SLICE("reds"), SLICE("ession")), START), 0);
	assert_true(affinity_place(SLICE("a"), SLICE("bc")) != affinity_place(SLICE("ab"), SLICE("c")));
	assert_true(affinity_place(SLICE("a"), SLICE("b")) == affinity_place(SLICE("a"), SLICE("b")));
}

static void test_it_is_bounded(void **state)
{
	unsigned count, known = 0;

	for (uint64_t i = 0; i < 4 * AFFINITY_MAX; i++)
		affinity_note(*state, key_number(i), 7, KEEP, START + (int64_t)i);
	count = affinity_count(*state, START);
	assert_in_range(count, AFFINITY_MAX * 9 / 10, AFFINITY_MAX);
	/* The oldest made room: nearly all of the newest half are there. */
	for (uint64_t i = 4 * AFFINITY_MAX - AFFINITY_MAX / 2; i < 4 * AFFINITY_MAX; i++)
		known += affinity_find(*state, key_number(i), START) == 7;
	assert_in_range(known, AFFINITY_MAX / 2 * 98 / 100, AFFINITY_MAX / 2);
}

static void test_who_expires_first_makes_room(void **state)
{
	uint64_t one_set = UINT64_C(1) << 40;

	for (uint64_t i = 1; i <= 16; i++)
		affinity_note(*state, i * one_set, i, i == 9 ? KEEP / 2 : KEEP, START);
	affinity_note(*state, 17 * one_set, 17, KEEP, START);
	for (uint64_t i = 1; i <= 17; i++)
		assert_int_equal(affinity_find(*state, i * one_set, START), i == 9 ? 0 : i);
}

/* ---- threads ---- */

enum { THREADS = 8, ROUNDS = 20000 };

static void *hammer(void *ctx)
{
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t place;

		affinity_note(ctx, key_number(i % 1000), i % 1000 + 1, KEEP, START);
		place = affinity_find(ctx, key_number(i * 7 % 1000), START);
		assert_true(place == 0 || place == i * 7 % 1000 + 1);
		if (i % 1000 == 0)
			affinity_count(ctx, START);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, *state), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(affinity_count(*state, START), 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_last_place_is_known),
		TEST(test_it_expires),
		TEST(test_tenants_have_their_own),
		TEST(test_it_is_bounded),
		TEST(test_who_expires_first_makes_room),
		TEST(test_threads),
	};

	return cmocka_run_group_tests_name("affinity", tests, NULL, NULL);
}
