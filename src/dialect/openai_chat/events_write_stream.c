/* SPDX-License-Identifier: Apache-2.0 */
/* Chat completion chunks (DIALECTS §5.2): the role with the first delta of a choice, id and name with the first delta
 * of a tool call, then pieces; one finish per choice at the end, the usage if it was asked for, [DONE]. */
#include "dialect/openai_chat/openai_chat_internal.h"

/* ---- a chunk ---- */

/* What all chunks begin with is made once: most of a chunk's bytes are in it. */
static void make_head(struct event_writer *w, struct answer_written *a)
{
	struct json_writer j;
	struct buf b;
	char id[WRITER_ID_MAX];

	if (a->head.ptr)
		return;
	buf_init(&b, 8192);
	json_writer_init(&j, &b);
	json_begin_object(&j);
	json_member_string(&j, "id", a->id.len > 0 ? a->id : writer_make_id(w, "chatcmpl-", id));
	json_member_cstr(&j, "object", "chat.completion.chunk");
	json_member_int(&j, "created", a->created_s > 0 ? a->created_s : w->now_s);
	json_member_string(&j, "model", a->model.len > 0 ? a->model : w->model);
	if (a->service_tier.len > 0)
		json_member_string(&j, "service_tier", a->service_tier);
	a->head = arena_dup(w->arena, buf_slice(&b));
	buf_done(&b);
}

struct chunk {
	struct event_writer *writer;
	struct buf *out;
	size_t before;                 /* length of `out`: goes back to it when the chunk does not fit */
	struct json_writer j;
};

static void put(struct chunk *k, struct slice text)
{
	if (!buf_append_slice(k->out, text))
		k->j.overflow = true;
}

static void chunk_begin(struct chunk *k, struct event_writer *w, struct buf *out)
{
	struct answer_written *a = w->state;

	*k = (struct chunk){ .writer = w, .out = out, .before = out->len };
	make_head(w, a);
	json_writer_init(&k->j, out);
	put(k, SLICE("data: "));
	put(k, a->head);
	put(k, SLICE(",\"choices\":["));
}

static bool chunk_end(struct chunk *k)
{
	put(k, k->writer->include_usage ? SLICE("],\"usage\":null}\n\n") : SLICE("]}\n\n"));
	if (k->j.overflow)
		k->out->len = k->before;
	else
		k->writer->written++;
	return !k->j.overflow;
}

/* {"index":0,"delta":{ with the role if it was not said; `quiet`: what follows is no text, so content is null. */
static void delta_begin(struct chunk *k, unsigned number, struct choice_written *c, bool quiet)
{
	json_begin_object(&k->j);
	json_member_int(&k->j, "index", number);
	json_literal_key(&k->j, "delta");
	json_begin_object(&k->j);
	if (c->begun)
		return;
	c->begun = true;
	json_member_cstr(&k->j, "role", "assistant");
	if (quiet) {
		json_literal_key(&k->j, "content");
		json_null(&k->j);
	}
}

static bool delta_end(struct chunk *k)
{
	json_end_object(&k->j);
	json_literal_key(&k->j, "logprobs");
	json_null(&k->j);
	json_literal_key(&k->j, "finish_reason");
	json_null(&k->j);
	json_end_object(&k->j);
	return chunk_end(k);
}

/* ---- keeping ---- */

static bool keep(struct event_writer *w, struct choice_written *c, struct slice text)
{
	struct answer_written *a = w->state;

	if (text.len > w->limit - (a->kept < w->limit ? a->kept : w->limit))
		return false;
	if (c->kept.len + text.len > c->kept.capacity) {
		size_t capacity = 2 * (c->kept.len + text.len) + 256;
		char *grown = arena_alloc(w->arena, capacity);

		if (c->kept.len > 0)
			memcpy(grown, c->kept.ptr, c->kept.len);
		c->kept.ptr = grown;
		c->kept.capacity = capacity;
	}
	if (text.len > 0)
		memcpy(c->kept.ptr + c->kept.len, text.ptr, text.len);
	c->kept.len += text.len;
	a->kept += text.len;
	return true;
}

static void forget(struct event_writer *w, struct choice_written *c)
{
	struct answer_written *a = w->state;

	a->kept -= c->kept.len;
	c->kept.len = 0;
	c->kept_kind = EVENT_START;
}

/* A picture is shown when it is there as a whole. */
static bool flush_image(struct event_writer *w, unsigned number, struct choice_written *c, struct buf *out)
{
	struct chunk k;

	if (c->kept_kind != EVENT_MEDIA)
		return true;
	chunk_begin(&k, w, out);
	delta_begin(&k, number, c, true);
	json_literal_key(&k.j, "images");
	json_begin_array(&k.j);
	openai_chat_write_image(&k.j, &c->media, slice_of(c->kept.ptr, c->kept.len), c->images++, w->arena);
	json_end_array(&k.j);
	forget(w, c);
	return delta_end(&k);
}

