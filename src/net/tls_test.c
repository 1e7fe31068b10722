/* SPDX-License-Identifier: Apache-2.0 */
/* TLS, both ends ours, over loopback: handshake and its failures, bytes under back-pressure, the ends, resumption. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include "net/conn_testing.h"
#include "net/tls_internal.h"
#include "net/tls_testing.h"

static struct test_certificate authority, good, expired, stranger;
static struct tls_context *server_context, *client_context;
static struct loop *l;
static struct reader server, client;

static struct tls_context *new_server(const struct test_certificate *c)
{
	struct tls_server_options o = { .certificate_file = c->certificate_file, .key_file = c->key_file, .http2 = true };
	char error[256] = "";
	struct tls_context *context = tls_server_new(&o, error, sizeof(error));
	assert_string_equal(error, "");
	return context;
}

static struct tls_context *new_client(struct tls_client_options o)
{
	char error[256] = "";
	struct tls_context *context = tls_client_new(&o, error, sizeof(error));
	assert_string_equal(error, "");
	return context;
}

static int make_certificates(void **state)
{
	test_certificate_make(&authority, "authority", NULL, NULL, 10);
	test_certificate_make(&good, "good", "DNS:good.test,DNS:*.wild.test,IP:127.0.0.1,IP:::1", &authority, 10);
	test_certificate_make(&expired, "expired", "DNS:good.test", &authority, -1);
	test_certificate_make(&stranger, "stranger", "DNS:good.test", NULL, 10);
	return 0;
}

static int remove_certificates(void **state)
{
	test_certificate_done(&authority);
	test_certificate_done(&good);
	test_certificate_done(&expired);
	test_certificate_done(&stranger);
	return 0;
}

static int set_up(void **state)
{
	l = loop_new(0);
	server_context = new_server(&good);
	client_context = new_client((struct tls_client_options){ .ca_file = authority.certificate_file, .http2 = true });
	reader_init(&server);
	reader_init(&client);
	return 0;
}

static int tear_down(void **state)
{
	reader_done(&server);
	reader_done(&client);
	l = loop_free(l);
	server_context = tls_context_unref(server_context);
	client_context = tls_context_unref(client_context);
	return 0;
}

static void connect_both(struct slice host)
{
	int fds[2];
	tcp_pair(fds);
	server.conn = conn_accept(l, fds[1], server_context, reader_on_ready, &server);
	client.conn = conn_accept(l, fds[0], NULL, reader_on_ready, &client);
	loop_turn(l, 0);
	conn_start_tls(client.conn, client_context, host);
	assert_int_equal(client.conn->state, CONN_HANDSHAKING);
	for (int i = 0; i < 100 && (client.conn->state == CONN_HANDSHAKING || server.conn->state == CONN_HANDSHAKING); i++)
		loop_turn(l, 100);
}

static void disconnect_both(void)
{
	reader_done(&client);
	reader_done(&server);
	reader_init(&client);
	reader_init(&server);
}

static void open_both(void)
{
	connect_both(SLICE("good.test"));
	assert_string_equal(client.conn->error, "");
	assert_int_equal(client.conn->state, CONN_OPEN);
	assert_int_equal(server.conn->state, CONN_OPEN);
}

static void until_over(struct reader *r)
{
	for (int i = 0; i < 1000 && !r->over; i++)
		loop_turn(l, 100);
	assert_true(r->over);
}

static void carries_bytes_both_ways(void **state)
{
	open_both();
	assert_true(slice_eq(conn_alpn(client.conn), SLICE("h2")));
	assert_true(slice_eq(conn_alpn(server.conn), SLICE("h2")));
	assert_true(client.ready > 0 && server.ready > 0);
	assert_int_equal(conn_write_text(client.conn, SLICE("question")), 8);
	while (server.in.len < 8)
		loop_turn(l, 100);
	assert_true(slice_eq(buf_slice(&server.in), SLICE("question")));
	assert_false(server.conn->readable);
	assert_int_equal(conn_write_text(server.conn, SLICE("answer")), 6);
	while (client.in.len < 6)
		loop_turn(l, 100);
	assert_true(slice_eq(buf_slice(&client.in), SLICE("answer")));
	assert_false(client.conn->readable);
	assert_int_equal(server.conn->bytes_in, 8);
	assert_int_equal(server.conn->bytes_out, 6);
	/* An end with close_notify is an orderly one. */
	server.conn = conn_close(server.conn);
	until_over(&client);
	assert_int_equal(client.result, 0);
}

