/* SPDX-License-Identifier: Apache-2.0 */
/* v2/chat requests into the hub: their top level (DIALECTS §3.1, §3.5, §3.7, §3.9, §3.12). */
#include "dialect/cohere/cohere.h"

/* The others have a place in the hub. */
static const struct { const char *name; uint64_t field; } natives[] = {
	{ "documents", 0 },            /* read, and kept for Cohere itself */
	{ "raw_prompting", FIELD_OTHER_MEANING },
	{ "safety_mode", FIELD_SAFETY_SETTINGS },
};

static const char *const known[] = {
	"model", "stream", "messages", "tools", "strict_tools", "tool_choice", "response_format", "max_tokens",
	"stop_sequences", "temperature", "seed", "frequency_penalty", "presence_penalty", "k", "p", "logprobs",
	"thinking", NULL
};

static void keep_rest(struct chat_reading *r, struct json root)
{
	for (struct json_walk w = json_walk(root); json_walk_next(&w);) {
		uint64_t field = FIELD_OTHER;

		if (json_is_one_of(w.key, known))
			continue;
		for (size_t i = 0; i < COUNT_OF(natives); i++)
			if (json_text_eq(w.key, slice_cstr(natives[i].name)))
				field = natives[i].field;
		/* What is empty or off says what is so without it. */
		if (field == FIELD_OTHER_MEANING && !json_is_filled(w.value) && !json_is(w.value, JSON_TRUE))
			field = 0;
		chat_keep_other(r, field, SLICE(""), &w);
	}
}

/* ---- documents ---- */

/* A text, or an object of texts of any names; those that others have words for are Cohere's usual ones. */
static void read_data(struct chat_reading *r, struct media *m, struct json data)
{
	static const char *const usual[] = { "title", "text", "context", NULL };
	bool plain = json_is(json_get(data, "text"), JSON_STRING);

	m->source = MEDIA_TEXT;
	m->mime = SLICE("text/plain");
	m->name = json_text(json_get(data, "title"), r->arena);
	m->context = json_text(json_get(data, "context"), r->arena);
	for (struct json_walk w = json_walk(data); json_walk_next(&w);)
		plain &= json_is_one_of(w.key, usual);
	if (json_is(data, JSON_STRING))
		m->value = json_text(data, r->arena);
	else
		m->value = plain ? json_text(json_get(data, "text"), r->arena) : json_raw(data);
}

/* In front of what the user asks first: {id, data} or a text each (v2/chat `documents`). They are cited unless
 * citation_options say otherwise. */
static void read_documents(struct chat_reading *r, struct json root)
{
	struct json mode = json_get(json_get(root, "citation_options"), "mode");
	struct turn *asked = r->chat->turns;
	struct part *spoken, *last;

	if (json_count(json_get(root, "documents")) == 0)
		return;
	while (asked && asked->role != ROLE_USER)
		asked = asked->next;
	if (!asked)
		asked = chat_add_turn(r->chat, r->arena, ROLE_USER);
	spoken = asked->parts;
	last = asked->last;
	asked->parts = asked->last = NULL;
	for (struct json_walk w = json_walk(json_get(root, "documents")); json_walk_next(&w);) {
		struct json data = json_get(w.value, "data");
		struct media *m = turn_add_part(asked, r->arena, PART_DOCUMENT)->media;

		read_data(r, m, json_exists(data) ? data : w.value);
		if (m->name.len == 0)
			m->name = json_text(json_get(w.value, "id"), r->arena);
		m->citations = !json_text_eq(mode, SLICE("OFF")) && !json_text_eq(mode, SLICE("off"));
	}
	asked->last->next = spoken;
	asked->last = spoken ? last : asked->last;
}

static bool read_thinking(struct chat_reading *r, struct json thinking)
{
	struct reasoning *wish = &r->chat->reasoning;
	struct json type = json_get(thinking, "type");

	if (!json_is(thinking, JSON_OBJECT))
		return true;
	if (json_text_eq(type, SLICE("disabled"))) {
		wish->wish = REASONING_OFF;
		return true;
	}
	if (!json_text_eq(type, SLICE("enabled")))
		return chat_refuse(r->failure, "thinking",
				   "\"thinking\" must be {\"type\": \"enabled\"} or {\"type\": \"disabled\"}");
	wish->budget = json_i64_or(json_get(thinking, "token_budget"), -1);
	wish->wish = wish->budget > 0 ? REASONING_BY_BUDGET : REASONING_ON;
	return true;
}

static void read_numbers(struct chat *c, struct arena *a, struct json root)
{
	number_read(&c->temperature, json_get(root, "temperature"));
	number_read(&c->top_p, json_get(root, "p"));
	number_read(&c->top_k, json_get(root, "k"));
	number_read(&c->seed, json_get(root, "seed"));
	number_read(&c->frequency_penalty, json_get(root, "frequency_penalty"));
	number_read(&c->presence_penalty, json_get(root, "presence_penalty"));
	chat_read_stops(c, a, json_get(root, "stop_sequences"));
	c->max_output = json_i64_or(json_get(root, "max_tokens"), -1);
	c->logprobs = json_to_bool(json_get(root, "logprobs"), false);
}

/* One word for all tools. */
static bool read_tools(struct chat_reading *r, struct json root)
{
	struct chat *c = r->chat;
	struct json strict = json_get(root, "strict_tools");

	if (!shape_read_tools(c, r->arena, json_get(root, "tools"), r->failure))
		return false;
	for (struct tool *t = c->tools; t; t = t->next)
		if (json_is(strict, JSON_TRUE) || json_is(strict, JSON_FALSE))
			t->strict = json_is(strict, JSON_TRUE) ? SAID_YES : SAID_NO;
	if (!shape_read_choice(c, r->arena, json_get(root, "tool_choice")))
		return chat_refuse(r->failure, "tool_choice", "\"tool_choice\" must be \"REQUIRED\" or \"NONE\"");
	return true;
}

static const struct member_type types[] = {
	{ "temperature", IS_NUMBER }, { "p", IS_NUMBER }, { "k", IS_NUMBER }, { "max_tokens", IS_NUMBER },
	{ "frequency_penalty", IS_NUMBER }, { "presence_penalty", IS_NUMBER }, { "seed", IS_NUMBER },
	{ "logprobs", IS_BOOL }, { "strict_tools", IS_BOOL }, { "tools", IS_ARRAY },
	{ "stop_sequences", IS_ARRAY }, { "documents", IS_ARRAY }, { "thinking", IS_OBJECT },
	{ "response_format", IS_OBJECT }, { 0 },
};

bool cohere_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
		      struct failure *reterr)
{
	struct chat_reading r = { .chat = ret, .arena = a, .failure = reterr };
	struct json root = json_root(&facts->doc);

	chat_init(ret, DIALECT_COHERE);
	ret->model = facts->model;
	ret->stream = facts->stream;
	ret->usage_asked = facts->usage_asked;
	if (!chat_check_types(root, types, reterr) ||
	    !cohere_read_messages(&r, json_get(root, "messages")) || !read_tools(&r, root) ||
	    !read_thinking(&r, json_get(root, "thinking")))
		return false;
	if (!shape_read_format(ret, a, json_get(root, "response_format")))
		return chat_refuse(reterr, "response_format", "\"response_format\" must be {\"type\": \"text\"} or "
				   "{\"type\": \"json_object\", \"json_schema\": …}");
	read_documents(&r, root);
	read_numbers(ret, a, root);
	keep_rest(&r, root);
	return chat_finish(ret, a, reterr);
}
