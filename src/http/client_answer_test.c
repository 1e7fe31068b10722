/* SPDX-License-Identifier: Apache-2.0 */
/* Every case is fed whole, one byte at a time and cut at every point: what comes out must be the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/buf.h"
#include "http/client_answer.h"

enum { HEAD_MAX = 512, OUTPUT_MAX = 64 << 10 };

static struct client_answer_space space;

struct result {
	struct arena arena;
	struct client_answer answer;
	struct buf body;
	unsigned pieces;               /* slices of body handed out */
	size_t parsed;                 /* input used up to the end or the fault */
};

static void result_init(struct result *r, bool to_head)
{
	arena_init(&r->arena);
	client_answer_init(&r->answer, &r->arena, &space, to_head, HEAD_MAX);
	buf_init(&r->body, OUTPUT_MAX);
	r->pieces = 0;
	r->parsed = 0;
}

static void result_done(struct result *r)
{
	buf_done(&r->body);
	arena_done(&r->arena);
}

static void feed(struct result *r, struct slice piece)
{
	char *copy;

	if (r->answer.complete || r->answer.reason || piece.len == 0)
		return;
	copy = xmalloc(piece.len);
	memcpy(copy, piece.ptr, piece.len);
	client_answer_parse(&r->answer, copy, piece.len);
	/* Another answer of the same thread. */
	memset(&space, 0xee, sizeof(space));
	if (r->answer.body.len) {
		assert_true(r->answer.body.ptr >= copy && r->answer.body.ptr + r->answer.body.len <= copy + piece.len);
		assert_true(buf_append_slice(&r->body, r->answer.body));
		r->pieces++;
	}
	r->parsed += piece.len;
	free(copy);
}

struct answer_case {
	const char *name;
	const char *input;
	bool to_head;
	int status;                    /* 0 = the head is refused or never done */
	const char *headers;           /* "name=value\n…" */
	const char *body;
	bool complete;                 /* without an end of the connection */
	bool keep_alive;
	bool ends;                     /* an end of the connection completes it */
	bool refused;
};

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "transfer-encoding: chunked\r\n\r\n"

