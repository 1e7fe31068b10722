/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated provider's server. A session is one request, from its head to the last byte of its answer:
 *
 *     RECEIVING → WAITING (latency) → SPEAKING → ENDING           whole answers skip SPEAKING
 *                                   ↘ SILENT, BREAKING            faults: says nothing more; breaks off in a moment
 *
 * Events queue the session's task; the task alone acts and frees. */
#include <inttypes.h>
#include "base/clock.h"
#include "base/random.h"
#include "http/server.h"
#include "llm/estimate.h"
#include "mock/mock_internal.h"
#include "net/listener.h"

enum { BODY_MAX = 64 << 20, WRITE_BATCH = 32 << 10, MINUTE_MS = 60000, DIMENSIONS_DEFAULT = 8 };

/* What was written before a cut should arrive before the reset does, which would discard it. */
#define BREAK_DELAY_NS (20 * NS_PER_MS)

struct mock {
	struct loop *loop;
	struct mock_options options;
	struct byte_budget bodies;
	struct http_server *server;
	struct listener *listener;
	struct http_handler handler;
	struct list sessions;
	uint64_t answers;
	int64_t minute_ends_ns;
	unsigned requests_this_minute;
};

enum session_state { RECEIVING, WAITING, SPEAKING, SILENT, BREAKING, ENDING };

struct session {
	struct list node;
	struct mock *mock;
	struct server_stream *stream;
	struct task task;
	struct timer timer;
	enum session_state state;
	const struct mock_wire *wire;
	struct mock_reply reply;
	struct mock_fault fault;
	int status;
	unsigned said;                 /* tokens */
	int64_t speaks_ns;             /* when the first token is due */
	struct buf out;
};

void mock_options_init(struct mock_options *o)
{
	*o = (struct mock_options){ .name = "mock", .tokens = 24 };
}

/* ---- the paths it answers ---- */

struct endpoint {
	const char *tail;
	enum http_method method;
	const struct mock_wire *wire;
	enum mock_job job;
	bool stream;
};

static const struct endpoint endpoints[] = {
	{ "/chat/completions", HTTP_POST, &mock_openai, MOCK_CHAT, false },
	{ "/completions", HTTP_POST, &mock_openai, MOCK_COMPLETION, false },
	{ "/responses", HTTP_POST, &mock_responses, MOCK_CHAT, false },
	{ "/converse", HTTP_POST, &mock_bedrock, MOCK_CHAT, false },
	{ "/converse-stream", HTTP_POST, &mock_bedrock, MOCK_CHAT, true },
	{ "/v2/chat", HTTP_POST, &mock_cohere, MOCK_CHAT, false },
	{ "/api/chat", HTTP_POST, &mock_ollama, MOCK_CHAT, false },
	{ "/embeddings", HTTP_POST, &mock_openai, MOCK_EMBED, false },
	{ "/messages/count_tokens", HTTP_POST, &mock_anthropic, MOCK_COUNT, false },
	{ "/messages", HTTP_POST, &mock_anthropic, MOCK_CHAT, false },
	{ ":generateContent", HTTP_POST, &mock_gemini, MOCK_CHAT, false },
	{ ":streamGenerateContent", HTTP_POST, &mock_gemini, MOCK_CHAT, true },
	{ ":countTokens", HTTP_POST, &mock_gemini, MOCK_COUNT, false },
	{ ":embedContent", HTTP_POST, &mock_gemini, MOCK_EMBED, false },
	{ "/v1beta/models", HTTP_GET, &mock_gemini, MOCK_LIST, false },
	{ "/models", HTTP_GET, &mock_openai, MOCK_LIST, false },
};

static const struct endpoint *find_endpoint(const struct server_stream *s)
{
	for (unsigned i = 0; i < COUNT_OF(endpoints); i++)
		if (s->method == endpoints[i].method && slice_ends_with(s->target.path, slice_cstr(endpoints[i].tail)))
			return &endpoints[i];
	return NULL;
}

static bool has_header(const struct server_stream *s, struct slice name)
{
	return headers_get(&s->headers, name).ptr != NULL;
}

