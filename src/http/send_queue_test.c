/* SPDX-License-Identifier: Apache-2.0 */
/* The queue keeps order and bytes whatever mixture goes in and however it comes out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "http/send_queue.h"

static void copies_and_borrowed_pieces_keep_their_order(void **state)
{
	struct send_queue q = { 0 };
	struct iovec iov[8];
	char out[32] = "";

	send_queue_copy(&q, "ab", 2);
	send_queue_copy(&q, "", 0);
	send_queue_copy(&q, "c", 1);
	send_queue_borrow(&q, SLICE("def"));
	send_queue_borrow(&q, SLICE(""));
	send_queue_copy(&q, "gh", 2);
	assert_int_equal(q.len, 8);
	assert_int_equal(send_queue_gather(&q, iov, 8), 3);
	assert_int_equal(send_queue_gather(&q, iov, 2), 2);
	assert_int_equal(iov[0].iov_len, 3);
	send_queue_consume(&q, 4);
	assert_int_equal(send_queue_gather(&q, iov, 8), 2);
	assert_memory_equal(iov[0].iov_base, "ef", 2);
	send_queue_copy(&q, "i", 1);
	assert_int_equal(send_queue_read(&q, out, 3), 3);
	assert_int_equal(send_queue_read(&q, out + 3, sizeof(out) - 3), 2);
	assert_string_equal(out, "efghi");
	assert_int_equal(q.len, 0);
	assert_null(q.first);
}

static void owning_outlives_the_lender(void **state)
{
	struct send_queue q = { 0 };
	char lent[] = "lent", out[16] = "";

	send_queue_copy(&q, "own ", 4);
	send_queue_borrow(&q, slice_of(lent, 4));
	send_queue_consume(&q, 5);
	send_queue_own(&q);
	memset(lent, 'x', 4);
	assert_int_equal(send_queue_read(&q, out, sizeof(out)), 3);
	assert_string_equal(out, "ent");
	send_queue_own(&q);
	send_queue_clear(&q);
}

static void large_amounts_pass(void **state)
{
	struct send_queue q = { 0 };
	size_t len = 100000, taken = 0;
	char *in = xmalloc(len), *out = xmalloc(len);

	for (size_t i = 0; i < len; i++)
		in[i] = (char)(i * 31);
	for (size_t at = 0, step = 1; at < len; at += step, step = step % 7777 + 13)
		send_queue_copy(&q, in + at, at + step > len ? len - at : step);
	for (size_t step = 1; taken < len; step = step % 5555 + 7)
		taken += send_queue_read(&q, out + taken, taken + step > len ? len - taken : step);
	assert_memory_equal(in, out, len);
	assert_int_equal(q.len, 0);
	free(in);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_and_borrowed_pieces_keep_their_order),
		cmocka_unit_test(owning_outlives_the_lender),
		cmocka_unit_test(large_amounts_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
