/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one request, top to bottom. An exchange is one request of a client and everything that is done to answer
 * it:
 *
 *     read_head → identify → read_body → decode → resolve → plan → recall → await_content → relay → settle → finish
 *
 * No step blocks and none frees: a step that must wait says so and is run again by an event. Events (client, provider,
 * timers) only note what happened and queue the exchange; exchange_run() alone moves on, cancels and frees. The
 * client's going away is looked for between any two steps. `settle` always runs; `finish` writes the last bytes and
 * tells of it once. */
#include "exchange/exchange_internal.h"
#include "exchange/session.h"

#include <stdarg.h>
#include <stdio.h>
#include "base/clock.h"
#include "base/digits.h"
#include "base/log.h"
#include "base/random.h"
#include "llm/state.h"
#include "provider/catalogue.h"

enum step_result {
	STEP_NEXT,                     /* on to the next step */
	STEP_BACK,                     /* to the one before */
	STEP_WAIT,                     /* an armed event will run this step again */
	STEP_ABORT,                    /* to settle; `failure` says why, or the answer is ready */
	STEP_GONE                      /* the exchange is over */
};

static enum step_result step_read_head(struct exchange *x);
static enum step_result step_identify(struct exchange *x);
static enum step_result step_read_body(struct exchange *x);
static enum step_result step_decode(struct exchange *x);
static enum step_result step_resolve(struct exchange *x);
static enum step_result step_plan(struct exchange *x);
static enum step_result step_recall(struct exchange *x);
static enum step_result step_await_content(struct exchange *x);
static enum step_result step_relay(struct exchange *x);
static enum step_result step_settle(struct exchange *x);
static enum step_result step_finish(struct exchange *x);

static const struct step {
	const char *name;
	enum step_result (*run)(struct exchange *x);
} steps[STEP_COUNT] = {
	[STEP_READ_HEAD]     = { "read_head",     step_read_head },     /* path → endpoint and dialect */
	[STEP_IDENTIFY]      = { "identify",      step_identify },      /* key → owner; x-weir-* controls */
	[STEP_READ_BODY]     = { "read_body",     step_read_body },     /* decoded, bounded */
	[STEP_DECODE]        = { "decode",        step_decode },        /* one parse: what routing needs */
	[STEP_RESOLVE]       = { "resolve",       step_resolve },       /* stored responses and conversations */
	[STEP_PLAN]          = { "plan",          step_plan },          /* model's name → ordered targets */
	[STEP_RECALL]        = { "recall",        step_recall },        /* reasoning that the client could not carry */
	[STEP_AWAIT_CONTENT] = { "await_content", step_await_content }, /* attempts, until one has content */
	[STEP_RELAY]         = { "relay",         step_relay },         /* that one's answer, to its end */
	[STEP_SETTLE]        = { "settle",        step_settle },        /* lets go of everything; usage, cost, outcome */
	[STEP_FINISH]        = { "finish",        step_finish },        /* the last bytes; the record */
};

const char *exchange_step_name(enum exchange_step step)
{
	return steps[step].name;
}

/* ---- driver ---- */

static void exchange_free(struct exchange *x);

static void exchange_run(struct exchange *x)
{
	for (;;) {
		if (x->stream->gone && x->step < STEP_SETTLE) {
			exchange_refuse(x, FAILURE_CLIENT_GONE, "the client closed the connection while weir was in %s",
					steps[x->step].name);
			x->step = STEP_SETTLE;
		} else if (x->deadline_passed && x->step < STEP_SETTLE) {
			exchange_refuse(x, FAILURE_DEADLINE, "the request's deadline passed in %s", steps[x->step].name);
			x->step = STEP_SETTLE;
		}
		switch (steps[x->step].run(x)) {
		case STEP_NEXT:
			x->step++;
			break;
		case STEP_BACK:
			x->step--;
			break;
		case STEP_ABORT:
			x->step = STEP_SETTLE;
			break;
		case STEP_WAIT:
			if (x->heartbeat_due)
				answer_heartbeat(x);
			return;
		case STEP_GONE:
			exchange_free(x);
			return;
		}
	}
}

