/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/requests: the last ones of all workers in short. GET /api/requests/{id}: one with its decision and its whole
 * record, or, while it runs, with the step it is in. */
#include "admin/admin_internal.h"

#include "base/clock.h"
#include "exchange/exchange.h"
#include "json/json.h"
#include "json/writer.h"

enum { REQUESTS_DEFAULT = 50, REQUESTS_MOST = 1000, REQUEST_MAX = 1 << 20 };

/* ---- one ---- */

struct wanted {
	struct slice id;               /* heap; workers read it */
	struct buf *found;
};

static void write_found(const struct worker *w, const struct history_entry *e, struct json_writer *to, struct arena *a)
{
	const struct config *c = w->snapshot->config;

	json_begin_object(to);
	json_literal_key(to, "decision");
	if (e->explanation) {
		json_begin_object(to);
		explanation_write(e->explanation, c->version == e->config_version ? &c->routing : NULL, to, a);
		json_end_object(to);
	} else {
		json_null(to);
	}
	json_literal_key(to, "record");
	json_value_raw(to, e->line);
	json_end_object(to);
}

static void *find_wanted(const struct worker *w, const void *question)
{
	const struct wanted *wanted = question;
	const struct history_entry *e = history_find(&w->history, wanted->id);
	struct json_writer to;
	struct arena a;
	struct buf *out;
	bool found = e != NULL;

	out = xmalloc(sizeof(*out));
	buf_init(out, REQUEST_MAX);
	json_writer_init(&to, out);
	arena_init(&a);
	if (e)
		write_found(w, e, &to, &a);
	else
		found = exchange_write_running(w, wanted->id, &to, &a);
	arena_done(&a);
	if (found)
		return out;
	buf_done(out);
	free(out);
	return NULL;
}

static void take_found(void *sum, void *answer)
{
	struct wanted *wanted = sum;
	struct buf *found = answer;

	if (!wanted->found) {
		wanted->found = found;
		return;
	}
	buf_done(found);
	free(found);
}

static void answer_wanted(struct admin *a, struct server_stream *s, void *sum, unsigned silent)
{
	const struct wanted *wanted = sum;

	if (wanted->found)
		admin_answer_json(s, 200, buf_slice(wanted->found));
	else
		admin_answer_error(s, 404, silent > 0 ? "not found, but not every worker has answered; ask again" :
						  "no such request among the last ones that are kept");
}

static void free_wanted(void *sum)
{
	struct wanted *wanted = sum;

	if (wanted->found)
		buf_done(wanted->found);
	free(wanted->found);
	free((char *)wanted->id.ptr);
	free(wanted);
}

void request_page_answer(struct admin *a, struct server_stream *s, struct slice id)
{
	static const struct gathering_kind kind = { find_wanted, take_found, answer_wanted, free_wanted };
	struct wanted *wanted = xcalloc(1, sizeof(*wanted));

	wanted->id = slice_of(xstrndup(id.ptr, id.len), id.len);
	gather(a, s, &kind, wanted, wanted);
}

/* ---- the last ones ---- */

struct row {
	int64_t wall_ms;
	struct slice line;             /* heap */
};

struct listed {
	unsigned limit;                /* workers read it */
	unsigned count, room;
	struct row *rows;
};

static struct row *add_row(struct listed *l)
{
	if (l->count == l->room) {
		l->room = l->room > 0 ? 2 * l->room : 64;
		l->rows = xrealloc(l->rows, l->room * sizeof(*l->rows));
	}
	return &l->rows[l->count++];
}

static void *list_newest(const struct worker *w, const void *question)
{
	const struct listed *wanted = question;
	struct listed *l = xcalloc(1, sizeof(*l));
	const struct history_entry *e;

	for (unsigned i = 0; i < wanted->limit && (e = history_newest(&w->history, i)); i++)
		*add_row(l) = (struct row){ e->wall_ms, slice_of(xstrndup(e->line.ptr, e->line.len), e->line.len) };
	return l;
}

static void add_listed(void *sum, void *answer)
{
	struct listed *into = sum, *l = answer;

	for (unsigned i = 0; i < l->count; i++)
		*add_row(into) = l->rows[i];
	free(l->rows);
	free(l);
}

static int by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->wall_ms < y->wall_ms ? 1 : x->wall_ms > y->wall_ms ? -1 : 0;
}

/* What a list of requests shows, out of the log line. */
static void write_row(const struct row *row, struct json_writer *w, struct arena *a)
{
	static const char *const names[] = {
		"request_id",      "time",         "endpoint",      "dialect",         "stream",
		"model_requested", "key",          "route",         "provider_chosen", "model",
		"status",          "outcome",      "fallback_used", "attempt_count",   "latency_ms",
		"first_token_ms",  "input_tokens", "output_tokens", "cost_usd"
	};
	struct json_error error;
	struct json_doc doc;

	if (!json_parse(a, row->line, &doc, &error))
		return;
	json_begin_object(w);
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		struct json value = json_member(json_root(&doc), slice_cstr(names[i]));

		if (!json_exists(value))
			continue;
		json_key(w, slice_cstr(names[i]));
		json_value_raw(w, json_raw(value));
	}
	json_end_object(w);
}

static void answer_listed(struct admin *admin, struct server_stream *s, void *sum, unsigned silent)
{
	struct listed *l = sum;
	struct json_writer w;
	struct arena a;
	struct buf out;

	if (l->count > 0)
		qsort(l->rows, l->count, sizeof(*l->rows), by_time);
	arena_init(&a);
	buf_init(&out, PAGE_MAX);
	json_writer_init(&w, &out);
	json_begin_object(&w);
	json_literal_key(&w, "requests");
	json_begin_array(&w);
	for (unsigned i = 0; i < l->count && i < l->limit; i++) {
		write_row(&l->rows[i], &w, &a);
		arena_reset(&a);
	}
	json_end_array(&w);
	json_member_int(&w, "workers_silent", silent);
	json_end_object(&w);
	admin_answer_json(s, 200, buf_slice(&out));
	buf_done(&out);
	arena_done(&a);
}

static void free_listed(void *sum)
{
	struct listed *l = sum;

	for (unsigned i = 0; i < l->count; i++)
		free((char *)l->rows[i].line.ptr);
	free(l->rows);
	free(l);
}

void requests_page_answer(struct admin *a, struct server_stream *s)
{
	static const struct gathering_kind kind = { list_newest, add_listed, answer_listed, free_listed };
	struct slice text = query_get(&s->arena, s->target.query, SLICE("limit"));
	unsigned long long limit = REQUESTS_DEFAULT;

	if (text.ptr && (!slice_to_u64(text, &limit) || limit == 0 || limit > REQUESTS_MOST))
		return admin_answer_error(s, 400, "limit must be a number from 1 to 1000");

	struct listed *l = xcalloc(1, sizeof(*l));

	l->limit = (unsigned)limit;
	gather(a, s, &kind, l, l);
}
