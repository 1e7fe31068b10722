/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges, shares, hours, weights and decimals: each notation, good and bad. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "config/config_notation.h"

static void test_decimals(void **state)
{
	static const struct { const char *text; unsigned places; bool good; uint64_t value; } cases[] = {
		{ "0", 0, true, 0 },          { "7", 2, true, 700 },
		{ "2.5", 1, true, 25 },       { "2.5", 6, true, 2500000 },
		{ "0.05", 6, true, 50000 },   { "999999999999", 6, true, UINT64_C(999999999999000000) },
		{ "2.5", 0, false, 0 },       { "2.55", 1, false, 0 },
		{ "", 2, false, 0 },          { ".", 2, false, 0 },
		{ ".5", 2, false, 0 },        { "5.", 2, false, 0 },
		{ "-1", 2, false, 0 },        { "+1", 2, false, 0 },
		{ "1e3", 2, false, 0 },       { "1.2.3", 4, false, 0 },
		{ "1 ", 2, false, 0 },        { "9999999999999", 6, false, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t value = 0;
		bool good = decimal_parse(slice_cstr(cases[i].text), cases[i].places, &value);

		if (good != cases[i].good)
			print_message("'%s'\n", cases[i].text);
		assert_int_equal(good, cases[i].good);
		if (good)
			assert_true(value == cases[i].value);
	}
}

static void test_ranges(void **state)
{
	static const struct { const char *text; int64_t low, high; } good[] = {
		{ "<2000", 0, 1999 },         { "<=2000", 0, 2000 },
		{ ">2000", 2001, INT64_MAX }, { ">=2000", 2000, INT64_MAX },
		{ "1000..2000", 1000, 2000 }, { "1000-2000", 1000, 2000 },
		{ "7", 7, 7 },                { " < 5 ", 0, 4 },
		{ "0..0", 0, 0 },             { ">=0", 0, INT64_MAX },
	};
	static const char *const bad[] = { "", "<", "<0", ">", "~2", "2..1", "a..b", "..", "1..", "..2", "<-1", "1..2..3",
					   "<99999999999999999999", "= 5", "5k" };
	struct token_range range;

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_true(range_parse(slice_cstr(good[i].text), &range));
		assert_true(range.low == good[i].low && range.high == good[i].high);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(range_parse(slice_cstr(bad[i]), &range));
}

static void test_shares(void **state)
{
	static const struct { const char *text; uint32_t share; } good[] = {
		{ "5%", 50000 },    { "0.5%", 5000 },     { "0.0001%", 1 },         { "100%", SHARE_WHOLE },
		{ "0%", 0 },        { "0.05", 50000 },    { "0.000001", 1 },        { "1", SHARE_WHOLE },
		{ "1.0", SHARE_WHOLE }, { " 5 % ", 50000 }, { "12.3456%", 123456 }, { "0", 0 },
	};
	static const char *const bad[] = { "", "%", "101%", "100.0001%", "1.000001", "5", "-1%", "5 percent", "0.00001%",
					   "0.0000001", "1e-3", "5%%" };
	uint32_t share;

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_true(share_parse(slice_cstr(good[i].text), &share));
		assert_int_equal(share, good[i].share);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(share_parse(slice_cstr(bad[i]), &share));
}

static void test_hours(void **state)
{
	static const struct { const char *text; uint32_t hours; } good[] = {
		{ "0", 1 },
		{ "23", 1u << 23 },
		{ "9", 1u << 9 },
		{ "8..10", 0x700 },
		{ "8-10", 0x700 },
		{ "22..1", 0xC00003 },
		{ "0..23", 0xFFFFFF },
		{ "5..5", 1u << 5 },
		{ "9..8", 0xFFFFFF },
		{ " 8 .. 9 ", 0x300 },
	};
	static const char *const bad[] = { "", "24", "8..24", "-1", "8..", "..8", "8:30", "noon", "8..10..12", "8,9" };
	uint32_t hours;

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_true(hours_parse(slice_cstr(good[i].text), &hours));
		assert_int_equal(hours, good[i].hours);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(hours_parse(slice_cstr(bad[i]), &hours));
}

static void test_weights(void **state)
{
	static const char *const bad[] = { "", "/", "10/", "/10", "10//20", "a/b", "-1/2", "1000001", "1/2/3/4", "0.5/0.5" };
	uint32_t weights[3];
	unsigned count;

	assert_true(weights_parse(SLICE("10/90"), 3, weights, &count));
	assert_int_equal(count, 2);
	assert_int_equal(weights[0], 10);
	assert_int_equal(weights[1], 90);
	assert_true(weights_parse(SLICE(" 0 / 1 / 1000000 "), 3, weights, &count));
	assert_int_equal(count, 3);
	assert_int_equal(weights[2], WEIGHT_MAX);
	assert_true(weights_parse(SLICE("5"), 3, weights, &count));
	assert_int_equal(count, 1);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(weights_parse(slice_cstr(bad[i]), 3, weights, &count));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decimals), cmocka_unit_test(test_ranges),  cmocka_unit_test(test_shares),
		cmocka_unit_test(test_hours),    cmocka_unit_test(test_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
