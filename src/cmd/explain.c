/* SPDX-License-Identifier: Apache-2.0 */
/* `weir explain`: the plan for a request that is not sent: what its name means, which rule decides, every candidate in
 * order with the reason it is there or passed over, and what each would cost. */
#include "cmd/cmd.h"
#include "cmd/config_file.h"
#include "cmd/terminal.h"
#include "exchange/outcome.h"
#include "json/writer.h"

static int cmd_explain(int argc, char **argv);

enum { TOKENS_MAX = 100000000, PROMPT_GUESS = 1000, JSON_MAX = 4 << 20 };

static const struct option explain_options[] = {
	{ "config", 'c', "FILE", "the configuration (default: $WEIR_CONFIG, else ./weir.yaml, else none)", false },
	{ "model", 'm', "MODEL", "the name as the client would ask for it", false },
	{ "prompt-tokens", 0, "N", "length of the prompt (default 1000)", false },
	{ "max-output", 0, "N", "the request's own limit of the answer, in tokens", false },
	{ "stream", 0, NULL, "a streamed request", false },
	{ "dialect", 0, "NAME",
	  "dialect of the client, such as openai-chat (default), anthropic, gemini", false },
	{ "operation", 0, "NAME", "chat (default), completions, embeddings, count_tokens, compact", false },
	{ "needs", 0, "LIST", "tools, images, audio, documents, structured_output, reasoning, state", false },
	{ "only", 0, "LIST", "as the request header x-weir-only: providers, comma-separated", false },
	{ "json", 0, NULL, "print JSON", false },
};

const struct command command_explain = {
	.name = "explain",
	.summary = "print the plan for a request: every candidate, why, and what it would cost",
	.details = "Estimates take the prompt as uncached and the answer as --max-output or 1000 tokens long. The exit status is\n"
		   "1 when nobody could answer such a request. Nothing is sent anywhere.",
	.options = explain_options,
	.option_count = COUNT_OF(explain_options),
	.run = cmd_explain,
};

struct question {
	struct plan_query query;
	int64_t tokens;
	bool stream;
	struct chat chat; /* a request that needs what was said, for candidates that would have to be translated */
};

static int64_t question_tokens(void *ctx)
{
	return ((struct question *)ctx)->tokens;
}

/* Fields that --needs stands for. */
static const struct chat *question_chat(void *ctx)
{
	static const uint64_t fields[] = {
		FIELD_TOOLS,     FIELD_IMAGE_DATA,       FIELD_AUDIO, FIELD_DOCUMENT_DATA, FIELD_FORMAT_SCHEMA,
		FIELD_REASONING, FIELD_PREVIOUS_RESPONSE
	};
	struct question *q = ctx;

	chat_init(&q->chat, q->query.dialect);
	q->chat.fields = q->query.max_output >= 0 ? FIELD_MAX_OUTPUT : 0;
	for (unsigned i = 0; i < COUNT_OF(fields); i++)
		if (q->query.needs & 1u << i)
			q->chat.fields |= fields[i];
	if (q->query.needs & NEEDS_REASONING)
		q->chat.reasoning = (struct reasoning){ .wish = REASONING_ON };
	return &q->chat;
}

static bool read_needs(const struct options *o, unsigned *ret)
{
	static const char *const names[] = { "tools",     "images", "audio", "documents", "structured_output",
					     "reasoning", "state" };
	struct slice rest = slice_cstr(options_get(o, "needs"));

	while (rest.ptr) {
		struct slice name = slice_trim(slice_next_token(&rest, ','));
		unsigned i = 0;

		while (i < COUNT_OF(names) && !slice_eq(name, slice_cstr(names[i])))
			i++;
		if (i == COUNT_OF(names)) {
			options_complain(o, "--needs does not know '%.*s'", SLICE_ARG(name));
			return false;
		}
		*ret |= 1u << i;
	}
	return true;
}

