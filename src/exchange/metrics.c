/* SPDX-License-Identifier: Apache-2.0 */
/* Counts finished requests. */
#include "exchange/metrics.h"

#include "llm/price.h"

const double histogram_bounds_s[HISTOGRAM_BUCKETS - 1] = {
	0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
};

void histogram_add(struct histogram *h, int64_t us)
{
	unsigned i = 0;

	while (i < HISTOGRAM_BUCKETS - 1 && (double)us > histogram_bounds_s[i] * 1e6)
		i++;
	h->buckets[i]++;
	h->sum_us += (uint64_t)us;
	h->count++;
}

static void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
	into->sum_us += from->sum_us;
	into->count += from->count;
}

/* A copied name is cut to its field. */
static bool is_named(const char *copy, size_t size, struct slice name)
{
	size_t len = name.len < size ? name.len : size - 1;

	return strncmp(copy, name.ptr, len) == 0 && copy[len] == '\0';
}

/* The last row is "other". Targets are few and the busiest come early, so a walk is short. */
static struct series *find_series(struct metrics *m, struct slice provider, struct slice model)
{
	for (unsigned i = 0; i < m->series_count; i++)
		if (is_named(m->series[i].model, sizeof m->series[i].model, model) &&
		    is_named(m->series[i].provider, sizeof m->series[i].provider, provider))
			return &m->series[i];
	if (m->series_count == SERIES_MAX)
		return &m->series[SERIES_MAX - 1];

	struct series *s = &m->series[m->series_count++];
	bool last = m->series_count == SERIES_MAX;

	failure_copy_text(s->provider, sizeof s->provider, last ? SLICE("other") : provider);
	failure_copy_text(s->model, sizeof s->model, last ? SLICE("other") : model);
	return s;
}

static void count_attempts(struct metrics *m, const struct record *r)
{
	unsigned kept = r->attempt_count < ATTEMPTS_RECORDED_MAX ? r->attempt_count : ATTEMPTS_RECORDED_MAX;

	for (unsigned i = 0; i < kept; i++) {
		const struct attempt_record *a = &r->attempts[i];
		struct series *s = find_series(m, a->provider, a->model);

		s->attempts[a->kind]++;
		if (a->first_token_us >= 0)
			histogram_add(&s->first_token, a->first_token_us);
	}
}

void metrics_count(struct metrics *m, const struct endpoint *endpoint, const struct record *r)
{
	_Static_assert(METRICS_ENDPOINTS_MAX >= 64, "one row per endpoint");
	if (!endpoint) {
		m->unknown_paths++;
		return;
	}
	m->requests[endpoint - endpoints][r->outcome]++;
	m->truncated += r->truncated;
	if (endpoint->kind != ENDPOINT_MODEL)
		return;
	m->fallbacks += r->fallback_used;
	histogram_add(&m->latency, r->latency_us);
	if (r->own_us >= 0)
		histogram_add(&m->own_time, r->own_us);
	if (r->attempt_count == 0)
		return;
	count_attempts(m, r);

	struct series *s = find_series(m, r->provider, r->model);

	m->usage_estimated += r->usage.estimated;
	m->unpriced += r->cost_nano_usd == PRICE_UNKNOWN;
	s->input_tokens += (uint64_t)r->usage.input;
	s->output_tokens += (uint64_t)r->usage.output;
	s->cached_tokens += (uint64_t)r->usage.input_cached;
	if (r->cost_nano_usd > 0)
		s->cost_nano_usd += r->cost_nano_usd;
}

void metrics_add(struct metrics *into, const struct metrics *from)
{
	for (unsigned e = 0; e < METRICS_ENDPOINTS_MAX; e++)
		for (unsigned k = 0; k < FAILURE_KIND_COUNT; k++)
			into->requests[e][k] += from->requests[e][k];
	into->unknown_paths += from->unknown_paths;
	into->truncated += from->truncated;
	into->fallbacks += from->fallbacks;
	into->usage_estimated += from->usage_estimated;
	into->unpriced += from->unpriced;
	histogram_merge(&into->latency, &from->latency);
	histogram_merge(&into->own_time, &from->own_time);
	for (unsigned i = 0; i < from->series_count; i++) {
		const struct series *f = &from->series[i];
		struct series *s = find_series(into, slice_cstr(f->provider), slice_cstr(f->model));

		for (unsigned k = 0; k < FAILURE_KIND_COUNT; k++)
			s->attempts[k] += f->attempts[k];
		s->input_tokens += f->input_tokens;
		s->output_tokens += f->output_tokens;
		s->cached_tokens += f->cached_tokens;
		s->cost_nano_usd += f->cost_nano_usd;
		histogram_merge(&s->first_token, &f->first_token);
	}
}
