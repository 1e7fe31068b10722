/* SPDX-License-Identifier: Apache-2.0 */
/* What a piece of media is, when its sender did not say. */
#include "llm/chat.h"

bool media_read_data_url(struct slice url, struct slice *ret_mime, struct slice *ret_data)
{
	struct slice rest, head, parameters;

	if (url.len < 5 || !slice_eq_nocase(slice_of(url.ptr, 5), SLICE("data:")))
		return false;
	rest = slice_after(url, 5);
	head = slice_next_token(&rest, ',');
	if (!rest.ptr || !slice_ends_with(head, SLICE(";base64")))
		return false;
	parameters = slice_of(head.ptr, head.len - 7);
	*ret_mime = slice_next_token(&parameters, ';');
	*ret_data = rest;
	return true;
}

/* Beginnings of files as base64 shows them: three bytes are four characters. */
static const struct { const char *start, *mime; } signatures[] = {
	{ "iVBORw0KGgo", "image/png" },
	{ "/9j/", "image/jpeg" },
	{ "R0lGOD", "image/gif" },
	{ "UklGR", NULL },                 /* RIFF: WebP or WAV, told apart below */
	{ "Qk", "image/bmp" },
	{ "SUkqA", "image/tiff" },
	{ "JVBERi0", "application/pdf" },
	{ "SUQz", "audio/mpeg" },
	{ "//uQ", "audio/mpeg" },
	{ "//vQ", "audio/mpeg" },
	{ "T2dnU", "audio/ogg" },
	{ "ZkxhQ", "audio/flac" },
	{ "GkXfo", "video/webm" },
	{ "AAAA", NULL },                  /* ISO media: ftyp at byte 4 */
	{ "UEsDB", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
};

static const struct { const char *ending, *mime;
} endings[] = {
	{ ".png", "image/png" },
	{ ".jpg", "image/jpeg" },
	{ ".jpeg", "image/jpeg" },
	{ ".gif", "image/gif" },
	{ ".webp", "image/webp" },
	{ ".bmp", "image/bmp" },
	{ ".heic", "image/heic" },
	{ ".heif", "image/heif" },
	{ ".pdf", "application/pdf" },
	{ ".txt", "text/plain" },
	{ ".md", "text/markdown" },
	{ ".csv", "text/csv" },
	{ ".html", "text/html" },
	{ ".htm", "text/html" },
	{ ".json", "application/json" },
	{ ".doc", "application/msword" },
	{ ".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
	{ ".xls", "application/vnd.ms-excel" },
	{ ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
	{ ".wav", "audio/wav" },
	{ ".mp3", "audio/mpeg" },
	{ ".ogg", "audio/ogg" },
	{ ".flac", "audio/flac" },
	{ ".m4a", "audio/mp4" },
	{ ".aac", "audio/aac" },
	{ ".mp4", "video/mp4" },
	{ ".mov", "video/quicktime" },
	{ ".webm", "video/webm" },
	{ ".mkv", "video/x-matroska" },
	{ ".mpeg", "video/mpeg" },
	{ ".mpg", "video/mpeg" },
	{ ".avi", "video/x-msvideo" },
	{ ".flv", "video/x-flv" },
	{ ".wmv", "video/x-ms-wmv" },
	{ ".3gp", "video/3gpp" },
};

/* RIFF's kind stands at byte 8, "ftyp" at byte 4; compared from the first character that holds nothing of the byte
 * before. */
static struct slice guess_container(struct slice data)
{
	if (data.len < 16)
		return SLICE("");
	if (slice_starts_with(data, SLICE("UklGR"))) {
		struct slice kind = slice_of(data.ptr + 11, 5);

		return slice_eq(kind, SLICE("XRUJQ"))   ? SLICE("image/webp")
		       : slice_eq(kind, SLICE("XQVZF")) ? SLICE("audio/wav")
							: SLICE("");
	}
	return slice_eq(slice_of(data.ptr + 6, 4), SLICE("Z0eX")) ? SLICE("video/mp4") : SLICE("");
}

static struct slice guess_by_ending(struct slice name)
{
	size_t mark = slice_find(name, SLICE("?"));

	if (mark != SIZE_MAX)
		name.len = mark;
	for (unsigned i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		struct slice ending = slice_cstr(endings[i].ending);

		if (name.len > ending.len &&
		    slice_eq_nocase(slice_after(name, name.len - ending.len), ending))
			return slice_cstr(endings[i].mime);
	}
	return SLICE("");
}

struct slice media_guess_mime(const struct media *m)
{
	struct slice by_name;

	if (m->mime.len > 0)
		return m->mime;
	if (m->source == MEDIA_TEXT)
		return SLICE("text/plain");
	if (m->source == MEDIA_DATA)
		for (unsigned i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
			if (slice_starts_with(m->value, slice_cstr(signatures[i].start))) {
				struct slice mime = signatures[i].mime ? slice_cstr(signatures[i].mime)
								       : guess_container(m->value);

				if (mime.len > 0)
					return mime;
			}
	by_name = guess_by_ending(m->name);
	return by_name.len > 0 || m->source != MEDIA_URL ? by_name : guess_by_ending(m->value);
}

enum part_kind media_part_kind(struct slice mime)
{
	if (slice_starts_with(mime, SLICE("image/")))
		return PART_IMAGE;
	if (slice_starts_with(mime, SLICE("audio/")))
		return PART_AUDIO;
	if (slice_starts_with(mime, SLICE("video/")))
		return PART_VIDEO;
	return PART_DOCUMENT;
}
