/* SPDX-License-Identifier: Apache-2.0 */
/* One fetch of a token: the requests of its source's recipe one after the other, within one deadline. Redirects are not
 * followed: what is sent here is a secret. */
#include "provider/token_internal.h"

#include <stdio.h>
#include "base/clock.h"
#include "json/json.h"

enum { FETCH_TIMEOUT_MS = 10000, FETCH_CONNECT_TIMEOUT_MS = 5000, FETCH_DIRECT_CONNECT_TIMEOUT_MS = 1000 };

struct token_fetch {
	struct token_fetcher *fetcher;
	struct token_source *source;   /* a reference */
	struct token_job job;
	struct origin origin;
	struct slice body;             /* of the request under way */
	struct client_stream *stream;
	struct buf answer;
	struct task task;
	struct timer deadline;
	bool timed_out;
	void (*on_done)(void *ctx, struct token *token, const struct failure *failure);
	void *ctx;
};

void token_fetcher_init(struct token_fetcher *f, struct loop *l, const struct proxy_settings *proxies)
{
	static const struct proxy_settings none;
	struct http_client_options options;

	http_client_options_init(&options);
	*f = (struct token_fetcher){ .loop = l };
	options.proxies = &none;
	f->direct = http_client_new(l, &options);
	options.proxies = proxies;
	f->proxied = http_client_new(l, &options);
}

void token_fetcher_done(struct token_fetcher *f)
{
	f->direct = http_client_free(f->direct);
	f->proxied = http_client_free(f->proxied);
	f->tls = tls_context_unref(f->tls);
}

struct token_fetch *token_fetch_cancel(struct token_fetch *t)
{
	if (t) {
		client_stream_close(t->stream);
		task_cancel(&t->task);
		timer_cancel(&t->deadline);
		buf_done(&t->answer);
		arena_done(&t->job.arena);
		token_source_unref(t->source);
		free(t);
	}
	return NULL;
}

static void finish(struct token_fetch *t, struct token *token, const struct failure *failure)
{
	void (*on_done)(void *, struct token *, const struct failure *) = t->on_done;
	void *ctx = t->ctx;
	struct failure f = failure ? *failure : (struct failure){ 0 };

	token_fetch_cancel(t);
	on_done(ctx, token, failure ? &f : NULL);
}

static void on_stream_event(struct client_stream *s)
{
	struct token_fetch *t = s->owner;

	loop_queue(t->fetcher->loop, &t->task);
}

static void on_deadline(struct timer *timer)
{
	struct token_fetch *t = CONTAINER_OF(timer, struct token_fetch, deadline);

	t->timed_out = true;
	loop_queue(t->fetcher->loop, &t->task);
}

static bool prepare_tls(struct token_fetch *t, struct failure *reterr)
{
	struct token_fetcher *f = t->fetcher;
	const struct tls_client_options options = { 0 };
	char error[256] = "", message[320];

	if (!t->source->endpoint.tls)
		return true;
	if (!f->tls)
		f->tls = tls_client_new(&options, error, sizeof(error));
	t->origin.tls = f->tls;
	if (f->tls)
		return true;
	snprintf(message, sizeof(message), "TLS cannot be set up: %s", error);
	return token_fail(reterr, &t->job, message);
}

/* Sends the recipe's next request. */
static bool ask(struct token_fetch *t, struct failure *reterr)
{
	const struct token_recipe *recipe = t->source->recipe;
	struct token_request request = { .method = HTTP_GET };

	buf_clear(&t->answer);
	if (!recipe->ask(&t->job, &request, reterr) || !prepare_tls(t, reterr))
		return false;
	t->body = request.body;
	token_add_header(&request, SLICE("accept"), SLICE("*/*"));

	struct client_request sent = {
		.origin = &t->origin,
		.method = request.method,
		.target = request.target,
		.headers = request.headers,
		.header_count = request.header_count,
		.body = &t->body,
		.body_count = t->body.len > 0,
		.connect_timeout_ms = recipe->direct ? FETCH_DIRECT_CONNECT_TIMEOUT_MS : FETCH_CONNECT_TIMEOUT_MS,
		.decode = true,
		.decoded_max = TOKEN_BODY_MAX,
	};
	t->stream = client_stream_open(recipe->direct ? t->fetcher->direct : t->fetcher->proxied, &sent,
				       on_stream_event, t);
	return true;
}

