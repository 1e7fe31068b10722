/* SPDX-License-Identifier: Apache-2.0 */
/* `models`: aliases and groups; and the words of every `try` list, resolved against what is configured. */
#include "config/config_internal.h"

enum { ITEMS_MAX = 64, ENTRIES_MAX = 10000 };

void route_name_read(struct reader *r, struct yaml v, struct slice *ret)
{
	struct slice name;

	if (!value_text(r, v, &name))
		return;
	if (name.len == 0 || name.len > 128 || !http_value_is_clean(name))
		problem(r, v, "a name has 1 to 128 characters");
	else
		*ret = name;
}

void prefer_read(struct reader *r, struct yaml v, struct actions *ret)
{
	static const char *const words[] = { "cheapest", NULL };
	static const char *const later[] = { "fastest", "quality", "least_busy", "priority", "nearest", NULL };
	unsigned word;

	if (yaml_kind(v) == YAML_MAP || yaml_kind(v) == YAML_LIST)
		problem(r, v, "weighing several preferences comes later: this version has 'cheapest'");
	else if (value_word(r, v, words, later, &word)) {
		ret->prefer[PREFER_CHEAPEST] = 1;
		ret->has_preference = true;
	}
}

void unsupported_read(struct reader *r, struct yaml v, enum unsupported *ret)
{
	static const char *const words[] = { "drop", "refuse", NULL };
	unsigned word;

	if (value_word(r, v, words, NULL, &word))
		*ret = word == 0 ? UNSUPPORTED_DROP : UNSUPPORTED_REFUSE;
}

/* Part of the catalogue, though nobody here is configured for it. */
static bool is_in_catalogue(struct slice word)
{
	struct slice rest = word, head = slice_next_token(&rest, '/');

	if (catalogue_find_provider(head) || catalogue_find_model(word))
		return true;
	for (unsigned i = 0; i < catalogue_provider_count; i++)
		if (catalogue_find_offer(&catalogue_providers[i], word))
			return true;
	return false;
}

/* Names near to one that means nothing. */
static void unknown_target(struct reader *r, struct yaml where, struct slice word)
{
	const struct config *c = r->config;
	struct nearest near;

	nearest_init(&near, word);
	for (unsigned i = 0; i < c->routing.provider_count; i++) {
		nearest_offer(&near, c->routing.providers[i].name);
		for (unsigned j = 0; j < c->routing.providers[i].offer_count; j++)
			nearest_offer(&near, c->routing.providers[i].offers[j].model->id);
	}
	for (unsigned i = 0; i < c->routing.model_count; i++)
		nearest_offer(&near, c->routing.models[i].name);
	problem(r, where, "'%.*s' is no provider, model or group here%s", SLICE_ARG(yaml_text(where)),
		nearest_hint(r, &near));
}

static const struct offer *find_listed(const struct config *c, struct slice name)
{
	for (unsigned i = 0; i < c->routing.provider_count; i++) {
		const struct offer *offer = provider_find_offer(&c->routing.providers[i], name);

		if (offer)
			return offer;
	}
	return NULL;
}

/* "P/rest" where P is configured. True when it is that, resolved or refused. */
static bool resolve_at_provider(struct reader *r, struct yaml where, struct slice word, struct try_item *ret,
				bool *ret_good)
{
	struct slice rest = word, head = slice_next_token(&rest, '/');
	const struct provider *p = rest.ptr ? map_get(&r->config->routing.provider_by_name, head) : NULL;
	struct nearest near;

	if (!p)
		return false;
	*ret = (struct try_item){
		.kind = TRY_PROVIDER_MODEL, .provider = p, .offer = provider_find_offer(p, rest), .model = rest
	};
	*ret_good = rest.len > 0 && (ret->offer || !p->lists_models);
	if (*ret_good)
		return true;
	nearest_init(&near, rest);
	for (unsigned i = 0; i < p->offer_count; i++)
		nearest_offer(&near, p->offers[i].model->id);
	problem(r, where, "'%.*s' does not list '%.*s'%s", SLICE_ARG(head), SLICE_ARG(rest), nearest_hint(r, &near));
	return true;
}

static bool is_tier(struct slice word)
{
	return slice_eq(word, SLICE("frontier")) || slice_eq(word, SLICE("fast")) || slice_eq(word, SLICE("cheap"));
}

static bool resolve_item(struct reader *r, struct yaml where, struct slice word, struct slice self,
			 struct try_item *ret)
{
	const struct config *c = r->config;
	const struct provider *p = map_get(&c->routing.provider_by_name, word);
	const struct offer *listed;
	bool good;

