/* SPDX-License-Identifier: Apache-2.0 */
/* A server stream without a client: a request that came by another stream is asked once more, and whatever is answered
 * is taken at once and forgotten. For shadows of requests (exchange/mirror.c). */
#include "http/server_internal.h"

static void sink_read_body(struct stream *s)
{
}

static void sink_head(struct stream *s, int status, const struct header *headers, unsigned count,
		      int64_t content_length)
{
	s->framing = ANSWER_CHUNKED;
}

static void sink_write(struct stream *s, const struct slice *pieces, unsigned count, bool borrowed)
{
}

static void sink_flush(struct stream *s)
{
}

static void sink_end(struct stream *s)
{
	s->pub.flushed = true;
}

static void sink_release(struct stream *s)
{
	stream_free(s);
}

static const struct server_stream_ops sink_ops = {
	.read_body = sink_read_body,
	.head = sink_head,
	.write = sink_write,
	.flush = sink_flush,
	.end = sink_end,
	.abort = sink_flush,
	.release = sink_release,
};

static void copy_request(struct server_stream *to, const struct server_stream *from)
{
	unsigned room = 0;

	to->method = from->method;
	to->target = (struct request_target){ .path = arena_dup(&to->arena, from->target.path),
					      .query = arena_dup(&to->arena, from->target.query) };
	to->host = arena_dup(&to->arena, from->host);
	for (unsigned i = 0; i < from->headers.count; i++)
		headers_add(&to->headers, &room, &to->arena, from->headers.items[i].name, from->headers.items[i].value);
}

struct server_stream *server_stream_new_sink(struct http_server *server, const struct server_stream *like,
					     struct slice body)
{
	struct stream *s;

	if (server->closed || server->draining)
		return NULL;
	s = stream_new(connection_new(server, like->peer), &sink_ops);
	s->held = true;
	s->pub.started_ns = loop_now(server->loop);
	copy_request(&s->pub, like);
	if (!intake_hold(s, body.len) || !buf_append_slice(&s->pub.body, body)) {
		s->pub.head_sent = s->pub.ended = true;
		server_stream_release(&s->pub);
		return NULL;
	}
	s->pub.has_body = true;
	s->pub.body_state = BODY_COMPLETE;
	return &s->pub;
}
