/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way out of the hub: what writers of requests have at hand, whatever the dialect. */
#pragma once

#include "dialect/dialect_internal.h"

struct chat_shape;

/* What stands for the user's first word where there is none and one must be. */
#define REQUEST_FIRST_WORD "Begin."

struct request_writing {
	struct json_writer json;
	const struct chat *chat;
	const struct chat_target *target;
	struct arena *arena;
	struct failure *failure;
	uint64_t lossy;                /* FIELD_… carried in part only */
	bool own;                      /* it came in this dialect: what only this dialect knows goes back */
	/* Descendants of chat completions: */
	struct chat_shape *shape;      /* chat_shape.h */
	unsigned message;              /* number of the one being written */
	/* Cohere: */
	bool documents_apart;          /* those that are text stand in `documents`, not in the messages */
	/* Dialects of blocks (block_shape.h): */
	unsigned marks_to_skip;        /* cache markers too many: the first ones */
	bool short_mark_written;       /* after a 5 m marker no 1 h one may come */
	bool answer_by_tool;           /* structured output through a forced tool call */
	/* Bedrock: */
	bool tools_in_history;         /* toolUse or toolResult blocks are written */
	unsigned documents;            /* named so far */
};

/* `own_dialect`: the one that is written; it has no custom tools. */
void request_writing_init(struct request_writing *r, const struct chat *c, const struct chat_target *t,
			  enum dialect_id own_dialect, struct arena *scratch, struct buf *out, struct failure *reterr);
/* Hands on what was carried in part. False: there was no room (failure). */
bool request_writing_end(struct request_writing *r);

static inline bool writes(const struct request_writing *r, uint64_t field)
{
	return (r->target->carried & field) != 0;
}
static inline void request_note_loss(struct request_writing *r, uint64_t field, bool lost)
{
	r->lossy |= lost ? field : 0;
}
/* FAILURE_REQUEST: this target cannot be told that. Always false. */
bool request_cannot_write(struct request_writing *r, const char *format, ...) PRINTF(2, 3);
/* The member, cut to the range; true when it was cut. Numbers are cut, not scaled: the words keep their meaning in the
 * range that both have (DIALECTS §3.9). */
bool request_write_number(struct json_writer *w, const char *name, const struct number *n, double lowest,
			  double highest);
/* Is the tool's name among those that may be called? */
bool request_allows_tool(const struct chat *c, const struct tool *tool);
/* custom_tools.c: the chat with functions in place of custom tools, whose names are noted; itself when it has none. */
const struct chat *request_custom_as_functions(const struct chat *c, const struct chat_target *target, struct arena *a);
/* What is said about a document where a file has no member for it: a frame to stand in front of it. `titled`: its title
 * has a place of its own. Empty: nothing is said. */
struct slice request_document_words(const struct media *m, bool titled, struct arena *a);
/* A cache marker stands behind a tool, where OpenAI's dialects have no place for it. */
bool request_marks_tools(const struct chat *c);
/* The longest answer to ask for: at least one token, at most the model's longest output (0: not known) — a longer or
 * shorter wish is cut and marked as carried in part, where APIs answer 400. -1: no wish. `own`: as it is. */
int64_t request_max_output(const struct chat *c, const struct chat_target *t, bool own);
/* The nearest effort that the target knows (0 = all), marked as carried in part when a client's own word was another.
 */
unsigned request_effort(struct request_writing *r, unsigned effort, unsigned allowed);
/* Off, however it was said, but for a budget of nothing. */
bool reasoning_is_off(const struct reasoning *wish);
