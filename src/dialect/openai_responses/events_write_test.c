/* SPDX-License-Identifier: Apache-2.0 */
/* Responses answers into the hub and out of it: what readers hear, and that what is written keeps the grammar whatever the
 * hub's events were. */
#include "dialect/dialect_test.h"

#include "llm/state.h"

/* ---- reading: wire events as a list of hub events ---- */

struct listening {
	struct heard heard;
	struct arena arena;
	struct event_list events;
};

static void listening_init(struct listening *l)
{
	heard_init(&l->heard, &dialect_openai_responses, OPERATION_CHAT);
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
		snprintf(out, size, "sign %u %.*s|", e->block, SLICE_ARG(e->signature.payload));
		break;
	case EVENT_TOOL_BEGIN:
		snprintf(out, size, "%s %u %.*s %.*s|", e->tool.custom ? "custom" : "tool", e->block, SLICE_ARG(e->tool.id),
			 SLICE_ARG(e->tool.name));
		break;
	case EVENT_TOOL_END:
		snprintf(out, size, "end %u|", e->block);
		break;
	case EVENT_MEDIA:
		snprintf(out, size, "media %u %.*s %.*s|", e->block, SLICE_ARG(e->media.mime), SLICE_ARG(e->media.value));
		break;
	case EVENT_CITATION:
		snprintf(out, size, "cite %u %d %.*s %lld-%lld|", e->block, e->citation.kind, SLICE_ARG(e->citation.url),
			 (long long)e->citation.start, (long long)e->citation.end);
		break;
	case EVENT_LOGPROBS:
		snprintf(out, size, "logprobs %u %u %.*s %u|", e->block, e->logprobs.count, SLICE_ARG(e->logprobs.items[0].token),
			 e->logprobs.items[0].top_count);
		break;
	case EVENT_OPAQUE:
		snprintf(out, size, "opaque %u %.*s|", e->block, SLICE_ARG(e->opaque.raw));
		break;
	case EVENT_STOP:
		snprintf(out, size, "stop %s %.*s", stop_reason_name(e->stop.reason), SLICE_ARG(e->stop.word));
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

#define CREATED "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"model\":\"g\",\"created_at\":9,\"status\":\"in_progress\"}}"
#define ADDED(index, item) "{\"type\":\"response.output_item.added\",\"output_index\":" #index ",\"item\":" item "}"
#define DONE(index, item) "{\"type\":\"response.output_item.done\",\"output_index\":" #index ",\"item\":" item "}"
#define DELTA(kind, index, text) "{\"type\":\"response." kind ".delta\",\"output_index\":" #index ",\"content_index\":0,\"delta\":\"" text "\"}"
#define LAST(output) "{\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"model\":\"g\",\"status\":\"completed\",\"output\":" output "}}"
#define CUT(reason) "{\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"" reason "\"}}}"
#define MESSAGE(parts) "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[" parts "]}"
#define TEXT(text) "{\"type\":\"output_text\",\"text\":\"" text "\",\"annotations\":[]}"
#define SAID "start resp_1 g|"
#define END "stop end completed"
#define THOUGHT "{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"a\"},{\"type\":\"summary_text\",\"text\":\"b\"}]," \
	"\"encrypted_content\":\"gAAA\"}"

static void test_hears_text(void **state)
{
	assert_hears(SAID "text 0 Hel|text 0 lo|" END, CREATED, ADDED(0, MESSAGE("")), DELTA("output_text", 0, "Hel"), DELTA("output_text", 0, "lo"),
		     DONE(0, MESSAGE(TEXT("Hello"))), LAST("[]"));
	/* said at its end only, or in the last event only; what deltas left out */
	assert_hears(SAID "text 0 Hello|" END, CREATED, ADDED(0, MESSAGE("")), DONE(0, MESSAGE(TEXT("Hello"))), LAST("[" MESSAGE(TEXT("Hello")) "]"));
	assert_hears(SAID "text 0 Hello|refuse 1 no|" END, LAST("[" MESSAGE(TEXT("Hello") ",{\"type\":\"refusal\",\"refusal\":\"no\"}") "]"));
	assert_hears(SAID "text 0 Hel|text 0 lo|" END, CREATED, DELTA("output_text", 0, "Hel"), DONE(0, MESSAGE(TEXT("Hello"))), LAST("[]"));
	assert_hears(SAID "text 0 Hel|" END, CREATED, DELTA("output_text", 0, "Hel"), DONE(0, MESSAGE(TEXT("Other"))), LAST("[]"));
	assert_hears(SAID "refuse 0 I |refuse 0 won't|stop refusal content_filter", CREATED, DELTA("refusal", 0, "I "), DELTA("refusal", 0, "won't"),
		     "{\"type\":\"response.refusal.done\",\"output_index\":0,\"content_index\":0,\"refusal\":\"I won't\"}", CUT("content_filter"));
	assert_hears(SAID "text 0 x|stop length max_output_tokens", CREATED, DELTA("output_text", 0, "x"), CUT("max_output_tokens"));
	assert_hears(SAID "stop unknown of tomorrow", CREATED, CUT("of tomorrow"));
	assert_hears(SAID "text 0 x|logprobs 0 1 x 1|" END, CREATED, "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,"
		     "\"delta\":\"x\",\"logprobs\":[{\"token\":\"x\",\"logprob\":-0.5,\"top_logprobs\":[{\"token\":\"y\",\"logprob\":-2}]}]}", LAST("[]"));
#define URL "{\"type\":\"url_citation\",\"start_index\":1,\"end_index\":3,\"url\":\"https://x\",\"title\":\"X\"}"
	assert_hears(SAID "text 0 abc|cite 0 0 https://x 1-3|cite 0 2 file-1 -1-7|" END, CREATED, DELTA("output_text", 0, "abc"),
		     "{\"type\":\"response.output_text.annotation.added\",\"output_index\":0,\"content_index\":0,\"annotation_index\":0,\"annotation\":" URL
		     	"}",
		     DONE(0, MESSAGE("{\"type\":\"output_text\",\"text\":\"abc\",\"annotations\":[" URL ",{\"type\":\"file_citation\",\"file_id\":\"file-1\","
				     "\"filename\":\"a\",\"index\":7}]}")), LAST("[]"));
}

static void test_hears_items(void **state)
{
	assert_hears(SAID "reason 0 a|reason 0 \n\n|reason 0 b|sign 0 " THOUGHT "|" END, CREATED, ADDED(0,
		"{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[]}"),
		     "{\"type\":\"response.reasoning_summary_text.delta\",\"output_index\":0,\"summary_index\":0,\"delta\":\"a\"}",
		     "{\"type\":\"response.reasoning_summary_text.delta\",\"output_index\":0,\"summary_index\":1,\"delta\":\"b\"}", DONE(0, THOUGHT),
		     	LAST("[]"));
	assert_hears(SAID "reason 0 a|reason 0 \n\n|reason 0 b|sign 0 " THOUGHT "|text 1 t|" END, LAST("[" THOUGHT "," MESSAGE(TEXT("t")) "]"));
	assert_hears(SAID "reason 0 so|" END, CREATED, "{\"type\":\"response.reasoning_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":\"so\"}",
		     "{\"type\":\"response.reasoning_summary_text.delta\",\"output_index\":0,\"summary_index\":0,\"delta\":\"twice\"}", LAST("[]"));
	assert_hears(SAID END, CREATED, ADDED(0, "{\"type\":\"reasoning\",\"summary\":[]}"), DONE(0, "{\"type\":\"reasoning\",\"summary\":[]}"), LAST("[]"));

#define CALL(arguments) "{\"id\":\"fc_1\",\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":" arguments "}"
	assert_hears(SAID "tool 0 c1 f|args 0 {}|end 0|" END, CREATED, ADDED(0, CALL("\"\"")), DELTA("function_call_arguments", 0, "{}"),
		     "{\"type\":\"response.function_call_arguments.done\",\"output_index\":0,\"arguments\":\"{}\"}", DONE(0, CALL("\"{}\"")), LAST("[]"));
	/* in one piece, as an object, without an end */
	assert_hears(SAID "tool 0 c1 f|args 0 {}|end 0|" END, CREATED, DONE(0, CALL("\"{}\"")), LAST("[]"));
	assert_hears(SAID "tool 0 c1 f|args 0 {\"a\":1}|end 0|" END, CREATED, DONE(0, CALL("{\"a\":1}")), LAST("[]"));
	assert_hears(SAID "tool 0 c1 f|end 0|" END, CREATED, ADDED(0, CALL("\"\"")), LAST("[]"));
	assert_hears(SAID "tool 0 c1 f|end 0|" END, CREATED, DONE(0, CALL("\"\"")), LAST("[]"));
	/* overlapping */
	assert_hears(SAID "tool 0 c1 f|tool 1 c1 f|args 0 {|args 1 [|args 0 }|end 0|args 1 ]|end 1|" END, CREATED, ADDED(0, CALL("\"\"")), ADDED(1,
		CALL("\"\"")),
		     DELTA("function_call_arguments", 0, "{"), DELTA("function_call_arguments", 1, "["), DELTA("function_call_arguments", 0, "}"),
		     DONE(0, CALL("\"{}\"")), DELTA("function_call_arguments", 1, "]"), DONE(1, CALL("\"[]\"")), LAST("[]"));
#define CUSTOM "{\"id\":\"ctc_1\",\"type\":\"custom_tool_call\",\"call_id\":\"c1\",\"name\":\"f\",\"input\":\"free\"}"
	assert_hears(SAID "custom 0 c1 f|args 0 free|end 0|" END, CREATED, ADDED(0, CUSTOM), DELTA("custom_tool_call_input", 0, "free"), DONE(0, CUSTOM),
		LAST("[]"));
	assert_hears(SAID "tool 0 c1 crm.f|end 0|tool 1 c1 f|end 1|" END, CREATED,
		     DONE(0, "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\",\"namespace\":\"crm\",\"arguments\":\"\"}"),
		     DONE(1, "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\",\"namespace\":\"f\",\"arguments\":\"\"}"), LAST("[]"));
	assert_hears(SAID "opaque 0 {\"type\":\"web_search_call\",\"id\":\"ws\"}|media 1 image/webp AAAA|" END, CREATED, ADDED(0,
		"{\"type\":\"web_search_call\"}"),
		     DONE(0, "{\"type\":\"web_search_call\",\"id\":\"ws\"}"),
		     DONE(1, "{\"type\":\"image_generation_call\",\"output_format\":\"webp\",\"result\":\"AAAA\"}"), LAST("[]"));
}

static void test_hears_whole_answers(void **state)
{
	struct listening l;

	listening_init(&l);
	assert_int_not_equal(heard_whole(&l.heard,
		"{\"id\":\"resp_1\",\"object\":\"response\",\"model\":\"g\",\"status\":\"incomplete\",\"incomplete_details\":"
				"{\"reason\":\"max_output_tokens\"},\"output\":[" THOUGHT "," CALL("\"{}\"") "," MESSAGE(TEXT("t"))
					"],\"usage\":{\"input_tokens\":5,"
				"\"output_tokens\":2},\"tool_usage\":{\"web_search\":{\"num_requests\":2}}}") & READING_FINISH, 0);
	assert_int_equal(l.heard.reader.usage.web_searches, 2);
	assert_heard(&l, SAID "reason 0 a|reason 0 \n\n|reason 0 b|sign 0 " THOUGHT "|tool 1 c1 f|args 1 {}|end 1|text 2 t|stop length max_output_tokens");
	listening_init(&l);
	heard_whole(&l.heard, "{\"id\":\"resp_1\",\"model\":\"g\",\"status\":\"queued\",\"output\":[]}");
	assert_heard(&l, SAID "stop pause queued");
}

/* ---- writing ---- */

struct speech {
	struct arena arena;
	struct event_writer w;
	struct usage usage;
	struct buf out;
	struct answer answer;
	struct request q;
	char body[4096];
};

static void speech_init(struct speech *s, const char *body)
{
	arena_init(&s->arena);
	usage_init_absent(&s->usage);
	s->usage.reported = true;
	s->usage.input = 30, s->usage.input_cached = 10, s->usage.output = 9, s->usage.output_reasoning = 3;
	buf_init(&s->out, 1 << 20);
	answer_init(&s->answer, &s->arena, 1 << 20);
	s->w = (struct event_writer){ .dialect = &dialect_openai_responses, .arena = &s->arena, .model = SLICE("public"), .usage = &s->usage,
				      .seed = 7, .now_s = 1000, .sequence = -1, .limit = 1 << 16 };
	snprintf(s->body, sizeof(s->body), "%s", body);
	s->q.variant = false;
	assert_true(request_read(&s->q, &dialect_openai_responses, OPERATION_CHAT, s->body));
	dialect_openai_responses.writer_init(&s->w, &s->q.facts);
}

static void speech_done(struct speech *s)
{
	buf_done(&s->out);
	answer_done(&s->answer);
	arena_done(&s->arena);
	arena_done(&s->q.arena);
}

static void speak(struct speech *s, struct event e)
{
	assert_true(dialect_openai_responses.write_event(&s->w, &e, &s->out));
	answer_add(&s->answer, &e);
}

#define say(s, kind_, block_, text_) speak(s, (struct event){ .kind = EVENT_##kind_, .block = block_, .text = SLICE(text_) })
#define call(s, block_, id_, name_) speak(s, (struct event){ .kind = EVENT_TOOL_BEGIN, .block = block_, .tool = { .id = SLICE(id_), .name = SLICE(name_) } })
#define end(s, block_) speak(s, (struct event){ .kind = EVENT_TOOL_END, .block = block_ })
#define sign(s, block_, payload_) speak(s, (struct event){ .kind = EVENT_SIGNATURE, .block = block_, .signature = { .payload = SLICE(payload_) } })
#define stop(s, reason_) speak(s, (struct event){ .kind = EVENT_STOP, .stop = { .reason = reason_ } })

/* The grammar: numbers without a gap, pairs that fit, texts that are the sum of their deltas, one last event that repeats
 * the items. */
enum { ITEMS = 32 };

struct grammar {
	struct arena arena;
	int64_t sequence;
	unsigned items;
	struct { bool open; struct slice id, done; struct buf said; int64_t part; bool part_open; } item[ITEMS];
	bool ended;
};

static void check_item_event(struct grammar *g, struct slice type, struct json e)
{
	int64_t index = json_i64_or(json_get(e, "output_index"), -1), part = json_i64_or(json_get(e, "content_index"), -1);
	struct json whole = json_get(e, "text");

	assert_true(index >= 0 && index < g->items && g->item[index].open);
	assert_true(json_text_eq(json_get(e, "item_id"), g->item[index].id));
	if (slice_ends_with(type, SLICE("part.added"))) {
		assert_false(g->item[index].part_open);
		assert_true(part < 0 || part == ++g->item[index].part);
		g->item[index].part_open = true;
		buf_clear(&g->item[index].said);
	} else if (slice_ends_with(type, SLICE(".delta"))) {
		assert_true(part < 0 || (g->item[index].part_open && part == g->item[index].part));
		assert_true(buf_append_slice(&g->item[index].said, json_text(json_get(e, "delta"), &g->arena)));
	} else if (slice_ends_with(type, SLICE("part.done"))) {
		assert_true(g->item[index].part_open);
		g->item[index].part_open = false;
	} else if (slice_ends_with(type, SLICE(".done"))) {
		static const char *const names[] = { "refusal", "arguments", "input" };

		for (size_t i = 0; i < COUNT_OF(names) && !json_exists(whole); i++)
			whole = json_member(e, slice_cstr(names[i]));
		if (json_raw(whole).len > 4) /* "{}" is said for calls without arguments */
			assert_true(json_text_eq(whole, buf_slice(&g->item[index].said)));
	}
}

static void check_event(struct grammar *g, struct slice name, struct slice data)
{
	struct json_doc *doc = arena_new(&g->arena, struct json_doc);
	struct json_error error;
	struct json root, item;
	struct slice type;

	assert_true(json_parse(&g->arena, arena_dup(&g->arena, data), doc, &error));
	root = json_root(doc);
	type = json_text(json_get(root, "type"), &g->arena);
	assert_true(slice_eq(type, name));
	assert_false(g->ended);
	assert_int_equal(json_i64_or(json_get(root, "sequence_number"), -1), g->sequence);
	if (g->sequence++ < 2) {
		assert_slice(type, g->sequence == 1 ? "response.created" : "response.in_progress");
		return;
	}
	item = json_get(root, "item");
	if (slice_eq(type, SLICE("response.output_item.added"))) {
		assert_int_equal(json_i64_or(json_get(root, "output_index"), -1), g->items);
		g->item[g->items].open = true;
		g->item[g->items].part = -1;
		buf_init(&g->item[g->items].said, 1 << 16);
		g->item[g->items++].id = json_text(json_get(item, "id"), &g->arena);
	} else if (slice_eq(type, SLICE("response.output_item.done"))) {
		int64_t index = json_i64_or(json_get(root, "output_index"), -1);

		assert_true(index >= 0 && index < g->items && g->item[index].open && !g->item[index].part_open);
		g->item[index].open = false;
		g->item[index].done = json_raw(item);
	} else if (slice_starts_with(type, SLICE("response.completed")) || slice_starts_with(type, SLICE("response.incomplete")) ||
		   slice_starts_with(type, SLICE("response.failed"))) {
		unsigned i = 0;

		g->ended = true;
		for (struct json_walk w = json_walk(json_get(json_get(root, "response"), "output")); json_walk_next(&w); i++) {
			assert_true(i < g->items && !g->item[i].open);
			assert_true(slice_eq(json_raw(w.value), g->item[i].done));
		}
		assert_int_equal(i, g->items);
	} else {
		check_item_event(g, type, root);
	}
}

static void check_grammar(struct slice stream)
{
	struct grammar g = { .sequence = 0 };
	struct framer framer;
	struct frame frame;

	arena_init(&g.arena);
	framer_init(&framer, FRAMING_SSE, 1 << 20);
	framer_feed(&framer, stream);
	while (framer_next(&framer, &frame))
		check_event(&g, frame.event, frame.data);
	assert_true(g.ended);
	assert_false(framer_has_tail(&framer));
	for (unsigned i = 0; i < g.items; i++)
		buf_done(&g.item[i].said);
	framer_done(&framer);
	arena_done(&g.arena);
}

/* Ends the stream, checks it, and that the fold says the same as its last event. Returns the last event's response. */
static struct slice ended(struct speech *s)
{
	struct buf whole;
	struct slice all, response;
	size_t at = 0, next;

	assert_true(dialect_openai_responses.write_end(&s->w, &s->out));
	all = buf_slice(&s->out);
	check_grammar(all);
	while ((next = slice_find(slice_after(all, at), SLICE("\"response\":"))) != SIZE_MAX)
		at += next + 11;
	response = slice_after(all, at);
	response.len -= 3; /* "}\n\n" */

	struct event_writer w = { .dialect = &dialect_openai_responses, .arena = &s->arena, .model = SLICE("public"), .usage = &s->usage,
				  .seed = 7, .now_s = 1000 };
	buf_init(&whole, 1 << 20);
	dialect_openai_responses.writer_init(&w, &s->q.facts);
	assert_true(dialect_openai_responses.write_answer(&w, &s->answer, &whole));
	if (!slice_eq(buf_slice(&whole), response))
		fail_msg("%.*s is not %.*s", SLICE_ARG(buf_slice(&whole)), SLICE_ARG(response));
	buf_done(&whole);
	return response;
}

static void assert_in(struct slice text, const char *what)
{
	if (slice_find(text, slice_cstr(what)) == SIZE_MAX)
		fail_msg("%s is not in %.*s", what, SLICE_ARG(text));
}

/* The same, where MSG stands for the id that was made. */
static void assert_wire(struct slice text, const char *what)
{
	size_t at = slice_find(text, SLICE("\"id\":\"msg_"));
	struct buf wanted;

	assert_true(at != SIZE_MAX);
	buf_init(&wanted, 1 << 16);
	for (const char *p = what; *p != '\0';) {
		bool id = strncmp(p, "MSG", 3) == 0;

		assert_true(id ? buf_append(&wanted, text.ptr + at + 6, 28) : buf_append(&wanted, p, 1));
		p += id ? 3 : 1;
	}
	assert_true(buf_append(&wanted, "", 1));
	assert_in(text, buf_slice(&wanted).ptr);
	buf_done(&wanted);
}

#define BODY "{\"model\":\"m\",\"input\":\"hi\"}"
#define EVENT(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"," rest "}\n\n"

static void test_a_whole_stream(void **state)
{
	struct speech s;
	struct slice out;

	speech_init(&s, BODY);
	speak(&s, (struct event){ .kind = EVENT_START, .start = { .id = SLICE("resp_9"), .model = SLICE("claude"), .created_s = 5 } });
	say(&s, TEXT, 0, "4 \xc2\xb0");
	say(&s, TEXT, 0, "C");
	stop(&s, STOP_END);
	ended(&s);
	out = buf_slice(&s.out);
	assert_string_equal(s.w.answer_id, "resp_9");
	assert_string_equal(s.w.answer_model, "claude");
	assert_wire(out, EVENT("response.output_item.added", "\"sequence_number\":2,\"output_index\":0,\"item\":{\"id\":\"MSG\","
			       "\"type\":\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}")
		    EVENT("response.content_part.added", "\"sequence_number\":3,\"item_id\":\"MSG\",\"output_index\":0,\"content_index\":0,"
			  "\"part\":{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"\"}")
		    EVENT("response.output_text.delta", "\"sequence_number\":4,\"item_id\":\"MSG\",\"output_index\":0,\"content_index\":0,"
			  "\"delta\":\"4 \xc2\xb0\",\"logprobs\":[]")
		    EVENT("response.output_text.delta", "\"sequence_number\":5,\"item_id\":\"MSG\",\"output_index\":0,\"content_index\":0,"
			  "\"delta\":\"C\",\"logprobs\":[]")
		    EVENT("response.output_text.done", "\"sequence_number\":6,\"item_id\":\"MSG\",\"output_index\":0,\"content_index\":0,"
			  "\"text\":\"4 \xc2\xb0" "C\",\"logprobs\":[]")
		    EVENT("response.content_part.done", "\"sequence_number\":7,\"item_id\":\"MSG\",\"output_index\":0,\"content_index\":0,"
			  "\"part\":{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"4 \xc2\xb0" "C\"}")
		    EVENT("response.output_item.done", "\"sequence_number\":8,\"output_index\":0,\"item\":{\"id\":\"MSG\",\"type\":\"message\","
			  "\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"annotations\":[],"
			  "\"logprobs\":[],\"text\":\"4 \xc2\xb0" "C\"}]}"));
	assert_in(out, "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":9,\"response\":{\"id\":\"resp_9\","
		  "\"object\":\"response\",\"created_at\":5,\"status\":\"completed\",\"background\":false,\"completed_at\":1000,\"error\":null,"
		  "\"incomplete_details\":null,\"instructions\":null,\"max_output_tokens\":null,\"max_tool_calls\":null,\"model\":\"claude\",\"output\":[");
	assert_in(out, "],\"parallel_tool_calls\":true,\"previous_response_id\":null,\"prompt_cache_key\":null,\"prompt_cache_retention\":null,"
		  "\"reasoning\":{\"effort\":null,\"summary\":null},\"safety_identifier\":null,\"service_tier\":\"default\",\"store\":true,"
		  "\"temperature\":1.0,\"text\":{\"format\":{\"type\":\"text\"},\"verbosity\":\"medium\"},\"tool_choice\":\"auto\",\"tools\":[],"
		  "\"top_logprobs\":0,\"top_p\":1.0,\"truncation\":\"disabled\",\"usage\":{\"input_tokens\":30,\"input_tokens_details\":"
		  "{\"cached_tokens\":10,\"cache_write_tokens\":0},\"output_tokens\":9,\"output_tokens_details\":{\"reasoning_tokens\":3},"
		  "\"total_tokens\":39},\"user\":null,\"metadata\":{}}}\n\n");
	assert_int_equal(s.w.sequence, 9);
	speech_done(&s);
}

static void test_echo(void **state)
{
	struct speech s;
	struct slice last;

	speech_init(&s,
		"{\"model\":\"m\",\"input\":\"hi\",\"instructions\":\"i\\nj\",\"tools\":[\n {\"type\":\"function\",\r\n\"name\":\"f\"}],\"temperature\":0.5,"
		    "\"reasoning\":{\"effort\":\"low\",\"context\":\"auto\"},\"text\":{\"verbosity\":\"low\"},\"metadata\":{\"a\":\"b\"},\"store\":false,"
		    "\"conversation\":\"c1\",\"service_tier\":\"auto\",\"max_output_tokens\":50}");
	speak(&s, (struct event){ .kind = EVENT_START, .start = { .id = SLICE("chatcmpl-1"), .service_tier = SLICE("flex") } });
	stop(&s, STOP_END);
	last = ended(&s);
	assert_in(last, "{\"id\":\"resp_");
	assert_in(last, "\"instructions\":\"i\\nj\"");
	assert_in(last, "\"tools\":[  {\"type\":\"function\",  \"name\":\"f\"}]");
	assert_in(last, "\"reasoning\":{\"effort\":\"low\",\"summary\":null,\"context\":\"auto\"}");
	assert_in(last, "\"text\":{\"format\":{\"type\":\"text\"},\"verbosity\":\"low\"}");
	assert_in(last, "\"metadata\":{\"a\":\"b\"}");
	assert_in(last, "\"conversation\":{\"id\":\"c1\"}");
	assert_in(last, "\"service_tier\":\"flex\",\"store\":false,\"temperature\":0.5");
	assert_in(last, "\"model\":\"public\",\"output\":[]");
	speech_done(&s);
}

static void test_items(void **state)
{
	struct speech s;
	struct slice last;

	speech_init(&s, "{\"model\":\"m\",\"input\":\"hi\",\"tools\":[{\"type\":\"namespace\",\"name\":\"crm\",\"tools\":[]}]}");
	say(&s, REASONING, 0, "h");
	say(&s, REASONING, 0, "m");
	sign(&s, 0, "SIG");
	say(&s, TEXT, 1, "let me");
	say(&s, REFUSAL, 2, "no");
	call(&s, 3, "c1", "f");
	call(&s, 4, "c2", "crm.g");
	say(&s, TOOL_ARGUMENTS, 3, "{\"a\":");
	say(&s, TOOL_ARGUMENTS, 4, "[]");
	say(&s, TOOL_ARGUMENTS, 3, "1}");
	end(&s, 4);
	end(&s, 3);
	speak(&s, (struct event){ .kind = EVENT_TOOL_BEGIN, .block = 5, .tool = { .id = SLICE("c3"), .name = SLICE("h"), .custom = true, .item_id =
		SLICE("ctc_9") } });
	say(&s, TOOL_ARGUMENTS, 5, "free \"text\"");
	end(&s, 5);
	call(&s, 6, "c4", "none");
	end(&s, 6);
	speak(&s, (struct event){ .kind = EVENT_MEDIA, .block = 7, .media = { .mime = SLICE("image/png"), .value = SLICE("AAAA") } });
	speak(&s, (struct event){ .kind = EVENT_MEDIA, .block = 7, .media = { .mime = SLICE("image/png"), .value = SLICE("BBBB") } });
	speak(&s, (struct event){ .kind = EVENT_OPAQUE, .block = 8, .opaque = { SLICE("{\"type\":\"web_search_call\",\n\"id\":\"ws_1\"}"),
		DIALECT_OPENAI_RESPONSES } });
	speak(&s, (struct event){ .kind = EVENT_OPAQUE, .block = 9, .opaque = { SLICE("{\"type\":\"server_tool_use\"}"), DIALECT_ANTHROPIC } });
	say(&s, TEXT, 10, "done");
	stop(&s, STOP_TOOL_CALLS);
	last = ended(&s);
	assert_in(last, "\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"hm\"}],\"encrypted_content\":\"SIG\"}");
	assert_in(last,
		"\"content\":[{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"let me\"},{\"type\":\"refusal\",\"refusal\":\"no\"}]}");
	assert_in(last, "\"type\":\"function_call\",\"status\":\"completed\",\"arguments\":\"{\\\"a\\\":1}\",\"call_id\":\"c1\",\"name\":\"f\"}");
	assert_in(last, "\"arguments\":\"[]\",\"call_id\":\"c2\",\"name\":\"g\",\"namespace\":\"crm\"}");
	assert_in(last,
		"{\"id\":\"ctc_9\",\"type\":\"custom_tool_call\",\"status\":\"completed\",\"input\":\"free \\\"text\\\"\",\"call_id\":\"c3\",\"name\":\"h\"}");
	assert_in(last, "\"arguments\":\"{}\",\"call_id\":\"c4\"");
	assert_in(last, "\"type\":\"image_generation_call\",\"status\":\"completed\",\"result\":\"AAAABBBB\",\"output_format\":\"png\"}");
	assert_in(last, "{\"type\":\"web_search_call\", \"id\":\"ws_1\"}");
	assert_true(slice_find(last, SLICE("server_tool_use")) == SIZE_MAX);
	speech_done(&s);
}

static void test_signatures(void **state)
{
	struct speech s;
	struct slice last;

	/* a call's: an item of its own before it, as long as the call's has not begun */
	speech_init(&s, BODY);
	call(&s, 0, "c1", "f");
	sign(&s, 0, "SIG");
	say(&s, TOOL_ARGUMENTS, 0, "{}");
	end(&s, 0);
	/* state without a word, and a second one */
	speak(&s, (struct event){ .kind = EVENT_SIGNATURE, .block = 1, .signature = { .payload = SLICE("RED"), .redacted = true } });
	stop(&s, STOP_TOOL_CALLS);
	last = ended(&s);
	assert_in(last, "\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"SIG\"},{\"id\":\"fc_");
	assert_in(last, "{\"id\":\"rs_redacted_");
	speech_done(&s);
}

static void test_citations_and_logprobs(void **state)
{
	static const struct logprob top = { .token = { "b", 1 }, .value = -2 }, one = { .token = { "\xc3\xa9", 2 }, .value = -0.25, .top = (void *)&top,
		.top_count = 1 };
	struct speech s;
	struct slice last;

	speech_init(&s, "{\"model\":\"m\",\"input\":\"hi\",\"include\":[\"message.output_text.logprobs\"]}");
	speak(&s, (struct event){ .kind = EVENT_CITATION, .block = 0, .citation = { .url = SLICE("https://x"), .title = SLICE("X"), .start = -1, .end = -1 } });
	say(&s, TEXT, 0, "\xc3\xa9");
	speak(&s, (struct event){ .kind = EVENT_LOGPROBS, .logprobs = { (struct logprob *)&one, 1, false } });
	say(&s, TEXT, 0, "bc");
	speak(&s, (struct event){ .kind = EVENT_CITATION, .block = 0, .citation = { .kind = CITATION_DOCUMENT, .title = SLICE("D"), .start = 0, .end = 2 } });
	stop(&s, STOP_LENGTH);
	assert_true(dialect_openai_responses.write_end(&s.w, &s.out));
	check_grammar(buf_slice(&s.out));
	last = buf_slice(&s.out);
	assert_in(last,
		"\"delta\":\"\xc3\xa9\",\"logprobs\":[{\"token\":\"\xc3\xa9\",\"bytes\":[195,169],\"logprob\":-0.25,"
				"\"top_logprobs\":[{\"token\":\"b\",\"bytes\":[98],\"logprob\":-2}]}]");
	assert_in(last,
		"\"annotation_index\":1,\"annotation\":{\"type\":\"url_citation\",\"start_index\":0,\"end_index\":3,\"url\":\"https://x\",\"title\":\"X\"}");
	assert_in(last, "{\"type\":\"file_citation\",\"file_id\":\"\",\"filename\":\"D\",\"index\":2}");
	assert_in(last, "\"status\":\"incomplete\",\"background\":false,\"completed_at\":null,\"error\":null,"
					"\"incomplete_details\":{\"reason\":\"max_output_tokens\"}");
	assert_in(last, "\"type\":\"message\",\"status\":\"incomplete\"");
	speech_done(&s);
}

static void test_ends(void **state)
{
	static const struct { enum stop_reason reason; const char *event, *detail; } ends[] = {
		{ STOP_END, "event: response.completed\n", "\"incomplete_details\":null" },
		{ STOP_SEQUENCE, "event: response.completed\n", "\"incomplete_details\":null" },
		{ STOP_LENGTH, "event: response.incomplete\n", "\"reason\":\"max_output_tokens\"" },
		{ STOP_CONTEXT, "event: response.incomplete\n", "\"reason\":\"max_output_tokens\"" },
		{ STOP_TOOL_CALLS, "event: response.completed\n", "\"incomplete_details\":null" },
		{ STOP_REFUSAL, "event: response.incomplete\n", "\"reason\":\"content_filter\"" },
		{ STOP_DECLINED, "event: response.completed\n", "\"incomplete_details\":null" },
		{ STOP_PAUSE, "event: response.incomplete\n", "\"reason\":\"max_output_tokens\"" },
		{ STOP_MALFORMED, "event: response.failed\n", "\"code\":\"server_error\"" },
		{ STOP_UNKNOWN, "event: response.completed\n", "\"incomplete_details\":null" },
	};

	_Static_assert(COUNT_OF(ends) == STOP_REASON_COUNT, "every reason has an end");
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		struct speech s;

		speech_init(&s, BODY);
		say(&s, TEXT, 0, "x");
		stop(&s, ends[i].reason);
		ended(&s);
		assert_in(buf_slice(&s.out), ends[i].event);
		assert_in(buf_slice(&s.out), ends[i].detail);
		speech_done(&s);
	}
}

