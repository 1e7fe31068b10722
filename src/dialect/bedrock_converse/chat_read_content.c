/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation of a Converse request: `system`, `messages` and all kinds of blocks (DIALECTS §3.2, §3.3, §3.6,
 * §3.13; service model SystemContentBlock, ContentBlock, ToolResultContentBlock).
 *
 * A block is an object with one member. Each stays beside its part in `raw`, for a target of this same dialect; but
 * for plain text, which needs none, reasoning, whose state may be wrapped, and cache points, which are the mark of
 * the part before them. */
#include "dialect/bedrock_converse/bedrock_converse.h"

#include "llm/state.h"

/* Where blocks go: a turn, or a tool result within it. */
struct place {
	struct turn *turn;
	struct tool_result *result;    /* NULL in a turn */
	struct reasoning_state pending; /* Gemini's state for the block that follows */
	const char *path;              /* for messages to people */
	unsigned message;              /* index, likewise */
};

static struct part *last_part(const struct place *at)
{
	return at->result ? at->result->last : at->turn->last;
}

static struct part *add_plain(struct chat_reading *r, struct place *at, enum part_kind kind)
{
	return at->result ? result_add_part(at->result, r->arena, kind) : turn_add_part(at->turn, r->arena, kind);
}

static struct part *add_part(struct chat_reading *r, struct place *at, enum part_kind kind, struct json block)
{
	struct part *p = add_plain(r, at, kind);

	p->raw = json_raw(block);
	p->raw_dialect = DIALECT_BEDROCK;
	return p;
}

static bool refuse_block(struct chat_reading *r, const struct place *at, const char *what)
{
	return chat_refuse(r->failure, at->path, "%s.%u.content: %s", at->path, at->message, what);
}

static void take_pending(struct place *at, struct part *p)
{
	p->state = at->pending;
	at->pending = (struct reasoning_state){ 0 };
}

/* ---- blocks ---- */

static bool read_text(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	struct slice text = json_text(value, r->arena);
	struct part *p;

	if (text.len == 0)
		return true;
	p = add_plain(r, at, PART_TEXT);
	p->text = text;
	take_pending(at, p);
	return true;
}

/* What tools answer as JSON is text of JSON to everybody else. */
static bool read_json(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	add_part(r, at, PART_TEXT, block)->text = json_raw(value);
	return true;
}

static bool read_source(struct chat_reading *r, struct media *m, struct json source)
{
	struct json_walk member = bedrock_union(source);

	if (json_text_eq(member.key, SLICE("bytes"))) {
		m->source = MEDIA_DATA;
		m->value = json_text(member.value, r->arena);
	} else if (json_text_eq(member.key, SLICE("s3Location"))) {
		m->source = MEDIA_URL;
		m->value = json_text(json_get(member.value, "uri"), r->arena);
	} else {
		return false;
	}
	return true;
}

static bool read_opaque(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	add_part(r, at, PART_OPAQUE, block);
	return true;
}

static bool read_medium(struct chat_reading *r, struct place *at, enum part_kind kind, struct json block,
			struct json value)
{
	struct media m = { 0 };

	if (!read_source(r, &m, json_get(value, "source")))
		return read_opaque(r, at, block, value);
	m.mime = bedrock_mime_of(kind, json_text(json_get(value, "format"), r->arena), r->arena);
	*add_part(r, at, kind, block)->media = m;
	return true;
}

static bool read_image(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	return read_medium(r, at, PART_IMAGE, block, value);
}

static bool read_video(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	return read_medium(r, at, PART_VIDEO, block, value);
}

static bool read_audio(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	return read_medium(r, at, PART_AUDIO, block, value);
}

struct slice bedrock_join_texts(struct json content, struct slice between, struct arena *a)
{
	char *all, *at;

	if (!json_is(content, JSON_ARRAY))
		return (struct slice){ 0 };
	/* Decoded and joined they are no longer than their source. */
	all = at = arena_alloc(a, json_raw(content).len + 1);
	for (struct json_walk w = json_walk(content); json_walk_next(&w);) {
		struct slice text = json_text(json_get(w.value, "text"), a);

		if (text.len == 0)
			continue;
		if (at > all && between.len > 0)
			at = mempcpy(at, between.ptr, between.len);
		at = mempcpy(at, text.ptr, text.len);
	}
	return slice_of(all, (size_t)(at - all));
}

