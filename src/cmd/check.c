/* SPDX-License-Identifier: Apache-2.0 */
/* `weir check`: reads a configuration, prints what is wrong or doubtful in it, and which model stands in for which
 * wherever a rule sends a request to a provider that does not list the model. */
#include "cmd/cmd.h"
#include "cmd/config_file.h"
#include "cmd/terminal.h"

static int cmd_check(int argc, char **argv);

static const struct option check_options[] = {
	{ "config", 'c', "FILE", "the configuration (default: $WEIR_CONFIG, else ./weir.yaml, else none)", false },
	{ "quiet", 'q', NULL, "print problems only", false },
};

const struct command command_check = {
	.name = "check",
	.summary = "validate a configuration and show what its rules imply",
	.details = "Problems are printed as FILE:LINE:COLUMN: what is wrong, and what would be right. The exit status is 1\n"
		   "when there are errors; warnings alone leave it 0. Nothing is sent anywhere.",
	.options = check_options,
	.option_count = COUNT_OF(check_options),
	.run = cmd_check,
};

static int64_t rule_tokens(void *ctx)
{
	const struct rule *r = ctx;

	return r->match.has_prompt_length ? r->match.prompt_length.low : 0;
}

static struct slice first_of(const struct slice *list, unsigned count)
{
	return count > 0 ? list[0] : SLICE("");
}

/* A request for which all but the model holds. A pattern matches itself, so it may stand where a text is asked for. */
static struct plan_query query_for(struct rule *r, struct slice model, struct headers *headers, struct arena *a)
{
	const struct match *m = &r->match;
	unsigned room = 0;

	*headers = (struct headers){ 0 };
	for (unsigned i = 0; i < m->header_count; i++)
		headers_add(headers, &room, a, m->headers[i].name, m->headers[i].pattern);
	return (struct plan_query){
		.dialect = m->dialects ? (enum dialect_id)__builtin_ctz(m->dialects) : DIALECT_OPENAI_CHAT,
		.operation = OPERATION_CHAT,
		.model = model,
		.needs = m->needs,
		.stream = m->stream == CONDITION_TRUE,
		.max_output = m->has_max_tokens ? m->max_tokens.low : -1,
		.prompt_tokens = rule_tokens,
		.ctx = r,
		.caller = { .key = first_of(m->keys, m->key_count),
			    .tags = first_of(m->tags, m->tag_count),
			    .headers = headers,
			    .hour = m->hours ? (unsigned)__builtin_ctz(m->hours) : 0 },
	};
}

static void print_stand_in(const struct rule *r, struct slice model, const struct candidate *c)
{
	printf("  %.*s%s%s: %.*s at %.*s: ", SLICE_ARG(r->route), c->cause ? " on " : "", c->cause ? cause_name(c->cause) : "",
	       SLICE_ARG(model), SLICE_ARG(c->provider->name));
	if (c->offer)
		printf("%s%.*s%s stands in (%s)\n", style_on(stdout, STYLE_BOLD), SLICE_ARG(c->model), style_off(stdout), c->why);
	else
		printf("%spassed over%s: it %s\n", style_on(stdout, STYLE_WARN), style_off(stdout), c->passed_over);
}

/* What a rule makes of one model, if it is the rule that decides for it. */
static unsigned show_rule_model(const struct config *c, struct rule *r, struct slice model, bool first)
{
	struct routing there = c->routing;
	struct plan_query q;
	struct headers headers;
	struct failure failure;
	struct plan plan;
	struct arena a;
	unsigned shown = 0;

	arena_init(&a);
	q = query_for(r, model, &headers, &a);
	there.region = r->match.region_count > 0 ? r->match.regions[0] : there.region;
	plan_make(&there, &q, &a, &plan, &failure);
	for (unsigned i = 0; plan.rule == r && i < plan.count; i++) {
		const struct candidate *k = &plan.candidates[i];

		if (!k->stands_in && k->passed_kind != FAILURE_NO_MODEL)
			continue;
		if (first && shown == 0)
			printf("%sSubstitutions that rules imply%s\n", style_on(stdout, STYLE_BOLD), style_off(stdout));
		print_stand_in(r, model, k);
		shown++;
	}
	arena_done(&a);
	return shown;
}

