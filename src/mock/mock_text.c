/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulated provider says: an answer that names itself and the model, then water for as long as it takes. */
#include "mock/mock_internal.h"

static const char *const water[] = {
	" The",   " river", " comes",    " down", " from", " the",  " hills;", " the",   " weir",
	" holds", " it,",   " measures", " it,",  " and",  " lets", " it",     " pass.",
};

struct slice mock_word(const struct mock_reply *r, unsigned index, char word[static MOCK_WORD_MAX])
{
	int len;

	switch (index) {
	case 0:
		return SLICE("Simulated");
	case 1:
		return SLICE(" answer");
	case 2:
		len = snprintf(word, MOCK_WORD_MAX, " of %.*s", SLICE_ARG(r->model));
		break;
	case 3:
		len = snprintf(word, MOCK_WORD_MAX, " at %s.", r->name);
		break;
	default:
		return slice_cstr(water[(index - 4) % COUNT_OF(water)]);
	}
	return slice_of(word, len < MOCK_WORD_MAX ? (size_t)len : MOCK_WORD_MAX - 1);
}

struct slice mock_text(const struct mock_reply *r, struct arena *a)
{
	char *text = arena_alloc(a, (size_t)r->tokens * MOCK_WORD_MAX);
	size_t len = 0;

	for (unsigned i = 0; i < r->tokens; i++) {
		char word[MOCK_WORD_MAX];
		struct slice w = mock_word(r, i, word);

		memcpy(text + len, w.ptr, w.len);
		len += w.len;
	}
	return slice_of(text, len);
}

/* Different for every input and place, the same in every run: splitmix64 (Steele, Lea and Flood, OOPSLA 2014). */
float mock_number(const struct mock_reply *r, unsigned i, unsigned k)
{
	uint64_t z = r->seed + ((uint64_t)i * MOCK_DIMENSIONS_MAX + k + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return (float)((double)(z >> 40) / (double)(1u << 23) - 1.0);
}

void mock_put(struct buf *out, struct slice text)
{
	check(buf_append_slice(out, text), "a simulated answer is over its limit");
}
