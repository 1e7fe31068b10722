/* SPDX-License-Identifier: Apache-2.0 */
/* Wrapping reasoning state: base64 there and back. */
#include "llm/state.h"

#include <stdint.h>

static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { STATE_HEAD = 7, PROVIDER_MAX = 255 }; /* "weir\1", dialect, length of the provider's name */

static struct slice encode(struct slice bytes, struct arena *a)
{
	char *out = arena_alloc(a, (bytes.len + 2) / 3 * 4 + 1), *at = out;
	const unsigned char *in = (const unsigned char *)bytes.ptr;

	for (size_t i = 0; i < bytes.len; i += 3) {
		unsigned left = bytes.len - i > 2 ? 3 : (unsigned)(bytes.len - i);
		uint32_t v = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);

		*at++ = digits[v >> 18];
		*at++ = digits[v >> 12 & 63];
		*at++ = left > 1 ? digits[v >> 6 & 63] : '=';
		*at++ = left > 2 ? digits[v & 63] : '=';
	}
	return slice_of(out, (size_t)(at - out));
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1; /* also the URL's alphabet: Google's SDKs re-encode */
}

/* NULL when it is no base64. */
static struct slice decode(struct slice text, struct arena *a)
{
	char *out = arena_alloc(a, text.len / 4 * 3 + 3), *at = out;
	uint32_t v = 0;
	unsigned bits = 0;

	while (text.len > 0 && text.ptr[text.len - 1] == '=')
		text.len--;
	for (size_t i = 0; i < text.len; i++) {
		int d = digit_value(text.ptr[i]);

		if (d < 0)
			return (struct slice){ 0 };
		v = v << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*at++ = (char)(v >> bits & 0xff);
		}
	}
	return slice_of(out, (size_t)(at - out));
}

struct slice state_wrap(struct slice payload, struct slice provider, enum dialect_id dialect, struct arena *a)
{
	size_t name = provider.len < PROVIDER_MAX ? provider.len : PROVIDER_MAX;
	char *head = arena_alloc(a, STATE_HEAD + name + payload.len);

	memcpy(head, "weir\1", 5);
	head[5] = (char)dialect;
	head[6] = (char)name;
	if (name > 0)
		memcpy(head + STATE_HEAD, provider.ptr, name);
	if (payload.len > 0)
		memcpy(head + STATE_HEAD + name, payload.ptr, payload.len);
	return encode(slice_of(head, STATE_HEAD + name + payload.len), a);
}

struct reasoning_state state_read(struct slice text, enum dialect_id dialect, struct arena *a)
{
	struct slice bytes;
	size_t name;

	if (text.len == 0)
		return (struct reasoning_state){ 0 };
	if (!slice_starts_with(text, SLICE(STATE_MARK)))
		return (struct reasoning_state){ .payload = text, .dialect = dialect };
	bytes = decode(text, a);
	name = bytes.len >= STATE_HEAD ? (unsigned char)bytes.ptr[6] : 0;
	/* What only looks like ours belongs to nobody: state of no dialect is at home nowhere. */
	if (bytes.len < STATE_HEAD + name || memcmp(bytes.ptr, "weir\1", 5) != 0 || (unsigned char)bytes.ptr[5] >= DIALECT_COUNT)
		return (struct reasoning_state){ .payload = text, .dialect = DIALECT_COUNT };
	return (struct reasoning_state){
		.payload = slice_after(bytes, STATE_HEAD + name),
		.provider = slice_of(bytes.ptr + STATE_HEAD, name),
		.dialect = (enum dialect_id)bytes.ptr[5],
	};
}

bool state_is_at_home(const struct reasoning_state *s, struct slice provider, enum dialect_id dialect)
{
	if (!s->payload.ptr || s->dialect != dialect)
		return false;
	return s->provider.len == 0 || slice_eq(s->provider, provider);
}
