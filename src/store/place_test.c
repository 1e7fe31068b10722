/* SPDX-License-Identifier: Apache-2.0 */
/* The default place by environment; files and folders that only their owner can read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include "store/place.h"

static void set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void the_environment_decides_the_place(void **state)
{
	static const struct { const char *state, *xdg, *home, *place; } cases[] = {
		{ "/var/lib/weir", "/x", "/home/a", "/var/lib/weir/weir.db" },
		{ "/var/lib/weir:/var/lib/other", NULL, NULL, "/var/lib/weir/weir.db" },
		{ NULL, "/x", "/home/a", "/x/weir/weir.db" },
		{ "", "relative", "/home/a", "/home/a/.local/state/weir/weir.db" },
		{ NULL, NULL, "/home/a", "/home/a/.local/state/weir/weir.db" },
		{ NULL, NULL, "", NULL },
		{ NULL, NULL, NULL, NULL },
	};
	struct arena a;

	arena_init(&a);
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		const char *place;

		set("STATE_DIRECTORY", cases[i].state);
		set("XDG_STATE_HOME", cases[i].xdg);
		set("HOME", cases[i].home);
		place = place_default(&a);
		if (cases[i].place)
			assert_string_equal(place, cases[i].place);
		else
			assert_null(place);
	}
	arena_done(&a);
}

static unsigned mode_of(const char *path)
{
	struct stat found;

	assert_int_equal(stat(path, &found), 0);
	return found.st_mode & 0777;
}

static void what_is_made_is_for_its_owner_only(void **state)
{
	char folder[] = "/tmp/weir-place-XXXXXX", path[128], between[128];
	mode_t before = umask(0);

	assert_non_null(mkdtemp(folder));
	snprintf(between, sizeof(between), "%s/a/b", folder);
	snprintf(path, sizeof(path), "%s/weir.db", between);
	assert_int_equal(place_make(path), 0);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(mode_of(between), 0700);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(place_make(path), 0); /* what is there stays as it is */
	assert_int_equal(mode_of(path), 0640);
	umask(before);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(between), 0);
	*strrchr(between, '/') = '\0';
	assert_int_equal(rmdir(between), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void a_place_that_cannot_be_is_an_error(void **state)
{
	assert_int_equal(place_make("/dev/null/weir/weir.db"), -ENOTDIR);
	assert_true(place_make("/proc/weir/weir.db") < 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_environment_decides_the_place),
		cmocka_unit_test(what_is_made_is_for_its_owner_only),
		cmocka_unit_test(a_place_that_cannot_be_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
