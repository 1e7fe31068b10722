/* SPDX-License-Identifier: Apache-2.0 */
/* `models`: aliases and groups, names of one's own. */
#include "config/config_internal.h"

enum { ENTRIES_MAX = 10000 };

/* All that an entry can say, a rule can say too. */
static const struct key entry_keys[] = { { 0 } };
const struct section section_entry = { "models.NAME", "an entry of 'models'", entry_keys, &section_actions };

struct entry_draft {
	struct actions_draft actions;  /* first: section_actions reads into it */
	struct model_name *entry;
	struct yaml place, value;
};

static void read_alias(struct reader *r, struct entry_draft *d)
{
	struct model_name *m = d->entry;
	struct slice word;

	m->is_alias = true;
	m->actions.try.items = arena_new(r->arena, struct try_item);
	if (!value_text(r, d->value, &word) || !target_resolve(r, d->value, word, m->name, m->actions.try.items))
		return;
	m->actions.try.count = 1;
	if (m->actions.try.items->kind == TRY_PROVIDER)
		problem(r, d->value, "'%.*s' is a provider; an alias names a model: %.*s/MODEL", SLICE_ARG(word),
			SLICE_ARG(word));
}

static void read_group(struct reader *r, struct entry_draft *d)
{
	actions_init(&d->actions, r, d->place, &d->entry->route, &d->entry->actions);
	d->actions.self = d->entry->name;
	section_read(r, &section_entry, d->value, d);
	if (!d->actions.said[ACTION_TRY].line && !d->actions.said[ACTION_SPLIT].line)
		problem(r, d->place, "'%.*s' needs 'try' or 'split'", SLICE_ARG(d->entry->name));
	actions_finish(r, &d->actions);
}

/* How deep the entry nests; more than CONFIG_NESTING_MAX when it leads back to itself. */
static unsigned nesting(const struct config *c, const struct model_name *m, unsigned depth, unsigned *budget)
{
	unsigned deepest = depth;

	if (depth > CONFIG_NESTING_MAX || *budget == 0)
		return CONFIG_NESTING_MAX + 1;
	for (unsigned i = 0; i < m->actions.try.count; i++) {
		const struct try_item *item = &m->actions.try.items[i];
		const struct model_name *inner =
			item->kind == TRY_GROUP ? map_get(&c->routing.model_by_name, item->model) : NULL;
		unsigned below;

		--*budget;
		below = inner ? nesting(c, inner, depth + 1, budget) : depth;
		if (below > deepest)
			deepest = below;
		if (deepest > CONFIG_NESTING_MAX || *budget == 0)
			return CONFIG_NESTING_MAX + 1;
	}
	return deepest;
}

static bool add_entry(struct reader *r, const struct yaml_member *m, struct entry_draft *ret)
{
	struct config *c = r->config;
	struct model_name *entry = &c->routing.models[c->routing.model_count];

	if (map_get(&c->routing.provider_by_name, m->key)) {
		problem(r, m->place, "'%.*s' is a provider's name already", SLICE_ARG(m->key));
		return false;
	}
	if (m->key.len == 0) {
		problem(r, m->place, "a model's name is empty");
		return false;
	}
	*entry = (struct model_name){ .name = m->key, .route = m->key };
	*ret = (struct entry_draft){ .entry = entry, .place = m->place, .value = m->value };
	map_put(&c->routing.model_by_name, entry->name, entry);
	c->routing.model_count++;
	return true;
}

void models_read(struct reader *r)
{
	struct config *c = r->config;
	struct yaml_member *members;
	unsigned count = yaml_members(r, r->models, "'models'", &members), drafted = 0;
	struct entry_draft *drafts;

	if (count > ENTRIES_MAX) {
		problem(r, r->models, "more than %d entries", ENTRIES_MAX);
		return;
	}
	c->routing.models = arena_array(r->arena, struct model_name, count);
	drafts = arena_array(r->arena, struct entry_draft, count);
	for (unsigned i = 0; i < count; i++)
		drafted += add_entry(r, &members[i], &drafts[drafted]);
	for (unsigned i = 0; i < drafted; i++) {
		if (yaml_kind(drafts[i].value) == YAML_SCALAR)
			read_alias(r, &drafts[i]);
		else
			read_group(r, &drafts[i]);
	}
	for (unsigned i = 0; i < drafted; i++) {
		unsigned budget = ENTRIES_MAX;

		if (drafts[i].actions.actions)
			require_check(r, &drafts[i].actions);
		if (nesting(c, drafts[i].entry, 0, &budget) > CONFIG_NESTING_MAX)
			problem(r, drafts[i].place, "'%.*s' leads back to itself, or nests more than %d deep",
				SLICE_ARG(drafts[i].entry->name), CONFIG_NESTING_MAX);
	}
}
