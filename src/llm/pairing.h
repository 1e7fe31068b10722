/* SPDX-License-Identifier: Apache-2.0 */
/* Tool calls and their results within a conversation: which result answers which call, and whether every call that the
 * conversation went on from has been answered (pain.md F26, DIALECTS §3.6). */
#pragma once

#include "llm/chat.h"

/* Gives calls and results the ids and names they lack; system text that stands between calls and their results moves
 * behind the results, which every API wants right after the calls. */
void pair_calls(struct chat *c, struct arena *a);
/* False: a result without its call, or a call without a result, in a dialect whose own API refuses that (reterr:
 * FAILURE_BAD_REQUEST, naming the id). */
bool pairs_complete(const struct chat *c, struct failure *reterr);
