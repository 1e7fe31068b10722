/* SPDX-License-Identifier: Apache-2.0 */
/* Editing JSON without printing it again: members are replaced, inserted and removed in the original bytes, everything
 * else stays identical to the bit. The result is a short list of slices, ready for writev(). */
#pragma once

#include <sys/uio.h>
#include "json/json.h"

enum { SPLICE_EDITS_MAX = 128, SPLICE_PIECES_MAX = 2 * SPLICE_EDITS_MAX + 1 };

struct splice_edit {
	size_t at;                     /* offset into the source */
	size_t removed;                /* bytes dropped there */
	struct slice text;             /* bytes put in their place; borrowed */
	int64_t object_at;             /* private: the object whose members are edited; -1 = a replaced value */
};

struct splice {
	struct slice source;
	struct splice_edit edits[SPLICE_EDITS_MAX]; /* ascending, not overlapping */
	unsigned count;
};

void splice_init(struct splice *s, struct slice source);
/* `json` replaces the value. False when there are too many edits or they overlap. */
bool splice_replace(struct splice *s, struct json value, struct slice json) MUSTCHECK;
/* Adds `"name":json` as the last member of an object, after those inserted before. The member's text is built in `a`.
 * False, with nothing changed: as above. */
bool splice_insert(struct splice *s, struct json object, struct slice name, struct slice json,
		   struct arena *a) MUSTCHECK;
/* Removes every member of that name with its key and the comma that belongs to it (the one after it, or for the last
 * member the one before). Neighbouring removals are merged. True also when there is none; false as above. */
bool splice_remove(struct splice *s, struct json object, struct slice name) MUSTCHECK;
/* Length of the result. */
size_t splice_len(const struct splice *s);
/* The result as slices of source and texts; returns how many (at most SPLICE_PIECES_MAX). */
unsigned splice_pieces(const struct splice *s, struct slice ret[static SPLICE_PIECES_MAX]);
/* The result in one piece, in `a`. */
struct slice splice_flatten(const struct splice *s, struct arena *a);