/* Whose error shape a request gets, also where it asks for something unknown. */
static const struct mock_wire *guess_wire(const struct server_stream *s, const struct endpoint *e)
{
	if (has_header(s, SLICE("anthropic-version")) && (!e || e->job == MOCK_LIST))
		return &mock_anthropic;
	if (e)
		return e->wire;
	return slice_find(s->target.path, SLICE("/v1beta/")) != SIZE_MAX ? &mock_gemini : &mock_openai;
}

/* The segment before the verb: ".../models/ID:verb", ".../model/ID/verb". */
static struct slice path_model(struct arena *a, struct slice path, char before_verb)
{
	size_t end = path.len, start;

	while (end > 0 && path.ptr[end - 1] != before_verb)
		end--;
	start = end > 0 ? end - 1 : 0;

	while (start > 0 && path.ptr[start - 1] != '/')
		start--;
	return end > start + 1 ? path_segment_decode(a, slice_of(path.ptr + start, end - 1 - start)) : SLICE("");
}

static struct slice presented_key(struct server_stream *s)
{
	struct slice bearer = headers_get(&s->headers, SLICE("authorization"));
	struct slice key = headers_get(&s->headers, SLICE("x-api-key"));

	if (slice_starts_with(bearer, SLICE("Bearer ")))
		return slice_after(bearer, strlen("Bearer "));
	if (!key.ptr)
		key = headers_get(&s->headers, SLICE("x-goog-api-key"));
	return key.ptr ? key : query_get(&s->arena, s->target.query, SLICE("key"));
}

/* ---- sessions ---- */

static void session_run(struct task *t);
static void answer(struct session *s);

static void session_wake(struct timer *t)
{
	struct session *s = CONTAINER_OF(t, struct session, timer);

	loop_queue(s->mock->loop, &s->task);
}

static void session_event(struct server_stream *stream)
{
	struct session *s = stream->owner;

	loop_queue(s->mock->loop, &s->task);
}

static void on_request(struct server_stream *stream, void *ctx)
{
	struct mock *m = ctx;
	struct session *s = xcalloc(1, sizeof(*s));

	s->mock = m;
	s->stream = stream;
	list_init(&s->node);
	list_append(&m->sessions, &s->node);
	task_init(&s->task, session_run);
	timer_init(&s->timer, m->loop, session_wake);
	buf_init(&s->out, MOCK_OUT_MAX);
	stream->owner = s;
	stream->on_event = session_event;
	server_stream_read_body(stream);
	loop_queue(m->loop, &s->task);
}

static void report(const struct session *s)
{
	struct mock_record r = {
		.mock = s->mock->options.name,
		.path = s->stream->target.path,
		.model = s->reply.model,
		.status = s->status,
		.tokens = s->said,
		.stream = s->reply.stream,
		.gone = s->state != ENDING || !s->stream->flushed,
		.fault = s->fault.kind,
	};

	if (s->mock->options.on_record)
		s->mock->options.on_record(&r, s->mock->options.ctx);
}

static void session_free(struct session *s)
{
	list_remove(&s->node);
	task_cancel(&s->task);
	timer_cancel(&s->timer);
	server_stream_release(s->stream);
	buf_done(&s->out);
	free(s);
}

static void wait_until(struct session *s, int64_t deadline_ns)
{
	timer_set(&s->timer, deadline_ns);
}

/* Ends it on purpose without an end: RST. */
static void break_off(struct session *s)
{
	server_stream_abort(s->stream);
	report(s);
	session_free(s);
}

static void break_off_soon(struct session *s)
{
	s->state = BREAKING;
	wait_until(s, clock_now_ns() + BREAK_DELAY_NS);
}

static bool timer_has_fired(const struct session *s)
{
	return !timer_is_set(&s->timer) || clock_now_ns() >= s->timer.deadline;
}

static void send_out(struct session *s)
{
	struct slice bytes = buf_slice(&s->out);

	if (bytes.len == 0)
		return;
	server_stream_write(s->stream, &bytes, 1);
	buf_clear(&s->out);
}

