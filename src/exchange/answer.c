/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to the client: heads with weir's own headers, errors in the client's dialect, heartbeats, local answers. */
#include "exchange/exchange_internal.h"

#include <stdio.h>
#include "base/clock.h"
#include "base/digits.h"
#include "llm/price.h"

enum { ANSWER_HEADERS_MAX = 64, ANSWER_TEXT_MAX = 192 };

/* A head under construction; the texts live in the stream's arena. */
struct head {
	struct header items[ANSWER_HEADERS_MAX];
	unsigned count;
};

static void head_add(struct head *h, struct slice name, struct slice value)
{
	if (value.len > 0 && h->count < ANSWER_HEADERS_MAX)
		h->items[h->count++] = (struct header){ name, value };
}

static struct slice text_in(struct exchange *x, const char *format, ...) PRINTF(2, 3);
static struct slice text_in(struct exchange *x, const char *format, ...)
{
	char text[ANSWER_TEXT_MAX];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return arena_dup(&x->stream->arena, slice_of(text, n < (int)sizeof text ? (size_t)n : sizeof text - 1));
}

/* weir's own share: from the complete body to the opened attempt, and from the turn in which the provider's deciding
 * bytes arrived to now. */
static int64_t own_time_us(const struct exchange *x, const struct attempt *a)
{
	const struct client_stream *up = a ? a->upstream : NULL;
	int64_t now = clock_now_ns();

	/* What earlier attempts took, and the waiting between them, is not weir's. */
	int64_t asked_ns = x->record.attempt_count > 1 ? x->planned_ns : up ? a->started_ns : now;

	return (asked_ns - x->body_ready_ns + (up ? now - loop_now(x->worker->loop) : 0)) / NS_PER_US;
}

/* W3C Server Timing: stages in milliseconds. */
static char *put_stage(char *at, struct slice stage, int64_t us)
{
	at = (char *)mempcpy(at, stage.ptr, stage.len);
	at = (char *)mempcpy(at, ";dur=", 5);
	return digits_put_thousandths(at, us > 0 ? (uint64_t)us : 0);
}

static void add_server_timing(struct exchange *x, struct head *h, const struct attempt *a)
{
	const struct client_stream *up = a ? a->upstream : NULL;
	char text[ANSWER_TEXT_MAX], *at = text;

	if (x->body_ready_ns == 0)
		return;
	x->record.own_us = own_time_us(x, a);
	at = put_stage(at, SLICE("read"), x->record.read_us);
	at = put_stage(at, SLICE(", plan"), x->record.plan_us);
	if (up && up->head_ns) {
		at = put_stage(at, SLICE(", connect"), (up->connected_ns - up->opened_ns) / NS_PER_US);
		at = put_stage(at, SLICE(", first_byte"), (up->head_ns - up->opened_ns) / NS_PER_US);
	}
	at = put_stage(at, SLICE(", weir"), x->record.own_us);
	head_add(h, SLICE("server-timing"), arena_dup(&x->stream->arena, slice_of(text, (size_t)(at - text))));
}

static void add_own_headers(struct exchange *x, struct head *h, const struct attempt *a)
{
	head_add(h, SLICE("x-weir-request-id"), slice_cstr(x->record.request_id));
	if (x->endpoint && x->endpoint->kind != ENDPOINT_MODEL)
		return;
	if (a) {
		head_add(h, SLICE("x-weir-provider"), x->record.provider);
		head_add(h, SLICE("x-weir-model"), x->record.model);
	}
	if (x->record.attempt_count > 0)
		head_add(h, SLICE("x-weir-attempts"), text_in(x, "%u", x->record.attempt_count));
	head_add(h, SLICE("x-weir-cache"), SLICE("off"));
	head_add(h, SLICE("x-weir-dropped"), x->record.dropped);
	add_server_timing(x, h, a);
}

/* Allow-list of the dialect (pain.md F39): what is not named does not pass. */
bool header_passes(const char *const *list, struct slice name)
{
	for (; *list; list++) {
		struct slice allowed;

		if (name.len == 0 || **list != name.ptr[0])
			continue;
		allowed = slice_cstr(*list);
		if (allowed.ptr[allowed.len - 1] == '*'
			    ? slice_starts_with(name, slice_of(allowed.ptr, allowed.len - 1))
			    : slice_eq(name, allowed))
			return true;
	}
	return false;
}

