/* SPDX-License-Identifier: Apache-2.0 */
/* Items of stored responses and conversations, as OpenAI's listings show them (ResponseItemList and
 * ConversationItemList of its API description). */
#include "exchange/exchange_internal.h"

#include "json/writer.h"

enum { LIST_DEFAULT = 20, LIST_MAX = 100 };

/* ---- one item ---- */

static bool is_message(struct json item)
{
	return json_text_eq(json_get(item, "type"), SLICE("message")) ||
	       (!json_exists(json_get(item, "type")) && json_exists(json_get(item, "role")));
}

struct slice stored_item_id(struct json item, struct arena *a)
{
	static const struct { const char *type, *prefix; } kinds[] = {
		{ "function_call", "fc_" }, { "function_call_output", "fco_" }, { "custom_tool_call", "ctc_" },
		{ "custom_tool_call_output", "ctco_" }, { "reasoning", "rs_" },
	};
	const char *prefix = is_message(item) ? "msg_" : "item_";
	char id[STORED_ID_MAX];

	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (json_text_eq(json_get(item, "type"), slice_cstr(kinds[i].type)))
			prefix = kinds[i].prefix;
	stored_make_id(prefix, id);
	return arena_dup(a, slice_cstr(id));
}

/* A message's content that is a string is one part. */
static void write_content(struct json_writer *w, struct json item, struct json content)
{
	bool assistant = json_text_eq(json_get(item, "role"), SLICE("assistant"));

	if (!json_is(content, JSON_STRING)) {
		json_value_raw(w, json_raw(content));
		return;
	}
	json_begin_array(w);
	json_begin_object(w);
	json_member_cstr(w, "type", assistant ? "output_text" : "input_text");
	json_literal_key(w, "text");
	json_value_raw(w, json_raw(content));
	if (assistant) {
		json_literal_key(w, "annotations");
		json_value_raw(w, SLICE("[]"));
	}
	json_end_object(w);
	json_end_array(w);
}

void stored_write_item(struct json_writer *w, struct json item, struct slice id, struct arena *a)
{
	bool message = is_message(item);

	if (!json_is(item, JSON_OBJECT)) {
		json_value_raw(w, json_raw(item));
		return;
	}
	json_begin_object(w);
	json_member_string(w, "id", id);
	if (message)
		json_member_cstr(w, "type", "message");
	if (message && !json_exists(json_get(item, "status")))
		json_member_cstr(w, "status", "completed");
	for (struct json_walk k = json_walk(item); json_walk_next(&k);) {
		if (json_text_eq(k.key, SLICE("id")) || (message && json_text_eq(k.key, SLICE("type"))))
			continue;
		json_key(w, json_text(k.key, a));
		if (message && json_text_eq(k.key, SLICE("content")))
			write_content(w, item, k.value);
		else
			json_value_raw(w, json_raw(k.value));
	}
	json_end_object(w);
}

/* ---- lists ---- */

struct slice *stored_ids(const struct json *items, unsigned count, struct slice seed, struct arena *a)
{
	struct slice *ids = arena_array(a, struct slice, count + 1);

	for (unsigned i = 0; i < count; i++) {
		ids[i] = json_text(json_get(items[i], "id"), a);
		if (ids[i].len == 0)
			ids[i] = arena_printf(a, "msg_%.*s%04x", SLICE_ARG(seed), i);
	}
	return ids;
}

struct page {
	unsigned limit;
	bool ascending;
	struct slice after;
};

static bool read_page(struct exchange *x, struct page *p)
{
	struct slice limit = query_get(&x->arena, x->query, SLICE("limit")),
		     order = query_get(&x->arena, x->query, SLICE("order"));
	unsigned long long n = LIST_DEFAULT;

	if (limit.ptr && (!slice_to_u64(limit, &n) || n < 1 || n > LIST_MAX))
		return exchange_refuse(x, FAILURE_BAD_REQUEST, "limit is a number from 1 to %d", LIST_MAX);
	if (order.ptr && !slice_eq(order, SLICE("asc")) && !slice_eq(order, SLICE("desc")))
		return exchange_refuse(x, FAILURE_BAD_REQUEST, "order is 'asc' or 'desc'");
	*p = (struct page){ (unsigned)n, slice_eq(order, SLICE("asc")),
			    query_get(&x->arena, x->query, SLICE("after")) };
	return true;
}

static void write_end(struct json_writer *w, const struct slice *ids, const unsigned *shown, unsigned count, bool more)
{
	json_end_array(w);
	json_literal_key(w, "first_id");
	count ? json_string(w, ids[shown[0]]) : json_null(w);
	json_literal_key(w, "last_id");
	count ? json_string(w, ids[shown[count - 1]]) : json_null(w);
	json_member_bool(w, "has_more", more);
	json_end_object(w);
}

bool stored_list(struct exchange *x, const struct json *items, const struct slice *ids, unsigned count)
{
	unsigned shown[LIST_MAX], taken = 0, at = 0;
	struct json_writer w;
	struct page page = { 0 };

	if (!read_page(x, &page))
		return false;
	/* `at` counts in the order of the listing. */
	while (page.after.len > 0 && at < count && !slice_eq(ids[page.ascending ? at : count - 1 - at], page.after))
		at++;
	at += page.after.len > 0 && at < count;
	for (; at < count && taken < page.limit; at++)
		shown[taken++] = page.ascending ? at : count - 1 - at;
	json_writer_init(&w, &x->answer);
	json_begin_object(&w);
	json_member_cstr(&w, "object", "list");
	json_literal_key(&w, "data");
	json_begin_array(&w);
	for (unsigned i = 0; i < taken; i++)
		stored_write_item(&w, items[shown[i]], ids[shown[i]], &x->arena);
	write_end(&w, ids, shown, taken, at < count);
	return !w.overflow || exchange_refuse(x, FAILURE_INTERNAL, "the listing is longer than limits.hold");
}
