/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a configuration: every problem, at its line and column, with the nearest right word. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "base/buf.h"
#include "config/config_test_support.h"

static const struct text_case cases[] = {
	/* Keys. */
	{ "provders: {}\n", "1:1: unknown key 'provders'; did you mean 'providers'?\n" },
	{ "frobnicate: 1\nworkers: 2\nlistn: x\n",
	  "1:1: unknown key 'frobnicate'; a configuration has: listen, admin,\n3:1: did you mean 'listen'?\n" },
	{ "providers:\n  openai: { prioritty: 3 }\n",
	  "2:3: warning no key for 'openai'\n2:13: did you mean 'priority'?\n" },
	{ "workers: 1\nworkers: 2\n", "2:1: 'workers' stands twice\n" },
	{ "providers: { a: { dialect: openai-chat, base_url: http://127.0.0.1:1/v1, priority: 1, priority: 2 } }\n",
	  "1:87: 'priority' stands twice\n" },
	{ "[1, 2]: x\n", "1:1: a key is a plain word\n" },
	{ "- a\n- b\n", "1:1: a configuration is a map of keys and values\n" },
	{ "workers\n", "1:1: a configuration is a map\n" },

	/* What comes later is neither accepted nor ignored. */
	{ "shared: valkey:x\n", "1:1: 'shared' comes later\n" },
	{ "teams: {}\nbudgets: {}\ncache: {}\nprices: {}\ntelemetry: {}\nalerts: {}\nretention: {}\n"
	  "guards: {}\nshared: {}\n",
	  "1:1: 'teams' comes\n2:1: 'budgets' comes\n3:1: 'cache' comes\n4:1: 'prices' comes\n5:1: 'telemetry' comes\n"
	  "6:1: 'alerts' comes\n7:1: 'retention' comes\n8:1: 'guards' comes\n9:1: 'shared' comes\n" },
	{ "routing: [{ try: xai, on_exhaust: a, cache: on, timeout: 5s }]\n",
	  "1:23: 'on_exhaust' comes later\n1:38: 'cache' comes later\n1:49: 'timeout' comes later\n" },
	{ "defaults: { unsupported: droop }\n", "1:26: unknown word 'droop'; did you mean 'drop'?\n" },
	{ "routing: [{ match: { team: a, budget: x, tema: x }, prefer: cheapest }]\n",
	  "1:22: 'team' comes later\n1:31: 'budget' comes later\n1:42: unknown key 'tema'; did you mean 'team'?\n" },
	{ "providers: { b: { dialect: openai-chat, base_url: http://127.0.0.1:1, operations: [chat, images] } }\n",
	  "1:90: 'images' comes later\n" },

	/* Credentials of clouds. */
	{ "providers: { b: { dialect: openai-chat, base_url: http://127.0.0.1:1, auth: sigv4, keys: \"id:\" } }\n",
	  "1:90: an AWS key is written as ACCESS_KEY_ID:SECRET_ACCESS_KEY\n" },
	{ "providers: { b: { dialect: openai-chat, base_url: http://127.0.0.1:1, auth: google, keys: \"{}\" } }\n",
	  "1:91: only Google credentials of the types service_account and authorized_user\n" },
	{ "providers: { b: { dialect: openai-chat, base_url: http://127.0.0.1:1, auth: azure, keys: \"a:b\" } }\n",
	  "1:90: an Entra credential is written as TENANT:CLIENT_ID:CLIENT_SECRET\n" },
	{ "providers: { b: { dialect: openai-chat, base_url: http://127.0.0.1:1, auth: \"azur:x\", keys: a } }\n",
	  "1:77: unknown word 'azur:x'; did you mean 'azure'?\n" },

	/* Closed by default. */
	{ "listen: 0.0.0.0:8484\n", "1:9: without 'keys' anyone who reaches '0.0.0.0:8484'\n" },
	{ "listen: [127.0.0.1:1, \":2\"]\n", "1:1: without 'keys' anyone who reaches ':2'\n" },
	{ "admin: { listen: 0.0.0.0:8485 }\n", "1:18: without 'admin.token'\n" },
	{ "store: sqlite:x.db\n", "1:8: after 'sqlite:' the whole path of a file is needed: sqlite:/\n" },
	{ "store: \"sqlite:/folder/\"\n", "1:8: after 'sqlite:' the whole path\n" },
	{ "store: \"sqlite:/a\\0b\"\n", "1:8: after 'sqlite:' the whole path\n" },
	{ "store: postgres://a:b@c/d\n", "1:8: 'postgres' comes later\n" },
	{ "store: redis\n", "1:8: 'store' is memory, or sqlite:/PATH\n" },
	{ "store: { path: x }\n", "1:1: a single value belongs here\n" },
	{ "listen: localhost:1\n", "1:9: 'localhost:1' is no address to listen on\n" },
	{ "listen: [127.0.0.1:1, 127.0.0.1:1]\n", "1:23: '127.0.0.1:1' stands twice\n" },
	{ "keys: [{ name: a }, { name: b, key: \"\" }, { name: c, key: k, kez: x }]\n",
	  "1:10: a key is written as { name: NAME, key: KEY }\n1:37: the key is empty\n"
	  "1:59: warning this key is shorter\n"
	  "1:62: unknown key 'kez'; did you mean 'key'?\n" },
	{ "keys:\n  - { name: a, key: key-one-0123456789 }\n  - { name: a, key: key-two-0123456789 }\n"
	  "  - { name: b, key: key-one-0123456789 }\n",
	  "3:21: there are two keys named 'a'\n4:21: 'b' has the same key as 'a'\n" },
	{ "keys: []\n", "1:1: 'keys' is empty\n" },
	{ "tls: { certificate: /nonexistent.pem }\n", "1:1: 'tls' needs both\n" },
	{ "tls: { certificate: /nonexistent.pem, key: /nonexistent.pem }\n", "1:1: TLS cannot be set up\n" },

	/* Values. */
	{ "workers: 0\n", "1:10: '0' should be a whole number from 1 to 256\n" },
	{ "workers: many\n", "1:10: 'many' should be a whole number\n" },
	{ "workers: [1]\n", "1:1: a single value belongs here, not a list\n" },
	{ "workers:\n", "1:1: a value is missing here\n" },
	{ "defaults: { timeout: { connect: 20, idle: 0s, total: 1d, request: 999999h }, attempts: 21, retries: -1 }\n",
	  "1:33: '20' should be a duration such as 250ms\n1:43: '0s' should be\n1:54: '1d' should be\n"
	  "1:67: '999999h' should be\n"
	  "1:88: '21' should be a whole number from 1 to 20\n1:101: '-1' should be\n" },
	{ "limits: { body: 64, event: 1TB, hold: 99999999999999999999MB }\n",
	  "1:17: '64' should be a size\n1:28: '1TB'\n1:39: '9999\n" },
	{ "limits: { body: 2GB }\n", "1:1: 'limits.bodies' is smaller\n" },
	{ "providers: { b: { dialect: openai-chat, base_url: http://127.0.0.1:1, http: 3 } }\n",
	  "1:77: unknown word '3'\n" },
	{ "providers: { b: { dialect: openai-chat, base_url: http://127.0.0.1:1, spread: yes } }\n",
	  "1:79: 'yes' should be true or false\n" },
	{ "routing:\n  - { match: { prompt_length: \"~2000\" }, prefer: cheapest }\n"
	  "  - { match: { prompt_length: \"<0\" }, prefer: cheapest }\n"
	  "  - { match: { prompt_length: 20..10 }, prefer: cheapest }\n"
	  "  - { match: { prompt_length: \"<99999999999999999999\" }, prefer: cheapest }\n",
	  "2:31: '~2000' should be a number of tokens\n3:31: '<0'\n4:31: '20..10'\n5:31: '<9999\n" },

	/* References. */
	{ "admin: { token: \"${WEIR_TEST_UNSET}\" }\n", "1:17: the environment variable WEIR_TEST_UNSET is not set\n" },
	{ "admin: { token: \"${file:/nonexistent/token}\" }\n",
	  "1:17: ${file:/nonexistent/token} cannot be read: No such file or directory\n" },
	{ "admin: { token: \"${file:token}\" }\n", "1:17: should begin with '/'\n" },
	{ "admin: { token: \"${file:/dev/zero}\" }\n", "1:17: it is not a regular file\n" },
	{ "admin: { token: \"${A B}\" }\n", "1:17: '${A B}' is neither\n" },
	{ "admin: { token: \"${WEIR_TEST_UNSET\" }\n", "1:17: '${' has no '}'\n" },
	{ "admin: { token: \"${WEIR_TEST_EMPTY}\" }\n", "1:17: the admin token is empty\n" },

	/* Providers. */
	{ "providers: { opnai: { priority: 1 } }\n",
	  "1:14: 'opnai' is not in the catalogue: it needs 'dialect' and 'base_url'; did you mean 'openai'?\n" },
	{ "providers: { box: { dialect: openai-chat } }\n", "1:30: 'box' needs a 'base_url' for openai-chat\n" },
	{ "providers: { box: { dialect: openai-caht, base_url: http://127.0.0.1:1 } }\n",
	  "1:30: did you mean 'openai-chat'?\n" },
	{ "providers: { box: { dialect: [openai-chat, openai-chat], base_url: http://127.0.0.1:1 } }\n",
	  "1:44: 'openai-chat' stands twice\n" },
	{ "providers: { box: { dialect: openai-chat, base_url: ftp://127.0.0.1 } }\n",
	  "1:53: this base URL cannot be used\n" },
	{ "providers: { box: { dialect: openai-chat, base_url: \"http://127.0.0.1/?a=b\" } }\n",
	  "1:53: it has a query\n" },
	{ "providers: { box: { dialect: openai-chat, base_url: \"http://u:p@127.0.0.1/\" } }\n",
	  "1:53: this base URL cannot be used\n" },
	{ "providers: { \"a/b\": {} }\n", "1:14: 'a/b' is no name for a provider\n" },
	{ "providers: { box: { dialect: { openai-chat: http://127.0.0.1:1 }, base_url: http://127.0.0.1:1 } }\n",
	  "1:77: leave 'base_url' out\n" },
	{ "providers: { box: { dialect: anthropic, base_url: http://127.0.0.1:1, operations: embeddings } }\n",
	  "1:83: 'box' can do none of these\n" },
	{ "providers: { box: { dialect: anthropic, base_url: http://127.0.0.1:1, keys: [\"a\\nb\"] } }\n",
	  "1:78: this key has characters\n" },
	{ "providers: { box: { dialect: anthropic, base_url: http://127.0.0.1:1, auth: none, keys: [a] } }\n",
	  "1:83: has keys, but its auth is none\n" },
	{ "providers: { box: { dialect: anthropic, base_url: http://127.0.0.1:1, auth: \"header:host\" } }\n",
	  "1:77: 'header:' is followed by\n" },
	{ "providers: { box: { dialect: anthropic, base_url: http://127.0.0.1:1, auth: beer } }\n",
	  "1:77: did you mean 'bearer'?\n" },
	{ "providers: { box: { dialect: anthropic, base_url: http://127.0.0.1:1, tls: { ca: /nonexistent } } }\n",
	  "1:71: no base URL here begins with https\n" },
	{ "providers: { box: { dialect: anthropic, base_url: https://127.0.0.1:1, tls: { ca: /nonexistent } } }\n",
	  "1:72: TLS cannot be set up\n" },
	{ "providers: { box: { dialect: anthropic, base_url: http://127.0.0.1:1, models: [] } }\n", "" },
	{ "providers: { box: { dialect: anthropic, base_url: http://127.0.0.1:1, models: [a, a] } }\n",
	  "1:83: 'a' stands twice\n" },
	{ "providers: { box: { dialect: anthropic, base_url: http://127.0.0.1:1, models: { a: [] } } }\n",
	  "1:81: a single value belongs here\n" },
	{ "providers: { anthropic: { models: [claude-opus-4.7, claude-opus-4-7] } }\n",
	  "1:14: warning no key\n1:53: 'claude-opus-4.7' stands twice\n" },
	{ "providers: { anthropic: { keys: a, models: [claude-opus-4.77] } }\n",
	  "1:45: warning did you mean 'claude-opus-4.7'?\n" },
	{ "providers: { box: { dialect: openai-chat, base_url: http://example.com/v1, keys: a } }\n",
	  "1:14: warning the key of 'box' travels unencrypted to example.com\n" },
	{ "providers: { openrouter: { keys: a, base_url: http://127.0.0.1:1/v1 } }\n",
	  "1:47: warning 'anthropic' is left out\n" },

	/* Names. */
	{ "providers: { a: { dialect: openai-chat, base_url: http://127.0.0.1:1/v1, models: [one] } }\n"
	  "models:\n  a: one\n  x: a\n  y: { prefer: cheapest }\n  z: { try: [a] }\n  v: a/two\n",
	  "3:3: 'a' is a provider's name already\n4:6: 'a' is a provider; an alias names a model: a/MODEL\n"
	  "5:3: 'y' needs 'try' or 'split'\n"
	  "6:8: 'a' does not list 'z'\n7:6: 'a' does not list 'two'\n" },
	{ "models: { a: { try: [b] }, b: { try: [c] }, c: { try: [a] } }\n",
	  "1:11: 'a' leads back to itself\n1:28: 'b' leads back\n1:45: 'c' leads back\n" },
	{ "models: { a: a, b: b }\n", "1:14: 'a' is no provider, model or group here\n1:20: 'b' is no\n" },
	{ "providers: { a: { dialect: openai-chat, base_url: http://127.0.0.1:1/v1, models: [llama] } }\n"
	  "routing:\n  - match: { model: lama }\n    try: [a, lama, b, openai, gpt-4o, a/nothing]\n"
	  "  - prefer: cheapest\n  - match: { model: \"*\" }\n  - try: []\n",
	  "3:21: warning no provider lists 'lama'\n"
	  "4:14: 'lama' is no provider, model or group here; did you mean 'llama'?\n"
	  "4:20: 'b' is no provider\n4:23: warning 'openai' is passed over\n"
	  "4:31: warning 'gpt-4o' is passed over\n4:39: 'a' does not list 'nothing'\n"
	  "6:5: a rule needs something to do, such as 'try', 'prefer' or 'deny'\n7:5: 'try' is a list\n" },
	{ "routing: [{ prefer: cheapest }, { match: { model: \"*\" }, prefer: cheapest }]\n",
	  "1:35: warning this rule is never reached\n" },

	/* Not YAML, or too much of it. */
	{ "workers: [1\n", "*" },
	{ "a: b: c\n", "*" },
	{ "workers: 1\n---\nworkers: 2\n", "*" },
	{ "workers: *nothing\n", "1:10: there is no anchor '&nothing'\n" },
	{ "\xff\xfe\n", "*" },
};

