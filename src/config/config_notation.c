/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges, shares, hours and weights, from text. */
#include "config/config_notation.h"

enum { DECIMAL_DIGITS_MAX = 12, HOURS = 24 };

bool decimal_parse(struct slice text, unsigned places, uint64_t *ret)
{
	struct slice rest = text, whole = slice_next_token(&rest, '.');
	unsigned long long number, part = 0;
	bool has_point = rest.ptr != NULL;

	if (whole.len > DECIMAL_DIGITS_MAX || !slice_to_u64(whole, &number))
		return false;
	if (has_point && (rest.len > places || !slice_to_u64(rest, &part)))
		return false;
	for (unsigned i = 0; i < places; i++)
		number *= 10;
	for (size_t i = rest.len; has_point && i < places; i++)
		part *= 10;
	*ret = number + part;
	return true;
}

static bool tokens(struct slice s, int64_t *ret)
{
	unsigned long long number;

	if (!slice_to_u64(slice_trim(s), &number) || number > INT64_MAX / 2)
		return false;
	*ret = (int64_t)number;
	return true;
}

/* "A..B" or "A-B". False when it is neither. */
static bool split_range(struct slice text, struct slice *ret_low, struct slice *ret_high)
{
	static const struct slice separators[] = { SLICE(".."), SLICE("-") };

	for (size_t i = 0; i < COUNT_OF(separators); i++) {
		size_t at = slice_find(text, separators[i]);

		if (at == SIZE_MAX)
			continue;
		*ret_low = slice_trim(slice_of(text.ptr, at));
		*ret_high = slice_trim(slice_after(text, at + separators[i].len));
		return true;
	}
	return false;
}

bool range_parse(struct slice text, struct token_range *ret)
{
	struct slice low, high;
	bool inclusive;

	*ret = (struct token_range){ .low = 0, .high = INT64_MAX };
	text = slice_trim(text);
	if (text.len > 1 && (text.ptr[0] == '<' || text.ptr[0] == '>')) {
		bool below = text.ptr[0] == '<';
		int64_t *end = below ? &ret->high : &ret->low;

		inclusive = text.ptr[1] == '=';
		if (!tokens(slice_after(text, inclusive ? 2 : 1), end))
			return false;
		if (!inclusive)
			*end += below ? -1 : 1;
		return ret->low <= ret->high;
	}
	if (split_range(text, &low, &high))
		return tokens(low, &ret->low) && tokens(high, &ret->high) && ret->low <= ret->high;
	if (!tokens(text, &ret->low))
		return false;
	ret->high = ret->low;
	return true;
}

bool share_parse(struct slice text, uint32_t *ret)
{
	bool percent;
	uint64_t parts;

	text = slice_trim(text);
	percent = slice_ends_with(text, SLICE("%"));
	if (percent)
		text = slice_trim(slice_of(text.ptr, text.len - 1));
	/* A percent is ten thousand parts of a million. */
	if (!decimal_parse(text, percent ? 4 : 6, &parts) || parts > SHARE_WHOLE)
		return false;
	*ret = (uint32_t)parts;
	return true;
}

static bool hour(struct slice s, unsigned *ret)
{
	unsigned long long number;

	if (!slice_to_u64(s, &number) || number >= HOURS)
		return false;
	*ret = (unsigned)number;
	return true;
}

bool hours_parse(struct slice text, uint32_t *ret)
{
	struct slice first = slice_trim(text), last = first;
	unsigned from, to;

	split_range(first, &first, &last);
	if (!hour(first, &from) || !hour(last, &to))
		return false;
	*ret = UINT32_C(1) << to;
	for (unsigned at = from; at != to; at = (at + 1) % HOURS)
		*ret |= UINT32_C(1) << at;
	return true;
}

bool weights_parse(struct slice text, unsigned room, uint32_t *ret, unsigned *ret_count)
{
	*ret_count = 0;
	while (text.ptr) {
		unsigned long long weight;

		if (*ret_count == room || !slice_to_u64(slice_trim(slice_next_token(&text, '/')), &weight) ||
		    weight > WEIGHT_MAX)
			return false;
		ret[(*ret_count)++] = (uint32_t)weight;
	}
	return *ret_count > 0;
}
