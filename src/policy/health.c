/* SPDX-License-Identifier: Apache-2.0 */
/* What checks have found, in a table that all workers share. */
#include "policy/health.h"

#include <stdio.h>
#include "base/clock.h"
#include "policy/lru.h"

enum { LABEL_MAX = 128 };

#define UNUSED_DROPPED_NS (3600 * NS_PER_S)

struct entry {
	struct lru_entry in_table;
	bool down;
	unsigned failures;             /* in a row */
	int64_t checked_ns, next_ns, worked_ns, believed_until_ns;
	char label[LABEL_MAX];
};

struct health {
	struct lru table;
};

static bool is_needed(const struct lru_entry *t, int64_t now_ns)
{
	const struct entry *e = (const struct entry *)t;

	return now_ns < e->believed_until_ns;
}

struct health *health_new(void)
{
	static const struct lru_kind kind = {
		.entry_size = sizeof(struct entry), .max = HEALTH_MAX, .keep_ns = UNUSED_DROPPED_NS,
		.is_needed = is_needed,
	};
	struct health *h = xcalloc(1, sizeof(*h));

	lru_init(&h->table, &kind);
	return h;
}

struct health *health_free(struct health *h)
{
	if (!h)
		return NULL;
	lru_done(&h->table);
	free(h);
	return NULL;
}

static enum health_change note(struct entry *e, const struct health_report *r)
{
	bool was_down = e->down;

	if (r->works) {
		e->failures = 0;
		e->worked_ns = r->asked_ns;
	} else if (e->failures < HEALTH_FAILURES_MAX) {
		e->failures++;
	}
	e->down = e->failures == HEALTH_FAILURES_MAX;
	if (e->down == was_down)
		return HEALTH_SAME;
	return e->down ? HEALTH_WENT_DOWN : HEALTH_CAME_BACK;
}

enum health_change health_tell(struct health *h, const struct health_report *r, int64_t now_ns)
{
	struct lru_shard *s = lru_lock(&h->table, r->place);
	struct entry *e = lru_use(&h->table, s, r->place, now_ns);
	enum health_change change;

	/* What was found before nobody looked for a while says nothing. */
	if (now_ns >= e->believed_until_ns)
		e->down = false, e->failures = 0;
	change = note(e, r);
	e->checked_ns = now_ns;
	e->next_ns = r->next_ns;
	e->believed_until_ns = r->believed_until_ns;
	snprintf(e->label, sizeof e->label, "%.*s", SLICE_ARG(r->label));
	lru_unlock(s);
	return change;
}

void health_look(struct health *h, const struct provider *p, const struct binding *b, int64_t now_ns,
		 struct health_signs *ret)
{
	struct lru_shard *s;
	const struct entry *e;
	uint64_t place;

	*ret = (struct health_signs){ 0 };
	if (p->health == HEALTH_OFF)
		return;
	place = binding_identity(p, b);
	s = lru_lock(&h->table, place);
	e = lru_find(s, place);
	if (e)
		*ret = (struct health_signs){ e->down && now_ns < e->believed_until_ns, e->next_ns, e->worked_ns };
	lru_unlock(s);
}

struct viewing {
	int64_t now_ns;
	void (*each)(const struct health_view *v, void *ctx);
	void *ctx;
};

static void view(const struct lru_entry *t, void *ctx)
{
	const struct viewing *v = ctx;
	const struct entry *e = (const struct entry *)t;
	struct health_view shown = {
		.label = e->label, .down = e->down, .failures = e->failures,
		.checked_ms = (v->now_ns - e->checked_ns) / NS_PER_MS,
	};

	if (is_needed(t, v->now_ns))
		v->each(&shown, v->ctx);
}

void health_each(struct health *h, int64_t now_ns, void (*each)(const struct health_view *v, void *ctx), void *ctx)
{
	lru_each(&h->table, now_ns, view, &(struct viewing){ now_ns, each, ctx });
}
