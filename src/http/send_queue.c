/* SPDX-License-Identifier: Apache-2.0 */
/* A list of segments: small copies share one, borrowed pieces have one each. */
#include "http/send_queue.h"

#include <stdint.h>
#include "base/cleanup.h"

enum { SEGMENT_SIZE = 4 << 10 };

struct send_segment {
	struct send_segment *next;
	const char *bytes;             /* what is left of it; into `data`, or borrowed */
	size_t len;
	size_t free;                   /* room behind the bytes; 0 when borrowed */
	bool borrowed;
	char data[];
};

static struct send_segment *segment_add(struct send_queue *q, size_t size)
{
	struct send_segment *s = xmalloc(sizeof(*s) + size);

	*s = (struct send_segment){ .bytes = s->data, .free = size };
	if (q->last)
		q->last->next = s;
	else
		q->first = s;
	q->last = s;
	return s;
}

void send_queue_copy(struct send_queue *q, const void *data, size_t len)
{
	struct send_segment *s = q->last;

	if (len == 0)
		return;
	if (!s || s->free < len)
		s = segment_add(q, len > SEGMENT_SIZE ? len : SEGMENT_SIZE);
	memcpy(s->data + (s->bytes - s->data) + s->len, data, len);
	s->len += len;
	s->free -= len;
	q->len += len;
}

void send_queue_borrow(struct send_queue *q, struct slice piece)
{
	struct send_segment *s;

	if (piece.len == 0)
		return;
	s = segment_add(q, 0);
	s->bytes = piece.ptr;
	s->len = piece.len;
	s->borrowed = true;
	q->len += piece.len;
}

void send_queue_own(struct send_queue *q)
{
	struct send_queue owned = { 0 };

	for (const struct send_segment *s = q->first; s; s = s->next)
		if (s->borrowed) {
			for (s = q->first; s; s = s->next)
				send_queue_copy(&owned, s->bytes, s->len);
			send_queue_clear(q);
			*q = owned;
			return;
		}
}

int send_queue_gather(const struct send_queue *q, struct iovec *iov, int max)
{
	int count = 0;

	for (const struct send_segment *s = q->first; s && count < max; s = s->next)
		iov[count++] = (struct iovec){ (void *)(uintptr_t)s->bytes, s->len };
	return count;
}

void send_queue_consume(struct send_queue *q, size_t len)
{
	check(len <= q->len, "more sent than was queued");
	q->len -= len;
	while (len > 0) {
		struct send_segment *s = q->first;
		size_t part = len < s->len ? len : s->len;

		s->bytes += part;
		s->len -= part;
		len -= part;
		if (s->len > 0)
			break;
		q->first = s->next;
		if (!q->first)
			q->last = NULL;
		free(s);
	}
}

size_t send_queue_read(struct send_queue *q, void *out, size_t cap)
{
	size_t done = 0;

	while (done < cap && q->first) {
		size_t left = cap - done, part = q->first->len < left ? q->first->len : left;

		memcpy((char *)out + done, q->first->bytes, part);
		send_queue_consume(q, part);
		done += part;
	}
	return done;
}

void send_queue_clear(struct send_queue *q)
{
	while (q->first) {
		struct send_segment *s = q->first;

		q->first = s->next;
		free(s);
	}
	*q = (struct send_queue){ 0 };
}
