/* SPDX-License-Identifier: Apache-2.0 */
/* A whole Converse answer, the answer to a count of tokens, and the pieces that streams are made of as well: usage,
 * stop reasons, citations (DIALECTS §4.1 to §4.5; service model ConverseResponse, TokenUsage, Citation). */
#include "dialect/bedrock_converse/bedrock_converse.h"

/* ---- pieces ---- */

static int64_t known(int64_t n)
{
	return n > 0 ? n : 0;
}

static void write_detail(struct json_writer *j, const char *ttl, int64_t tokens)
{
	if (tokens <= 0)
		return;
	json_begin_object(j);
	json_member_cstr(j, "ttl", ttl);
	json_member_int(j, "inputTokens", tokens);
	json_end_object(j);
}

/* inputTokens is the uncached remainder; totalTokens is everything (recorded: bedrock). The latency is AWS's own, and
 * required. */
void bedrock_write_metadata(struct json_writer *j, const struct usage *u)
{
	static const char *const tiers[] = { [SERVICE_STANDARD] = "default", [SERVICE_BATCH] = "default",
					     [SERVICE_FLEX] = "flex", [SERVICE_PRIORITY] = "priority" };
	int64_t cached = known(u->input_cached), shorter = known(u->input_written_5m),
		longer = known(u->input_written_1h);

	json_literal_key(j, "usage");
	json_begin_object(j);
	json_member_int(j, "inputTokens", known(known(u->input) - cached - shorter - longer));
	json_member_int(j, "outputTokens", known(u->output));
	json_member_int(j, "totalTokens", known(u->input) + known(u->output));
	json_member_int(j, "cacheReadInputTokens", cached);
	json_member_int(j, "cacheWriteInputTokens", shorter + longer);
	if (shorter + longer > 0) {
		json_literal_key(j, "cacheDetails");
		json_begin_array(j);
		write_detail(j, "5m", shorter);
		write_detail(j, "1h", longer);
		json_end_array(j);
	}
	json_end_object(j);
	json_literal_key(j, "metrics");
	json_value_raw(j, SLICE("{\"latencyMs\":0}"));
	if (u->service != SERVICE_NOT_SAID) {
		json_literal_key(j, "serviceTier");
		json_begin_object(j);
		json_member_cstr(j, "type", tiers[u->service]);
		json_end_object(j);
	}
}

/* Total: nine words (service model StopReason). A pause, and a word that nobody knows, are ends: what was said is
 * there. */
static const char *stop_word(enum stop_reason reason)
{
	static const char *const words[STOP_REASON_COUNT] = {
		[STOP_END] = "end_turn", [STOP_SEQUENCE] = "stop_sequence", [STOP_LENGTH] = "max_tokens",
		[STOP_CONTEXT] = "model_context_window_exceeded", [STOP_TOOL_CALLS] = "tool_use",
		[STOP_REFUSAL] = "content_filtered", [STOP_DECLINED] = "content_filtered", [STOP_PAUSE] = "end_turn",
		[STOP_MALFORMED] = "malformed_tool_use", [STOP_UNKNOWN] = "end_turn",
	};

	return words[reason];
}

void bedrock_write_stop(struct json_writer *j, enum stop_reason reason, struct slice word, struct slice sequence)
{
	bool guardrail = reason == STOP_REFUSAL && slice_eq(word, SLICE("guardrail_intervened"));

	json_member_cstr(j, "stopReason", guardrail ? "guardrail_intervened" : stop_word(reason));
	if (reason != STOP_SEQUENCE || sequence.len == 0)
		return;
	json_literal_key(j, "additionalModelResponseFields");
	json_begin_object(j);
	json_member_string(j, "stop_sequence", sequence);
	json_end_object(j);
}

static void write_place(struct json_writer *j, const struct citation *c)
{
	json_literal_key(j, "location");
	json_begin_object(j);
	if (c->kind == CITATION_URL) {
		json_literal_key(j, "web");
		json_begin_object(j);
		json_member_string(j, "url", c->url);
	} else {
		json_ready_key(j, c->pages ? SLICE(",\"documentPage\":") : SLICE(",\"documentChar\":"));
		json_begin_object(j);
		json_member_int(j, "documentIndex", known(c->document));
		json_member_int(j, "start", known(c->source_start));
		json_member_int(j, "end", known(c->source_end));
	}
	json_end_object(j);
	json_end_object(j);
}

void bedrock_write_citation(struct json_writer *j, const struct citation *c)
{
	if (c->raw.len > 0 && c->raw_dialect == DIALECT_BEDROCK) {
		json_value_raw(j, c->raw);
		return;
	}
	json_begin_object(j);
	if (c->title.len > 0)
		json_member_string(j, "title", c->title);
	if (c->quote.len > 0) {
		json_literal_key(j, "sourceContent");
		json_begin_array(j);
		json_begin_object(j);
		json_member_string(j, "text", c->quote);
		json_end_object(j);
		json_end_array(j);
	}
	write_place(j, c);
	json_end_object(j);
}

