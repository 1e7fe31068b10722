/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama's streams and whole answers out of hub events (DIALECTS §4.1–§4.4, §5.8). Text and thinking go out as they
 * come; calls are whole in this dialect, and images, so their pieces wait for their end, and what begins while a call
 * is open waits for it. Durations are zero: nobody here has measured how long a model was loaded or read, and zero is
 * what clients take for not known. */
#include "dialect/ollama/ollama.h"

#include "base/clock.h"
#include "dialect/serial.h"

enum { TIME_MAX = 25 };

/* Gathered in the writer's arena. */
struct kept_text {
	char *ptr;
	size_t len, capacity;
};

struct call_written {
	unsigned block;
	struct slice id, name;
	struct kept_text arguments;
};

/* event_writer.state */
struct answer_written {
	bool generate;                 /* the client asked api/generate */
	struct slice model;
	char created_at[TIME_MAX];     /* empty = not set yet */
	bool in_call;
	struct call_written call;      /* the open one */
	unsigned calls_said;
	struct serial serial;
	struct kept_text image;
	unsigned image_block;
	size_t kept;                   /* bytes, against w->limit */
	enum stop_reason reason;
};

/* What one line, or the whole answer, says. */
struct piece {
	struct slice text, thinking, image;
	const struct call_written *call;
	const struct answer_choice *whole; /* images and calls are taken from it */
	const struct logprob *logprobs;
	unsigned logprob_count;
};

static struct answer_written *written_of(struct event_writer *w)
{
	if (!w->state)
		w->state = arena_new(w->arena, struct answer_written);
	return w->state;
}

void ollama_writer_init(struct event_writer *w, const struct request_facts *facts)
{
	written_of(w)->generate = facts->variant;
}

static bool keep(struct event_writer *w, struct kept_text *t, struct slice more)
{
	struct answer_written *a = written_of(w);

	if (more.len > w->limit || a->kept > w->limit - more.len)
		return false;
	a->kept += more.len;
	if (t->len + more.len > t->capacity) {
		size_t capacity = 2 * (t->len + more.len);
		char *grown = arena_alloc(w->arena, capacity);

		if (t->len > 0)
			memcpy(grown, t->ptr, t->len);
		t->ptr = grown;
		t->capacity = capacity;
	}
	if (more.len > 0)
		memcpy(t->ptr + t->len, more.ptr, more.len);
	t->len += more.len;
	return true;
}

static void forget(struct event_writer *w, struct kept_text *t)
{
	written_of(w)->kept -= t->len;
	t->len = 0;
}

/* ---- pieces ---- */

static void write_call(struct json_writer *j, struct slice id, struct slice name, struct slice arguments,
		       unsigned index, struct arena *a)
{
	json_begin_object(j);
	json_member_string(j, "id", id);
	json_literal_key(j, "function");
	json_begin_object(j);
	json_member_int(j, "index", index);
	json_member_string(j, "name", name);
	json_literal_key(j, "arguments");
	json_value_raw(j, json_one_line(shape_arguments_object(arguments, a), a));
	json_end_object(j);
	json_end_object(j);
}

static void write_calls(struct event_writer *w, struct json_writer *j, const struct piece *s)
{
	unsigned first = written_of(w)->calls_said, index = first;

	for (const struct answer_block *b = s->whole ? s->whole->blocks : NULL; b; b = b->next) {
		if (b->kind != EVENT_TOOL_BEGIN)
			continue;
		if (index == first) {
			json_literal_key(j, "tool_calls");
			json_begin_array(j);
		}
		write_call(j, b->id, b->name, buf_slice(&b->text), index++, w->arena);
	}
	if (s->call) {
		json_literal_key(j, "tool_calls");
		json_begin_array(j);
		write_call(j, s->call->id, s->call->name, slice_of(s->call->arguments.ptr, s->call->arguments.len),
			   index++, w->arena);
	}
	if (index > first)
		json_end_array(j);
	written_of(w)->calls_said = index;
}

static bool is_image(const struct media *m)
{
	return m->source == MEDIA_DATA && media_part_kind(m->mime) == PART_IMAGE;
}

static void write_images(struct json_writer *j, const struct piece *s)
{
	bool any = s->image.len > 0;

	for (const struct answer_block *b = s->whole ? s->whole->blocks : NULL; b && !any; b = b->next)
		any = b->kind == EVENT_MEDIA && is_image(&b->media);
	if (!any)
		return;
	json_literal_key(j, "images");
	json_begin_array(j);
	if (s->image.len > 0)
		json_string(j, s->image);
	for (const struct answer_block *b = s->whole ? s->whole->blocks : NULL; b; b = b->next)
		if (b->kind == EVENT_MEDIA && is_image(&b->media))
			json_string(j, buf_slice(&b->text));
	json_end_array(j);
}

