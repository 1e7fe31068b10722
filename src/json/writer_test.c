/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "json/json.h"
#include "json/seed_support.h"
#include "json/writer.h"

static struct buf out;
static struct json_writer writer;

static struct json_writer *fresh(size_t limit)
{
	buf_done(&out);
	buf_init(&out, limit);
	json_writer_init(&writer, &out);
	return &writer;
}

static void assert_written(const char *should)
{
	assert_false(writer.overflow);
	assert_int_equal(out.len, strlen(should));
	assert_memory_equal(buf_slice(&out).ptr, should, out.len);
}

static void test_commas_and_nesting(void **state)
{
	struct json_writer *w = fresh(1000);

	json_begin_object(w);
	json_member_cstr(w, "a", "x");
	json_member_int(w, "b", -5);
	json_key(w, SLICE("c"));
	json_begin_array(w);
	json_null(w);
	json_begin_object(w);
	json_end_object(w);
	json_begin_array(w);
	json_end_array(w);
	json_uint(w, UINT64_MAX);
	json_int(w, INT64_MIN);
	json_end_array(w);
	json_member_bool(w, "d", true);
	json_key(w, SLICE("e"));
	json_value_raw(w, SLICE("{\"raw\":1}"));
	json_member_bool(w, "f", false);
	json_end_object(w);
	assert_written("{\"a\":\"x\",\"b\":-5,\"c\":[null,{},[],18446744073709551615,-9223372036854775808],\"d\":true,\"e\":{\"raw\":1},\"f\":false}");
}

static void test_strings(void **state)
{
	json_string(fresh(100), SLICE("plain \xe4\xb8\xad\xf0\x9f\x98\x80/\x7f"));
	assert_written("\"plain \xe4\xb8\xad\xf0\x9f\x98\x80/\x7f\"");
	json_string(fresh(100), SLICE("\"\\\b\f\n\r\t\x01\x1f\0"));
	assert_written("\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\"");
	json_string(fresh(100), SLICE("a\xff" "b\xe4\xb8" "c\xed\xa0\x80"));
	assert_written("\"a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd" "c\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	json_string(fresh(100), (struct slice){ 0 });
	assert_written("\"\"");
}

static void assert_double(double value, const char *should)
{
	json_double(fresh(100), value);
	assert_written(should);
}

static void test_doubles(void **state)
{
	assert_double(0, "0");
	assert_double(-0.0, "-0");
	assert_double(1, "1");
	assert_double(0.1, "0.1");
	assert_double(0.1 + 0.2, "0.30000000000000004");
	assert_double(100, "100");
	assert_double(1e21, "1e+21");
	assert_double(5e-324, "5e-324");
	assert_double(1.7976931348623157e308, "1.7976931348623157e+308");
	assert_double(1.0 / 3, "0.3333333333333333");
	assert_double((double)NAN, "null");
	assert_double((double)-INFINITY, "null");
}

/* Whatever the limit, nothing is written beyond it and the overflow stays known. */
static void test_overflow(void **state)
{
	for (size_t limit = 0; limit < 26; limit++) {
		struct json_writer *w = fresh(limit);

		json_begin_object(w);
		json_member_cstr(w, "key", "value\n");
		json_member_int(w, "n", 12345);
		json_end_object(w);
		assert_true(out.len <= limit);
		assert_int_equal(w->overflow, limit < sizeof("{\"key\":\"value\\n\",\"n\":12345}") - 1);
	}
}

/* What is written is read back as it was, whatever the bytes. */
static void test_round_trip(void **state)
{
	char bytes[300];

	srandom(test_seed());
	for (unsigned round = 0; round < 2000; round++) {
		size_t len = (size_t)random() % sizeof(bytes);
		struct arena a;
		struct json_doc doc;
		struct json_error error;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)(random() % (round % 2 ? 128 : 256));
		json_string(fresh(10000), slice_of(bytes, len));
		arena_init(&a);
		assert_true(json_parse(&a, buf_slice(&out), &doc, &error));
		if (round % 2)
			assert_true(json_text_eq(json_root(&doc), slice_of(bytes, len)));
		arena_done(&a);
	}
}

static int done(void **state)
{
	buf_done(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commas_and_nesting), cmocka_unit_test(test_strings), cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_overflow), cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}
