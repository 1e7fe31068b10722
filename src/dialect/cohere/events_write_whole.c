/* SPDX-License-Identifier: Apache-2.0 */
/* Cohere's whole answers out of the fold, and the pieces that streams share with them (DIALECTS §4.1, §4.3–§4.5,
 * §4.7). */
#include "dialect/cohere/cohere.h"

#include "base/utf8.h"

/* §4.3; a total table. What a filter cut short is no complete answer, and there is no better word for it. */
const char *cohere_finish_word(enum stop_reason reason)
{
	static const char *const words[STOP_REASON_COUNT] = {
		[STOP_END] = "COMPLETE", [STOP_SEQUENCE] = "STOP_SEQUENCE", [STOP_LENGTH] = "MAX_TOKENS",
		[STOP_CONTEXT] = "MAX_TOKENS", [STOP_TOOL_CALLS] = "TOOL_CALL", [STOP_REFUSAL] = "ERROR",
		[STOP_DECLINED] = "COMPLETE", [STOP_PAUSE] = "COMPLETE", [STOP_MALFORMED] = "ERROR",
		[STOP_UNKNOWN] = "COMPLETE",
	};

	return words[reason];
}

static void write_tokens(struct json_writer *j, const struct usage *u)
{
	json_begin_object(j);
	json_member_int(j, "input_tokens", u && u->input > 0 ? u->input : 0);
	json_member_int(j, "output_tokens", u && u->output > 0 ? u->output : 0);
}

void cohere_write_usage(struct json_writer *j, const struct usage *u)
{
	json_begin_object(j);
	json_literal_key(j, "billed_units");
	write_tokens(j, u);
	json_end_object(j);
	json_literal_key(j, "tokens");
	write_tokens(j, u);
	if (u && u->output_reasoning > 0)
		json_member_int(j, "reasoning_tokens", u->output_reasoning);
	json_end_object(j);
	json_member_int(j, "cached_tokens", u && u->input_cached > 0 ? u->input_cached : 0);
	json_end_object(j);
}

/* Of a token from elsewhere no number is known. */
void cohere_write_logprob(struct json_writer *j, const struct logprob *p)
{
	json_begin_object(j);
	json_member_string(j, "text", p->token);
	json_literal_key(j, "token_ids");
	json_value_raw(j, SLICE("[]"));
	json_literal_key(j, "logprobs");
	json_begin_array(j);
	json_double(j, p->value);
	json_end_array(j);
	json_end_object(j);
}

/* ---- citations ---- */

static void write_source(struct json_writer *j, const struct citation *c, struct arena *a)
{
	struct slice id = c->url;

	if (id.len == 0)
		id = c->document >= 0 ? arena_printf(a, "doc:%lld", (long long)c->document) : c->title;
	json_begin_array(j);
	json_begin_object(j);
	json_member_cstr(j, "type", "document");
	json_member_string(j, "id", id);
	json_literal_key(j, "document");
	json_begin_object(j);
	json_member_string(j, "id", id);
	if (c->title.len > 0)
		json_member_string(j, "title", c->title);
	if (c->url.len > 0)
		json_member_string(j, "url", c->url);
	if (c->quote.len > 0)
		json_member_string(j, "snippet", c->quote);
	json_end_object(j);
	json_end_object(j);
	json_end_array(j);
}

void cohere_write_citation(struct json_writer *j, const struct citation *c, int64_t content, int64_t characters,
			   struct arena *a)
{
	struct json_doc doc;
	struct json_error error;
	struct json sources = { 0 };

	if (c->raw_dialect == DIALECT_COHERE && json_parse(a, c->raw, &doc, &error))
		sources = json_get(json_root(&doc), "sources");
	json_begin_object(j);
	json_member_int(j, "start", c->start >= 0 ? c->start : 0);
	json_member_int(j, "end", c->end >= 0 ? c->end : characters);
	json_member_string(j, "text", c->quote);
	json_literal_key(j, "sources");
	if (json_is(sources, JSON_ARRAY))
		json_value_raw(j, json_raw(sources));
	else
		write_source(j, c, a);
	json_member_cstr(j, "type", "TEXT_CONTENT");
	json_member_int(j, "content_index", content);
	json_end_object(j);
}

/* ---- whole ---- */

