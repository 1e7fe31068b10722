/* SPDX-License-Identifier: Apache-2.0 */
/* What rules match: one condition at a time, then together. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "http/message.h"
#include "policy/plan.h"

#define TEXT(literal) { "" literal "", sizeof(literal) - 1 }

static struct slice models[] = { TEXT("gpt-*"), TEXT("smart") };
static struct slice keys[] = { TEXT("team-*"), TEXT("local") };
static struct slice tags[] = { TEXT("batch"), TEXT("job-*") };
static struct slice regions[] = { TEXT("eu"), TEXT("ch") };
static struct header_condition one_header[] = { { TEXT("x-app"), TEXT("chat*") } };
static struct header_condition two_headers[] = { { TEXT("x-app"), TEXT("*") }, { TEXT("x-stage"), TEXT("canary") } };

struct rule_case {
	const char *words;
	struct match match;
	/* The request; what is not said is usual. */
	const char *model, *public_id, *key, *tags, *region;
	enum dialect_id dialect;
	unsigned needs, hour;
	bool stream;
	int64_t max_output, prompt;
	bool matches;
};

#define OUTPUT(n) .max_output = (n) + 1 /* 0 = not said */
static const struct rule_case cases[] = {
	{ "everything matches nothing said", .matches = true },
	{ "the name as asked", { .models = models, .model_count = 2 }, .model = "smart", .matches = true },
	{ "the public id", { .models = models, .model_count = 2 }, .model = "four", .public_id = "gpt-4", .matches = true },
	{ "another name", { .models = models, .model_count = 2 }, .model = "four", .public_id = "claude" },
	{ "one of the dialects", { .dialects = 1 << DIALECT_ANTHROPIC | 1 << DIALECT_GEMINI }, .dialect = DIALECT_GEMINI, .matches = true },
	{ "another dialect", { .dialects = 1 << DIALECT_ANTHROPIC }, .dialect = DIALECT_GEMINI },
	{ "streams", { .stream = CONDITION_TRUE }, .stream = true, .matches = true },
	{ "streams only", { .stream = CONDITION_TRUE } },
	{ "whole answers", { .stream = CONDITION_FALSE }, .matches = true },
	{ "whole answers only", { .stream = CONDITION_FALSE }, .stream = true },
	{ "has what it must", { .needs = NEEDS_IMAGES }, .needs = NEEDS_IMAGES | NEEDS_TOOLS, .matches = true },
	{ "has not all it must", { .needs = NEEDS_IMAGES | NEEDS_TOOLS }, .needs = NEEDS_TOOLS },
	{ "has not what it must not", { .needs_not = NEEDS_IMAGES }, .needs = NEEDS_TOOLS, .matches = true },
	{ "has what it must not", { .needs_not = NEEDS_IMAGES }, .needs = NEEDS_IMAGES },
	{ "a maximum within", { .has_max_tokens = true, .max_tokens = { 10, 20 } }, OUTPUT(20), .matches = true },
	{ "a maximum beyond", { .has_max_tokens = true, .max_tokens = { 10, 20 } }, OUTPUT(21) },
	{ "no maximum is within none", { .has_max_tokens = true, .max_tokens = { 0, INT64_MAX } } },
	{ "a prompt within", { .has_prompt_length = true, .prompt_length = { 0, 1999 } }, .prompt = 1999, .matches = true },
	{ "a prompt beyond", { .has_prompt_length = true, .prompt_length = { 0, 1999 } }, .prompt = 2000 },
	{ "a prompt below", { .has_prompt_length = true, .prompt_length = { 10, INT64_MAX } }, .prompt = 9 },
	{ "an hour", { .hours = 1 << 22 | 1 << 0 }, .hour = 22, .matches = true },
	{ "midnight", { .hours = 1 << 22 | 1 << 0 }, .hour = 0, .matches = true },
	{ "another hour", { .hours = 1 << 22 | 1 << 0 }, .hour = 1 },
	{ "here", { .regions = regions, .region_count = 2 }, .region = "ch", .matches = true },
	{ "elsewhere", { .regions = regions, .region_count = 2 }, .region = "us" },
	{ "nowhere", { .regions = regions, .region_count = 2 } },
	{ "a key", { .keys = keys, .key_count = 2 }, .key = "team-a", .matches = true },
	{ "another key", { .keys = keys, .key_count = 2 }, .key = "a-team" },
	{ "no key", { .keys = keys, .key_count = 2 } },
	{ "a tag among others", { .tags = tags, .tag_count = 2 }, .tags = "a, job-7 ,b", .matches = true },
	{ "other tags", { .tags = tags, .tag_count = 2 }, .tags = "a,batches,," },
	{ "no tags", { .tags = tags, .tag_count = 2 } },
	{ "a header", { .headers = one_header, .header_count = 1 }, .matches = true },
	{ "one header of two", { .headers = two_headers, .header_count = 2 } },
	{ "all together", { .models = models, .model_count = 2, .dialects = 1 << DIALECT_OPENAI_CHAT, .stream = CONDITION_TRUE,
			    .needs = NEEDS_TOOLS, .keys = keys, .key_count = 2, .has_prompt_length = true, .prompt_length = { 5, 5 } },
	  .model = "gpt-5", .stream = true, .needs = NEEDS_TOOLS, .key = "local", .prompt = 5, .matches = true },
	{ "all but one", { .models = models, .model_count = 2, .stream = CONDITION_TRUE, .needs = NEEDS_TOOLS },
	  .model = "gpt-5", .needs = NEEDS_TOOLS },
};

