/* SPDX-License-Identifier: Apache-2.0 */
/* The page /metrics in Prometheus' text format (version 0.0.4), from one worker's numbers each, added up. */
#pragma once

#include "base/buf.h"
#include "exchange/exchange.h"

/* What one worker says of itself; made on its thread, read on the admin plane's. */
struct worker_view {
	struct metrics *metrics;       /* a copy */
	unsigned steps[STEP_COUNT];
	struct http_server_counts server;
	struct http_client_counts client;
};

void worker_view_take(struct worker_view *v, const struct worker *w);
void worker_view_done(struct worker_view *v);

/* All workers together. */
struct metrics_view;
struct metrics_view *metrics_view_new(unsigned worker_count, int64_t started_wall_ms);
void metrics_view_add(struct metrics_view *into, const struct worker_view *v);
struct metrics_view *metrics_view_free(struct metrics_view *v);

/* Over the buffer's limit the page ends after a whole line. */
void metrics_page_write(const struct metrics_view *v, const struct shared *shared, struct buf *out);
