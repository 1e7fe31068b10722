/* SPDX-License-Identifier: Apache-2.0 */
/* The wire events of a Responses stream, and what opens and closes its items and pieces of text (DIALECTS §5.3). */
#include "dialect/openai_responses/events_write_internal.h"

/* ---- wire events ---- */

/* False: nothing is to be written. What is begun here is one line of JSON in place. */
bool stream_open_event(struct stream *x, const char *type)
{
	if (x->s->silent || x->failed)
		return false;
	x->before = x->out->len;
	if (!buf_printf(x->out, "event: %s\ndata: ", type)) {
		x->failed = true;
		return false;
	}
	json_writer_init(&x->j, x->out);
	json_begin_object(&x->j);
	json_member_cstr(&x->j, "type", type);
	json_member_int(&x->j, "sequence_number", ++x->w->sequence);
	return true;
}

void stream_close_event(struct stream *x)
{
	json_end_object(&x->j);
	x->w->written++;
	if (x->j.overflow || !buf_append(x->out, "\n\n", 2)) {
		x->out->len = x->before;
		x->failed = true;
	}
}

bool stream_open_item_event(struct stream *x, const char *type, const struct responses_item *item)
{
	if (!stream_open_event(x, type))
		return false;
	json_member_string(&x->j, "item_id", item->id);
	json_member_int(&x->j, "output_index", item->index);
	return true;
}

static void write_item_event(struct stream *x, const char *type, const struct responses_item *item, bool begins)
{
	if (!stream_open_event(x, type))
		return;
	json_member_int(&x->j, "output_index", item->index);
	json_literal_key(&x->j, "item");
	responses_write_item(&x->j, item, begins);
	stream_close_event(x);
}

void stream_lone_event(struct stream *x, const char *type, const struct responses_item *item)
{
	if (stream_open_item_event(x, type, item))
		stream_close_event(x);
}

void stream_text_event(struct stream *x, const char *type, const struct responses_item *item, const char *member,
			     struct slice text)
{
	if (!stream_open_item_event(x, type, item))
		return;
	json_key(&x->j, slice_cstr(member));
	json_string(&x->j, text);
	stream_close_event(x);
}

/* ---- what is kept ---- */

static void append(struct responses_text *t, struct slice more, struct arena *a)
{
	if (t->len + more.len > t->capacity) {
		size_t capacity = 2 * t->capacity > t->len + more.len ? 2 * t->capacity : t->len + more.len + 64;
		char *grown = arena_alloc(a, capacity);

		if (t->len > 0)
			memcpy(grown, t->data, t->len);
		t->data = grown;
		t->capacity = capacity;
	}
	if (more.len > 0)
		memcpy(t->data + t->len, more.ptr, more.len);
	t->len += more.len;
}

/* False: over the writer's limit. A whole answer has been held to one already. */
bool stream_may_keep(struct stream *x, size_t len)
{
	if (!x->s->silent && len > x->w->limit - x->s->kept) {
		x->failed = true;
		return false;
	}
	x->s->kept += len;
	return true;
}

bool stream_keep(struct stream *x, struct responses_text *t, struct slice more)
{
	if (!stream_may_keep(x, more.len))
		return false;
	append(t, more, x->w->arena);
	return true;
}

/* One more value of a JSON list. */
bool stream_keep_value(struct stream *x, struct responses_text *list, struct slice json)
{
	return (list->len == 0 || stream_keep(x, list, SLICE(","))) && stream_keep(x, list, json);
}

struct slice stream_copy(struct stream *x, struct slice text)
{
	return arena_dup(x->w->arena, text);
}

static struct slice id_or_made(struct stream *x, struct slice id, const char *prefix)
{
	char made[WRITER_ID_MAX];

	return stream_copy(x, id.len > 0 ? id : writer_make_id(x->w, prefix, made));
}

struct responses_item *stream_item_new(struct stream *x, enum responses_kind kind, unsigned block, struct slice id)
{
	static const char *const prefixes[] = {
		[RESPONSES_MESSAGE] = "msg_", [RESPONSES_REASONING] = "rs_", [RESPONSES_CALL] = "fc_",
		[RESPONSES_CUSTOM_CALL] = "ctc_", [RESPONSES_IMAGE] = "ig_", [RESPONSES_RAW] = "item_",
	};
	struct responses_item *item = arena_new(x->w->arena, struct responses_item);

	item->kind = kind;
	item->block = block;
	item->id = id_or_made(x, id, prefixes[kind]);
	return item;
}

void stream_item_open(struct stream *x, struct responses_item *item)
{
	struct responses_writing *s = x->s;

	item->index = s->item_count++;
	if (s->last)
		s->last->next = item;
	else
		s->items = item;
	s->last = item;
	write_item_event(x, "response.output_item.added", item, true);
}

/* ---- text and refusals ---- */

static bool open_piece_event(struct stream *x, const char *type, const struct responses_item *item,
			     const struct responses_piece *p)
{
	if (!stream_open_item_event(x, type, item))
		return false;
	json_member_int(&x->j, "content_index", p->index);
	return true;
}

void stream_part_event(struct stream *x, const char *type, const struct responses_item *item,
			     const struct responses_piece *p, bool begins)
{
	if (!open_piece_event(x, type, item, p))
		return;
	json_literal_key(&x->j, "part");
	responses_write_piece(&x->j, p, begins);
	stream_close_event(x);
}

