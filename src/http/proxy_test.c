/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy variables, and which destinations they are for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "http/client.h"

static const char *const variables[] = { "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY" };

static int clear_environment(void **state)
{
	for (size_t i = 0; i < COUNT_OF(variables); i++)
		unsetenv(variables[i]);
	return 0;
}

static void assert_slice(struct slice s, const char *expected)
{
	if (!slice_eq(s, slice_cstr(expected)))
		fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(s), expected);
}

static void nothing_set_means_no_proxy(void **state)
{
	struct arena a;
	struct proxy_settings p;
	struct url url;
	const char *error = NULL;

	arena_init(&a);
	assert_true(proxy_settings_from_environment(&a, &p, &error));
	assert_true(url_parse(&a, SLICE("https://api.openai.com"), &url, &error));
	assert_null(proxy_for(&p, &url));
	setenv("https_proxy", "", 1);
	assert_true(proxy_settings_from_environment(&a, &p, &error));
	assert_null(proxy_for(&p, &url));
	arena_done(&a);
}

static void variables_are_read(void **state)
{
	struct arena a;
	struct proxy_settings p;
	struct url plain, secure;
	const char *error = NULL;

	arena_init(&a);
	setenv("HTTPS_PROXY", "http://upper.test:1", 1);
	setenv("https_proxy", " http://user:p%40ss@lower.test:3128/ ", 1);
	setenv("HTTP_PROXY", "other.test:8080", 1);
	assert_true(proxy_settings_from_environment(&a, &p, &error));
	assert_true(url_parse(&a, SLICE("http://a.test"), &plain, &error));
	assert_true(url_parse(&a, SLICE("https://a.test"), &secure, &error));
	assert_ptr_equal(proxy_for(&p, &plain), &p.http);
	assert_ptr_equal(proxy_for(&p, &secure), &p.https);
	assert_slice(p.https.url.host, "lower.test");
	assert_int_equal(p.https.url.port, 3128);
	assert_slice(p.https.authorization, "Basic dXNlcjpwQHNz"); /* user:p@ss */
	assert_slice(p.http.url.host, "other.test");
	assert_int_equal(p.http.url.port, 8080);
	assert_int_equal(p.http.authorization.len, 0);
	arena_done(&a);
}

static void a_user_without_password_gets_a_colon(void **state)
{
	struct arena a;
	struct proxy_settings p;
	const char *error = NULL;

	arena_init(&a);
	setenv("http_proxy", "token@proxy.test", 1);
	assert_true(proxy_settings_from_environment(&a, &p, &error));
	assert_slice(p.http.authorization, "Basic dG9rZW46"); /* token: */
	assert_int_equal(p.http.url.port, 80);
	arena_done(&a);
}

static void other_schemes_are_refused(void **state)
{
	static const char *const values[] = { "https://proxy.test", "socks5://proxy.test:1080", "http://", "http://proxy.test:x", "a b" };

	for (size_t i = 0; i < COUNT_OF(values); i++) {
		struct arena a;
		struct proxy_settings p;
		const char *error = NULL;

		arena_init(&a);
		setenv("http_proxy", values[i], 1);
		if (proxy_settings_from_environment(&a, &p, &error))
			fail_msg("\"%s\" was accepted", values[i]);
		assert_non_null(error);
		arena_done(&a);
	}
}

static void no_proxy_is_honoured(void **state)
{
	static const struct { const char *list, *url; bool direct; } cases[] = {
		{ "", "http://a.test", false },
		{ "*", "http://a.test", true },
		{ "a.test", "http://a.test", true },
		{ "a.test", "http://A.TEST", true },
		{ "A.Test", "http://a.test", true },
		{ "a.test", "http://x.a.test", true },
		{ "a.test", "http://xa.test", false },
		{ ".a.test", "http://x.a.test", true },
		{ "*.a.test", "http://x.a.test", true },
		{ "x.a.test", "http://a.test", false },
		{ "b.test, a.test ,c.test", "http://a.test", true },
		{ ",,", "http://a.test", false },
		{ "a.test:80", "http://a.test", true },
		{ "a.test:8080", "http://a.test", false },
		{ "a.test:8080", "http://a.test:8080", true },
		{ "a.test:x", "http://a.test", false },
		{ "127.0.0.1", "http://127.0.0.1:99", true },
		{ "10.0.0.0/8", "http://10.2.3.4", true },
		{ "10.0.0.0/8", "http://11.2.3.4", false },
		{ "10.0.0.0/9", "http://10.128.0.1", false },
		{ "0.0.0.0/0", "http://8.8.8.8", true },
		{ "10.0.0.0/33", "http://10.0.0.0", false },
		{ "10.0.0.0/8", "http://10.test", false },
		{ "fd00::/8", "http://[fd12::1]", true },
		{ "fd00::/8", "http://[fe80::1]", false },
		{ "::1", "http://[::1]", true },
		{ "[::1]", "http://[::1]", true },
		{ "[::1]:8080", "http://[::1]:8080", true },
		{ "[::1]:8080", "http://[::1]:81", false },
		{ "[::1", "http://[::1]", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena a;
		struct proxy_settings p;
		struct url url;
		const char *error = NULL;

		arena_init(&a);
		setenv("http_proxy", "http://proxy.test:3128", 1);
		setenv("NO_PROXY", cases[i].list, 1);
		assert_true(proxy_settings_from_environment(&a, &p, &error));
		assert_true(url_parse(&a, slice_cstr(cases[i].url), &url, &error));
		if ((proxy_for(&p, &url) == NULL) != cases[i].direct)
			fail_msg("no_proxy \"%s\" and %s", cases[i].list, cases[i].url);
		arena_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_set_means_no_proxy, clear_environment),
		cmocka_unit_test_setup(variables_are_read, clear_environment),
		cmocka_unit_test_setup(a_user_without_password_gets_a_colon, clear_environment),
		cmocka_unit_test_setup(other_schemes_are_refused, clear_environment),
		cmocka_unit_test_setup(no_proxy_is_honoured, clear_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
