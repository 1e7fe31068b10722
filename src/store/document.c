/* SPDX-License-Identifier: Apache-2.0 */
/* A map by kind, owner and id; an entry is on exactly one of two lists. */
#include "store/document.h"

#include <stdatomic.h>

enum { PACKED_MAX = 2 * sizeof(uint32_t) + STORE_OWNER_MAX + STORE_ID_MAX };

struct document *document_new(struct slice value, int64_t expires_ms)
{
	struct document *d = xmalloc(sizeof(*d) + value.len);

	d->references = 1;
	d->expires_ms = expires_ms;
	d->len = value.len;
	if (value.len > 0)
		memcpy(d->bytes, value.ptr, value.len);
	return d;
}

struct document *document_ref(struct document *d)
{
	atomic_fetch_add_explicit(&d->references, 1, memory_order_relaxed);
	return d;
}

struct document *document_unref(struct document *d)
{
	if (d && atomic_fetch_sub_explicit(&d->references, 1, memory_order_acq_rel) == 1)
		free(d);
	return NULL;
}

/* The owner's length goes before it, so that no two keys are the same bytes. */
static struct slice pack(const struct store_key *key, char into[static PACKED_MAX])
{
	uint32_t numbers[2] = { (uint32_t)key->kind, (uint32_t)key->owner.len };
	char *p = into;

	check(key->owner.len <= STORE_OWNER_MAX && key->id.len <= STORE_ID_MAX, "a key over its bound reached the store");
	p = (char *)memcpy(p, numbers, sizeof(numbers)) + sizeof(numbers);
	if (key->owner.len > 0)
		p = (char *)memcpy(p, key->owner.ptr, key->owner.len) + key->owner.len;
	if (key->id.len > 0)
		p = (char *)memcpy(p, key->id.ptr, key->id.len) + key->id.len;
	return slice_of(into, (size_t)(p - into));
}

void documents_init(struct documents *d, const struct store_options *o)
{
	*d = (struct documents){ .memory_max = o->memory_max, .unwritten_max = o->unwritten_max,
				 .unwritten_count_max = o->unwritten_count_max };
	map_init(&d->map);
	list_init(&d->recent);
	list_init(&d->unwritten);
}

static size_t bytes_of(size_t packed, const struct document *document)
{
	return sizeof(struct entry) + packed + (document ? sizeof(*document) + document->len : 0);
}

static size_t entry_bytes(const struct entry *e)
{
	return bytes_of(e->packed.len, e->document);
}

/* Off its list, and out of the sums. */
static void take_out(struct documents *d, struct entry *e)
{
	list_remove(&e->node);
	if (e->is_unwritten) {
		d->unwritten_bytes -= entry_bytes(e);
		d->unwritten_count--;
	} else {
		d->recent_bytes -= entry_bytes(e);
	}
}

/* `before` NULL: where the newest goes. */
static void put_in(struct documents *d, struct entry *e, struct list *before, bool unwritten)
{
	e->is_unwritten = unwritten;
	if (!before)
		before = unwritten ? &d->unwritten : d->recent.next;
	list_insert_before(before, &e->node);
	if (unwritten) {
		d->unwritten_bytes += entry_bytes(e);
		d->unwritten_count++;
	} else {
		d->recent_bytes += entry_bytes(e);
	}
}

static void entry_free(struct documents *d, struct entry *e)
{
	map_remove(&d->map, e->packed);
	document_unref(e->document);
	free(e);
}

/* The others go before it does. One that is larger than all the room goes at once. */
static struct entry *keep_recent(struct documents *d, struct entry *e)
{
	if (entry_bytes(e) > d->memory_max) {
		entry_free(d, e);
		return NULL;
	}
	put_in(d, e, NULL, false);
	while (d->recent_bytes > d->memory_max) {
		struct entry *oldest = LIST_ENTRY(d->recent.prev, struct entry, node);

		take_out(d, oldest);
		entry_free(d, oldest);
	}
	return e;
}

void documents_done(struct documents *d)
{
	struct list *lists[] = { &d->recent, &d->unwritten };

	for (unsigned i = 0; i < COUNT_OF(lists); i++)
		while (!list_is_empty(lists[i])) {
			struct entry *e = LIST_ENTRY(lists[i]->next, struct entry, node);

			take_out(d, e);
			entry_free(d, e);
		}
	map_done(&d->map);
}

struct entry *documents_find(struct documents *d, const struct store_key *key)
{
	char packed[PACKED_MAX];
	struct entry *e = map_get(&d->map, pack(key, packed));

	if (e && !e->is_unwritten) {
		list_remove(&e->node);
		list_prepend(&d->recent, &e->node);
	}
	return e;
}

bool documents_may_wait(const struct documents *d, const struct store_key *key, const struct document *document)
{
	char text[PACKED_MAX];
	struct slice packed = pack(key, text);
	const struct entry *e = map_get(&d->map, packed);
	size_t own = e && e->is_unwritten ? entry_bytes(e) : 0;

	return d->unwritten_bytes - own + bytes_of(packed.len, document) <= d->unwritten_max &&
	       d->unwritten_count - (own > 0) < d->unwritten_count_max;
}

static struct entry *entry_new(struct documents *d, const struct store_key *key)
{
	char text[PACKED_MAX];
	struct slice packed = pack(key, text);
	struct entry *e = xcalloc(1, sizeof(*e) + packed.len);
	const char *owner = e->bytes + 2 * sizeof(uint32_t);

	memcpy(e->bytes, packed.ptr, packed.len);
	e->packed = slice_of(e->bytes, packed.len);
	e->key = (struct store_key){ key->kind, slice_of(owner, key->owner.len),
				     slice_of(owner + key->owner.len, key->id.len) };
	list_init(&e->node);
	map_put(&d->map, e->packed, e);
	return e;
}

bool documents_set(struct documents *d, const struct store_key *key, struct document *document, bool unwritten)
{
	char packed[PACKED_MAX];
	struct entry *e = map_get(&d->map, pack(key, packed));
	struct list *before = NULL;

	if (e) {
		/* What waits already keeps its place: under steady change it would never be written. */
		if (unwritten && e->is_unwritten)
			before = e->node.next;
		take_out(d, e);
	} else {
		e = entry_new(d, key);
	}
	document_unref(e->document);
	e->document = document;
	e->change = ++d->changes;
	if (unwritten)
		put_in(d, e, before, true);
	else if (document)
		return keep_recent(d, e) != NULL;
	else
		entry_free(d, e);
	return true;
}

void documents_settle(struct documents *d, const struct store_key *key, uint64_t change)
{
	char packed[PACKED_MAX];
	struct entry *e = map_get(&d->map, pack(key, packed));

	if (!e || !e->is_unwritten || e->change != change)
		return;
	take_out(d, e);
	if (e->document)
		keep_recent(d, e);
	else
		entry_free(d, e);
}
