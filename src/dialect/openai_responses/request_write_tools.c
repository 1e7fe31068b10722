/* SPDX-License-Identifier: Apache-2.0 */
/* Tools, tool choice and output format of a Responses request (DIALECTS §3.4, §3.5, §3.7, §3.14). */
#include "dialect/chat_shape.h"
#include "dialect/openai_responses/openai_responses.h"
#include "dialect/web_search.h"

/* ---- schemas ---- */

/* As a strict schema when that loses nothing; what strict cannot say makes it an ordinary one (DIALECTS §3.8). */
static bool try_strict(const struct responses_request *q, struct json schema, enum schema_use use)
{
	struct schema_report report = { 0 };
	struct json_writer w;
	struct buf text;
	bool said;

	buf_init(&text, SCHEMA_OUTPUT_MAX);
	json_writer_init(&w, &text);
	said = schema_write(schema, SCHEMA_OPENAI_STRICT, use, q->scratch, &w, &report) && !report.lossy && !w.overflow;
	if (said)
		json_value_raw(q->w, buf_slice(&text));
	buf_done(&text);
	return said;
}

/* Returns whether it is strict. */
static bool write_schema(const struct responses_request *q, struct json schema, bool strict, enum schema_use use,
			 uint64_t field)
{
	struct schema_report report = { 0 };

	if (strict && try_strict(q, schema, use))
		return true;
	if (strict)
		*q->target->rewritten_lossy |= field;
	if (!schema_write(schema, SCHEMA_PLAIN, use, q->scratch, q->w, &report))
		*q->failed = !failure_set(q->failure, FAILURE_REQUEST, "a JSON schema cannot be said there: %s",
					  report.reason ? report.reason : "it is too large");
	return false;
}

/* `name` is a hub's; OpenAI wants one of its alphabet for schemas too. */
static void write_output_schema(const struct responses_request *q)
{
	const struct output_format *f = &q->chat->format;
	/* Dialects that have no word for it mean it strictly: their providers enforce the schema. */
	bool openai = q->own || q->chat->dialect == DIALECT_OPENAI_CHAT;
	bool strict = f->strict == SAID_YES || (f->strict == UNSAID && !openai);

	json_member_cstr(q->w, "type", "json_schema");
	json_member_string(q->w, "name", f->name.len == 0 ? SLICE("answer") : names_out(q->target->names, f->name, &name_rule_openai));
	if (f->description.len > 0)
		json_member_string(q->w, "description", f->description);
	json_literal_key(q->w, "schema");
	if (q->own) {
		json_value_raw(q->w, json_exists(f->schema) ? json_raw(f->schema) : SLICE("{}"));
		if (f->strict != UNSAID)
			json_member_bool(q->w, "strict", strict);
		return;
	}
	strict = write_schema(q, f->schema, strict, SCHEMA_OUTPUT, FIELD_FORMAT_SCHEMA);
	json_member_bool(q->w, "strict", strict);
}

void responses_write_format(const struct responses_request *q)
{
	json_literal_key(q->w, "format");
	json_begin_object(q->w);
	if (q->chat->format.kind == FORMAT_SCHEMA)
		write_output_schema(q);
	else
		json_member_cstr(q->w, "type", q->chat->format.kind == FORMAT_JSON ? "json_object" : "text");
	json_end_object(q->w);
}

/* ---- tools ---- */

static void write_function(const struct responses_request *q, const struct tool *t)
{
	bool strict = t->strict == SAID_YES && responses_says(q, FIELD_TOOL_STRICT);

	json_begin_object(q->w);
	json_member_cstr(q->w, "type", "function");
	json_member_string(q->w, "name", names_out(q->target->names, t->name, &name_rule_openai));
	if (t->description.len > 0)
		json_member_string(q->w, "description", t->description);
	json_literal_key(q->w, "parameters");
	if (json_exists(t->parameters) || strict)
		strict = write_schema(q, t->parameters, strict, SCHEMA_TOOL, FIELD_TOOL_STRICT);
	else
		json_value_raw(q->w, SLICE("{\"type\":\"object\",\"properties\":{}}"));
	/* Always said: without it this API makes them strict (DIALECTS §3.4). */
	if (!(q->target->quirks & QUIRK_NO_STRICT))
		json_member_bool(q->w, "strict", strict);
	json_end_object(q->w);
}

