/* SPDX-License-Identifier: Apache-2.0 */
/* The client against weir's own server: HTTP/2 found by ALPN, refused, demanded and known beforehand. */
#include "http/client_http2_testing.h"
#include "http/client_internal.h"
#include "http/server.h"
#include "net/tls_testing.h"

enum { PARALLEL = 100, LARGE = 700000 };

struct service {
	struct test test;
	struct http_server *server;
	struct http_handler handler;
	struct byte_budget bodies;
	struct tls_context *tls, *tls_http1, *client, *client_http1;
	struct test_certificate certificate;
	unsigned connections;          /* that were accepted */
	unsigned gone;                 /* streams whose client went away */
};

/* Echoes the body; a request without one gets a piece of an answer that never ends. */
struct work {
	struct task task;
	struct server_stream *stream;
	struct service *service;
};

static void work_step(struct task *task)
{
	struct work *w = CONTAINER_OF(task, struct work, task);
	struct server_stream *s = w->stream;
	struct slice body;

	if (s->gone || s->flushed) {
		w->service->gone += s->gone;
		server_stream_release(s);
		return;
	}
	if (s->body_state == BODY_READING || s->head_sent)
		return;
	body = buf_slice(&s->body);
	server_stream_head(s, 200, NULL, 0, s->method == HTTP_POST ? (int64_t)body.len : BODY_LENGTH_UNKNOWN);
	if (s->method != HTTP_POST) {
		server_stream_write(s, &SLICE("begun"), 1);
		return;
	}
	server_stream_write(s, &body, 1);
	server_stream_end(s);
	loop_queue(s->loop, &w->task);
}

static void work_on_event(struct server_stream *s)
{
	struct work *w = s->owner;

	loop_queue(s->loop, &w->task);
}

static void on_request(struct server_stream *s, void *ctx)
{
	struct work *w = arena_new(&s->arena, struct work);

	*w = (struct work){ .stream = s, .service = ctx };
	task_init(&w->task, work_step);
	s->owner = w;
	s->on_event = work_on_event;
	server_stream_read_body(s);
	loop_queue(s->loop, &w->task);
}

static struct tls_context *server_tls(struct service *s, bool http2)
{
	struct tls_server_options o = { .certificate_file = s->certificate.certificate_file,
					.key_file = s->certificate.key_file, .http2 = http2 };
	char error[256];
	struct tls_context *c = tls_server_new(&o, error, sizeof(error));

	assert_non_null(c);
	return c;
}

static struct tls_context *client_tls(bool http2)
{
	struct tls_client_options o = { .skip_verify = true, .http2 = http2 };
	char error[256];
	struct tls_context *c = tls_client_new(&o, error, sizeof(error));

	assert_non_null(c);
	return c;
}

static int setup(void **state)
{
	struct service *s = calloc(1, sizeof(*s));
	struct http_server_options options;

	test_init(&s->test, NULL);
	http_server_options_init(&options);
	s->bodies.cap = (size_t)64 << 20;
	options.bodies = &s->bodies;
	s->server = http_server_new(s->test.loop, &options);
	s->handler = (struct http_handler){ .on_request = on_request, .ctx = s };
	test_certificate_make(&s->certificate, "service", "DNS:localhost", NULL, 10);
	s->tls = server_tls(s, true);
	s->tls_http1 = server_tls(s, false);
	s->client = client_tls(true);
	s->client_http1 = client_tls(false);
	s->test.origin.url = test_url(&s->test, "https://127.0.0.1", s->test.port);
	s->test.origin.tls = s->client;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct service *s = *state;

	http_server_free(s->server);
	for (int i = 0; i < 4; i++)
		loop_turn(s->test.loop, 0);
	tls_context_unref(s->tls);
	tls_context_unref(s->tls_http1);
	test_done(&s->test);
	tls_context_unref(s->client);
	tls_context_unref(s->client_http1);
	test_certificate_done(&s->certificate);
	free(s);
	return 0;
}

