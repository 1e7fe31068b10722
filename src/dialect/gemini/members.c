/* SPDX-License-Identifier: Apache-2.0 */
/* Names of members, in both of the spellings that proto3 JSON takes. */
#include "dialect/gemini/gemini.h"

enum { NAME_MAX_BYTES = 64 };          /* of a member of ours; the longest is below 32 */

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

struct json gemini_get(struct json object, const char *camel)
{
	struct json v = json_member(object, slice_cstr(camel));
	char snake[NAME_MAX_BYTES];
	size_t len = 0;
	bool differs = false;

	if (json_exists(v))
		return v;
	for (const char *c = camel; *c && len < NAME_MAX_BYTES - 2; c++) {
		if (is_upper(*c)) {
			snake[len++] = '_';
			differs = true;
		}
		snake[len++] = is_upper(*c) ? (char)(*c - 'A' + 'a') : *c;
	}
	return differs ? json_member(object, slice_of(snake, len)) : v;
}

struct slice gemini_key(struct json key, struct arena *a)
{
	struct slice name = json_text(key, a);
	size_t len = 0;
	char *camel;

	/* "_responseJsonSchema" is a name of its own. */
	if (name.len < 2 || slice_find(slice_after(name, 1), SLICE("_")) == SIZE_MAX)
		return name;
	camel = arena_alloc(a, name.len);
	for (size_t i = 0; i < name.len; i++) {
		bool joint = i > 0 && name.ptr[i] == '_' && i + 1 < name.len;

		if (joint)
			i++;
		bool raised = joint && name.ptr[i] >= 'a' && name.ptr[i] <= 'z';
		camel[len++] = raised ? (char)(name.ptr[i] - 'a' + 'A') : name.ptr[i];
	}
	return slice_of(camel, len);
}