static void test_limits(void **state)
{
	struct speech s;
	struct event e = { .kind = EVENT_TEXT, .text = SLICE("0123456789") };
	size_t before;

	/* more than may be repeated at the end */
	speech_init(&s, BODY);
	s.w.limit = 15;
	assert_true(dialect_openai_responses.write_event(&s.w, &e, &s.out));
	assert_false(dialect_openai_responses.write_event(&s.w, &e, &s.out));
	speech_done(&s);
	/* a buffer without room keeps whole events */
	speech_init(&s, BODY);
	buf_done(&s.out);
	buf_init(&s.out, 3000);
	while (dialect_openai_responses.write_event(&s.w, &e, &s.out))
		;
	before = s.out.len;
	assert_true(slice_ends_with(slice_of(s.out.data, before), SLICE("\n\n")));
	speech_done(&s);
}

/* ---- there and back ---- */

static const char own_stream[] =
	"event: response.created\ndata: " CREATED "\n\n"
	"event: response.output_item.added\ndata: " ADDED(0, "{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[]}") "\n\n"
	"data: {\"type\":\"response.reasoning_summary_text.delta\",\"output_index\":0,\"summary_index\":0,\"delta\":\"a\"}\n\n"
	"data: {\"type\":\"response.reasoning_summary_text.delta\",\"output_index\":0,\"summary_index\":1,\"delta\":\"b\"}\r\n\r\n"
	": a comment\n\n"
	"data: " DONE(0, THOUGHT) "\n\n"
	"data: " ADDED(1, CALL("\"\"")) "\n\ndata: " DELTA("function_call_arguments", 1, "{\\\"\xc3\xa9\\\":1}") "\n\n"
	"data: " DONE(1, CALL("\"{\\\"\xc3\xa9\\\":1}\"")) "\n\n"
	"data: " DELTA("output_text", 2, "4 \xc2\xb0" "C") "\n\n"
	"data: " DONE(2, MESSAGE("{\"type\":\"output_text\",\"text\":\"4 \xc2\xb0" "C\",\"annotations\":[" URL "]}")) "\n\n"
	"data: " LAST("[]") "\n\n";

