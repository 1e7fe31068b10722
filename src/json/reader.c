/* SPDX-License-Identifier: Apache-2.0 */
/* The one pass over a JSON text (RFC 8259) that fills the tape.
 *
 * Why not yyjson: it keeps no source spans (splicing needs them), resolves duplicate members silently and has no
 * static library; it is the oracle of json_fuzz.c and json_oracle_test.c instead. As strict as its default reader:
 * no BOM, no comments, no trailing commas, no control characters in strings, well-formed UTF-8, nothing after the
 * value, and a \u escape of half a surrogate pair is refused. Unlike it, numbers of any size are accepted (digits are
 * kept, not converted), and depth and number of values are capped. */
#include "json/json_internal.h"
#include "json/scan.h"

enum { NODES_FIRST_MAX = 4096, NODES_FIRST_MIN = 16, BYTES_PER_NODE = 12 };

static const uint32_t NO_PARENT = UINT32_MAX;

struct reader {
	const char *p, *end, *text;
	struct json_node *nodes;
	uint32_t count, cap;
	uint32_t parent;               /* index of the innermost open container */
	unsigned depth;
	bool in_object;                /* …is an object */
	struct arena *arena;
	const char *message;           /* set = refused at `p` */
};

static bool refuse(struct reader *r, const char *at, const char *message)
{
	r->p = at;
	r->message = message;
	return false;
}

static bool refuse_unexpected(struct reader *r, const char *message)
{
	return refuse(r, r->p, r->p == r->end ? "unexpected end" : message);
}

/* The old tape stays behind in the arena: together less than the new one. */
static bool grow(struct reader *r)
{
	uint32_t cap = r->cap * 2 < JSON_NODES_MAX ? r->cap * 2 : JSON_NODES_MAX;
	struct json_node *nodes;

	if (cap <= r->cap)
		return refuse(r, r->p, "too many values");
	nodes = arena_alloc(r->arena, cap * sizeof(*nodes));
	memcpy(nodes, r->nodes, r->count * sizeof(*nodes));
	r->nodes = nodes;
	r->cap = cap;
	return true;
}

static inline struct json_node *add_node(struct reader *r, enum json_type type)
{
	struct json_node *n;

	if (unlikely(r->count == r->cap) && !grow(r))
		return NULL;
	n = &r->nodes[r->count++];
	*n = (struct json_node){ .at = (uint32_t)(r->p - r->text), .skip = 1, .type = (uint8_t)type };
	return n;
}

static inline void skip_space(struct reader *r)
{
	const char *p = r->p;

	while (p < r->end && (unsigned char)*p <= ' ') {
		if (*p == ' ')
			p = scan_while(p, r->end, ' ');
		else if (*p == '\n' || *p == '\r' || *p == '\t')
			p++;
		else
			break;
	}
	r->p = p;
}

bool json_hex4(const char *p, unsigned *ret)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | ((c | 0x20) - 'a' + 10u);
		else
			return false;
	}
	*ret = value;
	return true;
}

/* Length of the escape at `p`, 0 when it is wrong (or half a surrogate pair). */
static inline size_t escape_len(const char *p, const char *end)
{
	unsigned high, low;

	if (end - p < 2)
		return 0;
	switch (p[1]) {
	case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
		return 2;
	case 'u':
		break;
	default:
		return 0;
	}
	if (end - p < 6 || !json_hex4(p + 2, &high) || (high & 0xfc00) == 0xdc00)
		return 0;
	if ((high & 0xfc00) != 0xd800)
		return 6;
	if (end - p < 12 || p[6] != '\\' || p[7] != 'u' || !json_hex4(p + 8, &low) || (low & 0xfc00) != 0xdc00)
		return 0;
	return 12;
}

/* Inlined into both callers whatever the compiler thinks of its size: a fifth of the time of a short document. */
__attribute__((always_inline)) static inline bool read_string(struct reader *r)
{
	struct json_node *n = add_node(r, JSON_STRING);
	const char *p = r->p + 1, *next;

	if (!n)
		return false;
	for (;;) {
		p = scan_plain(p, r->end);
		if (p == r->end)
			return refuse(r, p, "unexpected end");
		if (*p == '"')
			break;
		if (*p == '\\') {
			size_t len = escape_len(p, r->end);

			if (len == 0)
				return refuse(r, p, "bad escape");
			n->escaped = true;
			p += len;
		} else {
			next = scan_utf8(p, r->end);
			if (next == p)
				return refuse(r, p, (unsigned char)*p < 0x20 ? "control character in a string" : "invalid UTF-8");
			p = next;
		}
	}
	p++;
	n->len = (uint32_t)(p - r->p);
	r->p = p;
	return true;
}

