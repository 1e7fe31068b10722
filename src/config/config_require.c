/* SPDX-License-Identifier: Apache-2.0 */
/* What `require` leaves of what is configured: regions that nobody is in, lists of which nothing is left. */
#include "config/config_internal.h"

enum { REQUIRE_EFFORT = 10000, REGIONS_SHOWN = 10 };

/* Looking through groups ends after so many targets; what was not looked at counts as left. */
struct search {
	const struct config *config;
	const struct require *require;
	unsigned effort;
};

static bool meets(const struct provider *p, const struct require *q)
{
	if (q->zero_retention && !p->zero_retention)
		return false;
	for (unsigned i = 0; i < q->region_count; i++)
		if (slice_eq(p->region, q->regions[i]))
			return true;
	return q->region_count == 0;
}

static bool serves_tier(const struct provider *p, struct slice tier)
{
	for (unsigned i = 0; i < p->offer_count; i++)
		if (slice_eq(slice_cstr(tier_name(p->offers[i].model->tier)), tier))
			return true;
	return false;
}

/* Any provider that meets it; of those that list the model or have one of the tier, when a name is given. */
static bool anybody(const struct search *s, struct slice model, struct slice tier)
{
	for (unsigned i = 0; i < s->config->routing.provider_count; i++) {
		const struct provider *p = &s->config->routing.providers[i];

		if ((model.len == 0 || provider_find_offer(p, model)) && (tier.len == 0 || serves_tier(p, tier)) &&
		    meets(p, s->require))
			return true;
	}
	return false;
}

static bool is_left(struct search *s, const struct try_item *items, unsigned count, unsigned depth)
{
	for (unsigned i = 0; i < count; i++) {
		const struct try_item *item = &items[i];
		const struct model_name *entry =
			item->kind == TRY_GROUP ? map_get(&s->config->routing.model_by_name, item->model) : NULL;

		if (s->effort == 0 || --s->effort == 0 || depth > CONFIG_NESTING_MAX)
			return true;
		if (item->provider ? meets(item->provider, s->require) :
		    entry ? is_left(s, entry->actions.try.items, entry->actions.try.count, depth + 1) :
		    item->kind == TRY_GROUP ? anybody(s, SLICE(""), item->model) : anybody(s, item->model, SLICE("")))
			return true;
	}
	return false;
}

static void nobody_left(struct reader *r, const struct actions_draft *d, const char *what,
			const struct try_item *items, unsigned count)
{
	struct search s = { .config = r->config, .require = &d->actions->require, .effort = REQUIRE_EFFORT };

	if (count > 0 && !is_left(&s, items, count, 0))
		warning(r, d->said[ACTION_REQUIRE],
			"no target of '%s' is what 'require' asks for: they are all passed over", what);
}

static const char *known_regions(struct reader *r, struct slice wanted)
{
	const struct routing *routing = &r->config->routing;
	struct slice text = SLICE("");
	struct nearest near;
	unsigned shown = 0;

	nearest_init(&near, wanted);
	for (unsigned i = 0; i < routing->provider_count; i++) {
		struct slice region = routing->providers[i].region;
		bool is_new = region.len > 0;

		for (unsigned j = 0; j < i; j++)
			is_new &= !slice_eq(routing->providers[j].region, region);
		if (!is_new)
			continue;
		nearest_offer(&near, region);
		if (shown++ < REGIONS_SHOWN)
			text = arena_printf(r->arena, "%.*s%s%.*s", SLICE_ARG(text), text.len ? ", " : "",
					    SLICE_ARG(region));
	}
	if (text.len == 0)
		return "; none of them says where it runs: give them a 'region'";
	if (near.best.ptr)
		return nearest_hint(r, &near);
	return arena_printf(r->arena, "; known are: %.*s", SLICE_ARG(text)).ptr;
}

static bool region_is_known(const struct config *c, struct slice region)
{
	for (unsigned i = 0; i < c->routing.provider_count; i++)
		if (slice_eq(c->routing.providers[i].region, region))
			return true;
	return false;
}

void require_regions_read(struct reader *r, struct yaml v, struct require *ret)
{
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items), errors = r->report->errors;

	value_texts(r, v, "'region'", &ret->regions, &ret->region_count);
	/* What could not be listed any more need not be found out. */
	if (r->report->errors > errors || r->report->count >= CONFIG_PROBLEMS_MAX)
		return;
	for (unsigned i = 0; i < count; i++)
		if (!region_is_known(r->config, ret->regions[i]))
			warning(r, items[i], "no provider is in the region '%.*s'%s", SLICE_ARG(yaml_text(items[i])),
				known_regions(r, ret->regions[i]));
}

static bool has_strange_region(const struct config *c, const struct require *q)
{
	for (unsigned i = 0; i < q->region_count; i++)
		if (!region_is_known(c, q->regions[i]))
			return true;
	return false;
}

void require_check(struct reader *r, const struct actions_draft *d)
{
	const struct actions *actions = d->actions;
	struct search s = { .config = r->config, .require = &actions->require, .effort = REQUIRE_EFFORT };

	if (!d->said[ACTION_REQUIRE].line || has_strange_region(r->config, &actions->require))
		return;
	if (actions->try.count == 0 && !anybody(&s, SLICE(""), SLICE("")))
		warning(r, d->said[ACTION_REQUIRE], "no provider is what 'require' asks for: every request is refused");
	nobody_left(r, d, action_name(d->said[ACTION_SPLIT].line ? ACTION_SPLIT : ACTION_TRY), actions->try.items,
		    actions->try.count);
	nobody_left(r, d, "mirror", actions->mirror.target, actions->mirror.target ? 1 : 0);
	for (unsigned i = 0; i < CAUSE_COUNT; i++)
		nobody_left(r, d, cause_name((enum cause)i), actions->on[i].items, actions->on[i].count);
}