/* Turns, with the server behind `tls` (NULL = plain) taking whoever calls, until all are over. */
static void serve(struct service *s, struct tls_context *tls, struct owner *owners, unsigned count)
{
	struct address peer = { .len = sizeof(sa_family_t) };
	unsigned over = 0;

	for (int turn = 0; turn < TEST_TURNS_MAX && over < count; turn++) {
		while (peer_has_caller(&s->test)) {
			int fd = accept4(s->test.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

			assert_true(fd >= 0);
			s->connections++;
			http_server_accept(s->server, fd, &peer, tls, &s->handler);
		}
		loop_turn(s->test.loop, TEST_WAIT_MS);
		for (over = 0; over < count && (owner_is_over(&owners[over]) || owners[over].paused); over++)
			;
	}
	assert_int_equal(over, count);
}

static struct client_request post(struct service *s, const struct slice *body)
{
	return (struct client_request){ .origin = &s->test.origin, .method = HTTP_POST, .target = SLICE("/echo"),
					.body = body, .body_count = 1, .connect_timeout_ms = 20000 };
}

static void exchange(struct service *s, struct tls_context *tls, unsigned count)
{
	struct slice body = SLICE("over and over");
	struct client_request r = post(s, &body);
	struct owner owners[PARALLEL];

	for (unsigned i = 0; i < count; i++)
		owner_open(&owners[i], &s->test, &r);
	serve(s, tls, owners, count);
	for (unsigned i = 0; i < count; i++) {
		assert_complete(&owners[i], 200, "over and over");
		owner_close(&owners[i]);
	}
}

static void alpn_finds_it(void **state)
{
	struct service *s = *state;

	/* What nobody knows yet is not waited for. */
	exchange(s, s->tls, 3);
	assert_int_equal(s->connections, 3);
	/* Now it is known. */
	exchange(s, s->tls, PARALLEL);
	assert_int_equal(s->connections, (PARALLEL + CLIENT_STREAMS_MAX - 1) / CLIENT_STREAMS_MAX);
}

static void alpn_finds_http1(void **state)
{
	struct service *s = *state;

	exchange(s, s->tls_http1, 3);
	assert_int_equal(s->connections, 3);
	exchange(s, s->tls_http1, 3);
	assert_int_equal(s->connections, 3);
	assert_int_equal(test_counts(&s->test).idle, 3);
}

static void http1_is_spoken_where_it_is_wanted(void **state)
{
	struct service *s = *state;

	s->test.origin.http = HTTP_1;
	s->test.origin.tls = s->client_http1;
	exchange(s, s->tls, 2);
	exchange(s, s->tls, 2);
	assert_int_equal(s->connections, 2);
	assert_int_equal(test_counts(&s->test).idle, 2);
}

static void demanded_it_is_known_from_the_start(void **state)
{
	struct service *s = *state;

	s->test.origin.http = HTTP_2;
	exchange(s, s->tls, CLIENT_STREAMS_MAX);
	assert_int_equal(s->connections, 1);
}

static void demanded_and_not_spoken_is_a_failure(void **state)
{
	struct service *s = *state;
	struct slice body = SLICE("x");
	struct client_request r = post(s, &body);
	struct owner owners[3];

	s->test.origin.http = HTTP_2;
	for (unsigned i = 0; i < 3; i++)
		owner_open(&owners[i], &s->test, &r);
	serve(s, s->tls_http1, owners, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_failed(&owners[i], FAILURE_TLS);
		assert_non_null(strstr(owners[i].stream->failure->message, "does not speak HTTP/2"));
		owner_close(&owners[i]);
	}
}

/* A server that has spoken HTTP/2 gives way to one that does not: those who waited for room go their own way. */
static void what_was_known_may_become_wrong(void **state)
{
	struct service *s = *state;
	struct slice body = SLICE("over and over");
	struct client_request r = post(s, &body);
	struct owner full[CLIENT_STREAMS_MAX];

	exchange(s, s->tls, 1);
	r.method = HTTP_GET;
	r.body_count = 0;
	for (unsigned i = 0; i < CLIENT_STREAMS_MAX; i++)
		owner_open(&full[i], &s->test, &r);
	s->connections = 0;
	exchange(s, s->tls_http1, 5);
	assert_int_equal(s->connections, 5);
	assert_int_equal(test_counts(&s->test).idle, 5);
	for (unsigned i = 0; i < CLIENT_STREAMS_MAX; i++)
		owner_close(&full[i]);
}

static void known_beforehand_on_plain_connections(void **state)
{
	struct service *s = *state;

	s->test.origin.url = test_url(&s->test, "http://127.0.0.1", s->test.port);
	s->test.origin.tls = NULL;
	s->test.origin.http = HTTP_2;
	exchange(s, NULL, PARALLEL);
	assert_int_equal(s->connections, (PARALLEL + CLIENT_STREAMS_MAX - 1) / CLIENT_STREAMS_MAX);
	/* And auto is HTTP/1.1 there. */
	s->test.origin.http = HTTP_AUTO;
	s->connections = 0;
	exchange(s, NULL, 2);
	assert_int_equal(s->connections, 2);
}

static void large_bodies_both_ways(void **state)
{
	struct service *s = *state;
	char *bytes = malloc(LARGE);
	struct slice body = slice_of(bytes, LARGE);
	struct client_request r = post(s, &body);
	struct owner owners[4];

	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = (char)(i * 7 + i / 1000);
	s->test.origin.http = HTTP_2;
	for (unsigned i = 0; i < COUNT_OF(owners); i++)
		owner_open(&owners[i], &s->test, &r);
	serve(s, s->tls, owners, COUNT_OF(owners));
	for (unsigned i = 0; i < COUNT_OF(owners); i++) {
		assert_int_equal(owners[i].stream->state, CLIENT_DONE);
		assert_true(slice_eq(buf_slice(&owners[i].body), body));
		owner_close(&owners[i]);
	}
	assert_int_equal(s->connections, 1);
	free(bytes);
}

static void the_server_sees_who_goes_away(void **state)
{
	struct service *s = *state;
	struct slice body = SLICE("x");
	struct client_request r = post(s, &body);
	struct owner o;

	s->test.origin.http = HTTP_2;
	exchange(s, s->tls, 1);
	r.method = HTTP_GET;
	r.body_count = 0;
	owner_open(&o, &s->test, &r);
	UNTIL(&s->test, o.body.len == 5);
	owner_close(&o);
	UNTIL(&s->test, s->gone == 1);
	exchange(s, s->tls, 1);
	assert_int_equal(s->connections, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(alpn_finds_it, setup, teardown),
		cmocka_unit_test_setup_teardown(alpn_finds_http1, setup, teardown),
		cmocka_unit_test_setup_teardown(http1_is_spoken_where_it_is_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(demanded_it_is_known_from_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(demanded_and_not_spoken_is_a_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_known_may_become_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(known_beforehand_on_plain_connections, setup, teardown),
		cmocka_unit_test_setup_teardown(large_bodies_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(the_server_sees_who_goes_away, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
