/* SPDX-License-Identifier: Apache-2.0 */
/* What is new in an answer that comes again: which delivered block each of its blocks is, and what of its events is
 * left when what was delivered is cut off. */
#include "llm/replay_internal.h"

#include "base/map.h"
#include "base/utf8.h"

enum verdict { DIVERGED, SWALLOWED, PASSED };

static const char too_many[] = "it has more blocks than can be followed";
static const char other_text[] = "it says something else";
static const char too_short[] = "a part of it ends before what was delivered of it";
static const char too_long[] = "a part of it goes on where the delivered one had ended";
static const char other_order[] = "another part comes before what was delivered";
static const char other_kind[] = "a part of it is of another kind";

/* May more be told in this kind of block? Only calls overlap each other. */
static bool may_go_on(const struct choice *c, enum event_kind block)
{
	return c->missing == 0 || (block == EVENT_TOOL_BEGIN && c->missing == c->missing_tools);
}

/* ---- which delivered block a new one is ---- */

static struct block *block_at(struct replay *r, struct choice *c, const struct event *e)
{
	struct block *b = c->last_block && c->last_block->number == e->block ? c->last_block : c->blocks;

	while (b && b->number != e->block)
		b = b->next;
	if (b || r->block_count == REPLAY_CHANNELS_MAX)
		return b;
	r->block_count++;
	b = arena_new(&r->attempt, struct block);
	b->number = e->block;
	b->kind = replay_block_kind(e);
	b->pending = true;
	if (c->last_block)
		c->last_block->next = b;
	else
		c->blocks = b;
	c->last_block = b;
	return b;
}

/* The next of its kind that this attempt has not come to. */
static struct channel *channel_next(const struct choice *c, enum event_kind kind)
{
	struct channel *t = c->channels;

	while (t && (t->kind != kind || t->begun))
		t = t->next;
	return t;
}

static void block_is(struct choice *c, struct block *b, struct channel *t)
{
	b->channel = t;
	b->pending = false;
	t->begun = true;
	replay_note_repeated(c, t);
	/* Reasoning that was delivered before it and was not repeated until now: later reasoning is not that. */
	for (struct channel *before = c->channels; before != t && t->kind != EVENT_REASONING; before = before->next)
		if (before->kind == EVENT_REASONING && before->closed)
			before->begun = true;
}

static enum verdict block_swallow(struct block *b)
{
	b->pending = false;
	return SWALLOWED;
}

/* A block that was not delivered. */
static enum verdict begin_block(struct replay *r, struct choice *c, struct block *b, const char **reterr)
{
	struct channel *t;

	if (!may_go_on(c, b->kind)) {
		*reterr = other_order;
		return DIVERGED;
	}
	t = replay_channel(r, c, b->kind, c->next_number);
	if (!t) {
		*reterr = too_many;
		return DIVERGED;
	}
	block_is(c, b, t);
	return PASSED;
}

static enum verdict map_text(struct replay *r, struct choice *c, struct block *b, const struct event *e,
			     const char **reterr)
{
	bool is_empty = e->kind == b->kind && e->text.len == 0;
	struct channel *t = channel_next(c, b->kind);

	/* Nobody needs to repeat an empty block. */
	while (!is_empty && t && t->closed && t->told.text.length == 0) {
		t->begun = true;
		t = channel_next(c, b->kind);
	}
	if (is_empty && (t ? t->told.text.length > 0 : !may_go_on(c, b->kind)))
		return SWALLOWED;
	if (!t)
		return begin_block(r, c, b, reterr);
	block_is(c, b, t);
	return SWALLOWED;
}

static enum verdict map_reasoning(struct replay *r, struct choice *c, struct block *b, const char **reterr)
{
	struct channel *t = channel_next(c, EVENT_REASONING);
	unsigned others = c->missing - (t && !t->done ? 1 : 0);

	if (others > 0 && !(t && t->closed))
		return block_swallow(b);
	if (!t)
		return begin_block(r, c, b, reterr);
	block_is(c, b, t);
	return SWALLOWED;
}

static enum verdict map_tool(struct replay *r, struct choice *c, struct block *b, const struct event *e,
			     const char **reterr)
{
	struct channel *t = channel_next(c, EVENT_TOOL_BEGIN);

	if (e->kind != EVENT_TOOL_BEGIN) {
		*reterr = "it has arguments of no call";
		return DIVERGED;
	}
	if (!t)
		return begin_block(r, c, b, reterr);
	if (t->name != hash_bytes(e->tool.name) || t->custom != e->tool.custom) {
		*reterr = "it calls another tool";
		return DIVERGED;
	}
	block_is(c, b, t);
	return SWALLOWED;
}