void exchange_wake(struct exchange *x)
{
	loop_queue(x->worker->loop, &x->task);
}

static void on_task(struct task *t)
{
	exchange_run(CONTAINER_OF(t, struct exchange, task));
}

static void on_client_event(struct server_stream *s)
{
	exchange_wake(s->owner);
}

static void on_deadline(struct timer *t)
{
	struct exchange *x = CONTAINER_OF(t, struct exchange, deadline);

	x->deadline_passed = true;
	exchange_wake(x);
}

static void on_heartbeat(struct timer *t)
{
	struct exchange *x = CONTAINER_OF(t, struct exchange, heartbeat);

	x->heartbeat_due = true;
	exchange_wake(x);
}

static void on_store_wait(struct timer *t)
{
	exchange_wake(CONTAINER_OF(t, struct exchange, store_wait));
}

static void on_backoff(struct timer *t)
{
	exchange_wake(CONTAINER_OF(t, struct exchange, backoff));
}

/* ---- birth and death ---- */

static struct exchange *exchange_new(struct worker *w)
{
	struct exchange *x;

	if (list_is_empty(&w->spare))
		return xcalloc(1, sizeof(*x));
	x = LIST_ENTRY(w->spare.next, struct exchange, node);
	list_remove(&x->node);
	w->spare_count--;
	*x = (struct exchange){ .arena = x->arena };
	return x;
}

/* 96 random bits: unique over all replicas without asking anyone. */
static void make_request_id(char ret[static RECORD_ID_MAX])
{
	char *at = (char *)mempcpy(ret, "req_", 4);

	at = digits_put_hex(at, random_u64(), 16);
	*digits_put_hex(at, random_u64() & 0xffffffff, 8) = '\0';
}

void exchange_accept(struct server_stream *s, void *ctx)
{
	struct worker *w = ctx;
	struct exchange *x = exchange_new(w);

	x->worker = w;
	x->snapshot = snapshot_take(w);
	x->stream = s;
	s->owner = x;
	s->on_event = on_client_event;
	task_init(&x->task, on_task);
	timer_init(&x->deadline, w->loop, on_deadline);
	timer_init(&x->heartbeat, w->loop, on_heartbeat);
	timer_init(&x->backoff, w->loop, on_backoff);
	timer_init(&x->store_wait, w->loop, on_store_wait);
	buf_init(&x->body, 0);
	buf_init(&x->last, x->snapshot->config->limits.event + AFTER_LAST_MAX);
	buf_init(&x->answer, x->snapshot->config->limits.hold);
	x->prompt_tokens = -1;
	x->rest_ms = -1;
	x->place = PLACE_NONE;
	x->draw = random_u64();
	x->rotation = w->key_rotation++;
	x->attempt = &x->first;
	hedge_init(x);
	x->smallest_retry_after_ms = -1;
	make_request_id(x->record.request_id);
	x->record.wall_ms = clock_wall_ms() - (loop_now(w->loop) - s->started_ns) / NS_PER_MS;
	x->record.config_version = x->snapshot->config->version;
	x->record.price_version = catalogue_version;
	x->record.endpoint = "unknown";
	x->record.key = x->record.provider = x->record.route = SLICE("none");
	x->record.cost_nano_usd = 0;
	x->record.first_token_us = -1;
	x->record.own_us = -1;
	list_append(&w->exchanges, &x->node);
	w->exchange_count++;
	exchange_wake(x);
}

static void end_attempts(struct exchange *x, const struct failure *f)
{
	if (x->rival) {
		x->rival->lost = true;
		attempt_end(x->rival, NULL);
		x->rival = NULL;
	}
	attempt_end(x->attempt, f);
}

