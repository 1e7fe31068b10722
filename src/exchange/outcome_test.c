/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the outcome table against PRODUCT §4's failure table, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "exchange/outcome.h"

static struct failure failure_of(enum failure_kind kind, int status)
{
	struct failure f;

	failure_set(&f, kind, "what the provider said");
	f.status = status;
	return f;
}

/* The contract's table: what happened → then → what the client gets if nobody answers. */
static const struct {
	enum failure_kind kind;
	int provider_status;
	enum next_move next, next_edited;
	int openai, anthropic;
	const char *code;
} contract[] = {
	{ FAILURE_REQUEST, 400, NEXT_STOP, NEXT_TARGET, 400, 400, NULL },
	{ FAILURE_REQUEST, 413, NEXT_STOP, NEXT_TARGET, 413, 413, NULL },
	{ FAILURE_REQUEST, 422, NEXT_STOP, NEXT_TARGET, 422, 422, NULL },
	{ FAILURE_CONTEXT_LENGTH, 400, NEXT_FITTING, NEXT_FITTING, 400, 400, "context_length_exceeded" },
	{ FAILURE_CONTEXT_LENGTH, 500, NEXT_FITTING, NEXT_FITTING, 400, 400, "context_length_exceeded" },
	{ FAILURE_CONTENT_FILTER, 400, NEXT_STOP, NEXT_STOP, 400, 400, "content_filter" },
	{ FAILURE_CONTENT_FILTER, 200, NEXT_STOP, NEXT_STOP, 400, 400, "content_filter" },
	{ FAILURE_CREDENTIALS, 401, NEXT_KEY, NEXT_KEY, 502, 502, "weir_upstream_credentials" },
	{ FAILURE_MODEL_UNKNOWN, 404, NEXT_TARGET, NEXT_TARGET, 404, 404, "model_not_found" },
	{ FAILURE_RATE_LIMITED, 429, NEXT_WAIT, NEXT_WAIT, 429, 429, "weir_upstream_rate_limited" },
	{ FAILURE_OVERLOADED, 529, NEXT_WAIT, NEXT_WAIT, 429, 529, "weir_upstream_overloaded" },
	{ FAILURE_QUOTA, 429, NEXT_WAIT, NEXT_WAIT, 429, 429, "weir_upstream_quota" },
	{ FAILURE_SERVER, 500, NEXT_SAME, NEXT_SAME, 502, 502, "weir_upstream_error" },
	{ FAILURE_REFUSED, 0, NEXT_SAME, NEXT_SAME, 502, 502, "weir_upstream_unreachable" },
	{ FAILURE_RESET, 0, NEXT_SAME, NEXT_SAME, 502, 502, "weir_upstream_reset" },
	{ FAILURE_TLS, 0, NEXT_SAME, NEXT_SAME, 502, 502, "weir_upstream_tls" },
	{ FAILURE_DNS, 0, NEXT_SAME, NEXT_SAME, 502, 502, "weir_upstream_unreachable" },
	{ FAILURE_MALFORMED, 200, NEXT_SAME, NEXT_SAME, 502, 502, "weir_upstream_malformed" },
	{ FAILURE_IN_BAND, 200, NEXT_SAME, NEXT_SAME, 502, 502, "weir_upstream_error" },
	{ FAILURE_CUT, 200, NEXT_SAME, NEXT_SAME, 502, 502, "weir_upstream_cut" },
	{ FAILURE_TIMEOUT_SLOW_STREAM, 200, NEXT_TARGET, NEXT_TARGET, 504, 504, "weir_timeout_slow_stream" },
	{ FAILURE_DIVERGED, 200, NEXT_TARGET, NEXT_TARGET, 502, 502, "weir_upstream_cut" },
	{ FAILURE_TIMEOUT_CONNECT, 0, NEXT_TARGET, NEXT_TARGET, 504, 504, "weir_timeout_connect" },
	{ FAILURE_TIMEOUT_FIRST_TOKEN, 200, NEXT_TARGET, NEXT_TARGET, 504, 504, "weir_timeout_first_token" },
	{ FAILURE_TIMEOUT_IDLE, 200, NEXT_TARGET, NEXT_TARGET, 504, 504, "weir_timeout_idle" },
	{ FAILURE_TIMEOUT_TOTAL, 200, NEXT_TARGET, NEXT_TARGET, 504, 504, "weir_timeout_total" },
};

