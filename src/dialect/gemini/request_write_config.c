/* SPDX-License-Identifier: Apache-2.0 */
/* generationConfig of a generateContent request (DIALECTS §1.2, §3.7, §3.9, §3.12). */
#include "dialect/gemini/gemini.h"

#include "llm/schema.h"

enum {
	LOGPROBS_MAX = 20,             /* DIALECTS §3.9 */
	BUDGET_MAX = 32768             /* the most that any model takes (DIALECTS §1.2) */
};

/* ---- thinking ---- */

struct thinking {
	unsigned level;                /* EFFORT_…; 0 = unsaid */
	bool budget_said;
	int64_t budget;
	bool off;                      /* as far as that goes */
};

static unsigned level_of(struct request_writing *r, unsigned effort)
{
	unsigned known = r->target->rules->efforts & ~(unsigned)EFFORT_NONE;

	return request_effort(r, effort, known ? known : EFFORT_MINIMAL | EFFORT_LOW | EFFORT_MEDIUM | EFFORT_HIGH);
}

static void set_budget(struct thinking *t, int64_t budget)
{
	t->budget_said = true;
	t->budget = budget;
}

static bool takes_budget(const struct request_writing *r)
{
	enum reasoning_control control = r->target->rules->reasoning;

	return control == REASONING_BUDGET || control == REASONING_UNKNOWN;
}

/* Thoughts cannot always be switched off (DIALECTS §3.12): then as few as there may be. */
static void plan_off(struct request_writing *r, struct thinking *t)
{
	const struct model_rules *rules = r->target->rules;
	bool stays_on = (rules->rejects & REJECTS_REASONING_OFF) || rules->reasoning == REASONING_ALWAYS;

	t->off = !stays_on;
	if (stays_on)
		r->lossy |= FIELD_REASONING;
	if (!takes_budget(r))
		t->level = level_of(r, EFFORT_MINIMAL);
	else
		set_budget(t, stays_on ? rules->budget_min : 0);
}

static int64_t clamp_budget(struct request_writing *r, int64_t budget)
{
	const struct model_rules *rules = r->target->rules;
	int64_t most = rules->budget_max > 0 ? rules->budget_max : BUDGET_MAX;

	if (budget >= rules->budget_min && budget <= most)
		return budget;
	r->lossy |= FIELD_REASONING;
	return budget < rules->budget_min ? rules->budget_min : most;
}

static void plan_effort(struct request_writing *r, struct thinking *t, unsigned effort)
{
	const struct model_rules *rules = r->target->rules;

	if (rules->reasoning == REASONING_BUDGET)
		set_budget(t, effort_to_budget(effort, r->target->max_output,
					       rules->budget_min > 0 ? rules->budget_min : 1,
					       rules->budget_max > 0 ? rules->budget_max : BUDGET_MAX));
	else
		t->level = level_of(r, effort);
}

static void plan_thinking(struct request_writing *r, struct thinking *t)
{
	const struct reasoning *wish = &r->chat->reasoning;

	if (!writes(r, FIELD_REASONING) || r->target->rules->reasoning == REASONING_ABSENT)
		return;
	switch (wish->wish) {
	case REASONING_UNSAID:
		break;
	case REASONING_OFF:
		plan_off(r, t);
		break;
	case REASONING_ON:
		if (wish->effort != 0 && wish->effort != EFFORT_NONE)
			plan_effort(r, t, wish->effort);
		else if (r->target->rules->reasoning == REASONING_TOGGLE)
			t->level = level_of(r, EFFORT_HIGH);
		else if (takes_budget(r))
			set_budget(t, -1);
		break;
	case REASONING_BY_EFFORT:
		if (wish->effort == EFFORT_NONE)
			plan_off(r, t);
		else
			plan_effort(r, t, wish->effort);
		break;
	case REASONING_BY_BUDGET:
		/* Models with levels still take their own dialect's budgets. */
		if (takes_budget(r))
			set_budget(t, clamp_budget(r, wish->budget));
		else if (r->own)
			set_budget(t, wish->budget);
		else
			t->level = level_of(r, budget_to_effort(wish->budget, r->target->max_output));
		break;
	}
}

/* Clients of dialects that show thoughts unless told otherwise; Responses has a word for it (`summary`). */
static bool expects_thoughts(const struct request_writing *r, const struct thinking *t)
{
	const struct reasoning *wish = &r->chat->reasoning;

	return wish->visible == UNSAID && wish->wish != REASONING_UNSAID && writes(r, FIELD_REASONING) && !t->off &&
	       wish->wish != REASONING_OFF && wish->effort != EFFORT_NONE && !r->own &&
	       r->chat->dialect != DIALECT_OPENAI_RESPONSES;
}

static struct slice level_name(unsigned level, struct arena *a)
{
	char *upper = arena_cstr(a, slice_cstr(effort_name(level)));

