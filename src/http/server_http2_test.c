/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 through real sockets, against nghttp2's client session. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include "http/server_test_support.h"

enum { STREAMS_MAX = 512 };

struct answer {
	int status;
	bool continued;                /* 100 came first */
	struct buf body;
	bool closed;
	uint32_t error_code;
};

struct peer {
	struct world *world;
	nghttp2_session *session;
	struct answer answers[2 * STREAMS_MAX + 2];
	bool going;
	uint32_t going_code;
	unsigned settings_seen;
	uint32_t streams_max;
};

struct upload {
	struct slice rest;
	bool endless;                  /* never says that it has ended */
};

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
		     const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
	struct peer *p = user_data;
	struct answer *a = &p->answers[frame->hd.stream_id];
	unsigned long long status;

	if (!slice_eq(slice_of((const char *)name, name_len), SLICE(":status")))
		return 0;
	assert_true(slice_to_u64(slice_of((const char *)value, value_len), &status));
	if (status == 100)
		a->continued = true;
	else
		a->status = (int)status;
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *user_data)
{
	struct peer *p = user_data;
	bool fits = buf_append(&p->answers[id].body, data, len);

	assert_true(fits);
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *user_data)
{
	struct peer *p = user_data;

	p->answers[id].closed = true;
	p->answers[id].error_code = error_code;
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct peer *p = user_data;

	if (frame->hd.type == NGHTTP2_GOAWAY) {
		p->going = true;
		p->going_code = frame->goaway.error_code;
	}
	if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
		p->settings_seen++;
		for (size_t i = 0; i < frame->settings.niv; i++)
			if (frame->settings.iv[i].settings_id == NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
				p->streams_max = frame->settings.iv[i].value;
	}
	return 0;
}

/* Exchanges bytes until nothing happens any more. */
static void talk(struct peer *p)
{
	for (int quiet = 0; quiet < 2; quiet++) {
		const uint8_t *bytes;
		ssize_t n;

		while ((n = nghttp2_session_mem_send(p->session, &bytes)) > 0)
			world_send(p->world, slice_of((const char *)bytes, (size_t)n));
		world_settle(p->world);
		if (p->world->received.len > 0)
			quiet = 0;
		n = nghttp2_session_mem_recv(p->session, (const uint8_t *)world_received(p->world).ptr, p->world->received.len);
		assert_int_equal(n, p->world->received.len);
		world_forget(p->world);
	}
}

static void peer_start(struct peer *p, uint32_t window)
{
	nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window } };
	nghttp2_session_callbacks *callbacks;

	world_connect(p->world);
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_client_new(&p->session, callbacks, p);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_submit_settings(p->session, NGHTTP2_FLAG_NONE, settings, 1);
	nghttp2_session_set_local_window_size(p->session, NGHTTP2_FLAG_NONE, 0, 1 << 28);
	for (size_t i = 0; i < COUNT_OF(p->answers); i++)
		buf_init(&p->answers[i].body, 16 << 20);
}

static void peer_stop(struct peer *p)
{
	nghttp2_session_del(p->session);
	p->session = NULL;
	for (size_t i = 0; i < COUNT_OF(p->answers); i++)
		buf_done(&p->answers[i].body);
	memset(p->answers, 0, sizeof(p->answers));
	p->going = false;
}

static int setup(void **state)
{
	struct peer *p = xcalloc(1, sizeof(*p));

	world_setup((void **)&p->world);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct peer *p = *state;

	if (p->session)
		peer_stop(p);
	world_teardown((void **)&p->world);
	free(p);
	return 0;
}

static nghttp2_nv nv(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE };
}

static ssize_t upload_read(nghttp2_session *session, int32_t id, uint8_t *out, size_t cap, uint32_t *flags,
			   nghttp2_data_source *source, void *user_data)
{
	struct upload *u = source->ptr;
	size_t len = u->rest.len < cap ? u->rest.len : cap;

	if (len == 0 && u->endless)
		return NGHTTP2_ERR_DEFERRED;
	if (len)
		memcpy(out, u->rest.ptr, len);
	u->rest = slice_after(u->rest, len);
	if (u->rest.len == 0 && !u->endless)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)len;
}

