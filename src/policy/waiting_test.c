/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the waiting room: who is called, in which order, and that nobody is forgotten. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include "base/cleanup.h"
#include "policy/waiting.h"

enum { LINE = 77, LIMIT = 1000 };

/* Somebody who waits. */
struct person {
	struct waiting_ticket *ticket;
	_Atomic unsigned calls;
};

static int set_up(void **state)
{
	*state = waiting_room_new();
	return 0;
}

static int tear_down(void **state)
{
	return waiting_room_free(*state) != NULL;
}

static void called(void *ctx)
{
	atomic_fetch_add(&((struct person *)ctx)->calls, 1);
}

static bool join(struct waiting_room *r, struct person *p, uint64_t line, uint64_t caller, int priority)
{
	struct waiting_request q = { line, caller, priority, LIMIT, called, p };

	atomic_store(&p->calls, 0);
	p->ticket = waiting_join(r, &q);
	return p->ticket != NULL;
}

static void leave(struct person *p)
{
	p->ticket = waiting_leave(p->ticket);
}

/* Serves all of a line and writes down who came when. */
static void serve(struct waiting_room *r, struct person *people, unsigned count, char *ret_order)
{
	waiting_call(r);
	for (unsigned served = 0; served < count; served++) {
		unsigned found = count;

		for (unsigned i = 0; i < count; i++) {
			if (people[i].ticket && people[i].calls > 0) {
				assert_int_equal(found, count);
				assert_int_equal(people[i].calls, 1);
				assert_int_equal(waiting_place(people[i].ticket), 0);
				found = i;
			}
		}
		assert_true(found < count);
		leave(&people[found]);
		*ret_order++ = (char)('a' + found);
	}
	*ret_order = '\0';
}

static void test_first_come_first_served(void **state)
{
	struct person people[4];
	char order[8];

	assert_false(waiting_is_busy(*state, LINE));
	for (unsigned i = 0; i < 4; i++) {
		assert_true(join(*state, &people[i], LINE, i, 0));
		assert_int_equal(waiting_place(people[i].ticket), i);
	}
	assert_true(waiting_is_busy(*state, LINE));
	assert_false(waiting_is_busy(*state, LINE + 1));
	assert_int_equal(waiting_count(*state), 4);
	serve(*state, people, 4, order);
	assert_string_equal(order, "abcd");
	assert_int_equal(waiting_count(*state), 0);
	assert_false(waiting_is_busy(*state, LINE));
}

static void test_fair_shares_of_the_callers(void **state)
{
	static const char callers[] = "AAAAABBCAB";
	struct person people[10];
	char order[16];

	for (unsigned i = 0; i < 10; i++)
		assert_true(join(*state, &people[i], LINE, (uint64_t)callers[i], 0));
	serve(*state, people, 10, order);
	/* A B C, A B, A B, A, A, A. */
	assert_string_equal(order, "afhbgcjdei");
}

/* One who comes back after each answer does not overtake one who has sent all at once. */
static void test_one_by_one_is_no_better_than_all_at_once(void **state)
{
	struct person many[4], one;

	for (unsigned i = 0; i < 4; i++)
		assert_true(join(*state, &many[i], LINE, 'M', 0));
	assert_true(join(*state, &one, LINE, 'O', 0));
	waiting_call(*state);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(many[i].calls, 1);
		leave(&many[i]);
		assert_int_equal(one.calls, 1);
		leave(&one);
		if (i < 3)
			assert_true(join(*state, &one, LINE, 'O', 0));
	}
}

static void test_priorities(void **state)
{
	static const int priorities[] = { 5, 0, 9, -1, 5, 0 };
	struct person people[6];
	char order[8];

	for (unsigned i = 0; i < 6; i++)
		assert_true(join(*state, &people[i], LINE, i, priorities[i]));
	assert_int_equal(waiting_place(people[2].ticket), 5);
	assert_int_equal(waiting_place(people[4].ticket), 4);
	serve(*state, people, 6, order);
	assert_string_equal(order, "dbfaec");
}

static void test_one_of_each_line_is_called(void **state)
{
	struct person a[2], b;

	assert_true(join(*state, &a[0], LINE, 1, 0));
	assert_true(join(*state, &a[1], LINE, 2, 0));
	assert_true(join(*state, &b, LINE + 1, 1, 0));
	waiting_call(*state);
	waiting_call(*state);
	assert_int_equal(a[0].calls, 1);
	assert_int_equal(a[1].calls, 0);
	assert_int_equal(b.calls, 1);
	assert_true(waiting_is_busy(*state, LINE));
	assert_false(waiting_is_busy(*state, LINE + 1));
	leave(&a[0]);
	assert_int_equal(a[1].calls, 1);
	leave(&a[1]);
	leave(&b);
}

