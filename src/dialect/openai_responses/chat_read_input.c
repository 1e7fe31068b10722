/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation of a Responses request: a string, or a flat list of items (DIALECTS §3.2, §3.3, §3.6, §3.13;
 * InputItem of OpenAI's API description). What follows each other from one side becomes one turn of the hub. */
#include "dialect/chat_shape.h"
#include "dialect/openai_responses/openai_responses.h"
#include "llm/state.h"

#include <stdio.h>

struct input {
	const struct responses_place *at;
	unsigned index;                /* of the item, for messages */
	struct reasoning_state carried; /* Gemini's signature, for the next text or call of the turn */
};

static bool refuse(const struct input *in, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "input[%u]", in->index);
	return chat_refuse(in->at->failure, path, "%s %s", path, what);
}

/* ---- content ---- */

/* The lifetime stands with the breakpoint (DIALECTS §3.11) or, for all of them, in prompt_cache_options (API
 * description). */
static enum cache_mark read_mark(const struct input *in, struct json part)
{
	enum cache_mark mark = shape_read_cache_mark(part);

	if (mark == CACHE_MARK_5M &&
	    json_text_eq(json_get(json_get(in->at->root, "prompt_cache_options"), "ttl"), SLICE("12h")))
		return CACHE_MARK_1H;
	return mark;
}

static bool read_file_id(struct part *p, struct json part, struct arena *a)
{
	struct json id = json_get(part, "file_id");

	if (!json_is_filled(id))
		return false;
	p->media->source = MEDIA_FILE_ID;
	p->media->value = json_text(id, a);
	return true;
}

static void read_image(struct part *p, struct json part, struct arena *a)
{
	p->media->detail = json_text(json_get(part, "detail"), a);
	if (!read_file_id(p, part, a))
		shape_read_url(p->media, json_text(json_get(part, "image_url"), a), false);
}

static void read_file(struct part *p, struct json part, struct arena *a)
{
	struct json data = json_get(part, "file_data");

	p->media->name = json_text(json_get(part, "filename"), a);
	p->media->detail = json_text(json_get(part, "detail"), a);
	if (read_file_id(p, part, a))
		return;
	if (json_is_filled(data))
		shape_read_url(p->media, json_text(data, a), true);
	else
		shape_read_url(p->media, json_text(json_get(part, "file_url"), a), false);
}

/* Not in the API description of Responses; clients send it as in chat completions. */
static void read_audio(struct part *p, struct json part, struct arena *a)
{
	struct json audio = json_get(part, "input_audio");
	struct slice format = json_text(json_get(audio, "format"), a);

	p->media->source = MEDIA_DATA;
	p->media->value = json_text(json_get(audio, "data"), a);
	p->media->mime = slice_eq(format, SLICE("mp3")) ? SLICE("audio/mpeg") : arena_join(a, SLICE("audio/"), format);
}

static bool read_part(const struct input *in, const struct shape_place *to, struct json v)
{
	static const struct {
		const char *type, *text;
		enum part_kind kind;
		void (*read)(struct part *p, struct json part, struct arena *a);
	} kinds[] = {
		{ "input_text", "text", PART_TEXT }, { "output_text", "text", PART_TEXT },
		{ "text", "text", PART_TEXT }, /* chat completions' word for it */
		{ "refusal", "refusal", PART_REFUSAL }, { "input_image", NULL, PART_IMAGE, read_image },
		{ "input_file", NULL, PART_DOCUMENT, read_file }, { "input_audio", NULL, PART_AUDIO, read_audio },
	};
	struct json type = json_get(v, "type");

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct part *p;

		if (!json_text_eq(type, slice_cstr(kinds[i].type)))
			continue;
		p = shape_add_part(to, kinds[i].kind);
		p->cache_mark = read_mark(in, v);
		if (kinds[i].read)
			kinds[i].read(p, v, to->arena);
		else
			p->text = json_text(json_member(v, slice_cstr(kinds[i].text)), to->arena);
		if (json_is_filled(json_get(v, "annotations"))) { /* only its own dialect can say them in a request */
			p->raw = json_raw(v);
			p->raw_dialect = DIALECT_OPENAI_RESPONSES;
		}
		return true;
	}
	return refuse(in, "has content of an unknown type: input_text, input_image, input_file, output_text and refusal are known");
}

static bool read_content(const struct input *in, const struct shape_place *to, struct json content)
{
	if (json_is(content, JSON_STRING)) {
		shape_add_part(to, PART_TEXT)->text = json_text(content, to->arena);
		return true;
	}
	for (struct json_walk w = json_walk(content); json_walk_next(&w);)
		if (!read_part(in, to, w.value))
			return false;
	return true;
}

/* ---- items ---- */

