/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the breakers; time is a number that the tests count themselves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/clock.h"
#include "policy/breaker.h"

#define KEY UINT64_C(0x123456789abcdef0)
#define START (1000 * NS_PER_S)

/* What the tests' one probe is called to answer for. */
static bool probe_is_out;

static enum breaker_pass ask(struct breakers *b, int64_t now)
{
	enum breaker_pass pass = breaker_ask(b, KEY, SLICE("box"), SLICE("model"), now);

	probe_is_out |= pass == BREAKER_PROBE;
	return pass;
}

static void report(struct breakers *b, enum breaker_verdict verdict, int64_t now)
{
	breaker_report(b, KEY, probe_is_out, verdict, -1, now);
	probe_is_out = false;
}

/* From a request that was under way before the breaker opened. */
static void report_late(struct breakers *b, enum breaker_verdict verdict, int64_t now)
{
	breaker_report(b, KEY, false, verdict, -1, now);
}

static void report_times(struct breakers *b, enum breaker_verdict verdict, unsigned times, int64_t now)
{
	while (times-- > 0)
		report(b, verdict, now);
}

static enum breaker_state look(struct breakers *b, int64_t now)
{
	int64_t until;
	bool limited;

	return breaker_look(b, KEY, now, &until, &limited);
}

/* How long it stays open from `now` on, in seconds. */
static int64_t open_for(struct breakers *b, int64_t now)
{
	int64_t until;
	bool limited;

	assert_int_equal(breaker_look(b, KEY, now, &until, &limited), BREAKER_OPEN);
	return (until - now) / NS_PER_S;
}

static bool is_limited(struct breakers *b, int64_t now)
{
	int64_t until;
	bool limited;

	breaker_look(b, KEY, now, &until, &limited);
	return limited;
}

static int set_up(void **state)
{
	*state = breakers_new();
	probe_is_out = false;
	return 0;
}

static int tear_down(void **state)
{
	return breakers_free(*state) != NULL;
}

static void test_opens_at_half(void **state)
{
	struct breakers *b = *state;

	report_times(b, BREAKER_FAULT, 4, START);
	assert_int_equal(look(b, START), BREAKER_CLOSED);
	assert_int_equal(ask(b, START), BREAKER_PASS);
	report(b, BREAKER_FAULT, START);
	assert_int_equal(open_for(b, START), 5);
	assert_int_equal(ask(b, START), BREAKER_REFUSED);
}

static void test_stays_closed_below_half(void **state)
{
	struct breakers *b = *state;

	report_times(b, BREAKER_OK, 6, START);
	report_times(b, BREAKER_FAULT, 5, START);
	assert_int_equal(look(b, START), BREAKER_CLOSED);
	report(b, BREAKER_FAULT, START);
	assert_int_equal(look(b, START), BREAKER_OPEN);
}

/* A busy target that dies: half of the window would be thousands of requests. */
static void test_opens_at_a_row_of_faults(void **state)
{
	struct breakers *b = *state;

	report_times(b, BREAKER_OK, 1000, START);
	report_times(b, BREAKER_FAULT, 9, START);
	report(b, BREAKER_OK, START);
	report_times(b, BREAKER_FAULT, 9, START + NS_PER_S);
	assert_int_equal(look(b, START + NS_PER_S), BREAKER_CLOSED);
	report_times(b, BREAKER_NEUTRAL, 5, START + NS_PER_S);
	report(b, BREAKER_FAULT, START + NS_PER_S);
	assert_int_equal(look(b, START + NS_PER_S), BREAKER_OPEN);
	assert_false(is_limited(b, START + NS_PER_S));
	/* Its probe works: the row is over. */
	assert_int_equal(ask(b, START + 6 * NS_PER_S), BREAKER_PROBE);
	report(b, BREAKER_OK, START + 6 * NS_PER_S);
	report_times(b, BREAKER_OK, 1000, START + 6 * NS_PER_S);
	report_times(b, BREAKER_LIMITED, 9, START + 7 * NS_PER_S);
	assert_int_equal(look(b, START + 7 * NS_PER_S), BREAKER_CLOSED);
	report(b, BREAKER_LIMITED, START + 7 * NS_PER_S);
	assert_true(is_limited(b, START + 7 * NS_PER_S));
}

static void test_neutral_never_counts(void **state)
{
	struct breakers *b = *state;

	report_times(b, BREAKER_NEUTRAL, 100, START);
	report_times(b, BREAKER_FAULT, 4, START);
	assert_int_equal(look(b, START), BREAKER_CLOSED);
}

