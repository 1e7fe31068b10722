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

static bool holds_at(const struct rule_row *row, struct slice provider)
{
	return !row->provider[0] || slice_eq(slice_cstr(row->provider), provider);
}

/* The first row before `end` of which a glob of that letter fits, or `end`. */
static unsigned first_fit(unsigned char letter, struct slice name, struct slice provider, unsigned end)
{
	const struct rule_glob *glob = &rule_globs[rule_glob_begins[letter]];

	for (; glob < &rule_globs[rule_glob_begins[letter + 1]] && glob->row < end; glob++)
		if (holds_at(&rule_rows[glob->row], provider) && slice_matches_glob(name, slice_cstr(glob->text)))
			return glob->row;
	return end;
}

const struct rule_row *rules_find_row(struct slice provider, struct slice name)
{
	enum { NONE = UINT16_MAX };
	unsigned row = NONE;
	char lower[NAME_MAX_LENGTH];

	if (name.len == 0 || name.len > sizeof(lower))
		return NULL;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? (char)(name.ptr[i] - 'A' + 'a') : name.ptr[i];
	name.ptr = lower;
	for (size_t at = 0; at < name.len; at++) {
		struct slice from;

		if (!begins_name(name, at))
			continue;
		from = name_at(name, at);
		if (from.len > 0 && (unsigned char)from.ptr[0] < RULE_LETTERS)
			row = first_fit((unsigned char)from.ptr[0], from, provider, row);
		if (from.len > 0)
			row = first_fit('*', from, provider, row);
	}
	return row == NONE ? NULL : &rule_rows[row];
}

/* What a provider wants of every model that no row names. */
static const struct rule_row *row_of_all_others(struct slice provider)
{
	for (unsigned i = 0; i < rule_rows_of_others_count; i++) {
		const struct rule_row *row = &rule_rows[rule_rows_of_others[i]];

		if (row->provider[0] && slice_eq(slice_cstr(row->provider), provider))
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
