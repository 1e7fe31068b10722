/* SPDX-License-Identifier: Apache-2.0 */
/* The one record of a request (PRODUCT §7): log line now; ledger row, trace and dashboard on the same struct later. Its
 * texts are borrowed from what outlives the request's memory: the configuration snapshot (names of providers and keys),
 * or the client stream's arena until record_pack(). */
#pragma once

#include "base/buf.h"
#include "base/failure.h"
#include "llm/usage.h"

enum { ATTEMPTS_RECORDED_MAX = 16, RECORD_TEXT_MAX = 200, RECORD_ID_MAX = 32, RECORD_LINE_MAX = 256 << 10 };

struct attempt_record {
	struct slice provider;
	struct slice model;            /* public id */
	struct slice key;              /* fingerprint of the credential, "none" without */
	int status;                    /* HTTP status there, 0 = none came */
	enum failure_kind kind;        /* NONE = it answered */
	bool is_hedge;                 /* started beside another one */
	bool lost;                     /* the other one was faster */
	struct slice message;          /* of the failure, stripped */
	int64_t start_us;              /* after the request's first byte */
	int64_t connect_us, head_us, first_token_us, end_us; /* after its own start; -1 = did not happen */
	int64_t cost_nano_usd;         /* PRICE_UNKNOWN or what it has probably cost */
};

struct record {
	char request_id[RECORD_ID_MAX];
	char mirror_of[RECORD_ID_MAX]; /* a shadow: of which request; else empty */
	struct slice route;
	struct slice provider;         /* that answered; "none" */
	struct slice model;            /* public id that answered; the resolved one when nobody did */
	struct slice model_requested;
	struct slice model_provider;   /* what the provider wrote */
	const char *endpoint;          /* pattern of the path; static */
	const char *dialect;           /* the client's; static */
	struct slice key;              /* owner: the key's name, "local" without keys */
	struct slice user, session, tags;
	bool stream;
	bool fallback_used;
	int status;                    /* sent to the client; 499 when it went away */
	enum failure_kind outcome;     /* NONE = answered */
	bool truncated;                /* the answer ended with an error after content */
	struct slice message;
	struct usage usage;
	int64_t cost_nano_usd;
	int64_t wall_ms;               /* when the first byte came */
	int64_t latency_us, first_token_us; /* -1 = none */
	int64_t read_us, plan_us, own_us; /* stages: reading the request, planning, weir's own total */
	uint64_t bytes_in, bytes_out;
	uint64_t config_version;
	struct slice dropped;          /* x-weir-dropped */
	const char *rescue;            /* "replay", "continue": the answer broke and was finished so; NULL (static) */
	const char *price_version;     /* of the catalogue; static */
	unsigned attempt_count;        /* all that were made, also those beyond the rows kept */
	char *texts;                   /* heap: what record_pack() has taken over */
	struct attempt_record *attempts; /* the first ATTEMPTS_RECORDED_MAX of them, heap; usually a single one */
};

/* The number of a zeroed row for the next attempt; the last row's again when there is room for no more. */
unsigned record_add_attempt(struct record *r);
/* The row of that number; valid until the next one is added. */
static inline struct attempt_record *record_attempt(const struct record *r, unsigned row)
{
	return &r->attempts[row];
}
/* What all attempts have cost together; PRICE_UNKNOWN when any of them has no price. */
int64_t record_cost(const struct record *r);
/* Copies the texts that are in the stream's arena, which may go then; called once at most. */
void record_pack(struct record *r);
void record_done(struct record *r);

/* The log line: one JSON object without newline. PRODUCT §7's first fields come first and in its order. */
bool record_write(const struct record *r, struct buf *out) MUSTCHECK;