/* ---- blocks of a whole answer ---- */

static void write_reasoning(struct json_writer *j, struct slice text, struct slice state, bool redacted)
{
	json_begin_object(j);
	json_literal_key(j, "reasoningContent");
	json_begin_object(j);
	if (redacted) {
		json_member_string(j, "redactedContent", state);
	} else {
		json_literal_key(j, "reasoningText");
		json_begin_object(j);
		json_member_string(j, "text", text);
		if (state.len > 0)
			json_member_string(j, "signature", state);
		json_end_object(j);
	}
	json_end_object(j);
	json_end_object(j);
}

static void write_text(struct json_writer *j, const struct answer_block *b)
{
	if (b->text.len == 0 && b->citation_count == 0)
		return;
	json_begin_object(j);
	if (b->citation_count == 0) {
		json_member_string(j, "text", buf_slice(&b->text));
		json_end_object(j);
		return;
	}
	json_literal_key(j, "citationsContent");
	json_begin_object(j);
	json_literal_key(j, "content");
	json_begin_array(j);
	json_begin_object(j);
	json_member_string(j, "text", buf_slice(&b->text));
	json_end_object(j);
	json_end_array(j);
	json_literal_key(j, "citations");
	json_begin_array(j);
	for (unsigned i = 0; i < b->citation_count; i++)
		bedrock_write_citation(j, &b->citations[i]);
	json_end_array(j);
	json_end_object(j);
	json_end_object(j);
}

static void write_call(struct json_writer *j, const struct answer_block *b, struct arena *a)
{
	json_begin_object(j);
	json_literal_key(j, "toolUse");
	json_begin_object(j);
	json_member_string(j, "toolUseId", b->id);
	json_member_string(j, "name", b->name);
	bedrock_write_input(j, buf_slice(&b->text), b->custom, a);
	json_end_object(j);
	json_end_object(j);
}

static void write_image(struct json_writer *j, const struct answer_block *b)
{
	const char *format = bedrock_format_of(PART_IMAGE, b->media.mime);

	if (!format || b->text.len == 0)
		return;
	json_begin_object(j);
	json_literal_key(j, "image");
	json_begin_object(j);
	json_member_cstr(j, "format", format);
	json_literal_key(j, "source");
	json_begin_object(j);
	json_member_string(j, "bytes", buf_slice(&b->text));
	json_end_object(j);
	json_end_object(j);
	json_end_object(j);
}

/* A state on a text or a call stands in front of it, as in streams. */
static void write_block(struct json_writer *j, const struct answer_block *b, struct arena *a)
{
	if (b->state.len > 0 && b->kind != EVENT_REASONING)
		write_reasoning(j, SLICE(""), b->state, false);
	switch (b->kind) {
	case EVENT_TEXT: case EVENT_REFUSAL:
		write_text(j, b);
		break;
	case EVENT_REASONING:
		if (b->text.len > 0 || b->state.len > 0)
			write_reasoning(j, buf_slice(&b->text), b->state, b->redacted && b->text.len == 0);
		break;
	case EVENT_TOOL_BEGIN:
		write_call(j, b, a);
		break;
	case EVENT_MEDIA:
		write_image(j, b);
		break;
	case EVENT_OPAQUE:
		if (b->raw_dialect == DIALECT_BEDROCK)
			json_value_raw(j, b->raw);
		break;
	default:
		break;
	}
}

bool bedrock_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out)
{
	static const struct answer_choice nothing = { .reason = STOP_END };
	const struct answer_choice *choice = answer->choice_count > 0 ? &answer->choices[0] : &nothing;
	struct json_writer j;

	json_writer_init(&j, out);
	json_begin_object(&j);
	json_literal_key(&j, "output");
	json_begin_object(&j);
	json_literal_key(&j, "message");
	json_begin_object(&j);
	json_member_cstr(&j, "role", "assistant");
	json_literal_key(&j, "content");
	json_begin_array(&j);
	for (const struct answer_block *b = choice->blocks; b; b = b->next)
		write_block(&j, b, w->arena);
	json_end_array(&j);
	json_end_object(&j);
	json_end_object(&j);
	bedrock_write_stop(&j, choice->reason, choice->stop_word, choice->stop_sequence);
	bedrock_write_metadata(&j, w->usage);
	json_end_object(&j);
	return !j.overflow;
}

void bedrock_write_count(int64_t tokens, bool estimated, struct buf *out)
{
	struct json_writer j;

	json_writer_init(&j, out);
	json_begin_object(&j);
	json_member_int(&j, "inputTokens", tokens);
	json_end_object(&j);
}
