/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes on their way to a slow peer, in order: copies, and pieces borrowed from whoever promised to keep them. Empty it
 * owns nothing. It has no cap of its own: its length is what owners look at (server_stream_is_full()). */
#pragma once

#include <sys/uio.h>
#include "base/slice.h"

struct send_segment;

struct send_queue {
	struct send_segment *first, *last;
	size_t len;
};

void send_queue_copy(struct send_queue *q, const void *data, size_t len);
void send_queue_borrow(struct send_queue *q, struct slice piece);
/* Copies what is still borrowed: the lender lets go. */
void send_queue_own(struct send_queue *q);
/* Describes the front of the queue; returns how many entries were filled. */
int send_queue_gather(const struct send_queue *q, struct iovec *iov, int max);
void send_queue_consume(struct send_queue *q, size_t len);
/* Moves up to `cap` bytes out. */
size_t send_queue_read(struct send_queue *q, void *out, size_t cap);
void send_queue_clear(struct send_queue *q);
