/* SPDX-License-Identifier: Apache-2.0 */
/* Converse answers out of the hub: what is written keeps the grammar whatever the hub's events were, in any split
 * of what came in, and whole answers are the fold of the same events. */
#include "dialect/dialect_test.h"

#include "dialect/translation.h"

struct writing_test {
	struct event_writer writer;
	struct usage usage;
	struct arena arena;
	struct answer answer;
	struct buf out;
};

static void begin(struct writing_test *t)
{
	memset(t, 0, sizeof(*t));
	arena_init(&t->arena);
	buf_init(&t->out, 1 << 20);
	t->usage = (struct usage){ .reported = true, .input = 30, .input_cached = 10, .input_written_5m = 4, .input_written_1h = 6, .output = 7 };
	t->writer = (struct event_writer){ .dialect = &dialect_bedrock, .arena = &t->arena, .framing = FRAMING_EVENT_STREAM, .usage = &t->usage,
					   .model = SLICE("m"), .seed = 1, .limit = 1 << 16 };
	dialect_bedrock.writer_init(&t->writer, NULL);
	answer_init(&t->answer, &t->arena, 1 << 16);
}

static void done(struct writing_test *t)
{
	answer_done(&t->answer);
	buf_done(&t->out);
	arena_done(&t->arena);
}

/* The frames as "name payload" lines. */
static void assert_frames(struct slice stream, const char *expected)
{
	struct framer framer;
	struct frame frame;
	char text[16384] = "";

	framer_init(&framer, FRAMING_EVENT_STREAM, FRAME_MAX);
	framer_feed(&framer, stream);
	while (framer_next(&framer, &frame))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s %.*s\n", SLICE_ARG(frame.event), SLICE_ARG(frame.data));
	assert_false(framer.malformed);
	assert_string_equal(text, expected);
	framer_done(&framer);
}

static void write_all(struct writing_test *t, const struct event *events, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_true(dialect_bedrock.write_event(&t->writer, &events[i], &t->out));
		answer_add(&t->answer, &events[i]);
	}
}

#define TEXT(text) { text, sizeof(text) - 1 }
#define USAGE "\"usage\":{\"inputTokens\":10,\"outputTokens\":7,\"totalTokens\":37,\"cacheReadInputTokens\":10,\"cacheWriteInputTokens\":10," \
	"\"cacheDetails\":[{\"ttl\":\"5m\",\"inputTokens\":4},{\"ttl\":\"1h\",\"inputTokens\":6}]},\"metrics\":{\"latencyMs\":0}"
#define BEGIN "messageStart {\"role\":\"assistant\"}\n"
#define END(reason) "messageStop {\"stopReason\":\"" reason "\"}\nmetadata {" USAGE "}\n"
#define DELTA(index, delta) "contentBlockDelta {\"contentBlockIndex\":" #index ",\"delta\":" delta "}\n"
#define START(index, start) "contentBlockStart {\"contentBlockIndex\":" #index ",\"start\":" start "}\n"
#define STOP(index) "contentBlockStop {\"contentBlockIndex\":" #index "}\n"

static void assert_writes(const struct event *events, size_t count, const char *stream, const char *whole)
{
	struct writing_test t;

	begin(&t);
	write_all(&t, events, count);
	assert_true(dialect_bedrock.write_end(&t.writer, &t.out));
	assert_frames(buf_slice(&t.out), stream);
	buf_clear(&t.out);
	t.writer.state = NULL;
	assert_true(dialect_bedrock.write_answer(&t.writer, &t.answer, &t.out));
	assert_slice(buf_slice(&t.out), whole);
	done(&t);
}

#define WHOLE(content, reason) "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[" content "]}},\"stopReason\":\"" reason "\"," USAGE "}"

