/* SPDX-License-Identifier: Apache-2.0 */
/* api/chat and api/generate requests into the hub (DIALECTS §3.1–§3.9, §3.12). A generate request is a chat of one
 * prompt; what it has beyond that (suffix, raw, template, context) only Ollama itself can do. */
#include "dialect/ollama/ollama.h"

/* ---- messages ---- */

/* Raw base64; a data URL is taken as well. */
static void read_images(const struct shape_place *at, struct json images)
{
	for (struct json_walk w = json_walk(images); json_walk_next(&w);) {
		if (!json_is(w.value, JSON_STRING) || !json_is_filled(w.value))
			continue;
		shape_read_url(shape_add_part(at, PART_IMAGE)->media, json_text(w.value, at->arena), true);
	}
}

static void read_said(const struct shape_place *at, struct json message)
{
	struct json content = json_get(message, "content");

	if (json_is_filled(content))
		shape_read_content(at, content, shape_read_part);
	read_images(at, json_get(message, "images"));
}

static struct shape_place place_of(struct chat_reading *r, struct turn *t)
{
	return (struct shape_place){ .chat = r->chat, .arena = r->arena, .turn = t, .path = "messages[].content" };
}

static void read_assistant(struct chat_reading *r, struct json message)
{
	struct turn *t = chat_add_turn(r->chat, r->arena, ROLE_ASSISTANT);
	struct shape_place at = place_of(r, t);
	struct json thinking = json_get(message, "thinking");

	if (json_is(thinking, JSON_STRING) && json_is_filled(thinking))
		turn_add_part(t, r->arena, PART_REASONING)->text = json_text(thinking, r->arena);
	read_said(&at, message);
	shape_read_calls(t, r->arena, json_get(message, "tool_calls"));
}

/* By tool_name; newer clients say tool_call_id as well. */
static void read_result(struct chat_reading *r, struct json message)
{
	struct turn *t = shape_result_turn(r->chat, r->arena);
	struct part *p = turn_add_part(t, r->arena, PART_TOOL_RESULT);
	struct shape_place at = place_of(r, t);

	p->result->id = json_text(json_get(message, "tool_call_id"), r->arena);
	p->result->name = json_text(json_get(message, "tool_name"), r->arena);
	if (p->result->name.len == 0)
		p->result->name = json_text(json_get(message, "name"), r->arena);
	at.result = p->result;
	read_said(&at, message);
}

static bool read_message(struct chat_reading *r, struct json message)
{
	static const char *const known[] = {
		"role", "content", "images", "thinking", "tool_calls", "tool_name", "tool_call_id", NULL
	};
	enum shape_role role = shape_read_role(json_get(message, "role"));
	struct shape_place at;

	switch (role) {
	case SHAPE_ASSISTANT:
		read_assistant(r, message);
		break;
	case SHAPE_TOOL:
		read_result(r, message);
		break;
	case SHAPE_USER: case SHAPE_SYSTEM: case SHAPE_DEVELOPER:
		at = place_of(r, chat_add_turn(r->chat, r->arena, role == SHAPE_USER ? ROLE_USER : ROLE_SYSTEM));
		read_said(&at, message);
		break;
	case SHAPE_UNKNOWN:
		return chat_refuse(r->failure, "messages",
				   "messages[%u] has no \"role\" that there is: system, user, assistant "
				   "or tool", r->message);
	}
	chat_keep_others(r, message, known, arena_printf(r->arena, "messages[%u]", r->message));
	return true;
}

/* ---- api/generate ---- */

static bool says_something(struct json v)
{
	return json_is_filled(v) || json_is(v, JSON_TRUE) || json_is(v, JSON_NUMBER);
}

static void read_prompt(struct chat_reading *r, struct json root)
{
	static const char *const native[] = { "suffix", "template", "context", "raw" };
	struct json system = json_get(root, "system"), prompt = json_get(root, "prompt");
	struct json images = json_get(root, "images");

	if (json_is(system, JSON_STRING) && json_is_filled(system))
		turn_add_text(chat_add_turn(r->chat, r->arena, ROLE_SYSTEM), r->arena, json_text(system, r->arena));
	if (json_is_filled(prompt) || json_is_filled(images)) {
		struct shape_place at = place_of(r, chat_add_turn(r->chat, r->arena, ROLE_USER));

		if (json_is(prompt, JSON_STRING) && json_is_filled(prompt))
			turn_add_text(at.turn, r->arena, json_text(prompt, r->arena));
		read_images(&at, images);
	}
	for (size_t i = 0; i < COUNT_OF(native); i++) {
		struct json v = json_member(root, slice_cstr(native[i]));

		if (says_something(v))
			chat_add_other(r->chat, r->arena, FIELD_OTHER_MEANING, slice_cstr(native[i]), v);
	}
}

