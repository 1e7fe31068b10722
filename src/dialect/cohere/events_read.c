/* SPDX-License-Identifier: Apache-2.0 */
/* What Cohere's events and whole answers mean (DIALECTS §4, §5.7). message-end is the finish; "[DONE]" after it,
 * which the documentation does not know, is recorded of every stream. */
#include "dialect/cohere/cohere.h"

static const struct { const char *word; enum cohere_event type; } types[] = {
	{ "content-delta", COHERE_CONTENT_DELTA }, { "tool-call-delta", COHERE_CALL_DELTA },
	{ "tool-plan-delta", COHERE_PLAN_DELTA }, { "message-start", COHERE_MESSAGE_START },
	{ "content-start", COHERE_CONTENT_START }, { "content-end", COHERE_CONTENT_END },
	{ "tool-call-start", COHERE_CALL_START }, { "tool-call-end", COHERE_CALL_END },
	{ "citation-start", COHERE_CITATION }, { "message-end", COHERE_MESSAGE_END },
};

static enum cohere_event type_of(struct json type)
{
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (json_text_eq(type, slice_cstr(types[i].word)))
			return types[i].type;
	return COHERE_OTHER;
}

/* What the model read and wrote; billed_units leave out what Cohere puts around it, and are all that embeddings say
 * (§4.4). cached_tokens and reasoning_tokens are within the two (recorded). */
static void read_usage(struct event_reader *r, struct json usage)
{
	struct json tokens = json_get(usage, "tokens"), billed = json_get(usage, "billed_units");
	struct usage u;

	if (!json_is(usage, JSON_OBJECT))
		return;
	usage_init_absent(&u);
	u.input = count_of(tokens, "input_tokens");
	u.output = count_of(tokens, "output_tokens");
	if (u.input < 0)
		u.input = count_of(billed, "input_tokens");
	if (u.output < 0)
		u.output = count_of(billed, "output_tokens");
	u.input_cached = count_of(usage, "cached_tokens");
	u.output_reasoning = count_of(tokens, "reasoning_tokens");
	if (u.input >= 0 || u.output >= 0)
		reader_note_usage(r, &u);
}

/* finish_reason ERROR or TIMEOUT is no finish. What went wrong stands beside it in streams (recorded: "your request
 * resulted in an invalid tool generation"). */
static bool has_failed(struct json from, struct arena *scratch, struct failure *ret)
{
	struct json reason = json_get(from, "finish_reason"), error = json_get(from, "error");
	struct slice type = json_text(json_get(from, "error_type"), scratch);

	if (!json_text_eq(reason, SLICE("ERROR")) && !json_text_eq(reason, SLICE("TIMEOUT")))
		return false;
	if (json_is_filled(error) && json_is(error, JSON_STRING))
		failure_set(ret, FAILURE_IN_BAND, "%.*s", SLICE_ARG(json_text(error, scratch)));
	else
		failure_set(ret, FAILURE_IN_BAND, "the provider ended the answer with the finish reason \"%.*s\"",
			    SLICE_ARG(json_text(reason, scratch)));
	failure_copy_text(ret->type, sizeof(ret->type), type);
	return true;
}

static bool read_content(struct event_reader *r, struct json content)
{
	bool said = reader_count_output(r, json_get(content, "text"));

	return reader_count_output(r, json_get(content, "thinking")) || said;
}

static bool read_call(struct event_reader *r, struct json call)
{
	r->saw_tool = true;
	reader_count_output(r, json_get(json_get(call, "function"), "arguments"));
	return true;
}

static bool read_delta(struct event_reader *r, enum cohere_event type, struct json message)
{
	switch (type) {
	case COHERE_CONTENT_START: case COHERE_CONTENT_DELTA:
		return read_content(r, json_get(message, "content"));
	case COHERE_PLAN_DELTA:
		return reader_count_output(r, json_get(message, "tool_plan"));
	case COHERE_CALL_START: case COHERE_CALL_DELTA:
		return read_call(r, json_get(message, "tool_calls"));
	default:
		return false;
	}
}

