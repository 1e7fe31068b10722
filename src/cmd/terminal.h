/* SPDX-License-Identifier: Apache-2.0 */
/* What commands print: colours (only on a terminal that wants them) and aligned tables. */
#pragma once

#include <stdio.h>
#include "base/arena.h"
#include "base/slice.h"

enum style { STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_BAD, STYLE_COUNT };

/* The escape sequence, or "" when `f` is no terminal, TERM is "dumb" or NO_COLOR is set (https://no-color.org). */
const char *style_on(FILE *f, enum style s);
const char *style_off(FILE *f);

enum { TABLE_COLUMNS_MAX = 8, TABLE_ROWS_MAX = 4096 };

struct table {
	struct arena *arena;
	unsigned columns;
	unsigned right;                /* bits: columns that are aligned to the right */
	struct slice (*rows)[TABLE_COLUMNS_MAX];
	enum style *styles;            /* per row; STYLE_COUNT = none */
	unsigned count, cap;
};

/* `titles` become the first row; text is borrowed until table_print(). */
void table_init(struct table *t, struct arena *a, unsigned columns, const char *const *titles, unsigned right);
/* A new row, to be filled in by the caller. Rows over TABLE_ROWS_MAX overwrite the last one. */
struct slice *table_row(struct table *t, enum style s);
void table_print(const struct table *t, FILE *f);
