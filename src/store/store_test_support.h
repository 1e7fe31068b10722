/* SPDX-License-Identifier: Apache-2.0 */
/* For the store's tests: a folder of their own, and a plain connection to look into the file with. */
#pragma once

#include <stddef.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct test_folder {
	char folder[64];
	char path[96];
};

static inline void folder_make(struct test_folder *f)
{
	snprintf(f->folder, sizeof(f->folder), "/tmp/weir-store-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/weir.db", f->folder);
}

static inline void folder_remove(struct test_folder *f)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	char path[128];

	for (unsigned i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, ends[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(f->folder), 0);
}

/* Runs statements on the file; the first value of the first row, or 0. */
static inline int64_t folder_ask(struct test_folder *f, const char *text)
{
	sqlite3 *handle;
	sqlite3_stmt *s;
	int64_t value = 0;

	assert_int_equal(sqlite3_open(f->path, &handle), SQLITE_OK);
	while (*text) {
		assert_int_equal(sqlite3_prepare_v2(handle, text, -1, &s, &text), SQLITE_OK);
		if (s && sqlite3_step(s) == SQLITE_ROW)
			value = sqlite3_column_int64(s, 0);
		assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
	}
	sqlite3_close(handle);
	return value;
}
