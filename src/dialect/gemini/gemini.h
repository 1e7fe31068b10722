/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the gemini dialect: generateContent, streamGenerateContent, countTokens, embedContent. */
#pragma once

#include "dialect/dialect_internal.h"

bool gemini_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			 struct arena *a, struct failure *reterr);
bool gemini_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			 struct splice *out, struct arena *a);
int64_t gemini_estimate_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch);
uint64_t gemini_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch);
struct slice gemini_request_path(const struct request_route *route, struct arena *a);
enum framing gemini_stream_framing(struct slice client_query);

void gemini_reader_init(struct event_reader *r, enum operation op);
void gemini_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret);
enum stream_end gemini_read_end(const struct event_reader *r);
void gemini_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret);

void gemini_write_failure(const struct failure_view *v, struct buf *out);
void gemini_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				const struct event_reader *r, struct buf *out);
void gemini_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out);
