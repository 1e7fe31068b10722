/* SPDX-License-Identifier: Apache-2.0 */
/* Which models a provider serves: its `models:`, which is then complete, or all that the catalogue has for it. */
#include "config/config_internal.h"
#include "provider/rules.h"

enum { PROVIDER_MODELS_MAX = 10000, QUALITY_MAX = 100 };

static void offer_from_catalogue(struct reader *r, const struct catalogue_offer *known, struct offer *ret)
{
	const char *own = catalogue_own_id(known);
	unsigned count = 0;

	for (const char *alias = own; (alias = catalogue_next_name(alias));)
		count++;
	ret->model = &catalogue_models[known->model];
	ret->own_id = slice_cstr(own);
	ret->aliases = arena_array(r->arena, struct slice, count);
	ret->alias_count = 0;
	for (const char *alias = own; (alias = catalogue_next_name(alias));)
		ret->aliases[ret->alias_count++] = slice_cstr(alias);
	ret->price = catalogue_price(known);
	ret->dialects = known->dialects;
}

/* A model the catalogue does not know: one row for all providers that list it, with nothing held against it. */
static const struct model *model_row(struct reader *r, struct slice id)
{
	const struct model *known = catalogue_find_model(id);
	struct model *m = known ? NULL : map_get(&r->foreign_models, id);

	if (known || m)
		return known ? known : m;
	m = arena_new(r->arena, struct model);
	m->id = arena_dup(r->arena, id);
	m->abilities = ~0u;
	m->operations = (1u << OPERATION_COUNT) - 1;
	map_put(&r->foreign_models, m->id, m);
	return m;
}

/* The model that goes by this name at the provider, whatever is sent for it there. */
static const struct model *model_named(struct reader *r, const struct provider_draft *d, struct slice id)
{
	const struct catalogue_offer *known = d->known ? catalogue_find_offer(d->known, id) : NULL;

	return known ? &catalogue_models[known->model] : model_row(r, id);
}

static void warn_if_unknown(struct reader *r, struct provider_draft *d, struct yaml where, struct slice id)
{
	struct nearest near;

	if (!d->known)
		return;
	nearest_init(&near, id);
	for (unsigned i = 0; i < d->known->offer_count; i++)
		nearest_offer(&near, catalogue_models[d->known->offers[i].model].id);
	warning(r, where, "the catalogue has no '%.*s' for %s: it is sent as written and its price is unknown%s",
		SLICE_ARG(yaml_text(where)), d->known->name, nearest_hint(r, &near));
}

/* The catalogue's offer that this line of `models:` is about: known by what is sent, else by its name. */
static const struct catalogue_offer *offer_meant(const struct provider_draft *d, struct slice id, struct slice own)
{
	const struct catalogue_offer *known = d->known && own.ptr ? catalogue_find_offer(d->known, own) : NULL;

	return known || !d->known ? known : catalogue_find_offer(d->known, id);
}

/* `id` is the name in `models:`; `own` what the file says is sent for it, or a NULL pointer. */
static void add_offer(struct reader *r, struct provider_draft *d, struct yaml where, struct slice id, struct slice own)
{
	const struct catalogue_offer *known = offer_meant(d, id, own);
	struct provider *p = d->provider;
	struct offer *o = &p->offers[p->offer_count];

	if (id.len == 0 || (own.ptr && own.len == 0)) {
		problem(r, where, "a model's name is empty");
		return;
	}
	*o = (struct offer){ .price = price_unknown };
	if (known)
		offer_from_catalogue(r, known, o);
	/* An alias (a dated id, the own id) stands for its public id; a name of the operator's own is a model of its
	 * own. */
	if (!known || own.ptr)
		o->model = model_named(r, d, id);
	if (own.ptr)
		o->own_id = own;
	else if (!known)
		o->own_id = o->model->id;
	if (!known && !own.ptr)
		warn_if_unknown(r, d, where, id);
	for (unsigned i = 0; i < p->offer_count; i++) {
		if (!slice_eq(p->offers[i].model->id, o->model->id))
			continue;
		problem(r, where, "'%.*s' stands twice", SLICE_ARG(o->model->id));
		return;
	}
	p->offer_count++;
}

