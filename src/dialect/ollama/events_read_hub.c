/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama's lines and whole answers as the hub's events (DIALECTS §4.2, §4.3, §5.8). Thinking and text come in pieces,
 * calls and images whole. */
#include "dialect/ollama/ollama.h"

/* event_reader.state */
struct hearing {
	bool started, stopped, has_text;
	enum event_kind open;          /* TEXT or REASONING: takes more of it; START = none */
	unsigned open_block, next_block, text_block;
};

static struct hearing *hearing_of(struct event_reader *r)
{
	if (!r->state)
		r->state = arena_new(r->arena, struct hearing);
	return r->state;
}

static void hear_text(struct event_reader *r, struct hearing *h, enum event_kind kind, struct json v)
{
	if (!json_is(v, JSON_STRING) || !json_is_filled(v))
		return;
	if (h->open != kind) {
		h->open = kind;
		h->open_block = h->next_block++;
	}
	if (kind == EVENT_TEXT) {
		h->text_block = h->open_block;
		h->has_text = true;
	}
	event_add(r->sink, kind, 0, h->open_block)->text = json_text(v, r->sink->arena);
}

/* Raw base64, as in requests. */
static void hear_image(struct event_reader *r, struct hearing *h, struct json v)
{
	struct media m = { .source = MEDIA_DATA };

	if (!json_is(v, JSON_STRING) || !json_is_filled(v))
		return;
	shape_read_url(&m, json_text(v, r->sink->arena), true);
	m.mime = media_guess_mime(&m);
	if (m.mime.len == 0)
		m.mime = SLICE("image/png");
	event_add(r->sink, EVENT_MEDIA, 0, h->next_block++)->media = m;
	h->open = EVENT_START;
}

/* Arguments are an object; older models' templates made text of them. */
static void hear_call(struct event_reader *r, struct hearing *h, struct json call)
{
	struct json function = json_get(call, "function"), arguments = json_get(function, "arguments");
	unsigned block;
	struct event *e;

	if (!json_is_filled(json_get(function, "name")))
		return;
	block = h->next_block++;
	h->open = EVENT_START;
	e = event_add(r->sink, EVENT_TOOL_BEGIN, 0, block);
	e->tool.id = json_text(json_get(call, "id"), r->sink->arena);
	e->tool.name = json_text(json_get(function, "name"), r->sink->arena);
	e = event_add(r->sink, EVENT_TOOL_ARGUMENTS, 0, block);
	e->text = json_is(arguments, JSON_OBJECT) ? json_raw(arguments) : json_text(arguments, r->sink->arena);
	if (e->text.len == 0)
		e->text = SLICE("{}");
	event_add(r->sink, EVENT_TOOL_END, 0, block);
}

static void read_logprob(struct logprob *ret, struct json item, struct arena *a, bool with_top)
{
	struct json top = json_get(item, "top_logprobs");

	ret->token = json_text(json_get(item, "token"), a);
	json_to_double(json_get(item, "logprob"), &ret->value);
	if (!with_top || !json_is(top, JSON_ARRAY) || json_count(top) == 0)
		return;
	ret->top = arena_array(a, struct logprob, json_count(top));
	for (struct json_walk w = json_walk(top); json_walk_next(&w);)
		read_logprob(&ret->top[ret->top_count++], w.value, a, false);
}

static void hear_logprobs(struct event_reader *r, const struct hearing *h, struct json list)
{
	struct event *e;

	if (!json_is(list, JSON_ARRAY) || json_count(list) == 0 || !h->has_text || h->open != EVENT_TEXT)
		return;
	e = event_add(r->sink, EVENT_LOGPROBS, 0, h->text_block);
	e->logprobs.items = arena_array(r->sink->arena, struct logprob, json_count(list));
	for (struct json_walk w = json_walk(list); json_walk_next(&w);)
		read_logprob(&e->logprobs.items[e->logprobs.count++], w.value, r->sink->arena, true);
}

/* §4.3. "load" and "unload" answer a request without a prompt. */
static const struct { const char *word; enum stop_reason reason; } stops[] = {
	{ "stop", STOP_END }, { "length", STOP_LENGTH }, { "load", STOP_END }, { "unload", STOP_END },
	{ "tool_calls", STOP_TOOL_CALLS },
};

static void hear_stop(struct event_reader *r, struct hearing *h, struct json reason)
{
	struct event *e = event_add(r->sink, EVENT_STOP, 0, h->next_block);

	h->stopped = true;
	e->stop.word = json_text(reason, r->sink->arena);
	e->stop.reason = e->stop.word.len == 0 ? STOP_END : STOP_UNKNOWN; /* before 0.1.38 there was none */
	for (size_t i = 0; i < COUNT_OF(stops); i++)
		if (slice_eq(e->stop.word, slice_cstr(stops[i].word)))
			e->stop.reason = stops[i].reason;
}

void ollama_hear(struct event_reader *r, struct json root, bool whole)
{
	struct hearing *h = hearing_of(r);
	struct json message = json_get(root, "message");

	if (h->stopped)
		return;
	if (!h->started)
		event_add(r->sink, EVENT_START, 0, 0)->start.model = json_text(json_get(root, "model"), r->sink->arena);
	h->started = true;
	if (!json_is(message, JSON_OBJECT))
		message = root;
	hear_text(r, h, EVENT_REASONING, json_get(message, "thinking"));
	hear_text(r, h, EVENT_TEXT, json_get(message, "content"));
	hear_text(r, h, EVENT_TEXT, json_get(message, "response"));
	hear_logprobs(r, h, json_get(root, "logprobs"));
	for (struct json_walk w = json_walk(json_get(message, "images")); json_walk_next(&w);)
		hear_image(r, h, w.value);
	for (struct json_walk w = json_walk(json_get(message, "tool_calls")); json_walk_next(&w);)
		hear_call(r, h, w.value);
	if (whole || json_is(json_get(root, "done"), JSON_TRUE))
		hear_stop(r, h, json_get(root, "done_reason"));
}
