/* SPDX-License-Identifier: Apache-2.0 */
/* systemInstruction and contents into the hub (DIALECTS §3.2, §3.3, §3.6, §3.13; protos Content, Part). Every part
 * keeps its JSON, which is what goes out again where the target speaks this dialect. */
#include "dialect/gemini/gemini.h"

#include "base/base64.h"

/* Where parts go: a turn, or a tool's result within one. */
struct place {
	struct turn *turn;
	struct tool_result *result;
	unsigned content;              /* number of the content, for messages */
};

static bool refuse_part(struct chat_reading *r, const struct place *at, const char *what)
{
	return chat_refuse(r->failure, "contents", "contents[%u].parts: %s", at->content, what);
}

static struct part *add_part(struct chat_reading *r, struct place *at, enum part_kind kind, struct json part)
{
	struct part *p = at->result ? result_add_part(at->result, r->arena, kind) :
				      turn_add_part(at->turn, r->arena, kind);

	p->raw = json_raw(part);
	p->raw_dialect = DIALECT_GEMINI;
	return p;
}

/* ---- thoughts ---- */

static void note_thought(struct chat_reading *r, struct place *at, struct part *p)
{
	if (r->run++ > 0)
		return;
	r->run_first = p;
	r->run_turn = at->turn;
}

/* A block of thoughts of another provider was sent in pieces, its state behind them (events_write.c), and SDKs keep
 * each piece as a part: they become one again, because a signature is over the whole. */
static void gather_thoughts(struct chat_reading *r, struct part *last)
{
	size_t len = last->text.len;
	struct turn *t = r->run_turn;
	struct part *p = r->run_first;
	char *all, *at;

	for (unsigned i = 0; i < r->run; i++, p = p->next) {
		while (!p) {
			t = t->next;
			p = t->parts;
		}
		len += p->text.len;
	}
	all = at = arena_alloc(r->arena, len + 1);
	t = r->run_turn;
	p = r->run_first;
	for (unsigned i = 0; i < r->run; i++, p = p->next) {
		while (!p) {
			t = t->next;
			p = t->parts;
		}
		if (p->text.len > 0)
			at = mempcpy(at, p->text.ptr, p->text.len);
		/* Nothing is left of the piece. */
		p->text.len = p->raw.len = 0;
	}
	if (last->text.len > 0)
		memcpy(at, last->text.ptr, last->text.len);
	last->text = slice_of(all, len);
}

/* A text, a thought, or nothing but a state, which belongs to what was before it. */
static void read_text(struct chat_reading *r, struct place *at, struct json part)
{
	struct slice text = json_text(json_get(part, "text"), r->arena), hidden = { 0 };
	bool thought = json_is(json_get(part, "thought"), JSON_TRUE), redacted = false;
	struct reasoning_state state = gemini_read_state(json_text(gemini_get(part, "thoughtSignature"), r->arena),
							 r->arena, &redacted, &hidden);
	struct part *p;

	if (text.len == 0 && !state.payload.ptr && hidden.len == 0)
		return;
	if (at->result || (!thought && text.len > 0)) {
		p = add_part(r, at, PART_TEXT, part);
		p->text = text;
		p->state = state;
		r->run = 0;
		return;
	}
	p = add_part(r, at, PART_REASONING, part);
	p->text = hidden.len > 0 ? hidden : text;
	p->state = state;
	p->redacted = redacted;
	if (!state.payload.ptr && hidden.len == 0) {
		note_thought(r, at, p);
		return;
	}
	if (r->run > 0 && state.dialect != DIALECT_GEMINI && !redacted && hidden.len == 0)
		gather_thoughts(r, p);
	r->run = 0;
}

/* ---- media ---- */

/* What the Files API holds only its own project at Google can read. */
static bool is_stored(struct slice uri)
{
	return slice_find(uri, SLICE("generativelanguage.googleapis.com/")) != SIZE_MAX;
}

/* A video without a type: YouTube's, which Google alone reads. */
static enum part_kind kind_of(const struct media *m)
{
	bool watched = slice_find(m->value, SLICE("youtube.com/")) != SIZE_MAX ||
		       slice_find(m->value, SLICE("youtu.be/")) != SIZE_MAX;

	if (m->source != MEDIA_DATA && m->mime.len == 0 && watched)
		return PART_VIDEO;
	return media_part_kind(media_guess_mime(m));
}

/* Google's JSON takes both alphabets (recorded: its own SDK sends the URL's); everybody else takes the standard one. */
static struct slice standard_base64(struct slice text, struct arena *a)
{
	struct slice bytes;

