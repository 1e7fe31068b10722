/* SPDX-License-Identifier: Apache-2.0 */
/* A whole Messages answer, the answer to a count of tokens, and the pieces that streams are made of as well: usage,
 * stop reasons, citations (DIALECTS §4.1 to §4.5; SDK types Message, Usage, TextCitation). */
#include "dialect/anthropic/anthropic.h"

/* ---- pieces ---- */

void anthropic_write_head(struct event_writer *w, struct json_writer *j, struct slice id, struct slice model)
{
	char made[WRITER_ID_MAX];

	json_member_string(j, "id", id.len > 0 ? id : writer_make_id(w, "msg_", made));
	json_member_cstr(j, "type", "message");
	json_member_cstr(j, "role", "assistant");
	json_member_string(j, "model", model.len > 0 ? model : w->model);
}

static int64_t known(int64_t n)
{
	return n > 0 ? n : 0;
}

/* Anthropic's three input counters are disjoint (DIALECTS §4.4). message_delta repeats them with its cumulative
 * output_tokens. */
void anthropic_write_usage(struct json_writer *j, const struct usage *u)
{
	static const char *const tiers[] = { [SERVICE_STANDARD] = "standard", [SERVICE_BATCH] = "batch",
					     [SERVICE_FLEX] = "standard", [SERVICE_PRIORITY] = "priority" };
	int64_t cached = known(u->input_cached);
	int64_t shorter = known(u->input_written_5m), longer = known(u->input_written_1h);

	json_begin_object(j);
	json_member_int(j, "input_tokens", known(known(u->input) - cached - shorter - longer));
	json_member_int(j, "cache_creation_input_tokens", shorter + longer);
	json_member_int(j, "cache_read_input_tokens", cached);
	json_literal_key(j, "cache_creation");
	json_begin_object(j);
	json_member_int(j, "ephemeral_5m_input_tokens", shorter);
	json_member_int(j, "ephemeral_1h_input_tokens", longer);
	json_end_object(j);
	json_member_int(j, "output_tokens", known(u->output));
	if (u->output_reasoning > 0) {
		json_literal_key(j, "output_tokens_details");
		json_begin_object(j);
		json_member_int(j, "thinking_tokens", u->output_reasoning);
		json_end_object(j);
	}
	if (u->web_searches > 0) {
		json_literal_key(j, "server_tool_use");
		json_begin_object(j);
		json_member_int(j, "web_search_requests", u->web_searches);
		json_member_int(j, "web_fetch_requests", 0);
		json_end_object(j);
	}
	if (u->service != SERVICE_NOT_SAID)
		json_member_cstr(j, "service_tier", tiers[u->service]);
	json_end_object(j);
}

/* Total: clients switch on seven words (SDK type StopReason). A call that is none, and a word that nobody knows, are
 * ends: what was said is there. */
static const char *stop_word(enum stop_reason reason)
{
	static const char *const words[STOP_REASON_COUNT] = {
		[STOP_END] = "end_turn", [STOP_SEQUENCE] = "stop_sequence", [STOP_LENGTH] = "max_tokens",
		[STOP_CONTEXT] = "model_context_window_exceeded", [STOP_TOOL_CALLS] = "tool_use",
		[STOP_REFUSAL] = "refusal", [STOP_DECLINED] = "refusal", [STOP_PAUSE] = "pause_turn",
		[STOP_MALFORMED] = "end_turn", [STOP_UNKNOWN] = "end_turn",
	};

	return words[reason];
}

void anthropic_write_stop(struct json_writer *j, enum stop_reason reason, struct slice sequence, struct slice detail)
{
	json_member_cstr(j, "stop_reason", stop_word(reason));
	json_literal_key(j, "stop_sequence");
	if (reason == STOP_SEQUENCE)
		json_string(j, sequence);
	else
		json_null(j);
	if (reason != STOP_REFUSAL && reason != STOP_DECLINED)
		return;
	json_literal_key(j, "stop_details");
	json_begin_object(j);
	json_member_cstr(j, "type", "refusal");
	json_literal_key(j, "category");
	json_null(j);
	json_literal_key(j, "explanation");
	if (detail.len > 0)
		json_string(j, detail);
	else
		json_null(j);
	json_end_object(j);
}

static void write_nullable(struct json_writer *j, struct slice text)
{
	if (text.len > 0)
		json_string(j, text);
	else
		json_null(j);
}

/* The web's by address, all others by their place in a document. What was found elsewhere has no encrypted_index, which
 * only its provider could read. */
void anthropic_write_citation(struct json_writer *j, const struct citation *c, struct arena *a)
{
	if (c->raw.len > 0 && c->raw_dialect == DIALECT_ANTHROPIC) {
		json_value_raw(j, json_one_line(c->raw, a));
		return;
	}
	json_begin_object(j);
	if (c->kind == CITATION_URL) {
		json_member_cstr(j, "type", "web_search_result_location");
		json_member_string(j, "cited_text", c->quote);
		json_member_string(j, "url", c->url);
		json_literal_key(j, "title");
		write_nullable(j, c->title);
		json_member_cstr(j, "encrypted_index", "");
	} else {
		json_member_cstr(j, "type", c->pages ? "page_location" : "char_location");
		json_member_string(j, "cited_text", c->quote);
		json_member_int(j, "document_index", known(c->document));
		json_literal_key(j, "document_title");
		write_nullable(j, c->title);
		json_ready_key(j, c->pages ? SLICE(",\"start_page_number\":") : SLICE(",\"start_char_index\":"));
		json_int(j, known(c->source_start));
		json_ready_key(j, c->pages ? SLICE(",\"end_page_number\":") : SLICE(",\"end_char_index\":"));
		json_int(j, known(c->source_end));
		json_literal_key(j, "file_id");
		json_null(j);
	}
	json_end_object(j);
}

