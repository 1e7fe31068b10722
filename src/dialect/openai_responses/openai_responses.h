/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the openai-responses dialect: responses, their token count and their compaction. */
#pragma once

#include "dialect/request_write.h"

bool responses_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			    struct arena *a, struct failure *reterr);
bool responses_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			    struct splice *out, struct arena *a);
void responses_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret);
uint64_t responses_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch);
struct slice responses_request_path(const struct request_route *route, struct arena *a);

void responses_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret);
enum stream_end responses_read_end(const struct event_reader *r);
void responses_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret);

void responses_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				   const struct event_reader *r, struct buf *out);
void responses_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out);

/* ---- translation ---- */

extern const struct field_row responses_fields[FIELD_COUNT];

bool responses_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
			 struct failure *reterr);
bool responses_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
			  struct failure *reterr);

/* Ids of reasoning items that weir makes for what only the provider can read (Anthropic's redacted thinking), so that
 * the reader of the next request knows what it was. */
#define RESPONSES_REDACTED_ID "rs_redacted_"

/* events_hear.c: hub events out of parsed events and answers; r->sink is set. */
void responses_hear_event(struct event_reader *r, struct slice type, struct json root, struct arena *scratch);
void responses_hear_whole(struct event_reader *r, struct json response, struct arena *scratch);

void responses_writer_init(struct event_writer *w, const struct request_facts *facts);
bool responses_write_event(struct event_writer *w, const struct event *e, struct buf *out);
bool responses_write_end(struct event_writer *w, struct buf *out);
bool responses_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out);
void responses_write_count(int64_t tokens, bool estimated, struct buf *out);

/* ---- private to reading requests ---- */

struct responses_place {
	struct chat *chat;
	struct arena *arena;
	struct json root;
	struct failure *failure;
};

/* chat_read_tools.c: tools, tool_choice, parallel_tool_calls. */
bool responses_read_tools(const struct responses_place *at);
void responses_read_choice(const struct responses_place *at);
/* A name within a namespace, as the hub has it: "crm.lookup" when the request's tools have a namespace "crm"; a
 * namespace that they don't have is that of a tool which was found by searching, and has no effect on its name. */
struct slice responses_hub_name(struct json root, struct json namespace, struct json name, struct arena *a);
/* The reverse; `*ret_namespace` is empty when it is in none. */
struct slice responses_own_name(const struct slice *namespaces, unsigned count, struct slice name,
				struct slice *ret_namespace);

/* chat_read_input.c: the member `input`. */
bool responses_read_input(const struct responses_place *at);

/* ---- private to writing requests ---- */

struct responses_request {
	const struct chat *chat;
	const struct chat_target *target;
	struct arena *scratch;
	struct json_writer *w;
	struct failure *failure;
	bool *failed;                  /* `failure` is filled in */
	bool own;                      /* it was read from this dialect: what the hub has no word for goes back */
	unsigned marks, marks_to_skip; /* cache markers with a place here, and how many too many: the first ones */
};

static inline bool responses_says(const struct responses_request *q, uint64_t field)
{
	return (q->target->carried & field) != 0;
}

/* request_write_tools.c */
void responses_write_tools(const struct responses_request *q);
/* `own`: the member as it came, when the hub has no word for it. */
void responses_write_choice(const struct responses_request *q, const struct other_member *own);
void responses_write_format(const struct responses_request *q);
/* name, and namespace when it is in one. */
void responses_write_tool_name(const struct responses_request *q, struct slice name);

/* request_write_input.c */
/* Counts the cache markers: before anything else. */
void responses_plan_input(struct responses_request *q);
/* Leading system text, when it can be one string; the turns that it took are not in the input. */
void responses_write_instructions(const struct responses_request *q);
void responses_write_cache_options(const struct responses_request *q);
void responses_write_input(struct responses_request *q);
