/* SPDX-License-Identifier: Apache-2.0 */
/* The step `resolve`: a request that goes on from a stored response or conversation becomes one that says everything
 * itself, when weir has what it goes on from; or is bound to the provider that has it. */
#include "exchange/exchange_internal.h"

/* A conversation is one document: room is left for the answer. */
enum { CONVERSATION_MAX = STORE_VALUE_MAX - (8 << 20) };

static struct json said(struct json root, const char *name)
{
	struct json v = json_member(root, slice_cstr(name));

	return json_is(v, JSON_NULL) ? (struct json){ 0 } : v;
}

static struct slice id_of(struct json v, struct arena *a)
{
	return json_text(json_is(v, JSON_OBJECT) ? json_get(v, "id") : v, a);
}

/* ---- items ---- */

struct slice stored_items(struct json input, struct arena *a)
{
	struct slice raw = json_raw(input);

	if (json_is(input, JSON_STRING))
		return arena_printf(a, "{\"type\":\"message\",\"role\":\"user\",\"content\":%.*s}", SLICE_ARG(raw));
	if (!json_is(input, JSON_ARRAY) || json_count(input) == 0)
		return SLICE("");
	return arena_dup(a, slice_of(raw.ptr + 1, raw.len - 2)); /* without the brackets */
}

/* A buffer that grows within the limit of bodies. */
struct input {
	struct buf text;
	bool overflow;
};

static void add_items(struct input *in, struct slice items)
{
	if (items.len == 0)
		return;
	in->overflow |= !buf_append(&in->text, in->text.len > 1 ? "," : "", in->text.len > 1) ||
			!buf_append_slice(&in->text, items);
}

/* ---- items that are only named ---- */

/* More are left for the provider to find. */
enum { REFERENCES_MAX = 1024 };

static enum stored_result find_reference(struct exchange *x, struct json item, unsigned number)
{
	struct stored *s = x->stored;
	struct slice key = stored_item_key(json_text(json_get(item, "id"), &x->arena), &x->arena);
	enum stored_result result = stored_fetch(x, STORE_RESPONSES, key);

	if (result != STORED_READY)
		return result;
	s->references_done = number + 1;
	if (s->found != STORE_FOUND)
		return STORED_READY;
	s->references[number] = json_raw(json_get(stored_parse(x, s->value), "item"));
	s->has_reference |= s->references[number].len > 0;
	s->bytes += s->value.len;
	if (s->bytes <= x->snapshot->config->limits.body)
		return STORED_READY;
	stored_cancel(x);
	exchange_refuse(x, FAILURE_TOO_LARGE, "the items that this request names are longer than limits.body");
	return STORED_ENDED;
}

static void put_references(struct exchange *x, struct json input)
{
	struct stored *s = x->stored;
	struct input in = { 0 };
	unsigned number = 0;

	buf_init(&in.text, SIZE_MAX); /* both halves are within limits.body */
	for (struct json_walk w = json_walk(input); json_walk_next(&w);) {
		bool named = responses_is_reference(w.value) && number < s->references_done;
		struct slice found = named ? s->references[number++] : slice_of(NULL, 0);

		in.overflow |= in.text.len > 0 && !buf_append(&in.text, ",", 1);
		in.overflow |= !buf_append_slice(&in.text, found.len > 0 ? found : json_raw(w.value));
	}
	check(!in.overflow, "there is no limit");
	s->own_items = arena_dup(&x->arena, buf_slice(&in.text));
	buf_done(&in.text);
}

/* Clients that keep no items send their ids (item_reference): those of responses that are kept here are put in. */
static enum stored_result resolve_references(struct exchange *x, struct json input)
{
	struct stored *s = x->stored;
	unsigned number = 0;

