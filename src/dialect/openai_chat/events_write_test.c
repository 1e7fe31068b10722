/* SPDX-License-Identifier: Apache-2.0 */
/* Hub events as chat completion chunks and whole answers, and recorded shapes of providers through reader, preparation,
 * writer and fold. */
#include "dialect/dialect_test.h"
#include "dialect/translation.h"

#include "llm/state.h"

/* One answer on its way from a provider of this dialect to a client of it. */
struct passing {
	struct event_reader reader;
	struct event_writer writer;
	struct answering answering;
	struct answer answer;
	struct arena arena, scratch;
	struct buf out, whole;
	struct usage usage;
	char log[8192];                /* the hub events, one per line */
};

static void passing_init(struct passing *p, const char *request)
{
	struct request q = { 0 };

	memset(p, 0, sizeof(*p));
	arena_init(&p->arena);
	arena_init(&p->scratch);
	buf_init(&p->out, 1 << 20);
	buf_init(&p->whole, 1 << 20);
	dialect_openai_chat.reader_init(&p->reader, OPERATION_CHAT);
	p->reader.arena = &p->arena;
	p->usage = (struct usage){ .input = 9, .output = 12, .input_cached = 4, .output_reasoning = 5 };
	p->writer = (struct event_writer){
		.dialect = &dialect_openai_chat, .arena = &p->arena, .framing = FRAMING_SSE, .model = SLICE("public"),
		.usage = &p->usage, .seed = 1, .now_s = 1000, .limit = 1 << 16,
	};
	assert_true(request_read(&q, &dialect_openai_chat, OPERATION_CHAT, request ? request : "{\"model\":\"m\"}"));
	dialect_openai_chat.writer_init(&p->writer, &q.facts);
	arena_done(&q.arena);
	answering_init(&p->answering, SLICE("here"), DIALECT_OPENAI_CHAT, NULL, 1);
	answer_init(&p->answer, &p->arena, 1 << 16);
}

static void passing_done(struct passing *p)
{
	answer_done(&p->answer);
	buf_done(&p->out);
	buf_done(&p->whole);
	arena_done(&p->arena);
	arena_done(&p->scratch);
}

static void log_event(struct passing *p, const struct event *e)
{
	size_t len = strlen(p->log);
	char *to = p->log + len;
	size_t room = sizeof(p->log) - len;

	switch (e->kind) {
	case EVENT_START: snprintf(to, room, "start %.*s\n", SLICE_ARG(e->start.id)); break;
	case EVENT_TEXT: snprintf(to, room, "%u.%u text %.*s\n", e->choice, e->block, SLICE_ARG(e->text)); break;
	case EVENT_REASONING: snprintf(to, room, "%u.%u reasoning %.*s\n", e->choice, e->block, SLICE_ARG(e->text)); break;
	case EVENT_REFUSAL: snprintf(to, room, "%u.%u refusal %.*s\n", e->choice, e->block, SLICE_ARG(e->text)); break;
	case EVENT_SIGNATURE:
		snprintf(to, room, "%u.%u signature %.*s%s\n", e->choice, e->block, SLICE_ARG(e->signature.payload),
			 e->signature.redacted ? " redacted" : "");
		break;
	case EVENT_TOOL_BEGIN:
		snprintf(to, room, "%u.%u tool %.*s %.*s%s\n", e->choice, e->block, SLICE_ARG(e->tool.id),
			 SLICE_ARG(e->tool.name), e->tool.custom ? " custom" : "");
		break;
	case EVENT_TOOL_ARGUMENTS: snprintf(to, room, "%u.%u arguments %.*s\n", e->choice, e->block, SLICE_ARG(e->text)); break;
	case EVENT_TOOL_END: snprintf(to, room, "%u.%u end\n", e->choice, e->block); break;
	case EVENT_MEDIA:
		snprintf(to, room, "%u.%u media %.*s %.*s %.*s\n", e->choice, e->block, SLICE_ARG(e->media.mime),
			 SLICE_ARG(e->media.value), SLICE_ARG(e->media.transcript));
		break;
	case EVENT_CITATION:
		snprintf(to, room, "%u.%u citation %.*s %d-%d\n", e->choice, e->block, SLICE_ARG(e->citation.url),
			 (int)e->citation.start, (int)e->citation.end);
		break;
	case EVENT_LOGPROBS: snprintf(to, room, "%u.%u logprobs %u\n", e->choice, e->block, e->logprobs.count); break;
	case EVENT_OPAQUE: snprintf(to, room, "%u.%u opaque\n", e->choice, e->block); break;
	case EVENT_STOP:
		snprintf(to, room, "%u stop %s %.*s%s%.*s\n", e->choice, stop_reason_name(e->stop.reason), SLICE_ARG(e->stop.word),
			 e->stop.sequence.len ? " at " : "", SLICE_ARG(e->stop.sequence));
		break;
	}
}

