/* SPDX-License-Identifier: Apache-2.0 */
/* Parses durations. */
#include "base/units.h"

#include "base/cleanup.h"

struct unit {
	struct slice name;
	unsigned long long factor;
};

/* Splits "12.5ms" into 12500 thousandths and "ms". At most three decimals. */
static bool split_number(struct slice text, unsigned long long *ret_thousandths, struct slice *ret_unit)
{
	unsigned long long value = 0;
	size_t i = 0, decimals = 0;
	bool point = false;

	for (; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '.' && !point && i > 0) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9')
			break;
		if (value > 1000000000000ull || (point && ++decimals > 3))
			return false;
		value = value * 10 + (unsigned long long)(c - '0');
	}
	if (i == 0 || (point && decimals == 0))
		return false;
	for (; decimals < 3; decimals++)
		value *= 10;
	*ret_thousandths = value;
	*ret_unit = slice_after(text, i);
	return true;
}

static bool scale(struct slice text, const struct unit *units, size_t count, unsigned long long *ret)
{
	unsigned long long thousandths;
	struct slice name;

	if (!split_number(text, &thousandths, &name))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!slice_eq(name, units[i].name))
			continue;
		if (__builtin_mul_overflow(thousandths, units[i].factor, ret))
			return false;
		*ret /= 1000;
		return true;
	}
	return false;
}

bool duration_parse(struct slice text, int64_t *ret_ms)
{
	static const struct unit units[] = {
		{ { "ms", 2 }, 1 }, { { "s", 1 }, 1000 }, { { "m", 1 }, 60000 }, { { "h", 1 }, 3600000 },
		{ { "d", 1 }, 86400000 },
	};
	unsigned long long ms;

	/* 100 years: far enough, and no sum of deadlines overflows. */
	if (!scale(text, units, COUNT_OF(units), &ms) || ms > 36500ull * 86400000ull)
		return false;
	*ret_ms = (int64_t)ms;
	return true;
}
