/* SPDX-License-Identifier: Apache-2.0 */
/* An open connection: edges become flags, tasks read and write. */
#include "net/conn.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include "net/conn_internal.h"
#include "net/loop_internal.h"
#include "net/tls_internal.h"

const char *conn_errno_text(int error, char *text, size_t size)
{
	switch (error) {
	case ECONNREFUSED: return "connection refused";
	case ECONNRESET: case EPIPE: return "connection reset by the peer";
	case ETIMEDOUT: return "connection timed out";
	case ENETUNREACH: return "network unreachable";
	case EHOSTUNREACH: return "no route to the host";
	case EACCES: case EPERM: return "not permitted";
	case EMFILE: case ENFILE: return "too many open files";
	case ENOENT: return "no such socket";
	case EADDRNOTAVAIL: return "no local address or port left";
	default:
		return strerror_r(error, text, size);
	}
}

/* A silent stream may be silent for many minutes: keep-alive probes find out when the other end is not there any more,
 * and keep the state in what lies between alive. */
void conn_set_options(int fd)
{
	static const struct { int level, name, value; } options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 45 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 15 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 4 },
	};
	for (size_t i = 0; i < COUNT_OF(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(options[i].value));
}

/* Life. */

static void run_again(struct task *t);

struct conn *conn_new(struct loop *l, void (*on_ready)(struct conn *), void *owner)
{
	struct conn *c = xcalloc(1, sizeof(*c));
	c->watch.fd = -1;
	c->loop = l;
	c->state = CONN_CONNECTING;
	c->on_ready = on_ready;
	c->owner = owner;
	task_init(&c->again, run_again);
	return c;
}

void conn_free(struct conn *c)
{
	task_cancel(&c->again);
	conn_race_cancel(c->race);
	tls_session_free(c->tls);
	if (c->watch.fd >= 0) {
		loop_unwatch(c->loop, &c->watch);
		close(c->watch.fd);
	}
	free(c->error);
	free(c);
}

/* Made on first need: most connections never have one. TLS gets it at its start, to say there what goes wrong. */
static char *error_text(struct conn *c)
{
	if (!c->error)
		c->error = xcalloc(1, CONN_ERROR_MAX);
	return c->error;
}

void conn_fail(struct conn *c, int kind, const char *sentence)
{
	c->state = CONN_FAILED;
	c->error_kind = kind;
	if (sentence != c->error)
		snprintf(error_text(c), CONN_ERROR_MAX, "%s", sentence);
	loop_queue(c->loop, &c->again);
}

static void fail_tls(struct conn *c)
{
	conn_fail(c, CONN_ERROR_TLS, c->error);
}

struct conn *conn_accept(struct loop *l, int fd, struct tls_context *server_tls, void (*on_ready)(struct conn *),
			 void *owner)
{
	struct conn *c = conn_new(l, on_ready, owner);
	char text[CONN_ERROR_MAX];

	c->watch = (struct watch){ .fd = fd, .on_event = conn_on_event };
	c->writable = true;
	c->state = server_tls ? CONN_HANDSHAKING : CONN_OPEN;
	/* Whatever has arrived already is the registration's first edge. */
	int r = loop_watch(l, &c->watch, CONN_EVENTS);
	if (r < 0) {
		conn_fail(c, CONN_ERROR_CONNECT, conn_errno_text(-r, text, sizeof(text)));
	} else if (server_tls) {
		c->tls = tls_session_new(server_tls, l, fd, error_text(c), CONN_ERROR_MAX);
		if (!c->tls)
			fail_tls(c);
	}
	return c;
}

static void handshake(struct conn *c)
{
	int r = tls_session_handshake(c->tls);
	if (r == -EAGAIN)
		return;
	if (r < 0) {
		fail_tls(c);
		return;
	}
	c->state = CONN_OPEN;
	/* Bytes that came with the end of the handshake may be inside OpenSSL already, where no edge tells of them. */
	c->readable = true;
	c->writable = c->tls->unsent.len == 0;
}

