/* SPDX-License-Identifier: Apache-2.0 */
/* Every path that weir answers, in one table: plane, who may call it, what it means. What is not in the table is a 404;
 * what is there and has no code yet is a 501 in the dialect of the path (PRODUCT, first paragraph). A test walks the
 * table. */
#pragma once

#include "dialect/dialect.h"
#include "http/message.h"

enum plane { PLANE_DATA, PLANE_ADMIN };

enum endpoint_auth {
	AUTH_OPEN,                     /* liveness only */
	AUTH_ANYONE,                   /* with keys; without: as AUTH_KEY */
	AUTH_KEY,                      /* a configured key; without keys: loopback clients that are no browsers */
	AUTH_ADMIN                     /* the admin token, when one is set */
};

enum endpoint_kind {
	ENDPOINT_MODEL,                /* goes to a provider: an exchange with attempts */
	ENDPOINT_LOCAL,                /* answered from what weir knows */
	ENDPOINT_STORED,               /* kept of earlier requests: in the store, or at the provider that has it */
	ENDPOINT_LATER                 /* named by the contract: 501 */
};

enum local_answer {
	LOCAL_NONE,
	LOCAL_ROOT,                    /* what Ollama's command line asks for before anything else */
	LOCAL_MODELS,
	LOCAL_MODEL,                   /* named by the path; by the body where the method is POST (Ollama's api/show) */
	LOCAL_RUNNING,                 /* Ollama's api/ps: models in memory, of which a gateway has none */
	LOCAL_VERSION,
	LOCAL_HEALTH,
	LOCAL_READY,
	LOCAL_METRICS,
	LOCAL_EXPLAIN,                 /* the admin plane's /api, as docs/openapi-admin.json describes it */
	LOCAL_STATE,
	LOCAL_REQUESTS,
	LOCAL_REQUEST,
	LOCAL_OPENAPI
};

enum stored_endpoint {
	STORED_RESPONSE, STORED_CANCEL, STORED_INPUT_ITEMS,
	STORED_CONVERSATIONS, STORED_CONVERSATION, STORED_ITEMS
};

struct endpoint {
	const char *methods;           /* "POST", "GET" or "GET,POST,…" */
	const char *pattern;           /* exact; a final '*' matches any rest; "{id}" one id, up to the known tail behind it */
	enum plane plane;
	enum endpoint_auth auth;
	enum endpoint_kind kind;
	enum dialect_id dialect;       /* the shape of its errors, and for models the client's dialect */
	enum operation operation;      /* ENDPOINT_MODEL */
	bool stream;                   /* the path itself asks for a stream (Gemini) */
	bool variant;                  /* the dialect's other form of the operation: batchEmbedContents, api/generate */
	enum local_answer local;
	enum stored_endpoint stored;   /* ENDPOINT_STORED */
};

extern const struct endpoint endpoints[];
extern const unsigned endpoint_count;

struct endpoint_match {
	const struct endpoint *endpoint; /* NULL: no such path */
	struct slice id;               /* still percent-encoded */
	bool wrong_method;             /* the path is known, the method is not; `endpoint` is one of that path */
};

struct endpoint_match endpoint_find(enum plane plane, enum http_method method, struct slice path);
