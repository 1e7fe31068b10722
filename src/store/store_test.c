/* SPDX-License-Identifier: Apache-2.0 */
/* The store as a worker sees it: read-your-writes, answers by mailbox, bounds, expiry, restarts, disks that fail. */
#include "store/store_test_support.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include "base/log.h"
#include "net/mailbox.h"
#include "store/store.h"

static const struct store_key key_a = { STORE_RESPONSES, { "anna", 4 }, { "resp_1", 6 } };
static _Atomic int64_t wall_ms = 1000000;

static int64_t now_ms(void)
{
	return wall_ms;
}

/* A folder, a loop and the options of a store in it. */
struct fixture {
	struct test_folder folder;
	struct loop *loop;
	struct store_options options;
	struct store *store;
};

static int set_up(void **state, bool disk)
{
	struct fixture *f = calloc(1, sizeof(*f));

	folder_make(&f->folder);
	f->loop = loop_new(0);
	mailbox_new(f->loop);
	store_options_init(&f->options);
	f->options.now_ms = now_ms;
	f->options.retry_ms = 1;
	f->options.path = disk ? f->folder.path : NULL;
	*state = f;
	return 0;
}

static int on_disk(void **state)
{
	return set_up(state, true);
}

static int in_memory(void **state)
{
	return set_up(state, false);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	loop_free(f->loop);
	folder_remove(&f->folder);
	free(f);
	return 0;
}

static struct store *begin(struct fixture *f)
{
	f->store = store_open(&f->options);
	return f->store;
}

/* What is known after this can only come from the disk. */
static struct store *restart(struct fixture *f)
{
	store_close(f->store);
	return begin(f);
}

struct question {
	struct store_request request;
	struct store_answer answer;
	char value[64];
	bool is_answered;
};

static void on_answer(struct store_request *r, const struct store_answer *answer)
{
	struct question *q = CONTAINER_OF(r, struct question, request);

	assert_false(q->is_answered);
	q->is_answered = true;
	q->answer = *answer;
	assert_true(answer->value.len < sizeof(q->value));
	memcpy(q->value, answer->value.ptr ? answer->value.ptr : "", answer->value.len);
}

static void wait_for(struct fixture *f, struct question *q)
{
	while (!q->is_answered)
		loop_turn(f->loop, -1);
}

static enum store_found get(struct fixture *f, const struct store_key *key, struct question *q)
{
	*q = (struct question){ .request.on_answer = on_answer };
	assert_true(store_get(f->store, f->loop, key, &q->request));
	assert_false(q->is_answered); /* never from within */
	wait_for(f, q);
	assert_null(q->request.ask);
	return q->answer.found;
}

static enum store_found delete(struct fixture *f, const struct store_key *key)
{
	struct question q = { .request.on_answer = on_answer };

	assert_true(store_delete(f->store, f->loop, key, &q.request));
	wait_for(f, &q);
	return q.answer.found;
}

static enum store_found peek(struct fixture *f, const struct store_key *key, const char *expected)
{
	struct slice value = { 0 };
	enum store_found found;
	struct arena a;

	arena_init(&a);
	found = store_peek(f->store, key, &a, &value, NULL);
	if (found == STORE_FOUND && expected)
		assert_string_equal(value.ptr, expected);
	arena_done(&a);
	return found;
}

static void put(struct fixture *f, const struct store_key *key, const char *value)
{
	assert_true(store_put(f->store, key, slice_cstr(value), STORE_NEVER_EXPIRES));
}

static struct store_counts counts(struct fixture *f)
{
	struct store_counts c;

	store_get_counts(f->store, &c);
	return c;
}

