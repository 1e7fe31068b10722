/* SPDX-License-Identifier: Apache-2.0 */
/* Content codings: every split, every end, bombs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <zlib.h>
#include <zstd.h>
#include "http/coding.h"

/* "hello hello hello hello" by brotli 1.0.9 (its encoder is not linked here). */
static const unsigned char brotli_hello[] = { 0x1b, 0x16, 0x00, 0xf8, 0x8d, 0x94, 0x6e, 0xde, 0x44, 0x55,
					      0x86, 0x96, 0x6c, 0x20, 0x6f, 0x21, 0x4f, 0x1c, 0xe0, 0x38 };
static const struct slice hello = { "hello hello hello hello", 23 };

static size_t deflate_into(char *out, size_t cap, struct slice in, int window_bits)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)in.ptr;
	z.avail_in = (unsigned)in.len;
	z.next_out = (Bytef *)out;
	z.avail_out = (unsigned)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return cap - z.avail_out;
}

struct sample {
	enum coding coding;
	char bytes[128];
	size_t len;
};

static void make_samples(struct sample ret[5])
{
	ret[0].coding = CODING_GZIP;
	ret[0].len = deflate_into(ret[0].bytes, sizeof(ret[0].bytes), hello, 31);
	ret[1].coding = CODING_DEFLATE;
	ret[1].len = deflate_into(ret[1].bytes, sizeof(ret[1].bytes), hello, 15);
	ret[2].coding = CODING_DEFLATE;
	ret[2].len = deflate_into(ret[2].bytes, sizeof(ret[2].bytes), hello, -15);
	ret[3].coding = CODING_ZSTD;
	ret[3].len = ZSTD_compress(ret[3].bytes, sizeof(ret[3].bytes), hello.ptr, hello.len, 3);
	ret[4].coding = CODING_BR;
	ret[4].len = sizeof(brotli_hello);
	memcpy(ret[4].bytes, brotli_hello, sizeof(brotli_hello));
}

static void names_are_known(void **state)
{
	assert_int_equal(coding_by_name(SLICE("")), CODING_IDENTITY);
	assert_int_equal(coding_by_name(slice_of(NULL, 0)), CODING_IDENTITY);
	assert_int_equal(coding_by_name(SLICE("identity")), CODING_IDENTITY);
	assert_int_equal(coding_by_name(SLICE(" GZip ")), CODING_GZIP);
	assert_int_equal(coding_by_name(SLICE("x-gzip")), CODING_GZIP);
	assert_int_equal(coding_by_name(SLICE("deflate")), CODING_DEFLATE);
	assert_int_equal(coding_by_name(SLICE("br")), CODING_BR);
	assert_int_equal(coding_by_name(SLICE("zstd")), CODING_ZSTD);
	assert_int_equal(coding_by_name(SLICE("gzip, br")), CODING_UNKNOWN);
	assert_int_equal(coding_by_name(SLICE("compress")), CODING_UNKNOWN);
}

static void every_split_decodes_alike(void **state)
{
	struct sample samples[5];

	make_samples(samples);
	for (size_t i = 0; i < COUNT_OF(samples); i++)
		for (size_t split = 0; split <= samples[i].len; split++) {
			struct slice whole = slice_of(samples[i].bytes, samples[i].len);
			struct decoder *d = decoder_new(samples[i].coding, 1000);
			struct buf out;

			buf_init(&out, 1000);
			if (split < whole.len)
				assert_int_equal(decoder_feed(d, slice_of(whole.ptr, split), &out), DECODE_OK);
			else
				assert_int_equal(decoder_feed(d, whole, &out), DECODE_END);
			assert_int_equal(decoder_feed(d, slice_after(whole, split), &out), DECODE_END);
			assert_true(slice_eq(buf_slice(&out), hello));
			decoder_free(d);
			buf_done(&out);
		}
}

static void a_limit_that_just_fits_is_no_bomb(void **state)
{
	struct sample samples[5];

	make_samples(samples);
	for (size_t i = 0; i < COUNT_OF(samples); i++)
		for (size_t limit = hello.len - 1; limit <= hello.len; limit++) {
			struct decoder *d = decoder_new(samples[i].coding, limit);
			struct buf out;

			buf_init(&out, limit);
			assert_int_equal(decoder_feed(d, slice_of(samples[i].bytes, samples[i].len), &out),
					 limit < hello.len ? DECODE_TOO_LARGE : DECODE_END);
			decoder_free(d);
			buf_done(&out);
		}
}

