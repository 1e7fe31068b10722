/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a connection: names, refusals, proxies, TLS, and the time all of it may take. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "http/client_test.h"
#include "net/conn.h"

#define ANSWER "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

static void opened_connections_are_counted(void **state)
{
	struct client_request r;
	struct owner o;
	struct test t;

	test_init(&t, NULL);
	r = test_get(&t);
	owner_open(&o, &t, &r);
	assert_int_equal(test_counts(&t).connecting, 1);
	assert_int_equal(test_counts(&t).active, 1);
	UNTIL(&t, o.stream->state == CLIENT_AWAITING_HEAD);
	assert_int_equal(test_counts(&t).connecting, 0);
	assert_int_equal(test_counts(&t).opened, 1);
	assert_true(o.events > 0);
	owner_close(&o);
	test_done(&t);
}

/* Nothing is sent, nothing is kept, and a connection that is there already proves nothing. */
static void only_connecting(void **state)
{
	struct client_request r;
	struct owner first, o;
	struct test t;
	char byte;
	int peer, probed;

	test_init(&t, NULL);
	r = test_get(&t);
	owner_open(&first, &t, &r);
	peer = peer_accept(&t);
	UNTIL(&t, first.stream->state == CLIENT_AWAITING_HEAD);
	peer_send(peer, ANSWER);
	UNTIL(&t, owner_is_over(&first));
	owner_close(&first);
	assert_int_equal(test_counts(&t).idle, 1);
	r.connect_only = true;
	owner_open(&o, &t, &r);
	probed = peer_accept(&t);
	UNTIL(&t, o.stream->state == CLIENT_DONE);
	assert_int_equal(o.stream->status, 0);
	assert_false(o.stream->request_sent);
	assert_true(o.events > 0);
	assert_int_equal(read(probed, &byte, 1), 0);
	owner_close(&o);
	assert_int_equal(test_counts(&t).opened, 2);
	assert_int_equal(test_counts(&t).idle, 1);
	assert_int_equal(test_counts(&t).active, 0);
	close(probed);
	close(t.listener);
	owner_open(&o, &t, &r);
	UNTIL(&t, o.events > 0);
	assert_failed(&o, FAILURE_REFUSED);
	owner_close(&o);
	close(peer);
	t.listener = -1;
	test_done(&t);
}

static void nobody_there(void **state)
{
	struct client_request r;
	struct owner o;
	struct test t;

	test_init(&t, NULL);
	r = test_get(&t);
	close(t.listener);
	owner_open(&o, &t, &r);
	UNTIL(&t, o.events > 0);
	assert_failed(&o, FAILURE_REFUSED);
	assert_non_null(strstr(o.stream->failure->message, "127.0.0.1"));
	assert_non_null(strstr(o.stream->failure->message, "connection refused"));
	assert_false(o.stream->request_sent);
	owner_close(&o);
	t.listener = -1;
	test_done(&t);
}

/* A name that cannot be one is refused without asking anybody. */
static void a_name_that_does_not_resolve(void **state)
{
	char host[256];
	struct client_request r;
	struct owner o;
	struct test t;

	test_init(&t, NULL);
	memset(host, 'x', sizeof(host));
	t.origin.url.host = slice_of(host, 255);
	r = test_get(&t);
	owner_open(&o, &t, &r);
	UNTIL(&t, o.events > 0);
	assert_failed(&o, FAILURE_DNS);
	owner_close(&o);
	assert_int_equal(test_counts(&t).connecting, 0);
	test_done(&t);
}

/* Proxies. */

static void set_proxy(struct test *t, struct outbound_proxy *proxy)
{
	*proxy = (struct outbound_proxy){ .set = true, .url = test_url(t, "http://127.0.0.1", t->port),
					  .authorization = SLICE("Basic c2VjcmV0") };
}

