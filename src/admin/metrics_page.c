/* SPDX-License-Identifier: Apache-2.0 */
/* Writes /metrics. Names follow Prometheus' rules: base units (seconds, bytes), _total for counters. */
#include "admin/admin_internal.h"

#include <stdio.h>
#include "base/clock.h"
#include "base/log.h"
#include "exchange/exchange.h"
#include "exchange/explanation.h"

/* What one worker says of itself; made on its thread, read on the admin plane's. */
struct worker_view {
	struct metrics metrics;        /* a copy */
	unsigned steps[STEP_COUNT];
	struct http_server_counts server;
	struct http_client_counts client;
};

/* All workers together. */
struct metrics_view {
	struct metrics metrics;
	unsigned steps[STEP_COUNT];
	struct http_server_counts server;
	struct http_client_counts client;
};

static void *view_take(const struct worker *w, const void *question)
{
	struct worker_view *v = xmalloc(sizeof(*v));

	v->metrics = w->metrics;
	exchange_count_steps(w, v->steps);
	http_server_get_counts(w->server, &v->server);
	http_client_get_counts(w->client, &v->client);
	return v;
}

static void view_add(void *sum, void *answer)
{
	struct metrics_view *into = sum;
	struct worker_view *v = answer;

	metrics_add(&into->metrics, &v->metrics);
	for (unsigned i = 0; i < STEP_COUNT; i++)
		into->steps[i] += v->steps[i];
	into->server.connections += v->server.connections;
	into->server.streams += v->server.streams;
	into->server.accepted += v->server.accepted;
	into->server.refused += v->server.refused;
	into->server.bytes_in += v->server.bytes_in;
	into->server.bytes_out += v->server.bytes_out;
	into->client.idle += v->client.idle;
	into->client.active += v->client.active;
	into->client.connecting += v->client.connecting;
	into->client.opened += v->client.opened;
	into->client.reused += v->client.reused;
	into->client.stale_retries += v->client.stale_retries;
	into->client.bytes_in += v->client.bytes_in;
	into->client.bytes_out += v->client.bytes_out;
	free(v);
}

/* ---- the text format ---- */

struct page {
	struct buf *out;
	bool full;
};

static void line(struct page *p, const char *format, ...) PRINTF(2, 3);
static void line(struct page *p, const char *format, ...)
{
	va_list args;

	if (p->full)
		return;
	va_start(args, format);
	p->full = !buf_vprintf(p->out, format, args);
	va_end(args);
}

