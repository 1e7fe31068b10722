/* SPDX-License-Identifier: Apache-2.0 */
/* docs/configuration.md and the tables that the reader works by say the same: every key with its type, default and
 * sentence, every word that comes later, and nothing that does not exist. Its examples and those of docs/routing.md
 * load. */
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

static struct buf document, guide;

static void read_file(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "r");
	char chunk[4096];
	size_t n;

	assert_non_null(file);
	buf_init(out, DOCUMENT_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		assert_true(buf_append(out, chunk, n));
	fclose(file);
}

static int read_documents(void **state)
{
	read_file(WEIR_SOURCE_ROOT "/docs/configuration.md", &document);
	read_file(WEIR_SOURCE_ROOT "/docs/routing.md", &guide);
	return 0;
}

static int free_documents(void **state)
{
	buf_done(&document);
	buf_done(&guide);
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

/* A configuration without a problem. Returns how many providers it has. */
static unsigned load(struct slice text)
{
	struct config_report report;
	struct config *c = config_parse(text, "example", &report);
	unsigned providers;

	for (unsigned i = 0; i < report.count; i++)
		print_message("%u:%u: %.*s\n", report.problems[i].line, report.problems[i].column,
			      SLICE_ARG(report.problems[i].text));
	if (report.count > 0)
		print_message("in\n%.*s\n", SLICE_ARG(text));
	assert_non_null(c);
	assert_int_equal(report.count, 0);
	providers = c->routing.provider_count;
	config_unref(c);
	config_report_done(&report);
	return providers;
}

/* The next example behind `*rest`. False when there is none. */
static bool next_example(struct slice *rest, struct slice *ret)
{
	size_t at = slice_find(*rest, SLICE("```yaml\n"));

	if (at == SIZE_MAX)
		return false;
	*rest = slice_after(*rest, at + 8);
	*ret = slice_of(rest->ptr, slice_find(*rest, SLICE("```")));
	return true;
}

/* The first example of the document is a configuration without a problem; so are those of names, rules and defaults,
 * beside its providers. */
static void test_the_examples_load(void **state)
{
	_cleanup_(arena_done) struct arena a;
	struct slice rest = buf_slice(&document), text, providers;
	unsigned loaded = 0;

	arena_init(&a);
	setenv("ANTHROPIC_API_KEY", "a", 1);
	setenv("OPENAI_API_KEY", "b", 1);
	setenv("OPENAI_API_KEY_2", "c", 1);
	setenv("WEIR_REGION", "eu", 1);
	assert_true(next_example(&rest, &text));
	assert_int_equal(load(text), 3);
	providers = arena_printf(&a, "%.*skeys: [{ name: trial-1, key: 0123456789abcdef }]\n",
				 (int)slice_find(text, SLICE("models:\n")), text.ptr);
	while (next_example(&rest, &text)) {
		if (!slice_starts_with(text, SLICE("routing:")) && !slice_starts_with(text, SLICE("models:")) &&
		    !slice_starts_with(text, SLICE("defaults:")))
			continue;
		assert_int_equal(load(arena_printf(&a, "%.*s%.*s", SLICE_ARG(providers), SLICE_ARG(text))), 3);
		loaded++;
	}
	assert_true(loaded >= 4);
}

/* Who has providers is a whole file; all others stand beside those of the first. */
static void test_the_routing_examples_load(void **state)
{
	static const char *const variables[] = { "ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY_2", "AWS_BEARER_TOKEN_BEDROCK",
						 "FIREWORKS_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_PROJECT", "GROQ_API_KEY",
						 "MISTRAL_API_KEY", "OPENAI_API_KEY", "OPENAI_API_KEY_2", "TOGETHER_API_KEY",
						 "VLLM_KEY" };
	_cleanup_(arena_done) struct arena a;
	struct slice rest = buf_slice(&guide), text, providers;
	unsigned loaded = 0;

	arena_init(&a);
	for (unsigned i = 0; i < COUNT_OF(variables); i++)
		setenv(variables[i], "a", 1);
	assert_true(next_example(&rest, &providers));
	load(providers);
	for (; next_example(&rest, &text); loaded++)
		load(slice_starts_with(text, SLICE("providers:")) ? text :
		     arena_printf(&a, "%.*s%.*s", SLICE_ARG(providers), SLICE_ARG(text)));
	assert_true(loaded >= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_is_documented),
		cmocka_unit_test(test_words_that_come_later_are_documented),
		cmocka_unit_test(test_nothing_else_is_documented),
		cmocka_unit_test(test_the_examples_load),
		cmocka_unit_test(test_the_routing_examples_load),
	};

	return cmocka_run_group_tests(tests, read_documents, free_documents);
}
