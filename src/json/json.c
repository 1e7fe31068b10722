/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at a parsed document: members, elements, text and numbers. The tape is made by reader.c. */
#include <math.h>
#include <stdio.h>
#include "json/json_internal.h"
#include "json/scan.h"

void json_position(struct slice text, size_t offset, unsigned *ret_line, unsigned *ret_column)
{
	unsigned line = 1, column = 1;

	for (size_t i = 0; i < offset && i < text.len; i++) {
		if (text.ptr[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)text.ptr[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

struct json json_root(const struct json_doc *d)
{
	return (struct json){ d, d->count > 0 ? d->nodes : NULL };
}

enum json_type json_type(struct json v)
{
	return v.node ? (enum json_type)v.node->type : JSON_MISSING;
}

struct json_walk json_walk(struct json container)
{
	const struct json_node *n = container.node;
	struct json_walk w = { .value = { .doc = container.doc } };

	if (!n || (n->type != JSON_OBJECT && n->type != JSON_ARRAY))
		return w;
	w.next_ = n + 1;
	w.end_ = n + n->skip;
	if (n->type == JSON_OBJECT)
		w.key.doc = container.doc;     /* what tells json_walk_next() that there are keys */
	return w;
}

bool json_walk_next(struct json_walk *w)
{
	const struct json_node *n = w->next_;

	if (n == w->end_)
		return false;
	if (w->key.doc)
		w->key.node = n++;
	w->value.node = n;
	w->next_ = n + n->skip;
	return true;
}

/* Straight over the tape: dialects look for many names in each event, and most keys differ in length already. */
struct json json_member(struct json object, struct slice name)
{
	const struct json_node *key, *end;

	if (!json_is(object, JSON_OBJECT))
		return (struct json){ 0 };
	end = object.node + object.node->skip;
	for (key = object.node + 1; key < end; key += 1 + key[1].skip) {
		const char *text = object.doc->text.ptr + key->at + 1;

		if (key->escaped ? json_text_eq((struct json){ object.doc, key }, name)
				 : key->len == name.len + 2 && memcmp(text, name.ptr, name.len) == 0)
			return (struct json){ object.doc, key + 1 };
	}
	return (struct json){ 0 };
}

unsigned json_member_count(struct json object, struct slice name)
{
	unsigned count = 0;

	if (json_is(object, JSON_OBJECT)) {
		for (struct json_walk w = json_walk(object); json_walk_next(&w);)
			count += json_text_eq(w.key, name);
	}
	return count;
}

size_t json_count(struct json container)
{
	size_t count = 0;

	for (struct json_walk w = json_walk(container); json_walk_next(&w);)
		count++;
	return count;
}

struct json json_at(struct json array, size_t index)
{
	if (json_is(array, JSON_ARRAY)) {
		for (struct json_walk w = json_walk(array); json_walk_next(&w);) {
			if (index-- == 0)
				return w.value;
		}
	}
	return (struct json){ 0 };
}

struct slice json_raw(struct json v)
{
	if (!v.node)
		return (struct slice){ 0 };
	return slice_of(v.doc->text.ptr + v.node->at, v.node->len);
}

static size_t put_utf8(char *out, unsigned code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* Decodes the escape at `*p` (the reader has checked it) and moves past it. At most 4 bytes, never more than it had. */
static size_t decode_escape(const char **p, char *out)
{
	const char *escape = *p;
	unsigned code = 0, low = 0;

	*p += 2;
	switch (escape[1]) {
	case 'b':
		code = '\b';
		break;
	case 'f':
		code = '\f';
		break;
	case 'n':
		code = '\n';
		break;
	case 'r':
		code = '\r';
		break;
	case 't':
		code = '\t';
		break;
	case 'u':
		json_hex4(escape + 2, &code);
		*p += 4;
		if ((code & 0xfc00) == 0xd800) {
			json_hex4(escape + 8, &low);
			code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
			*p += 6;
		}
		break;
	default:
		code = (unsigned char)escape[1];
		break;
	}
	return put_utf8(out, code);
}

/* What stands between the quotes. */
static struct slice inner_text(struct json v)
{
	return slice_of(v.doc->text.ptr + v.node->at + 1, v.node->len - 2);
}

struct slice json_text(struct json v, struct arena *a)
{
	struct slice inner;
	const char *p, *end;
	char *out, *start;

	if (!json_is(v, JSON_STRING))
		return (struct slice){ 0 };
	inner = inner_text(v);
	if (!v.node->escaped)
		return inner;
	p = inner.ptr;
	end = p + inner.len;
	start = out = arena_alloc(a, inner.len);
	while (p < end) {
		const char *backslash = memchr(p, '\\', (size_t)(end - p));
		size_t plain = (size_t)((backslash ? backslash : end) - p);

		memcpy(out, p, plain);
		out += plain;
		p += plain;
		if (backslash)
			out += decode_escape(&p, out);
	}
	return slice_of(start, (size_t)(out - start));
}

bool json_text_eq(struct json v, struct slice text)
{
	struct slice inner;
	size_t matched = 0;

	if (!json_is(v, JSON_STRING))
		return false;
	inner = inner_text(v);
	if (!v.node->escaped)
		return slice_eq(inner, text);
	for (const char *p = inner.ptr; p < inner.ptr + inner.len;) {
		char decoded[4];
		size_t len = 1;

		if (*p == '\\')
			len = decode_escape(&p, decoded);
		else
			decoded[0] = *p++;
		if (text.len - matched < len || memcmp(text.ptr + matched, decoded, len) != 0)
			return false;
		matched += len;
	}
	return matched == text.len;
}

/* A number's source taken apart: digits × 10^exponent. */
struct decimal {
	bool negative;
	bool too_large;                /* more significant digits than 64 bits hold */
	uint64_t digits;
	int64_t exponent;
};

enum { EXPONENT_MAX = 1000000 };       /* whatever is beyond is the same to us, and sums of it cannot overflow */

static struct decimal read_decimal(struct slice number)
{
	struct decimal d = { 0 };
	const char *p = number.ptr, *end = p + number.len;
	int64_t exponent = 0, zeros = 0;
	bool fraction = false, negative = false;

	if (*p == '-') {
		d.negative = true;
		p++;
	}
	for (; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			fraction = true;
			continue;
		}
		d.exponent -= fraction;
		if (*p == '0') {               /* held back: trailing zeros belong to the exponent */
			zeros++;
			continue;
		}
		for (; zeros > 0 && d.digits > 0; zeros--)
			d.too_large |= __builtin_mul_overflow(d.digits, 10u, &d.digits);
		zeros = 0;
		d.too_large |= __builtin_mul_overflow(d.digits, 10u, &d.digits);
		d.too_large |= __builtin_add_overflow(d.digits, (uint64_t)(*p - '0'), &d.digits);
		if (d.too_large)
			return d;
	}
	if (p < end) {
		p++;
		if (*p == '+' || *p == '-')
			negative = *p++ == '-';
		for (; p < end && exponent < EXPONENT_MAX; p++)
			exponent = exponent * 10 + (*p - '0');
	}
	d.exponent += zeros + (negative ? -exponent : exponent);
	return d;
}

bool json_to_i64(struct json v, int64_t *ret)
{
	struct decimal d;

	if (!json_is(v, JSON_NUMBER))
		return false;
	d = read_decimal(json_raw(v));
	if (d.too_large)
		return false;
	if (d.digits == 0) {
		*ret = 0;
		return true;
	}
	if (d.exponent < 0)
		return false;
	for (; d.exponent > 0; d.exponent--) {
		if (__builtin_mul_overflow(d.digits, 10u, &d.digits))
			return false;
	}
	if (d.digits > (uint64_t)INT64_MAX + d.negative)
		return false;
	*ret = d.negative ? (int64_t)(0 - d.digits) : (int64_t)d.digits;
	return true;
}

bool json_to_double(struct json v, double *ret)
{
	struct slice raw = json_is(v, JSON_NUMBER) ? json_raw(v) : (struct slice){ 0 };
	char local[64];
	_cleanup_(free_charp) char *heap = raw.len >= sizeof(local) ? xmalloc(raw.len + 1) : NULL;
	char *number = heap ? heap : local;

	if (!raw.ptr)
		return false;
	memcpy(number, raw.ptr, raw.len);
	number[raw.len] = '\0';
	*ret = strtod(number, NULL);
	return isfinite(*ret);
}

bool json_to_bool(struct json v, bool otherwise)
{
	switch (json_type(v)) {
	case JSON_TRUE:
		return true;
	case JSON_FALSE:
		return false;
	default:
		return otherwise;
	}
}

int64_t json_i64_or(struct json v, int64_t otherwise)
{
	int64_t value;

	return json_to_i64(v, &value) && value >= 0 ? value : otherwise;
}
