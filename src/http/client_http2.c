/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and their answers over one HTTP/2 connection (RFC 9113), by nghttp2. The connection is read whenever bytes
 * come; bodies wait in their outbounds' inboxes, which the streams' windows bound. A closed connection, or a peer that
 * says goodbye, ends each outbound in its own way: told of what came, failed, or begun again elsewhere.
 *
 * An outbound leaves the link as soon as nghttp2 is through with its stream, which makes room for another; its owner
 * may still come for the rest of the inbox. */
#include <errno.h>
#include <stdio.h>
#include "base/clock.h"
#include "http/client_http2.h"

enum {
	SEND_PIECES_MAX = 64,
	PSEUDO_HEADERS = 4,
	SILENCE_MS = 2000,             /* after which who gives a stream up doubts the connection, too */
};

/* ---- frames out ---- */

/* The other end tells what has become of the rest: on_ready() reads it in the next turn, also when no edge follows. */
static void poke(struct client_http2 *h)
{
	h->link->conn->readable = true;
	conn_poke(h->link->conn);
}

/* Bytes that the kernel took. */
static size_t write_out(struct client_http2 *h, const struct iovec *iov, int count)
{
	ssize_t n = conn_writev(h->link->conn, iov, count);

	if (n < 0) {
		h->send_broken = n != -EAGAIN;
		return 0;
	}
	h->link->client->counts.bytes_out += (uint64_t)n;
	return (size_t)n;
}

/* False when the kernel takes no more for now. */
static bool flush(struct client_http2 *h)
{
	while (h->output.len > 0) {
		struct iovec iov[SEND_PIECES_MAX];
		size_t n = write_out(h, iov, send_queue_gather(&h->output, iov, SEND_PIECES_MAX));

		if (n == 0)
			return false;
		send_queue_consume(&h->output, n);
	}
	return true;
}

/* Everything given out so far is with the kernel. */
static void tell_sent(struct client_http2 *h)
{
	if (h->finishing == 0)
		return;
	h->finishing = 0;
	LIST_EACH(node, &h->link->users) {
		struct outbound *o = LIST_ENTRY(node, struct outbound, on_link);

		if (!o->http2.last_taken || o->stream.sent_ns)
			continue;
		outbound_all_sent(o);
		if (!o->opening)
			outbound_notify(o);
	}
}

/* What nghttp2 wants to send, as far as the kernel takes it. */
static void send_frames(struct client_http2 *h)
{
	struct http_client *c = h->link->client;
	ssize_t filled;
	size_t taken;

	if (!c->gather)
		c->gather = xmalloc(HTTP2_GATHER_SIZE);
	while (!h->send_broken && flush(h)) {
		filled = http2_gather(h->session, c->gather);
		if (filled < 0 && !h->reason)
			h->reason = nghttp2_strerror((int)filled);
		if (filled <= 0) {
			tell_sent(h);
			break;
		}
		taken = write_out(h, &(struct iovec){ c->gather, (size_t)filled }, 1);
		if (taken < (size_t)filled)
			send_queue_copy(&h->output, c->gather + taken, (size_t)filled - taken);
	}
	if (!h->running && (h->send_broken || h->reason || !list_is_empty(&h->touched)))
		poke(h);
}

/* ---- what becomes of outbounds ---- */

/* nghttp2's callbacks do not find it any more. */
static void forget(struct client_http2 *h, struct outbound *o)
{
	if (o->http2.open)
		nghttp2_session_set_stream_user_data(h->session, o->http2.id, NULL);
	o->http2.open = false;
}

static void say_why(struct client_http2 *h, struct outbound *o)
{
	const struct outbound_http2 *x = &o->http2;
	char how[64];

	snprintf(how, sizeof(how), "reset (%s)", nghttp2_http2_strerror(x->error));
	if (o->answer.reason)
		outbound_set_malformed(o, o->answer.reason);
	else if (h->reason)
		outbound_set_malformed(o, h->reason);
	else if (h->lost)
		outbound_set_lost(o, "connection", h->closed ? "closed" : "lost");
	else if (x->reset || x->unprocessed)
		outbound_set_lost(o, "stream", how);
	else
		outbound_set_malformed(o, nghttp2_http2_strerror(x->error));
}

/* The stream is no more and the answer not complete. What has come of the body is read first. */
static void stream_lost(struct client_http2 *h, struct outbound *o)
{
	/* A peer that has said anything since has not been dead all along. */
	bool stale = h->lost && h->link->conn->bytes_in == o->http2.heard_before;

	if (o->http2.unprocessed && !o->answer.reason && outbound_restart(o))
		return;
	say_why(h, o);
	if (stale && outbound_retry(o))
		return;
	if (o->stream.state != CLIENT_BODY)
		outbound_fail(o);
	outbound_notify(o);
}

