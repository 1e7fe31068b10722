/* SPDX-License-Identifier: Apache-2.0 */
/* The server behind TLS: the protocol by ALPN, the client's end seen by close_notify. The client is OpenSSL on a non-blocking
 * socket, driven in turn with the loop. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include "http/server_test_support.h"
#include "net/tls.h"
#include "net/tls_testing.h"

struct secure {
	struct world *world;
	struct test_certificate certificate;
	struct tls_context *context;
	SSL_CTX *client_context;
	SSL *ssl;
	char received[4096];
};

static int setup(void **state)
{
	struct secure *t = xcalloc(1, sizeof(*t));
	struct tls_server_options options = { .http2 = true };
	char error[256];

	world_setup((void **)&t->world);
	test_certificate_make(&t->certificate, "server", "DNS:localhost", NULL, 10);
	options.certificate_file = t->certificate.certificate_file;
	options.key_file = t->certificate.key_file;
	t->context = tls_server_new(&options, error, sizeof(error));
	assert_non_null(t->context);
	t->client_context = SSL_CTX_new(TLS_client_method());
	*state = t;
	return 0;
}

static void disconnect(struct secure *t)
{
	SSL_free(t->ssl);
	t->ssl = NULL;
	world_disconnect(t->world);
}

static int teardown(void **state)
{
	struct secure *t = *state;

	disconnect(t);
	SSL_CTX_free(t->client_context);
	world_teardown((void **)&t->world);
	tls_context_unref(t->context);
	test_certificate_done(&t->certificate);
	free(t);
	return 0;
}

static void turns(struct secure *t)
{
	for (int i = 0; i < 6; i++)
		loop_turn(t->world->loop, 0);
}

static void connect_by(struct secure *t, const char *alpn)
{
	struct address peer = { .len = sizeof(sa_family_t) };
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	t->world->client = ends[0];
	http_server_accept(t->world->server, ends[1], &peer, t->context, &t->world->handler);
	t->ssl = SSL_new(t->client_context);
	SSL_set_fd(t->ssl, ends[0]);
	if (alpn)
		assert_int_equal(SSL_set_alpn_protos(t->ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn)), 0);
	for (int i = 0; i < 20 && SSL_connect(t->ssl) != 1; i++)
		turns(t);
	assert_true(SSL_is_init_finished(t->ssl));
}

static void send_text(struct secure *t, const char *text)
{
	assert_int_equal(SSL_write(t->ssl, text, (int)strlen(text)), (int)strlen(text));
	turns(t);
}

static const char *receive(struct secure *t)
{
	size_t len = 0;

	for (int i = 0; i < 10; i++) {
		int n = SSL_read(t->ssl, t->received + len, (int)(sizeof(t->received) - 1 - len));

		if (n > 0)
			len += (size_t)n;
		turns(t);
	}
	t->received[len] = '\0';
	return t->received;
}

static void http1_is_spoken_without_alpn(void **state)
{
	struct secure *t = *state;

	connect_by(t, NULL);
	for (int i = 0; i < 2; i++) {
		send_text(t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
		assert_int_equal(strncmp(receive(t), "HTTP/1.1 200 OK\r\n", 17), 0);
		assert_non_null(strstr(t->received, "\r\n\r\nhello"));
	}
}

static void http2_is_chosen_by_alpn(void **state)
{
	struct secure *t = *state;
	const unsigned char *chosen;
	unsigned len;

	connect_by(t, "\x02h2\x08http/1.1");
	SSL_get0_alpn_selected(t->ssl, &chosen, &len);
	assert_true(slice_eq(slice_of((const char *)chosen, len), SLICE("h2")));
	receive(t);
	/* The server's SETTINGS: 24 bit length, type 4. */
	assert_int_equal(t->received[3], 4);
}

static void the_preface_means_nothing_on_tls_without_alpn(void **state)
{
	struct secure *t = *state;

	connect_by(t, "\x08http/1.1");
	send_text(t, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	assert_int_equal(strncmp(receive(t), "HTTP/1.1 505 ", 13), 0);
}

static void close_notify_is_gone(void **state)
{
	struct secure *t = *state;

	t->world->script = SCRIPT_HOLD;
	connect_by(t, NULL);
	send_text(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n");
	assert_int_equal(t->world->owned_count, 1);
	assert_false(t->world->owned[0].was_gone);
	SSL_shutdown(t->ssl);
	turns(t);
	assert_true(t->world->owned[0].was_gone);
}

static void a_closed_socket_is_gone(void **state)
{
	struct secure *t = *state;

	t->world->script = SCRIPT_HOLD;
	connect_by(t, NULL);
	send_text(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	disconnect(t);
	turns(t);
	assert_true(t->world->owned[0].was_gone);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct secure *t = *state;
	const char *second;

	connect_by(t, NULL);
	send_text(t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
		     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ntwo");
	second = strstr(receive(t), "one");
	assert_non_null(second);
	assert_non_null(strstr(second, "two"));
}

static void a_handshake_that_stalls_times_out(void **state)
{
	struct address peer = { .len = sizeof(sa_family_t) };
	struct secure *t = *state;
	int ends[2];

	t->world->options.head_timeout_ms = 20;
	world_restart(t->world);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	t->world->client = ends[0];
	http_server_accept(t->world->server, ends[1], &peer, t->context, &t->world->handler);
	WORLD_UNTIL(t->world, t->world->closed);
}

static void plain_bytes_on_a_tls_port_are_refused(void **state)
{
	struct address peer = { .len = sizeof(sa_family_t) };
	struct secure *t = *state;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	t->world->client = ends[0];
	http_server_accept(t->world->server, ends[1], &peer, t->context, &t->world->handler);
	SEND(t->world, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	WORLD_UNTIL(t->world, t->world->closed);
	assert_int_equal(t->world->owned_count, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(http1_is_spoken_without_alpn),
		CASE(http2_is_chosen_by_alpn),
		CASE(the_preface_means_nothing_on_tls_without_alpn),
		CASE(close_notify_is_gone),
		CASE(a_closed_socket_is_gone),
		CASE(pipelined_requests_are_answered_in_order),
		CASE(a_handshake_that_stalls_times_out),
		CASE(plain_bytes_on_a_tls_port_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
