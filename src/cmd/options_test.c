/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the command line's options, with a command made for it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "cmd/cmd.h"

static const struct option options[] = {
	{ "config", 'c', "FILE", "", false },
	{ "stream", 's', NULL, "", false },
	{ "fault", 0, "SPEC", "", true },
	{ "count", 'n', "N", "", false },
	{ "wait", 0, "DURATION", "", false },
};

static const struct command probe = { .name = "probe", .summary = "a probe", .options = options, .option_count = 5 };

/* Parses the words; -1 when all is well, else the exit status. */
static int parse(struct options *o, const char *const *words)
{
	char *argv[OPTION_VALUES_MAX + 4] = { (char *)(uintptr_t)"probe" };
	int argc = 1, status;

	while (words[argc - 1]) {
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
		argc++;
	}
	return options_parse(o, &probe, argc, argv, &status) ? -1 : status;
}

#define PARSE(o, ...) parse((o), (const char *const[]){ __VA_ARGS__, NULL })

static void test_forms(void **state)
{
	struct options o;

	assert_int_equal(PARSE(&o, "--config", "a.yaml", "--stream"), -1);
	assert_string_equal(options_get(&o, "config"), "a.yaml");
	assert_true(options_has(&o, "stream"));
	assert_int_equal(PARSE(&o, "--config=b=c"), -1);
	assert_string_equal(options_get(&o, "config"), "b=c");
	assert_false(options_has(&o, "stream"));
	assert_int_equal(PARSE(&o, "-c", "-x", "-s"), -1);
	assert_string_equal(options_get(&o, "config"), "-x");
	assert_int_equal(PARSE(&o, "-cfile"), -1);
	assert_string_equal(options_get(&o, "config"), "file");
	assert_int_equal(PARSE(&o, "--config="), -1);
	assert_string_equal(options_get(&o, "config"), "");
	assert_int_equal(parse(&o, (const char *const[]){ NULL }), -1);
	assert_null(options_get(&o, "config"));
}

static void test_repeated(void **state)
{
	const char *many[OPTION_VALUES_MAX + 2] = { 0 };
	struct options o;

	assert_int_equal(PARSE(&o, "--fault", "a", "--fault=b"), -1);
	assert_int_equal(options_count(&o, "fault"), 2);
	assert_string_equal(options_at(&o, "fault", 1), "b");
	assert_null(options_at(&o, "fault", 2));
	assert_int_equal(PARSE(&o, "--stream", "--stream"), EXIT_USAGE);
	for (unsigned i = 0; i <= OPTION_VALUES_MAX; i++)
		many[i] = "--fault=x";
	assert_int_equal(parse(&o, many), EXIT_USAGE);
}

static void test_wrong_usage(void **state)
{
	struct options o;

	assert_int_equal(PARSE(&o, "--confg", "x"), EXIT_USAGE);
	assert_int_equal(PARSE(&o, "--con", "x"), EXIT_USAGE);
	assert_int_equal(PARSE(&o, "-x"), EXIT_USAGE);
	assert_int_equal(PARSE(&o, "--stream=yes"), EXIT_USAGE);
	assert_int_equal(PARSE(&o, "--config"), EXIT_USAGE);
	assert_int_equal(PARSE(&o, "word"), EXIT_USAGE);
	assert_int_equal(PARSE(&o, "-"), EXIT_USAGE);
	assert_int_equal(PARSE(&o, "--"), EXIT_USAGE);
	assert_int_equal(PARSE(&o, ""), EXIT_USAGE);
	assert_int_equal(PARSE(&o, "--help"), 0);
	assert_int_equal(PARSE(&o, "--stream", "-h"), 0);
}

static void test_values(void **state)
{
	struct options o;
	int64_t n = 7;

	assert_int_equal(PARSE(&o, "--stream"), -1);
	assert_true(options_number(&o, "count", 0, 10, &n));
	assert_true(options_duration(&o, "wait", &n));
	assert_int_equal(n, 7);
	assert_int_equal(PARSE(&o, "-n3", "--wait=1.5s"), -1);
	assert_true(options_number(&o, "count", 0, 10, &n));
	assert_int_equal(n, 3);
	assert_true(options_duration(&o, "wait", &n));
	assert_int_equal(n, 1500);
	assert_int_equal(PARSE(&o, "-n11", "--wait=5"), -1);
	assert_false(options_number(&o, "count", 0, 10, &n));
	assert_false(options_duration(&o, "wait", &n));
	assert_int_equal(PARSE(&o, "-n", "-1"), -1);
	assert_false(options_number(&o, "count", 0, 10, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms), cmocka_unit_test(test_repeated), cmocka_unit_test(test_wrong_usage),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
