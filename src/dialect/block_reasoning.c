/* SPDX-License-Identifier: Apache-2.0 */
/* How hard a model of Claude's kind shall think (DIALECTS §1.2, §3.12). */
#include "dialect/block_shape.h"

enum { BUDGET_LEAST = 1024 };          /* DIALECTS §3.12 */

bool block_plans_reasoning(struct request_writing *r)
{
	if (!writes(r, FIELD_REASONING) || r->chat->reasoning.wish == REASONING_UNSAID)
		return false;
	/* A tool call that must come leaves older models no room to think (DIALECTS §1.2). */
	if (!r->answer_by_tool || !(r->target->rules->rejects & REJECTS_FORCED_TOOL_WITH_REASONING))
		return true;
	r->lossy |= FIELD_REASONING;
	return false;
}

const struct turn *block_answered_turn(const struct chat *c)
{
	const struct turn *last = NULL, *before = NULL;
	bool results = false;

	for (const struct turn *t = c->turns; t; before = t, t = t->next) {
		if (t->role == ROLE_ASSISTANT && (!before || before->role != ROLE_ASSISTANT)) {
			last = t;
			results = false;
		}
		for (const struct part *p = t->role == ROLE_USER ? t->parts : NULL; p && !results; p = p->next)
			results = p->kind == PART_TOOL_RESULT;
	}
	return results ? last : NULL;
}

unsigned block_efforts_of(const struct model_rules *rules)
{
	return rules->efforts ? rules->efforts : EFFORT_LOW | EFFORT_MEDIUM | EFFORT_HIGH | EFFORT_XHIGH | EFFORT_MAX;
}

/* Those wished for, or the effort's share of what may be written; always less than that. */
void block_plan_budget(struct request_writing *r, struct reasoning_plan *p, int64_t most, bool open_ended)
{
	const struct reasoning *wish = &r->chat->reasoning;
	const struct model_rules *rules = r->target->rules;
	int64_t least = rules->budget_min > 0 ? rules->budget_min : BUDGET_LEAST;

	p->thinking = THINKING_ENABLED;
	p->budget = wish->wish == REASONING_BY_BUDGET ? wish->budget :
		    effort_to_budget(wish->effort ? wish->effort : EFFORT_MEDIUM, most, least, rules->budget_max);
	if (p->budget < least)
		p->budget = least;
	if (rules->budget_max > 0 && p->budget > rules->budget_max)
		p->budget = rules->budget_max;
	if (p->budget < most)
		return;
	if (open_ended) {
		p->max_tokens = p->budget + BLOCK_OUTPUT_UNKNOWN;
		return;
	}
	/* A tenth is left for the answer; where not even the least fits, it answers without thinking. */
	r->lossy |= FIELD_REASONING;
	p->budget = most - most / 10 - 1;
	if (p->budget < least)
		p->thinking = THINKING_UNSAID;
}

unsigned block_wished_effort(const struct request_writing *r)
{
	const struct reasoning *wish = &r->chat->reasoning;

	if (wish->wish == REASONING_BY_BUDGET && wish->effort == 0)
		return budget_to_effort(wish->budget, r->target->max_output);
	return wish->effort == EFFORT_NONE ? 0 : wish->effort;
}

void block_plan_effort(struct request_writing *r, struct reasoning_plan *p, bool adaptive)
{
	unsigned effort = block_wished_effort(r);

	if (effort != 0 && effort != EFFORT_NONE)
		p->effort = request_effort(r, effort, block_efforts_of(r->target->rules));
	/* Said to this dialect, effort without a word on thinking leaves the latter to the model. */
	if (adaptive && !(r->own && r->chat->reasoning.wish == REASONING_BY_EFFORT))
		p->thinking = THINKING_ADAPTIVE;
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

void block_write_thinking(struct request_writing *r, const struct reasoning_plan *p)
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
	block_write_others(r, SLICE("thinking"));
	json_end_object(&r->json);
}