static int32_t request(struct peer *p, const char *method, const char *path, struct upload *upload, const nghttp2_nv *more)
{
	nghttp2_nv headers[8] = { nv(":method", method), nv(":scheme", "http"), nv(":authority", "weir"), nv(":path", path) };
	nghttp2_data_provider provider = { .source.ptr = upload, .read_callback = upload_read };
	size_t count = 4;

	if (more)
		headers[count++] = *more;
	return nghttp2_submit_request(p->session, NULL, headers, count, upload ? &provider : NULL, NULL);
}

static int32_t get(struct peer *p)
{
	return request(p, "GET", "/a?b=c", NULL, NULL);
}

static void get_is_answered(void **state)
{
	struct peer *p = *state;
	int32_t id;

	p->world->script = SCRIPT_AT_ONCE;
	peer_start(p, 65535);
	id = get(p);
	talk(p);
	assert_int_equal(p->answers[id].status, 200);
	assert_true(slice_eq(buf_slice(&p->answers[id].body), SLICE("ok")));
	assert_true(p->answers[id].closed);
	assert_int_equal(p->answers[id].error_code, NGHTTP2_NO_ERROR);
	assert_int_equal(p->streams_max, 256);
	id = get(p);
	talk(p);
	assert_int_equal(p->answers[id].status, 200);
}

static void the_head_is_told_as_it_was(void **state)
{
	nghttp2_nv more = nv("x-thing", "value");
	struct peer *p = *state;
	struct server_stream *s;

	p->world->script = SCRIPT_HOLD;
	peer_start(p, 65535);
	request(p, "GET", "/a/b?q=1", NULL, &more);
	talk(p);
	s = p->world->owned[0].stream;
	assert_true(s->http2);
	assert_int_equal(s->method, HTTP_GET);
	assert_true(slice_eq(s->target.path, SLICE("/a/b")) && slice_eq(s->target.query, SLICE("q=1")));
	assert_true(slice_eq(s->host, SLICE("weir")));
	assert_int_equal(s->headers.count, 1);
	assert_true(slice_eq(headers_get(&s->headers, SLICE("x-thing")), SLICE("value")));
	assert_false(s->has_body);
}

static void a_preface_survives_every_split(void **state)
{
	struct peer *p = *state;

	p->world->script = SCRIPT_AT_ONCE;
	for (size_t split = 1; split < 30; split++) {
		const uint8_t *bytes;
		ssize_t n;
		int32_t id;

		peer_start(p, 65535);
		id = get(p);
		n = nghttp2_session_mem_send(p->session, &bytes);
		if (split < (size_t)n) {
			world_send(p->world, slice_of((const char *)bytes, split));
			world_settle(p->world);
			world_send(p->world, slice_of((const char *)bytes + split, (size_t)n - split));
		} else {
			world_send(p->world, slice_of((const char *)bytes, (size_t)n));
		}
		talk(p);
		assert_int_equal(p->answers[id].status, 200);
		peer_stop(p);
	}
}

static void bodies_larger_than_the_window_arrive_whole(void **state)
{
	size_t len = 5 << 20;
	struct upload u = { .rest = { xmalloc(len), len } };
	struct slice whole = u.rest;
	struct peer *p = *state;
	int32_t id;

	for (size_t i = 0; i < len; i++)
		((char *)(uintptr_t)whole.ptr)[i] = (char)(i * 7 + (i >> 13));
	peer_start(p, 1 << 20);
	id = request(p, "POST", "/", &u, NULL);
	talk(p);
	assert_int_equal(p->answers[id].status, 200);
	assert_true(slice_eq(buf_slice(&p->answers[id].body), whole));
	free((char *)(uintptr_t)whole.ptr);
}

