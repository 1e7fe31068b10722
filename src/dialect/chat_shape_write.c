/* SPDX-License-Identifier: Apache-2.0 */
/* Writing what the chat-completion family of dialects has in common. */
#include "dialect/chat_shape.h"

#include "llm/names.h"

/* ---- tools ---- */

static bool is_written(const struct chat *c, const struct chat_target *t, const struct chat_shape *s,
		       const struct tool *tool)
{
	if (!(s->options & SHAPE_ALL_TOOLS) && !request_allows_tool(c, tool))
		return false;
	if (tool->kind == TOOL_FUNCTION)
		return (t->carried & FIELD_TOOLS) != 0;
	return tool->kind == TOOL_CUSTOM && (s->options & SHAPE_CUSTOM) && (t->carried & FIELD_CUSTOM_TOOLS);
}

unsigned shape_count_tools(const struct chat *c, const struct chat_target *t, const struct chat_shape *s)
{
	unsigned count = 0;

	for (const struct tool *tool = c->tools; tool; tool = tool->next)
		count += is_written(c, t, s, tool);
	return count;
}

/* The schema without "$schema", which Moonshot refuses in tools (DIALECTS §7.9). */
static struct json without_schema_member(struct json schema, struct arena *scratch)
{
	struct splice cut;
	struct json_doc *doc = arena_new(scratch, struct json_doc);
	struct json_doc own = { .text = json_raw(schema) };
	struct json_error error;

	if (!json_exists(json_get(schema, "$schema")) || !json_parse(scratch, own.text, &own, &error))
		return schema;
	splice_init(&cut, own.text);
	if (!splice_remove(&cut, json_root(&own), SLICE("$schema")) ||
	    !json_parse(scratch, splice_flatten(&cut, scratch), doc, &error))
		return schema;
	return json_root(doc);
}

static bool write_parameters(struct json_writer *w, const struct tool *tool, const struct chat_target *t,
			     const struct chat_shape *s, struct arena *scratch, struct failure *reterr)
{
	bool strict = tool->strict == SAID_YES && (s->options & SHAPE_STRICT) && (t->carried & FIELD_TOOL_STRICT);
	struct json schema = s->cut_schema_member ? without_schema_member(tool->parameters, scratch) : tool->parameters;
	struct schema_report report = { 0 };

	json_literal_key(w, "parameters");
	if (!json_exists(schema) && !strict) {
		json_value_raw(w, SLICE("{\"type\":\"object\",\"properties\":{}}"));
		return true;
	}
	if ((s->options & SHAPE_OWN_SCHEMAS) && json_exists(schema))
		json_value_raw(w, json_raw(schema));
	else if (!schema_write(schema, strict ? s->strict_tools : s->tools, SCHEMA_TOOL, scratch, w, &report))
		return failure_set(reterr, FAILURE_REQUEST, "the parameters of the tool \"%.*s\" cannot be said there: %s",
				   SLICE_ARG(tool->name), report.reason ? report.reason : "the schema is too large");
	if (report.lossy)
		*t->rewritten_lossy |= FIELD_TOOLS;
	if (strict)
		json_member_bool(w, "strict", true);
	else if (tool->strict == SAID_NO && (s->options & SHAPE_STRICT))
		json_member_bool(w, "strict", false);
	return true;
}

static bool write_function(struct json_writer *w, const struct tool *tool, const struct chat_target *t,
			   const struct chat_shape *s, struct arena *scratch, struct failure *reterr)
{
	json_begin_object(w);
	json_member_cstr(w, "type", "function");
	json_literal_key(w, "function");
	json_begin_object(w);
	json_member_string(w, "name", names_out(t->names, tool->name, s->names));
	if (tool->description.len > 0)
		json_member_string(w, "description", tool->description);
	if (!write_parameters(w, tool, t, s, scratch, reterr))
		return false;
	json_end_object(w);
	json_end_object(w);
	return true;
}

