/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a decision down. This is on the way of every request: one block, no formatting. */
#include "exchange/explanation_internal.h"

#include "base/clock.h"
#include "exchange/outcome.h"

/* Texts are gathered first, then copied behind the rows in one go. */
struct packing {
	const struct plan_query *query;
	const struct plan *plan;
	struct arena *thorough;
	int64_t tokens;                /* of the prompt, as far as it was needed; 0 = unknown */
	char *at, *end;
};

static unsigned keys_shown(const struct candidate *c)
{
	return c->provider->key_count < EXPLAINED_KEYS_MAX ? c->provider->key_count : EXPLAINED_KEYS_MAX;
}

static struct slice put(struct packing *p, struct slice text)
{
	char *at = p->at;

	if (text.len == 0)
		return SLICE("");
	check(text.len <= (size_t)(p->end - at), "the texts were measured");
	p->at = (char *)mempcpy(at, text.ptr, text.len);
	return slice_of(at, text.len);
}

/* Where it would be sent: the dialect's path behind the provider's base. */
static struct slice address_of(const struct plan_query *q, const struct candidate *c, struct arena *a)
{
	const struct binding *b = c->binding;
	struct request_route route = { .operation = q->operation, .stream = q->stream, .model = c->own_id };
	struct slice path;

	if (!b || !b->dialect)
		return SLICE("");
	route.query = c->translates && q->stream ? b->dialect->stream_query : SLICE("");
	route.quirks = b->quirks;
	route.base_query = b->base.query;
	path = b->dialect->request_path(&route, a);
	return path.ptr ? arena_printf(a, "%.*s%.*s", SLICE_ARG(b->base_text), SLICE_ARG(path)) : SLICE("");
}