static void head(struct page *p, const char *name, const char *type, const char *help)
{
	line(p, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(struct page *p, const char *name, const char *type, const char *help, uint64_t value)
{
	head(p, name, type, help);
	line(p, "%s %llu\n", name, (unsigned long long)value);
}

/* Label values may hold anything but a bare quote, backslash or newline. */
static const char *label(const char *text, char out[static 200])
{
	size_t n = 0;

	for (; *text && n < 196; text++) {
		if (*text == '"' || *text == '\\')
			out[n++] = '\\';
		out[n++] = *text == '\n' ? ' ' : *text;
	}
	out[n] = '\0';
	return out;
}

static void histogram(struct page *p, const char *name, const char *labels, const struct histogram *h)
{
	uint64_t seen = 0;
	const char *comma = labels[0] ? "," : "";

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		seen += h->buckets[i];
		line(p, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, labels, comma, histogram_bounds_s[i], (unsigned long long)seen);
	}
	line(p, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma, (unsigned long long)h->count);
	line(p, "%s_sum{%s} %.6f\n%s_count{%s} %llu\n", name, labels, (double)h->sum_us / 1e6, name, labels, (unsigned long long)h->count);
}

/* ---- the families ---- */

static void write_requests(struct page *p, const struct metrics *m)
{
	head(p, "weir_requests_total", "counter", "Finished requests by endpoint and outcome.");
	for (unsigned e = 0; e < endpoint_count; e++)
		for (unsigned k = 0; k < FAILURE_KIND_COUNT; k++)
			if (m->requests[e][k])
				line(p, "weir_requests_total{plane=\"data\",endpoint=\"%s\",outcome=\"%s\"} %llu\n", endpoints[e].pattern,
				     failure_kind_name((enum failure_kind)k), (unsigned long long)m->requests[e][k]);
	single(p, "weir_unknown_paths_total", "counter", "Requests for paths that do not exist.", m->unknown_paths);
	single(p, "weir_answers_truncated_total", "counter", "Answers that ended with an error after content had gone out.", m->truncated);
	single(p, "weir_fallbacks_total", "counter", "Requests answered by another target than the plan's first.", m->fallbacks);
	single(p, "weir_usage_estimated_total", "counter", "Requests whose provider told no usage.", m->usage_estimated);
	single(p, "weir_unpriced_total", "counter", "Requests answered by a model without a known price.", m->unpriced);
	head(p, "weir_request_duration_seconds", "histogram", "First request byte to last answer byte.");
	histogram(p, "weir_request_duration_seconds", "", &m->latency);
	head(p, "weir_own_duration_seconds", "histogram", "What weir itself added before the answer's head.");
	histogram(p, "weir_own_duration_seconds", "", &m->own_time);
}

static void write_counter_of_targets(struct page *p, const struct metrics *m, const char *name, const char *help,
				     size_t offset)
{
	char provider[200], model[200];

	head(p, name, "counter", help);
	for (unsigned i = 0; i < m->series_count; i++) {
		const struct series *s = &m->series[i];
		uint64_t value = *(const uint64_t *)((const char *)s + offset);

		line(p, "%s{provider=\"%s\",model=\"%s\"} %llu\n", name, label(s->provider, provider), label(s->model, model),
		     (unsigned long long)value);
	}
}

static void write_targets(struct page *p, const struct metrics *m)
{
	char provider[200], model[200], labels[420];

	head(p, "weir_attempts_total", "counter", "Tries at a provider by how they ended.");
	for (unsigned i = 0; i < m->series_count; i++)
		for (unsigned k = 0; k < FAILURE_KIND_COUNT; k++)
			if (m->series[i].attempts[k])
				line(p, "weir_attempts_total{provider=\"%s\",model=\"%s\",outcome=\"%s\"} %llu\n",
				     label(m->series[i].provider, provider), label(m->series[i].model, model),
				     failure_kind_name((enum failure_kind)k),
				     (unsigned long long)m->series[i].attempts[k]);
	write_counter_of_targets(p, m, "weir_input_tokens_total", "Tokens read, cached ones included.",
				 offsetof(struct series, input_tokens));
	write_counter_of_targets(p, m, "weir_output_tokens_total", "Tokens written.", offsetof(struct series, output_tokens));
	write_counter_of_targets(p, m, "weir_cached_tokens_total", "Tokens read from prompt caches.",
				 offsetof(struct series, cached_tokens));
	head(p, "weir_cost_usd_total", "counter", "Cost by the price table.");
	for (unsigned i = 0; i < m->series_count; i++)
		line(p, "weir_cost_usd_total{provider=\"%s\",model=\"%s\"} %.9f\n", label(m->series[i].provider, provider),
		     label(m->series[i].model, model), (double)m->series[i].cost_nano_usd / 1e9);
	head(p, "weir_first_token_seconds", "histogram", "Start of an attempt to its first content.");
	for (unsigned i = 0; i < m->series_count; i++) {
		snprintf(labels, sizeof labels, "provider=\"%s\",model=\"%s\"", label(m->series[i].provider, provider),
			 label(m->series[i].model, model));
		histogram(p, "weir_first_token_seconds", labels, &m->series[i].first_token);
	}
}

static void write_breaker(const struct breaker_view *v, void *ctx)
{
	char text[200];

	line(ctx, "weir_breaker_state{target=\"%s\",state=\"%s\"} 1\n", label(v->label, text),
	     breaker_state_name(v->state));
}

/* ---- what is known of targets ---- */

/* Gauges per target cannot be added up, so the table of targets has an end here. */
enum { TARGETS_MAX = 256 };

struct targets {
	struct page *page;
	unsigned count;
};

/* One family after the other: a page may not mix them. */
static void write_target_busy(const struct vital_view *v, void *ctx)
{
	struct targets *t = ctx;
	char provider[200], model[200];

	if (t->count++ < TARGETS_MAX)
		line(t->page, "weir_target_in_flight{provider=\"%s\",model=\"%s\",credential=\"%s\"} %u\n", label(v->provider, provider),
		     label(v->model, model), v->credential, v->signs.in_flight);
}

static void write_target_first_token(const struct vital_view *v, void *ctx)
{
	struct targets *t = ctx;
	char provider[200], model[200];

	if (t->count++ < TARGETS_MAX && v->p95_us >= 0)
		line(t->page, "weir_target_first_token_p95_seconds{provider=\"%s\",model=\"%s\",credential=\"%s\"} %.6f\n",
		     label(v->provider, provider), label(v->model, model), v->credential, (double)v->p95_us / 1e6);
}

static void write_target_family(struct page *p, const struct shared *shared, const char *name, const char *help,
				void (*each)(const struct vital_view *v, void *ctx))
{
	struct targets t = { .page = p };

	head(p, name, "gauge", help);
	vitals_each(shared->vitals, clock_now_ns(), each, &t);
}

static void write_budget(struct page *p, struct retry_budget *b, const char *name, const char *help)
{
	uint32_t requests, extras;

	retry_budget_look(b, clock_now_ns(), &requests, &extras);
	single(p, name, "gauge", help, extras);
}

static void write_resilience(struct page *p, struct shared *shared)
{
	write_target_family(p, shared, "weir_target_in_flight", "Attempts under way per target, the first 256 targets.",
			    write_target_busy);
	write_target_family(p, shared, "weir_target_first_token_p95_seconds",
			    "95th percentile of the first token over the last one to two minutes.", write_target_first_token);
	write_budget(p, &shared->retries, "weir_retries_recent", "Further tries that were made in the last ten seconds.");
	write_budget(p, &shared->hedges, "weir_hedges_recent", "Hedged attempts that were made in the last ten seconds.");
	single(p, "weir_requests_waiting", "gauge", "Requests in line until a target takes them.", waiting_count(shared->room));
	single(p, "weir_conversations", "gauge", "Conversations whose place is remembered.",
	       affinity_count(shared->affinity, clock_now_ns()));
}

static void write_state(struct page *p, const struct metrics_view *v, const struct admin *a, unsigned silent)
{
	head(p, "weir_requests_in_flight", "gauge", "Live requests by the step they are in.");
	for (unsigned i = 0; i < STEP_COUNT; i++)
		line(p, "weir_requests_in_flight{step=\"%s\"} %u\n", exchange_step_name((enum exchange_step)i), v->steps[i]);
	single(p, "weir_client_connections", "gauge", "Open connections of clients.", v->server.connections);
	single(p, "weir_client_connections_total", "counter", "Accepted connections of clients.", v->server.accepted);
	single(p, "weir_client_connections_refused_total", "counter", "Connections closed for being too many.", v->server.refused);
	head(p, "weir_upstream_connections", "gauge", "Connections to providers by state.");
	line(p, "weir_upstream_connections{state=\"idle\"} %u\nweir_upstream_connections{state=\"active\"} %u\n"
		"weir_upstream_connections{state=\"connecting\"} %u\n", v->client.idle, v->client.active, v->client.connecting);
	single(p, "weir_upstream_opened_total", "counter", "Connections made to providers.", v->client.opened);
	single(p, "weir_upstream_reused_total", "counter", "Requests sent on a pooled connection.", v->client.reused);
	single(p, "weir_upstream_stale_retries_total", "counter", "Requests sent again because a pooled connection had died.",
	       v->client.stale_retries);
	head(p, "weir_breaker_state", "gauge", "Circuit breakers: 1 at the state each target is in.");
	breakers_each(a->shared->breakers, clock_now_ns(), write_breaker, p);
	single(p, "weir_log_lines_dropped_total", "counter", "Log lines dropped because the reader was slow.", log_dropped());
	single(p, "weir_workers", "gauge", "Worker threads.", a->worker_count);
	single(p, "weir_workers_silent", "gauge", "Workers that did not answer this scrape in time.", silent);
	head(p, "weir_start_time_seconds", "gauge", "When this process started, Unix time.");
	line(p, "weir_start_time_seconds %.3f\n", (double)a->started_wall_ms / 1000);
	head(p, "weir_build_info", "gauge", "The program's version.");
	line(p, "weir_build_info{version=\"%s\"} 1\n", WEIR_VERSION);
}

static void write_store(struct page *p, struct store *store)
{
	struct store_counts c;

	store_get_counts(store, &c);
	single(p, "weir_store_survives_restart", "gauge", "1: the store is a file; 0: it is memory only.", store_survives_restart(store));
	single(p, "weir_store_documents", "gauge", "Documents in the store's memory.", c.documents);
	single(p, "weir_store_bytes", "gauge", "Their bytes.", c.bytes);
	single(p, "weir_store_unwritten", "gauge", "Changes that wait to be written.", c.unwritten);
	single(p, "weir_store_unwritten_bytes", "gauge", "Their bytes.", c.unwritten_bytes);
	single(p, "weir_store_requests", "gauge", "Questions that wait for the store's thread.", c.requests);
	single(p, "weir_store_written_total", "counter", "Rows written or deleted.", c.written);
	single(p, "weir_store_expired_total", "counter", "Rows deleted for their age.", c.expired);
	single(p, "weir_store_dropped_total", "counter", "Changes that do not survive a restart because too much waited.", c.dropped);
	single(p, "weir_store_refused_total", "counter", "Documents over a limit, and questions while too many waited.", c.refused);
	single(p, "weir_store_errors_total", "counter", "Operations of the database that failed.", c.errors);
}

/* Over the buffer's limit the page ends after a whole line. */
static void answer(struct admin *a, struct server_stream *s, void *sum, unsigned silent)
{
	const struct metrics_view *v = sum;
	struct buf out;
	struct page p = { .out = &out };

	buf_init(&out, PAGE_MAX);
	write_requests(&p, &v->metrics);
	write_targets(&p, &v->metrics);
	write_state(&p, v, a, silent);
	write_resilience(&p, a->shared);
	write_store(&p, a->shared->store);
	admin_answer(s, 200, SLICE("text/plain; version=0.0.4; charset=utf-8"), buf_slice(&out));
	buf_done(&out);
}

void metrics_page_answer(struct admin *a, struct server_stream *s)
{
	static const struct gathering_kind kind = { view_take, view_add, answer, free };

	gather(a, s, &kind, xcalloc(1, sizeof(struct metrics_view)), NULL);
}
