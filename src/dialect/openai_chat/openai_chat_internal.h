/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share for translation. Private to openai_chat/. */
#pragma once

#include "dialect/chat_shape.h"
#include "dialect/openai_chat/openai_chat.h"
#include "dialect/request_write.h"

/* chat_read_messages.c */
bool openai_chat_read_messages(struct chat_reading *r, struct json messages);
/* chat_read_reasoning.c: one member each; false never comes back, the type is that of all members. */
bool openai_chat_read_template(struct chat_reading *r, struct json v);
bool openai_chat_read_enable_thinking(struct chat_reading *r, struct json v);
bool openai_chat_read_thinking_budget(struct chat_reading *r, struct json v);
bool openai_chat_read_thinking(struct chat_reading *r, struct json v);
bool openai_chat_read_reasoning(struct chat_reading *r, struct json v);
bool openai_chat_read_effort(struct chat_reading *r, struct json v);
bool openai_chat_read_include_reasoning(struct chat_reading *r, struct json v);

/* A string, or the texts of an array of {text}, joined. */
struct slice openai_chat_chunk_text(struct json v, struct arena *a);

/* A request on its way out of the hub. */
struct chat_writing {
	const struct chat *chat;
	const struct chat_target *target;
	struct arena *scratch;
	struct failure *reterr;
	struct json_writer w;
	struct chat_shape shape;
	bool same;                     /* it came in this dialect: what only this dialect knows goes back */
	enum cache_marks marks;        /* CONTROL, BREAKPOINT or NONE */
	unsigned marks_skipped;        /* how many of the first markers are left out: four are taken */
	unsigned message;              /* number of the one being written */
	bool after_result;             /* the last one was a tool's result */
	struct slice words;            /* what is said as system text in place of a member: the schema */
	struct slice system;           /* system text for models without such a role: goes before the first user text */
	struct content moved;          /* media that the next user message takes over */
};

static inline bool writing_carries(const struct chat_writing *wr, uint64_t field)
{
	return (wr->target->carried & field) != 0;
}

static inline bool writing_quirk(const struct chat_writing *wr, uint64_t quirk)
{
	return (wr->target->quirks & quirk) != 0;
}

static inline void writing_lost(struct chat_writing *wr, uint64_t field, bool lost)
{
	if (lost)
		*wr->target->rewritten_lossy |= field;
}

/* May a member that only this dialect knows go back? Those without a field say nothing that could be lost. */
static inline bool writing_takes(const struct chat_writing *wr, const struct other_member *m)
{
	return m->field == 0 || writing_carries(wr, m->field);
}

/* The root member that came with the request and goes back as it was; NULL = there is none. */
const struct other_member *writing_other(const struct chat_writing *wr, const char *name);
/* request_write_messages.c: the array */
void openai_chat_write_messages(struct chat_writing *wr);
/* request_write_assistant.c: one message out of [t, end) */
void openai_chat_write_assistant(struct chat_writing *wr, const struct turn *t, const struct turn *end);
/* request_write_content.c */
bool openai_chat_takes_media(const struct chat_writing *wr, const struct part *p);
void openai_chat_write_mark(struct chat_writing *wr, enum cache_mark mark);
void openai_chat_write_part(struct chat_writing *wr, const struct part *p);
/* `between`: what stands between texts that are joined into one string. */
void openai_chat_write_content(struct chat_writing *wr, const struct content *c, const char *between);
/* Extras of the message being written, as they came; ends the object. */
void openai_chat_end_message(struct chat_writing *wr);
/* request_write_tools.c: what has to be said in words is found before the messages are written */
void openai_chat_find_words(struct chat_writing *wr);
bool openai_chat_write_format(struct chat_writing *wr);
/* Tools that run at the provider and go back to where they came from. */
unsigned openai_chat_count_native_tools(const struct chat_writing *wr);
bool openai_chat_write_tools(struct chat_writing *wr, unsigned count);
void openai_chat_write_web_search(struct chat_writing *wr);
void openai_chat_write_choice(struct chat_writing *wr);
void openai_chat_write_parallel(struct chat_writing *wr);
/* request_write_reasoning.c: how much to reason */
void openai_chat_write_reasoning(struct chat_writing *wr);

/* ---- answers into the hub: events_read_hub.c, events_read_tools.c, events_read_reasoning.c ---- */

/* Follows JSON text piece by piece: where does the object end? */
struct balance {
	unsigned depth;
	bool in_string, escaped, complete, broken;
};

