/* SPDX-License-Identifier: Apache-2.0 */
/* The many words for how much to reason (DIALECTS §3.12, §7), as one wish. Where several are said, "off" wins, then a
 * number of tokens, then a word. A member that says more than the hub can hold is kept as well, and is written back as
 * it came where the target speaks this dialect. */
#include "dialect/openai_chat/openai_chat_internal.h"

static void wish_switch(struct reasoning *r, bool on)
{
	if (!on)
		r->wish = REASONING_OFF;
	else if (r->wish == REASONING_UNSAID)
		r->wish = REASONING_ON;
}

static void wish_effort(struct reasoning *r, unsigned effort)
{
	if (effort == EFFORT_NONE) {
		r->wish = REASONING_OFF;
		return;
	}
	r->effort = effort;
	if (r->wish == REASONING_UNSAID || r->wish == REASONING_ON)
		r->wish = REASONING_BY_EFFORT;
}

static void wish_budget(struct reasoning *r, int64_t tokens)
{
	if (r->wish == REASONING_OFF)
		return;
	if (tokens == 0) {
		r->wish = REASONING_OFF;
	} else if (tokens < 0) {
		wish_switch(r, true);
	} else {
		r->wish = REASONING_BY_BUDGET;
		r->budget = tokens;
	}
}

static void keep(struct chat_reading *r, const char *name, struct json v)
{
	chat_add_other(r->chat, r->arena, FIELD_OTHER, slice_cstr(name), v);
}

/* True when the object has nothing but these members. */
static bool has_only(struct json object, const char *const *names)
{
	for (struct json_walk w = json_walk(object); json_walk_next(&w);) {
		const char *const *name = names;

		while (*name && !json_text_eq(w.key, slice_cstr(*name)))
			name++;
		if (!*name && !json_is(w.value, JSON_NULL))
			return false;
	}
	return true;
}

/* vLLM's, SGLang's and llama.cpp's way to a model's own template; the rest of it is the template's business. */
bool openai_chat_read_template(struct chat_reading *r, struct json v)
{
	static const char *const known[] = { "enable_thinking", "thinking", NULL };
	struct json enable = json_get(v, "enable_thinking");

	if (!json_exists(enable))
		enable = json_get(v, "thinking");
	if (json_is(enable, JSON_TRUE) || json_is(enable, JSON_FALSE))
		wish_switch(&r->chat->reasoning, json_is(enable, JSON_TRUE));
	if (!has_only(v, known))
		keep(r, "chat_template_kwargs", v);
	return true;
}

/* Qwen (§7.10) */
bool openai_chat_read_enable_thinking(struct chat_reading *r, struct json v)
{
	wish_switch(&r->chat->reasoning, json_to_bool(v, true));
	return true;
}

bool openai_chat_read_thinking_budget(struct chat_reading *r, struct json v)
{
	int64_t tokens;

	if (json_to_i64(v, &tokens))
		wish_budget(&r->chat->reasoning, tokens);
	return true;
}

/* DeepSeek, Moonshot, Zhipu, Ark, Fireworks; Anthropic's own object where a client of its habits comes by here. */
bool openai_chat_read_thinking(struct chat_reading *r, struct json v)
{
	static const char *const known[] = { "type", "budget_tokens", NULL };
	struct json type = json_get(v, "type");
	int64_t tokens;

	if (json_is(v, JSON_TRUE) || json_is(v, JSON_FALSE)) {
		wish_switch(&r->chat->reasoning, json_is(v, JSON_TRUE));
		return true;
	}
	if (json_is(type, JSON_STRING))
		wish_switch(&r->chat->reasoning, !json_text_eq(type, SLICE("disabled")));
	if (json_to_i64(json_get(v, "budget_tokens"), &tokens))
		wish_budget(&r->chat->reasoning, tokens);
	if (!has_only(v, known))
		keep(r, "thinking", v);
	return true;
}

/* OpenRouter (§7.4); Together has `enabled` alone (§7.5). */
bool openai_chat_read_reasoning(struct chat_reading *r, struct json v)
{
	static const char *const known[] = { "effort", "max_tokens", "enabled", "exclude", "summary", NULL };
	struct reasoning *wish = &r->chat->reasoning;
	struct json enabled = json_get(v, "enabled"), exclude = json_get(v, "exclude");
	int64_t tokens;

	if (json_is(enabled, JSON_TRUE) || json_is(enabled, JSON_FALSE))
		wish_switch(wish, json_is(enabled, JSON_TRUE));
	if (json_to_i64(json_get(v, "max_tokens"), &tokens))
		wish_budget(wish, tokens);
	openai_chat_read_effort(r, json_get(v, "effort"));
	if (json_is(exclude, JSON_TRUE) || json_is(exclude, JSON_FALSE))
		wish->visible = json_is(exclude, JSON_TRUE) ? SAID_NO : SAID_YES;
	wish->summary = json_text(json_get(v, "summary"), r->arena);
	if (!has_only(v, known))
		keep(r, "reasoning", v);
	return true;
}

bool openai_chat_read_effort(struct chat_reading *r, struct json v)
{
	struct slice word = json_text(v, r->arena);
	unsigned effort = effort_by_name(word);

	if (effort != 0)
		wish_effort(&r->chat->reasoning, effort);
	else if (slice_eq(word, SLICE("default"))) /* Groq's qwen: on, as it likes */
		wish_switch(&r->chat->reasoning, true);
	else if (word.len > 0)
		keep(r, "reasoning_effort", v);
	return true;
}

/* OpenRouter's older word, Groq's and vLLM's */
bool openai_chat_read_include_reasoning(struct chat_reading *r, struct json v)
{
	r->chat->reasoning.visible = json_to_bool(v, true) ? SAID_YES : SAID_NO;
	return true;
}
