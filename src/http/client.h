/* SPDX-License-Identifier: Apache-2.0 */
/* The client side of HTTP: a *client_stream* is one request to a provider and its answer, whatever carries it
 * (HTTP/1.1, or one of many on an HTTP/2 connection). One outbound stack for everything weir calls.
 *
 *     client_stream_open()        takes a pooled connection or makes one: DNS, TCP, proxy CONNECT, TLS
 *     on_event()                  something changed: run the owner's task, look at `state`
 *     client_stream_read()        pull body bytes; not pulling is back-pressure
 *     client_stream_close()       at any time: what can carry more goes back to the pool; an HTTP/1.1 connection in the
 *                                 middle of an answer is closed, an HTTP/2 stream is reset and its connection stays
 *
 * A request on a reused connection that dies before the first answer byte is sent again once, on a fresh connection,
 * without the owner noticing (counted in `stale_retries`; the state stays SENDING or AWAITING_HEAD). So is, a few
 * times, one that an HTTP/2 peer says it has not looked at (GOAWAY, REFUSED_STREAM). 1xx answers are skipped. Coded
 * bodies (gzip, br, zstd, deflate) arrive decoded.
 *
 * An answer may begin before the request is sent: it is read, the rest of the request goes on being sent as far as
 * the peer takes it, and the connection is not used again.
 *
 * Body bytes of HTTP/1.1 are not buffered here: they are read into the loop's scratch when the owner asks for them.
 * Only those that came in the same read as the head (CLIENT_READ_SMALL at most) are kept, in the stream's arena, so the
 * owner may come for them in any later turn; no further edge is needed for that. An HTTP/2 connection is read for all
 * its streams: what an owner has not come for waits, and the peer may send CLIENT_STREAM_WINDOW bytes of it and no
 * more. */
#pragma once

#include "base/failure.h"
#include "base/buf.h"
#include "http/message.h"
#include "http/url.h"
#include "net/loop.h"
#include "net/tls.h"

/* What an HTTP/2 peer may send of one body before its owner has read any of it. */
enum { CLIENT_STREAM_WINDOW = 256 << 10 };

struct http_client;                    /* one per loop: the pools */
struct client_stream;

struct outbound_proxy {                /* HTTP(S)_PROXY and NO_PROXY, read once at start or from the configuration */
	bool set;
	struct url url;                /* http:// only: TLS to a proxy is not spoken */
	struct slice authorization;    /* "Basic …" or empty */
};

struct proxy_settings {
	struct outbound_proxy http, https;
	struct slice no_proxy;         /* comma-separated: host (and all below it), .suffix, network/bits, *; :port */
};
/* From the environment variables (lower case wins, as curl does). Text lives in `a`. */
bool proxy_settings_from_environment(struct arena *a, struct proxy_settings *ret, const char **reterr);
/* The proxy for a destination, or NULL. */
const struct outbound_proxy *proxy_for(const struct proxy_settings *p, const struct url *destination);

struct http_client_options {
	const struct proxy_settings *proxies; /* outlives the client */
	unsigned idle_max;             /* idle connections kept per pool: 64 */
	unsigned idle_total_max;       /* over all pools of the loop: 1024 */
	int64_t idle_timeout_ms;       /* 55 s */
	size_t head_max;               /* of an answer: 64 KB */
};
void http_client_options_init(struct http_client_options *o);
struct http_client *http_client_new(struct loop *l, const struct http_client_options *o);
/* All streams must have been closed. Accepts NULL, returns NULL. */
struct http_client *http_client_free(struct http_client *c);
struct http_client_counts {
	unsigned idle, active, connecting;
	uint64_t opened, reused, stale_retries, bytes_in, bytes_out;
};
void http_client_get_counts(const struct http_client *c, struct http_client_counts *ret);

enum http_version_choice {
	HTTP_AUTO,                     /* what ALPN finds on TLS, HTTP/1.1 without */
	HTTP_1,
	HTTP_2                         /* on TLS nothing else will do; without, it is known beforehand */
};

