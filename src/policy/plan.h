/* SPDX-License-Identifier: Apache-2.0 */
/* From a model's name to an ordered list of targets: name resolution, rules, groups, substitution, order (PRODUCT §6).
 * Pure: reads one configuration's routing and the request's facts, sends nothing, locks nothing but the breakers'
 * state. */
#pragma once

#include "base/map.h"
#include "provider/provider.h"

/* One word of a `try` list, resolved when the configuration is read. */
struct try_item {
	enum { TRY_PROVIDER, TRY_PROVIDER_MODEL, TRY_GROUP, TRY_MODEL } kind;
	const struct provider *provider; /* TRY_PROVIDER, TRY_PROVIDER_MODEL */
	const struct offer *offer;       /* TRY_PROVIDER_MODEL; NULL with `model` for a provider without a list */
	struct slice model;              /* TRY_PROVIDER_MODEL (as sent), TRY_MODEL (public id), TRY_GROUP (name) */
};

enum prefer { PREFER_NONE, PREFER_CHEAPEST };

/* What happens to tuning that a target cannot be told: left out and named, or the target is passed over. */
enum unsupported { UNSUPPORTED_UNSAID, UNSUPPORTED_DROP, UNSUPPORTED_REFUSE };

/* An entry of `models:`: an alias has exactly one item and no preference. */
struct model_name {
	struct slice name;
	struct slice route;            /* `name:` or the entry's own name */
	bool is_alias;
	struct try_item *items;
	unsigned item_count;
	enum prefer prefer;
};

struct token_range { int64_t low, high; }; /* inclusive; low 0, high INT64_MAX when open */

struct rule {
	struct slice route;            /* `name:` or "rule-N" (1-based) */
	struct slice *models;          /* exact names or globs; any of them matches */
	unsigned model_count;          /* 0 = every model */
	bool matches_prompt_length;
	struct token_range prompt_length;
	struct try_item *items;
	unsigned item_count;           /* 0 = keep the candidates that would have been used without the rule */
	enum prefer prefer;
	enum unsupported unsupported;
};

/* The part of a configuration that plans are made from; it never changes once it is read. */
struct routing {
	struct provider *providers;    /* file order (or catalogue order) */
	unsigned provider_count;
	struct map provider_by_name;
	struct model_name *models;     /* the `models:` section */
	unsigned model_count;
	struct map model_by_name;
	struct rule *rules;
	unsigned rule_count;
};

struct plan_query {
	enum dialect_id dialect;       /* the client's */
	enum operation operation;
	struct slice model;            /* as asked */
	unsigned needs;
	bool stream;
	int64_t max_output;            /* -1 = not said */
	bool has_foreign_state; /* wrapped reasoning state (llm/state.h) is in the body: it may not go out as it is */
	enum unsupported unsupported;  /* `defaults.unsupported`; a rule may say otherwise */
	/* The request in the hub, read at most once and only when a candidate may need translation. NULL: it cannot be
	 * read; the asker knows why. */
	const struct chat *(*chat)(void *ctx);
	struct slice only;             /* x-weir-only: comma-separated provider names; empty = all */
	/* The prompt's estimated tokens, asked for at most once and only when a rule or a price needs it. */
	int64_t (*prompt_tokens)(void *ctx);
	void *ctx;
};

struct candidate {
	const struct provider *provider;
	const struct offer *offer;     /* NULL: an id sent as written to a provider without a list */
	struct slice model;            /* public id (the id as written when there is no offer) */
	struct slice own_id;           /* what is sent: the provider's own id, or a dated id as asked */
	const struct binding *binding; /* NULL when passed over for its dialect */
	const struct model_rules *rules;
	bool translates; /* through the hub: another dialect, or foreign reasoning state to be taken out */
	struct field_verdict fields;   /* of a translation */
	bool substituted;              /* another model than the one asked for */
	bool stands_in;                /* chosen by tier, for what its provider does not list */
	const char *why;               /* it is here: "lists the model", "first listed of the same tier", … (static) */
	int64_t cost_estimate;         /* nano-dollars for this prompt, PRICE_UNKNOWN */
	const char *passed_over;       /* NULL = usable; else why not: "no key: set X", "speaks openai-chat only; …" (in the arena) */
	enum failure_kind passed_kind; /* which refusal this is, if nobody is left */
};

/* Which of the five ways of PRODUCT §6 gave the name its meaning. */
enum named {
	NAMED_NOTHING,
	NAMED_ENTRY,                   /* an entry of `models:` */
	NAMED_MODEL,                   /* a public id, alias or own id that a configured provider lists */
	NAMED_AT_PROVIDER,             /* P/rest: pinned */
	NAMED_TIER,                    /* frontier, fast, cheap */
	NAMED_AS_WRITTEN,              /* the one foreign provider without a list gets it as it is */
};

struct plan {
	struct slice asked;
	enum named named;
	struct slice public_id;        /* what the name resolved to; empty for groups and unknown ids */
	struct slice route;            /* rule's or group's name, "rule-N", or "direct" */
	const struct rule *rule;       /* the one that decided, or NULL */
	int64_t prompt_tokens;         /* -1 = was not needed */
	struct candidate *candidates;  /* all, in order, the passed-over ones in their places */
	unsigned count;
	unsigned usable;
};

enum { PLAN_CANDIDATES_MAX = 64, PLAN_DEPTH_MAX = 8 /* groups within groups */ };

/* What a price estimate takes as the answer's length when the request does not say: tokens. */
enum { PLAN_OUTPUT_GUESS = 1000, PLAN_OUTPUT_MAX = 1000000 };
/* The estimate that `prefer: cheapest` orders by: the prompt plus min(max_output, the model's own maximum) or the
 * guess. */
int64_t plan_cost_estimate(const struct offer *offer, int64_t prompt_tokens, int64_t max_output);

/* False when the name means nothing here or no candidate is usable: reterr is NO_MODEL (with up to three nearest
 * names), NEEDS_TRANSLATION, NO_CREDENTIALS, BAD_REQUEST (x-weir-only names nobody), and *ret still says what was
 * considered. */
bool plan_make(const struct routing *routing, const struct plan_query *query, struct arena *a, struct plan *ret,
	       struct failure *reterr);
