/* SPDX-License-Identifier: Apache-2.0 */
/* The state of providers' keys.
 *
 * Limits per minute hold over any sixty seconds, not by calendar minutes: what was taken is counted by the second, and
 * the seconds of the window are counted whole, 61 of them, since sixty seconds touch so many. So a key may get a
 * sixtieth less than it might, and never more. A single request with more tokens than a minute allows never fits. */
#include "policy/key_pool.h"

#include "base/clock.h"
#include "base/map.h"
#include "policy/lru.h"

enum { SECONDS = 61, REFUSALS_MAX = 6 /* 1 min << 6 is over an hour */ };

#define RETIRED_FIRST_NS (60 * NS_PER_S)
#define RETIRED_LONGEST_NS (3600 * NS_PER_S)
#define UNUSED_DROPPED_NS (2 * 3600 * NS_PER_S)
/* Nobody knows when a request in flight will end: ask again soon. */
#define ASK_AGAIN_NS (100 * NS_PER_MS)
/* Of one request: far over any context, and no sum overflows. */
#define TOKENS_MAX (INT64_C(1) << 40)

struct second {
	uint64_t requests, tokens;
};

struct minute {
	int64_t newest;                /* now / NS_PER_S when it was last looked at */
	struct second sum;             /* of all seconds */
	struct second seconds[SECONDS];
};

struct key {
	struct lru_entry in_table;
	unsigned refusals;             /* 0 = not retired */
	int64_t retired_until_ns;
	bool probing;                  /* one request finds out whether it works again … */
	int64_t probe_ns;              /* … taken then */
	unsigned in_flight;
	struct minute *minute;         /* once it had a limit per minute */
};

struct key_pool {
	struct lru table;
};

static bool is_needed(const struct lru_entry *t, int64_t now_ns)
{
	const struct key *k = (const struct key *)t;

	return k->in_flight > 0 || k->retired_until_ns > now_ns;
}

static void key_done(struct lru_entry *t)
{
	free(((struct key *)t)->minute);
}

struct key_pool *key_pool_new(void)
{
	static const struct lru_kind kind = {
		.entry_size = sizeof(struct key), .max = KEY_POOL_MAX, .keep_ns = UNUSED_DROPPED_NS,
		.is_needed = is_needed, .done = key_done,
	};
	struct key_pool *p = xcalloc(1, sizeof(*p));

	lru_init(&p->table, &kind);
	return p;
}

struct key_pool *key_pool_free(struct key_pool *p)
{
	if (!p)
		return NULL;
	lru_done(&p->table);
	free(p);
	return NULL;
}

uint64_t key_pool_id(struct slice provider, struct slice base_url, uint64_t credential)
{
	return hash_pair(hash_pair(hash_bytes(provider), hash_bytes(base_url)), credential);
}

/* ---- the minute ---- */

static bool has_minute(const struct key_limits *l)
{
	return l->requests_per_minute > 0 || l->tokens_per_minute > 0;
}

static uint64_t whole_tokens(int64_t tokens)
{
	return tokens < 0 ? 0 : tokens < TOKENS_MAX ? (uint64_t)tokens : (uint64_t)TOKENS_MAX;
}

static struct second *second_at(struct minute *m, int64_t number)
{
	return &m->seconds[(uint64_t)number % SECONDS];
}

/* Lets go of the seconds that have passed. A thread whose clock is behind sees the newest. */
static void advance(struct minute *m, int64_t now_ns)
{
	int64_t now = now_ns / NS_PER_S;

	if (now - m->newest >= SECONDS)
		*m = (struct minute){ .newest = now };
	while (m->newest < now) {
		struct second *s = second_at(m, ++m->newest);

		m->sum.requests -= s->requests;
		m->sum.tokens -= s->tokens;
		*s = (struct second){ 0 };
	}
}

static bool is_within(const struct second *sum, const struct key_limits *l, uint64_t tokens)
{
	return (l->requests_per_minute == 0 || sum->requests < l->requests_per_minute) &&
	       (l->tokens_per_minute == 0 || sum->tokens + tokens <= l->tokens_per_minute);
}

/* Whether one more request with so many tokens fits; if not, when it will. */
static bool fits(struct minute *m, const struct key_limits *l, uint64_t tokens, int64_t now_ns, int64_t *ret_until_ns)
{
	struct second sum;

	*ret_until_ns = NEVER;
	if (l->tokens_per_minute > 0 && tokens > l->tokens_per_minute)
		return false;
	if (!m)
		return true;
	advance(m, now_ns);
	sum = m->sum;
	for (int64_t number = m->newest - SECONDS + 1; !is_within(&sum, l, tokens) && number <= m->newest; number++) {
		sum.requests -= second_at(m, number)->requests;
		sum.tokens -= second_at(m, number)->tokens;
		*ret_until_ns = (number + SECONDS) * NS_PER_S;
	}
	return is_within(&m->sum, l, tokens);
}

static void count(struct key *k, uint64_t requests, uint64_t tokens, int64_t now_ns)
{
	struct second *s;

	if (!k->minute)
		k->minute = xcalloc(1, sizeof(*k->minute));
	advance(k->minute, now_ns);
	s = second_at(k->minute, k->minute->newest);
	s->requests += requests;
	s->tokens += tokens;
	k->minute->sum.requests += requests;
	k->minute->sum.tokens += tokens;
}

