/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker thread has: its loop, its pools, its counters, and the configuration snapshot that new exchanges
 * start on. */
#pragma once

#include "config/config.h"
#include "exchange/history.h"
#include "exchange/metrics.h"
#include "http/client.h"
#include "http/server.h"
#include "policy/plan.h"
#include "policy/retry_budget.h"
#include "policy/waiting.h"
#include "store/store.h"
#include "provider/token.h"

enum { WORKER_NO_USAGE_MAX = 64, WORKER_SPARE_EXCHANGES_MAX = 256 };

/* Shared by all workers of the process; each member has its own lock or is atomic (DESIGN §4, "truly shared"). */
struct shared {
	struct breakers *breakers;
	struct vitals *vitals;
	struct key_pool *keys;
	struct affinity *affinity;
	struct waiting_room *room;
	struct health *health;
	struct retry_budget retries, hedges;
	struct store *store;           /* from before the first request until after the last; never NULL between */
	struct token_keeper *tokens;   /* NULL: nobody here fetches any */
	struct byte_budget bodies;
	_Atomic bool draining;
};

/* What is known of targets, keys and conversations; nothing yet. The store and the tokens are the caller's to set. */
void shared_init(struct shared *s);
void shared_done(struct shared *s);

/* A configuration as one worker holds it: one reference for the worker, a plain count of its exchanges. */
struct snapshot {
	struct config *config;
	unsigned exchanges;
	bool retired;                  /* no longer the worker's current one */
};

struct worker {
	unsigned index;
	struct loop *loop;
	struct shared *shared;
	struct http_server *server;
	struct http_client *client;
	struct checkups *checkups;     /* NULL: there are none, or another worker makes them */
	struct snapshot *snapshot;
	struct config *first_config;   /* owns the proxy settings, which stay for the life of the process */
	struct metrics metrics;
	struct history history;        /* the last requests, for the admin plane */
	struct list exchanges;         /* all live ones */
	unsigned exchange_count;
	struct list spare;             /* freed exchanges kept for reuse */
	unsigned spare_count;
	struct arena scratch;          /* one event's parse; reset after each */
	struct buf line;               /* where log lines are written */
	uint64_t key_rotation;         /* `spread: true` */
	uint64_t no_usage[WORKER_NO_USAGE_MAX]; /* targets that refused stream_options (breaker keys), a ring */
	unsigned no_usage_next;
};

/* `config` is referenced. The worker's loop, server and client are made here. */
void worker_init(struct worker *w, unsigned index, struct shared *shared, struct config *config);
/* On the worker's own thread: exchanges that start from now on use `config` (referenced), running ones keep theirs. */
void worker_swap_config(struct worker *w, struct config *config);
/* Ends what is left and frees. On the worker's thread, or after it. */
void worker_done(struct worker *w);

struct snapshot *snapshot_take(struct worker *w);
void snapshot_release(struct snapshot *s);
