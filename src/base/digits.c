/* SPDX-License-Identifier: Apache-2.0 */
/* Digits from the last to the first, then copied to their place. */
#include "base/digits.h"

#include <string.h>

char *digits_put(char *at, uint64_t n, unsigned width)
{
	char text[DIGITS_MAX];
	unsigned first = DIGITS_MAX;

	do
		text[--first] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	while (DIGITS_MAX - first < width && first > 0)
		text[--first] = '0';
	memcpy(at, text + first, DIGITS_MAX - first);
	return at + (DIGITS_MAX - first);
}

char *digits_put_hex(char *at, uint64_t n, unsigned width)
{
	unsigned count = 1;

	while (count < 16 && n >> (4 * count) > 0)
		count++;
	if (count < width)
		count = width < DIGITS_MAX ? width : DIGITS_MAX;
	for (unsigned i = count; i > 0; n >>= 4)
		at[--i] = "0123456789abcdef"[n & 15];
	return at + count;
}

char *digits_put_thousandths(char *at, uint64_t n)
{
	at = digits_put(at, n / 1000, 1);
	*at++ = '.';
	return digits_put(at, n % 1000, 3);
}

int digits_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
