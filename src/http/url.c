/* SPDX-License-Identifier: Apache-2.0 */
/* URLs and request targets (RFC 3986, RFC 9112 §3.2), read strictly: what the grammar does not allow is refused
 * instead of repaired, because the party behind us may repair it differently. */
#include <arpa/inet.h>
#include "base/digits.h"
#include "http/url.h"

enum { HOST_MAX = 253, LABEL_MAX = 63 };

enum { CHAR_UNRESERVED = 1, CHAR_PATH = 2, CHAR_QUERY = 4 };

/* RFC 3986: unreserved; pchar and "/"; and for queries every visible character but '#' and '\', since clients do send
 * brackets and braces there unencoded. '%' is in none: triples are checked on their own. */
static unsigned char_class(unsigned char c)
{
	if (c <= 0x20 || c >= 0x7f || c == '%' || c == '#' || c == '\\')
		return 0;
	if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("-._~", c))
		return CHAR_UNRESERVED | CHAR_PATH | CHAR_QUERY;
	if (strchr("/:@!$&'()*+,;=", c))
		return CHAR_PATH | CHAR_QUERY;
	return CHAR_QUERY;
}

/* The byte a triple at the front of `s` stands for, or -1. */
static int triple_value(struct slice s)
{
	int high, low;

	if (s.len < 3 || s.ptr[0] != '%')
		return -1;
	high = digits_hex_value(s.ptr[1]);
	low = digits_hex_value(s.ptr[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool check_characters(struct slice s, unsigned class, const char **reterr)
{
	for (size_t i = 0; i < s.len; i++) {
		int value;

		if (s.ptr[i] != '%') {
			if (!(char_class((unsigned char)s.ptr[i]) & class)) {
				*reterr = class == CHAR_PATH ? "a character that may not stand in a path"
							     : "a character that may not stand in a query";
				return false;
			}
			continue;
		}
		value = triple_value(slice_after(s, i));
		if (value < 0) {
			*reterr = "a percent sign without two hexadecimal digits";
			return false;
		}
		if (value < 0x20 || value == 0x7f) {
			*reterr = "an encoded control character";
			return false;
		}
		/* In a path these decide where it leads, for whoever decodes before or after comparing. */
		if (class == CHAR_PATH && (value == '%' || value == '\\' ||
					   (char_class((unsigned char)value) & CHAR_UNRESERVED))) {
			*reterr = "a character that must not be percent-encoded in a path";
			return false;
		}
		i += 2;
	}
	return true;
}

/* "/", then segments of which only the last may be empty and none is "." or ".." (nor with parameters: "..;x", which
 * some servers strip). */
static bool check_path(struct slice path, const char **reterr)
{
	struct slice rest = slice_after(path, 1);

	if (!check_characters(path, CHAR_PATH, reterr))
		return false;
	while (rest.ptr) {
		struct slice segment = slice_next_token(&rest, '/');
		struct slice name = slice_next_token(&segment, ';');

		if (slice_eq(name, SLICE(".")) || slice_eq(name, SLICE(".."))) {
			*reterr = "a dot segment in the path";
			return false;
		}
		if (rest.ptr && name.len == 0) {
			*reterr = "an empty segment in the path";
			return false;
		}
	}
	return true;
}

static bool has_prefix_nocase(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_eq_nocase(slice_of(s.ptr, prefix.len), prefix);
}

/* Cuts scheme and "://" off. */
static bool take_scheme(struct slice *text, bool *rettls)
{
	if (has_prefix_nocase(*text, SLICE("https://"))) {
		*text = slice_after(*text, sizeof("https://") - 1);
		*rettls = true;
		return true;
	}
	if (has_prefix_nocase(*text, SLICE("http://"))) {
		*text = slice_after(*text, sizeof("http://") - 1);
		*rettls = false;
		return true;
	}
	return false;
}

/* Cuts everything before the first '/', '?' or '#' off. */
static struct slice take_authority(struct slice *text)
{
	size_t len = 0;
	struct slice authority;

	while (len < text->len && !memchr("/?#", text->ptr[len], 3))
		len++;
	authority = slice_of(text->ptr, len);
	*text = slice_after(*text, len);
	return authority;
}

/* `text` is what follows the authority. A missing path is returned as "". */
static bool split_path_query(struct slice text, struct slice *retpath, struct slice *retquery, const char **reterr)
{
	const char *mark = text.len ? memchr(text.ptr, '?', text.len) : NULL;
	size_t path_len = mark ? (size_t)(mark - text.ptr) : text.len;

	*retpath = slice_of(text.ptr, path_len);
	*retquery = mark ? slice_after(text, path_len + 1) : slice_of("", 0);
	if (text.len && memchr(text.ptr, '#', text.len)) {
		*reterr = "a fragment";
		return false;
	}
	return (path_len == 0 || check_path(*retpath, reterr)) && check_characters(*retquery, CHAR_QUERY, reterr);
}

/* A host name in letters, digits, hyphens, underscores (container names have them) and single dots. */
static bool check_host_name(struct slice host, const char **reterr)
{
	struct slice rest = host;

	*reterr = "a host name that is none";
	if (host.len == 0 || host.len > HOST_MAX)
		return false;
	while (rest.ptr) {
		struct slice label = slice_next_token(&rest, '.');

		if (label.len > LABEL_MAX || (label.len == 0 && (rest.ptr || host.len == 1)))
			return false;
		for (size_t i = 0; i < label.len; i++) {
			char c = label.ptr[i];

			if (!(char_class((unsigned char)c) & CHAR_UNRESERVED) || c == '~')
				return false;
		}
	}
	return true;
}

static bool check_ipv6(struct slice host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (host.len == 0 || host.len >= sizeof(text) || memchr(host.ptr, '\0', host.len))
		return false;
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1;
}

static bool split_authority(struct slice authority, struct slice *rethost, struct slice *retport, bool *retipv6,
			    const char **reterr)
{
	const char *end;
	struct slice rest;

	if (authority.len && memchr(authority.ptr, '@', authority.len)) {
		*reterr = "user name or password in the URL";
		return false;
	}
	*retipv6 = slice_starts_with(authority, SLICE("["));
	if (*retipv6) {
		end = memchr(authority.ptr, ']', authority.len);
		*reterr = "an IPv6 address that is none";
		if (!end)
			return false;
		*rethost = slice_of(authority.ptr + 1, (size_t)(end - authority.ptr) - 1);
		rest = slice_after(authority, rethost->len + 2);
		if (!check_ipv6(*rethost))
			return false;
	} else {
		end = authority.len ? memchr(authority.ptr, ':', authority.len) : NULL;
		*rethost = slice_of(authority.ptr, end ? (size_t)(end - authority.ptr) : authority.len);
		rest = slice_after(authority, rethost->len);
		if (!check_host_name(*rethost, reterr))
			return false;
	}
	if (rest.len && rest.ptr[0] != ':') {
		*reterr = "text after the host";
		return false;
	}
	*retport = rest.len ? slice_after(rest, 1) : slice_of(NULL, 0);
	return true;
}

static bool parse_port(struct slice text, uint16_t *ret, const char **reterr)
{
	unsigned long long number;

	if (text.len > 5 || !slice_to_u64(text, &number) || number == 0 || number > UINT16_MAX) {
		*reterr = "a port that is none";
		return false;
	}
	*ret = (uint16_t)number;
	return true;
}

static struct slice dup_lower(struct arena *a, struct slice s)
{
	char *copy = arena_cstr(a, s);

	for (size_t i = 0; i < s.len; i++)
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] |= 0x20;
	return slice_of(copy, s.len);
}

bool url_parse(struct arena *a, struct slice text, struct url *ret, const char **reterr)
{
	struct slice host, port, path, query;
	bool ipv6;
	uint16_t default_port;

	*ret = (struct url){ 0 };
	if (!take_scheme(&text, &ret->tls)) {
		*reterr = "a URL must begin with http:// or https://";
		return false;
	}
	if (!split_authority(take_authority(&text), &host, &port, &ipv6, reterr) ||
	    !split_path_query(text, &path, &query, reterr))
		return false;
	default_port = ret->tls ? 443 : 80;
	ret->port = default_port;
	if (port.ptr && !parse_port(port, &ret->port, reterr))
		return false;
	if (slice_ends_with(path, SLICE("/")))
		path.len--;
	ret->host = dup_lower(a, host);
	ret->path = arena_dup(a, path);
	ret->query = arena_dup(a, query);
	ret->authority = arena_printf(a, ipv6 ? "[%.*s]" : "%.*s", SLICE_ARG(ret->host));
	if (ret->port != default_port)
		ret->authority = arena_printf(a, "%.*s:%u", SLICE_ARG(ret->authority), ret->port);
	return true;
}

bool request_target_parse(struct slice text, struct request_target *ret, const char **reterr)
{
	bool tls, ipv6;
	struct slice host, port;
	uint16_t number;

	ret->authority = slice_of(NULL, 0);
	if (take_scheme(&text, &tls)) {
		ret->authority = take_authority(&text);
		if (!split_authority(ret->authority, &host, &port, &ipv6, reterr) ||
		    (port.ptr && !parse_port(port, &number, reterr)))
			return false;
	} else if (!slice_starts_with(text, SLICE("/"))) {
		*reterr = "a request target must begin with a slash";
		return false;
	}
	if (!split_path_query(text, &ret->path, &ret->query, reterr))
		return false;
	if (ret->path.len == 0)
		ret->path = SLICE("/");
	return true;
}

bool host_is_loopback(struct slice host)
{
	struct slice name = host;

	if (host.len == 0)
		return true; /* HTTP/1.0: no browser */
	if (host.ptr[0] == '[') {
		size_t end = slice_find(host, SLICE("]"));

		name = slice_of(host.ptr, end == SIZE_MAX ? host.len : end + 1);
		return slice_eq(name, SLICE("[::1]"));
	}
	size_t colon = slice_find(host, SLICE(":"));

	if (colon != SIZE_MAX)
		name = slice_of(host.ptr, colon);
	if (slice_eq_nocase(name, SLICE("localhost")))
		return true;
	if (!slice_starts_with(name, SLICE("127.")))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if ((name.ptr[i] < '0' || name.ptr[i] > '9') && name.ptr[i] != '.')
			return false;
	return true;
}

/* Decodes the triples for which `wanted` holds; returns the text itself when there is none. */
static struct slice decode_triples(struct arena *a, struct slice s, bool (*wanted)(int value))
{
	char *out;
	size_t len = 0;

	if (s.len == 0 || !memchr(s.ptr, '%', s.len))
		return s;
	out = arena_alloc(a, s.len + 1);
	for (size_t i = 0; i < s.len; i++) {
		int value = triple_value(slice_after(s, i));

		if (value >= 0 && wanted(value)) {
			out[len++] = (char)value;
			i += 2;
		} else {
			out[len++] = s.ptr[i];
		}
	}
	out[len] = '\0';
	return slice_of(out, len);
}

static bool is_slash_or_colon(int value)
{
	return value == '/' || value == ':';
}

static bool is_any(int value)
{
	(void)value;
	return true;
}

struct slice percent_decode(struct arena *a, struct slice s)
{
	return decode_triples(a, s, is_any);
}

struct slice path_segment_decode(struct arena *a, struct slice segment)
{
	return decode_triples(a, segment, is_slash_or_colon);
}

/* Names are compared decoded: "%6Bey" is "key" for the server behind us, so it must be for us. */
static bool name_matches(struct slice parameter_name, struct slice name)
{
	size_t position = 0;

	for (size_t i = 0; i < parameter_name.len; i++, position++) {
		int value = triple_value(slice_after(parameter_name, i));

		if (value >= 0)
			i += 2;
		else
			value = (unsigned char)parameter_name.ptr[i];
		if (position == name.len || (unsigned char)name.ptr[position] != value)
			return false;
	}
	return position == name.len;
}

struct slice query_get(struct arena *a, struct slice query, struct slice name)
{
	while (query.ptr) {
		struct slice value = slice_next_token(&query, '&');
		struct slice parameter_name = slice_next_token(&value, '=');

		if (!name_matches(parameter_name, name))
			continue;
		return value.ptr ? percent_decode(a, value) : slice_of("", 0);
	}
	return slice_of(NULL, 0);
}

struct slice query_without(struct arena *a, struct slice query, struct slice name)
{
	char *out = arena_alloc(a, query.len + 1);
	size_t len = 0;

	while (query.ptr) {
		struct slice parameter = slice_next_token(&query, '&');
		struct slice value = parameter;

		if (name_matches(slice_next_token(&value, '='), name))
			continue;
		if (len)
			out[len++] = '&';
		memcpy(out + len, parameter.ptr, parameter.len);
		len += parameter.len;
	}
	out[len] = '\0';
	return slice_of(out, len);
}
