/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/responses/{id}, its input items, its end: of responses that are kept here. Those that lie at a provider are asked
 * for there. */
#include "exchange/exchange_internal.h"

#include "json/writer.h"

static enum stored_result answer(struct exchange *x)
{
	stored_cancel(x);
	answer_json(x);
	return STORED_ENDED;
}

/* Its events are gone: nobody can be told them from the start, or from where they broke off. */
static bool asks_for_events(struct exchange *x)
{
	return x->wants_stream || query_get(&x->arena, x->query, SLICE("starting_after")).ptr;
}

static enum stored_result refuse_stream(struct exchange *x)
{
	stored_cancel(x);
	exchange_refuse(x, FAILURE_BAD_REQUEST, "this response is kept by weir, which has it as a whole: ask for it without %s",
			x->wants_stream ? "stream=true" : "starting_after");
	return STORED_ENDED;
}

static enum stored_result serve_response(struct exchange *x)
{
	enum stored_result result = stored_fetch(x, STORE_RESPONSES, x->path_id);
	struct slice raw;

	if (result != STORED_READY)
		return result;
	if (x->stored->found != STORE_FOUND)
		return stored_fail_missing(x, "Response", x->path_id);
	if (asks_for_events(x))
		return refuse_stream(x);
	raw = json_raw(json_get(stored_parse(x, x->stored->value), "response"));
	if (!buf_append_slice(&x->answer, raw))
		exchange_refuse(x, FAILURE_INTERNAL, "the response is longer than limits.hold");
	return answer(x);
}

/* Its items first: they are kept by their own ids, too. */
static enum stored_result forget_items(struct exchange *x)
{
	struct stored *s = stored_begin(x);
	enum stored_result result = s->items_forgotten ? STORED_READY : stored_fetch(x, STORE_RESPONSES, x->path_id);

	if (result != STORED_READY || s->items_forgotten)
		return result;
	s->items_forgotten = true;
	for (struct json_walk w = json_walk(json_get(json_get(stored_parse(x, s->value), "response"), "output"));
	     json_walk_next(&w);)
		stored_forget_item(x, json_text(json_get(w.value, "id"), &x->arena));
	return STORED_READY;
}

static enum stored_result serve_delete(struct exchange *x)
{
	enum stored_result result = forget_items(x);
	struct json_writer w;

	if (result == STORED_READY)
		result = stored_delete(x, STORE_RESPONSES, x->path_id);
	if (result != STORED_READY)
		return result;
	if (x->stored->found != STORE_FOUND)
		return stored_fail_missing(x, "Response", x->path_id);
	json_writer_init(&w, &x->answer);
	json_begin_object(&w);
	json_member_string(&w, "id", x->path_id);
	json_member_cstr(&w, "object", "response");
	json_member_bool(&w, "deleted", true);
	json_end_object(&w);
	return answer(x);
}

/* What is kept here is complete: there is nothing to be cancelled. */
static enum stored_result serve_cancel(struct exchange *x)
{
	enum stored_result result = stored_fetch(x, STORE_RESPONSES, x->path_id);

	if (result != STORED_READY)
		return result;
	if (x->stored->found != STORE_FOUND)
		return stored_fail_missing(x, "Response", x->path_id);
	stored_cancel(x);
	exchange_refuse(x, FAILURE_BAD_REQUEST, "Cannot cancel a synchronous response.");
	return STORED_ENDED;
}

static unsigned add_items(struct json array, struct json *items, unsigned count)
{
	for (struct json_walk w = json_walk(array); json_walk_next(&w);)
		items[count++] = w.value;
	return count;
}

/* All that the response was made of: what came before, and its own. */
static enum stored_result serve_input_items(struct exchange *x)
{
	struct stored *s = stored_begin(x);
	enum stored_result result;
	struct json *items;
	struct slice seed;
	size_t most = 0;
	unsigned count = 0;

	result = stored_chain(x, x->path_id);
	if (result == STORED_ENDED && s->links == 0 && x->failure->kind == FAILURE_NO_PREVIOUS)
		return stored_fail_missing(x, "Response", x->path_id);
	if (result != STORED_READY)
		return result;
	for (const struct stored_link *l = s->oldest; l; l = l->newer)
		most += json_count(l->input) + json_count(json_get(l->response, "output"));
	items = arena_array(&x->arena, struct json, most + 1);
	for (const struct stored_link *l = s->oldest; l; l = l->newer) {
		count = add_items(l->input, items, count);
		if (l != s->newest)
			count = add_items(json_get(l->response, "output"), items, count);
	}
	seed = slice_after(s->newest->id, slice_starts_with(s->newest->id, SLICE("resp_")) ? 5 : 0);
	if (!stored_list(x, items, stored_ids(items, count, seed, &x->arena), count)) {
		stored_cancel(x);
		return STORED_ENDED;
	}
	return answer(x);
}

/* What lies at a provider: a plan with one target is made in the next step. */
static enum stored_result serve_bound(struct exchange *x)
{
	const struct provider *p;
	const struct credential *key;

	if (!stored_read_bound(x, x->path_id) || !stored_find_target(x, &p, &key) ||
	    !provider_find_binding(p, DIALECT_OPENAI_RESPONSES, OPERATION_CHAT))
		return stored_fail_missing(x, "Response", x->path_id);
	return STORED_READY;
}

enum stored_result stored_serve(struct exchange *x)
{
	if (x->endpoint->stored >= STORED_CONVERSATIONS)
		return conversation_serve(x);
	x->wants_stream = slice_eq(query_get(&x->arena, x->query, SLICE("stream")), SLICE("true"));
	x->framing = FRAMING_SSE;
	if (bound_id_is(x->path_id))
		return serve_bound(x);
	if (!slice_starts_with(x->path_id, SLICE("resp_")))
		return stored_fail_missing(x, "Response", x->path_id);
	switch (x->endpoint->stored) {
	case STORED_INPUT_ITEMS:
		return serve_input_items(x);
	case STORED_CANCEL:
		return serve_cancel(x);
	default:
		return x->stream->method == HTTP_DELETE ? serve_delete(x) : serve_response(x);
	}
}

/* ---- where a bound one lies ---- */

void stored_plan(struct exchange *x)
{
	struct candidate *c = arena_new(&x->arena, struct candidate);
	const struct credential *key;
	bool found = stored_find_target(x, &c->provider, &key);

	check(found, "it was found when the request was looked at");
	c->binding = provider_find_binding(c->provider, DIALECT_OPENAI_RESPONSES, OPERATION_CHAT);
	c->rules = &model_rules_unknown;
	c->model = c->own_id = SLICE("");
	c->why = "has the response";
	x->record.route = SLICE("direct");
	x->plan = (struct plan){
		.route = x->record.route, .candidates = c, .count = 1, .usable = 1, .prompt_tokens = -1
	};
}

struct slice stored_path(const struct exchange *x, struct arena *a)
{
	static const char *const tails[] = { [STORED_INPUT_ITEMS] = "/input_items", [STORED_CANCEL] = "/cancel" };
	unsigned which = x->endpoint->stored;
	const char *tail = which < COUNT_OF(tails) && tails[which] ? tails[which] : "";

	return arena_printf(a, "/%.*s%s", SLICE_ARG(x->stored->bound.own), tail);
}
