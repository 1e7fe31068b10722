/* SPDX-License-Identifier: Apache-2.0 */
/* Assistant messages: what was said, reasoned and called in earlier turns (DIALECTS §3.6, §3.13). */
#include "dialect/openai_chat/openai_chat_internal.h"

#include "llm/names.h"
#include "llm/state.h"

static bool is_home(const struct chat_writing *wr, const struct part *p)
{
	return wr->target->rules->replay != REPLAY_FORBIDDEN &&
	       state_is_at_home(&p->state, wr->target->provider, DIALECT_OPENAI_CHAT);
}

/* What kind of entry the state is: events_read.c says what is kept. */
static struct json entry_of(const struct chat_writing *wr, const struct part *p)
{
	struct json_doc *doc = arena_new(wr->scratch, struct json_doc);
	struct json_error error;

	if (!is_home(wr, p) || !json_parse(wr->scratch, p->state.payload, doc, &error))
		return (struct json){ 0 };
	return json_root(doc);
}

static bool is_chunk(struct json entry)
{
	return json_text_eq(json_get(entry, "type"), SLICE("thinking")) ||
	       json_text_eq(json_get(entry, "type"), SLICE("reasoning"));
}

/* The entry with its text, which travelled apart from it. */
static void write_entry(struct chat_writing *wr, struct json entry, const struct part *p)
{
	struct json_writer *w = &wr->w;
	bool summary = json_text_eq(json_get(entry, "type"), SLICE("reasoning.summary"));

	json_begin_object(w);
	for (struct json_walk k = json_walk(entry); json_walk_next(&k);) {
		if (json_text_eq(k.key, SLICE("text")) || json_text_eq(k.key, SLICE("summary")))
			continue;
		json_key(w, json_text(k.key, wr->scratch));
		json_value_raw(w, json_raw(k.value));
	}
	if (p->text.len > 0) {
		json_key(w, summary ? SLICE("summary") : SLICE("text"));
		json_string(w, p->text);
	}
	json_end_object(w);
}

static void write_details(struct chat_writing *wr, const struct content *parts)
{
	bool begun = false;

	for (unsigned i = 0; i < parts->count; i++) {
		const struct part *p = parts->items[i];
		struct json entry;

		if (p->kind != PART_REASONING)
			continue;
		entry = entry_of(wr, p);
		if (!json_is(entry, JSON_OBJECT) || is_chunk(entry))
			continue;
		if (!begun) {
			json_literal_key(&wr->w, "reasoning_details");
			json_begin_array(&wr->w);
			begun = true;
		}
		write_entry(wr, entry, p);
	}
	if (begun)
		json_end_array(&wr->w);
}

/* Reasoning as plain text: where the model asks for its own words back, or as a client of this dialect sent it itself
 * without any state beside it. */
static void write_reasoning_text(struct chat_writing *wr, const struct content *parts)
{
	bool asked = wr->target->rules->replay == REPLAY_CONTENT, calls = false;
	struct part *list = NULL, **last = &list;
	struct slice name = SLICE("\"reasoning_content\"");

	for (unsigned i = 0; i < parts->count; i++) {
		const struct part *p = parts->items[i];
		bool own = wr->same && p->raw_dialect == DIALECT_OPENAI_CHAT && slice_starts_with(p->raw, SLICE("\""));

		calls |= p->kind == PART_TOOL_CALL;
		if (p->kind != PART_REASONING || p->text.len == 0 || !(asked || own))
			continue;
		if (own && !asked)
			name = p->raw;
		*last = arena_new(wr->scratch, struct part);
		(*last)->kind = PART_TEXT;
		(*last)->text = p->text;
		last = &(*last)->next;
	}
	if (wr->target->rules->replay == REPLAY_FORBIDDEN || (!list && !(asked && calls)))
		return;
	json_key(&wr->w, slice_of(name.ptr + 1, name.len - 2));
	/* Such models refuse a turn with tool calls that lacks it (§3.13); a client that did not keep it gets on with a
	 * blank, since an empty text may count as none. */
	json_string(&wr->w, list ? shape_join_texts(list, "\n", wr->scratch) : SLICE(" "));
}

