/* SPDX-License-Identifier: Apache-2.0 */
/* Writing what the dialects of blocks have in common. */
#include "dialect/block_shape.h"

#include "llm/schema.h"

void block_plan(struct request_writing *r, unsigned marks)
{
	const struct chat *c = r->chat;

	marks += c->cache_whole != CACHE_MARK_NONE;
	r->marks_to_skip = marks > CACHE_MARKS_MAX ? marks - CACHE_MARKS_MAX : 0;
	r->answer_by_tool = c->format.kind == FORMAT_SCHEMA && writes(r, FIELD_FORMAT_SCHEMA) &&
			    (r->target->rules->rejects & REJECTS_SCHEMA);
}

bool block_takes_mark(struct request_writing *r, enum cache_mark mark)
{
	if (mark == CACHE_MARK_NONE || !writes(r, FIELD_CACHE_MARKS))
		return false;
	if (r->marks_to_skip > 0) {
		r->marks_to_skip--;
		r->lossy |= FIELD_CACHE_MARKS;
		return false;
	}
	if (mark == CACHE_MARK_1H && r->short_mark_written)
		r->lossy |= FIELD_CACHE_MARKS; /* it is written as a short one */
	r->short_mark_written |= mark == CACHE_MARK_5M;
	return true;
}

/* ---- others ---- */

void block_keep_message_others(struct chat_reading *r, struct json message, unsigned number)
{
	static const char *const known[] = { "role", "content", NULL };

	chat_keep_others(r, message, known, arena_printf(r->arena, "messages.%u", number));
}

static bool is_other_of(const struct request_writing *r, const struct other_member *m, struct slice parent)
{
	return writes(r, m->field) && m->path.len > parent.len + 1 && slice_starts_with(m->path, parent) &&
	       m->path.ptr[parent.len] == '.';
}

void block_write_others(struct request_writing *r, struct slice parent)
{
	for (const struct other_member *m = r->own ? r->chat->others : NULL; m; m = m->next) {
		if (!is_other_of(r, m, parent))
			continue;
		json_key(&r->json, slice_after(m->path, parent.len + 1));
		json_value_raw(&r->json, m->raw);
	}
}

bool block_has_others(const struct request_writing *r, struct slice parent)
{
	for (const struct other_member *m = r->own ? r->chat->others : NULL; m; m = m->next)
		if (is_other_of(r, m, parent))
			return true;
	return false;
}

/* ---- text ---- */

struct slice block_trim_end(struct slice text)
{
	while (text.len > 0 && text.ptr[text.len - 1] != '\0' && strchr(" \t\r\n\v\f", text.ptr[text.len - 1]))
		text.len--;
	return text;
}

bool block_wants_json(const struct request_writing *r)
{
	return r->chat->format.kind == FORMAT_JSON && writes(r, FIELD_FORMAT_JSON);
}

/* ---- tools ---- */

bool block_allows_tool(const struct request_writing *r, const struct tool *t)
{
	return !writes(r, FIELD_CHOICE_ALLOWED) || request_allows_tool(r->chat, t);
}

bool block_claim_answer_tool(struct request_writing *r)
{
	if (!json_text_eq(json_get(r->chat->format.schema, "type"), SLICE("object")))
		return request_cannot_write(r, "this model has no structured output, and a tool instead takes objects only");
	for (const struct tool *t = r->chat->tools; t; t = t->next)
		if (slice_eq(t->name, SLICE(NAMES_ANSWER_TOOL)))
			return request_cannot_write(r, "this model has no structured output, and the tool's name for it is taken");
	r->target->names->answer_tool = SLICE(NAMES_ANSWER_TOOL);
	return true;
}

void block_write_answer_head(struct request_writing *r)
{
	const struct output_format *format = &r->chat->format;

	json_member_cstr(&r->json, "name", NAMES_ANSWER_TOOL);
	json_member_string(&r->json, "description", format->description.len > 0 ? format->description :
			   SLICE("Gives the answer. Call it once, with the whole answer as its input."));
}

bool block_write_answer_schema(struct request_writing *r)
{
	struct schema_report report;

	return schema_write(r->chat->format.schema, SCHEMA_PLAIN, SCHEMA_TOOL, r->arena, &r->json, &report) ||
	       request_cannot_write(r, "the schema of the answer cannot be said to this model: %s", report.reason);
}
