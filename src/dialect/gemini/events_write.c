/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of a generateContent answer (DIALECTS §5.5): every chunk a whole GenerateContentResponse, as server-sent
 * events with Google's "\r\n\r\n" or as elements of one JSON array.
 *
 *     stream = chunk* last                each chunk: one part of one candidate
 *     last   = all candidates' finishReason and groundingMetadata, usageMetadata
 *
 * Function calls come whole: their arguments wait for their end, and what begins meanwhile waits for them
 * (dialect/serial.h). A state comes behind the text that it belongs to, on
 * an empty one. A client that did not ask for thoughts sees none: their text waits and travels within the state
 * (state.c). */
#include "dialect/gemini/gemini.h"

#include "dialect/serial.h"

/* A function call whose end has not come. */
struct open_call {
	unsigned block;
	struct slice id, name, state;
	char *arguments;
	size_t len, capacity;
};

enum voice_kind { VOICE_NONE, VOICE_TEXT, VOICE_THOUGHT };

/* One candidate. */
struct voice {
	enum voice_kind kind;          /* of the last text or thought */
	unsigned block;
	bool in_call;
	struct open_call call;
	struct serial serial;
	char *hidden;                  /* text of the thought that is not shown */
	size_t hidden_len, hidden_capacity;
	struct text_offsets offsets;
	unsigned text_block;           /* and where it begins, in characters */
	int64_t text_base;
	struct grounding grounding;
	bool stopped, called;
	enum stop_reason reason;
	struct slice word, detail;
};

struct writing {
	bool shows_thoughts;
	struct slice id, model;
	struct voice *voices[CHOICES_MAX];
	unsigned choice;               /* whose waiting events are released */
	size_t held;                   /* bytes that wait, but for those in the voices' serials */
};

static struct writing *writing_of(struct event_writer *w)
{
	if (!w->state)
		w->state = arena_new(w->arena, struct writing);
	return w->state;
}

void gemini_writer_init(struct event_writer *w, const struct request_facts *facts)
{
	struct json config = gemini_get(gemini_get(json_root(&facts->doc), "generationConfig"), "thinkingConfig");

	w->state = NULL;
	writing_of(w)->shows_thoughts = json_is(gemini_get(config, "includeThoughts"), JSON_TRUE);
}

bool gemini_shows_thoughts(const struct event_writer *w)
{
	const struct writing *s = w->state;

	return s && s->shows_thoughts;
}

static struct voice *voice_of(struct event_writer *w, unsigned choice)
{
	struct writing *s = writing_of(w);

	if (!s->voices[choice])
		s->voices[choice] = arena_new(w->arena, struct voice);
	return s->voices[choice];
}

/* False: over the limit. */
static bool hold(struct event_writer *w, char **text, size_t *len, size_t *capacity, struct slice more)
{
	struct writing *s = writing_of(w);

	s->held += more.len;
	if (s->held > w->limit)
		return false;
	if (*len + more.len > *capacity) {
		char *grown;

		*capacity = 2 * (*len + more.len) + 64;
		grown = arena_alloc(w->arena, *capacity);
		if (*len > 0)
			memcpy(grown, *text, *len);
		*text = grown;
	}
	if (more.len > 0)
		memcpy(*text + *len, more.ptr, more.len);
	*len += more.len;
	return true;
}

/* ---- chunks ---- */

static void begin_chunk(struct event_writer *w, struct json_writer *j, struct buf *out)
{
	struct slice before = w->framing == FRAMING_SSE ? SLICE("data: ") :
			      w->written == 0 ? SLICE("[") : SLICE(",\r\n");

	json_writer_init(j, out);
	j->overflow = !buf_append_slice(out, before);
	json_begin_object(j);
	json_literal_key(j, "candidates");
	json_begin_array(j);
}

static bool end_chunk(struct event_writer *w, struct json_writer *j, bool last)
{
	struct writing *s = writing_of(w);
	char made[WRITER_ID_MAX];

	json_end_array(j);
	if (s->id.len == 0)
		s->id = arena_dup(w->arena, writer_make_id(w, "", made));
	gemini_write_tail(w, j, s->id, s->model, last);
	json_end_object(j);
	w->written++;
	return !j->overflow && (w->framing != FRAMING_SSE || buf_append_slice(j->out, SLICE("\r\n\r\n")));
}

static void begin_part(struct event_writer *w, struct json_writer *j, struct buf *out)
{
	begin_chunk(w, j, out);
	json_begin_object(j);
	json_literal_key(j, "content");
	json_begin_object(j);
	json_literal_key(j, "parts");
	json_begin_array(j);
}

static bool end_part(struct event_writer *w, struct json_writer *j, unsigned choice)
{
	json_end_array(j);
	json_member_cstr(j, "role", "model");
	json_end_object(j);
	json_member_int(j, "index", choice);
	json_end_object(j);
	return end_chunk(w, j, false);
}

