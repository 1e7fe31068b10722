/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 through real sockets: requests in any split, limits, answers, ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <zlib.h>
#include "http/server_test_support.h"

#define DATE "date: #############################\r\n"
#define OK(length) "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n" DATE "content-length: " length "\r\n"
#define GET "GET /a HTTP/1.1\r\nHost: weir\r\n\r\n"

static void assert_has(struct world *w, const char *text)
{
	if (!strstr(world_text(w), text))
		fail_msg("\"%s\" is not in \"%s\"", text, world_text(w));
}

static void get_is_answered_and_the_connection_kept(void **state)
{
	struct world *w = *state;

	world_connect(w);
	for (int i = 0; i < 3; i++) {
		world_forget(w);
		SEND(w, "GET /a?b=c HTTP/1.1\r\nHost: weir\r\nX-Some: Thing \r\n\r\n");
		world_settle(w);
		assert_string_equal(world_text(w), OK("0") "\r\n");
		assert_false(w->closed);
	}
	assert_int_equal(w->owned_count, 3);
}

static void the_head_is_told_as_it_was(void **state)
{
	struct world *w = *state;
	struct server_stream *s;

	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, "PATCH /a/b?q=1 HTTP/1.1\r\nHost: weir:80\r\nX-Two: 1\r\nx-tWO:\t2 \r\nEmpty:\r\n\r\n");
	world_settle(w);
	s = w->owned[0].stream;
	assert_int_equal(s->method, HTTP_PATCH);
	assert_true(slice_eq(s->target.path, SLICE("/a/b")) && slice_eq(s->target.query, SLICE("q=1")));
	assert_true(slice_eq(s->host, SLICE("weir:80")));
	assert_int_equal(headers_count(&s->headers, SLICE("x-two")), 2);
	assert_true(slice_eq(s->headers.items[2].value, SLICE("2")));
	assert_true(slice_eq(headers_get(&s->headers, SLICE("empty")), SLICE("")));
	assert_false(s->has_body || s->http2);
	assert_true(s->started_ns > 0);
	server_stream_read_body(s);
	assert_int_equal(s->body_state, BODY_COMPLETE);
}

static void every_split_of_a_request_is_the_same(void **state)
{
	struct world *w = *state;
	struct slice whole = SLICE("POST /echo HTTP/1.1\r\nHost: weir\r\nContent-Length: 11\r\n\r\nhello world"
				   "POST /echo HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n");

	for (size_t i = 1; i < whole.len; i++) {
		world_connect(w);
		world_send(w, slice_of(whole.ptr, i));
		world_settle(w);
		world_send(w, slice_after(whole, i));
		world_settle(w);
		assert_string_equal(world_text(w), OK("11") "\r\nhello world" OK("11") "\r\nhello world");
		w->owned_count = 0;
	}
}

static void one_byte_at_a_time(void **state)
{
	struct world *w = *state;
	struct slice whole = SLICE("\r\nPOST /echo HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");

	world_connect(w);
	for (size_t i = 0; i < whole.len; i++) {
		world_send(w, slice_of(whole.ptr + i, 1));
		world_settle(w);
	}
	assert_string_equal(world_text(w), OK("11") "\r\nhello world");
}

static void pipelined_requests_wait_for_their_turn(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET GET "GET /b HTTP/1.1\r\nHo");
	world_settle(w);
	assert_int_equal(w->owned_count, 1);
	w->script = SCRIPT_ECHO;
	loop_queue(w->loop, &w->owned[0].task);
	world_settle(w);
	assert_int_equal(w->owned_count, 2);
	assert_string_equal(world_text(w), OK("0") "\r\n" OK("0") "\r\n");
	SEND(w, "st: weir\r\n\r\n");
	world_settle(w);
	assert_int_equal(w->owned_count, 3);
}

static void requests_of_at_once_answers_in_order(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_AT_ONCE;
	world_connect(w);
	SEND(w, GET GET GET);
	world_settle(w);
	assert_string_equal(world_text(w), OK("2") "\r\nok" OK("2") "\r\nok" OK("2") "\r\nok");
	assert_false(w->closed);
}

