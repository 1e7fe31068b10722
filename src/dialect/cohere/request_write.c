/* SPDX-License-Identifier: Apache-2.0 */
/* The hub's request as v2/chat (DIALECTS §3): its top level. What stays the same over a conversation stands in front.
 */
#include "dialect/cohere/cohere.h"

#include <math.h>

#include "llm/names.h"

enum { STOPS_MAX = 5 };                /* DIALECTS §3.9 */

/* ---- tools ---- */

/* Strict is said of all tools at once. */
static bool is_strict(struct request_writing *r)
{
	unsigned strict = 0, functions = 0;

	if (!writes(r, FIELD_TOOL_STRICT))
		return false;
	for (const struct tool *t = r->chat->tools; t; t = t->next) {
		functions += t->kind == TOOL_FUNCTION;
		strict += t->kind == TOOL_FUNCTION && t->strict == SAID_YES;
	}
	request_note_loss(r, FIELD_TOOL_STRICT, strict > 0 && strict < functions);
	return strict > 0 && strict == functions;
}

static bool write_tools(struct request_writing *r, bool any)
{
	bool strict;

	if (!any)
		return true;
	strict = is_strict(r);
	if (strict)
		r->shape->tools = SCHEMA_COHERE;
	json_literal_key(&r->json, "tools");
	if (!shape_write_tools(&r->json, r->chat, r->target, r->shape, r->arena, r->failure))
		return false;
	if (strict || (r->own && r->chat->tools->strict == SAID_NO))
		json_member_bool(&r->json, "strict_tools", strict);
	return true;
}

/* One tool is forced by sending no other (§3.5). */
static void write_choice(struct request_writing *r)
{
	const struct tool_choice *choice = &r->chat->choice;

	if (choice->mode == CHOICE_NONE && writes(r, FIELD_CHOICE_NONE))
		json_member_cstr(&r->json, "tool_choice", "NONE");
	if ((choice->mode == CHOICE_REQUIRED && writes(r, FIELD_CHOICE_REQUIRED)) ||
	    (choice->mode == CHOICE_NAMED && writes(r, FIELD_CHOICE_NAMED)))
		json_member_cstr(&r->json, "tool_choice", "REQUIRED");
}

static const struct chat *narrowed(const struct chat *c, const struct chat_target *t, struct arena *a)
{
	struct chat *copy;

	if (c->choice.mode != CHOICE_NAMED || !(t->carried & FIELD_CHOICE_NAMED))
		return c;
	copy = arena_new(a, struct chat);
	*copy = *c;
	copy->choice.allowed = &copy->choice.name;
	copy->choice.allowed_count = 1;
	return copy;
}

/* ---- documents ---- */

static bool takes(const struct request_writing *r, const struct other_member *m)
{
	return r->own && (m->field == 0 || writes(r, m->field));
}

