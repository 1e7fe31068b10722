/* SPDX-License-Identifier: Apache-2.0 */
/* The store's thread: the only one that touches the database. It works in rounds: it takes what waits to be written,
 * answers the questions that were asked until then, writes what it took in one transaction, and deletes some of what
 * has expired. */
#include <errno.h>
#include <signal.h>
#include "base/clock.h"
#include "base/log.h"
#include "store/store_internal.h"

enum {
	BATCH_MAX = 512,               /* documents in one transaction */
	BATCH_BYTES = 8 << 20,
	BACK_OFF_MAX = 32,             /* times the first pause */
};
#define GATHER_NS (5 * NS_PER_MS)      /* so that a busy process pays one transaction for many puts */
#define DELIVER_AGAIN_NS (10 * NS_PER_MS)
#define SWEEP_EVERY_NS (60 * NS_PER_S)
#define COMPLAIN_EVERY_NS (60 * NS_PER_S)

/* A copy of what waits: the entry may change or go while it is written. */
struct change {
	struct store_key key;
	struct document *document;     /* a reference; NULL: a deletion */
	uint64_t change;
};

struct round {
	struct change changes[BATCH_MAX];
	unsigned count;
	uint64_t last_ask;             /* what is asked later belongs to the next round */
	struct arena arena;            /* the changes' keys */
};

/* One line when it starts to fail, and not more than one a minute while it comes and goes. */
static void note_failure(struct store *s)
{
	int64_t now = clock_now_ns();

	pthread_mutex_lock(&s->lock);
	s->counts.errors++;
	pthread_mutex_unlock(&s->lock);
	if (now < s->next_complaint)
		return;
	s->next_complaint = now + COMPLAIN_EVERY_NS;
	s->has_complained = true;
	log_error("the store %s %s; documents stay in memory until it works again", s->options.path,
		  database_error(s->database));
}

/* ---- questions ---- */

static void answer_get(struct store *s, struct store_ask *ask)
{
	struct entry *e;
	bool is_known, good;

	pthread_mutex_lock(&s->lock);
	e = documents_find(&s->documents, &ask->key);
	is_known = e != NULL;
	if (e && e->document && document_is_alive(s, e->document))
		ask->document = document_ref(e->document);
	pthread_mutex_unlock(&s->lock);
	if (!is_known) {
		good = database_read(s->database, &ask->key, s->options.now_ms(), &ask->document);
		if (!good) {
			note_failure(s);
			ask->answer.found = STORE_UNAVAILABLE;
			return;
		}
	}
	ask->answer.found = ask->document ? STORE_FOUND : STORE_ABSENT;
	if (is_known || !ask->document)
		return;
	pthread_mutex_lock(&s->lock);
	/* Whoever put or deleted it meanwhile knows better. */
	if (!documents_find(&s->documents, &ask->key))
		(void)documents_set(&s->documents, &ask->key, document_ref(ask->document), false);
	pthread_mutex_unlock(&s->lock);
}

static void answer_delete(struct store *s, struct store_ask *ask)
{
	bool existed;

	if (!database_delete(s->database, &ask->key, s->options.now_ms(), &existed)) {
		note_failure(s);
		ask->answer.found = STORE_UNAVAILABLE;
		return;
	}
	if (ask->known == STORE_UNKNOWN)
		ask->answer.found = existed ? STORE_FOUND : STORE_ABSENT;
	pthread_mutex_lock(&s->lock);
	documents_settle(&s->documents, &ask->key, ask->change);
	s->counts.written++;
	pthread_mutex_unlock(&s->lock);
}

/* With the lock held: the next question of this round, off its list; NULL when there is none. */
static struct store_ask *next_ask(struct store *s, uint64_t last)
{
	struct store_ask *ask;

	if (list_is_empty(&s->asks))
		return NULL;
	ask = LIST_ENTRY(s->asks.next, struct store_ask, node);
	if (ask->number > last)
		return NULL;
	list_remove(&ask->node);
	return ask;
}

static void answer_all(struct store *s, uint64_t last)
{
	struct store_ask *ask;

	pthread_mutex_lock(&s->lock);
	while ((ask = next_ask(s, last))) {
		pthread_mutex_unlock(&s->lock);
		if (ask->kind == ASK_DELETE)
			answer_delete(s, ask);
		else
			answer_get(s, ask);
		pthread_mutex_lock(&s->lock);
		store_deliver(s, ask);
	}
	pthread_mutex_unlock(&s->lock);
}

/* With the lock held. */
static void deliver_again(struct store *s)
{
	struct list full = { &full, &full };

	while (!list_is_empty(&s->undelivered)) {
		struct list *node = s->undelivered.next;

		list_remove(node);
		list_append(&full, node);
	}
	while (!list_is_empty(&full)) {
		struct store_ask *ask = LIST_ENTRY(full.next, struct store_ask, node);

		list_remove(&ask->node);
		store_deliver(s, ask);
	}
}

/* ---- writing ---- */

/* With the lock held. */
static void take_changes(struct store *s, struct round *r)
{
	size_t bytes = 0;

	LIST_EACH(node, &s->documents.unwritten) {
		struct entry *e = LIST_ENTRY(node, struct entry, node);

		if (r->count == BATCH_MAX || bytes > BATCH_BYTES)
			break;
		r->changes[r->count++] = (struct change){
			.key = { e->key.kind, arena_dup(&r->arena, e->key.owner), arena_dup(&r->arena, e->key.id) },
			.document = e->document ? document_ref(e->document) : NULL,
			.change = e->change,
		};
		bytes += e->document ? e->document->len : 0;
	}
}