static void names_and_addresses_are_verified(void **state)
{
	static const struct { const char *host; const char *error; } cases[] = {
		{ "good.test", "" }, { "GOOD.test.", "" }, { "a.wild.test", "" }, { "127.0.0.1", "" }, { "[::1]", "" },
		{ "bad.test", "hostname mismatch" }, { "a.b.wild.test", "hostname mismatch" }, { "127.0.0.2", "IP address mismatch" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		connect_both(slice_cstr(cases[i].host));
		assert_string_equal(client.conn->error, cases[i].error);
		assert_int_equal(client.conn->state, cases[i].error[0] ? CONN_FAILED : CONN_OPEN);
		if (cases[i].error[0]) {
			assert_int_equal(client.conn->error_kind, CONN_ERROR_TLS);
			/* The server has been told: an alert, not silence. */
			until_over(&server);
			assert_true(server.result < 0);
		}
		disconnect_both();
	}
}

static void fails_with(const struct test_certificate *certificate, struct tls_client_options o, const char *sentence)
{
	tls_context_unref(server_context);
	tls_context_unref(client_context);
	server_context = new_server(certificate);
	client_context = new_client(o);
	connect_both(SLICE("good.test"));
	assert_string_equal(client.conn->error, sentence);
	assert_int_equal(client.conn->state, sentence[0] ? CONN_FAILED : CONN_OPEN);
	disconnect_both();
}

static void untrusted_certificates_are_refused_in_words(void **state)
{
	struct tls_client_options ours = { .ca_file = authority.certificate_file };
	fails_with(&expired, ours, "certificate has expired");
	fails_with(&stranger, ours, "self-signed certificate");
	fails_with(&good, (struct tls_client_options){ .ca_file = stranger.certificate_file }, "unable to get local issuer certificate");
	fails_with(&good, (struct tls_client_options){ 0 }, "unable to get local issuer certificate");
	fails_with(&expired, (struct tls_client_options){ .skip_verify = true }, "");
	/* A server's own certificate, or an intermediate, may be what is trusted. */
	fails_with(&stranger, (struct tls_client_options){ .ca_file = stranger.certificate_file }, "");
	fails_with(&good, (struct tls_client_options){ .ca_file = good.certificate_file }, "");
}

static void without_http2_only_http1_is_offered(void **state)
{
	tls_context_unref(client_context);
	client_context = new_client((struct tls_client_options){ .ca_file = authority.certificate_file });
	open_both();
	assert_true(slice_eq(conn_alpn(client.conn), SLICE("http/1.1")));
}

static void sessions_are_resumed_per_host(void **state)
{
	for (int i = 0; i < 3; i++) {
		open_both();
		assert_int_equal(SSL_session_reused(client.conn->tls->ssl), i > 0);
		if (i == 2) {
			/* A connection that is dropped does not spoil it for the next. */
			client.conn = conn_reset(client.conn);
			disconnect_both();
			open_both();
			assert_int_equal(SSL_session_reused(client.conn->tls->ssl), 1);
		}
		/* The ticket comes with the first read. */
		assert_int_equal(conn_write_text(server.conn, SLICE("x")), 1);
		while (client.in.len < 1)
			loop_turn(l, 100);
		disconnect_both();
	}
	connect_both(SLICE("a.wild.test"));
	assert_int_equal(SSL_session_reused(client.conn->tls->ssl), 0);
}

static void tls_1_2_works_too(void **state)
{
	SSL_CTX_set_max_proto_version(client_context->ssl, TLS1_2_VERSION);
	for (int i = 0; i < 2; i++) {
		open_both();
		assert_string_equal(SSL_get_version(client.conn->tls->ssl), "TLSv1.2");
		assert_int_equal(SSL_session_reused(client.conn->tls->ssl), i);
		assert_int_equal(conn_write_text(client.conn, SLICE("question")), 8);
		while (server.in.len < 8)
			loop_turn(l, 100);
		assert_int_equal(conn_write_text(server.conn, SLICE("answer")), 6);
		server.conn = conn_close(server.conn);
		until_over(&client);
		assert_int_equal(client.result, 0);
		assert_true(slice_eq(buf_slice(&client.in), SLICE("answer")));
		disconnect_both();
	}
	/* Older ones do not, even where the security level (which OpenSSL's builds set differently) would let them. */
	SSL_CTX_set_security_level(client_context->ssl, 0);
	SSL_CTX_set_security_level(server_context->ssl, 0);
	SSL_CTX_set_min_proto_version(client_context->ssl, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(client_context->ssl, TLS1_1_VERSION);
	connect_both(SLICE("good.test"));
	assert_int_equal(client.conn->state, CONN_FAILED);
	assert_string_equal(server.conn->error, "unsupported protocol");
}

/* Passes at most `most` bytes on; false at the end. */
static bool relay(int from, int to, size_t most)
{
	char bytes[64];
	ssize_t n = read(from, bytes, most < sizeof(bytes) ? most : sizeof(bytes));
	if (n > 0)
		assert_int_equal(write(to, bytes, (size_t)n), n);
	return n != 0;
}

static void records_may_arrive_in_any_pieces(void **state)
{
	static char data[20000];
	int left[2], right[2];
	size_t piece = 0;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 13 + i / 300);
	tcp_pair(left);
	tcp_pair(right);
	client.conn = conn_accept(l, left[0], NULL, reader_on_ready, &client);
	server.conn = conn_accept(l, right[0], server_context, reader_on_ready, &server);
	loop_turn(l, 0);
	conn_start_tls(client.conn, client_context, SLICE("good.test"));
	bool sent = false, alive = true;
	while (alive) {
		loop_turn(l, 0);
		if (!sent && server.conn->state == CONN_OPEN) {
			sent = true;
			assert_int_equal(conn_write_text(server.conn, slice_of(data, sizeof(data))), sizeof(data));
			server.conn = conn_close(server.conn);
		}
		piece = piece % 37 + 1;
		(void)relay(left[1], right[1], piece);
		alive = relay(right[1], left[1], piece);
	}
	shutdown(left[1], SHUT_WR);
	until_over(&client);
	assert_string_equal(client.conn->error, "");
	assert_int_equal(client.result, 0);
	assert_int_equal(client.in.len, sizeof(data));
	assert_memory_equal(buf_slice(&client.in).ptr, data, sizeof(data));
	close(left[1]);
	close(right[1]);
}

static int application_records;

static void count_records(int write, int version, int type, const void *data, size_t len, SSL *ssl, void *unused)
{
	/* The record header's first byte is its type (RFC 8446 §5.1): 23 = application data. */
	if (!write && type == SSL3_RT_HEADER && len > 0 && *(const unsigned char *)data == 23)
		application_records++;
}

static void head_and_body_share_a_record(void **state)
{
	char head[500], body[11000];
	memset(head, 'h', sizeof(head));
	memset(body, 'b', sizeof(body));
	/* Before the handshake: OpenSSL since 3.2 looks for the callback when a record layer is made, not later. */
	SSL_CTX_set_msg_callback(client_context->ssl, count_records);
	open_both();
	assert_int_equal(conn_write_text(server.conn, SLICE("x")), 1);
	while (client.in.len < 1)
		loop_turn(l, 100);
	application_records = 0;
	struct iovec parts[] = { { head, sizeof(head) }, { NULL, 0 }, { body, sizeof(body) } };
	assert_int_equal(conn_writev(server.conn, parts, 3), sizeof(head) + sizeof(body));
	while (client.in.len < 1 + sizeof(head) + sizeof(body))
		loop_turn(l, 100);
	assert_int_equal(application_records, 1);
	assert_memory_equal(buf_slice(&client.in).ptr + 1, head, sizeof(head));
	assert_memory_equal(buf_slice(&client.in).ptr + 1 + sizeof(head), body, sizeof(body));
}

/* RFC 6066 §4: any client may ask for them, and OpenSSL's servers agree. */
static void small_fragments_are_served(void **state)
{
	static char data[100000];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 300);
	SSL_CTX_set_tlsext_max_fragment_length(client_context->ssl, TLSEXT_max_fragment_length_512);
	open_both();
	assert_int_equal(conn_write_text(server.conn, slice_of(data, sizeof(data))), sizeof(data));
	while (client.in.len < sizeof(data))
		loop_turn(l, 100);
	assert_memory_equal(buf_slice(&client.in).ptr, data, sizeof(data));
}

