/* SPDX-License-Identifier: Apache-2.0 */
/* What of an answer has been delivered, and what is new in the same answer when it comes again. Two numberings of
 * blocks meet here: a `channel` is a block as it was delivered, a `block` is one of the attempt that runs now. */
#include "llm/replay.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/utf8.h"

/* Texts are compared by length and FNV-1a: it goes on byte by byte, wherever the pieces are cut. */
static const uint64_t fnv_offset = 0xcbf29ce484222325u, fnv_prime = 0x100000001b3u;

struct track {
	uint64_t length, hash;
};

/* How far a block is told, or repeated. */
struct progress {
	struct track text, transcript; /* `text`: also arguments, and the data of media */
	unsigned signatures, citations, logprobs, parts;
};

struct channel {
	struct channel *next;
	enum event_kind kind;          /* of the block, as in the fold */
	unsigned number;               /* as it was delivered */
	bool custom, closed;           /* nothing more may be delivered */
	bool begun;                    /* in this attempt; or it will not come any more and need not */
	bool done;                     /* all that was delivered before this attempt has been repeated */
	uint64_t name;                 /* hash of the tool's */
	struct progress told, repeated;
};

/* A block of the attempt that runs. */
struct block {
	struct block *next;
	enum event_kind kind;
	unsigned number;               /* as this attempt has it */
	bool pending;                  /* no text yet: it is not known which channel it is */
	int64_t shift;                 /* characters before the continuation's first */
	struct channel *channel;       /* NULL: swallowed */
};

struct choice {
	struct channel *channels, *last_channel;
	struct channel *open;          /* not a tool call's; the one that another block's event closes */
	unsigned next_number;
	bool stopped;
	unsigned missing, missing_tools; /* channels that are not done */
	struct block *blocks, *last_block;
	struct block *open_block;
};

struct replay {
	struct arena arena;            /* channels */
	struct arena attempt;          /* blocks */
	struct choice choices[CHOICES_MAX];
	unsigned channel_count, block_count;
	bool started, overflow, continues;
	bool plain, keeps;
	struct buf text;               /* delivered, while it is all that was */
};

enum verdict { DIVERGED, SWALLOWED, PASSED };

static const char too_many[] = "it has more blocks than can be followed";
static const char other_text[] = "it says something else";
static const char too_short[] = "a part of it ends before what was delivered of it";
static const char too_long[] = "a part of it goes on where the delivered one had ended";
static const char other_order[] = "another part comes before what was delivered";
static const char other_kind[] = "a part of it is of another kind";

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

static enum event_kind block_kind(const struct event *e)
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

/* What belongs to a block without going on with it. */
static bool is_about_block(const struct event *e)
{
	return e->kind == EVENT_SIGNATURE || e->kind == EVENT_CITATION || e->kind == EVENT_LOGPROBS;
}

static bool is_open_ended(enum event_kind block)
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

/* NULL: too many. */
static struct channel *channel_add(struct replay *r, struct choice *c, enum event_kind kind, unsigned number)
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

static void track_add(struct track *t, struct slice text)
{
	uint64_t hash = t->hash;

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.ptr[i]) * fnv_prime;
	t->hash = hash;
	t->length += text.len;
}

static void progress_add(struct progress *p, const struct event *e)
{
	switch (e->kind) {
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL: case EVENT_TOOL_ARGUMENTS:
		track_add(&p->text, e->text);
		break;
	case EVENT_MEDIA:
		track_add(&p->text, e->media.value);
		track_add(&p->transcript, e->media.transcript);
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

/* The event is delivered, of this channel. */
static void tell(struct replay *r, struct choice *c, struct channel *t, bool is_new, const struct event *e)
{
	keep_text(r, e);
	if (c->open && c->open != t && (is_new || !is_about_block(e))) {
		c->open->closed = true;
		c->open = NULL;
	}
	if (is_open_ended(t->kind) && !t->closed)
		c->open = t;
	if (e->kind == EVENT_TOOL_BEGIN) {
		t->name = hash_bytes(e->tool.name);
		t->custom = e->tool.custom;
	}
	progress_add(&t->told, e);
	/* A signature is of all of its text; what is no data came whole. */
	if (e->kind == EVENT_TOOL_END || (e->kind == EVENT_MEDIA && e->media.source != MEDIA_DATA) ||
	    (e->kind == EVENT_SIGNATURE && t->kind == EVENT_REASONING && t->told.text.length > 0))
		t->closed = true;
}

static void tell_stop(struct replay *r, struct choice *c, const struct event *e)
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
		tell_stop(r, c, e);
		return true;
	}
	t = channel_find(c, e->block);
	is_new = t == NULL;
	if (is_new)
		t = channel_add(r, c, block_kind(e), e->block);
	if (!t)
		return false;
	tell(r, c, t, is_new, e);
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

static void note_repeated(struct choice *c, struct channel *t)
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
		note_repeated(c, t);
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
	b->kind = block_kind(e);
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
	note_repeated(c, t);
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
	t = channel_add(r, c, b->kind, c->next_number);
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

/* A continuation's first text goes on with the delivered one; thoughts before it can not be told any more. */
static bool map_continued(struct replay *r, struct choice *c, struct block *b)
{
	if (!r->continues || c != &r->choices[0])
		return false;
	if (b->kind == EVENT_REASONING)
		return block_swallow(b) == SWALLOWED;
	r->continues = false;
	if (b->kind != EVENT_TEXT)
		return false;
	block_is(c, b, c->open);
	b->shift = (int64_t)utf8_count(buf_slice(&r->text).ptr, buf_slice(&r->text).len);
	return true;
}

/* PASSED: the block is new; SWALLOWED: it is that of a channel, of none, or not known yet. */
static enum verdict map_block(struct replay *r, struct choice *c, struct block *b, const struct event *e,
			      const char **reterr)
{
	struct channel *t;

	if (map_continued(r, c, b))
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

	track_add(repeated, slice_of(text->ptr, cut));
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

	if (next && !is_new && is_about_block(e))
		return true;
	if (ended != next)
		c->open_block = NULL;
	if (next && is_open_ended(next->kind))
		c->open_block = next;
	return !ended || ended == next || !ended->channel || ended->channel->done;
}

static enum verdict filter_stop(struct replay *r, struct choice *c, const struct event *e, const char **reterr)
{
	if (!end_block(c, NULL, false, e) || c->missing > 0) {
		*reterr = "it ended before what was delivered";
		return DIVERGED;
	}
	tell_stop(r, c, e);
	return PASSED;
}

static enum verdict pass(struct replay *r, struct choice *c, struct block *b, bool is_new, struct event *e,
			 const char **reterr)
{
	struct channel *t = b->channel;

	if (!is_about_block(e) && !may_go_on(c, t->kind)) {
		*reterr = other_order;
		return DIVERGED;
	}
	e->block = t->number;
	if (e->kind == EVENT_CITATION && e->citation.start >= 0)
		e->citation.start += b->shift;
	if (e->kind == EVENT_CITATION && e->citation.end >= 0)
		e->citation.end += b->shift;
	progress_add(&t->repeated, e);
	tell(r, c, t, is_new, e);
	return PASSED;
}

static enum verdict filter_block(struct replay *r, struct choice *c, struct event *e, const char **reterr)
{
	unsigned count = r->block_count;
	struct block *b = block_at(r, c, e);
	enum verdict v = SWALLOWED;

	*reterr = !b ? too_many : !end_block(c, b, r->block_count > count, e) ? too_short :
		  !is_about_block(e) && b->kind != block_kind(e) ? other_kind : NULL;
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
	note_repeated(c, b->channel);
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
