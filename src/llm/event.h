/* SPDX-License-Identifier: Apache-2.0 */
/* The hub, second half: an answer as a sequence of events, each with the number of its choice and of its block. Readers
 * of all dialects produce them, from streams and from whole answers alike; writers of all dialects consume them, to
 * streams directly and to whole answers through the fold (llm/answer.h).
 *
 * Order within a choice: blocks are numbered 0, 1, 2 … in the order in which they begin; text, reasoning and refusal
 * blocks begin with their first event and end when another block's event or the stop comes (a later event of such a
 * block may not follow); tool blocks have an explicit beginning and end, and may overlap each other. A signature
 * belongs to the block it names, or begins a reasoning block without text. Usage is no event: it grows in `struct
 * usage` and is complete at the end. */
#pragma once

#include "llm/chat.h"
#include "llm/usage.h"

enum event_kind {
	EVENT_START,                   /* once, first: id, model */
	EVENT_TEXT,
	EVENT_REASONING,
	EVENT_SIGNATURE,               /* state of the block: a signature, an encrypted block, a whole item */
	EVENT_REFUSAL,
	EVENT_TOOL_BEGIN,
	EVENT_TOOL_ARGUMENTS,          /* a piece of JSON text; of free text for custom tools */
	EVENT_TOOL_END,
	EVENT_MEDIA,                   /* whole, or a piece of base64 data of the same block */
	EVENT_CITATION,                /* of the text block it names */
	EVENT_LOGPROBS,                /* of the text before it */
	EVENT_OPAQUE,                  /* a part of the answer that only its own dialect knows */
	EVENT_STOP                     /* once per choice, last */
};

/* Why it stopped, after stop_decide(). */
enum stop_reason {
	STOP_END,      /* it was done */
	STOP_SEQUENCE, /* one of the client's */
	STOP_LENGTH,   /* max_tokens */
	STOP_CONTEXT,  /* the model's window is full */
	STOP_TOOL_CALLS,
	STOP_REFUSAL,   /* cut short by the model's or the provider's filter (content_filter, refusal, SAFETY) */
	STOP_DECLINED,  /* an ordinary end after a refusal in words (EVENT_REFUSAL): openai-chat still says stop,
			 * Responses completed, Anthropic refusal; readers never say it, stop_decide() does */
	STOP_PAUSE,     /* to be continued by sending it back (pause_turn, CONTINUATION) */
	STOP_MALFORMED, /* the model wrote a tool call that is none */
	STOP_UNKNOWN,   /* a word nobody knows; `word` has it */
	STOP_REASON_COUNT
};

enum citation_kind { CITATION_URL, CITATION_DOCUMENT, CITATION_FILE };

struct citation {
	enum citation_kind kind;
	struct slice url, title;
	struct slice quote;            /* the cited words */
	int64_t start, end;            /* in the answer's block, in characters (code points); -1 = not said */
	bool of_block;                 /* of all of its text, however long that becomes: placed when it is complete */
	int64_t document;              /* index of the cited document, -1 */
	int64_t source_start, source_end; /* place in the source, -1; pages when `pages` */
	bool pages;
	struct slice raw;              /* as it came, for its own dialect; empty if none */
	enum dialect_id raw_dialect;
};

struct logprob {
	struct slice token;
	double value;
	struct logprob *top;           /* alternatives */
	unsigned top_count;
};

struct event {
	enum event_kind kind;
	unsigned choice, block;
	union {
		struct slice text;     /* TEXT, REASONING, REFUSAL, TOOL_ARGUMENTS */
		struct { struct slice id, model, service_tier; int64_t created_s; } start; /* empty, 0 = not said */
		struct { struct slice payload; bool redacted; struct slice item_id; } signature;
		struct { struct slice id, name, item_id; bool custom; } tool;
		struct media media;
		struct citation citation;
		struct { struct logprob *items; unsigned count; bool of_refusal; } logprobs;
		struct { struct slice raw; enum dialect_id dialect; } opaque;
		struct {
			enum stop_reason reason;
			struct slice sequence;     /* the one that matched */
			struct slice word;         /* the provider's own */
			struct slice detail;       /* category or explanation of a refusal */
		} stop;
	};
};

/* What one wire event (or one whole answer) yields; in the caller's scratch arena. */
struct event_list {
	struct arena *arena;
	struct event *items;
	unsigned count, capacity;
	bool halves;                   /* texts in it may begin or end with half a character: HALF_MARK */
	bool overflow;                 /* more than EVENTS_MAX: the answer is refused as malformed */
};

enum { EVENTS_MAX = 1 << 20, CHOICES_MAX = 128, BLOCKS_MAX = 1 << 16 };

/* Providers that cut texts by UTF-16 units send the halves of a pair as escapes in two events. UTF-8 has no such thing:
 * the first stands at its text's end, the second at the beginning of the next as the private character that is so much
 * above it. */
enum { HALF_MARK = 0xe000 - 0xd800 };

void event_list_init(struct event_list *l, struct arena *a);
/* Appends a zeroed event. Never NULL: over the limit it hands out a place that is not in the list. */
struct event *event_add(struct event_list *l, enum event_kind kind, unsigned choice, unsigned block);

/* The total truth table (pain.md F2): what the provider said against what happened. A stop with complete tool calls in
 * it is STOP_TOOL_CALLS even when the provider says "stop"; "tool_calls" without any call is STOP_END; length and
 * filters stand whatever else came. */
enum stop_reason stop_decide(enum stop_reason said, bool has_tool_calls, bool has_refusal);
const char *stop_reason_name(enum stop_reason r);
