/* SPDX-License-Identifier: Apache-2.0 */
/* Rate-limit headers (DIALECTS §6.3). No two providers agree on their names, but all are built of the same words, in
 * this order or another:
 *
 *     x-ratelimit-remaining-requests                OpenAI, Azure, Groq, xAI, Fireworks, Venice, GitHub
 *     x-ratelimit-remaining-project-tokens          OpenAI
 *     x-ratelimit-remaining-tokens-minute           Cerebras, Mistral, Hugging Face (also -hour, -day, -month)
 *     x-ratelimit-remaining-req-minute              Mistral (also -req-10-second)
 *     x-ratelimit-remaining-tokens-prompt           Fireworks (also -generated, -cache-adjusted-prompt)
 *     x-ratelimit-remaining                         Together, OpenRouter, Moonshot, Mistral: requests
 *     x-ratelimitbysize-remaining-minute            Mistral: tokens
 *     x-tokenlimit-remaining                        Together: tokens
 *     anthropic-ratelimit-input-tokens-remaining    Anthropic
 *     ratelimit-remaining                           the IETF's draft
 *
 * and the same with `reset`. So a name is read word by word; one with a word that is not in the table speaks of images,
 * of seconds of audio, of the whole limit, or of something that nobody has seen yet, and is let alone. What else a name
 * says (which tokens, of which span) makes the window: a `reset` belongs to the `remaining` of the same window. */
#include "dialect/rate_limit.h"

#include "base/clock.h"
#include "base/cleanup.h"

enum word {
	WORD_LEFT = 1, WORD_RESET = 2,
	WORD_REQUESTS = 4, WORD_TOKENS = 8,
	WORD_PROJECT = 16, WORD_INPUT = 32, WORD_OUTPUT = 64, WORD_CACHE = 128, WORD_USAGE = 256,
	WORD_SECOND = 512, WORD_MINUTE = 1024, WORD_HOUR = 2048, WORD_DAY = 4096, WORD_MONTH = 8192,
	WORD_NOTHING = 16384,          /* says nothing that the others have not said */
};

static const struct {
	struct slice text;
	unsigned word;
} words[] = {
	{ { "remaining", 9 }, WORD_LEFT }, { { "reset", 5 }, WORD_RESET }, { { "tokens", 6 }, WORD_TOKENS },
	{ { "requests", 8 }, WORD_REQUESTS }, { { "req", 3 }, WORD_REQUESTS }, { { "input", 5 }, WORD_INPUT },
	{ { "output", 6 }, WORD_OUTPUT }, { { "project", 7 }, WORD_PROJECT }, { { "prompt", 6 }, WORD_INPUT },
	{ { "generated", 9 }, WORD_OUTPUT }, { { "cache", 5 }, WORD_CACHE }, { { "adjusted", 8 }, WORD_NOTHING },
	{ { "usage", 5 }, WORD_USAGE }, { { "based", 5 }, WORD_NOTHING }, { { "10", 2 }, WORD_NOTHING },
	{ { "second", 6 }, WORD_SECOND }, { { "minute", 6 }, WORD_MINUTE }, { { "hour", 4 }, WORD_HOUR },
	{ { "day", 3 }, WORD_DAY }, { { "month", 5 }, WORD_MONTH }, { { "resets", 6 }, WORD_RESET },
	{ { "timeremaining", 13 }, WORD_RESET },
};

/* How all of them begin, and what they are of when they do not say. */
static const struct {
	struct slice text;
	unsigned of;
} beginnings[] = {
	{ { "x-ratelimit-", 12 }, WORD_REQUESTS }, { { "anthropic-ratelimit-", 20 }, WORD_REQUESTS },
	{ { "ratelimit-", 10 }, WORD_REQUESTS }, { { "x-ratelimitbysize-", 18 }, WORD_TOKENS },
	{ { "ratelimitbysize-", 16 }, WORD_TOKENS }, { { "x-tokenlimit-", 13 }, WORD_TOKENS },
};

enum { WINDOWS_MAX = 16 };             /* the most seen is eight; more are let alone */

#define RESET_LONGEST_MS (366 * INT64_C(86400000))

struct window {
	unsigned words;                /* of what and which */
	int64_t left, reset_ms;        /* -1 = not said */
};

struct reading {
	struct window windows[WINDOWS_MAX];
	unsigned count;
};

/* ---- names ---- */

/* Nearly all headers are others: a look at where each beginning has its "limit" tells. */
static bool may_be_ours(struct slice name)
{
	static const char limit[] = "limit";
	enum { LIMIT_LEN = sizeof(limit) - 1 };

	if (name.len < 15)
		return false;
	switch (name.ptr[0]) {
	case 'x':
		return memcmp(name.ptr + 6, limit, LIMIT_LEN) == 0 || memcmp(name.ptr + 7, limit, LIMIT_LEN) == 0;
	case 'a':
		return name.len > 20 && memcmp(name.ptr + 14, limit, LIMIT_LEN) == 0;
	case 'r':
		return memcmp(name.ptr + 4, limit, LIMIT_LEN) == 0;
	default:
		return false;
	}
}

