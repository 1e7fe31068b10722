/* SPDX-License-Identifier: Apache-2.0 */
/* Lots fall as the weights say, and the same for the same seed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "base/cleanup.h"
#include "base/lot.h"

enum { DRAWS = 100000 };

static unsigned winner(uint64_t seed, const uint32_t *weights, unsigned count)
{
	unsigned best = 0;

	for (unsigned i = 1; i < count; i++)
		if (lot_rank(seed, i, weights[i]) < lot_rank(seed, best, weights[best]))
			best = i;
	return best;
}

static void each_wins_as_often_as_its_weight_says(void **state)
{
	static const uint32_t weights[] = { 10, 0, 90, 900 };
	unsigned wins[COUNT_OF(weights)] = { 0 };

	for (uint64_t seed = 0; seed < DRAWS; seed++)
		wins[winner(seed, weights, COUNT_OF(weights))]++;
	assert_int_equal(wins[1], 0);
	for (unsigned i = 0; i < COUNT_OF(weights); i++)
		assert_true(fabs((double)wins[i] / DRAWS - weights[i] / 1000.0) < 0.005);
}

static void nobody_moves_between_the_others(void **state)
{
	static const uint32_t before[] = { 10, 20, 30 }, more[] = { 10, 20, 60 }, added[] = { 10, 20, 30, 40 };

	for (uint64_t seed = 0; seed < DRAWS / 10; seed++) {
		unsigned was = winner(seed, before, 3), now = winner(seed, more, 3), with = winner(seed, added, 4);

		assert_true(now == was || now == 2);
		assert_true(with == was || with == 3);
	}
}

static void a_seed_is_the_same_in_every_process(void **state)
{
	assert_true(lot_seed(SLICE("a conversation")) == UINT64_C(0x543da4551294d824));
	assert_true(lot_seed(SLICE("")) != lot_seed(SLICE("a")));
	assert_true(lot_mix(1, 2) != lot_mix(2, 1));
	assert_true(lot_share(1, 1) >= 0 && lot_share(1, 1) < 1 && lot_share(1, 1) != lot_share(1, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_wins_as_often_as_its_weight_says),
		cmocka_unit_test(nobody_moves_between_the_others),
		cmocka_unit_test(a_seed_is_the_same_in_every_process),
	};

	return cmocka_run_group_tests_name("lot", tests, NULL, NULL);
}
