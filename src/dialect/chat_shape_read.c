/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what the chat-completion family of dialects has in common. */
#include "dialect/chat_shape.h"

enum shape_role shape_read_role(struct json role)
{
	static const struct { const char *word; enum shape_role role; } words[] = {
		{ "user", SHAPE_USER }, { "assistant", SHAPE_ASSISTANT }, { "tool", SHAPE_TOOL },
		{ "system", SHAPE_SYSTEM }, { "developer", SHAPE_DEVELOPER },
		{ "function", SHAPE_TOOL },       /* OpenAI's, before there were tools */
		{ "latest_reminder", SHAPE_SYSTEM }, /* DeepSeek's */
	};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (json_text_eq(role, slice_cstr(words[i].word)))
			return words[i].role;
	return SHAPE_UNKNOWN;
}

/* ---- content ---- */

struct part *shape_add_part(const struct shape_place *at, enum part_kind kind)
{
	return at->result ? result_add_part(at->result, at->arena, kind) : turn_add_part(at->turn, at->arena, kind);
}

void shape_read_content(const struct shape_place *at, struct json content,
			void (*read_part)(const struct shape_place *at, struct json part))
{
	if (json_is(content, JSON_STRING)) {
		shape_add_part(at, PART_TEXT)->text = json_text(content, at->arena);
		return;
	}
	if (json_is(content, JSON_OBJECT)) { /* one part without its array: several providers take that */
		read_part(at, content);
		return;
	}
	for (struct json_walk w = json_walk(content); json_walk_next(&w);) {
		if (json_is(w.value, JSON_STRING))
			shape_add_part(at, PART_TEXT)->text = json_text(w.value, at->arena);
		else if (!json_is(w.value, JSON_NULL))
			read_part(at, w.value);
	}
}

enum cache_mark shape_read_cache_mark(struct json part)
{
	struct json control = json_get(part, "cache_control"), point = json_get(part, "prompt_cache_breakpoint");

	if (json_is(control, JSON_OBJECT))
		return json_text_eq(json_get(control, "ttl"), SLICE("1h")) ? CACHE_MARK_1H : CACHE_MARK_5M;
	/* OpenAI's two lifetimes, 30 minutes and 12 hours, stand for the shorter and the longer (DIALECTS §3.11). */
	if (json_is(point, JSON_OBJECT))
		return json_text_eq(json_get(point, "ttl"), SLICE("12h")) ? CACHE_MARK_1H : CACHE_MARK_5M;
	return CACHE_MARK_NONE;
}

void shape_read_url(struct media *m, struct slice url, bool bare)
{
	m->source = MEDIA_DATA;
	if (media_read_data_url(url, &m->mime, &m->value))
		return;
	m->value = url;
	if (!bare || slice_find(url, SLICE("://")) != SIZE_MAX)
		m->source = MEDIA_URL;
}

/* A member that is the URL itself, or an object with it in `url`. */
static struct slice url_of(struct json v, struct arena *a)
{
	return json_text(json_is(v, JSON_OBJECT) ? json_get(v, "url") : v, a);
}

static void read_image(struct part *p, struct json part, struct arena *a)
{
	struct json image = json_get(part, "image_url");

	shape_read_url(p->media, url_of(image, a), false);
	p->media->detail = json_text(json_get(image, "detail"), a);
}

/* Mistral's is a string, data or URL. */
static void read_audio(struct part *p, struct json part, struct arena *a)
{
	struct json audio = json_get(part, "input_audio");
	struct slice format = json_text(json_get(audio, "format"), a);

	if (!json_is(audio, JSON_OBJECT)) {
		shape_read_url(p->media, json_text(audio, a), true);
		return;
	}
	shape_read_url(p->media, json_text(json_get(audio, "data"), a), true);
	if (p->media->mime.len == 0 && format.len > 0)
		p->media->mime = slice_eq(format, SLICE("mp3")) ? SLICE("audio/mpeg")
								: arena_printf(a, "audio/%.*s", SLICE_ARG(format));
}

/* `file_data` is a data URL; OpenRouter takes a plain one as well, some clients send bare base64. Mistral has the id
 * beside the type. */
