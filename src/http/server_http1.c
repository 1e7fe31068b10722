/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 (RFC 9112), from bytes to requests.
 *
 *   HEAD      waiting for a request. A head that comes in one read is parsed out of the loop's scratch; else what
 *             there is stays in `input` until the empty line has come.
 *   EXCHANGE  one request and its answer. Bytes of the next request are not looked at: on a plain connection they stay
 *             with the kernel (the connection's end is seen by its RDHUP), on TLS some are read ahead, to see
 *             close_notify.
 *
 * When an answer ends the connection while the client may still be sending, the socket goes to conn_linger(), because
 * a close() would reset the connection under the answer. */
#include <errno.h>
#include "base/clock.h"
#include "http/server_internal.h"

enum {
	READ_AHEAD_MAX = 16 << 10,     /* TLS, during an exchange */
	CHUNK_OVERHEAD_MAX = 16 << 10, /* extensions and trailers between two pieces of a body */
};

const struct server_stream_ops http1_ops = {
	.read_body = http1_read_body,
	.head = http1_head,
	.write = http1_write,
	.flush = http1_flush,
	.end = http1_end,
	.abort = http1_abort,
	.release = http1_release,
};

static struct stream *current(const struct connection *c)
{
	return list_is_empty(&c->streams) ? NULL : LIST_ENTRY(c->streams.next, struct stream, node);
}

static void read_until(struct connection *c, int64_t timeout_ms)
{
	c->read_deadline = connection_now(c) + timeout_ms * NS_PER_MS;
	connection_rearm(c, c->read_deadline);
}

/* Leaves exactly `rest` in `input`. It is the end of what was received last: of the scratch, or of `input` itself. */
static void keep(struct connection *c, struct slice rest)
{
	bool kept;

	if (c->input.len > 0) {
		buf_consume(&c->input, c->input.len - rest.len);
		return;
	}
	kept = buf_append_slice(&c->input, rest);
	check(kept, "one read fits into the input");
}

static void wait_for_head(struct connection *c)
{
	c->phase = HTTP1_HEAD;
	c->scan = (struct head_scan){ 0 };
	c->input_unseen = c->input.len > 0;
	if (c->input.len == 0)
		buf_done(&c->input);
	read_until(c, c->server->options.idle_timeout_ms);
	if (!c->running && (c->input_unseen || c->conn->readable))
		connection_wake(c);
}

/* ---- heads ---- */

static void refuse_head(struct connection *c, struct slice rest, struct refusal r)
{
	struct stream *s = stream_new(c, &http1_ops);

	keep(c, rest);
	s->pub.started_ns = c->head_started_ns;
	c->phase = HTTP1_EXCHANGE;
	c->read_deadline = NEVER;
	c->close_after = true;
	stream_refuse(s, r);
}

static void adopt_head(struct stream *s, const struct request_head *h)
{
	s->pub.method = h->method;
	s->pub.target = h->target;
	s->pub.headers = h->headers;
	s->pub.host = h->host;
	s->pub.has_body = h->chunked || h->length > 0;
	s->http10 = h->http10;
	s->keep_alive = h->keep_alive;
	s->chunked = h->chunked;
	s->expects_continue = h->expects_continue;
	s->intake.has_length = !h->chunked;
	s->intake.length = h->length;
	s->intake.coding = headers_coding(&h->headers);
}

static void take_request(struct connection *c, struct slice bytes, size_t head_len)
{
	struct stream *s = stream_new(c, &http1_ops);
	struct slice head = arena_dup(&s->pub.arena, slice_of(bytes.ptr, head_len));
	struct request_head h;
	struct refusal r;

	keep(c, slice_after(bytes, head_len));
	c->phase = HTTP1_EXCHANGE;
	c->close_after = false;
	c->read_deadline = NEVER;
	s->pub.started_ns = c->head_started_ns;
	r = request_head_parse(&s->parser, &s->pub.arena, (char *)(uintptr_t)head.ptr, head.len, &h);
	adopt_head(s, &h);
	if (r.status) {
		c->close_after = true;
		stream_refuse(s, r);
		return;
	}
	stream_dispatch(s);
}

/* RFC 9113 §3.4. True when this is HTTP/2, or may still become it (then the bytes are kept). */
static bool is_preface(struct connection *c, struct slice bytes)
{
	struct slice preface = SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

	if (bytes.len < preface.len) {
		if (!slice_starts_with(preface, bytes))
			return false;
		keep(c, bytes);
		return true;
	}
	if (!slice_starts_with(bytes, preface))
		return false;
	http2_start(c);
	http2_receive(c, bytes);
	if (c->conn)
		buf_done(&c->input);
	return true;
}

/* Looks at the bytes of a head so far. */
static void take_head(struct connection *c, struct slice bytes)
{
	size_t max = c->server->options.head_max, len = 0;

	if (c->fresh && c->conn->tls == NULL && is_preface(c, bytes))
		return;
	/* RFC 9112 §2.2: empty lines before a request are ignored. */
	while (c->scan.scanned == 0 && slice_starts_with(bytes, SLICE("\r\n")))
		bytes = slice_after(bytes, 2);
	if (bytes.len == 0 || (bytes.len == 1 && bytes.ptr[0] == '\r')) {
		keep(c, bytes);
		return;
	}
	c->fresh = false;
	switch (head_scan(&c->scan, bytes, &len)) {
	case HEAD_BROKEN:
		refuse_head(c, bytes, (struct refusal){ 400, "this is not HTTP" });
		return;
	case HEAD_INCOMPLETE:
		if (bytes.len > max)
			refuse_head(c, bytes, (struct refusal){ 431, "the request head is too large" });
		else
			keep(c, bytes);
		return;
	case HEAD_COMPLETE:
		if (len > max)
			refuse_head(c, bytes, (struct refusal){ 431, "the request head is too large" });
		else
			take_request(c, bytes, len);
		return;
	}
}

static void start_head_clock(struct connection *c)
{
	c->head_started_ns = connection_now(c);
	read_until(c, c->server->options.head_timeout_ms);
}

/* One step of reading heads. False when there is nothing more to read now. */
static bool read_head(struct connection *c)
{
	char *scratch = loop_scratch(connection_loop(c));
	bool partial = c->input.len > 0;
	bool appended;
	ssize_t n;

	if (c->input_unseen) {
		c->input_unseen = false;
		start_head_clock(c);
		take_head(c, buf_slice(&c->input));
		return true;
	}
	n = connection_read(c, scratch, LOOP_SCRATCH_SIZE);
	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		connection_lost(c);
		return false;
	}
	if (partial) {
		appended = buf_append(&c->input, scratch, (size_t)n);
		check(appended, "a head and one read fit into the input");
		take_head(c, buf_slice(&c->input));
		return true;
	}
	c->head_started_ns = connection_now(c);
	take_head(c, slice_of(scratch, (size_t)n));
	if (c->conn && c->phase == HTTP1_HEAD && c->input.len > 0 && !c->input_unseen)
		read_until(c, c->server->options.head_timeout_ms);
	return true;
}