	for (char *c = upper; *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
	return slice_cstr(upper);
}

static void write_thinking(struct request_writing *r)
{
	struct slice path = SLICE("generationConfig.thinkingConfig");
	enum said visible = writes(r, FIELD_REASONING_VISIBLE) ? r->chat->reasoning.visible : UNSAID;
	struct thinking t = { 0 };

	plan_thinking(r, &t);
	bool shown = visible == SAID_YES ||
		     (expects_thoughts(r, &t) && r->target->rules->reasoning != REASONING_ABSENT);
	bool hidden = visible == SAID_NO && r->own;
	if (t.level == 0 && !t.budget_said && !shown && !hidden && !gemini_has_others(r, path))
		return;
	json_literal_key(&r->json, "thinkingConfig");
	json_begin_object(&r->json);
	if (t.level != 0)
		json_member_string(&r->json, "thinkingLevel", level_name(t.level, r->arena));
	if (t.budget_said)
		json_member_int(&r->json, "thinkingBudget", t.budget);
	if (shown || hidden)
		json_member_bool(&r->json, "includeThoughts", shown);
	gemini_write_others(r, path);
	json_end_object(&r->json);
}

/* ---- the form of the answer ---- */

/* In this dialect the schema is among the others, under the name that it came by, and is the API's to judge. */
static bool write_format(struct request_writing *r)
{
	const struct output_format *f = &r->chat->format;
	bool schema = f->kind == FORMAT_SCHEMA && writes(r, FIELD_FORMAT_SCHEMA);
	struct schema_report report = { .lossy = false };

	if (f->kind == FORMAT_TEXT && r->own)
		json_member_cstr(&r->json, "responseMimeType", "text/plain");
	if (schema || (f->kind == FORMAT_JSON && writes(r, FIELD_FORMAT_JSON)))
		json_member_cstr(&r->json, "responseMimeType", "application/json");
	if (!schema || r->own)
		return true;
	json_literal_key(&r->json, "responseJsonSchema");
	if (!schema_write(f->schema, SCHEMA_GEMINI_JSON, SCHEMA_OUTPUT, r->arena, &r->json, &report))
		return request_cannot_write(r, "the schema of the answer cannot be said to this model: %s",
					    report.reason);
	if (report.lossy)
		r->lossy |= FIELD_FORMAT_SCHEMA;
	return true;
}

/* Beside text: models that make images answer with both. */
static void write_modalities(struct request_writing *r)
{
	if (r->own || !r->chat->image_output || !writes(r, FIELD_IMAGE_OUTPUT))
		return;
	json_literal_key(&r->json, "responseModalities");
	json_value_raw(&r->json, SLICE("[\"TEXT\",\"IMAGE\"]"));
}

/* ---- sampling and limits ---- */

static void write_number(struct request_writing *r, uint64_t field, const char *name, const struct number *n,
			 double lowest, double highest)
{
	if (n->said && writes(r, field) && request_write_number(&r->json, name, n, lowest, highest))
		r->lossy |= field;
}

/* A 32-bit integer; whatever is none cannot be cut to one that means the same. */
static void write_integer(struct request_writing *r, uint64_t field, const char *name, const struct number *n,
			  double lowest)
{
	if (!n->said || !writes(r, field))
		return;
	if (n->value < lowest || n->value > INT32_MAX || n->value != (double)(int64_t)n->value) {
		r->lossy |= field;
		return;
	}
	json_key(&r->json, slice_cstr(name));
	json_int(&r->json, (int64_t)n->value);
}

static void write_sampling(struct request_writing *r)
{
	const struct chat *c = r->chat;
	double warmest = r->target->rules->temperature_max > 0 ? r->target->rules->temperature_max : 2;

	write_number(r, FIELD_TEMPERATURE, "temperature", &c->temperature, 0, warmest);
	write_number(r, FIELD_TOP_P, "topP", &c->top_p, 0, 1);
	write_integer(r, FIELD_TOP_K, "topK", &c->top_k, 1);
	write_number(r, FIELD_PRESENCE_PENALTY, "presencePenalty", &c->presence_penalty, -2, 2);
	write_number(r, FIELD_FREQUENCY_PENALTY, "frequencyPenalty", &c->frequency_penalty, -2, 2);
	write_integer(r, FIELD_SEED, "seed", &c->seed, INT32_MIN);
}

static void write_logprobs(struct request_writing *r)
{
	int64_t top = r->chat->top_logprobs;

	if (!writes(r, FIELD_LOGPROBS) || !r->chat->logprobs)
		return;
	json_member_bool(&r->json, "responseLogprobs", true);
	if (top < 0)
		return;
	if (top > LOGPROBS_MAX) {
		r->lossy |= FIELD_LOGPROBS;
		top = LOGPROBS_MAX;
	}
	json_member_int(&r->json, "logprobs", top);
}

static void write_stops(struct request_writing *r)
{
	if (r->chat->stop_count == 0 || !writes(r, FIELD_STOP))
		return;
	json_literal_key(&r->json, "stopSequences");
	json_begin_array(&r->json);
	for (unsigned i = 0; i < r->chat->stop_count; i++)
		json_string(&r->json, r->chat->stops[i]);
	json_end_array(&r->json);
}

static void write_limits(struct request_writing *r)
{
	int64_t most = request_max_output(r->chat, r->target, r->own);

	if (r->chat->n > 1 && writes(r, FIELD_N))
		json_member_int(&r->json, "candidateCount", r->chat->n);
	if (most >= 0)
		json_member_int(&r->json, "maxOutputTokens", most);
}

/* An empty object is left out, which its length tells only when it is there. */
bool gemini_write_config(struct request_writing *r)
{
	struct json_writer outer = r->json;
	struct buf members;
	bool ok;

	buf_init(&members, SCHEMA_OUTPUT_MAX + (1 << 20));
	json_writer_init(&r->json, &members);
	json_begin_object(&r->json);
	write_limits(r);
	write_sampling(r);
	write_stops(r);
	write_logprobs(r);
	ok = write_format(r);
	write_modalities(r);
	write_thinking(r);
	gemini_write_others(r, SLICE("generationConfig"));
	json_end_object(&r->json);
	outer.overflow |= r->json.overflow;
	r->json = outer;
	if (ok && members.len > 2) {
		json_literal_key(&r->json, "generationConfig");
		json_value_raw(&r->json, buf_slice(&members));
	}
	buf_done(&members);
	return ok;
}
