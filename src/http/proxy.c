/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy variables that curl and most other programs honour. Format: http_proxy, https_proxy =
 * [http://][user[:password]@] host[:port]; no_proxy = host or suffix list, "*" for all. Unlike curl, HTTP_PROXY in
 * capitals counts too: no request header can become an environment variable here, as it can in a CGI program. */
#include <arpa/inet.h>
#include <openssl/evp.h>
#include "http/client.h"

enum { PROXY_CREDENTIALS_MAX = 1024 };

static struct slice read_variable(const char *lower, const char *upper)
{
	const char *text = getenv(lower);

	if (!text || !*text)
		text = getenv(upper);
	return slice_trim(slice_cstr(text ? text : ""));
}

/* User and password are percent-encoded in the URL and plain in the header (RFC 7617 §2). */
static bool make_authorization(struct arena *a, struct slice user_info, struct slice *ret)
{
	struct slice plain = percent_decode(a, user_info);
	char *text;
	int len;

	if (plain.len > PROXY_CREDENTIALS_MAX)
		return false;
	if (!memchr(plain.ptr, ':', plain.len))
		plain = arena_printf(a, "%.*s:", SLICE_ARG(plain));
	text = arena_alloc(a, (plain.len + 2) / 3 * 4 + 1);
	len = EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)plain.ptr, (int)plain.len);
	*ret = arena_printf(a, "Basic %.*s", len, text);
	return true;
}

static bool parse_proxy(struct arena *a, struct slice text, struct outbound_proxy *ret, const char **reterr)
{
	struct slice scheme = SLICE("http://"), rest = text;
	size_t authority_len;
	const char *at;

	*ret = (struct outbound_proxy){ 0 };
	if (text.len == 0)
		return true;
	if (slice_find(text, SLICE("://")) != SIZE_MAX) {
		if (text.len < scheme.len || !slice_eq_nocase(slice_of(text.ptr, scheme.len), scheme)) {
			*reterr = "a proxy must be reached by http://";
			return false;
		}
		rest = slice_after(text, scheme.len);
	}
	for (authority_len = 0; authority_len < rest.len && rest.ptr[authority_len] != '/'; authority_len++)
		;
	at = memrchr(rest.ptr, '@', authority_len);
	if (at) {
		size_t user_len = (size_t)(at - rest.ptr);

		if (!make_authorization(a, slice_of(rest.ptr, user_len), &ret->authorization)) {
			*reterr = "a proxy's user name and password are too long";
			return false;
		}
		rest = slice_after(rest, user_len + 1);
	}
	ret->set = true;
	return url_parse(a, arena_printf(a, "http://%.*s", SLICE_ARG(rest)), &ret->url, reterr);
}

bool proxy_settings_from_environment(struct arena *a, struct proxy_settings *ret, const char **reterr)
{
	*ret = (struct proxy_settings){ 0 };
	ret->no_proxy = arena_dup(a, read_variable("no_proxy", "NO_PROXY"));
	return parse_proxy(a, read_variable("http_proxy", "HTTP_PROXY"), &ret->http, reterr) &&
	       parse_proxy(a, read_variable("https_proxy", "HTTPS_PROXY"), &ret->https, reterr);
}

/* Splits "host:port", "[v6]:port", "v6" and "host". False when the port is not a number. */
static bool split_entry(struct slice entry, struct slice *rethost, unsigned long long *retport)
{
	const char *colon = entry.len ? memrchr(entry.ptr, ':', entry.len) : NULL;

	*retport = 0;
	*rethost = entry;
	if (slice_starts_with(entry, SLICE("["))) {
		const char *end = memchr(entry.ptr, ']', entry.len);

		if (!end)
			return false;
		*rethost = slice_of(entry.ptr + 1, (size_t)(end - entry.ptr) - 1);
		entry = slice_after(entry, rethost->len + 2);
		if (entry.len == 0)
			return true;
		return entry.ptr[0] == ':' && slice_to_u64(slice_after(entry, 1), retport);
	}
	if (!colon || memchr(entry.ptr, ':', (size_t)(colon - entry.ptr)))
		return true;
	*rethost = slice_of(entry.ptr, (size_t)(colon - entry.ptr));
	return slice_to_u64(slice_after(entry, rethost->len + 1), retport);
}

/* "10.0.0.0/8", "fd00::/8": the destination's literal address lies in that network. */
static bool network_matches(struct slice network, struct slice host)
{
	struct slice bits_text = network, base;
	unsigned char net[16], address[16];
	char net_text[INET6_ADDRSTRLEN], host_text[INET6_ADDRSTRLEN];
	int family = host.len && memchr(host.ptr, ':', host.len) ? AF_INET6 : AF_INET;
	unsigned long long bits;
	size_t whole;
	unsigned char mask;

	base = slice_next_token(&bits_text, '/');
	if (base.len >= sizeof(net_text) || host.len >= sizeof(host_text))
		return false;
	if (!slice_to_u64(bits_text, &bits) || bits > (family == AF_INET ? 32 : 128))
		return false;
	*(char *)mempcpy(net_text, base.ptr, base.len) = '\0';
	*(char *)mempcpy(host_text, host.ptr, host.len) = '\0';
	if (inet_pton(family, net_text, net) != 1 || inet_pton(family, host_text, address) != 1)
		return false;
	whole = (size_t)bits / 8;
	mask = (unsigned char)(0xff00 >> bits % 8);
	return memcmp(net, address, whole) == 0 && (bits % 8 == 0 || ((net[whole] ^ address[whole]) & mask) == 0);
}

static bool entry_matches(struct slice entry, const struct url *destination)
{
	struct slice host;
	unsigned long long port;
	size_t before;

	if (slice_eq(entry, SLICE("*")))
		return true;
	if (entry.len == 0 || !split_entry(entry, &host, &port) || (port && port != destination->port))
		return false;
	if (host.len && memchr(host.ptr, '/', host.len))
		return network_matches(host, destination->host);
	if (slice_starts_with(host, SLICE("*.")))
		host = slice_after(host, 1);
	if (slice_starts_with(host, SLICE(".")))
		host = slice_after(host, 1);
	if (host.len == 0 || host.len > destination->host.len)
		return false;
	before = destination->host.len - host.len;
	if (before && destination->host.ptr[before - 1] != '.')
		return false;
	return slice_eq_nocase(slice_after(destination->host, before), host);
}

const struct outbound_proxy *proxy_for(const struct proxy_settings *p, const struct url *destination)
{
	const struct outbound_proxy *proxy = destination->tls ? &p->https : &p->http;
	struct slice rest = p->no_proxy;

	if (!proxy->set)
		return NULL;
	while (rest.ptr)
		if (entry_matches(slice_trim(slice_next_token(&rest, ',')), destination))
			return NULL;
	return proxy;
}
