/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that dies together: everything a request (or an attempt, or an event) needs is bumped off one arena and
 * freed at once. Allocation never fails (an empty allocator ends the process); what is fed into an arena is bounded
 * where it enters the process, so arenas themselves carry no limit. One thread at a time. */
#pragma once

#include <stddef.h>
#include "base/cleanup.h"
#include "base/slice.h"

struct arena_block;

struct arena {
	char *next;                    /* first free byte of the newest block */
	char *end;
	struct arena_block *blocks;    /* newest first */
	struct arena_block *large;     /* of a single request each */
	size_t total;                  /* bytes held from the allocator, for accounting */
};

/* An empty arena owns nothing: it may be dropped without arena_done(). */
void arena_init(struct arena *a);
/* Frees everything. The arena is empty and usable again. */
void arena_done(struct arena *a);
/* Forgets the contents, keeps one block of moderate size for reuse. */
void arena_reset(struct arena *a);
/* `size` bytes aligned for any type, uninitialised. Never NULL. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull, malloc));
/* The same, zeroed. */
void *arena_zalloc(struct arena *a, size_t size) __attribute__((returns_nonnull, malloc));
#define arena_new(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define arena_array(a, type, count) ((type *)arena_zalloc((a), sizeof(type) * (size_t)(count)))
/* Copies; the copy is followed by a NUL that the length does not count. */
struct slice arena_dup(struct arena *a, struct slice s);
char *arena_cstr(struct arena *a, struct slice s);
/* Both, one after the other. */
struct slice arena_join(struct arena *a, struct slice first, struct slice second);
struct slice arena_printf(struct arena *a, const char *format, ...) PRINTF(2, 3);
