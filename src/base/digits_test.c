/* SPDX-License-Identifier: Apache-2.0 */
/* The same texts as printf's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include "base/cleanup.h"
#include "base/digits.h"

static const uint64_t numbers[] = { 0, 1, 9, 10, 99, 100, 999, 1000, 1001, 12345, 4095, 4096, 9999, 10000, 65536, 99999, 100000, 99999999, 100000000,
				    9999999999999999, 10000000000000000, 1ull << 32, INT64_MAX, UINT64_MAX };

static void as_printf_writes_them(void **state)
{
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		for (unsigned width = 0; width <= DIGITS_MAX; width++) {
			char expected[64], got[64];

			snprintf(expected, sizeof(expected), "%0*" PRIu64, (int)(width ? width : 1), numbers[i]);
			*digits_put(got, numbers[i], width) = '\0';
			assert_string_equal(got, expected);
			snprintf(expected, sizeof(expected), "%0*" PRIx64, (int)(width ? width : 1), numbers[i]);
			*digits_put_hex(got, numbers[i], width) = '\0';
			assert_string_equal(got, expected);
		}
	}
}

static void thousandths_have_three_decimals(void **state)
{
	static const struct { uint64_t n; const char *text; } cases[] = {
		{ 0, "0.000" }, { 7, "0.007" }, { 1000, "1.000" }, { 12345, "12.345" }, { UINT64_MAX, "18446744073709551.615" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char got[64];

		*digits_put_thousandths(got, cases[i].n) = '\0';
		assert_string_equal(got, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_printf_writes_them),
		cmocka_unit_test(thousandths_have_three_decimals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
