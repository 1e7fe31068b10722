/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes that exchange.c, attempt.c, relay.c and their helpers share. */
#pragma once

#include "exchange/exchange.h"
#include "exchange/outcome.h"
#include "exchange/stored.h"
#include "exchange/translate.h"
#include "exchange/vault.h"

enum {
	HELD_MAX = 256 << 10,       /* lifecycle events before content; over it is a fault */
	ERROR_BODY_MAX = 256 << 10, /* of a provider's error answer; the rest is not read */
	ERROR_BODY_TIMEOUT_MS = 5000,
	AFTER_TERMINATOR_MS = 50,  /* how long the end of the framing is waited for, to keep the connection */
	STORE_WAIT_MS = 2000,      /* for what the request refers to */
	AFTER_LAST_MAX = 64 << 10, /* what may follow the answer's last event; `relay` keeps both back for `finish` */
};

struct exchange;

/* attempt: authorize → connect → send → read_head → read_events → done */
enum attempt_step {
	ATTEMPT_AUTHORIZE,
	ATTEMPT_CONNECT,
	ATTEMPT_SEND,
	ATTEMPT_READ_HEAD,
	ATTEMPT_READ_EVENTS,
	ATTEMPT_DONE
};

enum attempt_result {
	ATTEMPT_WAITS,                 /* an armed event will run the exchange again */
	ATTEMPT_COMMITTED,             /* content is out: this attempt has won */
	ATTEMPT_COMPLETE,              /* the whole answer is in */
	ATTEMPT_FAILED                 /* `failure` says why */
};

/* One try at one target. Owned by its exchange and run by its driver; booked when it ends, whoever won. */
struct attempt {
	struct exchange *exchange;
	enum attempt_step step;
	bool live;

	/* The target; copies, because the plan's memory goes at commit. */
	const struct provider *provider; /* in the snapshot */
	const struct binding *binding;
	const struct credential *key;
	const struct candidate *candidate; /* in the plan: until the request is made */
	struct token *token;           /* what the key's source gave; a reference, NULL = it has none */
	struct token_wait *token_wait; /* while the step is `authorize` */
	bool token_refused;            /* it was not taken, and a fresh one is on its way */
	struct price price;
	int64_t context;               /* of the model, 0 = unknown */
	bool substituted;
	uint64_t breaker;              /* its breaker's key */
	bool is_probe;                 /* the breaker's half-open one */
	bool breaker_told;

	struct client_stream *upstream;
	struct translation *translation; /* NULL: relayed verbatim */
	struct stored_names *names;    /* heap; NULL = its ids pass as they are */
	struct vault_turn vault;       /* what the client may not be able to keep of a translated answer */
	bool asked_usage;              /* weir asked for usage and the client did not */
	bool streams;                  /* the provider's answer is a stream of events */
	bool error_answer;             /* status >= 400: the body is read for its message */
	bool progressed;               /* the first-token timer has done its work */
	bool over_hold;                /* a whole answer too long to be judged: relayed as it comes */
	bool held_back;                /* not read because the client is slow */
	struct framer framer;
	struct event_reader reader;
	struct buf body;               /* a whole answer, or an error's body */
	struct timer timer;            /* first token, then idle; error body; after the terminator */
	enum {
		TIMER_NONE,
		TIMER_AUTHORIZE,
		TIMER_FIRST_TOKEN,
		TIMER_IDLE,
		TIMER_ERROR_BODY,
		TIMER_AFTER_TERMINATOR
	} timer_is_for;
	struct timer total;
	bool timed_out, total_out;
	int64_t started_ns;
	struct attempt_record *row;    /* in the exchange's record */
	struct failure *failure;       /* heap; NULL = none yet */
	struct headers failure_headers; /* of an error answer; in the client stream's arena */
};

struct exchange {
	struct list node;              /* worker.exchanges */
	struct worker *worker;
	struct snapshot *snapshot;
	struct server_stream *stream;
	enum exchange_step step;
	struct task task;

	const struct endpoint *endpoint; /* NULL: unknown path */
	const struct dialect *dialect; /* whose shapes the client understands */
	struct slice path_id;          /* decoded model of the path; in the stream's arena */
	struct slice query;            /* without credentials; in the stream's arena */
	struct slice only;             /* x-weir-only */
	const struct api_key *key;     /* who asks; NULL without keys */

