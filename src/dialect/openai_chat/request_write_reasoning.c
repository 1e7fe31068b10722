/* SPDX-License-Identifier: Apache-2.0 */
/* The wish to reason, in the word that this provider and this model listen to (DIALECTS §3.12, §7). No wish, no word: a
 * default of our own would take the place of the model's. */
#include "dialect/openai_chat/openai_chat_internal.h"

static bool is_off(const struct reasoning *r)
{
	return r->wish == REASONING_OFF;
}

/* More than on or off. */
static bool says_amount(const struct reasoning *r)
{
	return r->wish == REASONING_BY_BUDGET || r->effort != 0;
}

/* The effort that says the wish, 0 = none needed. */
static unsigned effort_of(const struct chat_writing *wr)
{
	const struct reasoning *r = &wr->chat->reasoning;
	const struct model_rules *rules = wr->target->rules;
	unsigned allowed = rules->efforts;

	switch (r->wish) {
	case REASONING_OFF:
		if (!(rules->rejects & REJECTS_REASONING_OFF))
			return effort_nearest(EFFORT_NONE, allowed);
		allowed &= ~(unsigned)EFFORT_NONE;
		return allowed ? effort_nearest(EFFORT_NONE, allowed) : EFFORT_LOW;
	case REASONING_BY_EFFORT:
		return effort_nearest(r->effort, allowed);
	case REASONING_BY_BUDGET:
		return effort_nearest(budget_to_effort(r->budget, wr->target->max_output), allowed);
	case REASONING_ON:
		/* "On" needs a word only where the model would otherwise not reason (GPT-5.1 and later know none). */
		if (r->effort != 0)
			return effort_nearest(r->effort, allowed);
		return allowed & EFFORT_NONE ? effort_nearest(EFFORT_MEDIUM, allowed) : 0;
	case REASONING_UNSAID:
		break;
	}
	return r->effort != 0 ? effort_nearest(r->effort, allowed) : 0;
}

static void note_loss(struct chat_writing *wr, bool lost)
{
	if (lost)
		*wr->target->rewritten_lossy |= FIELD_REASONING;
}

/* Another word than the client's own. */
static void note_weakened(struct chat_writing *wr, unsigned effort)
{
	const struct reasoning *r = &wr->chat->reasoning;
	bool by_word = r->wish != REASONING_BY_BUDGET && r->effort != 0;

	note_loss(wr, is_off(r) ? effort != EFFORT_NONE : by_word && effort != r->effort);
}

static void write_effort(struct chat_writing *wr)
{
	unsigned effort = effort_of(wr);

	if (effort == 0 || writing_other(wr, "reasoning_effort"))
		return;
	json_member_cstr(&wr->w, "reasoning_effort", effort_name(effort));
	note_weakened(wr, effort);
}

/* {type: enabled | disabled}, and a word for how much where the model knows some (DeepSeek V4, §7.2). */
static void write_thinking(struct chat_writing *wr)
{
	const struct reasoning *r = &wr->chat->reasoning;
	const struct model_rules *rules = wr->target->rules;

	if (writing_other(wr, "thinking"))
		return;
	if (is_off(r) && (rules->rejects & REJECTS_REASONING_OFF)) {
		write_effort(wr); /* Kimi K3 cannot be switched off, only be told to be brief (§7.9) */
		return;
	}
	json_literal_key(&wr->w, "thinking");
	json_begin_object(&wr->w);
	json_member_cstr(&wr->w, "type", is_off(r) ? "disabled" : "enabled");
	json_end_object(&wr->w);
	if (!is_off(r) && rules->efforts != 0)
		write_effort(wr);
	else
		note_loss(wr, !is_off(r) && says_amount(r));
}

/* Qwen */
static void write_enable_thinking(struct chat_writing *wr)
{
	const struct reasoning *r = &wr->chat->reasoning;
	const struct model_rules *rules = wr->target->rules;
	int64_t budget = -1;

	json_member_bool(&wr->w, "enable_thinking", !is_off(r));
	if (r->wish == REASONING_BY_BUDGET)
		budget = r->budget;
	else if (!is_off(r) && r->effort != 0)
		budget = effort_to_budget(r->effort, wr->target->max_output, rules->budget_min, rules->budget_max);
	if (budget < 0)
		return;
	if (rules->budget_max > 0 && budget > rules->budget_max) {
		budget = rules->budget_max;
		note_loss(wr, true);
	}
	json_member_int(&wr->w, "thinking_budget", budget);
}

