/* SPDX-License-Identifier: Apache-2.0 */
/* Which connection a request gets, and what happens to those that nobody needs. */
#include "http/client_test.h"

#define ANSWER "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

/* One request and its answer over `peer`, or over a new connection when that is -1. Returns the peer's end. */
static int round_trip(struct test *t, const struct origin *origin, int peer)
{
	struct client_request r = test_get(t);
	struct owner o;

	r.origin = origin;
	owner_open(&o, t, &r);
	assert_int_equal(o.stream->reused, peer >= 0);
	if (peer < 0)
		peer = peer_accept(t);
	peer_take_head(t, peer);
	peer_send(peer, ANSWER);
	UNTIL(t, owner_is_over(&o));
	assert_complete(&o, 200, "ok");
	owner_close(&o);
	return peer;
}

static void connections_are_used_again(void **state)
{
	struct test t;
	int peer = -1;

	test_init(&t, NULL);
	for (int i = 0; i < 5; i++)
		peer = round_trip(&t, &t.origin, peer);
	assert_int_equal(test_counts(&t).opened, 1);
	assert_int_equal(test_counts(&t).reused, 4);
	assert_int_equal(test_counts(&t).idle, 1);
	assert_int_equal(test_counts(&t).active, 0);
	assert_false(peer_has_caller(&t));
	close(peer);
	test_done(&t);
}

/* Opens two connections at once, so that both are idle; the second was used last. */
static void open_two(struct test *t, int peers[static 2])
{
	struct client_request r = test_get(t);
	struct owner owners[2];

	for (int i = 0; i < 2; i++)
		owner_open(&owners[i], t, &r);
	for (int i = 0; i < 2; i++) {
		peers[i] = peer_accept(t);
		peer_take_head(t, peers[i]);
		peer_send(peers[i], ANSWER);
		UNTIL(t, owner_is_over(&owners[i]));
		owner_close(&owners[i]);
	}
}

static void the_one_used_last_is_taken_first(void **state)
{
	struct test t;
	int peers[2];

	test_init(&t, NULL);
	open_two(&t, peers);
	assert_int_equal(test_counts(&t).idle, 2);
	round_trip(&t, &t.origin, peers[1]);
	round_trip(&t, &t.origin, peers[1]);
	close(peers[1]);
	UNTIL(&t, test_counts(&t).idle == 1);
	round_trip(&t, &t.origin, peers[0]);
	close(peers[0]);
	test_done(&t);
}

static void requests_that_differ_share_nothing(void **state)
{
	struct origin credential, host;
	struct test t;
	int first, second, third;

	test_init(&t, NULL);
	credential = host = t.origin;
	credential.credential = 2;
	host.url = test_url(&t, "http://localhost", t.port);
	first = round_trip(&t, &t.origin, -1);
	second = round_trip(&t, &credential, -1);
	third = round_trip(&t, &host, -1);
	assert_int_equal(test_counts(&t).idle, 3);
	round_trip(&t, &t.origin, first);
	round_trip(&t, &credential, second);
	round_trip(&t, &host, third);
	assert_int_equal(test_counts(&t).opened, 3);
	close(first);
	close(second);
	close(third);
	test_done(&t);
}

static void a_busy_connection_is_not_shared(void **state)
{
	struct client_request r;
	struct owner o;
	struct test t;
	int busy, other;

	test_init(&t, NULL);
	r = test_get(&t);
	busy = round_trip(&t, &t.origin, -1);
	owner_open(&o, &t, &r);
	assert_true(o.stream->reused);
	assert_int_equal(o.stream->state, CLIENT_AWAITING_HEAD);
	other = round_trip(&t, &t.origin, -1);
	peer_take_head(&t, busy);
	owner_close(&o);
	close(busy);
	close(other);
	test_done(&t);
}

static void idle_connections_that_end_are_dropped(void **state)
{
	struct test t;
	int peer;

	test_init(&t, NULL);
	peer = round_trip(&t, &t.origin, -1);
	close(peer);
	UNTIL(&t, test_counts(&t).idle == 0);
	peer = round_trip(&t, &t.origin, -1);
	peer_reset(peer);
	UNTIL(&t, test_counts(&t).idle == 0);
	peer = round_trip(&t, &t.origin, -1);
	assert_int_equal(test_counts(&t).stale_retries, 0);
	close(peer);
	test_done(&t);
}

static void bytes_on_an_idle_connection_end_it(void **state)
{
	struct test t;
	int peer;

	test_init(&t, NULL);
	peer = round_trip(&t, &t.origin, -1);
	peer_send(peer, ANSWER);
	UNTIL(&t, test_counts(&t).idle == 0);
	UNTIL(&t, peer_sees_end(peer));
	close(peer);
	close(round_trip(&t, &t.origin, -1));
	test_done(&t);
}