	/* Request memory, with what the attempts wrote for their providers: freed at commit. */
	struct arena arena;
	struct buf body;
	struct request_facts facts;
	struct buf asked_body;         /* before what it refers to became part of it (resolve.c) */
	struct request_facts *asked;   /* of that; NULL = it refers to nothing that is kept here */
	struct chat *chat;             /* the request in the hub; NULL until somebody needs it (translate_chat) */
	const struct failure *chat_failure; /* it cannot be read into the hub; in the arena */
	struct plan plan;
	struct stored *stored;         /* heap; NULL = nothing that is stored is concerned */
	struct recall *recall;         /* documents that are asked for (recall.c); in the arena */
	bool request_freed;
	int64_t prompt_tokens;         /* estimate; -1 = not asked for yet */

	/* Where the plan stands. */
	unsigned cursor;               /* candidate */
	unsigned keys_tried;           /* of that candidate */
	uint64_t key_start;            /* the conversation's place in the key list */
	int same_tries;                /* further tries of that target so far */
	bool waited_for_retry_after;   /* of that target */
	bool plain_retry;              /* again without asking for usage */
	bool token_retry;              /* again with a fresh token */
	int64_t context_needed;        /* a target with a smaller known context has refused: larger than this */
	int64_t breaker_retry_ms;      /* soonest that a breaker lets someone through; -1 = none was open */
	bool rests_for_faults;         /* an open one is so for more than a limit on rates */
	int64_t smallest_retry_after_ms; /* -1 = nobody said */
	bool fallback;                 /* the live attempt is not at the plan's first target */

	struct attempt attempt;        /* the one live attempt */
	struct failure *failure;       /* heap; what the client will hear */
	struct headers failure_headers; /* of the answer it came with, as far as they may pass */

	/* The two latches (DESIGN §1). */
	bool head_sent;                /* the status line is out: no failure can have a status any more */
	bool committed;                /* bytes of one attempt's answer are out */

	/* What the client has seen of a translated answer, for the error event that may have to end it. */
	struct {
		bool translated;
		unsigned events;
		int64_t sequence;
		char answer_id[96];
		char model[128];
	} shown;

	bool wants_stream;
	bool elements_written;         /* JSON array framing: an element is out, so the next one needs a comma */
	enum framing framing;
	struct buf held;               /* events before content */
	struct buf last;               /* the answer's last bytes, kept back for `finish` */
	struct buf answer;             /* a whole answer on its way out */
	int answer_status;
	const char *answer_type;       /* content type of a local answer; NULL = JSON */
	bool last_written;

	struct timer deadline;
	struct timer heartbeat;
	struct timer backoff;
	struct timer store_wait;       /* while the store is asked */
	bool deadline_passed, heartbeat_due;
	int64_t last_write_ns;         /* towards the client */
	int64_t body_ready_ns, planned_ns;

	struct record record;
};

/* exchange.c */
void exchange_wake(struct exchange *x);
/* Remembers what to tell the client; of several the one that says most (outcome_outranks). False: not this one. */
bool exchange_fail(struct exchange *x, const struct failure *f);
bool exchange_refuse(struct exchange *x, enum failure_kind kind, const char *format, ...) PRINTF(3, 4);
/* Parses the body and reads what routing needs. False: refused. */
bool exchange_read_request(struct exchange *x);
int64_t exchange_prompt_tokens(struct exchange *x);
/* A copy for the record that lives as long as the exchange, at most RECORD_TEXT_MAX bytes of it. */
struct slice exchange_keep(struct exchange *x, struct slice text);
/* The same of what the record may say of a failure. */
struct slice exchange_keep_reason(struct exchange *x, const struct failure *f);
/* Usage and cost of the live attempt into the record; what the provider did not tell is estimated from what went
 * through, and marked. An attempt that reached nobody costs nothing. May be called again when more is known. */
void exchange_account(struct exchange *x);
/* Frees the request's memory, after reading from it what accounting may still need. Does nothing while a live attempt
 * still sends from it (an answer may begin before its request is out): then it goes with the exchange. */
