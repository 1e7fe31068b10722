/* SPDX-License-Identifier: Apache-2.0 */
/* What usage costs, to the nano-dollar. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "llm/price.h"

static const int64_t USD = 1000000000; /* per million tokens */

/* $3 in, $15 out, $0.30 cached, $3.75 and $6 written; over 200k tokens $6, $22.50, $0.60. */
static const struct price_band full_bands[] = {
	{ SERVICE_STANDARD, 200000,
	  { .input = 6000000000, .output = 22500000000, .cached = 600000000, .written_5m = -1, .written_1h = -1,
	    .input_audio = -1, .output_audio = -1, .cached_audio = -1, .input_image = -1, .output_image = -1,
	    .reasoning = -1 } },
};

static const struct price full = {
	.rates = { .input = 3000000000, .output = 15000000000, .cached = 300000000, .written_5m = 3750000000,
		   .written_1h = 6000000000, .input_audio = -1, .output_audio = -1, .cached_audio = -1, .input_image = -1,
		   .output_image = -1, .reasoning = -1 },
	.request = PRICE_UNKNOWN,
	.web_search = PRICE_UNKNOWN,
	.bands = full_bands,
	.band_count = COUNT_OF(full_bands),
};

/* Rates that are not named are unknown. */
static struct price_rates rates(int64_t input, int64_t output, int64_t cached)
{
	struct price_rates r = price_unknown.rates;

	r.input = input;
	r.output = output;
	r.cached = cached;
	return r;
}

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
	struct price p = { .rates = rates(2 * USD, 8 * USD, PRICE_UNKNOWN) };

	assert_cost(&p, (struct usage){ .input = 1000, .input_cached = 500, .input_written_5m = 200, .input_written_1h = 300 }, 1000 * 2000);
	p.rates.cached = 0;
	assert_cost(&p, (struct usage){ .input = 1000, .input_cached = 500 }, 500 * 2000);
}

static void test_unknown_is_never_zero(void **state)
{
	struct price p = price_unknown;

	assert_cost(&p, (struct usage){ .input = 1 }, PRICE_UNKNOWN);
	assert_cost(&p, (struct usage){ .output = 1 }, PRICE_UNKNOWN);
	assert_cost(&p, (struct usage){ .input = 1, .input_cached = 1 }, PRICE_UNKNOWN);
	p.rates.input = USD;
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
	struct price_band band = full_bands[0];
	struct price p = full;

	p.bands = &band;
	band.rates.cached = p.rates.written_5m = PRICE_UNKNOWN;
	assert_cost(&p, (struct usage){ .input = 300000, .input_cached = 200000, .input_written_5m = 100000 }, 300000LL * 6000);
	band.rates.output = PRICE_UNKNOWN;
	assert_cost(&p, (struct usage){ .input = 300000, .output = 1 }, PRICE_UNKNOWN);
	assert_cost(&p, (struct usage){ .input = 3000, .output = 1 }, 3000 * 3000 + 15000);
}

static void test_rounding_half_up_once(void **state)
{
	struct price p = { .rates = rates(500000, 499999, -1) };      /* half a nano-dollar a token, and a little less */

	assert_cost(&p, (struct usage){ .input = 1 }, 1);
	assert_cost(&p, (struct usage){ .input = 3 }, 2);
	assert_cost(&p, (struct usage){ .output = 1 }, 0);
	/* Both together are 0.999999, not 1 + 0. */
	assert_cost(&p, (struct usage){ .input = 1, .output = 1 }, 1);
	p.rates.input = 400000;
	assert_cost(&p, (struct usage){ .input = 1, .output = 1 }, 1);
	assert_cost(&p, (struct usage){ .input = 1 }, 0);
}

static void test_nonsense_is_survived(void **state)
{
	struct price p = { .rates = rates(INT64_MAX, INT64_MAX, INT64_MAX) };

	assert_cost(&full, (struct usage){ .input = -5, .output = -1 }, 0);
	assert_cost(&full, (struct usage){ .input = 10, .input_cached = 100 }, 10 * 300);
	assert_cost(&p, (struct usage){ .input = INT64_MAX, .output = INT64_MAX }, INT64_MAX);
}

/* From here on: vendors' published prices, and what a known request costs with them. */