static bool read_document(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	struct json source = json_get(value, "source");
	struct json_walk member = bedrock_union(source);
	struct media m = { 0 };

	if (json_text_eq(member.key, SLICE("text")) || json_text_eq(member.key, SLICE("content"))) {
		m.source = MEDIA_TEXT;
		m.value = json_text_eq(member.key, SLICE("text"))
				  ? json_text(member.value, r->arena)
				  : bedrock_join_texts(member.value, SLICE("\n"), r->arena);
	} else if (!read_source(r, &m, source)) {
		return read_opaque(r, at, block, value);
	}
	m.mime = bedrock_mime_of(PART_DOCUMENT, json_text(json_get(value, "format"), r->arena), r->arena);
	m.name = json_text(json_get(value, "name"), r->arena);
	m.context = json_text(json_get(value, "context"), r->arena);
	m.citations = json_to_bool(json_get(json_get(value, "citations"), "enabled"), false);
	*add_part(r, at, PART_DOCUMENT, block)->media = m;
	return true;
}

/* A text with its source: a document for everybody else. */
static bool read_search_result(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	struct media *m = add_part(r, at, PART_DOCUMENT, block)->media;

	m->source = MEDIA_TEXT;
	m->value = bedrock_join_texts(json_get(value, "content"), SLICE("\n"), r->arena);
	m->name = json_text(json_get(value, "title"), r->arena);
	m->context = json_text(json_get(value, "source"), r->arena);
	m->citations = json_to_bool(json_get(json_get(value, "citations"), "enabled"), false);
	return true;
}

/* Marked for a guardrail, and still a part of the conversation (recorded: grounding_source, query). */
static bool read_guarded(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	struct json_walk member = bedrock_union(value);

	if (json_text_eq(member.key, SLICE("text"))) {
		add_part(r, at, PART_TEXT, block)->text = json_text(json_get(member.value, "text"), r->arena);
		return true;
	}
	return json_text_eq(member.key, SLICE("image")) ? read_medium(r, at, PART_IMAGE, block, member.value) :
							  read_opaque(r, at, block, value);
}

/* An earlier answer with its citations. */
static bool read_cited(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	struct part *p = add_part(r, at, PART_TEXT, block);

	p->text = bedrock_join_texts(json_get(value, "content"), SLICE(""), r->arena);
	take_pending(at, p);
	return true;
}

/* A cache point without anything in front of it marks nothing. */
static bool read_cache_point(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	struct part *p = last_part(at);

	if (p)
		p->cache_mark = bedrock_read_point(value);
	return true;
}

/* Gemini's state belongs to the block after it; how it came to be here: events_write.c. */
static bool read_reasoning(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	struct json shown = json_get(value, "reasoningText"), hidden = json_get(value, "redactedContent");
	struct reasoning_state state;
	struct slice text = json_text(json_get(shown, "text"), r->arena);
	struct part *p;

	if (!json_is(shown, JSON_OBJECT) && !json_is(hidden, JSON_STRING))
		return read_opaque(r, at, block, value);
	state = state_read(json_text(json_is(hidden, JSON_STRING) ? hidden : json_get(shown, "signature"), r->arena),
			   DIALECT_BEDROCK, r->arena);
	if (text.len == 0 && state.dialect == DIALECT_GEMINI && state.payload.ptr) {
		at->pending = state;
		return true;
	}
	p = add_plain(r, at, PART_REASONING);
	p->text = text;
	p->redacted = json_is(hidden, JSON_STRING);
	p->state = state;
	return true;
}

