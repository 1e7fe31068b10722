/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/2 client against a peer that writes its frames by hand: what a stream becomes. Connections and who shares them:
 * client_http2_share_test.c. */
#include "http/client_http2_testing.h"

static int setup(void **state)
{
	struct test *t = malloc(sizeof(*t));

	test_init(t, NULL);
	t->origin.http = HTTP_2;
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;

	test_done(t);
	free(t);
	return 0;
}

static void a_request_and_its_answer(void **state)
{
	struct test *t = *state;
	struct header headers[] = { { SLICE("content-type"), SLICE("application/json") },
				    { SLICE("x-api-key"), SLICE("secret") } };
	struct slice body[] = { SLICE("{\"a\":"), SLICE("1}") };
	struct client_request r = { .origin = &t->origin, .method = HTTP_POST, .target = SLICE("/v1/chat?x=1"),
				    .headers = headers, .header_count = 2, .body = body, .body_count = 2 };
	const char *const fields[] = { "content-type", "text/plain", NULL };
	struct owner o;
	struct peer p;
	struct frame f;
	struct buf head;
	char expected[256];

	owner_open(&o, t, &r);
	peer_meet(&p, t);
	f = peer_wait(&p, NGHTTP2_HEADERS);
	buf_init(&head, 4096);
	peer_read_head(&p, &f, &head);
	snprintf(expected, sizeof(expected),
		 ":method: POST\n:scheme: http\n:authority: 127.0.0.1:%u\n:path: /v1/chat?x=1\ncontent-type: application/json\n"
		 "x-api-key: secret\naccept-encoding: identity\ncontent-length: 7\n", t->port);
	if (!slice_eq(buf_slice(&head), slice_cstr(expected)))
		fail_msg("%.*s", SLICE_ARG(buf_slice(&head)));
	buf_done(&head);
	f = peer_wait(&p, NGHTTP2_DATA);
	assert_true(slice_eq(f.payload, SLICE("{\"a\":1}")));
	assert_true(f.flags & NGHTTP2_FLAG_END_STREAM);
	UNTIL(t, o.stream->state == CLIENT_AWAITING_HEAD);
	assert_false(o.stream->body_released);
	peer_head(&p, f.id, "200", false, fields);
	UNTIL(t, o.stream->state == CLIENT_BODY);
	assert_true(o.stream->body_released);
	assert_true(slice_eq(headers_get(&o.stream->headers, SLICE("content-type")), SLICE("text/plain")));
	peer_data(&p, f.id, SLICE("hello "), false);
	peer_data(&p, f.id, SLICE("there"), true);
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 200, "hello there");
	assert_false(o.stream->reused);
	assert_int_equal(o.stream->body_bytes, 11);
	owner_close(&o);
	assert_int_equal(test_counts(t).idle, 1);
	peer_done(&p);
}

static void a_large_head_is_continued(void **state)
{
	struct test *t = *state;
	size_t size = 80000;
	char *text = malloc(size);
	struct header header = { SLICE("x-large"), slice_of(text, size) };
	struct client_request get = test_get(t);
	struct owner o;
	struct peer p;
	struct frame f;
	size_t come;

	/* '{' is 15 bits in the Huffman code: it goes as it is. */
	memset(text, '{', size);
	get.headers = &header;
	get.header_count = 1;
	owner_open(&o, t, &get);
	peer_meet(&p, t);
	f = peer_wait(&p, NGHTTP2_HEADERS);
	assert_true(f.flags & NGHTTP2_FLAG_END_STREAM);
	for (come = f.payload.len; !(f.flags & NGHTTP2_FLAG_END_HEADERS); come += f.payload.len) {
		f = peer_next(&p);
		assert_int_equal(f.type, NGHTTP2_CONTINUATION);
	}
	assert_true(come > size);
	peer_answer(&p, 1, "ok");
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 200, "ok");
	owner_close(&o);
	peer_done(&p);
	free(text);
}

static void the_connection_is_used_again(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer p;

	owner_open(&o, t, &get);
	peer_meet(&p, t);
	peer_answer(&p, peer_take_request(&p), "one");
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 200, "one");
	owner_close(&o);
	owner_open(&o, t, &get);
	assert_true(o.stream->reused);
	assert_int_equal(peer_take_request(&p), 3);
	peer_answer(&p, 3, "two");
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 200, "two");
	owner_close(&o);
	assert_int_equal(test_counts(t).opened, 1);
	assert_int_equal(test_counts(t).reused, 1);
	peer_done(&p);
}