static void send_head(struct session *s, int status, const char *type, int64_t length)
{
	struct header headers[3] = { { SLICE("content-type"), slice_cstr(type) } };
	unsigned count = 1;
	char id[48];

	s->status = status;
	snprintf(id, sizeof(id), "req_mock%016" PRIx64, s->reply.number);
	headers[count++] = (struct header){ s->wire == &mock_anthropic ? SLICE("request-id") : SLICE("x-request-id"),
					    arena_dup(&s->stream->arena, slice_cstr(id)) };
	if (status >= 400 && s->fault.retry_after_s >= 0)
		headers[count++] = (struct header){ SLICE("retry-after"),
						    arena_printf(&s->stream->arena, "%" PRId64, s->fault.retry_after_s) };
	server_stream_head(s->stream, status, headers, count, length);
}

/* The answer is over: the task sees when its last byte has left. */
static void end_answer(struct session *s)
{
	server_stream_end(s->stream);
	s->state = ENDING;
	loop_queue(s->mock->loop, &s->task);
}

static void send_whole(struct session *s, int status)
{
	server_stream_cork(s->stream);
	send_head(s, status, "application/json", (int64_t)s->out.len);
	send_out(s);
	end_answer(s);
}

static void send_error(struct session *s, int status, const char *message)
{
	buf_clear(&s->out);
	s->wire->write_error(s->wire, status, message, &s->out);
	send_whole(s, status);
}

/* ---- reading the request ---- */

static unsigned count_inputs(struct json input)
{
	size_t count = json_is(input, JSON_ARRAY) ? json_count(input) : 1;

	/* One vector for a list of token numbers. */
	if (json_is(input, JSON_ARRAY) && count > 0 && json_is(json_at(input, 0), JSON_NUMBER))
		return 1;
	return count > MOCK_INPUTS_MAX ? MOCK_INPUTS_MAX : (unsigned)count;
}

static unsigned read_dimensions(struct json root)
{
	struct json said = json_get(root, "dimensions");
	int64_t value;

	if (!json_exists(said))
		said = json_get(root, "outputDimensionality");
	if (!json_to_i64(said, &value) || value < 1)
		return DIMENSIONS_DEFAULT;
	return value > MOCK_DIMENSIONS_MAX ? MOCK_DIMENSIONS_MAX : (unsigned)value;
}

/* False: answered with an error. */
static bool read_body(struct session *s, const struct endpoint *e)
{
	struct mock_reply *r = &s->reply;
	struct arena *a = &s->stream->arena;
	struct slice body = buf_slice(&s->stream->body);
	struct json_error error;
	struct json_doc doc;
	struct json root;
	struct failure failure;

	if (!json_parse(a, body, &doc, &error) || !json_is(json_root(&doc), JSON_OBJECT)) {
		send_error(s, 400, "the body is no JSON object");
		return false;
	}
	root = json_root(&doc);
	for (size_t i = 0; i < body.len; i++)
		r->seed = r->seed * 31 + (unsigned char)body.ptr[i];
	r->stream = e->stream || json_to_bool(json_get(root, "stream"), false);
	if (e->wire->dialect) {
		struct slice in_path = path_model(a, s->stream->target.path, '/');

		if (!mock_hub_read(r, e->wire, &doc, in_path, e->stream, a, &failure)) {
			send_error(s, 400, failure.message);
			return false;
		}
	} else {
		r->model = e->wire == &mock_gemini ? path_model(a, s->stream->target.path, ':')
						   : json_text(json_get(root, "model"), a);
	}
	if (r->model.len == 0 || r->model.len >= MOCK_MODEL_MAX) {
		send_error(s, 400, "a model is needed, with a name of at most 127 bytes");
		return false;
	}
	r->wants_usage = json_to_bool(json_get(json_get(root, "stream_options"), "include_usage"), false);
	r->wants_base64 = json_text_eq(json_get(root, "encoding_format"), SLICE("base64"));
	r->is_array = e->stream && !slice_eq(query_get(a, s->stream->target.query, SLICE("alt")), SLICE("sse"));
	r->inputs = count_inputs(json_get(root, "input"));
	r->dimensions = read_dimensions(root);
	r->prompt_tokens = estimate_text_tokens(body.ptr, body.len);
	return true;
}