/* ---- bodies ---- */

static int on_chunk_data(llhttp_t *parser, const char *at, size_t len)
{
	struct stream *s = parser->data;

	s->chunk_overhead = 0;
	return intake_feed(s, slice_of(at, len)) ? 0 : -1;
}

static int on_chunks_complete(llhttp_t *parser)
{
	struct stream *s = parser->data;

	intake_end(s);
	return HPE_PAUSED;
}

static const llhttp_settings_t chunk_settings = {
	.on_body = on_chunk_data,
	.on_message_complete = on_chunks_complete,
};

/* Returns how many of the bytes belong to the body. */
static size_t feed_chunked(struct stream *s, struct slice bytes)
{
	uint64_t before = s->intake.received;
	enum llhttp_errno error = llhttp_execute(&s->parser, bytes.ptr, bytes.len);

	if (s->pub.body_state == BODY_COMPLETE)
		return (size_t)(llhttp_get_error_pos(&s->parser) - bytes.ptr);
	if (s->pub.body_state == BODY_FAILED)
		return bytes.len;
	/* No piece of the body for a long time: chunk extensions or trailers without end. */
	if (s->intake.received == before)
		s->chunk_overhead += bytes.len;
	if (error != HPE_OK || s->chunk_overhead > CHUNK_OVERHEAD_MAX)
		intake_fail(s, FAILURE_BAD_REQUEST, "the chunked coding of the request body is malformed");
	return bytes.len;
}

