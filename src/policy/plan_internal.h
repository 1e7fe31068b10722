/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the planner share: plan_names.c gives a name its meaning, plan_candidates.c lists the targets,
 * plan.c picks the rule and says what is wrong when nobody is left. */
#pragma once

#include "policy/plan.h"

struct meaning {
	enum named named;
	const struct model_name *entry;    /* NAMED_ENTRY */
	const struct provider *provider;   /* NAMED_AT_PROVIDER, NAMED_AS_WRITTEN */
	const struct offer *offer;         /* NAMED_AT_PROVIDER; NULL = sent as written */
	const struct model *model;         /* the one model that is meant; NULL for groups, tiers and unknown ids */
	enum tier tier;                    /* of the model, or the tier that was asked for */
	struct slice written;              /* the id as written, without "P/" and behind aliases: a dated id goes out so */
};

enum { PLAN_CANDIDATES_FIRST = 4 };

struct planner {
	const struct routing *routing;
	const struct plan_query *query;
	struct arena *arena;
	struct plan *plan;
	struct meaning meaning;
	unsigned room;                     /* allocated entries of plan->candidates */
	int64_t prompt_tokens;             /* -1 = not asked for yet */
};

/* False when the name means nothing here. */
bool plan_resolve(const struct routing *r, struct slice name, struct meaning *ret);
/* The first offer that goes by that name; a public id wins over aliases and own ids. */
const struct offer *plan_find_listed(const struct routing *r, struct slice name);
enum tier plan_tier_by_name(struct slice name);
/* Up to three names like `name`, joined by ", "; empty when none is near. Behind "P/" they are P's. */
struct slice plan_nearest_names(const struct routing *r, struct slice name, struct arena *a);
/* The configured provider whose name is like that, or an empty slice. */
struct slice plan_nearest_provider(const struct routing *r, struct slice name);

/* "anthropic and openai-chat": what the provider speaks for the operation that is asked for; empty when it does not serve it. */
struct slice planner_spoken_dialects(const struct planner *p, const struct provider *provider);
/* Sets binding, rules and, for a translation, fields; or passes the candidate over. */
void planner_choose_binding(struct planner *p, struct candidate *c);
/* Counted once, on first need. */
int64_t planner_prompt_tokens(struct planner *p);
/* The candidates that are used without a rule's `try`, and those of one. */
void planner_add_meaning(struct planner *p);
void planner_add_rule(struct planner *p, const struct rule *rule);
/* Orders the candidates from `start` on by their estimates, unknown ones last; equals keep their order. */
void planner_order_by_cost(struct planner *p, unsigned start);
/* True if `names` (comma-separated) has the provider. */
bool plan_only_has(struct slice names, struct slice provider);
