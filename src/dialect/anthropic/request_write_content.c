/* SPDX-License-Identifier: Apache-2.0 */
/* system and messages of a Messages request (DIALECTS §3.2, §3.3, §3.6, §3.13).
 *
 * The API wants user and assistant to alternate, beginning with the user; the results of tools first in the user
 * message that follows their calls; no text without a word in it; no white space at the end of an answer that was
 * begun. A run of turns between two assistant turns becomes one user message (results, then media of the assistant's
 * that have no place in its own, then the rest in order) and after it the system text said within the run, as a system
 * message where the model knows such, which stands "immediately after a user turn" (Anthropic's guide to
 * mid-conversation system messages), else as text of the user's in <system-reminder>. All of it depends on the
 * conversation so far and on nothing that comes later, so that a grown one begins with the same bytes. */
#include "dialect/anthropic/anthropic.h"

#include "base/base64.h"
#include "llm/state.h"

/* What stands for the user's first word where there is none. */
#define FIRST_WORD "Begin."
/* The nearest thing to a JSON mode (DIALECTS §3.7: "instruct"). */
#define JSON_INSTRUCTION "Answer with one JSON object and nothing else: no words around it, no code fence."

static bool is_reasoning_at_home(const struct request_writing *r, const struct part *p)
{
	return p->kind == PART_REASONING && writes(r, FIELD_REASONING_HISTORY) &&
	       state_is_at_home(&p->state, r->target->provider, DIALECT_ANTHROPIC);
}

static bool is_native(const struct part *p)
{
	return p->raw_dialect == DIALECT_ANTHROPIC && p->raw.len > 0;
}

static bool is_user_media(const struct part *p)
{
	return p->kind == PART_IMAGE || p->kind == PART_DOCUMENT;
}

/* Whether anything is written for it at all: audio and video were judged before, and have no form here. */
static bool is_written(const struct request_writing *r, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT: case PART_REFUSAL:
		/* The API's "text content blocks must contain non-whitespace text". */
		return anthropic_trim_end(p->text).len > 0;
	case PART_REASONING:
		return is_reasoning_at_home(r, p);
	case PART_OPAQUE:
		return is_native(p) && writes(r, FIELD_OPAQUE_PART);
	case PART_IMAGE: case PART_DOCUMENT: case PART_TOOL_CALL: case PART_TOOL_RESULT:
		return true;
	case PART_AUDIO: case PART_VIDEO:
		return false;
	}
	return false;
}

/* ---- markers ---- */

static unsigned count_part_marks(const struct request_writing *r, const struct part *p)
{
	unsigned count = 0;

	for (; p; p = p->next) {
		if (!is_written(r, p))
			continue;
		if (p->kind == PART_TOOL_RESULT)
			count += count_part_marks(r, p->result->parts);
		/* Thinking cannot be marked. */
		count += p->cache_mark != CACHE_MARK_NONE && p->kind != PART_REASONING;
	}
	return count;
}

unsigned anthropic_count_marks(const struct request_writing *r)
{
	unsigned count = 0;

	for (const struct tool *t = r->chat->tools; t; t = t->next)
		count += t->cache_mark != CACHE_MARK_NONE;
	for (const struct turn *t = r->chat->turns; t; t = t->next)
		count += count_part_marks(r, t->parts);
	return count;
}

/* ---- blocks ---- */

/* The members of a native part beyond the hub's, then its mark; ends the block. */
static void end_block(struct request_writing *r, const struct part *p)
{
	if (is_native(p) && p->kind != PART_DOCUMENT && p->raw.len > 2)
		json_value_raw(&r->json, slice_of(p->raw.ptr + 1, p->raw.len - 2));
	anthropic_write_mark(r, p->cache_mark);
	json_end_object(&r->json);
}

static void write_raw_block(struct request_writing *r, const struct part *p)
{
	json_begin_object(&r->json);
	json_value_raw(&r->json, slice_of(p->raw.ptr + 1, p->raw.len - 2));
	anthropic_write_mark(r, p->cache_mark);
	json_end_object(&r->json);
}

static void write_text(struct request_writing *r, const struct part *p, struct slice text)
{
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "type", "text");
	json_member_string(&r->json, "text", text);
	end_block(r, p);
}

static void write_plain_text(struct request_writing *r, struct slice text)
{
	static const struct part nothing = { 0 };

	write_text(r, &nothing, text);
}

