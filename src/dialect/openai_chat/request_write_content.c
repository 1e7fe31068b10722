/* SPDX-License-Identifier: Apache-2.0 */
/* Content parts of chat completion requests (DIALECTS §3.3), and cache markers on them (§3.11). */
#include "dialect/openai_chat/openai_chat_internal.h"

bool openai_chat_takes_media(const struct chat_writing *wr, const struct part *p)
{
	bool url = p->media->source == MEDIA_URL;

	if (p->media->source == MEDIA_FILE_ID)
		return writing_carries(wr, FIELD_FILE_ID);
	switch (p->kind) {
	case PART_IMAGE:
		return writing_carries(wr, url ? FIELD_IMAGE_URL : FIELD_IMAGE_DATA);
	case PART_AUDIO:
		return writing_carries(wr, FIELD_AUDIO);
	case PART_VIDEO:
		return writing_carries(wr, FIELD_VIDEO);
	default:
		return writing_carries(wr, url					 ? FIELD_DOCUMENT_URL
					   : p->media->source == MEDIA_TEXT ? FIELD_DOCUMENT_TEXT
									    : FIELD_DOCUMENT_DATA);
	}
}

/* Four markers are taken, the last ones matter: they cover what stands before them. OpenAI's two lifetimes stand for
 * the shorter and the longer one (§3.11). */
void openai_chat_write_mark(struct chat_writing *wr, enum cache_mark mark)
{
	bool longer = mark == CACHE_MARK_1H;

	if (mark == CACHE_MARK_NONE || wr->marks == CACHE_MARKS_NONE)
		return;
	if (wr->marks_skipped > 0) {
		wr->marks_skipped--;
		return;
	}
	if (wr->marks == CACHE_MARKS_CONTROL) {
		json_literal_key(&wr->w, "cache_control");
		json_value_raw(&wr->w, longer ? SLICE("{\"type\":\"ephemeral\",\"ttl\":\"1h\"}")
					      : SLICE("{\"type\":\"ephemeral\"}"));
	} else {
		json_literal_key(&wr->w, "prompt_cache_breakpoint");
		json_value_raw(&wr->w, longer ? SLICE("{\"mode\":\"explicit\",\"ttl\":\"12h\"}")
					      : SLICE("{\"mode\":\"explicit\"}"));
	}
}

/* OpenAI knows wav and mp3; the others what the type says. */
static struct slice audio_format(const struct media *m)
{
	struct slice mime = media_guess_mime(m);
	static const struct { struct slice mime, format; } formats[] = {
		{ { "audio/wav", 9 }, { "wav", 3 } },   { { "audio/x-wav", 11 }, { "wav", 3 } },
		{ { "audio/wave", 10 }, { "wav", 3 } }, { { "audio/mpeg", 10 }, { "mp3", 3 } },
		{ { "audio/mp3", 9 }, { "mp3", 3 } },   { { "audio/mp4", 9 }, { "m4a", 3 } },
	};

	for (size_t i = 0; i < COUNT_OF(formats); i++)
		if (slice_eq(mime, formats[i].mime))
			return formats[i].format;
	return slice_starts_with(mime, SLICE("audio/")) ? slice_after(mime, 6) : SLICE("wav");
}

static void write_audio(struct json_writer *w, const struct media *m)
{
	json_begin_object(w);
	json_member_cstr(w, "type", "input_audio");
	json_literal_key(w, "input_audio");
	json_begin_object(w);
	json_member_string(w, "data", m->value);
	json_member_string(w, "format", audio_format(m));
	json_end_object(w);
}

static void write_video(struct chat_writing *wr, const struct media *m)
{
	struct json_writer *w = &wr->w;

	json_begin_object(w);
	json_member_cstr(w, "type", "video_url");
	json_literal_key(w, "video_url");
	json_begin_object(w);
	json_member_string(w, "url", shape_media_url(m, "video/mp4", wr->scratch));
	json_end_object(w);
}

static void write_document_text(struct chat_writing *wr, const struct media *m)
{
	json_begin_object(&wr->w);
	json_member_cstr(&wr->w, "type", "text");
	json_literal_key(&wr->w, "text");
	json_string(&wr->w, shape_document_text(m, wr->scratch));
}

/* A name is asked for beside data. */
static struct slice file_name(const struct media *m)
{
	struct slice mime = media_guess_mime(m);

