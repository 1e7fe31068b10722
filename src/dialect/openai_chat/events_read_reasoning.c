/* SPDX-License-Identifier: Apache-2.0 */
/* Reasoning in answers, in its many spellings: `reasoning_content` (DeepSeek and most), `reasoning` (Groq, Cerebras,
 * vLLM), `reasoning_text` (Copilot), `reasoning_details` (OpenRouter and those after it: DIALECTS §5.11), chunks in the
 * content (Mistral §5.9, Databricks §7.13). What has to come back unchanged becomes state: the entry or chunk as JSON,
 * without its text, which the hub carries apart; request_write_assistant.c puts the two together again. */
#include "dialect/openai_chat/openai_chat_internal.h"

struct slice openai_chat_chunk_text(struct json v, struct arena *a)
{
	struct slice text = SLICE("");

	if (json_is(v, JSON_STRING))
		return json_text(v, a);
	for (struct json_walk w = json_walk(v); json_walk_next(&w);) {
		struct slice piece = json_text(json_get(w.value, "text"), a);

		text = text.len == 0 ? piece : arena_join(a, text, piece);
	}
	return text;
}

static void emit_text(struct event_reader *r, struct choice_reading *c, struct slice text)
{
	if (text.len > 0)
		event_add(r->sink, EVENT_REASONING, c->number, choice_block(r, c, EVENT_REASONING))->text = text;
}

/* The object without the members that hold text. */
static struct slice without_text(struct json entry, struct arena *a)
{
	static const char *const texts[] = { "text", "summary", "thinking" };
	struct json_writer w;
	struct buf b;
	struct slice kept;

	buf_init(&b, json_raw(entry).len + 16);
	json_writer_init(&w, &b);
	json_begin_object(&w);
	for (struct json_walk k = json_walk(entry); json_walk_next(&k);) {
		bool is_text = false;

		for (size_t i = 0; i < COUNT_OF(texts); i++)
			is_text |= json_text_eq(k.key, slice_cstr(texts[i]));
		if (is_text)
			continue;
		json_key(&w, json_text(k.key, a));
		json_value_raw(&w, json_raw(k.value));
	}
	json_end_object(&w);
	kept = w.overflow ? json_raw(entry) : arena_dup(a, buf_slice(&b));
	buf_done(&b);
	return kept;
}

static void emit_state(struct event_reader *r, struct choice_reading *c, unsigned block, struct json entry,
		       bool redacted)
{
	struct event *e = event_add(r->sink, EVENT_SIGNATURE, c->number, block);

	e->signature.payload = without_text(entry, r->sink->arena);
	e->signature.redacted = redacted;
	e->signature.item_id = json_text(json_get(entry, "id"), r->sink->arena);
}

/* Entries that go on have the index of the one before; a signature may come when other things have begun already. */
static void emit_detail(struct event_reader *r, struct choice_reading *c, struct json entry)
{
	struct json text = json_get(entry, "text");
	int64_t index = json_i64_or(json_get(entry, "index"), 0);
	bool goes_on = c->detail == index && !json_is_filled(json_get(entry, "data"));
	unsigned block;

	if (!json_is(text, JSON_STRING))
		text = json_get(entry, "summary");
	if (goes_on && c->open != EVENT_REASONING && !json_is_filled(text)) {
		block = c->detail_block;
	} else {
		if (!goes_on)
			c->open = EVENT_START;
		block = choice_block(r, c, EVENT_REASONING);
		emit_text(r, c, json_text(text, r->sink->arena));
	}
	c->detail = index;
	c->detail_block = block;
	if (json_is_filled(json_get(entry, "data")))
		emit_state(r, c, block, entry, true);
	else if (json_is_filled(json_get(entry, "signature")))
		emit_state(r, c, block, entry, false);
}

static bool details_have_text(struct json details)
{
	for (struct json_walk w = json_walk(details); json_walk_next(&w);)
		if (json_is_filled(json_get(w.value, "text")) || json_is_filled(json_get(w.value, "summary")))
			return true;
	return false;
}

static bool says_something(struct json entry)
{
	return json_is_filled(json_get(entry, "text")) || json_is_filled(json_get(entry, "summary")) ||
	       json_is_filled(json_get(entry, "data")) || json_is_filled(json_get(entry, "signature"));
}

void openai_chat_emit_reasoning(struct event_reader *r, struct choice_reading *c, struct json delta)
{
	static const char *const names[] = { "reasoning_content", "reasoning", "reasoning_text" };
	struct json details = json_get(delta, "reasoning_details");
	bool has_text = details_have_text(details);

	/* The same text stands beside the details once more, and some providers say it under two names (recorded). */
	for (size_t i = 0; i < COUNT_OF(names) && !has_text; i++) {
		struct json v = json_member(delta, slice_cstr(names[i]));

		if (!json_is_filled(v))
			continue;
		emit_text(r, c, openai_chat_chunk_text(v, r->sink->arena));
		has_text = true;
	}
	for (struct json_walk w = json_walk(details); json_walk_next(&w);)
		if (says_something(w.value))
			emit_detail(r, c, w.value);
}

bool openai_chat_emit_chunk(struct event_reader *r, struct choice_reading *c, struct json chunk)
{
	struct json type = json_get(chunk, "type");
	bool thinking = json_text_eq(type, SLICE("thinking"));
	struct json inner = thinking ? json_get(chunk, "thinking") : json_get(chunk, "summary");

	if (!thinking && !json_text_eq(type, SLICE("reasoning")))
		return false;
	emit_text(r, c, openai_chat_chunk_text(inner, r->sink->arena));
	if (json_is_filled(json_get(chunk, "signature")))
		emit_state(r, c, choice_block(r, c, EVENT_REASONING), chunk, false);
	return true;
}
