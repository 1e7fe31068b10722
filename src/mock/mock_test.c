/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the simulated provider over real connections on loopback. What it says is judged by the dialects' own readers: an
 * answer must be complete by the grammar, and every fault must be the fault it claims to be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "dialect/dialect.h"
#include "http/client.h"
#include "mock/mock.h"

enum { ANSWER_MAX = 1 << 20, TURN_MS = 20 };
#define PATIENCE_NS (20 * NS_PER_S)

struct world {
	struct loop *loop;
	struct mock *mock;
	struct http_client *client;
	struct proxy_settings no_proxies;
	struct arena arena;
	struct origin origin;
};

static void world_init(struct world *w, const struct mock_options *o)
{
	struct http_client_options client;
	char error[160], text[ADDRESS_TEXT_MAX];
	const char *parse_error;
	struct address any;

	*w = (struct world){ .loop = loop_new(0) };
	arena_init(&w->arena);
	assert_true(address_parse(SLICE("127.0.0.1:0"), &any, &parse_error));
	w->mock = mock_start(w->loop, o, &any, error, sizeof(error));
	assert_non_null(w->mock);
	http_client_options_init(&client);
	client.proxies = &w->no_proxies;
	w->client = http_client_new(w->loop, &client);
	address_format(mock_address(w->mock), text);
	assert_true(url_parse(&w->arena, arena_printf(&w->arena, "http://%s", text), &w->origin.url, &parse_error));
}

static void world_done(struct world *w)
{
	http_client_free(w->client);
	mock_stop(w->mock);
	loop_free(w->loop);
	arena_done(&w->arena);
}

static void on_event(struct client_stream *s)
{
}

struct reply {
	int status;                    /* 0 = none came */
	bool complete;                 /* by the framing of HTTP */
	bool silent;                   /* nothing came any more */
	struct slice retry_after;
	struct slice body;             /* in the world's arena */
};

/* Reads what is there. True when the answer is over. */
static bool take(struct client_stream *s, struct buf *body, struct reply *ret)
{
	struct slice bytes;

	if (s->state == CLIENT_FAILED)
		return true;
	if (s->state != CLIENT_BODY && s->state != CLIENT_DONE)
		return false;
	ret->status = s->status;
	for (;;) {
		switch (client_stream_read(s, &bytes)) {
		case CLIENT_READ_DATA:
			assert_true(buf_append_slice(body, bytes));
			break;
		case CLIENT_READ_AGAIN:
			return false;
		case CLIENT_READ_END:
			ret->complete = true;
			return true;
		case CLIENT_READ_FAILED:
			return true;
		}
	}
}

/* Asks with a key; gives a silent mock so many turns without news. */
static struct reply ask_with_key(struct world *w, enum http_method method, const char *target, const char *json, const char *key)
{
	struct header headers[] = {
		{ SLICE("content-type"), SLICE("application/json") },
		{ SLICE("x-api-key"), slice_cstr(key) },
	};
	struct slice body = slice_cstr(json);
	struct client_request r = { .origin = &w->origin, .method = method, .target = slice_cstr(target), .headers = headers,
				    .header_count = key ? 2 : 1, .body = &body, .body_count = json ? 1 : 0, .connect_timeout_ms = 5000 };
	struct client_stream *s = client_stream_open(w->client, &r, on_event, NULL);
	struct reply answer = { 0 };
	int64_t deadline = clock_now_ns() + PATIENCE_NS;
	unsigned quiet_turns = 0;
	struct buf out;
	bool over = false;

	buf_init(&out, ANSWER_MAX);
	while (!over && quiet_turns < 40 && clock_now_ns() < deadline) {
		size_t before = out.len;

		loop_turn(w->loop, TURN_MS);
		over = take(s, &out, &answer);
		quiet_turns = out.len == before ? quiet_turns + 1 : 0;
	}
	answer.silent = !over;
	answer.body = arena_dup(&w->arena, buf_slice(&out));
	if (answer.status > 0)
		answer.retry_after = arena_dup(&w->arena, headers_get(&s->headers, SLICE("retry-after")));
	buf_done(&out);
	client_stream_close(s);
	return answer;
}

static struct reply ask(struct world *w, const char *target, const char *json)
{
	return ask_with_key(w, HTTP_POST, target, json, NULL);
}

/* ---- what the dialects' readers make of it ---- */