static void what_follows_the_end_is_bad(void **state)
{
	struct sample samples[5];

	make_samples(samples);
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct decoder *d = decoder_new(samples[i].coding, 1000);
		struct buf out;

		buf_init(&out, 1000);
		assert_int_equal(decoder_feed(d, slice_of(samples[i].bytes, samples[i].len), &out), DECODE_END);
		assert_int_equal(decoder_feed(d, SLICE("tail"), &out), DECODE_BAD);
		assert_int_equal(decoder_feed(d, SLICE(""), &out), DECODE_BAD);
		decoder_free(d);
		buf_done(&out);
	}
}

static void gzip_members_follow_each_other(void **state)
{
	struct sample samples[5];
	struct decoder *d = decoder_new(CODING_GZIP, 1000);
	struct slice member;
	struct buf in, out;
	bool fits;

	make_samples(samples);
	member = slice_of(samples[0].bytes, samples[0].len);
	buf_init(&in, 1000);
	buf_init(&out, 1000);
	fits = buf_append_slice(&in, member) && buf_append_slice(&in, member);
	assert_true(fits);
	assert_int_equal(decoder_feed(d, buf_slice(&in), &out), DECODE_END);
	assert_int_equal(decoder_feed(d, member, &out), DECODE_END);
	assert_int_equal(out.len, 3 * hello.len);
	decoder_free(d);
	buf_done(&in);
	buf_done(&out);
}

static void garbage_is_bad(void **state)
{
	static const enum coding codings[] = { CODING_GZIP, CODING_DEFLATE, CODING_BR, CODING_ZSTD };

	for (size_t i = 0; i < COUNT_OF(codings); i++) {
		struct decoder *d = decoder_new(codings[i], 1000);
		struct buf out;

		buf_init(&out, 1000);
		assert_int_equal(decoder_feed(d, SLICE("\xff\xff\xff\xff this is not a coded stream \xff\xff"), &out), DECODE_BAD);
		decoder_free(d);
		buf_done(&out);
	}
}

static void identity_passes_through(void **state)
{
	struct decoder *d = decoder_new(CODING_IDENTITY, 10);
	struct buf out;

	buf_init(&out, 100);
	assert_int_equal(decoder_feed(d, SLICE("12345"), &out), DECODE_OK);
	assert_int_equal(decoder_feed(d, SLICE("67890"), &out), DECODE_OK);
	assert_true(slice_eq(buf_slice(&out), SLICE("1234567890")));
	assert_int_equal(decoder_feed(d, SLICE("x"), &out), DECODE_TOO_LARGE);
	decoder_free(d);
	buf_done(&out);
}

static void the_ratio_is_bounded(void **state)
{
	size_t len = 16 << 20, cap = 64 << 10;
	char *zeros = xcalloc(1, len), *coded = xmalloc(cap);
	struct slice bomb = slice_of(coded, deflate_into(coded, cap, slice_of(zeros, len), 31));
	struct decoder *d = decoder_new(CODING_GZIP, 0);
	struct buf out;

	buf_init(&out, SIZE_MAX / 4);
	assert_int_equal(decoder_feed(d, bomb, &out), DECODE_TOO_LARGE);
	assert_true(out.len < 2 * (size_t)CODING_RATIO_MAX * bomb.len);
	decoder_free(d);
	buf_done(&out);
	free(zeros);
	free(coded);
}

/* A window of more than 8 MB (RFC 9659) would let a small request claim much memory. */
static void large_zstd_windows_are_refused(void **state)
{
	size_t len = 32 << 20, cap = ZSTD_compressBound(len);
	char *text = xmalloc(len), *coded = xmalloc(cap);
	ZSTD_CCtx *c = ZSTD_createCCtx();
	struct decoder *d = decoder_new(CODING_ZSTD, 0);
	struct buf out;
	size_t coded_len;

	for (size_t i = 0; i < len; i++)
		text[i] = (char)((i * 2654435761u) >> 13);
	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 25);
	ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
	coded_len = ZSTD_compress2(c, coded, cap, text, len);
	assert_false(ZSTD_isError(coded_len));
	buf_init(&out, SIZE_MAX / 4);
	assert_int_equal(decoder_feed(d, slice_of(coded, coded_len), &out), DECODE_BAD);
	ZSTD_freeCCtx(c);
	decoder_free(d);
	buf_done(&out);
	free(text);
	free(coded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_known),
		cmocka_unit_test(every_split_decodes_alike),
		cmocka_unit_test(a_limit_that_just_fits_is_no_bomb),
		cmocka_unit_test(what_follows_the_end_is_bad),
		cmocka_unit_test(gzip_members_follow_each_other),
		cmocka_unit_test(garbage_is_bad),
		cmocka_unit_test(identity_passes_through),
		cmocka_unit_test(the_ratio_is_bounded),
		cmocka_unit_test(large_zstd_windows_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