/* Sends all of `data` in odd pieces, the receiver reading only every third turn. */
static void pump(struct reader *from, struct reader *to, const char *data, size_t total)
{
	size_t sent = 0, full = 0;
	to->paused = true;
	for (int turn = 0; to->in.len < total; turn++) {
		while (sent < total && from->conn->writable) {
			size_t left = total - sent, first = left < 1001 ? left : 1001;
			size_t second = left - first < 70000 ? left - first : 70000;
			struct iovec parts[] = { { (char *)data + sent, first }, { (char *)data + sent + first, second } };
			ssize_t n = conn_writev(from->conn, parts, 2);
			assert_true(n > 0 || n == -EAGAIN);
			if (n > 0)
				sent += (size_t)n;
			full += from->conn->tls->unsent.len > 0;
		}
		to->paused = turn % 3 != 0;
		if (!to->paused)
			conn_poke(to->conn);
		loop_turn(l, turn < 1000 ? 0 : 10);
		assert_true(turn < 100000);
	}
	assert_true(full > 0);
	assert_memory_equal(buf_slice(&to->in).ptr, data, total);
	to->paused = false;
}

static void back_pressure_loses_nothing(void **state)
{
	enum { TOTAL = 12 << 20 };
	char *data = xmalloc(TOTAL);
	for (size_t i = 0; i < TOTAL; i++)
		data[i] = (char)(i * 11 + i / 5000);
	open_both();
	pump(&client, &server, data, TOTAL);
	pump(&server, &client, data, TOTAL);
	free(data);
}

