/* SPDX-License-Identifier: Apache-2.0 */
/* Life of servers, connections and streams, and what is the same for every version of HTTP. */
#include <errno.h>
#include <time.h>
#include "base/clock.h"
#include "http/server_internal.h"

enum {
	SPARE_MAX = 64,                /* streams kept for use again, per server */
	ERROR_BODY_MAX = 16 << 10,
	FLUSH_PIECES = 64,
};

void http_server_options_init(struct http_server_options *o)
{
	*o = (struct http_server_options){
		.head_max = 64 << 10,
		.body_max = 64 << 20,
		.head_timeout_ms = 10000,
		.body_timeout_ms = 30000,
		.idle_timeout_ms = 75000,
		.write_timeout_ms = 60000,
		.connections_max = 20000,
		.http2_streams_max = 256,
	};
}

struct http_server *http_server_new(struct loop *l, const struct http_server_options *o)
{
	struct http_server *s = xcalloc(1, sizeof(*s));

	s->loop = l;
	s->options = *o;
	s->date_second = -1;
	list_init(&s->connections);
	list_init(&s->spare);
	return s;
}

static void server_destroy(struct http_server *s)
{
	while (!list_is_empty(&s->spare)) {
		struct stream *spare = LIST_ENTRY(s->spare.next, struct stream, node);

		list_remove(&spare->node);
		arena_done(&spare->pub.arena);
		free(spare);
	}
	free(s->gather);
	free(s);
}

static void connection_settle(struct connection *c);
static void end_streams(struct connection *c);

struct http_server *http_server_free(struct http_server *s)
{
	struct list *next;

	if (!s)
		return NULL;
	s->counts.connections++; /* keeps the server until the walk is over */
	s->closed = true;
	for (struct list *node = s->connections.next; node != &s->connections; node = next) {
		struct connection *c = LIST_ENTRY(node, struct connection, node);

		next = node->next;
		connection_lost(c);
		end_streams(c); /* a sink's, which has no socket to lose */
		connection_settle(c);
	}
	if (--s->counts.connections == 0)
		server_destroy(s);
	return NULL;
}

void http_server_set_body_max(struct http_server *s, size_t body_max)
{
	s->options.body_max = body_max;
}

void http_server_get_counts(const struct http_server *s, struct http_server_counts *ret)
{
	*ret = s->counts;
}

