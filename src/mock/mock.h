/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated provider on a loop: `weir mock`, `weir demo` and load tests. It speaks all dialects at once,
 * told apart by the path's end (any prefix before it is fine), in the exact grammar of each, with usage; and it fails
 * as told.
 *
 *   …/chat/completions  …/completions  …/embeddings  …/models            openai-chat
 *   …/messages  …/messages/count_tokens                                  anthropic
 *   …/models/ID:generateContent  :streamGenerateContent  :countTokens  :embedContent      gemini
 *   …/responses   /model/ID/converse[-stream]   /v2/chat   /api/chat     openai-responses, bedrock, cohere, ollama
 *
 * A model named "fault-503", "fault-reset", "fault-cut", … has that fault by itself. */
#pragma once

#include "base/slice.h"
#include "net/address.h"
#include "net/loop.h"

struct mock;

enum mock_fault_kind {
	MOCK_NO_FAULT,
	MOCK_STATUS,                   /* an error status with the dialect's error body */
	MOCK_RESET,                    /* the connection is reset before any answer */
	MOCK_SILENCE,                  /* no answer at all */
	MOCK_CUT,                      /* streams: reset after some tokens; whole answers: within the body */
	MOCK_END,                      /* streams: a clean end without finish after some tokens */
	MOCK_STALL,                    /* nothing more after some tokens */
	MOCK_MALFORMED,                /* broken JSON */
	MOCK_ERROR_EVENT,              /* an error event in the stream; whole answers: an error body with status 200 */
	MOCK_NO_TERMINATOR,            /* finished, but [DONE] or message_stop never comes */
};

enum { MOCK_FAULTS_MAX = 16, MOCK_MODEL_MAX = 128, MOCK_TOKENS_MAX = 10000 };

struct mock_fault {
	enum mock_fault_kind kind;
	int status;
	int64_t retry_after_s;         /* -1 = no such header */
	unsigned after;                /* tokens that still come */
	unsigned every;                /* fires on every Nth request it is about; 1 = on each */
	unsigned times;                /* fires so often, then never again; 0 = for ever */
	unsigned permille;             /* chance of firing, 1000 = always */
	char model[MOCK_MODEL_MAX];    /* only requests for it; empty = all */
	unsigned seen, fired;          /* counted by the mock */
};

/* "status=503,retry-after=2", "cut,after=5,every=3", "silence,chance=0.1,model=m", "reset,times=2". False with a sentence
 * (static) in *reterr. */
bool mock_fault_parse(struct slice text, struct mock_fault *ret, const char **reterr);

/* One finished request, for whoever watches. */
struct mock_record {
	const char *mock;              /* the mock's name */
	struct slice path, model;
	int status;                    /* 0 = none was sent */
	unsigned tokens;               /* sent */
	bool stream, gone;             /* gone: the client left or was cut off before the end */
	enum mock_fault_kind fault;
};

struct mock_options {
	const char *name;              /* what it calls itself in its answers; borrowed */
	int64_t latency_ms;            /* before every answer */
	int64_t first_token_ms;        /* streams: between head and first token */
	unsigned rate;                 /* tokens per second in streams; 0 = as fast as they are taken */
	unsigned tokens;               /* length of an answer */
	unsigned limit_per_minute;     /* requests; over it 429 with retry-after; 0 = none */
	struct slice key;              /* what must be presented; empty = anything. Borrowed */
	struct mock_fault faults[MOCK_FAULTS_MAX]; /* the first that fires counts */
	unsigned fault_count;
	void (*on_record)(const struct mock_record *r, void *ctx); /* may be NULL */
	void *ctx;
};

void mock_options_init(struct mock_options *o);
/* Listens on `a` (port 0 = any). NULL with a sentence when that is not possible. */
struct mock *mock_start(struct loop *l, const struct mock_options *o, const struct address *a, char *reterr,
			size_t size);
const struct address *mock_address(const struct mock *m);
/* Ends what is under way and frees. Accepts NULL, returns NULL. */
struct mock *mock_stop(struct mock *m);
/* "status", "reset", "error-event", …; "none" for MOCK_NO_FAULT. */
const char *mock_fault_name(enum mock_fault_kind kind);
