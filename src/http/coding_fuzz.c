/* SPDX-License-Identifier: Apache-2.0 */
/* First byte: the coding and how the rest is split. Decoding in pieces and at once must agree. */
#include <stdint.h>
#include "http/coding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUTPUT_MAX = 4 << 20 };

static enum decode_result decode(enum coding coding, struct slice in, size_t step, struct buf *out)
{
	struct decoder *d = decoder_new(coding, OUTPUT_MAX);
	enum decode_result result = DECODE_OK;

	do {
		struct slice part = slice_of(in.ptr, in.len < step ? in.len : step);

		result = decoder_feed(d, part, out);
		in = slice_after(in, part.len);
	} while (in.len > 0 && result != DECODE_BAD && result != DECODE_TOO_LARGE);
	decoder_free(d);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, pieces;
	enum decode_result first, second;
	struct slice in;

	if (size < 2)
		return 0;
	buf_init(&whole, OUTPUT_MAX);
	buf_init(&pieces, OUTPUT_MAX);
	in = slice_of((const char *)data + 1, size - 1);
	first = decode(data[0] % CODING_UNKNOWN, in, SIZE_MAX, &whole);
	second = decode(data[0] % CODING_UNKNOWN, in, 1 + data[0] / CODING_UNKNOWN, &pieces);
	check((first == DECODE_END) == (second == DECODE_END), "pieces and the whole agree");
	check(first != DECODE_END || slice_eq(buf_slice(&whole), buf_slice(&pieces)), "pieces and the whole decode alike");
	check(whole.len <= OUTPUT_MAX && pieces.len <= OUTPUT_MAX, "the limit holds");
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
