/* SPDX-License-Identifier: Apache-2.0 */
/* Messages answers into the hub and out of it: what readers hear, and that what is written keeps the grammar whatever the
 * hub's events were. */
#include "dialect/dialect_test.h"

#include "llm/state.h"

/* ---- reading: wire events as a list of hub events ---- */

struct listening {
	struct heard heard;
	struct arena arena;
	struct event_list events;      /* of all wire events; texts in `arena` */
};

static void listening_init(struct listening *l)
{
	heard_init(&l->heard, &dialect_anthropic, OPERATION_CHAT);
	arena_init(&l->arena);
	event_list_init(&l->events, &l->arena);
	l->heard.reader.sink = &l->events;
	l->heard.reader.arena = &l->arena;
}

static void listening_done(struct listening *l)
{
	heard_done(&l->heard);
	arena_done(&l->arena);
}

/* The scratch arena is not reset between events here: what is heard is looked at in the end. */
static void listen(struct listening *l, const char *data)
{
	struct frame f = { .data = slice_cstr(data), .has_data = true };
	l->heard.reader.dialect->read_event(&l->heard.reader, &f, &l->heard.scratch, &l->heard.reading);
}

static void describe(char *out, size_t size, const struct event *e)
{
	size_t len = strlen(out);
	out += len;
	size -= len;
	switch (e->kind) {
	case EVENT_START:
		snprintf(out, size, "start %.*s %.*s|", SLICE_ARG(e->start.id), SLICE_ARG(e->start.model));
		break;
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_REFUSAL: case EVENT_TOOL_ARGUMENTS:
		snprintf(out, size, "%s %u %.*s|", e->kind == EVENT_TEXT ? "text" : e->kind == EVENT_REASONING ? "reason" :
			 e->kind == EVENT_REFUSAL ? "refuse" : "args", e->block, SLICE_ARG(e->text));
		break;
	case EVENT_SIGNATURE:
		snprintf(out, size, "sign %u %.*s%s|", e->block, SLICE_ARG(e->signature.payload), e->signature.redacted ? "!" : "");
		break;
	case EVENT_TOOL_BEGIN:
		snprintf(out, size, "tool %u %.*s %.*s|", e->block, SLICE_ARG(e->tool.id), SLICE_ARG(e->tool.name));
		break;
	case EVENT_TOOL_END:
		snprintf(out, size, "end %u|", e->block);
		break;
	case EVENT_CITATION:
		snprintf(out, size, "cite %u %d %.*s %.*s|", e->block, e->citation.kind, SLICE_ARG(e->citation.url), SLICE_ARG(e->citation.quote));
		break;
	case EVENT_OPAQUE:
		snprintf(out, size, "opaque %u %.*s|", e->block, SLICE_ARG(e->opaque.raw));
		break;
	case EVENT_STOP:
		snprintf(out, size, "stop %s %.*s", stop_reason_name(e->stop.reason), SLICE_ARG(e->stop.sequence));
		break;
	case EVENT_MEDIA: case EVENT_LOGPROBS:
		break;
	}
}

static void assert_heard(struct listening *l, const char *expected)
{
	char text[8192] = "";
	for (unsigned i = 0; i < l->events.count; i++)
		describe(text, sizeof(text), &l->events.items[i]);
	assert_string_equal(text, expected);
	listening_done(l);
}

#define START "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"c\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}"
#define BLOCK(index, block) "{\"type\":\"content_block_start\",\"index\":" #index ",\"content_block\":" block "}"
#define DELTA(index, delta) "{\"type\":\"content_block_delta\",\"index\":" #index ",\"delta\":" delta "}"
#define STOP(index) "{\"type\":\"content_block_stop\",\"index\":" #index "}"
#define END(reason) "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason "\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":9}}"

static void hear(const char *const *events, size_t count, const char *expected)
{
	struct listening l;
	listening_init(&l);
	for (size_t i = 0; i < count; i++)
		listen(&l, events[i]);
	assert_heard(&l, expected);
}

#define assert_hears(expected, ...) \
	do { \
		static const char *const events_[] = { __VA_ARGS__ }; \
		hear(events_, COUNT_OF(events_), expected); \
	} while (0)

