/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: order of a turn, fairness, timers, forgotten events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include "base/clock.h"
#include "base/random.h"
#include "net/loop_internal.h"

static struct loop *l;

static int set_up(void **state)
{
	l = loop_new(3);
	return 0;
}

static int tear_down(void **state)
{
	l = loop_free(l);
	return 0;
}

struct counter {
	struct task task;
	int runs, requeue, defer;
	struct task *cancel;
};

static void count_run(struct task *t)
{
	struct counter *c = CONTAINER_OF(t, struct counter, task);
	c->runs++;
	if (c->cancel)
		task_cancel(c->cancel);
	if (c->requeue-- > 0)
		loop_queue(l, t);
	if (c->defer-- > 0)
		loop_defer(l, t);
}

static void tasks_queued_while_running_follow_but_not_for_ever(void **state)
{
	struct counter a = { .requeue = 100 };
	int turns = 0;
	task_init(&a.task, count_run);
	loop_queue(l, &a.task);
	loop_queue(l, &a.task);
	for (int before = 0; a.runs <= 100; before = a.runs, turns++) {
		/* Would wait for ever if the queue did not keep it from waiting. */
		loop_turn(l, -1);
		assert_in_range(a.runs - before, 1, LOOP_PASSES_MAX);
	}
	assert_in_range(turns, 101 / LOOP_PASSES_MAX, 101);
	loop_turn(l, 0);
	assert_int_equal(a.runs, 101);
	assert_int_equal(loop_index(l), 3);
}

static void deferred_tasks_wait_for_the_next_turn(void **state)
{
	struct counter a = { .defer = 2 }, b = { 0 };
	task_init(&a.task, count_run);
	task_init(&b.task, count_run);
	loop_defer(l, &a.task);
	loop_defer(l, &a.task);
	for (int i = 1; i <= 3; i++) {
		loop_turn(l, -1);
		assert_int_equal(a.runs, i);
	}
	loop_defer(l, &b.task);
	task_cancel(&b.task);
	loop_turn(l, 0);
	assert_int_equal(a.runs, 3);
	assert_int_equal(b.runs, 0);
}

static void a_task_may_cancel_another_that_is_due(void **state)
{
	struct counter a = { 0 }, b = { 0 };
	task_init(&a.task, count_run);
	task_init(&b.task, count_run);
	a.cancel = &b.task;
	loop_queue(l, &a.task);
	loop_queue(l, &b.task);
	loop_turn(l, 0);
	assert_int_equal(a.runs, 1);
	assert_int_equal(b.runs, 0);
}

enum { MANY = 3000 };

static void a_turn_runs_a_bounded_number_in_order(void **state)
{
	static struct counter many[MANY], late;
	for (int i = 0; i < MANY; i++) {
		task_init(&many[i].task, count_run);
		loop_queue(l, &many[i].task);
	}
	loop_turn(l, -1);
	int ran = 0;
	while (ran < MANY && many[ran].runs)
		ran++;
	assert_in_range(ran, 1, MANY - 1);
	/* Queued later, runs later. */
	task_init(&late.task, count_run);
	loop_queue(l, &late.task);
	while (!late.runs)
		loop_turn(l, -1);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(many[i].runs, 1);
}

/* Timers. */

struct alarm {
	struct timer timer;
	int64_t fired;                 /* 0 = not yet */
	int64_t wanted;
	int order;
};
static int alarms_fired;

static void alarm_on_expire(struct timer *t)
{
	struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
	a->fired = loop_now(l);
	a->order = alarms_fired++;
	assert_false(timer_is_set(t));
}

static void timers_expire_in_order_and_not_before_their_time(void **state)
{
	enum { ALARMS = 500 };
	static struct alarm alarms[ALARMS];
	int64_t start = loop_now(l);
	alarms_fired = 0;
	for (int i = 0; i < ALARMS; i++) {
		timer_init(&alarms[i].timer, l, alarm_on_expire);
		timer_set(&alarms[i].timer, start + (int64_t)random_below(50) * NS_PER_MS);
	}
	int expected = ALARMS;
	for (int i = 0; i < ALARMS; i++) {
		alarms[i].wanted = start + (int64_t)random_below(50) * NS_PER_MS;
		if (i % 7 == 0) {
			timer_cancel(&alarms[i].timer);
			expected--;
		} else {
			/* Earlier or later than before, as it comes. */
			timer_set(&alarms[i].timer, alarms[i].wanted);
		}
	}
	while (alarms_fired < expected)
		loop_turn(l, -1);
	for (int i = 0; i < ALARMS; i++) {
		if (i % 7 == 0) {
			assert_int_equal(alarms[i].fired, 0);
			continue;
		}
		assert_true(alarms[i].fired >= alarms[i].wanted);
		for (int j = 0; j < i; j++)
			if (j % 7 != 0 && alarms[i].wanted < alarms[j].wanted)
				assert_true(alarms[i].fired <= alarms[j].fired);
	}
	assert_false(timer_is_set(&alarms[1].timer));
}

