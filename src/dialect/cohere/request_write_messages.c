/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation as Cohere's messages (DIALECTS §3.2, §3.3, §3.6): results of tools are text, what else they hold
 * is shown in the user message that follows; what is said before calls is their plan. */
#include "dialect/cohere/cohere.h"

static void begin_message(struct request_writing *r, const char *role)
{
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "role", role);
}

static void end_message(struct request_writing *r)
{
	shape_end_message(&r->json, r->chat, r->target, r->own, &r->message);
}

/* ---- parts ---- */

static bool is_native(const struct request_writing *r, const struct part *p)
{
	return r->own && p->raw.len > 0 && p->raw_dialect == DIALECT_COHERE && !slice_eq(p->raw, SLICE(COHERE_PLAN));
}

static bool is_content(const struct request_writing *r, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT: case PART_REFUSAL: case PART_IMAGE:
		return true;
	case PART_DOCUMENT:
		return cohere_is_text_document(p) && !r->documents_apart && !r->own;
	case PART_OPAQUE:
		return is_native(r, p);
	default:
		return false;
	}
}

/* Cohere knows low, high and auto. */
static void write_image(struct request_writing *r, const struct media *m)
{
	struct media known = *m;

	if (!r->own && slice_eq(m->detail, SLICE("original")))
		known.detail = SLICE("high");
	shape_begin_image(&r->json, &known, r->arena);
	json_end_object(&r->json);
}

static void write_text(struct request_writing *r, struct slice text)
{
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "type", "text");
	json_member_string(&r->json, "text", text);
	json_end_object(&r->json);
}

static struct slice text_of(const struct request_writing *r, const struct part *p)
{
	return p->kind == PART_DOCUMENT ? shape_document_text(p->media, r->arena) : p->text;
}

static void write_part(struct request_writing *r, const struct part *p)
{
	if (is_native(r, p)) {
		json_value_raw(&r->json, p->raw);
	} else if (p->kind == PART_IMAGE) {
		write_image(r, p->media);
	} else if (p->kind == PART_REASONING) {
		json_begin_object(&r->json);
		json_member_cstr(&r->json, "type", "thinking");
		json_member_string(&r->json, "thinking", p->text);
		json_end_object(&r->json);
	} else {
		write_text(r, text_of(r, p));
	}
}

/* One text is a string. */
static void write_content(struct request_writing *r, const struct content *c)
{
	const struct part *only = c->count == 1 ? c->items[0] : NULL;
	bool object = only && (only->kind == PART_IMAGE || only->kind == PART_REASONING || is_native(r, only));

	json_literal_key(&r->json, "content");
	if (c->count == 0 || (only && !object)) {
		json_string(&r->json, only ? text_of(r, only) : SLICE(""));
		return;
	}
	json_begin_array(&r->json);
	for (unsigned i = 0; i < c->count; i++)
		write_part(r, c->items[i]);
	json_end_array(&r->json);
}

/* ---- assistant ---- */

/* From elsewhere only to models that need it (§3.13). */
static bool replays(const struct request_writing *r, const struct part *p)
{
	enum reasoning_replay replay = r->target->rules->replay;

	return p->kind == PART_REASONING && p->text.len > 0 && writes(r, FIELD_REASONING_HISTORY) &&
	       replay != REPLAY_FORBIDDEN && (r->own || replay == REPLAY_CONTENT);
}

static bool is_plan(const struct request_writing *r, const struct part *p, bool calls)
{
	if (p->kind != PART_TEXT || p->text.len == 0)
		return false;
	return r->own ? slice_eq(p->raw, SLICE(COHERE_PLAN)) : calls;
}

static bool has_calls(const struct turn *t)
{
	for (const struct part *p = t->parts; p; p = p->next)
		if (p->kind == PART_TOOL_CALL)
			return true;
	return false;
}

static void write_plan(struct request_writing *r, const struct turn *t, bool calls)
{
	struct part *list = NULL, **end = &list;

	for (const struct part *p = t->parts; p; p = p->next) {
		if (!is_plan(r, p, calls))
			continue;
		*end = arena_new(r->arena, struct part);
		(*end)->kind = PART_TEXT;
		(*end)->text = p->text;
		end = &(*end)->next;
	}
	if (list)
		json_member_string(&r->json, "tool_plan", shape_join_texts(list, "\n\n", r->arena));
}

static void write_calls(struct request_writing *r, const struct turn *t)
{
	unsigned index = 0;

	json_literal_key(&r->json, "tool_calls");
	json_begin_array(&r->json);
	for (const struct part *p = t->parts; p; p = p->next) {
		if (p->kind != PART_TOOL_CALL)
			continue;
		shape_begin_call(&r->json, p->call, index++, r->target, r->shape, r->arena);
		json_end_object(&r->json);
	}
	json_end_array(&r->json);
}

