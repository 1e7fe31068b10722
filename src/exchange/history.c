/* SPDX-License-Identifier: Apache-2.0 */
/* A ring that grows to its full size while it fills for the first time. */
#include "exchange/history.h"

#include "base/map.h"

enum { HISTORY_ROOM_FIRST = 64 };       /* doubled until it is HISTORY_MAX: always a power of two */

static unsigned wrap(const struct history *h, unsigned place)
{
	return place & (h->room - 1);
}

static struct history_entry *at(const struct history *h, unsigned index)
{
	return &h->entries[wrap(h, h->first + index)];
}

static void forget_oldest(struct history *h)
{
	struct history_entry *e = at(h, 0);

	h->bytes -= e->line.len + (e->explanation ? explanation_size(e->explanation) : 0);
	explanation_free(e->explanation);
	free((char *)e->line.ptr);
	h->first = wrap(h, h->first + 1);
	h->count--;
}

void history_done(struct history *h)
{
	while (h->count > 0)
		forget_oldest(h);
	free(h->entries);
	*h = (struct history){ 0 };
}

/* The entries are laid out from the front again when it grows. */
static void make_room(struct history *h)
{
	unsigned room = h->room > 0 ? 2 * h->room : HISTORY_ROOM_FIRST;
	struct history_entry *entries;

	if (h->count < h->room)
		return;
	if (h->room == HISTORY_MAX) {
		forget_oldest(h);
		return;
	}
	entries = xmalloc(room * sizeof(*entries));
	for (unsigned i = 0; i < h->count; i++)
		entries[i] = *at(h, i);
	free(h->entries);
	h->entries = entries;
	h->room = room;
	h->first = 0;
}

void history_keep(struct history *h, const struct record *r, struct slice line, struct explanation *e)
{
	size_t size = line.len + (e ? explanation_size(e) : 0);

	while (h->count > 0 && h->bytes + size > HISTORY_BYTES_MAX)
		forget_oldest(h);
	make_room(h);
	*at(h, h->count++) = (struct history_entry){
		.id = hash_bytes(slice_cstr(r->request_id)),
		.wall_ms = r->wall_ms,
		.config_version = r->config_version,
		.explanation = e,
		.line = slice_of(xstrndup(line.ptr, line.len), line.len),
	};
	h->bytes += size;
}

const struct history_entry *history_find(const struct history *h, struct slice id)
{
	uint64_t wanted = hash_bytes(id);

	for (unsigned i = h->count; i > 0; i--)
		if (at(h, i - 1)->id == wanted)
			return at(h, i - 1);
	return NULL;
}

const struct history_entry *history_newest(const struct history *h, unsigned index)
{
	return index < h->count ? at(h, h->count - 1 - index) : NULL;
}