	if (slice_find(text, SLICE("-")) == SIZE_MAX && slice_find(text, SLICE("_")) == SIZE_MAX)
		return text;
	return base64_decode(text, a, &bytes) ? base64_encode(bytes, a) : text;
}

static void read_media(struct chat_reading *r, struct place *at, struct json part, struct json data, struct json file)
{
	struct json from = json_exists(data) ? data : file;
	struct media m = { .source = MEDIA_DATA };

	m.mime = json_text(gemini_get(from, "mimeType"), r->arena);
	m.name = json_text(gemini_get(from, "displayName"), r->arena);
	if (json_exists(data)) {
		m.value = standard_base64(json_text(json_get(data, "data"), r->arena), r->arena);
	} else {
		m.value = json_text(gemini_get(file, "fileUri"), r->arena);
		m.source = is_stored(m.value) ? MEDIA_FILE_ID : MEDIA_URL;
	}
	*add_part(r, at, kind_of(&m), part)->media = m;
}

/* ---- calls and results ---- */

static bool read_call(struct chat_reading *r, struct place *at, struct json part, struct json call)
{
	struct json arguments = json_get(call, "args");
	struct slice ignored;
	bool redacted = false;
	struct part *p;

	if (!json_is_filled(json_get(call, "name")))
		return refuse_part(r, at, "a functionCall needs the name of its function");
	p = add_part(r, at, PART_TOOL_CALL, part);
	p->call->id = json_text(json_get(call, "id"), r->arena);
	p->call->name = json_text(json_get(call, "name"), r->arena);
	p->call->arguments = json_is(arguments, JSON_OBJECT) ? json_raw(arguments) : SLICE("{}");
	p->state = gemini_read_state(json_text(gemini_get(part, "thoughtSignature"), r->arena), r->arena, &redacted,
				     &ignored);
	return true;
}

/* "output" and "error" are Google's own names for what a function returned, "result" that of its SDKs' automatic calls;
 * without any of them the whole object is the output (proto FunctionResponse). */
static struct json find_output(struct json response, bool *ret_error)
{
	struct json error = json_get(response, "error");

	*ret_error = json_is_filled(error);
	if (json_count(response) != 1)
		return response;
	if (*ret_error)
		return error;
	if (json_exists(json_get(response, "output")))
		return json_get(response, "output");
	return json_exists(json_get(response, "result")) ? json_get(response, "result") : response;
}

static bool read_part(struct chat_reading *r, struct place *at, struct json part);

static bool read_response(struct chat_reading *r, struct place *at, struct json part, struct json response)
{
	struct part *p = add_part(r, at, PART_TOOL_RESULT, part);
	struct place within = { .turn = at->turn, .result = p->result, .content = at->content };
	struct json output = find_output(json_get(response, "response"), &p->result->is_error);

	p->result->id = json_text(json_get(response, "id"), r->arena);
	p->result->name = json_text(json_get(response, "name"), r->arena);
	if (json_exists(output) && !json_is(output, JSON_NULL))
		result_add_part(p->result, r->arena, PART_TEXT)->text =
			json_is(output, JSON_STRING) ? json_text(output, r->arena) : json_raw(output);
	for (struct json_walk w = json_walk(json_get(response, "parts")); json_walk_next(&w);)
		if (!read_part(r, &within, w.value))
			return false;
	return true;
}

/* ---- parts ---- */

/* What no other dialect has: a video's section, an image's resolution, … They go out again with their part. */
static void note_extras(struct chat_reading *r, struct json part)
{
	static const char *const known[] = {
		"text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse",
	};

	for (struct json_walk w = json_walk(part); !r->extras_noted && json_walk_next(&w);) {
		struct slice name = gemini_key(w.key, r->arena);
		bool is_known = json_is(w.value, JSON_NULL);

		for (size_t i = 0; i < COUNT_OF(known) && !is_known; i++)
			is_known = slice_eq(name, slice_cstr(known[i]));
		if (is_known)
			continue;
		gemini_keep_other(r, FIELD_OTHER, "contents.parts", &w);
		r->extras_noted = true;
	}
}

