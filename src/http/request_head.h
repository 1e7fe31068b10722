/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP/1 request: found, parsed and judged in one piece. Pure: bytes in, a request or a refusal out. */
#pragma once

#include "base/arena.h"
#include "http/coding.h"
#include "http/llhttp.h"
#include "http/message.h"
#include "http/url.h"

struct request_head {
	enum http_method method;
	struct request_target target;
	struct headers headers;
	struct slice host;
	bool http10;
	bool keep_alive;               /* the client may send another request after this one */
	bool chunked;
	bool expects_continue;
	uint64_t length;               /* content-length, 0 when absent */
};

/* Where the search for the end of a head stands. Zeroed at the start. */
struct head_scan {
	size_t scanned, line;          /* offsets of the first byte not looked at, and of the current line */
};

enum head_scan_result { HEAD_INCOMPLETE, HEAD_COMPLETE, HEAD_BROKEN };

/* Goes on looking for the empty line in `bytes` (the head so far, from its first byte). COMPLETE: the head, with its
 * empty line, has *ret bytes. BROKEN: this will never be HTTP/1 (a bare LF, or not a method's first letter). */
enum head_scan_result head_scan(struct head_scan *scan, struct slice bytes, size_t *ret);

struct refusal {
	int status;                    /* 0 = none */
	const char *sentence;          /* static text */
};

/* Parses a complete head that lives in `a` (names are lower-cased in place). Leaves `parser` ready to go on with a
 * chunked body. On a refusal *ret holds what is known, for the error's shape. */
struct refusal request_head_parse(llhttp_t *parser, struct arena *a, char *head, size_t len, struct request_head *ret);

/* The rules that hold for every version: the host's characters, one content-encoding, expectations. */
bool host_is_valid(struct slice host);
enum coding headers_coding(const struct headers *h);
