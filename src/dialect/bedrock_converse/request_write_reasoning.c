/* SPDX-License-Identifier: Apache-2.0 */
/* How hard the model shall think, and what else is said in its maker's own words: additionalModelRequestFields
 * (DIALECTS §1.2, §3.9, §3.12). Claude's thinking stands there as it does in Messages; the effort has a place of
 * its own, outputConfig.effort (service model OutputConfig); models that can only be switched take reasoning_config
 * (recorded: bedrock). */
#include "dialect/bedrock_converse/bedrock_converse.h"

enum {
	OUTPUT_UNKNOWN = 4096,         /* beside the budget, where nobody said how much may be written */
	BUDGET_LEAST = 1024            /* DIALECTS §3.12 */
};

/* Those of outputConfig.effort: "low, medium, high, xhigh, and max". */
static unsigned efforts_of(const struct model_rules *rules)
{
	return rules->efforts ? rules->efforts : EFFORT_LOW | EFFORT_MEDIUM | EFFORT_HIGH | EFFORT_XHIGH | EFFORT_MAX;
}

/* Tokens to think with: those wished for, or the effort's share of what may be written; always less than that. */
static void plan_budget(struct request_writing *r, struct reasoning_plan *p)
{
	const struct reasoning *wish = &r->chat->reasoning;
	const struct model_rules *rules = r->target->rules;
	int64_t least = rules->budget_min > 0 ? rules->budget_min : BUDGET_LEAST;
	int64_t most = p->max_tokens >= 0 ? p->max_tokens : r->target->max_output;

	/* "When thinking is enabled, a final assistant message must start with a thinking block": what cannot be shown
	 * must not be asked for, until the tools are done with. */
	if (bedrock_lacks_reasoning(r)) {
		r->lossy |= FIELD_REASONING;
		return;
	}
	p->thinking = THINKING_ENABLED;
	p->budget = wish->wish == REASONING_BY_BUDGET ? wish->budget :
		    effort_to_budget(wish->effort ? wish->effort : EFFORT_MEDIUM, most, least, rules->budget_max);
	if (p->budget < least)
		p->budget = least;
	if (rules->budget_max > 0 && p->budget > rules->budget_max)
		p->budget = rules->budget_max;
	if (most > 0 && p->budget < most)
		return;
	if (most <= 0) {
		p->max_tokens = p->budget + OUTPUT_UNKNOWN;
		return;
	}
	/* A tenth is left for the answer; where not even the least fits, it answers without thinking. */
	r->lossy |= FIELD_REASONING;
	p->budget = most - most / 10 - 1;
	if (p->budget < least)
		p->thinking = THINKING_UNSAID;
}

static unsigned wished_effort(const struct request_writing *r)
{
	const struct reasoning *wish = &r->chat->reasoning;

	if (wish->wish == REASONING_BY_BUDGET && wish->effort == 0)
		return budget_to_effort(wish->budget, r->target->max_output);
	return wish->effort == EFFORT_NONE ? 0 : wish->effort;
}

static void plan_effort(struct request_writing *r, struct reasoning_plan *p, bool adaptive)
{
	unsigned effort = wished_effort(r);

	if (effort != 0)
		p->effort = effort_nearest(effort, efforts_of(r->target->rules));
	/* Said to this dialect, effort without a word on thinking leaves the latter to the model. */
	if (adaptive && !(r->own && r->chat->reasoning.wish == REASONING_BY_EFFORT))
		p->thinking = THINKING_ADAPTIVE;
}

static void plan_off(struct request_writing *r, struct reasoning_plan *p)
{
	const struct model_rules *rules = r->target->rules;

	if (rules->reasoning == REASONING_ALWAYS || (rules->rejects & REJECTS_REASONING_OFF)) {
		r->lossy |= FIELD_REASONING;
		if (rules->reasoning != REASONING_ALWAYS)
			p->effort = effort_nearest(EFFORT_LOW, efforts_of(rules));
	} else if (rules->reasoning == REASONING_ADAPTIVE || rules->reasoning == REASONING_BUDGET ||
		   (rules->reasoning == REASONING_UNKNOWN && r->own)) {
		p->thinking = THINKING_DISABLED;
	} else if (rules->reasoning == REASONING_TOGGLE) {
		/* No source says how: it is named as left out. */
		r->lossy |= FIELD_REASONING;
	}
}

