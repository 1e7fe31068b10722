/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of the HTTP/2 client: who shares them, when another is made, what becomes of requests when a peer says
 * goodbye. The other end writes its frames by hand; connections found by ALPN are in client_http2_tls_test.c. */
#include "base/clock.h"
#include "http/client_http2_testing.h"
#include "http/client_internal.h"

enum { MANY = 40 };

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

static void open_many(struct test *t, struct owner *owners, unsigned count)
{
	struct client_request get = test_get(t);

	for (unsigned i = 0; i < count; i++)
		owner_open(&owners[i], t, &get);
}

static void assert_all_and_close(struct test *t, struct owner *owners, unsigned count, const char *body)
{
	for (unsigned i = 0; i < count; i++) {
		UNTIL(t, owner_is_over(&owners[i]));
		assert_complete(&owners[i], 200, body);
		owner_close(&owners[i]);
	}
}

static void answer_requests(struct peer *p, unsigned count, const char *body)
{
	for (unsigned i = 0; i < count; i++)
		peer_answer(p, peer_take_request(p), body);
}

static void the_thirty_third_stream_opens_another_connection(void **state)
{
	struct test *t = *state;
	struct owner owners[MANY];
	struct peer a, b;

	open_many(t, owners, MANY);
	peer_meet(&a, t);
	peer_meet(&b, t);
	answer_requests(&a, CLIENT_STREAMS_MAX, "x");
	answer_requests(&b, MANY - CLIENT_STREAMS_MAX, "x");
	assert_all_and_close(t, owners, MANY, "x");
	assert_false(peer_has_caller(t));
	assert_int_equal(test_counts(t).opened, 2);
	assert_int_equal(test_counts(t).idle, 2);
	peer_done(&a);
	peer_done(&b);
}

static void a_stream_that_ends_makes_room(void **state)
{
	struct test *t = *state;
	struct owner owners[CLIENT_STREAMS_MAX], late;
	struct client_request get = test_get(t);
	struct peer p;

	open_many(t, owners, CLIENT_STREAMS_MAX);
	peer_meet(&p, t);
	for (unsigned i = 0; i < CLIENT_STREAMS_MAX; i++)
		peer_take_request(&p);
	peer_answer(&p, 5, "x");
	UNTIL(t, owner_is_over(&owners[2]));
	owner_open(&late, t, &get);
	assert_true(late.stream->reused);
	assert_int_equal(peer_take_request(&p), 2 * CLIENT_STREAMS_MAX + 1);
	for (unsigned i = 0; i < CLIENT_STREAMS_MAX; i++)
		owner_close(&owners[i]);
	owner_close(&late);
	assert_int_equal(test_counts(t).opened, 1);
	assert_int_equal(test_counts(t).idle, 1);
	peer_done(&p);
}

static void a_peer_may_allow_fewer_streams(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner owners[3];
	struct peer a, b;

	owner_open(&owners[0], t, &get);
	peer_meet(&a, t);
	peer_setting(&a, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2);
	peer_take_request(&a);
	peer_quiet(t);
	owner_open(&owners[1], t, &get);
	owner_open(&owners[2], t, &get);
	assert_true(owners[1].stream->reused);
	assert_false(owners[2].stream->reused);
	peer_meet(&b, t);
	answer_requests(&a, 1, "x");
	answer_requests(&b, 1, "x");
	peer_answer(&a, 1, "x");
	assert_all_and_close(t, owners, 3, "x");
	peer_done(&a);
	peer_done(&b);
}