static bool is_listed_before(const struct routing *routing, unsigned provider, struct slice model)
{
	for (unsigned i = 0; i < provider; i++)
		for (unsigned k = 0; k < routing->providers[i].offer_count; k++)
			if (slice_eq(routing->providers[i].offers[k].model->id, model))
				return true;
	return false;
}

/* Every name that can be asked for, once: `models:`, tiers, public ids. */
static unsigned show_rule(const struct config *c, struct rule *r, bool first)
{
	const struct routing *routing = &c->routing;
	unsigned shown = 0;

	for (unsigned i = 0; i < routing->model_count; i++)
		shown += show_rule_model(c, r, routing->models[i].name, first && shown == 0);
	for (enum tier t = TIER_FRONTIER; t >= TIER_CHEAP; t--)
		if (!map_get(&routing->model_by_name, slice_cstr(tier_name(t))))
			shown += show_rule_model(c, r, slice_cstr(tier_name(t)), first && shown == 0);
	for (unsigned i = 0; i < routing->provider_count; i++)
		for (unsigned k = 0; k < routing->providers[i].offer_count; k++) {
			struct slice id = routing->providers[i].offers[k].model->id;

			if (!is_listed_before(routing, i, id) && !map_get(&routing->model_by_name, id))
				shown += show_rule_model(c, r, id, first && shown == 0);
		}
	return shown;
}

/* Only by naming a target can a rule change the model. */
static bool names_targets(const struct actions *actions)
{
	unsigned count = actions->try.count;

	for (unsigned i = 0; i < CAUSE_COUNT; i++)
		count += actions->on[i].count;
	return count > 0;
}

static void show_substitutions(const struct config *c)
{
	unsigned shown = 0;

	for (unsigned i = 0; i < c->routing.rule_count; i++)
		if (names_targets(&c->routing.rules[i].actions))
			shown += show_rule(c, &c->routing.rules[i], shown == 0);
}

static void show_summary(const struct config *c, const struct config_report *r)
{
	unsigned usable = 0;

	for (unsigned i = 0; i < c->routing.provider_count; i++)
		usable += !c->routing.providers[i].needs_key || c->routing.providers[i].key_count > 0;
	printf("%s%s%.*s%s: %u provider%s (%u usable), %u name%s, %u rule%s, %u warning%s\n", style_on(stdout, STYLE_GOOD), "ok ",
	       SLICE_ARG(r->file.len > 0 ? r->file : SLICE("(no file)")), style_off(stdout), c->routing.provider_count,
	       c->routing.provider_count == 1 ? "" : "s", usable, c->routing.model_count, c->routing.model_count == 1 ? "" : "s", c->routing.rule_count,
	       c->routing.rule_count == 1 ? "" : "s", r->count - r->errors, r->count - r->errors == 1 ? "" : "s");
}

static int cmd_check(int argc, char **argv)
{
	struct options o;
	struct config_report report;
	struct config *c;
	int status;

	if (!options_parse(&o, &command_check, argc, argv, &status))
		return status;
	c = config_load(config_file_path(options_get(&o, "config")), &report);
	config_file_print(&report, true, stdout);
	if (!c) {
		printf("%s%u error%s%s\n", style_on(stdout, STYLE_BAD), report.errors, report.errors == 1 ? "" : "s",
		       style_off(stdout));
	} else if (!options_has(&o, "quiet")) {
		show_substitutions(c);
		show_summary(c, &report);
	}
	status = c ? 0 : 1;
	config_report_done(&report);
	config_unref(c);
	return status;
}
