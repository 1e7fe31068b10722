/* SPDX-License-Identifier: Apache-2.0 */
/* {"input":"…"} back into its text. */
#include "llm/custom_input.h"

#include <stdint.h>
#include "base/digits.h"
#include "base/utf16.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
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
	at = utf16_drop(at, &c->high);
	*at++ = found ? to[found - from] : letter;
	return at;
}

/* One byte within the string. */
static char *put_text(struct custom_input *c, char *at, char byte)
{
	if (byte != '\\')
		at = utf16_drop(at, &c->high);
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
		return utf16_put(at, &c->high, c->value);
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
