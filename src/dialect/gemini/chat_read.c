/* SPDX-License-Identifier: Apache-2.0 */
/* A generateContent request (or the count of its tokens) into the hub: its members but the conversation, the tools and
 * generationConfig (DIALECTS §3.1, §3.10; protos GenerateContentRequest of generativelanguage v1beta and aiplatform
 * v1beta1). Google refuses members it does not know; they are kept here, because tomorrow it will know more. */
#include "dialect/gemini/gemini.h"

void gemini_keep_other(struct chat_reading *r, uint64_t field, const char *parent, const struct json_walk *w)
{
	struct slice name = gemini_key(w->key, r->arena);

	if (json_is(w->value, JSON_NULL))
		return;
	if (parent[0] != '\0')
		name = arena_printf(r->arena, "%s.%.*s", parent, SLICE_ARG(name));
	chat_add_other(r->chat, r->arena, field, name, w->value);
}

/* "standard" is what OpenAI calls "default" (DIALECTS §3.10). */
static void read_tier(struct chat_reading *r, struct json tier)
{
	struct slice name = json_text(tier, r->arena);

	if (slice_eq_nocase(name, SLICE("standard")))
		r->chat->service_tier = SLICE("default");
	else if (slice_eq_nocase(name, SLICE("flex")))
		r->chat->service_tier = SLICE("flex");
	else if (slice_eq_nocase(name, SLICE("priority")))
		r->chat->service_tier = SLICE("priority");
	else if (!slice_eq_nocase(name, SLICE("unspecified")))
		r->chat->service_tier = name;
}

/* Vertex's; the end user is one of them (DIALECTS §3.10). */
static void read_labels(struct chat_reading *r, struct json labels)
{
	if (!json_is(labels, JSON_OBJECT))
		return;
	r->chat->metadata = labels;
	r->chat->user = json_text(json_get(labels, "safety_identifier"), r->arena);
}

static const struct { const char *name; uint64_t field; } others[] = {
	{ "safetySettings", FIELD_SAFETY_SETTINGS },
	{ "cachedContent", FIELD_OTHER_MEANING },      /* a part of the prompt that lies at Google */
	{ "continuationToken", FIELD_OTHER_MEANING },  /* the first half of the answer */
};

static bool is_known(struct slice name)
{
	static const char *const known[] = {
		"model", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "serviceTier",
		"store", "labels", "generateContentRequest",
	};

	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (slice_eq(name, slice_cstr(known[i])))
			return true;
	return false;
}

static void keep_others(struct chat_reading *r, struct json root)
{
	for (struct json_walk w = json_walk(root); json_walk_next(&w);) {
		struct slice name = gemini_key(w.key, r->arena);
		uint64_t field = FIELD_OTHER;

		if (is_known(name))
			continue;
		for (size_t i = 0; i < COUNT_OF(others); i++)
			if (slice_eq(name, slice_cstr(others[i].name)) && json_is_filled(w.value))
				field = others[i].field;
		gemini_keep_other(r, field, "", &w);
	}
}

static void read_store(struct chat_reading *r, struct json store)
{
	if (json_is(store, JSON_TRUE) || json_is(store, JSON_FALSE))
		r->chat->store = json_is(store, JSON_TRUE) ? SAID_YES : SAID_NO;
}

/* countTokens takes the conversation alone, or a whole request (DIALECTS §8.10); Vertex takes some of its members
 * beside the conversation. */
static struct json find_request(struct json root, enum operation op)
{
	struct json inner = gemini_get(root, "generateContentRequest");

	return op == OPERATION_COUNT_TOKENS && json_is(inner, JSON_OBJECT) ? inner : root;
}

static const struct member_type types[] = {
	{ "generationConfig", IS_OBJECT }, { "toolConfig", IS_OBJECT }, { "labels", IS_OBJECT }, { 0 },
};

bool gemini_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
		      struct failure *reterr)
{
	struct chat_reading r = { .chat = ret, .arena = a, .failure = reterr };
	struct json root = find_request(json_root(&facts->doc), op);

	chat_init(ret, DIALECT_GEMINI);
	ret->model = facts->model;
	ret->stream = facts->stream;
	ret->usage_asked = facts->usage_asked;
	if (!chat_check_types(root, types, reterr) || !gemini_read_system(&r, gemini_get(root, "systemInstruction")) ||
	    !gemini_read_contents(&r, json_get(root, "contents")) || !gemini_read_tools(&r, json_get(root, "tools")) ||
	    !gemini_read_tool_config(&r, gemini_get(root, "toolConfig")))
		return false;
	gemini_read_config(&r, gemini_get(root, "generationConfig"));
	read_tier(&r, gemini_get(root, "serviceTier"));
	read_store(&r, json_get(root, "store"));
	read_labels(&r, json_get(root, "labels"));
	keep_others(&r, root);
	return chat_finish(ret, a, reterr);
}
