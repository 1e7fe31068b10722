/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers over one connection. */
#include <zlib.h>
#include "http/client_test.h"

#define OK "HTTP/1.1 200 OK\r\n"

/* Opens `r`, takes the request (which has no body) and returns the peer's end. */
static int open_and_take(struct test *t, struct owner *o, const struct client_request *r)
{
	int peer;

	owner_open(o, t, r);
	peer = peer_accept(t);
	peer_take_head(t, peer);
	return peer;
}

/* A request, this answer, and the connection's end if `end` says so. */
static void exchange(struct test *t, struct owner *o, const struct client_request *r, struct slice answer, bool end)
{
	int peer = open_and_take(t, o, r);

	peer_send_slice(peer, answer);
	if (end)
		close(peer);
	UNTIL(t, owner_is_over(o));
	if (!end)
		close(peer);
}

static void a_request_is_written_as_it_should_be(void **state)
{
	static const struct header headers[] = { { SLICE("authorization"), SLICE("Bearer secret") }, { SLICE("x-tab"), SLICE("a\tb\xc3\xa9") } };
	const struct slice body[] = { SLICE("{\"a\":"), SLICE(""), SLICE("1}") };
	struct test t;
	struct owner o;
	struct client_request r;
	char expected[512];
	int peer;

	test_init(&t, NULL);
	r = (struct client_request){ .origin = &t.origin, .method = HTTP_POST, .target = SLICE("/v1/x?y=z"), .headers = headers,
				     .header_count = 2, .body = body, .body_count = 3 };
	owner_open(&o, &t, &r);
	assert_int_equal(o.stream->state, CLIENT_CONNECTING);
	assert_int_equal(test_counts(&t).connecting, 1);
	peer = peer_accept(&t);
	snprintf(expected, sizeof(expected), "POST /v1/x?y=z HTTP/1.1\r\nhost: 127.0.0.1:%u\r\nauthorization: Bearer secret\r\n"
		 "x-tab: a\tb\xc3\xa9\r\naccept-encoding: identity\r\ncontent-length: 7\r\n\r\n{\"a\":1}", t.port);
	peer_expect(&t, peer, expected);
	UNTIL(&t, o.stream->state == CLIENT_AWAITING_HEAD);
	assert_true(o.stream->request_sent && o.stream->sent_ns && o.stream->connected_ns && !o.stream->body_released);
	peer_send(peer, OK "Content-Type: text/plain\r\ncontent-length: 2\r\n\r\nok");
	UNTIL(&t, owner_is_over(&o));
	assert_complete(&o, 200, "ok");
	assert_true(slice_eq(headers_get(&o.stream->headers, SLICE("content-type")), SLICE("text/plain")));
	assert_true(o.stream->body_released && o.stream->head_ns && !o.stream->reused);
	assert_int_equal(o.stream->body_bytes, 2);
	owner_close(&o);
	close(peer);
	test_done(&t);
}

static void lengths_and_codings_are_announced(void **state)
{
	static const struct { enum http_method method; bool decode; const char *name, *headers; } cases[] = {
		{ HTTP_GET, false, "GET", "accept-encoding: identity\r\n" },
		{ HTTP_HEAD, false, "HEAD", "accept-encoding: identity\r\n" },
		{ HTTP_DELETE, true, "DELETE", "accept-encoding: gzip, br, zstd\r\n" },
		{ HTTP_POST, true, "POST", "accept-encoding: gzip, br, zstd\r\ncontent-length: 0\r\n" },
	};
	struct test t;

	test_init(&t, NULL);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct client_request r = test_get(&t);
		struct owner o;
		char expected[256];
		int peer;

		r.method = cases[i].method;
		r.decode = cases[i].decode;
		owner_open(&o, &t, &r);
		peer = peer_accept(&t);
		snprintf(expected, sizeof(expected), "%s / HTTP/1.1\r\nhost: 127.0.0.1:%u\r\n%s\r\n", cases[i].name, t.port, cases[i].headers);
		peer_expect(&t, peer, expected);
		owner_close(&o);
		close(peer);
	}
	test_done(&t);
}

