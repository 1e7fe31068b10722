/* SPDX-License-Identifier: Apache-2.0 */
/* One try at one target, the second of the two machines:
 *
 *     authorize → connect → send → read_head → read_events → done
 *
 * It owns its connection, the bytes of its request, its timers, the reader of its answer and its row of the record. The
 * exchange starts it, runs it and ends it; it never acts by itself. */
#include "exchange/exchange_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include "base/clock.h"
#include "provider/auth.h"

/* ---- events: they only note and wake ---- */

static void on_upstream_event(struct client_stream *s)
{
	struct attempt *a = s->owner;

	exchange_wake(a->exchange);
}

static void on_timer(struct timer *t)
{
	struct attempt *a = CONTAINER_OF(t, struct attempt, timer);

	a->timed_out = true;
	exchange_wake(a->exchange);
}

static void on_total(struct timer *t)
{
	struct attempt *a = CONTAINER_OF(t, struct attempt, total);

	a->total_out = true;
	exchange_wake(a->exchange);
}

static void on_slow(struct timer *t)
{
	struct attempt *a = CONTAINER_OF(t, struct attempt, slow);

	a->slow_due = true;
	exchange_wake(a->exchange);
}

static int64_t now_of(const struct attempt *a)
{
	return loop_now(a->exchange->worker->loop);
}

static void arm(struct attempt *a, int timer_is_for, int64_t ms)
{
	a->timer_is_for = timer_is_for;
	a->timed_out = false;
	timer_set(&a->timer, timer_is_for == TIMER_NONE ? NEVER : now_of(a) + ms * NS_PER_MS);
}

/* ---- authorize ---- */

static void on_token(void *ctx)
{
	struct attempt *a = ctx;

	a->token_wait = NULL;
	exchange_wake(a->exchange);
}

/* Takes what the credential's source has for now, or waits for it; then the request goes out. */
static enum attempt_result take_token(struct attempt *a)
{
	struct worker *w = a->exchange->worker;
	const struct token_caller caller = { loop_mailbox(w->loop), on_token, a };
	enum token_answer answer = TOKEN_READY;
	struct failure failure;

	if (a->token_wait)
		return ATTEMPT_WAITS;
	if (a->key->source)
		answer = token_ask(w->shared->tokens, a->key->source, &caller, &a->token, &a->token_wait, &failure);
	switch (answer) {
	case TOKEN_FAILED:
		return attempt_fail_with(a, &failure);
	case TOKEN_WAITS:
		if (a->timer_is_for == TIMER_NONE)
			arm(a, TIMER_AUTHORIZE, a->provider->timeout.connect);
		return ATTEMPT_WAITS;
	case TOKEN_READY:
		break;
	}
	arm(a, TIMER_NONE, 0);
	a->step = ATTEMPT_CONNECT;
	a->upstream = asking_open(a, a->candidate, on_upstream_event);
	return ATTEMPT_WAITS;
}

/* The record names the attempt that was made last, and in the end the one that answered. */
static void name(const struct attempt *a)
{
	struct record *r = &a->exchange->record;
	const struct attempt_record *row = record_attempt(r, a->row);

	r->provider = row->provider;
	r->model = row->model;
	r->dropped = a->dropped;
}

/* A place for another attempt: of the two at most one is live. */
static struct attempt *free_place(struct exchange *x)
{
	if (!x->first.live)
		return &x->first;
	if (!x->second)
		x->second = xcalloc(1, sizeof(*x->second));
	return x->second;
}

void attempt_win(struct attempt *a)
{
	struct exchange *x = a->exchange;
	struct attempt *other = x->attempt == a ? x->rival : x->attempt;

	if (other && other->live) {
		other->lost = true;
		attempt_end(other, NULL);
	}
	x->attempt = a;
	x->rival = NULL;
	x->fallback = dispatch_is_fallback(x, a);
	name(a);
}

struct attempt *attempt_start(struct exchange *x, const struct candidate *c, const struct admission *admission,
			      struct failure *reterr)
{
	struct attempt *a = free_place(x);
	bool ask_usage = asking_wants_usage(x, c, admission->breaker);
	struct translation *translation =
		c->translates ? translate_new(x, c, ask_usage, &a->reader.usage, reterr) : NULL;

	if (c->translates && !translation)
		return NULL;

