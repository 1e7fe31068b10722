/* SPDX-License-Identifier: Apache-2.0 */
/* Who comes first.
 *
 * Every kind of preference has a value per candidate, and from it a penalty: 0 for the best usable one, else its
 * distance to the best as a share of the mean value, so that penalties of different kinds can be weighed and added.
 * What is not known of a candidate is taken to be the mean of what is known of the others; an unknown price comes last.
 * Equals go by `priority`, then as they stood.
 *
 *     cheapest            estimated cost of this request
 *     fastest             mean time to the first token, by the share of requests that succeed; up to a tenth more for
 *                         the busiest, which spreads the load over those that are about as fast
 *     fastest_throughput  time per token
 *     quality             the operator's number, else 25, 50 or 75 by tier
 *     least_busy          requests in flight, and one
 *     priority            the provider's
 *     nearest             time to connect
 *
 * Whoever comes second is not measured, so what is known of it grows old. Of the requests whose order rests on
 * measurements, at most EXPLORE_SHARE (4 of 100) go to a target whose own are stale: after 10 seconds, and the worse
 * the target was, the later (the square of 1 + penalty), so that looking costs little. One that is being measured
 * already is left out.
 *
 * Candidates whose breaker is open or that are saturated stay in their places: whoever sends skips them. */
#include "policy/plan_internal.h"

#include <math.h>
#include "base/clock.h"
#include "base/lot.h"
#include "base/map.h"

#define EXPLORE_SHARE 0.04
#define STALE_NS (10 * NS_PER_S)
#define BUSY_SHARE 0.1
#define SUCCESS_LEAST 0.1
#define UNKNOWN (-1.0)
#define ON_MEASUREMENTS (1u << PREFER_FASTEST | 1u << PREFER_THROUGHPUT | 1u << PREFER_NEAREST)
#define ON_VITALS (ON_MEASUREMENTS | 1u << PREFER_LEAST_BUSY)

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

/* ---- sorting ---- */

struct place {
	double penalty;
	int priority;
	unsigned order;                /* where it stood, or the provider's place in the file */
	unsigned from;
};

static bool is_before(const struct place *a, const struct place *b)
{
	if (a->penalty != b->penalty)
		return a->penalty < b->penalty;
	return a->priority != b->priority ? a->priority < b->priority : a->order < b->order;
}

/* Each candidate moves once, straight to its place: they are large. */
static void permute(struct candidate *c, struct place *places, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct candidate moving;
		unsigned at = i;

		if (places[i].from == i)
			continue;
		moving = c[i];
		while (places[at].from != i) {
			unsigned from = places[at].from;

			c[at] = c[from];
			places[at].from = at;
			at = from;
		}
		c[at] = moving;
		places[at].from = at;
	}
}

static void sort(struct candidate *c, struct place *places, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		struct place moving = places[i];
		unsigned at = i;

		for (; at > 0 && is_before(&moving, &places[at - 1]); at--)
			places[at] = places[at - 1];
		places[at] = moving;
	}
	permute(c, places, count);
}

void planner_order_by_priority(struct planner *p, unsigned start)
{
	struct place places[PLAN_CANDIDATES_MAX];
	unsigned count = p->plan->count - start;

	/* The preference will look at priorities too, and equals stand as in the file already. */
	if (p->plan->rule && p->plan->rule->actions.has_preference)
		return;
	for (unsigned i = 0; i < count; i++) {
		const struct provider *provider = p->plan->candidates[start + i].provider;

		places[i] = (struct place){ 0, provider->priority, provider->order, i };
	}
	sort(&p->plan->candidates[start], places, count);
}

/* ---- values ---- */

struct weighing {
	struct planner *planner;
	struct candidate *candidates;
	unsigned count;
	struct vital_signs signs[PLAN_CANDIDATES_MAX]; /* of those with `vital` */
	double in_flight;              /* of all of them */
};

static unsigned kinds_of(const struct actions *a)
{
	unsigned kinds = 0;

	for (unsigned kind = 0; kind < PREFER_COUNT; kind++)
		kinds |= (a->prefer[kind] > 0) << kind;
	return kinds;
}

static void look(struct weighing *w)
{
	const struct planner *p = w->planner;

	w->in_flight = 0;
	for (unsigned i = 0; i < w->count; i++) {
		if (!w->candidates[i].vital)
			continue;
		vital_look(w->candidates[i].vital, p->prompt_tokens, p->query->now_ns, &w->signs[i]);
		w->in_flight += w->signs[i].in_flight;
	}
}

static double first_token(const struct weighing *w, const struct vital_signs *s)
{
	double success = s->success_permille < 0 ? 1 : s->success_permille / 1000.0;
	double busy = w->in_flight > 0 ? s->in_flight / w->in_flight : 0;

	if (s->first_token_mean_us < 0)
		return UNKNOWN;
	return (double)s->first_token_mean_us * (1 + BUSY_SHARE * busy) /
	       (success > SUCCESS_LEAST ? success : SUCCESS_LEAST);
}

