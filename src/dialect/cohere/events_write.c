/* SPDX-License-Identifier: Apache-2.0 */
/* Cohere's streams out of hub events (DIALECTS §4.3–§4.5, §5.7): message-start, content blocks one after the other,
 * calls, citations, message-end, and "[DONE]", which is recorded of every stream. */
#include "dialect/cohere/cohere.h"

#include "base/utf8.h"
#include "dialect/serial.h"

/* event_writer.state */
struct answer_written {
	bool started, open;            /* message-start is out; a content block is */
	bool open_is_text;
	unsigned open_block;
	int64_t contents;              /* blocks begun */
	unsigned call_count, citations;
	bool in_call;                  /* one call after the other (recorded); what else there is waits */
	bool has_arguments;            /* of the open call, something was said */
	unsigned call_block;
	struct serial serial;
	bool has_text;
	unsigned text_block;           /* the last, its number in the stream and its length so far */
	int64_t text_index, characters;
	enum stop_reason reason;
	struct slice detail;
};

static struct answer_written *written_of(struct event_writer *w)
{
	if (!w->state)
		w->state = arena_new(w->arena, struct answer_written);
	return w->state;
}

/* ---- one event ---- */

struct open_event {
	struct json_writer json;
	struct buf data;
	const char *type;
};

/* {"type":…,"index":…; `index` < 0: none. */
static void begin_event(struct open_event *e, const char *type, int64_t index)
{
	buf_init(&e->data, SIZE_MAX);
	json_writer_init(&e->json, &e->data);
	e->type = type;
	json_begin_object(&e->json);
	json_member_cstr(&e->json, "type", type);
	if (index >= 0)
		json_member_int(&e->json, "index", index);
}

static bool end_event(struct event_writer *w, struct open_event *e, struct buf *out)
{
	bool ok;

	json_end_object(&e->json);
	ok = !e->json.overflow && sse_write(out, slice_cstr(e->type), buf_slice(&e->data));
	buf_done(&e->data);
	w->written++;
	return ok;
}

/* "delta":{"message":{ */
static void begin_message(struct open_event *e)
{
	json_literal_key(&e->json, "delta");
	json_begin_object(&e->json);
	json_literal_key(&e->json, "message");
	json_begin_object(&e->json);
}

static void end_message(struct open_event *e)
{
	json_end_object(&e->json);
	json_end_object(&e->json);
}

static bool write_bare(struct event_writer *w, const char *type, int64_t index, struct buf *out)
{
	struct open_event e;

	begin_event(&e, type, index);
	return end_event(w, &e, out);
}

/* ---- start and content ---- */

struct slice cohere_make_id(struct event_writer *w)
{
	char id[WRITER_ID_MAX];

	return arena_dup(w->arena, writer_make_id(w, "", id));
}

static bool start(struct event_writer *w, struct slice id, struct buf *out)
{
	struct answer_written *a = written_of(w);
	struct open_event e;

	if (a->started)
		return true;
	a->started = true;
	buf_init(&e.data, SIZE_MAX);
	json_writer_init(&e.json, &e.data);
	e.type = "message-start";
	json_begin_object(&e.json);
	json_member_string(&e.json, "id", id.len > 0 ? id : cohere_make_id(w));
	json_member_cstr(&e.json, "type", e.type);
	begin_message(&e);
	json_member_cstr(&e.json, "role", "assistant");
	json_literal_key(&e.json, "content");
	json_value_raw(&e.json, SLICE("[]"));
	json_member_cstr(&e.json, "tool_plan", "");
	json_literal_key(&e.json, "tool_calls");
	json_value_raw(&e.json, SLICE("[]"));
	json_literal_key(&e.json, "citations");
	json_value_raw(&e.json, SLICE("[]"));
	end_message(&e);
	return end_event(w, &e, out);
}

static bool close_content(struct event_writer *w, struct buf *out)
{
	struct answer_written *a = written_of(w);

	if (!a->open)
		return true;
	a->open = false;
	return write_bare(w, "content-end", a->contents - 1, out);
}