static size_t feed_body(struct stream *s, struct slice bytes)
{
	struct intake *i = &s->intake;
	uint64_t left = i->length - i->received;

	if (s->chunked)
		return feed_chunked(s, bytes);
	if (bytes.len > left)
		bytes.len = (size_t)left;
	if (intake_feed(s, bytes) && i->received == i->length)
		intake_end(s);
	return bytes.len;
}

/* The stash becomes the body without being copied, when nothing else is in it. */
static bool move_stash(struct connection *c, struct stream *s)
{
	struct intake *i = &s->intake;

	if (s->chunked || i->coding != CODING_IDENTITY || c->input.len > i->length || c->input.start > 0 ||
	    s->pub.body.data)
		return false;
	c->input.limit = s->pub.body.limit;
	s->pub.body = c->input;
	buf_init(&c->input, c->server->options.head_max + 2 * LOOP_SCRATCH_SIZE);
	i->received = s->pub.body.len;
	if (i->received == i->length)
		intake_end(s);
	return true;
}

static void take_stash(struct connection *c, struct stream *s)
{
	size_t used;

	if (c->input.len == 0)
		return;
	used = feed_body(s, buf_slice(&c->input));
	buf_consume(&c->input, used);
}

/* Straight into place where the length is known and nothing has to be decoded. */
static ssize_t read_in_place(struct connection *c, struct stream *s)
{
	struct intake *i = &s->intake;
	size_t left = (size_t)(i->length - i->received);
	char *place = buf_reserve(&s->pub.body, left);
	ssize_t n;

	check(place, "a body that would not fit was refused at its start");
	n = connection_read(c, place, left);
	if (n > 0) {
		buf_commit(&s->pub.body, (size_t)n);
		i->received += (uint64_t)n;
		if (i->received == i->length)
			intake_end(s);
	}
	return n;
}

static ssize_t read_and_feed(struct connection *c, struct stream *s)
{
	char *scratch = loop_scratch(connection_loop(c));
	size_t cap = LOOP_SCRATCH_SIZE, used;
	ssize_t n;

	if (s->intake.has_length && s->intake.length - s->intake.received < cap)
		cap = (size_t)(s->intake.length - s->intake.received);
	n = connection_read(c, scratch, cap);
	if (n > 0) {
		used = feed_body(s, slice_of(scratch, (size_t)n));
		if (used < (size_t)n)
			keep(c, slice_of(scratch + used, (size_t)n - used));
	}
	return n;
}

/* Reads until the body is settled or the socket is dry; tells the owner when it is settled. */
static void read_body(struct connection *c, struct stream *s)
{
	while (s->pub.body_state == BODY_READING) {
		bool in_place = s->intake.has_length && s->intake.coding == CODING_IDENTITY;
		ssize_t n = in_place ? read_in_place(c, s) : read_and_feed(c, s);

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			connection_lost(c);
			return;
		}
		read_until(c, c->server->options.body_timeout_ms);
	}
	c->read_deadline = NEVER;
	stream_tell(s);
}

/* The owner wants the body. What is known at once it sees in the fields; on_event() tells what comes later. */
void http1_read_body(struct stream *s)
{
	struct connection *c = s->connection;

	if (s->chunked) {
		s->parser.settings = (void *)(uintptr_t)&chunk_settings;
		s->parser.data = s;
		s->chunk_overhead = 0;
		llhttp_resume(&s->parser);
	}
	if (s->expects_continue && !s->pub.head_sent && c->input.len == 0)
		http1_send_continue(s);
	if (!c->conn)
		return;
	if (!move_stash(c, s))
		take_stash(c, s);
	if (s->pub.body_state != BODY_READING)
		return;
	read_until(c, c->server->options.body_timeout_ms);
	if (c->conn->readable)
		connection_wake(c);
}

