/* SPDX-License-Identifier: Apache-2.0 */
/* Who stands in at a provider that lacks the model that was asked for (PRODUCT §6). */
#include "policy/plan_internal.h"

/* Another model may answer where the answer is text. Vectors, token counts and opaque compactions of another model
 * would be wrong without looking wrong, and stored state is known to one provider only (PRODUCT §6). */
bool planner_may_stand_in(const struct plan_query *q)
{
	return (q->operation == OPERATION_CHAT || q->operation == OPERATION_COMPLETIONS) && !(q->needs & NEEDS_STATE);
}

static bool can_stand_in(struct planner *p, const struct provider *provider, const struct offer *offer, enum tier tier)
{
	return offer->model->tier == tier && planner_serves_operation(offer->model, p->query->operation) &&
	       planner_missing_abilities(provider, offer->model, p->query->needs) == 0;
}

/* An estimate that sorts: unknown prices come last. */
static int64_t sort_cost(struct planner *p, const struct offer *offer)
{
	int64_t cost = plan_cost_estimate(offer, planner_prompt_tokens(p), p->query->max_output);

	return cost == PRICE_UNKNOWN ? INT64_MAX : cost;
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

/* In PRODUCT's order: its first listed model of the same tier, the cheapest of the next tier up, the cheapest of the
 * next tier down. */
const struct offer *planner_find_stand_in(struct planner *p, const struct provider *provider, enum tier tier,
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
