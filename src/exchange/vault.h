/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider wants back of an assistant turn that ended in tool calls, kept for clients that echo only their
 * dialect's standard fields (pain.md F4): reasoning texts, and the state that signs them or the calls.
 *
 *     answer's events → vault_note → vault_write → document in the store → vault_apply → the turn, complete again
 *
 * The document, JSON: {"provider":…, "parts":[ in the answer's order
 *     {"kind":"reasoning","text":…,"state":…,"redacted":true,"item_id":…}, {"kind":"text","state":…},
 *     {"kind":"call","id":…,"state":…} ]}
 * States are wrapped (llm/state.h): the writers of requests leave out what is not at home. A call without a state is
 * there for the order's sake. */
#pragma once

#include "llm/answer.h"

/* Bytes of one answer that may be kept, texts and states together; of a longer one nothing is. */
enum { VAULT_ANSWER_MAX = 256 << 10 };
/* A tool loop takes seconds or, with a person in it, hours. */
enum { VAULT_LIFE_S = 24 * 60 * 60 };

/* The first choice of one answer, as its events pass. Without what is said: only reasoning, states and calls. */
struct vault_turn {
	struct arena arena;
	struct answer answer;
	bool wanted;                   /* false: nothing is gathered */
};

void vault_turn_init(struct vault_turn *v, bool wanted);
void vault_turn_done(struct vault_turn *v);
/* A prepared event (llm/answer.h). */
void vault_note(struct vault_turn *v, const struct event *e);
/* True when the turn ended in tool calls and there is something to be kept of it: its document, and the id that it is
 * kept under (in `a`). */
bool vault_write(const struct vault_turn *v, struct slice provider, struct arena *a, struct buf *out,
		 struct slice *ret_id);

/* Tool call ids are not unique everywhere ("functions.find:0", recorded: moonshot), so name and arguments are part of
 * the id: the arguments' meaning, as clients write them anew. */
struct slice vault_id(struct slice call_id, struct slice name, struct slice arguments, struct arena *a);

/* The id under which something may be kept for that turn; NULL pointer when it has no tool calls, or has brought its
 * state along. */
struct slice vault_wanted(const struct turn *t, struct arena *a);
/* Whose it is. NULL pointer: no document of ours. */
struct slice vault_provider(struct slice document, struct arena *a);
/* Puts the kept parts where they were. False: no document of ours, or nothing in it for that turn. */
bool vault_apply(struct turn *t, struct slice document, struct arena *a);
