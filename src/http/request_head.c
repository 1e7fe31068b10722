/* SPDX-License-Identifier: Apache-2.0 */
/* Format: RFC 9112 §2–§7. llhttp, strict, reads the grammar; what it lets pass and two parties could read differently
 * is refused here: request lines that are not exactly "METHOD SP target SP HTTP/1.x" (llhttp takes HTTP/0.9, RTSP, ICE
 * and runs of spaces), a Transfer-Encoding that is not exactly "chunked", a missing or repeated Host. */
#include "http/request_head.h"

struct builder {
	struct header items[HEADERS_MAX];
	unsigned count;
	bool too_many;
	bool folded;                   /* a value came in two pieces */
	struct slice target;
};

enum head_scan_result head_scan(struct head_scan *scan, struct slice bytes, size_t *ret)
{
	if (bytes.len > 0 && (bytes.ptr[0] < 'A' || bytes.ptr[0] > 'Z'))
		return HEAD_BROKEN;
	while (scan->scanned < bytes.len) {
		const char *lf = memchr(bytes.ptr + scan->scanned, '\n', bytes.len - scan->scanned);
		size_t end;

		if (!lf) {
			scan->scanned = bytes.len;
			break;
		}
		end = (size_t)(lf - bytes.ptr);
		if (end == 0 || bytes.ptr[end - 1] != '\r')
			return HEAD_BROKEN;
		if (end - 1 == scan->line) {
			*ret = end + 1;
			return HEAD_COMPLETE;
		}
		scan->scanned = scan->line = end + 1;
	}
	return HEAD_INCOMPLETE;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
	struct builder *b = parser->data;

	b->target = slice_of(at, len);
	return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
	struct builder *b = parser->data;
	char *name = (char *)(uintptr_t)at; /* our own copy of the head */

	if (b->count == HEADERS_MAX) {
		b->too_many = true;
		return -1;
	}
	for (size_t i = 0; i < len; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] |= 0x20;
	b->items[b->count++] = (struct header){ slice_of(at, len), slice_of(NULL, 0) };
	return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
	struct builder *b = parser->data;
	struct slice *value = &b->items[b->count - 1].value;

	if (value->ptr) {
		b->folded = true;
		return -1;
	}
	*value = slice_trim(slice_of(at, len));
	return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
	return HPE_PAUSED;
}

/* Method, one space, target, one space, "HTTP/1.0" or "HTTP/1.1". */
static struct refusal check_request_line(struct slice head)
{
	size_t end = slice_find(head, SLICE("\r\n"));
	struct slice line = slice_of(head.ptr, end), method, target;

	method = slice_next_token(&line, ' ');
	target = slice_next_token(&line, ' ');
	if (method.len == 0 || target.len == 0 || !slice_starts_with(line, SLICE("HTTP/")) || line.len != 8)
		return (struct refusal){ 400, "the request line is malformed" };
	if (!slice_eq(line, SLICE("HTTP/1.1")) && !slice_eq(line, SLICE("HTTP/1.0")))
		return (struct refusal){ 505, "only HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken here" };
	return (struct refusal){ 0 };
}

static struct refusal check_host(struct request_head *h)
{
	unsigned count = headers_count(&h->headers, SLICE("host"));

	if (count > 1 || (count == 0 && !h->http10))
		return (struct refusal){ 400, "exactly one Host header is needed" };
	h->host = headers_get(&h->headers, SLICE("host"));
	/* RFC 9112 §3.2.2 */
	if (h->target.authority.ptr && count > 0 && !slice_eq_nocase(h->target.authority, h->host))
		return (struct refusal){ 400, "Host and the request target disagree" };
	if (h->target.authority.ptr)
		h->host = h->target.authority;
	if (!host_is_valid(h->host))
		return (struct refusal){ 400, "the Host header is malformed" };
	return (struct refusal){ 0 };
}

/* RFC 9112 §6.1: with anything but a plain "chunked" two parties may disagree about where the body ends. */
static struct refusal check_transfer_encoding(const llhttp_t *parser, struct request_head *h)
{
	unsigned count = headers_count(&h->headers, SLICE("transfer-encoding"));

