/* SPDX-License-Identifier: Apache-2.0 */
/* What of an answer has been delivered, block by block, and how much of it a new attempt has yet to repeat. */
#include "llm/replay_internal.h"

#include "base/map.h"

/* Texts are compared by length and FNV-1a: it goes on byte by byte, wherever the pieces are cut. */
static const uint64_t fnv_offset = 0xcbf29ce484222325u, fnv_prime = 0x100000001b3u;

struct replay *replay_new(void)
{
	struct replay *r = xcalloc(1, sizeof(*r));

	arena_init(&r->arena);
	arena_init(&r->attempt);
	buf_init(&r->text, 0);
	r->plain = true;
	return r;
}

struct replay *replay_free(struct replay *r)
{
	if (!r)
		return NULL;
	arena_done(&r->arena);
	arena_done(&r->attempt);
	buf_done(&r->text);
	free(r);
	return NULL;
}

/* ---- what an event belongs to ---- */

enum event_kind replay_block_kind(const struct event *e)
{
	switch (e->kind) {
	case EVENT_SIGNATURE:
		return EVENT_REASONING;
	case EVENT_TOOL_ARGUMENTS: case EVENT_TOOL_END:
		return EVENT_TOOL_BEGIN;
	case EVENT_CITATION:
		return EVENT_TEXT;
	case EVENT_LOGPROBS:
		return e->logprobs.of_refusal ? EVENT_REFUSAL : EVENT_TEXT;
	case EVENT_START: case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL: case EVENT_TOOL_BEGIN:
	case EVENT_MEDIA: case EVENT_OPAQUE: case EVENT_STOP:
		break;
	}
	return e->kind;
}

bool replay_is_about_block(const struct event *e)
{
	return e->kind == EVENT_SIGNATURE || e->kind == EVENT_CITATION || e->kind == EVENT_LOGPROBS;
}

bool replay_is_open_ended(enum event_kind block)
{
	return block != EVENT_TOOL_BEGIN && block != EVENT_OPAQUE;
}

static struct channel *channel_find(const struct choice *c, unsigned number)
{
	struct channel *found = c->last_channel && c->last_channel->number == number ? c->last_channel : c->channels;

	while (found && found->number != number)
		found = found->next;
	return found;
}

struct channel *replay_channel(struct replay *r, struct choice *c, enum event_kind kind, unsigned number)
{
	struct channel *added;

	if (r->channel_count == REPLAY_CHANNELS_MAX || number >= BLOCKS_MAX) {
		r->overflow = true;
		return NULL;
	}
	r->channel_count++;
	added = arena_new(&r->arena, struct channel);
	added->kind = kind;
	added->number = number;
	added->told.text.hash = added->told.transcript.hash = fnv_offset;
	added->repeated = added->told;
	added->begun = added->done = true;
	if (c->last_channel)
		c->last_channel->next = added;
	else
		c->channels = added;
	c->last_channel = added;
	if (number >= c->next_number)
		c->next_number = number + 1;
	return added;
}

/* ---- what was delivered ---- */

void replay_track_add(struct track *t, struct slice text)
{
	uint64_t hash = t->hash;

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.ptr[i]) * fnv_prime;
	t->hash = hash;
	t->length += text.len;
}

void replay_progress_add(struct progress *p, const struct event *e)
{
	switch (e->kind) {
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL: case EVENT_TOOL_ARGUMENTS:
		replay_track_add(&p->text, e->text);
		break;
	case EVENT_MEDIA:
		replay_track_add(&p->text, e->media.value);
		replay_track_add(&p->transcript, e->media.transcript);
		break;
	case EVENT_SIGNATURE:
		p->signatures++;
		break;
	case EVENT_CITATION:
		p->citations++;
		break;
	case EVENT_LOGPROBS:
		p->logprobs += e->logprobs.count;
		break;
	case EVENT_OPAQUE:
		p->parts++;
		break;
	case EVENT_START: case EVENT_TOOL_BEGIN: case EVENT_TOOL_END: case EVENT_STOP:
		break;
	}
}

static void keep_text(struct replay *r, const struct event *e)
{
	if (!r->plain)
		return;
	if (e->choice == 0 && e->kind == EVENT_TEXT && (!r->keeps || buf_append_slice(&r->text, e->text)))
		return;
	r->plain = false;
	buf_done(&r->text);
	buf_clear(&r->text);
}

