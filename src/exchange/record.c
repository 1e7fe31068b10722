/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a request's record as a log line. */
#include "exchange/record.h"

#include "base/clock.h"
#include "base/digits.h"
#include "json/writer.h"
#include "llm/price.h"

enum { ARENA_TEXTS_MAX = 9 + 2 * ATTEMPTS_RECORDED_MAX };

unsigned record_add_attempt(struct record *r)
{
	if (r->attempt_count < ATTEMPTS_RECORDED_MAX)
		r->attempts = xrealloc(r->attempts, (r->attempt_count + 1) * sizeof(*r->attempts));
	unsigned row = r->attempt_count < ATTEMPTS_RECORDED_MAX ? r->attempt_count : ATTEMPTS_RECORDED_MAX - 1;

	r->attempt_count++;
	r->attempts[row] =
		(struct attempt_record){ .connect_us = -1, .head_us = -1, .first_token_us = -1, .end_us = -1 };
	return row;
}

static unsigned rows_kept(const struct record *r)
{
	return r->attempt_count < ATTEMPTS_RECORDED_MAX ? r->attempt_count : ATTEMPTS_RECORDED_MAX;
}

int64_t record_cost(const struct record *r)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < rows_kept(r); i++) {
		if (r->attempts[i].cost_nano_usd == PRICE_UNKNOWN)
			return PRICE_UNKNOWN;
		sum += r->attempts[i].cost_nano_usd;
	}
	return sum;
}

/* All texts but those of the configuration snapshot. Returns how many. */
static unsigned arena_texts(struct record *r, struct slice *ret[static ARENA_TEXTS_MAX])
{
	struct slice *own[] = { &r->route, &r->model, &r->model_requested, &r->model_provider, &r->user,
				&r->session, &r->tags, &r->message, &r->dropped };
	unsigned count = COUNT_OF(own);

	memcpy(ret, own, sizeof(own));
	for (unsigned i = 0; i < rows_kept(r); i++) {
		ret[count++] = &r->attempts[i].model;
		ret[count++] = &r->attempts[i].message;
	}
	return count;
}

void record_pack(struct record *r)
{
	struct slice *texts[ARENA_TEXTS_MAX];
	unsigned count = arena_texts(r, texts);
	size_t size = 0;
	char *at;

	for (unsigned i = 0; i < count; i++)
		size += texts[i]->len;
	at = r->texts = xmalloc(size);
	for (unsigned i = 0; i < count; i++) {
		size_t len = texts[i]->len;

		*texts[i] = len > 0 ? slice_of(memcpy(at, texts[i]->ptr, len), len) : SLICE("");
		at += len;
	}
}

void record_done(struct record *r)
{
	free(r->texts);
	r->texts = NULL;
	free(r->attempts);
	r->attempts = NULL;
}

static void write_money(struct json_writer *w, int64_t nano_usd)
{
	char text[MONEY_TEXT_MAX];

	/* Never null (PRODUCT §7): an unknown price is said apart, by "unpriced". */
	json_value_raw(w, slice_cstr(money_format(nano_usd == PRICE_UNKNOWN ? 0 : nano_usd, text)));
}

static void write_ms(struct json_writer *w, int64_t us)
{
	char text[DIGITS_MAX + 1];

	if (us < 0)
		json_int(w, -1);
	else
		json_value_raw(w, slice_of(text, (size_t)(digits_put_thousandths(text, (uint64_t)us) - text)));
}

#define member_money(w, name, nano_usd) (json_literal_key((w), name), write_money((w), (nano_usd)))
#define member_ms(w, name, us) (json_literal_key((w), name), write_ms((w), (us)))

