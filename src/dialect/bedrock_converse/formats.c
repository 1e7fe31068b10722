/* SPDX-License-Identifier: Apache-2.0 */
/* The formats that image, document, video and audio blocks know, and their media types (service model: ImageFormat,
 * DocumentFormat, VideoFormat, AudioFormat). */
#include "dialect/bedrock_converse/bedrock_converse.h"

/* The first row of a format says its type, the first row of a type its format. */
static const struct { enum part_kind kind; const char *format, *mime; } formats[] = {
	{ PART_IMAGE, "png", "image/png" },
	{ PART_IMAGE, "jpeg", "image/jpeg" },
	{ PART_IMAGE, "jpeg", "image/jpg" },
	{ PART_IMAGE, "gif", "image/gif" },
	{ PART_IMAGE, "webp", "image/webp" },
	{ PART_DOCUMENT, "pdf", "application/pdf" },
	{ PART_DOCUMENT, "csv", "text/csv" },
	{ PART_DOCUMENT, "doc", "application/msword" },
	{ PART_DOCUMENT, "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
	{ PART_DOCUMENT, "xls", "application/vnd.ms-excel" },
	{ PART_DOCUMENT, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
	{ PART_DOCUMENT, "html", "text/html" },
	{ PART_DOCUMENT, "txt", "text/plain" },
	{ PART_DOCUMENT, "md", "text/markdown" },
	{ PART_DOCUMENT, "txt", "application/json" },
	{ PART_DOCUMENT, "txt", "application/xml" },
	{ PART_DOCUMENT, "txt", "application/yaml" },
	{ PART_DOCUMENT, "txt", "application/x-yaml" },
	{ PART_VIDEO, "mp4", "video/mp4" },
	{ PART_VIDEO, "mov", "video/quicktime" },
	{ PART_VIDEO, "mkv", "video/x-matroska" },
	{ PART_VIDEO, "webm", "video/webm" },
	{ PART_VIDEO, "flv", "video/x-flv" },
	{ PART_VIDEO, "mpeg", "video/mpeg" },
	{ PART_VIDEO, "mpg", "video/mpeg" },
	{ PART_VIDEO, "wmv", "video/x-ms-wmv" },
	{ PART_VIDEO, "three_gp", "video/3gpp" },
	{ PART_AUDIO, "mp3", "audio/mpeg" },
	{ PART_AUDIO, "mp3", "audio/mp3" },
	{ PART_AUDIO, "wav", "audio/wav" },
	{ PART_AUDIO, "wav", "audio/x-wav" },
	{ PART_AUDIO, "aac", "audio/aac" },
	{ PART_AUDIO, "x-aac", "audio/x-aac" },
	{ PART_AUDIO, "flac", "audio/flac" },
	{ PART_AUDIO, "ogg", "audio/ogg" },
	{ PART_AUDIO, "opus", "audio/opus" },
	{ PART_AUDIO, "m4a", "audio/mp4" },
	{ PART_AUDIO, "m4a", "audio/m4a" },
	{ PART_AUDIO, "mp4", "audio/mp4" },
	{ PART_AUDIO, "mkv", "audio/x-matroska" },
	{ PART_AUDIO, "mka", "audio/x-matroska" },
	{ PART_AUDIO, "mpeg", "audio/mpeg" },
	{ PART_AUDIO, "mpga", "audio/mpeg" },
	{ PART_AUDIO, "pcm", "audio/pcm" },
	{ PART_AUDIO, "webm", "audio/webm" },
};

struct slice bedrock_mime_of(enum part_kind kind, struct slice format, struct arena *a)
{
	for (size_t i = 0; i < COUNT_OF(formats); i++)
		if (formats[i].kind == kind && slice_eq(format, slice_cstr(formats[i].format)))
			return slice_cstr(formats[i].mime);
	if (format.len == 0 || kind == PART_DOCUMENT)
		return (struct slice){ 0 };
	return arena_printf(a, "%s/%.*s",
			    kind == PART_IMAGE   ? "image"
			    : kind == PART_VIDEO ? "video"
						 : "audio",
			    SLICE_ARG(format));
}

const char *bedrock_format_of(enum part_kind kind, struct slice mime)
{
	struct slice rest = mime, type = slice_trim(slice_next_token(&rest, ';'));

	for (size_t i = 0; i < COUNT_OF(formats); i++)
		if (formats[i].kind == kind && slice_eq_nocase(type, slice_cstr(formats[i].mime)))
			return formats[i].format;
	/* Any other text is one. */
	return kind == PART_DOCUMENT && slice_starts_with(type, SLICE("text/")) ? "txt" : NULL;
}
