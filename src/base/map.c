/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing; removal shifts followers back, so there are no tombstones. The hash is
 * SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, with the rounds that Rust and Python
 * use). */
#include "base/map.h"

#include "base/cleanup.h"
#include "base/random.h"

enum { MAP_FIRST = 16 };

static uint64_t hash_key[2];

/* Before main(), and therefore before any thread. */
static __attribute__((constructor)) void hash_key_init(void)
{
	random_secure(hash_key, sizeof(hash_key));
}

static inline uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[static 4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

uint64_t hash_bytes(struct slice s)
{
	uint64_t v[4] = {
		hash_key[0] ^ UINT64_C(0x736f6d6570736575), hash_key[1] ^ UINT64_C(0x646f72616e646f6d),
		hash_key[0] ^ UINT64_C(0x6c7967656e657261), hash_key[1] ^ UINT64_C(0x7465646279746573),
	};
	const char *p = s.ptr;
	uint64_t word;

	for (size_t left = s.len; left >= sizeof(word); left -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = 0;
	if (s.len % sizeof(word) > 0)
		memcpy(&word, p, s.len % sizeof(word));
	word ^= (uint64_t)s.len << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *m)
{
	*m = (struct map){ 0 };
}

void map_done(struct map *m)
{
	free(m->entries);
	map_init(m);
}

/* The key's entry, or the empty one where it would go. The map has at least one empty entry. */
static struct map_entry *find(const struct map *m, struct slice key, uint64_t hash)
{
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_entry *e = &m->entries[i];
		if (!e->value || (e->hash == hash && slice_eq(e->key, key)))
			return e;
	}
}

void *map_get(const struct map *m, struct slice key)
{
	return m->count > 0 ? find(m, key, hash_bytes(key))->value : NULL;
}

static void resize(struct map *m, size_t cap)
{
	struct map old = *m;
	m->entries = xcalloc(cap, sizeof(*m->entries));
	m->cap = cap;
	for (size_t i = 0; i < old.cap; i++)
		if (old.entries[i].value)
			*find(m, old.entries[i].key, old.entries[i].hash) = old.entries[i];
	free(old.entries);
}

void *map_put(struct map *m, struct slice key, void *value)
{
	check(value, "a map cannot hold NULL");
	if (m->count + 1 > m->cap / 4 * 3)
		resize(m, m->cap > 0 ? m->cap * 2 : MAP_FIRST);
	uint64_t hash = hash_bytes(key);
	struct map_entry *e = find(m, key, hash);
	void *before = e->value;
	*e = (struct map_entry){ key, value, hash };
	if (!before)
		m->count++;
	return before;
}

void *map_remove(struct map *m, struct slice key)
{
	if (m->count == 0)
		return NULL;
	struct map_entry *gone = find(m, key, hash_bytes(key));
	void *value = gone->value;
	if (!value)
		return NULL;

	size_t mask = m->cap - 1, hole = (size_t)(gone - m->entries);
	for (size_t i = (hole + 1) & mask; m->entries[i].value; i = (i + 1) & mask) {
		/* An entry may move into the hole only if that is not before its own first choice. */
		if (((i - m->entries[i].hash) & mask) >= ((i - hole) & mask)) {
			m->entries[hole] = m->entries[i];
			hole = i;
		}
	}
	m->entries[hole] = (struct map_entry){ 0 };
	m->count--;
	return value;
}

const struct map_entry *map_next(const struct map *m, size_t *position)
{
	while (*position < m->cap) {
		const struct map_entry *e = &m->entries[(*position)++];
		if (e->value)
			return e;
	}
	return NULL;
}
