/* SPDX-License-Identifier: Apache-2.0 */
/* {"input":"…"} back into its text. */
#include "llm/custom_input.h"

#include <stdint.h>
#include "base/digits.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char *put_utf8(char *at, unsigned c)
{
	if (c < 0x80) {
		*at++ = (char)c;
	} else if (c < 0x800) {
		*at++ = (char)(0xc0 | c >> 6);
		*at++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*at++ = (char)(0xe0 | c >> 12);
		*at++ = (char)(0x80 | (c >> 6 & 0x3f));
		*at++ = (char)(0x80 | (c & 0x3f));
	} else {
		*at++ = (char)(0xf0 | c >> 18);
		*at++ = (char)(0x80 | (c >> 12 & 0x3f));
		*at++ = (char)(0x80 | (c >> 6 & 0x3f));
		*at++ = (char)(0x80 | (c & 0x3f));
	}
	return at;
}

/* A pair's first half that the second does not follow is no character. */
static char *drop_half(struct custom_input *c, char *at)
{
	if (c->high)
		at = put_utf8(at, 0xfffd);
	c->high = 0;
	return at;
}

/* A second half alone is none either. */
static char *put_unit(struct custom_input *c, char *at)
{
	unsigned unit = c->value, high = c->high;

	if (high && unit >= 0xdc00 && unit < 0xe000) {
		c->high = 0;
		return put_utf8(at, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
	}
	at = drop_half(c, at);
	if (unit >= 0xd800 && unit < 0xdc00) {
		c->high = unit;
		return at;
	}
	return put_utf8(at, unit >= 0xdc00 && unit < 0xe000 ? 0xfffd : unit);
}

static char *put_escaped(struct custom_input *c, char *at, char letter)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	const char *found = letter ? strchr(from, letter) : NULL;

	if (letter == 'u') {
		c->place = INPUT_UNICODE;
		c->digits = c->value = 0;
		return at;
	}
	c->place = INPUT_TEXT;
	at = drop_half(c, at);
	*at++ = found ? to[found - from] : letter;
	return at;
}

/* One byte within the string. */
static char *put_text(struct custom_input *c, char *at, char byte)
{
	if (byte != '\\')
		at = drop_half(c, at);
	if (byte == '"')
		c->place = INPUT_AFTER;
	else if (byte == '\\')
		c->place = INPUT_ESCAPE;
	else
		*at++ = byte;
	return at;
}

static char *step(struct custom_input *c, char *at, char byte)
{
	switch (c->place) {
	case INPUT_BEFORE:
		if (is_space(byte))
			break;
		c->place = byte == '{' ? INPUT_KEY : INPUT_RAW;
		if (byte != '{')
			*at++ = byte;
		break;
	case INPUT_KEY:
		if (byte == ':')
			c->place = INPUT_VALUE;
		break;
	case INPUT_VALUE:
		if (is_space(byte))
			break;
		c->place = byte == '"' ? INPUT_TEXT : INPUT_RAW;
		if (byte != '"')
			*at++ = byte;
		break;
	case INPUT_TEXT:
		return put_text(c, at, byte);
	case INPUT_ESCAPE:
		return put_escaped(c, at, byte);
	case INPUT_UNICODE:
		c->value = c->value << 4 | (unsigned)(digits_hex_value(byte) < 0 ? 0 : digits_hex_value(byte));
		if (++c->digits < 4)
			break;
		c->place = INPUT_TEXT;
		return put_unit(c, at);
	case INPUT_AFTER:
		break;
	case INPUT_RAW:
		*at++ = byte;
		break;
	}
	return at;
}

struct slice custom_input_read(struct custom_input *c, struct slice piece, struct arena *a)
{
	/* Text is never longer than its escapes, but for what a half pair from an earlier piece leaves behind. */
	char *out = arena_alloc(a, piece.len + 8), *at = out;

	for (size_t i = 0; i < piece.len; i++)
		at = step(c, at, piece.ptr[i]);
	return slice_of(out, (size_t)(at - out));
}
