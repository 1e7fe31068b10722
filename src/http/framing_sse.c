/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events, WHATWG HTML §9.2: lines end with LF, CRLF or CR; a blank line ends the event; one byte order mark
 * may come first. Gemini and a few others send CRLF, everyone else LF. */
#include "http/framing_internal.h"
#include "json/scan.h"

static const char byte_order_mark[] = "\xef\xbb\xbf";
enum { MARK_LEN = sizeof(byte_order_mark) - 1 };

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

static void read_fields(struct framer *f, struct frame *frame)
{
	struct slice rest = frame->raw;

	if (f->mark_bytes == MARK_LEN) {
		rest = slice_after(rest, MARK_LEN);
		f->mark_bytes = 0;
	}
	while (rest.len > 0 && !f->overflow) {
		struct slice line, name, value;
		const char *colon;

		next_line(&rest, &line);
		colon = memchr(line.ptr, ':', line.len);
		name = colon ? slice_of(line.ptr, (size_t)(colon - line.ptr)) : line;
		value = slice_after(line, colon ? name.len + 1 : line.len);
		if (value.len > 0 && *value.ptr == ' ')
			value = slice_after(value, 1);
		if (slice_eq(name, SLICE("data")))
			f->overflow = !add_data(f, frame, value);
		else if (slice_eq(name, SLICE("event")))
			frame->event = value;
	}
}

static bool ends_with_whole_line(const struct framer *f)
{
	return f->started && !f->line_begun;
}

const struct cutter sse_cutter = { find_blank_line, read_fields, ends_with_whole_line };

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
