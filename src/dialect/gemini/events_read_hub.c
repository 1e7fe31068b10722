/* SPDX-License-Identifier: Apache-2.0 */
/* GenerateContentResponse as the hub's events (DIALECTS §4.2, §4.3, §4.5, §4.7, §5.5). Chunks of a stream and whole
 * answers have the same shape: parts of a candidate follow each other, pieces of the same text or thought make one
 * block, a signature closes the block it stands on. */
#include "dialect/gemini/gemini.h"

enum voice_kind { VOICE_NONE, VOICE_TEXT, VOICE_THOUGHT };

enum { TEXT_BLOCKS_MAX = 1024 };       /* of one candidate that citations may name */

/* Where a text block begins in the candidate's text. */
struct text_start {
	unsigned block;
	int64_t bytes;
};

/* One candidate. */
struct voice {
	enum voice_kind open;
	unsigned block;                /* the open one */
	unsigned count;                /* blocks begun */
	bool stopped;
	int text_block;                /* the last one, -1 = none */
	struct text_offsets offsets;   /* of all its text, which is what Google's offsets count in (recorded: gemini) */
	struct text_start *texts;
	unsigned text_count, text_capacity;
	struct partial_arguments *partial; /* a streamed call is open */
	unsigned partial_block;
};

struct hearing {
	bool started;
	struct voice *voices[READER_CHOICES_MAX];
};

static struct hearing *hearing_of(struct event_reader *r)
{
	if (!r->state)
		r->state = arena_new(r->arena, struct hearing);
	return r->state;
}

static struct voice *voice_of(struct event_reader *r, unsigned choice)
{
	struct hearing *h = hearing_of(r);

	if (!h->voices[choice]) {
		h->voices[choice] = arena_new(r->arena, struct voice);
		h->voices[choice]->text_block = -1;
	}
	return h->voices[choice];
}

static unsigned choice_of(struct json index)
{
	int64_t n = json_i64_or(index, 0);

	return n < 0 ? 0 : n >= READER_CHOICES_MAX ? READER_CHOICES_MAX - 1 : (unsigned)n;
}

/* ---- blocks ---- */

static unsigned begin_block(struct voice *v, enum voice_kind kind)
{
	v->open = kind;
	v->block = v->count++;
	return v->block;
}

static void note_text_block(struct event_reader *r, struct voice *v)
{
	v->text_block = (int)v->block;
	if (v->text_count == TEXT_BLOCKS_MAX)
		return;
	if (v->text_count == v->text_capacity) {
		struct text_start *grown;

		v->text_capacity = v->text_capacity ? 2 * v->text_capacity : 4;
		grown = arena_array(r->arena, struct text_start, v->text_capacity);
		if (v->text_count > 0)
			memcpy(grown, v->texts, v->text_count * sizeof(*grown));
		v->texts = grown;
	}
	v->texts[v->text_count++] = (struct text_start){ .block = v->block, .bytes = (int64_t)v->offsets.len };
}

static void hear_text(struct event_reader *r, unsigned choice, struct slice text, bool thought)
{
	struct voice *v = voice_of(r, choice);
	enum voice_kind kind = thought ? VOICE_THOUGHT : VOICE_TEXT;

	if (text.len == 0)
		return;
	if (v->open != kind) {
		begin_block(v, kind);
		if (!thought)
			note_text_block(r, v);
	}
	if (!thought)
		offsets_add(&v->offsets, text, r->arena);
	event_add(r->sink, thought ? EVENT_REASONING : EVENT_TEXT, choice, v->block)->text = text;
}

static void add_signature(struct event_reader *r, unsigned choice, unsigned block, struct slice payload)
{
	if (payload.len > 0)
		event_add(r->sink, EVENT_SIGNATURE, choice, block)->signature.payload = payload;
}

/* On a text, or on an empty one: of what stands before it, else of a thought without words. What follows is another
 * block: a part with a signature is not joined with one without (ai.google.dev, thought signatures). */
