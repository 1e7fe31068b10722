/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated provider in the dialects that it has no shapes of its own for: Responses, Bedrock's Converse, Cohere's
 * v2 chat and Ollama. Its answer is said in hub events and written by the dialect's own writer (dialect/dialect.h):
 * what is simulated here is a provider, not the grammar, which test/sim judges independently. */
#include "dialect/dialect.h"
#include "mock/mock_internal.h"

/* An answer under way; in the stream's arena. */
struct mock_speech {
	struct event_writer writer;
	struct usage usage;
};

bool mock_hub_read(struct mock_reply *r, const struct mock_wire *wire, const struct json_doc *doc,
		   struct slice path_model, bool path_stream, struct arena *a, struct failure *reterr)
{
	const struct dialect *d = wire->dialect;
	struct request_facts facts = { .doc = *doc };

	if (!d->read_request(&facts, OPERATION_CHAT, path_model, path_stream, a, reterr))
		return false;
	r->model = facts.model;
	r->stream = facts.stream;
	r->speech = arena_new(a, struct mock_speech);
	r->speech->writer = (struct event_writer){
		.dialect = d, .arena = a, .framing = d->stream_framing(d->stream_query), .model = facts.model,
		.provider = slice_cstr(r->name), .usage = &r->speech->usage, .seed = r->seed + r->number,
		.now_s = r->created_s, .sequence = -1, .limit = MOCK_OUT_MAX / 4,
	};
	if (d->writer_init)
		d->writer_init(&r->speech->writer, &facts);
	return true;
}

static void fill_usage(const struct mock_reply *r)
{
	r->speech->usage = (struct usage){ .reported = true, .input = r->prompt_tokens, .output = r->tokens };
}

static struct event start_of(const struct mock_reply *r)
{
	return (struct event){ .kind = EVENT_START, .start = { .model = r->model, .created_s = r->created_s } };
}

/* A writer over its limit writes nothing more; the mock's own is far below it. */
static void say(const struct mock_reply *r, const struct event *e, struct buf *out)
{
	struct event_writer *w = &r->speech->writer;

	(void)!w->dialect->write_event(w, e, out);
}

static const char *stream_type(const struct mock_reply *r)
{
	const struct event_writer *w = &r->speech->writer;

	return w->dialect->stream_content_type(w->framing);
}

static void write_whole(const struct mock_reply *r, struct buf *out)
{
	struct event_writer *w = &r->speech->writer;
	struct event start = start_of(r), text = { .kind = EVENT_TEXT },
		     stop = { .kind = EVENT_STOP, .stop.reason = STOP_END };
	struct answer answer;
	struct arena a;

	arena_init(&a);
	fill_usage(r);
	answer_init(&answer, &a, MOCK_OUT_MAX / 4);
	text.text = mock_text(r, &a);
	answer_add(&answer, &start);
	answer_add(&answer, &text);
	answer_add(&answer, &stop);
	(void)!w->dialect->write_answer(w, &answer, out);
	answer_done(&answer);
	arena_done(&a);
}

static void write_begin(struct mock_reply *r, struct buf *out)
{
	struct event start = start_of(r);

	say(r, &start, out);
}

static void write_token(struct mock_reply *r, unsigned index, struct buf *out)
{
	char word[MOCK_WORD_MAX];
	struct event e = { .kind = EVENT_TEXT, .text = mock_word(r, index, word) };

	say(r, &e, out);
}

/* Their last event is their finish: there is no terminator that could be missing. */
static void write_finish(struct mock_reply *r, struct buf *out)
{
	struct event_writer *w = &r->speech->writer;
	struct event stop = { .kind = EVENT_STOP, .stop.reason = STOP_END };

	fill_usage(r);
	say(r, &stop, out);
	(void)!w->dialect->write_end(w, out);
}

static void write_terminator(struct mock_reply *r, struct buf *out)
{
}

/* A status as the failure that a provider's dialect writes. */
static struct failure failure_of(int status, const char *message)
{
	struct failure f;

	failure_set(&f,
		    status >= 500   ? FAILURE_SERVER
		    : status == 429 ? FAILURE_RATE_LIMITED
				    : FAILURE_REQUEST,
		    "%s", message);
	f.status = status;
	return f;
}

static void write_error(const struct mock_wire *wire, int status, const char *message, struct buf *out)
{
	struct failure f = failure_of(status, message);
	struct failure_view v = {
		.failure = &f, .status = status, .from_provider = true, .request_id = SLICE("req_mock")
	};

	wire->dialect->write_failure(&v, out);
}

static void write_error_event(struct mock_reply *r, struct buf *out)
{
	const struct event_writer *w = &r->speech->writer;
	struct failure f = failure_of(500, "This is a simulated error inside a stream");
	struct failure_view v = {
		.failure = &f, .status = 500, .from_provider = true, .request_id = SLICE("req_mock")
	};
	struct event_reader seen;

	w->dialect->reader_init(&seen, OPERATION_CHAT);
	seen.sequence = w->sequence;
	memcpy(seen.answer_id, w->answer_id, sizeof(seen.answer_id));
	memcpy(seen.model, w->answer_model, sizeof(seen.model));
	w->dialect->write_failure_event(&v, w->framing, w->written > 0, &seen, out);
}

#define HUB_WIRE(dialect_) \
	{ \
		.dialect = &(dialect_), .stream_type = stream_type, .write_whole = write_whole, \
		.write_begin = write_begin, .write_token = write_token, .write_finish = write_finish, \
		.write_terminator = write_terminator, .write_error = write_error, \
		.write_error_event = write_error_event \
	}

const struct mock_wire mock_responses = HUB_WIRE(dialect_openai_responses), mock_bedrock = HUB_WIRE(dialect_bedrock),
		       mock_cohere = HUB_WIRE(dialect_cohere), mock_ollama = HUB_WIRE(dialect_ollama);