static bool open_content(struct event_writer *w, const struct event *from, bool is_text, struct buf *out)
{
	struct answer_written *a = written_of(w);
	struct open_event e;

	if (a->open && a->open_block == from->block && a->open_is_text == is_text)
		return true;
	if (!close_content(w, out))
		return false;
	a->open = true;
	a->open_is_text = is_text;
	a->open_block = from->block;
	a->contents++;
	if (is_text) {
		a->has_text = true;
		a->text_block = from->block;
		a->text_index = a->contents - 1;
		a->characters = 0;
	}
	begin_event(&e, "content-start", a->contents - 1);
	begin_message(&e);
	json_literal_key(&e.json, "content");
	json_value_raw(&e.json, is_text ? SLICE("{\"type\":\"text\",\"text\":\"\"}") : SLICE("{\"type\":\"thinking\",\"thinking\":\"\"}"));
	end_message(&e);
	return end_event(w, &e, out);
}

static void write_piece(struct open_event *e, bool is_text, struct slice text)
{
	begin_message(e);
	json_literal_key(&e->json, "content");
	json_begin_object(&e->json);
	json_key(&e->json, is_text ? SLICE("text") : SLICE("thinking"));
	json_string(&e->json, text);
	json_end_object(&e->json);
	end_message(e);
}

static bool write_text(struct event_writer *w, const struct event *from, struct buf *out)
{
	struct answer_written *a = written_of(w);
	bool is_text = from->kind != EVENT_REASONING;
	struct open_event e;

	if (from->text.len == 0)
		return true;
	if (!open_content(w, from, is_text, out))
		return false;
	if (is_text)
		a->characters += (int64_t)utf8_count(from->text.ptr, from->text.len);
	begin_event(&e, "content-delta", a->contents - 1);
	write_piece(&e, is_text, from->text);
	return end_event(w, &e, out);
}

/* Beside a piece of text; the text itself is out already. Those of a text that is over have no place any more. */
static bool write_logprobs(struct event_writer *w, const struct event *from, struct buf *out)
{
	struct answer_written *a = written_of(w);

	for (unsigned i = 0; i < from->logprobs.count && a->open && a->open_block == from->block; i++) {
		struct open_event e;

		begin_event(&e, "content-delta", a->text_index);
		write_piece(&e, true, SLICE(""));
		json_literal_key(&e.json, "logprobs");
		cohere_write_logprob(&e.json, &from->logprobs.items[i]);
		if (!end_event(w, &e, out))
			return false;
	}
	return true;
}

static bool write_citation(struct event_writer *w, const struct event *from, struct buf *out)
{
	struct answer_written *a = written_of(w);
	struct open_event e;

	if (!a->has_text || a->text_block != from->block || cohere_is_repeated(&from->citation))
		return true;
	begin_event(&e, "citation-start", a->citations);
	begin_message(&e);
	json_literal_key(&e.json, "citations");
	cohere_write_citation(&e.json, &from->citation, a->text_index, a->characters, w->arena);
	end_message(&e);
	return end_event(w, &e, out) && write_bare(w, "citation-end", a->citations++, out);
}

/* ---- calls ---- */

static bool write_call(struct event_writer *w, const struct event *from, struct buf *out)
{
	struct answer_written *a = written_of(w);
	struct open_event e;

	if (!close_content(w, out))
		return false;
	a->in_call = true;
	a->has_arguments = false;
	a->call_block = from->block;
	begin_event(&e, "tool-call-start", a->call_count++);
	begin_message(&e);
	json_literal_key(&e.json, "tool_calls");
	json_begin_object(&e.json);
	json_member_string(&e.json, "id", from->tool.id);
	json_member_cstr(&e.json, "type", "function");
	json_literal_key(&e.json, "function");
	json_begin_object(&e.json);
	json_member_string(&e.json, "name", from->tool.name);
	json_member_cstr(&e.json, "arguments", "");
	json_end_object(&e.json);
	json_end_object(&e.json);
	end_message(&e);
	return end_event(w, &e, out);
}

