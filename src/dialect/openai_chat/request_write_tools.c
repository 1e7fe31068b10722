/* SPDX-License-Identifier: Apache-2.0 */
/* What a chat completion request says of the answer's form: response_format, tools and the choice among them (DIALECTS
 * §3.4, §3.5, §3.7). */
#include "dialect/openai_chat/openai_chat_internal.h"
#include "dialect/web_search.h"

#include "llm/names.h"

/* ---- format ---- */

#define SCHEMA_IN_WORDS "Answer with nothing but a JSON object that is valid for this JSON schema:\n"

/* A provider that knows no schemas gets it in words, beside its JSON mode. */
static bool schema_in_words(const struct chat_writing *wr)
{
	return writing_quirk(wr, QUIRK_JSON_OBJECT_ONLY) || (wr->target->rules->rejects & REJECTS_SCHEMA);
}

static bool mentions_json(const struct chat *c)
{
	for (const struct turn *t = c->turns; t; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (p->kind == PART_TEXT && slice_find_nocase(p->text, SLICE("json")) != SIZE_MAX)
				return true;
	return false;
}

void openai_chat_find_words(struct chat_writing *wr)
{
	const struct output_format *f = &wr->chat->format;

	if (f->kind == FORMAT_SCHEMA && writing_carries(wr, FIELD_FORMAT_SCHEMA) && schema_in_words(wr))
		wr->words = arena_join(wr->scratch, SLICE(SCHEMA_IN_WORDS), json_raw(f->schema));
	/* OpenAI and those after it refuse JSON mode unless a message speaks of JSON; others have no such rule. */
	else if (f->kind == FORMAT_JSON && writing_carries(wr, FIELD_FORMAT_JSON) && !wr->same &&
		 !mentions_json(wr->chat))
		wr->words = SLICE("Answer with nothing but a JSON object.");
}

/* Strictly if the client asked for that, or its own dialect is always strict and the schema survives it as it is: not
 * where optional members would become required ones that may be null, which the client knows nothing of. */
static bool write_schema(struct chat_writing *wr)
{
	const struct output_format *f = &wr->chat->format;
	struct json_writer before = wr->w;
	size_t len = wr->w.out->len;
	struct schema_report report = { 0 };
	bool always = wr->chat->dialect != DIALECT_OPENAI_CHAT && wr->chat->dialect != DIALECT_OPENAI_RESPONSES;

	json_literal_key(&wr->w, "schema");
	if (wr->same) {                /* written for this dialect; not every provider of it is as narrow as OpenAI */
		json_value_raw(&wr->w, json_raw(f->schema));
		if (f->strict != UNSAID)
			json_member_bool(&wr->w, "strict", f->strict == SAID_YES);
		return true;
	}
	if (f->strict == SAID_YES || (f->strict == UNSAID && always)) {
		bool written = schema_write(f->schema, SCHEMA_OPENAI_STRICT, SCHEMA_OUTPUT, wr->scratch, &wr->w,
					    &report);

		if (written && (f->strict == SAID_YES || !(report.lossy || report.nullable))) {
			json_member_bool(&wr->w, "strict", true);
			writing_lost(wr, FIELD_FORMAT_SCHEMA, report.lossy);
			return true;
		}
		wr->w = before;
		wr->w.out->len = len;
		json_literal_key(&wr->w, "schema");
	}
	if (!schema_write(f->schema, SCHEMA_PLAIN, SCHEMA_OUTPUT, wr->scratch, &wr->w, &report))
		return failure_set(wr->reterr, FAILURE_REQUEST, "the answer's schema cannot be said there: %s",
				   report.reason ? report.reason : "it is too large");
	writing_lost(wr, FIELD_FORMAT_SCHEMA, report.lossy || f->strict == SAID_YES);
	if (f->strict == SAID_NO || f->strict == SAID_YES)
		json_member_bool(&wr->w, "strict", false);
	return true;
}

bool openai_chat_write_format(struct chat_writing *wr)
{
	const struct output_format *f = &wr->chat->format;
	struct json_writer *w = &wr->w;
	bool schema = f->kind == FORMAT_SCHEMA && writing_carries(wr, FIELD_FORMAT_SCHEMA);

	if (f->kind == FORMAT_TEXT && wr->same) {
		json_literal_key(w, "response_format");
		json_value_raw(w, SLICE("{\"type\":\"text\"}"));
	}
	if ((schema && schema_in_words(wr)) || (f->kind == FORMAT_JSON && writing_carries(wr, FIELD_FORMAT_JSON))) {
		json_literal_key(w, "response_format");
		json_value_raw(w, SLICE("{\"type\":\"json_object\"}"));
		return true;
	}
	if (!schema)
		return true;
	json_literal_key(w, "response_format");
	json_begin_object(w);
	json_member_cstr(w, "type", "json_schema");
	json_literal_key(w, "json_schema");
	json_begin_object(w);
	json_member_string(w, "name", f->name.len > 0 ? names_id(f->name, &name_rule_openai, false, wr->scratch)
						      : SLICE("answer"));
	if (f->description.len > 0)
		json_member_string(w, "description", f->description);
	if (!write_schema(wr))
		return false;
	json_end_object(w);
	json_end_object(w);
	return true;
}

/* ---- tools ---- */

/* Those that run at the provider go back to where they came from only. */
unsigned openai_chat_count_native_tools(const struct chat_writing *wr)
{
	unsigned count = 0;

	for (const struct tool *t = wr->chat->tools; t && wr->same; t = t->next)
		count += t->kind == TOOL_OTHER && t->raw_dialect == DIALECT_OPENAI_CHAT &&
			 writing_carries(wr, FIELD_SERVER_TOOLS);
	return count;
}

bool openai_chat_write_tools(struct chat_writing *wr, unsigned count)
{
	const struct chat *c = wr->chat;

	if (count == 0)
		return true;
	json_literal_key(&wr->w, "tools");
	if (openai_chat_count_native_tools(wr) == 0)
		return shape_write_tools(&wr->w, c, wr->target, &wr->shape, wr->scratch, wr->reterr);
	json_begin_array(&wr->w);
	for (const struct tool *t = c->tools; t; t = t->next)
		json_value_raw(&wr->w, json_raw(t->raw));
	json_end_array(&wr->w);
	return true;
}

/* Domains have no word here (DIALECTS §3.14). */
static void write_search_options(struct chat_writing *wr, const struct tool *t)
{
	struct web_search s;

	web_search_read(t, &s);
	web_search_note(&s, SEARCH_LOCATION | SEARCH_SIZE, wr->target);
	json_begin_object(&wr->w);
	web_search_write(&wr->w, "search_context_size", s.size);
	web_search_write_location(&wr->w, &s, true);
	json_end_object(&wr->w);
}

void openai_chat_write_web_search(struct chat_writing *wr)
{
	for (const struct tool *t = wr->chat->tools; t; t = t->next) {
		if (t->kind != TOOL_WEB_SEARCH || !writing_carries(wr, FIELD_WEB_SEARCH))
			continue;
		json_literal_key(&wr->w, "web_search_options");
		if (t->raw_dialect == DIALECT_OPENAI_CHAT)
			json_value_raw(&wr->w, json_raw(t->raw));
		else
			write_search_options(wr, t);
		return;
	}
}

static void write_tool_reference(struct chat_writing *wr, struct slice name)
{
	struct json_writer *w = &wr->w;
	bool custom = false;

	for (const struct tool *t = wr->chat->tools; t; t = t->next)
		if (slice_eq(t->name, name))
			custom = t->kind == TOOL_CUSTOM;
	json_begin_object(w);
	json_member_cstr(w, "type", custom ? "custom" : "function");
	json_key(w, custom ? SLICE("custom") : SLICE("function"));
	json_begin_object(w);
	json_member_string(w, "name", names_out(wr->target->names, name, wr->shape.names));
	json_end_object(w);
	json_end_object(w);
}

static void write_allowed(struct chat_writing *wr)
{
	const struct tool_choice *choice = &wr->chat->choice;
	struct json_writer *w = &wr->w;

	json_begin_object(w);
	json_member_cstr(w, "type", "allowed_tools");
	json_literal_key(w, "allowed_tools");
	json_begin_object(w);
	json_member_cstr(w, "mode", choice->mode == CHOICE_REQUIRED ? "required" : "auto");
	json_literal_key(w, "tools");
	json_begin_array(w);
	for (unsigned i = 0; i < choice->allowed_count; i++)
		write_tool_reference(wr, choice->allowed[i]);
	json_end_array(w);
	json_end_object(w);
	json_end_object(w);
}

/* Auto is what every provider does when tools are there: only a client of this dialect that said it says it again. */
void openai_chat_write_choice(struct chat_writing *wr)
{
	const struct tool_choice *choice = &wr->chat->choice;
	struct json_writer *w = &wr->w;

	if (wr->same && choice->allowed_count > 0 && writing_carries(wr, FIELD_CHOICE_ALLOWED)) {
		json_literal_key(w, "tool_choice");
		write_allowed(wr);
	} else if (choice->mode == CHOICE_AUTO && wr->same) {
		json_member_cstr(w, "tool_choice", "auto");
	} else if (choice->mode == CHOICE_NONE && writing_carries(wr, FIELD_CHOICE_NONE)) {
		json_member_cstr(w, "tool_choice", "none");
	} else if (choice->mode == CHOICE_REQUIRED && writing_carries(wr, FIELD_CHOICE_REQUIRED)) {
		json_member_cstr(w, "tool_choice", writing_quirk(wr, QUIRK_REQUIRED_IS_ANY) ? "any" : "required");
	} else if (choice->mode == CHOICE_NAMED && writing_carries(wr, FIELD_CHOICE_NAMED)) {
		json_literal_key(w, "tool_choice");
		write_tool_reference(wr, choice->name);
	}
}

/* Only beside tools: OpenAI refuses it without. */
void openai_chat_write_parallel(struct chat_writing *wr)
{
	enum said parallel = wr->chat->choice.parallel;

	if (parallel == SAID_NO && writing_carries(wr, FIELD_PARALLEL_CONTROL))
		json_member_bool(&wr->w, "parallel_tool_calls", false);
	else if ((parallel == SAID_YES && wr->same && !writing_quirk(wr, QUIRK_NO_PARALLEL_CONTROL)) ||
		 (parallel != SAID_NO && writing_quirk(wr, QUIRK_PARALLEL_IS_ASKED)))
		json_member_bool(&wr->w, "parallel_tool_calls", true);
}
