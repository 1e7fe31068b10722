/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the server share.
 *
 *   http_server   one per loop: options, connections, spare streams
 *   connection    one client's socket, whatever it speaks; freed when the socket is closed and no stream is left
 *   stream        one request and its answer: a server_stream with the server's own part behind it
 *   intake        the request body of a stream on its way in (server_body.c)
 *
 *   server.c               life of servers, connections and streams; timers; errors the server answers itself
 *   server_body.c          limits, budget and decoding of request bodies
 *   server_http1.c         HTTP/1: from bytes to requests, what follows an answer
 *   server_http1_answer.c  HTTP/1: heads, chunks and whole bodies out
 *   server_http2.c         HTTP/2: a session of nghttp2, requests in
 *   server_http2_answer.c  HTTP/2: answers out
 *
 * A connection acts in its own task only. Owners may call into a stream at any time: such a call writes, sets fields
 * and queues that task; nothing but connection_settle() frees a connection. */
#pragma once

#include "base/list.h"
#include "http/coding.h"
#include "http/llhttp.h"
#include "http/request_head.h"
#include "http/send_queue.h"
#include "http/server.h"

struct http2;

struct http_server {
	struct loop *loop;
	struct http_server_options options;
	struct list connections;
	struct list spare;             /* streams to use again, with the first block of their arenas */
	unsigned spare_count;
	bool draining;
	bool closed;                   /* http_server_free() was called; the last connection takes the memory along */
	struct http_server_counts counts;
	int64_t date_second;           /* of the loop's clock: when `date` was written */
	char date[30];                 /* IMF-fixdate */
	char *gather;                  /* HTTP/2: frames of one write are collected here; NULL until the first is */
};

enum { DRAIN_GRACE_MS = 1000 };       /* for a request that is on its way when draining begins */

enum http1_phase { HTTP1_HEAD, HTTP1_EXCHANGE };
enum protocol { PROTOCOL_HTTP1, PROTOCOL_HTTP2 };

struct connection {
	struct list node;
	struct http_server *server;
	struct conn *conn;             /* NULL once closed */
	const struct http_handler *handler;
	struct task task;
	struct timer timer;            /* lazy: may stand earlier than the deadlines ask for */
	struct list streams;           /* not yet done: unreleased, or released and not flushed */
	unsigned stream_count;
	int64_t read_deadline, write_deadline; /* loop clock, NEVER = none */
	struct buf input;              /* received and not yet used; holds memory only while there is something */
	struct send_queue output;      /* what the kernel did not take */
	struct address peer;
	enum protocol protocol;
	bool fresh;                    /* nothing was received yet: it may become HTTP/2 by prior knowledge */
	bool greeted;                  /* the socket (with TLS: the handshake) is ready */
	bool running;                  /* inside connection_run() */
	bool timer_fired;

	/* HTTP/1 */
	enum http1_phase phase;
	bool close_after;              /* the current answer is the last */
	bool input_unseen;             /* `input` may hold a whole head */
	struct head_scan scan;
	int64_t head_started_ns;

	struct http2 *http2;
};

struct intake {
	enum coding coding;
	struct decoder *decoder;
	bool has_length;
	uint64_t length;               /* content-length */
	uint64_t received;             /* before decoding */
	size_t held;                   /* taken from the budget */
};

enum answer_framing {
	ANSWER_BODILESS,               /* HEAD, 204, 304 */
	ANSWER_LENGTH,
	ANSWER_CHUNKED,
	ANSWER_CLOSE                   /* HTTP/1.0: the end of the connection ends the body */
};

struct stream {
	struct server_stream pub;      /* first member */
	struct list node;              /* connection's streams, or the server's spare ones */
	struct connection *connection;
	bool held;                     /* by an owner, or by the server while it refuses; until `released` */
	bool released;
	bool corked;
	bool expects_continue;
	struct refusal refusal;        /* why the server answers this itself */
	struct intake intake;
	enum answer_framing framing;
	uint64_t answer_left;          /* ANSWER_LENGTH: body bytes still owed */

	/* HTTP/1 */
	llhttp_t parser;               /* of a chunked body */
	bool http10, keep_alive, chunked;
	struct slice head;             /* encoded and not yet sent; in the arena */
	size_t chunk_overhead;         /* bytes since the last piece of the body */

	/* HTTP/2 */
	int32_t id;
	struct slice path;             /* as received */
	struct send_queue output;      /* what nghttp2 has not taken */
	struct buf stash;              /* body bytes that came before they were asked for */
	size_t unreturned;             /* of the stream's window */
	struct list ready;             /* session's list of requests to hand over, or of answers nearly flushed */
	int64_t read_deadline, write_deadline;
	size_t head_size;              /* of the request, as RFC 9113 §6.5.2 counts */
	unsigned header_room;          /* allocated entries of pub.headers */
	bool request_ended;            /* END_STREAM received */
	bool closed;                   /* nghttp2 knows it no longer */
	bool lingering;                /* answered and released; the client is still sending */
	bool last_taken;               /* END_STREAM is among the bytes nghttp2 has given out */
};

