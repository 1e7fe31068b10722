/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting streams into events: every split of a small corpus, limits, ends, malformed arrays, long streams. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "http/framing_property.h"

static const char *const streams[] = {
	"data: {\"a\":1}\n\ndata: [DONE]\n\n",
	"event: message_start\r\ndata: {\"type\":\"message_start\"}\r\n\r\nevent: ping\r\ndata: {}\r\n\r\n",
	"data: a\rdata: b\r\rdata: c\r\r",
	"\xef\xbb\xbf" "data: after the mark\n\ndata: second\n\n",
	"\xef\xbb\xbf\n\ndata: x\n\n",
	"\xef\xbb" "data: not a mark\n\ndata: x\n\n",
	": comment\n\n:\n: another\ndata: x\n\n",
	"data: one\ndata: two\ndata:\ndata: four\n\n",
	"data\n\ndata:\n\ndata: \n\ndata:  two spaces\n\n",
	"id: 7\nretry: 10\nunknown: field\ndata: x\nevent: late\n\n",
	"event: first\nevent: second\ndata: x\n\nevent: without data\n\n",
	"data: \xe4\xb8\xad\xe6\x96\x87\xf0\x9f\x98\x80 \"\\u4e2d\\n\"\n\ndata: \xc3\xa9\r\n\r\n",
	"\n\n\r\n\r\r\n\ndata: x\n\n\n\n\n",
	"data: mixed\r\ndata: ends\rdata: here\n\r\ndata: y\r\n\n",
	"data: no blank line at the end\n",
	"data: x\n\nevent: no blank line\r\ndata: at the end\r\n",
	"data: x\n\ndata: cut in the mid",
	"data:x\ndatax: y\ndat: z\n data: w\nDATA: v\n\n",
	"data: a:b:c\n\n::\n\n",
	"",
};

static const char *const arrays[] = {
	"[{\"a\":1}\n,\r\n{\"b\":2}\n]",
	"[{\n  \"candidates\": [\n    {\"x\": \"}],{[\\\"\"}\n  ]\n}\n,\n{\"y\":{}}\n]\n \n",
	" \n[ ] ",
	"[]",
	"[{}]",
	"[{},{},{\"\\\\\":\"\\\\\"}]",
	"[{\"text\":\"\xe4\xb8\xad\xe6\x96\x87\xf0\x9f\x98\x80 \\u4e2d\\\\\\\" ]\"},{\"t\":[[[{}]]]}]",
	"[{\"cut\":\"in the mid",
	"[{\"a\":1}\n",
	"[{\"a\":1},",
	"",
	/* Malformed: */
	"{\"error\":{}}", "x", "[1]", "[\"a\"]", "[{},]", "[,{}]", "[{}{}]", "[{}]x", "[{}]]", "[{}}", "[[{}]]", "[{\"a\":1];", "null", "\xef\xbb\xbf[]",
};

static void test_sse_every_split(void **state)
{
	for (size_t i = 0; i < COUNT_OF(streams); i++)
		every_split(slice_cstr(streams[i]), sse_property);
}

static void test_json_array_every_split(void **state)
{
	for (size_t i = 0; i < COUNT_OF(arrays); i++)
		every_split(slice_cstr(arrays[i]), json_array_property);
}

static void assert_slice(struct slice is, const char *should)
{
	assert_int_equal(is.len, strlen(should));
	if (is.len > 0)
		assert_memory_equal(is.ptr, should, is.len);
}

static void test_sse_frames(void **state)
{
	struct framer f;
	struct frame frame;

	framer_init(&f, FRAMING_SSE, FRAME_MAX);
	framer_feed(&f, SLICE(": hi\n\nevent: delta\ndata: a\ndata: b\n\nid: 1\n\ndata: c\r\n\r\n"));
	assert_true(framer_next(&f, &frame));
	assert_slice(frame.raw, ": hi\n\n");
	assert_false(frame.has_data);
	assert_true(framer_next(&f, &frame));
	assert_slice(frame.raw, "event: delta\ndata: a\ndata: b\n\n");
	assert_slice(frame.event, "delta");
	assert_slice(frame.data, "a\nb");
	assert_true(frame.has_data);
	assert_true(framer_next(&f, &frame));
	assert_slice(frame.raw, "id: 1\n\n");
	assert_false(frame.has_data);
	assert_true(framer_next(&f, &frame));
	assert_slice(frame.data, "c");
	assert_int_equal(frame.event.len, 0);
	assert_false(frame.closes);
	assert_false(framer_next(&f, &frame));
	assert_true(framer_is_complete(&f));
	framer_done(&f);
}

