/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in the built-in catalogue. They run when a configuration is read, not per request: plain scans of short
 * tables. */
#include "provider/catalogue.h"

const struct catalogue_provider *catalogue_find_provider(struct slice name)
{
	for (unsigned i = 0; i < catalogue_provider_count; i++)
		if (slice_eq(slice_cstr(catalogue_providers[i].name), name))
			return &catalogue_providers[i];
	return NULL;
}

const struct model *catalogue_find_model(struct slice id)
{
	for (unsigned i = 0; i < catalogue_model_count; i++)
		if (slice_eq(catalogue_models[i].id, id))
			return &catalogue_models[i];
	return NULL;
}

static bool is_among(const char *const *names, struct slice name)
{
	for (; names && *names; names++)
		if (slice_eq(slice_cstr(*names), name))
			return true;
	return false;
}

const char *catalogue_own_id(const struct catalogue_offer *o)
{
	return catalogue_texts + o->names;
}

const char *catalogue_next_name(const char *name)
{
	name += strlen(name) + 1;
	return *name ? name : NULL;
}

struct price catalogue_price(const struct catalogue_offer *o)
{
	const struct catalogue_price *p = &catalogue_prices[o->price];

	return (struct price){
		.rates = p->rates,
		.request = p->request,
		.web_search = p->web_search,
		.bands = p->band_count > 0 ? &catalogue_bands[p->first_band] : NULL,
		.band_count = p->band_count,
	};
}

static bool offer_goes_by(const struct catalogue_offer *o, struct slice name)
{
	const struct model *m = &catalogue_models[o->model];

	if (slice_eq(m->id, name) || is_among(m->names, name))
		return true;
	for (const char *own = catalogue_own_id(o); own; own = catalogue_next_name(own))
		if (slice_eq(slice_cstr(own), name))
			return true;
	return false;
}

const struct catalogue_offer *catalogue_find_offer(const struct catalogue_provider *p, struct slice name)
{
	for (unsigned i = 0; i < p->offer_count; i++)
		if (offer_goes_by(&p->offers[i], name))
			return &p->offers[i];
	return NULL;
}