static void test_streams_are_heard(void **state)
{
	assert_hears("start msg_1 c|reason 0 Hm|sign 0 Eq|text 1 Hi|cite 1 0 https://x q|tool 2 t1 f|args 2 {\"a\"|args 2 :1}|end 2|"
		     "stop tool_calls ",
		     START, BLOCK(0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"),
		     DELTA(0, "{\"type\":\"thinking_delta\",\"thinking\":\"Hm\"}"), DELTA(0, "{\"type\":\"signature_delta\",\"signature\":\"Eq\"}"),
		     STOP(0), BLOCK(1, "{\"type\":\"text\",\"text\":\"\"}"), DELTA(1, "{\"type\":\"text_delta\",\"text\":\"Hi\"}"),
		     DELTA(1, "{\"type\":\"citations_delta\",\"citation\":{\"type\":\"web_search_result_location\",\"url\":\"https://x\","
			   "\"cited_text\":\"q\"}}"), STOP(1),
		     BLOCK(2, "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{}}"),
		     DELTA(2, "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}"),
		     DELTA(2, "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\"\"}"),
		     DELTA(2, "{\"type\":\"input_json_delta\",\"partial_json\":\":1}\"}"), STOP(2), END("tool_use"),
		     "{\"type\":\"message_stop\"}");
	assert_hears("start msg_1 c|sign 0 !zz!|stop end ", START, BLOCK(0, "{\"type\":\"redacted_thinking\",\"data\":\"zz\"}"), STOP(0), END("end_turn"));
}

static void test_server_tools_are_opaque(void **state)
{
	assert_hears("opaque 0 {\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{\"query\":\"q\"}}|"
		     "opaque 1 {\"type\":\"web_search_tool_result\",\"content\":[]}|opaque 2 {\"type\":\"compaction\",\"content\":\"short\"}|",
		     BLOCK(0, "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}"),
		     DELTA(0, "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"query\\\":\"}"),
		     DELTA(0, "{\"type\":\"input_json_delta\",\"partial_json\":\"\\\"q\\\"}\"}"), STOP(0),
		     BLOCK(1, "{\"type\":\"web_search_tool_result\",\"content\":[]}"), STOP(1),
		     BLOCK(2, "{\"type\":\"compaction\",\"content\":null}"),
		     DELTA(2, "{\"type\":\"compaction_delta\",\"content\":\"short\"}"), STOP(2));
}

/* Of those who only resemble Anthropic. */
static void test_oddities_are_heard(void **state)
{
	/* the input with the start, no stop of the block, a stop sequence */
	assert_hears("tool 0 t f|args 0 {\"a\":1}|end 0|stop stop_sequence X",
		     BLOCK(0, "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\":1}}"),
		     "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"X\"}}");
	/* deltas without a start; a second finish; content after it */
	assert_hears("text 0 a|reason 1 b|text 2 c|stop end ", DELTA(0, "{\"type\":\"text_delta\",\"text\":\"a\"}"),
		     DELTA(0, "{\"type\":\"thinking_delta\",\"thinking\":\"b\"}"), DELTA(0, "{\"type\":\"text_delta\",\"text\":\"c\"}"),
		     END("stop"), END("end_turn"), DELTA(0, "{\"type\":\"text_delta\",\"text\":\"d\"}"));
	/* two calls at once */
	assert_hears("tool 0 a f|tool 1 b g|args 0 {}|args 1 {}|end 0|end 1|stop unknown ",
		     BLOCK(0, "{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\"}"), BLOCK(1, "{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"g\"}"),
		     DELTA(0, "{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}"),
		     DELTA(1, "{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}"), STOP(0), STOP(1), END("whatever"));
}

static void test_whole_answers_are_heard(void **state)
{
	struct listening l;
	listening_init(&l);
	heard_whole(&l.heard, "{\"id\":\"m\",\"model\":\"c\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"s\"},"
		    "{\"type\":\"text\",\"text\":\"t\",\"citations\":[{\"type\":\"page_location\",\"cited_text\":\"q\"}]},"
		    "{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"f\",\"input\":{\"a\":1}},{\"type\":\"tool_use\",\"id\":\"j\",\"name\":\"g\","
		    "\"input\":{}}],\"stop_reason\":\"tool_use\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"service_tier\":\"batch\","
		    "\"server_tool_use\":{\"web_search_requests\":2}}}");
	assert_int_equal(l.heard.reader.usage.web_searches, 2);
	assert_int_equal(l.heard.reader.usage.service, SERVICE_BATCH);
	assert_heard(&l, "start m c|reason 0 h|sign 0 s|text 1 t|cite 1 1  q|tool 2 i f|args 2 {\"a\":1}|end 2|tool 3 j g|end 3|stop tool_calls ");
}

/* ---- writing ---- */

struct speaking {
	struct event_writer writer;
	struct arena arena;
	struct usage usage;
	struct buf out;
};

static void speaking_init(struct speaking *s)
{
	memset(s, 0, sizeof(*s));
	arena_init(&s->arena);
	buf_init(&s->out, 1 << 20);
	s->usage = (struct usage){ .reported = true, .input = 100, .input_cached = 60, .input_written_5m = 10, .output = 5 };
	s->writer = (struct event_writer){ .dialect = &dialect_anthropic, .arena = &s->arena, .framing = FRAMING_SSE, .model = SLICE("pub"),
					   .provider = SLICE("p"), .usage = &s->usage, .seed = 7, .limit = 1 << 16 };
	dialect_anthropic.writer_init(&s->writer, NULL);
}

static void speaking_done(struct speaking *s)
{
	buf_done(&s->out);
	arena_done(&s->arena);
}

/* Checks the stream's grammar and says what is in it: "0 text Hi|1 tool f {…}|…stop". */
static void retell(struct speaking *s, char *out, size_t size)
{
	struct framer framer;
	struct frame f;
	struct json_doc doc;
	struct json_error error;
	int64_t index = -1, next = 0;
	enum { BEFORE, BETWEEN, WITHIN, ENDED, OVER } place = BEFORE;
	size_t len = 0;

	framer_init(&framer, FRAMING_SSE, 1 << 20);
	framer_feed(&framer, buf_slice(&s->out));
	while (framer_next(&framer, &f)) {
		assert_true(json_parse(&s->arena, f.data, &doc, &error));
		struct json root = json_root(&doc), delta = json_get(root, "delta"), block = json_get(root, "content_block");
		assert_true(json_text_eq(json_get(root, "type"), f.event));
		json_to_i64(json_get(root, "index"), &index);
		if (slice_eq(f.event, SLICE("message_start"))) {
			assert_int_equal(place, BEFORE);
			place = BETWEEN;
			continue;
		}
		if (slice_eq(f.event, SLICE("content_block_start"))) {
			assert_int_equal(place, BETWEEN);
			assert_int_equal(index, next++);
			place = WITHIN;
			len += (size_t)snprintf(out + len, size - len, "%d %.*s %.*s", (int)index, SLICE_ARG(json_text(json_get(block, "type"), &s->arena)),
						SLICE_ARG(json_text(json_get(block, "name"), &s->arena)));
		} else if (slice_eq(f.event, SLICE("content_block_delta"))) {
			assert_int_equal(place, WITHIN);
			assert_int_equal(index, next - 1);
			for (struct json_walk w = json_walk(delta); json_walk_next(&w);)
				if (!json_text_eq(w.key, SLICE("type")))
					len += (size_t)snprintf(out + len, size - len, " %.*s", SLICE_ARG(json_raw(w.value)));
		} else if (slice_eq(f.event, SLICE("content_block_stop"))) {
			assert_int_equal(place, WITHIN);
			place = BETWEEN;
			len += (size_t)snprintf(out + len, size - len, "|");
		} else if (slice_eq(f.event, SLICE("message_delta"))) {
			assert_int_equal(place, BETWEEN);
			place = ENDED;
			len += (size_t)snprintf(out + len, size - len, "%.*s", SLICE_ARG(json_text(json_get(delta, "stop_reason"), &s->arena)));
		} else {
			assert_slice(f.event, "message_stop");
			assert_int_equal(place, ENDED);
			place = OVER;
		}
	}
	assert_int_equal(place, OVER);
	framer_done(&framer);
}

static void assert_told(struct speaking *s, const char *expected)
{
	char text[8192] = "";
	assert_true(dialect_anthropic.write_end(&s->writer, &s->out));
	retell(s, text, sizeof(text));
	assert_string_equal(text, expected);
	speaking_done(s);
}

static void speak(struct speaking *s, struct event e)
{
	assert_true(dialect_anthropic.write_event(&s->writer, &e, &s->out));
}

#define say(kind_, block_, text_) speak(&s, (struct event){ .kind = kind_, .block = block_, .text = SLICE(text_) })
#define call(block_, id_, name_) speak(&s, (struct event){ .kind = EVENT_TOOL_BEGIN, .block = block_, .tool = { .id = SLICE(id_), .name = SLICE(name_) } })
#define sign(block_, payload_, redacted_) \
	speak(&s, (struct event){ .kind = EVENT_SIGNATURE, .block = block_, .signature = { .payload = SLICE(payload_), .redacted = redacted_ } })
#define stop(reason_) speak(&s, (struct event){ .kind = EVENT_STOP, .stop = { .reason = reason_ } })

static void test_the_exact_stream(void **state)
{
	struct speaking s;
	speaking_init(&s);
	speak(&s, (struct event){ .kind = EVENT_START, .start = { .id = SLICE("chatcmpl-1") } });
	say(EVENT_TEXT, 0, "Hi \"you\"\n");
	speak(&s, (struct event){ .kind = EVENT_STOP, .stop = { .reason = STOP_SEQUENCE, .sequence = SLICE("X") } });
	s.usage.output = 17;
	s.usage.output_reasoning = 4;
	assert_true(dialect_anthropic.write_end(&s.writer, &s.out));
#define USAGE(output) "\"usage\":{\"input_tokens\":30,\"cache_creation_input_tokens\":10,\"cache_read_input_tokens\":60,\"cache_creation\":" \
	"{\"ephemeral_5m_input_tokens\":10,\"ephemeral_1h_input_tokens\":0},\"output_tokens\":" output "}"
	assert_slice(buf_slice(&s.out),
		     "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"chatcmpl-1\",\"type\":\"message\",\"role\":\"assistant\","
		     "\"model\":\"pub\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null," USAGE("5") "}}\n\n"
		     "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
		     "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
		     "\"text\":\"Hi \\\"you\\\"\\n\"}}\n\n"
		     "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
		     "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"X\"},"
		     USAGE("17,\"output_tokens_details\":{\"thinking_tokens\":4}") "}\n\n"
		     "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
	speaking_done(&s);
}

static void test_overlapping_calls_wait(void **state)
{
	struct speaking s;
	speaking_init(&s);
	call(0, "a", "f");
	call(1, "b", "g");
	say(EVENT_TOOL_ARGUMENTS, 0, "{\"x\":");
	say(EVENT_TOOL_ARGUMENTS, 1, "{}");
	say(EVENT_TEXT, 2, "between");
	say(EVENT_TOOL_ARGUMENTS, 0, "1}");
	say(EVENT_TOOL_END, 1, "");
	say(EVENT_TOOL_END, 0, "");
	say(EVENT_TEXT, 2, " them");
	call(3, "c", "h");
	stop(STOP_TOOL_CALLS);
	assert_told(&s, "0 tool_use f \"{\\\"x\\\":\" \"1}\"|1 tool_use g \"{}\"|2 text  \"between\" \" them\"|3 tool_use h|tool_use");
}

static void test_states(void **state)
{
	struct speaking s;
	/* thinking, redacted, and a block that nobody signed */
	speaking_init(&s);
	say(EVENT_REASONING, 0, "hm");
	sign(0, "S", false);
	sign(1, "R", true);
	say(EVENT_REASONING, 2, "x");
	say(EVENT_TEXT, 3, "t");
	stop(STOP_END);
	assert_told(&s, "0 thinking  \"hm\" \"S\"|1 redacted_thinking |2 thinking  \"x\"|3 text  \"t\"|end_turn");
	/* of a call, in front of it; too late once it has begun, and on a text that was begun */
	speaking_init(&s);
	say(EVENT_TEXT, 0, "t");
	sign(0, "late", false);
	call(1, "a", "f");
	sign(1, "S1", false);
	say(EVENT_TOOL_ARGUMENTS, 1, "{}");
	call(2, "b", "g");
	say(EVENT_TOOL_ARGUMENTS, 2, "{}");
	sign(2, "S2", false);
	say(EVENT_TOOL_END, 1, "");
	say(EVENT_TOOL_END, 2, "");
	sign(2, "late", false);
	stop(STOP_TOOL_CALLS);
	assert_told(&s, "0 text  \"t\"|1 thinking  \"+S1\"|2 tool_use f \"{}\"|3 thinking  \"+S2\"|4 tool_use g \"{}\"|tool_use");
}

static void test_what_else_is_written(void **state)
{
	struct speaking s;
	speaking_init(&s);
	say(EVENT_REFUSAL, 0, "No.");
	stop(STOP_DECLINED);
	assert_told(&s, "0 text  \"No.\"|refusal");
	speaking_init(&s);
	assert_told(&s, "end_turn");
	/* media, others' opaque parts, other choices: no place; a call without an end */
	speaking_init(&s);
	speak(&s, (struct event){ .kind = EVENT_MEDIA });
	speak(&s, (struct event){ .kind = EVENT_OPAQUE, .block = 1, .opaque = { SLICE("{}"), DIALECT_GEMINI } });
	speak(&s, (struct event){ .kind = EVENT_OPAQUE, .block = 2,
				  .opaque = { SLICE("{\"type\":\"server_tool_use\",\n\"name\":\"n\"}"), DIALECT_ANTHROPIC } });
	speak(&s, (struct event){ .kind = EVENT_TEXT, .choice = 1, .text = SLICE("other") });
	speak(&s, (struct event){ .kind = EVENT_CITATION, .block = 3, .citation = { .kind = CITATION_URL, .url = SLICE("u") } });
	call(4, "a", "f");
	say(EVENT_TEXT, 5, "x");
	assert_told(&s, "0 server_tool_use n|1 text  {\"type\":\"web_search_result_location\",\"cited_text\":\"\",\"url\":\"u\",\"title\":null,"
		    "\"encrypted_index\":\"\"}|2 tool_use f|3 text  \"x\"|tool_use");
}

static void test_limits(void **state)
{
	struct speaking s;
	struct event e = { .kind = EVENT_TEXT, .block = 1, .text = SLICE("0123456789") };
	bool ok = true;
	speaking_init(&s);
	call(0, "a", "f");
	for (unsigned i = 0; i < 10000 && ok; i++)
		ok = dialect_anthropic.write_event(&s.writer, &e, &s.out);
	assert_false(ok);
	speaking_done(&s);
}

static const char *const whole_answer =
	"{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\",\"content\":["
	"{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"s\"},"
	"{\"type\":\"text\",\"text\":\"t\",\"citations\":[{\"type\":\"page_location\",\"cited_text\":\"q\"}]},"
	"{\"type\":\"server_tool_use\",\"id\":\"s\",\"input\":{}},"
	"{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"f\",\"input\":{\"a\": 1}},{\"type\":\"tool_use\",\"id\":\"j\",\"name\":\"g\",\"input\":{}}],"
	"\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":30,\"cache_creation_input_tokens\":10,"
	"\"cache_read_input_tokens\":60,\"cache_creation\":{\"ephemeral_5m_input_tokens\":10,\"ephemeral_1h_input_tokens\":0},"
	"\"output_tokens\":5}}";

/* As itself when it came whole, in pieces, or was put together again from the pieces. */
static void test_whole_answers_come_back(void **state)
{
	struct listening l, again;
	struct speaking s;
	struct answer folded;

	listening_init(&l);
	heard_whole(&l.heard, whole_answer);
	speaking_init(&s);
	answer_init(&folded, &s.arena, 1 << 20);
	for (unsigned i = 0; i < l.events.count; i++)
		answer_add(&folded, &l.events.items[i]);
	assert_true(dialect_anthropic.write_answer(&s.writer, &folded, &s.out));
	assert_slice(buf_slice(&s.out), whole_answer);
	answer_done(&folded);

	/* the same as a stream, read again */
	buf_clear(&s.out);
	for (unsigned i = 0; i < l.events.count; i++)
		speak(&s, l.events.items[i]);
	assert_true(dialect_anthropic.write_end(&s.writer, &s.out));
	listening_init(&again);
	struct framer framer;
	struct frame f;
	framer_init(&framer, FRAMING_SSE, 1 << 20);
	for (size_t at = 0; at < s.out.len; at++) {
		framer_feed(&framer, slice_of(buf_slice(&s.out).ptr + at, 1));
		while (framer_next(&framer, &f)) {
			f.data = arena_dup(&again.arena, f.data);
			dialect_anthropic.read_event(&again.heard.reader, &f, &again.heard.scratch, &again.heard.reading);
			assert_int_equal(again.heard.reading.flags & (READING_MALFORMED | READING_FAILURE), 0);
		}
	}
	framer_done(&framer);
	assert_int_equal(heard_end(&again.heard), STREAM_COMPLETE);
	assert_int_equal(again.heard.reader.usage.input, 100);
	buf_clear(&s.out);
	answer_init(&folded, &s.arena, 1 << 20);
	for (unsigned i = 0; i < again.events.count; i++)
		answer_add(&folded, &again.events.items[i]);
	assert_true(dialect_anthropic.write_answer(&s.writer, &folded, &s.out));
	assert_slice(buf_slice(&s.out), whole_answer);
	answer_done(&folded);
	listening_done(&l);
	listening_done(&again);
	speaking_done(&s);
}

static void test_whole_answers_of_others(void **state)
{
	struct speaking s;
	struct answer folded;
	static const struct event events[] = {
		{ .kind = EVENT_TEXT, .block = 0, .text = { "ok", 2 } },
		{ .kind = EVENT_SIGNATURE, .block = 0, .signature = { .payload = { "G", 1 } } },
		{ .kind = EVENT_TOOL_BEGIN, .block = 1, .tool = { .id = { "i", 1 }, .name = { "f", 1 } } },
		{ .kind = EVENT_TOOL_ARGUMENTS, .block = 1, .text = { "{\"a\":", 5 } },
		{ .kind = EVENT_STOP, .stop = { .reason = STOP_REFUSAL, .detail = { "why", 3 } } },
	};

	speaking_init(&s);
	s.usage = (struct usage){ 0 };
	usage_init_absent(&s.usage);
	answer_init(&folded, &s.arena, 1 << 20);
	for (size_t i = 0; i < COUNT_OF(events); i++)
		answer_add(&folded, &events[i]);
	assert_true(dialect_anthropic.write_answer(&s.writer, &folded, &s.out));
	struct json_doc doc;
	struct json_error error;
	assert_true(json_parse(&s.arena, buf_slice(&s.out), &doc, &error));
	struct json root = json_root(&doc);
	assert_slice(json_raw(json_get(root, "content")), "[{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"+G\"},{\"type\":\"text\",\"text\":\"ok\"},"
		     "{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"f\",\"input\":{\"_raw\":\"{\\\"a\\\":\"}}]");
	assert_slice(json_raw(json_get(root, "stop_reason")), "\"refusal\"");
	assert_slice(json_raw(json_get(root, "stop_details")), "{\"type\":\"refusal\",\"category\":null,\"explanation\":\"why\"}");
	assert_slice(json_raw(json_get(root, "model")), "\"pub\"");
	assert_int_equal(json_i64_or(json_get(json_get(root, "usage"), "input_tokens"), -1), 0);
	answer_done(&folded);
	speaking_done(&s);
}

/* A call that stands for structured output (request_write_tools.c) is the answer's text. */
static void test_the_answer_tool_is_text(void **state)
{
	struct listening l;
	struct names names;
	struct answering *answering = calloc(1, sizeof(*answering));
	listening_init(&l);
	names_init(&names, &l.arena);
	names.answer_tool = SLICE(NAMES_ANSWER_TOOL);
	answering_init(answering, SLICE("p"), DIALECT_ANTHROPIC, &names, 1);
	listen(&l, BLOCK(0, "{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"json_output\",\"input\":{}}"));
	listen(&l, DELTA(0, "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}"));
	listen(&l, STOP(0));
	listen(&l, END("tool_use"));
	for (unsigned i = 0; i < l.events.count; i++)
		answering_prepare(answering, &l.events.items[i], &l.arena);
	assert_heard(&l, "text 0 |text 0 {\"a\":1}|text 0 |stop end ");
	free(answering);
}

/* Gemini's state: out in front of its call, back upon it. */
static void test_a_calls_state_comes_back(void **state)
{
	struct request q = { 0 };
	struct chat chat;
	struct arena a;
	char body[1024];
	arena_init(&a);
	snprintf(body, sizeof(body), "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
		 "\"content\":[{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"+%.*s\"},"
		 "{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"f\",\"input\":{}}]}]}",
		 SLICE_ARG(state_wrap(SLICE("Gem"), SLICE("google"), DIALECT_GEMINI, &a)));
	assert_true(request_read(&q, &dialect_anthropic, OPERATION_CHAT, body));
	assert_true(dialect_anthropic.read_chat(&q.facts, OPERATION_CHAT, &q.arena, &chat, &q.failure));
	const struct part *p = chat.turns->next->parts;
	assert_int_equal(p->kind, PART_TOOL_CALL);
	assert_slice(p->state.payload, "Gem");
	assert_slice(p->state.provider, "google");
	assert_int_equal(p->state.dialect, DIALECT_GEMINI);
	arena_done(&q.arena);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams_are_heard),
		cmocka_unit_test(test_server_tools_are_opaque),
		cmocka_unit_test(test_oddities_are_heard),
		cmocka_unit_test(test_whole_answers_are_heard),
		cmocka_unit_test(test_the_exact_stream),
		cmocka_unit_test(test_overlapping_calls_wait),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_what_else_is_written),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_whole_answers_come_back),
		cmocka_unit_test(test_whole_answers_of_others),
		cmocka_unit_test(test_the_answer_tool_is_text),
		cmocka_unit_test(test_a_calls_state_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
