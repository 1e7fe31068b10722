/* SPDX-License-Identifier: Apache-2.0 */
/* docs/configuration.md and the tables that the reader works by say the same: every key with its type, default and
 * sentence, every word that comes later, and nothing that does not exist. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/buf.h"
#include "config/config_internal.h"

enum { DOCUMENT_MAX = 1 << 20 };

static struct buf document;

static int read_document(void **state)
{
	FILE *file = fopen(WEIR_SOURCE_ROOT "/docs/configuration.md", "r");
	char chunk[4096];
	size_t n;

	assert_non_null(file);
	buf_init(&document, DOCUMENT_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		assert_true(buf_append(&document, chunk, n));
	fclose(file);
	return 0;
}

static int free_document(void **state)
{
	buf_done(&document);
	return 0;
}

static bool has_line(struct slice line)
{
	struct slice rest = buf_slice(&document);

	while (rest.ptr)
		if (slice_eq(slice_next_token(&rest, '\n'), line))
			return true;
	print_message("docs/configuration.md should have the line\n%.*s\n", SLICE_ARG(line));
	return false;
}

static struct slice path_of(struct arena *a, const struct section *s, const struct key *k)
{
	return arena_printf(a, "%s%s%s", s->path, *s->path ? "." : "", k->name);
}

/* One line of a table. */
static struct slice row_of(struct arena *a, const struct section *s, const struct key *k)
{
	struct slice path = path_of(a, s, k);

	return arena_printf(a, "| `%.*s` | %s | %s | %s |", SLICE_ARG(path), k->type, k->fallback, k->sentence);
}

static void test_every_key_is_documented(void **state)
{
	_cleanup_(arena_done) struct arena a;
	unsigned missing = 0;

	arena_init(&a);
	for (const struct section *const *s = config_sections; *s; s++)
		for (const struct key *k = (*s)->keys; k->name; k++)
			missing += k->read && !has_line(row_of(&a, *s, k));
	assert_int_equal(missing, 0);
}

static void test_words_that_come_later_are_documented(void **state)
{
	_cleanup_(arena_done) struct arena a;
	unsigned missing = 0;

	arena_init(&a);
	for (const struct section *const *s = config_sections; *s; s++) {
		struct slice words = SLICE("");

		for (const struct key *k = (*s)->keys; k->name; k++)
			if (!k->read)
				words = arena_printf(&a, "%.*s%s`%s`", SLICE_ARG(words), words.len ? ", " : "",
						     k->name);
		if (words.len)
			missing += !has_line(arena_printf(&a, "- %s: %.*s", *(*s)->path ? (*s)->path : "top level",
							  SLICE_ARG(words)));
	}
	assert_int_equal(missing, 0);
}

static bool is_a_key(struct arena *a, struct slice path)
{
	for (const struct section *const *s = config_sections; *s; s++)
		for (const struct key *k = (*s)->keys; k->name; k++)
			if (k->read && slice_eq(path_of(a, *s, k), path))
				return true;
	print_message("docs/configuration.md has `%.*s`, which does not exist\n", SLICE_ARG(path));
	return false;
}

static void test_nothing_else_is_documented(void **state)
{
	_cleanup_(arena_done) struct arena a;
	struct slice rest = buf_slice(&document);
	unsigned strange = 0;

	arena_init(&a);
	while (rest.ptr) {
		struct slice line = slice_next_token(&rest, '\n');

		if (!slice_starts_with(line, SLICE("| `")))
			continue;
		line = slice_after(line, 3);
		strange += !is_a_key(&a, slice_next_token(&line, '`'));
	}
	assert_int_equal(strange, 0);
}

/* The first example of the document is a configuration without a problem. */
static void test_the_example_loads(void **state)
{
	struct slice text = buf_slice(&document);
	struct config_report report;
	struct config *c;
	size_t start;

	setenv("ANTHROPIC_API_KEY", "a", 1);
	setenv("OPENAI_API_KEY", "b", 1);
	setenv("OPENAI_API_KEY_2", "c", 1);
	start = slice_find(text, SLICE("```yaml\n"));
	assert_true(start != SIZE_MAX);
	text = slice_after(text, start + 8);
	text.len = slice_find(text, SLICE("```"));
	c = config_parse(text, "example", &report);
	assert_non_null(c);
	assert_int_equal(report.count, 0);
	assert_int_equal(c->routing.provider_count, 3);
	config_unref(c);
	config_report_done(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_is_documented),
		cmocka_unit_test(test_words_that_come_later_are_documented),
		cmocka_unit_test(test_nothing_else_is_documented),
		cmocka_unit_test(test_the_example_loads),
	};

	return cmocka_run_group_tests(tests, read_document, free_document);
}
