/* SPDX-License-Identifier: Apache-2.0 */
/* In which dialect a candidate is spoken to: the client's own, byte for byte, wherever the provider speaks it and the
 * model's row allows it for this request; else the first listed that can carry the request through the hub. */
#include "policy/plan_internal.h"

#include "provider/rules.h"

static bool is_translatable(enum operation op)
{
	return op == OPERATION_CHAT || op == OPERATION_COUNT_TOKENS;
}

struct slice planner_spoken_dialects(const struct planner *p, const struct provider *provider)
{
	struct slice text = { 0 };

	for (unsigned i = 0; i < provider->binding_count; i++)
		if (provider->bindings[i].operations & (1u << p->query->operation))
			text = arena_printf(p->arena, "%.*s%s%s", SLICE_ARG(text), text.len ? " and " : "",
					    dialect_id_name(provider->bindings[i].dialect_id));
	return text;
}

/* What the provider's own version of the dialect cannot do that the client's asks for. */
static bool has_wrong_flow(const struct plan_query *q, const struct binding *b)
{
	return (b->quirks & QUIRK_STREAM_ONLY && !q->stream) || (b->quirks & QUIRK_NO_STREAM && q->stream);
}

/* Anthropic's and Google's own versions of OpenAI's API leave out what the native API can: signatures, caches, strict
 * schemas. It is spoken only where the native one cannot carry the request, or does not serve the operation. */
static bool is_imitation(const struct binding *b)
{
	return (b->quirks & QUIRK_COMPAT) != 0;
}

/* Tools on models that take them in Responses only (DIALECTS §1 row 7). */
static bool needs_other_dialect(struct planner *p, const struct candidate *c, const struct binding *own)
{
	const struct plan_query *q = p->query;
	unsigned on_chat = REJECTS_TOOLS_ON_CHAT | REJECTS_TOOLS_ON_CHAT_WITH_REASONING;
	const struct chat *chat;

	if (own->dialect_id != DIALECT_OPENAI_CHAT || !(q->needs & NEEDS_TOOLS) || !(c->rules->rejects & on_chat))
		return false;
	chat = q->chat ? q->chat(q->ctx) : NULL;
	return chat && own->dialect->fields &&
	       (field_judge(chat, own->dialect->fields, own->dialect_id, c->rules, own->quirks).refused & FIELD_TOOLS);
}

/* Fields that a request's needs announce: without any of these it holds none of those. */
static const struct { unsigned needs; uint64_t fields; } announced[] = {
	{ NEEDS_TOOLS, FIELD_TOOLS | FIELD_CUSTOM_TOOLS | FIELD_CHOICE_REQUIRED | FIELD_CHOICE_NAMED },
	{ NEEDS_IMAGES, FIELD_IMAGE_URL },
	{ NEEDS_DOCUMENTS | NEEDS_IMAGES, FIELD_DOCUMENT_DATA | FIELD_FILE_ID },
};

/* What has a meaning and the provider's version of the client's own dialect does not know: relayed as it came it would
 * be refused, or worse, left out of the answer unsaid. */
static uint64_t refused_by_quirks(const struct plan_query *q, const struct binding *own)
{
	uint64_t fields = field_refusals(own->quirks);
	const struct chat *chat;

	for (size_t i = 0; i < COUNT_OF(announced); i++)
		if (!(q->needs & announced[i].needs))
			fields &= ~announced[i].fields;
	chat = fields && q->chat ? q->chat(q->ctx) : NULL;
	return chat ? chat->fields & fields : 0;
}

static bool is_refused_by_policy(const struct planner *p, uint64_t dropped)
{
	enum unsupported said = p->plan->actions->unsupported;
	enum unsupported policy = said ? said : p->routing->defaults.unsupported;

	for (unsigned i = 0; policy == UNSUPPORTED_REFUSE && i < FIELD_COUNT; i++)
		if ((dropped & 1ull << i) && field_class(i) == FIELD_CLASS_TUNING)
			return true;
	return false;
}