/* Anthropic counts what it reads, writes for five minutes and writes for an hour apart, each at its own price. */
static void test_golden_anthropic_cache(void **state)
{
	struct price p = price_unknown;

	p.rates = rates(5 * USD, 25 * USD, USD / 2);
	p.rates.written_5m = 6250 * USD / 1000;
	p.rates.written_1h = 10 * USD;
	/* 2,000 new, 90,000 read, 5,000 and 3,000 written, 1,000 out: 0.01 + 0.045 + 0.03125 + 0.03 + 0.025 */
	assert_cost(&p, (struct usage){ .input = 100000, .input_cached = 90000, .input_written_5m = 5000, .input_written_1h = 3000,
					.output = 1000 },
		    141250000);
}

/* OpenAI's cached_tokens are a part of prompt_tokens: never paid twice. */
static void test_golden_openai_cached(void **state)
{
	struct price p = { .rates = rates(5 * USD / 2, 10 * USD, 5 * USD / 4) };

	/* gpt-4o: 452 × 2.5 + 1,024 × 1.25 + 76 × 10 dollars per million */
	assert_cost(&p, (struct usage){ .input = 1476, .input_cached = 1024, .output = 76 }, 1130000 + 1280000 + 760000);
}

/* Gemini 2.5 Pro: over 200,000 everything is dearer, what was cached too; thoughts are output. */
static void test_golden_gemini_cliff(void **state)
{
	const struct price_band band = { SERVICE_STANDARD, 200000, rates(5 * USD / 2, 15 * USD, USD / 4) };
	struct price p = { .rates = rates(5 * USD / 4, 10 * USD, USD / 8), .bands = &band, .band_count = 1 };
	struct usage u = { .input = 200000, .input_cached = 150000, .output = 3000, .output_reasoning = 2500 };

	assert_cost(&p, u, 62500000 + 18750000 + 30000000);
	u.input = 250000;
	assert_cost(&p, u, 250000000 + 37500000 + 45000000);
}

/* gpt-5.4: $2.5 and $15, flex half, priority double; over 272,000 tokens twice the input, and no priority. */
static void test_golden_service_tiers(void **state)
{
	const struct price_band bands[] = {
		{ SERVICE_STANDARD, 272000, rates(5 * USD, 45 * USD / 2, USD / 2) },
		{ SERVICE_FLEX, 0, rates(5 * USD / 4, 15 * USD / 2, 130 * USD / 1000) },
		{ SERVICE_FLEX, 272000, rates(5 * USD / 2, 45 * USD / 4, USD / 4) },
		{ SERVICE_PRIORITY, 0, rates(5 * USD, 30 * USD, USD / 2) },
	};
	struct price p = { .rates = rates(5 * USD / 2, 15 * USD, USD / 4), .bands = bands, .band_count = COUNT_OF(bands) };
	struct usage u = { .input = 10000, .input_cached = 4000, .output = 1000 };

	assert_cost(&p, u, 15000000 + 1000000 + 15000000);
	u.service = SERVICE_STANDARD;
	assert_cost(&p, u, 31000000);
	u.service = SERVICE_FLEX;
	assert_cost(&p, u, 7500000 + 520000 + 7500000);
	u.service = SERVICE_PRIORITY;
	assert_cost(&p, u, 30000000 + 2000000 + 30000000);
	u.service = SERVICE_BATCH;     /* nobody says: no more than standard */
	assert_cost(&p, u, 31000000);
	u = (struct usage){ .input = 300000, .service = SERVICE_FLEX };
	assert_cost(&p, u, 750000000);
	u.service = SERVICE_PRIORITY;  /* a priority rate for short prompts says nothing of this one */
	assert_cost(&p, u, PRICE_UNKNOWN);
	u.service = SERVICE_BATCH;
	assert_cost(&p, u, 1500000000);
}

