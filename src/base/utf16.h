/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-16 units, as JSON's escapes have them, to UTF-8: also pairs whose halves come one after the other. */
#pragma once

enum { UTF8_BYTES_MAX = 4, REPLACEMENT_CHARACTER = 0xfffd };

static inline char *utf8_put(char *at, unsigned c)
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

/* A pair's first half (0 = there is none) that the second does not follow is no character. */
static inline char *utf16_drop(char *at, unsigned *high)
{
	if (*high)
		at = utf8_put(at, REPLACEMENT_CHARACTER);
	*high = 0;
	return at;
}

/* A second half alone is none either. Writes two characters at most. */
static inline char *utf16_put(char *at, unsigned *high, unsigned unit)
{
	unsigned first = *high;

	if (first && unit >= 0xdc00 && unit < 0xe000) {
		*high = 0;
		return utf8_put(at, 0x10000 + ((first - 0xd800) << 10) + (unit - 0xdc00));
	}
	at = utf16_drop(at, high);
	if (unit >= 0xd800 && unit < 0xdc00) {
		*high = unit;
		return at;
	}
	return utf8_put(at, unit >= 0xdc00 && unit < 0xe000 ? REPLACEMENT_CHARACTER : unit);
}
