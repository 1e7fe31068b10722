/* SPDX-License-Identifier: Apache-2.0 */
/* A Responses request out of the hub: its members but for the tools (request_write_tools.c) and the conversation
 * (request_write_input.c). What stays the same from turn to turn comes first, the input last. DIALECTS §3.9 to §3.13.
 * */
#include "dialect/chat_shape.h"
#include "dialect/openai_responses/openai_responses.h"

enum {
	OUTPUT_MIN = 16,               /* DIALECTS §3.9 */
	USER_MAX = 64,                 /* characters of safety_identifier, as OpenAI's API description says */
	TOP_LOGPROBS_MAX = 20
};

static bool counts_only(const struct responses_request *q)
{
	return q->target->operation == OPERATION_COUNT_TOKENS;
}

/* A member that was kept by its path; NULL when there is none or it may not be written. */
static const struct other_member *find_other(const struct responses_request *q, const char *path)
{
	for (const struct other_member *m = q->own ? q->chat->others : NULL; m; m = m->next)
		if (slice_eq(m->path, slice_cstr(path)) && (m->field & ~q->target->carried) == 0)
			return m;
	return NULL;
}

/* The members kept under "reasoning.", … as members of the object that is being written. */
static void write_others_of(const struct responses_request *q, struct slice prefix)
{
	for (const struct other_member *m = q->own ? q->chat->others : NULL; m; m = m->next)
		if (slice_starts_with(m->path, prefix) && (m->field & ~q->target->carried) == 0) {
			json_key(q->w, slice_after(m->path, prefix.len));
			json_value_raw(q->w, m->raw);
		}
}

static bool has_others_of(const struct responses_request *q, struct slice prefix)
{
	for (const struct other_member *m = q->own ? q->chat->others : NULL; m; m = m->next)
		if (slice_starts_with(m->path, prefix) && (m->field & ~q->target->carried) == 0)
			return true;
	return false;
}

/* The whole members among the others; those that are part of something are written there. */
static void write_others(const struct responses_request *q)
{
	static const char *const parts[] = { "reasoning.", "text.", "input.", "namespaces." };
	static const char *const elsewhere[] = { "tool_choice", "include" };

	for (const struct other_member *m = q->own ? q->chat->others : NULL; m; m = m->next) {
		bool whole = (m->field & ~q->target->carried) == 0;

		for (size_t i = 0; i < COUNT_OF(parts); i++)
			whole = whole && !slice_starts_with(m->path, slice_cstr(parts[i]));
		for (size_t i = 0; i < COUNT_OF(elsewhere); i++)
			whole = whole && !slice_eq(m->path, slice_cstr(elsewhere[i]));
		/* A 400 beside stream: false. */
		if (slice_eq(m->path, SLICE("stream_options")) && !q->target->stream)
			whole = false;
		/* DIALECTS §8.10: the count knows none of them but this. */
		if (counts_only(q) && !slice_eq(m->path, SLICE("truncation")))
			whole = false;
		if (whole) {
			json_key(q->w, m->path);
			json_value_raw(q->w, m->raw);
		}
	}
}

/* ---- reasoning ---- */

/* One EFFORT_… bit, or 0: nothing is said. Models whose default is not to reason (they know "none") have to be told
 * when it shall merely be on. */
static unsigned wanted_effort(const struct responses_request *q)
{
	const struct reasoning *r = &q->chat->reasoning;

	switch (r->wish) {
	case REASONING_OFF:
		return EFFORT_NONE;
	case REASONING_ON:
		return r->effort ? r->effort : q->target->rules->efforts & EFFORT_NONE ? EFFORT_MEDIUM : 0;
	case REASONING_BY_BUDGET:
		return budget_to_effort(r->budget, q->target->max_output);
	case REASONING_BY_EFFORT: case REASONING_UNSAID:
		break;
	}
	return r->effort;
}

static unsigned allowed_effort(const struct responses_request *q, unsigned wanted)
{
	const struct model_rules *rules = q->target->rules;
	unsigned allowed = rules->efforts;

	if (wanted == 0 || rules->reasoning == REASONING_ALWAYS || rules->reasoning == REASONING_ABSENT)
		return 0;
	if (wanted == EFFORT_NONE && (rules->rejects & REJECTS_REASONING_OFF))
		allowed = allowed & ~(unsigned)EFFORT_NONE ? allowed & ~(unsigned)EFFORT_NONE : EFFORT_LOW;
	return effort_nearest(wanted, allowed);
}

