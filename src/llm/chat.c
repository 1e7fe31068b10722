/* SPDX-License-Identifier: Apache-2.0 */
/* Building the hub's requests. */
#include "llm/chat.h"

#include "llm/field.h"
#include "llm/pairing.h"

void chat_init(struct chat *c, enum dialect_id dialect)
{
	*c = (struct chat){ .dialect = dialect, .max_output = -1, .n = 1, .top_logprobs = -1 };
}

struct turn *chat_add_turn(struct chat *c, struct arena *a, enum chat_role role)
{
	struct turn *t = arena_new(a, struct turn);

	t->role = role;
	if (c->last_turn)
		c->last_turn->next = t;
	else
		c->turns = t;
	c->last_turn = t;
	return t;
}

struct turn *chat_turn_of(struct chat *c, struct arena *a, enum chat_role role)
{
	return c->last_turn && c->last_turn->role == role ? c->last_turn : chat_add_turn(c, a, role);
}

static struct part *part_new(struct arena *a, enum part_kind kind)
{
	struct part *p = arena_new(a, struct part);

	p->kind = kind;
	switch (kind) {
	case PART_IMAGE: case PART_AUDIO: case PART_VIDEO: case PART_DOCUMENT:
		p->media = arena_new(a, struct media);
		break;
	case PART_TOOL_CALL:
		p->call = arena_new(a, struct tool_call);
		break;
	case PART_TOOL_RESULT:
		p->result = arena_new(a, struct tool_result);
		break;
	case PART_TEXT: case PART_REASONING: case PART_REFUSAL: case PART_OPAQUE:
		break;
	}
	return p;
}

struct part *turn_add_part(struct turn *t, struct arena *a, enum part_kind kind)
{
	struct part *p = part_new(a, kind);

	if (t->last)
		t->last->next = p;
	else
		t->parts = p;
	t->last = p;
	return p;
}

struct part *turn_add_text(struct turn *t, struct arena *a, struct slice text)
{
	struct part *p = turn_add_part(t, a, PART_TEXT);

	p->text = text;
	return p;
}

struct part *result_add_part(struct tool_result *r, struct arena *a, enum part_kind kind)
{
	struct part *p = part_new(a, kind);

	if (r->last)
		r->last->next = p;
	else
		r->parts = p;
	r->last = p;
	return p;
}

struct tool *chat_add_tool(struct chat *c, struct arena *a, enum tool_kind kind)
{
	struct tool *t = arena_new(a, struct tool);

	t->kind = kind;
	if (c->last_tool)
		c->last_tool->next = t;
	else
		c->tools = t;
	c->last_tool = t;
	return t;
}

void chat_add_other(struct chat *c, struct arena *a, uint64_t field, struct slice path, struct json value)
{
	struct other_member *m = arena_new(a, struct other_member);

	*m = (struct other_member){ .path = path, .raw = json_raw(value), .field = field };
	if (c->last_other)
		c->last_other->next = m;
	else
		c->others = m;
	c->last_other = m;
}

void number_read(struct number *n, struct json v)
{
	if (json_is(v, JSON_NUMBER) && json_to_double(v, &n->value)) {
		n->said = true;
		n->text = json_raw(v);
	}
}

void chat_read_stops(struct chat *c, struct arena *a, struct json v)
{
	if (json_is(v, JSON_STRING) && json_raw(v).len > 2) {
		c->stops = arena_new(a, struct slice);
		c->stops[0] = json_text(v, a);
		c->stop_count = 1;
	}
	if (!json_is(v, JSON_ARRAY))
		return;
	c->stops = arena_array(a, struct slice, json_count(v) + 1);
	for (struct json_walk w = json_walk(v); json_walk_next(&w) && c->stop_count < CHAT_STOPS_MAX;)
		if (json_is(w.value, JSON_STRING) && json_raw(w.value).len > 2)
			c->stops[c->stop_count++] = json_text(w.value, a);
}

bool chat_finish(struct chat *c, struct arena *a, struct failure *reterr)
{
	if (!c->turns)
		return failure_set(reterr, FAILURE_BAD_REQUEST, "the conversation is empty: send at least one message");
	pair_calls(c, a);
	c->fields = chat_fields(c);
	return pairs_complete(c, reterr);
}

const struct chat *chat_with_prefill(const struct chat *c, struct slice text, struct arena *a)
{
	struct chat *copy = arena_new(a, struct chat);
	struct turn **link = &copy->turns;

	*copy = *c;
	copy->last_turn = NULL;
	for (const struct turn *t = c->turns; t; t = t->next) {
		*link = copy->last_turn = arena_new(a, struct turn);
		**link = *t;
		link = &copy->last_turn->next;
	}
	*link = NULL;
	turn_add_text(chat_add_turn(copy, a, ROLE_ASSISTANT), a, text);
	copy->fields |= FIELD_PREFILL;
	return copy;
}
