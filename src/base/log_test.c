/* SPDX-License-Identifier: Apache-2.0 */
/* The log: escaping, order, many threads, a reader that does not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "base/log.h"

static struct buf everything;

static void *read_all(void *fd)
{
	for (;;) {
		char *to = buf_reserve(&everything, 65536);
		assert_non_null(to);
		ssize_t n = read(*(int *)fd, to, 65536);
		if (n <= 0)
			return NULL;
		buf_commit(&everything, (size_t)n);
	}
}

/* A log into a pipe and a thread that reads it. */
struct reader {
	int fds[2];
	pthread_t thread;
};

static void reader_start(struct reader *r)
{
	buf_init(&everything, 64u << 20);
	assert_int_equal(pipe(r->fds), 0);
	assert_int_equal(pthread_create(&r->thread, NULL, read_all, &r->fds[0]), 0);
}

static struct slice reader_end(struct reader *r)
{
	close(r->fds[1]);
	pthread_join(r->thread, NULL);
	close(r->fds[0]);
	return buf_slice(&everything);
}

static void escapes(void **state)
{
	struct reader r;
	reader_start(&r);
	log_start(r.fds[1], LOG_INFO);
	log_debug("not this");
	log_warn("quote \" backslash \\ newline \n bad \xff good \xc3\xa9 %d", 7);
	log_line(SLICE("{\"a\":1}"));
	log_stop();
	log_line(SLICE("{\"after\":true}"));
	struct slice text = reader_end(&r);
	assert_true(slice_starts_with(text, SLICE("{\"time\":\"20")));
	assert_true(slice_find(text, SLICE("\"level\":\"warn\",\"message\":\"quote \\\" backslash \\\\ newline \\u000a bad "
					   "\xef\xbf\xbd good \xc3\xa9 7\"}\n{\"a\":1}\n{\"after\":true}\n")) != SIZE_MAX);
	assert_true(slice_find(text, SLICE("not this")) == SIZE_MAX);
	buf_done(&everything);
}

enum { WRITERS = 4, LINES = 2000 };

static void *write_lines(void *index)
{
	for (int i = 0; i < LINES; i++) {
		char line[64];
		int len = snprintf(line, sizeof(line), "{\"writer\":%d,\"line\":%d}", *(int *)index, i);
		log_line(slice_of(line, (size_t)len));
	}
	return NULL;
}

static void keeps_every_line_of_every_thread_in_order(void **state)
{
	struct reader r;
	pthread_t threads[WRITERS];
	int index[WRITERS], next[WRITERS] = { 0 };
	reader_start(&r);
	log_start(r.fds[1], LOG_INFO);
	for (int i = 0; i < WRITERS; i++) {
		index[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &index[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	log_stop();
	struct slice rest = reader_end(&r);
	for (int i = 0; i < WRITERS * LINES; i++) {
		struct slice line = slice_next_token(&rest, '\n');
		char copy[64] = "";
		int writer, number;
		assert_true(line.len < sizeof(copy));
		memcpy(copy, line.ptr, line.len);
		assert_int_equal(sscanf(copy, "{\"writer\":%d,\"line\":%d}", &writer, &number), 2);
		assert_in_range(writer, 0, WRITERS - 1);
		assert_int_equal(number, next[writer]++);
	}
	assert_int_equal(rest.len, 0);
	buf_done(&everything);
}

static void drops_and_counts_when_nobody_reads(void **state)
{
	static char line[1000];
	struct reader r;
	uint64_t before = log_dropped();
	assert_int_equal(pipe(r.fds), 0);
	memset(line, 'x', sizeof(line));
	log_start(r.fds[1], LOG_INFO);
	/* Twice the queue: at least half of it cannot be kept, and no call may block. */
	for (unsigned i = 0; i < 2 * LOG_QUEUE_MAX / sizeof(line); i++)
		log_line(slice_of(line, sizeof(line)));
	uint64_t lost = log_dropped() - before;
	assert_in_range(lost, LOG_QUEUE_MAX / sizeof(line) / 2, 2 * LOG_QUEUE_MAX / sizeof(line));
	/* Now somebody does. */
	buf_init(&everything, 64u << 20);
	assert_int_equal(pthread_create(&r.thread, NULL, read_all, &r.fds[0]), 0);
	log_stop();
	struct slice text = reader_end(&r);
	char expected[64];
	snprintf(expected, sizeof(expected), "\"dropped\":%llu}\n", (unsigned long long)lost);
	assert_true(slice_find(text, slice_cstr(expected)) != SIZE_MAX);
	buf_done(&everything);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes), cmocka_unit_test(keeps_every_line_of_every_thread_in_order),
		cmocka_unit_test(drops_and_counts_when_nobody_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