static double cost(struct weighing *w, struct candidate *c)
{
	const struct plan_query *q = w->planner->query;

	if (c->cost_estimate == PRICE_UNKNOWN)
		c->cost_estimate = plan_cost_estimate(c->offer, planner_prompt_tokens(w->planner), q->max_output);
	return c->cost_estimate == PRICE_UNKNOWN ? UNKNOWN : (double)c->cost_estimate;
}

/* Lower numbers are better; the best that is thought of has 0. */
static double quality(const struct offer *offer)
{
	const double highest = 100, per_tier = 25;

	if (!offer)
		return UNKNOWN;
	if (offer->quality >= 0)
		return highest - offer->quality;
	return offer->model->quality > 0 ? highest - per_tier * offer->model->quality : UNKNOWN;
}

static double value(struct weighing *w, enum prefer kind, unsigned i)
{
	struct candidate *c = &w->candidates[i];
	const struct vital_signs *s = c->vital ? &w->signs[i] : NULL;

	switch (kind) {
	case PREFER_CHEAPEST:
		return cost(w, c);
	case PREFER_FASTEST:
		return s ? first_token(w, s) : UNKNOWN;
	case PREFER_THROUGHPUT:
		return s ? (double)s->token_ns : UNKNOWN;
	case PREFER_QUALITY:
		return quality(c->offer);
	case PREFER_LEAST_BUSY:
		return s ? 1.0 + s->in_flight : 1;
	case PREFER_PRIORITY:
		return c->provider->priority > 0 ? c->provider->priority : 0;
	case PREFER_NEAREST:
		return s ? (double)s->connect_us : UNKNOWN;
	case PREFER_COUNT:
		break;
	}
	return UNKNOWN;
}

/* ---- penalties ---- */

struct scale { unsigned known; double best, mean, worst; };

/* Over the usable ones; should nothing be known of any, over all. */
static struct scale scale_of(const struct weighing *w, const double *values, bool usable_only)
{
	struct scale s = { .best = INFINITY };

	for (unsigned i = 0; i < w->count; i++) {
		if (values[i] < 0 || (usable_only && w->candidates[i].passed_over))
			continue;
		s.known++;
		s.best = values[i] < s.best ? values[i] : s.best;
		s.worst = values[i] > s.worst ? values[i] : s.worst;
		s.mean += values[i];
	}
	s.mean /= s.known > 0 ? s.known : 1;
	return s.known > 0 || !usable_only ? s : scale_of(w, values, false);
}

static void add_penalties(struct weighing *w, enum prefer kind, double weight, struct place *places)
{
	double values[PLAN_CANDIDATES_MAX];
	struct scale s;
	double unit;

	for (unsigned i = 0; i < w->count; i++)
		values[i] = value(w, kind, i);
	s = scale_of(w, values, true);
	if (s.known == 0)
		return;
	unit = s.mean > 0 ? s.mean : 1;
	for (unsigned i = 0; i < w->count; i++) {
		double penalty = ((values[i] < 0 ? s.mean : values[i]) - s.best) / unit;

		if (values[i] < 0 && kind == PREFER_CHEAPEST)
			penalty = (s.worst - s.best) / unit + 1;
		places[i].penalty += weight * penalty;
	}
}

/* ---- exploration ---- */

static double staleness(const struct candidate *c, const struct vital_signs *s, bool by_connecting)
{
	double patience = (1 + c->penalty) * (1 + c->penalty) * (double)STALE_NS;

	if (by_connecting)
		return s->connect_us < 0 ? INFINITY : 0;
	return s->first_token_us < 0 ? INFINITY : (double)s->first_token_age_ns / patience;
}

static bool is_resting(const struct planner *p, const struct candidate *c)
{
	const struct knowledge *known = p->query->knowledge;
	struct health_signs health;
	int64_t until_ns;
	bool limited;

	if (known && known->health && c->binding) {
		health_look(known->health, c->provider, c->binding, p->query->now_ns, &health);
		if (health.down)
			return true;
	}
	return c->target != 0 && known && known->breakers &&
	       breaker_look(known->breakers, c->target, p->query->now_ns, &until_ns, &limited) != BREAKER_CLOSED;
}

static bool is_well(const struct planner *p, const struct candidate *c)
{
	struct vital_signs s = { 0 };

	if (c->vital)
		vital_look(c->vital, p->prompt_tokens, p->query->now_ns, &s);
	return s.saturated_until_ns == 0 && !is_resting(p, c);
}

static void move_to_front(struct candidate *c, unsigned from)
{
	struct candidate moving = c[from];

	memmove(c + 1, c, from * sizeof(*c));
	c[0] = moving;
}

/* Of those behind the first the one that has gone unmeasured for longest by its own patience; of several never
 * measured, any. */
