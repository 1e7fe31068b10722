/* SPDX-License-Identifier: Apache-2.0 */
/* Why a candidate cannot take a request, found out before anything is sent: it is left out by the client, cannot do
 * what is asked, has no room for the prompt, has no key, or takes nothing more until it is too late; and what a rule's
 * `require` says, which holds for everything that the rule names, `on:` and `mirror` too.
 *
 * The prompt's length is an estimate. Where another model would answer, its context must hold the estimate and what the
 * answer may need; the very model that was asked for is passed over only when the prompt alone is more than a tenth too
 * long, and its abilities are for its provider to judge. */
#include "policy/plan_internal.h"

#include "base/map.h"

bool planner_serves_operation(const struct model *model, enum operation op)
{
	unsigned accepted = 1u << op;

	/* Counting and compacting belong to chatting: whether they exist is a matter of the provider's dialect. */
	if (op == OPERATION_COUNT_TOKENS || op == OPERATION_COMPACT)
		accepted |= 1u << OPERATION_CHAT;
	return model->operations == 0 || (model->operations & accepted) != 0;
}

/* A foreign model of which nothing is known can do everything. */
unsigned planner_missing_abilities(const struct provider *p, const struct model *model, unsigned needs)
{
	if (p->foreign && model->abilities == 0)
		return 0;
	return needs & ~model->abilities & ~(unsigned)NEEDS_STATE;
}

int64_t planner_prompt_tokens(struct planner *p)
{
	if (p->prompt_tokens < 0)
		p->prompt_tokens = p->query->prompt_tokens ? p->query->prompt_tokens(p->query->ctx) : 0;
	return p->prompt_tokens;
}

uint64_t planner_conversation(struct planner *p)
{
	const struct plan_query *q = p->query;

	if (!p->has_conversation)
		p->conversation = q->conversation ? q->conversation(q->ctx) : q->draw;
	p->has_conversation = true;
	return p->conversation;
}

const struct model *planner_asked_model(const struct planner *p)
{
	const struct meaning *m = &p->meaning;

	if (m->named == NAMED_TIER || (m->named == NAMED_ENTRY && !m->entry->is_alias))
		return NULL;
	return m->model;
}

void planner_pass_over(struct candidate *c, enum failure_kind kind, const char *reason)
{
	c->passed_over = reason;
	c->passed_kind = kind;
}

/* Indexed by the number of the bit. */
static const char *lacks(unsigned missing)
{
	static const char *const words[] = { "does not take tools", "does not take images", "does not take audio",
					     "does not take documents", "does not take structured output",
					     "does not take reasoning", "does not take stored state" };

	return words[__builtin_ctz(missing)];
}

/* Text alone has no more tokens than bytes; what media cost depends on more than their length. */
static bool may_be_longer(const struct planner *p, int64_t room)
{
	const struct plan_query *q = p->query;

	if (p->prompt_tokens >= 0)
		return p->prompt_tokens > room;
	if (q->needs & (NEEDS_IMAGES | NEEDS_AUDIO | NEEDS_DOCUMENTS))
		return true;
	return q->prompt_most > room;
}

static void check_context(struct planner *p, struct candidate *c)
{
	const struct plan_query *q = p->query;
	const struct model *model = c->offer->model;
	bool is_asked = model == planner_asked_model(p);
	int64_t room = model->context, output = q->max_output > 0 ? q->max_output : 0;

	if (room <= 0 || q->operation == OPERATION_COUNT_TOKENS)
		return;
	if (model->max_output > 0 && output > model->max_output)
		output = model->max_output;
	room = is_asked ? room + room / 10 : room - output;
	if (may_be_longer(p, room) && planner_prompt_tokens(p) > room)
		planner_pass_over(c, FAILURE_CONTEXT_LENGTH,
				  arena_printf(p->arena, "has a context of %lld tokens, too small for a prompt of %lld%s",
					       (long long)model->context, (long long)p->prompt_tokens,
					       p->prompt_tokens <= model->context ? " and the answer" : "").ptr);
}

static void check_model(struct planner *p, struct candidate *c)
{
	const struct plan_query *q = p->query;
	const struct model *model = c->offer->model;
	unsigned missing =
		model != planner_asked_model(p) ? planner_missing_abilities(c->provider, model, q->needs) : 0;

	if (!planner_serves_operation(model, q->operation))
		planner_pass_over(c, FAILURE_BAD_REQUEST,
				  arena_join(p->arena, SLICE("does not serve "), slice_cstr(operation_name(q->operation))).ptr);
	else if (missing)
		planner_pass_over(c, FAILURE_BAD_REQUEST, lacks(missing));
	else
		check_context(p, c);
}