void conn_start_tls(struct conn *c, struct tls_context *client_tls, struct slice host)
{
	check(c->state == CONN_OPEN && !c->tls, "TLS starts on an open plain connection");
	c->state = CONN_HANDSHAKING;
	c->tls = tls_session_new(client_tls, c->loop, c->watch.fd, error_text(c), CONN_ERROR_MAX);
	if (!c->tls || !tls_session_set_host(c->tls, host)) {
		fail_tls(c);
		return;
	}
	c->tls->in_ready = c->readable;
	c->tls->out_ready = c->writable;
	c->tls->saw_hangup = c->saw_hangup;
	handshake(c);
	if (c->state == CONN_OPEN)
		loop_queue(c->loop, &c->again);
}

struct slice conn_alpn(const struct conn *c)
{
	const unsigned char *name = NULL;
	unsigned len = 0;
	if (c->tls)
		SSL_get0_alpn_selected(c->tls->ssl, &name, &len);
	return slice_of((const char *)name, len);
}

struct conn *conn_close(struct conn *c)
{
	if (!c)
		return NULL;
	if (c->state == CONN_OPEN && c->tls) {
		tls_session_end(c->tls);
		if (c->tls->unsent.len > 0 && !c->tls->error) {
			conn_closing_start(c, false);
			return NULL;
		}
	}
	conn_free(c);
	return NULL;
}

struct conn *conn_linger(struct conn *c)
{
	if (!c || c->state != CONN_OPEN)
		return conn_close(c);
	if (c->tls)
		tls_session_end(c->tls);
	conn_closing_start(c, true);
	return NULL;
}

struct conn *conn_reset(struct conn *c)
{
	if (c && c->watch.fd >= 0) {
		struct linger hard = { .l_onoff = 1, .l_linger = 0 };
		(void)setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	}
	if (c)
		conn_free(c);
	return NULL;
}

/* Edges. */

/* True when TLS has something to do itself before the owner may go on. */
static bool tls_on_event(struct conn *c, bool readable, bool writable)
{
	struct tls_session *s = c->tls;
	s->in_ready |= readable;
	s->out_ready |= writable;
	s->saw_hangup = c->saw_hangup;
	if (c->state == CONN_HANDSHAKING)
		return readable || s->unsent.len > 0;
	return writable && s->unsent.len > 0;
}

void conn_on_event(struct watch *w, uint32_t events)
{
	struct conn *c = CONTAINER_OF(w, struct conn, watch);
	bool hangup = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	bool readable = hangup || events & EPOLLIN;
	bool writable = events & (EPOLLOUT | EPOLLHUP | EPOLLERR);

	if (hangup)
		c->saw_hangup = c->peer_closed = true;
	if (c->tls && tls_on_event(c, readable, writable)) {
		if (c->state == CONN_OPEN && readable)
			c->readable = true;
		loop_queue(c->loop, &c->again);
		return;
	}
	/* The registration's first edge says "writable", which is nothing new. */
	if (c->state != CONN_OPEN || (!readable && (!writable || c->writable)))
		return;
	c->readable |= readable;
	c->writable |= writable;
	c->on_ready(c);
}

/* What TLS had to do, then the owner. */
static void run_again(struct task *t)
{
	struct conn *c = CONTAINER_OF(t, struct conn, again);
	if (c->state == CONN_HANDSHAKING) {
		handshake(c);
		if (c->state == CONN_HANDSHAKING)
			return;
		task_cancel(&c->again);
	} else if (c->tls && c->state == CONN_OPEN && c->tls->unsent.len > 0) {
		/* Errors are for the owner's next read or write to find. */
		c->writable = tls_session_flush(c->tls) != -EAGAIN;
	}
	c->on_ready(c);
}

void conn_poke(struct conn *c)
{
	if (c->readable)
		loop_defer(c->loop, &c->again);
}