/* For memory and disk alike. */
static void what_is_put_is_read_at_once_by_its_owner_alone(void **state)
{
	struct fixture *f = *state;
	struct store_key other_owner = key_a, other_kind = key_a;
	struct question q;

	begin(f);
	other_owner.owner = SLICE("bert");
	other_kind.kind = STORE_CONVERSATIONS;
	put(f, &key_a, "one");
	assert_int_equal(peek(f, &key_a, "one"), STORE_FOUND);
	assert_int_equal(get(f, &key_a, &q), STORE_FOUND);
	assert_string_equal(q.value, "one");
	assert_true(q.answer.expires_ms == STORE_NEVER_EXPIRES);
	assert_int_equal(get(f, &other_owner, &q), STORE_ABSENT);
	assert_int_equal(get(f, &other_kind, &q), STORE_ABSENT);
	assert_int_equal(delete(f, &other_owner), STORE_ABSENT);
	put(f, &key_a, "two");
	assert_int_equal(peek(f, &key_a, "two"), STORE_FOUND);
	assert_int_equal(delete(f, &key_a), STORE_FOUND);
	assert_int_equal(get(f, &key_a, &q), STORE_ABSENT);
	assert_int_equal(delete(f, &key_a), STORE_ABSENT);
}

/* "ab" + "c" is not "a" + "bc". */
static void keys_do_not_run_together(void **state)
{
	struct fixture *f = *state;
	struct store_key one = { STORE_RESPONSES, SLICE("ab"), SLICE("c") }, other = { STORE_RESPONSES, SLICE("a"), SLICE("bc") };
	struct question q;

	begin(f);
	put(f, &one, "1");
	assert_int_equal(get(f, &other, &q), STORE_ABSENT);
	put(f, &other, "2");
	assert_int_equal(peek(f, &one, "1"), STORE_FOUND);
}

static void bounds_are_kept(void **state)
{
	struct fixture *f = *state;
	static char text[STORE_ID_MAX + 1];
	struct store_key long_id = key_a, no_id = key_a, long_owner = key_a;
	char *large = calloc(1, STORE_VALUE_MAX + 1);
	struct question q;

	begin(f);
	memset(text, 'x', sizeof(text));
	long_id.id = slice_of(text, STORE_ID_MAX + 1);
	long_owner.owner = slice_of(text, STORE_OWNER_MAX + 1);
	no_id.id.len = 0;
	assert_false(store_put(f->store, &long_id, SLICE("x"), STORE_NEVER_EXPIRES));
	assert_false(store_put(f->store, &long_owner, SLICE("x"), STORE_NEVER_EXPIRES));
	assert_false(store_put(f->store, &no_id, SLICE("x"), STORE_NEVER_EXPIRES));
	assert_false(store_put(f->store, &key_a, slice_of(large, STORE_VALUE_MAX + 1), STORE_NEVER_EXPIRES));
	assert_int_equal(counts(f).refused, 4);
	assert_int_equal(peek(f, &long_id, NULL), STORE_ABSENT);
	assert_int_equal(get(f, &long_owner, &q), STORE_ABSENT);
	assert_int_equal(delete(f, &long_id), STORE_ABSENT);
	long_id.id.len = STORE_ID_MAX;
	long_id.owner = slice_of(text, STORE_OWNER_MAX);
	put(f, &long_id, "fits");
	assert_int_equal(get(f, &long_id, &q), STORE_FOUND);
	free(large);
}

static void what_has_expired_is_gone(void **state)
{
	struct fixture *f = *state;
	struct question q;

	begin(f);
	assert_true(store_put(f->store, &key_a, SLICE("short"), wall_ms + 10));
	assert_int_equal(get(f, &key_a, &q), STORE_FOUND);
	assert_true(q.answer.expires_ms == wall_ms + 10);
	wall_ms += 10;
	assert_int_equal(peek(f, &key_a, NULL), STORE_ABSENT);
	assert_int_equal(get(f, &key_a, &q), STORE_ABSENT);
	assert_int_equal(delete(f, &key_a), STORE_ABSENT);
}

