/* SPDX-License-Identifier: Apache-2.0 */
/* The manual page and the shell completions know every command with every option, and no others. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/arena.h"
#include "base/slice.h"
#include "cmd/cmd.h"

enum { FILE_MAX = 256 << 10 };

/* The file without backslashes: groff writes "\-\-model". */
static struct slice read_file(struct arena *a, const char *name)
{
	char *text = arena_alloc(a, FILE_MAX), *plain = arena_alloc(a, FILE_MAX);
	FILE *f = fopen(arena_printf(a, "%s/%s", WEIR_SOURCE_ROOT, name).ptr, "r");
	size_t len, kept = 0;

	assert_non_null(f);
	len = fread(text, 1, FILE_MAX, f);
	assert_true(len > 0 && len < FILE_MAX);
	fclose(f);
	for (size_t i = 0; i < len; i++)
		if (text[i] != '\\')
			plain[kept++] = text[i];
	return slice_of(plain, kept);
}

/* From `start` (a line's beginning, with %s for the command) to the next `end`. */
static struct slice section(struct arena *a, struct slice text, const char *before, const char *command, const char *after, const char *end)
{
	struct slice start = arena_printf(a, "%s%s%s", before, command, after);
	size_t at = slice_find(text, start);
	struct slice rest;
	size_t length;

	if (at == SIZE_MAX)
		fail_msg("no section for '%s'", command);
	rest = slice_after(text, at + start.len);
	length = slice_find(rest, slice_cstr(end));
	return slice_of(rest.ptr, length == SIZE_MAX ? rest.len : length);
}

/* All lines that have `needle`. */
static struct slice lines_with(struct arena *a, struct slice text, const char *needle)
{
	struct slice found = SLICE("");

	while (text.ptr) {
		struct slice line = slice_next_token(&text, '\n');

		if (slice_find(line, slice_cstr(needle)) != SIZE_MAX)
			found = arena_printf(a, "%.*s%.*s\n", SLICE_ARG(found), SLICE_ARG(line));
	}
	return found;
}

static bool has_option(const struct command *c, struct slice name)
{
	for (unsigned i = 0; i < c->option_count; i++)
		if (slice_eq(name, slice_cstr(c->options[i].name)))
			return true;
	return slice_eq(name, SLICE("help"));
}

static size_t name_length(struct slice s)
{
	size_t len = 0;

	while (len < s.len && ((s.ptr[len] >= 'a' && s.ptr[len] <= 'z') || s.ptr[len] == '-'))
		len++;
	return len;
}

/* Every option of the command stands there behind `dashes`, and what stands there is one. */
static void check_section(const struct command *c, struct slice text, const char *dashes, const char *where)
{
	bool seen[OPTIONS_MAX] = { false };
	size_t at;

	while ((at = slice_find(text, slice_cstr(dashes))) != SIZE_MAX) {
		struct slice name;

		text = slice_after(text, at + strlen(dashes));
		name = slice_of(text.ptr, name_length(text));
		if (!has_option(c, name))
			fail_msg("%s: '%s' has no option '%.*s'", where, c->name, SLICE_ARG(name));
		for (unsigned i = 0; i < c->option_count; i++)
			seen[i] |= slice_eq(name, slice_cstr(c->options[i].name));
	}
	for (unsigned i = 0; i < c->option_count; i++)
		if (!seen[i])
			fail_msg("%s: '%s' lacks --%s", where, c->name, c->options[i].name);
}

static void test_bash(void **state)
{
	struct arena a;
	struct slice text;

	arena_init(&a);
	text = read_file(&a, "completion/weir.bash");
	for (unsigned i = 0; i < command_count; i++)
		check_section(commands[i], section(&a, text, "\t", commands[i]->name, ") options=", "\n"), "--", "bash");
	arena_done(&a);
}

static void test_zsh(void **state)
{
	struct arena a;
	struct slice text;

	arena_init(&a);
	text = read_file(&a, "completion/_weir");
	for (unsigned i = 0; i < command_count; i++) {
		assert_true(slice_find(text, arena_printf(&a, "\t'%s:", commands[i]->name)) != SIZE_MAX);
		check_section(commands[i], section(&a, text, "\n", commands[i]->name, ")\n", ";;"), "--", "zsh");
	}
	arena_done(&a);
}

static void test_fish(void **state)
{
	struct arena a;
	struct slice text;

	arena_init(&a);
	text = read_file(&a, "completion/weir.fish");
	for (unsigned i = 0; i < command_count; i++) {
		struct slice needle = arena_printf(&a, "__fish_seen_subcommand_from %s'", commands[i]->name);

		assert_true(slice_find(text, arena_printf(&a, "__fish_use_subcommand -a %s ", commands[i]->name)) != SIZE_MAX);
		check_section(commands[i], lines_with(&a, text, needle.ptr), " -l ", "fish");
	}
	arena_done(&a);
}

static void test_manual(void **state)
{
	struct arena a;
	struct slice text;

	arena_init(&a);
	text = read_file(&a, "man/weir.1");
	for (unsigned i = 0; i < command_count; i++)
		check_section(commands[i], section(&a, text, "\n.SS weir ", commands[i]->name, "\n", "\n.S"), "--", "man");
	arena_done(&a);
}

static void test_names(void **state)
{
	assert_ptr_equal(command_find("check"), &command_check);
	assert_null(command_find("chek"));
	assert_string_equal(command_nearest("chek"), "check");
	assert_string_equal(command_nearest("modles"), "models");
	assert_null(command_nearest("something-else"));
	assert_non_null(command_comes_later("key"));
	assert_null(command_comes_later("check"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bash), cmocka_unit_test(test_zsh), cmocka_unit_test(test_fish), cmocka_unit_test(test_manual),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
