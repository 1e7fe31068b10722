/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of an answer while it is written, and the pieces that it is written from. */
#pragma once

#include "dialect/openai_responses/openai_responses.h"

/* What has been said so far, by output item: it is repeated at the end. All of it lies in the writer's arena, texts
 * within the writer's limit. */
struct responses_text {
	char *data;
	size_t len, capacity;
};

static inline struct slice responses_text_slice(const struct responses_text *t)
{
	return slice_of(t->data, t->len);
}

struct responses_piece {               /* a part of a message's content */
	struct responses_piece *next;
	bool refusal, closed;
	unsigned block, index;         /* index: content_index */
	struct responses_text text;
	struct responses_text annotations, logprobs; /* JSON values, separated by commas */
	unsigned annotation_count;
	struct citation *whole;        /* citations of the text as a whole: where it ends is known when it does */
	unsigned whole_count;
	int64_t characters;            /* code points so far */
};

enum responses_kind {
	RESPONSES_MESSAGE,
	RESPONSES_REASONING,
	RESPONSES_CALL,
	RESPONSES_CUSTOM_CALL,
	RESPONSES_IMAGE,
	RESPONSES_RAW                  /* one of this dialect's own, as the provider gave it */
};

struct responses_item {
	struct responses_item *next;
	enum responses_kind kind;
	unsigned block, index;         /* index: output_index */
	bool closed, incomplete;
	struct slice id;
	struct responses_piece *pieces, *last_piece; /* MESSAGE */
	unsigned piece_count;
	struct responses_text text;    /* REASONING: summary; calls: arguments; IMAGE: base64 */
	struct slice state;            /* REASONING: encrypted_content */
	struct slice call_id, name, namespace;
	struct slice format;           /* IMAGE: "png" */
	struct slice raw;              /* RAW */
};

/* Members that a response repeats of its request, in the order in which OpenAI has them (recorded: openai). */
enum responses_echo {
	ECHO_BACKGROUND, ECHO_CONVERSATION, ECHO_INSTRUCTIONS, ECHO_MAX_OUTPUT, ECHO_MAX_TOOL_CALLS, ECHO_PARALLEL,
	ECHO_PREVIOUS,
	ECHO_CACHE_KEY, ECHO_CACHE_RETENTION, ECHO_REASONING, ECHO_SAFETY_IDENTIFIER, ECHO_SERVICE_TIER, ECHO_STORE,
	ECHO_TEMPERATURE, ECHO_TEXT, ECHO_CHOICE, ECHO_TOOLS, ECHO_TOP_LOGPROBS, ECHO_TOP_P, ECHO_TRUNCATION, ECHO_USER,
	ECHO_METADATA, ECHO_COUNT
};

struct responses_writing {
	struct slice echo[ECHO_COUNT]; /* JSON on one line; NULL pointer: left out */
	struct slice *namespaces;
	unsigned namespace_count;
	bool logprobs;                 /* asked for */

	bool silent;                   /* gathering a whole answer: nothing is streamed, and its limit has been kept */
	bool begun;
	struct slice model, service_tier;
	int64_t created_s;
	struct responses_item *items, *last;
	unsigned item_count;
	struct responses_item *open;   /* message, reasoning or image that is being written */
	struct responses_item *begun_call; /* not in the list yet: a signature may still have to come before it */
	size_t kept;                   /* bytes of all texts */
	size_t waiting;                /* bytes at the end of the open piece whose logprobs may come next */
	bool stopped;
	enum stop_reason reason;
};

/* events_write.c */
struct responses_writing *responses_state(struct event_writer *w);

/* response_write.c: the response object and its items. `begins`: as it is when it is opened, with nothing in it. */
void responses_write_item(struct json_writer *j, const struct responses_item *item, bool begins);
void responses_write_piece(struct json_writer *j, const struct responses_piece *piece, bool begins);
void responses_write_summary(struct json_writer *j, struct slice text);
void responses_write_citation(struct json_writer *j, const struct citation *c, int64_t end);
void responses_write_response(struct json_writer *j, const struct event_writer *w, bool done);
/* response.completed, response.incomplete or response.failed. */
const char *responses_last_event(enum stop_reason reason);
/* response_echo.c: what the response repeats of the client's request. */
void responses_keep_echo(struct responses_writing *s, struct json root, struct arena *a);
void responses_write_echo(struct json_writer *j, const struct responses_writing *s, enum responses_echo from,
			  enum responses_echo to);

/* ---- events_write_items.c: one call's output ---- */

struct stream {
	struct event_writer *w;
	struct responses_writing *s;
	struct buf *out;
	struct json_writer j;
	size_t before;                 /* where in `out` the event begins */
	bool failed;                   /* over a limit */
};

/* False: nothing is to be written, or there is no room. Members follow; stream_close_event() ends it. */
bool stream_open_event(struct stream *x, const char *type);
void stream_close_event(struct stream *x);
bool stream_open_item_event(struct stream *x, const char *type, const struct responses_item *item);
void stream_lone_event(struct stream *x, const char *type, const struct responses_item *item);
void stream_text_event(struct stream *x, const char *type, const struct responses_item *item, const char *member,
			     struct slice text);
/* False: over the writer's limit. A whole answer has been held to one already. */
bool stream_may_keep(struct stream *x, size_t len);
bool stream_keep(struct stream *x, struct responses_text *t, struct slice more);
/* One more value of a JSON list. */
bool stream_keep_value(struct stream *x, struct responses_text *list, struct slice json);
struct slice stream_copy(struct stream *x, struct slice text);
/* Not in the list yet; `id` empty: one is made. */
struct responses_item *stream_item_new(struct stream *x, enum responses_kind kind, unsigned block, struct slice id);
void stream_item_open(struct stream *x, struct responses_item *item);
void stream_part_event(struct stream *x, const char *type, const struct responses_item *item,
			     const struct responses_piece *p, bool begins);
void stream_delta(struct stream *x, const struct responses_item *item, const struct responses_piece *p,
			struct slice text, struct slice logprobs);
/* Text that waited for its logprobs goes with them, or without when something else came. */
void stream_flush(struct stream *x, struct slice logprobs);
void stream_add_annotation(struct stream *x, const struct responses_item *item, struct responses_piece *p,
			   const struct citation *c);
void stream_close_piece(struct stream *x, struct responses_item *item);
void stream_close_item(struct stream *x, struct responses_item *item);
/* The message, reasoning or image that is being written, if any. */
void stream_close_open(struct stream *x);
/* A call that was begun enters the list: nothing can come before it any more. */
void stream_open_call(struct stream *x);
