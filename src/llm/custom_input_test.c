/* SPDX-License-Identifier: Apache-2.0 */
/* A custom tool's text out of a function's arguments, wherever they are cut. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "llm/answer.h"
#include "llm/custom_input.h"

static const struct { const char *arguments, *text; } rows[] = {
	{ "{\"input\":\"ls -l\"}", "ls -l" },
	{ " { \"input\" : \"a\\n\\\"b\\\"\\\\ \\u00e4\\t\" } \n", "a\n\"b\"\\ ä\t" },
	{ "{\"input\":\"\\ud83d\\ude00\"}", "😀" },
	{ "{\"input\":\"\\ud83dx\\udc00\"}", "\xef\xbf\xbdx\xef\xbf\xbd" },
	{ "{\"input\":\"\\ud83d\\n\\ud83d\"}", "\xef\xbf\xbd\n\xef\xbf\xbd" },
	{ "{\"input\":\"\"}", "" },
	{ "{}", "" },
	{ "", "" },
	{ "*** Begin", "*** Begin" },
	{ "{\"input\":[1]}", "[1]}" },
};

static void test_every_cut(void **state)
{
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct slice all = slice_cstr(rows[i].arguments);

		for (size_t cut = 0; cut <= all.len; cut++) {
			struct custom_input c = { .place = INPUT_BEFORE };
			struct slice first = custom_input_read(&c, slice_of(all.ptr, cut), &a);
			struct slice second = custom_input_read(&c, slice_after(all, cut), &a);

			assert_true(slice_eq(arena_join(&a, first, second), slice_cstr(rows[i].text)));
		}
	}
	arena_done(&a);
}

static void test_answers(void **state)
{
	static struct answering s;
	struct arena a;
	struct names names;
	struct event e = { .kind = EVENT_TOOL_BEGIN, .block = 3 };

	arena_init(&a);
	names_init(&names, &a);
	struct slice theirs = names_out(&names, SLICE("apply patch"), &name_rule_anthropic);
	names_add_custom(&names, SLICE("apply patch"));
	names_add_custom(&names, SLICE("shell"));
	assert_true(names_is_custom(&names, SLICE("shell")) && names_is_custom(&names, theirs));
	assert_false(names_is_custom(&names, SLICE("other")));
	answering_init(&s, SLICE("p"), DIALECT_ANTHROPIC, &names, 1);
	e.tool.id = SLICE("i");
	e.tool.name = theirs;
	answering_prepare(&s, &e, &a);
	assert_true(e.tool.custom && slice_eq(e.tool.name, SLICE("apply patch")));
	e = (struct event){ .kind = EVENT_TOOL_ARGUMENTS, .block = 3, .text = SLICE("{\"input\":\"a\\n\"}") };
	answering_prepare(&s, &e, &a);
	assert_true(slice_eq(e.text, SLICE("a\n")));
	e = (struct event){ .kind = EVENT_TOOL_ARGUMENTS, .block = 4, .text = SLICE("{\"input\":1}") };
	answering_prepare(&s, &e, &a);
	assert_true(slice_eq(e.text, SLICE("{\"input\":1}")));
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_cut), cmocka_unit_test(test_answers) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
