/* SPDX-License-Identifier: Apache-2.0 */
/* What an attempt reads, on its way to the client. Streams go in whole events only: until content has come they are
 * held (any fault then means the next attempt), from then on each read batch leaves in one write. Whole answers are
 * held until they are complete and judged, up to limits.hold.
 *
 *     provider → client_stream_read → framer → dialect's reader (usage, content, finish, faults) → held | client
 *                                                                              the very last bytes → last
 */
#include "exchange/exchange_internal.h"

#include "base/clock.h"

enum { BATCH_PIECES_MAX = 64 };

/* Pieces of one read batch that go to the client, in order; neighbours in memory are joined. */
struct batch {
	struct exchange *x;
	struct attempt *attempt;
	struct slice pieces[BATCH_PIECES_MAX];
	unsigned count;
	struct slice input;            /* the bytes read: pieces inside it live until the batch is sent */
	struct arena copies;           /* pieces from elsewhere (an event that began in an earlier read) */
};

/* Not the pieces: there is room for many, and most batches have one. */
static void batch_init(struct batch *b, struct attempt *a, struct slice input)
{
	b->x = a->exchange;
	b->attempt = a;
	b->count = 0;
	b->input = input;
	arena_init(&b->copies);
}

/* From here on the client's answer is this attempt's. */
static void commit(struct exchange *x, struct attempt *a, int status, int64_t length)
{
	attempt_win(a);
	if (!relay_streams_out(x, a))
		exchange_account(x);
	if (!x->head_sent)
		answer_head(x, a, status, length);
	x->committed = true;
	if (!rescue_is_armed(x))
		exchange_free_request(x);
}

/* Content ends the holding: the head and everything held leave before this batch. */
static void release_held(struct exchange *x, struct attempt *a)
{
	struct slice held = buf_slice(&a->held);

	server_stream_cork(x->stream);
	commit(x, a, a->upstream->status, BODY_LENGTH_UNKNOWN);
	if (held.len > 0)
		server_stream_write(x->stream, &held, 1);
	x->record.bytes_out += held.len;
	buf_done(&a->held);
}

static enum attempt_result fail_held(struct attempt *a)
{
	return attempt_fail(a, FAILURE_MALFORMED, "%.*s sent more than %d KB before any content", SLICE_ARG(a->provider->name),
			    HELD_MAX >> 10);
}

/* ---- the slow-stream guard ---- */

enum { TOKEN_BYTES = 4 };              /* of text, on average */

static bool watches_speed(const struct attempt *a)
{
	return a->exchange->plan.slow_stream.below > 0 && a->streams && !a->fast_enough;
}

/* As much has come as must come within the time, however long it took. */
static bool has_shown_speed(const struct attempt *a)
{
	const struct slow_stream *slow = &a->exchange->plan.slow_stream;

	return (int64_t)(a->reader.output_bytes / TOKEN_BYTES) * 1000 >= slow->below * slow->within_ms;
}

void relay_watch_speed(struct attempt *a)
{
	struct exchange *x = a->exchange;

	if (!watches_speed(a) || x->committed)
		return;
	if (has_shown_speed(a))
		a->fast_enough = true;
	else if (!timer_is_set(&a->slow))
		timer_set(&a->slow, loop_now(x->worker->loop) + x->plan.slow_stream.within_ms * NS_PER_MS);
}

/* ---- the moment of commit ---- */

/* Content has come, and nobody waits for more of the answer before the first byte of it. */
static bool should_release(const struct attempt *a, const struct reading *r)
{
	const struct exchange *x = a->exchange;

	if (x->committed || rescue_holds(x))
		return false;
	return r->flags & READING_FINISH || (r->flags & READING_CONTENT && !watches_speed(a));
}

/* False: more lifecycle than can be held. An answer that is held whole (rescue: hold) and is too long for it is sent
 * from there on. */