/* What came back wrapped says itself what it is; the flag is of a dialect that may not know. */
static void write_reasoning(struct request_writing *r, const struct part *p)
{
	bool marked = slice_starts_with(p->state.payload, SLICE(ANTHROPIC_REDACTED));

	json_begin_object(&r->json);
	if (marked || (p->redacted && p->state.provider.len == 0)) {
		json_member_cstr(&r->json, "type", "redacted_thinking");
		json_member_string(&r->json, "data", marked ? slice_after(p->state.payload, 1) : p->state.payload);
	} else {
		json_member_cstr(&r->json, "type", "thinking");
		json_member_string(&r->json, "thinking", p->text);
		json_member_string(&r->json, "signature", p->state.payload);
	}
	json_end_object(&r->json);
}

static bool write_reference(struct request_writing *r, const struct media *m)
{
	bool is_web = slice_starts_with(m->value, SLICE("https://")) || slice_starts_with(m->value, SLICE("http://"));

	if (m->source == MEDIA_URL && !is_web)
		return anthropic_cannot_write(r, "this provider fetches from http addresses only, not from %.*s",
					      (int)(m->value.len < 8 ? m->value.len : 8), m->value.ptr);
	if (m->source == MEDIA_FILE_ID && !is_own(r))
		return anthropic_cannot_write(r, "a file that was uploaded elsewhere is not to be had at this provider");
	json_member_cstr(&r->json, "type", m->source == MEDIA_URL ? "url" : "file");
	if (m->source == MEDIA_URL)
		json_member_string(&r->json, "url", m->value);
	else
		json_member_string(&r->json, "file_id", m->value);
	return true;
}

static void write_base64(struct request_writing *r, struct slice mime, struct slice data)
{
	json_member_cstr(&r->json, "type", "base64");
	json_member_string(&r->json, "media_type", mime);
	json_member_string(&r->json, "data", data);
}

static bool write_image(struct request_writing *r, const struct part *p)
{
	const struct media *m = p->media;
	struct slice mime = media_guess_mime(m);

	json_begin_object(&r->json);
	json_member_cstr(&r->json, "type", "image");
	json_literal_key(&r->json, "source");
	json_begin_object(&r->json);
	if (m->source == MEDIA_DATA)
		write_base64(r, mime.len > 0 ? mime : SLICE("image/png"), m->value);
	else if (!write_reference(r, m))
		return false;
	json_end_object(&r->json);
	end_block(r, p);
	return true;
}

static void write_text_source(struct request_writing *r, struct slice text)
{
	json_member_cstr(&r->json, "type", "text");
	json_member_cstr(&r->json, "media_type", "text/plain");
	json_member_string(&r->json, "data", text);
}

static bool is_text_mime(struct slice mime)
{
	static const char *const kinds[] = { "application/json", "application/xml", "application/yaml",
					     "application/x-yaml" };

	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (slice_starts_with(mime, slice_cstr(kinds[i])))
			return true;
	return slice_starts_with(mime, SLICE("text/"));
}

/* As data the API takes PDF only; texts go as what they are (SDK types Base64PDFSource, PlainTextSource). */
static bool write_document_data(struct request_writing *r, const struct media *m)
{
	struct slice mime = media_guess_mime(m), text;

	if (mime.len == 0 || slice_starts_with(mime, SLICE("application/pdf"))) {
		write_base64(r, SLICE("application/pdf"), m->value);
		return true;
	}
	if (!is_text_mime(mime))
		return anthropic_cannot_write(r, "this provider takes PDF and text as documents, not %.*s", SLICE_ARG(mime));
	if (!base64_decode(m->value, r->arena, &text))
		return anthropic_cannot_write(r, "a document's data is not base64");
	write_text_source(r, text);
	return true;
}

static bool write_document(struct request_writing *r, const struct part *p)
{
	const struct media *m = p->media;

	if (is_native(p)) {
		write_raw_block(r, p);
		return true;
	}
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "type", "document");
	json_literal_key(&r->json, "source");
	json_begin_object(&r->json);
	if (m->source == MEDIA_TEXT)
		write_text_source(r, m->value);
	else if (!(m->source == MEDIA_DATA ? write_document_data(r, m) : write_reference(r, m)))
		return false;
	json_end_object(&r->json);
	if (m->name.len > 0)
		json_member_string(&r->json, "title", m->name);
	if (m->context.len > 0)
		json_member_string(&r->json, "context", m->context);
	if (m->citations && writes(r, FIELD_DOCUMENT_CITATIONS)) {
		json_literal_key(&r->json, "citations");
		json_value_raw(&r->json, SLICE("{\"enabled\":true}"));
	}
	end_block(r, p);
	return true;
}