void replay_tell(struct replay *r, struct choice *c, struct channel *t, bool is_new, const struct event *e)
{
	keep_text(r, e);
	if (c->open && c->open != t && (is_new || !replay_is_about_block(e))) {
		c->open->closed = true;
		c->open = NULL;
	}
	if (replay_is_open_ended(t->kind) && !t->closed)
		c->open = t;
	if (e->kind == EVENT_TOOL_BEGIN) {
		t->name = hash_bytes(e->tool.name);
		t->custom = e->tool.custom;
	}
	replay_progress_add(&t->told, e);
	/* A signature is of all of its text; what is no data came whole. */
	if (e->kind == EVENT_TOOL_END || (e->kind == EVENT_MEDIA && e->media.source != MEDIA_DATA) ||
	    (e->kind == EVENT_SIGNATURE && t->kind == EVENT_REASONING && t->told.text.length > 0))
		t->closed = true;
}

void replay_tell_stop(struct replay *r, struct choice *c, const struct event *e)
{
	keep_text(r, e);
	c->stopped = true;
	c->missing = c->missing_tools = 0;
}

bool replay_note(struct replay *r, const struct event *e)
{
	struct choice *c;
	struct channel *t;
	bool is_new;

	if (e->kind == EVENT_START)
		r->started = true;
	if (e->choice >= CHOICES_MAX)
		r->overflow = true;
	if (r->overflow || e->kind == EVENT_START)
		return !r->overflow;
	c = &r->choices[e->choice];
	if (e->kind == EVENT_STOP) {
		replay_tell_stop(r, c, e);
		return true;
	}
	t = channel_find(c, e->block);
	is_new = t == NULL;
	if (is_new)
		t = replay_channel(r, c, replay_block_kind(e), e->block);
	if (!t)
		return false;
	replay_tell(r, c, t, is_new, e);
	return true;
}

/* ---- a new attempt ---- */

/* What was delivered closed of reasoning stands, whatever is thought now. */
static bool is_repeated(const struct channel *t)
{
	if (t->kind == EVENT_REASONING && t->closed)
		return true;
	if (t->kind != EVENT_TEXT && t->kind != EVENT_REASONING && t->kind != EVENT_REFUSAL && !t->begun)
		return false;
	if (t->kind == EVENT_OPAQUE)
		return t->repeated.parts >= t->told.parts;
	return (t->kind == EVENT_MEDIA && t->closed) ||
	       (t->repeated.text.length == t->told.text.length &&
		t->repeated.transcript.length == t->told.transcript.length);
}

void replay_note_repeated(struct choice *c, struct channel *t)
{
	if (t->done || !is_repeated(t))
		return;
	t->done = true;
	c->missing--;
	if (t->kind == EVENT_TOOL_BEGIN)
		c->missing_tools--;
}

static void choice_again(struct choice *c)
{
	c->blocks = c->last_block = c->open_block = NULL;
	c->missing = c->missing_tools = 0;
	for (struct channel *t = c->channels; t && !c->stopped; t = t->next) {
		t->begun = t->done = false;
		t->repeated = (struct progress){ .text.hash = fnv_offset, .transcript.hash = fnv_offset };
		c->missing++;
		if (t->kind == EVENT_TOOL_BEGIN)
			c->missing_tools++;
		replay_note_repeated(c, t);
	}
}

void replay_again(struct replay *r)
{
	for (unsigned i = 0; i < CHOICES_MAX; i++)
		choice_again(&r->choices[i]);
	arena_reset(&r->attempt);
	r->block_count = 0;
	r->continues = false;
}

void replay_continue(struct replay *r)
{
	replay_again(r);
	for (unsigned i = 0; i < CHOICES_MAX; i++) {
		for (struct channel *t = r->choices[i].channels; t; t = t->next) {
			t->begun = t->done = true;
			t->repeated = t->told;
		}
		r->choices[i].missing = r->choices[i].missing_tools = 0;
	}
	r->continues = r->choices[0].open && r->choices[0].open->kind == EVENT_TEXT;
}

bool replay_has_caught_up(const struct replay *r)
{
	for (unsigned i = 0; i < CHOICES_MAX; i++)
		if (r->choices[i].missing > 0)
			return false;
	return true;
}

/* ---- for a continuation ---- */

void replay_keep_text(struct replay *r, size_t limit)
{
	for (unsigned i = 0; i < CHOICES_MAX; i++)
		r->plain = r->plain && !r->choices[i].channels;
	r->keeps = true;
	buf_done(&r->text);
	buf_init(&r->text, limit);
}

bool replay_is_plain_text(const struct replay *r, struct slice *ret_text)
{
	*ret_text = r->plain && r->keeps ? buf_slice(&r->text) : (struct slice){ 0 };
	return r->plain;
}