static void test_every_problem_is_told(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		wrong += !check_case(&cases[i]);
	assert_int_equal(wrong, 0);
}

static void test_secrets_are_not_repeated(void **state)
{
	static const char *const texts[] = {
		"admin: { listen: \"${WEIR_TEST_SECRET}\" }\n",
		"workers: \"${WEIR_TEST_SECRET}\"\n",
		"providers: { b: { dialect: openai-chat, base_url: \"http://${WEIR_TEST_SECRET}@x\" } }\n",
		"providers: { b: { dialect: \"${WEIR_TEST_SECRET}\", base_url: \"http://x\" } }\n",
		"models: { a: \"${WEIR_TEST_SECRET}\" }\n",
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct config_report report;

		assert_null(config_parse(slice_cstr(texts[i]), "test.yaml", &report));
		for (unsigned j = 0; j < report.count; j++)
			assert_true(slice_find(report.problems[j].text, SLICE("hush-hush")) == SIZE_MAX);
		config_report_done(&report);
	}
}

/* 10 anchors of 10 items each would be ten thousand million values. */
static void test_a_billion_laughs_are_bounded(void **state)
{
	_cleanup_(buf_done) struct buf text;
	struct config_report report;

	buf_init(&text, 1 << 20);
	assert_true(buf_printf(
		&text, "providers:\n  a: &p { dialect: openai-chat, base_url: http://127.0.0.1:1, models: &m ["));
	for (int i = 0; i < 5000; i++)
		assert_true(buf_printf(&text, "m%d, ", i));
	assert_true(buf_printf(&text, "last] }\n"));
	for (int i = 0; i < 900; i++)
		assert_true(buf_printf(&text, "  p%d: *p\n", i));
	assert_null(config_parse(buf_slice(&text), "test.yaml", &report));
	assert_true(slice_find(report.problems[0].text, SLICE("aliases are followed")) != SIZE_MAX);
	config_report_done(&report);
}