static void write_logprobs(struct json_writer *j, const struct piece *s)
{
	if (s->logprob_count == 0)
		return;
	json_literal_key(j, "logprobs");
	json_begin_array(j);
	for (unsigned i = 0; i < s->logprob_count; i++)
		openai_write_logprob(j, &s->logprobs[i], s->logprobs[i].top_count > 0, false);
	json_end_array(j);
}

static void begin_line(struct event_writer *w, struct json_writer *j, struct buf *out)
{
	struct answer_written *a = written_of(w);

	if (a->created_at[0] == '\0')
		clock_format_wall(w->now_s * 1000, a->created_at);
	json_writer_init(j, out);
	json_begin_object(j);
	json_member_string(j, "model", a->model.len > 0 ? a->model : w->model);
	json_member_cstr(j, "created_at", a->created_at);
}

/* A chat's message, or the members that api/generate has in its place. */
static void write_said(struct event_writer *w, struct json_writer *j, const struct piece *s)
{
	bool generate = written_of(w)->generate;

	if (!generate) {
		json_literal_key(j, "message");
		json_begin_object(j);
		json_member_cstr(j, "role", "assistant");
	}
	json_key(j, generate ? SLICE("response") : SLICE("content"));
	json_string(j, s->text);
	if (s->thinking.len > 0)
		json_member_string(j, "thinking", s->thinking);
	write_images(j, s);
	write_calls(w, j, s);
	if (!generate)
		json_end_object(j);
	write_logprobs(j, s);
}

/* §4.3; a total table. */
static const char *const done_words[STOP_REASON_COUNT] = {
	[STOP_END] = "stop", [STOP_SEQUENCE] = "stop", [STOP_LENGTH] = "length", [STOP_CONTEXT] = "length",
	[STOP_TOOL_CALLS] = "stop", [STOP_REFUSAL] = "stop", [STOP_DECLINED] = "stop", [STOP_PAUSE] = "stop",
	[STOP_MALFORMED] = "stop", [STOP_UNKNOWN] = "stop",
};

static void write_done(struct event_writer *w, struct json_writer *j, enum stop_reason reason)
{
	const struct usage *u = w->usage;

	json_member_bool(j, "done", true);
	json_member_cstr(j, "done_reason", done_words[reason]);
	json_member_int(j, "total_duration", 0);
	json_member_int(j, "load_duration", 0);
	json_member_int(j, "prompt_eval_count", u && u->input > 0 ? u->input : 0);
	json_member_int(j, "prompt_eval_duration", 0);
	json_member_int(j, "eval_count", u && u->output > 0 ? u->output : 0);
	json_member_int(j, "eval_duration", 0);
}

static bool write_line(struct event_writer *w, const struct piece *s, struct buf *out)
{
	struct json_writer j;

	begin_line(w, &j, out);
	write_said(w, &j, s);
	json_member_bool(&j, "done", false);
	json_end_object(&j);
	w->written++;
	return !j.overflow && buf_append_slice(out, SLICE("\n"));
}

/* ---- events ---- */

/* An image that is complete goes before whatever comes next. */
static bool flush_image(struct event_writer *w, struct buf *out)
{
	struct answer_written *a = written_of(w);
	struct piece s = { .image = slice_of(a->image.ptr, a->image.len) };
	bool ok;

	if (a->image.len == 0)
		return true;
	ok = write_line(w, &s, out);
	forget(w, &a->image);
	return ok;
}

static bool write_text(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct piece s = { 0 };

	if (e->text.len == 0)
		return true;
	if (e->kind == EVENT_REASONING)
		s.thinking = e->text;
	else
		s.text = e->text;
	return write_line(w, &s, out);
}

static void begin_call(struct event_writer *w, const struct event *e)
{
	struct answer_written *a = written_of(w);

	a->in_call = true;
	a->call.block = e->block;
	a->call.id = arena_dup(w->arena, e->tool.id);
	a->call.name = arena_dup(w->arena, e->tool.name);
}

static bool end_call(struct event_writer *w, struct buf *out)
{
	struct answer_written *a = written_of(w);
	struct piece s = { .call = &a->call };
	bool ok;

	if (!a->in_call)
		return true;
	a->in_call = false;
	ok = write_line(w, &s, out);
	forget(w, &a->call.arguments);
	return ok;
}

