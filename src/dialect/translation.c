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

/* What was delivered is noted, or, when it comes a second time, cut out. False: it does not come a second time. */
static bool follow(struct translation *t, struct event *e, bool *ret_swallowed, struct failure *reterr)
{
	const char *reason;

	*ret_swallowed = false;
	if (t->repeats)
		return replay_filter(t->replay, e, ret_swallowed, &reason) ||
		       failure_set(reterr, FAILURE_DIVERGED, "%.*s does not repeat what was delivered: %s",
				   SLICE_ARG(t->answering.provider), reason);
	if (!replay_note(t->replay, e))
		t->replay = NULL;
	return true;
}

static bool tell(struct translation *t, const struct event *event, struct failure *reterr)
{
	struct translation *speaker = translation_speaker(t);
	struct event e = *event;
	bool swallowed = false;

	if (t->replay && !follow(t, &e, &swallowed, reterr))
		return false;
	if (swallowed)
		return true;
	if (!t->folds)
		return speaker->writer.dialect->write_event(&speaker->writer, &e, &speaker->out) || fail_limit(reterr);
	answer_add(&t->answer, &e);
	return !t->answer.overflow || fail_limit(reterr);
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
			if (!tell(t, before, reterr))
				return false;
		if (!answering_holds(&t->answering, e, &t->arena) && !tell(t, e, reterr))
			return false;
	}
	return true;
}

bool translation_end(struct translation *t, struct buf *out, struct failure *reterr)
{
	struct translation *speaker = translation_speaker(t);
	const struct dialect *d = speaker->writer.dialect;

	if (t->ended)
		return true;
	t->ended = true;
	if (t->folds ? d->write_answer(&t->writer, &t->answer, out) : d->write_end(&speaker->writer, out))
		return true;
	return fail_limit(reterr);
}