static void add_provider_headers(struct head *h, const struct attempt *a)
{
	const struct headers *from = &a->upstream->headers;

	for (unsigned i = 0; i < from->count; i++)
		if (header_passes(a->binding->dialect->answer_headers, from->items[i].name))
			head_add(h, from->items[i].name, from->items[i].value);
}

static void send_head(struct exchange *x, int status, const struct head *h, int64_t length)
{
	server_stream_head(x->stream, status, h->items, h->count, length);
	x->head_sent = true;
	x->record.status = status;
}

static void add_stream_headers(struct exchange *x, struct head *h, struct slice type)
{
	head_add(h, SLICE("content-type"), type.len ? type : slice_cstr(x->dialect->stream_content_type(x->framing)));
	/* Proxies on the way must not collect events (pain.md F19). */
	head_add(h, SLICE("cache-control"), SLICE("no-cache"));
	head_add(h, SLICE("x-accel-buffering"), SLICE("no"));
}

/* A provider that repeats our credential to us must not repeat it to the client (pain.md P8). */
static struct slice without_secrets(struct exchange *x, struct slice value)
{
	const struct config *config = x->snapshot->config;
	char *copy = arena_alloc(&x->stream->arena, value.len);

	memcpy(copy, value.ptr, value.len);
	secret_strip(copy, value.len, config->secrets, config->secret_count);
	return slice_of(copy, value.len);
}

struct headers answer_keep_failure_headers(struct exchange *x, const struct attempt *a)
{
	const struct headers *from = &a->upstream->headers;
	struct arena *arena = &x->stream->arena;
	struct headers kept = { .items = arena_array(arena, struct header, from->count) };

	for (unsigned i = 0; i < from->count; i++) {
		const struct header *h = &from->items[i];

		/* How long to wait is said once, by us: the smallest that is true of any target. */
		if (slice_starts_with(h->name, SLICE("retry-after")) ||
		    !header_passes(a->binding->dialect->answer_headers, h->name))
			continue;
		kept.items[kept.count++] = (struct header){ arena_dup(arena, h->name), without_secrets(x, h->value) };
	}
	return kept;
}

void answer_head(struct exchange *x, const struct attempt *a, int status, int64_t length)
{
	struct head h = { .count = 0 };
	bool streams = relay_streams_out(x, a);
	struct slice type = attempt_is_translated(a) ? SLICE("") : headers_get(&a->upstream->headers, SLICE("content-type"));

	if (streams)
		add_stream_headers(x, &h, type);
	else
		head_add(&h, SLICE("content-type"), type.len ? type : SLICE("application/json"));
	add_own_headers(x, &h, a);
	if (!streams && x->record.cost_nano_usd != PRICE_UNKNOWN) {
		char money[MONEY_TEXT_MAX];

		head_add(&h, SLICE("x-weir-cost-usd"), text_in(x, "%s", money_format(x->record.cost_nano_usd, money)));
	}
	add_provider_headers(&h, a);
	send_head(x, status, &h, length);
}

void answer_early_head(struct exchange *x)
{
	struct head h = { .count = 0 };

	add_stream_headers(x, &h, slice_of(NULL, 0));
	add_own_headers(x, &h, NULL);
	send_head(x, 200, &h, BODY_LENGTH_UNKNOWN);
}

/* ---- errors ---- */

/* Whose words the client reads: the provider's own error, or weir's. */
static bool is_from_provider(const struct failure *f)
{
	return (f->kind >= FAILURE_REQUEST && f->kind <= FAILURE_SERVER && f->status != 0) ||
	       f->kind == FAILURE_IN_BAND;
}

static struct failure_view view_of(struct exchange *x)
{
	const struct failure *f = x->failure;

	return (struct failure_view){
		.failure = f,
		.status = outcome_status(f, x->dialect->id),
		.code = outcome_of(f->kind)->code,
		.from_provider = is_from_provider(f),
		.request_id = slice_cstr(x->record.request_id),
	};
}

static int64_t retry_after_s(const struct exchange *x, int status)
{
	int64_t ms_left = -1;

	if (status == 429 || status == 529)
		ms_left = x->smallest_retry_after_ms;
	else if (status == 503)
		ms_left = x->failure->retry_after_ms >= 0 ? x->failure->retry_after_ms : 1000;
	return ms_left < 0 ? -1 : (ms_left + 999) / 1000;
}

