/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/state: what is going on right now. */
#include "admin/admin_internal.h"

#include <stdatomic.h>
#include "base/clock.h"
#include "exchange/exchange.h"
#include "exchange/explanation.h"
#include "json/writer.h"

struct state {
	unsigned steps[STEP_COUNT];
	struct http_server_counts server;
	struct http_client_counts client;
};

static void *take(const struct worker *w, const void *question)
{
	struct state *s = xmalloc(sizeof(*s));

	exchange_count_steps(w, s->steps);
	http_server_get_counts(w->server, &s->server);
	http_client_get_counts(w->client, &s->client);
	return s;
}

static void add(void *sum, void *answer)
{
	struct state *into = sum, *s = answer;

	for (unsigned i = 0; i < STEP_COUNT; i++)
		into->steps[i] += s->steps[i];
	into->server.connections += s->server.connections;
	into->client.idle += s->client.idle;
	into->client.active += s->client.active;
	into->client.connecting += s->client.connecting;
	free(s);
}

#define member_known(w, name, value, unit) (json_literal_key((w), name), json_known((w), (value), (unit)))

static int64_t left_ms(int64_t until_ns, int64_t now_ns)
{
	return until_ns > now_ns ? (until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
}

/* ---- candidates ---- */

struct candidates {
	struct json_writer *w;
	struct breakers *breakers;
	int64_t now_ns;
};

static void write_candidate(const struct vital_view *v, void *ctx)
{
	const struct candidates *c = ctx;
	const struct vital_signs *signs = &v->signs;
	struct json_writer *w = c->w;
	int64_t until_ns;
	bool limited;
	enum breaker_state state = breaker_look(c->breakers, v->key, c->now_ns, &until_ns, &limited);

	json_begin_object(w);
	json_member_cstr(w, "provider", v->provider);
	json_member_cstr(w, "model", v->model);
	json_member_cstr(w, "key", v->credential);
	json_member_int(w, "in_flight", signs->in_flight);
	json_member_int(w, "requests", (int64_t)v->requests);
	json_member_int(w, "faults", (int64_t)v->faults);
	member_known(w, "success", signs->success_permille, 1e3);
	member_known(w, "first_token_ms", signs->first_token_us, 1e3);
	member_known(w, "first_token_p50_ms", v->p50_us, 1e3);
	member_known(w, "first_token_p95_ms", v->p95_us, 1e3);
	member_known(w, "token_ms", signs->token_ns, 1e6);
	member_known(w, "tokens_per_second", signs->token_ns > 0 ? NS_PER_S / signs->token_ns : -1, 1);
	member_known(w, "connect_ms", signs->connect_us, 1e3);
	json_member_cstr(w, "breaker", breaker_state_name(state));
	json_member_int(w, "open_for_ms", state == BREAKER_OPEN ? left_ms(until_ns, c->now_ns) : 0);
	member_known(w, "requests_left", signs->requests_left, 1);
	member_known(w, "tokens_left", signs->tokens_left, 1);
	json_member_int(w, "saturated_for_ms", left_ms(signs->saturated_until_ns, c->now_ns));
	json_end_object(w);
}

static void write_candidates(const struct admin *a, struct json_writer *w)
{
	struct candidates c = { .w = w, .breakers = a->shared->breakers, .now_ns = clock_now_ns() };

	json_literal_key(w, "candidates");
	json_begin_array(w);
	vitals_each(a->shared->vitals, c.now_ns, write_candidate, &c);
	json_end_array(w);
}

/* ---- health checks ---- */

static void write_place(const struct health_view *v, void *ctx)
{
	struct json_writer *w = ctx;

	json_begin_object(w);
	json_member_cstr(w, "place", v->label);
	json_member_bool(w, "down", v->down);
	json_member_int(w, "failures", v->failures);
	json_member_int(w, "checked_ms", v->checked_ms);
	json_end_object(w);
}

static void write_health(const struct admin *a, struct json_writer *w)
{
	json_literal_key(w, "health");
	json_begin_array(w);
	health_each(a->shared->health, clock_now_ns(), write_place, w);
	json_end_array(w);
}

/* ---- the rest ---- */

static void write_requests(const struct state *s, struct json_writer *w)
{
	unsigned count = 0;

	json_literal_key(w, "requests");
	json_begin_object(w);
	json_literal_key(w, "steps");
	json_begin_object(w);
	for (unsigned i = 0; i < STEP_COUNT; i++) {
		count += s->steps[i];
		json_key(w, slice_cstr(exchange_step_name((enum exchange_step)i)));
		json_int(w, s->steps[i]);
	}
	json_end_object(w);
	json_member_int(w, "in_flight", count);
	json_end_object(w);
}

static void write_connections(const struct state *s, struct json_writer *w)
{
	json_literal_key(w, "connections");
	json_begin_object(w);
	json_member_int(w, "clients", s->server.connections);
	json_member_int(w, "upstream_idle", s->client.idle);
	json_member_int(w, "upstream_active", s->client.active);
	json_member_int(w, "upstream_connecting", s->client.connecting);
	json_end_object(w);
}

/* Requests and extra tries of the last ten seconds. */
static void write_budget(struct retry_budget *b, struct json_writer *w)
{
	uint32_t requests, extras;

	retry_budget_look(b, clock_now_ns(), &requests, &extras);
	json_begin_object(w);
	json_member_int(w, "requests", requests);
	json_member_int(w, "extras", extras);
	json_end_object(w);
}

static void write_store(struct store *store, struct json_writer *w)
{
	struct store_counts c;

	store_get_counts(store, &c);
	json_literal_key(w, "store");
	json_begin_object(w);
	json_member_bool(w, "survives_restart", store_survives_restart(store));
	json_member_int(w, "documents", (int64_t)c.documents);
	json_member_int(w, "bytes", (int64_t)c.bytes);
	json_member_int(w, "unwritten", (int64_t)c.unwritten);
	json_member_int(w, "errors", (int64_t)c.errors);
	json_end_object(w);
}

static void write_process(const struct admin *a, unsigned silent, struct json_writer *w)
{
	char time[25];

	clock_format_wall(a->started_wall_ms, time);
	json_member_cstr(w, "version", WEIR_VERSION);
	json_member_cstr(w, "started", time);
	json_member_int(w, "uptime_ms", clock_wall_ms() - a->started_wall_ms);
	json_member_int(w, "config_version", (int64_t)a->config->version);
	json_member_bool(w, "draining", atomic_load(&a->shared->draining));
	json_member_int(w, "workers", a->worker_count);
	json_member_int(w, "workers_silent", silent);
}

static void answer(struct admin *a, struct server_stream *s, void *sum, unsigned silent)
{
	struct shared *shared = a->shared;
	struct json_writer w;
	struct buf out;

	buf_init(&out, PAGE_MAX);
	json_writer_init(&w, &out);
	json_begin_object(&w);
	write_process(a, silent, &w);
	write_requests(sum, &w);
	json_member_int(&w, "waiting", waiting_count(shared->room));
	json_member_int(&w, "conversations", affinity_count(shared->affinity, clock_now_ns()));
	json_literal_key(&w, "retries");
	write_budget(&shared->retries, &w);
	json_literal_key(&w, "hedges");
	write_budget(&shared->hedges, &w);
	write_connections(sum, &w);
	write_store(shared->store, &w);
	write_health(a, &w);
	write_candidates(a, &w);
	json_end_object(&w);
	if (w.overflow)
		admin_answer_error(s, 500, "there are more candidates than a page can hold");
	else
		admin_answer_json(s, 200, buf_slice(&out));
	buf_done(&out);
}

void state_page_answer(struct admin *a, struct server_stream *s)
{
	static const struct gathering_kind kind = { take, add, answer, free };

	gather(a, s, &kind, xcalloc(1, sizeof(struct state)), NULL);
}
