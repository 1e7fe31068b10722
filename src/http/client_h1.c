/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer over one HTTP/1.1 connection (RFC 9112). Head and body leave in one system call when the
 * kernel takes them; the answer's head is read when an edge says so, its body when the owner asks for it. */
#include <errno.h>
#include "base/digits.h"
#include "http/client_internal.h"

enum { SEND_PIECES_MAX = 64 };

/* RFC 9110 §5.6.2: letters, digits and these; a bit each, for 0x20 to 0x3f, 0x40 to 0x5f, 0x60 to 0x7f. */
static const uint32_t token_bits[] = {
	1u << ('!' - 32) | 1u << ('#' - 32) | 1u << ('$' - 32) | 1u << ('%' - 32) | 1u << ('&' - 32) |
		1u << ('\'' - 32) | 1u << ('*' - 32) | 1u << ('+' - 32) | 1u << ('-' - 32) | 1u << ('.' - 32) |
		0x3ffu << ('0' - 32),
	0x3ffffffu << ('A' - 64) | 1u << ('^' - 64) | 1u << ('_' - 64),
	0x3ffffffu << ('a' - 96) | 1u << ('`' - 96) | 1u << ('|' - 96) | 1u << ('~' - 96),
};

static bool is_token(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		if (c < 0x20 || c > 0x7f || !(token_bits[c / 32 - 1] >> c % 32 & 1))
			return false;
	}
	return name.len > 0;
}

static bool target_is_clean(struct slice target)
{
	for (size_t i = 0; i < target.len; i++)
		if ((unsigned char)target.ptr[i] <= 0x20 || (unsigned char)target.ptr[i] >= 0x7f)
			return false;
	return slice_starts_with(target, SLICE("/"));
}

static bool request_is_clean(struct outbound *o, const struct client_request *r)
{
	if (r->method == HTTP_OTHER || !target_is_clean(r->target)) {
		failure_set(outbound_failure(o), FAILURE_INTERNAL, "%.*s: a method or path that cannot be sent", SLICE_ARG(o->authority));
		return false;
	}
	for (unsigned i = 0; i < r->header_count; i++) {
		const struct header *h = &r->headers[i];

		if (is_token(h->name) && http_value_is_clean(h->value) && !http_header_is_hop_by_hop(h->name) &&
		    !slice_eq_nocase(h->name, SLICE("accept-encoding")))
			continue;
		failure_set(outbound_failure(o), FAILURE_INTERNAL, "%.*s: the header %.*s cannot be sent", SLICE_ARG(o->authority),
			    SLICE_ARG(is_token(h->name) ? h->name : SLICE("with a name that is none")));
		return false;
	}
	return true;
}

static char *put(char *at, struct slice s)
{
	return (char *)mempcpy(at, s.ptr, s.len);
}

static char *put_header(char *at, struct slice name, struct slice value)
{
	at = put(at, name);
	at = put(at, SLICE(": "));
	at = put(at, value);
	return put(at, SLICE("\r\n"));
}

/* All that write_head() writes besides names, values and target. */
enum { HEAD_FIXED_MAX = 192 };

static size_t head_size(const struct outbound *o, const struct client_request *r)
{
	size_t size = HEAD_FIXED_MAX + 2 * r->origin->url.authority.len + r->target.len;

	for (unsigned i = 0; i < r->header_count; i++)
		size += r->headers[i].name.len + r->headers[i].value.len + 4;
	return o->pool->proxy ? size + o->pool->proxy->authorization.len : size;
}

static struct slice write_head(struct outbound *o, const struct client_request *r, size_t body_len)
{
	size_t size = head_size(o, r);
	char *head = arena_alloc(&o->stream.arena, size), *at = head;
	const struct outbound_proxy *proxy = r->origin->url.tls ? NULL : o->pool->proxy;
	char length[DIGITS_MAX];

