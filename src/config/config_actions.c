/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule does, and an entry of `models` as well: where a request goes, in which order, and what happens when that
 * fails. One table of keys for both. */
#include "config/config_internal.h"
#include "config/config_notation.h"

const char *action_name(enum action a)
{
	static const char *const names[ACTION_COUNT] = { "try",       "split",       "sticky",   "prefer",     "mirror",
							 "hedge",     "slow_stream", "require",  "on",         "rescue",
							 "when_down", "wait",        "affinity", "unsupported" };

	return names[a];
}

static struct actions *said(void *into, enum action a, struct yaml v)
{
	struct actions_draft *d = into;

	d->said[a] = v;
	return d->actions;
}

static void read_try(struct reader *r, struct yaml v, void *into)
{
	struct actions *actions = said(into, ACTION_TRY, v);

	targets_read(r, v, "'try'", ((struct actions_draft *)into)->self, &actions->try);
}

/* Read in split_finish(), when it is known how many targets there are. */
static void keep_split(struct reader *r, struct yaml v, void *into)
{
	said(into, ACTION_SPLIT, v);
}

static void read_sticky(struct reader *r, struct yaml v, void *into)
{
	static const char *const words[] = { "session", "user", "key", "none", NULL };
	unsigned word;

	if (value_word(r, v, words, NULL, &word))
		said(into, ACTION_STICKY, v)->sticky = (enum sticky)word;
}

/* { cheapest: 2, fastest: 1 } */
static void prefer_weights(struct reader *r, struct yaml v, const char *const *words, struct actions *ret)
{
	struct yaml_member *members;
	unsigned count = yaml_members(r, v, "'prefer'", &members), word;

	for (unsigned i = 0; i < count; i++) {
		double weight;

		if (!value_word(r, members[i].place, words, NULL, &word) ||
		    !value_number(r, members[i].value, WEIGHT_MAX, &weight))
			continue;
		if (weight > 0)
			ret->prefer[word] = weight;
		else
			problem(r, members[i].value, "a weight of 0 says nothing: leave '%s' out", words[word]);
	}
	if (count == 0)
		problem(r, v, "'prefer' is empty: name what to prefer, or leave it out");
}

static void read_prefer(struct reader *r, struct yaml v, void *into)
{
	struct actions *actions = said(into, ACTION_PREFER, v);
	const char *words[PREFER_COUNT + 1] = { NULL };
	unsigned word;

	for (unsigned i = 0; i < PREFER_COUNT; i++)
		words[i] = prefer_name((enum prefer)i);
	actions->has_preference = true;
	if (yaml_kind(v) == YAML_LIST)
		problem(r, v, "several preferences need weights: { cheapest: 2, fastest: 1 }");
	else if (yaml_kind(v) == YAML_MAP)
		prefer_weights(r, v, words, actions);
	else if (value_word(r, v, words, NULL, &word))
		actions->prefer[word] = 1;
}

static void read_mirror_to(struct reader *r, struct yaml v, void *into)
{
	struct actions_draft *d = into;
	struct try_item *target = arena_new(r->arena, struct try_item);
	struct slice word;

	if (value_text(r, v, &word) && target_resolve(r, v, word, d->self, target))
		d->actions->mirror.target = target;
}

static void read_mirror_share(struct reader *r, struct yaml v, void *into)
{
	value_share(r, v, &((struct actions_draft *)into)->actions->mirror.share);
}

static const struct key mirror_keys[] = {
	{ "to", "target", "required", "Who gets a copy: a target as in `try`.", read_mirror_to },
	{ "share", "share", "100%", "Of the requests, drawn by lot.", read_mirror_share },
	{ 0 }
};
const struct section section_mirror = { "routing[].mirror", "'mirror'", mirror_keys, NULL };

static void read_mirror(struct reader *r, struct yaml v, void *into)
{
	struct actions *actions = said(into, ACTION_MIRROR, v);
	unsigned errors = r->report->errors;

	actions->mirror.share = SHARE_WHOLE;
	if (yaml_kind(v) != YAML_MAP)
		read_mirror_to(r, v, into);
	else
		section_read(r, &section_mirror, v, into);
	if (!actions->mirror.target && r->report->errors == errors)
		problem(r, v, "'mirror' needs a target: { to: TARGET, share: 5%% }");
}

