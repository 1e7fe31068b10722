/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, with and without what it should have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base64.h"

static void test_decoding(void **state)
{
	static const struct { const char *text, *bytes; } rows[] = {
		{ "", "" }, { "YQ==", "a" }, { "YQ", "a" }, { "YWI=", "ab" }, { "YWJj", "abc" }, { "YWJj\r\nZA==\n", "abcd" },
		{ "_-8=", "\xff\xef" }, { "/+8", "\xff\xef" }, { "Y", NULL }, { "YQ=a", NULL }, { "Y Q=", NULL }, { "Y\"", NULL },
	};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct slice got;
		bool ok = base64_decode(slice_cstr(rows[i].text), &a, &got);

		assert_int_equal(ok, rows[i].bytes != NULL);
		assert_true(!ok || slice_eq(got, slice_cstr(rows[i].bytes)));
	}
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_decoding) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
