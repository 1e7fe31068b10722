/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of whole ways share: a provider's answer in, the client's out; a client's request in, the provider's out. */
#pragma once

#include "dialect/dialect_test.h"
#include "dialect/translation.h"
#include "llm/field.h"

/* An answer on its way. Zeroed but for what the test sets. */
struct way_back {
	const struct dialect *client, *provider;
	const char *asked;             /* the client's request; NULL = a bare one */
	bool variant;                  /* asked by the dialect's other path */
	bool stream;                   /* the client wants one */
	enum framing framing;          /* of the provider's stream */
	size_t step;                   /* bytes per feed; 0: `from` is a whole answer */
};

static inline void way_back_read(const struct way_back *way, struct translation *t, struct event_reader *r, const char *from,
				 struct arena *scratch)
{
	struct slice input = slice_cstr(from);
	struct event_list events;
	struct reading reading;
	struct failure failure;
	struct framer framer;
	struct frame frame;

	if (way->step == 0) {
		event_list_init(&events, scratch);
		r->sink = &events;
		way->provider->read_whole(r, input, scratch, &reading);
		if (reading.flags & (READING_FAILURE | READING_MALFORMED))
			fail_msg("%s", reading.failure.message);
		assert_true(translation_take(t, &events, scratch, &failure));
		return;
	}
	framer_init(&framer, way->framing, FRAME_MAX);
	for (size_t at = 0; at < input.len; at += way->step) {
		framer_feed(&framer, slice_of(input.ptr + at, input.len - at < way->step ? input.len - at : way->step));
		while (framer_next(&framer, &frame)) {
			arena_reset(scratch);
			event_list_init(&events, scratch);
			r->sink = &events;
			way->provider->read_event(r, &frame, scratch, &reading);
			if (reading.flags & (READING_FAILURE | READING_MALFORMED))
				fail_msg("%s", reading.failure.message);
			assert_true(translation_take(t, &events, scratch, &failure));
		}
	}
	assert_int_not_equal(way->provider->read_end(r), STREAM_CUT);
	framer_done(&framer);
}

/* What the client gets; buf_done() it. */
static inline struct buf way_back_take(const struct way_back *way, const char *from)
{
	struct request q = { .variant = way->variant };
	struct event_reader reader;
	struct translation t;
	struct arena scratch;
	struct failure failure;
	struct buf out;

	assert_true(request_read(&q, way->client, OPERATION_CHAT, way->asked ? way->asked : "{\"model\":\"m\",\"messages\":[]}"));
	arena_init(&scratch);
	buf_init(&out, 1 << 20);
	translation_init(&t, 1 << 20);
	way->provider->reader_init(&reader, OPERATION_CHAT);
	reader.arena = &t.arena;
	translation_begin_answer(&t, &(struct translation_answer){
		.client = way->client, .facts = &q.facts, .framing = way->client->stream_framing((struct slice){ 0 }),
		.folds = !way->stream, .provider = SLICE("there"), .provider_dialect = way->provider->id, .model = SLICE("public"),
		.usage = &reader.usage, .seed = 1, .now_s = 1000, .limit = 1 << 16,
	});
	way_back_read(way, &t, &reader, from, &scratch);
	usage_clamp(&reader.usage);
	assert_true(buf_append_slice(&out, buf_slice(&t.out)));
	assert_true(translation_end(&t, &out, &failure));
	translation_done(&t);
	arena_done(&scratch);
	arena_done(&q.arena);
	return out;
}

static inline void assert_way_back(const struct way_back *way, const char *from, const char *expected)
{
	struct buf out = way_back_take(way, from);

	assert_slice(buf_slice(&out), expected);
	buf_done(&out);
}

