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
 * / */
#pragma once

#include "base/arena.h"
#include "base/failure.h"
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

/* What a request needs of a model; bits of request_facts.needs. */
enum {
	NEEDS_TOOLS = 1 << 0,
	NEEDS_IMAGES = 1 << 1,
	NEEDS_AUDIO = 1 << 2,
	NEEDS_DOCUMENTS = 1 << 3,
	NEEDS_STRUCTURED_OUTPUT = 1 << 4,
	NEEDS_REASONING = 1 << 5,
	NEEDS_STATE = 1 << 6,          /* refers to what lies at one provider: previous_response_id, files, … */
};

/* The few things that routing, accounting and the verbatim relay need of a request body. */
struct request_facts {
	struct json_doc doc;           /* parsed by the caller; the values below point into it: facts may not move */
	struct slice model;            /* as asked: from the body, or from the path (Gemini) */
	struct json model_value;       /* where it stands in the body; missing when it came by the path */
	bool stream;
	bool variant; /* the path is the operation's other form (Gemini's batchEmbedContents, Ollama's api/generate); set by
		       * the caller before read_request */
	bool usage_asked;              /* the client itself asked for usage in the stream */
	int64_t max_output;            /* tokens; -1 = not said */
	unsigned needs;                /* NEEDS_… */
	struct slice user;             /* the provider's end-user field, for the record; may be empty */
};

/* The edits of PRODUCT §2.1 that a target needs. */
struct request_edits {
	struct slice model;            /* the target's own id; equal to the asked one = no edit */
	bool ask_usage;                /* make the stream report usage */
	uint64_t quirks;               /* of the target: QUIRK_… that change a body or path */
};

/* What the path of a request to a provider depends on. */
struct request_route {
	enum operation operation;
	bool stream, variant;
	struct slice model;            /* the target's own id */
	struct slice query;            /* the client's, credentials already cut; empty when translated */
	struct slice base_query;       /* of the base URL, where a quirk lets it have one */
	uint64_t quirks;
};

/* Whom a chat is written for. */
struct chat_target {
	enum operation operation;      /* CHAT or COUNT_TOKENS */
	struct slice model;            /* own id */
	struct slice provider;         /* name: whose reasoning state is at home */
	const struct model_rules *rules; /* never NULL */
	uint64_t quirks;
	int64_t max_output;            /* of the model, 0 = unknown: where the dialect requires the member */
	uint64_t carried;              /* FIELD_… that may be written; the rest was judged (field_judge) */
	bool stream;
	bool ask_usage;                /* the stream shall report usage, and does so only when asked */
	struct names *names;           /* for tool names outside the alphabet */
	uint64_t *rewritten_lossy;     /* the writer adds FIELD_… it could carry only in part: a clamped value, a schema
					* that lost keywords */
};

enum {                                 /* bits of reading.flags */
	READING_PROGRESS = 1 << 0,     /* ends the first-token timer: content, or an opened reasoning or output item */
	READING_CONTENT = 1 << 1,      /* commits: text, reasoning, closed reasoning block, tool call, refusal, media */
	READING_FINISH = 1 << 2,       /* a valid finish: the answer's content is complete */
	READING_TERMINATOR = 1 << 3,   /* the dialect's last event */
	READING_FAILURE = 1 << 4,      /* an error: `failure` is filled in; the event is not relayed before commit */
	READING_USAGE_ONLY = 1 << 5,   /* exists only because usage was asked for: swallowed when weir asked */
	READING_MALFORMED = 1 << 6,    /* not this dialect's grammar; `failure` says how */
};

/* What one event (or one whole answer) means. */
struct reading {
	unsigned flags;
	struct slice usage_member;     /* within frame.data: the bytes to cut (with their comma) when usage was asked
					* for by weir and this is not the usage-only event; NULL pointer = none */
	struct failure failure;        /* filled in with READING_FAILURE and READING_MALFORMED only */
};

enum { READER_CHOICES_MAX = 128 };     /* the most that any dialect allows in one answer (OpenAI's n) */

