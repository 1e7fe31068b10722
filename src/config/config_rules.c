/* SPDX-License-Identifier: Apache-2.0 */
/* `routing`: rules, with what they match and what they then do. */
#include "config/config_internal.h"

enum { RULES_MAX = 10000, DENIAL_MAX = 1000 };

struct rule_draft {
	struct actions_draft actions;  /* first: section_actions reads into it */
	struct rule *rule;
	struct yaml deny;
};

static void read_match(struct reader *r, struct yaml v, void *into)
{
	match_read(r, v, &((struct rule_draft *)into)->rule->match);
}

static void read_deny(struct reader *r, struct yaml v, void *into)
{
	struct rule_draft *d = into;
	struct slice text;

	d->deny = v;
	if (!value_text(r, v, &text))
		return;
	if (text.len == 0 || text.len > DENIAL_MAX || slice_eq(text, SLICE("true")) || slice_eq(text, SLICE("false")))
		problem(r, v, "'deny' is the message that the client gets, 1 to %d bytes", DENIAL_MAX);
	else
		d->rule->actions.deny = text;
}

static const struct key rule_keys[] = {
	{ "match", "map", "every request", "All that is said must hold.", read_match },
	{ "deny", "text", "not denied", "The request is refused with 403, `weir_denied` and this message.", read_deny },
	{ 0 }
};
const struct section section_rule = { "routing[]", "a rule", rule_keys, &section_actions };

static bool says_anything(const struct rule_draft *d)
{
	bool any = d->deny.line != 0;

	for (unsigned i = 0; i < ACTION_COUNT; i++)
		any |= d->actions.said[i].line != 0;
	return any;
}

/* What is denied goes nowhere: nothing else can be said of it. */
static void check_denial(struct reader *r, const struct rule_draft *d)
{
	for (unsigned i = 0; d->deny.line && i < ACTION_COUNT; i++)
		if (d->actions.said[i].line)
			problem(r, d->actions.said[i], "'%s' beside 'deny': what is denied goes nowhere, leave one of the two out",
				action_name((enum action)i));
}

static void read_rule(struct reader *r, struct yaml v, struct rule *rule)
{
	struct rule_draft d = { .rule = rule };

	actions_init(&d.actions, r, v, &rule->route, &rule->actions);
	section_read(r, &section_rule, v, &d);
	actions_finish(r, &d.actions);
	check_denial(r, &d);
	require_check(r, &d.actions);
	if (r->report->errors == d.actions.errors && !says_anything(&d))
		problem(r, v, "a rule needs something to do, such as 'try', 'prefer' or 'deny'");
}

void rules_read(struct reader *r)
{
	struct config *c = r->config;
	struct yaml *items;
	unsigned count = yaml_items(r, r->routing, &items), errors = r->report->errors;

	if (count > RULES_MAX) {
		problem(r, r->routing, "more than %d rules", RULES_MAX);
		return;
	}
	c->routing.rules = arena_array(r->arena, struct rule, count);
	for (unsigned i = 0; i < count; i++) {
		c->routing.rules[i].route = arena_printf(r->arena, "rule-%u", i + 1);
		read_rule(r, items[i], &c->routing.rules[i]);
	}
	c->routing.rule_count = count;
	/* A condition that could not be read matches too much. */
	if (r->report->errors == errors)
		reach_check(r, items);
}