/* The part of a name after how they all begin, empty for other headers. */
static struct slice after_beginning(struct slice name, unsigned *ret_of)
{
	if (!may_be_ours(name) || slice_ends_with(name, SLICE("-limit")))
		return slice_of(NULL, 0);
	for (size_t i = 0; i < COUNT_OF(beginnings); i++) {
		if (!slice_starts_with(name, beginnings[i].text))
			continue;
		*ret_of = beginnings[i].of;
		return slice_after(name, beginnings[i].text.len);
	}
	return slice_of(NULL, 0);
}

static unsigned word_of(struct slice text)
{
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (words[i].text.ptr[0] == text.ptr[0] && slice_eq(words[i].text, text))
			return words[i].word;
	return 0;
}

/* What a name says, 0 for one that is let alone. */
static unsigned read_name(struct slice name)
{
	unsigned of = 0, said = 0;
	struct slice rest = after_beginning(name, &of);

	while (rest.len > 0) {
		size_t len = 0;
		unsigned word;

		/* One dialect of 2023 wrote tokens_usage_based. */
		while (len < rest.len && rest.ptr[len] != '-' && rest.ptr[len] != '_')
			len++;
		word = len > 0 ? word_of(slice_of(rest.ptr, len)) : 0;
		if (word == 0)
			return 0;
		said |= word;
		rest = slice_after(rest, len < rest.len ? len + 1 : len);
	}
	if ((said & (WORD_LEFT | WORD_RESET)) == 0)
		return 0;
	return said & (WORD_REQUESTS | WORD_TOKENS) ? said : said | of;
}

/* ---- values ---- */

