/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 (RFC 9113) by nghttp2, which checks frames, HPACK, pseudo-headers, connection-specific headers and
 * content-length. Here: what becomes of requests, windows, and clients that behave badly.
 *
 * Windows are never returned by nghttp2 itself. The connection's is returned on receipt, so that one stream cannot stop
 * the others; a stream's when its bytes are taken: it is what bounds the stash of a body nobody has asked for yet.
 *
 * nghttp2's callbacks only record: requests are handed over when nghttp2 has returned. */
#include <errno.h>
#include "base/clock.h"
#include "http/server_http2.h"

enum {
	STREAM_WINDOW = SERVER_STREAM_PENDING_MAX,
};

/* ---- limits ---- */

static void count(struct connection *c, enum http2_act act)
{
	struct http2 *h = c->http2;

	if (http2_conduct_count(&h->conduct, act, connection_now(c)))
		return;
	h->going = true;
	nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* ---- requests ---- */

static struct stream *find(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct connection *c = user_data;
	struct http2 *h = c->http2;
	struct stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	/* nghttp2 counts a stream as closed when it is reset; here it lives until its owner lets go. */
	if (c->stream_count >= 2 * c->server->options.http2_streams_max) {
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
		return 0;
	}
	s = stream_new(c, &http2_ops);
	s->id = frame->hd.stream_id;
	s->pub.http2 = true;
	s->pub.started_ns = connection_now(c);
	c->read_deadline = NEVER;
	h->head_deadline = s->pub.started_ns + c->server->options.head_timeout_ms * NS_PER_MS;
	connection_rearm(c, h->head_deadline);
	nghttp2_session_set_stream_user_data(session, s->id, s);
	return 0;
}

static void add_pseudo_header(struct stream *s, struct slice name, struct slice value)
{
	if (slice_eq(name, SLICE(":method")))
		s->pub.method = http_method_by_name(value);
	else if (slice_eq(name, SLICE(":path")))
		s->path = arena_dup(&s->pub.arena, value);
	else if (slice_eq(name, SLICE(":authority")))
		s->pub.host = arena_dup(&s->pub.arena, value);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
		     const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
	struct connection *c = user_data;
	struct stream *s = find(session, frame->hd.stream_id);
	struct slice n = slice_of((const char *)name, name_len), v = slice_of((const char *)value, value_len);

	/* Trailers say nothing that weir wants to know. */
	if (!s || frame->headers.cat != NGHTTP2_HCAT_REQUEST || s->refusal.status)
		return 0;
	s->head_size += name_len + value_len + 32;
	if (s->head_size > c->server->options.head_max)
		s->refusal = (struct refusal){ 431, "the request head is too large" };
	else if (n.len > 0 && n.ptr[0] == ':')
		add_pseudo_header(s, n, v);
	else if (!headers_add(&s->pub.headers, &s->header_room, &s->pub.arena, n, v))
		s->refusal = (struct refusal){ 431, "there are too many headers" };
	return 0;
}

/* Anything that nghttp2 would drop in silence ends the stream instead: what was sent is what is judged. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
			     const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* RFC 9113 §8.3.1: Host, when it is there too, says the same as :authority. */
static struct refusal check_authority(struct stream *s)
{
	struct slice name = SLICE("host"), host = headers_get(&s->pub.headers, name);
	unsigned hosts = headers_count(&s->pub.headers, name);

	if (s->pub.host.len == 0 && hosts == 1)
		s->pub.host = host;
	else if (hosts > 1 || (hosts == 1 && !slice_eq_nocase(host, s->pub.host)))
		return (struct refusal){ 400, "Host and :authority disagree" };
	if (s->pub.host.len == 0 || !host_is_valid(s->pub.host))
		return (struct refusal){ 400, "the :authority is missing or malformed" };
	return (struct refusal){ 0 };
}

static struct refusal check_head(struct stream *s)
{
	struct slice expectation = headers_get(&s->pub.headers, SLICE("expect"));
	const char *sentence;

	if (!request_target_parse(s->path, &s->pub.target, &sentence))
		return (struct refusal){ 400, sentence };
	if (expectation.ptr && !slice_eq_nocase(expectation, SLICE("100-continue")))
		return (struct refusal){ 417, "no expectation but 100-continue can be met" };
	s->expects_continue = expectation.ptr;
	return check_authority(s);
}

static void head_complete(struct connection *c, struct stream *s, bool end_stream)
{
	static const nghttp2_extpri fair = { .urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1 };
	struct slice length = headers_get(&s->pub.headers, SLICE("content-length"));
	unsigned long long number;

	c->http2->head_deadline = NEVER;
	/* Streams take turns whatever the client asks for. */
	nghttp2_session_change_extpri_stream_priority(c->http2->session, s->id, &fair, 1);
	s->pub.has_body = !end_stream;
	s->request_ended = end_stream;
	if (length.ptr && slice_to_u64(length, &number)) {
		s->intake.has_length = true;
		s->intake.length = number;
	}
	s->intake.coding = headers_coding(&s->pub.headers);
	if (!s->refusal.status)
		s->refusal = check_head(s);
	list_append(&c->http2->ready, &s->ready);
}

/* ---- bodies ---- */

static void body_complete(struct stream *s)
{
	if (s->request_ended)
		return;
	s->request_ended = true;
	if (s->pub.body_state != BODY_READING)
		return;
	intake_end(s);
	s->read_deadline = NEVER;
	stream_tell(s);
}

static void expect_more(struct stream *s)
{
	struct connection *c = s->connection;

	s->read_deadline = connection_now(c) + c->server->options.body_timeout_ms * NS_PER_MS;
	connection_rearm(c, s->read_deadline);
}

static bool stash(struct stream *s, struct slice bytes)
{
	s->stash.limit = STREAM_WINDOW;
	return intake_hold(s, bytes.len) && buf_append_slice(&s->stash, bytes);
}

void http2_return_window(struct stream *s)
{
	if (!s->closed)
		nghttp2_session_consume_stream(s->connection->http2->session, s->id, s->unreturned);
	s->unreturned = 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
			 void *user_data)
{
	struct stream *s = find(session, id);
	struct slice bytes = slice_of((const char *)data, len);

	nghttp2_session_consume_connection(session, len);
	if (!s)
		return 0;
	s->unreturned += len;
	if (s->lingering) {
		http2_return_window(s);
		return 0;
	}
	if (s->pub.body_state == BODY_UNREAD) {
		if (!stash(s, bytes))
			nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_ENHANCE_YOUR_CALM);
		return 0;
	}
	if (s->pub.body_state != BODY_READING)
		return 0;
	if (intake_feed(s, bytes)) {
		http2_return_window(s);
		expect_more(s);
	} else {
		s->read_deadline = NEVER;
		stream_tell(s);
	}
	return 0;
}

