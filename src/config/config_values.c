/* SPDX-License-Identifier: Apache-2.0 */
/* Single values: text, numbers, durations, sizes, shares, words of a list. */
#include "config/config_internal.h"
#include "config/config_notation.h"

bool value_text(struct reader *r, struct yaml v, struct slice *ret)
{
	switch (yaml_kind(v)) {
	case YAML_NOTHING:
		if (!v.broken)
			problem(r, v, "a value is missing here");
		return false;
	case YAML_LIST:
	case YAML_MAP:
		problem(r, v, "a single value belongs here, not a %s", yaml_kind(v) == YAML_LIST ? "list" : "map");
		return false;
	case YAML_SCALAR:
		break;
	}
	return expand_text(r, v, yaml_text(v), ret);
}

bool value_integer(struct reader *r, struct yaml v, int64_t low, int64_t high, int64_t *ret)
{
	unsigned long long number;
	struct slice text;

	if (!value_text(r, v, &text))
		return false;
	if (!slice_to_u64(text, &number) || number > INT64_MAX || (int64_t)number < low || (int64_t)number > high) {
		problem(r, v, "'%.*s' should be a whole number from %lld to %lld", SLICE_ARG(yaml_text(v)),
			(long long)low, (long long)high);
		return false;
	}
	*ret = (int64_t)number;
	return true;
}

bool value_bool(struct reader *r, struct yaml v, bool *ret)
{
	struct slice text;

	if (!value_text(r, v, &text))
		return false;
	*ret = slice_eq(text, SLICE("true"));
	if (*ret || slice_eq(text, SLICE("false")))
		return true;
	problem(r, v, "'%.*s' should be true or false", SLICE_ARG(yaml_text(v)));
	return false;
}

bool value_condition(struct reader *r, struct yaml v, enum condition *ret)
{
	bool is;

	if (!value_bool(r, v, &is))
		return false;
	*ret = is ? CONDITION_TRUE : CONDITION_FALSE;
	return true;
}

bool value_number(struct reader *r, struct yaml v, double high, double *ret)
{
	struct slice text;
	uint64_t millionths;

	if (!value_text(r, v, &text))
		return false;
	if (!decimal_parse(text, 6, &millionths) || (double)millionths / 1e6 > high) {
		problem(r, v, "'%.*s' should be a number from 0 to %g", SLICE_ARG(yaml_text(v)), high);
		return false;
	}
	*ret = (double)millionths / 1e6;
	return true;
}

bool value_share(struct reader *r, struct yaml v, uint32_t *ret)
{
	struct slice text;

	if (!value_text(r, v, &text))
		return false;
	if (share_parse(text, ret))
		return true;
	problem(r, v, "'%.*s' should be a share such as 5%%, 0.5%% or 0.05, at most 100%%", SLICE_ARG(yaml_text(v)));
	return false;
}

void value_texts(struct reader *r, struct yaml v, const char *what, struct slice **ret, unsigned *ret_count)
{
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items);

	*ret_count = 0;
	if (count == 0 || count > CONFIG_TEXTS_MAX) {
		problem(r, v, "%s is one word or a list of 1 to %d", what, CONFIG_TEXTS_MAX);
		return;
	}
	*ret = arena_array(r->arena, struct slice, count);
	for (unsigned i = 0; i < count; i++) {
		struct slice *text = &(*ret)[*ret_count];

		if (!value_text(r, items[i], text))
			continue;
		if (text->len == 0)
			problem(r, items[i], "%s is empty here", what);
		else
			++*ret_count;
	}
}

bool header_name_parse(struct reader *r, struct slice text, struct slice *ret)
{
	char *name = arena_cstr(r->arena, text);

	for (char *c = name; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
		else if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_'))
			return false;
	}
	*ret = slice_cstr(name);
	return ret->len > 0 && ret->len == text.len;
}

struct unit {
	struct slice name;
	uint64_t factor;
};

/* "64MB": a whole number and its unit. Not found, zero or more than `high` is false. */
static bool scale(struct slice text, const struct unit *units, size_t unit_count, uint64_t high, uint64_t *ret)
{
	unsigned long long number;
	size_t digits = 0;

	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	if (!slice_to_u64(slice_of(text.ptr, digits), &number) || number == 0)
		return false;
	for (size_t i = 0; i < unit_count; i++) {
		if (!slice_eq(slice_trim(slice_after(text, digits)), units[i].name))
			continue;
		*ret = number * units[i].factor;
		return number <= high / units[i].factor;
	}
	return false;
}

bool value_duration(struct reader *r, struct yaml v, int64_t *ret_ms)
{
	static const struct unit units[] = {
		{ SLICE("ms"), 1 }, { SLICE("s"), 1000 }, { SLICE("m"), 60000 }, { SLICE("h"), 3600000 },
	};
	struct slice text;
	uint64_t ms;

	if (!value_text(r, v, &text))
		return false;
	if (!scale(text, units, COUNT_OF(units), UINT64_C(7) * 24 * 3600000, &ms)) {
		problem(r, v, "'%.*s' should be a duration such as 250ms, 20s, 10m or 1h (at most a week)",
			SLICE_ARG(yaml_text(v)));
		return false;
	}
	*ret_ms = (int64_t)ms;
	return true;
}

bool value_size(struct reader *r, struct yaml v, size_t *ret)
{
	static const struct unit units[] = {
		{ SLICE("B"), 1 },
		{ SLICE("KB"), UINT64_C(1) << 10 },
		{ SLICE("MB"), UINT64_C(1) << 20 },
		{ SLICE("GB"), UINT64_C(1) << 30 },
	};
	struct slice text;
	uint64_t size;

	if (!value_text(r, v, &text))
		return false;
	if (!scale(text, units, COUNT_OF(units), UINT64_C(1) << 40, &size)) {
		problem(r, v, "'%.*s' should be a size such as 512KB, 64MB or 1GB", SLICE_ARG(yaml_text(v)));
		return false;
	}
	*ret = (size_t)size;
	return true;
}

bool value_word(struct reader *r, struct yaml v, const char *const *words, const char *const *later, unsigned *ret)
{
	struct nearest near;
	struct slice text;

	if (!value_text(r, v, &text))
		return false;
	for (unsigned i = 0; words[i]; i++) {
		if (!slice_eq(text, slice_cstr(words[i])))
			continue;
		*ret = i;
		return true;
	}
	for (const char *const *word = later; word && *word; word++) {
		if (slice_eq(text, slice_cstr(*word))) {
			problem(r, v, "'%s' comes later: this version does not have it yet", *word);
			return false;
		}
	}
	nearest_init(&near, text);
	for (unsigned i = 0; words[i]; i++)
		nearest_offer(&near, slice_cstr(words[i]));
	if (near.best.ptr || !words[1])
		problem(r, v, "unknown word '%.*s'; did you mean '%s'?", SLICE_ARG(yaml_text(v)),
			near.best.ptr ? near.best.ptr : words[0]);
	else
		problem(r, v, "unknown word '%.*s'", SLICE_ARG(yaml_text(v)));
	return false;
}