static void take(struct passing *p, struct event_list *events)
{
	assert_false(events->overflow);
	for (unsigned i = 0; i < events->count; i++) {
		log_event(p, &events->items[i]);
		answering_prepare(&p->answering, &events->items[i], &p->scratch);
		assert_true(dialect_openai_chat.write_event(&p->writer, &events->items[i], &p->out));
		answer_add(&p->answer, &events->items[i]);
	}
}

static unsigned pass_data(struct passing *p, const char *data)
{
	struct frame f = { .data = slice_cstr(data), .has_data = true };
	struct event_list events;
	struct reading reading;

	arena_reset(&p->scratch);
	event_list_init(&events, &p->scratch);
	p->reader.sink = &events;
	dialect_openai_chat.read_event(&p->reader, &f, &p->scratch, &reading);
	take(p, &events);
	return reading.flags;
}

static void pass_whole(struct passing *p, const char *body)
{
	struct event_list events;
	struct reading reading;

	event_list_init(&events, &p->scratch);
	p->reader.sink = &events;
	dialect_openai_chat.read_whole(&p->reader, slice_cstr(body), &p->scratch, &reading);
	take(p, &events);
}

static void assert_log(struct passing *p, const char *expected)
{
	if (strcmp(p->log, expected) != 0)
		fail_msg("events:\n%sinstead of:\n%s", p->log, expected);
}

static void end(struct passing *p)
{
	assert_true(dialect_openai_chat.write_end(&p->writer, &p->out));
	assert_true(dialect_openai_chat.write_answer(&p->writer, &p->answer, &p->whole));
}

#define CHOICE(delta, finish) "{\"id\":\"c\",\"created\":5,\"model\":\"own\",\"choices\":[{\"index\":0,\"delta\":{" delta \
			      "},\"finish_reason\":" finish "}]}"
#define DELTA(delta) CHOICE(delta, "null")
#define FINISH(word) CHOICE("", "\"" word "\"")
/* As we write them. */
#define OUT(delta, finish) "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"own\",\"choices\":[" \
			   "{\"index\":0,\"delta\":{" delta "},\"logprobs\":null,\"finish_reason\":" finish "}]}\n\n"
#define DONE "data: [DONE]\n\n"
#define USAGE "{\"prompt_tokens\":9,\"completion_tokens\":12,\"total_tokens\":21,\"prompt_tokens_details\":{\"cached_tokens\":4," \
	      "\"cache_write_tokens\":0,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":5,\"audio_tokens\":0}}"
#define WHOLE(message, finish) "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":5,\"model\":\"own\",\"choices\":[{\"index\":0," \
			       "\"message\":{\"role\":\"assistant\"," message "},\"logprobs\":null,\"finish_reason\":\"" finish "\"}]," \
			       "\"usage\":" USAGE "}"

struct stream_case {
	const char *const *chunks;     /* NULL-ended */
	const char *events, *stream, *whole;
};

static void check_stream(const struct stream_case *s)
{
	struct passing p;

	passing_init(&p, NULL);
	for (const char *const *chunk = s->chunks; *chunk; chunk++)
		pass_data(&p, *chunk);
	assert_log(&p, s->events);
	end(&p);
	if (s->stream)
		assert_slice(buf_slice(&p.out), s->stream);
	if (s->whole)
		assert_slice(buf_slice(&p.whole), s->whole);
	passing_done(&p);
}

static void test_text(void **state)
{
	static const char *const chunks[] = { DELTA("\"role\":\"assistant\",\"content\":\"\""), DELTA("\"content\":\"Hel\""),
					      DELTA("\"content\":\"lo\""), FINISH("stop"), NULL };
	static const struct stream_case s = {
		chunks, "start c\n0.0 text Hel\n0.0 text lo\n0 stop end stop\n",
		OUT("\"role\":\"assistant\",\"content\":\"Hel\"", "null") OUT("\"content\":\"lo\"", "null") OUT("", "\"stop\"") DONE,
		WHOLE("\"content\":\"Hello\",\"refusal\":null,\"annotations\":[]", "stop"),
	};
	check_stream(&s);
}

static void test_usage_only_when_asked(void **state)
{
	struct passing p;

	passing_init(&p, "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	pass_data(&p, CHOICE("\"content\":\"Hi\"", "\"stop\""));
	end(&p);
#define ASKED(choices, usage) "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"own\",\"choices\":[" \
			      choices "],\"usage\":" usage "}\n\n"
	assert_slice(buf_slice(&p.out),
		     ASKED("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"logprobs\":null,\"finish_reason\":null}",
			   "null")
		     ASKED("{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}", "null")
		     ASKED("", USAGE) DONE);
	passing_done(&p);
}

#define CALL(index, id, name, arguments) "{\"index\":" index ",\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"" name \
					 "\",\"arguments\":\"" arguments "\"}}"
#define CALLS(list) DELTA("\"tool_calls\":[" list "]")

