/* SPDX-License-Identifier: Apache-2.0 */
/* From a meaning or a `try` list to candidates: who lists a model, who stands in for it, in which order, and why a
 * candidate is passed over. */
#include "policy/plan_internal.h"

static const char *const needs_names[] = { "tools", "images", "audio", "documents", "structured output", "reasoning",
					   "stored state" };

static bool serves_operation(const struct model *model, enum operation op)
{
	unsigned accepted = 1u << op;

	/* Counting and compacting belong to chatting: whether they exist is a matter of the provider's dialect. */
	if (op == OPERATION_COUNT_TOKENS || op == OPERATION_COMPACT)
		accepted |= 1u << OPERATION_CHAT;
	return model->operations == 0 || (model->operations & accepted) != 0;
}

/* What the request needs and the model cannot do. A foreign model of which nothing is known can do everything. */
static unsigned missing_abilities(const struct provider *p, const struct model *model, unsigned needs)
{
	if (p->foreign && model->abilities == 0)
		return 0;
	return needs & ~model->abilities & ~(unsigned)NEEDS_STATE;
}

/* Another model may answer where the answer is text. Vectors, token counts and opaque compactions of another model
 * would be wrong without looking wrong, and stored state is known to one provider only (PRODUCT §6). */
static bool may_stand_in(const struct plan_query *q)
{
	return (q->operation == OPERATION_CHAT || q->operation == OPERATION_COMPLETIONS) && !(q->needs & NEEDS_STATE);
}

int64_t planner_prompt_tokens(struct planner *p)
{
	if (p->prompt_tokens < 0)
		p->prompt_tokens = p->query->prompt_tokens ? p->query->prompt_tokens(p->query->ctx) : 0;
	return p->prompt_tokens;
}

int64_t plan_cost_estimate(const struct offer *offer, int64_t prompt_tokens, int64_t max_output)
{
	int64_t output = max_output >= 0 ? max_output : PLAN_OUTPUT_GUESS;
	int64_t most = offer && offer->model->max_output > 0 ? offer->model->max_output : PLAN_OUTPUT_MAX;
	struct usage usage = { .estimated = true, .input = prompt_tokens };

	if (!offer)
		return PRICE_UNKNOWN;
	usage.output = output > most ? most : output;
	return price_cost(&offer->price, &usage);
}

/* An estimate that sorts: unknown prices come last. */
static int64_t sort_cost(struct planner *p, const struct offer *offer)
{
	int64_t cost = plan_cost_estimate(offer, planner_prompt_tokens(p), p->query->max_output);

	return cost == PRICE_UNKNOWN ? INT64_MAX : cost;
}

struct slice planner_spoken_dialects(const struct planner *p, const struct provider *provider)
{
	struct slice text = { 0 };

	for (unsigned i = 0; i < provider->binding_count; i++)
		if (provider->bindings[i].operations & (1u << p->query->operation))
			text = arena_printf(p->arena, "%.*s%s%s", SLICE_ARG(text), text.len ? " and " : "",
					    dialect_id_name(provider->bindings[i].dialect_id));
	return text;
}

static void pass_over(struct candidate *c, enum failure_kind kind, const char *reason)
{
	c->passed_over = reason;
	c->passed_kind = kind;
}

/* The one model that was asked for: a group or a tier asks for any of its members. */
static const struct model *asked_model(const struct planner *p)
{
	const struct meaning *m = &p->meaning;

	if (m->named == NAMED_TIER || (m->named == NAMED_ENTRY && !m->entry->is_alias))
		return NULL;
	return m->model;
}

