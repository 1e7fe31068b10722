/* SPDX-License-Identifier: Apache-2.0 */
/* system and messages of a Converse request (DIALECTS §3.2, §3.3, §3.6, §3.13).
 *
 * User and assistant must alternate, beginning with the user; all results of tools stand first in the user message
 * that follows their calls; no text without a word in it. A run of turns between two assistant turns becomes one
 * user message (results, then media that have no place where they were, then the rest in order, then the system
 * text said within the run, in <system-reminder>: few models know the role system within a conversation). A message
 * with a document needs a text beside it. All of it depends on the conversation so far and on nothing that comes
 * later, so that a grown one begins with the same bytes; but for what is said in words because toolChoice has no
 * "none". */
#include "dialect/bedrock_converse/bedrock_converse.h"

#include "llm/state.h"

/* A document alone: "you must also include a ContentBlock with a text field" (service model DocumentBlock). */
#define DOCUMENT_WORD "(See the document.)"
#define NO_TOOLS_INSTRUCTION "Answer in words. Do not call any tool."

static bool is_native(const struct request_writing *r, const struct part *p)
{
	return r->own && p->raw_dialect == DIALECT_BEDROCK && p->raw.len > 0;
}

static bool verifies(const struct model_rules *rules)
{
	return rules->reasoning == REASONING_ADAPTIVE || rules->reasoning == REASONING_BUDGET;
}

/* Signed reasoning where it is at home. Text without a signature is what models have that do not sign: they get it back
 * from their own clients, and where they need it. */
static bool is_reasoning_written(const struct request_writing *r, const struct part *p)
{
	const struct model_rules *rules = r->target->rules;

	if (!writes(r, FIELD_REASONING_HISTORY) || rules->replay == REPLAY_FORBIDDEN)
		return false;
	if (p->state.payload.ptr)
		return state_is_at_home(&p->state, r->target->provider, DIALECT_BEDROCK);
	return p->text.len > 0 && !verifies(rules) && (r->own || rules->replay == REPLAY_CONTENT);
}

/* Whether anything is written for it at all. */
static bool is_written(const struct request_writing *r, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT: case PART_REFUSAL:
		return is_native(r, p) || block_trim_end(p->text).len > 0;
	case PART_REASONING:
		return is_reasoning_written(r, p);
	case PART_OPAQUE:
		return is_native(r, p) && writes(r, FIELD_OPAQUE_PART);
	case PART_IMAGE:
	case PART_DOCUMENT:
	case PART_AUDIO:
	case PART_VIDEO:
	case PART_TOOL_CALL:
	case PART_TOOL_RESULT:
		return true;
	}
	return false;
}

static bool is_media(const struct part *p)
{
	return p->kind == PART_IMAGE || p->kind == PART_DOCUMENT || p->kind == PART_AUDIO || p->kind == PART_VIDEO;
}