static void interim_heads_and_trailers_are_passed_over(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	const char *const hints[] = { "link", "</x>", NULL }, *const trailers[] = { "grpc-status", "0", NULL };
	struct owner o;
	struct peer p;

	owner_open(&o, t, &get);
	peer_meet(&p, t);
	peer_take_request(&p);
	peer_head(&p, 1, "103", false, hints);
	peer_quiet(t);
	assert_int_equal(o.stream->state, CLIENT_AWAITING_HEAD);
	peer_head(&p, 1, "200", false, NULL);
	peer_data(&p, 1, SLICE("body"), false);
	peer_head(&p, 1, NULL, true, trailers);
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 200, "body");
	assert_int_equal(o.stream->headers.count, 0);
	owner_close(&o);
	peer_done(&p);
}

static void too_many_interim_heads_are_refused(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer p;

	owner_open(&o, t, &get);
	peer_meet(&p, t);
	peer_take_request(&p);
	for (int i = 0; i < 17; i++)
		peer_head(&p, 1, "103", false, NULL);
	UNTIL(t, owner_is_over(&o));
	assert_failed(&o, FAILURE_MALFORMED);
	peer_wait(&p, NGHTTP2_RST_STREAM);
	owner_close(&o);
	peer_done(&p);
}

static void a_head_alone_is_an_answer(void **state)
{
	struct test *t = *state;
	struct client_request r = test_get(t);
	const char *const fields[] = { "content-length", "5", NULL };
	struct owner o;
	struct peer p;

	r.method = HTTP_HEAD;
	owner_open(&o, t, &r);
	peer_meet(&p, t);
	peer_take_request(&p);
	peer_head(&p, 1, "200", true, fields);
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 200, "");
	owner_close(&o);
	r.method = HTTP_DELETE;
	owner_open(&o, t, &r);
	peer_take_request(&p);
	peer_head(&p, 3, "204", true, NULL);
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 204, "");
	owner_close(&o);
	peer_done(&p);
}

static void coded_bodies_arrive_decoded(void **state)
{
	/* "hello" by gzip -n */
	static const char coded[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0";
	struct test *t = *state;
	struct client_request get = test_get(t);
	const char *const fields[] = { "content-encoding", "gzip", NULL };
	struct owner o;
	struct peer p;

	get.decode = true;
	owner_open(&o, t, &get);
	peer_meet(&p, t);
	peer_take_request(&p);
	peer_head(&p, 1, "200", false, fields);
	for (size_t i = 0; i < sizeof(coded) - 1; i++)
		peer_data(&p, 1, slice_of(coded + i, 1), i == sizeof(coded) - 2);
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 200, "hello");
	owner_close(&o);
	peer_done(&p);
}

static void an_unknown_coding_is_refused(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	const char *const fields[] = { "content-encoding", "lzma", NULL };
	struct owner o;
	struct peer p;

	owner_open(&o, t, &get);
	peer_meet(&p, t);
	peer_take_request(&p);
	peer_head(&p, 1, "200", false, fields);
	UNTIL(t, owner_is_over(&o));
	assert_failed(&o, FAILURE_MALFORMED);
	assert_int_equal(peer_wait(&p, NGHTTP2_RST_STREAM).id, 1);
	owner_close(&o);
	assert_int_equal(test_counts(t).idle, 1);
	peer_done(&p);
}

static void frames_may_come_in_any_pieces(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	/* HEADERS (":status: 200" indexed), DATA "abc", DATA "def" with END_STREAM. */
	static const char bytes[] = "\0\0\x01\x01\x04\0\0\0\x01\x88"
				    "\0\0\x03\0\0\0\0\0\x01" "abc"
				    "\0\0\x03\0\x01\0\0\0\x01" "def";
	struct owner o;
	struct peer p;

	owner_open(&o, t, &get);
	peer_meet(&p, t);
	peer_take_request(&p);
	for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
		peer_send_slice(p.fd, slice_of(bytes + i, 1));
		loop_turn(t->loop, 0);
	}
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 200, "abcdef");
	owner_close(&o);
	peer_done(&p);
}

/* ---- windows ---- */