	if (s->own_items.ptr || !(x->facts.needs & NEEDS_STATE) || !json_is(input, JSON_ARRAY))
		return STORED_READY;
	if (!s->references)
		s->references = arena_array(&x->arena, struct slice, REFERENCES_MAX);
	for (struct json_walk w = json_walk(input); json_walk_next(&w) && number < REFERENCES_MAX;) {
		enum stored_result result;

		if (!responses_is_reference(w.value) || number++ < s->references_done)
			continue;
		result = find_reference(x, w.value, number - 1);
		if (result != STORED_READY)
			return result;
	}
	if (s->has_reference)
		put_references(x, input);
	return STORED_READY;
}

/* ---- the new body ---- */

/* False: too long. The old body stays, because the answer repeats what was asked. */
static bool replace_body(struct exchange *x, const struct input *in)
{
	struct json root = json_root(&x->facts.doc), input = json_get(root, "input");
	struct slice pieces[SPLICE_PIECES_MAX];
	struct splice splice;
	struct buf body;
	unsigned count;
	bool ok;

	splice_init(&splice, buf_slice(&x->body));
	ok = (json_exists(input) ? splice_replace(&splice, input, buf_slice(&in->text))
				 : splice_insert(&splice, root, SLICE("input"), buf_slice(&in->text), &x->arena)) &&
	     splice_remove(&splice, root, SLICE("previous_response_id")) &&
	     splice_remove(&splice, root, SLICE("conversation"));
	check(ok, "a few edits fit");
	buf_init(&body, x->snapshot->config->limits.body);
	count = splice_pieces(&splice, pieces);
	for (unsigned i = 0; i < count && ok; i++)
		ok = buf_append_slice(&body, pieces[i]);
	if (!ok) {
		buf_done(&body);
		return false;
	}
	x->asked_body = x->body;
	x->asked = arena_new(&x->arena, struct request_facts);
	*x->asked = x->facts;
	x->body = body;
	return true;
}

static enum stored_result say_everything(struct exchange *x, struct input *in)
{
	add_items(in, x->stored->own_items.ptr ? x->stored->own_items
					       : stored_items(json_get(json_root(&x->facts.doc), "input"), &x->arena));
	in->overflow |= !buf_append(&in->text, "]", 1);
	stored_cancel(x);
	if (in->overflow || !replace_body(x, in)) {
		buf_done(&in->text);
		exchange_refuse(x, FAILURE_TOO_LARGE,
				"the request together with what it goes on from is longer than limits.body");
		return STORED_ENDED;
	}
	buf_done(&in->text);
	return exchange_read_request(x) ? STORED_READY : STORED_ENDED;
}

static void input_begin(struct exchange *x, struct input *in)
{
	*in = (struct input){ 0 };
	buf_init(&in->text, x->snapshot->config->limits.body);
	in->overflow = !buf_append(&in->text, "[", 1);
}

/* ---- previous_response_id ---- */

static enum stored_result resolve_previous(struct exchange *x, struct slice id)
{
	enum stored_result result;
	struct input in;

	if (bound_id_is(id))
		return stored_read_bound(x, id) ? STORED_READY : stored_fail_previous(x, id);
	if (!slice_starts_with(id, SLICE("resp_")))
		return stored_fail_previous(x, id);
	result = stored_chain(x, id);
	if (result != STORED_READY)
		return result;
	input_begin(x, &in);
	for (const struct stored_link *l = x->stored->oldest; l; l = l->newer) {
		add_items(&in, stored_items(l->input, &x->arena));
		add_items(&in, stored_items(json_get(l->response, "output"), &x->arena));
	}
	return say_everything(x, &in);
}

/* ---- conversation ---- */

static enum stored_result resolve_conversation(struct exchange *x, struct slice id)
{
	enum stored_result result = stored_fetch(x, STORE_CONVERSATIONS, id);
	struct stored *s = x->stored;
	struct input in;

