/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of dialects of blocks (DIALECTS §3.2, §3.6, §3.13).
 *
 * User and assistant must alternate, beginning with the user; the results of tools stand first in the user message that
 * follows their calls. A run of turns between two assistant turns becomes one user message: results, then media that
 * have no place where they were, then the rest in order; and after it the system text said within the run, as a system
 * message where that may be, else as text of the user's in <system-reminder>. All of it depends on the conversation so
 * far and on nothing that comes later, so that a grown one begins with the same bytes. */
#include "dialect/block_shape.h"

/* The number in "messages.7.clear_at"; false for any other path. */
static bool read_number(struct slice path, unsigned long long *ret, struct slice *ret_name)
{
	struct slice head = slice_next_token(&path, '.');
	struct slice number = slice_next_token(&path, '.');

	*ret_name = path;
	return slice_eq(head, SLICE("messages")) && slice_to_u64(number, ret);
}

/* What the message had beyond the hub, where it was read in this dialect. */
static void write_others(struct block_messages *m)
{
	unsigned long long number;
	struct slice name;

	for (; m->others; m->others = m->others->next) {
		if (!read_number(m->others->path, &number, &name))
			continue;
		if (number > m->number)
			return;
		if (number == m->number && name.len > 0 && writes(m->r, m->others->field)) {
			json_key(&m->r->json, name);
			json_value_raw(&m->r->json, m->others->raw);
		}
	}
}

static void close_message(struct block_messages *m)
{
	if (!m->open)
		return;
	if (m->way->before_end)
		m->way->before_end(m);
	json_end_array(&m->r->json);
	write_others(m);
	json_end_object(&m->r->json);
	m->open = false;
}

static void begin_message(struct block_messages *m, enum chat_role role)
{
	static const char *const names[] = {
		[ROLE_SYSTEM] = "system", [ROLE_USER] = "user", [ROLE_ASSISTANT] = "assistant"
	};

	json_begin_object(&m->r->json);
	json_member_cstr(&m->r->json, "role", names[role]);
	json_literal_key(&m->r->json, "content");
	json_begin_array(&m->r->json);
}

static void open_message(struct block_messages *m, enum chat_role role, unsigned number)
{
	if (m->open && m->role == role)
		return;
	close_message(m);
	if (!m->any && role != ROLE_USER) {
		begin_message(m, ROLE_USER);
		m->way->write_text(m->r, NULL, SLICE(REQUEST_FIRST_WORD));
		json_end_array(&m->r->json);
		json_end_object(&m->r->json);
	}
	begin_message(m, role);
	m->any = m->open = true;
	m->document = m->text = false;
	m->role = role;
	m->number = number;
}

static bool write_part(struct block_messages *m, enum chat_role role, unsigned number, const struct part *p)
{
	open_message(m, role, number);
	m->document |= p->kind == PART_DOCUMENT;
	m->text |= p->kind == PART_TEXT;
	return m->way->write_part(m->r, p);
}

/* ---- the user's ---- */

/* Which parts of a run's turns a pass writes. */
enum pass { PASS_RESULTS, PASS_REST, PASS_SYSTEM };

static bool belongs(const struct turn *t, const struct part *p, enum pass pass)
{
	if (t->role == ROLE_SYSTEM)
		return pass == PASS_SYSTEM;
	return pass == (p->kind == PART_TOOL_RESULT ? PASS_RESULTS : PASS_REST);
}

static bool is_moved(const struct block_messages *m, const struct part *p)
{
	return m->way->is_user_media(p) && !m->way->is_native(m->r, p);
}

