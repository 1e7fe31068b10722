/* SPDX-License-Identifier: Apache-2.0 */
/* The fold: events gathered into one whole answer. */
#include "llm/answer.h"

void answer_init(struct answer *r, struct arena *a, size_t limit)
{
	*r = (struct answer){ .arena = a, .room = limit };
}

void answer_done(struct answer *r)
{
	for (unsigned i = 0; i < r->choice_count; i++)
		for (struct answer_block *b = r->choices[i].blocks; b; b = b->next)
			buf_done(&b->text);
	*r = (struct answer){ 0 };
}

struct answer_block *answer_find(struct answer_choice *c, unsigned block)
{
	struct answer_block *b = c->last && c->last->number == block ? c->last : c->blocks;

	while (b && b->number != block)
		b = b->next;
	return b;
}

static struct answer_choice *choice_at(struct answer *r, unsigned number)
{
	if (number >= r->choice_count) {
		struct answer_choice *grown = arena_array(r->arena, struct answer_choice, number + 1);

		if (r->choice_count > 0)
			memcpy(grown, r->choices, r->choice_count * sizeof(*grown));
		r->choices = grown;
		r->choice_count = number + 1;
	}
	return &r->choices[number];
}

static struct answer_block *block_at(struct answer *r, struct answer_choice *c, unsigned number, enum event_kind kind)
{
	struct answer_block *b = answer_find(c, number);

	if (b)
		return b;
	b = arena_new(r->arena, struct answer_block);
	b->number = number;
	b->kind = kind;
	buf_init(&b->text, SIZE_MAX);
	if (c->last)
		c->last->next = b;
	else
		c->blocks = b;
	c->last = b;
	return b;
}

static bool takes(struct answer *r, size_t bytes)
{
	if (r->overflow || bytes > r->room) {
		r->overflow = true;
		return false;
	}
	r->room -= bytes;
	return true;
}

static void add_text(struct answer *r, struct answer_block *b, struct slice text)
{
	if (takes(r, text.len) && !buf_append_slice(&b->text, text))
		r->overflow = true;
}

static struct slice keep(struct answer *r, struct slice text)
{
	return text.len > 0 && takes(r, text.len) ? arena_dup(r->arena, text) : (struct slice){ 0 };
}

/* Grows by doubling where the count is a power of two. */
static void *room_for_one(struct arena *a, void *items, unsigned count, size_t size)
{
	char *grown;

	if (count > 0 && (count & (count - 1)) != 0)
		return items;
	grown = arena_zalloc(a, size * (count > 0 ? 2 * (size_t)count : 1));
	if (count > 0)
		memcpy(grown, items, size * count);
	return grown;
}

static void add_citation(struct answer *r, struct answer_block *b, const struct citation *c)
{
	struct citation *kept;

	if (!takes(r, sizeof(*c)))
		return;
	b->citations = room_for_one(r->arena, b->citations, b->citation_count, sizeof(*c));
	kept = &b->citations[b->citation_count++];
	*kept = *c;
	kept->url = keep(r, c->url);
	kept->title = keep(r, c->title);
	kept->quote = keep(r, c->quote);
	kept->raw = keep(r, c->raw);
}

static void add_logprobs(struct answer *r, struct answer_block *b, const struct logprob *items, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct logprob *kept;

		if (!takes(r, sizeof(*items) * (1 + items[i].top_count)))
			return;
		b->logprobs = room_for_one(r->arena, b->logprobs, b->logprob_count, sizeof(*items));
		kept = &b->logprobs[b->logprob_count++];
		*kept = items[i];
		kept->token = keep(r, items[i].token);
		kept->top = arena_array(r->arena, struct logprob, items[i].top_count + 1);
		for (unsigned t = 0; t < items[i].top_count; t++) {
			kept->top[t] = items[i].top[t];
			kept->top[t].token = keep(r, items[i].top[t].token);
			kept->top[t].top = NULL;
			kept->top[t].top_count = 0;
		}
	}
}

