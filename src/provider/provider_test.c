/* SPDX-License-Identifier: Apache-2.0 */
/* Finding offers and bindings in a provider's row; writing credentials. */
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

static void check_auth(enum auth_kind kind, const char *name, const char *value)
{
	_cleanup_(arena_done) struct arena a;
	struct secret *secret = secret_new(SLICE("sk-test"));
	struct credential key = { .secret = secret };
	struct binding b = { .auth = kind, .auth_header = SLICE("x-api-key") };
	struct header h;

	arena_init(&a);
	assert_true(auth_write(&b, &key, &h, &a));
	assert_true(slice_eq(h.name, slice_cstr(name)));
	assert_true(slice_eq(h.value, slice_cstr(value)));
	/* A provider that takes no credential gets none, whatever its kind. */
	key.secret = secret_free(secret);
	assert_true(auth_write(&b, &key, &h, &a));
	assert_int_equal(h.name.len, 0);
}

static void test_credentials_are_one_header(void **state)
{
	check_auth(AUTH_BEARER, "authorization", "Bearer sk-test");
	check_auth(AUTH_HEADER, "x-api-key", "sk-test");
	check_auth(AUTH_NONE, "", "");
}

static void test_auth_without_code_is_refused(void **state)
{
	static const enum auth_kind kinds[] = { AUTH_SIGV4, AUTH_GOOGLE, AUTH_AZURE };
	_cleanup_(arena_done) struct arena a;
	struct secret *secret = secret_new(SLICE("sk-test"));
	struct credential key = { .secret = secret };

	arena_init(&a);
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct binding b = { .auth = kinds[i] };
		struct header h;

		assert_false(auth_write(&b, &key, &h, &a));
	}
	secret_free(secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer_is_found_by_every_name),
		cmocka_unit_test(test_binding_is_found_by_dialect_and_operation),
		cmocka_unit_test(test_credentials_are_one_header),
		cmocka_unit_test(test_auth_without_code_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
