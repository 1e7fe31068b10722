/* SPDX-License-Identifier: Apache-2.0 */
/* Cohere's events and answers as the hub's (DIALECTS §4.2, §4.3, §4.5, §4.7, §5.7). Content blocks and calls are
 * numbered apart from each other. A tool plan is text before calls, as other models' words are: it comes back as such
 * (README). */
#include "dialect/cohere/cohere.h"

enum { NUMBERS_MAX = 256 };            /* content blocks or calls of one answer; those beyond share the last place */

struct call_heard {
	unsigned block;
	bool begun, ended, arguments_said;
};

/* event_reader.state */
struct hearing {
	bool started, stopped, planned;
	unsigned next_block, plan_block;
	struct { bool begun, is_text; unsigned block; } contents[NUMBERS_MAX];
	struct call_heard calls[NUMBERS_MAX];
	unsigned text_block;           /* the last, if has_text */
	bool has_text;
};

static struct hearing *hearing_of(struct event_reader *r)
{
	if (!r->state)
		r->state = arena_new(r->arena, struct hearing);
	return r->state;
}

static unsigned place_of(struct json index)
{
	int64_t n = json_i64_or(index, 0);

	return n < NUMBERS_MAX ? (unsigned)n : NUMBERS_MAX - 1;
}

static void hear_start(struct event_reader *r, struct json root)
{
	struct hearing *h = hearing_of(r);

	if (h->started)
		return;
	h->started = true;
	event_add(r->sink, EVENT_START, 0, 0)->start.id = json_text(json_get(root, "id"), r->sink->arena);
}

/* ---- content ---- */

static void hear_content(struct event_reader *r, unsigned place, struct json content)
{
	struct hearing *h = hearing_of(r);
	struct json text = json_get(content, "text"), thinking = json_get(content, "thinking");
	bool is_text = !json_is(thinking, JSON_STRING);
	struct slice said = json_text(is_text ? text : thinking, r->sink->arena);

	if (!h->contents[place].begun || h->contents[place].is_text != is_text) {
		if (said.len == 0)
			return;
		h->contents[place].begun = true;
		h->contents[place].is_text = is_text;
		h->contents[place].block = h->next_block++;
	}
	if (is_text) {
		h->text_block = h->contents[place].block;
		h->has_text = true;
	}
	if (said.len > 0)
		event_add(r->sink, is_text ? EVENT_TEXT : EVENT_REASONING, 0, h->contents[place].block)->text = said;
}

/* A block that has the place of another one follows it. */
static void begin_content(struct event_reader *r, unsigned place, struct json content)
{
	hearing_of(r)->contents[place].begun = false;
	hear_content(r, place, content);
}

static void hear_plan(struct event_reader *r, struct json plan)
{
	struct hearing *h = hearing_of(r);

	if (!json_is(plan, JSON_STRING) || !json_is_filled(plan))
		return;
	if (!h->planned)
		h->plan_block = h->next_block++;
	h->planned = true;
	event_add(r->sink, EVENT_TEXT, 0, h->plan_block)->text = json_text(plan, r->sink->arena);
}

/* {text, token_ids, logprobs}: some tokens that make up a piece of text. */
static void hear_logprobs(struct event_reader *r, unsigned block, struct json item)
{
	struct json values = json_get(item, "logprobs");
	struct event *e;
	double value;

	if (!json_is(item, JSON_OBJECT))
		return;
	e = event_add(r->sink, EVENT_LOGPROBS, 0, block);
	e->logprobs.items = arena_new(r->sink->arena, struct logprob);
	e->logprobs.count = 1;
	e->logprobs.items[0].token = json_text(json_get(item, "text"), r->sink->arena);
	for (struct json_walk w = json_walk(values); json_is(values, JSON_ARRAY) && json_walk_next(&w);)
		if (json_to_double(w.value, &value))
			e->logprobs.items[0].value += value;
}

/* ---- calls ---- */

