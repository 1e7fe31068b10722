/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks and whole answers as hub events (DIALECTS §4, §5.2, §5.9, §5.11, §7): start, texts, media, citations, logprobs
 * and the stop. Lenient: what a provider leaves out or says twice is settled here, what is nobody's word is skipped. */
#include "dialect/openai_chat/openai_chat_internal.h"

int64_t utf8_characters(struct slice text)
{
	int64_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return count;
}

static struct choice_reading *choice_at(struct event_reader *r, int64_t index)
{
	struct answer_reading *a = r->state;
	struct choice_reading *c;

	if (index < 0)
		index = 0;
	if (index >= READER_CHOICES_MAX) {
		r->sink->overflow = true;
		return NULL;
	}
	c = a->choices[index];
	if (!c) {
		c = a->choices[index] = arena_new(r->arena, struct choice_reading);
		c->number = (unsigned)index;
		c->open = EVENT_START;
		c->detail = -1;
	}
	return c;
}

unsigned choice_block(struct event_reader *r, struct choice_reading *c, enum event_kind kind)
{
	if (c->open == kind)
		return c->open_block;
	openai_chat_end_tools(r, c, false);
	c->open = kind;
	c->open_block = c->next_block++;
	if (kind == EVENT_TEXT) {
		c->text_block = c->open_block;
		c->text_at = c->characters;
		c->has_text = true;
	}
	if (kind != EVENT_REASONING)
		c->detail = -1;
	return c->open_block;
}

static void emit_text(struct event_reader *r, struct choice_reading *c, enum event_kind kind, struct slice text)
{
	if (text.len == 0)
		return;
	event_add(r->sink, kind, c->number, choice_block(r, c, kind))->text = text;
	if (kind == EVENT_TEXT)
		c->characters += utf8_characters(text);
}

/* ---- media ---- */

static void emit_image(struct event_reader *r, struct choice_reading *c, struct json part)
{
	struct json image = json_get(part, "image_url");
	struct slice url = json_text(json_is(image, JSON_OBJECT) ? json_get(image, "url") : image, r->sink->arena);
	struct media m = { 0 };

	if (url.len == 0)
		return;
	shape_read_url(&m, url, false);
	m.mime = media_guess_mime(&m);
	if (m.mime.len == 0)
		m.mime = SLICE("image/png");
	c->open = EVENT_START;         /* each picture is a block of its own */
	event_add(r->sink, EVENT_MEDIA, c->number, choice_block(r, c, EVENT_MEDIA))->media = m;
	c->open = EVENT_START;
}

/* {id, data, transcript, expires_at}; streams are pcm16 always, whole answers begin with their file's signature. */
static void emit_audio(struct event_reader *r, struct choice_reading *c, struct json audio, bool whole)
{
	struct media m = { .source = MEDIA_DATA };

	if (!json_is(audio, JSON_OBJECT))
		return;
	m.value = json_text(json_get(audio, "data"), r->sink->arena);
	m.transcript = json_text(json_get(audio, "transcript"), r->sink->arena);
	m.id = json_text(json_get(audio, "id"), r->sink->arena);
	if (m.value.len == 0 && m.transcript.len == 0 && m.id.len == 0)
		return;
	m.mime = whole ? media_guess_mime(&m) : SLICE("audio/pcm");
	if (m.mime.len == 0)
		m.mime = SLICE("audio/pcm");
	event_add(r->sink, EVENT_MEDIA, c->number, choice_block(r, c, EVENT_MEDIA))->media = m;
}

/* ---- content ---- */

static void emit_part(struct event_reader *r, struct choice_reading *c, struct json part)
{
	struct json text = json_get(part, "text"), refusal = json_get(part, "refusal");
	struct event *e;

	if (json_is(part, JSON_STRING)) {
		emit_text(r, c, EVENT_TEXT, json_text(part, r->sink->arena));
	} else if (openai_chat_emit_chunk(r, c, part)) {
		return;
	} else if (json_is(text, JSON_STRING)) {
		emit_text(r, c, EVENT_TEXT, json_text(text, r->sink->arena));
	} else if (json_is(refusal, JSON_STRING)) {
		emit_text(r, c, EVENT_REFUSAL, json_text(refusal, r->sink->arena));
	} else if (json_exists(json_get(part, "image_url"))) {
		emit_image(r, c, part);
	} else if (json_is(part, JSON_OBJECT)) { /* Mistral's references to what its tools found */
		c->open = EVENT_START;
		e = event_add(r->sink, EVENT_OPAQUE, c->number, choice_block(r, c, EVENT_OPAQUE));
		e->opaque.raw = json_raw(part);
		e->opaque.dialect = DIALECT_OPENAI_CHAT;
		c->open = EVENT_START;
	}
}