static void the_least_recently_used_goes_first(void **state)
{
	struct fixture *f = *state;
	struct store_key key = key_a;
	char id[16], value[1024] = "";

	memset(value, 'v', sizeof(value) - 1);
	f->options.memory_max = 20000;
	begin(f);
	put(f, &key_a, value);
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "other_%d", i);
		key.id = slice_cstr(id);
		put(f, &key, value);
		assert_int_equal(peek(f, &key_a, value), STORE_FOUND); /* a use */
		assert_true(counts(f).bytes <= 20000);
	}
	assert_int_equal(peek(f, &key, value), STORE_FOUND);
	key.id = SLICE("other_1");
	assert_int_equal(peek(f, &key, NULL), STORE_ABSENT);
	/* What is larger than all the room is refused, and does not push the others out. */
	char *large = calloc(1, 30000);

	assert_false(store_put(f->store, &key, slice_of(large, 30000), STORE_NEVER_EXPIRES));
	assert_int_equal(peek(f, &key_a, value), STORE_FOUND);
	free(large);
}

static void it_survives_a_restart(void **state)
{
	struct fixture *f = *state;
	struct store_key gone = key_a, short_lived = key_a;
	unsigned char secret[STORE_SECRET_SIZE], other[STORE_SECRET_SIZE];
	struct question q;

	gone.id = SLICE("gone");
	short_lived.id = SLICE("short");
	assert_true(store_survives_restart(begin(f)));
	put(f, &key_a, "first");
	put(f, &key_a, "kept");
	put(f, &gone, "x");
	assert_true(store_put(f->store, &short_lived, SLICE("x"), wall_ms + 5));
	assert_int_equal(delete(f, &gone), STORE_FOUND);
	store_secret(f->store, "ids", secret);
	restart(f);
	assert_int_equal(peek(f, &key_a, NULL), STORE_UNKNOWN);
	assert_int_equal(get(f, &key_a, &q), STORE_FOUND);
	assert_string_equal(q.value, "kept");
	assert_int_equal(peek(f, &key_a, "kept"), STORE_FOUND); /* what was read is kept */
	assert_int_equal(get(f, &gone, &q), STORE_ABSENT);
	assert_int_equal(get(f, &short_lived, &q), STORE_FOUND);
	store_secret(f->store, "ids", other);
	assert_memory_equal(secret, other, sizeof(secret));
	store_secret(f->store, "vault", other);
	assert_memory_not_equal(secret, other, sizeof(secret));
	/* Each start deletes what has expired. */
	assert_int_equal(folder_ask(&f->folder, "SELECT count(*) FROM document"), 2);
	wall_ms += 5;
	restart(f);
	assert_int_equal(get(f, &short_lived, &q), STORE_ABSENT);
	store_close(TAKE_PTR(f->store));
	assert_int_equal(folder_ask(&f->folder, "SELECT count(*) FROM document"), 1);
}

static void a_delete_reaches_what_only_the_disk_knows(void **state)
{
	struct fixture *f = *state;
	struct question q;

	begin(f);
	put(f, &key_a, "x");
	restart(f);
	assert_int_equal(delete(f, &key_a), STORE_FOUND);
	assert_int_equal(folder_ask(&f->folder, "SELECT count(*) FROM document"), 0);
	assert_int_equal(delete(f, &key_a), STORE_ABSENT);
	put(f, &key_a, "again");
	restart(f);
	assert_int_equal(get(f, &key_a, &q), STORE_FOUND);
	assert_string_equal(q.value, "again");
}

static void copy_file(struct test_folder *from, struct test_folder *to, const char *end)
{
	char path[128], block[4096];
	size_t n;

	snprintf(path, sizeof(path), "%s%s", from->path, end);
	FILE *in = fopen(path, "r");

	snprintf(path, sizeof(path), "%s%s", to->path, end);
	FILE *out = fopen(path, "w");

	assert_true(in && out);
	while ((n = fread(block, 1, sizeof(block), in)) > 0)
		assert_int_equal(fwrite(block, 1, n, out), n);
	fclose(in);
	fclose(out);
}

