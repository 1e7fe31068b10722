/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of JSON: every split of a small corpus, line ends, the last line, the cap, writing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "http/framing_property.h"

static const char *const streams[] = {
	"{\"response\":\"a\",\"done\":false}\n{\"response\":\"\",\"done\":true}\n",
	"{\"a\":1}\r\n{\"b\":2}\r\n",
	"{\"a\":1}\n\n \t\n\r\n{\"b\":2}",
	"{\"cr inside\":\"\r\"}\r\r\n{}\r",
	"{\"text\":\"\xe4\xb8\xad\xe6\x96\x87\xf0\x9f\x98\x80 \\n\"}\n",
	"\n\n", "\r", " ", "x", "",
};

static void test_every_split(void **state)
{
	for (size_t i = 0; i < COUNT_OF(streams); i++)
		every_split(slice_cstr(streams[i]), ndjson_property);
}

static void test_frames(void **state)
{
	struct framer f;
	struct frame frame;

	framer_init(&f, FRAMING_NDJSON, FRAME_MAX);
	framer_feed(&f, SLICE("{\"a\":1}\r\n\n{\"b\""));
	assert_true(framer_next(&f, &frame));
	assert_true(slice_eq(frame.raw, SLICE("{\"a\":1}\r\n")));
	assert_true(slice_eq(frame.data, SLICE("{\"a\":1}")));
	assert_true(frame.has_data && frame.event.len == 0 && !frame.exception.ptr && !frame.closes);
	assert_true(framer_next(&f, &frame));
	assert_true(slice_eq(frame.raw, SLICE("\n")));
	assert_false(frame.has_data);
	assert_false(framer_next(&f, &frame));
	assert_true(framer_has_tail(&f));
	assert_false(framer_is_complete(&f));
	framer_feed(&f, SLICE(":2}"));
	assert_false(framer_next(&f, &frame));
	assert_true(framer_end(&f, &frame));
	assert_true(slice_eq(frame.raw, SLICE("{\"b\":2}")));
	assert_true(slice_eq(frame.data, SLICE("{\"b\":2}")));
	assert_true(framer_is_complete(&f));
	assert_false(framer_end(&f, &frame));
	framer_done(&f);
}

static void assert_overflow(const char *text, size_t frame_max, bool should)
{
	size_t (*const portions[])(void *) = { portion_of_all, portion_of_one };
	struct framing_outcome o;

	for (unsigned i = 0; i < COUNT_OF(portions); i++) {
		framing_replay(&o, FRAMING_NDJSON, slice_cstr(text), frame_max, portions[i], NULL);
		assert_int_equal(o.overflow, should);
		assert_int_equal(o.complete, !should);
		outcome_done(&o);
	}
}

static void test_frame_max(void **state)
{
	assert_overflow("{}\n{\"a\":1}\n{}\n", 8, false);
	assert_overflow("{}\n{\"a\":1}\n{}\n", 7, true);
	assert_overflow("{\"never ends", 5, true);
}

static void test_write(void **state)
{
	struct buf out;

	buf_init(&out, 11);
	assert_true(ndjson_write(&out, SLICE("{\"a\":1}")));
	assert_false(ndjson_write(&out, SLICE("{ }")));
	assert_true(ndjson_write(&out, SLICE("{}")));
	assert_true(slice_eq(buf_slice(&out), SLICE("{\"a\":1}\n{}\n")));
	assert_string_equal(framing_content_type(FRAMING_NDJSON), "application/x-ndjson");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split), cmocka_unit_test(test_frames), cmocka_unit_test(test_frame_max), cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