static void test_parallel_calls(void **state)
{
	static const char *const chunks[] = {
		CALLS(CALL("0", "a", "f", "")), CALLS("{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\":\"}}"),
		CALLS("{\"index\":0,\"function\":{\"arguments\":\"1}\"}}"), CALLS(CALL("1", "b", "g", "")),
		FINISH("tool_calls"), NULL
	};
	static const struct stream_case s = {
		chunks, "start c\n0.0 tool a f\n0.0 arguments {\"x\":\n0.0 arguments 1}\n0.0 end\n0.1 tool b g\n0.1 end\n"
		"0 stop tool_calls tool_calls\n",
		OUT("\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" CALL("0", "a", "f", "") "]", "null")
		OUT("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\":\"}}]", "null")
		OUT("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]", "null")
		OUT("\"tool_calls\":[" CALL("1", "b", "g", "") "]", "null")
		OUT("\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"{}\"}}]", "null")
		OUT("", "\"tool_calls\"") DONE,
		WHOLE("\"content\":null,\"refusal\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
		      "\"arguments\":\"{\\\"x\\\":1}\"}},{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":"
		      "\"{}\"}}],\"annotations\":[]", "tool_calls"),
	};
	check_stream(&s);
}

/* How providers differ: DIALECTS §5.2 and the recordings. */
static void test_odd_calls(void **state)
{
	static const struct { const char *chunks[8]; const char *events; } odd[] = {
		/* whole calls without an index (xAI) */
		{ { CALLS("{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"b\",\"function\":{\"name\":\"f\","
			  "\"arguments\":\"{}\"}}"), FINISH("stop") },
		  "start c\n0.0 tool a f\n0.0 arguments {}\n0.0 end\n0.1 tool b f\n0.1 arguments {}\n0.1 end\n0 stop end stop\n" },
		/* the same index for all */
		{ { CALLS(CALL("0", "a", "f", "{}")), CALLS(CALL("0", "b", "f", "{}")), FINISH("tool_calls") },
		  "start c\n0.0 tool a f\n0.0 arguments {}\n0.0 end\n0.1 tool b f\n0.1 arguments {}\n0.1 end\n"
		  "0 stop tool_calls tool_calls\n" },
		/* the same index, and no ids */
		{ { CALLS(CALL("0", "", "f", "{}")), CALLS(CALL("0", "", "f", "{}")), FINISH("tool_calls") },
		  "start c\n0.0 tool  f\n0.0 arguments {}\n0.0 end\n0.1 tool  f\n0.1 arguments {}\n0.1 end\n"
		  "0 stop tool_calls tool_calls\n" },
		/* empty id and name repeated */
		{ { CALLS(CALL("0", "a", "f", "{")), CALLS(CALL("0", "", "", "}")), FINISH("tool_calls") },
		  "start c\n0.0 tool a f\n0.0 arguments {\n0.0 arguments }\n0.0 end\n0 stop tool_calls tool_calls\n" },
		/* id and name repeated */
		{ { CALLS(CALL("0", "a", "f", "{")), CALLS(CALL("0", "a", "f", "}")), FINISH("tool_calls") },
		  "start c\n0.0 tool a f\n0.0 arguments {\n0.0 arguments }\n0.0 end\n0 stop tool_calls tool_calls\n" },
		/* the whole once more at the end */
		{ { CALLS(CALL("0", "a", "f", "{}")), CALLS("{\"index\":0,\"function\":{\"arguments\":\"{}\"}}"), FINISH("tool_calls") },
		  "start c\n0.0 tool a f\n0.0 arguments {}\n0.0 end\n0 stop tool_calls tool_calls\n" },
		/* arguments as an object, and null */
		{ { CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}"),
		    CALLS("{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"f\",\"arguments\":null}}"), FINISH("tool_calls") },
		  "start c\n0.0 tool a f\n0.0 arguments {\"x\":1}\n0.0 end\n0.1 tool b f\n0.1 end\n0 stop tool_calls tool_calls\n" },
		/* the id before the name */
		{ { CALLS("{\"index\":0,\"id\":\"a\"}"), CALLS("{\"index\":0,\"function\":{\"name\":\"f\"}}"), FINISH("tool_calls") },
		  "start c\n0.0 tool a f\n0.0 end\n0 stop tool_calls tool_calls\n" },
		/* the id after the name; two such calls; no id at all */
		{ { CALLS("{\"index\":0,\"function\":{\"name\":\"f\"}}"), CALLS("{\"index\":0,\"id\":\"a\"}"), FINISH("tool_calls") },
		  "start c\n0.0 tool a f\n0.0 end\n0 stop tool_calls tool_calls\n" },
		{ { CALLS("{\"index\":0,\"function\":{\"name\":\"f\"}},{\"index\":1,\"function\":{\"name\":\"g\"}}"),
		    CALLS("{\"index\":0,\"id\":\"a\"},{\"index\":1,\"id\":\"b\",\"function\":{\"arguments\":\"{}\"}}"), FINISH("tool_calls") },
		  "start c\n0.0 tool a f\n0.1 tool b g\n0.1 arguments {}\n0.0 end\n0.1 end\n0 stop tool_calls tool_calls\n" },
		{ { CALLS("{\"index\":0,\"function\":{\"name\":\"f\"}}"), CALLS(CALL("1", "b", "g", "{}")), FINISH("tool_calls") },
		  "start c\n0.0 tool  f\n0.1 tool b g\n0.1 arguments {}\n0.0 end\n0.1 end\n0 stop tool_calls tool_calls\n" },
		/* pieces interleaved */
		{ { CALLS(CALL("0", "a", "f", "{")), CALLS(CALL("1", "b", "g", "{")), CALLS("{\"index\":0,\"function\":{\"arguments\":"
			  "\"}\"}}"), CALLS("{\"index\":1,\"function\":{\"arguments\":\"}\"}}"), FINISH("tool_calls") },
		  "start c\n0.0 tool a f\n0.0 arguments {\n0.1 tool b g\n0.1 arguments {\n0.0 arguments }\n0.1 arguments }\n0.0 end\n"
		  "0.1 end\n0 stop tool_calls tool_calls\n" },
		/* a brace within a string ends nothing */
		{ { CALLS(CALL("0", "a", "f", "{\\\"x\\\":\\\"}\\\\\\\"")), CALLS(CALL("1", "b", "g", "{}")),
		    CALLS("{\"index\":0,\"function\":{\"arguments\":\"\\\"}\"}}"), FINISH("tool_calls") },
		  "start c\n0.0 tool a f\n0.0 arguments {\"x\":\"}\\\"\n0.1 tool b g\n0.1 arguments {}\n0.0 arguments \"}\n0.0 end\n"
		  "0.1 end\n0 stop tool_calls tool_calls\n" },
		/* custom tools */
		{ { CALLS("{\"index\":0,\"id\":\"a\",\"type\":\"custom\",\"custom\":{\"name\":\"f\",\"input\":\"x\"}}"),
		    CALLS("{\"index\":0,\"custom\":{\"input\":\"}y\"}}"), FINISH("tool_calls") },
		  "start c\n0.0 tool a f custom\n0.0 arguments x\n0.0 arguments }y\n0.0 end\n0 stop tool_calls tool_calls\n" },
		/* the predecessor */
		{ { DELTA("\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}"), DELTA("\"function_call\":{\"arguments\":\"{}\"}"),
		    FINISH("function_call") },
		  "start c\n0.0 tool  f\n0.0 arguments {}\n0.0 end\n0 stop tool_calls function_call\n" },
		/* text, a call, text */
		{ { DELTA("\"content\":\"a\""), CALLS(CALL("0", "a", "f", "{}")), DELTA("\"content\":\"b\""), FINISH("stop") },
		  "start c\n0.0 text a\n0.1 tool a f\n0.1 arguments {}\n0.1 end\n0.2 text b\n0 stop end stop\n" },
	};

	for (size_t i = 0; i < COUNT_OF(odd); i++) {
		struct stream_case s = { odd[i].chunks, odd[i].events, NULL, NULL };
		check_stream(&s);
	}
}

