/* SPDX-License-Identifier: Apache-2.0 */
/* One answer on its way through the hub, whatever carries it: the provider's dialect has read a wire event into hub
 * events, these are prepared and written in the client's dialect, or folded into one whole answer. Nothing in it grows
 * with the length of a stream but what the client's dialect must repeat at its end, or the fold, both within `limit`.
 *
 *     provider's event → its dialect's reader → hub events → prepared → client's dialect's writer → out
 *                                                                     → fold → whole answer
 */
#pragma once

#include "dialect/dialect.h"
#include "llm/replay.h"

struct translation {
	struct arena arena;            /* lives as long as the attempt */
	struct buf request;            /* what is sent */
	struct names names;            /* tool names that were changed in it */
	bool stream;                   /* the provider is asked for a stream */
	bool folds;                    /* the client wants a whole answer */
	struct answering answering;
	struct event_writer writer;
	struct answer answer;          /* folds */
	struct buf out;                /* for the client: written since the last batch; the owner empties it */
	uint64_t losses;               /* FIELD_… left out of the request, or carried in part */
	bool ended;                    /* the end is written */
	/* A stream that may have to be finished by somebody else (exchange/rescue.h). */
	struct replay *replay;         /* what is delivered is noted there; NULL = nobody asks */
	bool repeats;                  /* …and has been delivered before: only what is new goes on */
	struct translation *speaker;   /* whose writer speaks to the client; NULL = its own */
};

/* `request_limit`: bytes of the written request; `limit`: see above. */
void translation_init(struct translation *t, size_t request_limit);
void translation_done(struct translation *t);

struct translation_answer {
	const struct dialect *client;
	const struct request_facts *facts;     /* the client's request; not kept */
	enum framing framing;                  /* the client's stream */
	bool folds;
	struct slice provider;                 /* outlives the translation */
	enum dialect_id provider_dialect;
	struct slice model;                    /* public id */
	const struct usage *usage;             /* of the reader; outlives the translation */
	uint64_t seed;                         /* randomness for ids */
	int64_t now_s;
	size_t limit;
};
/* Before the answer's first event, while the request is still there. */
void translation_begin_answer(struct translation *t, const struct translation_answer *how);
/* Takes one wire event's (or a whole answer's) hub events. False: over a limit, or (FAILURE_DIVERGED) it should repeat
 * what was delivered and says something else; reterr says which. */
bool translation_take(struct translation *t, struct event_list *events, struct arena *scratch, struct failure *reterr);
/* The one whose `out` the client gets. */
static inline struct translation *translation_speaker(struct translation *t)
{
	return t->speaker ? t->speaker : t;
}
/* The answer is complete: what is left to be written goes to `out`: the end of the stream, or the whole answer. Once.
 */
bool translation_end(struct translation *t, struct buf *out, struct failure *reterr);