static bool write_media(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct answer_written *a = written_of(w);

	if (!is_image(&e->media))
		return true;
	if (a->image.len > 0 && a->image_block != e->block && !flush_image(w, out))
		return false;
	a->image_block = e->block;
	return keep(w, &a->image, e->media.value);
}

static bool write_token_logprobs(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct piece s = { .logprobs = e->logprobs.items, .logprob_count = e->logprobs.count };

	return e->logprobs.count == 0 || write_line(w, &s, out);
}

static void note_start(struct event_writer *w, const struct event *e)
{
	struct answer_written *a = written_of(w);

	a->model = arena_dup(w->arena, e->start.model);
	if (e->start.created_s > 0 && e->start.created_s < INT64_C(253402300800)) /* the year 10000 */
		clock_format_wall(e->start.created_s * 1000, a->created_at);
}

/* An event whose block may be written now. */
static bool apply(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct answer_written *a = written_of(w);

	if (e->kind != EVENT_MEDIA && !flush_image(w, out))
		return false;
	switch (e->kind) {
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL:
		return write_text(w, e, out);
	case EVENT_TOOL_BEGIN:
		begin_call(w, e);
		return true;
	case EVENT_TOOL_ARGUMENTS:
		return !a->in_call || keep(w, &a->call.arguments, e->text);
	case EVENT_TOOL_END:
		return end_call(w, out);
	case EVENT_MEDIA:
		return write_media(w, e, out);
	case EVENT_LOGPROBS:
		return write_token_logprobs(w, e, out);
	case EVENT_START: case EVENT_STOP: case EVENT_SIGNATURE: case EVENT_CITATION: case EVENT_OPAQUE:
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
bool ollama_write_event(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct answer_written *a = written_of(w);

	if (e->choice != 0)
		return true;
	if (e->kind == EVENT_START)
		note_start(w, e);
	if (e->kind == EVENT_STOP)
		a->reason = e->stop.reason;
	if (e->kind == EVENT_START || e->kind == EVENT_STOP)
		return true;
	if (a->in_call && a->call.block != e->block && e->kind != EVENT_LOGPROBS)
		return serial_hold(&a->serial, w, e);
	return apply(w, e, out) && release(w, out);
}

bool ollama_write_end(struct event_writer *w, struct buf *out)
{
	struct piece nothing = { 0 };
	struct json_writer j;

	/* A call that nobody ended is over as well, and lets through what waits for it. */
	do {
		if (!end_call(w, out) || !release(w, out) || !flush_image(w, out))
			return false;
	} while (written_of(w)->in_call);
	begin_line(w, &j, out);
	write_said(w, &j, &nothing);
	write_done(w, &j, written_of(w)->reason);
	json_end_object(&j);
	w->written++;
	return !j.overflow && buf_append_slice(out, SLICE("\n"));
}

/* ---- whole ---- */

static struct slice joined(struct event_writer *w, const struct answer_choice *c, enum event_kind kind,
			   enum event_kind other)
{
	struct part *list = NULL, **end = &list;

	for (const struct answer_block *b = c->blocks; b; b = b->next) {
		if (b->kind != kind && b->kind != other)
			continue;
		*end = arena_new(w->arena, struct part);
		(*end)->kind = PART_TEXT;
		(*end)->text = buf_slice(&b->text);
		end = &(*end)->next;
	}
	return shape_join_texts(list, "", w->arena);
}

bool ollama_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out)
{
	static const struct answer_choice nothing;
	const struct answer_choice *c = answer->choice_count > 0 ? &answer->choices[0] : &nothing;
	struct event start = { .kind = EVENT_START };
	struct piece s = { .whole = c };
	struct json_writer j;

	start.start.model = answer->model;
	start.start.created_s = answer->created_s;
	note_start(w, &start);
	s.text = joined(w, c, EVENT_TEXT, EVENT_REFUSAL);
	s.thinking = joined(w, c, EVENT_REASONING, EVENT_REASONING);
	for (const struct answer_block *b = c->blocks; b && s.logprob_count == 0; b = b->next) {
		s.logprobs = b->logprobs;
		s.logprob_count = b->logprob_count;
	}
	begin_line(w, &j, out);
	write_said(w, &j, &s);
	write_done(w, &j, c->stopped ? c->reason : STOP_END);
	json_end_object(&j);
	return !j.overflow;
}

/* Ollama counts only what it has read; its word for that. */
void ollama_write_count(int64_t tokens, bool estimated, struct buf *out)
{
	struct json_writer j;

	json_writer_init(&j, out);
	json_begin_object(&j);
	json_member_int(&j, "prompt_eval_count", tokens);
	if (estimated)
		json_member_bool(&j, "estimated", true);
	json_end_object(&j);
}
