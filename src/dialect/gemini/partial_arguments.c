/* SPDX-License-Identifier: Apache-2.0 */
/* Vertex's streamed function calls: pieces of arguments, each with the JSONPath of the value it belongs to, put
 * together to the object they make (DIALECTS §5.5; proto PartialArg of aiplatform v1beta1: RFC 9535 paths of names
 * and indexes). The nodes lie in the arena of the answer. */
#include "dialect/gemini/gemini.h"

#include "json/writer.h"

enum {
	NODES_MAX = 8192,              /* of one call; what is beyond is left out */
	DEPTH_MAX = 32,
	TEXT_MAX = 4 << 20             /* bytes of one call */
};

struct node {
	struct node *next;             /* among its siblings */
	struct node *first, *last;     /* members or elements */
	struct slice name;             /* of a member */
	int64_t index;                 /* of an element, else -1 */
	bool is_array, is_text;
	struct slice scalar;           /* JSON text: null, true, 12 */
	char *text;
	size_t len, capacity;
};

struct partial_arguments {
	struct arena *arena;
	struct node root;
	unsigned nodes;
	size_t bytes;
};

struct partial_arguments *partial_arguments_new(struct arena *a)
{
	struct partial_arguments *p = arena_new(a, struct partial_arguments);

	p->arena = a;
	return p;
}

/* One step of a path: `.name`, `['name']` or `[3]`. False: its end, or no path. */
static bool next_step(struct slice *path, struct slice *ret_name, int64_t *ret_index)
{
	unsigned long long number;
	size_t len = 0;
	char quote;

	*ret_index = -1;
	if (path->len < 2)
		return false;
	if (path->ptr[0] == '.') {
		*path = slice_after(*path, 1);
		while (len < path->len && path->ptr[len] != '.' && path->ptr[len] != '[')
			len++;
		*ret_name = slice_of(path->ptr, len);
		*path = slice_after(*path, len);
		return len > 0;
	}
	if (path->ptr[0] != '[')
		return false;
	*path = slice_after(*path, 1);
	quote = path->ptr[0];
	if (quote == '\'' || quote == '"') {
		*path = slice_after(*path, 1);
		while (len < path->len && path->ptr[len] != quote)
			len++;
		*ret_name = slice_of(path->ptr, len);
		if (path->len < len + 2 || path->ptr[len + 1] != ']')
			return false;
		*path = slice_after(*path, len + 2);
		return true;
	}
	while (len < path->len && path->ptr[len] != ']')
		len++;
	if (len == path->len || !slice_to_u64(slice_of(path->ptr, len), &number) || number >= NODES_MAX)
		return false;
	*ret_index = (int64_t)number;
	*path = slice_after(*path, len + 1);
	return true;
}

/* NULL: too many. The last one is the likeliest: values come one after the other. */
static struct node *child_of(struct partial_arguments *p, struct node *parent, struct slice name, int64_t index)
{
	struct node *n = parent->last;

	if (!(n && n->index == index && (index >= 0 || slice_eq(n->name, name))))
		for (n = parent->first; n && !(n->index == index && (index >= 0 || slice_eq(n->name, name)));)
			n = n->next;
	if (n)
		return n;
	if (p->nodes == NODES_MAX || name.len > TEXT_MAX - p->bytes)
		return NULL;
	p->nodes++;
	p->bytes += name.len;
	n = arena_new(p->arena, struct node);
	n->name = arena_dup(p->arena, name);
	n->index = index;
	parent->is_array = index >= 0;
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	return n;
}

static struct node *find_node(struct partial_arguments *p, struct slice path)
{
	struct node *n = &p->root;
	struct slice name = { 0 };
	int64_t index;

	if (path.len == 0 || path.ptr[0] != '$')
		return NULL;
	path = slice_after(path, 1);
	for (unsigned depth = 0; n && depth < DEPTH_MAX && next_step(&path, &name, &index); depth++)
		n = child_of(p, n, index >= 0 ? SLICE("") : name, index);
	return path.len == 0 && n != &p->root ? n : NULL;
}

static void append_text(struct partial_arguments *p, struct node *n, struct slice text)
{
	if (text.len > TEXT_MAX - p->bytes)
		return;
	p->bytes += text.len;
	if (n->len + text.len > n->capacity) {
		char *grown;

		n->capacity = 2 * (n->len + text.len) + 16;
		grown = arena_alloc(p->arena, n->capacity);
		if (n->len > 0)
			memcpy(grown, n->text, n->len);
		n->text = grown;
	}
	if (text.len > 0)
		memcpy(n->text + n->len, text.ptr, text.len);
	n->len += text.len;
	n->is_text = true;
}

void partial_arguments_add(struct partial_arguments *p, struct json argument, struct arena *scratch)
{
	struct node *n = find_node(p, json_text(json_get(argument, "jsonPath"), scratch));
	struct json number = json_get(argument, "numberValue"), truth = json_get(argument, "boolValue");
	struct json text = json_get(argument, "stringValue");

	if (!n)
		return;
	if (json_is(text, JSON_STRING))
		append_text(p, n, json_text(text, scratch));
	else if (json_is(number, JSON_NUMBER))
		n->scalar = arena_dup(p->arena, json_raw(number));
	else if (json_is(truth, JSON_TRUE) || json_is(truth, JSON_FALSE))
		n->scalar = json_is(truth, JSON_TRUE) ? SLICE("true") : SLICE("false");
	else if (json_exists(json_get(argument, "nullValue")))
		n->scalar = SLICE("null");
}

/* As deep as DEPTH_MAX at most. */
static void write_node(struct json_writer *w, const struct node *n)
{
	if (n->first) {
		if (n->is_array)
			json_begin_array(w);
		else
			json_begin_object(w);
		for (const struct node *c = n->first; c; c = c->next) {
			if (!n->is_array)
				json_key(w, c->name);
			write_node(w, c);
		}
		if (n->is_array)
			json_end_array(w);
		else
			json_end_object(w);
	} else if (n->is_text) {
		json_string(w, slice_of(n->text, n->len));
	} else {
		json_value_raw(w, n->scalar.len > 0 ? n->scalar : SLICE("null"));
	}
}

struct slice partial_arguments_text(const struct partial_arguments *p, struct arena *scratch)
{
	struct json_writer w;
	struct slice text;
	struct buf out;

	if (!p->root.first || p->root.is_array)
		return SLICE("{}");
	buf_init(&out, 8 * (size_t)TEXT_MAX);
	json_writer_init(&w, &out);
	write_node(&w, &p->root);
	text = w.overflow ? SLICE("{}") : arena_dup(scratch, buf_slice(&out));
	buf_done(&out);
	return text;
}