static void write_object_effort(struct chat_writing *wr)
{
	unsigned effort = effort_of(wr);

	json_member_cstr(&wr->w, "effort", effort_name(effort));
	note_weakened(wr, effort);
}

/* OpenRouter, which maps it to whatever the model has (§7.4). */
static void write_object(struct chat_writing *wr)
{
	const struct reasoning *r = &wr->chat->reasoning;
	struct json_writer *w = &wr->w;

	if (writing_other(wr, "reasoning"))
		return;
	json_literal_key(w, "reasoning");
	json_begin_object(w);
	if (r->wish == REASONING_BY_BUDGET)
		json_member_int(w, "max_tokens", r->budget);
	else if (is_off(r))
		json_member_bool(w, "enabled", false);
	else if (r->effort != 0)
		write_object_effort(wr);
	else
		json_member_bool(w, "enabled", true);
	if (r->visible == SAID_NO && writing_carries(wr, FIELD_REASONING_VISIBLE))
		json_member_bool(w, "exclude", true);
	json_end_object(w);
}

static void write_template(struct chat_writing *wr)
{
	const struct reasoning *r = &wr->chat->reasoning;

	if (writing_other(wr, "chat_template_kwargs"))
		return;
	json_literal_key(&wr->w, "chat_template_kwargs");
	json_begin_object(&wr->w);
	json_member_bool(&wr->w, "enable_thinking", !is_off(r));
	json_end_object(&wr->w);
	note_loss(wr, !is_off(r) && says_amount(r));
}

/* Together: a switch, and a word beside it (§7.5). */
static void write_enabled(struct chat_writing *wr)
{
	if (writing_other(wr, "reasoning"))
		return;
	json_literal_key(&wr->w, "reasoning");
	json_begin_object(&wr->w);
	json_member_bool(&wr->w, "enabled", !is_off(&wr->chat->reasoning));
	json_end_object(&wr->w);
	if (!is_off(&wr->chat->reasoning))
		write_effort(wr);
}

static void write_wish(struct chat_writing *wr)
{
	const struct reasoning *r = &wr->chat->reasoning;
	enum reasoning_control control = wr->target->rules->reasoning;

	if (control == REASONING_ALWAYS) { /* nothing to turn */
		note_loss(wr, is_off(r) || says_amount(r));
		return;
	}
	if (writing_quirk(wr, QUIRK_REASONING_OBJECT))
		write_object(wr);
	else if (writing_quirk(wr, QUIRK_THINKING_TYPE))
		write_thinking(wr);
	else if (writing_quirk(wr, QUIRK_ENABLE_THINKING))
		write_enable_thinking(wr);
	else if (writing_quirk(wr, QUIRK_REASONING_ENABLED))
		write_enabled(wr);
	else if (writing_quirk(wr, QUIRK_CHAT_TEMPLATE_THINKING) && control != REASONING_EFFORT)
		write_template(wr);
	else
		write_effort(wr);
}

/* DeepSeek V4 reasons unasked, and then refuses a forced tool: "Thinking mode does not support this tool_choice". */
static void write_off(struct chat_writing *wr)
{
	const struct chat *chat = wr->chat;
	struct chat silent = *chat;

	silent.reasoning = (struct reasoning){ .wish = REASONING_OFF };
	wr->chat = &silent;
	write_wish(wr);
	wr->chat = chat;
}

void openai_chat_write_reasoning(struct chat_writing *wr)
{
	const struct reasoning *r = &wr->chat->reasoning;

	if (writing_quirk(wr, QUIRK_REASONING_SPLIT))
		json_member_bool(&wr->w, "reasoning_split", true);
	if (wr->target->rules->reasoning == REASONING_EFFORT &&
	    forced_tool_silences(wr->chat, DIALECT_OPENAI_CHAT, wr->target->rules, wr->target->quirks))
		write_off(wr);
	else if (writing_carries(wr, FIELD_REASONING) && (r->wish != REASONING_UNSAID || r->effort != 0))
		write_wish(wr);
}