	*a = (struct attempt){
		.exchange = x,
		.live = true,
		.provider = c->provider,
		.binding = c->binding,
		.key = admission->key,
		.candidate = c,
		.context = c->offer ? c->offer->model->context : 0,
		.substituted = c->substituted,
		.translation = translation,
		.asked_usage = ask_usage,
		.admission = *admission,
		.started_ns = clock_now_ns(),
		.row = record_add_attempt(&x->record),
	};
	a->price = c->offer ? c->offer->price : price_unknown;
	stored_begin_attempt(x, a);
	vault_turn_init(&a->vault, translation && x->endpoint->operation == OPERATION_CHAT && x->chat->tools);
	buf_init(&a->held, rescue_holds(x) ? x->snapshot->config->limits.hold : HELD_MAX);
	buf_init(&a->body, x->snapshot->config->limits.hold);
	timer_init(&a->timer, x->worker->loop, on_timer);
	timer_init(&a->total, x->worker->loop, on_total);
	timer_init(&a->slow, x->worker->loop, on_slow);
	a->binding->dialect->reader_init(&a->reader, x->endpoint->operation);
	a->reader.dialect = a->binding->dialect;
	a->reader.quirks = a->binding->quirks;
	a->dropped = SLICE("");
	if (translation) {
		a->dropped =
			exchange_keep(x, chat_field_list(x->chat, translation->losses, &translation->arena));
	}

	struct attempt_record *row = record_attempt(&x->record, a->row);

	row->provider = c->provider->name;
	row->model = c->offer ? c->model : exchange_keep(x, c->model);
	row->key = slice_cstr(a->key->name);
	row->start_us = (a->started_ns - x->stream->started_ns) / NS_PER_US;
	name(a);
	report_begin(a);

	rescue_begin_attempt(x, a);
	if (a->voice)
		a->reader.arena = &a->voice->arena;
	timer_set(&a->total, now_of(a) + a->provider->timeout.total * NS_PER_MS);
	return a;
}

/* ---- the end ---- */

/* A provider may quote our credential anywhere (pain.md F32). */
static void strip_secrets(struct failure *f, const struct config *config)
{
	char *const texts[] = { f->type, f->code, f->param, f->message };

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		secret_strip(texts[i], strlen(texts[i]), config->secrets, config->secret_count);
}

static void strip_token(struct failure *f, const struct token *t)
{
	struct secret *const secrets[] = { t->secret, t->session };
	char *const texts[] = { f->type, f->code, f->param, f->message };

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		secret_strip(texts[i], strlen(texts[i]), secrets, t->session ? 2 : 1);
}

enum attempt_result attempt_fail_with(struct attempt *a, const struct failure *f)
{
	if (!a->failure)
		a->failure = xmalloc(sizeof(*a->failure));
	*a->failure = *f;
	strip_secrets(a->failure, a->exchange->snapshot->config);
	if (a->token)
		strip_token(a->failure, a->token);
	return ATTEMPT_FAILED;
}

