/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way into the hub: what readers of requests have at hand, whatever the dialect. */
#pragma once

#include "dialect/dialect_internal.h"

struct chat_reading {
	struct chat *chat;
	struct arena *arena;
	struct failure *failure;
	unsigned message;              /* number of the one being read */
	/* Anthropic: */
	bool picture_in_document;      /* one was noted */
	/* Gemini: */
	bool extras_noted;             /* members of parts that only this dialect knows */
	unsigned run;                  /* how many thoughts without a state came one after the other … */
	struct part *run_first;        /* … the first of them, and its turn */
	struct turn *run_turn;
};

/* A FAILURE_BAD_REQUEST about a member. Always false. */
bool chat_refuse(struct failure *reterr, const char *member, const char *format, ...) PRINTF(3, 4);
/* What a member of a request may be; null is always said for "not said". */
enum { IS_STRING = 1 << 0, IS_NUMBER = 1 << 1, IS_BOOL = 1 << 2, IS_ARRAY = 1 << 3, IS_OBJECT = 1 << 4 };
struct member_type { const char *name; unsigned types; };
/* False: a member of the list (ends with NULL) is of another type, which no API of these takes: it is refused and named
 * rather than passed over in silence. */
bool chat_check_types(struct json root, const struct member_type *members, struct failure *reterr);
/* Is it a string of that list? It ends with NULL. */
bool json_is_one_of(struct json v, const char *const *words);
/* What only this dialect knows is kept as "<parent>.<name>" (no parent: its name), but for nulls. */
void chat_keep_other(struct chat_reading *r, uint64_t field, struct slice parent, const struct json_walk *member);
/* The same with all members of an object but the `known` ones (ends with NULL). */
void chat_keep_others(struct chat_reading *r, struct json object, const char *const *known, struct slice parent);
