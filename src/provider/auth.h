/* SPDX-License-Identifier: Apache-2.0 */
/* How a credential gets into a request: as a header, as a token, or as a signature over the request. */
#pragma once

#include "provider/provider.h"
#include "provider/token.h"

/* A request that is ready but for what it pays with. */
struct auth_request {
	const struct binding *binding;
	const struct credential *key;
	const struct token *token;     /* from the key's source; NULL when it has none */
	enum http_method method;
	struct slice target;           /* path and query as they are sent */
	const struct header *headers;  /* those that are already on it */
	unsigned header_count;
	const struct slice *body;
	unsigned body_count;
	int64_t unix_seconds;          /* now */
};

enum { AUTH_HEADERS_MAX = 4 };

/* Writes the credential: `ret` gets the headers to add, whose count is returned; none where none is taken. */
unsigned auth_write(const struct auth_request *r, struct header ret[static AUTH_HEADERS_MAX], struct arena *a);
/* Does that answer say that what was sent is not valid any more, so that a fresh token may help? */
bool auth_is_stale(const struct binding *b, const struct failure *f);
/* What a scope is when the configuration names none: SigV4's service, OAuth's scope. Empty for kinds without one. */
struct slice auth_default_scope(enum auth_kind kind);
/* The AWS region that a host name carries (bedrock-runtime.eu-west-1.amazonaws.com), or an empty slice. */
struct slice auth_region_of_host(struct slice host);
