/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting streams into events.
 *
 *   SSE          WHATWG HTML §9.2 "Server-sent events": lines end with LF, CRLF or CR; a blank line ends the event; one
 *                byte order mark may come first. Gemini and a few others send CRLF, everyone else LF.
 *   JSON_ARRAY   Gemini without alt=sse (DIALECTS.md, streaming table): "[{…}\n,\r\n{…}\n]"; the elements are objects.
 *                Only strings and nesting are looked at: whether an element is good JSON is for its reader to say.
 *
 * Both find the end of a frame with a state machine that looks at every byte once, however the input is split; only
 * then is the frame, now in one piece, taken apart. */
#include "http/framing.h"
#include "json/json.h"
#include "json/scan.h"

static const char byte_order_mark[] = "\xef\xbb\xbf";
enum { MARK_LEN = sizeof(byte_order_mark) - 1 };

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

/* Skips the byte order mark at the start of a stream, also when it comes in parts. */
static const char *skip_mark(struct framer *f, const char *p, const char *end)
{
	while (p < end && !f->started) {
		if (*p == byte_order_mark[f->mark_bytes]) {
			p++;
			f->started = ++f->mark_bytes == MARK_LEN;
		} else {
			f->line_begun = f->mark_bytes > 0;
			f->started = true;
		}
	}
	return p;
}

/* Looks for the blank line: returns where the frame ends, or NULL. */
static const char *find_blank_line(struct framer *f)
{
	const char *p = f->input.ptr, *end = p + f->input.len;

	p = skip_mark(f, p, end);
	while (p < end) {
		bool blank;

		if (f->after_cr) {
			f->after_cr = false;
			if (*p == '\n') {
				p++;
				/* The CR was the end of the frame before: nothing is waited for. */
				if (f->tail.len == 0 && p == f->input.ptr + 1)
					return p;
				continue;
			}
		}
		blank = !f->line_begun;
		if (*p != '\n' && *p != '\r') {
			f->line_begun = true;
			p = scan_either(p, end, '\n', '\r');
			continue;
		}
		f->line_begun = false;
		f->after_cr = *p++ == '\r';
		if (!blank)
			continue;
		if (f->after_cr && p < end) {
			p += *p == '\n';
			f->after_cr = false;
		}
		return p;
	}
	return NULL;
}

/* Cuts the next line off. True when a line end (LF, CRLF or CR) followed it, false when the text ended there. */
static bool next_line(struct slice *rest, struct slice *ret)
{
	const char *end, *stop;

	*ret = *rest;
	if (rest->len == 0)
		return false;
	end = rest->ptr + rest->len;
	stop = scan_either(rest->ptr, end, '\n', '\r');
	ret->len = (size_t)(stop - rest->ptr);
	if (stop == end) {
		rest->len = 0;
		return false;
	}
	*rest = slice_after(*rest, ret->len + (end - stop >= 2 && stop[0] == '\r' && stop[1] == '\n' ? 2 : 1));
	return true;
}

/* One more data line: the first is handed out where it stands, further ones are joined by LF. */
static bool add_data(struct framer *f, struct frame *frame, struct slice value)
{
	if (!frame->has_data) {
		frame->has_data = true;
		frame->data = value;
		return true;
	}
	if (f->joined.len == 0 && !buf_append_slice(&f->joined, frame->data))
		return false;
	if (!buf_append(&f->joined, "\n", 1) || !buf_append_slice(&f->joined, value))
		return false;
	frame->data = buf_slice(&f->joined);
	return true;
}

static bool read_fields(struct framer *f, struct frame *frame)
{
	struct slice rest = frame->raw;

	if (f->mark_bytes == MARK_LEN) {
		rest = slice_after(rest, MARK_LEN);
		f->mark_bytes = 0;
	}
	while (rest.len > 0) {
		struct slice line, name, value;
		const char *colon;

		next_line(&rest, &line);
		colon = memchr(line.ptr, ':', line.len);
		name = colon ? slice_of(line.ptr, (size_t)(colon - line.ptr)) : line;
		value = slice_after(line, colon ? name.len + 1 : line.len);
		if (value.len > 0 && *value.ptr == ' ')
			value = slice_after(value, 1);
		if (slice_eq(name, SLICE("data"))) {
			if (!add_data(f, frame, value))
				return false;
		} else if (slice_eq(name, SLICE("event"))) {
			frame->event = value;
		}
	}
	return true;
}

static const char *array_malformed(struct framer *f)
{
	f->malformed = true;
	return NULL;
}

