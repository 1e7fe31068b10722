/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper of tokens. One lock covers the table; it is held to look and to take a reference, never to wait. Fetches,
 * timers and the freeing of entries are the keeper's own thread's business; everybody else only leaves word in the
 * table and wakes it.
 *
 *     absent ──ask──▶ fetching ──▶ fresh ──at its margin, if asked for since──▶ fetching (the old one is handed out)
 *                        │           └──expired and not asked for──▶ absent
 *                        └──failed──▶ resting (asks fail at once) ──▶ fetching */
#include "provider/token_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include "base/clock.h"
#include "base/map.h"
#include "base/random.h"

enum {
	LOOP_INDEX = 0,
	MARGIN_MS = 5 * 60000, /* refreshed so long before expiry, or a tenth of its life, but not before four fifths */
	REFRESH_SOONEST_MS = 200,
	BACKOFF_BASE_MS = 1000,
	BACKOFF_MAX_MS = 30000,
	FORCED_EVERY_MS = 10000, /* a refused token is replaced before its time so often at most */
	KEPT_AFTER_EXPIRY_MS = 60000,
};

struct entry {
	struct token_keeper *keeper;
	struct token_source *source;   /* a reference; its id is the map's key */
	uint64_t id;
	struct token *token;           /* NULL = none */
	bool asked;                    /* since the last fetch began */
	bool wanted;                   /* on the keeper's list, for its thread */
	struct list node;
	struct token_fetch *fetch;     /* under way; NULL = none */
	int64_t refresh_ns;            /* of the token at hand */
	int64_t rest_until_ns;         /* after a failure */
	int64_t forced_ns;             /* last forced refresh; 0 = never */
	unsigned failures;             /* in a row */
	struct failure failure;        /* the last one */
	struct list waits;
	struct timer timer;
};

struct token_wait {
	struct letter letter;
	struct list node;              /* of its entry; on none once it is posted */
	struct token_keeper *keeper;
	struct token_caller caller;    /* ctx is NULL once it was cancelled */
	bool cancelled;                /* seen and set on the caller's thread only, once it is posted */
	bool posted;                   /* under the lock */
};

struct token_keeper {
	pthread_mutex_t lock;
	struct loop *loop;
	struct mailbox *mailbox;
	struct token_fetcher fetcher;
	struct map entries;
	struct list wanted;            /* entries that somebody asked for in vain */
	struct letter letter;
	bool letter_posted;
	bool threaded, started, stopping;
	pthread_t thread;
};

/* ---- telling callers ---- */

static void open_wait(struct letter *letter, struct loop *loop)
{
	struct token_wait *w = CONTAINER_OF(letter, struct token_wait, letter);

	if (!w->cancelled)
		w->caller.on_change(w->caller.ctx);
	free(w);
}

/* A full mailbox keeps them waiting until the next turn of events for this entry; their own time runs out meanwhile. */
static void tell_waits(struct entry *e)
{
	for (struct list *node = e->waits.next, *next; node != &e->waits; node = next) {
		struct token_wait *w = LIST_ENTRY(node, struct token_wait, node);

		next = node->next;
		list_remove(node);
		w->posted = true;
		if (!mailbox_post(w->caller.mailbox, &w->letter)) {
			w->posted = false;
			list_append(&e->waits, &w->node);
			return;
		}
	}
}

struct token_wait *token_wait_cancel(struct token_wait *w)
{
	struct token_keeper *k;
	bool posted;

	if (!w)
		return NULL;
	k = w->keeper;
	pthread_mutex_lock(&k->lock);
	posted = w->posted;
	if (!posted)
		list_remove(&w->node);
	pthread_mutex_unlock(&k->lock);
	if (posted)
		w->cancelled = true; /* its letter is on its way to this very thread */
	else
		free(w);
	return NULL;
}

/* ---- on the keeper's thread ---- */

static int64_t backoff_ns(unsigned failures)
{
	int64_t ceiling = (int64_t)BACKOFF_BASE_MS << (failures < 6 ? failures - 1 : 5);

	if (ceiling > BACKOFF_MAX_MS)
		ceiling = BACKOFF_MAX_MS;
	return (ceiling / 2 + (int64_t)random_below((uint64_t)ceiling / 2 + 1)) * NS_PER_MS;
}

/* §9: max(5 min, 10 % of its life) before expiry, plus jitter; of a short life the last fifth. */
static int64_t refresh_time(const struct token *t, int64_t now)
{
	int64_t life = t->expires_ns - now, margin = life / 10, soonest = now + REFRESH_SOONEST_MS * NS_PER_MS, at;

	if (margin < MARGIN_MS * NS_PER_MS)
		margin = MARGIN_MS * NS_PER_MS;
	if (margin > life / 5)
		margin = life / 5;
	at = t->expires_ns - margin - (int64_t)random_below((uint64_t)(margin > 0 ? margin : 0) / 4 + 1);
	return at > soonest ? at : soonest;
}

