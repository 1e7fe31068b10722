/* SPDX-License-Identifier: Apache-2.0 */
/* A Responses request into the hub: its members but for the conversation (chat_read_input.c) and the tools
 * (chat_read_tools.c). DIALECTS §3.1, §3.7, §3.9 to §3.12; CreateResponse of OpenAI's API description. */
#include "dialect/chat_shape.h"
#include "dialect/openai_responses/openai_responses.h"

static void keep(const struct responses_place *at, uint64_t field, struct slice path, struct json value)
{
	chat_add_other(at->chat, at->arena, field, path, value);
}

static struct slice text_of(const struct responses_place *at, struct json v)
{
	return json_text(v, at->arena);
}

/* ---- members that are objects ---- */

static void read_effort(const struct responses_place *at, struct json v)
{
	struct reasoning *r = &at->chat->reasoning;
	unsigned effort = json_is(v, JSON_STRING) ? effort_by_name(text_of(at, v)) : 0;

	if (effort == 0) {             /* a word of tomorrow */
		keep(at, FIELD_REASONING, SLICE("reasoning.effort"), v);
		return;
	}
	r->wish = effort == EFFORT_NONE ? REASONING_OFF : REASONING_BY_EFFORT;
	r->effort = effort;
}

static bool read_reasoning(const struct responses_place *at, struct json reasoning)
{
	for (struct json_walk w = json_walk(reasoning); json_walk_next(&w);) {
		bool summary = json_text_eq(w.key, SLICE("summary"));

		if (json_is(w.value, JSON_NULL))
			continue;
		if (json_text_eq(w.key, SLICE("effort"))) {
			read_effort(at, w.value);
		} else if (summary || json_text_eq(w.key, SLICE("generate_summary"))) { /* its earlier name */
			at->chat->reasoning.visible = SAID_YES;
			if (summary || at->chat->reasoning.summary.len == 0)
				at->chat->reasoning.summary = text_of(at, w.value);
		} else {
			keep(at, FIELD_OTHER, arena_join(at->arena, SLICE("reasoning."), text_of(at, w.key)), w.value);
		}
	}
	return true;
}

static void read_format(const struct responses_place *at, struct json format)
{
	struct output_format *f = &at->chat->format;
	struct json strict = json_get(format, "strict");
	struct slice type = text_of(at, json_get(format, "type"));

	if (slice_eq(type, SLICE("text"))) {
		f->kind = FORMAT_TEXT;
	} else if (slice_eq(type, SLICE("json_object"))) {
		f->kind = FORMAT_JSON;
	} else if (slice_eq(type, SLICE("json_schema"))) {
		f->kind = FORMAT_SCHEMA;
		f->name = text_of(at, json_get(format, "name"));
		f->description = text_of(at, json_get(format, "description"));
		f->schema = json_get(format, "schema");
		f->strict = json_is(strict, JSON_TRUE) ? SAID_YES : json_is(strict, JSON_FALSE) ? SAID_NO : UNSAID;
	} else {
		keep(at, FIELD_OTHER_MEANING, SLICE("text.format"), format);
	}
}

static bool read_text(const struct responses_place *at, struct json text)
{
	for (struct json_walk w = json_walk(text); json_walk_next(&w);) {
		if (json_is(w.value, JSON_NULL))
			continue;
		if (json_text_eq(w.key, SLICE("format")))
			read_format(at, w.value);
		else if (json_text_eq(w.key, SLICE("verbosity")))
			at->chat->verbosity = text_of(at, w.value);
		else
			keep(at, FIELD_OTHER, arena_join(at->arena, SLICE("text."), text_of(at, w.key)), w.value);
	}
	return true;
}

/* Two of its words have a place in the hub: logprobs are asked for with one, and encrypted reasoning is what weir asks
 * for itself. The others add to hosted tools' items. */
