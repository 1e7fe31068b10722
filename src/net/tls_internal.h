/* SPDX-License-Identifier: Apache-2.0 */
/* TLS inside net/: contexts, the session of one connection, the cache of resumable sessions. */
#pragma once

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "base/buf.h"
#include "net/loop.h"
#include "net/tls.h"

struct tls_resumption;

struct tls_context {
	_Atomic unsigned references;
	SSL_CTX *ssl;
	bool server;
	bool system_store;             /* verify against the system's certificates */
	bool http2;
	struct tls_resumption *resumption; /* clients */
};

/* The system's trusted certificates, read on the first call and shared from then on. */
X509_STORE *tls_system_store(void);

/* Sessions for resumption by host name: bounded, newest kept, usable from any thread. */
struct tls_resumption *tls_resumption_new(void);
struct tls_resumption *tls_resumption_free(struct tls_resumption *r);
/* Keeps a copy: sessions of live connections change, and a connection that is simply dropped makes its own unusable. */
void tls_resumption_put(struct tls_resumption *r, struct slice host, const SSL_SESSION *session);
/* A copy for the caller, or NULL. */
SSL_SESSION *tls_resumption_get(struct tls_resumption *r, struct slice host);
void tls_resumption_forget(struct tls_resumption *r, struct slice host);

enum { TLS_HOST_MAX = 256 };

struct tls_session {
	SSL *ssl;
	struct tls_context *context;
	struct loop *loop;
	int fd;
	bool in_ready;                 /* the socket may have bytes; cleared by a short read (see conn.h) */
	bool out_ready;                /* the socket takes bytes */
	bool saw_hangup;
	bool established;              /* the handshake is done */
	bool at_end;                   /* the socket said end of file */
	int error;                     /* positive errno: broken for good */
	struct buf unsent;             /* records that the socket did not take */
	char *sentence;                /* the connection's error text */
	size_t sentence_size;
	char host[TLS_HOST_MAX];       /* clients: the name that is verified; also the key for resumption */
};

struct tls_session *tls_session_new(struct tls_context *c, struct loop *l, int fd, char *sentence, size_t size);
/* Before the handshake of a client. False with the sentence set. */
bool tls_session_set_host(struct tls_session *s, struct slice host);
struct tls_session *tls_session_free(struct tls_session *s);
/* 0 = done, -EAGAIN, or another -errno with the sentence set. */
int tls_session_handshake(struct tls_session *s);
/* As conn_read(): fewer than `cap` bytes only when all that has arrived is read. */
ssize_t tls_session_read(struct tls_session *s, char *out, size_t cap);
/* As conn_writev(). */
ssize_t tls_session_writev(struct tls_session *s, const struct iovec *iov, int count);
/* 0 when nothing is left unsent, -EAGAIN, or another -errno. */
int tls_session_flush(struct tls_session *s);
/* Queues close_notify and sends what it can. */
void tls_session_end(struct tls_session *s);
