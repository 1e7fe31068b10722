/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing by lot, with weights, so that the same seed draws the same (weighted rendezvous hashing): each of several
 * gets a rank, the smallest wins, and each wins as often as its weight says. When one is added, taken away or given
 * another weight, no seed moves between the others. */
#pragma once

#include <stdint.h>
#include "base/slice.h"

/* Of the one called `which`. A weight of 0 comes behind all others. */
double lot_rank(uint64_t seed, uint64_t which, uint32_t weight);
/* Uniform in [0, 1), another one for every purpose that one random number is used for. */
double lot_share(uint64_t seed, uint64_t purpose);
/* A seed that is the same in every process, which hash_bytes() is not. */
uint64_t lot_seed(struct slice text);
/* Another seed from two. */
uint64_t lot_mix(uint64_t a, uint64_t b);
