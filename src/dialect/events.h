/* SPDX-License-Identifier: Apache-2.0 */
/* An answer between its dialects: what one event (or a whole answer) means, the state of an answer being read, and of
 * one being written. */
#pragma once

#include "base/arena.h"
#include "base/failure.h"
#include "http/framing.h"
#include "llm/event.h"
#include "llm/operation.h"
#include "llm/usage.h"

struct dialect;

enum {                                 /* bits of reading.flags */
	READING_PROGRESS = 1 << 0,     /* ends the first-token timer: content, or an opened reasoning or output item */
	READING_CONTENT = 1 << 1,      /* commits: text, reasoning, closed reasoning block, tool call, refusal, media */
	READING_FINISH = 1 << 2,       /* a valid finish: the answer's content is complete */
	READING_TERMINATOR = 1 << 3,   /* the dialect's last event */
	READING_FAILURE = 1 << 4,      /* an error: `failure` is filled in; the event is not relayed before commit */
	READING_USAGE_ONLY = 1 << 5,   /* exists only because usage was asked for: swallowed when weir asked */
	READING_MALFORMED = 1 << 6,    /* not this dialect's grammar; `failure` says how */
};

/* What one event (or one whole answer) means. */
struct reading {
	unsigned flags;
	struct slice usage_member;     /* within frame.data: the bytes to cut (with their comma) when usage was asked
					* for by weir and this is not the usage-only event; NULL pointer = none */
	struct failure failure;        /* filled in with READING_FAILURE and READING_MALFORMED only */
};

enum { READER_CHOICES_MAX = 128 };     /* the most that any dialect allows in one answer (OpenAI's n) */

/* State of one answer being read; lives in the attempt, fixed size. */
struct event_reader {
	const struct dialect *dialect;
	enum operation operation;
	struct usage usage;            /* so far */
	bool started, content, finished, terminated;
	unsigned finished_choices;
	uint64_t choices_seen[READER_CHOICES_MAX / 64]; /* bit per choice number */
	uint64_t choices_open[READER_CHOICES_MAX / 64]; /* seen and without a finish yet */
	uint64_t output_bytes;         /* of text, reasoning and arguments seen: for estimating usage that never came */
	char model[128];               /* as the provider wrote it */
	unsigned events;
	uint32_t open_blocks;          /* the dialect's own bookkeeping */
	int64_t sequence;              /* Responses: the last sequence_number seen, -1 before the first */
	char answer_id[96];            /* Responses: the id its failure event has to repeat */
	bool saw_tool;
	/* Translation: where hub events go; NULL in the verbatim relay. With it, `arena` holds whatever the dialect
	 * must remember between events in `state` (bounded: block numbers, not text), for as long as the reader lives.
	 */
	struct event_list *sink;
	struct arena *arena;
	void *state;
	uint64_t quirks;               /* of the binding that answers */
};

/* State of one answer being written to a client; lives in the attempt. */
struct event_writer {
	const struct dialect *dialect;
	struct arena *arena;           /* the attempt's: for `state` */
	enum framing framing;
	bool include_usage;            /* openai-chat: the client asked for it in the stream */
	struct slice model;            /* to say where the provider says none: the public id */
	struct slice provider;
	const struct usage *usage;     /* grows while the answer comes; complete at the end */
	uint64_t seed;                 /* for ids that the dialect needs and nobody gave */
	unsigned ids;
	int64_t now_s;                 /* for `created` where nobody said */
	unsigned written;              /* events so far; JSON array framing counts elements */
	int64_t sequence;              /* Responses: number of the last event written, -1 before the first */
	char answer_id[96];            /* Responses: the id its failure event has to repeat */
	char answer_model[128];        /* Responses: the model likewise; empty before the beginning was written */
	size_t limit;                  /* bytes that may be kept where the dialect repeats whole texts at its end */
	void *state;
};

enum stream_end {
	STREAM_COMPLETE,               /* finished and terminated */
	STREAM_NEEDS_TERMINATOR,       /* finished, but without the terminator: write_terminator() adds it */
	STREAM_CUT                     /* ended before it was complete */
};