static void test_window_forgets(void **state)
{
	struct breakers *b = *state;

	report_times(b, BREAKER_FAULT, 4, START);
	report(b, BREAKER_FAULT, START + 31 * NS_PER_S);
	assert_int_equal(look(b, START + 31 * NS_PER_S), BREAKER_CLOSED);
	report_times(b, BREAKER_FAULT, 3, START + 50 * NS_PER_S);
	assert_int_equal(look(b, START + 50 * NS_PER_S), BREAKER_CLOSED);
	report(b, BREAKER_FAULT, START + 55 * NS_PER_S);
	assert_int_equal(look(b, START + 55 * NS_PER_S), BREAKER_OPEN);
}

static void test_single_probe_decides(void **state)
{
	struct breakers *b = *state;
	int64_t now = START + 5 * NS_PER_S;

	report_times(b, BREAKER_FAULT, 5, START);
	assert_int_equal(ask(b, now - 1), BREAKER_REFUSED);
	assert_int_equal(look(b, now), BREAKER_HALF_OPEN);
	assert_int_equal(ask(b, now), BREAKER_PROBE);
	assert_int_equal(ask(b, now), BREAKER_REFUSED);
	report(b, BREAKER_NEUTRAL, now);
	assert_int_equal(ask(b, now), BREAKER_PROBE);
	report(b, BREAKER_OK, now);
	assert_int_equal(look(b, now), BREAKER_CLOSED);
	assert_int_equal(ask(b, now), BREAKER_PASS);
	report_times(b, BREAKER_FAULT, 4, now);
	assert_int_equal(look(b, now), BREAKER_CLOSED);
}

static void test_deadline_doubles(void **state)
{
	static const int64_t seconds[] = { 5, 10, 20, 40, 80, 120, 120, 120 };
	struct breakers *b = *state;
	int64_t now = START;

	report_times(b, BREAKER_FAULT, 4, now);
	for (unsigned i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		report(b, BREAKER_FAULT, now);
		assert_int_equal(open_for(b, now), seconds[i]);
		now += seconds[i] * NS_PER_S;
		assert_int_equal(ask(b, now), BREAKER_PROBE);
	}
	report(b, BREAKER_OK, now);
	report_times(b, BREAKER_FAULT, 5, now + 60 * NS_PER_S);
	assert_int_equal(open_for(b, now + 60 * NS_PER_S), 120);
}

static void test_deadline_is_forgotten(void **state)
{
	struct breakers *b = *state;
	int64_t now = START + 5 * NS_PER_S;

	report_times(b, BREAKER_FAULT, 5, START);
	assert_int_equal(ask(b, now), BREAKER_PROBE);
	report(b, BREAKER_OK, now);
	now += 121 * NS_PER_S;
	report_times(b, BREAKER_FAULT, 5, now);
	assert_int_equal(open_for(b, now), 5);
}

static void test_retry_after_opens_at_once(void **state)
{
	struct breakers *b = *state;

	breaker_report(b, KEY, false, BREAKER_NEUTRAL, 30000, START);
	assert_int_equal(open_for(b, START), 30);
	breaker_report(b, KEY, false, BREAKER_FAULT, 10000, START);
	assert_int_equal(open_for(b, START), 30);
	breaker_report(b, KEY, false, BREAKER_FAULT, 60000, START);
	assert_int_equal(open_for(b, START), 60);
	report(b, BREAKER_OK, START);
	assert_int_equal(open_for(b, START), 60);
	breaker_report(b, KEY, false, BREAKER_FAULT, INT64_MAX, START);
	assert_int_equal(open_for(b, START), 24 * 3600);
}

static void test_retry_after_and_window_take_the_longer(void **state)
{
	struct breakers *b = *state;

	report_times(b, BREAKER_FAULT, 4, START);
	breaker_report(b, KEY, false, BREAKER_FAULT, 1000, START);
	assert_int_equal(open_for(b, START), 5);
}

