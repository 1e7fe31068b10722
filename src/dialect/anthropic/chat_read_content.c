/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation of a Messages request: `system`, `messages` and all kinds of blocks (DIALECTS §3.2, §3.3, §3.6,
 * §3.13; SDK types ContentBlockParam, TextBlockParam, ToolResultBlockParam).
 *
 * What a block says beyond what the hub has words for (citations of earlier answers, a tool call's caller, a document
 * made of blocks) stays beside it in `raw`, for a target of this same dialect: the rest of the members as an object, or
 * for documents and opaque blocks the whole block; always without its cache_control, which is the part's mark. */
#include "dialect/anthropic/anthropic.h"

#include "llm/state.h"

/* Where blocks go: a turn, or a tool result within it. */
struct place {
	struct turn *turn;
	struct tool_result *result;    /* NULL in a turn */
	struct reasoning_state pending; /* for the block that follows */
	unsigned message;              /* index, for messages to people */
};

static struct part *add_part(struct chat_reading *r, struct place *at, enum part_kind kind, struct json block)
{
	struct part *p = at->result ? result_add_part(at->result, r->arena, kind) :
				      turn_add_part(at->turn, r->arena, kind);

	p->cache_mark = anthropic_read_mark(json_get(block, "cache_control"));
	return p;
}

/* An object of the members that are not listed and not null; a NULL pointer when there are none. */
static struct slice members_but(struct json object, const char *const *listed, struct arena *a)
{
	char *text = NULL, *at = NULL;

	for (struct json_walk w = json_walk(object); json_walk_next(&w);) {
		struct slice key = json_raw(w.key), value = json_raw(w.value);

		if (json_is(w.value, JSON_NULL) || json_is_one_of(w.key, listed))
			continue;
		/* What is written is at most as long as what was read. */
		if (!text) {
			at = text = arena_alloc(a, json_raw(object).len + 2);
			*at++ = '{';
		} else {
			*at++ = ',';
		}
		at = mempcpy(at, key.ptr, key.len);
		*at++ = ':';
		at = mempcpy(at, value.ptr, value.len);
	}
	if (!text)
		return (struct slice){ 0 };
	*at++ = '}';
	return slice_of(text, (size_t)(at - text));
}

static void keep_extras(struct chat_reading *r, struct part *p, struct json block, const char *const *known)
{
	p->raw = members_but(block, known, r->arena);
	p->raw_dialect = DIALECT_ANTHROPIC;
}

static void keep_whole(struct chat_reading *r, struct part *p, struct json block)
{
	static const char *const mark[] = { "cache_control", NULL };

	p->raw = p->cache_mark == CACHE_MARK_NONE ? json_raw(block) : members_but(block, mark, r->arena);
	p->raw_dialect = DIALECT_ANTHROPIC;
}

static void read_opaque(struct chat_reading *r, struct place *at, struct json block)
{
	keep_whole(r, add_part(r, at, PART_OPAQUE, block), block);
}

/* An empty text is refused by the API unless it is alone in its message; it says nothing in either case. */
static void read_text(struct chat_reading *r, struct place *at, struct json block)
{
	static const char *const known[] = { "type", "text", "cache_control", NULL };
	struct slice text = json_text(json_get(block, "text"), r->arena);

	if (text.len == 0)
		return;

	struct part *p = add_part(r, at, PART_TEXT, block);

	p->text = text;
	p->state = at->pending;
	at->pending = (struct reasoning_state){ 0 };
	keep_extras(r, p, block, known);
}

/* False for a source nobody knows yet. */
static bool read_source(struct chat_reading *r, struct media *m, struct json source)
{
	struct json type = json_get(source, "type");

	if (json_text_eq(type, SLICE("base64"))) {
		m->source = MEDIA_DATA;
		m->value = json_text(json_get(source, "data"), r->arena);
		m->mime = json_text(json_get(source, "media_type"), r->arena);
	} else if (json_text_eq(type, SLICE("url"))) {
		m->source = MEDIA_URL;
		m->value = json_text(json_get(source, "url"), r->arena);
	} else if (json_text_eq(type, SLICE("file"))) {
		m->source = MEDIA_FILE_ID;
		m->value = json_text(json_get(source, "file_id"), r->arena);
	} else if (json_text_eq(type, SLICE("text"))) {
		m->source = MEDIA_TEXT;
		m->value = json_text(json_get(source, "data"), r->arena);
		m->mime = json_text(json_get(source, "media_type"), r->arena);
	} else {
		return false;
	}
	return true;
}

static void read_image(struct chat_reading *r, struct place *at, struct json block)
{
	static const char *const known[] = { "type", "source", "cache_control", NULL };
	struct media m = { 0 };

	if (!read_source(r, &m, json_get(block, "source")) || m.source == MEDIA_TEXT) {
		read_opaque(r, at, block);
		return;
	}

	struct part *p = add_part(r, at, PART_IMAGE, block);

	*p->media = m;
	keep_extras(r, p, block, known);
}

