/* SPDX-License-Identifier: Apache-2.0 */
/* What is released is gone from memory, is there again when it is read, and nothing that was written is lost. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "base/resident.h"

enum { TABLE_SIZE = 1 << 20 };

static const unsigned char table[TABLE_SIZE] = { [0 ... TABLE_SIZE - 1] = 7 };
static const char *const pointers[] = { "one", "two" }; /* relocated: written by the loader */
static int counter = 5;

/* proc_pid_pagemap(5): 64 bits for each page, the highest says that it is mapped. */
static bool is_present(const void *address)
{
	_cleanup_(close_fdp) int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)address / (uintptr_t)sysconf(_SC_PAGESIZE) * sizeof(entry))),
			 sizeof(entry));
	return entry >> 63;
}

static unsigned sum(void)
{
	const volatile unsigned char *from = table;
	unsigned all = 0;

	for (size_t i = 0; i < TABLE_SIZE; i += 512)
		all += from[i];
	return all;
}

static void own_function(void)
{
}

static void check_release(void (*function)(void))
{
	char *heap = malloc(100000);

	memset(heap, 3, 100000);
	counter++;
	assert_int_equal(sum(), 7 * (TABLE_SIZE / 512));
	assert_true(is_present(table + TABLE_SIZE / 2));
	resident_release(function);
	assert_false(is_present(table + TABLE_SIZE / 2));
	assert_int_equal(sum(), 7 * (TABLE_SIZE / 512));
	assert_true(is_present(table + TABLE_SIZE / 2));
	assert_string_equal(((const char *const volatile *)pointers)[1], "two");
	assert_int_equal(heap[99999], 3);
	free(heap);
}

static void test_one(void **state)
{
	check_release(own_function);
	assert_int_equal(counter, 6);
	/* Another library's is not ours. */
	resident_release((void (*)(void))getenv);
	assert_true(is_present(table + TABLE_SIZE / 2));
}

static void test_all(void **state)
{
	check_release(NULL);
	assert_int_equal(counter, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