/* ---- the rest ---- */

static void read_options(struct chat_reading *r, struct json options)
{
	static const char *const known[] = {
		"temperature", "top_p", "top_k", "min_p", "num_predict", "stop", "seed", "repeat_penalty",
		"presence_penalty", "frequency_penalty", NULL
	};
	struct json predict = json_get(options, "num_predict");
	struct chat *c = r->chat;

	number_read(&c->temperature, json_get(options, "temperature"));
	number_read(&c->top_p, json_get(options, "top_p"));
	number_read(&c->top_k, json_get(options, "top_k"));
	number_read(&c->min_p, json_get(options, "min_p"));
	number_read(&c->seed, json_get(options, "seed"));
	number_read(&c->repeat_penalty, json_get(options, "repeat_penalty"));
	number_read(&c->presence_penalty, json_get(options, "presence_penalty"));
	number_read(&c->frequency_penalty, json_get(options, "frequency_penalty"));
	chat_read_stops(c, r->arena, json_get(options, "stop"));
	c->max_output = json_i64_or(predict, -1);
	/* -1: no limit, -2: until the context is full. Both are what happens without it. */
	if (c->max_output < 0 && json_is(predict, JSON_NUMBER))
		chat_add_other(c, r->arena, 0, SLICE("options.num_predict"), predict);
	chat_keep_others(r, options, known, SLICE("options"));
}

/* "json", or a schema. */
static bool read_format(struct chat_reading *r, struct json format)
{
	struct output_format *f = &r->chat->format;

	if (!json_exists(format) || json_is(format, JSON_NULL) || json_text_eq(format, SLICE("")))
		return true;
	if (json_text_eq(format, SLICE("json"))) {
		f->kind = FORMAT_JSON;
		return true;
	}
	if (!json_is(format, JSON_OBJECT))
		return chat_refuse(r->failure, "format", "\"format\" must be \"json\" or a JSON schema");
	f->kind = FORMAT_SCHEMA;
	f->schema = format;
	return true;
}

/* true, false, or a word for how much. With it the answer has its thinking beside the text. */
static bool read_think(struct chat_reading *r, struct json think)
{
	struct reasoning *wish = &r->chat->reasoning;

	switch (json_type(think)) {
	case JSON_MISSING: case JSON_NULL:
		return true;
	case JSON_FALSE:
		wish->wish = REASONING_OFF;
		return true;
	case JSON_TRUE:
		wish->wish = REASONING_ON;
		break;
	default:
		wish->effort = effort_by_name(json_text(think, r->arena));
		if (wish->effort == 0)
			return chat_refuse(r->failure, "think",
					"\"think\" must be true, false, \"low\", \"medium\", \"high\" or "
					   "\"max\"");
		wish->wish = REASONING_BY_EFFORT;
		break;
	}
	wish->visible = SAID_YES;
	return true;
}

static const struct member_type types[] = {
	{ "options", IS_OBJECT }, { "tools", IS_ARRAY }, { "logprobs", IS_BOOL }, { "top_logprobs", IS_NUMBER }, { 0 },
};

bool ollama_read_chat(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
		      struct failure *reterr)
{
	static const char *const known[] = {
		"model", "stream", "messages", "tools", "format", "options", "think", "logprobs", "top_logprobs", NULL
	};
	static const char *const known_generate[] = {
		"model", "stream", "prompt", "system", "images", "suffix", "template", "context", "raw", "format",
		"options", "think", "logprobs", "top_logprobs", NULL
	};
	struct chat_reading r = { .chat = ret, .arena = a, .failure = reterr };
	struct json root = json_root(&facts->doc);

	chat_init(ret, DIALECT_OLLAMA);
	ret->model = facts->model;
	ret->stream = facts->stream;
	ret->usage_asked = facts->usage_asked;
	if (!chat_check_types(root, types, reterr))
		return false;
	if (facts->variant)
		read_prompt(&r, root);
	else if (!shape_read_messages(&r, json_get(root, "messages"), 0, read_message) ||
		 !shape_read_tools(ret, a, json_get(root, "tools"), reterr))
		return false;
	if (!read_format(&r, json_get(root, "format")) || !read_think(&r, json_get(root, "think")))
		return false;
	read_options(&r, json_get(root, "options"));
	ret->logprobs = json_to_bool(json_get(root, "logprobs"), false);
	if (ret->logprobs)
		ret->top_logprobs = json_i64_or(json_get(root, "top_logprobs"), -1);
	chat_keep_others(&r, root, facts->variant ? known_generate : known, SLICE(""));
	return chat_finish(ret, a, reterr);
}
