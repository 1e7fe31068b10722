/* SPDX-License-Identifier: Apache-2.0 */
/* What the client's tests share: a client, an owner that reads as it is told, and the other end: plain sockets on loopback
 * that the test itself drives, in the same thread, between turns of the loop. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include "base/buf.h"
#include "http/client.h"

enum { TEST_TURNS_MAX = 4000, TEST_WAIT_MS = 5, TEST_BODY_MAX = 32 << 20, TEST_BACKLOG = 64 };

struct test {
	struct loop *loop;
	struct http_client *client;
	struct arena arena;
	struct proxy_settings proxies;
	int listener;
	unsigned port;
	struct origin origin;          /* the listener, plain, credential 1 */
};

/* Turns the loop until the condition holds; fails the test when it never does. */
#define UNTIL(t, condition) do { \
		for (int turn_ = 0; turn_ < TEST_TURNS_MAX && !(condition); turn_++) \
			loop_turn((t)->loop, TEST_WAIT_MS); \
		assert_true(condition); \
	} while (0)

static inline int test_listen(unsigned *retport)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, TEST_BACKLOG), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*retport = ntohs(address.sin_port);
	return fd;
}

static inline struct url test_url(struct test *t, const char *start, unsigned port)
{
	struct url url;
	const char *error = NULL;
	char text[256];

	snprintf(text, sizeof(text), "%s:%u", start, port);
	if (!url_parse(&t->arena, slice_cstr(text), &url, &error))
		fail_msg("%s: %s", text, error);
	return url;
}

static inline void test_init(struct test *t, const struct http_client_options *options)
{
	struct http_client_options defaults;

	*t = (struct test){ 0 };
	http_client_options_init(&defaults);
	defaults.proxies = &t->proxies;
	t->loop = loop_new(0);
	assert_non_null(t->loop);
	t->client = http_client_new(t->loop, options ? options : &defaults);
	t->listener = test_listen(&t->port);
	t->origin = (struct origin){ .url = test_url(t, "http://127.0.0.1", t->port), .credential = 1 };
}

static inline void test_done(struct test *t)
{
	http_client_free(t->client);
	loop_free(t->loop);
	arena_done(&t->arena);
	close(t->listener);
}

static inline struct http_client_counts test_counts(const struct test *t)
{
	struct http_client_counts counts;

	http_client_get_counts(t->client, &counts);
	return counts;
}

/* An owner: reads all there is whenever it is told to, unless it is paused. */
struct owner {
	struct loop *loop;
	struct client_stream *stream;
	struct task task;
	struct buf body;
	enum client_read last;
	unsigned events, slices;
	size_t largest;
	bool paused;
};

static inline void owner_run(struct task *task)
{
	struct owner *o = CONTAINER_OF(task, struct owner, task);
	struct slice s;

	while (!o->paused) {
		o->last = client_stream_read(o->stream, &s);
		if (o->last != CLIENT_READ_DATA)
			return;
		assert_true(s.len > 0);
		assert_true(buf_append_slice(&o->body, s));
		o->slices++;
		o->largest = s.len > o->largest ? s.len : o->largest;
	}
}

static inline void owner_on_event(struct client_stream *s)
{
	struct owner *o = s->owner;

	o->events++;
	loop_queue(o->loop, &o->task);
}

static inline void owner_open(struct owner *o, struct test *t, const struct client_request *r)
{
	*o = (struct owner){ .loop = t->loop, .last = CLIENT_READ_AGAIN };
	task_init(&o->task, owner_run);
	buf_init(&o->body, TEST_BODY_MAX);
	o->stream = client_stream_open(t->client, r, owner_on_event, o);
	assert_int_equal(o->events, 0);
}

static inline void owner_close(struct owner *o)
{
	o->stream = client_stream_close(o->stream);
	task_cancel(&o->task);
	buf_done(&o->body);
}

static inline bool owner_is_over(const struct owner *o)
{
	return o->last == CLIENT_READ_END || o->last == CLIENT_READ_FAILED || o->stream->state == CLIENT_FAILED;
}

static inline void assert_failed(const struct owner *o, enum failure_kind kind)
{
	if (o->stream->state != CLIENT_FAILED || o->stream->failure->kind != kind)
		fail_msg("state %d, failure %s: %s", o->stream->state,
			 o->stream->state == CLIENT_FAILED ? failure_kind_name(o->stream->failure->kind) : "none",
			 o->stream->state == CLIENT_FAILED ? o->stream->failure->message : "");
}

static inline void assert_complete(const struct owner *o, int status, const char *body)
{
	if (o->stream->state != CLIENT_DONE)
		fail_msg("state %d: %s", o->stream->state, o->stream->failure ? o->stream->failure->message : "");
	assert_int_equal(o->stream->status, status);
	if (!slice_eq(buf_slice(&o->body), slice_cstr(body)))
		fail_msg("body \"%.*s\"", SLICE_ARG(buf_slice(&o->body)));
}

/* The other end. */

static inline bool peer_has_caller_at(int listener)
{
	struct pollfd waits = { .fd = listener, .events = POLLIN };

	return poll(&waits, 1, 0) == 1;
}

static inline bool peer_has_caller(struct test *t)
{
	return peer_has_caller_at(t->listener);
}

static inline int peer_accept_at(struct test *t, int listener)
{
	int fd;

	UNTIL(t, peer_has_caller_at(listener));
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline int peer_accept(struct test *t)
{
	return peer_accept_at(t, t->listener);
}

static inline void peer_send_slice(int fd, struct slice s)
{
	assert_int_equal(send(fd, s.ptr, s.len, MSG_NOSIGNAL), (ssize_t)s.len);
}

static inline void peer_send(int fd, const char *text)
{
	peer_send_slice(fd, slice_cstr(text));
}

/* Reads what has come into `into`, turning the loop, until it is `len` bytes long. */
static inline void peer_receive(struct test *t, int fd, struct buf *into, size_t len)
{
	for (int turn = 0; turn < TEST_TURNS_MAX && into->len < len; turn++) {
		char *at = buf_reserve(into, 64 << 10);
		ssize_t n;

		assert_non_null(at);
		n = recv(fd, at, 64 << 10, 0);
		if (n > 0)
			buf_commit(into, (size_t)n);
		else
			assert_true(n < 0 && errno == EAGAIN);
		loop_turn(t->loop, n > 0 ? 0 : TEST_WAIT_MS);
	}
	assert_true(into->len >= len);
}

/* Exactly this comes. */
static inline void peer_expect(struct test *t, int fd, const char *expected)
{
	struct buf got;

	buf_init(&got, TEST_BODY_MAX);
	peer_receive(t, fd, &got, strlen(expected));
	if (!slice_eq(buf_slice(&got), slice_cstr(expected)))
		fail_msg("the peer got:\n%.*s", SLICE_ARG(buf_slice(&got)));
	buf_done(&got);
}

/* Any request without a body. */
static inline void peer_take_head(struct test *t, int fd)
{
	struct buf got;

	buf_init(&got, TEST_BODY_MAX);
	while (got.len < 4 || !slice_ends_with(buf_slice(&got), SLICE("\r\n\r\n")))
		peer_receive(t, fd, &got, got.len + 1);
	buf_done(&got);
}

/* The connection ends or is reset; bytes before that are discarded. */
static inline bool peer_sees_end(int fd)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		;
	return n == 0 || errno != EAGAIN;
}

static inline void peer_reset(int fd)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

/* A GET on the test's origin. */
static inline struct client_request test_get(const struct test *t)
{
	return (struct client_request){ .origin = &t->origin, .method = HTTP_GET, .target = SLICE("/") };
}
