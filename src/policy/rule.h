/* SPDX-License-Identifier: Apache-2.0 */
/* The routing language as values (PRODUCT §6; docs/routing.md): what a rule matches, and what it then does. Filled in
 * when a configuration is read, never changed afterwards.
 *
 * All of a rule's conditions must hold; the first rule that matches decides; rules are never merged. An entry of
 * `models:` has the same actions, which hold where no rule matched. */
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

struct try_list {
	struct try_item *items;
	unsigned count;
};

/* ---- what a rule matches ---- */

struct token_range { int64_t low, high; }; /* inclusive; low 0, high INT64_MAX when open */

enum condition { CONDITION_ANY, CONDITION_FALSE, CONDITION_TRUE };

struct header_condition {
	struct slice name;             /* lower case */
	struct slice pattern;          /* glob over its value; "*" = is there */
};

struct match {
	struct slice *models;          /* exact names or globs, of the name as asked or the public id; any of them */
	unsigned model_count;          /* 0 = every model */
	bool has_prompt_length, has_max_tokens;
	struct token_range prompt_length;
	struct token_range max_tokens; /* of what the request says; holds for none that says nothing */
	unsigned dialects;             /* bits 1 << DIALECT_… of the client's; 0 = any */
	enum condition stream;
	unsigned needs, needs_not;     /* NEEDS_… that the request must have, must not have */
	struct slice *keys;            /* names or globs of the caller's key ("local" without keys); any of them */
	unsigned key_count;
	struct slice *tags;            /* globs over single tags of x-weir-tags; any of them */
	unsigned tag_count;
	struct header_condition *headers; /* all of them */
	unsigned header_count;
	struct slice *regions;         /* where this weir runs ($WEIR_REGION); any of them */
	unsigned region_count;
	uint32_t hours;                /* bits 1 << hour of the day, UTC; 0 = any */
};

/* ---- what it then does ---- */

/* Each kind of preference gives a candidate a penalty of 0 (the best there is) and up; several are weighed. */
enum prefer {
	PREFER_CHEAPEST,               /* estimated cost of this request */
	PREFER_FASTEST,                /* expected time to the first token */
	PREFER_THROUGHPUT,             /* expected time per token */
	PREFER_QUALITY,                /* evaluation's or the operator's number, else tier order */
	PREFER_LEAST_BUSY,             /* requests in flight */
	PREFER_PRIORITY,               /* the providers' `priority` */
	PREFER_NEAREST,                /* measured time to connect */
	PREFER_COUNT
};

/* Whose requests go the same way at a split. */
enum sticky {
	STICKY_SESSION,                /* the conversation: session id, else the user, else the prompt's beginning */
	STICKY_USER,                   /* the user, else the session, else the prompt's beginning */
	STICKY_KEY,                    /* the caller's key */
	STICKY_NONE                    /* every request draws anew */
};

enum { SHARE_WHOLE = 1000000 };        /* shares are parts of a million */

/* Why an attempt failed, for `on:`. */
enum cause {
	CAUSE_NONE,
	CAUSE_CONTEXT_LENGTH,
	CAUSE_CONTENT_FILTER,
	CAUSE_RATE_LIMIT,              /* 429, overloaded, quota */
	CAUSE_TIMEOUT,
	CAUSE_ERROR,                   /* everything else that means the next target */
	CAUSE_COUNT
};

/* What becomes of a stream that breaks after content (DESIGN §6). */
enum rescue { RESCUE_OFF, RESCUE_HOLD, RESCUE_REPLAY, RESCUE_CONTINUE };
enum { RESCUES_MAX = 3 };

struct rescue_list {
	bool said;
	unsigned char modes[RESCUES_MAX]; /* enum rescue, in order of trying; RESCUE_OFF ends it */
};

/* What happens when every candidate rests or is saturated. */
enum when_down {
	WHEN_DOWN_UNSAID,
	WHEN_DOWN_LEAST_BAD,           /* one request at a time tries the first in order anyway */
	WHEN_DOWN_WAIT,                /* stands in line for `wait.up_to` */
	WHEN_DOWN_REFUSE
};