enum attempt_result attempt_fail(struct attempt *a, enum failure_kind kind, const char *format, ...)
{
	struct failure f;
	char message[FAILURE_MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	failure_set(&f, kind, "%s", message);
	return attempt_fail_with(a, &f);
}

static int64_t since_us(int64_t from_ns, int64_t to_ns)
{
	if (to_ns == 0)
		return -1;
	/* The loop's clock stands still within a turn: what was there at once may seem to have been there before. */
	return to_ns > from_ns ? (to_ns - from_ns) / NS_PER_US : 0;
}

static void book(struct attempt *a, const struct failure *f)
{
	struct attempt_record *row = record_attempt(&a->exchange->record, a->row);
	const struct client_stream *up = a->upstream;

	row->kind = f ? f->kind : FAILURE_NONE;
	row->is_hedge = a->is_hedge;
	row->lost = a->lost;
	row->connect_us = up ? since_us(a->started_ns, up->connected_ns) : -1;
	row->head_us = up ? since_us(a->started_ns, up->head_ns) : -1;
	row->end_us = since_us(a->started_ns, now_of(a));
	if (up && up->state >= CLIENT_BODY && !row->status)
		row->status = up->status;
	if ((f || a->lost) && row->cost_nano_usd == 0)
		exchange_account_lost(a->exchange, a);
	if (f)
		row->message = exchange_keep_reason(a->exchange, f);
}

void attempt_show(struct exchange *x, const struct event_writer *w)
{
	x->shown.translated = true;
	x->shown.events = w->written;
	x->shown.sequence = w->sequence;
	memcpy(x->shown.answer_id, w->answer_id, sizeof(x->shown.answer_id));
	memcpy(x->shown.model, w->answer_model, sizeof(x->shown.model));
}

void attempt_end(struct attempt *a, const struct failure *f)
{
	struct exchange *x = a->exchange;

	if (!a->live)
		return;
	book(a, f);
	report_end(a, f);
	a->upstream = client_stream_close(a->upstream);
	a->token_wait = token_wait_cancel(a->token_wait);
	a->token = token_unref(a->token);
	timer_cancel(&a->timer);
	timer_cancel(&a->total);
	timer_cancel(&a->slow);
	framer_done(&a->framer);
	vault_turn_done(&a->vault);
	free(a->names);
	a->names = NULL;
	buf_done(&a->held);
	buf_done(&a->body);
	if (a == x->attempt && attempt_is_translated(a))
		attempt_show(x, &translation_speaker(a->voice)->writer);
	else if (a == x->attempt)
		x->shown.translated = false;
	if (!rescue_keeps_voice(x, a))
		translate_free(a->voice);
	a->voice = a->translation = NULL;
	a->replay = replay_free(a->replay);
	free(a->failure);
	a->failure = NULL;
	a->live = false;
}

/* ---- the answer's head ---- */

/* Retry-After in seconds or as a date; retry-after-ms as OpenAI and Azure send it (DIALECTS §6.3). */
static int64_t read_retry_after(const struct headers *h)
{
	struct slice ms = headers_get(h, SLICE("retry-after-ms"));
	struct slice value = headers_get(h, SLICE("retry-after"));
	unsigned long long n;
	char date[64];

	if (ms.ptr && slice_to_u64(ms, &n) && n <= 86400000ull)
		return (int64_t)n;
	if (!value.ptr)
		return -1;
	if (slice_to_u64(value, &n))
		return n <= 86400ull * 365 ? (int64_t)n * 1000 : -1;
	if (value.len >= sizeof date)
		return -1;
	memcpy(date, value.ptr, value.len);
	date[value.len] = '\0';

	int64_t at = clock_parse_http_date(date), left = at < 0 ? -1 : at * 1000 - clock_wall_ms();

	return at < 0 ? -1 : left > 0 ? left : 0;
}

/* In whose stream format the provider answers: the client's own, or its dialect's for requests that weir wrote. */
static enum framing framing_of(const struct attempt *a)
{
	const struct dialect *d = a->binding->dialect;

	return a->translation ? d->stream_framing(d->stream_query) : a->exchange->framing;
}

static bool is_event_stream(const struct attempt *a, struct slice type)
{
	struct slice wanted = slice_cstr(a->binding->dialect->stream_content_type(framing_of(a)));
	bool type_is_missing = type.len == 0;
	struct slice main = slice_trim(slice_next_token(&type, ';'));
	struct slice wanted_main = slice_trim(slice_next_token(&wanted, ';'));

	return type_is_missing || slice_eq_nocase(main, wanted_main);
}

static enum attempt_result read_head(struct attempt *a)
{
	struct exchange *x = a->exchange;
	const struct client_stream *up = a->upstream;
	struct slice type = headers_get(&up->headers, SLICE("content-type"));

	record_attempt(&x->record, a->row)->status = up->status;
	report_head(a);
	if (up->status >= 400) {
		a->error_answer = true;
		buf_done(&a->body);
		buf_init(&a->body, ERROR_BODY_MAX);
		arm(a, TIMER_ERROR_BODY, ERROR_BODY_TIMEOUT_MS);
	} else if (up->status < 200 || up->status >= 300) {
		/* A redirect would carry our credential to a host nobody configured (pain.md P7). */
		return attempt_fail(a, FAILURE_MALFORMED, "%.*s answered %d, which is no answer to this request",
				    SLICE_ARG(a->provider->name), up->status);
	} else if ((a->translation ? a->translation->stream : x->wants_stream) && is_event_stream(a, type)) {
		a->streams = true;
		framer_init(&a->framer, framing_of(a), x->snapshot->config->limits.event);
	}
	a->step = ATTEMPT_READ_EVENTS;
	return ATTEMPT_WAITS;
}

/* ---- the answer's body ---- */

/* The client must not take it for its own key (PRODUCT §4: never the provider's 401). */
static void say_whose_credential(const struct attempt *a, struct failure *f)
{
	char message[FAILURE_MESSAGE_MAX];

	snprintf(message, sizeof message, "%.*s refused weir's own credential: %s", SLICE_ARG(a->provider->name), f->message);
	failure_copy_text(f->message, sizeof f->message, slice_cstr(message));
}

/* The provider's error, read by its dialect, with what the head says. */
static enum attempt_result judge_error_answer(struct attempt *a)
{
	struct exchange *x = a->exchange;
	struct failure f;
	int64_t retry_after = read_retry_after(&a->upstream->headers);