/* More than it allows went out before its settings came: it refuses them, and they wait for nobody to notice. */
static void settings_may_come_late(void **state)
{
	struct test *t = *state;
	struct owner owners[4];
	struct peer a, b;

	open_many(t, owners, 4);
	peer_meet(&a, t);
	for (unsigned i = 0; i < 4; i++)
		peer_take_request(&a);
	peer_setting(&a, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2);
	peer_number_frame(&a, NGHTTP2_RST_STREAM, 5, NGHTTP2_REFUSED_STREAM);
	peer_number_frame(&a, NGHTTP2_RST_STREAM, 7, NGHTTP2_REFUSED_STREAM);
	peer_meet(&b, t);
	answer_requests(&b, 2, "x");
	peer_answer(&a, 1, "x");
	peer_answer(&a, 3, "x");
	assert_all_and_close(t, owners, 4, "x");
	assert_int_equal(test_counts(t).stale_retries, 2);
	assert_int_equal(test_counts(t).idle, 2);
	peer_done(&a);
	peer_done(&b);
}

/* ---- goodbyes ---- */

static void goaway_sends_what_was_not_looked_at_elsewhere(void **state)
{
	struct test *t = *state;
	struct slice body = SLICE("{}");
	struct client_request post = { .origin = &t->origin, .method = HTTP_POST, .target = SLICE("/"), .body = &body, .body_count = 1 };
	struct owner below, above;
	struct peer a, b;
	struct frame f;

	owner_open(&below, t, &post);
	peer_meet(&a, t);
	peer_wait(&a, NGHTTP2_DATA);
	owner_open(&above, t, &post);
	peer_wait(&a, NGHTTP2_DATA);
	peer_goaway(&a, 1, NGHTTP2_NO_ERROR);
	peer_meet(&b, t);
	peer_take_request(&b);
	f = peer_wait(&b, NGHTTP2_DATA);
	assert_true(slice_eq(f.payload, body));
	peer_answer(&b, 1, "elsewhere");
	UNTIL(t, owner_is_over(&above));
	assert_complete(&above, 200, "elsewhere");
	assert_int_equal(test_counts(t).stale_retries, 1);
	/* What it took it answers, and then the connection goes. */
	assert_false(owner_is_over(&below));
	peer_answer(&a, 1, "still here");
	UNTIL(t, owner_is_over(&below));
	assert_complete(&below, 200, "still here");
	UNTIL(t, peer_sees_end(a.fd));
	owner_close(&above);
	owner_close(&below);
	assert_int_equal(test_counts(t).idle, 1);
	peer_done(&a);
	peer_done(&b);
}

/* The kernel takes nothing, so the second request waits in weir when the goodbye comes. */
static void goaway_sends_what_has_not_left_elsewhere(void **state)
{
	struct test *t = *state;
	size_t size = (size_t)24 << 20;
	char *bytes = calloc(1, size);
	struct slice body = slice_of(bytes, size);
	struct client_request post = { .origin = &t->origin, .method = HTTP_POST, .target = SLICE("/"), .body = &body, .body_count = 1 };
	struct client_request get = test_get(t);
	struct owner large, small;
	struct peer a, b;

	owner_open(&large, t, &post);
	peer_meet(&a, t);
	peer_take_request(&a);
	peer_number_frame(&a, NGHTTP2_WINDOW_UPDATE, 0, 1 << 30);
	peer_number_frame(&a, NGHTTP2_WINDOW_UPDATE, 1, 1 << 30);
	for (int i = 0; i < 50; i++)
		loop_turn(t->loop, 1);
	assert_int_equal(large.stream->state, CLIENT_SENDING);
	owner_close(&large);
	owner_open(&small, t, &get);
	assert_true(small.stream->reused);
	peer_quiet(t);
	assert_false(small.stream->request_sent);
	peer_goaway(&a, 1, NGHTTP2_NO_ERROR);
	while (!peer_has_caller(t)) {
		peer_sees_end(a.fd);
		loop_turn(t->loop, TEST_WAIT_MS);
	}
	peer_meet(&b, t);
	answer_requests(&b, 1, "x");
	assert_all_and_close(t, &small, 1, "x");
	UNTIL(t, peer_sees_end(a.fd));
	peer_done(&a);
	peer_done(&b);
	free(bytes);
}

