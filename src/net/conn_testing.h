/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of connections: an owner that collects what arrives, and pairs of loopback sockets. Include after cmocka.h. */
#pragma once

#include <errno.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "base/buf.h"
#include "net/conn.h"

/* An owner as the house wants it: edges queue its task, the task reads. */
struct reader {
	struct conn *conn;
	struct task task;
	struct buf in;
	bool paused;                   /* does not read */
	bool over;                     /* `result` is the end (0) or the error */
	ssize_t result;
	unsigned ready;                /* calls of on_ready */
};

static inline void reader_read(struct task *t)
{
	struct reader *r = CONTAINER_OF(t, struct reader, task);
	if (r->paused || r->over)
		return;
	for (;;) {
		char *scratch = loop_scratch(r->conn->loop);
		ssize_t n = conn_read(r->conn, scratch, LOOP_SCRATCH_SIZE);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			r->over = true;
			r->result = n;
			return;
		}
		assert_true(buf_append(&r->in, scratch, (size_t)n));
	}
}

static inline void reader_on_ready(struct conn *c)
{
	struct reader *r = c->owner;
	r->ready++;
	loop_queue(c->loop, &r->task);
}

static inline void reader_init(struct reader *r)
{
	*r = (struct reader){ 0 };
	task_init(&r->task, reader_read);
	buf_init(&r->in, 64u << 20);
}

static inline void reader_done(struct reader *r)
{
	r->conn = conn_close(r->conn);
	task_cancel(&r->task);
	buf_done(&r->in);
}

static inline ssize_t conn_write_text(struct conn *c, struct slice text)
{
	struct iovec part = { (void *)text.ptr, text.len };
	return conn_writev(c, &part, 1);
}

/* A listening socket on loopback and its address. */
static inline int listen_on_loopback(int backlog, struct address *ret)
{
	const char *error;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_true(address_parse(SLICE("127.0.0.1:0"), ret, &error));
	assert_int_equal(bind(fd, (struct sockaddr *)&ret->storage, ret->len), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ret->storage, &ret->len), 0);
	return fd;
}

/* Two connected TCP sockets, both non-blocking. */
static inline void tcp_pair(int fds[2])
{
	struct address a;
	int listening = listen_on_loopback(1, &a);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&a.storage, a.len), 0);
	fds[1] = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fds[1] >= 0);
	int one = 1;
	assert_int_equal(ioctl(fds[0], FIONBIO, &one), 0);
	close(listening);
}