static bool read_include(const struct responses_place *at, struct json include)
{
	bool more = false;

	for (struct json_walk w = json_walk(include); json_walk_next(&w);) {
		if (json_text_eq(w.value, SLICE("message.output_text.logprobs")))
			at->chat->logprobs = true;
		else if (!json_text_eq(w.value, SLICE("reasoning.encrypted_content")))
			more = true;
	}
	if (more)
		keep(at, FIELD_OTHER, SLICE("include"), include);
	else if (json_is_filled(include))
		keep(at, 0, SLICE("include"), include);
	return true;
}

/* ---- members that are values ---- */

static bool read_number(const struct responses_place *at, struct json v, const char *name, struct number *ret)
{
	number_read(ret, v);
	return ret->said || chat_refuse(at->failure, name, "\"%s\" must be a number", name);
}

static bool read_temperature(const struct responses_place *at, struct json v)
{
	return read_number(at, v, "temperature", &at->chat->temperature);
}

static bool read_top_p(const struct responses_place *at, struct json v)
{
	return read_number(at, v, "top_p", &at->chat->top_p);
}

static bool read_count(const struct responses_place *at, struct json v, const char *name, int64_t *ret)
{
	*ret = json_i64_or(v, -1);
	return *ret >= 0 || chat_refuse(at->failure, name, "\"%s\" must be a whole number", name);
}

static bool read_max_output(const struct responses_place *at, struct json v)
{
	return read_count(at, v, "max_output_tokens", &at->chat->max_output);
}

static bool read_top_logprobs(const struct responses_place *at, struct json v)
{
	return read_count(at, v, "top_logprobs", &at->chat->top_logprobs);
}

static bool read_store(const struct responses_place *at, struct json v)
{
	at->chat->store = json_to_bool(v, true) ? SAID_YES : SAID_NO;
	return true;
}

static bool read_background(const struct responses_place *at, struct json v)
{
	at->chat->background = json_to_bool(v, false);
	return true;
}

static bool read_parallel(const struct responses_place *at, struct json v)
{
	at->chat->choice.parallel = json_to_bool(v, true) ? SAID_YES : SAID_NO;
	return true;
}

static bool read_tier(const struct responses_place *at, struct json v)
{
	at->chat->service_tier = text_of(at, v);
	return true;
}

static bool read_safety_identifier(const struct responses_place *at, struct json v)
{
	at->chat->user = text_of(at, v);
	return true;
}

/* The deprecated name of the same thing; beside the new one it is a thing of its own. */
static bool read_user(const struct responses_place *at, struct json v)
{
	if (json_is_filled(json_get(at->root, "safety_identifier")))
		keep(at, FIELD_USER, SLICE("user"), v);
	else
		at->chat->user = text_of(at, v);
	return true;
}

static bool read_metadata(const struct responses_place *at, struct json v)
{
	at->chat->metadata = v;
	return true;
}

static bool read_cache_key(const struct responses_place *at, struct json v)
{
	at->chat->cache_key = text_of(at, v);
	return true;
}

static bool read_previous(const struct responses_place *at, struct json v)
{
	at->chat->previous_response_id = text_of(at, v);
	return true;
}

static bool read_conversation(const struct responses_place *at, struct json v)
{
	at->chat->conversation = v;
	return true;
}

/* "disabled" is what everybody does without being asked. */
static bool read_truncation(const struct responses_place *at, struct json v)
{
	keep(at, json_text_eq(v, SLICE("disabled")) ? 0 : FIELD_OTHER, SLICE("truncation"), v);
	return true;
}

/* ---- all of them ---- */

static bool is_read_elsewhere(const struct responses_place *at, struct json v)
{
	return true;
}