static void what_must_not_be_pooled_is_closed(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
		"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
		ANSWER "x",
		ANSWER ANSWER,
	};
	struct test t;

	test_init(&t, NULL);
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		struct client_request r = test_get(&t);
		struct owner o;
		int peer;

		owner_open(&o, &t, &r);
		peer = peer_accept(&t);
		peer_take_head(&t, peer);
		peer_send(peer, answers[i]);
		UNTIL(&t, owner_is_over(&o));
		assert_complete(&o, 200, "ok");
		owner_close(&o);
		assert_int_equal(test_counts(&t).idle, 0);
		UNTIL(&t, peer_sees_end(peer));
		close(peer);
	}
	test_done(&t);
}

static void bytes_or_an_end_after_the_answer_prevent_pooling(void **state)
{
	for (int ends = 0; ends < 2; ends++) {
		struct client_request r;
		struct owner o;
		struct test t;
		int peer;

		test_init(&t, NULL);
		r = test_get(&t);
		owner_open(&o, &t, &r);
		peer = peer_accept(&t);
		peer_take_head(&t, peer);
		peer_send(peer, ANSWER);
		UNTIL(&t, owner_is_over(&o));
		if (ends)
			shutdown(peer, SHUT_WR);
		else
			peer_send(peer, "x");
		loop_turn(t.loop, TEST_WAIT_MS);
		owner_close(&o);
		assert_int_equal(test_counts(&t).idle, 0);
		UNTIL(&t, peer_sees_end(peer));
		close(peer);
		test_done(&t);
	}
}

static void idle_connections_are_few(void **state)
{
	static const struct { unsigned idle_max, idle_total_max; } limits[] = { { 1, 10 }, { 10, 1 } };

	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		struct http_client_options options;
		struct test t;
		int peers[2];

		http_client_options_init(&options);
		options.idle_max = limits[i].idle_max;
		options.idle_total_max = limits[i].idle_total_max;
		test_init(&t, &options);
		open_two(&t, peers);
		assert_int_equal(test_counts(&t).idle, 1);
		UNTIL(&t, peer_sees_end(peers[0]));
		round_trip(&t, &t.origin, peers[1]);
		close(peers[0]);
		close(peers[1]);
		test_done(&t);
	}
}

static void idle_connections_grow_old(void **state)
{
	struct http_client_options options;
	struct test t;
	int peers[2];

	http_client_options_init(&options);
	options.idle_timeout_ms = 1;
	test_init(&t, &options);
	open_two(&t, peers);
	UNTIL(&t, test_counts(&t).idle == 0);
	UNTIL(&t, peer_sees_end(peers[0]) && peer_sees_end(peers[1]));
	close(peers[0]);
	close(peers[1]);
	close(round_trip(&t, &t.origin, -1));
	test_done(&t);
}

static const char stale_request[] = "POST /x HTTP/1.1\r\nhost: 127.0.0.1:%u\r\naccept-encoding: identity\r\ncontent-length: 8\r\n\r\nthe body";

static struct client_request stale_post(const struct test *t, const struct slice *body)
{
	return (struct client_request){ .origin = &t->origin, .method = HTTP_POST, .target = SLICE("/x"), .body = body, .body_count = 1 };
}

/* A request goes out on a connection that its peer ends instead of answering. */
static void send_into_the_void(struct test *t, struct owner *o, bool reset, char expected[static 256])
{
	static const struct slice body = SLICE("the body");
	struct client_request r = stale_post(t, &body);
	int peer = round_trip(t, &t->origin, -1);

	snprintf(expected, 256, stale_request, t->port);
	owner_open(o, t, &r);
	assert_true(o->stream->reused);
	peer_expect(t, peer, expected);
	if (reset)
		peer_reset(peer);
	else
		close(peer);
}

static void a_stale_connection_is_replaced_once(void **state)
{
	for (int reset = 0; reset < 2; reset++) {
		char expected[256];
		struct owner o;
		struct test t;
		int peer;

		test_init(&t, NULL);
		send_into_the_void(&t, &o, reset, expected);
		peer = peer_accept(&t);
		/* The owner sees none of it. */
		assert_int_equal(o.stream->state, CLIENT_AWAITING_HEAD);
		assert_int_equal(test_counts(&t).connecting, 1);
		peer_expect(&t, peer, expected);
		assert_int_equal(o.events, 0);
		assert_int_equal(test_counts(&t).connecting, 0);
		assert_false(o.stream->reused || o.stream->body_released);
		peer_send(peer, ANSWER);
		UNTIL(&t, owner_is_over(&o));
		assert_complete(&o, 200, "ok");
		assert_true(o.stream->body_released);
		assert_int_equal(test_counts(&t).stale_retries, 1);
		owner_close(&o);
		assert_int_equal(test_counts(&t).idle, 1);
		close(peer);
		test_done(&t);
	}
}