static void read_file(struct part *p, struct json part, struct arena *a)
{
	struct json file = json_get(part, "file");
	struct json id = json_get(json_is(file, JSON_OBJECT) ? file : part, "file_id");

	p->media->name = json_text(json_get(file, "filename"), a);
	if (json_is(id, JSON_STRING)) {
		p->media->source = MEDIA_FILE_ID;
		p->media->value = json_text(id, a);
		return;
	}
	shape_read_url(p->media, json_text(json_get(file, "file_data"), a), true);
	if (p->media->mime.len == 0)
		p->media->mime = media_guess_mime(p->media);
	/* A picture or sound sent as a file stays what it is. */
	if (p->media->source == MEDIA_DATA && p->media->mime.len > 0)
		p->kind = media_part_kind(p->media->mime);
}

static void read_video(struct part *p, struct json part, struct arena *a)
{
	shape_read_url(p->media, url_of(json_get(part, "video_url"), a), false);
}

static void read_document(struct part *p, struct json part, struct arena *a)
{
	shape_read_url(p->media, url_of(json_get(part, "document_url"), a), false);
	p->media->name = json_text(json_get(part, "document_name"), a);
}

static void read_text(struct part *p, struct json part, struct arena *a)
{
	p->text = json_text(json_get(part, "text"), a);
}

static void read_refusal(struct part *p, struct json part, struct arena *a)
{
	p->text = json_text(json_get(part, "refusal"), a);
}

/* `member`: without it the part is none of this type. `known`: everything else makes the part keep its JSON. */
static const struct part_type {
	const char *type, *member;
	enum part_kind kind;
	void (*read)(struct part *p, struct json part, struct arena *a);
} part_types[] = {
	{ "text", "text", PART_TEXT, read_text },
	{ "image_url", "image_url", PART_IMAGE, read_image },
	{ "input_audio", "input_audio", PART_AUDIO, read_audio },
	{ "file", "file", PART_DOCUMENT, read_file },
	{ "file", "file_id", PART_DOCUMENT, read_file },
	{ "video_url", "video_url", PART_VIDEO, read_video },
	{ "document_url", "document_url", PART_DOCUMENT, read_document },
	{ "refusal", "refusal", PART_REFUSAL, read_refusal },
	{ "input_text", "text", PART_TEXT, read_text },  /* Responses' words for it, in chats of careless clients */
	{ "output_text", "text", PART_TEXT, read_text },
};

/* Members of a part, and of the object it is about, that the hub has a place for. */
static const char *const known[] = {
	"type", "text", "refusal", "image_url", "input_audio", "file", "file_id", "video_url", "document_url",
	"document_name", "cache_control", "prompt_cache_breakpoint", NULL
};

static void keep_rest(const struct shape_place *at, struct part *p, struct json part)
{
	for (struct json_walk w = json_walk(part); json_walk_next(&w);) {
		struct slice name;

		if (json_is_one_of(w.key, known) || json_is(w.value, JSON_NULL))
			continue;
		name = json_text(w.key, at->arena);
		chat_add_other(at->chat, at->arena, FIELD_OTHER,
			       arena_printf(at->arena, "%s[].%.*s", at->path, SLICE_ARG(name)), w.value);
		p->raw = json_raw(part);
		p->raw_dialect = at->chat->dialect;
	}
}

void shape_read_part(const struct shape_place *at, struct json part)
{
	struct json type = json_get(part, "type");
	struct part *p;

	for (size_t i = 0; i < COUNT_OF(part_types); i++) {
		const struct part_type *t = &part_types[i];
		struct json member = json_member(part, slice_cstr(t->member));

		if (!json_text_eq(type, slice_cstr(t->type)) || !json_exists(member) || json_is(member, JSON_NULL))
			continue;
		p = shape_add_part(at, t->kind);
		p->cache_mark = shape_read_cache_mark(part);
		t->read(p, part, at->arena);
		keep_rest(at, p, part);
		return;
	}
	p = shape_add_part(at, PART_OPAQUE);
	p->raw = json_raw(part);
	p->raw_dialect = at->chat->dialect;
	p->cache_mark = shape_read_cache_mark(part);
}

struct turn *shape_result_turn(struct chat *c, struct arena *a)
{
	struct turn *t = c->last_turn;

	if (t && t->role == ROLE_USER && t->last && t->last->kind == PART_TOOL_RESULT)
		return t;
	return chat_add_turn(c, a, ROLE_USER);
}

/* ---- tools ---- */

static enum said read_said(struct json v)
{
	return json_is(v, JSON_TRUE) ? SAID_YES : json_is(v, JSON_FALSE) ? SAID_NO : UNSAID;
}

