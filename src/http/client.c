/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an outbound request, whatever carries it: open, connect or take from the pool, retry when a pooled
 * connection turns out dead or the peer has not looked at the request, read and decode, close. */
#include "base/clock.h"
#include "http/client_internal.h"

void http_client_options_init(struct http_client_options *o)
{
	*o = (struct http_client_options){
		.idle_max = 64,
		.idle_total_max = 1024,
		.idle_timeout_ms = 55000,
		.head_max = 64 << 10,
	};
}

struct http_client *http_client_new(struct loop *l, const struct http_client_options *o)
{
	struct http_client *c = xcalloc(1, sizeof(*c));

	c->loop = l;
	c->options = *o;
	map_init(&c->pools);
	list_init(&c->idle);
	list_init(&c->free_links);
	list_init(&c->free_streams);
	timer_init(&c->idle_timer, l, pool_expire_idle);
	return c;
}

static void outbound_free(struct outbound *o)
{
	arena_done(&o->stream.arena);
	buf_done(&o->decoded);
	buf_done(&o->http2.inbox);
	free(o);
}

struct http_client *http_client_free(struct http_client *c)
{
	if (!c)
		return NULL;
	check(c->counts.active == 0, "an HTTP client is freed before its streams");
	while (!list_is_empty(&c->idle))
		link_drop(LIST_ENTRY(c->idle.next, struct client_link, age));
	while (!list_is_empty(&c->free_links)) {
		struct list *node = c->free_links.next;

		list_remove(node);
		free(LIST_ENTRY(node, struct client_link, node));
	}
	while (!list_is_empty(&c->free_streams)) {
		struct list *node = c->free_streams.next;

		list_remove(node);
		outbound_free(LIST_ENTRY(node, struct outbound, node));
	}
	timer_cancel(&c->idle_timer);
	map_done(&c->pools);
	free(c->gather);
	free(c);
	return NULL;
}

void http_client_get_counts(const struct http_client *c, struct http_client_counts *ret)
{
	*ret = c->counts;
}

void outbound_notify(struct outbound *o)
{
	if (o->opening)
		loop_queue(o->client->loop, &o->report);
	else
		o->stream.on_event(&o->stream);
}

static void report(struct task *t)
{
	struct outbound *o = CONTAINER_OF(t, struct outbound, report);

	o->stream.on_event(&o->stream);
}

static void set_connecting(struct outbound *o, bool connecting)
{
	o->client->counts.connecting += (unsigned)connecting - (unsigned)o->connecting;
	o->connecting = connecting;
}

static void give_link_up(struct outbound *o)
{
	struct client_link *link = o->link;

	timer_cancel(&o->connect_timer);
	set_connecting(o, false);
	if (!link)
		return;
	if (link->protocol) {
		link->protocol->leave(o);
		return;
	}
	link_detach(o);
	if (link->user_count == 0)
		link_drop(link);
}

struct failure *outbound_failure(struct outbound *o)
{
	if (!o->stream.failure)
		o->stream.failure = arena_new(&o->stream.arena, struct failure);
	return o->stream.failure;
}

void outbound_fail(struct outbound *o)
{
	o->stream.state = CLIENT_FAILED;
	give_link_up(o);
}

static void on_connect_timeout(struct timer *t)
{
	struct outbound *o = CONTAINER_OF(t, struct outbound, connect_timer);
	static const char *const doing[] = {
		[LINK_RESOLVING] = "resolving its name",
		[LINK_CONNECTING] = "connecting",
		[LINK_TUNNELLING] = "waiting for the proxy",
		[LINK_SECURING] = "in the TLS handshake",
	};

	failure_set(outbound_failure(o), FAILURE_TIMEOUT_CONNECT, "no connection to %.*s within %lld ms (%s)",
		    SLICE_ARG(o->authority), (long long)o->connect_timeout_ms, doing[o->link->step]);
	outbound_fail(o);
	outbound_notify(o);
}

static void start_connecting(struct outbound *o)
{
	struct client_link *link = pool_take_connecting(o->pool);

	set_connecting(o, true);
	if (o->connect_timeout_ms > 0 && !timer_is_set(&o->connect_timer))
		timer_set(&o->connect_timer, loop_now(o->client->loop) + o->connect_timeout_ms * NS_PER_MS);
	if (link)
		link_attach(link, o);
	else
		link_connect(o);
}