/* What a refusal says: OAuth's {error, error_description} (RFC 6749 §5.2), STS's <Code> and <Message>, metadata's
 * {message}. */
static struct slice complaint(struct token_fetch *t, struct slice body)
{
	struct arena *a = &t->job.arena;
	struct json_doc doc;
	struct json_error error;
	struct slice code, text;
	size_t at;

	if (json_parse(a, body, &doc, &error)) {
		code = json_text(json_get(json_root(&doc), "error"), a);
		text = json_text(json_get(json_root(&doc), "error_description"), a);
		if (!text.ptr)
			text = json_text(json_get(json_root(&doc), "message"), a);
		return arena_printf(a, "%.*s%s%.*s", SLICE_ARG(code), code.len && text.len ? ": " : "", SLICE_ARG(text));
	}
	at = slice_find(body, SLICE("<Message>"));
	if (at == SIZE_MAX)
		return SLICE("");
	text = slice_after(body, at + 9);
	return slice_next_token(&text, '<');
}

static void refuse(struct token_fetch *t, struct failure *reterr)
{
	char message[512], said[300];
	struct slice text = complaint(t, buf_slice(&t->answer));

	failure_copy_text(said, sizeof(said), text);
	snprintf(message, sizeof(message), "it answered %d%s%s", t->stream->status, said[0] ? ": " : "", said);
	token_fail(reterr, &t->job, message);
	reterr->retry_after_ms = -1;
}

/* The answer is in. True: go on with the next request. */
static bool take(struct token_fetch *t, struct token **ret, struct failure *reterr)
{
	const struct token_recipe *recipe = t->source->recipe;
	struct token_reply reply = { t->stream->status, &t->stream->headers, buf_slice(&t->answer) };

	if (reply.status < 200 || reply.status >= 300) {
		refuse(t, reterr);
		return false;
	}
	if (recipe->take(&t->job, &reply, ret, reterr) != TOKEN_STEP_NEXT)
		return false;
	t->stream = client_stream_close(t->stream);
	t->job.step++;
	return ask(t, reterr);
}

static void run(struct task *task)
{
	struct token_fetch *t = CONTAINER_OF(task, struct token_fetch, task);
	struct token *token = NULL;
	struct failure failure = { 0 };
	struct slice piece;

	if (t->timed_out) {
		token_fail(&failure, &t->job, "it did not answer in time");
		finish(t, NULL, &failure);
		return;
	}
	if (!t->stream && !ask(t, &failure)) {
		finish(t, NULL, &failure);
		return;
	}
	for (;;) {
		switch (client_stream_read(t->stream, &piece)) {
		case CLIENT_READ_AGAIN:
			return;
		case CLIENT_READ_DATA:
			if (buf_append_slice(&t->answer, piece))
				continue;
			token_fail(&failure, &t->job, "its answer is too long");
			finish(t, NULL, &failure);
			return;
		case CLIENT_READ_FAILED:
			token_fail(&failure, &t->job, t->stream->failure->message);
			finish(t, NULL, &failure);
			return;
		case CLIENT_READ_END:
			if (take(t, &token, &failure))
				return; /* the next request's events will follow */
			finish(t, token, token ? NULL : &failure);
			return;
		}
	}
}

struct token_fetch *token_fetch_start(struct token_fetcher *f, struct token_source *s,
				      void (*on_done)(void *ctx, struct token *token, const struct failure *failure),
				      void *ctx)
{
	struct token_fetch *t = xcalloc(1, sizeof(*t));

	t->fetcher = f;
	t->source = token_source_ref(s);
	t->job = (struct token_job){ .source = s, .wall_s = clock_wall_ms() / 1000 };
	arena_init(&t->job.arena);
	t->origin = (struct origin){ .url = s->endpoint, .credential = s->id };
	t->on_done = on_done;
	t->ctx = ctx;
	buf_init(&t->answer, TOKEN_BODY_MAX);
	task_init(&t->task, run);
	timer_init(&t->deadline, f->loop, on_deadline);
	timer_set(&t->deadline, clock_now_ns() + FETCH_TIMEOUT_MS * NS_PER_MS);
	loop_queue(f->loop, &t->task);
	return t;
}