static void chunked_answers_end_in_their_last_chunk(void **state)
{
	struct world *w = *state;

	w->chunked_answer = true;
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 5\r\n\r\nhello");
	world_settle(w);
	assert_string_equal(world_text(w), "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n" DATE
					   "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
}

static void http10_gets_a_body_that_the_close_ends(void **state)
{
	struct world *w = *state;

	w->chunked_answer = true;
	world_connect(w);
	SEND(w, "POST / HTTP/1.0\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello");
	world_settle(w);
	assert_string_equal(world_text(w), "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n" DATE "connection: close\r\n\r\nhello");
	assert_true(w->closed && !w->reset);
}

static void http10_may_keep_the_connection(void **state)
{
	struct world *w = *state;

	world_connect(w);
	SEND(w, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	world_settle(w);
	assert_string_equal(world_text(w), OK("0") "connection: keep-alive\r\n\r\n");
	assert_false(w->closed);
	world_forget(w);
	SEND(w, "GET / HTTP/1.0\r\n\r\n");
	world_settle(w);
	assert_string_equal(world_text(w), OK("0") "connection: close\r\n\r\n");
	assert_true(w->closed);
}

static void connection_close_is_honoured(void **state)
{
	struct world *w = *state;

	world_connect(w);
	SEND(w, "GET / HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n");
	world_settle(w);
	assert_string_equal(world_text(w), OK("0") "connection: close\r\n\r\n");
	assert_true(w->closed && !w->reset);
}

static void head_requests_get_no_body(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_AT_ONCE;
	world_connect(w);
	SEND(w, "HEAD / HTTP/1.1\r\nHost: weir\r\n\r\n" GET);
	world_settle(w);
	assert_string_equal(world_text(w), OK("2") "\r\n" OK("2") "\r\nok");
}

static void malformed_requests_are_refused(void **state)
{
	static const struct { const char *request; int status; } cases[] = {
		{ "\x16\x03\x01\x02", 400 },
		{ "get / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\nHost: a\n\n", 400 },
		{ "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /\r\n\r\n", 400 },
		{ "GET / RTSP/1.0\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505 },
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nX: a\001\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400 },
		{ "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET //a HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nabc", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
		{ "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417 },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char start[32];

		world_connect(w);
		world_send(w, slice_cstr(cases[i].request));
		world_settle(w);
		snprintf(start, sizeof(start), "HTTP/1.1 %d ", cases[i].status);
		if (strncmp(world_text(w), start, strlen(start)) != 0 || w->owned_count > 0)
			fail_msg("case %zu, %s: %s", i, cases[i].request, world_text(w));
		assert_has(w, "connection: close\r\n");
		assert_has(w, "content-type: text/x-error\r\n");
		assert_true(w->closed && !w->reset);
	}
}

static void the_error_body_knows_the_path(void **state)
{
	struct world *w = *state;

	w->last_refused = SLICE("none");
	world_connect(w);
	SEND(w, "POST /v1/messages HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n");
	world_settle(w);
	/* The slice itself lived as long as the stream; its length tells. */
	assert_int_equal(w->last_refused.len, strlen("/v1/messages"));
}

static void heads_over_the_limit_are_refused(void **state)
{
	struct world *w = *state;
	char *name = xmalloc(70000);

	memset(name, 'a', 70000);
	world_connect(w);
	SEND(w, "GET / HTTP/1.1\r\nHost: weir\r\nX: ");
	world_send(w, slice_of(name, 70000));
	world_settle(w);
	assert_has(w, "HTTP/1.1 431 ");
	assert_true(w->closed);

	world_connect(w);
	SEND(w, "GET / HTTP/1.1\r\nHost: weir\r\n");
	for (int i = 0; i < 130; i++)
		SEND(w, "a: b\r\n");
	SEND(w, "\r\n");
	world_settle(w);
	assert_has(w, "HTTP/1.1 431 ");
	free(name);
}

static void content_continues_when_wanted(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	world_settle(w);
	assert_string_equal(world_text(w), "");
	w->script = SCRIPT_ECHO;
	loop_queue(w->loop, &w->owned[0].task);
	world_settle(w);
	assert_string_equal(world_text(w), "HTTP/1.1 100 Continue\r\n\r\n");
	SEND(w, "hello");
	world_settle(w);
	assert_string_equal(world_text(w), "HTTP/1.1 100 Continue\r\n\r\n" OK("5") "\r\nhello");
}

static void nobody_continues_what_is_refused(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_REFUSE;
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	world_settle(w);
	assert_has(w, "HTTP/1.1 401 ");
	assert_has(w, "connection: close\r\n");
	assert_null(strstr(world_text(w), "100 Continue"));
	assert_true(w->closed);
}

static void an_unread_body_that_is_here_is_skipped(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_REFUSE;
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" GET);
	world_settle(w);
	assert_int_equal(w->owned_count, 2);
	assert_null(strstr(world_text(w), "connection: close"));
	assert_false(w->closed);
}

static void the_client_sees_the_answer_while_it_still_sends(void **state)
{
	struct world *w = *state;
	char *block = xcalloc(1, 1 << 20);

	w->script = SCRIPT_REFUSE;
	world_connect_tcp(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\nhello");
	world_settle(w);
	world_send(w, slice_of(block, 1 << 20));
	world_send(w, slice_of(block, 1 << 20));
	WORLD_UNTIL(w, w->closed);
	assert_false(w->reset);
	assert_has(w, "HTTP/1.1 401 ");
	assert_has(w, "\r\n\r\nok");
	free(block);
}

static void a_refusal_is_seen_by_a_client_that_still_sends(void **state)
{
	struct world *w = *state;
	char *block = xcalloc(1, 1 << 20);

	world_connect_tcp(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n");
	world_settle(w);
	world_send(w, slice_of(block, 1 << 20));
	WORLD_UNTIL(w, w->closed);
	assert_false(w->reset);
	assert_has(w, "HTTP/1.1 501 ");
	free(block);
}

static void large_bodies_arrive_whole(void **state)
{
	struct world *w = *state;
	size_t len = 5 << 20;
	char *block = xmalloc(len), head[128];
	struct slice body;

	for (size_t i = 0; i < len; i++)
		block[i] = (char)(i * 31 + (i >> 12));
	w->script = SCRIPT_READ;
	world_connect(w);
	snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", len);
	world_send(w, slice_cstr(head));
	world_send(w, slice_of(block, len));
	world_settle(w);
	assert_int_equal(w->owned[0].body_state, BODY_COMPLETE);
	body = buf_slice(&w->owned[0].stream->body);
	assert_true(slice_eq(body, slice_of(block, len)));
	assert_int_equal(w->owned[0].stream->body.cap, len);
	assert_int_equal(w->bodies.used, len);
	free(block);
}

static void large_chunked_bodies_arrive_whole(void **state)
{
	struct world *w = *state;
	char *block = xmalloc(100000);

	memset(block, 'x', 100000);
	w->script = SCRIPT_READ;
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 10; i++) {
		SEND(w, "186a0\r\n");
		world_send(w, slice_of(block, 100000));
		SEND(w, "\r\n");
	}
	SEND(w, "0\r\n\r\n");
	world_settle(w);
	assert_int_equal(w->owned[0].body_state, BODY_COMPLETE);
	assert_int_equal(w->owned[0].stream->body.len, 1000000);
	assert_int_equal(w->bodies.used, 1000000);
	free(block);
}

static void an_upgrade_is_ignored(void **state)
{
	struct world *w = *state;

	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n"
		"5\r\nhello\r\n0\r\n\r\n");
	SEND(w, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
	world_settle(w);
	assert_string_equal(world_text(w), OK("5") "\r\nhello" OK("0") "\r\n");
}

static void a_forgotten_body_gives_its_budget_back(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_READ;
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
	world_settle(w);
	assert_int_equal(w->bodies.used, 5);
	server_stream_forget_body(w->owned[0].stream);
	assert_int_equal(w->bodies.used, 0);
	assert_null(w->owned[0].stream->body.data);
}

static void a_long_answer_outlives_the_requests_head(void **state)
{
	struct world *w = *state;
	struct slice piece = SLICE("first");
	struct server_stream *s;

	w->script = SCRIPT_READ;
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
	world_settle(w);
	s = w->owned[0].stream;
	server_stream_head(s, 200, NULL, 0, BODY_LENGTH_UNKNOWN);
	server_stream_forget_head(s); /* not yet: the answer's is still here */
	assert_int_equal(s->headers.count, 2);
	server_stream_write(s, &piece, 1);
	server_stream_forget_head(s);
	assert_int_equal(s->headers.count, 0);
	assert_int_equal(s->arena.total, 0);
	server_stream_write(s, &piece, 1);
	server_stream_end(s);
	world_settle(w);
	assert_has(w, "5\r\nfirst\r\n5\r\nfirst\r\n0\r\n\r\n");
}

static void a_forgotten_head_leaves_the_answer_alone(void **state)
{
	struct slice first = SLICE("first"), second = SLICE("second");
	struct world *w = *state;
	struct server_stream *s;

	w->script = SCRIPT_READ;
	world_connect(w);
	SEND(w, GET);
	world_settle(w);
	s = w->owned[0].stream;
	server_stream_forget_head(s);
	assert_int_equal(s->headers.count, 1);
	server_stream_head(s, 200, NULL, 0, BODY_LENGTH_UNKNOWN);
	server_stream_forget_head(s); /* not yet: the answer's head waits for its body in there */
	assert_int_equal(s->headers.count, 1);
	server_stream_write(s, &first, 1);
	server_stream_forget_head(s);
	assert_int_equal(s->headers.count, 0);
	assert_int_equal(s->arena.total, 0);
	server_stream_write(s, &second, 1);
	server_stream_end(s);
	owned_release(&w->owned[0]);
	world_settle(w);
	assert_has(w, "5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n");
	w->script = SCRIPT_ECHO;
	SEND(w, GET);
	world_settle(w);
	assert_has(w, OK("0"));
}

static void malformed_chunks_fail_the_body(void **state)
{
	static const char *const cases[] = {
		"x\r\n", "-1\r\n", "5\nhello\r\n", "5\r\nhello!\r\n", "fffffffffffffffff\r\n", "5 \r\nhello\r\n", "0\r\nA : b\r\n\r\n",
		"5\r\nhello\n0\r\n\r\n",
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		world_connect(w);
		SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
		world_send(w, slice_cstr(cases[i]));
		world_settle(w);
		if (w->owned[i].body_failure != FAILURE_BAD_REQUEST)
			fail_msg("case %s passed", cases[i]);
		assert_has(w, "HTTP/1.1 400 ");
		assert_has(w, "connection: close\r\n");
		assert_true(w->closed);
	}
}

static void chunk_extensions_do_not_go_on_for_ever(void **state)
{
	struct world *w = *state;
	char block[4096];

	memset(block, 'x', sizeof(block));
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=");
	for (int i = 0; i < 8; i++)
		world_send(w, slice_of(block, sizeof(block)));
	world_settle(w);
	assert_int_equal(w->owned[0].body_failure, FAILURE_BAD_REQUEST);
}

static void bodies_over_the_limit_are_refused(void **state)
{
	struct world *w = *state;

	w->options.body_max = 1000;
	world_restart(w);
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
	world_settle(w);
	assert_int_equal(w->owned[0].body_failure, FAILURE_TOO_LARGE);
	assert_int_equal(strncmp(world_text(w), "HTTP/1.1 413 ", 13), 0);
	assert_true(w->closed && !w->reset);

	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 11; i++)
		SEND(w, "64\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n");
	world_settle(w);
	assert_int_equal(w->owned[1].body_failure, FAILURE_TOO_LARGE);
	assert_has(w, "HTTP/1.1 413 ");
}

static void the_budget_of_all_bodies_is_kept(void **state)
{
	struct world *w = *state;
	int first;

	w->bodies.cap = 1500;
	world_restart(w);
	w->script = SCRIPT_READ;
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
	world_settle(w);
	assert_int_equal(w->owned[0].body_state, BODY_READING);
	first = w->client;
	w->client = -1;
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
	world_settle(w);
	assert_int_equal(w->owned[1].body_failure, FAILURE_UNAVAILABLE);
	assert_int_equal(w->bodies.used, 1000);
	close(first);
	world_settle(w);
	assert_true(w->owned[0].was_gone);
	owned_release(&w->owned[0]);
	assert_int_equal(w->bodies.used, 0);
}

static void the_limit_of_a_body_may_change(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_ECHO;
	world_connect(w);
	http_server_set_body_max(w->server, 4);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n1234");
	world_settle(w);
	assert_has(w, "HTTP/1.1 200 ");
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345");
	world_settle(w);
	assert_int_equal(w->owned[1].body_failure, FAILURE_TOO_LARGE);
}

static size_t gzip(char *out, size_t cap, struct slice in)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)in.ptr;
	z.avail_in = (unsigned)in.len;
	z.next_out = (Bytef *)out;
	z.avail_out = (unsigned)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return cap - z.avail_out;
}

static void send_coded(struct world *w, const char *coding, struct slice body)
{
	char head[256];

	world_connect(w);
	snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n", coding, body.len);
	world_send(w, slice_cstr(head));
	world_send(w, body);
	world_settle(w);
}

static void coded_bodies_are_decoded(void **state)
{
	struct world *w = *state;
	char coded[256];
	size_t len = gzip(coded, sizeof(coded), SLICE("hello hello hello"));

	send_coded(w, "gzip", slice_of(coded, len));
	assert_string_equal(w->last_body, "hello hello hello");
	send_coded(w, "identity", SLICE("plain"));
	assert_string_equal(w->last_body, "plain");
	send_coded(w, "gzip", slice_of(coded, len - 4));
	assert_int_equal(w->owned[2].body_failure, FAILURE_BAD_REQUEST);
	send_coded(w, "gzip", SLICE("this is not gzip"));
	assert_int_equal(w->owned[3].body_failure, FAILURE_BAD_REQUEST);
	send_coded(w, "compress", SLICE("x"));
	assert_int_equal(w->owned[4].body_failure, FAILURE_MEDIA_TYPE);
	send_coded(w, "gzip, gzip", SLICE("x"));
	assert_int_equal(w->owned[5].body_failure, FAILURE_MEDIA_TYPE);
}

static void bombs_are_stopped(void **state)
{
	struct world *w = *state;
	size_t len = 8 << 20;
	char *zeros = xcalloc(1, len), *coded = xmalloc(64 << 10);
	size_t coded_len = gzip(coded, 64 << 10, slice_of(zeros, len));

	w->options.body_max = 4 << 20;
	world_restart(w);
	send_coded(w, "gzip", slice_of(coded, coded_len));
	assert_int_equal(w->owned[0].body_failure, FAILURE_TOO_LARGE);
	assert_has(w, "HTTP/1.1 413 ");
	free(zeros);
	free(coded);
}

static void slow_heads_time_out(void **state)
{
	struct world *w = *state;

	w->options.head_timeout_ms = 20;
	world_restart(w);
	world_connect(w);
	SEND(w, "GET / HTTP/1.1\r\nHo");
	WORLD_UNTIL(w, w->closed);
	assert_has(w, "HTTP/1.1 408 ");
	assert_int_equal(w->owned_count, 0);
}

static void slow_bodies_time_out(void **state)
{
	struct world *w = *state;

	w->options.body_timeout_ms = 20;
	world_restart(w);
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
	WORLD_UNTIL(w, w->closed);
	assert_int_equal(w->owned[0].body_failure, FAILURE_REQUEST_TIMEOUT);
}

static void idle_connections_time_out(void **state)
{
	struct world *w = *state;

	w->options.idle_timeout_ms = 20;
	world_restart(w);
	world_connect(w);
	SEND(w, GET);
	WORLD_UNTIL(w, w->closed);
	assert_string_equal(world_text(w), OK("0") "\r\n");
	world_connect(w);
	WORLD_UNTIL(w, w->closed);
	assert_string_equal(world_text(w), "");
}

static void an_exchange_outlives_the_idle_time(void **state)
{
	struct world *w = *state;

	w->options.idle_timeout_ms = 10;
	world_restart(w);
	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET);
	for (int i = 0; i < 5; i++)
		world_turn(w, 10);
	assert_false(w->closed);
	assert_int_equal(w->owned[0].events, 0);
}

/* Fills the socket of a client that does not read. */
static void start_large_answer(struct world *w, size_t len)
{
	char *block = xcalloc(1, len);
	struct slice body = slice_of(block, len);

	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET);
	for (int i = 0; i < 4; i++)
		loop_turn(w->loop, 0);
	server_stream_head(w->owned[0].stream, 200, NULL, 0, (int64_t)len);
	server_stream_write(w->owned[0].stream, &body, 1);
	free(block);
}

