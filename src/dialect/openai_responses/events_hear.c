/* SPDX-License-Identifier: Apache-2.0 */
/* Hub events out of a Responses stream and a whole response (DIALECTS §4.2 to §4.7, §5.3). Items are known by their
 * output_index, texts within them by their content_index. Whatever a provider leaves out of its deltas is taken from
 * where it is repeated: the …done events, the closed item, the response in the last event. */
#include "dialect/openai_responses/openai_responses.h"

enum { PARTS_MAX = 64 };               /* of one message; more are heard as one */

struct heard_item {
	struct heard_item *next;
	int64_t index;                 /* output_index */
	bool call, begun, said, closed; /* said: some of its text or arguments have come */
	bool by_content;               /* reasoning: heard from `content`, not from `summary` */
	int64_t summary;               /* reasoning: the last summary_index */
	bool has_block;
	unsigned block;
	struct heard_part {
		bool has_block;
		unsigned block, annotations;
		size_t len;            /* of the text that was heard, and a hash of it */
		uint64_t hash;
	} parts[PARTS_MAX];            /* of a message */
};

struct hearing {
	struct heard_item *items, *last;
	unsigned blocks, item_count;
	bool started, stopped;
};

enum { ITEMS_MAX = 4096 };             /* of one answer; more is not heard */

struct ear {
	struct event_reader *r;
	struct hearing *h;
	struct arena *scratch;
};

static struct hearing *hearing_of(struct event_reader *r)
{
	if (!r->state)
		r->state = arena_new(r->arena, struct hearing);
	return r->state;
}

static struct heard_item *item_at(struct ear *x, struct json index)
{
	struct hearing *h = x->h;
	int64_t number = json_i64_or(index, -1);
	struct heard_item *item = h->last;

	if (number < 0)
		number = item ? item->index : 0;
	if (item && item->index == number)
		return item;
	for (item = h->items; item; item = item->next)
		if (item->index == number)
			return item;
	if (h->item_count == ITEMS_MAX)
		return h->last;
	h->item_count++;
	item = arena_new(x->r->arena, struct heard_item);
	item->index = number;
	item->summary = -1;
	if (h->last)
		h->last->next = item;
	else
		h->items = item;
	h->last = item;
	return item;
}

static struct event *say(struct ear *x, enum event_kind kind, unsigned block)
{
	return event_add(x->r->sink, kind, 0, block);
}

static struct slice text_of(struct ear *x, struct json v)
{
	return json_text(v, x->scratch);
}

static unsigned block_of(struct ear *x, struct heard_item *item)
{
	if (!item->has_block) {
		item->has_block = true;
		item->block = x->h->blocks++;
	}
	return item->block;
}

static size_t part_number(struct json index)
{
	int64_t n = json_i64_or(index, 0);

	return n < 0 ? 0 : n >= PARTS_MAX ? PARTS_MAX - 1 : (size_t)n;
}

static unsigned part_block(struct ear *x, struct heard_item *item, size_t part)
{
	if (!item->parts[part].has_block) {
		item->parts[part].has_block = true;
		item->parts[part].block = x->h->blocks++;
	}
	return item->parts[part].block;
}

/* ---- the response ---- */

static void hear_start(struct ear *x, struct json response)
{
	struct event *e;

	if (x->h->started)
		return;
	x->h->started = true;
	e = say(x, EVENT_START, 0);
	e->start.id = text_of(x, json_get(response, "id"));
	e->start.model = text_of(x, json_get(response, "model"));
	e->start.service_tier = text_of(x, json_get(response, "service_tier"));
	e->start.created_s = json_i64_or(json_get(response, "created_at"), 0);
}

/* DIALECTS §4.3. A background response that is not done yet is to be asked for again. */
static const struct {
	const char *word;
	enum stop_reason reason;
} stops[] = {
	{ "completed", STOP_END },
	{ "max_output_tokens", STOP_LENGTH },
	{ "max_messages", STOP_LENGTH },
	{ "max_tool_calls", STOP_LENGTH },
	{ "content_filter", STOP_REFUSAL },
	{ "steered", STOP_PAUSE },
	{ "queued", STOP_PAUSE },
	{ "in_progress", STOP_PAUSE },
	{ "incomplete", STOP_LENGTH },  /* without a reason */
};

