/* SPDX-License-Identifier: Apache-2.0 */
/* Circuit breakers: a small state machine per target, in a table that all workers share. */
#include <stdio.h>
#include "base/clock.h"
#include "base/map.h"
#include "policy/breaker.h"
#include "policy/key_pool.h"
#include "policy/lru.h"

enum {
	WINDOW_BUCKETS = 10,
	OUTCOMES_MIN = 5,
	FAULTS_IN_A_ROW = 10,
	LABEL_MAX = 128,
	OPENINGS_MAX = 5,              /* 5 s << 5 is over the longest deadline */
};

#define BUCKET_NS (3 * NS_PER_S)
#define OPEN_FIRST_NS (5 * NS_PER_S)
#define OPEN_LONGEST_NS (120 * NS_PER_S)
/* A provider may name a later deadline (a daily quota), but not one that outlives the operator's patience. */
#define RETRY_AFTER_LONGEST_MS (24 * 3600 * INT64_C(1000))
/* Closed for so long, an opening counts as the first again: a target that flaps keeps its longer deadlines. */
#define OPENINGS_FORGOTTEN_NS (120 * NS_PER_S)
#define UNUSED_DROPPED_NS (3600 * NS_PER_S)

struct bucket {
	int64_t number;                /* now / BUCKET_NS when it was last counted in; older ones are empty */
	unsigned ok, faults;
	unsigned limits;               /* of the faults */
};

struct entry {
	struct lru_entry in_table;
	bool is_open;                  /* open or half open, by the deadline */
	bool probing;                  /* the half-open probe is on its way */
	int64_t open_until_ns;
	bool limited;                  /* `open_until_ns` comes of limits on rates alone */
	int64_t told_until_ns;         /* the provider itself asked to be left alone until then */
	int64_t opened_ns;             /* when it last opened for what it counted */
	int64_t closed_ns;             /* when it last closed */
	unsigned openings;
	struct bucket window[WINDOW_BUCKETS];
	struct bucket row;             /* the faults since the last success, and when the last of them was */
	char label[LABEL_MAX];
};

struct breakers {
	struct lru table;
};

/* One that is open is needed until its deadline has passed. */
static bool is_needed(const struct lru_entry *t, int64_t now_ns)
{
	const struct entry *e = (const struct entry *)t;

	return e->is_open && e->open_until_ns > now_ns;
}

struct breakers *breakers_new(void)
{
	static const struct lru_kind kind = {
		.entry_size = sizeof(struct entry), .max = BREAKERS_MAX, .keep_ns = UNUSED_DROPPED_NS,
		.is_needed = is_needed,
	};
	struct breakers *b = xcalloc(1, sizeof(*b));

	lru_init(&b->table, &kind);
	return b;
}

struct breakers *breakers_free(struct breakers *b)
{
	if (!b)
		return NULL;
	lru_done(&b->table);
	free(b);
	return NULL;
}

uint64_t breaker_key(struct slice provider, struct slice base_url, uint64_t credential, struct slice model)
{
	return hash_pair(key_pool_id(provider, base_url, credential), hash_bytes(model));
}

static enum breaker_state state_of(const struct entry *e, int64_t now_ns)
{
	if (!e->is_open)
		return BREAKER_CLOSED;
	return now_ns < e->open_until_ns ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

static bool is_fault(enum breaker_verdict verdict)
{
	return verdict == BREAKER_FAULT || verdict == BREAKER_LIMITED;
}

static void count(struct entry *e, enum breaker_verdict verdict, int64_t now_ns)
{
	int64_t number = now_ns / BUCKET_NS;
	struct bucket *b = &e->window[(uint64_t)number % WINDOW_BUCKETS];

	if (b->number != number)
		*b = (struct bucket){ .number = number };
	b->ok += verdict == BREAKER_OK;
	b->faults += is_fault(verdict);
	b->limits += verdict == BREAKER_LIMITED;
	if (verdict == BREAKER_OK || number - e->row.number >= WINDOW_BUCKETS)
		e->row = (struct bucket){ 0 };
	e->row.number = number;
	e->row.faults += is_fault(verdict);
	e->row.limits += verdict == BREAKER_LIMITED;
}

static struct bucket sum_window(const struct entry *e, int64_t now_ns)
{
	int64_t oldest = now_ns / BUCKET_NS - WINDOW_BUCKETS + 1;
	struct bucket sum = { 0 };

