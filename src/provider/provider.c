/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in a provider's row, and the words its enumerations go by. */
#include "provider/provider.h"

static bool offer_goes_by(const struct offer *o, struct slice name)
{
	if (slice_eq(o->model->id, name) || slice_eq(o->own_id, name))
		return true;
	for (unsigned i = 0; i < o->alias_count; i++)
		if (slice_eq(o->aliases[i], name))
			return true;
	return false;
}

const struct offer *provider_find_offer(const struct provider *p, struct slice name)
{
	/* A public id wins over another offer's alias or own id. */
	for (unsigned i = 0; i < p->offer_count; i++)
		if (slice_eq(p->offers[i].model->id, name))
			return &p->offers[i];
	for (unsigned i = 0; i < p->offer_count; i++)
		if (offer_goes_by(&p->offers[i], name))
			return &p->offers[i];
	return NULL;
}

const struct binding *provider_find_binding(const struct provider *p, enum dialect_id dialect, enum operation op)
{
	for (unsigned i = 0; i < p->binding_count; i++) {
		const struct binding *b = &p->bindings[i];

		if (b->dialect_id == dialect && b->operations & 1u << op)
			return b;
	}
	return NULL;
}

const char *tier_name(enum tier t)
{
	switch (t) {
	case TIER_CHEAP:
		return "cheap";
	case TIER_FAST:
		return "fast";
	case TIER_FRONTIER:
		return "frontier";
	case TIER_NONE:
		break;
	}
	return "none";
}

const char *auth_kind_name(enum auth_kind k)
{
	switch (k) {
	case AUTH_NONE:
		return "none";
	case AUTH_BEARER:
		return "bearer";
	case AUTH_HEADER:
		return "header";
	case AUTH_SIGV4:
		return "sigv4";
	case AUTH_GOOGLE:
		return "google";
	case AUTH_AZURE:
		return "azure";
	}
	return "none";
}