static void unclean_requests_fail_before_anything_is_sent(void **state)
{
	static const struct { struct slice target, name, value; } cases[] = {
		{ SLICE("/"), SLICE("x-a"), SLICE("b\r\nx-evil: 1") },
		{ SLICE("/"), SLICE("x-a"), SLICE("b\0c") },
		{ SLICE("/"), SLICE("x a"), SLICE("b") },
		{ SLICE("/"), SLICE("x:a"), SLICE("b") },
		{ SLICE("/"), SLICE(""), SLICE("b") },
		{ SLICE("/"), SLICE("transfer-encoding"), SLICE("chunked") },
		{ SLICE("/"), SLICE("content-length"), SLICE("1") },
		{ SLICE("/"), SLICE("host"), SLICE("other") },
		{ SLICE("/"), SLICE("accept-encoding"), SLICE("gzip") },
		{ SLICE("/a b"), SLICE("x-a"), SLICE("b") },
		{ SLICE("/a\r\nb"), SLICE("x-a"), SLICE("b") },
		{ SLICE(""), SLICE("x-a"), SLICE("b") },
		{ SLICE("http://other/"), SLICE("x-a"), SLICE("b") },
	};
	struct test t;

	test_init(&t, NULL);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct header header = { cases[i].name, cases[i].value };
		struct client_request r = test_get(&t);
		struct owner o;

		r.target = cases[i].target;
		r.headers = &header;
		r.header_count = 1;
		owner_open(&o, &t, &r);
		UNTIL(&t, o.events == 1);
		assert_failed(&o, FAILURE_INTERNAL);
		assert_null(strstr(o.stream->failure->message, "evil"));
		assert_false(peer_has_caller(&t));
		owner_close(&o);
	}
	assert_int_equal(test_counts(&t).active, 0);
	test_done(&t);
}

struct answer_case {
	const char *answer;
	bool end, to_head;
	int status;
	const char *body;
	bool pooled;
};

static const struct answer_case answers[] = {
	{ OK "content-length: 5\r\n\r\nhello", .status = 200, .body = "hello", .pooled = true },
	{ OK "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", .status = 200, .body = "hello world", .pooled = true },
	{ OK "x: y\r\n\r\nuntil the end", .end = true, .status = 200, .body = "until the end" },
	{ OK "content-length: 5\r\nconnection: close\r\n\r\nhello", .status = 200, .body = "hello" },
	{ OK "content-length: 5\r\n\r\nhello and more", .status = 200, .body = "hello" },
	{ OK "content-length: 50\r\n\r\n", .to_head = true, .status = 200, .body = "", .pooled = true },
	{ "HTTP/1.1 204 No Content\r\n\r\n", .status = 204, .body = "", .pooled = true },
	{ "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", .status = 304, .body = "", .pooled = true },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" OK "content-length: 2\r\n\r\nok", .status = 200, .body = "ok",
	  .pooled = true },
	{ "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\n{}", .status = 500, .body = "{}", .pooled = true },
};

static void feed_in_pieces(struct test *t, const struct answer_case *c, size_t first, size_t step)
{
	struct client_request r = test_get(t);
	struct slice rest = slice_cstr(c->answer);
	struct owner o;
	unsigned idle;
	int peer;

	r.method = c->to_head ? HTTP_HEAD : HTTP_GET;
	peer = open_and_take(t, &o, &r);
	for (size_t len = first; rest.len && !owner_is_over(&o); len = step) {
		len = len && len < rest.len ? len : rest.len;
		peer_send_slice(peer, slice_of(rest.ptr, len));
		rest = slice_after(rest, len);
		loop_turn(t->loop, TEST_WAIT_MS);
		loop_turn(t->loop, 0);
	}
	if (c->end)
		close(peer);
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, c->status, c->body);
	owner_close(&o);
	idle = test_counts(t).idle;
	/* Bytes after the end that have not come yet are noticed when they do. */
	if (rest.len == 0)
		assert_int_equal(idle, c->pooled);
	if (!c->end)
		close(peer);
	UNTIL(t, test_counts(t).idle == 0);
}