static void test_who_goes_back_keeps_its_place(void **state)
{
	struct person people[3];

	for (unsigned i = 0; i < 3; i++)
		assert_true(join(*state, &people[i], LINE, i, 0));
	waiting_call(*state);
	waiting_again(people[0].ticket);
	assert_int_equal(people[0].calls, 1);
	assert_int_equal(people[1].calls, 0);
	assert_int_equal(waiting_place(people[0].ticket), 0);
	assert_true(waiting_is_busy(*state, LINE));
	waiting_call(*state);
	assert_int_equal(people[0].calls, 2);
	/* Going back twice, or without having been called, is nothing. */
	waiting_again(people[1].ticket);
	waiting_again(people[0].ticket);
	waiting_again(people[0].ticket);
	assert_int_equal(people[0].calls, 2);
	for (unsigned i = 0; i < 3; i++)
		leave(&people[i]);
}

/* What is given back while the called one is trying is not lost. */
static void test_nothing_given_back_is_missed(void **state)
{
	struct person p;

	assert_true(join(*state, &p, LINE, 1, 0));
	waiting_call(*state);
	waiting_call(*state);
	assert_int_equal(p.calls, 1);
	waiting_again(p.ticket);
	assert_int_equal(p.calls, 2);
	waiting_again(p.ticket);
	assert_int_equal(p.calls, 2);
	leave(&p);
}

static void test_a_higher_priority_is_called_after_going_back(void **state)
{
	struct person low, high;

	assert_true(join(*state, &low, LINE, 1, 5));
	waiting_call(*state);
	assert_true(join(*state, &high, LINE, 2, 1));
	waiting_again(low.ticket);
	waiting_call(*state);
	assert_int_equal(low.calls, 1);
	assert_int_equal(high.calls, 1);
	leave(&high);
	assert_int_equal(low.calls, 2);
	leave(&low);
}

static void test_giving_up(void **state)
{
	struct person people[5];

	for (unsigned i = 0; i < 5; i++)
		assert_true(join(*state, &people[i], LINE, i % 2, 0));
	leave(&people[0]);
	leave(&people[4]);
	assert_int_equal(people[1].calls + people[2].calls + people[3].calls, 0);
	assert_int_equal(waiting_place(people[2].ticket), 0);
	assert_int_equal(waiting_place(people[1].ticket), 1);
	assert_int_equal(waiting_place(people[3].ticket), 2);
	for (unsigned i = 1; i < 4; i++)
		leave(&people[i]);
	assert_null(waiting_leave(NULL));
}

static void test_bounds(void **state)
{
	struct person *people = xcalloc(WAITING_LINES_MAX + 1, sizeof(*people));
	struct waiting_request q = { LINE, 1, 0, 2, called, people };
	struct waiting_ticket *a = waiting_join(*state, &q), *b = waiting_join(*state, &q);

	assert_non_null(a);
	assert_non_null(b);
	assert_null(waiting_join(*state, &q));
	assert_null(waiting_leave(a));
	a = waiting_join(*state, &q);
	assert_non_null(a);
	waiting_leave(a);
	waiting_leave(b);
	q.limit = 0;
	assert_null(waiting_join(*state, &q));

	for (unsigned i = 0; i < WAITING_LINES_MAX; i++)
		assert_true(join(*state, &people[i], i, 1, 0));
	assert_false(join(*state, &people[WAITING_LINES_MAX], WAITING_LINES_MAX, 1, 0));
	assert_true(join(*state, &people[WAITING_LINES_MAX], 5, 2, 0));
	for (unsigned i = 0; i <= WAITING_LINES_MAX; i++)
		leave(&people[i]);
	free(people);
}

/* Thousands of callers that come once each leave nothing behind, and wake nobody twice. */
static void test_passers_by_are_forgotten(void **state)
{
	struct person stays, passes;

	assert_true(join(*state, &stays, LINE, 0, 9));
	for (uint64_t i = 1; i < 5000; i++) {
		assert_true(join(*state, &passes, LINE, i, 0));
		leave(&passes);
	}
	assert_true(join(*state, &passes, LINE, 1, 9));
	for (uint64_t i = 2; i < 5000; i++) {
		struct person next;

		assert_true(join(*state, &next, LINE, i, 9));
		leave(&passes);
		assert_true(join(*state, &passes, LINE, i + 5000, 9));
		leave(&next);
	}
	leave(&passes);
	leave(&stays);
}