static void slow_readers_are_given_up(void **state)
{
	struct world *w = *state;

	w->options.write_timeout_ms = 20;
	world_restart(w);
	start_large_answer(w, 4 << 20);
	assert_true(server_stream_is_full(w->owned[0].stream));
	for (int i = 0; i < 200 && !w->owned[0].was_gone; i++)
		loop_turn(w->loop, 10);
	assert_true(w->owned[0].was_gone);
	assert_int_equal(w->owned[0].stream->pending, 0);
}

static void back_pressure_tells_when_there_is_room(void **state)
{
	struct world *w = *state;
	struct server_stream *s;

	start_large_answer(w, 4 << 20);
	s = w->owned[0].stream;
	assert_int_equal(w->owned[0].events, 0);
	server_stream_end(s);
	assert_false(s->flushed);
	world_settle(w);
	assert_true(w->owned[0].events >= 2);
	assert_true(w->owned[0].was_flushed && s->flushed && s->pending == 0);
	assert_true(w->received.len > 4 << 20);
	owned_release(&w->owned[0]);
	world_settle(w);
	assert_false(w->closed);
}

static void release_before_flushed_still_delivers(void **state)
{
	struct world *w = *state;
	size_t len = 4 << 20;
	char *block = xmalloc(len);
	struct slice body = slice_of(block, len);

	memset(block, 'b', len);
	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET GET);
	for (int i = 0; i < 4; i++)
		loop_turn(w->loop, 0);
	server_stream_head(w->owned[0].stream, 200, NULL, 0, (int64_t)len);
	server_stream_write_borrowed(w->owned[0].stream, &body, 1);
	server_stream_end(w->owned[0].stream);
	assert_false(w->owned[0].stream->flushed);
	owned_release(&w->owned[0]);
	memset(block, 'x', len);
	free(block);
	world_settle(w);
	assert_null(memchr(w->received.data, 'x', w->received.len));
	assert_true(w->received.len > len);
	assert_int_equal(w->owned_count, 2);
}

