/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader against yyjson: the known cases, all their beginnings, and random damage to them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "json/json_cases.h"
#include "json/json_oracle.h"
#include "json/seed_support.h"

static void compare_beginnings(struct slice text)
{
	for (size_t len = 0; len <= text.len; len++) {
		/* A copy of its own, so that reading one byte too far is seen. */
		char *copy = xmalloc(len > 0 ? len : 1);

		memcpy(copy, text.ptr, len);
		oracle_compare(slice_of(copy, len));
		free(copy);
	}
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < COUNT_OF(json_accepted); i++) {
		assert_true(oracle_compare(json_accepted[i]));
		compare_beginnings(json_accepted[i]);
	}
	for (size_t i = 0; i < COUNT_OF(json_refused); i++) {
		assert_false(oracle_compare(json_refused[i]));
		compare_beginnings(json_refused[i]);
	}
}

static void test_damaged(void **state)
{
	static const char bytes[] = "{}[],:\"\\u0d8e-.+ \t\n\x01\x7f\x80\xbf\xc3\xe0\xed\xf0\xf4\xff";

	srandom(test_seed());
	for (unsigned i = 0; i < 50000; i++) {
		struct slice from = json_accepted[(size_t)random() % COUNT_OF(json_accepted)];
		char *copy = xmalloc(from.len);

		memcpy(copy, from.ptr, from.len);
		for (long damage = random() % 3; damage >= 0; damage--)
			copy[(size_t)random() % from.len] = bytes[(size_t)random() % (sizeof(bytes) - 1)];
		oracle_compare(slice_of(copy, from.len));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_damaged) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
