/* SPDX-License-Identifier: Apache-2.0 */
/* How hard the model shall think, and what else is said in its maker's own words: additionalModelRequestFields
 * (DIALECTS §1.2, §3.9, §3.12). Claude's thinking stands there as it does in Messages; the effort has a place of
 * its own, outputConfig.effort (service model OutputConfig); models that can only be switched take reasoning_config
 * (recorded: bedrock). */
#include "dialect/bedrock_converse/bedrock_converse.h"

/* "When thinking is enabled, a final assistant message must start with a thinking block": what cannot be shown must not
 * be asked for, until the tools are done with. */
static void plan_budget(struct request_writing *r, struct reasoning_plan *p)
{
	int64_t most = p->max_tokens >= 0 ? p->max_tokens : r->target->max_output;

	if (bedrock_lacks_reasoning(r))
		r->lossy |= FIELD_REASONING;
	else
		block_plan_budget(r, p, most, most <= 0);
}

static void plan_off(struct request_writing *r, struct reasoning_plan *p)
{
	const struct model_rules *rules = r->target->rules;

	if (rules->reasoning == REASONING_ALWAYS || (rules->rejects & REJECTS_REASONING_OFF)) {
		r->lossy |= FIELD_REASONING;
		if (rules->reasoning != REASONING_ALWAYS)
			p->effort = effort_nearest(EFFORT_LOW, block_efforts_of(rules));
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

	if (!block_plans_reasoning(r))
		return;
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
			block_plan_effort(r, p, false);
		else
			plan_budget(r, p);
		break;
	case REASONING_TOGGLE:
		p->toggle = block_wished_effort(r) ? block_wished_effort(r) : EFFORT_HIGH;
		break;
	case REASONING_EFFORT: case REASONING_LEVEL:
		block_plan_effort(r, p, false);
		break;
	case REASONING_UNKNOWN:
		if (wish->wish == REASONING_BY_BUDGET)
			plan_budget(r, p);
		else
			block_plan_effort(r, p, wish->wish == REASONING_ON && r->own);
		break;
	case REASONING_ADAPTIVE:
		block_plan_effort(r, p, true);
		break;
	}
}

static bool says_top_k(const struct request_writing *r)
{
	return r->chat->top_k.said && writes(r, FIELD_TOP_K);
}

bool bedrock_says_single_call(const struct request_writing *r)
{
	return r->chat->choice.parallel == SAID_NO && writes(r, FIELD_PARALLEL_CONTROL);
}

void bedrock_write_additional(struct request_writing *r, const struct reasoning_plan *p)
{
	bool config = block_has_others(r, SLICE("output_config"));

	if (p->thinking == THINKING_UNSAID && p->toggle == 0 && !config && !says_top_k(r) &&
	    !bedrock_says_single_call(r) && !block_has_others(r, SLICE("additionalModelRequestFields")))
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
	if (bedrock_says_single_call(r)) {
		json_literal_key(&r->json, "tool_choice");
		json_value_raw(&r->json, SLICE("{\"type\":\"auto\",\"disable_parallel_tool_use\":true}"));
	}
	block_write_thinking(r, p);
	if (p->toggle != 0)
		json_member_cstr(&r->json, "reasoning_config", effort_name(p->toggle));
	if (config) {
		json_literal_key(&r->json, "output_config");
		json_begin_object(&r->json);
		block_write_others(r, SLICE("output_config"));
		json_end_object(&r->json);
	}
	block_write_others(r, SLICE("additionalModelRequestFields"));
	json_end_object(&r->json);
}
