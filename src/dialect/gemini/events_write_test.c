/* SPDX-License-Identifier: Apache-2.0 */
/* generateContent answers into the hub and out of it: what readers hear, and the chunks and whole answers that are
 * written. */
#include "dialect/dialect_test.h"

#include "dialect/translation.h"

/* ---- reading: chunks as a list of hub events ---- */

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
		snprintf(out, size, "tool %u %.*s %.*s|", e->block, SLICE_ARG(e->tool.id), SLICE_ARG(e->tool.name));
		break;
	case EVENT_TOOL_END:
		snprintf(out, size, "end %u|", e->block);
		break;
	case EVENT_CITATION:
		snprintf(out, size, "cite %u %.*s %d-%d|", e->block, SLICE_ARG(e->citation.url), (int)e->citation.start, (int)e->citation.end);
		break;
	case EVENT_OPAQUE:
		snprintf(out, size, "opaque %u %.*s|", e->block, SLICE_ARG(e->opaque.raw));
		break;
	case EVENT_MEDIA:
		snprintf(out, size, "media %u %.*s %.*s|", e->block, SLICE_ARG(e->media.mime), SLICE_ARG(e->media.value));
		break;
	case EVENT_LOGPROBS:
		snprintf(out, size, "logprobs %u %u %.*s|", e->block, e->logprobs.count, SLICE_ARG(e->logprobs.items[0].token));
		break;
	case EVENT_STOP:
		snprintf(out, size, "stop %s %.*s %.*s|", stop_reason_name(e->stop.reason), SLICE_ARG(e->stop.word), SLICE_ARG(e->stop.detail));
		break;
	}
}

static void hear(const char *const *chunks, size_t count, const char *expected)
{
	struct heard heard;
	struct arena arena;
	struct event_list events;
	char text[8192] = "";

	heard_init(&heard, &dialect_gemini, OPERATION_CHAT);
	arena_init(&arena);
	event_list_init(&events, &arena);
	heard.reader.sink = &events;
	heard.reader.arena = &arena;
	for (size_t i = 0; i < count; i++) {
		struct frame f = { .data = slice_cstr(chunks[i]), .has_data = true };
		dialect_gemini.read_event(&heard.reader, &f, &heard.scratch, &heard.reading);
	}
	for (unsigned i = 0; i < events.count; i++)
		describe(text, sizeof(text), &events.items[i]);
	assert_string_equal(text, expected);
	heard_done(&heard);
	arena_done(&arena);
}

#define assert_hears(expected, ...) \
	do { \
		static const char *const chunks_[] = { __VA_ARGS__ }; \
		hear(chunks_, COUNT_OF(chunks_), expected); \
	} while (0)

#define PARTS(parts) "{\"candidates\":[{\"content\":{\"parts\":[" parts "]}}],\"responseId\":\"r\",\"modelVersion\":\"g\"}"
#define STOP(reason, more) "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},\"finishReason\":" reason more "}]}"

static void test_streams_are_heard(void **state)
{
	assert_hears("start r g|reason 0 Pl|reason 0 an|text 1 H\xc3\xa9 |text 1 you|sign 1 QQ|tool 2 c1 f|sign 2 Qg|args 2 {\"x\":1}|end 2|"
		     "tool 3  g|args 3 {}|end 3|text 4 !|stop end STOP |",
		     PARTS("{\"text\":\"Pl\",\"thought\":true}"), PARTS("{\"text\":\"an\",\"thought\":true}"), PARTS("{\"text\":\"H\xc3\xa9 \"}"),
		     PARTS("{\"text\":\"you\"}"), PARTS("{\"text\":\"\",\"thoughtSignature\":\"QQ\"}"),
		     PARTS("{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{\"x\":1}},\"thoughtSignature\":\"Qg\"},"
			   "{\"functionCall\":{\"name\":\"g\"}}"), PARTS("{\"text\":\"!\"}"), STOP("\"STOP\"", ""));
	/* a signature alone; a picture; code; a thought's picture */
	assert_hears("start r g|sign 0 QQ|media 1 image/png AA|opaque 2 {\"executableCode\":{\"code\":\"1\"}}|"
		     "opaque 3 {\"thought\":true,\"inlineData\":{\"data\":\"BB\"}}|",
		     PARTS("{\"thoughtSignature\":\"QQ\"},{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA\"}},"
			   "{\"executableCode\":{\"code\":\"1\"}},{\"thought\":true,\"inlineData\":{\"data\":\"BB\"}}"));
}