/* The grammar's syntax and definition stand beside the type; chat completions have them in an object of their own. */
static void write_custom(const struct responses_request *q, const struct tool *t)
{
	struct json inner = json_get(t->grammar, "grammar");

	json_begin_object(q->w);
	json_member_cstr(q->w, "type", "custom");
	json_member_string(q->w, "name", names_out(q->target->names, t->name, &name_rule_openai));
	if (t->description.len > 0)
		json_member_string(q->w, "description", t->description);
	if (json_is(inner, JSON_OBJECT)) {
		json_literal_key(q->w, "format");
		json_begin_object(q->w);
		json_member_cstr(q->w, "type", "grammar");
		for (struct json_walk w = json_walk(inner); json_walk_next(&w);) {
			json_key(q->w, json_text(w.key, q->scratch));
			json_value_raw(q->w, json_raw(w.value));
		}
		json_end_object(q->w);
	} else if (json_is(t->grammar, JSON_OBJECT)) {
		json_literal_key(q->w, "format");
		json_value_raw(q->w, json_raw(t->grammar));
	}
	json_end_object(q->w);
}

/* Which domains not to look at has no word here (DIALECTS §3.14). */
static void write_search(const struct responses_request *q, const struct tool *t)
{
	struct web_search s;

	web_search_read(t, &s);
	web_search_note(&s, SEARCH_ALLOWED | SEARCH_LOCATION | SEARCH_SIZE, q->target);
	json_begin_object(q->w);
	json_member_cstr(q->w, "type", "web_search");
	if (s.said & SEARCH_ALLOWED) {
		json_literal_key(q->w, "filters");
		json_begin_object(q->w);
		web_search_write(q->w, "allowed_domains", s.allowed);
		json_end_object(q->w);
	}
	web_search_write_location(q->w, &s, false);
	web_search_write(q->w, "search_context_size", s.size);
	json_end_object(q->w);
}

static bool is_written(const struct responses_request *q, const struct tool *t)
{
	switch (t->kind) {
	case TOOL_FUNCTION:
		return responses_says(q, FIELD_TOOLS);
	case TOOL_CUSTOM:
		return responses_says(q, FIELD_CUSTOM_TOOLS);
	case TOOL_WEB_SEARCH:
		return responses_says(q, FIELD_WEB_SEARCH);
	case TOOL_WEB_FETCH: case TOOL_CODE: case TOOL_OTHER:
		break;
	}
	return q->own && responses_says(q, FIELD_SERVER_TOOLS);
}

/* The definition of the namespace that the tool is in, or NULL. */
static const struct other_member *namespace_of(const struct responses_request *q, const struct tool *t)
{
	for (const struct other_member *m = q->chat->others; m; m = m->next) {
		struct slice one, namespace;

		if (!slice_starts_with(m->path, SLICE("namespaces.")))
			continue;
		one = slice_after(m->path, SLICE("namespaces.").len);
		responses_own_name(&one, 1, t->name, &namespace);
		if (namespace.len > 0)
			return m;
	}
	return NULL;
}

/* As it came: with all that only this dialect knows. A namespace is written with its first tool. */
static void write_own(const struct responses_request *q, const struct tool *t, const struct other_member **namespace)
{
	const struct other_member *in = namespace_of(q, t);

	if (!in)
		json_value_raw(q->w, json_raw(t->raw));
	else if (in != *namespace)
		json_value_raw(q->w, in->raw);
	*namespace = in;
}

