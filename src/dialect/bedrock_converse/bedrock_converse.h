/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the bedrock dialect: Converse, ConverseStream and the count of a conversation's tokens. Private to its
 * folder, but for the vtable. Shapes: AWS's service model of bedrock-runtime (DIALECTS §3 to §5, columns BC). */
#pragma once

#include "dialect/block_shape.h"

/* request_read.c */
bool bedrock_read_request(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			  struct arena *a, struct failure *reterr);
bool bedrock_edit_request(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			  struct splice *out, struct arena *a);
void bedrock_measure_prompt(const struct request_facts *facts, enum operation op, struct arena *scratch,
			struct prompt_parts *ret);
uint64_t bedrock_prefix_hash(const struct request_facts *facts, enum operation op, struct arena *scratch);
struct slice bedrock_request_path(const struct request_route *route, struct arena *a);
/* Where messages and system stand: in the body itself, or in a count's {"input":{"converse":{…}}}. */
struct json bedrock_conversation(struct json root, enum operation op);
/* Unions are objects with one member: its name and value. Missing when there is none. */
struct json_walk bedrock_union(struct json value);

/* formats.c: the words that blocks have for what media are. */
struct slice bedrock_mime_of(enum part_kind kind, struct slice format, struct arena *a);
/* NULL: there is no word for it. */
const char *bedrock_format_of(enum part_kind kind, struct slice mime);

/* events_read.c */
void bedrock_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret);
enum stream_end bedrock_read_end(const struct event_reader *r);
void bedrock_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret);

/* events_read_hub.c: the same events and answers, as the hub's. `event` is the payload of the event. */
void bedrock_hear_message_start(struct event_reader *r);
void bedrock_hear_block_start(struct event_reader *r, struct json event, struct arena *scratch);
void bedrock_hear_delta(struct event_reader *r, struct json event, struct arena *scratch);
void bedrock_hear_block_stop(struct event_reader *r, struct json event, struct arena *scratch);
/* messageStop, or a whole answer: both have the same members. */
void bedrock_hear_end(struct event_reader *r, struct json from, struct arena *scratch);
void bedrock_hear_content(struct event_reader *r, struct json content, struct arena *scratch);

/* chat_read.c, chat_read_content.c */
bool bedrock_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
		       struct failure *reterr);
bool bedrock_read_system(struct chat_reading *r, struct json system);
bool bedrock_read_messages(struct chat_reading *r, struct json messages);
/* What a cachePoint says. */
enum cache_mark bedrock_read_point(struct json point);
/* The texts of an array of {"text"}, with something of at most one byte between them. */
struct slice bedrock_join_texts(struct json content, struct slice between, struct arena *a);

/* request_write.c, request_write_content.c, request_write_media.c, request_write_reasoning.c, request_write_tools.c */
/* toolUseId (ToolUseId: [a-zA-Z0-9_.:-]{1,64}) and names of tools (ToolName: [a-zA-Z0-9_-]{1,64}) */
extern const struct name_rule bedrock_id_rule;
#define bedrock_name_rule name_rule_openai

bool bedrock_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
			struct failure *reterr);
/* A block {"cachePoint":…} in the array that is being written, if there is a mark and room for it. */
void bedrock_write_point(struct request_writing *r, enum cache_mark mark);
/* How many markers the conversation has. */
unsigned bedrock_count_points(const struct request_writing *r);
void bedrock_write_system(struct request_writing *r);
bool bedrock_write_messages(struct request_writing *r);
bool bedrock_has_tool_blocks(const struct request_writing *r);
/* Results of calls are being answered whose turn begins without reasoning that could be shown. */
bool bedrock_lacks_reasoning(const struct request_writing *r);
/* A choice of no tool, while there are blocks that need toolConfig: it is said in words. */
bool bedrock_forbids_in_words(const struct request_writing *r);
/* {"image":{…}}, {"document":{…}}, {"video":{…}}, {"audio":{…}} */
bool bedrock_write_media(struct request_writing *r, const struct part *p);
bool bedrock_write_tools(struct request_writing *r);
void bedrock_plan_reasoning(struct request_writing *r, struct reasoning_plan *p);
/* One call at a time, among the additional fields: no toolChoice may stand beside it. */
bool bedrock_says_single_call(const struct request_writing *r);
/* The member additionalModelRequestFields. */
void bedrock_write_additional(struct request_writing *r, const struct reasoning_plan *p);
/* Arguments as the object that this dialect wants: {"_raw":"…"} around what is none (DIALECTS §3.6). */
void bedrock_write_input(struct json_writer *j, struct slice arguments, bool custom, struct arena *a);

/* events_write.c, events_write_whole.c */
void bedrock_writer_init(struct event_writer *w, const struct request_facts *facts);
bool bedrock_write_event(struct event_writer *w, const struct event *e, struct buf *out);
bool bedrock_write_end(struct event_writer *w, struct buf *out);
bool bedrock_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out);
void bedrock_write_count(int64_t tokens, bool estimated, struct buf *out);
/* The pieces that streams and whole answers share. The members usage, metrics and serviceTier. */
void bedrock_write_metadata(struct json_writer *j, const struct usage *u);
/* stopReason, and what the client may have asked for beside it. */
void bedrock_write_stop(struct json_writer *j, enum stop_reason reason, struct slice word, struct slice sequence);
void bedrock_write_citation(struct json_writer *j, const struct citation *c);

/* failure.c */
void bedrock_read_failure(int status, struct slice body, struct arena *scratch, struct failure *ret);
void bedrock_read_failure_head(const struct headers *h, struct failure *f);
/* An exception inside a stream. */
void bedrock_read_exception(const struct frame *f, struct arena *scratch, struct failure *ret);
void bedrock_write_failure(const struct failure_view *v, struct buf *out);
void bedrock_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				 const struct event_reader *r, struct buf *out);
void bedrock_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out);
