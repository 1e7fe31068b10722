/* SPDX-License-Identifier: Apache-2.0 */
/* A whole GenerateContentResponse, the answer to countTokens, and the pieces that chunks are made of as well (DIALECTS
 * §4.1 to §4.7; protos GenerateContentResponse, Candidate). */
#include "dialect/gemini/gemini.h"

#include "dialect/chat_shape.h"

/* ---- usage ---- */

static int64_t known(int64_t n)
{
	return n > 0 ? n : 0;
}

/* [{"modality":"TEXT","tokenCount":7},{"modality":"AUDIO","tokenCount":5}], when there is anything but text. */
static void write_details(struct json_writer *j, const char *name, int64_t all, int64_t audio, int64_t image)
{
	const struct { const char *name; int64_t tokens; } rows[] = {
		{ "TEXT", known(all - known(audio) - known(image)) },
		{ "AUDIO", known(audio) },
		{ "IMAGE", known(image) },
	};

	if (known(audio) + known(image) == 0)
		return;
	json_key(j, slice_cstr(name));
	json_begin_array(j);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].tokens == 0)
			continue;
		json_begin_object(j);
		json_member_cstr(j, "modality", rows[i].name);
		json_member_int(j, "tokenCount", rows[i].tokens);
		json_end_object(j);
	}
	json_end_array(j);
}

/* promptTokenCount has the cached ones in it and leaves tool use out, candidatesTokenCount leaves thoughts out
 * (DIALECTS §4.4). */
void gemini_write_usage(struct json_writer *j, const struct usage *u)
{
	static const char *const tiers[] = { [SERVICE_STANDARD] = "standard", [SERVICE_BATCH] = "standard",
					     [SERVICE_FLEX] = "flex", [SERVICE_PRIORITY] = "priority" };
	int64_t prompt = known(known(u->input) - known(u->input_tool));
	int64_t said = known(known(u->output) - known(u->output_reasoning));

	json_begin_object(j);
	json_member_int(j, "promptTokenCount", prompt);
	if (u->input_cached > 0)
		json_member_int(j, "cachedContentTokenCount", u->input_cached);
	json_member_int(j, "candidatesTokenCount", said);
	if (u->input_tool > 0)
		json_member_int(j, "toolUsePromptTokenCount", u->input_tool);
	if (u->output_reasoning > 0)
		json_member_int(j, "thoughtsTokenCount", u->output_reasoning);
	json_member_int(j, "totalTokenCount", known(u->input) + known(u->output));
	write_details(j, "promptTokensDetails", prompt, u->input_audio, u->input_image);
	write_details(j, "cacheTokensDetails", known(u->input_cached), u->input_cached_audio, 0);
	write_details(j, "candidatesTokensDetails", said, u->output_audio, u->output_image);
	if (u->service != SERVICE_NOT_SAID)
		json_member_cstr(j, "serviceTier", tiers[u->service]);
	json_end_object(j);
}

void gemini_write_tail(struct event_writer *w, struct json_writer *j, struct slice id, struct slice model, bool usage)
{
	char made[WRITER_ID_MAX];

	if (usage) {
		json_literal_key(j, "usageMetadata");
		gemini_write_usage(j, w->usage);
	}
	json_member_string(j, "modelVersion", model.len > 0 ? model : w->model);
	json_member_string(j, "responseId", id.len > 0 ? id : writer_make_id(w, "", made));
}

/* ---- pieces of a candidate ---- */

void gemini_write_finish(struct json_writer *j, enum stop_reason reason, struct slice word, struct slice detail)
{
	json_member_string(j, "finishReason", gemini_finish_of(reason, word));
	if (detail.len > 0)
		json_member_string(j, "finishMessage", detail);
}

void grounding_add(struct grounding *g, const struct citation *c, int64_t base, struct arena *a)
{
	if (g->count == g->capacity) {
		unsigned capacity = g->capacity ? 2 * g->capacity : 8;
		struct citation *items = arena_array(a, struct citation, capacity);
		int64_t *bases = arena_array(a, int64_t, capacity);

		if (g->count > 0) {
			memcpy(items, g->items, g->count * sizeof(*items));
			memcpy(bases, g->bases, g->count * sizeof(*bases));
		}
		g->items = items;
		g->bases = bases;
		g->capacity = capacity;
	}
	g->items[g->count] = *c;
	g->bases[g->count++] = base;
}

static bool is_same_source(const struct citation *a, const struct citation *b)
{
	return slice_eq(a->url, b->url) && slice_eq(a->title, b->title);
}

/* The number of the source of citation `i`: of the first one with the same. Neighbours are the likeliest, and as many
 * sources as an answer has are few. */