	if (result != STORED_READY)
		return result;
	if (s->found != STORE_FOUND)
		return stored_fail_missing(x, "Conversation", id);
	if (s->value.len + x->body.len > CONVERSATION_MAX) {
		stored_cancel(x);
		exchange_refuse(x, FAILURE_TOO_LARGE, "the conversation has no room for another turn: begin a new one");
		return STORED_ENDED;
	}
	s->conversation = arena_dup(&s->arena, id);
	s->conversation_document = arena_dup(&s->arena, s->value);
	input_begin(x, &in);
	add_items(&in, stored_items(json_get(stored_parse(x, s->value), "items"), &x->arena));
	return say_everything(x, &in);
}

/* Of two the provider might take the one that nobody has looked at. */
static bool is_ambiguous(struct exchange *x, struct json root)
{
	static const char *const names[] = { "previous_response_id", "conversation", "input", "store" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (json_member_count(root, slice_cstr(names[i])) > 1)
			return !exchange_refuse(x, FAILURE_BAD_REQUEST, "\"%s\" is in the body more than once",
						names[i]);
	return false;
}

enum stored_result stored_resolve(struct exchange *x)
{
	struct json root = json_root(&x->facts.doc), previous, conversation;
	enum stored_result result;
	struct stored *s;
	struct input in;

	if (x->dialect->id != DIALECT_OPENAI_RESPONSES || x->asked)
		return STORED_READY;
	if (is_ambiguous(x, root))
		return STORED_ENDED;
	previous = said(root, "previous_response_id");
	conversation = said(root, "conversation");
	s = stored_begin(x);
	/* Nobody ever asks for the answer to a shadow. */
	s->wanted = !json_is(json_get(root, "store"), JSON_FALSE) && !x->is_shadow;
	if (json_exists(previous) && json_exists(conversation)) {
		exchange_refuse(x, FAILURE_BAD_REQUEST,
				"Mutually exclusive parameters: 'previous_response_id' and 'conversation'. "
				"Ensure you are only providing one of them.");
		return STORED_ENDED;
	}
	result = resolve_references(x, json_get(root, "input"));
	if (result != STORED_READY)
		return result;
	if (json_exists(previous))
		return resolve_previous(x, json_text(previous, &x->arena));
	if (json_exists(conversation))
		return resolve_conversation(x, id_of(conversation, &x->arena));
	if (s->own_items.ptr) {
		input_begin(x, &in);
		return say_everything(x, &in);
	}
	return STORED_READY;
}

/* ---- the plan of a bound request ---- */

static void keep_holders(struct exchange *x)
{
	for (unsigned i = 0; i < x->plan.count; i++) {
		struct candidate *c = &x->plan.candidates[i];

		if (c->passed_over || (!c->translates && c->binding->dialect_id == DIALECT_OPENAI_RESPONSES &&
				       stored_key(x, c->provider)))
			continue;
		c->passed_over = "does not have the previous response";
		c->passed_kind = FAILURE_UNSUPPORTED;
		x->plan.usable -= c->cause == CAUSE_NONE;
	}
}

bool stored_constrain(struct exchange *x, struct plan_query *query, struct failure *reterr)
{
	const struct routing *routing = &x->snapshot->config->routing;
	const struct credential *key;
	const struct provider *p;

	if (!x->stored || !x->stored->is_bound)
		return true;
	keep_holders(x);
	if (x->plan.usable > 0)
		return true;
	if (!stored_find_target(x, &p, &key))
		return failure_set(reterr, FAILURE_NO_PREVIOUS, "Previous response with id '%.*s' not found.",
				   SLICE_ARG(x->stored->bound_text));
	/* The rules would have it elsewhere, where it cannot be answered. */
	query->model = arena_printf(&x->arena, "%.*s/%.*s", SLICE_ARG(p->name), SLICE_ARG(x->facts.model));
	if (!plan_make(routing, query, &x->arena, &x->plan, reterr))
		return false;
	keep_holders(x);
	if (x->plan.usable > 0)
		return true;
	return failure_set(reterr, FAILURE_UNSUPPORTED,
			   "the previous response lies at %.*s, which cannot serve '%.*s' for this request",
			   SLICE_ARG(p->name), SLICE_ARG(x->facts.model));
}
