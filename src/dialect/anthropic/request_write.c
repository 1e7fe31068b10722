/* SPDX-License-Identifier: Apache-2.0 */
/* The hub's chat as a Messages request or the count of its tokens: all members but conversation and tools (DIALECTS
 * §1.2, §3.1, §3.7, §3.9 to §3.12). What stays the same over a conversation stands in front of what grows. */
#include "dialect/anthropic/anthropic.h"

#include <math.h>

#include "llm/schema.h"

void anthropic_write_mark(struct request_writing *r, enum cache_mark mark)
{
	if (!block_takes_mark(r, mark))
		return;
	json_literal_key(&r->json, "cache_control");
	json_value_raw(&r->json, r->short_mark_written ? SLICE("{\"type\":\"ephemeral\"}") :
						       SLICE("{\"type\":\"ephemeral\",\"ttl\":\"1h\"}"));
}

void anthropic_write_members(struct request_writing *r, struct json object, const char *const *except)
{
	for (struct json_walk w = json_walk(object); json_walk_next(&w);) {
		bool skip = json_is(w.value, JSON_NULL);

		for (const char *const *name = except; *name && !skip; name++)
			skip = json_text_eq(w.key, slice_cstr(*name));
		if (skip)
			continue;
		json_key(&r->json, json_text(w.key, r->arena));
		json_value_raw(&r->json, json_raw(w.value));
	}
}

/* Members of the body itself. A count knows few of them (SDK type MessageCountTokensParams, and its betas); the version
 * of another platform is none of this one's. */
static void write_top_others(struct request_writing *r)
{
	static const char *const counted[] = { "context_management", "mcp_servers", "speed", "user_profile_id",
					       "workspace_id" };

	for (const struct other_member *m = r->own ? r->chat->others : NULL; m; m = m->next) {
		bool skip = !writes(r, m->field) || slice_find(m->path, SLICE(".")) != SIZE_MAX ||
			    slice_eq(m->path, SLICE("anthropic_version"));

		if (r->target->operation == OPERATION_COUNT_TOKENS && !skip) {
			skip = true;
			for (size_t i = 0; i < COUNT_OF(counted); i++)
				skip &= !slice_eq(m->path, slice_cstr(counted[i]));
		}
		if (skip)
			continue;
		json_key(&r->json, m->path);
		json_value_raw(&r->json, m->raw);
	}
}

/* ---- reasoning ---- */

/* "When thinking is enabled, a final assistant message must start with a thinking block": what cannot be shown must not
 * be asked for, until the tools are done with. */
static void plan_budget(struct request_writing *r, struct reasoning_plan *p)
{
	if (anthropic_lacks_thinking(r))
		r->lossy |= FIELD_REASONING;
	else
		block_plan_budget(r, p, p->max_tokens, !writes(r, FIELD_MAX_OUTPUT) && r->target->max_output <= 0);
}

static void plan_off(struct request_writing *r, struct reasoning_plan *p)
{
	const struct model_rules *rules = r->target->rules;
	unsigned efforts = block_efforts_of(rules), effort = r->chat->reasoning.effort;

	if (rules->reasoning == REASONING_ALWAYS || (rules->rejects & REJECTS_REASONING_OFF)) {
		r->lossy |= FIELD_REASONING;
		p->effort = effort_nearest(EFFORT_LOW, efforts);
		return;
	}
	p->thinking = THINKING_DISABLED;
	if (effort == 0 || effort == EFFORT_NONE || rules->reasoning == REASONING_BUDGET)
		return;
	if ((rules->rejects & REJECTS_REASONING_OFF_ABOVE_HIGH) && effort > EFFORT_HIGH) {
		effort = EFFORT_HIGH;
		r->lossy |= FIELD_REASONING;
	}
	p->effort = request_effort(r, effort, efforts);
}

/* The budget in words of this dialect, where it was given in them and nobody says that the model wants another form. */
static bool is_budget_wished(const struct request_writing *r)
{
	return r->target->rules->reasoning == REASONING_UNKNOWN && r->chat->reasoning.wish == REASONING_BY_BUDGET;
}

