/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader: what it takes and refuses, and how values are looked at. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "json/json.h"
#include "json/json_cases.h"

static struct arena arena;
static struct json_doc doc;

/* Parses; the previous document is gone. */
static struct json parse(struct slice text)
{
	struct json_error error;

	arena_reset(&arena);
	assert_true(json_parse(&arena, text, &doc, &error));
	return json_root(&doc);
}

static void assert_slice(struct slice is, const char *should)
{
	assert_int_equal(is.len, strlen(should));
	assert_memory_equal(is.ptr, should, is.len);
}

static bool accepts(struct slice text)
{
	struct json_error error = { 0 };
	bool ok;

	arena_reset(&arena);
	ok = json_parse(&arena, text, &doc, &error);
	assert_int_equal(ok, error.message == NULL);
	assert_true(error.offset <= text.len);
	return ok;
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < COUNT_OF(json_accepted); i++) {
		if (!accepts(json_accepted[i]))
			fail_msg("refused: %.*s", SLICE_ARG(json_accepted[i]));
	}
	for (size_t i = 0; i < COUNT_OF(json_refused); i++) {
		if (accepts(json_refused[i]))
			fail_msg("accepted: %.*s", SLICE_ARG(json_refused[i]));
	}
	assert_false(accepts((struct slice){ 0 }));
}

static void assert_refused(const char *text, size_t offset, const char *message)
{
	struct json_error error = { 0 };

	assert_false(json_parse(&arena, slice_cstr(text), &doc, &error));
	assert_string_equal(error.message, message);
	assert_int_equal(error.offset, offset);
}

static void test_errors_point_at_the_place(void **state)
{
	unsigned line, column;

	assert_refused("{\"a\":1", 6, "unexpected end");
	assert_refused("{\"a\":tru}", 5, "unexpected character");
	assert_refused("{\"a\":\"x\\q\"}", 7, "bad escape");
	assert_refused("{\"a\":\"x\ny\"}", 7, "control character in a string");
	assert_refused("[\"\xff\"]", 2, "invalid UTF-8");
	assert_refused("[01]", 3, "bad number");
	assert_refused("[1]]", 3, "something follows the value");
	assert_refused("[1;2]", 2, "expected a comma or the closing bracket");
	assert_refused("{1:2}", 1, "expected a member name");
	assert_refused("{\"a\";2}", 4, "expected a colon");
	json_position(SLICE("{\n  \"\xc3\xa9\": x\n}"), 9, &line, &column);
	assert_int_equal(line, 2);
	assert_int_equal(column, 7);
	json_position(SLICE("x"), 0, &line, &column);
	assert_int_equal(line, 1);
	assert_int_equal(column, 1);
}

static void test_depth_is_capped(void **state)
{
	char text[2 * (JSON_DEPTH_MAX + 1)];

	memset(text, '[', sizeof(text) / 2);
	memset(text + sizeof(text) / 2, ']', sizeof(text) / 2);
	assert_true(accepts(slice_of(text + 1, sizeof(text) - 2)));
	assert_false(accepts(slice_of(text, sizeof(text))));
}

static void test_number_of_values_is_capped(void **state)
{
	enum { ELEMENTS = JSON_NODES_MAX };
	char *text = xmalloc(2 * ELEMENTS + 1);

	for (size_t i = 0; i < ELEMENTS; i++)
		memcpy(text + 2 * i, ",0", 2);
	text[0] = '[';
	text[2 * ELEMENTS] = ']';
	assert_false(accepts(slice_of(text, 2 * ELEMENTS + 1)));
	text[2 * ELEMENTS - 2] = ']';
	assert_true(accepts(slice_of(text, 2 * ELEMENTS - 1)));
	assert_int_equal(json_count(json_root(&doc)), ELEMENTS - 1);
	assert_int_equal(doc.count, JSON_NODES_MAX);
	free(text);
}