static bool write_changes(struct store *s, const struct round *r)
{
	int64_t now_ms = s->options.now_ms();
	bool good = database_begin(s->database), existed;

	for (unsigned i = 0; good && i < r->count; i++) {
		const struct change *c = &r->changes[i];

		good = c->document ? database_write(s->database, &c->key, c->document)
				   : database_delete(s->database, &c->key, now_ms, &existed);
	}
	good = good && database_commit(s->database);
	if (!good)
		database_give_up(s->database);
	return good;
}

/* With the lock held. */
static void back_off(struct store *s)
{
	int64_t longest = s->options.retry_ms * BACK_OFF_MAX;

	s->retry_ms = s->retry_ms == 0 ? s->options.retry_ms : s->retry_ms * 2 < longest ? s->retry_ms * 2 : longest;
	s->next_try = clock_now_ns() + s->retry_ms * NS_PER_MS;
}

static void write_round(struct store *s, struct round *r)
{
	bool good = write_changes(s, r), works_again;

	if (!good)
		note_failure(s);
	pthread_mutex_lock(&s->lock);
	works_again = good && s->retry_ms > 0;
	if (good) {
		s->retry_ms = 0;
		s->counts.written += r->count;
		/* What is left has waited long enough. */
		s->unwritten_since = 0;
		for (unsigned i = 0; i < r->count; i++)
			documents_settle(&s->documents, &r->changes[i].key, r->changes[i].change);
	} else {
		back_off(s);
	}
	pthread_mutex_unlock(&s->lock);
	if (works_again && s->has_complained) {
		s->has_complained = false;
		log_info("the store %s works again", s->options.path);
	}
}

static void sweep(struct store *s)
{
	int64_t now = clock_now_ns();
	unsigned count = 0;

	if (now < s->next_sweep)
		return;
	s->next_sweep = now + SWEEP_EVERY_NS;
	if (!database_sweep(s->database, s->options.now_ms(), &count)) {
		note_failure(s);
		return;
	}
	if (count == DATABASE_SWEEP_MAX)
		s->next_sweep = now;
	else
		database_rest();
	pthread_mutex_lock(&s->lock);
	s->counts.expired += count;
	pthread_mutex_unlock(&s->lock);
}

/* ---- rounds ---- */

static void run_round(struct store *s, struct round *r)
{
	arena_init(&r->arena);
	r->count = 0;
	pthread_mutex_lock(&s->lock);
	deliver_again(s);
	r->last_ask = s->ask_numbers;
	/* Before the questions are answered: what they see deleted may not be written again afterwards. */
	if (s->retry_ms == 0 || s->is_closing || clock_now_ns() >= s->next_try)
		take_changes(s, r);
	pthread_mutex_unlock(&s->lock);

	answer_all(s, r->last_ask);
	if (r->count > 0)
		write_round(s, r);
	sweep(s);
	for (unsigned i = 0; i < r->count; i++)
		document_unref(r->changes[i].document);
	arena_done(&r->arena);
}

/* With the lock held: when there is something to do. */
static int64_t next_round_at(const struct store *s)
{
	int64_t at = s->next_sweep;
	int64_t write_at = s->retry_ms > 0 ? s->next_try : s->unwritten_since + GATHER_NS;

	if (s->is_closing || !list_is_empty(&s->asks))
		return 0;
	if (s->retry_ms == 0 && s->documents.unwritten_bytes > STORE_HURRY)
		return 0;
	if (!list_is_empty(&s->documents.unwritten) && write_at < at)
		at = write_at;
	if (!list_is_empty(&s->undelivered) && clock_now_ns() + DELIVER_AGAIN_NS < at)
		at = clock_now_ns() + DELIVER_AGAIN_NS;
	return at;
}

/* False: it closes, and all that can be done is done. Even a disk that fails is tried once more. */
static bool wait_for_round(struct store *s)
{
	bool goes_on;

	pthread_mutex_lock(&s->lock);
	for (int64_t at; (at = next_round_at(s)) > clock_now_ns();) {
		struct timespec until = { .tv_sec = at / NS_PER_S, .tv_nsec = at % NS_PER_S };

		if (pthread_cond_timedwait(&s->changed, &s->lock, &until) == ETIMEDOUT)
			break;
	}
	goes_on = !s->is_closing || !s->has_tried_last || !list_is_empty(&s->asks) ||
		  (!list_is_empty(&s->documents.unwritten) && s->retry_ms == 0);
	s->has_tried_last = s->is_closing;
	pthread_mutex_unlock(&s->lock);
	return goes_on;
}

/* Signals are other threads' business; a file over RLIMIT_FSIZE shall be an error, not the end of the process. */
static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static bool open_database(struct store *s)
{
	unsigned char root[STORE_SECRET_SIZE];

	s->database = database_open(s->options.path, s->options.file_max, s->open_error);
	if (s->database && database_secret(s->database, root)) {
		s->root = secret_new(slice_of((const char *)root, sizeof(root)));
		explicit_bzero(root, sizeof(root));
	} else if (s->database) {
		memcpy(s->open_error, database_error(s->database), sizeof(s->open_error));
		s->database = database_close(s->database);
	}
	pthread_mutex_lock(&s->lock);
	s->has_database = s->database != NULL;
	s->is_open = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return s->has_database;
}

void *store_thread_run(void *store)
{
	struct store *s = store;
	struct round *round;

	pthread_setname_np(pthread_self(), "store");
	block_signals();
	if (!open_database(s))
		return NULL;
	round = xmalloc(sizeof(*round));
	do {
		run_round(s, round);
	} while (wait_for_round(s));
	free(round);
	s->database = database_close(s->database);
	return NULL;
}
