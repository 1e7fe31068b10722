/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a prompt, for estimates of its tokens: one walk over any dialect's JSON, which tells apart what is said,
 * tool definitions, schemas and media by the names of members. */
#include "dialect/dialect_internal.h"

enum {
	/* Gemini's guide on tokens: 32 a second of audio; a second is some 4 KB as MP3, 32 KB as 16 kHz PCM. */
	SOUND_BYTES_PER_TOKEN = 125,
	PCM_BYTES_PER_TOKEN = 1000,
	/* Media that is only referred to, of unknown size. */
	REFERRED_TOKENS = 2000,
	FORMAT_DEPTH_MAX = 6,          /* where an answer's schema may lie */
};

struct measuring {
	struct prompt_parts *parts;
	struct arena *scratch;
	bool instructs;                /* what is walked are instructions, whatever role they are in */
};

static bool is_one_of(struct json key, const char *const *names)
{
	for (; *names; names++)
		if (json_text_eq(key, slice_cstr(*names)))
			return true;
	return false;
}

/* Strings that the model never reads, or that are counted with the media they describe. */
static const char *const unread[] = { "type",
				      "role",
				      "id",
				      "call_id",
				      "tool_call_id",
				      "tool_use_id",
				      "cache_control",
				      "prompt_cache_breakpoint",
				      "media_type",
				      "mimeType",
				      "mime_type",
				      "detail",
				      "format",
				      "status",
				      "file_id",
				      "fileUri",
				      "file_uri",
				      "toolUseId",
				      "ttl",
				      NULL };
/* Members that hold or name a medium. */
static const char *const media_members[] = { "data",    "file_data", "image_url", "file_url", "file_id",
					     "fileUri", "file_uri",  "url",       "bytes",    NULL };

static void add_text(const struct measuring *m, enum prompt_part part, struct json v)
{
	struct slice text = json_is(v, JSON_STRING) ? json_text(v, m->scratch) : json_raw(v);

	struct text_estimate found = estimate_text(text.ptr, text.len);

	m->parts->count[part] += found.tokens;
	m->parts->count[FOUND_DIGITS] += found.digits;
}

/* ---- media ---- */

static void add_media(const struct measuring *m, struct slice mime, struct slice encoded, bool low)
{
	size_t bytes = encoded.len / 4 * 3;
	uint32_t width, height;

	if (slice_starts_with(mime, SLICE("image"))) {
		picture_size(encoded, &width, &height);
		estimate_add_picture(m->parts, width, height, low);
		return;
	}
	if (bytes == 0)
		m->parts->count[FOUND_MEDIA] += REFERRED_TOKENS;
	else if (slice_starts_with(mime, SLICE("text/")))
		m->parts->count[FOUND_TEXT] += (int64_t)(bytes / 4) + 1;
	else if (slice_starts_with(mime, SLICE("audio")) || slice_starts_with(mime, SLICE("video")))
		m->parts->count[FOUND_MEDIA] += (int64_t)(bytes / PCM_BYTES_PER_TOKEN) + 1;
	else
		m->parts->count[FOUND_PAGES] += document_pages(encoded);
}

/* What kind of medium an object holds: its own media type, or what its or its parent's "type" calls it. */
static struct slice mime_of(struct json object, struct slice parent, struct arena *scratch)
{
	static const char *const names[] = { "media_type", "mimeType", "mime_type", "type" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct slice text = json_text(json_member(object, slice_cstr(names[i])), scratch);

		if (slice_find(text, SLICE("image")) != SIZE_MAX)
			return SLICE("image/");
		if (slice_find(text, SLICE("audio")) != SIZE_MAX)
			return SLICE("audio/");
		if (i < 3 && text.len > 0)
			return text;
	}
	return parent;
}

/* Bedrock's blocks are called what they hold: {"image":{"format","source":{"bytes"}}}. */
static struct slice mime_of_block(struct json key, struct json block, struct slice otherwise)
{
	static const char *const kinds[] = { "image", "audio", "video" };
	static const char *const texts[] = { "txt", "md", "csv", "html" };

	if (!json_exists(json_get(block, "source")))
		return otherwise;
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (json_text_eq(key, slice_cstr(kinds[i])))
			return slice_cstr(kinds[i]);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (json_text_eq(json_get(block, "format"), slice_cstr(texts[i])))
			return SLICE("text/");
	return otherwise;
}

