/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of HTTP need to know about heads: look-up by name, names of methods and statuses, which headers
 * belong to one connection only. */
#include "http/message.h"

#include <stdint.h>
#include <string.h>

enum { FIRST_HEADERS = 16 };

struct slice headers_get(const struct headers *h, struct slice name)
{
	for (unsigned i = 0; i < h->count; i++)
		if (slice_eq(h->items[i].name, name))
			return h->items[i].value;
	return slice_of(NULL, 0);
}

unsigned headers_count(const struct headers *h, struct slice name)
{
	unsigned count = 0;

	for (unsigned i = 0; i < h->count; i++)
		count += slice_eq(h->items[i].name, name);
	return count;
}

bool headers_add(struct headers *h, unsigned *room, struct arena *a, struct slice name, struct slice value)
{
	struct header *items;

	if (h->count == HEADERS_MAX)
		return false;
	if (h->count == *room) {
		*room = *room ? 2 * *room : FIRST_HEADERS;
		items = arena_array(a, struct header, *room);
		if (h->count)
			memcpy(items, h->items, h->count * sizeof(*items));
		h->items = items;
	}
	h->items[h->count++] = (struct header){ arena_dup(a, name), arena_dup(a, slice_trim(value)) };
	return true;
}

const char *http_method_name(enum http_method m)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET",	    [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",	[HTTP_PUT] = "PUT",
		[HTTP_DELETE] = "DELETE", [HTTP_PATCH] = "PATCH", [HTTP_OPTIONS] = "OPTIONS", [HTTP_OTHER] = "OTHER",
	};

	return (unsigned)m < COUNT_OF(names) ? names[m] : "OTHER";
}

enum http_method http_method_by_name(struct slice name)
{
	for (enum http_method m = HTTP_GET; m < HTTP_OTHER; m++)
		if (slice_eq(name, slice_cstr(http_method_name(m))))
			return m;
	return HTTP_OTHER;
}

/* RFC 9110 §15, RFC 6585, and those that providers use without a registration (499 nginx, 529 Anthropic). */
static const struct reason {
	int status;
	const char *text;
} reasons[] = {
	{ 100, "Continue" },
	{ 101, "Switching Protocols" },
	{ 103, "Early Hints" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 203, "Non-Authoritative Information" },
	{ 204, "No Content" },
	{ 205, "Reset Content" },
	{ 206, "Partial Content" },
	{ 207, "Multi-Status" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 424, "Failed Dependency" },
	{ 425, "Too Early" },
	{ 426, "Upgrade Required" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 451, "Unavailable For Legal Reasons" },
	{ 499, "Client Closed Request" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
	{ 511, "Network Authentication Required" },
	{ 529, "Overloaded" },
};

const char *http_reason(int status)
{
	for (size_t i = 0; i < COUNT_OF(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Unknown";
}

/* RFC 9110 §5.5: visible characters, space, tab and obs-text. */
bool http_value_is_clean(struct slice value)
{
	const uint64_t ones = UINT64_MAX / 0xff, tops = ones << 7;
	size_t i = 0;

	/* Eight bytes at a time: none is under 0x20, none is 0x7f. A tab has the bytes looked at one by one. */
	for (; i + 8 <= value.len; i += 8) {
		uint64_t eight, delete;

		memcpy(&eight, value.ptr + i, 8);
		delete = eight ^ ones * 0x7f;
		if (((eight - ones * 0x20) & ~eight & tops) | ((delete - ones) & ~delete & tops))
			break;
	}
	for (; i < value.len; i++) {
		unsigned char byte = (unsigned char)value.ptr[i];

		if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
			return false;
	}
	return true;
}

bool http_header_is_hop_by_hop(struct slice name)
{
	static const struct slice names[] = {
		SLICE("connection"), SLICE("keep-alive"), SLICE("te"), SLICE("trailer"), SLICE("transfer-encoding"),
		SLICE("upgrade"), SLICE("content-length"), SLICE("host"), SLICE("expect"),
	};

	if (slice_starts_with(name, SLICE("proxy-")))
		return true;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (slice_eq(name, names[i]))
			return true;
	return false;
}