/* Reads and writes it, fed in two parts. */
static void relay(struct buf *out, size_t split, size_t step)
{
	struct listening l;
	struct speech s;
	struct answering answering;
	struct framer framer;
	struct frame frame;
	struct slice all = slice_of(own_stream, sizeof(own_stream) - 1);
	size_t at = 0;

	listening_init(&l);
	speech_init(&s, BODY);
	answering_init(&answering, SLICE("openai"), DIALECT_OPENAI_RESPONSES, NULL, 3);
	framer_init(&framer, FRAMING_SSE, 1 << 16);
	while (at < all.len) {
		size_t part = step ? step : at < split ? split : all.len - at;

		framer_feed(&framer, slice_of(all.ptr + at, part));
		at += part;
		while (framer_next(&framer, &frame)) {
			l.events.count = 0;
			l.heard.reader.dialect->read_event(&l.heard.reader, &frame, &l.heard.scratch, &l.heard.reading);
			for (unsigned i = 0; i < l.events.count; i++) {
				answering_prepare(&answering, &l.events.items[i], &l.arena);
				speak(&s, l.events.items[i]);
			}
		}
	}
	ended(&s);
	assert_true(buf_append_slice(out, buf_slice(&s.out)));
	framer_done(&framer);
	speech_done(&s);
	listening_done(&l);
}

