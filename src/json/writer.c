/* SPDX-License-Identifier: Apache-2.0 */
/* Compact JSON into a bounded buffer. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
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

void json_key(struct json_writer *w, struct slice name)
{
	before_value(w);
	put_string(w, name);
	put(w, ":", 1);
	w->need_comma = false;
}

void json_string(struct json_writer *w, struct slice text)
{
	before_value(w);
	put_string(w, text);
}

void json_int(struct json_writer *w, int64_t value)
{
	char text[24];

	before_value(w);
	put(w, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, value));
}

void json_uint(struct json_writer *w, uint64_t value)
{
	char text[24];

	before_value(w);
	put(w, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, value));
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
	before_value(w);
	put(w, json.ptr, json.len);
}