/* Mistral's and Databricks' reasoning stands in the content. */
static void write_chunk(struct chat_writing *wr, struct json chunk, const struct part *p)
{
	struct json_writer *w = &wr->w;
	bool thinking = json_text_eq(json_get(chunk, "type"), SLICE("thinking"));
	struct slice name = thinking ? SLICE("thinking") : SLICE("summary");

	if (json_exists(json_member(chunk, name))) {
		json_value_raw(w, json_raw(chunk));
		return;
	}
	json_begin_object(w);
	for (struct json_walk k = json_walk(chunk); json_walk_next(&k);) {
		json_key(w, json_text(k.key, wr->scratch));
		json_value_raw(w, json_raw(k.value));
	}
	json_key(w, name);
	json_begin_array(w);
	json_begin_object(w);
	json_member_cstr(w, "type", thinking ? "text" : "summary_text");
	json_member_string(w, "text", p->text);
	json_end_object(w);
	json_end_array(w);
	json_end_object(w);
}

static bool write_chunks(struct chat_writing *wr, const struct content *parts)
{
	bool begun = false;

	for (unsigned i = 0; i < parts->count; i++) {
		const struct part *p = parts->items[i];
		struct json entry;

		if (p->kind != PART_REASONING)
			continue;
		entry = entry_of(wr, p);
		if (!is_chunk(entry))
			continue;
		if (!begun) {
			json_literal_key(&wr->w, "content");
			json_begin_array(&wr->w);
			begun = true;
		}
		write_chunk(wr, entry, p);
	}
	return begun;
}

static bool is_said(const struct chat_writing *wr, const struct part *p)
{
	if (p->kind == PART_TEXT)
		return p->text.len > 0;
	return p->kind == PART_OPAQUE && p->raw_dialect == DIALECT_OPENAI_CHAT && wr->same;
}

static void write_said(struct chat_writing *wr, const struct content *parts)
{
	struct content content = { 0 };
	bool calls = false;

	for (unsigned i = 0; i < parts->count; i++) {
		const struct part *p = parts->items[i];

		calls |= p->kind == PART_TOOL_CALL;
		if (is_said(wr, p))
			content_add(&content, p, wr->scratch);
	}
	if (write_chunks(wr, parts)) {
		for (unsigned i = 0; i < content.count; i++)
			openai_chat_write_part(wr, content.items[i]);
		json_end_array(&wr->w);
		return;
	}
	json_literal_key(&wr->w, "content");
	if (content.count > 0)
		openai_chat_write_content(wr, &content, "");
	else if (calls)
		json_null(&wr->w);
	else
		json_string(&wr->w, SLICE(""));
}

static void write_refusal(struct chat_writing *wr, const struct content *parts)
{
	for (unsigned i = 0; i < parts->count; i++)
		if (parts->items[i]->kind == PART_REFUSAL) {
			json_member_string(&wr->w, "refusal", parts->items[i]->text);
			return;
		}
}

/* Pictures that the model made: where they came in this dialect they go back in it, else the next user message shows
 * them. Its speech is referred to by id. */
static void write_media(struct chat_writing *wr, const struct content *parts)
{
	struct content images = { 0 };

	for (unsigned i = 0; i < parts->count; i++) {
		const struct part *p = parts->items[i];

		if (p->kind == PART_AUDIO && p->media->id.len > 0) {
			json_literal_key(&wr->w, "audio");
			json_begin_object(&wr->w);
			json_member_string(&wr->w, "id", p->media->id);
			json_end_object(&wr->w);
		} else if (p->media && openai_chat_takes_media(wr, p)) {
			content_add(&images, p, wr->scratch);
		}
	}
	if (images.count == 0)
		return;
	if (!wr->same) {
		for (unsigned i = 0; i < images.count; i++)
			content_add(&wr->moved, images.items[i], wr->scratch);
		return;
	}
	json_literal_key(&wr->w, "images");
	json_begin_array(&wr->w);
	for (unsigned i = 0; i < images.count; i++)
		openai_chat_write_part(wr, images.items[i]);
	json_end_array(&wr->w);
}