static void answers_in_any_pieces(void **state)
{
	struct test t;

	test_init(&t, NULL);
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		for (size_t first = 1; first <= strlen(answers[i].answer); first++)
			feed_in_pieces(&t, &answers[i], first, 0);
		feed_in_pieces(&t, &answers[i], 1, 1);
	}
	test_done(&t);
}

static void bodies_that_came_with_the_head_wait_for_their_reader(void **state)
{
	struct client_request r;
	struct test t;
	struct owner o, other;
	int peer;

	test_init(&t, NULL);
	r = test_get(&t);
	peer = open_and_take(&t, &o, &r);
	o.paused = true;
	peer_send(peer, OK "content-length: 5\r\n\r\nhello");
	UNTIL(&t, o.stream->state == CLIENT_BODY);
	/* Somebody else uses the scratch meanwhile. */
	exchange(&t, &other, &r, SLICE(OK "content-length: 5\r\n\r\nOTHER"), false);
	owner_close(&other);
	o.paused = false;
	owner_run(&o.task);
	assert_complete(&o, 200, "hello");
	owner_close(&o);
	close(peer);
	test_done(&t);
}

static void a_long_answer_outlives_its_head(void **state)
{
	struct client_request r;
	struct test t;
	struct owner o;
	int peer;

	test_init(&t, NULL);
	r = test_get(&t);
	peer = open_and_take(&t, &o, &r);
	o.paused = true;
	peer_send(peer, OK "content-length: 10\r\n\r\nhello");
	UNTIL(&t, o.stream->state == CLIENT_BODY);
	client_stream_forget_head(o.stream); /* not yet: bytes came with it */
	assert_true(o.stream->headers.count > 0);
	o.paused = false;
	owner_run(&o.task);
	client_stream_forget_head(o.stream);
	assert_int_equal(o.stream->headers.count, 0);
	assert_int_equal(o.stream->arena.total, 0);
	peer_send(peer, "wor");
	UNTIL(&t, o.body.len == 8);
	close(peer);
	UNTIL(&t, owner_is_over(&o));
	assert_failed(&o, FAILURE_CUT);
	assert_non_null(strstr(o.stream->failure->message, "127.0.0.1"));
	owner_close(&o);
	test_done(&t);
}

static void a_batch_of_chunks_is_one_slice(void **state)
{
	struct client_request r;
	struct test t;
	struct owner o;
	int peer;

	test_init(&t, NULL);
	r = test_get(&t);
	peer = open_and_take(&t, &o, &r);
	peer_send(peer, OK "transfer-encoding: chunked\r\n\r\n");
	UNTIL(&t, o.stream->state == CLIENT_BODY);
	peer_send(peer, "8\r\ndata: 1\n\r\n8\r\ndata: 2\n\r\n1\r\n\n\r\n8\r\ndata: 3\n\r\n");
	UNTIL(&t, o.body.len == 25);
	assert_int_equal(o.slices, 1);
	peer_send(peer, "0\r\n\r\n");
	UNTIL(&t, owner_is_over(&o));
	assert_complete(&o, 200, "data: 1\ndata: 2\n\ndata: 3\n");
	owner_close(&o);
	close(peer);
	test_done(&t);
}

