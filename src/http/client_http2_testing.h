/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the HTTP/2 client: the other end, which writes its frames by hand, right or wrong. Include after
 * client_test.h. */
#pragma once

#include <nghttp2/nghttp2.h>
#include <netinet/tcp.h>
#include "http/client_test.h"

enum { FRAME_HEAD = 9, PREFACE_LEN = 24, PEER_INPUT_MAX = 8 << 20 };

struct frame {
	unsigned type, flags;
	uint32_t id;
	struct slice payload;          /* valid until the next frame is taken */
};

struct peer {
	struct test *test;
	int fd;
	struct buf in;
	size_t taken;                  /* of `in`, by the newest frame */
	nghttp2_hd_inflater *inflater;
};

static inline void peer_frame(struct peer *p, unsigned type, unsigned flags, uint32_t id, struct slice payload)
{
	unsigned char head[FRAME_HEAD] = { (unsigned char)(payload.len >> 16), (unsigned char)(payload.len >> 8), (unsigned char)payload.len,
					   (unsigned char)type, (unsigned char)flags, (unsigned char)(id >> 24),
					   (unsigned char)(id >> 16), (unsigned char)(id >> 8), (unsigned char)id };

	peer_send_slice(p->fd, slice_of((const char *)head, sizeof(head)));
	if (payload.len)
		peer_send_slice(p->fd, payload);
}

static inline void peer_number_frame(struct peer *p, unsigned type, uint32_t id, uint32_t number)
{
	unsigned char payload[4] = { (unsigned char)(number >> 24), (unsigned char)(number >> 16),
				     (unsigned char)(number >> 8), (unsigned char)number };

	peer_frame(p, type, 0, id, slice_of((const char *)payload, sizeof(payload)));
}

static inline void peer_setting(struct peer *p, unsigned setting, uint32_t value)
{
	unsigned char payload[6] = { (unsigned char)(setting >> 8), (unsigned char)setting, (unsigned char)(value >> 24),
				     (unsigned char)(value >> 16), (unsigned char)(value >> 8), (unsigned char)value };

	peer_frame(p, NGHTTP2_SETTINGS, 0, 0, slice_of((const char *)payload, sizeof(payload)));
}

static inline void peer_goaway(struct peer *p, uint32_t last, uint32_t error)
{
	unsigned char payload[8] = { (unsigned char)(last >> 24), (unsigned char)(last >> 16), (unsigned char)(last >> 8), (unsigned char)last,
				     (unsigned char)(error >> 24), (unsigned char)(error >> 16), (unsigned char)(error >> 8),
				     (unsigned char)error };

	peer_frame(p, NGHTTP2_GOAWAY, 0, 0, slice_of((const char *)payload, sizeof(payload)));
}

/* RFC 7541 §6.2.2: a literal without indexing; short texts only. */
static inline void peer_put_literal(struct buf *block, const char *name, const char *value)
{
	bool fits = buf_printf(block, "%c%c%s%c%s", 0, (int)strlen(name), name, (int)strlen(value), value);

	assert_true(fits);
}

/* `more`: "name: value" pairs as name, value, …, NULL. */
static inline void peer_head(struct peer *p, uint32_t id, const char *status, bool end, const char *const *more)
{
	struct buf block;

	buf_init(&block, 64 << 10);
	if (status)
		peer_put_literal(&block, ":status", status);
	for (; more && *more; more += 2)
		peer_put_literal(&block, more[0], more[1]);
	peer_frame(p, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | (end ? NGHTTP2_FLAG_END_STREAM : 0), id, buf_slice(&block));
	buf_done(&block);
}

static inline void peer_data(struct peer *p, uint32_t id, struct slice body, bool end)
{
	peer_frame(p, NGHTTP2_DATA, end ? NGHTTP2_FLAG_END_STREAM : 0, id, body);
}

static inline void peer_answer(struct peer *p, uint32_t id, const char *body)
{
	peer_head(p, id, "200", false, NULL);
	peer_data(p, id, slice_cstr(body), true);
}

/* Makes `len` bytes of input available. */
static inline const unsigned char *peer_need(struct peer *p, size_t len)
{
	peer_receive(p->test, p->fd, &p->in, len);
	return (const unsigned char *)buf_slice(&p->in).ptr;
}

static inline struct frame peer_next(struct peer *p)
{
	const unsigned char *at;
	struct frame f;
	size_t len;

	buf_consume(&p->in, p->taken);
	p->taken = 0;
	at = peer_need(p, FRAME_HEAD);
	len = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
	at = peer_need(p, FRAME_HEAD + len);
	f = (struct frame){ .type = at[3], .flags = at[4],
			    .id = (uint32_t)at[5] << 24 | (uint32_t)at[6] << 16 | (uint32_t)at[7] << 8 | at[8],
			    .payload = slice_of((const char *)at + FRAME_HEAD, len) };
	p->taken = FRAME_HEAD + len;
	return f;
}

/* The next one of that type; SETTINGS are acknowledged on the way, others passed over. */
static inline struct frame peer_wait(struct peer *p, unsigned type)
{
	struct frame f;

	do {
		f = peer_next(p);
		if (f.type == NGHTTP2_SETTINGS && !(f.flags & NGHTTP2_FLAG_ACK))
			peer_frame(p, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, SLICE(""));
	} while (f.type != type);
	return f;
}

static inline uint32_t frame_number(const struct frame *f)
{
	const unsigned char *at = (const unsigned char *)f->payload.ptr;

	assert_true(f->payload.len >= 4);
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Appends the request's fields, "name: value\n" each. */
static inline void peer_read_head(struct peer *p, const struct frame *f, struct buf *out)
{
	struct slice rest = f->payload;

	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t n = nghttp2_hd_inflate_hd2(p->inflater, &nv, &flags, (const uint8_t *)rest.ptr, rest.len, 1);

		assert_true(n >= 0);
		rest = slice_after(rest, (size_t)n);
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			assert_true(buf_printf(out, "%.*s: %.*s\n", (int)nv.namelen, nv.name, (int)nv.valuelen, nv.value));
		if (flags & NGHTTP2_HD_INFLATE_FINAL)
			break;
	}
	nghttp2_hd_inflate_end_headers(p->inflater);
}

/* Takes the preface and sends empty settings. */
static inline void peer_begin(struct peer *p, struct test *t, int fd)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

	*p = (struct peer){ .test = t, .fd = fd };
	buf_init(&p->in, PEER_INPUT_MAX);
	/* Small frames must not wait for one another. */
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)), 0);
	assert_int_equal(nghttp2_hd_inflate_new(&p->inflater), 0);
	assert_memory_equal(peer_need(p, PREFACE_LEN), preface, PREFACE_LEN);
	p->taken = PREFACE_LEN;
	peer_frame(p, NGHTTP2_SETTINGS, 0, 0, SLICE(""));
}

static inline void peer_meet(struct peer *p, struct test *t)
{
	peer_begin(p, t, peer_accept(t));
}

static inline void peer_done(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	nghttp2_hd_inflate_del(p->inflater);
	buf_done(&p->in);
}

/* The next request's stream. */
static inline uint32_t peer_take_request(struct peer *p)
{
	struct frame f = peer_wait(p, NGHTTP2_HEADERS);

	return f.id;
}

/* Turns in which everything on its way arrives. */
static inline void peer_quiet(struct test *t)
{
	for (int i = 0; i < 6; i++)
		loop_turn(t->loop, 0);
}
