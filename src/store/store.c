/* SPDX-License-Identifier: Apache-2.0 */
/* The callers' side: what is in memory is answered here, the rest is handed to the thread. */
#include "store/store.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "store/store_internal.h"

void store_options_init(struct store_options *o)
{
	*o = (struct store_options){
		.memory_max = (size_t)64 << 20,
		.unwritten_max = (size_t)64 << 20,
		.unwritten_count_max = 65536,
		.file_max = (int64_t)8 << 30,
		.retry_ms = 1000,
		.now_ms = clock_wall_ms,
	};
}

/* ---- opening and closing ---- */

/* The thread does all that touches the disk, opening too: signals about it (SIGXFSZ) are blocked there. */
static void start_thread(struct store *s)
{
	check(pthread_create(&s->thread, NULL, store_thread_run, s) == 0, "the store's thread can be made");
	pthread_mutex_lock(&s->lock);
	while (!s->is_open)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	if (s->has_database)
		return;
	pthread_join(s->thread, NULL);
	log_warn("the store %s %s; everything is kept in memory only until a restart", s->options.path, s->open_error);
}

struct store *store_open(const struct store_options *o)
{
	struct store *s = xcalloc(1, sizeof(*s));
	pthread_condattr_t attributes;

	s->options = *o;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	documents_init(&s->documents, o);
	list_init(&s->asks);
	list_init(&s->undelivered);
	if (o->path) {
		s->options.path = xstrdup(o->path);
		start_thread(s);
	}
	if (!s->root) {
		unsigned char root[STORE_SECRET_SIZE];

		random_secure(root, sizeof(root));
		s->root = secret_new(slice_of((const char *)root, sizeof(root)));
		explicit_bzero(root, sizeof(root));
	}
	return s;
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	if (s->has_database) {
		pthread_mutex_lock(&s->lock);
		s->is_closing = true;
		store_thread_wake(s);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
		if (s->documents.unwritten_count > 0)
			log_error("the store %s ends with %u documents that could not be written", s->options.path,
				  s->documents.unwritten_count);
	}
	check(s->counts.requests == 0, "a store was closed while somebody waited for an answer");
	documents_done(&s->documents);
	secret_free(s->root);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free((char *)s->options.path);
	free(s);
	return NULL;
}

bool store_survives_restart(const struct store *s)
{
	return s->has_database;
}

void store_get_counts(struct store *s, struct store_counts *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->counts;
	ret->documents = (unsigned)s->documents.map.count;
	ret->bytes = s->documents.recent_bytes + s->documents.unwritten_bytes;
	ret->unwritten = s->documents.unwritten_count;
	ret->unwritten_bytes = s->documents.unwritten_bytes;
	pthread_mutex_unlock(&s->lock);
}

/* One hash over two parts of fixed length: no two names give the same input. */
void store_secret(const struct store *s, const char *name, unsigned char ret[static STORE_SECRET_SIZE])
{
	char parts[2 * STORE_SECRET_SIZE];

	_Static_assert(STORE_SECRET_SIZE == 32, "the length of a SHA-256");
	memcpy(parts, secret_reveal(s->root).ptr, STORE_SECRET_SIZE);
	secret_digest(slice_cstr(name), (unsigned char *)parts + STORE_SECRET_SIZE);
	secret_digest(slice_of(parts, sizeof(parts)), ret);
	explicit_bzero(parts, sizeof(parts));
}

/* ---- put and peek ---- */

static bool key_is_within_bounds(const struct store_key *key)
{
	return key->owner.len <= STORE_OWNER_MAX && key->id.len > 0 && key->id.len <= STORE_ID_MAX;
}

/* With the lock held. The list of what waits has grown by something. */
static void wake_to_write(struct store *s, unsigned count_before, size_t bytes_before)
{
	if (count_before == 0)
		s->unwritten_since = clock_now_ns();
	if (count_before == 0 || (bytes_before <= STORE_HURRY && s->documents.unwritten_bytes > STORE_HURRY))
		store_thread_wake(s);
}