static void test_members_and_elements(void **state)
{
	struct json root = parse(SLICE("{\"model\":\"m\",\"n\":[10,[20],{\"x\":30}],\"model\":7,\"str\\u0065am\":true,\"e\":{},\"f\":[]}"));
	struct json list = json_get(root, "n");

	assert_slice(json_raw(json_get(root, "model")), "\"m\"");
	assert_int_equal(json_member_count(root, SLICE("model")), 2);
	assert_int_equal(json_member_count(root, SLICE("stream")), 1);
	assert_int_equal(json_member_count(root, SLICE("x")), 0);
	assert_true(json_is(json_get(root, "stream"), JSON_TRUE));
	assert_false(json_exists(json_get(root, "mode")));
	assert_int_equal(json_count(root), 6);
	assert_int_equal(json_count(list), 3);
	assert_slice(json_raw(list), "[10,[20],{\"x\":30}]");
	assert_slice(json_raw(json_at(list, 1)), "[20]");
	assert_int_equal(json_i64_or(json_get(json_at(list, 2), "x"), -1), 30);
	assert_false(json_exists(json_at(list, 3)));
	assert_int_equal(json_count(json_get(root, "e")), 0);
	assert_int_equal(json_count(json_get(root, "f")), 0);
}

static void test_walk(void **state)
{
	struct json root = parse(SLICE("{\"a\":[1,2],\"b\":{\"c\":3},\"d\":4}"));
	static const char *const keys[] = { "a", "b", "d" }, *const values[] = { "[1,2]", "{\"c\":3}", "4" };
	unsigned i = 0;

	for (struct json_walk w = json_walk(root); json_walk_next(&w); i++) {
		assert_true(json_text_eq(w.key, slice_cstr(keys[i])));
		assert_slice(json_raw(w.value), values[i]);
	}
	assert_int_equal(i, 3);
	for (struct json_walk w = json_walk(json_get(root, "a")); json_walk_next(&w); i++)
		assert_false(json_exists(w.key));
	assert_int_equal(i, 5);
	for (struct json_walk w = json_walk(json_get(root, "d")); json_walk_next(&w);)
		fail();
}

static void test_missing_is_harmless(void **state)
{
	struct json missing = { 0 };
	int64_t integer;
	double real;

	assert_false(json_exists(json_get(missing, "a")));
	assert_false(json_exists(json_at(missing, 0)));
	assert_int_equal(json_member_count(missing, SLICE("a")), 0);
	assert_int_equal(json_count(missing), 0);
	assert_null(json_raw(missing).ptr);
	assert_null(json_text(missing, &arena).ptr);
	assert_false(json_text_eq(missing, SLICE("")));
	assert_false(json_to_i64(missing, &integer));
	assert_false(json_to_double(missing, &real));
	assert_true(json_to_bool(missing, true));
	assert_int_equal(json_i64_or(missing, 9), 9);
	assert_int_equal(json_type(missing), JSON_MISSING);
	for (struct json_walk w = json_walk(missing); json_walk_next(&w);)
		fail();
	/* A failed parse leaves a document without a root. */
	assert_false(accepts(SLICE("[")));
	assert_false(json_exists(json_root(&doc)));
}

static void test_text(void **state)
{
	struct json plain = parse(SLICE("\"abc\""));
	struct json escaped;

	assert_ptr_equal(json_text(plain, &arena).ptr, doc.text.ptr + 1);
	assert_non_null(json_text(parse(SLICE("\"\"")), &arena).ptr);
	assert_null(json_text(parse(SLICE("12")), &arena).ptr);
	escaped = parse(SLICE("\"\\\"\\\\\\/\\b\\f\\n\\r\\t-\\u0041\\u00e9\\u4E2d\\ud83d\\ude00\xe4\xb8\xad\""));
	assert_slice(json_text(escaped, &arena), "\"\\/\b\f\n\r\t-A\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\xe4\xb8\xad");
	assert_true(json_text_eq(escaped, json_text(escaped, &arena)));
	assert_true(json_text_eq(parse(SLICE("\"a\\u0000b\"")), SLICE("a\0b")));
	assert_false(json_text_eq(parse(SLICE("\"a\\u0000b\"")), SLICE("a")));
	assert_false(json_text_eq(parse(SLICE("\"\\u0061\"")), SLICE("ab")));
	assert_false(json_text_eq(parse(SLICE("\"\\ud83d\\ude00\"")), SLICE("\xf0\x9f\x98")));
}

