/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness: for ids and jitter (fast, per thread, seeded by the kernel) and for secrets (the kernel's own). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Uniform 64 bits from a per-thread generator; unpredictable enough for ids and jitter, not for keys. */
uint64_t random_u64(void);
/* Uniform in [0, bound). */
uint64_t random_below(uint64_t bound);
/* From getrandom(2). */
void random_secure(void *out, size_t len);