/* With the lock held: the key now holds that (NULL: a deletion), and waits to be written. */
static void set_unwritten(struct store *s, const struct store_key *key, struct document *document)
{
	unsigned count = s->documents.unwritten_count;
	size_t bytes = s->documents.unwritten_bytes;

	(void)documents_set(&s->documents, key, document, true);
	wake_to_write(s, count, bytes);
}

/* With the lock held: too much waits. In memory it may still be useful, except where that would make the store forget a
 * deletion. */
static void set_dropped(struct store *s, const struct store_key *key, struct document *document)
{
	struct entry *e = documents_find(&s->documents, key);

	s->counts.dropped++;
	if (e && !e->document)
		document_unref(document);
	else
		(void)documents_set(&s->documents, key, document, false);
}

bool store_put(struct store *s, const struct store_key *key, struct slice value, int64_t expires_ms)
{
	bool within = key_is_within_bounds(key) && value.len <= STORE_VALUE_MAX, kept = false;
	struct document *document = within ? document_new(value, expires_ms) : NULL;

	pthread_mutex_lock(&s->lock);
	if (!document) {
		s->counts.refused++;
	} else if (!s->has_database) {
		kept = documents_set(&s->documents, key, document, false);
		s->counts.refused += !kept;
	} else if (documents_may_wait(&s->documents, key, document)) {
		set_unwritten(s, key, document);
		kept = true;
	} else {
		set_dropped(s, key, document);
	}
	pthread_mutex_unlock(&s->lock);
	return kept;
}

/* With the lock held: what memory says. *ret is a reference when found. */
static enum store_found look(struct store *s, const struct store_key *key, struct document **ret)
{
	struct entry *e = key_is_within_bounds(key) ? documents_find(&s->documents, key) : NULL;

	*ret = NULL;
	if (!e)
		return s->has_database && key_is_within_bounds(key) ? STORE_UNKNOWN : STORE_ABSENT;
	if (!e->document || !document_is_alive(s, e->document))
		return STORE_ABSENT;
	*ret = document_ref(e->document);
	return STORE_FOUND;
}

enum store_found store_peek(struct store *s, const struct store_key *key, struct arena *a, struct slice *ret,
			    int64_t *ret_expires_ms)
{
	struct document *document;
	enum store_found found;

	pthread_mutex_lock(&s->lock);
	found = look(s, key, &document);
	pthread_mutex_unlock(&s->lock);
	if (document) {
		*ret = arena_dup(a, document_value(document));
		if (ret_expires_ms)
			*ret_expires_ms = document->expires_ms;
		document_unref(document);
	}
	return found;
}

/* ---- questions ---- */

static void open_answer(struct letter *letter, struct loop *loop)
{
	struct store_ask *ask = CONTAINER_OF(letter, struct store_ask, letter);
	struct store_request *r = ask->request;

	if (r) {
		r->ask = NULL;
		r->on_answer(r, &ask->answer);
	}
	store_ask_free(ask);
}

static struct store_ask *ask_new(struct loop *l, enum ask_kind kind, const struct store_key *key,
				 struct store_request *r)
{
	struct store_ask *ask = xcalloc(1, sizeof(*ask) + key->owner.len + key->id.len);

	check(!r->ask, "a store request is used twice at once");
	ask->letter.open = open_answer;
	list_init(&ask->node);
	ask->request = r;
	ask->mailbox = loop_mailbox(l);
	ask->kind = kind;
	if (key->owner.len > 0)
		memcpy(ask->bytes, key->owner.ptr, key->owner.len);
	if (key->id.len > 0)
		memcpy(ask->bytes + key->owner.len, key->id.ptr, key->id.len);
	ask->key = (struct store_key){ key->kind, slice_of(ask->bytes, key->owner.len),
				       slice_of(ask->bytes + key->owner.len, key->id.len) };
	r->ask = ask;
	return ask;
}

void store_ask_free(struct store_ask *ask)
{
	document_unref(ask->document);
	free(ask);
}

