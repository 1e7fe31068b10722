/* SPDX-License-Identifier: Apache-2.0 */
/* Why a request goes where it goes: what a plan decided, and what was known of each candidate at that moment, as one
 * block of memory of its own. `weir explain`, POST /api/explain and GET /api/requests/{id} show it in the same JSON
 * (docs/admin-api.md). */
#pragma once

#include "json/writer.h"
#include "policy/plan.h"

enum {
	EXPLAINED_KEPT_MAX = 16,       /* candidates of a request that was really made */
	EXPLAINED_KEYS_MAX = 8,        /* keys per candidate */
};

struct explanation;

/* Of a plan that has just been made or, with `refusal` (what plan_make() said; NULL otherwise), refused. Everything is
 * copied. `thorough`: all candidates, with percentiles and the addresses they would be asked at, which lie in that
 * arena until the call is over; NULL: what is cheap, of the first EXPLAINED_KEPT_MAX. */
struct explanation *explanation_new(const struct routing *routing, const struct plan_query *query,
				    const struct plan *plan, const struct failure *refusal, struct arena *thorough);
/* Accepts NULL, returns NULL. */
struct explanation *explanation_free(struct explanation *e);
/* Bytes that it holds. */
size_t explanation_size(const struct explanation *e);
/* True when somebody could answer. */
bool explanation_is_answerable(const struct explanation *e);
/* What the client hears otherwise. */
int explanation_status(const struct explanation *e);

/* The members of an object that the caller has begun and ends. `routing`: of the configuration it was made with, for
 * the rule's actions in words; NULL: they are left out. */
void explanation_write(const struct explanation *e, const struct routing *routing, struct json_writer *w,
		       struct arena *a);

/* Actions in words, one string each: "try anthropic, openai/gpt-5.5", "prefer cheapest" (explanation_actions.c). */
void explanation_write_actions(const struct actions *actions, struct json_writer *w, struct arena *a);
/* An amount with six digits behind the point or more: "0.001250". */
void explanation_write_money(struct json_writer *w, int64_t nano_usd);
const char *breaker_state_name(enum breaker_state state);