static void closing_delivers_what_was_taken(void **state)
{
	static char block[100000];
	size_t sent = 0;
	open_both();
	client.paused = true;
	while (server.conn->writable) {
		struct iovec part = { block, sizeof(block) };
		ssize_t n = conn_writev(server.conn, &part, 1);
		if (n > 0)
			sent += (size_t)n;
	}
	assert_true(server.conn->tls->unsent.len > 0);
	server.conn = conn_close(server.conn);
	loop_turn(l, 0);
	client.paused = false;
	conn_poke(client.conn);
	until_over(&client);
	assert_int_equal(client.result, 0);
	assert_int_equal(client.in.len, sent);
}

static void the_loop_ends_what_is_still_closing(void **state)
{
	static char block[100000];
	open_both();
	client.paused = true;
	while (server.conn->writable)
		(void)!conn_write_text(server.conn, slice_of(block, sizeof(block)));
	server.conn = conn_close(server.conn);
	loop_turn(l, 0);
	struct conn *first = client.conn;
	open_both();
	conn_close(first);
	server.conn = conn_linger(server.conn);
}

static void bytes_and_end_in_one_edge_are_all_read(void **state)
{
	open_both();
	loop_turn(l, 0);
	client.paused = true;
	assert_int_equal(conn_write_text(server.conn, SLICE("goodbye")), 7);
	server.conn = conn_close(server.conn);
	while (!client.conn->peer_closed)
		loop_turn(l, 100);
	client.paused = false;
	/* One byte at a time, so that OpenSSL holds bytes that no edge will report. */
	char text[8] = "";
	for (int i = 0; i < 7; i++)
		assert_int_equal(conn_read(client.conn, text + i, 1), 1);
	assert_string_equal(text, "goodbye");
	assert_int_equal(conn_read(client.conn, text, 1), 0);
	assert_int_equal(conn_read(client.conn, text, 1), 0);
}

