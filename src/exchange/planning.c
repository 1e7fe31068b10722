/* SPDX-License-Identifier: Apache-2.0 */
/* The step `plan`: what the planner (policy/plan.h) asks of a request, and what follows from its answer. */
#include "exchange/exchange_internal.h"

#include "base/clock.h"
#include "llm/state.h"

enum { MS_PER_HOUR = 3600 * 1000 };

uint64_t exchange_conversation(struct exchange *x)
{
	if (!x->conversation) {
		x->conversation = x->record.session.len > 0 ? hash_bytes(x->record.session)
							    : x->dialect->prefix_hash(&x->facts, x->endpoint->operation,
										      &x->worker->scratch);
		arena_reset(&x->worker->scratch);
		x->conversation |= x->conversation == 0;
	}
	return x->conversation;
}

int64_t exchange_prompt_tokens(struct exchange *x)
{
	if (x->prompt_tokens < 0 && !x->request_freed && x->facts.doc.count > 0) {
		x->prompt_tokens = dialect_estimate_prompt(x->dialect, &x->facts, x->endpoint->operation, TOKENS_UNSAID,
							   &x->worker->scratch);
		arena_reset(&x->worker->scratch);
	}
	return x->prompt_tokens < 0 ? 0 : x->prompt_tokens;
}

static int64_t prompt_tokens_for_plan(void *ctx)
{
	return exchange_prompt_tokens(ctx);
}

static const struct chat *chat_for_plan(void *ctx)
{
	return translate_chat(ctx);
}

static uint64_t conversation_for_plan(void *ctx)
{
	return exchange_conversation(ctx);
}

static struct plan_query plan_query_of(struct exchange *x, const struct knowledge *knowledge)
{
	return (struct plan_query){
		.dialect = x->dialect->id,
		.operation = x->endpoint->operation,
		.model = x->facts.model,
		.needs = x->facts.needs,
		.stream = x->facts.stream,
		.max_output = x->facts.max_output,
		.has_foreign_state = state_is_in(buf_slice(&x->body)),
		.chat = chat_for_plan,
		.only = x->only,
		.prompt_tokens = prompt_tokens_for_plan,
		.prompt_most = (int64_t)x->body.len,
		.conversation = conversation_for_plan,
		.ctx = x,
		.caller = {
			.key = x->record.key,
			.user = x->record.user,
			.session = x->record.session,
			.tags = x->record.tags,
			.headers = &x->stream->headers,
			.hour = (unsigned)(x->record.wall_ms / MS_PER_HOUR % 24),
		},
		.knowledge = knowledge,
		.now_ns = loop_now(x->worker->loop),
		.deadline_ns = x->deadline.deadline,
		.draw = x->draw,
	};
}

/* What was decided, for those who ask the admin plane later. */
static void explain(struct exchange *x, const struct plan_query *query, const struct failure *refusal)
{
	x->explanation = explanation_new(&x->snapshot->config->routing, query, &x->plan, refusal, NULL);
}

bool exchange_plan(struct exchange *x)
{
	const struct config *config = x->snapshot->config;
	const struct shared *shared = x->worker->shared;
	const struct knowledge knowledge = { shared->vitals, shared->breakers, shared->keys, shared->affinity,
					     shared->health };
	struct plan_query query = plan_query_of(x, &knowledge);
	struct failure refusal;
	bool planned;

	retry_budget_request(&x->worker->shared->retries, query.now_ns);
	if (x->endpoint->kind == ENDPOINT_STORED) {
		stored_plan(x);
		return true;
	}
	planned = plan_make(&config->routing, &query, &x->arena, &x->plan, &refusal) &&
		  stored_constrain(x, &query, &refusal);
	x->record.route = exchange_keep(x, x->plan.route);
	x->record.model = x->plan.public_id.len ? exchange_keep(x, x->plan.public_id) : x->record.model_requested;
	x->planned_ns = clock_now_ns();
	x->record.plan_us = (x->planned_ns - x->body_ready_ns) / NS_PER_US;
	if (!planned) {
		/* What cannot be read can go to nobody: then that is the reason. */
		const struct failure *why = x->chat_failure ? x->chat_failure : &refusal;

		explain(x, &query, why);
		exchange_fail(x, why);
		return false;
	}
	mirror_start(x);
	mirror_plan(x);
	explain(x, &query, NULL);
	rescue_arm(x);
	if (x->plan.hedge.on)
		retry_budget_request(&x->worker->shared->hedges, query.now_ns);
	return true;
}
