/* SPDX-License-Identifier: Apache-2.0 */
/* Plain connections: the rules of edges, back-pressure, the ways to end, the race for a connection. The other end is a bare
 * socket that the test handles itself, so that each situation is made exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include "net/conn_testing.h"

static struct loop *l;
static struct reader r;
static int peer;                       /* the other end, non-blocking */

static int set_up_loop(void **state)
{
	l = loop_new(0);
	reader_init(&r);
	peer = -1;
	return 0;
}

static int set_up(void **state)
{
	int fds[2];
	set_up_loop(state);
	tcp_pair(fds);
	peer = fds[0];
	r.conn = conn_accept(l, fds[1], NULL, reader_on_ready, &r);
	loop_turn(l, -1);
	return 0;
}

/* Over a pair of unix sockets what is written is there at once. */
static int set_up_unix(void **state)
{
	int fds[2];
	set_up_loop(state);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	peer = fds[0];
	r.conn = conn_accept(l, fds[1], NULL, reader_on_ready, &r);
	loop_turn(l, -1);
	return 0;
}

static int tear_down(void **state)
{
	reader_done(&r);
	if (peer >= 0)
		close(peer);
	l = loop_free(l);
	return 0;
}

static void reset_peer(void)
{
	struct linger hard = { 1, 0 };
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(TAKE_FD(peer));
}

static void an_accepted_connection_is_open_and_quiet(void **state)
{
	assert_int_equal(r.conn->state, CONN_OPEN);
	assert_true(r.conn->writable);
	assert_false(r.conn->readable);
	assert_int_equal(r.ready, 0);
	char byte;
	assert_int_equal(conn_read(r.conn, &byte, 1), -EAGAIN);
	assert_int_equal(conn_alpn(r.conn).len, 0);
}

static void a_short_read_means_drained(void **state)
{
	assert_int_equal(write(peer, "hello", 5), 5);
	loop_turn(l, -1);
	assert_true(slice_eq(buf_slice(&r.in), SLICE("hello")));
	assert_false(r.conn->readable);
	assert_int_equal(r.conn->bytes_in, 5);
	assert_int_equal(write(peer, " again", 6), 6);
	loop_turn(l, -1);
	assert_true(slice_eq(buf_slice(&r.in), SLICE("hello again")));
	assert_int_equal(r.ready, 2);
}

static void the_end_is_seen_behind_pending_bytes(void **state)
{
	assert_int_equal(write(peer, "last words", 10), 10);
	shutdown(peer, SHUT_WR);
	/* Usually one edge for both: the short read may not be the last. */
	while (!r.over)
		loop_turn(l, -1);
	assert_true(r.conn->saw_hangup && r.conn->peer_closed);
	assert_true(slice_eq(buf_slice(&r.in), SLICE("last words")));
	assert_int_equal(r.result, 0);
	/* The other direction still works. */
	assert_int_equal(conn_write_text(r.conn, SLICE("answer")), 6);
	char text[16];
	assert_int_equal(read(peer, text, sizeof(text)), 6);
}

static void the_end_is_seen_by_a_reader_that_was_paused(void **state)
{
	r.paused = true;
	assert_int_equal(write(peer, "x", 1), 1);
	loop_turn(l, -1);
	shutdown(peer, SHUT_WR);
	loop_turn(l, -1);
	assert_int_equal(r.in.len, 0);
	r.paused = false;
	unsigned ready = r.ready;
	conn_poke(r.conn);
	assert_int_equal(r.ready, ready);
	while (!r.over)
		loop_turn(l, -1);
	assert_int_equal(r.in.len, 1);
	assert_int_equal(r.result, 0);
}

static void a_reset_is_an_error(void **state)
{
	reset_peer();
	loop_turn(l, -1);
	assert_true(r.over);
	assert_int_equal(r.result, -ECONNRESET);
	assert_int_equal(r.conn->error_kind, CONN_ERROR_RESET);
	assert_string_equal(r.conn->error, "connection reset by the peer");
	assert_true(conn_write_text(r.conn, SLICE("x")) < 0);
}

static void a_turn_reads_no_more_than_its_budget(void **state)
{
	char *scratch = loop_scratch(l), block[8192];
	size_t total = 0, refills = 0;
	ssize_t n;

	memset(block, 'b', sizeof(block));
	r.paused = true;
	assert_int_equal(write(peer, block, sizeof(block)), sizeof(block));
	loop_turn(l, -1);
	/* The peer refills at once what is read: without the budget this would never end. */
	while ((n = conn_read(r.conn, scratch, 4096)) > 0) {
		total += (size_t)n;
		assert_true(refills++ < 1000);
		assert_int_equal(write(peer, block, (size_t)n), n);
	}
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(total, CONN_READ_TURN_MAX);
	assert_true(r.conn->readable);
	/* Reported again without an edge. */
	unsigned ready = r.ready;
	loop_turn(l, -1);
	assert_true(r.ready > ready);
	assert_int_equal(conn_read(r.conn, scratch, 4096), 4096);
}

