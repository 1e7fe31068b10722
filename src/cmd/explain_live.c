/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a running gateway's admin plane. */
#include "cmd/explain_internal.h"

#include <stdio.h>
#include "base/clock.h"
#include "cmd/answer_reader.h"
#include "cmd/config_file.h"

enum { CONNECT_MS = 5000 };

#define PATIENCE_NS (30 * NS_PER_S)

static bool take(void *ctx, struct slice bytes)
{
	return buf_append_slice(ctx, bytes);
}

static int converse(struct loop *l, struct http_client *client, const struct client_request *request, struct buf *out)
{
	const struct answer_reader how = { .patience_ns = PATIENCE_NS, .take = take, .ctx = out };
	struct client_stream *s;
	enum answer_end end = answer_read(l, client, request, &how, &s);

	if (end != ANSWER_COMPLETE)
		fprintf(stderr, "weir explain: the gateway does not answer: %s\n",
			end == ANSWER_LATE ? "thirty seconds are over" : s->failure ? s->failure->message : "the answer is too long");
	client_stream_close(s);
	return end == ANSWER_COMPLETE ? 0 : 1;
}

/* $WEIR_ADMIN_TOKEN, else the configuration's; empty: none. */
static bool find_token(const struct options *o, struct slice *ret, struct arena *a)
{
	const char *given = getenv("WEIR_ADMIN_TOKEN");
	struct config *c;

	*ret = slice_cstr(given ? given : "");
	if (ret->len > 0 || !config_file_path(options_get(o, "config")))
		return true;
	c = config_file_load(options_get(o, "config"));
	if (!c)
		return false;
	if (c->admin_token)
		*ret = arena_dup(a, secret_reveal(c->admin_token));
	config_unref(c);
	return true;
}

static bool find_origin(const struct options *o, struct origin *origin, struct arena *a)
{
	const struct tls_client_options tls = { 0 };
	char message[256] = "";
	const char *error;

	if (!url_parse(a, slice_cstr(options_get(o, "live")), &origin->url, &error)) {
		options_complain(o, "--live takes a URL such as http://127.0.0.1:8485: %s", error);
		return false;
	}
	if (!origin->url.tls)
		return true;
	origin->tls = tls_client_new(&tls, message, sizeof(message));
	if (!origin->tls)
		fprintf(stderr, "weir explain: TLS cannot be set up: %s\n", message);
	return origin->tls;
}

int explain_live(const struct options *o, struct slice question, struct buf *out, struct arena *a)
{
	static const struct proxy_settings no_proxies;
	struct header headers[] = { { SLICE("content-type"), SLICE("application/json") },
				    { SLICE("authorization"), { 0 } } };
	struct http_client_options options;
	struct http_client *client;
	struct origin origin = { 0 };
	struct slice token;
	struct loop *l;
	int status;

	if (!find_origin(o, &origin, a))
		return EXIT_USAGE;
	if (!find_token(o, &token, a)) {
		tls_context_unref(origin.tls);
		return 1;
	}
	headers[1].value = arena_printf(a, "Bearer %.*s", SLICE_ARG(token));
	l = loop_new(0);
	http_client_options_init(&options);
	options.proxies = &no_proxies;
	client = http_client_new(l, &options);
	status = converse(l, client, &(struct client_request){
		.origin = &origin,
		.method = HTTP_POST,
		.target = arena_printf(a, "%.*s/api/explain", SLICE_ARG(origin.url.path)),
		.headers = headers,
		.header_count = token.len > 0 ? 2 : 1,
		.body = &question,
		.body_count = 1,
		.connect_timeout_ms = CONNECT_MS,
	}, out);
	http_client_free(client);
	loop_free(l);
	tls_context_unref(origin.tls);
	return status;
}
