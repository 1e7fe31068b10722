/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 answers. Owners fill a stream's queue; the connection's task lets nghttp2 cut it into frames, stream by stream
 * in turn, and sends many frames in one call. nghttp2 is asked for more only when the kernel has taken all there was,
 * so that what waits, waits in the streams' queues, where owners see it. */
#include <stdio.h>
#include "base/clock.h"
#include "http/server_http2.h"

enum { LINGER_MS = 3000 };

/* ---- heads ---- */

static bool ready_to_send(const struct stream *s)
{
	return s->output.len > 0 && (!s->corked || s->pub.ended);
}

/* nghttp2 asks for the next DATA frame's bytes. */
static ssize_t next_bytes(nghttp2_session *session, int32_t id, uint8_t *out, size_t cap, uint32_t *flags,
			  nghttp2_data_source *source, void *user_data)
{
	struct connection *c = user_data;
	struct stream *s = nghttp2_session_get_stream_user_data(session, id);
	size_t len;

	if (!s)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (!ready_to_send(s) && !s->pub.ended)
		return NGHTTP2_ERR_DEFERRED;
	len = send_queue_read(&s->output, out, cap);
	if (s->output.len > 0)
		s->write_deadline = connection_now(c) + c->server->options.write_timeout_ms * NS_PER_MS;
	else
		s->write_deadline = NEVER;
	if (s->pub.ended && s->output.len == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	stream_set_pending(s, s->output.len);
	return (ssize_t)len;
}

static void http2_head(struct stream *s, int status, const struct header *headers, unsigned count,
		       int64_t content_length)
{
	struct arena *a = &s->pub.arena;
	nghttp2_nv *nv = arena_array(a, nghttp2_nv, count + 3);
	nghttp2_data_provider provider = { .read_callback = next_bytes };
	bool empty = answer_is_bodiless(s, status) || content_length == 0;
	size_t n = 0;

	if (answer_is_bodiless(s, status))
		s->framing = ANSWER_BODILESS;
	else
		s->framing = content_length >= 0 ? ANSWER_LENGTH : ANSWER_CHUNKED;
	nv[n++] = http2_pair(SLICE(":status"), arena_printf(a, "%03d", status));
	for (unsigned i = 0; i < count; i++)
		if (http_value_is_clean(headers[i].value))
			nv[n++] = http2_pair(headers[i].name, headers[i].value);
	nv[n++] = http2_pair(SLICE("date"), slice_cstr(server_date(s->connection->server)));
	if (content_length != BODY_LENGTH_UNKNOWN && status != 204 && status != 304)
		nv[n++] = http2_pair(SLICE("content-length"), arena_printf(a, "%lld", (long long)content_length));
	nghttp2_submit_response(s->connection->http2->session, s->id, nv, n, empty ? NULL : &provider);
}

/* ---- bodies ---- */

static void send_soon(struct stream *s)
{
	struct connection *c = s->connection;

	if (s->closed)
		return;
	/* Says no when the stream does not wait for bytes, which is fine. */
	(void)nghttp2_session_resume_data(c->http2->session, s->id);
	if (s->output.len > 0 && s->write_deadline == NEVER) {
		s->write_deadline = connection_now(c) + c->server->options.write_timeout_ms * NS_PER_MS;
		connection_rearm(c, s->write_deadline);
	}
	connection_wake(c);
}

static void http2_write(struct stream *s, const struct slice *pieces, unsigned count, bool borrowed)
{
	for (unsigned i = 0; i < count; i++)
		if (borrowed)
			send_queue_borrow(&s->output, pieces[i]);
		else
			send_queue_copy(&s->output, pieces[i].ptr, pieces[i].len);
	s->pub.pending = s->output.len;
	if (!s->corked)
		send_soon(s);
}

static void settle_flushed(struct stream *s)
{
	list_remove(&s->ready);
	s->pub.flushed = true;
	s->pub.pending = 0;
}

static void http2_end(struct stream *s)
{
	if (s->last_taken && s->connection->output.len == 0)
		settle_flushed(s);
	else
		send_soon(s);
}

static void http2_abort(struct stream *s)
{
	struct connection *c = s->connection;

	send_queue_clear(&s->output);
	list_remove(&s->ready);
	s->read_deadline = s->write_deadline = NEVER;
	if (s->closed)
		return;
	nghttp2_submit_rst_stream(c->http2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
	http2_forget_stream(s);
	connection_wake(c);
}

/* RFC 9113 §8.1 would have us reset the stream with NO_ERROR now. Clients that are busy sending then lose the answer
 * (curl 7.88 does, now and then): so what comes is thrown away for a while, and only who has not finished by then is
 * reset. */
static void http2_linger(struct stream *s)
{
	struct connection *c = s->connection;
	int64_t patience_ms = c->server->options.body_timeout_ms;

	if (patience_ms > LINGER_MS)
		patience_ms = LINGER_MS;
	intake_done(s);
	buf_done(&s->stash);
	s->lingering = true;
	s->read_deadline = connection_now(c) + patience_ms * NS_PER_MS;
	connection_rearm(c, s->read_deadline);
	/* The stash may have filled the window. */
	http2_return_window(s);
	connection_wake(c);
}

void http2_finish(struct stream *s)
{
	struct connection *c = s->connection;

	if (!s->released || !(s->pub.flushed || s->pub.gone))
		return;
	if (!s->closed && c->conn) {
		http2_linger(s);
		return;
	}
	stream_free(s);
	if (!c->conn)
		return;
	http2_rest(c);
	if (c->http2->going || nghttp2_session_want_write(c->http2->session))
		connection_wake(c);
}

static void http2_release(struct stream *s)
{
	send_queue_own(&s->output);
	http2_finish(s);
}

const struct server_stream_ops http2_ops = {
	.read_body = http2_read_body,
	.head = http2_head,
	.write = http2_write,
	.flush = send_soon,
	.end = http2_end,
	.abort = http2_abort,
	.release = http2_release,
};

/* ---- frames out ---- */

/* False when the connection is lost. */
static bool put_out(struct connection *c, const char *bytes, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	ssize_t n = 0;

	if (len == 0)
		return true;
	if (c->output.len == 0)
		n = connection_writev(c, &iov, 1);
	if (n < 0)
		return false;
	send_queue_copy(&c->output, bytes + n, len - (size_t)n);
	return connection_flush(c);
}

/* One batch of frames. Returns whether there may be more. */
static bool send_batch(struct connection *c)
{
	struct http_server *server = c->server;
	ssize_t n;

	if (!server->gather)
		server->gather = xmalloc(HTTP2_GATHER_SIZE);
	n = http2_gather(c->http2->session, server->gather);
	if (n < 0)
		connection_lost(c);
	return n > 0 && put_out(c, server->gather, (size_t)n);
}

/* Everything given out so far is with the kernel. */
static void tell_flushed(struct connection *c)
{
	struct list *next;

	for (struct list *node = c->http2->finishing.next; node != &c->http2->finishing; node = next) {
		struct stream *s = LIST_ENTRY(node, struct stream, ready);

		next = node->next;
		if (!s->pub.ended)
			continue;
		settle_flushed(s);
		stream_tell(s);
		http2_finish(s);
	}
}

void http2_send(struct connection *c)
{
	bool more = true;

	while (more && c->conn && c->output.len == 0) {
		more = send_batch(c);
		if (c->conn && c->output.len == 0)
			tell_flushed(c);
	}
}