static void end_call(struct event_reader *r, struct call_heard *c)
{
	if (!c->begun || c->ended)
		return;
	c->ended = true;
	/* Of tools without parameters (recorded). */
	if (!c->arguments_said)
		event_add(r->sink, EVENT_TOOL_ARGUMENTS, 0, c->block)->text = SLICE("{}");
	event_add(r->sink, EVENT_TOOL_END, 0, c->block);
}

static void hear_arguments(struct event_reader *r, struct call_heard *c, struct json function)
{
	struct json v = json_get(function, "arguments");
	struct slice text = json_is(v, JSON_OBJECT) ? json_raw(v) : json_text(v, r->sink->arena);

	if (!c->begun || c->ended || text.len == 0)
		return;
	c->arguments_said = true;
	event_add(r->sink, EVENT_TOOL_ARGUMENTS, 0, c->block)->text = text;
}

static void hear_call(struct event_reader *r, unsigned place, struct json call)
{
	struct hearing *h = hearing_of(r);
	struct call_heard *c = &h->calls[place];
	struct json function = json_get(call, "function");
	struct event *e;

	end_call(r, c);
	*c = (struct call_heard){ .begun = true, .block = h->next_block++ };
	e = event_add(r->sink, EVENT_TOOL_BEGIN, 0, c->block);
	e->tool.id = json_text(json_get(call, "id"), r->sink->arena);
	e->tool.name = json_text(json_get(function, "name"), r->sink->arena);
	hear_arguments(r, c, function);
}

/* ---- citations ---- */

/* "doc:3", as our own requests name theirs. */
static int64_t document_number(struct slice id)
{
	unsigned long long n;

	return slice_starts_with(id, SLICE("doc:")) && slice_to_u64(slice_after(id, 4), &n) && n < 1 << 20 ? (int64_t)n : -1;
}

static void hear_source(struct event_reader *r, unsigned block, struct citation c, struct json source)
{
	struct json document = json_get(source, "document");
	struct slice id = json_text(json_get(source, "id"), r->sink->arena);

	c.title = json_text(json_get(document, "title"), r->sink->arena);
	c.url = json_text(json_get(document, "url"), r->sink->arena);
	c.kind = c.url.len > 0 ? CITATION_URL : CITATION_DOCUMENT;
	c.document = document_number(id);
	if (c.title.len == 0)
		c.title = id;
	event_add(r->sink, EVENT_CITATION, 0, block)->citation = c;
}

/* One event per source: what is cited is the same each time; as it came it stands with the first. */
static void hear_citation(struct event_reader *r, struct json citation)
{
	struct hearing *h = hearing_of(r);
	struct json number = json_get(citation, "content_index"), sources = json_get(citation, "sources");
	bool of_plan = json_text_eq(json_get(citation, "type"), SLICE("PLAN"));
	struct citation c = { .start = json_i64_or(json_get(citation, "start"), -1),
			      .end = json_i64_or(json_get(citation, "end"), -1), .document = -1, .source_start = -1,
			      .source_end = -1, .raw = json_raw(citation), .raw_dialect = DIALECT_COHERE };
	unsigned block = of_plan ? h->plan_block : h->text_block;

	if (!json_is(citation, JSON_OBJECT) || !(of_plan ? h->planned : h->has_text) ||
	    json_text_eq(json_get(citation, "type"), SLICE("THINKING_CONTENT")))
		return;
	if (json_exists(number) && h->contents[place_of(number)].begun && h->contents[place_of(number)].is_text)
		block = h->contents[place_of(number)].block;
	c.quote = json_text(json_get(citation, "text"), r->sink->arena);
	for (struct json_walk w = json_walk(sources); json_is(sources, JSON_ARRAY) && json_walk_next(&w);) {
		hear_source(r, block, c, w.value);
		c.raw = (struct slice){ 0 };
	}
	if (c.raw.len > 0)
		event_add(r->sink, EVENT_CITATION, 0, block)->citation = c;
}

/* ---- the end ---- */

