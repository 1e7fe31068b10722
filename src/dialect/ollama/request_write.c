/* SPDX-License-Identifier: Apache-2.0 */
/* The hub's request as api/chat (DIALECTS §3): its top level. What stays the same over a conversation stands in
 * front. */
#include "dialect/ollama/ollama.h"

#include "llm/names.h"

enum { TOP_LOGPROBS_MAX = 20 };

/* Ollama hands names to the model's template; this is what models were trained with. */
static const struct name_rule rule_name = { "_-.:/ ", 128, false };

/* "must not call" is said by leaving the tools out (§3.5). */
static bool write_tools(struct request_writing *r)
{
	const struct chat *c = r->chat;

	if (c->choice.mode == CHOICE_NONE || shape_count_tools(c, r->target, r->shape) == 0)
		return true;
	json_literal_key(&r->json, "tools");
	return shape_write_tools(&r->json, c, r->target, r->shape, r->arena, r->failure);
}

static bool write_format(struct request_writing *r)
{
	const struct output_format *f = &r->chat->format;
	struct schema_report report = { 0 };

	if (f->kind == FORMAT_JSON && writes(r, FIELD_FORMAT_JSON))
		json_member_cstr(&r->json, "format", "json");
	if (f->kind != FORMAT_SCHEMA || !writes(r, FIELD_FORMAT_SCHEMA))
		return true;
	json_literal_key(&r->json, "format");
	if (r->own)
		json_value_raw(&r->json, json_raw(f->schema));
	else if (!schema_write(f->schema, SCHEMA_PLAIN, SCHEMA_OUTPUT, r->arena, &r->json, &report))
		return failure_set(r->failure, FAILURE_REQUEST, "the answer's schema cannot be said there: %s",
				   report.reason ? report.reason : "it is too large");
	request_note_loss(r, FIELD_FORMAT_SCHEMA, report.lossy);
	return true;
}

/* ---- options ---- */

static void write_number(struct request_writing *r, uint64_t field, const char *name, const struct number *n,
			 double low, double high)
{
	if (n->said && writes(r, field))
		request_note_loss(r, field, request_write_number(&r->json, name, n, low, high));
}

static void write_stops(struct request_writing *r)
{
	if (r->chat->stop_count == 0 || !writes(r, FIELD_STOP))
		return;
	json_literal_key(&r->json, "stop");
	json_begin_array(&r->json);
	for (unsigned i = 0; i < r->chat->stop_count; i++)
		json_string(&r->json, r->chat->stops[i]);
	json_end_array(&r->json);
}

static bool takes(const struct request_writing *r, const struct other_member *m)
{
	return r->own && (m->field == 0 || writes(r, m->field));
}

static void write_others(struct request_writing *r, struct slice parent)
{
	for (const struct other_member *m = r->chat->others; m; m = m->next) {
		bool inner = slice_starts_with(m->path, SLICE("options.")) || slice_starts_with(m->path, SLICE("messages["));

		if (!takes(r, m) || (parent.len > 0 ? !slice_starts_with(m->path, parent) : inner))
			continue;
		json_key(&r->json, slice_after(m->path, parent.len));
		json_value_raw(&r->json, m->raw);
	}
}

static bool has_options(const struct request_writing *r)
{
	const uint64_t fields = FIELD_TEMPERATURE | FIELD_TOP_P | FIELD_TOP_K | FIELD_MIN_P | FIELD_MAX_OUTPUT |
				FIELD_STOP | FIELD_SEED | FIELD_REPEAT_PENALTY | FIELD_PRESENCE_PENALTY |
				FIELD_FREQUENCY_PENALTY;

	for (const struct other_member *m = r->chat->others; m; m = m->next)
		if (takes(r, m) && slice_starts_with(m->path, SLICE("options.")))
			return true;
	return (r->chat->fields & fields & r->target->carried) != 0;
}

/* Ranges: §3.9; temperature has no upper end here, but models may. */
static void write_options(struct request_writing *r)
{
	const struct chat *c = r->chat;
	double hottest = r->target->rules->temperature_max > 0 ? r->target->rules->temperature_max : 1e9;
	int64_t most;

	if (!has_options(r))
		return;
	json_literal_key(&r->json, "options");
	json_begin_object(&r->json);
	write_number(r, FIELD_TEMPERATURE, "temperature", &c->temperature, 0, hottest);
	write_number(r, FIELD_TOP_P, "top_p", &c->top_p, 0, 1);
	write_number(r, FIELD_TOP_K, "top_k", &c->top_k, -1, 1e9);
	write_number(r, FIELD_MIN_P, "min_p", &c->min_p, 0, 1);
	most = request_max_output(c, r->target, r->own);
	if (most >= 0)
		json_member_int(&r->json, "num_predict", most);
	write_stops(r);
	write_number(r, FIELD_SEED, "seed", &c->seed, -0x1p63, 0x1p63);
	write_number(r, FIELD_REPEAT_PENALTY, "repeat_penalty", &c->repeat_penalty, 0, 1e9);
	write_number(r, FIELD_PRESENCE_PENALTY, "presence_penalty", &c->presence_penalty, -2, 2);
	write_number(r, FIELD_FREQUENCY_PENALTY, "frequency_penalty", &c->frequency_penalty, -2, 2);
	write_others(r, SLICE("options."));
	json_end_object(&r->json);
}