static struct tool *read_function(struct chat *c, struct arena *a, struct json f)
{
	struct tool *t = chat_add_tool(c, a, TOOL_FUNCTION);

	t->name = json_text(json_get(f, "name"), a);
	t->description = json_text(json_get(f, "description"), a);
	t->parameters = json_get(f, "parameters");
	if (!json_is(t->parameters, JSON_OBJECT))
		t->parameters = (struct json){ 0 };
	t->strict = read_said(json_get(f, "strict"));
	return t;
}

static struct tool *read_custom(struct chat *c, struct arena *a, struct json custom)
{
	struct tool *t = chat_add_tool(c, a, TOOL_CUSTOM);
	struct json format = json_get(custom, "format");

	t->name = json_text(json_get(custom, "name"), a);
	t->description = json_text(json_get(custom, "description"), a);
	if (json_is(format, JSON_OBJECT) && !json_text_eq(json_get(format, "type"), SLICE("text")))
		t->grammar = format;
	return t;
}

bool shape_read_tools(struct chat *c, struct arena *a, struct json tools, struct failure *reterr)
{
	for (struct json_walk w = json_walk(tools); json_walk_next(&w);) {
		struct json type = json_get(w.value, "type"), function = json_get(w.value, "function");
		struct json custom = json_get(w.value, "custom");
		struct tool *t;

		if (json_is(function, JSON_OBJECT) && (!json_exists(type) || json_text_eq(type, SLICE("function"))))
			t = read_function(c, a, function);
		else if (json_is(custom, JSON_OBJECT) && json_text_eq(type, SLICE("custom")))
			t = read_custom(c, a, custom);
		else if (json_is(type, JSON_STRING) && !json_text_eq(type, SLICE("function")) &&
			 !json_text_eq(type, SLICE("custom")))
			t = chat_add_tool(c, a, TOOL_OTHER); /* Groq's browser_search, Zhipu's web_search, … */
		else
			return chat_refuse(reterr, "tools", "each of \"tools\" must be {\"type\": \"function\", "
					   "\"function\": {\"name\": …, \"parameters\": …}}");
		if (t->kind == TOOL_OTHER)
			t->name = json_text(type, a);
		if (t->name.len == 0)
			return chat_refuse(reterr, "tools", "a tool has no name");
		t->cache_mark = shape_read_cache_mark(w.value);
		t->raw = w.value;
		t->raw_dialect = c->dialect;
	}
	return true;
}

struct part *shape_read_call(struct turn *t, struct arena *a, struct json call)
{
	struct part *p = turn_add_part(t, a, PART_TOOL_CALL);
	struct json function = json_get(call, "function"), custom = json_get(call, "custom");
	struct json arguments = json_get(function, "arguments");

	p->call->id = json_text(json_get(call, "id"), a);
	p->call->custom = json_is(custom, JSON_OBJECT);
	if (p->call->custom) {
		p->call->name = json_text(json_get(custom, "name"), a);
		p->call->arguments = json_text(json_get(custom, "input"), a);
		return p;
	}
	p->call->name = json_text(json_get(function, "name"), a);
	/* As an object: Ollama, Mistral, and clients that took them for one. */
	p->call->arguments = json_is(arguments, JSON_OBJECT) ? json_raw(arguments) : json_text(arguments, a);
	return p;
}

void shape_read_calls(struct turn *t, struct arena *a, struct json calls)
{
	for (struct json_walk w = json_walk(calls); json_walk_next(&w);)
		if (json_is(w.value, JSON_OBJECT))
			shape_read_call(t, a, w.value);
}

static struct slice tool_named(struct json v, struct arena *a)
{
	struct json name = json_get(json_get(v, "function"), "name");

	if (!json_exists(name))
		name = json_get(json_get(v, "custom"), "name");
	if (!json_exists(name))
		name = json_get(v, "name");
	return json_text(name, a);
}

static enum choice_mode mode_of(struct slice word)
{
	if (slice_eq_nocase(word, SLICE("auto")))
		return CHOICE_AUTO;
	if (slice_eq_nocase(word, SLICE("none")))
		return CHOICE_NONE;
	if (slice_eq_nocase(word, SLICE("required")) || slice_eq_nocase(word, SLICE("any")))
		return CHOICE_REQUIRED;
	return CHOICE_UNSAID;
}