static void add_media(struct answer *r, struct answer_block *b, const struct media *m)
{
	if (b->media.mime.len == 0 && b->media.id.len == 0) {
		b->media = *m;
		b->media.value = m->source == MEDIA_DATA ? (struct slice){ 0 } : keep(r, m->value);
		b->media.mime = keep(r, m->mime);
		b->media.name = keep(r, m->name);
		b->media.id = keep(r, m->id);
		b->media.transcript = keep(r, m->transcript);
	} else if (m->transcript.len > 0 && takes(r, m->transcript.len)) {
		b->media.transcript = arena_join(r->arena, b->media.transcript, m->transcript);
	}
	if (m->source == MEDIA_DATA)
		add_text(r, b, m->value);
}

static void add_start(struct answer *r, const struct event *e)
{
	r->id = keep(r, e->start.id);
	r->model = keep(r, e->start.model);
	r->service_tier = keep(r, e->start.service_tier);
	r->created_s = e->start.created_s;
}

static void add_stop(struct answer *r, struct answer_choice *c, const struct event *e)
{
	c->stopped = true;
	c->reason = e->stop.reason;
	c->stop_sequence = keep(r, e->stop.sequence);
	c->stop_word = keep(r, e->stop.word);
	c->stop_detail = keep(r, e->stop.detail);
}

static void add_to_block(struct answer *r, struct answer_choice *c, const struct event *e)
{
	static const enum event_kind begins[] = {
		[EVENT_TEXT] = EVENT_TEXT,
		[EVENT_REASONING] = EVENT_REASONING,
		[EVENT_SIGNATURE] = EVENT_REASONING,
		[EVENT_REFUSAL] = EVENT_REFUSAL,
		[EVENT_TOOL_BEGIN] = EVENT_TOOL_BEGIN,
		[EVENT_TOOL_ARGUMENTS] = EVENT_TOOL_BEGIN,
		[EVENT_TOOL_END] = EVENT_TOOL_BEGIN,
		[EVENT_MEDIA] = EVENT_MEDIA,
		[EVENT_CITATION] = EVENT_TEXT,
		[EVENT_LOGPROBS] = EVENT_TEXT,
		[EVENT_OPAQUE] = EVENT_OPAQUE,
	};
	struct answer_block *b = block_at(r, c, e->block, begins[e->kind]);

	switch (e->kind) {
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL: case EVENT_TOOL_ARGUMENTS:
		add_text(r, b, e->text);
		break;
	case EVENT_SIGNATURE:
		b->state = keep(r, e->signature.payload);
		b->redacted = e->signature.redacted;
		b->item_id = keep(r, e->signature.item_id);
		break;
	case EVENT_TOOL_BEGIN:
		b->id = keep(r, e->tool.id);
		b->name = keep(r, e->tool.name);
		b->item_id = keep(r, e->tool.item_id);
		b->custom = e->tool.custom;
		break;
	case EVENT_TOOL_END:
		b->ended = true;
		break;
	case EVENT_MEDIA:
		add_media(r, b, &e->media);
		break;
	case EVENT_CITATION:
		add_citation(r, b, &e->citation);
		break;
	case EVENT_LOGPROBS:
		add_logprobs(r, b, e->logprobs.items, e->logprobs.count);
		break;
	case EVENT_OPAQUE:
		b->raw = keep(r, e->opaque.raw);
		b->raw_dialect = e->opaque.dialect;
		break;
	case EVENT_START: case EVENT_STOP:
		break;
	}
}

void answer_add(struct answer *r, const struct event *e)
{
	if (e->kind == EVENT_START) {
		add_start(r, e);
		return;
	}

	struct answer_choice *c = choice_at(r, e->choice);

	if (e->kind == EVENT_STOP)
		add_stop(r, c, e);
	else
		add_to_block(r, c, e);
}
