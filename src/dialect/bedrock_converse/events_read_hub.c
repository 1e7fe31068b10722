/* SPDX-License-Identifier: Apache-2.0 */
/* ConverseStream's events and Converse's answers as the hub's events (DIALECTS §4.2, §4.3, §4.5, §5.6; service
 * model ConverseStreamOutput, ContentBlock). A block begins with contentBlockStart or with its first delta; what
 * AWS's own tools were asked and answered is opaque, gathered until its block ends (recorded: nova_grounding). */
#include "dialect/bedrock_converse/bedrock_converse.h"

enum {
	OPEN_MAX = 16,                 /* blocks at once; more share the last place */
	KEPT_MAX = 4 << 20             /* bytes of one answer that are kept until their block closes */
};

enum block_kind { BLOCK_FREE, BLOCK_TEXT, BLOCK_REASONING, BLOCK_TOOL, BLOCK_IMAGE, BLOCK_OPAQUE };

struct open_block {
	enum block_kind kind;
	int64_t index;                 /* on the wire */
	unsigned number;               /* in the hub */
	bool result;                   /* OPAQUE: a toolResult, else a toolUse */
	bool filled;                   /* OPAQUE: the start has members */
	struct slice start;            /* OPAQUE: the start's object; empty over the limit. IMAGE: its media type */
	char *gathered;                /* OPAQUE: what its deltas brought, in the arena */
	size_t gathered_len, gathered_cap;
};

struct hearing {
	struct open_block blocks[OPEN_MAX];
	unsigned count;                /* blocks begun */
	size_t kept;                   /* bytes */
	bool started, stopped;
};

static struct hearing *hearing_of(struct event_reader *r)
{
	if (!r->state)
		r->state = arena_new(r->arena, struct hearing);
	return r->state;
}