void bedrock_plan_reasoning(struct request_writing *r, struct reasoning_plan *p)
{
	const struct reasoning *wish = &r->chat->reasoning;

	if (!writes(r, FIELD_REASONING) || wish->wish == REASONING_UNSAID)
		return;
	/* A tool call that must come leaves older models no room to think (DIALECTS §1.2). */
	if (r->answer_by_tool && (r->target->rules->rejects & REJECTS_FORCED_TOOL_WITH_REASONING)) {
		r->lossy |= FIELD_REASONING;
		return;
	}
	if (reasoning_is_off(wish)) {
		plan_off(r, p);
		return;
	}
	switch (r->target->rules->reasoning) {
	case REASONING_ABSENT: case REASONING_ALWAYS:
		break;
	case REASONING_BUDGET:
		/* Effort beside it: only where the model's row says which (DIALECTS §1.2). */
		if (r->own && wish->wish == REASONING_BY_EFFORT && r->target->rules->efforts != 0)
			plan_effort(r, p, false);
		else
			plan_budget(r, p);
		break;
	case REASONING_TOGGLE:
		p->toggle = wished_effort(r) ? wished_effort(r) : EFFORT_HIGH;
		break;
	case REASONING_EFFORT: case REASONING_LEVEL:
		plan_effort(r, p, false);
		break;
	case REASONING_UNKNOWN:
		if (wish->wish == REASONING_BY_BUDGET)
			plan_budget(r, p);
		else
			plan_effort(r, p, wish->wish == REASONING_ON && r->own);
		break;
	case REASONING_ADAPTIVE:
		plan_effort(r, p, true);
		break;
	}
}

/* Models with budgets show what they think unless told otherwise; not all of them know the word. */
static void write_display(struct request_writing *r, const struct reasoning_plan *p)
{
	enum said visible = r->chat->reasoning.visible;

	if (!writes(r, FIELD_REASONING_VISIBLE) || visible == UNSAID || p->thinking == THINKING_DISABLED ||
	    (p->thinking == THINKING_ENABLED && visible == SAID_YES && !r->own))
		return;
	json_member_cstr(&r->json, "display", visible == SAID_YES ? "summarized" : "omitted");
}

static void write_thinking(struct request_writing *r, const struct reasoning_plan *p)
{
	static const char *const words[] = { [THINKING_DISABLED] = "disabled", [THINKING_ADAPTIVE] = "adaptive",
					     [THINKING_ENABLED] = "enabled" };
	bool typed = false;

	if (p->thinking == THINKING_UNSAID)
		return;
	for (const struct other_member *m = r->own ? r->chat->others : NULL; m; m = m->next)
		typed |= slice_eq(m->path, SLICE("thinking.type")) && writes(r, m->field);
	json_literal_key(&r->json, "thinking");
	json_begin_object(&r->json);
	if (!typed)
		json_member_cstr(&r->json, "type", words[p->thinking]);
	if (p->thinking == THINKING_ENABLED)
		json_member_int(&r->json, "budget_tokens", p->budget);
	write_display(r, p);
	bedrock_write_others(r, SLICE("thinking"));
	json_end_object(&r->json);
}

static bool says_top_k(const struct request_writing *r)
{
	return r->chat->top_k.said && writes(r, FIELD_TOP_K);
}

void bedrock_write_additional(struct request_writing *r, const struct reasoning_plan *p)
{
	bool config = bedrock_has_others(r, SLICE("output_config"));

	if (p->thinking == THINKING_UNSAID && p->toggle == 0 && !config && !says_top_k(r) &&
	    !bedrock_has_others(r, SLICE("additionalModelRequestFields")))
		return;
	json_literal_key(&r->json, "additionalModelRequestFields");
	json_begin_object(&r->json);
	if (says_top_k(r)) {
		json_literal_key(&r->json, "top_k");
		if (r->chat->top_k.text.len > 0)
			json_value_raw(&r->json, r->chat->top_k.text);
		else
			json_double(&r->json, r->chat->top_k.value);
	}
	write_thinking(r, p);
	if (p->toggle != 0)
		json_member_cstr(&r->json, "reasoning_config", effort_name(p->toggle));
	if (config) {
		json_literal_key(&r->json, "output_config");
		json_begin_object(&r->json);
		bedrock_write_others(r, SLICE("output_config"));
		json_end_object(&r->json);
	}
	bedrock_write_others(r, SLICE("additionalModelRequestFields"));
	json_end_object(&r->json);
}