static void test_reasoning_spellings(void **state)
{
	static const struct { const char *chunks[8]; const char *events; } spellings[] = {
		{ { DELTA("\"reasoning_content\":\"Hm\",\"content\":null"), DELTA("\"content\":\"Hi\""), FINISH("stop") },
		  "start c\n0.0 reasoning Hm\n0.1 text Hi\n0 stop end stop\n" },
		{ { DELTA("\"reasoning\":\"Hm\",\"reasoning_content\":\"Hm\",\"content\":\"Hi\""), FINISH("stop") },
		  "start c\n0.0 reasoning Hm\n0.1 text Hi\n0 stop end stop\n" },
		{ { DELTA("\"reasoning\":\"Hm\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"Hm\",\"index\":0}]"),
		    DELTA("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":\"s\",\"format\":\"x\",\"index\":0}]"),
		    DELTA("\"content\":\"Hi\""), FINISH("stop") },
		  "start c\n0.0 reasoning Hm\n0.0 signature {\"type\":\"reasoning.text\",\"signature\":\"s\",\"format\":\"x\",\"index\":0}"
		  "\n0.1 text Hi\n0 stop end stop\n" },
		{ { DELTA("\"reasoning_details\":[{\"type\":\"reasoning.summary\",\"summary\":\"S\",\"index\":0}]"),
		    DELTA("\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"e\",\"id\":\"rs\",\"index\":0}]"),
		    FINISH("stop") },
		  "start c\n0.0 reasoning S\n0.1 signature {\"type\":\"reasoning.encrypted\",\"data\":\"e\",\"id\":\"rs\",\"index\":0} "
		  "redacted\n0 stop end stop\n" },
		/* a signature after the text has begun (recorded: OpenRouter) */
		{ { DELTA("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"Hm\",\"index\":0}]"),
		    DELTA("\"content\":[{\"type\":\"text\",\"text\":\"Hi\"},{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":"
			  "\"more\"}]}]"), FINISH("stop") },
		  "start c\n0.0 reasoning Hm\n0.1 text Hi\n0.2 reasoning more\n0 stop end stop\n" },
		{ { DELTA("\"content\":[{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"S\"}]},"
			  "{\"type\":\"text\",\"text\":\"Hi\"},{\"type\":\"reference\",\"reference_ids\":[1]}]"), FINISH("stop") },
		  "start c\n0.0 reasoning S\n0.1 text Hi\n0.2 opaque\n0 stop end stop\n" },
		{ { CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},\"extra_content\":{\"google\":"
			  "{\"thought_signature\":\"s\"}}}"), FINISH("stop") },
		  "start c\n0.0 tool a f\n0.0 arguments {}\n0.0 signature s\n0.0 end\n0 stop end stop\n" },
		{ { DELTA("\"content\":\"Hi\",\"extra_content\":{\"google\":{\"thought\":true,\"thought_signature\":\"s\"}}"),
		    FINISH("stop") },
		  "start c\n0.0 text Hi\n0.0 signature s\n0 stop end stop\n" },
	};

	for (size_t i = 0; i < COUNT_OF(spellings); i++) {
		struct stream_case s = { spellings[i].chunks, spellings[i].events, NULL, NULL };
		check_stream(&s);
	}
}

