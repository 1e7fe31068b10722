/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite in WAL mode: readers and the writer of other processes do not wait for each other, and with synchronous=NORMAL
 * a commit costs no fsync; a power cut may lose the last commits, never the file (sqlite.org/wal.html, pragma.html). */
#include "store/database.h"

#include <sqlite3.h>
#include <stdio.h>
#include "base/random.h"
#include "base/resident.h"
#include "store/place.h"

enum statement { READ, WRITE, DELETE, SWEEP, BEGIN, COMMIT, ROLLBACK, STATEMENT_COUNT };

struct database {
	sqlite3 *handle;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	char error[DATABASE_ERROR_MAX];
};

static const char *const statement_texts[STATEMENT_COUNT] = {
	[READ] = "SELECT value, expires_ms FROM document WHERE kind = ?1 AND owner = ?2 AND id = ?3 AND expires_ms > ?4",
	[WRITE] = "INSERT INTO document (kind, owner, id, value, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5) "
		  "ON CONFLICT (kind, owner, id) DO UPDATE SET value = excluded.value, expires_ms = excluded.expires_ms",
	[DELETE] = "DELETE FROM document WHERE kind = ?1 AND owner = ?2 AND id = ?3 RETURNING expires_ms > ?4",
	[SWEEP] = "DELETE FROM document WHERE number IN "
		  "(SELECT number FROM document WHERE expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2)",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
};

/* Step N leads from user_version N to N + 1. Steps are only ever appended: files of any age are out there. Owner and id
 * are bytes, not text: what clients send need not be UTF-8, and may hold NUL. */
static const char *const migrations[] = {
	"CREATE TABLE document (number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, owner BLOB NOT NULL, id BLOB NOT NULL,"
	" value BLOB NOT NULL, expires_ms INTEGER NOT NULL, UNIQUE (kind, owner, id));"
	"CREATE INDEX document_by_age ON document (expires_ms)",

	"CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
};

/* What the file is opened with. 256 KB of cache: reads go through the documents in memory first. What is deleted is
 * overwritten where that costs no further write (secure_delete). */
static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;"
			       "PRAGMA cache_size = -256; PRAGMA journal_size_limit = 16777216;"
			       "PRAGMA trusted_schema = OFF; PRAGMA secure_delete = FAST";

static bool failed(struct database *d, const char *what)
{
	snprintf(d->error, sizeof(d->error), "%s: %s", what, sqlite3_errmsg(d->handle));
	return false;
}

const char *database_error(const struct database *d)
{
	return d->error;
}

static bool run_text(struct database *d, const char *text, const char *what)
{
	return sqlite3_exec(d->handle, text, NULL, NULL, NULL) == SQLITE_OK || failed(d, what);
}

/* ---- statements ---- */

/* An empty slice may have no pointer, which would be bound as NULL. */
static void bind_bytes(sqlite3_stmt *s, int index, struct slice bytes)
{
	sqlite3_bind_blob64(s, index, bytes.ptr ? bytes.ptr : "", bytes.len, SQLITE_STATIC);
}

static sqlite3_stmt *prepared(struct database *d, enum statement which, const struct store_key *key)
{
	sqlite3_stmt *s = d->statements[which];

	if (key) {
		sqlite3_bind_int(s, 1, (int)key->kind);
		bind_bytes(s, 2, key->owner);
		bind_bytes(s, 3, key->id);
	}
	return s;
}

/* The statement may be used again, whatever has become of it. What was bound is the caller's memory. */
static void release(sqlite3_stmt *s)
{
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
}

/* Runs a statement that has no rows, or none that matter. */
static bool run(struct database *d, sqlite3_stmt *s, const char *what)
{
	int r = sqlite3_step(s);
	bool good = r == SQLITE_DONE || r == SQLITE_ROW || failed(d, what);

	release(s);
	return good;
}

bool database_begin(struct database *d)
{
	return run(d, d->statements[BEGIN], "cannot begin to write");
}

bool database_commit(struct database *d)
{
	return run(d, d->statements[COMMIT], "cannot commit");
}

void database_give_up(struct database *d)
{
	/* Some errors end a transaction by themselves. What a rollback says is of no use: the next one begins anew. */
	if (!sqlite3_get_autocommit(d->handle)) {
		(void)sqlite3_step(d->statements[ROLLBACK]);
		release(d->statements[ROLLBACK]);
	}
}

bool database_write(struct database *d, const struct store_key *key, const struct document *document)
{
	sqlite3_stmt *s = prepared(d, WRITE, key);

	bind_bytes(s, 4, document_value(document));
	sqlite3_bind_int64(s, 5, document->expires_ms);
	return run(d, s, "cannot write");
}

bool database_delete(struct database *d, const struct store_key *key, int64_t now_ms, bool *ret_existed)
{
	sqlite3_stmt *s = prepared(d, DELETE, key);
	bool existed = false;
	int r;

	sqlite3_bind_int64(s, 4, now_ms);
	while ((r = sqlite3_step(s)) == SQLITE_ROW)
		existed = sqlite3_column_int(s, 0) != 0;
	if (r != SQLITE_DONE)
		failed(d, "cannot delete");
	release(s);
	*ret_existed = existed;
	return r == SQLITE_DONE;
}

bool database_sweep(struct database *d, int64_t now_ms, unsigned *ret_count)
{
	sqlite3_stmt *s = d->statements[SWEEP];

	sqlite3_bind_int64(s, 1, now_ms);
	sqlite3_bind_int(s, 2, DATABASE_SWEEP_MAX);
	if (!run(d, s, "cannot delete what has expired"))
		return false;
	*ret_count = (unsigned)sqlite3_changes(d->handle);
	return true;
}

