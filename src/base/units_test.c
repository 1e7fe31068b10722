/* SPDX-License-Identifier: Apache-2.0 */
/* Durations: what is read, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/units.h"

static void test_durations(void **state)
{
	static const struct { const char *text; int64_t ms; } cases[] = {
		{ "250ms", 250 }, { "20s", 20000 }, { "1.5s", 1500 }, { "10m", 600000 }, { "2h", 7200000 }, { "0s", 0 },
		{ "1d", 86400000 }, { "0.25s", 250 }, { "0.5ms", 0 },
		{ "", -1 }, { "20", -1 }, { "s", -1 }, { "-1s", -1 }, { "1 s", -1 }, { "1.s", -1 }, { ".5s", -1 }, { "1.2345s", -1 },
		{ "99999999999999999999s", -1 }, { "40000d", -1 }, { "1S", -1 }, { "1.2.3s", -1 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t ms = -1;

		assert_int_equal(duration_parse(slice_cstr(cases[i].text), &ms), cases[i].ms >= 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_durations) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