/* The state of foreign reasoning reaches the client whole, with the text it belongs to. */
static void test_reasoning_state_is_written(void **state)
{
	static const struct event events[] = {
		{ .kind = EVENT_REASONING, .text = SLICE("Let me ") }, { .kind = EVENT_REASONING, .text = SLICE("see") },
		{ .kind = EVENT_SIGNATURE, .signature = { .payload = SLICE("sig") } },
		{ .kind = EVENT_SIGNATURE, .block = 1, .signature = { .payload = SLICE("enc"), .redacted = true } },
		{ .kind = EVENT_TEXT, .block = 2, .text = SLICE("Hi") },
		{ .kind = EVENT_TOOL_BEGIN, .block = 3, .tool = { .id = SLICE("a"), .name = SLICE("f") } },
		{ .kind = EVENT_SIGNATURE, .block = 3, .signature = { .payload = SLICE("gem") } },
		{ .kind = EVENT_TOOL_END, .block = 3 },
		{ .kind = EVENT_STOP, .stop = { .reason = STOP_TOOL_CALLS } },
	};
	struct passing p;
	struct event start = { .kind = EVENT_START, .start = { .id = SLICE("c"), .model = SLICE("own"), .created_s = 5 } };

	passing_init(&p, NULL);
	assert_true(dialect_openai_chat.write_event(&p.writer, &start, &p.out));
	answer_add(&p.answer, &start);
	for (size_t i = 0; i < COUNT_OF(events); i++) {
		assert_true(dialect_openai_chat.write_event(&p.writer, &events[i], &p.out));
		answer_add(&p.answer, &events[i]);
	}
	end(&p);
	assert_slice(buf_slice(&p.out),
		OUT("\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"Let me \"", "null")
		OUT("\"reasoning_content\":\"see\"", "null")
		OUT("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"Let me see\",\"signature\":\"sig\",\"index\":0}]", "null")
		OUT("\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"enc\",\"index\":1}]", "null")
		OUT("\"content\":\"Hi\"", "null") OUT("\"tool_calls\":[" CALL("0", "a", "f", "") "]", "null")
		/* A delta of a call without its function is an error to the AI SDK and a crash to Groq's. */
		OUT("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\"},\"extra_content\":{\"google\":"
		    "{\"thought_signature\":\"gem\"}}}]", "null")
		OUT("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]", "null")
		OUT("", "\"tool_calls\"") DONE);
	assert_slice(buf_slice(&p.whole),
		WHOLE("\"content\":\"Hi\",\"refusal\":null,\"reasoning_content\":\"Let me see\",\"reasoning_details\":[{\"type\":"
		      "\"reasoning.text\",\"text\":\"Let me see\",\"signature\":\"sig\",\"index\":0},{\"type\":\"reasoning.encrypted\","
		      "\"data\":\"enc\",\"index\":1}],\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
		      "\"arguments\":\"{}\"},\"extra_content\":{\"google\":{\"thought_signature\":\"gem\"}}}],\"annotations\":[]",
		      "tool_calls"));
	passing_done(&p);
}

static void test_media_citations_and_logprobs(void **state)
{
	static const char *const chunks[] = {
		DELTA("\"content\":\"\\u00e9t\\u00e9\""),
		DELTA("\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":1,\"end_index\":3,\"title\":\"T\","
		      "\"url\":\"https://x\"}}]"),
		DELTA("\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}]"),
		DELTA("\"audio\":{\"id\":\"audio_1\",\"transcript\":\"Hi\"}"), DELTA("\"audio\":{\"data\":\"BBBB\"}"),
		FINISH("stop"), NULL
	};
	static const struct stream_case s = {
		chunks, "start c\n0.0 text \xc3\xa9t\xc3\xa9\n0.0 citation https://x 1-3\n0.1 media image/png AAAA \n"
		"0.2 media audio/pcm  Hi\n0.2 media audio/pcm BBBB \n0 stop end stop\n",
		OUT("\"role\":\"assistant\",\"content\":\"\xc3\xa9t\xc3\xa9\"", "null")
		OUT("\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":1,\"end_index\":3,\"url\":\"https://x\","
		    "\"title\":\"T\"}}]", "null")
		OUT("\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"},\"index\":0}]", "null")
		OUT("\"audio\":{\"id\":\"audio_1\",\"transcript\":\"Hi\"}", "null") OUT("\"audio\":{\"data\":\"BBBB\"}", "null")
		OUT("", "\"stop\"") DONE, NULL,
	};
	struct passing p;

	check_stream(&s);
	passing_init(&p, NULL);
	pass_data(&p, "{\"id\":\"c\",\"created\":5,\"model\":\"own\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"logprobs\":"
		  "{\"content\":[{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97],\"top_logprobs\":[{\"token\":\"b\",\"logprob\":-1}]}]}}]}");
	end(&p);