static void borrowed_bodies_are_not_copied(void **state)
{
	struct world *w = *state;
	size_t len = 4 << 20;
	char *block = xmalloc(len);
	struct slice pieces[2] = { { block, len / 2 }, { block + len / 2, len / 2 } };

	memset(block, 'b', len);
	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET);
	for (int i = 0; i < 4; i++)
		loop_turn(w->loop, 0);
	server_stream_head(w->owned[0].stream, 200, NULL, 0, BODY_LENGTH_UNKNOWN);
	server_stream_write_borrowed(w->owned[0].stream, pieces, 2);
	server_stream_end(w->owned[0].stream);
	memset(block + len - 10, 'z', 10); /* seen by the client: it was never copied */
	world_settle(w);
	assert_has(w, "400000\r\nbbbb");
	assert_has(w, "bzzzzzzzzzz\r\n0\r\n\r\n");
	assert_true(w->owned[0].stream->flushed);
	free(block);
}

static void many_pieces_make_one_body(void **state)
{
	struct world *w = *state;
	struct slice pieces[200];

	for (size_t i = 0; i < COUNT_OF(pieces); i++)
		pieces[i] = SLICE("abc");
	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET);
	world_settle(w);
	server_stream_head(w->owned[0].stream, 200, NULL, 0, 600);
	server_stream_write(w->owned[0].stream, pieces, COUNT_OF(pieces));
	server_stream_end(w->owned[0].stream);
	assert_true(w->owned[0].stream->flushed);
	world_settle(w);
	assert_int_equal(strlen(strstr(world_text(w), "\r\n\r\n")), 604);
}