static const struct answer_case cases[] = {
	{ "content-length", OK "Content-Length: 5\r\nX-A:  b c \t\r\nX-Empty:\r\nX-A: d\r\n\r\nhello", .status = 200,
	  .headers = "content-length=5\nx-a=b c\nx-empty=\nx-a=d\n", .body = "hello", .complete = true, .keep_alive = true },
	{ "no reason phrase", "HTTP/1.1 429\r\ncontent-length: 0\r\n\r\n", .status = 429, .headers = "content-length=0\n", .body = "",
	  .complete = true, .keep_alive = true },
	{ "empty body", OK "content-length: 0\r\n\r\n", .status = 200, .headers = "content-length=0\n", .body = "", .complete = true,
	  .keep_alive = true },
	{ "bytes after the end", OK "content-length: 2\r\n\r\nokmore", .status = 200, .headers = "content-length=2\n", .body = "ok",
	  .complete = true },
	{ "connection: close", OK "connection: close\r\ncontent-length: 2\r\n\r\nok", .status = 200,
	  .headers = "connection=close\ncontent-length=2\n", .body = "ok", .complete = true },
	{ "HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", .status = 200, .headers = "content-length=2\n", .body = "ok",
	  .complete = true },
	{ "HTTP/1.0 keep-alive", "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", .status = 200,
	  .headers = "connection=keep-alive\ncontent-length=2\n", .body = "ok", .complete = true, .keep_alive = true },
	{ "chunked", CHUNKED "5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n", .status = 200, .headers = "transfer-encoding=chunked\n",
	  .body = "hello world", .complete = true, .keep_alive = true },
	{ "chunked in capitals", OK "Transfer-Encoding: CHUNKED\r\n\r\nA\r\n0123456789\r\n000\r\n\r\n", .status = 200,
	  .headers = "transfer-encoding=CHUNKED\n", .body = "0123456789", .complete = true, .keep_alive = true },
	{ "extensions and trailers are dropped", CHUNKED "2;a=b;c=\"d\"\r\nok\r\n0\r\nx-trailer: y\r\n\r\n", .status = 200,
	  .headers = "transfer-encoding=chunked\n", .body = "ok", .complete = true, .keep_alive = true },
	{ "empty chunked", CHUNKED "0\r\n\r\n", .status = 200, .headers = "transfer-encoding=chunked\n", .body = "", .complete = true,
	  .keep_alive = true },
	{ "chunked, cut", CHUNKED "5\r\nhel", .status = 200, .headers = "transfer-encoding=chunked\n", .body = "hel" },
	{ "chunked, last chunk missing", CHUNKED "2\r\nok\r\n", .status = 200, .headers = "transfer-encoding=chunked\n", .body = "ok" },
	{ "content-length, cut", OK "content-length: 5\r\n\r\nhel", .status = 200, .headers = "content-length=5\n", .body = "hel" },
	{ "until the connection ends", OK "x: y\r\n\r\nall of it", .status = 200, .headers = "x=y\n", .body = "all of it", .ends = true },
	{ "1xx are skipped", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" OK "a: b\r\ncontent-length: 2\r\n\r\nok",
	  .status = 200, .headers = "a=b\ncontent-length=2\n", .body = "ok", .complete = true, .keep_alive = true },
	{ "only 1xx", "HTTP/1.1 100 Continue\r\n\r\n", .body = "" },
	{ "HEAD", OK "content-length: 5\r\n\r\n", .to_head = true, .status = 200, .headers = "content-length=5\n", .body = "", .complete = true,
	  .keep_alive = true },
	{ "HEAD, chunked", CHUNKED, .to_head = true, .status = 200, .headers = "transfer-encoding=chunked\n", .body = "", .complete = true,
	  .keep_alive = true },
	{ "204", "HTTP/1.1 204 No Content\r\n\r\n", .status = 204, .headers = "", .body = "", .complete = true, .keep_alive = true },
	{ "304 with a length", "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", .status = 304, .headers = "content-length=9\n", .body = "",
	  .complete = true, .keep_alive = true },
	{ "half a head", OK "content-le", .body = "" },

	{ "length and transfer-encoding", OK "content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n", .refused = true, .body = "" },
	{ "transfer-encoding and length", OK "transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n", .refused = true, .body = "" },
	{ "two lengths", OK "content-length: 2\r\ncontent-length: 2\r\n\r\nok", .refused = true, .body = "" },
	{ "signed length", OK "content-length: +2\r\n\r\nok", .refused = true, .body = "" },
	{ "list of lengths", OK "content-length: 2, 2\r\n\r\nok", .refused = true, .body = "" },
	{ "huge length", OK "content-length: 99999999999999999999\r\n\r\nok", .refused = true, .body = "" },
	{ "gzip as transfer coding", OK "transfer-encoding: gzip\r\n\r\nx", .refused = true, .body = "" },
	{ "gzip before chunked", OK "transfer-encoding: gzip, chunked\r\n\r\nx", .refused = true, .body = "" },
	{ "two transfer-encodings", OK "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\nx", .refused = true, .body = "" },
	{ "chunked over HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", .refused = true, .body = "" },
	{ "bare line feeds", "HTTP/1.1 200 OK\ncontent-length: 0\n\n", .refused = true, .body = "" },
	{ "folded header", OK "a: b\r\n c\r\n\r\n", .refused = true, .body = "" },
	{ "space in a name", OK "a b: c\r\n\r\n", .refused = true, .body = "" },
	{ "space before the colon", OK "a : c\r\n\r\n", .refused = true, .body = "" },
	{ "control character in a value", OK "a: \x01\r\n\r\n", .refused = true, .body = "" },
	{ "not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", .refused = true, .body = "" },
	{ "TLS instead of HTTP", "\x15\x03\x01\x02\x02\x46", .refused = true, .body = "" },
	{ "HTTP/2", "HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n", .refused = true, .body = "" },
	{ "status below 100", "HTTP/1.1 042 Odd\r\ncontent-length: 0\r\n\r\n", .refused = true, .body = "" },
	{ "101", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", .refused = true, .body = "" },
	{ "not a chunk size", CHUNKED "2\r\nok\r\nxyz\r\n", .status = 200, .headers = "transfer-encoding=chunked\n", .body = "ok", .refused = true },
	{ "chunk without its end", CHUNKED "2\r\nokxx1\r\n", .status = 200, .headers = "transfer-encoding=chunked\n", .body = "ok", .refused = true },
	{ "endless chunk size", CHUNKED "11111111111111111\r\n", .status = 200, .headers = "transfer-encoding=chunked\n", .body = "", .refused = true },
};

static void compare(const struct answer_case *c, struct result *r, const char *how)
{
	struct client_answer *a = &r->answer;
	struct buf headers;

	buf_init(&headers, OUTPUT_MAX);
	if (a->head_done != (c->status != 0) || (a->head_done && a->status != c->status))
		fail_msg("%s, %s: status %d", c->name, how, a->head_done ? a->status : 0);
	for (unsigned i = 0; a->head_done && i < a->headers.count; i++)
		assert_true(buf_printf(&headers, "%.*s=%.*s\n", SLICE_ARG(a->headers.items[i].name), SLICE_ARG(a->headers.items[i].value)));
	if (a->head_done && !slice_eq(buf_slice(&headers), slice_cstr(c->headers)))
		fail_msg("%s, %s: headers %.*s", c->name, how, SLICE_ARG(buf_slice(&headers)));
	if (!slice_eq(buf_slice(&r->body), slice_cstr(c->body)))
		fail_msg("%s, %s: body \"%.*s\"", c->name, how, SLICE_ARG(buf_slice(&r->body)));
	if ((a->reason != NULL) != c->refused)
		fail_msg("%s, %s: %s", c->name, how, a->reason ? a->reason : "accepted");
	if (a->complete != c->complete)
		fail_msg("%s, %s: complete %d", c->name, how, a->complete);
	/* Bytes after the end only show where they come with it; the connection notices the others. */
	if (a->complete && r->parsed == strlen(c->input) && a->keep_alive != c->keep_alive)
		fail_msg("%s, %s: keep-alive %d", c->name, how, a->keep_alive);
	if (!a->reason && !a->complete && client_answer_end(a) != c->ends)
		fail_msg("%s, %s: the end completes it: %d", c->name, how, !c->ends);
	assert_false(a->complete && c->ends && a->keep_alive);
	buf_done(&headers);
}

static void answers_in_any_pieces(void **state)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct answer_case *c = &cases[i];
		struct slice input = slice_cstr(c->input);
		struct result r;

		for (size_t cut = 0; cut < input.len; cut++) {
			result_init(&r, c->to_head);
			feed(&r, slice_of(input.ptr, cut));
			feed(&r, slice_after(input, cut));
			compare(c, &r, cut ? "cut" : "whole");
			result_done(&r);
		}
		result_init(&r, c->to_head);
		for (size_t at = 0; at < input.len; at++)
			feed(&r, slice_of(input.ptr + at, 1));
		compare(c, &r, "byte by byte");
		result_done(&r);
	}
}