/* Finds out whether the candidate can take this request. A missing key comes last: setting one removes nothing else. */
static void judge(struct planner *p, struct candidate *c)
{
	const struct plan_query *q = p->query;
	const struct model *model = c->offer ? c->offer->model : NULL;
	/* Whether the asked model itself copes is for its provider to say. */
	unsigned missing = model && model != asked_model(p) ? missing_abilities(c->provider, model, q->needs) : 0;

	if (q->only.len > 0 && !plan_only_has(q->only, c->provider->name)) {
		pass_over(c, FAILURE_BAD_REQUEST, "left out by x-weir-only");
	} else if (model && !serves_operation(model, q->operation)) {
		pass_over(c, FAILURE_BAD_REQUEST,
			  arena_printf(p->arena, "does not serve %s", operation_name(q->operation)).ptr);
	} else if (missing) {
		pass_over(c, FAILURE_BAD_REQUEST,
			  arena_printf(p->arena, "does not take %s", needs_names[__builtin_ctz(missing)]).ptr);
	} else if (!c->provider->lacks_address) {
		planner_choose_binding(p, c);
	}
	if (!c->passed_over && c->provider->needs_key && c->provider->key_count == 0)
		pass_over(c, FAILURE_NO_CREDENTIALS,
			  c->provider->key_variable.len > 0 ?
				  arena_printf(p->arena, "no %s: set %.*s", c->provider->lacks_address ? "base URL" : "key",
					       SLICE_ARG(c->provider->key_variable)).ptr :
				  "no key");
}

static bool same_model(const struct model *a, const struct model *b)
{
	return a == b || slice_eq(a->id, b->id);
}

/* A dated id goes out as it was written to the provider that knows it by that name. */
static struct slice id_to_send(const struct offer *offer, struct slice written)
{
	for (unsigned i = 0; i < offer->alias_count; i++)
		if (slice_eq(offer->aliases[i], written))
			return written;
	return offer->own_id;
}

/* Most plans have a few candidates; an outgrown list stays behind in the arena. */
static void make_room(struct planner *p)
{
	struct plan *plan = p->plan;
	struct candidate *old = plan->candidates;

	if (plan->count < p->room)
		return;
	p->room = p->room > 0 ? 2 * p->room : PLAN_CANDIDATES_FIRST;
	plan->candidates = arena_alloc(p->arena, p->room * sizeof(*old));
	if (plan->count > 0)
		memcpy(plan->candidates, old, plan->count * sizeof(*old));
}

static struct candidate *append(struct planner *p, const struct provider *provider, struct slice model,
				struct slice own_id, const char *why)
{
	struct plan *plan = p->plan;
	struct candidate *c;

	for (unsigned i = 0; i < plan->count; i++)
		if (plan->candidates[i].provider == provider && slice_eq(plan->candidates[i].own_id, own_id))
			return NULL;
	if (plan->count == PLAN_CANDIDATES_MAX)
		return NULL;
	make_room(p);
	c = &plan->candidates[plan->count++];
	*c = (struct candidate){ .provider = provider, .model = model, .own_id = own_id, .why = why,
				 .cost_estimate = PRICE_UNKNOWN };
	return c;
}

static void add_offer(struct planner *p, const struct provider *provider, const struct offer *offer,
		      struct slice written, const char *why)
{
	const struct model *asked = asked_model(p);
	struct candidate *c = append(p, provider, offer->model->id, id_to_send(offer, written), why);

	if (!c)
		return;
	c->offer = offer;
	c->substituted = asked && !same_model(asked, offer->model);
	judge(p, c);
}

static void add_as_written(struct planner *p, const struct provider *provider, struct slice id)
{
	struct candidate *c = append(p, provider, id, id, "takes any id, sent as written");

	if (c)
		judge(p, c);
}

/* Stable: what was before stays before among equals. */
static void order(struct planner *p, unsigned start,
		  bool (*is_before)(const struct candidate *, const struct candidate *))
{
	struct candidate *c = p->plan->candidates;

	for (unsigned i = start + 1; i < p->plan->count; i++) {
		struct candidate moving = c[i];
		unsigned at = i;

		for (; at > start && is_before(&moving, &c[at - 1]); at--)
			c[at] = c[at - 1];
		c[at] = moving;
	}
}

static bool has_priority(const struct candidate *a, const struct candidate *b)
{
	if (a->provider->priority != b->provider->priority)
		return a->provider->priority < b->provider->priority;
	return a->provider->order < b->provider->order;
}

static bool is_cheaper(const struct candidate *a, const struct candidate *b)
{
	return (uint64_t)a->cost_estimate < (uint64_t)b->cost_estimate; /* PRICE_UNKNOWN becomes the largest */
}

void planner_order_by_cost(struct planner *p, unsigned start)
{
	if (p->plan->count < start + 2)
		return;
	for (unsigned i = start; i < p->plan->count; i++) {
		struct candidate *c = &p->plan->candidates[i];

		c->cost_estimate = plan_cost_estimate(c->offer, planner_prompt_tokens(p), p->query->max_output);
	}
	order(p, start, is_cheaper);
}