	a->binding->dialect->read_failure(a->upstream->status, buf_slice(&a->body), &x->worker->scratch, &f);
	arena_reset(&x->worker->scratch);
	if (a->binding->dialect->read_failure_head)
		a->binding->dialect->read_failure_head(&a->upstream->headers, &f);
	if (f.kind == FAILURE_CREDENTIALS)
		say_whose_credential(a, &f);
	f.status = a->upstream->status;
	if (retry_after >= 0)
		f.retry_after_ms = retry_after;
	if (a->token && !x->token_retry && auth_is_stale(a->binding, &f))
		a->token_refused = token_refuse(x->worker->shared->tokens, a->key->source, a->token);
	a->failure_headers = answer_keep_failure_headers(x, a);
	return attempt_fail_with(a, &f);
}

static enum attempt_result read_error_bytes(struct attempt *a, struct slice bytes)
{
	size_t room = ERROR_BODY_MAX - a->body.len;

	if (!buf_append(&a->body, bytes.ptr, bytes.len < room ? bytes.len : room) || a->body.len == ERROR_BODY_MAX)
		return judge_error_answer(a);
	return ATTEMPT_WAITS;
}

static enum attempt_result read_bytes(struct attempt *a, struct slice bytes)
{
	if (a->error_answer)
		return read_error_bytes(a, bytes);
	return a->streams ? relay_stream_bytes(a->exchange, a, bytes) : relay_whole_bytes(a->exchange, a, bytes);
}

static enum attempt_result read_end(struct attempt *a)
{
	enum attempt_result result;

	if (a->error_answer)
		return judge_error_answer(a);
	result = a->streams ? relay_stream_end(a->exchange, a) : relay_whole_end(a->exchange, a);
	if (result == ATTEMPT_COMPLETE)
		a->step = ATTEMPT_DONE;
	return result;
}

static enum attempt_result complete(struct attempt *a)
{
	a->step = ATTEMPT_DONE;
	return relay_complete(a->exchange, a);
}

/* Reads until there is nothing more for now, the client has enough for now, or something is decided. */
static enum attempt_result read_events(struct attempt *a)
{
	struct exchange *x = a->exchange;
	struct slice bytes;
	enum attempt_result result;

	for (;;) {
		if (x->committed && server_stream_is_full(x->stream)) {
			a->held_back = true; /* back-pressure: not reading is all it takes */
			return ATTEMPT_WAITS;
		}
		if (a->held_back && a->timer_is_for == TIMER_IDLE)
			arm(a, TIMER_IDLE, a->provider->timeout.idle);
		a->held_back = false;
		switch (client_stream_read(a->upstream, &bytes)) {
		case CLIENT_READ_DATA:
			result = read_bytes(a, bytes);
			if (result != ATTEMPT_WAITS)
				return result;
			break;
		case CLIENT_READ_AGAIN:
			return ATTEMPT_WAITS;
		case CLIENT_READ_END:
			return read_end(a);
		case CLIENT_READ_FAILED:
			if (a->error_answer)
				return judge_error_answer(a);
			if (a->reader.terminated)
				return complete(a);
			return attempt_fail_with(a, a->upstream->failure);
		}
	}
}

void attempt_progress(struct attempt *a, unsigned flags)
{
	struct exchange *x = a->exchange;

	if ((flags & (READING_PROGRESS | READING_CONTENT)) && !a->progressed) {
		a->progressed = true;
		record_attempt(&x->record, a->row)->first_token_us = since_us(a->started_ns, now_of(a));
		if (x->record.first_token_us < 0)
			x->record.first_token_us = since_us(x->stream->started_ns, now_of(a));
	}
	if (flags & READING_CONTENT) {
		if (!a->first_token_ns)
			report_first_token(a);
		report_content(a);
		relay_watch_speed(a);
	}
	/* Pings are not progress: only what carries meaning pushes the idle timer on. Whole answers have none (PRODUCT
	 * §6). */
	if (a->streams && a->progressed && flags)
		arm(a, a->reader.terminated ? TIMER_AFTER_TERMINATOR : TIMER_IDLE,
		    a->reader.terminated ? AFTER_TERMINATOR_MS : a->provider->timeout.idle);
}

/* ---- timers ---- */

static enum attempt_result timed_out(struct attempt *a)
{
	struct slice name = a->provider->name;