static void a_flushed_head_leaves_alone(void **state)
{
	struct world *w = *state;
	struct server_stream *s;
	struct slice ping = SLICE(": ping\n\n"), data = SLICE("data: x\n\n");
	const char *start;

	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET);
	world_settle(w);
	s = w->owned[0].stream;
	server_stream_head(s, 200, NULL, 0, BODY_LENGTH_UNKNOWN);
	assert_true(s->head_sent);
	world_settle(w);
	assert_string_equal(world_text(w), "");
	server_stream_flush(s);
	world_settle(w);
	start = "HTTP/1.1 200 OK\r\n" DATE "transfer-encoding: chunked\r\n\r\n";
	assert_string_equal(world_text(w), start);
	server_stream_write(s, &ping, 1);
	server_stream_cork(s);
	server_stream_write(s, &data, 1);
	world_settle(w);
	assert_string_equal(world_text(w) + strlen(start), "8\r\n: ping\n\n\r\n");
	server_stream_end(s);
	world_settle(w);
	assert_string_equal(world_text(w) + strlen(start), "8\r\n: ping\n\n\r\n9\r\ndata: x\n\n\r\n0\r\n\r\n");
	assert_true(s->flushed);
}

static void an_end_in_want_of_bytes_resets(void **state)
{
	struct world *w = *state;
	struct slice half = SLICE("half");

	w->script = SCRIPT_HOLD;
	world_connect_tcp(w);
	SEND(w, GET);
	WORLD_UNTIL(w, w->owned_count == 1);
	server_stream_head(w->owned[0].stream, 200, NULL, 0, 8);
	server_stream_write(w->owned[0].stream, &half, 1);
	server_stream_end(w->owned[0].stream);
	assert_true(w->owned[0].stream->gone);
	owned_release(&w->owned[0]);
	WORLD_UNTIL(w, w->closed);
	assert_true(w->reset);
}

