/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of things known by a 64-bit hash, by all workers: entries of one size, found by their key,
 * bounded, the least recently used forgotten first. Cut into shards by the key's highest bits, each with its own short
 * lock, so that workers asking about different things do not meet. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"

enum { TABLE_SHARD_BITS = 4, TABLE_SHARDS = 1 << TABLE_SHARD_BITS, TABLE_HEADS = 256 };

/* The first member of every entry. */
struct lru_entry {
	struct list by_use;
	struct lru_entry *next;      /* in its chain */
	uint64_t key;
	int64_t used_ns;
};

/* What a table is of. */
struct lru_kind {
	size_t entry_size;
	unsigned max;                  /* of entries; each shard has its part of it */
	int64_t keep_ns;               /* unused for so long, it is forgotten … */
	/* … unless this says that it is still needed. May be NULL. */
	bool (*is_needed)(const struct lru_entry *e, int64_t now_ns);
	void (*done)(struct lru_entry *e); /* before it is freed; may be NULL */
};

struct lru_shard {
	pthread_mutex_t lock;
	struct list by_use;            /* most recently used first */
	unsigned count;
	struct lru_entry *heads[TABLE_HEADS];
};

struct lru {
	const struct lru_kind *kind;
	struct lru_shard shards[TABLE_SHARDS];
};

void lru_init(struct lru *t, const struct lru_kind *kind);
void lru_done(struct lru *t);

/* Locks the key's shard: the following may be called, and entries are valid, until it is unlocked. */
struct lru_shard *lru_lock(struct lru *t, uint64_t key);
void lru_unlock(struct lru_shard *s);
/* NULL when there is none. */
void *lru_find(const struct lru_shard *s, uint64_t key);
/* The entry, made (all zero) when there is none, and noted as used. */
void *lru_use(struct lru *t, struct lru_shard *s, uint64_t key, int64_t now_ns);

/* Every entry, under its shard's lock. */
void lru_each(struct lru *t, int64_t now_ns, void (*each)(const struct lru_entry *e, void *ctx), void *ctx);
