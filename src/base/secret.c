/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials in pages of their own, digests, and the masking of what looks like a credential. A page per secret is
 * affordable because only weir's own credentials at providers live here; client keys are kept as digests. */
#include "base/secret.h"

/* SHA-256 by OpenSSL's direct functions: the EVP ones first load providers and a configuration file, which costs 2 MB
 * of resident memory in a process that otherwise speaks no TLS, and an allocation per thread. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include "base/cleanup.h"

struct secret {
	size_t mapped;
	size_t len;
	char text[];
};

struct secret *secret_new(struct slice text)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size;
	if (__builtin_add_overflow(text.len, sizeof(struct secret) + page, &size))
		out_of_memory();
	size = (size - 1) / page * page;
	struct secret *s = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		out_of_memory();
	/* Both may be refused (RLIMIT_MEMLOCK, old kernels); the secret works all the same. */
	(void)mlock(s, size);
	(void)madvise(s, size, MADV_DONTDUMP);
	s->mapped = size;
	s->len = text.len;
	if (text.len > 0)
		memcpy(s->text, text.ptr, text.len);
	return s;
}

struct secret *secret_free(struct secret *s)
{
	if (s) {
		size_t mapped = s->mapped;
		explicit_bzero(s, mapped);
		munmap(s, mapped);
	}
	return NULL;
}

struct slice secret_reveal(const struct secret *s)
{
	return slice_of(s->text, s->len);
}

void secret_fingerprint(const struct secret *s, char ret[static 9])
{
	unsigned char digest[32];
	secret_digest(secret_reveal(s), digest);
	snprintf(ret, 9, "%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
}

void secret_digest(struct slice text, unsigned char ret[static 32])
{
	SHA256_CTX context;
	int done = SHA256_Init(&context) && SHA256_Update(&context, text.ptr, text.len) && SHA256_Final(ret, &context);

	check(done, "SHA-256 failed");
	OPENSSL_cleanse(&context, sizeof(context));
}

bool digest_eq(const unsigned char a[static 32], const unsigned char b[static 32])
{
	return CRYPTO_memcmp(a, b, 32) == 0;
}

/* What credentials start with: formats as the providers' consoles show them. A `word` is not part of the credential: it
 * stays readable, and its case does not matter. */
static const struct { struct slice start; bool word; } credential_starts[] = {
	{ { "sk-", 3 }, false },               /* OpenAI, Anthropic, OpenRouter, DeepSeek */
	{ { "sk_", 3 }, false },
	{ { "AIza", 4 }, false },              /* Google API keys */
	{ { "ya29.", 5 }, false },             /* Google access tokens */
	{ { "AKIA", 4 }, false },              /* AWS access key ids */
	{ { "ASIA", 4 }, false },
	{ { "gsk_", 4 }, false },              /* Groq */
	{ { "xai-", 4 }, false },
	{ { "pplx-", 5 }, false },
	{ { "hf_", 3 }, false },
	{ { "eyJ", 3 }, false },               /* JSON web tokens */
	{ { "bearer ", 7 }, true },
	{ { "key=", 4 }, true },
	{ { "token=", 6 }, true },
	{ { "secret=", 7 }, true },
};
enum { CREDENTIAL_MIN = 8 };           /* bytes after a start; "sk-ip" is a word */

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t credential_run(const char *text, size_t len)
{
	size_t n = 0;
	while (n < len && (is_alphanumeric(text[n]) || (text[n] != '\0' && strchr("-_.+/=~*", text[n]))))
		n++;
	while (n > 0 && text[n - 1] == '.')
		n--;
	return n;
}

static void strip_known(char *text, size_t len, struct slice known)
{
	/* Shorter ones would blank out ordinary words, and are not worth hiding. */
	if (known.len < 4)
		return;
	for (struct slice rest = slice_of(text, len);;) {
		size_t at = slice_find(rest, known);
		if (at == SIZE_MAX)
			return;
		rest = slice_after(rest, at);
		memset(text + (rest.ptr - text), '*', known.len);
		rest = slice_after(rest, known.len);
	}
}

/* Masks the credential that starts at `text`, if one does; returns how many bytes are dealt with. */
static size_t strip_start(char *text, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(credential_starts); i++) {
		struct slice start = credential_starts[i].start;
		struct slice head = slice_of(text, len < start.len ? len : start.len);
		bool word = credential_starts[i].word;
		if (word ? !slice_eq_nocase(head, start) : !slice_eq(head, start))
			continue;
		size_t run = credential_run(text + start.len, len - start.len);
		if (run < CREDENTIAL_MIN)
			continue;
		if (word)
			memset(text + start.len, '*', run);
		else
			memset(text, '*', start.len + run);
		return start.len + run;
	}
	return 0;
}

void secret_strip(char *text, size_t len, struct secret *const known[], size_t known_count)
{
	for (size_t i = 0; i < known_count; i++)
		if (known[i])
			strip_known(text, len, secret_reveal(known[i]));
	for (size_t i = 0; i < len;) {
		size_t done = i == 0 || !is_alphanumeric(text[i - 1]) ? strip_start(text + i, len - i) : 0;
		i += done > 0 ? done : 1;
	}
}