static void a_timer_moved_later_is_not_early(void **state)
{
	struct alarm a = { 0 };
	alarms_fired = 0;
	timer_init(&a.timer, l, alarm_on_expire);
	timer_set(&a.timer, loop_now(l) + NS_PER_MS);
	uint32_t place = a.timer.heap_index;
	a.wanted = loop_now(l) + 20 * NS_PER_MS;
	timer_set(&a.timer, a.wanted);
	assert_int_equal(a.timer.heap_index, place);
	assert_true(a.timer.slot_deadline < a.wanted);
	while (!alarms_fired)
		loop_turn(l, -1);
	assert_true(a.fired >= a.wanted);
	timer_set(&a.timer, NEVER);
	timer_cancel(&a.timer);
	assert_int_equal(a.timer.heap_index, 0);
}

static void rearm(struct timer *t)
{
	alarms_fired++;
	timer_set(t, loop_now(l));
}

static void a_timer_that_rearms_itself_does_not_hold_the_turn(void **state)
{
	struct timer t;
	alarms_fired = 0;
	timer_init(&t, l, rearm);
	timer_set(&t, loop_now(l));
	loop_turn(l, -1);
	assert_int_equal(alarms_fired, 1);
	loop_turn(l, -1);
	assert_int_equal(alarms_fired, 2);
	timer_cancel(&t);
}

static void stop_on_expire(struct timer *t)
{
	loop_stop(l);
}

static void runs_until_stopped(void **state)
{
	struct timer t;
	timer_init(&t, l, stop_on_expire);
	timer_set(&t, loop_now(l) + NS_PER_MS);
	loop_run(l);
	assert_false(timer_is_set(&t));
}

/* Watches. */

struct flag {
	struct watch watch;
	int events;
	struct flag *forget;
};

static void flag_on_event(struct watch *w, uint32_t events)
{
	struct flag *f = CONTAINER_OF(w, struct flag, watch);
	f->events++;
	if (f->forget)
		loop_unwatch(l, &f->forget->watch);
}

static void unwatching_forgets_what_was_fetched(void **state)
{
	struct flag a = { .watch = { eventfd(1, EFD_CLOEXEC), flag_on_event } }, b = { .watch = { eventfd(1, EFD_CLOEXEC), flag_on_event } };
	a.forget = &b;
	b.forget = &a;
	assert_int_equal(loop_watch(l, &a.watch, EPOLLIN | EPOLLET), 0);
	assert_int_equal(loop_watch(l, &b.watch, EPOLLIN | EPOLLET), 0);
	loop_turn(l, 0);
	/* Both were ready; whichever came first made the other one be forgotten. */
	assert_int_equal(a.events + b.events, 1);
	loop_turn(l, 0);
	assert_int_equal(a.events + b.events, 1);
	struct flag *left = a.events ? &a : &b;
	left->forget = NULL;
	assert_int_equal(loop_rewatch(l, &left->watch, EPOLLIN), 0);
	loop_turn(l, -1);
	assert_int_equal(left->events, 2);
	loop_unwatch(l, &left->watch);
	close(a.watch.fd);
	close(b.watch.fd);
	struct watch wrong = { .fd = -1, .on_event = flag_on_event };
	assert_true(loop_watch(l, &wrong, EPOLLIN) < 0);
	assert_non_null(loop_scratch(l));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(tasks_queued_while_running_follow_but_not_for_ever), T(deferred_tasks_wait_for_the_next_turn),
		T(a_task_may_cancel_another_that_is_due),
		T(a_turn_runs_a_bounded_number_in_order), T(timers_expire_in_order_and_not_before_their_time),
		T(a_timer_moved_later_is_not_early), T(a_timer_that_rearms_itself_does_not_hold_the_turn),
		T(runs_until_stopped), T(unwatching_forgets_what_was_fetched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
