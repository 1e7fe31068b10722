/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a v2/chat request (DIALECTS §3.2, §3.3, §3.6). */
#include "dialect/cohere/cohere.h"

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

static struct shape_place place_of(struct chat_reading *r, struct turn *t)
{
	return (struct shape_place){ .chat = r->chat, .arena = r->arena, .turn = t, .path = "messages[].content" };
}

static void read_assistant(struct chat_reading *r, struct json message)
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

static void read_result(struct chat_reading *r, struct json message)
{
	struct turn *t = shape_result_turn(r->chat, r->arena);
	struct part *p = turn_add_part(t, r->arena, PART_TOOL_RESULT);
	struct shape_place at = place_of(r, t);

	p->result->id = json_text(json_get(message, "tool_call_id"), r->arena);
	at.result = p->result;
	shape_read_content(&at, json_get(message, "content"), read_part);
}

static bool read_message(struct chat_reading *r, struct json message)
{
	/* Citations of earlier answers are copies of what they said. */
	static const char *const known[] = {
		"role", "content", "tool_calls", "tool_call_id", "tool_plan", "citations", NULL
	};
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
		return chat_refuse(r->failure, "messages",
				   "messages[%u] has no \"role\" that there is: system, user, assistant "
				   "or tool", r->message);
	}
	chat_keep_others(r, message, known, arena_printf(r->arena, "messages[%u]", r->message));
	return true;
}

bool cohere_read_messages(struct chat_reading *r, struct json messages)
{
	return shape_read_messages(r, messages, 1, read_message);
}
