/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of a Messages answer (DIALECTS §5.4; SDK type RawMessageStreamEvent):
 *
 *     stream = message_start block* message_delta message_stop
 *     block  = content_block_start content_block_delta* content_block_stop      index 0, 1, 2 …, one after the other
 *
 * Tool calls may overlap in the hub: while one is open, the events of other blocks wait (dialect/serial.h). A call's
 * begin waits for what comes after it, because a state that belongs to the call (Gemini's) is carried by an empty
 * thinking block in front of it: that is the only place where this dialect's clients keep such a thing. Reading the
 * conversation back puts it where it belongs (chat_read_content.c). */
#include "dialect/anthropic/anthropic.h"

#include "dialect/serial.h"

enum block_kind { BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING, BLOCK_TOOL };

struct writing {
	bool started;
	enum block_kind open;
	unsigned block;                /* the hub's number of the open block */
	bool begun;                    /* false: a call whose content_block_start is still to be written */
	struct event call;             /* its begin, until then; texts copied */
	int64_t index;                 /* of the next content_block_start */
	unsigned finished;             /* blocks below this number may not come again */
	struct serial serial;
	bool stopped, calls;
	enum stop_reason reason;
	struct slice sequence, detail;
};

static struct writing *writing_of(struct event_writer *w)
{
	if (!w->state)
		w->state = arena_new(w->arena, struct writing);
	return w->state;
}

void anthropic_writer_init(struct event_writer *w, const struct request_facts *facts)
{
	w->state = NULL;
}

/* ---- events on the wire ---- */

/* Server-sent events, written in place: JSON of ours has no line ends. */
static void begin_event(struct json_writer *j, struct slice name, struct buf *out)
{
	json_writer_init(j, out);
	j->overflow = !buf_append_slice(out, SLICE("event: ")) || !buf_append_slice(out, name) ||
		      !buf_append_slice(out, SLICE("\ndata: "));
	json_begin_object(j);
	json_member_string(j, "type", name);
}

static bool end_event(struct event_writer *w, struct json_writer *j)
{
	json_end_object(j);
	w->written++;
	return !j->overflow && buf_append_slice(j->out, SLICE("\n\n"));
}

static bool start_message(struct event_writer *w, const struct event *start, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct json_writer j;

	if (s->started)
		return true;
	s->started = true;
	begin_event(&j, SLICE("message_start"), out);
	json_literal_key(&j, "message");
	json_begin_object(&j);
	anthropic_write_head(w, &j, start ? start->start.id : SLICE(""), start ? start->start.model : SLICE(""));
	json_literal_key(&j, "content");
	json_value_raw(&j, SLICE("[],\"stop_reason\":null,\"stop_sequence\":null"));
	json_literal_key(&j, "usage");
	anthropic_write_usage(&j, w->usage);
	json_end_object(&j);
	return end_event(w, &j);
}

static bool start_block(struct event_writer *w, struct slice block, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct json_writer j;

	begin_event(&j, SLICE("content_block_start"), out);
	json_member_int(&j, "index", s->index);
	json_literal_key(&j, "content_block");
	json_value_raw(&j, block);
	return end_event(w, &j);
}

static bool stop_block(struct event_writer *w, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct json_writer j;

	begin_event(&j, SLICE("content_block_stop"), out);
	json_member_int(&j, "index", s->index++);
	return end_event(w, &j);
}

static void begin_delta(struct event_writer *w, struct json_writer *j, const char *type, struct buf *out)
{
	begin_event(j, SLICE("content_block_delta"), out);
	json_member_int(j, "index", writing_of(w)->index);
	json_literal_key(j, "delta");
	json_begin_object(j);
	json_member_cstr(j, "type", type);
}

static bool write_delta(struct event_writer *w, const char *type, struct slice key, struct slice text, struct buf *out)
{
	struct json_writer j;

	if (text.len == 0)
		return true;
	begin_delta(w, &j, type, out);
	json_ready_key(&j, key);
	json_string(&j, text);
	json_end_object(&j);
	return end_event(w, &j);
}

/* ---- blocks ---- */

/* A thinking block of nothing but a state, in front of the block that the state belongs to. */
static bool write_state(struct event_writer *w, struct slice payload, struct buf *out)
{
	struct json_writer j;

	if (!start_block(w, SLICE("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"), out))
		return false;
	begin_delta(w, &j, "signature_delta", out);
	json_literal_key(&j, "signature");
	anthropic_write_next_state(&j, payload, w->arena);
	json_end_object(&j);
	return end_event(w, &j) && stop_block(w, out);
}

static bool write_redacted(struct event_writer *w, struct slice payload, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct json_writer j;

	begin_event(&j, SLICE("content_block_start"), out);
	json_member_int(&j, "index", s->index);
	json_literal_key(&j, "content_block");
	json_begin_object(&j);
	json_member_cstr(&j, "type", "redacted_thinking");
	json_member_string(&j, "data", payload);
	json_end_object(&j);
	return end_event(w, &j) && stop_block(w, out);
}

static bool write_opaque(struct event_writer *w, const struct event *e, struct buf *out)
{
	if (e->opaque.dialect != DIALECT_ANTHROPIC)
		return true;
	return start_block(w, json_one_line(e->opaque.raw, w->arena), out) && stop_block(w, out);
}

/* The call's content_block_start, which waited. */
static bool begin_call(struct event_writer *w, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct json_writer j;

	if (s->open != BLOCK_TOOL || s->begun)
		return true;
	s->begun = true;
	begin_event(&j, SLICE("content_block_start"), out);
	json_member_int(&j, "index", s->index);
	json_literal_key(&j, "content_block");
	json_begin_object(&j);
	json_member_cstr(&j, "type", "tool_use");
	json_member_string(&j, "id", s->call.tool.id);
	json_member_string(&j, "name", s->call.tool.name);
	json_literal_key(&j, "input");
	json_value_raw(&j, SLICE("{}"));
	json_end_object(&j);
	return end_event(w, &j);
}

static bool close_block(struct event_writer *w, struct buf *out)
{
	struct writing *s = writing_of(w);

	if (s->open == BLOCK_NONE)
		return true;
	if (!begin_call(w, out))
		return false;
	if (s->finished <= s->block)
		s->finished = s->block + 1;
	s->open = BLOCK_NONE;
	return stop_block(w, out);
}

static bool open_block(struct event_writer *w, const struct event *e, enum block_kind kind, struct buf *out)
{
	struct writing *s = writing_of(w);

	if (s->open == kind && s->block == e->block)
		return true;
	if (!close_block(w, out))
		return false;
	s->open = kind;
	s->block = e->block;
	s->begun = kind != BLOCK_TOOL;
	if (kind == BLOCK_TEXT)
		return start_block(w, SLICE("{\"type\":\"text\",\"text\":\"\"}"), out);
	if (kind == BLOCK_THINKING)
		return start_block(w, SLICE("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"), out);
	return true;
}

static bool open_call(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct writing *s = writing_of(w);

	if (!open_block(w, e, BLOCK_TOOL, out))
		return false;
	s->calls = true;
	s->call = *e;
	s->call.tool.id = arena_dup(w->arena, e->tool.id);
	s->call.tool.name = arena_dup(w->arena, e->tool.name);
	return true;
}

/* Of a reasoning block it is the signature, or all there is. In front of a call it can still be written while nothing
 * of the call has been; what comes later than that is left to whoever keeps states beside the conversation. */
static bool write_signature(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct writing *s = writing_of(w);
	bool is_open = s->open != BLOCK_NONE && s->block == e->block;

	if (e->signature.payload.len == 0)
		return true;
	if (is_open && s->open == BLOCK_TOOL && !s->begun)
		return write_state(w, e->signature.payload, out);
	if ((is_open && s->open != BLOCK_THINKING) || (!is_open && e->block < s->finished))
		return true;
	if (!is_open && e->signature.redacted)
		return close_block(w, out) && write_redacted(w, e->signature.payload, out);
	return open_block(w, e, BLOCK_THINKING, out) &&
	       write_delta(w, "signature_delta", SLICE(",\"signature\":"), e->signature.payload, out);
}

static bool write_citation(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct json_writer j;

	if (e->block < s->finished && !(s->open == BLOCK_TEXT && s->block == e->block))
		return true;
	if (!open_block(w, e, BLOCK_TEXT, out))
		return false;
	begin_delta(w, &j, "citations_delta", out);
	json_literal_key(&j, "citation");
	anthropic_write_citation(&j, &e->citation, w->arena);
	json_end_object(&j);
	return end_event(w, &j);
}

static bool apply_to_call(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct writing *s = writing_of(w);

	if (e->kind == EVENT_TOOL_BEGIN)
		return open_call(w, e, out);
	if (s->open != BLOCK_TOOL || s->block != e->block)
		return true;
	if (e->kind == EVENT_TOOL_END)
		return close_block(w, out);
	return e->text.len == 0 ||
	       (begin_call(w, out) && write_delta(w, "input_json_delta", SLICE(",\"partial_json\":"), e->text, out));
}

/* An event whose block may be written now. */
static bool apply(struct event_writer *w, const struct event *e, struct buf *out)
{
	switch (e->kind) {
	case EVENT_TEXT: case EVENT_REFUSAL:
		return e->text.len == 0 || (open_block(w, e, BLOCK_TEXT, out) &&
					    write_delta(w, "text_delta", SLICE(",\"text\":"), e->text, out));
	case EVENT_REASONING:
		return e->text.len == 0 || (open_block(w, e, BLOCK_THINKING, out) &&
					    write_delta(w, "thinking_delta", SLICE(",\"thinking\":"), e->text, out));
	case EVENT_SIGNATURE:
		return write_signature(w, e, out);
	case EVENT_CITATION:
		return write_citation(w, e, out);
	case EVENT_OPAQUE:
		return e->opaque.dialect != DIALECT_ANTHROPIC || (close_block(w, out) && write_opaque(w, e, out));
	case EVENT_TOOL_BEGIN: case EVENT_TOOL_ARGUMENTS: case EVENT_TOOL_END:
		return apply_to_call(w, e, out);
	case EVENT_START: case EVENT_STOP: case EVENT_MEDIA: case EVENT_LOGPROBS:
		return true;
	}
	return true;
}

static bool is_in_call(const struct event_writer *w)
{
	return ((const struct writing *)w->state)->open == BLOCK_TOOL;
}

static bool release(struct event_writer *w, struct buf *out)
{
	return serial_release(&writing_of(w)->serial, w, out, is_in_call, apply);
}

static bool keep_stop(struct event_writer *w, const struct event *e)
{
	struct writing *s = writing_of(w);

	s->stopped = true;
	s->reason = e->stop.reason;
	s->sequence = arena_dup(w->arena, e->stop.sequence);
	s->detail = arena_dup(w->arena, e->stop.detail);
	return true;
}

bool anthropic_write_event(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct writing *s = writing_of(w);

	/* There is one choice here; a request for more is not sent on (field n). */
	if (e->choice != 0)
		return true;
	if (!start_message(w, e->kind == EVENT_START ? e : NULL, out))
		return false;
	if (e->kind == EVENT_STOP)
		return keep_stop(w, e);
	if (s->open == BLOCK_TOOL && s->block != e->block)
		return e->kind == EVENT_MEDIA /* has no form here */ || serial_hold(&s->serial, w, e);
	return apply(w, e, out) && release(w, out);
}

static bool end_message(struct event_writer *w, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct json_writer j;
	enum stop_reason reason = s->stopped ? s->reason : s->calls ? STOP_TOOL_CALLS : STOP_END;

	begin_event(&j, SLICE("message_delta"), out);
	json_literal_key(&j, "delta");
	json_begin_object(&j);
	anthropic_write_stop(&j, reason, s->sequence, s->detail);
	json_end_object(&j);
	json_literal_key(&j, "usage");
	anthropic_write_usage(&j, w->usage);
	return end_event(w, &j);
}

bool anthropic_write_end(struct event_writer *w, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct json_writer j;

	if (!start_message(w, NULL, out))
		return false;
	/* A call that nobody ended is over as well, and lets through what waits for it. */
	do {
		if (!close_block(w, out) || !release(w, out))
			return false;
	} while (s->open != BLOCK_NONE);
	if (!end_message(w, out))
		return false;
	begin_event(&j, SLICE("message_stop"), out);
	return end_event(w, &j);
}