static void a_full_socket_takes_the_rest_when_there_is_room(void **state)
{
	enum { TOTAL = 16 << 20 };
	char *data = xmalloc(TOTAL), *got = xmalloc(TOTAL);
	size_t sent = 0, received = 0;
	bool was_full = false;

	for (size_t i = 0; i < TOTAL; i++)
		data[i] = (char)(i * 7 + i / 4096);
	while (received < TOTAL) {
		while (sent < TOTAL && r.conn->writable) {
			size_t half = (TOTAL - sent) / 2;
			struct iovec parts[2] = { { data + sent, half }, { data + sent + half, TOTAL - sent - half } };
			ssize_t n = conn_writev(r.conn, parts, 2);
			assert_true(n > 0 || n == -EAGAIN);
			if (n > 0)
				sent += (size_t)n;
		}
		if (sent < TOTAL) {
			was_full = true;
			assert_int_equal(conn_write_text(r.conn, SLICE("x")), -EAGAIN);
		}
		ssize_t n;
		while ((n = read(peer, got + received, TOTAL - received)) > 0)
			received += (size_t)n;
		if (sent < TOTAL)
			loop_turn(l, -1);
	}
	assert_true(was_full);
	assert_memory_equal(data, got, TOTAL);
	assert_int_equal(r.conn->bytes_out, TOTAL);
	free(data);
	free(got);
}

static void nothing_to_write_is_no_error(void **state)
{
	struct iovec empty = { NULL, 0 };
	assert_int_equal(conn_writev(r.conn, &empty, 1), 0);
	assert_int_equal(conn_writev(r.conn, NULL, 0), 0);
	assert_true(r.conn->writable);
}

