/* SPDX-License-Identifier: Apache-2.0 */
/* Two numbers about a prompt, taken from any dialect's JSON by one walk: how many tokens it is likely to be, and a
 * hash of the part that stays the same from turn to turn.
 *
 * The estimate is documented and deliberately simple: text by estimate_text_tokens(), tools and arguments as the
 * JSON they are, numbers one token each (an embedding's input may be token ids), four tokens per message, and
 * media as below. */
#include "dialect/dialect_internal.h"

#include <endian.h>

enum {
	/* A picture: OpenAI takes 85 to about 1,100, Gemini 258 per tile, Anthropic width × height / 750, at most
	 * about 1,600. */
	IMAGE_TOKENS = 1000,
	/* Speech: Gemini takes 32 tokens a second, which is 32 KB of 16 kHz PCM. */
	AUDIO_BYTES_PER_TOKEN = 1000,
	/* Documents: a page is about 2,000 tokens as text and picture together, and some 60 KB. */
	DOCUMENT_BYTES_PER_TOKEN = 30,
	/* Media that is only referred to, of unknown size. */
	REFERRED_TOKENS = 2000,
	MESSAGE_TOKENS = 4,
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
				      "signature",
				      "thoughtSignature",
				      "thought_signature",
				      "encrypted_content",
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
				      "redactedContent",
				      "ttl",
				      NULL };
/* JSON that the model reads as JSON. */
static const char *const read_as_json[] = { "args",   "arguments", "input_schema", "parameters", "response",
					    "schema", "json",      NULL };
/* Members that hold or name a medium. */
static const char *const media_members[] = { "data",    "file_data", "image_url", "file_url", "file_id",
					     "fileUri", "file_uri",  "url",       "bytes",    NULL };