static void check_key(struct planner *p, struct candidate *c)
{
	const struct provider *provider = c->provider;
	const char *reason = "no key";

	if (!provider->needs_key || provider->key_count > 0)
		return;
	if (provider->key_variable.len > 0)
		reason = arena_join(p->arena,
				    provider->lacks_address ? SLICE("no base URL: set ") : SLICE("no key: set "),
				    provider->key_variable)
				 .ptr;
	planner_pass_over(c, FAILURE_NO_CREDENTIALS, reason);
}

/* breaker_key() of the candidate with that key, out of what was hashed when the configuration was read. */
static uint64_t target_of(const struct candidate *c, const struct credential *key)
{
	uint64_t model = c->offer && c->offer->identity ? c->offer->identity : hash_bytes(c->model);

	return hash_pair(hash_pair(binding_identity(c->provider, c->binding), key->fingerprint), model);
}

static void find_target(struct planner *p, struct candidate *c)
{
	const struct provider *provider = c->provider;
	const struct knowledge *known = p->query->knowledge;
	const struct credential *key;

	if (provider->key_count == 0)
		return;
	if (provider->key_count == 1)
		key = &provider->keys[0];
	else
		key = provider_pick_key(provider, provider->spread ? p->query->draw : planner_conversation(p), 0);
	c->target = target_of(c, key);
	c->vital = known && known->vitals ? vitals_find(known->vitals, c->target) : NULL;
}

static int64_t saturated_until(const struct planner *p, const struct vital *v)
{
	struct vital_signs signs;

	if (!v)
		return 0;
	vital_look(v, p->prompt_tokens, p->query->now_ns, &signs);
	return signs.saturated_until_ns;
}

/* By its key that is free first. */
static int64_t all_saturated_until(const struct planner *p, const struct candidate *c)
{
	int64_t first = saturated_until(p, c->vital);

	for (unsigned i = 0; first > 0 && c->provider->key_count > 1 && i < c->provider->key_count; i++) {
		int64_t until = saturated_until(p, vitals_find(p->query->knowledge->vitals,
								target_of(c, &c->provider->keys[i])));

		if (until < first)
			first = until;
	}
	return first;
}

static void check_saturation(struct planner *p, struct candidate *c)
{
	int64_t until_ns = p->query->deadline_ns > 0 && c->vital ? all_saturated_until(p, c) : 0;

	if (until_ns <= p->query->deadline_ns)
		return;
	if (p->saturated_until_ns == 0 || until_ns < p->saturated_until_ns)
		p->saturated_until_ns = until_ns;
	planner_pass_over(c, FAILURE_RATE_LIMITED, "takes no more requests until after this one's deadline");
}

/* A missing key comes last of what can be put right: setting one removes nothing else. */
void planner_judge(struct planner *p, struct candidate *c)
{
	const struct plan_query *q = p->query;

	if (q->only.len > 0 && !plan_only_has(q->only, c->provider->name))
		planner_pass_over(c, FAILURE_BAD_REQUEST, "left out by x-weir-only");
	else if (c->offer)
		check_model(p, c);
	if (!c->passed_over && !c->provider->lacks_address)
		planner_choose_binding(p, c);
	if (!c->passed_over)
		check_key(p, c);
	if (c->passed_over || !c->binding)
		return;
	find_target(p, c);
	check_saturation(p, c);
}

static bool is_in(const struct require *r, struct slice region)
{
	for (unsigned i = 0; i < r->region_count; i++)
		if (slice_eq(r->regions[i], region))
			return true;
	return r->region_count == 0;
}

static const char *not_there(struct planner *p, const struct require *r)
{
	struct slice text = SLICE("is not in region ");

	for (unsigned i = 0; i < r->region_count; i++)
		text = arena_printf(p->arena, "%.*s%s%.*s", SLICE_ARG(text), i > 0 ? " or " : "", SLICE_ARG(r->regions[i]));
	return text.ptr;
}

void planner_require(struct planner *p, unsigned start, const struct require *r)
{
	const char *elsewhere = NULL;

	if (r->region_count == 0 && !r->zero_retention)
		return;
	for (unsigned i = start; i < p->plan->count; i++) {
		struct candidate *c = &p->plan->candidates[i];

		/* A key would not help it, and it need not be waited for. */
		if (c->passed_over && c->passed_kind != FAILURE_NO_CREDENTIALS &&
		    c->passed_kind != FAILURE_RATE_LIMITED)
			continue;
		if (!is_in(r, c->provider->region)) {
			elsewhere = elsewhere ? elsewhere : not_there(p, r);
			planner_pass_over(c, FAILURE_FORBIDDEN, elsewhere);
		} else if (r->zero_retention && !c->provider->zero_retention) {
			planner_pass_over(c, FAILURE_FORBIDDEN, "keeps data");
		}
	}
}
