/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include "http/server_test_support.h"

static void answer(struct server_stream *s, int status, struct slice body, bool chunked)
{
	struct header type = { SLICE("content-type"), SLICE("text/plain") };

	server_stream_head(s, status, &type, 1, chunked ? BODY_LENGTH_UNKNOWN : (int64_t)body.len);
	server_stream_cork(s);
	server_stream_write(s, &body, 1);
	server_stream_end(s);
}

void owned_release(struct owned *o)
{
	struct server_stream *s = o->stream;

	o->stream = NULL;
	task_cancel(&o->task);
	if (s)
		server_stream_release(s);
}

static void echo_step(struct owned *o)
{
	struct server_stream *s = o->stream;

	if (s->body_state == BODY_UNREAD)
		server_stream_read_body(s);
	o->body_state = s->body_state;
	if (s->gone) {
		owned_release(o);
		return;
	}
	if (s->body_state == BODY_READING)
		return;
	if (!o->answered) {
		o->answered = true;
		if (s->body_state == BODY_FAILED) {
			o->body_failure = s->body_failure->kind;
			answer(s, s->body_failure->kind == FAILURE_TOO_LARGE ? 413 : 400, slice_cstr(s->body_failure->message), false);
		} else {
			snprintf(o->world->last_body, sizeof(o->world->last_body), "%.*s", SLICE_ARG(buf_slice(&s->body)));
			answer(s, 200, buf_slice(&s->body), o->world->chunked_answer);
		}
	}
	if (s->flushed || s->gone)
		owned_release(o);
}

static void owned_run(struct task *t)
{
	struct owned *o = CONTAINER_OF(t, struct owned, task);

	if (!o->stream)
		return;
	switch (o->world->script) {
	case SCRIPT_ECHO:
		echo_step(o);
		break;
	case SCRIPT_READ:
		if (o->stream->body_state == BODY_UNREAD)
			server_stream_read_body(o->stream);
		o->body_state = o->stream->body_state;
		if (o->body_state == BODY_FAILED)
			o->body_failure = o->stream->body_failure->kind;
		break;
	default:
		break;
	}
}

static void on_event(struct server_stream *s)
{
	struct owned *o = s->owner;

	o->events++;
	o->was_gone = s->gone;
	o->was_flushed = s->flushed;
	loop_queue(s->loop, &o->task);
}

static void on_request(struct server_stream *s, void *ctx)
{
	struct world *w = ctx;
	struct owned *o = &w->owned[w->owned_count++];

	assert_true(w->owned_count < OWNED_MAX);
	*o = (struct owned){ .stream = s, .world = w };
	task_init(&o->task, owned_run);
	s->owner = o;
	s->on_event = on_event;
	if (w->script == SCRIPT_AT_ONCE || w->script == SCRIPT_REFUSE) {
		answer(s, w->script == SCRIPT_REFUSE ? 401 : 200, SLICE("ok"), false);
		owned_release(o);
		return;
	}
	loop_queue(s->loop, &o->task);
}

static struct slice write_error(int status, const char *sentence, const struct request_target *target, struct buf *out, void *ctx)
{
	struct world *w = ctx;
	bool fits = buf_printf(out, "%d: %s", status, sentence);

	assert_true(fits);
	w->last_refused = target->path;
	return SLICE("text/x-error");
}

static void world_serve(struct world *w)
{
	w->bodies = (struct byte_budget){ .cap = w->bodies.cap };
	w->options.bodies = &w->bodies;
	w->server = http_server_new(w->loop, &w->options);
}

int world_setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->loop = loop_new(0);
	w->client = -1;
	w->handler = (struct http_handler){ on_request, write_error, w };
	w->bodies.cap = 256 << 20;
	buf_init(&w->received, 256 << 20);
	http_server_options_init(&w->options);
	world_serve(w);
	*state = w;
	return 0;
}

void world_restart(struct world *w)
{
	w->server = http_server_free(w->server);
	world_serve(w);
}

int world_teardown(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < w->owned_count; i++)
		owned_release(&w->owned[i]);
	world_disconnect(w);
	for (int i = 0; i < 8; i++)
		loop_turn(w->loop, 0);
	assert_int_equal(w->bodies.used, 0);
	http_server_free(w->server);
	loop_free(w->loop);
	buf_done(&w->received);
	free(w);
	return 0;
}

static void take_client(struct world *w, int fd)
{
	world_disconnect(w);
	w->client = fd;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	world_forget(w);
	w->closed = w->reset = false;
}

void world_connect(struct world *w)
{
	struct address peer = { .len = sizeof(sa_family_t) };
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	take_client(w, ends[0]);
	peer.storage.ss_family = AF_UNIX;
	http_server_accept(w->server, ends[1], &peer, NULL, &w->handler);
}

void world_connect_tcp(struct world *w)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	struct address peer = { .len = sizeof(at) };
	int listening = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0), accepted;

	assert_int_equal(bind(listening, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, len), 0);
	accepted = accept4(listening, (struct sockaddr *)&peer.storage, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	close(listening);
	take_client(w, fd);
	http_server_accept(w->server, accepted, &peer, NULL, &w->handler);
}

void world_disconnect(struct world *w)
{
	if (w->client >= 0)
		close(w->client);
	w->client = -1;
}

static bool collect(struct world *w)
{
	bool any = false;

	for (;;) {
		char *room = buf_reserve(&w->received, 64 << 10);
		ssize_t n;

		if (w->client < 0 || w->closed)
			return any;
		assert_non_null(room);
		n = read(w->client, room, 64 << 10);
		if (n > 0) {
			buf_commit(&w->received, (size_t)n);
			any = true;
			continue;
		}
		if (n < 0 && errno == EAGAIN)
			return any;
		w->closed = true;
		w->reset = n < 0;
		return true;
	}
}

void world_turn(struct world *w, int wait_ms)
{
	loop_turn(w->loop, wait_ms);
	collect(w);
}

void world_settle(struct world *w)
{
	for (int quiet = 0; quiet < 6; quiet++) {
		loop_turn(w->loop, 0);
		if (collect(w))
			quiet = 0;
	}
}

void world_send(struct world *w, struct slice bytes)
{
	int stalled = 0;

	while (bytes.len > 0) {
		ssize_t n = send(w->client, bytes.ptr, bytes.len, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return;
		if (n > 0)
			bytes = slice_after(bytes, (size_t)n);
		stalled = n > 0 ? 0 : stalled + 1;
		assert_true(stalled < 1000);
		if (bytes.len > 0)
			world_turn(w, stalled ? 1 : 0);
	}
}

void world_forget(struct world *w)
{
	buf_clear(&w->received);
}

struct slice world_received(const struct world *w)
{
	return buf_slice(&w->received);
}

const char *world_text(struct world *w)
{
	struct slice mark = SLICE("date: ");
	struct slice rest;
	char *end = buf_reserve(&w->received, 1);

	assert_non_null(end);
	*end = '\0';
	rest = buf_slice(&w->received);
	for (size_t at = slice_find(rest, mark); at != SIZE_MAX; at = slice_find(rest, mark)) {
		rest = slice_after(rest, at + mark.len);
		for (size_t i = 0; i < rest.len && rest.ptr[i] != '\r'; i++)
			((char *)(uintptr_t)rest.ptr)[i] = '#';
	}
	return w->received.data ? w->received.data + w->received.start : "";
}
