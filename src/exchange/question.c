/* SPDX-License-Identifier: Apache-2.0 */
/* Reads questions and plans them. What a request says of itself is taken from the same places as on the data plane
 * (identify.c, the dialects' read_request). */
#include "exchange/question.h"

#include "base/clock.h"
#include "base/random.h"
#include "exchange/endpoint.h"
#include "exchange/session.h"
#include "llm/state.h"

#define REFUSE(reterr, ...) failure_set((reterr), FAILURE_BAD_REQUEST, __VA_ARGS__)

enum { QUESTION_TOKENS_MAX = 100000000, QUESTION_TOKENS_GUESS = 1000, QUESTION_ITEMS_MAX = 256 };

static const char *const needs_names[] = { "tools",     "images", "audio", "documents", "structured_output",
					   "reasoning", "state" };

/* ---- what the planner asks back ---- */

static int64_t tokens_for_plan(void *ctx)
{
	struct question *q = ctx;
	struct arena scratch;

	if (q->tokens >= 0 || !q->has_body)
		return q->tokens >= 0 ? q->tokens : QUESTION_TOKENS_GUESS;
	arena_init(&scratch);
	q->tokens = dialect_estimate_prompt(q->dialect, &q->facts, q->query.operation, TOKENS_UNSAID, &scratch);
	arena_done(&scratch);
	return q->tokens;
}

/* A chat with the fields that "needs" stands for. */
static void imagine_chat(struct question *q, struct chat *chat)
{
	static const uint64_t fields[] = {
		FIELD_TOOLS,     FIELD_IMAGE_DATA,       FIELD_AUDIO, FIELD_DOCUMENT_DATA, FIELD_FORMAT_SCHEMA,
		FIELD_REASONING, FIELD_PREVIOUS_RESPONSE
	};

	_Static_assert(COUNT_OF(fields) == COUNT_OF(needs_names), "each need stands for a field");
	chat_init(chat, q->query.dialect);
	chat->fields = q->query.max_output >= 0 ? FIELD_MAX_OUTPUT : 0;
	for (unsigned i = 0; i < COUNT_OF(fields); i++)
		if (q->query.needs & 1u << i)
			chat->fields |= fields[i];
	if (q->query.needs & NEEDS_REASONING)
		chat->reasoning = (struct reasoning){ .wish = REASONING_ON };
}

static const struct chat *chat_for_plan(void *ctx)
{
	struct question *q = ctx;
	struct chat *chat;

	if (q->chat_tried)
		return q->chat;
	q->chat_tried = true;
	chat = arena_new(q->arena, struct chat);
	if (!q->has_body)
		imagine_chat(q, chat);
	else if (!q->dialect->read_chat ||
		 !q->dialect->read_chat(&q->facts, q->query.operation, q->arena, chat, &q->chat_failure))
		return NULL;
	q->chat = chat;
	return chat;
}

/* As exchange_conversation() does: of the session, else of the prompt's beginning. */
static uint64_t conversation_for_plan(void *ctx)
{
	struct question *q = ctx;
	struct arena scratch;
	uint64_t hash;

	if (q->query.caller.session.len > 0)
		return hash_bytes(q->query.caller.session);
	if (!q->has_body)
		return q->query.draw;
	arena_init(&scratch);
	hash = q->dialect->prefix_hash(&q->facts, q->query.operation, &scratch);
	arena_done(&scratch);
	return hash | (hash == 0);
}

/* ---- the members ---- */

static bool refuse_type(const char *name, const char *wanted, struct failure *reterr)
{
	return REFUSE(reterr, "%s must be %s", name, wanted);
}

static bool read_string(struct question *q, struct json root, const char *name, struct slice *ret,
			struct failure *reterr)
{
	struct json value = json_member(root, slice_cstr(name));

	if (!json_exists(value) || json_is(value, JSON_NULL))
		return true;
	if (!json_is(value, JSON_STRING))
		return refuse_type(name, "a string", reterr);
	*ret = json_text(value, q->arena);
	return true;
}

