/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the planner share:
 *
 *   plan.c              picks the rule and puts the plan together
 *   plan_names.c        gives a name its meaning
 *   plan_candidates.c   lists the targets
 *   plan_stand_in.c     who stands in for a model that a provider lacks
 *   plan_constraints.c  why a candidate cannot take the request
 *   plan_binding.c      in which dialect it is spoken to
 *   plan_split.c        what is drawn by lot
 *   plan_order.c        who comes first: preferences, exploration, affinity
 *   plan_failure.c      what is wrong when nobody is left */
#pragma once

#include "policy/plan.h"

struct meaning {
	enum named named;
	const struct model_name *entry;    /* NAMED_ENTRY */
	const struct provider *provider;   /* NAMED_AT_PROVIDER, NAMED_AS_WRITTEN */
	const struct offer *offer;         /* NAMED_AT_PROVIDER; NULL = sent as written */
	const struct model *model;         /* the one model that is meant; NULL for groups, tiers and unknown ids */
	enum tier tier;                    /* of the model, or the tier that was asked for */
	struct slice written;              /* the id without "P/" and behind aliases: a dated id goes out so */
};

enum { PLAN_CANDIDATES_FIRST = 4 };

struct planner {
	const struct routing *routing;
	const struct plan_query *query;
	struct arena *arena;
	struct plan *plan;
	struct meaning meaning;
	unsigned room;                     /* allocated entries of plan->candidates */
	unsigned list_start;               /* from here on nobody stands twice: `on:` may name who is before it */
	uint64_t providers_seen;           /* a bit for each of the list, by their places modulo 64 */
	const struct rule *constraint;     /* of a pinned request: whose `require` holds though it does not decide */
	int64_t prompt_tokens;             /* -1 = not asked for yet */
	bool has_conversation;             /* `conversation` was asked for */
	uint64_t conversation;
	bool is_reordered;                 /* by a preference or a lot, so the order is not the operator's own */
	int64_t saturated_until_ns;        /* when the first that was passed over for it is free again */
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

/* "anthropic and openai-chat": what the provider speaks for the operation that is asked for; empty when it does not
 * serve it. */
struct slice planner_spoken_dialects(const struct planner *p, const struct provider *provider);
/* Sets binding, rules and, for a translation, fields; or passes the candidate over. */
void planner_choose_binding(struct planner *p, struct candidate *c);

/* Counted once, on first need. */
int64_t planner_prompt_tokens(struct planner *p);
/* Asked for once, on first need; without one to ask for, the request's random number. */
uint64_t planner_conversation(struct planner *p);
/* The one model that was asked for; NULL for a group or a tier, which asks for any of its members. */
const struct model *planner_asked_model(const struct planner *p);
bool planner_serves_operation(const struct model *model, enum operation op);
/* What the request needs and the model cannot do. */
unsigned planner_missing_abilities(const struct provider *p, const struct model *model, unsigned needs);
void planner_pass_over(struct candidate *c, enum failure_kind kind, const char *reason);
/* Finds out whether the candidate can take this request, how it is spoken to, and what is known of the target. */
void planner_judge(struct planner *p, struct candidate *c);
/* Passes over, from `start` on, who is not as it says. */
void planner_require(struct planner *p, unsigned start, const struct require *r);

/* Another model may answer only where that would not be wrong without looking wrong. */
bool planner_may_stand_in(const struct plan_query *q);
/* Whom a provider that lacks the model puts in its place; NULL: it has none. `ret_why` in words. */
const struct offer *planner_find_stand_in(struct planner *p, const struct provider *provider, enum tier tier,
					  const char **ret_why);

/* The candidates that are used without a rule's `try`, and those of one. */
void planner_add_meaning(struct planner *p);
void planner_add_rule(struct planner *p, const struct rule *rule);
/* What is tried after failures of one kind; `entry`: whose word it is, NULL for a rule's. */
void planner_add_fallbacks(struct planner *p, const struct actions *actions, const struct model_name *entry);
/* A copy of the first usable candidate of the mirror's target, which does not join the list; NULL: there is none. */
struct candidate *planner_find_mirror(struct planner *p, const struct actions *actions, const struct model_name *entry);

/* What one random number is drawn for: each purpose has a lot of its own. */
enum lot { LOT_MIRROR, LOT_EXPLORE, LOT_EXPLORED, LOT_SPLIT };
/* Which item of `try` comes first. */
unsigned planner_draw_item(struct planner *p, const struct actions *actions, struct slice route);
bool planner_draws_mirror(const struct planner *p, const struct mirror *m);

/* By the provider's priority, ties in the order of the file. */
void planner_order_by_priority(struct planner *p, unsigned start);
/* By what the actions prefer. */
void planner_prefer(struct planner *p, unsigned start, const struct actions *actions);
/* Moves where the conversation was answered last to the front, when it is well. */
void planner_keep_place(struct planner *p, enum condition affinity);
/* In words. */
const char *planner_order_words(const struct planner *p);

/* Says why nobody can take the request; always false. */
bool planner_fail(struct planner *p, struct failure *reterr);
bool planner_fail_unnamed(struct planner *p, struct failure *reterr);
/* How many were passed over for that. */
unsigned plan_count_kind(const struct plan *plan, enum failure_kind kind);
/* True if `names` (comma-separated) has the provider. */
bool plan_only_has(struct slice names, struct slice provider);