static void many_streams_share_a_connection(void **state)
{
	struct upload u[100];
	struct peer *p = *state;
	int32_t ids[100];

	peer_start(p, 65535);
	for (int i = 0; i < 100; i++) {
		u[i] = (struct upload){ .rest = SLICE("hello from a stream") };
		ids[i] = request(p, "POST", "/", &u[i], NULL);
	}
	talk(p);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(p->answers[ids[i]].status, 200);
		assert_int_equal(p->answers[ids[i]].body.len, 19);
	}
	assert_int_equal(p->world->owned_count, 100);
}

static void streams_take_turns(void **state)
{
	char *block = xcalloc(1, 200 << 10);
	struct slice body = slice_of(block, 200 << 10);
	struct peer *p = *state;

	p->world->script = SCRIPT_HOLD;
	peer_start(p, 1 << 20);
	get(p);
	get(p);
	talk(p);
	for (int i = 0; i < 2; i++) {
		server_stream_head(p->world->owned[i].stream, 200, NULL, 0, (int64_t)body.len);
		server_stream_write(p->world->owned[i].stream, &body, 1);
	}
	/* One small write of the kernel's worth is enough to see that both have moved. */
	loop_turn(p->world->loop, 0);
	assert_true(p->world->owned[0].stream->pending < body.len);
	assert_true(p->world->owned[1].stream->pending < body.len);
	for (int i = 0; i < 2; i++)
		server_stream_end(p->world->owned[i].stream);
	talk(p);
	assert_int_equal(p->answers[1].body.len, body.len);
	assert_int_equal(p->answers[3].body.len, body.len);
	free(block);
}

static void an_unwanted_body_stops_at_the_window(void **state)
{
	size_t len = 1 << 20;
	struct upload u = { .rest = { xcalloc(1, len), len } };
	const char *bytes = u.rest.ptr;
	struct peer *p = *state;
	int32_t id;

	p->world->script = SCRIPT_HOLD;
	peer_start(p, 2 << 20);
	id = request(p, "POST", "/", &u, NULL);
	talk(p);
	assert_int_equal(len - u.rest.len, 256 << 10);
	assert_int_equal(p->world->bodies.used, 256 << 10);
	p->world->script = SCRIPT_ECHO;
	loop_queue(p->world->loop, &p->world->owned[0].task);
	talk(p);
	assert_int_equal(p->answers[id].body.len, len);
	assert_int_equal(p->world->bodies.used, 0);
	free((char *)(uintptr_t)bytes);
}

static void an_answer_to_an_unread_body_ends_the_upload(void **state)
{
	struct upload u = { .rest = SLICE("some"), .endless = true };
	struct peer *p = *state;
	int32_t id;

	p->world->options.body_timeout_ms = 50;
	world_restart(p->world);
	p->world->script = SCRIPT_REFUSE;
	peer_start(p, 65535);
	id = request(p, "POST", "/", &u, NULL);
	talk(p);
	assert_int_equal(p->answers[id].status, 401);
	assert_true(slice_eq(buf_slice(&p->answers[id].body), SLICE("ok")));
	WORLD_UNTIL(p->world, (talk(p), p->answers[id].closed));
	assert_int_equal(p->answers[id].error_code, NGHTTP2_NO_ERROR);
}

static void an_answered_upload_may_finish(void **state)
{
	size_t len = 1 << 20;
	struct upload u = { .rest = { xcalloc(1, len), len } };
	const char *bytes = u.rest.ptr;
	struct http_server_counts counts;
	struct peer *p = *state;
	int32_t id;

	p->world->script = SCRIPT_REFUSE;
	peer_start(p, 65535);
	id = request(p, "POST", "/", &u, NULL);
	talk(p);
	assert_int_equal(u.rest.len, 0);
	assert_int_equal(p->answers[id].status, 401);
	assert_true(p->answers[id].closed);
	assert_int_equal(p->world->bodies.used, 0);
	http_server_get_counts(p->world->server, &counts);
	assert_int_equal(counts.streams, 0);
	free((char *)(uintptr_t)bytes);
}