void exchange_free_request(struct exchange *x);

/* answer.c: heads and bodies towards the client */
/* The head of the provider's answer; `length` BODY_LENGTH_UNKNOWN for streams. Sets head_sent. */
void answer_head(struct exchange *x, const struct attempt *a, int status, int64_t length);
/* The head of a stream about which nothing is known yet but that it is one (heartbeat). */
void answer_early_head(struct exchange *x);
/* Is that lower-case name in a dialect's allow-list (where a trailing '*' matches a prefix)? */
bool header_passes(const char *const *list, struct slice name);
/* What may pass of the head of a provider's error answer, copied for the client that may hear of it. */
struct headers answer_keep_failure_headers(struct exchange *x, const struct attempt *a);
void answer_failure(struct exchange *x);
void answer_failure_event(struct exchange *x);
void answer_local(struct exchange *x);
/* 200, and x->answer as JSON. */
void answer_json(struct exchange *x);
/* COUNT_TOKENS where no provider counts: weir's own estimate, said to be one in x-weir-usage. */
void answer_estimate(struct exchange *x);
void answer_heartbeat(struct exchange *x);

/* attempt.c */
/* Starts an attempt at the plan's candidate with that key. False: the request cannot be written for it (reterr), and
 * nothing has happened. */
bool attempt_start(struct exchange *x, const struct candidate *c, const struct credential *key, uint64_t breaker,
		   bool is_probe, struct failure *reterr);
enum attempt_result attempt_run(struct attempt *a);
/* Books it and lets go of its connection; `f` NULL = it answered. Safe when it is not live. */
void attempt_end(struct attempt *a, const struct failure *f);
enum attempt_result attempt_fail(struct attempt *a, enum failure_kind kind, const char *format, ...) PRINTF(3, 4);
enum attempt_result attempt_fail_with(struct attempt *a, const struct failure *f);
/* Content has come: the breaker hears the good news, the timer changes from first token to idle. */
void attempt_progress(struct attempt *a, unsigned reading_flags);

/* relay.c: what an attempt reads, on its way to the client */
enum attempt_result relay_stream_bytes(struct exchange *x, struct attempt *a, struct slice bytes);
enum attempt_result relay_stream_end(struct exchange *x, struct attempt *a);
enum attempt_result relay_whole_bytes(struct exchange *x, struct attempt *a, struct slice bytes);
enum attempt_result relay_whole_end(struct exchange *x, struct attempt *a);
/* The provider has said everything: what the client must still get is made ready. */
enum attempt_result relay_complete(struct exchange *x, struct attempt *a);
/* Does the client get a stream from this attempt? */
bool relay_streams_out(const struct exchange *x, const struct attempt *a);

/* recall.c: what the provider wants back and the client could not carry (vault.h), between the store and x->chat */
/* Looks it up for all turns that lack it. False: the store has been asked, and wakes the exchange. */
bool recall_run(struct exchange *x);
void recall_cancel(struct exchange *x);
/* The attempt's answer is complete: keeps what the next request will want. */
void recall_keep(struct exchange *x, const struct attempt *a);

/* stored_endpoint.c: a response that lies at a provider, asked for there */
void stored_plan(struct exchange *x);
/* Its path behind that of all responses: "/resp_1/cancel". */
struct slice stored_path(const struct exchange *x, struct arena *a);

/* dispatch.c: which target next */
enum dispatch_result { DISPATCH_STARTED, DISPATCH_WAITS, DISPATCH_EXHAUSTED };
/* Starts the next attempt of the plan, or says that nobody is left (the failure is set then). */
enum dispatch_result dispatch_next(struct exchange *x);
/* After a failed attempt (already ended): moves the plan on. False: the client hears the failure now. */
bool dispatch_after_failure(struct exchange *x, const struct failure *f, const struct attempt *a);

/* identify.c */
/* Who asks, and may they: the key in the places each SDK uses, or loopback without keys; x-weir-* controls. False:
 * failed. */
bool identify_client(struct exchange *x);

/* listing.c: local answers; they fill in answer, answer_status and answer_type */
void listing_models(struct exchange *x);
void listing_model(struct exchange *x);
void listing_version(struct exchange *x);
