/* SPDX-License-Identifier: Apache-2.0 */
/* Events, what is told of them, and the fold. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "llm/answer.h"
#include "llm/state.h"

#define assert_slice(s, text) assert_true(slice_eq((s), SLICE(text)))

static void test_stop_table(void **state)
{
	assert_int_equal(stop_decide(STOP_END, true, false), STOP_TOOL_CALLS);
	assert_int_equal(stop_decide(STOP_TOOL_CALLS, false, false), STOP_END);
	assert_int_equal(stop_decide(STOP_LENGTH, true, false), STOP_LENGTH);
	assert_int_equal(stop_decide(STOP_END, false, true), STOP_DECLINED);
	assert_int_equal(stop_decide(STOP_UNKNOWN, false, false), STOP_END);
	for (enum stop_reason r = 0; r < STOP_REASON_COUNT; r++) {
		assert_non_null(stop_reason_name(r));
		assert_int_not_equal(stop_decide(r, false, false), STOP_UNKNOWN);
		/* Nothing that was not asked for is invented: a decided reason stays decided. */
		for (int i = 0; i < 4; i++) {
			enum stop_reason once = stop_decide(r, i & 1, i & 2);
			assert_int_equal(stop_decide(once, i & 1, i & 2), once);
		}
	}
}

static void test_list_has_a_limit(void **state)
{
	struct arena a;
	struct event_list l;

	arena_init(&a);
	event_list_init(&l, &a);
	for (unsigned i = 0; i < 100; i++)
		event_add(&l, EVENT_TEXT, 0, i)->text = SLICE("x");
	assert_int_equal(l.count, 100);
	assert_int_equal(l.items[63].block, 63);
	assert_false(l.overflow);
	assert_non_null(event_add(&l, EVENT_TEXT, CHOICES_MAX, 0));
	assert_true(l.overflow);
	arena_done(&a);
}

/* What nobody can be told: a call of no tool, and more calls than anybody takes. */
static void test_faults(void **state)
{
	struct arena a;
	struct answering s;
	struct event nameless = { .kind = EVENT_TOOL_BEGIN, .tool.id = SLICE("c") };

	arena_init(&a);
	answering_init(&s, SLICE("p"), DIALECT_OPENAI_CHAT, NULL, 7);
	answering_prepare(&s, &nameless, &a);
	assert_string_equal(s.fault, "the provider's answer has a tool call without a name");
	answering_init(&s, SLICE("p"), DIALECT_OPENAI_CHAT, NULL, 7);
	for (unsigned i = 0; i <= ANSWER_CALLS_MAX; i++) {
		struct event e = { .kind = EVENT_TOOL_BEGIN, .block = i, .tool = { .id = SLICE("c"), .name = SLICE("f") } };

		assert_null(s.fault);
		answering_prepare(&s, &e, &a);
	}
	assert_string_equal(s.fault, "the provider's answer has more than 1024 tool calls");
	arena_done(&a);
}

/* Anthropic's and Bedrock's: of the whole block, which is known when it is over; before the text or within. */
static void test_citations_wait_for_their_block(void **state)
{
	struct event text = { .kind = EVENT_TEXT, .block = 1, .text = SLICE("R\xc3\xbc") }, more = text;
	struct event cited = { .kind = EVENT_CITATION, .block = 1, .citation = { .url = SLICE("u"), .start = -1, .end = -1, .of_block = true } };
	struct event next = { .kind = EVENT_TEXT, .block = 2, .text = SLICE("x") }, stop = { .kind = EVENT_STOP, .block = 3 };
	struct event placed = { .kind = EVENT_CITATION, .block = 1 };
	const struct event *e;
	struct answering s;
	struct arena a;

	arena_init(&a);
	answering_init(&s, SLICE("p"), DIALECT_ANTHROPIC, NULL, 7);
	assert_false(answering_holds(&s, &text, &a));
	assert_true(answering_holds(&s, &cited, &a));
	assert_false(answering_holds(&s, &placed, &a));
	assert_null(answering_release(&s, &more, &a));
	assert_false(answering_holds(&s, &more, &a));
	e = answering_release(&s, &next, &a);
	assert_non_null(e);
	assert_slice(e->citation.url, "u");
	assert_int_equal(e->citation.start, 0);
	assert_int_equal(e->citation.end, 4);
	assert_null(answering_release(&s, &next, &a));
	assert_false(answering_holds(&s, &next, &a));
	cited.block = 2;
	assert_true(answering_holds(&s, &cited, &a));
	e = answering_release(&s, &stop, &a);
	assert_int_equal(e->citation.end, 1);
	cited.block = 3; /* of nothing: it has no place */
	assert_true(answering_holds(&s, &cited, &a));
	e = answering_release(&s, &stop, &a);
	assert_int_equal(e->citation.end, -1);
	arena_done(&a);
}