void responses_write_tools(const struct responses_request *q)
{
	const struct other_member *namespace = NULL;
	bool any = false;

	for (const struct tool *t = q->chat->tools; t; t = t->next) {
		if (!is_written(q, t))
			continue;
		if (!any) {
			json_literal_key(q->w, "tools");
			json_begin_array(q->w);
			any = true;
		}
		if (q->own && t->raw_dialect == DIALECT_OPENAI_RESPONSES && json_exists(t->raw))
			write_own(q, t, &namespace);
		else if (t->kind == TOOL_WEB_SEARCH)
			write_search(q, t);
		else if (t->kind == TOOL_CUSTOM)
			write_custom(q, t);
		else
			write_function(q, t);
	}
	if (any)
		json_end_array(q->w);
}

/* ---- tool_choice ---- */

static void write_named(const struct responses_request *q, struct slice name)
{
	const struct tool *t = q->chat->tools;

	while (t && !slice_eq(t->name, name))
		t = t->next;
	json_begin_object(q->w);
	if (t && t->kind == TOOL_WEB_SEARCH) {
		json_member_cstr(q->w, "type", "web_search");
	} else {
		json_member_cstr(q->w, "type", t && t->kind == TOOL_CUSTOM ? "custom" : "function");
		responses_write_tool_name(q, name);
	}
	json_end_object(q->w);
}

/* The whole list stays in `tools`: a shorter one would be another prefix (DIALECTS §3.5). */
static void write_allowed(const struct responses_request *q)
{
	const struct tool_choice *c = &q->chat->choice;

	json_begin_object(q->w);
	json_member_cstr(q->w, "type", "allowed_tools");
	json_member_cstr(q->w, "mode", c->mode == CHOICE_REQUIRED ? "required" : "auto");
	json_literal_key(q->w, "tools");
	json_begin_array(q->w);
	for (unsigned i = 0; i < c->allowed_count; i++)
		write_named(q, c->allowed[i]);
	json_end_array(q->w);
	json_end_object(q->w);
}

/* A choice among nothing is a 400. */
static bool has_tools(const struct responses_request *q)
{
	for (const struct tool *t = q->chat->tools; t; t = t->next)
		if (is_written(q, t))
			return true;
	return false;
}

static bool is_choice_said(const struct responses_request *q)
{
	const struct tool_choice *c = &q->chat->choice;

	if (!q->own && !has_tools(q))
		return false;
	if (c->allowed_count > 0)
		return responses_says(q, FIELD_CHOICE_ALLOWED) && c->mode != CHOICE_NONE && c->mode != CHOICE_NAMED;
	switch (c->mode) {
	case CHOICE_AUTO:
		return true;
	case CHOICE_NONE:
		return responses_says(q, FIELD_CHOICE_NONE);
	case CHOICE_REQUIRED:
		return responses_says(q, FIELD_CHOICE_REQUIRED);
	case CHOICE_NAMED:
		return responses_says(q, FIELD_CHOICE_NAMED);
	case CHOICE_UNSAID:
		break;
	}
	return false;
}

void responses_write_choice(const struct responses_request *q, const struct other_member *own)
{
	static const char *const words[] = {
		[CHOICE_UNSAID] = "auto", [CHOICE_AUTO] = "auto", [CHOICE_NONE] = "none",
		[CHOICE_REQUIRED] = "required",
	};
	const struct tool_choice *c = &q->chat->choice;
	bool said = is_choice_said(q);

	if (own || said)
		json_literal_key(q->w, "tool_choice");
	if (own)
		json_value_raw(q->w, own->raw);
	else if (said && c->allowed_count > 0)
		write_allowed(q);
	else if (said && c->mode == CHOICE_NAMED)
		write_named(q, c->name);
	else if (said)
		json_string(q->w, slice_cstr(words[c->mode]));
	if (q->own ? c->parallel != UNSAID
		   : c->parallel == SAID_NO && responses_says(q, FIELD_PARALLEL_CONTROL) && has_tools(q))
		json_member_bool(q->w, "parallel_tool_calls", c->parallel == SAID_YES);
}
