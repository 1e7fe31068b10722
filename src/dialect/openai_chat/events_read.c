/* SPDX-License-Identifier: Apache-2.0 */
/* What chat completion chunks and answers mean (DIALECTS §4.1 to §4.4, §5.2, §5.9, §5.11, §7). The quirks named
 * here were seen in recordings of the providers in brackets. */
#include "dialect/openai_chat/openai_chat_internal.h"

/* Members of a delta, a message or (text completions) a choice that carry something said. `reasoning` is Groq's,
 * Cerebras', OpenRouter's, `reasoning_content` DeepSeek's and most others'; reasoning_details may hold nothing but
 * a signature. */
static const struct {
	struct slice name;
	bool again;                    /* the same once more, with its structure: content, but counted once */
} said[] = {
	{ { "content", 7 }, false },	       { { "reasoning_content", 17 }, false }, { { "reasoning", 9 }, false },
	{ { "reasoning_details", 17 }, true }, { { "refusal", 7 }, false },	       { { "text", 4 }, false },
	{ { "images", 6 }, false },	       { { "annotations", 11 }, true },	       { { "executed_tools", 14 }, false },
};

static bool read_tool_calls(struct event_reader *r, struct json calls)
{
	if (!json_is_filled(calls))
		return false;
	r->saw_tool = true;
	for (struct json_walk w = json_walk(calls); json_walk_next(&w);) {
		reader_count_output(r, json_get(json_get(w.value, "function"), "arguments"));
		reader_count_output(r, json_get(json_get(w.value, "custom"), "input"));
	}
	return true;
}

/* True when there is content in it. Empty strings, null, a role, a name, and members nobody knows are none. */
static bool read_delta(struct event_reader *r, struct json delta)
{
	bool content = false;
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		struct json v = json_member(delta, said[i].name);
		content |= said[i].again ? json_is_filled(v) : reader_count_output(r, v);
	}
	content |= read_tool_calls(r, json_get(delta, "tool_calls"));

	struct json call = json_get(delta, "function_call"); /* the predecessor of tool_calls */
	if (json_is_filled(call)) {
		reader_count_output(r, json_get(call, "arguments"));
		r->saw_tool = content = true;
	}
	struct json audio = json_get(delta, "audio");
	if (json_is(audio, JSON_OBJECT)) {
		content |= json_is_filled(json_get(audio, "data"));
		content |= reader_count_output(r, json_get(audio, "transcript"));
	}
	return content;
}

/* finish_reason is null, missing or "" (Snowflake, in every chunk) until it is said. */
static struct json finish_of(struct json choice)
{
	struct json reason = json_get(choice, "finish_reason");
	return json_is(reason, JSON_STRING) && json_is_filled(reason) ? reason : (struct json){ 0 };
}

/* A finish that says "error" (OpenRouter, Mistral) is none, nor is a choice with an error of its own. */
static bool choice_failed(struct json choice, struct arena *scratch, struct failure *ret)
{
	if (failure_in_band(choice, NULL, scratch, ret))
		return true;
	if (!json_text_eq(finish_of(choice), SLICE("error")))
		return false;
	failure_set(ret, FAILURE_IN_BAND, "the provider ended the answer with the finish reason \"error\"");
	return true;
}

