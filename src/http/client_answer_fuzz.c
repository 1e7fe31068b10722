/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 answers and their chunked coding: however the bytes are cut, the same comes out. The first byte says where. */
#include <stdint.h>
#include "base/buf.h"
#include "http/client_answer.h"

enum { FUZZ_HEAD_MAX = 4 << 10, FUZZ_BODY_MAX = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct client_answer_space space;

struct parsed {
	struct arena arena;
	struct client_answer answer;
	struct buf body;
};

static void feed(struct parsed *p, struct slice piece)
{
	char *copy;

	if (p->answer.complete || p->answer.reason || piece.len == 0)
		return;
	copy = xmalloc(piece.len);
	memcpy(copy, piece.ptr, piece.len);
	client_answer_parse(&p->answer, copy, piece.len);
	check(buf_append_slice(&p->body, p->answer.body), "more body than input");
	free(copy);
}

static void parse(struct parsed *p, struct slice input, size_t step, bool to_head)
{
	arena_init(&p->arena);
	client_answer_init(&p->answer, &p->arena, &space, to_head, FUZZ_HEAD_MAX);
	buf_init(&p->body, FUZZ_BODY_MAX);
	while (input.len) {
		size_t len = step < input.len ? step : input.len;

		feed(p, slice_of(input.ptr, len));
		input = slice_after(input, len);
	}
	if (!p->answer.reason)
		client_answer_end(&p->answer);
}

static void parsed_done(struct parsed *p)
{
	buf_done(&p->body);
	arena_done(&p->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parsed whole, cut;
	struct slice input;

	/* Within the limit for heads, where it does not matter at which read it is noticed. */
	if (size < 2 || size > FUZZ_HEAD_MAX)
		return 0;
	input = slice_of((const char *)data + 1, size - 1);
	parse(&whole, input, input.len, data[0] & 1);
	parse(&cut, input, 1 + (data[0] >> 1), data[0] & 1);
	check(whole.answer.complete == cut.answer.complete && whole.answer.head_done == cut.answer.head_done, "a cut changes the end");
	check(!whole.answer.reason == !cut.answer.reason, "a cut changes what is refused");
	check(slice_eq(buf_slice(&whole.body), buf_slice(&cut.body)), "a cut changes the body");
	if (whole.answer.head_done) {
		check(whole.answer.status == cut.answer.status && whole.answer.headers.count == cut.answer.headers.count,
		      "a cut changes the head");
		for (unsigned i = 0; i < whole.answer.headers.count; i++)
			check(slice_eq(whole.answer.headers.items[i].name, cut.answer.headers.items[i].name) &&
				      slice_eq(whole.answer.headers.items[i].value, cut.answer.headers.items[i].value),
			      "a cut changes a header");
	}
	parsed_done(&whole);
	parsed_done(&cut);
	return 0;
}