	if (m->name.len > 0)
		return m->name;
	return mime.len == 0 || slice_eq(mime, SLICE("application/pdf")) ? SLICE("document.pdf") : SLICE("document");
}

static void write_file(struct chat_writing *wr, const struct media *m)
{
	struct json_writer *w = &wr->w;

	json_begin_object(w);
	json_member_cstr(w, "type", "file");
	json_literal_key(w, "file");
	json_begin_object(w);
	if (m->source == MEDIA_FILE_ID) {
		json_member_string(w, "file_id", m->value);
	} else {
		json_member_string(w, "filename", file_name(m));
		json_member_string(w, "file_data", shape_media_url(m, "application/pdf", wr->scratch));
	}
	json_end_object(w);
}

/* What Anthropic's clients say about a document stands before it: a file has no member for that. */
static void write_document_words(struct chat_writing *wr, const struct media *m)
{
	struct slice words = request_document_words(m, true, wr->scratch);

	if (words.len == 0)
		return;
	json_begin_object(&wr->w);
	json_member_cstr(&wr->w, "type", "text");
	json_member_string(&wr->w, "text", words);
	json_end_object(&wr->w);
}

/* Mistral's, and only back to where it came from. */
static void write_document_url(struct json_writer *w, const struct media *m)
{
	json_begin_object(w);
	json_member_cstr(w, "type", "document_url");
	json_member_string(w, "document_url", m->value);
	if (m->name.len > 0)
		json_member_string(w, "document_name", m->name);
}

static void write_text(struct json_writer *w, struct slice text)
{
	json_begin_object(w);
	json_member_cstr(w, "type", "text");
	json_member_string(w, "text", text);
}

void openai_chat_write_part(struct chat_writing *wr, const struct part *p)
{
	if (p->raw.len > 0 && p->raw_dialect == DIALECT_OPENAI_CHAT && wr->same) {
		json_value_raw(&wr->w, p->raw);
		return;
	}
	switch (p->kind) {
	case PART_IMAGE:
		if (p->media->source == MEDIA_FILE_ID)
			write_file(wr, p->media);
		else
			shape_begin_image(&wr->w, p->media, wr->scratch);
		break;
	case PART_AUDIO:
		write_audio(&wr->w, p->media);
		break;
	case PART_VIDEO:
		write_video(wr, p->media);
		break;
	case PART_DOCUMENT:
		if (p->media->source != MEDIA_TEXT)
			write_document_words(wr, p->media);
		if (p->media->source == MEDIA_TEXT)
			write_document_text(wr, p->media);
		else if (p->media->source == MEDIA_URL && wr->same)
			write_document_url(&wr->w, p->media);
		else
			write_file(wr, p->media);
		break;
	case PART_REFUSAL: case PART_TEXT:
		write_text(&wr->w, p->text);
		break;
	case PART_REASONING: case PART_TOOL_CALL: case PART_TOOL_RESULT: case PART_OPAQUE:
		return;
	}
	openai_chat_write_mark(wr, p->cache_mark);
	json_end_object(&wr->w);
}

/* Strings where they can say it: every provider takes them. */
static bool needs_array(const struct chat_writing *wr, const struct content *c)
{
	for (unsigned i = 0; i < c->count; i++) {
		const struct part *p = c->items[i];

		if (p->kind != PART_TEXT)
			return true;
		if (p->raw.len > 0 && wr->same)
			return true;
		if (p->cache_mark != CACHE_MARK_NONE && wr->marks != CACHE_MARKS_NONE)
			return true;
	}
	return false;
}

void openai_chat_write_content(struct chat_writing *wr, const struct content *c, const char *between)
{
	bool array = needs_array(wr, c);

	if (c->count > 1 && wr->same && !array)
		array = !writing_quirk(wr, QUIRK_TEXT_CONTENT); /* as the client had it */
	if (array) {
		json_begin_array(&wr->w);
		for (unsigned i = 0; i < c->count; i++)
			openai_chat_write_part(wr, c->items[i]);
		json_end_array(&wr->w);
		return;
	}

	struct part *list = NULL, **end = &list;

	for (unsigned i = 0; i < c->count; i++) {
		*end = arena_new(wr->scratch, struct part);
		(*end)->kind = PART_TEXT;
		(*end)->text = c->items[i]->text;
		end = &(*end)->next;
	}
	json_string(&wr->w, shape_join_texts(list, between, wr->scratch));
}
