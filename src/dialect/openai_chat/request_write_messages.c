/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation as messages (DIALECTS §3.2, §3.6). Results of tools come first after the turn that called them, what
 * they hold besides text is shown in the user message that follows. */
#include "dialect/openai_chat/openai_chat_internal.h"

#include "llm/names.h"

static void begin_message(struct chat_writing *wr, const char *role, const struct turn *t)
{
	json_begin_object(&wr->w);
	json_member_cstr(&wr->w, "role", role);
	if (t && t->name.len > 0 && writing_carries(wr, FIELD_PARTICIPANT_NAME))
		json_member_string(&wr->w, "name", t->name);
}

void openai_chat_end_message(struct chat_writing *wr)
{
	shape_end_message(&wr->w, wr->chat, wr->target, wr->same, &wr->message);
	wr->after_result = false;
}

static void write_simple(struct chat_writing *wr, const char *role, struct slice text)
{
	json_begin_object(&wr->w);
	json_member_cstr(&wr->w, "role", role);
	json_member_string(&wr->w, "content", text);
	json_end_object(&wr->w);
	wr->after_result = false;
}

/* ---- system ---- */

static const char *system_role(const struct chat_writing *wr, const struct turn *t)
{
	bool developer = wr->target->rules->system_role == SYSTEM_AS_DEVELOPER;

	/* A model without rules gets the word that the client chose, if it is a client of this dialect. */
	if (wr->same && t && t->developer)
		developer = true;
	return developer && !writing_quirk(wr, QUIRK_NO_DEVELOPER_ROLE) ? "developer" : "system";
}

static void say_to_user(struct chat_writing *wr, struct slice text)
{
	if (wr->system.len > 0)
		wr->system = arena_join(wr->scratch, wr->system, SLICE("\n\n"));
	wr->system = arena_join(wr->scratch, wr->system, text);
}

static void write_system(struct chat_writing *wr, const struct turn *t, bool begun)
{
	const struct model_rules *rules = wr->target->rules;
	struct content content = { 0 };

	if (!writing_carries(wr, begun ? FIELD_LATER_SYSTEM : FIELD_SYSTEM))
		return;
	for (const struct part *p = t->parts; p; p = p->next)
		content_add(&content, p, wr->scratch);
	if (rules->system_role == SYSTEM_AS_USER && !begun) {
		say_to_user(wr, shape_join_texts(t->parts, "\n\n", wr->scratch));
		return;
	}
	/* Where system text may not stand so late, or not at all, the user says it. */
	if (begun && (rules->system_role == SYSTEM_AS_USER || (rules->rejects & REJECTS_LATER_SYSTEM)))
		begin_message(wr, "user", t);
	else
		begin_message(wr, system_role(wr, t), t);
	json_literal_key(&wr->w, "content");
	openai_chat_write_content(wr, &content, "\n\n");
	openai_chat_end_message(wr);
}

/* What is said in place of a member, at the end of the system text: it stays where it is as the conversation grows. */
static void write_words(struct chat_writing *wr)
{
	if (wr->words.len == 0)
		return;
	if (wr->target->rules->system_role == SYSTEM_AS_USER)
		say_to_user(wr, wr->words);
	else
		write_simple(wr, system_role(wr, NULL), wr->words);
}

/* ---- results ---- */

static void move_media(struct chat_writing *wr, const struct tool_result *r)
{
	for (const struct part *p = r->parts; p; p = p->next)
		if (p->media && openai_chat_takes_media(wr, p))
			content_add(&wr->moved, p, wr->scratch);
}

static enum cache_mark mark_of_result(const struct part *result)
{
	enum cache_mark mark = result->cache_mark;

	for (const struct part *p = result->result->parts; p; p = p->next)
		if (p->cache_mark != CACHE_MARK_NONE)
			mark = p->cache_mark;
	return mark;
}

static void write_result(struct chat_writing *wr, const struct part *result)
{
	const struct tool_result *r = result->result;
	struct json_writer *w = &wr->w;
	struct part text = { .kind = PART_TEXT, .cache_mark = mark_of_result(result) };
	struct content content = { 0 };
	struct slice id = wr->shape.ids ? names_id(r->id, wr->shape.ids, wr->shape.ids_exact, wr->scratch) : r->id;

	begin_message(wr, "tool", NULL);
	json_member_string(w, "tool_call_id", id);
	if (r->name.len > 0 && writing_quirk(wr, QUIRK_TOOL_RESULT_NAME))
		json_member_string(w, "name", names_out(wr->target->names, r->name, wr->shape.names));
	text.text = shape_result_text(r, wr->scratch);
	content_add(&content, &text, wr->scratch);
	json_literal_key(w, "content");
	openai_chat_write_content(wr, &content, "\n");
	openai_chat_end_message(wr);
	wr->after_result = true;
	move_media(wr, r);
}