/* A list, or its items with commas between them: what x-weir-only and x-weir-tags are. */
static bool read_list(struct question *q, struct json root, const char *name, struct slice *ret, struct failure *reterr)
{
	struct json value = json_member(root, slice_cstr(name));

	if (!json_is(value, JSON_ARRAY))
		return read_string(q, root, name, ret, reterr);
	if (json_count(value) > QUESTION_ITEMS_MAX)
		return REFUSE(reterr, "%s has more than %d items", name, QUESTION_ITEMS_MAX);
	for (struct json_walk w = json_walk(value); json_walk_next(&w);) {
		if (!json_is(w.value, JSON_STRING))
			return refuse_type(name, "a list of strings", reterr);
		*ret = arena_printf(q->arena, "%.*s%s%.*s", SLICE_ARG(*ret), ret->len > 0 ? "," : "",
				    SLICE_ARG(json_text(w.value, q->arena)));
	}
	return true;
}

static bool read_number(struct json root, const char *name, int64_t high, int64_t *ret, struct failure *reterr)
{
	struct json value = json_member(root, slice_cstr(name));
	int64_t number;

	if (!json_exists(value) || json_is(value, JSON_NULL))
		return true;
	if (!json_to_i64(value, &number) || number < 0 || number > high)
		return REFUSE(reterr, "%s must be a whole number from 0 to %lld", name, (long long)high);
	*ret = number;
	return true;
}

static bool read_flag(struct json root, const char *name, bool *ret, struct failure *reterr)
{
	struct json value = json_member(root, slice_cstr(name));

	if (json_exists(value) && !json_is(value, JSON_TRUE) && !json_is(value, JSON_FALSE))
		return refuse_type(name, "true or false", reterr);
	*ret = json_to_bool(value, *ret);
	return true;
}

static bool read_needs(struct question *q, struct json root, struct failure *reterr)
{
	struct slice rest = { 0 };

	if (!read_list(q, root, "needs", &rest, reterr))
		return false;
	while (rest.ptr) {
		struct slice name = slice_trim(slice_next_token(&rest, ','));
		unsigned i = 0;

		while (i < COUNT_OF(needs_names) && !slice_eq(name, slice_cstr(needs_names[i])))
			i++;
		if (i < COUNT_OF(needs_names))
			q->query.needs |= 1u << i;
		else if (name.len > 0)
			return REFUSE(reterr, "needs does not know '%.*s'; it knows tools, images, audio, "
					   "documents, structured_output, reasoning, state", SLICE_ARG(name));
	}
	return true;
}

static struct slice lower(struct slice text, struct arena *a)
{
	char *copy = arena_cstr(a, text);

	for (size_t i = 0; i < text.len; i++)
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] = (char)(copy[i] + ('a' - 'A'));
	return slice_of(copy, text.len);
}

static bool read_headers(struct question *q, struct json root, struct failure *reterr)
{
	struct json object = json_get(root, "headers");

	if (!json_exists(object))
		return true;
	if (!json_is(object, JSON_OBJECT))
		return refuse_type("headers", "an object of strings", reterr);
	for (struct json_walk w = json_walk(object); json_walk_next(&w);) {
		if (!json_is(w.value, JSON_STRING))
			return refuse_type("headers", "an object of strings", reterr);
		if (!headers_add(&q->headers, &q->header_room, q->arena, lower(json_text(w.key, q->arena), q->arena),
				 json_text(w.value, q->arena)))
			return REFUSE(reterr, "headers has more than %d members", HEADERS_MAX);
	}
	q->query.caller.headers = &q->headers;
	q->query.only = headers_get(&q->headers, SLICE("x-weir-only"));
	q->query.caller.tags = headers_get(&q->headers, SLICE("x-weir-tags"));
	q->query.caller.user = headers_get(&q->headers, SLICE("x-weir-user"));
	q->query.caller.session = headers_get(&q->headers, SLICE("x-weir-session"));
	return true;
}

/* The owner's name, not the key itself. */
static bool read_key(struct question *q, struct json root, struct failure *reterr)
{
	const struct config *c = q->config;
	struct slice name = { 0 };

	if (!read_string(q, root, "key", &name, reterr))
		return false;
	q->query.caller.key = name.len > 0 ? name : c->key_count == 0 ? SLICE("local") : SLICE("");
	for (unsigned i = 0; i < c->key_count; i++)
		if (slice_eq(c->keys[i].name, name))
			return true;
	if (name.len == 0 || (c->key_count == 0 && slice_eq(name, SLICE("local"))))
		return true;
	return REFUSE(reterr, "no key of the configuration is called '%.*s'", SLICE_ARG(name));
}

