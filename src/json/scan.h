/* SPDX-License-Identifier: Apache-2.0 */
/* Fast skipping over uninteresting bytes, shared by the JSON reader, the JSON writer and the event framer: 16 bytes at
 * a time with SSE2 (every x86-64 has it), elsewhere 8 at a time in a plain register. Nothing is read beyond `end`. */
#pragma once

#include <stdint.h>
#include <string.h>
#include "base/utf8.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#ifdef __SSE2__
#define SCAN_STEP 16
#define SCAN_EXACT 1                   /* scan_first() is the hit itself, not the start of its block */
typedef __m128i scan_block;

static inline scan_block scan_load(const char *p) { return _mm_loadu_si128((const scan_block *)(const void *)p); }
static inline scan_block scan_is(scan_block v, char c) { return _mm_cmpeq_epi8(v, _mm_set1_epi8(c)); }
/* Signed comparison: bytes from 0x80 on are negative, so this finds control characters and non-ASCII at once. */
static inline scan_block scan_is_special(scan_block v) { return _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)); }
static inline scan_block scan_or(scan_block a, scan_block b) { return _mm_or_si128(a, b); }
static inline unsigned scan_hits(scan_block v) { return (unsigned)_mm_movemask_epi8(v); }
/* How many bytes precede the first hit; only when scan_hits() is not 0. */
static inline unsigned scan_first(unsigned hits) { return (unsigned)__builtin_ctz(hits); }
#else
#define SCAN_STEP 8
#define SCAN_EXACT 0
#define SCAN_ONES 0x0101010101010101ull
typedef uint64_t scan_block;

static inline scan_block scan_load(const char *p)
{
	scan_block v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The classic tricks: a byte's top bit is set when it is zero (or below 0x20). A borrow may set it falsely in a more
 * significant byte, but never when there is no hit at all; the position is therefore found bytewise. */
static inline scan_block scan_is(scan_block v, char c)
{
	v ^= SCAN_ONES * (unsigned char)c;
	return (v - SCAN_ONES) & ~v & (SCAN_ONES << 7);
}

static inline scan_block scan_is_special(scan_block v)
{
	return (((v - SCAN_ONES * 0x20) & ~v) | v) & (SCAN_ONES << 7);
}

static inline scan_block scan_or(scan_block a, scan_block b) { return a | b; }
static inline unsigned scan_hits(scan_block v) { return v != 0; }
static inline unsigned scan_first(unsigned hits) { return 0; }
#endif

static inline scan_block scan_ends_plain(scan_block v)
{
	return scan_or(scan_is_special(v), scan_or(scan_is(v, '"'), scan_is(v, '\\')));
}

static inline scan_block scan_is_either(scan_block v, char a, char b)
{
	return scan_or(scan_is(v, a), scan_is(v, b));
}

static inline scan_block scan_ends_plain_long(const char *p)
{
	return scan_or(
		scan_or(scan_ends_plain(scan_load(p)), scan_ends_plain(scan_load(p + SCAN_STEP))),
		scan_or(scan_ends_plain(scan_load(p + 2 * SCAN_STEP)), scan_ends_plain(scan_load(p + 3 * SCAN_STEP))));
}

/* The first quote, backslash, control character or non-ASCII byte, or `end`. */
static inline const char *scan_plain(const char *p, const char *end)
{
	const char *start = p;

	while (end - p >= SCAN_STEP) {
		unsigned hits = scan_hits(scan_ends_plain(scan_load(p)));

		if (hits) {
			p += scan_first(hits);
			if (SCAN_EXACT)
				return p;
			break;
		}
		p += SCAN_STEP;
		/* It is a long one (an image in base64): four blocks at a time. */
		while (p - start >= 8 * SCAN_STEP && end - p >= 4 * SCAN_STEP && !scan_hits(scan_ends_plain_long(p)))
			p += 4 * SCAN_STEP;
	}
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* The first of two bytes, or `end`. */
static inline const char *scan_either(const char *p, const char *end, char a, char b)
{
	while (end - p >= SCAN_STEP) {
		unsigned hits = scan_hits(scan_is_either(scan_load(p), a, b));

		if (hits) {
			p += scan_first(hits);
			if (SCAN_EXACT)
				return p;
			break;
		}
		p += SCAN_STEP;
	}
	while (p < end && *p != a && *p != b)
		p++;
	return p;
}

/* The first byte that is not `c`, or `end`. */
static inline const char *scan_while(const char *p, const char *end, char c)
{
#ifdef __SSE2__
	while (end - p >= SCAN_STEP) {
		unsigned hits = scan_hits(scan_is(scan_load(p), c)) ^ 0xffff;

		if (hits)
			return p + scan_first(hits);
		p += SCAN_STEP;
	}
#endif
	while (p < end && *p == c)
		p++;
	return p;
}

/* Skips well-formed non-ASCII characters: the first ASCII byte, or the byte where the text is broken, or `end`. Runs of
 * three-byte characters (Chinese, Japanese, Korean …) are checked three tests a character. */
static inline const char *scan_utf8(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p >= 0x80) {
		size_t len;

		while (end - p >= 3 && ((unsigned char)p[0] & 0xf0) == 0xe0) {
			unsigned char lead = (unsigned char)p[0], second = (unsigned char)p[1];

			/* E0 80–9F would be overlong, ED A0–BF a surrogate. */
			if ((second & 0xc0) != 0x80 || ((unsigned char)p[2] & 0xc0) != 0x80 ||
			    (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f))
				return p;
			p += 3;
		}
		if (p == end || (unsigned char)*p < 0x80)
			break;
		len = utf8_sequence(p, (size_t)(end - p));
		if (len == 0)
			break;
		p += len;
	}
	return p;
}