static void a_request_waits_for_the_peers_windows(void **state)
{
	struct test *t = *state;
	size_t size = 200000, come = 0, allowed = 65535;
	char *bytes = malloc(size);
	struct slice body = slice_of(bytes, size);
	struct client_request r = { .origin = &t->origin, .method = HTTP_POST, .target = SLICE("/"), .body = &body, .body_count = 1 };
	struct owner o;
	struct peer p;

	memset(bytes, 'x', size);
	owner_open(&o, t, &r);
	peer_meet(&p, t);
	while (come < size) {
		while (come < allowed && come < size)
			come += peer_wait(&p, NGHTTP2_DATA).payload.len;
		assert_true(come <= allowed);
		if (come < size) {
			peer_quiet(t);
			assert_int_equal(o.stream->state, CLIENT_SENDING);
			assert_int_equal(o.stream->sent_ns, 0);
			peer_number_frame(&p, NGHTTP2_WINDOW_UPDATE, 0, 50000);
			peer_number_frame(&p, NGHTTP2_WINDOW_UPDATE, 1, 50000);
			allowed += 50000;
		}
	}
	UNTIL(t, o.stream->state == CLIENT_AWAITING_HEAD);
	assert_true(o.stream->sent_ns > 0);
	peer_answer(&p, 1, "ok");
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 200, "ok");
	owner_close(&o);
	peer_done(&p);
	free(bytes);
}

static void an_answer_may_come_before_the_request_is_sent(void **state)
{
	struct test *t = *state;
	size_t size = 100000;
	char *bytes = calloc(1, size);
	struct slice body = slice_of(bytes, size);
	struct client_request r = { .origin = &t->origin, .method = HTTP_POST, .target = SLICE("/"), .body = &body, .body_count = 1 };
	struct owner o;
	struct peer p;
	struct frame f;

	owner_open(&o, t, &r);
	peer_meet(&p, t);
	peer_take_request(&p);
	peer_head(&p, 1, "413", false, NULL);
	peer_data(&p, 1, SLICE("too large"), true);
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 413, "too large");
	owner_close(&o);
	f = peer_wait(&p, NGHTTP2_RST_STREAM);
	assert_int_equal(frame_number(&f), NGHTTP2_CANCEL);
	assert_int_equal(test_counts(t).idle, 1);
	/* The same, with the peer saying that it wants no more. */
	owner_open(&o, t, &r);
	peer_wait(&p, NGHTTP2_HEADERS);
	peer_head(&p, 3, "413", false, NULL);
	peer_data(&p, 3, SLICE("too large"), true);
	peer_number_frame(&p, NGHTTP2_RST_STREAM, 3, NGHTTP2_NO_ERROR);
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 413, "too large");
	owner_close(&o);
	peer_done(&p);
	free(bytes);
}

static void send_body(struct peer *p, uint32_t id, size_t size)
{
	static char zeros[16384];

	for (size_t sent = 0; sent < size; sent += sizeof(zeros)) {
		peer_data(p, id, slice_of(zeros, sizeof(zeros)), false);
		loop_turn(p->test->loop, 0);
	}
}

static void slow_owners_hold_their_own_streams_only(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner slow[3], quick;
	struct peer p;
	struct frame f;
	uint32_t returned = 0;

	for (unsigned i = 0; i < COUNT_OF(slow); i++) {
		owner_open(&slow[i], t, &get);
		slow[i].paused = true;
		if (i == 0)
			peer_meet(&p, t);
		assert_int_equal(peer_take_request(&p), 2 * i + 1);
		peer_head(&p, 2 * i + 1, "200", false, NULL);
	}
	for (unsigned i = 0; i < COUNT_OF(slow); i++)
		send_body(&p, 2 * i + 1, CLIENT_STREAM_WINDOW);
	/* Only the connection's window comes back. */
	while (returned < CLIENT_STREAM_WINDOW) {
		f = peer_wait(&p, NGHTTP2_WINDOW_UPDATE);
		assert_int_equal(f.id, 0);
		returned += frame_number(&f);
	}
	owner_open(&quick, t, &get);
	peer_answer(&p, peer_take_request(&p), "quick");
	UNTIL(t, owner_is_over(&quick));
	assert_complete(&quick, 200, "quick");
	owner_close(&quick);
	/* What the owner reads comes back on its stream. */
	slow[0].paused = false;
	loop_queue(t->loop, &slow[0].task);
	for (returned = 0; returned < CLIENT_STREAM_WINDOW / 2;) {
		f = peer_wait(&p, NGHTTP2_WINDOW_UPDATE);
		assert_true(f.id == 0 || f.id == 1);
		returned += f.id == 1 ? frame_number(&f) : 0;
	}
	peer_data(&p, 1, SLICE(""), true);
	UNTIL(t, owner_is_over(&slow[0]));
	assert_int_equal(slow[0].stream->state, CLIENT_DONE);
	assert_int_equal(slow[0].body.len, CLIENT_STREAM_WINDOW);
	assert_true(slow[0].largest <= LOOP_SCRATCH_SIZE);
	for (unsigned i = 0; i < COUNT_OF(slow); i++)
		owner_close(&slow[i]);
	peer_done(&p);
}

