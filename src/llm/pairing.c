/* SPDX-License-Identifier: Apache-2.0 */
/* Which tool result answers which call. */
#include "llm/pairing.h"

#include "base/map.h"
#include "llm/field.h"

enum { CALLS_OPEN_MAX = 512 };         /* of one assistant turn; more parallel calls than any model makes */

static bool has_part(const struct turn *t, enum part_kind kind)
{
	for (const struct part *p = t->parts; p; p = p->next)
		if (p->kind == kind)
			return true;
	return false;
}

static bool says_text(const struct tool_result *r, const struct part *text)
{
	for (const struct part *p = r->parts; p; p = p->next)
		if (p->kind == PART_TEXT && text->kind == PART_TEXT && slice_eq(p->text, text->text))
			return true;
	return false;
}

/* The calls of the latest assistant turn, as long as their results may come. */
struct open_calls {
	struct open_call {
		const struct tool_call *call;
		struct slice id;               /* as the client has it */
		struct tool_result *result;    /* NULL: yet to come */
	} items[CALLS_OPEN_MAX];
	unsigned count;
	struct map ids;                        /* of all calls so far */
};

/* Dialects without ids (Gemini, Ollama) still pair by name and order. The made-up id depends only on the place in the
 * conversation, so that the next turn's request repeats it. */
static void open_call(struct open_calls *open, struct tool_call *call, unsigned turn, unsigned index, struct arena *a)
{
	struct slice id = call->id;

	if (call->id.len == 0)
		call->id = arena_printf(a, "call_%u_%u", turn, index);
	/* Models that count their calls anew in every turn; Anthropic and Bedrock answer 400 to an id that is there
	 * twice (DIALECTS §3.6). The new one, too, depends on nothing that comes later. */
	while (map_get(&open->ids, call->id))
		call->id = arena_printf(a, "%.*s_%u_%u", SLICE_ARG(call->id), turn, index);
	map_put(&open->ids, call->id, call);
	if (call->arguments.len == 0 && !call->custom)
		call->arguments = SLICE("{}");
	if (open->count < CALLS_OPEN_MAX)
		open->items[open->count++] = (struct open_call){ .call = call, .id = id.len > 0 ? id : call->id };
}

static bool answers(const struct tool_result *r, const struct open_call *open, unsigned way)
{
	switch (way) {
	case 0:
		return r->id.len > 0 && slice_eq(r->id, open->id);
	case 1:
		return r->id.len == 0 && r->name.len > 0 && slice_eq(r->name, open->call->name);
	default:
		return r->id.len == 0 && r->name.len == 0;
	}
}

/* A call that was answered already: its result says the rest as well, since a second one for the same call is a 400
 * (Anthropic: "each tool_use must have a single result"). What is only said again is not. */
static bool joins_result(struct open_calls *open, struct tool_result *r)
{
	for (unsigned i = open->count; i-- > 0;) {
		struct tool_result *first = open->items[i].result;

		if (!first || !answers(r, &open->items[i], 0))
			continue;
		first->is_error = r->is_error;
		if (!r->parts || (!r->parts->next && says_text(first, r->parts)))
			return true;
		if (first->last)
			first->last->next = r->parts;
		else
			first->parts = r->parts;
		first->last = r->last;
		return true;
	}
	return false;
}

/* By id, else by name, else by order: the first unanswered call that fits. A result whose call is not there (a client
 * that cut its history) keeps what it says. False: it has become part of another. */
static bool pair_result(struct open_calls *open, struct tool_result *r, unsigned turn, unsigned index, struct arena *a)
{
	for (unsigned way = 0; way < 3; way++)
		for (unsigned i = 0; i < open->count; i++) {
			const struct tool_call *call = open->items[i].call;

			if (open->items[i].result || !answers(r, &open->items[i], way))
				continue;
			open->items[i].result = r;
			r->id = call->id;
			r->custom = r->custom || call->custom;
			if (r->name.len == 0)
				r->name = call->name;
			return true;
		}
	if (r->id.len == 0)
		r->id = arena_printf(a, "call_%u_%u", turn, index);
	return !joins_result(open, r);
}

static bool opens_calls(const struct turn *t)
{
	return t->role == ROLE_ASSISTANT && has_part(t, PART_TOOL_CALL);
}

static void pair_turn(struct open_calls *open, struct turn *t, unsigned number, struct arena *a)
{
	struct part *kept = NULL;
	unsigned index = 0;

	for (struct part **at = &t->parts; *at;) {
		struct part *p = *at;

		if (p->kind == PART_TOOL_CALL)
			open_call(open, p->call, number, index++, a);
		if (p->kind == PART_TOOL_RESULT && !pair_result(open, p->result, number, index++, a)) {
			*at = p->next;
			continue;
		}
		kept = p;
		at = &p->next;
	}
	t->last = kept;
}