/* A token on its last tenth of a second would expire on the way. */
static bool is_usable(const struct token *t, int64_t now)
{
	return t && (t->expires_ns == NEVER || t->expires_ns - now > 100 * NS_PER_MS);
}

/* Under the lock. When to look at the entry again. */
static void set_timer(struct entry *e, int64_t now)
{
	int64_t at = now + KEPT_AFTER_EXPIRY_MS * NS_PER_MS;

	if (e->token && now < e->refresh_ns)
		at = e->refresh_ns;
	else if (e->token && e->token->expires_ns != NEVER && e->token->expires_ns > now)
		at = e->token->expires_ns;
	if (e->failures > 0 && e->rest_until_ns > now && (e->rest_until_ns < at || !e->token))
		at = e->rest_until_ns;
	timer_set(&e->timer, at);
}

static void entry_free(struct entry *e)
{
	e->fetch = token_fetch_cancel(e->fetch);
	timer_cancel(&e->timer);
	list_remove(&e->node);
	token_unref(e->token);
	token_source_unref(e->source);
	free(e);
}

static void on_fetched(void *ctx, struct token *token, const struct failure *failure)
{
	struct entry *e = ctx;
	struct token_keeper *k = e->keeper;
	struct token *old = NULL;
	int64_t now = clock_now_ns();
	struct failure stale;

	if (token && !is_usable(token, now)) { /* or it would be asked for again and again, without a rest */
		failure_set(&stale, FAILURE_CREDENTIALS, "no token from %.*s: what it gave has expired already",
			    SLICE_ARG(e->source->title));
		failure = &stale;
		token = token_unref(token);
	}
	pthread_mutex_lock(&k->lock);
	e->fetch = NULL;
	if (token) {
		old = e->token;
		e->token = token;
		e->failures = 0;
		e->refresh_ns = refresh_time(token, now);
	} else {
		e->failures++;
		e->failure = *failure;
		e->rest_until_ns = now + backoff_ns(e->failures);
		e->refresh_ns = e->rest_until_ns;
	}
	set_timer(e, now);
	tell_waits(e);
	pthread_mutex_unlock(&k->lock);
	token_unref(old);
}

/* Under the lock, on the keeper's thread. */
static void start_fetch(struct entry *e)
{
	if (e->fetch)
		return;
	e->asked = false;
	timer_cancel(&e->timer);
	e->fetch = token_fetch_start(&e->keeper->fetcher, e->source, on_fetched, e);
}

/* The margin has come, a rest is over, or a token has expired. */
static void on_timer(struct timer *t)
{
	struct entry *e = CONTAINER_OF(t, struct entry, timer);
	struct token_keeper *k = e->keeper;
	int64_t now = clock_now_ns();
	bool is_over = false;

	pthread_mutex_lock(&k->lock);
	if (e->fetch || e->wanted) {
		/* its turn comes */
	} else if (e->asked || !list_is_empty(&e->waits)) {
		start_fetch(e);
	} else if (is_usable(e->token, now)) {
		timer_set(&e->timer, e->token->expires_ns); /* nobody asks: it may run out */
	} else {
		map_remove(&k->entries, slice_of((const char *)&e->id, sizeof(e->id)));
		is_over = true;
	}
	pthread_mutex_unlock(&k->lock);
	if (is_over)
		entry_free(e);
}

static void open_keeper_letter(struct letter *letter, struct loop *loop)
{
	struct token_keeper *k = CONTAINER_OF(letter, struct token_keeper, letter);
	bool is_end;

	pthread_mutex_lock(&k->lock);
	k->letter_posted = false;
	is_end = k->stopping;
	while (!is_end && !list_is_empty(&k->wanted)) {
		struct entry *e = LIST_ENTRY(k->wanted.next, struct entry, node);

		list_remove(&e->node);
		e->wanted = false;
		start_fetch(e);
	}
	pthread_mutex_unlock(&k->lock);
	if (is_end)
		loop_stop(loop);
}

/* ---- from any thread, under the lock ---- */

static void *run_keeper(void *arg)
{
	struct token_keeper *k = arg;

	pthread_setname_np(pthread_self(), "tokens");
	loop_run(k->loop);
	return NULL;
}

static void wake_keeper(struct token_keeper *k)
{
	if (k->threaded && !k->started && !k->stopping) {
		check(pthread_create(&k->thread, NULL, run_keeper, k) == 0, "the tokens' thread can be made");
		k->started = true;
	}
	if (k->letter_posted)
		return;
	k->letter_posted = true;
	check(mailbox_post(k->mailbox, &k->letter), "one letter finds room");
}

static void want(struct entry *e)
{
	if (e->fetch || e->wanted)
		return;
	e->wanted = true;
	list_append(&e->keeper->wanted, &e->node);
	wake_keeper(e->keeper);
}

static struct entry *find_entry(struct token_keeper *k, struct token_source *s)
{
	struct entry *e = map_get(&k->entries, slice_of((const char *)&s->id, sizeof(s->id)));