static int64_t left_ms(int64_t until_ns, int64_t now_ns)
{
	return until_ns > now_ns ? (until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
}

static void look_at_vital(const struct packing *p, const struct candidate *c, struct explained *e)
{
	struct vital_signs signs;

	e->first_token_us = e->first_token_p95_us = e->token_ns = e->connect_us = -1;
	e->requests_left = e->tokens_left = -1;
	e->success_permille = -1;
	e->is_known = c->vital != NULL;
	if (!c->vital)
		return;
	vital_look(c->vital, p->tokens, p->query->now_ns, &signs);
	e->first_token_us = signs.first_token_mean_us;
	e->token_ns = signs.token_ns;
	e->connect_us = signs.connect_us;
	e->in_flight = signs.in_flight;
	e->success_permille = signs.success_permille;
	e->requests_left = signs.requests_left;
	e->tokens_left = signs.tokens_left;
	e->saturated_ms = left_ms(signs.saturated_until_ns, p->query->now_ns);
	if (p->thorough)
		e->first_token_p95_us = vital_percentile(c->vital, 95, p->query->now_ns);
}

static void look_at_breaker(const struct packing *p, const struct candidate *c, struct explained *e)
{
	const struct knowledge *k = p->query->knowledge;
	int64_t until_ns;

	if (!k || !k->breakers || c->target == 0)
		return;
	e->is_known = true;
	e->breaker = breaker_look(k->breakers, c->target, p->query->now_ns, &until_ns, &e->limited);
	e->open_ms = e->breaker == BREAKER_OPEN ? left_ms(until_ns, p->query->now_ns) : 0;
}

static void look_at_health(const struct packing *p, const struct candidate *c, struct explained *e)
{
	const struct knowledge *k = p->query->knowledge;
	struct health_signs signs;

	if (!k || !k->health || !c->binding || c->provider->health == HEALTH_OFF)
		return;
	health_look(k->health, c->provider, c->binding, p->query->now_ns, &signs);
	e->is_checked = true;
	if (signs.down)
		e->down_ms = 1 + left_ms(signs.next_ns, p->query->now_ns);
}

/* What a key has left is a question of what the request may take: its prompt and the longest answer it allows. */
static void look_at_keys(const struct packing *p, const struct candidate *c, struct explained *e,
			 struct explained_key *keys)
{
	const struct knowledge *k = p->query->knowledge;
	int64_t tokens = p->tokens + (p->query->max_output > 0 ? p->query->max_output : 0);

	e->key_count = keys_shown(c);
	for (unsigned i = 0; i < e->key_count; i++) {
		const struct credential *key = &c->provider->keys[i];
		int64_t until_ns = 0;

		keys[i] = (struct explained_key){ .answer = KEY_READY };
		memcpy(keys[i].name, key->name, sizeof(keys[i].name));
		if (!k || !k->keys || !c->binding)
			continue;
		keys[i].answer = key_pool_look(k->keys,
					       key_pool_id(c->provider->name, c->binding->base_text, key->fingerprint),
					       &key->limits, tokens, p->query->now_ns, &until_ns);
		if (keys[i].answer != KEY_READY)
			keys[i].for_ms = (int32_t)left_ms(until_ns, p->query->now_ns);
	}
}

/* The estimate of a plan that needed no price is made now, where there is time for it. */
static int64_t cost_of(const struct packing *p, const struct candidate *c)
{
	if (c->cost_estimate != PRICE_UNKNOWN || !p->thorough)
		return c->cost_estimate;
	return plan_cost_estimate(c->offer, p->tokens, p->query->max_output);
}

static void take_candidate(struct packing *p, const struct candidate *c, struct slice url, struct explained *e)
{
	e->provider = put(p, c->provider->name);
	e->model = put(p, c->model);
	e->sent_as = slice_eq(c->own_id, c->model) ? e->model : put(p, c->own_id);
	e->passed_over = c->passed_over ? put(p, slice_cstr(c->passed_over)) : (struct slice){ 0 };
	e->url = put(p, url);
	e->why = c->why;
	e->dropped = c->fields.dropped;
	e->refused = c->fields.refused;
	e->cost_nano_usd = cost_of(p, c);
	e->penalty = c->penalty;
	e->cause = c->cause;
	e->dialect = c->binding ? c->binding->dialect_id : DIALECT_COUNT;
	e->translates = c->translates;
	e->substituted = c->substituted;
	look_at_vital(p, c, e);
	look_at_breaker(p, c, e);
	look_at_health(p, c, e);
}

static void take_refusal(struct packing *p, const struct failure *f, struct explanation *e)
{
	if (!f)
		return;
	e->refusal = put(p, slice_cstr(f->message));
	e->refusal_param = put(p, slice_cstr(f->param));
	e->refusal_kind = f->kind;
	e->refusal_code = outcome_of(f->kind)->code;
	e->status = outcome_status(f, p->query->dialect);
}

/* Which rule or entry decided, as a place in the configuration's lists. */
static void take_place(const struct routing *r, const struct plan *plan, struct explanation *e)
{
	e->rule = plan->rule ? (int)(plan->rule - r->rules) : -1;
	e->entry = -1;
	for (unsigned i = 0; !plan->rule && plan->actions && i < r->model_count && e->entry < 0; i++)
		if (plan->actions == &r->models[i].actions)
			e->entry = (int)i;
}

static void take_head(struct packing *p, struct explanation *e)
{
	const struct plan *plan = p->plan;

	e->asked = put(p, plan->asked);
	e->public_id = slice_eq(plan->public_id, plan->asked) ? e->asked : put(p, plan->public_id);
	e->route = put(p, plan->route);
	e->only = put(p, p->query->only);
	if (plan->mirror) {
		e->mirror_provider = put(p, plan->mirror->provider->name);
		e->mirror_model = put(p, plan->mirror->model);
	}
	e->order = plan->order;
	e->prompt_tokens = plan->prompt_tokens;
	e->max_output = p->query->max_output;
	e->conversation = plan->conversation;
	e->hedge = plan->hedge;
	e->rescue = plan->rescue;
	e->wait = plan->wait;
	e->when_down = plan->when_down;
	e->named = plan->named;
	e->dialect = p->query->dialect;
	e->operation = p->query->operation;
	e->stream = p->query->stream;
	e->considered = plan->count;
	e->usable = plan->usable;
}

static size_t head_text_size(const struct packing *p, const struct failure *refusal)
{
	const struct plan *plan = p->plan;
	size_t size = plan->asked.len + plan->public_id.len + plan->route.len + p->query->only.len;

	if (plan->mirror)
		size += plan->mirror->provider->name.len + plan->mirror->model.len;
	return refusal ? size + strlen(refusal->message) + strlen(refusal->param) : size;
}

static size_t candidate_text_size(const struct candidate *c)
{
	return c->provider->name.len + c->model.len + c->own_id.len + (c->passed_over ? strlen(c->passed_over) : 0);
}

struct explanation *explanation_new(const struct routing *routing, const struct plan_query *query,
				    const struct plan *plan, const struct failure *refusal, struct arena *thorough)
{
	struct packing p = { .query = query, .plan = plan, .thorough = thorough };
	unsigned count = thorough || plan->count < EXPLAINED_KEPT_MAX ? plan->count : EXPLAINED_KEPT_MAX;
	struct slice urls[PLAN_CANDIDATES_MAX];
	size_t texts = head_text_size(&p, refusal), keys = 0, size;
	struct explanation *e;

	p.tokens = plan->prompt_tokens > 0 ? plan->prompt_tokens : 0;
	if (thorough && plan->prompt_tokens < 0 && query->prompt_tokens)
		p.tokens = query->prompt_tokens(query->ctx);
	for (unsigned i = 0; i < count; i++) {
		urls[i] = thorough ? address_of(query, &plan->candidates[i], thorough) : SLICE("");
		texts += candidate_text_size(&plan->candidates[i]) + urls[i].len;
		keys += keys_shown(&plan->candidates[i]);
	}
	size = sizeof(*e) + count * sizeof(*e->candidates) + keys * sizeof(*e->keys) + texts;
	e = xmalloc(size);
	*e = (struct explanation){ .size = size, .candidate_count = count };
	e->candidates = (struct explained *)(e + 1);
	e->keys = (struct explained_key *)(e->candidates + count);
	p.at = (char *)(e->keys + keys);
	p.end = (char *)e + size;
	take_head(&p, e);
	if (thorough)
		e->prompt_tokens = p.tokens;
	take_place(routing, plan, e);
	take_refusal(&p, refusal, e);
	keys = 0;
	for (unsigned i = 0; i < count; i++) {
		e->candidates[i] = (struct explained){ .first_key = (unsigned)keys };
		take_candidate(&p, &plan->candidates[i], urls[i], &e->candidates[i]);
		look_at_keys(&p, &plan->candidates[i], &e->candidates[i], e->keys + keys);
		keys += e->candidates[i].key_count;
	}
	return e;
}

struct explanation *explanation_free(struct explanation *e)
{
	free(e);
	return NULL;
}

size_t explanation_size(const struct explanation *e)
{
	return e->size;
}

bool explanation_is_answerable(const struct explanation *e)
{
	return !e->refusal.ptr;
}

int explanation_status(const struct explanation *e)
{
	return e->status;
}