static bool is_text(const struct answer_block *b)
{
	return b->kind == EVENT_TEXT || b->kind == EVENT_REFUSAL;
}

static bool is_content(const struct answer_block *b)
{
	return (is_text(b) || b->kind == EVENT_REASONING) && b->text.len > 0;
}

static void write_content(struct json_writer *j, const struct answer_choice *c)
{
	json_literal_key(j, "content");
	json_begin_array(j);
	for (const struct answer_block *b = c->blocks; b; b = b->next) {
		if (!is_content(b))
			continue;
		json_begin_object(j);
		json_member_cstr(j, "type", is_text(b) ? "text" : "thinking");
		json_key(j, is_text(b) ? SLICE("text") : SLICE("thinking"));
		json_string(j, buf_slice(&b->text));
		json_end_object(j);
	}
	json_end_array(j);
}

static void write_calls(struct json_writer *j, const struct answer_choice *c)
{
	bool any = false;

	for (const struct answer_block *b = c->blocks; b; b = b->next) {
		if (b->kind != EVENT_TOOL_BEGIN)
			continue;
		if (!any) {
			json_literal_key(j, "tool_calls");
			json_begin_array(j);
			any = true;
		}
		json_begin_object(j);
		json_member_string(j, "id", b->id);
		json_member_cstr(j, "type", "function");
		json_literal_key(j, "function");
		json_begin_object(j);
		json_member_string(j, "name", b->name);
		json_member_string(j, "arguments", b->text.len > 0 ? buf_slice(&b->text) : SLICE("{}"));
		json_end_object(j);
		json_end_object(j);
	}
	if (any)
		json_end_array(j);
}

static void write_citations(struct event_writer *w, struct json_writer *j, const struct answer_choice *c)
{
	int64_t content = 0;
	bool any = false;

	for (const struct answer_block *b = c->blocks; b; b = b->next) {
		int64_t characters = (int64_t)utf8_count(b->text.len > 0 ? buf_slice(&b->text).ptr : "", b->text.len);

		for (unsigned i = 0; i < b->citation_count && is_content(b); i++) {
			if (cohere_is_repeated(&b->citations[i]))
				continue;
			if (!any) {
				json_literal_key(j, "citations");
				json_begin_array(j);
				any = true;
			}
			cohere_write_citation(j, &b->citations[i], content, characters, w->arena);
		}
		content += is_content(b);
	}
	if (any)
		json_end_array(j);
}

static void write_logprobs(struct json_writer *j, const struct answer_choice *c)
{
	for (const struct answer_block *b = c->blocks; b; b = b->next) {
		if (b->logprob_count == 0)
			continue;
		json_literal_key(j, "logprobs");
		json_begin_array(j);
		for (unsigned i = 0; i < b->logprob_count; i++)
			cohere_write_logprob(j, &b->logprobs[i]);
		json_end_array(j);
		return;
	}
}

bool cohere_write_answer(struct event_writer *w, const struct answer *answer, struct buf *out)
{
	static const struct answer_choice nothing;
	const struct answer_choice *c = answer->choice_count > 0 ? &answer->choices[0] : &nothing;
	struct json_writer j;

	json_writer_init(&j, out);
	json_begin_object(&j);
	json_member_string(&j, "id", answer->id.len > 0 ? answer->id : cohere_make_id(w));
	json_literal_key(&j, "message");
	json_begin_object(&j);
	json_member_cstr(&j, "role", "assistant");
	write_content(&j, c);
	write_calls(&j, c);
	write_citations(w, &j, c);
	json_end_object(&j);
	json_member_cstr(&j, "finish_reason", cohere_finish_word(c->stopped ? c->reason : STOP_END));
	json_literal_key(&j, "usage");
	cohere_write_usage(&j, w->usage);
	write_logprobs(&j, c);
	json_end_object(&j);
	return !j.overflow;
}

/* Cohere's tokenize answers with the tokens themselves; here only their number is known. */
void cohere_write_count(int64_t tokens, bool estimated, struct buf *out)
{
	struct json_writer j;

	json_writer_init(&j, out);
	json_begin_object(&j);
	json_member_int(&j, "input_tokens", tokens);
	if (estimated)
		json_member_bool(&j, "estimated", true);
	json_end_object(&j);
}
