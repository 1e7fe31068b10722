/* SPDX-License-Identifier: Apache-2.0 */
/* TLS on one connection. OpenSSL reads and writes through our own BIO:
 *
 *   reading   a short recv means that the socket is empty; the BIO remembers it and spares the recv that would only
 *             return EAGAIN. OpenSSL reads ahead, so one recv brings several records.
 *   writing   records are gathered in a buffer of the loop and leave in one send when the call into OpenSSL is over
 *             (settle()). Only what the socket does not take is copied to the session.
 *
 * Every call into OpenSSL that may write is followed by settle(), so the loop's buffer is empty between calls. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include "net/address.h"
#include "net/conn_internal.h"
#include "net/loop_internal.h"
#include "net/tls_internal.h"

enum {
	TLS_RECORD_MAX = 16 << 10,     /* RFC 8446 §5.1 */
	TLS_WRITE_MAX = 128 << 10,     /* plain bytes taken by one call: bounds what can be left unsent */
	TLS_UNSENT_MAX = LOOP_TLS_BATCH_MAX
};

/* The BIO. */

static int bio_read(BIO *bio, char *out, int cap)
{
	struct tls_session *s = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	while (s->in_ready) {
		ssize_t n = recv(s->fd, out, (size_t)cap, 0);
		if (n > 0) {
			if (n < cap && !s->saw_hangup)
				s->in_ready = false;
			return (int)n;
		}
		if (n == 0) {
			s->at_end = true;
			return 0;
		}
		if (errno == EAGAIN) {
			s->in_ready = false;
		} else if (errno != EINTR) {
			s->error = errno;
			return -1;
		}
	}
	BIO_set_retry_read(bio);
	return -1;
}