void stream_delta(struct stream *x, const struct responses_item *item, const struct responses_piece *p,
			struct slice text, struct slice logprobs)
{
	if (!open_piece_event(x, p->refusal ? "response.refusal.delta" : "response.output_text.delta", item, p))
		return;
	json_member_string(&x->j, "delta", text);
	if (!p->refusal) {
		json_literal_key(&x->j, "logprobs");
		json_begin_array(&x->j);
		if (logprobs.len > 0)
			json_value_raw(&x->j, logprobs);
		json_end_array(&x->j);
	}
	stream_close_event(x);
}

/* Text that waited for its logprobs goes with them, or without when something else came. */
void stream_flush(struct stream *x, struct slice logprobs)
{
	struct responses_piece *p = x->s->open && x->s->waiting > 0 ? x->s->open->last_piece : NULL;
	size_t len = x->s->waiting;

	x->s->waiting = 0;
	if (p)
		stream_delta(x, x->s->open, p, slice_of(p->text.data + p->text.len - len, len), logprobs);
}

void stream_add_annotation(struct stream *x, const struct responses_item *item, struct responses_piece *p,
			   const struct citation *c)
{
	struct json_writer j;
	struct buf text;
	struct slice json;

	buf_init(&text, FRAME_MAX);
	json_writer_init(&j, &text);
	responses_write_citation(&j, c, p->characters);
	json = arena_dup(x->w->arena, json_one_line(buf_slice(&text), x->w->arena));
	buf_done(&text);
	if (j.overflow || !stream_keep_value(x, &p->annotations, json))
		return;
	if (!p->closed && open_piece_event(x, "response.output_text.annotation.added", item, p)) {
		json_member_int(&x->j, "annotation_index", p->annotation_count);
		json_literal_key(&x->j, "annotation");
		json_value_raw(&x->j, json);
		stream_close_event(x);
	}
	p->annotation_count++;
}

void stream_close_piece(struct stream *x, struct responses_item *item)
{
	struct responses_piece *p = item->last_piece;
	struct slice text;

	if (!p || p->closed)
		return;
	stream_flush(x, SLICE(""));
	for (unsigned i = 0; i < p->whole_count; i++)
		stream_add_annotation(x, item, p, &p->whole[i]);
	text = responses_text_slice(&p->text);
	if (open_piece_event(x, p->refusal ? "response.refusal.done" : "response.output_text.done", item, p)) {
		json_key(&x->j, p->refusal ? SLICE("refusal") : SLICE("text"));
		json_string(&x->j, text);
		if (!p->refusal) {
			json_literal_key(&x->j, "logprobs");
			json_begin_array(&x->j);
			if (p->logprobs.len > 0)
				json_value_raw(&x->j, responses_text_slice(&p->logprobs));
			json_end_array(&x->j);
		}
		stream_close_event(x);
	}
	stream_part_event(x, "response.content_part.done", item, p, false);
	p->closed = true;
}

/* ---- closing items ---- */

static void close_reasoning(struct stream *x, struct responses_item *item)
{
	if (item->text.len == 0)
		return;
	if (stream_open_item_event(x, "response.reasoning_summary_text.done", item)) {
		json_member_int(&x->j, "summary_index", 0);
		json_member_string(&x->j, "text", responses_text_slice(&item->text));
		stream_close_event(x);
	}
	if (stream_open_item_event(x, "response.reasoning_summary_part.done", item)) {
		json_member_int(&x->j, "summary_index", 0);
		json_literal_key(&x->j, "part");
		responses_write_summary(&x->j, responses_text_slice(&item->text));
		stream_close_event(x);
	}
}

/* The name is in the API description; recorded with and without. */
static void write_arguments_done(struct stream *x, const struct responses_item *item)
{
	if (!stream_open_item_event(x, "response.function_call_arguments.done", item))
		return;
	json_member_string(&x->j, "arguments", responses_text_slice(&item->text));
	json_member_string(&x->j, "name", item->name);
	stream_close_event(x);
}

void stream_close_item(struct stream *x, struct responses_item *item)
{
	if (item->closed)
		return;
	switch (item->kind) {
	case RESPONSES_MESSAGE:
		stream_close_piece(x, item);
		break;
	case RESPONSES_REASONING:
		close_reasoning(x, item);
		break;
	case RESPONSES_CALL:
		write_arguments_done(x, item);
		break;
	case RESPONSES_CUSTOM_CALL:
		stream_text_event(x, "response.custom_tool_call_input.done", item, "input", responses_text_slice(&item->text));
		break;
	case RESPONSES_IMAGE:
		stream_lone_event(x, "response.image_generation_call.completed", item);
		break;
	case RESPONSES_RAW:
		break;
	}
	item->closed = true;
	write_item_event(x, "response.output_item.done", item, false);
}

void stream_close_open(struct stream *x)
{
	if (x->s->open)
		stream_close_item(x, x->s->open);
	x->s->open = NULL;
}

/* A call that was begun enters the list now: nothing can come before it any more. */
void stream_open_call(struct stream *x)
{
	struct responses_item *call = x->s->begun_call;

	x->s->begun_call = NULL;
	if (call)
		stream_item_open(x, call);
}
