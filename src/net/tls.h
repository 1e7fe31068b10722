/* SPDX-License-Identifier: Apache-2.0 */
/* TLS by OpenSSL. Contexts are made once per configuration and shared by all workers; sessions belong to a connection
 * (conn.h) and read and write through a BIO that coalesces records into one system call. */
#pragma once

#include <stdbool.h>
#include "base/slice.h"

struct tls_context;

struct tls_server_options {
	const char *certificate_file;  /* PEM, leaf first */
	const char *key_file;
	bool http2;                    /* offer "h2" by ALPN, before "http/1.1" */
};

struct tls_client_options {
	const char *ca_file; /* PEM, instead of the system's store; NULL = the system's, loaded on first use */
	const char *certificate_file;  /* client certificate, NULL = none */
	const char *key_file;
	bool skip_verify;
	bool http2;
};

/* NULL with a sentence in reterr (at most `size` bytes). */
struct tls_context *tls_server_new(const struct tls_server_options *o, char *reterr, size_t size);
struct tls_context *tls_client_new(const struct tls_client_options *o, char *reterr, size_t size);
struct tls_context *tls_context_ref(struct tls_context *c);
struct tls_context *tls_context_unref(struct tls_context *c);
