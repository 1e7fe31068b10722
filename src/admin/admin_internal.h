/* SPDX-License-Identifier: Apache-2.0 */
/* What the pages of the admin plane share. */
#pragma once

#include "admin/admin.h"
#include "base/list.h"

struct admin {
	struct loop *loop;
	struct shared *shared;
	struct worker *const *workers;
	unsigned worker_count;
	struct config *config;
	struct http_server *server;
	struct http_handler handler;
	int64_t started_wall_ms;
	struct list gatherings;
	struct list questions;         /* whose bodies are on their way */
};

enum { PAGE_MAX = 16 << 20 };          /* of any page */

/* The whole answer; lets go of the stream. */
void admin_answer(struct server_stream *s, int status, struct slice type, struct slice body);
void admin_answer_json(struct server_stream *s, int status, struct slice json);
/* {"error":"…"} */
void admin_answer_error(struct server_stream *s, int status, const char *message);

/* What all workers know of targets. */
struct knowledge admin_knowledge(const struct admin *a);

/* gathering.c */

/* What every worker is asked. The sum is made by the asker and freed with the gathering. */
struct gathering_kind {
	/* On the worker's thread, which may change nothing: what it says, on the heap; NULL = nothing. `question` does
	 * not change while letters are out. */
	void *(*take)(const struct worker *w, const void *question);
	/* Adds what one said to the sum, and frees it; not called for NULL. */
	void (*add)(void *sum, void *answer);
	/* All have answered, or those that will not have had their time. */
	void (*answer)(struct admin *a, struct server_stream *s, void *sum, unsigned silent);
	void (*free)(void *sum);
};

/* `question` lies within the sum, or is NULL. */
void gather(struct admin *a, struct server_stream *s, const struct gathering_kind *kind, void *sum,
	    const void *question);
/* At the end, when no letter is out any more. */
void gatherings_end(struct admin *a);

/* The pages that ask the workers or read a body; each answers the stream. */
void metrics_page_answer(struct admin *a, struct server_stream *s);
void state_page_answer(struct admin *a, struct server_stream *s);
void requests_page_answer(struct admin *a, struct server_stream *s);
void request_page_answer(struct admin *a, struct server_stream *s, struct slice id);
void explain_page_answer(struct admin *a, struct server_stream *s);
void questions_end(struct admin *a);

/* docs/openapi-admin.json, compiled in. */
extern const char openapi_text[];
extern const size_t openapi_length;