static bool hold(struct attempt *a, struct slice piece)
{
	if (buf_append_slice(&a->held, piece))
		return true;
	if (!a->reader.content || !(rescue_holds(a->exchange) || watches_speed(a)))
		return false;
	if (rescue_holds(a->exchange))
		rescue_stop_holding(a->exchange);
	release_held(a->exchange, a);
	server_stream_write(a->exchange->stream, &piece, 1);
	a->exchange->record.bytes_out += piece.len;
	return true;
}

/* Sends or holds what has gathered. False: more than can be held. */
static bool batch_flush(struct batch *b)
{
	struct exchange *x = b->x;
	unsigned held = 0;

	if (b->count == 0)
		return true;
	/* Holding may end within the batch, when it has become too much. */
	for (unsigned i = 0; i < b->count && !x->committed; i++, held++)
		if (!hold(b->attempt, b->pieces[i]))
			return false;
	for (unsigned i = held; i < b->count; i++)
		x->record.bytes_out += b->pieces[i].len;
	if (held < b->count) {
		server_stream_write(x->stream, b->pieces + held, b->count - held);
		x->last_write_ns = loop_now(x->worker->loop);
	}
	b->count = 0;
	return true;
}

static bool is_inside(struct slice piece, struct slice whole)
{
	return piece.ptr >= whole.ptr && piece.ptr + piece.len <= whole.ptr + whole.len;
}

static bool batch_add(struct batch *b, struct slice piece)
{
	struct slice *last = b->count > 0 ? &b->pieces[b->count - 1] : NULL;

	if (piece.len == 0)
		return true;
	if (!is_inside(piece, b->input))
		piece = arena_dup(&b->copies, piece);
	else if (last && last->ptr + last->len == piece.ptr) {
		last->len += piece.len;
		return true;
	}
	if (b->count == BATCH_PIECES_MAX && !batch_flush(b))
		return false;
	b->pieces[b->count++] = piece;
	return true;
}

/* The event without the usage member that only weir asked for: two cuts of the original bytes, or, when its data came
 * in several lines, the event written anew. */
static bool batch_add_without_usage(struct batch *b, const struct frame *f, struct slice member)
{
	if (is_inside(member, f->raw)) {
		const char *after = member.ptr + member.len;

		return batch_add(b, slice_of(f->raw.ptr, (size_t)(member.ptr - f->raw.ptr))) &&
		       batch_add(b, slice_of(after, (size_t)(f->raw.ptr + f->raw.len - after)));
	}

	struct buf anew, data;
	size_t before = (size_t)(member.ptr - f->data.ptr);
	bool ok;

	buf_init(&anew, f->raw.len + 64);
	buf_init(&data, f->data.len);
	ok = buf_append(&data, f->data.ptr, before) &&
	     buf_append(&data, member.ptr + member.len, f->data.len - before - member.len) &&
	     sse_write(&anew, f->event, buf_slice(&data)) && batch_add(b, buf_slice(&anew));
	buf_done(&anew);
	buf_done(&data);
	return ok;
}

static bool relay_frame(struct batch *b, struct attempt *a, const struct frame *f, const struct reading *r)
{
	struct exchange *x = b->x;
	struct slice raw = stored_rename(x, a, f->raw, &b->copies);

	if (a->asked_usage && (r->flags & READING_USAGE_ONLY))
		return true; /* the client did not ask for this one */
	if (f->has_data && x->framing == FRAMING_JSON_ARRAY)
		x->elements_written = true;
	/* The last event waits for `finish`: what the request held is given back before the client can see the end
	 * (F12). */
	if (a->reader.terminated || f->closes)
		return buf_append_slice(&x->last, raw);
	if (a->asked_usage && r->usage_member.ptr)
		return batch_add_without_usage(b, f, r->usage_member);
	return batch_add(b, raw);
}

bool relay_streams_out(const struct exchange *x, const struct attempt *a)
{
	return attempt_is_translated(a) ? x->wants_stream : a->streams;
}


/* ---- translation ---- */

static enum attempt_result take_events(struct exchange *x, struct attempt *a, const struct reading *r,
				       struct event_list *events)
{
	struct failure f;