/* Images that a model made go to the user message that follows: an assistant's content is text. */
static void write_assistant(struct request_writing *r, const struct turn *t, struct content *moved)
{
	bool calls = has_calls(t);
	struct content content = { 0 };

	for (const struct part *p = t->parts; p; p = p->next) {
		if (p->kind == PART_IMAGE)
			content_add(moved, p, r->arena);
		else if (replays(r, p) || (is_content(r, p) && !is_plan(r, p, calls)))
			content_add(&content, p, r->arena);
	}
	begin_message(r, "assistant");
	if (content.count > 0 || !calls)
		write_content(r, &content);
	write_plan(r, t, calls);
	if (calls)
		write_calls(r, t);
	end_message(r);
}

/* ---- the others ---- */

/* A document as text is part of what the tool said: it stands in its place. */
static struct slice result_text(struct request_writing *r, const struct tool_result *result)
{
	struct tool_result said = *result;
	struct part **end = &said.parts;

	for (const struct part *p = result->parts; p; p = p->next) {
		*end = arena_new(r->arena, struct part);
		**end = *p;
		if (cohere_is_text_document(p)) {
			(*end)->kind = PART_TEXT;
			(*end)->text = shape_document_text(p->media, r->arena);
			(*end)->media = NULL;
		}
		end = &(*end)->next;
	}
	return shape_result_text(&said, r->arena);
}

static void write_result(struct request_writing *r, const struct tool_result *result, struct content *moved)
{
	struct content content = { 0 };
	bool native = false;

	begin_message(r, "tool");
	json_member_string(&r->json, "tool_call_id", result->id);
	for (const struct part *p = result->parts; p; p = p->next) {
		native |= is_native(r, p);
		if (is_content(r, p))
			content_add(&content, p, r->arena);
		if (p->kind == PART_IMAGE && !r->own)
			content_add(moved, p, r->arena);
	}
	if (native || (r->own && content.count > 1))
		write_content(r, &content);
	else
		json_member_string(&r->json, "content", result_text(r, result));
	end_message(r);
}

static void write_user_content(struct request_writing *r, const struct content *content)
{
	begin_message(r, "user");
	write_content(r, content);
	end_message(r);
}

/* A run of user turns: results first, which answer the turn before, then what else was said. */
static void write_user(struct request_writing *r, const struct turn *t, const struct turn *end, struct content *moved)
{
	bool results = shape_has_results(t, end);

	for (const struct turn *u = t; u != end; u = u->next)
		for (const struct part *p = u->parts; p; p = p->next)
			if (p->kind == PART_TOOL_RESULT)
				write_result(r, p->result, moved);
	for (const struct turn *u = t; u != end; u = u->next) {
		for (const struct part *p = u->parts; p; p = p->next)
			if (is_content(r, p))
				content_add(moved, p, r->arena);
		if (moved->count > 0 || !results)
			write_user_content(r, moved);
		*moved = (struct content){ 0 };
	}
}

static void write_system(struct request_writing *r, const struct turn *t, bool begun)
{
	const struct model_rules *rules = r->target->rules;
	bool by_user = rules->system_role == SYSTEM_AS_USER || (begun && (rules->rejects & REJECTS_LATER_SYSTEM));
	struct content content = { 0 };

	if (!writes(r, begun ? FIELD_LATER_SYSTEM : FIELD_SYSTEM))
		return;
	for (const struct part *p = t->parts; p; p = p->next)
		if (is_content(r, p))
			content_add(&content, p, r->arena);
	begin_message(r, by_user ? "user" : "system");
	write_content(r, &content);
	end_message(r);
}

void cohere_write_messages(struct request_writing *r)
{
	struct content moved = { 0 };
	bool begun = false;
	const struct turn *end;

	json_begin_array(&r->json);
	for (const struct turn *t = r->chat->turns; t; t = end) {
		end = t->role == ROLE_USER ? shape_run_end(t) : t->next;
		begun |= t->role != ROLE_SYSTEM;
		if (t->role == ROLE_SYSTEM)
			write_system(r, t, begun);
		else if (t->role == ROLE_ASSISTANT)
			write_assistant(r, t, &moved);
		else
			write_user(r, t, end, &moved);
	}
	if (moved.count > 0)
		write_user_content(r, &moved);
	if (!begun && !r->own) { /* there must be a message of the user's */
		begin_message(r, "user");
		json_member_cstr(&r->json, "content", REQUEST_FIRST_WORD);
		end_message(r);
	}
	json_end_array(&r->json);
}