static void emit_content(struct event_reader *r, struct choice_reading *c, struct json content)
{
	if (json_is(content, JSON_STRING)) {
		emit_text(r, c, EVENT_TEXT, json_text(content, r->sink->arena));
		return;
	}
	if (json_is(content, JSON_OBJECT))
		emit_part(r, c, content);
	if (json_is(content, JSON_ARRAY))
		for (struct json_walk w = json_walk(content); json_walk_next(&w);)
			emit_part(r, c, w.value);
}

/* A signature of the text, on the message: Google's compatible endpoint (recorded: beside "thought": true, which does
 * not mean that the text was one). */
static void emit_extra(struct event_reader *r, struct choice_reading *c, struct json delta)
{
	struct json google = json_get(json_get(delta, "extra_content"), "google");
	struct slice signature = json_text(json_get(google, "thought_signature"), r->sink->arena);
	struct event *e;
	unsigned block;

	if (signature.len == 0)
		return;
	block = c->has_text ? c->text_block : choice_block(r, c, EVENT_REASONING);
	e = event_add(r->sink, EVENT_SIGNATURE, c->number, block);
	e->signature.payload = signature;
	e->signature.redacted = !c->has_text;
}

/* ---- citations ---- */

static struct citation *emit_citation(struct event_reader *r, struct choice_reading *c)
{
	unsigned block = c->has_text ? c->text_block : choice_block(r, c, EVENT_TEXT);
	struct citation *cite = &event_add(r->sink, EVENT_CITATION, c->number, block)->citation;

	*cite = (struct citation){ .start = -1, .end = -1, .document = -1, .source_start = -1, .source_end = -1 };
	c->cited = true;
	return cite;
}

/* Places count characters of the whole message; 0 to 0 is none (OpenRouter's, recorded). */
static void emit_annotation(struct event_reader *r, struct choice_reading *c, struct json annotation)
{
	struct json url = json_get(annotation, "url_citation");
	struct citation *cite;
	int64_t start, end;

	if (!json_is(url, JSON_OBJECT))
		return;
	cite = emit_citation(r, c);
	cite->kind = CITATION_URL;
	cite->url = json_text(json_get(url, "url"), r->sink->arena);
	cite->title = json_text(json_get(url, "title"), r->sink->arena);
	cite->quote = json_text(json_get(url, "content"), r->sink->arena); /* OpenRouter's */
	cite->raw = json_raw(annotation);
	cite->raw_dialect = DIALECT_OPENAI_CHAT;
	start = json_i64_or(json_get(url, "start_index"), -1);
	end = json_i64_or(json_get(url, "end_index"), -1);
	if (start >= c->text_at && end > start) {
		cite->start = start - c->text_at;
		cite->end = end - c->text_at;
	}
}

/* Perplexity's and xAI's are beside the choices, the same in every chunk: taken once, with the finish. */
static void emit_sources(struct event_reader *r, struct choice_reading *c, struct json root)
{
	struct json results = json_get(root, "search_results"), urls = json_get(root, "citations");
	bool rich = json_is(results, JSON_ARRAY) && json_count(results) > 0;

	if (c->cited)
		return;
	for (struct json_walk w = json_walk(rich ? results : urls); json_walk_next(&w);) {
		struct json url = json_is(w.value, JSON_OBJECT) ? json_get(w.value, "url") : w.value;
		struct citation *cite;

		if (!json_is_filled(url))
			continue;
		cite = emit_citation(r, c);
		cite->kind = CITATION_URL;
		cite->url = json_text(url, r->sink->arena);
		cite->title = json_text(json_get(w.value, "title"), r->sink->arena);
	}
}

