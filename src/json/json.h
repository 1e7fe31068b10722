/* SPDX-License-Identifier: Apache-2.0 */
/* JSON reading: strict (RFC 8259, UTF-8 checked, no duplicates resolved silently), one pass over the text into a tape
 * of nodes that keep their source spans. The document borrows the text and lives in an arena; numbers keep their
 * digits, strings stay escaped until asked for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/slice.h"

enum json_type { JSON_MISSING, JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

enum { JSON_DEPTH_MAX = 256 };         /* deeper documents are refused */
enum { JSON_NODES_MAX = 4 << 20 };     /* likewise with more values (member names count), 16 bytes each */

struct json_node;

struct json_doc {
	struct slice text;
	const struct json_node *nodes;
	uint32_t count;
};

/* A value inside a document; passed by value. `node` NULL = missing: every accessor copes with that. */
struct json {
	const struct json_doc *doc;
	const struct json_node *node;
};

struct json_error {
	size_t offset;                 /* into the text */
	const char *message;           /* static: "unexpected end", "bad escape", … */
};

/* Parses all of `text` (at most 4 GB). The document and its nodes are allocated in `a`. */
bool json_parse(struct arena *a, struct slice text, struct json_doc *ret, struct json_error *reterr);
/* Line and column (in characters), 1-based, of an offset. */
void json_position(struct slice text, size_t offset, unsigned *ret_line, unsigned *ret_column);

struct json json_root(const struct json_doc *d);
static inline bool json_exists(struct json v) { return v.node != NULL; }
enum json_type json_type(struct json v);
static inline bool json_is(struct json v, enum json_type type) { return json_type(v) == type; }

/* The first member with that (unescaped) name, or missing; also missing when `object` is no object. */
struct json json_member(struct json object, struct slice name);
#define json_get(object, literal) json_member((object), SLICE(literal))
/* How many members have that name: more than one is ambiguous. */
unsigned json_member_count(struct json object, struct slice name);
/* Elements or members. */
size_t json_count(struct json container);
struct json json_at(struct json array, size_t index);

/* Walks an array or object in source order:
 *     for (struct json_walk w = json_walk(v); json_walk_next(&w);) use(w.key, w.value);   */
struct json_walk {
	struct json key;               /* a string value; missing in arrays */
	struct json value;
	const struct json_node *next_, *end_;
};
struct json_walk json_walk(struct json container);
bool json_walk_next(struct json_walk *w);

/* The exact source bytes of the value (strings with their quotes). Empty when missing. */
struct slice json_raw(struct json v);
/* The characters of a string. Points into the text when nothing is escaped, else into `a`. Empty slice with NULL
 * pointer when the value is no string. */
struct slice json_text(struct json v, struct arena *a);
bool json_text_eq(struct json v, struct slice text);
/* True only for a number that is an integer in range (1e3 counts, 1.5 does not). */
bool json_to_i64(struct json v, int64_t *ret);
bool json_to_double(struct json v, double *ret);
/* The value of true/false; `otherwise` for anything else. */
bool json_to_bool(struct json v, bool otherwise);
/* Convenience for usage counters: the member as a non-negative integer, or `otherwise`. */
int64_t json_i64_or(struct json v, int64_t otherwise);
