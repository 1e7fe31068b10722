/* SPDX-License-Identifier: Apache-2.0 */
/* The response object and its output items, as they stand in whole answers, at both ends of a stream and in its …done
 * events (DIALECTS §4.1 to §4.5, §4.7; Response of OpenAI's API description). */
#include "dialect/openai_responses/events_write_internal.h"

/* ---- pieces of text ---- */

/* What a provider of this dialect said goes back as it was. A URL has a place in the text, a file only a position. */
void responses_write_citation(struct json_writer *j, const struct citation *c, int64_t end)
{
	int64_t last = c->end >= 0 ? c->end : end;

	if (c->raw.len > 0 && c->raw_dialect == DIALECT_OPENAI_RESPONSES) {
		json_value_raw(j, c->raw);
		return;
	}
	json_begin_object(j);
	if (c->kind == CITATION_URL && c->url.len > 0) {
		json_member_cstr(j, "type", "url_citation");
		json_member_int(j, "start_index", c->start >= 0 ? c->start : 0);
		json_member_int(j, "end_index", last);
		json_member_string(j, "url", c->url);
		json_member_string(j, "title", c->title);
	} else {
		json_member_cstr(j, "type", "file_citation");
		json_member_string(j, "file_id", c->url);
		json_member_string(j, "filename", c->title);
		json_member_int(j, "index", last);
	}
	json_end_object(j);
}


static void write_list(struct json_writer *j, const struct responses_text *values, bool none)
{
	json_begin_array(j);
	if (!none && values->len > 0)
		json_value_raw(j, responses_text_slice(values));
	json_end_array(j);
}

void responses_write_piece(struct json_writer *j, const struct responses_piece *piece, bool begins)
{
	struct slice text = begins ? SLICE("") : responses_text_slice(&piece->text);

	json_begin_object(j);
	if (piece->refusal) {
		json_member_cstr(j, "type", "refusal");
		json_member_string(j, "refusal", text);
	} else {
		json_member_cstr(j, "type", "output_text");
		json_literal_key(j, "annotations");
		write_list(j, &piece->annotations, begins);
		json_literal_key(j, "logprobs");
		write_list(j, &piece->logprobs, begins);
		json_member_string(j, "text", text);
	}
	json_end_object(j);
}

/* ---- items ---- */

static const char *status_of(const struct responses_item *item, bool begins)
{
	return begins ? "in_progress" : item->incomplete ? "incomplete" : "completed";
}

static void write_message(struct json_writer *j, const struct responses_item *item, bool begins)
{
	json_member_cstr(j, "type", "message");
	json_member_cstr(j, "status", status_of(item, begins));
	json_member_cstr(j, "role", "assistant");
	json_literal_key(j, "content");
	json_begin_array(j);
	for (const struct responses_piece *p = begins ? NULL : item->pieces; p; p = p->next)
		responses_write_piece(j, p, false);
	json_end_array(j);
}

void responses_write_summary(struct json_writer *j, struct slice text)
{
	json_begin_object(j);
	json_member_cstr(j, "type", "summary_text");
	json_member_string(j, "text", text);
	json_end_object(j);
}

static void write_reasoning(struct json_writer *j, const struct responses_item *item, bool begins)
{
	json_member_cstr(j, "type", "reasoning");
	json_literal_key(j, "summary");
	json_begin_array(j);
	if (!begins && item->text.len > 0)
		responses_write_summary(j, responses_text_slice(&item->text));
	json_end_array(j);
	if (!begins && item->state.len > 0)
		json_member_string(j, "encrypted_content", item->state);
}

static void write_call(struct json_writer *j, const struct responses_item *item, bool begins)
{
	bool custom = item->kind == RESPONSES_CUSTOM_CALL;

	json_member_cstr(j, "type", custom ? "custom_tool_call" : "function_call");
	json_member_cstr(j, "status", status_of(item, begins));
	json_key(j, custom ? SLICE("input") : SLICE("arguments"));
	json_string(j, begins ? SLICE("") : responses_text_slice(&item->text));
	json_member_string(j, "call_id", item->call_id);
	json_member_string(j, "name", item->name);
	if (item->namespace.len > 0)
		json_member_string(j, "namespace", item->namespace);
}

static void write_image(struct json_writer *j, const struct responses_item *item, bool begins)
{
	json_member_cstr(j, "type", "image_generation_call");
	json_member_cstr(j, "status", begins ? "in_progress" : "completed");
	json_literal_key(j, "result");
	if (begins)
		json_null(j);
	else
		json_string(j, responses_text_slice(&item->text));
	if (!begins && item->format.len > 0)
		json_member_string(j, "output_format", item->format);
}

void responses_write_item(struct json_writer *j, const struct responses_item *item, bool begins)
{
	if (item->kind == RESPONSES_RAW) {
		json_value_raw(j, item->raw);
		return;
	}
	json_begin_object(j);
	json_member_string(j, "id", item->id);
	switch (item->kind) {
	case RESPONSES_MESSAGE:
		write_message(j, item, begins);
		break;
	case RESPONSES_REASONING:
		write_reasoning(j, item, begins);
		break;
	case RESPONSES_CALL: case RESPONSES_CUSTOM_CALL:
		write_call(j, item, begins);
		break;
	case RESPONSES_IMAGE:
		write_image(j, item, begins);
		break;
	case RESPONSES_RAW:
		break;
	}
	json_end_object(j);
}