/* ---- logprobs ---- */

static void read_logprob(struct logprob *ret, struct json item, struct arena *a, bool with_top)
{
	struct json top = json_get(item, "top_logprobs");

	ret->token = json_text(json_get(item, "token"), a);
	if (!json_to_double(json_get(item, "logprob"), &ret->value))
		ret->value = -9999;    /* OpenAI's own word for "hardly ever" */
	if (!with_top || !json_is(top, JSON_ARRAY) || json_count(top) == 0)
		return;
	ret->top = arena_array(a, struct logprob, json_count(top));
	for (struct json_walk w = json_walk(top); json_walk_next(&w);)
		read_logprob(&ret->top[ret->top_count++], w.value, a, false);
}

static void emit_logprobs(struct event_reader *r, struct choice_reading *c, struct json items, bool of_refusal)
{
	struct logprob *list;
	struct event *e;
	unsigned count = 0;

	if (!json_is(items, JSON_ARRAY) || json_count(items) == 0)
		return;
	if (of_refusal ? c->open != EVENT_REFUSAL : !c->has_text)
		return;
	list = arena_array(r->sink->arena, struct logprob, json_count(items));
	for (struct json_walk w = json_walk(items); json_walk_next(&w);)
		if (json_is(w.value, JSON_OBJECT))
			read_logprob(&list[count++], w.value, r->sink->arena, true);
	e = event_add(r->sink, EVENT_LOGPROBS, c->number, of_refusal ? c->open_block : c->text_block);
	e->logprobs.items = list;
	e->logprobs.count = count;
	e->logprobs.of_refusal = of_refusal;
}

/* ---- stop ---- */

/* DIALECTS §4.3; the words that are not OpenAI's were recorded or stand in the providers' own documents. */
static const struct { const char *word; enum stop_reason reason; } words[] = {
	{ "stop", STOP_END }, { "length", STOP_LENGTH }, { "tool_calls", STOP_TOOL_CALLS },
	{ "function_call", STOP_TOOL_CALLS }, { "content_filter", STOP_REFUSAL },
	{ "eos", STOP_END }, { "end_turn", STOP_END }, { "complete", STOP_END }, { "eos_token", STOP_END },
	{ "tool_call", STOP_TOOL_CALLS }, { "tool_use", STOP_TOOL_CALLS },
	{ "stop_sequence", STOP_SEQUENCE }, { "stop_str", STOP_SEQUENCE },
	{ "max_tokens", STOP_LENGTH }, { "max_output_tokens", STOP_LENGTH },
	{ "model_length", STOP_CONTEXT },                 /* Mistral */
	{ "model_context_window_exceeded", STOP_CONTEXT },
	{ "insufficient_system_resource", STOP_LENGTH },  /* DeepSeek: broken off */
	{ "pause_turn", STOP_PAUSE },
	{ "sensitive", STOP_REFUSAL }, { "safety", STOP_REFUSAL }, { "refusal", STOP_REFUSAL },
	{ "recitation", STOP_REFUSAL }, { "prohibited_content", STOP_REFUSAL }, { "blocklist", STOP_REFUSAL },
	{ "spii", STOP_REFUSAL }, { "guardrail_intervened", STOP_REFUSAL },
	{ "malformed_function_call", STOP_MALFORMED },
};

static enum stop_reason reason_of(struct slice word)
{
	/* Google's endpoint: "function_call_filter: MALFORMED_FUNCTION_CALL". */
	size_t colon = slice_find(word, SLICE(": "));

	if (colon != SIZE_MAX)
		word = slice_after(word, colon + 2);
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (slice_eq_nocase(word, slice_cstr(words[i].word)))
			return words[i].reason;
	return STOP_UNKNOWN;
}

static void emit_stop(struct event_reader *r, struct choice_reading *c, struct slice word, struct slice sequence)
{
	struct event *e;

	openai_chat_end_tools(r, c, true);
	c->stopped = true;
	c->open = EVENT_START;
	e = event_add(r->sink, EVENT_STOP, c->number, 0);
	e->stop.word = word;
	e->stop.sequence = sequence;
	e->stop.reason = word.len == 0 ? STOP_END : reason_of(word);
	if (e->stop.reason == STOP_END && sequence.len > 0)
		e->stop.reason = STOP_SEQUENCE;
}

