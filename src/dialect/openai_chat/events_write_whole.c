/* SPDX-License-Identifier: Apache-2.0 */
/* Whole chat completions out of the fold (DIALECTS §4.1). */
#include "dialect/openai_chat/openai_chat_internal.h"

static bool has_block(const struct answer_choice *c, enum event_kind kind)
{
	for (const struct answer_block *b = c->blocks; b; b = b->next)
		if (b->kind == kind)
			return true;
	return false;
}

/* All blocks of a kind as one string: JSON text within quotes needs no second copy when there is one block. */
static void write_joined(struct json_writer *j, const struct answer_choice *c, enum event_kind kind, struct arena *a)
{
	struct part *list = NULL, **end = &list;

	for (const struct answer_block *b = c->blocks; b; b = b->next) {
		if (b->kind != kind)
			continue;
		*end = arena_new(a, struct part);
		(*end)->kind = PART_TEXT;
		(*end)->text = buf_slice(&b->text);
		end = &(*end)->next;
	}
	json_string(j, shape_join_texts(list, "", a));
}

static void write_content(struct json_writer *j, const struct answer_choice *c, struct arena *a)
{
	json_literal_key(j, "content");
	if (has_block(c, EVENT_TEXT))
		write_joined(j, c, EVENT_TEXT, a);
	else if (!c->blocks)
		json_string(j, SLICE("")); /* nothing at all was said: a string, for clients that read nothing else */
	else
		json_null(j);
	json_literal_key(j, "refusal");
	if (has_block(c, EVENT_REFUSAL))
		write_joined(j, c, EVENT_REFUSAL, a);
	else
		json_null(j);
}

static void write_reasoning(struct json_writer *j, const struct answer_choice *c, struct arena *a)
{
	unsigned index = 0;

	for (const struct answer_block *b = c->blocks; b; b = b->next)
		if (b->kind == EVENT_REASONING && b->text.len > 0) {
			json_literal_key(j, "reasoning_content");
			write_joined(j, c, EVENT_REASONING, a);
			break;
		}
	for (const struct answer_block *b = c->blocks; b; b = b->next) {
		struct slice text = b->kind == EVENT_REASONING ? buf_slice(&b->text) : SLICE("");

		if (b->state.len == 0 || b->kind == EVENT_TOOL_BEGIN)
			continue;
		if (index == 0) {
			json_literal_key(j, "reasoning_details");
			json_begin_array(j);
		}
		openai_chat_write_detail(j, text, b->state, b->redacted, b->item_id, index++);
	}
	if (index > 0)
		json_end_array(j);
}

static void write_call(struct json_writer *j, const struct answer_block *b)
{
	struct slice arguments = buf_slice(&b->text);

	json_begin_object(j);
	json_member_string(j, "id", b->id);
	json_member_cstr(j, "type", b->custom ? "custom" : "function");
	json_key(j, b->custom ? SLICE("custom") : SLICE("function"));
	json_begin_object(j);
	json_member_string(j, "name", b->name);
	json_key(j, b->custom ? SLICE("input") : SLICE("arguments"));
	json_string(j, arguments.len == 0 && !b->custom ? SLICE("{}") : arguments);
	json_end_object(j);
	if (b->state.len > 0)
		openai_chat_write_extra(j, b->state);
	json_end_object(j);
}

static void write_legacy_call(struct json_writer *j, const struct answer_choice *c)
{
	for (const struct answer_block *b = c->blocks; b; b = b->next) {
		if (b->kind != EVENT_TOOL_BEGIN)
			continue;
		json_literal_key(j, "function_call");
		json_begin_object(j);
		json_member_string(j, "name", b->name);
		json_member_string(j, "arguments", b->text.len > 0 ? buf_slice(&b->text) : SLICE("{}"));
		json_end_object(j);
		return;
	}
}

static void write_calls(struct json_writer *j, const struct answer_choice *c)
{
	if (!has_block(c, EVENT_TOOL_BEGIN))
		return;
	json_literal_key(j, "tool_calls");
	json_begin_array(j);
	for (const struct answer_block *b = c->blocks; b; b = b->next)
		if (b->kind == EVENT_TOOL_BEGIN)
			write_call(j, b);
	json_end_array(j);
}