	if (p) {
		*ret = (struct try_item){ .kind = TRY_PROVIDER, .provider = p };
		return true;
	}
	/* In the entry `gpt-4o: { try: [gpt-4o, …] }` the name means the model, not the entry again. */
	if (map_get(&c->routing.model_by_name, word) && !slice_eq(word, self)) {
		*ret = (struct try_item){ .kind = TRY_GROUP, .model = word };
		return true;
	}
	if (resolve_at_provider(r, where, word, ret, &good))
		return good;
	listed = find_listed(c, word);
	if (listed) {
		*ret = (struct try_item){ .kind = TRY_MODEL, .model = listed->model->id };
		return true;
	}
	if (is_tier(word) && !slice_eq(word, self)) {
		*ret = (struct try_item){ .kind = TRY_GROUP, .model = word };
		return true;
	}
	if (!is_in_catalogue(word)) {
		unknown_target(r, where, word);
		return false;
	}
	/* A provider can be commented out without touching what names it: kept as a name that nobody lists. */
	warning(r, where, "'%.*s' is passed over: no configured provider has it", SLICE_ARG(yaml_text(where)));
	*ret = (struct try_item){ .kind = TRY_MODEL, .model = word };
	return true;
}

void try_read(struct reader *r, struct yaml v, struct slice self, struct try_list *ret)
{
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items);

	*ret = (struct try_list){ 0 };
	if (count == 0 || count > ITEMS_MAX) {
		problem(r, v, "'try' is a list of 1 to %d providers, provider/model pairs, models or groups",
			ITEMS_MAX);
		return;
	}
	ret->items = arena_array(r->arena, struct try_item, count);
	for (unsigned i = 0; i < count; i++) {
		struct slice word;

		if (value_text(r, items[i], &word) && resolve_item(r, items[i], word, self, &ret->items[ret->count]))
			ret->count++;
	}
}

/* An entry and the values of it that wait until all entries' names are known. */
struct entry_draft {
	struct model_name *entry;
	struct yaml place, value, items;
};

static void keep_try(struct reader *r, struct yaml v, void *into)
{
	((struct entry_draft *)into)->items = v;
}

static void read_name(struct reader *r, struct yaml v, void *into)
{
	route_name_read(r, v, &((struct entry_draft *)into)->entry->route);
}

static void read_prefer(struct reader *r, struct yaml v, void *into)
{
	prefer_read(r, v, &((struct entry_draft *)into)->entry->actions);
}

static const struct key entry_keys[] = {
	{ "try", "list", "required",
	  "Members in order: `provider/model`, a model, another entry, or a provider that lists this name.", keep_try },
	{ "prefer", "cheapest", "the order of `try`", "Orders the members by estimated cost.", read_prefer },
	{ "name", "text", "the entry's name", "The `route` in records.", read_name },
	{ "split", "", "", "", NULL },
	{ "mirror", "", "", "", NULL },
	{ "hedge", "", "", "", NULL },
	{ "require", "", "", "", NULL },
	{ "on", "", "", "", NULL },
	{ "on_exhaust", "", "", "", NULL },
	{ "rescue", "", "", "", NULL },
	{ 0 }
};
const struct section section_entry = { "models.NAME", "an entry of 'models'", entry_keys };

static void read_alias(struct reader *r, struct entry_draft *d)
{
	struct model_name *m = d->entry;
	struct slice word;

	m->is_alias = true;
	m->actions.try.items = arena_new(r->arena, struct try_item);
	if (!value_text(r, d->value, &word) || !resolve_item(r, d->value, word, m->name, m->actions.try.items))
		return;
	m->actions.try.count = 1;
	if (m->actions.try.items->kind == TRY_PROVIDER)
		problem(r, d->value, "'%.*s' is a provider; an alias names a model: %.*s/MODEL", SLICE_ARG(word),
			SLICE_ARG(word));
}

/* A bare provider in a group stands for the entry's own name there. */
static void check_bare_providers(struct reader *r, const struct entry_draft *d)
{
	const struct model_name *m = d->entry;

	for (unsigned i = 0; i < m->actions.try.count; i++) {
		const struct provider *p = m->actions.try.items[i].provider;

		if (m->actions.try.items[i].kind == TRY_PROVIDER && !provider_find_offer(p, m->name))
			problem(r, d->items, "'%.*s' does not list '%.*s': say which of its models, as %.*s/MODEL",
				SLICE_ARG(p->name), SLICE_ARG(m->name), SLICE_ARG(p->name));
	}
}

static void read_group(struct reader *r, struct entry_draft *d)
{
	section_read(r, &section_entry, d->value, d);
	if (!d->items.line) {
		problem(r, d->place, "'%.*s' needs 'try'", SLICE_ARG(d->entry->name));
		return;
	}
	try_read(r, d->items, d->entry->name, &d->entry->actions.try);
	check_bare_providers(r, d);
}

/* How deep the entry nests; more than CONFIG_NESTING_MAX when it leads back to itself. */
static unsigned nesting(const struct config *c, const struct model_name *m, unsigned depth, unsigned *budget)
{
	unsigned deepest = depth;

	if (depth > CONFIG_NESTING_MAX || *budget == 0)
		return CONFIG_NESTING_MAX + 1;
	for (unsigned i = 0; i < m->actions.try.count; i++) {
		const struct model_name *inner =
			m->actions.try.items[i].kind == TRY_GROUP ? map_get(&c->routing.model_by_name, m->actions.try.items[i].model) : NULL;
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

		if (nesting(c, drafts[i].entry, 0, &budget) > CONFIG_NESTING_MAX)
			problem(r, drafts[i].place, "'%.*s' leads back to itself, or nests more than %d deep",
				SLICE_ARG(drafts[i].entry->name), CONFIG_NESTING_MAX);
	}
}
