/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the openai-responses dialect: responses, their token count and their compaction. */
#pragma once

#include "dialect/dialect_internal.h"

bool responses_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			    struct arena *a, struct failure *reterr);
bool responses_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			    struct splice *out, struct arena *a);
int64_t responses_estimate_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch);
uint64_t responses_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch);
struct slice responses_request_path(const struct request_route *route, struct arena *a);

void responses_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret);
enum stream_end responses_read_end(const struct event_reader *r);
void responses_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret);

void responses_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				   const struct event_reader *r, struct buf *out);
void responses_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out);