static void plan_reasoning(struct request_writing *r, struct reasoning_plan *p)
{
	const struct reasoning *wish = &r->chat->reasoning;

	if (!block_plans_reasoning(r))
		return;
	if (reasoning_is_off(wish)) {
		plan_off(r, p);
		return;
	}
	switch (r->target->rules->reasoning) {
	case REASONING_ABSENT:
		break;
	case REASONING_BUDGET: case REASONING_TOGGLE:
		/* Effort beside it: only opus-4-5 has both (DIALECTS §1.2), and its row says which. */
		if (r->own && wish->wish == REASONING_BY_EFFORT && r->target->rules->efforts != 0)
			block_plan_effort(r, p, false);
		else
			plan_budget(r, p);
		if (r->own && wish->effort != 0 && r->target->rules->efforts != 0)
			p->effort = request_effort(r, wish->effort, r->target->rules->efforts);
		break;
	case REASONING_EFFORT: case REASONING_LEVEL: case REASONING_ALWAYS:
		block_plan_effort(r, p, false);
		break;
	case REASONING_UNKNOWN: case REASONING_ADAPTIVE:
		block_plan_effort(r, p, true);
		if (is_budget_wished(r)) {
			p->effort = wish->effort;
			plan_budget(r, p);
		}
		break;
	}
}

/* ---- the form of the answer ---- */

static bool write_format(struct request_writing *r)
{
	struct schema_report report = { .lossy = false };

	json_literal_key(&r->json, "format");
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "type", "json_schema");
	json_literal_key(&r->json, "schema");
	/* In this dialect it is the API's to judge. */
	if (r->own)
		json_value_raw(&r->json, json_raw(r->chat->format.schema));
	else if (!schema_write(r->chat->format.schema, SCHEMA_ANTHROPIC, SCHEMA_OUTPUT, r->arena, &r->json, &report))
		return request_cannot_write(r, "the schema of the answer cannot be said to this model: %s", report.reason);
	if (report.lossy)
		r->lossy |= FIELD_FORMAT_SCHEMA;
	json_end_object(&r->json);
	return true;
}

static bool write_output_config(struct request_writing *r, const struct reasoning_plan *p)
{
	bool format = writes(r, FIELD_FORMAT_SCHEMA) && r->chat->format.kind == FORMAT_SCHEMA && !r->answer_by_tool;

	if (p->effort == 0 && !format && !block_has_others(r, SLICE("output_config")))
		return true;
	json_literal_key(&r->json, "output_config");
	json_begin_object(&r->json);
	if (p->effort != 0)
		json_member_cstr(&r->json, "effort", effort_name(p->effort));
	if (format && !write_format(r))
		return false;
	block_write_others(r, SLICE("output_config"));
	json_end_object(&r->json);
	return true;
}

/* ---- sampling and the like ---- */

static void write_number(struct request_writing *r, uint64_t field, const char *name, const struct number *n,
			 double highest)
{
	if (!n->said || !writes(r, field))
		return;
	/* -1 is how some say "unsaid". */
	if (n->value < 0 && !r->own)
		r->lossy |= field;
	else if (request_write_number(&r->json, name, n, -INFINITY, r->own ? INFINITY : highest))
		r->lossy |= field;
}

/* Ranges: DIALECTS §3.9. Larger ones are cut, not scaled: the words keep their meaning in the range that both have. */
static void write_sampling(struct request_writing *r)
{
	const struct chat *c = r->chat;
	double warmest = r->target->rules->temperature_max > 0 ? r->target->rules->temperature_max : 1;

	write_number(r, FIELD_TEMPERATURE, "temperature", &c->temperature, warmest);
	write_number(r, FIELD_TOP_P, "top_p", &c->top_p, 1);
	write_number(r, FIELD_TOP_K, "top_k", &c->top_k, 1e9);
}

static void write_stops(struct request_writing *r)
{
	const struct chat *c = r->chat;

	if (c->stop_count == 0 || !writes(r, FIELD_STOP))
		return;
	json_literal_key(&r->json, "stop_sequences");
	json_begin_array(&r->json);
	for (unsigned i = 0; i < c->stop_count; i++)
		json_string(&r->json, c->stops[i]);
	json_end_array(&r->json);
}

