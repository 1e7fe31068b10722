/* SPDX-License-Identifier: Apache-2.0 */
/* What Responses events and answers mean (DIALECTS §4.1 to §4.4, §5.3). An event is known by the `type` in its
 * data; the SSE event name repeats it, or is missing (OpenRouter, recorded). */
#include "dialect/openai_responses/openai_responses.h"

static bool has_suffix(struct slice type, const char *suffix)
{
	return slice_ends_with(type, slice_cstr(suffix));
}

/* An opened item. Calls are content at once: they arrive with their name, and clients show them. What is a list,
 * an echo of the client's own output, or still empty is not. */
static void read_item_added(struct event_reader *r, struct json item, struct arena *scratch, struct reading *ret)
{
	struct slice type = json_text(json_get(item, "type"), scratch);
	ret->flags |= READING_PROGRESS;
	if (has_suffix(type, "_call")) {
		r->saw_tool = true;
		ret->flags |= READING_CONTENT;
	}
}

/* A closed item. Reasoning counts even when nothing of it was shown; a message only if it says something. */
static void read_item_done(struct json item, struct arena *scratch, struct reading *ret)
{
	struct slice type = json_text(json_get(item, "type"), scratch);
	ret->flags |= READING_PROGRESS;
	if (!slice_eq(type, SLICE("message")) || json_is_filled(json_get(item, "content")))
		ret->flags |= READING_CONTENT;
}

/* The Response object of lifecycle events and whole answers. */
static void read_response(struct event_reader *r, struct json response, struct arena *scratch)
{
	reader_note_model(r, json_get(response, "model"), scratch);
	openai_read_usage(r, json_get(response, "usage"));
	struct json search = json_get(json_get(response, "tool_usage"), "web_search");
	int64_t searches = json_i64_or(json_get(search, "num_requests"), 0);
	if (searches > 0 && searches <= COUNT_OF_TOKENS_MAX)
		r->usage.web_searches = searches;
	if (r->answer_id[0] == '\0')
		failure_copy_text(r->answer_id, sizeof(r->answer_id), json_text(json_get(response, "id"), scratch));
}

