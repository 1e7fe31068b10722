/* SPDX-License-Identifier: Apache-2.0 */
/* The admin plane's handler: finds the endpoint, asks for the token, answers. /metrics gathers first: a letter to every
 * worker, each answers with a copy of what it counts, the last answer makes the page. A worker that
 * does not answer within GATHER_MS is left out and said to be so: a stuck worker must not hide itself by hanging the
 * page. */
#include "admin/admin.h"

#include <stdatomic.h>
#include "admin/metrics_page.h"
#include "base/clock.h"
#include "base/list.h"
#include "config/config.h"
#include "exchange/endpoint.h"
#include "net/mailbox.h"

enum { GATHER_MS = 1000, PAGE_MAX = 16 << 20, TOKEN_MAX = 4096 };

struct admin {
	struct loop *loop;
	struct shared *shared;
	struct worker *const *workers;
	unsigned worker_count;
	struct config *config;
	struct http_server *server;
	struct http_handler handler;
	int64_t started_wall_ms;
	struct list gatherings;
};

/* One request that waits for the workers. Lives until the last letter is back. */
struct gathering {
	struct list node;              /* admin.gatherings */
	struct admin *admin;
	struct server_stream *stream;  /* NULL once it is answered or its client went away */
	struct metrics_view *view;
	struct timer timer;
	struct task answer;
	unsigned letters_out;
};

/* Goes to a worker, is filled in there, and comes back. */
struct count_letter {
	struct letter letter;
	struct gathering *gathering;
	const struct worker *worker;
	struct worker_view view;
};

static void answer_text(struct server_stream *s, int status, struct slice type, struct slice body)
{
	struct header headers[] = { { SLICE("content-type"), type }, { SLICE("cache-control"), SLICE("no-store") } };

	server_stream_cork(s);
	server_stream_head(s, status, headers, COUNT_OF(headers), (int64_t)body.len);
	if (s->method != HTTP_HEAD)
		server_stream_write(s, &body, 1);
	server_stream_end(s);
	server_stream_release(s);
}

static void answer_json(struct server_stream *s, int status, struct slice json)
{
	answer_text(s, status, SLICE("application/json"), json);
}

/* ---- gathering ---- */

static void gathering_end(struct gathering *g)
{
	timer_cancel(&g->timer);
	task_cancel(&g->answer);
	list_remove(&g->node);
	metrics_view_free(g->view);
	free(g);
}

static void answer_gathered(struct gathering *g)
{
	struct server_stream *s = TAKE_PTR(g->stream);
	struct buf page;

	timer_cancel(&g->timer);
	if (!s)
		return;
	buf_init(&page, PAGE_MAX);
	metrics_page_write(g->view, g->admin->shared, &page);
	answer_text(s, 200, SLICE("text/plain; version=0.0.4; charset=utf-8"), buf_slice(&page));
	buf_done(&page);
}

static void on_gathered(struct task *t)
{
	struct gathering *g = CONTAINER_OF(t, struct gathering, answer);

	if (g->stream && g->stream->gone) {
		server_stream_release(g->stream);
		g->stream = NULL;
	}
	if (g->letters_out == 0 || !timer_is_set(&g->timer))
		answer_gathered(g);
	if (g->letters_out == 0)
		gathering_end(g);
}

static void on_gather_timeout(struct timer *t)
{
	struct gathering *g = CONTAINER_OF(t, struct gathering, timer);

	loop_queue(g->admin->loop, &g->answer);
}

static void on_gather_client(struct server_stream *s)
{
	struct gathering *g = s->owner;

	loop_queue(g->admin->loop, &g->answer);
}

static void open_counted(struct letter *letter, struct loop *loop)
{
	struct count_letter *c = CONTAINER_OF(letter, struct count_letter, letter);
	struct gathering *g = c->gathering;

	metrics_view_add(g->view, &c->view);
	worker_view_done(&c->view);
	free(c);
	if (--g->letters_out == 0)
		loop_queue(loop, &g->answer);
}

/* On the worker's thread. The way back cannot be refused: the admin plane has few letters, and a full box empties. */
static void open_count(struct letter *letter, struct loop *loop)
{
	struct count_letter *c = CONTAINER_OF(letter, struct count_letter, letter);

	worker_view_take(&c->view, c->worker);
	c->letter.open = open_counted;
	check(mailbox_post(loop_mailbox(c->gathering->admin->loop), &c->letter), "the admin plane's mailbox is never full");
}

static void gather(struct admin *a, struct server_stream *s)
{
	struct gathering *g = xcalloc(1, sizeof(*g));

	g->admin = a;
	list_append(&a->gatherings, &g->node);
	g->stream = s;
	g->view = metrics_view_new(a->worker_count, a->started_wall_ms);
	s->owner = g;
	s->on_event = on_gather_client;
	task_init(&g->answer, on_gathered);
	timer_init(&g->timer, a->loop, on_gather_timeout);
	timer_set(&g->timer, loop_now(a->loop) + GATHER_MS * NS_PER_MS);
	for (unsigned i = 0; i < a->worker_count; i++) {
		struct count_letter *c = xcalloc(1, sizeof(*c));

		c->letter.open = open_count;
		c->gathering = g;
		c->worker = a->workers[i];
		if (mailbox_post(loop_mailbox(a->workers[i]->loop), &c->letter))
			g->letters_out++;
		else
			free(c);
	}
	if (g->letters_out == 0)
		loop_queue(a->loop, &g->answer);
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
		answer_json(s, 503, SLICE("{\"status\":\"draining\"}"));
	else if (usable == 0)
		answer_json(s, 503, SLICE("{\"status\":\"no usable provider\"}"));
	else
		answer_json(s, 200, SLICE("{\"status\":\"ready\"}"));
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

static void on_request(struct server_stream *s, void *ctx)
{
	struct admin *a = ctx;
	struct endpoint_match match = endpoint_find(PLANE_ADMIN, s->method, s->target.path);

	if (!match.endpoint) {
		answer_json(s, 404, SLICE("{\"error\":\"no such page; there are /healthz, /readyz and /metrics\"}"));
	} else if (match.wrong_method) {
		answer_json(s, 405, SLICE("{\"error\":\"only GET is answered here\"}"));
	} else if (match.endpoint->auth == AUTH_ADMIN && !is_authorized(a, s)) {
		answer_json(s, 401, SLICE("{\"error\":\"send the admin token: Authorization: Bearer <admin.token>\"}"));
	} else {
		switch (match.endpoint->local) {
		case LOCAL_HEALTH:
			answer_json(s, 200, SLICE("{\"status\":\"ok\"}"));
			break;
		case LOCAL_READY:
			answer_ready(a, s);
			break;
		case LOCAL_METRICS:
			gather(a, s);
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
	http_server_options_init(&options);
	options.connections_max = 256;
	a->server = http_server_new(loop, &options);
	return a;
}

void admin_swap_config(struct admin *a, struct config *config)
{
	config_ref(config);
	config_unref(a->config);
	a->config = config;
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
	while (!list_is_empty(&a->gatherings)) {
		struct gathering *g = LIST_ENTRY(a->gatherings.next, struct gathering, node);

		check(g->letters_out == 0, "the admin plane ends after its last letter is back");
		if (g->stream)
			server_stream_release(g->stream);
		gathering_end(g);
	}
	http_server_free(a->server);
	config_unref(a->config);
	free(a);
	return NULL;
}
