/* SPDX-License-Identifier: Apache-2.0 */
/* Growing owned bytes. Consuming only moves `start`; the gap is closed when room is needed and closing it moves no more
 * bytes than were consumed, so that a queue costs a constant per byte whatever the pattern. */
#include "base/buf.h"

#include <stdio.h>

enum { BUF_FIRST = 512, BUF_KEEP_MAX = 16 << 10 };

void buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf){ .limit = limit };
}

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .limit = b->limit };
}

/* Doubles, within the limit; twice the limit when there is a gap, or a full buffer would be moved for every byte. */
static size_t next_cap(const struct buf *b, size_t needed)
{
	size_t most = b->limit;
	if (b->start > 0 && __builtin_mul_overflow(b->limit, 2, &most))
		most = SIZE_MAX / 2;
	size_t cap = b->cap > SIZE_MAX / 4 ? most : b->cap * 2;
	if (cap < BUF_FIRST)
		cap = BUF_FIRST;
	if (cap > most)
		cap = most;
	return cap > needed ? cap : needed;
}

static void grow(struct buf *b, size_t needed)
{
	size_t cap = next_cap(b, needed);
	if (b->start == 0) {
		b->data = xrealloc(b->data, cap);
	} else {
		char *data = xmalloc(cap);
		memcpy(data, b->data + b->start, b->len);
		free(b->data);
		b->data = data;
		b->start = 0;
	}
	b->cap = cap;
}

char *buf_reserve(struct buf *b, size_t extra)
{
	if (b->len > b->limit || extra > b->limit - b->len)
		return NULL;
	size_t needed = b->len + extra;
	if (!b->data || needed > b->cap - b->start) {
		if (b->data && needed <= b->cap && b->start >= b->len) {
			memcpy(b->data, b->data + b->start, b->len);
			b->start = 0;
		} else {
			grow(b, needed);
		}
	}
	return b->data + b->start + b->len;
}

void buf_commit(struct buf *b, size_t written)
{
	check(written <= b->cap - b->start - b->len, "more was written than reserved");
	b->len += written;
}

bool buf_append(struct buf *b, const void *data, size_t len)
{
	char *to = buf_reserve(b, len);
	if (!to)
		return false;
	if (len > 0)
		memcpy(to, data, len);
	b->len += len;
	return true;
}

bool buf_vprintf(struct buf *b, const char *format, va_list args)
{
	/* Most texts fit into what is there already: then they are printed once. */
	size_t room = b->data ? b->cap - b->start - b->len : 0;
	va_list again;
	va_copy(again, args);
	int len = vsnprintf(room > 0 ? b->data + b->start + b->len : NULL, room, format, args);
	check(len >= 0, "a format that cannot be printed");
	bool fits = (size_t)len <= b->limit - b->len;
	if (fits && (size_t)len >= room) {
		/* One more than the limit may be needed for printf's own NUL, which is not part of the contents. */
		if (b->len + (size_t)len + 1 > b->cap - b->start)
			grow(b, b->len + (size_t)len + 1);
		vsnprintf(b->data + b->start + b->len, (size_t)len + 1, format, again);
	}
	va_end(again);
	if (fits)
		b->len += (size_t)len;
	return fits;
}

bool buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	bool fits = buf_vprintf(b, format, args);
	va_end(args);
	return fits;
}

void buf_consume(struct buf *b, size_t len)
{
	check(len <= b->len, "more consumed than there is");
	b->start += len;
	b->len -= len;
	if (b->len > 0)
		return;
	b->start = 0;
	if (b->cap > BUF_KEEP_MAX)
		buf_done(b);
}