	a->timed_out = false;
	switch (a->timer_is_for) {
	case TIMER_AUTHORIZE:
		return attempt_fail(a, FAILURE_CREDENTIALS, "no token for %.*s within connect, %lld ms: %.*s has not answered",
				    SLICE_ARG(name), (long long)a->provider->timeout.connect,
				    SLICE_ARG(token_source_title(a->key->source)));
	case TIMER_FIRST_TOKEN:
		return attempt_fail(a, FAILURE_TIMEOUT_FIRST_TOKEN, "%.*s sent no content within first_token, %lld ms", SLICE_ARG(name),
				    (long long)a->provider->timeout.first_token);
	case TIMER_IDLE:
		if (a->held_back) { /* it is the client that is slow */
			arm(a, TIMER_IDLE, a->provider->timeout.idle);
			return ATTEMPT_WAITS;
		}
		return attempt_fail(a, FAILURE_TIMEOUT_IDLE, "%.*s fell silent for idle, %lld ms", SLICE_ARG(name),
				    (long long)a->provider->timeout.idle);
	case TIMER_ERROR_BODY:
		return judge_error_answer(a);
	case TIMER_AFTER_TERMINATOR:
		return complete(a);
	case TIMER_NONE:
		break;
	}
	return ATTEMPT_WAITS;
}

/* ---- driver ---- */

static enum attempt_result request_is_out(struct attempt *a)
{
	a->step = ATTEMPT_READ_HEAD;
	if (a->exchange->wants_stream)
		arm(a, TIMER_FIRST_TOKEN, a->provider->timeout.first_token);
	return ATTEMPT_WAITS;
}

enum attempt_result attempt_run(struct attempt *a)
{
	if (a->total_out)
		return attempt_fail(a, FAILURE_TIMEOUT_TOTAL, "%.*s did not finish within total, %lld ms", SLICE_ARG(a->provider->name),
				    (long long)a->provider->timeout.total);
	if (a->timed_out) {
		enum attempt_result result = timed_out(a);

		if (result != ATTEMPT_WAITS)
			return result;
	}
	if (a->slow_due) {
		enum attempt_result result = relay_judge_speed(a->exchange, a);

		if (result != ATTEMPT_WAITS)
			return result;
	}
	for (;;) {
		enum client_state state;

		if (a->step == ATTEMPT_AUTHORIZE) {
			enum attempt_result result = take_token(a);

			if (a->step == ATTEMPT_AUTHORIZE)
				return result;
		}
		state = a->upstream->state;
		if (state == CLIENT_FAILED && a->step < ATTEMPT_READ_EVENTS)
			return attempt_fail_with(a, a->upstream->failure);
		switch (a->step) {
		case ATTEMPT_AUTHORIZE:
			break;
		case ATTEMPT_CONNECT:
			if (state == CLIENT_CONNECTING)
				return ATTEMPT_WAITS;
			a->step = ATTEMPT_SEND;
			break;
		case ATTEMPT_SEND:
			if (state == CLIENT_SENDING)
				return ATTEMPT_WAITS;
			request_is_out(a);
			break;
		case ATTEMPT_READ_HEAD: {
			enum attempt_result result;

			if (state == CLIENT_AWAITING_HEAD)
				return ATTEMPT_WAITS;
			result = read_head(a);
			if (result != ATTEMPT_WAITS)
				return result;
			break;
		}
		case ATTEMPT_READ_EVENTS:
			return read_events(a);
		case ATTEMPT_DONE:
			return ATTEMPT_COMPLETE;
		}
	}
}
