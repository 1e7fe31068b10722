/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of chat completion answers that streams and whole answers share (DIALECTS §4.2 to §4.7), and the table of
 * finish reasons. What OpenAI's own format has no place for goes where the compatible world puts it: reasoning into
 * reasoning_content, its state into reasoning_details (OpenRouter's shape), Gemini's signature of a call into
 * extra_content (Google's), pictures into images (OpenRouter's): clients that echo messages keep it. */
#include "dialect/openai_chat/openai_chat_internal.h"

/* Total. A pause is "length": the dialect has no word for an answer that is to be continued, and of those it has only
 * this one tells the client that there would be more (§4.3: Gemini's CONTINUATION; Anthropic's pause_turn). A broken
 * tool call or a word nobody knows is the plain end of what there is. */
const char *openai_chat_finish_word(enum stop_reason reason, bool legacy)
{
	static const char *const words[STOP_REASON_COUNT] = {
		[STOP_END] = "stop", [STOP_SEQUENCE] = "stop", [STOP_LENGTH] = "length", [STOP_CONTEXT] = "length",
		[STOP_TOOL_CALLS] = "tool_calls", [STOP_REFUSAL] = "content_filter", [STOP_DECLINED] = "stop",
		[STOP_PAUSE] = "length", [STOP_MALFORMED] = "stop", [STOP_UNKNOWN] = "stop",
	};

	return legacy && reason == STOP_TOOL_CALLS ? "function_call" : words[reason];
}

static int64_t counted(int64_t tokens)
{
	return tokens > 0 ? tokens : 0;
}

void openai_chat_write_usage(struct json_writer *j, const struct usage *u)
{
	int64_t in = counted(u->input), out = counted(u->output);

	json_begin_object(j);
	json_member_int(j, "prompt_tokens", in);
	json_member_int(j, "completion_tokens", out);
	json_member_int(j, "total_tokens", in + out);
	json_literal_key(j, "prompt_tokens_details");
	json_begin_object(j);
	json_member_int(j, "cached_tokens", counted(u->input_cached));
	json_member_int(j, "cache_write_tokens", counted(u->input_written_5m) + counted(u->input_written_1h));
	json_member_int(j, "audio_tokens", counted(u->input_audio));
	if (u->input_image > 0)
		json_member_int(j, "image_tokens", u->input_image);
	json_end_object(j);
	json_literal_key(j, "completion_tokens_details");
	json_begin_object(j);
	json_member_int(j, "reasoning_tokens", counted(u->output_reasoning));
	json_member_int(j, "audio_tokens", counted(u->output_audio));
	if (u->output_image > 0)
		json_member_int(j, "image_tokens", u->output_image);
	json_end_object(j);
	json_end_object(j);
}

/* A citation without a place in the text stands behind what was said: the SDKs' types want numbers. Documents have no
 * URL; they take the shape that Responses has for files. */
void openai_chat_write_citation(struct json_writer *j, const struct citation *c, int64_t text_at, int64_t characters)
{
	bool placed = c->start >= 0 && c->end >= c->start;
	bool url = c->kind == CITATION_URL;

	json_begin_object(j);
	json_member_cstr(j, "type", url ? "url_citation" : "file_citation");
	json_key(j, url ? SLICE("url_citation") : SLICE("file_citation"));
	json_begin_object(j);
	json_member_int(j, "start_index", placed ? text_at + c->start : characters);
	json_member_int(j, "end_index", placed ? text_at + c->end : characters);
	if (url) {
		json_member_string(j, "url", c->url);
		json_member_string(j, "title", c->title);
	} else {
		if (c->document >= 0)
			json_member_int(j, "index", c->document);
		json_member_string(j, "filename", c->title);
		if (c->url.len > 0)
			json_member_string(j, "file_id", c->url);
	}
	if (c->quote.len > 0)
		json_member_string(j, "content", c->quote); /* OpenRouter's */
	json_end_object(j);
	json_end_object(j);
}

void openai_chat_write_logprobs(struct json_writer *j, const struct logprob *items, unsigned count, bool of_refusal)
{
	json_begin_object(j);
	json_key(j, of_refusal ? SLICE("refusal") : SLICE("content"));
	json_begin_array(j);
	for (unsigned i = 0; i < count; i++)
		openai_write_logprob(j, &items[i], true, false);
	json_end_array(j);
	json_key(j, of_refusal ? SLICE("content") : SLICE("refusal"));
	json_null(j);
	json_end_object(j);
}

void openai_chat_write_image(struct json_writer *j, const struct media *m, struct slice data, unsigned index,
			     struct arena *a)
{
	struct media whole = *m;

	if (m->source == MEDIA_DATA)
		whole.value = data;
	shape_begin_image(j, &whole, a);
	json_member_int(j, "index", index);
	json_end_object(j);
}

/* DIALECTS §5.11 */
void openai_chat_write_detail(struct json_writer *j, struct slice text, struct slice state, bool redacted,
			      struct slice id, unsigned index)
{
	bool readable = text.len > 0 && !redacted;

	json_begin_object(j);
	json_member_cstr(j, "type", readable ? "reasoning.text" : "reasoning.encrypted");
	if (readable) {
		json_member_string(j, "text", text);
		json_member_string(j, "signature", state);
	} else {
		json_member_string(j, "data", state);
	}
	if (id.len > 0)
		json_member_string(j, "id", id);
	json_member_int(j, "index", index);
	json_end_object(j);
}

void openai_chat_write_extra(struct json_writer *j, struct slice signature)
{
	json_literal_key(j, "extra_content");
	json_begin_object(j);
	json_literal_key(j, "google");
	json_begin_object(j);
	json_member_string(j, "thought_signature", signature);
	json_end_object(j);
	json_end_object(j);
}

struct slice openai_chat_tier_word(struct slice tier)
{
	return slice_eq(tier, SLICE("standard")) ? SLICE("default") : tier;
}

struct answer_written *answer_written_of(struct event_writer *w)
{
	if (!w->state)
		w->state = arena_new(w->arena, struct answer_written);
	return w->state;
}

void openai_chat_writer_init(struct event_writer *w, const struct request_facts *facts)
{
	struct json root = json_root(&facts->doc);

	bool tools = json_is_filled(json_get(root, "tools"));

	answer_written_of(w)->legacy = json_is_filled(json_get(root, "functions")) && !tools;
	w->include_usage = facts->usage_asked;
}

/* OpenAI has no such operation; the shape is that of its Responses' input_tokens. */
void openai_chat_write_count(int64_t tokens, bool estimated, struct buf *out)
{
	struct json_writer j;

	json_writer_init(&j, out);
	json_begin_object(&j);
	json_member_cstr(&j, "object", "response.input_tokens");
	json_member_int(&j, "input_tokens", tokens);
	if (estimated)
		json_member_bool(&j, "estimated", true);
	json_end_object(&j);
}
