/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks of a Messages request, and `system` (DIALECTS §3.2, §3.3, §3.6, §3.13). */
#include "dialect/anthropic/anthropic.h"

#include "base/base64.h"
#include "llm/state.h"

bool anthropic_is_reasoning_at_home(const struct request_writing *r, const struct part *p)
{
	return p->kind == PART_REASONING && writes(r, FIELD_REASONING_HISTORY) &&
	       state_is_at_home(&p->state, r->target->provider, DIALECT_ANTHROPIC);
}

bool anthropic_is_native(const struct part *p)
{
	return p->raw_dialect == DIALECT_ANTHROPIC && p->raw.len > 0;
}

bool anthropic_is_user_media(const struct part *p)
{
	return p->kind == PART_IMAGE || p->kind == PART_DOCUMENT;
}

/* Whether anything is written for it at all: audio and video were judged before, and have no form here. */
bool anthropic_is_written(const struct request_writing *r, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT: case PART_REFUSAL:
		/* The API's "text content blocks must contain non-whitespace text". */
		return block_trim_end(p->text).len > 0;
	case PART_REASONING:
		return anthropic_is_reasoning_at_home(r, p);
	case PART_OPAQUE:
		return anthropic_is_native(p) && writes(r, FIELD_OPAQUE_PART);
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
		if (!anthropic_is_written(r, p))
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
	if (anthropic_is_native(p) && p->kind != PART_DOCUMENT && p->raw.len > 2)
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

void anthropic_write_text(struct request_writing *r, const struct part *p, struct slice text)
{
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "type", "text");
	json_member_string(&r->json, "text", text);
	if (p)
		end_block(r, p);
	else
		json_end_object(&r->json);
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
		return request_cannot_write(r, "this provider fetches from http addresses only, not from %.*s",
					    (int)(m->value.len < 8 ? m->value.len : 8), m->value.ptr);
	if (m->source == MEDIA_FILE_ID && !r->own)
		return request_cannot_write(r, "a file that was uploaded elsewhere is not to be had at this provider");
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

/* §3.3: the media limits; the API answers 400 to anything else. */
static bool is_image_mime(struct slice mime)
{
	static const char *const kinds[] = { "image/jpeg", "image/png", "image/gif", "image/webp" };

	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (slice_eq_nocase(mime, slice_cstr(kinds[i])))
			return true;
	return false;
}

static bool write_image(struct request_writing *r, const struct part *p)
{
	const struct media *m = p->media;
	struct slice mime = media_guess_mime(m);

	if (m->source == MEDIA_DATA && mime.len > 0 && !is_image_mime(mime) && !r->own)
		return request_cannot_write(r, "this provider does not take images of type %.*s", SLICE_ARG(mime));
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
		return request_cannot_write(r, "this provider takes PDF and text as documents, not %.*s", SLICE_ARG(mime));
	if (!base64_decode(m->value, r->arena, &text))
		return request_cannot_write(r, "a document's data is not base64");
	write_text_source(r, text);
	return true;
}

static bool write_document(struct request_writing *r, const struct part *p)
{
	const struct media *m = p->media;

	if (anthropic_is_native(p)) {
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
	if (r->own || text.len == 0) {
		json_value_raw(&r->json, text.len > 0 ? text : SLICE("{}"));
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

/* One plain text is a string, as most tools' results are. */
static bool write_result_content(struct request_writing *r, const struct tool_result *result)
{
	const struct part *only = NULL;
	unsigned count = 0;

	for (const struct part *p = result->parts; p; p = p->next)
		if (anthropic_is_written(r, p)) {
			only = p;
			count++;
		}
	if (count == 0)
		return true;
	json_literal_key(&r->json, "content");
	if (count == 1 && only->kind == PART_TEXT && only->cache_mark == CACHE_MARK_NONE &&
	    !anthropic_is_native(only)) {
		json_string(&r->json, only->text);
		return true;
	}
	json_begin_array(&r->json);
	for (const struct part *p = result->parts; p; p = p->next)
		if (anthropic_is_written(r, p) && !anthropic_write_part(r, p))
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

/* One that anthropic_is_written(). */
bool anthropic_write_part(struct request_writing *r, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT: case PART_REFUSAL:
		anthropic_write_text(r, p, p->text);
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

void anthropic_write_system(struct request_writing *r)
{
	const struct part *only = NULL;
	unsigned count = 0;
	bool marked = false;

	for (const struct turn *t = r->chat->turns; t && t->role == ROLE_SYSTEM; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next) {
			if (!anthropic_is_written(r, p))
				continue;
			only = p;
			count++;
			marked |= p->cache_mark != CACHE_MARK_NONE || p->kind != PART_TEXT || anthropic_is_native(p);
		}
	if (count == 0 && !block_wants_json(r))
		return;
	json_literal_key(&r->json, "system");
	if (count == 1 && !marked && !block_wants_json(r)) {
		json_string(&r->json, only->text);
		return;
	}
	json_begin_array(&r->json);
	for (const struct turn *t = r->chat->turns; t && t->role == ROLE_SYSTEM; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (anthropic_is_written(r, p) && (p->kind == PART_TEXT || p->kind == PART_OPAQUE))
				anthropic_write_part(r, p);
	if (block_wants_json(r)) {
		anthropic_write_text(r, NULL, SLICE(BLOCK_JSON_INSTRUCTION));
		r->lossy |= FIELD_FORMAT_JSON;
	}
	json_end_array(&r->json);
}
