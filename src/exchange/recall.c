/* SPDX-License-Identifier: Apache-2.0 */
/* The step `recall`: assistant turns that came back without their reasoning get it again, when a target could use it.
 * Most is still in memory; the rest is asked for, all at once, and after two seconds the request goes on without. */
#include "exchange/exchange_internal.h"

#include "base/clock.h"

/* Turns that are looked up, the newest: models look at the reasoning of the tool loop they are in. */
enum { RECALL_TURNS_MAX = 256 };

struct recall_turn {
	struct store_request request;
	struct exchange *exchange;
	struct turn *turn;
	struct slice id;
	struct slice document;         /* NULL pointer: none */
};

struct recall {
	struct recall_turn *turns;
	unsigned count;
	unsigned waiting;              /* for the store's answer */
};

static struct store_key key_of(const struct exchange *x, struct slice id)
{
	return (struct store_key){ .kind = STORE_REASONING, .owner = x->record.key, .id = id };
}

/* ---- who could use it ---- */

static bool takes_reasoning(const struct candidate *c)
{
	const struct field_row *row;

	if (c->passed_over || !c->translates || !c->binding->dialect->fields)
		return false;
	row = &c->binding->dialect->fields[FIELD_INDEX_REASONING_HISTORY];
	return (row->carriage == CARRIED || row->carriage == REWRITTEN || row->expressed) &&
	       c->rules->reasoning != REASONING_ABSENT && c->rules->replay != REPLAY_FORBIDDEN;
}

static bool anybody_takes_reasoning(const struct exchange *x)
{
	for (unsigned i = 0; i < x->plan.count; i++)
		if (takes_reasoning(&x->plan.candidates[i]))
			return true;
	return false;
}

static bool is_for(const struct exchange *x, struct slice provider)
{
	for (unsigned i = 0; i < x->plan.count; i++)
		if (takes_reasoning(&x->plan.candidates[i]) && slice_eq(x->plan.candidates[i].provider->name, provider))
			return true;
	return false;
}

/* ---- asking ---- */

static void on_answer(struct store_request *r, const struct store_answer *answer)
{
	struct recall_turn *t = CONTAINER_OF(r, struct recall_turn, request);
	struct exchange *x = t->exchange;

	if (answer->found == STORE_FOUND)
		t->document = arena_dup(&x->arena, answer->value);
	if (--x->recall->waiting == 0)
		exchange_wake(x);
}

static void ask(struct exchange *x, struct recall_turn *t)
{
	struct store *store = x->worker->shared->store;
	struct store_key key = key_of(x, t->id);

	if (store_peek(store, &key, &x->arena, &t->document, NULL) != STORE_UNKNOWN)
		return;
	t->exchange = x;
	t->request.on_answer = on_answer;
	if (store_get(store, x->worker->loop, &key, &t->request))
		x->recall->waiting++;
}

static unsigned count_turns(const struct chat *c)
{
	unsigned count = 0;

	for (const struct turn *t = c->turns; t; t = t->next)
		count += t->role == ROLE_ASSISTANT;
	return count;
}

static void begin(struct exchange *x)
{
	unsigned all = count_turns(x->chat), skip = all > RECALL_TURNS_MAX ? all - RECALL_TURNS_MAX : 0;
	struct recall *r = arena_new(&x->arena, struct recall);

	r->turns = arena_array(&x->arena, struct recall_turn, all - skip + 1);
	x->recall = r;
	for (struct turn *t = x->chat->turns; t; t = t->next) {
		struct slice id;

		if (t->role != ROLE_ASSISTANT || (skip > 0 && skip--))
			continue;
		id = vault_wanted(t, &x->arena);
		if (!id.ptr)
			continue;
		r->turns[r->count] = (struct recall_turn){ .turn = t, .id = id };
		ask(x, &r->turns[r->count++]);
	}
	timer_set(&x->store_wait, clock_now_ns() + STORE_WAIT_MS * NS_PER_MS);
}

/* ---- the way back ---- */

/* What is written now was not in the request when the targets were judged. Where it cannot be said nothing is lost that
 * the client had sent. */
static void carry_reasoning(struct exchange *x)
{
	x->chat->fields = chat_fields(x->chat);
	for (unsigned i = 0; i < x->plan.count; i++) {
		struct candidate *c = &x->plan.candidates[i];

		struct field_verdict v;

		if (!takes_reasoning(c))
			continue;
		v = field_judge(x->chat, c->binding->dialect->fields, c->binding->dialect_id, c->rules,
				c->binding->quirks);
		c->fields.carried |= v.carried & FIELD_REASONING_HISTORY;
	}
}

static void apply(struct exchange *x)
{
	const struct recall *r = x->recall;
	bool changed = false;

	for (unsigned i = 0; i < r->count; i++) {
		const struct recall_turn *t = &r->turns[i];

		if (t->document.ptr && is_for(x, vault_provider(t->document, &x->arena)))
			changed |= vault_apply(t->turn, t->document, &x->arena);
	}
	if (changed)
		carry_reasoning(x);
}

bool recall_run(struct exchange *x)
{
	if (!x->recall) {
		if (x->endpoint->operation != OPERATION_CHAT || !x->chat || !x->chat->tools ||
		    !anybody_takes_reasoning(x))
			return true;
		begin(x);
	}
	if (x->recall->waiting > 0 && timer_is_set(&x->store_wait))
		return false;
	apply(x);
	recall_cancel(x);
	return true;
}

void recall_cancel(struct exchange *x)
{
	timer_cancel(&x->store_wait);
	for (unsigned i = 0; x->recall && i < x->recall->count; i++)
		store_cancel(x->worker->shared->store, &x->recall->turns[i].request);
	x->recall = NULL;
}

void recall_keep(struct exchange *x, const struct attempt *a)
{
	struct arena *scratch = &x->worker->scratch;
	struct store_key key;
	struct buf document;
	struct slice id;

	buf_init(&document, 6 * VAULT_ANSWER_MAX + 4096); /* what JSON escapes grows sixfold at most */
	if (vault_write(&a->vault, a->provider->name, scratch, &document, &id)) {
		key = key_of(x, id);
		/* What finds no room is asked for in vain later: the model then goes on without it. */
		(void)store_put(x->worker->shared->store, &key, buf_slice(&document),
				clock_wall_ms() + VAULT_LIFE_S * 1000);
	}
	buf_done(&document);
	arena_reset(scratch);
}
