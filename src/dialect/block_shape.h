/* SPDX-License-Identifier: Apache-2.0 */
/* What the dialects have in common whose messages are blocks, by turns the user's and the assistant's: Anthropic's
 * Messages, and Bedrock's Converse, whose cache points, thinking and tools follow it. DIALECTS §1.2, §3.2, §3.5, §3.7,
 * §3.11 to §3.13. */
#pragma once

#include "dialect/chat_read.h"
#include "dialect/request_write.h"

/* What is new in a message, or of betas: kept for the message that block_write_turns() makes of it. */
void block_keep_message_others(struct chat_reading *r, struct json message, unsigned number);

enum { CACHE_MARKS_MAX = 4 };          /* DIALECTS §3.11 */

/* The nearest thing to a JSON mode (DIALECTS §3.7: "instruct"). */
#define BLOCK_JSON_INSTRUCTION "Answer with one JSON object and nothing else: no words around it, no code fence."

/* After init. `marks`: how many markers the conversation has. */
void block_plan(struct request_writing *r, unsigned marks);
/* Is there a marker, and room for it? The last ones are kept: they cover what the first ones did. 1 h comes before 5 m:
 * r->short_mark_written says what it has become. */
bool block_takes_mark(struct request_writing *r, enum cache_mark mark);
/* Members kept under "<parent>.<name>". */
void block_write_others(struct request_writing *r, struct slice parent);
bool block_has_others(const struct request_writing *r, struct slice parent);
/* Without white space at its end, line ends included. */
struct slice block_trim_end(struct slice text);
/* Is JSON asked for in words? */
bool block_wants_json(const struct request_writing *r);
/* Only some tools may be called: the others are not sent. */
bool block_allows_tool(const struct request_writing *r, const struct tool *t);
/* Structured output for models without it: a tool whose input is the answer (DIALECTS §3.7). names.h has how its call
 * becomes text again. Three steps, as each dialect nests them its own way: may it be, and its name is taken; name and
 * description; the schema. */
bool block_claim_answer_tool(struct request_writing *r);
void block_write_answer_head(struct request_writing *r);
bool block_write_answer_schema(struct request_writing *r);

/* ---- thinking: block_reasoning.c ---- */

enum thinking { THINKING_UNSAID, THINKING_DISABLED, THINKING_ADAPTIVE, THINKING_ENABLED };

struct reasoning_plan {
	enum thinking thinking;
	int64_t budget;                /* with ENABLED */
	unsigned effort;               /* 0 = unsaid */
	unsigned toggle;               /* Bedrock: effort for reasoning_config, 0 = unsaid */
	int64_t max_tokens;            /* -1 = unsaid */
};

enum { BLOCK_OUTPUT_UNKNOWN = 4096 };  /* where nobody said how much may be written; every Claude model takes it */

/* Is thinking wished for, on or off, and not in the way of a tool call that must come? */
bool block_plans_reasoning(struct request_writing *r);
/* The turn that began the answer whose calls' results are all that came since; NULL: no results are being answered. */
const struct turn *block_answered_turn(const struct chat *c);
/* `most`: tokens of thinking and answer; `open_ended`: nobody said so many. */
void block_plan_budget(struct request_writing *r, struct reasoning_plan *p, int64_t most, bool open_ended);
/* `adaptive`: the model is also told to think as it sees fit. */
void block_plan_effort(struct request_writing *r, struct reasoning_plan *p, bool adaptive);
/* The effort that is meant, a budget as a word; 0 = none is said. */
unsigned block_wished_effort(const struct request_writing *r);
unsigned block_efforts_of(const struct model_rules *rules);
/* The member `thinking`. */
void block_write_thinking(struct request_writing *r, const struct reasoning_plan *p);

/* ---- messages: block_turns.c ---- */

struct block_messages;

/* A dialect's own way with them. */
struct block_way {
	/* Is anything written for it at all? */
	bool (*is_written)(const struct request_writing *r, const struct part *p);
	/* One that is written; with its marker. */
	bool (*write_part)(struct request_writing *r, const struct part *p);
	/* Another text in place of the part's own, with its marker; NULL: words of ours. */
	void (*write_text)(struct request_writing *r, const struct part *p, struct slice text);
	/* Only users may send it, but for those that came in this dialect. */
	bool (*is_user_media)(const struct part *p);
	bool (*is_native)(const struct request_writing *r, const struct part *p);
	/* Part of a result that can only follow it in the message; NULL: there are none. */
	bool (*leaves_result)(const struct request_writing *r, const struct part *p);
	/* May system text stand within the conversation, here? */
	bool (*takes_later_system)(const struct block_messages *m);
	/* Before a message's last bracket; may be NULL. */
	void (*before_end)(struct block_messages *m);
	bool trims_own;                /* the end of an answer that was begun, even in the dialect's own words */
};

struct block_messages {
	struct request_writing *r;
	const struct block_way *way;
	bool any;                      /* one was begun */
	bool open;
	enum chat_role role;           /* of the open one */
	unsigned number;               /* of the turn it began with, as they were read */
	bool document, text;           /* in the open one */
	const struct other_member *others; /* of messages yet to be closed, in their order */
	const struct turn *media_of, *media_end; /* assistant turns whose media wait for the next user message */
};

void block_begin_messages(struct block_messages *m, struct request_writing *r, const struct block_way *way);
/* All turns but the leading system ones. The last message stays open. */
bool block_write_turns(struct block_messages *m);
void block_end_messages(struct block_messages *m);
/* The first part that is written is no reasoning, which yet has to come first: dialects without an order of their own
 * may have put it elsewhere (DIALECTS §3.13). */
bool block_hoists_reasoning(const struct request_writing *r, const struct block_way *way, const struct turn *t);