static const struct offer *offer_of_model(const struct provider *p, const struct model *model)
{
	for (unsigned i = 0; i < p->offer_count; i++)
		if (same_model(p->offers[i].model, model))
			return &p->offers[i];
	return NULL;
}

static void add_model(struct planner *p, const struct model *model, struct slice written, const char *why)
{
	unsigned start = p->plan->count;

	for (unsigned i = 0; i < p->routing->provider_count; i++) {
		const struct provider *provider = &p->routing->providers[i];
		const struct offer *offer = offer_of_model(provider, model);

		if (offer)
			add_offer(p, provider, offer, written, why);
	}
	order(p, start, has_priority);
}

static const struct offer *nth_of_tier(const struct provider *p, enum tier tier, enum operation op, unsigned nth)
{
	for (unsigned i = 0; i < p->offer_count; i++)
		if (p->offers[i].model->tier == tier && serves_operation(p->offers[i].model, op) && nth-- == 0)
			return &p->offers[i];
	return NULL;
}

/* Everybody's first model of the tier by priority, then everybody's second: the next candidate after a failure is
 * another provider wherever there is one. */
static void add_tier(struct planner *p, enum tier tier)
{
	unsigned start;
	unsigned nth = 0;

	do {
		start = p->plan->count;
		for (unsigned i = 0; i < p->routing->provider_count; i++) {
			const struct provider *provider = &p->routing->providers[i];
			const struct offer *offer = nth_of_tier(provider, tier, p->query->operation, nth);

			if (offer)
				add_offer(p, provider, offer, offer->own_id, "is of this tier");
		}
		order(p, start, has_priority);
		nth++;
	} while (p->plan->count > start);
}

static bool can_stand_in(struct planner *p, const struct provider *provider, const struct offer *offer, enum tier tier)
{
	return offer->model->tier == tier && serves_operation(offer->model, p->query->operation) &&
	       missing_abilities(provider, offer->model, p->query->needs) == 0;
}

static const struct offer *cheapest_of_tier(struct planner *p, const struct provider *provider, enum tier tier)
{
	const struct offer *best = NULL;
	int64_t best_cost = 0;

	if (tier < TIER_CHEAP || tier > TIER_FRONTIER)
		return NULL;
	for (unsigned i = 0; i < provider->offer_count; i++) {
		const struct offer *offer = &provider->offers[i];
		int64_t cost;

		if (!can_stand_in(p, provider, offer, tier))
			continue;
		cost = sort_cost(p, offer);
		if (!best || cost < best_cost) {
			best = offer;
			best_cost = cost;
		}
	}
	return best;
}

/* Whom a provider that lacks the model puts in its place, in PRODUCT's order: its first listed model of the same tier,
 * the cheapest of the next tier up, the cheapest of the next tier down. */
static const struct offer *find_stand_in(struct planner *p, const struct provider *provider, enum tier tier,
					 const char **ret_why)
{
	const struct offer *offer;

	*ret_why = "first listed of the same tier";
	for (unsigned i = 0; i < provider->offer_count; i++)
		if (can_stand_in(p, provider, &provider->offers[i], tier))
			return &provider->offers[i];
	*ret_why = "cheapest of the next tier up";
	offer = cheapest_of_tier(p, provider, tier + 1);
	if (offer)
		return offer;
	*ret_why = "cheapest of the next tier down";
	return cheapest_of_tier(p, provider, tier - 1);
}

static void add_nobody(struct planner *p, const struct provider *provider)
{
	const struct plan_query *q = p->query;
	const struct meaning *m = &p->meaning;
	struct slice name = m->model ? m->model->id : q->model;
	struct candidate *c = append(p, provider, name, name, "named by `try`");
	const char *reason;

	if (!c)
		return;
	if (!may_stand_in(q))
		reason = arena_printf(p->arena, "does not list the model, and no other may stand in for %s",
				      q->needs & NEEDS_STATE ? "a request bound to stored state" : operation_name(q->operation)).ptr;
	else if (m->tier == TIER_NONE)
		reason = "does not list the model, whose tier is unknown: none can stand in";
	else
		reason = "does not list the model and has none near its tier that can do this";
	pass_over(c, FAILURE_NO_MODEL, reason);
}

