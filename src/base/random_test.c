/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness: bounds, spread, independence of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include "base/random.h"

static void stays_below(void **state)
{
	unsigned hits[7] = { 0 };
	for (int i = 0; i < 70000; i++)
		hits[random_below(7)]++;
	/* 10,000 expected, standard deviation 93: a miss by ten of them is a bug. */
	for (int i = 0; i < 7; i++)
		assert_in_range(hits[i], 9000, 11000);
	assert_true(random_below(1) == 0);
	for (int i = 0; i < 100; i++)
		assert_true(random_below(UINT64_MAX) != UINT64_MAX);
}

static void *first_number(void *out)
{
	*(uint64_t *)out = random_u64();
	return NULL;
}

static void threads_differ(void **state)
{
	uint64_t numbers[2];
	for (int i = 0; i < 2; i++) {
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, first_number, &numbers[i]), 0);
		pthread_join(thread, NULL);
	}
	assert_true(numbers[0] != numbers[1]);
	assert_true(random_u64() != random_u64());
}

static void fills_all(void **state)
{
	unsigned char bytes[1000] = { 0 }, zero[16] = { 0 };
	random_secure(bytes, sizeof(bytes));
	for (size_t i = 0; i + sizeof(zero) <= sizeof(bytes); i += sizeof(zero))
		assert_memory_not_equal(bytes + i, zero, sizeof(zero));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(stays_below), cmocka_unit_test(threads_differ), cmocka_unit_test(fills_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