static void read_slow_stream(struct reader *r, struct yaml v, void *into)
{
	struct actions *actions = said(into, ACTION_SLOW_STREAM, v);

	actions->slow_stream_said = true;
	slow_stream_read(r, v, &actions->slow_stream);
}

static void read_hedge(struct reader *r, struct yaml v, void *into)
{
	struct actions *actions = said(into, ACTION_HEDGE, v);

	actions->hedge_said = true;
	hedge_read(r, v, &actions->hedge);
}

static void read_require_region(struct reader *r, struct yaml v, void *into)
{
	require_regions_read(r, v, into);
}

static void read_require_zero_retention(struct reader *r, struct yaml v, void *into)
{
	value_bool(r, v, &((struct require *)into)->zero_retention);
}

static const struct key require_keys[] = {
	{ "region", "word, or a list", "anywhere", "Only providers whose `region` is one of these.", read_require_region },
	{ "zero_retention", "true or false", "false", "Only providers that say `zero_retention: true`.",
	  read_require_zero_retention },
	{ 0 }
};
const struct section section_require = { "routing[].require", "'require'", require_keys, NULL };

static void read_require(struct reader *r, struct yaml v, void *into)
{
	section_read(r, &section_require, v, &said(into, ACTION_REQUIRE, v)->require);
}

static void read_cause(struct reader *r, struct yaml v, void *into, enum cause cause)
{
	struct actions_draft *d = into;

	targets_read(r, v, arena_printf(r->arena, "'%s'", cause_name(cause)).ptr, d->self, &d->actions->on[cause]);
}

static void read_on_context_length(struct reader *r, struct yaml v, void *into)
{
	read_cause(r, v, into, CAUSE_CONTEXT_LENGTH);
}

static void read_on_content_filter(struct reader *r, struct yaml v, void *into)
{
	read_cause(r, v, into, CAUSE_CONTENT_FILTER);
}

static void read_on_rate_limit(struct reader *r, struct yaml v, void *into)
{
	read_cause(r, v, into, CAUSE_RATE_LIMIT);
}

static void read_on_timeout(struct reader *r, struct yaml v, void *into)
{
	read_cause(r, v, into, CAUSE_TIMEOUT);
}

static void read_on_error(struct reader *r, struct yaml v, void *into)
{
	read_cause(r, v, into, CAUSE_ERROR);
}

static const struct key on_keys[] = {
	{ "context_length", "list", "a target with a larger context", "The prompt does not fit.", read_on_context_length },
	{ "content_filter", "list", "none", "Refused by the provider's policy filter.", read_on_content_filter },
	{ "rate_limit", "list", "the next of `try`", "429, overloaded, or the quota is gone.", read_on_rate_limit },
	{ "timeout", "list", "the next of `try`", "It took longer than the provider's `timeout`.", read_on_timeout },
	{ "error", "list", "the next of `try`", "Every other fault after which another target is tried.", read_on_error },
	{ 0 }
};
const struct section section_on = { "routing[].on", "'on'", on_keys, NULL };

static void read_on(struct reader *r, struct yaml v, void *into)
{
	said(into, ACTION_ON, v);
	section_read(r, &section_on, v, into);
}

static void read_rescue(struct reader *r, struct yaml v, void *into)
{
	rescue_read(r, v, &said(into, ACTION_RESCUE, v)->rescue);
}

static void read_when_down(struct reader *r, struct yaml v, void *into)
{
	when_down_read(r, v, &said(into, ACTION_WHEN_DOWN, v)->when_down);
}

static void read_wait(struct reader *r, struct yaml v, void *into)
{
	wait_read(r, v, &said(into, ACTION_WAIT, v)->wait);
}

static void read_affinity(struct reader *r, struct yaml v, void *into)
{
	value_condition(r, v, &said(into, ACTION_AFFINITY, v)->affinity);
}

