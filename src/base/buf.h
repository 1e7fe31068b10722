/* SPDX-License-Identifier: Apache-2.0 */
/* Owned bytes that grow at the end and are consumed at the front. Every buffer states its limit when it is born;
 * an append that would exceed it changes nothing and returns false. */
#pragma once

#include <stdarg.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/slice.h"

struct buf {
	char *data;
	size_t start;                  /* consumed bytes before the contents */
	size_t len;                    /* of the contents */
	size_t cap;                    /* of the allocation */
	size_t limit;                  /* the contents may never be longer */
};

void buf_init(struct buf *b, size_t limit);
/* Frees the memory; the limit stays, so the buffer can be used again. */
void buf_done(struct buf *b);
/* Forgets the contents, keeps the memory. */
static inline void buf_clear(struct buf *b) { b->start = b->len = 0; }
static inline struct slice buf_slice(const struct buf *b)
{
	return slice_of(b->data ? b->data + b->start : NULL, b->len);
}
/* Makes room for `extra` bytes after the contents and returns where they go, or NULL over the limit.
 * buf_commit() then says how many were written. */
char *buf_reserve(struct buf *b, size_t extra) MUSTCHECK;
void buf_commit(struct buf *b, size_t written);
bool buf_append(struct buf *b, const void *data, size_t len) MUSTCHECK;
static inline bool MUSTCHECK buf_append_slice(struct buf *b, struct slice s) { return buf_append(b, s.ptr, s.len); }
bool buf_printf(struct buf *b, const char *format, ...) PRINTF(2, 3) MUSTCHECK;
bool buf_vprintf(struct buf *b, const char *format, va_list args) PRINTF(2, 0) MUSTCHECK;
/* Drops `len` bytes at the front; frees the memory when nothing is left and the allocation was large. */
void buf_consume(struct buf *b, size_t len);
