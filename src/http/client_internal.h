/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the client share.
 *
 *   outbound   a client_stream with what only the client knows of it (client.c)
 *   pool       the connections that one kind of request may share, and its key (client_pool.c)
 *   link       one connection: being made (client_connect.c), carrying an outbound (client_h1.c), or idle in its pool
 *   answer     what an HTTP/1 peer sends back (client_answer.c)
 *
 * An outbound holds at most one link, a link at most one outbound; both hold their pool. Only client_h1.c drives
 * HTTP/1.1: another version joins as another file with the same h1_…() functions and a word in the link that says
 * which is spoken. */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "http/client.h"
#include "http/client_answer.h"
#include "net/conn.h"
#include "net/dns.h"

enum {
	/* Reads of heads and of coded bodies. What comes with a head must be copied and what decodes must be buffered,
	 * so these reads are small; plain bodies fill the loop's scratch. */
	CLIENT_READ_SMALL = 8 << 10,
	CLIENT_FREE_MAX = 256,         /* streams and links kept for reuse, each */
	CLIENT_DECODED_MAX = 16 << 20, /* what one small read may decode to */
};

struct client_pool {
	struct slice key;              /* in `text` */
	struct http_client *client;
	struct list idle;              /* of links, the most recently used first */
	unsigned idle_count;
	unsigned refs;                 /* links and outbounds */
	const struct outbound_proxy *proxy;
	struct tls_context *tls;       /* a reference of its own, NULL = plain */
	struct slice host;             /* of the origin, in `text` */
	uint16_t port;
	char text[];
};

enum link_step { LINK_RESOLVING, LINK_CONNECTING, LINK_TUNNELLING, LINK_SECURING, LINK_BUSY, LINK_IDLE };

struct tunnel;

struct client_link {
	struct list node;              /* pool->idle or client->free_links */
	struct list age;               /* client->idle */
	struct http_client *client;
	struct client_pool *pool;
	struct conn *conn;             /* NULL while resolving */
	struct outbound *user;         /* NULL when idle */
	enum link_step step;
	struct dns_query query;
	struct tunnel *tunnel;         /* while a proxy is asked for one */
	int64_t idle_since_ns;
};

struct outbound {
	struct client_stream stream;   /* first member */
	struct list node;              /* client->free_streams */
	struct http_client *client;
	struct client_pool *pool;
	struct client_link *link;      /* NULL before there is one and after a failure */
	struct timer connect_timer;
	struct task report;            /* an on_event() that may not be called yet */
	struct slice authority;        /* "host:port" for sentences; the origin's */
	int64_t connect_timeout_ms;
	enum http_method method;
	bool opening;                  /* inside client_stream_open() */
	bool connecting;               /* at first, or again to retry; the state tells of the first time only */
	bool retried;

	/* The request: its head, then the body's pieces. */
	struct iovec *pieces;
	unsigned piece_count;
	unsigned piece;                /* the first that is not with the kernel */
	size_t piece_sent;             /* of that one */
	bool send_broken;              /* the peer takes no more; it may have answered all the same */

	/* The answer. */
	struct client_answer answer;
	struct slice rest;             /* body bytes that came with the head, in the arena */
	bool early;                    /* it began before the request was sent */
	struct decoder *decoder;       /* NULL = not coded */
	bool decoder_ended;
	size_t decoded_max;
	struct buf decoded;            /* what the last read decoded to */
};

struct http_client {
	struct loop *loop;
	struct http_client_options options;
	struct map pools;
	struct list idle;              /* links by age, the oldest first */
	struct timer idle_timer;
	struct list free_links, free_streams;
	unsigned free_link_count, free_stream_count;
	struct http_client_counts counts;
	struct client_answer_space client_answer_space;
};

/* client.c */
static inline bool outbound_is_sent(const struct outbound *o) { return o->piece == o->piece_count; }
/* The owner is told that something changed. */
void outbound_notify(struct outbound *o);
/* Where to say what goes wrong. */
struct failure *outbound_failure(struct outbound *o);
/* stream.failure has been filled in: gives the link up and sets the state. Does not notify. */
void outbound_fail(struct outbound *o);
/* The connection (being made or made) is ready to carry the request. */
void outbound_connected(struct outbound *o);
/* The connection is lost for the reason in stream.failure. True: the request has been started again on a fresh one. */
bool outbound_retry(struct outbound *o);

/* client_pool.c */
struct client_pool *pool_get(struct http_client *c, const struct origin *origin);
/* Accepts NULL. */
void pool_unref(struct client_pool *p);
/* The idle link used last, now BUSY for nobody; NULL when there is none. */
struct client_link *pool_take(struct client_pool *p);
struct client_link *link_new(struct client_pool *p);
/* Closes the connection and frees. Safe in every step. */
void link_drop(struct client_link *link);
/* Its exchange is complete: into the pool, if the connection is still silent and open and there is room. */
void link_release(struct client_link *link);
void link_idle_ready(struct client_link *link);
void pool_expire_idle(struct timer *t);

/* client_connect.c */
/* Makes a new connection for o->pool; ends in outbound_connected() or a failure. */
void link_connect(struct outbound *o);
/* All connections' callback. */
void link_on_ready(struct conn *c);
struct tunnel *tunnel_free(struct tunnel *t);

/* client_h1.c */
/* Writes head and body pieces of the request into the arena. False: failure is set. */
bool h1_prepare(struct outbound *o, const struct client_request *r);
/* Sends what the kernel takes. */
void h1_start(struct outbound *o);
void h1_on_ready(struct outbound *o);
/* The next body bytes as they came, at most `max`; FAILED with failure set. */
enum client_read h1_read(struct outbound *o, size_t max, struct slice *ret);
/* The answer is complete and the connection may carry another request. */
bool h1_is_reusable(const struct outbound *o);
