/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the client share.
 *
 *   outbound   a client_stream with what only the client knows of it (client.c)
 *   request    its head and pieces, whatever carries them (client_request.c)
 *   pool       the connections that one kind of request may share, and its key (client_pool.c)
 *   link       one connection: being made (client_connect.c), carrying outbounds (client_http1.c: one; client_http2.c:
 *              up to CLIENT_STREAMS_MAX), or idle in its pool
 *   answer     what a peer sends back; as HTTP/1.1 has it, read by client_answer.c
 *
 * An outbound holds at most one link; a link that is being made or speaks HTTP/2 may have several outbounds. Both hold
 * their pool. What differs between versions stands behind struct client_protocol. */
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
	CLIENT_STREAMS_MAX = 32,       /* on one HTTP/2 connection, or fewer if the peer says so */
	CLIENT_RESTARTS_MAX = 3,       /* of a request that HTTP/2 peers have not looked at */
};

struct client_pool {
	struct slice key;              /* in `text` */
	struct http_client *client;
	struct list idle;              /* of links, the most recently used first */
	struct list roomy;             /* links in use that can carry another stream */
	struct list connecting;        /* links being made */
	unsigned idle_count;
	unsigned refs;                 /* links and outbounds */
	enum http_version_choice http;
	bool speaks_http2;             /* as the newest connection found: who comes may wait for one being made */
	const struct outbound_proxy *proxy;
	struct tls_context *tls;       /* a reference of its own, NULL = plain */
	struct slice host;             /* of the origin, in `text` */
	uint16_t port;
	char text[];
};

enum link_step { LINK_RESOLVING, LINK_CONNECTING, LINK_TUNNELLING, LINK_SECURING, LINK_BUSY, LINK_IDLE };

struct tunnel;
struct client_http2;
struct client_link;
struct outbound;

/* What carries outbounds over a link that is BUSY or IDLE. */
struct client_protocol {
	/* The outbound's link is there: sends what the kernel takes. */
	void (*start)(struct outbound *o);
	/* The link's connection has changed. It may go. */
	void (*on_ready)(struct client_link *link);
	/* The next body bytes as they came, at most `max`; FAILED with failure set. */
	enum client_read (*read)(struct outbound *o, size_t max, struct slice *ret);
	/* The outbound, which is through with its link or gives up, has it no more. */
	void (*leave)(struct outbound *o);
};

struct client_link {
	struct list node;              /* one of its pool's lists, or client->free_links */
	struct list age;               /* client->idle */
	struct http_client *client;
	struct client_pool *pool;
	struct conn *conn;             /* NULL while resolving */
	struct list users;             /* outbounds; none when idle */
	unsigned user_count;
	const struct client_protocol *protocol; /* NULL while being made */
	struct client_http2 *http2;    /* NULL for HTTP/1.1 */
	enum link_step step;
	struct dns_query query;
	struct tunnel *tunnel;         /* while a proxy is asked for one */
	int64_t idle_since_ns;
};

/* What one stream of an HTTP/2 connection has on top. */
struct outbound_http2 {
	int32_t id;
	uint32_t error;                /* why it was closed */
	bool open;                     /* nghttp2 knows it */
	bool head_ready;               /* complete, but not told yet */
	bool unprocessed;              /* the peer has not looked at the request */
	bool reset;                    /* by the peer */
	bool last_taken;               /* nghttp2 has given out its last byte, which may not be with the kernel */
	unsigned header_room;          /* allocated entries of the answer's headers */
	size_t head_size;              /* as RFC 9113 §6.5.2 counts; later that of trailers */
	struct buf inbox;              /* body bytes that the owner has not come for */
	size_t handed;                 /* of these, what the last read has handed out */
	uint64_t heard_before;         /* bytes that had come on the connection when this stream began */
	struct list touched;           /* session's list of those to attend to when nghttp2 has returned */
};