/* State of one answer being read; lives in the attempt, fixed size. */
struct event_reader {
	const struct dialect *dialect;
	enum operation operation;
	struct usage usage;            /* so far */
	bool started, content, finished, terminated;
	unsigned finished_choices;
	uint64_t choices_seen[READER_CHOICES_MAX / 64]; /* bit per choice number */
	uint64_t choices_open[READER_CHOICES_MAX / 64]; /* seen and without a finish yet */
	uint64_t output_bytes;         /* of text, reasoning and arguments seen: for estimating usage that never came */
	char model[128];               /* as the provider wrote it */
	unsigned events;
	uint32_t open_blocks;          /* the dialect's own bookkeeping */
	int64_t sequence;              /* Responses: the last sequence_number seen, -1 before the first */
	char answer_id[96];            /* Responses: the id its failure event has to repeat */
	bool saw_tool;
	/* Translation: where hub events go; NULL in the verbatim relay. With it, `arena` holds whatever the dialect must
	 * remember between events in `state` (bounded: block numbers, not text), for as long as the reader lives. */
	struct event_list *sink;
	struct arena *arena;
	void *state;
	uint64_t quirks;               /* of the binding that answers */
};

/* State of one answer being written to a client; lives in the attempt. */
struct event_writer {
	const struct dialect *dialect;
	struct arena *arena;           /* the attempt's: for `state` */
	enum framing framing;
	bool include_usage;            /* openai-chat: the client asked for it in the stream */
	struct slice model;            /* to say where the provider says none: the public id */
	struct slice provider;
	const struct usage *usage;     /* grows while the answer comes; complete at the end */
	uint64_t seed;                 /* for ids that the dialect needs and nobody gave */
	unsigned ids;
	int64_t now_s;                 /* for `created` where nobody said */
	unsigned written;              /* events so far; JSON array framing counts elements */
	int64_t sequence;              /* Responses: number of the last event written, -1 before the first */
	char answer_id[96];            /* Responses: the id its failure event has to repeat */
	size_t limit;                  /* bytes that may be kept where the dialect repeats whole texts at its end */
	void *state;
};

enum stream_end {
	STREAM_COMPLETE,               /* finished and terminated */
	STREAM_NEEDS_TERMINATOR,       /* finished, but without the terminator: write_terminator() adds it */
	STREAM_CUT                     /* ended before it was complete */
};

/* An error on its way to a client. */
struct failure_view {
	const struct failure *failure; /* message, the provider's type, code and param */
	int status;                    /* what the client gets (inside streams: what it would have got) */
	const char *code;              /* "weir_…" for our own, NULL = the provider's own code */
	bool from_provider;
	struct slice request_id;
};

/* A member of a request's root that the verbatim relay may edit. */
struct parameter {
	const char *name;
	uint64_t fields;               /* FIELD_… it says */
	uint64_t quirks;               /* QUIRK_…: edited only where one of them meets the request; 0 = says how to answer,
					* not what, and is edited whenever the model or provider rejects what is said */
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
	/* Reads a CHAT (or COUNT_TOKENS) request into the hub. Unknown members are kept as `others`. False: reterr is a
	 * FAILURE_BAD_REQUEST naming the member and what would be right. */
	bool (*read_chat)(const struct request_facts *facts, enum operation op, struct arena *a, struct chat *ret,
			  struct failure *reterr);
	/* Writes it for a target of this dialect: members in a fixed order, only fields in `t->carried`. `scratch` lives
	 * as long as the call. False: it cannot be said (reterr: FAILURE_REQUEST, says why), or the buffer is full. */
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
/* Is anything there at all that may have to be edited for that provider? Cheap; only then the request has to be read into
 * the hub to know more. */
bool parameters_are_said(const struct dialect *d, const struct request_facts *facts, uint64_t quirks);
/* Adds the edits that the target asks for: what its model or provider rejects becomes what the dialect's own writer makes
 * of it, in `body`. Sets `target->carried`. `*ret_dropped`: FIELD_… of what was left out or said only in part. False: too
 * many edits. */
bool parameters_edit(const struct dialect *d, const struct request_facts *facts, const struct chat *c,
		     struct chat_target *target, struct splice *out, struct buf *body, struct arena *a,
		     struct arena *scratch, uint64_t *ret_dropped) MUSTCHECK;
