/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a Messages request (DIALECTS §3.2, §3.6, §3.13): by turns (block_turns.c); no text without a word in
 * it; no white space at the end of an answer that was begun. System text within the conversation is a system message
 * where the model knows such, which stands "immediately after a user turn" (Anthropic's guide to mid-conversation
 * system messages). */
#include "dialect/anthropic/anthropic.h"

static bool is_native(const struct request_writing *r, const struct part *p)
{
	return anthropic_is_native(p);
}

static bool takes_later_system(const struct block_messages *m)
{
	return m->open && m->role == ROLE_USER;
}

static const struct block_way way = {
	.is_written = anthropic_is_written,
	.write_part = anthropic_write_part,
	.write_text = anthropic_write_text,
	.is_user_media = anthropic_is_user_media,
	.is_native = is_native,
	.takes_later_system = takes_later_system,
	.trims_own = true,
};

/* Does the run of assistant turns begin with thinking, as it is written? */
static bool begins_with_reasoning(const struct request_writing *r, const struct turn *t)
{
	bool hoist = block_hoists_reasoning(r, &way, t);

	for (const struct part *p = t->parts; p; p = p->next) {
		if (anthropic_is_reasoning_at_home(r, p))
			return true;
		if (anthropic_is_written(r, p) && !hoist)
			return false;
	}
	return false;
}

bool anthropic_lacks_thinking(const struct request_writing *r)
{
	const struct turn *answered = block_answered_turn(r->chat);

	return answered && !begins_with_reasoning(r, answered);
}

bool anthropic_write_messages(struct request_writing *r)
{
	struct block_messages m;

	block_begin_messages(&m, r, &way);
	if (!block_write_turns(&m))
		return false;
	block_end_messages(&m);
	return true;
}