const char *server_date(struct http_server *s)
{
	int64_t second = loop_now(s->loop) / NS_PER_S;

	if (second != s->date_second) {
		time_t now = (time_t)(clock_wall_ms() / 1000);
		struct tm tm;

		/* RFC 9110 §5.6.7; the process never leaves the C locale */
		strftime(s->date, sizeof(s->date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
		s->date_second = second;
	}
	return s->date;
}

/* ---- connections ---- */

static void connection_run(struct task *t);

static void connection_on_ready(struct conn *conn)
{
	connection_wake(conn->owner);
}

static void connection_on_expire(struct timer *t)
{
	struct connection *c = CONTAINER_OF(t, struct connection, timer);

	c->timer_fired = true;
	connection_wake(c);
}

struct connection *connection_new(struct http_server *s, const struct address *peer)
{
	struct connection *c = xcalloc(1, sizeof(*c));

	c->server = s;
	c->peer = *peer;
	c->read_deadline = c->write_deadline = NEVER;
	list_init(&c->streams);
	task_init(&c->task, connection_run);
	timer_init(&c->timer, s->loop, connection_on_expire);
	buf_init(&c->input, s->options.head_max + 2 * LOOP_SCRATCH_SIZE);
	list_append(&s->connections, &c->node);
	s->counts.connections++;
	return c;
}

void http_server_accept(struct http_server *s, int fd, const struct address *peer, struct tls_context *tls,
			const struct http_handler *handler)
{
	struct connection *c;

	if (s->counts.connections >= s->options.connections_max) {
		s->counts.refused++;
		close(fd);
		return;
	}
	c = connection_new(s, peer);
	c->handler = handler;
	c->fresh = true;
	s->counts.accepted++;
	c->read_deadline = loop_now(s->loop) + s->options.head_timeout_ms * NS_PER_MS;
	connection_rearm(c, c->read_deadline);
	c->conn = conn_accept(s->loop, fd, tls, connection_on_ready, c);
	connection_wake(c);
}

static void connection_free(struct connection *c)
{
	struct http_server *s = c->server;

	task_cancel(&c->task);
	timer_cancel(&c->timer);
	http2_free(c);
	buf_done(&c->input);
	send_queue_clear(&c->output);
	list_remove(&c->node);
	free(c);
	if (--s->counts.connections == 0 && s->closed)
		server_destroy(s);
}

static void connection_settle(struct connection *c)
{
	if (!c->conn && list_is_empty(&c->streams) && !c->running)
		connection_free(c);
}

void connection_rearm(struct connection *c, int64_t deadline)
{
	if (deadline < c->timer.deadline)
		timer_set(&c->timer, deadline);
}

/* The socket is ready for HTTP. The idle time runs from here. */
static void connection_greet(struct connection *c)
{
	int64_t idle_ms = c->server->draining ? DRAIN_GRACE_MS : c->server->options.idle_timeout_ms;

	c->greeted = true;
	c->read_deadline = connection_now(c) + idle_ms * NS_PER_MS;
	connection_rearm(c, c->read_deadline);
	if (slice_eq(conn_alpn(c->conn), SLICE("h2")))
		http2_start(c);
}

static void connection_expire(struct connection *c)
{
	int64_t now = connection_now(c), deadline;

	c->timer_fired = false;
	if (now >= c->write_deadline)
		connection_reset(c);
	else if (!c->greeted && now >= c->read_deadline)
		connection_lost(c);
	else if (c->protocol == PROTOCOL_HTTP2)
		http2_expire(c, now);
	else
		http1_expire(c, now);
	if (!c->conn)
		return;
	deadline = c->protocol == PROTOCOL_HTTP2 ? http2_deadline(c) : c->read_deadline;
	connection_rearm(c, deadline < c->write_deadline ? deadline : c->write_deadline);
}

static void connection_act(struct connection *c)
{
	if (c->conn->state == CONN_FAILED) {
		connection_lost(c);
		return;
	}
	if (!c->greeted && c->conn->state == CONN_OPEN)
		connection_greet(c);
	if (c->timer_fired)
		connection_expire(c);
	if (!c->conn || !c->greeted || !connection_flush(c))
		return;
	if (c->protocol == PROTOCOL_HTTP1)
		http1_run(c);
	if (c->conn && c->protocol == PROTOCOL_HTTP2)
		http2_run(c);
}

static void connection_run(struct task *t)
{
	struct connection *c = CONTAINER_OF(t, struct connection, task);

	c->running = true;
	if (c->conn)
		connection_act(c);
	c->running = false;
	connection_settle(c);
}

ssize_t connection_read(struct connection *c, void *out, size_t cap)
{
	ssize_t n = conn_read(c->conn, out, cap);

	if (n > 0)
		c->server->counts.bytes_in += (uint64_t)n;
	return n;
}

ssize_t connection_writev(struct connection *c, const struct iovec *iov, int count)
{
	ssize_t n;

	if (!c->conn->writable)
		return 0;
	n = conn_writev(c->conn, iov, count);
	if (n == -EAGAIN)
		return 0;
	if (n < 0) {
		connection_lost(c);
		return -1;
	}
	c->server->counts.bytes_out += (uint64_t)n;
	return n;
}

bool connection_flush(struct connection *c)
{
	bool moved = false;

	while (c->output.len > 0 && c->conn->writable) {
		struct iovec iov[FLUSH_PIECES];
		ssize_t n = connection_writev(c, iov, send_queue_gather(&c->output, iov, FLUSH_PIECES));

		if (n < 0)
			return false;
		if (n == 0)
			break;
		send_queue_consume(&c->output, (size_t)n);
		moved = true;
	}
	if (c->output.len == 0)
		c->write_deadline = NEVER;
	else if (moved || c->write_deadline == NEVER) {
		c->write_deadline = connection_now(c) + c->server->options.write_timeout_ms * NS_PER_MS;
		connection_rearm(c, c->write_deadline);
	}
	return true;
}

static void end_streams(struct connection *c)
{
	struct list *next;

	for (struct list *node = c->streams.next; node != &c->streams; node = next) {
		next = node->next;
		stream_gone(LIST_ENTRY(node, struct stream, node));
	}
}

static void connection_drop(struct connection *c, struct conn *(*close_conn)(struct conn *))
{
	if (!c->conn)
		return;
	c->conn = close_conn(c->conn);
	send_queue_clear(&c->output);
	c->read_deadline = c->write_deadline = NEVER;
	end_streams(c);
	connection_wake(c);
}

void connection_lost(struct connection *c)
{
	connection_drop(c, conn_close);
}

void connection_linger(struct connection *c)
{
	connection_drop(c, conn_linger);
}

void connection_reset(struct connection *c)
{
	connection_drop(c, conn_reset);
}

void http_server_drain(struct http_server *s)
{
	struct list *next;

	s->draining = true;
	for (struct list *node = s->connections.next; node != &s->connections; node = next) {
		struct connection *c = LIST_ENTRY(node, struct connection, node);

		next = node->next;
		if (!c->conn || !c->greeted)
			continue;
		if (c->protocol == PROTOCOL_HTTP2)
			http2_drain(c);
		else
			http1_drain(c);
	}
}

/* ---- streams ---- */

struct stream *stream_new(struct connection *c, const struct server_stream_ops *ops)
{
	struct http_server *server = c->server;
	struct stream *s;
	struct arena arena;

	if (list_is_empty(&server->spare)) {
		s = xmalloc(sizeof(*s));
		arena_init(&arena);
	} else {
		s = LIST_ENTRY(server->spare.next, struct stream, node);
		list_remove(&s->node);
		server->spare_count--;
		arena = s->pub.arena;
	}
	*s = (struct stream){ .connection = c };
	s->pub.arena = arena;
	s->pub.ops = ops;
	s->pub.loop = server->loop;
	s->pub.peer = &c->peer;
	s->pub.method = HTTP_OTHER;
	s->pub.host = SLICE("");
	buf_init(&s->pub.body, server->options.body_max);
	list_init(&s->ready);
	s->read_deadline = s->write_deadline = NEVER;
	list_append(&c->streams, &s->node);
	c->stream_count++;
	server->counts.streams++;
	return s;
}

void stream_free(struct stream *s)
{
	struct http_server *server = s->connection->server;

	intake_done(s);
	send_queue_clear(&s->output);
	buf_done(&s->stash);
	list_remove(&s->ready);
	list_remove(&s->node);
	s->connection->stream_count--;
	server->counts.streams--;
	if (server->spare_count >= SPARE_MAX) {
		arena_done(&s->pub.arena);
		free(s);
		return;
	}
	arena_reset(&s->pub.arena);
	list_prepend(&server->spare, &s->node);
	server->spare_count++;
}

void stream_gone(struct stream *s)
{
	if (s->released || !s->held) {
		stream_free(s);
		return;
	}
	if (s->pub.gone || s->pub.flushed)
		return;
	s->pub.gone = true;
	s->pub.pending = 0;
	s->read_deadline = s->write_deadline = NEVER;
	send_queue_clear(&s->output);
	stream_tell(s);
}

void stream_set_pending(struct stream *s, size_t pending)
{
	size_t before = s->pub.pending, half = SERVER_STREAM_PENDING_MAX / 2;

	s->pub.pending = pending;
	if (before >= half && pending < half)
		stream_tell(s);
}

void stream_dispatch(struct stream *s)
{
	const struct http_handler *handler = s->connection->handler;

	s->held = true;
	handler->on_request(&s->pub, handler->ctx);
}

void stream_refuse(struct stream *s, struct refusal r)
{
	const struct http_handler *handler = s->connection->handler;
	struct header type = { SLICE("content-type"), SLICE("text/plain; charset=utf-8") };
	struct slice text;
	struct buf body;

	s->held = true;
	s->refusal = r;
	buf_init(&body, ERROR_BODY_MAX);
	if (handler->write_error)
		type.value = handler->write_error(r.status, r.sentence, &s->pub.target, &body, handler->ctx);
	else if (!buf_printf(&body, "%d %s: %s\n", r.status, http_reason(r.status), r.sentence))
		buf_clear(&body);
	text = buf_slice(&body);
	server_stream_head(&s->pub, r.status, &type, 1, (int64_t)text.len);
	server_stream_write(&s->pub, &text, 1);
	server_stream_end(&s->pub);
	server_stream_release(&s->pub);
	buf_done(&body);
}

/* RFC 9110 §6.4.1 */
bool answer_is_bodiless(const struct stream *s, int status)
{
	return s->pub.method == HTTP_HEAD || status == 204 || status == 304;
}

/* ---- what owners call ---- */

void server_stream_read_body(struct server_stream *pub)
{
	struct stream *s = stream_of(pub);

	if (pub->body_state != BODY_UNREAD || pub->gone)
		return;
	if (!pub->has_body) {
		pub->body_state = BODY_COMPLETE;
		return;
	}
	if (intake_start(s))
		pub->ops->read_body(s);
}

void server_stream_forget_body(struct server_stream *pub)
{
	check(pub->body_state != BODY_READING, "a body is forgotten when it is settled");
	if (pub->body_state != BODY_UNREAD)
		intake_done(stream_of(pub));
}

void server_stream_forget_head(struct server_stream *pub)
{
	struct stream *s = stream_of(pub);

	if (!pub->head_sent || s->head.len > 0 || pub->body_state != BODY_COMPLETE)
		return;
	pub->target = (struct request_target){ 0 };
	pub->headers = (struct headers){ 0 };
	pub->host = s->path = SLICE("");
	s->header_room = 0;
	arena_done(&pub->arena);
}

void server_stream_head(struct server_stream *pub, int status, const struct header *headers, unsigned count,
			int64_t content_length)
{
	struct stream *s = stream_of(pub);

	check(!pub->head_sent, "an answer has one head");
	pub->head_sent = true;
	if (pub->gone)
		return;
	if (content_length > 0)
		s->answer_left = (uint64_t)content_length;
	pub->ops->head(s, status, headers, count, content_length);
}

static void stream_write(struct stream *s, const struct slice *pieces, unsigned count, bool borrowed)
{
	size_t total = 0;

	check(s->pub.head_sent && !s->pub.ended, "a body is written between head and end");
	for (unsigned i = 0; i < count; i++)
		total += pieces[i].len;
	if (s->pub.gone || total == 0 || s->framing == ANSWER_BODILESS)
		return;
	if (s->framing == ANSWER_LENGTH) {
		check(total <= s->answer_left, "more body than the head announced");
		s->answer_left -= total;
	}
	s->pub.ops->write(s, pieces, count, borrowed);
}

void server_stream_write(struct server_stream *pub, const struct slice *pieces, unsigned count)
{
	stream_write(stream_of(pub), pieces, count, false);
}

void server_stream_write_borrowed(struct server_stream *pub, const struct slice *pieces, unsigned count)
{
	stream_write(stream_of(pub), pieces, count, true);
}

void server_stream_flush(struct server_stream *pub)
{
	struct stream *s = stream_of(pub);

	s->corked = false;
	if (!pub->gone && pub->head_sent)
		pub->ops->flush(s);
}

void server_stream_cork(struct server_stream *pub)
{
	stream_of(pub)->corked = true;
}

void server_stream_end(struct server_stream *pub)
{
	struct stream *s = stream_of(pub);

	check(pub->head_sent && !pub->ended, "an answer ends once, after its head");
	s->corked = false;
	if (pub->gone) {
		pub->ended = true;
		return;
	}
	if (s->framing == ANSWER_LENGTH && s->answer_left > 0) {
		/* Less than announced: the client must not take it for whole. */
		server_stream_abort(pub);
		pub->ended = true;
		return;
	}
	pub->ended = true;
	pub->ops->end(s);
}

void server_stream_abort(struct server_stream *pub)
{
	struct stream *s = stream_of(pub);

	if (pub->gone || pub->flushed)
		return;
	pub->gone = true; /* before: the owner did it and needs no telling */
	pub->pending = 0;
	pub->ops->abort(s);
}

void server_stream_release(struct server_stream *pub)
{
	struct stream *s = stream_of(pub);
	struct connection *c = s->connection;

	if (!pub->ended)
		server_stream_abort(pub);
	s->released = true;
	pub->on_event = NULL;
	pub->ops->release(s);
	connection_settle(c);
}
