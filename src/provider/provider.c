/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in a provider's row, and the words its enumerations go by. */
#include "provider/provider.h"

#include "base/lot.h"
#include "base/map.h"

/* Which of its names this is: the lower, the stronger. */
enum { BY_PUBLIC_ID, BY_OWN_NAME, BY_MODELS_NAME, NOT_ITS_NAME };

static int name_kind(const struct offer *o, struct slice name)
{
	if (slice_eq(o->model->id, name))
		return BY_PUBLIC_ID;
	if (slice_eq(o->own_id, name))
		return BY_OWN_NAME;
	for (unsigned i = 0; i < o->alias_count; i++)
		if (slice_eq(o->aliases[i], name))
			return BY_OWN_NAME;
	for (const char *const *known = o->model->names; known && *known; known++)
		if (slice_eq(slice_cstr(*known), name))
			return BY_MODELS_NAME;
	return NOT_ITS_NAME;
}

struct offer_name {
	struct slice name;
	const struct offer *offer;     /* NULL = empty slot */
};

static struct offer_name *find_slot(const struct provider *p, struct slice name, uint64_t hash)
{
	for (uint64_t at = hash;; at++) {
		struct offer_name *slot = &p->names[at & (p->name_slots - 1)];

		if (!slot->offer || slice_eq(slot->name, name))
			return slot;
	}
}

/* The first offer in the list that is called so most strongly keeps the name. */
static void add_name(struct provider *p, struct slice name, const struct offer *offer)
{
	struct offer_name *slot = find_slot(p, name, hash_bytes(name));

	if (slot->offer && name_kind(slot->offer, name) <= name_kind(offer, name))
		return;
	*slot = (struct offer_name){ name, offer };
}

uint64_t provider_identity(const struct provider *p)
{
	return p->identity ? p->identity : hash_bytes(p->name);
}

uint64_t binding_identity(const struct provider *p, const struct binding *b)
{
	return b->identity ? b->identity : hash_pair(provider_identity(p), hash_bytes(b->base_text));
}

static void make_identities(struct provider *p)
{
	p->identity = provider_identity(p);
	for (unsigned i = 0; i < p->binding_count; i++)
		p->bindings[i].identity = binding_identity(p, &p->bindings[i]);
	for (unsigned i = 0; i < p->offer_count; i++)
		p->offers[i].identity = hash_bytes(p->offers[i].model->id);
}

void provider_index_names(struct provider *p, struct arena *a)
{
	unsigned count = 0, slots = 8;

	make_identities(p);
	for (unsigned i = 0; i < p->offer_count; i++) {
		count += 2 + p->offers[i].alias_count;
		for (const char *const *known = p->offers[i].model->names; known && *known; known++)
			count++;
	}
	while (slots < 2 * count)
		slots *= 2;
	p->names = arena_array(a, struct offer_name, slots);
	p->name_slots = slots;
	for (unsigned i = 0; i < p->offer_count; i++) {
		const struct offer *o = &p->offers[i];

		add_name(p, o->model->id, o);
		add_name(p, o->own_id, o);
		for (unsigned k = 0; k < o->alias_count; k++)
			add_name(p, o->aliases[k], o);
		for (const char *const *known = o->model->names; known && *known; known++)
			add_name(p, slice_cstr(*known), o);
	}
}

static const struct offer *search_offer(const struct provider *p, struct slice name)
{
	const struct offer *found = NULL;
	int best = NOT_ITS_NAME;

	for (unsigned i = 0; i < p->offer_count && best > BY_PUBLIC_ID; i++) {
		int kind = name_kind(&p->offers[i], name);

		if (kind < best) {
			best = kind;
			found = &p->offers[i];
		}
	}
	return found;
}

const struct offer *provider_find_hashed(const struct provider *p, struct slice name, uint64_t hash)
{
	return p->names ? find_slot(p, name, hash)->offer : search_offer(p, name);
}

const struct offer *provider_find_offer(const struct provider *p, struct slice name)
{
	return p->names ? find_slot(p, name, hash_bytes(name))->offer : search_offer(p, name);
}

const struct credential *provider_pick_key(const struct provider *p, uint64_t conversation, uint64_t done)
{
	const struct credential *best = NULL;
	double best_rank = 0;

	if (p->key_count == 1 && !(done & 1))
		return &p->keys[0];
	for (unsigned i = 0; i < p->key_count && i < PROVIDER_KEYS_MAX; i++) {
		const struct credential *key = &p->keys[i];
		double rank;

		if (done & UINT64_C(1) << i)
			continue;
		rank = lot_rank(conversation, key->fingerprint, key->weight);
		if (!best || rank < best_rank) {
			best = key;
			best_rank = rank;
		}
	}
	return best;
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