/* A prefill may have had to be sent without the white space at its end: the model says that again. Returns how much. */
static size_t cut_white_space(struct slice delivered, struct slice *text)
{
	size_t at = delivered.len, cut = 0;

	while (at > 0 && memchr(" \t\r\n", delivered.ptr[at - 1], 4))
		at--;
	while (at + cut < delivered.len && cut < text->len && delivered.ptr[at + cut] == text->ptr[cut])
		cut++;
	*text = slice_after(*text, cut);
	return cut;
}

/* A continuation's first text goes on with the delivered one; thoughts before it can not be told any more. */
static bool map_continued(struct replay *r, struct choice *c, struct block *b, struct event *e)
{
	struct slice text = buf_slice(&r->text);

	if (!r->continues || c != &r->choices[0])
		return false;
	if (b->kind == EVENT_REASONING)
		return block_swallow(b) == SWALLOWED;
	r->continues = false;
	if (b->kind != EVENT_TEXT)
		return false;
	block_is(c, b, c->open);
	if (text.len > c->open->told.text.length)
		text = slice_after(text, text.len - (size_t)c->open->told.text.length);
	b->shift = (int64_t)utf8_count(text.ptr, text.len);
	if (e->kind == EVENT_TEXT)
		b->shift -= (int64_t)cut_white_space(text, &e->text);
	return true;
}

/* PASSED: the block is new; SWALLOWED: it is that of a channel, of none, or not known yet. */
static enum verdict map_block(struct replay *r, struct choice *c, struct block *b, struct event *e,
			      const char **reterr)
{
	struct channel *t;

	if (map_continued(r, c, b, e))
		return SWALLOWED;
	switch (b->kind) {
	case EVENT_TEXT: case EVENT_REFUSAL:
		return map_text(r, c, b, e, reterr);
	case EVENT_REASONING:
		return map_reasoning(r, c, b, reterr);
	case EVENT_TOOL_BEGIN:
		return map_tool(r, c, b, e, reterr);
	default:
		t = channel_next(c, b->kind);
		if (!t)
			return begin_block(r, c, b, reterr);
		block_is(c, b, t);
		return SWALLOWED;
	}
}

/* ---- what of an event is new ---- */

/* Cuts off what was delivered. False: it is something else. */
static bool repeat(const struct track *told, struct track *repeated, struct slice *text)
{
	uint64_t left = told->length - repeated->length;
	size_t cut = left < text->len ? (size_t)left : text->len;

	replay_track_add(repeated, slice_of(text->ptr, cut));
	*text = slice_after(*text, cut);
	return repeated->length < told->length || repeated->hash == told->hash;
}

static enum verdict cut_text(struct channel *t, struct event *e, const char **reterr)
{
	if (t->kind == EVENT_REASONING && t->closed)
		return SWALLOWED;
	if (!repeat(&t->told.text, &t->repeated.text, &e->text)) {
		*reterr = other_text;
		return DIVERGED;
	}
	if (e->text.len == 0)
		return SWALLOWED;
	*reterr = too_long;
	return t->closed ? DIVERGED : PASSED;
}

/* Two pictures of the same words are never the same bytes: one that was delivered whole stands. */
static enum verdict cut_media(struct channel *t, struct event *e, const char **reterr)
{
	if (t->closed)
		return SWALLOWED;
	if ((e->media.source != MEDIA_DATA && t->told.text.length > 0) ||
	    !repeat(&t->told.text, &t->repeated.text, &e->media.value) ||
	    !repeat(&t->told.transcript, &t->repeated.transcript, &e->media.transcript)) {
		*reterr = other_text;
		return DIVERGED;
	}
	return e->media.value.len > 0 || e->media.transcript.len > 0 ? PASSED : SWALLOWED;
}

static enum verdict cut_count(unsigned told, unsigned *repeated, bool closed)
{
	if (*repeated >= told)
		return closed ? SWALLOWED : PASSED;
	++*repeated;
	return SWALLOWED;
}

static enum verdict cut_logprobs(struct channel *t, struct event *e)
{
	unsigned left = t->told.logprobs - t->repeated.logprobs;
	unsigned cut = left < e->logprobs.count ? left : e->logprobs.count;

