/* SPDX-License-Identifier: Apache-2.0 */
/* Between readers and writers of answers: `struct answering` turns what a provider's dialect said into what a client
 * may be told (its tools' own names, ids for calls that had none, wrapped reasoning state, decided stop reasons), and
 * the fold gathers such events into one whole answer. Written once, for all pairs. */
#pragma once

#include "base/buf.h"
#include "llm/custom_input.h"
#include "llm/event.h"
#include "llm/names.h"

/* ---- preparation ---- */

enum {
	CUSTOMS_MAX = 64,              /* at once; more stay calls of functions */
	ANSWER_CALLS_MAX = 1024,       /* in one answer; more are a fault */
	HALVES_MAX = 16,               /* texts at once that are cut within a character */
	CITED_BYTES_MAX = 1 << 20      /* of citations that had to wait, in one answer; more are told without a place */
};

/* A citation that waits for the end of its block. */
struct cited {
	struct cited *next;
	struct event event;
};

struct answering {
	struct slice provider;         /* whose state passes by */
	enum dialect_id dialect;       /* the provider's */
	const struct names *names;     /* of the request that was sent; NULL = none were changed */
	uint64_t seed;                 /* for ids; the caller's randomness */
	unsigned ids, calls;           /* made; of tools, of all choices */
	const char *fault;             /* why the answer can be told to nobody; NULL = it can */
	bool marked;                   /* the events that are being prepared may have halves of characters */
	unsigned half_count;
	struct half {
		unsigned unit;         /* 0 = none */
		enum event_kind kind;
		unsigned choice, block;
	} halves[HALVES_MAX];
	struct event mended;           /* what answering_release() told last of them */
	size_t waiting;                /* bytes of the citations that wait */
	struct {
		unsigned text_block;   /* the last text, and its characters so far */
		int64_t characters;
		struct cited *cited, *last_cited; /* citations of all of it */
		bool tool_calls, refusal, stopped;
		unsigned answer_block; /* block number + 1 of the call of names->answer_tool, 0 = none */
		unsigned begun_block;  /* …of the function's call that began last and has no arguments yet */
	} choices[CHOICES_MAX];
	struct {
		bool open;
		unsigned choice, block;
		struct custom_input input;
	} customs[CUSTOMS_MAX];        /* calls of custom tools that the target knew as functions */
	bool started;
};

void answering_init(struct answering *s, struct slice provider, enum dialect_id dialect, const struct names *names,
		    uint64_t seed);
/* Changes the event in place; what it needs is allocated in `a`. `s->marked` says before what list it is from;
 * `s->fault` is to be looked at afterwards. */
void answering_prepare(struct answering *s, struct event *e, struct arena *a);
/* What has to be told before the prepared event `next`; NULL: nothing (more). It lives until the next
 * call, or in `a`. */
const struct event *answering_release(struct answering *s, const struct event *next, struct arena *a);
/* True: it waits, in `a`, which lives as long as the answer, and is not told yet. */
bool answering_holds(struct answering *s, const struct event *e, struct arena *a);

/* ---- fold ---- */

struct answer_block {
	struct answer_block *next;
	enum event_kind kind;          /* TEXT, REASONING, REFUSAL, TOOL_BEGIN (a call), MEDIA, OPAQUE */
	unsigned number;
	struct buf text;               /* TEXT, REASONING, REFUSAL; a call's arguments; MEDIA: base64 */
	struct slice state;            /* SIGNATURE's payload; on reasoning, text and calls */
	bool redacted;
	struct slice id, name, item_id; /* of a call; item_id also of reasoning */
	bool custom, ended;
	struct media media;            /* MEDIA, but for the data, which is in `text` */
	struct slice raw;              /* OPAQUE */
	enum dialect_id raw_dialect;
	struct citation *citations;    /* of a text, in order */
	unsigned citation_count;
	struct logprob *logprobs;
	unsigned logprob_count;
};

struct answer_choice {
	struct answer_block *blocks, *last;
	bool stopped;
	enum stop_reason reason;
	struct slice stop_sequence, stop_word, stop_detail;
};

struct answer {
	struct arena *arena;           /* everything but the texts */
	size_t room;                   /* bytes that texts may still take */
	bool overflow;
	struct slice id, model, service_tier;
	int64_t created_s;
	struct answer_choice *choices; /* by number */
	unsigned choice_count;
};

/* `limit`: bytes of text of all kinds. `a` outlives it; texts are on the heap until answer_done(). */
void answer_init(struct answer *r, struct arena *a, size_t limit);
void answer_done(struct answer *r);
/* Copies what it keeps. Over the limit `overflow` is set and nothing more is taken. */
void answer_add(struct answer *r, const struct event *e);
/* The block of that number, or NULL. */
struct answer_block *answer_find(struct answer_choice *c, unsigned block);