static void write_custom(struct json_writer *w, const struct tool *tool, const struct chat_target *t,
			 const struct chat_shape *s)
{
	struct json inner = json_get(tool->grammar, "grammar");

	json_begin_object(w);
	json_member_cstr(w, "type", "custom");
	json_literal_key(w, "custom");
	json_begin_object(w);
	json_member_string(w, "name", names_out(t->names, tool->name, s->names));
	if (tool->description.len > 0)
		json_member_string(w, "description", tool->description);
	if (json_exists(tool->grammar)) {
		json_literal_key(w, "format");
		if (json_exists(inner) || !json_text_eq(json_get(tool->grammar, "type"), SLICE("grammar"))) {
			json_value_raw(w, json_raw(tool->grammar));
		} else {       /* Responses has syntax and definition beside the type (DIALECTS §3.4) */
			json_begin_object(w);
			json_member_cstr(w, "type", "grammar");
			json_literal_key(w, "grammar");
			json_begin_object(w);
			json_literal_key(w, "syntax");
			json_value_raw(w, json_raw(json_get(tool->grammar, "syntax")));
			json_literal_key(w, "definition");
			json_value_raw(w, json_raw(json_get(tool->grammar, "definition")));
			json_end_object(w);
			json_end_object(w);
		}
	}
	json_end_object(w);
	json_end_object(w);
}

bool shape_write_tools(struct json_writer *w, const struct chat *c, const struct chat_target *t,
		       const struct chat_shape *s, struct arena *scratch, struct failure *reterr)
{
	json_begin_array(w);
	for (const struct tool *tool = c->tools; tool; tool = tool->next) {
		if (!is_written(c, t, s, tool))
			continue;
		if (tool->kind == TOOL_CUSTOM)
			write_custom(w, tool, t, s);
		else if (!write_function(w, tool, t, s, scratch, reterr))
			return false;
	}
	json_end_array(w);
	return true;
}

struct slice shape_arguments_object(struct slice arguments, struct arena *scratch)
{
	struct json_doc doc;
	struct json_error error;
	struct slice quoted;

	if (slice_trim(arguments).len == 0)
		return SLICE("{}");
	if (json_parse(scratch, arguments, &doc, &error) && json_is(json_root(&doc), JSON_OBJECT))
		return json_raw(json_root(&doc));
	quoted = json_quote(arguments, scratch);
	return arena_join(scratch, arena_join(scratch, SLICE("{\"_raw\":"), quoted), SLICE("}"));
}

void shape_begin_call(struct json_writer *w, const struct tool_call *call, unsigned index, const struct chat_target *t,
		      const struct chat_shape *s, struct arena *scratch)
{
	bool custom = call->custom && (s->options & SHAPE_CUSTOM);
	struct slice id = s->ids ? names_id(call->id, s->ids, s->ids_exact, scratch) : call->id;

	json_begin_object(w);
	json_member_string(w, "id", id);
	if (!(s->options & SHAPE_NO_CALL_TYPE))
		json_member_cstr(w, "type", custom ? "custom" : "function");
	json_key(w, custom ? SLICE("custom") : SLICE("function"));
	json_begin_object(w);
	if (s->options & SHAPE_CALL_INDEX)
		json_member_int(w, "index", index);
	json_member_string(w, "name", names_out(t->names, call->name, s->names));
	json_key(w, custom ? SLICE("input") : SLICE("arguments"));
	if (custom)
		json_string(w, call->arguments);
	else if (s->options & SHAPE_ARGUMENTS_OBJECT)
		json_value_raw(w, shape_arguments_object(call->arguments, scratch));
	else
		json_string(w, call->arguments.len > 0 ? call->arguments : SLICE("{}"));
	json_end_object(w);
}

/* ---- content ---- */

void content_add(struct content *c, const struct part *p, struct arena *scratch)
{
	if (c->count == c->capacity) {
		unsigned capacity = c->capacity ? 2 * c->capacity : 8;
		const struct part **grown = arena_array(scratch, const struct part *, capacity);

		if (c->count > 0)
			memcpy(grown, c->items, c->count * sizeof(*grown));
		c->items = grown;
		c->capacity = capacity;
	}
	c->items[c->count++] = p;
}

struct slice shape_media_url(const struct media *m, const char *otherwise, struct arena *scratch)
{
	struct slice mime = media_guess_mime(m), head;

	if (m->source != MEDIA_DATA)
		return m->value;
	if (mime.len == 0)
		mime = slice_cstr(otherwise);
	head = arena_printf(scratch, "data:%.*s;base64,", SLICE_ARG(mime));
	return arena_join(scratch, head, m->value);
}

