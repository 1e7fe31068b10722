/* SPDX-License-Identifier: Apache-2.0 */
/* Bump allocation over a chain of blocks: the first is small (what malloc keeps at hand), each next one twice as large
 * up to ARENA_BLOCK_MAX; large requests get blocks of their own. Under AddressSanitizer unused space is poisoned and
 * allocations stand apart, so that running over the end of one is seen. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ARENA_POISONS 1
#endif

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
enum { ARENA_GAP = 16 };
static void hide(void *p, size_t len) { __asan_poison_memory_region(p, len); }
static void show(void *p, size_t len) { __asan_unpoison_memory_region(p, len); }
#else
enum { ARENA_GAP = 0 };
static void hide(void *p, size_t len) { (void)p, (void)len; }
static void show(void *p, size_t len) { (void)p, (void)len; }
#endif

enum {
	ARENA_ALIGN = _Alignof(max_align_t),
	ARENA_BLOCK_MIN = 1 << 10,
	ARENA_BLOCK_MAX = 64 << 10,
	/* What a reset keeps at most: the next user of the arena often needs what the last one did. */
	ARENA_KEPT_MAX = 4 << 10,
};

struct arena_block {
	struct arena_block *older;
	size_t size;                   /* including this head */
	_Alignas(max_align_t) char data[];
};

void arena_init(struct arena *a)
{
	*a = (struct arena){ 0 };
}

static void block_free(struct arena *a, struct arena_block *b)
{
	a->total -= b->size;
	show(b->data, b->size - sizeof(*b));
	free(b);
}

static void free_chain(struct arena *a, struct arena_block *b)
{
	while (b) {
		struct arena_block *older = b->older;
		block_free(a, b);
		b = older;
	}
}

void arena_done(struct arena *a)
{
	free_chain(a, a->large);
	free_chain(a, a->blocks);
	arena_init(a);
}

void arena_reset(struct arena *a)
{
	free_chain(a, a->large);
	a->large = NULL;
	while (a->blocks && a->blocks->older && a->blocks->size > ARENA_KEPT_MAX) {
		struct arena_block *b = a->blocks;
		a->blocks = b->older;
		block_free(a, b);
	}
	if (!a->blocks)
		return;
	free_chain(a, a->blocks->older);
	a->blocks->older = NULL;
	a->next = a->blocks->data;
	a->end = (char *)a->blocks + a->blocks->size;
	hide(a->next, (size_t)(a->end - a->next));
}

static struct arena_block *block_new(struct arena *a, size_t size, struct arena_block **list)
{
	struct arena_block *b = xmalloc(size);
	b->size = size;
	b->older = *list;
	*list = b;
	a->total += size;
	hide(b->data, size - sizeof(*b));
	return b;
}

/* Makes room for `size` bytes; returns where they go. */
static char *grow(struct arena *a, size_t size)
{
	size_t needed;
	if (__builtin_add_overflow(size, sizeof(struct arena_block), &needed))
		out_of_memory();
	/* The free space of the newest block stays in use. */
	if (needed > ARENA_BLOCK_MAX / 4)
		return block_new(a, needed, &a->large)->data;

	size_t usual = a->blocks ? a->blocks->size * 2 : ARENA_BLOCK_MIN;
	while (usual < needed)
		usual *= 2;
	struct arena_block *b = block_new(a, usual < ARENA_BLOCK_MAX ? usual : ARENA_BLOCK_MAX, &a->blocks);
	a->next = b->data + size;
	a->end = (char *)b + b->size;
	return b->data;
}

static void *take(struct arena *a, size_t size, size_t align)
{
	size_t padding = -(uintptr_t)a->next & (align - 1);
	size_t wanted;
	char *p;

	if (__builtin_add_overflow(size, (size_t)ARENA_GAP, &wanted))
		out_of_memory();
	size_t room = (size_t)(a->end - a->next);
	if (likely(padding <= room && wanted <= room - padding && a->next)) {
		p = a->next + padding;
		a->next = p + wanted;
	} else {
		p = grow(a, wanted);
	}
	show(p, size);
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return take(a, size > 0 ? size : 1, ARENA_ALIGN);
}

void *arena_zalloc(struct arena *a, size_t size)
{
	return memset(arena_alloc(a, size), 0, size);
}

/* Texts need no alignment; under AddressSanitizer they keep it, because its shadow has a granularity of eight bytes. */
static char *take_text(struct arena *a, size_t len)
{
	if (len == SIZE_MAX)
		out_of_memory();
	char *p = take(a, len + 1, ARENA_GAP > 0 ? ARENA_ALIGN : 1);
	p[len] = '\0';
	return p;
}

struct slice arena_dup(struct arena *a, struct slice s)
{
	return slice_of(arena_cstr(a, s), s.len);
}

char *arena_cstr(struct arena *a, struct slice s)
{
	char *p = take_text(a, s.len);
	if (s.len > 0)
		memcpy(p, s.ptr, s.len);
	return p;
}

struct slice arena_join(struct arena *a, struct slice first, struct slice second)
{
	size_t len;
	if (__builtin_add_overflow(first.len, second.len, &len))
		out_of_memory();
	char *p = take_text(a, len);
	if (first.len > 0)
		memcpy(p, first.ptr, first.len);
	if (second.len > 0)
		memcpy(p + first.len, second.ptr, second.len);
	return slice_of(p, len);
}

struct slice arena_printf(struct arena *a, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	check(len >= 0, "a format that cannot be printed");
	char *p = take_text(a, (size_t)len);
	vsnprintf(p, (size_t)len + 1, format, again);
	va_end(again);
	return slice_of(p, (size_t)len);
}
