/* SPDX-License-Identifier: Apache-2.0 */
/* Content codings (RFC 9110 §8.4.1, br: RFC 7932, zstd: RFC 8878 with the window of RFC 9659), decoded as they arrive.
 *
 * Every coding is reduced to one step: "read from here, write there, say whether the stream has ended". The loop around
 * the step does what is the same for all: growing the output, counting, and stopping bombs. */
#include <limits.h>
#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>
#include "http/coding.h"

enum {
	RATIO_FREE = 1 << 20,          /* below this much output the ratio is nobody's business */
	OUTPUT_STEP = 32 << 10,
	ZSTD_WINDOW_LOG_MAX = 23,      /* 8 MB, RFC 9659 */
};

struct decoder {
	enum coding coding;
	size_t output_max;             /* SIZE_MAX = none */
	uint64_t taken, given;         /* bytes in and out so far */
	bool ended;                    /* the stream (gzip: a member) is complete */
	bool failed;
	union {
		z_stream zlib;
		BrotliDecoderState *brotli;
		ZSTD_DStream *zstd;
	};
};

enum coding coding_by_name(struct slice name)
{
	static const struct { struct slice name; enum coding coding; } names[] = {
		{ SLICE("identity"), CODING_IDENTITY }, { SLICE("gzip"), CODING_GZIP }, { SLICE("x-gzip"), CODING_GZIP },
		{ SLICE("deflate"), CODING_DEFLATE },	{ SLICE("br"), CODING_BR },	{ SLICE("zstd"), CODING_ZSTD },
	};

	name = slice_trim(name);
	if (name.len == 0)
		return CODING_IDENTITY;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (slice_eq_nocase(name, names[i].name))
			return names[i].coding;
	return CODING_UNKNOWN;
}

struct decoder *decoder_new(enum coding coding, size_t output_max)
{
	struct decoder *d = xcalloc(1, sizeof(*d));

	check(coding != CODING_UNKNOWN, "a decoder needs a known coding");
	d->coding = coding;
	d->output_max = output_max ? output_max : SIZE_MAX;
	switch (coding) {
	case CODING_GZIP:
		if (inflateInit2(&d->zlib, 15 + 16) != Z_OK)
			out_of_memory();
		break;
	case CODING_DEFLATE:           /* initialised at the first byte, which tells the two meanings apart */
	case CODING_IDENTITY:
	case CODING_UNKNOWN:
		break;
	case CODING_BR:
		d->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
		if (!d->brotli)
			out_of_memory();
		break;
	case CODING_ZSTD:
		d->zstd = ZSTD_createDStream();
		if (!d->zstd)
			out_of_memory();
		ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
		break;
	}
	return d;
}

struct decoder *decoder_free(struct decoder *d)
{
	if (!d)
		return NULL;
	if (d->coding == CODING_GZIP || d->coding == CODING_DEFLATE)
		inflateEnd(&d->zlib);
	else if (d->coding == CODING_BR)
		BrotliDecoderDestroyInstance(d->brotli);
	else if (d->coding == CODING_ZSTD)
		ZSTD_freeDStream(d->zstd);
	free(d);
	return NULL;
}

/* "deflate" is the zlib format (RFC 9110 §8.4.1.2), but raw deflate is sent under that name too. A zlib header's low
 * nibble is 8; raw deflate with that nibble would open with a stored block whose padding is not zero, or with the
 * reserved block type, which no encoder writes. */
static bool deflate_start(struct decoder *d, unsigned char first)
{
	return inflateInit2(&d->zlib, (first & 0x0f) == 8 ? 15 : -15) == Z_OK;
}

static bool zlib_step(struct decoder *d, struct slice *in, char *out, size_t cap, size_t *ret_written)
{
	unsigned given = in->len > INT_MAX ? INT_MAX : (unsigned)in->len;
	int result;

	d->zlib.next_in = (Bytef *)(uintptr_t)in->ptr;
	d->zlib.avail_in = given;
	d->zlib.next_out = (Bytef *)out;
	d->zlib.avail_out = (unsigned)cap;
	result = inflate(&d->zlib, Z_NO_FLUSH);
	if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
		return false;
	*in = slice_after(*in, given - d->zlib.avail_in);
	*ret_written = cap - d->zlib.avail_out;
	d->ended = result == Z_STREAM_END;
	return true;
}