static bool write_text(struct event_writer *w, unsigned choice, struct slice text, bool thought, struct slice state,
		       struct buf *out)
{
	struct json_writer j;

	begin_part(w, &j, out);
	gemini_write_text_part(&j, text, thought, state);
	return end_part(w, &j, choice);
}

/* ---- thoughts ---- */

/* A thought that is over, without ever having had a state, or with it. */
static bool flush_hidden(struct event_writer *w, unsigned choice, struct slice state, struct buf *out)
{
	struct voice *v = voice_of(w, choice);
	struct slice text = slice_of(v->hidden, v->hidden_len);

	if (text.len == 0)
		return true;
	v->hidden_len = 0;
	writing_of(w)->held -= text.len;
	return write_text(w, choice, SLICE(""), true, gemini_hide_state(state, false, text, w->arena), out);
}

/* Any event of another block ends a text or a thought. */
static bool enter(struct event_writer *w, const struct event *e, enum voice_kind kind, struct buf *out)
{
	struct voice *v = voice_of(w, e->choice);

	if (v->kind == kind && v->block == e->block)
		return true;
	if (!flush_hidden(w, e->choice, SLICE(""), out))
		return false;
	v->kind = kind;
	v->block = e->block;
	if (kind == VOICE_TEXT) {
		v->text_block = e->block;
		v->text_base = offsets_characters(&v->offsets, (int64_t)v->offsets.len);
	}
	return true;
}

static bool write_thought(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct voice *v = voice_of(w, e->choice);

	if (e->text.len == 0)
		return true;
	if (!enter(w, e, VOICE_THOUGHT, out))
		return false;
	if (writing_of(w)->shows_thoughts)
		return write_text(w, e->choice, e->text, true, SLICE(""), out);
	return hold(w, &v->hidden, &v->hidden_len, &v->hidden_capacity, e->text);
}

static bool write_signature(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct voice *v = voice_of(w, e->choice);
	struct slice payload = e->signature.payload;

	if (payload.len == 0)
		return true;
	if (v->in_call && v->call.block == e->block) {
		v->call.state = arena_dup(w->arena, payload);
		return true;
	}
	if (v->kind == VOICE_TEXT && v->block == e->block)
		return write_text(w, e->choice, SLICE(""), false, payload, out);
	if (v->kind == VOICE_THOUGHT && v->block == e->block && v->hidden_len > 0)
		return flush_hidden(w, e->choice, payload, out);
	if (!enter(w, e, VOICE_THOUGHT, out))
		return false;
	if (e->signature.redacted)
		payload = gemini_hide_state(payload, true, SLICE(""), w->arena);
	return write_text(w, e->choice, SLICE(""), true, payload, out);
}

/* ---- function calls ---- */

static bool begin_call(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct voice *v = voice_of(w, e->choice);

	if (!enter(w, e, VOICE_NONE, out))
		return false;
	v->called = v->in_call = true;
	v->call = (struct open_call){
		.block = e->block, .id = arena_dup(w->arena, e->tool.id), .name = arena_dup(w->arena, e->tool.name),
		.arguments = v->call.arguments, .capacity = v->call.capacity,
	};
	return true;
}

static bool end_call(struct event_writer *w, unsigned choice, struct buf *out)
{
	struct voice *v = voice_of(w, choice);
	struct open_call *c = &v->call;
	struct json_writer j;

	if (!v->in_call)
		return true;
	v->in_call = false;
	writing_of(w)->held -= c->len;
	begin_part(w, &j, out);
	gemini_write_call_part(&j, c->id, c->name, slice_of(c->arguments, c->len), c->state, w->arena);
	return end_part(w, &j, choice);
}

/* ---- the rest ---- */

static bool write_visible(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct voice *v = voice_of(w, e->choice);

	if (e->text.len == 0)
		return true;
	if (!enter(w, e, VOICE_TEXT, out))
		return false;
	offsets_add(&v->offsets, e->text, w->arena);
	return write_text(w, e->choice, e->text, false, SLICE(""), out);
}

static bool write_media(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct json_writer j;

	if (!enter(w, e, VOICE_NONE, out))
		return false;
	begin_part(w, &j, out);
	gemini_write_media_part(&j, &e->media, e->media.value);
	return end_part(w, &j, e->choice);
}

static bool write_opaque(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct json_writer j;

	if (e->opaque.dialect != DIALECT_GEMINI)
		return true;
	if (!enter(w, e, VOICE_NONE, out))
		return false;
	begin_part(w, &j, out);
	json_value_raw(&j, json_one_line(e->opaque.raw, w->arena));
	return end_part(w, &j, e->choice);
}

static bool write_logprobs(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct json_writer j;

	voice_of(w, e->choice);
	begin_chunk(w, &j, out);
	json_begin_object(&j);
	json_member_int(&j, "index", e->choice);
	gemini_write_logprobs(&j, e->logprobs.items, e->logprobs.count);
	json_end_object(&j);
	return end_chunk(w, &j, false);
}

