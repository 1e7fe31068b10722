/* SPDX-License-Identifier: Apache-2.0 */
/* Failures: every kind has a name; messages are cut at characters and are always clean UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/failure.h"
#include "base/utf8.h"

static void every_kind_has_its_own_name(void **state)
{
	for (int i = 0; i < FAILURE_KIND_COUNT; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(failure_kind_name((enum failure_kind)i), failure_kind_name((enum failure_kind)j));
	assert_string_equal(failure_kind_name(FAILURE_TIMEOUT_FIRST_TOKEN), "timeout_first_token");
}

static void fills_in_and_clears(void **state)
{
	struct failure f;
	memset(&f, 'x', sizeof(f));
	assert_false(failure_set(&f, FAILURE_SERVER, "answered %d", 503));
	assert_int_equal(f.kind, FAILURE_SERVER);
	assert_int_equal(f.status, 0);
	assert_int_equal(f.retry_after_ms, -1);
	assert_string_equal(f.message, "answered 503");
	assert_string_equal(f.type, "");
	assert_string_equal(f.code, "");
	assert_string_equal(f.param, "");
	failure_set(&f, FAILURE_CUT, "cut: %s", f.message);
	assert_string_equal(f.message, "cut: answered 503");
}

static void cuts_at_characters(void **state)
{
	struct failure f;
	/* U+20AC is three bytes: 1023 bytes hold 341 of them, and with one byte before them 340. */
	char text[3 * 400 + 1];
	for (int i = 0; i < 400; i++)
		memcpy(text + 3 * i, "\xe2\x82\xac", 3);
	text[sizeof(text) - 1] = '\0';
	failure_set(&f, FAILURE_SERVER, "%s", text);
	assert_int_equal(strlen(f.message), 1023);
	failure_set(&f, FAILURE_SERVER, "x%s", text);
	assert_int_equal(strlen(f.message), 1 + 3 * 340);
}

static void cleans_what_it_copies(void **state)
{
	char field[8];
	failure_copy_text(field, sizeof(field), SLICE("a\r\nb\x7f"));
	assert_string_equal(field, "a  b ");
	failure_copy_text(field, sizeof(field), slice_of("a\xff\xc3(\0b", 6));
	assert_string_equal(field, "a?\?( b");
	failure_copy_text(field, sizeof(field), slice_of("\xe2\x82", 2));
	assert_string_equal(field, "??");
	failure_copy_text(field, sizeof(field), SLICE("123456\xc3\xa9"));
	assert_string_equal(field, "123456");
	failure_copy_text(field, 1, SLICE("x"));
	assert_string_equal(field, "");
}

static void knows_sequences(void **state)
{
	static const struct { const char *text; size_t len; } cases[] = {
		{ "a", 1 }, { "\xc3\xa9", 2 }, { "\xe2\x82\xac", 3 }, { "\xf0\x9f\x98\x80", 4 }, { "\xc0\x80", 0 }, { "\xe0\x80\x80", 0 },
		{ "\xed\xa0\x80", 0 }, { "\xf0\x80\x80\x80", 0 }, { "\xf4\x90\x80\x80", 0 }, { "\xf5\x80\x80\x80", 0 }, { "\x80", 0 },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(utf8_sequence(cases[i].text, strlen(cases[i].text)), cases[i].len);
	assert_int_equal(utf8_sequence("", 0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_its_own_name), cmocka_unit_test(fills_in_and_clears),
		cmocka_unit_test(cuts_at_characters), cmocka_unit_test(cleans_what_it_copies), cmocka_unit_test(knows_sequences),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
