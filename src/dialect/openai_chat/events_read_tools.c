/* SPDX-License-Identifier: Apache-2.0 */
/* Tool calls in answers. OpenAI gives each an index, says id and name once and lets arguments follow piece by piece;
 * others leave out the index (xAI), repeat id or name, give the same index to all, send whole calls, or arguments as an
 * object (DIALECTS §5.2). */
#include "dialect/openai_chat/openai_chat_internal.h"

enum { LEGACY_INDEX = -2 };            /* function_call, which there is one of */

static void balance_feed(struct balance *b, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (b->escaped) {
			b->escaped = false;
		} else if (b->in_string) {
			b->escaped = c == '\\';
			b->in_string = c != '"';
		} else if (c == '"') {
			b->in_string = true;
		} else if (c == '{' || c == '[') {
			b->depth++;
		} else if ((c == '}' || c == ']') && b->depth > 0) {
			b->complete = --b->depth == 0;
		}
	}
}

static struct tool_reading *add_tool(struct event_reader *r, struct choice_reading *c)
{
	struct tool_reading *t;

	if (c->tool_count > ANSWER_CALLS_MAX /* one more, for what is said of so many */) {
		r->sink->overflow = true;
		return NULL;
	}
	if (c->tool_count == c->tool_capacity) {
		unsigned capacity = c->tool_capacity ? 2 * c->tool_capacity : 4;
		struct tool_reading *grown = arena_array(r->arena, struct tool_reading, capacity);

		if (c->tool_count > 0)
			memcpy(grown, c->tools, c->tool_count * sizeof(*grown));
		c->tools = grown;
		c->tool_capacity = capacity;
	}
	t = &c->tools[c->tool_count++];
	*t = (struct tool_reading){ .index = -1 };
	return t;
}

/* The latest with that index: indexes may be given twice. */
static struct tool_reading *by_index(struct choice_reading *c, int64_t index)
{
	for (unsigned i = c->tool_count; i-- > 0;)
		if (c->tools[i].index == index)
			return &c->tools[i];
	return NULL;
}

static struct tool_reading *by_id(struct choice_reading *c, struct slice id)
{
	for (unsigned i = c->tool_count; i-- > 0 && id.len > 0;)
		if (slice_eq(c->tools[i].id, id))
			return &c->tools[i];
	return NULL;
}

/* A call that goes on, or NULL for a new one. A name that comes with another id, or once the arguments are complete,
 * begins a new call whatever the index says; ids that change from piece to piece do not, as long as no name comes. */
static struct tool_reading *goes_on(struct choice_reading *c, int64_t index, struct slice id, bool named)
{
	struct tool_reading *t = index != -1 ? by_index(c, index) : by_id(c, id);

	if (!t && index == -1 && id.len == 0 && !named && c->tool_count > 0)
		t = &c->tools[c->tool_count - 1];
	if (t && named && id.len > 0 && t->id.len > 0 && !slice_eq(t->id, id))
		return NULL;
	if (t && named && t->balance.complete && (id.len == 0 || !slice_eq(t->id, id)))
		return NULL;
	return t;
}

static void end_complete(struct event_reader *r, struct choice_reading *c, bool all)
{
	for (unsigned i = 0; i < c->tool_count; i++) {
		struct tool_reading *t = &c->tools[i];

		if (!t->begun || t->ended || !(all || t->balance.complete))
			continue;
		t->ended = true;
		event_add(r->sink, EVENT_TOOL_END, c->number, t->block);
	}
}

static void begin_tool(struct event_reader *r, struct choice_reading *c, struct tool_reading *t)
{
	struct event *e;

	end_complete(r, c, false);
	c->open = EVENT_START;
	c->detail = -1;
	t->begun = true;
	t->block = c->next_block++;
	e = event_add(r->sink, EVENT_TOOL_BEGIN, c->number, t->block);
	e->tool.id = t->id;
	e->tool.name = t->name;
	e->tool.custom = t->custom;
}

static bool is_named(const struct tool_reading *t)
{
	return t->name.len > 0 && (t->id.len > 0 || t->index == LEGACY_INDEX);
}

/* Of the first so many calls, those that wait for an id wait no longer: calls keep their order. */
static void begin_waiting(struct event_reader *r, struct choice_reading *c, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!c->tools[i].begun && c->tools[i].name.len > 0)
			begin_tool(r, c, &c->tools[i]);
}

static void add_arguments(struct event_reader *r, struct choice_reading *c, struct tool_reading *t, struct slice text)
{
	/* Behind a complete object nothing can follow: some send the whole once more at the end. */
	if (text.len == 0 || t->ended || (t->balance.complete && !t->custom))
		return;
	if (!t->custom)
		balance_feed(&t->balance, text);
	event_add(r->sink, EVENT_TOOL_ARGUMENTS, c->number, t->block)->text = text;
}

static void read_call(struct event_reader *r, struct choice_reading *c, struct json call, int64_t index)
{
	struct json custom = json_get(call, "custom"), function = json_get(call, "function");
	struct json holder = json_is(custom, JSON_OBJECT) ? custom : json_is(function, JSON_OBJECT) ? function : call;
	struct json arguments = json_member(holder, json_is(custom, JSON_OBJECT) ? SLICE("input") : SLICE("arguments"));
	struct slice id = json_text(json_get(call, "id"), r->sink->arena);
	struct slice name = json_text(json_get(holder, "name"), r->sink->arena);
	bool whole = json_is(arguments, JSON_OBJECT);
	struct slice text = whole ? json_raw(arguments) : json_text(arguments, r->sink->arena);
	struct json google = json_get(json_get(call, "extra_content"), "google");
	struct slice signature = json_text(json_get(google, "thought_signature"), r->sink->arena);
	struct tool_reading *t = goes_on(c, index, id, name.len > 0);

	if (!t) {
		if (id.len == 0 && name.len == 0 && text.len == 0)
			return;        /* nothing but an index */
		t = add_tool(r, c);
		if (!t)
			return;
		t->index = index;
		t->custom = json_is(custom, JSON_OBJECT);
	}
	if (t->id.len == 0 && id.len > 0)
		t->id = arena_dup(r->arena, id);
	if (t->name.len == 0 && name.len > 0)
		t->name = arena_dup(r->arena, name);
	/* Id and name may come one after the other, but neither is waited for once there is something to be told. */
	if (!t->begun && (is_named(t) || text.len > 0 || signature.len > 0)) {
		begin_waiting(r, c, (size_t)(t - c->tools));
		begin_tool(r, c, t);
	}
	if (t->begun)
		add_arguments(r, c, t, text);
	if (signature.len > 0)
		event_add(r->sink, EVENT_SIGNATURE, c->number, t->block)->signature.payload = signature;
}

void openai_chat_emit_tools(struct event_reader *r, struct choice_reading *c, struct json delta)
{
	struct json legacy = json_get(delta, "function_call");

	for (struct json_walk w = json_walk(json_get(delta, "tool_calls")); json_walk_next(&w);)
		if (json_is(w.value, JSON_OBJECT))
			read_call(r, c, w.value, json_i64_or(json_get(w.value, "index"), -1));
	if (json_is(legacy, JSON_OBJECT))
		read_call(r, c, legacy, LEGACY_INDEX);
}

void openai_chat_end_tools(struct event_reader *r, struct choice_reading *c, bool all)
{
	begin_waiting(r, c, c->tool_count);
	end_complete(r, c, all);
}