/* The input must be an object. What a model wrote that is none (cut off, say) is told as such rather than refused:
 * {"_raw":"…"} (DIALECTS §3.6). */
static void write_input(struct request_writing *r, const struct tool_call *call)
{
	struct json_doc doc;
	struct json_error error;
	struct slice text = slice_trim(call->arguments);

	json_literal_key(&r->json, "input");
	if (is_own(r) || text.len == 0) {
		json_value_raw(&r->json, text.len > 0 ? text : SLICE("{}"));
	} else if (call->custom) {
		json_begin_object(&r->json);
		json_member_string(&r->json, "input", call->arguments);
		json_end_object(&r->json);
	} else if (json_parse(r->arena, text, &doc, &error) && json_is(json_root(&doc), JSON_OBJECT)) {
		json_value_raw(&r->json, text);
	} else {
		json_begin_object(&r->json);
		json_member_string(&r->json, "_raw", call->arguments);
		json_end_object(&r->json);
	}
}

static void write_tool_use(struct request_writing *r, const struct part *p)
{
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "type", "tool_use");
	json_member_string(&r->json, "id", names_id(p->call->id, &name_rule_anthropic, false, r->arena));
	json_member_string(&r->json, "name", names_out(r->target->names, p->call->name, &name_rule_anthropic));
	write_input(r, p->call);
	end_block(r, p);
}

static bool write_part(struct request_writing *r, const struct part *p);

/* One plain text is a string, as most tools' results are. */
static bool write_result_content(struct request_writing *r, const struct tool_result *result)
{
	const struct part *only = NULL;
	unsigned count = 0;

	for (const struct part *p = result->parts; p; p = p->next)
		if (is_written(r, p)) {
			only = p;
			count++;
		}
	if (count == 0)
		return true;
	json_literal_key(&r->json, "content");
	if (count == 1 && only->kind == PART_TEXT && only->cache_mark == CACHE_MARK_NONE && !is_native(only)) {
		json_string(&r->json, only->text);
		return true;
	}
	json_begin_array(&r->json);
	for (const struct part *p = result->parts; p; p = p->next)
		if (is_written(r, p) && !write_part(r, p))
			return false;
	json_end_array(&r->json);
	return true;
}

static bool write_tool_result(struct request_writing *r, const struct part *p)
{
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "type", "tool_result");
	json_member_string(&r->json, "tool_use_id", names_id(p->result->id, &name_rule_anthropic, false, r->arena));
	if (!write_result_content(r, p->result))
		return false;
	if (p->result->is_error && writes(r, FIELD_RESULT_ERROR))
		json_member_bool(&r->json, "is_error", true);
	end_block(r, p);
	return true;
}

/* One that is_written(). */
static bool write_part(struct request_writing *r, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT: case PART_REFUSAL:
		write_text(r, p, p->text);
		return true;
	case PART_REASONING:
		write_reasoning(r, p);
		return true;
	case PART_IMAGE:
		return write_image(r, p);
	case PART_DOCUMENT:
		return write_document(r, p);
	case PART_TOOL_CALL:
		write_tool_use(r, p);
		return true;
	case PART_TOOL_RESULT:
		return write_tool_result(r, p);
	case PART_OPAQUE:
		write_raw_block(r, p);
		return true;
	case PART_AUDIO: case PART_VIDEO:
		break;
	}
	return true;
}

/* ---- system ---- */

static bool wants_json(const struct request_writing *r)
{
	return r->chat->format.kind == FORMAT_JSON && writes(r, FIELD_FORMAT_JSON);
}

