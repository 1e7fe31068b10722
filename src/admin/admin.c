/* SPDX-License-Identifier: Apache-2.0 */
/* The admin plane's handler: finds the endpoint, asks for the token, answers or has the page answer. */
#include "admin/admin_internal.h"

#include <stdatomic.h>
#include "base/clock.h"
#include "config/config.h"
#include "exchange/endpoint.h"
#include "json/writer.h"

enum { TOKEN_MAX = 4096, ERROR_MAX = 16 << 10 };

void admin_answer(struct server_stream *s, int status, struct slice type, struct slice body)
{
	struct header headers[] = { { SLICE("content-type"), type }, { SLICE("cache-control"), SLICE("no-store") } };

	server_stream_cork(s);
	server_stream_head(s, status, headers, COUNT_OF(headers), (int64_t)body.len);
	if (s->method != HTTP_HEAD)
		server_stream_write(s, &body, 1);
	server_stream_end(s);
	server_stream_release(s);
}

void admin_answer_json(struct server_stream *s, int status, struct slice json)
{
	admin_answer(s, status, SLICE("application/json"), json);
}

void admin_answer_error(struct server_stream *s, int status, const char *message)
{
	struct json_writer w;
	struct buf body;

	buf_init(&body, ERROR_MAX);
	json_writer_init(&w, &body);
	json_begin_object(&w);
	json_member_cstr(&w, "error", message);
	json_end_object(&w);
	admin_answer_json(s, status, buf_slice(&body));
	buf_done(&body);
}

struct knowledge admin_knowledge(const struct admin *a)
{
	const struct shared *s = a->shared;

	return (struct knowledge){ s->vitals, s->breakers, s->keys, s->affinity, s->health };
}

/* ---- readiness ---- */

/* Ready = not draining, and at least one provider could be asked. */
static void answer_ready(struct admin *a, struct server_stream *s)
{
	const struct config *c = a->config;
	unsigned usable = 0;

	for (unsigned i = 0; i < c->routing.provider_count; i++)
		usable += c->routing.providers[i].key_count > 0;
	if (atomic_load(&a->shared->draining))
		admin_answer_json(s, 503, SLICE("{\"status\":\"draining\"}"));
	else if (usable == 0)
		admin_answer_json(s, 503, SLICE("{\"status\":\"no usable provider\"}"));
	else
		admin_answer_json(s, 200, SLICE("{\"status\":\"ready\"}"));
}

/* ---- the handler ---- */

static bool is_authorized(const struct admin *a, const struct server_stream *s)
{
	struct slice given = headers_get(&s->headers, SLICE("authorization"));
	unsigned char mine[32], theirs[32];

	if (!a->config->admin_token) /* no page of a browser, not by a rebound name either (pain.md P10) */
		return !headers_get(&s->headers, SLICE("origin")).ptr && host_is_loopback(s->host);
	if (given.len <= 7 || given.len > TOKEN_MAX || !slice_eq_nocase(slice_of(given.ptr, 7), SLICE("Bearer ")))
		return false;
	secret_digest(secret_reveal(a->config->admin_token), mine);
	secret_digest(slice_trim(slice_after(given, 7)), theirs);
	return digest_eq(mine, theirs);
}

static void answer_page(struct admin *a, struct server_stream *s, const struct endpoint_match *match)
{
	switch (match->endpoint->local) {
	case LOCAL_HEALTH:
		admin_answer_json(s, 200, SLICE("{\"status\":\"ok\"}"));
		break;
	case LOCAL_READY:
		answer_ready(a, s);
		break;
	case LOCAL_METRICS:
		metrics_page_answer(a, s);
		break;
	case LOCAL_EXPLAIN:
		explain_page_answer(a, s);
		break;
	case LOCAL_STATE:
		state_page_answer(a, s);
		break;
	case LOCAL_REQUESTS:
		requests_page_answer(a, s);
		break;
	case LOCAL_REQUEST:
		request_page_answer(a, s, match->id);
		break;
	case LOCAL_OPENAPI:
		admin_answer_json(s, 200, slice_of(openapi_text, openapi_length));
		break;
	case LOCAL_NONE:
	case LOCAL_ROOT:
	case LOCAL_MODELS:
	case LOCAL_MODEL:
	case LOCAL_RUNNING:
	case LOCAL_VERSION:
		check(false, "only admin pages are on the admin plane");
	}
}

static void on_request(struct server_stream *s, void *ctx)
{
	struct admin *a = ctx;
	struct endpoint_match match = endpoint_find(PLANE_ADMIN, s->method, s->target.path);

	if (!match.endpoint)
		admin_answer_error(s, 404, "no such page; there are /healthz, /readyz, /metrics and what /api/openapi.json describes");
	else if (match.wrong_method)
		admin_answer_error(s, 405, strcmp(match.endpoint->methods, "POST") == 0 ? "only POST is answered here" :
									       "only GET is answered here");
	else if (match.endpoint->auth == AUTH_ADMIN && !is_authorized(a, s))
		admin_answer_error(s, 401, "send the admin token: Authorization: Bearer <admin.token>");
	else
		answer_page(a, s, &match);
}

struct admin *admin_new(struct loop *loop, struct shared *shared, struct worker *const *workers, unsigned worker_count,
			struct config *config)
{
	struct admin *a = xcalloc(1, sizeof(*a));
	struct http_server_options options;

	a->loop = loop;
	a->shared = shared;
	a->workers = workers;
	a->worker_count = worker_count;
	a->config = config_ref(config);
	a->handler = (struct http_handler){ .on_request = on_request, .ctx = a };
	a->started_wall_ms = clock_wall_ms();
	list_init(&a->gatherings);
	list_init(&a->questions);
	http_server_options_init(&options);
	options.connections_max = 256;
	options.body_max = config->limits.body;
	options.bodies = &shared->bodies;
	a->server = http_server_new(loop, &options);
	return a;
}

void admin_swap_config(struct admin *a, struct config *config)
{
	config_ref(config);
	config_unref(a->config);
	a->config = config;
	http_server_set_body_max(a->server, config->limits.body);
}

const struct http_handler *admin_handler(struct admin *a)
{
	return &a->handler;
}

struct http_server *admin_server(struct admin *a)
{
	return a->server;
}

struct admin *admin_free(struct admin *a)
{
	if (!a)
		return NULL;
	gatherings_end(a);
	questions_end(a);
	http_server_free(a->server);
	config_unref(a->config);
	free(a);
	return NULL;
}