/* §4.3; ERROR and TIMEOUT are failures. */
static const struct { const char *word; enum stop_reason reason; } stops[] = {
	{ "COMPLETE", STOP_END }, { "STOP_SEQUENCE", STOP_SEQUENCE }, { "MAX_TOKENS", STOP_LENGTH },
	{ "TOOL_CALL", STOP_TOOL_CALLS }, { "ERROR_TOXIC", STOP_REFUSAL }, { "ERROR_LIMIT", STOP_CONTEXT },
};

static void hear_stop(struct event_reader *r, struct json reason)
{
	struct hearing *h = hearing_of(r);
	struct event *e;

	h->stopped = true;
	for (unsigned i = 0; i < NUMBERS_MAX; i++)
		end_call(r, &h->calls[i]);
	e = event_add(r->sink, EVENT_STOP, 0, h->next_block);
	e->stop.word = json_text(reason, r->sink->arena);
	e->stop.reason = e->stop.word.len == 0 ? STOP_END : STOP_UNKNOWN;
	for (size_t i = 0; i < COUNT_OF(stops); i++)
		if (slice_eq_nocase(e->stop.word, slice_cstr(stops[i].word)))
			e->stop.reason = stops[i].reason;
}

void cohere_hear(struct event_reader *r, enum cohere_event type, struct json root)
{
	struct hearing *h = hearing_of(r);
	struct json delta = json_get(root, "delta"), message = json_get(delta, "message");
	unsigned place = place_of(json_get(root, "index"));

	if (h->stopped)
		return;
	hear_start(r, root);
	switch (type) {
	case COHERE_CONTENT_START:
		begin_content(r, place, json_get(message, "content"));
		break;
	case COHERE_CONTENT_DELTA:
		hear_content(r, place, json_get(message, "content"));
		if (h->has_text)
			hear_logprobs(r, h->text_block, json_get(root, "logprobs"));
		break;
	case COHERE_PLAN_DELTA:
		hear_plan(r, json_get(message, "tool_plan"));
		break;
	case COHERE_CALL_START:
		hear_call(r, place, json_get(message, "tool_calls"));
		break;
	case COHERE_CALL_DELTA:
		hear_arguments(r, &h->calls[place], json_get(json_get(message, "tool_calls"), "function"));
		break;
	case COHERE_CALL_END:
		end_call(r, &h->calls[place]);
		break;
	case COHERE_CITATION:
		hear_citation(r, json_get(message, "citations"));
		break;
	case COHERE_MESSAGE_END:
		hear_stop(r, json_get(delta, "finish_reason"));
		break;
	case COHERE_MESSAGE_START: case COHERE_CONTENT_END: case COHERE_OTHER:
		break;
	}
}

static void hear_list(struct event_reader *r, struct json list,
		      void (*hear)(struct event_reader *r, unsigned place, struct json v))
{
	unsigned place = 0;

	for (struct json_walk w = json_walk(list); json_is(list, JSON_ARRAY) && json_walk_next(&w); place++)
		hear(r, place < NUMBERS_MAX ? place : NUMBERS_MAX - 1, w.value);
}

void cohere_hear_answer(struct event_reader *r, struct json root)
{
	struct json message = json_get(root, "message"), citations = json_get(message, "citations");
	struct json content = json_get(message, "content"), logprobs = json_get(root, "logprobs");
	struct hearing *h = hearing_of(r);

	hear_start(r, root);
	hear_list(r, content, begin_content);
	if (json_is(content, JSON_STRING) && json_is_filled(content)) {
		h->has_text = true;
		h->text_block = h->next_block++;
		event_add(r->sink, EVENT_TEXT, 0, h->text_block)->text = json_text(content, r->sink->arena);
	}
	if (h->has_text && json_is(logprobs, JSON_ARRAY))
		for (struct json_walk w = json_walk(logprobs); json_walk_next(&w);)
			hear_logprobs(r, h->text_block, w.value);
	hear_plan(r, json_get(message, "tool_plan"));
	for (struct json_walk w = json_walk(citations); json_is(citations, JSON_ARRAY) && json_walk_next(&w);)
		hear_citation(r, w.value);
	hear_list(r, json_get(message, "tool_calls"), hear_call);
	hear_stop(r, json_get(root, "finish_reason"));
}