static unsigned source_of(const struct grounding *g, unsigned i, bool *ret_first)
{
	unsigned number = 0;

	for (unsigned k = 0; k < i; k++) {
		bool first = true;

		if (is_same_source(&g->items[k], &g->items[i])) {
			*ret_first = false;
			return number;
		}
		for (unsigned m = 0; m < k && first; m++)
			first = !is_same_source(&g->items[m], &g->items[k]);
		number += first;
	}
	*ret_first = true;
	return number;
}

static void write_chunk(struct json_writer *j, const struct citation *c)
{
	bool web = c->kind == CITATION_URL;

	json_begin_object(j);
	json_key(j, web ? SLICE("web") : SLICE("retrievedContext"));
	json_begin_object(j);
	if (c->url.len > 0)
		json_member_string(j, "uri", c->url);
	if (c->title.len > 0)
		json_member_string(j, "title", c->title);
	if (!web && c->quote.len > 0)
		json_member_string(j, "text", c->quote);
	json_end_object(j);
	json_end_object(j);
}

static void write_support(struct json_writer *j, int64_t start, int64_t end, unsigned source)
{
	json_begin_object(j);
	json_literal_key(j, "segment");
	json_begin_object(j);
	/* A zero is not written (proto3). */
	if (start > 0)
		json_member_int(j, "startIndex", start);
	json_member_int(j, "endIndex", end);
	json_end_object(j);
	json_literal_key(j, "groundingChunkIndices");
	json_begin_array(j);
	json_int(j, source);
	json_end_array(j);
	json_end_object(j);
}

/* Citations of one candidate that are written: looking for equal sources is quadratic. */
enum { SOURCES_MAX = 256 };

void gemini_write_grounding(struct json_writer *j, const struct grounding *g, const struct text_offsets *o)
{
	unsigned sources[SOURCES_MAX], count = g->count < SOURCES_MAX ? g->count : SOURCES_MAX;
	bool any = false;

	if (count == 0)
		return;
	json_literal_key(j, "groundingMetadata");
	json_begin_object(j);
	json_literal_key(j, "groundingChunks");
	json_begin_array(j);
	for (unsigned i = 0; i < count; i++) {
		bool first;

		sources[i] = source_of(g, i, &first);
		if (first)
			write_chunk(j, &g->items[i]);
	}
	json_end_array(j);
	for (unsigned i = 0; i < count; i++) {
		const struct citation *c = &g->items[i];
		int64_t start = c->start < 0 ? -1 : offsets_bytes(o, g->bases[i] + c->start);
		int64_t end = c->end < 0 ? -1 : offsets_bytes(o, g->bases[i] + c->end);

		if (start < 0 || end < start)
			continue;
		if (!any) {
			json_literal_key(j, "groundingSupports");
			json_begin_array(j);
			any = true;
		}
		write_support(j, start, end, sources[i]);
	}
	if (any)
		json_end_array(j);
	json_end_object(j);
}

static void write_logprob(struct json_writer *j, const struct logprob *p)
{
	json_begin_object(j);
	json_member_string(j, "token", p->token);
	json_literal_key(j, "logProbability");
	json_double(j, p->value);
	json_end_object(j);
}

void gemini_write_logprobs(struct json_writer *j, const struct logprob *items, unsigned count)
{
	json_literal_key(j, "logprobsResult");
	json_begin_object(j);
	json_literal_key(j, "topCandidates");
	json_begin_array(j);
	for (unsigned i = 0; i < count; i++) {
		json_begin_object(j);
		json_literal_key(j, "candidates");
		json_begin_array(j);
		for (unsigned k = 0; k < items[i].top_count; k++)
			write_logprob(j, &items[i].top[k]);
		json_end_array(j);
		json_end_object(j);
	}
	json_end_array(j);
	json_literal_key(j, "chosenCandidates");
	json_begin_array(j);
	for (unsigned i = 0; i < count; i++)
		write_logprob(j, &items[i]);
	json_end_array(j);
	json_end_object(j);
}

/* ---- parts ---- */

void gemini_write_text_part(struct json_writer *j, struct slice text, bool thought, struct slice signature)
{
	json_begin_object(j);
	json_member_string(j, "text", text);
	if (thought)
		json_member_bool(j, "thought", true);
	if (signature.len > 0)
		json_member_string(j, "thoughtSignature", signature);
	json_end_object(j);
}

/* Arguments that are no object (cut off by the limit, or never any JSON) are shown as they are: {"_raw":"…"} (DIALECTS
 * §3.6). */
void gemini_write_call_part(struct json_writer *j, struct slice id, struct slice name, struct slice arguments,
			    struct slice signature, struct arena *a)
{
	json_begin_object(j);
	json_literal_key(j, "functionCall");
	json_begin_object(j);
	if (id.len > 0)
		json_member_string(j, "id", id);
	json_member_string(j, "name", name);
	json_literal_key(j, "args");
	json_value_raw(j, json_one_line(shape_arguments_object(arguments, a), a));
	json_end_object(j);
	if (signature.len > 0)
		json_member_string(j, "thoughtSignature", signature);
	json_end_object(j);
}

