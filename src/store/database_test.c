/* SPDX-License-Identifier: Apache-2.0 */
/* The tables: what is written is read, by owner and until it expires; old files are brought up to date; damaged, newer and
 * foreign ones are refused. */
#include "store/store_test_support.h"

#include <sys/stat.h>
#include "store/database.h"

enum { FILE_MAX = 64 << 20 };

static const struct store_key key_a = { STORE_RESPONSES, { "anna", 4 }, { "resp_1", 6 } };

static int make(void **state)
{
	static struct test_folder f;

	folder_make(&f);
	*state = &f;
	return 0;
}

static int clean(void **state)
{
	folder_remove(*state);
	return 0;
}

static struct database *opened(struct test_folder *f)
{
	char error[DATABASE_ERROR_MAX] = "";
	struct database *d = database_open(f->path, FILE_MAX, error);

	if (!d)
		fail_msg("%s", error);
	return d;
}

static void write_one(struct database *d, const struct store_key *key, struct slice value, int64_t expires_ms)
{
	struct document *document = document_new(value, expires_ms);

	assert_true(database_write(d, key, document));
	document_unref(document);
}

static void assert_value(struct database *d, const struct store_key *key, int64_t now_ms, const char *expected)
{
	struct document *document = NULL;

	assert_true(database_read(d, key, now_ms, &document));
	if (expected) {
		assert_non_null(document);
		assert_true(slice_eq(document_value(document), slice_cstr(expected)));
	} else {
		assert_null(document);
	}
	document_unref(document);
}

static void assert_refused(struct test_folder *f, const char *because)
{
	char error[DATABASE_ERROR_MAX] = "";

	assert_null(database_open(f->path, FILE_MAX, error));
	if (!strstr(error, because))
		fail_msg("'%s' does not say '%s'", error, because);
}

static void writes_replaces_reads_and_deletes(void **state)
{
	struct database *d = opened(*state);
	struct store_key key = key_a;
	struct stat found;
	bool existed;

	assert_int_equal(stat(((struct test_folder *)*state)->path, &found), 0);
	assert_int_equal(found.st_mode & 0777, 0600);
	assert_value(d, &key_a, 0, NULL);
	write_one(d, &key_a, SLICE("one"), STORE_NEVER_EXPIRES);
	assert_value(d, &key_a, 0, "one");
	write_one(d, &key_a, SLICE(""), STORE_NEVER_EXPIRES);
	assert_value(d, &key_a, 0, "");
	key.owner = SLICE("bert");
	assert_value(d, &key, 0, NULL);
	assert_true(database_delete(d, &key, 0, &existed));
	assert_false(existed);
	key = key_a;
	key.kind = STORE_CONVERSATIONS;
	assert_value(d, &key, 0, NULL);
	assert_true(database_delete(d, &key_a, 0, &existed));
	assert_true(existed);
	assert_value(d, &key_a, 0, NULL);
	database_close(d);
}

static void keys_and_values_are_any_bytes(void **state)
{
	struct database *d = opened(*state);
	struct store_key one = { STORE_REASONING, { "", 0 }, { "a\0b\xff", 4 } }, other = one;

	other.id = slice_of("a\0c\xff", 4);
	write_one(d, &one, slice_of("\0\xfe", 2), STORE_NEVER_EXPIRES);
	assert_value(d, &other, 0, NULL);
	database_close(d);
	d = opened(*state);
	struct document *document;

	assert_true(database_read(d, &one, 0, &document));
	assert_true(slice_eq(document_value(document), slice_of("\0\xfe", 2)));
	document_unref(document);
	database_close(d);
}

static void what_has_expired_is_not_there_and_is_swept(void **state)
{
	struct database *d = opened(*state);
	struct store_key key = key_a;
	char id[16];
	unsigned count;
	bool existed;

	for (int i = 0; i < DATABASE_SWEEP_MAX + 10; i++) {
		snprintf(id, sizeof(id), "old_%d", i);
		key.id = slice_cstr(id);
		write_one(d, &key, SLICE("x"), 1000);
	}
	write_one(d, &key_a, SLICE("new"), 1001);
	assert_value(d, &key, 999, "x");
	assert_value(d, &key, 1000, NULL);
	assert_true(database_delete(d, &key, 1000, &existed));
	assert_false(existed);
	assert_true(database_sweep(d, 1000, &count));
	assert_int_equal(count, DATABASE_SWEEP_MAX);
	assert_true(database_sweep(d, 1000, &count));
	assert_int_equal(count, 9);
	assert_true(database_sweep(d, 1000, &count));
	assert_int_equal(count, 0);
	assert_value(d, &key_a, 1000, "new");
	database_close(d);
}