static void reset_tells_the_peer(void **state)
{
	char byte;
	r.conn = conn_reset(r.conn);
	assert_int_equal(read(peer, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_null(conn_close(NULL));
	assert_null(conn_reset(NULL));
	assert_null(conn_linger(NULL));
}

static void lingering_lets_the_peer_read_an_early_answer(void **state)
{
	char text[64], block[65536] = { 0 };
	r.paused = true;
	assert_true(write(peer, block, sizeof(block)) > 0);
	loop_turn(l, -1);
	assert_int_equal(conn_write_text(r.conn, SLICE("too large")), 9);
	r.conn = conn_linger(r.conn);
	/* The peer is still sending. */
	for (int i = 0; i < 10; i++) {
		loop_turn(l, 0);
		assert_true(write(peer, block, sizeof(block)) > 0);
	}
	assert_int_equal(read(peer, text, sizeof(text)), 9);
	assert_int_equal(read(peer, text, sizeof(text)), 0);
	/* And when it has ended its side, the connection is gone. */
	shutdown(peer, SHUT_WR);
	loop_turn(l, -1);
	loop_turn(l, 0);
}

static void close_when_ready(struct conn *c)
{
	struct reader *owner = c->owner;
	owner->ready++;
	owner->conn = conn_close(c);
}

static void may_be_closed_inside_on_ready(void **state)
{
	r.conn->on_ready = close_when_ready;
	assert_int_equal(write(peer, "x", 1), 1);
	loop_turn(l, -1);
	assert_null(r.conn);
	assert_int_equal(r.ready, 1);
}

/* Connecting. */

static void add_loopback(struct dns_answer *answer, const struct address *a)
{
	answer->addresses[answer->count++] = *a;
}

/* An address where nobody listens. */
static struct address refusing_address(void)
{
	struct address a;
	close(listen_on_loopback(1, &a));
	return a;
}

static void connect_to(const struct dns_answer *answer)
{
	r.conn = conn_connect(l, answer, reader_on_ready, &r);
	assert_int_equal(r.ready, 0);
	while (!r.ready)
		loop_turn(l, -1);
}

static void connects_and_carries_bytes(void **state)
{
	struct dns_answer answer = { 0 };
	struct address a;
	int listening = listen_on_loopback(1, &a);
	add_loopback(&answer, &a);
	connect_to(&answer);
	assert_int_equal(r.conn->state, CONN_OPEN);
	assert_true(r.conn->writable);
	assert_int_equal(conn_write_text(r.conn, SLICE("hello")), 5);
	peer = accept(listening, NULL, NULL);
	char text[8];
	assert_int_equal(read(peer, text, sizeof(text)), 5);
	assert_int_equal(write(peer, "world", 5), 5);
	close(TAKE_FD(peer));
	while (!r.over)
		loop_turn(l, -1);
	assert_true(slice_eq(buf_slice(&r.in), SLICE("world")));
	close(listening);
}

static void a_refused_address_is_followed_by_the_next(void **state)
{
	struct dns_answer answer = { 0 };
	struct address good, bad = refusing_address();
	int listening = listen_on_loopback(1, &good);
	add_loopback(&answer, &bad);
	add_loopback(&answer, &bad);
	add_loopback(&answer, &good);
	connect_to(&answer);
	assert_int_equal(r.conn->state, CONN_OPEN);
	assert_int_equal(conn_write_text(r.conn, SLICE("x")), 1);
	peer = accept(listening, NULL, NULL);
	close(listening);
	close(TAKE_FD(peer));
	while (!r.over)
		loop_turn(l, -1);
}

/* A full backlog drops further connection attempts silently: a black hole on loopback. */
static int black_hole(struct address *a, int fillers[4])
{
	int listening = listen_on_loopback(0, a);
	for (int i = 0; i < 4; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(fillers[i], (struct sockaddr *)&a->storage, a->len);
	}
	return listening;
}

static void a_silent_address_does_not_hold_up_the_next(void **state)
{
	struct dns_answer answer = { 0 };
	struct address silent, bad = refusing_address(), good;
	int fillers[4], hole = black_hole(&silent, fillers), listening = listen_on_loopback(1, &good);
	add_loopback(&answer, &silent);
	add_loopback(&answer, &bad);
	add_loopback(&answer, &good);
	connect_to(&answer);
	assert_int_equal(r.conn->state, CONN_OPEN);
	struct address reached = { .len = sizeof(reached.storage) };
	assert_int_equal(getpeername(r.conn->watch.fd, (struct sockaddr *)&reached.storage, &reached.len), 0);
	assert_memory_equal(&reached.storage, &good.storage, sizeof(struct sockaddr_in));
	/* The winner took the place of the runner that had the conn's own watch; its edges arrive. */
	peer = accept(listening, NULL, NULL);
	assert_int_equal(write(peer, "edge", 4), 4);
	while (r.in.len < 4)
		loop_turn(l, -1);
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(hole);
	close(listening);
}

static void says_why_it_failed(void **state)
{
	struct dns_answer answer = { 0 };
	connect_to(&answer);
	assert_int_equal(r.conn->state, CONN_FAILED);
	assert_string_equal(r.conn->error, "no address to connect to");
	reader_done(&r);
	reader_init(&r);

	struct address bad = refusing_address();
	add_loopback(&answer, &bad);
	add_loopback(&answer, &bad);
	connect_to(&answer);
	assert_int_equal(r.conn->state, CONN_FAILED);
	assert_int_equal(r.conn->error_kind, CONN_ERROR_CONNECT);
	assert_string_equal(r.conn->error, "connection refused");
	char byte;
	assert_int_equal(conn_read(r.conn, &byte, 1), -ECONNRESET);
	assert_int_equal(conn_write_text(r.conn, SLICE("x")), -ECONNRESET);
}

static void may_be_closed_while_connecting(void **state)
{
	struct dns_answer answer = { 0 };
	struct address silent;
	int fillers[4], hole = black_hole(&silent, fillers);
	add_loopback(&answer, &silent);
	add_loopback(&answer, &silent);
	r.conn = conn_connect(l, &answer, reader_on_ready, &r);
	loop_turn(l, 0);
	r.conn = conn_close(r.conn);
	loop_turn(l, 0);
	assert_int_equal(r.ready, 0);
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(hole);
}

static void connects_to_a_socket_file(void **state)
{
	char path[64];
	struct dns_answer answer = { 0 };
	const char *error;
	snprintf(path, sizeof(path), "unix:/tmp/weir-conn-test-%d.sock", (int)getpid());
	assert_true(address_parse(slice_cstr(path), &answer.addresses[0], &error));
	answer.count = 1;
	connect_to(&answer);
	assert_string_equal(r.conn->error, "no such socket");
	reader_done(&r);
	reader_init(&r);

	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&answer.addresses[0].storage, answer.addresses[0].len), 0);
	assert_int_equal(listen(listening, 1), 0);
	connect_to(&answer);
	assert_int_equal(r.conn->state, CONN_OPEN);
	peer = accept(listening, NULL, NULL);
	assert_int_equal(write(peer, "file", 4), 4);
	close(TAKE_FD(peer));
	while (!r.over)
		loop_turn(l, -1);
	assert_true(slice_eq(buf_slice(&r.in), SLICE("file")));
	close(listening);
	unlink(path + 5);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define U(name) cmocka_unit_test_setup_teardown(name, set_up_unix, tear_down)
#define C(name) cmocka_unit_test_setup_teardown(name, set_up_loop, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(an_accepted_connection_is_open_and_quiet), T(a_short_read_means_drained), T(the_end_is_seen_behind_pending_bytes),
		T(the_end_is_seen_by_a_reader_that_was_paused), T(a_reset_is_an_error), U(a_turn_reads_no_more_than_its_budget),
		T(a_full_socket_takes_the_rest_when_there_is_room), T(nothing_to_write_is_no_error), T(reset_tells_the_peer),
		T(lingering_lets_the_peer_read_an_early_answer), T(may_be_closed_inside_on_ready), C(connects_and_carries_bytes),
		C(a_refused_address_is_followed_by_the_next), C(a_silent_address_does_not_hold_up_the_next), C(says_why_it_failed),
		C(may_be_closed_while_connecting), C(connects_to_a_socket_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
