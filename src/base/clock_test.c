/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and the formats of the wall clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "base/clock.h"

static void never_goes_back(void **state)
{
	int64_t before = clock_now_ns();
	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_now_ns();
		assert_true(now >= before);
		before = now;
	}
	assert_true(clock_wall_ms() > INT64_C(1700000000000));
}

static void formats_wall_time(void **state)
{
	static const struct { int64_t ms; const char *text; } cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ INT64_C(1709210096789), "2024-02-29T12:34:56.789Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ INT64_MAX, "0000-00-00T00:00:00.000Z" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[25];
		clock_format_wall(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void reads_http_dates(void **state)
{
	/* The examples of RFC 9110 §5.6.7. */
	assert_int_equal(clock_parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
	assert_int_equal(clock_parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
	assert_int_equal(clock_parse_http_date("Sun Nov  6 08:49:37 1994"), 784111777);
	assert_int_equal(clock_parse_http_date("Thu, 29 Feb 2024 23:59:60 GMT"), 1709251200);

	static const char *const wrong[] = {
		"", "120", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Nov 1994 08:49:37 CET",
		"Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1960 08:49:37 GMT", "Sun, 06 Nov 1994 08:-1:37 GMT", "Sunday, 06-Nov--4 08:49:37 GMT",
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_int_equal(clock_parse_http_date(wrong[i]), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_goes_back), cmocka_unit_test(formats_wall_time), cmocka_unit_test(reads_http_dates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
