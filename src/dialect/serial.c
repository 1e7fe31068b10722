/* SPDX-License-Identifier: Apache-2.0 */
/* Events that wait for their block's turn. */
#include "dialect/serial.h"

struct serial_block {
	struct serial_block *next;
	unsigned block;
	struct serial_event *events, *last;
};

static struct slice hold_text(struct serial *s, struct event_writer *w, struct slice text)
{
	s->held += text.len;
	return arena_dup(w->arena, text);
}

static void hold_texts(struct serial *s, struct event_writer *w, struct event *e)
{
	switch (e->kind) {
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL: case EVENT_TOOL_ARGUMENTS:
		e->text = hold_text(s, w, e->text);
		break;
	case EVENT_SIGNATURE:
		e->signature.payload = hold_text(s, w, e->signature.payload);
		e->signature.item_id = hold_text(s, w, e->signature.item_id);
		break;
	case EVENT_TOOL_BEGIN:
		e->tool.id = hold_text(s, w, e->tool.id);
		e->tool.name = hold_text(s, w, e->tool.name);
		e->tool.item_id = hold_text(s, w, e->tool.item_id);
		break;
	case EVENT_CITATION:
		e->citation.url = hold_text(s, w, e->citation.url);
		e->citation.title = hold_text(s, w, e->citation.title);
		e->citation.quote = hold_text(s, w, e->citation.quote);
		e->citation.raw = hold_text(s, w, e->citation.raw);
		break;
	case EVENT_MEDIA:
		e->media.mime = hold_text(s, w, e->media.mime);
		e->media.value = hold_text(s, w, e->media.value);
		e->media.name = hold_text(s, w, e->media.name);
		e->media.id = hold_text(s, w, e->media.id);
		e->media.transcript = hold_text(s, w, e->media.transcript);
		break;
	case EVENT_OPAQUE:
		e->opaque.raw = hold_text(s, w, e->opaque.raw);
		break;
	case EVENT_START: case EVENT_TOOL_END: case EVENT_LOGPROBS: case EVENT_STOP:
		break;
	}
}

/* NULL: too many. */
static struct serial_block *block_of(struct serial *s, struct event_writer *w, unsigned block)
{
	struct serial_block *b = s->last && s->last->block == block ? s->last : s->blocks;

	while (b && b->block != block)
		b = b->next;
	if (b)
		return b;
	if (++s->count > SERIAL_BLOCKS_MAX)
		return NULL;
	b = arena_new(w->arena, struct serial_block);
	b->block = block;
	if (s->last)
		s->last->next = b;
	else
		s->blocks = b;
	s->last = b;
	return b;
}

/* A call's state goes right behind its begin, where it can still be written. */
static void add(struct serial_block *b, struct serial_event *item)
{
	struct serial_event *first = b->events;

	if (item->event.kind == EVENT_SIGNATURE && first && first->event.kind == EVENT_TOOL_BEGIN) {
		item->next = first->next;
		first->next = item;
		if (b->last == first)
			b->last = item;
		return;
	}
	if (b->last)
		b->last->next = item;
	else
		b->events = item;
	b->last = item;
}

bool serial_hold(struct serial *s, struct event_writer *w, const struct event *e)
{
	struct serial_block *b;
	struct serial_event *item;

	if (e->kind == EVENT_LOGPROBS)
		return true;
	b = block_of(s, w, e->block);
	if (!b)
		return false;
	item = arena_new(w->arena, struct serial_event);
	item->event = *e;
	hold_texts(s, w, &item->event);
	s->held += sizeof(*item);
	add(b, item);
	return s->held <= w->limit;
}

/* Takes off the block that has waited longest; its events. */
static const struct serial_event *take_next(struct serial *s)
{
	struct serial_block *b = s->blocks;

	if (!b)
		return NULL;
	s->blocks = b->next;
	s->count--;
	if (!s->blocks) {
		s->last = NULL;
		s->held = 0;
	}
	return b->events;
}

bool serial_release(struct serial *s, struct event_writer *w, struct buf *out,
		    bool (*is_open)(const struct event_writer *w),
		    bool (*apply)(struct event_writer *w, const struct event *e, struct buf *out))
{
	const struct serial_event *item;

	while (!is_open(w) && (item = take_next(s)))
		for (; item; item = item->next)
			if (!apply(w, &item->event, out))
				return false;
	return true;
}