/* The same bytes whatever the split. */
static inline void assert_split_free(struct way_back way, const char *from)
{
	struct buf whole, pieces;

	way.step = strlen(from);
	whole = way_back_take(&way, from);
	for (size_t step = 1; step < 40; step += 3) {
		way.step = step;
		pieces = way_back_take(&way, from);
		assert_true(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
		buf_done(&pieces);
	}
	buf_done(&whole);
}

/* A request on its way, and what is to come of it. */
struct way_there {
	const struct dialect *client, *provider;
	const char *body;
	const char *expected;          /* the whole body; NULL: `holds` is in it; both NULL: it is refused */
	const char *holds;
	const struct model_rules *rules; /* NULL = unknown */
	uint64_t lossy;
	bool variant;
	const char *lacks;
};

static inline void check_way_there(const struct way_there *way)
{
	static const struct model_rules unknown;
	struct request q = { .variant = way->variant };
	const struct model_rules *rules = way->rules ? way->rules : &unknown;
	struct field_verdict v;
	uint64_t lossy = 0;
	struct names names;
	struct chat chat;
	struct buf out;
	bool ok;

	if (!request_read(&q, way->client, OPERATION_CHAT, way->body) ||
	    !way->client->read_chat(&q.facts, OPERATION_CHAT, &q.arena, &chat, &q.failure))
		fail_msg("%s: %s", way->body, q.failure.message);
	v = field_judge(&chat, way->provider->fields, way->provider->id, rules, 0);
	names_init(&names, &q.arena);
	buf_init(&out, 1 << 20);
	struct chat_target target = { .model = SLICE("own"), .provider = SLICE("there"), .rules = rules, .carried = v.carried,
				      .stream = q.facts.stream, .names = &names, .rewritten_lossy = &lossy };
	ok = v.refused == 0 && way->provider->write_chat(&chat, &target, &q.arena, &out, &q.failure);
	if (ok != (way->expected || way->holds))
		fail_msg("%s: %s, %.*s", way->body, ok ? "taken" : q.failure.message, SLICE_ARG(field_list(v.refused, &q.arena)));
	if (ok && way->expected)
		assert_slice(buf_slice(&out), way->expected);
	if (ok && way->holds && slice_find(buf_slice(&out), slice_cstr(way->holds)) == SIZE_MAX)
		fail_msg("%s: %s is not in %.*s", way->body, way->holds, SLICE_ARG(buf_slice(&out)));
	if (ok && way->lacks && slice_find(buf_slice(&out), slice_cstr(way->lacks)) != SIZE_MAX)
		fail_msg("%s: %s is in %.*s", way->body, way->lacks, SLICE_ARG(buf_slice(&out)));
	if (ok)
		assert_int_equal(lossy, way->lossy);
	buf_done(&out);
	arena_done(&q.arena);
}

/* One field and a request that uses it. */
struct field_way {
	enum field_index field;
	const struct dialect *client;
	const char *members;           /* of the request, behind the model */
	const char *holds;             /* in what is written; NULL: dropped or refused */
};

/* The table of fields against the code. */
static inline void check_field_way(const struct field_way *way, const struct dialect *provider)
{
	static const struct model_rules unknown;
	enum carriage said = provider->fields[way->field].carriage;
	uint64_t bit = 1ull << way->field;
	bool carried = said == CARRIED || said == REWRITTEN;
	struct request q = { 0 };
	struct field_verdict v;
	struct chat chat;
	char body[2048];

	snprintf(body, sizeof(body), "{\"model\":\"m\",%s%s}", way->client == &dialect_anthropic ? "\"max_tokens\":9," : "", way->members);
	if (!request_read(&q, way->client, OPERATION_CHAT, body) ||
	    !way->client->read_chat(&q.facts, OPERATION_CHAT, &q.arena, &chat, &q.failure))
		fail_msg("%s: %s", body, q.failure.message);
	v = field_judge(&chat, provider->fields, provider->id, &unknown, 0);
	if (!(chat.fields & bit))
		fail_msg("%s does not use %s", body, field_words(way->field));
	if (((v.carried & bit) != 0) != carried || carried != (way->holds != NULL) || ((v.refused & bit) != 0) != (said == REFUSED))
		fail_msg("%s is not %s", field_words(way->field), carriage_name(said));
	arena_done(&q.arena);
	if (way->holds && v.refused == 0) {
		struct way_there there = { way->client, provider, body, NULL, way->holds };

		check_way_there(&there);
	}
}
