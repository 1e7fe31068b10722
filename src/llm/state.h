/* SPDX-License-Identifier: Apache-2.0 */
/* Reasoning state on its way through a client: a provider's signature or encrypted block, wrapped with the name of the
 * provider and dialect it belongs to, so that it comes home or is left out, and never reaches another provider. The
 * wrapping is plain base64 (Gemini's field is bytes, others take any string):
 *
 *     base64( "weir\1" dialect(1 byte) length-of-provider(1 byte) provider payload )
 *
 * The base64 of "weir\1" begins with "d2VpcgE" whatever follows: that is how a body with foreign state in it is
 * noticed without parsing. It is not signed: a client that changes it harms its own conversation only. */
#pragma once

#include "llm/chat.h"

#define STATE_MARK "d2VpcgE"           /* the first characters of every wrapped state */

/* Whether the mark stands anywhere in a body. */
bool state_is_in(struct slice body);
struct slice state_wrap(struct slice payload, struct slice provider, enum dialect_id dialect, struct arena *a);
/* What a client sent: taken apart if it was wrapped, else raw and native to `dialect`. Empty text: none. */
struct reasoning_state state_read(struct slice text, enum dialect_id dialect, struct arena *a);
/* May it be written for that provider in that dialect? Wrapped state: only at its own provider, in its own dialect.
 * Unwrapped: only in the dialect that it came in. */
bool state_is_at_home(const struct reasoning_state *s, struct slice provider, enum dialect_id dialect);
/* Whether reasoning of earlier turns is left out where another dialect is spoken: somebody else's state, or words that
 * the model does not ask to have back. All writers go by it; here it is known for x-weir-dropped. */
bool state_loses_reasoning(const struct chat *c, struct slice provider, enum dialect_id target,
			   const struct model_rules *rules);