	at = put(at, slice_cstr(http_method_name(r->method)));
	at = put(at, SLICE(" "));
	if (proxy) {
		at = put(at, SLICE("http://"));
		at = put(at, r->origin->url.authority);
	}
	at = put(at, r->target);
	at = put(at, SLICE(" HTTP/1.1\r\n"));
	at = put_header(at, SLICE("host"), r->origin->url.authority);
	if (proxy && proxy->authorization.len)
		at = put_header(at, SLICE("proxy-authorization"), proxy->authorization);
	for (unsigned i = 0; i < r->header_count; i++)
		at = put_header(at, r->headers[i].name, r->headers[i].value);
	at = put_header(at, SLICE("accept-encoding"), r->decode ? SLICE("gzip, br, zstd") : SLICE("identity"));
	if (body_len || r->method == HTTP_POST || r->method == HTTP_PUT || r->method == HTTP_PATCH) {
		at = put_header(at, SLICE("content-length"), slice_of(length, (size_t)(digits_put(length, body_len, 1) - length)));
	}
	at = put(at, SLICE("\r\n"));
	check((size_t)(at - head) <= size, "a request's head is longer than its estimate");
	return slice_of(head, (size_t)(at - head));
}

static void add_piece(struct outbound *o, struct slice s)
{
	if (s.len)
		o->pieces[o->piece_count++] = (struct iovec){ (char *)(uintptr_t)s.ptr, s.len };
}

bool h1_prepare(struct outbound *o, const struct client_request *r)
{
	size_t body_len = 0;

	if (!request_is_clean(o, r))
		return false;
	for (unsigned i = 0; i < r->body_count; i++)
		body_len += r->body[i].len;
	o->pieces = arena_alloc(&o->stream.arena, (r->body_count + 1) * sizeof(*o->pieces));
	add_piece(o, write_head(o, r, body_len));
	for (unsigned i = 0; i < r->body_count; i++)
		add_piece(o, r->body[i]);
	return true;
}

static void advance_pieces(struct outbound *o, size_t sent)
{
	while (sent) {
		size_t left = o->pieces[o->piece].iov_len - o->piece_sent;

		if (sent < left) {
			o->piece_sent += sent;
			return;
		}
		sent -= left;
		o->piece++;
		o->piece_sent = 0;
	}
}

static void update_released(struct outbound *o)
{
	o->stream.body_released = o->answer.started && outbound_is_sent(o);
}

static void all_sent(struct outbound *o)
{
	o->stream.sent_ns = loop_now(o->client->loop);
	if (o->stream.state == CLIENT_SENDING)
		o->stream.state = CLIENT_AWAITING_HEAD;
	update_released(o);
}

/* As much as the kernel takes. */
static void send_pieces(struct outbound *o)
{
	while (!outbound_is_sent(o) && !o->send_broken) {
		struct iovec window[SEND_PIECES_MAX];
		unsigned count = o->piece_count - o->piece;
		ssize_t n;

		if (count > SEND_PIECES_MAX)
			count = SEND_PIECES_MAX;
		memcpy(window, o->pieces + o->piece, count * sizeof(*window));
		window[0].iov_base = (char *)window[0].iov_base + o->piece_sent;
		window[0].iov_len -= o->piece_sent;
		n = conn_writev(o->link->conn, window, (int)count);
		if (n == -EAGAIN)
			return;
		if (n < 0) {
			o->send_broken = true;
			/* An answer may be there although no edge has told of it yet. */
			o->link->conn->readable = true;
			return;
		}
		o->stream.request_sent = true;
		o->client->counts.bytes_out += (uint64_t)n;
		advance_pieces(o, (size_t)n);
		if (outbound_is_sent(o))
			all_sent(o);
	}
}

/* The connection ended with `result` from conn_read() and the answer is not complete. */
static void set_lost(struct outbound *o, ssize_t result)
{
	const char *how = result == 0 ? "closed" : "lost";

	if (o->answer.started)
		failure_set(outbound_failure(o), FAILURE_CUT, "%.*s: the connection was %s before the answer was complete",
			    SLICE_ARG(o->authority), how);
	else
		failure_set(outbound_failure(o), FAILURE_RESET, "%.*s: the connection was %s before any answer", SLICE_ARG(o->authority), how);
}

static void set_malformed(struct outbound *o)
{
	failure_set(outbound_failure(o), FAILURE_MALFORMED, "%.*s: the answer is not proper HTTP: %s", SLICE_ARG(o->authority),
		    o->answer.reason);
}

