/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a v2/chat request (DIALECTS §3.2, §3.3, §3.6). */
#include "dialect/cohere/cohere.h"

struct reading_messages {
	struct chat *chat;
	struct arena *arena;
	struct failure *failure;
	unsigned number;               /* of the message being read */
};

/* {type: document, document: {id?, data}} in a tool's result: its data is what there is to read; whole it goes back to
 * Cohere only. */
static bool read_document(const struct shape_place *at, struct json part)
{
	struct json data = json_get(json_get(part, "document"), "data");
	struct part *p;

	if (!json_text_eq(json_get(part, "type"), SLICE("document")) || !json_exists(data))
		return false;
	p = shape_add_part(at, PART_TEXT);
	p->text = json_is(data, JSON_STRING) ? json_text(data, at->arena) : json_raw(data);
	p->raw = json_raw(part);
	p->raw_dialect = DIALECT_COHERE;
	return true;
}

static bool read_thinking(const struct shape_place *at, struct json part)
{
	if (!json_text_eq(json_get(part, "type"), SLICE("thinking")))
		return false;
	shape_add_part(at, PART_REASONING)->text = json_text(json_get(part, "thinking"), at->arena);
	return true;
}

static void read_part(const struct shape_place *at, struct json part)
{
	if (!read_document(at, part) && !read_thinking(at, part))
		shape_read_part(at, part);
}

static struct shape_place place_of(struct reading_messages *r, struct turn *t)
{
	return (struct shape_place){ .chat = r->chat, .arena = r->arena, .turn = t, .path = "messages[].content" };
}

static void read_assistant(struct reading_messages *r, struct json message)
{
	struct turn *t = chat_add_turn(r->chat, r->arena, ROLE_ASSISTANT);
	struct shape_place at = place_of(r, t);
	struct json content = json_get(message, "content"), plan = json_get(message, "tool_plan");

	if (json_is_filled(content))
		shape_read_content(&at, content, read_part);
	if (json_is(plan, JSON_STRING) && json_is_filled(plan)) {
		struct part *p = turn_add_text(t, r->arena, json_text(plan, r->arena));

		p->raw = SLICE(COHERE_PLAN);
		p->raw_dialect = DIALECT_COHERE;
	}
	shape_read_calls(t, r->arena, json_get(message, "tool_calls"));
}

static void read_result(struct reading_messages *r, struct json message)
{
	struct turn *t = shape_result_turn(r->chat, r->arena);
	struct part *p = turn_add_part(t, r->arena, PART_TOOL_RESULT);
	struct shape_place at = place_of(r, t);

	p->result->id = json_text(json_get(message, "tool_call_id"), r->arena);
	at.result = p->result;
	shape_read_content(&at, json_get(message, "content"), read_part);
}

/* Citations of earlier answers are copies of what they said. */
static void keep_rest(struct reading_messages *r, struct json message)
{
	static const char *const known[] = {
		"role", "content", "tool_calls", "tool_call_id", "tool_plan", "citations"
	};

	for (struct json_walk w = json_walk(message); json_walk_next(&w);) {
		bool is_known = json_is(w.value, JSON_NULL);
		struct slice name;

		for (size_t i = 0; i < COUNT_OF(known); i++)
			is_known |= json_text_eq(w.key, slice_cstr(known[i]));
		if (is_known)
			continue;
		name = json_text(w.key, r->arena);
		chat_add_other(r->chat, r->arena, FIELD_OTHER,
			       arena_printf(r->arena, "messages[%u].%.*s", r->number, SLICE_ARG(name)), w.value);
	}
}

static bool read_message(struct reading_messages *r, struct json message)
{
	enum shape_role role = shape_read_role(json_get(message, "role"));
	struct shape_place at;

	switch (role) {
	case SHAPE_ASSISTANT:
		read_assistant(r, message);
		break;
	case SHAPE_TOOL:
		read_result(r, message);
		break;
	case SHAPE_USER: case SHAPE_SYSTEM: case SHAPE_DEVELOPER:
		at = place_of(r, chat_add_turn(r->chat, r->arena, role == SHAPE_USER ? ROLE_USER : ROLE_SYSTEM));
		shape_read_content(&at, json_get(message, "content"), read_part);
		break;
	case SHAPE_UNKNOWN:
		return shape_refuse(r->failure, "messages", "messages[%u] has no \"role\" that there is: system, user, assistant "
				    "or tool", r->number);
	}
	keep_rest(r, message);
	return true;
}

bool cohere_read_messages(struct chat *c, struct arena *a, struct json messages, struct failure *reterr)
{
	struct reading_messages r = { .chat = c, .arena = a, .failure = reterr };

	if (!json_is(messages, JSON_ARRAY) || json_count(messages) == 0)
		return shape_refuse(reterr, "messages", "\"messages\" must be an array of at least one message");
	for (struct json_walk w = json_walk(messages); json_walk_next(&w); r.number++) {
		if (!json_is(w.value, JSON_OBJECT))
			return shape_refuse(reterr, "messages", "messages[%u] must be an object", r.number);
		if (!read_message(&r, w.value))
			return false;
	}
	return true;
}