/* A picture within a document cannot be said elsewhere: that has to be known before a target is chosen. */
static void note_picture(struct chat_reading *r, struct json block)
{
	if (r->picture_in_document || !json_text_eq(json_get(block, "type"), SLICE("image")))
		return;
	r->picture_in_document = true;
	chat_add_other(r->chat, r->arena, FIELD_OTHER_MEANING, SLICE("messages.content.source.content"), block);
}

/* The texts of a string or of an array of text blocks, one per line. */
static struct slice join_texts(struct chat_reading *r, struct json content)
{
	char *all, *at;

	if (!json_is(content, JSON_ARRAY))
		return json_text(content, r->arena);
	/* Decoded and joined they are no longer than their source. */
	all = at = arena_alloc(r->arena, json_raw(content).len + 1);
	for (struct json_walk w = json_walk(content); json_walk_next(&w);) {
		struct slice text = json_text(json_get(w.value, "text"), r->arena);

		note_picture(r, w.value);
		if (text.len == 0)
			continue;
		if (at > all)
			*at++ = '\n';
		at = mempcpy(at, text.ptr, text.len);
	}
	return slice_of(all, (size_t)(at - all));
}

static void read_document(struct chat_reading *r, struct place *at, struct json block)
{
	static const char *const known[] = { "type", "source", "cache_control", "title", "context", "citations", NULL };
	struct json source = json_get(block, "source");
	struct media m = { 0 };
	bool of_blocks = json_text_eq(json_get(source, "type"), SLICE("content"));

	if (!of_blocks && !read_source(r, &m, source)) {
		read_opaque(r, at, block);
		return;
	}
	if (of_blocks) {
		m.source = MEDIA_TEXT;
		m.value = join_texts(r, json_get(source, "content"));
	}
	m.name = json_text(json_get(block, "title"), r->arena);
	m.context = json_text(json_get(block, "context"), r->arena);
	m.citations = json_to_bool(json_get(json_get(block, "citations"), "enabled"), false);

	struct part *p = add_part(r, at, PART_DOCUMENT, block);

	*p->media = m;
	if (of_blocks || members_but(block, known, r->arena).ptr)
		keep_whole(r, p, block);
}

/* A text with its source: a document for everybody else. */
static void read_search_result(struct chat_reading *r, struct place *at, struct json block)
{
	struct part *p = add_part(r, at, PART_DOCUMENT, block);

	p->media->source = MEDIA_TEXT;
	p->media->value = join_texts(r, json_get(block, "content"));
	p->media->name = json_text(json_get(block, "title"), r->arena);
	p->media->context = json_text(json_get(block, "source"), r->arena);
	p->media->citations = json_to_bool(json_get(json_get(block, "citations"), "enabled"), false);
	keep_whole(r, p, block);
}

static void read_thinking(struct chat_reading *r, struct place *at, struct json block)
{
	struct slice text = json_text(json_get(block, "thinking"), r->arena);
	struct slice signature = json_text(json_get(block, "signature"), r->arena);

	if (text.len == 0 && slice_starts_with(signature, SLICE(ANTHROPIC_NEXT STATE_MARK))) {
		at->pending = state_read(slice_after(signature, 1), DIALECT_ANTHROPIC, r->arena);
		return;
	}

	struct part *p = add_part(r, at, PART_REASONING, block);

	p->text = text;
	p->state = state_read(signature, DIALECT_ANTHROPIC, r->arena);
}

static void read_redacted(struct chat_reading *r, struct place *at, struct json block)
{
	struct part *p = add_part(r, at, PART_REASONING, block);

	p->redacted = true;
	p->state = state_read(json_text(json_get(block, "data"), r->arena), DIALECT_ANTHROPIC, r->arena);
}

static bool refuse_block(struct chat_reading *r, const struct place *at, const char *what)
{
	return chat_refuse(r->failure, "messages", "messages.%u.content: %s", at->message, what);
}

static bool read_tool_use(struct chat_reading *r, struct place *at, struct json block)
{
	static const char *const known[] = { "type", "id", "name", "input", "cache_control", NULL };
	struct json input = json_get(block, "input");

	if (json_exists(input) && !json_is(input, JSON_OBJECT) && !json_is(input, JSON_NULL))
		return refuse_block(r, at, "the input of a tool_use block must be an object");
	if (!json_is_filled(json_get(block, "name")))
		return refuse_block(r, at, "a tool_use block needs the name of its tool");

	struct part *p = add_part(r, at, PART_TOOL_CALL, block);

	p->call->id = json_text(json_get(block, "id"), r->arena);
	p->call->name = json_text(json_get(block, "name"), r->arena);
	p->call->arguments = json_is(input, JSON_OBJECT) ? json_raw(input) : SLICE("{}");
	p->state = at->pending;
	at->pending = (struct reasoning_state){ 0 };
	keep_extras(r, p, block, known);
	return true;
}