static void read_unsupported(struct reader *r, struct yaml v, void *into)
{
	unsupported_read(r, v, &said(into, ACTION_UNSUPPORTED, v)->unsupported);
}

static void read_name(struct reader *r, struct yaml v, void *into)
{
	struct slice name;

	if (!value_text(r, v, &name))
		return;
	if (name.len == 0 || name.len > 128 || !http_value_is_clean(name))
		problem(r, v, "a name has 1 to 128 characters");
	else
		*((struct actions_draft *)into)->route = name;
}

static const struct key action_keys[] = {
	{ "try", "list", "what would be tried without the rule",
	  "Targets in order: a provider, `provider/model`, a model, or an entry of `models`.", read_try },
	{ "split", "weights, or map of target: weight", "in order",
	  "Which target is tried first is drawn by weight; the others follow as listed.", keep_split },
	{ "sticky", "session, user, key or none", "session", "Whose requests go the same way at a `split`.",
	  read_sticky },
	{ "prefer", "word, or map of word: weight", "the order of `try`, or priority",
	  "Orders the candidates: `cheapest`, `fastest`, `fastest_throughput`, `quality`, `least_busy`, `priority`, `nearest`.",
	  read_prefer },
	{ "mirror", "target, or map", "none", "Another target gets a copy of the request; its answer is thrown away.",
	  read_mirror },
	{ "hedge", "true, false or map", "`defaults.hedge`",
	  "When the first content is late, a second target is asked as well; the first to answer wins.", read_hedge },
	{ "slow_stream", "true, false or map", "`defaults.slow_stream`",
	  "A stream that begins slower is given up for the next target before the client sees any of it.", read_slow_stream },
	{ "require", "map", "nothing", "What every target must be, whichever way it came into the list.", read_require },
	{ "on", "map of cause: list", "the next of `try`", "Other targets to go on with, by what went wrong.", read_on },
	{ "rescue", "off, hold, replay, continue, or a list", "`defaults.rescue`",
	  "What becomes of a stream that breaks after content.", read_rescue },
	{ "when_down", "least_bad, wait or refuse", "`defaults.when_down`",
	  "What happens when every target rests or is saturated.", read_when_down },
	{ "wait", "map", "`defaults.wait`", "How requests stand in line; means `when_down: wait`.", read_wait },
	{ "affinity", "true or false", "unless `try` gives the order",
	  "A conversation goes where its last answer came from.", read_affinity },
	{ "unsupported", "drop or refuse", "`defaults.unsupported`", "Tuning that a target cannot be told.", read_unsupported },
	{ "name", "text", "rule-N, or the entry's name", "The `route` in records.", read_name },
	{ "on_exhaust", "", "", "", NULL },
	{ "cache", "", "", "", NULL },
	{ "timeout", "", "", "", NULL },
	{ 0 }
};
const struct section section_actions = { "routing[]", "a rule", action_keys, NULL };

void actions_init(struct actions_draft *d, struct reader *r, struct yaml place, struct slice *route,
		  struct actions *actions)
{
	const struct actions *defaults = &r->config->routing.defaults;

	*d = (struct actions_draft){ .actions = actions, .route = route, .place = place, .errors = r->report->errors };
	/* What a rule says of these is read over what the defaults say. */
	actions->hedge = (struct hedge){ .after_ms = defaults->hedge.after_ms, .share = defaults->hedge.share };
	actions->wait = defaults->wait;
}

