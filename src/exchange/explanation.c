/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a decision down, and writes it. Taking down is on the way of every request: one block, no formatting. */
#include "exchange/explanation.h"

#include "base/clock.h"
#include "exchange/outcome.h"

struct explained_key {
	char name[sizeof(((struct credential *)0)->name)];
	enum key_answer answer;
	int32_t for_ms;                /* until it is worth asking again */
};

/* A candidate, and what was known of it. Times count from the decision; -1 = unknown or not said. */
struct explained {
	struct slice provider, model, sent_as, passed_over, url;
	const char *why;               /* static */
	uint64_t dropped, refused;     /* FIELD_… */
	int64_t cost_nano_usd;
	double penalty;
	int64_t first_token_us, first_token_p95_us, token_ns, connect_us;
	int64_t requests_left, tokens_left;
	int64_t saturated_ms, open_ms; /* 0 = not */
	unsigned in_flight;
	int success_permille;
	unsigned first_key, key_count; /* in explanation.keys */
	enum dialect_id dialect;       /* DIALECT_COUNT: no way in was chosen */
	enum cause cause;
	enum breaker_state breaker;
	bool is_known, limited, translates, substituted;
};

struct explanation {
	size_t size;
	struct slice asked, public_id, route, only;
	struct slice mirror_provider, mirror_model;
	struct slice refusal, refusal_param; /* empty pointer = somebody can answer */
	const char *refusal_code;      /* static */
	const char *order;             /* static */
	int64_t prompt_tokens, max_output;
	uint64_t conversation;
	struct hedge hedge;
	struct rescue_list rescue;
	struct wait_policy wait;
	enum when_down when_down;
	enum failure_kind refusal_kind;
	int status;
	enum named named;
	enum dialect_id dialect;
	enum operation operation;
	int rule, entry;               /* in the configuration's lists; -1 = none */
	bool stream;
	unsigned candidate_count;      /* kept */
	unsigned considered, usable;
	struct explained *candidates;
	struct explained_key *keys;
};

/* ---- taking down ---- */

/* Texts are gathered first, then copied behind the rows in one go. */
struct packing {
	const struct plan_query *query;
	const struct plan *plan;
	struct arena *thorough;
	int64_t tokens;                /* of the prompt, as far as it was needed; 0 = unknown */
	char *at, *end;
};

static unsigned keys_shown(const struct candidate *c)
{
	return c->provider->key_count < EXPLAINED_KEYS_MAX ? c->provider->key_count : EXPLAINED_KEYS_MAX;
}

static struct slice put(struct packing *p, struct slice text)
{
	char *at = p->at;

	if (text.len == 0)
		return SLICE("");
	check(text.len <= (size_t)(p->end - at), "the texts were measured");
	p->at = (char *)mempcpy(at, text.ptr, text.len);
	return slice_of(at, text.len);
}

/* Where it would be sent: the dialect's path behind the provider's base. */
static struct slice address_of(const struct plan_query *q, const struct candidate *c, struct arena *a)
{
	const struct binding *b = c->binding;
	struct request_route route = { .operation = q->operation, .stream = q->stream, .model = c->own_id };
	struct slice path;

	if (!b || !b->dialect)
		return SLICE("");
	route.query = c->translates && q->stream ? b->dialect->stream_query : SLICE("");
	route.quirks = b->quirks;
	route.base_query = b->base.query;
	path = b->dialect->request_path(&route, a);
	return path.ptr ? arena_printf(a, "%.*s%.*s", SLICE_ARG(b->base_text), SLICE_ARG(path)) : SLICE("");
}

