/* SPDX-License-Identifier: Apache-2.0 */
/* What is drawn by lot. A split is drawn from its route and from whose request it is, so that the same session, user or
 * key gets the same side, in every process and as long as the weights stand; with other weights only as many move as
 * have to (base/lot.h). */
#include "policy/plan_internal.h"

#include "base/lot.h"

static uint64_t seed_of_either(struct planner *p, struct slice first, struct slice second)
{
	if (first.len > 0)
		return lot_seed(first);
	return second.len > 0 ? lot_seed(second) : planner_conversation(p);
}

static uint64_t seed(struct planner *p, enum sticky sticky)
{
	const struct caller *caller = &p->query->caller;

	switch (sticky) {
	case STICKY_SESSION:
		return seed_of_either(p, caller->session, caller->user);
	case STICKY_USER:
		return seed_of_either(p, caller->user, caller->session);
	case STICKY_KEY:
		return lot_seed(caller->key);
	case STICKY_NONE:
		break;
	}
	return lot_mix(p->query->draw, LOT_SPLIT);
}

unsigned planner_draw_item(struct planner *p, const struct actions *actions, struct slice route)
{
	uint64_t s = lot_mix(lot_seed(route), seed(p, actions->sticky));
	unsigned drawn = 0;
	double best = 0;

	for (unsigned i = 0; i < actions->try.count; i++) {
		double rank = lot_rank(s, i, actions->split[i]);

		if (i == 0 || rank < best) {
			drawn = i;
			best = rank;
		}
	}
	p->is_reordered |= actions->sticky != STICKY_NONE;
	return drawn;
}

bool planner_draws_mirror(const struct planner *p, const struct mirror *m)
{
	return m->share >= SHARE_WHOLE || lot_share(p->query->draw, LOT_MIRROR) * SHARE_WHOLE < m->share;
}
