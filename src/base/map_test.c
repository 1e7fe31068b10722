/* SPDX-License-Identifier: Apache-2.0 */
/* Maps: against a plain array through many random puts and removals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/cleanup.h"
#include "base/map.h"
#include "base/random.h"

enum { KEYS = 500 };

static void behaves_like_an_array(void **state)
{
	static char keys[KEYS][16];
	int values[KEYS], *present[KEYS] = { 0 };
	struct map m;
	size_t count = 0;

	map_init(&m);
	assert_null(map_get(&m, SLICE("x")));
	assert_null(map_remove(&m, SLICE("x")));
	for (int i = 0; i < KEYS; i++)
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
	for (int round = 0; round < 50000; round++) {
		size_t i = random_below(KEYS);
		struct slice key = slice_cstr(keys[i]);
		assert_ptr_equal(map_get(&m, key), present[i]);
		if (random_below(2) == 0) {
			assert_ptr_equal(map_put(&m, key, &values[i]), present[i]);
			count += !present[i];
			present[i] = &values[i];
		} else {
			assert_ptr_equal(map_remove(&m, key), present[i]);
			count -= present[i] != NULL;
			present[i] = NULL;
		}
		assert_int_equal(m.count, count);
	}
	size_t position = 0, seen = 0;
	for (const struct map_entry *e; (e = map_next(&m, &position)); seen++)
		assert_ptr_equal(present[(int *)e->value - values], e->value);
	assert_int_equal(seen, count);
	map_done(&m);
	assert_null(map_get(&m, SLICE("k1")));
}

static void keys_may_be_empty_or_binary(void **state)
{
	struct map m;
	int a, b, c;
	map_init(&m);
	assert_null(map_put(&m, slice_of(NULL, 0), &a));
	assert_null(map_put(&m, slice_of("\0", 1), &b));
	assert_null(map_put(&m, slice_of("\0\0", 2), &c));
	assert_ptr_equal(map_get(&m, SLICE("")), &a);
	assert_ptr_equal(map_get(&m, slice_of("\0", 1)), &b);
	assert_ptr_equal(map_remove(&m, SLICE("")), &a);
	assert_ptr_equal(map_get(&m, slice_of("\0\0", 2)), &c);
	map_done(&m);
}

static void hash_depends_on_every_byte(void **state)
{
	char text[40] = { 0 };
	for (size_t len = 0; len < sizeof(text); len++) {
		uint64_t h = hash_bytes(slice_of(text, len));
		assert_true(h == hash_bytes(slice_of(text, len)));
		assert_true(h != hash_bytes(slice_of(text, len + 1 <= sizeof(text) ? len + 1 : 0)));
		for (size_t i = 0; i < len; i++) {
			text[i] = 1;
			assert_true(h != hash_bytes(slice_of(text, len)));
			text[i] = 0;
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(behaves_like_an_array), cmocka_unit_test(keys_may_be_empty_or_binary),
		cmocka_unit_test(hash_depends_on_every_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