static void abort_resets(void **state)
{
	struct world *w = *state;
	struct slice half = SLICE("half");

	w->script = SCRIPT_HOLD;
	world_connect_tcp(w);
	SEND(w, GET);
	WORLD_UNTIL(w, w->owned_count == 1);
	server_stream_head(w->owned[0].stream, 200, NULL, 0, BODY_LENGTH_UNKNOWN);
	server_stream_write(w->owned[0].stream, &half, 1);
	server_stream_abort(w->owned[0].stream);
	assert_int_equal(w->owned[0].events, 0);
	WORLD_UNTIL(w, w->closed);
	assert_true(w->reset);
	owned_release(&w->owned[0]);
	world_settle(w);
}

static void release_without_an_answer_resets(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_HOLD;
	world_connect_tcp(w);
	SEND(w, GET);
	WORLD_UNTIL(w, w->owned_count == 1);
	owned_release(&w->owned[0]);
	WORLD_UNTIL(w, w->closed);
	assert_true(w->reset);
}

static void a_client_that_closes_is_gone(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_HOLD;
	for (unsigned i = 0; i < 4; i++) {
		if (i < 2)
			world_connect(w);
		else
			world_connect_tcp(w);
		SEND(w, GET);
		WORLD_UNTIL(w, w->owned_count == i + 1);
		if (i % 2)
			world_disconnect(w);
		else
			shutdown(w->client, SHUT_WR);
		WORLD_UNTIL(w, w->owned[i].was_gone);
		assert_true(w->owned[i].stream->gone);
		owned_release(&w->owned[i]);
	}
}