/* A turn that had nothing but what went into earlier results goes. */
static void pair_turns(struct chat *c, struct arena *a)
{
	struct open_calls *open = arena_new(a, struct open_calls);
	struct turn *kept = NULL;
	unsigned number = 0;

	map_init(&open->ids);
	for (struct turn **at = &c->turns; *at; number++) {
		struct turn *t = *at;
		bool said = t->parts != NULL;

		if (opens_calls(t))
			open->count = 0;
		pair_turn(open, t, number, a);
		if (said && !t->parts) {
			*at = t->next;
			continue;
		}
		kept = t;
		at = &t->next;
	}
	c->last_turn = kept;
	map_done(&open->ids);
}

/* ---- what stands between ---- */

/* The last turn with results before the assistant speaks again; NULL if there is none. */
static struct turn *last_results(struct turn *calls)
{
	struct turn *found = NULL;

	for (struct turn *t = calls->next; t && t->role != ROLE_ASSISTANT; t = t->next)
		if (has_part(t, PART_TOOL_RESULT))
			found = t;
	return found;
}

/* System turns between `calls` and `results` move behind `results`, in their order. */
static void move_system_behind(struct chat *c, struct turn *calls, struct turn *results)
{
	struct turn *behind = results;

	for (struct turn **at = &calls->next; *at != results;) {
		struct turn *t = *at;

		if (t->role != ROLE_SYSTEM) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		t->next = behind->next;
		behind->next = t;
		behind = t;
	}
	if (c->last_turn == results)
		c->last_turn = behind;
}

void pair_calls(struct chat *c, struct arena *a)
{
	pair_turns(c, a);
	for (struct turn *t = c->turns; t; t = t->next) {
		struct turn *results = NULL;

		if (t->role == ROLE_ASSISTANT && has_part(t, PART_TOOL_CALL))
			results = last_results(t);
		if (results)
			move_system_behind(c, t, results);
	}
}

/* ---- completeness ---- */

/* Whose APIs answer 400 to calls without results and results without calls (§3.6); the others pair by name and order,
 * or leave it to the model's template. */
static bool wants_pairs(const struct chat *c)
{
	return c->dialect == DIALECT_OPENAI_CHAT || c->dialect == DIALECT_OPENAI_RESPONSES ||
	       c->dialect == DIALECT_ANTHROPIC || c->dialect == DIALECT_BEDROCK;
}

/* Where part of the conversation is not in the request, its calls are neither. */
static bool is_whole(const struct chat *c)
{
	return c->previous_response_id.len == 0 && !json_exists(c->conversation) &&
	       !(c->fields & (FIELD_OPAQUE_PART | FIELD_OTHER_MEANING));
}

static bool unpaired(struct failure *reterr, const char *what, struct slice id, const char *remedy)
{
	return failure_set(reterr, FAILURE_BAD_REQUEST, "the tool %s \"%.*s\" %s", what, SLICE_ARG(id), remedy);
}

static bool results_have_calls(const struct chat *c, struct map *calls, struct map *results, struct failure *reterr)
{
	for (const struct turn *t = c->turns; t; t = t->next)
		for (struct part *p = t->parts; p; p = p->next) {
			if (p->kind == PART_TOOL_CALL)
				map_put(calls, p->call->id, p->call);
			if (p->kind != PART_TOOL_RESULT)
				continue;
			if (!map_get(calls, p->result->id))
				return unpaired(reterr, "result", p->result->id,
						"answers no call of the messages before it: send the call too");
			map_put(results, p->result->id, p->result);
		}
	return true;
}

/* The calls of the last turn may still be answered. */
static bool calls_have_results(const struct chat *c, const struct map *results, struct failure *reterr)
{
	for (const struct turn *t = c->turns; t && t->next; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (p->kind == PART_TOOL_CALL && !map_get(results, p->call->id))
				return unpaired(reterr, "call", p->call->id,
						"has no result in the messages after it: send one for each call");
	return true;
}

bool pairs_complete(const struct chat *c, struct failure *reterr)
{
	struct map calls, results;
	bool ok;

	if (!wants_pairs(c) || !is_whole(c))
		return true;
	map_init(&calls);
	map_init(&results);
	ok = results_have_calls(c, &calls, &results, reterr) && calls_have_results(c, &results, reterr);
	map_done(&calls);
	map_done(&results);
	return ok;
}
