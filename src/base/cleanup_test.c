/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to die, in children; scope-bound clean-up; lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "base/cleanup.h"
#include "base/list.h"

/* Runs `die` in a child and collects what it says before SIGABRT ends it. */
static void dies_saying(void (*die)(void), const char *expected)
{
	int pipe_fds[2], status;
	char said[256] = "";
	assert_int_equal(pipe(pipe_fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		signal(SIGABRT, SIG_DFL);
		dup2(pipe_fds[1], STDERR_FILENO);
		die();
		_exit(0);
	}
	close(pipe_fds[1]);
	for (ssize_t n, used = 0; (n = read(pipe_fds[0], said + used, sizeof(said) - 1 - (size_t)used)) > 0;)
		used += n;
	close(pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(said, expected));
}

static void break_an_invariant(void) { check(1 + 1 == 3, "arithmetic is broken"); }

static void reports_bugs(void **state)
{
	dies_saying(break_an_invariant, "arithmetic is broken");
	dies_saying(out_of_memory, "out of memory");
}

static void cleans_up(void **state)
{
	int seen;
	{
		_cleanup_(close_fdp) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		_cleanup_(free_charp) char *text = xstrdup("text");
		assert_string_equal(text, "text");
		seen = fd;
	}
	assert_int_equal(fcntl(seen, F_GETFD), -1);
	_cleanup_(close_fdp) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int taken = TAKE_FD(fd);
	assert_int_equal(fd, -1);
	close(taken);
	_cleanup_(free_charp) char *part = xstrndup("abcdef", 2);
	assert_string_equal(part, "ab");
	char *rest = TAKE_PTR(part);
	assert_null(part);
	rest = xrealloc(rest, 100);
	assert_string_equal(rest, "ab");
	free(rest);
	free(xmalloc(0));
	free(xcalloc(0, 0));
}

static void links_and_unlinks(void **state)
{
	struct list head, a, b;
	list_init(&head);
	list_init(&a);
	list_remove(&a);
	assert_true(list_is_empty(&head));
	list_append(&head, &a);
	list_prepend(&head, &b);
	assert_ptr_equal(head.next, &b);
	assert_ptr_equal(head.prev, &a);
	list_remove(&b);
	list_remove(&b);
	assert_ptr_equal(head.next, &a);
	list_remove(&a);
	assert_true(list_is_empty(&head));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_bugs), cmocka_unit_test(cleans_up), cmocka_unit_test(links_and_unlinks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
