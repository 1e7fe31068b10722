/* SPDX-License-Identifier: Apache-2.0 */
/* Messages events and answers as the hub's events (DIALECTS §4.2, §4.3, §4.5, §5.4). Anthropic's blocks come one after
 * the other; others who speak this dialect are less strict, so a few may be open at once, a delta may come without its
 * block's start, a tool's input with the start or in deltas. */
#include "dialect/anthropic/anthropic.h"

enum {
	OPEN_MAX = 16,                 /* blocks at once; more share the last place */
	KEPT_MAX = 4 << 20             /* bytes of one answer that are kept until their block closes */
};

enum block_kind { BLOCK_FREE, BLOCK_TEXT, BLOCK_REASONING, BLOCK_TOOL, BLOCK_OPAQUE };

struct open_block {
	enum block_kind kind;
	int64_t index;                 /* on the wire */
	unsigned number;               /* in the hub */
	bool arguments_said;           /* TOOL: deltas with something in them came */
	struct slice input;            /* TOOL: as the start had it, for the case that no delta follows */
	struct slice raw;              /* OPAQUE: as it began; empty when it was handed on already */
	char *gathered;                /* OPAQUE: its input's deltas, in the arena */
	size_t gathered_len, gathered_cap;
};

struct hearing {
	struct open_block blocks[OPEN_MAX];
	unsigned count;                /* blocks begun */
	size_t kept;                   /* bytes */
	bool stopped;
};

static struct hearing *hearing_of(struct event_reader *r)
{
	if (!r->state)
		r->state = arena_new(r->arena, struct hearing);
	return r->state;
}