bool bedrock_has_tool_blocks(const struct request_writing *r)
{
	for (const struct turn *t = r->chat->turns; t; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (p->kind == PART_TOOL_CALL || p->kind == PART_TOOL_RESULT)
				return true;
	return false;
}

static bool begins_with_reasoning(const struct request_writing *r, const struct turn *t)
{
	for (; t && t->role == ROLE_ASSISTANT; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (is_reasoning_written(r, p))
				return true;
	return false;
}

bool bedrock_lacks_reasoning(const struct request_writing *r)
{
	const struct turn *answered = block_answered_turn(r->chat);

	return answered && !begins_with_reasoning(r, answered);
}

/* ---- markers ---- */

/* A result's parts cannot be marked, the result can. */
static enum cache_mark mark_of(const struct part *p)
{
	enum cache_mark mark = p->cache_mark;

	for (const struct part *i = p->kind == PART_TOOL_RESULT ? p->result->parts : NULL; i && mark == CACHE_MARK_NONE;
	     i = i->next)
		mark = i->cache_mark;
	/* Nor can reasoning. */
	return p->kind == PART_REASONING ? CACHE_MARK_NONE : mark;
}

unsigned bedrock_count_points(const struct request_writing *r)
{
	unsigned count = 0;

	for (const struct tool *t = r->chat->tools; t; t = t->next)
		count += t->cache_mark != CACHE_MARK_NONE;
	for (const struct turn *t = r->chat->turns; t; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			count += is_written(r, p) && mark_of(p) != CACHE_MARK_NONE;
	return count;
}

/* ---- blocks ---- */

static void write_text(struct request_writing *r, struct slice text)
{
	json_begin_object(&r->json);
	json_member_string(&r->json, "text", text);
	json_end_object(&r->json);
}

static void write_reasoning(struct request_writing *r, const struct part *p)
{
	json_begin_object(&r->json);
	json_literal_key(&r->json, "reasoningContent");
	json_begin_object(&r->json);
	if (p->redacted) {
		json_member_string(&r->json, "redactedContent", p->state.payload);
	} else {
		json_literal_key(&r->json, "reasoningText");
		json_begin_object(&r->json);
		json_member_string(&r->json, "text", p->text);
		if (p->state.payload.len > 0)
			json_member_string(&r->json, "signature", p->state.payload);
		json_end_object(&r->json);
	}
	json_end_object(&r->json);
	json_end_object(&r->json);
}

void bedrock_write_input(struct json_writer *j, struct slice arguments, bool custom, struct arena *a)
{
	struct json_doc doc;
	struct json_error error;
	struct slice text = slice_trim(arguments);

	json_literal_key(j, "input");
	if (text.len == 0 && !custom) {
		json_value_raw(j, SLICE("{}"));
	} else if (!custom && json_parse(a, text, &doc, &error) && json_is(json_root(&doc), JSON_OBJECT)) {
		json_value_raw(j, text);
	} else {
		json_begin_object(j);
		json_member_string(j, "_raw", arguments);
		json_end_object(j);
	}
}

static void write_id(struct request_writing *r, struct slice id)
{
	json_member_string(&r->json, "toolUseId", names_id(id, &bedrock_id_rule, false, r->arena));
}

static void write_tool_use(struct request_writing *r, const struct tool_call *call)
{
	json_begin_object(&r->json);
	json_literal_key(&r->json, "toolUse");
	json_begin_object(&r->json);
	write_id(r, call->id);
	json_member_string(&r->json, "name", names_out(r->target->names, call->name, &bedrock_name_rule));
	bedrock_write_input(&r->json, call->arguments, call->custom, r->arena);
	json_end_object(&r->json);
	json_end_object(&r->json);
}

/* text, image, document, video; audio follows in the message. */
static bool write_tool_result(struct request_writing *r, const struct tool_result *result)
{
	json_begin_object(&r->json);
	json_literal_key(&r->json, "toolResult");
	json_begin_object(&r->json);
	write_id(r, result->id);
	json_literal_key(&r->json, "content");
	json_begin_array(&r->json);
	for (const struct part *p = result->parts; p; p = p->next) {
		if (!is_written(r, p) || p->kind == PART_AUDIO)
			continue;
		if (is_media(p)) {
			if (!bedrock_write_media(r, p))
				return false;
		} else if (p->kind == PART_TEXT) {
			write_text(r, p->text);
		}
	}
	json_end_array(&r->json);
	if (result->is_error && writes(r, FIELD_RESULT_ERROR))
		json_member_cstr(&r->json, "status", "error");
	json_end_object(&r->json);
	json_end_object(&r->json);
	return true;
}

/* One that is_written(), without its marker. */
static bool write_block(struct request_writing *r, const struct part *p)
{
	if (is_native(r, p)) {
		json_value_raw(&r->json, p->raw);
		return true;
	}
	switch (p->kind) {
	case PART_TEXT: case PART_REFUSAL:
		write_text(r, p->text);
		return true;
	case PART_REASONING:
		write_reasoning(r, p);
		return true;
	case PART_TOOL_CALL:
		write_tool_use(r, p->call);
		return true;
	case PART_TOOL_RESULT:
		return write_tool_result(r, p->result);
	case PART_IMAGE: case PART_DOCUMENT: case PART_AUDIO: case PART_VIDEO:
		return bedrock_write_media(r, p);
	case PART_OPAQUE:
		return true;
	}
	return true;
}

static bool write_part(struct request_writing *r, const struct part *p)
{
	if (!write_block(r, p))
		return false;
	bedrock_write_point(r, mark_of(p));
	return true;
}

/* ---- system ---- */

static bool is_system_part(const struct request_writing *r, const struct part *p)
{
	return is_written(r, p) && (p->kind == PART_TEXT || is_native(r, p));
}

void bedrock_write_system(struct request_writing *r)
{
	bool any = false;

	for (const struct turn *t = r->chat->turns; t && t->role == ROLE_SYSTEM; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next) {
			if (!is_system_part(r, p))
				continue;
			if (!any) {
				json_literal_key(&r->json, "system");
				json_begin_array(&r->json);
				any = true;
			}
			write_part(r, p);
		}
	if (block_wants_json(r)) {
		if (!any) {
			json_literal_key(&r->json, "system");
			json_begin_array(&r->json);
			any = true;
		}
		write_text(r, SLICE(BLOCK_JSON_INSTRUCTION));
		r->lossy |= FIELD_FORMAT_JSON;
	}
	if (any)
		json_end_array(&r->json);
}

/* ---- messages ---- */

struct messages {
	struct request_writing *r;
	bool any;                      /* one was begun */
	bool open;
	enum chat_role role;           /* of the open one */
	unsigned number;               /* of the turn it began with, as they were read */
	bool document, text;           /* in the open one */
	const struct other_member *others; /* of messages yet to be closed, in their order */
	const struct turn *media_of, *media_end; /* assistant turns whose media wait for the next user message */
};

static void close_message(struct messages *m)
{
	if (!m->open)
		return;
	if (m->document && !m->text && m->role == ROLE_USER && !m->r->own)
		write_text(m->r, SLICE(DOCUMENT_WORD));
	json_end_array(&m->r->json);
	block_write_message_others(m->r, &m->others, m->number);
	json_end_object(&m->r->json);
	m->open = false;
}

static void begin_message(struct messages *m, enum chat_role role)
{
	static const char *const names[] = {
		[ROLE_SYSTEM] = "system", [ROLE_USER] = "user", [ROLE_ASSISTANT] = "assistant"
	};

	json_begin_object(&m->r->json);
	json_member_cstr(&m->r->json, "role", names[role]);
	json_literal_key(&m->r->json, "content");
	json_begin_array(&m->r->json);
}

static void open_message(struct messages *m, enum chat_role role, unsigned number)
{
	if (m->open && m->role == role)
		return;
	close_message(m);
	if (!m->any && role != ROLE_USER) {
		begin_message(m, ROLE_USER);
		write_text(m->r, SLICE(BLOCK_FIRST_WORD));
		json_end_array(&m->r->json);
		json_end_object(&m->r->json);
	}
	begin_message(m, role);
	m->any = m->open = true;
	m->document = m->text = false;
	m->role = role;
	m->number = number;
}

static bool write_message_part(struct messages *m, enum chat_role role, unsigned number, const struct part *p)
{
	open_message(m, role, number);
	m->document |= p->kind == PART_DOCUMENT;
	m->text |= p->kind == PART_TEXT;
	return write_part(m->r, p);
}

/* Which parts of a run's turns a pass writes. */
enum pass { PASS_RESULTS, PASS_REST, PASS_SYSTEM };

static bool belongs(const struct turn *t, const struct part *p, enum pass pass)
{
	if (t->role == ROLE_SYSTEM)
		return pass == PASS_SYSTEM;
	return pass == (p->kind == PART_TOOL_RESULT ? PASS_RESULTS : PASS_REST);
}

/* Media that a model made have no place in its own message here, nor has audio in a result. */
static bool write_waiting_media(struct messages *m, const struct turn *from, const struct turn *to, unsigned number)
{
	for (const struct turn *t = m->media_of; t && t != m->media_end; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (is_media(p) && !is_native(m->r, p) && !write_message_part(m, ROLE_USER, number, p))
				return false;
	m->media_of = NULL;
	for (const struct turn *t = m->r->own ? to : from; t != to; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			for (const struct part *i = p->kind == PART_TOOL_RESULT ? p->result->parts : NULL; i;
			     i = i->next)
				if (i->kind == PART_AUDIO && !write_message_part(m, ROLE_USER, number, i))
					return false;
	return true;
}

static void write_reminder(struct messages *m, unsigned number, const struct part *p)
{
	open_message(m, ROLE_USER, number);
	m->text = true;
	write_text(m->r, block_reminder(p->text, m->r->arena));
	bedrock_write_point(m->r, p->cache_mark);
}

static bool write_pass(struct messages *m, const struct turn *from, const struct turn *to, unsigned number,
		       enum pass pass)
{
	bool as_system = pass == PASS_SYSTEM && m->r->own && writes(m->r, FIELD_LATER_SYSTEM) &&
			 !(m->r->target->rules->rejects & REJECTS_LATER_SYSTEM);

	for (const struct turn *t = from; t != to; t = t->next, number++)
		for (const struct part *p = t->parts; p; p = p->next) {
			if (!belongs(t, p, pass) || !is_written(m->r, p))
				continue;
			if (pass == PASS_SYSTEM && !as_system) {
				if (p->kind == PART_TEXT)
					write_reminder(m, number, p);
				continue;
			}
			if (!write_message_part(m, as_system ? ROLE_SYSTEM : ROLE_USER, number, p))
				return false;
		}
	return true;
}

/* Turns of the user's and of system text between two assistant turns. */
static bool write_run(struct messages *m, const struct turn *from, const struct turn *to, unsigned number)
{
	return write_pass(m, from, to, number, PASS_RESULTS) && write_waiting_media(m, from, to, number) &&
	       write_pass(m, from, to, number, PASS_REST) && write_pass(m, from, to, number, PASS_SYSTEM);
}

/* The last part that is written, if the answer is to go on from there. */
static const struct part *last_written(const struct request_writing *r, const struct turn *t)
{
	const struct part *last = NULL;

	for (const struct part *p = t->next ? NULL : t->parts; p; p = p->next)
		if (is_written(r, p) && !is_media(p))
			last = p;
	return last;
}

/* Thinking comes first, verbatim and in order (DIALECTS §3.13). Dialects without an order of their own may have put it
 * elsewhere. */
static bool hoists_reasoning(const struct request_writing *r, const struct turn *t)
{
	const struct part *first = t->parts;

	while (first && !is_written(r, first))
		first = first->next;
	return !r->own && first && first->kind != PART_REASONING;
}

static bool write_assistant(struct messages *m, const struct turn *t, unsigned number)
{
	const struct part *last = last_written(m->r, t);
	bool hoist = hoists_reasoning(m->r, t);

	for (unsigned pass = hoist ? 0 : 1; pass < 2; pass++)
		for (const struct part *p = t->parts; p; p = p->next) {
			bool reasoning = p->kind == PART_REASONING;

			if (!is_written(m->r, p) || (hoist && reasoning != (pass == 0)) ||
			    (is_media(p) && !is_native(m->r, p)))
				continue;
			open_message(m, ROLE_ASSISTANT, number);
			if (p == last && (p->kind == PART_TEXT || p->kind == PART_REFUSAL) && !m->r->own) {
				write_text(m->r, block_trim_end(p->text));
				bedrock_write_point(m->r, p->cache_mark);
			} else if (!write_part(m->r, p)) {
				return false;
			}
		}
	if (!m->media_of)
		m->media_of = t;
	m->media_end = t->next;
	return true;
}

static bool write_turns(struct messages *m, const struct turn *t)
{
	unsigned number = 0;

	while (t) {
		const struct turn *from = t;
		unsigned first = number;

		for (; t && t->role != ROLE_ASSISTANT; t = t->next)
			number++;
		if (t != from && !write_run(m, from, t, first))
			return false;
		for (; t && t->role == ROLE_ASSISTANT; t = t->next)
			if (!write_assistant(m, t, number++))
				return false;
	}
	return true;
}

bool bedrock_write_messages(struct request_writing *r)
{
	struct messages m = { .r = r, .others = r->own ? r->chat->others : NULL };
	const struct turn *t = r->chat->turns;

	while (t && t->role == ROLE_SYSTEM)
		t = t->next;
	json_literal_key(&r->json, "messages");
	json_begin_array(&r->json);
	if (!write_turns(&m, t))
		return false;
	if (!m.any) {
		open_message(&m, ROLE_USER, 0);
		write_text(r, SLICE(BLOCK_FIRST_WORD));
	}
	if (bedrock_forbids_in_words(r) && m.open && m.role == ROLE_USER) {
		write_text(r, SLICE(NO_TOOLS_INSTRUCTION));
		m.text = true;
		r->lossy |= FIELD_CHOICE_NONE;
	}
	/* Marks the last block, and so comes after all other markers. */
	if (m.open)
		bedrock_write_point(r, r->chat->cache_whole);
	close_message(&m);
	json_end_array(&r->json);
	return true;
}
