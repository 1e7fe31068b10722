/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may be told of what a provider said. */
#include "llm/answer.h"

#include "base/utf16.h"
#include "base/utf8.h"
#include "llm/state.h"

void answering_init(struct answering *s, struct slice provider, enum dialect_id dialect, const struct names *names,
		    uint64_t seed)
{
	*s = (struct answering){ .provider = provider, .dialect = dialect, .names = names, .seed = seed };
}

/* Providers that give calls no id (Ollama, older Gemini): unique within what a client may keep together. */
static struct slice make_call_id(struct answering *s, struct arena *a)
{
	uint64_t mixed = (s->seed + ++s->ids) * 0x9e3779b97f4a7c15u;

	return arena_printf(a, "call_%016llx%08llx", (unsigned long long)mixed,
			    (unsigned long long)(s->seed ^ mixed >> 7) & 0xffffffffu);
}

/* The call that stands for structured output becomes text; what of it is no text becomes an empty one. */
static bool is_answer(struct answering *s, struct event *e)
{
	unsigned *block = &s->choices[e->choice].answer_block;

	if (e->kind == EVENT_TOOL_BEGIN && *block == 0 && s->names && s->names->answer_tool.len > 0 &&
	    slice_eq(e->tool.name, s->names->answer_tool))
		*block = e->block + 1;
	if (*block != e->block + 1)
		return false;
	if (e->kind == EVENT_TOOL_BEGIN || e->kind == EVENT_TOOL_END)
		e->text = SLICE("");
	else if (e->kind != EVENT_TOOL_ARGUMENTS)
		return false;
	e->kind = EVENT_TEXT;
	return true;
}

/* A custom tool's call, which came as a function's: free text again. */
static void begin_custom(struct answering *s, struct event *e)
{
	for (unsigned i = 0; i < CUSTOMS_MAX && !e->tool.custom; i++) {
		if (s->customs[i].open)
			continue;
		s->customs[i].open = e->tool.custom = true;
		s->customs[i].choice = e->choice;
		s->customs[i].block = e->block;
		s->customs[i].input = (struct custom_input){ .place = INPUT_BEFORE };
	}
}

static void read_custom(struct answering *s, struct event *e, struct arena *a)
{
	for (unsigned i = 0; i < CUSTOMS_MAX; i++) {
		if (!s->customs[i].open || s->customs[i].choice != e->choice || s->customs[i].block != e->block)
			continue;
		if (e->kind == EVENT_TOOL_END)
			s->customs[i].open = false;
		else
			e->text = custom_input_read(&s->customs[i].input, e->text, a);
		return;
	}
}

/* A call without a name can be made by nobody, and no dialect's grammar knows one. */
static void judge_call(struct answering *s, const struct event *e)
{
	if (e->tool.name.len == 0)
		s->fault = "the provider's answer has a tool call without a name";
	else if (++s->calls > ANSWER_CALLS_MAX)
		s->fault = "the provider's answer has more than 1024 tool calls";
}

/* A bare null is what some write for no arguments (Python's None as JSON): clients want an object, and an empty text is
 * one everywhere. */
static void read_arguments(struct answering *s, struct event *e)
{
	unsigned *begun = &s->choices[e->choice].begun_block;

	if (*begun != e->block + 1 || e->text.len == 0)
		return;
	*begun = 0;
	if (slice_eq(slice_trim(e->text), SLICE("null")))
		e->text = SLICE("");
}

/* ---- characters that were cut in two ---- */

static bool is_text(const struct event *e)
{
	return e->kind == EVENT_TEXT || e->kind == EVENT_REASONING || e->kind == EVENT_REFUSAL ||
	       e->kind == EVENT_TOOL_ARGUMENTS;
}

/* The marked half in these three bytes, 0 = none. */
static unsigned half_at(struct slice text, size_t at)
{
	const unsigned char *p = (const unsigned char *)text.ptr + at;

	if (at + 3 > text.len || p[0] != 0xee || p[1] > 0x9f)
		return 0;
	return (0xe000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu)) - HALF_MARK;
}

static struct half *half_of(struct answering *s, const struct event *e)
{
	for (unsigned i = 0; i < HALVES_MAX; i++)
		if (s->halves[i].unit && s->halves[i].choice == e->choice && s->halves[i].block == e->block)
			return &s->halves[i];
	return NULL;
}

/* False: too many wait. */
static bool keep_half(struct answering *s, const struct event *e, unsigned unit)
{
	for (unsigned i = 0; i < HALVES_MAX; i++) {
		if (s->halves[i].unit)
			continue;
		s->halves[i] = (struct half){ .unit = unit, .kind = e->kind, .choice = e->choice, .block = e->block };
		s->half_count++;
		return true;
	}
	return false;
}

/* What the text before left is put in front; what this one leaves is kept. */
static void join_halves(struct answering *s, struct event *e, struct arena *a)
{
	struct half *before = s->half_count > 0 ? half_of(s, e) : NULL;
	unsigned high = before ? before->unit : 0, unit;
	struct slice text = e->text;
	char *copy, *at;

	if (text.len == 0 || (!before && !s->marked))
		return;
	if (before) {
		before->unit = 0;
		s->half_count--;
	}
	copy = at = arena_alloc(a, text.len + 3 * UTF8_BYTES_MAX);
	unit = s->marked ? half_at(text, 0) : 0;
	if (unit >= 0xdc00) {
		at = utf16_put(at, &high, unit);
		text = slice_after(text, 3);
	}
	at = utf16_drop(at, &high);
	unit = s->marked && text.len >= 3 ? half_at(text, text.len - 3) : 0;
	if (unit > 0 && unit < 0xdc00)
		text.len -= 3;
	else
		unit = 0;
	if (text.len > 0)
		at = mempcpy(at, text.ptr, text.len);
	if (unit > 0 && !keep_half(s, e, unit))
		at = utf16_drop(at, &unit);
	e->text = slice_of(copy, (size_t)(at - copy));
}

