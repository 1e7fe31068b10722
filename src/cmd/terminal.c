/* SPDX-License-Identifier: Apache-2.0 */
/* Colours and tables for people. */
#include "cmd/terminal.h"

static bool has_colour(FILE *f)
{
	const char *term = getenv("TERM");
	const char *no = getenv("NO_COLOR");

	return isatty(fileno(f)) && term && strcmp(term, "dumb") != 0 && !(no && *no);
}

const char *style_on(FILE *f, enum style s)
{
	static const char *const escapes[STYLE_COUNT] = {
		[STYLE_BOLD] = "\033[1m",
		[STYLE_DIM] = "\033[2m",
		[STYLE_GOOD] = "\033[32m",
		[STYLE_WARN] = "\033[33m",
		[STYLE_BAD] = "\033[31m",
	};

	return s < STYLE_COUNT && has_colour(f) ? escapes[s] : "";
}

const char *style_off(FILE *f)
{
	return has_colour(f) ? "\033[0m" : "";
}

void table_init(struct table *t, struct arena *a, unsigned columns, const char *const *titles, unsigned right)
{
	struct slice *row;

	*t = (struct table){ .arena = a, .columns = columns, .right = right };
	row = table_row(t, STYLE_BOLD);
	for (unsigned i = 0; i < columns; i++)
		row[i] = slice_cstr(titles[i]);
}

static void grow(struct table *t)
{
	unsigned cap = t->cap ? 2 * t->cap : 32;
	void *rows = arena_alloc(t->arena, cap * sizeof(*t->rows));
	enum style *styles = arena_alloc(t->arena, cap * sizeof(*styles));

	if (t->count > 0) {
		memcpy(rows, t->rows, t->count * sizeof(*t->rows));
		memcpy(styles, t->styles, t->count * sizeof(*styles));
	}
	t->rows = rows;
	t->styles = styles;
	t->cap = cap;
}

struct slice *table_row(struct table *t, enum style s)
{
	if (t->count == t->cap && t->cap < TABLE_ROWS_MAX)
		grow(t);
	if (t->count == t->cap)
		t->count--;
	memset(t->rows[t->count], 0, sizeof(*t->rows));
	t->styles[t->count] = s;
	return t->rows[t->count++];
}

/* Columns on the screen: one per character, which is right for everything weir prints. */
static int width(struct slice s)
{
	int columns = 0;

	for (size_t i = 0; i < s.len; i++)
		columns += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return columns;
}

static void print_cell(const struct table *t, unsigned column, struct slice text, int room, FILE *f)
{
	int padding = room - width(text);
	bool is_last = column + 1 == t->columns;

	if (t->right & (1u << column))
		fprintf(f, "%*s%.*s", padding, "", SLICE_ARG(text));
	else
		fprintf(f, "%.*s%*s", SLICE_ARG(text), is_last ? 0 : padding, "");
	fputs(is_last ? "" : "  ", f);
}

void table_print(const struct table *t, FILE *f)
{
	int widths[TABLE_COLUMNS_MAX] = { 0 };

	for (unsigned row = 0; row < t->count; row++)
		for (unsigned i = 0; i < t->columns; i++)
			if (width(t->rows[row][i]) > widths[i])
				widths[i] = width(t->rows[row][i]);
	for (unsigned row = 0; row < t->count; row++) {
		fputs(style_on(f, t->styles[row]), f);
		for (unsigned i = 0; i < t->columns; i++)
			print_cell(t, i, t->rows[row][i], widths[i], f);
		fputs(t->styles[row] < STYLE_COUNT ? style_off(f) : "", f);
		fputc('\n', f);
	}
}
