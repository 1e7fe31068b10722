/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a provider's quirks meet a request that is relayed verbatim: only for these it is edited. A quirk that is
 * not here asks for nothing that its provider would refuse in the client's own words (llm/quirks.h). */
#include "dialect/dialect_internal.h"

enum { SHORT_ID = 9 };                 /* Mistral: DIALECTS §3.6 */

static bool names_developer(const struct chat *c, struct json root)
{
	for (const struct turn *t = c->turns; t; t = t->next)
		if (t->developer)
			return true;
	return false;
}

static bool limits_completion(const struct chat *c, struct json root)
{
	return json_exists(json_get(root, "max_completion_tokens"));
}

static bool has_text_parts(const struct chat *c, struct json root)
{
	for (struct json_walk m = json_walk(json_get(root, "messages")); json_walk_next(&m);) {
		struct json content = json_get(m.value, "content");
		bool text_only = json_is(content, JSON_ARRAY);

		for (struct json_walk p = json_walk(content); text_only && json_walk_next(&p);)
			text_only = json_text_eq(json_get(p.value, "type"), SLICE("text"));
		if (text_only)
			return true;
	}
	return false;
}

static bool wants_schema(const struct chat *c, struct json root)
{
	return c->format.kind == FORMAT_SCHEMA;
}

static bool requires_call(const struct chat *c, struct json root)
{
	return c->choice.mode == CHOICE_REQUIRED;
}

static bool is_short_id(struct slice id)
{
	for (size_t i = 0; i < id.len; i++) {
		char c = id.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
			return false;
	}
	return id.len == SHORT_ID;
}

static bool has_long_ids(const struct chat *c, struct json root)
{
	for (const struct turn *t = c->turns; t; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if ((p->kind == PART_TOOL_CALL && !is_short_id(p->call->id)) ||
			    (p->kind == PART_TOOL_RESULT && !is_short_id(p->result->id)))
				return true;
	return false;
}

static bool has_results(const struct chat *c, struct json root)
{
	for (const struct turn *t = c->turns; t; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (p->kind == PART_TOOL_RESULT)
				return true;
	return false;
}

static bool has_seed(const struct chat *c, struct json root)
{
	return c->seed.said;
}

static bool has_strictness(const struct chat *c, struct json root)
{
	for (const struct tool *t = c->tools; t; t = t->next)
		if (t->strict != UNSAID)
			return true;
	return false;
}

static bool says_parallel(const struct chat *c, struct json root)
{
	return c->choice.parallel != UNSAID;
}

static bool ends_with_assistant(const struct chat *c, struct json root)
{
	return (c->fields & FIELD_PREFILL) != 0;
}

static bool repeats_roles(const struct chat *c, struct json root)
{
	for (const struct turn *t = c->turns; t && t->next; t = t->next)
		if (t->role != ROLE_SYSTEM && t->role == t->next->role)
			return true;
	return false;
}

static bool names_schemas(const struct chat *c, struct json root)
{
	for (const struct tool *t = c->tools; t; t = t->next)
		if (json_exists(json_get(t->parameters, "$schema")))
			return true;
	return false;
}

static bool wishes_reasoning(const struct chat *c, struct json root)
{
	return c->reasoning.wish != REASONING_UNSAID || c->reasoning.effort != 0;
}

static bool says_storage(const struct chat *c, struct json root)
{
	return c->store != UNSAID;
}

static bool includes_reasoning(const struct chat *c, struct json root)
{
	for (struct json_walk w = json_walk(json_get(root, "include")); json_walk_next(&w);)
		if (json_text_eq(w.value, SLICE("reasoning.encrypted_content")))
			return true;
	return false;
}

static bool names_what_vertex_lacks(const struct chat *c, struct json root)
{
	return c->service_tier.len > 0 || c->store != UNSAID;
}

/* An id that was not said is made up when the request is read: the parts as they came know better. */
static bool has_call_ids(const struct chat *c, struct json root)
{
	for (const struct turn *t = c->turns; t; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if ((p->kind == PART_TOOL_CALL || p->kind == PART_TOOL_RESULT) &&
			    slice_find(p->raw, SLICE("\"id\"")) != SIZE_MAX)
				return true;
	return false;
}

static const struct {
	uint64_t quirks;
	bool (*meets)(const struct chat *c, struct json root);
} deviations[] = {
	{ QUIRK_NO_DEVELOPER_ROLE, names_developer },
	{ QUIRK_MAX_TOKENS_ONLY, limits_completion },
	{ QUIRK_TEXT_CONTENT, has_text_parts },
	{ QUIRK_JSON_OBJECT_ONLY, wants_schema },
	{ QUIRK_REQUIRED_IS_ANY, requires_call },
	{ QUIRK_RANDOM_SEED, has_seed },
	{ QUIRK_SHORT_TOOL_IDS, has_long_ids },
	{ QUIRK_TOOL_RESULT_NAME, has_results },
	{ QUIRK_NO_STRICT, has_strictness },
	{ QUIRK_NO_PARALLEL_CONTROL, says_parallel },
	{ QUIRK_PREFIX | QUIRK_PARTIAL, ends_with_assistant },
	{ QUIRK_MERGE_TURNS, repeats_roles },
	{ QUIRK_NO_SCHEMA_MEMBER, names_schemas },
	{ QUIRKS_OF_REASONING, wishes_reasoning },
	{ QUIRK_NO_STORE, says_storage },
	{ QUIRK_NO_ENCRYPTED_REASONING, includes_reasoning },
	{ QUIRK_VERTEX_BODY, names_what_vertex_lacks },
	{ QUIRK_NO_FUNCTION_CALL_ID, has_call_ids },
};

uint64_t deviations_met(const struct chat *c, struct json root, uint64_t quirks)
{
	uint64_t met = 0;

	for (size_t i = 0; i < COUNT_OF(deviations); i++)
		if ((deviations[i].quirks & quirks) && deviations[i].meets(c, root))
			met |= deviations[i].quirks & quirks;
	return met;
}