static void fill_answer(struct store_ask *ask)
{
	if (ask->document) {
		ask->answer.value = document_value(ask->document);
		ask->answer.expires_ms = ask->document->expires_ms;
	}
}

void store_deliver(struct store *s, struct store_ask *ask)
{
	fill_answer(ask);
	ask->is_answered = true;
	/* Under the lock: whoever cancels sees it either on a list or posted, and after it nothing is posted. */
	if (!ask->request)
		store_ask_free(ask);
	else if (!mailbox_post(ask->mailbox, &ask->letter)) {
		list_append(&s->undelivered, &ask->node);
		return;
	}
	s->counts.requests--;
}

/* What memory knows is answered without the thread, but by letter, too: a callback never runs within the call. */
static bool post_at_once(struct store_ask *ask)
{
	struct store_request *r = ask->request;

	fill_answer(ask);
	if (mailbox_post(ask->mailbox, &ask->letter))
		return true;
	r->ask = NULL;
	store_ask_free(ask);
	return false;
}

/* With the lock held. */
static bool hand_to_thread(struct store *s, struct store_ask *ask)
{
	s->counts.requests++;
	ask->number = ++s->ask_numbers;
	list_append(&s->asks, &ask->node);
	store_thread_wake(s);
	return true;
}

/* With the lock held. */
static bool refuse(struct store *s)
{
	s->counts.refused++;
	return false;
}

bool store_get(struct store *s, struct loop *l, const struct store_key *key, struct store_request *r)
{
	struct document *document;
	enum store_found found;
	struct store_ask *ask;
	bool good;

	pthread_mutex_lock(&s->lock);
	found = look(s, key, &document);
	if (found == STORE_UNKNOWN && s->counts.requests >= STORE_REQUESTS_MAX) {
		good = refuse(s);
	} else {
		ask = ask_new(l, ASK_GET, key, r);
		ask->answer.found = found;
		ask->document = document;
		good = (found == STORE_UNKNOWN ? hand_to_thread(s, ask) : post_at_once(ask)) || refuse(s);
	}
	pthread_mutex_unlock(&s->lock);
	return good;
}

/* With the lock held. Without a database the row is the entry. */
static bool delete_in_memory(struct store *s, const struct store_key *key, struct store_ask *ask)
{
	bool is_there = ask->answer.found == STORE_FOUND;

	if (!post_at_once(ask))
		return refuse(s);
	if (is_there)
		(void)documents_set(&s->documents, key, NULL, false);
	return true;
}

bool store_delete(struct store *s, struct loop *l, const struct store_key *key, struct store_request *r)
{
	struct document *document;
	struct store_ask *ask;
	enum store_found found;
	bool good;

	pthread_mutex_lock(&s->lock);
	found = look(s, key, &document);
	document_unref(document);
	if (s->has_database && key_is_within_bounds(key) &&
	    (s->counts.requests >= STORE_REQUESTS_MAX || !documents_may_wait(&s->documents, key, NULL))) {
		good = refuse(s);
	} else {
		ask = ask_new(l, ASK_DELETE, key, r);
		ask->answer.found = ask->known = found;
		if (s->has_database && key_is_within_bounds(key)) {
			set_unwritten(s, key, NULL);
			ask->change = documents_find(&s->documents, key)->change;
			good = hand_to_thread(s, ask);
		} else {
			good = delete_in_memory(s, key, ask);
		}
	}
	pthread_mutex_unlock(&s->lock);
	return good;
}

void store_cancel(struct store *s, struct store_request *r)
{
	struct store_ask *ask = r->ask;

	if (!ask)
		return;
	pthread_mutex_lock(&s->lock);
	r->ask = NULL;
	ask->request = NULL;
	/* What the thread has in hand it frees itself; a letter that is posted frees itself; a delete still happens. */
	if (!list_is_empty(&ask->node) && (ask->kind == ASK_GET || ask->is_answered)) {
		list_remove(&ask->node);
		store_ask_free(ask);
		s->counts.requests--;
	}
	pthread_mutex_unlock(&s->lock);
}