static void hear_stop(struct ear *x, struct json response, struct slice otherwise)
{
	struct json why = json_get(json_get(response, "incomplete_details"), "reason");
	struct json status = json_get(response, "status");
	struct slice word = json_is_filled(why)      ? text_of(x, why)
			    : json_is_filled(status) ? text_of(x, status)
						     : otherwise;
	struct event *e;

	if (x->h->stopped)
		return;
	x->h->stopped = true;
	e = say(x, EVENT_STOP, 0);
	e->stop.reason = STOP_UNKNOWN;
	e->stop.word = word;
	for (size_t i = 0; i < COUNT_OF(stops); i++)
		if (slice_eq(word, slice_cstr(stops[i].word)))
			e->stop.reason = stops[i].reason;
}

/* ---- messages ---- */

static void read_logprob(struct ear *x, struct logprob *p, struct json v)
{
	p->token = text_of(x, json_get(v, "token"));
	(void)!json_to_double(json_get(v, "logprob"), &p->value);
}

static void hear_logprobs(struct ear *x, unsigned block, struct json list)
{
	struct logprob *items;
	unsigned count = 0;
	struct event *e;

	if (!json_is(list, JSON_ARRAY) || json_count(list) == 0)
		return;
	items = arena_array(x->r->sink->arena, struct logprob, json_count(list));
	for (struct json_walk w = json_walk(list); json_walk_next(&w); count++) {
		struct json top = json_get(w.value, "top_logprobs");

		read_logprob(x, &items[count], w.value);
		items[count].top = arena_array(x->r->sink->arena, struct logprob, json_count(top) + 1);
		for (struct json_walk t = json_walk(top); json_walk_next(&t);)
			read_logprob(x, &items[count].top[items[count].top_count++], t.value);
	}
	e = say(x, EVENT_LOGPROBS, block);
	e->logprobs.items = items;
	e->logprobs.count = count;
}

/* FNV-1a; goes on from the hash of what came before. */
static uint64_t hash_on(uint64_t hash, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.ptr[i]) * 0x100000001b3u;
	return hash;
}

static void hear_text(struct ear *x, struct heard_item *item, size_t number, struct slice text, struct json logprobs,
		      enum event_kind kind)
{
	struct heard_part *part = &item->parts[number];
	unsigned block;

	if (text.len == 0 || item->closed)
		return;
	item->said = true;
	block = part_block(x, item, number);
	part->len += text.len;
	part->hash = hash_on(part->hash, text);
	say(x, kind, block)->text = text;
	if (kind == EVENT_TEXT)
		hear_logprobs(x, block, logprobs);
}

/* The whole text, when it ends: the rest of what was heard, if it goes on from there. */
static void hear_whole_text(struct ear *x, struct heard_item *item, size_t number, struct json whole,
			    struct json logprobs, enum event_kind kind)
{
	const struct heard_part *part = &item->parts[number];
	struct slice text = text_of(x, whole);

	if (text.len <= part->len)
		return;
	if (part->len == 0)
		hear_text(x, item, number, text, logprobs, kind);
	else if (hash_on(0, slice_of(text.ptr, part->len)) == part->hash)
		hear_text(x, item, number, slice_after(text, part->len), (struct json){ 0 }, kind);
}

/* DIALECTS §4.5: only a URL has a place in the text; a file has a position. */
static void hear_annotation(struct ear *x, struct heard_item *item, size_t part, struct json a)
{
	struct json end = json_get(a, "end_index"), file = json_get(a, "file_id");
	struct citation *c;

	if (!json_is(a, JSON_OBJECT) || item->closed)
		return;
	item->parts[part].annotations++;
	c = &say(x, EVENT_CITATION, part_block(x, item, part))->citation;
	c->kind = json_exists(file) ? CITATION_FILE : CITATION_URL;
	c->url = text_of(x, json_exists(file) ? file : json_get(a, "url"));
	c->title = text_of(x, json_exists(file) ? json_get(a, "filename") : json_get(a, "title"));
	c->start = json_i64_or(json_get(a, "start_index"), -1);
	c->end = json_i64_or(json_exists(end) ? end : json_get(a, "index"), -1);
	c->document = c->source_start = c->source_end = -1;
	c->raw = json_raw(a);
	c->raw_dialect = DIALECT_OPENAI_RESPONSES;
}

