/* SPDX-License-Identifier: Apache-2.0 */
/* One fuzz target for all dialects: the input is a stream of frames, then the same bytes as a whole answer, an
 * error body and a request. What must hold whatever comes: flags that belong together, messages that are UTF-8 and
 * never missing, a cut that lies inside the event, edits that leave JSON behind. */
#pragma once

#include <stdlib.h>

#include "dialect/dialect.h"
#include "llm/field.h"
#include "llm/rules.h"

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

/* ---- the hub ---- */

enum { FUZZ_OUTPUT_MAX = 4 << 20 };

static inline void fuzz_is_json(struct slice text, struct arena *scratch, const char *what)
{
	struct json_doc doc;
	struct json_error error;
	check(json_parse(scratch, text, &doc, &error), what);
}

/* One answer's events on their way to clients of all dialects at once, as streams and as whole answers. */
struct fuzz_clients {
	struct arena arena;
	struct answering answering;
	struct names names;
	struct usage usage;
	struct answer folded;
	struct { struct event_writer writer; struct buf out; bool open; } writers[DIALECT_COUNT];
};

static inline void fuzz_clients_init(struct fuzz_clients *c, const struct dialect *provider)
{
	memset(c, 0, sizeof(*c));
	arena_init(&c->arena);
	names_init(&c->names, &c->arena);
	answering_init(&c->answering, SLICE("provider"), provider->id, &c->names, 1);
	answer_init(&c->folded, &c->arena, FUZZ_OUTPUT_MAX);
	for (unsigned i = 0; i < DIALECT_COUNT; i++) {
		const struct dialect *d = dialect_by_id((enum dialect_id)i);
		if (!d || !d->write_event)
			continue;
		static struct request_facts nothing;
		c->writers[i].open = true;
		buf_init(&c->writers[i].out, FUZZ_OUTPUT_MAX);
		c->writers[i].writer = (struct event_writer){
			.dialect = d, .arena = &c->arena, .framing = d->stream_framing(SLICE("")), .include_usage = true,
			.model = SLICE("m"), .provider = SLICE("provider"), .usage = &c->usage, .seed = 1, .sequence = -1, .limit = 1 << 20,
		};
		if (d->writer_init)
			d->writer_init(&c->writers[i].writer, &nothing);
	}
}

static inline void fuzz_clients_tell(struct fuzz_clients *c, const struct event *e)
{
	answer_add(&c->folded, e);
	for (unsigned w = 0; w < DIALECT_COUNT; w++)
		if (c->writers[w].open)
			c->writers[w].open = c->writers[w].writer.dialect->write_event(&c->writers[w].writer, e, &c->writers[w].out);
}

static inline void fuzz_clients_take(struct fuzz_clients *c, struct event_list *events, struct arena *scratch)
{
	c->answering.marked = events->halves;
	for (unsigned i = 0; i < events->count; i++) {
		struct event *e = &events->items[i];
		answering_prepare(&c->answering, e, scratch);
		if (c->answering.fault)
			return;
		for (const struct event *before; (before = answering_release(&c->answering, e, scratch));)
			fuzz_clients_tell(c, before);
		if (!answering_holds(&c->answering, e, &c->arena))
			fuzz_clients_tell(c, e);
	}
}

static inline void fuzz_clients_done(struct fuzz_clients *c, struct arena *scratch)
{
	for (unsigned i = 0; i < DIALECT_COUNT; i++) {
		struct event_writer *w = &c->writers[i].writer;
		if (!w->dialect)
			continue;
		if (c->writers[i].open)
			w->dialect->write_end(w, &c->writers[i].out);
		buf_clear(&c->writers[i].out);
		w->state = NULL;
		if (w->dialect->write_answer(w, &c->folded, &c->writers[i].out))
			fuzz_is_json(buf_slice(&c->writers[i].out), scratch, "a whole answer is JSON");
		buf_done(&c->writers[i].out);
	}
	answer_done(&c->folded);
	arena_done(&c->arena);
}