static void test_prepare(void **state)
{
	struct arena a;
	struct names names;
	struct answering s;
	struct event e = { .kind = EVENT_TOOL_BEGIN };

	arena_init(&a);
	names_init(&names, &a);
	e.tool.name = names_out(&names, SLICE("a b"), &name_rule_openai);
	answering_init(&s, SLICE("p"), DIALECT_GEMINI, &names, 7);
	answering_prepare(&s, &e, &a);
	assert_slice(e.tool.name, "a b");
	assert_true(e.tool.id.len > 5);
	struct slice first = e.tool.id;
	e.tool.id = (struct slice){ 0 };
	answering_prepare(&s, &e, &a);
	assert_false(slice_eq(e.tool.id, first));

	e = (struct event){ .kind = EVENT_SIGNATURE, .signature.payload = SLICE("sig") };
	answering_prepare(&s, &e, &a);
	assert_slice(state_read(e.signature.payload, DIALECT_ANTHROPIC, &a).payload, "sig");
	e = (struct event){ .kind = EVENT_STOP, .stop.reason = STOP_END };
	answering_prepare(&s, &e, &a);
	assert_int_equal(e.stop.reason, STOP_TOOL_CALLS);
	arena_done(&a);
}

static const char *prepared_arguments(struct answering *s, struct arena *a, unsigned block, const char *text)
{
	struct event e = { .kind = EVENT_TOOL_ARGUMENTS, .block = block, .text = slice_cstr(text) };

	answering_prepare(s, &e, a);
	return arena_printf(a, "%.*s", SLICE_ARG(e.text)).ptr;
}

/* null for no arguments, but nowhere within them, and never in free text. */
static void test_prepare_null_arguments(void **state)
{
	struct answering s;
	struct arena a;
	struct event function = { .kind = EVENT_TOOL_BEGIN, .block = 1 };
	struct event custom = { .kind = EVENT_TOOL_BEGIN, .block = 2, .tool.custom = true };

	arena_init(&a);
	answering_init(&s, SLICE("p"), DIALECT_OPENAI_CHAT, NULL, 1);
	answering_prepare(&s, &function, &a);
	assert_string_equal(prepared_arguments(&s, &a, 1, " null"), "");
	assert_string_equal(prepared_arguments(&s, &a, 1, "null"), "null");
	answering_prepare(&s, &custom, &a);
	assert_string_equal(prepared_arguments(&s, &a, 2, "null"), "null");
	function.block = 3;
	answering_prepare(&s, &function, &a);
	assert_string_equal(prepared_arguments(&s, &a, 3, "{\"a\":"), "{\"a\":");
	assert_string_equal(prepared_arguments(&s, &a, 3, "null"), "null");
	arena_done(&a);
}