/* A part that is complete: what its deltas left out. */
static void hear_part(struct ear *x, struct heard_item *item, size_t part, struct json v)
{
	bool refusal = json_text_eq(json_get(v, "type"), SLICE("refusal"));
	unsigned seen = 0;

	hear_whole_text(x, item, part, refusal ? json_get(v, "refusal") : json_get(v, "text"), json_get(v, "logprobs"),
			refusal ? EVENT_REFUSAL : EVENT_TEXT);
	for (struct json_walk w = json_walk(json_get(v, "annotations")); json_walk_next(&w);)
		if (seen++ >= item->parts[part].annotations)
			hear_annotation(x, item, part, w.value);
}

static void hear_message(struct ear *x, struct heard_item *item, struct json v)
{
	struct json content = json_get(v, "content");
	size_t part = 0;

	if (json_is(content, JSON_STRING)) {
		hear_whole_text(x, item, 0, content, (struct json){ 0 }, EVENT_TEXT);
		return;
	}
	for (struct json_walk w = json_walk(content); json_walk_next(&w) && part < PARTS_MAX; part++)
		hear_part(x, item, part, w.value);
}

/* ---- reasoning ---- */

/* Some give a summary, some the text itself, some both: the first that comes is heard. Parts are paragraphs. */
static void hear_reasoning(struct ear *x, struct heard_item *item, struct json text, bool content, int64_t part)
{
	if (!json_is_filled(text) || item->closed || (item->said && item->by_content != content))
		return;
	if (item->said && part != item->summary)
		say(x, EVENT_REASONING, item->block)->text = SLICE("\n\n");
	item->said = true;
	item->by_content = content;
	item->summary = part;
	say(x, EVENT_REASONING, block_of(x, item))->text = text_of(x, text);
}

static void hear_reasoning_list(struct ear *x, struct heard_item *item, struct json list, bool content)
{
	int64_t part = 0;

	for (struct json_walk w = json_walk(list); json_walk_next(&w); part++)
		hear_reasoning(x, item, json_get(w.value, "text"), content, part);
}

/* The whole item is what its provider has to be given back; it can do without one that has nothing in it. */
static void hear_reasoning_item(struct ear *x, struct heard_item *item, struct json v)
{
	struct json content = json_get(v, "content"), encrypted = json_get(v, "encrypted_content");
	struct event *e;

	if (!item->said)
		hear_reasoning_list(x, item, json_get(v, "summary"), false);
	if (!item->said)
		hear_reasoning_list(x, item, content, true);
	if (!json_is_filled(encrypted) && !json_is_filled(content))
		return;
	e = say(x, EVENT_SIGNATURE, block_of(x, item));
	e->signature.payload = json_raw(v);
	e->signature.item_id = text_of(x, json_get(v, "id"));
}

/* ---- calls ---- */

/* A call begins with its name. In a namespace of the request's tools it is known to the hub as "crm.lookup"; one that
 * was found by searching has its own name as its namespace (recorded: openai). */
static void hear_call(struct ear *x, struct heard_item *item, struct json v)
{
	struct json name = json_get(v, "name"), namespace = json_get(v, "namespace"), id = json_get(v, "call_id");
	struct event *e;

	if (item->begun || !json_is_filled(name))
		return;
	item->call = item->begun = true;
	e = say(x, EVENT_TOOL_BEGIN, block_of(x, item));
	e->tool.custom = json_text_eq(json_get(v, "type"), SLICE("custom_tool_call"));
	e->tool.item_id = text_of(x, json_get(v, "id"));
	e->tool.id = json_is_filled(id) ? text_of(x, id) : e->tool.item_id;
	e->tool.name = text_of(x, name);
	if (json_is_filled(namespace) && !slice_eq(json_raw(namespace), json_raw(name)))
		e->tool.name = arena_printf(x->scratch, "%.*s.%.*s", SLICE_ARG(text_of(x, namespace)), SLICE_ARG(e->tool.name));
}