	t->repeated.logprobs += cut;
	if (cut > 0)
		e->logprobs.items += cut;
	e->logprobs.count -= cut;
	return e->logprobs.count == 0 || t->closed ? SWALLOWED : PASSED;
}

/* Of a channel that was delivered before this attempt, or is known to it. */
static enum verdict cut(const struct choice *c, struct channel *t, struct event *e, const char **reterr)
{
	switch (e->kind) {
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL: case EVENT_TOOL_ARGUMENTS:
		return cut_text(t, e, reterr);
	case EVENT_MEDIA:
		return cut_media(t, e, reterr);
	case EVENT_TOOL_END:
		*reterr = too_short;
		return !t->done ? DIVERGED : t->closed ? SWALLOWED : PASSED;
	case EVENT_SIGNATURE:
		return cut_count(t->told.signatures, &t->repeated.signatures,
				 t->closed && (t->kind != EVENT_TOOL_BEGIN || t != c->last_channel));
	case EVENT_CITATION:
		return cut_count(t->told.citations, &t->repeated.citations, t->closed);
	case EVENT_LOGPROBS:
		return cut_logprobs(t, e);
	case EVENT_OPAQUE:
		return cut_count(t->told.parts, &t->repeated.parts, t != c->last_channel);
	case EVENT_START: case EVENT_TOOL_BEGIN: case EVENT_STOP:
		break;
	}
	return SWALLOWED;
}

/* The attempt's open block ends where another one's event comes. False: there should be more of it. */
static bool end_block(struct choice *c, struct block *next, bool is_new, const struct event *e)
{
	struct block *ended = c->open_block;

	if (next && !is_new && replay_is_about_block(e))
		return true;
	if (ended != next)
		c->open_block = NULL;
	if (next && replay_is_open_ended(next->kind))
		c->open_block = next;
	return !ended || ended == next || !ended->channel || ended->channel->done;
}

static enum verdict filter_stop(struct replay *r, struct choice *c, const struct event *e, const char **reterr)
{
	if (!end_block(c, NULL, false, e) || c->missing > 0) {
		*reterr = "it ended before what was delivered";
		return DIVERGED;
	}
	replay_tell_stop(r, c, e);
	return PASSED;
}

static enum verdict pass(struct replay *r, struct choice *c, struct block *b, bool is_new, struct event *e,
			 const char **reterr)
{
	struct channel *t = b->channel;

	if (!replay_is_about_block(e) && !may_go_on(c, t->kind)) {
		*reterr = other_order;
		return DIVERGED;
	}
	e->block = t->number;
	if (e->kind == EVENT_CITATION && e->citation.start >= 0)
		e->citation.start += b->shift;
	if (e->kind == EVENT_CITATION && e->citation.end >= 0)
		e->citation.end += b->shift;
	replay_progress_add(&t->repeated, e);
	replay_tell(r, c, t, is_new, e);
	return PASSED;
}

static enum verdict filter_block(struct replay *r, struct choice *c, struct event *e, const char **reterr)
{
	unsigned count = r->block_count;
	struct block *b = block_at(r, c, e);
	enum verdict v = SWALLOWED;

	*reterr = !b ? too_many : !end_block(c, b, r->block_count > count, e) ? too_short :
		  !replay_is_about_block(e) && b->kind != replay_block_kind(e) ? other_kind : NULL;
	if (*reterr)
		return DIVERGED;
	if (b->pending)
		v = map_block(r, c, b, e, reterr);
	if (v == PASSED)
		return pass(r, c, b, true, e, reterr);
	if (v == DIVERGED || !b->channel)
		return v;
	v = cut(c, b->channel, e, reterr);
	if (v == DIVERGED)
		return v;
	replay_note_repeated(c, b->channel);
	return v == PASSED ? pass(r, c, b, false, e, reterr) : v;
}

bool replay_filter(struct replay *r, struct event *e, bool *ret_swallowed, const char **reterr)
{
	struct choice *c = e->choice < CHOICES_MAX ? &r->choices[e->choice] : NULL;
	enum verdict v = SWALLOWED;

	if (e->kind == EVENT_START) {
		v = r->started ? SWALLOWED : PASSED;
		r->started = true;
	} else if (r->overflow || !c) {
		*reterr = too_many;
		v = DIVERGED;
	} else if (!c->stopped) {
		v = e->kind == EVENT_STOP ? filter_stop(r, c, e, reterr) : filter_block(r, c, e, reterr);
	}
	*ret_swallowed = v != PASSED;
	if (v != DIVERGED)
		*reterr = NULL;
	return v != DIVERGED;
}