static const struct {
	const char *name;
	bool (*read)(const struct responses_place *at, struct json value); /* NULL: kept as it is, as `field` */
	uint64_t field;
} members[] = {
	{ "model", is_read_elsewhere }, { "stream", is_read_elsewhere }, { "input", is_read_elsewhere },
	{ "instructions", is_read_elsewhere }, { "tools", is_read_elsewhere }, { "tool_choice", is_read_elsewhere },
	{ "reasoning", read_reasoning }, { "text", read_text }, { "include", read_include },
	{ "temperature", read_temperature }, { "top_p", read_top_p }, { "top_logprobs", read_top_logprobs },
	{ "max_output_tokens", read_max_output }, { "parallel_tool_calls", read_parallel },
	{ "store", read_store }, { "background", read_background }, { "service_tier", read_tier },
	{ "safety_identifier", read_safety_identifier }, { "user", read_user }, { "metadata", read_metadata },
	{ "prompt_cache_key", read_cache_key }, { "previous_response_id", read_previous },
	{ "conversation", read_conversation }, { "truncation", read_truncation },
	{ "stream_options", NULL, 0 },  /* include_obfuscation: padding that nobody needs */
	{ "prompt_cache_options", NULL, FIELD_CACHE_KEY }, { "prompt_cache_retention", NULL, FIELD_CACHE_KEY },
	{ "moderation", NULL, FIELD_SAFETY_SETTINGS },
	{ "prompt", NULL, FIELD_OTHER_MEANING }, /* a text that lies at one provider */
};

static bool read_member(const struct responses_place *at, struct json key, struct json value)
{
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		if (!json_text_eq(key, slice_cstr(members[i].name)))
			continue;
		if (members[i].read)
			return members[i].read(at, value);
		keep(at, members[i].field, slice_cstr(members[i].name), value);
		return true;
	}
	keep(at, FIELD_OTHER, text_of(at, key), value);
	return true;
}

/* Kept apart from system messages, which belong to the conversation: with previous_response_id they stay, instructions
 * don't. The text's source marks it, for the way back into this dialect. */
static bool read_instructions(const struct responses_place *at)
{
	struct json v = json_get(at->root, "instructions");
	struct part *p;

	if (!json_exists(v) || json_is(v, JSON_NULL))
		return true;
	if (!json_is(v, JSON_STRING))
		return chat_refuse(at->failure, "instructions", "\"instructions\" must be a string");
	p = turn_add_text(chat_add_turn(at->chat, at->arena, ROLE_SYSTEM), at->arena, text_of(at, v));
	p->raw = json_raw(v);
	p->raw_dialect = DIALECT_OPENAI_RESPONSES;
	return true;
}

static const struct member_type types[] = {
	{ "temperature", IS_NUMBER }, { "top_p", IS_NUMBER }, { "top_logprobs", IS_NUMBER },
	{ "background", IS_BOOL }, { "parallel_tool_calls", IS_BOOL }, { "previous_response_id", IS_STRING },
	{ "prompt_cache_key", IS_STRING }, { "safety_identifier", IS_STRING }, { "service_tier", IS_STRING },
	{ "user", IS_STRING }, { "include", IS_ARRAY }, { "tools", IS_ARRAY }, { "metadata", IS_OBJECT },
	{ "reasoning", IS_OBJECT }, { "text", IS_OBJECT }, { 0 },
};

bool responses_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
			 struct failure *reterr)
{
	struct responses_place at = { .chat = ret, .arena = a, .root = json_root(&facts->doc), .failure = reterr };

	chat_init(ret, DIALECT_OPENAI_RESPONSES);
	ret->model = facts->model;
	ret->stream = facts->stream;
	if (!chat_check_types(at.root, types, reterr))
		return false;
	for (struct json_walk w = json_walk(at.root); json_walk_next(&w);)
		if (!json_is(w.value, JSON_NULL) && !read_member(&at, w.key, w.value))
			return false;
	if (!responses_read_tools(&at))
		return false;
	responses_read_choice(&at);
	return read_instructions(&at) && responses_read_input(&at) && chat_finish(ret, a, reterr);
}