static void settle(struct client_http2 *h, struct outbound *o)
{
	struct outbound_http2 *x = &o->http2;

	list_remove(&x->touched);
	if (o->answer.reason)
		forget(h, o);
	if (x->head_ready) {
		x->head_ready = false;
		outbound_update_released(o);
		outbound_take_head(o, x->inbox.len > 0 || !o->answer.complete);
		if (o->stream.state == CLIENT_FAILED)
			return;
	}
	if (x->open) {
		outbound_notify(o);
		return;
	}
	link_detach(o);
	if (o->answer.complete)
		outbound_notify(o);
	else
		stream_lost(h, o);
}

static void settle_touched(struct client_http2 *h)
{
	while (!list_is_empty(&h->touched))
		settle(h, LIST_ENTRY(h->touched.next, struct outbound, http2.touched));
}

/* ---- what becomes of the link ---- */

static bool has_room(const struct client_http2 *h)
{
	unsigned limit = nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	if (limit > CLIENT_STREAMS_MAX)
		limit = CLIENT_STREAMS_MAX;
	return h->link->user_count < limit && !h->leaving && !h->send_broken &&
	       nghttp2_session_check_request_allowed(h->session);
}

static void update_room(struct client_http2 *h)
{
	struct client_link *link = h->link;

	if (!has_room(h))
		list_remove(&link->node);
	else if (list_is_empty(&link->node))
		list_append(&link->pool->roomy, &link->node);
}

/* The link may be gone afterwards. */
static void conclude(struct client_http2 *h)
{
	struct client_link *link = h->link;

	if (h->lost || h->reason) {
		h->running = true;
		while (link->user_count > 0) {
			forget(h, link_user(link));
			settle(h, link_user(link));
		}
		link_drop(link);
		return;
	}
	h->running = false;
	if (link->user_count > 0) {
		update_room(h);
	} else if (h->leaving || h->send_broken || !nghttp2_session_check_request_allowed(h->session)) {
		link_drop(link);
	} else if (link->step != LINK_IDLE) {
		link_rest(link);
	}
}

static void receive(struct client_http2 *h)
{
	struct client_link *link = h->link;
	char *scratch = loop_scratch(link->client->loop);

	while (!h->reason) {
		ssize_t n = conn_read(link->conn, scratch, LOOP_SCRATCH_SIZE), used;

		if (n == -EAGAIN && !h->send_broken)
			return;
		if (n <= 0) {
			h->lost = true;
			h->closed = n == 0;
			return;
		}
		link->client->counts.bytes_in += (uint64_t)n;
		used = nghttp2_session_mem_recv(h->session, (const uint8_t *)scratch, (size_t)n);
		if (used < 0 && !h->reason)
			h->reason = nghttp2_strerror((int)used);
	}
}

static void http2_on_ready(struct client_link *link)
{
	struct client_http2 *h = link->http2;

	h->running = true;
	receive(h);
	do {
		settle_touched(h);
		if (!h->lost)
			send_frames(h);
	} while (!list_is_empty(&h->touched));
	conclude(h);
}

void client_http2_begin(struct client_link *link)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, CLIENT_STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)link->client->options.head_max },
	};
	struct client_http2 *h = link->http2 = xcalloc(1, sizeof(*h));
	nghttp2_option *options = http2_options_new();
	nghttp2_session_callbacks *callbacks;

	h->link = link;
	h->conduct.since = loop_now(link->client->loop);
	list_init(&h->touched);
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		out_of_memory();
	client_http2_set_callbacks(callbacks);
	if (nghttp2_session_client_new2(&h->session, callbacks, h, options) != 0)
		out_of_memory();
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(options);
	nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, COUNT_OF(settings));
	nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, HTTP2_CONNECTION_WINDOW);
}

struct client_http2 *client_http2_free(struct client_http2 *h)
{
	if (!h)
		return NULL;
	/* Only what goes out at once; nobody waits for a goodbye. */
	h->running = true;
	if (!h->lost && h->link->conn->state == CONN_OPEN &&
	    nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR) == 0)
		send_frames(h);
	nghttp2_session_del(h->session);
	send_queue_clear(&h->output);
	free(h);
	return NULL;
}

/* ---- the protocol ---- */