static void chunks_of_one_read_are_one_slice(void **state)
{
	struct result r;

	result_init(&r, false);
	feed(&r, SLICE(CHUNKED));
	feed(&r, SLICE("3\r\nabc\r\n2\r\nde\r\n1\r\nf\r\n4\r\ngh"));
	assert_int_equal(r.pieces, 1);
	assert_true(slice_eq(buf_slice(&r.body), SLICE("abcdefgh")));
	feed(&r, SLICE("ij\r\n0\r\n\r\n"));
	assert_int_equal(r.pieces, 2);
	assert_true(r.answer.complete && r.answer.keep_alive);
	result_done(&r);
}

/* Feeds `piece` until the answer is refused; true if that happened within `most` bytes. */
static bool refused_within(struct result *r, struct slice piece, size_t most)
{
	for (size_t fed = 0; fed < most && !r->answer.reason; fed += piece.len)
		feed(r, piece);
	return r->answer.reason != NULL;
}

static void nothing_is_endless(void **state)
{
	static const struct { const char *start, *piece; } endless[] = {
		{ OK, "a: b\r\n" },                       /* headers */
		{ OK "a: ", "b" },                        /* one value */
		{ OK, "a" },                              /* one name */
		{ OK "a:", " " },                         /* spaces before a value */
		{ "", "\r\n" },                           /* empty lines before the status line */
		{ "HTTP/1.1 200 ", "O" },                 /* the reason phrase */
		{ "", "HTTP/1.1 100 Continue\r\n\r\n" },  /* interim answers */
		{ CHUNKED "1;", "a" },                    /* an extension */
		{ CHUNKED, "1;a\r\nx\r\n" },              /* many extensions */
		{ CHUNKED "0\r\n", "a: b\r\n" },          /* trailers */
		{ CHUNKED "0\r\na: ", "b" },              /* one trailer */
	};

	for (size_t i = 0; i < COUNT_OF(endless); i++) {
		struct result r;

		result_init(&r, false);
		feed(&r, slice_cstr(endless[i].start));
		if (!refused_within(&r, slice_cstr(endless[i].piece), 8 * HEAD_MAX))
			fail_msg("no end of \"%s\"", endless[i].piece);
		result_done(&r);
	}
}

