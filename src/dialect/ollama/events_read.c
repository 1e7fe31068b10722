/* SPDX-License-Identifier: Apache-2.0 */
/* What the lines of Ollama's streams and its whole answers mean (DIALECTS §4, §5.8). Every line is an answer with a
 * piece of the message; the last one says done, why, and what it took. */
#include "dialect/ollama/ollama.h"

/* prompt_eval_count is left out where the whole prompt was in the cache (Ollama before 0.5). */
static void read_usage(struct event_reader *r, struct json root)
{
	struct usage u;

	usage_init_absent(&u);
	u.input = count_of(root, "prompt_eval_count");
	u.output = count_of(root, "eval_count");
	if (u.input >= 0 || u.output >= 0)
		reader_note_usage(r, &u);
}

static bool read_calls(struct event_reader *r, struct json calls)
{
	if (!json_is_filled(calls))
		return false;
	r->saw_tool = true;
	for (struct json_walk w = json_walk(calls); json_walk_next(&w);)
		reader_count_output(r, json_get(json_get(w.value, "function"), "arguments"));
	return true;
}

/* A chat's message, or the line itself, which is one in api/generate. True when there is content in it. */
static bool read_message(struct event_reader *r, struct json message)
{
	bool content = reader_count_output(r, json_get(message, "content"));

	content |= reader_count_output(r, json_get(message, "response"));
	content |= reader_count_output(r, json_get(message, "thinking"));
	content |= json_is_filled(json_get(message, "images")) && json_is(json_get(message, "images"), JSON_ARRAY);
	return read_calls(r, json_get(message, "tool_calls")) || content;
}

static struct json message_of(struct json root)
{
	struct json message = json_get(root, "message");

	return json_is(message, JSON_OBJECT) ? message : root;
}

void ollama_read_event(struct event_reader *r, const struct frame *f, struct arena *scratch, struct reading *ret)
{
	struct json_doc doc;
	struct json root;

	reading_init(ret);
	if (!f->has_data || slice_trim(f->data).len == 0)
		return;
	r->events++;
	if (!event_parse(r, f->data, scratch, &doc, &root, ret))
		return;
	if (failure_in_band(root, NULL, scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	/* What is done is done. */
	if (r->terminated)
		return;
	r->started = true;
	reader_note_model(r, json_get(root, "model"), scratch);
	if (read_message(r, message_of(root))) {
		r->content = true;
		ret->flags |= READING_CONTENT | READING_PROGRESS;
	}
	if (json_is(json_get(root, "done"), JSON_TRUE)) {
		r->finished = r->terminated = true;
		ret->flags |= READING_FINISH | READING_TERMINATOR;
		read_usage(r, root);
	}
	if (r->sink)
		ollama_hear(r, root, false);
}

/* The finish is the terminator: what has the one has the other. */
enum stream_end ollama_read_end(const struct event_reader *r)
{
	return r->terminated ? STREAM_COMPLETE : STREAM_CUT;
}

void ollama_read_whole(struct event_reader *r, struct slice body, struct arena *scratch, struct reading *ret)
{
	bool embeddings = r->operation == OPERATION_EMBEDDINGS;
	struct json_doc doc;
	struct json root;

	reading_init(ret);
	if (!whole_parse(body, scratch, &doc, &root, ret))
		return;
	read_usage(r, root);
	reader_note_model(r, json_get(root, "model"), scratch);
	if (failure_in_band(root, NULL, scratch, &ret->failure)) {
		ret->flags |= READING_FAILURE;
		return;
	}
	/* One list, from before api/embed. */
	if (embeddings && !json_is(json_get(root, "embeddings"), JSON_ARRAY) && !json_is(json_get(root, "embedding"), JSON_ARRAY)) {
		reading_malformed(ret, FAILURE_MALFORMED, "the provider's answer has no \"embeddings\" in it");
		return;
	}
	if (!embeddings && !json_is(json_get(root, "message"), JSON_OBJECT) &&
	    !json_is(json_get(root, "response"), JSON_STRING)) {
		reading_malformed(ret, FAILURE_MALFORMED, "the provider's answer has no \"message\" in it");
		return;
	}
	if (!embeddings)
		read_message(r, message_of(root));
	whole_complete(r, ret);
	if (r->sink && !embeddings)
		ollama_hear(r, root, true);
}