/* Some models are served by one of their provider's dialects only: GPT-5 Pro by Responses, Claude on Vertex. */
static bool serves_offer(const struct binding *b, const struct offer *offer)
{
	return !offer || offer->dialects == 0 || offer->dialects & 1u << b->dialect_id;
}

/* The first binding that carries everything with a meaning; false: `c->fields` says what none could. */
static bool choose_translated(struct planner *p, struct candidate *c, const struct chat *chat)
{
	const struct plan_query *q = p->query;
	struct field_verdict least = { .refused = UINT64_MAX };

	for (unsigned i = 0; i < c->provider->binding_count; i++) {
		const struct binding *b = &c->provider->bindings[i];
		struct field_verdict v;

		if (!(b->operations & (1u << q->operation)) || !b->dialect || !b->dialect->write_chat ||
		    !serves_offer(b, c->offer) || is_imitation(b))
			continue;
		v = field_judge(chat, b->dialect->fields, b->dialect_id, c->rules, b->quirks);
		if (is_refused_by_policy(p, v.dropped))
			v.refused |= v.dropped;
		if (v.refused == 0) {
			c->binding = b;
			c->translates = true;
			c->fields = v;
			return true;
		}
		if (__builtin_popcountll(v.refused) < __builtin_popcountll(least.refused))
			least = v;
	}
	c->fields = least;
	return false;
}

bool plan_continue(struct candidate *c, const struct chat *chat, enum operation operation)
{
	for (unsigned i = 0; i < c->provider->binding_count; i++) {
		const struct binding *b = &c->provider->bindings[i];

		if (!(b->operations & (1u << operation)) || !b->dialect || !b->dialect->continues_prefill ||
		    !serves_offer(b, c->offer) || is_imitation(b))
			continue;
		c->fields = field_judge(chat, b->dialect->fields, b->dialect_id, c->rules, b->quirks);
		if (c->fields.refused)
			continue;
		c->binding = b;
		c->translates = true;
		return true;
	}
	return false;
}

static void refuse(struct planner *p, struct candidate *c, const struct chat *chat)
{
	struct slice speaks = planner_spoken_dialects(p, c->provider);

	if (speaks.len == 0)
		planner_pass_over(c, FAILURE_BAD_REQUEST,
			  arena_printf(p->arena, "does not serve %s", operation_name(p->query->operation)).ptr);
	else if (!is_translatable(p->query->operation) || c->fields.refused == UINT64_MAX)
		planner_pass_over(c, FAILURE_NEEDS_TRANSLATION,
			  arena_printf(p->arena, "speaks %.*s only; %s is not translated", SLICE_ARG(speaks),
				       operation_name(p->query->operation)).ptr);
	else
		planner_pass_over(c, FAILURE_UNSUPPORTED,
			  arena_printf(p->arena, "cannot carry %.*s",
				       SLICE_ARG(chat_field_list(chat, c->fields.refused, p->arena))).ptr);
}

void planner_choose_binding(struct planner *p, struct candidate *c)
{
	const struct plan_query *q = p->query;
	const struct binding *own = provider_find_binding(c->provider, q->dialect, q->operation);
	const struct chat *chat;
	uint64_t refused = 0;

	c->rules = c->offer ? c->offer->rules : rules_find(c->provider->name, c->model, c->own_id);
	if (own && !serves_offer(own, c->offer))
		own = NULL;
	c->binding = own;
	if (own && is_translatable(q->operation))
		refused = refused_by_quirks(q, own);
	if (own && (!is_translatable(q->operation) ||
		    (!q->has_foreign_state && !is_imitation(own) && !has_wrong_flow(q, own) && !refused &&
		     !needs_other_dialect(p, c, own))))
		return;
	c->fields.refused = UINT64_MAX;
	chat = is_translatable(q->operation) && q->chat ? q->chat(q->ctx) : NULL;
	if (chat && choose_translated(p, c, chat))
		return;
	if (refused)
		c->fields.refused = refused;
	/* What none of its dialects carries better than the client's own is for the provider to judge. */
	if (!own || has_wrong_flow(q, own) || refused)
		refuse(p, c, chat);
}
