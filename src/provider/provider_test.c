/* SPDX-License-Identifier: Apache-2.0 */
/* Finding offers and bindings in a provider's row. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "provider/provider.h"

static const struct model opus = { .id = { "claude-opus-4.7", 15 } };
static const struct model odd = { .id = { "claude-opus-4-6", 15 } };

static void test_offer_is_found_by_every_name(void **state)
{
	struct slice aliases[] = { SLICE("claude-opus-4-7-20260416"), SLICE("claude-opus-4-6") };
	struct offer offers[] = {
		{ .model = &opus, .own_id = SLICE("claude-opus-4-7"), .aliases = aliases, .alias_count = 2 },
		{ .model = &odd, .own_id = SLICE("x/odd") },
	};
	struct provider p = { .offers = offers, .offer_count = 2 };

	assert_ptr_equal(provider_find_offer(&p, SLICE("claude-opus-4.7")), &offers[0]);
	assert_ptr_equal(provider_find_offer(&p, SLICE("claude-opus-4-7")), &offers[0]);
	assert_ptr_equal(provider_find_offer(&p, SLICE("claude-opus-4-7-20260416")), &offers[0]);
	assert_ptr_equal(provider_find_offer(&p, SLICE("x/odd")), &offers[1]);
	/* The public id of one wins over the alias of another. */
	assert_ptr_equal(provider_find_offer(&p, SLICE("claude-opus-4-6")), &offers[1]);
	assert_null(provider_find_offer(&p, SLICE("Claude-Opus-4.7")));
	assert_null(provider_find_offer(&p, SLICE("")));
}

static void test_binding_is_found_by_dialect_and_operation(void **state)
{
	struct binding bindings[] = {
		{ .dialect_id = DIALECT_OPENAI_RESPONSES, .operations = 1u << OPERATION_CHAT },
		{ .dialect_id = DIALECT_OPENAI_CHAT, .operations = 1u << OPERATION_CHAT },
		{ .dialect_id = DIALECT_OPENAI_CHAT, .operations = 1u << OPERATION_EMBEDDINGS },
	};
	struct provider p = { .bindings = bindings, .binding_count = 3 };

	assert_ptr_equal(provider_find_binding(&p, DIALECT_OPENAI_CHAT, OPERATION_CHAT), &bindings[1]);
	assert_ptr_equal(provider_find_binding(&p, DIALECT_OPENAI_CHAT, OPERATION_EMBEDDINGS), &bindings[2]);
	assert_null(provider_find_binding(&p, DIALECT_OPENAI_RESPONSES, OPERATION_COMPACT));
	assert_null(provider_find_binding(&p, DIALECT_GEMINI, OPERATION_CHAT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer_is_found_by_every_name),
		cmocka_unit_test(test_binding_is_found_by_dialect_and_operation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
