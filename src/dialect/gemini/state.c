/* SPDX-License-Identifier: Apache-2.0 */
/* Reasoning state of other providers in a thoughtSignature (DIALECTS §3.13). A part knows no redacted reasoning, and a
 * client that did not ask for thoughts may not be sent them as text; yet their providers want them back verbatim. Such
 * a state is wrapped once more, as Gemini's own, around
 *
 *     'r' state                 redacted
 *     't' state "\n" text       with the text that was not shown; the state may be empty
 *
 * where `state` is the first wrapping, base64, and so without a line end. */
#include "dialect/gemini/gemini.h"

#include "llm/state.h"

struct slice gemini_hide_state(struct slice payload, bool redacted, struct slice text, struct arena *a)
{
	char *inner = arena_alloc(a, payload.len + text.len + 2), *at = inner;

	*at++ = redacted ? 'r' : 't';
	if (payload.len > 0)
		at = mempcpy(at, payload.ptr, payload.len);
	if (!redacted) {
		*at++ = '\n';
		if (text.len > 0)
			at = mempcpy(at, text.ptr, text.len);
	}
	return state_wrap(slice_of(inner, (size_t)(at - inner)), SLICE(""), DIALECT_GEMINI, a);
}

struct reasoning_state gemini_read_state(struct slice signature, struct arena *a, bool *ret_redacted,
					 struct slice *ret_text)
{
	struct reasoning_state s = state_read(signature, DIALECT_GEMINI, a);
	struct slice payload = s.payload, first;

	/* Whoever wrapped it without a provider's name was gemini_hide_state(). */
	if (s.dialect != DIALECT_GEMINI || s.provider.len > 0 || payload.len == 0 || payload.ptr == signature.ptr)
		return s;
	if (payload.ptr[0] == 'r') {
		*ret_redacted = true;
		return state_read(slice_after(payload, 1), DIALECT_GEMINI, a);
	}
	if (payload.ptr[0] != 't')
		return s;
	payload = slice_after(payload, 1);
	first = slice_next_token(&payload, '\n');
	if (payload.len > 0)
		*ret_text = payload;
	return state_read(first, DIALECT_GEMINI, a);
}
