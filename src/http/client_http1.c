/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer over one HTTP/1.1 connection (RFC 9112). Head and body leave in one system call when the
 * kernel takes them; the answer's head is read when an edge says so, its body when the owner asks for it. */
#include <errno.h>
#include "http/client_internal.h"

enum { SEND_PIECES_MAX = 64 };

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
		outbound_advance(o, (size_t)n);
		if (outbound_is_sent(o))
			outbound_all_sent(o);
	}
}

/* The connection ended with `result` from conn_read() and the answer is not complete. */
static void set_lost(struct outbound *o, ssize_t result)
{
	outbound_set_lost(o, "connection", result == 0 ? "closed" : "lost");
}

static void fail_waiting(struct outbound *o)
{
	outbound_fail(o);
	outbound_notify(o);
}

/* The first body bytes are in the scratch, which others will use before the owner's task runs. */
static void take_head(struct outbound *o)
{
	const struct client_answer *a = &o->answer;

	if (a->body.len)
		o->rest = arena_dup(&o->stream.arena, a->body);
	o->stream.body_bytes = a->body.len;
	outbound_take_head(o, a->body.len || !a->complete);
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
			outbound_set_malformed(o, a->reason);
			fail_waiting(o);
			return;
		}
		outbound_update_released(o);
	}
	take_head(o);
}

static void http1_start(struct outbound *o)
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

/* Open, and nothing to read from it. A TLS connection may hold records that are not ours to see (session tickets);
 * reading consumes them. */
static bool is_silent(struct client_link *link)
{
	char byte;

	if (link->conn->state != CONN_OPEN || link->conn->peer_closed)
		return false;
	return !link->conn->readable || (conn_read(link->conn, &byte, 1) == -EAGAIN && !link->conn->readable);
}

static void on_ready_busy(struct outbound *o)
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

static enum client_read http1_read(struct outbound *o, size_t max, struct slice *ret)
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
	outbound_set_malformed(o, a->reason);
	outbound_fail(o);
	return CLIENT_READ_FAILED;
}

/* The answer is complete and the connection may carry another request. */
static bool is_reusable(const struct outbound *o)
{
	return o->stream.state != CLIENT_FAILED && o->answer.complete && o->answer.keep_alive && outbound_is_sent(o) &&
	       !o->early && !o->send_broken;
}

static void http1_leave(struct outbound *o)
{
	struct client_link *link = o->link;

	link_detach(o);
	if (is_reusable(o) && is_silent(link))
		link_rest(link);
	else
		link_drop(link);
}

/* An idle connection on which anything happens (an end, a stray byte) is closed at once: a late answer must never meet
 * a later request. */
static void http1_on_ready(struct client_link *link)
{
	if (link->step == LINK_BUSY)
		on_ready_busy(link_user(link));
	else if (!is_silent(link))
		link_drop(link);
}

const struct client_protocol client_http1 = {
	.start = http1_start,
	.on_ready = http1_on_ready,
	.read = http1_read,
	.leave = http1_leave,
};
