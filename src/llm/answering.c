/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may be told of what a provider said. */
#include "llm/answer.h"

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

void answering_prepare(struct answering *s, struct event *e, struct arena *a)
{
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

/* Anthropic and Bedrock give each cited passage a block of its own and say of the citation no place (DIALECTS §4.5): it
 * is the block, from its first character to the last, which is known when another block begins or the answer ends. */
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

const struct event *answering_release(struct answering *s, const struct event *next)
{
	struct cited *c = s->choices[next->choice].cited;

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