void anthropic_write_system(struct request_writing *r)
{
	const struct part *only = NULL;
	unsigned count = 0;
	bool marked = false;

	for (const struct turn *t = r->chat->turns; t && t->role == ROLE_SYSTEM; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next) {
			if (!is_written(r, p))
				continue;
			only = p;
			count++;
			marked |= p->cache_mark != CACHE_MARK_NONE || p->kind != PART_TEXT || is_native(p);
		}
	if (count == 0 && !wants_json(r))
		return;
	json_literal_key(&r->json, "system");
	if (count == 1 && !marked && !wants_json(r)) {
		json_string(&r->json, only->text);
		return;
	}
	json_begin_array(&r->json);
	for (const struct turn *t = r->chat->turns; t && t->role == ROLE_SYSTEM; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (is_written(r, p) && (p->kind == PART_TEXT || p->kind == PART_OPAQUE))
				write_part(r, p);
	if (wants_json(r)) {
		write_plain_text(r, SLICE(JSON_INSTRUCTION));
		r->lossy |= FIELD_FORMAT_JSON;
	}
	json_end_array(&r->json);
}

/* ---- messages ---- */

struct messages {
	struct request_writing *r;
	bool any;                      /* one was begun */
	bool open;
	enum chat_role role;           /* of the open one */
	unsigned number;               /* of the turn it began with, as they were read */
	const struct other_member *others; /* of messages yet to be closed, in their order */
	const struct turn *media_of, *media_end; /* assistant turns whose media wait for the next user message */
};

/* The number in "messages.7.clear_at"; false for any other path. */
static bool read_number(struct slice path, unsigned long long *ret, struct slice *ret_name)
{
	struct slice head = slice_next_token(&path, '.');
	struct slice number = slice_next_token(&path, '.');

	*ret_name = path;
	return slice_eq(head, SLICE("messages")) && slice_to_u64(number, ret);
}

/* What betas add to a message, where it was read in this dialect. */
static void write_message_others(struct messages *m)
{
	unsigned long long number;
	struct slice name;

	for (; m->others && read_number(m->others->path, &number, &name) && number <= m->number;
	     m->others = m->others->next)
		if (number == m->number && name.len > 0 && writes(m->r, m->others->field)) {
			json_key(&m->r->json, name);
			json_value_raw(&m->r->json, m->others->raw);
		}
}

static void close_message(struct messages *m)
{
	if (!m->open)
		return;
	json_end_array(&m->r->json);
	write_message_others(m);
	json_end_object(&m->r->json);
	m->open = false;
}

static void open_message(struct messages *m, enum chat_role role, unsigned number)
{
	static const char *const names[] = { [ROLE_SYSTEM] = "system", [ROLE_USER] = "user",
					     [ROLE_ASSISTANT] = "assistant" };
	bool had_any = m->any;

	if (m->open && m->role == role)
		return;
	close_message(m);
	m->any = true;
	if (!had_any && role != ROLE_USER) {
		open_message(m, ROLE_USER, 0);
		write_plain_text(m->r, SLICE(FIRST_WORD));
		m->open = false;
		json_end_array(&m->r->json);
		json_end_object(&m->r->json);
	}
	json_begin_object(&m->r->json);
	json_member_cstr(&m->r->json, "role", names[role]);
	json_literal_key(&m->r->json, "content");
	json_begin_array(&m->r->json);
	m->open = true;
	m->role = role;
	m->number = number;
}

/* Which parts of a run's turns a pass writes. */
enum pass { PASS_RESULTS, PASS_REST, PASS_SYSTEM };

static bool belongs(const struct turn *t, const struct part *p, enum pass pass)
{
	if (t->role == ROLE_SYSTEM)
		return pass == PASS_SYSTEM;
	return pass == (p->kind == PART_TOOL_RESULT ? PASS_RESULTS : PASS_REST);
}

/* Images that a model made have no place in its own message here. */
static bool write_waiting_media(struct messages *m, unsigned number)
{
	for (const struct turn *t = m->media_of; t && t != m->media_end; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next) {
			if (!is_user_media(p) || (p->kind == PART_DOCUMENT && is_native(p)))
				continue;
			open_message(m, ROLE_USER, number);
			if (!write_part(m->r, p))
				return false;
		}
	m->media_of = NULL;
	return true;
}

static void write_reminder(struct messages *m, unsigned number, const struct part *p)
{
	open_message(m, ROLE_USER, number);
	write_text(m->r, p,
		   arena_printf(m->r->arena, "<system-reminder>\n%.*s\n</system-reminder>", SLICE_ARG(p->text)));
}

static bool write_pass(struct messages *m, const struct turn *from, const struct turn *to, unsigned number,
		       enum pass pass)
{
	bool as_system = pass == PASS_SYSTEM && writes(m->r, FIELD_LATER_SYSTEM) &&
			 !(m->r->target->rules->rejects & REJECTS_LATER_SYSTEM) && m->open && m->role == ROLE_USER;

	for (const struct turn *t = from; t != to; t = t->next, number++)
		for (const struct part *p = t->parts; p; p = p->next) {
			if (!belongs(t, p, pass) || !is_written(m->r, p))
				continue;
			if (pass == PASS_SYSTEM && !as_system && p->kind == PART_TEXT) {
				write_reminder(m, number, p);
				continue;
			}
			open_message(m, as_system ? ROLE_SYSTEM : ROLE_USER, number);
			if (!write_part(m->r, p))
				return false;
		}
	return true;
}

/* Turns of the user's and of system text between two assistant turns. */
static bool write_run(struct messages *m, const struct turn *from, const struct turn *to, unsigned number)
{
	return write_pass(m, from, to, number, PASS_RESULTS) && write_waiting_media(m, number) &&
	       write_pass(m, from, to, number, PASS_REST) && write_pass(m, from, to, number, PASS_SYSTEM);
}

/* The last part that is written, if the answer is to go on from there. */
static const struct part *last_written(const struct request_writing *r, const struct turn *t)
{
	const struct part *last = NULL;

	for (const struct part *p = t->next ? NULL : t->parts; p; p = p->next)
		if (is_written(r, p) && !is_user_media(p))
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
	return !is_own(r) && first && first->kind != PART_REASONING;
}

/* Does the run of assistant turns begin with thinking, as it is written? */
static bool begins_with_reasoning(const struct request_writing *r, const struct turn *t)
{
	bool hoist = hoists_reasoning(r, t);

	for (const struct part *p = t->parts; p; p = p->next) {
		if (is_reasoning_at_home(r, p))
			return true;
		if (is_written(r, p) && !hoist)
			return false;
	}
	return false;
}

bool anthropic_lacks_thinking(const struct request_writing *r)
{
	const struct turn *last = NULL, *before = NULL;
	bool results = false;

	for (const struct turn *t = r->chat->turns; t; before = t, t = t->next) {
		if (t->role == ROLE_ASSISTANT && (!before || before->role != ROLE_ASSISTANT)) {
			last = t;
			results = false;
		}
		for (const struct part *p = t->role == ROLE_USER ? t->parts : NULL; p && !results; p = p->next)
			results = p->kind == PART_TOOL_RESULT;
	}
	return last && results && !begins_with_reasoning(r, last);
}

static bool write_assistant(struct messages *m, const struct turn *t, unsigned number)
{
	const struct part *last = last_written(m->r, t);
	bool hoist = hoists_reasoning(m->r, t);

	for (unsigned pass = hoist ? 0 : 1; pass < 2; pass++)
		for (const struct part *p = t->parts; p; p = p->next) {
			bool reasoning = p->kind == PART_REASONING;

			if (!is_written(m->r, p) || (hoist && reasoning != (pass == 0)) ||
			    (is_user_media(p) && !is_native(p)))
				continue;
			open_message(m, ROLE_ASSISTANT, number);
			if (p == last && (p->kind == PART_TEXT || p->kind == PART_REFUSAL))
				write_text(m->r, p, anthropic_trim_end(p->text));
			else if (!write_part(m->r, p))
				return false;
		}
	if (!m->media_of)
		m->media_of = t;
	m->media_end = t->next;
	return true;
}

bool anthropic_write_messages(struct request_writing *r)
{
	struct messages m = { .r = r, .others = is_own(r) ? r->chat->others : NULL };
	const struct turn *t = r->chat->turns;
	unsigned number = 0;

	while (t && t->role == ROLE_SYSTEM)
		t = t->next;
	json_literal_key(&r->json, "messages");
	json_begin_array(&r->json);
	while (t) {
		const struct turn *from = t;
		unsigned first = number;

		for (; t && t->role != ROLE_ASSISTANT; t = t->next)
			number++;
		if (t != from && !write_run(&m, from, t, first))
			return false;
		for (; t && t->role == ROLE_ASSISTANT; t = t->next)
			if (!write_assistant(&m, t, number++))
				return false;
	}
	if (!m.any) {
		open_message(&m, ROLE_USER, 0);
		write_plain_text(r, SLICE(FIRST_WORD));
	}
	close_message(&m);
	json_end_array(&r->json);
	return true;
}
