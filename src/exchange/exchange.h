/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one request. See exchange.c for the list of its steps. */
#pragma once

#include "exchange/worker.h"

enum exchange_step {
	STEP_READ_HEAD,
	STEP_IDENTIFY,
	STEP_READ_BODY,
	STEP_DECODE,
	STEP_RESOLVE,
	STEP_PLAN,
	STEP_RECALL,
	STEP_AWAIT_CONTENT,
	STEP_RELAY,
	STEP_SETTLE,
	STEP_FINISH,
	STEP_COUNT
};

const char *exchange_step_name(enum exchange_step step);

/* http_handler.on_request of the data plane; `ctx` is the worker. */
void exchange_accept(struct server_stream *s, void *ctx);
/* http_handler.write_error of the data plane: the dialect of the path, else OpenAI's. */
struct slice exchange_write_server_error(int status, const char *sentence, const struct request_target *target,
					 struct buf *out, void *ctx);
/* How many of the worker's exchanges are in each step, for the gauges. */
void exchange_count_steps(const struct worker *w, unsigned ret[static STEP_COUNT]);
/* The one with that request id as a JSON object: its step, and the decision. False: there is none. */
bool exchange_write_running(const struct worker *w, struct slice id, struct json_writer *to, struct arena *a);
/* Ends an exchange at once, as if its client had gone (`node` is its place in worker.exchanges). */
void exchange_end(struct worker *w, struct list *node);
void exchange_free_spares(struct worker *w);