struct question { int64_t prompt; unsigned asked; };

static int64_t answer_tokens(void *ctx)
{
	struct question *q = ctx;

	q->asked++;
	return q->prompt;
}

static void conditions(void **state)
{
	struct header items[] = { { SLICE("x-app"), SLICE("chat-web") } };
	struct headers headers = { .items = items, .count = 1 };

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		const struct rule_case *c = &cases[i];
		struct rule rule = { .match = c->match };
		struct routing routing = { .region = slice_cstr(c->region) };
		struct question question = { .prompt = c->prompt };
		struct plan_query q = { .dialect = c->dialect, .model = slice_cstr(c->model), .needs = c->needs, .stream = c->stream,
					.max_output = c->max_output - 1, .prompt_tokens = answer_tokens, .ctx = &question,
					.caller = { .key = slice_cstr(c->key), .tags = slice_cstr(c->tags), .headers = &headers,
						    .hour = c->hour } };
		int64_t tokens = -1;

		print_message("%s\n", c->words);
		assert_int_equal(rule_matches(&rule, &routing, &q, slice_cstr(c->public_id), &tokens), c->matches);
		assert_int_equal(question.asked, c->match.has_prompt_length);
		assert_true(tokens == (c->match.has_prompt_length ? c->prompt : -1));
	}
}

static void the_prompt_is_counted_last_and_once(void **state)
{
	struct rule rule = { .match = { .has_prompt_length = true, .prompt_length = { 0, 10 }, .stream = CONDITION_TRUE } };
	struct question question = { .prompt = 7 };
	struct plan_query q = { .prompt_tokens = answer_tokens, .ctx = &question, .max_output = -1 };
	struct routing routing = { 0 };
	int64_t tokens = -1;

	assert_false(rule_matches(&rule, &routing, &q, SLICE(""), &tokens));
	assert_int_equal(question.asked, 0);
	q.stream = true;
	assert_true(rule_matches(&rule, &routing, &q, SLICE(""), &tokens));
	assert_true(rule_matches(&rule, &routing, &q, SLICE(""), &tokens));
	assert_int_equal(question.asked, 1);
}

static void every_word_has_a_name(void **state)
{
	assert_string_equal(prefer_name(PREFER_NEAREST), "nearest");
	assert_string_equal(prefer_name(PREFER_THROUGHPUT), "fastest_throughput");
	assert_string_equal(cause_name(CAUSE_TIMEOUT), "timeout");
	assert_string_equal(cause_name(CAUSE_ERROR), "error");
	assert_string_equal(rescue_name(RESCUE_CONTINUE), "continue");
	assert_string_equal(when_down_name(WHEN_DOWN_REFUSE), "refuse");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions),
		cmocka_unit_test(the_prompt_is_counted_last_and_once),
		cmocka_unit_test(every_word_has_a_name),
	};

	return cmocka_run_group_tests_name("rule", tests, NULL, NULL);
}
