/* SPDX-License-Identifier: Apache-2.0 */
/* AWS's binary event stream (DIALECTS.md §5.6; botocore's eventstream.py), all numbers big-endian:
 *
 *     u32 total length | u32 headers' length | u32 CRC of these 8 bytes | headers | payload | u32 CRC of all before
 *     header: u8 length of the name | name | u8 type | value, whose length the type says
 *
 * A frame's length is believed only once its prelude's CRC is right. */
#include "http/framing_internal.h"

#include <endian.h>
#include <zlib.h>

enum {
	PRELUDE_LEN = 12, CRC_LEN = 4,
	OVERHEAD = PRELUDE_LEN + CRC_LEN,
	HEADERS_MAX = 128 << 10,
	PAYLOAD_MAX = 24 << 20,
	STRING_MAX = INT16_MAX,         /* of a header's value, as the AWS SDKs write and accept it */
	TYPE_STRING = 7,
};

static uint32_t get_u32(const char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return be32toh(n);
}

static uint32_t crc_of(const char *p, size_t len)
{
	return (uint32_t)crc32_z(0, (const Bytef *)p, len);
}

/* Where the headers and the payload lie in a whole frame. */
static struct slice headers_of(struct slice raw)
{
	return slice_of(raw.ptr + PRELUDE_LEN, get_u32(raw.ptr + 4));
}

static struct slice payload_of(struct slice raw)
{
	return slice_of(raw.ptr + PRELUDE_LEN + headers_of(raw).len, raw.len - OVERHEAD - headers_of(raw).len);
}

/* The prelude is at hand, maybe in two parts: how long the frame is. */
static void read_prelude(struct framer *f)
{
	struct slice held = buf_slice(&f->tail);
	char prelude[PRELUDE_LEN];
	size_t total, headers;

	if (held.len > 0)
		memcpy(prelude, held.ptr, held.len);
	memcpy(prelude + held.len, f->input.ptr, sizeof(prelude) - held.len);
	total = get_u32(prelude);
	headers = get_u32(prelude + 4);
	if (get_u32(prelude + 8) != crc_of(prelude, 8) || headers > HEADERS_MAX || total < OVERHEAD + headers ||
	    total - OVERHEAD - headers > PAYLOAD_MAX)
		f->malformed = true;
	else if (total > f->tail.limit)
		f->overflow = true;
	else
		f->frame_len = total;
}

static const char *find_frame_end(struct framer *f)
{
	size_t missing;

	if (f->frame_len == 0) {
		if (f->tail.len + f->input.len < PRELUDE_LEN)
			return NULL;
		read_prelude(f);
		if (f->frame_len == 0)
			return NULL;
	}
	missing = f->frame_len - f->tail.len;
	if (f->input.len < missing)
		return NULL;
	f->frame_len = 0;
	return f->input.ptr + missing;
}

struct event_header {
	struct slice name;
	unsigned type;
	struct slice value;            /* as it stands in the frame, without its length */
};

static bool cut(struct slice *rest, size_t len, struct slice *ret)
{
	if (rest->len < len)
		return false;
	*ret = slice_of(rest->ptr, len);
	*rest = slice_after(*rest, len);
	return true;
}

static bool cut_number(struct slice *rest, size_t len, size_t *ret)
{
	struct slice bytes;

	*ret = 0;
	if (!cut(rest, len, &bytes))
		return false;
	for (size_t i = 0; i < len; i++)
		*ret = *ret << 8 | (unsigned char)bytes.ptr[i];
	return true;
}

static bool next_header(struct slice *rest, struct event_header *ret)
{
	/* true, false, i8, i16, i32, i64, bytes, string, timestamp, uuid; bytes and strings are led by their length. */
	static const unsigned char value_len[] = { 0, 0, 1, 2, 4, 8, 0, 0, 8, 16 };
	enum { TYPE_BYTES = 6 };
	size_t len, type;

	if (!cut_number(rest, 1, &len) || !cut(rest, len, &ret->name) || !cut_number(rest, 1, &type) ||
	    type >= COUNT_OF(value_len))
		return false;
	ret->type = (unsigned)type;
	len = value_len[type];
	if ((type == TYPE_BYTES || type == TYPE_STRING) && !cut_number(rest, 2, &len))
		return false;
	return cut(rest, len, &ret->value);
}

