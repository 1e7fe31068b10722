/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners: real ports, address in use, sharing between loops, socket files, running out of descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "net/listener.h"

static struct loop *l;
static int accepted[64], accepted_count;
static struct address last_peer;

static int set_up(void **state)
{
	l = loop_new(0);
	accepted_count = 0;
	return 0;
}

static int tear_down(void **state)
{
	for (int i = 0; i < accepted_count; i++)
		close(accepted[i]);
	l = loop_free(l);
	return 0;
}

static void on_accept(void *ctx, struct loop *loop, int fd, const struct address *peer)
{
	assert_true(accepted_count < (int)COUNT_OF(accepted));
	accepted[accepted_count++] = fd;
	last_peer = *peer;
	if (ctx)
		++*(int *)ctx;
}

static struct address parse(const char *text)
{
	struct address a;
	const char *error;
	assert_true(address_parse(slice_cstr(text), &a, &error));
	return a;
}

static int connect_to(const struct address *a)
{
	int fd = socket(a->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&a->storage, a->len), 0);
	return fd;
}

static void accepts_on_the_port_it_got(void **state)
{
	struct address a = parse("127.0.0.1:0");
	struct listener *s;
	char text[ADDRESS_TEXT_MAX];
	assert_int_equal(listener_probe(&a), 0);
	assert_int_equal(listener_open(l, &a, -1, on_accept, NULL, &s), 0);
	assert_string_not_equal(address_format(listener_address(s), text), "127.0.0.1:0");
	int client = connect_to(listener_address(s));
	while (!accepted_count)
		loop_turn(l, -1);
	assert_true(address_is_loopback(&last_peer));
	int value = 0;
	socklen_t len = sizeof(value);
	assert_int_equal(getsockopt(accepted[0], IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
	assert_true(value != 0);
	assert_true(fcntl(accepted[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(accepted[0], F_GETFD) & FD_CLOEXEC);
	close(client);
	assert_null(listener_close(s));
	assert_null(listener_close(NULL));
}

static void loops_share_a_port_but_a_probe_finds_it_taken(void **state)
{
	struct address a = parse("127.0.0.1:0");
	struct loop *other = loop_new(1);
	struct listener *s[2];
	int hits[2] = { 0 }, clients[32];
	assert_int_equal(listener_open(l, &a, -1, on_accept, &hits[0], &s[0]), 0);
	assert_int_equal(listener_open(other, listener_address(s[0]), -1, on_accept, &hits[1], &s[1]), 0);
	assert_int_equal(listener_probe(listener_address(s[0])), -EADDRINUSE);
	for (size_t i = 0; i < COUNT_OF(clients); i++)
		clients[i] = connect_to(listener_address(s[0]));
	while (accepted_count < (int)COUNT_OF(clients)) {
		loop_turn(l, 1);
		loop_turn(other, 1);
	}
	/* The kernel spreads by hash: all 32 on one side has a probability of 2⁻³¹. */
	assert_true(hits[0] > 0 && hits[1] > 0);
	for (size_t i = 0; i < COUNT_OF(clients); i++)
		close(clients[i]);
	struct address taken = *listener_address(s[0]);
	listener_close(s[0]);
	listener_close(s[1]);
	loop_free(other);
	assert_int_equal(listener_probe(&taken), 0);
}

static void any_address_takes_both_families(void **state)
{
	struct address a = parse(":0"), four = parse("127.0.0.1:0");
	struct listener *s;
	assert_int_equal(listener_probe(&a), 0);
	assert_int_equal(listener_open(l, &a, -1, on_accept, NULL, &s), 0);
	((struct sockaddr_in *)&four.storage)->sin_port = ((const struct sockaddr_in *)&listener_address(s)->storage)->sin_port;
	int client = connect_to(&four);
	while (!accepted_count)
		loop_turn(l, -1);
	char text[ADDRESS_TEXT_MAX];
	assert_true(strncmp(address_format(&last_peer, text), "127.0.0.1:", 10) == 0);
	assert_true(address_is_loopback(&last_peer));
	close(client);
	listener_close(s);
}

static void inherited_sockets_are_shared(void **state)
{
	struct address a = parse("127.0.0.1:0");
	struct loop *other = loop_new(1);
	struct listener *s[2];
	int inherited = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(inherited, (struct sockaddr *)&a.storage, a.len), 0);
	assert_int_equal(listen(inherited, 16), 0);
	assert_int_equal(listener_open(l, &a, inherited, on_accept, NULL, &s[0]), 0);
	assert_int_equal(listener_open(other, &a, inherited, on_accept, NULL, &s[1]), 0);
	int client = connect_to(listener_address(s[1]));
	while (!accepted_count) {
		loop_turn(l, 1);
		loop_turn(other, 1);
	}
	loop_turn(l, 0);
	loop_turn(other, 0);
	assert_int_equal(accepted_count, 1);
	close(client);
	listener_close(s[0]);
	listener_close(s[1]);
	close(inherited);
	loop_free(other);
	assert_int_equal(listener_open(l, &a, 999, on_accept, NULL, &s[0]), -EBADF);
}

static void socket_files_are_shared_replaced_and_removed(void **state)
{
	char text[64];
	struct stat st;
	snprintf(text, sizeof(text), "unix:/tmp/weir-listener-test-%d.sock", (int)getpid());
	struct address a = parse(text);
	const char *path = text + 5;
	struct loop *other = loop_new(1);
	struct listener *s[2];

	/* What a killed process leaves behind. */
	int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(stale, (struct sockaddr *)&a.storage, a.len), 0);
	close(stale);
	assert_int_equal(listener_probe(&a), 0);
	assert_int_equal(listener_open(l, &a, -1, on_accept, NULL, &s[0]), 0);
	assert_int_equal(listener_open(other, &a, -1, on_accept, NULL, &s[1]), 0);
	assert_int_equal(listener_probe(&a), -EADDRINUSE);
	loop_turn(l, 0);                       /* the probe's own connection */
	loop_turn(other, 0);
	int before = accepted_count, client = connect_to(&a);
	while (accepted_count == before) {
		loop_turn(l, 1);
		loop_turn(other, 1);
	}
	close(client);
	listener_close(s[0]);
	assert_int_equal(stat(path, &st), 0);
	listener_close(s[1]);
	assert_int_equal(stat(path, &st), -1);
	loop_free(other);

	/* Anything else at that path is not ours to remove. */
	int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	close(file);
	assert_int_equal(listener_probe(&a), -EEXIST);
	assert_int_equal(listener_open(l, &a, -1, on_accept, NULL, &s[0]), -EEXIST);
	unlink(path);
}

static void without_descriptors_accepting_pauses(void **state)
{
	struct address a = parse("127.0.0.1:0");
	struct listener *s;
	struct rlimit limit, tight;
	assert_int_equal(listener_open(l, &a, -1, on_accept, NULL, &s), 0);
	int client = connect_to(listener_address(s));
	getrlimit(RLIMIT_NOFILE, &limit);
	tight = limit;
	tight.rlim_cur = (rlim_t)client + 1;
	setrlimit(RLIMIT_NOFILE, &tight);
	loop_turn(l, -1);
	assert_int_equal(accepted_count, 0);
	/* Paused: the waiting client does not make the loop spin. */
	loop_turn(l, 0);
	loop_turn(l, 0);
	assert_int_equal(accepted_count, 0);
	setrlimit(RLIMIT_NOFILE, &limit);
	while (!accepted_count)
		loop_turn(l, -1);
	close(client);
	listener_close(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(accepts_on_the_port_it_got), T(loops_share_a_port_but_a_probe_finds_it_taken), T(any_address_takes_both_families),
		T(inherited_sockets_are_shared), T(socket_files_are_shared_replaced_and_removed), T(without_descriptors_accepting_pauses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
