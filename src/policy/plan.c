/* SPDX-License-Identifier: Apache-2.0 */
/* The planner, top to bottom: a name gets its meaning (plan_names.c), one rule decides, candidates are listed
 * (plan_candidates.c) and ordered (plan_order.c), and when none of them can take the request the failure says what
 * would help (plan_failure.c).
 *
 *   pinned "P/rest"        that provider only
 *   else the first rule    its `try`; without one, what would have been used without the rule
 *   else `models:` entry   its items
 *   else                   every provider that lists the model
 *
 * Rules are never merged (PRODUCT §6). */
#include "policy/plan_internal.h"

static const struct rule *find_rule(struct planner *p)
{
	for (unsigned i = 0; i < p->routing->rule_count; i++)
		if (rule_matches(&p->routing->rules[i], p->routing, p->query, p->plan->public_id,
				 &p->prompt_tokens))
			return &p->routing->rules[i];
	return NULL;
}

static void list_candidates(struct planner *p)
{
	const struct rule *rule = p->plan->rule;

	if (rule && rule->actions.try.count > 0) {
		planner_add_rule(p, rule);
		return;
	}
	planner_add_meaning(p);
	if (p->constraint)
		planner_require(p, 0, &p->constraint->actions.require);
	if (!rule)
		return;
	planner_require(p, 0, &rule->actions.require);
	if (rule->actions.has_preference)
		planner_prefer(p, 0, &rule->actions);
}

static bool has_fallbacks(const struct actions *a)
{
	for (enum cause cause = CAUSE_NONE + 1; cause < CAUSE_COUNT; cause++)
		if (a->on[cause].count > 0)
			return true;
	return false;
}

/* What goes with the list of candidates: a rule without `try` leaves these to the entry whose list it keeps. */
static void list_fallbacks(struct planner *p)
{
	const struct rule *rule = p->plan->rule;
	const struct model_name *entry = p->plan->named == NAMED_ENTRY ? p->meaning.entry : NULL;

	if (rule && (rule->actions.try.count > 0 || has_fallbacks(&rule->actions)))
		planner_add_fallbacks(p, &rule->actions, NULL);
	else if (entry && has_fallbacks(&entry->actions))
		planner_add_fallbacks(p, &entry->actions, entry);
}

static enum condition affinity_said(const struct planner *p)
{
	const struct rule *rule = p->plan->rule;

	if (rule && (rule->actions.affinity != CONDITION_ANY || rule->actions.try.count > 0))
		return rule->actions.affinity;
	return p->plan->named == NAMED_ENTRY ? p->meaning.entry->actions.affinity : CONDITION_ANY;
}

/* A request that changes what is stored somewhere is sent to one place only. */
static void find_mirror(struct planner *p)
{
	const struct actions *a = p->plan->actions;

	if (a->mirror.target && !(p->query->needs & NEEDS_STATE) && planner_draws_mirror(p, &a->mirror))
		p->plan->mirror = planner_find_mirror(p, a, p->plan->rule ? NULL : p->meaning.entry);
}

static void settle(struct planner *p)
{
	static const struct wait_policy usual = { .up_to_ms = 10000, .queue = 100, .priority = 5 };
	const struct actions *a = p->plan->actions, *defaults = &p->routing->defaults;
	const struct actions *down = a->when_down != WHEN_DOWN_UNSAID ? a : defaults;
	struct plan *plan = p->plan;

	plan->hedge = a->hedge_said ? a->hedge : defaults->hedge_said ? defaults->hedge : (struct hedge){ 0 };
	plan->hedge.on &= !(p->query->needs & NEEDS_STATE);
	plan->slow_stream = a->slow_stream_said ? a->slow_stream : defaults->slow_stream;
	plan->rescue = a->rescue.said ? a->rescue : defaults->rescue;
	plan->when_down = down->when_down != WHEN_DOWN_UNSAID ? down->when_down : WHEN_DOWN_LEAST_BAD;
	plan->wait = plan->when_down == WHEN_DOWN_WAIT && down->wait.up_to_ms > 0 ? down->wait : usual;
}

