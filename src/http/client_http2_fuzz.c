/* SPDX-License-Identifier: Apache-2.0 */
/* Frames from a hostile HTTP/2 server, to a client with three requests: one that reads, one that does not, one that sends
 * more than a window. The first byte says in how large pieces, and whether the rest is bytes as they are or a list of
 * frames whose lengths are always right. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include "http/client_internal.h"

enum { REQUESTS = 3, BODY = 70000, INPUT_MAX = 32 << 10, PIECES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;

struct owner {
	struct task task;
	struct client_stream *stream;
	size_t taken;
	bool slow;
};

static void run(struct task *task)
{
	struct owner *o = CONTAINER_OF(task, struct owner, task);
	enum client_read result;
	struct slice piece;

	while (!o->slow && (result = client_stream_read(o->stream, &piece)) != CLIENT_READ_AGAIN) {
		if (result != CLIENT_READ_DATA) {
			check((result == CLIENT_READ_END) == (o->stream->state == CLIENT_DONE), "an end is an end");
			check(result == CLIENT_READ_END || o->stream->failure->message[0], "a failure says why");
			return;
		}
		check(piece.len > 0, "bytes are bytes");
		o->taken += piece.len;
		client_stream_forget_head(o->stream);
	}
}

static void on_event(struct client_stream *s)
{
	loop_queue(loop, &((struct owner *)s->owner)->task);
}

/* A connection that is made and idle. */
static void put_link(struct http_client *c, const struct origin *origin, int fd)
{
	struct client_pool *p = pool_get(c, origin);
	struct client_link *link = link_new(p);

	link->conn = conn_accept(loop, fd, NULL, link_on_ready, link);
	link->step = LINK_BUSY;
	link->protocol = &client_http2;
	client_http2_begin(link);
	link_rest(link);
	pool_unref(p);
}

/* Each frame is type, flags, stream and length, a byte each, and its payload. */
static void put_frames(struct slice in, struct buf *out)
{
	while (in.len >= 4) {
		const uint8_t *at = (const uint8_t *)in.ptr;
		size_t len = at[3] < in.len - 4 ? at[3] : in.len - 4;
		unsigned char head[9] = { 0, 0, (unsigned char)len, at[0] % 11, at[1], 0, 0, 0, at[2] & 7 };

		check(buf_append(out, head, sizeof(head)) && buf_append(out, in.ptr + 4, len), "the input is small");
		in = slice_after(in, 4 + len);
	}
}

static void swallow(int fd)
{
	char sink[65536];

	while (read(fd, sink, sizeof(sink)) > 0)
		;
}

static void play(int fd, struct slice in, size_t piece)
{
	for (int left = PIECES_MAX; left > 0 && in.len > 0; left--) {
		size_t len = left == 1 || in.len < piece ? in.len : piece;

		if (send(fd, in.ptr, len, MSG_NOSIGNAL) != (ssize_t)len)
			break;
		in = slice_after(in, len);
		loop_turn(loop, 0);
		swallow(fd);
	}
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 4; i++) {
		loop_turn(loop, 0);
		swallow(fd);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char zeros[BODY];
	struct slice body = slice_of(zeros, BODY), in;
	/* Nothing listens there: a request that begins again fails. */
	struct origin origin = { .url = { .host = SLICE("127.0.0.1"), .authority = SLICE("127.0.0.1:1"), .port = 1 }, .http = HTTP_2 };
	struct client_request r = { .origin = &origin, .target = SLICE("/"), .decode = true };
	struct owner owners[REQUESTS] = { 0 };
	struct http_client_options options;
	struct http_client_counts counts;
	struct http_client *c;
	struct buf frames;
	int ends[2];

	if (size < 1 || size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		return 0;
	if (!loop)
		loop = loop_new(0);
	http_client_options_init(&options);
	options.head_max = 4096;
	c = http_client_new(loop, &options);
	put_link(c, &origin, ends[1]);
	for (unsigned i = 0; i < REQUESTS; i++) {
		task_init(&owners[i].task, run);
		owners[i].slow = i == 1;
		r.method = i == 2 ? HTTP_POST : HTTP_GET;
		r.body = &body;
		r.body_count = i == 2;
		owners[i].stream = client_stream_open(c, &r, on_event, &owners[i]);
	}
	buf_init(&frames, (size_t)8 * INPUT_MAX);
	in = slice_of((const char *)data + 1, size - 1);
	if (data[0] & 1) {
		put_frames(in, &frames);
		in = buf_slice(&frames);
	}
	play(ends[0], in, data[0] < 2 ? SIZE_MAX : data[0]);
	for (unsigned i = 0; i < REQUESTS; i++) {
		check(owners[i].stream->body_bytes <= (size_t)8 * INPUT_MAX, "a body is no larger than what came");
		client_stream_close(owners[i].stream);
		task_cancel(&owners[i].task);
	}
	close(ends[0]);
	for (int i = 0; i < 2; i++)
		loop_turn(loop, 0);
	http_client_get_counts(c, &counts);
	check(counts.active == 0 && counts.connecting == 0 && counts.idle == 0, "nothing is left");
	http_client_free(c);
	buf_done(&frames);
	return 0;
}