/* Bytes. */

static ssize_t lost(struct conn *c, int error)
{
	char text[CONN_ERROR_MAX];
	c->peer_closed = true;
	if (c->error_kind == CONN_ERROR_NONE) {
		c->error_kind = error == EPROTO ? CONN_ERROR_TLS : CONN_ERROR_RESET;
		if (!c->error || c->error[0] == '\0')
			snprintf(error_text(c), CONN_ERROR_MAX, "%s", conn_errno_text(error, text, sizeof(text)));
	}
	return -error;
}

/* What of `cap` the turn's budget leaves. */
static size_t turn_allows(struct conn *c, size_t cap)
{
	if (c->read_turn != c->loop->turn) {
		c->read_turn = c->loop->turn;
		c->read_this_turn = 0;
	}
	size_t left = CONN_READ_TURN_MAX - c->read_this_turn;
	return cap < left ? cap : left;
}

static ssize_t read_plain(struct conn *c, char *out, size_t cap)
{
	for (;;) {
		ssize_t n = recv(c->watch.fd, out, cap, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* After a hang-up there is no further edge: only end, error or EAGAIN may stop the reader then. */
		if (n > 0 && (size_t)n < cap && !c->saw_hangup)
			c->readable = false;
		return n;
	}
}

static ssize_t read_tls(struct conn *c, char *out, size_t cap)
{
	ssize_t n = tls_session_read(c->tls, out, cap);
	if (n > 0 && (size_t)n < cap && !c->tls->in_ready && !c->tls->error && !SSL_has_pending(c->tls->ssl))
		c->readable = false;
	return n;
}

ssize_t conn_read(struct conn *c, void *out, size_t cap)
{
	check(cap > 0, "a read of nothing cannot tell the end from emptiness");
	if (c->state == CONN_FAILED)
		return -ECONNRESET;
	if (c->state != CONN_OPEN || !c->readable)
		return -EAGAIN;
	size_t most = turn_allows(c, cap);
	if (most == 0) {
		loop_defer(c->loop, &c->again);
		return -EAGAIN;
	}
	ssize_t n = c->tls ? read_tls(c, out, most) : read_plain(c, out, most);
	if (n > 0) {
		c->bytes_in += (uint64_t)n;
		c->read_this_turn += (unsigned)n;
		if (c->readable && c->read_this_turn >= CONN_READ_TURN_MAX)
			loop_defer(c->loop, &c->again);
	} else if (n == 0) {
		c->peer_closed = true;
	} else if (n == -EAGAIN) {
		c->readable = false;
	} else {
		return lost(c, (int)-n);
	}
	return n;
}

static ssize_t writev_plain(struct conn *c, const struct iovec *iov, int count)
{
	struct msghdr message = { .msg_iov = (struct iovec *)iov,
				  .msg_iovlen = (size_t)(count < IOV_MAX ? count : IOV_MAX) };
	size_t wanted = 0;
	for (size_t i = 0; i < message.msg_iovlen; i++)
		wanted += iov[i].iov_len;
	if (wanted == 0)
		return 0;
	for (;;) {
		ssize_t n = sendmsg(c->watch.fd, &message, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* The kernel is full and has noted that we want to know when it is not: no second call to be told. */
		if ((size_t)n < wanted)
			c->writable = false;
		return n;
	}
}

ssize_t conn_writev(struct conn *c, const struct iovec *iov, int count)
{
	if (c->state == CONN_FAILED)
		return -ECONNRESET;
	if (c->state != CONN_OPEN || !c->writable)
		return -EAGAIN;
	ssize_t n = c->tls ? tls_session_writev(c->tls, iov, count) : writev_plain(c, iov, count);
	if (n == -EAGAIN || (c->tls && c->tls->unsent.len > 0))
		c->writable = false;
	if (n > 0)
		c->bytes_out += (uint64_t)n;
	return n < 0 && n != -EAGAIN ? lost(c, (int)-n) : n;
}
