/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256++ (Blackman and Vigna, 2019) per thread, seeded by the kernel; and the kernel itself. */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>
#include "base/cleanup.h"

static _Thread_local uint64_t state[4];

static inline uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

uint64_t random_u64(void)
{
	uint64_t *s = state;
	/* All zero is the one state the generator can neither reach nor leave. */
	while (unlikely((s[0] | s[1] | s[2] | s[3]) == 0))
		random_secure(s, sizeof(state));

	uint64_t result = rotate(s[0] + s[3], 23) + s[0];
	uint64_t shifted = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return result;
}

/* Lemire, "Fast random integer generation in an interval", 2019: a multiplication, and a division only when needed. */
uint64_t random_below(uint64_t bound)
{
	check(bound > 0, "random_below(0) has no answer");
	unsigned __int128 product = (unsigned __int128)random_u64() * bound;
	if ((uint64_t)product < bound) {
		uint64_t threshold = -bound % bound;
		while ((uint64_t)product < threshold)
			product = (unsigned __int128)random_u64() * bound;
	}
	return (uint64_t)(product >> 64);
}

void random_secure(void *out, size_t len)
{
	char *p = out;
	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		check(n > 0, "the kernel gives no random bytes");
		p += n;
		len -= (size_t)n;
	}
}
