/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4: a request and a set of keys in, the value of its authorization header out. Pure: the time is
 * handed in, nothing is remembered. */
#pragma once

#include "http/message.h"

struct sigv4_request {
	enum http_method method;
	struct slice path;             /* as it is sent, percent-encoded; the signature encodes it once more */
	struct slice query;            /* as it is sent, without '?' */
	const struct header *headers;  /* all of them are signed: host and x-amz-date at least */
	unsigned header_count;
	const struct slice *body;      /* pieces, in order */
	unsigned body_count;
	struct slice region, service;
	int64_t unix_seconds;          /* the time that x-amz-date says */
};

enum { SIGV4_DATE_MAX = 17, SIGV4_HEADERS_MAX = 32 };

/* UriEncode of the specification: "%3A" for every byte that is not unreserved (RFC 3986 §2.3). */
struct slice sigv4_encode(struct arena *a, struct slice s, bool keep_slash);
/* "20150830T123600Z". */
void sigv4_date(int64_t unix_seconds, char ret[static SIGV4_DATE_MAX]);
/* "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…" in `a`. At most SIGV4_HEADERS_MAX headers. */
struct slice sigv4_authorization(const struct sigv4_request *r, struct slice key_id, struct slice secret,
				 struct arena *a);