/* Written at the end, as Google does it. A place in a text that was left already cannot be told any more. */
static bool keep_citation(struct event_writer *w, const struct event *e)
{
	struct writing *s = writing_of(w);
	struct voice *v = voice_of(w, e->choice);
	struct citation c = e->citation;

	s->held += sizeof(c) + c.url.len + c.title.len + c.quote.len;
	if (s->held > w->limit)
		return false;
	c.url = arena_dup(w->arena, c.url);
	c.title = arena_dup(w->arena, c.title);
	c.quote = arena_dup(w->arena, c.quote);
	c.raw = (struct slice){ 0 };
	if (v->text_block != e->block)
		c.start = c.end = -1;
	grounding_add(&v->grounding, &c, v->text_base, w->arena);
	return true;
}

static bool keep_start(struct event_writer *w, const struct event *e)
{
	struct writing *s = writing_of(w);

	s->id = arena_dup(w->arena, e->start.id);
	s->model = arena_dup(w->arena, e->start.model);
	return true;
}

static bool keep_stop(struct event_writer *w, const struct event *e)
{
	struct voice *v = voice_of(w, e->choice);

	v->stopped = true;
	v->reason = e->stop.reason;
	v->word = arena_dup(w->arena, e->stop.word);
	v->detail = arena_dup(w->arena, e->stop.detail);
	return true;
}

/* An event whose block may be written now. */
static bool apply(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct voice *v = voice_of(w, e->choice);

	switch (e->kind) {
	case EVENT_TEXT: case EVENT_REFUSAL:
		return write_visible(w, e, out);
	case EVENT_REASONING:
		return write_thought(w, e, out);
	case EVENT_SIGNATURE:
		return write_signature(w, e, out);
	case EVENT_TOOL_BEGIN:
		return begin_call(w, e, out);
	case EVENT_TOOL_ARGUMENTS:
		return !v->in_call || hold(w, &v->call.arguments, &v->call.len, &v->call.capacity, e->text);
	case EVENT_TOOL_END:
		return end_call(w, e->choice, out);
	case EVENT_MEDIA:
		return write_media(w, e, out);
	case EVENT_CITATION:
		return keep_citation(w, e);
	case EVENT_LOGPROBS:
		return write_logprobs(w, e, out);
	case EVENT_OPAQUE:
		return write_opaque(w, e, out);
	case EVENT_START: case EVENT_STOP:
		return true;
	}
	return true;
}

static bool is_in_call(const struct event_writer *w)
{
	const struct writing *s = w->state;

	return s->voices[s->choice]->in_call;
}

static bool release(struct event_writer *w, unsigned choice, struct buf *out)
{
	writing_of(w)->choice = choice;
	return serial_release(&voice_of(w, choice)->serial, w, out, is_in_call, apply);
}

bool gemini_write_event(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct voice *v;

	if (e->kind == EVENT_START)
		return keep_start(w, e);
	if (e->kind == EVENT_STOP)
		return keep_stop(w, e);
	v = voice_of(w, e->choice);
	if (v->in_call && v->call.block != e->block && e->kind != EVENT_LOGPROBS)
		return serial_hold(&v->serial, w, e);
	return apply(w, e, out) && release(w, e->choice, out);
}

/* ---- the end ---- */

/* A call that nobody ended is over as well, and lets through what waits for it. */
static bool finish_voice(struct event_writer *w, unsigned choice, struct buf *out)
{
	do {
		if (!end_call(w, choice, out) || !release(w, choice, out))
			return false;
	} while (voice_of(w, choice)->in_call);
	return flush_hidden(w, choice, SLICE(""), out);
}

static void write_last(struct json_writer *j, const struct voice *v, unsigned choice)
{
	json_begin_object(j);
	json_literal_key(j, "content");
	json_value_raw(j, SLICE("{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"}"));
	gemini_write_finish(j, v->stopped ? v->reason : v->called ? STOP_TOOL_CALLS : STOP_END, v->word, v->detail);
	json_member_int(j, "index", choice);
	gemini_write_grounding(j, &v->grounding, &v->offsets);
	json_end_object(j);
}

bool gemini_write_end(struct event_writer *w, struct buf *out)
{
	struct writing *s = writing_of(w);
	struct json_writer j;
	bool any = false;

	for (unsigned i = 0; i < CHOICES_MAX; i++)
		if (s->voices[i] && !finish_voice(w, i, out))
			return false;
	begin_chunk(w, &j, out);
	for (unsigned i = 0; i < CHOICES_MAX; i++)
		if (s->voices[i]) {
			write_last(&j, s->voices[i], i);
			any = true;
		}
	if (!any)
		write_last(&j, voice_of(w, 0), 0);
	return end_chunk(w, &j, true) && (w->framing == FRAMING_SSE || buf_append_slice(out, SLICE("]")));
}