static void what_is_decrypted_stays_readable(void **state)
{
	char text[8] = "";
	open_both();
	client.paused = true;
	assert_int_equal(conn_write_text(server.conn, SLICE("abc")), 3);
	ssize_t n;
	while ((n = conn_read(client.conn, text, 2)) == -EAGAIN)
		loop_turn(l, 100);
	assert_int_equal(n, 2);
	assert_true(client.conn->readable);
	unsigned ready = client.ready;
	conn_poke(client.conn);
	loop_turn(l, 0);
	assert_true(client.ready > ready);
	assert_int_equal(conn_read(client.conn, text, 2), 1);
	assert_int_equal(conn_read(client.conn, text, 2), -EAGAIN);
	assert_false(client.conn->readable);
}

static void a_cut_is_not_an_end(void **state)
{
	open_both();
	shutdown(server.conn->watch.fd, SHUT_RDWR);
	until_over(&client);
	assert_int_equal(client.result, -ECONNRESET);
	assert_string_equal(client.conn->error, "the peer closed the connection without close_notify");
	assert_int_equal(client.conn->error_kind, CONN_ERROR_RESET);
}

static void a_reset_is_a_reset(void **state)
{
	open_both();
	server.conn = conn_reset(server.conn);
	until_over(&client);
	assert_int_equal(client.result, -ECONNRESET);
	assert_true(conn_write_text(client.conn, SLICE("x")) < 0);
}