static void send_back(struct person *people, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		while (people[i].ticket && atomic_exchange(&people[i].calls, 0) > 0) {
			waiting_again(people[i].ticket);
			/* Its going back may have called somebody before it. */
			i = 0;
		}
}

/* Whatever came and went before: each is served when its place said. */
static void test_places_are_kept(void **state)
{
	enum { PEOPLE = 24 };
	struct person people[PEOPLE];
	char order[PEOPLE + 1], foretold[PEOPLE + 1];
	uint64_t random = 1;

	for (int round = 0; round < 500; round++) {
		unsigned count = 0;

		for (unsigned i = 0; i < PEOPLE; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
			assert_true(join(*state, &people[i], LINE, random >> 33 & 3, (int)(random >> 40 & 1)));
			if ((random >> 50) % 3 == 0)
				waiting_call(*state);
			/* Some are served at once, so that some callers have had their turn in the round. */
			for (unsigned j = 0; j <= i && (random >> 55) % 2; j++)
				if (people[j].ticket && people[j].calls > 0) {
					leave(&people[j]);
					break;
				}
		}
		send_back(people, PEOPLE);
		memset(foretold, 0, sizeof(foretold));
		for (unsigned i = 0; i < PEOPLE; i++) {
			unsigned place = people[i].ticket ? waiting_place(people[i].ticket) : 0;

			count += people[i].ticket != NULL;
			if (!people[i].ticket)
				continue;
			assert_true(place < PEOPLE && foretold[place] == '\0');
			foretold[place] = (char)('a' + i);
		}
		waiting_call(*state);
		for (unsigned served = 0; served < count; served++) {
			unsigned i = 0;

			while (!people[i].ticket || people[i].calls == 0)
				assert_true(++i < PEOPLE);
			order[served] = (char)('a' + i);
			leave(&people[i]);
		}
		order[count] = '\0';
		assert_string_equal(order, foretold);
	}
}

/* ---- threads ---- */

enum { THREADS = 8, ROUNDS = 3000, ROOM = 3 };

struct hammer {
	struct waiting_room *room;
	_Atomic int free_seats;
	_Atomic unsigned next_caller, served;
};

static bool sit_down(struct hammer *h)
{
	int seats = atomic_load(&h->free_seats);

	while (seats > 0)
		if (atomic_compare_exchange_weak(&h->free_seats, &seats, seats - 1))
			return true;
	return false;
}

static void stand_up(struct hammer *h)
{
	atomic_fetch_add(&h->free_seats, 1);
	waiting_call(h->room);
}

/* Joins, tries, and sleeps only until it is called: were one call lost, this would never end. */
static void wait_for_seat(struct hammer *h, uint64_t caller)
{
	struct person p;
	unsigned seen = 0;

	assert_true(join(h->room, &p, LINE, caller, (int)(caller % 2)));
	while (!sit_down(h)) {
		if (seen > 0)
			waiting_again(p.ticket);
		waiting_place(p.ticket);
		while (atomic_load(&p.calls) == seen)
			sched_yield();
		seen = atomic_load(&p.calls);
	}
	leave(&p);
}

static void *hammer(void *ctx)
{
	struct hammer *h = ctx;
	uint64_t caller = atomic_fetch_add(&h->next_caller, 1);

	for (unsigned i = 0; i < ROUNDS; i++) {
		if (waiting_is_busy(h->room, LINE) || !sit_down(h))
			wait_for_seat(h, caller);
		atomic_fetch_add(&h->served, 1);
		stand_up(h);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct hammer h = { .room = *state, .free_seats = ROOM };
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &h), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(h.served, THREADS * ROUNDS);
	assert_int_equal(h.free_seats, ROOM);
	assert_int_equal(waiting_count(*state), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_come_first_served),
		TEST(test_fair_shares_of_the_callers),
		TEST(test_one_by_one_is_no_better_than_all_at_once),
		TEST(test_priorities),
		TEST(test_one_of_each_line_is_called),
		TEST(test_who_goes_back_keeps_its_place),
		TEST(test_nothing_given_back_is_missed),
		TEST(test_a_higher_priority_is_called_after_going_back),
		TEST(test_giving_up),
		TEST(test_bounds),
		TEST(test_passers_by_are_forgotten),
		TEST(test_places_are_kept),
		TEST(test_threads),
	};

	return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