static void broken_answers_fail(void **state)
{
	static const struct { const char *answer; bool end; enum failure_kind kind; const char *body; } cases[] = {
		{ "", true, FAILURE_RESET, "" },
		{ "HTTP/1.1 20", true, FAILURE_CUT, "" },
		{ "HTTP/1.1 100 Continue\r\n\r\n", true, FAILURE_CUT, "" },
		{ OK "content-length: 5\r\n\r\n", true, FAILURE_CUT, "" },
		{ OK "content-length: 5\r\n\r\nhel", true, FAILURE_CUT, "hel" },
		{ OK "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", true, FAILURE_CUT, "hello" },
		{ OK "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", true, FAILURE_CUT, "hello" },
		{ OK "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzzz\r\n", false, FAILURE_MALFORMED, "hello" },
		{ OK "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\nhello", false, FAILURE_MALFORMED, "" },
		{ OK "content-length: 5\r\ncontent-length: 6\r\n\r\nhello", false, FAILURE_MALFORMED, "" },
		{ "220 mail.test ESMTP\r\n", false, FAILURE_MALFORMED, "" },
		{ OK "content-encoding: compress\r\ncontent-length: 2\r\n\r\nok", false, FAILURE_MALFORMED, "" },
		{ OK "content-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello", false, FAILURE_MALFORMED, "" },
	};
	struct test t;

	test_init(&t, NULL);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct client_request r = test_get(&t);
		struct owner o;

		exchange(&t, &o, &r, slice_cstr(cases[i].answer), cases[i].end);
		assert_failed(&o, cases[i].kind);
		assert_non_null(strstr(o.stream->failure->message, "127.0.0.1"));
		assert_true(slice_eq(buf_slice(&o.body), slice_cstr(cases[i].body)));
		owner_close(&o);
		assert_int_equal(test_counts(&t).idle, 0);
		assert_int_equal(test_counts(&t).stale_retries, 0);
	}
	test_done(&t);
}

static void a_reset_is_a_cut_or_a_reset(void **state)
{
	for (int started = 0; started < 2; started++) {
		struct client_request r;
		struct test t;
		struct owner o;
		int peer;

		test_init(&t, NULL);
		r = test_get(&t);
		peer = open_and_take(&t, &o, &r);
		if (started) {
			peer_send(peer, OK "content-length: 5\r\n\r\nhel");
			UNTIL(&t, o.body.len == 3);
		}
		peer_reset(peer);
		UNTIL(&t, owner_is_over(&o));
		assert_failed(&o, started ? FAILURE_CUT : FAILURE_RESET);
		owner_close(&o);
		test_done(&t);
	}
}

static void a_head_has_a_limit(void **state)
{
	struct http_client_options options;
	struct client_request r;
	struct test t;
	struct owner o;
	int peer;

	http_client_options_init(&options);
	options.head_max = 1024;
	test_init(&t, &options);
	r = test_get(&t);
	peer = open_and_take(&t, &o, &r);
	peer_send(peer, OK);
	while (!owner_is_over(&o)) {
		peer_send(peer, "x-header: 0123456789\r\n");
		loop_turn(t.loop, TEST_WAIT_MS);
	}
	UNTIL(&t, owner_is_over(&o));
	assert_failed(&o, FAILURE_MALFORMED);
	owner_close(&o);
	close(peer);
	test_done(&t);
}

static char *pattern(size_t len)
{
	char *bytes = xmalloc(len);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	return bytes;
}

/* As much of `s` as the peer's socket takes now. */
static size_t peer_send_some(int fd, struct slice s)
{
	ssize_t n = send(fd, s.ptr, s.len, MSG_NOSIGNAL);

	assert_true(n >= 0 || errno == EAGAIN);
	return n > 0 ? (size_t)n : 0;
}

