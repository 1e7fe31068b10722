/* SPDX-License-Identifier: Apache-2.0 */
/* What ConverseStream's events and Converse's answers mean (DIALECTS §4.1 to §4.4, §5.6). Text and reasoning have
 * no contentBlockStart; messageStop is the finish, metadata with the usage the last event, and may be missing. What
 * is open is one bit: event_reader.open_blocks is not 0 while a reasoning block is. */
#include "dialect/bedrock_converse/bedrock_converse.h"

static int64_t known(int64_t n)
{
	return n > 0 ? n : 0;
}

/* priority, default, flex, reserved (DIALECTS §3.10). */
static enum service_tier read_service(struct json tier)
{
	return json_text_eq(tier, SLICE("default")) ? SERVICE_STANDARD :
	       json_text_eq(tier, SLICE("priority")) ? SERVICE_PRIORITY :
	       json_text_eq(tier, SLICE("flex")) ? SERVICE_FLEX : SERVICE_NOT_SAID;
}

/* cacheDetails: "cache writes by TTL". */
static int64_t written_1h(struct json details)
{
	int64_t sum = 0;

	if (!json_is(details, JSON_ARRAY))
		return 0;
	for (struct json_walk w = json_walk(details); json_walk_next(&w);)
		if (json_text_eq(json_get(w.value, "ttl"), SLICE("1h")) && sum <= COUNT_OF_TOKENS_MAX)
			sum += known(count_of(w.value, "inputTokens"));
	return sum;
}

/* inputTokens is the uncached remainder; the three input counters are disjoint (DIALECTS §4.4). */
static void read_usage(struct event_reader *r, struct json usage, struct json tier)
{
	int64_t fresh = count_of(usage, "inputTokens"), cached = count_of(usage, "cacheReadInputTokens");
	int64_t written = count_of(usage, "cacheWriteInputTokens"), longer = written_1h(json_get(usage, "cacheDetails"));
	struct usage u;

	if (!json_is(usage, JSON_OBJECT))
		return;
	usage_init_absent(&u);
	if (fresh > 0 || cached > 0 || written > 0) {
		u.input = known(fresh) + known(cached) + known(written);
		u.input_cached = known(cached);
		u.input_written_1h = longer < known(written) ? longer : known(written);
		u.input_written_5m = known(written) - u.input_written_1h;
	}
	u.output = count_of(usage, "outputTokens");
	u.service = read_service(json_get(tier, "type"));
	reader_note_usage(r, &u);
}

/* Calls of tools, what AWS's own tools answer, images: what begins in words of its own is content at once. */
static void read_block_start(struct event_reader *r, struct json root, struct reading *ret)
{
	r->open_blocks = 0;
	r->saw_tool |= json_exists(json_get(json_get(root, "start"), "toolUse"));
	ret->flags |= READING_PROGRESS | READING_CONTENT;
}

/* Counts what is in a delta or a block, but for signatures: these are content when their block closes. */
static bool count_content(struct event_reader *r, struct json content)
{
	struct json reasoning = json_get(content, "reasoningContent");
	bool any = false;

	if (!json_is(reasoning, JSON_OBJECT)) {
		for (struct json_walk w = json_walk(content); json_walk_next(&w);) {
			struct json input = json_get(w.value, "input");

			any |= reader_count_output(r, json_exists(input) ? input : w.value);
		}
		return any;
	}
	any |= reader_count_output(r, json_get(reasoning, "text"));
	any |= reader_count_output(r, json_get(json_get(reasoning, "reasoningText"), "text"));
	return any | json_is_filled(json_get(reasoning, "redactedContent"));
}

static void read_delta(struct event_reader *r, struct json root, struct reading *ret)
{
	struct json delta = json_get(root, "delta");
	bool any = json_is(delta, JSON_OBJECT) && count_content(r, delta);

	r->open_blocks = json_exists(json_get(delta, "reasoningContent"));
	ret->flags |= READING_PROGRESS | (any ? READING_CONTENT : 0);
}

static void read_block_stop(struct event_reader *r, struct reading *ret)
{
	if (r->open_blocks)
		ret->flags |= READING_CONTENT | READING_PROGRESS;
	r->open_blocks = 0;
}

static void read_message_stop(struct event_reader *r, struct json root, struct reading *ret)
{
	if (!json_is_filled(json_get(root, "stopReason")))
		return;
	r->finished = true;
	ret->flags |= READING_FINISH | READING_CONTENT | READING_PROGRESS;
}

