/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the rate-limit headers; the heads have the shape of recorded ones, the numbers are made up. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/cleanup.h"
#include "dialect/rate_limit.h"

/* 2026-01-20T21:37:00Z */
#define NOW INT64_C(1768945020000)

struct row {
	const char *name;
	struct header head[14];
	int64_t requests_left, requests_reset_ms, tokens_left, tokens_reset_ms;
};

#define H(name, value) { { name, sizeof(name) - 1 }, { value, sizeof(value) - 1 } }

static const struct row rows[] = {
	{ "openai",
	  { H("content-type", "application/json"), H("x-ratelimit-limit-requests", "30000"), H("x-ratelimit-limit-tokens", "900000"),
	    H("x-ratelimit-remaining-requests", "29999"), H("x-ratelimit-remaining-tokens", "898287"),
	    H("x-ratelimit-reset-requests", "2ms"), H("x-ratelimit-reset-tokens", "6m0s"), H("x-request-id", "req_1") },
	  29999, 2, 898287, 360000 },
	{ "openai, a project's share is tighter",
	  { H("x-ratelimit-remaining-tokens", "5000"), H("x-ratelimit-remaining-project-tokens", "40"),
	    H("x-ratelimit-reset-tokens", "1s"), H("x-ratelimit-reset-project-tokens", "59.2s") },
	  -1, -1, 40, 59200 },
	{ "openai, 2023", { H("x-ratelimit-remaining-tokens", "90"), H("x-ratelimit-remaining-tokens_usage_based", "80"),
			    H("x-ratelimit-reset-tokens_usage_based", "12ms") }, -1, -1, 80, 12 },
	{ "openai, images are none of ours",
	  { H("x-ratelimit-remaining-input-images", "0"), H("x-ratelimit-reset-input-images", "60s") }, -1, -1, -1, -1 },
	{ "azure", { H("x-ratelimit-key", "gpt-x"), H("x-ratelimit-remaining-requests", "249"), H("x-ratelimit-reset-requests", "7"),
		     H("x-ratelimit-renewalperiod-requests", "60"), H("x-ratelimit-remaining-tokens", "100"),
		     H("x-ratelimit-reset-tokens", "0") }, 249, 7000, 100, 0 },
	{ "azure, no such limit", { H("x-ratelimit-limit-tokens", "-1"), H("x-ratelimit-remaining-tokens", "-1"),
				    H("x-ratelimit-reset-tokens", "0") }, -1, -1, -1, -1 },
	{ "anthropic",
	  { H("anthropic-ratelimit-requests-limit", "4000"), H("anthropic-ratelimit-requests-remaining", "3999"),
	    H("anthropic-ratelimit-requests-reset", "2026-01-20T21:37:05Z"),
	    H("anthropic-ratelimit-input-tokens-remaining", "1000"), H("anthropic-ratelimit-input-tokens-reset", "2026-01-20T21:37:30Z"),
	    H("anthropic-ratelimit-output-tokens-remaining", "500"), H("anthropic-ratelimit-output-tokens-reset", "2026-01-20T21:38:00Z"),
	    H("anthropic-ratelimit-tokens-remaining", "9000"), H("anthropic-ratelimit-tokens-reset", "2026-01-20T21:37:10Z"),
	    H("retry-after", "31") },
	  3999, 5000, 1000, 30000 },
	{ "anthropic, no output left",
	  { H("anthropic-ratelimit-input-tokens-remaining", "1000"), H("anthropic-ratelimit-input-tokens-reset", "2026-01-20T21:37:30Z"),
	    H("anthropic-ratelimit-output-tokens-remaining", "0"), H("anthropic-ratelimit-output-tokens-reset", "2026-01-20T21:38:00.25Z") },
	  -1, -1, 0, 60250 },
	{ "anthropic, the window has passed",
	  { H("anthropic-ratelimit-tokens-remaining", "10"), H("anthropic-ratelimit-tokens-reset", "2026-01-20T21:36:59Z") },
	  -1, -1, 10, 0 },
	{ "groq", { H("x-ratelimit-remaining-requests", "14399"), H("x-ratelimit-reset-requests", "2m59.56s"),
		    H("x-ratelimit-remaining-tokens", "11994"), H("x-ratelimit-reset-tokens", "30ms") },
	  14399, 179560, 11994, 30 },
	{ "cerebras", { H("x-ratelimit-remaining-requests-day", "1439"), H("x-ratelimit-reset-requests-day", "24483.60509300232"),
			H("x-ratelimit-remaining-tokens-minute", "1000"), H("x-ratelimit-reset-tokens-minute", "3.605093002319336") },
	  1439, 24483605, 1000, 3605 },
	{ "hugging face", { H("x-ratelimit-remaining-requests-day", "2879998"), H("x-ratelimit-remaining-requests-hour", "119998"),
			    H("x-ratelimit-remaining-requests-minute", "1998"),
			    H("x-ratelimit-remaining-tokens-day", "9223372036854775808") }, 1998, -1, INT64_MAX, -1 },
	{ "mistral", { H("x-ratelimit-limit-req-minute", "60"), H("x-ratelimit-remaining-req-minute", "51"),
		       H("x-ratelimit-remaining-tokens-minute", "499384"), H("x-ratelimit-remaining-tokens-month", "999993790"),
		       H("x-ratelimit-tokens-query-cost", "128"), H("x-ratelimit-remaining-audio-seconds-minute", "3") },
	  51, -1, 499384, -1 },
	{ "mistral, by seconds", { H("x-ratelimit-remaining-req-10-second", "59") }, 59, -1, -1, -1 },
	{ "mistral, by size", { H("x-ratelimitbysize-remaining-minute", "400"), H("x-ratelimitbysize-remaining-month", "90000"),
				H("ratelimitbysize-reset", "12") }, -1, -1, 400, -1 },
	{ "fireworks", { H("x-ratelimit-over-limit", "no"), H("x-ratelimit-remaining-requests", "59"),
			 H("x-ratelimit-remaining-tokens-prompt", "59986"), H("x-ratelimit-remaining-tokens-generated", "12000"),
			 H("x-ratelimit-remaining-tokens-cache-adjusted-prompt", "60000") }, 59, -1, 59986, -1 },
	{ "together", { H("x-ratelimit", "false"), H("x-ratelimit-limit", "30"), H("x-ratelimit-remaining", "29"),
			H("x-ratelimit-reset", "2"), H("x-tokenlimit-remaining", "3000"), H("x-tokenlimit-reset", "1") },
	  29, 2000, 3000, 1000 },
	{ "openrouter", { H("x-ratelimit-limit", "20"), H("x-ratelimit-remaining", "0"), H("x-ratelimit-reset", "1768945050000") },
	  0, 30000, -1, -1 },
	{ "venice", { H("x-ratelimit-remaining-requests", "499"), H("x-ratelimit-reset-requests", "1768945021931"),
		      H("x-ratelimit-remaining-tokens", "5000"), H("x-ratelimit-reset-tokens", "1768945021932") },
	  499, 1931, 5000, 1932 },
	{ "github", { H("x-ratelimit-remaining-requests", "4"), H("x-ratelimit-timeremaining", "9") }, 4, 9000, -1, -1 },
	{ "seconds since 1970", { H("x-ratelimit-remaining", "4"), H("x-ratelimit-reset", "1768945051") }, 4, 31000, -1, -1 },
	{ "the IETF's draft", { H("ratelimit-limit", "10"), H("ratelimit-remaining", "3"), H("ratelimit-reset", "50") },
	  3, 50000, -1, -1 },
	{ "a date", { H("x-ratelimit-remaining", "4"), H("x-ratelimit-reset", "Tue, 20 Jan 2026 21:37:09 GMT") }, 4, 9000, -1, -1 },
	{ "an offset", { H("x-ratelimit-remaining", "4"), H("x-ratelimit-reset", "2026-01-20T22:37:09+01:00") }, 4, 9000, -1, -1 },
	{ "less than a millisecond", { H("x-ratelimit-remaining", "4"), H("x-ratelimit-reset", "880\xc2\xb5s") }, 4, 0, -1, -1 },
	{ "equally tight, the longer", { H("x-ratelimit-remaining-requests-day", "0"), H("x-ratelimit-reset-requests-day", "3600"),
					 H("x-ratelimit-remaining-requests-minute", "0"), H("x-ratelimit-reset-requests-minute", "9") },
	  0, 3600000, -1, -1 },
	{ "an end but nothing left of it", { H("x-ratelimit-reset-tokens", "9") }, -1, -1, -1, -1 },
	{ "not a number", { H("x-ratelimit-remaining-tokens", "many"), H("x-ratelimit-remaining-requests", "") }, -1, -1, -1, -1 },
	{ "others", { H("x-ratelimits", "1"), H("x-content-type-options", "nosniff"), H("anthropic-organization-id", "x"),
		      H("x-ratelimit-", "1"), H("x-limitless-remaining", "3") }, -1, -1, -1, -1 },
};