#define LOGPROBS "{\"content\":[{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97],\"top_logprobs\":[{\"token\":\"b\",\"logprob\":-1," \
		 "\"bytes\":[98]}]}],\"refusal\":null}"
	assert_true(slice_find(buf_slice(&p.out), SLICE("\"delta\":{},\"logprobs\":" LOGPROBS ",\"finish_reason\":null}")) != SIZE_MAX);
	assert_true(slice_find(buf_slice(&p.whole), SLICE("\"logprobs\":" LOGPROBS ",\"finish_reason\":\"stop\"")) != SIZE_MAX);
	passing_done(&p);
}

/* Perplexity and xAI: the same list in every chunk, once in the answer. */
static void test_sources_beside_the_choices(void **state)
{
	struct passing p;

	passing_init(&p, NULL);
	pass_data(&p, "{\"id\":\"c\",\"citations\":[\"https://x\"],\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}");
	pass_data(&p, "{\"id\":\"c\",\"citations\":[\"https://x\"],\"search_results\":[{\"title\":\"T\",\"url\":\"https://x\"}],\"choices\":"
		  "[{\"index\":0,\"delta\":{\"content\":\"\"},\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}");
	assert_log(&p, "start c\n0.0 text Hi\n0.0 citation https://x -1--1\n0 stop end stop\n");
	end(&p);
	assert_true(slice_find(buf_slice(&p.whole), SLICE("\"start_index\":2,\"end_index\":2,\"url\":\"https://x\",\"title\":\"T\"")) !=
		    SIZE_MAX);
	passing_done(&p);
}

static void test_stop_words(void **state)
{
	static const struct { const char *word, *event, *written; } words[] = {
		{ "stop", "end", "stop" }, { "length", "length", "length" }, { "content_filter", "refusal", "content_filter" },
		{ "eos", "end", "stop" }, { "model_length", "context", "length" }, { "SAFETY", "refusal", "content_filter" },
		{ "tool_calls", "tool_calls", "stop" }, /* none came */
		{ "function_call_filter: MALFORMED_FUNCTION_CALL", "malformed", "stop" }, { "unheard", "unknown", "stop" },
		{ "pause_turn", "pause", "length" }, { "insufficient_system_resource", "length", "length" },
	};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		struct passing p;
		char chunk[512], expected[256];

		passing_init(&p, NULL);
		snprintf(chunk, sizeof(chunk), "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"%s\"}]}",
			 words[i].word);
		pass_data(&p, chunk);
		snprintf(expected, sizeof(expected), "start \n0.0 text x\n0 stop %s %s\n", words[i].event, words[i].word);
		assert_log(&p, expected);
		end(&p);
		snprintf(expected, sizeof(expected), "\"finish_reason\":\"%s\"", words[i].written);
		assert_true(slice_find(buf_slice(&p.out), slice_cstr(expected)) != SIZE_MAX);
		assert_true(slice_find(buf_slice(&p.whole), slice_cstr(expected)) != SIZE_MAX);
		passing_done(&p);
	}
}

/* OpenAI's gpt-audio and Snowflake end with [DONE] alone (recorded). vLLM names the sequence. */
static void test_stops_without_a_word(void **state)
{
	struct passing p;

	passing_init(&p, NULL);
	pass_data(&p, DELTA("\"content\":\"x\""));
	pass_data(&p, "[DONE]");
	assert_log(&p, "start c\n0.0 text x\n0 stop end \n");
	passing_done(&p);

	passing_init(&p, NULL);
	pass_data(&p, "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\",\"stop_reason\":\"END\"}]}");
	assert_log(&p, "start \n0.0 text x\n0 stop stop_sequence stop at END\n");
	passing_done(&p);

	passing_init(&p, NULL);
	pass_whole(&p, "{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{\"content\":\"x\"},\"finish_reason\":\"\"}]}");
	assert_log(&p, "start c\n0.0 text x\n0 stop end \n");
	passing_done(&p);
}

static void test_several_choices(void **state)
{
	struct passing p;

	passing_init(&p, NULL);
	pass_data(&p, "{\"id\":\"c\",\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}},{\"index\":0,\"delta\":{\"content\":\"a\"}}]}");
	pass_data(&p, "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}");
	pass_data(&p, "{\"id\":\"c\",\"choices\":[{\"index\":1,\"delta\":{\"content\":\"c\"},\"finish_reason\":\"length\"}]}");
	assert_log(&p, "start c\n1.0 text b\n0.0 text a\n0 stop end stop\n1.0 text c\n1 stop length length\n");
	end(&p);
	assert_true(slice_find(buf_slice(&p.whole), SLICE("\"content\":\"bc\"")) != SIZE_MAX);
	passing_done(&p);
}

