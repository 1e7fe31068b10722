/* SPDX-License-Identifier: Apache-2.0 */
/* Asks every worker: a letter to each, each answers on its own thread, the last answer makes the page. A worker that
 * does not answer within GATHER_MS is left out and said to be so: a stuck worker must not hide itself by hanging the
 * page. */
#include "admin/admin_internal.h"

#include "base/clock.h"
#include "net/mailbox.h"

enum { GATHER_MS = 1000 };

/* One request that waits for the workers. Lives until the last letter is back. */
struct gathering {
	struct list node;              /* admin.gatherings */
	struct admin *admin;
	struct server_stream *stream;  /* NULL once it is answered or its client went away */
	const struct gathering_kind *kind;
	const void *question;
	void *sum;
	struct timer timer;
	struct task answer;
	unsigned letters_out, answered;
};

/* Goes to a worker, is filled in there, and comes back. */
struct gather_letter {
	struct letter letter;
	struct gathering *gathering;
	const struct worker *worker;
	void *answer;
};

static void gathering_end(struct gathering *g)
{
	timer_cancel(&g->timer);
	task_cancel(&g->answer);
	list_remove(&g->node);
	g->kind->free(g->sum);
	free(g);
}

static void answer_gathered(struct gathering *g)
{
	struct server_stream *s = TAKE_PTR(g->stream);

	timer_cancel(&g->timer);
	if (s)
		g->kind->answer(g->admin, s, g->sum, g->admin->worker_count - g->answered);
}

static void on_gathered(struct task *t)
{
	struct gathering *g = CONTAINER_OF(t, struct gathering, answer);

	if (g->stream && g->stream->gone) {
		server_stream_release(g->stream);
		g->stream = NULL;
	}
	if (g->letters_out == 0 || !timer_is_set(&g->timer))
		answer_gathered(g);
	if (g->letters_out == 0)
		gathering_end(g);
}

static void on_gather_timeout(struct timer *t)
{
	struct gathering *g = CONTAINER_OF(t, struct gathering, timer);

	loop_queue(g->admin->loop, &g->answer);
}

static void on_gather_client(struct server_stream *s)
{
	struct gathering *g = s->owner;

	loop_queue(g->admin->loop, &g->answer);
}

static void open_answered(struct letter *letter, struct loop *loop)
{
	struct gather_letter *l = CONTAINER_OF(letter, struct gather_letter, letter);
	struct gathering *g = l->gathering;

	g->answered++;
	if (l->answer)
		g->kind->add(g->sum, l->answer);
	free(l);
	if (--g->letters_out == 0)
		loop_queue(loop, &g->answer);
}

/* On the worker's thread. The way back cannot be refused: the admin plane has few letters, and a full box empties. */
static void open_question(struct letter *letter, struct loop *loop)
{
	struct gather_letter *l = CONTAINER_OF(letter, struct gather_letter, letter);

	l->answer = l->gathering->kind->take(l->worker, l->gathering->question);
	l->letter.open = open_answered;
	check(mailbox_post(loop_mailbox(l->gathering->admin->loop), &l->letter), "the admin plane's mailbox is never full");
}

void gather(struct admin *a, struct server_stream *s, const struct gathering_kind *kind, void *sum,
	    const void *question)
{
	struct gathering *g = xcalloc(1, sizeof(*g));

	*g = (struct gathering){ .admin = a, .stream = s, .kind = kind, .sum = sum, .question = question };
	list_append(&a->gatherings, &g->node);
	s->owner = g;
	s->on_event = on_gather_client;
	task_init(&g->answer, on_gathered);
	timer_init(&g->timer, a->loop, on_gather_timeout);
	timer_set(&g->timer, loop_now(a->loop) + GATHER_MS * NS_PER_MS);
	for (unsigned i = 0; i < a->worker_count; i++) {
		struct gather_letter *l = xcalloc(1, sizeof(*l));

		l->letter.open = open_question;
		l->gathering = g;
		l->worker = a->workers[i];
		if (mailbox_post(loop_mailbox(a->workers[i]->loop), &l->letter))
			g->letters_out++;
		else
			free(l);
	}
	if (g->letters_out == 0)
		loop_queue(a->loop, &g->answer);
}

void gatherings_end(struct admin *a)
{
	while (!list_is_empty(&a->gatherings)) {
		struct gathering *g = LIST_ENTRY(a->gatherings.next, struct gathering, node);

		check(g->letters_out == 0, "the admin plane ends after its last letter is back");
		if (g->stream)
			server_stream_release(g->stream);
		gathering_end(g);
	}
}