static struct turn *assistant(const struct input *in)
{
	return chat_turn_of(in->at->chat, in->at->arena, ROLE_ASSISTANT);
}

/* The id of the item and the message's phase belong to each of its parts; a signature that came before to the first. */
static void mark_parts(struct input *in, struct part *first, struct json item)
{
	struct slice id = json_text(json_get(item, "id"), in->at->arena);
	struct slice phase = json_text(json_get(item, "phase"), in->at->arena);

	for (struct part *p = first; p; p = p->next) {
		p->item_id = id;
		p->phase = phase;
		if (p->kind == PART_TEXT && in->carried.payload.ptr) {
			p->state = in->carried;
			in->carried = (struct reasoning_state){ 0 };
		}
	}
}

static bool read_assistant(struct input *in, struct json item)
{
	struct turn *t = assistant(in);
	struct part *before = t->last;
	struct shape_place to = { .chat = in->at->chat, .arena = in->at->arena, .turn = t, .path = "input" };

	if (!read_content(in, &to, json_get(item, "content")))
		return false;
	mark_parts(in, before ? before->next : t->parts, item);
	return true;
}

static bool read_message(struct input *in, struct json item)
{
	struct json role = json_get(item, "role"), content = json_get(item, "content");
	enum shape_role who = shape_read_role(role);
	struct shape_place to = { .chat = in->at->chat, .arena = in->at->arena, .path = "input" };

	if (!json_is(content, JSON_STRING) && !json_is(content, JSON_ARRAY) && !json_is(content, JSON_NULL))
		return refuse(in, "is a message whose \"content\" is neither a string nor an array");
	switch (who) {
	case SHAPE_ASSISTANT:
		return read_assistant(in, item);
	case SHAPE_USER: case SHAPE_SYSTEM: case SHAPE_DEVELOPER:
		to.turn = chat_add_turn(to.chat, to.arena, who == SHAPE_USER ? ROLE_USER : ROLE_SYSTEM);
		to.turn->developer = who == SHAPE_DEVELOPER;
		return read_content(in, &to, content);
	default:
		return refuse(in, "has an unknown \"role\": user, assistant, system and developer are known");
	}
}

static bool read_call(struct input *in, struct json item, bool custom)
{
	struct arena *a = in->at->arena;
	struct part *p = turn_add_part(assistant(in), a, PART_TOOL_CALL);
	struct json id = json_get(item, "call_id");
	struct json said = custom ? json_get(item, "input") : json_get(item, "arguments");

	p->call->custom = custom;
	p->call->item_id = json_text(json_get(item, "id"), a);
	p->call->id = json_is_filled(id) ? json_text(id, a) : p->call->item_id;
	p->call->name = responses_hub_name(in->at->root, json_get(item, "namespace"), json_get(item, "name"), a);
	/* Some clients send the object itself. */
	p->call->arguments = json_is(said, JSON_STRING) ? json_text(said, a) : json_raw(said);
	p->state = in->carried;
	in->carried = (struct reasoning_state){ 0 };
	/* A tool that was found by searching: only this dialect can say where (recorded: openai). */
	if (json_is_filled(json_get(item, "namespace")) && slice_eq(p->call->name, json_text(json_get(item, "name"), a))) {
		p->raw = json_raw(item);
		p->raw_dialect = DIALECT_OPENAI_RESPONSES;
	}
	if (p->call->name.len == 0)
		return refuse(in, "is a call without the tool's \"name\"");
	return true;
}

static bool read_output(struct input *in, struct json item, bool custom)
{
	struct arena *a = in->at->arena;
	struct part *p = turn_add_part(shape_result_turn(in->at->chat, a), a, PART_TOOL_RESULT);
	struct shape_place to = { .chat = in->at->chat, .arena = a, .result = p->result, .path = "input" };
	struct json output = json_get(item, "output");

	p->result->id = json_text(json_get(item, "call_id"), a);
	p->result->custom = custom;
	if (p->result->id.len == 0)
		return refuse(in, "is a call's output without \"call_id\"");
	if (json_is(output, JSON_OBJECT)) {
		result_add_part(p->result, a, PART_TEXT)->text = json_raw(output);
		return true;
	}
	if (json_exists(output) && !json_is(output, JSON_STRING) && !json_is(output, JSON_ARRAY) &&
	    !json_is(output, JSON_NULL))
		return refuse(in, "is a call's output whose \"output\" is neither a string nor an array");
	return read_content(in, &to, output);
}

static struct slice join_texts(struct json parts, struct arena *a)
{
	struct slice all = SLICE("");

	for (struct json_walk w = json_walk(parts); json_walk_next(&w);) {
		struct slice text = json_text(json_get(w.value, "text"), a);

		if (text.len > 0)
			all = all.len == 0 ? text : arena_join(a, arena_join(a, all, SLICE("\n\n")), text);
	}
	return all;
}