static bool read_question(const struct options *o, struct question *q)
{
	const char *dialect = options_get(o, "dialect");
	const char *operation = options_get(o, "operation");

	*q = (struct question){ .tokens = PROMPT_GUESS, .stream = options_has(o, "stream") };
	q->query = (struct plan_query){ .model = slice_cstr(options_get(o, "model")), .max_output = -1,
					.only = slice_cstr(options_get(o, "only")), .prompt_tokens = question_tokens, .chat = question_chat,
					.stream = q->stream, .ctx = q };
	if (!q->query.model.ptr) {
		options_complain(o, "--model is needed");
		return false;
	}
	q->query.dialect = dialect ? dialect_id_by_name(slice_cstr(dialect)) : DIALECT_OPENAI_CHAT;
	if (q->query.dialect == DIALECT_COUNT || !dialect_by_id(q->query.dialect)) {
		options_complain(o, "--dialect does not know '%s'", dialect);
		return false;
	}
	q->query.operation = operation ? operation_by_name(slice_cstr(operation)) : OPERATION_CHAT;
	if (q->query.operation == OPERATION_COUNT) {
		options_complain(o, "--operation does not know '%s'", operation);
		return false;
	}
	return read_needs(o, &q->query.needs) && options_number(o, "prompt-tokens", 0, TOKENS_MAX, &q->tokens) &&
	       options_number(o, "max-output", 0, TOKENS_MAX, &q->query.max_output);
}