/* ---- the end ---- */

/* DIALECTS §4.3. A stop sequence cannot have been asked for here, but may be the provider's own habit. What is to be
 * continued looks like an answer that was too long. */
static const struct {
	const char *status, *incomplete;
} ends[STOP_REASON_COUNT] = {
	[STOP_END]        = { "completed", NULL },
	[STOP_SEQUENCE]   = { "completed", NULL },
	[STOP_LENGTH]     = { "incomplete", "max_output_tokens" },
	[STOP_CONTEXT]    = { "incomplete", "max_output_tokens" },
	[STOP_TOOL_CALLS] = { "completed", NULL },
	[STOP_REFUSAL]    = { "incomplete", "content_filter" },
	[STOP_DECLINED]   = { "completed", NULL },
	[STOP_PAUSE]      = { "incomplete", "max_output_tokens" },
	[STOP_MALFORMED]  = { "failed", NULL },
	[STOP_UNKNOWN]    = { "completed", NULL },
};

const char *responses_last_event(enum stop_reason reason)
{
	return ends[reason].incomplete           ? "response.incomplete"
	       : reason == STOP_MALFORMED ? "response.failed"
						 : "response.completed";
}

static void write_error(struct json_writer *j, bool malformed)
{
	json_literal_key(j, "error");
	if (!malformed) {
		json_null(j);
		return;
	}
	json_begin_object(j);
	json_member_cstr(j, "code", "server_error");
	json_member_cstr(j, "message", "The model wrote a tool call that is none.");
	json_end_object(j);
}

static void write_incomplete(struct json_writer *j, const char *why)
{
	json_literal_key(j, "incomplete_details");
	if (!why) {
		json_null(j);
		return;
	}
	json_begin_object(j);
	json_member_cstr(j, "reason", why);
	json_end_object(j);
}

static int64_t counted(int64_t n)
{
	return n > 0 ? n : 0;
}

/* DIALECTS §3.11, §4.4: input with what was cached and written in it, output with the reasoning in it. */
static void write_usage(struct json_writer *j, const struct usage *u)
{
	int64_t longer = counted(u->input_written_1h), written = counted(u->input_written_5m) + longer;

	json_begin_object(j);
	json_member_int(j, "input_tokens", counted(u->input));
	json_literal_key(j, "input_tokens_details");
	json_begin_object(j);
	json_member_int(j, "cached_tokens", counted(u->input_cached));
	json_member_int(j, "cache_write_tokens", written);
	if (longer > 0) {
		json_literal_key(j, "cache_write_tokens_details");
		json_begin_object(j);
		json_member_int(j, "ttl_30m_tokens", written - longer);
		json_member_int(j, "ttl_12h_tokens", longer);
		json_end_object(j);
	}
	json_end_object(j);
	json_member_int(j, "output_tokens", counted(u->output));
	json_literal_key(j, "output_tokens_details");
	json_begin_object(j);
	json_member_int(j, "reasoning_tokens", counted(u->output_reasoning));
	json_end_object(j);
	json_member_int(j, "total_tokens", counted(u->input) + counted(u->output));
	json_end_object(j);
}

static void write_usage_members(struct json_writer *j, const struct usage *u, bool done)
{
	json_literal_key(j, "usage");
	if (!done || !u || (!u->reported && !u->estimated)) {
		json_null(j);
		return;
	}
	write_usage(j, u);
	if (u->web_searches <= 0)
		return;
	json_literal_key(j, "tool_usage");
	json_begin_object(j);
	json_literal_key(j, "web_search");
	json_begin_object(j);
	json_member_int(j, "num_requests", u->web_searches);
	json_end_object(j);
	json_end_object(j);
}

void responses_write_response(struct json_writer *j, const struct event_writer *w, bool done)
{
	const struct responses_writing *s = w->state;
	const char *status = done ? ends[s->reason].status : "in_progress";

	json_begin_object(j);
	json_member_cstr(j, "id", w->answer_id);
	json_member_cstr(j, "object", "response");
	json_member_int(j, "created_at", s->created_s);
	json_member_cstr(j, "status", status);
	responses_write_echo(j, s, ECHO_BACKGROUND, ECHO_BACKGROUND);
	json_literal_key(j, "completed_at");
	if (done && strcmp(status, "completed") == 0)
		json_int(j, w->now_s > s->created_s ? w->now_s : s->created_s);
	else
		json_null(j);
	write_error(j, done && s->reason == STOP_MALFORMED);
	write_incomplete(j, done ? ends[s->reason].incomplete : NULL);
	responses_write_echo(j, s, ECHO_CONVERSATION, ECHO_MAX_TOOL_CALLS);
	json_member_string(j, "model", s->model);
	json_literal_key(j, "output");
	json_begin_array(j);
	for (const struct responses_item *item = done ? s->items : NULL; item; item = item->next)
		responses_write_item(j, item, false);
	json_end_array(j);
	responses_write_echo(j, s, ECHO_PARALLEL, ECHO_TRUNCATION);
	write_usage_members(j, w->usage, done);
	responses_write_echo(j, s, ECHO_USER, ECHO_METADATA);
	json_end_object(j);
}