static void goaway_after_an_answer_has_begun_is_no_second_chance(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer p;

	owner_open(&o, t, &get);
	peer_meet(&p, t);
	peer_take_request(&p);
	peer_head(&p, 1, "200", false, NULL);
	peer_data(&p, 1, SLICE("some"), false);
	UNTIL(t, o.body.len == 4);
	peer_goaway(&p, 0, NGHTTP2_NO_ERROR);
	UNTIL(t, owner_is_over(&o));
	assert_failed(&o, FAILURE_CUT);
	assert_false(peer_has_caller(t));
	owner_close(&o);
	peer_done(&p);
}

static void goaway_on_an_idle_connection_closes_it(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer a, b;

	owner_open(&o, t, &get);
	peer_meet(&a, t);
	answer_requests(&a, 1, "x");
	assert_all_and_close(t, &o, 1, "x");
	peer_goaway(&a, 1, NGHTTP2_NO_ERROR);
	UNTIL(t, test_counts(t).idle == 0);
	owner_open(&o, t, &get);
	assert_false(o.stream->reused);
	peer_meet(&b, t);
	answer_requests(&b, 1, "y");
	assert_all_and_close(t, &o, 1, "y");
	peer_done(&a);
	peer_done(&b);
}

static void a_refused_stream_begins_again(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer a, b;
	unsigned events;

	owner_open(&o, t, &get);
	peer_meet(&a, t);
	peer_take_request(&a);
	events = o.events;
	peer_number_frame(&a, NGHTTP2_RST_STREAM, 1, NGHTTP2_REFUSED_STREAM);
	peer_meet(&b, t);
	peer_take_request(&b);
	assert_int_equal(o.stream->state, CLIENT_AWAITING_HEAD);
	assert_true(o.events <= events + 1);
	UNTIL(t, peer_sees_end(a.fd));
	peer_answer(&b, 1, "x");
	assert_all_and_close(t, &o, 1, "x");
	peer_done(&a);
	peer_done(&b);
}

static void a_stream_refused_everywhere_fails(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;

	owner_open(&o, t, &get);
	for (int i = 0; i <= CLIENT_RESTARTS_MAX; i++) {
		struct peer p;

		peer_meet(&p, t);
		peer_take_request(&p);
		peer_number_frame(&p, NGHTTP2_RST_STREAM, 1, NGHTTP2_REFUSED_STREAM);
		UNTIL(t, peer_sees_end(p.fd));
		peer_done(&p);
	}
	UNTIL(t, owner_is_over(&o));
	assert_failed(&o, FAILURE_RESET);
	assert_non_null(strstr(o.stream->failure->message, "REFUSED_STREAM"));
	assert_false(peer_has_caller(t));
	owner_close(&o);
}

/* ---- connections that die ---- */

static void a_dead_connection_is_noticed_by_nobody(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer a, b;

	owner_open(&o, t, &get);
	peer_meet(&a, t);
	answer_requests(&a, 1, "x");
	assert_all_and_close(t, &o, 1, "x");
	peer_reset(a.fd);
	a.fd = -1;
	owner_open(&o, t, &get);
	assert_true(o.stream->reused);
	peer_meet(&b, t);
	answer_requests(&b, 1, "y");
	assert_all_and_close(t, &o, 1, "y");
	assert_int_equal(test_counts(t).stale_retries, 1);
	peer_done(&a);
	peer_done(&b);
}

static void a_connection_that_lived_until_now_is_lost_for_good(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner first, second;
	struct peer p;

	owner_open(&first, t, &get);
	peer_meet(&p, t);
	peer_take_request(&p);
	owner_open(&second, t, &get);
	assert_true(second.stream->reused);
	peer_take_request(&p);
	peer_head(&p, 1, "200", false, NULL);
	UNTIL(t, first.stream->state == CLIENT_BODY);
	shutdown(p.fd, SHUT_WR);
	UNTIL(t, owner_is_over(&first) && owner_is_over(&second));
	assert_failed(&first, FAILURE_CUT);
	assert_failed(&second, FAILURE_RESET);
	assert_int_equal(test_counts(t).stale_retries, 0);
	owner_close(&first);
	owner_close(&second);
	peer_done(&p);
}