static void exchange_free(struct exchange *x)
{
	struct worker *w = x->worker;

	end_attempts(x, NULL);
	task_cancel(&x->task);
	timer_cancel(&x->deadline);
	timer_cancel(&x->heartbeat);
	timer_cancel(&x->backoff);
	timer_cancel(&x->hedge);
	line_leave(x);
	recall_cancel(x);
	stored_cancel(x);
	server_stream_release(x->stream);
	exchange_free_request(x);
	x->stored = stored_free(x->stored);
	rescue_free(x);
	free(x->second);
	buf_done(&x->last);
	buf_done(&x->answer);
	free(x->failure);
	record_done(&x->record);
	explanation_free(x->explanation);
	snapshot_release(x->snapshot);
	list_remove(&x->node);
	w->exchange_count--;
	if (w->spare_count < WORKER_SPARE_EXCHANGES_MAX) {
		list_prepend(&w->spare, &x->node);
		w->spare_count++;
	} else {
		arena_done(&x->arena);
		free(x);
	}
}

void exchange_free_spares(struct worker *w)
{
	while (!list_is_empty(&w->spare)) {
		struct exchange *x = LIST_ENTRY(w->spare.next, struct exchange, node);

		list_remove(&x->node);
		arena_done(&x->arena);
		free(x);
	}
	w->spare_count = 0;
}

void exchange_free_request(struct exchange *x)
{
	const struct attempt *a = x->attempt;

	if (x->request_freed || (a->live && (!a->upstream || !a->upstream->body_released)))
		return;
	/* A stream reports its usage at its end, if at all: what the estimate would need is about to go. */
	if (x->wants_stream && x->facts.doc.count > 0)
		exchange_prompt_tokens(x);
	buf_done(&x->body);
	buf_done(&x->asked_body);
	/* A whole answer is nearly over, and the next request of this place wants a block again. */
	if (x->wants_stream)
		arena_done(&x->arena);
	else
		arena_reset(&x->arena);
	x->facts = (struct request_facts){ 0 };
	x->asked = NULL;
	x->chat = NULL;
	x->chat_failure = NULL;
	x->request_freed = true;
}

struct slice exchange_keep(struct exchange *x, struct slice text)
{
	size_t len = text.len;

	if (len > RECORD_TEXT_MAX)
		for (len = RECORD_TEXT_MAX; len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80;)
			len--; /* not within a character */
	return len == 0 ? SLICE("") : arena_dup(&x->stream->arena, slice_of(text.ptr, len));
}

/* What the record may say of it: in its complaint about a request a provider may quote the prompt (pain.md F32). */
struct slice exchange_keep_reason(struct exchange *x, const struct failure *f)
{
	bool is_about_content =
		f->kind == FAILURE_REQUEST || f->kind == FAILURE_CONTEXT_LENGTH || f->kind == FAILURE_CONTENT_FILTER;

	if (!is_about_content || f->status == 0)
		return exchange_keep(x, slice_cstr(f->message));
	if (f->code[0] || f->type[0])
		return exchange_keep(x, slice_cstr(f->code[0] ? f->code : f->type));
	return SLICE("the provider refused the request");
}

/* ---- trouble ---- */

bool exchange_fail(struct exchange *x, const struct failure *f)
{
	if (f->retry_after_ms >= 0 &&
	    (x->smallest_retry_after_ms < 0 || f->retry_after_ms < x->smallest_retry_after_ms))
		x->smallest_retry_after_ms = f->retry_after_ms;
	if (x->failure && !outcome_outranks(f, x->failure))
		return false;
	if (!x->failure)
		x->failure = xmalloc(sizeof(*x->failure));
	*x->failure = *f;
	return true;
}

