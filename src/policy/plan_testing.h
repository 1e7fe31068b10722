/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of plans: a fleet of providers p0, p1, … that all list the model "m" (and "other"), each with keys of its own,
 * put together by hand. */
#pragma once

#include <stdio.h>
#include "policy/plan.h"

enum { FLEET_MAX = 32, FLEET_KEYS_MAX = 4 };

static const struct dialect fleet_dialect = { .id = DIALECT_OPENAI_CHAT };

struct fleet {
	struct model model, other;
	char names[FLEET_MAX][8];
	struct provider providers[FLEET_MAX];
	struct binding bindings[FLEET_MAX];
	struct offer offers[FLEET_MAX][2];
	struct credential keys[FLEET_MAX][FLEET_KEYS_MAX];
	struct try_item items[FLEET_MAX]; /* of each provider */
	struct routing routing;
	struct rule rule;              /* routing.rules, should a test want one: it matches everything */
	struct arena arena;
	int64_t tokens;
	uint64_t conversation;
};

static inline void fleet_add(struct fleet *f, unsigned i)
{
	struct provider *p = &f->providers[i];

	snprintf(f->names[i], sizeof(f->names[i]), "p%u", i % FLEET_MAX);
	f->bindings[i] = (struct binding){ .dialect = &fleet_dialect, .dialect_id = DIALECT_OPENAI_CHAT,
					   .base_text = slice_cstr(f->names[i]), .operations = 1u << OPERATION_CHAT };
	f->offers[i][0] = (struct offer){ .model = &f->model, .own_id = SLICE("m"), .quality = -1, .rules = &model_rules_unknown };
	f->offers[i][1] = (struct offer){ .model = &f->other, .own_id = SLICE("other"), .quality = -1,
					  .rules = &model_rules_unknown };
	for (unsigned k = 0; k < FLEET_KEYS_MAX; k++)
		f->keys[i][k] = (struct credential){ .fingerprint = 1000 * (i + 1) + k, .weight = 1 };
	*p = (struct provider){ .name = slice_cstr(f->names[i]), .priority = 100, .order = i, .bindings = &f->bindings[i],
				.binding_count = 1, .keys = f->keys[i], .key_count = 1, .needs_key = true,
				.offers = f->offers[i], .offer_count = 2, .lists_models = true };
	for (unsigned k = 0; k < 2; k++)
		f->offers[i][k].price = price_unknown;
	provider_index_names(p, &f->arena);
	f->items[i] = (struct try_item){ TRY_PROVIDER, .provider = p };
}

static inline void fleet_init(struct fleet *f, unsigned count)
{
	memset(f, 0, sizeof(*f));
	arena_init(&f->arena);
	f->model = (struct model){ .id = SLICE("m"), .tier = TIER_FAST, .abilities = ~0u };
	f->other = (struct model){ .id = SLICE("other"), .tier = TIER_CHEAP, .abilities = ~0u };
	f->routing = (struct routing){ .providers = f->providers, .provider_count = count, .rules = &f->rule };
	map_init(&f->routing.provider_by_name);
	map_init(&f->routing.model_by_name);
	f->rule.route = SLICE("rule-1");
	for (unsigned i = 0; i < count; i++) {
		fleet_add(f, i);
		map_put(&f->routing.provider_by_name, f->providers[i].name, &f->providers[i]);
	}
}

static inline void fleet_done(struct fleet *f)
{
	map_done(&f->routing.provider_by_name);
	map_done(&f->routing.model_by_name);
	arena_done(&f->arena);
}

/* From now on the rule decides; its `try` is the first `count` providers. */
static inline struct actions *fleet_rule(struct fleet *f, unsigned count)
{
	f->routing.rule_count = 1;
	f->rule.actions.try = (struct try_list){ count > 0 ? f->items : NULL, count };
	return &f->rule.actions;
}

static inline int64_t fleet_tokens(void *ctx)
{
	return ((struct fleet *)ctx)->tokens;
}

static inline uint64_t fleet_conversation(void *ctx)
{
	return ((struct fleet *)ctx)->conversation;
}

static inline struct plan_query fleet_query(struct fleet *f)
{
	return (struct plan_query){ .dialect = DIALECT_OPENAI_CHAT, .operation = OPERATION_CHAT, .model = SLICE("m"), .max_output = -1,
				    .prompt_tokens = fleet_tokens, .conversation = fleet_conversation, .ctx = f, .now_ns = 1 };
}

static inline struct price fleet_price(int64_t input, int64_t output)
{
	struct price p = price_unknown;

	p.rates.input = input;
	p.rates.output = output;
	return p;
}