static void test_texts(void **state)
{
	static const struct event events[] = {
		{ .kind = EVENT_START }, { .kind = EVENT_REASONING, .block = 0, .text = TEXT("Hm") },
		{ .kind = EVENT_SIGNATURE, .block = 0, .signature = { .payload = TEXT("Eq") } },
		{ .kind = EVENT_SIGNATURE, .block = 1, .signature = { .payload = TEXT("zz=="), .redacted = true } },
		{ .kind = EVENT_TEXT, .block = 2, .text = TEXT("a") }, { .kind = EVENT_TEXT, .block = 2, .text = TEXT("b") },
		{ .kind = EVENT_CITATION, .block = 2, .citation = { .kind = CITATION_URL, .url = TEXT("https://x"), .title = TEXT("t"), .quote = TEXT("q") } },
		{ .kind = EVENT_REFUSAL, .block = 3, .text = TEXT("no") },
		{ .kind = EVENT_MEDIA, .block = 4, .media = { .mime = TEXT("image/png"), .value = TEXT("AAA") } },
		{ .kind = EVENT_MEDIA, .block = 4, .media = { .mime = TEXT("image/png"), .value = TEXT("A") } },
		{ .kind = EVENT_STOP, .stop = { .reason = STOP_LENGTH } },
	};

	assert_writes(events, COUNT_OF(events),
	      BEGIN DELTA(0, "{\"reasoningContent\":{\"text\":\"Hm\"}}") DELTA(0, "{\"reasoningContent\":{\"signature\":\"Eq\"}}") STOP(0)
	      DELTA(1, "{\"reasoningContent\":{\"redactedContent\":\"zz==\"}}") STOP(1) DELTA(2, "{\"text\":\"a\"}") DELTA(2, "{\"text\":\"b\"}")
	      DELTA(2, "{\"citation\":{\"title\":\"t\",\"sourceContent\":[{\"text\":\"q\"}],\"location\":{\"web\":{\"url\":\"https://x\"}}}}") STOP(2)
	      DELTA(3, "{\"text\":\"no\"}") STOP(3) START(4, "{\"image\":{\"format\":\"png\"}}") DELTA(4,
	  "{\"image\":{\"source\":{\"bytes\":\"AAAA\"}}}") STOP(4)
	      END("max_tokens"),
	      WHOLE("{\"reasoningContent\":{\"reasoningText\":{\"text\":\"Hm\",\"signature\":\"Eq\"}}},{\"reasoningContent\":{\"redactedContent\":\"zz==\"}},"
		    "{\"citationsContent\":{\"content\":[{\"text\":\"ab\"}],\"citations\":[{\"title\":\"t\",\"sourceContent\":[{\"text\":\"q\"}],"
		    "\"location\":{\"web\":{\"url\":\"https://x\"}}}]}},"
			"{\"text\":\"no\"},{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"AAAA\"}}}", "max_tokens"));
}

/* Calls that overlap come one after the other; a state that belongs to a call is in front of it. */
static void test_calls(void **state)
{
	static const struct event events[] = {
		{ .kind = EVENT_TOOL_BEGIN, .block = 0, .tool = { .id = TEXT("x"), .name = TEXT("f") } },
		{ .kind = EVENT_SIGNATURE, .block = 0, .signature = { .payload = TEXT("S") } },
		{ .kind = EVENT_TOOL_BEGIN, .block = 1, .tool = { .id = TEXT("y"), .name = TEXT("g") } },
		{ .kind = EVENT_TOOL_ARGUMENTS, .block = 1, .text = TEXT("{\"b\":") }, { .kind = EVENT_TOOL_ARGUMENTS, .block = 0, .text = TEXT("{}") },
		{ .kind = EVENT_TOOL_END, .block = 0 }, { .kind = EVENT_TOOL_ARGUMENTS, .block = 1, .text = TEXT("2}") }, { .kind = EVENT_TOOL_END,
			.block = 1 },
		{ .kind = EVENT_STOP, .stop = { .reason = STOP_TOOL_CALLS } },
	};

	assert_writes(events, COUNT_OF(events),
	      BEGIN DELTA(0, "{\"reasoningContent\":{\"signature\":\"S\"}}") STOP(0) START(1, "{\"toolUse\":{\"toolUseId\":\"x\",\"name\":\"f\"}}")
	      DELTA(1, "{\"toolUse\":{\"input\":\"{}\"}}") STOP(1) START(2, "{\"toolUse\":{\"toolUseId\":\"y\",\"name\":\"g\"}}")
	      DELTA(2, "{\"toolUse\":{\"input\":\"{\\\"b\\\":\"}}") DELTA(2, "{\"toolUse\":{\"input\":\"2}\"}}") STOP(2) END("tool_use"),
	      WHOLE("{\"reasoningContent\":{\"reasoningText\":{\"text\":\"\","
		"\"signature\":\"S\"}}},{\"toolUse\":{\"toolUseId\":\"x\",\"name\":\"f\",\"input\":{}}},"
		    "{\"toolUse\":{\"toolUseId\":\"y\",\"name\":\"g\",\"input\":{\"b\":2}}}", "tool_use"));
}