/* Inside an element: moves to just behind its closing brace, or to the end of the input. */
static const char *skip_element(struct framer *f, const char *p, const char *end)
{
	while (p < end && f->place == ARRAY_IN_ELEMENT) {
		if (f->escaped) {
			f->escaped = false;
			p++;
			continue;
		}
		if (f->in_string) {
			p = scan_either(p, end, '"', '\\');
			if (p < end) {
				f->in_string = *p != '"';
				f->escaped = *p == '\\';
				p++;
			}
			continue;
		}
		switch (*p++) {
		case '"':
			f->in_string = true;
			break;
		case '{': case '[':
			if (f->depth++ == JSON_DEPTH_MAX)
				return array_malformed(f);
			break;
		case '}': case ']':
			if (--f->depth > 0)
				break;
			if (p[-1] != '}')
				return array_malformed(f);
			f->place = ARRAY_AFTER_ELEMENT;
			break;
		}
	}
	return p;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Between elements: takes the bracket, comma or brace at hand. False when it does not belong there. */
static bool take_structure(struct framer *f, char c)
{
	switch (f->place) {
	case ARRAY_BEFORE:
		f->place = ARRAY_OPENED;
		return c == '[';
	case ARRAY_OPENED:
	case ARRAY_AFTER_COMMA:
		if (c == '{') {
			f->place = ARRAY_IN_ELEMENT;
			f->depth = 1;
			return true;
		}
		if (c != ']' || f->place == ARRAY_AFTER_COMMA)
			return false;
		f->place = ARRAY_CLOSED;
		return true;
	case ARRAY_AFTER_ELEMENT:
		f->place = c == ',' ? ARRAY_AFTER_COMMA : ARRAY_CLOSED;
		return c == ',' || c == ']';
	default:
		return false;
	}
}

/* Looks for the end of an element, or of the array: returns where the frame ends, or NULL. */
static const char *find_element_end(struct framer *f)
{
	const char *p = f->input.ptr, *end = p + f->input.len;
	bool was_closed = f->place == ARRAY_CLOSED;

	while (p < end) {
		if (f->place == ARRAY_IN_ELEMENT) {
			p = skip_element(f, p, end);
			if (!p || f->place != ARRAY_IN_ELEMENT)
				return p;
		} else if (is_space(*p)) {
			p++;
		} else {
			if (!take_structure(f, *p))
				return array_malformed(f);
			if (f->place == ARRAY_IN_ELEMENT)
				f->element_at = f->tail.len + (size_t)(p - f->input.ptr);
			p++;
			if (f->place == ARRAY_CLOSED)
				return p;
		}
	}
	return was_closed ? p : NULL;
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

static void read_element(const struct framer *f, bool closes, struct frame *frame)
{
	frame->closes = closes;
	if (f->place != ARRAY_AFTER_ELEMENT)
		return;
	frame->has_data = true;
	frame->data = slice_after(frame->raw, f->element_at);
}

bool framer_next(struct framer *f, struct frame *ret)
{
	bool was_closed = f->place == ARRAY_CLOSED;
	const char *end;

	*ret = (struct frame){ 0 };
	drop_given(f);
	if (f->overflow || f->malformed || f->input.len == 0)
		return false;
	end = f->framing == FRAMING_SSE ? find_blank_line(f) : find_element_end(f);
	if (!end) {
		if (!f->malformed)
			keep_tail(f, f->input.len);
		return false;
	}
	if (!take_raw(f, (size_t)(end - f->input.ptr), &ret->raw))
		return false;
	if (f->framing == FRAMING_SSE)
		f->overflow = !read_fields(f, ret);
	else
		read_element(f, f->place == ARRAY_CLOSED && !was_closed, ret);
	return !f->overflow;
}

bool framer_end(struct framer *f, struct frame *ret)
{
	*ret = (struct frame){ 0 };
	drop_given(f);
	if (f->framing != FRAMING_SSE || f->overflow || f->tail.len == 0 || f->line_begun || !f->started)
		return false;
	f->tail_given = true;
	ret->raw = buf_slice(&f->tail);
	f->overflow = !read_fields(f, ret);
	return !f->overflow;
}

bool framer_has_tail(const struct framer *f)
{
	return f->tail.len > 0 && !f->tail_given;
}

bool framer_is_complete(const struct framer *f)
{
	if (f->overflow || f->malformed || framer_has_tail(f))
		return false;
	return f->framing == FRAMING_SSE || f->place == ARRAY_CLOSED;
}

/* Appends "name: value\n". */
static char *put_field(char *p, struct slice name, struct slice value)
{
	p = mempcpy(p, name.ptr, name.len);
	p = mempcpy(p, ": ", 2);
	if (value.len > 0)
		p = mempcpy(p, value.ptr, value.len);
	*p++ = '\n';
	return p;
}

bool sse_write(struct buf *out, struct slice event, struct slice data)
{
	static const struct slice event_name = { "event", 5 }, data_name = { "data", 4 };
	enum { FIELD_EXTRA = 3 };      /* ": " and LF */
	struct slice name, line, rest = data;
	size_t len = 1;
	bool more;
	char *start, *p;

	/* An event name is one line: what follows would be read as other fields. */
	next_line(&event, &name);
	if (name.len > 0)
		len += event_name.len + name.len + FIELD_EXTRA;
	do {
		more = next_line(&rest, &line);
		len += data_name.len + line.len + FIELD_EXTRA;
	} while (more);
	start = p = buf_reserve(out, len);
	if (!p)
		return false;
	if (name.len > 0)
		p = put_field(p, event_name, name);
	rest = data;
	do {
		more = next_line(&rest, &line);
		p = put_field(p, data_name, line);
	} while (more);
	*p++ = '\n';
	buf_commit(out, (size_t)(p - start));
	return true;
}
