/* SPDX-License-Identifier: Apache-2.0 */
/* A provider is a row of data: where it is, which dialects it speaks, how it is paid and which models it has. Rows
 * come from the built-in catalogue (catalogue/providers.yaml, compiled in) or from the configuration, which fills the
 * same struct. */
#pragma once

#include "base/arena.h"
#include "base/secret.h"
#include "dialect/dialect.h"
#include "http/client.h"
#include "llm/price.h"
#include "llm/quirks.h"
#include "llm/rules.h"

enum tier { TIER_NONE, TIER_CHEAP, TIER_FAST, TIER_FRONTIER };

/* One model, whoever serves it: what is true of it everywhere. */
struct model {
	struct slice id;               /* the public id: "claude-opus-4.7" */
	enum tier tier;
	int64_t context;               /* tokens; 0 = unknown */
	int64_t max_output;
	unsigned abilities;            /* NEEDS_… it can serve */
	unsigned operations;           /* bits 1 << OPERATION_… */
	double quality;                /* tier order for now */
	const char *const *names;      /* what it also goes by, whoever serves it; NULL-ended, or NULL */
};

/* A model as one provider offers it. */
struct offer {
	const struct model *model;     /* never NULL: a model foreign to the catalogue gets a row of its own */
	struct slice own_id;           /* "anthropic/claude-opus-4.7", "Qwen/Qwen3-32B" */
	struct slice *aliases;         /* other names it goes by there: dated snapshots, -latest forms */
	unsigned alias_count;
	struct price price;            /* PRICE_UNKNOWN where unknown */
	double quality;                /* the operator's number for it there, 0 to 100; below 0 = unsaid */
	const struct model_rules *rules; /* never NULL once a configuration is read; for ids as written: rules_find() */
	unsigned dialects;             /* bits 1 << DIALECT_… that serve it there; 0 = all */
	uint64_t identity;             /* hash of the public id; 0 = not made */
};

enum auth_kind { AUTH_NONE, AUTH_BEARER, AUTH_HEADER, AUTH_SIGV4, AUTH_GOOGLE, AUTH_AZURE };

enum usage_in_stream { USAGE_ASKED, USAGE_ALWAYS, USAGE_NEVER };

/* One way in: a dialect at a base URL. */
struct binding {
	const struct dialect *dialect; /* NULL: named by the contract, no code yet */
	enum dialect_id dialect_id;
	struct url base;
	struct slice base_text;        /* as written, for people */
	uint64_t identity;             /* hash_pair() of the hashes of its provider's name and its base; 0 = not made */
	unsigned operations;           /* bits 1 << OPERATION_… that this base serves */
	enum usage_in_stream usage_in_stream;
	enum auth_kind auth;
	struct slice auth_header;      /* lower-case header name for AUTH_HEADER */
	struct slice auth_scope;       /* OAuth scope, or the service that AUTH_SIGV4 signs for */
	struct slice auth_region;      /* that AUTH_SIGV4 signs for */
	struct header *headers;        /* fixed headers this dialect needs there: anthropic-version */
	unsigned header_count;
	uint64_t quirks;               /* QUIRK_…: where it differs from the dialect */
};

struct token_source;

/* What the operator allows a key; 0 = no limit. */
struct key_limits {
	uint32_t requests_per_minute, in_flight;
	uint64_t tokens_per_minute;    /* estimated prompt and the answer's maximum, corrected at the end */
};

struct credential {
	struct secret *secret;         /* NULL: tokens come from `source`, or this provider takes no credential */
	struct token_source *source;   /* where its tokens come from (token.h); NULL: `secret` is sent as it is */
	uint64_t fingerprint;          /* stable over reloads: pools and breakers are keyed by it */
	char name[9];                  /* for logs: eight hexadecimal digits */
	unsigned weight;               /* its share of conversations beside the provider's others; usually 1 */
	struct key_limits limits;
	struct origin *origins;        /* one per binding, same order: what connections are pooled by */
};

struct attempt_timeouts {              /* milliseconds */
	int64_t connect, first_token, idle, total;
};

/* How weir finds out whether a provider is there without paying for it. */
enum health_check {
	HEALTH_OFF,                    /* by the requests alone */
	HEALTH_CONNECT,                /* TCP and TLS */
	HEALTH_MODELS                  /* the list of models */
};

/* Sets of a provider's keys are bits of a word. */
enum { PROVIDER_KEYS_MAX = 64 };

struct provider {
	struct slice name;
	uint64_t identity;             /* hash of the name; 0 = not made */
	bool foreign;                  /* not in the catalogue, or a server of one's own */
	int priority;
	unsigned order;                /* position in the file (or catalogue): breaks ties */
	struct slice region;
	bool zero_retention;
	struct binding *bindings;      /* preferred first */
	unsigned binding_count;
	struct credential *keys;
	unsigned key_count;            /* 0: a key is needed and missing; passed over with the reason "no key" */
	bool needs_key;
	struct slice key_variable;     /* ANTHROPIC_API_KEY: named when it is missing */
	bool lacks_address;            /* `key_variable` is one of its base URL's instead, and there is no binding */
	bool spread;                   /* rotate keys instead of sticking to one per conversation */
	struct offer *offers;
	unsigned offer_count;
	struct offer_name *names;      /* hash table of all names of the offers; NULL: they are searched one by one */
	unsigned name_slots;           /* a power of two */
	bool lists_models;             /* false: without `models:`; "P/any-id" is sent as written */
	struct attempt_timeouts timeout;
	int retries;                   /* further tries of the same target */
	struct tls_context *tls;       /* NULL when no binding is https */
	enum http_version_choice http;
	enum health_check health;
	int64_t health_every_ms;
};

/* Makes the table that provider_find_offer() looks names up in, and the identities, which spare plans the hashing: call
 * when bindings and offers are complete. */
void provider_index_names(struct provider *p, struct arena *a);
/* The offer that goes by that public id, else by that alias or own id there, else whose model is known by it, or
 * NULL. */
const struct offer *provider_find_offer(const struct provider *p, struct slice name);
/* The same with hash_bytes(name), for who asks many providers. */
const struct offer *provider_find_hashed(const struct provider *p, struct slice name, uint64_t hash);
/* The conversation's key, so that its prompt cache keeps hitting: drawn by weight, without those in the bit set `done`.
 * With one more key, or one less, no conversation moves between the others. NULL when none is left. */
const struct credential *provider_pick_key(const struct provider *p, uint64_t conversation, uint64_t done);
/* As the identities of the rows are, or would be. */
uint64_t provider_identity(const struct provider *p);
uint64_t binding_identity(const struct provider *p, const struct binding *b);
/* The binding that speaks `dialect` for that operation, or NULL. */
const struct binding *provider_find_binding(const struct provider *p, enum dialect_id dialect, enum operation op);
const char *tier_name(enum tier t);
const char *auth_kind_name(enum auth_kind k);
