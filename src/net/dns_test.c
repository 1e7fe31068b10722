/* SPDX-License-Identifier: Apache-2.0 */
/* Name resolution against a name server of the test's own, on the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "net/dns.h"
#include "net/dns_internal.h"
#include "net/loop_internal.h"

enum { TYPE_A = 1, TYPE_AAAA = 28 };

static struct loop *l;

/* The name server: answers "vN-fM-ttlT.test" with N IPv4 and M IPv6 addresses, "none.test" with NXDOMAIN, "silent.test" not
 * at all, everything else with SERVFAIL. */
static struct watch name_server;
static int questions;

static size_t put16(unsigned char *to, unsigned value)
{
	to[0] = (unsigned char)(value >> 8);
	to[1] = (unsigned char)value;
	return 2;
}

/* RFC 1035 §4.1: the question's name as text; returns the offset behind the question. */
static size_t question_name(const unsigned char *message, size_t len, char *name, size_t size)
{
	size_t at = 12, used = 0;
	while (at < len && message[at] != 0) {
		size_t label = message[at++];
		assert_true(at + label < len && used + label + 2 < size);
		memcpy(name + used, message + at, label);
		used += label;
		name[used++] = '.';
		at += label;
	}
	assert_true(used > 0);
	name[used - 1] = '\0';
	return at + 5;
}

