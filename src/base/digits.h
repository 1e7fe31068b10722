/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers into text where printf's way through its format would be felt: heads, chunk sizes, log lines. Each writes at
 * `at`, without NUL, and returns where it stopped. */
#pragma once

#include <stdint.h>

enum { DIGITS_MAX = 20 };              /* of a 64-bit number */

/* Decimal, with zeros in front to at least `width` digits (DIGITS_MAX at most). */
char *digits_put(char *at, uint64_t n, unsigned width);
/* The same in lower-case hexadecimal. */
char *digits_put_hex(char *at, uint64_t n, unsigned width);
/* Thousandths: 12345 is "12.345". At most DIGITS_MAX + 1 characters. */
char *digits_put_thousandths(char *at, uint64_t n);
/* The way back, one digit: the value of a hexadecimal digit in either case, or -1. */
int digits_hex_value(char c);
