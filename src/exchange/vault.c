/* SPDX-License-Identifier: Apache-2.0 */
/* Reasoning kept for clients that cannot carry it: gathering, the document, and the way back into a turn. */
#include "exchange/vault.h"

#include "base/digits.h"
#include "json/writer.h"
#include "llm/state.h"

/* ---- gathering ---- */

void vault_turn_init(struct vault_turn *v, bool wanted)
{
	v->wanted = wanted;
	arena_init(&v->arena);
	answer_init(&v->answer, &v->arena, VAULT_ANSWER_MAX);
}

void vault_turn_done(struct vault_turn *v)
{
	answer_done(&v->answer);
	arena_done(&v->arena);
	v->wanted = false;
}

static const struct answer_block *first_call(const struct answer_choice *c)
{
	const struct answer_block *b = c->blocks;

	while (b && b->kind != EVENT_TOOL_BEGIN)
		b = b->next;
	return b;
}

/* Of the calls, the first gives the document its id. */
static bool is_of_first_call(const struct vault_turn *v, unsigned block)
{
	const struct answer_block *call = v->answer.choice_count > 0 ? first_call(v->answer.choices) : NULL;

	return call && call->number == block;
}

static bool is_last(const struct vault_turn *v, unsigned block)
{
	const struct answer_choice *c = v->answer.choices;

	return v->answer.choice_count > 0 && c->last && c->last->number == block;
}

void vault_note(struct vault_turn *v, const struct event *e)
{
	struct event copy;

	if (!v->wanted || e->choice != 0)
		return;
	copy = *e;
	switch (e->kind) {
	case EVENT_TEXT:
		/* Its place and its state, not its words: those the client has. */
		if (is_last(v, e->block))
			return;
		copy.text = SLICE("");
		break;
	case EVENT_TOOL_ARGUMENTS:
		if (!is_of_first_call(v, e->block))
			return;
		break;
	case EVENT_REASONING: case EVENT_SIGNATURE: case EVENT_TOOL_BEGIN: case EVENT_STOP:
		break;
	case EVENT_START:
	case EVENT_REFUSAL:
	case EVENT_TOOL_END:
	case EVENT_MEDIA:
	case EVENT_CITATION:
	case EVENT_LOGPROBS:
	case EVENT_OPAQUE:
		return;
	}
	answer_add(&v->answer, &copy);
	if (v->answer.overflow)
		vault_turn_done(v);
}

/* ---- ids ---- */

/* FNV-1a: the same in every process, which hash_bytes() is not. */
static uint64_t hash_text(struct slice text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < text.len; i++)
		h = (h ^ (unsigned char)text.ptr[i]) * 0x100000001b3u;
	return h;
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 31;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

/* The same for the same value, however it is spaced, escaped and in whatever order its members stand. Recursion ends at
 * JSON_DEPTH_MAX, which the reader keeps. */
static uint64_t hash_json(struct json v, struct arena *a)
{
	uint64_t h = json_type(v);
	double number;

	switch (json_type(v)) {
	case JSON_STRING:
		return mix(h ^ hash_text(json_text(v, a)));
	case JSON_NUMBER:
		if (json_to_double(v, &number))
			h ^= hash_text(slice_of((const char *)&number, sizeof(number)));
		return mix(h);
	case JSON_ARRAY:
		for (struct json_walk w = json_walk(v); json_walk_next(&w);)
			h = mix(h) + hash_json(w.value, a);
		return mix(h);
	case JSON_OBJECT:
		for (struct json_walk w = json_walk(v); json_walk_next(&w);)
			h += mix(mix(hash_text(json_text(w.key, a))) ^ hash_json(w.value, a));
		return mix(h);
	case JSON_MISSING: case JSON_NULL: case JSON_FALSE: case JSON_TRUE:
		break;
	}
	return mix(h);
}

static uint64_t hash_arguments(struct slice arguments, struct arena *a)
{
	struct json_doc doc;
	struct json_error error;

	/* Clients write {} for a call without arguments. */
	if (slice_trim(arguments).len == 0)
		arguments = SLICE("{}");
	return json_parse(a, arguments, &doc, &error) ? hash_json(json_root(&doc), a) : hash_text(arguments);
}

struct slice vault_id(struct slice call_id, struct slice name, struct slice arguments, struct arena *a)
{
	enum { ID_MAX = 256 };         /* longer ones are hashed: the store takes 512 bytes */
	uint64_t h = mix(hash_text(name)) ^ hash_arguments(arguments, a);
	char digits[16];

	digits_put_hex(digits, call_id.len > ID_MAX ? h ^ mix(hash_text(call_id)) : h, sizeof(digits));
	if (call_id.len > ID_MAX)
		call_id.len = ID_MAX;
	return arena_printf(a, "%.*s#%.*s", SLICE_ARG(call_id), (int)sizeof(digits), digits);
}

/* ---- the document ---- */

static bool is_worth_keeping(const struct answer_choice *c)
{
	for (const struct answer_block *b = c->blocks; b; b = b->next)
		if (b->state.len > 0 || b->kind == EVENT_REASONING)
			return true;
	return false;
}