static void add_failure_headers(struct exchange *x, struct head *h, const struct failure_view *v)
{
	int64_t retry_after = retry_after_s(x, v->status);

	head_add(h, SLICE("content-type"), SLICE("application/json"));
	head_add(h, SLICE("x-weir-error-origin"), v->from_provider ? SLICE("provider") : SLICE("gateway"));
	if (retry_after >= 0)
		head_add(h, SLICE("retry-after"), text_in(x, "%lld", (long long)retry_after));
	/* SDKs obey this: no retries on top of ours (pain.md F20). */
	if (outcome_is_final(v->status) || (x->record.attempt_count > 0 && v->status >= 429))
		head_add(h, SLICE("x-should-retry"), SLICE("false"));
	if (v->status == 401)
		head_add(h, SLICE("www-authenticate"), SLICE("Bearer"));
	if (v->status == 405 && x->endpoint)
		head_add(h, SLICE("allow"), slice_cstr(x->endpoint->methods));
}

void answer_failure(struct exchange *x)
{
	struct failure_view v = view_of(x);
	struct head h = { .count = 0 };
	struct slice body;

	buf_clear(&x->answer);
	x->dialect->write_failure(&v, &x->answer);
	body = buf_slice(&x->answer);
	add_failure_headers(x, &h, &v);
	add_own_headers(x, &h, NULL);
	for (unsigned i = 0; v.from_provider && i < x->failure_headers.count; i++)
		head_add(&h, x->failure_headers.items[i].name, x->failure_headers.items[i].value);
	send_head(x, v.status, &h, (int64_t)body.len);
	server_stream_write_borrowed(x->stream, &body, 1);
	x->record.bytes_out += body.len;
}

void answer_failure_event(struct exchange *x)
{
	struct failure_view v = view_of(x);
	struct event_reader unseen;
	const struct event_reader *reader = &x->attempt->reader;
	struct slice event;

	if (!x->committed || x->shown.translated) { /* the client has seen nothing of what that attempt's reader saw */
		x->dialect->reader_init(&unseen, x->endpoint->operation);
		unseen.dialect = x->dialect;
		reader = &unseen;
	}
	if (x->committed && x->shown.translated) {
		unseen.sequence = x->shown.sequence;
		memcpy(unseen.answer_id, x->shown.answer_id, sizeof(unseen.answer_id));
		memcpy(unseen.model, x->shown.model, sizeof(unseen.model));
		x->elements_written = x->shown.events > 0;
	}
	buf_clear(&x->last);
	x->dialect->write_failure_event(&v, x->framing, x->elements_written, reader, &x->last);
	event = buf_slice(&x->last);
	server_stream_write(x->stream, &event, 1);
	x->record.bytes_out += event.len;
}

struct slice exchange_write_server_error(int status, const char *sentence, const struct request_target *target,
					 struct buf *out, void *ctx)
{
	static const struct { int status; enum failure_kind kind; } kinds[] = {
		{ 408, FAILURE_REQUEST_TIMEOUT }, { 413, FAILURE_TOO_LARGE },	      { 415, FAILURE_MEDIA_TYPE },
		{ 431, FAILURE_HEADERS_TOO_LARGE }, { 501, FAILURE_NOT_BUILT }, { 503, FAILURE_UNAVAILABLE },
	};
	const struct dialect *dialect = NULL;
	struct failure f;
	enum failure_kind kind = FAILURE_BAD_REQUEST;

	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (kinds[i].status == status)
			kind = kinds[i].kind;
	failure_set(&f, kind, "%s", sentence);
	if (target) {
		struct endpoint_match match = endpoint_find(PLANE_DATA, HTTP_POST, target->path);

		if (match.endpoint)
			dialect = dialect_by_id(match.endpoint->dialect);
	}
	if (!dialect)
		dialect = &dialect_openai_chat;

	struct failure_view v = { .failure = &f, .status = status, .code = outcome_of(kind)->code };

	dialect->write_failure(&v, out);
	return SLICE("application/json");
}

/* ---- heartbeats ---- */

