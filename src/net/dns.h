/* SPDX-License-Identifier: Apache-2.0 */
/* Asynchronous name resolution (c-ares), one resolver per loop, answers kept for their TTL (1 s to 5 min; failures
 * 1 s), at most DNS_CACHE_MAX names. Literal addresses and "localhost" never leave the process. Both address families are
 * asked for; IPv6 and IPv4 addresses come interleaved, as connecting wants them. */
#pragma once

#include "net/address.h"
#include "net/loop.h"

enum { DNS_ADDRESSES_MAX = 8, DNS_CACHE_MAX = 1024 };

struct dns_answer {
	struct address addresses[DNS_ADDRESSES_MAX];
	unsigned count;                /* 0 = failed */
	const char *error;             /* static text when count is 0 */
};

struct dns_query {
	/* Called once from the loop, possibly before dns_resolve() returns when the answer is known. */
	void (*on_answer)(struct dns_query *q, const struct dns_answer *answer);
	void *internal;                /* owned by dns.c while the query runs */
};

void dns_resolve(struct loop *l, struct slice host, unsigned port, struct dns_query *q);
/* No answer will come any more. Safe when none was pending. */
void dns_cancel(struct dns_query *q);
