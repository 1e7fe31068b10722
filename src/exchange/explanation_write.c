/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a decision as JSON (docs/admin-api.md). */
#include "exchange/explanation_internal.h"

#include "base/clock.h"

/* ---- words ---- */

const char *breaker_state_name(enum breaker_state state)
{
	static const char *const names[] = {
		[BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "open", [BREAKER_HALF_OPEN] = "half_open"
	};

	return names[state];
}

static const char *named_words(enum named named)
{
	switch (named) {
	case NAMED_ENTRY:
		return "an entry of `models:`";
	case NAMED_MODEL:
		return "a model that a configured provider lists";
	case NAMED_AT_PROVIDER:
		return "pinned to one provider";
	case NAMED_TIER:
		return "a built-in tier";
	case NAMED_AS_WRITTEN:
		return "unknown here; the one provider without a list of models gets it as written";
	case NAMED_NOTHING:
		break;
	}
	return "unknown here";
}

static const char *key_state_name(enum key_answer answer)
{
	static const char *const names[] = {
		[KEY_READY] = "ready", [KEY_RETIRED] = "retired", [KEY_LIMITED] = "limited"
	};

	return names[answer];
}

static bool has_key(const struct explanation *e, const struct explained *c)
{
	for (unsigned i = 0; i < c->key_count; i++)
		if (e->keys[c->first_key + i].answer == KEY_READY)
			return true;
	return c->key_count == 0;
}

/* Why dispatch would leave a usable candidate alone for now, or an empty slice. */
static struct slice rests(const struct explanation *e, const struct explained *c, struct arena *a)
{
	if (c->down_ms > 0)
		return arena_printf(a, "not there, as its health check says; checked again in %lld.%lld s",
				    (long long)(c->down_ms / 1000), (long long)(c->down_ms % 1000 / 100));
	if (c->open_ms > 0)
		return arena_printf(a, "resting after %s for %lld.%lld s", c->limited ? "rate limits" : "faults",
				    (long long)(c->open_ms / 1000), (long long)(c->open_ms % 1000 / 100));
	if (c->saturated_ms > 0)
		return arena_printf(a, "saturated for %lld.%lld s", (long long)(c->saturated_ms / 1000),
				    (long long)(c->saturated_ms % 1000 / 100));
	if (!has_key(e, c))
		return SLICE("no key of it can be used now");
	return (struct slice){ 0 };
}

/* ---- writing ---- */

static void write_text_or_null(struct json_writer *w, struct slice text)
{
	if (text.ptr && text.len > 0)
		json_string(w, text);
	else
		json_null(w);
}

#define member_text_or_null(w, name, text) (json_literal_key((w), name), write_text_or_null((w), (text)))
#define member_scaled(w, name, value, unit) (json_literal_key((w), name), json_known((w), (value), (unit)))
#define member_known(w, name, value) (json_literal_key((w), name), json_known((w), (value), 1))

void explanation_write_money(struct json_writer *w, int64_t nano_usd)
{
	char text[MONEY_TEXT_MAX];
	const char *point;
	size_t len;

	if (nano_usd == PRICE_UNKNOWN) {
		json_null(w);
		return;
	}
	money_format(nano_usd, text);
	point = strchr(text, '.');
	len = strlen(text);
	while (point && len > (size_t)(point - text) + 7 && text[len - 1] == '0')
		len--;
	json_string(w, slice_of(text, len));
}

static void write_keys(const struct explanation *e, const struct explained *c, struct json_writer *w)
{
	json_literal_key(w, "keys");
	json_begin_array(w);
	for (unsigned i = 0; i < c->key_count; i++) {
		const struct explained_key *key = &e->keys[c->first_key + i];

		json_begin_object(w);
		json_member_cstr(w, "key", key->name);
		json_member_cstr(w, "state", key_state_name(key->answer));
		if (key->answer != KEY_READY)
			json_member_int(w, "for_ms", key->for_ms);
		json_end_object(w);
	}
	json_end_array(w);
}

static void write_signs(const struct explained *c, struct json_writer *w)
{
	member_scaled(w, "first_token_ms", c->first_token_us, 1e3);
	member_scaled(w, "first_token_p95_ms", c->first_token_p95_us, 1e3);
	member_scaled(w, "token_ms", c->token_ns, 1e6);
	json_literal_key(w, "tokens_per_second");
	if (c->token_ns > 0)
		json_double(w, (double)(NS_PER_S / c->token_ns));
	else
		json_null(w);
	member_scaled(w, "connect_ms", c->connect_us, 1e3);
	member_known(w, "in_flight", c->is_known ? (int64_t)c->in_flight : -1);
	member_scaled(w, "success", c->success_permille, 1e3);
	json_literal_key(w, "breaker");
	if (c->is_known)
		json_string(w, slice_cstr(breaker_state_name(c->breaker)));
	else
		json_null(w);
	json_member_int(w, "open_for_ms", c->open_ms);
	member_text_or_null(w, "health", !c->is_checked ? (struct slice){ 0 } : slice_cstr(c->down_ms > 0 ? "down" : "up"));
	member_known(w, "requests_left", c->requests_left);
	member_known(w, "tokens_left", c->tokens_left);
	json_member_int(w, "saturated_for_ms", c->saturated_ms);
}

static void write_candidate(const struct explanation *e, const struct explained *c, bool chosen, struct slice resting,
			    struct json_writer *w, struct arena *a)
{
	json_begin_object(w);
	json_member_string(w, "provider", c->provider);
	json_member_string(w, "model", c->model);
	json_member_string(w, "sent_as", c->sent_as);
	json_member_bool(w, "usable", !c->passed_over.ptr);
	json_member_bool(w, "chosen", chosen);
	json_member_cstr(w, "why", c->why);
	member_text_or_null(w, "on", c->cause == CAUSE_NONE ? (struct slice){ 0 } : slice_cstr(cause_name(c->cause)));
	member_text_or_null(w, "passed_over", c->passed_over);
	member_text_or_null(w, "rests", resting);
	json_member_bool(w, "substituted", c->substituted);
	member_text_or_null(w, "dialect", c->dialect == DIALECT_COUNT ? (struct slice){ 0 }
								      : slice_cstr(dialect_id_name(c->dialect)));
	member_text_or_null(w, "translated_to",
			    c->translates ? slice_cstr(dialect_id_name(c->dialect)) : (struct slice){ 0 });
	json_member_string(w, "dropped", field_list(c->dropped, a));
	json_member_string(w, "refused", field_list(c->refused, a));
	json_literal_key(w, "estimate_usd");
	explanation_write_money(w, c->cost_nano_usd);
	member_known(w, "estimate_nano_usd", c->cost_nano_usd);
	json_literal_key(w, "penalty");
	json_double(w, c->penalty);
	write_signs(c, w);
	write_keys(e, c, w);
	if (c->url.len > 0)
		json_member_string(w, "url", c->url);
	json_end_object(w);
}

/* The first that dispatch would ask: usable, and not resting. */
static void write_candidates(const struct explanation *e, struct json_writer *w, struct arena *a)
{
	bool found = false;

	json_literal_key(w, "candidates");
	json_begin_array(w);
	for (unsigned i = 0; i < e->candidate_count; i++) {
		const struct explained *c = &e->candidates[i];
		struct slice resting = c->passed_over.ptr ? (struct slice){ 0 } : rests(e, c, a);
		bool chosen = !found && !c->passed_over.ptr && !resting.ptr && c->cause == CAUSE_NONE;

		found |= chosen;
		write_candidate(e, c, chosen, resting, w, a);
	}
	json_end_array(w);
	json_member_int(w, "considered", e->considered);
}

static void write_rule(const struct explanation *e, const struct routing *r, struct json_writer *w, struct arena *a)
{
	const struct actions *actions = NULL;

	if (r && e->rule >= 0 && (unsigned)e->rule < r->rule_count)
		actions = &r->rules[e->rule].actions;
	else if (r && e->entry >= 0 && (unsigned)e->entry < r->model_count)
		actions = &r->models[e->entry].actions;
	json_literal_key(w, "rule");
	if (e->rule >= 0) {
		json_begin_object(w);
		json_member_string(w, "name", e->route);
		json_member_int(w, "number", e->rule + 1);
		json_end_object(w);
	} else {
		json_null(w);
	}
	json_literal_key(w, "actions");
	if (actions)
		explanation_write_actions(actions, w, a);
	else
		json_value_raw(w, SLICE("[]"));
}

static void write_resilience(const struct explanation *e, struct json_writer *w, struct arena *a)
{
	json_literal_key(w, "hedge");
	if (e->hedge.on) {
		json_begin_object(w);
		json_member_string(w, "after", e->hedge.after_ms < 0 ? SLICE("p95") :
				   arena_printf(a, "%lldms", (long long)e->hedge.after_ms));
		json_literal_key(w, "share");
		json_double(w, (double)e->hedge.share / SHARE_WHOLE);
		json_end_object(w);
	} else {
		json_null(w);
	}
	json_literal_key(w, "rescue");
	json_begin_array(w);
	for (unsigned i = 0; i < RESCUES_MAX && e->rescue.modes[i] != RESCUE_OFF; i++)
		json_string(w, slice_cstr(rescue_name((enum rescue)e->rescue.modes[i])));
	json_end_array(w);
	json_member_cstr(w, "when_down",
			 when_down_name(e->when_down == WHEN_DOWN_UNSAID ? WHEN_DOWN_LEAST_BAD : e->when_down));
	json_literal_key(w, "wait");
	if (e->when_down == WHEN_DOWN_WAIT) {
		json_begin_object(w);
		json_member_int(w, "up_to_ms", e->wait.up_to_ms);
		json_member_int(w, "queue", e->wait.queue);
		json_member_int(w, "priority", e->wait.priority);
		json_end_object(w);
	} else {
		json_null(w);
	}
	json_literal_key(w, "mirror");
	if (e->mirror_provider.len > 0) {
		json_begin_object(w);
		json_member_string(w, "provider", e->mirror_provider);
		json_member_string(w, "model", e->mirror_model);
		json_end_object(w);
	} else {
		json_null(w);
	}
}

static void write_refusal(const struct explanation *e, struct json_writer *w)
{
	json_literal_key(w, "refusal");
	if (!e->refusal.ptr) {
		json_null(w);
		return;
	}
	json_begin_object(w);
	json_member_int(w, "status", e->status);
	json_member_cstr(w, "kind", failure_kind_name(e->refusal_kind));
	member_text_or_null(w, "code", slice_cstr(e->refusal_code));
	member_text_or_null(w, "param", e->refusal_param);
	json_member_string(w, "message", e->refusal);
	json_end_object(w);
}

void explanation_write(const struct explanation *e, const struct routing *routing, struct json_writer *w,
		       struct arena *a)
{
	json_member_string(w, "asked", e->asked);
	json_member_cstr(w, "named", named_words(e->named));
	member_text_or_null(w, "public_id", e->public_id);
	json_member_cstr(w, "dialect", dialect_id_name(e->dialect));
	json_member_cstr(w, "operation", operation_name(e->operation));
	json_member_bool(w, "stream", e->stream);
	member_known(w, "prompt_tokens", e->prompt_tokens);
	member_known(w, "max_output", e->max_output);
	member_text_or_null(w, "only", e->only);
	json_member_string(w, "route", e->route);
	write_rule(e, routing, w, a);
	json_member_cstr(w, "order", e->order ? e->order : "as listed");
	write_resilience(e, w, a);
	member_text_or_null(w, "conversation",
			    e->conversation ? arena_printf(a, "%016llx", (unsigned long long)e->conversation)
					    : (struct slice){ 0 });
	write_candidates(e, w, a);
	write_refusal(e, w);
}
