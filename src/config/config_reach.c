/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that are never reached: an earlier one takes every request that they would match. */
#include "config/config_internal.h"

enum { REACH_EFFORT = 2000000 };       /* comparisons; what is not looked at counts as reached */

/* Every text that the narrow pattern matches is matched by the wide one: its `*` can only fall to a `*`. */
static bool pattern_covers(struct slice wide, struct slice narrow)
{
	return slice_matches_glob(narrow, wide);
}

static bool lists_cover(const struct slice *wide, unsigned wide_count, const struct slice *narrow,
			unsigned narrow_count, unsigned *effort)
{
	if (wide_count == 0)
		return true;
	for (unsigned i = 0; i < narrow_count; i++) {
		bool covered = false;

		for (unsigned k = 0; k < wide_count && !covered && *effort > 0; k++, --*effort)
			covered = pattern_covers(wide[k], narrow[i]);
		if (!covered)
			return false;
	}
	return narrow_count > 0;
}

static bool ranges_cover(bool has_wide, const struct token_range *wide, bool has_narrow,
			 const struct token_range *narrow)
{
	return !has_wide || (has_narrow && wide->low <= narrow->low && wide->high >= narrow->high);
}

static bool headers_cover(const struct match *wide, const struct match *narrow, unsigned *effort)
{
	for (unsigned i = 0; i < wide->header_count; i++) {
		bool covered = false;

		for (unsigned k = 0; k < narrow->header_count && !covered && *effort > 0; k++, --*effort)
			covered = slice_eq(wide->headers[i].name, narrow->headers[k].name) &&
				  pattern_covers(wide->headers[i].pattern, narrow->headers[k].pattern);
		if (!covered)
			return false;
	}
	return true;
}

/* 0 is every one of them. */
static bool bits_cover(uint32_t wide, uint32_t narrow)
{
	return wide == 0 || (narrow != 0 && (narrow & ~wide) == 0);
}

static bool match_covers(const struct match *wide, const struct match *narrow, unsigned *effort)
{
	return bits_cover(wide->dialects, narrow->dialects) && bits_cover(wide->hours, narrow->hours) &&
	       (wide->stream == CONDITION_ANY || wide->stream == narrow->stream) &&
	       (wide->needs & ~narrow->needs) == 0 && (wide->needs_not & ~narrow->needs_not) == 0 &&
	       ranges_cover(wide->has_prompt_length, &wide->prompt_length, narrow->has_prompt_length,
			    &narrow->prompt_length) &&
	       ranges_cover(wide->has_max_tokens, &wide->max_tokens, narrow->has_max_tokens, &narrow->max_tokens) &&
	       lists_cover(wide->models, wide->model_count, narrow->models, narrow->model_count, effort) &&
	       lists_cover(wide->keys, wide->key_count, narrow->keys, narrow->key_count, effort) &&
	       lists_cover(wide->tags, wide->tag_count, narrow->tags, narrow->tag_count, effort) &&
	       lists_cover(wide->regions, wide->region_count, narrow->regions, narrow->region_count, effort) &&
	       headers_cover(wide, narrow, effort);
}

static bool matches_everything(const struct match *m, unsigned *effort)
{
	static const struct match everything;

	return match_covers(m, &everything, effort);
}

void reach_check(struct reader *r, const struct yaml *places)
{
	const struct routing *routing = &r->config->routing;
	unsigned effort = REACH_EFFORT;

	for (unsigned i = 1; i < routing->rule_count; i++) {
		for (unsigned k = 0; k < i && effort > 0; k++, effort--) {
			const struct rule *before = &routing->rules[k];

			if (!match_covers(&before->match, &routing->rules[i].match, &effort))
				continue;
			warning(r, places[i], "this rule is never reached: %.*s before it matches %s", SLICE_ARG(before->route),
				matches_everything(&before->match, &effort) ? "everything" : "all that this one does");
			break;
		}
	}
}
