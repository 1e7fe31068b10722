/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: alignment, growth, blocks of their own, reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/arena.h"

static void aligns_and_keeps(void **state)
{
	struct arena a;
	arena_init(&a);
	struct slice texts[2000];
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		texts[i] = arena_printf(&a, "text %zu", i);
		assert_int_equal(texts[i].ptr[texts[i].len], '\0');
		uint64_t *n = arena_new(&a, uint64_t);
		assert_int_equal((uintptr_t)n % _Alignof(max_align_t), 0);
		assert_true(*n == 0);
		*n = UINT64_MAX;
	}
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char expected[32];
		assert_int_equal(snprintf(expected, sizeof(expected), "text %zu", i), (int)texts[i].len);
		assert_string_equal(texts[i].ptr, expected);
	}
	arena_done(&a);
	assert_int_equal(a.total, 0);
}

static void large_requests_do_not_waste_the_block(void **state)
{
	struct arena a;
	arena_init(&a);
	char *small = arena_alloc(&a, 10);
	size_t before = a.total;
	char *large = arena_alloc(&a, 1 << 20);
	memset(large, 1, 1 << 20);
	assert_true(a.total >= before + (1 << 20));
	char *next = arena_alloc(&a, 10);
	assert_true(next > small && next < small + 1024);
	memset(small, 2, 10);
	arena_done(&a);
}

static void first_request_may_be_large(void **state)
{
	struct arena a;
	arena_init(&a);
	memset(arena_alloc(&a, 300000), 0, 300000);
	arena_reset(&a);
	assert_int_equal(a.total, 0);
	memset(arena_zalloc(&a, 0), 1, 1);
	arena_done(&a);
}

static void reset_keeps_a_block_of_moderate_size(void **state)
{
	struct arena a;
	arena_init(&a);
	char *first = NULL;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 1000; i++)
			memset(arena_alloc(&a, i * 37 % 30000), 3, i * 37 % 30000);
		assert_true(a.total > 10000000);
		arena_reset(&a);
		assert_int_equal(a.total, 4096);
		char *again = arena_alloc(&a, 100);
		assert_true(round == 0 || again == first);
		first = again;
	}
	arena_done(&a);
	arena_done(&a);
	arena_reset(&a);
	assert_int_equal(a.total, 0);
}

static void many_small_requests_cost_few_blocks(void **state)
{
	struct arena a;
	arena_init(&a);
	for (int i = 0; i < 10000; i++)
		memset(arena_alloc(&a, 300), 4, 300);
	/* 304 bytes each (320 apart under AddressSanitizer), and at most one block that is not full yet. */
	assert_in_range(a.total, 10000 * 304, 10000 * 340 + (64 << 10));
	arena_done(&a);
}

static void copies(void **state)
{
	struct arena a;
	arena_init(&a);
	struct slice empty = arena_dup(&a, slice_of(NULL, 0));
	assert_int_equal(empty.len, 0);
	assert_string_equal(empty.ptr, "");
	assert_string_equal(arena_cstr(&a, slice_of("abcdef", 3)), "abc");
	assert_string_equal(arena_join(&a, SLICE("Bearer "), slice_of("keys", 3)).ptr, "Bearer key");
	assert_string_equal(arena_join(&a, empty, slice_of(NULL, 0)).ptr, "");
	int *numbers = arena_array(&a, int, 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(numbers[i], 0);
	arena_done(&a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligns_and_keeps), cmocka_unit_test(large_requests_do_not_waste_the_block),
		cmocka_unit_test(first_request_may_be_large), cmocka_unit_test(reset_keeps_a_block_of_moderate_size),
		cmocka_unit_test(many_small_requests_cost_few_blocks), cmocka_unit_test(copies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