static void test_every_split(void **state)
{
	struct buf once, again;

	buf_init(&once, 1 << 20);
	buf_init(&again, 1 << 20);
	relay(&once, 0, sizeof(own_stream) - 1);
	assert_in(buf_slice(&once), "\"encrypted_content\":\"" STATE_MARK);
	assert_in(buf_slice(&once), "\"text\":\"a\\n\\nb\"");
	assert_in(buf_slice(&once), URL);
	relay(&again, 0, 1);
	assert_true(slice_eq(buf_slice(&once), buf_slice(&again)));
	for (size_t split = 1; split < sizeof(own_stream) - 1; split++) {
		buf_clear(&again);
		relay(&again, split, 0);
		if (!slice_eq(buf_slice(&once), buf_slice(&again)))
			fail_msg("split at %zu", split);
	}
	buf_done(&once);
	buf_done(&again);
}

static void test_count(void **state)
{
	struct buf out;

	buf_init(&out, 256);
	dialect_openai_responses.write_count(42, true, &out);
	assert_slice(buf_slice(&out), "{\"object\":\"response.input_tokens\",\"input_tokens\":42}");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hears_text), cmocka_unit_test(test_hears_items), cmocka_unit_test(test_hears_whole_answers),
		cmocka_unit_test(test_a_whole_stream), cmocka_unit_test(test_echo), cmocka_unit_test(test_items),
		cmocka_unit_test(test_signatures), cmocka_unit_test(test_citations_and_logprobs), cmocka_unit_test(test_ends),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_every_split), cmocka_unit_test(test_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
