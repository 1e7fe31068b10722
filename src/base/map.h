/* SPDX-License-Identifier: Apache-2.0 */
/* Hash map from byte strings to pointers, compared exactly. Keys are borrowed: they must outlive their entry.
 * SipHash with a per-process random key, so that keys chosen by clients cannot be made to collide. */
#pragma once

#include <stdint.h>
#include "base/slice.h"

struct map_entry {
	struct slice key;
	void *value;                   /* NULL = empty slot */
	uint64_t hash;
};

struct map {
	struct map_entry *entries;
	size_t count;
	size_t cap;                    /* power of two, or 0 */
};

void map_init(struct map *m);
void map_done(struct map *m);
/* NULL when absent. */
void *map_get(const struct map *m, struct slice key);
/* Adds or replaces; `value` may not be NULL. Returns the value that was there before, or NULL. */
void *map_put(struct map *m, struct slice key, void *value);
/* Returns the removed value or NULL. */
void *map_remove(struct map *m, struct slice key);
/* Walks in no particular order: start with *position = 0; returns NULL at the end. The map may not change meanwhile. */
const struct map_entry *map_next(const struct map *m, size_t *position);
uint64_t hash_bytes(struct slice s);

/* Of two hashes one, in this order; at least one of them from hash_bytes(): by itself this is no keyed hash. */
static inline uint64_t hash_pair(uint64_t a, uint64_t b)
{
	unsigned __int128 product =
		(unsigned __int128)(a ^ UINT64_C(0x2d358dccaa6c78a5)) * (b ^ UINT64_C(0x8bb84b93962eacc9));

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}