static unsigned count_documents(const struct chat *c)
{
	unsigned count = 0;

	for (const struct turn *t = c->turns; t; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			count += cohere_is_text_document(p);
	return count;
}

static void write_document(struct request_writing *r, const struct media *m, unsigned number)
{
	struct json_writer *w = &r->json;

	json_begin_object(w);
	json_literal_key(w, "id");
	json_string(w, arena_printf(r->arena, "doc:%u", number));
	json_literal_key(w, "data");
	json_begin_object(w);
	if (m->name.len > 0)
		json_member_string(w, "title", m->name);
	if (m->context.len > 0)
		json_member_string(w, "context", m->context);
	json_member_string(w, "text", m->value);
	json_end_object(w);
	json_end_object(w);
}

/* Where they are cited from. They may not stand beside a response format (§3.7): there they are part of the text. */
static void write_documents(struct request_writing *r)
{
	unsigned number = 0;

	if (!r->documents_apart)
		return;
	json_literal_key(&r->json, "documents");
	json_begin_array(&r->json);
	for (const struct turn *t = r->chat->turns; t; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (cohere_is_text_document(p))
				write_document(r, p->media, number++);
	json_end_array(&r->json);
}

/* ---- format ---- */

static bool write_format(struct request_writing *r)
{
	const struct output_format *f = &r->chat->format;
	struct schema_report report = { 0 };

	if (f->kind == FORMAT_TEXT && r->own) {
		json_literal_key(&r->json, "response_format");
		json_value_raw(&r->json, SLICE("{\"type\":\"text\"}"));
	}
	if ((f->kind != FORMAT_JSON || !writes(r, FIELD_FORMAT_JSON)) &&
	    (f->kind != FORMAT_SCHEMA || !writes(r, FIELD_FORMAT_SCHEMA)))
		return true;
	json_literal_key(&r->json, "response_format");
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "type", "json_object");
	if (f->kind == FORMAT_SCHEMA) {
		json_literal_key(&r->json, "json_schema");
		if (r->own)
			json_value_raw(&r->json, json_raw(f->schema));
		else if (!schema_write(f->schema, SCHEMA_COHERE, SCHEMA_OUTPUT, r->arena, &r->json, &report))
			return failure_set(r->failure, FAILURE_REQUEST, "the answer's schema cannot be said there: %s",
					   report.reason ? report.reason : "it is too large");
		request_note_loss(r, FIELD_FORMAT_SCHEMA, report.lossy);
	}
	json_end_object(&r->json);
	return true;
}

/* ---- numbers ---- */

/* Numbers of this dialect's own clients are the API's to judge. */
static void write_number(struct request_writing *r, uint64_t field, const char *name, const struct number *n,
			 double low, double high)
{
	if (n->said && writes(r, field))
		request_note_loss(r, field, request_write_number(&r->json, name, n, r->own ? -INFINITY : low,
								 r->own ? INFINITY : high));
}

/* Ranges: §3.9. */
static void write_sampling(struct request_writing *r)
{
	const struct chat *c = r->chat;
	double hottest = r->target->rules->temperature_max > 0 ? r->target->rules->temperature_max : 1;

	write_number(r, FIELD_TEMPERATURE, "temperature", &c->temperature, 0, hottest);
	write_number(r, FIELD_TOP_P, "p", &c->top_p, 0.01, 0.99);
	write_number(r, FIELD_TOP_K, "k", &c->top_k, 0, 500);
	write_number(r, FIELD_FREQUENCY_PENALTY, "frequency_penalty", &c->frequency_penalty, 0, 1);
	write_number(r, FIELD_PRESENCE_PENALTY, "presence_penalty", &c->presence_penalty, 0, 1);
	write_number(r, FIELD_SEED, "seed", &c->seed, 0, 0x1p64);
}

static void write_stops(struct request_writing *r)
{
	const struct chat *c = r->chat;
	unsigned most = r->target->rules->stop_max > 0 ? (unsigned)r->target->rules->stop_max : STOPS_MAX;

	if (c->stop_count == 0 || !writes(r, FIELD_STOP))
		return;
	if (r->own)
		most = CHAT_STOPS_MAX;
	request_note_loss(r, FIELD_STOP, c->stop_count > most);
	json_literal_key(&r->json, "stop_sequences");
	json_begin_array(&r->json);
	for (unsigned i = 0; i < c->stop_count && i < most; i++)
		json_string(&r->json, c->stops[i]);
	json_end_array(&r->json);
}

/* ---- reasoning ---- */

static int64_t budget_of(struct request_writing *r)
{
	const struct reasoning *wish = &r->chat->reasoning;
	const struct model_rules *rules = r->target->rules;

	if (wish->wish == REASONING_BY_BUDGET) {
		bool cut = rules->budget_max > 0 && wish->budget > rules->budget_max;

		request_note_loss(r, FIELD_REASONING, cut);
		return cut ? rules->budget_max : wish->budget;
	}
	if (wish->effort == 0 || wish->effort == EFFORT_NONE)
		return -1;
	return effort_to_budget(wish->effort, r->target->max_output, rules->budget_min, rules->budget_max);
}

static void write_thinking(struct request_writing *r)
{
	const struct reasoning *wish = &r->chat->reasoning;
	bool off = reasoning_is_off(wish) || (wish->wish == REASONING_BY_BUDGET && wish->budget == 0);
	int64_t budget;

	if (!writes(r, FIELD_REASONING))
		return;
	if (off && (r->target->rules->rejects & REJECTS_REASONING_OFF)) {
		request_note_loss(r, FIELD_REASONING, true);
		return;
	}
	budget = off ? -1 : budget_of(r);
	json_literal_key(&r->json, "thinking");
	json_begin_object(&r->json);
	json_member_cstr(&r->json, "type", off ? "disabled" : "enabled");
	if (budget > 0)
		json_member_int(&r->json, "token_budget", budget);
	json_end_object(&r->json);
}

/* ---- all ---- */

static void write_others(struct request_writing *r)
{
	for (const struct other_member *m = r->chat->others; m; m = m->next) {
		if (!takes(r, m) || slice_starts_with(m->path, SLICE("messages[")))
			continue;
		json_key(&r->json, m->path);
		json_value_raw(&r->json, m->raw);
	}
}

static void write_logprobs(struct request_writing *r)
{
	if (!r->chat->logprobs || !writes(r, FIELD_LOGPROBS))
		return;
	json_member_bool(&r->json, "logprobs", true);
	request_note_loss(r, FIELD_LOGPROBS, r->chat->top_logprobs > 0); /* of the chosen tokens only */
}

static bool write_all(struct request_writing *r)
{
	const struct chat *c = r->chat;
	bool tools = shape_count_tools(c, r->target, r->shape) > 0;
	int64_t most = request_max_output(c, r->target, r->own);

	json_member_string(&r->json, "model", r->target->model);
	if (!write_tools(r, tools))
		return false;
	write_documents(r);
	json_literal_key(&r->json, "messages");
	cohere_write_messages(r);
	if (tools)
		write_choice(r);
	if (!write_format(r))
		return false;
	if (most >= 0)
		json_member_int(&r->json, "max_tokens", most);
	write_sampling(r);
	write_stops(r);
	write_logprobs(r);
	write_thinking(r);
	write_others(r);
	json_member_bool(&r->json, "stream", r->target->stream);
	return true;
}

bool cohere_write_chat(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
		       struct failure *reterr)
{
	struct chat_shape shape = { .names = &name_rule_openai, .tools = SCHEMA_PLAIN, .strict_tools = SCHEMA_COHERE };
	struct request_writing r;

	request_writing_init(&r, narrowed(c, t, scratch), t, DIALECT_COHERE, scratch, out, reterr);
	r.shape = &shape;
	if (r.own)
		shape.options |= SHAPE_OWN_SCHEMAS;
	/* Its own stand there as they came. */
	r.documents_apart = !r.own && writes(&r, FIELD_DOCUMENT_TEXT) && count_documents(c) > 0 &&
			    c->format.kind != FORMAT_JSON && c->format.kind != FORMAT_SCHEMA;
	json_begin_object(&r.json);
	if (!write_all(&r))
		return false;
	json_end_object(&r.json);
	return request_writing_end(&r);
}