struct outbound {
	struct client_stream stream;   /* first member */
	struct list node;              /* client->free_streams */
	struct http_client *client;
	struct client_pool *pool;
	struct client_link *link;      /* NULL before there is one, after a failure, and when HTTP/2 is done with it */
	struct list on_link;           /* link->users */
	const struct client_protocol *protocol; /* that carries or carried it */
	struct timer connect_timer;
	struct task report;            /* an on_event() that may not be called yet */
	struct slice authority;        /* "host:port" for sentences; the origin's */
	int64_t connect_timeout_ms;
	enum http_method method;
	bool opening;                  /* inside client_stream_open() */
	bool connect_only;
	bool connecting;               /* at first, or again to retry; the state tells of the first time only */
	bool retried;
	unsigned restarts;

	/* The request: its head as HTTP/1.1 has it, then the body's pieces. */
	struct slice target;           /* this and the fields lie in the head */
	struct header *fields;         /* "host" first */
	unsigned field_count;
	struct iovec *pieces;
	unsigned piece_count;
	unsigned piece;                /* the first that is not with the kernel */
	size_t piece_sent;             /* of that one */
	bool send_broken;              /* the peer takes no more; it may have answered all the same */

	/* The answer. */
	struct client_answer answer;   /* HTTP/2 uses what it says is known, and `interim` */
	struct outbound_http2 http2;
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
	char *gather;                  /* where HTTP/2 frames are put together; NULL until one is sent */
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
/* The connection being made cannot be this outbound's: begins again with another. */
void outbound_reconnect(struct outbound *o);
/* The last byte of the request is with the kernel. */
void outbound_all_sent(struct outbound *o);
/* After a change in what is sent or what has come. */
void outbound_update_released(struct outbound *o);
/* The answer's head is complete; notifies. */
void outbound_take_head(struct outbound *o, bool has_body);
/* The two ways in which an answer ends before its end; only filled in. */
void outbound_set_lost(struct outbound *o, const char *what, const char *how);
void outbound_set_malformed(struct outbound *o, const char *reason);
/* The connection is lost for the reason in stream.failure. True: the request has been started again on a fresh one. */
bool outbound_retry(struct outbound *o);
/* The same for a request that the peer has not looked at. */
bool outbound_restart(struct outbound *o);

/* client_request.c */
/* Writes head and body pieces of the request into the arena. False: failure is set. */
bool outbound_prepare(struct outbound *o, const struct client_request *r);
/* So many more bytes have been taken. */
void outbound_advance(struct outbound *o, size_t sent);

/* client_pool.c */
struct client_pool *pool_get(struct http_client *c, const struct origin *origin);
/* Accepts NULL. */
void pool_unref(struct client_pool *p);
/* A link that can carry a request at once: one in use with room for another stream, else the idle one used last; NULL
 * when there is none. */
struct client_link *pool_take(struct client_pool *p);
/* A link being made that the next outbound may wait for, or NULL. */
struct client_link *pool_take_connecting(struct client_pool *p);
struct client_link *link_new(struct client_pool *p);
static inline struct outbound *link_user(const struct client_link *link)
{
	return CONTAINER_OF(link->users.next, struct outbound, on_link);
}
void link_attach(struct client_link *link, struct outbound *o);
void link_detach(struct outbound *o);
/* Closes the connection and frees. Safe in every step; nobody is attached. */
void link_drop(struct client_link *link);
/* Nobody is attached and it can carry more: into the pool, if there is room. */
void link_rest(struct client_link *link);
void pool_expire_idle(struct timer *t);

/* client_connect.c */
/* Makes a new connection for o->pool; ends in outbound_connected() or a failure. */
void link_connect(struct outbound *o);
/* All connections' callback. */
void link_on_ready(struct conn *c);
struct tunnel *tunnel_free(struct tunnel *t);

/* client_http1.c */
extern const struct client_protocol client_http1;

/* client_http2.c */
extern const struct client_protocol client_http2;
/* The connection is made and will speak HTTP/2. */
void client_http2_begin(struct client_link *link);
/* Says goodbye if that can be done without waiting. Accepts NULL, returns NULL. */
struct client_http2 *client_http2_free(struct client_http2 *h);
