/* SPDX-License-Identifier: Apache-2.0 */
/* What the dialects' tests share: literal events in, readings out. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "dialect/dialect.h"

/* One answer being read, with everything it needs. */
struct heard {
	struct event_reader reader;
	struct reading reading;
	struct arena scratch;
};

static inline void heard_init(struct heard *a, const struct dialect *d, enum operation op)
{
	arena_init(&a->scratch);
	d->reader_init(&a->reader, op);
}

static inline void heard_done(struct heard *a)
{
	arena_done(&a->scratch);
}

/* Reads one event and returns its flags. */
static inline unsigned heard_event(struct heard *a, const char *event, const char *data)
{
	struct frame f = { .event = slice_cstr(event), .data = slice_cstr(data), .has_data = data != NULL };
	arena_reset(&a->scratch);
	a->reader.dialect->read_event(&a->reader, &f, &a->scratch, &a->reading);
	return a->reading.flags;
}

static inline unsigned heard_data(struct heard *a, const char *data)
{
	return heard_event(a, NULL, data);
}

static inline unsigned heard_whole(struct heard *a, const char *body)
{
	arena_reset(&a->scratch);
	a->reader.dialect->read_whole(&a->reader, slice_cstr(body), &a->scratch, &a->reading);
	return a->reading.flags;
}

static inline enum stream_end heard_end(const struct heard *a)
{
	return a->reader.dialect->read_end(&a->reader);
}

/* One request, read and edited. */
struct request {
	struct request_facts facts;
	struct failure failure;
	struct arena arena;
	bool variant;                  /* as the caller of read_request sets it */
};

/* Parses and reads; `ret_ok` is what read_request said. The caller frees with arena_done(). */
static inline bool request_read(struct request *q, const struct dialect *d, enum operation op, const char *body)
{
	struct json_error error;
	arena_init(&q->arena);
	memset(&q->facts, 0, sizeof(q->facts));
	memset(&q->failure, 0, sizeof(q->failure));
	q->facts.variant = q->variant;
	assert_true(json_parse(&q->arena, slice_cstr(body), &q->facts.doc, &error));
	return d->read_request(&q->facts, op, SLICE("gemini-x"), false, &q->arena, &q->failure);
}

static inline void assert_slice(struct slice s, const char *text)
{
	if (!slice_eq(s, slice_cstr(text)))
		fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(s), text);
}