/* Vertex: streamFunctionCallArguments. */
static void test_partial_arguments(void **state)
{
	assert_hears(
		"start r g|tool 0 i f|args 0 {\"city\":\"Oslo\",\"a\":{\"b c\":[null,2]},\"t\":true}|end 0|stop end STOP |",
		PARTS("{\"functionCall\":{\"id\":\"i\",\"name\":\"f\",\"willContinue\":true}}"),
		PARTS("{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$.city\",\"stringValue\":\"Os\",\"willContinue\":true}],\"willContinue\":true}}"),
		PARTS("{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$.city\",\"stringValue\":\"lo\"},{\"jsonPath\":\"$.a['b c'][0]\","
		      "\"nullValue\":null},{\"jsonPath\":\"$.a['b c'][1]\",\"numberValue\":2},{\"jsonPath\":\"$.t\",\"boolValue\":true},"
		      "{\"jsonPath\":\"city\",\"stringValue\":\"x\"},{\"jsonPath\":\"$.\",\"stringValue\":\"x\"}],\"willContinue\":true}}"),
		PARTS("{\"functionCall\":{}}"), STOP("\"STOP\"", ""));
	/* one in a single part; one whose end did not come */
	assert_hears("start r g|tool 0  h|args 0 {\"x\":\"y\"}|end 0|tool 1  f|args 1 {}|end 1|stop length MAX_TOKENS |",
		     PARTS("{\"functionCall\":{\"name\":\"h\",\"partialArgs\":[{\"jsonPath\":\"$.x\",\"stringValue\":\"y\"}]}}"),
		     PARTS("{\"functionCall\":{\"name\":\"f\",\"willContinue\":true}}"), STOP("2", ""));
}

static void test_citations_are_heard(void **state)
{
	/* bytes become characters, of the block that they are in */
	assert_hears("start r g|text 0 \xc3\xa4\xc3\xb6 a|opaque 1 {\"toolCall\":{\"x\":1}}|text 2 \xe2\x82\xac b|cite 0 http://u 1-2|"
		     "cite 2 http://u 0-1|cite 2 http://v 2-3|stop end STOP |",
		     PARTS("{\"text\":\"\xc3\xa4\xc3\xb6 a\"},{\"toolCall\":{\"x\":1}},{\"text\":\"\xe2\x82\xac b\"}"),
		     STOP("\"STOP\"", ",\"groundingMetadata\":{\"groundingChunks\":[{\"web\":{\"uri\":\"http://u\"}},{\"maps\":{\"uri\":\"http://v\"}}],"
			  "\"groundingSupports\":[{\"segment\":{\"startIndex\":2,\"endIndex\":4},\"groundingChunkIndices\":[0]},"
			  "{\"segment\":{\"startIndex\":6,\"endIndex\":9},\"groundingChunkIndices\":[0,7]},"
			  "{\"segment\":{\"startIndex\":10,\"endIndex\":11},\"groundingChunkIndices\":[1]}]}"));
	assert_hears("start r g|text 0 ab|cite 0 http://w 0-2|cite 0 http://x -1--1|stop refusal RECITATION |", PARTS("{\"text\":\"ab\"}"),
		     STOP("\"RECITATION\"", ",\"citationMetadata\":{\"citationSources\":[{\"endIndex\":2,\"uri\":\"http://w\"},{\"startIndex\":1,"
			  "\"endIndex\":99,\"uri\":\"http://x\"}]}"));
	assert_hears("start r g|text 0 ab|logprobs 0 1 ab|stop end STOP |", PARTS("{\"text\":\"ab\"}"),
		     STOP("1", ",\"logprobsResult\":{\"chosenCandidates\":[{\"token\":\"ab\",\"logProbability\":-0.5}]}"));
}

static void test_ends_are_heard(void **state)
{
	assert_hears("start r |stop refusal PROHIBITED_CONTENT why|",
		     "{\"responseId\":\"r\",\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\",\"blockReasonMessage\":\"why\"}}");
	assert_hears("start  |stop malformed MALFORMED_FUNCTION_CALL bad|", STOP("\"MALFORMED_FUNCTION_CALL\"", ",\"finishMessage\":\"bad\""));
	assert_hears("start  |stop pause CONTINUATION |", STOP("\"CONTINUATION\"", ""));
	assert_hears("start  |stop unknown OF_TOMORROW |", STOP("\"OF_TOMORROW\"", ""));
	assert_hears("start  |stop unknown OTHER |", STOP("99", ""));
	/* STOP is said once, and what came after it counts */
	assert_hears("start  |stop end STOP |", STOP("0", ""), STOP("\"STOP\"", ""), STOP("\"STOP\"", ""));
	assert_hears("start  |stop end STOP |stop refusal SAFETY |", STOP("\"STOP\"", ""), STOP("\"SAFETY\"", ""));
}

