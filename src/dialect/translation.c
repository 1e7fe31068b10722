/* SPDX-License-Identifier: Apache-2.0 */
/* Answers through the hub. */
#include "dialect/translation.h"

void translation_init(struct translation *t, size_t request_limit)
{
	*t = (struct translation){ 0 };
	arena_init(&t->arena);
	buf_init(&t->request, request_limit);
	buf_init(&t->out, SIZE_MAX);
	names_init(&t->names, &t->arena);
}

void translation_done(struct translation *t)
{
	answer_done(&t->answer);
	buf_done(&t->request);
	buf_done(&t->out);
	arena_done(&t->arena);
}

void translation_begin_answer(struct translation *t, const struct translation_answer *how)
{
	t->folds = how->folds;
	t->writer = (struct event_writer){
		.dialect = how->client,
		.arena = &t->arena,
		.framing = how->framing,
		.include_usage = how->facts->usage_asked,
		.model = arena_dup(&t->arena, how->model),
		.provider = how->provider,
		.usage = how->usage,
		.seed = how->seed,
		.now_s = how->now_s,
		.sequence = -1,
		.limit = how->limit,
	};
	answering_init(&t->answering, how->provider, how->provider_dialect, &t->names, how->seed);
	if (how->client->writer_init)
		how->client->writer_init(&t->writer, how->facts);
	if (t->folds)
		answer_init(&t->answer, &t->arena, how->limit);
}

static bool fail_limit(struct failure *reterr)
{
	return failure_set(reterr, FAILURE_MALFORMED,
			   "the answer is longer than limits.hold, and the client's dialect needs the whole of it");
}

static bool tell(struct translation *t, const struct event *e)
{
	if (!t->folds)
		return t->writer.dialect->write_event(&t->writer, e, &t->out);
	answer_add(&t->answer, e);
	return !t->answer.overflow;
}

bool translation_take(struct translation *t, struct event_list *events, struct arena *scratch, struct failure *reterr)
{
	if (events->overflow)
		return failure_set(reterr, FAILURE_MALFORMED, "the provider's answer has more choices, parts or tool calls than any dialect knows");
	t->answering.marked = events->halves;
	for (unsigned i = 0; i < events->count; i++) {
		struct event *e = &events->items[i];
		const struct event *before;

		answering_prepare(&t->answering, e, scratch);
		if (t->answering.fault)
			return failure_set(reterr, FAILURE_MALFORMED, "%s", t->answering.fault);
		while ((before = answering_release(&t->answering, e, scratch)))
			if (!tell(t, before))
				return fail_limit(reterr);
		if (!answering_holds(&t->answering, e, &t->arena) && !tell(t, e))
			return fail_limit(reterr);
	}
	return true;
}

bool translation_end(struct translation *t, struct buf *out, struct failure *reterr)
{
	const struct dialect *d = t->writer.dialect;

	if (t->ended)
		return true;
	t->ended = true;
	if (t->folds ? d->write_answer(&t->writer, &t->answer, out) : d->write_end(&t->writer, out))
		return true;
	return fail_limit(reterr);
}