/* Nothing has come for long: the next request must not be given to a connection that may be dead. */
static void a_silent_connection_gets_no_more_streams(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner first, other, next;
	struct peer a, b;

	owner_open(&first, t, &get);
	peer_meet(&a, t);
	answer_requests(&a, 1, "x");
	assert_all_and_close(t, &first, 1, "x");
	peer_quiet(t);
	owner_open(&other, t, &get);
	owner_open(&first, t, &get);
	peer_take_request(&a);
	peer_take_request(&a);
	first.stream->connected_ns -= 3 * NS_PER_S;
	owner_close(&first);
	owner_open(&next, t, &get);
	assert_false(next.stream->reused);
	peer_meet(&b, t);
	answer_requests(&b, 1, "y");
	assert_all_and_close(t, &next, 1, "y");
	/* What it carries may still be answered. */
	peer_answer(&a, 3, "z");
	assert_all_and_close(t, &other, 1, "z");
	UNTIL(t, peer_sees_end(a.fd));
	peer_done(&a);
	peer_done(&b);
}

/* ---- connecting together ---- */

static void a_failure_to_connect_is_everybodys(void **state)
{
	struct test *t = *state;
	struct owner owners[3];
	struct client_request get = test_get(t);
	struct origin nowhere = t->origin;
	unsigned port;
	int fd = test_listen(&port);

	close(fd);
	nowhere.url = test_url(t, "http://127.0.0.1", port);
	get.origin = &nowhere;
	for (unsigned i = 0; i < 3; i++)
		owner_open(&owners[i], t, &get);
	assert_int_equal(test_counts(t).connecting, 3);
	for (unsigned i = 0; i < 3; i++) {
		UNTIL(t, owner_is_over(&owners[i]));
		assert_failed(&owners[i], FAILURE_REFUSED);
	}
	assert_int_equal(test_counts(t).connecting, 0);
	for (unsigned i = 0; i < 3; i++)
		owner_close(&owners[i]);
}

static void who_began_to_connect_may_leave(void **state)
{
	struct test *t = *state;
	struct owner owners[3];
	struct peer p;

	open_many(t, owners, 3);
	owner_close(&owners[0]);
	peer_meet(&p, t);
	answer_requests(&p, 2, "x");
	assert_all_and_close(t, owners + 1, 2, "x");
	assert_int_equal(test_counts(t).opened, 1);
	/* And when all leave, nothing is left. */
	open_many(t, owners, 2);
	for (unsigned i = 0; i < 2; i++)
		owner_close(&owners[i]);
	peer_done(&p);
}

static void each_waits_as_long_as_it_said(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner hasty, patient;
	struct origin proxied = t->origin;
	struct peer p;
	struct buf head;
	int fd;

	/* A proxy that takes its time keeps everybody waiting. */
	t->proxies.http = (struct outbound_proxy){ .set = true, .url = test_url(t, "http://127.0.0.1", t->port) };
	proxied.url = test_url(t, "http://provider.test", 8080);
	get.origin = &proxied;
	get.connect_timeout_ms = 20;
	owner_open(&hasty, t, &get);
	get.connect_timeout_ms = 60000;
	owner_open(&patient, t, &get);
	fd = peer_accept(t);
	UNTIL(t, owner_is_over(&hasty));
	assert_failed(&hasty, FAILURE_TIMEOUT_CONNECT);
	owner_close(&hasty);
	/* Plain HTTP/2 goes through a tunnel. */
	buf_init(&head, TEST_BODY_MAX);
	while (!slice_ends_with(buf_slice(&head), SLICE("\r\n\r\n")))
		peer_receive(t, fd, &head, head.len + 1);
	assert_true(slice_starts_with(buf_slice(&head), SLICE("CONNECT provider.test:8080 HTTP/1.1\r\n")));
	buf_done(&head);
	peer_send(fd, "HTTP/1.1 200 OK\r\n\r\n");
	peer_begin(&p, t, fd);
	answer_requests(&p, 1, "x");
	assert_all_and_close(t, &patient, 1, "x");
	peer_done(&p);
}

