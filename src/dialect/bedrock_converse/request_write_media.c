/* SPDX-License-Identifier: Apache-2.0 */
/* Image, document, video and audio blocks (DIALECTS §3.3; service model ImageBlock, DocumentBlock, VideoBlock,
 * AudioBlock). They hold data or lie in S3: weir fetches nothing for them. */
#include "dialect/bedrock_converse/bedrock_converse.h"

enum { DOCUMENT_NAME_MAX = 200, DOCUMENT_NAME_KEPT = 160 };

static bool write_source(struct request_writing *r, const struct media *m)
{
	json_literal_key(&r->json, "source");
	json_begin_object(&r->json);
	switch (m->source) {
	case MEDIA_DATA:
		json_member_string(&r->json, "bytes", m->value);
		break;
	case MEDIA_TEXT:
		json_member_string(&r->json, "text", m->value);
		break;
	case MEDIA_URL:
		if (!slice_starts_with(m->value, SLICE("s3://")))
			return request_cannot_write(r, "this provider takes media as data or from S3, not from addresses");
		json_literal_key(&r->json, "s3Location");
		json_begin_object(&r->json);
		json_member_string(&r->json, "uri", m->value);
		json_end_object(&r->json);
		break;
	case MEDIA_FILE_ID:
		return request_cannot_write(r, "a file that was uploaded elsewhere is not to be had at this provider");
	}
	json_end_object(&r->json);
	return true;
}

/* The title in the alphabet that names have: letters, digits, single spaces, hyphens, parentheses and square
 * brackets. */
static size_t clean_name(struct slice title, char out[static DOCUMENT_NAME_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < title.len && len < DOCUMENT_NAME_KEPT; i++) {
		char c = title.ptr[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			     (c && strchr("()[]-", c));

		if (!plain && c != ' ')
			c = '-';
		if ((c == ' ' || (!plain && c == '-')) && (len == 0 || out[len - 1] == ' ' || out[len - 1] == '-'))
			continue;
		out[len++] = c;
	}
	while (len > 0 && (out[len - 1] == ' ' || out[len - 1] == '-'))
		len--;
	return len;
}

/* Neutral where there is no title, and unique within the request: all but the first end in their number, and so
 * does the first if it looks as if it did. */
static void write_document_name(struct request_writing *r, const struct media *m)
{
	char name[DOCUMENT_NAME_MAX];
	size_t len = clean_name(m->name, name);
	unsigned number = ++r->documents;
	struct slice text = len > 0 ? slice_of(name, len) : SLICE("document");

	if (number > 1 || text.ptr[text.len - 1] == ')')
		text = arena_printf(r->arena, "%.*s (%u)", SLICE_ARG(text), number);
	json_member_string(&r->json, "name", text);
}

static bool write_document(struct request_writing *r, const struct media *m)
{
	struct slice mime = media_guess_mime(m);
	const char *format = mime.len == 0 ? "pdf" : bedrock_format_of(PART_DOCUMENT, mime);

	if (!format)
		return request_cannot_write(r, "this provider does not take documents of type %.*s", SLICE_ARG(mime));
	json_begin_object(&r->json);
	json_literal_key(&r->json, "document");
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "format", format);
	write_document_name(r, m);
	if (!write_source(r, m))
		return false;
	if (m->context.len > 0)
		json_member_string(&r->json, "context", m->context);
	if (m->citations && writes(r, FIELD_DOCUMENT_CITATIONS)) {
		json_literal_key(&r->json, "citations");
		json_value_raw(&r->json, SLICE("{\"enabled\":true}"));
	}
	json_end_object(&r->json);
	json_end_object(&r->json);
	return true;
}

static bool write_medium(struct request_writing *r, const struct part *p, const char *member, const char *otherwise)
{
	struct slice mime = media_guess_mime(p->media);
	const char *format = mime.len == 0 ? otherwise : bedrock_format_of(p->kind, mime);

	if (!format)
		return request_cannot_write(r, "this provider does not take media of type %.*s", SLICE_ARG(mime));
	json_begin_object(&r->json);
	json_key(&r->json, slice_cstr(member));
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "format", format);
	if (!write_source(r, p->media))
		return false;
	json_end_object(&r->json);
	json_end_object(&r->json);
	return true;
}

bool bedrock_write_media(struct request_writing *r, const struct part *p)
{
	switch (p->kind) {
	case PART_IMAGE:
		return write_medium(r, p, "image", "png");
	case PART_VIDEO:
		return write_medium(r, p, "video", "mp4");
	case PART_AUDIO:
		return write_medium(r, p, "audio", "wav");
	default:
		return write_document(r, p->media);
	}
}