static void read_metadata(struct event_reader *r, struct json root, struct reading *ret)
{
	read_usage(r, json_get(root, "usage"), json_get(root, "serviceTier"));
	if (!r->finished) {
		reading_malformed(ret, FAILURE_CUT, "the provider ended the message without a stopReason");
		return;
	}
	r->terminated = true;
	ret->flags |= READING_TERMINATOR;
}

/* Unknown events pass untouched and mean nothing. */
static void read_named(struct event_reader *r, struct slice name, struct json root, struct arena *scratch,
		       struct reading *ret)
{
	if (slice_eq(name, SLICE("contentBlockDelta"))) {
		read_delta(r, root, ret);
		if (r->sink)
			bedrock_hear_delta(r, root, scratch);
	} else if (slice_eq(name, SLICE("messageStart"))) {
		if (r->sink)
			bedrock_hear_message_start(r);
	} else if (slice_eq(name, SLICE("contentBlockStart"))) {
		read_block_start(r, root, ret);
		if (r->sink)
			bedrock_hear_block_start(r, root, scratch);
	} else if (slice_eq(name, SLICE("contentBlockStop"))) {
		read_block_stop(r, ret);
		if (r->sink)
			bedrock_hear_block_stop(r, root, scratch);
	} else if (slice_eq(name, SLICE("messageStop"))) {
		read_message_stop(r, root, ret);
		if (r->sink && (ret->flags & READING_FINISH))
			bedrock_hear_end(r, root, scratch);
	} else if (slice_eq(name, SLICE("metadata"))) {
		read_metadata(r, root, ret);
	}
}

void bedrock_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret)
{
	struct json_doc doc;
	struct json root;

	reading_init(ret);
	if (!f->has_data)
		return;
	r->events++;
	if (f->exception.len > 0) {
		bedrock_read_exception(f, scratch, &ret->failure);
		ret->flags |= READING_FAILURE;
		return;
	}
	if (f->event.len == 0) {
		reading_malformed(ret, FAILURE_MALFORMED, "the provider sent an event without a type");
		return;
	}
	if (!event_parse(r, f->data, scratch, &doc, &root, ret))
		return;
	r->started = true;
	read_named(r, f->event, root, scratch, ret);
	r->content |= (ret->flags & READING_CONTENT) != 0;
}

enum stream_end bedrock_read_end(const struct event_reader *r)
{
	return r->finished ? STREAM_COMPLETE : STREAM_CUT;
}

/* {"inputTokens":19} */
static bool read_count(struct event_reader *r, struct json root)
{
	if (!json_is(json_get(root, "inputTokens"), JSON_NUMBER))
		return false;
	read_usage(r, root, (struct json){ 0 });
	return true;
}

static bool read_message(struct event_reader *r, struct json root, struct arena *scratch)
{
	struct json content = json_get(json_get(json_get(root, "output"), "message"), "content");

	if (!json_is(content, JSON_ARRAY))
		return false;
	read_usage(r, json_get(root, "usage"), json_get(root, "serviceTier"));
	for (struct json_walk w = json_walk(content); json_walk_next(&w);) {
		if (json_is(w.value, JSON_OBJECT))
			count_content(r, w.value);
		r->saw_tool |= json_exists(json_get(w.value, "toolUse"));
	}
	if (r->sink) {
		bedrock_hear_message_start(r);
		bedrock_hear_content(r, content, scratch);
		bedrock_hear_end(r, root, scratch);
	}
	return true;
}

void bedrock_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret)
{
	bool counted = r->operation == OPERATION_COUNT_TOKENS;
	const char *member = counted ? "inputTokens" : "output";
	struct json_doc doc;
	struct json root;

	reading_init(ret);
	if (!whole_parse(body, scratch, &doc, &root, ret))
		return;
	/* AWS's front end says errors of its own under 200 in {"message","__type"}. */
	if (!json_exists(json_member(root, slice_cstr(member))) && json_is_filled(json_get(root, "__type"))) {
		bedrock_read_failure(200, body, scratch, &ret->failure);
		ret->flags |= READING_FAILURE;
		return;
	}
	if (failure_in_band(root, member, scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	if (!(counted ? read_count(r, root) : read_message(r, root, scratch))) {
		reading_malformed(ret, FAILURE_MALFORMED, "the provider's answer has no \"%s\" in it", member);
		return;
	}
	whole_complete(r, ret);
}