static void large_bodies_come_in_slices_and_only_when_asked_for(void **state)
{
	enum { SIZE = 12 << 20 };
	char *bytes = pattern(SIZE), head[128];
	struct slice rest = slice_of(bytes, SIZE);
	struct client_request r;
	struct test t;
	struct owner o;
	size_t stuck;
	int peer;

	test_init(&t, NULL);
	r = test_get(&t);
	peer = open_and_take(&t, &o, &r);
	o.paused = true;
	snprintf(head, sizeof(head), OK "content-length: %d\r\n\r\n", SIZE);
	peer_send(peer, head);
	UNTIL(&t, o.stream->state == CLIENT_BODY);
	/* The owner does not read, so the kernel's buffers fill and the peer is stuck. */
	for (int idle = 0; idle < 20; idle++) {
		size_t sent = peer_send_some(peer, rest);

		idle = sent ? 0 : idle;
		rest = slice_after(rest, sent);
		loop_turn(t.loop, 1);
	}
	stuck = rest.len;
	assert_true(stuck > 0);
	assert_int_equal(o.body.len, 0);
	/* It goes on without waiting for an event. */
	o.paused = false;
	loop_queue(t.loop, &o.task);
	for (int turn = 0; turn < TEST_TURNS_MAX && !owner_is_over(&o); turn++) {
		rest = slice_after(rest, peer_send_some(peer, rest));
		loop_turn(t.loop, 0);
	}
	assert_int_equal(o.stream->state, CLIENT_DONE);
	assert_true(slice_eq(buf_slice(&o.body), slice_of(bytes, SIZE)));
	assert_true(o.largest <= LOOP_SCRATCH_SIZE && o.largest > LOOP_SCRATCH_SIZE / 2);
	assert_int_equal(o.stream->body_bytes, SIZE);
	owner_close(&o);
	assert_int_equal(test_counts(&t).idle, 1);
	close(peer);
	test_done(&t);
	free(bytes);
}

static void large_requests_wait_for_the_kernel(void **state)
{
	enum { SIZE = 12 << 20 };
	char *bytes = pattern(SIZE);
	const struct slice body[] = { slice_of(bytes, 1), slice_of(bytes + 1, SIZE - 1) };
	struct client_request r;
	struct test t;
	struct owner o;
	struct buf got;
	struct slice all;
	size_t head_len;
	int peer;

	test_init(&t, NULL);
	r = test_get(&t);
	r.method = HTTP_PUT;
	r.body = body;
	r.body_count = 2;
	owner_open(&o, &t, &r);
	peer = peer_accept(&t);
	UNTIL(&t, o.stream->state == CLIENT_SENDING && o.stream->request_sent);
	buf_init(&got, TEST_BODY_MAX);
	peer_receive(&t, peer, &got, SIZE);
	UNTIL(&t, o.stream->state == CLIENT_AWAITING_HEAD);
	head_len = slice_find(buf_slice(&got), SLICE("\r\n\r\n")) + 4;
	peer_receive(&t, peer, &got, head_len + SIZE);
	all = buf_slice(&got);
	assert_true(slice_eq(slice_after(all, head_len), slice_of(bytes, SIZE)));
	assert_false(o.stream->body_released);
	peer_send(peer, OK "content-length: 2\r\n\r\nok");
	UNTIL(&t, owner_is_over(&o));
	assert_complete(&o, 200, "ok");
	assert_true(o.stream->body_released);
	owner_close(&o);
	assert_int_equal(test_counts(&t).idle, 1);
	buf_done(&got);
	close(peer);
	test_done(&t);
	free(bytes);
}

static void an_answer_before_the_request_is_sent_is_read(void **state)
{
	enum { SIZE = 12 << 20 };
	char *bytes = pattern(SIZE);
	const struct slice body = slice_of(bytes, SIZE);

	for (int goes_on = 0; goes_on < 2; goes_on++) {
		struct client_request r;
		struct test t;
		struct owner o;
		struct buf got;
		int peer;

		test_init(&t, NULL);
		buf_init(&got, TEST_BODY_MAX);
		r = test_get(&t);
		r.method = HTTP_POST;
		r.body = &body;
		r.body_count = 1;
		owner_open(&o, &t, &r);
		peer = peer_accept(&t);
		UNTIL(&t, o.stream->state == CLIENT_SENDING && o.stream->request_sent);
		peer_send(peer, "HTTP/1.1 413 Content Too Large\r\ncontent-length: 7\r\n\r\ntoo ");
		UNTIL(&t, o.body.len == 4);
		assert_int_equal(o.stream->status, 413);
		assert_false(o.stream->body_released);
		/* A peer that goes on reading gets the rest of the request. */
		if (goes_on) {
			peer_receive(&t, peer, &got, SIZE);
			UNTIL(&t, o.stream->body_released);
		}
		peer_send(peer, "big");
		UNTIL(&t, owner_is_over(&o));
		assert_complete(&o, 413, "too big");
		owner_close(&o);
		assert_int_equal(test_counts(&t).idle, 0);
		UNTIL(&t, peer_sees_end(peer));
		close(peer);
		buf_done(&got);
		test_done(&t);
	}
	free(bytes);
}