static void hear_signature(struct event_reader *r, unsigned choice, struct slice payload)
{
	struct voice *v = voice_of(r, choice);

	if (payload.len == 0)
		return;
	if (v->open == VOICE_NONE)
		begin_block(v, VOICE_THOUGHT);
	add_signature(r, choice, v->block, payload);
	v->open = VOICE_NONE;
}

static void hear_media(struct event_reader *r, unsigned choice, struct json data, struct json file,
		       struct arena *scratch)
{
	struct json from = json_exists(data) ? data : file;
	struct media m = { .source = json_exists(data) ? MEDIA_DATA : MEDIA_URL };
	unsigned block;

	m.mime = json_text(json_get(from, "mimeType"), scratch);
	m.name = json_text(json_get(from, "displayName"), scratch);
	m.value = json_text(json_exists(data) ? json_get(data, "data") : json_get(file, "fileUri"), scratch);
	block = begin_block(voice_of(r, choice), VOICE_NONE);
	event_add(r->sink, EVENT_MEDIA, choice, block)->media = m;
}

static void hear_opaque(struct event_reader *r, unsigned choice, struct json part)
{
	unsigned block = begin_block(voice_of(r, choice), VOICE_NONE);
	struct event *e = event_add(r->sink, EVENT_OPAQUE, choice, block);

	e->opaque.raw = json_raw(part);
	e->opaque.dialect = DIALECT_GEMINI;
}

/* ---- function calls ---- */

static void end_partial(struct event_reader *r, unsigned choice, struct arena *scratch)
{
	struct voice *v = voice_of(r, choice);

	if (!v->partial)
		return;
	event_add(r->sink, EVENT_TOOL_ARGUMENTS, choice, v->partial_block)->text =
		partial_arguments_text(v->partial, scratch);
	event_add(r->sink, EVENT_TOOL_END, choice, v->partial_block);
	v->partial = NULL;
}

static unsigned begin_call(struct event_reader *r, unsigned choice, struct json call, struct slice signature,
			   struct arena *scratch)
{
	unsigned block = begin_block(voice_of(r, choice), VOICE_NONE);
	struct event *e = event_add(r->sink, EVENT_TOOL_BEGIN, choice, block);

	e->tool.id = json_text(json_get(call, "id"), scratch);
	e->tool.name = json_text(json_get(call, "name"), scratch);
	add_signature(r, choice, block, signature);
	return block;
}

/* Vertex with streamFunctionCallArguments: a call with a name and `willContinue`, then parts with partialArgs, then an
 * empty one (DIALECTS §5.5). False: this one is whole. */
static bool hear_partial(struct event_reader *r, unsigned choice, struct json call, struct slice signature,
			 struct arena *scratch)
{
	struct voice *v = voice_of(r, choice);
	struct json arguments = json_get(call, "partialArgs");
	bool continues = json_is(json_get(call, "willContinue"), JSON_TRUE);
	bool named = json_is_filled(json_get(call, "name"));

	if (named && v->partial)
		end_partial(r, choice, scratch);
	if (!v->partial && !continues && !json_exists(arguments))
		return json_count(call) == 0;
	if (!v->partial) {
		v->partial_block = begin_call(r, choice, call, signature, scratch);
		v->partial = partial_arguments_new(r->arena);
	}
	for (struct json_walk w = json_walk(arguments); json_walk_next(&w);)
		partial_arguments_add(v->partial, w.value, scratch);
	if (!continues)
		end_partial(r, choice, scratch);
	return true;
}

/* Calls come whole (id, name, args), the id from newer models only. */
static void hear_call(struct event_reader *r, unsigned choice, struct json call, struct slice signature,
		      struct arena *scratch)
{
	struct json arguments = json_get(call, "args");
	unsigned block;

