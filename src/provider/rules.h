/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules hold for which model: the rows of catalogue/rules.yaml, compiled in. Static, read-only. */
#pragma once

#include "base/slice.h"
#include "llm/rules.h"

struct rule_row {
	unsigned index;                /* of the row in the file: one of those may have become several here */
	const char *const *globs;      /* any of them; NULL-ended, lower case; none: every name that no row fits */
	const char *provider;          /* holds at that provider of the catalogue only; NULL: everywhere */
	struct model_rules rules;
};

extern const struct rule_row rule_rows[];
extern const unsigned rule_row_count;
extern const unsigned rule_index_count; /* rows in the file */

/* The first row that fits the public id, else the first that fits the provider's own id, else what that provider wants
 * of all others, else model_rules_unknown; never NULL. Names are compared without regard to case, from their start and
 * behind each '/', '.' and ':', up to a ':' or '@': vendor prefixes, regions, tags and versions need no row. `provider`
 * may be empty, as may either id. Scans some hundred short globs: done when a configuration is read, and for ids sent
 * as written. */
const struct model_rules *rules_find(struct slice provider, struct slice public_id, struct slice own_id);
/* The same for one name: the row, or NULL. */
const struct rule_row *rules_find_row(struct slice provider, struct slice name);
