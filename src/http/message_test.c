/* SPDX-License-Identifier: Apache-2.0 */
/* Heads' common knowledge. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/message.h"

static void headers_are_found(void **state)
{
	struct header items[] = {
		{ SLICE("a"), SLICE("1") }, { SLICE("b"), SLICE("") }, { SLICE("a"), SLICE("2") },
	};
	struct headers h = { items, COUNT_OF(items) };

	assert_true(slice_eq(headers_get(&h, SLICE("a")), SLICE("1")));
	assert_non_null(headers_get(&h, SLICE("b")).ptr);
	assert_null(headers_get(&h, SLICE("c")).ptr);
	assert_int_equal(headers_count(&h, SLICE("a")), 2);
	assert_int_equal(headers_count(&h, SLICE("c")), 0);
}

static void methods_and_reasons_have_names(void **state)
{
	for (enum http_method m = HTTP_GET; m < HTTP_OTHER; m++)
		assert_int_equal(http_method_by_name(slice_cstr(http_method_name(m))), m);
	assert_int_equal(http_method_by_name(SLICE("get")), HTTP_OTHER);
	assert_int_equal(http_method_by_name(SLICE("OTHER")), HTTP_OTHER);
	assert_string_equal(http_reason(404), "Not Found");
	assert_string_equal(http_reason(529), "Overloaded");
	assert_string_equal(http_reason(299), "Unknown");
}

static void unclean_values_are_seen(void **state)
{
	assert_true(http_value_is_clean(SLICE("")));
	assert_true(http_value_is_clean(SLICE("text/plain;\tcharset=utf-8 \xc3\xa9")));
	assert_false(http_value_is_clean(SLICE("a\r\nb")));
	assert_false(http_value_is_clean(SLICE("a\nb")));
	assert_false(http_value_is_clean(SLICE("a\0b")));
	assert_false(http_value_is_clean(SLICE("a\x7f")));
}

/* Eight bytes are looked at at once: every byte, at every place among them and behind them, after bytes of every kind. */
static void every_unclean_byte_is_seen_at_every_place(void **state)
{
	static const char kinds[] = { 'a', '\t', '\x20', '\x7e', '\x80', '\xff' };
	char text[21];

	for (size_t k = 0; k < sizeof(kinds); k++)
		for (unsigned byte = 0; byte < 256; byte++)
			for (size_t at = 0; at < sizeof(text); at++) {
				bool clean = (byte >= 0x20 && byte != 0x7f) || byte == '\t';

				memset(text, kinds[k], sizeof(text));
				text[at] = (char)byte;
				assert_int_equal(http_value_is_clean(slice_of(text, sizeof(text))), clean);
			}
}

static void hop_by_hop_headers_are_known(void **state)
{
	static const char *const names[] = {
		"connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding",
		"upgrade", "content-length", "host", "expect",
	};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_true(http_header_is_hop_by_hop(slice_cstr(names[i])));
	assert_false(http_header_is_hop_by_hop(SLICE("content-type")));
	assert_false(http_header_is_hop_by_hop(SLICE("test")));
	assert_false(http_header_is_hop_by_hop(SLICE("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_found),
		cmocka_unit_test(methods_and_reasons_have_names),
		cmocka_unit_test(unclean_values_are_seen),
		cmocka_unit_test(every_unclean_byte_is_seen_at_every_place),
		cmocka_unit_test(hop_by_hop_headers_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