static void the_secret_is_made_once(void **state)
{
	unsigned char first[STORE_SECRET_SIZE], second[STORE_SECRET_SIZE];
	struct database *d = opened(*state), *other = opened(*state);

	assert_true(database_secret(d, first));
	assert_true(database_secret(other, second));
	assert_memory_equal(first, second, sizeof(first));
	database_close(other);
	database_close(d);
	d = opened(*state);
	assert_true(database_secret(d, second));
	assert_memory_equal(first, second, sizeof(first));
	database_close(d);
}

/* As the first version left it: documents, no secrets. */
static void an_older_file_is_brought_up_to_date(void **state)
{
	unsigned char secret[STORE_SECRET_SIZE];
	struct database *d;

	folder_ask(*state, "CREATE TABLE document (number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, owner BLOB NOT NULL,"
			   " id BLOB NOT NULL, value BLOB NOT NULL, expires_ms INTEGER NOT NULL, UNIQUE (kind, owner, id));"
			   "CREATE INDEX document_by_age ON document (expires_ms);"
			   "INSERT INTO document (kind, owner, id, value, expires_ms)"
			   " VALUES (1, X'616e6e61', X'726573705f31', X'6f6c64', 5000);"
			   "PRAGMA user_version = 1");
	d = opened(*state);
	assert_value(d, &key_a, 0, "old");
	assert_true(database_secret(d, secret));
	database_close(d);
	assert_int_equal(folder_ask(*state, "PRAGMA user_version"), 2);
}

static void a_newer_file_is_refused_and_stays(void **state)
{
	folder_ask(*state, "CREATE TABLE later (x); PRAGMA user_version = 77");
	assert_refused(*state, "newer version");
	assert_int_equal(folder_ask(*state, "PRAGMA user_version"), 77);
}

static void a_file_with_other_tables_is_refused_and_stays(void **state)
{
	folder_ask(*state, "CREATE TABLE document (mine); INSERT INTO document VALUES (7)");
	assert_refused(*state, "document already exists");
	assert_int_equal(folder_ask(*state, "SELECT mine FROM document"), 7);
	assert_int_equal(folder_ask(*state, "PRAGMA user_version"), 0);
}

static void a_damaged_file_is_refused(void **state)
{
	struct test_folder *f = *state;
	FILE *file = fopen(f->path, "w");

	for (int i = 0; i < 1000; i++)
		fprintf(file, "this is no database\n");
	fclose(file);
	assert_refused(f, "not a database");
}

static void a_locked_file_is_refused(void **state)
{
	struct test_folder *f = *state;
	sqlite3 *other;

	assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE; CREATE TABLE x (y)", NULL, NULL, NULL), SQLITE_OK);
	assert_refused(f, "locked");
	sqlite3_close(other);
}

static void a_full_disk_is_an_error_and_what_was_there_stays(void **state)
{
	char error[DATABASE_ERROR_MAX];
	struct database *d = database_open(((struct test_folder *)*state)->path, 64 << 10, error);
	struct store_key key = key_a;
	char *large = calloc(1, 200000);
	struct document *document = document_new(slice_of(large, 200000), STORE_NEVER_EXPIRES);

	assert_non_null(d);
	write_one(d, &key_a, SLICE("small"), STORE_NEVER_EXPIRES);
	key.id = SLICE("large");
	assert_true(database_begin(d));
	assert_false(database_write(d, &key, document));
	assert_non_null(strstr(database_error(d), "full"));
	database_give_up(d);
	assert_value(d, &key, 0, NULL);
	assert_value(d, &key_a, 0, "small");
	write_one(d, &key_a, SLICE("still"), STORE_NEVER_EXPIRES);
	assert_value(d, &key_a, 0, "still");
	document_unref(document);
	free(large);
	database_close(d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_replaces_reads_and_deletes, make, clean),
		cmocka_unit_test_setup_teardown(keys_and_values_are_any_bytes, make, clean),
		cmocka_unit_test_setup_teardown(what_has_expired_is_not_there_and_is_swept, make, clean),
		cmocka_unit_test_setup_teardown(the_secret_is_made_once, make, clean),
		cmocka_unit_test_setup_teardown(an_older_file_is_brought_up_to_date, make, clean),
		cmocka_unit_test_setup_teardown(a_newer_file_is_refused_and_stays, make, clean),
		cmocka_unit_test_setup_teardown(a_file_with_other_tables_is_refused_and_stays, make, clean),
		cmocka_unit_test_setup_teardown(a_damaged_file_is_refused, make, clean),
		cmocka_unit_test_setup_teardown(a_locked_file_is_refused, make, clean),
		cmocka_unit_test_setup_teardown(a_full_disk_is_an_error_and_what_was_there_stays, make, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