static void a_refusal_is_read_although_the_peer_stopped_reading(void **state)
{
	enum { SIZE = 12 << 20 };
	char *bytes = pattern(SIZE);
	const struct slice body = slice_of(bytes, SIZE);
	struct client_request r;
	struct test t;
	struct owner o;
	struct buf got;
	int peer;

	test_init(&t, NULL);
	r = test_get(&t);
	r.method = HTTP_POST;
	r.body = &body;
	r.body_count = 1;
	owner_open(&o, &t, &r);
	peer = peer_accept(&t);
	UNTIL(&t, o.stream->state == CLIENT_SENDING && o.stream->request_sent);
	buf_init(&got, TEST_BODY_MAX);
	peer_receive(&t, peer, &got, 1 << 20);
	peer_send(peer, "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\nno key");
	shutdown(peer, SHUT_WR);
	UNTIL(&t, owner_is_over(&o));
	assert_complete(&o, 401, "no key");
	owner_close(&o);
	buf_done(&got);
	close(peer);
	test_done(&t);
	free(bytes);
}

static void closing_early_closes_the_connection(void **state)
{
	static const char *const sent[] = { "", "HTTP/1.1 2", OK "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n", OK "content-length: 3\r\n\r\nok" };

	for (size_t i = 0; i < COUNT_OF(sent); i++) {
		struct client_request r;
		struct test t;
		struct owner o;
		int peer;

		test_init(&t, NULL);
		r = test_get(&t);
		peer = open_and_take(&t, &o, &r);
		peer_send(peer, sent[i]);
		loop_turn(t.loop, TEST_WAIT_MS);
		owner_close(&o);
		assert_true(peer_sees_end(peer));
		assert_int_equal(test_counts(&t).active, 0);
		assert_int_equal(test_counts(&t).idle, 0);
		close(peer);
		test_done(&t);
	}
}

static void closing_in_every_early_step_is_safe(void **state)
{
	enum { SIZE = 12 << 20 };
	char *bytes = pattern(SIZE);
	const struct slice body = slice_of(bytes, SIZE);

	for (int turns = 0; turns < 6; turns++) {
		struct client_request r;
		struct test t;
		struct owner o;
		int peer;

		test_init(&t, NULL);
		r = test_get(&t);
		r.method = HTTP_POST;
		r.body = &body;
		r.body_count = 1;
		owner_open(&o, &t, &r);
		for (int turn = 0; turn < turns; turn++)
			loop_turn(t.loop, 0);
		owner_close(&o);
		memset(bytes, 'x', SIZE);
		peer = peer_accept(&t);
		UNTIL(&t, peer_sees_end(peer));
		close(peer);
		test_done(&t);
	}
	free(bytes);
}

static size_t gzip(struct slice plain, char *out, size_t cap)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)plain.ptr;
	z.avail_in = (uInt)plain.len;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return cap - z.avail_out;
}

