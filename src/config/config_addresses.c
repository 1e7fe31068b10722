/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue's base URLs, some of which need a fact about the account: ${A|B} is an environment variable (the first
 * that is set), ${A:-word} one with a default, ${A=word} one that must be that word (catalogue/providers.yaml). */
#include <stdlib.h>
#include "base/buf.h"
#include "config/config_internal.h"

enum { ADDRESS_MAX = 4096 };

struct reference {
	struct slice names;            /* "A|B" */
	struct slice fallback;         /* behind ":-"; a NULL pointer without */
	struct slice wanted;           /* behind "="; a NULL pointer without */
};

/* The part between "${" and "}". */
static struct reference reference_read(struct slice inside)
{
	size_t fallback = slice_find(inside, SLICE(":-")), wanted = slice_find(inside, SLICE("="));

	if (fallback != SIZE_MAX)
		return (struct reference){ .names = slice_of(inside.ptr, fallback),
					   .fallback = slice_after(inside, fallback + 2) };
	if (wanted != SIZE_MAX)
		return (struct reference){ .names = slice_of(inside.ptr, wanted),
					   .wanted = slice_after(inside, wanted + 1) };
	return (struct reference){ .names = inside };
}

/* The value of the first variable that is set and not empty; without the slashes that people leave at the end. */
static struct slice variable_value(struct arena *a, struct slice names)
{
	while (names.ptr) {
		const char *value = getenv(arena_cstr(a, slice_next_token(&names, '|')));
		struct slice text = value ? slice_trim(slice_cstr(value)) : (struct slice){ 0 };

		while (text.len > 0 && text.ptr[text.len - 1] == '/')
			text.len--;
		if (text.len > 0)
			return text;
	}
	return (struct slice){ 0 };
}

/* DATABRICKS_HOST is written with and without its scheme: one that is there replaces the row's own. */
static bool append_value(struct buf *out, struct slice value)
{
	static const struct slice scheme = { "https://", 8 };

	if (slice_eq(buf_slice(out), scheme) && slice_find(value, SLICE("://")) != SIZE_MAX)
		buf_clear(out);
	return buf_append_slice(out, value);
}

/* False when a variable is missing (`ret_missing` names it) or another word is wanted. */
static bool append_reference(struct arena *a, struct slice inside, struct buf *out, struct slice *ret_missing)
{
	struct reference reference = reference_read(inside);
	struct slice names = reference.names, value = variable_value(a, names);

	if (!value.ptr)
		value = reference.fallback;
	if (!value.ptr) {
		*ret_missing = slice_next_token(&names, '|');
		return false;
	}
	return (!reference.wanted.ptr || slice_eq(value, reference.wanted)) && append_value(out, value);
}

static bool fill_in(struct arena *a, struct slice text, struct slice *ret, struct slice *ret_missing)
{
	_cleanup_(buf_done) struct buf out;
	size_t start, end;

	buf_init(&out, ADDRESS_MAX);
	while ((start = slice_find(text, SLICE("${"))) != SIZE_MAX) {
		struct slice rest = slice_after(text, start + 2);

		end = slice_find(rest, SLICE("}"));
		check(end != SIZE_MAX, "the catalogue's base URLs are well-formed");
		if (!buf_append(&out, text.ptr, start) ||
		    !append_reference(a, slice_of(rest.ptr, end), &out, ret_missing))
			return false;
		text = slice_after(rest, end + 1);
	}
	if (!buf_append_slice(&out, text))
		return false;
	*ret = arena_dup(a, buf_slice(&out));
	return true;
}

bool address_find(struct arena *a, const struct catalogue_binding *known, struct slice *ret, struct slice *ret_missing)
{
	struct slice missing = { 0 };

	*ret_missing = (struct slice){ 0 };
	for (const char *const *url = known->base_urls; *url; url++) {
		if (fill_in(a, slice_cstr(*url), ret, &missing))
			return true;
		/* The first form is the usual one: its first gap is what people should fill. */
		if (!ret_missing->ptr && missing.ptr)
			*ret_missing = arena_dup(a, missing);
	}
	return false;
}
