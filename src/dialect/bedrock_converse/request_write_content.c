/* SPDX-License-Identifier: Apache-2.0 */
/* system and messages of a Converse request (DIALECTS §3.2, §3.3, §3.6, §3.13): by turns (block_turns.c); no text
 * without a word in it; a text beside a document. System text within the conversation is text of the user's: few models
 * know the role system there. What is said in words because toolChoice has no "none" depends on what comes last. */
#include "dialect/bedrock_converse/bedrock_converse.h"

#include "llm/state.h"

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

/* A document alone: "you must also include a ContentBlock with a text field" (service model DocumentBlock). */
#define DOCUMENT_WORD "(See the document.)"
#define NO_TOOLS_INSTRUCTION "Answer in words. Do not call any tool."

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

static void write_marked_text(struct request_writing *r, const struct part *p, struct slice text)
{
	write_text(r, text);
	if (p)
		bedrock_write_point(r, p->cache_mark);
}

/* Results take no audio. */
static bool leaves_result(const struct request_writing *r, const struct part *p)
{
	return p->kind == PART_AUDIO && !r->own;
}

static bool takes_later_system(const struct block_messages *m)
{
	return m->r->own;
}

static void add_document_word(struct block_messages *m)
{
	if (m->document && !m->text && m->role == ROLE_USER && !m->r->own)
		write_text(m->r, SLICE(DOCUMENT_WORD));
}

static const struct block_way way = {
	.is_written = is_written,
	.write_part = write_part,
	.write_text = write_marked_text,
	.is_user_media = is_media,
	.is_native = is_native,
	.leaves_result = leaves_result,
	.takes_later_system = takes_later_system,
	.before_end = add_document_word,
};

bool bedrock_write_messages(struct request_writing *r)
{
	struct block_messages m;

	block_begin_messages(&m, r, &way);
	if (!block_write_turns(&m))
		return false;
	if (bedrock_forbids_in_words(r) && m.open && m.role == ROLE_USER) {
		write_text(r, SLICE(NO_TOOLS_INSTRUCTION));
		m.text = true;
		r->lossy |= FIELD_CHOICE_NONE;
	}
	/* Marks the last block, and so comes after all other markers. */
	if (m.open)
		bedrock_write_point(r, r->chat->cache_whole);
	block_end_messages(&m);
	return true;
}
