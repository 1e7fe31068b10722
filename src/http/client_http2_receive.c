/* SPDX-License-Identifier: Apache-2.0 */
/* What an HTTP/2 peer sends back. nghttp2 checks frames, HPACK, pseudo-headers, connection-specific headers and
 * content-length, and calls back; nothing here does more than record, for nghttp2 is still at work.
 *
 * Windows are never returned by nghttp2 itself. The connection's is returned on receipt, so that one stream cannot stop
 * the others; a stream's when its owner has taken the bytes. */
#include "http/client_http2.h"
#include "http/request_head.h"

enum { INTERIM_MAX = 16 };

void client_http2_touch(struct client_http2 *h, struct outbound *o)
{
	list_remove(&o->http2.touched);
	list_append(&h->touched, &o->http2.touched);
}

static struct outbound *find(nghttp2_session *session, int32_t id)
{
	return id ? nghttp2_session_get_stream_user_data(session, id) : NULL;
}

/* ---- limits ---- */

static void count_control(struct client_http2 *h)
{
	if (http2_conduct_count(&h->conduct, HTTP2_ACT_CONTROL, loop_now(h->link->client->loop)) || h->reason)
		return;
	h->reason = "it floods the connection with frames that say nothing";
	nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* nghttp2 resets the stream for what is returned. */
static int refuse(struct client_http2 *h, struct outbound *o, const char *reason)
{
	if (!o->answer.reason)
		o->answer.reason = reason;
	client_http2_touch(h, o);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* ---- heads ---- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct outbound *o = find(session, frame->hd.stream_id);

	if (o)
		o->answer.started = true;
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
		     const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
	struct client_http2 *h = user_data;
	struct outbound *o = find(session, frame->hd.stream_id);
	struct slice n = slice_of((const char *)name, name_len), v = slice_of((const char *)value, value_len);
	unsigned long long status;

	if (!o)
		return 0;
	o->http2.head_size += name_len + value_len + 32;
	if (o->http2.head_size > h->link->client->options.head_max)
		return refuse(h, o, o->answer.head_done ? "its trailers are too long" : "its head is too long");
	if (o->answer.head_done)
		return 0;
	if (slice_eq(n, SLICE(":status")) && slice_to_u64(v, &status))
		o->answer.status = (int)status;
	else if (!headers_add(&o->answer.headers, &o->http2.header_room, &o->stream.arena, n, v))
		return refuse(h, o, "it has too many headers");
	return 0;
}

/* What nghttp2 would drop in silence ends the stream instead: what was sent is what is judged. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
			     const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
	struct outbound *o = find(session, frame->hd.stream_id);

	return o ? refuse(user_data, o, "one of its headers is malformed") : 0;
}

static void interim_complete(struct client_http2 *h, struct outbound *o)
{
	struct client_answer *a = &o->answer;

	a->headers.count = 0;
	if (++a->interim <= INTERIM_MAX)
		return;
	refuse(h, o, "it has too many 1xx heads");
	nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, o->http2.id, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void head_complete(struct client_http2 *h, struct outbound *o)
{
	struct client_answer *a = &o->answer;

	if (a->head_done)
		return;
	if (a->status < 200) {
		interim_complete(h, o);
		return;
	}
	a->head_done = true;
	a->coding = headers_coding(&a->headers);
	o->http2.head_ready = true;
	o->http2.head_size = 0;
	client_http2_touch(h, o);
}

/* ---- bodies ---- */

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
			 void *user_data)
{
	struct client_http2 *h = user_data;
	struct outbound *o = find(session, id);

	nghttp2_session_consume_connection(session, len);
	if (!o || !o->answer.head_done || o->answer.reason)
		return 0;
	o->stream.body_bytes += len;
	buf_consume(&o->http2.inbox, o->http2.handed);
	o->http2.handed = 0;
	/* The window is smaller than the buffer's limit. */
	if (!buf_append(&o->http2.inbox, data, len))
		return refuse(h, o, "it sends more than it may");
	client_http2_touch(h, o);
	return 0;
}

static void answer_complete(struct client_http2 *h, struct outbound *o)
{
	o->answer.complete = o->answer.head_done;
	client_http2_touch(h, o);
}

/* ---- frames ---- */

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct client_http2 *h = user_data;
	struct outbound *o = find(session, frame->hd.stream_id);

	if (http2_frame_is_control(frame))
		count_control(h);
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		if (o)
			head_complete(h, o);
		break;
	case NGHTTP2_RST_STREAM:
		if (o)
			o->http2.reset = true;
		else
			count_control(h);
		break;
	case NGHTTP2_GOAWAY:
		h->leaving = true;
		break;
	}
	if (o && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		answer_complete(h, o);
	return 0;
}

/* nghttp2 answers it by itself, with RST_STREAM or by giving up the connection. */
static int on_invalid_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user_data)
{
	struct outbound *o = find(session, frame->hd.stream_id);

	if (o)
		refuse(user_data, o, nghttp2_strerror(error));
	return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct client_http2 *h = user_data;
	struct outbound *o = find(session, frame->hd.stream_id);

	if (frame->hd.type == NGHTTP2_GOAWAY) {
		h->leaving = true;
		if (frame->goaway.error_code != NGHTTP2_NO_ERROR && !h->reason)
			h->reason = nghttp2_http2_strerror(frame->goaway.error_code);
	}
	if (!o || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	o->stream.request_sent = true;
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
		o->http2.last_taken = true;
		h->finishing++;
	}
	return 0;
}

static void stream_over(struct client_http2 *h, struct outbound *o, bool unprocessed, uint32_t error)
{
	o->http2.open = false;
	o->http2.unprocessed = unprocessed;
	o->http2.error = error;
	client_http2_touch(h, o);
}

/* A request that waited in nghttp2 when the peer said that it wants no more. The stream may not even exist there. */
static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user_data)
{
	struct client_http2 *h = user_data;

	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	LIST_EACH(node, &h->link->users) {
		struct outbound *o = LIST_ENTRY(node, struct outbound, on_link);

		if (o->http2.open && o->http2.id == frame->hd.stream_id)
			stream_over(h, o, true, NGHTTP2_REFUSED_STREAM);
	}
	return 0;
}

/* Also for streams above the last one of a GOAWAY, which nghttp2 closes as refused. */
static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *user_data)
{
	struct client_http2 *h = user_data;
	struct outbound *o = find(session, id);
	unsigned limit = nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	if (!o || !o->http2.open)
		return 0;
	/* Refused although it was within the limit: the peer has had enough. */
	if (error == NGHTTP2_REFUSED_STREAM && h->link->user_count <= limit)
		h->leaving = true;
	stream_over(h, o, error == NGHTTP2_REFUSED_STREAM, error);
	return 0;
}

void client_http2_set_callbacks(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame_recv);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
