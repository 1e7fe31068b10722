/* SPDX-License-Identifier: Apache-2.0 */
/* Matches model names against the compiled rows of catalogue/rules.yaml. */
#include "provider/rules.h"

enum { NAME_MAX_LENGTH = 256 };        /* longer names are nobody's: an ARN of Bedrock has at most 200 */

static bool begins_name(struct slice s, size_t at)
{
	return at == 0 || s.ptr[at - 1] == '/' || s.ptr[at - 1] == '.' || s.ptr[at - 1] == ':';
}

/* The name that begins there: up to a tag (":free", ":32b", "-v1:0") or a version ("@20251101"). */
static struct slice name_at(struct slice s, size_t at)
{
	size_t end = at;

	while (end < s.len && s.ptr[end] != ':' && s.ptr[end] != '@')
		end++;
	return slice_of(s.ptr + at, end - at);
}

static bool fits(const struct rule_row *row, struct slice name)
{
	/* Nearly all globs begin with a letter that the name does not: ids sent as written are looked up per request.
	 */
	for (const char *const *glob = row->globs; *glob; glob++)
		if ((**glob == '*' || **glob == name.ptr[0]) && slice_matches_glob(name, slice_cstr(*glob)))
			return true;
	return false;
}

static bool fits_anywhere(const struct rule_row *row, struct slice s)
{
	for (size_t at = 0; at < s.len; at++) {
		struct slice name;

		if (!begins_name(s, at))
			continue;
		name = name_at(s, at);
		if (name.len > 0 && fits(row, name))
			return true;
	}
	return false;
}

const struct rule_row *rules_find_row(struct slice provider, struct slice name)
{
	char lower[NAME_MAX_LENGTH];

	if (name.len == 0 || name.len > sizeof(lower))
		return NULL;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? (char)(name.ptr[i] - 'A' + 'a') : name.ptr[i];
	for (unsigned i = 0; i < rule_row_count; i++) {
		const struct rule_row *row = &rule_rows[i];

		if (row->provider && !slice_eq(slice_cstr(row->provider), provider))
			continue;
		if (fits_anywhere(row, slice_of(lower, name.len)))
			return row;
	}
	return NULL;
}

/* What a provider wants of every model that no row names: a row without globs. */
static const struct rule_row *row_of_all_others(struct slice provider)
{
	for (unsigned i = 0; i < rule_row_count; i++) {
		const struct rule_row *row = &rule_rows[i];

		if (!row->globs[0] && row->provider && slice_eq(slice_cstr(row->provider), provider))
			return row;
	}
	return NULL;
}

const struct model_rules *rules_find(struct slice provider, struct slice public_id, struct slice own_id)
{
	const struct rule_row *row = rules_find_row(provider, public_id);

	if (!row && !slice_eq(own_id, public_id))
		row = rules_find_row(provider, own_id);
	if (!row)
		row = row_of_all_others(provider);
	return row ? &row->rules : &model_rules_unknown;
}