static void plain_requests_go_to_the_proxy_whole(void **state)
{
	struct client_request r;
	struct owner o;
	struct test t;
	int peer;

	test_init(&t, NULL);
	set_proxy(&t, &t.proxies.http);
	t.origin.url = test_url(&t, "http://provider.test", 8080);
	for (int i = 0; i < 2; i++) {
		r = test_get(&t);
		r.target = SLICE("/v1?a=b");
		owner_open(&o, &t, &r);
		if (i == 0)
			peer = peer_accept(&t);
		peer_expect(&t, peer, "GET http://provider.test:8080/v1?a=b HTTP/1.1\r\nhost: provider.test:8080\r\n"
			    "proxy-authorization: Basic c2VjcmV0\r\naccept-encoding: identity\r\n\r\n");
		peer_send(peer, ANSWER);
		UNTIL(&t, owner_is_over(&o));
		assert_complete(&o, 200, "ok");
		owner_close(&o);
	}
	assert_int_equal(test_counts(&t).opened, 1);
	close(peer);
	test_done(&t);
}

static void a_proxy_that_is_not_there(void **state)
{
	struct client_request r;
	struct owner o;
	struct test t;

	test_init(&t, NULL);
	set_proxy(&t, &t.proxies.http);
	t.origin.url = test_url(&t, "http://provider.test", 8080);
	r = test_get(&t);
	close(t.listener);
	owner_open(&o, &t, &r);
	UNTIL(&t, o.events > 0);
	assert_failed(&o, FAILURE_REFUSED);
	assert_non_null(strstr(o.stream->failure->message, "proxy"));
	assert_null(strstr(o.stream->failure->message, "c2VjcmV0"));
	owner_close(&o);
	t.listener = -1;
	test_done(&t);
}

/* TLS. */

struct certificate {
	char certificate_file[64], key_file[64];
};