	if (count == 0)
		return (struct refusal){ 0 };
	if (h->http10)
		return (struct refusal){ 400, "HTTP/1.0 knows no Transfer-Encoding" };
	if (count > 1 || !slice_eq_nocase(headers_get(&h->headers, SLICE("transfer-encoding")), SLICE("chunked")))
		return (struct refusal){ 501, "no transfer coding but chunked is supported" };
	if (!(parser->flags & F_CHUNKED))
		return (struct refusal){ 400, "the Transfer-Encoding is malformed" };
	h->chunked = true;
	return (struct refusal){ 0 };
}

static struct refusal check_expectation(struct request_head *h)
{
	struct slice expectation = headers_get(&h->headers, SLICE("expect"));

	if (!expectation.ptr || h->http10) /* RFC 9110 §10.1.1: ignored from HTTP/1.0 */
		return (struct refusal){ 0 };
	if (!slice_eq_nocase(expectation, SLICE("100-continue")) || headers_count(&h->headers, SLICE("expect")) > 1)
		return (struct refusal){ 417, "no expectation but 100-continue can be met" };
	h->expects_continue = true;
	return (struct refusal){ 0 };
}

static struct refusal grammar_refusal(const struct builder *b, enum llhttp_errno error)
{
	if (b->too_many)
		return (struct refusal){ 431, "there are too many headers" };
	if (b->folded)
		return (struct refusal){ 400, "folded header lines are not accepted" };
	switch (error) {
	case HPE_INVALID_METHOD:
		return (struct refusal){ 400, "the method is unknown" };
	case HPE_INVALID_URL:
		return (struct refusal){ 400, "the request target is malformed" };
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_TRANSFER_ENCODING:
		return (struct refusal){ 400, "Content-Length or Transfer-Encoding is malformed, repeated or in conflict" };
	default:
		return (struct refusal){ 400, "the request head is malformed" };
	}
}

static const llhttp_settings_t head_settings = {
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_headers_complete = on_headers_complete,
};

static void take_fields(const llhttp_t *parser, const struct builder *b, struct arena *a, struct request_head *h)
{
	h->headers.items = arena_alloc(a, sizeof(struct header) * (b->count + !b->count));
	memcpy(h->headers.items, b->items, sizeof(struct header) * b->count);
	h->headers.count = b->count;
	h->method = http_method_by_name(slice_cstr(llhttp_method_name((llhttp_method_t)parser->method)));
	h->http10 = parser->http_minor == 0;
	h->keep_alive = llhttp_should_keep_alive(parser);
	h->length = parser->flags & F_CONTENT_LENGTH ? parser->content_length : 0;
}

struct refusal request_head_parse(llhttp_t *parser, struct arena *a, char *head, size_t len, struct request_head *ret)
{
	struct builder b;
	struct refusal r = check_request_line(slice_of(head, len));
	enum llhttp_errno error;
	const char *sentence;

	*ret = (struct request_head){ .method = HTTP_OTHER };
	if (r.status)
		return r;
	b.count = 0;
	b.too_many = b.folded = false;
	b.target = slice_of(NULL, 0);
	llhttp_init(parser, HTTP_REQUEST, &head_settings);
	parser->data = &b;
	error = llhttp_execute(parser, head, len);
	parser->data = NULL;
	if (error != HPE_PAUSED || llhttp_get_error_pos(parser) != head + len)
		return grammar_refusal(&b, error);
	take_fields(parser, &b, a, ret);
	if (!request_target_parse(b.target, &ret->target, &sentence))
		return (struct refusal){ 400, sentence };
	r = check_host(ret);
	if (!r.status)
		r = check_transfer_encoding(parser, ret);
	if (!r.status)
		r = check_expectation(ret);
	return r;
}

/* RFC 3986 §3.2.2: registered names, addresses, a port; never user info, paths or anything a log could misread. */
bool host_is_valid(struct slice host)
{
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c != '\0' && strchr("-._:[]%~!$&'()*+,;=", c))))
			return false;
	}
	return true;
}

enum coding headers_coding(const struct headers *h)
{
	struct slice name = SLICE("content-encoding");

	return headers_count(h, name) > 1 ? CODING_UNKNOWN : coding_by_name(headers_get(h, name));
}
