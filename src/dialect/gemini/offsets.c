/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes and characters (code points) of a text, without the text: a bit for each byte. */
#include "dialect/gemini/gemini.h"

static unsigned bits_of(uint64_t word)
{
	return (unsigned)__builtin_popcountll(word);
}

static bool is_ascii(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	return true;
}

static void grow(struct text_offsets *o, size_t len, struct arena *a)
{
	size_t capacity = len < 2048 ? 4096 : 2 * len;
	size_t words = capacity / 64 + 2, used = o->starts ? o->capacity / 64 + 2 : 0;
	uint64_t *starts = arena_array(a, uint64_t, words), *before = arena_array(a, uint64_t, words);

	if (used > 0) {
		memcpy(starts, o->starts, used * sizeof(*starts));
		memcpy(before, o->before, used * sizeof(*before));
	} else {
		for (size_t i = 0; i < o->len; i++)
			starts[i / 64] |= 1ull << (i % 64);
		for (size_t i = 0; i <= o->len / 64; i++)
			before[i] = 64 * i;
	}
	o->starts = starts;
	o->before = before;
	o->capacity = capacity;
}

void offsets_add(struct text_offsets *o, struct slice text, struct arena *a)
{
	if (text.len > OFFSETS_TEXT_MAX - o->len)
		text.len = OFFSETS_TEXT_MAX - o->len;
	if (!o->starts && is_ascii(text)) {
		o->len += text.len;
		return;
	}
	if (!o->starts || o->len + text.len > o->capacity)
		grow(o, o->len + text.len, a);
	for (size_t i = 0; i < text.len; i++, o->len++) {
		size_t word = o->len / 64;

		if (o->len % 64 == 0)
			o->before[word] = word > 0 ? o->before[word - 1] + bits_of(o->starts[word - 1]) : 0;
		if (((unsigned char)text.ptr[i] & 0xc0) != 0x80)
			o->starts[word] |= 1ull << (o->len % 64);
	}
}

int64_t offsets_characters(const struct text_offsets *o, int64_t bytes)
{
	size_t word;

	if (bytes < 0 || (uint64_t)bytes > o->len)
		return -1;
	if (!o->starts || bytes == 0)
		return bytes;
	/* The word of the last byte that counts: the one after may not have been begun. */
	word = (size_t)(bytes - 1) / 64;
	unsigned rest = (unsigned)(bytes - (int64_t)(64 * word));
	uint64_t starts = rest == 64 ? o->starts[word] : o->starts[word] & ((1ull << rest) - 1);
	return (int64_t)(o->before[word] + bits_of(starts));
}

int64_t offsets_bytes(const struct text_offsets *o, int64_t characters)
{
	int64_t low = 0, high = (int64_t)o->len;

	if (characters < 0 || characters > offsets_characters(o, high))
		return -1;
	/* The first byte with that many characters before it, which is where the next one begins. */
	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;

		if (offsets_characters(o, middle) <= characters)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}
