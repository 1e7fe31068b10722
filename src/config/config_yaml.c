/* SPDX-License-Identifier: Apache-2.0 */
/* YAML (and with it JSON) by libfyaml: values with their places. Nothing outside this file knows the library. Aliases
 * are followed one at a time as values are looked at, and every look is counted, so that a file that multiplies
 * itself (a "billion laughs") ends in a problem instead of in memory. */
#include <libfyaml.h>
#include "base/utf8.h"
#include "config/config_internal.h"

static bool stands_behind_its_mark(struct fy_node *node)
{
	enum fy_node_style style = fy_node_get_style(node);

	return style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED || style == FYNS_ALIAS;
}

static struct yaml place_of(struct fy_node *node, struct yaml otherwise)
{
	struct yaml v = { .node = node, .line = otherwise.line, .column = otherwise.column };
	struct fy_token *token = node && fy_node_is_scalar(node) ? fy_node_get_scalar_token(node) : NULL;
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;

	/* Only scalars have a place of their own here; lists and maps are reported at their key. An empty plain
	 * scalar has no characters: its key is the better place too. The library's mark stands behind a quote or the
	 * '*' of an alias. */
	if (mark && (yaml_is_quoted(v) || fy_node_get_scalar_length(node) > 0)) {
		v.line = (unsigned)mark->line + 1;
		v.column = (unsigned)mark->column + (stands_behind_its_mark(node) && mark->column > 0 ? 0 : 1);
	}
	return v;
}

static bool count_value(struct reader *r, struct yaml where)
{
	if (r->values > CONFIG_VALUES_MAX)
		return false;
	if (r->values++ == CONFIG_VALUES_MAX) {
		problem(r, where, "the file grows to more than %d values when its aliases are followed",
			CONFIG_VALUES_MAX);
		return false;
	}
	return true;
}

static struct yaml follow_alias(struct reader *r, struct yaml v)
{
	for (unsigned depth = 0; v.node && fy_node_is_alias(v.node); depth++) {
		struct slice name = yaml_text(v);
		struct fy_node *target = depth < CONFIG_NESTING_MAX ? fy_node_resolve_alias(v.node) : NULL;

		v.broken = !target;
		if (!target)
			problem(r, v, "there is no anchor '&%.*s'", SLICE_ARG(name));
		v.node = target;
	}
	return v;
}

/* A map that is an item of a list has no key: its first member says where it is. */
static struct yaml place_of_item(struct fy_node *node, struct yaml list)
{
	void *position = NULL;
	struct fy_node_pair *first = node && fy_node_is_mapping(node) ? fy_node_mapping_iterate(node, &position) : NULL;

	return first ? place_of(fy_node_pair_key(first), list) : list;
}

static struct yaml value_at(struct reader *r, struct fy_node *node, struct yaml otherwise)
{
	struct yaml v = place_of(node, otherwise);

	return count_value(r, v) ? follow_alias(r, v) : (struct yaml){ .line = v.line, .column = v.column };
}

static void report_syntax(struct reader *r, struct fy_diag *diag)
{
	struct fy_diag_error *error;
	void *position = NULL;
	unsigned errors = r->report->errors;

	while ((error = fy_diag_errors_iterate(diag, &position))) {
		struct yaml where = { .line = error->line > 0 ? (unsigned)error->line : 1,
				      .column = error->column > 0 ? (unsigned)error->column : 1 };

		problem(r, where, "this is not YAML: %s", error->msg ? error->msg : "it cannot be read");
	}
	if (r->report->errors == errors)
		problem(r, (struct yaml){ .line = 1, .column = 1 }, "this is not YAML");
}

static struct fy_parser *parser_new(struct fy_diag *diag, struct slice text)
{
	/* Duplicate keys are found in yaml_members(), all of them and with both places. */
	struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_ALLOW_DUPLICATE_KEYS, .diag = diag };
	struct fy_parser *parser = fy_parser_create(&cfg);

	if (parser && fy_parser_set_string(parser, text.ptr, text.len) != 0) {
		fy_parser_destroy(parser);
		return NULL;
	}
	return parser;
}

/* NUL and what is no UTF-8 are told here: the library takes some of them for an end or for another encoding. */
static bool check_bytes(struct reader *r, struct slice text)
{
	struct yaml where = { .line = 1, .column = 1 };

	while (text.len > 0) {
		size_t len = text.ptr[0] ? utf8_sequence(text.ptr, text.len) : 0;

		if (len == 0) {
			problem(r, where, "this is not YAML: a byte here is not UTF-8 text");
			return false;
		}
		where.column = text.ptr[0] == '\n' ? 1 : where.column + 1;
		where.line += text.ptr[0] == '\n';
		text = slice_after(text, len);
	}
	return true;
}

bool yaml_parse(struct reader *r, struct slice text, struct fy_document **ret_document, struct yaml *ret)
{
	struct fy_diag *diag;
	struct fy_parser *parser;
	struct fy_document *second = NULL;
	unsigned errors = r->report->errors;

	*ret_document = NULL;
	*ret = (struct yaml){ .line = 1, .column = 1 };
	if (slice_starts_with(text, SLICE("\xef\xbb\xbf")))
		text = slice_after(text, 3);
	if (text.len == 0)
		return true;
	if (!check_bytes(r, text))
		return false;
	diag = fy_diag_create(&(struct fy_diag_cfg){ .fp = NULL, .level = FYET_ERROR, .module_mask = UINT32_MAX });
	if (!diag)
		out_of_memory();
	fy_diag_set_collect_errors(diag, true);
	parser = parser_new(diag, text);
	if (!parser)
		out_of_memory();
	*ret_document = fy_parse_load_document(parser);
	if (*ret_document)
		second = fy_parse_load_document(parser);
	if (fy_diag_got_error(diag) || fy_parser_get_stream_error(parser))
		report_syntax(r, diag);
	else if (second)
		problem(r, place_of(fy_document_root(second), *ret),
			"one file is one document: a second one begins here");
	fy_parse_document_destroy(parser, second);
	fy_parser_destroy(parser);
	fy_diag_destroy(diag);
	if (r->report->errors > errors)
		return false;
	if (*ret_document)
		*ret = value_at(r, fy_document_root(*ret_document), *ret);
	return true;
}

