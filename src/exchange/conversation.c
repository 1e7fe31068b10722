/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/conversations: kept here, whoever answers (Conversation, ConversationItemList of OpenAI's API description). */
#include "exchange/exchange_internal.h"

#include "base/clock.h"
#include "json/writer.h"

enum { ITEMS_AT_ONCE_MAX = 20 };       /* as at OpenAI: so many items may be added by one request */

/* ---- the document ---- */

static void write_conversation(struct json_writer *w, struct slice id, int64_t created_s, struct slice metadata)
{
	json_begin_object(w);
	json_member_string(w, "id", id);
	json_member_cstr(w, "object", "conversation");
	json_member_int(w, "created_at", created_s);
	json_literal_key(w, "metadata");
	json_value_raw(w, metadata.len > 0 ? metadata : SLICE("{}"));
	json_end_object(w);
}

/* Items that come without an id get one here: the listing and the client's later calls name them by it. */
static bool add_items(struct json_writer *w, struct slice items, struct arena *a)
{
	struct json_doc *doc = arena_new(a, struct json_doc);
	struct json_error error;

	if (!json_parse(a, arena_printf(a, "[%.*s]", SLICE_ARG(items)), doc, &error))
		return false;
	for (struct json_walk k = json_walk(json_root(doc)); json_walk_next(&k);) {
		struct slice id = json_text(json_get(k.value, "id"), a);

		stored_write_item(w, k.value, id.len > 0 ? id : stored_item_id(k.value, a), a);
	}
	return true;
}

bool conversation_write(struct json document, struct slice input, struct slice output, struct arena *a, struct buf *out)
{
	struct json_writer w;
	bool ok;

	json_writer_init(&w, out);
	json_begin_object(&w);
	json_literal_key(&w, "conversation");
	json_value_raw(&w, json_raw(json_get(document, "conversation")));
	json_literal_key(&w, "items");
	json_begin_array(&w);
	for (struct json_walk k = json_walk(json_get(document, "items")); json_walk_next(&k);)
		json_value_raw(&w, json_raw(k.value));
	ok = add_items(&w, input, a) && add_items(&w, output, a);
	json_end_array(&w);
	json_end_object(&w);
	return ok && !w.overflow;
}

/* ---- requests ---- */

struct place {
	struct exchange *x;
	struct slice id, item;         /* item: empty = all */
	struct json root;              /* the request's body */
	struct json document;
};

static enum stored_result done(struct exchange *x)
{
	stored_cancel(x);
	if (!x->failure)
		answer_json(x);
	return STORED_ENDED;
}

static enum stored_result refuse(struct exchange *x, const char *message)
{
	exchange_refuse(x, FAILURE_BAD_REQUEST, "%s", message);
	return done(x);
}

static enum stored_result put(const struct place *at, struct buf *document)
{
	struct exchange *x = at->x;

	if (!stored_put(x, STORE_CONVERSATIONS, at->id, buf_slice(document)))
		exchange_refuse(x, FAILURE_UNAVAILABLE, "the store takes nothing at the moment; try again later");
	buf_done(document);
	return done(x);
}

static void show_conversation(struct exchange *x, struct json conversation)
{
	if (!buf_append_slice(&x->answer, json_raw(conversation)))
		exchange_refuse(x, FAILURE_INTERNAL, "the conversation's metadata is longer than limits.hold");
}

/* At most so many, all of them objects. */
static bool are_items(struct exchange *x, struct json items)
{
	if (json_exists(items) && !json_is(items, JSON_ARRAY) && !json_is(items, JSON_NULL))
		return exchange_refuse(x, FAILURE_BAD_REQUEST, "items is an array of items");
	if (json_count(items) > ITEMS_AT_ONCE_MAX)
		return exchange_refuse(x, FAILURE_BAD_REQUEST, "at most %d items can be added at a time",
				       ITEMS_AT_ONCE_MAX);
	for (struct json_walk w = json_walk(items); json_walk_next(&w);)
		if (!json_is(w.value, JSON_OBJECT))
			return exchange_refuse(x, FAILURE_BAD_REQUEST, "an item is an object");
	return true;
}

static bool is_metadata(struct exchange *x, struct json metadata)
{
	if (!json_exists(metadata) || json_is(metadata, JSON_NULL) || json_is(metadata, JSON_OBJECT))
		return json_raw(metadata).len <= 64 << 10 ||
		       exchange_refuse(x, FAILURE_BAD_REQUEST, "metadata is too long");
	return exchange_refuse(x, FAILURE_BAD_REQUEST, "metadata is an object");
}

static enum stored_result create(struct place *at)
{
	struct exchange *x = at->x;
	struct json items = json_get(at->root, "items"), metadata = json_get(at->root, "metadata");
	char id[STORED_ID_MAX];
	struct json_writer w;
	struct buf document;

	if (!are_items(x, items) || !is_metadata(x, metadata))
		return done(x);
	stored_make_id("conv_", id);
	at->id = arena_dup(&x->arena, slice_cstr(id));
	json_writer_init(&w, &x->answer);
	write_conversation(&w, at->id, clock_wall_ms() / 1000,
			   json_is(metadata, JSON_OBJECT) ? json_raw(metadata) : SLICE(""));
	buf_init(&document, STORE_VALUE_MAX);
	json_writer_init(&w, &document);
	json_begin_object(&w);
	json_literal_key(&w, "conversation");
	json_value_raw(&w, buf_slice(&x->answer));
	json_literal_key(&w, "items");
	json_begin_array(&w);
	add_items(&w, stored_items(items, &x->arena), &x->arena);
	json_end_array(&w);
	json_end_object(&w);
	return put(at, &document);
}

static enum stored_result update(struct place *at)
{
	struct exchange *x = at->x;
	struct json conversation = json_get(at->document, "conversation");
	struct json metadata = json_get(at->root, "metadata");
	struct json_writer w;
	struct buf document;

	if (!is_metadata(x, metadata))
		return done(x);
	json_writer_init(&w, &x->answer);
	write_conversation(&w, at->id, json_i64_or(json_get(conversation, "created_at"), 0),
			   json_is(metadata, JSON_OBJECT) ? json_raw(metadata)
							  : json_raw(json_get(conversation, "metadata")));
	buf_init(&document, STORE_VALUE_MAX);
	json_writer_init(&w, &document);
	json_begin_object(&w);
	json_literal_key(&w, "conversation");
	json_value_raw(&w, buf_slice(&x->answer));
	json_literal_key(&w, "items");
	json_value_raw(&w, json_raw(json_get(at->document, "items")));
	json_end_object(&w);
	return put(at, &document);
}

/* ---- items ---- */

static enum stored_result list(struct place *at, struct json array, unsigned skip)
{
	struct exchange *x = at->x;
	unsigned all = (unsigned)json_count(array), count = 0;
	struct json *items = arena_array(&x->arena, struct json, all + 1);

	for (struct json_walk w = json_walk(array); json_walk_next(&w);) {
		if (skip > 0)
			skip--;
		else
			items[count++] = w.value;
	}
	stored_list(x, items, stored_ids(items, count, at->id, &x->arena), count);
	return done(x);
}

static enum stored_result add(struct place *at)
{
	struct exchange *x = at->x;
	struct json items = json_get(at->root, "items");
	struct buf document;
	struct slice kept;
	struct json again;

	if (!json_is(items, JSON_ARRAY))
		return refuse(x, "items is an array of items");
	if (!are_items(x, items))
		return done(x);
	buf_init(&document, STORE_VALUE_MAX);
	if (!conversation_write(at->document, stored_items(items, &x->arena), SLICE(""), &x->arena, &document)) {
		buf_done(&document);
		return refuse(x, "the conversation is too long");
	}
	kept = arena_dup(&x->arena, buf_slice(&document));
	if (!stored_put(x, STORE_CONVERSATIONS, at->id, kept))
		exchange_refuse(x, FAILURE_UNAVAILABLE, "the store takes nothing at the moment; try again later");
	buf_done(&document);
	if (x->failure)
		return done(x);
	/* What was added, with the ids it has now, in its order. */
	again = json_get(stored_parse(x, kept), "items");
	x->query = SLICE("order=asc&limit=100");
	return list(at, again, (unsigned)json_count(json_get(at->document, "items")));
}

static struct json find_item(const struct place *at)
{
	for (struct json_walk w = json_walk(json_get(at->document, "items")); json_walk_next(&w);)
		if (json_text_eq(json_get(w.value, "id"), at->item))
			return w.value;
	return (struct json){ 0 };
}

static enum stored_result delete_item(struct place *at, struct json item)
{
	struct exchange *x = at->x;
	struct json_writer w;
	struct buf document;

	buf_init(&document, STORE_VALUE_MAX);
	json_writer_init(&w, &document);
	json_begin_object(&w);
	json_literal_key(&w, "conversation");
	json_value_raw(&w, json_raw(json_get(at->document, "conversation")));
	json_literal_key(&w, "items");
	json_begin_array(&w);
	for (struct json_walk k = json_walk(json_get(at->document, "items")); json_walk_next(&k);)
		if (k.value.node != item.node)
			json_value_raw(&w, json_raw(k.value));
	json_end_array(&w);
	json_end_object(&w);
	show_conversation(x, json_get(at->document, "conversation"));
	return put(at, &document);
}

static enum stored_result serve_item(struct place *at)
{
	struct json item = find_item(at);

	if (!json_exists(item))
		return stored_fail_missing(at->x, "Item", at->item);
	if (at->x->stream->method == HTTP_DELETE)
		return delete_item(at, item);
	if (at->x->stream->method == HTTP_POST)
		return refuse(at->x, "an item is not changed: delete it and add another");
	if (!buf_append_slice(&at->x->answer, json_raw(item)))
		exchange_refuse(at->x, FAILURE_INTERNAL, "the item is longer than limits.hold");
	return done(at->x);
}

/* ---- the endpoints ---- */

static enum stored_result delete_conversation(struct place *at)
{
	struct exchange *x = at->x;
	enum stored_result result = stored_delete(x, STORE_CONVERSATIONS, at->id);
	struct json_writer w;

	if (result != STORED_READY)
		return result;
	if (x->stored->found != STORE_FOUND)
		return stored_fail_missing(x, "Conversation", at->id);
	json_writer_init(&w, &x->answer);
	json_begin_object(&w);
	json_member_string(&w, "id", at->id);
	json_member_cstr(&w, "object", "conversation.deleted");
	json_member_bool(&w, "deleted", true);
	json_end_object(&w);
	return done(x);
}

static enum stored_result serve_found(struct place *at)
{
	struct exchange *x = at->x;
	bool posts = x->stream->method == HTTP_POST;

	if (x->endpoint->stored == STORED_ITEMS)
		return posts ? add(at) : list(at, json_get(at->document, "items"), 0);
	if (at->item.ptr)
		return serve_item(at);
	if (posts)
		return update(at);
	show_conversation(x, json_get(at->document, "conversation"));
	return done(x);
}

enum stored_result conversation_serve(struct exchange *x)
{
	struct place at = { .x = x, .id = x->path_id, .root = json_root(&x->facts.doc) };
	size_t items = slice_find(x->path_id, SLICE("/items/"));
	enum stored_result result;

	if (x->endpoint->stored == STORED_CONVERSATIONS)
		return create(&at);
	if (items != SIZE_MAX) {
		at.item = slice_after(at.id, items + 7);
		at.id.len = items;
	}
	if (!at.item.ptr && x->stream->method == HTTP_DELETE)
		return delete_conversation(&at);
	result = stored_fetch(x, STORE_CONVERSATIONS, at.id);
	if (result != STORED_READY)
		return result;
	at.document = stored_parse(x, x->stored->value);
	if (x->stored->found != STORE_FOUND)
		return stored_fail_missing(x, "Conversation", at.id);
	return serve_found(&at);
}
