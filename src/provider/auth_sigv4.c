/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 (AWS, "Create a signed AWS API request"; DIALECTS.md §9.3). Every service but S3 encodes the
 * path, percent-encoded as it is sent, once more: `…v1%3A0` is signed as `…v1%253A0` (§10 row 27). */
#include "provider/auth_sigv4.h"

/* SHA-256 by the direct functions, as base/secret.c does and for its reason. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <time.h>
#include "base/buf.h"
#include "http/url.h"

enum { DIGEST_SIZE = SHA256_DIGEST_LENGTH, DIGEST_TEXT_MAX = 2 * DIGEST_SIZE + 1, QUERY_PARTS_MAX = 64 };

static const char algorithm[] = "AWS4-HMAC-SHA256";

static void write_hex(const unsigned char digest[static DIGEST_SIZE], char ret[static DIGEST_TEXT_MAX])
{
	for (int i = 0; i < DIGEST_SIZE; i++)
		snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

static void digest_pieces(const struct slice *pieces, unsigned count, char ret[static DIGEST_TEXT_MAX])
{
	unsigned char digest[DIGEST_SIZE];
	SHA256_CTX context;
	int done = SHA256_Init(&context);

	for (unsigned i = 0; i < count; i++)
		done &= SHA256_Update(&context, pieces[i].ptr, pieces[i].len);
	done &= SHA256_Final(digest, &context);
	check(done, "SHA-256 failed");
	write_hex(digest, ret);
}

static void hmac(const unsigned char *key, size_t key_len, struct slice text, unsigned char ret[static DIGEST_SIZE])
{
	unsigned char *done =
		HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text.ptr, text.len, ret, NULL);

	check(done, "HMAC failed");
}

void sigv4_date(int64_t unix_seconds, char ret[static SIGV4_DATE_MAX])
{
	time_t t = (time_t)unix_seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(ret, SIGV4_DATE_MAX, "%Y%m%dT%H%M%SZ", &tm);
}

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

struct slice sigv4_encode(struct arena *a, struct slice s, bool keep_slash)
{
	char *text = arena_alloc(a, 3 * s.len + 1), *at = text;

	for (size_t i = 0; i < s.len; i++) {
		if (is_unreserved(s.ptr[i]) || (keep_slash && s.ptr[i] == '/'))
			*at++ = s.ptr[i];
		else
			at += snprintf(at, 4, "%%%02X", (unsigned char)s.ptr[i]);
	}
	return slice_of(text, (size_t)(at - text));
}

/* One name or value of a query: encoded exactly once, however it was written. */
static struct slice query_encode(struct arena *a, struct slice s)
{
	return sigv4_encode(a, percent_decode(a, s), false);
}

struct pair {
	struct slice name, value;
};

static int compare(struct slice a, struct slice b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter > 0 ? memcmp(a.ptr, b.ptr, shorter) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *first = a, *second = b;
	int order = compare(first->name, second->name);

	return order ? order : compare(first->value, second->value);
}

static struct slice canonical_query(struct arena *a, struct slice query)
{
	struct pair parts[QUERY_PARTS_MAX];
	struct slice text = SLICE("");
	unsigned count = 0;

	while (query.ptr && query.len > 0 && count < QUERY_PARTS_MAX) {
		struct slice value = slice_next_token(&query, '&'), name = slice_next_token(&value, '=');

		if (name.len > 0 || value.len > 0)
			parts[count++] = (struct pair){ query_encode(a, name), query_encode(a, value) };
	}
	qsort(parts, count, sizeof(parts[0]), compare_pairs);
	for (unsigned i = 0; i < count; i++)
		text = arena_printf(a, "%.*s%s%.*s=%.*s", SLICE_ARG(text), i ? "&" : "", SLICE_ARG(parts[i].name),
				    SLICE_ARG(parts[i].value));
	return text;
}

/* Trimmed, and runs of spaces are one. */
static struct slice canonical_value(struct arena *a, struct slice value)
{
	char *text = arena_alloc(a, value.len + 1);
	size_t len = 0;

	value = slice_trim(value);
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] != ' ' || value.ptr[i - 1] != ' ')
			text[len++] = value.ptr[i];
	return slice_of(text, len);
}