static void test_whole_answers(void **state)
{
	struct passing p;

	passing_init(&p, NULL);
	pass_whole(&p, "{\"id\":\"c\",\"created\":5,\"model\":\"own\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
		   "null,\"refusal\":\"No\",\"reasoning\":\"Hm\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"
		   "\"completion_tokens\":2}}");
	assert_log(&p, "start c\n0.0 reasoning Hm\n0.1 refusal No\n0 stop end stop\n");
	end(&p);
	assert_slice(buf_slice(&p.whole), WHOLE("\"content\":null,\"refusal\":\"No\",\"reasoning_content\":\"Hm\",\"annotations\":[]",
						"stop"));
	passing_done(&p);
}

/* A client that sent `functions` is answered in kind. */
static void test_legacy_functions(void **state)
{
	struct passing p;

	passing_init(&p, "{\"model\":\"m\",\"functions\":[{\"name\":\"f\"}]}");
	pass_data(&p, CALLS(CALL("0", "a", "f", "{}")));
	pass_data(&p, FINISH("tool_calls"));
	end(&p);
	assert_slice(buf_slice(&p.out),
		OUT("\"role\":\"assistant\",\"content\":null,\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}", "null")
		OUT("\"function_call\":{\"arguments\":\"{}\"}", "null") OUT("", "\"function_call\"") DONE);
	assert_slice(buf_slice(&p.whole), WHOLE("\"content\":null,\"refusal\":null,\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"},"
						"\"annotations\":[]", "function_call"));
	passing_done(&p);
}

static void test_nothing_at_all(void **state)
{
	struct passing p;

	passing_init(&p, NULL);
	end(&p);
	assert_true(slice_ends_with(buf_slice(&p.out), SLICE("\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"},\"logprobs\":null,"
							     "\"finish_reason\":\"stop\"}]}\n\n" DONE)));
	assert_true(slice_find(buf_slice(&p.out), SLICE("\"id\":\"chatcmpl-")) != SIZE_MAX);
	assert_true(slice_find(buf_slice(&p.whole), SLICE("\"content\":\"\"")) != SIZE_MAX);
	passing_done(&p);
}

/* What is kept has a limit, and an `out` without room stays as it was. */
#define OTHER(choice) "{\"choices\":[" choice "]}"

/* The halves of a pair in two events, in two choices at once and in a call; and halves that nothing comes to. */
static void test_halves_of_characters(void **state)
{
	static const char *const chunks[] = {
		DELTA("\"content\":\"a\\ud83d\""), OTHER("{\"index\":1,\"delta\":{\"content\":\"\\uD83D\"}}"),
		DELTA("\"content\":\"\\ude00\""), OTHER("{\"index\":1,\"delta\":{\"content\":\"\\uDE01b\"}}"),
		DELTA("\"content\":\"\\ud83d\""), DELTA("\"content\":\"c\""), DELTA("\"content\":\"\\ude00\\ud83d\""),
		CALLS(CALL("0", "a", "f", "\\\"\\ud83d")), CALLS("{\"index\":0,\"function\":{\"arguments\":\"\\ude00\\\"\"}}"),
		FINISH("stop"), OTHER("{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}"),
	};
	struct translation t;
	struct event_list events;
	struct event_reader r;
	struct arena scratch;
	struct failure failure;
	struct request_facts facts = { 0 };
	struct reading reading;

	translation_init(&t, 1);
	arena_init(&scratch);
	dialect_openai_chat.reader_init(&r, OPERATION_CHAT);
	r.arena = &t.arena;
	translation_begin_answer(&t, &(struct translation_answer){ .client = &dialect_openai_chat, .facts = &facts, .folds = true,
				 .provider = SLICE("p"), .model = SLICE("m"), .usage = &r.usage, .seed = 1, .limit = 1 << 14 });
	for (size_t i = 0; i < COUNT_OF(chunks); i++) {
		struct frame f = { .data = slice_cstr(chunks[i]), .has_data = true };

		event_list_init(&events, &scratch);
		r.sink = &events;
		dialect_openai_chat.read_event(&r, &f, &scratch, &reading);
		assert_true(translation_take(&t, &events, &scratch, &failure));
	}
	assert_slice(buf_slice(&t.answer.choices[0].blocks->text), "a😀\xef\xbf\xbd" "c\xef\xbf\xbd\xef\xbf\xbd");
	assert_slice(buf_slice(&t.answer.choices[0].last->text), "\"😀\"");
	assert_slice(buf_slice(&t.answer.choices[1].blocks->text), "😁b");
	arena_done(&scratch);
	translation_done(&t);
}