static bool brotli_step(struct decoder *d, struct slice *in, char *out, size_t cap, size_t *ret_written)
{
	const uint8_t *next_in = (const uint8_t *)in->ptr;
	uint8_t *next_out = (uint8_t *)out;
	size_t in_left = in->len, out_left = cap;
	BrotliDecoderResult result =
		BrotliDecoderDecompressStream(d->brotli, &in_left, &next_in, &out_left, &next_out, NULL);

	if (result == BROTLI_DECODER_RESULT_ERROR)
		return false;
	*in = slice_after(*in, in->len - in_left);
	*ret_written = cap - out_left;
	d->ended = result == BROTLI_DECODER_RESULT_SUCCESS;
	return true;
}

static bool zstd_step(struct decoder *d, struct slice *in, char *out, size_t cap, size_t *ret_written)
{
	ZSTD_inBuffer source = { in->ptr, in->len, 0 };
	ZSTD_outBuffer target = { out, cap, 0 };
	size_t result = ZSTD_decompressStream(d->zstd, &target, &source);

	if (ZSTD_isError(result))
		return false;
	*in = slice_after(*in, source.pos);
	*ret_written = target.pos;
	d->ended = result == 0;
	return true;
}

static bool identity_step(struct decoder *d, struct slice *in, char *out, size_t cap, size_t *ret_written)
{
	size_t len = in->len < cap ? in->len : cap;

	if (len)
		memcpy(out, in->ptr, len);
	*in = slice_after(*in, len);
	*ret_written = len;
	return true;
}

static bool decoder_step(struct decoder *d, struct slice *in, char *out, size_t cap, size_t *ret_written)
{
	switch (d->coding) {
	case CODING_GZIP:
		return zlib_step(d, in, out, cap, ret_written);
	case CODING_DEFLATE:
		if (!d->zlib.state && !deflate_start(d, (unsigned char)in->ptr[0]))
			return false;
		return zlib_step(d, in, out, cap, ret_written);
	case CODING_BR:
		return brotli_step(d, in, out, cap, ret_written);
	case CODING_ZSTD:
		return zstd_step(d, in, out, cap, ret_written);
	default:
		return identity_step(d, in, out, cap, ret_written);
	}
}

/* After the end of a stream: more gzip members may follow (RFC 1952 §2.2), anything else may not. */
static bool next_member(struct decoder *d)
{
	if (d->coding != CODING_GZIP)
		return false;
	d->ended = false;
	return inflateReset(&d->zlib) == Z_OK;
}

static bool is_bomb(const struct decoder *d)
{
	return d->given > RATIO_FREE && d->given / CODING_RATIO_MAX > d->taken;
}

static enum decode_result decoder_stop(struct decoder *d, enum decode_result result)
{
	d->failed = true;
	return result;
}

/* How much may come out in one step. At the limit one more byte, into `beyond`, shows whether there is more. */
static size_t output_room(const struct decoder *d, const struct buf *out)
{
	size_t left = d->output_max - (size_t)d->given, space = out->limit - out->len;

	if (space < left)
		left = space;
	return left < OUTPUT_STEP ? left : OUTPUT_STEP;
}

enum decode_result decoder_feed(struct decoder *d, struct slice in, struct buf *out)
{
	if (d->failed)
		return DECODE_BAD;
	for (;;) {
		size_t room = output_room(d, out), before = in.len, written = 0;
		char beyond[1], *target;

		if (d->ended && in.len == 0)
			return DECODE_END;
		if (in.len == 0 && d->taken == 0)
			return DECODE_OK;
		if (d->ended && !next_member(d))
			return decoder_stop(d, DECODE_BAD);
		target = room ? buf_reserve(out, room) : beyond;
		if (!target)
			return decoder_stop(d, DECODE_TOO_LARGE);
		if (!decoder_step(d, &in, target, room ? room : 1, &written))
			return decoder_stop(d, DECODE_BAD);
		d->taken += before - in.len;
		d->given += written;
		if ((!room && written) || is_bomb(d))
			return decoder_stop(d, DECODE_TOO_LARGE);
		buf_commit(out, written);
		/* A full target may hide more output behind input that is already taken. */
		if (!d->ended && in.len == 0 && written < (room ? room : 1))
			return DECODE_OK;
		if (!d->ended && written == 0 && before == in.len)
			return decoder_stop(d, DECODE_BAD);
	}
}