/* Room for as long as the answer is read; NULL over the limit. */
static char *keep(struct event_reader *r, struct slice s, size_t room)
{
	struct hearing *h = hearing_of(r);
	char *copy;

	if (room > KEPT_MAX - h->kept)
		return NULL;
	h->kept += room;
	copy = arena_alloc(r->arena, room + 1);
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

static struct slice keep_slice(struct event_reader *r, struct slice s)
{
	char *copy = keep(r, s, s.len);

	return slice_of(copy, copy ? s.len : 0);
}

/* Over the limit the block is shown with what it had before. */
static void gather(struct event_reader *r, struct open_block *b, struct slice text)
{
	if (b->gathered_len + text.len > b->gathered_cap) {
		size_t cap = 2 * (b->gathered_len + text.len);
		char *grown = keep(r, slice_of(b->gathered, b->gathered_len), cap);

		if (!grown)
			return;
		b->gathered = grown;
		b->gathered_cap = cap;
	}
	if (text.len > 0)
		memcpy(b->gathered + b->gathered_len, text.ptr, text.len);
	b->gathered_len += text.len;
}

/* ---- blocks ---- */

static int64_t index_of(struct json event)
{
	return json_i64_or(json_get(event, "contentBlockIndex"), -1);
}

static struct open_block *find_block(struct hearing *h, int64_t index)
{
	for (unsigned i = 0; i < OPEN_MAX; i++)
		if (h->blocks[i].kind != BLOCK_FREE && h->blocks[i].index == index)
			return &h->blocks[i];
	return NULL;
}

static void hear_opaque(struct event_reader *r, unsigned block, struct slice raw)
{
	struct event *e = event_add(r->sink, EVENT_OPAQUE, 0, block);

	e->opaque.raw = raw;
	e->opaque.dialect = DIALECT_BEDROCK;
}

/* The block as a whole answer would have it: the start's members and what came after them. */
static void end_opaque(struct event_reader *r, struct open_block *b, struct arena *scratch)
{
	struct slice gathered = slice_of(b->gathered ? b->gathered : "", b->gathered_len);
	struct json_doc doc;
	struct json_error error;

	if (b->start.len < 2)
		return;
	if (!b->result && !json_parse(scratch, gathered, &doc, &error))
		gathered = SLICE("{}");
	hear_opaque(r, b->number,
		    arena_printf(scratch, "{\"%s\":%.*s%s\"%s\":%s%.*s%s}}", b->result ? "toolResult" : "toolUse",
				 (int)b->start.len - 1, b->start.ptr, b->filled ? "," : "",
				 b->result ? "content" : "input", b->result ? "[" : "", SLICE_ARG(gathered),
				 b->result ? "]" : ""));
}

static void end_block(struct event_reader *r, struct open_block *b, struct arena *scratch)
{
	if (b->kind == BLOCK_TOOL)
		event_add(r->sink, EVENT_TOOL_END, 0, b->number);
	else if (b->kind == BLOCK_OPAQUE)
		end_opaque(r, b, scratch);
	b->kind = BLOCK_FREE;
}

static struct open_block *begin_block(struct event_reader *r, int64_t index, enum block_kind kind,
				      struct arena *scratch)
{
	struct hearing *h = hearing_of(r);
	struct open_block *b = find_block(h, index);

	for (unsigned i = 0; i < OPEN_MAX && !b; i++)
		if (h->blocks[i].kind == BLOCK_FREE || i == OPEN_MAX - 1)
			b = &h->blocks[i];
	end_block(r, b, scratch);
	*b = (struct open_block){ .kind = kind, .index = index, .number = h->count++ };
	return b;
}

/* ---- pieces ---- */

static void hear_text(struct event_reader *r, enum event_kind kind, unsigned block, struct json v,
		      struct arena *scratch)
{
	if (json_is(v, JSON_STRING) && json_is_filled(v))
		event_add(r->sink, kind, 0, block)->text = json_text(v, scratch);
}

static void hear_signature(struct event_reader *r, unsigned block, struct json v, bool redacted, struct arena *scratch)
{
	struct slice payload = json_text(v, scratch);
	struct event *e;

	if (payload.len == 0)
		return;
	e = event_add(r->sink, EVENT_SIGNATURE, 0, block);
	e->signature.payload = payload;
	e->signature.redacted = redacted;
}

static int64_t place_of(struct json object, const char *name)
{
	return json_i64_or(json_member(object, slice_cstr(name)), -1);
}

/* CitationLocation: web, documentChar, documentPage, documentChunk, searchResultLocation (§4.5). A source is
 * whatever the client called it, often an address. */
static void hear_citation(struct event_reader *r, unsigned block, struct json v, struct arena *scratch)
{
	struct json_walk place = bedrock_union(json_get(v, "location"));
	struct slice source = json_text(json_get(v, "source"), scratch);
	struct citation c = { .kind = CITATION_DOCUMENT,
			      .start = -1,
			      .end = -1,
			      .of_block = true,
			      .document = place_of(place.value, "documentIndex"),
			      .source_start = place_of(place.value, "start"),
			      .source_end = place_of(place.value, "end"),
			      .pages = json_text_eq(place.key, SLICE("documentPage")),
			      .raw = json_raw(v),
			      .raw_dialect = DIALECT_BEDROCK };

	if (!json_is(v, JSON_OBJECT))
		return;
	c.title = json_text(json_get(v, "title"), scratch);
	c.quote = bedrock_join_texts(json_get(v, "sourceContent"), SLICE(""), scratch);
	c.url = json_text(json_get(place.value, "url"), scratch);
	if (c.document < 0)
		c.document = place_of(place.value, "searchResultIndex");
	if (c.url.len == 0 && slice_find(source, SLICE("://")) != SIZE_MAX)
		c.url = source;
	if (c.url.len > 0)
		c.kind = CITATION_URL;
	event_add(r->sink, EVENT_CITATION, 0, block)->citation = c;
}

static void hear_image(struct event_reader *r, unsigned block, struct slice mime, struct json source,
		       struct arena *scratch)
{
	struct json_walk member = bedrock_union(source);
	bool data = json_text_eq(member.key, SLICE("bytes"));
	struct slice value = json_text(data ? member.value : json_get(member.value, "uri"), scratch);
	struct event *e;

	if (value.len == 0)
		return;
	e = event_add(r->sink, EVENT_MEDIA, 0, block);
	e->media.source = data ? MEDIA_DATA : MEDIA_URL;
	e->media.mime = mime;
	e->media.value = value;
}

static struct slice image_mime(struct json image, struct arena *a)
{
	return bedrock_mime_of(PART_IMAGE, json_text(json_get(image, "format"), a), a);
}

static void hear_tool(struct event_reader *r, unsigned block, struct json tool, struct arena *scratch)
{
	struct event *e = event_add(r->sink, EVENT_TOOL_BEGIN, 0, block);

	e->tool.id = json_text(json_get(tool, "toolUseId"), scratch);
	e->tool.name = json_text(json_get(tool, "name"), scratch);
}

/* "tool_use" is what an ordinary call may say of itself (recorded: bedrock). */
static bool is_server_tool(struct json tool)
{
	return json_text_eq(json_get(tool, "type"), SLICE("server_tool_use"));
}

/* ---- streams ---- */

void bedrock_hear_message_start(struct event_reader *r)
{
	struct hearing *h = hearing_of(r);

	if (!h->started)
		event_add(r->sink, EVENT_START, 0, 0);
	h->started = true;
}

void bedrock_hear_block_start(struct event_reader *r, struct json event, struct arena *scratch)
{
	struct json_walk start = bedrock_union(json_get(event, "start"));
	bool tool = json_text_eq(start.key, SLICE("toolUse"));
	struct open_block *b;

	if (hearing_of(r)->stopped || !json_exists(start.value))
		return;
	if (tool && !is_server_tool(start.value)) {
		b = begin_block(r, index_of(event), BLOCK_TOOL, scratch);
		hear_tool(r, b->number, start.value, scratch);
	} else if (json_is(start.value, JSON_OBJECT) && (tool || json_text_eq(start.key, SLICE("toolResult")))) {
		b = begin_block(r, index_of(event), BLOCK_OPAQUE, scratch);
		b->result = !tool;
		b->filled = json_count(start.value) > 0;
		b->start = keep_slice(r, json_raw(start.value));
	} else if (json_text_eq(start.key, SLICE("image"))) {
		b = begin_block(r, index_of(event), BLOCK_IMAGE, scratch);
		b->start = keep_slice(r, image_mime(start.value, scratch));
	}
}

static enum block_kind kind_of_delta(struct json name)
{
	if (json_text_eq(name, SLICE("text")) || json_text_eq(name, SLICE("citation")))
		return BLOCK_TEXT;
	return json_text_eq(name, SLICE("reasoningContent")) ? BLOCK_REASONING :
	       json_text_eq(name, SLICE("image")) ? BLOCK_IMAGE : BLOCK_FREE;
}

static void hear_reasoning_delta(struct event_reader *r, unsigned block, struct json delta, struct arena *scratch)
{
	hear_text(r, EVENT_REASONING, block, json_get(delta, "text"), scratch);
	hear_signature(r, block, json_get(delta, "signature"), false, scratch);
	hear_signature(r, block, json_get(delta, "redactedContent"), true, scratch);
}

static void gather_result(struct event_reader *r, struct open_block *b, struct json delta, struct arena *scratch)
{
	if (!json_is(delta, JSON_ARRAY))
		return;
	for (struct json_walk w = json_walk(delta); json_walk_next(&w);)
		gather(r, b, b->gathered_len > 0 ? arena_join(scratch, SLICE(","), json_raw(w.value)) : json_raw(w.value));
}

static void hear_input(struct event_reader *r, struct open_block *b, struct json delta, struct arena *scratch)
{
	struct json input = json_get(delta, "input");

	if (b->kind == BLOCK_TOOL && json_is(input, JSON_OBJECT))
		event_add(r->sink, EVENT_TOOL_ARGUMENTS, 0, b->number)->text = json_raw(input);
	else if (b->kind == BLOCK_TOOL)
		hear_text(r, EVENT_TOOL_ARGUMENTS, b->number, input, scratch);
	else if (b->kind == BLOCK_OPAQUE && !b->result)
		gather(r, b, json_text(input, scratch));
}

/* Of a block whose start was not seen only text, reasoning and images can be told; what a tool is called cannot. */
void bedrock_hear_delta(struct event_reader *r, struct json event, struct arena *scratch)
{
	struct json_walk delta = bedrock_union(json_get(event, "delta"));
	enum block_kind kind = kind_of_delta(delta.key);
	struct open_block *b = find_block(hearing_of(r), index_of(event));

	if (hearing_of(r)->stopped || !json_exists(delta.value))
		return;
	if (kind != BLOCK_FREE && (!b || b->kind != kind)) {
		if (json_is(delta.value, JSON_STRING) && !json_is_filled(delta.value))
			return;
		b = begin_block(r, index_of(event), kind, scratch);
	}
	if (!b)
		return;
	if (json_text_eq(delta.key, SLICE("text")))
		hear_text(r, EVENT_TEXT, b->number, delta.value, scratch);
	else if (json_text_eq(delta.key, SLICE("citation")))
		hear_citation(r, b->number, delta.value, scratch);
	else if (kind == BLOCK_REASONING)
		hear_reasoning_delta(r, b->number, delta.value, scratch);
	else if (kind == BLOCK_IMAGE)
		hear_image(r, b->number, b->start, json_get(delta.value, "source"), scratch);
	else if (json_text_eq(delta.key, SLICE("toolUse")))
		hear_input(r, b, delta.value, scratch);
	else if (json_text_eq(delta.key, SLICE("toolResult")) && b->result)
		gather_result(r, b, delta.value, scratch);
}

void bedrock_hear_block_stop(struct event_reader *r, struct json event, struct arena *scratch)
{
	struct open_block *b = find_block(hearing_of(r), index_of(event));

	if (b && !hearing_of(r)->stopped)
		end_block(r, b, scratch);
}

/* §4.3 */
static const struct { const char *word; enum stop_reason reason; } stops[] = {
	{ "end_turn", STOP_END }, { "stop_sequence", STOP_SEQUENCE }, { "max_tokens", STOP_LENGTH },
	{ "model_context_window_exceeded", STOP_CONTEXT }, { "tool_use", STOP_TOOL_CALLS },
	{ "guardrail_intervened", STOP_REFUSAL }, { "content_filtered", STOP_REFUSAL },
	{ "malformed_model_output", STOP_MALFORMED }, { "malformed_tool_use", STOP_MALFORMED },
};

/* additionalModelResponseFields has what the client asked for by additionalModelResponseFieldPaths: Claude's
 * "/stop_sequence". */
void bedrock_hear_end(struct event_reader *r, struct json from, struct arena *scratch)
{
	struct hearing *h = hearing_of(r);
	struct event *e;

	if (h->stopped)
		return;
	h->stopped = true;
	for (unsigned i = 0; i < OPEN_MAX; i++)
		end_block(r, &h->blocks[i], scratch);
	e = event_add(r->sink, EVENT_STOP, 0, h->count);
	e->stop.reason = STOP_UNKNOWN;
	e->stop.word = json_text(json_get(from, "stopReason"), scratch);
	e->stop.sequence = json_text(json_get(json_get(from, "additionalModelResponseFields"), "stop_sequence"), scratch);
	for (size_t i = 0; i < COUNT_OF(stops); i++)
		if (slice_eq(e->stop.word, slice_cstr(stops[i].word)))
			e->stop.reason = stops[i].reason;
}

/* ---- whole answers ---- */

static void hear_cited(struct event_reader *r, unsigned block, struct json cited, struct arena *scratch)
{
	struct json content = json_get(cited, "content"), citations = json_get(cited, "citations");

	if (json_is(content, JSON_ARRAY))
		for (struct json_walk w = json_walk(content); json_walk_next(&w);)
			hear_text(r, EVENT_TEXT, block, json_get(w.value, "text"), scratch);
	if (json_is(citations, JSON_ARRAY))
		for (struct json_walk w = json_walk(citations); json_walk_next(&w);)
			hear_citation(r, block, w.value, scratch);
}

static void hear_reasoning(struct event_reader *r, unsigned block, struct json reasoning, struct arena *scratch)
{
	struct json shown = json_get(reasoning, "reasoningText");

	hear_text(r, EVENT_REASONING, block, json_get(shown, "text"), scratch);
	hear_signature(r, block, json_get(shown, "signature"), false, scratch);
	hear_signature(r, block, json_get(reasoning, "redactedContent"), true, scratch);
}

static void hear_call(struct event_reader *r, unsigned block, struct json tool, struct arena *scratch)
{
	struct json input = json_get(tool, "input");

	hear_tool(r, block, tool, scratch);
	if (json_is(input, JSON_STRING))
		hear_text(r, EVENT_TOOL_ARGUMENTS, block, input, scratch);
	else if (json_exists(input) && !json_is(input, JSON_NULL))
		event_add(r->sink, EVENT_TOOL_ARGUMENTS, 0, block)->text = json_raw(input);
	event_add(r->sink, EVENT_TOOL_END, 0, block);
}

void bedrock_hear_content(struct event_reader *r, struct json content, struct arena *scratch)
{
	for (struct json_walk w = json_walk(content); json_walk_next(&w);) {
		struct json_walk member = bedrock_union(w.value);
		unsigned block;

		if (!json_exists(member.value))
			continue;
		block = hearing_of(r)->count++;
		if (json_text_eq(member.key, SLICE("text")))
			hear_text(r, EVENT_TEXT, block, member.value, scratch);
		else if (json_text_eq(member.key, SLICE("citationsContent")))
			hear_cited(r, block, member.value, scratch);
		else if (json_text_eq(member.key, SLICE("reasoningContent")))
			hear_reasoning(r, block, member.value, scratch);
		else if (json_text_eq(member.key, SLICE("toolUse")) && !is_server_tool(member.value))
			hear_call(r, block, member.value, scratch);
		else if (json_text_eq(member.key, SLICE("image")))
			hear_image(r, block, image_mime(member.value, scratch), json_get(member.value, "source"),
				   scratch);
		else
			hear_opaque(r, block, json_raw(w.value));
	}
}