struct tool_reading {
	int64_t index;                 /* the provider's; -1 = it said none */
	struct slice id, name;
	unsigned block;
	bool begun, ended, custom;     /* begun: told; until then its id or its name is missing */
	struct balance balance;        /* of the arguments */
};

/* One choice of an answer being read. */
struct choice_reading {
	unsigned number;
	enum event_kind open;          /* what kind of block takes more text; EVENT_START = none */
	unsigned open_block, next_block;
	unsigned text_block;           /* the last of kind text, if has_text */
	bool has_text, cited, stopped;
	int64_t characters, text_at;   /* of all texts so far; where text_block began */
	int64_t detail;                /* reasoning_details: index of the entry being read; -1 = none */
	unsigned detail_block;
	struct tool_reading *tools;
	unsigned tool_count, tool_capacity;
};

/* event_reader.state */
struct answer_reading {
	bool started;
	struct choice_reading *choices[READER_CHOICES_MAX];
};

/* The block that takes text of this kind: the open one, or a new one. */
unsigned choice_block(struct event_reader *r, struct choice_reading *c, enum event_kind kind);
void openai_chat_emit_reasoning(struct event_reader *r, struct choice_reading *c, struct json delta);
/* A thinking chunk of Mistral's or Databricks'; false: it is none. */
bool openai_chat_emit_chunk(struct event_reader *r, struct choice_reading *c, struct json chunk);
void openai_chat_emit_tools(struct event_reader *r, struct choice_reading *c, struct json delta);
/* Those that are complete, or all of them; those that wait for an id begin without. */
void openai_chat_end_tools(struct event_reader *r, struct choice_reading *c, bool all);
/* A chunk of a stream or a whole answer. */
void openai_chat_emit(struct event_reader *r, struct json root, bool whole);
/* [DONE]: choices that never said why they stopped did so now. */
void openai_chat_emit_done(struct event_reader *r);
/* Code points. */
int64_t utf8_characters(struct slice text);

/* ---- answers out of the hub: events_write.c, events_write_stream.c, events_write_whole.c ---- */

/* Texts that must be said whole later on, in the writer's arena. */
struct kept_text {
	char *ptr;
	size_t len, capacity;
};

/* A tool call that has begun. */
struct tool_written {
	unsigned block;
	bool custom, has_arguments;
};

/* One choice of a stream being written. */
struct choice_written {
	bool begun;                    /* the role was said */
	bool stopped, refused;
	enum stop_reason reason;
	struct tool_written *tools;    /* by their index in the stream; ANSWER_CALLS_MAX at most */
	unsigned tool_count, tool_capacity;
	unsigned text_block;
	bool has_text;
	int64_t characters, text_at;   /* said so far; where text_block began */
	unsigned details;              /* reasoning_details so far */
	unsigned images;
	unsigned kept_block;           /* whose text or data `kept` is */
	enum event_kind kept_kind;     /* REASONING, MEDIA; START = none */
	struct kept_text kept;
	struct media media;            /* but for the data */
};

/* event_writer.state */
struct answer_written {
	struct slice head;             /* of every chunk, up to the choice's number; built with the first */
	struct slice id, model, service_tier;
	int64_t created_s;
	bool legacy;                   /* the client sent `functions`: it is answered with function_call */
	size_t kept;                   /* bytes kept, of all choices */
	struct choice_written *choices[CHOICES_MAX];
};

struct answer_written *answer_written_of(struct event_writer *w);
/* OpenAI's word for the tier that others call standard. */
struct slice openai_chat_tier_word(struct slice tier);
const char *openai_chat_finish_word(enum stop_reason reason, bool legacy);
void openai_chat_write_usage(struct json_writer *j, const struct usage *u);
/* One element of `annotations`; places count in the message, `text_at` is where the block begins there. */
void openai_chat_write_citation(struct json_writer *j, const struct citation *c, int64_t text_at, int64_t characters);
void openai_chat_write_logprobs(struct json_writer *j, const struct logprob *items, unsigned count, bool of_refusal);
/* One element of `images`. */
void openai_chat_write_image(struct json_writer *j, const struct media *m, struct slice data, unsigned index,
			     struct arena *a);
/* One element of `reasoning_details`. */
void openai_chat_write_detail(struct json_writer *j, struct slice text, struct slice state, bool redacted,
			      struct slice id, unsigned index);
/* {google: {thought_signature}} as the member extra_content. */
void openai_chat_write_extra(struct json_writer *j, struct slice signature);
