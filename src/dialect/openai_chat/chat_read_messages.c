/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a chat completion request. Every message becomes one turn, but for results of tools: those that
 * follow each other share one, since together they answer one assistant turn. */
#include "dialect/openai_chat/openai_chat_internal.h"

#include "llm/state.h"

/* Members that have a place in the hub, or say nothing when they come back: annotations, ids and the like are copies of
 * what an answer said. Others are kept, with the message's number, for a target of this dialect. */
static const char *const known[] = {
	"role", "content", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "audio", "images",
	"reasoning_content", "reasoning", "reasoning_details", "reasoning_text", "extra_content", "cache_control",
	"prefix", "partial", "annotations", "provider_specific_fields", NULL
};

/* ---- assistant ---- */

/* Mistral's chunk: {type: thinking, thinking: [{type: text, text}], closed, signature} (DIALECTS §5.9). Databricks:
 * {type: reasoning, summary: [{type: summary_text, text, signature}]} (§7.13). Both go back as they came. */
static bool read_thinking_chunk(const struct shape_place *at, struct json chunk)
{
	bool thinking = json_text_eq(json_get(chunk, "type"), SLICE("thinking"));
	struct json inner = json_member(chunk, thinking ? SLICE("thinking") : SLICE("summary"));
	struct part *p;

	if (!thinking && !json_text_eq(json_get(chunk, "type"), SLICE("reasoning")))
		return false;
	p = shape_add_part(at, PART_REASONING);
	p->text = openai_chat_chunk_text(inner, at->arena);
	p->state = state_read(json_text(json_get(chunk, "signature"), at->arena), DIALECT_OPENAI_CHAT, at->arena);
	if (p->state.payload.ptr && p->state.provider.len > 0)
		return true;
	p->state = (struct reasoning_state){ .payload = json_raw(chunk), .dialect = DIALECT_OPENAI_CHAT };
	p->raw = json_raw(chunk);
	p->raw_dialect = DIALECT_OPENAI_CHAT;
	return true;
}

static void read_assistant_part(const struct shape_place *at, struct json part)
{
	if (!read_thinking_chunk(at, part))
		shape_read_part(at, part);
}

/* One of OpenRouter's reasoning_details (DIALECTS §5.11). What is not wrapped by us is native to this dialect: its
 * whole entry is the state. */
static void read_detail(struct chat_reading *r, struct turn *t, struct json entry)
{
	struct part *p = turn_add_part(t, r->arena, PART_REASONING);
	struct json text = json_get(entry, "text"), sealed = json_get(entry, "data");
	struct reasoning_state state;

	if (!json_is(text, JSON_STRING))
		text = json_get(entry, "summary");
	p->text = json_text(text, r->arena);
	p->redacted = p->text.len == 0;
	p->item_id = json_text(json_get(entry, "id"), r->arena);
	if (!json_is(sealed, JSON_STRING))
		sealed = json_get(entry, "signature");
	state = state_read(json_text(sealed, r->arena), DIALECT_OPENAI_CHAT, r->arena);
	if (state.payload.ptr && (state.provider.len > 0 || state.dialect != DIALECT_OPENAI_CHAT)) {
		p->state = state;
		return;
	}
	p->state = (struct reasoning_state){ .payload = json_raw(entry), .dialect = DIALECT_OPENAI_CHAT };
	p->raw = json_raw(entry);
	p->raw_dialect = DIALECT_OPENAI_CHAT;
}

/* `reasoning_details` have all that the plain text beside them has, unless only what cannot be read is in them. */
static void read_reasoning(struct chat_reading *r, struct turn *t, struct json message)
{
	static const char *const names[] = { "reasoning_content", "reasoning", "reasoning_text" };
	bool has_text = false;

	for (struct json_walk w = json_walk(json_get(message, "reasoning_details")); json_walk_next(&w);)
		has_text |= json_is_filled(json_get(w.value, "text")) || json_is_filled(json_get(w.value, "summary"));
	for (size_t i = 0; i < COUNT_OF(names) && !has_text; i++) {
		struct json v = json_member(message, slice_cstr(names[i]));
		struct part *p;

		if (!json_is_filled(v) || !json_is(v, JSON_STRING))
			continue;
		p = turn_add_part(t, r->arena, PART_REASONING);
		p->text = json_text(v, r->arena);
		p->raw = json_quote(slice_cstr(names[i]), r->arena);
		p->raw_dialect = DIALECT_OPENAI_CHAT;
		has_text = true;
	}
	for (struct json_walk w = json_walk(json_get(message, "reasoning_details")); json_walk_next(&w);)
		if (json_is(w.value, JSON_OBJECT))
			read_detail(r, t, w.value);
}

/* Google's compatible endpoint has its signatures here (DIALECTS §2.2), and so have we for Gemini itself. */
static struct reasoning_state read_extra(struct json holder, struct arena *a)
{
	struct json google = json_get(json_get(holder, "extra_content"), "google");