static void more_than_the_window_is_a_fault(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer p;

	owner_open(&o, t, &get);
	o.paused = true;
	peer_meet(&p, t);
	peer_take_request(&p);
	peer_head(&p, 1, "200", false, NULL);
	send_body(&p, 1, CLIENT_STREAM_WINDOW + 16384);
	peer_quiet(t);
	o.paused = false;
	loop_queue(t->loop, &o.task);
	UNTIL(t, owner_is_over(&o));
	assert_failed(&o, FAILURE_MALFORMED);
	owner_close(&o);
	peer_done(&p);
}

/* ---- ends ---- */

static void closing_resets_the_stream_and_keeps_the_connection(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer p;
	struct frame f;

	owner_open(&o, t, &get);
	peer_meet(&p, t);
	peer_take_request(&p);
	peer_head(&p, 1, "200", false, NULL);
	peer_data(&p, 1, SLICE("some"), false);
	UNTIL(t, o.body.len == 4);
	owner_close(&o);
	f = peer_wait(&p, NGHTTP2_RST_STREAM);
	assert_int_equal(f.id, 1);
	assert_int_equal(frame_number(&f), NGHTTP2_CANCEL);
	/* What was on its way still comes, and disturbs nobody. */
	peer_data(&p, 1, SLICE("late"), true);
	owner_open(&o, t, &get);
	assert_true(o.stream->reused);
	peer_answer(&p, peer_take_request(&p), "next");
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 200, "next");
	owner_close(&o);
	assert_int_equal(test_counts(t).opened, 1);
	peer_done(&p);
}

static void a_reset_before_the_answer(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer p;

	owner_open(&o, t, &get);
	peer_meet(&p, t);
	peer_take_request(&p);
	peer_number_frame(&p, NGHTTP2_RST_STREAM, 1, NGHTTP2_INTERNAL_ERROR);
	UNTIL(t, owner_is_over(&o));
	assert_failed(&o, FAILURE_RESET);
	assert_non_null(strstr(o.stream->failure->message, "INTERNAL_ERROR"));
	owner_close(&o);
	assert_int_equal(test_counts(t).idle, 1);
	peer_done(&p);
}

static void a_reset_in_the_answer_comes_after_what_was_before_it(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer p;

	owner_open(&o, t, &get);
	o.paused = true;
	peer_meet(&p, t);
	peer_take_request(&p);
	peer_head(&p, 1, "200", false, NULL);
	peer_data(&p, 1, SLICE("some"), false);
	peer_number_frame(&p, NGHTTP2_RST_STREAM, 1, NGHTTP2_CANCEL);
	peer_quiet(t);
	assert_int_equal(o.stream->state, CLIENT_BODY);
	o.paused = false;
	loop_queue(t->loop, &o.task);
	UNTIL(t, owner_is_over(&o));
	assert_failed(&o, FAILURE_CUT);
	assert_true(slice_eq(buf_slice(&o.body), SLICE("some")));
	owner_close(&o);
	assert_int_equal(test_counts(t).idle, 1);
	peer_done(&p);
}

