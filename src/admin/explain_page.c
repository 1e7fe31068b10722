/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/explain: the question's body is read, then planned with what all workers know. Nothing is sent. */
#include "admin/admin_internal.h"

#include "exchange/question.h"

/* One question whose body is on its way. */
struct asking {
	struct list node;              /* admin.questions */
	struct admin *admin;
	struct server_stream *stream;
	struct task task;
};

static void asking_end(struct asking *k)
{
	task_cancel(&k->task);
	list_remove(&k->node);
	free(k);
}

static int status_of(const struct explanation *e)
{
	return !explanation_is_answerable(e) && explanation_status(e) == 404 ? 404 : 200;
}

static void answer_planned(struct admin *a, struct server_stream *s, struct question *q)
{
	struct knowledge knowledge = admin_knowledge(a);
	struct explanation *e = question_answer(q, &knowledge);
	struct json_writer w;
	struct buf out;

	buf_init(&out, PAGE_MAX);
	json_writer_init(&w, &out);
	json_begin_object(&w);
	explanation_write(e, &a->config->routing, &w, q->arena);
	json_end_object(&w);
	admin_answer_json(s, status_of(e), buf_slice(&out));
	buf_done(&out);
	explanation_free(e);
}

static void answer_body(struct admin *a, struct server_stream *s, struct slice body)
{
	struct json_error error;
	struct failure refusal;
	struct question q;
	struct json_doc doc;
	struct arena arena;

	arena_init(&arena);
	if (!json_parse(&arena, body, &doc, &error))
		failure_set(&refusal, FAILURE_BAD_REQUEST, "the body is not valid JSON: %s at byte %zu", error.message, error.offset);
	else if (question_read(json_root(&doc), a->config, &arena, &q, &refusal)) {
		answer_planned(a, s, &q);
		arena_done(&arena);
		return;
	}
	admin_answer_error(s, 400, refusal.message);
	arena_done(&arena);
}

/* Ends the asking, unless there is something to wait for. */
static void run(struct asking *k)
{
	struct server_stream *s = k->stream;
	struct admin *a = k->admin;

	if (s->gone) {
		server_stream_release(s);
		asking_end(k);
		return;
	}
	switch (s->body_state) {
	case BODY_UNREAD:
	case BODY_READING:
		return;
	case BODY_FAILED:
		admin_answer_error(s, s->body_failure->kind == FAILURE_TOO_LARGE ? 413 : 400, s->body_failure->message);
		break;
	case BODY_COMPLETE:
		answer_body(a, s, buf_slice(&s->body));
		break;
	}
	asking_end(k);
}

static void on_task(struct task *t)
{
	run(CONTAINER_OF(t, struct asking, task));
}

static void on_event(struct server_stream *s)
{
	struct asking *k = s->owner;

	loop_queue(k->admin->loop, &k->task);
}

void explain_page_answer(struct admin *a, struct server_stream *s)
{
	struct asking *k = xcalloc(1, sizeof(*k));

	k->admin = a;
	k->stream = s;
	list_append(&a->questions, &k->node);
	task_init(&k->task, on_task);
	s->owner = k;
	s->on_event = on_event;
	server_stream_read_body(s);
	run(k);
}

void questions_end(struct admin *a)
{
	while (!list_is_empty(&a->questions)) {
		struct asking *k = LIST_ENTRY(a->questions.next, struct asking, node);

		server_stream_release(k->stream);
		asking_end(k);
	}
}
