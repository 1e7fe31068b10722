/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that carry a binding: made, and read back when nobody has touched them. */
#include "exchange/bound_id.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/base64.h"
#include "base/digits.h"

enum {
	FLAG_HEX = 1,
	TARGET_SIZE = 8,
	TAG_SIZE = 16,
	TAG_AT = 1 + TARGET_SIZE,
	HEAD_SIZE = TAG_AT + TAG_SIZE,
	OWN_MAX = (BOUND_ID_MAX - 8) / 4 * 3 - HEAD_SIZE - 1,
};

static const struct slice mark = { "resp_w", 6 }, prefix = { "resp_", 5 };

uint64_t bound_target(struct slice provider, uint64_t fingerprint)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char text[STORE_OWNER_MAX + 16];
	size_t len = provider.len < STORE_OWNER_MAX ? provider.len : STORE_OWNER_MAX;
	uint64_t target = 0;

	if (len > 0)
		memcpy(text, provider.ptr, len);
	digits_put_hex(text + len, fingerprint, 16);
	SHA256((unsigned char *)text, len + 16, digest);
	for (unsigned i = 0; i < TARGET_SIZE; i++)
		target = target << 8 | digest[i];
	return target;
}

bool bound_id_is(struct slice id)
{
	return slice_starts_with(id, mark);
}

/* ---- the own id, shorter ---- */

/* It will stand in a path again: what would have to be escaped there is nobody's id (RFC 3986 §2.3, and ':'). */
static bool is_plain(struct slice own)
{
	for (size_t i = 0; i < own.len; i++) {
		char c = own.ptr[i], lower = (char)(c | 0x20);

		if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && !strchr("-._~:", c))
			return false;
	}
	return own.len > 0 && !memchr(own.ptr, '\0', own.len);
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex_id(struct slice own)
{
	if (!slice_starts_with(own, prefix) || own.len == prefix.len || (own.len - prefix.len) % 2 != 0)
		return false;
	for (size_t i = prefix.len; i < own.len; i++)
		if (digit_of(own.ptr[i]) < 0)
			return false;
	return true;
}

static size_t pack(struct slice own, bool hex, unsigned char *out)
{
	if (!hex) {
		memcpy(out, own.ptr, own.len);
		return own.len;
	}
	/* is_hex_id() has looked: there is nothing but digits. */
	for (size_t i = prefix.len; i < own.len; i += 2)
		*out++ = (unsigned char)(digit_of(own.ptr[i]) * 16 + digit_of(own.ptr[i + 1]));
	return (own.len - prefix.len) / 2;
}

static struct slice unpack(struct slice bytes, bool hex, struct arena *a)
{
	char *text, *at;

	if (!hex)
		return arena_dup(a, bytes);
	text = arena_alloc(a, prefix.len + 2 * bytes.len);
	at = (char *)mempcpy(text, prefix.ptr, prefix.len);
	for (size_t i = 0; i < bytes.len; i++)
		at = digits_put_hex(at, (unsigned char)bytes.ptr[i], 2);
	return slice_of(text, (size_t)(at - text));
}

/* ---- the tag ---- */

/* Over the owner, a zero byte (no name of a key has one) and everything but the tag. */
static void make_tag(const unsigned char secret[static STORE_SECRET_SIZE], struct slice owner,
		     const unsigned char *bytes, size_t len, unsigned char ret[static TAG_SIZE])
{
	unsigned char text[STORE_OWNER_MAX + 1 + BOUND_ID_MAX], digest[EVP_MAX_MD_SIZE];
	size_t at = owner.len < STORE_OWNER_MAX ? owner.len : STORE_OWNER_MAX;
	unsigned digest_len = 0;

	if (at > 0)
		memcpy(text, owner.ptr, at);
	text[at++] = '\0';
	memcpy(text + at, bytes, TAG_AT);
	at += TAG_AT;
	memcpy(text + at, bytes + HEAD_SIZE, len - HEAD_SIZE);
	at += len - HEAD_SIZE;
	check(HMAC(EVP_sha256(), secret, STORE_SECRET_SIZE, text, at, digest, &digest_len) && digest_len >= TAG_SIZE,
	      "HMAC-SHA256 needs nothing but memory");
	memcpy(ret, digest, TAG_SIZE);
}

/* ---- base64url (RFC 4648 §5), without padding ---- */

static size_t encode_url(struct slice bytes, char *out)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned bits = 0, held = 0;
	size_t len = 0;

	for (size_t i = 0; i < bytes.len; i++) {
		held = held << 8 | (unsigned char)bytes.ptr[i];
		for (bits += 8; bits >= 6; bits -= 6)
			out[len++] = alphabet[held >> (bits - 6) & 63];
		held &= (1u << bits) - 1;
	}
	if (bits > 0)
		out[len++] = alphabet[held << (6 - bits) & 63];
	return len;
}

bool bound_id_make(const unsigned char secret[static STORE_SECRET_SIZE], struct slice owner, const struct bound_id *b,
		   char ret[static BOUND_ID_MAX])
{
	unsigned char bytes[BOUND_ID_MAX];
	bool hex = is_hex_id(b->own);
	size_t len;

	if (b->own.len > OWN_MAX || !is_plain(b->own))
		return false;
	bytes[0] = hex ? FLAG_HEX : 0;
	for (unsigned i = 0; i < TARGET_SIZE; i++)
		bytes[1 + i] = (unsigned char)(b->target >> (8 * (TARGET_SIZE - 1 - i)));
	len = HEAD_SIZE + pack(b->own, hex, bytes + HEAD_SIZE);
	make_tag(secret, owner, bytes, len, bytes + TAG_AT);
	memcpy(ret, mark.ptr, mark.len);
	ret[mark.len + encode_url(slice_of((char *)bytes, len), ret + mark.len)] = '\0';
	return true;
}

bool bound_id_read(const unsigned char secret[static STORE_SECRET_SIZE], struct slice owner, struct slice id,
		   struct arena *a, struct bound_id *ret)
{
	unsigned char tag[TAG_SIZE];
	char again[BOUND_ID_MAX];
	const unsigned char *bytes;
	struct slice text, decoded;

	if (!bound_id_is(id) || id.len >= BOUND_ID_MAX)
		return false;
	text = slice_after(id, mark.len);
	if (!base64_decode(text, a, &decoded) || decoded.len <= HEAD_SIZE)
		return false;
	bytes = (const unsigned char *)decoded.ptr;
	make_tag(secret, owner, bytes, decoded.len, tag);
	if (CRYPTO_memcmp(tag, bytes + TAG_AT, TAG_SIZE) != 0)
		return false;
	/* One way to write it: what the reader of base64 forgives is no id of ours. */
	if (!slice_eq(text, slice_of(again, encode_url(decoded, again))))
		return false;
	ret->target = 0;
	for (unsigned i = 0; i < TARGET_SIZE; i++)
		ret->target = ret->target << 8 | bytes[1 + i];
	ret->own = unpack(slice_after(decoded, HEAD_SIZE), bytes[0] & FLAG_HEX, a);
	return true;
}
