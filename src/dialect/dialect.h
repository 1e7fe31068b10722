/* SPDX-License-Identifier: Apache-2.0 */
/* A dialect is the JSON shapes and event order of one wire format: pure code, bytes in, facts and bytes out. It
 * knows no socket, no provider and no clock. One folder each, same file names in every folder:
 *
 *     request_read.c   what routing needs of a request, and the in-place edits of the verbatim relay
 *     chat_read.c      a request into the hub (llm/chat.h)
 *     request_write.c  a request out of the hub
 *     events_read.c    what a stream's events and a whole answer mean: content, finish, usage, faults, and hub events
 *     events_write.c   a stream and a whole answer out of hub events: the dialect's grammar as one state machine
 *     failure.c        errors, read from a provider and written to a client
 *     dialect.c        the vtable, and the table of fields it can say
 *
 * What they tell each other of requests is in request.h, of answers in events.h. */
#pragma once

#include "base/arena.h"
#include "base/failure.h"
#include "dialect/events.h"
#include "dialect/request.h"
#include "http/framing.h"
#include "http/message.h"
#include "json/json.h"
#include "json/splice.h"
#include "llm/answer.h"
#include "llm/estimate.h"
#include "llm/field.h"
#include "llm/operation.h"
#include "llm/quirks.h"
#include "llm/usage.h"

/* An error on its way to a client. */
struct failure_view {
	const struct failure *failure; /* message, the provider's type, code and param */
	int status;                    /* what the client gets (inside streams: what it would have got) */
	const char *code;              /* "weir_…" for our own, NULL = the provider's own code */
	bool from_provider;
	struct slice request_id;
};

struct dialect {
	enum dialect_id id;
	const char *name;              /* "openai-chat": configuration, logs, metrics, `weir explain` */

	/* Reads what routing needs. `path_model` is set where the dialect has the model in the path; `path_stream`
	 * likewise. The body was parsed already. Duplicate `model` or `stream` members are refused, as is a
	 * missing or non-string model. False: reterr is a FAILURE_BAD_REQUEST whose message says what would be
	 * right. */
	bool (*read_request)(struct request_facts *facts, enum operation op, struct slice path_model, bool path_stream,
			     struct arena *a, struct failure *reterr);
	/* What is in the prompt, for estimate_tokens(): text, tools, media. Walks the whole document: call it only when
	 * needed. */
	void (*measure_prompt)(const struct request_facts *facts, enum operation op, struct arena *scratch,
			       struct prompt_parts *ret);
	/* A hash over the part of the conversation that stays the same from turn to turn (system, tools, first
	 * user turn). */
	uint64_t (*prefix_hash)(const struct request_facts *facts, enum operation op, struct arena *scratch);
	/* Adds the edits to the splice. False: too many (cannot happen on bodies within limits). */
	bool (*edit_request)(const struct request_facts *facts, enum operation op, const struct request_edits *want,
			     struct splice *out, struct arena *a);
	/* Path to append to the provider's base URL, with query. The base carries the version where PRODUCT §6
	 * says so: OpenAI "https://x/v1" + "/chat/completions", Anthropic "https://x" + "/v1/messages?beta=true",
	 * Gemini "https://x/v1beta" + "/models/m:streamGenerateContent?alt=sse" (a Gemini base written without a
	 * version gets "/v1beta" from the configuration, before it comes here). `client_query` is what the client
	 * sent after the question mark, credentials already cut. NULL pointer: the dialect has no such operation. */
	struct slice (*request_path)(const struct request_route *route, struct arena *a);

	/* ---- translation ---- */

	/* Members that the verbatim relay may have to leave out, rename or map for a model or provider (PRODUCT §2.1);
	 * ends with a NULL name. */
	const struct parameter *parameters;
	/* Which fields its clients can express, and what its writer makes of each: FIELD_COUNT rows. */
	const struct field_row *fields;
	bool continues_prefill; /* models asked in it go on from an assistant turn at the end, where their rules do not
				 * reject one (DIALECTS §3, prefill) */
	/* Reads a CHAT (or COUNT_TOKENS) request into the hub. Unknown members are kept as `others`. False: reterr is a
	 * FAILURE_BAD_REQUEST naming the member and what would be right. */
	bool (*read_chat)(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
			  struct failure *reterr);
	/* Writes it for a target of this dialect: members in a fixed order, only fields in `t->carried`. `scratch`
	 * lives as long as the call. False: it cannot be said (reterr: FAILURE_REQUEST, says why), or the buffer is
	 * full. */
	bool (*write_chat)(const struct chat *c, const struct chat_target *t, struct arena *scratch, struct buf *out,
			   struct failure *reterr);
	/* Before the first event: keeps what the answer must repeat of the request (Responses' echo) in w->arena. */
	void (*writer_init)(struct event_writer *w, const struct request_facts *facts);
	/* One prepared hub event to the client's stream, in w->framing; may write nothing, or several wire events.
	 * EVENT_STOP and usage are kept for write_end. False: over a limit. */
	bool (*write_event)(struct event_writer *w, const struct event *e, struct buf *out);
	/* The end of a complete answer: open blocks closed, finish, usage, terminator. */
	bool (*write_end)(struct event_writer *w, struct buf *out);
	/* A whole answer's body. */
	bool (*write_answer)(struct event_writer *w, const struct answer *answer, struct buf *out);
	/* The answer to COUNT_TOKENS. */
	void (*write_count)(int64_t tokens, bool estimated, struct buf *out);