/* auto | standard_only. Whoever asks for priority gets what "auto" gives; there is no flex (DIALECTS §3.10). */
static void write_tier(struct request_writing *r)
{
	static const struct { const char *name, *ours; bool same; } tiers[] = {
		{ "auto", "auto", true }, { "default", "standard_only", true }, { "standard", "standard_only", true },
		{ "priority", "auto", false }, { "fast", "auto", false },
	};

	if (r->chat->service_tier.len == 0 || !writes(r, FIELD_SERVICE_TIER))
		return;
	for (size_t i = 0; i < COUNT_OF(tiers); i++) {
		if (!slice_eq(r->chat->service_tier, slice_cstr(tiers[i].name)))
			continue;
		json_member_cstr(&r->json, "service_tier", tiers[i].ours);
		if (!tiers[i].same)
			r->lossy |= FIELD_SERVICE_TIER;
		return;
	}
	if (r->own)
		json_member_string(&r->json, "service_tier", r->chat->service_tier);
	else
		r->lossy |= FIELD_SERVICE_TIER;
}

static void write_metadata(struct request_writing *r)
{
	bool user = r->chat->user.len > 0 && writes(r, FIELD_USER);

	if (!user && !block_has_others(r, SLICE("metadata")))
		return;
	json_literal_key(&r->json, "metadata");
	json_begin_object(&r->json);
	if (user)
		json_member_string(&r->json, "user_id", r->chat->user);
	block_write_others(r, SLICE("metadata"));
	json_end_object(&r->json);
}

/* ---- the whole ---- */

static int64_t max_tokens(struct request_writing *r)
{
	int64_t most = r->target->max_output;

	if (!writes(r, FIELD_MAX_OUTPUT) || r->chat->max_output < 0)
		return most > 0 ? most : BLOCK_OUTPUT_UNKNOWN;
	if (most <= 0 || r->chat->max_output <= most)
		return r->chat->max_output;
	r->lossy |= FIELD_MAX_OUTPUT;
	return most;
}

/* Vertex has the model in the path, but for counts, and a version of its own in the body (DIALECTS §2.2, SDK's vertex
 * client). */
static void write_model(struct request_writing *r)
{
	bool vertex = (r->target->quirks & QUIRK_VERTEX_PATH) != 0;

	if (vertex)
		json_member_cstr(&r->json, "anthropic_version", ANTHROPIC_VERTEX_VERSION);
	if (!vertex || r->target->operation == OPERATION_COUNT_TOKENS)
		json_member_string(&r->json, "model", r->target->model);
}

static bool write_members(struct request_writing *r)
{
	bool count = r->target->operation == OPERATION_COUNT_TOKENS;
	struct reasoning_plan plan = { .max_tokens = max_tokens(r) };

	plan_reasoning(r, &plan);
	write_model(r);
	if (!count) {
		json_member_int(&r->json, "max_tokens", plan.max_tokens);
		if (r->target->stream)
			json_member_bool(&r->json, "stream", true);
		write_tier(r);
		write_metadata(r);
		write_sampling(r);
		write_stops(r);
	}
	block_write_thinking(r, &plan);
	if (!write_output_config(r, &plan))
		return false;
	if (!anthropic_write_tools(r))
		return false;
	anthropic_write_system(r);
	write_top_others(r);
	if (!anthropic_write_messages(r))
		return false;
	/* At its end: it marks the last block, and so comes after all markers. */
	anthropic_write_mark(r, r->chat->cache_whole);
	return true;
}

bool anthropic_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
			  struct failure *reterr)
{
	struct request_writing r;

	request_writing_init(&r, c, t, DIALECT_ANTHROPIC, scratch, out, reterr);
	block_plan(&r, anthropic_count_marks(&r));
	json_begin_object(&r.json);
	if (!write_members(&r))
		return false;
	json_end_object(&r.json);
	return request_writing_end(&r);
}
