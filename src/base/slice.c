/* SPDX-License-Identifier: Apache-2.0 */
/* Searching, comparing and cutting borrowed bytes. */
#include "base/slice.h"

#include <limits.h>
#include <stdint.h>
#include "base/cleanup.h"

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (fold(a.ptr[i]) != fold(b.ptr[i]))
			return false;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.ptr[0]))
		s = slice_after(s, 1);
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

size_t slice_find(struct slice s, struct slice needle)
{
	if (needle.len == 0)
		return 0;
	if (needle.len > s.len)
		return SIZE_MAX;
	const char *at = memmem(s.ptr, s.len, needle.ptr, needle.len);
	return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

size_t slice_find_nocase(struct slice s, struct slice needle)
{
	for (size_t i = 0; i + needle.len <= s.len; i++)
		if (slice_eq_nocase((struct slice){ needle.len ? s.ptr + i : NULL, needle.len }, needle))
			return i;
	return SIZE_MAX;
}

struct slice slice_next_token(struct slice *rest, char separator)
{
	struct slice all = *rest;
	const char *at = all.len > 0 ? memchr(all.ptr, separator, all.len) : NULL;
	if (!at) {
		*rest = slice_of(NULL, 0);
		return all;
	}
	size_t len = (size_t)(at - all.ptr);
	*rest = slice_after(all, len + 1);
	return slice_of(all.ptr, len);
}

bool slice_to_u64(struct slice s, unsigned long long *ret)
{
	unsigned long long value = 0;
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10ULL, &value) ||
		    __builtin_add_overflow(value, (unsigned long long)(s.ptr[i] - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

/* Optimal string alignment (Damerau-Levenshtein without overlapping swaps) with three rows. Names longer than the rows
 * are not misspellings of each other: they count as wholly different. */
unsigned slice_edit_distance(struct slice a, struct slice b)
{
	enum { NAME_MAX_LEN = 128 };
	unsigned rows[3][NAME_MAX_LEN + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	if (a.len > NAME_MAX_LEN || b.len > NAME_MAX_LEN)
		return slice_eq(a, b) ? 0 : UINT_MAX;
	for (size_t j = 0; j <= b.len; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			bool same = a.ptr[i - 1] == b.ptr[j - 1];
			unsigned best = above[j - 1] + !same;
			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		unsigned *oldest = before;
		before = above;
		above = row;
		row = oldest;
	}
	return above[b.len];
}

/* Only the last star ever needs to be retried, so the time is at most s.len × pattern.len. */
bool slice_matches_glob(struct slice s, struct slice pattern)
{
	size_t i = 0, p = 0, star = SIZE_MAX, resume = 0;
	while (i < s.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			resume = i;
		} else if (p < pattern.len && pattern.ptr[p] == s.ptr[i]) {
			p++;
			i++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}
