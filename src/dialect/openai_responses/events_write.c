/* SPDX-License-Identifier: Apache-2.0 */
/* A Responses stream, or a whole response, out of hub events (DIALECTS §5.3): items are opened and closed in pairs of
 * events, texts are repeated when they end, and the last event has the whole response in it.
 *
 *     response.created, response.in_progress
 *       output_item.added
 *         content_part.added, output_text.delta …, output_text.annotation.added …, output_text.done, content_part.done
 *         reasoning_summary_part.added, reasoning_summary_text.delta …, reasoning_summary_text.done, …part.done
 *         function_call_arguments.delta …, function_call_arguments.done     (these may overlap)
 *       output_item.done
 *     response.completed | response.incomplete | response.failed */
#include "dialect/openai_responses/events_write_internal.h"

static void write_response_event(struct stream *x, const char *type, bool done)
{
	if (!stream_open_event(x, type))
		return;
	json_literal_key(&x->j, "response");
	responses_write_response(&x->j, x->w, done);
	stream_close_event(x);
}

/* ---- hub events ---- */

static struct responses_piece *piece_of(struct stream *x, unsigned block, bool refusal)
{
	struct responses_writing *s = x->s;
	struct responses_piece *p = s->open && s->open->kind == RESPONSES_MESSAGE ? s->open->last_piece : NULL;

	if (p && !p->closed && p->block == block && p->refusal == refusal)
		return p;
	if (!s->open || s->open->kind != RESPONSES_MESSAGE) {
		stream_close_open(x);
		s->open = stream_item_new(x, RESPONSES_MESSAGE, block, SLICE(""));
		stream_item_open(x, s->open);
	}
	stream_close_piece(x, s->open);
	p = arena_new(x->w->arena, struct responses_piece);
	p->block = block;
	p->refusal = refusal;
	p->index = s->open->piece_count++;
	if (s->open->last_piece)
		s->open->last_piece->next = p;
	else
		s->open->pieces = p;
	s->open->last_piece = p;
	stream_part_event(x, "response.content_part.added", s->open, p, true);
	return p;
}

static int64_t count_characters(struct slice text)
{
	int64_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return count;
}

static void on_text(struct stream *x, const struct event *e)
{
	struct responses_piece *p = piece_of(x, e->block, e->kind == EVENT_REFUSAL);

	if (!stream_keep(x, &p->text, e->text))
		return;
	p->characters += count_characters(e->text);
	if (x->s->logprobs && !p->refusal)
		x->s->waiting = e->text.len;
	else
		stream_delta(x, x->s->open, p, e->text, SLICE(""));
}

static void on_logprobs(struct stream *x, const struct event *e)
{
	struct responses_piece *p = x->s->open && x->s->open->kind == RESPONSES_MESSAGE ? x->s->open->last_piece : NULL;
	struct json_writer j;
	struct buf text;

	if (!x->s->logprobs || !p || p->refusal || p->closed || e->logprobs.of_refusal) {
		stream_flush(x, SLICE(""));
		return;
	}
	buf_init(&text, FRAME_MAX);
	json_writer_init(&j, &text);
	for (unsigned i = 0; i < e->logprobs.count; i++)
		openai_write_logprob(&j, &e->logprobs.items[i], true, true);
	if (!j.overflow && text.len > 0)
		stream_keep_value(x, &p->logprobs, buf_slice(&text));
	if (x->s->waiting > 0)
		stream_flush(x, buf_slice(&text));
	else
		stream_delta(x, x->s->open, p, SLICE(""), buf_slice(&text));
	buf_done(&text);
}

static struct responses_piece *find_piece(struct stream *x, unsigned block, struct responses_item **ret_item)
{
	for (struct responses_item *item = x->s->items; item; item = item->next)
		for (struct responses_piece *p = item->pieces; p; p = p->next)
			if (p->block == block) {
				*ret_item = item;
				return p;
			}
	return NULL;
}

/* Of a text that is closed it stands in the last event only. */
static void on_citation(struct stream *x, const struct event *e)
{
	enum { WHOLE_MAX = 256 };
	struct responses_item *item = NULL;
	struct responses_piece *p = find_piece(x, e->block, &item);
	struct citation *c;

	/* Anthropic's come before the text that they are about. */
	if (!p)
		p = piece_of(x, e->block, false), item = x->s->open;
	if (p->closed || e->citation.end >= 0) {
		stream_add_annotation(x, item, p, &e->citation);
		return;
	}
	if (p->whole_count == WHOLE_MAX)
		return;
	if (!p->whole)
		p->whole = arena_array(x->w->arena, struct citation, WHOLE_MAX);
	c = &p->whole[p->whole_count++];
	*c = e->citation;
	c->url = stream_copy(x, c->url);
	c->title = stream_copy(x, c->title);
	c->quote = (struct slice){ 0 };
	c->raw = stream_copy(x, c->raw);
}