/* ---- user ---- */

static void take_moved(struct chat_writing *wr, struct content *content)
{
	for (unsigned i = 0; i < wr->moved.count; i++)
		content_add(content, wr->moved.items[i], wr->scratch);
	wr->moved.count = 0;
}

static void write_user_content(struct chat_writing *wr, const struct content *content, const struct turn *t)
{
	if (wr->after_result && (wr->target->rules->rejects & REJECTS_USER_AFTER_TOOL))
		write_simple(wr, "assistant", SLICE("Understood.")); /* Mistral: DIALECTS §3.2 */
	begin_message(wr, "user", t);
	json_literal_key(&wr->w, "content");
	openai_chat_write_content(wr, content, "\n\n");
	openai_chat_end_message(wr);
}

static void take_system(struct chat_writing *wr, struct content *content)
{
	struct part *p;

	if (wr->system.len == 0)
		return;
	p = arena_new(wr->scratch, struct part);
	p->kind = PART_TEXT;
	p->text = wr->system;
	content_add(content, p, wr->scratch);
	wr->system = (struct slice){ 0 };
}

static bool is_content(const struct chat_writing *wr, const struct part *p)
{
	switch (p->kind) {
	case PART_TOOL_RESULT: case PART_TOOL_CALL: case PART_REASONING:
		return false;
	case PART_OPAQUE:
		return wr->same && p->raw_dialect == DIALECT_OPENAI_CHAT;
	default:
		return !p->media || openai_chat_takes_media(wr, p);
	}
}

/* A run of user turns: all results, then what else was said, each turn a message of its own unless turns must
 * alternate. */
static void write_user(struct chat_writing *wr, const struct turn *t, const struct turn *end)
{
	bool merge = writing_quirk(wr, QUIRK_MERGE_TURNS);
	struct content content = { 0 };

	for (const struct turn *u = t; u != end; u = u->next)
		for (const struct part *p = u->parts; p; p = p->next)
			if (p->kind == PART_TOOL_RESULT)
				write_result(wr, p);
	take_moved(wr, &content);
	take_system(wr, &content);
	for (const struct turn *u = t; u != end; u = u->next) {
		unsigned taken_over = content.count;

		for (const struct part *p = u->parts; p; p = p->next)
			if (is_content(wr, p))
				content_add(&content, p, wr->scratch);
		/* What was taken over waits for a turn that says something itself. */
		if (content.count == 0 || ((merge || content.count == taken_over) && u->next != end))
			continue;
		write_user_content(wr, &content, u);
		content.count = 0;
	}
}

/* ---- all ---- */

/* Up to where turns belong together: those of users always (their results do), others where they must alternate. */
static const struct turn *run_of(const struct chat_writing *wr, const struct turn *t)
{
	if (t->role == ROLE_USER || (t->role == ROLE_ASSISTANT && writing_quirk(wr, QUIRK_MERGE_TURNS)))
		return shape_run_end(t);
	return t->next;
}

/* Mistral ("Expected last role User or Tool") and Perplexity (§7.7) hold conversations to an order; system text alone has
 * none. */
static bool counts_turns(const struct chat_writing *wr)
{
	return writing_quirk(wr, QUIRK_MERGE_TURNS) || (wr->target->rules->rejects & REJECTS_USER_AFTER_TOOL);
}

void openai_chat_write_messages(struct chat_writing *wr)
{
	bool begun = false;
	const struct turn *end;

	json_begin_array(&wr->w);
	for (const struct turn *t = wr->chat->turns; t; t = end) {
		end = run_of(wr, t);
		if (t->role != ROLE_SYSTEM && !begun) {
			begun = true;
			write_words(wr);
		}
		if (t->role == ROLE_SYSTEM)
			write_system(wr, t, begun);
		else if (t->role == ROLE_ASSISTANT)
			openai_chat_write_assistant(wr, t, end);
		else
			write_user(wr, t, end);
	}
	if (!begun)
		write_words(wr);
	/* System text alone, for a model without such a role; pictures of a last assistant turn. */
	if (wr->system.len > 0 || wr->moved.count > 0) {
		struct content content = { 0 };

		take_moved(wr, &content);
		take_system(wr, &content);
		write_user_content(wr, &content, NULL);
	} else if (!begun && counts_turns(wr)) {
		write_simple(wr, "user", SLICE(REQUEST_FIRST_WORD));
	}
	json_end_array(&wr->w);
}