static inline const char *skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static bool read_number(struct reader *r)
{
	struct json_node *n = add_node(r, JSON_NUMBER);
	const char *p = r->p, *digits;

	if (!n)
		return false;
	if (*p == '-')
		p++;
	digits = p;
	p = skip_digits(p, r->end);
	if (p == digits || (*digits == '0' && p > digits + 1))
		return refuse(r, p, "bad number");
	if (p < r->end && *p == '.') {
		digits = ++p;
		p = skip_digits(p, r->end);
		if (p == digits)
			return refuse(r, p, "bad number");
	}
	if (p < r->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < r->end && (*p == '+' || *p == '-'))
			p++;
		digits = p;
		p = skip_digits(p, r->end);
		if (p == digits)
			return refuse(r, p, "bad number");
	}
	n->len = (uint32_t)(p - r->p);
	r->p = p;
	return true;
}

static bool read_word(struct reader *r, struct slice word, enum json_type type)
{
	struct json_node *n = add_node(r, type);

	if (!n)
		return false;
	if (!slice_starts_with(slice_of(r->p, (size_t)(r->end - r->p)), word))
		return refuse(r, r->p, "unexpected character");
	n->len = (uint32_t)word.len;
	r->p += word.len;
	return true;
}

/* The text has come to the closing bracket of the innermost container. */
static inline void close_container(struct reader *r)
{
	struct json_node *n = &r->nodes[r->parent];

	r->p++;
	n->len = (uint32_t)(r->p - r->text) - n->at;
	r->parent = n->skip;
	n->skip = r->count - (uint32_t)(n - r->nodes);
	r->depth--;
	r->in_object = r->parent != NO_PARENT && r->nodes[r->parent].type == JSON_OBJECT;
}

static bool open_container(struct reader *r, enum json_type type, bool *ret_opened)
{
	struct json_node *n = add_node(r, type);

	if (!n)
		return false;
	if (r->depth == JSON_DEPTH_MAX)
		return refuse(r, r->p, "nested too deeply");
	r->depth++;
	n->skip = r->parent;
	r->parent = r->count - 1;
	r->in_object = type == JSON_OBJECT;
	r->p++;
	skip_space(r);
	if (r->p < r->end && *r->p == (type == JSON_OBJECT ? '}' : ']'))
		close_container(r);
	else
		*ret_opened = true;
	return true;
}

/* `ret_opened`: the value is a container that has something in it, which comes next. */
static inline bool read_value(struct reader *r, bool *ret_opened)
{
	*ret_opened = false;
	if (r->p == r->end)
		return refuse(r, r->p, "unexpected end");
	switch (*r->p) {
	case '"':
		return read_string(r);
	case '{':
		return open_container(r, JSON_OBJECT, ret_opened);
	case '[':
		return open_container(r, JSON_ARRAY, ret_opened);
	case 't':
		return read_word(r, SLICE("true"), JSON_TRUE);
	case 'f':
		return read_word(r, SLICE("false"), JSON_FALSE);
	case 'n':
		return read_word(r, SLICE("null"), JSON_NULL);
	case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
		return read_number(r);
	default:
		return refuse(r, r->p, "unexpected character");
	}
}

static inline bool read_key(struct reader *r)
{
	if (r->p == r->end || *r->p != '"')
		return refuse_unexpected(r, "expected a member name");
	if (!read_string(r))
		return false;
	skip_space(r);
	if (r->p == r->end || *r->p != ':')
		return refuse_unexpected(r, "expected a colon");
	r->p++;
	skip_space(r);
	return true;
}

/* After a value: closes what ends here. True when a comma says that another member or element follows. */
static inline bool find_sibling(struct reader *r)
{
	while (r->parent != NO_PARENT) {
		skip_space(r);
		if (r->p < r->end && *r->p == ',') {
			r->p++;
			skip_space(r);
			return true;
		}
		if (r->p == r->end || *r->p != (r->in_object ? '}' : ']'))
			return refuse_unexpected(r, "expected a comma or the closing bracket");
		close_container(r);
	}
	return false;
}

static void read_tree(struct reader *r)
{
	bool opened;

	skip_space(r);
	do {
		if (r->in_object && !read_key(r))
			return;
		if (!read_value(r, &opened))
			return;
	} while (opened || find_sibling(r));
	if (r->message)
		return;
	skip_space(r);
	if (r->p < r->end)
		refuse(r, r->p, "something follows the value");
}

bool json_parse(struct arena *a, struct slice text, struct json_doc *ret, struct json_error *reterr)
{
	size_t guess = text.len / BYTES_PER_NODE + NODES_FIRST_MIN;
	struct reader r = { .p = text.ptr, .text = text.ptr, .parent = NO_PARENT, .arena = a };

	*ret = (struct json_doc){ .text = text };
	if (text.len == 0 || text.len >= UINT32_MAX) {
		*reterr = (struct json_error){ 0, text.len == 0 ? "unexpected end" : "too large" };
		return false;
	}
	r.end = text.ptr + text.len;
	r.cap = (uint32_t)(guess < NODES_FIRST_MAX ? guess : NODES_FIRST_MAX);
	r.nodes = arena_alloc(a, r.cap * sizeof(*r.nodes));
	read_tree(&r);
	if (r.message) {
		*reterr = (struct json_error){ (size_t)(r.p - r.text), r.message };
		return false;
	}
	ret->nodes = r.nodes;
	ret->count = r.count;
	return true;
}
