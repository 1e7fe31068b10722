/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of a Converse answer (DIALECTS §5.6; service model ConverseStreamOutput), in AWS's event stream
 * frames:
 *
 *     stream = messageStart block* messageStop metadata
 *     block  = contentBlockStart? contentBlockDelta* contentBlockStop       index 0, 1, 2 …, one after the other
 *
 * Only calls, images and what AWS's own tools say have a contentBlockStart. Calls may overlap in the hub: while one
 * is open, the events of other blocks wait (dialect/serial.h). A call's begin waits for what comes after it,
 * because a state that belongs to the call (Gemini's) is carried by an empty reasoning block in front of it: that
 * is the only place where this dialect's clients keep such a thing. Reading the conversation back puts it where it
 * belongs (chat_read_content.c). */
#include "dialect/bedrock_converse/bedrock_converse.h"

#include "dialect/serial.h"

enum block_kind { BLOCK_NONE, BLOCK_TEXT, BLOCK_REASONING, BLOCK_TOOL, BLOCK_IMAGE };

struct writing {
	bool started;
	enum block_kind open;
	unsigned block;                /* the hub's number of the open block */
	bool begun;                    /* false: a call whose contentBlockStart is still to be written */
	struct event call;             /* its begin, until then; texts copied */
	char *image;                   /* base64 so far: SDKs decode each delta for itself */
	size_t image_len, image_room;
	const char *image_format;
	int64_t index;                 /* of the open or next block */
	unsigned finished;             /* blocks below this number may not come again */
	struct serial serial;
	bool stopped, calls;
	enum stop_reason reason;
	struct slice word, sequence;
};

static struct writing *writing_of(struct event_writer *w)
{
	if (!w->state)
		w->state = arena_new(w->arena, struct writing);
	return w->state;
}

void bedrock_writer_init(struct event_writer *w, const struct request_facts *facts)
{
	w->state = NULL;
}

/* ---- events on the wire ---- */

struct wire_event {
	struct json_writer json;
	struct buf payload;
};

static void begin_event(struct wire_event *e, struct event_writer *w)
{
	buf_init(&e->payload, w->limit + FAILURE_EVENT_MAX);
	json_writer_init(&e->json, &e->payload);
	json_begin_object(&e->json);
}

static bool end_event(struct event_writer *w, struct wire_event *e, struct slice name, struct buf *out)
{
	bool ok;

	json_end_object(&e->json);
	ok = !e->json.overflow && event_stream_write(out, SLICE("event"), name, buf_slice(&e->payload));
	buf_done(&e->payload);
	w->written++;
	return ok;
}

/* {"contentBlockIndex":0,"<member>":{ */
static void begin_block_event(struct wire_event *e, struct event_writer *w, const char *member)
{
	begin_event(e, w);
	json_member_int(&e->json, "contentBlockIndex", writing_of(w)->index);
	json_key(&e->json, slice_cstr(member));
	json_begin_object(&e->json);
}

static bool end_block_event(struct event_writer *w, struct wire_event *e, struct slice name, struct buf *out)
{
	json_end_object(&e->json);
	return end_event(w, e, name, out);
}

static bool end_delta(struct event_writer *w, struct wire_event *e, struct buf *out)
{
	return end_block_event(w, e, SLICE("contentBlockDelta"), out);
}

static bool start_message(struct event_writer *w, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct wire_event e;

	if (s->started)
		return true;
	s->started = true;
	begin_event(&e, w);
	json_member_cstr(&e.json, "role", "assistant");
	return end_event(w, &e, SLICE("messageStart"), out);
}

static bool stop_block(struct event_writer *w, struct buf *out)
{
	struct wire_event e;

	begin_event(&e, w);
	json_member_int(&e.json, "contentBlockIndex", writing_of(w)->index++);
	return end_event(w, &e, SLICE("contentBlockStop"), out);
}

static bool write_text(struct event_writer *w, struct slice text, struct buf *out)
{
	struct wire_event e;

	begin_block_event(&e, w, "delta");
	json_member_string(&e.json, "text", text);
	return end_delta(w, &e, out);
}

static bool write_reasoning(struct event_writer *w, const char *member, struct slice text, struct buf *out)
{
	struct wire_event e;

	begin_block_event(&e, w, "delta");
	json_literal_key(&e.json, "reasoningContent");
	json_begin_object(&e.json);
	json_key(&e.json, slice_cstr(member));
	json_string(&e.json, text);
	json_end_object(&e.json);
	return end_delta(w, &e, out);
}

static bool write_arguments(struct event_writer *w, struct slice text, struct buf *out)
{
	struct wire_event e;

	begin_block_event(&e, w, "delta");
	json_literal_key(&e.json, "toolUse");
	json_begin_object(&e.json);
	json_member_string(&e.json, "input", text);
	json_end_object(&e.json);
	return end_delta(w, &e, out);
}

/* ---- what AWS's own tools were asked and answered ---- */

/* The members of a whole block but one, as a contentBlockStart. */
static bool start_opaque(struct event_writer *w, struct json_walk *block, const char *rest, struct buf *out)
{
	struct wire_event e;

	begin_block_event(&e, w, "start");
	json_key(&e.json, json_text(block->key, w->arena));
	json_begin_object(&e.json);
	for (struct json_walk i = json_walk(block->value); json_walk_next(&i);) {
		if (json_text_eq(i.key, slice_cstr(rest)))
			continue;
		json_key(&e.json, json_text(i.key, w->arena));
		json_value_raw(&e.json, json_raw(i.value));
	}
	json_end_object(&e.json);
	return end_block_event(w, &e, SLICE("contentBlockStart"), out);
}

static bool write_opaque(struct event_writer *w, struct slice raw, struct buf *out)
{
	struct json_doc doc;
	struct json_error error;
	struct json_walk block;
	struct wire_event e;
	bool tool;

	if (!json_parse(w->arena, raw, &doc, &error))
		return true;
	block = bedrock_union(json_root(&doc));
	tool = json_text_eq(block.key, SLICE("toolUse"));
	if (!json_is(block.value, JSON_OBJECT) || (!tool && !json_text_eq(block.key, SLICE("toolResult"))))
		return true;
	if (!start_opaque(w, &block, tool ? "input" : "content", out))
		return false;
	if (tool) {
		if (!write_arguments(w, json_raw(json_get(block.value, "input")), out))
			return false;
	} else if (json_is(json_get(block.value, "content"), JSON_ARRAY)) {
		begin_block_event(&e, w, "delta");
		json_literal_key(&e.json, "toolResult");
		json_value_raw(&e.json, json_raw(json_get(block.value, "content")));
		if (!end_delta(w, &e, out))
			return false;
	}
	return stop_block(w, out);
}

/* ---- blocks ---- */

/* The call's contentBlockStart, which waited. */
static bool begin_call(struct event_writer *w, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct wire_event e;

	if (s->open != BLOCK_TOOL || s->begun)
		return true;
	s->begun = true;
	begin_block_event(&e, w, "start");
	json_literal_key(&e.json, "toolUse");
	json_begin_object(&e.json);
	json_member_string(&e.json, "toolUseId", s->call.tool.id);
	json_member_string(&e.json, "name", s->call.tool.name);
	json_end_object(&e.json);
	return end_block_event(w, &e, SLICE("contentBlockStart"), out);
}

static bool write_image(struct event_writer *w, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct wire_event e;

	begin_block_event(&e, w, "start");
	json_literal_key(&e.json, "image");
	json_begin_object(&e.json);
	json_member_cstr(&e.json, "format", s->image_format);
	json_end_object(&e.json);
	if (!end_block_event(w, &e, SLICE("contentBlockStart"), out))
		return false;
	begin_block_event(&e, w, "delta");
	json_literal_key(&e.json, "image");
	json_begin_object(&e.json);
	json_literal_key(&e.json, "source");
	json_begin_object(&e.json);
	json_member_string(&e.json, "bytes", slice_of(s->image, s->image_len));
	json_end_object(&e.json);
	json_end_object(&e.json);
	return end_delta(w, &e, out);
}

static bool close_block(struct event_writer *w, struct buf *out)
{
	struct writing *s = writing_of(w);

	if (s->open == BLOCK_NONE)
		return true;
	if (!begin_call(w, out) || (s->open == BLOCK_IMAGE && !write_image(w, out)))
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

/* Of a reasoning block it is the signature, or all there is. In front of a call it can still be written while
 * nothing of the call has been; what comes later than that is left to whoever keeps states beside the conversation. */
static bool write_signature(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct writing *s = writing_of(w);
	bool is_open = s->open != BLOCK_NONE && s->block == e->block;

	if (e->signature.payload.len == 0)
		return true;
	if (is_open && s->open == BLOCK_TOOL && !s->begun)
		return write_reasoning(w, "signature", e->signature.payload, out) && stop_block(w, out);
	if ((is_open && s->open != BLOCK_REASONING) || (!is_open && e->block < s->finished))
		return true;
	if (!is_open && e->signature.redacted)
		return close_block(w, out) && write_reasoning(w, "redactedContent", e->signature.payload, out) && stop_block(w, out);
	return open_block(w, e, BLOCK_REASONING, out) && write_reasoning(w, "signature", e->signature.payload, out);
}

static bool write_citation(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct wire_event wire;

	if (e->block < s->finished && !(s->open == BLOCK_TEXT && s->block == e->block))
		return true;
	if (!open_block(w, e, BLOCK_TEXT, out))
		return false;
	begin_block_event(&wire, w, "delta");
	json_literal_key(&wire.json, "citation");
	bedrock_write_citation(&wire.json, &e->citation);
	return end_delta(w, &wire, out);
}

/* Doubling, so that many small pieces stay cheap. */
static bool keep_image(struct event_writer *w, struct slice piece)
{
	struct writing *s = writing_of(w);

	if (piece.len > w->limit - s->image_len)
		return false;
	if (s->image_len + piece.len > s->image_room) {
		char *grown = arena_alloc(w->arena, 2 * (s->image_len + piece.len));

		if (s->image_len > 0)
			memcpy(grown, s->image, s->image_len);
		s->image = grown;
		s->image_room = 2 * (s->image_len + piece.len);
	}
	memcpy(s->image + s->image_len, piece.ptr, piece.len);
	s->image_len += piece.len;
	return true;
}

/* Images only; what is said of other media is in their transcript, if anywhere. */
static bool take_image(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct writing *s = writing_of(w);
	bool is_open = s->open == BLOCK_IMAGE && s->block == e->block;
	const char *format = bedrock_format_of(PART_IMAGE, e->media.mime);

	if (e->media.source != MEDIA_DATA || e->media.value.len == 0 || (!is_open && !format))
		return true;
	if (!open_block(w, e, BLOCK_IMAGE, out))
		return false;
	if (!is_open) {
		s->image_len = 0;
		s->image_format = format;
	}
	return keep_image(w, e->media.value);
}

/* An event whose block may be written now. */
static bool apply(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct writing *s = writing_of(w);

	switch (e->kind) {
	case EVENT_TEXT: case EVENT_REFUSAL:
		return e->text.len == 0 || (open_block(w, e, BLOCK_TEXT, out) && write_text(w, e->text, out));
	case EVENT_REASONING:
		return e->text.len == 0 ||
		       (open_block(w, e, BLOCK_REASONING, out) && write_reasoning(w, "text", e->text, out));
	case EVENT_SIGNATURE:
		return write_signature(w, e, out);
	case EVENT_CITATION:
		return write_citation(w, e, out);
	case EVENT_OPAQUE:
		return e->opaque.dialect != DIALECT_BEDROCK ||
		       (close_block(w, out) && write_opaque(w, e->opaque.raw, out));
	case EVENT_MEDIA:
		return take_image(w, e, out);
	case EVENT_TOOL_BEGIN:
		return open_call(w, e, out);
	case EVENT_TOOL_ARGUMENTS:
		return s->open != BLOCK_TOOL || s->block != e->block || e->text.len == 0 ||
		       (begin_call(w, out) && write_arguments(w, e->text, out));
	case EVENT_TOOL_END:
		return s->open != BLOCK_TOOL || s->block != e->block || close_block(w, out);
	case EVENT_START: case EVENT_STOP: case EVENT_LOGPROBS:
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
	s->word = arena_dup(w->arena, e->stop.word);
	s->sequence = arena_dup(w->arena, e->stop.sequence);
	return true;
}

bool bedrock_write_event(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct writing *s = writing_of(w);

	/* There is one choice here; a request for more is not sent on (field n). */
	if (e->choice != 0)
		return true;
	if (!start_message(w, out))
		return false;
	if (e->kind == EVENT_STOP)
		return keep_stop(w, e);
	if (e->kind != EVENT_START && s->open == BLOCK_TOOL && s->block != e->block)
		return serial_hold(&s->serial, w, e);
	return apply(w, e, out) && release(w, out);
}

bool bedrock_write_end(struct event_writer *w, struct buf *out)
{
	struct writing *s = writing_of(w);
	enum stop_reason reason;
	struct wire_event e;

	if (!start_message(w, out))
		return false;
	/* A call that nobody ended is over as well, and lets through what waits for it. */
	do {
		if (!close_block(w, out) || !release(w, out))
			return false;
	} while (s->open != BLOCK_NONE);
	reason = s->stopped ? s->reason : s->calls ? STOP_TOOL_CALLS : STOP_END;
	begin_event(&e, w);
	bedrock_write_stop(&e.json, reason, s->word, s->sequence);
	if (!end_event(w, &e, SLICE("messageStop"), out))
		return false;
	begin_event(&e, w);
	bedrock_write_metadata(&e.json, w->usage);
	return end_event(w, &e, SLICE("metadata"), out);
}