/* ---- events ---- */

static void note_text(struct choice_written *c, const struct event *e)
{
	if (!c->has_text || c->text_block != e->block) {
		c->has_text = true;
		c->text_block = e->block;
		c->text_at = c->characters;
	}
	c->characters += utf8_characters(e->text);
}

static bool write_text(struct event_writer *w, struct choice_written *c, const struct event *e, struct buf *out)
{
	struct chunk k;

	if (e->kind == EVENT_TEXT)
		note_text(c, e);
	if (e->kind == EVENT_REFUSAL)
		c->refused = true;
	if (e->kind == EVENT_REASONING) {
		if (c->kept_kind != EVENT_REASONING || c->kept_block != e->block)
			forget(w, c);
		c->kept_kind = EVENT_REASONING;
		c->kept_block = e->block;
		if (!keep(w, c, e->text))
			return false;
	}
	if (e->text.len == 0)
		return true;
	chunk_begin(&k, w, out);
	delta_begin(&k, e->choice, c, e->kind != EVENT_TEXT);
	if (e->kind == EVENT_TEXT)
		json_member_string(&k.j, "content", e->text);
	else if (e->kind == EVENT_REFUSAL)
		json_member_string(&k.j, "refusal", e->text);
	else
		json_member_string(&k.j, "reasoning_content", e->text);
	return delta_end(&k);
}

static struct tool_written *tool_of(struct choice_written *c, unsigned block)
{
	for (unsigned i = c->tool_count; i-- > 0;)
		if (c->tools[i].block == block)
			return &c->tools[i];
	return NULL;
}

static struct tool_written *add_tool(struct event_writer *w, struct choice_written *c)
{
	if (c->tool_count == c->tool_capacity) {
		unsigned capacity = c->tool_capacity ? 2 * c->tool_capacity : 4;
		struct tool_written *grown = arena_array(w->arena, struct tool_written, capacity);

		if (c->tool_count > 0)
			memcpy(grown, c->tools, c->tool_count * sizeof(*grown));
		c->tools = grown;
		c->tool_capacity = capacity;
	}
	return &c->tools[c->tool_count++];
}

/* {"tool_calls":[{"index":0, … left open */
static void call_begin(struct chunk *k, const struct choice_written *c, const struct tool_written *t)
{
	json_literal_key(&k->j, "tool_calls");
	json_begin_array(&k->j);
	json_begin_object(&k->j);
	json_member_int(&k->j, "index", t - c->tools);
}

static bool call_end(struct chunk *k)
{
	json_end_object(&k->j);
	json_end_array(&k->j);
	return delta_end(k);
}

static bool write_tool_begin(struct event_writer *w, struct choice_written *c, const struct event *e, struct buf *out)
{
	struct answer_written *a = w->state;
	struct tool_written *t = add_tool(w, c);
	struct chunk k;

	*t = (struct tool_written){ .block = e->block, .custom = e->tool.custom };
	if (a->legacy && c->tool_count > 1)
		return true;           /* such a client knows one call */
	chunk_begin(&k, w, out);
	delta_begin(&k, e->choice, c, true);
	if (a->legacy) {
		json_literal_key(&k.j, "function_call");
		json_begin_object(&k.j);
		json_member_string(&k.j, "name", e->tool.name);
		json_member_cstr(&k.j, "arguments", "");
		json_end_object(&k.j);
		return delta_end(&k);
	}
	call_begin(&k, c, t);
	json_member_string(&k.j, "id", e->tool.id);
	json_member_cstr(&k.j, "type", t->custom ? "custom" : "function");
	json_key(&k.j, t->custom ? SLICE("custom") : SLICE("function"));
	json_begin_object(&k.j);
	json_member_string(&k.j, "name", e->tool.name);
	json_key(&k.j, t->custom ? SLICE("input") : SLICE("arguments"));
	json_string(&k.j, SLICE(""));
	json_end_object(&k.j);
	return call_end(&k);
}

static void write_input(struct json_writer *j, const struct tool_written *t, struct slice text)
{
	json_key(j, t->custom ? SLICE("custom") : SLICE("function"));
	json_begin_object(j);
	json_key(j, t->custom ? SLICE("input") : SLICE("arguments"));
	json_string(j, text);
	json_end_object(j);
}

static bool write_arguments(struct event_writer *w, struct choice_written *c, const struct event *e, struct slice text,
			    struct buf *out)
{
	struct answer_written *a = w->state;
	struct tool_written *t = tool_of(c, e->block);
	struct chunk k;