static int bio_write(BIO *bio, const char *data, int len)
{
	struct tls_session *s = BIO_get_data(bio);
	/* Order: what is gathered now may not overtake what is left from before. */
	struct buf *to = s->unsent.len > 0 ? &s->unsent : &s->loop->tls_batch;
	BIO_clear_retry_flags(bio);
	if (buf_append(to, data, (size_t)len))
		return len;
	BIO_set_retry_write(bio);
	return -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	const struct tls_session *s = BIO_get_data(bio);
	if (command == BIO_CTRL_EOF)
		return s->at_end;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;
static pthread_once_t bio_method_once = PTHREAD_ONCE_INIT;

static void make_bio_method(void)
{
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir connection");
	if (!bio_method)
		out_of_memory();
	BIO_meth_set_read(bio_method, bio_read);
	BIO_meth_set_write(bio_method, bio_write);
	BIO_meth_set_ctrl(bio_method, bio_control);
}

static BIO *bio_new(struct tls_session *s)
{
	pthread_once(&bio_method_once, make_bio_method);
	BIO *bio = BIO_new(bio_method);
	if (!bio)
		out_of_memory();
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	return bio;
}

/* Sends from the front of `b`; stops when the socket is full or broken. */
static void send_from(struct tls_session *s, struct buf *b)
{
	while (b->len > 0 && s->out_ready && !s->error) {
		struct slice rest = buf_slice(b);
		ssize_t n = send(s->fd, rest.ptr, rest.len, MSG_NOSIGNAL);
		if (n >= 0) {
			s->out_ready = (size_t)n == rest.len;
			b->start += (size_t)n;
			b->len -= (size_t)n;
		} else if (errno == EAGAIN) {
			s->out_ready = false;
		} else if (errno != EINTR) {
			s->error = errno;
		}
	}
}

/* Sends what OpenSSL has written and keeps the rest. */
static void settle(struct tls_session *s)
{
	struct buf *batch = &s->loop->tls_batch;
	send_from(s, batch);
	if (batch->len > 0 && !s->error && !buf_append_slice(&s->unsent, buf_slice(batch)))
		s->error = ENOBUFS;
	buf_clear(batch);
}

int tls_session_flush(struct tls_session *s)
{
	send_from(s, &s->unsent);
	if (s->error)
		return -s->error;
	if (s->unsent.len > 0)
		return -EAGAIN;
	buf_done(&s->unsent);
	return 0;
}

/* Life. */

struct tls_session *tls_session_new(struct tls_context *c, struct loop *l, int fd, char *sentence, size_t size)
{
	struct tls_session *s = xcalloc(1, sizeof(*s));
	s->ssl = SSL_new(c->ssl);
	if (!s->ssl)
		out_of_memory();
	s->context = tls_context_ref(c);
	s->loop = l;
	s->fd = fd;
	s->out_ready = true;
	s->sentence = sentence;
	s->sentence_size = size;
	buf_init(&s->unsent, TLS_UNSENT_MAX);
	BIO *bio = bio_new(s);
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_app_data(s->ssl, s);
	if (c->server)
		SSL_set_accept_state(s->ssl);
	else
		SSL_set_connect_state(s->ssl);
	if (c->system_store && SSL_set1_verify_cert_store(s->ssl, tls_system_store()) != 1)
		out_of_memory();
	return s;
}

struct tls_session *tls_session_free(struct tls_session *s)
{
	if (s) {
		SSL_free(s->ssl);
		tls_context_unref(s->context);
		buf_done(&s->unsent);
		free(s);
	}
	return NULL;
}

bool tls_session_set_host(struct tls_session *s, struct slice host)
{
	struct address ip;
	if (host.len > 2 && host.ptr[0] == '[')
		host = slice_of(host.ptr + 1, host.len - 2);
	if (host.len > 1 && host.ptr[host.len - 1] == '.')
		host.len--;
	if (host.len == 0 || host.len >= sizeof(s->host) || memchr(host.ptr, '\0', host.len)) {
		snprintf(s->sentence, s->sentence_size, "not a host name that TLS can verify");
		return false;
	}
	for (size_t i = 0; i < host.len; i++)
		s->host[i] = host.ptr[i] >= 'A' && host.ptr[i] <= 'Z' ? (char)(host.ptr[i] + 32) : host.ptr[i];

	X509_VERIFY_PARAM *verify = SSL_get0_param(s->ssl);
	bool is_ip = address_from_ip(host, 0, &ip);
	bool set = is_ip ? X509_VERIFY_PARAM_set1_ip_asc(verify, s->host) == 1
			 : SSL_set1_host(s->ssl, s->host) == 1 && SSL_set_tlsext_host_name(s->ssl, s->host) == 1;
	if (!set) {
		ERR_clear_error();
		snprintf(s->sentence, s->sentence_size, "not a host name that TLS can verify");
		return false;
	}
	SSL_set_hostflags(s->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	SSL_SESSION *session = tls_resumption_get(s->context->resumption, slice_cstr(s->host));
	if (session) {
		SSL_set_session(s->ssl, session);
		SSL_SESSION_free(session);
	}
	return true;
}

/* Errors. */

static void describe(struct tls_session *s)
{
	char text[128];
	unsigned long e = ERR_peek_error();
	long verified = SSL_get_verify_result(s->ssl);
	const char *reason = ERR_reason_error_string(e);

	if (s->at_end)
		reason = s->established ? "the peer closed the connection without close_notify"
					: "the peer closed the connection during the handshake";
	else if (s->error)
		reason = conn_errno_text(s->error, text, sizeof(text));
	else if (ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
		 verified != X509_V_OK)
		reason = X509_verify_cert_error_string(verified);
	else if (ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == SSL_R_WRONG_VERSION_NUMBER)
		reason = "the peer does not speak TLS (wrong version number)";
	snprintf(s->sentence, s->sentence_size, "%s", reason ? reason : "TLS failed");
}

/* OpenSSL said that it is over: a positive errno, kept for good. */
static int broken(struct tls_session *s, int otherwise)
{
	describe(s);
	ERR_clear_error();
	if (!s->error)
		s->error = s->at_end ? ECONNRESET : otherwise;
	return s->error;
}

int tls_session_handshake(struct tls_session *s)
{
	ERR_clear_error();
	int result = s->error ? -1 : SSL_do_handshake(s->ssl);
	int why = result == 1 ? SSL_ERROR_NONE : SSL_get_error(s->ssl, result);
	if (result != 1 && (s->error || (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE))) {
		/* Before settle(): the alert that tells the peer is still to be sent. */
		describe(s);
		if (s->context->resumption)
			tls_resumption_forget(s->context->resumption, slice_cstr(s->host));
	}
	if (s->unsent.len > 0)
		(void)tls_session_flush(s);
	settle(s);
	if (result == 1) {
		s->established = true;
		return 0;
	}
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return s->error ? -broken(s, EPROTO) : -EAGAIN;
	ERR_clear_error();
	s->error = s->error ? s->error : EPROTO;
	return -s->error;
}

/* Bytes. */

ssize_t tls_session_read(struct tls_session *s, char *out, size_t cap)
{
	size_t got = 0;
	bool over = false;
	while (got < cap && !s->error) {
		size_t n = 0;
		/* Nothing is left here or in the socket: OpenSSL would only allocate a buffer to say so. */
		if (got > 0 && !s->in_ready && !SSL_has_pending(s->ssl))
			break;
		ERR_clear_error();
		if (SSL_read_ex(s->ssl, out + got, cap - got, &n) == 1) {
			got += n;
			continue;
		}
		int why = SSL_get_error(s->ssl, 0);
		over = why == SSL_ERROR_ZERO_RETURN;
		if (!over && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			(void)broken(s, EPROTO);
		break;
	}
	/* Reading may have answered a key update, or sent an alert. */
	if (s->loop->tls_batch.len > 0)
		settle(s);
	if (got > 0)
		return (ssize_t)got;
	if (s->error)
		return -s->error;
	return over ? 0 : -EAGAIN;
}

/* Where the next record's bytes come from: straight from a piece that fills it (or is the last), else gathered from
 * several pieces, so that a head and a short body share one record. */
struct cursor {
	const struct iovec *iov;
	int left;
	size_t offset;                 /* within the first piece */
};

static struct slice next_record(struct cursor *at, size_t most, char *gather)
{
	size_t len = 0;
	if (most > TLS_RECORD_MAX)
		most = TLS_RECORD_MAX;
	while (at->left > 0 && len < most) {
		size_t have = at->iov->iov_len - at->offset;
		if (have == 0) {
			at->iov++;
			at->left--;
			at->offset = 0;
			continue;
		}
		const char *from = (const char *)at->iov->iov_base + at->offset;
		size_t take = have < most - len ? have : most - len;
		bool whole = len == 0 && (take == most || at->left == 1);
		if (!whole)
			memcpy(gather + len, from, take);
		len += take;
		at->offset += take;
		if (whole)
			return slice_of(from, len);
	}
	return slice_of(gather, len);
}

ssize_t tls_session_writev(struct tls_session *s, const struct iovec *iov, int count)
{
	char gather[TLS_RECORD_MAX];
	struct cursor at = { .iov = iov, .left = count };
	size_t taken = 0;

	int r = tls_session_flush(s);
	if (r < 0)
		return r;
	while (taken < TLS_WRITE_MAX) {
		struct slice record = next_record(&at, TLS_WRITE_MAX - taken, gather);
		size_t n = 0;
		if (record.len == 0)
			break;
		ERR_clear_error();
		if (SSL_write_ex(s->ssl, record.ptr, record.len, &n) != 1) {
			(void)broken(s, EPIPE);
			break;
		}
		taken += n;
		/* A peer that asked for small fragments (RFC 6066 §4) gets several records from one call. */
		check(n == record.len, "bytes were written in part");
	}
	settle(s);
	return s->error ? -s->error : (ssize_t)taken;
}

void tls_session_end(struct tls_session *s)
{
	if (s->error)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(s->ssl);
	ERR_clear_error();
	if (s->unsent.len > 0)
		(void)tls_session_flush(s);
	settle(s);
}