/* ---- pools ---- */

static void versions_and_credentials_do_not_share(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct origin other = t->origin, old = t->origin;
	struct owner owners[3];
	struct peer a, b;
	int fd;

	other.credential = 2;
	old.http = HTTP_AUTO;
	owner_open(&owners[0], t, &get);
	peer_meet(&a, t);
	get.origin = &other;
	owner_open(&owners[1], t, &get);
	peer_meet(&b, t);
	get.origin = &old;
	owner_open(&owners[2], t, &get);
	fd = peer_accept(t);
	peer_take_head(t, fd);
	peer_send(fd, "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx");
	answer_requests(&a, 1, "x");
	answer_requests(&b, 1, "x");
	assert_all_and_close(t, owners, 3, "x");
	assert_int_equal(test_counts(t).opened, 3);
	close(fd);
	peer_done(&a);
	peer_done(&b);
}

static void an_idle_connection_answers_pings_and_grows_old(void **state)
{
	struct test *t = *state;
	struct http_client_options options;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer p;
	struct frame f;

	http_client_options_init(&options);
	options.proxies = &t->proxies;
	options.idle_timeout_ms = 50;
	http_client_free(t->client);
	t->client = http_client_new(t->loop, &options);
	owner_open(&o, t, &get);
	peer_meet(&p, t);
	answer_requests(&p, 1, "x");
	assert_all_and_close(t, &o, 1, "x");
	assert_int_equal(test_counts(t).idle, 1);
	peer_frame(&p, NGHTTP2_PING, 0, 0, SLICE("12345678"));
	f = peer_wait(&p, NGHTTP2_PING);
	assert_true(f.flags & NGHTTP2_FLAG_ACK);
	/* It says goodbye. */
	f = peer_wait(&p, NGHTTP2_GOAWAY);
	assert_int_equal(test_counts(t).idle, 0);
	peer_done(&p);
}

static void thousands_of_streams_leave_nothing_behind(void **state)
{
	struct test *t = *state;
	struct client_request get = test_get(t);
	struct owner o;
	struct peer p;

	owner_open(&o, t, &get);
	peer_meet(&p, t);
	for (int i = 0; i < 3000; i++) {
		uint32_t id = peer_take_request(&p);

		if (i % 3 == 0) {
			owner_close(&o);
		} else {
			peer_answer(&p, id, "x");
			UNTIL(t, owner_is_over(&o));
			owner_close(&o);
		}
		owner_open(&o, t, &get);
	}
	owner_close(&o);
	assert_int_equal(test_counts(t).opened, 1);
	peer_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_thirty_third_stream_opens_another_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stream_that_ends_makes_room, setup, teardown),
		cmocka_unit_test_setup_teardown(a_peer_may_allow_fewer_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_may_come_late, setup, teardown),
		cmocka_unit_test_setup_teardown(goaway_sends_what_was_not_looked_at_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(goaway_sends_what_has_not_left_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(goaway_after_an_answer_has_begun_is_no_second_chance, setup, teardown),
		cmocka_unit_test_setup_teardown(goaway_on_an_idle_connection_closes_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refused_stream_begins_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stream_refused_everywhere_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(a_dead_connection_is_noticed_by_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(a_connection_that_lived_until_now_is_lost_for_good, setup, teardown),
		cmocka_unit_test_setup_teardown(a_silent_connection_gets_no_more_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_to_connect_is_everybodys, setup, teardown),
		cmocka_unit_test_setup_teardown(who_began_to_connect_may_leave, setup, teardown),
		cmocka_unit_test_setup_teardown(each_waits_as_long_as_it_said, setup, teardown),
		cmocka_unit_test_setup_teardown(versions_and_credentials_do_not_share, setup, teardown),
		cmocka_unit_test_setup_teardown(an_idle_connection_answers_pings_and_grows_old, setup, teardown),
		cmocka_unit_test_setup_teardown(thousands_of_streams_leave_nothing_behind, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
