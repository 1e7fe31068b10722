/* SPDX-License-Identifier: Apache-2.0 */
/* The store's tables in SQLite. One thread at a time; every call may wait for the disk. */
#pragma once

#include "store/document.h"

struct database;

enum {
	DATABASE_BUSY_MS = 500,        /* how long another process may hold the lock */
	DATABASE_SWEEP_MAX = 256,      /* rows deleted for their age in one go */
	DATABASE_ERROR_MAX = 256,
};

/* Opens or makes the file and brings its tables up to date. NULL with a sentence. */
struct database *database_open(const char *path, int64_t file_max, char reterr[static DATABASE_ERROR_MAX]) MUSTCHECK;
/* Accepts NULL, returns NULL. */
struct database *database_close(struct database *d);
/* What the last call that failed said. */
const char *database_error(const struct database *d);

/* The value that secrets are derived from: made when it is not there. */
bool database_secret(struct database *d, unsigned char ret[static STORE_SECRET_SIZE]) MUSTCHECK;
/* A row that has expired at `now_ms` is not there. False when the disk failed; else *ret is a reference or NULL. */
bool database_read(struct database *d, const struct store_key *key, int64_t now_ms, struct document **ret) MUSTCHECK;
/* All between these two happens, or nothing. After false from any call the transaction is to be given up. */
bool database_begin(struct database *d) MUSTCHECK;
bool database_commit(struct database *d) MUSTCHECK;
void database_give_up(struct database *d);
bool database_write(struct database *d, const struct store_key *key, const struct document *document) MUSTCHECK;
/* *ret_existed: there was a row, and it had not expired. */
bool database_delete(struct database *d, const struct store_key *key, int64_t now_ms, bool *ret_existed) MUSTCHECK;
/* Deletes up to DATABASE_SWEEP_MAX rows that have expired; *ret_count says how many. */
bool database_sweep(struct database *d, int64_t now_ms, unsigned *ret_count) MUSTCHECK;
/* Nothing is asked of any database for a while: SQLite's code need not stay resident. */
void database_rest(void);