/* `try: [provider]` where the provider does not list what was asked for. */
static void add_stand_in(struct planner *p, const struct provider *provider)
{
	const struct meaning *m = &p->meaning;
	bool may = may_stand_in(p->query) && m->tier != TIER_NONE;
	const char *why = NULL;
	const struct offer *offer = may ? find_stand_in(p, provider, m->tier, &why) : NULL;
	unsigned before = p->plan->count;

	if (!offer) {
		add_nobody(p, provider);
		return;
	}
	add_offer(p, provider, offer, m->written, why);
	/* Who asks for a tier is served by any model of it. */
	if (p->plan->count > before && (m->named != NAMED_TIER || offer->model->tier != m->tier))
		p->plan->candidates[before].stands_in = true;
}

/* `try: [provider]`. */
static void add_provider(struct planner *p, const struct provider *provider)
{
	const struct meaning *m = &p->meaning;
	const struct offer *offer = m->model ? offer_of_model(provider, m->model) : NULL;

	if (offer)
		add_offer(p, provider, offer, m->written, "lists the model");
	else if (!provider->lists_models && m->named != NAMED_TIER)
		add_as_written(p, provider, m->written);
	else
		add_stand_in(p, provider);
}

static void add_entry(struct planner *p, const struct model_name *entry, unsigned depth);

/* A name within a list: a group, a tier or a model. */
static void add_name(struct planner *p, const struct try_item *item, unsigned depth)
{
	const struct model_name *entry =
		item->kind == TRY_GROUP ? map_get(&p->routing->model_by_name, item->model) : NULL;
	const struct offer *offer = entry ? NULL : plan_find_listed(p->routing, item->model);

	if (entry)
		add_entry(p, entry, depth + 1);
	else if (offer)
		add_model(p, offer->model, item->model, "named by the list");
	else if (plan_tier_by_name(item->model) != TIER_NONE)
		add_tier(p, plan_tier_by_name(item->model));
}

/* Everything but a bare provider, which means one thing in a rule and another in an entry. */
static void add_item(struct planner *p, const struct try_item *item, unsigned depth)
{
	if (item->kind != TRY_PROVIDER_MODEL)
		add_name(p, item, depth);
	else if (item->offer)
		add_offer(p, item->provider, item->offer, item->model, "named by the list");
	else
		add_as_written(p, item->provider, item->model);
}

/* A bare provider in an entry of `models:` has the entry's own name as its model: `gpt-4o: { try: [azure, openai] }`.
 */
static void add_entry(struct planner *p, const struct model_name *entry, unsigned depth)
{
	unsigned start = p->plan->count;

	if (depth > PLAN_DEPTH_MAX)
		return;
	for (unsigned i = 0; i < entry->actions.try.count; i++) {
		const struct try_item *item = &entry->actions.try.items[i];
		const struct offer *offer =
			item->kind == TRY_PROVIDER ? provider_find_offer(item->provider, entry->name) : NULL;

		if (offer)
			add_offer(p, item->provider, offer, entry->name, "lists the model");
		else if (item->kind != TRY_PROVIDER)
			add_item(p, item, depth);
	}
	if (entry->actions.has_preference)
		planner_order_by_cost(p, start);
}

/* A bare provider in a rule serves what was asked for, or has a model that stands in. */
void planner_add_rule(struct planner *p, const struct rule *rule)
{
	for (unsigned i = 0; i < rule->actions.try.count; i++) {
		if (rule->actions.try.items[i].kind == TRY_PROVIDER)
			add_provider(p, rule->actions.try.items[i].provider);
		else
			add_item(p, &rule->actions.try.items[i], 0);
	}
}

void planner_add_meaning(struct planner *p)
{
	const struct meaning *m = &p->meaning;

	switch (m->named) {
	case NAMED_ENTRY:
		add_entry(p, m->entry, 0);
		break;
	case NAMED_MODEL:
		add_model(p, m->model, m->written, "lists the model");
		break;
	case NAMED_AT_PROVIDER:
		if (m->offer)
			add_offer(p, m->provider, m->offer, m->written, "pinned by name");
		else
			add_as_written(p, m->provider, m->written);
		break;
	case NAMED_TIER:
		add_tier(p, m->tier);
		break;
	case NAMED_AS_WRITTEN:
		add_as_written(p, m->provider, m->written);
		break;
	case NAMED_NOTHING:
		break;
	}
}