bool http1_body_is_settled(const struct stream *s)
{
	if (!s->pub.has_body || s->pub.body_state == BODY_COMPLETE)
		return true;
	return s->pub.body_state == BODY_UNREAD && !s->chunked && s->connection->input.len >= s->intake.length;
}

/* ---- exchanges ---- */

/* On TLS only reading shows that the client has closed its side without closing the socket. */
static void read_ahead(struct connection *c)
{
	char *scratch = loop_scratch(connection_loop(c));
	bool kept;

	while (c->conn && c->conn->readable && c->input.len < READ_AHEAD_MAX) {
		ssize_t n = connection_read(c, scratch, READ_AHEAD_MAX - c->input.len);

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			connection_lost(c);
			return;
		}
		kept = buf_append(&c->input, scratch, (size_t)n);
		check(kept, "the input has room for what is read ahead");
	}
}

static void watch_exchange(struct connection *c)
{
	struct stream *s = current(c);

	if (!s)
		return;
	if (c->conn->peer_closed && !s->pub.flushed)
		connection_lost(c);
	else if (s->pub.body_state == BODY_READING)
		read_body(c, s);
	else if (c->conn->tls && http1_body_is_settled(s) && !s->pub.flushed)
		read_ahead(c);
}

/* Closes at once when the client has nothing under way that would turn the close into a reset. */
static void finish_connection(struct connection *c, bool body_settled)
{
	if (body_settled && c->input.len == 0 && !c->conn->readable) {
		connection_lost(c);
		return;
	}
	connection_linger(c);
}

void http1_finish(struct stream *s)
{
	struct connection *c = s->connection;
	/* What follows a refused head is anyone's guess. */
	bool settled = http1_body_is_settled(s) && !s->refusal.status;
	size_t unread = s->pub.has_body && s->pub.body_state == BODY_UNREAD && settled ? (size_t)s->intake.length : 0;

	if (!s->released || !(s->pub.flushed || s->pub.gone))
		return;
	stream_free(s);
	if (!c->conn)
		return;
	if (c->close_after || !settled) {
		finish_connection(c, settled);
		return;
	}
	buf_consume(&c->input, unread);
	wait_for_head(c);
	if (c->server->draining)
		http1_drain(c);
}

void http1_sent(struct connection *c)
{
	struct stream *s = current(c);

	if (!s)
		return;
	stream_set_pending(s, c->output.len);
	if (!s->pub.ended || s->pub.flushed || c->output.len > 0)
		return;
	s->pub.flushed = true;
	stream_tell(s);
	http1_finish(s);
}

void http1_run(struct connection *c)
{
	http1_sent(c);
	while (c->conn && c->protocol == PROTOCOL_HTTP1) {
		if (c->phase == HTTP1_HEAD) {
			if (!read_head(c))
				return;
			continue;
		}
		watch_exchange(c);
		if (!c->conn || c->phase == HTTP1_EXCHANGE)
			return;
	}
}

void http1_expire(struct connection *c, int64_t now)
{
	struct stream *s = current(c);

	if (now < c->read_deadline)
		return;
	c->read_deadline = NEVER;
	if (c->phase == HTTP1_EXCHANGE) {
		if (s && s->pub.body_state == BODY_READING) {
			intake_fail(s, FAILURE_REQUEST_TIMEOUT, "the request body came too slowly");
			stream_tell(s);
		}
	} else if (c->phase == HTTP1_HEAD && c->input.len > 0) {
		refuse_head(c, buf_slice(&c->input), (struct refusal){ 408, "the request head came too slowly" });
	} else {
		connection_lost(c);
	}
}

void http1_drain(struct connection *c)
{
	if (c->phase != HTTP1_HEAD || c->input.len > 0)
		return;
	if (c->conn->readable)
		read_until(c, DRAIN_GRACE_MS);
	else
		connection_lost(c);
}