/* False: refused. The window begins with its first request. */
static bool admit(struct session *s)
{
	struct mock *m = s->mock;
	int64_t now = clock_now_ns();

	if (m->options.key.len > 0 && !slice_eq(presented_key(s->stream), m->options.key)) {
		send_error(s, 401, "the key is not the one that is expected here");
		return false;
	}
	if (m->options.limit_per_minute == 0)
		return true;
	if (now >= m->minute_ends_ns) {
		m->minute_ends_ns = now + MINUTE_MS * NS_PER_MS;
		m->requests_this_minute = 0;
	}
	if (m->requests_this_minute++ < m->options.limit_per_minute)
		return true;
	s->fault.retry_after_s = (m->minute_ends_ns - now + NS_PER_S - 1) / NS_PER_S;
	send_error(s, 429, "the limit of requests per minute is used up");
	return false;
}

static void receive(struct session *s)
{
	const struct endpoint *e = find_endpoint(s->stream);

	s->wire = guess_wire(s->stream, e);
	s->fault.retry_after_s = -1;
	s->reply = (struct mock_reply){ .name = s->mock->options.name,
					.job = e ? e->job : MOCK_CHAT,
					.number = ++s->mock->answers,
					.created_s = clock_wall_ms() / 1000,
					.tokens = s->mock->options.tokens };
	if (s->stream->body_state == BODY_FAILED) {
		send_error(s, 400, s->stream->body_failure->message);
		return;
	}
	if (!e) {
		send_error(s, 404, "there is no such endpoint here");
		return;
	}
	if (!admit(s) || (e->job != MOCK_LIST && !read_body(s, e)))
		return;
	s->fault = mock_fault_pick(s->mock->options.faults, s->mock->options.fault_count, s->reply.model);
	s->state = WAITING;
	if (s->mock->options.latency_ms > 0)
		wait_until(s, clock_now_ns() + s->mock->options.latency_ms * NS_PER_MS);
	else
		answer(s);
}

/* ---- answering ---- */

static void answer_status(struct session *s)
{
	char message[80];

	snprintf(message, sizeof(message), "This is a simulated fault: status %d", s->fault.status);
	send_error(s, s->fault.status, message);
}

/* Half of the body that was announced. */
static void cut_whole(struct session *s)
{
	size_t all = s->out.len;
	struct slice half = slice_of(buf_slice(&s->out).ptr, all / 2);

	send_head(s, 200, "application/json", (int64_t)all);
	server_stream_write(s->stream, &half, 1);
	if (s->fault.kind == MOCK_CUT)
		break_off_soon(s);
	else
		s->state = SILENT;
}

static void answer_whole(struct session *s)
{
	s->wire->write_whole(&s->reply, &s->out);
	switch (s->fault.kind) {
	case MOCK_CUT:
	case MOCK_STALL:
		cut_whole(s);
		return;
	case MOCK_MALFORMED:
		s->out.len -= s->out.len / 3;
		break;
	case MOCK_ERROR_EVENT:
		buf_clear(&s->out);
		s->wire->write_error(s->wire, 500, "This is a simulated error in an answer of status 200", &s->out);
		break;
	default:
		break;
	}
	s->said = s->reply.job == MOCK_CHAT || s->reply.job == MOCK_COMPLETION ? s->reply.tokens : 0;
	send_whole(s, 200);
}

static void answer_stream(struct session *s)
{
	send_head(s, 200, s->wire->stream_type(&s->reply), BODY_LENGTH_UNKNOWN);
	s->wire->write_begin(&s->reply, &s->out);
	if (s->out.len > 0)
		send_out(s);
	else
		server_stream_flush(s->stream);
	s->state = SPEAKING;
	s->speaks_ns = clock_now_ns() + s->mock->options.first_token_ms * NS_PER_MS;
	loop_queue(s->mock->loop, &s->task);
}

static void answer(struct session *s)
{
	bool has_stream = s->reply.stream && (s->reply.job == MOCK_CHAT || s->reply.job == MOCK_COMPLETION);

	switch (s->fault.kind) {
	case MOCK_STATUS:
		answer_status(s);
		break;
	case MOCK_RESET:
		break_off(s);
		break;
	case MOCK_SILENCE:
		s->state = SILENT;
		break;
	default:
		if (has_stream)
			answer_stream(s);
		else
			answer_whole(s);
	}
}

static void end_stream(struct session *s)
{
	server_stream_cork(s->stream);
	send_out(s);
	end_answer(s);
}