bool exchange_refuse(struct exchange *x, enum failure_kind kind, const char *format, ...)
{
	char message[FAILURE_MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	if (!x->failure)
		x->failure = xmalloc(sizeof(*x->failure));
	return failure_set(x->failure, kind, "%s", message);
}

/* ---- the steps, in order ---- */

static enum step_result step_read_head(struct exchange *x)
{
	const struct server_stream *s = x->stream;
	struct endpoint_match match = endpoint_find(PLANE_DATA, s->method, s->target.path);
	enum dialect_id id = match.endpoint ? match.endpoint->dialect : DIALECT_OPENAI_CHAT;

	x->endpoint = match.endpoint;
	if (x->endpoint && x->endpoint->kind == ENDPOINT_LOCAL && id == DIALECT_OPENAI_CHAT &&
	    headers_get(&s->headers, SLICE("anthropic-version")).ptr)
		id = DIALECT_ANTHROPIC;
	x->dialect = dialect_by_id(id);
	if (!x->dialect)
		x->dialect = &dialect_openai_chat;
	x->record.dialect = x->dialect->name;
	x->query = query_without(&x->stream->arena, s->target.query, SLICE("key"));
	if (!match.endpoint) {
		exchange_refuse(x, FAILURE_NO_ENDPOINT, "there is no endpoint %.*s %.*s", SLICE_ARG(slice_cstr(http_method_name(s->method))),
				(int)(s->target.path.len < 200 ? s->target.path.len : 200), s->target.path.ptr);
		return STEP_ABORT;
	}
	x->record.endpoint = match.endpoint->pattern;
	if (match.wrong_method) {
		exchange_refuse(x, FAILURE_METHOD, "%s is not allowed here; %s takes %s", http_method_name(s->method),
				match.endpoint->pattern, match.endpoint->methods);
		return STEP_ABORT;
	}
	x->path_id = path_segment_decode(&x->stream->arena, match.id);
	return STEP_NEXT;
}

static enum step_result step_identify(struct exchange *x)
{
	const struct config *config = x->snapshot->config;

	if (!identify_client(x))
		return STEP_ABORT;
	if (x->endpoint->kind == ENDPOINT_LATER) {
		exchange_refuse(x, FAILURE_NOT_BUILT, "%s is named by weir's contract but not built yet", x->endpoint->pattern);
		return STEP_ABORT;
	}
	if (x->endpoint->kind == ENDPOINT_LOCAL && x->stream->method != HTTP_POST) {
		answer_local(x);
		return STEP_ABORT;
	}
	if (!timer_is_set(&x->deadline))
		timer_set(&x->deadline, x->stream->started_ns + config->defaults.request_timeout_ms * NS_PER_MS);
	return STEP_NEXT;
}

/* A web page can send text/plain to localhost without asking; JSON it cannot (pain.md P10). */
static bool is_json(struct slice content_type)
{
	struct slice type = slice_trim(slice_next_token(&content_type, ';'));

	return slice_eq_nocase(type, SLICE("application/json")) ||
	       (type.len > 17 && slice_eq_nocase(slice_of(type.ptr, 12), SLICE("application/")) && slice_ends_with(type, SLICE("+json")));
}

static enum step_result step_read_body(struct exchange *x)
{
	struct server_stream *s = x->stream;

	if (x->endpoint->kind == ENDPOINT_STORED && s->method != HTTP_POST)
		return STEP_NEXT;
	switch (s->body_state) {
	case BODY_UNREAD: {
		struct slice type = headers_get(&s->headers, SLICE("content-type"));
		bool may_be_empty = x->endpoint->kind == ENDPOINT_STORED && type.len == 0;

		if (!may_be_empty && !is_json(type)) {
			exchange_refuse(x, FAILURE_MEDIA_TYPE, "the body must be JSON: send content-type: application/json, not '%.*s'",
					(int)(type.len < 100 ? type.len : 100), type.ptr ? type.ptr : "");
			return STEP_ABORT;
		}
		server_stream_read_body(s);
		return s->body_state == BODY_READING ? STEP_WAIT : step_read_body(x);
	}
	case BODY_READING:
		return STEP_WAIT;
	case BODY_FAILED:
		exchange_fail(x, s->body_failure);
		return STEP_ABORT;
	case BODY_COMPLETE:
		break;
	}
	x->body = s->body;
	buf_init(&s->body, 0);
	x->record.bytes_in = x->body.len;
	x->body_ready_ns = clock_now_ns();
	x->record.read_us = (x->body_ready_ns - s->started_ns) / NS_PER_US;
	return STEP_NEXT;
}

/* Ollama's clients name the model in the body; older ones call it `name`. */
static void answer_asked(struct exchange *x)
{
	struct json root = json_root(&x->facts.doc), name = json_get(root, "model");

	if (!json_is(name, JSON_STRING))
		name = json_get(root, "name");
	x->path_id = arena_dup(&x->stream->arena, json_text(name, &x->arena));
	if (x->path_id.len > 0)
		answer_local(x);
	else
		exchange_refuse(x, FAILURE_BAD_REQUEST, "the body has no \"model\"; the list is at /api/tags");
}

bool exchange_read_request(struct exchange *x)
{
	struct json_error error;
	struct failure refusal;

	x->facts = (struct request_facts){ 0 };
	if (!json_parse(&x->arena, buf_slice(&x->body), &x->facts.doc, &error)) {
		unsigned line, column;

		json_position(buf_slice(&x->body), error.offset, &line, &column);
		return exchange_refuse(x, FAILURE_BAD_REQUEST, "the body is not valid JSON: %s at line %u, column %u", error.message,
				       line, column);
	}
	if (x->endpoint->kind != ENDPOINT_MODEL)
		return true;
	x->facts.variant = x->endpoint->variant;
	if (!x->dialect->read_request(&x->facts, x->endpoint->operation, x->path_id, x->endpoint->stream, &x->arena,
				      &refusal)) {
		exchange_fail(x, &refusal);
		return false;
	}
	return true;
}

static enum step_result step_decode(struct exchange *x)
{
	bool is_empty = x->endpoint->kind == ENDPOINT_STORED && x->body.len == 0;

	if (!is_empty && !exchange_read_request(x))
		return STEP_ABORT;
	if (x->endpoint->kind == ENDPOINT_LOCAL) {
		answer_asked(x);
		return STEP_ABORT;
	}
	if (x->endpoint->kind == ENDPOINT_STORED)
		return STEP_NEXT;
	x->wants_stream = x->facts.stream;
	x->framing = x->dialect->stream_framing(x->query);
	x->record.stream = x->wants_stream;
	x->record.model_requested = exchange_keep(x, x->facts.model);
	if (x->record.user.len == 0)
		x->record.user = exchange_keep(x, x->facts.user);
	if (x->record.session.len == 0)
		x->record.session =
			exchange_keep(x, session_find(&x->stream->headers, json_root(&x->facts.doc), &x->arena));
	return STEP_NEXT;
}

static enum step_result step_resolve(struct exchange *x)
{
	switch (x->endpoint->kind == ENDPOINT_STORED ? stored_serve(x) : stored_resolve(x)) {
	case STORED_READY:
		stored_cancel(x);
		return STEP_NEXT;
	case STORED_WAITS:
		return STEP_WAIT;
	case STORED_ENDED:
		break;
	}
	return STEP_ABORT;
}

static enum step_result step_plan(struct exchange *x)
{
	if (!exchange_plan(x))
		return STEP_ABORT;
	if (x->wants_stream)
		timer_set(&x->heartbeat, loop_now(x->worker->loop) +
						 x->snapshot->config->defaults.heartbeat_after_ms * NS_PER_MS);
	return STEP_NEXT;
}

static enum step_result step_recall(struct exchange *x)
{
	return recall_run(x) ? STEP_NEXT : STEP_WAIT;
}

/* What earlier targets did is in the record; the client has an answer. */
static void forget_failure(struct exchange *x)
{
	free(x->failure);
	x->failure = NULL;
}

/* A stream may go on for an hour: what only its beginning needed goes now. The first bytes of the answer were in the
 * head's memory, so this follows their relaying. */
static void forget_heads(struct exchange *x)
{
	client_stream_forget_head(x->attempt->upstream);
	if (rescue_is_armed(x))
		return;
	if (x->request_freed)
		server_stream_forget_body(x->stream);
	record_pack(&x->record);
	x->query = x->path_id = x->only = SLICE("");
	server_stream_forget_head(x->stream);
}

/* The attempt that has something to say, or NULL: both wait. */
static struct attempt *run_attempts(struct exchange *x, enum attempt_result *ret)
{
	struct attempt *const both[] = { x->attempt, x->rival };

	for (unsigned i = 0; i < COUNT_OF(both); i++) {
		if (!both[i] || !both[i]->live)
			continue;
		*ret = attempt_run(both[i]);
		if (*ret != ATTEMPT_WAITS)
			return both[i];
	}
	return NULL;
}

/* True: another one tries, or has been trying already. */
static bool try_another(struct exchange *x, struct attempt *a)
{
	struct failure f = *a->failure;

	buf_clear(&x->last);
	timer_cancel(&x->hedge); /* it was the failed one's */
	x->hedge_due = false;
	x->elements_written = x->elements_written && x->committed;
	if (x->rival) {
		hedge_lose(x, a, &f);
		return true;
	}
	attempt_end(a, &f);
	return dispatch_after_failure(x, &f, a);
}

/* Nobody answers, or (rescue) nobody finishes the answer. */
static enum step_result give_up(struct exchange *x)
{
	if (rescue_is_running(x))
		rescue_give_up(x);
	return STEP_ABORT;
}

/* It broke, but only after all of its answer: what is missing can be written here. */
static bool is_whole(struct exchange *x, struct attempt *a)
{
	if (!x->committed || !rescue_is_armed(x) || a->binding->dialect->read_end(&a->reader) == STREAM_CUT)
		return false;
	free(a->failure);
	a->failure = NULL;
	a->step = ATTEMPT_DONE;
	return relay_complete(x, a) == ATTEMPT_COMPLETE;
}

static enum step_result step_await_content(struct exchange *x)
{
	for (;;) {
		enum attempt_result result;
		struct attempt *a;

		hedge_run(x);
		if (!x->attempt->live) {
			switch (dispatch_next(x)) {
			case DISPATCH_STARTED:
				break;
			case DISPATCH_WAITS:
				return STEP_WAIT;
			case DISPATCH_EXHAUSTED:
				return give_up(x);
			}
		}
		a = run_attempts(x, &result);
		if (!a)
			return STEP_WAIT;
		switch (result) {
		case ATTEMPT_WAITS:
			return STEP_WAIT;
		case ATTEMPT_COMMITTED:
			forget_heads(x);
			/* fallthrough */
		case ATTEMPT_COMPLETE:
			forget_failure(x);
			return STEP_NEXT;
		case ATTEMPT_FAILED:
			if (is_whole(x, a) ||
			    (x->committed && !rescue_is_running(x))) { /* content and fault came in one read */
				forget_failure(x);
				return STEP_NEXT;
			}
			if (!try_another(x, a))
				return give_up(x);
			break;
		}
	}
}

static enum step_result step_relay(struct exchange *x)
{
	if (x->attempt->step == ATTEMPT_DONE)
		return STEP_NEXT;
	while (!x->attempt->failure) {
		switch (attempt_run(x->attempt)) {
		case ATTEMPT_WAITS:
			return STEP_WAIT;
		case ATTEMPT_COMMITTED:
		case ATTEMPT_FAILED:
			break;
		case ATTEMPT_COMPLETE:
			return STEP_NEXT;
		}
	}
	if (is_whole(x, x->attempt))
		return STEP_NEXT;
	if (rescue_start(x, x->attempt, x->attempt->failure))
		return try_another(x, x->attempt) ? STEP_BACK : give_up(x);
	/* Past the second latch: the client is told inside the stream, nobody else can take over. */
	exchange_fail(x, x->attempt->failure);
	return STEP_NEXT;
}

/* A count that no provider gives is estimated here: clients plan with it, and an error would stop them (pain.md F44).
 * What is wrong with the request itself stays an error. */
static bool may_estimate(const struct exchange *x)
{
	return x->failure && x->failure->kind != FAILURE_CLIENT_GONE && x->failure->kind != FAILURE_REQUEST &&
	       x->endpoint && x->endpoint->kind == ENDPOINT_MODEL && x->endpoint->operation == OPERATION_COUNT_TOKENS &&
	       x->dialect->write_count && x->plan.count > 0 && !x->head_sent && !x->chat_failure && !x->request_freed;
}

static enum step_result step_settle(struct exchange *x)
{
	if (may_estimate(x)) {
		forget_failure(x);
		answer_estimate(x);
	}
	timer_cancel(&x->deadline);
	timer_cancel(&x->heartbeat);
	timer_cancel(&x->backoff);
	timer_cancel(&x->hedge);
	line_leave(x);
	recall_cancel(x);
	stored_cancel(x);
	x->heartbeat_due = false;
	exchange_account(x);
	end_attempts(x, x->failure);
	x->record.cost_nano_usd = record_cost(&x->record);
	x->record.outcome = x->failure ? x->failure->kind : FAILURE_NONE;
	x->record.fallback_used = x->fallback && !x->failure;
	x->record.truncated = x->committed && x->failure && x->failure->kind != FAILURE_CLIENT_GONE;
	if (x->failure)
		x->record.message = exchange_keep_reason(x, x->failure);
	if (!x->committed)
		exchange_free_request(x);
	return STEP_NEXT;
}

static void write_piece(struct exchange *x, struct slice piece, bool borrowed)
{
	if (x->stream->method == HTTP_HEAD)
		return;
	if (borrowed)
		server_stream_write_borrowed(x->stream, &piece, 1);
	else
		server_stream_write(x->stream, &piece, 1);
	x->record.bytes_out += piece.len;
}

/* The answer's last bytes and the correct end of its framing. */
static void write_last(struct exchange *x)
{
	struct server_stream *s = x->stream;

	server_stream_cork(s);
	if (x->failure && x->committed && !(x->shown.translated ? x->wants_stream : x->attempt->streams)) {
		server_stream_abort(s); /* half of a whole answer is out: only a broken connection says so */
		return;
	}
	if (x->failure && x->head_sent)
		answer_failure_event(x);
	else if (x->failure)
		answer_failure(x);
	else if (x->answer.len > 0)
		write_piece(x, buf_slice(&x->answer), true);
	else if (x->last.len > 0)
		write_piece(x, buf_slice(&x->last), false);
	server_stream_end(s);
}

static void tell(struct exchange *x)
{
	struct buf *line = &x->worker->line;

	x->record.latency_us = (clock_now_ns() - x->stream->started_ns) / NS_PER_US;
	/* A client that left while the last bytes were on their way changes the word, not the cost. */
	if (x->stream->gone && !x->stream->flushed) {
		x->record.outcome = FAILURE_CLIENT_GONE;
		x->record.status = outcome_of(FAILURE_CLIENT_GONE)->status;
	}
	metrics_count(&x->worker->metrics, x->endpoint, &x->record);
	if (x->endpoint && x->endpoint->local == LOCAL_HEALTH)
		return;
	buf_clear(line);
	if (!record_write(&x->record, line))
		return;
	log_line(buf_slice(line));
	if (x->explanation)
		history_keep(&x->worker->history, &x->record, buf_slice(line), TAKE_PTR(x->explanation));
}

static enum step_result step_finish(struct exchange *x)
{
	struct server_stream *s = x->stream;

	if (!x->last_written && !s->gone) {
		write_last(x);
		x->last_written = true;
	}
	if (!s->flushed && !s->gone)
		return STEP_WAIT;
	tell(x);
	return STEP_GONE;
}

/* ---- for the worker ---- */

void exchange_count_steps(const struct worker *w, unsigned ret[static STEP_COUNT])
{
	for (unsigned i = 0; i < STEP_COUNT; i++)
		ret[i] = 0;
	LIST_EACH(node, &w->exchanges)
		ret[LIST_ENTRY(node, struct exchange, node)->step]++;
}

void exchange_end(struct worker *w, struct list *node)
{
	struct exchange *x = LIST_ENTRY(node, struct exchange, node);

	if (x->step < STEP_SETTLE) {
		exchange_refuse(x, FAILURE_UNAVAILABLE, "weir ends");
		step_settle(x);
	}
	tell(x);
	exchange_free(x);
}