/* The files as kill -9 leaves them: the last commits stand in the write-ahead log only. */
static void what_is_written_is_there_after_a_crash(void **state)
{
	struct fixture *f = *state, crashed = { .loop = f->loop, .options = f->options };
	struct question q;

	begin(f);
	put(f, &key_a, "kept");
	while (counts(f).unwritten > 0)
		sched_yield();
	folder_make(&crashed.folder);
	copy_file(&f->folder, &crashed.folder, "");
	copy_file(&f->folder, &crashed.folder, "-wal");
	crashed.options.path = crashed.folder.path;
	begin(&crashed);
	assert_int_equal(get(&crashed, &key_a, &q), STORE_FOUND);
	assert_string_equal(q.value, "kept");
	store_close(crashed.store);
	folder_remove(&crashed.folder);
}

static void secrets_differ_between_stores_in_memory(void **state)
{
	struct fixture *f = *state;
	unsigned char one[STORE_SECRET_SIZE], two[STORE_SECRET_SIZE];

	store_secret(begin(f), "ids", one);
	store_secret(f->store, "ids", two);
	assert_memory_equal(one, two, sizeof(one));
	store_secret(restart(f), "ids", two);
	assert_memory_not_equal(one, two, sizeof(one));
	assert_false(store_survives_restart(f->store));
}

static void who_cancels_hears_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_key unknown = key_a;
	struct question cancelled[64] = { 0 }, last;

	begin(f);
	put(f, &key_a, "x");
	unknown.id = SLICE("unknown");
	/* Whatever the thread has made of them by now: queued, in hand, posted. */
	for (unsigned i = 0; i < COUNT_OF(cancelled); i++) {
		const struct store_key *key = i % 3 == 0 ? &key_a : &unknown;
		struct store_request *r = &cancelled[i].request;

		r->on_answer = on_answer;
		assert_true(i % 2 ? store_get(f->store, f->loop, key, r) : store_delete(f->store, f->loop, key, r));
		if (i % 4 == 3)
			sched_yield();
		store_cancel(f->store, r);
		store_cancel(f->store, r);
	}
	while (counts(f).requests > 0)
		sched_yield();
	loop_turn(f->loop, 0);
	for (unsigned i = 0; i < COUNT_OF(cancelled); i++)
		assert_false(cancelled[i].is_answered);
	assert_int_equal(get(f, &key_a, &last), STORE_ABSENT); /* the deletes happened */
}

static void open_nothing(struct letter *letter, struct loop *l)
{
}

static void answers_wait_for_a_full_mailbox(void **state)
{
	static struct letter letters[MAILBOX_MAX];
	struct fixture *f = *state;
	struct store_key unknown = key_a;
	struct question q = { .request.on_answer = on_answer }, cancelled = q;

	begin(f);
	put(f, &key_a, "x");
	restart(f);
	unknown.id = SLICE("unknown");
	for (unsigned i = 0; i < COUNT_OF(letters); i++) {
		letters[i].open = open_nothing;
		assert_true(mailbox_post(loop_mailbox(f->loop), &letters[i]));
	}
	assert_true(store_get(f->store, f->loop, &key_a, &q.request));
	assert_true(store_get(f->store, f->loop, &unknown, &cancelled.request));
	while (peek(f, &key_a, NULL) != STORE_FOUND) /* the thread has read it */
		sched_yield();
	store_cancel(f->store, &cancelled.request);
	wait_for(f, &q);
	assert_string_equal(q.value, "x");
	assert_false(cancelled.is_answered);
	assert_int_equal(counts(f).requests, 0);
}

/* ---- disks that fail ---- */

