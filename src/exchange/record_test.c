/* SPDX-License-Identifier: Apache-2.0 */
/* The record outlives the memory its texts came from, and becomes a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "exchange/record.h"
#include "json/json.h"
#include "llm/price.h"

static struct record sample(struct arena *a)
{
	struct record r = { .request_id = "req_1", .endpoint = "/v1/messages", .dialect = "anthropic", .price_version = "2026-11" };
	struct attempt_record *row = record_attempt(&r, record_add_attempt(&r));

	r.route = r.provider = r.key = SLICE("none");
	r.model = arena_dup(a, SLICE("claude-opus-4.7"));
	r.user = arena_dup(a, SLICE("someone \"quoted\""));
	r.message = arena_dup(a, SLICE(""));
	r.latency_us = 12345;
	r.first_token_us = -1;
	r.cost_nano_usd = 1500000;
	row->model = arena_dup(a, SLICE("claude-opus-4.7"));
	row->message = arena_dup(a, SLICE("it rests"));
	row->end_us = 1002;
	row->cost_nano_usd = PRICE_UNKNOWN;
	return r;
}

static void texts_outlive_their_arena(void **state)
{
	struct arena a = { 0 };
	struct record r = sample(&a);

	record_pack(&r);
	arena_done(&a);
	assert_true(slice_eq(r.model, SLICE("claude-opus-4.7")));
	assert_true(slice_eq(r.user, SLICE("someone \"quoted\"")));
	assert_int_equal(r.message.len, 0);
	assert_true(slice_eq(r.route, SLICE("none")));
	assert_true(slice_eq(r.attempts[0].message, SLICE("it rests")));
	record_done(&r);
}

static bool has(const struct buf *line, const char *text)
{
	return slice_find(buf_slice(line), slice_cstr(text)) != SIZE_MAX;
}

static void a_line_is_json_with_exact_figures(void **state)
{
	struct arena a = { 0 };
	struct record r = sample(&a);
	struct json_error error;
	struct json_doc doc;
	struct buf line;

	buf_init(&line, RECORD_LINE_MAX);
	assert_true(record_write(&r, &line));
	assert_true(json_parse(&a, buf_slice(&line), &doc, &error));
	assert_true(has(&line, "\"latency_ms\":12.345,"));
	assert_true(has(&line, "\"first_token_ms\":-1,"));
	assert_true(has(&line, "\"cost_usd\":0.0015"));
	assert_true(has(&line, "\"total_ms\":1.002,"));
	assert_true(has(&line, "\"user\":\"someone \\\"quoted\\\"\""));
	assert_true(has(&line, "\"unpriced\":false"));
	buf_done(&line);
	record_done(&r);
	arena_done(&a);
}

static struct slice hostile(struct arena *a)
{
	char *text = arena_alloc(a, RECORD_TEXT_MAX);

	return slice_of(memset(text, 1, RECORD_TEXT_MAX), RECORD_TEXT_MAX);
}

/* A control character takes six bytes, and every try may have a message. */
static void the_longest_record_is_a_line_too(void **state)
{
	struct arena a = { 0 };
	struct record r = sample(&a);
	struct buf line;

	r.model_requested = r.model_provider = r.user = r.session = r.tags = r.message = hostile(&a);
	while (r.attempt_count < ATTEMPTS_RECORDED_MAX) {
		struct attempt_record *row = record_attempt(&r, record_add_attempt(&r));

		row->provider = row->model = row->message = hostile(&a);
	}
	buf_init(&line, RECORD_LINE_MAX);
	assert_true(record_write(&r, &line));
	buf_done(&line);
	record_done(&r);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_outlive_their_arena),
		cmocka_unit_test(a_line_is_json_with_exact_figures),
		cmocka_unit_test(the_longest_record_is_a_line_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
