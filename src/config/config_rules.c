/* SPDX-License-Identifier: Apache-2.0 */
/* `routing`: rules with what they match and what they then do. */
#include "config/config_internal.h"

enum { RULES_MAX = 10000, RULE_MODELS_MAX = 1000 };

struct rule_draft {
	struct rule *rule;
	struct yaml items;
};

static bool is_glob(struct slice s)
{
	return slice_find(s, SLICE("*")) != SIZE_MAX;
}

static bool name_is_known(const struct config *c, struct slice name)
{
	if (map_get(&c->routing.model_by_name, name))
		return true;
	for (unsigned i = 0; i < c->routing.provider_count; i++) {
		const struct provider *p = &c->routing.providers[i];
		struct slice rest = name, head = slice_next_token(&rest, '/');

		/* Without a list a provider takes any id: nothing can be said about a name then. */
		if (provider_find_offer(p, name) || (p->foreign && !p->lists_models) ||
		    (rest.ptr && slice_eq(head, p->name)))
			return true;
	}
	return slice_eq(name, SLICE("frontier")) || slice_eq(name, SLICE("fast")) || slice_eq(name, SLICE("cheap"));
}

static void read_model(struct reader *r, struct yaml v, void *into)
{
	struct rule *rule = ((struct rule_draft *)into)->rule;
	struct yaml *items;
	unsigned count = yaml_items(r, v, &items);

	if (count == 0 || count > RULE_MODELS_MAX) {
		problem(r, v, "'model' is a name, a pattern with '*', or a list of them");
		return;
	}
	rule->match.models = arena_array(r->arena, struct slice, count);
	for (unsigned i = 0; i < count; i++) {
		struct slice *name = &rule->match.models[rule->match.model_count];

		if (!value_text(r, items[i], name))
			continue;
		if (name->len == 0)
			problem(r, items[i], "a model's name is empty");
		else if (!is_glob(*name) && !name_is_known(r->config, *name))
			warning(r, items[i], "no provider lists '%.*s': this matches only a request that is refused",
				SLICE_ARG(yaml_text(items[i])));
		rule->match.model_count++;
	}
}

static bool tokens(struct slice s, int64_t *ret)
{
	unsigned long long number;

	if (!slice_to_u64(slice_trim(s), &number) || number > INT64_MAX / 2)
		return false;
	*ret = (int64_t)number;
	return true;
}

/* "<2000", "<=2000", ">2000", ">=2000", "1000..2000" (both ends included), "1000-2000" or "2000". */
static bool range_parse(struct slice text, struct token_range *ret)
{
	static const struct slice separators[] = { SLICE(".."), SLICE("-") };
	bool inclusive;

	*ret = (struct token_range){ .low = 0, .high = INT64_MAX };
	text = slice_trim(text);
	if (text.len > 1 && (text.ptr[0] == '<' || text.ptr[0] == '>')) {
		bool below = text.ptr[0] == '<';
		int64_t *end = below ? &ret->high : &ret->low;

		inclusive = text.ptr[1] == '=';
		if (!tokens(slice_after(text, inclusive ? 2 : 1), end))
			return false;
		if (!inclusive)
			*end += below ? -1 : 1;
		return ret->low <= ret->high;
	}
	for (size_t i = 0; i < COUNT_OF(separators); i++) {
		size_t at = slice_find(text, separators[i]);

		if (at != SIZE_MAX)
			return tokens(slice_of(text.ptr, at), &ret->low) &&
			       tokens(slice_after(text, at + separators[i].len), &ret->high) && ret->low <= ret->high;
	}
	if (!tokens(text, &ret->low))
		return false;
	ret->high = ret->low;
	return true;
}

static void read_prompt_length(struct reader *r, struct yaml v, void *into)
{
	struct rule *rule = ((struct rule_draft *)into)->rule;
	struct slice text;

	if (!value_text(r, v, &text))
		return;
	rule->match.has_prompt_length = true;
	if (!range_parse(text, &rule->match.prompt_length))
		problem(r, v, "'%.*s' should be a number of tokens such as \"<2000\", \">=8000\" or \"2000..8000\"",
			SLICE_ARG(yaml_text(v)));
}

