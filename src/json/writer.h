/* SPDX-License-Identifier: Apache-2.0 */
/* JSON writing into a buffer, compact, members in call order. Commas are the writer's business. Over the buffer's limit
 * nothing more is written and `overflow` stays set: check it once at the end. */
#pragma once

#include <stdint.h>
#include "base/buf.h"

struct json_writer {
	struct buf *out;
	bool overflow;
	bool need_comma;
	unsigned depth;
};

void json_writer_init(struct json_writer *w, struct buf *out);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, struct slice name);
/* Bytes that are not valid UTF-8 are written as U+FFFD. */
void json_string(struct json_writer *w, struct slice text);
void json_int(struct json_writer *w, int64_t value);
void json_uint(struct json_writer *w, uint64_t value);
/* Shortest form that reads back the same; NaN and infinities become null. */
void json_double(struct json_writer *w, double value);
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
/* value / unit; null for a negative value, which stands for "unknown". */
void json_known(struct json_writer *w, int64_t value, double unit);
/* Already JSON. */
void json_value_raw(struct json_writer *w, struct slice json);
/* A key that is a literal and has nothing to escape: comma, quotes and colon are part of it before the program runs. */
void json_ready_key(struct json_writer *w, struct slice key);
#define json_literal_key(w, name) json_ready_key((w), SLICE(",\"" name "\":"))
#define json_member_string(w, name, text) (json_literal_key((w), name), json_string((w), (text)))
#define json_member_cstr(w, name, text) (json_literal_key((w), name), json_string((w), slice_cstr(text)))
#define json_member_int(w, name, value) (json_literal_key((w), name), json_int((w), (value)))
#define json_member_bool(w, name, value) (json_literal_key((w), name), json_bool((w), (value)))