/* The body's next bytes for a DATA frame. */
static ssize_t next_bytes(nghttp2_session *session, int32_t id, uint8_t *out, size_t cap, uint32_t *flags,
			  nghttp2_data_source *source, void *user_data)
{
	struct outbound *o = nghttp2_session_get_stream_user_data(session, id);
	size_t filled = 0;

	if (!o)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	while (filled < cap && !outbound_is_sent(o)) {
		const struct iovec *piece = &o->pieces[o->piece];
		size_t len = piece->iov_len - o->piece_sent;

		if (len > cap - filled)
			len = cap - filled;
		memcpy(out + filled, (const char *)piece->iov_base + o->piece_sent, len);
		outbound_advance(o, len);
		filled += len;
	}
	if (outbound_is_sent(o)) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		outbound_update_released(o);
	}
	return (ssize_t)filled;
}

static int32_t submit(struct client_http2 *h, struct outbound *o)
{
	nghttp2_nv *nv = arena_array(&o->stream.arena, nghttp2_nv, PSEUDO_HEADERS + o->field_count);
	nghttp2_data_provider body = { .read_callback = next_bytes };
	size_t n = 0;

	nv[n++] = http2_pair(SLICE(":method"), slice_cstr(http_method_name(o->method)));
	nv[n++] = http2_pair(SLICE(":scheme"), h->link->pool->tls ? SLICE("https") : SLICE("http"));
	nv[n++] = http2_pair(SLICE(":authority"), o->fields[0].value);
	nv[n++] = http2_pair(SLICE(":path"), o->target);
	for (unsigned i = 1; i < o->field_count; i++)
		nv[n++] = http2_pair(o->fields[i].name, o->fields[i].value);
	return nghttp2_submit_request(h->session, NULL, nv, n, outbound_is_sent(o) ? NULL : &body, o);
}

static void http2_start(struct outbound *o)
{
	struct client_http2 *h = o->link->http2;
	struct outbound_http2 *x = &o->http2;

	o->answer = (struct client_answer){ 0 };
	*x = (struct outbound_http2){ .heard_before = o->link->conn->bytes_in };
	list_init(&x->touched);
	buf_init(&x->inbox, (size_t)2 * CLIENT_STREAM_WINDOW);
	/* The head is not sent as it is. */
	o->piece = 1;
	o->piece_sent = 0;
	x->id = submit(h, o);
	x->open = x->id > 0;
	if (!x->open) {
		x->unprocessed = true;
		x->error = NGHTTP2_REFUSED_STREAM;
		client_http2_touch(h, o);
	}
	send_frames(h);
	update_room(h);
	if (o->stream.state == CLIENT_SENDING && !o->stream.reused && !o->retried)
		outbound_notify(o);
}

static enum client_read http2_read(struct outbound *o, size_t max, struct slice *ret)
{
	struct outbound_http2 *x = &o->http2;
	struct slice front;

	buf_consume(&x->inbox, x->handed);
	front = buf_slice(&x->inbox);
	x->handed = front.len < max ? front.len : max;
	if (x->handed > 0) {
		*ret = slice_of(front.ptr, x->handed);
		if (x->open) {
			nghttp2_session_consume_stream(o->link->http2->session, x->id, x->handed);
			send_frames(o->link->http2);
		}
		return CLIENT_READ_DATA;
	}
	if (o->answer.complete)
		return CLIENT_READ_END;
	if (o->link)
		return CLIENT_READ_AGAIN;
	outbound_fail(o);
	return CLIENT_READ_FAILED;
}

/* Nothing at all has come since the stream began. A connection that was cut off without a word looks like this, and
 * would swallow whatever is tried next. */
static bool is_silent(const struct client_http2 *h, const struct outbound *o)
{
	return h->link->conn->bytes_in == o->http2.heard_before &&
	       loop_now(o->client->loop) - o->stream.connected_ns > SILENCE_MS * NS_PER_MS;
}

static void http2_leave(struct outbound *o)
{
	struct client_http2 *h = o->link->http2;
	struct outbound_http2 *x = &o->http2;

	if (x->open) {
		nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, x->id, NGHTTP2_CANCEL);
		h->leaving = h->leaving || is_silent(h, o);
	}
	forget(h, o);
	list_remove(&x->touched);
	link_detach(o);
	if (h->running)
		return;
	send_frames(h);
	conclude(h);
}

const struct client_protocol client_http2 = {
	.start = http2_start,
	.on_ready = http2_on_ready,
	.read = http2_read,
	.leave = http2_leave,
};