static void write_block(struct json_writer *w, const struct answer_block *b)
{
	if (b->kind == EVENT_TEXT && b->state.len == 0)
		return;
	json_begin_object(w);
	json_member_cstr(w, "kind", b->kind == EVENT_REASONING ? "reasoning" : b->kind == EVENT_TEXT ? "text" : "call");
	if (b->kind == EVENT_REASONING) {
		json_member_string(w, "text", buf_slice(&b->text));
		json_member_bool(w, "redacted", b->redacted);
		json_member_string(w, "item_id", b->item_id);
	} else if (b->kind == EVENT_TOOL_BEGIN) {
		json_member_string(w, "id", b->id);
	}
	if (b->state.len > 0)
		json_member_string(w, "state", b->state);
	json_end_object(w);
}

bool vault_write(const struct vault_turn *v, struct slice provider, struct arena *a, struct buf *out,
		 struct slice *ret_id)
{
	const struct answer_choice *c = v->answer.choices;
	const struct answer_block *call;
	struct json_writer w;

	if (!v->wanted || v->answer.choice_count == 0 || c->reason != STOP_TOOL_CALLS || !c->stopped ||
	    !is_worth_keeping(c))
		return false;
	call = first_call(c);
	if (!call)
		return false;
	*ret_id = vault_id(call->id, call->name, buf_slice(&call->text), a);
	json_writer_init(&w, out);
	json_begin_object(&w);
	json_member_string(&w, "provider", provider);
	json_literal_key(&w, "parts");
	json_begin_array(&w);
	for (const struct answer_block *b = c->blocks; b; b = b->next)
		write_block(&w, b);
	json_end_array(&w);
	json_end_object(&w);
	return !w.overflow;
}

/* ---- back into a turn ---- */

struct slice vault_wanted(const struct turn *t, struct arena *a)
{
	const struct part *call = NULL;

	if (t->role != ROLE_ASSISTANT)
		return slice_of(NULL, 0);
	for (const struct part *p = t->parts; p; p = p->next) {
		if (p->state.payload.len > 0)
			return slice_of(NULL, 0);
		if (p->kind == PART_TOOL_CALL && !call)
			call = p;
	}
	return call ? vault_id(call->call->id, call->call->name, call->call->arguments, a) : slice_of(NULL, 0);
}

static struct json parts_of(struct slice document, struct arena *a, struct json *ret_root)
{
	struct json_doc *doc = arena_new(a, struct json_doc);
	struct json_error error;

	*ret_root = (struct json){ 0 };
	if (!json_parse(a, document, doc, &error))
		return (struct json){ 0 };
	*ret_root = json_root(doc);
	return json_get(*ret_root, "parts");
}

struct slice vault_provider(struct slice document, struct arena *a)
{
	struct json root;

	parts_of(document, a, &root);
	return json_text(json_get(root, "provider"), a);
}

static struct part *find_call(struct turn *t, struct slice id)
{
	for (struct part *p = t->parts; p; p = p->next)
		if (p->kind == PART_TOOL_CALL && slice_eq(p->call->id, id))
			return p;
	return NULL;
}

static struct part *find_text(struct turn *t)
{
	struct part *p = t->parts;

	while (p && (p->kind != PART_TEXT || p->state.payload.ptr))
		p = p->next;
	return p;
}

/* Texts that the client echoed without what signs them stand again among the kept parts. */
static void remove_unsigned_reasoning(struct turn *t)
{
	struct part **at = &t->parts;

	t->last = NULL;
	while (*at) {
		if ((*at)->kind == PART_REASONING) {
			*at = (*at)->next;
			continue;
		}
		t->last = *at;
		at = &(*at)->next;
	}
}

static struct part *reasoning_part(struct json kept, struct arena *a)
{
	struct part *p = arena_new(a, struct part);

	p->kind = PART_REASONING;
	p->text = json_text(json_get(kept, "text"), a);
	p->redacted = json_to_bool(json_get(kept, "redacted"), false);
	p->item_id = json_text(json_get(kept, "item_id"), a);
	p->state = state_read(json_text(json_get(kept, "state"), a), DIALECT_COUNT, a);
	return p;
}

static struct part *insert_after(struct turn *t, struct part *before, struct part *p)
{
	struct part **at = before ? &before->next : &t->parts;

	p->next = *at;
	*at = p;
	if (!p->next)
		t->last = p;
	return p;
}

static void give_state(struct part *p, struct json kept, struct arena *a)
{
	struct slice state = json_text(json_get(kept, "state"), a);

	if (p && state.len > 0)
		p->state = state_read(state, DIALECT_COUNT, a);
}

bool vault_apply(struct turn *t, struct slice document, struct arena *a)
{
	struct json root, parts = parts_of(document, a, &root);
	struct part *after = NULL;     /* reasoning goes behind it; NULL: in front */

	if (json_count(parts) == 0 || !json_is(parts, JSON_ARRAY))
		return false;
	remove_unsigned_reasoning(t);
	for (struct json_walk w = json_walk(parts); json_walk_next(&w);) {
		struct json kind = json_get(w.value, "kind");

		if (json_text_eq(kind, SLICE("reasoning"))) {
			after = insert_after(t, after, reasoning_part(w.value, a));
		} else if (json_text_eq(kind, SLICE("text"))) {
			give_state(find_text(t), w.value, a);
		} else if (json_text_eq(kind, SLICE("call"))) {
			struct part *call = find_call(t, json_text(json_get(w.value, "id"), a));

			give_state(call, w.value, a);
			after = call ? call : after;
		}
	}
	return true;
}