static bool read_caller(struct question *q, struct json root, struct failure *reterr)
{
	struct caller *caller = &q->query.caller;
	int64_t hour = clock_wall_ms() / (3600 * 1000) % 24;

	if (!read_headers(q, root, reterr) || !read_key(q, root, reterr) ||
	    !read_list(q, root, "only", &q->query.only, reterr) || !read_list(q, root, "tags", &caller->tags, reterr) ||
	    !read_string(q, root, "user", &caller->user, reterr) ||
	    !read_string(q, root, "session", &caller->session, reterr) ||
	    !read_number(root, "hour", 23, &hour, reterr))
		return false;
	caller->session = session_bound(caller->session, q->arena);
	caller->hour = (unsigned)hour;
	return true;
}

static bool read_dialect(struct question *q, struct json root, struct failure *reterr)
{
	struct slice dialect = SLICE("openai-chat"), operation = SLICE("chat");

	if (!read_string(q, root, "dialect", &dialect, reterr) ||
	    !read_string(q, root, "operation", &operation, reterr))
		return false;
	q->query.dialect = dialect_id_by_name(dialect);
	q->dialect = q->query.dialect == DIALECT_COUNT ? NULL : dialect_by_id(q->query.dialect);
	if (!q->dialect)
		return REFUSE(reterr, "dialect does not know '%.*s'", SLICE_ARG(dialect));
	q->query.operation = operation_by_name(operation);
	if (q->query.operation == OPERATION_COUNT)
		return REFUSE(reterr, "operation does not know '%.*s'", SLICE_ARG(operation));
	return true;
}

static bool read_described(struct question *q, struct json root, struct failure *reterr)
{
	if (!read_dialect(q, root, reterr) || !read_string(q, root, "model", &q->query.model, reterr) ||
	    !read_flag(root, "stream", &q->query.stream, reterr) || !read_needs(q, root, reterr) ||
	    !read_number(root, "max_output", QUESTION_TOKENS_MAX, &q->query.max_output, reterr))
		return false;
	if (q->query.model.len == 0)
		return REFUSE(reterr, "model is needed: the name as the client would ask for it");
	q->query.prompt_most = tokens_for_plan(q);
	return true;
}

/* ---- a whole request ---- */

static const struct endpoint *endpoint_of_dialect(enum dialect_id dialect, enum operation operation)
{
	for (unsigned i = 0; i < endpoint_count; i++)
		if (endpoints[i].kind == ENDPOINT_MODEL && endpoints[i].dialect == dialect &&
		    endpoints[i].operation == operation && !endpoints[i].variant && !endpoints[i].stream)
			return &endpoints[i];
	return NULL;
}

static bool find_endpoint(struct question *q, struct json root, struct slice *ret_id, const struct endpoint **ret,
			  struct failure *reterr)
{
	struct slice path = { 0 };
	struct endpoint_match match;

	if (!read_string(q, root, "endpoint", &path, reterr) || !read_string(q, root, "model", ret_id, reterr) ||
	    !read_dialect(q, root, reterr))
		return false;
	if (!path.ptr) {
		*ret = endpoint_of_dialect(q->query.dialect, q->query.operation);
		return *ret || REFUSE(reterr, "the dialect %s has no endpoint for %s", q->dialect->name,
					   operation_name(q->query.operation));
	}
	match = endpoint_find(PLANE_DATA, HTTP_POST, slice_next_token(&path, '?'));
	if (!match.endpoint || match.wrong_method || match.endpoint->kind != ENDPOINT_MODEL)
		return REFUSE(reterr, "endpoint must be a path that models are asked at, such as /v1/messages");
	*ret_id = path_segment_decode(q->arena, match.id);
	*ret = match.endpoint;
	return true;
}