static void test_oddities(void **state)
{
	static const struct event cut[] = {
		{ .kind = EVENT_TOOL_BEGIN, .block = 0, .tool = { .id = TEXT("x"), .name = TEXT("f") } },
		{ .kind = EVENT_TOOL_ARGUMENTS, .block = 0, .text = TEXT("{\"a") }, { .kind = EVENT_TEXT, .block = 1, .text = TEXT("t") },
		{ .kind = EVENT_STOP, .stop = { .reason = STOP_REFUSAL, .word = TEXT("guardrail_intervened") } },
	};
	static const struct event opaque[] = {
		{ .kind = EVENT_OPAQUE, .block = 0, .opaque = { .raw = TEXT("{\"toolUse\":{\"name\":\"n\","
			"\"input\":{\"q\":1},\"type\":\"server_tool_use\"}}"), .dialect = DIALECT_BEDROCK } },
		{ .kind = EVENT_OPAQUE, .block = 1, .opaque = { .raw = TEXT("{\"toolResult\":{\"type\":\"r\",\"content\":[{\"text\":\"a\"}]}}"),
			.dialect = DIALECT_BEDROCK } },
		{ .kind = EVENT_OPAQUE, .block = 2, .opaque = { .raw = TEXT("{\"type\":\"x\"}"), .dialect = DIALECT_ANTHROPIC } },
		{ .kind = EVENT_STOP, .stop = { .reason = STOP_SEQUENCE, .sequence = TEXT("X") } },
	};

	assert_writes(cut, COUNT_OF(cut), BEGIN START(0, "{\"toolUse\":{\"toolUseId\":\"x\",\"name\":\"f\"}}") DELTA(0,
		"{\"toolUse\":{\"input\":\"{\\\"a\"}}") STOP(0)
	      DELTA(1, "{\"text\":\"t\"}") STOP(1) END("guardrail_intervened"),
	      WHOLE("{\"toolUse\":{\"toolUseId\":\"x\",\"name\":\"f\",\"input\":{\"_raw\":\"{\\\"a\"}}},{\"text\":\"t\"}", "guardrail_intervened"));
	assert_writes(opaque, COUNT_OF(opaque), BEGIN START(0, "{\"toolUse\":{\"name\":\"n\",\"type\":\"server_tool_use\"}}") DELTA(0,
		"{\"toolUse\":{\"input\":\"{\\\"q\\\":1}\"}}") STOP(0)
	      START(1, "{\"toolResult\":{\"type\":\"r\"}}") DELTA(1, "{\"toolResult\":[{\"text\":\"a\"}]}") STOP(1)
	      "messageStop {\"stopReason\":\"stop_sequence\",\"additionalModelResponseFields\":{\"stop_sequence\":\"X\"}}\nmetadata {" USAGE "}\n",
	      "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"toolUse\":{\"name\":\"n\",\"input\":{\"q\":1},\"type\":\"server_tool_use\"}},"
	      "{\"toolResult\":{\"type\":\"r\",\"content\":[{\"text\":\"a\"}]}}]}},"
		"\"stopReason\":\"stop_sequence\",\"additionalModelResponseFields\":{\"stop_sequence\":\"X\"}," USAGE "}");
	assert_writes(NULL, 0, BEGIN END("end_turn"), WHOLE("", "end_turn"));
}

static void test_stop_words_are_total(void **state)
{
	for (unsigned reason = 0; reason < STOP_REASON_COUNT; reason++) {
		struct event e = { .kind = EVENT_STOP, .stop = { .reason = (enum stop_reason)reason } };
		struct writing_test t;

		begin(&t);
		assert_true(dialect_bedrock.write_event(&t.writer, &e, &t.out));
		assert_true(dialect_bedrock.write_end(&t.writer, &t.out));
		assert_int_not_equal(slice_find(buf_slice(&t.out), SLICE("{\"stopReason\":\"")), SIZE_MAX);
		done(&t);
	}
}

static void test_limits(void **state)
{
	struct event call = { .kind = EVENT_TOOL_BEGIN, .tool = { .id = SLICE("x"), .name = SLICE("f") } };
	struct event other = { .kind = EVENT_TEXT, .block = 1, .text = SLICE("0123456789") };
	struct writing_test t;
	bool ok = true;

	begin(&t);
	assert_true(dialect_bedrock.write_event(&t.writer, &call, &t.out));
	for (unsigned i = 0; i < 10000 && ok; i++)
		ok = dialect_bedrock.write_event(&t.writer, &other, &t.out);
	assert_false(ok);
	done(&t);
}