static void fail_waiting(struct outbound *o)
{
	outbound_fail(o);
	outbound_notify(o);
}

/* The first body bytes are in the scratch, which others will use before the owner's task runs. */
static void take_head(struct outbound *o)
{
	struct client_stream *s = &o->stream;
	struct client_answer *a = &o->answer;

	s->status = a->status;
	s->headers = a->headers;
	s->head_ns = loop_now(o->client->loop);
	s->state = CLIENT_BODY;
	if (a->body.len)
		o->rest = arena_dup(&s->arena, a->body);
	s->body_bytes = a->body.len;
	if (a->coding == CODING_IDENTITY || (a->complete && a->body.len == 0)) {
		outbound_notify(o);
		return;
	}
	if (a->coding == CODING_UNKNOWN) {
		failure_set(outbound_failure(o), FAILURE_MALFORMED, "%.*s: the answer has a content coding that was not asked for",
			    SLICE_ARG(o->authority));
		outbound_fail(o);
	} else {
		o->decoder = decoder_new(a->coding, o->decoded_max ? o->decoded_max : SIZE_MAX);
	}
	outbound_notify(o);
}

static void read_head(struct outbound *o)
{
	char *scratch = loop_scratch(o->client->loop);
	struct client_answer *a = &o->answer;

	while (!a->head_done) {
		ssize_t n = conn_read(o->link->conn, scratch, CLIENT_READ_SMALL);

		if (n == -EAGAIN && !o->send_broken)
			return;
		if (n <= 0) {
			set_lost(o, n);
			if (!outbound_retry(o))
				fail_waiting(o);
			return;
		}
		o->client->counts.bytes_in += (uint64_t)n;
		o->early = o->early || !outbound_is_sent(o);
		if (!client_answer_parse(a, scratch, (size_t)n) && !a->head_done) {
			set_malformed(o);
			fail_waiting(o);
			return;
		}
		update_released(o);
	}
	take_head(o);
}

void h1_start(struct outbound *o)
{
	struct http_client *c = o->client;

	client_answer_init(&o->answer, &o->stream.arena, &c->client_answer_space, o->method == HTTP_HEAD,
			   c->options.head_max);
	o->piece = 0;
	o->piece_sent = 0;
	o->send_broken = false;
	send_pieces(o);
	if (o->send_broken)
		read_head(o);
	else if (!o->stream.reused && !o->retried)
		outbound_notify(o);
}

void h1_on_ready(struct outbound *o)
{
	const struct conn *c = o->link->conn;
	enum client_state before = o->stream.state;

	send_pieces(o);
	if (o->stream.state == CLIENT_BODY) {
		if (!o->answer.complete)
			outbound_notify(o);
		return;
	}
	if (c->readable || c->peer_closed || c->state == CONN_FAILED || o->send_broken)
		read_head(o);
	else if (o->stream.state != before)
		outbound_notify(o);
}

enum client_read h1_read(struct outbound *o, size_t max, struct slice *ret)
{
	struct client_answer *a = &o->answer;
	char *scratch = loop_scratch(o->client->loop);

	if (o->rest.len) {
		*ret = o->rest;
		o->rest = slice_of(NULL, 0);
		return CLIENT_READ_DATA;
	}
	while (!a->complete && !a->reason) {
		ssize_t n = conn_read(o->link->conn, scratch, max);

		if (n == -EAGAIN)
			return CLIENT_READ_AGAIN;
		if (n == 0 && client_answer_end(a))
			break;
		if (n <= 0) {
			set_lost(o, n);
			outbound_fail(o);
			return CLIENT_READ_FAILED;
		}
		o->client->counts.bytes_in += (uint64_t)n;
		client_answer_parse(a, scratch, (size_t)n);
		if (a->body.len) {
			o->stream.body_bytes += a->body.len;
			*ret = a->body;
			return CLIENT_READ_DATA;
		}
	}
	if (a->complete)
		return CLIENT_READ_END;
	set_malformed(o);
	outbound_fail(o);
	return CLIENT_READ_FAILED;
}

bool h1_is_reusable(const struct outbound *o)
{
	return o->answer.complete && o->answer.keep_alive && outbound_is_sent(o) && !o->early && !o->send_broken;
}