/* The failure is known before the owner has read all: what it forgets meanwhile is not the failure. */
static void a_cut_answer_forgets_its_head_but_not_its_end(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer p;
	struct slice piece;

	owner_open(&o, t, &get);
	o.paused = true;
	peer_meet(&p, t);
	peer_take_request(&p);
	peer_head(&p, 1, "200", false, NULL);
	peer_data(&p, 1, SLICE("some"), false);
	peer_number_frame(&p, NGHTTP2_RST_STREAM, 1, NGHTTP2_INTERNAL_ERROR);
	UNTIL(t, o.stream->state == CLIENT_BODY);
	peer_quiet(t);
	assert_int_equal(client_stream_read(o.stream, &piece), CLIENT_READ_DATA);
	client_stream_forget_head(o.stream);
	assert_int_equal(client_stream_read(o.stream, &piece), CLIENT_READ_FAILED);
	assert_failed(&o, FAILURE_CUT);
	assert_non_null(strstr(o.stream->failure->message, "INTERNAL_ERROR"));
	owner_close(&o);
	peer_done(&p);
}

static void a_lost_connection(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner before, within;
	struct peer p;

	owner_open(&within, t, &get);
	peer_meet(&p, t);
	peer_take_request(&p);
	owner_open(&before, t, &get);
	peer_take_request(&p);
	peer_head(&p, 1, "200", false, NULL);
	peer_data(&p, 1, SLICE("some"), false);
	shutdown(p.fd, SHUT_WR);
	UNTIL(t, owner_is_over(&before) && owner_is_over(&within));
	assert_failed(&within, FAILURE_CUT);
	assert_failed(&before, FAILURE_RESET);
	assert_true(slice_eq(buf_slice(&within.body), SLICE("some")));
	owner_close(&before);
	owner_close(&within);
	assert_int_equal(test_counts(t).stale_retries, 0);
	peer_done(&p);
}

static void an_answer_that_is_complete_survives_its_connection(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer p;

	owner_open(&o, t, &get);
	o.paused = true;
	peer_meet(&p, t);
	peer_take_request(&p);
	peer_answer(&p, 1, "all of it");
	shutdown(p.fd, SHUT_WR);
	peer_quiet(t);
	o.paused = false;
	loop_queue(t->loop, &o.task);
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 200, "all of it");
	owner_close(&o);
	assert_int_equal(test_counts(t).idle, 0);
	peer_done(&p);
}

/* ---- what is wrong ---- */

struct wrong {
	const char *what;
	void (*send)(struct peer *p);
};

static void send_uppercase_name(struct peer *p)
{
	peer_head(p, 1, "200", false, (const char *const[]){ "X-Upper", "1", NULL });
}

static void send_connection_header(struct peer *p)
{
	peer_head(p, 1, "200", false, (const char *const[]){ "connection", "close", NULL });
}

static void send_no_status(struct peer *p)
{
	peer_head(p, 1, NULL, false, (const char *const[]){ "a", "b", NULL });
}

static void send_switching(struct peer *p)
{
	peer_head(p, 1, "101", false, NULL);
}

static void send_short_body(struct peer *p)
{
	peer_head(p, 1, "200", false, (const char *const[]){ "content-length", "10", NULL });
	peer_data(p, 1, SLICE("short"), true);
}

static void send_body_without_head(struct peer *p)
{
	peer_data(p, 1, SLICE("body"), true);
}

static void send_bad_compression(struct peer *p)
{
	peer_frame(p, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, SLICE("\xff\xff\xff\xff\xff\xff"));
}

static void send_unknown_stream(struct peer *p)
{
	peer_answer(p, 7, "who?");
}

static void send_push(struct peer *p)
{
	peer_frame(p, NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 1, SLICE("\0\0\0\x02\x82\x84\x86"));
}

