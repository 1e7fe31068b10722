/* SPDX-License-Identifier: Apache-2.0 */
/* A slow, plain reading of AWS event streams to compare the framer with; for tests and fuzzing. */
#pragma once

#include "http/framing_property.h"

/* Bit by bit, after the polynomial's definition (IEEE 802.3, reflected). */
static inline uint32_t crc32_reference(struct slice bytes)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < bytes.len; i++) {
		crc ^= (unsigned char)bytes.ptr[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static inline size_t big_endian_reference(struct slice bytes, size_t at, size_t len)
{
	size_t n = 0;

	check(at <= bytes.len && len <= bytes.len - at, "the plain reading looks beyond the end");
	for (size_t i = 0; i < len; i++)
		n = n << 8 | (unsigned char)bytes.ptr[at + i];
	return n;
}

/* The string header of that name, the last if there are several; a NULL pointer when there is none. False when the
 * headers are not well-formed. */
static inline bool event_header_reference(struct slice headers, struct slice name, struct slice *ret)
{
	*ret = slice_of(NULL, 0);
	for (size_t at = 0; at < headers.len;) {
		size_t name_at = at + 1, value_at = name_at + (unsigned char)headers.ptr[at] + 1, len;

		if (value_at > headers.len)
			return false;
		switch (headers.ptr[value_at - 1]) {
		case 0: case 1: len = 0; break;
		case 2: len = 1; break;
		case 3: len = 2; break;
		case 4: len = 4; break;
		case 5: case 8: len = 8; break;
		case 9: len = 16; break;
		case 6: case 7:
			if (headers.len - value_at < 2)
				return false;
			len = big_endian_reference(headers, value_at, 2);
			value_at += 2;
			break;
		default: return false;
		}
		if (headers.len - value_at < len)
			return false;
		if (slice_eq(slice_of(headers.ptr + name_at, (unsigned char)headers.ptr[at]), name) && headers.ptr[name_at + name.len] == 7)
			*ret = slice_of(headers.ptr + value_at, len);
		at = value_at + len;
	}
	return true;
}

static inline void event_frame_reference(struct slice headers, struct slice payload, struct buf *events)
{
	struct slice message_type, event, exception, code, message;

	event_header_reference(headers, SLICE(":message-type"), &message_type);
	event_header_reference(headers, SLICE(":event-type"), &event);
	event_header_reference(headers, SLICE(":exception-type"), &exception);
	event_header_reference(headers, SLICE(":error-code"), &code);
	event_header_reference(headers, SLICE(":error-message"), &message);
	if (slice_eq(message_type, SLICE("event")))
		outcome_add_event(events, event, payload);
	else if (slice_eq(message_type, SLICE("exception")))
		outcome_add_exception(events, exception.len > 0 ? exception : message_type, payload);
	else if (slice_eq(message_type, SLICE("error")))
		outcome_add_exception(events, code.len > 0 ? code : message_type, message);
}

/* AWS event stream, frame by frame (DIALECTS.md §5.6). True when nothing is left over. */
static inline bool event_stream_reference(struct slice rest, struct buf *events, bool *ret_malformed)
{
	struct slice ignored;

	*ret_malformed = false;
	while (rest.len >= 12) {
		size_t total = big_endian_reference(rest, 0, 4), headers = big_endian_reference(rest, 4, 4);

		*ret_malformed = big_endian_reference(rest, 8, 4) != crc32_reference(slice_of(rest.ptr, 8)) || headers > 131072 ||
				 total < headers + 16 || total - headers - 16 > 24 << 20;
		if (*ret_malformed || total > rest.len)
			return false;
		*ret_malformed = big_endian_reference(rest, total - 4, 4) != crc32_reference(slice_of(rest.ptr, total - 4)) ||
				 !event_header_reference(slice_of(rest.ptr + 12, headers), SLICE(""), &ignored);
		if (*ret_malformed)
			return false;
		event_frame_reference(slice_of(rest.ptr + 12, headers), slice_of(rest.ptr + 12 + headers, total - headers - 16), events);
		rest = slice_after(rest, total);
	}
	return rest.len == 0;
}

static inline void event_stream_property(struct slice input, size_t (*next_len)(void *), void *userdata)
{
	struct framing_outcome o;
	struct buf should;
	bool complete, malformed;

	buf_init(&should, PROPERTY_LIMIT);
	complete = event_stream_reference(input, &should, &malformed);
	framing_replay(&o, FRAMING_EVENT_STREAM, input, PROPERTY_LIMIT, next_len, userdata);
	check(!o.overflow && !o.ended && o.malformed == malformed, "malformed is something else than for the plain reading");
	check(o.complete == complete, "completeness is judged otherwise than by the plain reading");
	check_same_bytes(&o.events, buf_slice(&should), "other events than the plain reading finds");
	if (!malformed)
		check_same_bytes(&o.raws, input, "the frames' bytes are not the stream's bytes");
	outcome_done(&o);
	buf_done(&should);
}