	if (!t || text.len == 0 || (a->legacy && t != c->tools))
		return true;
	t->has_arguments = true;
	chunk_begin(&k, w, out);
	delta_begin(&k, e->choice, c, true);
	if (a->legacy) {
		json_literal_key(&k.j, "function_call");
		json_begin_object(&k.j);
		json_member_string(&k.j, "arguments", text);
		json_end_object(&k.j);
		return delta_end(&k);
	}
	call_begin(&k, c, t);
	write_input(&k.j, t, text);
	return call_end(&k);
}

/* No arguments at all are an empty object: clients parse what they get. */
static bool write_tool_end(struct event_writer *w, struct choice_written *c, const struct event *e, struct buf *out)
{
	const struct tool_written *t = tool_of(c, e->block);

	if (!t || t->has_arguments || t->custom)
		return true;
	return write_arguments(w, c, e, SLICE("{}"), out);
}

/* Of a call: Google's place for it. Of anything else: an entry of reasoning_details, whole, once it is known; the text
 * that it belongs to was kept, since a client has to hand both back together. */
static bool write_signature(struct event_writer *w, struct choice_written *c, const struct event *e, struct buf *out)
{
	const struct tool_written *t = tool_of(c, e->block);
	bool own = c->kept_kind == EVENT_REASONING && c->kept_block == e->block;
	struct slice text = own ? slice_of(c->kept.ptr, c->kept.len) : SLICE("");
	bool sent;
	struct chunk k;

	if (e->signature.payload.len == 0 || (t && ((struct answer_written *)w->state)->legacy))
		return true;
	chunk_begin(&k, w, out);
	delta_begin(&k, e->choice, c, true);
	if (t) {
		call_begin(&k, c, t);
		write_input(&k.j, t, SLICE("")); /* the AI SDK and Groq's read it in every delta of a call */
		openai_chat_write_extra(&k.j, e->signature.payload);
		return call_end(&k);
	}
	json_literal_key(&k.j, "reasoning_details");
	json_begin_array(&k.j);
	openai_chat_write_detail(&k.j, text, e->signature.payload, e->signature.redacted, e->signature.item_id,
				 c->details);
	json_end_array(&k.j);
	sent = delta_end(&k);
	if (sent)
		c->details++;
	if (own)
		forget(w, c);
	return sent;
}

static bool write_audio(struct event_writer *w, struct choice_written *c, const struct event *e, struct buf *out)
{
	const struct media *m = &e->media;
	struct chunk k;

	chunk_begin(&k, w, out);
	delta_begin(&k, e->choice, c, true);
	json_literal_key(&k.j, "audio");
	json_begin_object(&k.j);
	if (m->id.len > 0)
		json_member_string(&k.j, "id", m->id);
	if (m->value.len > 0)
		json_member_string(&k.j, "data", m->value);
	if (m->transcript.len > 0)
		json_member_string(&k.j, "transcript", m->transcript);
	json_end_object(&k.j);
	return delta_end(&k);
}

static bool write_media(struct event_writer *w, struct choice_written *c, const struct event *e, struct buf *out)
{
	if (media_part_kind(e->media.mime) == PART_AUDIO || e->media.transcript.len > 0)
		return write_audio(w, c, e, out);
	if (c->kept_kind != EVENT_MEDIA || c->kept_block != e->block) {
		forget(w, c);
		c->kept_kind = EVENT_MEDIA;
		c->kept_block = e->block;
		c->media = (struct media){ .source = e->media.source, .mime = arena_dup(w->arena, e->media.mime) };
		if (e->media.source != MEDIA_DATA)
			c->media.value = arena_dup(w->arena, e->media.value);
	}
	return e->media.source != MEDIA_DATA || keep(w, c, e->media.value);
}

static bool write_citation(struct event_writer *w, struct choice_written *c, const struct event *e, struct buf *out)
{
	struct chunk k;

	chunk_begin(&k, w, out);
	delta_begin(&k, e->choice, c, false);
	json_literal_key(&k.j, "annotations");
	json_begin_array(&k.j);
	openai_chat_write_citation(&k.j, &e->citation, c->text_at, c->characters);
	json_end_array(&k.j);
	return delta_end(&k);
}

static bool write_logprobs(struct event_writer *w, struct choice_written *c, const struct event *e, struct buf *out)
{
	struct chunk k;

	chunk_begin(&k, w, out);
	delta_begin(&k, e->choice, c, false);
	json_end_object(&k.j);
	json_literal_key(&k.j, "logprobs");
	openai_chat_write_logprobs(&k.j, e->logprobs.items, e->logprobs.count, e->logprobs.of_refusal);
	json_literal_key(&k.j, "finish_reason");
	json_null(&k.j);
	json_end_object(&k.j);
	return chunk_end(&k);
}