static int64_t media_tokens(struct slice mime, size_t encoded)
{
	size_t bytes = encoded / 4 * 3;
	if (slice_starts_with(mime, SLICE("image")))
		return IMAGE_TOKENS;
	if (encoded == 0)
		return REFERRED_TOKENS;
	if (slice_starts_with(mime, SLICE("text/")))
		return (int64_t)(bytes / 4) + 1;
	if (slice_starts_with(mime, SLICE("audio")) || slice_starts_with(mime, SLICE("video")))
		return (int64_t)(bytes / AUDIO_BYTES_PER_TOKEN) + 1;
	return (int64_t)(bytes / DOCUMENT_BYTES_PER_TOKEN) + 1;
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

/* "data:image/png;base64,…" */
static bool data_url(struct slice text, struct slice *ret_mime, size_t *ret_len)
{
	if (!slice_starts_with(text, SLICE("data:")))
		return false;
	size_t comma = slice_find(text, SLICE(","));
	if (comma == SIZE_MAX)
		return false;
	*ret_mime = slice_of(text.ptr + 5, comma - 5);
	*ret_len = text.len - comma - 1;
	return true;
}

static int64_t media_member_tokens(struct json key, struct slice text, struct slice mime)
{
	struct slice own;
	size_t len;
	if (data_url(text, &own, &len))
		return media_tokens(own, len);
	if (json_text_eq(key, SLICE("data")) || json_text_eq(key, SLICE("file_data")) || json_text_eq(key, SLICE("bytes")))
		return media_tokens(mime, text.len);
	return media_tokens(json_text_eq(key, SLICE("image_url")) ? SLICE("image/") : mime, 0);
}

/* Ollama's: strings of base64 beside the text. */
static bool is_images(struct json key, struct json value)
{
	return json_text_eq(key, SLICE("images")) && json_is(json_at(value, 0), JSON_STRING);
}

/* JSON_DEPTH_MAX bounds the recursion. */
static int64_t estimate(struct json v, struct slice mime, struct arena *scratch)
{
	struct slice text;
	struct json_walk w;
	int64_t tokens = 0;

	switch (json_type(v)) {
	case JSON_STRING:
		text = json_text(v, scratch);
		return estimate_text_tokens(text.ptr, text.len);
	case JSON_ARRAY:
		for (w = json_walk(v); json_walk_next(&w);)
			tokens += estimate(w.value, mime, scratch);
		return tokens;
	case JSON_OBJECT:
		break;
	default:
		return 1;
	}
	mime = mime_of(v, mime, scratch);
	if (json_exists(json_get(v, "role")))
		tokens += MESSAGE_TOKENS;
	for (w = json_walk(v); json_walk_next(&w);) {
		bool is_string = json_is(w.value, JSON_STRING);
		if (is_string && is_one_of(w.key, media_members))
			tokens += media_member_tokens(w.key, json_text(w.value, scratch), mime);
		else if (is_images(w.key, w.value))
			tokens += IMAGE_TOKENS * (int64_t)json_count(w.value);
		else if (is_string && is_one_of(w.key, unread))
			continue;
		else if (!is_string && is_one_of(w.key, read_as_json))
			tokens += estimate_text_tokens(json_raw(w.value).ptr, json_raw(w.value).len);
		else
			tokens += estimate(w.value, mime_of_block(w.key, w.value, mime), scratch);
	}
	return tokens;
}

int64_t prompt_estimate(struct json root, const char *const *members, struct arena *scratch)
{
	static const char *const schemas[] = { "tools", "functions", "toolConfig", NULL };
	int64_t tokens = 0;
	for (struct json_walk w = json_walk(root); json_walk_next(&w);) {
		if (!is_one_of(w.key, members))
			continue;
		if (is_one_of(w.key, schemas))
			tokens += estimate_text_tokens(json_raw(w.value).ptr, json_raw(w.value).len);
		else if (is_images(w.key, w.value))
			tokens += IMAGE_TOKENS * (int64_t)json_count(w.value);
		else
			tokens += estimate(w.value, (struct slice){ 0 }, scratch);
	}
	return tokens;
}

/* The same on every machine and after every restart, unlike hash_bytes(): replicas must agree on which key a
 * conversation goes to. Eight bytes a step; not for tables that clients could flood. */
static uint64_t mix(uint64_t hash, struct slice s)
{
	const uint64_t odd = 0x9e3779b97f4a7c15ull;
	uint64_t word;
	for (; s.len >= sizeof(word); s = slice_after(s, sizeof(word))) {
		memcpy(&word, s.ptr, sizeof(word));
		hash = (hash ^ le64toh(word)) * odd;
		hash ^= hash >> 29;
	}
	word = s.len;
	for (size_t i = 0; i < s.len; i++)
		word = word << 8 | (unsigned char)s.ptr[i];
	hash = (hash ^ word) * odd;
	return hash ^ hash >> 32;
}

/* Cache markers wander: the block that ends the prompt in one turn carries one, and not in the next. They are no
 * part of what was said; Bedrock's are blocks of their own. */
static bool is_cache_point(struct json v)
{
	return json_is(v, JSON_OBJECT) && json_exists(json_get(v, "cachePoint"));
}

static uint64_t hash_value(uint64_t hash, struct json v)
{
	static const char *const wandering[] = { "cache_control", "prompt_cache_breakpoint", NULL };
	struct json_walk w;
	if (!json_is(v, JSON_OBJECT) && !json_is(v, JSON_ARRAY))
		return mix(hash, json_raw(v));
	hash = mix(hash, json_is(v, JSON_OBJECT) ? SLICE("{") : SLICE("["));
	for (w = json_walk(v); json_walk_next(&w);) {
		if (json_exists(w.key)) {
			if (is_one_of(w.key, wandering))
				continue;
			hash = mix(hash, json_raw(w.key));
		} else if (is_cache_point(w.value)) {
			continue;
		}
		hash = hash_value(hash, w.value);
	}
	return mix(hash, SLICE("."));
}

uint64_t prompt_prefix_hash(struct json root, const char *const *members, const char *turns)
{
	uint64_t hash = 1;
	for (; *members; members++)
		if (strcmp(*members, turns) != 0)
			hash = hash_value(hash, json_member(root, slice_cstr(*members)));

	struct json conversation = json_member(root, slice_cstr(turns));
	if (!json_is(conversation, JSON_ARRAY))
		return hash_value(hash, conversation);
	for (struct json_walk w = json_walk(conversation); json_walk_next(&w);) {
		hash = hash_value(hash, w.value);
		struct json role = json_get(w.value, "role");
		/* A list of plain texts, or Gemini's turn without a role, is the user's. */
		if (!json_exists(role) || json_text_eq(role, SLICE("user")))
			break;
	}
	return hash;
}