/* `split: { a: 10, b: 90 }` */
static void split_by_target(struct reader *r, struct actions_draft *d, struct yaml v)
{
	struct actions *actions = d->actions;
	struct yaml_member *members;
	unsigned count = yaml_members(r, v, "'split'", &members);

	if (d->said[ACTION_TRY].line) {
		problem(r, v, "these targets of 'split' stand for 'try': leave one of the two out");
		return;
	}
	if (count == 0 || count > CONFIG_TARGETS_MAX) {
		problem(r, v, "'split' has 1 to %d targets and their weights", CONFIG_TARGETS_MAX);
		return;
	}
	actions->try.items = arena_array(r->arena, struct try_item, count);
	actions->split = arena_array(r->arena, uint32_t, count);
	for (unsigned i = 0; i < count; i++) {
		struct try_item *item = &actions->try.items[actions->try.count];
		int64_t weight;

		if (!target_resolve(r, members[i].place, members[i].key, d->self, item) ||
		    !value_integer(r, members[i].value, 0, WEIGHT_MAX, &weight))
			continue;
		actions->split[actions->try.count++] = (uint32_t)weight;
	}
}

/* `split: 10/90`, of the targets in `try` */
static void split_by_place(struct reader *r, struct actions_draft *d, struct yaml v)
{
	struct actions *actions = d->actions;
	struct slice text;
	unsigned count;

	actions->split = arena_array(r->arena, uint32_t, CONFIG_TARGETS_MAX);
	if (yaml_kind(v) == YAML_LIST) {
		problem(r, v, "weights are written as 10/90, or as a map: { TARGET: 10, TARGET: 90 }");
	} else if (value_text(r, v, &text)) {
		if (!weights_parse(text, CONFIG_TARGETS_MAX, actions->split, &count))
			problem(r, v, "'%.*s' should be weights such as 10/90, each a whole number up to %d",
				SLICE_ARG(yaml_text(v)), WEIGHT_MAX);
		else if (!d->said[ACTION_TRY].line)
			problem(r, v, "these weights are of the targets in 'try', which is missing");
		else if (r->report->errors == d->errors && count != actions->try.count)
			problem(r, v, "'split' has %u weight%s, but 'try' has %u target%s", count, count == 1 ? "" : "s",
				actions->try.count, actions->try.count == 1 ? "" : "s");
	}
}

static void split_finish(struct reader *r, struct actions_draft *d)
{
	struct yaml v = d->said[ACTION_SPLIT];
	uint64_t sum = 0;

	if (!v.line) {
		if (d->said[ACTION_STICKY].line)
			problem(r, d->said[ACTION_STICKY], "'sticky' belongs to a 'split', and there is none");
		return;
	}
	if (d->said[ACTION_PREFER].line)
		problem(r, d->said[ACTION_PREFER], "'split' and 'prefer' both say who comes first: leave one out");
	if (yaml_kind(v) == YAML_MAP)
		split_by_target(r, d, v);
	else
		split_by_place(r, d, v);
	for (unsigned i = 0; d->actions->split && i < d->actions->try.count; i++)
		sum += d->actions->split[i];
	if (sum == 0 && r->report->errors == d->errors)
		problem(r, v, "all weights are 0: nobody would ever be drawn");
}

/* A bare provider in an entry has the entry's own name as its model there. */
static void check_bare_providers(struct reader *r, const struct actions_draft *d, struct yaml where,
				 const struct try_item *items, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct provider *p = items[i].provider;

		if (items[i].kind == TRY_PROVIDER && !provider_find_offer(p, d->self))
			problem(r, where, "'%.*s' does not list '%.*s': say which of its models, as %.*s/MODEL",
				SLICE_ARG(p->name), SLICE_ARG(d->self), SLICE_ARG(p->name));
	}
}

void actions_finish(struct reader *r, struct actions_draft *d)
{
	const struct actions *actions = d->actions;
	struct yaml list = d->said[ACTION_TRY].line ? d->said[ACTION_TRY] : d->said[ACTION_SPLIT];

	split_finish(r, d);
	wait_finish(r, d->said[ACTION_WAIT], &d->actions->when_down);
	if (d->self.len == 0)
		return;
	check_bare_providers(r, d, list, actions->try.items, actions->try.count);
	check_bare_providers(r, d, d->said[ACTION_MIRROR], actions->mirror.target, actions->mirror.target ? 1 : 0);
	for (unsigned i = 0; i < CAUSE_COUNT; i++)
		check_bare_providers(r, d, d->said[ACTION_ON], actions->on[i].items, actions->on[i].count);
}
