/* SPDX-License-Identifier: Apache-2.0 */
/* How many there are, then two at a time from the last to the first. */
#include "base/digits.h"

#include <string.h>

static const char pairs[201] =
	"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
	"5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static unsigned count_digits(uint64_t n)
{
	unsigned count = 1;

	for (; n >= 10000; n /= 10000)
		count += 4;
	return count + (n >= 10) + (n >= 100) + (n >= 1000);
}

char *digits_put(char *at, uint64_t n, unsigned width)
{
	unsigned count = count_digits(n), left;

	if (count < width)
		count = width < DIGITS_MAX ? width : DIGITS_MAX;
	for (left = count; left >= 2; n /= 100)
		memcpy(at + (left -= 2), pairs + 2 * (n % 100), 2);
	if (left > 0)
		*at = (char)('0' + n % 10);
	return at + count;
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