static void read_row(const struct row *row, struct rate_limit *ret)
{
	struct header head[COUNT_OF(row->head)];
	struct headers h = { head, 0 };

	memcpy(head, row->head, sizeof(head));
	while (h.count < COUNT_OF(head) && head[h.count].name.len > 0)
		h.count++;
	rate_limit_read(&h, NOW, ret);
}

static void test_rows(void **state)
{
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct rate_limit limit;

		read_row(row, &limit);
		if (limit.requests_left != row->requests_left || limit.requests_reset_ms != row->requests_reset_ms ||
		    limit.tokens_left != row->tokens_left || limit.tokens_reset_ms != row->tokens_reset_ms)
			fail_msg("%s: %lld %lld, %lld %lld", row->name, (long long)limit.requests_left,
				 (long long)limit.requests_reset_ms, (long long)limit.tokens_left, (long long)limit.tokens_reset_ms);
		assert_int_equal(limit.said, row->requests_left >= 0 || row->tokens_left >= 0);
	}
}

/* How long `text` lasts; -1 = it is not understood. */
static int64_t reset(const char *text)
{
	struct header head[] = { H("x-ratelimit-remaining", "1"), { SLICE("x-ratelimit-reset"), slice_cstr(text) } };
	struct headers h = { head, 2 };
	struct rate_limit limit;

	rate_limit_read(&h, NOW, &limit);
	return limit.requests_reset_ms;
}