/* Those that a model made, and those that left their result. */
static bool write_waiting_media(struct block_messages *m, const struct turn *from, const struct turn *to,
				unsigned number)
{
	for (const struct turn *t = m->media_of; t && t != m->media_end; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			if (is_moved(m, p) && !write_part(m, ROLE_USER, number, p))
				return false;
	m->media_of = NULL;
	for (const struct turn *t = m->way->leaves_result ? from : to; t != to; t = t->next)
		for (const struct part *p = t->parts; p; p = p->next)
			for (const struct part *i = p->kind == PART_TOOL_RESULT ? p->result->parts : NULL; i;
			     i = i->next)
				if (m->way->leaves_result(m->r, i) && !write_part(m, ROLE_USER, number, i))
					return false;
	return true;
}

static void write_reminder(struct block_messages *m, unsigned number, const struct part *p)
{
	open_message(m, ROLE_USER, number);
	m->text = true;
	m->way->write_text(m->r, p, arena_printf(m->r->arena, "<system-reminder>\n%.*s\n</system-reminder>",
						 SLICE_ARG(p->text)));
}

static bool write_pass(struct block_messages *m, const struct turn *from, const struct turn *to, unsigned number,
		       enum pass pass)
{
	bool as_system = pass == PASS_SYSTEM && writes(m->r, FIELD_LATER_SYSTEM) &&
			 !(m->r->target->rules->rejects & REJECTS_LATER_SYSTEM) && m->way->takes_later_system(m);

	for (const struct turn *t = from; t != to; t = t->next, number++)
		for (const struct part *p = t->parts; p; p = p->next) {
			if (!belongs(t, p, pass) || !m->way->is_written(m->r, p))
				continue;
			if (pass == PASS_SYSTEM && !as_system && p->kind == PART_TEXT) {
				write_reminder(m, number, p);
				continue;
			}
			if (!write_part(m, as_system ? ROLE_SYSTEM : ROLE_USER, number, p))
				return false;
		}
	return true;
}

/* Turns of the user's and of system text between two assistant turns. */
static bool write_run(struct block_messages *m, const struct turn *from, const struct turn *to, unsigned number)
{
	return write_pass(m, from, to, number, PASS_RESULTS) && write_waiting_media(m, from, to, number) &&
	       write_pass(m, from, to, number, PASS_REST) && write_pass(m, from, to, number, PASS_SYSTEM);
}

/* ---- the assistant's ---- */

/* The last part that is written, if the answer is to go on from there. */
static const struct part *last_written(const struct block_messages *m, const struct turn *t)
{
	const struct part *last = NULL;

	for (const struct part *p = t->next ? NULL : t->parts; p; p = p->next)
		if (m->way->is_written(m->r, p) && !m->way->is_user_media(p))
			last = p;
	return last;
}

bool block_hoists_reasoning(const struct request_writing *r, const struct block_way *way, const struct turn *t)
{
	const struct part *first = t->parts;

	while (first && !way->is_written(r, first))
		first = first->next;
	return !r->own && first && first->kind != PART_REASONING;
}

static bool write_assistant(struct block_messages *m, const struct turn *t, unsigned number)
{
	const struct part *last = m->r->own && !m->way->trims_own ? NULL : last_written(m, t);
	bool hoist = block_hoists_reasoning(m->r, m->way, t);

	for (unsigned pass = hoist ? 0 : 1; pass < 2; pass++)
		for (const struct part *p = t->parts; p; p = p->next) {
			bool reasoning = p->kind == PART_REASONING;

			if (!m->way->is_written(m->r, p) || (hoist && reasoning != (pass == 0)) || is_moved(m, p))
				continue;
			open_message(m, ROLE_ASSISTANT, number);
			if (p == last && (p->kind == PART_TEXT || p->kind == PART_REFUSAL))
				m->way->write_text(m->r, p, block_trim_end(p->text));
			else if (!m->way->write_part(m->r, p))
				return false;
		}
	if (!m->media_of)
		m->media_of = t;
	m->media_end = t->next;
	return true;
}

/* ---- all ---- */

void block_begin_messages(struct block_messages *m, struct request_writing *r, const struct block_way *way)
{
	*m = (struct block_messages){ .r = r, .way = way, .others = r->own ? r->chat->others : NULL };
	json_literal_key(&r->json, "messages");
	json_begin_array(&r->json);
}

bool block_write_turns(struct block_messages *m)
{
	const struct turn *t = m->r->chat->turns;
	unsigned number = 0;

	while (t && t->role == ROLE_SYSTEM)
		t = t->next;
	while (t) {
		const struct turn *from = t;
		unsigned first = number;

		for (; t && t->role != ROLE_ASSISTANT; t = t->next)
			number++;
		if (t != from && !write_run(m, from, t, first))
			return false;
		for (; t && t->role == ROLE_ASSISTANT; t = t->next)
			if (!write_assistant(m, t, number++))
				return false;
	}
	if (!m->any) {
		open_message(m, ROLE_USER, 0);
		m->way->write_text(m->r, NULL, SLICE(REQUEST_FIRST_WORD));
	}
	return true;
}

void block_end_messages(struct block_messages *m)
{
	close_message(m);
	json_end_array(&m->r->json);
}