static void add_media_member(const struct measuring *m, struct json key, struct slice text, struct slice mime, bool low)
{
	bool holds = json_text_eq(key, SLICE("data")) || json_text_eq(key, SLICE("file_data")) ||
		     json_text_eq(key, SLICE("bytes"));
	struct slice own, data;

	if (media_read_data_url(text, &own, &data))
		add_media(m, own, data, low);
	else if (holds)
		add_media(m, mime, text, low);
	else
		add_media(m, json_text_eq(key, SLICE("image_url")) ? SLICE("image/") : mime, (struct slice){ 0 }, low);
}

/* Ollama's: strings of base64 beside the text. */
static bool add_images(const struct measuring *m, struct json key, struct json value)
{
	if (!json_text_eq(key, SLICE("images")) || !json_is(json_at(value, 0), JSON_STRING))
		return false;
	for (struct json_walk w = json_walk(value); json_walk_next(&w);)
		add_media(m, SLICE("image/"), json_text(w.value, m->scratch), false);
	return true;
}

/* ---- tools ---- */

/* JSON_DEPTH_MAX bounds the recursion, here and below. */
static void measure_schema(const struct measuring *m, struct json v)
{
	static const char *const described[] = { "description", "title", NULL };

	for (struct json_walk w = json_walk(v); json_walk_next(&w);) {
		if (json_is(w.value, JSON_STRING)) {
			if (is_one_of(w.key, described))
				add_text(m, FOUND_SCHEMA_TEXT, w.value);
			continue;
		}
		if (json_text_eq(w.key, SLICE("enum")))
			add_text(m, FOUND_SCHEMA_NAMES, w.value);
		if (json_text_eq(w.key, SLICE("properties"))) {
			for (struct json_walk p = json_walk(w.value); json_walk_next(&p);) {
				m->parts->count[FOUND_SCHEMA_PROPERTIES]++;
				add_text(m, FOUND_SCHEMA_NAMES, p.key);
			}
		}
		measure_schema(m, w.value);
	}
}

/* `declared`: within Gemini's functionDeclarations, where "parameters" is a schema of its own kind. All that other
 * clients say reaches Gemini as JSON Schema. */
static void measure_tools(const struct measuring *m, struct json v, bool declared)
{
	static const char *const schemas[] = { "input_schema",
					       "parameters",
					       "parametersJsonSchema",
					       "parameters_json_schema",
					       "inputSchema",
					       "parameter_definitions",
					       NULL };
	static const char *const named[] = { "name", "description", NULL };
	static const char *const declarations[] = { "functionDeclarations", "function_declarations", NULL };

	for (struct json_walk w = json_walk(v); json_walk_next(&w);) {
		if (is_one_of(w.key, schemas) && json_is(w.value, JSON_OBJECT)) {
			struct json inner = json_get(w.value, "json"); /* Bedrock's */
			struct json schema = json_is(inner, JSON_OBJECT) ? inner : w.value;

			int64_t before = m->parts->count[FOUND_SCHEMA_JSON];

			add_text(m, FOUND_SCHEMA_JSON, schema);
			if (!declared || !json_text_eq(w.key, SLICE("parameters")))
				m->parts->count[FOUND_SCHEMA_GIVEN] += m->parts->count[FOUND_SCHEMA_JSON] - before;
			measure_schema(m, schema);
		} else if (json_is(w.value, JSON_STRING)) {
			m->parts->count[FOUND_TOOLS] += json_text_eq(w.key, SLICE("name"));
			if (is_one_of(w.key, named))
				add_text(m, FOUND_TOOL_TEXT, w.value);
		} else if (!json_text_eq(w.key, SLICE("toolChoice"))) { /* Bedrock's, beside its tools */
			measure_tools(m, w.value, declared || is_one_of(w.key, declarations));
		}
	}
}

/* ---- what is said ---- */

static void measure_said(const struct measuring *m, struct json v, struct slice mime);

static bool is_call(struct json object, struct json key, struct json value)
{
	if (json_text_eq(key, SLICE("arguments")) || json_text_eq(key, SLICE("args")))
		return true;
	return json_text_eq(key, SLICE("input")) && !json_is(value, JSON_ARRAY) &&
	       (json_exists(json_get(object, "toolUseId")) || json_exists(json_get(object, "name")));
}

/* ---- reasoning of earlier turns ---- */

static const char *const states[] = { "signature",         "thoughtSignature", "thought_signature",
				      "encrypted_content", "redactedContent",  NULL };