/* Whose deadline it is decides what the client hears: 429 or 503. */
static void test_limits_are_told_from_faults(void **state)
{
	struct breakers *b = *state;
	int64_t later = START + 200 * NS_PER_S;

	report_times(b, BREAKER_LIMITED, 4, START);
	assert_false(is_limited(b, START));
	report(b, BREAKER_LIMITED, START);
	assert_int_equal(open_for(b, START), 5);
	assert_true(is_limited(b, START));
	/* The probe's word is the last one. */
	assert_int_equal(ask(b, START + 6 * NS_PER_S), BREAKER_PROBE);
	report(b, BREAKER_FAULT, START + 6 * NS_PER_S);
	assert_false(is_limited(b, START + 6 * NS_PER_S));
	assert_int_equal(ask(b, later), BREAKER_PROBE);
	report(b, BREAKER_OK, later);
	assert_false(is_limited(b, later));

	report_times(b, BREAKER_FAULT, 1, later);
	report_times(b, BREAKER_LIMITED, 4, later);
	assert_int_equal(look(b, later), BREAKER_OPEN);
	assert_false(is_limited(b, later));
	breaker_report(b, KEY, false, BREAKER_LIMITED, 1000, later);
	assert_false(is_limited(b, later));
	breaker_report(b, KEY, false, BREAKER_LIMITED, 600000, later);
	assert_true(is_limited(b, later));
}

static void test_only_the_probe_decides(void **state)
{
	struct breakers *b = *state;
	int64_t half_open = START + 6 * NS_PER_S;

	report_times(b, BREAKER_FAULT, 5, START);
	assert_int_equal(ask(b, half_open), BREAKER_PROBE);
	report_late(b, BREAKER_OK, half_open);
	report_late(b, BREAKER_NEUTRAL, half_open);
	assert_int_equal(look(b, half_open), BREAKER_HALF_OPEN);
	assert_int_equal(ask(b, half_open), BREAKER_REFUSED);
	report(b, BREAKER_OK, half_open);
	assert_int_equal(look(b, half_open), BREAKER_CLOSED);
}

static void test_late_reports_decide_nothing(void **state)
{
	struct breakers *b = *state;

	report_times(b, BREAKER_FAULT, 5, START);
	report_times(b, BREAKER_OK, 50, START + NS_PER_S);
	assert_int_equal(look(b, START + NS_PER_S), BREAKER_OPEN);
	report_times(b, BREAKER_FAULT, 50, START + NS_PER_S);
	assert_int_equal(open_for(b, START + NS_PER_S), 4);
}

static void test_force(void **state)
{
	struct breakers *b = *state;
	int64_t now = START + NS_PER_S;

	assert_false(breaker_force(b, KEY, START));
	report_times(b, BREAKER_FAULT, 5, START);
	assert_int_equal(ask(b, now), BREAKER_REFUSED);
	assert_true(probe_is_out = breaker_force(b, KEY, now));
	assert_false(breaker_force(b, KEY, now));
	report(b, BREAKER_FAULT, now);
	assert_int_equal(open_for(b, now), 10);
	assert_true(probe_is_out = breaker_force(b, KEY, now));
	report(b, BREAKER_OK, now);
	assert_int_equal(ask(b, now), BREAKER_PASS);
}

/* What the provider asked for is not forced, and a later shorter wish does not shorten it. */
static void test_hint(void **state)
{
	struct breakers *b = breakers_new();
	int64_t now = START;

	assert_false(breaker_hint(b, KEY, now, now)); /* nothing is known */
	report_times(b, BREAKER_FAULT, 5, now);
	assert_int_equal(look(b, now), BREAKER_OPEN);
	assert_false(breaker_hint(b, KEY, now, now + 1)); /* seen before it opened, or just then */
	assert_int_equal(ask(b, now + 1), BREAKER_REFUSED);
	assert_true(breaker_hint(b, KEY, now + 1, now + 2));
	assert_int_equal(look(b, now + 2), BREAKER_HALF_OPEN);
	assert_int_equal(ask(b, now + 2), BREAKER_PROBE);
	assert_true(breaker_hint(b, KEY, now + 1, now + 3));
	assert_int_equal(ask(b, now + 3), BREAKER_REFUSED); /* one probe only */
	report(b, BREAKER_FAULT, now + 4);
	assert_false(breaker_hint(b, KEY, now + 3, now + 5)); /* the probe knows better, and later */
	assert_int_equal(look(b, now + 5), BREAKER_OPEN);
	assert_true(breaker_hint(b, KEY, now + 5, now + 6));
	assert_int_equal(ask(b, now + 6), BREAKER_PROBE);
	report(b, BREAKER_OK, now + 7);
	assert_int_equal(look(b, now + 7), BREAKER_CLOSED);
	assert_false(breaker_hint(b, KEY, now + 8, now + 8));
	breakers_free(b);
}

