/* SPDX-License-Identifier: Apache-2.0 */
/* The answer's half of stored responses: which id it has for the client, and what is kept of it. */
#include "exchange/exchange_internal.h"

#include "json/writer.h"

/* ---- names ---- */

static void remember_request(struct exchange *x)
{
	struct stored *s = x->stored;
	const struct request_facts *facts = x->asked ? x->asked : &x->facts;
	struct json root = json_root(&facts->doc);

	if (s->has_input)
		return;
	s->has_input = true;
	s->input = s->own_items.ptr ? arena_dup(&s->arena, s->own_items)
				    : stored_items(json_get(root, "input"), &s->arena);
	s->previous = arena_dup(&s->arena, json_text(json_get(root, "previous_response_id"), &x->arena));
}

void stored_begin_attempt(struct exchange *x, struct attempt *a)
{
	struct stored *s = x->stored;
	bool keeps_nothing = (a->binding->quirks & QUIRK_NO_STORE) != 0;
	struct stored_names *n;

	if (!s)
		return;
	n = a->names = xcalloc(1, sizeof(*n));
	if (x->endpoint->kind == ENDPOINT_STORED) {
		n->naming = STORED_BOUND;
		failure_copy_text(n->own_id, sizeof(n->own_id), s->bound.own);
		failure_copy_text(n->shown_id, sizeof(n->shown_id), s->bound_text);
		return;
	}
	if (s->is_bound) {
		failure_copy_text(n->own_previous, sizeof(n->own_previous), s->bound.own);
		failure_copy_text(n->shown_previous, sizeof(n->shown_previous), s->bound_text);
	}
	if (x->endpoint->operation != OPERATION_CHAT)
		return;
	/* An answer that two targets may have told lies at none of them. */
	if (a->translation || keeps_nothing || rescue_is_armed(x))
		n->naming = STORED_HERE;
	else if (s->wanted)
		n->naming = STORED_BOUND;
	if (n->naming == STORED_HERE && s->id[0] == '\0')
		stored_make_id("resp_", s->id);
	if ((n->naming == STORED_HERE && s->wanted) || s->conversation.ptr)
		remember_request(x);
	if (a->translation)
		failure_copy_text(a->translation->writer.answer_id, sizeof(a->translation->writer.answer_id),
				  slice_cstr(s->id));
}

/* The provider's own id has just been read: it gets its name, and the reader repeats that in a failure. One that the
 * reader had no room for stays as it is, and leads nowhere. */
static void name_answer(struct exchange *x, struct attempt *a)
{
	struct stored_names *n = a->names;
	size_t len = strlen(a->reader.answer_id);

	if (n->own_id[0] || n->naming == STORED_UNNAMED || len == 0 || len == sizeof(a->reader.answer_id) - 1)
		return;
	memcpy(n->own_id, a->reader.answer_id, len + 1);
	if (n->naming == STORED_HERE)
		failure_copy_text(n->shown_id, sizeof(n->shown_id), slice_cstr(x->stored->id));
	else if (!stored_make_bound(x, a->provider, a->key, slice_cstr(n->own_id), n->shown_id))
		memcpy(n->shown_id, n->own_id, len + 1);
	if (strlen(n->shown_id) < sizeof(a->reader.answer_id))
		failure_copy_text(a->reader.answer_id, sizeof(a->reader.answer_id), slice_cstr(n->shown_id));
}

/* Replaces every JSON string that is exactly `from`. No text of a model can hold such a thing: its quotes are
 * escaped. */
static struct slice replace_strings(struct slice bytes, const char *from, const char *to, struct arena *arena)
{
	struct slice needle, name = slice_cstr(to), rest = bytes, out;
	struct buf text;
	size_t at;

	if (from[0] == '\0' || slice_find(bytes, slice_cstr(from)) == SIZE_MAX)
		return bytes;
	needle = arena_printf(arena, "\"%s\"", from);
	buf_init(&text, SIZE_MAX);
	while ((at = slice_find(rest, needle)) != SIZE_MAX) {
		check(buf_append(&text, rest.ptr, at + 1) && buf_append_slice(&text, name), "there is no limit");
		rest = slice_after(rest, at + needle.len - 1);
	}
	check(buf_append_slice(&text, rest), "there is no limit");
	out = arena_dup(arena, buf_slice(&text));
	buf_done(&text);
	return out;
}

/* Of a stored response that is asked for as a whole: what it followed lies where it lies. */
static void name_previous(struct exchange *x, struct attempt *a, struct slice body, struct arena *arena)
{
	struct stored_names *n = a->names;
	struct json_error error;
	struct json_doc doc;
	struct slice own;

	if (x->endpoint->kind != ENDPOINT_STORED || a->streams || !json_parse(arena, body, &doc, &error))
		return;
	own = json_text(json_get(json_root(&doc), "previous_response_id"), arena);
	if (own.len > 0 && own.len < sizeof(n->own_previous) &&
	    stored_make_bound(x, a->provider, a->key, own, n->shown_previous))
		failure_copy_text(n->own_previous, sizeof(n->own_previous), own);
}

