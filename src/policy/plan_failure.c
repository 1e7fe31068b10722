/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong when nobody can take a request: the failure says what would help. */
#include "policy/plan_internal.h"

#include "base/clock.h"

unsigned plan_count_kind(const struct plan *plan, enum failure_kind kind)
{
	unsigned count = 0;

	for (unsigned i = 0; i < plan->count; i++)
		count += plan->candidates[i].passed_kind == kind;
	return count;
}

/* "A_KEY or B_KEY": what the operator can set, over `providers` or the plan's candidates. */
static struct slice add_variable(struct slice text, const struct provider *p, struct arena *a)
{
	if (!p->needs_key || p->key_count > 0 || p->key_variable.len == 0 ||
	    slice_find(text, p->key_variable) != SIZE_MAX)
		return text;
	return arena_printf(a, "%.*s%s%.*s", SLICE_ARG(text), text.len ? " or " : "", SLICE_ARG(p->key_variable));
}

static bool fail_no_credentials(struct planner *p, struct failure *reterr)
{
	struct slice names = { 0 };

	for (unsigned i = 0; i < p->plan->count; i++)
		if (p->plan->candidates[i].passed_kind == FAILURE_NO_CREDENTIALS)
			names = add_variable(names, p->plan->candidates[i].provider, p->arena);
	if (names.len == 0)
		return failure_set(reterr, FAILURE_NO_CREDENTIALS, "no provider of '%.*s' has a key", SLICE_ARG(p->query->model));
	return failure_set(reterr, FAILURE_NO_CREDENTIALS, "no provider of '%.*s' has a key: set %.*s",
			   SLICE_ARG(p->query->model), SLICE_ARG(names));
}

static bool was_named_before(const struct plan *plan, unsigned index)
{
	for (unsigned i = 0; i < index; i++)
		if (plan->candidates[i].provider == plan->candidates[index].provider)
			return true;
	return false;
}

static bool fail_needs_translation(struct planner *p, struct failure *reterr)
{
	const struct plan_query *q = p->query;
	struct slice text = { 0 };

	for (unsigned i = 0; i < p->plan->count; i++) {
		const struct candidate *c = &p->plan->candidates[i];
		struct slice speaks = planner_spoken_dialects(p, c->provider);

		if (c->passed_kind == FAILURE_NEEDS_TRANSLATION && !c->binding && !was_named_before(p->plan, i))
			text = arena_printf(p->arena, "%.*s%s%.*s speaks %.*s", SLICE_ARG(text), text.len ? ", " : "",
					    SLICE_ARG(c->provider->name), SLICE_ARG(speaks));
	}
	return failure_set(reterr, FAILURE_NEEDS_TRANSLATION,
			   "'%.*s' was asked for %s in the %s dialect, but %.*s; %s is not translated between dialects",
			   SLICE_ARG(q->model), operation_name(q->operation), dialect_id_name(q->dialect),
			   SLICE_ARG(text), operation_name(q->operation));
}

/* The field, and at which targets it fails. */
static bool fail_unsupported(struct planner *p, struct failure *reterr)
{
	struct slice text = { 0 };
	uint64_t refused = 0;

	for (unsigned i = 0; i < p->plan->count; i++) {
		const struct candidate *c = &p->plan->candidates[i];

		if (c->passed_kind != FAILURE_UNSUPPORTED)
			continue;
		refused |= c->fields.refused;
		text = arena_printf(p->arena, "%.*s%s%.*s %s", SLICE_ARG(text), text.len ? "; " : "",
				    SLICE_ARG(c->provider->name), c->passed_over);
	}
	failure_set(reterr, FAILURE_UNSUPPORTED, "no target for '%.*s' can do what was asked: %.*s",
		    SLICE_ARG(p->query->model), SLICE_ARG(text));
	failure_copy_text(reterr->param, sizeof(reterr->param),
			  chat_field_list(p->query->chat(p->query->ctx), refused, p->arena));
	return false;
}

static bool is_left_out(const struct planner *p, const struct candidate *c)
{
	return p->query->only.len > 0 && !plan_only_has(p->query->only, c->provider->name);
}

static bool fail_unserved(struct planner *p, struct failure *reterr)
{
	const struct candidate *c = p->plan->candidates;
	const struct candidate *end = c + p->plan->count;

	if (c == end)
		return failure_set(reterr, FAILURE_NO_MODEL, "no configured provider has a model for '%.*s'",
				   SLICE_ARG(p->query->model));
	while (c + 1 < end && is_left_out(p, c))
		c++;
	return failure_set(reterr, c->passed_kind, "'%.*s' cannot be served here: %.*s %s", SLICE_ARG(p->query->model),
			   SLICE_ARG(c->provider->name), c->passed_over);
}

