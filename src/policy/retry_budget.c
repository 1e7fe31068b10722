/* SPDX-License-Identifier: Apache-2.0 */
/* Counts requests and extra tries per second. A slot's word: the second's number (24 bits: comes round after half a
 * year, and then the slot has been used again), the requests in it and the extras in it (20 bits each, and no more are
 * counted). An extra is booked first and taken back when that was one too many: several threads at once can be refused
 * what one of them might have had, but never exceed the share. */
#include "policy/retry_budget.h"

#include <stdatomic.h>
#include "base/clock.h"

enum { COUNT_BITS = 20, SECOND_BITS = 24, BEHIND_MAX = 60 /* seconds that a thread's clock may be old */ };

#define COUNT_MAX ((UINT64_C(1) << COUNT_BITS) - 1)
#define SECOND_MAX ((UINT64_C(1) << SECOND_BITS) - 1)
#define REQUEST (UINT64_C(1) << COUNT_BITS)
#define EXTRA UINT64_C(1)

static uint64_t second_of(uint64_t word)
{
	return word >> (2 * COUNT_BITS);
}

static uint64_t requests_of(uint64_t word)
{
	return word >> COUNT_BITS & COUNT_MAX;
}

static uint64_t extras_of(uint64_t word)
{
	return word & COUNT_MAX;
}

static uint64_t number_of(int64_t now_ns)
{
	return (uint64_t)(now_ns / NS_PER_S) & SECOND_MAX;
}

static _Atomic uint64_t *slot_of(struct retry_budget *b, int64_t now_ns)
{
	return &b->slots[(uint64_t)(now_ns / NS_PER_S) % RETRY_BUDGET_SLOTS];
}

/* How many seconds `number` lies after `other`, all the way round. */
static uint64_t distance(uint64_t number, uint64_t other)
{
	return (number - other) & SECOND_MAX;
}

/* Adds `one` to the slot of now. A thread whose clock is a little behind adds to what others began. */
static void add(struct retry_budget *b, uint64_t one, int64_t now_ns)
{
	_Atomic uint64_t *slot = slot_of(b, now_ns);
	uint64_t number = number_of(now_ns), old = atomic_load(slot), new;

	do {
		new = distance(second_of(old), number) <= BEHIND_MAX ? old : number << (2 * COUNT_BITS);
		if ((one == REQUEST ? requests_of(new) : extras_of(new)) < COUNT_MAX)
			new += one;
	} while (!atomic_compare_exchange_weak(slot, &old, new));
}

/* Takes an extra back, unless the slot has begun anew since. */
static void take_back(struct retry_budget *b, int64_t now_ns)
{
	_Atomic uint64_t *slot = slot_of(b, now_ns);
	uint64_t old = atomic_load(slot);

	do {
		if (second_of(old) != number_of(now_ns) || extras_of(old) == 0)
			return;
	} while (!atomic_compare_exchange_weak(slot, &old, old - EXTRA));
}

void retry_budget_look(struct retry_budget *b, int64_t now_ns, uint32_t *ret_requests, uint32_t *ret_extras)
{
	uint64_t number = number_of(now_ns);

	*ret_requests = *ret_extras = 0;
	for (unsigned i = 0; i < RETRY_BUDGET_SLOTS; i++) {
		uint64_t word = atomic_load(&b->slots[i]), second = second_of(word);

		if (distance(number, second) >= RETRY_BUDGET_SLOTS && distance(second, number) > BEHIND_MAX)
			continue;
		*ret_requests += (uint32_t)requests_of(word);
		*ret_extras += (uint32_t)extras_of(word);
	}
}

void retry_budget_request(struct retry_budget *b, int64_t now_ns)
{
	add(b, REQUEST, now_ns);
}

bool retry_budget_take(struct retry_budget *b, uint32_t share, uint32_t floor, int64_t now_ns)
{
	uint32_t requests, extras;
	uint64_t allowed;

	add(b, EXTRA, now_ns);
	retry_budget_look(b, now_ns, &requests, &extras);
	allowed = (uint64_t)requests * share / 1000000;
	if (extras <= (allowed > floor ? allowed : floor))
		return true;
	take_back(b, now_ns);
	return false;
}
