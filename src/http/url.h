/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of providers, and the canonical form of request targets. */
#pragma once

#include <stdint.h>
#include "base/arena.h"
#include "base/slice.h"

struct url {
	bool tls;
	struct slice host;             /* lower case, IPv6 without brackets */
	uint16_t port;                 /* filled in from the scheme */
	struct slice path;             /* "" or "/..." without a trailing slash */
	struct slice query;            /* without '?' */
	struct slice authority;        /* as the Host header wants it: the port only when it is not the scheme's */
};

/* http:// or https:// only; user info and fragments are refused. Slices live in `a`. */
bool url_parse(struct arena *a, struct slice text, struct url *ret, const char **reterr);

struct request_target {
	struct slice authority;        /* of the absolute form; a NULL pointer otherwise */
	struct slice path;             /* canonical, still percent-encoded where the client did so */
	struct slice query;            /* without '?'; empty when none */
};

/* Splits and checks an origin-form or absolute-form request target. Everything that two
 * parties could read differently is refused: dot segments, "//", backslashes, control characters, bad percent triples,
 * an encoded unreserved character, NUL, a fragment. %2F and %3A stay encoded. */
bool request_target_parse(struct slice text, struct request_target *ret, const char **reterr);
/* The value of a Host header names this machine's loopback: "localhost", "127.0.0.1:8484", "[::1]"; "" is HTTP/1.0. */
bool host_is_loopback(struct slice host);
/* Decodes every percent triple; what is none stays as it is ('+', too). */
struct slice percent_decode(struct arena *a, struct slice s);
/* Decodes %2F and %3A (nothing else) in a path segment. */
struct slice path_segment_decode(struct arena *a, struct slice segment);
/* Value of a query parameter, percent-decoded ('+' stays); NULL pointer when absent. */
struct slice query_get(struct arena *a, struct slice query, struct slice name);
/* The query without that parameter. */
struct slice query_without(struct arena *a, struct slice query, struct slice name);
