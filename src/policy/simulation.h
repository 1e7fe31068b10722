/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway without a network, for tests: a virtual clock, a fleet of providers that behave as a test says, and
 * requests that go where plans, breakers, vitals, key pools and the retry budget send them, in the order in which
 * dispatch asks them. Everything that was attempted is in a log, to be judged afterwards. The same seed gives the same
 * log. */
#pragma once

#include "policy/plan_testing.h"
#include "policy/retry_budget.h"

/* How a provider is at a moment. */
struct behaviour {
	int64_t answer_us;             /* how long its answers take on average … */
	double noise;                  /* … give or take so much of it */
	double failures;               /* the share of requests that it answers with 500 */
	unsigned requests_per_minute;  /* by its own clock; over it: 429 at once, and when to come back; 0: none */
};

struct attempt_log {
	int64_t start_ns, end_ns;
	unsigned request, provider, key;
	int64_t taken, used;           /* tokens */
	bool ok, limited, again;       /* again: a further try of a target that had just failed */
};

struct request_log {
	int64_t start_ns, end_ns;
	uint64_t conversation;
	int answered_by;               /* provider; -1 = nobody */
	unsigned attempts;
};

struct simulation {
	/* Set by the test after simulation_init(). */
	struct fleet fleet;
	struct behaviour (*behave)(unsigned provider, int64_t now_ns);
	uint64_t conversations;        /* how many go on side by side; 0 = every request is a new one */
	int64_t prompt, answer;        /* tokens; answers are up to twice as long */
	uint32_t retry_share;

	struct knowledge known;
	struct retry_budget retries;
	int64_t now_ns;
	uint64_t random;

	struct attempt_log *attempts;
	unsigned attempt_count, attempt_room;
	struct request_log *requests;
	unsigned request_count, request_room;

	struct { int64_t minute; unsigned count; } windows[FLEET_MAX];
	struct happening *events;          /* a heap, the next one first */
	unsigned event_count, event_room;
};

void simulation_init(struct simulation *s, unsigned providers);
void simulation_done(struct simulation *s);
/* So many requests per second arrive at random moments for so many seconds; then all of them come to their end. */
void simulation_run(struct simulation *s, double per_second, double seconds);
