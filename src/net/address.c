/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses from and to text. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>
#include "base/cleanup.h"

static void set_ipv4(struct address *a, struct in_addr ip, unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = ip };
	*a = (struct address){ .len = sizeof(in) };
	memcpy(&a->storage, &in, sizeof(in));
}

static void set_ipv6(struct address *a, struct in6_addr ip, unsigned port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = ip };
	*a = (struct address){ .len = sizeof(in6) };
	memcpy(&a->storage, &in6, sizeof(in6));
}

bool address_from_ip(struct slice host, unsigned port, struct address *ret)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr ip;
	struct in6_addr ip6;

	if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = slice_of(host.ptr + 1, host.len - 2);
	if (host.len == 0 || host.len >= sizeof(text) || memchr(host.ptr, '\0', host.len) || port > 65535)
		return false;
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	if (inet_pton(AF_INET, text, &ip) == 1)
		set_ipv4(ret, ip, port);
	else if (inet_pton(AF_INET6, text, &ip6) == 1)
		set_ipv6(ret, ip6, port);
	else
		return false;
	return true;
}

static bool parse_unix(struct slice path, struct address *ret, const char **reterr)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	if (path.len == 0) {
		*reterr = "a path must follow \"unix:\"";
		return false;
	}
	if (path.len >= sizeof(un.sun_path)) {
		*reterr = "the path of a unix socket may have at most 107 bytes";
		return false;
	}
	if (memchr(path.ptr, '\0', path.len)) {
		*reterr = "the path of a unix socket may not contain NUL";
		return false;
	}
	memcpy(un.sun_path, path.ptr, path.len);
	*ret = (struct address){ .len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1) };
	memcpy(&ret->storage, &un, sizeof(un));
	return true;
}

/* address = [ ip4 | "[" ip6 "]" ] ":" port | "unix:" path */
bool address_parse(struct slice text, struct address *ret, const char **reterr)
{
	if (slice_starts_with(text, SLICE("unix:")))
		return parse_unix(slice_after(text, 5), ret, reterr);

	const char *colon = text.len > 0 ? memrchr(text.ptr, ':', text.len) : NULL;
	if (!colon) {
		*reterr = "a port is missing, as in \"127.0.0.1:8484\"";
		return false;
	}
	struct slice host = slice_of(text.ptr, (size_t)(colon - text.ptr));
	struct slice digits = slice_after(text, host.len + 1);
	unsigned long long port;
	if (digits.len > 5 || !slice_to_u64(digits, &port) || port > 65535) {
		*reterr = "the port must be a number from 0 to 65535";
		return false;
	}
	if (host.len == 0) {
		/* Both families: listeners switch IPV6_V6ONLY off for it. */
		set_ipv6(ret, in6addr_any, (unsigned)port);
		return true;
	}
	if (memchr(host.ptr, ':', host.len) && host.ptr[0] != '[') {
		*reterr = "an IPv6 address must be in brackets, as in \"[::1]:8484\"";
		return false;
	}
	if (!address_from_ip(host, (unsigned)port, ret)) {
		*reterr = "not an IP address; as in \"127.0.0.1:8484\", \"[::1]:8484\", \":8484\" or \"unix:/run/weir.sock\"";
		return false;
	}
	return true;
}

/* An IPv4 peer of a dual-stack socket, as what it is. */
static bool is_mapped(const struct address *a, struct in_addr *ret)
{
	const struct sockaddr_in6 *in6 = (const void *)&a->storage;
	if (a->storage.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return false;
	memcpy(ret, in6->sin6_addr.s6_addr + 12, sizeof(*ret));
	return true;
}

const char *address_format(const struct address *a, char ret[static ADDRESS_TEXT_MAX])
{
	const struct sockaddr_in *in = (const void *)&a->storage;
	const struct sockaddr_in6 *in6 = (const void *)&a->storage;
	char ip[INET6_ADDRSTRLEN] = "";
	struct in_addr mapped;

	if (a->storage.ss_family == AF_UNIX) {
		/* A client's own end usually has no name. */
		size_t before = offsetof(struct sockaddr_un, sun_path), named = a->len > before ? a->len - before : 0;
		snprintf(ret, ADDRESS_TEXT_MAX, "unix:%.*s", (int)named, ((const struct sockaddr_un *)in)->sun_path);
	} else if (is_mapped(a, &mapped)) {
		inet_ntop(AF_INET, &mapped, ip, sizeof(ip));
		snprintf(ret, ADDRESS_TEXT_MAX, "%s:%u", ip, ntohs(in6->sin6_port));
	} else if (a->storage.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
		snprintf(ret, ADDRESS_TEXT_MAX, "[%s]:%u", ip, ntohs(in6->sin6_port));
	} else if (a->storage.ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
		snprintf(ret, ADDRESS_TEXT_MAX, "%s:%u", ip, ntohs(in->sin_port));
	} else {
		snprintf(ret, ADDRESS_TEXT_MAX, "unknown");
	}
	return ret;
}

bool address_is_loopback(const struct address *a)
{
	const struct sockaddr_in *in = (const void *)&a->storage;
	const struct sockaddr_in6 *in6 = (const void *)&a->storage;
	struct in_addr ip;

	if (a->storage.ss_family == AF_UNIX)
		return true;
	if (a->storage.ss_family == AF_INET)
		ip = in->sin_addr;
	else if (!is_mapped(a, &ip))
		return a->storage.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	return ntohl(ip.s_addr) >> 24 == 127;
}