static const char *read_stream(const struct dialect *d, enum operation op, struct slice query, struct slice body, struct usage *ret)
{
	struct event_reader reader = { .dialect = d };
	const char *verdict = NULL;
	struct framer framer;
	struct frame frame;
	struct arena scratch;

	arena_init(&scratch);
	framer_init(&framer, d->stream_framing(query), ANSWER_MAX);
	d->reader_init(&reader, op);
	framer_feed(&framer, body);
	while (!verdict && framer_next(&framer, &frame)) {
		struct reading reading = { 0 };

		d->read_event(&reader, &frame, &scratch, &reading);
		if (reading.flags & READING_FAILURE)
			verdict = "failure";
		else if (reading.flags & READING_MALFORMED)
			verdict = "malformed";
		arena_reset(&scratch);
	}
	if (!verdict && framer.malformed)
		verdict = "malformed";
	if (!verdict) {
		static const char *const ends[] = { [STREAM_COMPLETE] = "complete", [STREAM_NEEDS_TERMINATOR] = "no terminator",
						    [STREAM_CUT] = "cut" };

		verdict = ends[d->read_end(&reader)];
	}
	*ret = reader.usage;
	framer_done(&framer);
	arena_done(&scratch);
	return verdict;
}

static const char *read_whole(const struct dialect *d, enum operation op, struct slice body, struct usage *ret)
{
	struct event_reader reader = { .dialect = d };
	struct reading reading = { 0 };
	struct arena scratch;

	arena_init(&scratch);
	d->reader_init(&reader, op);
	d->read_whole(&reader, body, &scratch, &reading);
	*ret = reader.usage;
	arena_done(&scratch);
	if (reading.flags & READING_FAILURE)
		return "failure";
	return reading.flags & READING_MALFORMED ? "malformed" : "complete";
}

#define CHAT "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"
#define CHAT_STREAM \
	"{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"
#define CONVERSE "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hello\"}]}]}"
#define CONTENTS "{\"contents\":[{\"parts\":[{\"text\":\"hello\"}]}]}"

struct question {
	const struct dialect *dialect;
	enum operation operation;
	const char *target;
	const char *body;
	const char *query;             /* of a stream; NULL = whole */
};

static const struct question questions[] = {
	{ &dialect_openai_chat, OPERATION_CHAT, "/v1/chat/completions", CHAT, NULL },
	{ &dialect_openai_chat, OPERATION_CHAT, "/v1/chat/completions", CHAT_STREAM, "" },
	{ &dialect_openai_chat, OPERATION_COMPLETIONS, "/v1/completions", "{\"model\":\"m\",\"prompt\":\"x\"}", NULL },
	{ &dialect_openai_chat, OPERATION_EMBEDDINGS, "/v1/embeddings", "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}", NULL },
	{ &dialect_anthropic, OPERATION_CHAT, "/v1/messages", CHAT, NULL },
	{ &dialect_anthropic, OPERATION_CHAT, "/v1/messages", CHAT_STREAM, "" },
	{ &dialect_anthropic, OPERATION_COUNT_TOKENS, "/v1/messages/count_tokens", CHAT, NULL },
	{ &dialect_gemini, OPERATION_CHAT, "/v1beta/models/m:generateContent", CONTENTS, NULL },
	{ &dialect_gemini, OPERATION_CHAT, "/v1beta/models/m:streamGenerateContent?alt=sse", CONTENTS, "alt=sse" },
	{ &dialect_gemini, OPERATION_CHAT, "/v1beta/models/m:streamGenerateContent", CONTENTS, "" },
	{ &dialect_gemini, OPERATION_COUNT_TOKENS, "/v1beta/models/m:countTokens", CONTENTS, NULL },
	{ &dialect_gemini, OPERATION_EMBEDDINGS, "/v1beta/models/m:embedContent", "{\"content\":{\"parts\":[{\"text\":\"x\"}]}}", NULL },
	{ &dialect_openai_responses, OPERATION_CHAT, "/v1/responses", "{\"model\":\"m\",\"input\":\"hello\"}", NULL },
	{ &dialect_openai_responses, OPERATION_CHAT, "/v1/responses", "{\"model\":\"m\",\"input\":\"hello\",\"stream\":true}", "" },
	{ &dialect_bedrock, OPERATION_CHAT, "/model/a.m-v1%3A0/converse", CONVERSE, NULL },
	{ &dialect_bedrock, OPERATION_CHAT, "/model/a.m-v1%3A0/converse-stream", CONVERSE, "" },
	{ &dialect_cohere, OPERATION_CHAT, "/v2/chat", CHAT, NULL },
	{ &dialect_cohere, OPERATION_CHAT, "/v2/chat", "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", "" },
	{ &dialect_ollama, OPERATION_CHAT, "/api/chat", CHAT, "" }, /* streams unless told otherwise */
	{ &dialect_ollama, OPERATION_CHAT, "/api/chat", "{\"model\":\"m\",\"stream\":false,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", NULL },
};