static void write_signature(struct json_writer *w, struct slice signature)
{
	json_literal_key(w, "extra_content");
	json_begin_object(w);
	json_literal_key(w, "google");
	json_begin_object(w);
	json_member_string(w, "thought_signature", signature);
	json_end_object(w);
	json_end_object(w);
}

/* Gemini's signatures, on Gemini's own compatible endpoint: of the text (recorded: on the message) and of calls. Its
 * models refuse a turn whose first call has none; the value that takes its place is Google's (§3.13). */
static void write_extra(struct chat_writing *wr, const struct part *p, bool first)
{
	if (is_home(wr, p))
		write_signature(&wr->w, p->state.payload);
	else if (first && writing_quirk(wr, QUIRK_EXTRA_CONTENT))
		write_signature(&wr->w, SLICE("skip_thought_signature_validator"));
}

static void write_message_extra(struct chat_writing *wr, const struct content *parts)
{
	for (unsigned i = 0; i < parts->count; i++) {
		const struct part *p = parts->items[i];

		if (p->kind != PART_TOOL_CALL && is_home(wr, p) && !slice_starts_with(p->state.payload, SLICE("{"))) {
			write_signature(&wr->w, p->state.payload);
			return;
		}
	}
}

static void write_calls(struct chat_writing *wr, const struct content *parts)
{
	unsigned index = 0;

	for (unsigned i = 0; i < parts->count; i++) {
		const struct part *p = parts->items[i];

		if (p->kind != PART_TOOL_CALL)
			continue;
		if (index == 0) {
			json_literal_key(&wr->w, "tool_calls");
			json_begin_array(&wr->w);
		}
		shape_begin_call(&wr->w, p->call, index, wr->target, &wr->shape, wr->scratch);
		write_extra(wr, p, index == 0);
		json_end_object(&wr->w);
		index++;
	}
	if (index > 0)
		json_end_array(&wr->w);
}

static bool is_prefill(const struct chat_writing *wr, const struct turn *end)
{
	return !end && writing_carries(wr, FIELD_PREFILL);
}

/* A turn of which only foreign reasoning or foreign parts were left is not written: an assistant message without
 * content and calls is refused by many. */
static bool has_something(const struct chat_writing *wr, const struct content *parts)
{
	for (unsigned i = 0; i < parts->count; i++) {
		const struct part *p = parts->items[i];

		if (is_said(wr, p) || p->kind == PART_REFUSAL || p->kind == PART_TOOL_CALL || p->media ||
		    is_home(wr, p))
			return true;
	}
	return wr->same;
}

void openai_chat_write_assistant(struct chat_writing *wr, const struct turn *t, const struct turn *end)
{
	struct json_writer *w = &wr->w;
	struct content parts = { 0 };

	for (const struct turn *u = t; u != end; u = u->next)
		for (const struct part *p = u->parts; p; p = p->next)
			content_add(&parts, p, wr->scratch);
	if (!has_something(wr, &parts))
		return;
	json_begin_object(w);
	json_member_cstr(w, "role", "assistant");
	if (t->name.len > 0 && writing_carries(wr, FIELD_PARTICIPANT_NAME))
		json_member_string(w, "name", t->name);
	write_reasoning_text(wr, &parts);
	write_details(wr, &parts);
	write_said(wr, &parts);
	write_refusal(wr, &parts);
	write_media(wr, &parts);
	write_message_extra(wr, &parts);
	write_calls(wr, &parts);
	if (is_prefill(wr, end) && writing_quirk(wr, QUIRK_PREFIX))
		json_member_bool(w, "prefix", true);
	if (is_prefill(wr, end) && writing_quirk(wr, QUIRK_PARTIAL))
		json_member_bool(w, "partial", true);
	openai_chat_end_message(wr);
}