static bool read_content(struct chat_reading *r, struct place *at, struct json content);

static bool read_tool_result(struct chat_reading *r, struct place *at, struct json block)
{
	static const char *const known[] = { "type", "tool_use_id", "content", "is_error", "cache_control", NULL };
	struct part *p = add_part(r, at, PART_TOOL_RESULT, block);
	struct place within = { .turn = at->turn, .result = p->result, .message = at->message };

	p->result->id = json_text(json_get(block, "tool_use_id"), r->arena);
	p->result->is_error = json_to_bool(json_get(block, "is_error"), false);
	keep_extras(r, p, block, known);
	return read_content(r, &within, json_get(block, "content"));
}

/* Server tools' calls and results, containers, what new versions bring: the provider's business alone. */
static bool read_block(struct chat_reading *r, struct place *at, struct json block)
{
	static const struct {
		const char *type;
		void (*read)(struct chat_reading *r, struct place *at, struct json block);
	} kinds[] = {
		{ "text", read_text }, { "image", read_image }, { "document", read_document },
		{ "search_result", read_search_result }, { "thinking", read_thinking },
		{ "redacted_thinking", read_redacted },
	};
	struct json type = json_get(block, "type");

	if (!json_is_filled(type) || !json_is(type, JSON_STRING))
		return refuse_block(r, at, "each block must be an object with a type, such as {\"type\": \"text\", \"text\": \"…\"}");
	if (!at->result && json_text_eq(type, SLICE("tool_use")))
		return read_tool_use(r, at, block);
	if (!at->result && json_text_eq(type, SLICE("tool_result")))
		return read_tool_result(r, at, block);
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (json_text_eq(type, slice_cstr(kinds[i].type))) {
			kinds[i].read(r, at, block);
			return true;
		}
	read_opaque(r, at, block);
	return true;
}

/* A state that no block followed. */
static void flush_pending(struct chat_reading *r, struct place *at)
{
	if (!at->pending.payload.ptr)
		return;

	struct part *p = turn_add_part(at->turn, r->arena, PART_REASONING);

	p->state = at->pending;
	at->pending = (struct reasoning_state){ 0 };
}

/* A string, or blocks. */
static bool read_content(struct chat_reading *r, struct place *at, struct json content)
{
	switch (json_type(content)) {
	case JSON_MISSING: case JSON_NULL:
		return at->result != NULL || refuse_block(r, at, "it is missing: send a string or an array of blocks");
	case JSON_STRING:
		if (json_raw(content).len > 2)
			add_part(r, at, PART_TEXT, content)->text = json_text(content, r->arena);
		return true;
	case JSON_ARRAY:
		for (struct json_walk w = json_walk(content); json_walk_next(&w);)
			if (!read_block(r, at, w.value))
				return false;
		flush_pending(r, at);
		return true;
	default:
		return refuse_block(r, at, "it must be a string or an array of blocks");
	}
}

bool anthropic_read_system(struct chat_reading *r, struct json system)
{
	if (!json_exists(system) || json_is(system, JSON_NULL))
		return true;
	if (!json_is(system, JSON_STRING) && !json_is(system, JSON_ARRAY))
		return chat_refuse(r->failure, "system", "system must be a string or an array of text blocks");

	if (!json_is_filled(system))
		return true;

	struct place at = { .turn = chat_add_turn(r->chat, r->arena, ROLE_SYSTEM) };

	return read_content(r, &at, system);
}

static bool read_role(struct chat_reading *r, struct json role, unsigned index, enum chat_role *ret)
{
	static const struct { const char *name; enum chat_role role; } roles[] = {
		{ "user", ROLE_USER }, { "assistant", ROLE_ASSISTANT }, { "system", ROLE_SYSTEM },
	};

	for (size_t i = 0; i < COUNT_OF(roles); i++)
		if (json_text_eq(role, slice_cstr(roles[i].name))) {
			*ret = roles[i].role;
			return true;
		}
	return chat_refuse(r->failure, "messages", "messages.%u.role must be \"user\", \"assistant\" or \"system\"",
			   index);
}

bool anthropic_read_messages(struct chat_reading *r, struct json messages)
{
	unsigned index = 0;

	if (!json_is(messages, JSON_ARRAY) || json_count(messages) == 0)
		return chat_refuse(r->failure, "messages", "messages must be an array of at least one message");
	for (struct json_walk w = json_walk(messages); json_walk_next(&w); index++) {
		struct place at = { .message = index };
		enum chat_role role = ROLE_USER;

		if (!read_role(r, json_get(w.value, "role"), index, &role))
			return false;
		at.turn = chat_add_turn(r->chat, r->arena, role);
		if (!read_content(r, &at, json_get(w.value, "content")))
			return false;
		block_keep_message_others(r, w.value, index);
	}
	return true;
}
