/* SPDX-License-Identifier: Apache-2.0 */
/* What GenerateContentResponse chunks and answers mean (DIALECTS §4.1 to §4.4, §5.1, §5.5, §8.1, §8.10). A chunk
 * of a stream, an element of a JSON array and a whole answer have the same shape. */
#include "dialect/gemini/gemini.h"

/* event_reader.open_blocks: the stream is a JSON array, so it has to be closed. */
enum { FRAMED_AS_ARRAY = 1 };

void gemini_reader_init(struct event_reader *r, enum operation op)
{
	reader_init(r, &dialect_gemini, op);
}

/* The sum of what is said; -1 when nothing is. */
static int64_t sum(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 ? a : a + b;
}

/* [{"modality":"AUDIO","tokenCount":25}] */
static int64_t count_modality(struct json details, struct slice modality)
{
	int64_t tokens = -1;
	for (struct json_walk w = json_walk(details); json_walk_next(&w);)
		if (json_text_eq(json_get(w.value, "modality"), modality))
			tokens = sum(tokens, count_of(w.value, "tokenCount"));
	return tokens;
}

static int64_t count_audio(struct json details)
{
	return count_modality(details, SLICE("AUDIO"));
}

/* DIALECTS §3.10 */
static enum service_tier read_service(struct json tier)
{
	return json_text_eq(tier, SLICE("standard")) ? SERVICE_STANDARD :
	       json_text_eq(tier, SLICE("flex")) ? SERVICE_FLEX :
	       json_text_eq(tier, SLICE("priority")) ? SERVICE_PRIORITY : SERVICE_NOT_SAID;
}

/* Cumulative, in every chunk. candidatesTokenCount leaves thoughts out, promptTokenCount leaves tool-use results out
 * (DIALECTS §4.4). A proto3 zero is not written, so thoughts may come first and candidates later. */
static void read_usage(struct event_reader *r, struct json metadata)
{
	struct usage u;
	if (!json_is(metadata, JSON_OBJECT))
		return;
	usage_init_absent(&u);
	u.input = sum(count_of(metadata, "promptTokenCount"), count_of(metadata, "toolUsePromptTokenCount"));
	u.input_cached = count_of(metadata, "cachedContentTokenCount");
	u.input_cached_audio = count_audio(json_get(metadata, "cacheTokensDetails"));
	u.input_audio = count_audio(json_get(metadata, "promptTokensDetails"));
	u.input_image = count_modality(json_get(metadata, "promptTokensDetails"), SLICE("IMAGE"));
	u.input_tool = count_of(metadata, "toolUsePromptTokenCount");
	u.output_reasoning = count_of(metadata, "thoughtsTokenCount");
	u.output = sum(count_of(metadata, "candidatesTokenCount"), u.output_reasoning);
	u.output_audio = count_audio(json_get(metadata, "candidatesTokensDetails"));
	u.output_image = count_modality(json_get(metadata, "candidatesTokensDetails"), SLICE("IMAGE"));
	u.service = read_service(json_get(metadata, "serviceTier"));
	reader_note_usage(r, &u);
}

/* One part. Text with something in it, thought or not; a signature without text, which closes a thought; any other
 * kind of part, known or to come. */
static bool read_part(struct event_reader *r, struct json part)
{
	bool content = false;
	for (struct json_walk w = json_walk(part); json_walk_next(&w);) {
		if (json_text_eq(w.key, SLICE("text"))) {
			content |= reader_count_output(r, w.value);
		} else if (json_text_eq(w.key, SLICE("functionCall"))) {
			reader_count_output(r, json_get(w.value, "args"));
			r->saw_tool = content = true;
		} else {
			content |= json_is_filled(w.value);
		}
	}
	return content;
}

/* STOP, or its number when the client asked for enum-encoding=int (recorded); 0 and the word for it mean "not
 * yet". Reasons that tell of trouble (MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, SAFETY, RECITATION, …) are
 * the model's answer all the same: the request was read, the tokens are billed, and the client's SDK shows the
 * reason (all recorded with status 200). */
static bool has_finish(struct json candidate)
{
	struct json reason = json_get(candidate, "finishReason");
	int64_t number;
	if (json_is(reason, JSON_NUMBER))
		return json_to_i64(reason, &number) && number != 0;
	return json_is(reason, JSON_STRING) && json_is_filled(reason) &&
	       !json_text_eq(reason, SLICE("FINISH_REASON_UNSPECIFIED"));
}

static void read_candidate(struct event_reader *r, struct json candidate, struct reading *ret)
{
	struct json parts = json_get(json_get(candidate, "content"), "parts");
	bool content = false;
	if (json_is(parts, JSON_ARRAY))
		for (struct json_walk w = json_walk(parts); json_walk_next(&w);)
			content |= read_part(r, w.value);
	/* Searches are counted by their queries (DIALECTS §4.4). */
	int64_t searches = (int64_t)json_count(json_get(json_get(candidate, "groundingMetadata"), "webSearchQueries"));
	if (searches > r->usage.web_searches && searches > 0)
		r->usage.web_searches = searches;
	bool finished = has_finish(candidate);
	if (content || finished)
		ret->flags |= READING_CONTENT | READING_PROGRESS;
	if (reader_note_choice(r, json_i64_or(json_get(candidate, "index"), 0), finished))
		ret->flags |= READING_FINISH;
}