static bool write_arguments(struct event_writer *w, struct slice text, struct buf *out)
{
	struct answer_written *a = written_of(w);
	struct open_event e;

	if (!a->in_call || text.len == 0)
		return true;
	a->has_arguments = true;
	begin_event(&e, "tool-call-delta", a->call_count - 1);
	begin_message(&e);
	json_literal_key(&e.json, "tool_calls");
	json_begin_object(&e.json);
	json_literal_key(&e.json, "function");
	json_begin_object(&e.json);
	json_member_string(&e.json, "arguments", text);
	json_end_object(&e.json);
	json_end_object(&e.json);
	end_message(&e);
	return end_event(w, &e, out);
}

/* The pieces of a call are JSON when they are put together, also of one without arguments. */
static bool end_call(struct event_writer *w, struct buf *out)
{
	struct answer_written *a = written_of(w);

	if (!a->in_call)
		return true;
	if (!a->has_arguments && !write_arguments(w, SLICE("{}"), out))
		return false;
	a->in_call = false;
	return write_bare(w, "tool-call-end", a->call_count - 1, out);
}

/* ---- all ---- */

/* An event whose block may be written now. */
static bool apply(struct event_writer *w, const struct event *e, struct buf *out)
{
	switch (e->kind) {
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL:
		return write_text(w, e, out);
	case EVENT_TOOL_BEGIN:
		return write_call(w, e, out);
	case EVENT_TOOL_ARGUMENTS:
		return write_arguments(w, e->text, out);
	case EVENT_TOOL_END:
		return end_call(w, out);
	case EVENT_CITATION:
		return write_citation(w, e, out);
	case EVENT_LOGPROBS:
		return write_logprobs(w, e, out);
	case EVENT_START: case EVENT_STOP: case EVENT_SIGNATURE: case EVENT_MEDIA: case EVENT_OPAQUE:
		return true;           /* said, or without a place */
	}
	return true;
}

static bool is_in_call(const struct event_writer *w)
{
	return ((const struct answer_written *)w->state)->in_call;
}

static bool release(struct event_writer *w, struct buf *out)
{
	return serial_release(&written_of(w)->serial, w, out, is_in_call, apply);
}

/* One answer is all there is in this dialect: those of other choices are not asked for. */
bool cohere_write_event(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct answer_written *a = written_of(w);

	if (e->choice != 0 || !start(w, e->kind == EVENT_START ? e->start.id : SLICE(""), out))
		return e->choice != 0;
	if (e->kind == EVENT_STOP) {
		a->reason = e->stop.reason;
		a->detail = arena_dup(w->arena, e->stop.detail);
		return true;
	}
	if (e->kind != EVENT_START && a->in_call && a->call_block != e->block)
		return serial_hold(&a->serial, w, e);
	return apply(w, e, out) && release(w, out);
}

bool cohere_write_end(struct event_writer *w, struct buf *out)
{
	struct answer_written *a = written_of(w);
	struct open_event e;

	if (!start(w, SLICE(""), out))
		return false;
	/* A call that nobody ended is over as well, and lets through what waits for it. */
	do {
		if (!end_call(w, out) || !close_content(w, out) || !release(w, out))
			return false;
	} while (a->in_call || a->open);
	begin_event(&e, "message-end", -1);
	json_literal_key(&e.json, "delta");
	json_begin_object(&e.json);
	json_member_cstr(&e.json, "finish_reason", cohere_finish_word(a->reason));
	json_literal_key(&e.json, "usage");
	cohere_write_usage(&e.json, w->usage);
	if (strcmp(cohere_finish_word(a->reason), "ERROR") == 0 && a->detail.len > 0)
		json_member_string(&e.json, "error", a->detail);
	json_end_object(&e.json);
	return end_event(w, &e, out) && sse_write(out, SLICE(""), SLICE("[DONE]"));
}