struct server_stream_ops {
	void (*read_body)(struct stream *s);
	void (*head)(struct stream *s, int status, const struct header *headers, unsigned count,
		     int64_t content_length);
	void (*write)(struct stream *s, const struct slice *pieces, unsigned count, bool borrowed);
	void (*flush)(struct stream *s);
	void (*end)(struct stream *s);
	void (*abort)(struct stream *s);
	/* The owner is gone; the answer is ended or aborted. */
	void (*release)(struct stream *s);
};

static inline struct stream *stream_of(struct server_stream *pub) { return (struct stream *)(void *)pub; }

/* server.c: connections */
static inline struct loop *connection_loop(const struct connection *c) { return c->server->loop; }
static inline int64_t connection_now(const struct connection *c) { return loop_now(c->server->loop); }
static inline void connection_wake(struct connection *c) { loop_queue(c->server->loop, &c->task); }
/* On the server's list; without a socket yet, or (a sink's) for ever. */
struct connection *connection_new(struct http_server *s, const struct address *peer);
/* Brings the timer forward if a deadline asks for it. */
void connection_rearm(struct connection *c, int64_t deadline);
/* conn_read() that counts. */
ssize_t connection_read(struct connection *c, void *out, size_t cap);
/* Bytes that the kernel took, 0 for none, -1 when the connection is lost (streams are told). */
ssize_t connection_writev(struct connection *c, const struct iovec *iov, int count);
/* Writes the queued output as far as possible. False when the connection is lost. */
bool connection_flush(struct connection *c);
/* Closes the socket; all streams are gone. */
void connection_lost(struct connection *c);
/* The same, but what is on its way still arrives. */
void connection_linger(struct connection *c);
/* The same by RST. */
void connection_reset(struct connection *c);

/* server.c: streams */
struct stream *stream_new(struct connection *c, const struct server_stream_ops *ops);
/* Gives everything back; its place is used again. */
void stream_free(struct stream *s);
static inline void stream_tell(struct stream *s)
{
	if (!s->released && s->pub.on_event)
		s->pub.on_event(&s->pub);
}
/* Nothing can be sent any more: tells the owner, or ends the stream when it has none. */
void stream_gone(struct stream *s);
/* `pending` is now that much; tells the owner when it fell under half of the cap. */
void stream_set_pending(struct stream *s, size_t pending);
void stream_dispatch(struct stream *s);
/* The server's own answer to what is no proper request. */
void stream_refuse(struct stream *s, struct refusal r);
/* What the framing of an answer is, by the request and the status; `length` may be BODY_LENGTH_UNKNOWN. */
bool answer_is_bodiless(const struct stream *s, int status);
const char *server_date(struct http_server *server);

/* server_body.c. Failures are stored, not told. */
bool intake_start(struct stream *s);
/* Room for the whole body at once, when its length is known and it is not coded. */
void intake_reserve(struct stream *s);
bool intake_feed(struct stream *s, struct slice bytes);
void intake_end(struct stream *s);
bool intake_fail(struct stream *s, enum failure_kind kind, const char *sentence);
void intake_done(struct stream *s);
/* Takes `more` bytes from the budget for this stream. */
bool intake_hold(struct stream *s, size_t more);

/* server_http1.c, server_http1_answer.c */
extern const struct server_stream_ops http1_ops;
void http1_run(struct connection *c);
/* After every change that may end the exchange. */
void http1_finish(struct stream *s);
void http1_sent(struct connection *c);
void http1_read_body(struct stream *s);
void http1_drain(struct connection *c);
void http1_expire(struct connection *c, int64_t now);
void http1_head(struct stream *s, int status, const struct header *headers, unsigned count, int64_t content_length);
void http1_write(struct stream *s, const struct slice *pieces, unsigned count, bool borrowed);
void http1_flush(struct stream *s);
void http1_end(struct stream *s);
void http1_abort(struct stream *s);
void http1_release(struct stream *s);
/* Whole body already here: it can be skipped and the connection kept. */
bool http1_body_is_settled(const struct stream *s);
void http1_send_continue(struct stream *s);

/* server_http2.c, server_http2_answer.c */
void http2_start(struct connection *c);
void http2_free(struct connection *c);
/* `bytes` came with the preface, before the connection was known to be HTTP/2. */
void http2_receive(struct connection *c, struct slice bytes);
void http2_run(struct connection *c);
void http2_drain(struct connection *c);
void http2_expire(struct connection *c, int64_t now);
int64_t http2_deadline(const struct connection *c);