static void test_problems_are_capped_not_lost(void **state)
{
	_cleanup_(buf_done) struct buf text;
	struct config_report report;

	buf_init(&text, 1 << 20);
	for (int i = 0; i < 2000; i++)
		assert_true(buf_printf(&text, "wrong%d: 1\n", i));
	assert_null(config_parse(buf_slice(&text), "test.yaml", &report));
	assert_int_equal(report.errors, 2000);
	assert_int_equal(report.count, 500);
	assert_int_equal(report.problems[499].line, 500);
	config_report_done(&report);
}

static void test_files(void **state)
{
	struct config_report report;

	assert_null(config_load("/nonexistent/weir.yaml", &report));
	assert_int_equal(report.errors, 1);
	assert_int_equal(report.problems[0].line, 0);
	assert_true(slice_find(report.problems[0].text, SLICE("No such file")) != SIZE_MAX);
	config_report_done(&report);
	assert_null(config_load("/", &report));
	config_report_done(&report);
	assert_null(config_load("/dev/zero", &report));
	assert_true(slice_find(report.problems[0].text, SLICE("larger than")) != SIZE_MAX);
	config_report_done(&report);
}

static int set_environment(void **state)
{
	static const char *const variables[] = { "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "WEIR_TEST_UNSET" };

	for (size_t i = 0; i < COUNT_OF(variables); i++)
		unsetenv(variables[i]);
	/* One provider by environment, so that files without `providers:` say nothing about that. */
	setenv("XAI_API_KEY", "x", 1);
	setenv("WEIR_TEST_EMPTY", "", 1);
	setenv("WEIR_TEST_SECRET", "hush-hush", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_problem_is_told),
		cmocka_unit_test(test_secrets_are_not_repeated),
		cmocka_unit_test(test_a_billion_laughs_are_bounded),
		cmocka_unit_test(test_problems_are_capped_not_lost),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, set_environment, NULL);
}
