/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of TLS: a certificate authority and the certificates it signs, made on the spot. Include after cmocka.h. */
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

/* A certificate with its key, as files. */
struct test_certificate {
	X509 *certificate;
	EVP_PKEY *key;
	char certificate_file[64], key_file[64];
};

static inline void test_certificate_extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static inline void test_certificate_write(struct test_certificate *c, const char *name)
{
	snprintf(c->certificate_file, sizeof(c->certificate_file), "/tmp/weir-test-%d-%s.crt", (int)getpid(), name);
	snprintf(c->key_file, sizeof(c->key_file), "/tmp/weir-test-%d-%s.key", (int)getpid(), name);
	FILE *f = fopen(c->certificate_file, "we");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, c->certificate), 1);
	fclose(f);
	f = fopen(c->key_file, "we");
	assert_non_null(f);
	assert_int_equal(PEM_write_PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
}

/* `names` as in "DNS:localhost,IP:127.0.0.1", or NULL for an authority; `issuer` NULL signs itself. Valid from a day ago
 * for `days` days; negative has expired already. */
static inline void test_certificate_make(struct test_certificate *c, const char *name, const char *names,
					 const struct test_certificate *issuer, int days)
{
	static long serial = 1;
	c->key = EVP_EC_gen("P-256");
	c->certificate = X509_new();
	assert_non_null(c->key);
	assert_non_null(c->certificate);
	X509 *x = c->certificate, *signer = issuer ? issuer->certificate : x;
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), time(NULL) + serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), -2 * 24 * 60 * 60);
	X509_gmtime_adj(X509_getm_notAfter(x), days * 24 * 60 * 60L);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(signer));
	X509_set_pubkey(x, c->key);
	test_certificate_extend(x, signer, NID_basic_constraints, names ? "critical,CA:FALSE" : "critical,CA:TRUE");
	test_certificate_extend(x, signer, NID_subject_key_identifier, "hash");
	if (names)
		test_certificate_extend(x, signer, NID_subject_alt_name, names);
	assert_true(X509_sign(x, issuer ? issuer->key : c->key, EVP_sha256()) > 0);
	test_certificate_write(c, name);
}

static inline void test_certificate_done(struct test_certificate *c)
{
	unlink(c->certificate_file);
	unlink(c->key_file);
	X509_free(c->certificate);
	EVP_PKEY_free(c->key);
}