/* executableCode, codeExecutionResult, toolCall, toolResponse, and what is to come. */
static bool read_part(struct chat_reading *r, struct place *at, struct json part)
{
	struct json call = gemini_get(part, "functionCall"), response = gemini_get(part, "functionResponse");
	struct json data = gemini_get(part, "inlineData"), file = gemini_get(part, "fileData");
	bool told;

	if (json_is(part, JSON_STRING)) {
		add_part(r, at, PART_TEXT, (struct json){ 0 })->text = json_text(part, r->arena);
		r->run = 0;
		return true;
	}
	if (!json_is(part, JSON_OBJECT))
		return refuse_part(r, at, "each part must be an object, such as {\"text\": \"…\"}");
	told = json_exists(json_get(part, "text")) ||
	       (json_count(part) == 1 && json_exists(gemini_get(part, "thoughtSignature")));
	if (!told)
		r->run = 0;
	if (json_is(call, JSON_OBJECT) && !at->result)
		return note_extras(r, part), read_call(r, at, part, call);
	if (json_is(response, JSON_OBJECT) && !at->result)
		return note_extras(r, part), read_response(r, at, part, response);
	if (json_is(data, JSON_OBJECT) || json_is(file, JSON_OBJECT)) {
		note_extras(r, part);
		read_media(r, at, part, data, file);
	} else if (told) {
		note_extras(r, part);
		read_text(r, at, part);
	} else if (json_count(part) > 0) {
		add_part(r, at, PART_OPAQUE, part);
	}
	return true;
}

/* An array of parts; one alone passes, as do strings, which all SDKs make parts of. */
static bool read_parts(struct chat_reading *r, struct place *at, struct json parts)
{
	if (!json_exists(parts) || json_is(parts, JSON_NULL))
		return true;
	if (!json_is(parts, JSON_ARRAY))
		return read_part(r, at, parts);
	for (struct json_walk w = json_walk(parts); json_walk_next(&w);)
		if (!read_part(r, at, w.value))
			return false;
	return true;
}

bool gemini_read_system(struct chat_reading *r, struct json system)
{
	struct place at = { 0 };
	bool is_content = json_is(system, JSON_OBJECT) && json_exists(json_get(system, "parts"));

	if (!json_is_filled(system))
		return true;
	at.turn = chat_add_turn(r->chat, r->arena, ROLE_SYSTEM);
	/* SDKs give it a role, which means nothing. */
	for (struct json_walk w = json_walk(is_content ? system : (struct json){ 0 }); json_walk_next(&w);)
		if (!json_text_eq(w.key, SLICE("parts")))
			gemini_keep_other(r, json_text_eq(w.key, SLICE("role")) ? 0 : FIELD_OTHER, "systemInstruction",
					  &w);
	return read_parts(r, &at, is_content ? json_get(system, "parts") : system);
}

static bool read_role(struct chat_reading *r, struct json role, unsigned index, enum chat_role *ret)
{
	static const struct { const char *name; enum chat_role role; } roles[] = {
		{ "user", ROLE_USER }, { "model", ROLE_ASSISTANT }, { "function", ROLE_USER }, { "tool", ROLE_USER },
	};

	*ret = ROLE_USER;
	if (!json_is_filled(role))
		return true;
	for (size_t i = 0; i < COUNT_OF(roles); i++)
		if (json_text_eq(role, slice_cstr(roles[i].name))) {
			*ret = roles[i].role;
			return true;
		}
	/* "Please use a valid role: user, model." is Google's answer (recorded: gemini). */
	return chat_refuse(r->failure, "contents", "contents[%u].role must be \"user\" or \"model\"", index);
}

static bool read_content(struct chat_reading *r, struct json content, unsigned index)
{
	struct place at = { .content = index };
	enum chat_role role = ROLE_USER;

	if (!json_is(content, JSON_OBJECT) && !json_is(content, JSON_STRING))
		return chat_refuse(r->failure, "contents",
				   "contents: each content must be an object with role and parts");
	if (json_is(content, JSON_OBJECT) && !read_role(r, json_get(content, "role"), index, &role))
		return false;
	if (role != ROLE_ASSISTANT || index == 0)
		r->run = 0;
	at.turn = chat_add_turn(r->chat, r->arena, role);
	return read_parts(r, &at, json_is(content, JSON_OBJECT) ? json_get(content, "parts") : content);
}

bool gemini_read_contents(struct chat_reading *r, struct json contents)
{
	unsigned index = 0;

	if (json_is(contents, JSON_OBJECT) || (json_is(contents, JSON_STRING) && json_is_filled(contents)))
		return read_content(r, contents, 0);
	if (!json_is(contents, JSON_ARRAY) || json_count(contents) == 0)
		return chat_refuse(r->failure, "contents", "contents must be an array of at least one content, such as "
				   "{\"role\": \"user\", \"parts\": [{\"text\": \"…\"}]}");
	for (struct json_walk w = json_walk(contents); json_walk_next(&w); index++)
		if (!read_content(r, w.value, index))
			return false;
	return true;
}
