/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 heads and chunked bodies, without sockets: found at any split alike, and what is accepted keeps the promises that
 * the rest of weir relies on. */
#include <stdint.h>
#include "base/cleanup.h"
#include "http/request_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_scan(struct slice in)
{
	struct head_scan whole = { 0 }, pieces = { 0 };
	size_t len = 0, other = 0;
	enum head_scan_result first = head_scan(&whole, in, &len), second = HEAD_INCOMPLETE;

	for (size_t i = 1; i <= in.len && second == HEAD_INCOMPLETE; i++)
		second = head_scan(&pieces, slice_of(in.ptr, i), &other);
	check(first == second && len == other, "a head ends at the same place however it arrives");
}

static void check_request(const struct request_head *h)
{
	check(h->target.path.len > 0 && h->target.path.ptr[0] == '/', "a path begins with a slash");
	check(host_is_valid(h->host), "the host is valid");
	check(!h->chunked || h->length == 0, "there is one framing");
	check(headers_count(&h->headers, SLICE("content-length")) <= 1, "there is one length");
	for (unsigned i = 0; i < h->headers.count; i++) {
		struct slice name = h->headers.items[i].name;

		check(name.len > 0 && http_value_is_clean(h->headers.items[i].value), "headers are clean");
		for (size_t j = 0; j < name.len; j++)
			check(name.ptr[j] < 'A' || name.ptr[j] > 'Z', "names are lower case");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size);
	struct head_scan scan = { 0 };
	struct request_head h;
	struct arena arena;
	struct slice head;
	llhttp_t parser;
	size_t len;

	if (size > 8192)
		return 0;
	check_scan(in);
	if (head_scan(&scan, in, &len) != HEAD_COMPLETE)
		return 0;
	arena_init(&arena);
	head = arena_dup(&arena, slice_of(in.ptr, len));
	if (request_head_parse(&parser, &arena, (char *)(uintptr_t)head.ptr, head.len, &h).status == 0)
		check_request(&h);
	arena_done(&arena);
	return 0;
}