/* vLLM names the stop sequence (and a number where it was a token), SGLang `matched_stop` likewise. */
static struct slice matched_sequence(struct json choice, struct arena *a)
{
	struct json matched = json_get(choice, "stop_reason");

	if (!json_is(matched, JSON_STRING))
		matched = json_get(choice, "matched_stop");
	return json_text(matched, a);
}

static void finish_choice(struct event_reader *r, struct choice_reading *c, struct json choice, struct json root,
			  bool whole)
{
	struct json reason = json_get(choice, "finish_reason");
	bool said = json_is(reason, JSON_STRING) && json_is_filled(reason);

	/* The first vision models: finish_details {type: "stop"}. */
	if (!said && json_is_filled(json_get(json_get(choice, "finish_details"), "type"))) {
		reason = json_get(json_get(choice, "finish_details"), "type");
		said = whole;
	}
	if (!said && !whole)
		return;
	emit_sources(r, c, root);
	emit_stop(r, c, said ? json_text(reason, r->sink->arena) : (struct slice){ 0 },
		  matched_sequence(choice, r->sink->arena));
}

/* ---- all ---- */

static void emit_start(struct event_reader *r, struct json root)
{
	struct answer_reading *a = r->state;
	struct json id = json_get(root, "id");
	struct event *e;

	/* Azure and Copilot begin with a chunk that has neither choices nor an id (DIALECTS §5.2). */
	if (a->started || (json_count(json_get(root, "choices")) == 0 && !json_is_filled(id)))
		return;
	a->started = true;
	e = event_add(r->sink, EVENT_START, 0, 0);
	e->start.id = json_text(id, r->sink->arena);
	e->start.model = json_text(json_get(root, "model"), r->sink->arena);
	e->start.service_tier = json_text(json_get(root, "service_tier"), r->sink->arena);
	e->start.created_s = json_i64_or(json_get(root, "created"), 0);
}

static void emit_choice(struct event_reader *r, struct json choice, struct json root, bool whole)
{
	struct choice_reading *c = choice_at(r, json_i64_or(json_get(choice, "index"), 0));
	struct json delta = json_member(choice, whole ? SLICE("message") : SLICE("delta"));
	struct json logprobs = json_get(choice, "logprobs");

	/* What comes after a stop is not part of the answer. */
	if (!c || c->stopped)
		return;
	if (!json_is(delta, JSON_OBJECT))
		delta = whole ? json_get(choice, "delta") : json_get(choice, "message");
	openai_chat_emit_reasoning(r, c, delta);
	emit_content(r, c, json_get(delta, "content"));
	emit_text(r, c, EVENT_REFUSAL, json_text(json_get(delta, "refusal"), r->sink->arena));
	emit_audio(r, c, json_get(delta, "audio"), whole);
	for (struct json_walk w = json_walk(json_get(delta, "images")); json_walk_next(&w);)
		emit_image(r, c, w.value);
	for (struct json_walk w = json_walk(json_get(delta, "annotations")); json_walk_next(&w);)
		emit_annotation(r, c, w.value);
	emit_extra(r, c, delta);
	openai_chat_emit_tools(r, c, delta);
	emit_logprobs(r, c, json_get(logprobs, "content"), false);
	emit_logprobs(r, c, json_get(logprobs, "refusal"), true);
	finish_choice(r, c, choice, root, whole);
}

void openai_chat_emit(struct event_reader *r, struct json root, bool whole)
{
	if (!r->state)
		r->state = arena_new(r->arena, struct answer_reading);
	emit_start(r, root);
	for (struct json_walk w = json_walk(json_get(root, "choices")); json_walk_next(&w);)
		emit_choice(r, w.value, root, whole);
}

void openai_chat_emit_done(struct event_reader *r)
{
	struct answer_reading *a = r->state;

	for (unsigned i = 0; a && i < READER_CHOICES_MAX; i++)
		if (a->choices[i] && !a->choices[i]->stopped)
			emit_stop(r, a->choices[i], (struct slice){ 0 }, (struct slice){ 0 });
}
