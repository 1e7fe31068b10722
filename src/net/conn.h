/* SPDX-License-Identifier: Apache-2.0 */
/* One stream connection, plain or TLS, in either role. Edges only set flags and call on_ready(), whose owner records
 * what it needs and queues its task; reading and writing happen from tasks. All I/O is non-blocking.
 *
 * The rules (DESIGN §4, Edges): a short read clears `readable` only if the event set had no RDHUP or HUP; at most
 * CONN_READ_TURN_MAX bytes are read per connection and turn, what stays readable is reported again next turn without an
 * edge; a reader that stops (back-pressure) and starts again must call conn_poke(). */
#pragma once

#include <sys/uio.h>
#include "net/address.h"
#include "net/dns.h"
#include "net/loop.h"
#include "net/tls.h"

enum { CONN_READ_TURN_MAX = 256 << 10, CONN_ERROR_MAX = 160 };

enum conn_state { CONN_CONNECTING, CONN_HANDSHAKING, CONN_OPEN, CONN_FAILED };

struct tls_session;
struct conn_race;

struct conn {
	struct watch watch;            /* first member: the fd and its callback */
	struct loop *loop;
	enum conn_state state;
	bool readable;                 /* a read may return bytes, the end, or an error */
	bool writable;
	bool peer_closed;              /* FIN or RST has arrived; bytes before it may still be readable */
	bool saw_hangup;               /* RDHUP/HUP was in an event set: do not trust short reads */
	bool reused;                   /* has carried an exchange before (client side: stale-connection retry) */
	unsigned read_this_turn;
	uint32_t read_turn;            /* the turn that `read_this_turn` is about */
	struct task again;             /* run-again when the turn's budget was used up */
	struct tls_session *tls;       /* NULL = plain */
	struct conn_race *race;        /* while CONNECTING (conn_connect.c) */
	/* The owner's callback: state, readable, writable or peer_closed may have changed. It may close the conn. */
	void (*on_ready)(struct conn *c);
	void *owner;
	char *error;                   /* heap; after CONN_FAILED: "connection refused", "certificate has expired", …;
					* before it NULL or empty */
	enum { CONN_ERROR_NONE, CONN_ERROR_CONNECT, CONN_ERROR_TLS, CONN_ERROR_RESET } error_kind;
	uint64_t bytes_in, bytes_out;
};

/* Takes over an accepted socket. With a server context the handshake runs first (state HANDSHAKING). */
struct conn *conn_accept(struct loop *l, int fd, struct tls_context *server_tls, void (*on_ready)(struct conn *),
			 void *owner);
/* Connects to the first address that answers: in order, the next one started when one fails or after 250 ms, the first
 * to succeed wins. on_ready() is called when the state becomes OPEN or FAILED. */
struct conn *conn_connect(struct loop *l, const struct dns_answer *addresses, void (*on_ready)(struct conn *),
			  void *owner);
/* Starts TLS as a client on an OPEN plain connection (state HANDSHAKING until done). `host` is used for SNI and for
 * certificate verification (an IP address as such, without SNI). Sessions are resumed per context and host. */
void conn_start_tls(struct conn *c, struct tls_context *client_tls, struct slice host);
/* "h2", "http/1.1" or empty; valid when OPEN. */
struct slice conn_alpn(const struct conn *c);
/* Closes (TLS: sends close_notify if it can be sent without waiting) and frees; accepts NULL; returns NULL. Safe inside
 * on_ready(). */
struct conn *conn_close(struct conn *c);
/* Closes so that the peer can still read what was written although it is itself still sending (an early answer to a
 * request that is not read any more): ends our side, discards what comes for a short time, then closes. */
struct conn *conn_linger(struct conn *c);
/* Closes with RST: for a peer that must notice at once that the answer is not complete. */
struct conn *conn_reset(struct conn *c);

/* > 0 bytes read; 0 the peer ended its side in an orderly way (TLS: close_notify); -EAGAIN; another -errno: lost (a TLS
 * connection that ends without close_notify is -ECONNRESET). Honours the turn's budget with -EAGAIN. */
ssize_t conn_read(struct conn *c, void *out, size_t cap);
/* Bytes taken by the kernel (or TLS, which goes on sending them even after conn_close(), as the kernel does), -EAGAIN
 * (clears `writable`), or another -errno. Never raises SIGPIPE. */
ssize_t conn_writev(struct conn *c, const struct iovec *iov, int count);
/* Calls on_ready() again in the next turn if the conn is still readable; for a reader that starts again. */
void conn_poke(struct conn *c);
