/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds a stream to a framer in given portions and keeps what came out, and a slow, plain reading of the same formats to
 * compare it with; for tests and fuzzing. */
#pragma once

#include "base/buf.h"
#include "http/framing.h"
#include "json/json.h"

enum { PROPERTY_LIMIT = 64 << 20 };

struct framing_outcome {
	struct buf raws;               /* all raws, and what was still held at the end */
	struct buf events;             /* the frames with data, in a notation of their own */
	bool overflow, malformed, complete;
	bool closed;                   /* a frame said that it closes the array */
	bool ended;                    /* framer_end() had a frame */
};

static inline void outcome_done(struct framing_outcome *o)
{
	buf_done(&o->raws);
	buf_done(&o->events);
}

static inline void outcome_add_event(struct buf *events, struct slice event, struct slice data)
{
	check(buf_printf(events, "%zu %zu ", event.len, data.len) && buf_append_slice(events, event) && buf_append_slice(events, data),
	      "too many events for this test");
}

static inline void outcome_add_exception(struct buf *events, struct slice exception, struct slice data)
{
	check(buf_append(events, "! ", 2), "too many events for this test");
	outcome_add_event(events, exception, data);
}

static inline void outcome_add_frame(struct framing_outcome *o, const struct frame *frame)
{
	check(frame->raw.len > 0, "a frame of nothing");
	check(buf_append_slice(&o->raws, frame->raw), "too long a stream for this test");
	o->closed |= frame->closes;
	if (!frame->has_data)
		return;
	if (frame->exception.ptr)
		outcome_add_exception(&o->events, frame->exception, frame->data);
	else
		outcome_add_event(&o->events, frame->event, frame->data);
}

/* `next_len` says how long the next portion is; every portion is memory of its own that is gone when it was taken in. */
static inline void framing_replay(struct framing_outcome *ret, enum framing framing, struct slice input, size_t frame_max,
				  size_t (*next_len)(void *), void *userdata)
{
	struct framer f;
	struct frame frame;

	*ret = (struct framing_outcome){ 0 };
	buf_init(&ret->raws, PROPERTY_LIMIT);
	buf_init(&ret->events, PROPERTY_LIMIT);
	framer_init(&f, framing, frame_max);
	for (size_t at = 0; at < input.len && !f.overflow && !f.malformed;) {
		size_t left = input.len - at, wanted = next_len(userdata), len = wanted < left ? wanted : left;
		char *portion = xmalloc(len > 0 ? len : 1);
		const char *expected = NULL;

		memcpy(portion, input.ptr + at, len);
		at += len;
		framer_feed(&f, slice_of(portion, len));
		while (framer_next(&f, &frame)) {
			outcome_add_frame(ret, &frame);
			/* Raws that come from one portion follow each other in it. */
			if (frame.raw.ptr < portion || frame.raw.ptr >= portion + len)
				continue;
			check(!expected || frame.raw.ptr == expected, "raws of one portion are not adjacent");
			expected = frame.raw.ptr + frame.raw.len;
		}
		free(portion);
	}
	ret->ended = framer_end(&f, &frame);
	if (ret->ended)
		outcome_add_frame(ret, &frame);
	ret->overflow = f.overflow;
	ret->malformed = f.malformed;
	ret->complete = framer_is_complete(&f);
	if (framer_has_tail(&f))
		check(buf_append_slice(&ret->raws, buf_slice(&f.tail)), "too long a stream for this test");
	framer_done(&f);
}

static inline size_t portion_of_one(void *userdata) { return 1; }
static inline size_t portion_of_all(void *userdata) { return SIZE_MAX; }

/* Two portions, the first of a given length. */
static inline size_t portion_split(void *userdata)
{
	size_t *first = userdata, len = *first;

	*first = SIZE_MAX;
	return len;
}

/* At the first place, then at the second, then the rest. */
static inline size_t portion_split_twice(void *userdata)
{
	size_t *lens = userdata, len = lens[0];

	lens[0] = lens[1];
	lens[1] = SIZE_MAX;
	return len;
}

/* Every split in two, and those in three whose second part is short. */
static inline void every_split(struct slice text, void (*property)(struct slice, size_t (*)(void *), void *))
{
	property(text, portion_of_all, NULL);
	property(text, portion_of_one, NULL);
	for (size_t first = 0; first <= text.len; first++) {
		size_t split = first;

		property(text, portion_split, &split);
		for (size_t second = 1; first + second <= text.len && second < 4; second++) {
			size_t splits[2] = { first, second };

			property(text, portion_split_twice, splits);
		}
	}
}