static void a_peer_without_tls_is_named(void **state)
{
	int fds[2];
	tcp_pair(fds);
	client.conn = conn_accept(l, fds[0], NULL, reader_on_ready, &client);
	loop_turn(l, 0);
	conn_start_tls(client.conn, client_context, SLICE("good.test"));
	assert_int_equal(write(fds[1], "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
	while (client.conn->state == CONN_HANDSHAKING)
		loop_turn(l, -1);
	assert_string_equal(client.conn->error, "the peer does not speak TLS (wrong version number)");
	close(fds[1]);
	disconnect_both();

	tcp_pair(fds);
	server.conn = conn_accept(l, fds[1], server_context, reader_on_ready, &server);
	assert_int_equal(write(fds[0], "GET / HTTP/1.1\r\n\r\n", 18), 18);
	while (server.conn->state == CONN_HANDSHAKING)
		loop_turn(l, -1);
	assert_int_equal(server.conn->state, CONN_FAILED);
	assert_string_equal(server.conn->error, "http request");
	close(fds[0]);
}

static void a_peer_that_leaves_during_the_handshake_is_named(void **state)
{
	int fds[2];
	tcp_pair(fds);
	client.conn = conn_accept(l, fds[0], NULL, reader_on_ready, &client);
	loop_turn(l, 0);
	conn_start_tls(client.conn, client_context, SLICE("good.test"));
	shutdown(fds[1], SHUT_WR);
	while (client.conn->state == CONN_HANDSHAKING)
		loop_turn(l, -1);
	assert_string_equal(client.conn->error, "the peer closed the connection during the handshake");
	while (!client.ready)
		loop_turn(l, -1);
	close(fds[1]);
}

static void unusable_hosts_are_refused(void **state)
{
	int fds[2];
	tcp_pair(fds);
	client.conn = conn_accept(l, fds[0], NULL, reader_on_ready, &client);
	conn_start_tls(client.conn, client_context, SLICE(""));
	assert_int_equal(client.conn->state, CONN_FAILED);
	loop_turn(l, -1);
	assert_true(client.ready > 0);
	close(fds[1]);
}

static void unusable_files_are_named(void **state)
{
	char error[256];
	struct tls_server_options s = { .certificate_file = "/nonexistent/x.crt", .key_file = good.key_file };
	assert_null(tls_server_new(&s, error, sizeof(error)));
	assert_string_equal(error, "cannot use the certificate \"/nonexistent/x.crt\": No such file or directory");
	s = (struct tls_server_options){ .certificate_file = good.certificate_file, .key_file = expired.key_file };
	assert_null(tls_server_new(&s, error, sizeof(error)));
	assert_non_null(strstr(error, "key values mismatch"));
	struct tls_client_options c = { .ca_file = good.key_file };
	assert_null(tls_client_new(&c, error, sizeof(error)));
	assert_non_null(strstr(error, "cannot use the CA file"));
	c = (struct tls_client_options){ .certificate_file = good.certificate_file, .key_file = good.key_file, .skip_verify = true };
	tls_context_unref(new_client(c));
	assert_null(tls_context_unref(NULL));
}

static void *use_cache(void *cache)
{
	for (int i = 0; i < 2000; i++) {
		char host[32];
		int len = snprintf(host, sizeof(host), "host-%d", i % 300);
		SSL_SESSION *s = tls_resumption_get(cache, slice_of(host, (size_t)len));
		SSL_SESSION_free(s);
		s = SSL_SESSION_new();
		tls_resumption_put(cache, slice_of(host, (size_t)len), s);
		SSL_SESSION_free(s);
		if (i % 50 == 0)
			tls_resumption_forget(cache, slice_of(host, (size_t)len));
	}
	return NULL;
}

static void the_session_cache_is_shared_by_threads(void **state)
{
	struct tls_resumption *cache = tls_resumption_new();
	pthread_t threads[3];
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_cache, cache), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	assert_null(tls_resumption_free(cache));
}

/* Each thread has a loop and both ends; the contexts are shared. */
static void *use_contexts(void *unused)
{
	struct loop *own = loop_new(1);
	for (int i = 0; i < 5; i++) {
		struct reader ends[2];
		int fds[2];
		tcp_pair(fds);
		reader_init(&ends[0]);
		reader_init(&ends[1]);
		ends[0].conn = conn_accept(own, fds[0], NULL, reader_on_ready, &ends[0]);
		ends[1].conn = conn_accept(own, fds[1], server_context, reader_on_ready, &ends[1]);
		conn_start_tls(ends[0].conn, client_context, SLICE("good.test"));
		while (ends[0].conn->state == CONN_HANDSHAKING || ends[1].conn->state == CONN_HANDSHAKING)
			loop_turn(own, 100);
		(void)!conn_write_text(ends[1].conn, SLICE("x"));
		while (ends[0].in.len < 1 && !ends[0].over)
			loop_turn(own, 100);
		reader_done(&ends[0]);
		reader_done(&ends[1]);
	}
	return loop_free(own);
}

static void contexts_are_shared_by_threads(void **state)
{
	pthread_t threads[3];
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_contexts, NULL), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(carries_bytes_both_ways), T(names_and_addresses_are_verified), T(untrusted_certificates_are_refused_in_words),
		T(without_http2_only_http1_is_offered), T(sessions_are_resumed_per_host), T(tls_1_2_works_too),
		T(records_may_arrive_in_any_pieces), T(head_and_body_share_a_record), T(small_fragments_are_served),
		T(back_pressure_loses_nothing), T(closing_delivers_what_was_taken), T(the_loop_ends_what_is_still_closing),
		T(bytes_and_end_in_one_edge_are_all_read), T(what_is_decrypted_stays_readable), T(a_cut_is_not_an_end),
		T(a_reset_is_a_reset), T(a_peer_without_tls_is_named), T(a_peer_that_leaves_during_the_handshake_is_named),
		T(unusable_hosts_are_refused), T(unusable_files_are_named), T(the_session_cache_is_shared_by_threads),
		T(contexts_are_shared_by_threads),
	};
	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