	voice_of(r, choice)->open = VOICE_NONE;
	if (hear_partial(r, choice, call, signature, scratch))
		return;
	block = begin_call(r, choice, call, signature, scratch);
	event_add(r->sink, EVENT_TOOL_ARGUMENTS, choice, block)->text =
		json_is(arguments, JSON_OBJECT) ? json_raw(arguments) : SLICE("{}");
	event_add(r->sink, EVENT_TOOL_END, choice, block);
}

/* ---- parts ---- */

/* Without anything but a mark of what kind of part it would have been. */
static bool is_hollow(struct json part)
{
	for (struct json_walk w = json_walk(part); json_walk_next(&w);)
		if (json_is_filled(w.value))
			return false;
	return true;
}

/* Pictures of a thought are no answer. */
static void hear_part(struct event_reader *r, unsigned choice, struct json part, struct arena *scratch)
{
	struct json text = json_get(part, "text"), call = json_get(part, "functionCall");
	struct json data = json_get(part, "inlineData"), file = json_get(part, "fileData");
	struct slice signature = json_text(json_get(part, "thoughtSignature"), scratch);
	bool thought = json_is(json_get(part, "thought"), JSON_TRUE);

	if (json_is(call, JSON_OBJECT)) {
		hear_call(r, choice, call, signature, scratch);
	} else if (!thought && (json_is(data, JSON_OBJECT) || json_is(file, JSON_OBJECT))) {
		hear_media(r, choice, data, file, scratch);
	} else if (json_is(text, JSON_STRING) || (json_count(part) == 1 && signature.len > 0)) {
		hear_text(r, choice, json_text(text, scratch), thought);
		hear_signature(r, choice, signature);
	} else if (json_is(part, JSON_OBJECT) && !is_hollow(part)) {
		hear_opaque(r, choice, part);
	}
}

/* ---- citations ---- */

/* Into the numbering of the block in which it begins; whatever lies beyond the text is not said. */
static void place_citation(struct voice *v, struct citation *c, struct json segment, unsigned *ret_block)
{
	int64_t start = json_i64_or(json_get(segment, "startIndex"), 0);
	int64_t end = json_i64_or(json_get(segment, "endIndex"), -1);
	unsigned i = v->text_count;

	*ret_block = (unsigned)v->text_block;
	c->start = c->end = -1;
	if (end < 0 || start > end)
		return;
	while (i > 1 && v->texts[i - 1].bytes > start)
		i--;
	if (i == 0)
		return;

	int64_t base = offsets_characters(&v->offsets, v->texts[i - 1].bytes);
	int64_t first = offsets_characters(&v->offsets, start), last = offsets_characters(&v->offsets, end);

	*ret_block = v->texts[i - 1].block;
	if (base < 0 || first < base || last < first)
		return;
	c->start = first - base;
	c->end = last - base;
}

static void add_citation(struct event_reader *r, unsigned choice, unsigned block, const struct citation *c)
{
	event_add(r->sink, EVENT_CITATION, choice, block)->citation = *c;
}

/* web and maps have an address; what was retrieved from a store may have one. */
static bool read_chunk(struct json chunk, struct citation *c, struct arena *scratch)
{
	struct json stored = json_get(chunk, "retrievedContext");
	struct json web = json_exists(json_get(chunk, "web")) ? json_get(chunk, "web") : json_get(chunk, "maps");
	struct json from = json_exists(web) ? web : stored;

	c->kind = json_exists(web) || json_is_filled(json_get(stored, "uri")) ? CITATION_URL : CITATION_FILE;
	c->url = json_text(json_get(from, "uri"), scratch);
	c->title = json_text(json_get(from, "title"), scratch);
	c->document = c->source_start = c->source_end = -1;
	return json_is(from, JSON_OBJECT);
}

static void hear_support(struct event_reader *r, unsigned choice, struct json support, struct json chunks,
			 struct arena *scratch)
{
	struct json segment = json_get(support, "segment");
	struct voice *v = voice_of(r, choice);