	a->reader.sink = NULL;
	attempt_progress(a, r->flags);
	if (r->flags & (READING_FAILURE | READING_MALFORMED))
		return attempt_fail_with(a, &r->failure);
	if (!translation_take(a->voice, events, &x->worker->scratch, &f))
		return attempt_fail_with(a, &f);
	for (unsigned i = 0; i < events->count; i++)
		vault_note(&a->vault, &events->items[i]);
	if (x->wants_stream && should_release(a, r))
		release_held(x, a);
	return ATTEMPT_WAITS;
}

static enum attempt_result translate_event(struct exchange *x, struct attempt *a, const struct frame *f)
{
	struct event_list events;
	struct reading r;

	event_list_init(&events, &x->worker->scratch);
	a->reader.sink = &events;
	a->binding->dialect->read_event(&a->reader, f, &x->worker->scratch, &r);
	return take_events(x, a, &r, &events);
}

/* What was written for the client since the last time. False: more lifecycle than can be held. */
static bool flush_translated(struct exchange *x, struct attempt *a)
{
	struct translation *t = translation_speaker(a->voice);
	struct slice out = buf_slice(&t->out);

	if (out.len == 0)
		return true;
	if (x->committed) {
		server_stream_write(x->stream, &out, 1);
		x->record.bytes_out += out.len;
		x->last_write_ns = loop_now(x->worker->loop);
	} else if (!hold(a, out)) {
		return false;
	}
	buf_clear(&t->out);
	return true;
}

/* The answer as one body, made of whatever the provider sent. */
static enum attempt_result answer_whole(struct exchange *x, struct attempt *a)
{
	struct failure f;

	if (x->endpoint->operation == OPERATION_COUNT_TOKENS)
		x->dialect->write_count(a->reader.usage.input, false, &x->answer);
	else if (!translation_end(a->voice, &x->answer, &f))
		return attempt_fail_with(a, &f);
	stored_keep(x, a, buf_slice(&x->answer));
	recall_keep(x, a);
	attempt_progress(a, READING_CONTENT);
	commit(x, a, 200, (int64_t)x->answer.len);
	return ATTEMPT_COMPLETE;
}

enum attempt_result relay_complete(struct exchange *x, struct attempt *a)
{
	struct failure f;

	if (!x->wants_stream && a->voice)
		return a->voice->ended ? ATTEMPT_COMPLETE : answer_whole(x, a);
	if (!x->committed && relay_streams_out(x, a))
		release_held(x, a);
	if (!attempt_is_translated(a) || a->voice->ended)
		return ATTEMPT_COMPLETE;
	if (!flush_translated(x, a))
		return fail_held(a);
	if (!translation_end(a->voice, &x->last, &f))
		return attempt_fail_with(a, &f);
	stored_keep_last(x, a);
	recall_keep(x, a);
	return ATTEMPT_COMPLETE;
}

/* ---- streams ---- */

static enum attempt_result relay_event(struct batch *b, struct attempt *a, const struct frame *f)
{
	struct exchange *x = b->x;
	struct reading r;

	if (attempt_is_translated(a))
		return translate_event(x, a, f);
	a->binding->dialect->read_event(&a->reader, f, &x->worker->scratch, &r);
	attempt_progress(a, r.flags);
	if (r.flags & (READING_FAILURE | READING_MALFORMED)) {
		return attempt_fail_with(a, &r.failure);
	}
	if (should_release(a, &r))
		release_held(x, a);
	if (r.flags & READING_TERMINATOR)
		stored_keep_event(x, a, f->data);
	return relay_frame(b, a, f, &r) ? ATTEMPT_WAITS : fail_held(a);
}

static enum attempt_result relay_frames(struct batch *b, struct attempt *a)
{
	struct framer *framer = &a->framer;
	struct frame frame;

