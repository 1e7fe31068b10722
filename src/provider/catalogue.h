/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in catalogue: providers and models as compiled in from catalogue/ by catalogue/compile.py. Static,
 * read-only. */
#pragma once

#include "provider/provider.h"

struct catalogue_binding {
	enum dialect_id dialect;
	const char *const *base_urls;  /* with ${VARIABLES}; the first of which all are there; NULL-ended */
	unsigned operations;
	enum usage_in_stream usage_in_stream;
	enum auth_kind auth;
	const char *auth_header;
	const char *auth_scope;        /* NULL: the usual one of that auth */
	const char *const *headers;    /* name, value, name, value, NULL */
	uint64_t quirks;               /* QUIRK_… */
};

/* What the long tables hold has no pointers: it need not be relocated, and its pages are shared and never dirty. */
struct catalogue_offer {
	uint16_t model;                /* which of catalogue_models */
	uint16_t price;                /* which of catalogue_prices: many offers cost the same */
	unsigned dialects;             /* bits 1 << DIALECT_… that serve it there; 0 = all of the provider's */
	uint32_t names;                /* where in catalogue_texts its own id stands, and its aliases behind it */
};

/* struct price (llm/price.h), with the place of its bands. */
struct catalogue_price {
	struct price_rates rates;
	int64_t request, web_search;
	uint16_t first_band;           /* of catalogue_bands */
	uint16_t band_count;
};

struct catalogue_provider {
	const char *name;
	const char *title;
	const char *const *key_variables; /* first that is set counts; NULL-ended */
	bool local;                    /* a server of one's own: needs no key, and is there only when a file names it */
	bool reseller;                 /* first-party before resellers where no file orders them */
	const struct catalogue_binding *bindings;
	unsigned binding_count;
	const struct catalogue_offer *offers;
	unsigned offer_count;
};

extern const struct catalogue_provider catalogue_providers[];
extern const unsigned catalogue_provider_count;
extern const struct model catalogue_models[];
extern const unsigned catalogue_model_count;
extern const struct catalogue_price catalogue_prices[];
extern const struct price_band catalogue_bands[];
extern const char catalogue_texts[];
extern const char catalogue_version[];  /* date of the data */

const struct catalogue_provider *catalogue_find_provider(struct slice name);
/* By public id. */
const struct model *catalogue_find_model(struct slice id);
/* The offer that goes by that public id, alias or own id there, or NULL. */
const struct catalogue_offer *catalogue_find_offer(const struct catalogue_provider *p, struct slice name);
/* What is sent there. */
const char *catalogue_own_id(const struct catalogue_offer *o);
/* The names after `name`, which is one of the offer's, or NULL: its aliases follow its own id. */
const char *catalogue_next_name(const char *name);
struct price catalogue_price(const struct catalogue_offer *o);
