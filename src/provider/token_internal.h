/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources of tokens, the fetch and the keeper share. A source's recipe is one or more requests, each made from
 * the answers before it. */
#pragma once

#include "provider/token.h"

enum {
	TOKEN_BODY_MAX = 64 << 10,     /* of an answer */
	TOKEN_FILE_MAX = 64 << 10,     /* of a credential file */
	TOKEN_HEADERS_MAX = 4,
	TOKEN_LIFE_MAX_S = 7 * 86400   /* no token is believed to live longer */
};

struct token_recipe;

struct token_source {
	_Atomic unsigned references;
	struct arena arena;            /* owns the texts */
	uint64_t id;
	const struct token_recipe *recipe; /* NULL: `fixed` is all there is */
	struct token *fixed;
	struct slice title;
	struct slice advice;           /* appended when it fails: what else could be set; may be empty */
	struct url endpoint;
	struct slice endpoint_text;
	struct slice scope;
	struct slice client;           /* client id, service account's address, role */
	struct slice key_id;           /* of the private key */
	struct slice session_name;
	struct slice file;             /* read again for each token: a projected identity, an authorization */
	struct slice quota_project;
	struct secret *secret;         /* private key, client secret, authorization */
	struct secret *refresh;        /* refresh token */
};

/* One fetch while it is under way. */
struct token_job {
	const struct token_source *source;
	unsigned step;                 /* requests answered so far */
	struct arena arena;            /* of the whole job */
	struct slice session;          /* what an earlier step got: a metadata session, */
	struct slice role;             /* the role's name */
	int64_t wall_s;                /* when it began */
};

struct token_request {
	enum http_method method;
	struct slice target;
	struct header headers[TOKEN_HEADERS_MAX];
	unsigned header_count;
	struct slice body;
};

struct token_reply {
	int status;
	const struct headers *headers;
	struct slice body;
};

enum token_step { TOKEN_STEP_NEXT, TOKEN_STEP_DONE, TOKEN_STEP_FAILED };

struct token_recipe {
	bool direct;                   /* of this machine or its cloud's: no proxy is on the way */
	/* The next request, in the job's arena. False with a sentence in `error` when it cannot be made. */
	bool (*ask)(struct token_job *job, struct token_request *ret, struct failure *reterr);
	/* What a 2xx answer means; others are failures, unless `tolerates` says otherwise. */
	enum token_step (*take)(struct token_job *job, const struct token_reply *reply, struct token **ret,
				struct failure *reterr);
	/* NULL: no failed answer is tolerated. True: go on with the next request. */
	bool (*tolerates)(struct token_job *job, int status);
};

/* token_source.c */
struct token_source *token_source_new(const struct token_recipe *recipe);
/* Gives it its id, from all that it says. */
struct token_source *token_source_seal(struct token_source *s);
/* Where it asks. Plain http:// is for loopback and link-local addresses only: what is sent there is a secret. */
bool token_source_set_endpoint(struct token_source *s, struct slice url, const char **reterr);
struct token *token_new(struct slice secret);
/* `life_s` from now. */
void token_set_life(struct token *t, int64_t life_s);
/* A set or unset variable of the environment; empty counts as unset (NULL pointer). */
struct slice token_variable(const char *name);
/* A regular file's contents without line ends behind; false with a reason. */
bool token_read_file(struct arena *a, struct slice path, struct slice *ret, const char **reterr);
/* "%3A" for every byte that is not unreserved: for forms and queries. */
struct slice token_encode(struct arena *a, struct slice text);
void token_set_form(struct token_request *r, struct slice body);
void token_add_header(struct token_request *r, struct slice name, struct slice value);
/* An OAuth answer (RFC 6749 §5.1): access_token, and expires_in or Azure's expires_on. */
enum token_step token_take_oauth(struct token_job *job, const struct token_reply *reply, struct token **ret,
				 struct failure *reterr);
bool token_fail(struct failure *f, const struct token_job *job, const char *what);
/* Seconds from now until a time in RFC 3339, now being the server's where it says so. */
bool token_seconds_until(struct slice time, const struct token_job *job, const struct token_reply *reply, int64_t *ret);

/* token_aws.c, token_google.c, token_azure.c: what token_read_key() and token_find() do for each. */
bool token_aws_read_key(const struct token_query *q, struct slice text, struct token_finding *ret, const char **reterr);
bool token_aws_find(const struct token_query *q, struct arena *a, struct token_finding *ret, const char **reterr);
bool token_google_read_key(const struct token_query *q, struct slice text, struct token_finding *ret,
			   const char **reterr);
bool token_google_find(const struct token_query *q, struct arena *a, struct token_finding *ret, const char **reterr);
bool token_azure_read_key(const struct token_query *q, struct slice text, struct token_finding *ret,
			  const char **reterr);
bool token_azure_find(const struct token_query *q, struct arena *a, struct token_finding *ret, const char **reterr);

/* token_fetch.c: one job over HTTP, on the keeper's loop */
struct token_fetch;
struct token_fetcher {
	struct loop *loop;
	struct http_client *direct, *proxied;
	struct tls_context *tls;       /* the system's authorities; NULL until one is needed */
};
void token_fetcher_init(struct token_fetcher *f, struct loop *l, const struct proxy_settings *proxies);
void token_fetcher_done(struct token_fetcher *f);
/* `on_done` is called from a task, once: with a token (a reference), or with a failure. */
struct token_fetch *token_fetch_start(struct token_fetcher *f, struct token_source *s,
				      void (*on_done)(void *ctx, struct token *token, const struct failure *failure),
				      void *ctx);
/* No on_done() afterwards. Accepts NULL, returns NULL. */
struct token_fetch *token_fetch_cancel(struct token_fetch *t);