static size_t put_address(unsigned char *to, int type, unsigned ttl, unsigned char last)
{
	static const unsigned char ip6[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	size_t n = put16(to, 0xc00c);          /* the question's name */
	n += put16(to + n, (unsigned)type);
	n += put16(to + n, 1);
	n += put16(to + n, 0);
	n += put16(to + n, ttl);
	size_t len = type == TYPE_A ? 4 : 16;
	n += put16(to + n, (unsigned)len);
	if (type == TYPE_A)
		memcpy(to + n, (unsigned char[]){ 192, 0, 2, 0 }, 4);
	else
		memcpy(to + n, ip6, 16);
	to[n + len - 1] = last;
	return n + len;
}

static void name_server_on_event(struct watch *w, uint32_t events)
{
	unsigned char message[1024];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	char name[256];
	unsigned v4 = 0, v6 = 0, ttl = 0;

	ssize_t got = recvfrom(w->fd, message, sizeof(message) / 2, 0, (struct sockaddr *)&from, &from_len);
	if (got < 17)
		return;
	size_t len = question_name(message, (size_t)got, name, sizeof(name));
	int type = message[len - 4] << 8 | message[len - 3];
	questions++;
	if (strcmp(name, "silent.test") == 0)
		return;
	bool found = sscanf(name, "v%u-f%u-ttl%u.test", &v4, &v6, &ttl) == 3;
	unsigned count = !found ? 0 : type == TYPE_A ? v4 : v6;
	put16(message + 2, 0x8180 | (found ? 0 : strcmp(name, "none.test") == 0 ? 3 : 2));
	put16(message + 6, count);
	put16(message + 8, 0);
	put16(message + 10, 0);                /* without the question's EDNS record */
	for (unsigned i = 0; i < count; i++)
		len += put_address(message + len, type, ttl, (unsigned char)(i + 1));
	assert_true(sendto(w->fd, message, len, 0, (struct sockaddr *)&from, from_len) == (ssize_t)len);
}

static int set_up(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	char servers[64];

	l = loop_new(0);
	questions = 0;
	name_server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	name_server.on_event = name_server_on_event;
	assert_int_equal(bind(name_server.fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(name_server.fd, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(loop_watch(l, &name_server, EPOLLIN), 0);
	snprintf(servers, sizeof(servers), "127.0.0.1:%u", ntohs(a.sin_port));
	assert_true(dns_use_servers(l, servers));
	return 0;
}

static int tear_down(void **state)
{
	loop_unwatch(l, &name_server);
	close(name_server.fd);
	l = loop_free(l);
	return 0;
}

struct asker {
	struct dns_query query;
	struct dns_answer answer;
	int answers;
};

static void asker_on_answer(struct dns_query *q, const struct dns_answer *answer)
{
	struct asker *a = CONTAINER_OF(q, struct asker, query);
	a->answer = *answer;
	a->answers++;
}

static void ask(struct asker *a, const char *host)
{
	*a = (struct asker){ .query.on_answer = asker_on_answer };
	dns_resolve(l, slice_cstr(host), 443, &a->query);
}

static void wait_for(struct asker *a)
{
	while (!a->answers)
		loop_turn(l, -1);
	assert_int_equal(a->answers, 1);
	assert_null(a->query.internal);
}

static const char *text_of(const struct asker *a, unsigned index)
{
	static char text[ADDRESS_TEXT_MAX];
	return address_format(&a->answer.addresses[index], text);
}

static void literals_and_localhost_stay_here(void **state)
{
	struct asker a;
	ask(&a, "192.0.2.7");
	assert_int_equal(a.answers, 1);
	assert_string_equal(text_of(&a, 0), "192.0.2.7:443");
	ask(&a, "[2001:db8::1]");
	assert_string_equal(text_of(&a, 0), "[2001:db8::1]:443");
	static const char *const local[] = { "localhost", "LocalHost.", "ollama.localhost" };
	for (size_t i = 0; i < COUNT_OF(local); i++) {
		ask(&a, local[i]);
		assert_int_equal(a.answer.count, 2);
		assert_string_equal(text_of(&a, 0), "127.0.0.1:443");
		assert_string_equal(text_of(&a, 1), "[::1]:443");
	}
	ask(&a, "");
	assert_int_equal(a.answer.count, 0);
	assert_non_null(a.answer.error);
	char large[300];
	memset(large, 'a', sizeof(large));
	a = (struct asker){ .query.on_answer = asker_on_answer };
	dns_resolve(l, slice_of(large, sizeof(large)), 1, &a.query);
	assert_string_equal(a.answer.error, "not a host name");
	a = (struct asker){ .query.on_answer = asker_on_answer };
	dns_resolve(l, slice_of("a\0b", 3), 1, &a.query);
	assert_string_equal(a.answer.error, "not a host name");
	assert_int_equal(questions, 0);
}

static void families_come_interleaved(void **state)
{
	struct asker a;
	ask(&a, "v3-f2-ttl60.test");
	wait_for(&a);
	assert_int_equal(a.answer.count, 5);
	int first = a.answer.addresses[0].storage.ss_family;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(a.answer.addresses[i].storage.ss_family == first, i % 2 == 0);
	assert_int_equal(a.answer.addresses[4].storage.ss_family, AF_INET);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(((struct sockaddr_in *)&a.answer.addresses[i].storage)->sin_port, htons(443));
	ask(&a, "v12-f12-ttl60.test");
	wait_for(&a);
	assert_int_equal(a.answer.count, DNS_ADDRESSES_MAX);
	ask(&a, "v0-f1-ttl60.test");
	wait_for(&a);
	assert_string_equal(text_of(&a, 0), "[2001:db8::1]:443");
}

static void one_question_serves_all_who_ask(void **state)
{
	struct asker a[5], again;
	for (size_t i = 0; i < COUNT_OF(a); i++)
		ask(&a[i], i % 2 ? "v1-f0-ttl60.test" : "V1-F0-TTL60.TEST");
	dns_cancel(&a[3].query);
	dns_cancel(&a[3].query);
	wait_for(&a[4]);
	for (size_t i = 0; i < COUNT_OF(a); i++)
		assert_int_equal(a[i].answers, i != 3);
	assert_int_equal(questions, 2);        /* A and AAAA */
	/* And is kept. */
	ask(&again, "v1-f0-ttl60.test");
	assert_int_equal(again.answers, 1);
	assert_string_equal(text_of(&again, 0), "192.0.2.1:443");
	assert_int_equal(questions, 2);
}

static void failures_are_named_and_kept_for_a_moment(void **state)
{
	static const struct { const char *host, *error; } cases[] = {
		{ "none.test", "no such host" }, { "v0-f0-ttl9.test", "the name has no address" },
		{ "broken.test", "the name servers fail or cannot be reached" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct asker a;
		ask(&a, cases[i].host);
		wait_for(&a);
		assert_int_equal(a.answer.count, 0);
		assert_string_equal(a.answer.error, cases[i].error);
		int before = questions;
		ask(&a, cases[i].host);
		assert_int_equal(a.answers, 1);
		assert_int_equal(questions, before);
	}
}

static void a_silent_server_is_asked_again_until_the_asker_leaves(void **state)
{
	struct asker a;
	ask(&a, "silent.test");
	while (questions < 4)
		loop_turn(l, -1);
	dns_cancel(&a.query);
	loop_turn(l, 0);
	assert_int_equal(a.answers, 0);
	/* The lookup is still under way when the loop is freed. */
}

static void the_cache_is_bounded(void **state)
{
	struct asker a;
	for (int i = 0; i < DNS_CACHE_MAX + 50; i++) {
		char host[64];
		snprintf(host, sizeof(host), "v1-f0-ttl%d.test", 60 + i);
		ask(&a, host);
		wait_for(&a);
	}
	int before = questions;
	ask(&a, "v1-f0-ttl1000.test");
	assert_int_equal(a.answers, 1);
	assert_int_equal(questions, before);
	ask(&a, "v1-f0-ttl60.test");
	assert_int_equal(a.answers, 0);
	wait_for(&a);
	assert_true(questions > before);
}

static struct asker nested;

static void asks_again(struct dns_query *q, const struct dns_answer *answer)
{
	ask(&nested, "v2-f0-ttl60.test");
}

static void an_answer_may_ask_another_question(void **state)
{
	struct dns_query q = { .on_answer = asks_again };
	nested.answers = 0;
	dns_resolve(l, SLICE("v1-f0-ttl60.test"), 80, &q);
	while (!nested.answers)
		loop_turn(l, -1);
	assert_int_equal(nested.answer.count, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(literals_and_localhost_stay_here), T(families_come_interleaved), T(one_question_serves_all_who_ask),
		T(failures_are_named_and_kept_for_a_moment), T(a_silent_server_is_asked_again_until_the_asker_leaves),
		T(the_cache_is_bounded), T(an_answer_may_ask_another_question),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