void gemini_write_media_part(struct json_writer *j, const struct media *m, struct slice data)
{
	bool inlined = m->source != MEDIA_URL && m->source != MEDIA_FILE_ID;
	struct media whole = *m;

	whole.value = inlined ? data : m->value;
	json_begin_object(j);
	json_key(j, inlined ? SLICE("inlineData") : SLICE("fileData"));
	json_begin_object(j);
	json_member_string(j, "mimeType", media_guess_mime(&whole));
	if (inlined)
		json_member_string(j, "data", data);
	else
		json_member_string(j, "fileUri", m->value);
	json_end_object(j);
	json_end_object(j);
}

/* ---- the whole answer ---- */

/* What a client did not ask to see goes into its state: state.c. */
static void write_reasoning(struct event_writer *w, struct json_writer *j, const struct answer_block *b)
{
	struct slice text = buf_slice(&b->text);

	if (b->redacted && text.len == 0)
		gemini_write_text_part(j, SLICE(""), true, gemini_hide_state(b->state, true, SLICE(""), w->arena));
	else if (gemini_shows_thoughts(w) || text.len == 0)
		gemini_write_text_part(j, text, true, b->state);
	else
		gemini_write_text_part(j, SLICE(""), true, gemini_hide_state(b->state, false, text, w->arena));
}

static void write_block(struct event_writer *w, struct json_writer *j, const struct answer_block *b)
{
	switch (b->kind) {
	case EVENT_TEXT: case EVENT_REFUSAL:
		if (b->text.len > 0 || b->state.len > 0)
			gemini_write_text_part(j, buf_slice(&b->text), false, b->state);
		break;
	case EVENT_REASONING:
		if (b->text.len > 0 || b->state.len > 0)
			write_reasoning(w, j, b);
		break;
	case EVENT_TOOL_BEGIN:
		gemini_write_call_part(j, b->id, b->name, buf_slice(&b->text), b->state, w->arena);
		break;
	case EVENT_MEDIA:
		gemini_write_media_part(j, &b->media, buf_slice(&b->text));
		break;
	case EVENT_OPAQUE:
		if (b->raw_dialect == DIALECT_GEMINI)
			json_value_raw(j, b->raw);
		break;
	default:
		break;
	}
}

/* Offsets count in all of the candidate's text, as in streams. */
static void write_evidence(struct event_writer *w, struct json_writer *j, const struct answer_choice *c)
{
	struct text_offsets o = { 0 };
	struct grounding g = { 0 };

	for (const struct answer_block *b = c->blocks; b; b = b->next) {
		int64_t base = offsets_characters(&o, (int64_t)o.len);

		if (b->kind != EVENT_TEXT && b->kind != EVENT_REFUSAL)
			continue;
		for (unsigned i = 0; i < b->citation_count; i++)
			grounding_add(&g, &b->citations[i], base, w->arena);
		offsets_add(&o, buf_slice(&b->text), w->arena);
	}
	gemini_write_grounding(j, &g, &o);
	for (const struct answer_block *b = c->blocks; b; b = b->next)
		if (b->logprob_count > 0) {
			gemini_write_logprobs(j, b->logprobs, b->logprob_count);
			break;
		}
}

static void write_candidate(struct event_writer *w, struct json_writer *j, const struct answer_choice *c,
			    unsigned index)
{
	json_begin_object(j);
	json_literal_key(j, "content");
	json_begin_object(j);
	if (c->blocks) {
		json_literal_key(j, "parts");
		json_begin_array(j);
		for (const struct answer_block *b = c->blocks; b; b = b->next)
			write_block(w, j, b);
		json_end_array(j);
	}
	json_member_cstr(j, "role", "model");
	json_end_object(j);
	gemini_write_finish(j, c->reason, c->stop_word, c->stop_detail);
	json_member_int(j, "index", index);
	write_evidence(w, j, c);
	json_end_object(j);
}

bool gemini_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out)
{
	struct json_writer j;

	json_writer_init(&j, out);
	json_begin_object(&j);
	json_literal_key(&j, "candidates");
	json_begin_array(&j);
	for (unsigned i = 0; i < answer->choice_count; i++)
		write_candidate(w, &j, &answer->choices[i], i);
	json_end_array(&j);
	gemini_write_tail(w, &j, answer->id, answer->model, true);
	json_end_object(&j);
	return !j.overflow;
}

void gemini_write_count(int64_t tokens, bool estimated, struct buf *out)
{
	struct json_writer j;

	json_writer_init(&j, out);
	json_begin_object(&j);
	json_member_int(&j, "totalTokens", tokens);
	json_end_object(&j);
}
