/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed bytes. A slice never owns what it points to; whoever made it says how long it lives. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *ptr;
	size_t len;
};

/* A slice over a string literal (not over a char pointer: the size is the array's). */
#define SLICE(literal) ((struct slice){ "" literal "", sizeof(literal) - 1 })
/* The two arguments that "%.*s" takes. */
#define SLICE_ARG(s) (int)(s).len, (s).ptr

static inline struct slice slice_of(const char *ptr, size_t len)
{
	return (struct slice){ ptr, len };
}

static inline struct slice slice_cstr(const char *text)
{
	return (struct slice){ text, text ? strlen(text) : 0 };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool slice_ends_with(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len &&
	       (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* The rest of `s` after its first `n` bytes; `n` may not exceed the length. */
static inline struct slice slice_after(struct slice s, size_t n)
{
	/* Even adding nothing to a NULL pointer is undefined (C17 6.5.6). */
	return (struct slice){ n > 0 ? s.ptr + n : s.ptr, s.len - n };
}

/* ASCII case folded comparison, as header names and host names need it. */
bool slice_eq_nocase(struct slice a, struct slice b);
/* Without spaces and tabs at either end. */
struct slice slice_trim(struct slice s);
/* Offset of the first occurrence, or SIZE_MAX. */
size_t slice_find(struct slice s, struct slice needle);
/* The same, ASCII case folded. */
size_t slice_find_nocase(struct slice s, struct slice needle);
/* Cuts the part before the first `separator` off `*rest` and returns it; all of it when there is none
 * (then `*rest` is left with a NULL pointer). A slice with NULL pointer yields nothing more. */
struct slice slice_next_token(struct slice *rest, char separator);
/* A whole decimal number without sign. False on anything else or overflow. */
bool slice_to_u64(struct slice s, unsigned long long *ret);
/* How many single-character edits lead from `a` to `b`, adjacent swaps counting one; used for "did you mean". */
unsigned slice_edit_distance(struct slice a, struct slice b);
/* Case-sensitive match of a pattern in which `*` stands for any run of bytes. */
bool slice_matches_glob(struct slice s, struct slice pattern);