static const struct key match_keys[] = {
	{ "model", "name or pattern, or a list", "every model",
	  "The name as asked, or the public id it resolves to. `*` stands for anything.", read_model },
	{ "prompt_length", "comparison or range", "any length",
	  "Estimated tokens: `<2000`, `<=2000`, `>2000`, `>=2000`, `1000..2000`.", read_prompt_length },
	{ "max_tokens", "", "", "", NULL },
	{ "dialect", "", "", "", NULL },
	{ "stream", "", "", "", NULL },
	{ "image", "", "", "", NULL },
	{ "audio", "", "", "", NULL },
	{ "document", "", "", "", NULL },
	{ "tools", "", "", "", NULL },
	{ "structured_output", "", "", "", NULL },
	{ "reasoning", "", "", "", NULL },
	{ "key", "", "", "", NULL },
	{ "team", "", "", "", NULL },
	{ "budget", "", "", "", NULL },
	{ "tag", "", "", "", NULL },
	{ "header", "", "", "", NULL },
	{ "region", "", "", "", NULL },
	{ "hour", "", "", "", NULL },
	{ 0 }
};
const struct section section_match = { "routing[].match", "'match'", match_keys };

static void read_match(struct reader *r, struct yaml v, void *into)
{
	section_read(r, &section_match, v, into);
}

static void read_try(struct reader *r, struct yaml v, void *into)
{
	struct rule_draft *d = into;

	d->items = v;
	try_read(r, v, SLICE(""), &d->rule->actions.try);
}

static void read_prefer(struct reader *r, struct yaml v, void *into)
{
	prefer_read(r, v, &((struct rule_draft *)into)->rule->actions);
}

static void read_name(struct reader *r, struct yaml v, void *into)
{
	route_name_read(r, v, &((struct rule_draft *)into)->rule->route);
}

/* As in `defaults`: what happens may be said. */
static void read_rescue(struct reader *r, struct yaml v, void *into)
{
	static const char *const words[] = { "off", NULL };
	static const char *const later[] = { "replay", "continue", "hold", NULL };
	unsigned ignored;

	value_word(r, v, words, later, &ignored);
}

static void read_unsupported(struct reader *r, struct yaml v, void *into)
{
	unsupported_read(r, v, &((struct rule_draft *)into)->rule->actions.unsupported);
}

static const struct key rule_keys[] = {
	{ "match", "map", "every request", "All that is said must hold.", read_match },
	{ "try", "list", "the candidates without the rule",
	  "Targets in order: a provider, `provider/model`, a model, or an entry of `models`.", read_try },
	{ "prefer", "cheapest", "the order of `try`, or priority", "Orders the candidates by estimated cost.",
	  read_prefer },
	{ "name", "text", "rule-N", "The `route` in records.", read_name },
	{ "rescue", "off", "off", "What happens when a stream breaks after content.", read_rescue },
	{ "unsupported", "drop or refuse", "defaults.unsupported", "Tuning that a target cannot be told.", read_unsupported },
	{ "split", "", "", "", NULL },
	{ "mirror", "", "", "", NULL },
	{ "hedge", "", "", "", NULL },
	{ "deny", "", "", "", NULL },
	{ "require", "", "", "", NULL },
	{ "on", "", "", "", NULL },
	{ "on_exhaust", "", "", "", NULL },
	{ "cache", "", "", "", NULL },
	{ "timeout", "", "", "", NULL },
	{ 0 }
};
const struct section section_rule = { "routing[]", "a rule", rule_keys };

static bool matches_everything(const struct rule *rule)
{
	return rule->match.model_count == 0 && !rule->match.has_prompt_length;
}

void rules_read(struct reader *r)
{
	struct config *c = r->config;
	struct yaml *items;
	unsigned count = yaml_items(r, r->routing, &items);

	if (count > RULES_MAX) {
		problem(r, r->routing, "more than %d rules", RULES_MAX);
		return;
	}
	c->routing.rules = arena_array(r->arena, struct rule, count);
	for (unsigned i = 0; i < count; i++) {
		struct rule *rule = &c->routing.rules[i];
		struct rule_draft d = { .rule = rule };
		unsigned errors = r->report->errors;

		rule->route = arena_printf(r->arena, "rule-%u", i + 1);
		section_read(r, &section_rule, items[i], &d);
		if (r->report->errors == errors && !d.items.line && !rule->actions.has_preference && !rule->actions.unsupported)
			problem(r, items[i], "a rule needs 'try', 'prefer' or 'unsupported'");
		if (r->report->errors == errors && i > 0 && matches_everything(&c->routing.rules[i - 1]))
			warning(r, items[i], "this rule is never reached: the one before it matches everything");
	}
	c->routing.rule_count = count;
}
