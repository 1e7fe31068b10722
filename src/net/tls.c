/* SPDX-License-Identifier: Apache-2.0 */
/* TLS contexts: what a listener or a kind of destination needs, made once and shared by all workers. */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include "net/tls_internal.h"

/* Room for two full records, so that one recv brings more than one; freed whenever it is empty. */
enum { TLS_READ_BUFFER = 33 << 10 };

/* The oldest error is the cause; what follows it only says which functions passed it on. */
static bool fail(char *reterr, size_t size, const char *what, const char *file)
{
	char text[128];
	unsigned long e = ERR_peek_error();
	const char *reason =
		ERR_SYSTEM_ERROR(e) ? strerror_r(ERR_GET_REASON(e), text, sizeof(text)) : ERR_reason_error_string(e);
	snprintf(reterr, size, "%s \"%s\": %s", what, file, reason ? reason : "unknown error");
	ERR_clear_error();
	return false;
}

/* A key with a passphrase must not make OpenSSL ask for it on the terminal. */
static int no_passphrase(char *out, int size, int writing, void *unused)
{
	return 0;
}

static bool use_certificate(SSL_CTX *ssl, const char *certificate, const char *key, char *reterr, size_t size)
{
	SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ssl, certificate) != 1)
		return fail(reterr, size, "cannot use the certificate", certificate);
	if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1)
		return fail(reterr, size, "cannot use the key", key);
	if (SSL_CTX_check_private_key(ssl) != 1)
		return fail(reterr, size, "the key does not belong to the certificate: key", key);
	return true;
}

static struct tls_context *context_new(bool server, bool http2)
{
	struct tls_context *c = xcalloc(1, sizeof(*c));
	c->references = 1;
	c->server = server;
	c->http2 = http2;
	c->ssl = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (!c->ssl)
		out_of_memory();
	SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION);
	SSL_CTX_set_options(c->ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(c->ssl, 1);
	SSL_CTX_set_default_read_buffer_len(c->ssl, TLS_READ_BUFFER);
	return c;
}

/* ALPN protocol lists (RFC 7301): each name after its length. */
static const unsigned char alpn_both[] = "\x02h2\x08http/1.1";
static const unsigned char alpn_http1[] = "\x08http/1.1";

static void alpn_offer(const struct tls_context *c, const unsigned char **names, unsigned *len)
{
	*names = c->http2 ? alpn_both : alpn_http1;
	*len = (unsigned)(c->http2 ? sizeof(alpn_both) : sizeof(alpn_http1)) - 1;
}

static int alpn_select(SSL *ssl, const unsigned char **ret, unsigned char *ret_len, const unsigned char *offered,
		       unsigned offered_len, void *context)
{
	const unsigned char *names;
	unsigned char *chosen;
	unsigned len;
	alpn_offer(context, &names, &len);
	/* RFC 7301 §3.2: no protocol in common is fatal. */
	if (SSL_select_next_proto(&chosen, ret_len, names, len, offered, offered_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

struct tls_context *tls_server_new(const struct tls_server_options *o, char *reterr, size_t size)
{
	struct tls_context *c = context_new(true, o->http2);
	if (!use_certificate(c->ssl, o->certificate_file, o->key_file, reterr, size))
		return tls_context_unref(c);
	SSL_CTX_set_alpn_select_cb(c->ssl, alpn_select, c);
	/* Resumption by tickets only: they cost the server no memory. */
	SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(c->ssl, (const unsigned char *)"weir", 4);
	SSL_CTX_set_num_tickets(c->ssl, 1);
	return c;
}

/* OpenSSL has a new ticket for a connection; 0 = we keep no reference. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_session *s = SSL_get_app_data(ssl);
	if (s && s->context->resumption)
		tls_resumption_put(s->context->resumption, slice_cstr(s->host), session);
	return 0;
}

static bool use_ca_file(SSL_CTX *ssl, const char *file, char *reterr, size_t size)
{
	ERR_clear_error();
	return SSL_CTX_load_verify_file(ssl, file) == 1 || fail(reterr, size, "cannot use the CA file", file);
}

struct tls_context *tls_client_new(const struct tls_client_options *o, char *reterr, size_t size)
{
	struct tls_context *c = context_new(false, o->http2);
	const unsigned char *names;
	unsigned len;

	if (o->ca_file && !use_ca_file(c->ssl, o->ca_file, reterr, size))
		return tls_context_unref(c);
	if (o->certificate_file && !use_certificate(c->ssl, o->certificate_file,
						    o->key_file ? o->key_file : o->certificate_file, reterr, size))
		return tls_context_unref(c);
	c->system_store = !o->ca_file && !o->skip_verify;
	SSL_CTX_set_verify(c->ssl, o->skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	/* A configured intermediate, or a server's own certificate, is trusted as it is. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(c->ssl), X509_V_FLAG_PARTIAL_CHAIN);
	alpn_offer(c, &names, &len);
	if (SSL_CTX_set_alpn_protos(c->ssl, names, len) != 0)
		out_of_memory();
	SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ssl, on_new_session);
	c->resumption = tls_resumption_new();
	return c;
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
	if (c)
		atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
	return c;
}

struct tls_context *tls_context_unref(struct tls_context *c)
{
	if (c && atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) == 1) {
		tls_resumption_free(c->resumption);
		SSL_CTX_free(c->ssl);
		free(c);
	}
	return NULL;
}

static X509_STORE *system_store;
static pthread_once_t system_store_once = PTHREAD_ONCE_INIT;

static void load_system_store(void)
{
	system_store = X509_STORE_new();
	if (!system_store)
		out_of_memory();
	/* Also follows SSL_CERT_FILE and SSL_CERT_DIR. Without any certificates each handshake says what is missing. */
	(void)X509_STORE_set_default_paths(system_store);
	ERR_clear_error();
}

X509_STORE *tls_system_store(void)
{
	pthread_once(&system_store_once, load_system_store);
	return system_store;
}