	for (struct json_walk w = json_walk(json_get(support, "groundingChunkIndices")); json_walk_next(&w);) {
		struct citation c = { 0 };
		unsigned block;
		int64_t index = json_i64_or(w.value, -1);

		if (index < 0 || !read_chunk(json_at(chunks, (size_t)index), &c, scratch))
			continue;
		c.quote = json_text(json_get(segment, "text"), scratch);
		place_citation(v, &c, segment, &block);
		add_citation(r, choice, block, &c);
	}
}

/* Sources without a place in the text are those of all of it. */
static void hear_grounding(struct event_reader *r, unsigned choice, struct json metadata, struct arena *scratch)
{
	struct json chunks = json_get(metadata, "groundingChunks"), supports = json_get(metadata, "groundingSupports");
	struct voice *v = voice_of(r, choice);

	if (v->text_block < 0)
		return;
	if (json_count(supports) > 0) {
		for (struct json_walk w = json_walk(supports); json_walk_next(&w);)
			hear_support(r, choice, w.value, chunks, scratch);
		return;
	}
	for (struct json_walk w = json_walk(chunks); json_walk_next(&w);) {
		struct citation c = { .start = -1, .end = -1 };

		if (read_chunk(w.value, &c, scratch))
			add_citation(r, choice, (unsigned)v->text_block, &c);
	}
}

/* Texts that the model recites: "citations", in older versions "citationSources" (recorded). */
static void hear_recited(struct event_reader *r, unsigned choice, struct json metadata, struct arena *scratch)
{
	struct json list = json_get(metadata, "citations");
	struct voice *v = voice_of(r, choice);

	if (!json_exists(list))
		list = json_get(metadata, "citationSources");
	for (struct json_walk w = json_walk(v->text_block < 0 ? (struct json){ 0 } : list); json_walk_next(&w);) {
		struct citation c = { .kind = CITATION_URL, .document = -1, .source_start = -1, .source_end = -1 };
		unsigned block;

		if (!json_is(w.value, JSON_OBJECT))
			continue;
		c.url = json_text(json_get(w.value, "uri"), scratch);
		c.title = json_text(json_get(w.value, "title"), scratch);
		place_citation(v, &c, w.value, &block);
		add_citation(r, choice, block, &c);
	}
}

/* ---- logprobs ---- */

static void read_logprob(struct json candidate, struct logprob *ret, struct arena *scratch)
{
	ret->token = json_text(json_get(candidate, "token"), scratch);
	if (!json_to_double(json_get(candidate, "logProbability"), &ret->value))
		ret->value = 0;
}

static void hear_logprobs(struct event_reader *r, unsigned choice, struct json result, struct arena *scratch)
{
	struct json chosen = json_get(result, "chosenCandidates"), top = json_get(result, "topCandidates");
	struct json_walk t = json_walk(top);
	struct voice *v = voice_of(r, choice);
	struct logprob *items;
	unsigned count = 0;

	if (v->text_block < 0 || !json_is(chosen, JSON_ARRAY) || json_count(chosen) == 0)
		return;
	items = arena_array(scratch, struct logprob, json_count(chosen));
	for (struct json_walk w = json_walk(chosen); json_walk_next(&w); count++) {
		struct json list = json_walk_next(&t) ? json_get(t.value, "candidates") : (struct json){ 0 };

		read_logprob(w.value, &items[count], scratch);
		if (!json_is(list, JSON_ARRAY))
			continue;
		items[count].top = arena_array(scratch, struct logprob, json_count(list) + 1);
		for (struct json_walk l = json_walk(list); json_walk_next(&l);)
			read_logprob(l.value, &items[count].top[items[count].top_count++], scratch);
	}

	struct event *e = event_add(r->sink, EVENT_LOGPROBS, choice, (unsigned)v->text_block);

	e->logprobs.items = items;
	e->logprobs.count = count;
}

/* ---- the whole ---- */

/* The first Geminis said STOP in every chunk, also before they were stopped by a filter: then a later word counts,
 * and all writers keep the last one for the end. */