static const char *const thoughts[] = { "reasoning_content", "reasoning_details", "reasoningContent", "reasoning",
					NULL };

/* Anthropic's blocks, Responses' items; Gemini's parts are marked. */
static bool is_reasoned(struct json object)
{
	static const char *const types[] = { "thinking", "redacted_thinking", "reasoning", NULL };

	return is_one_of(json_get(object, "type"), types) || json_to_bool(json_get(object, "thought"), false);
}

/* What a member of such an object holds: words, or what only the provider can read. */
static void measure_thought(const struct measuring *m, struct json key, struct json v)
{
	static const char *const opaque[] = { "data", NULL };

	if (!json_is(v, JSON_STRING)) {
		for (struct json_walk w = json_walk(v); json_walk_next(&w);)
			measure_thought(m, w.key, w.value);
	} else if (is_one_of(key, states) || is_one_of(key, opaque)) {
		m->parts->count[FOUND_STATE] += (int64_t)json_raw(v).len;
	} else if (!is_one_of(key, unread)) {
		add_text(m, FOUND_THOUGHTS, v);
	}
}

static void age_thoughts(struct prompt_parts *p)
{
	p->count[FOUND_OLD_STATE] += p->count[FOUND_STATE];
	p->count[FOUND_OLD_THOUGHTS] += p->count[FOUND_THOUGHTS];
	p->count[FOUND_STATE] = p->count[FOUND_THOUGHTS] = 0;
}

static void measure_object(const struct measuring *m, struct json v, struct slice mime)
{
	int64_t results_before = m->parts->count[FOUND_RESULTS];
	/* JSON that the model reads as JSON. */
	static const char *const read_as_json[] = { "response", "schema", "json", NULL };
	static const char *const results[] = { "tool_call_id",      "tool_use_id", "functionResponse",
					       "function_response", "toolResult",  "output",
					       NULL };
	bool is_thought = is_reasoned(v);
	bool is_turn = json_exists(json_get(v, "role")) || json_exists(json_get(v, "parts"));
	struct json role = json_get(v, "role");
	bool low = json_text_eq(json_get(v, "detail"), SLICE("low"));

	mime = mime_of(v, mime, m->scratch);
	m->parts->count[FOUND_MESSAGES] += is_turn;
	if (json_text_eq(role, SLICE("system")) || json_text_eq(role, SLICE("developer")))
		m->parts->count[FOUND_SYSTEM] = 1;
	for (struct json_walk w = json_walk(v); json_walk_next(&w);) {
		bool is_string = json_is(w.value, JSON_STRING);

		m->parts->count[FOUND_RESULTS] += is_one_of(w.key, results);
		if (is_thought || is_one_of(w.key, thoughts)) {
			measure_thought(m, w.key, w.value);
		} else if (is_call(v, w.key, w.value)) {
			m->parts->count[FOUND_CALLS]++;
			add_text(m, FOUND_CALL_TEXT, w.value);
		} else if (is_string && is_one_of(w.key, media_members)) {
			add_media_member(m, w.key, json_text(w.value, m->scratch), mime, low);
		} else if (is_string && is_one_of(w.key, states)) {
			m->parts->count[FOUND_STATE] += (int64_t)json_raw(w.value).len;
		} else if (add_images(m, w.key, w.value) || (is_string && is_one_of(w.key, unread))) {
			continue;
		} else if (!is_string && is_one_of(w.key, read_as_json)) {
			add_text(m, FOUND_TEXT, w.value);
		} else if (!json_text_eq(w.key, SLICE("cache_control"))) {
			measure_said(m, w.value, mime_of_block(w.key, w.value, mime));
		}
	}
	/* Reasoning is read again while its tools are answered; most models forget it when the user speaks. */
	if (json_text_eq(role, SLICE("user")) && m->parts->count[FOUND_RESULTS] == results_before && !m->instructs)
		age_thoughts(m->parts);
}

static void measure_said(const struct measuring *m, struct json v, struct slice mime)
{
	switch (json_type(v)) {
	case JSON_STRING:
		add_text(m, FOUND_TEXT, v);
		return;
	case JSON_ARRAY:
		for (struct json_walk w = json_walk(v); json_walk_next(&w);)
			measure_said(m, w.value, mime);
		return;
	case JSON_OBJECT:
		measure_object(m, v, mime);
		return;
	case JSON_NUMBER:                      /* an embedding's input may be token ids */
		m->parts->count[FOUND_TEXT]++;
		return;
	default:
		return;
	}
}

