/* SPDX-License-Identifier: Apache-2.0 */
/* What a client tells a provider's web search, in what all dialects with one share (DIALECTS §3.14): which domains,
 * where the user is, how much to look at. */
#pragma once

#include "dialect/request_write.h"

enum {                                 /* bits of what is said */
	SEARCH_ALLOWED = 1 << 0,       /* only these domains */
	SEARCH_BLOCKED = 1 << 1,       /* none of these */
	SEARCH_LOCATION = 1 << 2,
	SEARCH_SIZE = 1 << 3,          /* how much of what is found: low, medium, high */
	SEARCH_MORE = 1 << 4           /* what only its own dialect knows: how often, when, … */
};

struct web_search {
	unsigned said;                 /* SEARCH_… */
	struct json allowed, blocked;  /* arrays */
	struct json location;          /* city, region, country, timezone */
	struct json size;
};

/* Of a tool of kind TOOL_WEB_SEARCH, whichever dialect it came in. */
void web_search_read(const struct tool *t, struct web_search *ret);
/* Marks the search as carried in part when more was said than `carried`. */
void web_search_note(const struct web_search *s, unsigned carried, const struct chat_target *t);
/* The member `name` when it was said; both write nothing otherwise. */
void web_search_write(struct json_writer *w, const char *name, struct json value);
/* user_location; `deeper`: in an object of its own within (chat completions). */
void web_search_write_location(struct json_writer *w, const struct web_search *s, bool deeper);
