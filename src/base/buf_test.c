/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers: limits, queues, formatting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/buf.h"

static void keeps_its_limit(void **state)
{
	struct buf b;
	buf_init(&b, 10);
	assert_true(buf_append(&b, "0123456789", 10));
	assert_false(buf_append(&b, "x", 1));
	assert_null(buf_reserve(&b, 1));
	assert_true(buf_append(&b, NULL, 0));
	assert_false(buf_printf(&b, "%d", 1));
	assert_true(slice_eq(buf_slice(&b), SLICE("0123456789")));
	buf_consume(&b, 4);
	assert_false(buf_printf(&b, "%s", "abcde"));
	assert_true(buf_printf(&b, "%s", "abcd"));
	assert_true(slice_eq(buf_slice(&b), SLICE("456789abcd")));
	assert_false(buf_append(&b, "x", SIZE_MAX));
	buf_done(&b);
	assert_int_equal(b.limit, 10);
	assert_true(buf_append(&b, "again", 5));
	buf_done(&b);
}

static void queues_in_constant_memory(void **state)
{
	struct buf b;
	uint32_t in = 0, out = 0;
	buf_init(&b, 4000);
	for (int round = 0; round < 100000; round++) {
		/* A full buffer that gives and takes four bytes at a time is the worst pattern for closing the gap. */
		while (b.len + sizeof(in) <= b.limit) {
			assert_true(buf_append(&b, &in, sizeof(in)));
			in++;
		}
		uint32_t first;
		memcpy(&first, buf_slice(&b).ptr, sizeof(first));
		assert_int_equal(first, out++);
		buf_consume(&b, sizeof(first));
		assert_true(b.cap <= 2 * b.limit);
	}
	buf_done(&b);
}

static void reserves_and_commits(void **state)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	char *p = buf_reserve(&b, 100000);
	assert_non_null(p);
	memset(p, 'x', 50);
	buf_commit(&b, 50);
	assert_int_equal(b.len, 50);
	buf_consume(&b, 50);
	assert_null(b.data);
	assert_true(buf_append(&b, "small", 5));
	buf_consume(&b, 5);
	assert_non_null(b.data);
	buf_clear(&b);
	buf_done(&b);
}

static void prints_up_to_the_last_byte(void **state)
{
	for (size_t limit = 0; limit < 600; limit++) {
		struct buf b;
		buf_init(&b, limit);
		assert_true(buf_printf(&b, "%*s", (int)limit, ""));
		assert_int_equal(b.len, limit);
		assert_false(buf_printf(&b, "!"));
		buf_done(&b);
		assert_false(buf_printf(&b, "%*s", (int)limit + 1, ""));
		assert_int_equal(b.len, 0);
		buf_done(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_limit), cmocka_unit_test(queues_in_constant_memory),
		cmocka_unit_test(reserves_and_commits), cmocka_unit_test(prints_up_to_the_last_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
