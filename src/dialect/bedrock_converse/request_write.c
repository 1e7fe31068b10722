/* SPDX-License-Identifier: Apache-2.0 */
/* The hub's chat as a Converse request or the count of its tokens: all members but conversation and tools (DIALECTS
 * §3.1, §3.7, §3.9 to §3.11; service model ConverseRequest, CountTokensRequest). What stays the same over a
 * conversation stands in front of what grows. The model and whether it streams are in the path. */
#include "dialect/bedrock_converse/bedrock_converse.h"

#include "llm/schema.h"

const struct name_rule bedrock_id_rule = { "_.:-", 64, false };

/* Models that take markers have them as points here, whatever their own makers call them. */
static bool takes_points(const struct request_writing *r)
{
	enum cache_marks marks = r->target->rules->cache_marks;

	return r->own || marks == CACHE_MARKS_POINT || marks == CACHE_MARKS_CONTROL;
}

void bedrock_write_point(struct request_writing *r, enum cache_mark mark)
{
	if (!takes_points(r)) {
		if (mark != CACHE_MARK_NONE && writes(r, FIELD_CACHE_MARKS))
			r->lossy |= FIELD_CACHE_MARKS;
		return;
	}
	if (block_takes_mark(r, mark))
		json_value_raw(&r->json, r->short_mark_written ?
			       SLICE("{\"cachePoint\":{\"type\":\"default\"}}") :
			       SLICE("{\"cachePoint\":{\"type\":\"default\",\"ttl\":\"1h\"}}"));
}

/* Members of the body itself. */
static void write_top_others(struct request_writing *r)
{
	for (const struct other_member *m = r->own ? r->chat->others : NULL; m; m = m->next) {
		if (!writes(r, m->field) || slice_find(m->path, SLICE(".")) != SIZE_MAX)
			continue;
		json_key(&r->json, m->path);
		json_value_raw(&r->json, m->raw);
	}
}

/* ---- inferenceConfig ---- */

static void write_number(struct request_writing *r, uint64_t field, const char *name, const struct number *n,
			 double highest)
{
	if (n->said && writes(r, field) && request_write_number(&r->json, name, n, 0, highest))
		r->lossy |= field;
}

/* None of nothing (NonEmptyString), 2,500 at most. */
static void write_stops(struct request_writing *r)
{
	const struct chat *c = r->chat;
	bool any = false;

	if (c->stop_count == 0 || !writes(r, FIELD_STOP))
		return;
	for (unsigned i = 0; i < c->stop_count; i++) {
		if (c->stops[i].len == 0)
			continue;
		if (!any) {
			json_literal_key(&r->json, "stopSequences");
			json_begin_array(&r->json);
			any = true;
		}
		json_string(&r->json, c->stops[i]);
	}
	if (any)
		json_end_array(&r->json);
}

/* Ranges: service model InferenceConfiguration. Larger values are cut, not scaled. */
static void write_inference(struct request_writing *r, int64_t max_tokens)
{
	const struct chat *c = r->chat;
	double warmest = r->target->rules->temperature_max;

	if (warmest <= 0 || warmest > 1)
		warmest = 1;
	if (max_tokens < 0 && !(c->temperature.said && writes(r, FIELD_TEMPERATURE)) &&
	    !(c->top_p.said && writes(r, FIELD_TOP_P)) && !(c->stop_count > 0 && writes(r, FIELD_STOP)) &&
	    !block_has_others(r, SLICE("inferenceConfig")))
		return;
	json_literal_key(&r->json, "inferenceConfig");
	json_begin_object(&r->json);
	if (max_tokens >= 0)
		json_member_int(&r->json, "maxTokens", max_tokens);
	write_number(r, FIELD_TEMPERATURE, "temperature", &c->temperature, warmest);
	write_number(r, FIELD_TOP_P, "topP", &c->top_p, 1);
	write_stops(r);
	block_write_others(r, SLICE("inferenceConfig"));
	json_end_object(&r->json);
}

/* ---- outputConfig ---- */

/* The schema is a text (DIALECTS §10 row 11). */
static bool write_schema_text(struct request_writing *r, const struct output_format *format)
{
	struct schema_report report = { .lossy = false };
	struct json_writer inner;
	struct buf text;
	bool ok;

	json_literal_key(&r->json, "schema");
	/* In this dialect it is the API's to judge. */
	if (r->own) {
		json_string(&r->json, json_raw(format->schema));
		return true;
	}
	buf_init(&text, SCHEMA_OUTPUT_MAX);
	json_writer_init(&inner, &text);
	ok = schema_write(format->schema, SCHEMA_ANTHROPIC, SCHEMA_OUTPUT, r->arena, &inner, &report) &&
	     !inner.overflow;
	if (ok)
		json_string(&r->json, buf_slice(&text));
	buf_done(&text);
	if (report.lossy)
		r->lossy |= FIELD_FORMAT_SCHEMA;
	return ok || request_cannot_write(r, "the schema of the answer cannot be said to this model: %s",
					  report.reason ? report.reason : "it is too long");
}

static bool write_text_format(struct request_writing *r)
{
	const struct output_format *format = &r->chat->format;

	json_literal_key(&r->json, "textFormat");
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "type", "json_schema");
	json_literal_key(&r->json, "structure");
	json_begin_object(&r->json);
	json_literal_key(&r->json, "jsonSchema");
	json_begin_object(&r->json);
	if (!write_schema_text(r, format))
		return false;
	if (format->name.len > 0)
		json_member_string(&r->json, "name", format->name);
	if (format->description.len > 0)
		json_member_string(&r->json, "description", format->description);
	json_end_object(&r->json);
	json_end_object(&r->json);
	json_end_object(&r->json);
	return true;
}

