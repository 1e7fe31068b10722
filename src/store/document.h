/* SPDX-License-Identifier: Apache-2.0 */
/* The documents in memory: a map with two lists. Those that wait to be written stay until they are; the others are kept
 * for speed (or because there is no disk) and the least recently used ones go when there is no room. Not locked: the
 * store does that. */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "store/store.h"

/* What was put. Never changes, so it is read without the lock. */
struct document {
	_Atomic unsigned references;
	int64_t expires_ms;
	size_t len;
	char bytes[];
};

struct document *document_new(struct slice value, int64_t expires_ms);
struct document *document_ref(struct document *d);
/* Accepts NULL, returns NULL. */
struct document *document_unref(struct document *d);
static inline struct slice document_value(const struct document *d) { return slice_of(d->bytes, d->len); }

struct entry {
	struct list node;              /* on `recent` or `unwritten` */
	struct document *document;     /* NULL: it was deleted, but its row may still be there */
	uint64_t change;               /* which one it holds: a later put or delete has another */
	bool is_unwritten;
	struct store_key key;          /* into `bytes`; never changes */
	struct slice packed;           /* the map's key */
	char bytes[];
};

struct documents {
	struct map map;
	struct list recent;            /* most recently used first */
	struct list unwritten;         /* in the order of their first change */
	size_t recent_bytes, unwritten_bytes;
	unsigned unwritten_count;
	uint64_t changes;
	size_t memory_max, unwritten_max;
	unsigned unwritten_count_max;
};

void documents_init(struct documents *d, const struct store_options *o);
void documents_done(struct documents *d);
/* NULL when nothing is known of it. Counts as a use. */
struct entry *documents_find(struct documents *d, const struct store_key *key);
/* Whether `document` (NULL: a deletion) may wait to be written in that key's place. */
bool documents_may_wait(const struct documents *d, const struct store_key *key, const struct document *document);
/* Sets what a key holds: `document` (a reference, handed over), or NULL for deleted; without a need to be written NULL
 * just removes the key. Makes room. False when it is larger than all the room there is: then the key is unknown. */
bool documents_set(struct documents *d, const struct store_key *key, struct document *document, bool unwritten);
/* The row is as the entry was at `change`. If that is still so, the entry waits no more; a deleted one goes. */
void documents_settle(struct documents *d, const struct store_key *key, uint64_t change);
