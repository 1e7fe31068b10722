/* SPDX-License-Identifier: Apache-2.0 */
/* URLs and request targets: what is read, and what is refused because two parties could read it differently. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "http/url.h"

static void assert_slice(struct slice s, const char *expected)
{
	if (s.len != strlen(expected) || memcmp(s.ptr, expected, s.len) != 0)
		fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(s), expected);
}

static void url_is_split(void **state)
{
	static const struct {
		const char *text;
		bool tls;
		const char *host;
		unsigned port;
		const char *path, *query, *authority;
	} cases[] = {
		{ "https://api.openai.com/v1", true, "api.openai.com", 443, "/v1", "", "api.openai.com" },
		{ "https://api.openai.com/v1/", true, "api.openai.com", 443, "/v1", "", "api.openai.com" },
		{ "https://api.openai.com", true, "api.openai.com", 443, "", "", "api.openai.com" },
		{ "https://api.openai.com/", true, "api.openai.com", 443, "", "", "api.openai.com" },
		{ "HTTP://LocalHost:11434/v1", false, "localhost", 11434, "/v1", "", "localhost:11434" },
		{ "http://a_b:80", false, "a_b", 80, "", "", "a_b" },
		{ "http://[::1]:8080/x", false, "::1", 8080, "/x", "", "[::1]:8080" },
		{ "https://[2001:DB8::1]", true, "2001:db8::1", 443, "", "", "[2001:db8::1]" },
		{ "https://x.test/a?b=c&d", true, "x.test", 443, "/a", "b=c&d", "x.test" },
		{ "https://x.test?b=c", true, "x.test", 443, "", "b=c", "x.test" },
		{ "https://x.test.:8443/a%2Fb", true, "x.test.", 8443, "/a%2Fb", "", "x.test.:8443" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena a;
		struct url url;
		const char *error = NULL;

		arena_init(&a);
		if (!url_parse(&a, slice_cstr(cases[i].text), &url, &error))
			fail_msg("%s: %s", cases[i].text, error);
		assert_int_equal(url.tls, cases[i].tls);
		assert_slice(url.host, cases[i].host);
		assert_int_equal(url.port, cases[i].port);
		assert_slice(url.path, cases[i].path);
		assert_slice(url.query, cases[i].query);
		assert_slice(url.authority, cases[i].authority);
		arena_done(&a);
	}
}

static void bad_urls_are_refused(void **state)
{
	static const struct slice cases[] = {
		SLICE(""), SLICE("api.openai.com"), SLICE("ftp://x"), SLICE("https:/x"), SLICE("https://"),
		SLICE("https:///v1"), SLICE("http://:80"), SLICE("http://u:p@x/"), SLICE("http://u@x"),
		SLICE("http://x#f"), SLICE("http://x/#f"), SLICE("http://x:0"), SLICE("http://x:65536"),
		SLICE("http://x:"), SLICE("http://x:8a"), SLICE("http://x:-1"), SLICE("http://x:000080"),
		SLICE("http://a b"), SLICE("http://a%41"), SLICE("http://a..b"), SLICE("http://."), SLICE("http://.a"),
		SLICE("http://[::1"), SLICE("http://[zz]"), SLICE("http://[::1]x"), SLICE("http://[127.0.0.1]"),
		SLICE("http://x/a b"), SLICE("http://x/../a"), SLICE("http://x/a//b"), SLICE("http://x/a\\b"),
		SLICE("http://x?a b"), SLICE("http://x\ty"), SLICE("http://x/%zz"), SLICE("http://x/%4"),
		SLICE("http://\xc3\xa4.test"), SLICE("http://[::1\0]"), SLICE("http://a\0b"),
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena a;
		struct url url;
		const char *error = NULL;

		arena_init(&a);
		if (url_parse(&a, cases[i], &url, &error))
			fail_msg("\"%.*s\" was accepted", SLICE_ARG(cases[i]));
		assert_non_null(error);
		arena_done(&a);
	}
}

static void target_is_split(void **state)
{
	static const struct { const char *text, *path, *query; } cases[] = {
		{ "/", "/", "" },
		{ "/v1/chat/completions", "/v1/chat/completions", "" },
		{ "/v1/models/", "/v1/models/", "" },
		{ "/v1beta/models/gemini-3:streamGenerateContent?alt=sse", "/v1beta/models/gemini-3:streamGenerateContent", "alt=sse" },
		{ "/v1/models/org%2Fname%3Ax", "/v1/models/org%2Fname%3Ax", "" },
		{ "/v1/models/org%2fname", "/v1/models/org%2fname", "" },
		{ "/a/...", "/a/...", "" },
		{ "/a/.b/..c", "/a/.b/..c", "" },
		{ "/a?", "/a", "" },
		{ "/a?x=%41&y=[1]&z=?/..//", "/a", "x=%41&y=[1]&z=?/..//" },
		{ "http://example.test:8080/a?b", "/a", "b" },
		{ "HTTPS://example.test", "/", "" },
		{ "/a%20b", "/a%20b", "" },
		{ "/caf%C3%A9", "/caf%C3%A9", "" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct request_target target;
		const char *error = NULL;

		if (!request_target_parse(slice_cstr(cases[i].text), &target, &error))
			fail_msg("%s: %s", cases[i].text, error);
		assert_slice(target.path, cases[i].path);
		assert_slice(target.query, cases[i].query);
		if (cases[i].text[0] == '/')
			assert_null(target.authority.ptr);
	}
}

static void loopback_hosts(void **state)
{
	static const char *const yes[] = { "", "localhost", "LocalHost:80", "127.0.0.1", "127.1.2.3:8484", "[::1]", "[::1]:8484" };
	static const char *const no[] = { "evil.test", "127.0.0.1.evil.test", "localhost.evil.test", "127.x", "[::2]", "10.0.0.1", "0.0.0.0" };

	for (size_t i = 0; i < COUNT_OF(yes); i++)
		assert_true(host_is_loopback(slice_cstr(yes[i])));
	for (size_t i = 0; i < COUNT_OF(no); i++)
		assert_false(host_is_loopback(slice_cstr(no[i])));
}

static void ambiguous_targets_are_refused(void **state)
{
	static const struct slice cases[] = {
		SLICE(""), SLICE("*"), SLICE("v1"), SLICE("example.test:443"), SLICE("//"), SLICE("//x/y"), SLICE("/a//b"), SLICE("/a//"),
		SLICE("/."), SLICE("/.."), SLICE("/a/./b"), SLICE("/a/../b"), SLICE("/a/.."), SLICE("/a/..;x=1/b"), SLICE("/;/b"),
		SLICE("/%2e%2e/a"), SLICE("/%2E"), SLICE("/a/%2e."), SLICE("/a\\b"), SLICE("/a%5Cb"), SLICE("/a%5cb"),
		SLICE("/a%00b"), SLICE("/a\0b"), SLICE("/a%0d%0ab"), SLICE("/a%7f"), SLICE("/a b"), SLICE("/a\tb"), SLICE("/a\x7f"),
		SLICE("/%41"), SLICE("/%7e"), SLICE("/%2D"), SLICE("/a%252Fb"), SLICE("/a%"), SLICE("/a%2"), SLICE("/a%2G"), SLICE("/a#b"),
		SLICE("/a?b#c"), SLICE("/a?b\\c"), SLICE("/a?%0a"), SLICE("/a?%zz"), SLICE("/a?b c"), SLICE("/a<b"), SLICE("/a|b"),
		SLICE("/\xc3\xa9"), SLICE("/a?\xc3\xa9"), SLICE("http://u:p@x/a"), SLICE("http:///a"), SLICE("ftp://x/a"), SLICE("http://x:99999/"),
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct request_target target;
		const char *error = NULL;

		if (request_target_parse(cases[i], &target, &error))
			fail_msg("\"%.*s\" was accepted", SLICE_ARG(cases[i]));
		assert_non_null(error);
	}
}

static void segments_are_decoded_in_part(void **state)
{
	struct arena a;

	arena_init(&a);
	assert_slice(path_segment_decode(&a, SLICE("org%2Fname%3av1%20x")), "org/name:v1%20x");
	assert_slice(path_segment_decode(&a, SLICE("plain")), "plain");
	assert_slice(path_segment_decode(&a, SLICE("a%2")), "a%2");
	assert_slice(path_segment_decode(&a, SLICE("")), "");
	assert_slice(percent_decode(&a, SLICE("p%40ss%zz+%2")), "p@ss%zz+%2");
	arena_done(&a);
}

static void query_parameters(void **state)
{
	struct slice query = SLICE("alt=sse&%6bey=a%2Bb+c&flag&key=second&empty=");
	struct arena a;

	arena_init(&a);
	assert_slice(query_get(&a, query, SLICE("alt")), "sse");
	assert_slice(query_get(&a, query, SLICE("key")), "a+b+c");
	assert_slice(query_get(&a, query, SLICE("flag")), "");
	assert_non_null(query_get(&a, query, SLICE("flag")).ptr);
	assert_non_null(query_get(&a, query, SLICE("empty")).ptr);
	assert_null(query_get(&a, query, SLICE("ke")).ptr);
	assert_null(query_get(&a, query, SLICE("keys")).ptr);
	assert_null(query_get(&a, slice_of(NULL, 0), SLICE("key")).ptr);
	assert_slice(query_without(&a, query, SLICE("key")), "alt=sse&flag&empty=");
	assert_slice(query_without(&a, query, SLICE("alt")), "%6bey=a%2Bb+c&flag&key=second&empty=");
	assert_slice(query_without(&a, query, SLICE("other")), "alt=sse&%6bey=a%2Bb+c&flag&key=second&empty=");
	assert_slice(query_without(&a, SLICE("key=x"), SLICE("key")), "");
	assert_slice(query_without(&a, slice_of(NULL, 0), SLICE("key")), "");
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(url_is_split),
		cmocka_unit_test(bad_urls_are_refused),
		cmocka_unit_test(target_is_split),
		cmocka_unit_test(ambiguous_targets_are_refused),
		cmocka_unit_test(loopback_hosts),
		cmocka_unit_test(segments_are_decoded_in_part),
		cmocka_unit_test(query_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