static struct responses_item *reasoning_of(struct stream *x, unsigned block, struct slice id)
{
	struct responses_item *item = x->s->open;

	if (item && item->kind == RESPONSES_REASONING && item->block == block)
		return item;
	stream_close_open(x);
	item = stream_item_new(x, RESPONSES_REASONING, block, id);
	stream_item_open(x, item);
	x->s->open = item;
	return item;
}

static void on_reasoning(struct stream *x, const struct event *e)
{
	struct responses_item *item = reasoning_of(x, e->block, SLICE(""));
	bool first = item->text.len == 0;

	if (e->text.len == 0 || !stream_keep(x, &item->text, e->text))
		return;
	if (first && stream_open_item_event(x, "response.reasoning_summary_part.added", item)) {
		json_member_int(&x->j, "summary_index", 0);
		json_literal_key(&x->j, "part");
		responses_write_summary(&x->j, SLICE(""));
		stream_close_event(x);
	}
	if (stream_open_item_event(x, "response.reasoning_summary_text.delta", item)) {
		json_member_int(&x->j, "summary_index", 0);
		json_member_string(&x->j, "delta", e->text);
		stream_close_event(x);
	}
}

static struct responses_item *find_call(struct stream *x, unsigned block)
{
	for (struct responses_item *item = x->s->items; item; item = item->next)
		if ((item->kind == RESPONSES_CALL || item->kind == RESPONSES_CUSTOM_CALL) && item->block == block)
			return item;
	return NULL;
}

/* The state of a text or a call (Gemini's) takes an item of its own before it, as long as there is a before; the side
 * store keeps the rest. */
static void on_signature(struct stream *x, const struct event *e)
{
	struct responses_item *text_item = NULL, *item;
	bool before_call = x->s->begun_call && x->s->begun_call->block == e->block;
	struct slice id = e->signature.item_id;
	char made[WRITER_ID_MAX];

	if (!before_call) {
		stream_open_call(x);
		if (find_call(x, e->block) || find_piece(x, e->block, &text_item))
			return;
	}
	if (e->signature.payload.len == 0)
		return;
	if (e->signature.redacted && id.len == 0)
		id = writer_make_id(x->w, RESPONSES_REDACTED_ID, made);
	item = reasoning_of(x, e->block, id);
	if (!stream_may_keep(x, e->signature.payload.len))
		return;
	item->state = stream_copy(x, e->signature.payload);
	if (before_call)
		stream_close_open(x);
}

static void on_call(struct stream *x, const struct event *e)
{
	struct responses_item *item;
	struct slice namespace, name;

	stream_close_open(x);
	item = stream_item_new(x, e->tool.custom ? RESPONSES_CUSTOM_CALL : RESPONSES_CALL, e->block, e->tool.item_id);
	name = responses_own_name(x->s->namespaces, x->s->namespace_count, e->tool.name, &namespace);
	item->call_id = stream_copy(x, e->tool.id);
	item->name = stream_copy(x, name);
	item->namespace = namespace;
	x->s->begun_call = item;
}

static void on_arguments(struct stream *x, const struct event *e)
{
	struct responses_item *item = find_call(x, e->block);

	if (!item || item->closed || e->text.len == 0 || !stream_keep(x, &item->text, e->text))
		return;
	stream_text_event(x, item->kind == RESPONSES_CUSTOM_CALL ? "response.custom_tool_call_input.delta"
								 : "response.function_call_arguments.delta",
			 item, "delta", e->text);
}

/* Calls without arguments say so. */
static void end_call(struct stream *x, struct responses_item *item)
{
	if (item->kind == RESPONSES_CALL && item->text.len == 0)
		stream_keep(x, &item->text, SLICE("{}"));
	stream_close_item(x, item);
}