/* Where to: connections are shared only between requests that are equal in all of this. */
struct origin {
	struct url url;                /* scheme, host, port */
	struct tls_context *tls;       /* NULL for http://; offers "h2" by ALPN unless `http` is HTTP_1 */
	enum http_version_choice http;
	uint64_t credential;           /* stable fingerprint: connections never carry two credentials */
};

struct client_request {
	const struct origin *origin;   /* outlives the stream */
	enum http_method method;
	struct slice target;           /* path and query */
	const struct header *headers;  /* without accept-encoding and hop-by-hop ones; unclean ones fail the stream */
	unsigned header_count;
	const struct slice *body;      /* pieces, sent in order by writev; the bytes (not this array) are borrowed until
					* `body_released` is set or the stream fails or is closed */
	unsigned body_count;
	int64_t connect_timeout_ms;    /* DNS, TCP, proxy and TLS together; 0 = none */
	bool decode;                   /* announce gzip, br and zstd; else "identity" is asked for (what comes coded all
					* the same is decoded) */
	size_t decoded_max;            /* bomb limit for the decoded body, 0 = none (streams) */
	bool connect_only;             /* a new connection is made and closed, nothing is sent; DONE: it stood */
};

enum client_state {
	CLIENT_CONNECTING,             /* DNS, TCP, proxy, TLS */
	CLIENT_SENDING,                /* some of the request is not with the kernel yet */
	CLIENT_AWAITING_HEAD,
	CLIENT_BODY,                   /* `status` and `headers` are valid from here on */
	CLIENT_DONE,                   /* the body is complete and fully read */
	CLIENT_FAILED                  /* `failure` says why */
};

struct client_stream {
	enum client_state state;
	struct failure *failure;       /* DNS, REFUSED, TLS, RESET, CUT, MALFORMED, TIMEOUT_CONNECT; in the arena */
	int status;
	struct headers headers;        /* of the answer; in the stream's arena */
	bool reused;                   /* went out on a pooled connection */
	bool request_sent;             /* some bytes have left on the connection that counts: it may have been billed */
	bool body_released;            /* all is with the kernel and an answer byte has come: it is never sent again */
	int64_t opened_ns, connected_ns, sent_ns, head_ns; /* monotonic; 0 = not yet */
	uint64_t body_bytes;           /* received, before decoding */
	struct arena arena;
	/* Only records and queues. Called when the state changed or when client_stream_read() may give something. */
	void (*on_event)(struct client_stream *s);
	void *owner;
};

/* Never NULL: what goes wrong at once is reported through on_event() as well. on_event is called from tasks or edges,
 * never from inside this call. On a pooled connection the request leaves inside this call. `r` is needed only during
 * it. */
struct client_stream *client_stream_open(struct http_client *c, const struct client_request *r,
					 void (*on_event)(struct client_stream *), void *owner);

enum client_read { CLIENT_READ_DATA, CLIENT_READ_AGAIN, CLIENT_READ_END, CLIENT_READ_FAILED };

/* The next body bytes, decoded, in one slice (of 64 KB at most unless coded) that is valid until the loop's scratch
 * is used again (any read on this loop). AGAIN: on_event() will follow; so it is before the head is there. END: the
 * framing says the body is complete. FAILED: see failure (cut, bad coding, over the limit); what came before the
 * fault has been handed out. The owner may stop calling at any time (nothing is read then) and go on without having
 * waited for an event. */
enum client_read client_stream_read(struct client_stream *s, struct slice *ret);
/* For answers that go on for long, when the owner has read their first bytes: frees what the request and the answer's
 * head take, as far as both are done with. `headers` is empty afterwards. */
void client_stream_forget_head(struct client_stream *s);
/* Frees the stream; pools or closes its connection. Accepts NULL, returns NULL. No on_event() afterwards. */
struct client_stream *client_stream_close(struct client_stream *s);
