/* SPDX-License-Identifier: Apache-2.0 */
/* Base64: strict out, lenient in. */
#include "base/base64.h"

#include <stdint.h>

int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

bool base64_decode(struct slice text, struct arena *a, struct slice *ret)
{
	char *out = arena_alloc(a, text.len / 4 * 3 + 3), *at = out;
	uint32_t value = 0;
	unsigned bits = 0;
	bool padded = false;

	for (size_t i = 0; i < text.len; i++) {
		int digit = base64_digit(text.ptr[i]);

		if (text.ptr[i] == '\r' || text.ptr[i] == '\n')
			continue;
		padded |= text.ptr[i] == '=';
		if (padded && text.ptr[i] == '=')
			continue;
		if (digit < 0 || padded)
			return false;
		value = value << 6 | (uint32_t)digit;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*at++ = (char)(value >> bits & 0xff);
		}
	}
	*ret = slice_of(out, (size_t)(at - out));
	return bits < 6;
}

struct slice base64_encode(struct slice bytes, struct arena *a)
{
	static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = arena_alloc(a, (bytes.len + 2) / 3 * 4 + 1), *at = out;
	const unsigned char *in = (const unsigned char *)bytes.ptr;

	for (size_t i = 0; i < bytes.len; i += 3) {
		unsigned left = bytes.len - i > 2 ? 3 : (unsigned)(bytes.len - i);
		uint32_t v =
			(uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);

		*at++ = digits[v >> 18];
		*at++ = digits[v >> 12 & 63];
		*at++ = left > 1 ? digits[v >> 6 & 63] : '=';
		*at++ = left > 2 ? digits[v & 63] : '=';
	}
	return slice_of(out, (size_t)(at - out));
}