static void read_choice(struct event_reader *r, struct json choice, struct arena *scratch, struct reading *ret)
{
	if (choice_failed(choice, scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	struct json delta = json_get(choice, "delta");
	if (!json_is(delta, JSON_OBJECT))
		delta = r->operation == OPERATION_COMPLETIONS ? choice : json_get(choice, "message");
	if (read_delta(r, delta))
		ret->flags |= READING_CONTENT | READING_PROGRESS;

	bool finished = json_exists(finish_of(choice));
	if (finished)
		ret->flags |= READING_CONTENT | READING_PROGRESS;
	if (reader_note_choice(r, json_i64_or(json_get(choice, "index"), 0), finished))
		ret->flags |= READING_FINISH;
	/* In choices[0].usage: Moonshot (DIALECTS §4.4). */
	openai_read_usage(r, json_get(choice, "usage"));
}

/* The usage of a chunk, wherever it stands. Groq puts it into x_groq as well, asked or not. */
static void read_usage(struct event_reader *r, struct json root, struct slice data, struct reading *ret)
{
	struct json usage = json_get(root, "usage");
	struct json choices = json_get(root, "choices");
	openai_read_usage(r, json_is(usage, JSON_OBJECT) ? usage : json_get(json_get(root, "x_groq"), "usage"));
	if (!json_exists(usage))
		return;
	/* `choices: []` alone does not make it: Azure and Copilot begin with such a chunk for
	 * prompt_filter_results, OpenAI ends with one for moderation; both say no usage or null. */
	if (json_is(usage, JSON_OBJECT) && json_is(choices, JSON_ARRAY) && json_count(choices) == 0) {
		ret->flags |= READING_USAGE_ONLY;
		return;
	}
	ret->usage_member = member_span(root, "usage");
	if (ret->usage_member.ptr) /* event_parse() may have read a copy */
		ret->usage_member.ptr = data.ptr + (ret->usage_member.ptr - root.doc->text.ptr);
}

/* [DONE] is the provider's word that this is all. OpenAI's own gpt-audio and Snowflake say it without ever having
 * given a finish reason (both recorded): complete, if anything was said. But a choice left open while others
 * finished, or nothing said at all, is an answer cut short by something in between. */
static void read_done(struct event_reader *r, struct reading *ret)
{
	if (!r->finished && r->content && r->finished_choices == 0) {
		r->finished = true;
		ret->flags |= READING_FINISH;
	}
	if (!r->finished) {
		reading_malformed(ret, FAILURE_CUT, "the provider ended the stream with [DONE] before the answer was complete");
		return;
	}
	r->terminated = true;
	ret->flags |= READING_TERMINATOR;
	if (r->sink)
		openai_chat_emit_done(r);
}

void chat_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret)
{
	struct json_doc doc;
	struct json root;

	reading_init(ret);
	struct slice data = slice_trim(f->data);
	if (!f->has_data || data.len == 0)
		return;
	r->events++;
	if (slice_eq(data, SLICE("[DONE]"))) {
		read_done(r, ret);
		return;
	}
	if (!event_parse(r, f->data, scratch, &doc, &root, ret))
		return;
	/* Nothing after [DONE] is part of the answer any more, but its usage is still the answer's. */
	if (r->terminated) {
		read_usage(r, root, f->data, ret);
		return;
	}
	if (failure_in_band(root, "choices", scratch, &ret->failure)) {
		openai_read_usage(r, json_get(root, "usage")); /* OpenRouter says what the failed answer cost */
		ret->flags |= READING_FAILURE;
		return;
	}
	/* `event: error` (Groq) whose data has a shape that nobody knows. */
	if (slice_eq(f->event, SLICE("error"))) {
		failure_read(0, f->data, scratch, &ret->failure);
		if (ret->failure.kind == FAILURE_MALFORMED)
			ret->failure.kind = FAILURE_IN_BAND;
		ret->flags |= READING_FAILURE;
		return;
	}
	r->started = true;
	reader_note_model(r, json_get(root, "model"), scratch);
	for (struct json_walk w = json_walk(json_get(root, "choices")); json_walk_next(&w) && !(ret->flags & READING_FAILURE);)
		read_choice(r, w.value, scratch, ret);
	read_usage(r, root, f->data, ret);
	r->content |= (ret->flags & READING_CONTENT) != 0;
	if (r->sink && !(ret->flags & READING_FAILURE))
		openai_chat_emit(r, root, false);
}

enum stream_end chat_read_end(const struct event_reader *r)
{
	if (!r->finished)
		return STREAM_CUT;
	/* No [DONE] from xAI, Cerebras, Perplexity, MiniMax, Writer, some of Fireworks' and Hugging Face's: all
	 * recorded. */
	return r->terminated ? STREAM_COMPLETE : STREAM_NEEDS_TERMINATOR;
}

/* A whole answer needs no finish reason (Snowflake's is "", the first vision models had finish_details), but every
 * choice has something to be the answer in. */
static bool read_whole_choices(struct event_reader *r, struct json choices, struct arena *scratch, struct reading *ret)
{
	if (!json_is(choices, JSON_ARRAY) || json_count(choices) == 0)
		return false;
	for (struct json_walk w = json_walk(choices); json_walk_next(&w);) {
		if (choice_failed(w.value, scratch, &ret->failure)) {
			ret->flags |= READING_FAILURE;
			return true;
		}
		struct json message = r->operation == OPERATION_COMPLETIONS ? w.value : json_get(w.value, "message");
		/* fim/completions (Mistral) answers text completions with messages. */
		if (json_is(json_get(w.value, "message"), JSON_OBJECT))
			message = json_get(w.value, "message");
		if (!json_is(message, JSON_OBJECT))
			return false;
		read_delta(r, message);
		reader_note_choice(r, json_i64_or(json_get(w.value, "index"), 0), true);
	}
	return true;
}

void chat_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret)
{
	bool embeddings = r->operation == OPERATION_EMBEDDINGS;
	const char *member = embeddings ? "data" : "choices";
	struct json_doc doc;
	struct json root;

	reading_init(ret);
	if (!whole_parse(body, scratch, &doc, &root, ret))
		return;
	openai_read_usage(r, json_get(root, "usage"));
	reader_note_model(r, json_get(root, "model"), scratch);
	if (failure_in_band(root, member, scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	struct json answer = json_member(root, slice_cstr(member));
	if (embeddings ? !json_is(answer, JSON_ARRAY) : !read_whole_choices(r, answer, scratch, ret)) {
		reading_malformed(ret, FAILURE_MALFORMED, "the provider's answer has no \"%s\" in it", member);
		return;
	}
	if (ret->flags & READING_FAILURE)
		return;
	whole_complete(r, ret);
	if (r->sink && !embeddings)
		openai_chat_emit(r, root, true);
}