static bool fail_only(struct planner *p, struct failure *reterr)
{
	struct slice names = p->query->only;
	struct slice first = slice_trim(slice_next_token(&names, ','));
	struct slice near = plan_nearest_provider(p->routing, first);

	for (unsigned i = 0; i < p->routing->provider_count; i++)
		if (plan_only_has(p->query->only, p->routing->providers[i].name))
			return failure_set(reterr, FAILURE_BAD_REQUEST,
					   "x-weir-only leaves no provider for '%.*s': %.*s is not among its targets",
					   SLICE_ARG(p->query->model), SLICE_ARG(p->query->only));
	return failure_set(reterr, FAILURE_BAD_REQUEST, "x-weir-only names no configured provider: '%.*s'%s%.*s%s",
			   SLICE_ARG(first), near.len ? "; did you mean '" : "", SLICE_ARG(near), near.len ? "'?" : "");
}

bool planner_fail_unnamed(struct planner *p, struct failure *reterr)
{
	const struct routing *r = p->routing;
	struct slice variables = { 0 };
	struct slice near;
	bool anybody = false;

	for (unsigned i = 0; i < r->provider_count; i++) {
		anybody |= !r->providers[i].needs_key || r->providers[i].key_count > 0;
		variables = add_variable(variables, &r->providers[i], p->arena);
	}
	if (!anybody)
		return failure_set(reterr, FAILURE_NO_CREDENTIALS, variables.len ? "no provider has a key: set %.*s" :
				   "no provider is configured%.*s", SLICE_ARG(variables));
	near = plan_nearest_names(r, p->query->model, p->arena);
	if (near.len == 0)
		return failure_set(reterr, FAILURE_NO_MODEL, "the model '%.*s' does not exist here",
				   SLICE_ARG(p->query->model));
	return failure_set(reterr, FAILURE_NO_MODEL, "the model '%.*s' does not exist here; nearest: %.*s",
			   SLICE_ARG(p->query->model), SLICE_ARG(near));
}

static bool fail_context(struct planner *p, struct failure *reterr)
{
	int64_t largest = 0;

	for (unsigned i = 0; i < p->plan->count; i++) {
		const struct candidate *c = &p->plan->candidates[i];

		if (c->passed_kind == FAILURE_CONTEXT_LENGTH && c->offer->model->context > largest)
			largest = c->offer->model->context;
	}
	return failure_set(reterr, FAILURE_CONTEXT_LENGTH,
			   "the prompt of about %lld tokens and the answer do not fit: the largest context behind '%.*s' is "
			   "%lld tokens", (long long)p->prompt_tokens, SLICE_ARG(p->query->model), (long long)largest);
}

static bool fail_saturated(struct planner *p, struct failure *reterr)
{
	failure_set(reterr, FAILURE_RATE_LIMITED,
		    "no target of '%.*s' takes another request before this one's deadline; try again later",
		    SLICE_ARG(p->query->model));
	reterr->retry_after_ms = (p->saturated_until_ns - p->query->now_ns) / NS_PER_MS;
	return false;
}

bool planner_fail(struct planner *p, struct failure *reterr)
{
	static const struct {
		enum failure_kind kind;
		bool (*fail)(struct planner *p, struct failure *reterr);
	} reasons[] = {
		{ FAILURE_RATE_LIMITED, fail_saturated },
		{ FAILURE_CONTEXT_LENGTH, fail_context },
		{ FAILURE_NO_CREDENTIALS, fail_no_credentials },
		{ FAILURE_UNSUPPORTED, fail_unsupported },
		{ FAILURE_NEEDS_TRANSLATION, fail_needs_translation },
	};
	unsigned left_out = 0;

	for (unsigned i = 0; i < p->plan->count; i++)
		left_out += is_left_out(p, &p->plan->candidates[i]);
	if (p->plan->count > 0 && left_out == p->plan->count)
		return fail_only(p, reterr);
	for (size_t i = 0; i < COUNT_OF(reasons); i++)
		if (plan_count_kind(p->plan, reasons[i].kind) > 0)
			return reasons[i].fail(p, reterr);
	return fail_unserved(p, reterr);
}
