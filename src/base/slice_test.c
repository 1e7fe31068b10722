/* SPDX-License-Identifier: Apache-2.0 */
/* Slices: searching, cutting, numbers, edit distance, globs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include "base/cleanup.h"
#include "base/slice.h"

#define S(literal) SLICE(literal)

static void compares(void **state)
{
	assert_true(slice_eq(S(""), slice_of(NULL, 0)));
	assert_false(slice_eq(S("a"), S("A")));
	assert_true(slice_eq_nocase(S("Content-Type"), S("content-tYPE")));
	assert_false(slice_eq_nocase(S("[a"), S("{a")));
	assert_false(slice_eq_nocase(S("@"), S("`")));
	assert_true(slice_starts_with(S("abc"), S("ab")));
	assert_false(slice_starts_with(S("a"), S("ab")));
	assert_true(slice_ends_with(S("abc"), S("bc")));
	assert_true(slice_ends_with(S("abc"), S("")));
}

static void searches(void **state)
{
	assert_int_equal(slice_find(S("hello"), S("l")), 2);
	assert_int_equal(slice_find(S("hello"), S("")), 0);
	assert_true(slice_find(S("he"), S("hello")) == SIZE_MAX);
	assert_true(slice_find(slice_of(NULL, 0), S("x")) == SIZE_MAX);
	assert_int_equal(slice_find_nocase(S("see HTTP/2"), S("http")), 4);
	assert_true(slice_find_nocase(S("see HTT"), S("http")) == SIZE_MAX);
	assert_int_equal(slice_find_nocase(S(""), S("")), 0);
	assert_true(slice_eq(slice_trim(S(" \t a b\t")), S("a b")));
	assert_true(slice_eq(slice_trim(S(" \t")), S("")));
}

static void cuts_tokens(void **state)
{
	struct slice rest = S("a,,b");
	assert_true(slice_eq(slice_next_token(&rest, ','), S("a")));
	assert_true(slice_eq(slice_next_token(&rest, ','), S("")));
	assert_non_null(rest.ptr);
	assert_true(slice_eq(slice_next_token(&rest, ','), S("b")));
	assert_null(rest.ptr);
	rest = S("a,");
	assert_true(slice_eq(slice_next_token(&rest, ','), S("a")));
	assert_non_null(rest.ptr);
	assert_true(slice_eq(slice_next_token(&rest, ','), S("")));
	assert_null(rest.ptr);
}

static void reads_numbers(void **state)
{
	unsigned long long n = 7;
	assert_true(slice_to_u64(S("0"), &n));
	assert_true(n == 0);
	assert_true(slice_to_u64(S("18446744073709551615"), &n));
	assert_true(n == ULLONG_MAX);
	assert_false(slice_to_u64(S("18446744073709551616"), &n));
	assert_false(slice_to_u64(S("99999999999999999999"), &n));
	assert_false(slice_to_u64(S(""), &n));
	assert_false(slice_to_u64(S("-1"), &n));
	assert_false(slice_to_u64(S("1 "), &n));
	assert_true(n == ULLONG_MAX);
}

static void measures_edits(void **state)
{
	assert_int_equal(slice_edit_distance(S(""), S("")), 0);
	assert_int_equal(slice_edit_distance(S(""), S("abc")), 3);
	assert_int_equal(slice_edit_distance(S("kitten"), S("sitting")), 3);
	assert_int_equal(slice_edit_distance(S("provdier"), S("provider")), 1);
	assert_int_equal(slice_edit_distance(S("models"), S("model")), 1);
	assert_int_equal(slice_edit_distance(S("abc"), S("abc")), 0);
	char text[200];
	memset(text, 'a', sizeof(text));
	assert_int_equal(slice_edit_distance(slice_of(text, 200), S("a")), UINT_MAX);
	assert_int_equal(slice_edit_distance(slice_of(text, 128), slice_of(text, 127)), 1);
}

static void matches_globs(void **state)
{
	static const struct { const char *text, *pattern; bool matches; } cases[] = {
		{ "", "", true }, { "", "*", true }, { "a", "", false }, { "gpt-4o", "gpt-*", true },
		{ "gpt-4o", "*", true }, { "gpt-4o", "gpt-4", false }, { "gpt-4o-mini", "*4o*", true },
		{ "aab", "*ab", true }, { "mississippi", "m*iss*pi", true }, { "mississippi", "m*issx*pi", false },
		{ "abc", "a**c", true }, { "GPT", "gpt", false }, { "ab", "a*b*c", false },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(slice_matches_glob(slice_cstr(cases[i].text), slice_cstr(cases[i].pattern)), cases[i].matches);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares), cmocka_unit_test(searches), cmocka_unit_test(cuts_tokens),
		cmocka_unit_test(reads_numbers), cmocka_unit_test(measures_edits), cmocka_unit_test(matches_globs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