static void a_head_over_the_limit_in_one_read(void **state)
{
	char head[2 * HEAD_MAX];
	struct result r;
	int len = snprintf(head, sizeof(head), OK "a: %0*d\r\ncontent-length: 0\r\n\r\n", HEAD_MAX, 1);

	result_init(&r, false);
	feed(&r, slice_of(head, (size_t)len));
	assert_non_null(r.answer.reason);
	result_done(&r);
}

static void too_many_headers(void **state)
{
	for (unsigned count = HEADERS_MAX; count <= HEADERS_MAX + 1; count++) {
		struct arena arena;
		struct client_answer answer;
		struct buf head;

		arena_init(&arena);
		client_answer_init(&answer, &arena, &space, true, 64 << 10);
		buf_init(&head, OUTPUT_MAX);
		assert_true(buf_append_slice(&head, SLICE(OK)));
		for (unsigned i = 0; i < count; i++)
			assert_true(buf_printf(&head, "name-%u: value %u\r\n", i, i));
		assert_true(buf_append_slice(&head, SLICE("\r\n")));
		client_answer_parse(&answer, head.data, head.len);
		assert_int_equal(answer.reason == NULL, count == HEADERS_MAX);
		if (!answer.reason)
			assert_true(slice_eq(headers_get(&answer.headers, SLICE("name-127")), SLICE("value 127")));
		buf_done(&head);
		arena_done(&arena);
	}
}

static void codings_are_named(void **state)
{
	static const struct { const char *head; enum coding coding; } codings[] = {
		{ OK "\r\n", CODING_IDENTITY },
		{ OK "content-encoding: gzip\r\n\r\n", CODING_GZIP },
		{ OK "content-encoding: br\r\n\r\n", CODING_BR },
		{ OK "content-encoding: gzip, br\r\n\r\n", CODING_UNKNOWN },
		{ OK "content-encoding: gzip\r\ncontent-encoding: gzip\r\n\r\n", CODING_UNKNOWN },
	};

	for (size_t i = 0; i < COUNT_OF(codings); i++) {
		struct result r;

		result_init(&r, true);
		feed(&r, slice_cstr(codings[i].head));
		assert_true(r.answer.head_done);
		assert_int_equal(r.answer.coding, codings[i].coding);
		result_done(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_any_pieces),
		cmocka_unit_test(chunks_of_one_read_are_one_slice),
		cmocka_unit_test(nothing_is_endless),
		cmocka_unit_test(a_head_over_the_limit_in_one_read),
		cmocka_unit_test(too_many_headers),
		cmocka_unit_test(codings_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
