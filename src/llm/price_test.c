/* SPDX-License-Identifier: Apache-2.0 */
/* What usage costs, to the nano-dollar. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "llm/price.h"

static const int64_t USD = 1000000000; /* per million tokens */

/* $3 in, $15 out, $0.30 cached, $3.75 and $6 written; over 200k tokens $6, $22.50, $0.60. */
static const struct price full = {
	.input = 3000000000, .output = 15000000000, .cached = 300000000, .written_5m = 3750000000, .written_1h = 6000000000,
	.cliff_tokens = 200000, .cliff_input = 6000000000, .cliff_output = 22500000000, .cliff_cached = 600000000,
};

static void assert_cost(const struct price *p, struct usage u, int64_t nano_usd)
{
	assert_int_equal(price_cost(p, &u), nano_usd);
}

static void test_parts(void **state)
{
	assert_cost(&full, (struct usage){ 0 }, 0);
	assert_cost(&full, (struct usage){ .input = 1000000 / 10, .output = 100 }, 3 * USD / 10 + 1500000);
	/* 1000 = 600 fresh + 200 cached + 150 + 50 written */
	assert_cost(&full, (struct usage){ .input = 1000, .input_cached = 200, .input_written_5m = 150, .input_written_1h = 50, .output = 10,
					   .output_reasoning = 9 },
		    600 * 3000 + 200 * 300 + 150 * 3750 + 50 * 6000 + 10 * 15000);
}

static void test_missing_rates_fall_back(void **state)
{
	struct price p = { .input = 2 * USD, .output = 8 * USD, .cached = PRICE_UNKNOWN, .written_5m = PRICE_UNKNOWN,
			   .written_1h = PRICE_UNKNOWN };

	assert_cost(&p, (struct usage){ .input = 1000, .input_cached = 500, .input_written_5m = 200, .input_written_1h = 300 }, 1000 * 2000);
	p.cached = 0;
	assert_cost(&p, (struct usage){ .input = 1000, .input_cached = 500 }, 500 * 2000);
}

static void test_unknown_is_never_zero(void **state)
{
	struct price p = { .input = PRICE_UNKNOWN, .output = PRICE_UNKNOWN, .cached = PRICE_UNKNOWN };

	assert_cost(&p, (struct usage){ .input = 1 }, PRICE_UNKNOWN);
	assert_cost(&p, (struct usage){ .output = 1 }, PRICE_UNKNOWN);
	assert_cost(&p, (struct usage){ .input = 1, .input_cached = 1 }, PRICE_UNKNOWN);
	p.input = USD;
	/* An embedding needs no output rate. */
	assert_cost(&p, (struct usage){ .input = 7 }, 7000);
	assert_cost(&p, (struct usage){ .input = 7, .output = 1 }, PRICE_UNKNOWN);
}

static void test_cliff_is_for_the_whole_request(void **state)
{
	struct usage u = { .input = 200000, .input_cached = 100000, .output = 1000 };

	assert_cost(&full, u, 100000LL * 3000 + 100000LL * 300 + 1000LL * 15000);
	u.input++;
	assert_cost(&full, u, 100001LL * 6000 + 100000LL * 600 + 1000LL * 22500);
	/* Cached tokens count towards the line; writing the cache stays 1.25 and 2 times the input rate. */
	u = (struct usage){ .input = 300000, .input_cached = 299000, .input_written_5m = 600, .input_written_1h = 400 };
	assert_cost(&full, u, 299000LL * 600 + 600LL * 7500 + 400LL * 12000);
}

static void test_unknown_rates_past_the_cliff(void **state)
{
	struct price p = full;

	p.cliff_cached = p.written_5m = PRICE_UNKNOWN;
	assert_cost(&p, (struct usage){ .input = 300000, .input_cached = 200000, .input_written_5m = 100000 }, 300000LL * 6000);
	p.cliff_output = PRICE_UNKNOWN;
	assert_cost(&p, (struct usage){ .input = 300000, .output = 1 }, PRICE_UNKNOWN);
	assert_cost(&p, (struct usage){ .input = 3000, .output = 1 }, 3000 * 3000 + 15000);
}

static void test_rounding_half_up_once(void **state)
{
	struct price p = { .input = 500000, .output = 499999 };       /* half a nano-dollar a token, and a little less */

	assert_cost(&p, (struct usage){ .input = 1 }, 1);
	assert_cost(&p, (struct usage){ .input = 3 }, 2);
	assert_cost(&p, (struct usage){ .output = 1 }, 0);
	/* Both together are 0.999999, not 1 + 0. */
	assert_cost(&p, (struct usage){ .input = 1, .output = 1 }, 1);
	p.input = 400000;
	assert_cost(&p, (struct usage){ .input = 1, .output = 1 }, 1);
	assert_cost(&p, (struct usage){ .input = 1 }, 0);
}

static void test_nonsense_is_survived(void **state)
{
	struct price p = { .input = INT64_MAX, .output = INT64_MAX };

	assert_cost(&full, (struct usage){ .input = -5, .output = -1 }, 0);
	assert_cost(&full, (struct usage){ .input = 10, .input_cached = 100 }, 10 * 300);
	assert_cost(&p, (struct usage){ .input = INT64_MAX, .output = INT64_MAX }, INT64_MAX);
}

static void test_money_format(void **state)
{
	char text[MONEY_TEXT_MAX];

	assert_string_equal(money_format(0, text), "0.000000000");
	assert_string_equal(money_format(1234567, text), "0.001234567");
	assert_string_equal(money_format(12 * USD + 1, text), "12.000000001");
	assert_string_equal(money_format(INT64_MAX, text), "9223372036.854775807");
	assert_string_equal(money_format(PRICE_UNKNOWN, text), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts), cmocka_unit_test(test_missing_rates_fall_back), cmocka_unit_test(test_unknown_is_never_zero),
		cmocka_unit_test(test_cliff_is_for_the_whole_request), cmocka_unit_test(test_unknown_rates_past_the_cliff),
		cmocka_unit_test(test_rounding_half_up_once), cmocka_unit_test(test_nonsense_is_survived), cmocka_unit_test(test_money_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
