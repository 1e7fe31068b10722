/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules hold for which model: the rows of catalogue/rules.yaml, compiled in. Static, read-only. */
#pragma once

#include "base/slice.h"
#include "llm/rules.h"

enum { RULE_PROVIDER_MAX = 22, RULE_GLOB_MAX = 30, RULE_LETTERS = 128 };

/* Texts stand in the rows: what has no pointer need not be relocated, and its pages are shared and never dirty. */
struct rule_row {
	uint16_t index;                /* of the row in the file: one of those may have become several here */
	char provider[RULE_PROVIDER_MAX]; /* holds at that provider of the catalogue only; "": everywhere */
	struct model_rules rules;
};

/* A row has one or several; the row of a provider's other models has none. */
struct rule_glob {
	uint16_t row;
	char text[RULE_GLOB_MAX];      /* lower case, ASCII */
};

extern const struct rule_row rule_rows[];
extern const struct rule_glob rule_globs[]; /* by their first letter, then by row */
extern const uint16_t rule_glob_begins[RULE_LETTERS + 1]; /* where a letter's globs begin, and the last ones end */
extern const uint16_t rule_rows_of_others[]; /* the rows without globs: names that no row fits */
extern const unsigned rule_rows_of_others_count;
extern const unsigned rule_index_count; /* rows in the file */

/* The first row that fits the public id, else the first that fits the provider's own id, else what that provider wants
 * of all others, else model_rules_unknown; never NULL. Names are compared without regard to case, from their start and
 * behind each '/', '.' and ':', up to a ':' or '@': vendor prefixes, regions, tags and versions need no row. `provider`
 * may be empty, as may either id. Scans some hundred short globs: done when a configuration is read, and for ids sent
 * as written. */
const struct model_rules *rules_find(struct slice provider, struct slice public_id, struct slice own_id);
/* The same for one name: the row, or NULL. */
const struct rule_row *rules_find_row(struct slice provider, struct slice name);
