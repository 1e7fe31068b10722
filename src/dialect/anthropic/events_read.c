/* SPDX-License-Identifier: Apache-2.0 */
/* What Messages events and answers mean (DIALECTS §4.1 to §4.4, §5.4). Blocks come strictly one after the other,
 * so what is open is one number: event_reader.open_blocks holds a BLOCK_… of the block between its start and its
 * stop. */
#include "dialect/anthropic/anthropic.h"

enum { BLOCK_NONE, BLOCK_TEXT, BLOCK_REASONING, BLOCK_OTHER };

static int64_t known(int64_t n, int64_t otherwise)
{
	return n >= 0 ? n : otherwise > 0 ? otherwise : 0;
}

/* What one usage object says; -1 where it says nothing. */
struct report {
	int64_t fresh, cached, written, written_1h, output;
};

static struct report read_report(struct json usage)
{
	return (struct report){
		.fresh = count_of(usage, "input_tokens"),
		.cached = count_of(usage, "cache_read_input_tokens"),
		.written = count_of(usage, "cache_creation_input_tokens"),
		.written_1h = count_of(json_get(usage, "cache_creation"), "ephemeral_1h_input_tokens"),
		.output = count_of(usage, "output_tokens"),
	};
}

/* The rounds that one answer took inside the API: compaction, advisors, fallbacks. The counters at the top hold
 * the last rounds only (recorded: 229 tokens at the top, 55,425 in the rounds), billed are all (DIALECTS §4.4).
 * Rounds by another model count as if they were this one's. */
static bool sum_iterations(struct json iterations, struct report *ret)
{
	struct report sum = { 0 };
	if (!json_is(iterations, JSON_ARRAY) || json_count(iterations) == 0)
		return false;
	for (struct json_walk w = json_walk(iterations); json_walk_next(&w);) {
		struct report one = read_report(w.value);
		sum.fresh += known(one.fresh, 0);
		sum.cached += known(one.cached, 0);
		sum.written += known(one.written, 0);
		sum.written_1h += known(one.written_1h, 0);
		sum.output += known(one.output, 0);
	}
	*ret = sum;
	return true;
}

/* message_delta repeats message_start's counters, all, some or none of them, cumulatively: what it leaves out, or
 * has as zero, is taken from there. The split by lifetime stands in message_start only. */
static void complete_report(struct report *p, const struct usage *before)
{
	int64_t cached = known(before->input_cached, 0), longer = known(before->input_written_1h, 0);
	int64_t written = known(before->input_written_5m, 0) + longer;
	if (p->fresh <= 0)
		p->fresh = known(before->input, 0) - cached - written;
	if (p->cached <= 0)
		p->cached = cached;
	if (p->written <= 0)
		p->written = written;
	if (p->written_1h <= 0)
		p->written_1h = longer;
}

/* DIALECTS §3.10 */
static enum service_tier read_service(struct json tier)
{
	return json_text_eq(tier, SLICE("standard")) ? SERVICE_STANDARD :
	       json_text_eq(tier, SLICE("priority")) ? SERVICE_PRIORITY :
	       json_text_eq(tier, SLICE("batch")) ? SERVICE_BATCH : SERVICE_NOT_SAID;
}

/* Anthropic's three input counters are disjoint (DIALECTS §4.4); here input is all of them. */
static void read_usage(struct event_reader *r, struct json usage)
{
	struct usage u;
	struct report p = read_report(usage);
	bool rounds = sum_iterations(json_get(usage, "iterations"), &p);
	if (!json_is(usage, JSON_OBJECT))
		return;
	usage_init_absent(&u);
	if (rounds || p.fresh > 0 || p.cached > 0 || p.written > 0) {
		if (!rounds)
			complete_report(&p, &r->usage);
		u.input = p.fresh + p.cached + p.written;
		u.input_cached = p.cached;
		u.input_written_1h = p.written_1h < p.written ? p.written_1h : p.written;
		u.input_written_5m = p.written - u.input_written_1h;
	}
	u.output = p.output;
	u.output_reasoning = count_of(json_get(usage, "output_tokens_details"), "thinking_tokens");
	u.web_searches = count_of(json_get(usage, "server_tool_use"), "web_search_requests");
	u.service = read_service(json_get(usage, "service_tier"));
	reader_note_usage(r, &u);
}

static bool is_reasoning(struct json type)
{
	return json_text_eq(type, SLICE("thinking")) || json_text_eq(type, SLICE("redacted_thinking"));
}

/* An opened block: progress. A tool call, a result or a block nobody knows yet is content at once (results and redacted
 * thinking arrive whole, here); text and thinking only with something in them. */
static void read_block_start(struct event_reader *r, struct json block, struct reading *ret)
{
	struct json type = json_get(block, "type");
	ret->flags |= READING_PROGRESS;
	if (json_text_eq(type, SLICE("text"))) {
		r->open_blocks = BLOCK_TEXT;
		if (reader_count_output(r, json_get(block, "text")))
			ret->flags |= READING_CONTENT;
	} else if (is_reasoning(type)) {
		r->open_blocks = BLOCK_REASONING;
		if (reader_count_output(r, json_get(block, "thinking")))
			ret->flags |= READING_CONTENT;
	} else {
		r->open_blocks = BLOCK_OTHER;
		r->saw_tool |= json_exists(json_get(block, "name"));
		ret->flags |= READING_CONTENT;
	}
}

/* text_delta, thinking_delta, input_json_delta, citations_delta, compaction_delta and whatever comes: content if
 * anything is in it but a signature, which is content when its block closes. */