static bool read_allowed(struct chat *c, struct arena *a, struct json choice)
{
	struct json allowed = json_get(choice, "allowed_tools");
	struct json tools;

	if (!json_is(allowed, JSON_OBJECT))
		allowed = choice;      /* flat, as Responses has it */
	tools = json_get(allowed, "tools");
	c->choice.mode = mode_of(json_text(json_get(allowed, "mode"), a));
	if (c->choice.mode == CHOICE_UNSAID)
		c->choice.mode = CHOICE_AUTO;
	c->choice.allowed = arena_array(a, struct slice, json_count(tools) + 1);
	for (struct json_walk w = json_walk(tools); json_walk_next(&w);) {
		struct slice name = tool_named(w.value, a);

		if (name.len > 0)
			c->choice.allowed[c->choice.allowed_count++] = name;
	}
	return c->choice.allowed_count > 0;
}

bool shape_read_choice(struct chat *c, struct arena *a, struct json choice)
{
	if (json_is(choice, JSON_STRING)) {
		c->choice.mode = mode_of(json_text(choice, a));
		return c->choice.mode != CHOICE_UNSAID;
	}
	if (!json_is(choice, JSON_OBJECT))
		return !json_exists(choice) || json_is(choice, JSON_NULL);
	if (json_text_eq(json_get(choice, "type"), SLICE("allowed_tools")))
		return read_allowed(c, a, choice);
	c->choice.name = tool_named(choice, a);
	if (c->choice.name.len > 0)
		c->choice.mode = CHOICE_NAMED;
	else
		c->choice.mode = mode_of(json_text(json_get(choice, "type"), a));
	return c->choice.mode != CHOICE_UNSAID;
}

/* json_schema: OpenAI's, with the schema inside; Cohere's and llama.cpp's json_object has it in `json_schema` or
 * `schema` (DIALECTS §3.7, §7.13). */
bool shape_read_format(struct chat *c, struct arena *a, struct json format)
{
	struct json type = json_get(format, "type"), outer = json_get(format, "json_schema");
	struct json schema = json_get(outer, "schema");

	if (!json_is(format, JSON_OBJECT))
		return !json_exists(format) || json_is(format, JSON_NULL);
	if (json_text_eq(type, SLICE("text"))) {
		c->format.kind = FORMAT_TEXT;
		return true;
	}
	if (json_text_eq(type, SLICE("json_schema"))) {
		c->format.kind = FORMAT_SCHEMA;
		c->format.name = json_text(json_get(outer, "name"), a);
		c->format.description = json_text(json_get(outer, "description"), a);
		c->format.schema = json_exists(schema) ? schema : json_get(format, "schema");
		c->format.strict = read_said(json_get(outer, "strict"));
		return json_is(c->format.schema, JSON_OBJECT);
	}
	if (!json_text_eq(type, SLICE("json_object")))
		return false;
	schema = json_is(outer, JSON_OBJECT) ? outer : json_get(format, "schema");
	c->format.kind = json_is(schema, JSON_OBJECT) ? FORMAT_SCHEMA : FORMAT_JSON;
	c->format.schema = schema;
	return true;
}

/* A string, nothing, one part, or an array of parts and strings: whatever else it is would be passed over. */
static bool is_content(struct json content)
{
	if (json_is(content, JSON_OBJECT))
		return json_is(json_get(content, "type"), JSON_STRING);
	if (!json_is(content, JSON_ARRAY))
		return !json_exists(content) || json_is(content, JSON_NULL) || json_is(content, JSON_STRING);
	for (struct json_walk w = json_walk(content); json_walk_next(&w);)
		if (!json_is(w.value, JSON_OBJECT) && !json_is(w.value, JSON_STRING) && !json_is(w.value, JSON_NULL))
			return false;
	return true;
}

bool shape_read_messages(struct chat_reading *r, struct json messages, unsigned least,
			 bool (*read_message)(struct chat_reading *r, struct json message))
{
	if (!json_is(messages, JSON_ARRAY) || json_count(messages) < least)
		return chat_refuse(r->failure, "messages",
				   least > 0 ? "\"messages\" must be an array of at least one message" :
				   "\"messages\" must be an array of messages");
	for (struct json_walk w = json_walk(messages); json_walk_next(&w); r->message++) {
		if (!json_is(w.value, JSON_OBJECT))
			return chat_refuse(r->failure, "messages", "messages[%u] must be an object", r->message);
		if (!is_content(json_get(w.value, "content")))
			return chat_refuse(r->failure, "messages",
					   "messages[%u].content must be a string or an array of parts", r->message);
		if (!read_message(r, w.value))
			return false;
	}
	return true;
}