/* WHATWG's text, word for word and byte for byte: lines, fields, dispatch. True when nothing is left over. */
static inline bool sse_reference(struct slice input, struct buf *events)
{
	struct buf line, data, event;
	bool any_data = false, complete = true;
	size_t i = 0;

	buf_init(&line, PROPERTY_LIMIT);
	buf_init(&data, PROPERTY_LIMIT);
	buf_init(&event, PROPERTY_LIMIT);
	if (slice_starts_with(input, SLICE("\xef\xbb\xbf")))
		i = 3;
	while (i <= input.len) {
		struct slice name, value;
		size_t colon;

		if (i < input.len && input.ptr[i] != '\n' && input.ptr[i] != '\r') {
			check(buf_append(&line, &input.ptr[i++], 1), "too long a line for this test");
			continue;
		}
		if (i == input.len) {
			complete = line.len == 0;
			/* framer_end(): complete lines without their blank line count as an event, an unfinished line spoils it. */
			if (complete && any_data)
				outcome_add_event(events, buf_slice(&event), slice_of(data.data, data.len - 1));
			break;
		}
		i += input.ptr[i] == '\r' && i + 1 < input.len && input.ptr[i + 1] == '\n' ? 2 : 1;
		if (line.len == 0) {
			if (any_data)
				outcome_add_event(events, buf_slice(&event), slice_of(data.data, data.len - 1));
			any_data = false;
			buf_clear(&data);
			buf_clear(&event);
			continue;
		}
		colon = slice_find(buf_slice(&line), SLICE(":"));
		name = colon == SIZE_MAX ? buf_slice(&line) : slice_of(line.data, colon);
		value = colon == SIZE_MAX ? (struct slice){ "", 0 } : slice_after(buf_slice(&line), colon + 1);
		if (slice_starts_with(value, SLICE(" ")))
			value = slice_after(value, 1);
		if (slice_eq(name, SLICE("data"))) {
			any_data = true;
			check(buf_append_slice(&data, value) && buf_append(&data, "\n", 1), "too much data for this test");
		} else if (slice_eq(name, SLICE("event"))) {
			buf_clear(&event);
			check(buf_append_slice(&event, value), "too long an event name for this test");
		}
		buf_clear(&line);
	}
	buf_done(&line);
	buf_done(&data);
	buf_done(&event);
	return complete;
}

static inline void check_same_bytes(const struct buf *is, struct slice should, const char *sentence)
{
	check(is->len == should.len && (is->len == 0 || memcmp(is->data + is->start, should.ptr, is->len) == 0), sentence);
}

/* The framer against the plain reading, fed in the given portions. */
static inline void sse_property(struct slice input, size_t (*next_len)(void *), void *userdata)
{
	struct framing_outcome o;
	struct buf should;
	bool complete;

	buf_init(&should, PROPERTY_LIMIT);
	complete = sse_reference(input, &should);
	framing_replay(&o, FRAMING_SSE, input, FRAME_MAX, next_len, userdata);
	check(!o.overflow && !o.malformed, "a stream of events was refused");
	check_same_bytes(&o.raws, input, "the frames' bytes are not the stream's bytes");
	check_same_bytes(&o.events, buf_slice(&should), "other events than the plain reading finds");
	/* A byte order mark that is itself cut is no line to anyone. */
	check(o.complete == complete || input.len < 3, "completeness is judged otherwise than by the plain reading");
	outcome_done(&o);
	buf_done(&should);
}

/* The elements as the JSON reader sees them; false when it is no array of objects. */
static inline bool json_array_reference(struct slice input, struct buf *events)
{
	struct json_error error;
	struct json_doc doc;
	struct arena a;
	bool ok;

	arena_init(&a);
	ok = json_parse(&a, input, &doc, &error) && json_is(json_root(&doc), JSON_ARRAY);
	if (ok) {
		for (struct json_walk w = json_walk(json_root(&doc)); json_walk_next(&w);) {
			ok &= json_is(w.value, JSON_OBJECT);
			outcome_add_event(events, (struct slice){ 0 }, json_raw(w.value));
		}
	}
	arena_done(&a);
	return ok;
}

static inline void json_array_property(struct slice input, size_t (*next_len)(void *), void *userdata)
{
	struct framing_outcome o, whole;
	struct buf should;

	buf_init(&should, PROPERTY_LIMIT);
	framing_replay(&o, FRAMING_JSON_ARRAY, input, FRAME_MAX, next_len, userdata);
	framing_replay(&whole, FRAMING_JSON_ARRAY, input, FRAME_MAX, portion_of_all, NULL);
	check(o.malformed == whole.malformed && o.complete == whole.complete, "the portions decide what is malformed");
	check_same_bytes(&o.events, buf_slice(&whole.events), "the portions decide what the elements are");
	if (!o.malformed)
		check_same_bytes(&o.raws, input, "the frames' bytes are not the stream's bytes");
	check(o.complete == (o.closed && !o.malformed), "complete without its closing bracket");
	if (json_array_reference(input, &should)) {
		check(o.complete, "an array of objects was refused");
		check_same_bytes(&o.events, buf_slice(&should), "other elements than the JSON reader finds");
	}
	outcome_done(&o);
	outcome_done(&whole);
	buf_done(&should);
}

static inline void ndjson_reference(struct slice input, struct buf *events)
{
	for (size_t at = 0; at < input.len;) {
		size_t begin = at, end;
		bool blank = true;

		while (at < input.len && input.ptr[at] != '\n')
			at++;
		end = at++;
		if (end > begin && input.ptr[end - 1] == '\r')
			end--;
		for (size_t i = begin; i < end; i++)
			blank &= input.ptr[i] == ' ' || input.ptr[i] == '\t';
		if (!blank)
			outcome_add_event(events, slice_of(NULL, 0), slice_of(input.ptr + begin, end - begin));
	}
}

static inline void ndjson_property(struct slice input, size_t (*next_len)(void *), void *userdata)
{
	struct framing_outcome o;
	struct buf should;

	buf_init(&should, PROPERTY_LIMIT);
	ndjson_reference(input, &should);
	framing_replay(&o, FRAMING_NDJSON, input, FRAME_MAX, next_len, userdata);
	check(!o.overflow && !o.malformed && o.complete, "a stream of lines was refused");
	check(o.ended == (input.len > 0 && input.ptr[input.len - 1] != '\n'), "the last line counts only once");
	check_same_bytes(&o.raws, input, "the frames' bytes are not the stream's bytes");
	check_same_bytes(&o.events, buf_slice(&should), "other lines than the plain reading finds");
	outcome_done(&o);
	buf_done(&should);
}
