/* SPDX-License-Identifier: Apache-2.0 */
/* A decision as it is kept: explanation.c takes it down, explanation_write.c writes it. */
#pragma once

#include "exchange/explanation.h"

struct explained_key {
	char name[sizeof(((struct credential *)0)->name)];
	enum key_answer answer;
	int32_t for_ms;                /* until it is worth asking again */
};

/* A candidate, and what was known of it. Times count from the decision; -1 = unknown or not said. */
struct explained {
	struct slice provider, model, sent_as, passed_over, url;
	const char *why;               /* static */
	uint64_t dropped, refused;     /* FIELD_… */
	int64_t cost_nano_usd;
	double penalty;
	int64_t first_token_us, first_token_p95_us, token_ns, connect_us;
	int64_t requests_left, tokens_left;
	int64_t saturated_ms, open_ms, down_ms; /* 0 = not */
	unsigned in_flight;
	int success_permille;
	unsigned first_key, key_count; /* in explanation.keys */
	enum dialect_id dialect;       /* DIALECT_COUNT: no way in was chosen */
	enum cause cause;
	enum breaker_state breaker;
	bool is_known, is_checked, limited, translates, substituted;
};

struct explanation {
	size_t size;
	struct slice asked, public_id, route, only;
	struct slice mirror_provider, mirror_model;
	struct slice refusal, refusal_param; /* empty pointer = somebody can answer */
	const char *refusal_code;      /* static */
	const char *order;             /* static */
	int64_t prompt_tokens, max_output;
	uint64_t conversation;
	struct hedge hedge;
	struct rescue_list rescue;
	struct wait_policy wait;
	enum when_down when_down;
	enum failure_kind refusal_kind;
	int status;
	enum named named;
	enum dialect_id dialect;
	enum operation operation;
	int rule, entry;               /* in the configuration's lists; -1 = none */
	bool stream;
	unsigned candidate_count;      /* kept */
	unsigned considered, usable;
	struct explained *candidates;
	struct explained_key *keys;
};
