/* SPDX-License-Identifier: Apache-2.0 */
/* Putting usage reports together. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "llm/usage.h"

/* Anthropic says input at the start and output, cumulatively, at the end. */
static void test_later_reports_replace(void **state)
{
	struct usage u = { 0 }, later;

	usage_init_absent(&later);
	later.reported = true;
	later.input = 100;
	later.input_cached = 40;
	later.output = 1;
	usage_update(&u, &later);
	usage_init_absent(&later);
	later.reported = true;
	later.output = 25;
	usage_update(&u, &later);
	assert_true(u.reported);
	assert_int_equal(u.input, 100);
	assert_int_equal(u.input_cached, 40);
	assert_int_equal(u.output, 25);
	later.output = 0;
	usage_update(&u, &later);
	assert_int_equal(u.output, 0);
}

static void test_nothing_said_changes_nothing(void **state)
{
	struct usage u = { .input = 5, .output = 6 }, later;

	usage_init_absent(&later);
	usage_update(&u, &later);
	assert_false(u.reported || u.estimated);
	assert_int_equal(u.input, 5);
	assert_int_equal(u.output, 6);
}

static void test_a_report_ends_the_estimate(void **state)
{
	struct usage u = { 0 }, later;

	usage_init_absent(&later);
	later.estimated = true;
	later.input = 90;
	usage_update(&u, &later);
	assert_true(u.estimated && !u.reported);
	usage_init_absent(&later);
	later.reported = true;
	later.input = 100;
	usage_update(&u, &later);
	assert_true(u.reported && !u.estimated);
	assert_int_equal(u.input, 100);
}

static void test_clamp(void **state)
{
	struct usage u = {
		.input = 100, .input_cached = 80, .input_written_5m = 30, .input_written_1h = 5, .input_audio = 200,
		.output = 10, .output_reasoning = 11, .output_audio = -1, .input_cached_audio = 90, .input_image = 7,
		.input_tool = 101, .output_image = 3, .web_searches = -2,
	};

	usage_clamp(&u);
	assert_int_equal(u.input_cached, 80);
	assert_int_equal(u.input_written_5m, 20);
	assert_int_equal(u.input_written_1h, 0);
	assert_int_equal(u.input_audio, 100);
	assert_int_equal(u.output_reasoning, 10);
	assert_int_equal(u.output_audio, 0);
	assert_int_equal(u.input_cached_audio, 80);
	assert_int_equal(u.input_image, 0);
	assert_int_equal(u.input_tool, 100);
	assert_int_equal(u.output_image, 0);
	assert_int_equal(u.web_searches, 0);
	usage_init_absent(&u);
	usage_clamp(&u);
	assert_int_equal(u.input, 0);
	assert_int_equal(u.output, 0);
	assert_int_equal(u.input_cached, 0);
}

/* The reasoning, the sound and the pictures of an answer are different tokens of it. */
static void test_parts_of_the_output_do_not_overlap(void **state)
{
	struct usage u = { .output = 100, .output_reasoning = 60, .output_audio = 50, .output_image = 30 };

	usage_clamp(&u);
	assert_int_equal(u.output_reasoning, 60);
	assert_int_equal(u.output_audio, 40);
	assert_int_equal(u.output_image, 0);
}

static void test_service_tier_is_kept(void **state)
{
	struct usage u = { 0 }, later;

	usage_init_absent(&later);
	later.service = SERVICE_FLEX;
	later.web_searches = 2;
	usage_update(&u, &later);
	usage_init_absent(&later);
	usage_update(&u, &later);
	assert_int_equal(u.service, SERVICE_FLEX);
	assert_int_equal(u.web_searches, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_later_reports_replace), cmocka_unit_test(test_nothing_said_changes_nothing),
		cmocka_unit_test(test_a_report_ends_the_estimate), cmocka_unit_test(test_clamp),
		cmocka_unit_test(test_parts_of_the_output_do_not_overlap), cmocka_unit_test(test_service_tier_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