	/* What weir's own requests for a stream add to the path: Gemini's "alt=sse"; else empty. */
	struct slice stream_query;
	/* How this dialect's streams are cut into events for a client that asked like this. */
	enum framing (*stream_framing)(struct slice client_query);
	void (*reader_init)(struct event_reader *r, enum operation op);
	/* One event of a stream. `scratch` is reset by the caller after each event. Frames without data are to be
	 * handed in too (Gemini reports errors outside of any event). */
	void (*read_event)(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret);
	/* The stream's framing has ended in an orderly way. */
	enum stream_end (*read_end)(const struct event_reader *r);
	/* A whole 2xx answer: judges it (JSON, in-band error, plausibility for the operation) and reads usage. */
	void (*read_whole)(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret);
	/* An answer with status >= 400 (or an error body inside a 200). Any bytes are coped with: HTML, nothing,
	 * other dialects' shapes. Does not look at headers: retry-after is read by the caller. */
	void (*read_failure)(int status, struct slice body, struct arena *scratch, struct failure *ret);
	/* What the head of such an answer says of it. NULL: nothing. */
	void (*read_failure_head)(const struct headers *h, struct failure *f);

	/* Whole error body, to a client of this dialect. */
	void (*write_failure)(const struct failure_view *v, struct buf *out);
	/* The error inside a stream that has begun: complete event(s) in the stream's framing, no terminator. */
	void (*write_failure_event)(const struct failure_view *v, enum framing framing, bool elements_written,
				    const struct event_reader *r, struct buf *out);
	/* What a finished stream must still get. */
	void (*write_terminator)(const struct event_reader *r, enum framing framing, struct buf *out);

	/* What may stand between two events and means nothing to the dialect's official SDKs: sent while there is
	 * nothing to say. Empty in framings without such a thing: then only the head shows that somebody is there. */
	struct slice (*heartbeat)(enum framing framing);
	/* Content type of streams in that framing. */
	const char *(*stream_content_type)(enum framing framing);
	/* Request headers of the client that go to a provider of this dialect, and answer headers that come back:
	 * NULL-ended lists of lower-case names; a trailing '*' matches a prefix. What is in neither list does not
	 * pass. */
	const char *const *request_headers;
	const char *const *answer_headers;
};

extern const struct dialect dialect_openai_chat, dialect_openai_responses, dialect_anthropic, dialect_gemini;
extern const struct dialect dialect_cohere, dialect_ollama, dialect_bedrock;

/* How many tokens the prompt is likely to be for models of that family; TOKENS_UNSAID: what prompt_length is. */
int64_t dialect_estimate_prompt(const struct dialect *d, const struct request_facts *facts, enum operation op,
				enum token_family family, struct arena *scratch);
/* NULL for a dialect without code. */
const struct dialect *dialect_by_id(enum dialect_id id);
/* DIALECT_COUNT when there is no such word. */
enum dialect_id dialect_id_by_name(struct slice name);
const char *dialect_id_name(enum dialect_id id);

/* parameters.c: in-place edits of a request that is otherwise relayed verbatim. */
/* Is anything there at all that may have to be edited for that provider? Cheap; only then the request has to be read
 * into the hub to know more. */
bool parameters_are_said(const struct dialect *d, const struct request_facts *facts, uint64_t quirks);
/* Adds the edits that the target asks for: what its model or provider rejects becomes what the dialect's own writer
 * makes of it, in `body`. Sets `target->carried`. `*ret_dropped`: FIELD_… of what was left out or said only in part.
 * False: too many edits. */
bool parameters_edit(const struct dialect *d, const struct request_facts *facts, const struct chat *c,
		     struct chat_target *target, struct splice *out, struct buf *body, struct arena *a,
		     struct arena *scratch, uint64_t *ret_dropped) MUSTCHECK;
