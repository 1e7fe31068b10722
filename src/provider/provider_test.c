/* SPDX-License-Identifier: Apache-2.0 */
/* Finding offers and bindings in a provider's row. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/map.h"
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

static unsigned picks(const struct provider *p, uint64_t done, unsigned *wins)
{
	enum { CONVERSATIONS = 20000 };

	for (uint64_t c = 0; c < CONVERSATIONS; c++)
		wins[provider_pick_key(p, c, done) - p->keys]++;
	return CONVERSATIONS;
}

static void test_keys_are_picked_by_weight_and_conversation(void **state)
{
	struct credential keys[] = { { .fingerprint = 11, .weight = 1 }, { .fingerprint = 12, .weight = 3 }, { .fingerprint = 13, .weight = 4 } };
	struct provider p = { .keys = keys, .key_count = 3 };
	unsigned all[3] = { 0 }, rest[3] = { 0 };
	unsigned count = picks(&p, 0, all);

	for (unsigned i = 0; i < 3; i++)
		assert_in_range(all[i], count * keys[i].weight / 8 - count / 100, count * keys[i].weight / 8 + count / 100);
	/* Without one, its conversations go to the others by their weights; theirs stay. */
	picks(&p, 1 << 1, rest);
	assert_int_equal(rest[1], 0);
	assert_in_range(rest[2], count * 4 / 5 - count / 100, count * 4 / 5 + count / 100);
	for (uint64_t c = 0; c < 1000; c++) {
		const struct credential *key = provider_pick_key(&p, c, 0);

		assert_ptr_equal(key, provider_pick_key(&p, c, 0));
		if (key != &keys[1])
			assert_ptr_equal(key, provider_pick_key(&p, c, 1 << 1));
	}
	assert_null(provider_pick_key(&p, 7, 7));
	p.key_count = 1;
	assert_ptr_equal(provider_pick_key(&p, 7, 0), &keys[0]);
	assert_null(provider_pick_key(&p, 7, 1));
	p.key_count = 0;
	assert_null(provider_pick_key(&p, 7, 0));
}

static void test_identities_are_what_would_be_hashed(void **state)
{
	struct offer offers[] = { { .model = &opus, .own_id = SLICE("claude-opus-4-7") } };
	struct binding bindings[] = { { .base_text = SLICE("https://one.example") }, { .base_text = SLICE("https://two.example") } };
	struct provider p = { .name = SLICE("some"), .offers = offers, .offer_count = 1, .bindings = bindings, .binding_count = 2 };
	uint64_t name = provider_identity(&p), first = binding_identity(&p, &bindings[0]), second = binding_identity(&p, &bindings[1]);
	struct arena a;

	arena_init(&a);
	provider_index_names(&p, &a);
	assert_true(first != second);
	assert_true(p.identity == name && provider_identity(&p) == name);
	assert_true(bindings[0].identity == first && bindings[1].identity == second);
	assert_true(offers[0].identity == hash_bytes(opus.id));
	assert_ptr_equal(provider_find_hashed(&p, opus.id, offers[0].identity), &offers[0]);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer_is_found_by_every_name),
		cmocka_unit_test(test_binding_is_found_by_dialect_and_operation),
		cmocka_unit_test(test_keys_are_picked_by_weight_and_conversation),
		cmocka_unit_test(test_identities_are_what_would_be_hashed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