/* What happens to tuning that a target cannot be told: left out and named, or the target is passed over. */
enum unsupported { UNSUPPORTED_UNSAID, UNSUPPORTED_DROP, UNSUPPORTED_REFUSE };

struct wait_policy {
	int64_t up_to_ms;              /* how long a request may stand in line */
	unsigned queue;                /* how many may, per route */
	int priority;                  /* 0 (first) … 9; 5 */
};

struct mirror {
	struct try_item *target;       /* NULL = none */
	uint32_t share;
};

struct hedge {
	bool on;
	int64_t after_ms;              /* -1 = the live 95th percentile of the first token */
	uint32_t share;                /* of all requests, at most */
};

/* A stream that begins slower than that is not begun at the client's: its beginning is held until it has shown that it
 * is fast enough, or the time is over. */
struct slow_stream {
	int64_t below;                 /* tokens per second; 0 = off */
	int64_t within_ms;
};

struct require {
	struct slice *regions;         /* any of them */
	unsigned region_count;         /* 0 = anywhere */
	bool zero_retention;
};

struct actions {
	struct try_list try;           /* empty in a rule: the candidates that would have been used without it */
	uint32_t *split;               /* one weight per item of `try`; NULL = ordered */
	enum sticky sticky;
	bool has_preference;
	double prefer[PREFER_COUNT];   /* weights */
	struct mirror mirror;
	struct hedge hedge;
	bool hedge_said;
	struct slow_stream slow_stream;
	bool slow_stream_said;
	struct slice deny;             /* the message; NULL pointer = not denied */
	struct require require;
	struct try_list on[CAUSE_COUNT];
	struct rescue_list rescue;
	enum when_down when_down;
	struct wait_policy wait;       /* read when when_down is WAIT */
	enum condition affinity;       /* ANY = where the order is not the operator's own (prefer, split) */
	enum unsupported unsupported;
};

struct rule {
	struct slice route;            /* `name:` or "rule-N" (1-based) */
	struct match match;
	struct actions actions;
};

/* An entry of `models:`: an alias has exactly one item and no other action. */
struct model_name {
	struct slice name;
	struct slice route;            /* `name:` or the entry's own name */
	bool is_alias;
	struct actions actions;
};

/* The part of a configuration that plans are made from. */
struct routing {
	struct provider *providers;    /* file order (or catalogue order) */
	unsigned provider_count;
	struct map provider_by_name;
	struct model_name *models;     /* the `models:` section */
	unsigned model_count;
	struct map model_by_name;
	struct rule *rules;
	unsigned rule_count;
	struct slice region;           /* $WEIR_REGION, or empty */
	struct actions defaults;       /* of `defaults:`, for what a rule or entry does not say: hedge, rescue,
					* when_down and wait, unsupported */
};

/* What rules see of a request beyond its body; all may be empty. */
struct caller {
	struct slice key;              /* owner's name */
	struct slice user, session;
	struct slice tags;             /* as in x-weir-tags: comma-separated */
	const struct headers *headers; /* the request's, NULL = none */
	unsigned hour;                 /* of the day, UTC */
};

struct plan_query;

/* Do all conditions hold? `public_id`: what the name resolved to, or empty. The prompt's length is asked for only when
 * everything else holds, and kept in *prompt_tokens, which is -1 before. */
bool rule_matches(const struct rule *r, const struct routing *routing, const struct plan_query *q,
		  struct slice public_id, int64_t *prompt_tokens);

/* As it is written in a `try` list: "openai", "openai/gpt-5.5", "gpt-5.5"; what is put together is in `a`. */
struct slice try_item_text(const struct try_item *item, struct arena *a);
const char *prefer_name(enum prefer p);    /* "cheapest", "fastest", "fastest_throughput", … */
const char *cause_name(enum cause c);      /* "context_length", … */
const char *rescue_name(enum rescue r);
const char *when_down_name(enum when_down w);