void yaml_done(struct fy_document *document)
{
	fy_document_destroy(document);
}

struct slice yaml_text(struct yaml v)
{
	size_t len = 0;
	const char *text = v.node ? fy_node_get_scalar(v.node, &len) : NULL;

	return text ? slice_of(text, len) : SLICE("");
}

bool yaml_is_quoted(struct yaml v)
{
	return v.node && fy_node_is_scalar(v.node) && fy_node_get_style(v.node) != FYNS_PLAIN;
}

enum yaml_kind yaml_kind(struct yaml v)
{
	struct slice text;

	if (!v.node)
		return YAML_NOTHING;
	if (fy_node_is_mapping(v.node))
		return YAML_MAP;
	if (fy_node_is_sequence(v.node))
		return YAML_LIST;
	text = yaml_text(v);
	if (!yaml_is_quoted(v) && (text.len == 0 || slice_eq(text, SLICE("~")) || slice_eq(text, SLICE("null"))))
		return YAML_NOTHING;
	return YAML_SCALAR;
}

/* A map's members while they are collected. */
struct collection {
	struct yaml_member *items;
	unsigned count, cap;
	struct map by_key;             /* key → member */
};

static void collect(struct reader *r, struct collection *c, struct yaml_member m)
{
	if (c->count == c->cap) {
		struct yaml_member *grown = arena_array(r->arena, struct yaml_member, c->cap ? c->cap * 2 : 8);

		if (c->count)
			memcpy(grown, c->items, c->count * sizeof(*grown));
		c->items = grown;
		c->cap = c->cap ? c->cap * 2 : 8;
	}
	c->items[c->count++] = m;
	map_put(&c->by_key, m.key, c); /* any pointer: the map is a set here */
}

static void collect_map(struct reader *r, struct collection *c, struct yaml v, unsigned depth);

/* `<<: *base` or `<<: [*a, *b]`: members that are not there yet. */
static void merge(struct reader *r, struct collection *c, struct yaml v, unsigned depth)
{
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items);

	for (unsigned i = 0; i < count; i++) {
		if (yaml_kind(items[i]) != YAML_MAP || depth >= CONFIG_NESTING_MAX)
			problem(r, items[i], "'<<' takes a map, or a list of maps");
		else
			collect_map(r, c, items[i], depth + 1);
	}
}

static void collect_map(struct reader *r, struct collection *c, struct yaml v, unsigned depth)
{
	struct yaml merged = { 0 };
	struct fy_node_pair *pair;
	void *position = NULL;

	while ((pair = fy_node_mapping_iterate(v.node, &position))) {
		struct yaml place = place_of(fy_node_pair_key(pair), v);
		struct yaml value = value_at(r, fy_node_pair_value(pair), place);
		struct slice key;

		if (!place.node || !fy_node_is_scalar(place.node) || fy_node_is_alias(place.node)) {
			problem(r, place, "a key is a plain word");
			continue;
		}
		key = arena_dup(r->arena, yaml_text(place));
		if (slice_eq(key, SLICE("<<")) && !yaml_is_quoted(place))
			merged = value;
		else if (!map_get(&c->by_key, key))
			collect(r, c, (struct yaml_member){ .key = key, .place = place, .value = value });
		else if (depth == 0)
			problem(r, place, "'%.*s' stands twice in the same map", SLICE_ARG(key));
	}
	if (merged.node)
		merge(r, c, merged, depth);
}

unsigned yaml_members(struct reader *r, struct yaml v, const char *what, struct yaml_member **ret)
{
	struct collection c = { 0 };

	*ret = NULL;
	if (yaml_kind(v) == YAML_NOTHING)
		return 0;
	if (yaml_kind(v) != YAML_MAP) {
		problem(r, v, "%s is a map of keys and values", what);
		return 0;
	}
	map_init(&c.by_key);
	collect_map(r, &c, v, 0);
	map_done(&c.by_key);
	*ret = c.items;
	return c.count;
}

unsigned yaml_items(struct reader *r, struct yaml v, struct yaml **ret)
{
	struct fy_node *node;
	void *position = NULL;
	unsigned count = 0;
	int length;

	*ret = NULL;
	if (yaml_kind(v) == YAML_NOTHING)
		return 0;
	if (yaml_kind(v) != YAML_LIST) {
		*ret = arena_new(r->arena, struct yaml);
		**ret = v;
		return 1;
	}
	length = fy_node_sequence_item_count(v.node);
	if (length <= 0 || (unsigned)length > CONFIG_VALUES_MAX)
		return 0;
	*ret = arena_array(r->arena, struct yaml, length);
	while (count < (unsigned)length && (node = fy_node_sequence_iterate(v.node, &position)))
		(*ret)[count++] = value_at(r, node, place_of_item(node, v));
	return count;
}
