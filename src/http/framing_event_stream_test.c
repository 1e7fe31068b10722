/* SPDX-License-Identifier: Apache-2.0 */
/* AWS event streams: known frames, every split, exceptions, what is malformed, limits, writing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "http/framing_event_stream_property.h"

enum { STREAM_MAX = 32 << 20 };

/* Frames that the AWS SDKs' own tests have, with their check sums. */
static const char empty_frame[] = "\0\0\0\x10\0\0\0\0\x05\xc2\x48\xeb\x7d\x98\xc8\xff";
static const char payload_frame[] = "\0\0\0\x1d\0\0\0\0\xfd\x52\x8c\x5a" "{'foo':'bar'}" "\xc3\x65\x39\x36";
static const char number_frame[] =
	"\0\0\0\x2d\0\0\0\x10\x41\xc4\x24\xb8" "\x0a" "event-type\x04\0\0\xa0\x0c" "{'foo':'bar'}" "\x36\xf4\x80\xa0";

static void append_number(struct buf *out, size_t n)
{
	const char bytes[] = { (char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n };

	assert_true(buf_append(out, bytes, sizeof(bytes)));
}

/* A frame with good check sums around anything; the lengths can be made to lie. */
static void append_frame(struct buf *out, struct slice headers, struct slice payload, size_t total, size_t headers_len)
{
	size_t start = out->len;

	append_number(out, total);
	append_number(out, headers_len);
	append_number(out, crc32_reference(slice_after(buf_slice(out), start)));
	assert_true(buf_append_slice(out, headers) && buf_append_slice(out, payload));
	append_number(out, crc32_reference(slice_after(buf_slice(out), start)));
}

static void append_good_frame(struct buf *out, struct slice headers, struct slice payload)
{
	append_frame(out, headers, payload, 16 + headers.len + payload.len, headers.len);
}

static void append_string(struct buf *out, const char *name, const char *value)
{
	const char lens[] = { 7, (char)(strlen(value) >> 8), (char)strlen(value) };
	char name_len = (char)strlen(name);

	assert_true(buf_append(out, &name_len, 1) && buf_append(out, name, strlen(name)) && buf_append(out, lens, sizeof(lens)) &&
		    buf_append(out, value, strlen(value)));
}

/* Up to three headers, each with a name and a value. */
static void append_message(struct buf *out, const char *const headers[6], const char *payload)
{
	struct buf block;

	buf_init(&block, STREAM_MAX);
	for (unsigned i = 0; i < 6 && headers[i]; i += 2)
		append_string(&block, headers[i], headers[i + 1]);
	append_good_frame(out, buf_slice(&block), slice_cstr(payload));
	buf_done(&block);
}

/* One of each type of header, with a name of one letter. */
static const char every_header[] = "\1a\0" "\1b\1" "\1c\2\x7f" "\1d\3\0\1" "\1e\4\0\0\0\1" "\1f\5\0\0\0\0\0\0\0\1" "\1g\6\0\2xy"
				   "\1h\7\0\1z" "\1i\x08\0\0\0\0\0\0\0\1" "\1j\x09" "0123456789abcdef" "\0\7\0\0";

static void test_every_split(void **state)
{
	struct buf stream;

	buf_init(&stream, STREAM_MAX);
	assert_true(event_stream_write(&stream, SLICE("event"), SLICE("messageStart"), SLICE("{\"role\":\"assistant\"}")));
	every_split(buf_slice(&stream), event_stream_property);
	assert_true(event_stream_write(&stream, SLICE("exception"), SLICE("throttlingException"), SLICE("{\"message\":\"slow\"}")));
	append_good_frame(&stream, slice_of(every_header, sizeof(every_header) - 1), SLICE("x"));
	assert_true(buf_append(&stream, empty_frame, sizeof(empty_frame) - 1));
	append_message(&stream, (const char *const[6]){ ":message-type", "error", ":error-code", "E", ":error-message", "why" }, "");
	every_split(buf_slice(&stream), event_stream_property);
	/* Cut anywhere, or with one byte changed anywhere. */
	for (size_t len = 0; len < stream.len; len++) {
		event_stream_property(slice_of(stream.data, len), portion_of_all, NULL);
		stream.data[len] ^= 0x10;
		event_stream_property(buf_slice(&stream), portion_of_all, NULL);
		event_stream_property(buf_slice(&stream), portion_of_one, NULL);
		stream.data[len] ^= 0x10;
	}
	buf_done(&stream);
}

/* The only frame of a stream. */
static void assert_frame(struct slice stream, const char *event, const char *exception, const char *data)
{
	struct framer f;
	struct frame frame;

	framer_init(&f, FRAMING_EVENT_STREAM, FRAME_MAX);
	framer_feed(&f, stream);
	assert_true(framer_next(&f, &frame));
	assert_true(slice_eq(frame.raw, stream));
	assert_true(slice_eq(frame.event, slice_cstr(event)));
	assert_true(slice_eq(frame.exception, slice_cstr(exception)));
	assert_int_equal(frame.has_data, data != NULL);
	assert_true(slice_eq(frame.data, slice_cstr(data)));
	assert_false(frame.closes);
	assert_false(framer_next(&f, &frame));
	assert_false(framer_end(&f, &frame));
	assert_true(framer_is_complete(&f));
	framer_done(&f);
}

static void test_known_frames(void **state)
{
	assert_frame(slice_of(empty_frame, sizeof(empty_frame) - 1), "", "", NULL);
	assert_frame(slice_of(payload_frame, sizeof(payload_frame) - 1), "", "", NULL);
	assert_frame(slice_of(number_frame, sizeof(number_frame) - 1), "", "", NULL);
}

static void assert_message(const char *const headers[6], const char *payload, const char *event, const char *exception, const char *data)
{
	struct buf stream;

	buf_init(&stream, STREAM_MAX);
	append_message(&stream, headers, payload);
	assert_frame(buf_slice(&stream), event, exception, data);
	buf_done(&stream);
}

#define HEADERS(...) ((const char *const[6]){ __VA_ARGS__ })

static void test_message_types(void **state)
{
	assert_message(HEADERS(":event-type", "chunk", ":content-type", "application/json", ":message-type", "event"), "{}", "chunk", "", "{}");
	assert_message(HEADERS(":message-type", "event"), "", "", "", "");
	assert_message(HEADERS(":message-type", "exception", ":exception-type", "validationException"), "{}", "", "validationException", "{}");
	assert_message(HEADERS(":message-type", "error", ":error-code", "Broken", ":error-message", "why"), "{}", "", "Broken", "why");
	/* Nameless trouble is still trouble. */
	assert_message(HEADERS(":message-type", "exception", ":event-type", "chunk"), "{}", "", "exception", "{}");
	assert_message(HEADERS(":message-type", "error"), "{}", "", "error", "");
	/* Whatever else there will be one day is nobody's event. */
	assert_message(HEADERS(":message-type", "ping", ":event-type", "chunk"), "{}", "", "", NULL);
	assert_message(HEADERS(":event-type", "chunk"), "{}", "", "", NULL);
}

/* With every type of header, and a known name whose value is no string. */
static void test_header_types(void **state)
{
	struct buf headers, stream;

	buf_init(&headers, STREAM_MAX);
	buf_init(&stream, STREAM_MAX);
	append_string(&headers, ":message-type", "event");
	assert_true(buf_append(&headers, every_header, sizeof(every_header) - 1));
	append_string(&headers, ":event-type", "chunk");
	assert_true(buf_append(&headers, "\x0b:event-type\0", 13));
	append_good_frame(&stream, buf_slice(&headers), SLICE("{}"));
	assert_frame(buf_slice(&stream), "chunk", "", "{}");
	buf_done(&headers);
	buf_done(&stream);
}

static void assert_refused(const struct buf *stream, size_t frame_max, bool malformed, bool overflow)
{
	size_t (*const portions[])(void *) = { portion_of_all, portion_of_one };
	struct framing_outcome o;

	for (unsigned i = 0; i < COUNT_OF(portions); i++) {
		framing_replay(&o, FRAMING_EVENT_STREAM, buf_slice(stream), frame_max, portions[i], NULL);
		assert_int_equal(o.malformed, malformed);
		assert_int_equal(o.overflow, overflow);
		assert_int_equal(o.complete, !malformed && !overflow);
		outcome_done(&o);
	}
}

static void assert_bad_headers(struct slice headers)
{
	struct buf stream;

	buf_init(&stream, STREAM_MAX);
	append_good_frame(&stream, headers, SLICE("payload"));
	assert_refused(&stream, FRAME_MAX, true, false);
	buf_done(&stream);
}

static void test_malformed_headers(void **state)
{
	assert_bad_headers(SLICE("\1"));
	assert_bad_headers(SLICE("\1a"));
	assert_bad_headers(SLICE("\2a"));
	assert_bad_headers(SLICE("\xff" "a\0"));
	assert_bad_headers(SLICE("\1a\x0a"));
	assert_bad_headers(SLICE("\1a\xff"));
	assert_bad_headers(SLICE("\1a\2"));
	assert_bad_headers(SLICE("\1a\7\0"));
	assert_bad_headers(SLICE("\1a\7\0\1"));
	assert_bad_headers(SLICE("\1a\6\xff\xff" "abc"));
	assert_bad_headers(SLICE("\1a\x09" "0123456789abcde"));
	assert_bad_headers(SLICE("\1a\0\1b"));
}

static void assert_lengths(size_t total, size_t headers_len, bool malformed, bool overflow)
{
	struct framing_outcome o;
	struct buf stream;

	buf_init(&stream, STREAM_MAX);
	append_frame(&stream, SLICE(""), SLICE(""), total, headers_len);
	framing_replay(&o, FRAMING_EVENT_STREAM, buf_slice(&stream), FRAME_MAX, portion_of_one, NULL);
	assert_int_equal(o.malformed, malformed);
	assert_int_equal(o.overflow, overflow);
	assert_false(o.complete);
	outcome_done(&o);
	buf_done(&stream);
}

/* Refused as soon as the prelude is in: what it announces is not waited for. */
static void test_lengths(void **state)
{
	enum { HEADERS_MAX = 128 << 10, PAYLOAD_MAX = 24 << 20 };

	assert_lengths(0, 0, true, false);
	assert_lengths(15, 0, true, false);
	assert_lengths(16, 1, true, false);
	assert_lengths(UINT32_MAX, UINT32_MAX, true, false);
	assert_lengths(UINT32_MAX, 0, true, false);
	assert_lengths(16 + HEADERS_MAX, HEADERS_MAX, false, false);
	assert_lengths(17 + HEADERS_MAX, HEADERS_MAX + 1, true, false);
	assert_lengths(FRAME_MAX, 0, false, false);
	assert_lengths(FRAME_MAX + 1, 0, false, true);
	assert_lengths(16 + PAYLOAD_MAX, 0, false, true);
	assert_lengths(17 + PAYLOAD_MAX, 0, true, false);
}

static void test_frame_max(void **state)
{
	struct buf stream;

	buf_init(&stream, STREAM_MAX);
	assert_true(buf_append(&stream, payload_frame, sizeof(payload_frame) - 1));
	assert_true(buf_append(&stream, number_frame, sizeof(number_frame) - 1));
	assert_refused(&stream, 45, false, false);
	assert_refused(&stream, 44, false, true);
	buf_done(&stream);
}

/* A whole prelude and more is held; then the rest comes, and the start of the next frame. */
static void test_frames_are_borrowed(void **state)
{
	struct framer f;
	struct frame frame;
	struct buf stream;
	size_t len;

	buf_init(&stream, STREAM_MAX);
	assert_true(event_stream_write(&stream, SLICE("event"), SLICE("chunk"), SLICE("{\"a\":1}")));
	len = stream.len;
	assert_true(event_stream_write(&stream, SLICE("event"), SLICE("chunk"), SLICE("{\"a\":2}")));
	framer_init(&f, FRAMING_EVENT_STREAM, FRAME_MAX);
	framer_feed(&f, slice_of(stream.data, len + 20));
	assert_true(framer_next(&f, &frame));
	assert_ptr_equal(frame.raw.ptr, stream.data);
	assert_ptr_equal(frame.data.ptr, stream.data + len - 4 - 7);
	assert_false(framer_next(&f, &frame));
	assert_true(framer_has_tail(&f));
	assert_false(framer_is_complete(&f));
	assert_false(framer_end(&f, &frame));
	framer_feed(&f, slice_of(stream.data + len + 20, len - 20));
	assert_true(framer_next(&f, &frame));
	assert_true(slice_eq(frame.data, SLICE("{\"a\":2}")));
	assert_true(framer_is_complete(&f));
	framer_done(&f);
	buf_done(&stream);
}

static void test_write(void **state)
{
	static const char headers[] = "\x0b:event-type\7\0\x0b" "messageStop" "\x0d:content-type\7\0\x10" "application/json"
				      "\x0d:message-type\7\0\5event";
	const struct slice payload = SLICE("{\"stopReason\":\"end_turn\"}");
	struct buf out, should, large;

	buf_init(&should, STREAM_MAX);
	append_good_frame(&should, slice_of(headers, sizeof(headers) - 1), payload);
	buf_init(&out, should.len);
	assert_true(event_stream_write(&out, SLICE("event"), SLICE("messageStop"), payload));
	assert_true(slice_eq(buf_slice(&out), buf_slice(&should)));
	buf_done(&out);
	buf_init(&out, should.len - 1);
	assert_false(event_stream_write(&out, SLICE("event"), SLICE("messageStop"), payload));
	assert_int_equal(out.len, 0);
	buf_done(&out);
	buf_done(&should);

	/* What the format cannot carry is not written. */
	buf_init(&large, STREAM_MAX);
	buf_init(&out, STREAM_MAX);
	memset(buf_reserve(&large, STREAM_MAX), 'x', STREAM_MAX);
	buf_commit(&large, STREAM_MAX);
	assert_false(event_stream_write(&out, SLICE("event"), slice_of(large.data, 32768), payload));
	assert_true(event_stream_write(&out, SLICE("event"), slice_of(large.data, 32767), payload));
	assert_false(event_stream_write(&out, SLICE("event"), SLICE("chunk"), slice_of(large.data, (24 << 20) + 1)));
	assert_true(event_stream_write(&out, SLICE("event"), SLICE("chunk"), slice_of(large.data, 24 << 20)));
	assert_string_equal(framing_content_type(FRAMING_EVENT_STREAM), "application/vnd.amazon.eventstream");
	buf_done(&out);
	buf_done(&large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split), cmocka_unit_test(test_known_frames), cmocka_unit_test(test_message_types),
		cmocka_unit_test(test_header_types), cmocka_unit_test(test_malformed_headers), cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_frame_max), cmocka_unit_test(test_frames_are_borrowed), cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
