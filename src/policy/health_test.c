/* SPDX-License-Identifier: Apache-2.0 */
/* What checks find becomes what is believed of a place; time is a number that the tests count themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "policy/health.h"

#define START (1000 * NS_PER_S)
#define EVERY (30 * NS_PER_S)

static struct binding bindings[] = { { .identity = 11 }, { .identity = 12 } };
static const struct provider checked = { .health = HEALTH_CONNECT, .bindings = bindings, .binding_count = 2 };
static const struct provider unchecked = { .health = HEALTH_OFF, .bindings = bindings, .binding_count = 2 };

static enum health_change tell(struct health *h, uint64_t place, bool works, int64_t now)
{
	const struct health_report r = {
		.place = place, .label = SLICE("box (127.0.0.1)"), .works = works, .asked_ns = now - NS_PER_MS,
		.next_ns = now + EVERY, .believed_until_ns = now + 2 * EVERY,
	};

	return health_tell(h, &r, now);
}

static struct health_signs look(struct health *h, const struct provider *p, unsigned binding, int64_t now)
{
	struct health_signs signs;

	health_look(h, p, &p->bindings[binding], now, &signs);
	return signs;
}

static void test_two_failures_in_a_row(void **state)
{
	struct health *h = health_new();

	assert_false(look(h, &checked, 0, START).down);
	assert_int_equal(tell(h, 11, false, START), HEALTH_SAME);
	assert_false(look(h, &checked, 0, START).down);
	assert_int_equal(tell(h, 11, true, START + 1), HEALTH_SAME);
	assert_int_equal(tell(h, 11, false, START + 2), HEALTH_SAME);
	assert_int_equal(tell(h, 11, false, START + 3), HEALTH_WENT_DOWN);
	assert_int_equal(tell(h, 11, false, START + 4), HEALTH_SAME);
	assert_true(look(h, &checked, 0, START + 4).down);
	assert_int_equal(look(h, &checked, 0, START + 4).next_ns, START + 4 + EVERY);
	assert_false(look(h, &checked, 1, START + 4).down); /* another base of the same provider */
	assert_int_equal(tell(h, 11, true, START + 5), HEALTH_CAME_BACK);
	assert_false(look(h, &checked, 0, START + 5).down);
	assert_int_equal(look(h, &checked, 0, START + 5).worked_ns, START + 5 - NS_PER_MS);
	assert_int_equal(tell(h, 11, false, START + 6), HEALTH_SAME); /* counts from the beginning */
	health_free(h);
}

static void test_not_looked_at_without_checks(void **state)
{
	struct health *h = health_new();

	tell(h, 11, false, START);
	tell(h, 11, false, START);
	assert_true(look(h, &checked, 0, START).down);
	assert_false(look(h, &unchecked, 0, START).down);
	health_free(h);
}

static void test_nobody_checks_any_more(void **state)
{
	struct health *h = health_new();

	tell(h, 11, false, START);
	tell(h, 11, false, START);
	assert_true(look(h, &checked, 0, START + 2 * EVERY - 1).down);
	assert_false(look(h, &checked, 0, START + 2 * EVERY).down);
	/* The checks begin again: one failure is not two. */
	assert_int_equal(tell(h, 11, false, START + 3 * EVERY), HEALTH_SAME);
	assert_false(look(h, &checked, 0, START + 3 * EVERY).down);
	health_free(h);
}

static void count_down(const struct health_view *v, void *ctx)
{
	unsigned *counts = ctx;

	assert_string_equal(v->label, "box (127.0.0.1)");
	assert_int_equal(v->checked_ms, 5000);
	counts[v->down]++;
}

static void test_each(void **state)
{
	struct health *h = health_new();
	unsigned counts[2] = { 0 };

	tell(h, 11, false, START);
	tell(h, 11, false, START);
	tell(h, 12, true, START);
	health_each(h, START + 5 * NS_PER_S, count_down, counts);
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[1], 1);
	health_each(h, START + 2 * EVERY, count_down, counts); /* nobody is being checked any more */
	assert_int_equal(counts[0] + counts[1], 2);
	health_free(h);
}

static void test_bounded(void **state)
{
	struct health *h = health_new();

	for (uint64_t i = 1; i <= 4 * HEALTH_MAX; i++)
		tell(h, i * UINT64_C(0x9e3779b97f4a7c15), i % 2, START);
	health_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_failures_in_a_row),
		cmocka_unit_test(test_not_looked_at_without_checks),
		cmocka_unit_test(test_nobody_checks_any_more),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
