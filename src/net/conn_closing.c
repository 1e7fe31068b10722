/* SPDX-License-Identifier: Apache-2.0 */
/* Connections whose owner is done with them but that have something left to do: records that TLS took and the kernel
 * did not, or a peer that must get the chance to read our last bytes while it is still sending (closing a socket with
 * unread bytes resets it, RFC 1122 §4.2.2.13, and the reset overtakes our answer). Bounded in time and in bytes. */
#include <errno.h>
#include "base/clock.h"
#include "net/conn_internal.h"
#include "net/loop_internal.h"
#include "net/tls_internal.h"

enum { CLOSING_DISCARD_MAX = 4 << 20 };
#define CLOSING_FLUSH_NS (30 * NS_PER_S)
#define CLOSING_DRAIN_NS (3 * NS_PER_S)

struct conn_closing {
	struct list node;              /* in the loop's list */
	struct conn *conn;
	struct timer timer;
	bool drain;
	bool ended;                    /* our side is shut down */
	size_t discarded;
};

static void closing_free(struct conn_closing *k)
{
	timer_cancel(&k->timer);
	list_remove(&k->node);
	conn_free(k->conn);
	free(k);
}

/* Discards what the socket has, undecrypted. False at its end, or when it has been too much. */
static bool discard(struct conn_closing *k)
{
	struct conn *c = k->conn;
	for (unsigned i = 0; i < CONN_READ_TURN_MAX / LOOP_SCRATCH_SIZE; i++) {
		ssize_t n = recv(c->watch.fd, loop_scratch(c->loop), LOOP_SCRATCH_SIZE, 0);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		k->discarded += (size_t)n;
		if (n == 0 || k->discarded > CLOSING_DISCARD_MAX)
			return false;
	}
	loop_defer(c->loop, &c->again);
	return true;
}

static void closing_on_ready(struct conn *c)
{
	struct conn_closing *k = c->owner;
	if (c->tls && (c->tls->error || c->tls->unsent.len > 0)) {
		int r = tls_session_flush(c->tls);
		if (r == -EAGAIN)
			return;
		if (r < 0) {
			closing_free(k);
			return;
		}
	}
	if (!k->drain) {
		closing_free(k);
		return;
	}
	if (!k->ended) {
		k->ended = true;
		(void)shutdown(c->watch.fd, SHUT_WR);
		timer_set(&k->timer, loop_now(c->loop) + CLOSING_DRAIN_NS);
	}
	if (!discard(k))
		closing_free(k);
}

static void closing_on_expire(struct timer *t)
{
	closing_free(CONTAINER_OF(t, struct conn_closing, timer));
}

void conn_closing_start(struct conn *c, bool drain)
{
	struct conn_closing *k = xcalloc(1, sizeof(*k));
	k->conn = c;
	k->drain = drain;
	list_append(&c->loop->closing, &k->node);
	timer_init(&k->timer, c->loop, closing_on_expire);
	timer_set(&k->timer, loop_now(c->loop) + CLOSING_FLUSH_NS);
	c->owner = k;
	c->on_ready = closing_on_ready;
	loop_queue(c->loop, &c->again);
}

void conn_closing_abandon(struct loop *l)
{
	while (!list_is_empty(&l->closing))
		closing_free(LIST_ENTRY(l->closing.next, struct conn_closing, node));
}