static void write_annotations(struct json_writer *j, const struct answer_choice *c)
{
	int64_t characters = 0, text_at = 0;

	json_literal_key(j, "annotations");
	json_begin_array(j);
	for (const struct answer_block *b = c->blocks; b; b = b->next) {
		if (b->kind != EVENT_TEXT)
			continue;
		text_at = characters;
		characters += utf8_characters(buf_slice(&b->text));
		for (unsigned i = 0; i < b->citation_count; i++)
			openai_chat_write_citation(j, &b->citations[i], text_at, characters);
	}
	json_end_array(j);
}

static bool is_audio(const struct answer_block *b)
{
	return b->kind == EVENT_MEDIA && (media_part_kind(b->media.mime) == PART_AUDIO || b->media.transcript.len > 0);
}

/* Speech stays at OpenAI for an hour; from elsewhere it can be had but here. */
static void write_audio(struct event_writer *w, struct json_writer *j, const struct answer_choice *c)
{
	char id[WRITER_ID_MAX];

	for (const struct answer_block *b = c->blocks; b; b = b->next) {
		if (!is_audio(b))
			continue;
		json_literal_key(j, "audio");
		json_begin_object(j);
		json_member_string(j, "id", b->media.id.len > 0 ? b->media.id : writer_make_id(w, "audio_", id));
		json_member_string(j, "data", buf_slice(&b->text));
		json_member_int(j, "expires_at", w->now_s + 3600);
		json_member_string(j, "transcript", b->media.transcript);
		json_end_object(j);
		return;
	}
}

static void write_images(struct event_writer *w, struct json_writer *j, const struct answer_choice *c)
{
	unsigned index = 0;

	for (const struct answer_block *b = c->blocks; b; b = b->next) {
		if (b->kind != EVENT_MEDIA || is_audio(b))
			continue;
		if (index == 0) {
			json_literal_key(j, "images");
			json_begin_array(j);
		}
		openai_chat_write_image(j, &b->media, buf_slice(&b->text), index++, w->arena);
	}
	if (index > 0)
		json_end_array(j);
}

static void write_logprobs(struct json_writer *j, const struct answer_choice *c)
{
	json_literal_key(j, "logprobs");
	for (const struct answer_block *b = c->blocks; b; b = b->next)
		if (b->logprob_count > 0) {
			openai_chat_write_logprobs(j, b->logprobs, b->logprob_count, b->kind == EVENT_REFUSAL);
			return;
		}
	json_null(j);
}

static void write_choice(struct event_writer *w, struct json_writer *j, const struct answer_choice *c, unsigned number)
{
	bool legacy = answer_written_of(w)->legacy;
	enum stop_reason reason = c->stopped ? c->reason : stop_decide(STOP_END, has_block(c, EVENT_TOOL_BEGIN),
								       has_block(c, EVENT_REFUSAL));

	json_begin_object(j);
	json_member_int(j, "index", number);
	json_literal_key(j, "message");
	json_begin_object(j);
	json_member_cstr(j, "role", "assistant");
	write_content(j, c, w->arena);
	write_reasoning(j, c, w->arena);
	if (legacy)
		write_legacy_call(j, c);
	else
		write_calls(j, c);
	write_annotations(j, c);
	write_audio(w, j, c);
	write_images(w, j, c);
	json_end_object(j);
	write_logprobs(j, c);
	json_member_cstr(j, "finish_reason", openai_chat_finish_word(reason, legacy));
	json_end_object(j);
}

bool openai_chat_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out)
{
	static const struct answer_choice nothing;
	char id[WRITER_ID_MAX];
	struct json_writer j;

	json_writer_init(&j, out);
	json_begin_object(&j);
	json_member_string(&j, "id", answer->id.len > 0 ? answer->id : writer_make_id(w, "chatcmpl-", id));
	json_member_cstr(&j, "object", "chat.completion");
	json_member_int(&j, "created", answer->created_s > 0 ? answer->created_s : w->now_s);
	json_member_string(&j, "model", answer->model.len > 0 ? answer->model : w->model);
	json_literal_key(&j, "choices");
	json_begin_array(&j);
	for (unsigned i = 0; i < answer->choice_count; i++)
		write_choice(w, &j, &answer->choices[i], i);
	if (answer->choice_count == 0)
		write_choice(w, &j, &nothing, 0);
	json_end_array(&j);
	json_literal_key(&j, "usage");
	openai_chat_write_usage(&j, w->usage);
	if (answer->service_tier.len > 0)
		json_member_string(&j, "service_tier", openai_chat_tier_word(answer->service_tier));
	json_end_object(&j);
	return !j.overflow;
}