	while (framer_next(framer, &frame)) {
		enum attempt_result result = relay_event(b, a, &frame);

		arena_reset(&b->x->worker->scratch);
		if (result != ATTEMPT_WAITS)
			return result;
	}
	if (framer->overflow)
		return attempt_fail(a, FAILURE_MALFORMED, "an event of %.*s is longer than limits.event", SLICE_ARG(a->provider->name));
	if (framer->malformed)
		return attempt_fail(a, FAILURE_MALFORMED, "%.*s sent something that is no event stream", SLICE_ARG(a->provider->name));
	return ATTEMPT_WAITS;
}

enum attempt_result relay_stream_bytes(struct exchange *x, struct attempt *a, struct slice bytes)
{
	struct batch batch;
	bool was_committed = x->committed;
	enum attempt_result result;

	batch_init(&batch, a, bytes);
	framer_feed(&a->framer, bytes);
	result = relay_frames(&batch, a);
	/* Also what came before a fault belongs to the client, if its answer has begun. */
	if (!(attempt_is_translated(a) ? flush_translated(x, a) : batch_flush(&batch)) && result == ATTEMPT_WAITS)
		result = fail_held(a);
	if (x->committed && !was_committed)
		server_stream_flush(x->stream);
	arena_done(&batch.copies);
	if (result == ATTEMPT_WAITS && x->committed && !was_committed)
		return ATTEMPT_COMMITTED;
	return result;
}

enum attempt_result relay_judge_speed(struct exchange *x, struct attempt *a)
{
	const struct slow_stream *slow = &x->plan.slow_stream;

	a->slow_due = false;
	if (x->committed || a->fast_enough)
		return ATTEMPT_WAITS;
	if (!has_shown_speed(a) && (x->rival || dispatch_has_another(x, a)))
		return attempt_fail(a, FAILURE_TIMEOUT_SLOW_STREAM, "%.*s began slower than slow_stream, %lld tokens per second",
				    SLICE_ARG(a->provider->name), (long long)slow->below);
	a->fast_enough = true;
	if (rescue_holds(x))
		return ATTEMPT_WAITS;
	release_held(x, a);
	server_stream_flush(x->stream);
	return ATTEMPT_COMMITTED;
}

/* The framing ended in an orderly way; did the answer? A missing terminator after a valid finish is added, anything
 * else that is missing is a cut: it must never look complete (pain.md F1). */
enum attempt_result relay_stream_end(struct exchange *x, struct attempt *a)
{
	struct batch batch;
	struct frame frame;
	enum attempt_result result = ATTEMPT_WAITS;

	batch_init(&batch, a, slice_of(NULL, 0));
	if (framer_end(&a->framer, &frame))
		result = relay_event(&batch, a, &frame);
	arena_reset(&x->worker->scratch);
	if (attempt_is_translated(a))
		flush_translated(x, a);
	else
		batch_flush(&batch);
	arena_done(&batch.copies);
	if (result != ATTEMPT_WAITS)
		return result;

	enum stream_end end = a->binding->dialect->read_end(&a->reader);

	if (end != STREAM_CUT && attempt_is_translated(a))
		return relay_complete(x, a);
	if (end != STREAM_CUT && !x->committed)
		release_held(x, a);
	if (end == STREAM_NEEDS_TERMINATOR)
		a->binding->dialect->write_terminator(&a->reader, x->framing, &x->last);
	if (end != STREAM_CUT)
		return ATTEMPT_COMPLETE;
	return attempt_fail(a, FAILURE_CUT, "the stream of %.*s ended before its answer was complete", SLICE_ARG(a->provider->name));
}

/* ---- whole answers ---- */

/* Too long to be judged: from here on it is relayed as it comes. */
static enum attempt_result relay_over_hold(struct exchange *x, struct attempt *a, struct slice bytes)
{
	struct slice length = headers_get(&a->upstream->headers, SLICE("content-length"));
	struct slice pieces[2] = { buf_slice(&a->body), bytes };
	unsigned long long n;
	bool known = length.ptr && !headers_get(&a->upstream->headers, SLICE("content-encoding")).ptr && slice_to_u64(length, &n) &&
		     n <= INT64_MAX;

