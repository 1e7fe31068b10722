/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of replay: two numberings of blocks meet here. A `channel` is a block as it was delivered, a
 * `block` is one of the attempt that runs now. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "llm/replay.h"

struct track {
	uint64_t length, hash;
};

/* How far a block is told, or repeated. */
struct progress {
	struct track text, transcript; /* `text`: also arguments, and the data of media */
	unsigned signatures, citations, logprobs, parts;
};

struct channel {
	struct channel *next;
	enum event_kind kind;          /* of the block, as in the fold */
	unsigned number;               /* as it was delivered */
	bool custom, closed;           /* nothing more may be delivered */
	bool begun;                    /* in this attempt; or it will not come any more and need not */
	bool done;                     /* all that was delivered before this attempt has been repeated */
	uint64_t name;                 /* hash of the tool's */
	struct progress told, repeated;
};

/* A block of the attempt that runs. */
struct block {
	struct block *next;
	enum event_kind kind;
	unsigned number;               /* as this attempt has it */
	bool pending;                  /* no text yet: it is not known which channel it is */
	int64_t shift;                 /* characters before the continuation's first */
	struct channel *channel;       /* NULL: swallowed */
};

struct choice {
	struct channel *channels, *last_channel;
	struct channel *open;          /* not a tool call's; the one that another block's event closes */
	unsigned next_number;
	bool stopped;
	unsigned missing, missing_tools; /* channels that are not done */
	struct block *blocks, *last_block;
	struct block *open_block;
};

struct replay {
	struct arena arena;            /* channels */
	struct arena attempt;          /* blocks */
	struct choice choices[CHOICES_MAX];
	unsigned channel_count, block_count;
	bool started, overflow, continues;
	bool plain, keeps;
	struct buf text;               /* delivered, while it is all that was */
};

/* ---- replay.c ---- */

/* The kind of block that the event belongs to, or begins. */
enum event_kind replay_block_kind(const struct event *e);
/* What belongs to a block without going on with it. */
bool replay_is_about_block(const struct event *e);
/* It ends where another block's event comes. */
bool replay_is_open_ended(enum event_kind block);
/* Adds one. NULL: too many. */
struct channel *replay_channel(struct replay *r, struct choice *c, enum event_kind kind, unsigned number);
void replay_track_add(struct track *t, struct slice text);
void replay_progress_add(struct progress *p, const struct event *e);
/* The event is delivered, of this channel. */
void replay_tell(struct replay *r, struct choice *c, struct channel *t, bool is_new, const struct event *e);
void replay_tell_stop(struct replay *r, struct choice *c, const struct event *e);
/* Something of the channel came again. */
void replay_note_repeated(struct choice *c, struct channel *t);
