/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes that exchange.c, attempt.c, relay.c and their helpers share. */
#pragma once

#include "exchange/exchange.h"
#include "exchange/explanation.h"
#include "exchange/outcome.h"
#include "exchange/rescue.h"
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
struct line;

enum { PLACE_NONE = UINT32_MAX, HEDGE_FLOOR = 1 /* hedges per ten seconds that are allowed anyway */ };

/* What was taken for an attempt before it starts, and is given back when it ends. */
struct admission {
	const struct credential *key;
	uint64_t pool;                 /* key_pool_id() */
	uint64_t breaker;              /* breaker_key() */
	struct vital *vital;
	int64_t tokens;                /* counted against the key's limits */
	int64_t taken_ns;
	bool is_probe;                 /* the breaker's half-open one */
};

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
	const struct candidate *candidate; /* in the plan: until the request's memory goes */
	unsigned place;                /* of the candidate in the plan */
	bool is_hedge;                 /* started beside another one that is slow */
	bool lost;                     /* another attempt answered first, or the exchange ended before it could */
	struct token *token;           /* what the key's source gave; a reference, NULL = it has none */
	struct token_wait *token_wait; /* while the step is `authorize` */
	bool token_refused;            /* it was not taken, and a fresh one is on its way */
	struct price price;
	int64_t context;               /* of the model, 0 = unknown */
	bool substituted;
	struct admission admission;
	bool breaker_told;

	struct client_stream *upstream;
	struct translation *translation; /* of the request; NULL: the client's own bytes */
	struct translation *voice;     /* what its answer goes through; NULL: relayed verbatim */
	struct replay *replay;         /* of what it delivers, should it break; NULL = nobody asks */
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
	struct buf held;               /* for the client: events before content */
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
	struct timer slow;             /* while its beginning is held to see how fast it is */
	bool slow_due, fast_enough;
	bool timed_out, total_out;
	int64_t started_ns, first_token_ns; /* 0 = not yet */
	unsigned row;                  /* of the exchange's record (record_attempt) */
	struct slice dropped;          /* what of the request it was not told; kept by the exchange */
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
	uint64_t conversation;         /* exchange_conversation(); 0 = not asked for yet */

	/* Where the plan stands. */
	unsigned place;                /* candidate; PLACE_NONE = between two */
	uint64_t places_done;          /* bit per candidate */
	enum cause cause;              /* of the failure whose candidates (`on:`) come first */
	uint64_t keys_done;            /* bit per key of that candidate */
	uint64_t draw;                 /* random: what is drawn by lot for this request */
	uint64_t rotation;             /* its turn where keys are spread */
	int same_tries;                /* further tries of that target so far */
	bool waited_for_retry_after;   /* of that target */
	bool plain_retry;              /* again without asking for usage */
	bool token_retry;              /* again with a fresh token */
	int64_t context_needed;        /* a target with a smaller known context has refused: larger than this */
	int64_t rest_ms;               /* soonest that somebody who rests may be asked; -1 = nobody rests */
	unsigned rests;                /* why, of all who do (dispatch.c) */
	struct line *line;             /* heap; while it stands in line (line.c) */
	int64_t smallest_retry_after_ms; /* -1 = nobody said */
	bool fallback;                 /* who answers, or finishes the answer, is not the plan's first target */

	/* Attempts: the one that the exchange follows, never NULL, and one beside it while both may still win. Which of
	 * the two places each has does not matter. */
	struct attempt *attempt, *rival;
	struct attempt first, *second; /* the second is made when it is needed */
	struct failure *failure;       /* heap; what the client will hear */
	struct headers failure_headers; /* of the answer it came with, as far as they may pass */

	struct rescuer *rescue;         /* heap; NULL = a broken answer stays broken */

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

	bool is_shadow;                /* a shadow of another request (mirror.c) */
	bool wants_stream;
	bool elements_written;         /* JSON array framing: an element is out, so the next one needs a comma */
	enum framing framing;
	struct buf last;               /* the answer's last bytes, kept back for `finish` */
	struct buf answer;             /* a whole answer on its way out */
	int answer_status;
	const char *answer_type;       /* content type of a local answer; NULL = JSON */
	bool last_written;

	struct timer deadline;
	struct timer heartbeat;
	struct timer backoff;
	struct timer store_wait;       /* while the store is asked */
	struct timer hedge;
	bool hedge_due;
	bool deadline_passed, heartbeat_due;
	int64_t last_write_ns;         /* towards the client */
	int64_t body_ready_ns, planned_ns;

	struct explanation *explanation; /* of the plan; NULL before it */
	struct record record;
};

/* exchange.c */
void exchange_wake(struct exchange *x);
/* Remembers what to tell the client; of several the one that says most (outcome_outranks). False: not this one. */
bool exchange_fail(struct exchange *x, const struct failure *f);
bool exchange_refuse(struct exchange *x, enum failure_kind kind, const char *format, ...) PRINTF(3, 4);
/* planning.c: makes x->plan, and starts or arms what it asks for. False: refused. */
bool exchange_plan(struct exchange *x);
/* Parses the body and reads what routing needs. False: refused. */
bool exchange_read_request(struct exchange *x);
int64_t exchange_prompt_tokens(struct exchange *x);
/* Hash of the conversation: of its session, else of the prompt's beginning. */
uint64_t exchange_conversation(struct exchange *x);
/* A copy for the record that lives as long as the exchange, at most RECORD_TEXT_MAX bytes of it. */
struct slice exchange_keep(struct exchange *x, struct slice text);
/* The same of what the record may say of a failure. */
struct slice exchange_keep_reason(struct exchange *x, const struct failure *f);
/* Usage and cost of the attempt that is followed into the record; what the provider did not tell is estimated from what
 * went through, and marked. An attempt that reached nobody costs nothing. May be called again when more is known. */