/* ---- writing ---- */

struct telling {
	struct translation t;
	struct arena scratch;
	struct event_list events;
	struct request q;
	struct usage usage;
	struct failure failure;
};

static void telling_init(struct telling *s, const char *asked, enum framing framing, bool folds)
{
	memset(s, 0, sizeof(*s));
	assert_true(request_read(&s->q, &dialect_gemini, OPERATION_CHAT, asked));
	usage_init_absent(&s->usage);
	s->usage.input = 12;
	s->usage.input_cached = 3;
	s->usage.input_tool = 2;
	s->usage.output = 9;
	s->usage.output_reasoning = 4;
	usage_clamp(&s->usage);
	translation_init(&s->t, 1 << 16);
	translation_begin_answer(&s->t, &(struct translation_answer){
		.client = &dialect_gemini, .facts = &s->q.facts, .framing = framing, .folds = folds, .provider = SLICE("p"),
		.provider_dialect = DIALECT_ANTHROPIC, .model = SLICE("m"), .usage = &s->usage, .seed = 1, .limit = 1 << 16 });
	arena_init(&s->scratch);
	event_list_init(&s->events, &s->scratch);
}

static void telling_done(struct telling *s, const char *expected)
{
	assert_true(translation_take(&s->t, &s->events, &s->scratch, &s->failure));
	assert_true(translation_end(&s->t, &s->t.out, &s->failure));
	assert_slice(buf_slice(&s->t.out), expected);
	translation_done(&s->t);
	arena_done(&s->scratch);
	arena_done(&s->q.arena);
}

static void tell_text(struct telling *s, enum event_kind kind, unsigned block, const char *text)
{
	event_add(&s->events, kind, 0, block)->text = slice_cstr(text);
}

static void tell_start(struct telling *s)
{
	event_add(&s->events, EVENT_START, 0, 0)->start.id = SLICE("r");
}

static void tell_call(struct telling *s, unsigned block, const char *id)
{
	struct event *e = event_add(&s->events, EVENT_TOOL_BEGIN, 0, block);

	e->tool.id = slice_cstr(id);
	e->tool.name = SLICE("f");
}

static void tell_signature(struct telling *s, unsigned block, bool redacted)
{
	struct event *e = event_add(&s->events, EVENT_SIGNATURE, 0, block);

	e->signature.payload = SLICE("sig");
	e->signature.redacted = redacted;
}

static void tell_stop(struct telling *s, enum stop_reason reason)
{
	event_add(&s->events, EVENT_STOP, 0, 9)->stop.reason = reason;
}

#define TAIL "\"modelVersion\":\"m\",\"responseId\":\"r\"}"
#define CHUNK(part) "{\"candidates\":[{\"content\":{\"parts\":[" part "],\"role\":\"model\"},\"index\":0}]," TAIL
#define USAGE "\"usageMetadata\":{\"promptTokenCount\":10,\"cachedContentTokenCount\":3,\"candidatesTokenCount\":5," \
	      "\"toolUsePromptTokenCount\":2,\"thoughtsTokenCount\":4,\"totalTokenCount\":21},"
#define LAST(reason, more) "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},\"finishReason\":\"" reason \
	"\",\"index\":0" more "}]," USAGE TAIL
#define EVENT(chunk) "data: " chunk "\r\n\r\n"
#define STATE "d2VpcgECAXBzaWc="       /* "sig" of the anthropic provider "p", wrapped */
#define SHOWN "{\"generationConfig\":{\"thinkingConfig\":{\"includeThoughts\":true}}}"

static void tell_all(struct telling *s)
{
	tell_start(s);
	tell_text(s, EVENT_REASONING, 0, "hm ");
	tell_text(s, EVENT_REASONING, 0, "m");
	tell_signature(s, 0, false);
	tell_text(s, EVENT_TEXT, 1, "Hi");
	/* two at once: the first is written first, though the second ends before it */
	tell_call(s, 2, "a");
	tell_call(s, 3, "b");
	tell_text(s, EVENT_TOOL_ARGUMENTS, 3, "{\n\"y\":");
	tell_text(s, EVENT_TOOL_ARGUMENTS, 2, "{\"x\":1}");
	tell_text(s, EVENT_TOOL_ARGUMENTS, 3, "2}");
	event_add(&s->events, EVENT_TOOL_END, 0, 3);
	event_add(&s->events, EVENT_TOOL_END, 0, 2);
	tell_stop(s, STOP_TOOL_CALLS);
}

