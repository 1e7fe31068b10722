/* SPDX-License-Identifier: Apache-2.0 */
/* The server side of HTTP, versions 1.1 and 2, behind one noun: a *server_stream* is one request and its answer. Over
 * HTTP/1.1 a connection carries them one after another (pipelined bytes are not parsed before the current one has
 * finished), over HTTP/2 many at once.
 *
 * Life of a server_stream:
 *     on_request(stream)                   the head is complete and sane; the callee sets owner and on_event
 *     server_stream_read_body()            from now on the body is collected (decoded, bounded)
 *     server_stream_head(), _write(), _end()   the answer
 *     server_stream_release()              the callee is done; the server finishes or closes the connection
 *
 * on_event() only records and queues the owner's task. What a call achieves at once shows in the fields when it returns
 * (the body of a small request is often complete, a small answer flushed), without on_event(); what happens later, and
 * `gone`, is always told. The server answers by itself (and never calls on_request for) what is no proper HTTP: 400,
 * 408, 413 of the head, 431, 501 of an unknown transfer coding, with the handler's error body. */
#pragma once

#include <sys/uio.h>
#include "base/buf.h"
#include "base/failure.h"
#include "http/message.h"
#include "http/url.h"
#include "net/conn.h"
#include "net/loop.h"

struct server_stream;
struct http_server;                    /* one per loop: connections, limits, counters */

/* A total of bytes shared by all loops (request bodies in flight); add fails over the cap. */
struct byte_budget {
	_Atomic size_t used;
	_Atomic size_t cap;            /* may change at any time */
};
bool byte_budget_take(struct byte_budget *b, size_t bytes) MUSTCHECK;
void byte_budget_give(struct byte_budget *b, size_t bytes);

struct http_server_options {
	size_t head_max;               /* bytes of request line and headers: 64 KB; over it 431 */
	size_t body_max;               /* decoded: 64 MB; over it FAILURE_TOO_LARGE */
	struct byte_budget *bodies;    /* of all bodies in flight; over it FAILURE_UNAVAILABLE */
	int64_t head_timeout_ms;       /* first byte to complete head: 10 s, then 408 */
	int64_t body_timeout_ms;       /* between two reads of a body: 30 s, then FAILURE_REQUEST_TIMEOUT */
	int64_t idle_timeout_ms;       /* between requests: 75 s */
	int64_t write_timeout_ms;      /* no progress in sending to a slow client: 60 s, then gone */
	unsigned connections_max;      /* per loop: 20,000; over it the newest is closed */
	unsigned http2_streams_max;    /* per connection: 256 */
};
void http_server_options_init(struct http_server_options *o);

struct http_handler {
	/* Which listener it came by is in the ctx: one handler per listener and plane. */
	void (*on_request)(struct server_stream *s, void *ctx);
	/* Body of an answer that the server gives by itself; NULL = a plain sentence. Appends to `out`, returns the
	 * content type. */
	struct slice (*write_error)(int status, const char *sentence, const struct request_target *target,
				    struct buf *out, void *ctx);
	void *ctx;
};

struct http_server *http_server_new(struct loop *l, const struct http_server_options *o);
/* Closes all connections; streams are reported gone first, and may be released afterwards. */
struct http_server *http_server_free(struct http_server *s);
/* A fresh connection (from a listener). `tls` NULL = plain (HTTP/1.1, or HTTP/2 by prior knowledge). */
void http_server_accept(struct http_server *s, int fd, const struct address *peer, struct tls_context *tls,
			const struct http_handler *handler);
/* Draining: idle connections close now, the others after their current answer (Connection: close, GOAWAY). */
void http_server_drain(struct http_server *s);
struct http_server_counts { unsigned connections, streams; uint64_t accepted, refused, bytes_in, bytes_out; };
/* The largest decoded body of requests that come from now on. */
void http_server_set_body_max(struct http_server *s, size_t body_max);
void http_server_get_counts(const struct http_server *s, struct http_server_counts *ret);

