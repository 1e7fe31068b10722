/* SPDX-License-Identifier: Apache-2.0 */
/* The words that name where a request may go (of `try`, `split`, `mirror`, `on`, aliases), resolved against what is
 * configured. */
#include "config/config_internal.h"

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

bool target_resolve(struct reader *r, struct yaml where, struct slice word, struct slice self, struct try_item *ret)
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

void targets_read(struct reader *r, struct yaml v, const char *what, struct slice self, struct try_list *ret)
{
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items);

	*ret = (struct try_list){ 0 };
	if (count == 0 || count > CONFIG_TARGETS_MAX) {
		problem(r, v, "%s is a list of 1 to %d providers, provider/model pairs, models or groups", what,
			CONFIG_TARGETS_MAX);
		return;
	}
	ret->items = arena_array(r->arena, struct try_item, count);
	for (unsigned i = 0; i < count; i++) {
		struct slice word;

		if (value_text(r, items[i], &word) && target_resolve(r, items[i], word, self, &ret->items[ret->count]))
			ret->count++;
	}
}
