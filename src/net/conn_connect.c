/* SPDX-License-Identifier: Apache-2.0 */
/* Getting a connection ("happy eyeballs", RFC 8305 §5): addresses are tried in order, the next one is started when one
 * fails or after 250 ms, the first to succeed wins. The first runner uses the conn's own watch, so that in the usual
 * case its registration with epoll is the only one the connection ever has. */
#include "net/conn.h"

#include <errno.h>
#include "base/clock.h"
#include "net/conn_internal.h"
#include "net/loop_internal.h"

#define RACE_STAGGER_NS (250 * NS_PER_MS)

struct runner {
	struct watch watch;
	struct conn_race *race;
};

struct conn_race {
	struct conn *conn;
	struct address addresses[DNS_ADDRESSES_MAX];
	unsigned count, next;          /* addresses, and the first one not yet tried */
	unsigned running;
	int last_error;                /* positive errno of the latest runner that failed */
	struct timer stagger;
	struct runner runners[DNS_ADDRESSES_MAX]; /* for those who find the conn's own watch taken; by address */
};

static void run_next(struct conn_race *r);

static void drop_watch(struct loop *l, struct watch *w)
{
	if (w->fd < 0)
		return;
	loop_unwatch(l, w);
	close(w->fd);
	w->fd = -1;
}

void conn_race_cancel(struct conn_race *r)
{
	if (!r)
		return;
	timer_cancel(&r->stagger);
	for (unsigned i = 0; i < r->count; i++)
		drop_watch(r->conn->loop, &r->runners[i].watch);
	r->conn->race = NULL;
	free(r);
}

static void won(struct conn_race *r, struct watch *w)
{
	struct conn *c = r->conn;
	if (w != &c->watch) {
		loop_unwatch(c->loop, w);
		drop_watch(c->loop, &c->watch);
		c->watch.fd = TAKE_FD(w->fd);
		if (loop_watch(c->loop, &c->watch, CONN_EVENTS) < 0) {
			conn_race_cancel(r);
			conn_fail(c, CONN_ERROR_CONNECT, "out of memory for another connection");
			return;
		}
	}
	c->watch.on_event = conn_on_event;
	c->state = CONN_OPEN;
	c->writable = true;
	conn_race_cancel(r);
}

static void lost(struct conn_race *r, struct watch *w, int error)
{
	drop_watch(r->conn->loop, w);
	r->running--;
	r->last_error = error;
	run_next(r);
}

static void on_event(struct conn_race *r, struct watch *w, uint32_t events)
{
	struct conn *c = r->conn;
	int error = 0;
	socklen_t len = sizeof(error);

	if (events & (EPOLLERR | EPOLLHUP))
		(void)getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	else if (!(events & EPOLLOUT))
		return;
	if (error != 0) {
		lost(r, w, error);
		return;
	}
	bool own = w == &c->watch;
	won(r, w);
	/* The other runners' edges are reported again, because their descriptor is registered anew. */
	if (c->state == CONN_OPEN) {
		if (own && events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))
			conn_on_event(&c->watch, events);
		else
			c->on_ready(c);
	}
}

static void conn_watch_on_event(struct watch *w, uint32_t events)
{
	on_event(CONTAINER_OF(w, struct conn, watch)->race, w, events);
}

static void runner_on_event(struct watch *w, uint32_t events)
{
	on_event(CONTAINER_OF(w, struct runner, watch)->race, w, events);
}

/* 1 connected at once, 0 under way, or -errno. */
static int run(struct conn_race *r, unsigned index)
{
	struct conn *c = r->conn;
	const struct address *a = &r->addresses[index];
	_cleanup_(close_fdp) int fd = socket(a->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (a->storage.ss_family != AF_UNIX)
		conn_set_options(fd);
	bool connected = connect(fd, (const struct sockaddr *)&a->storage, a->len) == 0;
	if (!connected && errno != EINPROGRESS)
		return -errno;
	struct watch *w = c->watch.fd < 0 ? &c->watch : &r->runners[index].watch;
	w->fd = fd;
	w->on_event = w == &c->watch ? conn_watch_on_event : runner_on_event;
	/* After connect(): before it epoll would report a hang-up. */
	int error = loop_watch(c->loop, w, CONN_EVENTS);
	if (error < 0) {
		w->fd = -1;
		return error;
	}
	TAKE_FD(fd);
	r->running++;
	if (connected)
		won(r, w);
	return connected;
}

/* Starts addresses until one is under way; without any left and with none running the race is lost. */
static void run_next(struct conn_race *r)
{
	struct conn *c = r->conn;
	while (r->next < r->count) {
		int result = run(r, r->next++);
		if (result == 1) {
			loop_queue(c->loop, &c->again);
			return;
		}
		if (result == 0) {
			timer_set(&r->stagger, r->next < r->count ? loop_now(c->loop) + RACE_STAGGER_NS : NEVER);
			return;
		}
		r->last_error = -result;
	}
	if (r->running > 0) {
		timer_cancel(&r->stagger);
		return;
	}
	char text[CONN_ERROR_MAX];
	int error = r->last_error;
	conn_race_cancel(r);
	conn_fail(c, CONN_ERROR_CONNECT,
		  error ? conn_errno_text(error, text, sizeof(text)) : "no address to connect to");
}

static void stagger_on_expire(struct timer *t)
{
	run_next(CONTAINER_OF(t, struct conn_race, stagger));
}

struct conn *conn_connect(struct loop *l, const struct dns_answer *addresses, void (*on_ready)(struct conn *),
			  void *owner)
{
	struct conn *c = conn_new(l, on_ready, owner);
	struct conn_race *r = xcalloc(1, sizeof(*r));
	r->conn = c;
	r->count = addresses->count < DNS_ADDRESSES_MAX ? addresses->count : DNS_ADDRESSES_MAX;
	memcpy(r->addresses, addresses->addresses, r->count * sizeof(r->addresses[0]));
	for (unsigned i = 0; i < r->count; i++) {
		r->runners[i].watch.fd = -1;
		r->runners[i].race = r;
	}
	timer_init(&r->stagger, l, stagger_on_expire);
	c->race = r;
	run_next(r);
	return c;
}