static void read_message_end(struct event_reader *r, struct json delta, struct arena *scratch, struct reading *ret)
{
	read_usage(r, json_get(delta, "usage"));
	if (has_failed(delta, scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	r->finished = r->content = true;
	ret->flags |= READING_FINISH | READING_CONTENT | READING_PROGRESS;
}

static void read_done(struct event_reader *r, struct reading *ret)
{
	if (!r->finished) {
		reading_malformed(ret, FAILURE_CUT, "the provider ended the stream with [DONE] before the answer was complete");
		return;
	}
	r->terminated = true;
	ret->flags |= READING_TERMINATOR;
}

void cohere_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret)
{
	struct json_doc doc;
	struct json root, delta;
	enum cohere_event type;

	reading_init(ret);
	struct slice data = slice_trim(f->data);
	if (!f->has_data || data.len == 0)
		return;
	r->events++;
	if (slice_eq(data, SLICE("[DONE]"))) {
		read_done(r, ret);
		return;
	}
	if (!event_parse(r, f->data, scratch, &doc, &root, ret))
		return;
	type = type_of(json_get(root, "type"));
	/* An error in the shape of a body. */
	if (type == COHERE_OTHER && (failure_in_band(root, "type", scratch, &ret->failure) ||
				     (!json_exists(json_get(root, "type")) && json_is_filled(json_get(root, "message"))))) {
		if (ret->failure.kind == FAILURE_NONE)
			failure_set(&ret->failure, FAILURE_IN_BAND, "%.*s", SLICE_ARG(json_text(json_get(root, "message"), scratch)));
		ret->flags |= READING_FAILURE;
		return;
	}
	/* What is finished is finished. */
	if (r->finished)
		return;
	r->started = true;
	delta = json_get(root, "delta");
	if (type == COHERE_CONTENT_START)
		ret->flags |= READING_PROGRESS;
	if (read_delta(r, type, json_get(delta, "message"))) {
		r->content = true;
		ret->flags |= READING_CONTENT | READING_PROGRESS;
	}
	if (type == COHERE_MESSAGE_END)
		read_message_end(r, delta, scratch, ret);
	if (r->sink && !(ret->flags & READING_FAILURE))
		cohere_hear(r, type, root);
}

enum stream_end cohere_read_end(const struct event_reader *r)
{
	if (!r->finished)
		return STREAM_CUT;
	return r->terminated ? STREAM_COMPLETE : STREAM_NEEDS_TERMINATOR;
}

static void read_message(struct event_reader *r, struct json message)
{
	struct json content = json_get(message, "content"), calls = json_get(message, "tool_calls");

	for (struct json_walk w = json_walk(content); json_is(content, JSON_ARRAY) && json_walk_next(&w);)
		read_content(r, w.value);
	if (json_is(content, JSON_STRING))
		reader_count_output(r, content);
	reader_count_output(r, json_get(message, "tool_plan"));
	for (struct json_walk w = json_walk(calls); json_is(calls, JSON_ARRAY) && json_walk_next(&w);)
		read_call(r, w.value);
}

void cohere_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret)
{
	bool embeddings = r->operation == OPERATION_EMBEDDINGS;
	const char *member = embeddings ? "embeddings" : "message";
	struct json_doc doc;
	struct json root, answer;

	reading_init(ret);
	if (!whole_parse(body, scratch, &doc, &root, ret))
		return;
	read_usage(r, embeddings ? json_get(root, "meta") : json_get(root, "usage"));
	if (failure_in_band(root, member, scratch, &ret->failure) || has_failed(root, scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	answer = json_member(root, slice_cstr(member));
	if (!json_is(answer, JSON_OBJECT) && !(embeddings && json_is(answer, JSON_ARRAY))) {
		reading_malformed(ret, FAILURE_MALFORMED, "the provider's answer has no \"%s\" in it", member);
		return;
	}
	if (!embeddings)
		read_message(r, answer);
	whole_complete(r, ret);
	if (r->sink && !embeddings)
		cohere_hear_answer(r, root);
}