/* What happens instead of the next token. True if no token follows. */
static bool strike(struct session *s)
{
	switch (s->fault.kind) {
	case MOCK_CUT:
		send_out(s);
		break_off_soon(s);
		return true;
	case MOCK_STALL:
		send_out(s);
		s->state = SILENT;
		return true;
	case MOCK_MALFORMED:
		mock_put(&s->out, s->reply.is_array ? SLICE(",{\"candidates\":[}") : SLICE("data: {\"broken\":[}\n\n"));
		break;
	case MOCK_ERROR_EVENT:
		s->wire->write_error_event(&s->reply, &s->out);
		break;
	case MOCK_END:
		break;
	default:
		return false;
	}
	end_stream(s);
	return true;
}

static int64_t due_ns(const struct session *s)
{
	unsigned rate = s->mock->options.rate;

	return rate > 0 ? s->speaks_ns + (int64_t)s->said * NS_PER_S / rate : s->speaks_ns;
}

static void speak(struct session *s)
{
	int64_t now = clock_now_ns();

	while (s->said < s->reply.tokens) {
		if (s->said >= s->fault.after && s->fault.kind != MOCK_NO_FAULT && strike(s))
			return;
		if (due_ns(s) > now) {
			send_out(s);
			wait_until(s, due_ns(s));
			return;
		}
		s->wire->write_token(&s->reply, s->said++, &s->out);
		if (s->out.len >= WRITE_BATCH)
			send_out(s);
		if (server_stream_is_full(s->stream))
			return;
	}
	if (s->fault.kind != MOCK_NO_FAULT && strike(s))
		return;
	s->wire->write_finish(&s->reply, &s->out);
	if (s->fault.kind != MOCK_NO_TERMINATOR)
		s->wire->write_terminator(&s->reply, &s->out);
	end_stream(s);
}

static void session_run(struct task *t)
{
	struct session *s = CONTAINER_OF(t, struct session, task);

	if (s->stream->gone || s->stream->flushed) {
		report(s);
		session_free(s);
		return;
	}
	switch (s->state) {
	case RECEIVING:
		if (s->stream->body_state == BODY_COMPLETE || s->stream->body_state == BODY_FAILED)
			receive(s);
		break;
	case WAITING:
		if (timer_has_fired(s))
			answer(s);
		break;
	case SPEAKING:
		speak(s);
		break;
	case BREAKING:
		if (timer_has_fired(s))
			break_off(s);
		break;
	case SILENT:
	case ENDING:
		break;
	}
}

/* ---- the server ---- */

static struct slice write_http_error(int status, const char *sentence, const struct request_target *target,
				     struct buf *out, void *ctx)
{
	mock_openai.write_error(&mock_openai, status, sentence, out);
	return SLICE("application/json");
}

static void on_accept(void *ctx, struct loop *loop, int fd, const struct address *peer)
{
	struct mock *m = ctx;

	http_server_accept(m->server, fd, peer, NULL, &m->handler);
}

struct mock *mock_start(struct loop *l, const struct mock_options *o, const struct address *a, char *reterr,
			size_t size)
{
	struct mock *m = xcalloc(1, sizeof(*m));
	struct http_server_options server;
	int r;

	m->loop = l;
	m->options = *o;
	list_init(&m->sessions);
	m->bodies.cap = (size_t)4 * BODY_MAX;
	m->handler = (struct http_handler){ .on_request = on_request, .write_error = write_http_error, .ctx = m };
	r = listener_probe(a);
	if (r == 0)
		r = listener_open(l, a, -1, on_accept, m, &m->listener);
	if (r < 0) {
		char text[ADDRESS_TEXT_MAX];

		snprintf(reterr, size, "cannot listen on %s: %s", address_format(a, text), strerror(-r));
		free(m);
		return NULL;
	}
	http_server_options_init(&server);
	server.body_max = BODY_MAX;
	server.bodies = &m->bodies;
	m->server = http_server_new(l, &server);
	return m;
}

const struct address *mock_address(const struct mock *m)
{
	return listener_address(m->listener);
}

struct mock *mock_stop(struct mock *m)
{
	if (!m)
		return NULL;
	listener_close(m->listener);
	while (!list_is_empty(&m->sessions))
		session_free(LIST_ENTRY(m->sessions.next, struct session, node));
	http_server_free(m->server);
	free(m);
	return NULL;
}
