/* SPDX-License-Identifier: Apache-2.0 */
/* Where conversations were answered last: a set-associative table of fixed size, like a processor's cache. A key
 * belongs to one set of WAYS entries; the one that expires first makes room. Each shard has its own lock, and its
 * memory from its first conversation on. Keys are keyed hashes (base/map.h): nobody can choose them to push others
 * out. */
#include "policy/affinity.h"

#include <pthread.h>
#include "base/cleanup.h"
#include "base/map.h"

enum {
	SHARD_BITS = 6,
	SHARDS = 1 << SHARD_BITS,
	WAYS = 16,
	SETS = AFFINITY_MAX / SHARDS / WAYS,
};

struct stay {
	uint64_t key;                  /* 0 = empty */
	uint64_t place;
	int64_t until_ns;
};

struct shard {
	pthread_mutex_t lock;
	struct stay (*sets)[WAYS];     /* NULL before the first */
};

struct affinity {
	struct shard shards[SHARDS];
};

struct affinity *affinity_new(void)
{
	struct affinity *a = xcalloc(1, sizeof(*a));

	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_init(&a->shards[i].lock, NULL);
	return a;
}

struct affinity *affinity_free(struct affinity *a)
{
	if (!a)
		return NULL;
	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_destroy(&a->shards[i].lock);
		free(a->shards[i].sets);
	}
	free(a);
	return NULL;
}

/* Never 0: that means nothing. */
static uint64_t hash_both(struct slice a, struct slice b)
{
	uint64_t hash = hash_pair(hash_bytes(a), hash_bytes(b));

	return hash ? hash : 1;
}

uint64_t affinity_key(struct slice owner, struct slice name)
{
	return hash_both(owner, name);
}

uint64_t affinity_place(struct slice provider, struct slice model)
{
	return hash_both(provider, model);
}

static struct shard *lock_shard(struct affinity *a, uint64_t key)
{
	struct shard *s = &a->shards[key >> (64 - SHARD_BITS)];

	pthread_mutex_lock(&s->lock);
	return s;
}

static struct stay *set_of(const struct shard *s, uint64_t key)
{
	return s->sets[key % SETS];
}

uint64_t affinity_find(struct affinity *a, uint64_t key, int64_t now_ns)
{
	struct shard *s = lock_shard(a, key);
	uint64_t place = 0;

	for (unsigned i = 0; s->sets && i < WAYS; i++) {
		const struct stay *e = &set_of(s, key)[i];

		if (e->key == key && e->until_ns > now_ns)
			place = e->place;
	}
	pthread_mutex_unlock(&s->lock);
	return place;
}

/* The key's own entry, or the one that expires first; an empty one has expired long ago. */
static struct stay *make_room(struct stay *set, uint64_t key)
{
	struct stay *first = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].until_ns < first->until_ns)
			first = &set[i];
	}
	return first;
}

void affinity_note(struct affinity *a, uint64_t key, uint64_t place, int64_t keep_ns, int64_t now_ns)
{
	struct shard *s;

	if (keep_ns <= 0)
		return;
	s = lock_shard(a, key);
	if (!s->sets)
		s->sets = xcalloc(SETS, sizeof(*s->sets));
	*make_room(set_of(s, key), key) = (struct stay){ key, place, now_ns + keep_ns };
	pthread_mutex_unlock(&s->lock);
}

static unsigned count_shard(const struct shard *s, int64_t now_ns)
{
	unsigned count = 0;

	for (unsigned i = 0; s->sets && i < SETS * WAYS; i++)
		count += s->sets[i / WAYS][i % WAYS].until_ns > now_ns;
	return count;
}

unsigned affinity_count(struct affinity *a, int64_t now_ns)
{
	unsigned count = 0;

	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&a->shards[i].lock);
		count += count_shard(&a->shards[i], now_ns);
		pthread_mutex_unlock(&a->shards[i].lock);
	}
	return count;
}