	if (e || k->entries.count >= TOKENS_MAX)
		return e;
	e = xcalloc(1, sizeof(*e));
	e->keeper = k;
	e->source = token_source_ref(s);
	e->id = s->id;
	list_init(&e->node);
	list_init(&e->waits);
	timer_init(&e->timer, k->loop, on_timer);
	map_put(&k->entries, slice_of((const char *)&e->id, sizeof(e->id)), e);
	return e;
}

static struct token_wait *add_wait(struct entry *e, const struct token_caller *caller)
{
	struct token_wait *w = xcalloc(1, sizeof(*w));

	w->letter.open = open_wait;
	w->keeper = e->keeper;
	w->caller = *caller;
	list_append(&e->waits, &w->node);
	return w;
}

static enum token_answer ask_entry(struct entry *e, const struct token_caller *caller, struct token **ret,
				   struct token_wait **ret_wait, struct failure *reterr)
{
	int64_t now = clock_now_ns();

	e->asked = true;
	if (is_usable(e->token, now)) {
		if (now >= e->refresh_ns)
			want(e); /* nobody had asked when its margin came */
		*ret = token_ref(e->token);
		return TOKEN_READY;
	}
	if (e->failures > 0 && now < e->rest_until_ns && !e->fetch) {
		*reterr = e->failure;
		return TOKEN_FAILED;
	}
	want(e);
	*ret_wait = add_wait(e, caller);
	return TOKEN_WAITS;
}

enum token_answer token_ask(struct token_keeper *k, struct token_source *s, const struct token_caller *caller,
			    struct token **ret, struct token_wait **ret_wait, struct failure *reterr)
{
	enum token_answer answer = TOKEN_FAILED;
	struct entry *e;

	if (s->fixed) {
		*ret = token_ref(s->fixed);
		return TOKEN_READY;
	}
	if (!k) {
		failure_set(reterr, FAILURE_CREDENTIALS, "no token from %.*s: nothing here fetches any", SLICE_ARG(s->title));
		return TOKEN_FAILED;
	}
	pthread_mutex_lock(&k->lock);
	e = find_entry(k, s);
	if (e)
		answer = ask_entry(e, caller, ret, ret_wait, reterr);
	else
		failure_set(reterr, FAILURE_CREDENTIALS, "no token from %.*s: more than %d sources are in use",
			    SLICE_ARG(s->title), TOKENS_MAX);
	pthread_mutex_unlock(&k->lock);
	return answer;
}

bool token_refuse(struct token_keeper *k, struct token_source *s, const struct token *refused)
{
	int64_t now = clock_now_ns();
	struct token *old = NULL;
	bool may_help = true;
	struct entry *e;

	if (!k || s->fixed)
		return false;
	pthread_mutex_lock(&k->lock);
	e = map_get(&k->entries, slice_of((const char *)&s->id, sizeof(s->id)));
	if (e && e->token == refused) {
		may_help = e->forced_ns == 0 || now - e->forced_ns >= FORCED_EVERY_MS * NS_PER_MS;
		if (may_help) {
			e->forced_ns = now;
			e->asked = true;
			old = TAKE_PTR(e->token);
			want(e);
		}
	}
	pthread_mutex_unlock(&k->lock);
	token_unref(old);
	return may_help;
}

/* ---- life ---- */

struct token_keeper *token_keeper_new_unthreaded(const struct proxy_settings *proxies)
{
	struct token_keeper *k = xcalloc(1, sizeof(*k));

	pthread_mutex_init(&k->lock, NULL);
	k->loop = loop_new(LOOP_INDEX);
	k->mailbox = mailbox_new(k->loop);
	k->letter.open = open_keeper_letter;
	token_fetcher_init(&k->fetcher, k->loop, proxies);
	map_init(&k->entries);
	list_init(&k->wanted);
	return k;
}

struct token_keeper *token_keeper_new(const struct proxy_settings *proxies)
{
	struct token_keeper *k = token_keeper_new_unthreaded(proxies);

	k->threaded = true;
	return k;
}

struct loop *token_keeper_loop(struct token_keeper *k)
{
	return k->loop;
}

void token_keeper_stop(struct token_keeper *k)
{
	bool started;

	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	started = k->started;
	if (started)
		wake_keeper(k);
	pthread_mutex_unlock(&k->lock);
	if (started)
		pthread_join(k->thread, NULL);
	k->started = false;
}

struct token_keeper *token_keeper_free(struct token_keeper *k)
{
	const struct map_entry *item;
	size_t position = 0;

	if (!k)
		return NULL;
	token_keeper_stop(k);
	mailbox_empty(k->mailbox);
	while ((item = map_next(&k->entries, &position)))
		entry_free(item->value);
	map_done(&k->entries);
	token_fetcher_done(&k->fetcher);
	k->loop = loop_free(k->loop);
	pthread_mutex_destroy(&k->lock);
	free(k);
	return NULL;
}
