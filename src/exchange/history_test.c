/* SPDX-License-Identifier: Apache-2.0 */
/* The last requests: found by their ids, the newest first, bounded in number and bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "exchange/history.h"

static void keep(struct history *h, unsigned number, struct slice line)
{
	struct record r = { .wall_ms = number, .config_version = 3 };

	snprintf(r.request_id, sizeof(r.request_id), "req_%u", number);
	history_keep(h, &r, line, NULL);
}

static const struct history_entry *find(const struct history *h, unsigned number)
{
	char id[RECORD_ID_MAX];

	snprintf(id, sizeof(id), "req_%u", number);
	return history_find(h, slice_cstr(id));
}

static void the_newest_are_kept(void **state)
{
	struct history h = { 0 };

	assert_null(find(&h, 0));
	assert_null(history_newest(&h, 0));
	for (unsigned i = 0; i < 2 * HISTORY_MAX + 10; i++) {
		keep(&h, i, SLICE("{}"));
		assert_int_equal(history_newest(&h, 0)->wall_ms, i);
	}
	assert_int_equal(h.count, HISTORY_MAX);
	assert_null(find(&h, HISTORY_MAX + 9));
	assert_int_equal(find(&h, HISTORY_MAX + 10)->wall_ms, HISTORY_MAX + 10);
	assert_int_equal(history_newest(&h, HISTORY_MAX - 1)->wall_ms, HISTORY_MAX + 10);
	assert_null(history_newest(&h, HISTORY_MAX));
	history_done(&h);
	assert_null(find(&h, HISTORY_MAX + 10));
}

static void bytes_are_bounded(void **state)
{
	static const size_t size = 300 << 10;
	char *line = xcalloc(1, size);
	struct history h = { 0 };

	memset(line, ' ', size);
	for (unsigned i = 0; i < 100; i++)
		keep(&h, i, slice_of(line, size));
	assert_true(h.bytes <= HISTORY_BYTES_MAX);
	assert_int_equal(h.count, HISTORY_BYTES_MAX / size);
	assert_non_null(find(&h, 99));
	keep(&h, 100, SLICE("{\"a\":1}"));
	assert_true(slice_eq(find(&h, 100)->line, SLICE("{\"a\":1}")));
	assert_int_equal(find(&h, 100)->config_version, 3);
	history_done(&h);
	assert_int_equal(h.bytes, 0);
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_newest_are_kept), cmocka_unit_test(bytes_are_bounded) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