void outbound_reconnect(struct outbound *o)
{
	link_detach(o);
	start_connecting(o);
}

/* That is all somebody wanted to know. */
static void connection_stood(struct outbound *o)
{
	struct client_link *link = o->link;

	link_detach(o);
	if (link->user_count == 0)
		link_drop(link);
	o->stream.state = CLIENT_DONE;
	outbound_notify(o);
}

void outbound_connected(struct outbound *o)
{
	timer_cancel(&o->connect_timer);
	set_connecting(o, false);
	o->stream.connected_ns = loop_now(o->client->loop);
	if (o->connect_only) {
		connection_stood(o);
		return;
	}
	if (o->stream.state == CLIENT_CONNECTING)
		o->stream.state = CLIENT_SENDING;
	o->protocol = o->link->protocol;
	o->protocol->start(o);
}

void outbound_update_released(struct outbound *o)
{
	o->stream.body_released = o->answer.started && outbound_is_sent(o);
}

void outbound_all_sent(struct outbound *o)
{
	o->stream.sent_ns = loop_now(o->client->loop);
	if (o->stream.state == CLIENT_SENDING)
		o->stream.state = CLIENT_AWAITING_HEAD;
	outbound_update_released(o);
}

void outbound_take_head(struct outbound *o, bool has_body)
{
	struct client_stream *s = &o->stream;
	const struct client_answer *a = &o->answer;

	s->status = a->status;
	s->headers = a->headers;
	s->head_ns = loop_now(o->client->loop);
	s->state = CLIENT_BODY;
	if (has_body && a->coding == CODING_UNKNOWN) {
		failure_set(outbound_failure(o), FAILURE_MALFORMED,
			    "%.*s: the answer has a content coding that was not asked for", SLICE_ARG(o->authority));
		outbound_fail(o);
	} else if (has_body && a->coding != CODING_IDENTITY) {
		o->decoder = decoder_new(a->coding, o->decoded_max ? o->decoded_max : SIZE_MAX);
	}
	outbound_notify(o);
}

void outbound_set_lost(struct outbound *o, const char *what, const char *how)
{
	bool started = o->answer.started;

	failure_set(outbound_failure(o), started ? FAILURE_CUT : FAILURE_RESET, "%.*s: the %s was %s before %s",
		    SLICE_ARG(o->authority), what, how, started ? "the answer was complete" : "any answer");
}

void outbound_set_malformed(struct outbound *o, const char *reason)
{
	failure_set(outbound_failure(o), FAILURE_MALFORMED, "%.*s: the answer is not proper HTTP: %s",
		    SLICE_ARG(o->authority), reason);
}

static void start_again(struct outbound *o)
{
	give_link_up(o);
	o->retried = true;
	o->client->counts.stale_retries++;
	o->stream.failure = NULL;
	o->stream.reused = o->stream.request_sent = false;
	o->stream.connected_ns = o->stream.sent_ns = 0;
	start_connecting(o);
}

bool outbound_retry(struct outbound *o)
{
	if (!o->stream.reused || o->retried || o->answer.started)
		return false;
	start_again(o);
	return true;
}

bool outbound_restart(struct outbound *o)
{
	if (o->restarts == CLIENT_RESTARTS_MAX || o->answer.started)
		return false;
	o->restarts++;
	start_again(o);
	return true;
}

static struct outbound *outbound_new(struct http_client *c)
{
	struct outbound *o;
	struct arena arena = { 0 };
	struct buf decoded;

	buf_init(&decoded, CLIENT_DECODED_MAX);
	if (list_is_empty(&c->free_streams)) {
		o = xmalloc(sizeof(*o));
		arena_init(&arena);
	} else {
		o = LIST_ENTRY(c->free_streams.next, struct outbound, node);
		list_remove(&o->node);
		c->free_stream_count--;
		arena = o->stream.arena;
		decoded = o->decoded;
	}
	*o = (struct outbound){ .client = c, .stream.arena = arena, .decoded = decoded };
	list_init(&o->node);
	list_init(&o->on_link);
	list_init(&o->http2.touched);
	return o;
}

