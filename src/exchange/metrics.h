/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of one worker. Only its own thread writes them; others get a copy through its mailbox. Series with a
 * provider's or model's name live in a bounded table: what does not fit is counted under "other". */
#pragma once

#include "exchange/endpoint.h"
#include "exchange/record.h"

enum { HISTOGRAM_BUCKETS = 16, SERIES_MAX = 256, METRICS_ENDPOINTS_MAX = 80, METRICS_STEPS_MAX = 16 };

extern const double histogram_bounds_s[HISTOGRAM_BUCKETS - 1]; /* upper bounds in seconds; the last bucket is +Inf */

struct histogram {
	uint64_t buckets[HISTOGRAM_BUCKETS];
	uint64_t sum_us;
	uint64_t count;
};

/* One target: a provider's model. */
struct series {
	char provider[48];             /* copies: a configuration may go, its counters stay */
	char model[96];
	uint64_t attempts[FAILURE_KIND_COUNT]; /* by how they ended */
	uint64_t input_tokens, output_tokens, cached_tokens;
	int64_t cost_nano_usd;
	struct histogram first_token;
};

struct metrics {
	uint64_t requests[METRICS_ENDPOINTS_MAX][FAILURE_KIND_COUNT]; /* by row of the endpoint table and outcome */
	uint64_t unknown_paths;
	uint64_t truncated, fallbacks, usage_estimated, unpriced;
	struct histogram latency, own_time;
	struct series series[SERIES_MAX];
	unsigned series_count;
};

void histogram_add(struct histogram *h, int64_t us);
/* Counts a finished request and its attempts. `endpoint` NULL = unknown path. */
void metrics_count(struct metrics *m, const struct endpoint *endpoint, const struct record *r);
/* Adds `from` to `into`: for one view over all workers. */
void metrics_add(struct metrics *into, const struct metrics *from);
