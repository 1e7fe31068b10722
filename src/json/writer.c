/* SPDX-License-Identifier: Apache-2.0 */
/* Compact JSON into a bounded buffer. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include "base/digits.h"
#include "json/scan.h"
#include "json/writer.h"

void json_writer_init(struct json_writer *w, struct buf *out)
{
	*w = (struct json_writer){ .out = out };
}

static void put(struct json_writer *w, const char *bytes, size_t len)
{
	if (!w->overflow && !buf_append(w->out, bytes, len))
		w->overflow = true;
}

/* What has been asked for is written at once or not at all: the comma that is due, the bytes, their quotes, a key's
 * colon. */
static void put_whole(struct json_writer *w, struct slice bytes, bool quoted, bool key)
{
	bool comma = w->need_comma;
	size_t len = comma + bytes.len + 2 * (size_t)quoted + key;
	char *at = w->overflow ? NULL : buf_reserve(w->out, len);

	w->need_comma = !key;
	w->overflow = !at;
	if (!at)
		return;
	if (comma)
		*at++ = ',';
	if (quoted)
		*at++ = '"';
	if (bytes.len > 0)
		at = (char *)mempcpy(at, bytes.ptr, bytes.len);
	if (quoted)
		*at++ = '"';
	if (key)
		*at = ':';
	buf_commit(w->out, len);
}

static bool is_plain(struct slice text)
{
	return text.len == 0 || scan_plain(text.ptr, text.ptr + text.len) == text.ptr + text.len;
}

static void before_value(struct json_writer *w)
{
	if (w->need_comma)
		put(w, ",", 1);
	w->need_comma = true;
}

static void begin(struct json_writer *w, const char *bracket)
{
	before_value(w);
	put(w, bracket, 1);
	w->need_comma = false;
	w->depth++;
}

static void end(struct json_writer *w, const char *bracket)
{
	check(w->depth > 0, "a JSON container is closed that was not opened");
	w->depth--;
	put(w, bracket, 1);
	w->need_comma = true;
}

void json_begin_object(struct json_writer *w) { begin(w, "{"); }
void json_end_object(struct json_writer *w) { end(w, "}"); }
void json_begin_array(struct json_writer *w) { begin(w, "["); }
void json_end_array(struct json_writer *w) { end(w, "]"); }

/* What cannot stand in a string as it is (RFC 8259 §7). */
static void put_escaped(struct json_writer *w, unsigned char c)
{
	static const char *const short_forms[] = { ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f",
						   ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\" };
	char text[8];

	if (c < COUNT_OF(short_forms) && short_forms[c]) {
		put(w, short_forms[c], 2);
		return;
	}
	snprintf(text, sizeof(text), "\\u%04x", c);
	put(w, text, 6);
}

static void put_string(struct json_writer *w, struct slice text)
{
	const char *p = text.len > 0 ? text.ptr : "", *text_end = p + text.len, *unwritten = p;

	put(w, "\"", 1);
	while ((p = scan_plain(p, text_end)) < text_end) {
		const char *next = scan_utf8(p, text_end);

		if (next > p) {
			p = next;
			continue;
		}
		put(w, unwritten, (size_t)(p - unwritten));
		if ((unsigned char)*p >= 0x80)
			put(w, "\xef\xbf\xbd", 3);
		else
			put_escaped(w, (unsigned char)*p);
		unwritten = ++p;
	}
	put(w, unwritten, (size_t)(text_end - unwritten));
	put(w, "\"", 1);
}

void json_ready_key(struct json_writer *w, struct slice key)
{
	if (!w->need_comma)
		key = slice_after(key, 1);
	put(w, key.ptr, key.len);
	w->need_comma = false;
}

void json_key(struct json_writer *w, struct slice name)
{
	if (is_plain(name)) {
		put_whole(w, name, true, true);
		return;
	}
	before_value(w);
	put_string(w, name);
	put(w, ":", 1);
	w->need_comma = false;
}

void json_string(struct json_writer *w, struct slice text)
{
	if (is_plain(text)) {
		put_whole(w, text, true, false);
		return;
	}
	before_value(w);
	put_string(w, text);
}

void json_int(struct json_writer *w, int64_t value)
{
	char text[DIGITS_MAX + 1] = "-";
	char *from = value < 0 ? text + 1 : text;
	const char *to = digits_put(from, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);

	put_whole(w, slice_of(text, (size_t)(to - text)), false, false);
}

void json_uint(struct json_writer *w, uint64_t value)
{
	char text[DIGITS_MAX];

	put_whole(w, slice_of(text, (size_t)(digits_put(text, value, 1) - text)), false, false);
}

void json_double(struct json_writer *w, double value)
{
	char text[32];
	/* A decimal of up to DBL_DIG digits survives the way through a normal double: nothing shorter need be tried. */
	int precision = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
	int len;

	if (!isfinite(value)) {
		json_null(w);
		return;
	}
	before_value(w);
	do
		len = snprintf(text, sizeof(text), "%.*g", precision++, value);
	while (precision <= DBL_DECIMAL_DIG && strtod(text, NULL) != value);
	put(w, text, (size_t)len);
}

void json_bool(struct json_writer *w, bool value)
{
	json_value_raw(w, value ? SLICE("true") : SLICE("false"));
}

void json_null(struct json_writer *w)
{
	json_value_raw(w, SLICE("null"));
}

void json_value_raw(struct json_writer *w, struct slice json)
{
	put_whole(w, json, false, false);
}

void json_known(struct json_writer *w, int64_t value, double unit)
{
	if (value < 0)
		json_null(w);
	else
		json_double(w, (double)value / unit);
}
