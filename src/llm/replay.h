/* SPDX-License-Identifier: Apache-2.0 */
/* What of an answer has been delivered, and the same answer coming a second time (DESIGN §6, `replay`): per channel
 * (text, reasoning, refusal, each tool call, of each choice) its length and a running hash. The second answer is
 * swallowed while it repeats the first, then it carries on; at the first difference it has diverged. Constant memory per
 * channel; pure.
 *
 *     replay_note()      every event that was delivered
 *     replay_again()     a new answer begins: from now on its events go through replay_filter()
 *     replay_filter()    in place: what was delivered already is cut out; false: it says something else */
#pragma once

#include "llm/event.h"

enum { REPLAY_CHANNELS_MAX = 4096 };

struct replay;

struct replay *replay_new(void);
/* Accepts NULL, returns NULL. */
struct replay *replay_free(struct replay *r);
/* False: more channels than can be followed; no replay is possible any more. */
bool replay_note(struct replay *r, const struct event *e);
void replay_again(struct replay *r);
/* The event as it goes on to the writer: whole, shortened to what is new, or with *ret_swallowed nothing at all. What is
 * passed is noted as delivered. Ids and names of tool calls stay those that were delivered. False: diverged; the reason
 * (static) is for people. */
bool replay_filter(struct replay *r, struct event *e, bool *ret_swallowed, const char **reterr);
/* All that was delivered has been repeated. */
bool replay_has_caught_up(const struct replay *r);
/* A tool call or a reasoning block is open, or anything but text of one choice was delivered: what `continue` needs to
 * know. `ret_text`: the delivered text when it is only that and it was kept (replay_keep_text), else empty. */
void replay_keep_text(struct replay *r, size_t limit);
bool replay_is_plain_text(const struct replay *r, struct slice *ret_text);
/* For a continuation: the new answer's first text block goes on with the open one, its events are renumbered. False: it
 * began with something else. */
void replay_continue(struct replay *r);