static void hear_arguments(struct ear *x, struct heard_item *item, struct json v)
{
	if (!item->begun || item->closed || !json_exists(v) || json_is(v, JSON_NULL) ||
	    (json_is(v, JSON_STRING) && !json_is_filled(v)))
		return;
	item->said = true;
	say(x, EVENT_TOOL_ARGUMENTS, item->block)->text = json_is(v, JSON_STRING) ? text_of(x, v) : json_raw(v);
}

static struct json arguments_of(struct json v)
{
	struct json input = json_get(v, "input");

	return json_exists(input) ? input : json_get(v, "arguments");
}

static void hear_call_end(struct ear *x, struct heard_item *item, struct json v)
{
	hear_call(x, item, v);
	if (!item->said)
		hear_arguments(x, item, arguments_of(v));
	if (item->begun)
		say(x, EVENT_TOOL_END, item->block);
}

/* ---- items ---- */

static void hear_image(struct ear *x, struct heard_item *item, struct json v)
{
	struct slice format = text_of(x, json_get(v, "output_format"));
	struct media *m = &say(x, EVENT_MEDIA, block_of(x, item))->media;

	m->source = MEDIA_DATA;
	m->mime = arena_join(x->scratch, SLICE("image/"), format.len > 0 ? format : SLICE("png"));
	m->value = text_of(x, json_get(v, "result"));
}

static bool is_call(struct json type)
{
	return json_text_eq(type, SLICE("function_call")) || json_text_eq(type, SLICE("custom_tool_call"));
}

static void hear_item_added(struct ear *x, struct heard_item *item, struct json v)
{
	if (is_call(json_get(v, "type")))
		hear_call(x, item, v);
}

/* What other dialects have no word for: hosted tools' calls and results, compactions. */
static void hear_other_item(struct ear *x, struct heard_item *item, struct json v)
{
	struct event *e = say(x, EVENT_OPAQUE, block_of(x, item));

	e->opaque.raw = json_raw(v);
	e->opaque.dialect = DIALECT_OPENAI_RESPONSES;
}

static void hear_item_done(struct ear *x, struct heard_item *item, struct json v)
{
	struct json type = json_get(v, "type");

	if (item->closed || !json_is(v, JSON_OBJECT))
		return;
	if (json_text_eq(type, SLICE("message")))
		hear_message(x, item, v);
	else if (json_text_eq(type, SLICE("reasoning")))
		hear_reasoning_item(x, item, v);
	else if (is_call(type))
		hear_call_end(x, item, v);
	else if (json_text_eq(type, SLICE("image_generation_call")) && json_is_filled(json_get(v, "result")))
		hear_image(x, item, v);
	else
		hear_other_item(x, item, v);
	item->closed = true;
}

/* The last event's output, for what was not heard before it: all of it, or items that were never closed. */
static void hear_output(struct ear *x, struct json output)
{
	bool nothing = x->h->item_count == 0;
	int64_t index = 0;

	for (struct json_walk w = json_walk(output); json_walk_next(&w) && index < ITEMS_MAX; index++) {
		struct heard_item *item = x->h->items;

		while (item && item->index != index)
			item = item->next;
		if (!item && nothing) {
			item = arena_new(x->r->arena, struct heard_item);
			item->index = index;
			item->summary = -1;
		}
		if (item)
			hear_item_done(x, item, w.value);
	}
	for (struct heard_item *item = x->h->items; item; item = item->next)
		if (item->begun && !item->closed) {
			say(x, EVENT_TOOL_END, item->block);
			item->closed = true;
		}
}

static void hear_last(struct ear *x, struct json response, struct slice otherwise)
{
	hear_start(x, response);
	hear_output(x, json_get(response, "output"));
	hear_stop(x, response, otherwise);
}

/* ---- events ---- */

static void on_text_delta(struct ear *x, struct heard_item *item, struct json e)
{
	hear_text(x, item, part_number(json_get(e, "content_index")), text_of(x, json_get(e, "delta")), json_get(e, "logprobs"),
		  EVENT_TEXT);
}

static void on_text_done(struct ear *x, struct heard_item *item, struct json e)
{
	hear_whole_text(x, item, part_number(json_get(e, "content_index")), json_get(e, "text"),
			json_get(e, "logprobs"), EVENT_TEXT);
}