static void test_streams_are_written(void **state)
{
	struct telling s;

	telling_init(&s, SHOWN, FRAMING_SSE, false);
	tell_all(&s);
	telling_done(&s, EVENT(CHUNK("{\"text\":\"hm \",\"thought\":true}")) EVENT(CHUNK("{\"text\":\"m\",\"thought\":true}"))
		     EVENT(CHUNK("{\"text\":\"\",\"thought\":true,\"thoughtSignature\":\"" STATE "\"}")) EVENT(CHUNK("{\"text\":\"Hi\"}"))
		     EVENT(CHUNK("{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{\"x\":1}}}"))
		     EVENT(CHUNK("{\"functionCall\":{\"id\":\"b\",\"name\":\"f\",\"args\":{ \"y\":2}}}")) EVENT(LAST("STOP", "")));
	telling_init(&s, SHOWN, FRAMING_JSON_ARRAY, false);
	tell_start(&s);
	tell_text(&s, EVENT_TEXT, 0, "Hi");
	tell_stop(&s, STOP_LENGTH);
	telling_done(&s, "[" CHUNK("{\"text\":\"Hi\"}") ",\r\n" LAST("MAX_TOKENS", "") "]");
	telling_init(&s, SHOWN, FRAMING_JSON_ARRAY, false);
	tell_start(&s);
	telling_done(&s, "[" LAST("STOP", "") "]");
}

static void test_whole_answers_are_written(void **state)
{
	struct telling s;

	telling_init(&s, SHOWN, FRAMING_JSON_ARRAY, true);
	tell_all(&s);
	telling_done(&s, "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm m\",\"thought\":true,\"thoughtSignature\":\"" STATE "\"},"
		     "{\"text\":\"Hi\"},{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{\"x\":1}}},{\"functionCall\":{\"id\":\"b\","
		     "\"name\":\"f\",\"args\":{ \"y\":2}}}],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}]," USAGE TAIL);
}

/* A client that did not ask for thoughts gets none to show, and sends them back all the same. */
static void test_hidden_thoughts_come_back(void **state)
{
	for (unsigned way = 0; way < 3; way++) {
		struct telling s;
		struct request q = { 0 };
		struct chat c;
		char body[4096];

		telling_init(&s, way == 2 ? SHOWN : "{}", FRAMING_JSON_ARRAY, way == 1);
		tell_start(&s);
		tell_text(&s, EVENT_REASONING, 0, "hm ");
		tell_text(&s, EVENT_REASONING, 0, "m");
		tell_signature(&s, 0, false);
		tell_signature(&s, 1, true);
		tell_text(&s, EVENT_TEXT, 2, "Hi");
		tell_stop(&s, STOP_END);
		assert_true(translation_take(&s.t, &s.events, &s.scratch, &s.failure));
		assert_true(translation_end(&s.t, &s.t.out, &s.failure));
		assert_true((slice_find(buf_slice(&s.t.out), SLICE("hm")) != SIZE_MAX) == (way == 2));

		/* As SDKs keep it: every chunk's content as it came. */
		struct slice out = buf_slice(&s.t.out);
		struct json_doc doc;
		struct json_error error;
		size_t len = (size_t)snprintf(body, sizeof(body), "{\"contents\":[{\"parts\":[{\"text\":\"q\"}]}");
		assert_true(json_parse(&s.scratch, out, &doc, &error));
		struct json root = json_root(&doc);
		for (size_t i = 0; i < (way == 1 ? 1 : json_count(root)); i++) {
			struct json chunk = way == 1 ? root : json_at(root, i);
			struct json content = json_get(json_at(json_get(chunk, "candidates"), 0), "content");
			len += (size_t)snprintf(body + len, sizeof(body) - len, ",%.*s", SLICE_ARG(json_raw(content)));
		}
		snprintf(body + len, sizeof(body) - len, "]}");
		assert_true(request_read(&q, &dialect_gemini, OPERATION_CHAT, body));
		assert_true(dialect_gemini.read_chat(&q.facts, OPERATION_CHAT, &q.arena, &c, &q.failure));
		const struct part *states[2];
		unsigned count = 0;
		for (const struct turn *t = c.turns; t; t = t->next)
			for (const struct part *p = t->parts; p; p = p->next)
				if (p->state.payload.ptr && count < 2)
					states[count++] = p;
		assert_int_equal(count, 2);
		assert_slice(states[0]->text, "hm m");
		assert_slice(states[0]->state.payload, "sig");
		assert_int_equal(states[0]->state.dialect, DIALECT_ANTHROPIC);
		assert_false(states[0]->redacted);
		assert_true(states[1]->redacted);
		assert_slice(states[1]->state.payload, "sig");
		arena_done(&q.arena);
		translation_done(&s.t);
		arena_done(&s.scratch);
		arena_done(&s.q.arena);
	}
}