struct slice stored_rename(struct exchange *x, struct attempt *a, struct slice bytes, struct arena *arena)
{
	struct stored_names *n = a->names;

	if (!n)
		return bytes;
	name_answer(x, a);
	name_previous(x, a, bytes, arena);
	bytes = replace_strings(bytes, n->own_id, n->shown_id, arena);
	return replace_strings(bytes, n->own_previous, n->shown_previous, arena);
}

/* ---- documents ---- */

static void keep_response(struct exchange *x, struct slice response)
{
	struct stored *s = x->stored;
	struct json_writer w;
	struct buf text;

	buf_init(&text, STORE_VALUE_MAX);
	json_writer_init(&w, &text);
	json_begin_object(&w);
	json_literal_key(&w, "response");
	json_value_raw(&w, response);
	json_literal_key(&w, "input");
	json_begin_array(&w);
	if (s->input.len > 0)
		json_value_raw(&w, s->input);
	json_end_array(&w);
	json_member_string(&w, "previous", s->previous);
	json_end_object(&w);
	/* What finds no room is not there when it is asked for, and that is then said. */
	if (!w.overflow)
		(void)stored_put(x, STORE_RESPONSES, slice_cstr(s->id), buf_slice(&text));
	buf_done(&text);
}

/* Each item by itself, for requests that name it (item_reference). */
static void keep_items(struct exchange *x, struct json output)
{
	struct json_writer w;
	struct arena scratch;
	struct buf text;

	arena_init(&scratch);
	buf_init(&text, STORE_VALUE_MAX);
	for (struct json_walk k = json_walk(output); json_walk_next(&k);) {
		struct slice id = json_text(json_get(k.value, "id"), &scratch);

		buf_clear(&text);
		json_writer_init(&w, &text);
		json_begin_object(&w);
		json_literal_key(&w, "item");
		json_value_raw(&w, json_raw(k.value));
		json_end_object(&w);
		if (id.len > 0 && !w.overflow)
			(void)stored_put(x, STORE_RESPONSES, stored_item_key(id, &scratch), buf_slice(&text));
	}
	buf_done(&text);
	arena_done(&scratch);
}

/* Another answer may have come to the same conversation meanwhile: what is in memory is newer than what was read. */
static void keep_in_conversation(struct exchange *x, struct slice output)
{
	struct stored *s = x->stored;
	struct store_key key = { .kind = STORE_CONVERSATIONS, .owner = x->record.key, .id = s->conversation };
	struct slice document = s->conversation_document;
	struct arena scratch;
	struct json_doc doc;
	struct json_error error;
	struct buf text;

	arena_init(&scratch);
	buf_init(&text, STORE_VALUE_MAX);
	if (store_peek(x->worker->shared->store, &key, &scratch, &document, NULL) != STORE_ABSENT &&
	    json_parse(&scratch, document, &doc, &error) &&
	    conversation_write(json_root(&doc), s->input, output, &scratch, &text))
		(void)stored_put(x, STORE_CONVERSATIONS, s->conversation, buf_slice(&text));
	buf_done(&text);
	arena_done(&scratch);
}

void stored_keep(struct exchange *x, const struct attempt *a, struct slice response)
{
	struct stored *s = x->stored;
	struct json_error error;
	struct json_doc doc;
	struct arena scratch;
	struct json output;

	if (!s || !s->has_input)
		return;
	arena_init(&scratch);
	if (json_parse(&scratch, response, &doc, &error)) {
		output = json_get(json_root(&doc), "output");
		if (a->names->naming == STORED_HERE && s->wanted) {
			keep_response(x, response);
			keep_items(x, output);
		}
		if (s->conversation.ptr)
			keep_in_conversation(x, stored_items(output, &scratch));
	}
	arena_done(&scratch);
}

/* Written by weir: one line of data, at the end. */
void stored_keep_last(struct exchange *x, struct attempt *a)
{
	struct slice last = buf_slice(&x->last), line = { 0 };

	if (!x->stored || !x->stored->has_input)
		return;
	while (last.ptr) {
		struct slice next = slice_next_token(&last, '\n');

		if (slice_starts_with(next, SLICE("data: ")))
			line = slice_after(next, 6);
	}
	stored_keep_event(x, a, line);
}

void stored_keep_event(struct exchange *x, struct attempt *a, struct slice data)
{
	struct json_error error;
	struct json_doc doc;
	struct arena scratch;

	if (!x->stored || !x->stored->has_input)
		return;
	arena_init(&scratch);
	data = stored_rename(x, a, data, &scratch);
	if (json_parse(&scratch, data, &doc, &error) && json_exists(json_get(json_root(&doc), "response")))
		stored_keep(x, a, json_raw(json_get(json_root(&doc), "response")));
	arena_done(&scratch);
}