static FILE *open_temporary(char path[static 64])
{
	int fd;
	FILE *f;

	snprintf(path, 64, "/tmp/client-connect-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	return f;
}

/* Self-signed, for 127.0.0.1 and provider.test. */
static void make_certificate(struct certificate *c)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1,DNS:provider.test");
	FILE *f;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_add_ext(x, names, -1);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	f = open_temporary(c->certificate_file);
	PEM_write_X509(f, x);
	fclose(f);
	f = open_temporary(c->key_file);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_EXTENSION_free(names);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* A TLS server in the client's own loop: takes a request, says `answer`, ends as told. */
struct secure_peer {
	struct conn *conn;
	const char *answer;
	enum { PEER_STAYS, PEER_ENDS, PEER_CUTS } then;
	struct buf got;
	bool answered;
};

static void secure_peer_ready(struct conn *c)
{
	struct secure_peer *p = c->owner;
	char bytes[4096];
	ssize_t n;

	while (c->state == CONN_OPEN && (n = conn_read(c, bytes, sizeof(bytes))) > 0)
		assert_true(buf_append(&p->got, bytes, (size_t)n));
	if (p->answered || !slice_ends_with(buf_slice(&p->got), SLICE("\r\n\r\n")))
		return;
	p->answered = true;
	conn_writev(c, &(struct iovec){ (char *)(uintptr_t)p->answer, strlen(p->answer) }, 1);
	if (p->then == PEER_CUTS)
		shutdown(c->watch.fd, SHUT_RDWR);
	if (p->then != PEER_STAYS)
		p->conn = conn_close(c);
}

struct secure_test {
	struct test t;
	struct certificate certificate;
	struct tls_context *server, *client;
	struct secure_peer peer;
	struct owner owner;
};

static void secure_init(struct secure_test *s, bool trusted)
{
	char error[256];

	test_init(&s->t, NULL);
	make_certificate(&s->certificate);
	s->server = tls_server_new(&(struct tls_server_options){ .certificate_file = s->certificate.certificate_file,
								 .key_file = s->certificate.key_file }, error, sizeof(error));
	assert_non_null(s->server);
	s->client = tls_client_new(&(struct tls_client_options){ .ca_file = trusted ? s->certificate.certificate_file : NULL }, error,
				   sizeof(error));
	assert_non_null(s->client);
	s->t.origin.tls = s->client;
	s->t.origin.url = test_url(&s->t, "https://127.0.0.1", s->t.port);
	s->peer = (struct secure_peer){ .answer = ANSWER };
	buf_init(&s->peer.got, 64 << 10);
}

static void secure_done(struct secure_test *s)
{
	conn_close(s->peer.conn);
	buf_done(&s->peer.got);
	test_done(&s->t);
	tls_context_unref(s->server);
	tls_context_unref(s->client);
	unlink(s->certificate.certificate_file);
	unlink(s->certificate.key_file);
}

static void secure_open(struct secure_test *s)
{
	struct client_request r = test_get(&s->t);

	owner_open(&s->owner, &s->t, &r);
}

static void secure_accept(struct secure_test *s, int fd)
{
	s->peer.conn = conn_accept(s->t.loop, fd, s->server, secure_peer_ready, &s->peer);
}

static void tls_carries_requests(void **state)
{
	struct secure_test s;
	char expected[128];

	secure_init(&s, true);
	for (int i = 0; i < 3; i++) {
		s.peer.answered = false;
		buf_clear(&s.peer.got);
		secure_open(&s);
		if (i == 0)
			secure_accept(&s, peer_accept(&s.t));
		UNTIL(&s.t, owner_is_over(&s.owner));
		assert_complete(&s.owner, 200, "ok");
		snprintf(expected, sizeof(expected), "GET / HTTP/1.1\r\nhost: 127.0.0.1:%u\r\naccept-encoding: identity\r\n\r\n", s.t.port);
		assert_true(slice_eq(buf_slice(&s.peer.got), slice_cstr(expected)));
		owner_close(&s.owner);
		/* Session tickets that arrive meanwhile are no reason to drop it. */
		loop_turn(s.t.loop, TEST_WAIT_MS);
		assert_int_equal(test_counts(&s.t).idle, 1);
	}
	assert_int_equal(test_counts(&s.t).opened, 1);
	secure_done(&s);
}

static void over_tls_an_end_needs_close_notify(void **state)
{
	for (int cuts = 0; cuts < 2; cuts++) {
		struct secure_test s;

		secure_init(&s, true);
		s.peer.answer = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
		s.peer.then = cuts ? PEER_CUTS : PEER_ENDS;
		secure_open(&s);
		secure_accept(&s, peer_accept(&s.t));
		UNTIL(&s.t, owner_is_over(&s.owner));
		if (cuts)
			assert_failed(&s.owner, FAILURE_CUT);
		else
			assert_complete(&s.owner, 200, "until the end");
		assert_true(slice_eq(buf_slice(&s.owner.body), SLICE("until the end")));
		owner_close(&s.owner);
		secure_done(&s);
	}
}

static void a_stale_tls_connection_is_replaced(void **state)
{
	struct secure_test s;

	secure_init(&s, true);
	secure_open(&s);
	secure_accept(&s, peer_accept(&s.t));
	UNTIL(&s.t, owner_is_over(&s.owner));
	owner_close(&s.owner);
	secure_open(&s);
	assert_true(s.owner.stream->reused);
	s.peer.conn = conn_close(s.peer.conn);
	s.peer.answered = false;
	buf_clear(&s.peer.got);
	secure_accept(&s, peer_accept(&s.t));
	UNTIL(&s.t, owner_is_over(&s.owner));
	assert_complete(&s.owner, 200, "ok");
	assert_int_equal(test_counts(&s.t).stale_retries, 1);
	owner_close(&s.owner);
	secure_done(&s);
}

static void an_untrusted_certificate_is_a_tls_failure(void **state)
{
	struct secure_test s;

	secure_init(&s, false);
	secure_open(&s);
	secure_accept(&s, peer_accept(&s.t));
	UNTIL(&s.t, s.owner.stream->state == CLIENT_FAILED);
	assert_failed(&s.owner, FAILURE_TLS);
	assert_non_null(strstr(s.owner.stream->failure->message, "127.0.0.1"));
	assert_false(s.owner.stream->request_sent);
	assert_int_equal(s.peer.got.len, 0);
	owner_close(&s.owner);
	secure_done(&s);
}

static void a_plain_server_is_a_tls_failure(void **state)
{
	struct secure_test s;
	int peer;

	secure_init(&s, true);
	secure_open(&s);
	peer = peer_accept(&s.t);
	peer_send(peer, "HTTP/1.1 400 Bad Request\r\n\r\n");
	UNTIL(&s.t, s.owner.stream->state == CLIENT_FAILED);
	assert_failed(&s.owner, FAILURE_TLS);
	owner_close(&s.owner);
	close(peer);
	secure_done(&s);
}

/* Tunnels. */

#define CONNECT "CONNECT provider.test:443 HTTP/1.1\r\nhost: provider.test:443\r\nproxy-authorization: Basic c2VjcmV0\r\n\r\n"

/* Up to the proxy's reply, which is left to the caller. */
static int open_tunnel(struct secure_test *s)
{
	int peer;

	secure_init(s, true);
	set_proxy(&s->t, &s->t.proxies.https);
	s->t.origin.url = test_url(&s->t, "https://provider.test", 443);
	secure_open(s);
	peer = peer_accept(&s->t);
	peer_expect(&s->t, peer, CONNECT);
	return peer;
}

static void tls_goes_through_a_tunnel(void **state)
{
	static const char *const replies[] = {
		"HTTP/1.1 200 Connection established\r\n\r\n",
		"HTTP/1.0 200 OK\r\nproxy-agent: x\r\ncontent-length: 0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
	};

	for (size_t i = 0; i < COUNT_OF(replies); i++) {
		struct slice rest = slice_cstr(replies[i]);
		struct secure_test s;
		int peer = open_tunnel(&s);

		while (rest.len) {
			peer_send_slice(peer, slice_of(rest.ptr, 1));
			rest = slice_after(rest, 1);
			loop_turn(s.t.loop, rest.len ? TEST_WAIT_MS : 0);
		}
		secure_accept(&s, peer);
		UNTIL(&s.t, owner_is_over(&s.owner));
		assert_complete(&s.owner, 200, "ok");
		assert_true(slice_eq(buf_slice(&s.peer.got), SLICE("GET / HTTP/1.1\r\nhost: provider.test\r\naccept-encoding: identity\r\n\r\n")));
		owner_close(&s.owner);
		assert_int_equal(test_counts(&s.t).idle, 1);
		secure_done(&s);
	}
}

static void proxies_that_give_no_way(void **state)
{
	static const struct { const char *reply; enum failure_kind kind; const char *word; } cases[] = {
		{ "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 5\r\n\r\nhello", FAILURE_REFUSED, "407" },
		{ "HTTP/1.1 502 Bad Gateway\r\n\r\n", FAILURE_REFUSED, "502" },
		{ "HTTP/1.1 302 Found\r\nlocation: http://x/\r\n\r\n", FAILURE_REFUSED, "302" },
		{ "HTTP/1.1 200 OK\r\n\r\nand more", FAILURE_MALFORMED, "follow" },
		{ "hello", FAILURE_MALFORMED, "not HTTP" },
		{ "", FAILURE_REFUSED, "closed" },
		{ "HTTP/1.1 200 OK\r\n", FAILURE_REFUSED, "closed" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct secure_test s;
		int peer = open_tunnel(&s);

		peer_send(peer, cases[i].reply);
		shutdown(peer, SHUT_WR);
		UNTIL(&s.t, s.owner.stream->state == CLIENT_FAILED);
		assert_failed(&s.owner, cases[i].kind);
		assert_non_null(strstr(s.owner.stream->failure->message, cases[i].word));
		assert_non_null(strstr(s.owner.stream->failure->message, "provider.test"));
		assert_null(strstr(s.owner.stream->failure->message, "c2VjcmV0"));
		assert_false(s.owner.stream->request_sent);
		owner_close(&s.owner);
		close(peer);
		secure_done(&s);
	}
}

static void a_proxy_that_talks_without_end(void **state)
{
	struct secure_test s;
	int peer = open_tunnel(&s);

	peer_send(peer, "HTTP/1.1 200 OK\r\n");
	while (s.owner.stream->state != CLIENT_FAILED) {
		send(peer, "x-filler: 0123456789012345678901234567890123456789\r\n", 52, MSG_NOSIGNAL);
		loop_turn(s.t.loop, 0);
	}
	assert_failed(&s.owner, FAILURE_MALFORMED);
	owner_close(&s.owner);
	close(peer);
	secure_done(&s);
}

/* Time. */

static void connecting_has_a_time_limit(void **state)
{
	for (int tunnel = 0; tunnel < 2; tunnel++) {
		struct client_request r;
		struct secure_test s;
		int peer;

		secure_init(&s, true);
		if (tunnel)
			set_proxy(&s.t, &s.t.proxies.https);
		r = test_get(&s.t);
		r.connect_timeout_ms = 20;
		owner_open(&s.owner, &s.t, &r);
		peer = peer_accept(&s.t);
		UNTIL(&s.t, s.owner.stream->state == CLIENT_FAILED);
		assert_failed(&s.owner, FAILURE_TIMEOUT_CONNECT);
		assert_non_null(strstr(s.owner.stream->failure->message, tunnel ? "proxy" : "TLS"));
		UNTIL(&s.t, peer_sees_end(peer));
		owner_close(&s.owner);
		close(peer);
		secure_done(&s);
	}
}

static void the_time_limit_ends_with_connecting(void **state)
{
	struct client_request r;
	struct owner o;
	struct test t;
	int64_t later;
	int peer;

	test_init(&t, NULL);
	r = test_get(&t);
	r.connect_timeout_ms = 10;
	owner_open(&o, &t, &r);
	peer = peer_accept(&t);
	peer_take_head(&t, peer);
	later = loop_now(t.loop) + 20 * 1000000;
	UNTIL(&t, loop_now(t.loop) > later);
	assert_int_equal(o.stream->state, CLIENT_AWAITING_HEAD);
	owner_close(&o);
	close(peer);
	test_done(&t);
}

static void closing_while_connecting_is_safe(void **state)
{
	for (int turns = 0; turns < 8; turns++) {
		struct secure_test s;

		secure_init(&s, true);
		secure_open(&s);
		secure_accept(&s, peer_accept(&s.t));
		for (int turn = 0; turn < turns; turn++)
			loop_turn(s.t.loop, 0);
		owner_close(&s.owner);
		assert_int_equal(test_counts(&s.t).connecting, 0);
		UNTIL(&s.t, s.peer.conn->peer_closed || s.peer.conn->state == CONN_FAILED);
		secure_done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opened_connections_are_counted),
		cmocka_unit_test(only_connecting),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(a_name_that_does_not_resolve),
		cmocka_unit_test(plain_requests_go_to_the_proxy_whole),
		cmocka_unit_test(a_proxy_that_is_not_there),
		cmocka_unit_test(tls_carries_requests),
		cmocka_unit_test(over_tls_an_end_needs_close_notify),
		cmocka_unit_test(a_stale_tls_connection_is_replaced),
		cmocka_unit_test(an_untrusted_certificate_is_a_tls_failure),
		cmocka_unit_test(a_plain_server_is_a_tls_failure),
		cmocka_unit_test(tls_goes_through_a_tunnel),
		cmocka_unit_test(proxies_that_give_no_way),
		cmocka_unit_test(a_proxy_that_talks_without_end),
		cmocka_unit_test(connecting_has_a_time_limit),
		cmocka_unit_test(the_time_limit_ends_with_connecting),
		cmocka_unit_test(closing_while_connecting_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
