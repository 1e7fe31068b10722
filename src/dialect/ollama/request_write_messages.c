/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation as Ollama's messages (DIALECTS §3.2, §3.3, §3.6): content is one string, images stand beside it as
 * raw base64, also in results of tools. */
#include "dialect/ollama/ollama.h"

#include "llm/names.h"

static void begin_message(struct request_writing *r, const char *role)
{
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "role", role);
}

static void end_message(struct request_writing *r)
{
	shape_end_message(&r->json, r->chat, r->target, r->own, &r->message);
}

/* ---- content ---- */

/* What of a list of parts is text, joined. */
static struct slice text_of(const struct request_writing *r, const struct part *parts, const char *between)
{
	struct part *list = NULL, **end = &list;

	for (const struct part *p = parts; p; p = p->next) {
		bool document = p->kind == PART_DOCUMENT && p->media->source == MEDIA_TEXT;

		if (p->kind != PART_TEXT && p->kind != PART_REFUSAL && !document)
			continue;
		*end = arena_new(r->arena, struct part);
		(*end)->kind = PART_TEXT;
		(*end)->text = document ? shape_document_text(p->media, r->arena) : p->text;
		end = &(*end)->next;
	}
	return shape_join_texts(list, between, r->arena);
}

static bool is_image(const struct part *p)
{
	return p->kind == PART_IMAGE && p->media->source == MEDIA_DATA;
}

static void write_images(struct request_writing *r, const struct part *parts)
{
	bool any = false;

	for (const struct part *p = parts; p; p = p->next) {
		if (!is_image(p))
			continue;
		if (!any) {
			json_literal_key(&r->json, "images");
			json_begin_array(&r->json);
			any = true;
		}
		json_string(&r->json, p->media->value);
	}
	if (any)
		json_end_array(&r->json);
}

/* ---- assistant ---- */

/* Thinking goes back to where it came from; from elsewhere only to models that need it (§3.13). */
static void write_thinking(struct request_writing *r, const struct turn *t)
{
	struct part *list = NULL, **end = &list;

	if (!writes(r, FIELD_REASONING_HISTORY) || r->target->rules->replay == REPLAY_FORBIDDEN ||
	    (!r->own && r->target->rules->replay != REPLAY_CONTENT))
		return;
	for (const struct part *p = t->parts; p; p = p->next)
		if (p->kind == PART_REASONING && p->text.len > 0) {
			*end = arena_new(r->arena, struct part);
			(*end)->kind = PART_TEXT;
			(*end)->text = p->text;
			end = &(*end)->next;
		}
	if (list)
		json_member_string(&r->json, "thinking", shape_join_texts(list, "\n\n", r->arena));
}

static void write_assistant(struct request_writing *r, const struct turn *t)
{
	unsigned index = 0;

	begin_message(r, "assistant");
	json_member_string(&r->json, "content", text_of(r, t->parts, "\n\n"));
	write_thinking(r, t);
	write_images(r, t->parts);
	for (const struct part *p = t->parts; p; p = p->next) {
		if (p->kind != PART_TOOL_CALL)
			continue;
		if (index == 0) {
			json_literal_key(&r->json, "tool_calls");
			json_begin_array(&r->json);
		}
		shape_begin_call(&r->json, p->call, index++, r->target, r->shape, r->arena);
		json_end_object(&r->json);
	}
	if (index > 0)
		json_end_array(&r->json);
	end_message(r);
}

/* ---- the others ---- */

/* There is no flag for errors: "Error: " in front says it. */
static void write_result(struct request_writing *r, const struct tool_result *result)
{
	struct slice text = text_of(r, result->parts, "\n");

	begin_message(r, "tool");
	if (result->name.len > 0)
		json_member_string(&r->json, "tool_name", names_out(r->target->names, result->name, r->shape->names));
	json_member_string(&r->json, "tool_call_id", result->id);
	json_member_string(&r->json, "content", result->is_error ? arena_join(r->arena, SLICE("Error: "), text) : text);
	write_images(r, result->parts);
	end_message(r);
}

static bool says_anything(const struct turn *t)
{
	for (const struct part *p = t->parts; p; p = p->next)
		if (p->kind == PART_TEXT || p->media)
			return true;
	return false;
}

static void write_said(struct request_writing *r, const struct turn *t, const char *role)
{
	begin_message(r, role);
	json_member_string(&r->json, "content", text_of(r, t->parts, "\n\n"));
	write_images(r, t->parts);
	end_message(r);
}

/* A run of user turns: results first, which answer the turn before, then what else was said. */
static void write_user(struct request_writing *r, const struct turn *t, const struct turn *end)
{
	bool results = shape_has_results(t, end);

	for (const struct turn *u = t; u != end; u = u->next)
		for (const struct part *p = u->parts; p; p = p->next)
			if (p->kind == PART_TOOL_RESULT)
				write_result(r, p->result);
	for (const struct turn *u = t; u != end; u = u->next)
		if (says_anything(u) || !results)
			write_said(r, u, "user");
}

/* Gemma's template has no place for system text but the user's (§3.2). */
static void write_system(struct request_writing *r, const struct turn *t, bool begun)
{
	const struct model_rules *rules = r->target->rules;
	bool by_user = rules->system_role == SYSTEM_AS_USER || (begun && (rules->rejects & REJECTS_LATER_SYSTEM));

	if (writes(r, begun ? FIELD_LATER_SYSTEM : FIELD_SYSTEM))
		write_said(r, t, by_user ? "user" : "system");
}

void ollama_write_messages(struct request_writing *r)
{
	bool begun = false;
	const struct turn *end;

	json_begin_array(&r->json);
	for (const struct turn *t = r->chat->turns; t; t = end) {
		end = t->role == ROLE_USER ? shape_run_end(t) : t->next;
		begun |= t->role != ROLE_SYSTEM;
		if (t->role == ROLE_SYSTEM)
			write_system(r, t, begun);
		else if (t->role == ROLE_ASSISTANT)
			write_assistant(r, t);
		else
			write_user(r, t, end);
	}
	json_end_array(&r->json);
}
