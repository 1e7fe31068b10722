/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes from a client, in pieces, into a server with an owner that echoes: HTTP/1 heads, chunked and coded bodies, and
 * HTTP/2 behind its preface. The first byte says in how large pieces, and whether the preface is put before. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include "http/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;

struct owner {
	struct task task;
	struct server_stream *stream;
};

static void step(struct owner *o)
{
	struct server_stream *s = o->stream;
	struct slice body = buf_slice(&s->body);

	if (s->body_state == BODY_READING && !s->gone)
		return;
	if (!s->gone && !s->head_sent) {
		server_stream_head(s, s->body_state == BODY_COMPLETE ? 200 : 400, NULL, 0, BODY_LENGTH_UNKNOWN);
		server_stream_cork(s);
		server_stream_write(s, &body, 1);
		server_stream_end(s);
	}
	task_cancel(&o->task);
	server_stream_release(s);
}

static void run(struct task *t)
{
	struct owner *o = CONTAINER_OF(t, struct owner, task);

	if (o->stream->body_state == BODY_UNREAD)
		server_stream_read_body(o->stream);
	step(o);
}

static void on_event(struct server_stream *s)
{
	loop_queue(s->loop, &((struct owner *)s->owner)->task);
}

static void on_request(struct server_stream *s, void *ctx)
{
	struct owner *o = arena_new(&s->arena, struct owner);

	task_init(&o->task, run);
	o->stream = s;
	s->owner = o;
	s->on_event = on_event;
	loop_queue(s->loop, &o->task);
}

static void swallow(int fd)
{
	char sink[4096];

	while (read(fd, sink, sizeof(sink)) > 0)
		;
}

static void play(struct http_server *server, struct slice in, size_t piece)
{
	static const struct http_handler handler = { .on_request = on_request };
	struct address peer = { .len = sizeof(sa_family_t) };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		return;
	http_server_accept(server, ends[1], &peer, NULL, &handler);
	for (int left = 64; left > 0 && in.len > 0; left--) {
		size_t len = left == 1 || in.len < piece ? in.len : piece;

		if (send(ends[0], in.ptr, len, MSG_NOSIGNAL) != (ssize_t)len)
			break;
		in = slice_after(in, len);
		loop_turn(loop, 0);
		swallow(ends[0]);
	}
	for (int i = 0; i < 4; i++) {
		loop_turn(loop, 0);
		swallow(ends[0]);
	}
	close(ends[0]);
	for (int i = 0; i < 4; i++)
		loop_turn(loop, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice preface = SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	struct byte_budget bodies = { .cap = 1 << 20 };
	struct http_server_options options;
	struct http_server *server;
	struct buf in;
	bool fits;

	if (size < 1 || size > 32768)
		return 0;
	if (!loop)
		loop = loop_new(0);
	http_server_options_init(&options);
	options.body_max = 100000;
	options.bodies = &bodies;
	server = http_server_new(loop, &options);
	buf_init(&in, 65536);
	fits = (!(data[0] & 1) || buf_append_slice(&in, preface)) && buf_append(&in, data + 1, size - 1);
	check(fits, "the input is small");
	play(server, buf_slice(&in), data[0] < 2 ? SIZE_MAX : data[0]);
	http_server_free(server);
	check(bodies.used == 0, "the budget is whole again");
	buf_done(&in);
	return 0;
}
