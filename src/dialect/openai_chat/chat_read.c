/* SPDX-License-Identifier: Apache-2.0 */
/* A chat completion request into the hub: its top level. Members are those of DIALECTS §3.1 and the extensions of §7;
 * what has no place in the hub is kept as it came. Messages: chat_read_messages.c; reasoning: chat_read_reasoning.c. */
#include "dialect/openai_chat/openai_chat_internal.h"

/* A whole number of at least `least`; null and absent were sorted out before. */
static bool read_count(struct chat_reading *r, const char *name, struct json v, int64_t least, int64_t *ret)
{
	if (json_to_i64(v, ret) && *ret >= least)
		return true;
	return chat_refuse(r->failure, name, "\"%s\" must be a whole number of at least %lld", name, (long long)least);
}

static bool read_max_completion_tokens(struct chat_reading *r, struct json v)
{
	return read_count(r, "max_completion_tokens", v, 0, &r->chat->max_output);
}

static bool read_max_tokens(struct chat_reading *r, struct json v)
{
	/* Some clients send -1 for "as much as you like". */
	if (r->chat->max_output >= 0 || (json_is(v, JSON_NUMBER) && json_i64_or(v, -1) < 0))
		return true;
	return read_count(r, "max_tokens", v, 0, &r->chat->max_output);
}

static bool read_n(struct chat_reading *r, struct json v)
{
	if (!read_count(r, "n", v, 1, &r->chat->n))
		return false;
	return r->chat->n <= CHOICES_MAX || chat_refuse(r->failure, "n", "\"n\" may be at most %d", CHOICES_MAX);
}

static bool read_number(struct chat_reading *r, const char *name, struct json v, struct number *n)
{
	number_read(n, v);
	return n->said || chat_refuse(r->failure, name, "\"%s\" must be a number", name);
}

