/* SPDX-License-Identifier: Apache-2.0 */
/* For sampled tests: the seed of random(), WEIR_TEST_SEED or else the time, printed so that a run can be repeated. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline unsigned test_seed(void)
{
	const char *given = getenv("WEIR_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	printf("seed %u\n", seed);
	return seed;
}