/* Pictures only: nothing else has an item. */
static void on_media(struct stream *x, const struct event *e)
{
	const struct media *m = &e->media;
	struct responses_item *item = x->s->open;
	bool more = item && item->kind == RESPONSES_IMAGE && item->block == e->block;

	if (m->source != MEDIA_DATA || (!more && media_part_kind(media_guess_mime(m)) != PART_IMAGE))
		return;
	if (!more) {
		struct slice mime = media_guess_mime(m);

		stream_close_open(x);
		item = stream_item_new(x, RESPONSES_IMAGE, e->block, SLICE(""));
		item->format = stream_copy(x, slice_after(mime, SLICE("image/").len));
		stream_item_open(x, item);
		x->s->open = item;
		stream_lone_event(x, "response.image_generation_call.in_progress", item);
		stream_lone_event(x, "response.image_generation_call.generating", item);
	}
	stream_keep(x, &item->text, m->value);
}

static void on_opaque(struct stream *x, const struct event *e)
{
	struct responses_item *item;

	if (e->opaque.dialect != DIALECT_OPENAI_RESPONSES || e->opaque.raw.len == 0)
		return;
	stream_close_open(x);
	item = stream_item_new(x, RESPONSES_RAW, e->block, SLICE("raw"));
	if (!stream_may_keep(x, e->opaque.raw.len))
		return;
	item->raw = arena_dup(x->w->arena, json_one_line(e->opaque.raw, x->w->arena));
	stream_item_open(x, item);
	stream_close_item(x, item);
}

/* ---- the whole ---- */

static void begin(struct stream *x, const struct event *start)
{
	struct responses_writing *s = x->s;
	struct slice id = start ? start->start.id : SLICE("");
	char made[WRITER_ID_MAX];

	if (s->begun)
		return;
	s->begun = true;
	/* Ids of other dialects would not be taken back as a previous response's. */
	if (x->w->answer_id[0] == '\0')
		failure_copy_text(x->w->answer_id, sizeof(x->w->answer_id),
				  slice_starts_with(id, SLICE("resp_")) ? id : writer_make_id(x->w, "resp_", made));
	s->model = stream_copy(x, start && start->start.model.len > 0 ? start->start.model : x->w->model);
	failure_copy_text(x->w->answer_model, sizeof(x->w->answer_model), s->model);
	s->service_tier = start ? stream_copy(x, start->start.service_tier) : SLICE("");
	s->created_s = start && start->start.created_s > 0 ? start->start.created_s : x->w->now_s;
	write_response_event(x, "response.created", false);
	write_response_event(x, "response.in_progress", false);
}

static void on_event(struct stream *x, const struct event *e)
{
	struct responses_item *call;

	begin(x, e->kind == EVENT_START ? e : NULL);
	if (e->kind != EVENT_LOGPROBS)
		stream_flush(x, SLICE(""));
	if (e->kind != EVENT_SIGNATURE)
		stream_open_call(x);
	switch (e->kind) {
	case EVENT_TEXT: case EVENT_REFUSAL:
		on_text(x, e);
		break;
	case EVENT_REASONING:
		on_reasoning(x, e);
		break;
	case EVENT_SIGNATURE:
		on_signature(x, e);
		break;
	case EVENT_TOOL_BEGIN:
		on_call(x, e);
		break;
	case EVENT_TOOL_ARGUMENTS:
		on_arguments(x, e);
		break;
	case EVENT_TOOL_END:
		call = find_call(x, e->block);
		if (call)
			end_call(x, call);
		break;
	case EVENT_MEDIA:
		on_media(x, e);
		break;
	case EVENT_CITATION:
		on_citation(x, e);
		break;
	case EVENT_LOGPROBS:
		on_logprobs(x, e);
		break;
	case EVENT_OPAQUE:
		on_opaque(x, e);
		break;
	case EVENT_STOP:
		x->s->stopped = true;
		x->s->reason = e->stop.reason;
		break;
	case EVENT_START:
		break;
	}
}

/* What was cut short is what was still open when the length or a filter ended it. */
static void finish(struct stream *x)
{
	enum stop_reason reason = x->s->reason;
	bool cut = reason == STOP_LENGTH || reason == STOP_CONTEXT || reason == STOP_REFUSAL;

	begin(x, NULL);
	stream_flush(x, SLICE(""));
	stream_open_call(x);
	if (x->s->open)
		x->s->open->incomplete = cut;
	stream_close_open(x);
	for (struct responses_item *item = x->s->items; item; item = item->next)
		if (!item->closed) {
			item->incomplete = cut;
			stream_close_item(x, item);
		}
}

struct responses_writing *responses_state(struct event_writer *w)
{
	if (!w->state)
		responses_writer_init(w, NULL);
	return w->state;
}