/* Nothing is copied as long as a frame lies in one portion. */
static void test_frames_are_borrowed(void **state)
{
	static const char text[] = "data: a\n\ndata: b\n\ndata: c";
	struct framer f;
	struct frame frame;

	framer_init(&f, FRAMING_SSE, FRAME_MAX);
	framer_feed(&f, slice_of(text, sizeof(text) - 1));
	assert_true(framer_next(&f, &frame));
	assert_ptr_equal(frame.raw.ptr, text);
	assert_ptr_equal(frame.data.ptr, text + 6);
	assert_true(framer_next(&f, &frame));
	assert_ptr_equal(frame.raw.ptr, text + 9);
	assert_false(framer_has_tail(&f));
	assert_false(framer_next(&f, &frame));
	assert_true(framer_has_tail(&f));
	assert_int_equal(f.tail.len, 7);
	framer_feed(&f, SLICE("\n\n"));
	assert_true(framer_next(&f, &frame));
	assert_slice(frame.raw, "data: c\n\n");
	assert_false(framer_has_tail(&f));
	framer_done(&f);
}

/* A CR ends its line at once: nobody waits for an LF that may never come. */
static void test_cr_is_not_waited_for(void **state)
{
	struct framer f;
	struct frame frame;

	framer_init(&f, FRAMING_SSE, FRAME_MAX);
	framer_feed(&f, SLICE("data: a\r\n\r"));
	assert_true(framer_next(&f, &frame));
	assert_slice(frame.raw, "data: a\r\n\r");
	assert_slice(frame.data, "a");
	assert_false(framer_next(&f, &frame));
	framer_feed(&f, SLICE("\ndata: b\r\n\r\n"));
	assert_true(framer_next(&f, &frame));
	assert_slice(frame.raw, "\n");
	assert_false(frame.has_data);
	assert_true(framer_next(&f, &frame));
	assert_slice(frame.raw, "data: b\r\n\r\n");
	assert_true(framer_is_complete(&f));
	framer_done(&f);
}

static void test_sse_end(void **state)
{
	struct framer f;
	struct frame frame;

	framer_init(&f, FRAMING_SSE, FRAME_MAX);
	framer_feed(&f, SLICE("event: x\ndata: a\n"));
	assert_false(framer_next(&f, &frame));
	assert_true(framer_has_tail(&f));
	assert_true(framer_end(&f, &frame));
	assert_slice(frame.raw, "event: x\ndata: a\n");
	assert_slice(frame.event, "x");
	assert_slice(frame.data, "a");
	assert_true(framer_is_complete(&f));
	assert_false(framer_end(&f, &frame));
	framer_done(&f);

	framer_init(&f, FRAMING_SSE, FRAME_MAX);
	framer_feed(&f, SLICE("event: x\ndata: {\"a\""));
	assert_false(framer_next(&f, &frame));
	assert_false(framer_end(&f, &frame));
	assert_true(framer_has_tail(&f));
	assert_false(framer_is_complete(&f));
	framer_done(&f);
}

static void assert_overflow(enum framing framing, const char *text, size_t frame_max, size_t (*next_len)(void *), bool should)
{
	struct framing_outcome o;

	framing_replay(&o, framing, slice_cstr(text), frame_max, next_len, NULL);
	assert_int_equal(o.overflow, should);
	assert_false(o.malformed);
	if (should)
		assert_false(o.complete);
	outcome_done(&o);
}

static void test_frame_max(void **state)
{
	static const char sse[] = "data: 1\n\ndata: 22\ndata: 3\n\n", array[] = "[{\"a\":1},{\"b\":22}]";

	for (unsigned i = 0; i < 2; i++) {
		size_t (*next_len)(void *) = i ? portion_of_one : portion_of_all;

		assert_overflow(FRAMING_SSE, sse, 18, next_len, false);
		assert_overflow(FRAMING_SSE, sse, 17, next_len, true);
		assert_overflow(FRAMING_SSE, sse, 8, next_len, true);
		assert_overflow(FRAMING_SSE, "data: never ends", 10, next_len, true);
		assert_overflow(FRAMING_JSON_ARRAY, array, 9, next_len, false);
		assert_overflow(FRAMING_JSON_ARRAY, array, 8, next_len, true);
		assert_overflow(FRAMING_JSON_ARRAY, "[{\"never ends", 10, next_len, true);
	}
}

static void assert_malformed(const char *text, bool should)
{
	struct framing_outcome o;

	framing_replay(&o, FRAMING_JSON_ARRAY, slice_cstr(text), FRAME_MAX, portion_of_all, NULL);
	assert_int_equal(o.malformed, should);
	outcome_done(&o);
}

static void test_malformed_arrays(void **state)
{
	bool malformed = false;
	char deep[2 * JSON_DEPTH_MAX];

	for (size_t i = 0; i < COUNT_OF(arrays); i++) {
		malformed |= strcmp(arrays[i], "{\"error\":{}}") == 0;
		assert_malformed(arrays[i], malformed);
	}
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "[{\"a\":", 6);
	deep[sizeof(deep) - 1] = '\0';
	assert_malformed(deep, true);
	deep[6 + JSON_DEPTH_MAX - 1] = '\0';
	assert_malformed(deep, false);
}