static unsigned count_usable(const struct plan *plan)
{
	unsigned usable = 0;

	for (unsigned i = 0; i < plan->count; i++)
		usable += !plan->candidates[i].passed_over && plan->candidates[i].cause == CAUSE_NONE;
	return usable;
}

/* All were passed over for what they would have failed with: then those come in that are there for such failures. */
static void promote_fallbacks(struct plan *plan)
{
	static const struct { enum failure_kind kind; enum cause cause; } causes[] = {
		{ FAILURE_CONTEXT_LENGTH, CAUSE_CONTEXT_LENGTH }, { FAILURE_RATE_LIMITED, CAUSE_RATE_LIMIT },
	};

	for (unsigned i = 0; i < COUNT_OF(causes) && plan->usable == 0; i++) {
		if (plan_count_kind(plan, causes[i].kind) == 0)
			continue;
		for (unsigned k = 0; k < plan->count; k++)
			if (plan->candidates[k].cause == causes[i].cause)
				plan->candidates[k].cause = CAUSE_NONE;
		plan->usable = count_usable(plan);
	}
}

static void estimate_cost(const struct planner *p, struct candidate *c)
{
	if (c->cost_estimate == PRICE_UNKNOWN && p->prompt_tokens >= 0)
		c->cost_estimate = plan_cost_estimate(c->offer, p->prompt_tokens, p->query->max_output);
}

static void estimate_costs(struct planner *p)
{
	struct plan *plan = p->plan;

	plan->prompt_tokens = p->prompt_tokens;
	for (unsigned i = 0; i < plan->count; i++)
		estimate_cost(p, &plan->candidates[i]);
	if (plan->mirror)
		estimate_cost(p, plan->mirror);
}

static struct slice route_of(const struct planner *p)
{
	if (p->plan->rule)
		return p->plan->rule->route;
	if (p->meaning.named == NAMED_ENTRY)
		return p->meaning.entry->route;
	return SLICE("direct");
}

static bool is_denied(const struct rule *rule)
{
	return rule && rule->actions.deny.ptr;
}

/* A pinned request is no rule's matter, but for what the rule forbids: `deny` and `require` are no choice of a way that
 * a client could choose better. */
static void choose_rule(struct planner *p)
{
	struct plan *plan = p->plan;
	const struct rule *rule = find_rule(p);

	if (plan->named != NAMED_AT_PROVIDER || is_denied(rule))
		plan->rule = rule;
	else
		p->constraint = rule;
	plan->actions = plan->rule ? &plan->rule->actions :
			plan->named == NAMED_ENTRY ? &p->meaning.entry->actions : &p->routing->defaults;
	plan->route = route_of(p);
}

bool plan_make(const struct routing *routing, const struct plan_query *query, struct arena *a, struct plan *ret,
	       struct failure *reterr)
{
	struct planner p = { .routing = routing, .query = query, .arena = a, .plan = ret, .prompt_tokens = -1 };

	*ret = (struct plan){ .asked = query->model, .route = SLICE("direct"), .actions = &routing->defaults,
			      .prompt_tokens = -1, .order = "as named" };
	if (!plan_resolve(routing, query->model, &p.meaning))
		return planner_fail_unnamed(&p, reterr);
	ret->named = p.meaning.named;
	if (p.meaning.model && !(ret->named == NAMED_ENTRY && !p.meaning.entry->is_alias))
		ret->public_id = p.meaning.model->id;
	choose_rule(&p);
	settle(&p);
	if (is_denied(ret->rule))
		return failure_set(reterr, FAILURE_DENIED, "%.*s", SLICE_ARG(ret->rule->actions.deny));
	list_candidates(&p);
	ret->order = planner_order_words(&p);
	planner_keep_place(&p, affinity_said(&p));
	list_fallbacks(&p);
	ret->usable = count_usable(ret);
	promote_fallbacks(ret);
	if (ret->usable > 0)
		find_mirror(&p);
	estimate_costs(&p);
	return ret->usable > 0 || planner_fail(&p, reterr);
}