static void assert_i64(const char *text, int64_t should)
{
	int64_t is;

	assert_true(json_to_i64(parse(slice_cstr(text)), &is));
	assert_true(is == should);
}

static void assert_no_i64(const char *text)
{
	int64_t is;

	assert_false(json_to_i64(parse(slice_cstr(text)), &is));
}

static void test_integers(void **state)
{
	assert_i64("0", 0);
	assert_i64("-0", 0);
	assert_i64("0.000e5", 0);
	assert_i64("42", 42);
	assert_i64("1e3", 1000);
	assert_i64("1.0", 1);
	assert_i64("1.50E1", 15);
	assert_i64("1200e-2", 12);
	assert_i64("0.001e3", 1);
	assert_i64("10050", 10050);
	assert_i64("9223372036854775807", INT64_MAX);
	assert_i64("-9223372036854775808", INT64_MIN);
	assert_i64("0e99999999999999999999", 0);
	assert_no_i64("1.5");
	assert_no_i64("1e-1");
	assert_no_i64("9223372036854775808");
	assert_no_i64("-9223372036854775809");
	assert_no_i64("1e19");
	assert_no_i64("1e999999999999999999999");
	assert_no_i64("1e-999999999999999999999");
	assert_no_i64("100000000000000000000000000000000000001");
	assert_no_i64("\"1\"");
	assert_no_i64("null");
	assert_int_equal(json_i64_or(parse(SLICE("-1")), 7), 7);
	assert_int_equal(json_i64_or(parse(SLICE("12")), 7), 12);
}

static void test_doubles(void **state)
{
	double d;

	assert_true(json_to_double(parse(SLICE("-1.25e2")), &d) && d == -125);
	assert_true(json_to_double(parse(SLICE("0.1")), &d) && d == 0.1);
	assert_true(json_to_double(parse(SLICE("1000000000000000000000000000000000000000000000000000000000000000000000000000000")), &d) && d == 1e78);
	assert_false(json_to_double(parse(SLICE("1e999")), &d));
	assert_false(json_to_double(parse(SLICE("true")), &d));
	assert_true(json_to_bool(parse(SLICE("true")), false));
	assert_false(json_to_bool(parse(SLICE("false")), true));
	assert_true(json_to_bool(parse(SLICE("\"false\"")), true));
}

/* Every special byte at every place relative to the blocks that the scanner takes at once. */
static void test_blocks(void **state)
{
	static const char *const specials[] = { "\\n", "\\ud83d\\ude00", "\xe4\xb8\xad", "\xc3\xa9", "\xf0\x9f\x98\x80" };
	char text[400], broken[400], filling[200];

	memset(filling, 'a', sizeof(filling));
	for (size_t s = 0; s < COUNT_OF(specials); s++) {
		for (size_t before = 0; before < 180; before++) {
			int len = snprintf(text, sizeof(text), "[\"%.*s%s%.*s\"]", (int)before, filling, specials[s],
					   (int)(before % 37), filling);

			assert_true(accepts(slice_of(text, (size_t)len)));
			memcpy(broken, text, (size_t)len);
			broken[before + 2] = '\x01';
			assert_false(accepts(slice_of(broken, (size_t)len)));
			broken[before + 2] = '\xff';
			assert_false(accepts(slice_of(broken, (size_t)len)));
			broken[before + 2] = '"';
			assert_false(accepts(slice_of(broken, (size_t)len)));
		}
	}
}

static int done(void **state)
{
	arena_done(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases), cmocka_unit_test(test_errors_point_at_the_place), cmocka_unit_test(test_depth_is_capped),
		cmocka_unit_test(test_number_of_values_is_capped), cmocka_unit_test(test_members_and_elements), cmocka_unit_test(test_walk),
		cmocka_unit_test(test_missing_is_harmless), cmocka_unit_test(test_text), cmocka_unit_test(test_integers),
		cmocka_unit_test(test_doubles), cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}
