/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the ollama dialect: /api/chat, /api/generate (a chat of one prompt) and /api/embed. Private to its
 * folder, but for the vtable. */
#pragma once

#include "dialect/chat_shape.h"
#include "dialect/request_write.h"

bool ollama_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			 struct arena *a, struct failure *reterr);
bool ollama_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			 struct splice *out, struct arena *a);
void ollama_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret);
uint64_t ollama_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch);
struct slice ollama_request_path(const struct request_route *route, struct arena *a);

void ollama_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret);
enum stream_end ollama_read_end(const struct event_reader *r);
void ollama_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret);
/* events_read_hub.c: a line of a stream, or a whole answer; both have the same members. */
void ollama_hear(struct event_reader *r, struct json root, bool whole);

bool ollama_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
		      struct failure *reterr);

/* request_write.c, request_write_messages.c */
bool ollama_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
		       struct failure *reterr);
/* The array. */
void ollama_write_messages(struct request_writing *r);

/* events_write.c */
void ollama_writer_init(struct event_writer *w, const struct request_facts *facts);
bool ollama_write_event(struct event_writer *w, const struct event *e, struct buf *out);
bool ollama_write_end(struct event_writer *w, struct buf *out);
bool ollama_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out);
void ollama_write_count(int64_t tokens, bool estimated, struct buf *out);

void ollama_write_failure(const struct failure_view *v, struct buf *out);
void ollama_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				const struct event_reader *r, struct buf *out);
void ollama_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out);
