/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the cohere dialect: /v2/chat. Private to its folder, but for the vtable. */
#pragma once

#include "dialect/chat_shape.h"
#include "dialect/request_write.h"

bool cohere_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			 struct arena *a, struct failure *reterr);
bool cohere_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			 struct splice *out, struct arena *a);
void cohere_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret);
uint64_t cohere_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch);
struct slice cohere_request_path(const struct request_route *route, struct arena *a);

void cohere_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret);
enum stream_end cohere_read_end(const struct event_reader *r);
void cohere_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret);

/* What an event is, by its `type`. */
enum cohere_event {
	COHERE_OTHER,
	COHERE_MESSAGE_START,
	COHERE_CONTENT_START,
	COHERE_CONTENT_DELTA,
	COHERE_CONTENT_END,
	COHERE_PLAN_DELTA,
	COHERE_CALL_START,
	COHERE_CALL_DELTA,
	COHERE_CALL_END,
	COHERE_CITATION,
	COHERE_MESSAGE_END
};
/* events_read_hub.c: the same events and answers, as the hub's. */
void cohere_hear(struct event_reader *r, enum cohere_event type, struct json root);
void cohere_hear_answer(struct event_reader *r, struct json root);

bool cohere_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
		      struct failure *reterr);
/* chat_read_messages.c */
bool cohere_read_messages(struct chat_reading *r, struct json messages);
/* `raw` of the text part that came as tool_plan. */
#define COHERE_PLAN "\"tool_plan\""

/* request_write.c, request_write_messages.c */
static inline bool cohere_is_text_document(const struct part *p)
{
	return p->kind == PART_DOCUMENT && p->media->source == MEDIA_TEXT;
}
bool cohere_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
		       struct failure *reterr);
/* The array. */
void cohere_write_messages(struct request_writing *r);

/* events_write.c, events_write_whole.c */
bool cohere_write_event(struct event_writer *w, const struct event *e, struct buf *out);
bool cohere_write_end(struct event_writer *w, struct buf *out);
bool cohere_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out);
void cohere_write_count(int64_t tokens, bool estimated, struct buf *out);
/* The pieces that streams and whole answers share. */
void cohere_write_usage(struct json_writer *j, const struct usage *u);
const char *cohere_finish_word(enum stop_reason reason);
/* One citation as an object; places it has none for are the whole text, `characters` long. `content` < 0: not said. */
void cohere_write_citation(struct json_writer *j, const struct citation *c, int64_t content, int64_t characters,
			   struct arena *a);
/* A citation that came with several sources is written once. */
static inline bool cohere_is_repeated(const struct citation *c)
{
	return c->raw_dialect == DIALECT_COHERE && c->raw.len == 0;
}
void cohere_write_logprob(struct json_writer *j, const struct logprob *p);
struct slice cohere_make_id(struct event_writer *w);

void cohere_write_failure(const struct failure_view *v, struct buf *out);
void cohere_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				const struct event_reader *r, struct buf *out);
void cohere_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out);
