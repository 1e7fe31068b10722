/* SPDX-License-Identifier: Apache-2.0 */
/* Gemini without alt=sse (DIALECTS.md §5.1): "[{…}\n,\r\n{…}\n]"; the elements are objects. Only strings and nesting are
 * looked at: whether an element is good JSON is for its reader to say. */
#include "http/framing_internal.h"
#include "json/json.h"
#include "json/scan.h"

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
				return framer_malformed(f);
			break;
		case '}': case ']':
			if (--f->depth > 0)
				break;
			if (p[-1] != '}')
				return framer_malformed(f);
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
				return framer_malformed(f);
			if (f->place == ARRAY_IN_ELEMENT)
				f->element_at = f->tail.len + (size_t)(p - f->input.ptr);
			p++;
			if (f->place == ARRAY_CLOSED)
				return p;
		}
	}
	return was_closed ? p : NULL;
}

static void read_element(struct framer *f, struct frame *frame)
{
	frame->closes = f->place == ARRAY_CLOSED && !f->closing_given;
	f->closing_given = f->place == ARRAY_CLOSED;
	if (f->place != ARRAY_AFTER_ELEMENT)
		return;
	frame->has_data = true;
	frame->data = slice_after(frame->raw, f->element_at);
}

const struct cutter json_array_cutter = { find_element_end, read_element, NULL };
