/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses as people write them: "127.0.0.1:8484", "[::1]:8484", ":8484" (any), "unix:/run/weir.sock". */
#pragma once

#include <sys/socket.h>
#include "base/slice.h"

struct address {
	struct sockaddr_storage storage;
	socklen_t len;
};

/* False with a sentence in *reterr (static text). Host names are not resolved here. */
bool address_parse(struct slice text, struct address *ret, const char **reterr);
/* A bare IP address, IPv6 with or without brackets. False when it is none. */
bool address_from_ip(struct slice host, unsigned port, struct address *ret);
/* Into a caller's buffer; returns its text. */
enum { ADDRESS_TEXT_MAX = 128 };
const char *address_format(const struct address *a, char ret[static ADDRESS_TEXT_MAX]);
/* 127.0.0.0/8, ::1 (also IPv4-mapped) or a unix socket. */
bool address_is_loopback(const struct address *a);