#define NUMBER_READER(member) \
	static bool read_##member(struct chat_reading *r, struct json v) \
	{ \
		return read_number(r, #member, v, &r->chat->member); \
	}
NUMBER_READER(temperature)
NUMBER_READER(top_p)
NUMBER_READER(top_k)
NUMBER_READER(min_p)
NUMBER_READER(frequency_penalty)
NUMBER_READER(presence_penalty)
NUMBER_READER(repeat_penalty)
NUMBER_READER(seed)
#undef NUMBER_READER

/* OpenRouter's, Together's, vLLM's name for it. */
static bool read_repetition_penalty(struct chat_reading *r, struct json v)
{
	return read_number(r, "repetition_penalty", v, &r->chat->repeat_penalty);
}

/* Mistral's name for it. */
static bool read_random_seed(struct chat_reading *r, struct json v)
{
	return read_number(r, "random_seed", v, &r->chat->seed);
}

static bool read_stop(struct chat_reading *r, struct json v)
{
	if (!json_is(v, JSON_STRING) && !json_is(v, JSON_ARRAY))
		return chat_refuse(r->failure, "stop", "\"stop\" must be a string or an array of strings");
	if (json_count(v) > CHAT_STOPS_MAX)
		return chat_refuse(r->failure, "stop", "\"stop\" may have at most %d sequences", CHAT_STOPS_MAX);
	chat_read_stops(r->chat, r->arena, v);
	return true;
}

/* Text completions have a number here, and Together's chats do too (DIALECTS §7.5). */
static bool read_logprobs(struct chat_reading *r, struct json v)
{
	int64_t count;

	r->chat->logprobs = json_is(v, JSON_TRUE);
	if (json_to_i64(v, &count) && count >= 0) {
		r->chat->logprobs = true;
		r->chat->top_logprobs = count;
	}
	return true;
}

static bool read_top_logprobs(struct chat_reading *r, struct json v)
{
	return read_count(r, "top_logprobs", v, 0, &r->chat->top_logprobs);
}

static bool read_logit_bias(struct chat_reading *r, struct json v)
{
	r->chat->logit_bias = v;
	return json_is(v, JSON_OBJECT) || chat_refuse(r->failure, "logit_bias", "\"logit_bias\" must be an object");
}

static bool read_tools(struct chat_reading *r, struct json v)
{
	return shape_read_tools(r->chat, r->arena, v, r->failure);
}

/* The predecessor of tools: the functions themselves. */
static bool read_functions(struct chat_reading *r, struct json v)
{
	for (struct json_walk w = json_walk(v); json_walk_next(&w);) {
		struct tool *t = chat_add_tool(r->chat, r->arena, TOOL_FUNCTION);

		t->name = json_text(json_get(w.value, "name"), r->arena);
		t->description = json_text(json_get(w.value, "description"), r->arena);
		t->parameters = json_get(w.value, "parameters");
		if (t->name.len == 0)
			return chat_refuse(r->failure, "functions", "a function has no name");
	}
	return true;
}

/* What the hub cannot say, a tool that runs at the provider for instance, changes the answer if it is left out. */
static bool read_tool_choice(struct chat_reading *r, struct json v)
{
	if (!shape_read_choice(r->chat, r->arena, v))
		chat_add_other(r->chat, r->arena, FIELD_OTHER_MEANING, SLICE("tool_choice"), v);
	return true;
}

static bool read_function_call(struct chat_reading *r, struct json v)
{
	if (!shape_read_choice(r->chat, r->arena, v))
		chat_add_other(r->chat, r->arena, FIELD_OTHER_MEANING, SLICE("function_call"), v);
	return true;
}

static bool read_parallel(struct chat_reading *r, struct json v)
{
	r->chat->choice.parallel = json_to_bool(v, true) ? SAID_YES : SAID_NO;
	return true;
}

static bool read_format(struct chat_reading *r, struct json v)
{
	if (!json_is(v, JSON_OBJECT))
		return chat_refuse(r->failure, "response_format", "\"response_format\" must be an object such as "
				   "{\"type\": \"json_schema\", \"json_schema\": {\"name\": …, \"schema\": …}}");
	if (!shape_read_format(r->chat, r->arena, v)) /* grammars and regular expressions of several servers */
		chat_add_other(r->chat, r->arena, FIELD_OTHER_MEANING, SLICE("response_format"), v);
	return true;
}

/* The options are the tool: it has no other definition here. */
static bool read_web_search(struct chat_reading *r, struct json v)
{
	struct tool *t = chat_add_tool(r->chat, r->arena, TOOL_WEB_SEARCH);

	t->name = SLICE("web_search");
	t->raw = v;
	t->raw_dialect = DIALECT_OPENAI_CHAT;
	return true;
}

static bool read_stream_options(struct chat_reading *r, struct json v)
{
	r->chat->usage_asked = json_to_bool(json_get(v, "include_usage"), false);
	return true;
}

/* `safety_identifier` took the place of `user` (DIALECTS §3.10); DeepSeek and Zhipu call it user_id. Which it was is
 * kept for a target that speaks this dialect. */
static bool note_user(struct chat_reading *r, struct slice name, struct json v)
{
	if (r->chat->user.len == 0)
		r->chat->user = json_text(v, r->arena);
	chat_add_other(r->chat, r->arena, FIELD_USER, name, v);
	return true;
}

static bool read_safety_identifier(struct chat_reading *r, struct json v)
{
	return note_user(r, SLICE("safety_identifier"), v);
}

static bool read_user(struct chat_reading *r, struct json v)
{
	return note_user(r, SLICE("user"), v);
}

static bool read_user_id(struct chat_reading *r, struct json v)
{
	return note_user(r, SLICE("user_id"), v);
}

static bool read_metadata(struct chat_reading *r, struct json v)
{
	r->chat->metadata = v;
	return json_is(v, JSON_OBJECT) || chat_refuse(r->failure, "metadata", "\"metadata\" must be an object");
}

static bool read_verbosity(struct chat_reading *r, struct json v)
{
	r->chat->verbosity = json_text(v, r->arena);
	return true;
}

static bool read_service_tier(struct chat_reading *r, struct json v)
{
	r->chat->service_tier = json_text(v, r->arena);
	return true;
}

static bool read_cache_key(struct chat_reading *r, struct json v)
{
	r->chat->cache_key = json_text(v, r->arena);
	return true;
}

/* Its mode says whether markers count, and how long what they mark is kept: part of the markers. */
static bool read_cache_options(struct chat_reading *r, struct json v)
{
	chat_add_other(r->chat, r->arena, FIELD_CACHE_MARKS, SLICE("prompt_cache_options"), v);
	return true;
}

/* OpenRouter's, Anthropic's way: mark the end of the prompt. */
static bool read_cache_control(struct chat_reading *r, struct json v)
{
	r->chat->cache_whole = json_text_eq(json_get(v, "ttl"), SLICE("1h")) ? CACHE_MARK_1H : CACHE_MARK_5M;
	return true;
}

static bool read_store(struct chat_reading *r, struct json v)
{
	r->chat->store = json_to_bool(v, false) ? SAID_YES : SAID_NO;
	return true;
}

static bool read_modalities(struct chat_reading *r, struct json v)
{
	uint64_t field = 0;

	for (struct json_walk w = json_walk(v); json_walk_next(&w);) {
		if (json_text_eq(w.value, SLICE("audio"))) {
			r->chat->audio_output = true;
			field |= FIELD_AUDIO_OUTPUT;
		} else if (json_text_eq(w.value, SLICE("image"))) {
			r->chat->image_output = true;
			field |= FIELD_IMAGE_OUTPUT;
		}
	}
	chat_add_other(r->chat, r->arena, field, SLICE("modalities"), v);
	return true;
}

static bool read_audio(struct chat_reading *r, struct json v)
{
	chat_add_other(r->chat, r->arena, r->chat->audio_output ? FIELD_AUDIO_OUTPUT : FIELD_OTHER, SLICE("audio"), v);
	return true;
}

static bool read_moderation(struct chat_reading *r, struct json v)
{
	chat_add_other(r->chat, r->arena, FIELD_SAFETY_SETTINGS, SLICE("moderation"), v);
	return true;
}

/* Read by read_request already, or before this table. */
static bool read_elsewhere(struct chat_reading *r, struct json v)
{
	return true;
}

static const struct {
	const char *name;
	bool (*read)(struct chat_reading *r, struct json v);
} members[] = {
	{ "model", read_elsewhere },
	{ "messages", read_elsewhere },
	{ "stream", read_elsewhere },
	{ "stream_options", read_stream_options },
	{ "tools", read_tools },
	{ "functions", read_functions },
	{ "function_call", read_function_call },
	{ "tool_choice", read_tool_choice },
	{ "parallel_tool_calls", read_parallel },
	{ "response_format", read_format },
	{ "web_search_options", read_web_search },
	{ "max_completion_tokens", read_max_completion_tokens },
	{ "max_tokens", read_max_tokens },
	{ "n", read_n },
	{ "temperature", read_temperature },
	{ "top_p", read_top_p },
	{ "top_k", read_top_k },
	{ "min_p", read_min_p },
	{ "frequency_penalty", read_frequency_penalty },
	{ "presence_penalty", read_presence_penalty },
	{ "repetition_penalty", read_repetition_penalty },
	{ "repeat_penalty", read_repeat_penalty },
	{ "seed", read_seed },
	{ "random_seed", read_random_seed },
	{ "stop", read_stop },
	{ "logprobs", read_logprobs },
	{ "top_logprobs", read_top_logprobs },
	{ "logit_bias", read_logit_bias },
	{ "chat_template_kwargs", openai_chat_read_template },
	{ "enable_thinking", openai_chat_read_enable_thinking },
	{ "thinking_budget", openai_chat_read_thinking_budget },
	{ "thinking", openai_chat_read_thinking },
	{ "reasoning", openai_chat_read_reasoning },
	{ "reasoning_effort", openai_chat_read_effort },
	{ "include_reasoning", openai_chat_read_include_reasoning },
	{ "safety_identifier", read_safety_identifier },
	{ "user", read_user },
	{ "user_id", read_user_id },
	{ "metadata", read_metadata },
	{ "verbosity", read_verbosity },
	{ "service_tier", read_service_tier },
	{ "prompt_cache_key", read_cache_key },
	{ "prompt_cache_options", read_cache_options },
	{ "cache_control", read_cache_control },
	{ "store", read_store },
	{ "modalities", read_modalities },
	{ "audio", read_audio },
	{ "moderation", read_moderation },
};

/* Members that only one provider knows but without which the answer would be another: constrained decoding of vLLM and
 * llama.cpp, searches and documents of several (DIALECTS §7). The rest are knobs. */
static uint64_t field_of_other(struct json key)
{
	static const char *const meaning[] = {
		"grammar", "json_schema", "guided_json", "guided_regex", "guided_choice", "guided_grammar",
		"structured_outputs", "structural_tag", "regex", "documents", "data_sources", "continue_final_message",
		"echo", "prompt_logprobs", "search_parameters", NULL
	};

	return json_is_one_of(key, meaning) ? FIELD_OTHER_MEANING : FIELD_OTHER;
}

static void keep_unknown(struct chat_reading *r, struct json root)
{
	for (struct json_walk w = json_walk(root); json_walk_next(&w);) {
		size_t i = 0;

		while (i < COUNT_OF(members) && !json_text_eq(w.key, slice_cstr(members[i].name)))
			i++;
		if (i == COUNT_OF(members))
			chat_keep_other(r, field_of_other(w.key), SLICE(""), &w);
	}
}

static const struct member_type types[] = {
	{ "temperature", IS_NUMBER }, { "top_p", IS_NUMBER }, { "frequency_penalty", IS_NUMBER },
	{ "presence_penalty", IS_NUMBER }, { "seed", IS_NUMBER }, { "n", IS_NUMBER },
	{ "top_logprobs", IS_NUMBER }, { "logprobs", IS_BOOL }, { "parallel_tool_calls", IS_BOOL },
	{ "prompt_cache_key", IS_STRING }, { "reasoning_effort", IS_STRING },
	{ "safety_identifier", IS_STRING }, { "service_tier", IS_STRING }, { "user", IS_STRING },
	{ "verbosity", IS_STRING }, { "modalities", IS_ARRAY }, { "tools", IS_ARRAY },
	{ "functions", IS_ARRAY }, { "response_format", IS_OBJECT }, { "stream_options", IS_OBJECT },
	{ "logit_bias", IS_OBJECT }, { "stop", IS_STRING | IS_ARRAY }, { 0 },
};

bool openai_chat_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
			   struct failure *reterr)
{
	struct json root = json_root(&facts->doc);
	struct chat_reading r = { .chat = ret, .arena = a, .failure = reterr };

	chat_init(ret, DIALECT_OPENAI_CHAT);
	ret->model = facts->model;
	ret->stream = facts->stream;
	if (!chat_check_types(root, types, reterr))
		return false;
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		struct json v = json_member(root, slice_cstr(members[i].name));

		if (json_exists(v) && !json_is(v, JSON_NULL) && !members[i].read(&r, v))
			return false;
	}
	keep_unknown(&r, root);
	return openai_chat_read_messages(&r, json_get(root, "messages")) && chat_finish(ret, a, reterr);
}