/* What was taken too much is given back to the second in which it was taken, as long as that one counts: given to
 * another, it would hide what others took. What was used beyond it counts now. */
static void correct(struct key *k, uint64_t tokens, uint64_t used, int64_t taken_ns, int64_t now_ns)
{
	int64_t taken = taken_ns / NS_PER_S;
	struct second *s;
	uint64_t surplus;

	if (used > tokens)
		count(k, 0, used - tokens, now_ns);
	if (used >= tokens || !k->minute)
		return;
	advance(k->minute, now_ns);
	if (taken <= k->minute->newest - SECONDS || taken > k->minute->newest)
		return;
	s = second_at(k->minute, taken);
	surplus = s->tokens < tokens - used ? s->tokens : tokens - used;
	s->tokens -= surplus;
	k->minute->sum.tokens -= surplus;
}

/* ---- answers ---- */

static enum key_answer answer(const struct key *k, const struct key_limits *l, int64_t tokens, int64_t now_ns,
			      int64_t *ret_until_ns)
{
	int64_t until_ns;

	*ret_until_ns = 0;
	if (k->refusals > 0 && (now_ns < k->retired_until_ns || k->probing)) {
		*ret_until_ns = k->probing ? now_ns + ASK_AGAIN_NS : k->retired_until_ns;
		return KEY_RETIRED;
	}
	if (has_minute(l) && !fits(k->minute, l, whole_tokens(tokens), now_ns, &until_ns)) {
		*ret_until_ns = until_ns;
		return KEY_LIMITED;
	}
	if (l->in_flight > 0 && k->in_flight >= l->in_flight) {
		*ret_until_ns = now_ns + ASK_AGAIN_NS;
		return KEY_LIMITED;
	}
	return KEY_READY;
}

enum key_answer key_pool_look(struct key_pool *p, uint64_t id, const struct key_limits *limits, int64_t tokens,
			      int64_t now_ns, int64_t *ret_until_ns)
{
	static const struct key unknown;
	struct lru_shard *s = lru_lock(&p->table, id);
	const struct key *k = lru_find(s, id);
	int64_t until_ns;
	enum key_answer a = answer(k ? k : &unknown, limits, tokens, now_ns, &until_ns);

	lru_unlock(s);
	if (ret_until_ns)
		*ret_until_ns = until_ns;
	return a;
}

static void take(struct key *k, const struct key_limits *l, int64_t tokens, int64_t now_ns)
{
	k->in_flight++;
	if (k->refusals > 0) {
		k->probing = true;
		k->probe_ns = now_ns;
	}
	if (has_minute(l))
		count(k, 1, whole_tokens(tokens), now_ns);
}

enum key_answer key_pool_take(struct key_pool *p, uint64_t id, const struct key_limits *limits, int64_t tokens,
			      int64_t now_ns, int64_t *ret_until_ns)
{
	struct lru_shard *s = lru_lock(&p->table, id);
	struct key *k = lru_use(&p->table, s, id, now_ns);
	int64_t until_ns;
	enum key_answer a = answer(k, limits, tokens, now_ns, &until_ns);

	if (a == KEY_READY)
		take(k, limits, tokens, now_ns);
	lru_unlock(s);
	if (ret_until_ns)
		*ret_until_ns = until_ns;
	return a;
}

void key_pool_give(struct key_pool *p, uint64_t id, const struct key_limits *limits, int64_t tokens, int64_t used,
		   int64_t taken_ns, int64_t now_ns)
{
	struct lru_shard *s = lru_lock(&p->table, id);
	struct key *k = lru_find(s, id);

	if (k) {
		if (k->in_flight > 0)
			k->in_flight--;
		/* Whoever found out has told by now; who could not leaves it to the next. */
		if (k->probing && k->probe_ns == taken_ns)
			k->probing = false;
		if (used >= 0 && limits->tokens_per_minute > 0)
			correct(k, whole_tokens(tokens), whole_tokens(used), taken_ns, now_ns);
	}
	lru_unlock(s);
}

/* Requests that were under way when it was retired report, too: they neither lengthen the pause nor end it. */
static void tell(struct key *k, enum key_news news, int64_t now_ns)
{
	int64_t pause_ns;

	if (k->refusals > 0 && now_ns < k->retired_until_ns)
		return;
	k->probing = false;
	if (news == KEY_WORKS) {
		k->refusals = 0;
		k->retired_until_ns = 0;
		return;
	}
	pause_ns = RETIRED_FIRST_NS << k->refusals;
	if (k->refusals < REFUSALS_MAX)
		k->refusals++;
	k->retired_until_ns = now_ns + (pause_ns < RETIRED_LONGEST_NS ? pause_ns : RETIRED_LONGEST_NS);
}

void key_pool_tell(struct key_pool *p, uint64_t id, enum key_news news, int64_t now_ns)
{
	struct lru_shard *s = lru_lock(&p->table, id);
	struct key *k = news == KEY_WORKS ? lru_find(s, id) : lru_use(&p->table, s, id, now_ns);

	if (k)
		tell(k, news, now_ns);
	lru_unlock(s);
}
