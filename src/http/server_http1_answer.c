/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 answers (RFC 9112 §6, §7). A head waits for the first bytes of the body and leaves with them; a chunk is the
 * owner's bytes between a size line and CRLF, in one system call, not copied unless the kernel does not take them. */
#include "base/digits.h"
#include "http/server_internal.h"

enum { PIECES_MAX = 60, SIZE_LINE_MAX = 20, HEAD_EXTRA = 256 };

/* What goes out together. Entries from `payload` to `payload_end` may be borrowed instead of copied. */
struct batch {
	struct iovec iov[PIECES_MAX + 4];
	int count, payload, payload_end;
	size_t total;
	char size_line[SIZE_LINE_MAX];
};

static void batch_add(struct batch *b, struct slice piece)
{
	if (piece.len == 0)
		return;
	b->iov[b->count++] = (struct iovec){ (void *)(uintptr_t)piece.ptr, piece.len };
	b->total += piece.len;
}

static void batch_start(struct batch *b, struct stream *s)
{
	b->count = b->payload = b->payload_end = 0;
	b->total = 0;
	batch_add(b, s->head);
	s->head = slice_of(NULL, 0);
}

/* Sends what the kernel takes and queues the rest. The last bytes of a body whose length was announced wait for
 * nothing. */
static void batch_send(struct batch *b, struct stream *s, bool borrowed)
{
	struct connection *c = s->connection;
	bool corked = s->corked && (s->framing != ANSWER_LENGTH || s->answer_left > 0);
	size_t skip = 0;
	ssize_t n;

	if (b->total > 0 && c->output.len == 0 && !corked) {
		n = connection_writev(c, b->iov, b->count);
		if (n < 0)
			return;
		skip = (size_t)n;
	}
	for (int i = 0; i < b->count; i++) {
		struct slice piece = slice_of(b->iov[i].iov_base, b->iov[i].iov_len);
		size_t sent = skip < piece.len ? skip : piece.len;

		skip -= sent;
		piece = slice_after(piece, sent);
		if (borrowed && i >= b->payload && i < b->payload_end)
			send_queue_borrow(&c->output, piece);
		else
			send_queue_copy(&c->output, piece.ptr, piece.len);
	}
	if (!corked && !connection_flush(c))
		return;
	s->pub.pending = c->output.len;
}

/* ---- heads ---- */

static char *put(char *at, struct slice text)
{
	memcpy(at, text.ptr, text.len);
	return at + text.len;
}

static char *put_header(char *at, struct slice name, struct slice value)
{
	at = put(at, name);
	at = put(at, SLICE(": "));
	at = put(at, value);
	return put(at, SLICE("\r\n"));
}

static size_t head_room(const struct header *headers, unsigned count)
{
	size_t room = HEAD_EXTRA;

	for (unsigned i = 0; i < count; i++)
		room += headers[i].name.len + headers[i].value.len + 4;
	return room;
}

static void choose_framing(struct stream *s, int status, int64_t content_length)
{
	struct connection *c = s->connection;

	if (answer_is_bodiless(s, status))
		s->framing = ANSWER_BODILESS;
	else if (content_length != BODY_LENGTH_UNKNOWN)
		s->framing = ANSWER_LENGTH;
	else
		s->framing = s->http10 ? ANSWER_CLOSE : ANSWER_CHUNKED;
	if (!s->keep_alive || s->framing == ANSWER_CLOSE || c->server->draining || !http1_body_is_settled(s))
		c->close_after = true;
}

static char *put_framing(char *at, const struct stream *s, int status, int64_t content_length)
{
	char digits[DIGITS_MAX];

	if (s->framing == ANSWER_CHUNKED)
		return put_header(at, SLICE("transfer-encoding"), SLICE("chunked"));
	if (content_length == BODY_LENGTH_UNKNOWN || status == 204 || status == 304)
		return at;
	return put_header(at, SLICE("content-length"), slice_of(digits, (size_t)(digits_put(digits, (uint64_t)content_length, 1) - digits)));
}

void http1_head(struct stream *s, int status, const struct header *headers, unsigned count, int64_t content_length)
{
	struct connection *c = s->connection;
	char *start = arena_alloc(&s->pub.arena, head_room(headers, count)), *at = start;

	choose_framing(s, status, content_length);
	at = put(at, SLICE("HTTP/1.1 "));
	at = digits_put(at, (uint64_t)status, 3);
	at = put(at, SLICE(" "));
	at = put(at, slice_cstr(http_reason(status)));
	at = put(at, SLICE("\r\n"));
	for (unsigned i = 0; i < count; i++)
		/* The last line of defence against split answers: such a value never gets this far by intent. */
		if (http_value_is_clean(headers[i].value))
			at = put_header(at, headers[i].name, headers[i].value);
	at = put_header(at, SLICE("date"), slice_cstr(server_date(c->server)));
	at = put_framing(at, s, status, content_length);
	if (c->close_after)
		at = put_header(at, SLICE("connection"), SLICE("close"));
	else if (s->http10)
		at = put_header(at, SLICE("connection"), SLICE("keep-alive"));
	at = put(at, SLICE("\r\n"));
	s->head = slice_of(start, (size_t)(at - start));
}

void http1_send_continue(struct stream *s)
{
	struct batch b = { 0 };

	batch_add(&b, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
	batch_send(&b, s, false);
}

/* ---- bodies ---- */

static void send_pieces(struct stream *s, const struct slice *pieces, unsigned count, bool borrowed)
{
	struct batch b;
	size_t total = 0;

	for (unsigned i = 0; i < count; i++)
		total += pieces[i].len;
	if (total == 0)
		return;
	batch_start(&b, s);
	if (s->framing == ANSWER_CHUNKED) {
		char *end = put(digits_put_hex(b.size_line, total, 1), SLICE("\r\n"));

		batch_add(&b, slice_of(b.size_line, (size_t)(end - b.size_line)));
	}
	b.payload = b.count;
	for (unsigned i = 0; i < count; i++)
		batch_add(&b, pieces[i]);
	b.payload_end = b.count;
	if (s->framing == ANSWER_CHUNKED)
		batch_add(&b, SLICE("\r\n"));
	batch_send(&b, s, borrowed);
}

void http1_write(struct stream *s, const struct slice *pieces, unsigned count, bool borrowed)
{
	while (count > 0 && !s->pub.gone) {
		unsigned part = count < PIECES_MAX ? count : PIECES_MAX;

		send_pieces(s, pieces, part, borrowed);
		pieces += part;
		count -= part;
	}
}

void http1_flush(struct stream *s)
{
	struct batch b;

	batch_start(&b, s);
	batch_send(&b, s, false);
}

void http1_end(struct stream *s)
{
	struct batch b;

	batch_start(&b, s);
	if (s->framing == ANSWER_CHUNKED)
		batch_add(&b, SLICE("0\r\n\r\n"));
	batch_send(&b, s, false);
	if (s->connection->conn && s->connection->output.len == 0)
		s->pub.flushed = true;
}

void http1_abort(struct stream *s)
{
	s->head = slice_of(NULL, 0);
	connection_reset(s->connection);
}

void http1_release(struct stream *s)
{
	/* What is not with the kernel yet outlives the owner's bytes. */
	send_queue_own(&s->connection->output);
	http1_finish(s);
}
