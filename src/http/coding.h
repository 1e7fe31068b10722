/* SPDX-License-Identifier: Apache-2.0 */
/* Content codings: gzip, deflate, br, zstd, decoded as they arrive. A decoder stops a bomb: its output may not exceed
 * `output_max`, nor CODING_RATIO_MAX times its input once more than 1 MB has come out. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

enum { CODING_RATIO_MAX = 500 };

enum coding { CODING_IDENTITY, CODING_GZIP, CODING_DEFLATE, CODING_BR, CODING_ZSTD, CODING_UNKNOWN };

/* One coding by its name; a list of several ("gzip, br") or an unknown word is CODING_UNKNOWN, empty is IDENTITY. */
enum coding coding_by_name(struct slice name);

struct decoder;

struct decoder *decoder_new(enum coding coding, size_t output_max);
struct decoder *decoder_free(struct decoder *d);

enum decode_result { DECODE_OK, DECODE_END, DECODE_BAD, DECODE_TOO_LARGE };

/* Appends what `in` decodes to. DECODE_END when the stream is complete (input after it is DECODE_BAD, except further
 * gzip members). DECODE_OK wants more input; at the end of the body that means it was cut. */
enum decode_result decoder_feed(struct decoder *d, struct slice in, struct buf *out);