static void write_attempt(struct json_writer *w, const struct attempt_record *a)
{
	json_begin_object(w);
	json_member_string(w, "provider", a->provider);
	json_member_string(w, "model", a->model);
	json_member_string(w, "credential", a->key);
	json_member_int(w, "status", a->status);
	json_member_cstr(w, "outcome", a->lost ? "lost" : failure_kind_name(a->kind));
	if (a->is_hedge)
		json_member_bool(w, "hedge", true);
	if (a->message.len > 0)
		json_member_string(w, "message", a->message);
	member_ms(w, "start_ms", a->start_us);
	member_ms(w, "connect_ms", a->connect_us);
	member_ms(w, "head_ms", a->head_us);
	member_ms(w, "first_token_ms", a->first_token_us);
	member_ms(w, "total_ms", a->end_us);
	member_money(w, "cost_usd", a->cost_nano_usd);
	json_end_object(w);
}

static void write_usage(struct json_writer *w, const struct usage *u)
{
	json_member_bool(w, "usage_estimated", u->estimated);
	json_member_int(w, "input_tokens_cached", u->input_cached);
	json_member_int(w, "input_tokens_written_5m", u->input_written_5m);
	json_member_int(w, "input_tokens_written_1h", u->input_written_1h);
	json_member_int(w, "output_tokens_reasoning", u->output_reasoning);
}

bool record_write(const struct record *r, struct buf *out)
{
	struct json_writer w;
	char time[25];

	json_writer_init(&w, out);
	json_begin_object(&w);
	json_member_cstr(&w, "request_id", r->request_id);
	json_member_cstr(&w, "architecture", "multi-provider-gateway");
	json_member_string(&w, "route", r->route);
	json_member_string(&w, "provider_chosen", r->provider);
	json_member_string(&w, "model", r->model);
	json_member_bool(&w, "fallback_used", r->fallback_used);
	json_member_bool(&w, "cache_hit", false);
	json_member_int(&w, "input_tokens", r->usage.input);
	json_member_int(&w, "output_tokens", r->usage.output);
	member_ms(&w, "latency_ms", r->latency_us);
	member_money(&w, "cost_usd", r->cost_nano_usd);

	clock_format_wall(r->wall_ms, time);
	json_member_cstr(&w, "time", time);
	json_member_cstr(&w, "level", "info");
	json_member_cstr(&w, "endpoint", r->endpoint);
	json_member_cstr(&w, "dialect", r->dialect);
	json_member_bool(&w, "stream", r->stream);
	json_member_int(&w, "status", r->status);
	json_member_cstr(&w, "outcome", failure_kind_name(r->outcome));
	json_member_bool(&w, "truncated", r->truncated);
	if (r->message.len > 0)
		json_member_string(&w, "message", r->message);
	json_member_string(&w, "model_requested", r->model_requested);
	json_member_string(&w, "model_provider", r->model_provider);
	json_member_string(&w, "key", r->key);
	if (r->user.len > 0)
		json_member_string(&w, "user", r->user);
	if (r->session.len > 0)
		json_member_string(&w, "session", r->session);
	if (r->tags.len > 0)
		json_member_string(&w, "tags", r->tags);
	write_usage(&w, &r->usage);
	json_member_bool(&w, "unpriced", r->cost_nano_usd == PRICE_UNKNOWN);
	if (r->dropped.len > 0)
		json_member_string(&w, "dropped", r->dropped);
	if (r->rescue)
		json_member_cstr(&w, "rescue", r->rescue);
	if (r->mirror_of[0])
		json_member_cstr(&w, "mirror_of", r->mirror_of);
	member_ms(&w, "first_token_ms", r->first_token_us);
	member_ms(&w, "read_ms", r->read_us);
	member_ms(&w, "plan_ms", r->plan_us);
	member_ms(&w, "own_ms", r->own_us);
	json_member_int(&w, "bytes_in", (int64_t)r->bytes_in);
	json_member_int(&w, "bytes_out", (int64_t)r->bytes_out);
	json_member_cstr(&w, "price_version", r->price_version);
	json_member_int(&w, "config_version", (int64_t)r->config_version);
	json_member_int(&w, "attempt_count", r->attempt_count);
	json_literal_key(&w, "attempts");
	json_begin_array(&w);
	for (unsigned i = 0; i < rows_kept(r); i++)
		write_attempt(&w, &r->attempts[i]);
	json_end_array(&w);
	json_end_object(&w);
	return !w.overflow;
}