static void write_reasoning(const struct responses_request *q)
{
	const struct reasoning *r = &q->chat->reasoning;
	unsigned wanted = responses_says(q, FIELD_REASONING) ? wanted_effort(q) : 0;
	unsigned effort = allowed_effort(q, wanted);
	bool visible = responses_says(q, FIELD_REASONING_VISIBLE) && (r->visible == SAID_YES || r->summary.len > 0);

	if (effort != wanted)
		*q->target->rewritten_lossy |= FIELD_REASONING;
	if (effort == 0 && !visible && !has_others_of(q, SLICE("reasoning.")))
		return;
	json_literal_key(q->w, "reasoning");
	json_begin_object(q->w);
	if (effort != 0)
		json_member_cstr(q->w, "effort", effort_name(effort));
	if (visible)
		json_member_string(q->w, "summary", r->summary.len > 0 ? r->summary : SLICE("auto"));
	write_others_of(q, SLICE("reasoning."));
	json_end_object(q->w);
}

/* ---- text ---- */

static void write_text(const struct responses_request *q)
{
	const struct output_format *f = &q->chat->format;
	bool format = f->kind == FORMAT_TEXT || (f->kind == FORMAT_JSON && responses_says(q, FIELD_FORMAT_JSON)) ||
		      (f->kind == FORMAT_SCHEMA && responses_says(q, FIELD_FORMAT_SCHEMA));
	bool verbosity = responses_says(q, FIELD_VERBOSITY) && q->chat->verbosity.len > 0;

	if (!format && !verbosity && !has_others_of(q, SLICE("text.")))
		return;
	json_literal_key(q->w, "text");
	json_begin_object(q->w);
	if (format)
		responses_write_format(q);
	if (verbosity)
		json_member_string(q->w, "verbosity", q->chat->verbosity);
	write_others_of(q, SLICE("text."));
	json_end_object(q->w);
}

/* ---- sampling and limits ---- */

static void write_number(const struct responses_request *q, uint64_t field, const char *name, const struct number *n,
			 double most)
{
	if (n->said && responses_says(q, field) && request_write_number(q->w, name, n, 0, most))
		*q->target->rewritten_lossy |= field;
}

static void write_sampling(const struct responses_request *q)
{
	const struct chat *c = q->chat;
	double hottest = q->target->rules->temperature_max > 0 ? q->target->rules->temperature_max : 2;
	int64_t most = request_max_output(c, q->target, q->own);

	write_number(q, FIELD_TEMPERATURE, "temperature", &c->temperature, hottest);
	write_number(q, FIELD_TOP_P, "top_p", &c->top_p, 1);
	if (most >= 0)
		json_member_int(q->w, "max_output_tokens", most < OUTPUT_MIN ? OUTPUT_MIN : most);
	if (most >= 0 && most < OUTPUT_MIN)
		*q->target->rewritten_lossy |= FIELD_MAX_OUTPUT;
	if (c->top_logprobs >= 0 && (responses_says(q, FIELD_LOGPROBS) || (q->own && !c->logprobs)))
		json_member_int(q->w, "top_logprobs",
				c->top_logprobs > TOP_LOGPROBS_MAX ? TOP_LOGPROBS_MAX : c->top_logprobs);
}

/* ---- storage, and what comes with the answer ---- */

/* Whose reasoning comes in items that only the provider can read. */
static bool reasons(const struct responses_request *q)
{
	enum reasoning_wish wish = q->chat->reasoning.wish;

	switch (q->target->rules->reasoning) {
	case REASONING_ABSENT:
		return false;
	case REASONING_UNKNOWN:
		return wish != REASONING_UNSAID && wish != REASONING_OFF;
	default:
		return true;
	}
}

/* Everything is stored there unless it is told not to (DIALECTS §10 row 13): nobody but a client of this dialect means
 * that. What would have been stored of the reasoning comes encrypted then. */
static bool is_stored(const struct responses_request *q)
{
	return q->chat->store == SAID_YES || (q->own && q->chat->store == UNSAID);
}