static void test_contract(void **state)
{
	bool seen[FAILURE_KIND_COUNT] = { false };

	for (size_t i = 0; i < COUNT_OF(contract); i++) {
		struct failure f = failure_of(contract[i].kind, contract[i].provider_status);
		const char *code = outcome_of(f.kind)->code;

		assert_int_equal(outcome_next(&f, false), contract[i].next);
		assert_int_equal(outcome_next(&f, true), contract[i].next_edited);
		assert_int_equal(outcome_status(&f, DIALECT_OPENAI_CHAT), contract[i].openai);
		assert_int_equal(outcome_status(&f, DIALECT_ANTHROPIC), contract[i].anthropic);
		if (contract[i].code)
			assert_string_equal(code, contract[i].code);
		else
			assert_null(code);
		seen[f.kind] = true;
	}
	/* Every kind that an attempt can end in stands in the contract above. */
	for (int kind = FAILURE_REQUEST; kind < FAILURE_BAD_REQUEST; kind++)
		assert_true(seen[kind]);
}

static void test_own_refusals_end_no_attempt(void **state)
{
	for (int kind = FAILURE_BAD_REQUEST; kind < FAILURE_KIND_COUNT; kind++) {
		const struct outcome *o = outcome_of((enum failure_kind)kind);

		assert_int_equal(o->next, NEXT_NONE);
		assert_int_equal(o->breaker, BREAKER_NEUTRAL);
		assert_in_range(o->status, 400, 599);
		assert_non_null(o->code);
	}
}

/* Client-caused answers never count against a target; everything else that is not an answer does. */
static void test_breaker_verdicts(void **state)
{
	assert_int_equal(outcome_of(FAILURE_NONE)->breaker, BREAKER_OK);
	assert_int_equal(outcome_of(FAILURE_REQUEST)->breaker, BREAKER_NEUTRAL);
	assert_int_equal(outcome_of(FAILURE_CONTEXT_LENGTH)->breaker, BREAKER_NEUTRAL);
	assert_int_equal(outcome_of(FAILURE_CONTENT_FILTER)->breaker, BREAKER_NEUTRAL);
	assert_int_equal(outcome_of(FAILURE_MODEL_UNKNOWN)->breaker, BREAKER_NEUTRAL);
	/* Two honest answers may differ. */
	assert_int_equal(outcome_of(FAILURE_DIVERGED)->breaker, BREAKER_NEUTRAL);
	for (int kind = FAILURE_RATE_LIMITED; kind <= FAILURE_TIMEOUT_TOTAL; kind++)
		if (kind != FAILURE_DIVERGED)
			assert_int_equal(outcome_of((enum failure_kind)kind)->breaker,
					 kind <= FAILURE_QUOTA ? BREAKER_LIMITED : BREAKER_FAULT);
}

/* "Its own 4xx, else 429, 504, 503, 502"; 404 only if all said so. */
static void test_what_the_client_hears(void **state)
{
	static const struct { enum failure_kind kind; int status; } order[] = {
		{ FAILURE_REQUEST, 422 },     { FAILURE_RATE_LIMITED, 429 }, { FAILURE_TIMEOUT_IDLE, 0 },
		{ FAILURE_UNAVAILABLE, 0 },   { FAILURE_SERVER, 500 },	     { FAILURE_MODEL_UNKNOWN, 404 },
	};

	for (size_t i = 0; i + 1 < COUNT_OF(order); i++) {
		for (size_t j = i + 1; j < COUNT_OF(order); j++) {
			struct failure more = failure_of(order[i].kind, order[i].status), less = failure_of(order[j].kind, order[j].status);

			assert_true(outcome_outranks(&more, &less));
			assert_false(outcome_outranks(&less, &more));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contract),
		cmocka_unit_test(test_own_refusals_end_no_attempt),
		cmocka_unit_test(test_breaker_verdicts),
		cmocka_unit_test(test_what_the_client_hears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