static void a_fresh_connection_is_not_retried(void **state)
{
	char expected[256];
	struct owner o;
	struct test t;
	int peer;

	test_init(&t, NULL);
	send_into_the_void(&t, &o, false, expected);
	peer = peer_accept(&t);
	peer_expect(&t, peer, expected);
	close(peer);
	UNTIL(&t, owner_is_over(&o));
	assert_failed(&o, FAILURE_RESET);
	assert_true(o.stream->request_sent);
	assert_int_equal(test_counts(&t).stale_retries, 1);
	assert_false(peer_has_caller(&t));
	owner_close(&o);
	test_done(&t);
}

static void after_an_answer_byte_nothing_is_retried(void **state)
{
	static const char *const starts[] = { "H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no" };

	for (size_t i = 0; i < COUNT_OF(starts); i++) {
		struct client_request r;
		struct owner o;
		struct test t;
		int peer;

		test_init(&t, NULL);
		r = test_get(&t);
		peer = round_trip(&t, &t.origin, -1);
		owner_open(&o, &t, &r);
		peer_take_head(&t, peer);
		peer_send(peer, starts[i]);
		close(peer);
		UNTIL(&t, owner_is_over(&o));
		assert_failed(&o, FAILURE_CUT);
		assert_int_equal(test_counts(&t).stale_retries, 0);
		assert_false(peer_has_caller(&t));
		owner_close(&o);
		test_done(&t);
	}
}

static void a_connection_that_died_unnoticed_is_replaced(void **state)
{
	for (int reset = 0; reset < 2; reset++) {
		struct client_request r;
		struct owner o;
		struct test t;
		int peer;

		test_init(&t, NULL);
		r = test_get(&t);
		peer = round_trip(&t, &t.origin, -1);
		/* No turn of the loop between the end and the next request. */
		if (reset)
			peer_reset(peer);
		else
			close(peer);
		owner_open(&o, &t, &r);
		peer = peer_accept(&t);
		peer_take_head(&t, peer);
		peer_send(peer, ANSWER);
		UNTIL(&t, owner_is_over(&o));
		assert_complete(&o, 200, "ok");
		assert_int_equal(test_counts(&t).stale_retries, 1);
		owner_close(&o);
		close(peer);
		test_done(&t);
	}
}

static void a_retry_that_finds_nobody_fails(void **state)
{
	char expected[256];
	struct owner o;
	struct test t;

	test_init(&t, NULL);
	send_into_the_void(&t, &o, false, expected);
	close(t.listener);
	UNTIL(&t, owner_is_over(&o));
	assert_failed(&o, FAILURE_REFUSED);
	assert_false(o.stream->request_sent);
	owner_close(&o);
	t.listener = -1;
	test_done(&t);
}

static void thousands_of_streams_leave_nothing_behind(void **state)
{
	enum { ROUNDS = 2000 };
	struct test t;
	int peer = -1;

	test_init(&t, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		struct client_request r = test_get(&t);
		struct owner o;

		owner_open(&o, &t, &r);
		if (peer < 0)
			peer = peer_accept(&t);
		peer_take_head(&t, peer);
		/* Every third is given up: answered in part, or not at all. */
		if (i % 3 == 0) {
			peer_send(peer, i % 2 ? "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok" : "");
			loop_turn(t.loop, 0);
		} else {
			peer_send(peer, ANSWER);
			UNTIL(&t, owner_is_over(&o));
		}
		owner_close(&o);
		if (i % 3 == 0) {
			assert_true(peer_sees_end(peer));
			close(peer);
			peer = -1;
		}
		assert_int_equal(test_counts(&t).active, 0);
		assert_true(test_counts(&t).idle <= 1);
	}
	if (peer >= 0)
		close(peer);
	test_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_used_again),
		cmocka_unit_test(the_one_used_last_is_taken_first),
		cmocka_unit_test(requests_that_differ_share_nothing),
		cmocka_unit_test(a_busy_connection_is_not_shared),
		cmocka_unit_test(idle_connections_that_end_are_dropped),
		cmocka_unit_test(bytes_on_an_idle_connection_end_it),
		cmocka_unit_test(what_must_not_be_pooled_is_closed),
		cmocka_unit_test(bytes_or_an_end_after_the_answer_prevent_pooling),
		cmocka_unit_test(idle_connections_are_few),
		cmocka_unit_test(idle_connections_grow_old),
		cmocka_unit_test(a_stale_connection_is_replaced_once),
		cmocka_unit_test(a_fresh_connection_is_not_retried),
		cmocka_unit_test(after_an_answer_byte_nothing_is_retried),
		cmocka_unit_test(a_connection_that_died_unnoticed_is_replaced),
		cmocka_unit_test(a_retry_that_finds_nobody_fails),
		cmocka_unit_test(thousands_of_streams_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
