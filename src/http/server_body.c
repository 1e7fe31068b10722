/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies on their way in: the size limit, the budget of all bodies together, content codings. Whoever feeds an
 * intake decides when to tell the owner. */
#include <stdatomic.h>
#include "http/server_internal.h"

/* Coded bytes are decoded in small steps, so that a bomb overshoots the budget by little before it is noticed. */
enum { DECODE_STEP = 4 << 10 };

bool byte_budget_take(struct byte_budget *b, size_t bytes)
{
	size_t used = atomic_fetch_add_explicit(&b->used, bytes, memory_order_relaxed);
	size_t cap = atomic_load_explicit(&b->cap, memory_order_relaxed);

	if (used <= cap && bytes <= cap - used)
		return true;
	byte_budget_give(b, bytes);
	return false;
}

void byte_budget_give(struct byte_budget *b, size_t bytes)
{
	atomic_fetch_sub_explicit(&b->used, bytes, memory_order_relaxed);
}

bool intake_hold(struct stream *s, size_t more)
{
	struct byte_budget *bodies = s->connection->server->options.bodies;

	if (more == 0)
		return true;
	if (bodies && !byte_budget_take(bodies, more))
		return false;
	s->intake.held += more;
	return true;
}

bool intake_fail(struct stream *s, enum failure_kind kind, const char *sentence)
{
	s->pub.body_state = BODY_FAILED;
	s->pub.body_failure = arena_new(&s->pub.arena, struct failure);
	return failure_set(s->pub.body_failure, kind, "%s", sentence);
}

static bool fail_too_large(struct stream *s)
{
	return intake_fail(s, FAILURE_TOO_LARGE, "the request body is larger than allowed");
}

static bool fail_budget(struct stream *s)
{
	return intake_fail(s, FAILURE_UNAVAILABLE, "too many request bodies are being received; try again shortly");
}

bool intake_start(struct stream *s)
{
	size_t max = s->connection->server->options.body_max;
	struct intake *i = &s->intake;

	s->pub.body_state = BODY_READING;
	s->pub.body.limit = max;
	if (i->coding == CODING_UNKNOWN)
		return intake_fail(s, FAILURE_MEDIA_TYPE, "this content-encoding is not supported: use gzip, deflate, br, zstd or none");
	if (i->has_length && i->length > max)
		return fail_too_large(s);
	if (i->coding != CODING_IDENTITY)
		i->decoder = decoder_new(i->coding, max);
	else if (i->has_length && !intake_hold(s, (size_t)i->length))
		return fail_budget(s);
	return true;
}

void intake_reserve(struct stream *s)
{
	struct intake *i = &s->intake;
	char *room;

	if (!i->has_length || i->decoder || s->pub.body_state != BODY_READING)
		return;
	room = buf_reserve(&s->pub.body, (size_t)i->length - s->pub.body.len);
	check(room || i->length == 0, "a body that would not fit was refused at its start");
}

static bool feed_coded(struct stream *s, struct slice bytes)
{
	struct intake *i = &s->intake;

	while (bytes.len > 0) {
		struct slice step = slice_of(bytes.ptr, bytes.len < DECODE_STEP ? bytes.len : DECODE_STEP);
		size_t before = s->pub.body.len;
		enum decode_result result = decoder_feed(i->decoder, step, &s->pub.body);

		if (result == DECODE_TOO_LARGE)
			return fail_too_large(s);
		if (result == DECODE_BAD)
			return intake_fail(s, FAILURE_BAD_REQUEST, "the request body does not decode by its content-encoding");
		if (!intake_hold(s, s->pub.body.len - before))
			return fail_budget(s);
		bytes = slice_after(bytes, step.len);
	}
	return true;
}

bool intake_feed(struct stream *s, struct slice bytes)
{
	struct intake *i = &s->intake;

	i->received += bytes.len;
	if (i->decoder) {
		/* The raw bytes may not exceed the limit either: empty gzip members and zstd blocks yield nothing. */
		if (i->received > s->pub.body.limit)
			return fail_too_large(s);
		return feed_coded(s, bytes);
	}
	if (bytes.len > s->pub.body.limit - s->pub.body.len)
		return fail_too_large(s);
	if (!i->has_length && !intake_hold(s, bytes.len))
		return fail_budget(s);
	if (!buf_append_slice(&s->pub.body, bytes))
		return fail_too_large(s);
	return true;
}

void intake_end(struct stream *s)
{
	struct intake *i = &s->intake;
	bool whole = true;

	if (i->decoder && i->received > 0)
		whole = decoder_feed(i->decoder, slice_of(NULL, 0), &s->pub.body) == DECODE_END;
	i->decoder = decoder_free(i->decoder);
	if (whole)
		s->pub.body_state = BODY_COMPLETE;
	else
		intake_fail(s, FAILURE_BAD_REQUEST, "the request body ends before its content-encoding does");
}

void intake_done(struct stream *s)
{
	struct intake *i = &s->intake;

	i->decoder = decoder_free(i->decoder);
	if (i->held)
		byte_budget_give(s->connection->server->options.bodies, i->held);
	i->held = 0;
	buf_done(&s->pub.body);
}