/* ---- around it ---- */

static void measure_format(const struct measuring *m, struct json v, unsigned depth)
{
	static const char *const schemas[] = { "schema",
					       "json_schema", /* Cohere's; elsewhere it holds "schema" */
					       "responseSchema",
					       "responseJsonSchema",
					       "response_schema",
					       "response_json_schema",
					       NULL };

	for (struct json_walk w = json_walk(v); depth < FORMAT_DEPTH_MAX && json_walk_next(&w);) {
		if (is_one_of(w.key, schemas) && !json_exists(json_get(w.value, "schema"))) {
			m->parts->count[FOUND_FORMAT] = 1;
			add_text(m, FOUND_FORMAT_JSON, w.value);
		} else if (json_is(w.value, JSON_OBJECT)) {
			measure_format(m, w.value, depth + 1);
		}
	}
}

/* Gemini's members go by two names. */
static struct json either(struct json object, const char *name, const char *otherwise)
{
	struct json v = json_member(object, slice_cstr(name));

	return json_exists(v) ? v : json_member(object, slice_cstr(otherwise));
}

/* "any", "required" or a named tool, as each dialect says it. */
static bool is_tool_forced(struct json root)
{
	static const char *const forced[] = { "any", "tool", "function", "required", "custom", NULL };
	struct json choice = json_get(root, "tool_choice"), config = either(root, "toolConfig", "tool_config");
	struct json there = json_get(config, "toolChoice");
	struct json calling = either(config, "functionCallingConfig", "function_calling_config");

	return is_one_of(choice, forced) || is_one_of(json_get(choice, "type"), forced) || json_exists(json_get(there, "any")) ||
	       json_exists(json_get(there, "tool")) ||
	       json_text_eq(json_get(calling, "mode"), SLICE("ANY"));
}

static bool is_reasoning(struct json root)
{
	static const char *const types[] = { "enabled", "adaptive", NULL };
	struct json extra = json_get(root, "additionalModelRequestFields");

	return is_one_of(json_get(json_get(root, "thinking"), "type"), types) ||
	       is_one_of(json_get(json_get(extra, "thinking"), "type"), types);
}

static void measure_members(struct measuring *m, struct json root, const char *const *members)
{
	static const char *const tools[] = { "tools", "functions", "toolConfig", NULL };
	static const char *const formats[] = { "response_format", "text",         "output_config",    "output_format",
					       "format",          "outputConfig", "generationConfig",
					       "generation_config", NULL };
	static const char *const instructions[] = { "system", "instructions", "systemInstruction",
						    "system_instruction", NULL };

	for (struct json_walk w = json_walk(root); json_walk_next(&w);) {
		if (is_one_of(w.key, formats)) {
			measure_format(m, w.value, 0);
			continue;
		}
		if (!is_one_of(w.key, members) || add_images(m, w.key, w.value))
			continue;
		if (is_one_of(w.key, tools)) {
			measure_tools(m, w.value, false);
			continue;
		}
		if (is_one_of(w.key, instructions))
			m->parts->count[FOUND_SYSTEM] = 1;
		else
			m->parts->count[FOUND_MESSAGES] += json_is(w.value, JSON_STRING);
		m->instructs = is_one_of(w.key, instructions);
		measure_said(m, w.value, (struct slice){ 0 });
	}
}

void prompt_measure(struct json root, const char *const *members, struct arena *scratch, struct prompt_parts *ret)
{
	struct measuring m = { .parts = ret, .scratch = scratch };
	struct json inner = json_get(root, "generateContentRequest"); /* Gemini's countTokens */

	*ret = (struct prompt_parts){ .count[FOUND_PROMPT] = 1 };
	if (json_is(inner, JSON_OBJECT))
		root = inner;
	measure_members(&m, root, members);
	ret->count[FOUND_TOOL_USE] = ret->count[FOUND_TOOLS] > 0;
	ret->count[FOUND_TOOL_CHOICE] = ret->count[FOUND_TOOLS] > 0 && is_tool_forced(root);
	ret->count[FOUND_REASONING] = is_reasoning(root);
}

int64_t dialect_estimate_prompt(const struct dialect *d, const struct request_facts *facts, enum operation op,
				enum token_family family, struct arena *scratch)
{
	struct prompt_parts parts;

	d->measure_prompt(facts, op, scratch, &parts);
	return estimate_tokens(&parts, family);
}