static const char *judge(const struct question *q, struct slice body, struct usage *ret)
{
	return q->query ? read_stream(q->dialect, q->operation, slice_cstr(q->query), body, ret) :
			  read_whole(q->dialect, q->operation, body, ret);
}

static void test_answers_follow_the_grammar(void **state)
{
	struct mock_options o;
	struct world w;

	mock_options_init(&o);
	o.tokens = 50;
	world_init(&w, &o);
	for (unsigned i = 0; i < COUNT_OF(questions); i++) {
		const struct question *q = &questions[i];
		struct reply a = ask(&w, q->target, q->body);
		struct usage usage;

		print_message("%s\n", q->target);
		assert_int_equal(a.status, 200);
		assert_true(a.complete);
		assert_string_equal(judge(q, a.body, &usage), "complete");
		if (q->operation == OPERATION_CHAT || q->operation == OPERATION_COMPLETIONS) {
			assert_true(usage.reported);
			assert_true(usage.output == 50);
			assert_true(usage.input > 0);
		}
	}
	world_done(&w);
}

struct fault_case {
	const char *fault;
	unsigned question;             /* index into questions */
	int status;
	bool complete, silent;
	const char *verdict;           /* NULL = no body to judge */
};

/* 0 is a whole OpenAI answer; 1, 5, 8 and 9 are the streams of the dialects. */
static const struct fault_case fault_cases[] = {
	{ "status=503,retry-after=7", 0, 503, true, false, NULL },
	{ "status=529", 5, 529, true, false, NULL },
	{ "reset", 0, 0, false, false, NULL },
	{ "silence", 1, 0, false, true, NULL },
	{ "cut", 0, 200, false, false, "malformed" },
	{ "cut,after=3", 1, 200, false, false, "cut" },
	{ "cut,after=3", 5, 200, false, false, "cut" },
	{ "cut,after=3", 8, 200, false, false, "cut" },
	{ "stall", 0, 200, false, true, "malformed" },
	{ "stall,after=0", 5, 200, false, true, "cut" },
	{ "end", 1, 200, true, false, "cut" },
	{ "end", 5, 200, true, false, "cut" },
	{ "end", 9, 200, true, false, "cut" },
	{ "malformed", 0, 200, true, false, "malformed" },
	{ "malformed", 1, 200, true, false, "malformed" },
	{ "malformed", 5, 200, true, false, "malformed" },
	{ "malformed", 8, 200, true, false, "malformed" },
	{ "error-event", 0, 200, true, false, "failure" },
	{ "error-event", 1, 200, true, false, "failure" },
	{ "error-event,after=0", 5, 200, true, false, "failure" },
	{ "error-event", 9, 200, true, false, "failure" },
	{ "no-terminator", 1, 200, true, false, "no terminator" },
	{ "no-terminator", 5, 200, true, false, "no terminator" },
};

static void test_faults_are_what_they_claim(void **state)
{
	for (unsigned i = 0; i < COUNT_OF(fault_cases); i++) {
		const struct fault_case *c = &fault_cases[i];
		struct mock_options o;
		struct usage usage;
		struct reply a;
		struct world w;
		const char *error;

		mock_options_init(&o);
		assert_true(mock_fault_parse(slice_cstr(c->fault), &o.faults[0], &error));
		o.fault_count = 1;
		world_init(&w, &o);
		a = ask(&w, questions[c->question].target, questions[c->question].body);
		print_message("%s at %s\n", c->fault, questions[c->question].target);
		assert_int_equal(a.status, c->status);
		assert_int_equal(a.complete, c->complete);
		assert_int_equal(a.silent, c->silent);
		if (c->verdict)
			assert_string_equal(judge(&questions[c->question], a.body, &usage), c->verdict);
		if (c->status == 503)
			assert_true(slice_eq(a.retry_after, SLICE("7")));
		world_done(&w);
	}
}