static void a_client_that_resets_is_gone(void **state)
{
	struct linger hard = { 1, 0 };
	struct world *w = *state;

	w->script = SCRIPT_HOLD;
	world_connect_tcp(w);
	SEND(w, GET);
	WORLD_UNTIL(w, w->owned_count == 1);
	setsockopt(w->client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	world_disconnect(w);
	WORLD_UNTIL(w, w->owned[0].was_gone);
}

static void gone_is_seen_behind_pipelined_bytes(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_HOLD;
	world_connect_tcp(w);
	SEND(w, GET GET);
	WORLD_UNTIL(w, w->owned_count == 1);
	SEND(w, GET);
	world_settle(w);
	world_disconnect(w);
	WORLD_UNTIL(w, w->owned[0].was_gone);
	owned_release(&w->owned[0]);
	world_settle(w);
	assert_int_equal(w->owned_count, 1);
}

static void gone_is_seen_while_a_body_is_awaited(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_READ;
	world_connect(w);
	SEND(w, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
	world_settle(w);
	world_disconnect(w);
	world_settle(w);
	assert_true(w->owned[0].was_gone);
	assert_int_equal(w->owned[0].stream->body_state, BODY_READING);
}

static void request_and_fin_together_are_told_and_gone(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET);
	world_disconnect(w);
	world_settle(w);
	assert_int_equal(w->owned_count, 1);
	assert_true(w->owned[0].was_gone);
}

static void calls_after_gone_do_nothing(void **state)
{
	struct world *w = *state;
	struct slice piece = SLICE("x");
	struct server_stream *s;

	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET);
	world_settle(w);
	world_disconnect(w);
	world_settle(w);
	s = w->owned[0].stream;
	assert_true(s->gone);
	server_stream_read_body(s);
	server_stream_head(s, 200, NULL, 0, 1);
	server_stream_write(s, &piece, 1);
	server_stream_flush(s);
	server_stream_end(s);
	server_stream_abort(s);
	assert_false(s->flushed);
	owned_release(&w->owned[0]);
}

static struct http_server *drained;

static void drain(struct task *t)
{
	http_server_drain(drained);
}

/* In one turn: the edge that tells of a request, the order to drain, and only then the connection's task. */
static void draining_lets_a_request_on_its_way_in(void **state)
{
	struct world *w = *state;
	struct task order;

	world_connect(w);
	world_settle(w);
	drained = w->server;
	task_init(&order, drain);
	loop_queue(w->loop, &order);
	SEND(w, GET);
	world_settle(w);
	assert_string_equal(world_text(w), OK("0") "connection: close\r\n\r\n");
	assert_true(w->closed);
	w->closed = false;
	close(w->client);
	w->client = -1;
	world_connect(w); /* handed over by a worker that did not know yet */
	SEND(w, GET);
	world_settle(w);
	assert_true(w->closed);
}

static void draining_ends_idle_connections_and_lets_others_finish(void **state)
{
	struct world *w = *state;
	struct http_server_counts counts;
	int busy;

	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET);
	world_settle(w);
	busy = w->client;
	w->client = -1;
	world_connect(w);
	world_settle(w);
	http_server_drain(w->server);
	world_settle(w);
	assert_true(w->closed);
	close(w->client);
	w->client = busy;
	w->closed = false;
	w->script = SCRIPT_ECHO;
	loop_queue(w->loop, &w->owned[0].task);
	world_settle(w);
	assert_string_equal(world_text(w), OK("0") "connection: close\r\n\r\n");
	assert_true(w->closed);
	http_server_get_counts(w->server, &counts);
	assert_int_equal(counts.connections, 0);
	assert_int_equal(counts.streams, 0);
}

static void freeing_the_server_reports_gone(void **state)
{
	struct world *w = *state;

	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET);
	world_settle(w);
	world_restart(w);
	assert_true(w->owned[0].was_gone);
	owned_release(&w->owned[0]);
}

