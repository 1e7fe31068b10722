/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a Messages request (DIALECTS §3.2, §3.6, §3.13).
 *
 * The API wants user and assistant to alternate, beginning with the user; the results of tools first in the user
 * message that follows their calls; no text without a word in it; no white space at the end of an answer that was
 * begun. A run of turns between two assistant turns becomes one user message (results, then media of the assistant's
 * that have no place in its own, then the rest in order) and after it the system text said within the run, as a system
 * message where the model knows such, which stands "immediately after a user turn" (Anthropic's guide to
 * mid-conversation system messages), else as text of the user's in <system-reminder>. All of it depends on the
 * conversation so far and on nothing that comes later, so that a grown one begins with the same bytes. */
#include "dialect/anthropic/anthropic.h"

struct messages {
	struct request_writing *r;
	bool any;                      /* one was begun */
	bool open;
	enum chat_role role;           /* of the open one */
	unsigned number;               /* of the turn it began with, as they were read */
	const struct other_member *others; /* of messages yet to be closed, in their order */
	const struct turn *media_of, *media_end; /* assistant turns whose media wait for the next user message */
};

static void close_message(struct messages *m)
{
	if (!m->open)
		return;
	json_end_array(&m->r->json);
	block_write_message_others(m->r, &m->others, m->number);
	json_end_object(&m->r->json);
	m->open = false;
}

static void open_message(struct messages *m, enum chat_role role, unsigned number)
{
	static const char *const names[] = { [ROLE_SYSTEM] = "system", [ROLE_USER] = "user",
					     [ROLE_ASSISTANT] = "assistant" };
	bool had_any = m->any;

	if (m->open && m->role == role)
		return;
	close_message(m);
	m->any = true;
	if (!had_any && role != ROLE_USER) {
		open_message(m, ROLE_USER, 0);
		anthropic_write_plain_text(m->r, SLICE(BLOCK_FIRST_WORD));
		m->open = false;
		json_end_array(&m->r->json);
		json_end_object(&m->r->json);
	}
	json_begin_object(&m->r->json);
	json_member_cstr(&m->r->json, "role", names[role]);
	json_literal_key(&m->r->json, "content");
	json_begin_array(&m->r->json);
	m->open = true;
	m->role = role;
	m->number = number;
}

/* Which parts of a run's turns a pass writes. */
enum pass { PASS_RESULTS, PASS_REST, PASS_SYSTEM };

static bool belongs(const struct turn *t, const struct part *p, enum pass pass)
{
	if (t->role == ROLE_SYSTEM)
		return pass == PASS_SYSTEM;
	return pass == (p->kind == PART_TOOL_RESULT ? PASS_RESULTS : PASS_REST);
}

/* Images that a model made have no place in its own message here. */
static bool write_waiting_media(struct messages *m, unsigned number)
{
	for (const struct turn *t = m->media_of; t && t != m->media_end; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next) {
			if (!anthropic_is_user_media(p) || (p->kind == PART_DOCUMENT && anthropic_is_native(p)))
				continue;
			open_message(m, ROLE_USER, number);
			if (!anthropic_write_part(m->r, p))
				return false;
		}
	m->media_of = NULL;
	return true;
}

static void write_reminder(struct messages *m, unsigned number, const struct part *p)
{
	open_message(m, ROLE_USER, number);
	anthropic_write_text(m->r, p, block_reminder(p->text, m->r->arena));
}

static bool write_pass(struct messages *m, const struct turn *from, const struct turn *to, unsigned number,
		       enum pass pass)
{
	bool as_system = pass == PASS_SYSTEM && writes(m->r, FIELD_LATER_SYSTEM) &&
			 !(m->r->target->rules->rejects & REJECTS_LATER_SYSTEM) && m->open && m->role == ROLE_USER;

	for (const struct turn *t = from; t != to; t = t->next, number++)
		for (const struct part *p = t->parts; p; p = p->next) {
			if (!belongs(t, p, pass) || !anthropic_is_written(m->r, p))
				continue;
			if (pass == PASS_SYSTEM && !as_system && p->kind == PART_TEXT) {
				write_reminder(m, number, p);
				continue;
			}
			open_message(m, as_system ? ROLE_SYSTEM : ROLE_USER, number);
			if (!anthropic_write_part(m->r, p))
				return false;
		}
	return true;
}

/* Turns of the user's and of system text between two assistant turns. */
static bool write_run(struct messages *m, const struct turn *from, const struct turn *to, unsigned number)
{
	return write_pass(m, from, to, number, PASS_RESULTS) && write_waiting_media(m, number) &&
	       write_pass(m, from, to, number, PASS_REST) && write_pass(m, from, to, number, PASS_SYSTEM);
}

/* The last part that is written, if the answer is to go on from there. */
static const struct part *last_written(const struct request_writing *r, const struct turn *t)
{
	const struct part *last = NULL;

	for (const struct part *p = t->next ? NULL : t->parts; p; p = p->next)
		if (anthropic_is_written(r, p) && !anthropic_is_user_media(p))
			last = p;
	return last;
}

/* Thinking comes first, verbatim and in order (DIALECTS §3.13). Dialects without an order of their own may have put it
 * elsewhere. */
static bool hoists_reasoning(const struct request_writing *r, const struct turn *t)
{
	const struct part *first = t->parts;

	while (first && !anthropic_is_written(r, first))
		first = first->next;
	return !r->own && first && first->kind != PART_REASONING;
}

/* Does the run of assistant turns begin with thinking, as it is written? */
static bool begins_with_reasoning(const struct request_writing *r, const struct turn *t)
{
	bool hoist = hoists_reasoning(r, t);

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

static bool write_assistant(struct messages *m, const struct turn *t, unsigned number)
{
	const struct part *last = last_written(m->r, t);
	bool hoist = hoists_reasoning(m->r, t);

	for (unsigned pass = hoist ? 0 : 1; pass < 2; pass++)
		for (const struct part *p = t->parts; p; p = p->next) {
			bool reasoning = p->kind == PART_REASONING;

			if (!anthropic_is_written(m->r, p) || (hoist && reasoning != (pass == 0)) ||
			    (anthropic_is_user_media(p) && !anthropic_is_native(p)))
				continue;
			open_message(m, ROLE_ASSISTANT, number);
			if (p == last && (p->kind == PART_TEXT || p->kind == PART_REFUSAL))
				anthropic_write_text(m->r, p, block_trim_end(p->text));
			else if (!anthropic_write_part(m->r, p))
				return false;
		}
	if (!m->media_of)
		m->media_of = t;
	m->media_end = t->next;
	return true;
}

bool anthropic_write_messages(struct request_writing *r)
{
	struct messages m = { .r = r, .others = r->own ? r->chat->others : NULL };
	const struct turn *t = r->chat->turns;
	unsigned number = 0;

	while (t && t->role == ROLE_SYSTEM)
		t = t->next;
	json_literal_key(&r->json, "messages");
	json_begin_array(&r->json);
	while (t) {
		const struct turn *from = t;
		unsigned first = number;

		for (; t && t->role != ROLE_ASSISTANT; t = t->next)
			number++;
		if (t != from && !write_run(&m, from, t, first))
			return false;
		for (; t && t->role == ROLE_ASSISTANT; t = t->next)
			if (!write_assistant(&m, t, number++))
				return false;
	}
	if (!m.any) {
		open_message(&m, ROLE_USER, 0);
		anthropic_write_plain_text(r, SLICE(BLOCK_FIRST_WORD));
	}
	close_message(&m);
	json_end_array(&r->json);
	return true;
}
