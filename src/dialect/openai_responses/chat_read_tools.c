/* SPDX-License-Identifier: Apache-2.0 */
/* The tools of a Responses request (DIALECTS §3.4, §3.5, §3.14): functions and custom tools flat, some of them gathered
 * in namespaces, and what the provider runs. */
#include "dialect/chat_shape.h"
#include "dialect/openai_responses/openai_responses.h"

#include <stdio.h>

static struct slice join_name(struct slice namespace, struct slice name, struct arena *a)
{
	return namespace.len == 0 ? name : arena_printf(a, "%.*s.%.*s", SLICE_ARG(namespace), SLICE_ARG(name));
}

static bool has_namespace(struct json tools, struct json name)
{
	for (struct json_walk w = json_walk(tools); json_walk_next(&w);)
		if (json_text_eq(json_get(w.value, "type"), SLICE("namespace")) &&
		    slice_eq(json_raw(json_get(w.value, "name")), json_raw(name)))
			return true;
	return false;
}

struct slice responses_hub_name(struct json root, struct json namespace, struct json name, struct arena *a)
{
	bool known = json_is_filled(namespace) && has_namespace(json_get(root, "tools"), namespace);

	return join_name(known ? json_text(namespace, a) : SLICE(""), json_text(name, a), a);
}

/* The longest that fits: namespaces may have dots in their names. */
struct slice responses_own_name(const struct slice *namespaces, unsigned count, struct slice name,
				struct slice *ret_namespace)
{
	*ret_namespace = SLICE("");
	for (unsigned i = 0; i < count; i++)
		if (namespaces[i].len > ret_namespace->len && name.len > namespaces[i].len + 1 &&
		    slice_starts_with(name, namespaces[i]) && name.ptr[namespaces[i].len] == '.')
			*ret_namespace = namespaces[i];
	return ret_namespace->len > 0 ? slice_after(name, ret_namespace->len + 1) : name;
}

/* What the provider runs, by its type; dated and preview forms included. */
static enum tool_kind hosted_kind(struct slice type)
{
	if (slice_starts_with(type, SLICE("web_search")))
		return TOOL_WEB_SEARCH;
	return slice_eq(type, SLICE("code_interpreter")) ? TOOL_CODE : TOOL_OTHER;
}

static bool read_tool(const struct responses_place *at, struct json v, struct slice namespace, unsigned index);

/* Its description has no place in the hub's tools; it waits for the way back. */
static bool read_namespace(const struct responses_place *at, struct json v, unsigned index)
{
	struct slice name = json_text(json_get(v, "name"), at->arena);

	if (name.len == 0)
		return chat_refuse(at->failure, "tools", "tools[%u] is a namespace without a \"name\"", index);
	chat_add_other(at->chat, at->arena, FIELD_TOOLS, arena_join(at->arena, SLICE("namespaces."), name), v);
	for (struct json_walk w = json_walk(json_get(v, "tools")); json_walk_next(&w);)
		if (!read_tool(at, w.value, name, index))
			return false;
	return true;
}

static bool read_tool(const struct responses_place *at, struct json v, struct slice namespace, unsigned index)
{
	struct slice type = json_text(json_get(v, "type"), at->arena);
	struct json strict = json_get(v, "strict"), parameters = json_get(v, "parameters");
	bool function = slice_eq(type, SLICE("function")), custom = slice_eq(type, SLICE("custom"));
	struct tool *t;

	if (type.len == 0)
		return chat_refuse(at->failure, "tools", "tools[%u] has no \"type\", such as \"function\"", index);
	if (namespace.len == 0 && slice_eq(type, SLICE("namespace")))
		return read_namespace(at, v, index);
	if ((function || custom) && !json_is_filled(json_get(v, "name")))
		return chat_refuse(at->failure, "tools", "tools[%u] has no \"name\"", index);
	t = chat_add_tool(at->chat, at->arena, function ? TOOL_FUNCTION : custom ? TOOL_CUSTOM : hosted_kind(type));
	t->name = function || custom ? join_name(namespace, json_text(json_get(v, "name"), at->arena), at->arena) : type;
	t->description = json_text(json_get(v, "description"), at->arena);
	if (json_is(parameters, JSON_OBJECT))
		t->parameters = parameters;
	if (custom && !json_text_eq(json_get(json_get(v, "format"), "type"), SLICE("text")))
		t->grammar = json_get(v, "format");
	t->strict = json_is(strict, JSON_TRUE) ? SAID_YES : json_is(strict, JSON_FALSE) ? SAID_NO : UNSAID;
	t->cache_mark = shape_read_cache_mark(v);
	t->raw = v;
	t->raw_dialect = DIALECT_OPENAI_RESPONSES;
	return true;
}

bool responses_read_tools(const struct responses_place *at)
{
	struct json tools = json_get(at->root, "tools");
	unsigned index = 0;

	if (!json_exists(tools) || json_is(tools, JSON_NULL))
		return true;
	if (!json_is(tools, JSON_ARRAY))
		return chat_refuse(at->failure, "tools", "\"tools\" must be an array");
	for (struct json_walk w = json_walk(tools); json_walk_next(&w); index++)
		if (!read_tool(at, w.value, SLICE(""), index))
			return false;
	return true;
}

/* ---- tool_choice ---- */

static enum choice_mode mode_of(struct json v)
{
	return json_text_eq(v, SLICE("auto"))       ? CHOICE_AUTO
	       : json_text_eq(v, SLICE("none"))     ? CHOICE_NONE
	       : json_text_eq(v, SLICE("required")) ? CHOICE_REQUIRED
						    : CHOICE_UNSAID;
}

/* A function or custom tool that is named; empty when it is something else. */
static struct slice named(const struct responses_place *at, struct json v)
{
	struct json type = json_get(v, "type");

	if (!json_text_eq(type, SLICE("function")) && !json_text_eq(type, SLICE("custom")))
		return SLICE("");
	return responses_hub_name(at->root, json_get(v, "namespace"), json_get(v, "name"), at->arena);
}

/* False when hosted tools are among them, which have no name in the hub. */
static bool read_allowed(const struct responses_place *at, struct json choice)
{
	struct tool_choice *c = &at->chat->choice;
	struct json tools = json_get(choice, "tools");
	unsigned count = 0;

	c->allowed = arena_array(at->arena, struct slice, json_count(tools) + 1);
	for (struct json_walk w = json_walk(tools); json_walk_next(&w);) {
		c->allowed[count] = named(at, w.value);
		if (c->allowed[count++].len == 0)
			return false;
	}
	c->allowed_count = count;
	c->mode = mode_of(json_get(choice, "mode"));
	return true;
}

void responses_read_choice(const struct responses_place *at)
{
	struct json choice = json_get(at->root, "tool_choice");
	struct tool_choice *c = &at->chat->choice;

	if (!json_exists(choice) || json_is(choice, JSON_NULL))
		return;
	c->mode = mode_of(choice);
	if (c->mode != CHOICE_UNSAID)
		return;
	if (json_text_eq(json_get(choice, "type"), SLICE("allowed_tools")) && read_allowed(at, choice))
		return;
	c->name = named(at, choice);
	c->mode = c->name.len > 0 ? CHOICE_NAMED : CHOICE_UNSAID;
	if (c->mode == CHOICE_UNSAID)
		chat_add_other(at->chat, at->arena, FIELD_OTHER_MEANING, SLICE("tool_choice"), choice);
}