static void on_refusal_delta(struct ear *x, struct heard_item *item, struct json e)
{
	hear_text(x, item, part_number(json_get(e, "content_index")), text_of(x, json_get(e, "delta")), (struct json){ 0 },
		  EVENT_REFUSAL);
}

static void on_refusal_done(struct ear *x, struct heard_item *item, struct json e)
{
	hear_whole_text(x, item, part_number(json_get(e, "content_index")), json_get(e, "refusal"), (struct json){ 0 },
			EVENT_REFUSAL);
}

static void on_annotation(struct ear *x, struct heard_item *item, struct json e)
{
	hear_annotation(x, item, part_number(json_get(e, "content_index")), json_get(e, "annotation"));
}

static void on_part_done(struct ear *x, struct heard_item *item, struct json e)
{
	struct json part = json_get(e, "part");

	if (json_text_eq(json_get(part, "type"), SLICE("output_text")) || json_text_eq(json_get(part, "type"), SLICE("refusal")))
		hear_part(x, item, part_number(json_get(e, "content_index")), part);
}

static void on_summary_delta(struct ear *x, struct heard_item *item, struct json e)
{
	hear_reasoning(x, item, json_get(e, "delta"), false, json_i64_or(json_get(e, "summary_index"), 0));
}

static void on_reasoning_delta(struct ear *x, struct heard_item *item, struct json e)
{
	hear_reasoning(x, item, json_get(e, "delta"), true, json_i64_or(json_get(e, "content_index"), 0));
}

static void on_arguments_delta(struct ear *x, struct heard_item *item, struct json e)
{
	hear_arguments(x, item, json_get(e, "delta"));
}

static void on_arguments_done(struct ear *x, struct heard_item *item, struct json e)
{
	if (!item->said)
		hear_arguments(x, item, arguments_of(e));
}

static void on_item_added(struct ear *x, struct heard_item *item, struct json e)
{
	hear_item_added(x, item, json_get(e, "item"));
}

static void on_item_done(struct ear *x, struct heard_item *item, struct json e)
{
	hear_item_done(x, item, json_get(e, "item"));
}

static const struct {
	const char *type;
	void (*hear)(struct ear *x, struct heard_item *item, struct json event);
} events[] = {
	{ "response.output_text.delta", on_text_delta },
	{ "response.reasoning_summary_text.delta", on_summary_delta },
	{ "response.function_call_arguments.delta", on_arguments_delta },
	{ "response.reasoning_text.delta", on_reasoning_delta },
	{ "response.output_item.added", on_item_added },
	{ "response.output_item.done", on_item_done },
	{ "response.output_text.done", on_text_done },
	{ "response.content_part.done", on_part_done },
	{ "response.output_text.annotation.added", on_annotation },
	{ "response.function_call_arguments.done", on_arguments_done },
	{ "response.custom_tool_call_input.delta", on_arguments_delta },
	{ "response.custom_tool_call_input.done", on_arguments_done },
	{ "response.refusal.delta", on_refusal_delta },
	{ "response.refusal.done", on_refusal_done },
};

void responses_hear_event(struct event_reader *r, struct slice type, struct json root, struct arena *scratch)
{
	struct ear x = { .r = r, .h = hearing_of(r), .scratch = scratch };
	struct json response = json_get(root, "response");

	if (slice_eq(type, SLICE("response.completed")) || slice_eq(type, SLICE("response.incomplete"))) {
		hear_last(&x, response, slice_after(type, SLICE("response.").len));
		return;
	}
	if (x.h->stopped)
		return;
	if (json_is(response, JSON_OBJECT))
		hear_start(&x, response);
	for (size_t i = 0; i < COUNT_OF(events); i++)
		if (slice_eq(type, slice_cstr(events[i].type))) {
			hear_start(&x, response);
			events[i].hear(&x, item_at(&x, json_get(root, "output_index")), root);
			return;
		}
}

void responses_hear_whole(struct event_reader *r, struct json response, struct arena *scratch)
{
	struct ear x = { .r = r, .h = hearing_of(r), .scratch = scratch };

	hear_last(&x, response, SLICE("completed"));
}