void database_rest(void)
{
	resident_release((void (*)(void))sqlite3_open_v2);
}

bool database_read(struct database *d, const struct store_key *key, int64_t now_ms, struct document **ret)
{
	sqlite3_stmt *s = prepared(d, READ, key);
	int r;

	*ret = NULL;
	sqlite3_bind_int64(s, 4, now_ms);
	r = sqlite3_step(s);
	if (r == SQLITE_ROW) {
		const char *value = sqlite3_column_blob(s, 0);
		int len = sqlite3_column_bytes(s, 0);

		/* No memory for a blob is a NULL pointer, too (sqlite.org/c3ref/column_blob.html). */
		if (!value && len > 0)
			r = SQLITE_NOMEM;
		else
			*ret = document_new(slice_of(value, (size_t)len), sqlite3_column_int64(s, 1));
	}
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		failed(d, "cannot read");
	release(s);
	return r == SQLITE_ROW || r == SQLITE_DONE;
}

/* ---- the secret ---- */

bool database_secret(struct database *d, unsigned char ret[static STORE_SECRET_SIZE])
{
	sqlite3_stmt *insert = NULL, *select = NULL;
	bool good = false;
	static const char insert_text[] = "INSERT OR IGNORE INTO secret (name, value) VALUES ('root', ?1)";
	static const char select_text[] = "SELECT value FROM secret WHERE name = 'root'";

	random_secure(ret, STORE_SECRET_SIZE);
	/* Another process may be doing the same: whoever comes second takes what is there. */
	if (sqlite3_prepare_v2(d->handle, insert_text, -1, &insert, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(d->handle, select_text, -1, &select, NULL) == SQLITE_OK &&
	    sqlite3_bind_blob(insert, 1, ret, STORE_SECRET_SIZE, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_step(insert) == SQLITE_DONE && sqlite3_step(select) == SQLITE_ROW &&
	    sqlite3_column_bytes(select, 0) == STORE_SECRET_SIZE) {
		memcpy(ret, sqlite3_column_blob(select, 0), STORE_SECRET_SIZE);
		good = true;
	} else {
		failed(d, "cannot keep a secret");
	}
	sqlite3_finalize(insert);
	sqlite3_finalize(select);
	return good;
}

/* ---- opening ---- */

static bool read_number(struct database *d, const char *text, int64_t *ret)
{
	sqlite3_stmt *s = NULL;
	bool good = sqlite3_prepare_v2(d->handle, text, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW;

	if (good)
		*ret = sqlite3_column_int64(s, 0);
	else
		failed(d, text);
	sqlite3_finalize(s);
	return good;
}

static bool run_migrations(struct database *d)
{
	int64_t version;

	if (!read_number(d, "PRAGMA user_version", &version))
		return false;
	if (version > (int64_t)COUNT_OF(migrations)) {
		snprintf(d->error, sizeof(d->error), "it was written by a newer version of weir (tables %lld, known here: %d)",
			 (long long)version, (int)COUNT_OF(migrations));
		return false;
	}
	for (; version >= 0 && version < (int64_t)COUNT_OF(migrations); version++) {
		char text[48];

		snprintf(text, sizeof(text), "PRAGMA user_version = %lld", (long long)version + 1);
		if (!run_text(d, migrations[version], "cannot bring its tables up to date") ||
		    !run_text(d, text, "cannot bring its tables up to date"))
			return false;
	}
	return true;
}

/* In one transaction: several processes may start at once. */
static bool migrate(struct database *d)
{
	if (!run_text(d, "BEGIN IMMEDIATE", "cannot be written"))
		return false;
	if (run_migrations(d) && run_text(d, "COMMIT", "cannot be written"))
		return true;
	if (!sqlite3_get_autocommit(d->handle))
		(void)sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

static bool limit_size(struct database *d, int64_t file_max)
{
	char text[64];
	int64_t page;

	if (!read_number(d, "PRAGMA page_size", &page) || page <= 0)
		return false;
	snprintf(text, sizeof(text), "PRAGMA max_page_count = %lld", (long long)(file_max / page));
	return run_text(d, text, "cannot be limited");
}

static bool open_handle(struct database *d, const char *path)
{
	int r = place_make(path);

	if (r < 0) {
		snprintf(d->error, sizeof(d->error), "cannot be made: %s", strerror(-r));
		return false;
	}
	if (sqlite3_open_v2(path, &d->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return failed(d, "cannot be opened");
	sqlite3_busy_timeout(d->handle, DATABASE_BUSY_MS);
	sqlite3_extended_result_codes(d->handle, 1);
	/* The file's contents may not make SQLite run what it holds (sqlite.org/security.html). */
	sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return true;
}

static bool prepare_all(struct database *d)
{
	int r = SQLITE_OK;

	for (unsigned i = 0; i < STATEMENT_COUNT && r == SQLITE_OK; i++)
		r = sqlite3_prepare_v3(d->handle, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &d->statements[i],
				       NULL);
	return r == SQLITE_OK || failed(d, "has other tables");
}

struct database *database_open(const char *path, int64_t file_max, char reterr[static DATABASE_ERROR_MAX])
{
	struct database *d = xcalloc(1, sizeof(*d));

	if (open_handle(d, path) && run_text(d, settings, "cannot be used") && migrate(d) && limit_size(d, file_max) &&
	    prepare_all(d))
		return d;
	memcpy(reterr, d->error, DATABASE_ERROR_MAX);
	return database_close(d);
}

struct database *database_close(struct database *d)
{
	if (!d)
		return NULL;
	for (unsigned i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(d->statements[i]);
	sqlite3_close(d->handle);
	free(d);
	return NULL;
}