enum body_state { BODY_UNREAD, BODY_READING, BODY_COMPLETE, BODY_FAILED };

struct server_stream {
	/* About the request; valid until release. */
	enum http_method method;
	struct request_target target;
	struct headers headers;
	struct slice host;             /* Host or :authority, "" when absent */
	const struct address *peer;    /* the connection's */
	bool http2;
	int64_t started_ns;            /* when its first byte arrived */
	struct arena arena;            /* owns the head; the callee may allocate from it; freed on release */

	/* The body. */
	bool has_body;                 /* content-length > 0 or chunked */
	enum body_state body_state;
	struct buf body;               /* decoded; the callee may take it over by moving it out and buf_init()ing it */
	struct failure *body_failure;  /* when BODY_FAILED (in the arena): too large, bad coding, timeout, media type */

	/* The answer. */
	bool head_sent;
	bool ended;                    /* server_stream_end() was called */
	bool flushed;                  /* ended, and the last byte is with the kernel */
	bool gone;                     /* client closed, reset or stalled: nothing can be sent any more */
	size_t pending;                /* bytes accepted from the owner and not yet with the kernel */

	struct loop *loop;
	/* Set by the owner in on_request(): body progress, `gone`, `pending` fell below half of the cap, `flushed`. */
	void (*on_event)(struct server_stream *s);
	void *owner;
	const struct server_stream_ops *ops;
};

/* Over this many pending bytes the owner should stop writing until on_event(); it is not a hard limit. */
enum { SERVER_STREAM_PENDING_MAX = 256 << 10 };
static inline bool server_stream_is_full(const struct server_stream *s)
{
	return s->pending >= SERVER_STREAM_PENDING_MAX;
}

/* Starts collecting the body (sends 100 Continue if it was expected). A request without body is complete at once. */
void server_stream_read_body(struct server_stream *s);
/* The complete (or failed) body is not needed any more, whoever has it: frees what is here and gives its share of the
 * budget back, which release would do otherwise. For answers that go on for long. */
void server_stream_forget_body(struct server_stream *s);

/* The same for the request's head once the answer's has left: frees the arena, with what the owner has in it; target,
 * headers and host are empty afterwards. Does nothing before, or while the body is not complete. */
void server_stream_forget_head(struct server_stream *s);

enum { BODY_LENGTH_UNKNOWN = -1 };     /* chunked over HTTP/1.1 */

/* Queues the head; it leaves with the first body bytes in one system call (or with flush or end). `content_length` is
 * the whole body's or BODY_LENGTH_UNKNOWN. Date, connection and framing headers are the server's business. Values
 * that are not clean are left out. */
void server_stream_head(struct server_stream *s, int status, const struct header *headers, unsigned count,
			int64_t content_length);
/* Body bytes, sent now as far as the kernel takes them; the rest is copied. Several slices leave in one call. */
void server_stream_write(struct server_stream *s, const struct slice *pieces, unsigned count);
/* The same, but the bytes are borrowed until `flushed`, `gone` or release instead of copied: for whole large bodies. */
void server_stream_write_borrowed(struct server_stream *s, const struct slice *pieces, unsigned count);
/* Sends a queued head without body bytes. */
void server_stream_flush(struct server_stream *s);
/* The correct end of the answer's framing. The last write and the end leave in one system call when the owner calls
 * server_stream_cork() before both. */
void server_stream_end(struct server_stream *s);
void server_stream_cork(struct server_stream *s);
/* A stream without a client: the same request as `like`'s with that body (copied, and counted in the budget), already
 * complete. Whatever is answered is forgotten. The caller sets owner and on_event, as on_request() would, and releases
 * it. NULL: no room, or the server is draining. */
struct server_stream *server_stream_new_sink(struct http_server *server, const struct server_stream *like,
					     struct slice body);
/* Ends it wrongly on purpose: RST (HTTP/2: RST_STREAM). */
void server_stream_abort(struct server_stream *s);
/* The owner lets go. Before `ended` this aborts. The stream is gone afterwards. */
void server_stream_release(struct server_stream *s);