static void take_stash(struct stream *s)
{
	size_t len = s->stash.len;

	if (len == 0 || !intake_feed(s, buf_slice(&s->stash)))
		return;
	http2_return_window(s);
	s->intake.held -= len;
	if (s->connection->server->options.bodies)
		byte_budget_give(s->connection->server->options.bodies, len);
	buf_done(&s->stash);
}

void http2_read_body(struct stream *s)
{
	nghttp2_nv continues = { (uint8_t *)(uintptr_t)":status", (uint8_t *)(uintptr_t)"100", 7, 3, NGHTTP2_NV_FLAG_NONE };

	if (s->expects_continue && !s->pub.head_sent && s->stash.len == 0 && !s->request_ended && !s->closed)
		nghttp2_submit_headers(s->connection->http2->session, NGHTTP2_FLAG_NONE, s->id, NULL, &continues, 1,
				       NULL);
	intake_reserve(s);
	take_stash(s);
	if (s->pub.body_state == BODY_READING) {
		if (s->request_ended)
			intake_end(s);
		else
			expect_more(s);
	}
	connection_wake(s->connection);
}

/* ---- frames ---- */

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct connection *c = user_data;
	bool end_stream = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct stream *s;

	if (http2_frame_is_control(frame))
		count(c, HTTP2_ACT_CONTROL);
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		s = find(session, frame->hd.stream_id);
		if (s && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
			head_complete(c, s, end_stream);
		else if (s && end_stream)
			body_complete(s);
		break;
	case NGHTTP2_DATA:
		s = find(session, frame->hd.stream_id);
		if (s && end_stream)
			body_complete(s);
		break;
	case NGHTTP2_SETTINGS:
		c->http2->head_deadline = NEVER;
		break;
	}
	return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct connection *c = user_data;
	struct stream *s;

	if ((frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) ||
	    !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	s = find(session, frame->hd.stream_id);
	if (s) {
		s->last_taken = true;
		s->write_deadline = NEVER;
		list_remove(&s->ready);
		list_append(&c->http2->finishing, &s->ready);
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *user_data)
{
	struct connection *c = user_data;
	struct stream *s = find(session, id);

	if (!s) {
		/* Refused, or ended by us: what the client provoked counts all the same. */
		if (error_code != NGHTTP2_NO_ERROR && error_code != NGHTTP2_INTERNAL_ERROR &&
		    error_code != NGHTTP2_CANCEL)
			count(c, HTTP2_ACT_RESET);
		return 0;
	}
	http2_forget_stream(s);
	if (s->last_taken) {
		count(c, HTTP2_ACT_COMPLETED);
		if (s->lingering)
			http2_finish(s);
		return 0;
	}
	c->http2->head_deadline = NEVER;
	count(c, HTTP2_ACT_RESET);
	stream_gone(s);
	http2_rest(c);
	return 0;
}

void http2_forget_stream(struct stream *s)
{
	if (!s->closed)
		nghttp2_session_set_stream_user_data(s->connection->http2->session, s->id, NULL);
	s->closed = true;
}

/* ---- sessions ---- */

static nghttp2_session *session_new(struct connection *c)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *options = http2_options_new();
	nghttp2_session *session;

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		out_of_memory();
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	if (nghttp2_session_server_new2(&session, callbacks, c, options) != 0)
		out_of_memory();
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(options);
	return session;
}