static void test_citations_are_written(void **state)
{
	struct telling s;

	for (unsigned folds = 0; folds < 2; folds++) {
		telling_init(&s, SHOWN, FRAMING_SSE, folds);
		tell_start(&s);
		tell_text(&s, EVENT_TEXT, 0, "\xc3\xa4");
		tell_call(&s, 1, "a");
		event_add(&s.events, EVENT_TOOL_END, 0, 1);
		tell_text(&s, EVENT_TEXT, 2, "\xe2\x82\xac b");
		for (unsigned i = 0; i < 3; i++)
			event_add(&s.events, EVENT_CITATION, 0, 2)->citation =
				(struct citation){ .url = i < 2 ? SLICE("http://u") : SLICE("http://v"),
						   .title = SLICE("t"),
						   .start = i < 2 ? 0 : -1,
						   .end = i < 2 ? 1 + (int)i : -1 };
		tell_stop(&s, STOP_TOOL_CALLS);
#define GROUNDING ",\"groundingMetadata\":{\"groundingChunks\":[{\"web\":{\"uri\":\"http://u\",\"title\":\"t\"}},{\"web\":{\"uri\":\"http://v\"," \
	"\"title\":\"t\"}}],\"groundingSupports\":[{\"segment\":{\"startIndex\":2,\"endIndex\":5},\"groundingChunkIndices\":[0]}," \
	"{\"segment\":{\"startIndex\":2,\"endIndex\":6},\"groundingChunkIndices\":[0]}]}"
#define CALL "{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{}}}"
		telling_done(&s, folds ? "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\xc3\xa4\"}," CALL ",{\"text\":\"\xe2\x82\xac b\"}],"
			     "\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0" GROUNDING "}]," USAGE TAIL :
			     EVENT(CHUNK("{\"text\":\"\xc3\xa4\"}")) EVENT(CHUNK(CALL)) EVENT(CHUNK("{\"text\":\"\xe2\x82\xac b\"}"))
			     EVENT(LAST("STOP", GROUNDING)));
	}
}

static void test_finish_reasons_are_total(void **state)
{
	static const struct { enum stop_reason reason; const char *word, *expected; } ways[] = {
		{ STOP_END, "end_turn", "STOP" }, { STOP_SEQUENCE, "", "STOP" }, { STOP_LENGTH, "length", "MAX_TOKENS" },
		{ STOP_CONTEXT, "", "MAX_TOKENS" }, { STOP_TOOL_CALLS, "", "STOP" }, { STOP_REFUSAL, "refusal", "SAFETY" },
		{ STOP_REFUSAL, "RECITATION", "RECITATION" }, { STOP_DECLINED, "", "STOP" }, { STOP_PAUSE, "pause_turn", "CONTINUATION" },
		{ STOP_MALFORMED, "UNEXPECTED_TOOL_CALL", "UNEXPECTED_TOOL_CALL" }, { STOP_MALFORMED, "", "MALFORMED_FUNCTION_CALL" },
		{ STOP_UNKNOWN, "x", "OTHER" },
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		struct answer_choice choice = { .reason = ways[i].reason, .stop_word = slice_cstr(ways[i].word) };
		struct answer answer = { .choices = &choice, .choice_count = 1 };
		struct usage usage = { 0 };
		struct arena arena;
		struct event_writer w = { .dialect = &dialect_gemini, .arena = &arena, .usage = &usage, .model = SLICE("m") };
		struct buf out;
		char expected[64];

		arena_init(&arena);
		buf_init(&out, 4096);
		assert_true(dialect_gemini.write_answer(&w, &answer, &out));
		snprintf(expected, sizeof(expected), "\"finishReason\":\"%s\"", ways[i].expected);
		if (slice_find(buf_slice(&out), slice_cstr(expected)) == SIZE_MAX)
			fail_msg("%s: %.*s", ways[i].expected, SLICE_ARG(buf_slice(&out)));
		buf_done(&out);
		arena_done(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams_are_heard),
		cmocka_unit_test(test_partial_arguments),
		cmocka_unit_test(test_citations_are_heard),
		cmocka_unit_test(test_ends_are_heard),
		cmocka_unit_test(test_streams_are_written),
		cmocka_unit_test(test_whole_answers_are_written),
		cmocka_unit_test(test_hidden_thoughts_come_back),
		cmocka_unit_test(test_citations_are_written),
		cmocka_unit_test(test_finish_reasons_are_total),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
