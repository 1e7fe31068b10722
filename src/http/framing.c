/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting streams into events: what all framings share. Each finds the end of a frame in a way that looks at every byte
 * once, however the input is split; only then is the frame, now in one piece, taken apart. */
#include "http/framing_internal.h"

static const struct {
	const struct cutter *cutter;
	const char *content_type;
} framings[] = {
	[FRAMING_SSE] = { &sse_cutter, "text/event-stream" },
	[FRAMING_JSON_ARRAY] = { &json_array_cutter, "application/json" },
	[FRAMING_EVENT_STREAM] = { &event_stream_cutter, "application/vnd.amazon.eventstream" },
	[FRAMING_NDJSON] = { &ndjson_cutter, "application/x-ndjson" },
};

const char *framing_content_type(enum framing framing)
{
	return framings[framing].content_type;
}

void framer_init(struct framer *f, enum framing framing, size_t frame_max)
{
	*f = (struct framer){ .framing = framing };
	buf_init(&f->tail, frame_max);
	buf_init(&f->joined, frame_max);
}

void framer_done(struct framer *f)
{
	buf_done(&f->tail);
	buf_done(&f->joined);
}

/* What framer_next() gave out last is no longer needed. */
static void drop_given(struct framer *f)
{
	if (f->tail_given)
		buf_consume(&f->tail, f->tail.len);
	f->tail_given = false;
	buf_consume(&f->joined, f->joined.len);
}

void framer_feed(struct framer *f, struct slice bytes)
{
	check(f->input.len == 0 || f->overflow || f->malformed, "a framer is fed before it was emptied");
	drop_given(f);
	f->input = bytes;
}

/* Moves the first `len` bytes of the input behind the tail. */
static bool keep_tail(struct framer *f, size_t len)
{
	f->overflow = !buf_append(&f->tail, f->input.ptr, len);
	f->input = slice_after(f->input, len);
	return !f->overflow;
}

/* The frame that ends after `len` more bytes of the input, in one piece. */
static bool take_raw(struct framer *f, size_t len, struct slice *ret)
{
	if (f->tail.len > 0) {
		if (!keep_tail(f, len))
			return false;
		f->tail_given = true;
		*ret = buf_slice(&f->tail);
		return true;
	}
	*ret = slice_of(f->input.ptr, len);
	f->input = slice_after(f->input, len);
	f->overflow = len > f->tail.limit;
	return !f->overflow;
}

bool framer_next(struct framer *f, struct frame *ret)
{
	const struct cutter *cutter = framings[f->framing].cutter;
	const char *end;

	*ret = (struct frame){ 0 };
	drop_given(f);
	if (f->overflow || f->malformed || f->input.len == 0)
		return false;
	end = cutter->find_end(f);
	if (!end) {
		if (!f->malformed && !f->overflow)
			keep_tail(f, f->input.len);
		return false;
	}
	if (!take_raw(f, (size_t)(end - f->input.ptr), &ret->raw))
		return false;
	cutter->read(f, ret);
	return !f->overflow && !f->malformed;
}

bool framer_end(struct framer *f, struct frame *ret)
{
	const struct cutter *cutter = framings[f->framing].cutter;

	*ret = (struct frame){ 0 };
	drop_given(f);
	if (f->overflow || f->malformed || f->tail.len == 0 || !cutter->tail_is_frame || !cutter->tail_is_frame(f))
		return false;
	f->tail_given = true;
	ret->raw = buf_slice(&f->tail);
	cutter->read(f, ret);
	return !f->overflow && !f->malformed;
}

bool framer_has_tail(const struct framer *f)
{
	return f->tail.len > 0 && !f->tail_given;
}

bool framer_is_complete(const struct framer *f)
{
	if (f->overflow || f->malformed || framer_has_tail(f))
		return false;
	return f->framing != FRAMING_JSON_ARRAY || f->place == ARRAY_CLOSED;
}