static void explore(struct planner *p, unsigned start, bool by_connecting)
{
	struct candidate *c = &p->plan->candidates[start];
	unsigned count = p->plan->count - start, found = count, first = 0;
	double most = 1, lot = 0;

	while (first < count && c[first].passed_over)
		first++;
	for (unsigned i = first + 1; i < count; i++) {
		struct vital_signs s = { .first_token_us = -1, .connect_us = -1 };
		double stale, own_lot = lot_share(p->query->draw, LOT_EXPLORED + ((uint64_t)i << 32));

		if (c[i].passed_over || c[i].target == 0)
			continue;
		if (c[i].vital)
			vital_look(c[i].vital, p->prompt_tokens, p->query->now_ns, &s);
		stale = staleness(&c[i], &s, by_connecting);
		if (s.in_flight > 0 || stale < most || (stale == most && own_lot < lot) || !is_well(p, &c[i]))
			continue;
		found = i;
		most = stale;
		lot = own_lot;
	}
	if (found == count)
		return;
	c[found].why = "to be measured anew";
	move_to_front(c, found);
}

void planner_prefer(struct planner *p, unsigned start, const struct actions *actions)
{
	struct weighing w = { .planner = p,
			      .candidates = &p->plan->candidates[start],
			      .count = p->plan->count - start };
	struct place places[PLAN_CANDIDATES_MAX];
	unsigned kinds = kinds_of(actions);
	double weights = 0;

	p->is_reordered = true;
	if (kinds & ON_VITALS)
		look(&w);
	for (unsigned i = 0; i < w.count; i++)
		places[i] = (struct place){ 0, w.candidates[i].provider->priority, i, i };
	for (unsigned kind = 0; kind < PREFER_COUNT; kind++) {
		weights += actions->prefer[kind];
		if (kinds & 1u << kind && w.count > 1)
			add_penalties(&w, (enum prefer)kind, actions->prefer[kind], places);
	}
	for (unsigned i = 0; i < w.count; i++)
		w.candidates[i].penalty = places[i].penalty /= weights > 0 ? weights : 1;
	sort(w.candidates, places, w.count);
	if (w.count > 1 && kinds & ON_MEASUREMENTS && p->query->knowledge && p->query->knowledge->vitals &&
	    lot_share(p->query->draw, LOT_EXPLORE) < EXPLORE_SHARE)
		explore(p, start, (kinds & ON_MEASUREMENTS) == 1u << PREFER_NEAREST);
}

/* ---- affinity ---- */

/* affinity_place(), out of what was hashed when the configuration was read. */
static bool is_at(const struct candidate *c, uint64_t place)
{
	uint64_t model = c->offer && c->offer->identity ? c->offer->identity : hash_bytes(c->model);

	return hash_pair(provider_identity(c->provider), model) == place;
}

void planner_keep_place(struct planner *p, enum condition affinity)
{
	const struct plan_query *q = p->query;
	struct plan *plan = p->plan;
	uint64_t conversation, place;

	if (affinity == CONDITION_FALSE || (affinity == CONDITION_ANY && !p->is_reordered) || !q->conversation)
		return;
	/* An agent asks several models within one session: each has its own place. */
	conversation = hash_pair(planner_conversation(p), hash_bytes(plan->asked));
	plan->conversation = affinity_key(q->caller.key, slice_of((const char *)&conversation, sizeof(conversation)));
	if (!q->knowledge || !q->knowledge->affinity)
		return;
	place = affinity_find(q->knowledge->affinity, plan->conversation, q->now_ns);
	for (unsigned i = 0; place != 0 && i < plan->count; i++) {
		if (plan->candidates[i].passed_over || !is_at(&plan->candidates[i], place))
			continue;
		if (!is_well(p, &plan->candidates[i]))
			break;
		move_to_front(plan->candidates, i);
		plan->order = "where the conversation was answered last";
		break;
	}
}

/* ---- words ---- */

static const char *preference_words(const struct actions *a)
{
	static const char *const words[PREFER_COUNT] = { "cheapest first", "fastest first",    "fastest stream first",
							 "best first",     "least busy first", "by priority",
							 "nearest first" };
	unsigned kinds = kinds_of(a);

	return __builtin_popcount(kinds) == 1 ? words[__builtin_ctz(kinds)] : "by several preferences, weighed";
}

const char *planner_order_words(const struct planner *p)
{
	const struct rule *rule = p->plan->rule;
	bool is_listed = rule && rule->actions.try.count > 0;
	const struct actions *list = is_listed ? &rule->actions :
				     p->plan->named == NAMED_ENTRY ? &p->meaning.entry->actions : NULL;

	if (rule && rule->actions.has_preference)
		return preference_words(&rule->actions);
	if (list && list->split)
		return "drawn by weight";
	if (list && list->has_preference)
		return preference_words(list);
	if (list && !(p->plan->named == NAMED_ENTRY && p->meaning.entry->is_alias && !is_listed))
		return "as listed";
	return p->plan->named == NAMED_AT_PROVIDER || p->plan->named == NAMED_AS_WRITTEN ? "as named" : "by priority";
}
