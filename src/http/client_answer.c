/* SPDX-License-Identifier: Apache-2.0 */
/* Format: RFC 9112 §4–§7, read by llhttp in its strict mode, which already refuses a Content-Length beside a
 * Transfer-Encoding, repeated lengths, folded lines and bare line feeds. Refused here on top: versions other than 1.x,
 * transfer codings other than chunked, upgrades, and heads, trailers and chunk extensions without end. */
#include "http/client_answer.h"

#include "http/request_head.h"

enum { ANSWER_INTERIM_MAX = 16 };

static int refuse(struct client_answer *a, const char *reason)
{
	a->reason = reason;
	return -1;
}

static int count_overhead(struct client_answer *a, size_t len)
{
	a->overhead += len;
	if (a->overhead <= a->head_max)
		return 0;
	return refuse(a, a->head_done ? "its chunk extensions or trailers are too long" : "its head is too long");
}

/* Into the arena, with room for `cap` bytes. */
static void move_text(struct client_answer *a, size_t cap)
{
	char *old = a->text;

	a->text = cap ? arena_alloc(a->arena, cap) : NULL;
	a->text_cap = cap;
	if (a->text_len)
		memcpy(a->text, old, a->text_len);
	for (unsigned i = 0; i < a->headers.count; i++) {
		struct header *h = &a->headers.items[i];

		h->name.ptr = a->text + (h->name.ptr - old);
		h->value.ptr = a->text + (h->value.ptr - old);
	}
}

static void move_items(struct client_answer *a, unsigned cap)
{
	struct header *old = a->headers.items;

	a->headers.items = cap ? arena_array(a->arena, struct header, cap) : NULL;
	a->header_cap = cap;
	if (a->headers.count)
		memcpy(a->headers.items, old, a->headers.count * sizeof(*old));
}

static void enter_space(struct client_answer *a)
{
	if (!a->text) {
		a->text = a->space->text;
		a->text_cap = sizeof(a->space->text);
	}
	if (!a->headers.items) {
		a->headers.items = a->space->items;
		a->header_cap = HEADERS_MAX;
	}
}

static void leave_space(struct client_answer *a)
{
	if (a->text == a->space->text)
		move_text(a, a->text_len);
	if (a->headers.items == a->space->items)
		move_items(a, a->headers.count);
}

static int append_text(struct client_answer *a, const char *at, size_t len)
{
	if (count_overhead(a, len))
		return -1;
	if (a->text_len + len > a->text_cap)
		move_text(a, 2 * (a->text_len + len));
	memcpy(a->text + a->text_len, at, len);
	a->text_len += len;
	return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
	struct client_answer *a = parser->data;
	char *name;

	if (a->head_done)
		return count_overhead(a, len);
	if (append_text(a, at, len))
		return -1;
	name = a->text + a->text_len - len;
	for (size_t i = 0; i < len; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] |= 0x20;
	return 0;
}

static int on_header_field_complete(llhttp_t *parser)
{
	struct client_answer *a = parser->data;

	a->value_start = a->text_len;
	return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
	struct client_answer *a = parser->data;

	return a->head_done ? count_overhead(a, len) : append_text(a, at, len);
}

static int on_header_value_complete(llhttp_t *parser)
{
	struct client_answer *a = parser->data;

	if (a->head_done)
		return 0;
	if (a->headers.count == HEADERS_MAX)
		return refuse(a, "it has too many headers");
	if (a->headers.count == a->header_cap)
		move_items(a, 2 * (a->headers.count + 1));
	a->headers.items[a->headers.count++] = (struct header){
		.name = slice_of(a->text + a->name_start, a->value_start - a->name_start),
		.value = slice_of(a->text + a->value_start, a->text_len - a->value_start),
	};
	a->name_start = a->text_len;
	return 0;
}

static int begin_interim(struct client_answer *a)
{
	if (a->parser.status_code == 101)
		return refuse(a, "it switches to a protocol nobody asked for");
	if (++a->interim > ANSWER_INTERIM_MAX)
		return refuse(a, "it has too many 1xx heads");
	a->headers.count = 0;
	a->text_len = a->name_start = 0;
	return 1;
}

static bool transfer_coding_is_known(const struct client_answer *a)
{
	struct slice name = SLICE("transfer-encoding");
	unsigned count = headers_count(&a->headers, name);

	if (count == 0)
		return true;
	if (count > 1 || a->parser.http_minor != 1) /* RFC 9112 §6.1: HTTP/1.0 knows none */
		return false;
	return slice_eq_nocase(headers_get(&a->headers, name), SLICE("chunked"));
}

static int on_headers_complete(llhttp_t *parser)
{
	struct client_answer *a = parser->data;

	if (parser->http_major != 1)
		return refuse(a, "its version is not 1.0 or 1.1");
	if (parser->status_code < 100)
		return refuse(a, "its status is below 100");
	if (parser->status_code < 200)
		return begin_interim(a);
	for (unsigned i = 0; i < a->headers.count; i++)
		a->headers.items[i].value = slice_trim(a->headers.items[i].value);
	if (!transfer_coding_is_known(a))
		return refuse(a, "its transfer coding is not plain chunked");
	a->head_done = true;
	a->overhead = 0;
	a->status = parser->status_code;
	a->coding = headers_coding(&a->headers);
	return a->to_head || a->status == 204 || a->status == 304;
}

static int on_chunk_extension(llhttp_t *parser, const char *at, size_t len)
{
	(void)at;
	return count_overhead(parser->data, len + 1);
}

/* Pieces of the body move up to the end of the piece before, so that all of one read is one slice. */
static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct client_answer *a = parser->data;

	if (a->body.len == 0)
		a->body.ptr = at;
	else
		memmove((char *)(uintptr_t)a->body.ptr + a->body.len, at, len);
	a->body.len += len;
	return 0;
}

static int on_message_complete(llhttp_t *parser)
{
	struct client_answer *a = parser->data;

	if (!a->head_done)
		return 0;
	a->complete = true;
	a->keep_alive = llhttp_should_keep_alive(parser);
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_header_field = on_header_field,
	.on_header_field_complete = on_header_field_complete,
	.on_header_value = on_header_value,
	.on_header_value_complete = on_header_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_chunk_extension_name = on_chunk_extension,
	.on_chunk_extension_value = on_chunk_extension,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

void client_answer_init(struct client_answer *a, struct arena *arena, struct client_answer_space *space, bool to_head,
			size_t head_max)
{
	*a = (struct client_answer){ .arena = arena, .space = space, .to_head = to_head, .head_max = head_max };
	llhttp_init(&a->parser, HTTP_RESPONSE, &settings);
	a->parser.data = a;
}

bool client_answer_parse(struct client_answer *a, char *data, size_t len)
{
	llhttp_errno_t result;

	bool in_head = !a->head_done;

	if (in_head) {
		a->raw += len;
		enter_space(a);
	}
	a->started = true;
	a->body = slice_of(data, 0);
	result = llhttp_execute(&a->parser, data, len);
	if (in_head)
		leave_space(a);
	if (a->complete) {
		if (llhttp_get_error_pos(&a->parser) != data + len)
			a->keep_alive = false;
		return true;
	}
	if (result != HPE_OK && !a->reason)
		a->reason = llhttp_get_error_reason(&a->parser);
	if (!a->head_done && a->raw > a->head_max && !a->reason)
		a->reason = "its head is too long";
	return !a->reason;
}

bool client_answer_end(struct client_answer *a)
{
	if (a->head_done && !a->complete)
		llhttp_finish(&a->parser);
	return a->complete;
}