/* A blocked prompt gets no candidate, only promptFeedback.blockReason (recorded, whole and as the only chunk of a
 * stream). DIALECTS §4.3 lists it beside the finish reasons: it is the complete answer, with its reason, and is
 * relayed as one. */
static bool is_blocked(struct json root)
{
	struct json reason = json_get(json_get(root, "promptFeedback"), "blockReason");
	return json_is_filled(reason) || json_is(reason, JSON_NUMBER);
}

static void read_chunk(struct event_reader *r, struct json root, struct arena *scratch, struct reading *ret)
{
	r->started = true;
	reader_note_model(r, json_get(root, "modelVersion"), scratch);
	read_usage(r, json_get(root, "usageMetadata"));
	for (struct json_walk w = json_walk(json_get(root, "candidates")); json_walk_next(&w);)
		read_candidate(r, w.value, ret);
	if (r->sink)
		gemini_hear_chunk(r, root, scratch);
	if (is_blocked(root) && !r->finished) {
		r->finished = true;
		ret->flags |= READING_CONTENT | READING_PROGRESS | READING_FINISH;
	}
	r->content |= (ret->flags & READING_CONTENT) != 0;
}

static bool starts_with_any(struct slice s, const char *chars)
{
	while (s.len > 0 && strchr(" \t\r\n", s.ptr[0]))
		s = slice_after(s, 1);
	return s.len > 0 && s.ptr[0] != '\0' && strchr(chars, s.ptr[0]);
}

/* In an SSE stream Google's servers report an error as bare JSON, without "data:" and over several lines: all
 * three official SDKs read it so (js-genai _api_client.ts processStreamResponse, python-genai
 * _iter_response_stream, go-genai iterateResponseStream). To the framer that is a frame without data. */
static void read_bare(const struct frame *f, struct arena *scratch, struct reading *ret)
{
	if (!starts_with_any(f->raw, "{["))
		return;
	failure_read(0, f->raw, scratch, &ret->failure);
	ret->flags |= READING_FAILURE;
}

void gemini_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret)
{
	struct json_doc doc;
	struct json root;

	reading_init(ret);
	if (r->events == 0 && starts_with_any(f->raw, "[,"))
		r->open_blocks |= FRAMED_AS_ARRAY;
	if (f->closes) {
		r->open_blocks |= FRAMED_AS_ARRAY;
		r->terminated = true;
		ret->flags |= READING_TERMINATOR;
		if (!r->finished && !f->has_data)
			reading_malformed(ret, FAILURE_CUT,
					  "the provider closed the array before the answer was complete");
	}
	if (!f->has_data) {
		if (!f->closes)
			read_bare(f, scratch, ret);
		return;
	}
	if (slice_trim(f->data).len == 0)
		return;
	r->events++;
	if (!event_parse(r, f->data, scratch, &doc, &root, ret))
		return;
	if (failure_in_band(root, "candidates", scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	read_chunk(r, root, scratch, ret);
}

/* SSE streams have no last event: with the finish they are complete. */
enum stream_end gemini_read_end(const struct event_reader *r)
{
	if (!r->finished)
		return STREAM_CUT;
	return (r->open_blocks & FRAMED_AS_ARRAY) && !r->terminated ? STREAM_NEEDS_TERMINATOR : STREAM_COMPLETE;
}

/* totalTokens of zero is not written (proto3); nothing else is needed for the answer to be one. */
static bool read_count(struct event_reader *r, struct json root)
{
	struct usage u;
	usage_init_absent(&u);
	u.input = count_of(root, "totalTokens");
	u.input_cached = count_of(root, "cachedContentTokenCount");
	u.input_audio = count_audio(json_get(root, "promptTokensDetails"));
	reader_note_usage(r, &u);
	return json_exists(json_get(root, "totalTokens")) || json_count(root) == 0;
}

static bool read_embeddings(struct event_reader *r, struct json root)
{
	read_usage(r, json_get(root, "usageMetadata"));
	return json_exists(json_get(root, "embedding")) || json_exists(json_get(root, "embeddings")) ||
	       json_exists(json_get(root, "predictions")); /* Vertex's older form */
}

static bool read_answer(struct event_reader *r, struct json root, struct arena *scratch, struct reading *ret)
{
	read_chunk(r, root, scratch, ret);
	return json_is_filled(json_get(root, "candidates")) || is_blocked(root);
}

void gemini_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret)
{
	struct json_doc doc;
	struct json root;
	bool answered;

	reading_init(ret);
	if (!whole_parse(body, scratch, &doc, &root, ret))
		return;
	if (failure_in_band(root, "candidates", scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	if (r->operation == OPERATION_COUNT_TOKENS)
		answered = read_count(r, root);
	else if (r->operation == OPERATION_EMBEDDINGS)
		answered = read_embeddings(r, root);
	else
		answered = read_answer(r, root, scratch, ret);
	if (!answered) {
		reading_malformed(ret, FAILURE_MALFORMED,
				  "the provider's answer has neither candidates nor anything else to be one");
		return;
	}
	whole_complete(r, ret);
}