void anthropic_write_next_state(struct json_writer *j, struct slice payload, struct arena *a)
{
	json_string(j, arena_join(a, SLICE(ANTHROPIC_NEXT), payload));
}

/* ---- blocks of a whole answer ---- */

static void write_thinking(struct json_writer *j, struct slice text, struct slice signature)
{
	json_begin_object(j);
	json_member_cstr(j, "type", "thinking");
	json_member_string(j, "thinking", text);
	json_member_string(j, "signature", signature);
	json_end_object(j);
}

static void write_state(struct json_writer *j, struct slice payload, struct arena *a)
{
	json_begin_object(j);
	json_member_cstr(j, "type", "thinking");
	json_member_cstr(j, "thinking", "");
	json_literal_key(j, "signature");
	anthropic_write_next_state(j, payload, a);
	json_end_object(j);
}

static void write_reasoning(struct json_writer *j, const struct answer_block *b)
{
	if (!b->redacted || b->text.len > 0) {
		write_thinking(j, buf_slice(&b->text), b->state);
		return;
	}
	json_begin_object(j);
	json_member_cstr(j, "type", "redacted_thinking");
	json_member_string(j, "data", b->state);
	json_end_object(j);
}

static void write_text(struct json_writer *j, const struct answer_block *b, struct arena *a)
{
	if (b->text.len == 0 && b->citation_count == 0)
		return;
	json_begin_object(j);
	json_member_cstr(j, "type", "text");
	json_member_string(j, "text", buf_slice(&b->text));
	if (b->citation_count > 0) {
		json_literal_key(j, "citations");
		json_begin_array(j);
		for (unsigned i = 0; i < b->citation_count; i++)
			anthropic_write_citation(j, &b->citations[i], a);
		json_end_array(j);
	}
	json_end_object(j);
}

/* Arguments that are no object (cut off by max_tokens, or never any JSON) are shown as they are: {"_raw":"…"}
 * (DIALECTS §3.6). */
static void write_call(struct json_writer *j, const struct answer_block *b, struct arena *a)
{
	struct json_doc doc;
	struct json_error error;
	struct slice arguments = slice_trim(buf_slice(&b->text));

	json_begin_object(j);
	json_member_cstr(j, "type", "tool_use");
	json_member_string(j, "id", b->id);
	json_member_string(j, "name", b->name);
	json_literal_key(j, "input");
	if (arguments.len == 0) {
		json_value_raw(j, SLICE("{}"));
	} else if (json_parse(a, arguments, &doc, &error) && json_is(json_root(&doc), JSON_OBJECT)) {
		json_value_raw(j, arguments);
	} else {
		json_begin_object(j);
		json_member_string(j, "_raw", arguments);
		json_end_object(j);
	}
	json_end_object(j);
}

/* A state on a text or a call stands in front of it, as in streams. Media have no place here. */
static void write_block(struct json_writer *j, const struct answer_block *b, struct arena *a)
{
	if (b->state.len > 0 && b->kind != EVENT_REASONING)
		write_state(j, b->state, a);
	switch (b->kind) {
	case EVENT_TEXT: case EVENT_REFUSAL:
		write_text(j, b, a);
		break;
	case EVENT_REASONING:
		if (b->text.len > 0 || b->state.len > 0)
			write_reasoning(j, b);
		break;
	case EVENT_TOOL_BEGIN:
		write_call(j, b, a);
		break;
	case EVENT_OPAQUE:
		if (b->raw_dialect == DIALECT_ANTHROPIC)
			json_value_raw(j, b->raw);
		break;
	default:
		break;
	}
}

bool anthropic_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out)
{
	static const struct answer_choice nothing = { .reason = STOP_END };
	const struct answer_choice *choice = answer->choice_count > 0 ? &answer->choices[0] : &nothing;
	struct json_writer j;

	json_writer_init(&j, out);
	json_begin_object(&j);
	anthropic_write_head(w, &j, answer->id, answer->model);
	json_literal_key(&j, "content");
	json_begin_array(&j);
	for (const struct answer_block *b = choice->blocks; b; b = b->next)
		write_block(&j, b, w->arena);
	json_end_array(&j);
	anthropic_write_stop(&j, choice->reason, choice->stop_sequence, choice->stop_detail);
	json_literal_key(&j, "usage");
	anthropic_write_usage(&j, w->usage);
	json_end_object(&j);
	return !j.overflow;
}

void anthropic_write_count(int64_t tokens, bool estimated, struct buf *out)
{
	struct json_writer j;

	json_writer_init(&j, out);
	json_begin_object(&j);
	json_member_int(&j, "input_tokens", tokens);
	json_end_object(&j);
}