static void offers_from_map(struct reader *r, struct provider_draft *d)
{
	struct yaml_member *members;
	unsigned count = yaml_members(r, d->models, "'models'", &members);

	d->provider->offers = arena_array(r->arena, struct offer, count);
	if (count > PROVIDER_MODELS_MAX) {
		problem(r, d->models, "more than %d models", PROVIDER_MODELS_MAX);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		struct slice own = { 0 };

		if (yaml_kind(members[i].value) == YAML_NOTHING || value_text(r, members[i].value, &own))
			add_offer(r, d, members[i].place, members[i].key, own);
	}
}

static void offers_from_list(struct reader *r, struct provider_draft *d)
{
	struct yaml *items;
	unsigned count = yaml_items(r, d->models, &items);

	d->provider->offers = arena_array(r->arena, struct offer, count);
	if (count > PROVIDER_MODELS_MAX) {
		problem(r, d->models, "more than %d models", PROVIDER_MODELS_MAX);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		struct slice id;

		if (value_text(r, items[i], &id))
			add_offer(r, d, items[i], id, (struct slice){ 0 });
	}
}

/* `quality: { PUBLIC-ID: NUMBER }`, of models that are listed here. */
static void quality_of_models(struct reader *r, struct provider_draft *d)
{
	struct yaml_member *members;
	unsigned count = yaml_members(r, d->quality, "'quality'", &members);
	struct provider *p = d->provider;

	for (unsigned i = 0; i < count; i++) {
		const struct offer *offer = provider_find_offer(p, members[i].key);
		struct nearest near;

		if (offer) {
			value_number(r, members[i].value, QUALITY_MAX, &p->offers[offer - p->offers].quality);
			continue;
		}
		nearest_init(&near, members[i].key);
		for (unsigned k = 0; k < p->offer_count; k++)
			nearest_offer(&near, p->offers[k].model->id);
		problem(r, members[i].place, "'%.*s' does not list '%.*s'%s", SLICE_ARG(p->name), SLICE_ARG(members[i].key),
			nearest_hint(r, &near));
	}
}

static void quality_read(struct reader *r, struct provider_draft *d)
{
	struct provider *p = d->provider;
	double quality = -1;

	if (!d->quality.line)
		return;
	if (p->offer_count == 0)
		problem(r, d->quality, "'quality' is of models, and '%.*s' lists none: it needs 'models'", SLICE_ARG(p->name));
	else if (yaml_kind(d->quality) == YAML_MAP)
		quality_of_models(r, d);
	else if (value_number(r, d->quality, QUALITY_MAX, &quality))
		for (unsigned i = 0; i < p->offer_count; i++)
			p->offers[i].quality = quality;
}

void offers_read(struct reader *r, struct provider_draft *d)
{
	struct provider *p = d->provider;

	p->lists_models = d->models.line != 0;
	if (yaml_kind(d->models) == YAML_MAP) {
		offers_from_map(r, d);
	} else if (p->lists_models) {
		offers_from_list(r, d);
	} else if (d->known) {
		p->offers = arena_array(r->arena, struct offer, d->known->offer_count);
		for (unsigned i = 0; i < d->known->offer_count; i++)
			offer_from_catalogue(r, &d->known->offers[i], &p->offers[p->offer_count++]);
	}
	for (unsigned i = 0; i < p->offer_count; i++) {
		p->offers[i].rules = rules_find(p->name, p->offers[i].model->id, p->offers[i].own_id);
		p->offers[i].quality = -1;
	}
	provider_index_names(p, r->arena);
	quality_read(r, d);
}
