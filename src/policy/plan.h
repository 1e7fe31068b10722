/* SPDX-License-Identifier: Apache-2.0 */
/* From a model's name to an ordered list of targets: name resolution, rules, groups, substitution, order (PRODUCT §6).
 * Reads one configuration's routing, the request's facts and what is known of targets; sends and changes nothing. */
#pragma once

#include "policy/affinity.h"
#include "policy/breaker.h"
#include "policy/health.h"
#include "policy/key_pool.h"
#include "policy/rule.h"
#include "policy/vitals.h"

/* What is known of targets while plans are made; any of them may be NULL: nothing is known then. */
struct knowledge {
	struct vitals *vitals;
	struct breakers *breakers;
	struct key_pool *keys;
	struct affinity *affinity;
	struct health *health;
};

struct plan_query {
	enum dialect_id dialect;       /* the client's */
	enum operation operation;
	struct slice model;            /* as asked */
	unsigned needs;
	bool stream;
	int64_t max_output;            /* -1 = not said */
	bool has_foreign_state; /* wrapped reasoning state (llm/state.h) is in the body: it may not go out as it is */
	/* The request in the hub, read at most once and only when a candidate may need translation. NULL: it cannot be
	 * read; the asker knows why. */
	const struct chat *(*chat)(void *ctx);
	struct slice only;             /* x-weir-only: comma-separated provider names; empty = all */
	/* The prompt's estimated tokens, asked for at most once and only when a rule, a price or a context that might
	 * be too small needs it. */
	int64_t (*prompt_tokens)(void *ctx);
	/* More than the prompt's text can have, known without counting: the body's length in bytes. A context that is
	 * larger cannot be too small. 0 = nobody knows: contexts are looked at only when something else counts. */
	int64_t prompt_most;
	/* Hash of the conversation: of its session, else of the prompt's beginning. Asked for at most once, and only
	 * when something depends on it. NULL: every request is a conversation of its own. */
	uint64_t (*conversation)(void *ctx);
	void *ctx;
	struct caller caller;
	const struct knowledge *knowledge; /* NULL: nothing is known */
	int64_t now_ns;                /* monotonic, as the knowledge's */
	int64_t deadline_ns;           /* of the request; 0 = none */
	uint64_t draw;                 /* a random number, for what is drawn by lot */
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
	enum cause cause;              /* NONE: in the ordinary order; else only for attempts that failed so (`on:`) */
	uint64_t target;               /* breaker_key() with the conversation's key; 0 = it has none */
	struct vital *vital;           /* what is known of that target; NULL = nothing */
	double penalty;                /* that `prefer` ordered by, 0 = the best there is */
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
	const struct actions *actions; /* of the rule, else of the entry, else the defaults; never NULL */
	/* What holds for this request, defaults filled in. */
	struct hedge hedge;
	struct slow_stream slow_stream;
	struct rescue_list rescue;
	enum when_down when_down;
	struct wait_policy wait;
	struct candidate *mirror;      /* shadow it goes to as well; NULL = none, or not this time */
	const char *order;             /* in words (static): "as listed", "cheapest first", "drawn by weight", … */
	uint64_t conversation;         /* for affinity_note(); 0 = it need not be noted */
	int64_t prompt_tokens;         /* -1 = was not needed */
	struct candidate *candidates;  /* all, in order, the passed-over ones in their places */
	unsigned count;
	unsigned usable;               /* of the ordinary ones, without those of `on:` */
};

enum { PLAN_CANDIDATES_MAX = 64, PLAN_DEPTH_MAX = 8 /* groups within groups */ };

/* For a request that goes on from the beginning of an answer (DESIGN §6, `continue`): chooses the candidate's binding
 * and fields for that chat, whose last turn is the assistant's. False: no dialect of its provider can say it, or the
 * model is not known to go on from there. */
bool plan_continue(struct candidate *c, const struct chat *chat, enum operation operation);

/* What a price estimate takes as the answer's length when the request does not say: tokens. */
enum { PLAN_OUTPUT_GUESS = 1000, PLAN_OUTPUT_MAX = 1000000 };
/* The estimate that `prefer: cheapest` orders by: the prompt plus min(max_output, the model's own maximum) or the
 * guess. */
int64_t plan_cost_estimate(const struct offer *offer, int64_t prompt_tokens, int64_t max_output);

/* False when the name means nothing here, a rule denies the request, or no candidate is usable: reterr is NO_MODEL
 * (with up to three nearest names), DENIED, RATE_LIMITED (all saturated until after the deadline), CONTEXT_LENGTH (the
 * prompt fits none), FORBIDDEN (none is as `require` says), NEEDS_TRANSLATION, NO_CREDENTIALS, BAD_REQUEST (x-weir-only
 * names nobody, or what the request needs no candidate has), and *ret still says what was considered. */
bool plan_make(const struct routing *routing, const struct plan_query *query, struct arena *a, struct plan *ret,
	       struct failure *reterr);
