/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and editing the request members that all dialects have in common. */
#include "dialect/dialect_internal.h"

bool request_begin(struct request_facts *facts, struct json *ret, struct failure *reterr)
{
	facts->model = (struct slice){ 0 };
	facts->model_value = (struct json){ 0 };
	facts->stream = facts->usage_asked = false;
	facts->max_output = -1;
	facts->needs = 0;
	facts->user = (struct slice){ 0 };
	*ret = json_root(&facts->doc);
	if (!json_is(*ret, JSON_OBJECT))
		return failure_set(reterr, FAILURE_BAD_REQUEST, "the body must be a JSON object, such as {\"model\": \"…\", …}");
	return true;
}

bool request_single(struct json root, struct slice name, struct failure *reterr)
{
	if (json_member_count(root, name) <= 1)
		return true;
	failure_set(reterr, FAILURE_BAD_REQUEST, "the body has \"%.*s\" more than once: send it once", SLICE_ARG(name));
	failure_copy_text(reterr->param, sizeof(reterr->param), name);
	return false;
}

static bool refuse_model(struct failure *reterr, const char *why)
{
	failure_set(reterr, FAILURE_BAD_REQUEST, "%s: \"model\" must be the name of a model, such as \"gpt-5.5\"; "
		    "the list is at /v1/models", why);
	failure_copy_text(reterr->param, sizeof(reterr->param), SLICE("model"));
	return false;
}

bool request_check_model(struct slice model, struct failure *reterr)
{
	if (model.len == 0)
		return refuse_model(reterr, "the model's name is empty");
	if (model.len > REQUEST_MODEL_MAX)
		return refuse_model(reterr, "the model's name is longer than 512 bytes");
	for (size_t i = 0; i < model.len; i++)
		if ((unsigned char)model.ptr[i] < 0x20 || model.ptr[i] == 0x7f)
			return refuse_model(reterr, "the model's name has a control character in it");
	return true;
}

bool request_read_model(struct request_facts *facts, struct json root, struct arena *a, struct failure *reterr)
{
	if (!request_single(root, SLICE("model"), reterr))
		return false;
	facts->model_value = json_get(root, "model");
	if (!json_exists(facts->model_value))
		return refuse_model(reterr, "the body has no \"model\"");
	if (!json_is(facts->model_value, JSON_STRING))
		return refuse_model(reterr, "\"model\" is not a string");
	facts->model = json_text(facts->model_value, a);
	return request_check_model(facts->model, reterr);
}

bool request_read_stream(struct request_facts *facts, struct json root, struct failure *reterr)
{
	if (!request_single(root, SLICE("stream"), reterr))
		return false;
	switch (json_type(json_get(root, "stream"))) {
	case JSON_TRUE:
		facts->stream = true;
		return true;
	case JSON_FALSE: case JSON_NULL: case JSON_MISSING:
		return true;
	default:
		failure_set(reterr, FAILURE_BAD_REQUEST, "\"stream\" must be true or false");
		failure_copy_text(reterr->param, sizeof(reterr->param), SLICE("stream"));
		return false;
	}
}

int64_t request_read_limit(struct json object, const char *name, const char *otherwise)
{
	int64_t limit = json_i64_or(json_member(object, slice_cstr(name)), -1);
	if (limit < 0 && otherwise)
		limit = json_i64_or(json_member(object, slice_cstr(otherwise)), -1);
	return limit;
}

bool json_is_filled(struct json v)
{
	switch (json_type(v)) {
	case JSON_STRING:
		return json_raw(v).len > 2;
	case JSON_ARRAY: case JSON_OBJECT:
		return json_count(v) > 0;
	default:
		return false;
	}
}

struct slice json_quote(struct slice text, struct arena *a)
{
	struct buf b;
	struct json_writer w;
	buf_init(&b, 6 * text.len + 2);
	json_writer_init(&w, &b);
	json_string(&w, text);
	struct slice quoted = arena_dup(a, buf_slice(&b));
	buf_done(&b);
	return quoted;
}

/* Line ends in JSON stand between its tokens, never inside. */
struct slice json_one_line(struct slice json, struct arena *a)
{
	char *copy;

	if (json.len == 0 || (!memchr(json.ptr, '\n', json.len) && !memchr(json.ptr, '\r', json.len)))
		return json;
	copy = arena_cstr(a, json);
	for (size_t i = 0; i < json.len; i++)
		if (copy[i] == '\n' || copy[i] == '\r')
			copy[i] = ' ';
	return slice_of(copy, json.len);
}

bool request_edit_model(const struct request_facts *facts, const struct request_edits *want, struct splice *out,
			struct arena *a)
{
	if (!json_exists(facts->model_value) || slice_eq(want->model, facts->model))
		return true;
	return splice_replace(out, facts->model_value, json_quote(want->model, a));
}

struct slice request_join_query(struct slice path, struct slice query, struct arena *a)
{
	if (query.len > 0 && query.ptr[0] == '?')
		query = slice_after(query, 1);
	if (query.len == 0)
		return path;
	return arena_printf(a, "%.*s?%.*s", SLICE_ARG(path), SLICE_ARG(query));
}

struct slice path_escape(struct slice text, const char *unescaped, struct arena *a)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = arena_alloc(a, 3 * text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			     (c && strchr(unescaped, c));

		if (plain) {
			out[len++] = (char)c;
			continue;
		}
		out[len++] = '%';
		out[len++] = hex[c >> 4];
		out[len++] = hex[c & 15];
	}
	return slice_of(out, len);
}