static void test_fold(void **state)
{
	struct arena a;
	struct answer r;

	arena_init(&a);
	answer_init(&r, &a, 1000);
	answer_add(&r, &(struct event){ .kind = EVENT_START, .start = { .id = SLICE("id"), .model = SLICE("m") } });
	answer_add(&r, &(struct event){ .kind = EVENT_REASONING, .text = SLICE("hm") });
	answer_add(&r, &(struct event){ .kind = EVENT_SIGNATURE, .signature.payload = SLICE("s") });
	answer_add(&r, &(struct event){ .kind = EVENT_TOOL_BEGIN, .block = 1, .tool = { .id = SLICE("c1"), .name = SLICE("f") } });
	answer_add(&r, &(struct event){ .kind = EVENT_TOOL_BEGIN, .block = 2, .tool = { .id = SLICE("c2"), .name = SLICE("g") } });
	answer_add(&r, &(struct event){ .kind = EVENT_TOOL_ARGUMENTS, .block = 2, .text = SLICE("{}") });
	answer_add(&r, &(struct event){ .kind = EVENT_TOOL_ARGUMENTS, .block = 1, .text = SLICE("{\"a\"") });
	answer_add(&r, &(struct event){ .kind = EVENT_TOOL_ARGUMENTS, .block = 1, .text = SLICE(":1}") });
	answer_add(&r, &(struct event){ .kind = EVENT_TEXT, .choice = 1, .text = SLICE("other") });
	answer_add(&r, &(struct event){ .kind = EVENT_STOP, .stop.reason = STOP_TOOL_CALLS });
	assert_int_equal(r.choice_count, 2);
	assert_slice(buf_slice(&r.choices[0].blocks->text), "hm");
	assert_slice(r.choices[0].blocks->state, "s");
	assert_slice(buf_slice(&answer_find(&r.choices[0], 1)->text), "{\"a\":1}");
	assert_slice(buf_slice(&answer_find(&r.choices[0], 2)->text), "{}");
	assert_slice(buf_slice(&r.choices[1].blocks->text), "other");
	assert_true(r.choices[0].stopped);
	assert_false(r.overflow);
	answer_done(&r);
	arena_done(&a);
}

static void test_fold_keeps_its_limit(void **state)
{
	struct arena a;
	struct answer r;

	arena_init(&a);
	answer_init(&r, &a, 10);
	for (unsigned i = 0; i < 5; i++)
		answer_add(&r, &(struct event){ .kind = EVENT_TEXT, .text = SLICE("abcd") });
	assert_true(r.overflow);
	assert_true(r.choices[0].blocks->text.len <= 10);
	answer_done(&r);
	arena_done(&a);
}

static void test_fold_many_parts(void **state)
{
	struct arena a;
	struct answer r;
	struct logprob top[2] = { { .token = SLICE("x"), .value = -1 }, { .token = SLICE("y"), .value = -2 } };
	struct logprob one = { .token = SLICE("x"), .value = -1, .top = top, .top_count = 2 };

	arena_init(&a);
	answer_init(&r, &a, 100000);
	for (unsigned i = 0; i < 9; i++) {
		answer_add(&r, &(struct event){ .kind = EVENT_TEXT, .text = SLICE("a") });
		answer_add(&r, &(struct event){ .kind = EVENT_CITATION, .citation = { .url = SLICE("https://x"), .start = i } });
		answer_add(&r, &(struct event){ .kind = EVENT_LOGPROBS, .logprobs = { .items = &one, .count = 1 } });
	}
	answer_add(&r, &(struct event){ .kind = EVENT_MEDIA, .block = 1, .media = { .mime = SLICE("image/png"), .value = SLICE("AA") } });
	answer_add(&r, &(struct event){ .kind = EVENT_MEDIA, .block = 1, .media = { .mime = SLICE("image/png"), .value = SLICE("BB") } });
	struct answer_block *text = r.choices[0].blocks;
	assert_int_equal(text->citation_count, 9);
	assert_int_equal(text->citations[8].start, 8);
	assert_int_equal(text->logprob_count, 9);
	assert_slice(text->logprobs[8].top[1].token, "y");
	assert_slice(buf_slice(&text->next->text), "AABB");
	answer_done(&r);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop_table),
		cmocka_unit_test(test_list_has_a_limit),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_citations_wait_for_their_block),
		cmocka_unit_test(test_prepare),
		cmocka_unit_test(test_prepare_null_arguments),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_fold_keeps_its_limit),
		cmocka_unit_test(test_fold_many_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