static bool read_whole(struct question *q, struct json root, struct json body, struct failure *reterr)
{
	const struct endpoint *endpoint = NULL;
	struct json_error error;
	struct slice id = { 0 };
	bool stream = false;

	if (!find_endpoint(q, root, &id, &endpoint, reterr) || !read_flag(root, "stream", &stream, reterr))
		return false;
	q->dialect = dialect_by_id(endpoint->dialect);
	q->query.dialect = endpoint->dialect;
	q->query.operation = endpoint->operation;
	/* It has been parsed already, but the facts are of a document of its own. */
	if (!json_is(body, JSON_OBJECT) || !json_parse(q->arena, json_raw(body), &q->facts.doc, &error))
		return refuse_type("body", "the request's JSON object", reterr);
	q->facts.variant = endpoint->variant;
	if (!q->dialect->read_request(&q->facts, endpoint->operation, id, endpoint->stream || stream, q->arena, reterr))
		return false;
	q->has_body = true;
	q->query.model = q->facts.model;
	q->query.needs = q->facts.needs;
	q->query.stream = q->facts.stream;
	q->query.max_output = q->facts.max_output;
	q->query.has_foreign_state = state_is_in(json_raw(body));
	q->query.prompt_most = (int64_t)json_raw(body).len;
	if (q->query.caller.user.len == 0)
		q->query.caller.user = q->facts.user;
	if (q->query.caller.session.len == 0)
		q->query.caller.session = session_find(&q->headers, json_root(&q->facts.doc), q->arena);
	return true;
}

static bool check_members(struct json root, struct arena *a, struct failure *reterr)
{
	static const char *const names[] = { "model", "dialect", "operation", "stream", "prompt_tokens", "max_output",
					     "needs", "only",    "key",       "user",   "session",       "tags",
					     "headers", "hour",  "endpoint",  "body" };

	if (!json_is(root, JSON_OBJECT))
		return REFUSE(reterr, "a question is a JSON object, such as {\"model\":\"claude-opus-4.7\"}");
	for (struct json_walk w = json_walk(root); json_walk_next(&w);) {
		struct slice name = json_text(w.key, a), near = slice_cstr(names[0]);

		for (unsigned i = 1; i < COUNT_OF(names); i++)
			if (slice_edit_distance(name, slice_cstr(names[i])) < slice_edit_distance(name, near))
				near = slice_cstr(names[i]);
		if (!slice_eq(name, near))
			return REFUSE(reterr, "unknown member '%.*s'; did you mean '%.*s'?",
					   (int)(name.len < 60 ? name.len : 60), name.ptr, SLICE_ARG(near));
		if (json_member_count(root, name) > 1)
			return REFUSE(reterr, "'%.*s' is there more than once", SLICE_ARG(name));
	}
	return true;
}

bool question_read(struct json root, const struct config *config, struct arena *a, struct question *ret,
		   struct failure *reterr)
{
	struct json body = json_get(root, "body");

	*ret = (struct question){ .config = config, .arena = a, .tokens = -1 };
	ret->query = (struct plan_query){ .max_output = -1, .prompt_tokens = tokens_for_plan, .chat = chat_for_plan,
					  .conversation = conversation_for_plan, .ctx = ret, .draw = random_u64() };
	if (!check_members(root, a, reterr) || !read_caller(ret, root, reterr) ||
	    !read_number(root, "prompt_tokens", QUESTION_TOKENS_MAX, &ret->tokens, reterr))
		return false;
	return json_exists(body) ? read_whole(ret, root, body, reterr) : read_described(ret, root, reterr);
}

struct explanation *question_answer(struct question *q, const struct knowledge *knowledge)
{
	struct failure refusal;
	struct plan plan;
	bool planned;

	q->query.knowledge = knowledge;
	q->query.now_ns = clock_now_ns();
	q->query.deadline_ns = q->query.now_ns + q->config->defaults.request_timeout_ms * NS_PER_MS;
	planned = plan_make(&q->config->routing, &q->query, q->arena, &plan, &refusal);
	/* What cannot be read can go to nobody: then that is the reason. */
	if (!planned && q->chat_tried && !q->chat && q->chat_failure.kind != FAILURE_NONE)
		refusal = q->chat_failure;
	return explanation_new(&q->config->routing, &q->query, &plan, planned ? NULL : &refusal, q->arena);
}