void http2_start(struct connection *c)
{
	const struct http_server_options *o = &c->server->options;
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, o->http2_streams_max },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)o->head_max },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};
	struct http2 *h = xcalloc(1, sizeof(*h));

	c->protocol = PROTOCOL_HTTP2;
	c->fresh = false;
	c->read_deadline = NEVER;
	c->http2 = h;
	list_init(&h->ready);
	list_init(&h->finishing);
	h->conduct.since = connection_now(c);
	h->head_deadline = h->conduct.since + o->head_timeout_ms * NS_PER_MS;
	connection_rearm(c, h->head_deadline);
	h->session = session_new(c);
	nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, COUNT_OF(settings));
	nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, HTTP2_CONNECTION_WINDOW);
	http2_rest(c);
	if (c->server->draining)
		http2_drain(c);
}

void http2_free(struct connection *c)
{
	if (c->http2)
		nghttp2_session_del(c->http2->session);
	free(c->http2);
}

static void hand_over(struct connection *c)
{
	struct http2 *h = c->http2;

	while (c->conn && !list_is_empty(&h->ready)) {
		struct stream *s = LIST_ENTRY(h->ready.next, struct stream, ready);

		list_remove(&s->ready);
		if (s->refusal.status)
			stream_refuse(s, s->refusal);
		else
			stream_dispatch(s);
	}
}

void http2_receive(struct connection *c, struct slice bytes)
{
	ssize_t used = nghttp2_session_mem_recv(c->http2->session, (const uint8_t *)bytes.ptr, bytes.len);

	hand_over(c);
	if (used >= 0)
		return;
	/* Not HTTP/2 at all, or a flood: nghttp2 has given up. */
	if (c->conn)
		http2_send(c);
	if (c->conn)
		connection_linger(c);
}

/* Closes when all is said: after GOAWAY and the last stream, or when nghttp2 wants nothing more. */
static void close_if_over(struct connection *c)
{
	struct http2 *h = c->http2;

	if (c->output.len > 0 || nghttp2_session_want_write(h->session))
		return;
	if ((h->going && list_is_empty(&c->streams)) || !nghttp2_session_want_read(h->session))
		connection_linger(c);
}

void http2_run(struct connection *c)
{
	char *scratch = loop_scratch(connection_loop(c));
	ssize_t n;

	while (c->conn && (n = connection_read(c, scratch, LOOP_SCRATCH_SIZE)) != -EAGAIN) {
		if (n <= 0) {
			connection_lost(c);
			return;
		}
		http2_receive(c, slice_of(scratch, (size_t)n));
	}
	if (c->conn)
		http2_send(c);
	if (c->conn)
		close_if_over(c);
}

void http2_drain(struct connection *c)
{
	struct http2 *h = c->http2;

	if (h->going)
		return;
	h->going = true;
	nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h->session),
			      NGHTTP2_NO_ERROR, NULL, 0);
	connection_wake(c);
}

/* ---- time ---- */

void http2_rest(struct connection *c)
{
	if (!list_is_empty(&c->streams) || c->read_deadline != NEVER)
		return;
	c->read_deadline = connection_now(c) + c->server->options.idle_timeout_ms * NS_PER_MS;
	connection_rearm(c, c->read_deadline);
}

int64_t http2_deadline(const struct connection *c)
{
	int64_t deadline = c->read_deadline < c->http2->head_deadline ? c->read_deadline : c->http2->head_deadline;

	LIST_EACH(node, &c->streams) {
		const struct stream *s = LIST_ENTRY(node, struct stream, node);

		if (s->read_deadline < deadline)
			deadline = s->read_deadline;
		if (s->write_deadline < deadline)
			deadline = s->write_deadline;
	}
	return deadline;
}

static void stream_expire(struct stream *s, int64_t now)
{
	if (s->lingering) {
		if (now < s->read_deadline)
			return;
		nghttp2_submit_rst_stream(s->connection->http2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
		http2_forget_stream(s);
		http2_finish(s);
		return;
	}
	if (now >= s->write_deadline && !s->closed) {
		nghttp2_submit_rst_stream(s->connection->http2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
		http2_forget_stream(s);
		s->read_deadline = s->write_deadline = NEVER;
		stream_gone(s);
		return;
	}
	if (now < s->read_deadline)
		return;
	s->read_deadline = NEVER;
	if (s->pub.body_state == BODY_READING) {
		intake_fail(s, FAILURE_REQUEST_TIMEOUT, "the request body came too slowly");
		stream_tell(s);
	}
}

void http2_expire(struct connection *c, int64_t now)
{
	struct list *next;

	for (struct list *node = c->streams.next; node != &c->streams; node = next) {
		next = node->next;
		stream_expire(LIST_ENTRY(node, struct stream, node), now);
	}
	if (now >= c->http2->head_deadline)
		connection_lost(c);
	else if (now >= c->read_deadline) {
		c->read_deadline = NEVER;
		http2_drain(c);
	}
}