static void read_block_delta(struct event_reader *r, struct json delta, struct reading *ret)
{
	bool content = false;
	for (struct json_walk w = json_walk(delta); json_walk_next(&w);)
		if (!json_text_eq(w.key, SLICE("type")) && !json_text_eq(w.key, SLICE("signature")))
			content |= reader_count_output(r, w.value);
	ret->flags |= READING_PROGRESS | (content ? READING_CONTENT : 0);
}

static void read_block_stop(struct event_reader *r, struct reading *ret)
{
	if (r->open_blocks == BLOCK_REASONING)
		ret->flags |= READING_CONTENT | READING_PROGRESS;
	r->open_blocks = BLOCK_NONE;
}

static void read_message_delta(struct event_reader *r, struct json root, struct reading *ret)
{
	read_usage(r, json_get(root, "usage"));
	if (!json_is_filled(json_get(json_get(root, "delta"), "stop_reason")))
		return;
	r->finished = true;
	ret->flags |= READING_FINISH | READING_CONTENT | READING_PROGRESS;
}

static void read_message_stop(struct event_reader *r, struct reading *ret)
{
	if (!r->finished) {
		reading_malformed(ret, FAILURE_CUT, "the provider ended the message without a stop_reason");
		return;
	}
	r->terminated = true;
	ret->flags |= READING_TERMINATOR;
}

/* Unknown types pass untouched and mean nothing: the API says that new ones may come at any time. */
static void read_typed(struct event_reader *r, struct slice type, struct json root, struct arena *scratch,
		       struct reading *ret)
{
	if (slice_eq(type, SLICE("content_block_delta"))) {
		read_block_delta(r, json_get(root, "delta"), ret);
		if (r->sink)
			anthropic_hear_delta(r, json_get(root, "index"), json_get(root, "delta"), scratch);
	} else if (slice_eq(type, SLICE("message_start"))) {
		struct json message = json_get(root, "message");
		reader_note_model(r, json_get(message, "model"), scratch);
		read_usage(r, json_get(message, "usage"));
		if (r->sink)
			anthropic_hear_start(r, message, scratch);
	} else if (slice_eq(type, SLICE("content_block_start"))) {
		read_block_start(r, json_get(root, "content_block"), ret);
		if (r->sink)
			anthropic_hear_block(r, json_get(root, "index"), json_get(root, "content_block"), scratch);
	} else if (slice_eq(type, SLICE("content_block_stop"))) {
		read_block_stop(r, ret);
		if (r->sink)
			anthropic_hear_block_stop(r, json_get(root, "index"), scratch);
	} else if (slice_eq(type, SLICE("message_delta"))) {
		read_message_delta(r, root, ret);
		if (r->sink && (ret->flags & READING_FINISH))
			anthropic_hear_end(r, json_get(root, "delta"), scratch);
	} else if (slice_eq(type, SLICE("message_stop"))) {
		read_message_stop(r, ret);
	}
}

void anthropic_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret)
{
	struct json_doc doc;
	struct json root;

	reading_init(ret);
	struct slice data = slice_trim(f->data);
	if (!f->has_data || data.len == 0)
		return;
	/* Resellers with one code for all dialects add OpenAI's terminator: nothing here, and harmless after the
	 * end. */
	if (slice_eq(data, SLICE("[DONE]"))) {
		if (!r->finished)
			reading_malformed(ret, FAILURE_CUT, "the provider ended the stream with [DONE] before the answer was complete");
		return;
	}
	r->events++;
	if (!event_parse(r, f->data, scratch, &doc, &root, ret))
		return;
	if (failure_in_band(root, NULL, scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	struct slice type = json_text(json_get(root, "type"), scratch);
	if (type.len == 0)
		type = f->event;
	if (type.len == 0) {
		reading_malformed(ret, FAILURE_MALFORMED, "the provider sent an event without a type");
		return;
	}
	r->started = true;
	read_typed(r, type, root, scratch, ret);
	r->content |= (ret->flags & READING_CONTENT) != 0;
}

enum stream_end anthropic_read_end(const struct event_reader *r)
{
	if (!r->finished)
		return STREAM_CUT;
	return r->terminated ? STREAM_COMPLETE : STREAM_NEEDS_TERMINATOR;
}

/* {"input_tokens":17} */
static bool read_count(struct event_reader *r, struct json root)
{
	if (!json_is(json_get(root, "input_tokens"), JSON_NUMBER))
		return false;
	read_usage(r, root);
	return true;
}

/* `content` may be empty: the model ends its turn after tool results without a word (DIALECTS §4.1). */
static bool read_message(struct event_reader *r, struct json root, struct arena *scratch)
{
	struct json content = json_get(root, "content");
	if (!json_is(content, JSON_ARRAY))
		return false;
	read_usage(r, json_get(root, "usage"));
	for (struct json_walk w = json_walk(content); json_walk_next(&w);) {
		reader_count_output(r, json_get(w.value, "text"));
		reader_count_output(r, json_get(w.value, "thinking"));
		reader_count_output(r, json_get(w.value, "input"));
		r->saw_tool |= json_exists(json_get(w.value, "name"));
	}
	if (r->sink)
		anthropic_hear_message(r, root, scratch);
	return true;
}

void anthropic_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret)
{
	bool counted = r->operation == OPERATION_COUNT_TOKENS;
	const char *member = counted ? "input_tokens" : "content";
	struct json_doc doc;
	struct json root;

	reading_init(ret);
	if (!whole_parse(body, scratch, &doc, &root, ret))
		return;
	if (failure_in_band(root, member, scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	reader_note_model(r, json_get(root, "model"), scratch);
	if (!(counted ? read_count(r, root) : read_message(r, root, scratch))) {
		reading_malformed(ret, FAILURE_MALFORMED, "the provider's answer has no \"%s\" in it", member);
		return;
	}
	whole_complete(r, ret);
}
