/* SPDX-License-Identifier: Apache-2.0 */
/* What a model's name means: the five ways of PRODUCT §6, in their order, compared exactly; and the names that are near
 * when none of them fits. */
#include "policy/plan_internal.h"

enum { NEAREST_MAX = 3, NEAREST_LENGTH_MAX = 96 };

enum tier plan_tier_by_name(struct slice name)
{
	for (enum tier t = TIER_CHEAP; t <= TIER_FRONTIER; t++)
		if (slice_eq(name, slice_cstr(tier_name(t))))
			return t;
	return TIER_NONE;
}

static void mean_offer(struct meaning *m, const struct offer *offer)
{
	m->offer = offer;
	m->model = offer->model;
	m->tier = offer->model->tier;
}

/* (2): public ids of all providers come before anybody's alias or own id. */
const struct offer *plan_find_listed(const struct routing *r, struct slice name)
{
	const struct offer *by_alias = NULL;
	uint64_t hash = hash_bytes(name);

	for (unsigned i = 0; i < r->provider_count; i++) {
		const struct offer *offer = provider_find_hashed(&r->providers[i], name, hash);

		if (!offer)
			continue;
		if (slice_eq(offer->model->id, name))
			return offer;
		if (!by_alias)
			by_alias = offer;
	}
	return by_alias;
}

/* (3): "P/rest". */
static bool resolve_at_provider(const struct routing *r, struct slice name, struct meaning *ret)
{
	struct slice rest = name;
	struct slice head = slice_next_token(&rest, '/');
	const struct provider *p = rest.ptr && rest.len > 0 ? map_get(&r->provider_by_name, head) : NULL;
	const struct offer *offer;

	if (!p)
		return false;
	offer = provider_find_offer(p, rest);
	if (!offer && p->lists_models)
		return false;
	ret->named = NAMED_AT_PROVIDER;
	ret->provider = p;
	ret->written = rest;
	if (offer)
		mean_offer(ret, offer);
	return true;
}

/* (5): the one foreign provider that takes any id. */
static bool resolve_as_written(const struct routing *r, struct meaning *ret)
{
	const struct provider *only = NULL;

	for (unsigned i = 0; i < r->provider_count; i++) {
		const struct provider *p = &r->providers[i];

		if (p->lists_models || !p->foreign)
			continue;
		if (only)
			return false;
		only = p;
	}
	if (!only)
		return false;
	ret->named = NAMED_AS_WRITTEN;
	ret->provider = only;
	return true;
}

static bool resolve_tier(struct slice name, struct meaning *ret)
{
	enum tier tier = plan_tier_by_name(name);

	if (tier == TIER_NONE)
		return false;
	ret->named = NAMED_TIER;
	ret->tier = tier;
	return true;
}

/* (1): an alias means what its one item means; a group's model is its first member, which is what a rule's `try:
 * [provider]` finds the tier of. */
static void follow_entry(const struct routing *r, const struct model_name *entry, struct meaning *ret)
{
	for (unsigned depth = 0; depth < PLAN_DEPTH_MAX && entry && entry->actions.try.count > 0; depth++) {
		const struct try_item *item = &entry->actions.try.items[0];
		const struct offer *offer = item->kind == TRY_PROVIDER_MODEL ? item->offer : NULL;

		if (item->kind == TRY_PROVIDER) {
			offer = provider_find_offer(item->provider, entry->name);
		} else if (item->kind == TRY_MODEL || item->kind == TRY_PROVIDER_MODEL) {
			ret->written = item->model;
			if (item->kind == TRY_MODEL)
				offer = plan_find_listed(r, item->model);
		}
		if (offer) {
			mean_offer(ret, offer);
			ret->offer = NULL;
			return;
		}
		if (item->kind == TRY_GROUP || item->kind == TRY_MODEL)
			ret->tier = plan_tier_by_name(item->model);
		entry = item->kind == TRY_GROUP ? map_get(&r->model_by_name, item->model) : NULL;
	}
}

bool plan_resolve(const struct routing *r, struct slice name, struct meaning *ret)
{
	const struct offer *offer;

	*ret = (struct meaning){ .written = name };
	ret->entry = map_get(&r->model_by_name, name);
	if (ret->entry) {
		ret->named = NAMED_ENTRY;
		follow_entry(r, ret->entry, ret);
		return true;
	}
	offer = plan_find_listed(r, name);
	if (offer) {
		ret->named = NAMED_MODEL;
		mean_offer(ret, offer);
		ret->offer = NULL;
		return true;
	}
	return resolve_at_provider(r, name, ret) || resolve_tier(name, ret) || resolve_as_written(r, ret);
}

struct nearest {
	struct slice asked;
	unsigned count;
	struct { struct slice name; unsigned distance; } best[NEAREST_MAX];
};

/* Keeps the closest names in order, each once. Far is what differs in more than a third of its length. */
static void consider(struct nearest *n, struct slice name)
{
	size_t longer = name.len > n->asked.len ? name.len : n->asked.len;
	unsigned distance, at;

	if (longer > NEAREST_LENGTH_MAX)
		return;
	distance = slice_edit_distance(n->asked, name);
	if (distance > (longer < 6 ? 2 : longer / 3))
		return;
	for (unsigned i = 0; i < n->count; i++)
		if (slice_eq(n->best[i].name, name))
			return;
	for (at = n->count; at > 0 && n->best[at - 1].distance > distance; at--)
		if (at < NEAREST_MAX)
			n->best[at] = n->best[at - 1];
	if (at == NEAREST_MAX)
		return;
	n->best[at].name = name;
	n->best[at].distance = distance;
	if (n->count < NEAREST_MAX)
		n->count++;
}

static struct slice join_names(const struct nearest *n, struct slice prefix, struct arena *a)
{
	struct slice text = SLICE("");

	for (unsigned i = 0; i < n->count; i++)
		text = arena_printf(a, "%.*s%s%.*s%.*s", SLICE_ARG(text), i > 0 ? ", " : "", SLICE_ARG(prefix),
				    SLICE_ARG(n->best[i].name));
	return text;
}

static void consider_offers(struct nearest *n, const struct provider *p)
{
	for (unsigned i = 0; i < p->offer_count; i++)
		consider(n, p->offers[i].model->id);
}

struct slice plan_nearest_names(const struct routing *r, struct slice name, struct arena *a)
{
	struct nearest n = { .asked = name };
	struct slice rest = name;
	struct slice head = slice_next_token(&rest, '/');
	const struct provider *p = rest.ptr ? map_get(&r->provider_by_name, head) : NULL;

	if (p) {
		n.asked = rest;
		consider_offers(&n, p);
		return join_names(&n, slice_of(name.ptr, head.len + 1), a);
	}
	for (unsigned i = 0; i < r->model_count; i++)
		consider(&n, r->models[i].name);
	for (unsigned i = 0; i < r->provider_count; i++)
		consider_offers(&n, &r->providers[i]);
	for (enum tier t = TIER_CHEAP; t <= TIER_FRONTIER; t++)
		consider(&n, slice_cstr(tier_name(t)));
	return join_names(&n, SLICE(""), a);
}

struct slice plan_nearest_provider(const struct routing *r, struct slice name)
{
	struct nearest n = { .asked = name };

	for (unsigned i = 0; i < r->provider_count; i++)
		consider(&n, r->providers[i].name);
	return n.count > 0 ? n.best[0].name : (struct slice){ 0 };
}

bool plan_only_has(struct slice names, struct slice provider)
{
	while (names.ptr) {
		struct slice name = slice_trim(slice_next_token(&names, ','));

		if (slice_eq(name, provider))
			return true;
	}
	return false;
}
