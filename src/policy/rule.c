/* SPDX-License-Identifier: Apache-2.0 */
/* Does a rule match a request? Conditions are looked at from the cheapest to the dearest. */
#include "policy/rule.h"

#include "policy/plan.h"

static bool matches_model(const struct match *m, struct slice asked, struct slice public_id)
{
	for (unsigned i = 0; i < m->model_count; i++)
		if (slice_matches_glob(asked, m->models[i]) ||
		    (public_id.len > 0 && slice_matches_glob(public_id, m->models[i])))
			return true;
	return m->model_count == 0;
}

static bool matches_any(const struct slice *patterns, unsigned count, struct slice text)
{
	for (unsigned i = 0; i < count; i++)
		if (slice_matches_glob(text, patterns[i]))
			return true;
	return count == 0;
}

static bool matches_tags(const struct match *m, struct slice tags)
{
	while (tags.len > 0) {
		struct slice tag = slice_trim(slice_next_token(&tags, ','));

		if (tag.len > 0 && matches_any(m->tags, m->tag_count, tag))
			return true;
	}
	return m->tag_count == 0;
}

static bool matches_headers(const struct match *m, const struct headers *headers)
{
	for (unsigned i = 0; i < m->header_count; i++) {
		struct slice value = headers ? headers_get(headers, m->headers[i].name) : slice_of(NULL, 0);

		if (!value.ptr || !slice_matches_glob(value, m->headers[i].pattern))
			return false;
	}
	return true;
}

static bool holds(enum condition c, bool fact)
{
	return c == CONDITION_ANY || (c == CONDITION_TRUE) == fact;
}

static bool is_within(const struct token_range *r, int64_t tokens)
{
	return tokens >= r->low && tokens <= r->high;
}

static bool matches_prompt_length(const struct match *m, const struct plan_query *q, int64_t *prompt_tokens)
{
	if (!m->has_prompt_length)
		return true;
	if (*prompt_tokens < 0)
		*prompt_tokens = q->prompt_tokens ? q->prompt_tokens(q->ctx) : 0;
	return is_within(&m->prompt_length, *prompt_tokens);
}

bool rule_matches(const struct rule *r, const struct routing *routing, const struct plan_query *q,
		  struct slice public_id, int64_t *prompt_tokens)
{
	const struct match *m = &r->match;

	return matches_model(m, q->model, public_id) && (m->dialects == 0 || m->dialects & 1u << q->dialect) &&
	       holds(m->stream, q->stream) && (q->needs & m->needs) == m->needs && (q->needs & m->needs_not) == 0 &&
	       (!m->has_max_tokens || (q->max_output >= 0 && is_within(&m->max_tokens, q->max_output))) &&
	       (m->hours == 0 || m->hours & 1u << q->caller.hour) &&
	       matches_any(m->regions, m->region_count, routing->region) &&
	       matches_any(m->keys, m->key_count, q->caller.key) && matches_tags(m, q->caller.tags) &&
	       matches_headers(m, q->caller.headers) &&
	       matches_prompt_length(m, q, prompt_tokens);
}

const char *prefer_name(enum prefer p)
{
	static const char *const names[PREFER_COUNT] = { "cheapest", "fastest", "fastest_throughput", "quality",
							 "least_busy", "priority", "nearest" };

	return names[p];
}

const char *cause_name(enum cause c)
{
	static const char *const names[CAUSE_COUNT] = { "none",       "context_length", "content_filter",
							"rate_limit", "timeout",        "error" };

	return names[c];
}

const char *rescue_name(enum rescue r)
{
	static const char *const names[] = { "off", "hold", "replay", "continue" };

	return names[r];
}

const char *when_down_name(enum when_down w)
{
	static const char *const names[] = { "unsaid", "least_bad", "wait", "refuse" };

	return names[w];
}

struct slice try_item_text(const struct try_item *item, struct arena *a)
{
	switch (item->kind) {
	case TRY_PROVIDER:
		return item->provider->name;
	case TRY_PROVIDER_MODEL:
		return arena_printf(a, "%.*s/%.*s", SLICE_ARG(item->provider->name),
				    SLICE_ARG(item->offer ? item->offer->model->id : item->model));
	case TRY_GROUP:
	case TRY_MODEL:
		break;
	}
	return item->model;
}
