/* SPDX-License-Identifier: Apache-2.0 */
/* What of an answer has been delivered, and the same answer coming a second time (DESIGN §6, `replay`): of each block
 * (text, reasoning, refusal, tool call … of each choice) its length and a running hash. The second answer is swallowed
 * while it repeats the first, then it carries on in the blocks that are open; at the first difference it has diverged.
 * Constant memory per block; pure. Events are those that answering_prepare() has left.
 *
 *     replay_note()      every event that was delivered by the first attempt
 *     replay_again()     a new answer begins: from now on its events go through replay_filter()
 *     replay_filter()    in place: what was delivered already is cut out; false: it says something else
 *
 * What is the same: the n-th text, refusal, call, picture … of a choice is the n-th that was delivered, whatever the
 * numbers of its blocks are and wherever its text is cut; a call must be of the same tool, its id may be another. A
 * block that was delivered to its end must end at the same byte; one that was open must reach what was delivered of it.
 * Nothing new is told in a choice before all that was delivered of it has been repeated (only calls overlap).
 *
 * Two runs rarely think in the same words, so reasoning is compared only while nothing had followed it, nor its
 * signature: finished reasoning stands as it was delivered, and what the new answer thinks in its place, or before a
 * text that was delivered, is swallowed with its signatures. In the same way pictures stand that were delivered whole.
 * Citations and log probabilities are not compared but counted: those beyond the delivered number are told as long as
 * their text is open, and fewer of them are no difference. A choice that had stopped is swallowed whole. */
#pragma once

#include "llm/event.h"

enum { REPLAY_CHANNELS_MAX = 4096 };    /* blocks of an answer, of all choices */

struct replay;

struct replay *replay_new(void);
/* Accepts NULL, returns NULL. */
struct replay *replay_free(struct replay *r);
/* False: more blocks than can be followed; no replay is possible any more. */
bool replay_note(struct replay *r, const struct event *e);
/* May be called again and again, also after an answer that diverged. */
void replay_again(struct replay *r);
/* The event as it goes on to the writer: whole, or shortened to what is new, with the number of the block there; with
 * *ret_swallowed nothing at all. What is passed is noted as delivered. Ids and names of tool calls stay those that were
 * delivered. False: diverged; the reason (static) is for people, and no further event may be asked about before
 * replay_again(). */
bool replay_filter(struct replay *r, struct event *e, bool *ret_swallowed, const char **reterr);
/* All that was delivered has been repeated. */
bool replay_has_caught_up(const struct replay *r);
/* What `continue` needs to know. From the beginning on, delivered text is kept up to `limit` bytes. */
void replay_keep_text(struct replay *r, size_t limit);
/* Nothing but (an event of the start and) text of choice 0 was delivered, and no more than is kept. `ret_text`: that
 * text, in all of its blocks, if it was to be kept, else empty. It lives until the next event. */
bool replay_is_plain_text(const struct replay *r, struct slice *ret_text);
/* Instead of replay_again(), and only where the delivered answer is plain text: the new one carries on after it. Its
 * first text goes on with the open block; reasoning before that is swallowed; anything else begins a block after it. */
void replay_continue(struct replay *r);