/* A half whose block is over, or whose call is, as a text of its own. */
static const struct event *release_half(struct answering *s, const struct event *next, struct arena *a)
{
	for (unsigned i = 0; i < HALVES_MAX && s->half_count > 0; i++) {
		struct half *h = &s->halves[i];
		bool same = h->block == next->block;
		bool over = next->kind == EVENT_STOP ||
			    (same ? next->kind == EVENT_TOOL_END : h->kind != EVENT_TOOL_ARGUMENTS);

		if (!h->unit || h->choice != next->choice || !over)
			continue;
		h->unit = 0;
		s->half_count--;
		s->mended = (struct event){ .kind = h->kind, .choice = h->choice, .block = h->block,
					    .text = SLICE("\xef\xbf\xbd") };
		answering_prepare(s, &s->mended, a);
		return &s->mended;
	}
	return NULL;
}

/* ---- all ---- */

void answering_prepare(struct answering *s, struct event *e, struct arena *a)
{
	if (is_text(e))
		join_halves(s, e, a);
	if (is_answer(s, e))
		return;
	switch (e->kind) {
	case EVENT_START:
		s->started = true;
		break;
	case EVENT_TOOL_BEGIN:
		judge_call(s, e);
		s->choices[e->choice].tool_calls = true;
		if (names_is_custom(s->names, e->tool.name))
			begin_custom(s, e);
		s->choices[e->choice].begun_block = e->tool.custom ? 0 : e->block + 1;
		e->tool.name = names_back(s->names, e->tool.name);
		if (e->tool.id.len == 0)
			e->tool.id = make_call_id(s, a);
		break;
	case EVENT_REFUSAL:
		s->choices[e->choice].refusal = true;
		break;
	case EVENT_SIGNATURE:
		if (e->signature.payload.len > 0)
			e->signature.payload = state_wrap(e->signature.payload, s->provider, s->dialect, a);
		break;
	case EVENT_STOP:
		s->choices[e->choice].stopped = true;
		e->stop.reason =
			stop_decide(e->stop.reason, s->choices[e->choice].tool_calls, s->choices[e->choice].refusal);
		break;
	case EVENT_TOOL_ARGUMENTS:
		read_arguments(s, e);
		read_custom(s, e, a);
		break;
	case EVENT_TOOL_END:
		read_custom(s, e, a);
		break;
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_MEDIA:
	case EVENT_CITATION: case EVENT_LOGPROBS: case EVENT_OPAQUE:
		break;
	}
}

/* ---- citations of all of a block ---- */

/* Anthropic and Bedrock give each cited passage a block of its own and say no place of the citation (DIALECTS §4.5):
 * it is the block, from its first character to the last, known when another block begins or the answer ends. */
static void note_text(struct answering *s, const struct event *e)
{
	if (s->choices[e->choice].text_block != e->block)
		s->choices[e->choice].characters = 0;
	s->choices[e->choice].text_block = e->block;
	s->choices[e->choice].characters += (int64_t)utf8_count(e->text.ptr, e->text.len);
}

bool answering_holds(struct answering *s, const struct event *e, struct arena *a)
{
	size_t size = sizeof(struct cited) + e->citation.url.len + e->citation.title.len + e->citation.quote.len +
		      e->citation.raw.len;
	struct cited *c;

	if (e->kind == EVENT_TEXT)
		note_text(s, e);
	if (e->kind != EVENT_CITATION || !e->citation.of_block || size > CITED_BYTES_MAX - s->waiting)
		return false;
	s->waiting += size;
	c = arena_new(a, struct cited);
	c->event = *e;
	c->event.citation.url = arena_dup(a, e->citation.url);
	c->event.citation.title = arena_dup(a, e->citation.title);
	c->event.citation.quote = arena_dup(a, e->citation.quote);
	c->event.citation.raw = arena_dup(a, e->citation.raw);
	if (s->choices[e->choice].last_cited)
		s->choices[e->choice].last_cited->next = c;
	else
		s->choices[e->choice].cited = c;
	s->choices[e->choice].last_cited = c;
	return true;
}

const struct event *answering_release(struct answering *s, const struct event *next, struct arena *a)
{
	const struct event *mended = release_half(s, next, a);
	struct cited *c = s->choices[next->choice].cited;

	if (mended && mended->kind == EVENT_TEXT)
		note_text(s, mended);
	if (mended)
		return mended;
	if (!c || (next->kind != EVENT_STOP && next->block == c->event.block))
		return NULL;
	s->choices[next->choice].cited = c->next;
	if (!c->next)
		s->choices[next->choice].last_cited = NULL;
	if (s->choices[next->choice].text_block == c->event.block && s->choices[next->choice].characters > 0) {
		c->event.citation.start = 0;
		c->event.citation.end = s->choices[next->choice].characters;
	}
	return &c->event;
}