struct client_stream *client_stream_open(struct http_client *c, const struct client_request *r,
					 void (*on_event)(struct client_stream *), void *owner)
{
	struct outbound *o = outbound_new(c);
	struct client_stream *s = &o->stream;
	struct client_link *link;

	s->state = CLIENT_CONNECTING;
	s->on_event = on_event;
	s->owner = owner;
	s->opened_ns = loop_now(c->loop);
	task_init(&o->report, report);
	timer_init(&o->connect_timer, c->loop, on_connect_timeout);
	o->pool = pool_get(c, r->origin);
	o->authority = r->origin->url.authority;
	o->connect_timeout_ms = r->connect_timeout_ms;
	o->decoded_max = r->decoded_max;
	o->method = r->method;
	o->connect_only = r->connect_only;
	o->opening = true;
	c->counts.active++;
	if (!outbound_prepare(o, r)) {
		outbound_fail(o);
		outbound_notify(o);
	} else if (!o->connect_only && (link = pool_take(o->pool))) {
		c->counts.reused++;
		s->reused = true;
		link_attach(link, o);
		outbound_connected(o);
	} else {
		start_connecting(o);
	}
	o->opening = false;
	return s;
}

static enum client_read read_failed(struct outbound *o, enum failure_kind kind, const char *cause)
{
	failure_set(outbound_failure(o), kind, "%.*s: %s", SLICE_ARG(o->authority), cause);
	outbound_fail(o);
	return CLIENT_READ_FAILED;
}

static enum client_read read_decoded(struct outbound *o, struct slice *ret)
{
	buf_clear(&o->decoded);
	while (o->decoded.len == 0) {
		struct slice coded;
		enum client_read result = o->protocol->read(o, CLIENT_READ_SMALL, &coded);

		/* An empty body is not a cut one: some servers label error pages by habit. */
		if (result == CLIENT_READ_END && !o->decoder_ended && o->stream.body_bytes)
			return read_failed(o, FAILURE_CUT, "the content coding of the answer ends before its end");
		if (result != CLIENT_READ_DATA)
			return result;
		switch (decoder_feed(o->decoder, coded, &o->decoded)) {
		case DECODE_OK:
			break;
		case DECODE_END:
			o->decoder_ended = true;
			break;
		case DECODE_BAD:
			return read_failed(o, FAILURE_MALFORMED, "the content coding of the answer is damaged");
		case DECODE_TOO_LARGE:
			return read_failed(o, FAILURE_MALFORMED, "the answer is too large when decoded");
		}
	}
	*ret = buf_slice(&o->decoded);
	return CLIENT_READ_DATA;
}

enum client_read client_stream_read(struct client_stream *s, struct slice *ret)
{
	struct outbound *o = CONTAINER_OF(s, struct outbound, stream);
	enum client_read result;

	switch (s->state) {
	case CLIENT_BODY:
		result = o->decoder ? read_decoded(o, ret) : o->protocol->read(o, LOOP_SCRATCH_SIZE, ret);
		if (result == CLIENT_READ_END)
			s->state = CLIENT_DONE;
		return result;
	case CLIENT_DONE:
		return CLIENT_READ_END;
	case CLIENT_FAILED:
		return CLIENT_READ_FAILED;
	default:
		return CLIENT_READ_AGAIN;
	}
}

void client_stream_forget_head(struct client_stream *s)
{
	struct outbound *o = CONTAINER_OF(s, struct outbound, stream);

	/* An answer that is known to be cut may have bytes that come before its failure. */
	if (s->state != CLIENT_BODY || !s->body_released || o->rest.len > 0 || s->failure)
		return;
	s->headers = o->answer.headers = (struct headers){ 0 };
	o->http2.header_room = 0;
	o->fields = NULL;
	o->pieces = NULL;
	arena_done(&s->arena);
}

struct client_stream *client_stream_close(struct client_stream *s)
{
	struct outbound *o = CONTAINER_OF(s, struct outbound, stream);
	struct http_client *c;

	if (!s)
		return NULL;
	c = o->client;
	give_link_up(o);
	task_cancel(&o->report);
	pool_unref(o->pool);
	o->decoder = decoder_free(o->decoder);
	c->counts.active--;
	if (c->free_stream_count >= CLIENT_FREE_MAX) {
		outbound_free(o);
		return NULL;
	}
	arena_reset(&s->arena);
	buf_done(&o->decoded);
	buf_done(&o->http2.inbox);
	list_prepend(&c->free_streams, &o->node);
	c->free_stream_count++;
	return NULL;
}