static void read_last(struct event_reader *r, struct json response, struct arena *scratch, struct reading *ret)
{
	read_response(r, response, scratch);
	/* An outage dressed up as success: pain F1, BerriAI/litellm#36768. */
	if (failure_in_band(response, NULL, scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	r->finished = r->terminated = r->content = true;
	ret->flags |= READING_CONTENT | READING_PROGRESS | READING_FINISH | READING_TERMINATOR;
}

static void read_failed(struct event_reader *r, struct json response, struct arena *scratch, struct reading *ret)
{
	read_response(r, response, scratch);
	if (!failure_in_band(response, NULL, scratch, &ret->failure))
		failure_set(&ret->failure, FAILURE_IN_BAND, "the provider says that the response failed and gives no reason");
	ret->flags |= READING_FAILURE;
}

/* Deltas of every kind, those to come included, keep what was said in `delta`; the `…done` events repeat it whole. */
static void read_said(struct event_reader *r, struct slice type, struct json root, struct reading *ret)
{
	static const char *const repeated[] = { "text", "refusal", "arguments", "input", "code", "partial_image_b64" };
	bool content = false;
	if (has_suffix(type, ".delta")) {
		content = reader_count_output(r, json_get(root, "delta"));
	} else {
		for (size_t i = 0; i < COUNT_OF(repeated); i++)
			content |= json_is(json_member(root, slice_cstr(repeated[i])), JSON_STRING) &&
				   json_is_filled(json_member(root, slice_cstr(repeated[i])));
		content |= json_is_filled(json_get(json_get(root, "part"), "text"));
		content |= json_is_filled(json_get(root, "annotation"));
	}
	if (content)
		ret->flags |= READING_CONTENT;
	/* Whatever belongs to an item shows that one is being worked on. */
	if (content || json_exists(json_get(root, "output_index")))
		ret->flags |= READING_PROGRESS;
}

static void read_typed(struct event_reader *r, struct slice type, struct json root, struct arena *scratch,
		       struct reading *ret)
{
	struct json response = json_get(root, "response");
	if (slice_eq(type, SLICE("response.created")) || slice_eq(type, SLICE("response.in_progress")) ||
	    slice_eq(type, SLICE("response.queued"))) {
		read_response(r, response, scratch);
	} else if (slice_eq(type, SLICE("response.completed")) || slice_eq(type, SLICE("response.incomplete"))) {
		read_last(r, response, scratch, ret);
	} else if (slice_eq(type, SLICE("response.failed")) || slice_eq(type, SLICE("response.cancelled"))) {
		read_failed(r, response, scratch, ret);
	} else if (slice_eq(type, SLICE("response.output_item.added"))) {
		read_item_added(r, json_get(root, "item"), scratch, ret);
	} else if (slice_eq(type, SLICE("response.output_item.done"))) {
		read_item_done(json_get(root, "item"), scratch, ret);
	} else {
		read_said(r, type, root, ret);
	}
}

void responses_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret)
{
	struct json_doc doc;
	struct json root;
	int64_t sequence;

	reading_init(ret);
	struct slice data = slice_trim(f->data);
	if (!f->has_data || data.len == 0)
		return;
	r->events++;
	if (slice_eq(data, SLICE("[DONE]"))) {
		/* OpenRouter adds one after the end (recorded). Before it, something in between has cut the answer. */
		if (!r->terminated)
			reading_malformed(ret, FAILURE_CUT, "the provider ended the stream before response.completed");
		return;
	}
	if (!event_parse(r, f->data, scratch, &doc, &root, ret))
		return;
	if (json_to_i64(json_get(root, "sequence_number"), &sequence) && sequence > r->sequence)
		r->sequence = sequence;
	struct slice type = json_text(json_get(root, "type"), scratch);
	if (type.len == 0)
		type = f->event;
	/* "error", flat or with an object: both recorded. A chat chunk's {"error":…} without a type means the same. */
	if (failure_in_band(root, NULL, scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	if (type.len == 0) {
		reading_malformed(ret, FAILURE_MALFORMED, "the provider sent an event without a type");
		return;
	}
	r->started = true;
	read_typed(r, type, root, scratch, ret);
	if (r->sink && !(ret->flags & READING_FAILURE))
		responses_hear_event(r, type, root, scratch);
	r->content |= (ret->flags & READING_CONTENT) != 0;
}

/* The last event is finish and terminator in one, so there is nothing that could be added to a stream without it. */
enum stream_end responses_read_end(const struct event_reader *r)
{
	return r->terminated ? STREAM_COMPLETE : STREAM_CUT;
}

static void count_items(struct event_reader *r, struct json output, struct arena *scratch)
{
	static const char *const said[] = { "arguments", "input", "code", "result" };
	for (struct json_walk w = json_walk(output); json_walk_next(&w);) {
		struct slice type = json_text(json_get(w.value, "type"), scratch);
		r->saw_tool |= has_suffix(type, "_call");
		for (size_t i = 0; i < COUNT_OF(said); i++)
			reader_count_output(r, json_member(w.value, slice_cstr(said[i])));
		for (struct json_walk p = json_walk(json_get(w.value, "content")); json_walk_next(&p);)
			reader_count_output(r, json_get(p.value, "text"));
		for (struct json_walk p = json_walk(json_get(w.value, "summary")); json_walk_next(&p);)
			reader_count_output(r, json_get(p.value, "text"));
	}
}

/* {"object":"response.input_tokens","input_tokens":11}: DIALECTS §8.10. */
static bool read_count(struct event_reader *r, struct json root)
{
	if (!json_is(json_get(root, "input_tokens"), JSON_NUMBER))
		return false;
	openai_read_usage(r, root);
	return true;
}

void responses_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret)
{
	struct json_doc doc;
	struct json root;

	reading_init(ret);
	if (!whole_parse(body, scratch, &doc, &root, ret))
		return;
	bool counted = r->operation == OPERATION_COUNT_TOKENS;
	read_response(r, root, scratch);
	if (failure_in_band(root, counted ? "input_tokens" : "output", scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	if (json_text_eq(json_get(root, "status"), SLICE("failed"))) {
		read_failed(r, root, scratch, ret);
		return;
	}
	/* A background response has no output yet, but says what it is; so does a compaction. */
	struct json output = json_get(root, "output");
	if (counted ? !read_count(r, root) : !json_is(output, JSON_ARRAY)) {
		reading_malformed(ret, FAILURE_MALFORMED, "the provider's answer has no \"%s\" in it",
				  counted ? "input_tokens" : "output");
		return;
	}
	if (json_is(output, JSON_ARRAY))
		count_items(r, output, scratch);
	if (r->sink && !counted)
		responses_hear_whole(r, root, scratch);
	whole_complete(r, ret);
}