static void write_include(const struct responses_request *q)
{
	const struct other_member *own = find_other(q, "include");
	bool unknown = (q->target->quirks & QUIRK_NO_ENCRYPTED_REASONING) != 0;
	bool encrypted = reasons(q) && !is_stored(q) && !unknown;
	bool logprobs = q->chat->logprobs && responses_says(q, FIELD_LOGPROBS);
	struct json_doc doc;
	struct json_error error;

	if (!own && !encrypted && !logprobs)
		return;
	json_literal_key(q->w, "include");
	json_begin_array(q->w);
	if (own && json_parse(q->scratch, own->raw, &doc, &error))
		for (struct json_walk w = json_walk(json_root(&doc)); json_walk_next(&w);) {
			if (unknown && json_text_eq(w.value, SLICE("reasoning.encrypted_content")))
				continue;
			json_value_raw(q->w, json_raw(w.value));
			encrypted &= !json_text_eq(w.value, SLICE("reasoning.encrypted_content"));
			logprobs &= !json_text_eq(w.value, SLICE("message.output_text.logprobs"));
		}
	if (encrypted)
		json_string(q->w, SLICE("reasoning.encrypted_content"));
	if (logprobs)
		json_string(q->w, SLICE("message.output_text.logprobs"));
	json_end_array(q->w);
}

static void write_storage(const struct responses_request *q)
{
	const struct chat *c = q->chat;

	if (!(q->target->quirks & QUIRK_NO_STORE) && !(q->own && c->store == UNSAID))
		json_member_bool(q->w, "store", c->store == SAID_YES && responses_says(q, FIELD_STORE));
	if (c->background && responses_says(q, FIELD_BACKGROUND))
		json_member_bool(q->w, "background", true);
}

static void write_previous(const struct responses_request *q)
{
	if (!responses_says(q, FIELD_PREVIOUS_RESPONSE) || (q->target->quirks & QUIRK_NO_STORE))
		return;
	if (q->chat->previous_response_id.len > 0)
		json_member_string(q->w, "previous_response_id", q->chat->previous_response_id);
	if (json_exists(q->chat->conversation)) {
		json_literal_key(q->w, "conversation");
		json_value_raw(q->w, json_raw(q->chat->conversation));
	}
}

/* ---- who asks ---- */

/* A longer name (Claude Code's is) is a 400: a hash of it names the same person. */
static void write_user(const struct responses_request *q)
{
	struct slice user = q->chat->user;

	if (user.len == 0 || !responses_says(q, FIELD_USER))
		return;
	json_member_string(q->w, "safety_identifier",
			   user.len <= USER_MAX ? user : names_id(user, &name_rule_openai, false, q->scratch));
}

static void write_hints(const struct responses_request *q)
{
	const struct chat *c = q->chat;

	write_user(q);
	if (json_count(c->metadata) > 0 && responses_says(q, FIELD_METADATA)) {
		json_literal_key(q->w, "metadata");
		json_value_raw(q->w, json_raw(c->metadata));
	}
	if (c->service_tier.len > 0 && responses_says(q, FIELD_SERVICE_TIER))
		json_member_string(q->w, "service_tier", c->service_tier);
	if (c->cache_key.len > 0 && responses_says(q, FIELD_CACHE_KEY))
		json_member_string(q->w, "prompt_cache_key", c->cache_key);
	if (!find_other(q, "prompt_cache_options"))
		responses_write_cache_options(q);
}

bool responses_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
			  struct failure *reterr)
{
	struct json_writer w;
	bool failed = false;
	struct responses_request q = { .chat = c, .target = t, .scratch = scratch, .w = &w, .failure = reterr,
				       .failed = &failed, .own = c->dialect == DIALECT_OPENAI_RESPONSES };

	json_writer_init(&w, out);
	json_begin_object(&w);
	json_member_string(&w, "model", t->model);
	if (t->stream && !counts_only(&q))
		json_member_bool(&w, "stream", true);
	responses_plan_input(&q);
	responses_write_instructions(&q);
	responses_write_tools(&q);
	responses_write_choice(&q, find_other(&q, "tool_choice"));
	write_text(&q);
	write_reasoning(&q);
	if (!counts_only(&q)) {
		write_sampling(&q);
		write_include(&q);
		write_storage(&q);
		write_hints(&q);
	}
	write_others(&q);
	write_previous(&q);
	responses_write_input(&q);
	json_end_object(&w);
	return !failed && (!w.overflow || failure_set(reterr, FAILURE_REQUEST, "the request is too large to be translated"));
}