enum known_header { MESSAGE_TYPE, EVENT_TYPE, EXCEPTION_TYPE, ERROR_CODE, ERROR_MESSAGE, KNOWN_HEADERS };

static bool read_headers(struct slice rest, struct slice ret[KNOWN_HEADERS])
{
	static const char *const names[KNOWN_HEADERS] = {
		[MESSAGE_TYPE] = ":message-type", [EVENT_TYPE] = ":event-type", [EXCEPTION_TYPE] = ":exception-type",
		[ERROR_CODE] = ":error-code", [ERROR_MESSAGE] = ":error-message",
	};

	while (rest.len > 0) {
		struct event_header header;

		if (!next_header(&rest, &header))
			return false;
		for (unsigned i = 0; i < KNOWN_HEADERS && header.type == TYPE_STRING; i++) {
			if (slice_eq(header.name, slice_cstr(names[i])))
				ret[i] = header.value;
		}
	}
	return true;
}

static void read_frame(struct framer *f, struct frame *frame)
{
	struct slice raw = frame->raw, known[KNOWN_HEADERS] = { 0 }, type;

	if (get_u32(raw.ptr + raw.len - CRC_LEN) != crc_of(raw.ptr, raw.len - CRC_LEN) ||
	    !read_headers(headers_of(raw), known)) {
		f->malformed = true;
		return;
	}
	type = known[MESSAGE_TYPE];
	if (slice_eq(type, SLICE("event"))) {
		frame->event = known[EVENT_TYPE];
		frame->data = payload_of(raw);
	} else if (slice_eq(type, SLICE("exception"))) {
		frame->exception = known[EXCEPTION_TYPE].len > 0 ? known[EXCEPTION_TYPE] : type;
		frame->data = payload_of(raw);
	} else if (slice_eq(type, SLICE("error"))) {
		frame->exception = known[ERROR_CODE].len > 0 ? known[ERROR_CODE] : type;
		frame->data = known[ERROR_MESSAGE].len > 0 ? known[ERROR_MESSAGE] : SLICE("");
	} else {
		return;
	}
	frame->has_data = true;
}

const struct cutter event_stream_cutter = { find_frame_end, read_frame, NULL };

static char *put_u32(char *p, size_t n)
{
	uint32_t big_endian = htobe32((uint32_t)n);

	return mempcpy(p, &big_endian, sizeof(big_endian));
}

enum { HEADER_EXTRA = 4 };             /* the name's length, the type, the value's length */

/* A header with a string; its name comes in two parts. */
static char *put_header(char *p, struct slice name, struct slice name_end, struct slice value)
{
	*p++ = (char)(name.len + name_end.len);
	p = mempcpy(p, name.ptr, name.len);
	p = mempcpy(p, name_end.ptr, name_end.len);
	*p++ = TYPE_STRING;
	*p++ = (char)(value.len >> 8);
	*p++ = (char)value.len;
	return value.len > 0 ? mempcpy(p, value.ptr, value.len) : p;
}

bool event_stream_write(struct buf *out, struct slice message_type, struct slice type_name, struct slice payload)
{
	const struct slice kind = slice_eq(message_type, SLICE("event")) ? SLICE(":event") : SLICE(":exception");
	const struct slice type_end = SLICE("-type"), content = SLICE(":content"), json = SLICE("application/json");
	const struct slice message = SLICE(":message");
	size_t headers, total;
	char *start, *p;

	check(slice_eq(message_type, slice_after(kind, 1)), "a message type that nobody writes");
	if (type_name.len > STRING_MAX || payload.len > PAYLOAD_MAX)
		return false;
	headers = 3 * (type_end.len + HEADER_EXTRA) + kind.len + type_name.len + content.len + json.len + message.len +
		  message_type.len;
	total = OVERHEAD + headers + payload.len;
	start = p = buf_reserve(out, total);
	if (!p)
		return false;
	p = put_u32(p, total);
	p = put_u32(p, headers);
	p = put_u32(p, crc_of(start, 8));
	/* The order in which Bedrock sends them (recorded: bedrock). */
	p = put_header(p, kind, type_end, type_name);
	p = put_header(p, content, type_end, json);
	p = put_header(p, message, type_end, message_type);
	if (payload.len > 0)
		p = mempcpy(p, payload.ptr, payload.len);
	put_u32(p, crc_of(start, (size_t)(p - start)));
	buf_commit(out, total);
	return true;
}