static const char *describe_name(const struct plan *plan)
{
	switch (plan->named) {
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

/* Length without the zeros at the end, but with at least four decimals so that columns line up. */
static size_t significant(const char *amount)
{
	const char *point = strchr(amount, '.');
	size_t len = strlen(amount);

	while (point && len > (size_t)(point - amount) + 5 && amount[len - 1] == '0')
		len--;
	return len;
}

static struct slice money(int64_t cost, struct arena *a)
{
	char text[MONEY_TEXT_MAX];

	if (cost == PRICE_UNKNOWN)
		return SLICE("unknown");
	return arena_printf(a, "$%.*s", (int)significant(money_format(cost, text)), text);
}

static int64_t candidate_cost(const struct question *q, const struct candidate *c)
{
	return plan_cost_estimate(c->offer, q->tokens, q->query.max_output);
}

/* Where it would be sent: the dialect's path behind the provider's base. */
static struct slice candidate_url(const struct question *q, const struct candidate *c, struct arena *a)
{
	struct request_route route = { .operation = q->query.operation,
				       .stream = q->stream,
				       .query = c->translates && q->stream ? c->binding->dialect->stream_query
									   : SLICE(""),
				       .model = c->own_id,
				       .quirks = c->binding ? c->binding->quirks : 0,
				       .base_query = c->binding ? c->binding->base.query : SLICE("") };
	struct slice path = c->binding && c->binding->dialect ? c->binding->dialect->request_path(&route, a)
							      : (struct slice){ 0 };

	return path.ptr ? arena_printf(a, "%.*s%.*s", SLICE_ARG(c->binding->base_text), SLICE_ARG(path)) : SLICE("");
}

static struct slice reason(const struct candidate *c, struct arena *a)
{
	if (c->passed_over)
		return arena_printf(a, "passed over: %s", c->passed_over);
	if (!c->translates)
		return slice_cstr(c->why);
	return arena_printf(a, "%s; translated to %s%s%.*s", c->why, dialect_id_name(c->binding->dialect_id),
			    c->fields.dropped ? ", without " : "", SLICE_ARG(field_list(c->fields.dropped, a)));
}

static void print_candidates(const struct question *q, const struct plan *plan, struct arena *a)
{
	static const char *const titles[] = { "#", "PROVIDER", "MODEL", "SENT AS", "ESTIMATE", "WHY" };
	struct table t;
	unsigned place = 0;

	table_init(&t, a, COUNT_OF(titles), titles, 1u << 0 | 1u << 4);
	for (unsigned i = 0; i < plan->count; i++) {
		const struct candidate *c = &plan->candidates[i];
		struct slice *row = table_row(&t, c->passed_over ? STYLE_DIM : STYLE_COUNT);

		row[0] = c->passed_over ? SLICE("-") : arena_printf(a, "%u", ++place);
		row[1] = c->provider->name;
		row[2] = c->substituted ? arena_printf(a, "%.*s (stands in)", SLICE_ARG(c->model)) : c->model;
		row[3] = c->own_id;
		row[4] = money(candidate_cost(q, c), a);
		row[5] = reason(c, a);
	}
	table_print(&t, stdout);
}

static void print_urls(const struct question *q, const struct plan *plan, struct arena *a)
{
	unsigned place = 0;

	for (unsigned i = 0; i < plan->count; i++)
		if (!plan->candidates[i].passed_over) {
			place++;
			printf("%s%u  POST %.*s\n", place == 1 ? "\n" : "", place,
			       SLICE_ARG(candidate_url(q, &plan->candidates[i], a)));
		}
}

static void print_plan(const struct question *q, const struct plan *plan, const struct failure *failure,
		       struct arena *a)
{
	printf("%s%.*s%s  %s in %s%s, %lld prompt tokens\n", style_on(stdout, STYLE_BOLD), SLICE_ARG(plan->asked), style_off(stdout),
	       operation_name(q->query.operation), dialect_id_name(q->query.dialect), q->stream ? ", streamed" : "",
	       (long long)q->tokens);
	printf("name   %s", describe_name(plan));
	if (plan->public_id.len > 0 && !slice_eq(plan->public_id, plan->asked))
		printf(": %.*s", SLICE_ARG(plan->public_id));
	printf("\nroute  %.*s%s\n\n", SLICE_ARG(plan->route), plan->rule ? " (the first rule that matches)" : "");
	if (plan->count > 0)
		print_candidates(q, plan, a);
	if (plan->usable > 0)
		print_urls(q, plan, a);
	else
		printf("%s%snobody can answer this%s: the client gets %d: %s\n", plan->count > 0 ? "\n" : "",
		       style_on(stdout, STYLE_BAD), style_off(stdout), outcome_status(failure, q->query.dialect),
		       failure->message);
}

static void write_candidate(const struct question *q, const struct candidate *c, struct json_writer *w, struct arena *a)
{
	int64_t cost = candidate_cost(q, c);

	json_begin_object(w);
	json_member_string(w, "provider", c->provider->name);
	json_member_string(w, "model", c->model);
	json_member_string(w, "sent_as", c->own_id);
	json_member_bool(w, "usable", !c->passed_over);
	json_member_bool(w, "substituted", c->substituted);
	json_member_cstr(w, "why", c->why);
	json_literal_key(w, "translated_to");
	if (c->translates)
		json_string(w, slice_cstr(dialect_id_name(c->binding->dialect_id)));
	else
		json_null(w);
	json_member_string(w, "dropped", field_list(c->fields.dropped, a));
	json_key(w, SLICE("passed_over"));
	if (c->passed_over)
		json_string(w, slice_cstr(c->passed_over));
	else
		json_null(w);
	json_key(w, SLICE("estimate_usd"));
	if (cost == PRICE_UNKNOWN)
		json_null(w);
	else
		json_double(w, (double)cost / 1e9);
	json_member_string(w, "url", candidate_url(q, c, a));
	json_end_object(w);
}

static void print_json(const struct question *q, const struct plan *plan, const struct failure *failure,
		       struct arena *a)
{
	struct buf out;
	struct json_writer w;

	buf_init(&out, JSON_MAX);
	json_writer_init(&w, &out);
	json_begin_object(&w);
	json_member_string(&w, "asked", plan->asked);
	json_member_cstr(&w, "named", describe_name(plan));
	json_member_string(&w, "public_id", plan->public_id);
	json_member_string(&w, "route", plan->route);
	json_member_int(&w, "prompt_tokens", q->tokens);
	json_key(&w, SLICE("candidates"));
	json_begin_array(&w);
	for (unsigned i = 0; i < plan->count; i++)
		write_candidate(q, &plan->candidates[i], &w, a);
	json_end_array(&w);
	json_key(&w, SLICE("failure"));
	if (plan->usable > 0) {
		json_null(&w);
	} else {
		json_begin_object(&w);
		json_member_int(&w, "status", outcome_status(failure, q->query.dialect));
		json_member_cstr(&w, "kind", failure_kind_name(failure->kind));
		json_member_cstr(&w, "message", failure->message);
		json_end_object(&w);
	}
	json_end_object(&w);
	printf("%.*s\n", SLICE_ARG(buf_slice(&out)));
	buf_done(&out);
}

static bool explain(const struct config *c, const struct question *q, bool as_json)
{
	struct failure failure;
	struct arena a;
	struct plan plan;
	bool usable;

	arena_init(&a);
	usable = plan_make(&c->routing, &q->query, &a, &plan, &failure);
	if (as_json)
		print_json(q, &plan, &failure, &a);
	else
		print_plan(q, &plan, &failure, &a);
	arena_done(&a);
	return usable;
}

static int cmd_explain(int argc, char **argv)
{
	struct options o;
	struct question q;
	struct config *c;
	int status;

	if (!options_parse(&o, &command_explain, argc, argv, &status))
		return status;
	if (!read_question(&o, &q))
		return EXIT_USAGE;
	c = config_file_load(options_get(&o, "config"));
	if (!c)
		return 1;
	status = explain(c, &q, options_has(&o, "json")) ? 0 : 1;
	config_unref(c);
	return status;
}
