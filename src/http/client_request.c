/* SPDX-License-Identifier: Apache-2.0 */
/* A request as it will leave, whatever carries it: checked, its head written as HTTP/1.1 has it (RFC 9112 §3), which is
 * also where HTTP/2 finds the fields, and the pieces of its body. */
#include "base/digits.h"
#include "http/client_internal.h"

/* RFC 9110 §5.6.2: letters, digits and these; a bit each, for 0x20 to 0x3f, 0x40 to 0x5f, 0x60 to 0x7f. */
static const uint32_t token_bits[] = {
	1u << ('!' - 32) | 1u << ('#' - 32) | 1u << ('$' - 32) | 1u << ('%' - 32) | 1u << ('&' - 32) |
		1u << ('\'' - 32) | 1u << ('*' - 32) | 1u << ('+' - 32) | 1u << ('-' - 32) | 1u << ('.' - 32) |
		0x3ffu << ('0' - 32),
	0x3ffffffu << ('A' - 64) | 1u << ('^' - 64) | 1u << ('_' - 64),
	0x3ffffffu << ('a' - 96) | 1u << ('`' - 96) | 1u << ('|' - 96) | 1u << ('~' - 96),
};

static bool is_token(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		if (c < 0x20 || c > 0x7f || !(token_bits[c / 32 - 1] >> c % 32 & 1))
			return false;
	}
	return name.len > 0;
}

static bool target_is_clean(struct slice target)
{
	for (size_t i = 0; i < target.len; i++)
		if ((unsigned char)target.ptr[i] <= 0x20 || (unsigned char)target.ptr[i] >= 0x7f)
			return false;
	return slice_starts_with(target, SLICE("/"));
}

static bool request_is_clean(struct outbound *o, const struct client_request *r)
{
	if (r->method == HTTP_OTHER || !target_is_clean(r->target)) {
		failure_set(outbound_failure(o), FAILURE_INTERNAL, "%.*s: a method or path that cannot be sent", SLICE_ARG(o->authority));
		return false;
	}
	for (unsigned i = 0; i < r->header_count; i++) {
		const struct header *h = &r->headers[i];

		if (is_token(h->name) && http_value_is_clean(h->value) && !http_header_is_hop_by_hop(h->name) &&
		    !slice_eq_nocase(h->name, SLICE("accept-encoding")))
			continue;
		failure_set(outbound_failure(o), FAILURE_INTERNAL, "%.*s: the header %.*s cannot be sent", SLICE_ARG(o->authority),
			    SLICE_ARG(is_token(h->name) ? h->name : SLICE("with a name that is none")));
		return false;
	}
	return true;
}

static char *put(char *at, struct slice s)
{
	return (char *)mempcpy(at, s.ptr, s.len);
}

static char *put_header(char *at, struct slice name, struct slice value)
{
	at = put(at, name);
	at = put(at, SLICE(": "));
	at = put(at, value);
	return put(at, SLICE("\r\n"));
}

/* One that HTTP/2 sends, too. */
static char *put_field(struct outbound *o, char *at, struct slice name, struct slice value)
{
	o->fields[o->field_count++] = (struct header){ slice_of(at, name.len), slice_of(at + name.len + 2, value.len) };
	return put_header(at, name, value);
}

/* All that write_head() writes besides names, values and target. */
enum { HEAD_FIXED_MAX = 192 };

/* "host", "accept-encoding" and "content-length". */
enum { OWN_FIELDS_MAX = 3 };

static size_t head_size(const struct outbound *o, const struct client_request *r)
{
	size_t size = HEAD_FIXED_MAX + 2 * r->origin->url.authority.len + r->target.len;

	for (unsigned i = 0; i < r->header_count; i++)
		size += r->headers[i].name.len + r->headers[i].value.len + 4;
	return o->pool->proxy ? size + o->pool->proxy->authorization.len : size;
}

static struct slice write_head(struct outbound *o, const struct client_request *r, size_t body_len)
{
	size_t size = head_size(o, r);
	char *head = arena_alloc(&o->stream.arena, size), *at = head;
	const struct outbound_proxy *proxy = r->origin->url.tls ? NULL : o->pool->proxy;
	char length[DIGITS_MAX];

	at = put(at, slice_cstr(http_method_name(r->method)));
	at = put(at, SLICE(" "));
	if (proxy) {
		at = put(at, SLICE("http://"));
		at = put(at, r->origin->url.authority);
	}
	o->target = slice_of(at, r->target.len);
	at = put(at, r->target);
	at = put(at, SLICE(" HTTP/1.1\r\n"));
	at = put_field(o, at, SLICE("host"), r->origin->url.authority);
	if (proxy && proxy->authorization.len)
		at = put_header(at, SLICE("proxy-authorization"), proxy->authorization);
	for (unsigned i = 0; i < r->header_count; i++)
		at = put_field(o, at, r->headers[i].name, r->headers[i].value);
	at = put_field(o, at, SLICE("accept-encoding"), r->decode ? SLICE("gzip, br, zstd") : SLICE("identity"));
	if (body_len || r->method == HTTP_POST || r->method == HTTP_PUT || r->method == HTTP_PATCH) {
		at = put_field(o, at, SLICE("content-length"), slice_of(length, (size_t)(digits_put(length, body_len, 1) - length)));
	}
	at = put(at, SLICE("\r\n"));
	check((size_t)(at - head) <= size, "a request's head is longer than its estimate");
	return slice_of(head, (size_t)(at - head));
}

static void add_piece(struct outbound *o, struct slice s)
{
	if (s.len)
		o->pieces[o->piece_count++] = (struct iovec){ (char *)(uintptr_t)s.ptr, s.len };
}

bool outbound_prepare(struct outbound *o, const struct client_request *r)
{
	size_t body_len = 0;

	if (!request_is_clean(o, r))
		return false;
	for (unsigned i = 0; i < r->body_count; i++)
		body_len += r->body[i].len;
	o->fields = arena_array(&o->stream.arena, struct header, r->header_count + OWN_FIELDS_MAX);
	o->pieces = arena_alloc(&o->stream.arena, (r->body_count + 1) * sizeof(*o->pieces));
	add_piece(o, write_head(o, r, body_len));
	for (unsigned i = 0; i < r->body_count; i++)
		add_piece(o, r->body[i]);
	return true;
}

void outbound_advance(struct outbound *o, size_t sent)
{
	while (sent) {
		size_t left = o->pieces[o->piece].iov_len - o->piece_sent;

		if (sent < left) {
			o->piece_sent += sent;
			return;
		}
		sent -= left;
		o->piece++;
		o->piece_sent = 0;
	}
}