static void keep_namespaces(struct responses_writing *s, struct json tools, struct arena *a)
{
	s->namespaces = arena_array(a, struct slice, json_count(tools) + 1);
	for (struct json_walk w = json_walk(tools); json_walk_next(&w);)
		if (json_text_eq(json_get(w.value, "type"), SLICE("namespace")))
			s->namespaces[s->namespace_count++] = arena_dup(a, json_text(json_get(w.value, "name"), a));
}

void responses_writer_init(struct event_writer *w, const struct request_facts *facts)
{
	struct responses_writing *s = arena_new(w->arena, struct responses_writing);
	struct json root = facts ? json_root(&facts->doc) : (struct json){ 0 };

	w->sequence = -1;
	w->state = s;
	responses_keep_echo(s, root, w->arena);
	keep_namespaces(s, json_get(root, "tools"), w->arena);
	for (struct json_walk i = json_walk(json_get(root, "include")); json_walk_next(&i);)
		s->logprobs |= json_text_eq(i.value, SLICE("message.output_text.logprobs"));
}

/* Only one answer can be said here. */
bool responses_write_event(struct event_writer *w, const struct event *e, struct buf *out)
{
	struct stream x = { .w = w, .s = responses_state(w), .out = out };

	if (e->choice == 0)
		on_event(&x, e);
	return !x.failed;
}

bool responses_write_end(struct event_writer *w, struct buf *out)
{
	struct stream x = { .w = w, .s = responses_state(w), .out = out };

	finish(&x);
	write_response_event(&x, responses_last_event(x.s->reason), true);
	return !x.failed;
}

/* ---- whole answers: the same events, heard in silence ---- */

static void hear_block(struct stream *x, const struct answer_block *b)
{
	struct event e = { .kind = b->kind, .block = b->number };
	struct event signature = { .kind = EVENT_SIGNATURE, .block = b->number,
				   .signature = { b->state, b->redacted, b->item_id } };

	if (b->kind == EVENT_TEXT && b->state.len > 0)
		on_event(x, &signature);
	switch (b->kind) {
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL:
		e.text = buf_slice(&b->text);
		break;
	case EVENT_TOOL_BEGIN:
		e.tool.id = b->id, e.tool.name = b->name, e.tool.item_id = b->item_id, e.tool.custom = b->custom;
		break;
	case EVENT_MEDIA:
		e.media = b->media;
		e.media.source = MEDIA_DATA;
		e.media.value = buf_slice(&b->text);
		break;
	case EVENT_OPAQUE:
		e.opaque.raw = b->raw, e.opaque.dialect = b->raw_dialect;
		break;
	default:
		return;
	}
	/* Reasoning without a word begins with its signature. */
	if (b->kind != EVENT_REASONING || e.text.len > 0)
		on_event(x, &e);
	if (b->kind != EVENT_TEXT && b->state.len > 0)
		on_event(x, &signature);
	if (b->kind == EVENT_TOOL_BEGIN) {
		on_event(x, &(struct event){ .kind = EVENT_TOOL_ARGUMENTS, .block = b->number,
					     .text = buf_slice(&b->text) });
		if (b->ended)
			on_event(x, &(struct event){ .kind = EVENT_TOOL_END, .block = b->number });
	}
	for (unsigned i = 0; i < b->citation_count; i++)
		on_event(x, &(struct event){ .kind = EVENT_CITATION, .block = b->number, .citation = b->citations[i] });
	if (b->logprob_count > 0)
		on_event(x, &(struct event){ .kind = EVENT_LOGPROBS, .block = b->number,
					     .logprobs = { b->logprobs, b->logprob_count, b->kind == EVENT_REFUSAL } });
}

bool responses_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out)
{
	const struct answer_choice *c = answer->choice_count > 0 ? &answer->choices[0] : NULL;
	struct stream x = { .w = w, .s = responses_state(w), .out = out };
	struct event start = { .kind = EVENT_START,
			       .start = { answer->id, answer->model, answer->service_tier, answer->created_s } };

	x.s->silent = true;
	on_event(&x, &start);
	for (const struct answer_block *b = c ? c->blocks : NULL; b; b = b->next)
		hear_block(&x, b);
	x.s->reason = c && c->stopped ? c->reason : STOP_END;
	finish(&x);
	json_writer_init(&x.j, out);
	responses_write_response(&x.j, w, true);
	return !x.failed && !x.j.overflow;
}

void responses_write_count(int64_t tokens, bool estimated, struct buf *out)
{
	struct json_writer j;

	json_writer_init(&j, out);
	json_begin_object(&j);
	json_member_cstr(&j, "object", "response.input_tokens");
	json_member_int(&j, "input_tokens", tokens);
	json_end_object(&j);
}