/* Several headers of one name stay in the order in which they are sent. */
static unsigned sort_headers(const struct sigv4_request *r, struct arena *a, struct pair ret[static SIGV4_HEADERS_MAX])
{
	unsigned count = 0;

	check(r->header_count <= SIGV4_HEADERS_MAX, "few headers are signed");
	for (unsigned i = 0; i < r->header_count; i++) {
		struct pair p = { r->headers[i].name, canonical_value(a, r->headers[i].value) };
		unsigned at = count++;

		for (; at > 0 && compare(ret[at - 1].name, p.name) > 0; at--)
			ret[at] = ret[at - 1];
		ret[at] = p;
	}
	return count;
}

static void canonical_headers(const struct sigv4_request *r, struct arena *a, struct slice *ret,
			      struct slice *ret_names)
{
	struct pair sorted[SIGV4_HEADERS_MAX];
	unsigned count = sort_headers(r, a, sorted);

	*ret = *ret_names = SLICE("");
	for (unsigned i = 0; i < count; i++) {
		bool is_more = i > 0 && slice_eq(sorted[i].name, sorted[i - 1].name);

		if (is_more) {
			*ret = arena_printf(a, "%.*s,%.*s", SLICE_ARG(*ret), SLICE_ARG(sorted[i].value));
			continue;
		}
		*ret = arena_printf(a, "%.*s%s%.*s:%.*s", SLICE_ARG(*ret), i ? "\n" : "", SLICE_ARG(sorted[i].name),
				    SLICE_ARG(sorted[i].value));
		*ret_names = arena_printf(a, "%.*s%s%.*s", SLICE_ARG(*ret_names), i ? ";" : "", SLICE_ARG(sorted[i].name));
	}
}

static void signing_key(struct slice secret, struct slice date, const struct sigv4_request *r,
			unsigned char ret[static DIGEST_SIZE])
{
	_cleanup_(buf_done) struct buf start;

	buf_init(&start, secret.len + 4);
	check(buf_append_slice(&start, SLICE("AWS4")) && buf_append_slice(&start, secret), "the limit is the length");
	hmac((const unsigned char *)buf_slice(&start).ptr, start.len, date, ret);
	explicit_bzero(start.data, start.len);
	hmac(ret, DIGEST_SIZE, r->region, ret);
	hmac(ret, DIGEST_SIZE, r->service, ret);
	hmac(ret, DIGEST_SIZE, SLICE("aws4_request"), ret);
}

struct slice sigv4_authorization(const struct sigv4_request *r, struct slice key_id, struct slice secret,
				 struct arena *a)
{
	char date[SIGV4_DATE_MAX], digest[DIGEST_TEXT_MAX];
	unsigned char key[DIGEST_SIZE];
	struct slice path = r->path.len > 0 ? sigv4_encode(a, r->path, true) : SLICE("/");
	struct slice query = canonical_query(a, r->query), headers, names, scope, text;

	sigv4_date(r->unix_seconds, date);
	canonical_headers(r, a, &headers, &names);
	digest_pieces(r->body, r->body_count, digest);
	text = arena_printf(a, "%s\n%.*s\n%.*s\n%.*s\n\n%.*s\n%s", http_method_name(r->method), SLICE_ARG(path),
			    SLICE_ARG(query), SLICE_ARG(headers), SLICE_ARG(names), digest);
	digest_pieces(&text, 1, digest);
	scope = arena_printf(a, "%.8s/%.*s/%.*s/aws4_request", date, SLICE_ARG(r->region), SLICE_ARG(r->service));
	text = arena_printf(a, "%s\n%s\n%.*s\n%s", algorithm, date, SLICE_ARG(scope), digest);
	signing_key(secret, slice_of(date, 8), r, key);
	hmac(key, DIGEST_SIZE, text, key);
	write_hex(key, digest);
	explicit_bzero(key, sizeof(key));
	return arena_printf(a, "%s Credential=%.*s/%.*s, SignedHeaders=%.*s, Signature=%s", algorithm, SLICE_ARG(key_id),
			    SLICE_ARG(scope), SLICE_ARG(names), digest);
}