static void test_fault_words(void **state)
{
	static const char *const wrong[] = { "", "none", "status", "status=200", "status=600", "status=abc", "cut=3", "cut,after", "cut,after=x",
					     "cut,every=0", "cut,chance=2", "cut,chance=1.5", "cut,chance=.5", "cut,model=", "cut,foo=1" };
	struct mock_fault f;
	const char *error;

	for (unsigned i = 0; i < COUNT_OF(wrong); i++)
		assert_false(mock_fault_parse(slice_cstr(wrong[i]), &f, &error));
	assert_true(mock_fault_parse(SLICE("status=429,retry-after=3,every=2,times=4,chance=0.25,model=x,after=9"), &f, &error));
	assert_int_equal(f.kind, MOCK_STATUS);
	assert_int_equal(f.status, 429);
	assert_int_equal(f.retry_after_s, 3);
	assert_int_equal(f.every, 2);
	assert_int_equal(f.times, 4);
	assert_int_equal(f.permille, 250);
	assert_string_equal(f.model, "x");
	assert_int_equal(f.after, 9);
}

static void test_faults_count(void **state)
{
	static const int statuses[] = { 200, 500, 200, 500, 200, 200 };
	struct mock_options o;
	struct world w;
	const char *error;

	mock_options_init(&o);
	assert_true(mock_fault_parse(SLICE("status=500,every=2,times=2,model=m"), &o.faults[0], &error));
	o.fault_count = 1;
	world_init(&w, &o);
	for (unsigned i = 0; i < COUNT_OF(statuses); i++) {
		assert_int_equal(ask(&w, "/v1/chat/completions", "{\"model\":\"other\"}").status, 200);
		assert_int_equal(ask(&w, "/v1/chat/completions", CHAT).status, statuses[i]);
	}
	assert_int_equal(ask(&w, "/v1/messages", "{\"model\":\"fault-529\"}").status, 529);
	assert_int_equal(ask(&w, "/v1/messages", "{\"model\":\"fault-reset\"}").status, 0);
	assert_int_equal(ask(&w, "/v1/messages", "{\"model\":\"fault-nonsense\"}").status, 200);
	world_done(&w);
}

static void test_limit_and_key(void **state)
{
	struct mock_options o;
	struct world w;
	struct reply a;

	mock_options_init(&o);
	o.limit_per_minute = 2;
	o.key = SLICE("secret");
	world_init(&w, &o);
	assert_int_equal(ask(&w, "/v1/messages", CHAT).status, 401);
	assert_int_equal(ask_with_key(&w, HTTP_POST, "/v1/messages", CHAT, "wrong").status, 401);
	assert_int_equal(ask_with_key(&w, HTTP_POST, "/v1/messages", CHAT, "secret").status, 200);
	assert_int_equal(ask(&w, "/v1beta/models/m:generateContent?key=secret", CONTENTS).status, 200);
	a = ask_with_key(&w, HTTP_POST, "/v1/messages", CHAT, "secret");
	assert_int_equal(a.status, 429);
	assert_true(slice_eq(a.retry_after, SLICE("60")));
	world_done(&w);
}

static void test_refusals(void **state)
{
	struct mock_options o;
	struct world w;

	mock_options_init(&o);
	world_init(&w, &o);
	assert_int_equal(ask(&w, "/v1/nothing", CHAT).status, 404);
	assert_int_equal(ask(&w, "/v1/messages", "no json").status, 400);
	assert_int_equal(ask(&w, "/v1/messages", "{}").status, 400);
	assert_int_equal(ask_with_key(&w, HTTP_GET, "/v1/models", NULL, NULL).status, 200);
	assert_int_equal(ask_with_key(&w, HTTP_GET, "/v1beta/models", NULL, NULL).status, 200);
	world_done(&w);
}

/* Time passes where it was asked for; how much more than that is not tested. */
static void test_pace(void **state)
{
	struct mock_options o;
	struct world w;
	int64_t started;

	mock_options_init(&o);
	o.latency_ms = 30;
	o.first_token_ms = 20;
	o.rate = 500;
	o.tokens = 26;
	world_init(&w, &o);
	started = clock_now_ns();
	assert_int_equal(ask(&w, "/v1/chat/completions", CHAT_STREAM).status, 200);
	assert_true(clock_now_ns() - started >= (30 + 20 + 50) * NS_PER_MS);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_follow_the_grammar),
		cmocka_unit_test(test_faults_are_what_they_claim),
		cmocka_unit_test(test_fault_words),
		cmocka_unit_test(test_faults_count),
		cmocka_unit_test(test_limit_and_key),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_pace),
	};

	return cmocka_run_group_tests_name("mock", tests, NULL, NULL);
}
