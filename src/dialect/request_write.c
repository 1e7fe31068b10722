/* SPDX-License-Identifier: Apache-2.0 */
/* Writing requests: what does not depend on the dialect. */
#include "dialect/request_write.h"

#include <stdarg.h>
#include <stdio.h>

void request_writing_init(struct request_writing *r, const struct chat *c, const struct chat_target *t,
			  enum dialect_id own_dialect, struct arena *scratch, struct buf *out, struct failure *reterr)
{
	*r = (struct request_writing){
		.chat = request_custom_as_functions(c, t, scratch), .target = t, .arena = scratch, .failure = reterr,
		.own = c->dialect == own_dialect,
	};
	json_writer_init(&r->json, out);
}

bool request_writing_end(struct request_writing *r)
{
	*r->target->rewritten_lossy |= r->lossy;
	return !r->json.overflow ||
	       failure_set(r->failure, FAILURE_REQUEST, "the translated request is larger than what may be sent");
}

bool request_cannot_write(struct request_writing *r, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return failure_set(r->failure, FAILURE_REQUEST, "%s", text);
}

bool request_write_number(struct json_writer *w, const char *name, const struct number *n, double lowest,
			  double highest)
{
	bool cut = n->value < lowest || n->value > highest;

	json_key(w, slice_cstr(name));
	if (cut)
		json_double(w, n->value < lowest ? lowest : highest);
	else if (n->text.len > 0)
		json_value_raw(w, n->text);
	else
		json_double(w, n->value);
	return cut;
}

bool request_allows_tool(const struct chat *c, const struct tool *tool)
{
	if (c->choice.allowed_count == 0)
		return true;
	for (unsigned i = 0; i < c->choice.allowed_count; i++)
		if (slice_eq(c->choice.allowed[i], tool->name))
			return true;
	return false;
}

struct slice request_document_words(const struct media *m, bool titled, struct arena *a)
{
	struct slice title = titled ? SLICE("") : m->name;

	if (title.len == 0 && m->context.len == 0)
		return SLICE("");
	if (title.len > 0)
		title = arena_printf(a, " title=\"%.*s\"", SLICE_ARG(title));
	if (m->context.len == 0)
		return arena_printf(a, "<document%.*s/>", SLICE_ARG(title));
	return arena_printf(a, "<document%.*s context=\"%.*s\"/>", SLICE_ARG(title), SLICE_ARG(m->context));
}

bool request_marks_tools(const struct chat *c)
{
	for (const struct tool *t = c->tools; t; t = t->next)
		if (t->cache_mark != CACHE_MARK_NONE)
			return true;
	return false;
}

int64_t request_max_output(const struct chat *c, const struct chat_target *t, bool own)
{
	int64_t wish = c->max_output, most = t->max_output;

	if (wish < 0 || !(t->carried & FIELD_MAX_OUTPUT))
		return -1;
	if (own || (wish > 0 && (most <= 0 || wish <= most)))
		return wish;
	*t->rewritten_lossy |= FIELD_MAX_OUTPUT;
	return wish <= 0 ? 1 : most;
}

unsigned request_effort(struct request_writing *r, unsigned effort, unsigned allowed)
{
	unsigned said = effort_nearest(effort, allowed);

	request_note_loss(r, FIELD_REASONING, said != effort && effort == r->chat->reasoning.effort);
	return said;
}

bool reasoning_is_off(const struct reasoning *wish)
{
	return wish->wish == REASONING_OFF || (wish->wish == REASONING_BY_EFFORT && wish->effort == EFFORT_NONE);
}
