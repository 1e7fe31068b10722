/* SPDX-License-Identifier: Apache-2.0 */
/* What server_http2.c and server_http2_answer.c share. */
#pragma once

#include "http/http2_frames.h"
#include "http/server_internal.h"

struct http2 {
	nghttp2_session *session;
	struct list ready;             /* streams whose head is complete, handed over when nghttp2 has returned */
	struct list finishing;         /* streams whose last byte is out of nghttp2, but perhaps not with the kernel */
	int64_t head_deadline;         /* for the client's settings, then for a header block that has begun */
	struct http2_conduct conduct;
	bool going;                    /* GOAWAY was sent: closed when the last stream is done */
};

extern const struct server_stream_ops http2_ops;

/* nghttp2 has lost interest in the stream: no callback will find it any more. */
void http2_forget_stream(struct stream *s);
/* Frees the stream if it is released and its answer out or given up. */
void http2_finish(struct stream *s);
/* The client may send as much again as has come in. */
void http2_return_window(struct stream *s);
/* Without streams the connection's idle time runs. */
void http2_rest(struct connection *c);
/* Hands what nghttp2 wants to send to the kernel, as far as it takes it. */
void http2_send(struct connection *c);
void http2_read_body(struct stream *s);