static int64_t left_ms(int64_t until_ns, int64_t now_ns)
{
	return until_ns > now_ns ? (until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
}

static void look_at_vital(const struct packing *p, const struct candidate *c, struct explained *e)
{
	struct vital_signs signs;

	e->first_token_us = e->first_token_p95_us = e->token_ns = e->connect_us = -1;
	e->requests_left = e->tokens_left = -1;
	e->success_permille = -1;
	e->is_known = c->vital != NULL;
	if (!c->vital)
		return;
	vital_look(c->vital, p->tokens, p->query->now_ns, &signs);
	e->first_token_us = signs.first_token_mean_us;
	e->token_ns = signs.token_ns;
	e->connect_us = signs.connect_us;
	e->in_flight = signs.in_flight;
	e->success_permille = signs.success_permille;
	e->requests_left = signs.requests_left;
	e->tokens_left = signs.tokens_left;
	e->saturated_ms = left_ms(signs.saturated_until_ns, p->query->now_ns);
	if (p->thorough)
		e->first_token_p95_us = vital_percentile(c->vital, 95, p->query->now_ns);
}

static void look_at_breaker(const struct packing *p, const struct candidate *c, struct explained *e)
{
	const struct knowledge *k = p->query->knowledge;
	int64_t until_ns;

	if (!k || !k->breakers || c->target == 0)
		return;
	e->is_known = true;
	e->breaker = breaker_look(k->breakers, c->target, p->query->now_ns, &until_ns, &e->limited);
	e->open_ms = e->breaker == BREAKER_OPEN ? left_ms(until_ns, p->query->now_ns) : 0;
}

/* What a key has left is a question of what the request may take: its prompt and the longest answer it allows. */
static void look_at_keys(const struct packing *p, const struct candidate *c, struct explained *e,
			 struct explained_key *keys)
{
	const struct knowledge *k = p->query->knowledge;
	int64_t tokens = p->tokens + (p->query->max_output > 0 ? p->query->max_output : 0);

	e->key_count = keys_shown(c);
	for (unsigned i = 0; i < e->key_count; i++) {
		const struct credential *key = &c->provider->keys[i];
		int64_t until_ns = 0;

		keys[i] = (struct explained_key){ .answer = KEY_READY };
		memcpy(keys[i].name, key->name, sizeof(keys[i].name));
		if (!k || !k->keys || !c->binding)
			continue;
		keys[i].answer = key_pool_look(k->keys,
					       key_pool_id(c->provider->name, c->binding->base_text, key->fingerprint),
					       &key->limits, tokens, p->query->now_ns, &until_ns);
		if (keys[i].answer != KEY_READY)
			keys[i].for_ms = (int32_t)left_ms(until_ns, p->query->now_ns);
	}
}

/* The estimate of a plan that needed no price is made now, where there is time for it. */
static int64_t cost_of(const struct packing *p, const struct candidate *c)
{
	if (c->cost_estimate != PRICE_UNKNOWN || !p->thorough)
		return c->cost_estimate;
	return plan_cost_estimate(c->offer, p->tokens, p->query->max_output);
}

static void take_candidate(struct packing *p, const struct candidate *c, struct slice url, struct explained *e)
{
	e->provider = put(p, c->provider->name);
	e->model = put(p, c->model);
	e->sent_as = slice_eq(c->own_id, c->model) ? e->model : put(p, c->own_id);
	e->passed_over = c->passed_over ? put(p, slice_cstr(c->passed_over)) : (struct slice){ 0 };
	e->url = put(p, url);
	e->why = c->why;
	e->dropped = c->fields.dropped;
	e->refused = c->fields.refused;
	e->cost_nano_usd = cost_of(p, c);
	e->penalty = c->penalty;
	e->cause = c->cause;
	e->dialect = c->binding ? c->binding->dialect_id : DIALECT_COUNT;
	e->translates = c->translates;
	e->substituted = c->substituted;
	look_at_vital(p, c, e);
	look_at_breaker(p, c, e);
}

static void take_refusal(struct packing *p, const struct failure *f, struct explanation *e)
{
	if (!f)
		return;
	e->refusal = put(p, slice_cstr(f->message));
	e->refusal_param = put(p, slice_cstr(f->param));
	e->refusal_kind = f->kind;
	e->refusal_code = outcome_of(f->kind)->code;
	e->status = outcome_status(f, p->query->dialect);
}

/* Which rule or entry decided, as a place in the configuration's lists. */
static void take_place(const struct routing *r, const struct plan *plan, struct explanation *e)
{
	e->rule = plan->rule ? (int)(plan->rule - r->rules) : -1;
	e->entry = -1;
	for (unsigned i = 0; !plan->rule && plan->actions && i < r->model_count && e->entry < 0; i++)
		if (plan->actions == &r->models[i].actions)
			e->entry = (int)i;
}

static void take_head(struct packing *p, struct explanation *e)
{
	const struct plan *plan = p->plan;

	e->asked = put(p, plan->asked);
	e->public_id = slice_eq(plan->public_id, plan->asked) ? e->asked : put(p, plan->public_id);
	e->route = put(p, plan->route);
	e->only = put(p, p->query->only);
	if (plan->mirror) {
		e->mirror_provider = put(p, plan->mirror->provider->name);
		e->mirror_model = put(p, plan->mirror->model);
	}
	e->order = plan->order;
	e->prompt_tokens = plan->prompt_tokens;
	e->max_output = p->query->max_output;
	e->conversation = plan->conversation;
	e->hedge = plan->hedge;
	e->rescue = plan->rescue;
	e->wait = plan->wait;
	e->when_down = plan->when_down;
	e->named = plan->named;
	e->dialect = p->query->dialect;
	e->operation = p->query->operation;
	e->stream = p->query->stream;
	e->considered = plan->count;
	e->usable = plan->usable;
}

static size_t head_text_size(const struct packing *p, const struct failure *refusal)
{
	const struct plan *plan = p->plan;
	size_t size = plan->asked.len + plan->public_id.len + plan->route.len + p->query->only.len;

	if (plan->mirror)
		size += plan->mirror->provider->name.len + plan->mirror->model.len;
	return refusal ? size + strlen(refusal->message) + strlen(refusal->param) : size;
}

static size_t candidate_text_size(const struct candidate *c)
{
	return c->provider->name.len + c->model.len + c->own_id.len + (c->passed_over ? strlen(c->passed_over) : 0);
}

struct explanation *explanation_new(const struct routing *routing, const struct plan_query *query, const struct plan *plan,
				    const struct failure *refusal, struct arena *thorough)
{
	struct packing p = { .query = query, .plan = plan, .thorough = thorough };
	unsigned count = thorough || plan->count < EXPLAINED_KEPT_MAX ? plan->count : EXPLAINED_KEPT_MAX;
	struct slice urls[PLAN_CANDIDATES_MAX];
	size_t texts = head_text_size(&p, refusal), keys = 0, size;
	struct explanation *e;

	p.tokens = plan->prompt_tokens > 0 ? plan->prompt_tokens : 0;
	if (thorough && plan->prompt_tokens < 0 && query->prompt_tokens)
		p.tokens = query->prompt_tokens(query->ctx);
	for (unsigned i = 0; i < count; i++) {
		urls[i] = thorough ? address_of(query, &plan->candidates[i], thorough) : SLICE("");
		texts += candidate_text_size(&plan->candidates[i]) + urls[i].len;
		keys += keys_shown(&plan->candidates[i]);
	}
	size = sizeof(*e) + count * sizeof(*e->candidates) + keys * sizeof(*e->keys) + texts;
	e = xmalloc(size);
	*e = (struct explanation){ .size = size, .candidate_count = count };
	e->candidates = (struct explained *)(e + 1);
	e->keys = (struct explained_key *)(e->candidates + count);
	p.at = (char *)(e->keys + keys);
	p.end = (char *)e + size;
	take_head(&p, e);
	if (thorough)
		e->prompt_tokens = p.tokens;
	take_place(routing, plan, e);
	take_refusal(&p, refusal, e);
	keys = 0;
	for (unsigned i = 0; i < count; i++) {
		e->candidates[i] = (struct explained){ .first_key = (unsigned)keys };
		take_candidate(&p, &plan->candidates[i], urls[i], &e->candidates[i]);
		look_at_keys(&p, &plan->candidates[i], &e->candidates[i], e->keys + keys);
		keys += e->candidates[i].key_count;
	}
	return e;
}

struct explanation *explanation_free(struct explanation *e)
{
	free(e);
	return NULL;
}

size_t explanation_size(const struct explanation *e)
{
	return e->size;
}

bool explanation_is_answerable(const struct explanation *e)
{
	return !e->refusal.ptr;
}

int explanation_status(const struct explanation *e)
{
	return e->status;
}

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
	static const char *const names[] = { [KEY_READY] = "ready", [KEY_RETIRED] = "retired", [KEY_LIMITED] = "limited" };

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

/* A number, or null where it is unknown. */
static void write_scaled(struct json_writer *w, int64_t value, double unit)
{
	if (value < 0)
		json_null(w);
	else
		json_double(w, (double)value / unit);
}

static void write_known(struct json_writer *w, int64_t value)
{
	if (value < 0)
		json_null(w);
	else
		json_int(w, value);
}

#define member_text_or_null(w, name, text) (json_literal_key((w), name), write_text_or_null((w), (text)))
#define member_scaled(w, name, value, unit) (json_literal_key((w), name), write_scaled((w), (value), (unit)))
#define member_known(w, name, value) (json_literal_key((w), name), write_known((w), (value)))

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
	member_text_or_null(w, "dialect",
			    c->dialect == DIALECT_COUNT ? (struct slice){ 0 } : slice_cstr(dialect_id_name(c->dialect)));
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

void explanation_write(const struct explanation *e, const struct routing *routing, struct json_writer *w, struct arena *a)
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
