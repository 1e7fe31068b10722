/* SPDX-License-Identifier: Apache-2.0 */
/* From a meaning or a `try` list to candidates: who lists a model, who is tried for it, and the lists within lists,
 * each with its own split, preference and requirements. */
#include "policy/plan_internal.h"

#include "base/map.h"

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

/* Most candidates are each of another provider: one bit per provider spares the search. */
static bool is_listed(struct planner *p, const struct provider *provider, struct slice own_id)
{
	uint64_t bit = UINT64_C(1) << ((size_t)(provider - p->routing->providers) % 64);
	bool is_new = !(p->providers_seen & bit);

	p->providers_seen |= bit;
	for (unsigned i = p->list_start; !is_new && i < p->plan->count; i++)
		if (p->plan->candidates[i].provider == provider && slice_eq(p->plan->candidates[i].own_id, own_id))
			return true;
	return false;
}

/* From here on everybody may be named again. */
static unsigned begin_list(struct planner *p)
{
	p->providers_seen = 0;
	return p->list_start = p->plan->count;
}

static struct candidate *append(struct planner *p, const struct provider *provider, struct slice model,
				struct slice own_id, const char *why)
{
	struct plan *plan = p->plan;
	struct candidate *c;

	if (is_listed(p, provider, own_id) || plan->count == PLAN_CANDIDATES_MAX)
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
	const struct model *asked = planner_asked_model(p);
	struct candidate *c = append(p, provider, offer->model->id, id_to_send(offer, written), why);

	if (!c)
		return;
	c->offer = offer;
	c->substituted = asked && !same_model(asked, offer->model);
	planner_judge(p, c);
}

static void add_as_written(struct planner *p, const struct provider *provider, struct slice id)
{
	struct candidate *c = append(p, provider, id, id, "takes any id, sent as written");

	if (c)
		planner_judge(p, c);
}

static const struct offer *offer_of_model(const struct provider *p, const struct model *model, uint64_t hash)
{
	const struct offer *offer = p->names ? provider_find_hashed(p, model->id, hash) : NULL;

	if (p->names)
		return offer && same_model(offer->model, model) ? offer : NULL;
	for (unsigned i = 0; i < p->offer_count; i++)
		if (same_model(p->offers[i].model, model))
			return &p->offers[i];
	return NULL;
}

static void add_model(struct planner *p, const struct model *model, struct slice written, const char *why)
{
	unsigned start = p->plan->count;
	uint64_t hash = hash_bytes(model->id);

	for (unsigned i = 0; i < p->routing->provider_count; i++) {
		const struct provider *provider = &p->routing->providers[i];
		const struct offer *offer = offer_of_model(provider, model, hash);

		if (offer)
			add_offer(p, provider, offer, written, why);
	}
	planner_order_by_priority(p, start);
}

static const struct offer *nth_of_tier(const struct provider *p, enum tier tier, enum operation op, unsigned nth)
{
	for (unsigned i = 0; i < p->offer_count; i++)
		if (p->offers[i].model->tier == tier && planner_serves_operation(p->offers[i].model, op) && nth-- == 0)
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
		planner_order_by_priority(p, start);
		nth++;
	} while (p->plan->count > start);
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
	if (!planner_may_stand_in(q))
		reason = arena_printf(p->arena, "does not list the model, and no other may stand in for %s",
				      q->needs & NEEDS_STATE ? "a request bound to stored state" : operation_name(q->operation)).ptr;
	else if (m->tier == TIER_NONE)
		reason = "does not list the model, whose tier is unknown: none can stand in";
	else
		reason = "does not list the model and has none near its tier that can do this";
	planner_pass_over(c, FAILURE_NO_MODEL, reason);
}

/* `try: [provider]` where the provider does not list what was asked for. */
static void add_stand_in(struct planner *p, const struct provider *provider)
{
	const struct meaning *m = &p->meaning;
	bool may = planner_may_stand_in(p->query) && m->tier != TIER_NONE;
	const char *why = NULL;
	const struct offer *offer = may ? planner_find_stand_in(p, provider, m->tier, &why) : NULL;
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
	const struct offer *offer = m->model ? offer_of_model(provider, m->model, hash_bytes(m->model->id)) : NULL;

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
 * One in a rule (`entry` NULL) serves what was asked for, or has a model that stands in. */
static void add_listed(struct planner *p, const struct try_item *item, const struct model_name *entry, unsigned depth)
{
	const struct offer *offer;

	if (item->kind != TRY_PROVIDER) {
		add_item(p, item, depth);
	} else if (!entry) {
		add_provider(p, item->provider);
	} else {
		offer = provider_find_offer(item->provider, entry->name);
		if (offer)
			add_offer(p, item->provider, offer, entry->name, "lists the model");
	}
}

/* The one that was drawn comes first, the others follow as they stand. */
static void add_list(struct planner *p, const struct actions *actions, const struct model_name *entry,
		     struct slice route, unsigned depth)
{
	unsigned start = p->plan->count, first = actions->split ? planner_draw_item(p, actions, route) : 0;

	for (unsigned i = 0; i < actions->try.count; i++)
		add_listed(p, &actions->try.items[i == 0 ? first : i <= first ? i - 1 : i], entry, depth);
	planner_require(p, start, &actions->require);
	if (actions->has_preference)
		planner_prefer(p, start, actions);
}

static void add_entry(struct planner *p, const struct model_name *entry, unsigned depth)
{
	if (depth <= PLAN_DEPTH_MAX)
		add_list(p, &entry->actions, entry, entry->route, depth);
}

void planner_add_rule(struct planner *p, const struct rule *rule)
{
	add_list(p, &rule->actions, NULL, rule->route, 0);
}

void planner_add_fallbacks(struct planner *p, const struct actions *actions, const struct model_name *entry)
{
	for (enum cause cause = CAUSE_NONE + 1; cause < CAUSE_COUNT; cause++) {
		const struct try_list *list = &actions->on[cause];
		unsigned start = begin_list(p);

		for (unsigned i = 0; i < list->count; i++)
			add_listed(p, &list->items[i], entry, 0);
		planner_require(p, start, &actions->require);
		for (unsigned i = start; i < p->plan->count; i++)
			p->plan->candidates[i].cause = cause;
	}
}

struct candidate *planner_find_mirror(struct planner *p, const struct actions *actions, const struct model_name *entry)
{
	struct plan *plan = p->plan;
	unsigned start = begin_list(p), at = start;
	struct candidate *mirror = NULL;

	add_listed(p, actions->mirror.target, entry, 0);
	planner_require(p, start, &actions->require);
	while (at < plan->count && plan->candidates[at].passed_over)
		at++;
	if (at < plan->count) {
		mirror = arena_new(p->arena, struct candidate);
		*mirror = plan->candidates[at];
		mirror->why = "mirror";
	}
	plan->count = start;
	return mirror;
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