void answer_heartbeat(struct exchange *x)
{
	const struct config *config = x->snapshot->config;
	int64_t now = loop_now(x->worker->loop);
	int64_t silence_allowed =
		(x->head_sent ? config->defaults.heartbeat_every_ms : config->defaults.heartbeat_after_ms) * NS_PER_MS;
	struct slice beat = x->dialect->heartbeat(x->framing);

	x->heartbeat_due = false;
	if (x->step != STEP_AWAIT_CONTENT && x->step != STEP_RELAY)
		return;
	if (x->last_write_ns && now < x->last_write_ns + silence_allowed) {
		timer_set(&x->heartbeat, x->last_write_ns + silence_allowed);
		return;
	}
	if (!x->head_sent)
		answer_early_head(x);
	/* Event streams and NDJSON have nothing that means nothing: the head is the only sign of life. */
	if (beat.len == 0) {
		server_stream_flush(x->stream);
		return;
	}
	if (!server_stream_is_full(x->stream)) {
		server_stream_write(x->stream, &beat, 1);
		x->record.bytes_out += beat.len;
		x->last_write_ns = now;
	}
	timer_set(&x->heartbeat, now + config->defaults.heartbeat_every_ms * NS_PER_MS);
}

/* ---- local answers ---- */

void answer_local(struct exchange *x)
{
	struct head h = { .count = 0 };
	struct slice body;

	x->answer_status = 200;
	switch (x->endpoint->local) {
	case LOCAL_ROOT:
		x->answer_type = "text/plain; charset=utf-8";
		check(buf_append_slice(&x->answer, SLICE("weir is running\n")), "a new buffer has room");
		break;
	case LOCAL_MODELS:
		listing_models(x);
		break;
	case LOCAL_MODEL:
		listing_model(x);
		break;
	case LOCAL_RUNNING:
		check(buf_append_slice(&x->answer, SLICE("{\"models\":[]}")), "a new buffer has room");
		break;
	case LOCAL_VERSION:
		listing_version(x);
		break;
	case LOCAL_HEALTH:
		check(buf_append_slice(&x->answer, SLICE("{\"status\":\"ok\"}")), "a new buffer has room");
		break;
	case LOCAL_NONE:
	case LOCAL_READY:
	case LOCAL_METRICS:
	case LOCAL_EXPLAIN:
	case LOCAL_STATE:
	case LOCAL_REQUESTS:
	case LOCAL_REQUEST:
	case LOCAL_OPENAPI:
		check(false, "only data-plane answers are local to an exchange");
	}
	if (x->failure)
		return;
	body = buf_slice(&x->answer);
	head_add(&h, SLICE("content-type"), x->answer_type ? slice_cstr(x->answer_type) : SLICE("application/json"));
	add_own_headers(x, &h, NULL);
	send_head(x, x->answer_status, &h, (int64_t)body.len);
}

void answer_json(struct exchange *x)
{
	struct head h = { .count = 0 };

	head_add(&h, SLICE("content-type"), SLICE("application/json"));
	add_own_headers(x, &h, NULL);
	send_head(x, 200, &h, (int64_t)x->answer.len);
}

/* Whose tokens are counted: those of the first candidate that has a key. One that does not count may still be who gets
 * the request itself. */
static enum token_family likely_family(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->count; i++) {
		const struct candidate *c = &plan->candidates[i];
		const struct binding *binding = c->binding ? c->binding : c->provider->bindings;
		const struct model_rules *rules = c->offer ? c->offer->rules : &model_rules_unknown;

		if (c->rules)
			rules = c->rules;
		if (c->provider->binding_count > 0 && c->passed_kind != FAILURE_NO_CREDENTIALS)
			return token_family_of(rules, binding->dialect_id);
	}
	return TOKENS_UNSAID;
}

void answer_estimate(struct exchange *x)
{
	struct head h = { .count = 0 };
	enum token_family family = likely_family(&x->plan);
	int64_t tokens =
		dialect_estimate_prompt(x->dialect, &x->facts, x->endpoint->operation, family, &x->worker->scratch);

	arena_reset(&x->worker->scratch);
	x->record.usage = (struct usage){ .estimated = true, .input = tokens };
	buf_clear(&x->answer);
	x->dialect->write_count(tokens, true, &x->answer);
	head_add(&h, SLICE("content-type"), SLICE("application/json"));
	head_add(&h, SLICE("x-weir-usage"), SLICE("estimated"));
	add_own_headers(x, &h, NULL);
	send_head(x, 200, &h, (int64_t)x->answer.len);
}