static void body_limits_hold(void **state)
{
	struct upload u = { .rest = { xcalloc(1, 5000), 5000 } };
	const char *bytes = u.rest.ptr;
	struct peer *p = *state;
	int32_t id;

	p->world->options.body_max = 1000;
	world_restart(p->world);
	peer_start(p, 65535);
	id = request(p, "POST", "/", &u, NULL);
	talk(p);
	assert_int_equal(p->world->owned[0].body_failure, FAILURE_TOO_LARGE);
	assert_int_equal(p->answers[id].status, 413);
	free((char *)(uintptr_t)bytes);
}

static void content_continues_when_wanted(void **state)
{
	struct upload u = { .endless = true };
	nghttp2_nv more = nv("expect", "100-continue");
	struct peer *p = *state;
	int32_t id;

	peer_start(p, 65535);
	id = request(p, "POST", "/", &u, &more);
	talk(p);
	assert_true(p->answers[id].continued);
	u = (struct upload){ .rest = SLICE("body") };
	nghttp2_session_resume_data(p->session, id);
	talk(p);
	assert_int_equal(p->answers[id].status, 200);
	assert_true(slice_eq(buf_slice(&p->answers[id].body), SLICE("body")));
}

static void head_requests_get_no_body(void **state)
{
	struct peer *p = *state;
	int32_t id;

	p->world->script = SCRIPT_AT_ONCE;
	peer_start(p, 65535);
	id = request(p, "HEAD", "/", NULL, NULL);
	talk(p);
	assert_int_equal(p->answers[id].status, 200);
	assert_int_equal(p->answers[id].body.len, 0);
	assert_true(p->answers[id].closed);
	assert_int_equal(p->world->owned_count, 1);
}

static void improper_requests_are_answered(void **state)
{
	static const struct { const char *method, *path, *name, *value; int status; } cases[] = {
		{ "GET", "/../x", "a", "b", 400 },
		{ "OPTIONS", "*", "a", "b", 400 },
		{ "GET", "//x", "a", "b", 400 },
		{ "GET", "/", "host", "elsewhere", 400 },
		{ "GET", "/", "expect", "miracles", 417 },
	};
	struct peer *p = *state;

	peer_start(p, 65535);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		nghttp2_nv more = nv(cases[i].name, cases[i].value);
		int32_t id = request(p, cases[i].method, cases[i].path, NULL, &more);

		talk(p);
		assert_int_equal(p->answers[id].status, cases[i].status);
	}
	assert_int_equal(p->world->owned_count, 0);
}

static void malformed_requests_are_reset(void **state)
{
	static const struct { const char *name, *value; } cases[] = {
		{ "connection", "close" },     { "transfer-encoding", "chunked" }, { "keep-alive", "1" }, { "upgrade", "x" },
		{ "te", "gzip" },	       { ":path", "/twice" },		   { ":unknown", "x" },	  { "content-length", "x" },
		{ "x", "a\rb" },	       { "x y", "z" },
	};
	struct peer *p = *state;

	peer_start(p, 65535);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		nghttp2_nv more = nv(cases[i].name, cases[i].value);
		int32_t id = request(p, "GET", "/", NULL, &more);

		talk(p);
		if (p->answers[id].status || !p->answers[id].closed || p->answers[id].error_code == NGHTTP2_NO_ERROR)
			fail_msg("%s: %s passed", cases[i].name, cases[i].value);
	}
	assert_int_equal(p->world->owned_count, 0);
}

static void missing_pseudo_headers_are_reset(void **state)
{
	nghttp2_nv headers[] = { nv(":method", "GET"), nv(":scheme", "http"), nv(":authority", "weir") };
	struct peer *p = *state;
	int32_t id;

	peer_start(p, 65535);
	id = nghttp2_submit_request(p->session, NULL, headers, COUNT_OF(headers), NULL, NULL);
	talk(p);
	assert_int_equal(p->answers[id].error_code, NGHTTP2_PROTOCOL_ERROR);
	assert_int_equal(p->world->owned_count, 0);
}