static void test_json_array_frames(void **state)
{
	struct framer f;
	struct frame frame;

	framer_init(&f, FRAMING_JSON_ARRAY, FRAME_MAX);
	framer_feed(&f, SLICE("[{\"a\":1}\n,\r\n{\"b\":2}\n]\n"));
	assert_true(framer_next(&f, &frame));
	assert_slice(frame.raw, "[{\"a\":1}");
	assert_slice(frame.data, "{\"a\":1}");
	assert_true(framer_next(&f, &frame));
	assert_slice(frame.raw, "\n,\r\n{\"b\":2}");
	assert_slice(frame.data, "{\"b\":2}");
	assert_true(frame.has_data && !frame.closes);
	assert_false(framer_is_complete(&f));
	assert_true(framer_next(&f, &frame));
	assert_slice(frame.raw, "\n]");
	assert_true(frame.closes && !frame.has_data);
	assert_true(framer_next(&f, &frame));
	assert_slice(frame.raw, "\n");
	assert_false(frame.closes || frame.has_data);
	assert_false(framer_next(&f, &frame));
	assert_true(framer_is_complete(&f));
	framer_done(&f);
}

/* Takes everything byte by byte, in constant memory but for one frame; quadratic work would never end. */
static unsigned count_bytewise(struct framer *f, const char *event, unsigned times)
{
	unsigned frames = 0;
	struct frame frame;

	for (unsigned i = 0; i < times; i++) {
		for (const char *p = event; *p; p++) {
			framer_feed(f, slice_of(p, 1));
			while (framer_next(f, &frame))
				frames += frame.has_data;
		}
	}
	return frames;
}

static void test_long_streams(void **state)
{
	enum { EVENTS = 200000, PIECES = FRAME_MAX / 16 - 1 };
	struct framer f;

	framer_init(&f, FRAMING_SSE, FRAME_MAX);
	assert_int_equal(count_bytewise(&f, "data: {\"a\":1}\n\n", EVENTS), EVENTS);
	assert_true(f.tail.cap < 4096);
	count_bytewise(&f, "data: ", 1);
	assert_int_equal(count_bytewise(&f, "0123456789abcdef", PIECES), 0);
	assert_int_equal(count_bytewise(&f, "\n\n", 1), 1);
	assert_true(framer_is_complete(&f));
	framer_done(&f);

	framer_init(&f, FRAMING_JSON_ARRAY, FRAME_MAX);
	count_bytewise(&f, "[{\"a\":\"", 1);
	assert_int_equal(count_bytewise(&f, "\\\"0123[{]}abcdef", PIECES), 0);
	assert_int_equal(count_bytewise(&f, "\"}", 1), 1);
	assert_int_equal(count_bytewise(&f, ",{\"a\":1}", EVENTS), EVENTS);
	assert_int_equal(count_bytewise(&f, "]", 1), 0);
	assert_true(framer_is_complete(&f));
	framer_done(&f);
}

static void assert_written(struct slice event, struct slice data, const char *should)
{
	struct buf out;

	buf_init(&out, strlen(should));
	assert_true(sse_write(&out, event, data));
	assert_slice(buf_slice(&out), should);
	buf_done(&out);
	buf_init(&out, strlen(should) - 1);
	assert_false(sse_write(&out, event, data));
	assert_int_equal(out.len, 0);
	buf_done(&out);
}

static void test_sse_write(void **state)
{
	static const struct slice none = { 0 };

	assert_written(none, SLICE("{\"a\":1}"), "data: {\"a\":1}\n\n");
	assert_written(SLICE("error"), SLICE("x"), "event: error\ndata: x\n\n");
	assert_written(none, SLICE("a\nb\r\nc\rd"), "data: a\ndata: b\ndata: c\ndata: d\n\n");
	assert_written(none, SLICE("a\n"), "data: a\ndata: \n\n");
	assert_written(none, none, "data: \n\n");
	/* No field can be smuggled in by a line end. */
	assert_written(SLICE("x\nid: 1"), SLICE("\rid: 1"), "event: x\ndata: \ndata: id: 1\n\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sse_every_split), cmocka_unit_test(test_json_array_every_split), cmocka_unit_test(test_sse_frames),
		cmocka_unit_test(test_frames_are_borrowed), cmocka_unit_test(test_cr_is_not_waited_for), cmocka_unit_test(test_sse_end),
		cmocka_unit_test(test_frame_max), cmocka_unit_test(test_malformed_arrays), cmocka_unit_test(test_json_array_frames),
		cmocka_unit_test(test_long_streams), cmocka_unit_test(test_sse_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
