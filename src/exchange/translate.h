/* SPDX-License-Identifier: Apache-2.0 */
/* The hub within an exchange: its request in weir's own words, and an attempt's translation (dialect/translation.h). */
#pragma once

#include "dialect/translation.h"
#include "policy/plan.h"

struct attempt;
struct exchange;

/* The request in the hub; read at most once. NULL: it cannot be read, and x->chat_failure says why (unless the dialect
 * has no reader). */
const struct chat *translate_chat(struct exchange *x);
/* Is the candidate asked for a stream? What the client wants decides, but for providers that have only one of both. */
bool translate_asks_stream(const struct exchange *x, const struct candidate *c);
/* Writes the request for that candidate and makes ready for its answer. NULL: it cannot be said there (reterr). */
struct translation *translate_new(struct exchange *x, const struct candidate *c, bool ask_usage,
				  const struct usage *usage, struct failure *reterr);
/* For the answer of an attempt whose request goes out verbatim. Never NULL. */
struct translation *translate_answer_only(struct exchange *x, const struct attempt *a);
/* Accepts NULL, returns NULL. */
struct translation *translate_free(struct translation *t);
/* For a verbatim relay: edits the parameters that the candidate's model or provider rejects or calls otherwise, and
 * notes in the attempt what was left out. False: too many edits. */
bool translate_parameters(struct exchange *x, struct attempt *a, const struct candidate *c, struct splice *out);