/* Copied for as long as the answer is read; NULL pointer over the limit. */
static char *keep(struct event_reader *r, const char *bytes, size_t len, size_t room)
{
	struct hearing *h = hearing_of(r);

	if (room > KEPT_MAX - h->kept)
		return NULL;
	h->kept += room;

	char *copy = arena_alloc(r->arena, room + 1);
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

static struct slice keep_slice(struct event_reader *r, struct slice s)
{
	char *copy = keep(r, s.ptr, s.len, s.len);

	return slice_of(copy, copy ? s.len : 0);
}

/* False over the limit: an input this long is shown without it. */
static bool gather(struct event_reader *r, struct open_block *b, struct slice text)
{
	if (b->gathered_len + text.len > b->gathered_cap) {
		size_t cap = 2 * (b->gathered_len + text.len);
		char *grown = keep(r, b->gathered, b->gathered_len, cap);

		if (!grown)
			return false;
		b->gathered = grown;
		b->gathered_cap = cap;
	}
	memcpy(b->gathered + b->gathered_len, text.ptr, text.len);
	b->gathered_len += text.len;
	return true;
}

/* ---- one block's events ---- */

static void hear_text(struct event_reader *r, enum event_kind kind, unsigned block, struct json v,
		      struct arena *scratch)
{
	if (json_is_filled(v))
		event_add(r->sink, kind, 0, block)->text = json_text(v, scratch);
}

static void hear_signature(struct event_reader *r, unsigned block, struct json v, bool redacted, struct arena *scratch)
{
	struct slice payload = json_text(v, scratch);

	if (payload.len == 0)
		return;

	struct event *e = event_add(r->sink, EVENT_SIGNATURE, 0, block);

	e->signature.payload = redacted ? arena_join(scratch, SLICE(ANTHROPIC_REDACTED), payload) : payload;
	e->signature.redacted = redacted;
}

static void hear_raw_text(struct event_reader *r, enum event_kind kind, unsigned block, struct slice text)
{
	event_add(r->sink, kind, 0, block)->text = text;
}

static int64_t place_of(struct json object, const char *name)
{
	return json_i64_or(json_member(object, slice_cstr(name)), -1);
}

/* The five kinds of places (§4.5). A search result's source is whatever the client called it, often an address. */
static void hear_citation(struct event_reader *r, unsigned block, struct json v, struct arena *scratch)
{
	struct json type = json_get(v, "type");
	struct citation c = {
		.kind = CITATION_DOCUMENT,
		.start = -1,
		.end = -1,
		.of_block = true,
		.document = place_of(v, "document_index"),
		.source_start = -1,
		.source_end = -1,
		.raw = json_raw(v),
		.raw_dialect = DIALECT_ANTHROPIC,
	};

	if (!json_is(v, JSON_OBJECT))
		return;
	c.quote = json_text(json_get(v, "cited_text"), scratch);
	c.title = json_text(json_get(v, "document_title"), scratch);
	if (json_text_eq(type, SLICE("char_location"))) {
		c.source_start = place_of(v, "start_char_index");
		c.source_end = place_of(v, "end_char_index");
	} else if (json_text_eq(type, SLICE("page_location"))) {
		c.pages = true;
		c.source_start = place_of(v, "start_page_number");
		c.source_end = place_of(v, "end_page_number");
	} else if (json_text_eq(type, SLICE("web_search_result_location"))) {
		c.kind = CITATION_URL;
		c.url = json_text(json_get(v, "url"), scratch);
		c.title = json_text(json_get(v, "title"), scratch);
	} else if (json_text_eq(type, SLICE("search_result_location"))) {
		struct slice source = json_text(json_get(v, "source"), scratch);
		c.title = json_text(json_get(v, "title"), scratch);
		c.document = place_of(v, "search_result_index");
		if (slice_find(source, SLICE("://")) != SIZE_MAX) {
			c.kind = CITATION_URL;
			c.url = source;
		}
	}
	event_add(r->sink, EVENT_CITATION, 0, block)->citation = c;
}

static void hear_citations(struct event_reader *r, unsigned block, struct json list, struct arena *scratch)
{
	if (!json_is(list, JSON_ARRAY))
		return;
	for (struct json_walk w = json_walk(list); json_walk_next(&w);)
		hear_citation(r, block, w.value, scratch);
}

static void hear_opaque(struct event_reader *r, unsigned block, struct slice raw)
{
	struct event *e = event_add(r->sink, EVENT_OPAQUE, 0, block);

	e->opaque.raw = raw;
	e->opaque.dialect = DIALECT_ANTHROPIC;
}

static void hear_tool(struct event_reader *r, unsigned block, struct json tool, struct arena *scratch)
{
	struct event *e = event_add(r->sink, EVENT_TOOL_BEGIN, 0, block);

	e->tool.id = json_text(json_get(tool, "id"), scratch);
	e->tool.name = json_text(json_get(tool, "name"), scratch);
}

/* ---- open blocks ---- */

/* A server tool's call with its input in place: what its dialect's clients would send back. */
static struct slice complete_opaque(struct open_block *b, struct arena *scratch)
{
	struct json_doc doc, parsed;
	struct json_error error;
	struct splice edited;
	struct slice input = slice_of(b->gathered, b->gathered_len);

	if (input.len == 0 || !json_parse(scratch, b->raw, &doc, &error) ||
	    !json_parse(scratch, input, &parsed, &error))
		return b->raw;
	splice_init(&edited, b->raw);
	if (!json_exists(json_get(json_root(&doc), "input")) ||
	    !splice_replace(&edited, json_get(json_root(&doc), "input"), input))
		return b->raw;
	return splice_flatten(&edited, scratch);
}

static void end_block(struct event_reader *r, struct open_block *b, struct arena *scratch)
{
	if (b->kind == BLOCK_TOOL) {
		if (!b->arguments_said && b->input.len > 0)
			hear_raw_text(r, EVENT_TOOL_ARGUMENTS, b->number, b->input);
		event_add(r->sink, EVENT_TOOL_END, 0, b->number);
	} else if (b->kind == BLOCK_OPAQUE && b->raw.len > 0) {
		hear_opaque(r, b->number, complete_opaque(b, scratch));
	}
	b->kind = BLOCK_FREE;
}

static struct open_block *find_block(struct hearing *h, int64_t index)
{
	for (unsigned i = 0; i < OPEN_MAX; i++)
		if (h->blocks[i].kind != BLOCK_FREE && h->blocks[i].index == index)
			return &h->blocks[i];
	return NULL;
}

/* A block of the same number that was not closed is closed by it. */
static struct open_block *begin_block(struct event_reader *r, int64_t index, enum block_kind kind,
				      struct arena *scratch)
{
	struct hearing *h = hearing_of(r);
	struct open_block *b = find_block(h, index);

	for (unsigned i = 0; i < OPEN_MAX && !b; i++)
		if (h->blocks[i].kind == BLOCK_FREE)
			b = &h->blocks[i];
	if (!b)
		b = &h->blocks[OPEN_MAX - 1];
	end_block(r, b, scratch);
	*b = (struct open_block){ .kind = kind, .index = index, .number = h->count++ };
	return b;
}

static int64_t index_of(struct json index)
{
	return json_i64_or(index, 0);
}

/* ---- the wire's events ---- */

void anthropic_hear_start(struct event_reader *r, struct json message, struct arena *scratch)
{
	struct event *e = event_add(r->sink, EVENT_START, 0, 0);

	e->start.id = json_text(json_get(message, "id"), scratch);
	e->start.model = json_text(json_get(message, "model"), scratch);
	e->start.service_tier = json_text(json_get(json_get(message, "usage"), "service_tier"), scratch);
}

/* What its dialect alone knows. A server tool's call begins without its input, a compaction without its content;
 * results and all else are whole. */
static void hear_other_block(struct event_reader *r, int64_t index, struct json block, struct arena *scratch)
{
	struct open_block *b = begin_block(r, index, BLOCK_OPAQUE, scratch);
	bool grows = json_exists(json_get(block, "input"));

	if (json_text_eq(json_get(block, "type"), SLICE("compaction")) && !json_is_filled(json_get(block, "content")))
		return;
	if (grows)
		b->raw = keep_slice(r, json_raw(block));
	if (b->raw.len == 0)
		hear_opaque(r, b->number, json_raw(block));
}

void anthropic_hear_block(struct event_reader *r, struct json index, struct json block, struct arena *scratch)
{
	struct json type = json_get(block, "type"), input = json_get(block, "input");
	struct open_block *b;

	if (hearing_of(r)->stopped)
		return;
	if (json_text_eq(type, SLICE("text"))) {
		b = begin_block(r, index_of(index), BLOCK_TEXT, scratch);
		hear_text(r, EVENT_TEXT, b->number, json_get(block, "text"), scratch);
		hear_citations(r, b->number, json_get(block, "citations"), scratch);
	} else if (json_text_eq(type, SLICE("thinking"))) {
		b = begin_block(r, index_of(index), BLOCK_REASONING, scratch);
		hear_text(r, EVENT_REASONING, b->number, json_get(block, "thinking"), scratch);
		hear_signature(r, b->number, json_get(block, "signature"), false, scratch);
	} else if (json_text_eq(type, SLICE("redacted_thinking"))) {
		b = begin_block(r, index_of(index), BLOCK_REASONING, scratch);
		hear_signature(r, b->number, json_get(block, "data"), true, scratch);
	} else if (json_text_eq(type, SLICE("tool_use"))) {
		b = begin_block(r, index_of(index), BLOCK_TOOL, scratch);
		hear_tool(r, b->number, block, scratch);
		if (json_is(input, JSON_OBJECT) && json_count(input) > 0)
			b->input = keep_slice(r, json_raw(input));
	} else if (json_is(type, JSON_STRING)) {
		hear_other_block(r, index_of(index), block, scratch);
	}
}

static enum block_kind kind_of_delta(struct json type)
{
	if (json_text_eq(type, SLICE("text_delta")) || json_text_eq(type, SLICE("citations_delta")))
		return BLOCK_TEXT;
	if (json_text_eq(type, SLICE("thinking_delta")) || json_text_eq(type, SLICE("signature_delta")))
		return BLOCK_REASONING;
	return BLOCK_FREE;
}

static void hear_input(struct event_reader *r, struct open_block *b, struct json part, struct arena *scratch)
{
	struct slice text = json_text(part, scratch);

	if (text.len == 0)
		return;
	if (b->kind == BLOCK_TOOL) {
		b->arguments_said = true;
		hear_raw_text(r, EVENT_TOOL_ARGUMENTS, b->number, text);
	} else if (b->kind == BLOCK_OPAQUE && b->raw.len > 0 && !gather(r, b, text)) {
		b->gathered_len = 0;
	}
}

/* Of a block whose start was not seen only text and thinking can be told; what a tool is called cannot. */
void anthropic_hear_delta(struct event_reader *r, struct json index, struct json delta, struct arena *scratch)
{
	struct json type = json_get(delta, "type");
	enum block_kind kind = kind_of_delta(type);
	struct open_block *b = find_block(hearing_of(r), index_of(index));

	if (hearing_of(r)->stopped)
		return;
	if (kind != BLOCK_FREE && (!b || b->kind != kind))
		b = begin_block(r, index_of(index), kind, scratch);
	if (!b)
		return;
	if (json_text_eq(type, SLICE("text_delta")))
		hear_text(r, EVENT_TEXT, b->number, json_get(delta, "text"), scratch);
	else if (json_text_eq(type, SLICE("thinking_delta")))
		hear_text(r, EVENT_REASONING, b->number, json_get(delta, "thinking"), scratch);
	else if (json_text_eq(type, SLICE("signature_delta")))
		hear_signature(r, b->number, json_get(delta, "signature"), false, scratch);
	else if (json_text_eq(type, SLICE("citations_delta")))
		hear_citation(r, b->number, json_get(delta, "citation"), scratch);
	else if (json_text_eq(type, SLICE("input_json_delta")))
		hear_input(r, b, json_get(delta, "partial_json"), scratch);
	else if (json_text_eq(type, SLICE("compaction_delta")) && json_is_filled(json_get(delta, "content")))
		hear_opaque(r, b->number, arena_printf(scratch, "{\"type\":\"compaction\",\"content\":%.*s}",
						       SLICE_ARG(json_raw(json_get(delta, "content")))));
}

void anthropic_hear_block_stop(struct event_reader *r, struct json index, struct arena *scratch)
{
	struct open_block *b = find_block(hearing_of(r), index_of(index));

	if (b)
		end_block(r, b, scratch);
}

/* §4.3; what others who speak this dialect let through of OpenAI's words is understood as well. */
static const struct { const char *word; enum stop_reason reason; } stops[] = {
	{ "end_turn", STOP_END }, { "stop_sequence", STOP_SEQUENCE }, { "max_tokens", STOP_LENGTH },
	{ "model_context_window_exceeded", STOP_CONTEXT }, { "tool_use", STOP_TOOL_CALLS }, { "refusal", STOP_REFUSAL },
	{ "pause_turn", STOP_PAUSE }, { "compaction", STOP_PAUSE },
	{ "stop", STOP_END }, { "length", STOP_LENGTH }, { "tool_calls", STOP_TOOL_CALLS },
	{ "content_filter", STOP_REFUSAL },
};

/* message_delta's delta, or a whole message: both have the three members. */
void anthropic_hear_end(struct event_reader *r, struct json from, struct arena *scratch)
{
	struct hearing *h = hearing_of(r);
	struct json reason = json_get(from, "stop_reason"), details = json_get(from, "stop_details");

	if (h->stopped)
		return;
	h->stopped = true;
	for (unsigned i = 0; i < OPEN_MAX; i++)
		end_block(r, &h->blocks[i], scratch);

	struct event *e = event_add(r->sink, EVENT_STOP, 0, h->count);

	e->stop.reason = STOP_UNKNOWN;
	e->stop.word = json_text(reason, scratch);
	e->stop.sequence = json_text(json_get(from, "stop_sequence"), scratch);
	e->stop.detail = json_text(json_get(details, "explanation"), scratch);
	if (e->stop.detail.len == 0)
		e->stop.detail = json_text(json_get(details, "category"), scratch);
	for (size_t i = 0; i < COUNT_OF(stops); i++)
		if (slice_eq(e->stop.word, slice_cstr(stops[i].word)))
			e->stop.reason = stops[i].reason;
}

/* A whole message as if it had come in pieces; a tool's input is whole where its block begins. */
void anthropic_hear_message(struct event_reader *r, struct json message, struct arena *scratch)
{
	anthropic_hear_start(r, message, scratch);
	for (struct json_walk w = json_walk(json_get(message, "content")); json_walk_next(&w);) {
		anthropic_hear_block(r, (struct json){ 0 }, w.value, scratch);
		anthropic_hear_block_stop(r, (struct json){ 0 }, scratch);
	}
	anthropic_hear_end(r, message, scratch);
}
