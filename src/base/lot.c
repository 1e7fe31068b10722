/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing by lot. Ranks are exponentially distributed with the weight as their rate: the smallest of several is each
 * one's as often as its rate's share of the sum (Efraimidis and Spirakis). */
#include "base/lot.h"

#include <math.h>

/* The finalizer of splitmix64. */
static uint64_t scatter(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t lot_mix(uint64_t a, uint64_t b)
{
	return scatter(scatter(a + UINT64_C(0x9e3779b97f4a7c15)) ^ b);
}

double lot_share(uint64_t seed, uint64_t purpose)
{
	return (double)(lot_mix(seed, purpose) >> 11) * 0x1p-53;
}

double lot_rank(uint64_t seed, uint64_t which, uint32_t weight)
{
	/* Never 0, whose logarithm is endless: 1 - [0, 1) is (0, 1]. */
	return weight > 0 ? -log(1 - lot_share(seed, which)) / weight : HUGE_VAL;
}

uint64_t lot_seed(struct slice text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
	return scatter(hash);
}