/* State that weir wrapped comes apart; what a provider of this dialect gave goes back as the whole item. An item that
 * has neither encrypted nor plain content names one that lies at a provider, which this conversation's may not be.
 *
 * Gemini's signatures belong to a text or a call: weir's writer puts them into an item without text before it. */
static bool read_reasoning(struct input *in, struct json item)
{
	struct arena *a = in->at->arena;
	struct json encrypted = json_get(item, "encrypted_content"), content = json_get(item, "content");
	struct reasoning_state state = state_read(json_text(encrypted, a), DIALECT_OPENAI_RESPONSES, a);
	struct slice text = join_texts(json_get(item, "summary"), a);
	struct part *p;

	if (text.len == 0)
		text = join_texts(content, a);
	if (state.payload.ptr ? state.provider.len == 0 && state.dialect == DIALECT_OPENAI_RESPONSES
			      : json_is_filled(content))
		state = (struct reasoning_state){ .payload = json_raw(item), .dialect = DIALECT_OPENAI_RESPONSES };
	if (text.len == 0 && state.payload.ptr && state.dialect == DIALECT_GEMINI) {
		in->carried = state;
		return true;
	}
	p = turn_add_part(assistant(in), a, PART_REASONING);
	p->text = text;
	p->state = state;
	p->item_id = json_text(json_get(item, "id"), a);
	p->redacted = slice_starts_with(p->item_id, SLICE(RESPONSES_REDACTED_ID));
	return true;
}

/* What only this dialect knows: hosted tools' calls (the assistant's) and what clients answer to them. Items without
 * which the conversation is another one are also named as such. */
static bool read_opaque(struct input *in, struct json item, struct slice type)
{
	static const char *const essential[] = {
		"item_reference", "compaction", "compaction_summary", "additional_tools",
	};
	struct arena *a = in->at->arena;
	bool answer = slice_ends_with(type, SLICE("_output")) || slice_ends_with(type, SLICE("_response")) ||
		      slice_eq(type, SLICE("configuration_update")) || slice_eq(type, SLICE("additional_tools"));
	struct turn *t = answer ? chat_turn_of(in->at->chat, a, ROLE_USER) : assistant(in);
	struct part *p = turn_add_part(t, a, PART_OPAQUE);

	p->raw = json_raw(item);
	p->raw_dialect = DIALECT_OPENAI_RESPONSES;
	for (size_t i = 0; i < COUNT_OF(essential); i++)
		if (slice_eq(type, slice_cstr(essential[i])))
			chat_add_other(in->at->chat, a, FIELD_OTHER_MEANING, arena_join(a, SLICE("input."), type),
				       item);
	return true;
}

static bool read_item(struct input *in, struct json item)
{
	struct json type = json_get(item, "type");

	if (json_is(item, JSON_STRING)) { /* seen of clients that mean a user's message */
		turn_add_text(chat_add_turn(in->at->chat, in->at->arena, ROLE_USER), in->at->arena,
			      json_text(item, in->at->arena));
		return true;
	}
	if (!json_is(item, JSON_OBJECT))
		return refuse(in, "is not an object");
	if (responses_is_reference(item))
		return read_opaque(in, item, SLICE("item_reference"));
	if (!json_is_filled(type) || json_text_eq(type, SLICE("message")))
		return read_message(in, item);
	if (json_text_eq(type, SLICE("reasoning")))
		return read_reasoning(in, item);
	if (json_text_eq(type, SLICE("function_call")) || json_text_eq(type, SLICE("custom_tool_call")))
		return read_call(in, item, json_text_eq(type, SLICE("custom_tool_call")));
	if (json_text_eq(type, SLICE("function_call_output")) || json_text_eq(type, SLICE("custom_tool_call_output")))
		return read_output(in, item, json_text_eq(type, SLICE("custom_tool_call_output")));
	return read_opaque(in, item, json_text(type, in->at->arena));
}

bool responses_read_input(const struct responses_place *at)
{
	struct json v = json_get(at->root, "input");
	struct input in = { .at = at };

	if (json_is(v, JSON_STRING)) {
		turn_add_text(chat_add_turn(at->chat, at->arena, ROLE_USER), at->arena, json_text(v, at->arena));
		return true;
	}
	if (json_exists(v) && !json_is(v, JSON_ARRAY) && !json_is(v, JSON_NULL))
		return chat_refuse(at->failure, "input", "\"input\" must be a string or an array of items");
	for (struct json_walk w = json_walk(v); json_walk_next(&w); in.index++)
		if (!read_item(&in, w.value))
			return false;
	return true;
}