static void hear_stop(struct event_reader *r, unsigned choice, struct slice word, struct slice detail,
		      struct arena *scratch)
{
	struct voice *v = voice_of(r, choice);
	struct event *e;

	if (word.len == 0 || slice_eq(word, SLICE("FINISH_REASON_UNSPECIFIED")) ||
	    (v->stopped && slice_eq(word, SLICE("STOP"))))
		return;
	end_partial(r, choice, scratch);
	v->stopped = true;
	e = event_add(r->sink, EVENT_STOP, choice, v->count);
	e->stop.reason = gemini_stop_reason(word);
	e->stop.word = word;
	e->stop.detail = detail;
}

static struct slice read_word(struct event_reader *r, struct json reason, struct arena *scratch)
{
	int64_t number;

	if (!json_is(reason, JSON_NUMBER))
		return json_text(reason, scratch);
	if (!json_to_i64(reason, &number) || number == 0)
		return SLICE("");
	struct slice word = gemini_finish_word(number, (r->quirks & QUIRK_VERTEX_BODY) != 0);
	return word.len > 0 ? word : SLICE("OTHER");
}

static void hear_candidate(struct event_reader *r, struct json candidate, struct arena *scratch)
{
	unsigned choice = choice_of(json_get(candidate, "index"));
	struct json parts = json_get(json_get(candidate, "content"), "parts");

	if (json_is(parts, JSON_ARRAY))
		for (struct json_walk w = json_walk(parts); json_walk_next(&w);)
			hear_part(r, choice, w.value, scratch);
	hear_recited(r, choice, json_get(candidate, "citationMetadata"), scratch);
	hear_grounding(r, choice, json_get(candidate, "groundingMetadata"), scratch);
	hear_logprobs(r, choice, json_get(candidate, "logprobsResult"), scratch);
	hear_stop(r, choice, read_word(r, json_get(candidate, "finishReason"), scratch),
		  json_text(json_get(candidate, "finishMessage"), scratch), scratch);
}

static void hear_start(struct event_reader *r, struct json root, struct arena *scratch)
{
	struct hearing *h = hearing_of(r);
	struct slice tier = json_text(json_get(json_get(root, "usageMetadata"), "serviceTier"), scratch);
	struct event *e;

	if (h->started)
		return;
	h->started = true;
	e = event_add(r->sink, EVENT_START, 0, 0);
	e->start.id = json_text(json_get(root, "responseId"), scratch);
	e->start.model = json_text(json_get(root, "modelVersion"), scratch);
	e->start.service_tier = slice_eq(tier, SLICE("standard")) ? SLICE("default") : tier;
}

/* A blocked prompt has a reason instead of candidates. */
static void hear_block(struct event_reader *r, struct json feedback, struct arena *scratch)
{
	struct json reason = json_get(feedback, "blockReason");
	struct slice word = json_is(reason, JSON_NUMBER) ? SLICE("SAFETY") : json_text(reason, scratch);
	struct slice message = json_text(json_get(feedback, "blockReasonMessage"), scratch);
	struct event *e;
	struct voice *v;

	if (word.len == 0 || slice_eq(word, SLICE("BLOCK_REASON_UNSPECIFIED")))
		return;
	v = voice_of(r, 0);
	if (v->stopped)
		return;
	v->stopped = true;
	e = event_add(r->sink, EVENT_STOP, 0, v->count);
	e->stop.reason = STOP_REFUSAL;
	e->stop.word = word;
	e->stop.detail = message.len > 0 ? message : word;
}

void gemini_hear_chunk(struct event_reader *r, struct json root, struct arena *scratch)
{
	hear_start(r, root, scratch);
	for (struct json_walk w = json_walk(json_get(root, "candidates")); json_walk_next(&w);)
		hear_candidate(r, w.value, scratch);
	hear_block(r, json_get(root, "promptFeedback"), scratch);
}
