/* SPDX-License-Identifier: Apache-2.0 */
/* The hub within an exchange. */
#include "exchange/translate.h"

#include "exchange/exchange_internal.h"
#include "base/clock.h"
#include "base/random.h"
#include "llm/state.h"

const struct chat *translate_chat(struct exchange *x)
{
	struct failure *f;
	struct chat *chat;

	if (x->chat || x->chat_failure)
		return x->chat;
	if (!x->dialect->read_chat)
		return NULL;
	chat = arena_new(&x->arena, struct chat);
	f = arena_new(&x->arena, struct failure);
	if (!x->dialect->read_chat(&x->facts, x->endpoint->operation, &x->arena, chat, f)) {
		x->chat_failure = f;
		return NULL;
	}
	x->chat = chat;
	return chat;
}

bool translate_asks_stream(const struct exchange *x, const struct candidate *c)
{
	uint64_t exception = x->wants_stream ? QUIRK_NO_STREAM : QUIRK_STREAM_ONLY;
	bool is_exception = c->translates && (c->binding->quirks & exception);

	return x->wants_stream != is_exception;
}

static struct chat_target target_of(struct exchange *x, const struct candidate *c, uint64_t carried,
				    struct translation *t)
{
	return (struct chat_target){
		.operation = x->endpoint->operation,
		.model = c->own_id,
		.provider = c->provider->name,
		.rules = c->rules,
		.quirks = c->binding->quirks,
		.max_output = c->offer ? c->offer->model->max_output : 0,
		.carried = carried,
		.stream = t->stream,
		.names = &t->names,
		.rewritten_lossy = &t->losses,
	};
}

static bool write_request(struct exchange *x, struct translation *t, const struct candidate *c, bool ask_usage,
			  struct failure *reterr)
{
	const struct chat *chat = rescue_is_running(x) && x->rescue->chat ? x->rescue->chat : translate_chat(x);
	struct chat_target target = target_of(x, c, c->fields.carried, t);
	bool ok;

	target.ask_usage = ask_usage;
	/* What is to be stored is stored here (stored.h). */
	t->losses = c->fields.dropped & ~(x->stored ? FIELD_STORE : 0);
	failure_set(reterr, FAILURE_REQUEST, "the request does not fit limits.body when it is written for %.*s",
		    SLICE_ARG(c->provider->name));
	ok = chat && c->binding->dialect->write_chat(chat, &target, &x->worker->scratch, &t->request, reterr);
	if (ok && state_loses_reasoning(chat, target.provider, c->binding->dialect->id, target.rules))
		t->losses |= FIELD_REASONING_HISTORY;
	arena_reset(&x->worker->scratch);
	return ok;
}

/* What the answer's way to the client depends on, whoever it comes from. */
static void begin_answer(struct exchange *x, struct translation *t, const struct provider *provider,
			 enum dialect_id dialect, struct slice model, const struct usage *usage)
{
	translation_begin_answer(t, &(struct translation_answer){
		.client = x->dialect,
		.facts = x->asked ? x->asked : &x->facts,
		.framing = x->framing,
		.folds = !x->wants_stream,
		.provider = provider->name,
		.provider_dialect = dialect,
		.model = model,
		.usage = usage,
		.seed = random_u64(),
		.now_s = clock_wall_ms() / 1000,
		.limit = x->snapshot->config->limits.hold,
	});
}

struct translation *translate_new(struct exchange *x, const struct candidate *c, bool ask_usage,
				  const struct usage *usage, struct failure *reterr)
{
	struct translation *t = xmalloc(sizeof(*t));

	translation_init(t, 2 * x->snapshot->config->limits.body);
	t->stream = x->endpoint->operation == OPERATION_CHAT && translate_asks_stream(x, c);
	if (!write_request(x, t, c, ask_usage, reterr))
		return translate_free(t);
	begin_answer(x, t, c->provider, c->binding->dialect_id, c->model, usage);
	return t;
}

struct translation *translate_answer_only(struct exchange *x, const struct attempt *a)
{
	struct translation *t = xmalloc(sizeof(*t));

	translation_init(t, 0);
	t->stream = x->wants_stream;
	begin_answer(x, t, a->provider, a->binding->dialect_id, record_attempt(&x->record, a->row)->model,
		     &a->reader.usage);
	return t;
}

struct translation *translate_free(struct translation *t)
{
	if (t) {
		translation_done(t);
		free(t);
	}
	return NULL;
}

bool translate_parameters(struct exchange *x, struct attempt *a, const struct candidate *c, struct splice *out)
{
	const struct dialect *d = c->binding->dialect;
	bool is_known = c->rules != &model_rules_unknown || c->binding->quirks != 0;
	struct chat_target target;
	struct translation t;
	uint64_t dropped;
	bool ok;

	if (x->endpoint->operation != OPERATION_CHAT || !is_known || !d->write_chat ||
	    !parameters_are_said(d, &x->facts, c->binding->quirks) || !translate_chat(x))
		return true;
	translation_init(&t, 2 * x->snapshot->config->limits.body);
	target = target_of(x, c, 0, &t);
	ok = parameters_edit(d, &x->facts, x->chat, &target, out, &t.request, &x->arena, &x->worker->scratch, &dropped);
	a->dropped = exchange_keep(x, chat_field_list(x->chat, dropped, &x->arena));
	arena_reset(&x->worker->scratch);
	translation_done(&t);
	return ok;
}