static bool write_output_config(struct request_writing *r, const struct reasoning_plan *p)
{
	bool format = writes(r, FIELD_FORMAT_SCHEMA) && r->chat->format.kind == FORMAT_SCHEMA && !r->answer_by_tool;

	if (p->effort == 0 && !format && !block_has_others(r, SLICE("outputConfig")))
		return true;
	json_literal_key(&r->json, "outputConfig");
	json_begin_object(&r->json);
	if (format && !write_text_format(r))
		return false;
	if (p->effort != 0)
		json_member_cstr(&r->json, "effort", effort_name(p->effort));
	block_write_others(r, SLICE("outputConfig"));
	json_end_object(&r->json);
	return true;
}

/* ---- tier and metadata ---- */

/* priority, default, flex, reserved (DIALECTS §3.10). "auto" is what saying nothing gives. */
static void write_tier(struct request_writing *r)
{
	static const struct { const char *name, *ours; bool same; } tiers[] = {
		{ "default", "default", true }, { "standard", "default", true }, { "flex", "flex", true },
		{ "priority", "priority", true }, { "fast", "priority", true }, { "ultrafast", "priority", false },
		{ "reserved", "reserved", true }, { "scale", "reserved", false },
	};
	struct slice tier = r->chat->service_tier, ours = r->own ? tier : SLICE("");

	if (tier.len == 0 || !writes(r, FIELD_SERVICE_TIER) || slice_eq(tier, SLICE("auto")))
		return;
	for (size_t i = 0; i < COUNT_OF(tiers); i++)
		if (slice_eq(tier, slice_cstr(tiers[i].name))) {
			ours = slice_cstr(tiers[i].ours);
			r->lossy |= tiers[i].same ? 0 : FIELD_SERVICE_TIER;
		}
	if (ours.len == 0) {
		r->lossy |= FIELD_SERVICE_TIER;
		return;
	}
	json_literal_key(&r->json, "serviceTier");
	json_begin_object(&r->json);
	json_member_string(&r->json, "type", ours);
	json_end_object(&r->json);
}

enum { METADATA_ENTRIES = 16, METADATA_TEXT = 256 };

/* [a-zA-Z0-9\s:_@$#=/+,-.]{0,256}, keys not empty (service model RequestMetadataKeyString, …ValueString). */
static bool is_metadata_text(struct slice s)
{
	if (s.len > METADATA_TEXT)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr(" \t\r\n:_@$#=/+,-.", c))))
			return false;
	}
	return true;
}

static bool fits_metadata(const struct request_writing *r, const struct json_walk *w)
{
	struct slice key = json_text(w->key, r->arena);

	return r->own || (json_is(w->value, JSON_STRING) && key.len > 0 && is_metadata_text(key) &&
			     is_metadata_text(json_text(w->value, r->arena)));
}

static void write_metadata(struct request_writing *r)
{
	unsigned count = 0;

	if (!json_is(r->chat->metadata, JSON_OBJECT) || !writes(r, FIELD_METADATA))
		return;
	for (struct json_walk w = json_walk(r->chat->metadata); json_walk_next(&w);) {
		if (!fits_metadata(r, &w) || count == METADATA_ENTRIES) {
			r->lossy |= FIELD_METADATA;
			continue;
		}
		if (count++ == 0) {
			json_literal_key(&r->json, "requestMetadata");
			json_begin_object(&r->json);
		}
		json_key(&r->json, json_text(w.key, r->arena));
		json_value_raw(&r->json, json_raw(w.value));
	}
	if (count > 0)
		json_end_object(&r->json);
}

/* ---- the whole ---- */

/* Left to the model where nobody said it: "the default value is the maximum allowed". */
static int64_t max_tokens(struct request_writing *r)
{
	return request_max_output(r->chat, r->target, r->own);
}

static bool write_members(struct request_writing *r)
{
	bool count = r->target->operation == OPERATION_COUNT_TOKENS;
	struct reasoning_plan plan = { .max_tokens = max_tokens(r) };

	bedrock_plan_reasoning(r, &plan);
	if (!count) {
		write_inference(r, plan.max_tokens);
		write_tier(r);
		write_metadata(r);
		if (!write_output_config(r, &plan))
			return false;
	}
	bedrock_write_additional(r, &plan);
	if (!bedrock_write_tools(r))
		return false;
	bedrock_write_system(r);
	if (!count)
		write_top_others(r);
	return bedrock_write_messages(r);
}

bool bedrock_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
			struct failure *reterr)
{
	struct request_writing r;
	bool count = t->operation == OPERATION_COUNT_TOKENS;

	request_writing_init(&r, c, t, DIALECT_BEDROCK, scratch, out, reterr);
	block_plan(&r, bedrock_count_points(&r));
	r.tools_in_history = bedrock_has_tool_blocks(&r);
	json_begin_object(&r.json);
	if (count) {
		json_literal_key(&r.json, "input");
		json_begin_object(&r.json);
		json_literal_key(&r.json, "converse");
		json_begin_object(&r.json);
	}
	if (!write_members(&r))
		return false;
	if (count) {
		json_end_object(&r.json);
		json_end_object(&r.json);
	}
	json_end_object(&r.json);
	return request_writing_end(&r);
}