/* Another connection that holds the file's only write lock. */
static sqlite3 *lock_file(struct fixture *f)
{
	sqlite3 *handle;

	assert_int_equal(sqlite3_open(f->folder.path, &handle), SQLITE_OK);
	sqlite3_busy_timeout(handle, 10000);
	assert_int_equal(sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return handle;
}

static void wait_for_error(struct fixture *f)
{
	uint64_t errors = counts(f).errors;

	while (counts(f).errors == errors)
		sched_yield();
}

static void a_locked_file_is_written_later(void **state)
{
	struct fixture *f = *state;
	struct question q;
	sqlite3 *other;

	begin(f);
	other = lock_file(f);
	put(f, &key_a, "late");
	wait_for_error(f);
	assert_int_equal(get(f, &key_a, &q), STORE_FOUND);
	assert_int_equal(counts(f).unwritten, 1);
	sqlite3_close(other);
	while (counts(f).unwritten > 0)
		sched_yield();
	assert_int_equal(folder_ask(&f->folder, "SELECT count(*) FROM document"), 1);
}

static void over_the_bound_it_is_memory_only_and_counted(void **state)
{
	struct fixture *f = *state;
	struct store_key key = key_a;
	struct question q;
	sqlite3 *other;

	f->options.unwritten_count_max = 3;
	begin(f);
	put(f, &key_a, "old");
	restart(f);
	other = lock_file(f);
	for (unsigned i = 0; i < 3; i++) {
		key.id = slice_of(&"wxy"[i], 1);
		put(f, &key, "waits");
	}
	put(f, &key, "again"); /* in the place of one that waits already */
	key.id = SLICE("z");
	assert_false(store_put(f->store, &key, SLICE("memory"), STORE_NEVER_EXPIRES));
	assert_int_equal(counts(f).dropped, 1);
	assert_int_equal(peek(f, &key, "memory"), STORE_FOUND);
	struct question refused = { .request.on_answer = on_answer };

	assert_false(store_delete(f->store, f->loop, &key_a, &refused.request));
	assert_int_equal(get(f, &key_a, &q), STORE_FOUND);
	sqlite3_close(other);
	while (counts(f).unwritten > 0)
		sched_yield();
	restart(f);
	assert_int_equal(get(f, &key, &q), STORE_ABSENT);
	key.id = SLICE("y");
	assert_int_equal(get(f, &key, &q), STORE_FOUND);
	assert_string_equal(q.value, "again");
}

/* Over the bound a put may not undo a deletion that waits. */
static void a_deletion_is_not_forgotten(void **state)
{
	struct fixture *f = *state;
	struct question deleted = { .request.on_answer = on_answer }, q;
	sqlite3 *other;

	f->options.unwritten_max = 400;
	begin(f);
	put(f, &key_a, "old");
	restart(f);
	other = lock_file(f);
	assert_true(store_delete(f->store, f->loop, &key_a, &deleted.request));
	wait_for(f, &deleted);
	assert_int_equal(deleted.answer.found, STORE_UNAVAILABLE);
	char large[600] = { 0 };

	assert_false(store_put(f->store, &key_a, slice_of(large, sizeof(large)), STORE_NEVER_EXPIRES));
	assert_int_equal(peek(f, &key_a, NULL), STORE_ABSENT);
	assert_int_equal(get(f, &key_a, &q), STORE_ABSENT);
	sqlite3_close(other);
	while (counts(f).unwritten > 0)
		sched_yield();
	assert_int_equal(get(f, &key_a, &q), STORE_ABSENT);
	assert_int_equal(folder_ask(&f->folder, "SELECT count(*) FROM document"), 0);
}

static void a_full_disk_serves_from_memory_and_recovers(void **state)
{
	struct fixture *f = *state;
	struct store_key large = key_a;
	char *value = calloc(1, 300000);
	struct question q;

	memset(value, 'v', 299999);
	large.id = SLICE("large");
	f->options.file_max = 128 << 10;
	begin(f);
	put(f, &key_a, "small");
	put(f, &large, value);
	wait_for_error(f);
	assert_int_equal(peek(f, &large, value), STORE_FOUND);
	assert_int_equal(get(f, &key_a, &q), STORE_FOUND);
	put(f, &large, "now it fits");
	while (counts(f).unwritten > 0)
		sched_yield();
	restart(f);
	assert_int_equal(get(f, &large, &q), STORE_FOUND);
	assert_string_equal(q.value, "now it fits");
	/* The end does not wait for a disk that stays full. */
	put(f, &large, value);
	store_close(TAKE_PTR(f->store));
	free(value);
}

static void a_file_size_limit_is_no_signal_for_the_process(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, small = { .rlim_cur = 256 << 10 };
	char *value = calloc(1, 2 << 20);

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	begin(f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_true(store_put(f->store, &key_a, slice_of(value, 2 << 20), STORE_NEVER_EXPIRES));
	wait_for_error(f);
	assert_int_equal(peek(f, &key_a, NULL), STORE_FOUND);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	while (counts(f).unwritten > 0)
		sched_yield();
	free(value);
}

static void assert_in_memory(struct fixture *f)
{
	struct question q;

	assert_false(store_survives_restart(begin(f)));
	put(f, &key_a, "x");
	assert_int_equal(get(f, &key_a, &q), STORE_FOUND);
	assert_int_equal(delete(f, &key_a), STORE_FOUND);
	assert_int_equal(peek(f, &key_a, NULL), STORE_ABSENT);
}

static void a_file_that_cannot_be_used_means_memory(void **state)
{
	struct fixture *f = *state;
	FILE *file = fopen(f->folder.path, "w");

	for (int i = 0; i < 1000; i++)
		fprintf(file, "this is no database\n");
	fclose(file);
	assert_in_memory(f);
}

static void a_place_that_cannot_be_means_memory(void **state)
{
	struct fixture *f = *state;

	f->options.path = "/proc/weir/weir.db";
	assert_in_memory(f);
}

/* Damage that comes while it runs: reads say so, memory goes on. */
static void a_file_that_becomes_damaged_is_unavailable(void **state)
{
	struct fixture *f = *state;
	struct store_key key = key_a;
	struct question q;
	char id[16];
	FILE *file;

	begin(f);
	for (int i = 0; i < 2000; i++) {
		snprintf(id, sizeof(id), "id_%d", i);
		key.id = slice_cstr(id);
		put(f, &key, "some text that fills pages, so that not all of them are in SQLite's cache");
	}
	store_close(TAKE_PTR(f->store));
	file = fopen(f->folder.path, "r+");
	assert_int_equal(fseek(file, 5 * 4096, SEEK_SET), 0);
	for (int i = 0; i < 200 * 4096; i++)
		fputc('x', file);
	fclose(file);
	begin(f);
	assert_true(store_survives_restart(f->store));
	assert_int_equal(get(f, &key, &q), STORE_UNAVAILABLE);
	assert_true(counts(f).errors > 0);
	put(f, &key_a, "new");
	assert_int_equal(get(f, &key_a, &q), STORE_FOUND);
}

/* ---- many threads ---- */

enum { THREADS = 4, PUTS = 500 };

struct writer {
	pthread_t thread;
	struct store *store;
	unsigned index;
};

static _Atomic unsigned shared_puts;

struct asker {
	struct fixture fixture;
	struct writer writer;
};

static void *put_get_delete(void *arg)
{
	struct asker *a = arg;
	struct fixture *f = &a->fixture;
	struct store_key key = key_a, shared = { STORE_REASONING, SLICE("all"), SLICE("one") };
	struct question q;
	char id[32], value[32];

	for (unsigned i = 0; i < PUTS; i++) {
		snprintf(id, sizeof(id), "%u_%u", a->writer.index, i);
		snprintf(value, sizeof(value), "value %u", i);
		key.id = slice_cstr(id);
		put(f, &key, value);
		put(f, &shared, value);
		atomic_fetch_add(&shared_puts, 1);
		assert_int_equal(peek(f, &shared, NULL), STORE_FOUND);
		if (i % 8 == 0) {
			struct question cancelled = { .request.on_answer = on_answer };

			assert_true(store_get(f->store, f->loop, &(struct store_key){ STORE_RESPONSES, SLICE("nobody"), SLICE("x") },
					      &cancelled.request));
			assert_int_equal(get(f, &key, &q), STORE_FOUND);
			assert_string_equal(q.value, value);
			store_cancel(f->store, &cancelled.request);
		}
		if (i % 4 == 0)
			assert_int_equal(delete(f, &key), STORE_FOUND);
	}
	return NULL;
}

static void many_threads_use_it(void **state)
{
	struct fixture *f = *state;
	struct asker askers[THREADS] = { 0 };
	struct question q;

	begin(f);
	for (unsigned i = 0; i < THREADS; i++) {
		askers[i].fixture = (struct fixture){ .loop = loop_new(i + 1), .store = f->store };
		mailbox_new(askers[i].fixture.loop);
		askers[i].writer.index = i;
		assert_int_equal(pthread_create(&askers[i].writer.thread, NULL, put_get_delete, &askers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(askers[i].writer.thread, NULL);
		loop_free(askers[i].fixture.loop);
	}
	assert_int_equal(shared_puts, THREADS * PUTS);
	restart(f);
	assert_int_equal(folder_ask(&f->folder, "SELECT count(*) FROM document"), THREADS * PUTS * 3 / 4 + 1);
	assert_int_equal(get(f, &(struct store_key){ STORE_RESPONSES, SLICE("anna"), SLICE("3_499") }, &q), STORE_FOUND);
	assert_string_equal(q.value, "value 499");
}

/* The log's lines are not the tests' output. */
static int quiet(void **state)
{
	log_start(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR);
	return 0;
}

static int loud(void **state)
{
	log_stop();
	return 0;
}

#define DISK_TEST(name) cmocka_unit_test_setup_teardown(name, on_disk, tear_down)
#define MEMORY_TEST(name) cmocka_unit_test_setup_teardown(name, in_memory, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DISK_TEST(what_is_put_is_read_at_once_by_its_owner_alone),
		MEMORY_TEST(what_is_put_is_read_at_once_by_its_owner_alone),
		DISK_TEST(keys_do_not_run_together),
		MEMORY_TEST(keys_do_not_run_together),
		DISK_TEST(bounds_are_kept),
		MEMORY_TEST(bounds_are_kept),
		DISK_TEST(what_has_expired_is_gone),
		MEMORY_TEST(what_has_expired_is_gone),
		MEMORY_TEST(the_least_recently_used_goes_first),
		DISK_TEST(it_survives_a_restart),
		DISK_TEST(a_delete_reaches_what_only_the_disk_knows),
		DISK_TEST(what_is_written_is_there_after_a_crash),
		MEMORY_TEST(secrets_differ_between_stores_in_memory),
		DISK_TEST(who_cancels_hears_nothing),
		MEMORY_TEST(who_cancels_hears_nothing),
		DISK_TEST(answers_wait_for_a_full_mailbox),
		DISK_TEST(a_locked_file_is_written_later),
		DISK_TEST(over_the_bound_it_is_memory_only_and_counted),
		DISK_TEST(a_deletion_is_not_forgotten),
		DISK_TEST(a_full_disk_serves_from_memory_and_recovers),
		DISK_TEST(a_file_size_limit_is_no_signal_for_the_process),
		DISK_TEST(a_file_that_cannot_be_used_means_memory),
		DISK_TEST(a_place_that_cannot_be_means_memory),
		DISK_TEST(a_file_that_becomes_damaged_is_unavailable),
		DISK_TEST(many_threads_use_it),
	};

	return cmocka_run_group_tests(tests, quiet, loud);
}