/* Qwen at DashScope has more than one line. */
static void test_golden_many_lines(void **state)
{
	const struct price_band bands[] = {
		{ SERVICE_STANDARD, 32000, rates(24 * USD / 10, 12 * USD, -1) },
		{ SERVICE_STANDARD, 128000, rates(3 * USD, 15 * USD, -1) },
	};
	struct price p = { .rates = rates(12 * USD / 10, 6 * USD, -1), .bands = bands, .band_count = COUNT_OF(bands) };

	assert_cost(&p, (struct usage){ .input = 32000, .output = 100 }, 38400000 + 600000);
	assert_cost(&p, (struct usage){ .input = 32001, .output = 100 }, 76802400 + 1200000);
	assert_cost(&p, (struct usage){ .input = 200000, .output = 100 }, 600000000 + 1500000);
}

/* Sound and pictures, in and out, cached and not: each token is paid once. */
static void test_golden_modalities(void **state)
{
	struct price p = price_unknown;
	struct usage u = {
		.input = 1000, .input_cached = 300, .input_audio = 500, .input_cached_audio = 200, .input_image = 50,
		.output = 400, .output_audio = 250, .output_reasoning = 50, .output_image = 20,
	};

	p.rates = rates(4 * USD, 16 * USD, 2 * USD);
	/* Without rates of their own all of it is text. */
	assert_cost(&p, u, 700 * 4000 + 300 * 2000 + 400 * 16000);
	p.rates.input_audio = 32 * USD;
	p.rates.output_audio = 64 * USD;
	p.rates.cached_audio = 2 * USD / 5;
	p.rates.input_image = 5 * USD;
	p.rates.output_image = 40 * USD;
	p.rates.reasoning = 20 * USD;
	assert_cost(&p, u, 350 * 4000 + 300 * 32000 + 50 * 5000 + 100 * 2000 + 200 * 400 + 80 * 16000 + 50 * 20000 + 250 * 64000 +
				   20 * 40000);
}

/* Perplexity takes a fee per request, others one per search. */
static void test_golden_fees(void **state)
{
	struct price p = price_unknown;

	p.rates = rates(USD, USD, -1);
	p.request = 5000 * USD;
	assert_cost(&p, (struct usage){ 0 }, 0);
	assert_cost(&p, (struct usage){ .input = 1000, .output = 500 }, 5000000 + 1500000);
	assert_cost(&p, (struct usage){ .input = 1000, .web_searches = 1 }, PRICE_UNKNOWN);
	p.web_search = 10000 * USD;
	assert_cost(&p, (struct usage){ .input = 1000, .web_searches = 2 }, 5000000 + 1000000 + 20000000);
}

/* Whatever a provider reports, every token is paid once: never below the cheapest rate, never above the dearest. */
static void test_every_mix_pays_each_token_once(void **state)
{
	static const int64_t some[] = { -3, 0, 1, 99, 600, 1000, 5000 };
	enum { N = COUNT_OF(some) };
	struct price p = price_unknown;

	p.rates = rates(4 * USD, 16 * USD, 2 * USD);
	p.rates.written_5m = 5 * USD;
	p.rates.written_1h = 8 * USD;
	p.rates.input_audio = 32 * USD;
	p.rates.cached_audio = USD;
	p.rates.output_audio = 64 * USD;
	p.rates.reasoning = 20 * USD;
	for (unsigned i = 0; i < N * N * N * N * N; i++) {
		struct usage u = {
			.input = 1000, .input_cached = some[i % N], .input_written_5m = some[i / N % N],
			.input_written_1h = some[i / N / N % N], .input_audio = some[i / N / N / N % N],
			.input_cached_audio = some[(i + 2) % N], .input_image = some[(i + 3) % N],
			.input_tool = some[(i + 4) % N], .output = 1000, .output_reasoning = some[i / N / N / N / N % N],
			.output_audio = some[(i + 5) % N], .output_image = some[(i + 1) % N],
		};
		int64_t cost = price_cost(&p, &u);

		assert_true(cost >= 1000LL * 1000 + 1000LL * 16000);
		assert_true(cost <= 1000LL * 32000 + 1000LL * 64000);
	}
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
		cmocka_unit_test(test_golden_anthropic_cache), cmocka_unit_test(test_golden_openai_cached),
		cmocka_unit_test(test_golden_gemini_cliff), cmocka_unit_test(test_golden_service_tiers),
		cmocka_unit_test(test_golden_many_lines), cmocka_unit_test(test_golden_modalities),
		cmocka_unit_test(test_golden_fees), cmocka_unit_test(test_every_mix_pays_each_token_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