	return state_read(json_text(json_get(google, "thought_signature"), a), DIALECT_OPENAI_CHAT, a);
}

static void read_calls(struct chat_reading *r, struct turn *t, struct json message)
{
	struct json legacy = json_get(message, "function_call");

	for (struct json_walk w = json_walk(json_get(message, "tool_calls")); json_walk_next(&w);)
		if (json_is(w.value, JSON_OBJECT))
			shape_read_call(t, r->arena, w.value)->state = read_extra(w.value, r->arena);
	if (json_is(legacy, JSON_OBJECT)) {
		struct part *p = turn_add_part(t, r->arena, PART_TOOL_CALL);

		p->call->name = json_text(json_get(legacy, "name"), r->arena);
		p->call->arguments = json_text(json_get(legacy, "arguments"), r->arena);
	}
}

static void read_spoken(struct chat_reading *r, struct turn *t, struct json message)
{
	struct json audio = json_get(json_get(message, "audio"), "id");

	for (struct json_walk w = json_walk(json_get(message, "images")); json_walk_next(&w);) {
		struct shape_place at = { .chat = r->chat, .arena = r->arena, .turn = t, .path = "messages[].images" };

		shape_read_part(&at, w.value);
	}
	if (json_is(audio, JSON_STRING)) {
		struct part *p = turn_add_part(t, r->arena, PART_AUDIO);

		p->media->source = MEDIA_FILE_ID;
		p->media->id = p->media->value = json_text(audio, r->arena);
	}
}

static void read_assistant(struct chat_reading *r, struct json message)
{
	struct turn *t = chat_add_turn(r->chat, r->arena, ROLE_ASSISTANT);
	struct shape_place at = { .chat = r->chat, .arena = r->arena, .turn = t, .path = "messages[].content" };
	struct json content = json_get(message, "content"), refusal = json_get(message, "refusal");

	t->name = json_text(json_get(message, "name"), r->arena);
	read_reasoning(r, t, message);
	if (json_is_filled(content))
		shape_read_content(&at, content, read_assistant_part);
	if (t->last && t->last->kind == PART_TEXT && !t->last->state.payload.ptr)
		t->last->state = read_extra(message, r->arena);
	if (json_is_filled(refusal) && json_is(refusal, JSON_STRING))
		turn_add_part(t, r->arena, PART_REFUSAL)->text = json_text(refusal, r->arena);
	read_spoken(r, t, message);
	read_calls(r, t, message);
}

/* ---- the others ---- */

static void read_result(struct chat_reading *r, struct json message)
{
	struct turn *t = shape_result_turn(r->chat, r->arena);
	struct part *p = turn_add_part(t, r->arena, PART_TOOL_RESULT);
	struct shape_place at = {
		.chat = r->chat, .arena = r->arena, .turn = t, .result = p->result, .path = "messages[].content",
	};

	p->result->id = json_text(json_get(message, "tool_call_id"), r->arena);
	p->result->name = json_text(json_get(message, "name"), r->arena);
	shape_read_content(&at, json_get(message, "content"), shape_read_part);
}

static void read_said(struct chat_reading *r, struct json message, enum shape_role role)
{
	struct turn *t = chat_add_turn(r->chat, r->arena, role == SHAPE_USER ? ROLE_USER : ROLE_SYSTEM);
	struct shape_place at = { .chat = r->chat, .arena = r->arena, .turn = t, .path = "messages[].content" };

	t->developer = role == SHAPE_DEVELOPER;
	t->name = json_text(json_get(message, "name"), r->arena);
	shape_read_content(&at, json_get(message, "content"), shape_read_part);
}

/* A marker on the whole message stands for one on its last part (recorded: clients of OpenRouter and DashScope). */
static void read_mark(struct chat_reading *r, struct json message)
{
	enum cache_mark mark = shape_read_cache_mark(message);

	if (mark != CACHE_MARK_NONE && r->chat->last_turn->last)
		r->chat->last_turn->last->cache_mark = mark;
}

static bool read_message(struct chat_reading *r, struct json message)
{
	enum shape_role role = shape_read_role(json_get(message, "role"));

	switch (role) {
	case SHAPE_ASSISTANT:
		read_assistant(r, message);
		break;
	case SHAPE_TOOL:
		read_result(r, message);
		break;
	case SHAPE_USER: case SHAPE_SYSTEM: case SHAPE_DEVELOPER:
		read_said(r, message, role);
		break;
	case SHAPE_UNKNOWN:
		return chat_refuse(r->failure, "messages",
				   "messages[%u] has no \"role\" that there is: system, developer, user, "
				   "assistant or tool", r->message);
	}
	read_mark(r, message);
	chat_keep_others(r, message, known, arena_printf(r->arena, "messages[%u]", r->message));
	return true;
}

bool openai_chat_read_messages(struct chat_reading *r, struct json messages)
{
	return shape_read_messages(r, messages, 1, read_message);
}
