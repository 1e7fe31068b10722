/* SPDX-License-Identifier: Apache-2.0 */
/* A shard is a hash table of chained entries and a list of them in order of use. */
#include "policy/lru.h"

void lru_init(struct lru *t, const struct lru_kind *kind)
{
	*t = (struct lru){ .kind = kind };
	for (unsigned i = 0; i < TABLE_SHARDS; i++) {
		pthread_mutex_init(&t->shards[i].lock, NULL);
		list_init(&t->shards[i].by_use);
	}
}

static struct lru_entry **find_link(struct lru_shard *s, uint64_t key)
{
	struct lru_entry **link = &s->heads[key % TABLE_HEADS];

	while (*link && (*link)->key != key)
		link = &(*link)->next;
	return link;
}

static void drop(struct lru *t, struct lru_shard *s, struct lru_entry *e)
{
	*find_link(s, e->key) = e->next;
	list_remove(&e->by_use);
	s->count--;
	if (t->kind->done)
		t->kind->done(e);
	free(e);
}

void lru_done(struct lru *t)
{
	for (unsigned i = 0; i < TABLE_SHARDS; i++) {
		struct lru_shard *s = &t->shards[i];

		while (!list_is_empty(&s->by_use))
			drop(t, s, LIST_ENTRY(s->by_use.next, struct lru_entry, by_use));
		pthread_mutex_destroy(&s->lock);
	}
}

struct lru_shard *lru_lock(struct lru *t, uint64_t key)
{
	struct lru_shard *s = &t->shards[key >> (64 - TABLE_SHARD_BITS)];

	pthread_mutex_lock(&s->lock);
	return s;
}

void lru_unlock(struct lru_shard *s)
{
	pthread_mutex_unlock(&s->lock);
}

void *lru_find(const struct lru_shard *s, uint64_t key)
{
	struct lru_entry *e = s->heads[key % TABLE_HEADS];

	while (e && e->key != key)
		e = e->next;
	return e;
}

static void drop_unused(struct lru *t, struct lru_shard *s, int64_t now_ns)
{
	while (!list_is_empty(&s->by_use)) {
		struct lru_entry *oldest = LIST_ENTRY(s->by_use.prev, struct lru_entry, by_use);

		if (now_ns - oldest->used_ns < t->kind->keep_ns)
			return;
		if (t->kind->is_needed && t->kind->is_needed(oldest, now_ns))
			return;
		drop(t, s, oldest);
	}
}

static struct lru_entry *add(struct lru *t, struct lru_shard *s, uint64_t key, int64_t now_ns)
{
	struct lru_entry *e;

	drop_unused(t, s, now_ns);
	if (s->count == t->kind->max / TABLE_SHARDS)
		drop(t, s, LIST_ENTRY(s->by_use.prev, struct lru_entry, by_use));
	e = xcalloc(1, t->kind->entry_size);
	list_init(&e->by_use);
	e->key = key;
	e->next = s->heads[key % TABLE_HEADS];
	s->heads[key % TABLE_HEADS] = e;
	s->count++;
	return e;
}

void *lru_use(struct lru *t, struct lru_shard *s, uint64_t key, int64_t now_ns)
{
	struct lru_entry *e = lru_find(s, key);

	if (!e)
		e = add(t, s, key, now_ns);
	e->used_ns = now_ns;
	list_remove(&e->by_use);
	list_prepend(&s->by_use, &e->by_use);
	return e;
}

void lru_each(struct lru *t, int64_t now_ns, void (*each)(const struct lru_entry *e, void *ctx), void *ctx)
{
	for (unsigned i = 0; i < TABLE_SHARDS; i++) {
		struct lru_shard *s = &t->shards[i];

		pthread_mutex_lock(&s->lock);
		drop_unused(t, s, now_ns);
		LIST_EACH(node, &s->by_use)
			each(LIST_ENTRY(node, struct lru_entry, by_use), ctx);
		pthread_mutex_unlock(&s->lock);
	}
}