void exchange_account(struct exchange *x);
/* The cost of an attempt that did not win into its row. */
void exchange_account_lost(struct exchange *x, struct attempt *a);
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
/* Starts an attempt at that candidate, of whom a place in memory is free. NULL: the request cannot be written
 * for it (reterr), and nothing has happened. */
struct attempt *attempt_start(struct exchange *x, const struct candidate *c, const struct admission *admission,
			      struct failure *reterr);
enum attempt_result attempt_run(struct attempt *a);
/* Is its answer written anew, by its voice? */
static inline bool attempt_is_translated(const struct attempt *a)
{
	return a->voice != NULL;
}
/* What the client has seen of the answer that this writer wrote, for the error event that may have to end it. */
void attempt_show(struct exchange *x, const struct event_writer *w);
/* Its answer is the one that the client gets: the record says so, and a rival is ended. */
void attempt_win(struct attempt *a);
/* Books it and lets go of its connection; `f` NULL = it answered. Safe when it is not live. */
void attempt_end(struct attempt *a, const struct failure *f);
enum attempt_result attempt_fail(struct attempt *a, enum failure_kind kind, const char *format, ...) PRINTF(3, 4);
enum attempt_result attempt_fail_with(struct attempt *a, const struct failure *f);
/* Content has come: the breaker hears the good news, the timer changes from first token to idle. */
void attempt_progress(struct attempt *a, unsigned reading_flags);

/* asking.c: how an attempt asks */
/* Must usage be asked for at that target (its breaker's key)? */
bool asking_wants_usage(const struct exchange *x, const struct candidate *c, uint64_t target);
/* Sends the request; of the attempt's memory, credential and token everything is there. */
struct client_stream *asking_open(struct attempt *a, const struct candidate *c,
				  void (*on_event)(struct client_stream *));

/* relay.c: what an attempt reads, on its way to the client */
enum attempt_result relay_stream_bytes(struct exchange *x, struct attempt *a, struct slice bytes);
enum attempt_result relay_stream_end(struct exchange *x, struct attempt *a);
enum attempt_result relay_whole_bytes(struct exchange *x, struct attempt *a, struct slice bytes);
enum attempt_result relay_whole_end(struct exchange *x, struct attempt *a);
/* The provider has said everything: what the client must still get is made ready. */
enum attempt_result relay_complete(struct exchange *x, struct attempt *a);
/* Its first content has come: from now on it must show how fast it is, where the route asks for that. */
void relay_watch_speed(struct attempt *a);
/* The time is over: what is held is sent, or the attempt has failed. */
enum attempt_result relay_judge_speed(struct exchange *x, struct attempt *a);
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

/* Could somebody else be asked, if this one were given up? */
bool dispatch_has_another(const struct exchange *x, const struct attempt *a);
/* Is it not at the plan's first target? */
bool dispatch_is_fallback(const struct exchange *x, const struct attempt *a);
/* One second attempt elsewhere, beside the one that is slow. False: nobody takes it now. */
bool dispatch_hedge(struct exchange *x);
/* One of two attempts has failed: the walk goes on from the other one. */
void dispatch_forget(struct exchange *x, const struct attempt *a);

/* report.c: what an attempt teaches about its target */
void report_begin(struct attempt *a);
/* The answer's head is there. */
void report_head(struct attempt *a);
void report_first_token(struct attempt *a);
/* It works. */
void report_content(struct attempt *a);
/* `f` NULL: nothing went wrong. Everything of its admission is given back. */
void report_end(struct attempt *a, const struct failure *f);

/* hedge.c */
void hedge_init(struct exchange *x);
/* An attempt has started. */
void hedge_arm(struct exchange *x);
/* Starts the second attempt when its time has come. */
void hedge_run(struct exchange *x);
/* One of two has failed; the other one is followed from now on. */
void hedge_lose(struct exchange *x, struct attempt *a, const struct failure *f);

/* mirror.c */
/* After the plan is made: starts the shadow that it asks for. */
void mirror_start(struct exchange *x);
/* Of a shadow: its plan is that one target. */
void mirror_plan(struct exchange *x);

/* line.c */
/* Not called yet. */
bool line_holds(const struct exchange *x);
/* Others wait already for the same route. */
bool line_must_queue(const struct exchange *x);
/* Stands in line, or goes back to its place. `behind_others`: they are served first; else it tries once more before it
 * waits. False: it may not, there is no room, or it has waited long enough. */
bool line_join(struct exchange *x, bool behind_others);
void line_leave(struct exchange *x);

/* identify.c */
/* Who asks, and may they: the key in the places each SDK uses, or loopback without keys; x-weir-* controls. False:
 * failed. */
bool identify_client(struct exchange *x);

/* listing.c: local answers; they fill in answer, answer_status and answer_type */
void listing_models(struct exchange *x);
void listing_model(struct exchange *x);
void listing_version(struct exchange *x);