void shape_begin_image(struct json_writer *w, const struct media *m, struct arena *scratch)
{
	json_begin_object(w);
	json_member_cstr(w, "type", "image_url");
	json_literal_key(w, "image_url");
	json_begin_object(w);
	json_member_string(w, "url", shape_media_url(m, "image/png", scratch));
	if (m->detail.len > 0)
		json_member_string(w, "detail", m->detail);
	json_end_object(w);
}

struct slice shape_document_text(const struct media *m, struct arena *scratch)
{
	struct slice title = m->name.len > 0 ? m->name : SLICE("document");

	if (m->context.len > 0)
		return arena_printf(scratch, "<document title=\"%.*s\" context=\"%.*s\">\n%.*s\n</document>",
				    SLICE_ARG(title), SLICE_ARG(m->context), SLICE_ARG(m->value));
	return arena_printf(scratch, "<document title=\"%.*s\">\n%.*s\n</document>", SLICE_ARG(title), SLICE_ARG(m->value));
}

struct slice shape_join_texts(const struct part *parts, const char *between, struct arena *scratch)
{
	size_t space = strlen(between), len = 0;
	struct slice only = SLICE("");
	unsigned count = 0;
	char *text, *at;

	for (const struct part *p = parts; p; p = p->next)
		if (p->kind == PART_TEXT) {
			only = p->text;
			len += p->text.len + space;
			count++;
		}
	if (count <= 1)
		return only;
	text = at = arena_alloc(scratch, len);
	for (const struct part *p = parts; p; p = p->next) {
		if (p->kind != PART_TEXT)
			continue;
		if (at > text) {
			memcpy(at, between, space);
			at += space;
		}
		if (p->text.len > 0)
			memcpy(at, p->text.ptr, p->text.len);
		at += p->text.len;
	}
	return slice_of(text, (size_t)(at - text));
}

static const char *media_word(enum part_kind kind)
{
	switch (kind) {
	case PART_IMAGE: return "[image: in the next user message]";
	case PART_AUDIO: return "[audio: in the next user message]";
	case PART_VIDEO: return "[video: in the next user message]";
	default: return "[document: in the next user message]";
	}
}

struct slice shape_result_text(const struct tool_result *r, struct arena *scratch)
{
	struct part *list = NULL, **end = &list;

	for (const struct part *p = r->parts; p; p = p->next) {
		struct part *text;

		if (p->kind != PART_TEXT && !p->media)
			continue;
		text = arena_new(scratch, struct part);
		text->kind = PART_TEXT;
		text->text = p->media ? slice_cstr(media_word(p->kind)) : p->text;
		*end = text;
		end = &text->next;
	}

	struct slice joined = shape_join_texts(list, "\n", scratch);

	return r->is_error ? arena_join(scratch, SLICE("Error: "), joined) : joined;
}

const struct turn *shape_run_end(const struct turn *t)
{
	enum chat_role role = t->role;

	while (t && t->role == role)
		t = t->next;
	return t;
}

bool shape_has_results(const struct turn *t, const struct turn *end)
{
	for (; t != end; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (p->kind == PART_TOOL_RESULT)
				return true;
	return false;
}

/* ---- messages ---- */

/* "messages[2].weight" of message 2 */
static bool is_of_message(struct slice path, unsigned message, struct slice *ret_name)
{
	unsigned long long number;
	struct slice rest;

	if (!slice_starts_with(path, SLICE("messages[")))
		return false;
	rest = slice_after(path, 9);
	if (!slice_to_u64(slice_next_token(&rest, ']'), &number) || number != message || rest.len < 2)
		return false;
	*ret_name = slice_after(rest, 1);
	return true;
}

void shape_end_message(struct json_writer *w, const struct chat *c, const struct chat_target *t, bool own,
		       unsigned *number)
{
	for (const struct other_member *m = own ? c->others : NULL; m; m = m->next) {
		struct slice name;

		if (!is_of_message(m->path, *number, &name) || !(m->field == 0 || (t->carried & m->field)))
			continue;
		json_key(w, name);
		json_value_raw(w, m->raw);
	}
	json_end_object(w);
	++*number;
}