	a->over_hold = true;
	attempt_progress(a, READING_CONTENT);
	commit(x, a, a->upstream->status, known ? (int64_t)n : BODY_LENGTH_UNKNOWN);
	server_stream_write(x->stream, pieces, 2);
	x->record.bytes_out += pieces[0].len + pieces[1].len;
	buf_done(&a->body);
	return ATTEMPT_COMMITTED;
}

static enum attempt_result fail_no_stream(struct attempt *a)
{
	return attempt_fail(a, FAILURE_MALFORMED, "%.*s answered a request for a stream with a whole body", SLICE_ARG(a->provider->name));
}

enum attempt_result relay_whole_bytes(struct exchange *x, struct attempt *a, struct slice bytes)
{
	if (a->over_hold) {
		server_stream_write(x->stream, &bytes, 1);
		x->record.bytes_out += bytes.len;
		return ATTEMPT_WAITS;
	}
	if (buf_append_slice(&a->body, bytes))
		return ATTEMPT_WAITS;
	if (a->voice)
		return attempt_fail(a, FAILURE_MALFORMED, "the answer of %.*s is longer than limits.hold",
				    SLICE_ARG(a->provider->name));
	if (x->wants_stream)
		return fail_no_stream(a);
	return relay_over_hold(x, a, bytes);
}

/* A whole answer through the hub; to a client that wants a stream it is written as one. */
static enum attempt_result translate_whole(struct exchange *x, struct attempt *a)
{
	struct event_list events;
	struct reading r;
	enum attempt_result result;

	event_list_init(&events, &x->worker->scratch);
	a->reader.sink = &events;
	a->binding->dialect->read_whole(&a->reader, buf_slice(&a->body), &x->worker->scratch, &r);
	result = take_events(x, a, &r, &events);
	arena_reset(&x->worker->scratch);
	return result == ATTEMPT_WAITS ? relay_complete(x, a) : result;
}

/* The body becomes the answer; its ids are the client's. */
static void take_body(struct exchange *x, struct attempt *a)
{
	struct arena *scratch = &x->worker->scratch;
	struct slice body = buf_slice(&a->body), renamed = stored_rename(x, a, body, scratch);

	if (renamed.ptr == body.ptr) {
		x->answer = a->body;
		buf_init(&a->body, 0);
	} else {
		/* An id is a little longer than the one that it stands for. */
		buf_init(&x->answer, SIZE_MAX);
		check(buf_append_slice(&x->answer, renamed), "there is no limit");
	}
	arena_reset(scratch);
	stored_keep(x, a, buf_slice(&x->answer));
}

enum attempt_result relay_whole_end(struct exchange *x, struct attempt *a)
{
	struct reading r;

	if (a->over_hold)
		return ATTEMPT_COMPLETE;
	if (attempt_is_translated(a))
		return translate_whole(x, a);
	if (x->wants_stream) {
		/* A stream was asked for. An error may still come as a whole body with status 200; anything else is no
		 * answer. */
		a->binding->dialect->read_failure(a->upstream->status, buf_slice(&a->body), &x->worker->scratch,
						  &r.failure);
		arena_reset(&x->worker->scratch);
		if (r.failure.kind == FAILURE_NONE || r.failure.kind == FAILURE_MALFORMED)
			return fail_no_stream(a);
		return attempt_fail_with(a, &r.failure);
	}
	r = (struct reading){ 0 };
	if (x->endpoint->kind == ENDPOINT_MODEL)
		a->binding->dialect->read_whole(&a->reader, buf_slice(&a->body), &x->worker->scratch, &r);
	arena_reset(&x->worker->scratch);
	if (r.flags & (READING_FAILURE | READING_MALFORMED))
		return attempt_fail_with(a, &r.failure);
	attempt_progress(a, READING_CONTENT);
	take_body(x, a);
	commit(x, a, a->upstream->status, (int64_t)x->answer.len);
	return ATTEMPT_COMPLETE;
}
