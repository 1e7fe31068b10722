/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses from and to text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "net/address.h"

static void reads_and_writes(void **state)
{
	static const struct { const char *text, *back; bool loopback; } cases[] = {
		{ "127.0.0.1:8484", "127.0.0.1:8484", true }, { "127.9.9.9:1", "127.9.9.9:1", true },
		{ "10.0.0.1:0", "10.0.0.1:0", false }, { "[::1]:65535", "[::1]:65535", true },
		{ "[2001:db8::7]:80", "[2001:db8::7]:80", false }, { ":8484", "[::]:8484", false },
		{ "[::ffff:127.0.0.1]:5", "127.0.0.1:5", true }, { "[::ffff:10.0.0.1]:5", "10.0.0.1:5", false },
		{ "unix:/run/weir.sock", "unix:/run/weir.sock", true }, { "unix:weir:1.sock", "unix:weir:1.sock", true },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct address a;
		char text[ADDRESS_TEXT_MAX];
		const char *error = NULL;
		assert_true(address_parse(slice_cstr(cases[i].text), &a, &error));
		assert_string_equal(address_format(&a, text), cases[i].back);
		assert_int_equal(address_is_loopback(&a), cases[i].loopback);
	}
}

static void refuses(void **state)
{
	static const char *const wrong[] = {
		"", "127.0.0.1", "8484", ":", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:0x50", "127.0.0.1:000080",
		"::1:8484", "[::1]8484", "[::1:8484", "localhost:8484", "1.2.3:80", "[]:80", "[1.2.3.4.5]:80", "unix:", " :80", "*:80",
	};
	char path[120] = "unix:";
	struct address a;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		const char *error = NULL;
		assert_false(address_parse(slice_cstr(wrong[i]), &a, &error));
		assert_non_null(error);
	}
	const char *error = NULL;
	memset(path + 5, 'x', 107);
	assert_true(address_parse(slice_of(path, 5 + 107), &a, &error));
	path[112] = 'x';
	assert_false(address_parse(slice_of(path, 5 + 108), &a, &error));
	assert_false(address_parse(slice_of("unix:a\0b", 8), &a, &error));
	assert_false(address_parse(slice_of("1.2.3.4\0:80", 11), &a, &error));
}

static void takes_bare_ips(void **state)
{
	struct address a;
	assert_true(address_from_ip(SLICE("1.2.3.4"), 443, &a));
	assert_int_equal(a.storage.ss_family, AF_INET);
	assert_true(address_from_ip(SLICE("[::1]"), 443, &a));
	assert_true(address_from_ip(SLICE("::1"), 443, &a));
	assert_int_equal(a.storage.ss_family, AF_INET6);
	assert_false(address_from_ip(SLICE("example.com"), 443, &a));
	assert_false(address_from_ip(SLICE("1.2.3.4"), 65536, &a));
	assert_false(address_from_ip(SLICE(""), 443, &a));
}

static void formats_nameless_peers(void **state)
{
	struct address a = { .storage = { .ss_family = AF_UNIX }, .len = sizeof(sa_family_t) };
	char text[ADDRESS_TEXT_MAX];
	assert_string_equal(address_format(&a, text), "unix:");
	a = (struct address){ 0 };
	assert_string_equal(address_format(&a, text), "unknown");
	assert_false(address_is_loopback(&a));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes), cmocka_unit_test(refuses), cmocka_unit_test(takes_bare_ips),
		cmocka_unit_test(formats_nameless_peers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