static bool read_tool_use(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	struct json input = json_get(value, "input");
	struct part *p;

	/* Run by AWS; its result stands behind it. */
	if (json_text_eq(json_get(value, "type"), SLICE("server_tool_use")))
		return read_opaque(r, at, block, value);
	if (!json_is_filled(json_get(value, "name")))
		return refuse_block(r, at, "a toolUse block needs the name of its tool");
	p = add_part(r, at, PART_TOOL_CALL, block);
	p->call->id = json_text(json_get(value, "toolUseId"), r->arena);
	p->call->name = json_text(json_get(value, "name"), r->arena);
	p->call->arguments = json_is(input, JSON_OBJECT) ? json_raw(input) : SLICE("{}");
	take_pending(at, p);
	return true;
}

static bool read_content(struct chat_reading *r, struct place *at, struct json content);

static bool read_tool_result(struct chat_reading *r, struct place *at, struct json block, struct json value)
{
	struct place within = { .turn = at->turn, .path = at->path, .message = at->message };
	struct part *p;

	if (at->turn->role == ROLE_ASSISTANT)
		return read_opaque(r, at, block, value);
	p = add_part(r, at, PART_TOOL_RESULT, block);
	within.result = p->result;
	p->result->id = json_text(json_get(value, "toolUseId"), r->arena);
	p->result->is_error = json_text_eq(json_get(value, "status"), SLICE("error"));
	return read_content(r, &within, json_get(value, "content"));
}

static bool read_block(struct chat_reading *r, struct place *at, struct json block)
{
	static const struct {
		const char *name;
		bool (*read)(struct chat_reading *r, struct place *at, struct json block, struct json value);
		bool in_result;        /* legal there */
	} kinds[] = {
		{ "text", read_text, true }, { "image", read_image, true }, { "document", read_document, true },
		{ "video", read_video, true }, { "audio", read_audio, false }, { "toolUse", read_tool_use, false },
		{ "toolResult", read_tool_result, false }, { "json", read_json, true },
		{ "reasoningContent", read_reasoning, false }, { "citationsContent", read_cited, false },
		{ "guardContent", read_guarded, false }, { "searchResult", read_search_result, true },
		{ "cachePoint", read_cache_point, false },
	};
	struct json_walk member = bedrock_union(block);

	if (!json_exists(member.value))
		return refuse_block(r, at, "each block must be an object with one member, such as {\"text\": \"…\"}");
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (json_text_eq(member.key, slice_cstr(kinds[i].name)) && (kinds[i].in_result || !at->result))
			return kinds[i].read(r, at, block, member.value);
	return read_opaque(r, at, block, member.value);
}

/* A state that no block followed. */
static void flush_pending(struct chat_reading *r, struct place *at)
{
	struct part *p;

	if (!at->pending.payload.ptr)
		return;
	p = turn_add_part(at->turn, r->arena, PART_REASONING);
	take_pending(at, p);
}

static bool read_content(struct chat_reading *r, struct place *at, struct json content)
{
	if (at->result && (!json_exists(content) || json_is(content, JSON_NULL)))
		return true;
	if (!json_is(content, JSON_ARRAY))
		return refuse_block(r, at, "it must be an array of blocks");
	for (struct json_walk w = json_walk(content); json_walk_next(&w);)
		if (!read_block(r, at, w.value))
			return false;
	if (!at->result)
		flush_pending(r, at);
	return true;
}

bool bedrock_read_system(struct chat_reading *r, struct json system)
{
	struct place at = { .path = "system" };

	if (!json_is_filled(system))
		return true;
	if (!json_is(system, JSON_ARRAY))
		return chat_refuse(r->failure, "system",
				   "system must be an array of blocks, such as [{\"text\": \"…\"}]");
	at.turn = chat_add_turn(r->chat, r->arena, ROLE_SYSTEM);
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
	return chat_refuse(r->failure, "messages",
			   "messages.%u.role must be \"user\", \"assistant\" or \"system\"", index);
}

bool bedrock_read_messages(struct chat_reading *r, struct json messages)
{
	unsigned index = 0;

	if (!json_is(messages, JSON_ARRAY) || json_count(messages) == 0)
		return chat_refuse(r->failure, "messages", "messages must be an array of at least one message");
	for (struct json_walk w = json_walk(messages); json_walk_next(&w); index++) {
		struct place at = { .path = "messages", .message = index };
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