/* ---- reasoning ---- */

/* The word for how much (§3.12); a model that only knows on and off is told so. */
static void write_effort(struct request_writing *r, unsigned effort)
{
	const struct model_rules *rules = r->target->rules;
	unsigned words = EFFORT_LOW | EFFORT_MEDIUM | EFFORT_HIGH | EFFORT_MAX;

	if (rules->reasoning == REASONING_TOGGLE && !r->own) {
		json_member_bool(&r->json, "think", true);
		request_note_loss(r, FIELD_REASONING, true);
		return;
	}
	if (rules->efforts & words)
		words &= rules->efforts;
	json_member_cstr(&r->json, "think", effort_name(request_effort(r, effort, words)));
}

static void write_off(struct request_writing *r)
{
	if (!(r->target->rules->rejects & REJECTS_REASONING_OFF) && r->target->rules->reasoning != REASONING_ALWAYS) {
		json_member_bool(&r->json, "think", false);
		return;
	}
	/* gpt-oss always thinks: as little as it can */
	if (r->target->rules->reasoning != REASONING_ALWAYS)
		json_member_cstr(&r->json, "think", "low");
	request_note_loss(r, FIELD_REASONING, true);
}

static void write_think(struct request_writing *r)
{
	const struct reasoning *wish = &r->chat->reasoning;

	if (!writes(r, FIELD_REASONING))
		return;
	switch (wish->wish) {
	case REASONING_OFF:
		write_off(r);
		return;
	case REASONING_BY_EFFORT:
		if (wish->effort == EFFORT_NONE)
			write_off(r);
		else
			write_effort(r, wish->effort);
		return;
	case REASONING_BY_BUDGET:
		if (wish->budget == 0)
			write_off(r);
		else
			write_effort(r, budget_to_effort(wish->budget, r->target->max_output));
		return;
	case REASONING_ON: case REASONING_UNSAID:
		if (wish->effort != 0 && wish->effort != EFFORT_NONE)
			write_effort(r, wish->effort);
		else if (wish->wish == REASONING_ON)
			json_member_bool(&r->json, "think", true);
		return;
	}
}

/* ---- all ---- */

static void write_logprobs(struct request_writing *r)
{
	int64_t top = r->chat->top_logprobs;

	if (!r->chat->logprobs || !writes(r, FIELD_LOGPROBS))
		return;
	json_member_bool(&r->json, "logprobs", true);
	request_note_loss(r, FIELD_LOGPROBS, top > TOP_LOGPROBS_MAX);
	if (top >= 0)
		json_member_int(&r->json, "top_logprobs", top > TOP_LOGPROBS_MAX ? TOP_LOGPROBS_MAX : top);
}

/* What api/generate has and api/chat has not. */
static bool can_be_said(struct request_writing *r)
{
	if (r->chat->fields & FIELD_OTHER_MEANING)
		return failure_set(r->failure, FAILURE_REQUEST, "suffix, raw, template and context go with /api/generate only");
	return true;
}

bool ollama_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
		       struct failure *reterr)
{
	struct chat_shape shape = {
		.options = SHAPE_ARGUMENTS_OBJECT | SHAPE_CALL_INDEX | SHAPE_NO_CALL_TYPE,
		.names = &rule_name, .tools = SCHEMA_PLAIN, .strict_tools = SCHEMA_PLAIN,
	};
	struct request_writing r;

	request_writing_init(&r, c, t, DIALECT_OLLAMA, scratch, out, reterr);
	r.shape = &shape;
	if (r.own)
		shape.options |= SHAPE_OWN_SCHEMAS;
	if (!can_be_said(&r))
		return false;
	json_begin_object(&r.json);
	json_member_string(&r.json, "model", t->model);
	if (!write_tools(&r))
		return false;
	json_literal_key(&r.json, "messages");
	ollama_write_messages(&r);
	if (!write_format(&r))
		return false;
	write_options(&r);
	write_think(&r);
	write_logprobs(&r);
	write_others(&r, SLICE(""));
	json_member_bool(&r.json, "stream", t->stream);
	json_end_object(&r.json);
	return request_writing_end(&r);
}