static void test_hint_says_nothing_of_rates(void **state)
{
	struct breakers *b = breakers_new();

	report_times(b, BREAKER_LIMITED, 5, START);
	assert_int_equal(look(b, START), BREAKER_OPEN);
	assert_false(breaker_hint(b, KEY, START + 1, START + 2));
	breakers_free(b);
	b = breakers_new();
	report_times(b, BREAKER_FAULT, 5, START);
	breaker_report(b, KEY, false, BREAKER_FAULT, 60000, START); /* the provider said when */
	assert_false(breaker_hint(b, KEY, START + 1, START + 2));
	assert_int_equal(look(b, START + 2), BREAKER_OPEN);
	breakers_free(b);
}

static void test_force_obeys_retry_after(void **state)
{
	struct breakers *b = *state;

	breaker_report(b, KEY, false, BREAKER_FAULT, 30000, START);
	breaker_report(b, KEY, false, BREAKER_FAULT, 1000, START);
	assert_false(breaker_force(b, KEY, START + 29 * NS_PER_S));
	assert_int_equal(ask(b, START + 30 * NS_PER_S), BREAKER_PROBE);
}

static void count_entry(const struct breaker_view *v, void *ctx)
{
	(*(unsigned *)ctx)++;
}

static unsigned count_entries(struct breakers *b, int64_t now)
{
	unsigned count = 0;

	breakers_each(b, now, count_entry, &count);
	return count;
}

static void test_unused_are_dropped(void **state)
{
	struct breakers *b = *state;

	ask(b, START);
	breaker_report(b, ~KEY, false, BREAKER_FAULT, 7200 * 1000, START);
	assert_int_equal(count_entries(b, START), 2);
	assert_int_equal(count_entries(b, START + 3601 * NS_PER_S), 1);
	assert_int_equal(count_entries(b, START + 7201 * NS_PER_S), 0);
}

static void test_table_is_bounded(void **state)
{
	struct breakers *b = *state;

	for (uint64_t i = 0; i < 3 * BREAKERS_MAX; i++)
		breaker_ask(b, breaker_key(SLICE("box"), SLICE(""), i, SLICE("x")), SLICE("box"), SLICE("x"),
			    START + (int64_t)i);
	assert_true(count_entries(b, START) <= BREAKERS_MAX);
	assert_true(count_entries(b, START) > BREAKERS_MAX / 2);
	report_times(b, BREAKER_FAULT, 5, START);
	assert_int_equal(look(b, START), BREAKER_OPEN);
}

static void check_view(const struct breaker_view *v, void *ctx)
{
	assert_string_equal(v->label, "box/model");
	assert_int_equal(v->state, BREAKER_OPEN);
	assert_int_equal(v->open_for_ms, 4000);
	assert_int_equal(v->ok, 1);
	assert_int_equal(v->faults, 4);
	(*(unsigned *)ctx)++;
}

static void test_view(void **state)
{
	struct breakers *b = *state;
	unsigned seen = 0;

	ask(b, START);
	report(b, BREAKER_OK, START);
	report_times(b, BREAKER_FAULT, 4, START);
	breakers_each(b, START + NS_PER_S, check_view, &seen);
	assert_int_equal(seen, 1);
}

static void test_key_is_stable(void **state)
{
	uint64_t key = breaker_key(SLICE("openai"), SLICE("https://x/v1"), 7, SLICE("gpt"));

	assert_true(key == breaker_key(SLICE("openai"), SLICE("https://x/v1"), 7, SLICE("gpt")));
	assert_true(key != breaker_key(SLICE("openai"), SLICE("https://x/v1"), 8, SLICE("gpt")));
	assert_true(key != breaker_key(SLICE("gpt"), SLICE("https://x/v1"), 7, SLICE("openai")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_opens_at_half),
		TEST(test_stays_closed_below_half),
		TEST(test_opens_at_a_row_of_faults),
		TEST(test_neutral_never_counts),
		TEST(test_window_forgets),
		TEST(test_single_probe_decides),
		TEST(test_deadline_doubles),
		TEST(test_deadline_is_forgotten),
		TEST(test_retry_after_opens_at_once),
		TEST(test_retry_after_and_window_take_the_longer),
		TEST(test_limits_are_told_from_faults),
		TEST(test_only_the_probe_decides),
		TEST(test_late_reports_decide_nothing),
		TEST(test_force),
		TEST(test_force_obeys_retry_after),
		TEST(test_hint),
		TEST(test_hint_says_nothing_of_rates),
		TEST(test_unused_are_dropped),
		TEST(test_table_is_bounded),
		TEST(test_view),
		TEST(test_key_is_stable),
	};

	return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