/* "42", "42.7"; false for a negative number, which says that there is no such limit (Azure). */
static bool read_left(struct slice text, int64_t *ret)
{
	size_t digits = 0;
	unsigned long long n;

	while (digits < text.len && text.ptr[digits] != '.')
		digits++;
	if (!slice_to_u64(slice_of(text.ptr, digits), &n))
		return false;
	*ret = n < INT64_MAX ? (int64_t)n : INT64_MAX;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Cuts a number off, in thousandths; digits after the first thirteen are let go. */
static bool take_number(struct slice *rest, int64_t *ret_thousandths)
{
	int64_t value = 0, unit = 1000;
	size_t i = 0;

	for (; i < rest->len && is_digit(rest->ptr[i]); i++)
		value = value < INT64_C(1000000000000) ? value * 10 + (rest->ptr[i] - '0') : value;
	if (i == 0)
		return false;
	value *= unit;
	if (i < rest->len && rest->ptr[i] == '.')
		for (i++; i < rest->len && is_digit(rest->ptr[i]); i++) {
			unit /= 10;
			value += unit > 0 ? (rest->ptr[i] - '0') * unit : 0;
		}
	*ret_thousandths = value;
	*rest = slice_after(*rest, i);
	return true;
}

/* Cuts a unit off: how many milliseconds it has. Less than one counts as none. */
static bool take_unit(struct slice *rest, int64_t *ret_ms)
{
	static const struct {
		struct slice text;
		int64_t ms;
	} units[] = {
		{ { "ms", 2 }, 1 }, { { "us", 2 }, 0 }, { { "\xc2\xb5s", 3 }, 0 }, { { "ns", 2 }, 0 },
		{ { "s", 1 }, 1000 }, { { "m", 1 }, 60000 }, { { "h", 1 }, 3600000 }, { { "d", 1 }, 86400000 },
	};

	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (slice_starts_with(*rest, units[i].text)) {
			*ret_ms = units[i].ms;
			*rest = slice_after(*rest, units[i].text.len);
			return true;
		}
	return false;
}

static int64_t shorter(int64_t ms)
{
	return ms < RESET_LONGEST_MS ? ms : RESET_LONGEST_MS;
}

/* A bare number: seconds, or the time itself, in seconds (GitHub) or milliseconds (OpenRouter, Venice). */
static int64_t from_number(int64_t thousandths, int64_t now_wall_ms)
{
	if (thousandths >= INT64_C(100000000000) * 1000)
		return thousandths / 1000 - now_wall_ms;
	if (thousandths >= INT64_C(1000000000) * 1000)
		return thousandths - now_wall_ms;
	return thousandths;
}

/* "1s", "6m0s", "2m59.56s", "88ms", "1h2m"; "30", "3.605". */
static bool read_duration(struct slice text, int64_t now_wall_ms, int64_t *ret_ms)
{
	int64_t sum = 0, thousandths, unit_ms;
	bool is_first = true;

	for (; text.len > 0; is_first = false) {
		if (!take_number(&text, &thousandths))
			return false;
		if (text.len == 0) {
			*ret_ms = from_number(thousandths, now_wall_ms);
			return is_first;
		}
		if (!take_unit(&text, &unit_ms))
			return false;
		sum = shorter(sum + shorter(thousandths / 1000) * unit_ms + thousandths % 1000 * unit_ms / 1000);
	}
	*ret_ms = sum;
	return true;
}

/* Days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"): years begin in March. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

static int64_t two_digits(const char *at)
{
	return (at[0] - '0') * 10 + (at[1] - '0');
}

/* "Z", "+02:00": how many seconds before the universal time. */
static bool read_offset(struct slice text, int64_t *ret_seconds)
{
	*ret_seconds = 0;
	if (slice_eq(text, SLICE("Z")))
		return true;
	if (text.len != 6 || text.ptr[3] != ':')
		return false;
	for (size_t i = 1; i < text.len; i++)
		if (i != 3 && !is_digit(text.ptr[i]))
			return false;
	*ret_seconds = two_digits(text.ptr + 1) * 3600 + two_digits(text.ptr + 4) * 60;
	if (text.ptr[0] == '-')
		*ret_seconds = -*ret_seconds;
	return text.ptr[0] == '-' || text.ptr[0] == '+';
}

/* "2026-01-20T21:37:05Z", with or without a fraction, or with an offset. */
static bool read_time(struct slice text, int64_t *ret_wall_ms)
{
	static const char shape[] = "0000-00-00T00:00:00";
	const char *at = text.ptr;
	int64_t seconds, offset, ms = 0;
	size_t end = sizeof(shape) - 1;

	if (text.len <= end)
		return false;
	for (size_t i = 0; i < end; i++)
		if (shape[i] == '0' ? !is_digit(at[i]) : at[i] != shape[i])
			return false;
	seconds = days_of(two_digits(at) * 100 + two_digits(at + 2), two_digits(at + 5), two_digits(at + 8)) * 86400 +
		  two_digits(at + 11) * 3600 + two_digits(at + 14) * 60 + two_digits(at + 17);
	if (at[end] == '.') {
		for (int64_t unit = 100; ++end < text.len && is_digit(at[end]); unit /= 10)
			ms += (at[end] - '0') * unit;
	}
	if (!read_offset(slice_after(text, end), &offset))
		return false;
	*ret_wall_ms = (seconds - offset) * 1000 + ms;
	return true;
}

static bool read_http_date(struct slice text, int64_t *ret_wall_ms)
{
	char copy[64];
	int64_t seconds;

	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	seconds = clock_parse_http_date(copy);
	*ret_wall_ms = seconds * 1000;
	return seconds >= 0;
}

static bool read_reset(struct slice text, int64_t now_wall_ms, int64_t *ret_ms)
{
	int64_t ms, wall_ms;

	if (text.len == 0)
		return false;
	if (!is_digit(text.ptr[0])) {
		if (!read_http_date(text, &wall_ms))
			return false;
		ms = wall_ms - now_wall_ms;
	} else if (text.len > 10 && text.ptr[10] == 'T') {
		if (!read_time(text, &wall_ms))
			return false;
		ms = wall_ms - now_wall_ms;
	} else if (!read_duration(text, now_wall_ms, &ms)) {
		return false;
	}
	*ret_ms = ms > 0 ? shorter(ms) : 0;
	return true;
}

/* ---- windows ---- */

static struct window *window_use(struct reading *r, unsigned of)
{
	for (unsigned i = 0; i < r->count; i++)
		if (r->windows[i].words == of)
			return &r->windows[i];
	if (r->count == WINDOWS_MAX)
		return NULL;
	r->windows[r->count] = (struct window){ of, -1, -1 };
	return &r->windows[r->count++];
}

static void read_header(struct reading *r, const struct header *h, unsigned said, int64_t now_wall_ms)
{
	struct window *w = window_use(r, said & ~(unsigned)(WORD_LEFT | WORD_RESET | WORD_NOTHING));
	int64_t left;

	if (!w)
		return;
	if (said & WORD_RESET)
		read_reset(h->value, now_wall_ms, &w->reset_ms);
	else if (read_left(h->value, &left) && (w->left < 0 || left < w->left))
		w->left = left;
}

/* Of two that leave the same the one that lasts longer. A window of output counts when it is used up: before, nobody
 * knows how much of it a request will need, and compared with whole requests it looks too small for long prompts. */
static void tighten(const struct window *w, int64_t *left, int64_t *reset_ms)
{
	if (w->left < 0 || (w->words & WORD_OUTPUT && w->left > 0))
		return;
	if (*left >= 0 && (w->left > *left || (w->left == *left && w->reset_ms <= *reset_ms)))
		return;
	*left = w->left;
	*reset_ms = w->reset_ms;
}

void rate_limit_read(const struct headers *h, int64_t now_wall_ms, struct rate_limit *ret)
{
	struct reading r;

	r.count = 0;
	for (unsigned i = 0; i < h->count; i++) {
		unsigned said = read_name(h->items[i].name);

		if (said)
			read_header(&r, &h->items[i], said, now_wall_ms);
	}
	*ret = (struct rate_limit){ false, -1, -1, -1, -1 };
	for (unsigned i = 0; i < r.count; i++) {
		if (r.windows[i].words & WORD_TOKENS)
			tighten(&r.windows[i], &ret->tokens_left, &ret->tokens_reset_ms);
		else
			tighten(&r.windows[i], &ret->requests_left, &ret->requests_reset_ms);
	}
	ret->said = ret->requests_left >= 0 || ret->tokens_left >= 0;
}