static void send_http1(struct peer *p)
{
	peer_send(p->fd, "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
}

static void send_many_headers(struct peer *p)
{
	struct buf block;

	buf_init(&block, 64 << 10);
	peer_put_literal(&block, ":status", "200");
	for (int i = 0; i < HEADERS_MAX + 1; i++)
		peer_put_literal(&block, "a", "b");
	peer_frame(p, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, buf_slice(&block));
	buf_done(&block);
}

/* One large header in the table, then named again and again. */
static void send_compression_bomb(struct peer *p)
{
	struct buf block;

	buf_init(&block, 64 << 10);
	assert_true(buf_printf(&block, "%c%c%c%s%c%c%c", 0x88, 0x40, 1, "a", 0x7f, 0x81, 0x1e));
	for (int i = 0; i < 4000; i++)
		assert_true(buf_append(&block, "x", 1));
	for (int i = 0; i < 1000; i++)
		assert_true(buf_append(&block, "\xbe", 1));
	peer_frame(p, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, buf_slice(&block));
	buf_done(&block);
}

static void send_endless_head(struct peer *p)
{
	peer_frame(p, NGHTTP2_HEADERS, 0, 1, SLICE("\x88"));
	for (int i = 0; i < 20; i++)
		peer_frame(p, NGHTTP2_CONTINUATION, 0, 1, SLICE("\0\1a\1b"));
}

static void send_pings(struct peer *p)
{
	for (int i = 0; i < 1100; i++) {
		peer_frame(p, NGHTTP2_PING, 0, 0, SLICE("12345678"));
		if (i % 100 == 0)
			loop_turn(p->test->loop, 0);
	}
}

static void send_settings(struct peer *p)
{
	for (int i = 0; i < 1100; i++) {
		peer_frame(p, NGHTTP2_SETTINGS, 0, 0, SLICE(""));
		if (i % 100 == 0)
			loop_turn(p->test->loop, 0);
	}
}

static void send_empty_bodies(struct peer *p)
{
	peer_head(p, 1, "200", false, NULL);
	for (int i = 0; i < 1100; i++)
		peer_data(p, 1, SLICE(""), false);
}

static void send_resets_of_nothing(struct peer *p)
{
	peer_number_frame(p, NGHTTP2_RST_STREAM, 7, NGHTTP2_CANCEL);
}

static void send_long_trailers(struct peer *p)
{
	peer_head(p, 1, "200", false, NULL);
	peer_data(p, 1, SLICE("body"), false);
	send_compression_bomb(p);
}

static void what_is_wrong_is_refused(void **state)
{
	static const struct wrong cases[] = {
		{ "an upper-case name", send_uppercase_name },
		{ "a connection header", send_connection_header },
		{ "no status", send_no_status },
		{ "status 101", send_switching },
		{ "a body shorter than said", send_short_body },
		{ "a body without head", send_body_without_head },
		{ "bad compression", send_bad_compression },
		{ "a stream nobody opened", send_unknown_stream },
		{ "a push", send_push },
		{ "HTTP/1.1", send_http1 },
		{ "too many headers", send_many_headers },
		{ "a compression bomb", send_compression_bomb },
		{ "a head without end", send_endless_head },
		{ "a flood of pings", send_pings },
		{ "a flood of settings", send_settings },
		{ "a flood of empty bodies", send_empty_bodies },
		{ "a reset of no stream", send_resets_of_nothing },
		{ "trailers as a bomb", send_long_trailers },
	};
	struct test *t = *state;
	struct client_request get = test_get(t);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct owner o;
		struct peer p;

		owner_open(&o, t, &get);
		if (o.stream->reused) {
			/* The connection before was none of the broken ones; it is not for this case. */
			owner_close(&o);
			fail_msg("before %s: a connection is left", cases[i].what);
		}
		peer_meet(&p, t);
		peer_take_request(&p);
		cases[i].send(&p);
		for (int turn = 0; turn < TEST_TURNS_MAX && !owner_is_over(&o); turn++)
			loop_turn(t->loop, TEST_WAIT_MS);
		if (o.stream->state != CLIENT_FAILED || o.stream->failure->kind != FAILURE_MALFORMED)
			fail_msg("%s: state %d, %s", cases[i].what, o.stream->state,
				 o.stream->failure ? o.stream->failure->message : "no failure");
		owner_close(&o);
		close(p.fd);
		p.fd = -1;
		UNTIL(t, test_counts(t).idle == 0);
		peer_done(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_request_and_its_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(a_large_head_is_continued, setup, teardown),
		cmocka_unit_test_setup_teardown(the_connection_is_used_again, setup, teardown),
		cmocka_unit_test_setup_teardown(interim_heads_and_trailers_are_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_interim_heads_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_head_alone_is_an_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(coded_bodies_arrive_decoded, setup, teardown),
		cmocka_unit_test_setup_teardown(an_unknown_coding_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_may_come_in_any_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(a_request_waits_for_the_peers_windows, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_may_come_before_the_request_is_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_owners_hold_their_own_streams_only, setup, teardown),
		cmocka_unit_test_setup_teardown(more_than_the_window_is_a_fault, setup, teardown),
		cmocka_unit_test_setup_teardown(closing_resets_the_stream_and_keeps_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reset_before_the_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reset_in_the_answer_comes_after_what_was_before_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cut_answer_forgets_its_head_but_not_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lost_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_that_is_complete_survives_its_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
