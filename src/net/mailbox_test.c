/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes: several threads post, the loop opens all letters, each thread's in its order; the box is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include "net/mailbox.h"

enum { POSTERS = 4, LETTERS = 20000 };

struct numbered {
	struct letter letter;
	int poster, number;
};

static int next_number[POSTERS], opened;

static void open_numbered(struct letter *letter, struct loop *l)
{
	struct numbered *n = CONTAINER_OF(letter, struct numbered, letter);
	assert_int_equal(n->number, next_number[n->poster]++);
	opened++;
	free(n);
}

struct poster {
	pthread_t thread;
	struct mailbox *mailbox;
	int index;
};

static void *post_all(void *arg)
{
	struct poster *p = arg;
	for (int i = 0; i < LETTERS; i++) {
		struct numbered *n = malloc(sizeof(*n));
		*n = (struct numbered){ .letter.open = open_numbered, .poster = p->index, .number = i };
		while (!mailbox_post(p->mailbox, &n->letter))
			sched_yield();
	}
	return NULL;
}

static void delivers_every_letter_in_order(void **state)
{
	struct loop *l = loop_new(0);
	struct mailbox *m = mailbox_new(l);
	struct poster posters[POSTERS];
	assert_ptr_equal(loop_mailbox(l), m);
	for (int i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){ .mailbox = m, .index = i };
		assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
	}
	/* A lost wake-up would make this wait for ever. */
	while (opened < POSTERS * LETTERS)
		loop_turn(l, -1);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(posters[i].thread, NULL);
	loop_free(l);
}

static int plain_opened;

static void open_plain(struct letter *letter, struct loop *l)
{
	plain_opened++;
}

static void refuses_over_its_bound_and_opens_the_rest_at_the_end(void **state)
{
	static struct letter letters[MAILBOX_MAX + 1];
	struct loop *l = loop_new(0);
	struct mailbox *m = mailbox_new(l);
	for (int i = 0; i <= MAILBOX_MAX; i++)
		letters[i].open = open_plain;
	for (int i = 0; i < MAILBOX_MAX; i++)
		assert_true(mailbox_post(m, &letters[i]));
	assert_false(mailbox_post(m, &letters[MAILBOX_MAX]));
	loop_turn(l, -1);
	assert_int_equal(plain_opened, MAILBOX_MAX);
	assert_true(mailbox_post(m, &letters[MAILBOX_MAX]));
	loop_free(l);
	assert_int_equal(plain_opened, MAILBOX_MAX + 1);
}

static struct letter second;

static void open_and_post(struct letter *letter, struct loop *l)
{
	second.open = open_plain;
	assert_true(mailbox_post(loop_mailbox(l), &second));
}

static void a_letter_may_post_another(void **state)
{
	struct loop *l = loop_new(0);
	struct letter first = { .open = open_and_post };
	plain_opened = 0;
	assert_true(mailbox_post(mailbox_new(l), &first));
	loop_turn(l, -1);
	assert_int_equal(plain_opened, 0);
	loop_turn(l, -1);
	assert_int_equal(plain_opened, 1);
	loop_free(l);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(delivers_every_letter_in_order),
		cmocka_unit_test(refuses_over_its_bound_and_opens_the_rest_at_the_end), cmocka_unit_test(a_letter_may_post_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
