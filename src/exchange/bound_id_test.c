/* SPDX-License-Identifier: Apache-2.0 */
/* A bound id says what it said when it was made, to its owner, or nothing at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "exchange/bound_id.h"

static const unsigned char secret[STORE_SECRET_SIZE] = "a secret of the store's own.....";

static struct arena arena;

static int setup(void **state)
{
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	arena_done(&arena);
	return 0;
}

static struct slice make(const char *own)
{
	char id[BOUND_ID_MAX];
	struct bound_id b = { .target = bound_target(SLICE("openai"), 0x0123456789abcdef), .own = slice_cstr(own) };

	assert_true(bound_id_make(secret, SLICE("alice"), &b, id));
	return arena_dup(&arena, slice_cstr(id));
}

static bool reads(struct slice id, const char *owner, struct bound_id *ret)
{
	return bound_id_read(secret, slice_cstr(owner), id, &arena, ret);
}

static void test_there_and_back(void **state)
{
	static const char *const owns[] = {
		"resp_0123456789abcdef0123456789abcdef0123456789abcdef01",
		"resp_0",
		"resp_",
		"x",
		"resp_ABCDEF",
		"gen-1.2:3~",
	};
	struct bound_id b;

	for (size_t i = 0; i < COUNT_OF(owns); i++) {
		struct slice id = make(owns[i]);

		assert_true(bound_id_is(id));
		assert_true(reads(id, "alice", &b));
		assert_true(slice_eq(b.own, slice_cstr(owns[i])));
		assert_true(b.target == bound_target(SLICE("openai"), 0x0123456789abcdef));
	}
	/* What OpenAI gives out stays within what others take for an id. */
	assert_true(make(owns[0]).len <= 80);
}

static void test_targets_differ(void **state)
{
	uint64_t t = bound_target(SLICE("openai"), 1);

	assert_true(t == bound_target(SLICE("openai"), 1));
	assert_true(t != bound_target(SLICE("openai"), 2));
	assert_true(t != bound_target(SLICE("azure"), 1));
}

static void test_forged(void **state)
{
	struct slice id = make("resp_0123456789abcdef");
	struct bound_id b;

	/* Any other character in any place. */
	for (size_t i = 6; i < id.len; i++) {
		char *copy = arena_cstr(&arena, id);

		copy[i] = copy[i] == 'A' ? 'B' : 'A';
		assert_false(reads(slice_of(copy, id.len), "alice", &b));
	}
	/* Cut, or with something behind it. */
	for (size_t len = 0; len < id.len; len++)
		assert_false(reads(slice_of(id.ptr, len), "alice", &b));
	assert_false(reads(arena_join(&arena, id, SLICE("A")), "alice", &b));
	assert_false(reads(arena_join(&arena, id, SLICE("=")), "alice", &b));
	assert_false(reads(arena_join(&arena, id, SLICE("\n")), "alice", &b));
	assert_true(reads(id, "alice", &b));
}

static void test_of_somebody_else(void **state)
{
	unsigned char other[STORE_SECRET_SIZE] = "another";
	struct slice id = make("resp_00");
	struct bound_id b;

	assert_false(reads(id, "bob", &b));
	assert_false(reads(id, "", &b));
	assert_false(bound_id_read(other, SLICE("alice"), id, &arena, &b));
}

static void test_no_ids(void **state)
{
	static const char *const owns[] = { "", "resp/1", "resp_1?a", "a b", "a\nb", "..\xc3\xa9" };
	char id[BOUND_ID_MAX];

	for (size_t i = 0; i < COUNT_OF(owns); i++)
		assert_false(
			bound_id_make(secret, SLICE("alice"), &(struct bound_id){ .own = slice_cstr(owns[i]) }, id));
}

static void test_too_long(void **state)
{
	static char own[BOUND_ID_MAX + 1];
	char id[BOUND_ID_MAX];
	struct bound_id b = { .own = { own, 0 } };
	unsigned made = 0;

	memset(own, 'z', sizeof(own));
	assert_false(bound_id_make(secret, SLICE("alice"), &b, id));
	for (b.own.len = 1; b.own.len <= sizeof(own); b.own.len++)
		if (bound_id_make(secret, SLICE("alice"), &b, id)) {
			struct bound_id back;

			assert_true(strlen(id) < BOUND_ID_MAX);
			assert_true(reads(slice_cstr(id), "alice", &back));
			made++;
		}
	assert_true(made > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_targets_differ, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_somebody_else, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
