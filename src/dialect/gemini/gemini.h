/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the gemini dialect: generateContent, streamGenerateContent, countTokens, embedContent. Private to its
 * folder, but for the vtable. */
#pragma once

#include "dialect/chat_read.h"
#include "dialect/request_write.h"

/* members.c: Google's servers take every member in camelCase and in snake_case (proto3 JSON). */
/* The member, by its camelCase name, however it is spelled. */
struct json gemini_get(struct json object, const char *camel);
/* A member's name as camelCase. */
struct slice gemini_key(struct json key, struct arena *a);

/* request_read.c */
bool gemini_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			 struct arena *a, struct failure *reterr);
bool gemini_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			 struct splice *out, struct arena *a);
void gemini_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret);
uint64_t gemini_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch);
struct slice gemini_request_path(const struct request_route *route, struct arena *a);
enum framing gemini_stream_framing(struct slice client_query);

/* chat_read.c, chat_read_config.c, chat_read_content.c, chat_read_tools.c */
bool gemini_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
		      struct failure *reterr);
/* Kept as `parent.name` (no parent: `name`), but for null. */
void gemini_keep_other(struct chat_reading *r, uint64_t field, const char *parent, const struct json_walk *w);
void gemini_read_config(struct chat_reading *r, struct json config);
bool gemini_read_system(struct chat_reading *r, struct json system);
bool gemini_read_contents(struct chat_reading *r, struct json contents);
bool gemini_read_tools(struct chat_reading *r, struct json tools);
bool gemini_read_tool_config(struct chat_reading *r, struct json config);

/* request_write.c, request_write_config.c, request_write_content.c, request_write_tools.c */
bool gemini_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
		       struct failure *reterr);
/* Those kept under "<parent>.<name>"; of the body itself when `parent` is empty. */
void gemini_write_others(struct request_writing *r, struct slice parent);
bool gemini_has_others(const struct request_writing *r, struct slice parent);
bool gemini_write_config(struct request_writing *r);
void gemini_write_system(struct request_writing *r);
bool gemini_write_contents(struct request_writing *r);
/* tools and toolConfig */
bool gemini_write_tools(struct request_writing *r, bool with_choice);

/* state.c: reasoning state in a Gemini client's thoughtSignature. What a client that did not ask for thoughts may not
 * see of a block travels inside, and so does that it was redacted. */
struct slice gemini_hide_state(struct slice payload, bool redacted, struct slice text, struct arena *a);
struct reasoning_state gemini_read_state(struct slice signature, struct arena *a, bool *ret_redacted,
					 struct slice *ret_text);

/* offsets.c: offsets in a text, in bytes as Google counts (DIALECTS §4.5), and in characters as everybody else. */
enum { OFFSETS_TEXT_MAX = 8 << 20 };   /* bytes; offsets beyond are not known */

struct text_offsets {
	uint64_t *starts;              /* bit per byte: a character begins there; NULL while all is ASCII */
	uint64_t *before;              /* characters before each word of `starts`, kept while it is asked */
	size_t len, capacity;          /* bytes */
};
void offsets_add(struct text_offsets *o, struct slice text, struct arena *a);
/* -1 beyond the text's end. */
int64_t offsets_characters(const struct text_offsets *o, int64_t bytes);
int64_t offsets_bytes(const struct text_offsets *o, int64_t characters);

/* events_read.c */
void gemini_reader_init(struct event_reader *r, enum operation op);
void gemini_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret);
enum stream_end gemini_read_end(const struct event_reader *r);
void gemini_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret);
/* events_read_hub.c: the same chunk, as the hub's events. */
void gemini_hear_chunk(struct event_reader *r, struct json root, struct arena *scratch);

/* partial_arguments.c: Vertex's streamed function calls, put together. */
struct partial_arguments;
struct partial_arguments *partial_arguments_new(struct arena *a);
/* One of partialArgs. */
void partial_arguments_add(struct partial_arguments *p, struct json argument, struct arena *scratch);
/* The JSON object that they made. */
struct slice partial_arguments_text(const struct partial_arguments *p, struct arena *scratch);

/* finish.c: finish reasons (DIALECTS §4.3), total both ways. */
enum stop_reason gemini_stop_reason(struct slice word);
/* Google's word for a number (`enum-encoding=int`), or empty. Vertex numbers differently. */
struct slice gemini_finish_word(int64_t number, bool vertex);
/* `word`: the provider's own, used again if it is Google's. */
struct slice gemini_finish_of(enum stop_reason reason, struct slice word);

/* events_write.c, events_write_whole.c */
void gemini_writer_init(struct event_writer *w, const struct request_facts *facts);
bool gemini_write_event(struct event_writer *w, const struct event *e, struct buf *out);
bool gemini_write_end(struct event_writer *w, struct buf *out);
bool gemini_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out);
void gemini_write_count(int64_t tokens, bool estimated, struct buf *out);

/* The citations of one candidate as groundingMetadata. */
struct grounding {
	struct citation *items;        /* in characters of the text block that starts at `base` */
	int64_t *bases;                /* characters of the candidate's text before that block */
	unsigned count, capacity;
};

/* The pieces that streams and whole answers share. */
void gemini_write_usage(struct json_writer *j, const struct usage *u);
/* usageMetadata, modelVersion, responseId */
void gemini_write_tail(struct event_writer *w, struct json_writer *j, struct slice id, struct slice model, bool usage);
void gemini_write_finish(struct json_writer *j, enum stop_reason reason, struct slice word, struct slice detail);
void gemini_write_grounding(struct json_writer *j, const struct grounding *g, const struct text_offsets *o);
void gemini_write_logprobs(struct json_writer *j, const struct logprob *items, unsigned count);
/* Parts, whole. */
void gemini_write_text_part(struct json_writer *j, struct slice text, bool thought, struct slice signature);
void gemini_write_call_part(struct json_writer *j, struct slice id, struct slice name, struct slice arguments,
			    struct slice signature, struct arena *a);
void gemini_write_media_part(struct json_writer *j, const struct media *m, struct slice data);
/* Did the client ask to see what the model thinks? */
bool gemini_shows_thoughts(const struct event_writer *w);
void grounding_add(struct grounding *g, const struct citation *c, int64_t base, struct arena *a);

/* failure.c */
void gemini_write_failure(const struct failure_view *v, struct buf *out);
void gemini_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				const struct event_reader *r, struct buf *out);
void gemini_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out);