/* Any JSON as a request, for targets of all dialects. */
static inline void fuzz_chat(const struct dialect *d, enum operation op, struct slice input)
{
	struct request_facts facts = { 0 };
	struct failure f;
	struct json_error error;
	struct arena a;
	struct chat chat;
	arena_init(&a);
	if (d->read_chat && json_parse(&a, input, &facts.doc, &error) &&
	    d->read_request(&facts, op, SLICE("m"), true, &a, &f) && d->read_chat(&facts, op, &a, &chat, &f)) {
		for (unsigned i = 0; i < DIALECT_COUNT; i++) {
			const struct dialect *to = dialect_by_id((enum dialect_id)i);
			uint64_t lossy = 0;
			struct names names;
			struct buf out;
			if (!to || !to->write_chat)
				continue;
			names_init(&names, &a);
			buf_init(&out, FUZZ_OUTPUT_MAX);
			struct chat_target t = { .operation = op, .model = SLICE("own"), .provider = SLICE("provider"),
						 .rules = &model_rules_unknown, .stream = facts.stream, .names = &names,
						 .rewritten_lossy = &lossy };
			t.carried = field_judge(&chat, to->fields, to->id, t.rules, 0).carried;
			if (to->write_chat(&chat, &t, &a, &out, &f))
				fuzz_is_json(buf_slice(&out), &a, "a translated request is JSON");
			else
				check(f.message[0] != '\0', "what cannot be said is told");
			buf_done(&out);
		}
	}
	arena_done(&a);
}

static inline void fuzz_stream(const struct dialect *d, enum framing framing, struct slice input, struct arena *scratch)
{
	struct event_reader r;
	struct reading reading;
	struct framer framer;
	struct frame frame;
	struct event_list events;
	struct fuzz_clients *clients = malloc(sizeof(*clients));
	fuzz_clients_init(clients, d);
	d->reader_init(&r, OPERATION_CHAT);
	r.arena = &clients->arena;
	framer_init(&framer, framing, 1 << 16);
	framer_feed(&framer, input);
	while (framer_next(&framer, &frame)) {
		arena_reset(scratch);
		event_list_init(&events, scratch);
		r.sink = d->write_chat ? &events : NULL;
		d->read_event(&r, &frame, scratch, &reading);
		fuzz_reading(&reading, frame.data);
		fuzz_clients_take(clients, &events, scratch);
		check(!r.terminated || r.finished || (reading.flags & READING_MALFORMED) || framing == FRAMING_JSON_ARRAY,
		      "only what is finished is terminated");
	}
	d->read_end(&r);
	usage_clamp(&r.usage);
	clients->usage = r.usage;
	fuzz_clients_done(clients, scratch);
	free(clients);
	framer_done(&framer);
}

/* Frames have check sums that no fuzzer finds: lines of "name payload" become frames, exceptions where '!' is in front. */
static inline void fuzz_frames(const struct dialect *d, struct slice input, struct arena *scratch)
{
	struct buf frames;
	buf_init(&frames, FUZZ_OUTPUT_MAX);
	while (input.ptr) {
		struct slice line = slice_next_token(&input, '\n'), name = slice_next_token(&line, ' ');
		bool exception = slice_starts_with(name, SLICE("!"));
		if (!event_stream_write(&frames, exception ? SLICE("exception") : SLICE("event"), slice_after(name, exception),
					line.ptr ? line : SLICE("")))
			break;
	}
	fuzz_stream(d, FRAMING_EVENT_STREAM, buf_slice(&frames), scratch);
	buf_done(&frames);
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
	for (unsigned family = 0; family < TOKENS_COUNT; family++)
		check(dialect_estimate_prompt(d, &facts, OPERATION_CHAT, family, scratch) >= 0, "an estimate is no debt");
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
	fuzz_stream(d, d == &dialect_ollama ? FRAMING_NDJSON : d == &dialect_bedrock ? FRAMING_EVENT_STREAM : FRAMING_SSE, input, &scratch);
	if (d == &dialect_bedrock)
		fuzz_frames(d, input, &scratch);
	if (d == &dialect_gemini)
		fuzz_stream(d, FRAMING_JSON_ARRAY, input, &scratch);
	fuzz_bodies(d, input, &scratch);
	fuzz_request(d, input, &scratch);
	arena_done(&scratch);
	return 0;
}
