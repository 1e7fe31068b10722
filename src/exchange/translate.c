/* SPDX-License-Identifier: Apache-2.0 */
/* The hub within an exchange. */
#include "exchange/translate.h"

#include "exchange/exchange_internal.h"
#include "base/clock.h"
#include "base/random.h"

const struct chat *translate_chat(struct exchange *x)
{
	struct failure f;
	struct chat *chat;

	if (x->chat || x->chat_unreadable)
		return x->chat;
	if (!x->dialect->read_chat)
		return NULL;
	chat = arena_new(&x->arena, struct chat);
	if (!x->dialect->read_chat(&x->facts, x->endpoint->operation, &x->arena, chat, &f)) {
		exchange_fail(x, &f);
		x->chat_unreadable = true;
		return NULL;
	}
	x->chat = chat;
	return chat;
}

static bool write_request(struct exchange *x, struct translation *t, const struct candidate *c, bool ask_usage,
			  struct failure *reterr)
{
	const struct chat *chat = translate_chat(x);
	struct chat_target target = {
		.operation = x->endpoint->operation,
		.model = c->own_id,
		.provider = c->provider->name,
		.rules = c->rules,
		.quirks = c->binding->quirks,
		.max_output = c->offer ? c->offer->model->max_output : 0,
		.carried = c->fields.carried,
		.stream = t->stream,
		.ask_usage = ask_usage,
		.names = &t->names,
		.rewritten_lossy = &t->losses,
	};
	bool ok;

	t->losses = c->fields.dropped;
	failure_set(reterr, FAILURE_REQUEST, "the request does not fit limits.body when it is written for %.*s",
		    SLICE_ARG(c->provider->name));
	ok = chat && c->binding->dialect->write_chat(chat, &target, &x->worker->scratch, &t->request, reterr);
	arena_reset(&x->worker->scratch);
	return ok;
}

struct translation *translate_new(struct exchange *x, const struct candidate *c, bool ask_usage, struct failure *reterr)
{
	const struct config *config = x->snapshot->config;
	struct translation *t = xmalloc(sizeof(*t));
	uint64_t quirks = c->binding->quirks;

	translation_init(t, 2 * config->limits.body);
	if (x->endpoint->operation == OPERATION_CHAT)
		t->stream = x->wants_stream ? !(quirks & QUIRK_NO_STREAM) : (quirks & QUIRK_STREAM_ONLY) != 0;
	if (!write_request(x, t, c, ask_usage, reterr))
		return translate_free(t);
	translation_begin_answer(t, &(struct translation_answer){
		.client = x->dialect,
		.facts = &x->facts,
		.framing = x->framing,
		.folds = !x->wants_stream,
		.provider = c->provider->name,
		.provider_dialect = c->binding->dialect_id,
		.model = c->model,
		.usage = &x->attempt.reader.usage,
		.seed = random_u64(),
		.now_s = clock_wall_ms() / 1000,
		.limit = config->limits.hold,
	});
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
