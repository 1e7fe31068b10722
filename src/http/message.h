/* SPDX-License-Identifier: Apache-2.0 */
/* What an HTTP head says, whatever the version: names are lower case, values trimmed, order and repetition kept. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_PATCH, HTTP_OPTIONS, HTTP_OTHER };

struct header {
	struct slice name;             /* lower case */
	struct slice value;
};

enum { HEADERS_MAX = 128 };

struct headers {
	struct header *items;
	unsigned count;
};

/* The first value with that lower-case name, or an empty slice with NULL pointer. */
struct slice headers_get(const struct headers *h, struct slice name);
unsigned headers_count(const struct headers *h, struct slice name);
/* Adds copies (the value trimmed) in `a`; `room` is what `items` has place for, 0 at first. False: there are
 * HEADERS_MAX. */
bool headers_add(struct headers *h, unsigned *room, struct arena *a, struct slice name, struct slice value);
const char *http_method_name(enum http_method m);
/* HTTP_OTHER for what has no name above. */
enum http_method http_method_by_name(struct slice name);
const char *http_reason(int status);
/* True for what may stand in a header value: no CR, LF, NUL or other control character but tab. */
bool http_value_is_clean(struct slice value);
/* True for connection, keep-alive, proxy-*, te, trailer, transfer-encoding, upgrade, content-length, host, expect. */
bool http_header_is_hop_by_hop(struct slice name);
