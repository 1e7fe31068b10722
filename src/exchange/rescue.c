/* SPDX-License-Identifier: Apache-2.0 */
/* Finishing a broken stream. */
#include "exchange/rescue.h"

#include "exchange/exchange_internal.h"

bool rescue_is_armed(const struct exchange *x)
{
	return x->rescue && x->rescue->modes.modes[0];
}

bool rescue_holds(const struct exchange *x)
{
	return x->rescue && x->rescue->holds;
}

void rescue_stop_holding(struct exchange *x)
{
	x->rescue->holds = false;
}

bool rescue_is_running(const struct exchange *x)
{
	return x->rescue && x->rescue->running != RESCUE_OFF;
}

static struct replay *new_replay(const struct exchange *x)
{
	struct replay *r = replay_new();

	for (unsigned i = 0; i < RESCUES_MAX; i++)
		if (x->rescue->modes.modes[i] == RESCUE_CONTINUE)
			replay_keep_text(r, x->snapshot->config->limits.hold);
	return r;
}

/* What lies at one provider can be finished there only, and a whole answer is judged before any of it is sent. */
void rescue_arm(struct exchange *x)
{
	const struct rescue_list *wanted = &x->plan.rescue;
	bool stateful = (x->stored && x->stored->is_bound) || (x->facts.needs & NEEDS_STATE);
	bool may_replay = false;
	unsigned count = 0;

	if (!wanted->modes[0] || !x->wants_stream || x->endpoint->operation != OPERATION_CHAT)
		return;
	x->rescue = xcalloc(1, sizeof(*x->rescue));
	may_replay = !stateful && translate_chat(x);
	for (unsigned i = 0; i < RESCUES_MAX && wanted->modes[i]; i++) {
		if (wanted->modes[i] == RESCUE_HOLD)
			x->rescue->holds = true;
		else if (may_replay)
			x->rescue->modes.modes[count++] = wanted->modes[i];
	}
}

void rescue_free(struct exchange *x)
{
	struct rescuer *r = TAKE_PTR(x->rescue);

	if (!r)
		return;
	if (r->owns_speaker)
		translate_free(r->speaker);
	replay_free(r->replay);
	free(r->broken);
	free(r);
}

/* ---- attempts ---- */

static struct translation *new_voice(struct exchange *x, const struct attempt *a)
{
	struct translation *t = translate_answer_only(x, a);

	if (a->names && a->names->naming == STORED_HERE)
		failure_copy_text(t->writer.answer_id, sizeof(t->writer.answer_id), slice_cstr(x->stored->id));
	return t;
}

/* Two models speak in one answer: who looks for it finds where. Other framings than SSE have no comments. */
static void name_seam(const struct exchange *x, const struct attempt *a, struct buf *out)
{
	if (x->framing == FRAMING_SSE)
		check(buf_printf(out, ": weir: %.*s goes on from here\n\n", SLICE_ARG(a->provider->name)), "there is no limit");
}

void rescue_begin_attempt(struct exchange *x, struct attempt *a)
{
	struct rescuer *r = x->rescue;

	a->voice = a->translation;
	if (!rescue_is_armed(x))
		return;
	if (!a->voice)
		a->voice = new_voice(x, a);
	if (!rescue_is_running(x)) {
		a->voice->replay = a->replay = new_replay(x);
		return;
	}
	a->voice->replay = r->replay;
	a->voice->repeats = true;
	a->voice->speaker = r->speaker;
	r->speaker->writer.usage = &a->reader.usage;
	if (r->running == RESCUE_CONTINUE) {
		replay_continue(r->replay);
		name_seam(x, a, &r->speaker->out);
	} else {
		replay_again(r->replay);
	}
}

bool rescue_keeps_voice(struct exchange *x, const struct attempt *a)
{
	struct rescuer *r = x->rescue;

	if (!rescue_is_running(x) || a->voice != r->speaker)
		return false;
	r->owns_speaker = true;
	return true;
}

/* ---- modes ---- */

static bool is_fault_of_answer(const struct failure *f)
{
	enum next_move next = outcome_next(f, true);

	return next != NEXT_NONE && next != NEXT_STOP;
}

/* The request with the assistant's words so far at its end. NULL: there is more than words. */
static const struct chat *continued_chat(struct exchange *x)
{
	struct slice text;
	const struct chat *chat = translate_chat(x);

	if (!chat || !replay_is_plain_text(x->rescue->replay, &text) || text.len == 0)
		return NULL;
	return chat_with_prefill(chat, arena_dup(&x->arena, text), &x->arena);
}

static bool begin_next_mode(struct exchange *x)
{
	struct rescuer *r = x->rescue;

	while (r->next < RESCUES_MAX && r->modes.modes[r->next]) {
		enum rescue mode = r->modes.modes[r->next++];

		r->chat = mode == RESCUE_CONTINUE ? continued_chat(x) : NULL;
		if (mode == RESCUE_CONTINUE && !r->chat)
			continue;
		r->running = mode;
		return true;
	}
	return false;
}

bool rescue_start(struct exchange *x, struct attempt *a, const struct failure *f)
{
	struct rescuer *r = x->rescue;

	if (!rescue_is_armed(x) || rescue_is_running(x) || !a->voice || !a->voice->replay || a->reader.finished ||
	    !is_fault_of_answer(f))
		return false;
	r->replay = TAKE_PTR(a->replay);
	if (!begin_next_mode(x))
		return false;
	exchange_account(x);
	r->speaker = a->voice;
	r->provider = x->record.provider;
	r->model = x->record.model;
	buf_clear(&r->speaker->out);
	r->broken = xmalloc(sizeof(*r->broken));
	*r->broken = *f;
	x->record.rescue = rescue_name(r->running);
	return true;
}

bool rescue_next_mode(struct exchange *x)
{
	if (!rescue_is_running(x) || !begin_next_mode(x))
		return false;
	x->record.rescue = rescue_name(x->rescue->running);
	return true;
}

const struct candidate *rescue_candidate(struct exchange *x, const struct candidate *c)
{
	struct candidate *again;

	if (!rescue_is_running(x) || x->rescue->running != RESCUE_CONTINUE)
		return c;
	again = arena_alloc(&x->arena, sizeof(*again));
	*again = *c;
	return plan_continue(again, x->rescue->chat, x->endpoint->operation) ? again : NULL;
}

void rescue_give_up(struct exchange *x)
{
	struct rescuer *r = x->rescue;
	const struct event_writer *w = &r->speaker->writer;

	if (!x->failure)
		x->failure = xmalloc(sizeof(*x->failure));
	*x->failure = *r->broken;
	attempt_show(x, w);
	x->record.provider = r->provider;
	x->record.model = r->model;
	x->record.rescue = NULL;
}