/* ---- in any split ---- */

static const struct { const char *name, *data; } own_stream[] = {
	{ "messageStart", "{\"role\":\"assistant\"}" }, { "contentBlockDelta", "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"Gr\xc3\xbc\xc3\x9f\"}}" },
	{ "contentBlockStop", "{\"contentBlockIndex\":0}" },
	{ "contentBlockStart", "{\"contentBlockIndex\":1,\"start\":{\"toolUse\":{\"toolUseId\":\"t\",\"name\":\"f\"}}}" },
	{ "contentBlockDelta", "{\"contentBlockIndex\":1,\"delta\":{\"toolUse\":{\"input\":\"{}\"}}}" }, { "contentBlockStop", "{\"contentBlockIndex\":1}" },
	{ "messageStop", "{\"stopReason\":\"tool_use\"}" },
	{ "metadata", "{\"usage\":{\"inputTokens\":3,\"outputTokens\":2,"
		"\"totalTokens\":5,\"cacheReadInputTokens\":0,\"cacheWriteInputTokens\":0},\"metrics\":{\"latencyMs\":0}}" },
};

/* Reads a stream cut after `first` bytes, or byte by byte, and writes it again. */
static void translate(struct slice stream, size_t first, bool by_byte, struct buf *ret)
{
	struct request_facts facts = { 0 };
	struct event_reader reader;
	struct translation t;
	struct framer framer;
	struct failure failure;

	dialect_bedrock.reader_init(&reader, OPERATION_CHAT);
	translation_init(&t, 1 << 20);
	reader.arena = &t.arena;
	translation_begin_answer(&t, &(struct translation_answer){ .client = &dialect_bedrock, .facts = &facts, .framing = FRAMING_EVENT_STREAM,
		.provider = SLICE("p"), .provider_dialect = DIALECT_BEDROCK, .model = SLICE("m"), .usage = &reader.usage, .seed = 1, .limit = 1 << 20 });
	framer_init(&framer, FRAMING_EVENT_STREAM, FRAME_MAX);
	for (size_t at = 0, len; at < stream.len; at += len) {
		struct frame frame;

		len = by_byte ? 1 : at == 0 && first > 0 ? first : stream.len - at;
		framer_feed(&framer, slice_of(stream.ptr + at, len));
		while (framer_next(&framer, &frame)) {
			struct event_list events;
			struct reading reading;
			struct arena scratch;

			arena_init(&scratch);
			event_list_init(&events, &scratch);
			reader.sink = &events;
			dialect_bedrock.read_event(&reader, &frame, &scratch, &reading);
			assert_int_equal(reading.flags & (READING_FAILURE | READING_MALFORMED), 0);
			assert_true(translation_take(&t, &events, &scratch, &failure));
			arena_done(&scratch);
		}
	}
	assert_int_equal(dialect_bedrock.read_end(&reader), STREAM_COMPLETE);
	assert_true(translation_end(&t, &t.out, &failure));
	buf_clear(ret);
	assert_true(buf_append_slice(ret, buf_slice(&t.out)));
	framer_done(&framer);
	translation_done(&t);
}

static void test_every_split_gives_the_same(void **state)
{
	struct buf stream, out;

	buf_init(&stream, 1 << 16);
	buf_init(&out, 1 << 16);
	for (size_t i = 0; i < COUNT_OF(own_stream); i++)
		assert_true(event_stream_write(&stream, SLICE("event"), slice_cstr(own_stream[i].name), slice_cstr(own_stream[i].data)));
	for (size_t first = 0; first < buf_slice(&stream).len; first++) {
		translate(buf_slice(&stream), first, false, &out);
		assert_true(slice_eq(buf_slice(&out), buf_slice(&stream)));
	}
	translate(buf_slice(&stream), 0, true, &out);
	assert_true(slice_eq(buf_slice(&out), buf_slice(&stream)));
	buf_done(&stream);
	buf_done(&out);
}

static void test_count(void **state)
{
	struct buf out;

	buf_init(&out, 100);
	dialect_bedrock.write_count(19, true, &out);
	assert_slice(buf_slice(&out), "{\"inputTokens\":19}");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts), cmocka_unit_test(test_calls), cmocka_unit_test(test_oddities), cmocka_unit_test(test_stop_words_are_total),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_every_split_gives_the_same), cmocka_unit_test(test_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
