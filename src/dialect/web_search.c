/* SPDX-License-Identifier: Apache-2.0 */
/* Web searches between dialects. */
#include "dialect/web_search.h"

#include "dialect/chat_read.h"

static bool is_said(struct json v)
{
	return json_is(v, JSON_NUMBER) || json_is(v, JSON_TRUE) || json_is_filled(v);
}

static void note(struct web_search *s, unsigned bit, struct json v)
{
	s->said |= is_said(v) ? bit : 0;
}

/* Domains stand in the definition itself (Anthropic) or in `filters` (Responses). */
static void read_members(struct web_search *s, struct json object)
{
	static const char *const always[] = { "type", "name", "cache_control", NULL };

	for (struct json_walk w = json_walk(object); json_walk_next(&w);) {
		if (json_text_eq(w.key, SLICE("allowed_domains")))
			s->allowed = w.value;
		else if (json_text_eq(w.key, SLICE("blocked_domains")))
			s->blocked = w.value;
		else if (json_text_eq(w.key, SLICE("user_location")))
			s->location = w.value;
		else if (json_text_eq(w.key, SLICE("search_context_size")))
			s->size = w.value;
		else if (!json_is_one_of(w.key, always) && !json_text_eq(w.key, SLICE("filters")))
			note(s, SEARCH_MORE, w.value);
	}
}

void web_search_read(const struct tool *t, struct web_search *ret)
{
	struct json deeper;

	*ret = (struct web_search){ 0 };
	read_members(ret, t->raw);
	read_members(ret, json_get(t->raw, "filters"));
	deeper = json_get(ret->location, "approximate");
	if (json_is(deeper, JSON_OBJECT))
		ret->location = deeper;
	note(ret, SEARCH_ALLOWED, ret->allowed);
	note(ret, SEARCH_BLOCKED, ret->blocked);
	note(ret, SEARCH_LOCATION, ret->location);
	note(ret, SEARCH_SIZE, ret->size);
}

void web_search_note(const struct web_search *s, unsigned carried, const struct chat_target *t)
{
	if (s->said & ~carried)
		*t->rewritten_lossy |= FIELD_WEB_SEARCH;
}

void web_search_write(struct json_writer *w, const char *name, struct json value)
{
	if (!is_said(value))
		return;
	json_key(w, slice_cstr(name));
	json_value_raw(w, json_raw(value));
}

void web_search_write_location(struct json_writer *w, const struct web_search *s, bool deeper)
{
	static const char *const members[] = { "city", "region", "country", "timezone" };

	if (!(s->said & SEARCH_LOCATION))
		return;
	json_literal_key(w, "user_location");
	json_begin_object(w);
	json_member_cstr(w, "type", "approximate");
	if (deeper) {
		json_literal_key(w, "approximate");
		json_begin_object(w);
	}
	for (size_t i = 0; i < COUNT_OF(members); i++)
		web_search_write(w, members[i], json_member(s->location, slice_cstr(members[i])));
	if (deeper)
		json_end_object(w);
	json_end_object(w);
}
