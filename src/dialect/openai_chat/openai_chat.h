/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the openai-chat dialect: chat completions, text completions and embeddings. */
#pragma once

#include "dialect/dialect_internal.h"

bool chat_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
		       struct arena *a, struct failure *reterr);
bool chat_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
		       struct splice *out, struct arena *a);
void chat_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret);
uint64_t chat_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch);
struct slice chat_request_path(const struct request_route *route, struct arena *a);

void chat_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret);
enum stream_end chat_read_end(const struct event_reader *r);
void chat_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret);

void chat_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
			      const struct event_reader *r, struct buf *out);
void chat_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out);

/* ---- translation ---- */

bool openai_chat_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
			   struct failure *reterr);
bool openai_chat_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
			    struct failure *reterr);
void openai_chat_writer_init(struct event_writer *w, const struct request_facts *facts);
bool openai_chat_write_event(struct event_writer *w, const struct event *e, struct buf *out);
bool openai_chat_write_end(struct event_writer *w, struct buf *out);
bool openai_chat_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out);
void openai_chat_write_count(int64_t tokens, bool estimated, struct buf *out);