static void test_limits(void **state)
{
	struct event e = { .kind = EVENT_REASONING, .text = SLICE("0123456789") };
	struct passing p;

	passing_init(&p, NULL);
	p.writer.limit = 15;
	assert_true(dialect_openai_chat.write_event(&p.writer, &e, &p.out));
	assert_false(dialect_openai_chat.write_event(&p.writer, &e, &p.out));
	passing_done(&p);

	passing_init(&p, NULL);
	buf_done(&p.out);
	buf_init(&p.out, 40);
	e.kind = EVENT_TEXT;
	assert_false(dialect_openai_chat.write_event(&p.writer, &e, &p.out));
	assert_int_equal(p.out.len, 0);
	passing_done(&p);
}

/* However the network cuts the stream, the same bytes come out. */
static void test_every_split(void **state)
{
	static const char stream[] =
		"data: " DELTA("\"role\":\"assistant\",\"reasoning\":\"H\xc3\xa9\"") "\n\n: ping\n\n"
		"data: " DELTA("\"content\":\"Hi\"") "\r\n\r\n"
		"data: " CALLS(CALL("0", "a", "f", "{\\\"x\\\":")) "\n\n"
		"data: " CALLS("{\"index\":0,\"function\":{\"arguments\":\"1}\"}}") "\n\n"
		"data: " FINISH("tool_calls") "\n\ndata: [DONE]\n\n";
	struct slice whole = slice_of(stream, sizeof(stream) - 1);
	struct buf first;

	buf_init(&first, 1 << 16);
	for (size_t split = 0; split <= whole.len; split++) {
		struct passing p;
		struct framer framer;
		struct frame f;
		size_t step = split == 0 ? 1 : split; /* 0: one byte at a time */

		passing_init(&p, NULL);
		framer_init(&framer, FRAMING_SSE, 1 << 16);
		for (size_t at = 0; at < whole.len; at += step) {
			framer_feed(&framer, slice_of(whole.ptr + at, whole.len - at < step ? whole.len - at : step));
			while (framer_next(&framer, &f)) {
				char data[1024];

				snprintf(data, sizeof(data), "%.*s", SLICE_ARG(f.data));
				if (f.has_data)
					pass_data(&p, data);
			}
		}
		end(&p);
		if (split == 0)
			assert_true(buf_append_slice(&first, buf_slice(&p.out)));
		assert_true(slice_eq(buf_slice(&first), buf_slice(&p.out)));
		framer_done(&framer);
		passing_done(&p);
	}
	assert_true(first.len > 0);
	buf_done(&first);
}

/* What we write reads back as what was written. */
static void test_round_trip(void **state)
{
	static const char *const chunks[] = {
		DELTA("\"reasoning_content\":\"Hm\""),
		DELTA("\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"e\",\"index\":0}]"), DELTA("\"content\":\"Hi\""),
		CALLS(CALL("0", "a", "f", "{}")), CALLS(CALL("1", "b", "g", "")), FINISH("tool_calls"), NULL
	};
	struct passing there, back;
	struct framer framer;
	struct frame f;

	passing_init(&there, NULL);
	passing_init(&back, NULL);
	for (const char *const *chunk = chunks; *chunk; chunk++)
		pass_data(&there, *chunk);
	end(&there);
	framer_init(&framer, FRAMING_SSE, 1 << 16);
	framer_feed(&framer, buf_slice(&there.out));
	while (framer_next(&framer, &f)) {
		char data[2048];

		snprintf(data, sizeof(data), "%.*s", SLICE_ARG(f.data));
		assert_int_equal(pass_data(&back, data) & (READING_MALFORMED | READING_FAILURE), 0);
	}
	assert_int_equal(dialect_openai_chat.read_end(&back.reader), STREAM_COMPLETE);
	end(&back);
	/* Only the state has been wrapped once more. */
	assert_true(slice_find(buf_slice(&back.whole), SLICE("\"content\":\"Hi\"")) != SIZE_MAX);
	assert_int_equal(there.answer.choices[0].blocks->next->next->next->text.len, 2);
	for (const struct answer_block *x = there.answer.choices[0].blocks, *y = back.answer.choices[0].blocks; x || y;
	     x = x->next, y = y->next) {
		assert_non_null(x);
		assert_non_null(y);
		assert_int_equal(x->kind, y->kind);
		assert_true(slice_eq(x->name, y->name) && slice_eq(x->id, y->id));
		assert_true(slice_eq(buf_slice(&x->text), buf_slice(&y->text)) || x->text.len == 0);
	}
	framer_done(&framer);
	passing_done(&there);
	passing_done(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_usage_only_when_asked),
		cmocka_unit_test(test_parallel_calls),
		cmocka_unit_test(test_odd_calls),
		cmocka_unit_test(test_reasoning_spellings),
		cmocka_unit_test(test_reasoning_state_is_written),
		cmocka_unit_test(test_media_citations_and_logprobs),
		cmocka_unit_test(test_sources_beside_the_choices),
		cmocka_unit_test(test_stop_words),
		cmocka_unit_test(test_stops_without_a_word),
		cmocka_unit_test(test_several_choices),
		cmocka_unit_test(test_whole_answers),
		cmocka_unit_test(test_legacy_functions),
		cmocka_unit_test(test_nothing_at_all),
		cmocka_unit_test(test_halves_of_characters),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