static void test_durations(void **state)
{
	assert_int_equal(reset("0"), 0);
	assert_int_equal(reset("1.5"), 1500);
	assert_int_equal(reset("1h2m"), 3720000);
	assert_int_equal(reset("1d"), 86400000);
	assert_int_equal(reset("1h0m0.5s"), 3600500);
	assert_int_equal(reset("12ms"), 12);
	assert_int_equal(reset("0s30"), -1);
	assert_int_equal(reset("1s2"), -1);
	assert_int_equal(reset("1 s"), -1);
	assert_int_equal(reset("s"), -1);
	assert_int_equal(reset("-5"), -1);
	assert_int_equal(reset(""), -1);
	assert_int_equal(reset("1.2.3"), -1);
	assert_int_equal(reset("soon"), -1);
}

static void test_times(void **state)
{
	assert_int_equal(reset("2026-01-20T21:37:05.123456Z"), 5123);
	assert_int_equal(reset("2026-01-20T19:37:05-02:00"), 5000);
	assert_int_equal(reset("2026-01-20T21:37:05"), -1);
	assert_int_equal(reset("2026-01-20T21:37:05."), -1);
	assert_int_equal(reset("2026-01-20T21:37:0Z"), -1);
	assert_int_equal(reset("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(reset("2026-02-28T21:37:00Z"), 39 * INT64_C(86400000));
	assert_int_equal(reset("2026-03-01T21:37:00Z"), 40 * INT64_C(86400000));
}

/* However far away it is said to be. */
static void test_the_longest(void **state)
{
	static const char *const texts[] = {
		"9999-12-31T23:59:59Z", "9999-99-99T99:99:99Z", "99999999999999999999999", "999999999999999999999d", "99999999h99999999h",
		"999999999", "99999999999999999999.999999999999999999999",
	};

	for (unsigned i = 0; i < COUNT_OF(texts); i++)
		assert_int_equal(reset(texts[i]), 366 * INT64_C(86400000));
}

static void test_more_windows_than_are_kept(void **state)
{
	static const char *const which[] = { "project-", "input-", "cache-", "usage-", "minute-", "hour-", "day-", "month-" };
	struct header head[64];
	struct headers h = { head, 0 };
	struct rate_limit limit;
	char names[64][64];

	for (unsigned i = 0; i < 64; i++) {
		snprintf(names[i], sizeof(names[i]), "x-ratelimit-%s%sremaining-tokens", which[i / 8], which[i % 8]);
		head[h.count++] = (struct header){ slice_cstr(names[i]), SLICE("7") };
	}
	rate_limit_read(&h, NOW, &limit);
	assert_int_equal(limit.tokens_left, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_the_longest),
		cmocka_unit_test(test_more_windows_than_are_kept),
	};

	return cmocka_run_group_tests_name("rate_limit", tests, NULL, NULL);
}
