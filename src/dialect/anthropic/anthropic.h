/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the anthropic dialect: messages and their token count. Private to its folder, but for the vtable. */
#pragma once

#include "dialect/block_shape.h"

#define ANTHROPIC_VERTEX_VERSION "vertex-2023-10-16"
/* In front of a redacted block's data where it travels as state: it comes back through dialects that cannot tell it
 * from the signature of a thinking block whose text was omitted. Neither begins like this: both are base64. */
#define ANTHROPIC_REDACTED "!"
/* In front of a wrapped state in the signature of an empty thinking block that stands for it: the state belongs to the
 * text or call after it (Gemini's thoughtSignature, in whichever dialect it came). */
#define ANTHROPIC_NEXT "+"

bool anthropic_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			    struct arena *a, struct failure *reterr);
bool anthropic_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			    struct splice *out, struct arena *a);
void anthropic_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret);
uint64_t anthropic_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch);
struct slice anthropic_request_path(const struct request_route *route, struct arena *a);

void anthropic_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret);
enum stream_end anthropic_read_end(const struct event_reader *r);
void anthropic_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret);

/* events_read_hub.c: the same events and answers, as the hub's. `index` is the wire's number of the block. */
void anthropic_hear_start(struct event_reader *r, struct json message, struct arena *scratch);
void anthropic_hear_block(struct event_reader *r, struct json index, struct json block, struct arena *scratch);
void anthropic_hear_delta(struct event_reader *r, struct json index, struct json delta, struct arena *scratch);
void anthropic_hear_block_stop(struct event_reader *r, struct json index, struct arena *scratch);
void anthropic_hear_end(struct event_reader *r, struct json from, struct arena *scratch);
void anthropic_hear_message(struct event_reader *r, struct json message, struct arena *scratch);

/* chat_read.c, chat_read_content.c */
bool anthropic_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
			 struct failure *reterr);
bool anthropic_read_system(struct chat_reading *r, struct json system);
bool anthropic_read_messages(struct chat_reading *r, struct json messages);
/* A cache_control member. */
enum cache_mark anthropic_read_mark(struct json control);

/* request_write.c, request_write_content.c, request_write_messages.c, request_write_tools.c */
bool anthropic_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
			  struct failure *reterr);
/* The member cache_control, if the part has a mark and there is room for it. */
void anthropic_write_mark(struct request_writing *r, enum cache_mark mark);
/* The members of an object, but for those listed and nulls, as members of the object that is being written. */
void anthropic_write_members(struct request_writing *r, struct json object, const char *const *except);
/* request_write_content.c: what came in this dialect and is kept in `raw`; what is thinking that this target verifies;
 * images and documents, which the API takes of users only; whether anything is written for a part at all. */
bool anthropic_is_native(const struct part *p);
bool anthropic_is_reasoning_at_home(const struct request_writing *r, const struct part *p);
bool anthropic_is_user_media(const struct part *p);
bool anthropic_is_written(const struct request_writing *r, const struct part *p);
/* One that is written. */
bool anthropic_write_part(struct request_writing *r, const struct part *p);
/* Another text in place of the part's own; NULL: a text alone. */
void anthropic_write_text(struct request_writing *r, const struct part *p, struct slice text);
/* How many markers the conversation has. */
unsigned anthropic_count_marks(const struct request_writing *r);
/* The answer waits for a tool's results, and the call was made without thinking: elsewhere, or while it was off. */
bool anthropic_lacks_thinking(const struct request_writing *r);
void anthropic_write_system(struct request_writing *r);
bool anthropic_write_messages(struct request_writing *r);
/* tools and tool_choice */
bool anthropic_write_tools(struct request_writing *r);

/* events_write.c, events_write_whole.c */
void anthropic_writer_init(struct event_writer *w, const struct request_facts *facts);
bool anthropic_write_event(struct event_writer *w, const struct event *e, struct buf *out);
bool anthropic_write_end(struct event_writer *w, struct buf *out);
bool anthropic_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out);
void anthropic_write_count(int64_t tokens, bool estimated, struct buf *out);
/* The pieces that streams and whole answers share. */
void anthropic_write_usage(struct json_writer *j, const struct usage *u);
/* stop_reason, stop_sequence and, for refusals, stop_details. */
void anthropic_write_stop(struct json_writer *j, enum stop_reason reason, struct slice sequence, struct slice detail);
void anthropic_write_citation(struct json_writer *j, const struct citation *c, struct arena *a);
/* A prepared state as the signature of the empty thinking block in front of its own: a string. */
void anthropic_write_next_state(struct json_writer *j, struct slice payload, struct arena *a);
/* id, type, role and model of a message. */
void anthropic_write_head(struct event_writer *w, struct json_writer *j, struct slice id, struct slice model);

void anthropic_write_failure(const struct failure_view *v, struct buf *out);
void anthropic_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				   const struct event_reader *r, struct buf *out);
void anthropic_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out);