/* A part of the content that only this dialect knows. An event's data is one line: a line break in JSON stands between
 * values only, where a space does as well. */
static bool write_opaque(struct event_writer *w, struct choice_written *c, const struct event *e, struct buf *out)
{
	struct slice raw = e->opaque.raw;
	struct chunk k;
	size_t at;

	if (e->opaque.dialect != DIALECT_OPENAI_CHAT || raw.len == 0)
		return true;
	chunk_begin(&k, w, out);
	delta_begin(&k, e->choice, c, false);
	json_literal_key(&k.j, "content");
	json_begin_array(&k.j);
	at = out->len;
	json_value_raw(&k.j, raw);
	if (!k.j.overflow)
		for (char *p = out->data + out->start + at; p < out->data + out->start + out->len; p++)
			if (*p == '\n' || *p == '\r')
				*p = ' ';
	json_end_array(&k.j);
	return delta_end(&k);
}

static bool note_start(struct event_writer *w, const struct event *e)
{
	struct answer_written *a = w->state;

	a->id = arena_dup(w->arena, e->start.id);
	a->model = arena_dup(w->arena, e->start.model);
	a->service_tier = arena_dup(w->arena, openai_chat_tier_word(e->start.service_tier));
	a->created_s = e->start.created_s;
	return true;
}

static struct choice_written *choice_at(struct event_writer *w, unsigned number)
{
	struct answer_written *a = w->state;

	if (!a->choices[number]) {
		a->choices[number] = arena_new(w->arena, struct choice_written);
		a->choices[number]->kept_kind = EVENT_START;
	}
	return a->choices[number];
}

bool openai_chat_write_event(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct choice_written *c;

	answer_written_of(w);
	if (e->kind == EVENT_START)
		return note_start(w, e);
	if (e->choice >= CHOICES_MAX)
		return false;
	c = choice_at(w, e->choice);
	if (!(e->kind == EVENT_MEDIA && e->block == c->kept_block) && !flush_image(w, e->choice, c, out))
		return false;
	switch (e->kind) {
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL:
		return write_text(w, c, e, out);
	case EVENT_SIGNATURE:
		return write_signature(w, c, e, out);
	case EVENT_TOOL_BEGIN:
		return write_tool_begin(w, c, e, out);
	case EVENT_TOOL_ARGUMENTS:
		return write_arguments(w, c, e, e->text, out);
	case EVENT_TOOL_END:
		return write_tool_end(w, c, e, out);
	case EVENT_MEDIA:
		return write_media(w, c, e, out);
	case EVENT_CITATION:
		return write_citation(w, c, e, out);
	case EVENT_LOGPROBS:
		return write_logprobs(w, c, e, out);
	case EVENT_OPAQUE:
		return write_opaque(w, c, e, out);
	case EVENT_STOP:
		c->stopped = true;
		c->reason = e->stop.reason;
		return true;
	case EVENT_START:
		break;
	}
	return true;
}

/* ---- the end ---- */

static bool write_finish(struct event_writer *w, unsigned number, struct choice_written *c, struct buf *out)
{
	struct answer_written *a = w->state;
	struct chunk k;

	chunk_begin(&k, w, out);
	delta_begin(&k, number, c, false);
	json_end_object(&k.j);
	json_literal_key(&k.j, "logprobs");
	json_null(&k.j);
	json_member_cstr(&k.j, "finish_reason", openai_chat_finish_word(c->reason, a->legacy));
	json_end_object(&k.j);
	return chunk_end(&k);
}

static bool write_usage(struct event_writer *w, struct buf *out)
{
	struct chunk k;

	chunk_begin(&k, w, out);
	put(&k, SLICE("],\"usage\":"));
	openai_chat_write_usage(&k.j, w->usage);
	put(&k, SLICE("}\n\n"));
	if (k.j.overflow)
		out->len = k.before;
	else
		w->written++;
	return !k.j.overflow;
}

bool openai_chat_write_end(struct event_writer *w, struct buf *out)
{
	struct answer_written *a = answer_written_of(w);
	bool any = false;

	for (unsigned i = 0; i < CHOICES_MAX; i++) {
		struct choice_written *c = a->choices[i];

		if (!c)
			continue;
		any = true;
		if (!c->stopped)
			c->reason = stop_decide(STOP_END, c->tool_count > 0, c->refused);
		if (!flush_image(w, i, c, out) || !write_finish(w, i, c, out))
			return false;
	}
	if (!any && !write_finish(w, 0, choice_at(w, 0), out))
		return false;
	if (w->include_usage && !write_usage(w, out))
		return false;
	return sse_write(out, (struct slice){ 0 }, SLICE("[DONE]"));
}
