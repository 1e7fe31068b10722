/* SPDX-License-Identifier: Apache-2.0 */
/* The demo's client: real HTTP over loopback, by the same code that talks to providers. */
#include <stdio.h>
#include "base/clock.h"
#include "cmd/answer_reader.h"
#include "cmd/demo_request.h"
#include "cmd/terminal.h"
#include "http/framing.h"
#include "json/json.h"

enum { ANSWER_MAX = 1 << 20 };

#define PATIENCE_NS (10 * NS_PER_S)

struct talk {
	struct client_stream *stream;
	struct framer framer;
	bool is_stream;                /* the answer is events */
	bool told_text;                /* the quotation mark is open */
	struct buf body;               /* a whole answer */
};

/* Where the three dialects keep text, whole or streamed. */
static struct json find_text(struct json root)
{
	struct json choice = json_at(json_get(root, "choices"), 0);
	struct json text = json_get(json_get(choice, "delta"), "content");

	if (!json_exists(text))
		text = json_get(json_get(choice, "message"), "content");
	if (!json_exists(text))
		text = json_get(json_get(root, "delta"), "text");
	if (!json_exists(text))
		text = json_get(json_at(json_get(root, "content"), 0), "text");
	return text;
}

static void tell_text(struct talk *t, struct slice json)
{
	struct json_error error;
	struct json_doc doc;
	struct slice text;
	struct arena a;

	arena_init(&a);
	if (json_parse(&a, json, &doc, &error)) {
		text = json_text(find_text(json_root(&doc)), &a);
		if (text.len > 0) {
			printf("%s%.*s", t->told_text ? "" : "   “", SLICE_ARG(text));
			t->told_text = true;
			fflush(stdout);
		}
	}
	arena_done(&a);
}

static void tell_events(struct talk *t, struct slice bytes)
{
	struct frame frame;

	framer_feed(&t->framer, bytes);
	while (framer_next(&t->framer, &frame))
		if (frame.has_data)
			tell_text(t, frame.data);
}

static struct slice answer_header(const struct talk *t, struct slice name)
{
	struct slice value = headers_get(&t->stream->headers, name);

	return value.ptr ? value : SLICE("?");
}

static void tell_outcome(const struct talk *t)
{
	struct slice attempts = answer_header(t, SLICE("x-weir-attempts"));
	double ms = (double)(clock_now_ns() - t->stream->opened_ns) / 1e6;

	if (t->told_text)
		printf("”\n");
	printf("   %s%d%s from %s%.*s%s as %.*s, %.*s attempt%s, %.1f ms\n",
	       style_on(stdout, t->stream->status == 200 ? STYLE_GOOD : STYLE_BAD), t->stream->status,
	       style_off(stdout), style_on(stdout, STYLE_BOLD), SLICE_ARG(answer_header(t, SLICE("x-weir-provider"))),
	       style_off(stdout), SLICE_ARG(answer_header(t, SLICE("x-weir-model"))), SLICE_ARG(attempts),
	       slice_eq(attempts, SLICE("1")) ? "" : "s", ms);
}

static bool take(void *ctx, struct slice bytes)
{
	struct talk *t = ctx;

	if (!t->is_stream)
		return buf_append_slice(&t->body, bytes);
	tell_events(t, bytes);
	return true;
}

static bool converse(struct talk *t, struct loop *l, struct http_client *client, const struct client_request *request,
		     const bool *stop)
{
	const struct answer_reader how = { .patience_ns = PATIENCE_NS, .stop = stop, .take = take, .ctx = t };
	enum answer_end end = answer_read(l, client, request, &how, &t->stream);

	if (end == ANSWER_STOPPED)
		return true;
	if (end != ANSWER_COMPLETE) {
		fprintf(stderr, "weir demo: no complete answer: %s\n",
			end == ANSWER_LATE ? "ten seconds are over" : t->stream->failure ? t->stream->failure->message :
			"it is too long");
		return false;
	}
	if (!t->is_stream)
		tell_text(t, buf_slice(&t->body));
	tell_outcome(t);
	return t->stream->status == 200;
}

bool demo_request_run(const struct demo_request *r, struct slice url, struct loop *l, const bool *stop)
{
	static const struct header headers[] = {
		{ { "content-type", 12 }, { "application/json", 16 } },
		{ { "anthropic-version", 17 }, { "2023-06-01", 10 } },
	};
	struct slice body = slice_cstr(r->body);
	struct proxy_settings no_proxies = { 0 };
	struct http_client_options options;
	struct http_client *client;
	struct origin origin = { 0 };
	struct talk t = { .is_stream = slice_find(body, SLICE("\"stream\":true")) != SIZE_MAX };
	struct client_request request = { .origin = &origin,
					  .method = HTTP_POST,
					  .target = slice_cstr(r->path),
					  .headers = headers,
					  .header_count = COUNT_OF(headers),
					  .body = &body,
					  .body_count = 1,
					  .connect_timeout_ms = 5000 };
	struct arena a;
	const char *error;
	bool ok;

	arena_init(&a);
	check(url_parse(&a, url, &origin.url, &error), "the gateway's own address is no URL");
	http_client_options_init(&options);
	options.proxies = &no_proxies;
	client = http_client_new(l, &options);
	buf_init(&t.body, ANSWER_MAX);
	framer_init(&t.framer, FRAMING_SSE, ANSWER_MAX);
	ok = converse(&t, l, client, &request, stop);
	client_stream_close(t.stream);
	framer_done(&t.framer);
	buf_done(&t.body);
	http_client_free(client);
	arena_done(&a);
	return ok;
}