static void large_heads_are_refused(void **state)
{
	char *value = xmalloc(40001);
	struct peer *p = *state;
	nghttp2_nv more;
	int32_t id;

	memset(value, 'v', 40000);
	value[40000] = '\0';
	more = nv("x-large", value);
	p->world->options.head_max = 20000;
	world_restart(p->world);
	peer_start(p, 65535);
	id = request(p, "GET", "/", NULL, &more);
	talk(p);
	assert_int_equal(p->answers[id].status, 431);
	free(value);
}

static void a_reset_stream_is_gone(void **state)
{
	struct peer *p = *state;
	int32_t id, other;

	p->world->script = SCRIPT_HOLD;
	peer_start(p, 65535);
	id = get(p);
	other = get(p);
	talk(p);
	nghttp2_submit_rst_stream(p->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
	talk(p);
	assert_true(p->world->owned[0].was_gone);
	assert_false(p->world->owned[1].stream->gone);
	server_stream_head(p->world->owned[0].stream, 200, NULL, 0, 0);
	server_stream_end(p->world->owned[0].stream);
	owned_release(&p->world->owned[0]);
	server_stream_head(p->world->owned[1].stream, 200, NULL, 0, 0);
	server_stream_end(p->world->owned[1].stream);
	talk(p);
	assert_int_equal(p->answers[other].status, 200);
	assert_true(p->world->owned[1].was_flushed);
}

static void closing_ends_all_streams(void **state)
{
	struct peer *p = *state;

	p->world->script = SCRIPT_HOLD;
	peer_start(p, 65535);
	get(p);
	get(p);
	talk(p);
	world_disconnect(p->world);
	world_settle(p->world);
	assert_true(p->world->owned[0].was_gone && p->world->owned[1].was_gone);
}

static void abort_resets_the_stream_only(void **state)
{
	struct slice half = SLICE("half");
	struct peer *p = *state;
	int32_t id, other;

	p->world->script = SCRIPT_HOLD;
	peer_start(p, 65535);
	id = get(p);
	talk(p);
	server_stream_head(p->world->owned[0].stream, 200, NULL, 0, BODY_LENGTH_UNKNOWN);
	server_stream_write(p->world->owned[0].stream, &half, 1);
	talk(p);
	server_stream_abort(p->world->owned[0].stream);
	owned_release(&p->world->owned[0]);
	talk(p);
	assert_true(slice_eq(buf_slice(&p->answers[id].body), SLICE("half")));
	assert_int_equal(p->answers[id].error_code, NGHTTP2_INTERNAL_ERROR);
	p->world->script = SCRIPT_AT_ONCE;
	other = get(p);
	talk(p);
	assert_int_equal(p->answers[other].status, 200);
}

static void back_pressure_follows_the_peers_window(void **state)
{
	char *block = xcalloc(1, 512 << 10);
	struct slice body = slice_of(block, 512 << 10);
	struct peer *p = *state;
	struct server_stream *s;

	p->world->script = SCRIPT_HOLD;
	peer_start(p, 1000);
	nghttp2_session_set_local_window_size(p->session, NGHTTP2_FLAG_NONE, 0, 1 << 20);
	get(p);
	talk(p);
	s = p->world->owned[0].stream;
	server_stream_head(s, 200, NULL, 0, BODY_LENGTH_UNKNOWN);
	server_stream_write(s, &body, 1);
	assert_true(server_stream_is_full(s));
	for (int i = 0; i < 10; i++)
		loop_turn(p->world->loop, 0);
	assert_int_equal(s->pending, body.len - 1000);
	assert_int_equal(p->world->owned[0].events, 0);
	nghttp2_session_set_local_window_size(p->session, NGHTTP2_FLAG_NONE, 1, 1 << 20);
	talk(p);
	assert_int_equal(s->pending, 0);
	assert_true(p->world->owned[0].events > 0);
	server_stream_end(s);
	talk(p);
	assert_true(s->flushed);
	assert_int_equal(p->answers[1].body.len, body.len);
	free(block);
}

static void release_before_flushed_still_delivers(void **state)
{
	char *block = xmalloc(512 << 10);
	struct slice body = slice_of(block, 512 << 10);
	struct peer *p = *state;

	memset(block, 'b', body.len);
	p->world->script = SCRIPT_HOLD;
	peer_start(p, 1000);
	get(p);
	talk(p);
	server_stream_head(p->world->owned[0].stream, 200, NULL, 0, (int64_t)body.len);
	server_stream_write_borrowed(p->world->owned[0].stream, &body, 1);
	server_stream_end(p->world->owned[0].stream);
	owned_release(&p->world->owned[0]);
	memset(block, 'x', body.len);
	free(block);
	nghttp2_session_set_local_window_size(p->session, NGHTTP2_FLAG_NONE, 1, 1 << 20);
	talk(p);
	assert_int_equal(p->answers[1].body.len, 512 << 10);
	assert_null(memchr(p->answers[1].body.data, 'x', p->answers[1].body.len));
	assert_true(p->answers[1].closed);
}

static void corked_bytes_wait_for_the_end(void **state)
{
	struct slice piece = SLICE("piece");
	struct peer *p = *state;
	struct server_stream *s;

	p->world->script = SCRIPT_HOLD;
	peer_start(p, 65535);
	get(p);
	talk(p);
	s = p->world->owned[0].stream;
	server_stream_head(s, 200, NULL, 0, BODY_LENGTH_UNKNOWN);
	server_stream_flush(s);
	talk(p);
	assert_int_equal(p->answers[1].status, 200);
	server_stream_cork(s);
	server_stream_write(s, &piece, 1);
	talk(p);
	assert_int_equal(p->answers[1].body.len, 0);
	server_stream_end(s);
	talk(p);
	assert_int_equal(p->answers[1].body.len, 5);
	assert_true(s->flushed);
}

static void rapid_resets_end_the_connection(void **state)
{
	struct peer *p = *state;

	p->world->script = SCRIPT_HOLD;
	peer_start(p, 65535);
	for (int i = 0; i < 130 && !p->going; i++) {
		int32_t id = get(p);

		talk(p);
		nghttp2_submit_rst_stream(p->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
		talk(p);
		if (i < 100)
			assert_false(p->going);
		owned_release(&p->world->owned[i]);
	}
	assert_true(p->going);
	assert_int_equal(p->going_code, NGHTTP2_ENHANCE_YOUR_CALM);
	assert_true(p->world->closed);
}

static void resets_in_one_batch_never_reach_the_owner(void **state)
{
	struct peer *p = *state;

	p->world->script = SCRIPT_HOLD;
	peer_start(p, 65535);
	talk(p);
	for (int i = 0; i < 50; i++) {
		const uint8_t *bytes;
		int32_t id = get(p);
		ssize_t n = nghttp2_session_mem_send(p->session, &bytes);
		char rst[13] = { 0, 0, 4, NGHTTP2_RST_STREAM, 0, 0, 0, 0, (char)id, 0, 0, 0, NGHTTP2_CANCEL };
		struct buf both;
		bool fits;

		buf_init(&both, 4096);
		fits = buf_append(&both, bytes, (size_t)n) && buf_append(&both, rst, sizeof(rst));
		assert_true(fits);
		world_send(p->world, buf_slice(&both));
		buf_done(&both);
		world_settle(p->world);
	}
	assert_int_equal(p->world->owned_count, 0);
}

static void ping_floods_end_the_connection(void **state)
{
	struct peer *p = *state;

	peer_start(p, 65535);
	for (int i = 0; i < 1100 && !p->going; i++) {
		nghttp2_submit_ping(p->session, NGHTTP2_FLAG_NONE, NULL);
		if (i % 50 == 0)
			talk(p);
	}
	talk(p);
	assert_true(p->going);
	assert_int_equal(p->going_code, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void settings_floods_end_the_connection(void **state)
{
	static const char empty[9] = { 0, 0, 0, NGHTTP2_SETTINGS };
	struct peer *p = *state;

	peer_start(p, 65535);
	talk(p);
	for (int i = 0; i < 1100; i++)
		world_send(p->world, slice_of(empty, sizeof(empty)));
	world_settle(p->world);
	assert_true(p->world->closed);
}

static void streams_over_the_limit_are_refused(void **state)
{
	struct peer *p = *state;

	p->world->options.http2_streams_max = 4;
	world_restart(p->world);
	p->world->script = SCRIPT_HOLD;
	peer_start(p, 65535);
	talk(p);
	assert_int_equal(p->streams_max, 4);
	/* A client that resets keeps its owners busy: the streams that live on count as well. */
	for (unsigned i = 0; i < 12; i++) {
		int32_t id = get(p);

		talk(p);
		nghttp2_submit_rst_stream(p->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
		talk(p);
	}
	assert_true(p->world->owned_count <= 9);
}

static void trailers_end_a_body(void **state)
{
	struct upload u = { .rest = SLICE("body"), .endless = true };
	nghttp2_nv trailer = nv("x-sum", "1");
	struct peer *p = *state;
	int32_t id;

	peer_start(p, 65535);
	id = request(p, "POST", "/", &u, NULL);
	talk(p);
	assert_int_equal(p->answers[id].status, 0);
	nghttp2_submit_trailer(p->session, id, &trailer, 1);
	u.endless = false;
	nghttp2_session_resume_data(p->session, id);
	talk(p);
	assert_int_equal(p->answers[id].status, 200);
	assert_true(slice_eq(buf_slice(&p->answers[id].body), SLICE("body")));
}

static void draining_lets_streams_finish(void **state)
{
	struct peer *p = *state;
	int32_t id;

	p->world->script = SCRIPT_HOLD;
	peer_start(p, 65535);
	id = get(p);
	talk(p);
	http_server_drain(p->world->server);
	talk(p);
	assert_true(p->going);
	assert_int_equal(p->going_code, NGHTTP2_NO_ERROR);
	assert_false(p->world->closed);
	p->world->script = SCRIPT_ECHO;
	loop_queue(p->world->loop, &p->world->owned[0].task);
	talk(p);
	assert_int_equal(p->answers[id].status, 200);
	assert_true(p->world->closed);
}

static void idle_connections_time_out(void **state)
{
	struct peer *p = *state;

	p->world->options.idle_timeout_ms = 20;
	world_restart(p->world);
	p->world->script = SCRIPT_AT_ONCE;
	peer_start(p, 65535);
	get(p);
	talk(p);
	WORLD_UNTIL(p->world, p->world->closed);
	talk(p);
	assert_true(p->going);
}

static void idle_time_runs_after_resets_too(void **state)
{
	struct peer *p = *state;
	int32_t id;

	p->world->options.idle_timeout_ms = 20;
	world_restart(p->world);
	p->world->script = SCRIPT_HOLD;
	peer_start(p, 65535);
	id = get(p);
	talk(p);
	nghttp2_submit_rst_stream(p->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
	talk(p);
	assert_false(p->world->closed);
	owned_release(&p->world->owned[0]);
	WORLD_UNTIL(p->world, p->world->closed);
}

static void slow_bodies_time_out(void **state)
{
	struct upload u = { .rest = SLICE("so"), .endless = true };
	struct peer *p = *state;
	int32_t id;

	p->world->options.body_timeout_ms = 20;
	world_restart(p->world);
	peer_start(p, 65535);
	id = request(p, "POST", "/", &u, NULL);
	talk(p);
	WORLD_UNTIL(p->world, p->world->owned[0].body_failure == FAILURE_REQUEST_TIMEOUT);
	talk(p);
	assert_int_equal(p->answers[id].status, 400);
}

static void slow_readers_are_given_up(void **state)
{
	struct slice body = SLICE("0123456789");
	struct peer *p = *state;

	p->world->options.write_timeout_ms = 20;
	world_restart(p->world);
	p->world->script = SCRIPT_HOLD;
	peer_start(p, 5);
	get(p);
	talk(p);
	server_stream_head(p->world->owned[0].stream, 200, NULL, 0, 10);
	server_stream_write(p->world->owned[0].stream, &body, 1);
	WORLD_UNTIL(p->world, p->world->owned[0].was_gone);
	talk(p);
	assert_int_equal(p->answers[1].error_code, NGHTTP2_CANCEL);
}

static void silence_after_the_preface_times_out(void **state)
{
	struct peer *p = *state;

	p->world->options.head_timeout_ms = 20;
	world_restart(p->world);
	world_connect(p->world);
	SEND(p->world, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	WORLD_UNTIL(p->world, p->world->closed);
}

static void garbage_after_the_preface_closes(void **state)
{
	struct peer *p = *state;

	world_connect(p->world);
	SEND(p->world, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\n\r\n");
	world_settle(p->world);
	assert_true(p->world->closed);
}

static void a_head_that_never_ends_dies_with_its_connection(void **state)
{
	/* HEADERS without END_HEADERS: ":method: GET" (RFC 7541, index 2), :authority by literal. */
	static const char begun[] = { 0, 0, 5, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 0, 0, 0, 1, (char)0x82, 0x41, 2, 'a', 'b' };
	struct http_server_counts counts;
	struct peer *p = *state;

	peer_start(p, 65535);
	talk(p);
	world_send(p->world, slice_of(begun, sizeof(begun)));
	world_settle(p->world);
	http_server_get_counts(p->world->server, &counts);
	assert_int_equal(counts.streams, 1);
	world_disconnect(p->world);
	world_settle(p->world);
	http_server_get_counts(p->world->server, &counts);
	assert_int_equal(counts.streams, 0);
	assert_int_equal(counts.connections, 0);
}

static void freeing_the_server_reports_gone(void **state)
{
	struct peer *p = *state;

	p->world->script = SCRIPT_HOLD;
	peer_start(p, 65535);
	get(p);
	get(p);
	talk(p);
	world_restart(p->world);
	assert_true(p->world->owned[0].was_gone);
	owned_release(&p->world->owned[0]);
	owned_release(&p->world->owned[1]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(get_is_answered),
		CASE(the_head_is_told_as_it_was),
		CASE(a_preface_survives_every_split),
		CASE(bodies_larger_than_the_window_arrive_whole),
		CASE(many_streams_share_a_connection),
		CASE(streams_take_turns),
		CASE(an_unwanted_body_stops_at_the_window),
		CASE(an_answered_upload_may_finish),
		CASE(an_answer_to_an_unread_body_ends_the_upload),
		CASE(body_limits_hold),
		CASE(content_continues_when_wanted),
		CASE(head_requests_get_no_body),
		CASE(improper_requests_are_answered),
		CASE(malformed_requests_are_reset),
		CASE(missing_pseudo_headers_are_reset),
		CASE(large_heads_are_refused),
		CASE(a_reset_stream_is_gone),
		CASE(closing_ends_all_streams),
		CASE(abort_resets_the_stream_only),
		CASE(back_pressure_follows_the_peers_window),
		CASE(release_before_flushed_still_delivers),
		CASE(corked_bytes_wait_for_the_end),
		CASE(rapid_resets_end_the_connection),
		CASE(resets_in_one_batch_never_reach_the_owner),
		CASE(ping_floods_end_the_connection),
		CASE(settings_floods_end_the_connection),
		CASE(streams_over_the_limit_are_refused),
		CASE(trailers_end_a_body),
		CASE(draining_lets_streams_finish),
		CASE(idle_connections_time_out),
		CASE(idle_time_runs_after_resets_too),
		CASE(slow_bodies_time_out),
		CASE(slow_readers_are_given_up),
		CASE(silence_after_the_preface_times_out),
		CASE(garbage_after_the_preface_closes),
		CASE(a_head_that_never_ends_dies_with_its_connection),
		CASE(freeing_the_server_reports_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