static void connections_over_the_limit_are_closed(void **state)
{
	struct world *w = *state;
	struct http_server_counts counts;
	int first;

	w->options.connections_max = 1;
	world_restart(w);
	world_connect(w);
	first = w->client;
	w->client = -1;
	world_connect(w);
	world_settle(w);
	assert_true(w->closed);
	http_server_get_counts(w->server, &counts);
	assert_int_equal(counts.refused, 1);
	assert_int_equal(counts.accepted, 1);
	close(first);
}

static void unclean_values_never_reach_the_wire(void **state)
{
	struct world *w = *state;
	struct header bad = { SLICE("x-bad"), SLICE("a\r\nset-cookie: b") };

	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET);
	world_settle(w);
	server_stream_head(w->owned[0].stream, 204, &bad, 1, 0);
	server_stream_end(w->owned[0].stream);
	world_settle(w);
	assert_string_equal(world_text(w), "HTTP/1.1 204 No Content\r\n" DATE "\r\n");
}

static void streams_are_used_again(void **state)
{
	struct world *w = *state;
	struct server_stream *first;

	w->script = SCRIPT_HOLD;
	world_connect(w);
	SEND(w, GET);
	world_settle(w);
	first = w->owned[0].stream;
	w->script = SCRIPT_ECHO;
	loop_queue(w->loop, &w->owned[0].task);
	world_settle(w);
	w->script = SCRIPT_HOLD;
	SEND(w, GET);
	world_settle(w);
	assert_ptr_equal(w->owned[1].stream, first);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(get_is_answered_and_the_connection_kept),
		CASE(the_head_is_told_as_it_was),
		CASE(every_split_of_a_request_is_the_same),
		CASE(one_byte_at_a_time),
		CASE(pipelined_requests_wait_for_their_turn),
		CASE(requests_of_at_once_answers_in_order),
		CASE(chunked_answers_end_in_their_last_chunk),
		CASE(http10_gets_a_body_that_the_close_ends),
		CASE(http10_may_keep_the_connection),
		CASE(connection_close_is_honoured),
		CASE(head_requests_get_no_body),
		CASE(malformed_requests_are_refused),
		CASE(the_error_body_knows_the_path),
		CASE(heads_over_the_limit_are_refused),
		CASE(content_continues_when_wanted),
		CASE(nobody_continues_what_is_refused),
		CASE(an_unread_body_that_is_here_is_skipped),
		CASE(the_client_sees_the_answer_while_it_still_sends),
		CASE(a_refusal_is_seen_by_a_client_that_still_sends),
		CASE(large_bodies_arrive_whole),
		CASE(large_chunked_bodies_arrive_whole),
		CASE(an_upgrade_is_ignored),
		CASE(a_forgotten_body_gives_its_budget_back),
		CASE(a_long_answer_outlives_the_requests_head),
		CASE(a_forgotten_head_leaves_the_answer_alone),
		CASE(malformed_chunks_fail_the_body),
		CASE(chunk_extensions_do_not_go_on_for_ever),
		CASE(bodies_over_the_limit_are_refused),
		CASE(the_budget_of_all_bodies_is_kept),
		CASE(the_limit_of_a_body_may_change),
		CASE(coded_bodies_are_decoded),
		CASE(bombs_are_stopped),
		CASE(slow_heads_time_out),
		CASE(slow_bodies_time_out),
		CASE(idle_connections_time_out),
		CASE(an_exchange_outlives_the_idle_time),
		CASE(slow_readers_are_given_up),
		CASE(back_pressure_tells_when_there_is_room),
		CASE(release_before_flushed_still_delivers),
		CASE(borrowed_bodies_are_not_copied),
		CASE(many_pieces_make_one_body),
		CASE(a_flushed_head_leaves_alone),
		CASE(an_end_in_want_of_bytes_resets),
		CASE(abort_resets),
		CASE(release_without_an_answer_resets),
		CASE(a_client_that_closes_is_gone),
		CASE(a_client_that_resets_is_gone),
		CASE(gone_is_seen_behind_pipelined_bytes),
		CASE(gone_is_seen_while_a_body_is_awaited),
		CASE(request_and_fin_together_are_told_and_gone),
		CASE(calls_after_gone_do_nothing),
		CASE(draining_ends_idle_connections_and_lets_others_finish),
		CASE(draining_lets_a_request_on_its_way_in),
		CASE(freeing_the_server_reports_gone),
		CASE(connections_over_the_limit_are_closed),
		CASE(unclean_values_never_reach_the_wire),
		CASE(streams_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
