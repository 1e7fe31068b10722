/* SPDX-License-Identifier: Apache-2.0 */
/* When a stream breaks after content (DESIGN §6). What can be done is decided before commit, because it must be known
 * what to keep: the request, and what of the answer was delivered.
 *
 *   hold      nothing is committed before the whole answer is in, so every fault is one before the commit; an answer
 *             longer than limits.hold is sent from there on
 *   replay    the request runs again; the new answer is swallowed while it repeats what was delivered, then it carries
 *             on; at the first difference that target is given up
 *   continue  the next target gets what was delivered as its own beginning and goes on; plain text only, where an
 *             assistant prefill can be said
 *
 * The writer of the answer that broke speaks on to the client, whoever answers. So an answer that may have to be
 * finished by somebody else is written by weir from its first byte, also in the provider's own dialect: only then is it
 * known to the byte which blocks the client has seen open and close, and their ids and numbers go on. */
#pragma once

#include "dialect/translation.h"
#include "policy/plan.h"

struct attempt;
struct exchange;

struct rescuer {
	struct rescue_list modes;      /* replay and continue, in order */
	unsigned next;                 /* of them */
	bool holds;                    /* hold: until everything is in */
	enum rescue running;           /* OFF = nothing has broken yet */
	struct replay *replay;         /* what was delivered, once it is running */
	struct translation *speaker;   /* whose writer the client hears; owned once its attempt has ended */
	bool owns_speaker;
	struct slice provider, model;  /* who spoke before it broke */
	struct failure *broken;        /* why the first answer broke: what the client hears if nobody can finish it */
	const struct chat *chat;       /* continue: the request with what was delivered at its end */
};

/* After the plan is made. */
void rescue_arm(struct exchange *x);
void rescue_free(struct exchange *x);
/* The request must be kept until the answer is complete. */
bool rescue_is_armed(const struct exchange *x);
bool rescue_holds(const struct exchange *x);
void rescue_stop_holding(struct exchange *x);
bool rescue_is_running(const struct exchange *x);

/* Of an attempt that begins: what its answer goes through (attempt.voice). */
void rescue_begin_attempt(struct exchange *x, struct attempt *a);
/* Of an attempt that ends: true if its voice goes on speaking, and is the rescue's now. */
bool rescue_keeps_voice(struct exchange *x, const struct attempt *a);

/* The attempt, which has delivered something, has failed. True: the exchange goes back to await_content, where dispatch
 * finds who finishes the answer. */
bool rescue_start(struct exchange *x, struct attempt *a, const struct failure *f);
/* Nobody is left for the mode that is running. True: the next mode begins, the plan from its start. */
bool rescue_next_mode(struct exchange *x);
/* The candidate as it must be asked for the mode that is running: itself, or with what was delivered. NULL: no way. */
const struct candidate *rescue_candidate(struct exchange *x, const struct candidate *c);
/* It is over, and the client hears what broke first. */
void rescue_give_up(struct exchange *x);