	for (unsigned i = 0; i < WINDOW_BUCKETS; i++) {
		if (e->window[i].number < oldest)
			continue;
		sum.ok += e->window[i].ok;
		sum.faults += e->window[i].faults;
		sum.limits += e->window[i].limits;
	}
	return sum;
}

/* The longest known deadline wins. */
static void open_until(struct entry *e, int64_t until_ns, bool limited)
{
	if (!e->is_open || until_ns > e->open_until_ns) {
		e->open_until_ns = until_ns;
		e->limited = limited;
	}
	e->is_open = true;
}

static void obey(struct entry *e, int64_t until_ns, bool limited)
{
	if (until_ns > e->told_until_ns)
		e->told_until_ns = until_ns;
	open_until(e, until_ns, limited);
}

static void open_again(struct entry *e, bool limited, int64_t now_ns)
{
	int64_t duration;

	if (!e->is_open && now_ns - e->closed_ns > OPENINGS_FORGOTTEN_NS)
		e->openings = 0;
	e->opened_ns = now_ns;
	duration = OPEN_FIRST_NS << e->openings;
	if (e->openings < OPENINGS_MAX)
		e->openings++;
	open_until(e, now_ns + (duration < OPEN_LONGEST_NS ? duration : OPEN_LONGEST_NS), limited);
}

static void close_entry(struct entry *e, int64_t now_ns)
{
	e->is_open = false;
	e->closed_ns = now_ns;
	memset(e->window, 0, sizeof(e->window));
	e->row = (struct bucket){ 0 };
}

enum breaker_state breaker_look(struct breakers *b, uint64_t key, int64_t now_ns, int64_t *ret_open_until_ns,
				bool *ret_limited)
{
	struct lru_shard *s = lru_lock(&b->table, key);
	const struct entry *e = lru_find(s, key);
	enum breaker_state state = e ? state_of(e, now_ns) : BREAKER_CLOSED;

	*ret_open_until_ns = state == BREAKER_CLOSED ? 0 : e->open_until_ns;
	*ret_limited = state != BREAKER_CLOSED && e->limited;
	lru_unlock(s);
	return state;
}

enum breaker_pass breaker_ask(struct breakers *b, uint64_t key, struct slice provider, struct slice model,
			      int64_t now_ns)
{
	struct lru_shard *s = lru_lock(&b->table, key);
	struct entry *e = lru_use(&b->table, s, key, now_ns);
	enum breaker_pass pass = BREAKER_REFUSED;

	if (e->label[0] == '\0')
		snprintf(e->label, sizeof(e->label), "%.*s/%.*s", SLICE_ARG(provider), SLICE_ARG(model));
	switch (state_of(e, now_ns)) {
	case BREAKER_CLOSED:
		pass = BREAKER_PASS;
		break;
	case BREAKER_HALF_OPEN:
		if (!e->probing) {
			e->probing = true;
			pass = BREAKER_PROBE;
		}
		break;
	case BREAKER_OPEN:
		break;
	}
	lru_unlock(s);
	return pass;
}

bool breaker_force(struct breakers *b, uint64_t key, int64_t now_ns)
{
	struct lru_shard *s = lru_lock(&b->table, key);
	struct entry *e = lru_use(&b->table, s, key, now_ns);
	bool pass = e->is_open && !e->probing && now_ns >= e->told_until_ns;

	if (pass)
		e->probing = true;
	lru_unlock(s);
	return pass;
}

bool breaker_hint(struct breakers *b, uint64_t key, int64_t seen_ns, int64_t now_ns)
{
	struct lru_shard *s = lru_lock(&b->table, key);
	struct entry *e = lru_find(s, key);
	bool hinted = e && e->is_open && !e->limited && now_ns >= e->told_until_ns && e->opened_ns < seen_ns;

	if (hinted && e->open_until_ns > now_ns)
		e->open_until_ns = now_ns;
	lru_unlock(s);
	return hinted;
}

/* Requests that were already under way when the breaker opened report too: while it is open they decide nothing. */
static void report_open(struct entry *e, bool is_probe, enum breaker_verdict verdict, int64_t now_ns)
{
	if (!is_probe)
		return;
	e->probing = false;
	if (verdict == BREAKER_OK)
		close_entry(e, now_ns);
	else if (is_fault(verdict))
		open_again(e, verdict == BREAKER_LIMITED, now_ns);
}

static void report_closed(struct entry *e, enum breaker_verdict verdict, int64_t now_ns)
{
	struct bucket sum;

	if (verdict == BREAKER_NEUTRAL)
		return;
	count(e, verdict, now_ns);
	sum = sum_window(e, now_ns);
	if (!is_fault(verdict))
		return;
	if (sum.ok + sum.faults >= OUTCOMES_MIN && sum.faults >= sum.ok)
		open_again(e, sum.limits == sum.faults, now_ns);
	else if (e->row.faults >= FAULTS_IN_A_ROW)
		open_again(e, e->row.limits == e->row.faults, now_ns);
}

void breaker_report(struct breakers *b, uint64_t key, bool is_probe, enum breaker_verdict verdict,
		    int64_t retry_after_ms, int64_t now_ns)
{
	struct lru_shard *s = lru_lock(&b->table, key);
	struct entry *e = lru_use(&b->table, s, key, now_ns);

	if (e->is_open)
		report_open(e, is_probe, verdict, now_ns);
	else
		report_closed(e, verdict, now_ns);
	if (retry_after_ms > RETRY_AFTER_LONGEST_MS)
		retry_after_ms = RETRY_AFTER_LONGEST_MS;
	if (retry_after_ms >= 0)
		obey(e, now_ns + retry_after_ms * NS_PER_MS, verdict == BREAKER_LIMITED);
	lru_unlock(s);
}

struct viewing {
	int64_t now_ns;
	void (*each)(const struct breaker_view *v, void *ctx);
	void *ctx;
};

static void view(const struct lru_entry *t, void *ctx)
{
	const struct viewing *v = ctx;
	const struct entry *e = (const struct entry *)t;
	struct bucket sum = sum_window(e, v->now_ns);
	struct breaker_view shown = {
		.label = e->label, .state = state_of(e, v->now_ns), .ok = sum.ok, .faults = sum.faults,
	};

	if (shown.state == BREAKER_OPEN)
		shown.open_for_ms = (e->open_until_ns - v->now_ns) / NS_PER_MS;
	v->each(&shown, v->ctx);
}

void breakers_each(struct breakers *b, int64_t now_ns, void (*each)(const struct breaker_view *v, void *ctx), void *ctx)
{
	lru_each(&b->table, now_ns, view, &(struct viewing){ now_ns, each, ctx });
}
