/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that expire: where they come from, and who keeps them fresh.
 *
 *   token          what proves who we are for a time: an OAuth access token, or a set of AWS keys
 *   token_source   where tokens of one identity and scope come from; made from the configuration, never changed
 *   token_keeper   one per process: a thread with a loop of its own that fetches tokens ahead of their expiry, one
 *                  fetch per source at a time, and answers workers without making them wait for its lock
 *
 * A token that is at hand is handed out until it expires, whatever becomes of its renewal (pain.md F40). Nobody asks
 * a token's service more often than its back-off allows. */
#pragma once

#include "base/failure.h"
#include "base/secret.h"
#include "net/mailbox.h"
#include "provider/provider.h"

struct token {
	_Atomic unsigned references;
	struct secret *secret;         /* the access token, or AWS's secret access key */
	struct secret *session;        /* AWS's session token; NULL = none */
	char *key_id;                  /* AWS's access key id; NULL = it is a bearer token */
	char *quota_project;           /* Google's; NULL = none */
	int64_t expires_ns;            /* monotonic; NEVER for keys that do not expire */
};
struct token *token_ref(struct token *t);
/* Accepts NULL, returns NULL. */
struct token *token_unref(struct token *t);

/* ---- sources ---- */

struct token_source;

/* What a way in takes tokens for. */
struct token_query {
	enum auth_kind auth;
	struct slice scope;            /* OAuth's, or the service that is signed for */
	struct slice region;           /* AWS's, for its token service; may be empty */
	bool metadata;                 /* ask the machine's metadata service when nothing else is there */
};

/* A credential: either a text that is sent as it is, or a source. */
struct token_finding {
	struct slice text;             /* NULL pointer when there is a source, or nothing */
	struct token_source *source;   /* a reference */
};

/* `text` as written under `keys`. False with a static sentence when it cannot be read. */
bool token_read_key(const struct token_query *q, struct slice text, struct token_finding *ret, const char **reterr);
/* What the environment has, in the order of the vendor's own SDKs. True with an empty finding when that is nothing;
 * false with a sentence (in `a`) when something is there that cannot be used. */
bool token_find(const struct token_query *q, struct arena *a, struct token_finding *ret, const char **reterr);
/* What could be set, of that kind; NULL for kinds without tokens. */
const char *token_advice(enum auth_kind auth);

struct token_source *token_source_ref(struct token_source *s);
/* Accepts NULL, returns NULL. */
struct token_source *token_source_unref(struct token_source *s);
/* Stable over reloads; equal for the same identity, secret and scope. */
uint64_t token_source_id(const struct token_source *s);
/* "service account x@y", for people. */
struct slice token_source_title(const struct token_source *s);
enum { TOKEN_SOURCE_SECRETS_MAX = 4 };

/* Its secrets, for masking them in messages; returns how many. */
unsigned token_source_secrets(const struct token_source *s, struct slice ret[static TOKEN_SOURCE_SECRETS_MAX]);

/* ---- keeper ---- */

struct token_keeper;
struct token_wait;

enum { TOKENS_MAX = 4096 };            /* sources kept; more are refused */

/* `proxies` outlives it. Its thread starts with the first token that has to be fetched. */
struct token_keeper *token_keeper_new(const struct proxy_settings *proxies);
/* Ends the thread. Workers may still cancel their waits; no loop hears from it any more. */
void token_keeper_stop(struct token_keeper *k);
/* Nobody waits any more. Accepts NULL, returns NULL. */
struct token_keeper *token_keeper_free(struct token_keeper *k);
/* Without a thread, for tests: its loop is turned by the caller. */
struct token_keeper *token_keeper_new_unthreaded(const struct proxy_settings *proxies);
struct loop *token_keeper_loop(struct token_keeper *k);

/* Who is told, on its own loop, that it should ask again. */
struct token_caller {
	struct mailbox *mailbox;
	void (*on_change)(void *ctx);
	void *ctx;
};

enum token_answer {
	TOKEN_READY,                   /* *ret is a reference */
	TOKEN_WAITS,                   /* *ret_wait: on_change() will follow, once, unless it is cancelled */
	TOKEN_FAILED                   /* reterr says why: FAILURE_CREDENTIALS */
};

/* From any thread; `k` may be NULL for sources whose keys never expire. */
enum token_answer token_ask(struct token_keeper *k, struct token_source *s, const struct token_caller *caller,
			    struct token **ret, struct token_wait **ret_wait, struct failure *reterr);
/* From the caller's thread, before on_change() was called; accepts NULL, returns NULL. */
struct token_wait *token_wait_cancel(struct token_wait *w);
/* A provider refused that token although it has not expired. True: a fresh one is being fetched, or is there already;
 * ask again. False: a fresh one was fetched for that reason a moment ago, and it is no better. */
bool token_refuse(struct token_keeper *k, struct token_source *s, const struct token *refused);