/* Sends `coded` as a gzip body whose content-length is `length`, in pieces of `step`. */
static void exchange_coded(struct test *t, struct owner *o, struct slice coded, size_t length, size_t step, size_t decoded_max)
{
	struct client_request r = test_get(t);
	char head[128];
	int peer;

	r.decode = true;
	r.decoded_max = decoded_max;
	peer = open_and_take(t, o, &r);
	snprintf(head, sizeof(head), OK "content-encoding: gzip\r\ncontent-length: %zu\r\n\r\n", length);
	peer_send(peer, head);
	while (coded.len && !owner_is_over(o)) {
		size_t len = step < coded.len ? step : coded.len;

		peer_send_slice(peer, slice_of(coded.ptr, len));
		coded = slice_after(coded, len);
		loop_turn(t->loop, TEST_WAIT_MS);
	}
	UNTIL(t, owner_is_over(o));
	close(peer);
}

static void coded_bodies_are_decoded(void **state)
{
	enum { SIZE = 100 << 10 };
	char *bytes = pattern(SIZE), *coded = xmalloc(2 * SIZE);
	struct slice plain = slice_of(bytes, SIZE);
	struct test t;
	struct owner o;
	size_t len;

	test_init(&t, NULL);
	len = gzip(plain, coded, 2 * SIZE);
	for (size_t step = 1 << 20; step > 1; step /= 64) {
		exchange_coded(&t, &o, slice_of(coded, len), len, step, 0);
		assert_int_equal(o.stream->state, CLIENT_DONE);
		assert_true(slice_eq(buf_slice(&o.body), plain));
		assert_int_equal(o.stream->body_bytes, len);
		owner_close(&o);
	}
	exchange_coded(&t, &o, slice_of(coded, 0), 0, 1, 0);
	assert_complete(&o, 200, "");
	owner_close(&o);
	/* Whole by its length, cut by its coding. */
	exchange_coded(&t, &o, slice_of(coded, len - 4), len - 4, SIZE, 0);
	assert_failed(&o, FAILURE_CUT);
	owner_close(&o);
	exchange_coded(&t, &o, slice_of(coded, len), len, SIZE, SIZE - 1);
	assert_failed(&o, FAILURE_MALFORMED);
	owner_close(&o);
	coded[len / 2] ^= 0x55;
	coded[len / 2 + 1] ^= 0x55;
	exchange_coded(&t, &o, slice_of(coded, len), len, SIZE, 0);
	assert_failed(&o, FAILURE_MALFORMED);
	owner_close(&o);
	test_done(&t);
	free(coded);
	free(bytes);
}

static void a_bomb_is_stopped(void **state)
{
	enum { SIZE = 64 << 20 };
	char *zeros = xcalloc(1, SIZE), *coded = xmalloc(1 << 20);
	struct test t;
	struct owner o;
	size_t len;

	test_init(&t, NULL);
	len = gzip(slice_of(zeros, SIZE), coded, 1 << 20);
	exchange_coded(&t, &o, slice_of(coded, len), len, len, 0);
	assert_failed(&o, FAILURE_MALFORMED);
	owner_close(&o);
	test_done(&t);
	free(coded);
	free(zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_written_as_it_should_be),
		cmocka_unit_test(lengths_and_codings_are_announced),
		cmocka_unit_test(unclean_requests_fail_before_anything_is_sent),
		cmocka_unit_test(answers_in_any_pieces),
		cmocka_unit_test(bodies_that_came_with_the_head_wait_for_their_reader),
		cmocka_unit_test(a_long_answer_outlives_its_head),
		cmocka_unit_test(a_batch_of_chunks_is_one_slice),
		cmocka_unit_test(broken_answers_fail),
		cmocka_unit_test(a_reset_is_a_cut_or_a_reset),
		cmocka_unit_test(a_head_has_a_limit),
		cmocka_unit_test(large_bodies_come_in_slices_and_only_when_asked_for),
		cmocka_unit_test(large_requests_wait_for_the_kernel),
		cmocka_unit_test(an_answer_before_the_request_is_sent_is_read),
		cmocka_unit_test(a_refusal_is_read_although_the_peer_stopped_reading),
		cmocka_unit_test(closing_early_closes_the_connection),
		cmocka_unit_test(closing_in_every_early_step_is_safe),
		cmocka_unit_test(coded_bodies_are_decoded),
		cmocka_unit_test(a_bomb_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
