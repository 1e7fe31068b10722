/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations whose calls and results do not stand where they should. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "llm/pairing.h"

static struct arena a;
static struct chat c;
static struct failure f;

static int setup(void **state)
{
	arena_init(&a);
	chat_init(&c, DIALECT_OPENAI_RESPONSES);
	turn_add_text(chat_add_turn(&c, &a, ROLE_USER), &a, SLICE("go"));
	return 0;
}

static int teardown(void **state)
{
	arena_done(&a);
	return 0;
}

static void add_call(const char *id)
{
	struct part *p = turn_add_part(chat_turn_of(&c, &a, ROLE_ASSISTANT), &a, PART_TOOL_CALL);

	p->call->id = slice_cstr(id);
	p->call->name = SLICE("f");
}

static void add_result(const char *id)
{
	turn_add_part(chat_turn_of(&c, &a, ROLE_USER), &a, PART_TOOL_RESULT)->result->id = slice_cstr(id);
}

static void add_system(const char *text)
{
	turn_add_text(chat_add_turn(&c, &a, ROLE_SYSTEM), &a, slice_cstr(text));
}

static void assert_refused(const char *what)
{
	assert_false(chat_finish(&c, &a, &f));
	assert_int_equal(f.kind, FAILURE_BAD_REQUEST);
	assert_non_null(strstr(f.message, what));
}

static void test_result_without_call(void **state)
{
	add_result("lost");
	assert_refused("result \"lost\" answers no call");
}

static void test_result_before_its_call(void **state)
{
	add_result("early");
	add_call("early");
	assert_refused("result \"early\" answers no call");
}

static void test_call_without_result(void **state)
{
	add_call("one");
	add_call("two");
	add_result("two");
	assert_refused("call \"one\" has no result");
}

static void test_last_call_may_wait(void **state)
{
	add_call("one");
	assert_true(chat_finish(&c, &a, &f));
}

static void test_any_order_with_words_between(void **state)
{
	add_call("one");
	add_call("two");
	add_result("two");
	turn_add_text(chat_turn_of(&c, &a, ROLE_USER), &a, SLICE("wait"));
	turn_add_text(chat_add_turn(&c, &a, ROLE_ASSISTANT), &a, SLICE("for the other"));
	add_result("one");
	assert_true(chat_finish(&c, &a, &f));
}

static void test_lenient_dialects(void **state)
{
	c.dialect = DIALECT_OLLAMA;
	add_result("lost");
	add_call("one");
	turn_add_text(chat_add_turn(&c, &a, ROLE_USER), &a, SLICE("well?"));
	assert_true(chat_finish(&c, &a, &f));
}

static void test_earlier_part_elsewhere(void **state)
{
	add_result("of the response before");
	c.previous_response_id = SLICE("resp_1");
	assert_true(chat_finish(&c, &a, &f));
}

static void assert_roles(const char *roles)
{
	for (const struct turn *t = c.turns; t; t = t->next, roles++)
		assert_int_equal(*roles, "sua"[t->role]);
	assert_int_equal(*roles, 0);
}

static void test_system_moves_behind_results(void **state)
{
	add_call("one");
	add_call("two");
	add_system("first");
	add_result("two");
	add_system("second");
	add_result("one");
	assert_true(chat_finish(&c, &a, &f));
	assert_roles("uauuss");
	assert_true(slice_eq(c.last_turn->parts->text, SLICE("second")));
	assert_null(c.last_turn->next);
}

static void test_system_after_results_stays(void **state)
{
	add_call("one");
	add_result("one");
	add_system("then");
	add_call("two");
	assert_true(chat_finish(&c, &a, &f));
	assert_roles("uausa");
}

static struct slice call_id(const struct turn *t)
{
	return t->parts->call->id;
}

/* Models that count their calls anew in every turn. */
static void test_repeated_ids_become_distinct(void **state)
{
	add_call("f:0");
	add_result("f:0");
	add_call("f:0");
	add_call("f:0");
	add_result("f:0");
	add_result("f:0");
	assert_true(chat_finish(&c, &a, &f));

	struct turn *first = c.turns->next, *second = first->next->next;
	struct part *other = second->parts->next;

	assert_true(slice_eq(call_id(first), SLICE("f:0")));
	assert_true(slice_eq(first->next->parts->result->id, SLICE("f:0")));
	assert_true(slice_eq(call_id(second), SLICE("f:0_3_0")));
	assert_true(slice_eq(other->call->id, SLICE("f:0_3_1")));
	assert_true(slice_eq(second->next->parts->result->id, SLICE("f:0_3_0")));
	assert_true(slice_eq(second->next->parts->next->result->id, SLICE("f:0_3_1")));
}

static void add_result_text(const char *id, const char *text)
{
	add_result(id);
	result_add_part(c.last_turn->last->result, &a, PART_TEXT)->text = slice_cstr(text);
}

/* One call has one result: what a second one says joins it, once. */
static void test_second_result_joins_the_first(void **state)
{
	struct tool_result *r;

	add_call("a");
	add_result_text("a", "one");
	add_result_text("a", "one");
	turn_add_text(chat_add_turn(&c, &a, ROLE_ASSISTANT), &a, SLICE("hm"));
	add_result_text("a", "two");
	assert_true(chat_finish(&c, &a, &f));
	r = c.turns->next->next->parts->result;
	assert_null(c.turns->next->next->parts->next);
	assert_true(slice_eq(r->parts->text, SLICE("one")));
	assert_true(slice_eq(r->parts->next->text, SLICE("two")));
	assert_null(r->parts->next->next);
	assert_ptr_equal(c.last_turn, c.turns->next->next->next);
	assert_null(c.last_turn->next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_result_without_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_result_before_its_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_call_without_result, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_call_may_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_order_with_words_between, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lenient_dialects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_earlier_part_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_system_moves_behind_results, setup, teardown),
		cmocka_unit_test_setup_teardown(test_system_after_results_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repeated_ids_become_distinct, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_result_joins_the_first, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
