/* SPDX-License-Identifier: Apache-2.0 */
/* One fuzz target for all dialects: the input is a stream of frames, then the same bytes as a whole answer, an
 * error body and a request. What must hold whatever comes: flags that belong together, messages that are UTF-8 and
 * never missing, a cut that lies inside the event, edits that leave JSON behind. */
#pragma once

#include "dialect/dialect.h"

static inline void fuzz_reading(const struct reading *ret, struct slice data)
{
	if (ret->flags & (READING_FAILURE | READING_MALFORMED)) {
		check(ret->failure.kind != FAILURE_NONE, "a failure has a kind");
		check(ret->failure.message[0] != '\0', "a failure has a message");
	}
	check(!(ret->flags & READING_FINISH) || (ret->flags & (READING_CONTENT | READING_TERMINATOR)), "a finish is content");
	check(!(ret->flags & READING_CONTENT) || (ret->flags & READING_PROGRESS), "content is progress");
	if (ret->usage_member.ptr)
		check(ret->usage_member.ptr > data.ptr && ret->usage_member.ptr + ret->usage_member.len < data.ptr + data.len,
		      "the cut lies inside the event");
}

static inline void fuzz_stream(const struct dialect *d, enum framing framing, struct slice input, struct arena *scratch)
{
	struct event_reader r;
	struct reading reading;
	struct framer framer;
	struct frame frame;
	d->reader_init(&r, OPERATION_CHAT);
	framer_init(&framer, framing, 1 << 16);
	framer_feed(&framer, input);
	while (framer_next(&framer, &frame)) {
		arena_reset(scratch);
		d->read_event(&r, &frame, scratch, &reading);
		fuzz_reading(&reading, frame.data);
		check(!r.terminated || r.finished || (reading.flags & READING_MALFORMED) || framing == FRAMING_JSON_ARRAY,
		      "only what is finished is terminated");
	}
	d->read_end(&r);
	usage_clamp(&r.usage);
	framer_done(&framer);
}

static inline void fuzz_bodies(const struct dialect *d, struct slice input, struct arena *scratch)
{
	for (unsigned op = 0; op < OPERATION_COUNT; op++) {
		struct event_reader r;
		struct reading reading;
		d->reader_init(&r, (enum operation)op);
		arena_reset(scratch);
		d->read_whole(&r, input, scratch, &reading);
		fuzz_reading(&reading, input);
	}
	struct failure f;
	static const int statuses[] = { 0, 400, 404, 429, 503 };
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		arena_reset(scratch);
		d->read_failure(statuses[i], input, scratch, &f);
		check(f.kind != FAILURE_NONE && f.message[0] != '\0', "an error body has a kind and a message");
	}
}

static inline void fuzz_request(const struct dialect *d, struct slice input, struct arena *scratch)
{
	struct request_facts facts = { 0 };
	struct request_edits want = { .model = SLICE("other"), .ask_usage = true };
	struct failure f;
	struct splice splice;
	struct json_doc doc;
	struct json_error error;
	arena_reset(scratch);
	if (!json_parse(scratch, input, &facts.doc, &error))
		return;
	if (!d->read_request(&facts, OPERATION_CHAT, SLICE("m"), true, scratch, &f)) {
		check(f.kind == FAILURE_BAD_REQUEST && f.message[0] != '\0', "a refusal says why");
		return;
	}
	check(d->estimate_prompt(&facts, OPERATION_CHAT, scratch) >= 0, "an estimate is no debt");
	d->prefix_hash(&facts, OPERATION_CHAT, scratch);
	splice_init(&splice, input);
	check(d->edit_request(&facts, OPERATION_CHAT, &want, &splice, scratch), "two edits always fit");
	check(json_parse(scratch, splice_flatten(&splice, scratch), &doc, &error), "an edited request is JSON");
}

static inline int fuzz_dialect(const struct dialect *d, const uint8_t *data, size_t size)
{
	struct slice input = slice_of((const char *)data, size);
	struct arena scratch;
	arena_init(&scratch);
	fuzz_stream(d, FRAMING_SSE, input, &scratch);
	if (d == &dialect_gemini)
		fuzz_stream(d, FRAMING_JSON_ARRAY, input, &scratch);
	fuzz_bodies(d, input, &scratch);
	fuzz_request(d, input, &scratch);
	arena_done(&scratch);
	return 0;
}
